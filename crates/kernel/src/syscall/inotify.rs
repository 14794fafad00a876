//! inotify_init(2) and its two calls.
use super::Call;
use super::fs_dir::path_arg;
use super::table::{Row, full};
use crate::vfs::{FileKind, MAY_READ, Walk, permission};
use crate::{Kernel, Result, Tid};
use abi::{AT_FDCWD, Errno, Inotify, OpenFlags, Sysno};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::InotifyInit, |k, t, _| init(k, t, 0).into()),
    full(Sysno::InotifyInit1, |k, t, c| init(k, t, c.args[0] as u32).into()),
    full(Sysno::InotifyAddWatch, |k, t, c| add_watch(k, t, c).into()),
    full(Sysno::InotifyRmWatch, |k, t, c| rm_watch(k, t, c).into()),
];

fn init(kernel: &mut Kernel, tid: Tid, flags: u32) -> Result<u64> {
    let flags = kernel.tasks[tid].arch().abi.open_flags().decode(flags);
    if !(OpenFlags::O_CLOEXEC | OpenFlags::O_NONBLOCK).contains(flags) {
        return Err(Errno::EINVAL);
    }
    let file = kernel.new_inotify(tid, flags & OpenFlags::O_NONBLOCK)?;
    Ok(kernel.install_fd(tid, file, 0, flags.contains(OpenFlags::O_CLOEXEC))? as u64)
}

/// The instance of a descriptor: EBADF, EINVAL.
fn instance(kernel: &Kernel, tid: Tid, fd: u64) -> Result<u64> {
    match kernel.vfs.file(kernel.fd_file(tid, fd as i32)?).kind {
        FileKind::Inotify(id) => Ok(id),
        _ => Err(Errno::EINVAL),
    }
}

fn add_watch(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<u64> {
    let [fd, path, mask, ..] = call.args;
    let mask = Inotify::from_bits(mask as u32).filter(|mask| !mask.is_empty()).ok_or(Errno::EINVAL)?;
    kernel.fd_file(tid, fd as i32)?;
    if mask.contains(Inotify::IN_MASK_ADD | Inotify::IN_MASK_CREATE) {
        return Err(Errno::EINVAL);
    }
    let id = instance(kernel, tid, fd)?;
    let (who, start, path) = path_arg(kernel, tid, AT_FDCWD, path)?;
    let mut how = Walk::empty();
    how.set(Walk::FOLLOW, !mask.contains(Inotify::IN_DONT_FOLLOW));
    how.set(Walk::DIRECTORY, mask.contains(Inotify::IN_ONLYDIR));
    let place = kernel.path_at(&who, start, &path, how)?;
    let attr = kernel.path_attr(place)?;
    permission(&who.cred, &attr, MAY_READ)?;
    let inode = kernel.vfs.inode(place);
    Ok(kernel.inotify_watch(id, inode, mask)? as u64)
}

fn rm_watch(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let id = instance(kernel, tid, call.args[0])?;
    kernel.inotify_unwatch(id, call.args[1] as i32)
}
