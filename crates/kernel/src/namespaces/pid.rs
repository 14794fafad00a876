//! Pid namespaces (pid_namespaces(7), kernel/pid.c, kernel/pid_namespace.c): numbers of their own for processes, threads,
//! groups and sessions, and an init that they end with.
//!
//! A `Tid` is the number in the first namespace, where every task has one; `border` translates what tasks of the others say.
use super::{Namespaces, NsId, State};
use crate::task::{Tasks, exit_notify};
use crate::{Kernel, Result, SleepKind, TaskState, Tgid, Tid};
use abi::{CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN, Errno, SIG_IGN, SIGCHLD, SIGKILL, Siginfo};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most namespaces in one another (MAX_PID_NS_LEVEL).
pub(crate) const MAX_PID_NS_LEVEL: u32 = 32;
/// Numbers below this are not given out again once the counter has wrapped.
const RESERVED_PIDS: u32 = 300;

/// One pid namespace. That of the machine has no tables: its numbers are the `Tid`s.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct PidNs {
    pub(super) parent: Option<NsId>,
    level: u32,
    /// Its number 1: takes in orphans, and all die with it.
    reaper: Option<Tgid>,
    numbers: BTreeMap<u32, Tid>,
    /// The same the other way, also of the dead whose number is a group's or session's still.
    tids: BTreeMap<Tid, u32>,
    last: u32,
    /// Tasks, the dead that are not reaped included.
    population: u32,
    /// Its init is dying: nobody is born here any more.
    closed: bool,
    /// The thread of init that waits for the others to be gone.
    zapping: Option<Tid>,
}

impl PidNs {
    pub(super) fn below(parent: NsId, level: u32) -> PidNs {
        PidNs { parent: Some(parent), level: level + 1, ..PidNs::default() }
    }

    fn is_free(&self, number: u32, tasks: &Tasks) -> bool {
        self.numbers.get(&number).is_none_or(|&tid| !tasks.uses_number(tid))
    }

    /// The next number, or the one asked for.
    fn choose(&mut self, wanted: Option<u32>, pid_max: u32, tasks: &Tasks) -> Result<u32> {
        if let Some(wanted) = wanted {
            return if self.is_free(wanted, tasks) { Ok(wanted) } else { Err(Errno::EEXIST) };
        }
        for _ in 0..pid_max {
            self.last = if self.last + 1 >= pid_max { RESERVED_PIDS.min(pid_max - 1) } else { self.last + 1 };
            if self.is_free(self.last, tasks) {
                return Ok(self.last);
            }
        }
        Err(Errno::EAGAIN)
    }

    fn forget(&mut self, tid: Tid) {
        if let Some(number) = self.tids.remove(&tid) {
            self.numbers.remove(&number);
        }
    }
}

impl Namespaces {
    fn pid(&self, id: NsId) -> Option<&PidNs> {
        match &self.table.get(&id)?.state {
            State::Pid(ns) => Some(ns),
            _ => None,
        }
    }
    fn pid_mut(&mut self, id: NsId) -> Option<&mut PidNs> {
        match &mut self.table.get_mut(&id)?.state {
            State::Pid(ns) => Some(ns),
            _ => None,
        }
    }
    pub(crate) fn pid_level(&self, id: NsId) -> u32 {
        self.pid(id).map_or(0, |ns| ns.level)
    }
    /// A pid namespace and those it is in, innermost first.
    pub(crate) fn pid_chain(&self, id: NsId) -> Vec<NsId> {
        std::iter::successors(Some(id), |&id| self.pid(id)?.parent).collect()
    }
    /// The number of a process, thread, group or session in a namespace; 0 if it is not in it (`pid_nr_ns`).
    pub fn pid_nr(&self, pid: Tid, ns: NsId) -> u32 {
        match ns {
            NsId::PID => pid.0,
            _ => self.pid(ns).and_then(|ns| ns.tids.get(&pid)).copied().unwrap_or(0),
        }
    }
    /// Whom a number names in a namespace (`find_pid_ns`).
    pub fn find_pid(&self, number: u32, ns: NsId) -> Option<Tid> {
        match ns {
            NsId::PID => Some(Tid(number)),
            _ => self.pid(ns)?.numbers.get(&number).copied(),
        }
    }
    /// Whether a pid namespace has had its first process.
    pub(crate) fn has_init(&self, ns: NsId) -> bool {
        ns == NsId::PID || self.pid(ns).is_some_and(|of| of.last != 0 || of.reaper.is_some())
    }
    /// The init of a namespace.
    pub(crate) fn child_reaper(&self, ns: NsId) -> Tgid {
        self.pid(ns).and_then(|ns| ns.reaper).unwrap_or(crate::INIT)
    }
    /// The newest number of a namespace, for /proc/loadavg.
    pub(crate) fn last_number(&self, ns: NsId) -> Option<u32> {
        self.pid(ns).filter(|_| ns != NsId::PID).map(|ns| ns.last)
    }
}

impl Kernel {
    /// The pid namespace of a task; that of the machine for the kernel's own doings.
    pub fn pid_ns_of(&self, tid: Tid) -> NsId {
        self.tasks.get(tid).map_or(NsId::PID, |task| task.pid_ns)
    }
    /// The number of `pid` as `viewer` counts; 0 if it cannot see it (`pid_vnr`).
    pub fn pid_vnr(&self, viewer: Tid, pid: Tid) -> u32 {
        self.namespaces.pid_nr(pid, self.pid_ns_of(viewer))
    }
    /// Whom a number means that `viewer` says (`find_vpid`).
    pub fn find_vpid(&self, viewer: Tid, number: u32) -> Option<Tid> {
        self.namespaces.find_pid(number, self.pid_ns_of(viewer))
    }

    /// `alloc_pid`: numbers in `ns` and all namespaces around it for a task to be; `wanted` are clone3's, innermost first.
    pub(crate) fn alloc_pid(&mut self, parent: Tid, ns: NsId, wanted: &[u32]) -> Result<Tid> {
        let (chain, pid_max) = (self.namespaces.pid_chain(ns), self.config.pid_max);
        if wanted.len() > chain.len() {
            return Err(Errno::EINVAL);
        }
        for (&id, &number) in chain.iter().zip(wanted) {
            let has_init = id == NsId::PID || self.namespaces.pid(id).is_some_and(|ns| ns.reaper.is_some());
            if !(1..pid_max).contains(&number) || number != 1 && !has_init {
                return Err(Errno::EINVAL);
            }
            let owner = self.namespaces.owner(id);
            if !self.ns_capable(parent, owner, CAP_CHECKPOINT_RESTORE) && !self.ns_capable(parent, owner, CAP_SYS_ADMIN)
            {
                return Err(Errno::EPERM);
            }
        }
        if self.namespaces.pid(ns).is_some_and(|ns| ns.closed) {
            return Err(Errno::ENOMEM);
        }
        let nested = &chain[..chain.len() - 1];
        let tid = match wanted.get(nested.len()) {
            Some(&number) => self.tasks.take_tid(number).ok_or(Errno::EEXIST)?,
            None => self.tasks.alloc_tid(pid_max).ok_or(Errno::EAGAIN)?,
        };
        self.namespaces.forget_number(tid);
        for (at, &id) in nested.iter().enumerate() {
            let Some(of) = self.namespaces.pid_mut(id) else { continue };
            match of.choose(wanted.get(at).copied(), pid_max, &self.tasks) {
                Ok(number) => {
                    if let Some(old) = of.numbers.insert(number, tid) {
                        of.tids.remove(&old);
                    }
                    of.tids.insert(tid, number);
                }
                Err(errno) => {
                    self.namespaces.forget_number(tid);
                    return Err(errno);
                }
            }
        }
        for &id in nested {
            if let Some(of) = self.namespaces.pid_mut(id) {
                of.population += 1;
            }
        }
        self.namespaces.hold(ns);
        Ok(tid)
    }

    /// The new group leader is init of its namespace if it is the first in it; true if so.
    pub(crate) fn is_child_reaper(&mut self, tid: Tid, ns: NsId) -> bool {
        match self.namespaces.pid_mut(ns) {
            Some(of) if ns != NsId::PID && of.tids.get(&tid) == Some(&1) => {
                of.reaper = Some(tid);
                true
            }
            _ => false,
        }
    }

    /// A task that is in no table any more gives its numbers, and its place in a user namespace, back; a namespace whose init waits for that hears of it.
    pub(crate) fn free_pid(&mut self, tid: Tid, (ns, user_ns): (NsId, NsId)) {
        self.put_ns(user_ns);
        if ns == NsId::PID {
            return;
        }
        let kept = self.tasks.uses_number(tid);
        let mut waiting = Vec::new();
        for id in self.namespaces.pid_chain(ns) {
            let Some(of) = self.namespaces.pid_mut(id).filter(|_| id != NsId::PID) else { continue };
            of.population = of.population.saturating_sub(1);
            if of.reaper == Some(tid) {
                of.reaper = None;
                of.closed = true;
            }
            if !kept {
                of.forget(tid);
            }
            waiting.extend(of.zapping.map(|init| (id, init)));
        }
        self.put_ns(ns);
        for (id, init) in waiting {
            if self.only_init_left(id, init) {
                self.namespaces.pid_mut(id).and_then(|of| of.zapping.take());
                exit_notify(self, init);
            }
        }
    }

    /// Whether the threads of `init`'s own group are all that is left in its namespace.
    fn only_init_left(&self, ns: NsId, init: Tid) -> bool {
        let threads = self.tasks.get(init).map_or(0, |_| self.tasks.group_of(init).threads.len());
        self.namespaces.pid(ns).is_some_and(|of| of.population as usize <= threads)
    }

    /// `zap_pid_ns_processes`: the last thread of a namespace's init is in do_exit. Everyone else in it is killed, and it
    /// waits until they are reaped. True if it has to wait.
    pub(crate) fn zap_pid_ns(&mut self, tid: Tid) -> bool {
        let (ns, tgid) = (self.tasks[tid].pid_ns, self.tasks[tid].tgid);
        let Some(of) = self.namespaces.pid_mut(ns).filter(|of| ns != NsId::PID && of.reaper == Some(tgid)) else {
            return false;
        };
        of.closed = true;
        let others: Vec<Tgid> = of.tids.keys().copied().filter(|&other| other != tgid).collect();
        of.zapping = Some(tid);
        // Children that die from now on are not waited for.
        self.tasks.actions_mut(tid).0[usize::from(SIGCHLD)].handler = SIG_IGN;
        for other in others {
            if self.tasks.get(other).is_some_and(|task| task.is_leader()) {
                self.send_to_group(other, Siginfo::kernel(SIGKILL));
            }
        }
        let dead: Vec<Tgid> = self.tasks.group_of(tid).children.iter().copied().collect();
        for child in dead {
            if self.tasks.is_group_dead(child) {
                self.release(child);
            }
        }
        if self.tasks.get(tid).is_none_or(|task| task.is_dead()) {
            return true;
        }
        if self.only_init_left(ns, tid) {
            self.namespaces.pid_mut(ns).and_then(|of| of.zapping.take());
            return false;
        }
        let wchan = "zap_pid_ns_processes";
        let state = TaskState::Sleeping { kind: SleepKind::Interruptible, freezable: false, until: None, wchan };
        self.tasks.set_asleep(tid, state);
        true
    }
}

impl Namespaces {
    /// A number of the first namespace is about to be someone else's.
    fn forget_number(&mut self, tid: Tid) {
        for ns in self.table.values_mut() {
            if let State::Pid(of) = &mut ns.state {
                of.forget(tid);
            }
        }
    }
}
