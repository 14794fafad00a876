//! pidfd_open and pidfd_send_signal; clone and waitid take pidfds too.
use super::signal::{by_user, kill_many, send, signo};
use super::{Call, Outcome, Row, full, partial};
use crate::signal::Target;
use crate::{Kernel, Result, Tid, TraceKind};
use abi::{
    Errno, OpenFlags, PIDFD_NONBLOCK, PIDFD_SIGNAL_PROCESS_GROUP, PIDFD_SIGNAL_THREAD, PIDFD_SIGNAL_THREAD_GROUP,
    PIDFD_THREAD, SI_TKILL, SI_USER, Siginfo, Sysno,
};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    partial(Sysno::PidfdOpen, |k, t, c| open(k, t, c).into(), "no PIDFD_THREAD"),
    partial(Sysno::PidfdSendSignal, send_signal, "no directory of /proc, no PIDFD_SELF"),
    full(Sysno::PidfdGetfd, |k, t, c| getfd(k, t, c).into()),
];

fn open(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<u64> {
    let (pid, flags) = (call.args[0] as i32, call.args[1] as u32);
    if flags & !(PIDFD_NONBLOCK | PIDFD_THREAD) != 0 || pid <= 0 {
        return Err(Errno::EINVAL);
    }
    if flags & PIDFD_THREAD != 0 {
        kernel.trace.line(TraceKind::Missing, || format!("[{}] pidfd_open: PIDFD_THREAD", tid.0));
        return Err(Errno::EINVAL);
    }
    let task = kernel.tasks.get(Tid(pid as u32)).ok_or(Errno::ESRCH)?;
    if !task.is_leader() {
        return Err(Errno::ENOENT);
    }
    let nonblock = if flags & PIDFD_NONBLOCK != 0 { OpenFlags::O_NONBLOCK } else { OpenFlags::empty() };
    let (file, _) = kernel.new_pidfd(tid, Tid(pid as u32), nonblock)?;
    kernel.install_fd(tid, file, 0, true).map(|fd| fd as u64)
}

fn send_signal(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [fd, signal, info, flags, ..] = call.args;
    do_send_signal(kernel, tid, fd as i32, signal, info, flags as u32).into()
}

fn do_send_signal(kernel: &mut Kernel, tid: Tid, fd: i32, signal: u64, addr: u64, flags: u32) -> Result<()> {
    const SCOPES: u32 = PIDFD_SIGNAL_THREAD | PIDFD_SIGNAL_THREAD_GROUP | PIDFD_SIGNAL_PROCESS_GROUP;
    if flags & !SCOPES != 0 || flags.count_ones() > 1 {
        return Err(Errno::EINVAL);
    }
    let key = kernel.pidfd(kernel.fd_file(tid, fd)?)?;
    let process = kernel.pidfd_process(key);
    let info = match addr {
        0 => {
            let code = if flags == PIDFD_SIGNAL_THREAD { SI_TKILL } else { SI_USER };
            by_user(kernel, tid, signo(signal)?, code)
        }
        addr => {
            let mut raw = [0; 128];
            kernel.user(tid).read(addr, &mut raw)?;
            if raw[..4] != (signal as u32).to_le_bytes() {
                return Err(Errno::EINVAL);
            }
            let info = Siginfo::decode_64(signo(signal)?, &raw);
            // Only to itself may a process say that it was the kernel, or kill(2).
            let to_self = process == Some(tid) && flags != PIDFD_SIGNAL_PROCESS_GROUP;
            if (info.code >= 0 || info.code == SI_TKILL) && !to_self {
                return Err(Errno::EPERM);
            }
            info
        }
    };
    let tgid = process.ok_or(Errno::ESRCH)?;
    match flags {
        PIDFD_SIGNAL_THREAD => send(kernel, tid, Target::Thread(tgid), info),
        PIDFD_SIGNAL_PROCESS_GROUP => {
            let members = kernel.tasks.pgrp(tgid).collect();
            kill_many(kernel, tid, members, info, false)
        }
        _ => send(kernel, tid, Target::Group(tgid), info),
    }
}

/// Takes a copy of a descriptor of the process.
fn getfd(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<u64> {
    let [fd, wanted, flags, ..] = call.args;
    if flags as u32 != 0 {
        return Err(Errno::EINVAL);
    }
    let key = kernel.pidfd(kernel.fd_file(tid, fd as i32)?)?;
    let target = kernel.pidfd_process(key).ok_or(Errno::ESRCH)?;
    if !kernel.may_inspect(tid, target) {
        return Err(Errno::EPERM);
    }
    if kernel.tasks[target].is_dead() {
        return Err(Errno::ESRCH);
    }
    let file = kernel.fd(target, wanted as i32)?.file;
    kernel.vfs.hold_file(file);
    kernel.install_fd(tid, file, 0, true).map(|fd| fd as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mm::Vma;
    use crate::test_arch::{call, fork, machine, result, to_user};
    use crate::{Config, INIT};
    use abi::{
        CLONE_ARGS_SIZE_VER1, CloneFlags, P_PIDFD, PollEvents, Prot, SIGCHLD, SIGKILL, SIGUSR1, SigAction, WEXITED,
        WNOWAIT,
    };

    const BUF: u64 = 0x1_0000;
    const PIDFD: u64 = CloneFlags::CLONE_PIDFD.bits();

    fn kernel() -> Kernel {
        let mut kernel = machine(Config::default());
        let memory = Vma::anon(BUF, BUF + 0x1000, Prot::PROT_READ | Prot::PROT_WRITE, "");
        kernel.map_area(INIT, memory, true).expect("an empty address space");
        kernel
    }

    fn error(errno: Errno) -> Option<i64> {
        Some(-i64::from(errno.0))
    }

    fn child(kernel: &mut Kernel) -> (Tid, u64) {
        let child = fork(kernel, INIT);
        let fd = call(kernel, INIT, Sysno::PidfdOpen, &[child.0.into(), 0]).expect("does not sleep");
        (child, u64::try_from(fd).expect("a descriptor"))
    }

    fn poll(kernel: &mut Kernel, fd: u64) -> PollEvents {
        let file = kernel.fd_file(INIT, fd as i32).expect("open");
        kernel.file_poll(INIT, file).0
    }

    #[test]
    fn readable_when_dead_and_hung_up_when_reaped() {
        let mut kernel = kernel();
        let (child, fd) = child(&mut kernel);
        assert_eq!(poll(&mut kernel, fd), PollEvents::empty());
        // struct pollfd: descriptor, events, what happened.
        kernel.user(INIT).write_u64(BUF, fd | 1 << 32).expect("mapped");
        assert_eq!(call(&mut kernel, INIT, Sysno::Poll, &[BUF, 1, u64::MAX]), None);
        call(&mut kernel, child, Sysno::ExitGroup, &[5]);
        assert!(to_user(&mut kernel, INIT));
        assert_eq!(result(&kernel, INIT), Some(1));
        assert_eq!(poll(&mut kernel, fd), PollEvents::POLLIN | PollEvents::POLLRDNORM);
        assert_eq!(call(&mut kernel, INIT, Sysno::PidfdSendSignal, &[fd, 0, 0, 0]), Some(0), "a zombie is there");
        let wait = [P_PIDFD.into(), fd, BUF, WEXITED.into(), 0];
        assert_eq!(call(&mut kernel, INIT, Sysno::Waitid, &wait), Some(0));
        assert_eq!(kernel.user(INIT).read_u32(BUF + 24), Ok(5));
        assert!(poll(&mut kernel, fd).contains(PollEvents::POLLIN | PollEvents::POLLHUP));
        assert_eq!(call(&mut kernel, INIT, Sysno::Waitid, &wait), error(Errno::ECHILD));
        assert_eq!(call(&mut kernel, INIT, Sysno::PidfdSendSignal, &[fd, 0, 0, 0]), error(Errno::ESRCH));
        assert_eq!(call(&mut kernel, INIT, Sysno::PidfdOpen, &[child.0.into(), 0]), error(Errno::ESRCH));
    }

    /// A pidfd names the process, not the number.
    #[test]
    fn a_number_used_again_is_another_process() {
        let mut kernel = kernel();
        let (first, fd) = child(&mut kernel);
        call(&mut kernel, first, Sysno::ExitGroup, &[0]);
        call(&mut kernel, INIT, Sysno::Wait4, &[first.0.into(), 0, 0, 0]);
        // clone3 with set_tid.
        let mut args = [0; CLONE_ARGS_SIZE_VER1];
        for (at, value) in [(32, SIGCHLD.into()), (64, BUF + 128), (72, 1)] {
            args[at..at + 8].copy_from_slice(&u64::to_le_bytes(value));
        }
        kernel.user(INIT).write(BUF, &args).expect("mapped");
        kernel.user(INIT).write_u32(BUF + 128, first.0).expect("mapped");
        let clone3 = [BUF, CLONE_ARGS_SIZE_VER1 as u64];
        assert_eq!(call(&mut kernel, INIT, Sysno::Clone3, &clone3), Some(first.0.into()));
        assert_eq!(call(&mut kernel, INIT, Sysno::Clone3, &clone3), error(Errno::EEXIST));
        assert_eq!(call(&mut kernel, INIT, Sysno::PidfdSendSignal, &[fd, SIGKILL.into(), 0, 0]), error(Errno::ESRCH));
        let again = call(&mut kernel, INIT, Sysno::PidfdOpen, &[first.0.into(), 0]).expect("does not sleep") as u64;
        assert_eq!(call(&mut kernel, INIT, Sysno::Close, &[fd]), Some(0));
        assert_eq!(call(&mut kernel, INIT, Sysno::PidfdSendSignal, &[again, SIGKILL.into(), 0, 0]), Some(0));
        assert!(!to_user(&mut kernel, first));
        for (tid, errno) in [(0, Errno::EINVAL), (kernel.config.pid_max, Errno::EINVAL)] {
            kernel.user(INIT).write_u32(BUF + 128, tid).expect("mapped");
            assert_eq!(call(&mut kernel, INIT, Sysno::Clone3, &clone3), error(errno));
        }
    }

    #[test]
    fn clone_makes_one_for_the_parent_only() {
        let mut kernel = kernel();
        let flags = PIDFD | u64::from(SIGCHLD);
        let child = Tid(call(&mut kernel, INIT, Sysno::Clone, &[flags, 0, BUF]).expect("does not sleep") as u32);
        let fd = kernel.user(INIT).read_u32(BUF).expect("mapped") as i32;
        assert!(kernel.fd(INIT, fd).is_ok_and(|fd| fd.cloexec) && kernel.fd(child, fd).is_err());
        let key = kernel.pidfd(kernel.fd_file(INIT, fd).expect("open")).expect("a pidfd");
        assert_eq!(kernel.pidfd_process(key), Some(child));
        // A bad pointer, or no descriptor left: no child.
        let tasks = kernel.tasks.len();
        assert_eq!(call(&mut kernel, INIT, Sysno::Clone, &[flags, 0, 8]), error(Errno::EFAULT));
        kernel.tasks.group_of_mut(INIT).rlimits[abi::RLIMIT_NOFILE].cur = 0;
        assert_eq!(call(&mut kernel, INIT, Sysno::Clone, &[flags, 0, BUF]), error(Errno::EMFILE));
        let both = flags | CloneFlags::CLONE_PARENT_SETTID.bits();
        assert_eq!(call(&mut kernel, INIT, Sysno::Clone, &[both, 0, BUF]), error(Errno::EINVAL));
        assert_eq!(kernel.tasks.len(), tasks);
    }

    #[test]
    fn arguments() {
        let mut kernel = kernel();
        let (child, fd) = child(&mut kernel);
        let open = |kernel: &mut Kernel, pid: u64, flags: u32| {
            call(kernel, INIT, Sysno::PidfdOpen, &[pid, flags.into()]).expect("does not sleep")
        };
        assert_eq!(Some(open(&mut kernel, 0, 0)), error(Errno::EINVAL));
        assert_eq!(Some(open(&mut kernel, child.0.into(), 1)), error(Errno::EINVAL));
        assert_eq!(Some(open(&mut kernel, 999, 0)), error(Errno::ESRCH));
        let waits = open(&mut kernel, child.0.into(), PIDFD_NONBLOCK) as u64;
        let wait = |fd: u64, options: u32| [P_PIDFD.into(), fd, 0, options.into(), 0];
        assert_eq!(call(&mut kernel, INIT, Sysno::Waitid, &wait(waits, WEXITED)), error(Errno::EAGAIN));
        assert_eq!(call(&mut kernel, INIT, Sysno::Waitid, &wait(99, WEXITED)), error(Errno::EBADF));
        assert_eq!(call(&mut kernel, INIT, Sysno::Read, &[fd, BUF, 8]), error(Errno::EINVAL));
        assert_eq!(call(&mut kernel, INIT, Sysno::PidfdSendSignal, &[fd, 65, 0, 0]), error(Errno::EINVAL));
        assert_eq!(call(&mut kernel, INIT, Sysno::PidfdSendSignal, &[fd, 0, 0, 3]), error(Errno::EINVAL));
        // A siginfo of another signal, or one that only the kernel may send.
        kernel.user(INIT).write(BUF, &Siginfo::kernel(SIGUSR1).encode_64()).expect("mapped");
        assert_eq!(
            call(&mut kernel, INIT, Sysno::PidfdSendSignal, &[fd, SIGKILL.into(), BUF, 0]),
            error(Errno::EINVAL)
        );
        assert_eq!(call(&mut kernel, INIT, Sysno::PidfdSendSignal, &[fd, SIGUSR1.into(), BUF, 0]), error(Errno::EPERM));
        for scope in [0, PIDFD_SIGNAL_THREAD, PIDFD_SIGNAL_THREAD_GROUP] {
            kernel.tasks.actions_mut(child).0[usize::from(SIGUSR1)] =
                SigAction { handler: 0x1000, ..SigAction::default() };
            let args = [fd, SIGUSR1.into(), 0, scope.into()];
            assert_eq!(call(&mut kernel, INIT, Sysno::PidfdSendSignal, &args), Some(0));
            assert!(to_user(&mut kernel, child));
            assert_eq!(crate::test_arch::delivered(&kernel, child), SIGUSR1);
        }
        call(&mut kernel, child, Sysno::ExitGroup, &[0]);
        let look = wait(waits, WEXITED | WNOWAIT);
        assert_eq!(call(&mut kernel, INIT, Sysno::Waitid, &look), Some(0));
        assert_eq!(call(&mut kernel, INIT, Sysno::Waitid, &look), Some(0));
        assert_eq!(call(&mut kernel, INIT, Sysno::PidfdGetfd, &[fd, 0, 0]), error(Errno::ESRCH), "it has closed all");
    }
}
