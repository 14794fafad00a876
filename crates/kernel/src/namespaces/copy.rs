//! New namespaces: for a child (copy_namespaces) and for the caller (unshare).
use super::{NsId, NsProxy, State};
use crate::syscall::{Call, Outcome, Row, partial};
use crate::vfs::{FsId, MountId};
use crate::{Kernel, Result, Tid, TraceKind};
use abi::{CloneFlags, Errno, Sysno};
use std::collections::BTreeMap;

const MISSING: &str = "no user, pid, network or time namespaces";

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    partial(Sysno::Unshare, |k, t, c| unshare(k, t, c).into(), MISSING),
    partial(Sysno::Setns, setns, "EPERM"),
];

/// Every flag that makes a new namespace.
pub(crate) const NAMESPACES: CloneFlags = CloneFlags::CLONE_NEWNS
    .union(CloneFlags::CLONE_NEWCGROUP)
    .union(CloneFlags::CLONE_NEWUTS)
    .union(CloneFlags::CLONE_NEWIPC)
    .union(CloneFlags::CLONE_NEWUSER)
    .union(CloneFlags::CLONE_NEWPID)
    .union(CloneFlags::CLONE_NEWNET)
    .union(CloneFlags::CLONE_NEWTIME);

/// Those that are EINVAL here, as without their config options.
const ABSENT: CloneFlags = CloneFlags::CLONE_NEWUSER
    .union(CloneFlags::CLONE_NEWPID)
    .union(CloneFlags::CLONE_NEWNET)
    .union(CloneFlags::CLONE_NEWTIME);

/// Namespaces that have been made, and not yet given to a task.
pub(crate) struct Made {
    pub(crate) proxy: NsProxy,
    /// The copy of each mount, if the tree was copied.
    mounts: Option<BTreeMap<MountId, MountId>>,
}

impl Kernel {
    /// The flags that `copy_process` and unshare refuse before they do anything.
    pub(crate) fn check_namespace_flags(&mut self, tid: Tid, flags: CloneFlags) -> Result<()> {
        if flags.intersects(ABSENT) {
            self.trace.line(TraceKind::Missing, || format!("[{}] namespaces: {:?}", tid.0, flags & ABSENT));
            return Err(Errno::EINVAL);
        }
        Ok(())
    }

    /// `create_new_namespaces`: those that `flags` name are new, the others `tid`'s own; all have one user more.
    pub(crate) fn create_new_namespaces(&mut self, tid: Tid, flags: CloneFlags) -> Result<Made> {
        let mut proxy = self.tasks[tid].nsproxy;
        if !flags.intersects(NAMESPACES) {
            self.namespaces.hold_proxy(&proxy);
            return Ok(Made { proxy, mounts: None });
        }
        let owner = NsId::USER;
        self.admin_of(tid, owner)?;
        if flags.contains(CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_SYSVSEM) {
            return Err(Errno::EINVAL);
        }
        self.namespaces.hold_proxy(&proxy);
        let old = proxy;
        let mut mounts = None;
        if flags.contains(CloneFlags::CLONE_NEWNS)
            && let Some(&State::Mnt(root)) = self.namespaces.table.get(&old.mnt).map(|ns| &ns.state)
        {
            proxy.mnt = self.namespaces.add(State::Mnt(root), owner);
            let copies = self.vfs.copy_tree(root, proxy.mnt);
            if let (Some(ns), Some(&root)) = (self.namespaces.table.get_mut(&proxy.mnt), copies.get(&root)) {
                ns.state = State::Mnt(root);
            }
            mounts = Some(copies);
        }
        if flags.contains(CloneFlags::CLONE_NEWUTS) {
            let names = self.uts_of(tid).clone();
            proxy.uts = self.namespaces.add(State::Uts(names), owner);
        }
        if flags.contains(CloneFlags::CLONE_NEWIPC) {
            proxy.ipc = self.namespaces.add(State::Ipc, owner);
        }
        if flags.contains(CloneFlags::CLONE_NEWCGROUP) {
            proxy.cgroup = self.namespaces.add(State::Cgroup, owner);
        }
        for (old, new) in old.all().into_iter().zip(proxy.all()) {
            if old != new {
                self.put_ns(old);
            }
        }
        Ok(Made { proxy, mounts })
    }

    /// Root and working directory of a task move to the copies of their mounts.
    pub(crate) fn enter_made(&mut self, fs: FsId, made: &Made) {
        if let Some(copies) = &made.mounts {
            self.move_fs(fs, copies);
        }
    }
}

/// `ksys_unshare`.
fn unshare(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<()> {
    use CloneFlags as F;
    let Some(mut flags) = F::from_bits(u64::from(call.args[0] as u32)) else { return Err(Errno::EINVAL) };
    if flags.contains(F::CLONE_NEWUSER) {
        flags |= F::CLONE_THREAD | F::CLONE_FS;
    }
    if flags.contains(F::CLONE_VM) {
        flags |= F::CLONE_SIGHAND;
    }
    if flags.contains(F::CLONE_SIGHAND) {
        flags |= F::CLONE_THREAD;
    }
    if flags.contains(F::CLONE_NEWNS) {
        flags |= F::CLONE_FS;
    }
    check_unshare_flags(kernel, tid, flags)?;
    kernel.check_namespace_flags(tid, flags)?;
    let made = match flags.intersects(NAMESPACES) {
        true => Some(kernel.create_new_namespaces(tid, flags - F::CLONE_SYSVSEM)?),
        false => None,
    };
    if let Some(made) = &made {
        // The groups may refuse, and then nothing has changed (`ns_cgroup_clone` of 2.6.24 to 2.6.38).
        let heard = kernel.with_cgroups(|core, kernel| core.namespaces_cloned(kernel, tid));
        if let Err(errno) = heard.unwrap_or(Ok(())) {
            kernel.put_proxy(made.proxy);
            return Err(errno);
        }
    }
    if flags.contains(F::CLONE_FS) {
        kernel.unshare_fs(tid);
    }
    if flags.contains(F::CLONE_FILES) {
        kernel.unshare_files(tid);
    }
    if flags.intersects(F::CLONE_SYSVSEM | F::CLONE_NEWIPC) {
        kernel.exit_sem(tid);
    }
    if let Some(made) = made {
        kernel.enter_made(kernel.tasks[tid].fs, &made);
        let old = kernel.tasks[tid].switch_namespaces(made.proxy);
        kernel.put_proxy(old);
    }
    Ok(())
}

/// `check_unshare_flags`: what a thread shares with its group or others cannot be unshared.
fn check_unshare_flags(kernel: &Kernel, tid: Tid, flags: CloneFlags) -> Result<()> {
    use CloneFlags as F;
    let own = F::CLONE_THREAD | F::CLONE_SIGHAND | F::CLONE_VM;
    let known = own | F::CLONE_FS | F::CLONE_FILES | F::CLONE_SYSVSEM | NAMESPACES;
    let group = kernel.tasks.group_of(tid);
    let shared = |flag: F, shared: bool| flags.contains(flag) && shared;
    let mm_users = kernel.mm(tid).map_or(1, |mm| mm.users);
    if !known.contains(flags)
        || flags.intersects(own) && group.threads.len() > 1
        || shared(F::CLONE_SIGHAND, kernel.tasks.shares_sighand(group.sighand))
        || shared(F::CLONE_VM, mm_users > 1)
    {
        return Err(Errno::EINVAL);
    }
    Ok(())
}

fn setns(kernel: &mut Kernel, tid: Tid, _call: &mut Call) -> Outcome {
    kernel.trace.line(TraceKind::Missing, || format!("[{}] setns", tid.0));
    Errno::EPERM.into()
}
