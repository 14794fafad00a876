//! What a freeze and a thaw do to a call that sleeps.
use super::stage::{Actor, Stage};
use super::{Era, play};
use abi::{Errno, SIGUSR1, Sysno};

/// How the call ends when its task is frozen and thawed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    /// Not at all: it sleeps on.
    Not,
    /// With EINTR, which the program sees (E08-05, U-13).
    Eintr,
}
use Ends::{Eintr, Not};

/// A number in an actor's second place.
fn aux(stage: &mut Stage, who: Actor, words: &[u64]) -> u64 {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    stage.machine.kernel.user(who.tid).write(who.aux(), &bytes).expect("the actor's data");
    who.aux()
}

/// A pipe's two descriptors.
fn pipe(stage: &mut Stage, who: Actor) -> u64 {
    stage.ok(who, Sysno::Pipe2, &[who.aux(), 0]);
    stage.machine.kernel.user(who.tid).read_u32(who.aux()).expect("a descriptor").into()
}

/// Each call, made by an actor up to where it sleeps.
type Call = fn(&mut Stage, Actor);

/// The calls and their ends: by the flag of 2008, by the fake signal of 3.8 and of cgroup2, frozen in place.
#[rustfmt::skip]
const CALLS: &[(&str, Call, [Ends; 3])] = &[
    ("read of a pipe, E08-01", |s, w| { let fd = pipe(s, w); s.enter(w, Sysno::Read, &[fd, w.data(), 1]); }, [Not; 3]),
    ("wait4, E08-01", |s, w| { s.forked(w); s.enter(w, Sysno::Wait4, &[u64::MAX, 0, 0, 0]); }, [Not; 3]),
    ("futex, E08-01", |s, w| { let at = aux(s, w, &[0]); s.enter(w, Sysno::Futex, &[at, 0, 0, 0, 0, 0]); }, [Not; 3]),
    ("nanosleep, E08-02", |s, w| { let at = aux(s, w, &[1000, 0]); s.enter(w, Sysno::Nanosleep, &[at, 0]); }, [Not; 3]),
    ("ppoll, E08-03", |s, w| { let at = aux(s, w, &[1000, 0]); s.enter(w, Sysno::Ppoll, &[0, 0, at, 0, 8]); }, [Not; 3]),
    ("rt_sigsuspend, E08-03", |s, w| { let at = aux(s, w, &[0]); s.enter(w, Sysno::RtSigsuspend, &[at, 8]); }, [Not; 3]),
    ("msgrcv, E08-03", |s, w| { let id = s.ok(w, Sysno::Msgget, &[0, 0o600]); s.enter(w, Sysno::Msgrcv, &[id, w.aux(), 8, 0, 0]); }, [Not; 3]),
    ("inotify read, E08-05", |s, w| { let fd = s.ok(w, Sysno::InotifyInit1, &[0]); s.enter(w, Sysno::Read, &[fd, w.aux(), 60]); }, [Eintr, Not, Not]),
    ("rt_sigtimedwait, E08-05", |s, w| { let at = aux(s, w, &[1 << (SIGUSR1 - 1)]); s.enter(w, Sysno::RtSigtimedwait, &[at, 0, 0, 8]); }, [Eintr, Eintr, Not]),
    ("epoll_pwait, E08-05", |s, w| { let fd = s.ok(w, Sysno::EpollCreate1, &[0]); s.enter(w, Sysno::EpollPwait, &[fd, w.aux(), 1, u64::MAX, 0, 8]); }, [Eintr; 3]),
    ("semop, E08-05", |s, w| { let id = s.ok(w, Sysno::Semget, &[0, 1, 0o600]); let at = aux(s, w, &[0xffff_0000]); s.enter(w, Sysno::Semop, &[id, at, 1]); }, [Eintr; 3]),
];

/// Whether the call goes on, after its task was frozen and thawed.
fn check(stage: &mut Stage, who: Actor, name: &str, want: Ends) {
    // It may make the call again, and sleeps then.
    let mut ended = None;
    for _ in 0..8 {
        if stage.letter(who) == 'S' {
            break;
        }
        match stage.machine.step_task(who.tid, 1) {
            Some(arch::Exit::Syscall) | None => {}
            Some(_) => {
                let cpu = &stage.machine.kernel.tasks[who.tid].cpu;
                ended = Some(cpu.arch.abi.get_return(cpu));
            }
        }
    }
    let eintr = -i64::from(Errno::EINTR.0);
    match want {
        Not => assert_eq!(stage.letter(who), 'S', "{name} has not slept on: {}", stage.scene),
        Eintr => assert_eq!(ended, Some(eintr), "{name}: {}", stage.scene),
    }
}

/// RACE-11 (U-13; E08-01..05).
#[test]
fn race_11_eintr_leak() {
    play(|stage, era, a, b| {
        let column = if era.is_flat() { 0 } else { 1 + usize::from(era == Era::V61) };
        for (n, &(name, call, ends)) in CALLS.iter().enumerate() {
            let who = stage.spawn_in("/c/g", if n % 2 == 0 { a } else { b });
            call(stage, who);
            assert_eq!(stage.letter(who), 'S', "{name} sleeps: {}", stage.scene);
            stage.freeze("/c/g");
            stage.turn(who);
            assert!(stage.is_frozen(who), "{name}: {}", stage.scene);
            stage.thaw("/c/g");
            check(stage, who, name, ends[column]);
            stage.attach(who, "/c");
        }
    });
}

/// RACE-11 (C2-12): in cgroup2 every freeze is a fake signal.
#[test]
fn race_11_eintr_leak_of_cgroup2() {
    super::cgroup2::play(|stage, a, b| {
        let flat = stage.machine.kernel.config.freezer.name == "2008";
        for (n, &(name, call, ends)) in CALLS.iter().enumerate() {
            let who = stage.spawn(if n % 2 == 0 { a } else { b });
            stage.write("/c2/g/cgroup.procs", &who.tid.0.to_string());
            call(stage, who);
            stage.write("/c2/g/cgroup.freeze", "1");
            stage.turn(who);
            assert_eq!(stage.wchan(who), "get_signal", "{name} is frozen: {}", stage.scene);
            stage.write("/c2/g/cgroup.freeze", "0");
            // How an interrupted read of inotify ends is the profile's.
            check(stage, who, name, ends[usize::from(!flat)]);
            stage.write("/c2/cgroup.procs", &who.tid.0.to_string());
        }
    });
}
