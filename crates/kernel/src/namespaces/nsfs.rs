//! nsfs (fs/nsfs.c): namespaces as files, which /proc/PID/ns leads to; setns(2).
use super::{NsId, NsProxy, State};
use crate::syscall::{Call, Row, partial};
use crate::vfs::{Attr, DirEntry, FileId, FileKind, FileSystem, Ino, Io, IoError, OpenFile, Path};
use crate::{Kernel, Result, Tid, TraceKind};
use abi::{CAP_SYS_ADMIN, CAP_SYS_CHROOT, CloneFlags, Errno, NAME_MAX, NSFS_MAGIC, OpenFlags, S_IFREG, Statfs, Sysno};
use abi::{NS_GET_NSTYPE, NS_GET_OWNER_UID, NS_GET_PARENT, NS_GET_USERNS, Timespec};
use serde::{Deserialize, Serialize};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    partial(Sysno::Setns, |k, t, c| setns(k, t, c).into(), "there is one time namespace"),
];

/// The one instance. An inode is a namespace, of the same number.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct NsFs;

impl FileSystem for NsFs {
    fn clone_box(&self) -> Box<dyn FileSystem> {
        Box::new(self.clone())
    }
    fn save(&self) -> std::result::Result<crate::saved::Saved, crate::saved::SaveError> {
        crate::saved::Saved::new("nsfs", self)
    }
    fn kind(&self) -> &'static str {
        "nsfs"
    }
    fn statfs(&self, _: &Kernel) -> Statfs {
        Statfs { kind: NSFS_MAGIC, bsize: 4096, frsize: 4096, namelen: NAME_MAX as u64, ..Statfs::default() }
    }
    fn root(&self) -> Ino {
        Ino(0)
    }
    fn lookup(&mut self, _: &mut Kernel, _: Ino, _: &[u8]) -> Result<Ino> {
        Err(Errno::ENOENT)
    }
    fn attr(&mut self, kernel: &mut Kernel, _: Ino) -> Result<Attr> {
        let now = Timespec::from_ns(kernel.clock.realtime());
        let (mode, nlink) = (S_IFREG | 0o444, 1);
        Ok(Attr { mode, nlink, uid: 0, gid: 0, rdev: 0, size: 0, atime: now, mtime: now, ctime: now })
    }
    fn read_dir(&mut self, _: &mut Kernel, _: Ino) -> Result<Vec<DirEntry>> {
        Err(Errno::ENOTDIR)
    }
    fn read(&mut self, _: &mut Kernel, _: OpenFile, _: u64, _: &mut [u8]) -> Io {
        Err(Errno::EINVAL.into())
    }
    fn forget(&mut self, kernel: &mut Kernel, ino: Ino) {
        kernel.free_ns(NsId(ino.0 as u32));
    }
}

impl NsId {
    /// What readlink says.
    pub(crate) fn text(self, kernel: &Kernel) -> String {
        let name = kernel.namespaces.table.get(&self).map_or("ns", |ns| ns.state.name_and_flag().0);
        format!("{name}:[{}]", self.0)
    }
}

impl State {
    fn name_and_flag(&self) -> (&'static str, CloneFlags) {
        match self {
            State::Uts(_) => ("uts", CloneFlags::CLONE_NEWUTS),
            State::Ipc => ("ipc", CloneFlags::CLONE_NEWIPC),
            State::Mnt(_) => ("mnt", CloneFlags::CLONE_NEWNS),
            State::Net => ("net", CloneFlags::CLONE_NEWNET),
            State::Time => ("time", CloneFlags::CLONE_NEWTIME),
            State::Cgroup(_) => ("cgroup", CloneFlags::CLONE_NEWCGROUP),
            State::Pid(_) => ("pid", CloneFlags::CLONE_NEWPID),
            State::User(_) => ("user", CloneFlags::CLONE_NEWUSER),
        }
    }
}

impl Kernel {
    /// The file of a namespace.
    pub(crate) fn ns_path(&mut self, id: NsId) -> Path {
        let name = id.text(self);
        self.vfs.nsfs_path(Ino(id.0.into()), name.as_bytes())
    }

    /// The namespace that an open file is, if it is one.
    fn ns_of_file(&self, file: FileId) -> Option<NsId> {
        match self.vfs.file(file).kind {
            FileKind::Inode { sup, ino, .. } if self.vfs.is_nsfs(sup) => Some(NsId(ino.0 as u32)),
            _ => None,
        }
    }

    /// ioctl_ns(2); `None`: the file is no namespace.
    pub(crate) fn ns_ioctl(
        &mut self,
        tid: Tid,
        file: FileId,
        cmd: u32,
        arg: u64,
    ) -> Option<std::result::Result<u64, IoError>> {
        let id = self.ns_of_file(file)?;
        Some(self.do_ns_ioctl(tid, id, cmd, arg).map_err(IoError::from))
    }

    fn do_ns_ioctl(&mut self, tid: Tid, id: NsId, cmd: u32, arg: u64) -> Result<u64> {
        let ns = self.namespaces.table.get(&id).ok_or(Errno::EINVAL)?;
        let (state, owner) = (&ns.state, ns.owner);
        match (cmd, state) {
            (NS_GET_NSTYPE, state) => Ok(state.name_and_flag().1.bits()),
            (NS_GET_USERNS, State::User(_)) if id == NsId::USER => Err(Errno::EPERM),
            (NS_GET_USERNS, _) | (NS_GET_PARENT, State::User(_)) => self.open_above(tid, id, owner),
            (NS_GET_PARENT, State::Pid(pid)) => {
                let parent = pid.parent.ok_or(Errno::EPERM)?;
                // Not above the caller's own.
                match self.namespaces.pid_chain(parent).contains(&self.pid_ns_of(tid)) {
                    true => self.open_ns(tid, parent),
                    false => Err(Errno::EPERM),
                }
            }
            (NS_GET_OWNER_UID, State::User(user)) => {
                let uid = self.tasks[tid].cred.uid_seen(user.owner);
                self.user(tid).write_u32(arg, uid).map(|()| 0)
            }
            (NS_GET_PARENT | NS_GET_OWNER_UID, _) => Err(Errno::EINVAL),
            _ => Err(Errno::ENOTTY),
        }
    }

    /// The user namespace over `id`, unless it is above the caller's own.
    fn open_above(&mut self, tid: Tid, id: NsId, owner: NsId) -> Result<u64> {
        let own = self.tasks[tid].cred.user_ns;
        match id != NsId::USER && self.namespaces.user_chain(owner).contains(&own) {
            true => self.open_ns(tid, owner),
            false => Err(Errno::EPERM),
        }
    }

    fn open_ns(&mut self, tid: Tid, id: NsId) -> Result<u64> {
        let path = self.ns_path(id);
        let (sup, ino) = self.vfs.inode(path);
        let kind = FileKind::Inode { sup, ino, handle: 0, is_dir: false };
        let file = self.vfs.new_file(kind, path, OpenFlags::empty());
        self.install_fd(tid, file, 0, true).map(|fd| fd as u64)
    }
}

/// `setns`: into the namespace of a file, or into those of a pidfd's process that `flags` name.
fn setns(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<()> {
    let (fd, flags) = (call.args[0] as i32, CloneFlags::from_bits_retain(call.args[1] as u32 as u64));
    let file = kernel.fd_file(tid, fd)?;
    if let Some(id) = kernel.ns_of_file(file) {
        let kind = kernel.namespaces.table.get(&id).ok_or(Errno::EINVAL)?.state.name_and_flag().1;
        if !flags.is_empty() && flags != kind {
            return Err(Errno::EINVAL);
        }
        return enter(kernel, tid, &[id]);
    }
    let key = kernel.pidfd(file).map_err(|_| Errno::EINVAL)?;
    if flags.is_empty() || !super::NAMESPACES.contains(flags) {
        return Err(Errno::EINVAL);
    }
    let target = kernel.pidfd_process(key).ok_or(Errno::ESRCH)?;
    if !kernel.may_inspect(tid, target) {
        return Err(Errno::EPERM);
    }
    let task = kernel.tasks.get(target).filter(|task| !task.is_dead()).ok_or(Errno::ESRCH)?;
    let NsProxy { uts, ipc, mnt, net, cgroup, .. } = task.nsproxy;
    // The order of `validate_nsset`.
    let all = [task.cred.user_ns, mnt, uts, ipc, task.pid_ns, cgroup, net, NsId::TIME];
    let named =
        |id: &NsId| kernel.namespaces.table.get(id).is_some_and(|ns| flags.contains(ns.state.name_and_flag().1));
    let wanted: Vec<NsId> = all.into_iter().filter(named).collect();
    enter(kernel, tid, &wanted)
}

/// All of them or none: checks each, then takes them.
fn enter(kernel: &mut Kernel, tid: Tid, wanted: &[NsId]) -> Result<()> {
    let mut cred = kernel.tasks[tid].cred.clone();
    for &id in wanted {
        let ns = kernel.namespaces.table.get(&id).ok_or(Errno::EINVAL)?;
        let may = |over: NsId, cap: u8| {
            if kernel.namespaces.capable(&cred, over, cap) { Ok(()) } else { Err(Errno::EPERM) }
        };
        match &ns.state {
            State::User(_) => {
                let task = &kernel.tasks[tid];
                let shares_fs = kernel.vfs.fs_struct(task.fs).is_shared();
                if id == cred.user_ns || kernel.tasks.group_of(tid).threads.len() > 1 || shares_fs {
                    return Err(Errno::EINVAL);
                }
                may(id, CAP_SYS_ADMIN)?;
                kernel.namespaces.enter_user_ns(&mut cred, id);
            }
            state => {
                let owner = ns.owner;
                may(owner, CAP_SYS_ADMIN)?;
                if matches!(state, State::Mnt(_)) {
                    may(cred.user_ns, CAP_SYS_CHROOT)?;
                    if kernel.vfs.fs_struct(kernel.tasks[tid].fs).is_shared() {
                        return Err(Errno::EINVAL);
                    }
                }
                may(cred.user_ns, CAP_SYS_ADMIN)?;
                if matches!(state, State::Pid(_)) && !kernel.namespaces.pid_chain(id).contains(&kernel.pid_ns_of(tid)) {
                    return Err(Errno::EINVAL);
                }
            }
        }
    }
    for &id in wanted {
        install(kernel, tid, id, &cred);
    }
    kernel.trace.line(TraceKind::Syscall, || format!("[{}] enters {wanted:?}", tid.0));
    Ok(())
}

fn install(kernel: &mut Kernel, tid: Tid, id: NsId, cred: &crate::Cred) {
    let Some(ns) = kernel.namespaces.table.get(&id) else { return };
    let state = ns.state.clone();
    kernel.namespaces.hold(id);
    let task = &mut kernel.tasks[tid];
    let proxy = &mut task.nsproxy;
    let slot = match state {
        State::Uts(_) => &mut proxy.uts,
        State::Ipc => &mut proxy.ipc,
        State::Mnt(_) => &mut proxy.mnt,
        State::Net => &mut proxy.net,
        State::Cgroup(_) => &mut proxy.cgroup,
        State::Pid(_) => &mut proxy.pid_for_children,
        State::Time => return,
        State::User(_) => {
            let old = std::mem::replace(&mut task.cred, cred.clone()).user_ns;
            return kernel.put_ns(old);
        }
    };
    let old = std::mem::replace(slot, id);
    if let State::Mnt(root) = state {
        kernel.enter_tree(tid, root);
    }
    kernel.put_ns(old);
}
