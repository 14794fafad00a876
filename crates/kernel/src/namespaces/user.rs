//! User namespaces (user_namespaces(7), kernel/user_namespace.c): ids as they are seen inside, and capabilities that hold
//! inside. Everything else in the kernel has the first namespace's ids.
use super::{Namespaces, NsId, State};
use crate::{Cred, Kernel, Result, Tid};
use abi::{CAP_FULL_SET, CAP_SETFCAP, CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN, Errno};
use serde::{Deserialize, Serialize};

/// Most namespaces in one another.
const MAX_LEVEL: usize = 32;
/// Most lines of a map.
const MAX_EXTENTS: usize = 340;
/// What an id that has no name inside is shown as.
const OVERFLOW: u32 = 65534;

/// `count` ids from `first` inside are those from `lower` of the first namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Extent {
    first: u32,
    lower: u32,
    count: u32,
}

/// A map of ids, as a namespace's credentials carry it; `None` is the first namespace's, where every id is itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdMap(Option<Vec<Extent>>);

impl IdMap {
    /// The first namespace's.
    pub(crate) const IDENTITY: IdMap = IdMap(None);
    /// What a new namespace has.
    const EMPTY: IdMap = IdMap(Some(Vec::new()));

    fn extents(&self) -> &[Extent] {
        const ALL: &[Extent] = &[Extent { first: 0, lower: 0, count: u32::MAX }];
        self.0.as_deref().unwrap_or(ALL)
    }
    /// `make_kuid`.
    pub(crate) fn down(&self, id: u32) -> Option<u32> {
        let extent =
            self.extents().iter().find(|extent| id.checked_sub(extent.first).is_some_and(|at| at < extent.count))?;
        Some(extent.lower + (id - extent.first))
    }
    /// `from_kuid`.
    pub(crate) fn up(&self, id: u32) -> Option<u32> {
        let extent =
            self.extents().iter().find(|extent| id.checked_sub(extent.lower).is_some_and(|at| at < extent.count))?;
        Some(extent.first + (id - extent.lower))
    }
    fn parse(text: &[u8]) -> Result<IdMap> {
        let text = std::str::from_utf8(text).map_err(|_| Errno::EINVAL)?;
        let mut extents: Vec<Extent> = Vec::new();
        for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            let words: Vec<u32> = line
                .split_whitespace()
                .map(str::parse)
                .collect::<std::result::Result<_, _>>()
                .map_err(|_| Errno::EINVAL)?;
            let &[first, lower, count] = &words[..] else { return Err(Errno::EINVAL) };
            let ends = (first.checked_add(count), lower.checked_add(count));
            let (Some(end), Some(lower_end), true) = (ends.0, ends.1, count != 0) else { return Err(Errno::EINVAL) };
            let overlaps = |old: &Extent| {
                old.first < end && first < old.first + old.count
                    || old.lower < lower_end && lower < old.lower + old.count
            };
            if extents.iter().any(overlaps) || extents.len() == MAX_EXTENTS {
                return Err(Errno::EINVAL);
            }
            extents.push(Extent { first, lower, count });
        }
        Ok(IdMap(Some(extents)))
    }
    /// The map of a child namespace, whose lines have this namespace's ids on the right, in those of the first.
    fn compose(&self, inner: &IdMap) -> Option<IdMap> {
        let extent = |e: &Extent| {
            let lower = self.down(e.lower)?;
            (self.down(e.lower + (e.count - 1)) == lower.checked_add(e.count - 1)).then_some(Extent { lower, ..*e })
        };
        inner.extents().iter().map(extent).collect::<Option<Vec<_>>>().map(|extents| IdMap(Some(extents)))
    }
}

/// Which of the two maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ids {
    Users,
    Groups,
}

/// One user namespace; its parent is its `owner` as a namespace.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct UserNs {
    /// Who made it: effective ids.
    pub(super) owner: u32,
    users: IdMap,
    groups: IdMap,
    setgroups: bool,
    parent_could_setfcap: bool,
}

impl UserNs {
    pub(super) fn initial() -> UserNs {
        UserNs {
            owner: 0,
            users: IdMap::IDENTITY,
            groups: IdMap::IDENTITY,
            setgroups: true,
            parent_could_setfcap: true,
        }
    }
    fn map(&self, ids: Ids) -> &IdMap {
        match ids {
            Ids::Users => &self.users,
            Ids::Groups => &self.groups,
        }
    }
}

impl Cred {
    /// A user id as this task sees it (`from_kuid_munged`).
    pub(crate) fn uid_seen(&self, uid: u32) -> u32 {
        self.users.up(uid).unwrap_or(OVERFLOW)
    }
    pub(crate) fn gid_seen(&self, gid: u32) -> u32 {
        self.groups_map.up(gid).unwrap_or(OVERFLOW)
    }
    /// The id that this task means; EINVAL for one that it has no name for.
    pub(crate) fn uid_meant(&self, uid: u32) -> Result<u32> {
        self.users.down(uid).ok_or(Errno::EINVAL)
    }
    pub(crate) fn gid_meant(&self, gid: u32) -> Result<u32> {
        self.groups_map.down(gid).ok_or(Errno::EINVAL)
    }
    /// `capable_wrt_inode_uidgid`: a capability over a file whose owners have names in the task's user namespace.
    pub(crate) fn capable_over(&self, cap: u8, uid: u32, gid: u32) -> bool {
        self.has_cap(cap) && self.users.up(uid).is_some() && self.groups_map.up(gid).is_some()
    }
}

impl Namespaces {
    fn user(&self, id: NsId) -> Option<&UserNs> {
        match &self.table.get(&id)?.state {
            State::User(ns) => Some(ns),
            _ => None,
        }
    }
    fn user_mut(&mut self, id: NsId) -> Option<&mut UserNs> {
        match &mut self.table.get_mut(&id)?.state {
            State::User(ns) => Some(ns),
            _ => None,
        }
    }
    /// A user namespace and those it is in, innermost first.
    pub(super) fn user_chain(&self, id: NsId) -> Vec<NsId> {
        let above = |&id: &NsId| if id == NsId::USER { None } else { Some(self.table.get(&id)?.owner) };
        std::iter::successors(Some(id), above).collect()
    }

    /// `cap_capable`: who is in the namespace has what it has, who made it has all in it, and so has who has it above.
    pub(crate) fn capable(&self, cred: &Cred, over: NsId, cap: u8) -> bool {
        for id in self.user_chain(over) {
            if id == cred.user_ns {
                return cred.has_cap(cap);
            }
            let made = self.user(id).is_some_and(|ns| ns.owner == cred.euid);
            if made && self.owner(id) == cred.user_ns {
                return true;
            }
        }
        false
    }

    /// `set_cred_user_ns`: in a user namespace one starts with all capabilities.
    pub(super) fn enter_user_ns(&self, cred: &mut Cred, id: NsId) {
        let Some(ns) = self.user(id) else { return };
        (cred.user_ns, cred.users, cred.groups_map) = (id, ns.users.clone(), ns.groups.clone());
        (cred.cap_permitted, cred.cap_effective, cred.cap_bounding) = (CAP_FULL_SET, CAP_FULL_SET, CAP_FULL_SET);
        (cred.cap_inheritable, cred.cap_ambient) = (0, 0);
    }
}

impl Kernel {
    /// `create_user_ns`: a namespace for the owner of `cred`, who enters it. It is held once.
    pub(super) fn create_user_ns(&mut self, tid: Tid, cred: &mut Cred) -> Result<()> {
        if self.namespaces.user_chain(cred.user_ns).len() > MAX_LEVEL {
            return Err(Errno::ENOSPC);
        }
        if self.is_chrooted(tid) || cred.users.up(cred.euid).is_none() || cred.groups_map.up(cred.egid).is_none() {
            return Err(Errno::EPERM);
        }
        let state = UserNs {
            owner: cred.euid,
            users: IdMap::EMPTY,
            groups: IdMap::EMPTY,
            setgroups: self.namespaces.user(cred.user_ns).is_some_and(|ns| ns.setgroups),
            parent_could_setfcap: cred.has_cap(CAP_SETFCAP),
        };
        let id = self.namespaces.add(State::User(state), cred.user_ns);
        self.namespaces.enter_user_ns(cred, id);
        Ok(())
    }

    /// Whether setgroups(2) is allowed in a user namespace (`userns_may_setgroups`).
    pub(crate) fn may_setgroups(&self, ns: NsId) -> bool {
        self.namespaces.user(ns).is_some_and(|ns| ns.setgroups && !ns.groups.extents().is_empty())
    }

    /// The text of uid_map or gid_map: the right column as the reader sees it, from within as the parent does.
    pub(crate) fn id_map_text(&self, ns: NsId, ids: Ids, reader: Tid) -> String {
        let own = self.tasks.get(reader).map_or(NsId::USER, |task| task.cred.user_ns);
        let below = if own == ns { self.namespaces.owner(ns) } else { own };
        let (Some(of), Some(lower)) = (self.namespaces.user(ns), self.namespaces.user(below)) else {
            return String::new();
        };
        let line = |e: &Extent| {
            format!("{:10} {:10} {:10}\n", e.first, lower.map(ids).up(e.lower).unwrap_or(u32::MAX), e.count)
        };
        of.map(ids).extents().iter().map(line).collect()
    }

    /// `map_write`: once, by who may (`new_idmap_permitted`).
    pub(crate) fn write_id_map(&mut self, ns: NsId, ids: Ids, writer: Tid, text: &[u8]) -> Result<()> {
        let cred = &self.proc_task(writer)?.cred;
        let (of, parent_id) = (self.namespaces.user(ns).ok_or(Errno::EINVAL)?, self.namespaces.owner(ns));
        if ns == NsId::USER || cred.user_ns != ns && cred.user_ns != parent_id || !of.map(ids).extents().is_empty() {
            return Err(Errno::EPERM);
        }
        if !self.namespaces.capable(cred, ns, CAP_SYS_ADMIN) {
            return Err(Errno::EPERM);
        }
        let map = IdMap::parse(text)?;
        let parent = self.namespaces.user(parent_id).ok_or(Errno::EINVAL)?;
        let takes_root = ids == Ids::Users && map.extents().iter().any(|extent| extent.lower == 0);
        let setfcap = if cred.user_ns == ns { of.parent_could_setfcap } else { cred.has_cap(CAP_SETFCAP) };
        if takes_root && !setfcap {
            return Err(Errno::EPERM);
        }
        let (cap, own) = match ids {
            Ids::Users => (CAP_SETUID, cred.euid),
            Ids::Groups => (CAP_SETGID, cred.egid),
        };
        // Oneself, under any name; one's group only if the others can no longer be dropped.
        let oneself = matches!(*map.extents(), [Extent { lower, count: 1, .. }] if parent.map(ids).down(lower) == Some(own))
            && of.owner == cred.euid
            && (ids == Ids::Users || !of.setgroups);
        if !oneself && !self.namespaces.capable(cred, parent_id, cap) {
            return Err(Errno::EPERM);
        }
        let map = parent.map(ids).compose(&map).ok_or(Errno::EPERM)?;
        match (ids, self.namespaces.user_mut(ns)) {
            (Ids::Users, Some(of)) => of.users = map.clone(),
            (Ids::Groups, Some(of)) => of.groups = map.clone(),
            _ => {}
        }
        let inside: Vec<Tid> = self.tasks.iter().filter(|task| task.cred.user_ns == ns).map(|task| task.tid).collect();
        for tid in inside {
            let cred = &mut self.tasks[tid].cred;
            match ids {
                Ids::Users => cred.users.clone_from(&map),
                Ids::Groups => cred.groups_map.clone_from(&map),
            }
        }
        Ok(())
    }

    /// /proc/PID/setgroups.
    pub(crate) fn setgroups_text(&self, ns: NsId) -> &'static str {
        if self.namespaces.user(ns).is_some_and(|ns| ns.setgroups) { "allow\n" } else { "deny\n" }
    }

    /// "deny", before there is a gid_map, is for good.
    pub(crate) fn write_setgroups(&mut self, ns: NsId, writer: Tid, text: &[u8]) -> Result<()> {
        if !self.namespaces.capable(&self.proc_task(writer)?.cred, ns, CAP_SYS_ADMIN) {
            return Err(Errno::EACCES);
        }
        let of = self.namespaces.user_mut(ns).ok_or(Errno::EINVAL)?;
        match text.trim_ascii_end() {
            b"allow" if of.setgroups => Ok(()),
            b"deny" if of.groups.extents().is_empty() => {
                of.setgroups = false;
                Ok(())
            }
            b"deny" if !of.setgroups => Ok(()),
            b"allow" | b"deny" => Err(Errno::EPERM),
            _ => Err(Errno::EINVAL),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line that no one line of the parent's holds; where its first id lies near the end of all ids, too.
    #[test]
    fn maps_lie_within_the_parents() {
        let parse = |text: &str| IdMap::parse(text.as_bytes()).expect("a map");
        let parent = parse("0 4294967000 10\n10 0 1000\n");
        assert_eq!(parent.compose(&parse("0 5 1000\n")), None);
        assert_eq!(parent.compose(&parse("0 5 6\n")), None);
        assert_eq!(parent.compose(&parse("7 20 5\n")), Some(parse("7 10 5\n")));
    }
}
