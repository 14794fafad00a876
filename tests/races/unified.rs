//! Random sequences of operations on cgroup2 groups, on a machine and on a small model of rules C2, tasks of every architecture.
use super::model::{Agreed, run_cases, same};
use super::reference::err;
use super::stage::{Actor, Stage};
use crate::support::arches;
use abi::{Errno, SIGCONT, SIGKILL, SIGSTOP, SIGTERM, SIGUSR1, Sysno};
use kernel::freezer::in_freezer_trap;
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeSet;

const ROOT: &str = "/c2";
const PATHS: [&str; 4] = ["/c2/a", "/c2/b", "/c2/a/a", "/c2/a/a/a"];
const TASKS: usize = 4;
const MOST: usize = 12;
const AT_FDCWD: u64 = -100i64 as u64;
/// What is written where, and the errno of it: C2-01, C2-13, scenario 41.
const JUNK: [(&str, &str, Errno); 9] = [
    ("cgroup.freeze", "2", Errno::ERANGE),
    ("cgroup.freeze", "-1", Errno::ERANGE),
    ("cgroup.freeze", "FROZEN", Errno::EINVAL),
    ("cgroup.kill", "0", Errno::ERANGE),
    ("cgroup.kill", "x", Errno::EINVAL),
    ("cgroup.procs", "x", Errno::EINVAL),
    ("cgroup.procs", "999999", Errno::ESRCH),
    ("cgroup.type", "domain", Errno::EINVAL),
    ("cgroup.max.depth", "-1", Errno::ERANGE),
];

#[derive(Clone, Copy, Debug)]
enum Op {
    Mkdir(usize),
    Rmdir(usize),
    Move(usize, usize),
    Freeze(usize, bool),
    Kill(usize),
    Read(usize),
    Junk(usize, usize),
    Fork(usize),
    Exit(usize),
    Signal(usize, u8),
    Run(usize),
    Settle,
}

fn op() -> impl Strategy<Value = Op> {
    let group = || prop_oneof![3 => Just(0), 2 => 0..=PATHS.len()];
    let task = || any::<usize>();
    // SIGUSR1 is fatal by default, as SIGTERM is.
    let signo = || prop_oneof![1 => Just(SIGKILL), 1 => Just(SIGTERM), 1 => Just(SIGUSR1), 4 => Just(SIGSTOP), 4 => Just(SIGCONT)];
    prop_oneof![
        4 => (0..PATHS.len()).prop_map(Op::Mkdir),
        2 => (0..PATHS.len()).prop_map(Op::Rmdir),
        6 => (task(), group()).prop_map(|(t, g)| Op::Move(t, g)),
        9 => (group(), any::<bool>()).prop_map(|(g, freeze)| Op::Freeze(g, freeze)),
        1 => (1..=PATHS.len()).prop_map(Op::Kill),
        6 => group().prop_map(Op::Read),
        2 => (group(), 0..JUNK.len()).prop_map(|(g, j)| Op::Junk(g, j)),
        3 => task().prop_map(Op::Fork),
        1 => task().prop_map(Op::Exit),
        5 => (task(), signo()).prop_map(|(t, signo)| Op::Signal(t, signo)),
        9 => task().prop_map(Op::Run),
        3 => Just(Op::Settle),
    ]
}

#[derive(Clone, Debug)]
struct Group {
    path: &'static str,
    parent: Option<usize>,
    alive: bool,
    freeze: bool,
    /// What cgroup.events says.
    frozen: bool,
}

#[derive(Clone, Debug, Default)]
struct Task {
    group: usize,
    dead: bool,
    /// In the trap; stopped.
    trapped: bool,
    stopped: bool,
    /// Counts as frozen, until it is on its way again (C2-05, C2-06).
    counted: bool,
    fatal: bool,
    stop: bool,
    /// Was asked to look for signals, and has not yet.
    poked: bool,
    /// Deadly signals that wait to be taken.
    queued: BTreeSet<u8>,
}

/// What rules C2 say.
#[derive(Clone)]
struct Model {
    groups: Vec<Group>,
    tasks: Vec<Task>,
}

impl Model {
    fn find(&self, path: &str) -> Option<usize> {
        self.groups.iter().position(|group| group.alive && group.path == path)
    }
    /// A group and those above it.
    fn up(&self, at: usize) -> Vec<usize> {
        std::iter::successors(Some(at), |&at| self.groups[at].parent).collect()
    }
    /// C2-03: its own setting or one from above.
    fn freezing(&self, at: usize) -> bool {
        self.up(at).iter().any(|&at| self.groups[at].freeze)
    }
    fn members(&self, at: usize) -> Vec<usize> {
        (0..self.tasks.len()).filter(|&t| !self.tasks[t].dead && self.tasks[t].group == at).collect()
    }
    fn inside(&self, top: usize) -> Vec<usize> {
        let below = |t: &usize| self.up(self.tasks[*t].group).contains(&top);
        (0..self.tasks.len()).filter(|&t| !self.tasks[t].dead).filter(below).collect()
    }

    fn mkdir(&mut self, path: &'static str) -> i64 {
        let Some(parent) = path.rsplit_once('/').and_then(|(parent, _)| self.find(parent)) else {
            return err(Errno::ENOENT);
        };
        if self.find(path).is_some() {
            return err(Errno::EEXIST);
        }
        // C2-10
        let frozen = self.freezing(parent);
        self.groups.push(Group { path, parent: Some(parent), alive: true, freeze: false, frozen });
        0
    }
    fn rmdir(&mut self, path: &str) -> i64 {
        let Some(at) = self.find(path) else { return err(Errno::ENOENT) };
        let used = self.groups.iter().any(|group| group.alive && group.parent == Some(at));
        if used || !self.members(at).is_empty() {
            return err(Errno::EBUSY);
        }
        self.groups[at].alive = false;
        0
    }
    fn freeze(&mut self, top: usize, freeze: bool) {
        let below: Vec<usize> =
            (0..self.groups.len()).filter(|&at| self.groups[at].alive && self.up(at).contains(&top)).collect();
        let was: Vec<bool> = below.iter().map(|&at| self.freezing(at)).collect();
        self.groups[top].freeze = freeze;
        for (at, was) in below.into_iter().zip(was) {
            let now = self.freezing(at);
            if now == was {
                continue;
            }
            for t in self.members(at) {
                self.tasks[t].poked |= now;
                self.tasks[t].trapped &= now;
            }
            // Groups without any below, and those below which all is as it should be.
            if self.all_frozen_below(at) {
                self.update_frozen(at);
            }
        }
    }
    fn all_frozen_below(&self, at: usize) -> bool {
        let below = |group: &usize| *group != at && self.groups[*group].alive && self.up(*group).contains(&at);
        (0..self.groups.len()).filter(below).all(|group| self.groups[group].frozen)
    }
    /// C2-04, as Linux has it: a group's own tasks are looked at when one of them or the setting changes, the groups below when
    /// one of those does, and neither then looks at the other. So a group can be left saying frozen 1 that is not to be
    /// frozen: seen on Linux 6.18 too, with a task moved into a child before it had met the trap.
    fn update_frozen(&mut self, at: usize) {
        let frozen = self.freezing(at) && self.members(at).iter().all(|&t| self.tasks[t].counted);
        if frozen == self.groups[at].frozen {
            return;
        }
        self.groups[at].frozen = frozen;
        for up in self.up(at).into_iter().skip(1) {
            if !frozen {
                self.groups[up].frozen = false;
            } else if self.freezing(up) && self.all_frozen_below(up) {
                self.groups[up].frozen = true;
            }
        }
    }
    fn count(&mut self, t: usize, counted: bool) {
        if std::mem::replace(&mut self.tasks[t].counted, counted) != counted {
            self.update_frozen(self.tasks[t].group);
        }
    }
    fn exit(&mut self, t: usize) {
        let group = self.tasks[t].group;
        // It leaves the trap before it leaves the group.
        self.count(t, false);
        self.tasks[t] = Task { dead: true, ..Task::default() };
        if self.freezing(group) {
            self.update_frozen(group);
        }
    }
    /// C2-10: who was in the trap looks again.
    fn attach(&mut self, t: usize, to: usize) {
        let from = self.tasks[t].group;
        if self.tasks[t].dead || from == to {
            return;
        }
        self.tasks[t].group = to;
        let freezing = self.freezing(to);
        if self.freezing(from) || freezing || self.tasks[t].counted {
            self.update_frozen(to);
            self.update_frozen(from);
            self.tasks[t].trapped = false;
            self.tasks[t].poked |= freezing;
        }
    }
    /// C2-07: fatal ones end trap and stop; SIGCONT a stop. Who is on its way to look for signals (`wants_signal`) is not woken
    /// for another, and takes the trap first: then even a deadly one waits for the thaw, but for SIGKILL.
    fn signal(&mut self, t: usize, signo: u8) {
        let task = &mut self.tasks[t];
        match signo {
            _ if task.fatal => {}
            SIGSTOP => task.stop = true,
            SIGCONT => (task.stop, task.stopped) = (false, false),
            _ if signo != SIGKILL && (task.poked || task.queued.contains(&signo)) => drop(task.queued.insert(signo)),
            _ => (task.fatal, task.trapped, task.stopped) = (true, false, false),
        }
    }
    fn run(&mut self, t: usize) {
        let freezing = self.freezing(self.tasks[t].group);
        let task = &mut self.tasks[t];
        if task.dead || task.stopped || task.trapped {
            return;
        }
        task.poked = false;
        let dies = task.fatal || !freezing && !task.queued.is_empty();
        if dies {
            self.exit(t);
        } else if freezing {
            task.trapped = true;
            self.count(t, true);
        } else {
            let stops = std::mem::take(&mut task.stop);
            task.stopped = stops;
            // Out of the trap before it takes the signal.
            self.count(t, false);
            self.count(t, stops);
        }
    }
    fn is_free(&self, t: usize) -> bool {
        let task = &self.tasks[t];
        !(task.dead || task.stopped || task.trapped || task.fatal || task.stop || task.counted || task.poked)
            && task.queued.is_empty()
            && !self.freezing(task.group)
    }
}

struct Pair {
    stage: Stage,
    model: Model,
    actors: Vec<Actor>,
}

impl Pair {
    fn new(profile: &str) -> Pair {
        let names: Vec<&'static str> = arches().collect();
        let mut stage = Stage::new(profile, names[0]);
        let none = abi::MountFlags::empty();
        stage.machine.kernel.mount_type("cgroup2", b"none", ROOT.as_bytes(), none, b"").expect("cgroup2");
        let actors = (0..TASKS).map(|t| stage.spawn(names[t % names.len()])).collect();
        let root = Group { path: ROOT, parent: None, alive: true, freeze: false, frozen: false };
        Pair { stage, model: Model { groups: vec![root], tasks: vec![Task::default(); TASKS] }, actors }
    }
    fn fork(&mut self) -> Pair {
        Pair { stage: self.stage.fork(), model: self.model.clone(), actors: self.actors.clone() }
    }

    fn chosen(&self, t: usize) -> usize {
        let live: Vec<usize> = (0..self.actors.len()).filter(|&t| !self.model.tasks[t].dead).collect();
        if live.is_empty() || t.is_multiple_of(16) { t % self.actors.len() } else { live[t % live.len()] }
    }
    fn path_of(&self, g: usize) -> &'static str {
        PATHS.get(g).copied().unwrap_or(ROOT)
    }
    fn run(&mut self, t: usize) {
        self.stage.turn(self.actors[t]);
        self.model.run(t);
    }
    /// What a path call of the manager's returns.
    fn directory(&mut self, sysno: Sysno, path: &str, last: u64) -> i64 {
        let manager = self.stage.manager;
        let at = self.stage.path(manager, path);
        self.stage.done(manager, sysno, &[AT_FDCWD, at, last])
    }

    fn apply(&mut self, op: Op) -> Agreed {
        match op {
            Op::Mkdir(g) => {
                let made = self.directory(Sysno::Mkdirat, PATHS[g], 0o755);
                same("mkdir", made, self.model.mkdir(PATHS[g]))
            }
            Op::Rmdir(g) => {
                let removed = self.directory(Sysno::Unlinkat, PATHS[g], 0x200);
                same("rmdir", removed, self.model.rmdir(PATHS[g]))
            }
            Op::Move(t, g) => {
                let (t, path) = (self.chosen(t), self.path_of(g));
                let number = self.actors[t].tid.0.to_string();
                let moved = self.stage.write(&format!("{path}/cgroup.procs"), &number);
                let to = self.model.find(path);
                to.into_iter().for_each(|to| self.model.attach(t, to));
                same("move", moved, to.map_or(err(Errno::ENOENT), |_| number.len() as i64))
            }
            Op::Freeze(g, freeze) => {
                let path = self.path_of(g);
                let wrote = self.stage.write(&format!("{path}/cgroup.freeze"), if freeze { "1" } else { "0" });
                // C2-01: not in the root.
                let at = self.model.find(path).filter(|&at| at != 0);
                at.into_iter().for_each(|at| self.model.freeze(at, freeze));
                same("cgroup.freeze", wrote, at.map_or(err(Errno::ENOENT), |_| 1))
            }
            Op::Kill(g) => {
                let path = self.path_of(g);
                let wrote = self.stage.write(&format!("{path}/cgroup.kill"), "1");
                let at = self.model.find(path).filter(|&at| at != 0);
                for t in at.map(|at| self.model.inside(at)).unwrap_or_default() {
                    self.model.signal(t, SIGKILL);
                }
                same("cgroup.kill", wrote, at.map_or(err(Errno::ENOENT), |_| 1))
            }
            Op::Read(g) => self.same_group(self.path_of(g)),
            Op::Junk(g, j) => {
                let (path, (file, text, errno)) = (self.path_of(g), JUNK[j]);
                let of_root = ["cgroup.procs", "cgroup.max.depth"].contains(&file);
                let there = self.model.find(path).is_some_and(|at| at != 0 || of_root);
                let wrote = self.stage.write(&format!("{path}/{file}"), text);
                same("junk", wrote, err(if there { errno } else { Errno::ENOENT }))
            }
            Op::Fork(t) => {
                let t = self.chosen(t);
                if self.actors.len() < MOST && self.model.is_free(t) {
                    self.actors.push(self.stage.forked(self.actors[t]));
                    self.model.tasks.push(Task { group: self.model.tasks[t].group, ..Task::default() });
                }
                Ok(())
            }
            Op::Exit(t) => {
                let t = self.chosen(t);
                if self.model.is_free(t) {
                    self.stage.enter(self.actors[t], Sysno::ExitGroup, &[0]);
                    self.model.exit(t);
                }
                Ok(())
            }
            Op::Signal(t, signo) => {
                let t = self.chosen(t);
                // A signal but SIGKILL waits while the task is stopped; what then comes of it is not the freezer's.
                let waits = self.model.tasks[t].stopped && ![SIGKILL, SIGCONT, SIGSTOP].contains(&signo);
                if !self.model.tasks[t].dead && !waits {
                    self.stage.kill(self.actors[t], signo);
                    self.model.signal(t, signo);
                    // A signal wakes the trap, and the task looks again: at once, so that the model need not know.
                    self.run(t);
                }
                Ok(())
            }
            Op::Run(t) => {
                self.run(self.chosen(t));
                Ok(())
            }
            Op::Settle => {
                (0..self.actors.len()).for_each(|t| self.run(t));
                PATHS.into_iter().try_for_each(|path| self.same_group(path))
            }
        }
    }

    /// Members, and what cgroup.freeze and cgroup.events say.
    fn same_group(&mut self, path: &str) -> Agreed {
        let Some(at) = self.model.find(path) else { return Ok(()) };
        let shown = self.stage.read(&format!("{path}/cgroup.procs"));
        let ours = |tid: &u32| self.actors.iter().any(|actor| actor.tid.0 == *tid);
        let shown: Vec<u32> = shown.lines().filter_map(|line| line.parse().ok()).filter(ours).collect();
        let mut wants: Vec<u32> = self.model.members(at).iter().map(|&t| self.actors[t].tid.0).collect();
        wants.sort_unstable();
        same("members", shown, wants)?;
        if at == 0 {
            return Ok(());
        }
        let own = self.stage.read(&format!("{path}/cgroup.freeze"));
        same("cgroup.freeze", own.as_str(), if self.model.groups[at].freeze { "1\n" } else { "0\n" })?;
        let events = self.stage.read(&format!("{path}/cgroup.events"));
        let populated = !self.model.inside(at).is_empty();
        same("populated", events.contains("populated 1"), populated)?;
        same("frozen", events.contains("frozen 1"), self.model.groups[at].frozen)
    }

    fn same_tasks(&self) -> Agreed {
        for (task, &actor) in self.model.tasks.iter().zip(&self.actors) {
            let machine = self.stage.machine.kernel.tasks.get(actor.tid).filter(|task| !task.is_dead());
            let machine = machine.map(|task| (in_freezer_trap(task), task.is_stopped(), task.cgroup_frozen));
            let model = (!task.dead).then_some((task.trapped, task.stopped, task.counted));
            same(&format!("task {}: in the trap, stopped, counted", actor.tid.0), machine, model)?;
        }
        Ok(())
    }

    fn play(&mut self, ops: &[Op]) -> Agreed {
        for (n, &op) in ops.iter().enumerate() {
            let agreed = self.apply(op).and_then(|()| self.same_tasks());
            agreed.map_err(|why| format!("after {n} others, {op:?}: {why}"))?;
        }
        self.apply(Op::Settle)
    }
}

/// C2-01..10, C2-13.
#[test]
fn v2_is_what_the_rules_say() {
    for profile in ["2008", "6.18"] {
        let mut first = Pair::new(profile);
        let begin = [Op::Mkdir(0), Op::Mkdir(1), Op::Mkdir(2), Op::Move(1, 0), Op::Move(2, 0), Op::Move(3, 2)];
        assert_eq!(first.play(&begin), Ok(()), "{profile}");
        let first = RefCell::new(first);
        run_cases(profile, &prop::collection::vec(op(), 1..200), |ops| first.borrow_mut().fork().play(&ops));
    }
}
