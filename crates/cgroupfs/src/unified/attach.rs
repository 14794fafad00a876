//! Moving tasks: cgroup.procs, cgroup.threads and CLONE_INTO_CGROUP (__cgroup_procs_write, cgroup_css_set_fork).
use super::{freezer, is_descendant, parent, threaded, with_populated};
use crate::attach::parse_int;
use crate::fs::{file_attr, parts};
use crate::hierarchy::{GroupId, Hierarchy, ROOT};
use crate::unified::files::PROCS_PLACE;
use abi::{Errno, S_IFREG, Timespec};
use kernel::vfs::{Attr, MAY_WRITE, permission};
use kernel::{Cred, Dir, Kernel, Result, Tid};

/// A write to cgroup.procs (`whole`: the process) or cgroup.threads. `opener` has the rights of who opened the file.
pub(super) fn write_pid(
    h: &mut Hierarchy,
    to: GroupId,
    text: &[u8],
    caller: Tid,
    opener: &Cred,
    whole: bool,
    kernel: &mut Kernel,
) -> Result<()> {
    let pid = parse_int(text).ok().and_then(|pid| i32::try_from(pid).ok()).filter(|&pid| pid >= 0);
    let tid = match pid.ok_or(Errno::EINVAL)? {
        0 => caller,
        pid => kernel.find_vpid(caller, pid as u32).ok_or(Errno::ESRCH)?,
    };
    let task = kernel.tasks.get(tid).ok_or(Errno::ESRCH)?;
    if task.kthread {
        return Err(Errno::EINVAL);
    }
    let leader = if whole { task.tgid } else { tid };
    let from = h.shown_group(leader);
    attach_permissions(h, from, to, opener, whole, kernel)?;
    let moved: Vec<Tid> = match kernel.tasks.group(task.tgid) {
        Some(process) if whole => process.threads.iter().copied().collect(),
        _ => vec![tid],
    };
    for tid in moved {
        // The dead are counted nowhere any more, and stay where they were.
        if kernel.tasks.get(tid).is_some_and(|task| !task.is_dead()) {
            migrate(h, kernel, tid, to);
        }
    }
    Ok(())
}

fn migrate(h: &mut Hierarchy, kernel: &mut Kernel, tid: Tid, to: GroupId) {
    let from = h.group_of(tid);
    if from == to {
        return;
    }
    // The new group is populated before the old one may become empty (`css_set_move_task`).
    with_populated(h, to, kernel, |h| h.join(tid, to));
    with_populated(h, from, kernel, |h| h.leave(tid, from));
    freezer::migrated(h, kernel, tid, from, to);
}

/// `cgroup_attach_permissions`: who may move a process (C2-10: frozen or not), and where to.
fn attach_permissions(
    h: &Hierarchy,
    from: GroupId,
    to: GroupId,
    by: &Cred,
    whole: bool,
    kernel: &Kernel,
) -> Result<()> {
    // The delegation rule: the right to write cgroup.procs of the nearest common ancestor.
    let mut common = from;
    while !is_descendant(h, to, common) {
        common = parent(h, common).unwrap_or(ROOT);
    }
    may_write(h, common, by, kernel)?;
    // Without controllers, the rule against tasks in inner groups never bites: every such group could be a thread root.
    if !threaded::is_valid_domain(h, threaded::domain(h, to)) {
        return Err(Errno::EOPNOTSUPP);
    }
    if !whole && threaded::domain(h, from) != threaded::domain(h, to) {
        return Err(Errno::EOPNOTSUPP);
    }
    Ok(())
}

/// `cgroup_may_write`.
fn may_write(h: &Hierarchy, id: GroupId, by: &Cred, kernel: &Kernel) -> Result<()> {
    let group = h.any(id).ok_or(Errno::ENOENT)?;
    let file = file_attr(h, group, id, PROCS_PLACE, kernel);
    let time = Timespec::default();
    let (uid, gid, mode) = (file.uid, file.gid, S_IFREG | file.mode);
    permission(
        by,
        &Attr { mode, nlink: 1, uid, gid, rdev: 0, size: 0, atime: time, mtime: time, ctime: time },
        MAY_WRITE,
    )
}

/// Whether a child may be born in the group that a directory shows.
pub(crate) fn can_fork_into(h: &Hierarchy, kernel: &Kernel, caller: Tid, thread: bool, dir: Dir) -> Result<()> {
    let (sup, ino) = dir;
    let (id, place) = parts(ino);
    if h.sup != Some(sup) || place != 0 {
        return Err(Errno::EBADF);
    }
    h.get(id).map_err(|_| Errno::ENOENT)?;
    let cred = &kernel.tasks.get(caller).ok_or(Errno::ESRCH)?.cred;
    may_write(h, id, cred, kernel)?;
    attach_permissions(h, h.group_of(caller), id, cred, !thread, kernel)
}
