//! fork, vfork, clone and clone3 (kernel/fork.c).
use super::{Accounts, INIT, SighandId, Task, TaskState, ThreadGroup, Tid, WaitKey};
use crate::namespaces::{MAX_PID_NS_LEVEL, NAMESPACES};
use crate::random::Random;
use crate::signal::{Pending, SignalState};
use crate::syscall::{Call, OnSignal, Outcome, Progress, Row, Sleep, SleepKind, full, partial};
use crate::{Dir, Kernel, NsId, NsProxy, Result, TraceKind};
use abi::{
    CAP_SYS_ADMIN, CAP_SYS_RESOURCE, CLONE_ARGS_SIZE_VER0, CLONE_ARGS_SIZE_VER2, CSIGNAL, CloneArgs, CloneFlags, Errno,
    OpenFlags, PTRACE_EVENT_CLONE, PTRACE_EVENT_FORK, PTRACE_EVENT_VFORK, PTRACE_EVENT_VFORK_DONE, RLIMIT_NPROC,
    Restart, SIGCHLD, SigAltStack, Sysno,
};
use arch::Tif;
use std::collections::BTreeSet;

const MISSING: &str = "no network or time namespaces; no pidfd of a thread";

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::Fork, fork),
    full(Sysno::Vfork, vfork),
    partial(Sysno::Clone, clone, MISSING),
    partial(Sysno::Clone3, clone3, MISSING),
];

fn fork(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    do_fork(kernel, tid, call, &CloneArgs { exit_signal: SIGCHLD.into(), ..CloneArgs::default() })
}

fn vfork(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let flags = CloneFlags::CLONE_VFORK | CloneFlags::CLONE_VM;
    do_fork(kernel, tid, call, &CloneArgs { flags, exit_signal: SIGCHLD.into(), ..CloneArgs::default() })
}

fn clone(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [flags, stack, parent_tid, tls, child_tid, _] = call.args;
    let args = CloneArgs {
        // Bits 32 and up are clone3's alone.
        flags: CloneFlags::from_bits_truncate(flags & 0xffff_ffff & !CSIGNAL),
        exit_signal: flags & CSIGNAL,
        stack,
        parent_tid,
        pidfd: parent_tid,
        tls,
        child_tid,
        ..CloneArgs::default()
    };
    do_fork(kernel, tid, call, &args)
}

fn clone3(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    match clone3_args(kernel, tid, call.args[0], call.args[1]) {
        Ok(args) => do_fork(kernel, tid, call, &args),
        Err(errno) => errno.into(),
    }
}

/// `copy_clone_args_from_user`: what the structure has beyond what we know must be zero.
fn clone3_args(kernel: &mut Kernel, tid: Tid, addr: u64, size: u64) -> Result<CloneArgs> {
    if size > mmu::PAGE_SIZE {
        return Err(Errno::E2BIG);
    }
    let size = size as usize;
    if size < CLONE_ARGS_SIZE_VER0 {
        return Err(Errno::EINVAL);
    }
    let mut data = vec![0; size.max(CLONE_ARGS_SIZE_VER2)];
    kernel.user(tid).read(addr, &mut data[..size])?;
    let (known, rest) = data.split_first_chunk::<CLONE_ARGS_SIZE_VER2>().expect("made long enough");
    if rest.iter().any(|&byte| byte != 0) {
        return Err(Errno::E2BIG);
    }
    let args = CloneArgs::decode(known).ok_or(Errno::EINVAL)?;
    if args.exit_signal > abi::NSIG.into() || (args.stack == 0) != (args.stack_size == 0) {
        return Err(Errno::EINVAL);
    }
    let silent = CloneFlags::CLONE_THREAD | CloneFlags::CLONE_PARENT;
    if args.flags.intersects(silent) && args.exit_signal != 0 || args.flags.contains(CloneFlags::CLONE_DETACHED) {
        return Err(Errno::EINVAL);
    }
    if (args.set_tid == 0) != (args.set_tid_size == 0) || args.set_tid_size > MAX_PID_NS_LEVEL.into() {
        return Err(Errno::EINVAL);
    }
    let into_cgroup = args.flags.contains(CloneFlags::CLONE_INTO_CGROUP);
    if into_cgroup && (args.cgroup > i32::MAX as u64 || size < CLONE_ARGS_SIZE_VER2) {
        return Err(Errno::EINVAL);
    }
    // clone3 is told the lowest address, the CPU wants the top.
    Ok(CloneArgs { stack: args.stack.wrapping_add(args.stack_size), ..args })
}

/// `kernel_clone`. Called again when a vfork child has let go of its parent.
fn do_fork(kernel: &mut Kernel, tid: Tid, call: &mut Call, args: &CloneArgs) -> Outcome {
    if let Progress::State(state, Some(number)) = call.progress {
        let born = Born { child: Tid(state as u32), number };
        return match (state & !u64::from(u32::MAX), call.woken) {
            (VFORK_DONE_TOLD, _) => Outcome::Done(Ok(number)),
            // Its parent is told by the child itself, which may have been while its tracer held it.
            (_, Some(WaitKey::Vfork(_))) => {
                kernel.cgroup_leave_frozen(tid, false);
                vfork_done(kernel, tid, born)
            }
            _ => after_fork(kernel, tid, born, args.flags),
        };
    }
    if let Err(errno) = check_flags(kernel, tid, args) {
        return errno.into();
    }
    // A task with a signal (or a freeze request) pending does not fork now (E08-04, F08-43).
    if kernel.tasks[tid].thread_info.test(Tif::SigPending) {
        return Outcome::Interrupted(Restart::NoIntr);
    }
    let into = match into_cgroup(kernel, tid, args) {
        Ok(into) => into,
        Err(errno) => return errno.into(),
    };
    let event = fork_event(args)
        .filter(|&event| kernel.tasks[tid].ptrace.as_ref().is_some_and(|ptrace| ptrace.options.wants(event)));
    let child = match copy_process(kernel, tid, args, into) {
        Ok(child) => child,
        Err(errno) => return errno.into(),
    };
    let number = kernel.pid_vnr(tid, child);
    // The caller's own memory: a bad pointer is its loss (`put_user`, unchecked in kernel_clone).
    if args.flags.contains(CloneFlags::CLONE_PARENT_SETTID) {
        let _ = kernel.user(tid).write_u32(args.parent_tid, number);
    }
    if args.flags.contains(CloneFlags::CLONE_CHILD_SETTID) {
        let own = kernel.pid_vnr(child, child);
        let _ = kernel.user(child).write_u32(args.child_tid, own);
    }
    kernel.with_cgroups(|core, kernel| core.forked(kernel, tid, child, into));
    if args.flags.intersects(NAMESPACES) {
        let heard = kernel.with_cgroups(|core, kernel| core.namespaces_cloned(kernel, child));
        if let Err(errno) = heard.unwrap_or(Ok(())) {
            kernel.abandon(child);
            return errno.into();
        }
    }
    if event.is_some() || args.flags.contains(CloneFlags::CLONE_PTRACE) {
        kernel.ptrace_init_task(tid, child);
    }
    kernel.tasks.wake_new(child);
    if args.flags.contains(CloneFlags::CLONE_VFORK) {
        kernel.tasks[child].vfork_parent = Some(tid);
    }
    let born = Born { child, number: number.into() };
    if let Some(event) = event
        && kernel.ptrace_fork_event(tid, event, child)
    {
        return Outcome::Stopped(tid, born.progress(FORK_TOLD));
    }
    after_fork(kernel, tid, born, args.flags)
}

/// A child, and its number as its parent knows it, which outlives it.
#[derive(Clone, Copy)]
struct Born {
    child: Tid,
    number: u64,
}

/// How far a fork that a tracer follows has come: above the child's number in its progress.
const FORK_TOLD: u64 = 1 << 32;
const VFORK_DONE_TOLD: u64 = 2 << 32;

impl Born {
    fn progress(self, told: u64) -> Progress {
        Progress::State(u64::from(self.child.0) | told, Some(self.number))
    }
}

/// What a tracer calls this kind of fork, unless it is not to follow.
fn fork_event(args: &CloneArgs) -> Option<u8> {
    match () {
        () if args.flags.contains(CloneFlags::CLONE_UNTRACED) => None,
        () if args.flags.contains(CloneFlags::CLONE_VFORK) => Some(PTRACE_EVENT_VFORK),
        () if args.exit_signal != SIGCHLD.into() => Some(PTRACE_EVENT_CLONE),
        () => Some(PTRACE_EVENT_FORK),
    }
}

/// The child runs; a vfork parent waits for it.
fn after_fork(kernel: &mut Kernel, tid: Tid, born: Born, flags: CloneFlags) -> Outcome {
    if !flags.contains(CloneFlags::CLONE_VFORK) {
        return Outcome::Done(Ok(born.number));
    }
    if kernel.tasks.get(born.child).is_none_or(|task| task.vfork_parent != Some(tid)) {
        return vfork_done(kernel, tid, born);
    }
    kernel.tasks[tid].freezer_skip = true;
    kernel.cgroup_enter_frozen(tid);
    vfork_wait(born)
}

/// The child has let go of its parent.
fn vfork_done(kernel: &mut Kernel, tid: Tid, born: Born) -> Outcome {
    if kernel.ptrace_fork_event(tid, PTRACE_EVENT_VFORK_DONE, born.child) {
        return Outcome::Stopped(tid, born.progress(VFORK_DONE_TOLD));
    }
    Outcome::Done(Ok(born.number))
}

/// A vfork parent waits killably, and no freezer waits for it (F08-44).
fn vfork_wait(born: Born) -> Outcome {
    Outcome::Sleep(Sleep {
        kind: SleepKind::Killable,
        freezable: true,
        on_signal: OnSignal::Return(Ok(born.number)),
        progress: born.progress(0),
        ..Sleep::new(WaitKey::Vfork(born.child), "kernel_clone")
    })
}

/// The combinations `copy_process` refuses.
fn check_flags(kernel: &mut Kernel, tid: Tid, args: &CloneArgs) -> Result<()> {
    use CloneFlags as F;
    let flags = args.flags;
    if flags.contains(F::CLONE_FS) && flags.intersects(F::CLONE_NEWNS | F::CLONE_NEWUSER) {
        return Err(Errno::EINVAL);
    }
    kernel.check_namespace_flags(tid, flags)?;
    if flags.contains(F::CLONE_THREAD) && !flags.contains(F::CLONE_SIGHAND)
        || flags.contains(F::CLONE_SIGHAND) && !flags.contains(F::CLONE_VM)
        || flags.contains(F::CLONE_SIGHAND | F::CLONE_CLEAR_SIGHAND)
        || flags.contains(F::CLONE_PARENT) && kernel.tasks.group_of(tid).unkillable
    {
        return Err(Errno::EINVAL);
    }
    // A thread is in its group's pid namespace.
    let task = &kernel.tasks[tid];
    if flags.contains(F::CLONE_THREAD)
        && (flags.intersects(F::CLONE_NEWUSER | F::CLONE_NEWPID) || task.pid_ns != task.nsproxy.pid_for_children)
    {
        return Err(Errno::EINVAL);
    }
    if flags.contains(F::CLONE_PIDFD | F::CLONE_PARENT_SETTID) && args.pidfd == args.parent_tid
        || flags.contains(F::CLONE_PIDFD | F::CLONE_DETACHED)
    {
        return Err(Errno::EINVAL);
    }
    if flags.contains(F::CLONE_PIDFD | F::CLONE_THREAD) {
        kernel.trace.line(TraceKind::Missing, || format!("[{}] clone: CLONE_PIDFD of a thread", tid.0));
        return Err(Errno::EINVAL);
    }
    Ok(())
}

/// Makes the child; it does not run yet.
fn copy_process(kernel: &mut Kernel, tid: Tid, args: &CloneArgs, into: Option<Dir>) -> Result<Tid> {
    let flags = args.flags;
    let parent = &kernel.tasks[tid];
    let group = kernel.tasks.group_of(tid);
    let privileged =
        parent.cred.uid == 0 || parent.cred.capable(CAP_SYS_RESOURCE) || parent.cred.capable(CAP_SYS_ADMIN);
    if !privileged && u64::from(kernel.tasks.count_of_user(parent.cred.uid)) >= group.rlimit(RLIMIT_NPROC)
        || kernel.tasks.len() as u64 >= kernel.config.max_threads()
    {
        return Err(Errno::EAGAIN);
    }
    let mm = parent.mm.ok_or(Errno::EINVAL)?;
    let wanted = set_tid(kernel, tid, args)?;
    if flags.contains(CloneFlags::CLONE_PIDFD) {
        kernel.user(tid).prefault(args.pidfd, 4, true)?;
    }
    let thread = flags.contains(CloneFlags::CLONE_THREAD);
    kernel.with_cgroups(|core, kernel| core.can_fork(kernel, tid, thread, into)).unwrap_or(Ok(()))?;
    let child_mm = if flags.contains(CloneFlags::CLONE_VM) { Some(kernel.mms.share(mm)) } else { kernel.fork_mm(mm) };
    let Some(child_mm) = child_mm else {
        kernel.with_cgroups(|core, kernel| core.cancel_fork(kernel, tid));
        return Err(Errno::ENOMEM);
    };
    let parent = &kernel.tasks[tid];
    let files = kernel.vfs.fork_files(parent.files, flags.contains(CloneFlags::CLONE_FILES));
    let fs = kernel.vfs.fork_fs(parent.fs, flags.contains(CloneFlags::CLONE_FS));
    // What the child has until here, given back.
    let undo = |kernel: &mut Kernel, user_ns: Option<NsId>, nsproxy: Option<NsProxy>| {
        kernel.drop_mm(child_mm);
        kernel.drop_files(files);
        kernel.drop_fs(fs);
        if let Some(user_ns) = user_ns {
            kernel.put_ns(user_ns);
        }
        if let Some(nsproxy) = nsproxy {
            kernel.put_proxy(nsproxy);
        }
        kernel.with_cgroups(|core, kernel| core.cancel_fork(kernel, tid));
    };
    let cred = match kernel.copy_creds(tid, flags) {
        Ok(cred) => cred,
        Err(errno) => {
            undo(kernel, None, None);
            return Err(errno);
        }
    };
    let user_ns = cred.user_ns;
    let made = match kernel.create_new_namespaces(tid, flags, &cred) {
        Ok(made) => made,
        Err(errno) => {
            undo(kernel, Some(user_ns), None);
            return Err(errno);
        }
    };
    kernel.enter_made(fs, &made);
    let pid_ns = made.proxy.pid_for_children;
    let child_tid = match kernel.alloc_pid(tid, pid_ns, &wanted) {
        Ok(child_tid) => child_tid,
        Err(errno) => {
            undo(kernel, Some(user_ns), Some(made.proxy));
            return Err(errno);
        }
    };
    // The descriptor is the parent's: a child with a table of its own does not have it.
    let pidfd = flags.contains(CloneFlags::CLONE_PIDFD).then(|| clone_pidfd(kernel, tid, child_tid, args.pidfd));
    if let Some(Err(errno)) = pidfd {
        undo(kernel, None, Some(made.proxy));
        kernel.free_pid(child_tid, (pid_ns, user_ns));
        return Err(errno);
    }

    // Nothing fails from here on.
    let sysvsem = kernel.copy_semundo(tid, flags.contains(CloneFlags::CLONE_SYSVSEM));
    let parent = &kernel.tasks[tid];
    let mut cpu = parent.cpu.clone();
    let stack = (args.stack != 0).then_some(args.stack);
    let tls = flags.contains(CloneFlags::CLONE_SETTLS).then_some(args.tls);
    cpu.arch.abi.copy_thread(&mut cpu, stack, tls);
    // Numbers of tasks are used again, so births count; the time would tell a program that it was frozen.
    let stream = format!("cpu of {}, birth {}", child_tid.0, kernel.tasks.forks);
    cpu.arch.abi.seed_random(&mut cpu, Random::stream(kernel.config.seed, &stream).next_u64());
    // Flags are not inherited (F08-40).
    let thread_info = arch::ThreadInfo::new(cpu.arch);
    // A thread or vfork child on the parent's stack keeps its alternate stack as well; others with the same memory do not.
    let shares = flags.contains(CloneFlags::CLONE_VM) && !flags.contains(CloneFlags::CLONE_VFORK);
    let exit_signal = match () {
        () if thread => 0,
        () if flags.contains(CloneFlags::CLONE_PARENT) => {
            kernel.tasks.get(parent.tgid).map_or(SIGCHLD, |leader| leader.exit_signal)
        }
        () => args.exit_signal as u8,
    };
    let child = Task {
        tid: child_tid,
        tgid: if thread { parent.tgid } else { child_tid },
        comm: parent.comm.clone(),
        cpu,
        thread_info,
        // Not on any queue before `wake_new`.
        state: TaskState::Runnable,
        mm: Some(child_mm),
        files,
        fs,
        cred,
        nsproxy: made.proxy,
        pid_ns,
        pending: Pending::default(),
        blocked: parent.blocked,
        saved_mask: None,
        altstack: if shares { SigAltStack::default() } else { parent.altstack },
        signal: SignalState::default(),
        ptrace: None,
        trace_stop: None,
        single_step: false,
        tracees: BTreeSet::new(),
        pdeath_signal: 0,
        in_syscall: None,
        bprm: None,
        restart_block: None,
        last_syscall: parent.last_syscall,
        last_nr: parent.last_nr,
        walk: false,
        clear_child_tid: if flags.contains(CloneFlags::CLONE_CHILD_CLEARTID) { args.child_tid } else { 0 },
        robust_list: 0,
        vfork_parent: None,
        sysvsem,
        exit_signal,
        exit_code: 0,
        nice: parent.nice,
        policy: parent.policy,
        affinity: parent.affinity,
        timer_slack: parent.timer_slack,
        personality: parent.personality,
        keep_caps: parent.keep_caps,
        sched: kernel.tasks.sched.child_of(&parent.sched),
        start_time: kernel.clock.boottime(),
        utime: 0,
        stime: 0,
        faults: 0,
        switches: (0, 0),
        kthread: false,
        nofreeze: false,
        freezer_skip: false,
        cgroup_frozen: false,
        thawed: false,
    };
    let mut new_group = (!thread).then(|| copy_group(kernel, tid, child_tid, flags));
    if let Some(group) = &mut new_group {
        group.unkillable = kernel.is_child_reaper(child_tid, pid_ns);
    }
    kernel.tasks.insert(child, new_group);
    if let Some(Ok(key)) = pidfd {
        kernel.pidfd_attach(child_tid, key);
    }
    Ok(child_tid)
}

/// CLONE_INTO_CGROUP: what the descriptor names; whether that is a group is the cgroup core's to say.
fn into_cgroup(kernel: &mut Kernel, tid: Tid, args: &CloneArgs) -> Result<Option<Dir>> {
    if !args.flags.contains(CloneFlags::CLONE_INTO_CGROUP) {
        return Ok(None);
    }
    let file = kernel.fd(tid, args.cgroup as i32)?.file;
    Ok(Some(kernel.vfs.inode(kernel.vfs.file(file).path)))
}

/// The numbers of clone3's set_tid, innermost namespace first.
fn set_tid(kernel: &mut Kernel, tid: Tid, args: &CloneArgs) -> Result<Vec<u32>> {
    let addrs = (0..args.set_tid_size).map(|at| args.set_tid.wrapping_add(4 * at));
    addrs.map(|addr| kernel.user(tid).read_u32(addr)).collect()
}

/// CLONE_PIDFD: a descriptor for the child to be, and its key.
fn clone_pidfd(kernel: &mut Kernel, tid: Tid, child: Tid, addr: u64) -> Result<u64> {
    let (file, key) = kernel.new_pidfd(tid, child, OpenFlags::empty())?;
    let fd = kernel.install_fd(tid, file, 0, true)?;
    match kernel.user(tid).write_u32(addr, fd as u32) {
        Ok(()) => Ok(key),
        Err(errno) => {
            let _ = kernel.close_fd(tid, fd);
            Err(errno)
        }
    }
}

/// The thread group of a new process.
fn copy_group(kernel: &mut Kernel, tid: Tid, child: Tid, flags: CloneFlags) -> ThreadGroup {
    let sighand = if flags.contains(CloneFlags::CLONE_SIGHAND) {
        kernel.tasks.share_sighand(kernel.tasks.group_of(tid).sighand)
    } else {
        let mut actions = kernel.tasks.actions(tid).clone();
        if flags.contains(CloneFlags::CLONE_CLEAR_SIGHAND) {
            actions.flush();
        }
        kernel.tasks.new_sighand(actions)
    };
    let group = kernel.tasks.group_of(tid);
    ThreadGroup {
        parent: if flags.contains(CloneFlags::CLONE_PARENT) { group.parent } else { group.tgid },
        forked_by: if flags.contains(CloneFlags::CLONE_PARENT) { group.forked_by } else { tid },
        oom_score_adj: group.oom_score_adj,
        ..ThreadGroup::new(child, sighand, group.pgid, group.sid, group.tty, group.rlimits, group.dumpable)
    }
}

impl ThreadGroup {
    /// A group without threads, children or history.
    pub(crate) fn new(
        tgid: Tid,
        sighand: SighandId,
        pgid: Tid,
        sid: Tid,
        tty: Option<u64>,
        rlimits: [abi::Rlimit; 16],
        dumpable: bool,
    ) -> ThreadGroup {
        ThreadGroup {
            tgid,
            threads: BTreeSet::new(),
            parent: INIT,
            forked_by: INIT,
            adopted: false,
            children: BTreeSet::new(),
            news: BTreeSet::new(),
            pgid,
            sid,
            tty,
            sighand,
            pending: Pending::default(),
            rlimits,
            group_exit: None,
            group_exec: None,
            group_stop: None,
            stopped: false,
            stop_count: 0,
            wait_report: None,
            cld_pending: None,
            real_timer: None,
            unkillable: false,
            child_subreaper: false,
            did_exec: false,
            dumpable,
            pidfd: None,
            oom_score_adj: 0,
            dead: Accounts::default(),
            children_accounts: Accounts::default(),
        }
    }
}

impl Kernel {
    /// Takes back a child that has not run.
    fn abandon(&mut self, child: Tid) {
        self.with_cgroups(|core, kernel| {
            core.exited(kernel, child);
            core.released(child);
        });
        let task = &mut self.tasks[child];
        let (mm, files, fs, nsproxy) = (task.mm.take(), task.files, task.fs, task.nsproxy);
        let ids = (task.pid_ns, task.cred.user_ns);
        if let Some(mm) = mm {
            self.drop_mm(mm);
        }
        self.drop_files(files);
        self.drop_fs(fs);
        self.put_proxy(nsproxy);
        self.tasks.remove(child);
        self.free_pid(child, ids);
    }
}

impl crate::Config {
    /// Tasks there may be (`set_max_threads`: an eighth of memory for 16 KiB stacks).
    pub fn max_threads(&self) -> u64 {
        (self.memory / (8 * (16 << 10))).clamp(20, 1 << 22)
    }
}
