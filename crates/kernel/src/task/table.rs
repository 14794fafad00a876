//! The table of all tasks: who exists, who sleeps, who belongs to whom.
use super::sighand::Sighand;
use super::wait::WaitTable;
use super::{Task, TaskState, Tgid, ThreadGroup, Tid, WaitKey};
use crate::sched::Scheduler;
use crate::syscall::{Sleep, SleepKind};
use crate::vfs::arena::Arena;
use arch::Tif;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Numbers below this are not given out again once the counter has wrapped (`RESERVED_PIDS`).
const RESERVED_PIDS: u32 = 300;

/// Every task and thread group, the run queue and the wait table: state changes go through here, so they cannot disagree.
#[derive(Clone, Serialize, Deserialize)]
pub struct Tasks {
    table: BTreeMap<Tid, Task>,
    groups: BTreeMap<Tgid, ThreadGroup>,
    pub(super) sighands: Arena<Sighand>,
    pgrps: BTreeMap<Tid, BTreeSet<Tgid>>,
    /// Tasks of each user that are not reaped: RLIMIT_NPROC.
    users: BTreeMap<u32, u32>,
    waits: WaitTable,
    /// Sleeps that end by themselves.
    sleepers: BTreeSet<(u64, Tid)>,
    pub sched: Scheduler,
    last_tid: u32,
    /// Tasks made since boot.
    pub forks: u64,
}

impl Tasks {
    pub fn new(cpus: u32, seed: u64) -> Tasks {
        Tasks {
            table: BTreeMap::new(),
            groups: BTreeMap::new(),
            sighands: Arena::default(),
            pgrps: BTreeMap::new(),
            users: BTreeMap::new(),
            waits: WaitTable::default(),
            sleepers: BTreeSet::new(),
            sched: Scheduler::new(cpus, seed),
            last_tid: 0,
            forks: 0,
        }
    }
    pub fn get(&self, tid: Tid) -> Option<&Task> {
        self.table.get(&tid)
    }
    pub fn get_mut(&mut self, tid: Tid) -> Option<&mut Task> {
        self.table.get_mut(&tid)
    }
    pub fn group(&self, tgid: Tgid) -> Option<&ThreadGroup> {
        self.groups.get(&tgid)
    }
    pub fn group_mut(&mut self, tgid: Tgid) -> Option<&mut ThreadGroup> {
        self.groups.get_mut(&tgid)
    }
    /// The group of a live task.
    pub fn group_of(&self, tid: Tid) -> &ThreadGroup {
        self.groups.get(&self[tid].tgid).expect("a task has a group")
    }
    pub fn group_of_mut(&mut self, tid: Tid) -> &mut ThreadGroup {
        let tgid = self[tid].tgid;
        self.groups.get_mut(&tgid).expect("a task has a group")
    }
    /// All tasks, by number.
    pub fn iter(&self) -> impl Iterator<Item = &Task> {
        self.table.values()
    }
    /// All tasks and threads there are, the dead included.
    pub fn len(&self) -> usize {
        self.table.len()
    }
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
    /// All thread groups, by number.
    pub fn groups(&self) -> impl Iterator<Item = &ThreadGroup> {
        self.groups.values()
    }
    /// The members of a process group, by number.
    pub fn pgrp(&self, pgid: Tid) -> impl DoubleEndedIterator<Item = Tgid> + '_ {
        self.pgrps.get(&pgid).into_iter().flatten().copied()
    }
    /// The session a process group is in.
    pub fn session_of(&self, pgid: Tid) -> Option<Tid> {
        self.pgrp(pgid).next().and_then(|tgid| self.group(tgid)).map(|group| group.sid)
    }
    /// The last thread is gone, and nobody has waited for the leader yet.
    pub fn is_group_dead(&self, tgid: Tgid) -> bool {
        self.get(tgid).is_some_and(|leader| leader.is_dead())
            && self.group(tgid).is_some_and(|group| group.threads.len() == 1)
    }
    /// Tasks of a user.
    pub fn count_of_user(&self, uid: u32) -> u32 {
        self.users.get(&uid).copied().unwrap_or(0)
    }
    /// The newest number, for /proc/loadavg.
    pub fn last_tid(&self) -> u32 {
        self.last_tid
    }

    /// Whether a number is a task's, a process group's or a session's.
    pub(crate) fn uses_number(&self, tid: Tid) -> bool {
        self.table.contains_key(&tid) || self.pgrps.contains_key(&tid) || self.groups.values().any(|g| g.sid == tid)
    }

    /// The number clone3's set_tid asks for, if it is free.
    pub(crate) fn take_tid(&self, tid: u32) -> Option<Tid> {
        let tid = Tid(tid);
        (!self.uses_number(tid)).then_some(tid)
    }

    /// The next free number: not a task's, a process group's or a session's.
    pub(crate) fn alloc_tid(&mut self, pid_max: u32) -> Option<Tid> {
        for _ in 0..pid_max {
            self.last_tid =
                if self.last_tid + 1 >= pid_max { RESERVED_PIDS.min(pid_max - 1) } else { self.last_tid + 1 };
            let tid = Tid(self.last_tid);
            // A session outlives its leader only together with the leader's process group or other members.
            if !self.table.contains_key(&tid) && !self.pgrps.contains_key(&tid) && !self.session_exists(tid) {
                return Some(tid);
            }
        }
        None
    }

    fn session_exists(&self, sid: Tid) -> bool {
        // Only numbers from before a wrap can be in use, so this walk is rare.
        (self.last_tid as u64) < self.forks && self.groups.values().any(|group| group.sid == sid)
    }

    /// Adds a task; `group` if it is the first of one. It does not run before `wake_new`.
    pub(crate) fn insert(&mut self, task: Task, group: Option<ThreadGroup>) {
        self.forks += 1;
        self.count_user(task.cred.uid, 1);
        if let Some(group) = group {
            self.pgrps.entry(group.pgid).or_default().insert(group.tgid);
            if let Some(parent) = self.groups.get_mut(&group.parent) {
                parent.children.insert(group.tgid);
            }
            self.groups.insert(group.tgid, group);
        }
        let (tid, tgid) = (task.tid, task.tgid);
        self.groups.get_mut(&tgid).expect("given, or its leader's").threads.insert(tid);
        self.table.insert(tid, task);
    }

    /// Takes a dead task out; its group too if it was the last.
    pub(super) fn remove(&mut self, tid: Tid) -> Option<Task> {
        let task = self.table.remove(&tid)?;
        self.count_user(task.cred.uid, -1);
        let group = self.groups.get_mut(&task.tgid).expect("a task has a group");
        group.threads.remove(&tid);
        if group.threads.is_empty() {
            let (tgid, pgid, parent, sighand) = (group.tgid, group.pgid, group.parent, group.sighand);
            self.drop_sighand(sighand);
            self.groups.remove(&tgid);
            self.leave_pgrp(tgid, pgid);
            if let Some(parent) = self.groups.get_mut(&parent) {
                parent.children.remove(&tgid);
                parent.news.remove(&tgid);
            }
        }
        Some(task)
    }

    fn leave_pgrp(&mut self, tgid: Tgid, pgid: Tid) {
        if let Some(members) = self.pgrps.get_mut(&pgid) {
            members.remove(&tgid);
            if members.is_empty() {
                self.pgrps.remove(&pgid);
            }
        }
    }

    pub(crate) fn set_pgrp(&mut self, tgid: Tgid, pgid: Tid) {
        let Some(group) = self.groups.get_mut(&tgid) else { return };
        let old = std::mem::replace(&mut group.pgid, pgid);
        self.leave_pgrp(tgid, old);
        self.pgrps.entry(pgid).or_default().insert(tgid);
    }

    /// Gives a child to another parent, with what there is to wait for.
    pub(super) fn reparent(&mut self, child: Tgid, to: Tgid) {
        let Some(group) = self.groups.get_mut(&child) else { return };
        let from = std::mem::replace(&mut group.parent, to);
        group.adopted = true;
        let mut news = false;
        if let Some(from) = self.groups.get_mut(&from) {
            from.children.remove(&child);
            news = from.news.remove(&child);
        }
        if let Some(to) = self.groups.get_mut(&to) {
            to.children.insert(child);
            if news {
                to.news.insert(child);
            }
        }
    }

    /// A user has one task more (or less): at fork, exit and set*uid.
    pub(crate) fn count_user(&mut self, uid: u32, change: i32) {
        let count = self.users.entry(uid).or_default();
        *count = count.saturating_add_signed(change);
        if *count == 0 {
            self.users.remove(&uid);
        }
    }

    // States.

    /// Puts a task that is awake to sleep, or makes it stop, freeze or die.
    pub(crate) fn set_asleep(&mut self, tid: Tid, state: TaskState) {
        let task = self.table.get_mut(&tid).expect("a live task");
        self.sched.block(tid, &mut task.sched);
        task.switches.0 += 1;
        task.state = state;
    }

    /// Sleeps as a handler asked: the call is already in `in_syscall`.
    pub(crate) fn sleep(&mut self, tid: Tid, sleep: &Sleep) {
        let state = TaskState::Sleeping {
            kind: sleep.kind,
            freezable: sleep.freezable,
            until: sleep.until,
            wchan: sleep.wchan,
        };
        self.set_asleep(tid, state);
        let ticket = self.waits.add(tid, &sleep.on);
        let call = self[tid].in_syscall.as_mut().expect("a sleeper is in a call");
        call.waiting_on.clone_from(&sleep.on);
        call.ticket = ticket;
        if let Some(until) = sleep.until {
            self.sleepers.insert((until, tid));
        }
    }

    /// Ends a sleep or stop. A frozen task stays frozen, and runs when it is thawed.
    pub(crate) fn wake_up(&mut self, tid: Tid) {
        let Some(task) = self.table.get_mut(&tid) else { return };
        match task.state.beneath() {
            TaskState::Runnable | TaskState::Zombie | TaskState::Frozen { .. } => return,
            TaskState::Sleeping { until, .. } => {
                if let Some(until) = until {
                    self.sleepers.remove(&(*until, tid));
                }
                if let Some(call) = &mut task.in_syscall {
                    self.waits.remove(call.ticket, &std::mem::take(&mut call.waiting_on));
                }
            }
            TaskState::Stopped | TaskState::Traced => {}
        }
        match &mut task.state {
            TaskState::Frozen { saved, .. } => *saved = None,
            _ => self.run(tid),
        }
    }

    /// Puts a task on the run queue.
    pub(crate) fn run(&mut self, tid: Tid) {
        let task = self.table.get_mut(&tid).expect("a live task");
        task.state = TaskState::Runnable;
        self.sched.wake(tid, &mut task.sched);
    }

    /// Lets a new task run.
    pub(crate) fn wake_new(&mut self, tid: Tid) {
        self.run(tid);
    }

    /// `signal_wake_up` (R08-02): asks the task to look for signals. That ends an interruptible sleep; a killable one and a
    /// job-control stop only if the signal is fatal; an uninterruptible one, or the refrigerator, never (R08-12).
    pub(crate) fn signal_wake_up(&mut self, tid: Tid, fatal: bool) {
        let Some(task) = self.table.get_mut(&tid) else { return };
        task.thread_info.set(Tif::SigPending);
        let wakes = match task.state.beneath() {
            // In do_exit, waiting for others to die: no signal ends that.
            TaskState::Sleeping { .. } if task.signal.exiting => false,
            TaskState::Sleeping { kind: SleepKind::Interruptible, .. } => true,
            TaskState::Sleeping { kind: SleepKind::Killable, .. } | TaskState::Stopped | TaskState::Traced => fatal,
            _ => false,
        };
        if wakes {
            self.wake_up(tid);
        }
    }

    // Wait queues.

    /// Who waits for `key`, first come first.
    pub fn waiters(&self, key: WaitKey) -> Vec<Tid> {
        self.waits.of(key).collect()
    }

    /// Wakes one waiter of `key` and tells it so; false if it does not wait for that.
    pub fn wake_waiter(&mut self, tid: Tid, key: WaitKey) -> bool {
        let Some(call) = self.table.get_mut(&tid).and_then(|task| task.in_syscall.as_mut()) else { return false };
        if !call.waiting_on.contains(&key) {
            return false;
        }
        call.woken = Some(key);
        self.wake_up(tid);
        true
    }

    /// Wakes up to `n` waiters of `key`, first come first; how many there were.
    pub fn wake_n(&mut self, key: WaitKey, n: usize) -> usize {
        let chosen: Vec<Tid> = self.waits.of(key).take(n).collect();
        for &tid in &chosen {
            self.wake_waiter(tid, key);
        }
        chosen.len()
    }
    pub fn wake_one(&mut self, key: WaitKey) -> bool {
        self.wake_n(key, 1) == 1
    }
    pub fn wake_all(&mut self, key: WaitKey) {
        self.wake_n(key, usize::MAX);
    }

    /// Moves a waiter of `from` to the end of `to`'s queue without waking it (FUTEX_REQUEUE).
    pub fn requeue(&mut self, tid: Tid, from: WaitKey, to: WaitKey) {
        let Some(call) = self.table.get_mut(&tid).and_then(|task| task.in_syscall.as_mut()) else { return };
        self.waits.remove(call.ticket, &call.waiting_on);
        for key in call.waiting_on.iter_mut().filter(|key| **key == from) {
            *key = to;
        }
        call.ticket = self.waits.add(tid, &call.waiting_on);
    }

    /// When the next sleep ends.
    pub(crate) fn next_sleeper(&self) -> Option<u64> {
        self.sleepers.first().map(|sleeper| sleeper.0)
    }

    /// A task whose sleep is over.
    pub(crate) fn next_due(&self, now: u64) -> Option<Tid> {
        self.sleepers.first().filter(|sleeper| sleeper.0 <= now).map(|sleeper| sleeper.1)
    }

    /// `de_thread`: the last thread of a group takes the number of its dead leader, which is gone already.
    pub(super) fn rename(&mut self, from: Tid, to: Tgid) {
        let Some(mut task) = self.table.remove(&from) else { return };
        self.sched.rename(from, to, &mut task.sched);
        if let Some(call) = &task.in_syscall {
            self.waits.rename(call.ticket, &call.waiting_on, to);
        }
        task.tid = to;
        let group = self.groups.get_mut(&to).expect("the group stays");
        group.threads.remove(&from);
        group.threads.insert(to);
        self.table.insert(to, task);
    }

    /// Takes the dead leader out of a group that lives on.
    pub(super) fn remove_leader(&mut self, tgid: Tgid) {
        if let Some(leader) = self.table.remove(&tgid) {
            self.count_user(leader.cred.uid, -1);
        }
        if let Some(group) = self.groups.get_mut(&tgid) {
            group.threads.remove(&tgid);
        }
    }
}

impl std::ops::Index<Tid> for Tasks {
    type Output = Task;
    /// For a tid that is known to be live; ids from a guest go through `get`.
    fn index(&self, tid: Tid) -> &Task {
        self.table.get(&tid).expect("a live task")
    }
}

impl std::ops::IndexMut<Tid> for Tasks {
    fn index_mut(&mut self, tid: Tid) -> &mut Task {
        self.table.get_mut(&tid).expect("a live task")
    }
}
