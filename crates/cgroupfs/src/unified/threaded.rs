//! Threaded groups: which groups are domains, and which may hold threads of a process apart (cgroup-v2.rst, "Threads").
use super::{ancestors, is_populated, parent, state};
use crate::hierarchy::{GroupId, Hierarchy, ROOT};
use abi::Errno;
use kernel::Result;

pub(super) fn is_threaded(h: &Hierarchy, id: GroupId) -> bool {
    state(h, id).is_some_and(|unified| unified.threaded_in.is_some())
}

/// The group whose resource domain `id` is in.
pub(super) fn domain(h: &Hierarchy, id: GroupId) -> GroupId {
    state(h, id).and_then(|unified| unified.threaded_in).unwrap_or(id)
}

fn is_thread_root(h: &Hierarchy, id: GroupId) -> bool {
    !is_threaded(h, id) && state(h, id).is_some_and(|unified| unified.threaded_children > 0)
}

/// Whether a threaded group may be made below (`cgroup_can_be_thread_root`). The root may be anything.
pub(super) fn can_be_thread_root(h: &Hierarchy, id: GroupId) -> bool {
    id == ROOT || !is_threaded(h, id) && state(h, id).is_some_and(|unified| unified.populated_domain_children == 0)
}

/// Whether a group can host tasks as a domain: nothing above it is, or is in, a threaded subtree (the root may be).
pub(super) fn is_valid_domain(h: &Hierarchy, id: GroupId) -> bool {
    let spoils = |at: GroupId| at != ROOT && is_thread_root(h, at) || is_threaded(h, at);
    !is_threaded(h, id) && !ancestors(h, id).into_iter().any(spoils)
}

/// What cgroup.type says.
pub(super) fn kind(h: &Hierarchy, id: GroupId) -> &'static str {
    match () {
        () if is_threaded(h, id) => "threaded",
        () if !is_valid_domain(h, id) => "domain invalid",
        () if is_thread_root(h, id) => "domain threaded",
        () => "domain",
    }
}

/// `cgroup_enable_threaded`: joins the parent's domain, for good.
pub(super) fn enable(h: &mut Hierarchy, id: GroupId) -> Result<()> {
    if is_threaded(h, id) {
        return Ok(());
    }
    let above = parent(h, id).ok_or(Errno::EINVAL)?;
    let joined = domain(h, above);
    if is_populated(h, id) || !is_valid_domain(h, joined) || !can_be_thread_root(h, joined) {
        return Err(Errno::EOPNOTSUPP);
    }
    for at in h.below(id) {
        if at == id || is_threaded(h, at) {
            h.get_mut(at)?.unified.threaded_in = Some(joined);
        }
    }
    h.get_mut(above)?.unified.threaded_children += 1;
    Ok(())
}
