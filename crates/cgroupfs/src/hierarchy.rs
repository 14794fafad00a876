//! A hierarchy: a tree of groups, and the group each task is in.
use crate::freezer::GroupFreezer;
use crate::subsystem::Subsystem;
use crate::unified::Unified;
use abi::Errno;
use kernel::freezer::{PROFILE_6_18, RULES_2007, Rules};
use kernel::vfs::SuperId;
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
    /// Tasks that are in this group. The default hierarchy's root keeps none: it has those that are in no other group.
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
    pub(crate) unified: Unified,
    /// Groups and zombies that keep this one in memory though it is dead.
    pins: u32,
    /// Dead, and no file of it is in use.
    forgotten: bool,
}

/// Which filesystem type a hierarchy belongs to: each has subsystems of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Interface {
    /// `mount -t cgroup`: by the rules of the kernel's profile.
    Cgroup,
    /// `mount -t container`: the RFC of 2007, under every profile (F07-01).
    Container,
    /// `mount -t cgroup2`: the default hierarchy, the same under every profile.
    Unified,
}

impl Interface {
    /// The filesystem type.
    pub(crate) fn fstype(self) -> &'static str {
        match self {
            Interface::Cgroup => "cgroup",
            Interface::Container => "container",
            Interface::Unified => "cgroup2",
        }
    }
    pub(crate) fn rules(self, kernel: &Kernel) -> &'static Rules {
        match self {
            Interface::Cgroup => &kernel.config.freezer.rules,
            Interface::Container => &RULES_2007,
            // What is not the freezer's of them: those of the kernel that the rest of cgroup2 is.
            Interface::Unified => &PROFILE_6_18.rules,
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
    /// The groups that dead tasks were in, while /proc shows them (the default hierarchy's).
    zombies: BTreeMap<Tid, GroupId>,
    next: u64,
    /// Super blocks that show it.
    pub(crate) mounts: u32,
    /// Tasks that its freezer let go, until the core has looked whether another one holds them.
    pub(crate) thawed: Vec<Tid>,
    /// The super block of the default hierarchy, which has one at most.
    pub(crate) sup: Option<SuperId>,
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
            zombies: BTreeMap::new(),
            next: 2,
            mounts: 0,
            thawed: Vec::new(),
            sup: None,
        }
    }

    pub(crate) fn rules(&self, kernel: &Kernel) -> &'static Rules {
        self.interface.rules(kernel)
    }

    /// Whether this is the default hierarchy, cgroup2's.
    pub(crate) fn is_unified(&self) -> bool {
        self.interface == Interface::Unified
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
        let above = self.get_mut(parent)?;
        above.children.insert(name.to_vec(), id);
        above.pins += 1;
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

    /// Nobody holds a file of a removed group any more.
    pub(crate) fn forget(&mut self, id: GroupId) {
        if let Some(group) = self.groups.get_mut(&id).filter(|group| group.dead) {
            group.forgotten = true;
            self.drop_unpinned(id);
        }
    }

    fn unpin(&mut self, id: GroupId) {
        if let Some(group) = self.groups.get_mut(&id) {
            group.pins = group.pins.saturating_sub(1);
            self.drop_unpinned(id);
        }
    }

    fn drop_unpinned(&mut self, id: GroupId) {
        let Some(group) = self.groups.get(&id).filter(|group| group.forgotten && group.pins == 0) else { return };
        let parent = group.parent;
        self.groups.remove(&id);
        if let Some(parent) = parent {
            self.unpin(parent);
        }
    }

    /// The group as /proc shows it: a zombie's is the one it died in.
    pub(crate) fn shown_group(&self, tid: Tid) -> GroupId {
        self.zombies.get(&tid).copied().unwrap_or_else(|| self.group_of(tid))
    }

    /// A task of `id` died: /proc shows it there until it is reaped.
    pub(crate) fn keep_zombie(&mut self, tid: Tid, id: GroupId) {
        if let Some(group) = self.groups.get_mut(&id) {
            group.pins += 1;
            self.zombies.insert(tid, id);
        }
    }

    pub(crate) fn drop_zombie(&mut self, tid: Tid) {
        if let Some(id) = self.zombies.remove(&tid) {
            self.unpin(id);
        }
    }

    /// Dead groups below `id` that zombies hold.
    pub(crate) fn dying_below(&self, id: GroupId) -> usize {
        let held: BTreeSet<GroupId> = self.zombies.values().copied().collect();
        let is_below = |mut at: GroupId| {
            while let Some(parent) = self.groups.get(&at).and_then(|group| group.parent) {
                if parent == id {
                    return true;
                }
                at = parent;
            }
            false
        };
        held.into_iter().filter(|&at| self.groups.get(&at).is_some_and(|group| group.dead) && is_below(at)).count()
    }

    /// The live tasks of a group.
    pub(crate) fn members(&self, id: GroupId, kernel: &Kernel) -> Vec<Tid> {
        if self.is_unified() && id == ROOT {
            let here = kernel.tasks.iter().filter(|task| !task.is_dead() && !self.group_of.contains_key(&task.tid));
            return here.map(|task| task.tid).collect();
        }
        self.groups.get(&id).map(|group| group.members.iter().copied().collect()).unwrap_or_default()
    }

    /// Puts a task into a group, out of the one it is in.
    pub(crate) fn put(&mut self, tid: Tid, to: GroupId) {
        self.take(tid);
        if self.is_unified() && to == ROOT {
            return;
        }
        if let Some(group) = self.groups.get_mut(&to) {
            group.members.insert(tid);
            self.group_of.insert(tid, to);
        }
    }

    /// The first half of a move: the task is in `to`, and still counts in the group it leaves.
    pub(crate) fn join(&mut self, tid: Tid, to: GroupId) {
        self.group_of.remove(&tid);
        if !(self.is_unified() && to == ROOT)
            && let Some(group) = self.groups.get_mut(&to)
        {
            group.members.insert(tid);
            self.group_of.insert(tid, to);
        }
    }

    /// The second half.
    pub(crate) fn leave(&mut self, tid: Tid, from: GroupId) {
        if let Some(group) = self.groups.get_mut(&from) {
            group.members.remove(&tid);
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
