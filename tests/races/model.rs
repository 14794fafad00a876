//! Random sequences of operations on groups and their tasks, on a machine and on a small model of the rules: both agree about
//! every result, state, member, and about who is frozen, stopped or dead. `MINIKERN_SEED` and `MINIKERN_CASES` choose others.
use super::reference::{Model, err};
use super::stage::{Actor, Stage};
use super::{Era, V1};
use crate::support::arches;
use abi::{Errno, SIGCONT, SIGKILL, SIGSTOP, Sysno};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::cell::RefCell;

/// Groups that come and go; the root is another.
const PATHS: [&str; 4] = ["/c/a", "/c/b", "/c/a/a", "/c/a/a/a"];
const TASKS: usize = 4;
/// Tasks there are at most, with those forked.
const MOST: usize = 12;
const AT_FDCWD: u64 = -100i64 as u64;

/// Words that no state file takes; the empty one is special, the long ones are too long before and under kernfs.
const JUNK: [&str; 9] = ["FREEZING", "frozen", "FROZEN x", "1", "-1", "", "\u{ff}\u{fe}", "THAWED\0\u{1}X", LONG];
const LONG: &str = "FROZENFROZENFROZENFROZENFROZENFROZENFROZENFROZENFROZENFROZENFROZEN";
/// What is no task's number, and what each is.
const PIDS: [(&str, Errno); 5] = [
    ("x", Errno::EINVAL),
    ("-1", Errno::EINVAL),
    ("999999", Errno::ESRCH),
    ("1 2", Errno::EINVAL),
    ("99999999999999999999", Errno::EINVAL),
];

#[derive(Clone, Copy, Debug)]
enum Op {
    Mkdir(usize),
    Rmdir(usize),
    Move(usize, usize),
    Freeze(usize),
    Thaw(usize),
    Read(usize),
    Junk(usize, usize),
    Pid(usize, usize),
    Fork(usize),
    Exit(usize),
    Kill(usize),
    Stop(usize),
    Cont(usize),
    Run(usize),
    Settle,
    /// Unmounts the hierarchy and mounts it again.
    Remount,
    /// Opens a state file, to be kept.
    Hold(usize),
    HeldRead,
    HeldWrite(bool),
}

fn op() -> impl Strategy<Value = Op> {
    // Much happens in one group.
    let group = || prop_oneof![3 => Just(0), 2 => 0..=PATHS.len()];
    let task = || any::<usize>();
    prop_oneof![
        4 => (0..PATHS.len()).prop_map(Op::Mkdir),
        2 => (0..PATHS.len()).prop_map(Op::Rmdir),
        6 => (task(), group()).prop_map(|(t, g)| Op::Move(t, g)),
        6 => group().prop_map(Op::Freeze),
        5 => group().prop_map(Op::Thaw),
        5 => group().prop_map(Op::Read),
        2 => (group(), 0..JUNK.len()).prop_map(|(g, j)| Op::Junk(g, j)),
        1 => (group(), 0..PIDS.len()).prop_map(|(g, p)| Op::Pid(g, p)),
        2 => task().prop_map(Op::Fork),
        1 => task().prop_map(Op::Exit),
        1 => task().prop_map(Op::Kill),
        2 => task().prop_map(Op::Stop),
        2 => task().prop_map(Op::Cont),
        8 => task().prop_map(Op::Run),
        2 => Just(Op::Settle),
        1 => Just(Op::Remount),
        1 => group().prop_map(Op::Hold),
        1 => Just(Op::HeldRead),
        1 => any::<bool>().prop_map(Op::HeldWrite),
    ]
}

/// The machine and the model of it.
struct Pair {
    stage: Stage,
    model: Model,
    era: Era,
    actors: Vec<Actor>,
    /// A descriptor of the manager's, and the group it is of.
    held: Option<(u64, usize)>,
}

/// Where the two disagree, if they do.
pub(super) type Agreed = Result<(), String>;

pub(super) fn same<T: PartialEq + std::fmt::Debug>(what: &str, machine: T, model: T) -> Agreed {
    if machine == model { Ok(()) } else { Err(format!("{what}: the machine says {machine:?}, the model {model:?}")) }
}

impl Pair {
    fn new(name: &str, era: Era) -> Pair {
        let names: Vec<&'static str> = arches().collect();
        let mut stage = Stage::new(name, names[0]);
        let mut model = Model::new(era, "/c");
        let actors = (0..TASKS).map(|t| stage.spawn(names[t % names.len()])).collect();
        model.tasks = vec![super::reference::Task::default(); TASKS];
        Pair { stage, model, era, actors, held: None }
    }

    fn fork(&mut self) -> Pair {
        Pair { stage: self.stage.fork(), model: self.model.clone(), actors: self.actors.clone(), ..*self }
    }

    fn group(&self, g: usize) -> &'static str {
        PATHS.get(g).copied().unwrap_or("/c")
    }

    fn raw_mkdir(&mut self, path: &str) -> i64 {
        let manager = self.stage.manager;
        let at = self.stage.path(manager, path);
        self.stage.done(manager, Sysno::Mkdirat, &[AT_FDCWD, at, 0o755])
    }

    fn write_held(&mut self, fd: u64, text: &str) -> i64 {
        let manager = self.stage.manager;
        self.stage.machine.kernel.user(manager.tid).write(manager.data(), text.as_bytes()).expect("its data");
        self.stage.done(manager, Sysno::Write, &[fd, manager.data(), text.len() as u64])
    }

    fn remount(&mut self) {
        let manager = self.stage.manager;
        let at = self.stage.path(manager, "/c");
        self.stage.ok(manager, Sysno::Umount2, &[at, 0]);
        let none = abi::MountFlags::empty();
        let mounted = self.stage.machine.kernel.mount_type("cgroup", b"freezer", b"/c", none, b"freezer");
        mounted.expect("the hierarchy");
    }

    /// What the state file of a group that has one says of a word that is none.
    fn junk(&self, text: &str) -> i64 {
        let longest = if self.era == Era::V61 { 4096 } else { 62 };
        match text.len() {
            0 if self.era == Era::V61 => 0,
            len if len > longest => err(Errno::E2BIG),
            // What follows a zero is not looked at.
            _ if text.starts_with("THAWED\0") && self.era != Era::S1 => text.len() as i64,
            _ if self.era == Era::S1 => err(Errno::EIO),
            _ => err(Errno::EINVAL),
        }
    }

    /// A task chosen at random: one of those that have not ended, if there are any.
    fn chosen(&self, t: usize) -> usize {
        let live: Vec<usize> = (0..self.actors.len()).filter(|&t| !self.model.tasks[t].dead).collect();
        if live.is_empty() || t.is_multiple_of(16) { t % self.actors.len() } else { live[t % live.len()] }
    }

    fn apply(&mut self, op: Op) -> Agreed {
        let op = match op {
            Op::Move(t, g) => Op::Move(self.chosen(t), g),
            Op::Fork(t) => Op::Fork(self.chosen(t)),
            Op::Exit(t) => Op::Exit(self.chosen(t)),
            Op::Kill(t) => Op::Kill(self.chosen(t)),
            Op::Stop(t) => Op::Stop(self.chosen(t)),
            Op::Cont(t) => Op::Cont(self.chosen(t)),
            Op::Run(t) => Op::Run(self.chosen(t)),
            op => op,
        };
        let thawed = self.stage.thawed;
        match op {
            Op::Mkdir(g) => {
                let path = self.group(g);
                same("mkdir", self.raw_mkdir(path), self.model.mkdir(path))
            }
            Op::Rmdir(g) => {
                let path = self.group(g);
                let manager = self.stage.manager;
                let at = self.stage.path(manager, path);
                let removed = self.stage.done(manager, Sysno::Unlinkat, &[AT_FDCWD, at, 0x200]);
                same("rmdir", removed, self.model.rmdir(path))
            }
            Op::Move(t, g) => {
                let actor = self.actors[t];
                let path = self.group(g);
                let len = actor.tid.0.to_string().len();
                let moved = self.stage.attach(actor, path);
                let model = self.model.find(path).map(|to| self.model.attach(t, to, len));
                same("move", moved, model.unwrap_or(err(Errno::ENOENT)))
            }
            Op::Freeze(g) | Op::Thaw(g) => {
                let freeze = matches!(op, Op::Freeze(_));
                let path = self.group(g);
                // The manager is in the root, and would not come back from freezing it.
                let found = self.model.find(path).filter(|&at| self.model.has_state(at));
                if found == Some(0) {
                    return Ok(());
                }
                let word = if freeze { "FROZEN" } else { thawed };
                let wrote = self.stage.write(&format!("{path}/freezer.state"), word);
                let model = found.map(|at| self.model.write(at, freeze, word.len()));
                same("write", wrote, model.unwrap_or(err(Errno::ENOENT)))
            }
            Op::Read(g) => {
                let path = self.group(g);
                let found = self.model.find(path).filter(|&at| self.model.has_state(at));
                let state = self.stage.state(path);
                same("state", state.as_str(), found.map_or("", |at| self.model.read(at)))?;
                if let Some(at) = found.filter(|_| !self.era.is_flat()) {
                    let bit = |stage: &mut Stage, file: &str| stage.read(&format!("{path}/freezer.{file}")) == "1\n";
                    let bits = (bit(&mut self.stage, "self_freezing"), bit(&mut self.stage, "parent_freezing"));
                    same("freezing bits", bits, self.model.bits(at))?;
                }
                self.same_members(path)
            }
            Op::Junk(g, j) => {
                let (path, text) = (self.group(g), JUNK[j]);
                let found = self.model.find(path).filter(|&at| self.model.has_state(at));
                let wants = found.map_or(err(Errno::ENOENT), |_| self.junk(text));
                if found == Some(0) && wants > 0 {
                    return Ok(());
                }
                let wrote = self.stage.write(&format!("{path}/freezer.state"), text);
                if let Some(at) = found.filter(|_| wants > 0) {
                    self.model.write(at, false, text.len());
                }
                same("junk", wrote, wants)
            }
            Op::Pid(g, p) => {
                let path = self.group(g);
                let (text, errno) = PIDS[p];
                let found = self.model.find(path).is_some();
                let wrote = self.stage.write(&format!("{path}/tasks"), text);
                same("no task's number", wrote, err(if found { errno } else { Errno::ENOENT }))
            }
            Op::Fork(t) => {
                if self.actors.len() < MOST && self.model.is_free(t) {
                    let child = self.stage.forked(self.actors[t]);
                    self.actors.push(child);
                    self.model.fork(t);
                }
                Ok(())
            }
            Op::Exit(t) => {
                if self.model.is_free(t) {
                    self.stage.enter(self.actors[t], Sysno::ExitGroup, &[0]);
                    self.model.exit(t);
                }
                Ok(())
            }
            Op::Kill(t) | Op::Stop(t) | Op::Cont(t) => {
                if !self.model.tasks[t].dead {
                    let (signo, sent): (u8, fn(&mut Model, usize)) = match op {
                        Op::Kill(_) => (SIGKILL, Model::kill),
                        Op::Stop(_) => (SIGSTOP, Model::stop),
                        _ => (SIGCONT, Model::cont),
                    };
                    self.stage.kill(self.actors[t], signo);
                    sent(&mut self.model, t);
                }
                Ok(())
            }
            Op::Run(t) => {
                self.run(t);
                Ok(())
            }
            Op::Settle => {
                (0..self.actors.len()).for_each(|t| self.run(t));
                Ok(())
            }
            Op::Remount if self.held.is_some() => Ok(()),
            Op::Remount => {
                self.remount();
                Ok(())
            }
            Op::Hold(g) => {
                let path = self.group(g);
                let manager = self.stage.manager;
                if let Some((fd, _)) = self.held.take() {
                    self.stage.ok(manager, Sysno::Close, &[fd]);
                }
                let found = self.model.find(path).filter(|&at| at != 0);
                if let Some(at) = found {
                    let fd = self.stage.open(manager, &format!("{path}/freezer.state"), 2);
                    self.held = Some((fd as u64, at));
                }
                Ok(())
            }
            Op::HeldRead => {
                let Some((fd, at)) = self.held else { return Ok(()) };
                let manager = self.stage.manager;
                let read = self.stage.done(manager, Sysno::Pread64, &[fd, manager.data(), 32, 0]);
                let wants = match self.model.groups[at].alive {
                    true => self.model.read(at).replace("THAWED", thawed).len() as i64 + 1,
                    false => err(Errno::ENODEV),
                };
                same("a file held", read, wants)
            }
            Op::HeldWrite(freeze) => {
                let Some((fd, at)) = self.held else { return Ok(()) };
                let word = if freeze { "FROZEN" } else { thawed };
                let wrote = self.write_held(fd, word);
                let wants = match self.model.groups[at].alive {
                    true => self.model.write(at, freeze, word.len()),
                    false => err(Errno::ENODEV),
                };
                same("a file held", wrote, wants)
            }
        }
    }

    fn run(&mut self, t: usize) {
        self.stage.turn(self.actors[t]);
        self.model.run(t);
    }

    fn same_members(&mut self, path: &str) -> Agreed {
        let Some(at) = self.model.find(path) else { return Ok(()) };
        let shown = self.stage.read(&format!("{path}/tasks"));
        let ours = |tid: &u32| self.actors.iter().any(|actor| actor.tid.0 == *tid);
        let shown: Vec<u32> = shown.lines().filter_map(|line| line.parse().ok()).filter(ours).collect();
        let mut wants: Vec<u32> = self.model.members(at).iter().map(|&t| self.actors[t].tid.0).collect();
        wants.sort_unstable();
        same("members", shown, wants)
    }

    /// What every task is doing.
    fn same_tasks(&self) -> Agreed {
        for (task, &actor) in self.model.tasks.iter().zip(&self.actors) {
            let machine = match (self.stage.letter(actor), self.stage.is_frozen(actor)) {
                ('Z' | '-', _) => "dead",
                (_, true) => "frozen",
                ('T', _) => "stopped",
                ('R', _) => "runs",
                _ => "sleeps",
            };
            let model = match (task.dead, task.frozen, task.stopped) {
                (true, ..) => "dead",
                (_, true, _) => "frozen",
                (_, _, true) => "stopped",
                _ => "runs",
            };
            same(&format!("task {}", actor.tid.0), machine, model)?;
        }
        Ok(())
    }

    fn play(&mut self, ops: &[Op]) -> Agreed {
        for (n, &op) in ops.iter().enumerate() {
            let agreed = self.apply(op).and_then(|()| self.same_tasks());
            agreed.map_err(|why| format!("after {n} others, {op:?}: {why}"))?;
        }
        for path in PATHS.into_iter().chain(["/c"]) {
            self.same_members(path)?;
        }
        Ok(())
    }
}

/// A number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Plays random sequences; of one that fails, the shortest that still does, and the seed, are in the message.
pub(super) fn run_cases<S: Strategy>(profile: &str, ops: &S, play: impl Fn(S::Value) -> Agreed) {
    let seed = setting("MINIKERN_SEED", 1);
    let cases = setting("MINIKERN_CASES", 64) as u32;
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let found = TestRunner::new_with_rng(config, rng).run(ops, |ops| play(ops).map_err(TestCaseError::fail));
    if let Err(why) = found {
        panic!("{profile}, MINIKERN_SEED={seed}: {why}");
    }
}

/// F08-03..07, F08-13..15, F08-20..25, F08-27, F08-30..35, F08-41, F12-01..10, F22-02, F22-03, R08-12..15.
#[test]
fn v1_is_what_the_rules_say() {
    for (name, era) in V1.into_iter().zip([Era::S1, Era::R28, Era::V38, Era::V61]) {
        // Every sequence begins with three groups and tasks in two of them (`chosen` gives 1, 2, 3 for these).
        let begin = [Op::Mkdir(0), Op::Mkdir(1), Op::Mkdir(2), Op::Move(1, 0), Op::Move(2, 0), Op::Move(3, 2)];
        let mut first = Pair::new(name, era);
        assert_eq!(first.play(&begin), Ok(()), "{name}");
        let first = RefCell::new(first);
        run_cases(name, &prop::collection::vec(op(), 1..200), |ops| first.borrow_mut().fork().play(&ops));
    }
}
