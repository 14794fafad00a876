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
