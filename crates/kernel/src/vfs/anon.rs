//! Where files without a name live: pipefs, sockfs, anon_inodefs, and the tmpfs of memfd_create. None of them can be mounted.
use super::{Attr, DirEntry, FileSystem, Ino, Io, MountId, NewNode, OpenFile, Path, SuperId, Tmpfs, Vfs, Who};
use crate::namespaces::NsFs;
use crate::saved::{SaveError, Saved};
use crate::{Kernel, Result, Tid};
use abi::saved::Name;
use abi::{
    ANON_INODE_FS_MAGIC, Errno, MountFlags, NAME_MAX, PIPEFS_MAGIC, S_IFIFO, S_IFSOCK, SOCKFS_MAGIC, Statfs, Timespec,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The kinds of anonymous file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum AnonKind {
    Pipe,
    Socket,
    /// eventfd, epoll: what /proc/PID/fd shows between brackets.
    Inode(#[serde(deserialize_with = "abi::saved::name")] Name),
}

/// The mounts that anonymous files are on.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Anon {
    mounts: Option<[MountId; 3]>,
    shm: Option<MountId>,
    nsfs: Option<MountId>,
}

impl Anon {
    pub(super) fn new(vfs: &mut Vfs) -> Anon {
        let mut mount = |fs: Box<dyn FileSystem>| {
            let sup = vfs.add_super(fs);
            vfs.add_mount(sup, None, MountFlags::empty(), b"none")
        };
        let mounts = [("pipefs", PIPEFS_MAGIC), ("sockfs", SOCKFS_MAGIC), ("anon_inodefs", ANON_INODE_FS_MAGIC)]
            .map(|(kind, magic)| mount(Box::new(AnonFs { kind, magic, inodes: BTreeMap::new() })));
        let (shm, nsfs) = (mount(Box::new(Tmpfs::new("tmpfs"))), mount(Box::new(NsFs)));
        Anon { mounts: Some(mounts), shm: Some(shm), nsfs: Some(nsfs) }
    }
}

impl Vfs {
    /// Whether the file never had a name in a tree.
    pub(super) fn is_anon(&self, path: Path) -> bool {
        self.anon.mounts.is_some_and(|mounts| mounts.contains(&path.mount)) || self.anon.nsfs == Some(path.mount)
    }
    /// The file of a namespace.
    pub(crate) fn nsfs_path(&mut self, ino: Ino, name: &[u8]) -> Path {
        let root = self.mount_root(self.anon.nsfs.expect("made with the VFS"));
        Path { dentry: self.child(root.dentry, name, ino), ..root }
    }
    pub(crate) fn is_nsfs(&self, sup: SuperId) -> bool {
        self.anon.nsfs.is_some_and(|mount| self.mounts[mount.0].sup == sup)
    }
    /// Whether a file of a namespace is open or mounted somewhere.
    pub(crate) fn is_held(&self, ino: Ino) -> bool {
        let sup = self.anon.nsfs.map(|mount| self.mounts[mount.0].sup);
        sup.is_some_and(|sup| self.in_use.get(&(sup, ino)).is_some_and(|used| used.holds != 0))
    }
    /// The place of memfd_create's files.
    fn shm_root(&self) -> Path {
        self.mount_root(self.anon.shm.expect("made with the VFS"))
    }
    /// A filesystem that the kernel keeps mounted for itself.
    pub(crate) fn kernel_mount(&mut self, fs: Box<dyn FileSystem>, source: &[u8]) -> (super::SuperId, MountId) {
        let sup = self.add_super(fs);
        (sup, self.add_mount(sup, None, MountFlags::empty(), source))
    }
    fn anon_mount(&self, kind: AnonKind) -> MountId {
        let [pipe, socket, inode] = self.anon.mounts.expect("made with the VFS");
        match kind {
            AnonKind::Pipe => pipe,
            AnonKind::Socket => socket,
            AnonKind::Inode(_) => inode,
        }
    }
}

impl Kernel {
    /// A file of memory that has no name but what /proc shows (memfd_create).
    pub(crate) fn new_memfd(&mut self, who: &Who, name: &[u8], node: NewNode<'_>, mode: u32) -> Result<Path> {
        let root = self.vfs.shm_root();
        let attr = self.path_attr(root)?;
        let new = Kernel::new_inode(who, &attr, node, mode);
        let (sup, _) = self.vfs.inode(root);
        let ino = self.with_super(sup, |fs, kernel| fs.create_nameless(kernel, &new))?;
        let dentry = self.vfs.new_dentry(sup, ino, name);
        self.vfs.dentries[dentry.0].unhashed = true;
        Ok(Path { mount: root.mount, dentry })
    }

    /// A new anonymous inode, as a path that lives while it is held.
    pub(crate) fn new_anon(&mut self, caller: Tid, kind: AnonKind) -> Result<Path> {
        let ino = self.vfs.new_key();
        let (mode, name) = match kind {
            AnonKind::Pipe => (S_IFIFO | 0o600, format!("pipe:[{ino}]")),
            AnonKind::Socket => (S_IFSOCK | 0o777, format!("socket:[{ino}]")),
            // The one that has no brackets.
            AnonKind::Inode("inotify") => (0o600, "anon_inode:inotify".into()),
            AnonKind::Inode(what) => (0o600, format!("anon_inode:[{what}]")),
        };
        let (uid, gid) = self.tasks.get(caller).map_or((0, 0), |task| (task.cred.fsuid, task.cred.fsgid));
        let now = Timespec::from_ns(self.clock.realtime());
        let attr = Attr { mode, nlink: 1, uid, gid, rdev: 0, size: 0, atime: now, mtime: now, ctime: now };
        let mount = self.vfs.anon_mount(kind);
        let sup = self.vfs.mounts[mount.0].sup;
        // Through the trait there is no way to make an inode at a number.
        self.with_super(sup, |fs, kernel| fs.adopt(kernel, Ino(ino), attr))?;
        Ok(Path { mount, dentry: self.vfs.new_dentry(sup, Ino(ino), name.as_bytes()) })
    }
}

/// A filesystem of inodes without names.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct AnonFs {
    #[serde(deserialize_with = "abi::saved::name")]
    kind: Name,
    magic: u64,
    inodes: BTreeMap<Ino, Attr>,
}

impl FileSystem for AnonFs {
    fn clone_box(&self) -> Box<dyn FileSystem> {
        Box::new(self.clone())
    }
    fn save(&self) -> std::result::Result<Saved, SaveError> {
        Saved::new("anon", self)
    }
    fn kind(&self) -> &'static str {
        self.kind
    }
    fn statfs(&self, _: &Kernel) -> Statfs {
        Statfs { kind: self.magic, bsize: 4096, frsize: 4096, namelen: NAME_MAX as u64, ..Statfs::default() }
    }
    fn root(&self) -> Ino {
        Ino(0)
    }
    fn lookup(&mut self, _: &mut Kernel, _: Ino, _: &[u8]) -> Result<Ino> {
        Err(Errno::ENOENT)
    }
    fn attr(&mut self, _: &mut Kernel, ino: Ino) -> Result<Attr> {
        self.inodes.get(&ino).cloned().ok_or(Errno::ENOENT)
    }
    fn set_attr(&mut self, _: &mut Kernel, ino: Ino, set: &super::SetAttr) -> Result<()> {
        let attr = self.inodes.get_mut(&ino).ok_or(Errno::ENOENT)?;
        if let Some(mode) = set.mode {
            attr.mode = attr.mode & !0o7777 | mode;
        }
        attr.uid = set.uid.unwrap_or(attr.uid);
        attr.gid = set.gid.unwrap_or(attr.gid);
        Ok(())
    }
    fn read_dir(&mut self, _: &mut Kernel, _: Ino) -> Result<Vec<DirEntry>> {
        Err(Errno::ENOTDIR)
    }
    fn read(&mut self, _: &mut Kernel, _: OpenFile, _: u64, _: &mut [u8]) -> Io {
        Err(Errno::EINVAL.into())
    }
    fn adopt(&mut self, _: &mut Kernel, ino: Ino, attr: Attr) -> Result<()> {
        self.inodes.insert(ino, attr);
        Ok(())
    }
    fn forget(&mut self, _: &mut Kernel, ino: Ino) {
        self.inodes.remove(&ino);
    }
}
