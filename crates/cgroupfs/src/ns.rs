//! The ns subsystem (kernel/ns_cgroup.c, 2.6.24 to 2.6.39): a group for every set of namespaces (F07-12..15).
use crate::attach::attach;
use crate::hierarchy::{GroupId, Hierarchy};
use crate::subsystem::{FileSpec, Subsystem};
use abi::{CAP_SYS_ADMIN, Errno};
use kernel::freezer::{NodeName, Rules};
use kernel::{Kernel, Result, Tid};

/// The subsystem. It has no files and no state: its rules are about who may be where.
pub(crate) struct Ns;

impl Subsystem for Ns {
    fn name(&self) -> &'static str {
        "ns"
    }
    fn exists(&self, rules: &Rules) -> bool {
        rules.ns.is_some()
    }
    /// F07-14: only below one's own group.
    fn can_create(&self, hierarchy: &Hierarchy, parent: GroupId, caller: Tid, kernel: &Kernel) -> Result<()> {
        may_reach(hierarchy, parent, caller, kernel)
    }
    fn files(&self, _: &Hierarchy, _: GroupId, _: &Kernel) -> &'static [FileSpec] {
        &[]
    }
    fn read(&self, _: &mut Hierarchy, _: GroupId, _: &str, _: &mut Kernel) -> Result<String> {
        Err(Errno::EINVAL)
    }
    fn write(&self, _: &mut Hierarchy, _: GroupId, _: &str, _: &[u8], _: &mut Kernel) -> Result<()> {
        Err(Errno::EINVAL)
    }
    /// F07-14: only into an empty child of the group the task is in, so that there is no way back (F07-15).
    fn can_attach(&self, hierarchy: &Hierarchy, to: GroupId, tid: Tid, caller: Tid, kernel: &Kernel) -> Result<()> {
        if tid != caller {
            may_reach(hierarchy, to, caller, kernel)?;
        }
        let target = hierarchy.get(to)?;
        let empty_child = target.members.is_empty() && target.parent == Some(hierarchy.group_of(tid));
        if empty_child { Ok(()) } else { Err(Errno::EPERM) }
    }
}

/// CAP_SYS_ADMIN, and cgroup_is_descendant: `id` is the caller's group or below it.
fn may_reach(hierarchy: &Hierarchy, id: GroupId, caller: Tid, kernel: &Kernel) -> Result<()> {
    let privileged = kernel.tasks.get(caller).is_some_and(|task| task.cred.capable(CAP_SYS_ADMIN));
    let own = hierarchy.group_of(caller);
    let below = std::iter::successors(Some(id), |&id| hierarchy.any(id)?.parent).any(|id| id == own);
    if privileged && below { Ok(()) } else { Err(Errno::EPERM) }
}

/// cgroup_clone: a child of the task's group, for its new namespaces, and the task in it (F07-12).
pub(crate) fn cgroup_clone(hierarchy: &mut Hierarchy, tid: Tid, kernel: &mut Kernel) -> Result<()> {
    // clone(2) is its parent's call, unshare(2) its own.
    let caller = kernel.tasks.sched.current().unwrap_or(tid);
    let name = match hierarchy.rules(kernel).ns {
        Some(NodeName::Node) => format!("node_{}", kernel.pid_vnr(caller, tid)),
        _ => kernel.pid_vnr(caller, tid).to_string(),
    };
    let id = hierarchy.create(hierarchy.group_of(tid), name.as_bytes(), caller, kernel)?;
    let maker = kernel.tasks.get(caller).map_or((0, 0), |task| (task.cred.fsuid, task.cred.fsgid));
    let group = hierarchy.get_mut(id)?;
    (group.mode, group.uid, group.gid, group.maker) = (0o755, maker.0, maker.1, maker);
    group.made = kernel.clock.realtime();
    attach(hierarchy, id, &[tid], caller, kernel)
}
