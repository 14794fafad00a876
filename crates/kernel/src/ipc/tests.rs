use crate::test_arch::{call, fork, machine, result, to_user};
use crate::{Config, INIT, Kernel, Tid};
use abi::*;

/// A page of a task's own to pass structures in.
fn page(kernel: &mut Kernel, tid: Tid) -> u64 {
    let args = [0, 4096, 3, 0x22, u64::MAX, 0];
    call(kernel, tid, Sysno::Mmap, &args).expect("mmap does not sleep") as u64
}

fn put(kernel: &mut Kernel, tid: Tid, addr: u64, data: &[u8]) {
    kernel.user(tid).write(addr, data).unwrap();
}

fn semop(kernel: &mut Kernel, tid: Tid, at: u64, id: i64, num: u16, op: i16, flags: u16) -> Option<i64> {
    let raw = [num.to_le_bytes(), op.to_le_bytes(), flags.to_le_bytes()].concat();
    put(kernel, tid, at, &raw);
    call(kernel, tid, Sysno::Semop, &[id as u64, at, 1])
}

/// The waker does the operation; what comes after finds it done.
#[test]
fn who_waits_first_gets_the_semaphore() {
    let mut kernel = machine(Config::default());
    let at = page(&mut kernel, INIT);
    let (first, second) = (fork(&mut kernel, INIT), fork(&mut kernel, INIT));
    let id = call(&mut kernel, INIT, Sysno::Semget, &[0, 2, 0o600]).unwrap();
    assert_eq!(semop(&mut kernel, first, at, id, 0, -1, 0), None);
    assert_eq!(semop(&mut kernel, second, at, id, 0, -1, 0), None);
    assert_eq!(call(&mut kernel, INIT, Sysno::Semctl, &[id as u64, 0, GETNCNT.into()]), Some(2));
    assert_eq!(semop(&mut kernel, INIT, at, id, 0, 1, 0), Some(0));
    assert_eq!(semop(&mut kernel, INIT, at, id, 0, -1, IPC_NOWAIT as u16), Some(-i64::from(Errno::EAGAIN.0)));
    assert!(to_user(&mut kernel, first));
    assert_eq!(result(&kernel, first), Some(0));
    assert_eq!(call(&mut kernel, INIT, Sysno::Semctl, &[id as u64, 0, GETPID.into()]), Some(i64::from(first.0)));
    assert_eq!(call(&mut kernel, INIT, Sysno::Semctl, &[id as u64, 0, IPC_RMID.into()]), Some(0));
    assert!(to_user(&mut kernel, second));
    assert_eq!(result(&kernel, second), Some(-i64::from(Errno::EIDRM.0)));
}

/// kernel.sem may allow what no memory holds.
#[test]
fn sets_have_to_fit_into_memory() {
    let mut kernel = machine(Config::default());
    kernel.ipc_of(INIT).sem = [i32::MAX as u32; 4];
    let at = page(&mut kernel, INIT);
    let no_memory = Some(-i64::from(Errno::ENOMEM.0));
    assert_eq!(call(&mut kernel, INIT, Sysno::Semget, &[0, i32::MAX as u64, 0o600]), no_memory);
    let id = call(&mut kernel, INIT, Sysno::Semget, &[0, 1, 0o600]).unwrap();
    assert_eq!(call(&mut kernel, INIT, Sysno::Semop, &[id as u64, at, i32::MAX as u64]), no_memory);
}

/// exit_sem: a process gives back what it took with SEM_UNDO, and that lets others go on.
#[test]
fn the_end_of_a_process_undoes() {
    let mut kernel = machine(Config::default());
    let at = page(&mut kernel, INIT);
    let (holder, waiter) = (fork(&mut kernel, INIT), fork(&mut kernel, INIT));
    let id = call(&mut kernel, INIT, Sysno::Semget, &[0, 1, 0o600]).unwrap();
    assert_eq!(semop(&mut kernel, INIT, at, id, 0, 1, 0), Some(0));
    assert_eq!(semop(&mut kernel, holder, at, id, 0, -1, SEM_UNDO), Some(0));
    assert_eq!(semop(&mut kernel, waiter, at, id, 0, -1, 0), None);
    call(&mut kernel, holder, Sysno::ExitGroup, &[0]);
    assert!(to_user(&mut kernel, waiter));
    assert_eq!(result(&kernel, waiter), Some(0));
    assert_eq!(call(&mut kernel, INIT, Sysno::Semctl, &[id as u64, 0, GETVAL.into()]), Some(0));
}

/// E08-05: a signal ends semop for good; it does not wait any more. E08-03: msgrcv is made again.
#[test]
fn signals() {
    let mut kernel = machine(Config::default());
    let at = page(&mut kernel, INIT);
    let (sem, msg) = (fork(&mut kernel, INIT), fork(&mut kernel, INIT));
    let id = call(&mut kernel, INIT, Sysno::Semget, &[0, 1, 0o600]).unwrap();
    let queue = call(&mut kernel, INIT, Sysno::Msgget, &[0, 0o600]).unwrap() as u64;
    assert_eq!(semop(&mut kernel, sem, at, id, 0, -1, 0), None);
    assert_eq!(call(&mut kernel, msg, Sysno::Msgrcv, &[queue, at, 8, 0, 0]), None);
    for tid in [sem, msg] {
        kernel.tasks.signal_wake_up(tid, false);
        assert!(to_user(&mut kernel, tid));
    }
    assert_eq!(result(&kernel, sem), Some(-i64::from(Errno::EINTR.0)));
    assert_eq!(call(&mut kernel, INIT, Sysno::Semctl, &[id as u64, 0, GETNCNT.into()]), Some(0));
    // The call's instruction is executed again.
    assert_eq!(call(&mut kernel, msg, Sysno::Msgrcv, &[queue, at, 8, 0, 0]), None);
    put(&mut kernel, INIT, at, &[&5u64.to_le_bytes()[..], b"hello"].concat());
    assert_eq!(call(&mut kernel, INIT, Sysno::Msgsnd, &[queue, at, 5, 0]), Some(0));
    assert!(to_user(&mut kernel, msg));
    assert_eq!(result(&kernel, msg), Some(5));
    assert_eq!(kernel.user(msg).read_u64(at), Ok(5));
}

/// A receiver whose descriptor was closed under it, and whom a signal woke, takes nothing away from who reads later.
#[test]
fn a_closed_queue_has_no_receivers() {
    let mut kernel = machine(Config::default());
    let at = page(&mut kernel, INIT);
    put(&mut kernel, INIT, at + 1024, b"q\0");
    let open = [at + 1024, 0o102, 0o600, 0];
    let [first, second] = [(); 2].map(|()| call(&mut kernel, INIT, Sysno::MqOpen, &open).unwrap() as u64);
    let flags = (CloneFlags::CLONE_FILES | CloneFlags::CLONE_VM).bits() | u64::from(SIGCHLD);
    let reader = Tid(call(&mut kernel, INIT, Sysno::Clone, &[flags]).unwrap() as u32);
    assert_eq!(call(&mut kernel, reader, Sysno::MqTimedreceive, &[first, at, 8192, 0, 0]), None);
    assert_eq!(call(&mut kernel, INIT, Sysno::Close, &[first]), Some(0));
    kernel.tasks.signal_wake_up(reader, false);
    assert!(to_user(&mut kernel, reader));
    assert_eq!(result(&kernel, reader), Some(-i64::from(Errno::EBADF.0)));
    assert_eq!(call(&mut kernel, INIT, Sysno::MqTimedsend, &[second, at, 5, 0, 0]), Some(0));
    assert_eq!(call(&mut kernel, INIT, Sysno::MqTimedreceive, &[second, at, 8192, 0, 0]), Some(5));
}

/// Table E08: what a freeze and a thaw make of a call, by profile. `None`: it waits on, or waits again.
#[test]
fn frozen_and_thawed() {
    use crate::freezer::{PROFILE_3_8, PROFILE_2008, freeze_task, thaw_process};
    let eintr = Some(-i64::from(Errno::EINTR.0));
    // With a computed condition the condition has to hold; the flag of 2008 needs no cgroup core.
    for (profile, inotify) in [(&PROFILE_2008, eintr), (&PROFILE_3_8, None)] {
        let mut kernel = machine(Config { freezer: profile, ..Config::default() });
        let at = page(&mut kernel, INIT);
        put(&mut kernel, INIT, at + 1024, b"q\0/\0");
        let set = [SIGUSR1].iter().fold(0u64, |set, signo| set | 1 << (signo - 1));
        put(&mut kernel, INIT, at + 1032, &set.to_le_bytes());
        let sem = call(&mut kernel, INIT, Sysno::Semget, &[0, 1, 0o600]).unwrap() as u64;
        let queue = call(&mut kernel, INIT, Sysno::Msgget, &[0, 0o600]).unwrap() as u64;
        let rdwr_creat = 0o102;
        let mq = call(&mut kernel, INIT, Sysno::MqOpen, &[at + 1024, rdwr_creat, 0o600, 0]).unwrap() as u64;
        let watch = call(&mut kernel, INIT, Sysno::InotifyInit1, &[0]).unwrap() as u64;
        let signals = call(&mut kernel, INIT, Sysno::Signalfd4, &[u64::MAX, at + 1032, 8, 0]).unwrap() as u64;
        put(&mut kernel, INIT, at, &[0, 0, 0xff, 0xff, 0, 0]);
        let calls: [(Sysno, &[u64], Option<i64>); 5] = [
            (Sysno::Semop, &[sem, at, 1], eintr),
            (Sysno::Msgrcv, &[queue, at + 64, 8, 0, 0], None),
            (Sysno::MqTimedreceive, &[mq, at, 8192, 0, 0], None),
            (Sysno::Read, &[watch, at + 64, 512], inotify),
            (Sysno::Read, &[signals, at + 64, 512], None),
        ];
        for (sysno, args, after) in calls {
            let tid = fork(&mut kernel, INIT);
            assert_eq!(call(&mut kernel, tid, sysno, args), None, "{} sleeps", sysno.name());
            let pc = kernel.tasks[tid].cpu.pc;
            assert!(freeze_task(&mut kernel, tid, true));
            to_user(&mut kernel, tid);
            thaw_process(&mut kernel, tid);
            to_user(&mut kernel, tid);
            let again = kernel.tasks[tid].cpu.pc.wrapping_add(4) == pc;
            let ended = if again { None } else { result(&kernel, tid) };
            assert_eq!(ended, after, "{} under {}", sysno.name(), profile.name);
        }
    }
}
