//! Files: mounts, names, open files. A filesystem is a value that answers by inode number.
mod chrdev;
mod fs;

pub use chrdev::{CharDevice, DeviceFile, DeviceMap};
pub use fs::{Attr, Block, DirEntry, FileSystem, Ino, Io, IoError, New, NewNode, OpenFile, SetAttr, SuperId};

/// A table of file descriptors; CLONE_FILES shares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FilesId(pub u32);

/// Root, working directory and umask; CLONE_FS shares them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FsId(pub u32);

/// A place in the tree of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    pub mount: u32,
    pub dentry: u32,
}

/// All mounts, names and open files.
#[derive(Clone, Default)]
pub struct Vfs {}

impl crate::Kernel {
    /// Calls a filesystem, taken out of its slot, with the rest of the kernel; EBUSY if it is being called already.
    pub fn with_super<T, E: From<abi::Errno>>(
        &mut self,
        _id: SuperId,
        _f: impl FnOnce(&mut dyn FileSystem, &mut crate::Kernel) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        Err(abi::Errno::EBUSY.into())
    }
}

/// An open file description (struct file), by its slot. Mappings and programs hold one use each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(pub u32);

// What mm needs of open files. kvfs: these four are yours to fill in.
impl Vfs {
    /// One more use of an open file.
    pub fn hold_file(&mut self, _file: FileId) {}
}

impl crate::Kernel {
    /// One use less; the last closes it.
    pub fn put_file(&mut self, _file: FileId) {}
    /// The frame of page `index` of an open file; `None` past its end. `write`: it will be written through a shared mapping.
    pub fn file_page(&mut self, _file: FileId, _index: u64, _write: bool) -> crate::Result<Option<mmu::FrameId>> {
        Err(abi::Errno::ENODEV)
    }
    /// The path an open file was opened by, as /proc shows it.
    pub fn file_path(&self, _file: FileId) -> Vec<u8> {
        Vec::new()
    }
}

/// What mmap of a descriptor maps.
pub enum FileMap {
    /// The file's pages; one use of it is the mapping's. `may_write`: a shared mapping of it may be made writable.
    File { file: FileId, may_write: bool },
    /// Zeroed memory (/dev/zero).
    Zero,
}

// What execve and mmap need of open files. kvfs: these are yours to fill in too.
impl crate::Kernel {
    /// Opens a program for a task: execute permission, a regular file, not on a noexec mount (EACCES). `flags`: AT_EMPTY_PATH,
    /// AT_SYMLINK_NOFOLLOW.
    pub(crate) fn open_exec(
        &mut self,
        _tid: crate::Tid,
        _dirfd: i32,
        _path: &[u8],
        _flags: u32,
    ) -> crate::Result<FileId> {
        Err(abi::Errno::ENOENT)
    }
    /// Reads as much as there is, up to the buffer's length.
    pub(crate) fn read_file(&mut self, _file: FileId, _at: u64, _buf: &mut [u8]) -> crate::Result<usize> {
        Err(abi::Errno::EIO)
    }
    pub(crate) fn file_attr(&mut self, _file: FileId) -> crate::Result<Attr> {
        Err(abi::Errno::EIO)
    }
    /// Whether it is on a mount that ignores set-user-id bits.
    pub(crate) fn file_is_nosuid(&self, _file: FileId) -> bool {
        false
    }
    /// A number that two opens of one inode share (super block and inode), below 2^62.
    pub(crate) fn file_identity(&self, _file: FileId) -> u64 {
        0
    }
    /// Checks that descriptor `fd` may be mapped so (EBADF, EACCES, ENODEV), and holds it.
    pub(crate) fn map_file(
        &mut self,
        _tid: crate::Tid,
        _fd: i32,
        _prot: abi::Prot,
        _shared: bool,
    ) -> crate::Result<FileMap> {
        Err(abi::Errno::EBADF)
    }
    /// execve: gives the task a descriptor table of its own and closes what is marked close-on-exec.
    pub(crate) fn close_on_exec(&mut self, _tid: crate::Tid) {}
}
