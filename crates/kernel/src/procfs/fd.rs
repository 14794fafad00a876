//! /proc/PID/fd and fdinfo.
use super::Place;
use crate::vfs::{Fd, FileKind, Path};
use crate::{Kernel, Result, Tid};
use abi::{Errno, OpenFlags};

/// A descriptor of a task; a dead one has none.
pub(super) fn get(kernel: &Kernel, tid: Tid, number: i32) -> Option<Fd> {
    let task = kernel.tasks.get(tid).filter(|task| !task.is_dead())?;
    kernel.vfs.fd_table(task.files).get(number)
}

/// A task's descriptors, lowest first.
pub(super) fn numbers(kernel: &Kernel, tid: Tid) -> impl Iterator<Item = i32> + '_ {
    let task = kernel.tasks.get(tid).filter(|task| !task.is_dead());
    task.into_iter().flat_map(|task| kernel.vfs.fd_table(task.files).iter().map(|(number, _)| number))
}

pub(super) fn path(kernel: &Kernel, tid: Tid, number: i32) -> Option<Path> {
    Some(kernel.vfs.file(get(kernel, tid, number)?.file).path)
}

/// What a descriptor may be used for, as the link's permission bits.
pub(super) fn link_mode(kernel: &Kernel, tid: Tid, number: i32) -> u32 {
    let flags = get(kernel, tid, number).map_or(OpenFlags::empty(), |fd| kernel.vfs.file(fd.file).flags);
    let (read, write) = (u32::from(flags.readable()) * 0o400, u32::from(flags.writable()) * 0o200);
    read | write | 0o100
}

/// `seq_show` of fs/proc/fd.c.
pub(super) fn info(kernel: &mut Kernel, place: Place, number: i32) -> Result<Vec<u8>> {
    let fd = get(kernel, place.tid, number).ok_or(Errno::ENOENT)?;
    let file = kernel.vfs.file(fd.file);
    let bits = kernel.proc_task(place.tid)?.arch().abi.open_flags();
    let flags = file.flags | if fd.cloexec { OpenFlags::O_CLOEXEC } else { OpenFlags::empty() };
    let (_, ino) = kernel.vfs.inode(file.path);
    let mount = kernel.vfs.mount_number(file.path.mount);
    let mut text =
        format!("pos:\t{}\nflags:\t0{:o}\nmnt_id:\t{mount}\nino:\t{}\n", file.offset, bits.encode(flags), ino.0);
    if let Ok(key) = kernel.pidfd(fd.file) {
        // `pidfd_show_fdinfo`: -1 once it has been reaped.
        let process = kernel.pidfd_process(key);
        let pid = process.map_or(-1, |tgid| i64::from(kernel.namespaces.pid_nr(tgid, place.ns)));
        let chain = process.map_or(Vec::new(), |tgid| kernel.namespaces.pid_chain(kernel.pid_ns_of(tgid)));
        let inner = chain.iter().rev().skip_while(|&&ns| ns != place.ns).skip(1);
        let inner = inner.filter_map(|&ns| Some(format!("\t{}", kernel.namespaces.pid_nr(process?, ns))));
        text += &format!("Pid:\t{pid}\nNSpid:\t{pid}{}\n", inner.collect::<String>());
    }
    if let FileKind::Inotify(id) = file.kind {
        text += &kernel.inotify_fdinfo(id);
    }
    Ok(text.into_bytes())
}
