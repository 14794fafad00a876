//! New namespaces: for a child (copy_namespaces) and for the caller (unshare).
use super::pid::{MAX_PID_NS_LEVEL, PidNs};
use super::{NsProxy, State};
use crate::syscall::{Call, Row, partial};
use crate::vfs::{FsId, MountId};
use crate::{Cred, Kernel, Result, Tid, TraceKind};
use abi::{CAP_SYS_ADMIN, CloneFlags, Errno, Sysno};
use std::collections::BTreeMap;

const MISSING: &str = "no network or time namespaces";

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    partial(Sysno::Unshare, |k, t, c| unshare(k, t, c).into(), MISSING),
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
const ABSENT: CloneFlags = CloneFlags::CLONE_NEWNET.union(CloneFlags::CLONE_NEWTIME);

/// Namespaces that have been made, and not yet given to a task.
pub(crate) struct Made {
    pub(crate) proxy: NsProxy,
    /// The copy of each mount, if the tree was copied.
    mounts: Option<BTreeMap<MountId, MountId>>,
}

impl Kernel {
    /// The credentials of a new task, or of one that unshares: held, in a new user namespace if asked for.
    pub(crate) fn copy_creds(&mut self, tid: Tid, flags: CloneFlags) -> Result<Cred> {
        let mut cred = self.tasks[tid].cred.clone();
        match flags.contains(CloneFlags::CLONE_NEWUSER) {
            true => self.create_user_ns(tid, &mut cred)?,
            false => self.namespaces.hold(cred.user_ns),
        }
        Ok(cred)
    }

    /// The flags that `copy_process` and unshare refuse before they do anything.
    pub(crate) fn check_namespace_flags(&mut self, tid: Tid, flags: CloneFlags) -> Result<()> {
        if flags.intersects(ABSENT) {
            self.trace.line(TraceKind::Missing, || format!("[{}] namespaces: {:?}", tid.0, flags & ABSENT));
            return Err(Errno::EINVAL);
        }
        Ok(())
    }

    /// `create_new_namespaces`: those that `flags` name are new, the others `tid`'s own; all have one user more.
    pub(crate) fn create_new_namespaces(&mut self, tid: Tid, flags: CloneFlags, cred: &Cred) -> Result<Made> {
        let mut proxy = self.tasks[tid].nsproxy;
        if !flags.intersects(NAMESPACES - CloneFlags::CLONE_NEWUSER) {
            self.namespaces.hold_proxy(&proxy);
            return Ok(Made { proxy, mounts: None });
        }
        let owner = cred.user_ns;
        if !self.namespaces.capable(cred, owner, CAP_SYS_ADMIN) {
            return Err(Errno::EPERM);
        }
        if flags.contains(CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_SYSVSEM) {
            return Err(Errno::EINVAL);
        }
        if flags.contains(CloneFlags::CLONE_NEWPID) {
            if proxy.pid_for_children != self.tasks[tid].pid_ns {
                return Err(Errno::EINVAL);
            }
            if self.namespaces.pid_level(proxy.pid_for_children) >= MAX_PID_NS_LEVEL {
                return Err(Errno::ENOSPC);
            }
        }
        if flags.contains(CloneFlags::CLONE_NEWNS) {
            self.vfs.room_for_mounts(self.vfs.mounts_in(proxy.mnt))?;
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
        if flags.contains(CloneFlags::CLONE_NEWPID) {
            let level = self.namespaces.pid_level(old.pid_for_children);
            self.namespaces.hold(old.pid_for_children);
            let state = State::Pid(PidNs::below(old.pid_for_children, level));
            proxy.pid_for_children = self.namespaces.add(state, owner);
        }
        if flags.contains(CloneFlags::CLONE_NEWIPC) {
            proxy.ipc = self.namespaces.add(State::Ipc, owner);
        }
        if flags.contains(CloneFlags::CLONE_NEWCGROUP) {
            let roots = self.cgroup_roots(tid);
            proxy.cgroup = self.namespaces.add(State::Cgroup(roots), owner);
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
    let cred = kernel.copy_creds(tid, flags)?;
    let user_ns = cred.user_ns;
    let made = match kernel.create_new_namespaces(tid, flags - F::CLONE_SYSVSEM, &cred) {
        Ok(made) => made,
        Err(errno) => {
            kernel.put_ns(user_ns);
            return Err(errno);
        }
    };
    if flags.intersects(NAMESPACES) {
        // The groups may refuse, and then nothing has changed (`ns_cgroup_clone` of 2.6.24 to 2.6.38).
        let heard = kernel.with_cgroups(|core, kernel| core.namespaces_cloned(kernel, tid));
        if let Err(errno) = heard.unwrap_or(Ok(())) {
            kernel.put_proxy(made.proxy);
            kernel.put_ns(user_ns);
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
    kernel.enter_made(kernel.tasks[tid].fs, &made);
    let task = &mut kernel.tasks[tid];
    let old = (task.switch_namespaces(made.proxy), std::mem::replace(&mut task.cred, cred).user_ns);
    kernel.put_proxy(old.0);
    kernel.put_ns(old.1);
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
