//! Trace stops, rule by rule; what they are natively is in tests/programs/ptrace_*.c.
use super::*;
use crate::freezer::{PROFILE_3_8, PROFILE_6_18, Profile, freeze_task, frozen, thaw_process};
use crate::mm::Vma;
use crate::test_arch::{call, delivered, fork, machine, result, to_user};
use crate::{Config, INIT};
use abi::*;

const BUF: u64 = 0x1_0000;

/// init, which has memory at `BUF`, and a child of it in user mode.
fn pair_under(freezer: &'static Profile) -> (Kernel, Tid) {
    let mut kernel = machine(Config { freezer, ..Config::default() });
    let memory = Vma::anon(BUF, BUF + 0x4000, Prot::PROT_READ | Prot::PROT_WRITE, "");
    kernel.map_area(INIT, memory, true).expect("an empty address space");
    let child = fork(&mut kernel, INIT);
    (kernel, child)
}

fn pair() -> (Kernel, Tid) {
    pair_under(Config::default().freezer)
}

fn ptrace(kernel: &mut Kernel, request: u64, tid: Tid, addr: u64, data: u64) -> i64 {
    call(kernel, INIT, Sysno::Ptrace, &[request, tid.0.into(), addr, data]).expect("it does not sleep")
}

/// wait4 with WNOHANG: the status, if there is one.
fn wait(kernel: &mut Kernel, tid: Tid) -> Option<u32> {
    let got = call(kernel, INIT, Sysno::Wait4, &[tid.0.into(), BUF, (WNOHANG | __WALL).into(), 0]);
    assert!(matches!(got, Some(0)) || got == Some(tid.0.into()), "{got:?}");
    (got != Some(0)).then(|| kernel.user(INIT).read_u32(BUF).expect("mapped"))
}

fn stopped(code: u32) -> Option<u32> {
    Some(code << 8 | 0x7f)
}

const fn errno(errno: Errno) -> i64 {
    -(errno.0 as i64)
}

fn tracer_of(kernel: &Kernel, tid: Tid) -> Option<Tid> {
    kernel.tasks[tid].ptrace.as_ref().map(|ptrace| ptrace.tracer)
}

/// Attached and stopped by the SIGSTOP of that.
fn attached(profile: &'static Profile) -> (Kernel, Tid) {
    let (mut kernel, child) = pair_under(profile);
    assert_eq!(ptrace(&mut kernel, PTRACE_ATTACH, child, 0, 0), 0);
    assert!(!to_user(&mut kernel, child));
    assert_eq!(wait(&mut kernel, child), stopped(SIGSTOP.into()));
    assert_eq!((kernel.tasks[child].state_letter(), kernel.tasks[child].wchan()), ('t', "ptrace_stop"));
    (kernel, child)
}

#[test]
fn a_stop_is_told_once() {
    let (mut kernel, child) = attached(Config::default().freezer);
    assert_eq!(wait(&mut kernel, child), None);
    assert_eq!(ptrace(&mut kernel, PTRACE_GETSIGINFO, child, 0, BUF), 0);
    assert_eq!(kernel.user(INIT).read_u32(BUF + 8), Ok(SI_KERNEL as u32));
    assert_eq!(ptrace(&mut kernel, PTRACE_CONT, child, 0, 0), 0);
    assert_eq!(ptrace(&mut kernel, PTRACE_CONT, child, 0, 0), errno(Errno::ESRCH), "it is on its way");
    assert!(to_user(&mut kernel, child));
    assert_eq!(wait(&mut kernel, child), None);
}

#[test]
fn the_tracer_decides_on_signals() {
    let (mut kernel, child) = attached(Config::default().freezer);
    kernel.tasks.actions_mut(child).0[usize::from(SIGUSR2)] = SigAction { handler: 1 << 12, ..SigAction::default() };
    ptrace(&mut kernel, PTRACE_CONT, child, 0, 0);
    assert!(to_user(&mut kernel, child));
    kernel.send_to_group(child, Siginfo::kernel(SIGTERM));
    assert!(!to_user(&mut kernel, child), "it would have died");
    assert_eq!(wait(&mut kernel, child), stopped(SIGTERM.into()));
    ptrace(&mut kernel, PTRACE_CONT, child, 0, SIGUSR2.into());
    assert!(to_user(&mut kernel, child));
    assert_eq!(delivered(&kernel, child), SIGUSR2);
    kernel.send_to_group(child, Siginfo::kernel(SIGKILL));
    assert!(!to_user(&mut kernel, child), "SIGKILL is nobody's to decide on");
    assert_eq!(wait(&mut kernel, child), Some(SIGKILL.into()));
}

/// Both stops of a call; what the registers say at the first is what is made.
#[test]
fn system_calls_are_seen_and_changed() {
    let (mut kernel, child) = attached(Config::default().freezer);
    ptrace(&mut kernel, PTRACE_SETOPTIONS, child, 0, PtraceOptions::TRACESYSGOOD.bits().into());
    ptrace(&mut kernel, PTRACE_SYSCALL, child, 0, 0);
    assert!(to_user(&mut kernel, child));
    assert_eq!(call(&mut kernel, child, Sysno::Getpid, &[]), None);
    assert_eq!(wait(&mut kernel, child), stopped(0x85));
    assert_eq!(ptrace(&mut kernel, PTRACE_GET_SYSCALL_INFO, child, 88, BUF), 80);
    assert_eq!(kernel.user(INIT).read_u64(BUF + 24), Ok(Sysno::Getpid as u64));
    ptrace(&mut kernel, PTRACE_SYSCALL, child, 0, 0);
    assert!(!to_user(&mut kernel, child));
    assert_eq!(wait(&mut kernel, child), stopped(0x85));
    assert_eq!(ptrace(&mut kernel, PTRACE_GET_SYSCALL_INFO, child, 88, BUF), 33);
    assert_eq!(kernel.user(INIT).read_u64(BUF + 24), Ok(child.0.into()));
    // iovec and words of a register set.
    for (at, word) in [(0, BUF + 0x100), (8, 8), (0x100, 77)] {
        kernel.user(INIT).write_u64(BUF + at, word).expect("mapped");
    }
    assert_eq!(ptrace(&mut kernel, PTRACE_SETREGSET, child, NT_PRSTATUS.into(), BUF), 0);
    ptrace(&mut kernel, PTRACE_CONT, child, 0, 0);
    assert!(to_user(&mut kernel, child));
    assert_eq!(result(&kernel, child), Some(77));
}

#[test]
fn forks_are_followed() {
    let (mut kernel, child) = attached(Config::default().freezer);
    let options = PtraceOptions::TRACEFORK | PtraceOptions::TRACEEXIT;
    ptrace(&mut kernel, PTRACE_SETOPTIONS, child, 0, options.bits().into());
    ptrace(&mut kernel, PTRACE_CONT, child, 0, 0);
    assert!(to_user(&mut kernel, child));
    assert_eq!(call(&mut kernel, child, Sysno::Fork, &[]), None);
    assert_eq!(wait(&mut kernel, child), stopped(event_code(PTRACE_EVENT_FORK)));
    assert_eq!(ptrace(&mut kernel, PTRACE_GETEVENTMSG, child, 0, BUF), 0);
    let grandchild = Tid(kernel.user(INIT).read_u32(BUF).expect("mapped"));
    assert!(!to_user(&mut kernel, grandchild));
    assert_eq!(wait(&mut kernel, grandchild), stopped(SIGSTOP.into()), "not its child, but its tracee");
    assert_eq!(tracer_of(&kernel, grandchild), Some(INIT));
    ptrace(&mut kernel, PTRACE_CONT, child, 0, 0);
    assert!(to_user(&mut kernel, child));
    assert_eq!(result(&kernel, child), Some(grandchild.0.into()));
    ptrace(&mut kernel, PTRACE_CONT, grandchild, 0, 0);
    assert!(to_user(&mut kernel, grandchild));
    assert_eq!(call(&mut kernel, grandchild, Sysno::ExitGroup, &[3]), None);
    assert_eq!(wait(&mut kernel, grandchild), stopped(event_code(PTRACE_EVENT_EXIT)));
    assert_eq!(ptrace(&mut kernel, PTRACE_DETACH, grandchild, 0, 0), 0);
    to_user(&mut kernel, grandchild);
    assert_eq!(kernel.tasks[grandchild].state_letter(), 'Z');
    let gone = call(&mut kernel, INIT, Sysno::Wait4, &[grandchild.0.into(), 0, WNOHANG.into(), 0]);
    assert_eq!(gone, Some(errno(Errno::ECHILD)), "its parent's now");
}

/// A single step is one instruction, and traps.
#[test]
fn single_step() {
    let (mut kernel, child) = attached(Config::default().freezer);
    ptrace(&mut kernel, PTRACE_SINGLESTEP, child, 0, 0);
    assert!(to_user(&mut kernel, child));
    assert_eq!(kernel.lend(child).budget, 1);
    kernel.handle(child, arch::Exit::Budget, 1);
    assert!(!to_user(&mut kernel, child));
    assert_eq!(wait(&mut kernel, child), stopped(SIGTRAP.into()));
}

/// R08-17, and U-18 of facts/USERS.md: attaching to a frozen task waits for the thaw.
#[test]
fn attach_frozen() {
    for profile in [Config::default().freezer, &PROFILE_3_8, &PROFILE_6_18] {
        let (mut kernel, child) = pair_under(profile);
        if !freeze_now(&mut kernel, child) {
            continue;
        }
        assert_eq!(ptrace(&mut kernel, PTRACE_ATTACH, child, 0, 0), 0);
        assert!(frozen(&kernel.tasks[child]) && wait(&mut kernel, child).is_none(), "{}", profile.name);
        thaw_process(&mut kernel, child);
        assert!(!to_user(&mut kernel, child));
        assert_eq!(wait(&mut kernel, child), stopped(SIGSTOP.into()));
    }
}

/// Puts a task into the refrigerator; a condition needs a cgroup core, which these tests have not.
fn freeze_now(kernel: &mut Kernel, tid: Tid) -> bool {
    freeze_task(kernel, tid, true);
    to_user(kernel, tid);
    frozen(&kernel.tasks[tid])
}

/// R08-17, F08-20: a flagged task in a trace stop enters the refrigerator when its tracer lets it go on.
#[test]
fn traced_and_flagged() {
    let (mut kernel, child) = attached(Config::default().freezer);
    freeze_task(&mut kernel, child, true);
    assert_eq!(kernel.tasks[child].state_letter(), 't', "it counts as frozen where it is");
    assert_eq!(ptrace(&mut kernel, PTRACE_PEEKDATA, child, BUF, BUF), 0, "and can be looked into");
    ptrace(&mut kernel, PTRACE_CONT, child, 0, 0);
    assert!(!to_user(&mut kernel, child));
    assert!(frozen(&kernel.tasks[child]));
    assert_eq!(ptrace(&mut kernel, PTRACE_CONT, child, 0, 0), errno(Errno::ESRCH));
    thaw_process(&mut kernel, child);
    assert!(to_user(&mut kernel, child));
}

/// F22-02: a traced task is frozen in its stop, and its tracer can go on working with it.
#[test]
fn traced_and_frozen_in_place() {
    let (mut kernel, child) = attached(&PROFILE_6_18);
    assert!(!freeze_task(&mut kernel, child, true), "nothing to wait for");
    assert_eq!((kernel.tasks[child].state_letter(), kernel.tasks[child].wchan()), ('D', "ptrace_stop"));
    assert_eq!(ptrace(&mut kernel, PTRACE_GETSIGINFO, child, 0, BUF), 0);
    assert_eq!(ptrace(&mut kernel, PTRACE_CONT, child, 0, 0), 0);
    assert_eq!(kernel.tasks[child].state_letter(), 'D', "it runs after the thaw");
    assert_eq!(ptrace(&mut kernel, PTRACE_CONT, child, 0, 0), errno(Errno::ESRCH));
    thaw_process(&mut kernel, child);
    assert!(to_user(&mut kernel, child));
}

/// U-18: SEIZE of a task that is stopped and frozen does not return before the thaw.
#[test]
fn seize_stopped_and_frozen() {
    let (mut kernel, child) = pair_under(&PROFILE_6_18);
    kernel.send_to_group(child, Siginfo::kernel(SIGSTOP));
    assert!(!to_user(&mut kernel, child));
    assert!(!freeze_task(&mut kernel, child, true));
    assert_eq!(call(&mut kernel, INIT, Sysno::Ptrace, &[PTRACE_SEIZE, child.0.into(), 0, 0]), None);
    assert_eq!(kernel.tasks[INIT].wchan(), "ptrace_attach");
    thaw_process(&mut kernel, child);
    assert!(!to_user(&mut kernel, child));
    assert!(to_user(&mut kernel, INIT));
    assert_eq!(result(&kernel, INIT), Some(0));
    let code = u32::from(PTRACE_EVENT_STOP) << 8 | u32::from(SIGSTOP);
    assert_eq!(wait(&mut kernel, child), stopped(code));
}

#[test]
fn a_tracer_that_ends() {
    for (options, letter) in [(0, 'R'), (PtraceOptions::EXITKILL.bits(), 'Z')] {
        let (mut kernel, child) = pair();
        let tracer = fork(&mut kernel, INIT);
        let seize = [PTRACE_SEIZE, child.0.into(), 0, options.into()];
        assert_eq!(call(&mut kernel, tracer, Sysno::Ptrace, &seize), Some(0));
        let again = call(&mut kernel, INIT, Sysno::Ptrace, &[PTRACE_ATTACH, child.0.into(), 0, 0]);
        assert_eq!(again, Some(errno(Errno::EPERM)));
        call(&mut kernel, tracer, Sysno::ExitGroup, &[0]);
        assert_eq!(tracer_of(&kernel, child), None);
        to_user(&mut kernel, child);
        assert_eq!(kernel.tasks[child].state_letter(), letter);
    }
}

/// Real user and group must be those of the task, unless CAP_SYS_PTRACE says otherwise.
#[test]
fn who_may_attach() {
    let (mut kernel, child) = pair();
    let other = fork(&mut kernel, INIT);
    kernel.tasks[other].cred.set_uid(1000, false).expect("root may");
    let attach =
        |kernel: &mut Kernel, tid: Tid| call(kernel, other, Sysno::Ptrace, &[PTRACE_ATTACH, tid.0.into(), 0, 0]);
    assert_eq!(attach(&mut kernel, child), Some(errno(Errno::EPERM)));
    assert_eq!(attach(&mut kernel, other), Some(errno(Errno::EPERM)), "itself");
    kernel.tasks[child].cred = kernel.tasks[other].cred.clone();
    assert_eq!(attach(&mut kernel, child), Some(0));
}
