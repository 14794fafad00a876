//! A hierarchy: a tree of groups, and the group each task is in.
use crate::freezer::GroupFreezer;
use crate::subsystem::Subsystem;
use abi::Errno;
use kernel::freezer::{RULES_2007, Rules};
use kernel::{Kernel, Result, Tid};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A group of one hierarchy. Numbers are never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct GroupId(pub(crate) u64);

/// The root of every hierarchy.
pub(crate) const ROOT: GroupId = GroupId(1);

/// Mode and owner of a control file.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct FileAttr {
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// One group.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) parent: Option<GroupId>,
    pub(crate) name: Vec<u8>,
    pub(crate) children: BTreeMap<Vec<u8>, GroupId>,
    /// Tasks that are in this group; the root's are those that are in no other.
    pub(crate) members: BTreeSet<Tid>,
    /// Removed, and kept only for who still holds it open.
    pub(crate) dead: bool,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Who made it: the owner of its files too.
    pub(crate) maker: (u32, u32),
    /// Mode and owner of files that were given others, by place.
    pub(crate) file_attrs: BTreeMap<usize, FileAttr>,
    /// Virtual nanoseconds since 1970.
    pub(crate) made: u64,
    pub(crate) notify_on_release: bool,
    pub(crate) clone_children: bool,
    pub(crate) freezer: GroupFreezer,
}

/// Which filesystem type a hierarchy belongs to: each has subsystems of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Interface {
    /// `mount -t cgroup`: by the rules of the kernel's profile.
    Cgroup,
    /// `mount -t container`: the RFC of 2007, under every profile (F07-01).
    Container,
}

impl Interface {
    /// The filesystem type.
    pub(crate) fn fstype(self) -> &'static str {
        match self {
            Interface::Cgroup => "cgroup",
            Interface::Container => "container",
        }
    }
    pub(crate) fn rules(self, kernel: &Kernel) -> &'static Rules {
        match self {
            Interface::Cgroup => &kernel.config.freezer.rules,
            Interface::Container => &RULES_2007,
        }
    }
}

/// One hierarchy.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Hierarchy {
    pub(crate) number: u32,
    pub(crate) interface: Interface,
    pub(crate) name: String,
    #[serde(with = "crate::subsystem::names")]
    pub(crate) subsystems: Vec<&'static dyn Subsystem>,
    /// File names without the subsystem's prefix (mount -o noprefix).
    pub(crate) noprefix: bool,
    pub(crate) release_agent: String,
    groups: BTreeMap<GroupId, Group>,
    group_of: BTreeMap<Tid, GroupId>,
    next: u64,
    /// Super blocks that show it.
    pub(crate) mounts: u32,
    /// Tasks that its freezer let go, until the core has looked whether another one holds them.
    pub(crate) thawed: Vec<Tid>,
}

impl Hierarchy {
    /// A hierarchy whose root has every task.
    pub(crate) fn new(
        number: u32,
        interface: Interface,
        subsystems: Vec<&'static dyn Subsystem>,
        tasks: impl Iterator<Item = Tid>,
    ) -> Hierarchy {
        let members: BTreeSet<Tid> = tasks.collect();
        let group_of = members.iter().map(|&tid| (tid, ROOT)).collect();
        let root = Group { members, mode: 0o755, ..Group::default() };
        Hierarchy {
            number,
            interface,
            name: String::new(),
            subsystems,
            noprefix: false,
            release_agent: String::new(),
            groups: BTreeMap::from([(ROOT, root)]),
            group_of,
            next: 2,
            mounts: 0,
            thawed: Vec::new(),
        }
    }

    pub(crate) fn rules(&self, kernel: &Kernel) -> &'static Rules {
        self.interface.rules(kernel)
    }

    pub(crate) fn has(&self, subsystem: &str) -> bool {
        self.subsystems.iter().any(|s| s.name() == subsystem)
    }

    /// A group that is there, dead or not.
    pub(crate) fn any(&self, id: GroupId) -> Option<&Group> {
        self.groups.get(&id)
    }

    /// A live group; ENODEV for one that was removed.
    pub(crate) fn get(&self, id: GroupId) -> Result<&Group> {
        self.groups.get(&id).filter(|group| !group.dead).ok_or(Errno::ENODEV)
    }

    pub(crate) fn get_mut(&mut self, id: GroupId) -> Result<&mut Group> {
        self.groups.get_mut(&id).filter(|group| !group.dead).ok_or(Errno::ENODEV)
    }

    /// The live groups, parents before children.
    pub(crate) fn ids(&self) -> Vec<GroupId> {
        self.below(ROOT)
    }

    /// A group and all below it, parents before children.
    pub(crate) fn below(&self, top: GroupId) -> Vec<GroupId> {
        let mut ids = vec![top];
        let mut at = 0;
        while let Some(&id) = ids.get(at) {
            ids.extend(self.groups[&id].children.values());
            at += 1;
        }
        ids
    }

    /// The path from the root: `/`, `/a/b`.
    pub(crate) fn path(&self, id: GroupId) -> String {
        let mut parts = Vec::new();
        let mut at = self.groups.get(&id);
        while let Some((group, parent)) = at.and_then(|group| Some((group, group.parent?))) {
            parts.push(String::from_utf8_lossy(&group.name).into_owned());
            at = self.groups.get(&parent);
        }
        parts.reverse();
        format!("/{}", parts.join("/"))
    }

    pub(crate) fn group_of(&self, tid: Tid) -> GroupId {
        self.group_of.get(&tid).copied().unwrap_or(ROOT)
    }

    /// `caller` makes a child group.
    pub(crate) fn create(&mut self, parent: GroupId, name: &[u8], caller: Tid, kernel: &Kernel) -> Result<GroupId> {
        let above = self.get(parent).map_err(|_| Errno::ENOENT)?;
        if above.children.contains_key(name) {
            return Err(Errno::EEXIST);
        }
        for subsystem in &self.subsystems {
            subsystem.can_create(self, parent, caller, kernel)?;
        }
        let (notify_on_release, clone_children) = (above.notify_on_release, above.clone_children);
        let id = GroupId(self.next);
        self.next += 1;
        let group =
            Group { parent: Some(parent), name: name.to_vec(), notify_on_release, clone_children, ..Group::default() };
        self.groups.insert(id, group);
        self.get_mut(parent)?.children.insert(name.to_vec(), id);
        for subsystem in self.subsystems.clone() {
            subsystem.created(self, id, kernel);
        }
        Ok(id)
    }

    /// Removes a group without tasks and children; it stays, dead, until [`Hierarchy::forget`].
    pub(crate) fn remove(&mut self, id: GroupId) -> Result<()> {
        let group = self.get(id)?;
        let parent = group.parent.ok_or(Errno::EBUSY)?;
        if !group.members.is_empty() || !group.children.is_empty() {
            return Err(Errno::EBUSY);
        }
        let name = group.name.clone();
        self.get_mut(id)?.dead = true;
        self.get_mut(parent)?.children.remove(&name);
        Ok(())
    }

    /// Renames a group within its parent.
    pub(crate) fn rename(&mut self, id: GroupId, to: &[u8]) -> Result<()> {
        let group = self.get(id)?;
        let parent = group.parent.ok_or(Errno::EBUSY)?;
        let from = group.name.clone();
        let siblings = &mut self.get_mut(parent)?.children;
        if siblings.contains_key(to) {
            return Err(Errno::EEXIST);
        }
        siblings.remove(&from);
        siblings.insert(to.to_vec(), id);
        self.get_mut(id)?.name = to.to_vec();
        Ok(())
    }

    /// Nobody holds a removed group any more.
    pub(crate) fn forget(&mut self, id: GroupId) {
        if self.groups.get(&id).is_some_and(|group| group.dead) {
            self.groups.remove(&id);
        }
    }

    /// Puts a task into a group, out of the one it is in.
    pub(crate) fn put(&mut self, tid: Tid, to: GroupId) {
        self.take(tid);
        if let Some(group) = self.groups.get_mut(&to) {
            group.members.insert(tid);
            self.group_of.insert(tid, to);
        }
    }

    /// Takes a task out of the hierarchy; the group it was in.
    pub(crate) fn take(&mut self, tid: Tid) -> Option<GroupId> {
        let id = self.group_of.remove(&tid)?;
        if let Some(group) = self.groups.get_mut(&id) {
            group.members.remove(&tid);
        }
        Some(id)
    }

    /// Whether only the root is left, so that the hierarchy can go with its last mount.
    pub(crate) fn is_bare(&self) -> bool {
        self.groups.values().filter(|group| !group.dead).count() == 1
    }
}
