//! The catalogue's races in cgroup2 groups, which exist beside every profile (C2).
use super::stage::{Actor, Stage};
use crate::support::arches;
use abi::{CloneFlags, SIGCHLD, SIGKILL, SIGQUIT, SIGTERM, SIGUSR1, Sysno};

/// Plays a race in /c2/g, under the oldest and the newest profile, with the two architectures of every pair.
pub(super) fn play(race: impl Fn(&mut Stage, &'static str, &'static str)) {
    for profile in ["2008", "6.18"] {
        for a in arches() {
            for b in arches() {
                let mut stage = Stage::new(profile, a);
                stage.scene = format!("cgroup2 beside {profile}, {a} and {b}");
                let none = abi::MountFlags::empty();
                stage.machine.kernel.mount_type("cgroup2", b"none", b"/c2", none, b"").expect("cgroup2");
                stage.mkdir("/c2/g");
                race(&mut stage, a, b);
            }
        }
    }
}

impl Stage {
    fn set_freeze(&mut self, group: &str, on: bool) {
        assert_eq!(self.write(&format!("{group}/cgroup.freeze"), if on { "1" } else { "0" }), 1, "{}", self.scene);
    }
    /// What cgroup.events says.
    fn frozen(&mut self, group: &str) -> bool {
        self.read(&format!("{group}/cgroup.events")).contains("frozen 1")
    }
    fn enters(&mut self, who: Actor, group: &str) {
        assert!(self.write(&format!("{group}/cgroup.procs"), &who.tid.0.to_string()) > 0, "{}", self.scene);
    }
    fn spawn_into(&mut self, group: &str, arch: &'static str) -> Actor {
        let actor = self.spawn(arch);
        self.enters(actor, group);
        actor
    }
    fn vforks(&mut self, parent: Actor, arch: &'static str) -> Actor {
        let flags = CloneFlags::CLONE_VM | CloneFlags::CLONE_VFORK;
        assert_eq!(self.call(parent, Sysno::Clone, &[flags.bits() | u64::from(SIGCHLD)]), None);
        let tid = self.machine.kernel.tasks.last_tid();
        self.child(tid.into(), arch)
    }
}

/// RACE-01 (C2-02, C2-10): attached while freezing, a task conforms, and the group is frozen when the last one is.
#[test]
fn race_01_attach_while_freezing() {
    play(|stage, a, b| {
        let stuck = stage.spawn_into("/c2/g", a);
        stage.get_stuck(stuck);
        stage.set_freeze("/c2/g", true);
        let late = stage.spawn_into("/c2/g", b);
        assert!(!stage.goes(late) && !stage.frozen("/c2/g"), "{}", stage.scene);
        assert!(stage.read("/c2/g/freezer.blockers").contains("sleeps uninterruptibly"), "{}", stage.scene);
        stage.release();
        assert!(!stage.goes(stuck) && stage.frozen("/c2/g"), "{}", stage.scene);
        stage.set_freeze("/c2/g", false);
        assert!(stage.goes(stuck) && stage.goes(late) && !stage.frozen("/c2/g"), "{}", stage.scene);
    });
}

/// RACE-02 (C2-09): a child of a task that is to freeze is to freeze too, before it first runs.
#[test]
fn race_02_fork_while_freezing() {
    play(|stage, a, b| {
        let (parent, other) = (stage.spawn_into("/c2/g", a), stage.spawn_into("/c2/g", b));
        stage.enter(parent, Sysno::Clone, &[SIGCHLD.into()]);
        let tid = i64::from(stage.machine.kernel.tasks.last_tid());
        let child = stage.child(tid, a);
        stage.set_freeze("/c2/g", true);
        for (n, who) in [other, child, parent].into_iter().enumerate() {
            assert!(!stage.frozen("/c2/g"), "before the last, {n}: {}", stage.scene);
            assert!(!stage.goes(who), "{}", stage.scene);
        }
        assert!(stage.frozen("/c2/g"), "{}", stage.scene);
        stage.set_freeze("/c2/g", false);
        assert_eq!((stage.result(parent), stage.result(child)), (Some(tid), Some(0)), "{}", stage.scene);
    });
}

/// RACE-03 (C2-07, F08-48): a sibling in the trap dies of the execve, which finishes; then the group is frozen.
#[test]
fn race_03_exec_versus_freeze() {
    play(|stage, a, b| {
        for trapped_first in [false, true] {
            let execs = stage.spawn_into("/c2/g", a);
            let sibling = stage.thread(execs);
            let path = stage.path(execs, &format!("/actor-{b}"));
            let freeze = |stage: &mut Stage| {
                stage.set_freeze("/c2/g", true);
                stage.goes(sibling);
            };
            if trapped_first {
                stage.enter_while(execs, Sysno::Execve, &[path, 0, 0], freeze);
            } else {
                stage.enter(execs, Sysno::Execve, &[path, 0, 0]);
                freeze(stage);
            }
            assert!(!stage.goes(sibling) && stage.letter(sibling) == '-', "{}", stage.scene);
            assert!(!stage.goes(execs) && stage.frozen("/c2/g"), "{}", stage.scene);
            assert_eq!(stage.machine.kernel.tasks[execs.tid].arch().name, b, "{}", stage.scene);
            stage.set_freeze("/c2/g", false);
            assert!(stage.goes(execs));
            stage.kill(execs, SIGKILL);
            stage.turn(execs);
        }
    });
}

/// RACE-04 (C2-06): a vfork parent counts as frozen where it waits.
#[test]
fn race_04_vfork_versus_freeze() {
    play(|stage, a, b| {
        let parent = stage.spawn_into("/c2/g", a);
        let child = stage.vforks(parent, a);
        stage.set_freeze("/c2/g", true);
        assert!(!stage.goes(child) && stage.frozen("/c2/g"), "{}", stage.scene);
        assert_eq!((stage.letter(parent), stage.letter(child)), ('D', 'S'), "C2-15: {}", stage.scene);
        stage.set_freeze("/c2/g", false);
        stage.exec(child, b);
        assert_eq!(stage.result(parent), Some(child.tid.0.into()), "{}", stage.scene);
    });
}

/// RACE-05: taken back before any task has met it, the freeze catches nobody.
#[test]
fn race_05_cancelled_before_anybody_froze() {
    play(|stage, a, b| {
        let tasks = [stage.spawn_into("/c2/g", a), stage.spawn_into("/c2/g", b)];
        stage.set_freeze("/c2/g", true);
        assert!(!stage.frozen("/c2/g"), "{}", stage.scene);
        stage.set_freeze("/c2/g", false);
        assert!(tasks.into_iter().all(|task| stage.goes(task)) && !stage.frozen("/c2/g"), "{}", stage.scene);
    });
}

/// RACE-09 (U-24, U-27; C2-07): SIGKILL and a fatal SIGTERM kill a frozen task; a core-dumping default and a handler wait for the
/// thaw. The group stays frozen all along.
#[test]
fn race_09_kill_frozen() {
    play(|stage, a, b| {
        let victims = [SIGKILL, SIGTERM, SIGQUIT, SIGUSR1].map(|signo| {
            let task = stage.spawn(if signo == SIGKILL { a } else { b });
            (signo, task)
        });
        stage.handle(victims[3].1, SIGUSR1);
        victims.iter().for_each(|&(_, task)| stage.enters(task, "/c2/g"));
        stage.set_freeze("/c2/g", true);
        victims.iter().for_each(|&(_, task)| stage.turn(task));
        assert!(stage.frozen("/c2/g"), "{}", stage.scene);
        for (signo, task) in victims {
            stage.kill(task, signo);
            stage.turn(task);
            let died = signo == SIGKILL || signo == SIGTERM;
            assert_eq!(stage.waited(task), died.then_some(signo.into()), "signal {signo}: {}", stage.scene);
            assert!(stage.frozen("/c2/g"), "after signal {signo}: {}", stage.scene);
        }
        stage.set_freeze("/c2/g", false);
        let [_, _, (_, quits), (_, handles)] = victims;
        stage.turn(quits);
        assert_eq!(stage.waited(quits), Some(SIGQUIT.into()), "{}", stage.scene);
        assert!(stage.goes(handles) && stage.in_handler(handles), "{}", stage.scene);
    });
}

/// RACE-09 (C2-13): cgroup.kill empties a frozen tree.
#[test]
fn race_09_kill_frozen_tree() {
    play(|stage, a, b| {
        stage.mkdir("/c2/g/k");
        let tasks = [stage.spawn_into("/c2/g", a), stage.spawn_into("/c2/g/k", b)];
        stage.set_freeze("/c2/g", true);
        tasks.iter().for_each(|&task| stage.turn(task));
        assert!(stage.frozen("/c2/g") && stage.frozen("/c2/g/k"), "{}", stage.scene);
        assert_eq!(stage.write("/c2/g/cgroup.kill", "1"), 1);
        for task in tasks {
            stage.turn(task);
            assert_eq!(stage.waited(task), Some(SIGKILL.into()), "{}", stage.scene);
        }
        assert_eq!(stage.read("/c2/g/cgroup.events"), "populated 0\nfrozen 1\n", "{}", stage.scene);
    });
}

/// RACE-10 (U-19; C2-03, C2-04): own settings nest; each group is frozen while any above it is.
#[test]
fn race_10_nested() {
    play(|stage, a, b| {
        const GROUPS: [&str; 2] = ["/c2/g", "/c2/g/k"];
        stage.mkdir(GROUPS[1]);
        let tasks = [stage.spawn_into(GROUPS[0], a), stage.spawn_into(GROUPS[1], b)];
        let mut asked = [false; 2];
        for (frozen_first, thawed_first) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let order =
                [(frozen_first, true), (1 - frozen_first, true), (thawed_first, false), (1 - thawed_first, false)];
            for (group, on) in order {
                asked[group] = on;
                stage.set_freeze(GROUPS[group], on);
                tasks.iter().for_each(|&task| stage.turn(task));
                let own = GROUPS.map(|group| stage.read(&format!("{group}/cgroup.freeze")));
                assert_eq!(own, asked.map(|on| format!("{}\n", u8::from(on))), "{}", stage.scene);
                let effective = [asked[0], asked[0] || asked[1]];
                assert_eq!(GROUPS.map(|group| stage.frozen(group)), effective, "{asked:?}: {}", stage.scene);
                assert_eq!(tasks.map(|task| !stage.goes(task)), effective, "{asked:?}: {}", stage.scene);
            }
        }
    });
}

/// RACE-20 (U-20; C2-10): a child put into a frozen group before it execs; its parent waits for that exec, and for the thaw.
#[test]
fn race_20_spawn_into_frozen_group() {
    play(|stage, a, b| {
        stage.set_freeze("/c2/g", true);
        assert!(stage.frozen("/c2/g"), "an empty group is frozen at once (C2-04): {}", stage.scene);
        let parent = stage.spawn(a);
        let child = stage.vforks(parent, a);
        stage.enters(child, "/c2/g");
        assert!(!stage.goes(child) && !stage.goes(parent), "{}", stage.scene);
        assert!(stage.frozen("/c2/g"), "{}", stage.scene);
        stage.set_freeze("/c2/g", false);
        stage.exec(child, b);
        assert_eq!(stage.result(parent), Some(child.tid.0.into()), "{}", stage.scene);
    });
}

/// RACE-22 (U-17, U-23; C2-02): the blocker lets go after the manager has given up. Left at 1, the group freezes behind its back;
/// put back to 0 in time, it does not.
#[test]
fn race_22_late_freeze() {
    play(|stage, a, b| {
        for undone in [false, true] {
            let (blocker, other) = (stage.spawn_into("/c2/g", a), stage.spawn_into("/c2/g", b));
            stage.get_stuck(blocker);
            stage.set_freeze("/c2/g", true);
            stage.turn(other);
            // The deadline.
            assert!(!stage.frozen("/c2/g"), "{}", stage.scene);
            if undone {
                stage.set_freeze("/c2/g", false);
            }
            stage.release();
            stage.turn(blocker);
            assert_eq!(stage.frozen("/c2/g"), !undone, "{}", stage.scene);
            assert_eq!((stage.goes(blocker), stage.goes(other)), (undone, undone), "{}", stage.scene);
            stage.set_freeze("/c2/g", false);
            for task in [blocker, other] {
                stage.kill(task, SIGKILL);
                stage.turn(task);
            }
        }
    });
}

/// RACE-23: a task freezes its own group; its write succeeds, and it sees so after the thaw.
#[test]
fn race_23_self_freeze() {
    play(|stage, a, b| {
        let (writer, other) = (stage.spawn_into("/c2/g", a), stage.spawn_into("/c2/g", b));
        assert_eq!(stage.write_as(writer, "/c2/g/cgroup.freeze", "1"), None, "{}", stage.scene);
        stage.turn(other);
        assert!(stage.frozen("/c2/g"), "{}", stage.scene);
        stage.set_freeze("/c2/g", false);
        assert_eq!(stage.result(writer), Some(1), "{}", stage.scene);
    });
}

/// RACE-24 (C2-05, C2-15): frozen tasks sleep interruptibly, in get_signal.
#[test]
fn race_24_accounting() {
    play(|stage, a, b| {
        let tasks = [stage.spawn_into("/c2/g", a), stage.spawn_into("/c2/g", b)];
        stage.set_freeze("/c2/g", true);
        tasks.iter().for_each(|&task| stage.turn(task));
        assert_eq!(
            tasks.map(|task| (stage.letter(task), stage.wchan(task))),
            [('S', "get_signal"); 2],
            "{}",
            stage.scene
        );
    });
}
