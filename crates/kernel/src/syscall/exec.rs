//! execve(2) and execveat(2).
use super::table::{Row, full};
use super::{Call, Outcome, Progress};
use crate::exec::{Image, MAX_ARG_STRLEN};
use crate::random::Random;
use crate::{Cred, Kernel, Result, Tid};
use abi::{AT_FDCWD, CAP_SYS_PTRACE, Errno, PTRACE_EVENT_EXEC, RLIMIT_STACK, Sysno};
use arch::Cpu;

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::Execve, execve),
    full(Sysno::Execveat, execveat),
];

fn execve(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [path, argv, envp, ..] = call.args;
    if call.progress != Progress::None {
        return Outcome::NoReturn;
    }
    exec(kernel, tid, AT_FDCWD, path, argv, envp, 0)
}

fn execveat(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [dirfd, path, argv, envp, flags, _] = call.args;
    if call.progress != Progress::None {
        return Outcome::NoReturn;
    }
    exec(kernel, tid, dirfd as i32, path, argv, envp, flags as u32)
}

/// The handler is called again once the other threads are gone, and has the program ready then: what it was read from
/// may be gone with them. It is called once more, with nothing left to do, if a tracer was told of the new program.
fn exec(kernel: &mut Kernel, tid: Tid, dirfd: i32, path: u64, argv: u64, envp: u64, flags: u32) -> Outcome {
    let image = match kernel.tasks[tid].bprm.take() {
        Some(image) => *image,
        None => match load(kernel, tid, dirfd, path, argv, envp, flags) {
            Ok(image) => image,
            Err(errno) => return errno.into(),
        },
    };
    let tracer = kernel.tasks[tid].ptrace.as_ref().map(|ptrace| ptrace.tracer);
    let number = tracer.map_or(0, |tracer| kernel.pid_vnr(tracer, tid));
    match kernel.de_thread(tid) {
        // The task may have another number now, that of its group.
        Ok(new) => {
            kernel.begin_new_exec(new, image);
            if kernel.ptrace_event(new, PTRACE_EVENT_EXEC, number.into()) {
                return Outcome::Stopped(new, Progress::State(0, None));
            }
            Outcome::NoReturn
        }
        Err(sleep) => {
            kernel.tasks[tid].bprm = Some(Box::new(image));
            Outcome::Sleep(sleep)
        }
    }
}

fn load(kernel: &mut Kernel, tid: Tid, dirfd: i32, path: u64, argv: u64, envp: u64, flags: u32) -> Result<Image> {
    let path = kernel.user(tid).read_cstr(path, abi::PATH_MAX)?;
    let limit = kernel.tasks.group(kernel.tasks[tid].tgid).ok_or(Errno::ESRCH)?.rlimits[RLIMIT_STACK].cur;
    let mut room = (limit / 4).clamp(128 << 10, 6 << 20) as usize;
    let mut argv = strings(kernel, tid, argv, &mut room)?;
    let envp = strings(kernel, tid, envp, &mut room)?;
    if argv.is_empty() {
        // Since 5.18 a program always has an argv[0].
        argv.push(Vec::new());
    }
    let file = kernel.open_exec(tid, dirfd, &path, flags)?;
    kernel.load_program(tid, file, path, argv, &envp)
}

/// A NULL-terminated array of strings; `room` is what all of them and their pointers may still take.
fn strings(kernel: &mut Kernel, tid: Tid, array: u64, room: &mut usize) -> Result<Vec<Vec<u8>>> {
    let mut list = Vec::new();
    if array == 0 {
        return Ok(list);
    }
    let word = if kernel.tasks[tid].arch().elf.is_64 { 8 } else { 4 };
    loop {
        let at = array.wrapping_add(list.len() as u64 * word);
        let mut user = kernel.user(tid);
        let pointer = if word == 8 { user.read_u64(at)? } else { user.read_u32(at)?.into() };
        if pointer == 0 {
            return Ok(list);
        }
        let text = user.read_cstr(pointer, MAX_ARG_STRLEN - 1).map_err(|errno| match errno {
            Errno::ENAMETOOLONG => Errno::E2BIG,
            errno => errno,
        })?;
        *room = room.checked_sub(text.len() + 1 + word as usize).ok_or(Errno::E2BIG)?;
        list.push(text);
    }
}

impl Kernel {
    /// The point of no return (fs/exec.c, begin_new_exec and what follows): the task becomes the new program.
    pub(crate) fn begin_new_exec(&mut self, tid: Tid, image: Image) {
        self.mm_release(tid);
        self.keep_max_rss(tid);
        let new = self.mms.insert(image.mm);
        if let Some(old) = self.tasks[tid].mm.replace(new) {
            self.drop_mm(old);
        }
        self.close_on_exec(tid);
        self.flush_signal_handlers(tid);
        let tracer = self.tasks[tid].ptrace.as_ref().and_then(|ptrace| self.tasks.get(ptrace.tracer));
        let watched = tracer.is_some_and(|tracer| !tracer.cred.capable(CAP_SYS_PTRACE));
        self.drop_posix_timers(self.tasks[tid].tgid);
        let task = &mut self.tasks[tid];
        task.thread_info = task.thread_info.move_to(image.arch);
        task.cpu = Cpu::new(image.arch);
        task.cpu.set_level(self.config.cpu);
        image.arch.abi.start_thread(&mut task.cpu, image.entry, image.sp);
        let stream = format!("cpu of {} in {}", tid.0, new.0);
        image.arch.abi.seed_random(&mut task.cpu, Random::stream(self.config.seed, &stream).next_u64());
        task.comm = image.comm;
        task.robust_list = 0;
        task.restart_block = None;
        task.exit_signal = abi::SIGCHLD;
        // A tracer that may not trace the new owner keeps the task from becoming it (LSM_UNSAFE_PTRACE).
        let (setuid, setgid) = if watched { (None, None) } else { (image.setuid, image.setgid) };
        become_owner(&mut task.cred, setuid, setgid);
        let dumpable = task.cred.uid == task.cred.euid && task.cred.gid == task.cred.egid;
        let tgid = task.tgid;
        if let Some(group) = self.tasks.group_mut(tgid) {
            group.did_exec = true;
            group.dumpable = dumpable;
        }
    }
}

/// Set-user-id and set-group-id, and what root's programs are given (security/commoncap.c).
fn become_owner(cred: &mut Cred, setuid: Option<u32>, setgid: Option<u32>) {
    // Whom the namespace has no name for, nobody in it becomes.
    if let Some(uid) = setuid.filter(|&uid| cred.users.up(uid).is_some()) {
        (cred.euid, cred.fsuid) = (uid, uid);
    }
    if let Some(gid) = setgid.filter(|&gid| cred.groups_map.up(gid).is_some()) {
        (cred.egid, cred.fsgid) = (gid, gid);
    }
    (cred.suid, cred.sgid) = (cred.euid, cred.egid);
    if cred.is_root(cred.uid) || cred.is_root(cred.euid) {
        cred.cap_permitted = cred.cap_bounding | cred.cap_inheritable;
        cred.cap_effective = if cred.is_root(cred.euid) { cred.cap_permitted } else { 0 };
    } else {
        cred.cap_permitted = cred.cap_ambient;
        cred.cap_effective = cred.cap_ambient;
    }
}
