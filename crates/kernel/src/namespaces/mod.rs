//! Namespaces (namespaces(7)): what a task sees of host names, mounts, numbers of processes, users and control groups.
//!
//! A namespace is known by its inode number on nsfs. Its users are counted: tasks through their `NsProxy`, namespaces that
//! it owns or is the parent of, and open files of it; the initial ones are for ever.
mod border;
mod cgroup;
mod copy;
mod nsfs;
mod pid;
mod user;

use crate::vfs::MountId;
use crate::{Kernel, Task, Tid};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use cgroup::Roots;
pub(crate) use copy::{NAMESPACES, ROWS as UNSHARE_ROWS};
pub(crate) use nsfs::{NsFs, ROWS as SETNS_ROWS};
pub(crate) use pid::MAX_PID_NS_LEVEL;
use pid::PidNs;
pub use user::IdMap;
pub(crate) use user::Ids;
use user::UserNs;

/// A namespace, by its inode number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NsId(pub u32);

/// The initial namespaces (include/uapi/linux/nsfs.h).
impl NsId {
    pub const MNT: NsId = NsId(0xefff_fff8);
    pub const NET: NsId = NsId(0xefff_fff9);
    pub const TIME: NsId = NsId(0xefff_fffa);
    pub const CGROUP: NsId = NsId(0xefff_fffb);
    pub const PID: NsId = NsId(0xefff_fffc);
    pub const USER: NsId = NsId(0xefff_fffd);
    pub const UTS: NsId = NsId(0xefff_fffe);
    pub const IPC: NsId = NsId(0xefff_ffff);
    /// The first number given out after boot.
    const DYNAMIC_FIRST: NsId = NsId(0xf000_0000);

    pub fn is_initial(self) -> bool {
        self < NsId::DYNAMIC_FIRST
    }
}

/// The namespaces of a task but its user namespace, which its credentials have, and its own pid namespace
/// (struct nsproxy).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NsProxy {
    pub uts: NsId,
    pub ipc: NsId,
    pub mnt: NsId,
    /// That of its children to be.
    pub pid_for_children: NsId,
    pub net: NsId,
    pub cgroup: NsId,
}

impl NsProxy {
    /// The first task's.
    pub const INITIAL: NsProxy = NsProxy {
        uts: NsId::UTS,
        ipc: NsId::IPC,
        mnt: NsId::MNT,
        pid_for_children: NsId::PID,
        net: NsId::NET,
        cgroup: NsId::CGROUP,
    };
    fn all(&self) -> [NsId; 6] {
        [self.uts, self.ipc, self.mnt, self.pid_for_children, self.net, self.cgroup]
    }
}

/// What uname, sethostname and setdomainname are about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Uts {
    pub nodename: String,
    pub domainname: String,
}

/// What a namespace holds, by its kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum State {
    Uts(Uts),
    /// Its tables are keyed by its number.
    Ipc,
    /// The top of its tree.
    Mnt(MountId),
    Net,
    Pid(PidNs),
    Cgroup(Roots),
    User(UserNs),
    Time,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Namespace {
    state: State,
    /// The user namespace whose capabilities govern it; a user namespace's parent.
    owner: NsId,
    uses: u32,
}

/// Every namespace there is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Namespaces {
    table: BTreeMap<NsId, Namespace>,
    next: NsId,
}

impl Namespaces {
    /// The initial ones; the first mount namespace shows the tree under `root`.
    pub(crate) fn new(root: MountId) -> Namespaces {
        let uts = Uts { nodename: "minikern".into(), domainname: "(none)".into() };
        let initial = [
            (NsId::MNT, State::Mnt(root)),
            (NsId::NET, State::Net),
            (NsId::PID, State::Pid(PidNs::default())),
            (NsId::CGROUP, State::Cgroup(Roots::default())),
            (NsId::USER, State::User(UserNs::initial())),
            (NsId::TIME, State::Time),
            (NsId::UTS, State::Uts(uts)),
            (NsId::IPC, State::Ipc),
        ];
        let table = initial.map(|(id, state)| (id, Namespace { state, owner: NsId::USER, uses: 1 }));
        Namespaces { table: table.into(), next: NsId::DYNAMIC_FIRST }
    }

    /// A new one with one user.
    fn add(&mut self, state: State, owner: NsId) -> NsId {
        let id = self.next;
        self.next = NsId(id.0.wrapping_add(1));
        self.hold(owner);
        self.table.insert(id, Namespace { state, owner, uses: 1 });
        id
    }

    /// One more user.
    pub(crate) fn hold(&mut self, id: NsId) {
        if !id.is_initial()
            && let Some(ns) = self.table.get_mut(&id)
        {
            ns.uses += 1;
        }
    }

    /// A new task has the namespaces of another.
    fn hold_proxy(&mut self, proxy: &NsProxy) {
        for id in proxy.all() {
            self.hold(id);
        }
    }

    /// The names of a UTS namespace.
    pub fn uts(&self, id: NsId) -> Option<&Uts> {
        match &self.table.get(&id)?.state {
            State::Uts(uts) => Some(uts),
            _ => None,
        }
    }
    pub(crate) fn uts_mut(&mut self, id: NsId) -> Option<&mut Uts> {
        match &mut self.table.get_mut(&id)?.state {
            State::Uts(uts) => Some(uts),
            _ => None,
        }
    }

    /// The root mount of a mount namespace.
    pub(crate) fn tree(&self, id: NsId) -> Option<MountId> {
        match self.table.get(&id)?.state {
            State::Mnt(root) => Some(root),
            _ => None,
        }
    }

    /// The user namespace that governs another.
    pub(crate) fn owner(&self, id: NsId) -> NsId {
        self.table.get(&id).map_or(NsId::USER, |ns| ns.owner)
    }
}

impl Task {
    /// Gives up its namespaces for `proxy`.
    fn switch_namespaces(&mut self, proxy: NsProxy) -> NsProxy {
        std::mem::replace(&mut self.nsproxy, proxy)
    }
}

impl Kernel {
    /// The host and domain name a task sees.
    pub fn uts_of(&self, tid: Tid) -> &Uts {
        let id = self.tasks.get(tid).map_or(NsId::UTS, |task| task.nsproxy.uts);
        self.namespaces.uts(id).or_else(|| self.namespaces.uts(NsId::UTS)).expect("the initial one is for ever")
    }
    pub(crate) fn uts_of_mut(&mut self, tid: Tid) -> Option<&mut Uts> {
        let id = self.tasks.get(tid).map_or(NsId::UTS, |task| task.nsproxy.uts);
        self.namespaces.uts_mut(id)
    }

    /// One user less; the last frees the namespace.
    pub(crate) fn put_ns(&mut self, id: NsId) {
        let Some(ns) = self.namespaces.table.get_mut(&id).filter(|_| !id.is_initial()) else { return };
        ns.uses -= 1;
        if ns.uses == 0 && !self.vfs.is_held(crate::vfs::Ino(id.0.into())) {
            self.free_ns(id);
        }
    }

    /// Frees a namespace that has no users, once no file of it is held either.
    fn free_ns(&mut self, id: NsId) {
        if self.namespaces.table.get(&id).is_none_or(|ns| ns.uses != 0) {
            return;
        }
        let Some(ns) = self.namespaces.table.remove(&id) else { return };
        match ns.state {
            State::Mnt(root) => self.umount_tree(root),
            State::Ipc => self.ipc_ns_gone(id),
            State::Pid(PidNs { parent: Some(parent), .. }) => self.put_ns(parent),
            _ => {}
        }
        self.put_ns(ns.owner);
    }

    /// A task is done with its namespaces.
    pub(crate) fn put_proxy(&mut self, proxy: NsProxy) {
        for id in proxy.all() {
            self.put_ns(id);
        }
    }

    /// Whether a task has a capability over what a user namespace governs (`ns_capable`).
    pub(crate) fn ns_capable(&self, tid: Tid, user_ns: NsId, cap: u8) -> bool {
        self.namespaces.capable(&self.tasks[tid].cred, user_ns, cap)
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_pid;
