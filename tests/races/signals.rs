//! Signals, stops and freezes in every order.
use super::stage::{Actor, Stage};
use super::{Era, play};
use abi::{Errno, SIGCONT, SIGKILL, SIGQUIT, SIGSTOP, SIGTERM, SIGUSR1, Sysno};

const EINTR: i64 = -(Errno::EINTR.0 as i64);

/// RACE-09 (U-09, U-10, U-27; R08-12, F12-11): signals to a frozen task wait for the thaw, SIGKILL too. Then it dies, or its
/// handler runs, before its next instruction.
#[test]
fn race_09_kill_frozen() {
    play(|stage, _, a, b| {
        let victims = [SIGKILL, SIGTERM, SIGQUIT, SIGUSR1].map(|signo| {
            let task = stage.spawn(if signo == SIGKILL { a } else { b });
            (signo, task)
        });
        stage.handle(victims[3].1, SIGUSR1);
        for (_, task) in victims {
            assert!(stage.attach(task, "/c/g") > 0);
        }
        stage.freeze("/c/g");
        victims.iter().for_each(|&(_, task)| stage.turn(task));
        assert_eq!(stage.state("/c/g"), "FROZEN");
        for (signo, task) in victims {
            stage.kill(task, signo);
            assert!(!stage.goes(task));
            assert_eq!((stage.letter(task), stage.waited(task)), ('D', None), "signal {signo}: {}", stage.scene);
        }
        assert_eq!(stage.state("/c/g"), "FROZEN", "{}", stage.scene);
        stage.thaw("/c/g");
        for (signo, task) in victims {
            let goes = stage.goes(task);
            if signo == SIGUSR1 {
                assert!(goes && stage.in_handler(task), "{}", stage.scene);
            } else {
                assert_eq!((goes, stage.waited(task)), (false, Some(signo.into())), "{}", stage.scene);
            }
        }
    });
}

/// RACE-12 (R08-30): a handled signal that arrived while the task was frozen in a call that restarts without a handler. On the
/// architectures there are, the handler runs and the call ends with EINTR, in every era.
#[test]
fn race_12_handler_after_thaw() {
    play(|stage, era, a, b| {
        let [suspended, asleep] = [a, b].map(|arch| stage.spawn(arch));
        for task in [suspended, asleep] {
            stage.handle(task, SIGUSR1);
            assert!(stage.attach(task, "/c/g") > 0);
        }
        stage.machine.kernel.user(suspended.tid).write_u64(suspended.data(), 0).expect("a mask");
        stage.enter(suspended, Sysno::RtSigsuspend, &[suspended.data(), 8]);
        stage.machine.kernel.user(asleep.tid).write_u64(asleep.data(), 1_000).expect("seconds");
        stage.machine.kernel.user(asleep.tid).write_u64(asleep.data() + 8, 0).expect("nanoseconds");
        stage.enter(asleep, Sysno::Nanosleep, &[asleep.data(), 0]);
        stage.freeze("/c/g");
        for task in [suspended, asleep] {
            stage.turn(task);
            stage.kill(task, SIGUSR1);
            assert!(!stage.goes(task) && stage.letter(task) == 'D', "{}", stage.scene);
        }
        assert_eq!(stage.state("/c/g"), "FROZEN", "{era:?}");
        stage.thaw("/c/g");
        for task in [suspended, asleep] {
            assert!(stage.goes(task) && stage.in_handler(task), "{}", stage.scene);
            // Back from the handler, the call has ended.
            for _ in 0..8 {
                if stage.machine.step_task(task.tid, 1) == Some(arch::Exit::Syscall) {
                    break;
                }
            }
            assert_eq!(stage.result(task), Some(EINTR), "{}", stage.scene);
        }
    });
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Stop,
    Cont,
    Freeze,
    Thaw,
}
use Event::*;

/// The state letter after an event, and what the parent's wait then reports.
fn befalls(stage: &mut Stage, task: Actor, event: Event) -> (char, Option<u32>) {
    match event {
        Stop => stage.kill(task, SIGSTOP),
        Cont => stage.kill(task, SIGCONT),
        Freeze => drop(stage.freeze("/c/g")),
        Thaw => drop(stage.thaw("/c/g")),
    }
    stage.turn(task);
    // 2.6.28 thaws what it finds frozen, and finds out when it is asked (F08-31).
    stage.state("/c/g");
    (stage.letter(task), stage.waited(task))
}

/// RACE-16 (R08-14, R08-15, F22-02, F22-03): stop, continue, freeze and thaw in every order that keeps stop before continue and
/// freeze before thaw: the letter, and when the parent hears of stop (0x137f) and continue (0xffff).
#[test]
fn race_16_stop_freeze_cont_thaw() {
    let stopped = Some(0x137f);
    let continued = Some(0xffff);
    play(|stage, era, a, _| {
        // Frozen where it is, a stopped task shows D at 6.18 (F22-05).
        let both = if era == Era::V61 { 'D' } else { 'T' };
        let table: [[(Event, char, Option<u32>); 4]; 6] = [
            [(Stop, 'T', stopped), (Cont, 'R', continued), (Freeze, 'D', None), (Thaw, 'R', None)],
            [(Freeze, 'D', None), (Thaw, 'R', None), (Stop, 'T', stopped), (Cont, 'R', continued)],
            [(Stop, 'T', stopped), (Freeze, both, None), (Thaw, 'T', None), (Cont, 'R', continued)],
            [(Stop, 'T', stopped), (Freeze, both, None), (Cont, 'D', continued), (Thaw, 'R', None)],
            [(Freeze, 'D', None), (Stop, 'D', None), (Thaw, 'T', stopped), (Cont, 'R', continued)],
            // The continue takes the pending stop back: nothing is ever reported.
            [(Freeze, 'D', None), (Stop, 'D', None), (Cont, 'D', None), (Thaw, 'R', None)],
        ];
        for row in table {
            let task = stage.spawn_in("/c/g", a);
            for (event, letter, report) in row {
                let got = befalls(stage, task, event);
                assert_eq!(got, (letter, report), "{event:?} of {row:?}: {}", stage.scene);
            }
            stage.kill(task, SIGKILL);
            stage.turn(task);
            assert_eq!(stage.waited(task), Some(SIGKILL.into()));
        }
    });
}
