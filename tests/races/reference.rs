//! A small model of groups and their v1 freezer, written from the rules and not from the code: what operations do and return.
use super::Era;
use abi::Errno;

/// What an operation returns: a count, or minus an errno.
pub(super) type Result = i64;

pub(super) fn err(errno: Errno) -> Result {
    -i64::from(errno.0)
}

#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) path: String,
    pub(super) parent: Option<usize>,
    pub(super) alive: bool,
    /// A flat freezer's FREEZING, or the bits of F12-01.
    own: bool,
    above: bool,
    frozen: bool,
}

/// A process of one thread that does nothing but run.
#[derive(Clone, Debug, Default)]
pub(super) struct Task {
    pub(super) group: usize,
    pub(super) dead: bool,
    pub(super) frozen: bool,
    pub(super) stopped: bool,
    /// Asked to freeze, by a flat freezer.
    flag: bool,
    kill: bool,
    stop: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Model {
    era: Era,
    /// The root is the first.
    pub(super) groups: Vec<Group>,
    pub(super) tasks: Vec<Task>,
}

impl Model {
    pub(super) fn new(era: Era, root: &str) -> Model {
        let root = Group { path: root.into(), parent: None, alive: true, own: false, above: false, frozen: false };
        Model { era, groups: vec![root], tasks: Vec::new() }
    }

    // Directories.

    pub(super) fn find(&self, path: &str) -> Option<usize> {
        self.groups.iter().position(|group| group.alive && group.path == path)
    }

    pub(super) fn mkdir(&mut self, path: &str) -> Result {
        let parent = path.rsplit_once('/').and_then(|(parent, _)| self.find(parent));
        let Some(parent) = parent else { return err(Errno::ENOENT) };
        if self.find(path).is_some() {
            return err(Errno::EEXIST);
        }
        // F08-07, F12-07
        let above = !self.era.is_flat() && self.freezing(parent);
        let path = path.into();
        self.groups.push(Group { path, parent: Some(parent), alive: true, own: false, above, frozen: above });
        0
    }

    pub(super) fn rmdir(&mut self, path: &str) -> Result {
        let Some(at) = self.find(path) else { return err(Errno::ENOENT) };
        let used = self.groups.iter().any(|group| group.alive && group.parent == Some(at));
        if used || !self.members(at).is_empty() {
            return err(Errno::EBUSY);
        }
        self.groups[at].alive = false;
        0
    }

    pub(super) fn members(&self, group: usize) -> Vec<usize> {
        (0..self.tasks.len()).filter(|&t| !self.tasks[t].dead && self.tasks[t].group == group).collect()
    }

    /// A group and what is below it, parents first.
    fn below(&self, top: usize) -> Vec<usize> {
        let inside = |mut at: usize| loop {
            if at == top {
                return true;
            }
            let Some(parent) = self.groups[at].parent else { return false };
            at = parent;
        };
        (0..self.groups.len()).filter(|&at| self.groups[at].alive && inside(at)).collect()
    }

    // The freezer.

    fn freezing(&self, group: usize) -> bool {
        self.groups[group].own || self.groups[group].above
    }

    /// Whether the task freezes when it next runs.
    fn asked(&self, t: usize) -> bool {
        if self.era.is_flat() { self.tasks[t].flag } else { self.freezing(self.tasks[t].group) }
    }

    fn freeze_task(&mut self, t: usize) {
        let task = &mut self.tasks[t];
        match self.era {
            Era::S1 | Era::R28 => task.flag |= !task.frozen,
            // It is asked by being where it is.
            Era::V38 => {}
            // F22-02: a stop freezes as it is.
            Era::V61 => task.frozen |= task.stopped,
        }
    }

    fn thaw_task(&mut self, t: usize) {
        let task = &mut self.tasks[t];
        (task.frozen, task.flag) = (false, task.flag && task.frozen);
    }

    fn frozen_enough(&self, t: usize) -> bool {
        let task = &self.tasks[t];
        match self.era {
            // F08-20
            Era::S1 | Era::R28 => task.frozen || task.stopped && task.flag,
            // F12-06
            Era::V38 => task.frozen || task.stopped,
            Era::V61 => task.frozen,
        }
    }

    fn recompute(&mut self, at: usize) {
        let members = self.members(at);
        let frozen = members.iter().filter(|&&t| self.frozen_enough(t)).count();
        let group = &mut self.groups[at];
        if frozen == members.len() {
            (group.own, group.frozen) = (true, true);
        } else if self.era == Era::R28 {
            // F08-31
            (group.own, group.frozen) = (frozen > 0, false);
        }
    }

    /// Whether the group has freezer.state.
    pub(super) fn has_state(&self, at: usize) -> bool {
        at != 0 || self.era == Era::S1
    }

    /// A write of FROZEN or of the thawed word, of `len` bytes.
    pub(super) fn write(&mut self, at: usize, freeze: bool, len: usize) -> Result {
        if self.era.is_flat() {
            self.recompute(at); // F08-14
            let (own, frozen) = (self.groups[at].own, self.groups[at].frozen);
            // F08-13
            let changes = if freeze { !frozen } else { own };
            if changes {
                (self.groups[at].own, self.groups[at].frozen) = (freeze, false);
                for t in self.members(at) {
                    if freeze { self.freeze_task(t) } else { self.thaw_task(t) }
                }
            }
            return len as Result;
        }
        // F12-04
        for down in self.below(at) {
            let was = self.freezing(down);
            if down == at {
                self.groups[down].own = freeze;
            } else {
                let parent = self.groups[down].parent.expect("below something");
                self.groups[down].above = self.freezing(parent);
            }
            let now = self.freezing(down);
            self.groups[down].frozen &= now;
            for t in self.members(down) {
                match (was, now) {
                    (_, true) => self.freeze_task(t),
                    (true, false) => self.thaw_task(t),
                    (false, false) => {}
                }
            }
        }
        len as Result
    }

    /// What a read of freezer.state says.
    pub(super) fn read(&mut self, at: usize) -> &'static str {
        if self.era.is_flat() {
            if self.groups[at].own && !self.groups[at].frozen {
                self.recompute(at); // F08-32
            }
        } else {
            // F12-06: from the bottom up.
            for down in self.below(at).into_iter().rev() {
                let children: Vec<usize> = (0..self.groups.len())
                    .filter(|&c| self.groups[c].alive && self.groups[c].parent == Some(down))
                    .collect();
                let all = children.iter().all(|&c| self.groups[c].frozen)
                    && self.members(down).iter().all(|&t| self.frozen_enough(t));
                self.groups[down].frozen |= all && self.freezing(down);
            }
        }
        match (self.freezing(at), self.groups[at].frozen) {
            (_, true) => "FROZEN",
            (true, false) => "FREEZING",
            (false, false) => "THAWED",
        }
    }

    /// freezer.self_freezing and freezer.parent_freezing (F12-03).
    pub(super) fn bits(&self, at: usize) -> (bool, bool) {
        (self.groups[at].own, self.groups[at].above)
    }

    // Tasks.

    /// A task's number of `len` bytes written to a group's `tasks`.
    pub(super) fn attach(&mut self, t: usize, to: usize, len: usize) -> Result {
        if self.tasks[t].dead {
            // F08-27, scenario 19.
            return if self.era == Era::V61 { len as Result } else { err(Errno::ESRCH) };
        }
        if self.tasks[t].group == to {
            return len as Result; // F08-23
        }
        let refused = match self.era {
            Era::S1 => self.groups[to].frozen,                           // F08-21
            Era::R28 => self.groups[to].frozen || self.frozen_enough(t), // F08-22
            Era::V38 | Era::V61 => false,                                // F12-10
        };
        if refused {
            return err(Errno::EBUSY);
        }
        self.tasks[t].group = to;
        if !self.era.is_flat() {
            if self.freezing(to) {
                // F12-09
                let mut at = Some(to);
                while let Some(up) = at.filter(|&up| self.groups[up].frozen) {
                    self.groups[up].frozen = false;
                    at = self.groups[up].parent;
                }
                self.freeze_task(t);
            } else {
                self.thaw_task(t);
            }
        }
        len as Result
    }

    /// Whether it is in user mode and nothing keeps it from making a call.
    pub(super) fn is_free(&self, t: usize) -> bool {
        let task = &self.tasks[t];
        !(task.dead || task.frozen || task.stopped || task.kill || task.stop || self.asked(t))
    }

    /// A free task forks.
    pub(super) fn fork(&mut self, t: usize) {
        let group = self.tasks[t].group;
        self.tasks.push(Task { group, ..Task::default() });
        if self.freezing(group) && !self.groups[group].frozen {
            self.freeze_task(self.tasks.len() - 1); // F08-41, F12-08
        }
    }

    pub(super) fn exit(&mut self, t: usize) {
        self.tasks[t] = Task { dead: true, ..Task::default() };
    }

    /// SIGKILL: it ends a stop, and waits for a thaw (R08-12, R08-13).
    pub(super) fn kill(&mut self, t: usize) {
        let task = &mut self.tasks[t];
        (task.kill, task.stopped) = (true, false);
    }
    /// SIGSTOP.
    pub(super) fn stop(&mut self, t: usize) {
        let task = &mut self.tasks[t];
        task.stop |= !task.kill;
    }
    /// SIGCONT takes a stop back, begun or not (R08-14).
    pub(super) fn cont(&mut self, t: usize) {
        let task = &mut self.tasks[t];
        (task.stop, task.stopped) = (false, false);
    }

    /// The task gets its turn.
    pub(super) fn run(&mut self, t: usize) {
        let task = &self.tasks[t];
        if task.dead || task.frozen || task.stopped {
            return;
        }
        let asked = self.asked(t);
        let task = &mut self.tasks[t];
        if asked {
            (task.frozen, task.flag) = (true, false);
        } else if task.kill {
            self.exit(t);
        } else if std::mem::take(&mut task.stop) {
            task.stopped = true;
        }
    }
}
