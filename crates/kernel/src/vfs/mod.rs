//! Files: mounts, names, open files. A filesystem is a value that answers by inode number.
//!
//! [`Path`] is a place in the tree: a mount and a dentry of it. What is kept beyond a call (a working directory, an open file,
//! a mount point) is counted with `path_get` and `path_put`; a path in a local variable is not.
mod anon;
pub(crate) mod arena;
mod chrdev;
pub mod cpio;
mod dentry;
mod epoll;
mod eventfd;
mod exec;
mod fdtable;
mod fifo;
mod file;
mod fs;
mod fsnotify;
mod fsstruct;
mod initramfs;
mod inotify;
mod kernfs;
mod locks;
mod mnt_ns;
mod modify;
mod mount;
mod open;
mod path;
mod perm;
mod pidfd;
mod pipe;
mod signalfd;
mod timerfd;
mod tmpfs;
mod types;

pub(crate) use anon::AnonFs;
pub(crate) use anon::AnonKind;
pub use chrdev::{CharDevice, DeviceFile, DeviceMap};
pub use dentry::DentryId;
pub use exec::FileMap;
pub use fdtable::{Fd, FdTable};
pub use file::{File, FileId, FileKind};
pub use fs::{Attr, Block, DirEntry, FileSystem, Ino, Io, IoError, New, NewNode, OpenFile, SetAttr, SuperId};
pub use fsstruct::FsStruct;
pub use initramfs::ImageError;
pub(crate) use locks::{Owner, RangeLock};
pub use mount::{Mount, MountId};
pub(crate) use open::Opened;
pub(crate) use path::{Found, Last, Walk, Who};
pub(crate) use perm::{MAY_EXEC, MAY_READ, owner_or_capable};
pub use perm::{MAY_WRITE, permission};
pub use tmpfs::Tmpfs;
pub(crate) use types::{CGROUP_TYPES, NODEV_TYPES};

use crate::{Kernel, Result};
use abi::saved::Name;
use abi::{Errno, MountFlags};
use arena::Arena;
use dentry::Dentry;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A table of file descriptors; CLONE_FILES shares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FilesId(pub u32);

/// Root, working directory and umask; CLONE_FS shares them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FsId(pub u32);

/// A place in the tree of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Path {
    pub mount: MountId,
    pub dentry: DentryId,
}

/// A filesystem instance.
#[derive(Serialize, Deserialize)]
struct Super {
    /// Taken out while it is being called.
    // Behind a trait: `saved::Image` has it.
    #[serde(skip)]
    fs: Option<Box<dyn FileSystem>>,
    #[serde(deserialize_with = "abi::saved::name")]
    kind: Name,
    /// How many mounts show it; the kernel's own are held for ever.
    mounts: u32,
    read_only: bool,
}

impl Clone for Super {
    fn clone(&self) -> Super {
        let fs = self.fs.as_ref().map(|fs| fs.clone_box());
        Super { fs, kind: self.kind, mounts: self.mounts, read_only: self.read_only }
    }
}

/// What the VFS knows of an inode that is in use.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct InUse {
    /// Dentries of it that are held.
    holds: u32,
    /// Open for writing (execve says ETXTBSY).
    writers: u32,
    /// Being executed (open for writing says ETXTBSY).
    deny_write: u32,
}

/// All mounts, names and open files.
#[derive(Clone, Serialize, Deserialize)]
pub struct Vfs {
    supers: Arena<Super>,
    dentries: Arena<Dentry>,
    in_use: BTreeMap<(SuperId, Ino), InUse>,
    mounts: Arena<Mount>,
    mounted: BTreeMap<(MountId, DentryId), MountId>,
    pub(crate) files: Arena<File>,
    pub(crate) tables: Arena<FdTable>,
    fs_structs: Arena<FsStruct>,
    pub(crate) pipes: BTreeMap<u64, pipe::Pipe>,
    eventfds: BTreeMap<u64, eventfd::EventFd>,
    timerfds: BTreeMap<u64, timerfd::TimerFd>,
    signalfds: BTreeMap<u64, abi::SigSet>,
    pidfds: BTreeMap<u64, pidfd::PidFd>,
    epolls: BTreeMap<u64, epoll::Epoll>,
    pub(crate) inotify: inotify::Watchers,
    /// How often keys that an epoll watches have been notified.
    notified: BTreeMap<crate::WaitKey, u64>,
    /// How often files of a kernfs have changed, of those that have.
    kernfs_events: BTreeMap<(SuperId, Ino), u64>,
    /// Those whose watches are still to be told, with directory and name.
    kernfs_work: BTreeMap<(SuperId, Ino), (Ino, Vec<u8>)>,
    /// The pipe of each FIFO that is open.
    fifos: BTreeMap<(SuperId, Ino), u64>,
    /// Filesystems of which there is one instance, by type.
    singles: BTreeMap<String, SuperId>,
    locks: BTreeMap<(SuperId, Ino), locks::FileLocks>,
    /// Who waits for whose lock, for the search for deadlocks; checked against the tasks before use.
    pub(crate) lock_waits: BTreeMap<crate::Tid, Owner>,
    root: Path,
    anon: anon::Anon,
    /// Dentries left over after the last shrinking.
    shrunk: usize,
    next_key: u64,
    next_mount: u32,
}

impl Default for Vfs {
    /// A root filesystem, empty, and what pipes and their like live in.
    fn default() -> Vfs {
        let mut vfs = Vfs {
            supers: Arena::default(),
            dentries: Arena::default(),
            in_use: BTreeMap::new(),
            mounts: Arena::default(),
            mounted: BTreeMap::new(),
            files: Arena::default(),
            tables: Arena::default(),
            fs_structs: Arena::default(),
            pipes: BTreeMap::new(),
            eventfds: BTreeMap::new(),
            timerfds: BTreeMap::new(),
            signalfds: BTreeMap::new(),
            pidfds: BTreeMap::new(),
            epolls: BTreeMap::new(),
            inotify: inotify::Watchers::default(),
            notified: BTreeMap::new(),
            kernfs_events: BTreeMap::new(),
            kernfs_work: BTreeMap::new(),
            fifos: BTreeMap::new(),
            singles: BTreeMap::new(),
            locks: BTreeMap::new(),
            lock_waits: BTreeMap::new(),
            root: Path { mount: MountId(0), dentry: DentryId(0) },
            anon: anon::Anon::default(),
            shrunk: 0,
            next_key: 1,
            next_mount: 1,
        };
        let rootfs = vfs.add_super(Box::new(Tmpfs::new("rootfs")));
        let mount = vfs.add_mount(rootfs, None, MountFlags::empty(), b"rootfs");
        vfs.mounts[mount.0].ns = Some(crate::namespaces::NsId::MNT);
        vfs.root = vfs.mount_root(mount);
        vfs.path_get(vfs.root);
        vfs.anon = anon::Anon::new(&mut vfs);
        vfs
    }
}

impl Vfs {
    /// The root of the machine.
    pub fn root(&self) -> Path {
        self.root
    }
    /// A number no other VFS object has, for wait keys.
    pub fn new_key(&mut self) -> u64 {
        self.next_key += 1;
        self.next_key
    }
    /// Adds a filesystem instance; it lives until its last mount is gone.
    pub fn add_super(&mut self, fs: Box<dyn FileSystem>) -> SuperId {
        let kind = fs.kind();
        SuperId(self.supers.insert(Super { fs: Some(fs), kind, mounts: 0, read_only: false }))
    }
    /// Every instance that is not being called.
    pub(crate) fn filesystems(&self) -> impl Iterator<Item = (SuperId, &dyn FileSystem)> {
        self.supers.iter().filter_map(|(id, sup)| Some((SuperId(id), sup.fs.as_deref()?)))
    }
    /// Gives an instance its filesystem, which was saved apart from it.
    pub(crate) fn put_filesystem(&mut self, id: SuperId, fs: Box<dyn FileSystem>) -> Option<()> {
        self.supers.get_mut(id.0)?.fs = Some(fs);
        Some(())
    }
    /// Whether every instance has its filesystem.
    pub(crate) fn is_whole(&self) -> bool {
        self.supers.iter().all(|(_, sup)| sup.fs.is_some())
    }
    /// Frames that files of tmpfs and its like are made of.
    pub(crate) fn tmpfs_pages(&self) -> u64 {
        self.supers.iter().filter_map(|(_, sup)| Some(sup.fs.as_ref()?.pages_held())).sum()
    }
    /// The type of an instance, as in /proc/mounts.
    pub fn super_kind(&self, id: SuperId) -> &'static str {
        self.supers.get(id.0).map_or("none", |s| s.kind)
    }
    /// What stat says: an anonymous device, one an instance.
    pub fn super_dev(id: SuperId) -> u64 {
        abi::makedev(0, id.0.wrapping_add(1))
    }
}

impl Kernel {
    /// Calls a filesystem, taken out of its slot, with the rest of the kernel; EBUSY if it is being called already.
    pub fn with_super<T, E: From<Errno>>(
        &mut self,
        id: SuperId,
        f: impl FnOnce(&mut dyn FileSystem, &mut Kernel) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let mut fs = self.vfs.supers.get_mut(id.0).and_then(|slot| slot.fs.take()).ok_or(Errno::EBUSY)?;
        let result = f(&mut *fs, self);
        if let Some(slot) = self.vfs.supers.get_mut(id.0) {
            slot.fs = Some(fs);
        }
        result
    }

    /// What stat says of an inode.
    pub(crate) fn inode_attr(&mut self, id: SuperId, ino: Ino) -> Result<Attr> {
        self.with_super(id, |fs, kernel| fs.attr(kernel, ino))
    }

    /// What stat says of the file at a path (not of what is mounted on it).
    pub fn path_attr(&mut self, path: Path) -> Result<Attr> {
        let (sup, ino) = self.vfs.inode(path);
        self.inode_attr(sup, ino)
    }
}

#[cfg(test)]
mod tests;
