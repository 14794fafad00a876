//! What a filesystem is.
use crate::saved::{SaveError, Saved};
use crate::{Kernel, Result, SleepKind, Tid, WaitKey};
use abi::{Errno, NAME_MAX, OpenFlags, PollEvents, Restart, Statfs, Timespec};
use mmu::FrameId;
use serde::{Deserialize, Serialize};

/// An inode number of one filesystem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ino(pub u64);

/// A super block: one filesystem instance, by its slot in `Vfs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SuperId(pub u32);

/// What stat says of an inode (the VFS adds the device number and block size).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attr {
    /// Type and permission bits.
    pub mode: u32,
    pub nlink: u32,
    pub uid: u32,
    pub gid: u32,
    /// For device nodes, in `makedev` form.
    pub rdev: u64,
    pub size: u64,
    pub atime: Timespec,
    pub mtime: Timespec,
    pub ctime: Timespec,
}

/// What chmod, chown, truncate and utimensat change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SetAttr {
    /// Permission bits alone.
    pub mode: Option<u32>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub size: Option<u64>,
    pub atime: Option<Timespec>,
    pub mtime: Option<Timespec>,
}

/// What `create` makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewNode<'a> {
    File,
    Directory,
    Symlink(&'a [u8]),
    /// A device, FIFO or socket: the S_IFMT bits and the device number.
    Special(u32, u64),
}

/// An inode to be made. The VFS has worked out mode and owner: umask, set-group-id directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct New<'a> {
    pub node: NewNode<'a>,
    /// Permission bits.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    /// Who asks.
    pub caller: Tid,
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirEntry {
    pub name: Vec<u8>,
    pub ino: Ino,
    /// S_IFMT bits.
    pub kind: u32,
}

/// An open file as its filesystem sees it.
#[derive(Clone, Copy, Debug)]
pub struct OpenFile {
    pub ino: Ino,
    /// What `open` gave; its meaning is the filesystem's own.
    pub handle: u64,
    pub flags: OpenFlags,
    /// Who makes the call.
    pub caller: Tid,
}

/// Why an operation cannot go on now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    pub on: WaitKey,
    pub kind: SleepKind,
    pub wchan: &'static str,
    /// May be frozen where it is (TASK_FREEZABLE).
    pub freezable: bool,
}

/// A read or write: bytes moved, or what to wait for (the VFS sleeps, or says EAGAIN to O_NONBLOCK).
pub type Io = std::result::Result<usize, IoError>;

/// How a read or write does not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoError {
    Errno(Errno),
    Block(Block),
    /// A signal was sent to the caller and the call is to be restarted after it (a background job at its terminal).
    Restart(Restart),
}

impl From<Block> for IoError {
    fn from(block: Block) -> IoError {
        IoError::Block(block)
    }
}

impl From<Errno> for IoError {
    fn from(errno: Errno) -> IoError {
        IoError::Errno(errno)
    }
}

/// A filesystem: tmpfs, procfs, cgroup, a host directory. It is taken out of its slot for each call and gets the rest of
/// the kernel. Permissions are the VFS's business, by `attr`. Every method a filesystem lacks is refused as Linux would.
pub trait FileSystem {
    fn clone_box(&self) -> Box<dyn FileSystem>;
    /// Its state for a saved machine, under the name that `saved::Restorer`s know; an error says why it has none.
    fn save(&self) -> std::result::Result<Saved, SaveError>;
    /// The type, as in /proc/mounts.
    fn kind(&self) -> &'static str;
    /// `statfs`'s magic number and figures.
    fn statfs(&self, kernel: &Kernel) -> Statfs;
    /// Options for /proc/mounts beyond rw or ro: `,freezer`.
    fn options(&self) -> String {
        String::new()
    }
    /// Longest name that is looked up or made.
    fn name_max(&self, _kernel: &Kernel) -> usize {
        NAME_MAX
    }
    fn root(&self) -> Ino;
    fn lookup(&mut self, kernel: &mut Kernel, dir: Ino, name: &[u8]) -> Result<Ino>;
    fn attr(&mut self, kernel: &mut Kernel, ino: Ino) -> Result<Attr>;
    /// Blocks of 512 bytes the inode takes; `None`: as many as its size needs.
    fn blocks(&self, _ino: Ino) -> Option<u64> {
        None
    }
    fn set_attr(&mut self, _kernel: &mut Kernel, _ino: Ino, _set: &SetAttr) -> Result<()> {
        Err(Errno::EPERM)
    }
    /// All entries but `.` and `..`, in a fixed order.
    fn read_dir(&mut self, kernel: &mut Kernel, dir: Ino) -> Result<Vec<DirEntry>>;
    fn read_link(&mut self, _kernel: &mut Kernel, _caller: Tid, _ino: Ino) -> Result<Vec<u8>> {
        Err(Errno::EINVAL)
    }
    /// A link that names an open file itself (/proc/PID/fd/N, exe, cwd): where it leads, not by its text.
    fn magic_link(&mut self, _kernel: &mut Kernel, _caller: Tid, _ino: Ino) -> Option<super::Path> {
        None
    }
    fn create(&mut self, _kernel: &mut Kernel, _dir: Ino, _name: &[u8], new: &New<'_>) -> Result<Ino> {
        // lookup_open: a directory in which open cannot create refuses otherwise than one without mkdir or mknod.
        Err(if new.node == NewNode::File { Errno::EACCES } else { Errno::EPERM })
    }
    fn link(&mut self, _kernel: &mut Kernel, _ino: Ino, _dir: Ino, _name: &[u8]) -> Result<()> {
        Err(Errno::EPERM)
    }
    fn unlink(&mut self, _kernel: &mut Kernel, _dir: Ino, _name: &[u8]) -> Result<()> {
        Err(Errno::EPERM)
    }
    fn rmdir(&mut self, _kernel: &mut Kernel, _dir: Ino, _name: &[u8]) -> Result<()> {
        Err(Errno::EPERM)
    }
    /// RENAME_ flags as given.
    fn rename(&mut self, _kernel: &mut Kernel, _from: (Ino, &[u8]), _to: (Ino, &[u8]), _flags: u32) -> Result<()> {
        Err(Errno::EPERM)
    }
    /// A handle for `OpenFile`. Called once an open; `release` when the last descriptor is gone.
    fn open(&mut self, _kernel: &mut Kernel, _caller: Tid, _ino: Ino, _flags: OpenFlags) -> Result<u64> {
        Ok(0)
    }
    fn release(&mut self, _kernel: &mut Kernel, _file: OpenFile) {}
    fn read(&mut self, kernel: &mut Kernel, file: OpenFile, at: u64, buf: &mut [u8]) -> Io;
    fn write(&mut self, _kernel: &mut Kernel, _file: OpenFile, _at: u64, _data: &[u8]) -> Io {
        Err(Errno::EINVAL.into())
    }
    /// What is ready, and the keys that announce a change.
    fn poll(&mut self, _kernel: &mut Kernel, _file: OpenFile) -> (PollEvents, Vec<WaitKey>) {
        (PollEvents::POLLIN | PollEvents::POLLOUT | PollEvents::POLLRDNORM | PollEvents::POLLWRNORM, Vec::new())
    }
    /// Whether lseek works on the file (false: ESPIPE).
    fn seekable(&self, _ino: Ino) -> bool {
        true
    }
    /// The frame of page `index` of a file, for mappings and execve; the caller `share`s it to keep it. `None` past the end
    /// of the file. A filesystem whose files are not frames says ENODEV to mmap.
    fn page(&mut self, _kernel: &mut Kernel, _ino: Ino, _index: u64, _for_write: bool) -> Result<Option<FrameId>> {
        Err(Errno::ENODEV)
    }
    /// Keeps an inode that has no name and is not the filesystem's making (pipes and their like).
    fn adopt(&mut self, _kernel: &mut Kernel, _ino: Ino, _attr: Attr) -> Result<()> {
        Err(Errno::EPERM)
    }
    /// Makes an inode without a name (O_TMPFILE).
    fn create_nameless(&mut self, _kernel: &mut Kernel, _new: &New<'_>) -> Result<Ino> {
        Err(Errno::EOPNOTSUPP)
    }
    /// fallocate(2): FALLOC_ flags, offset and length, all checked.
    fn allocate(&mut self, _kernel: &mut Kernel, _ino: Ino, _flags: u32, _at: u64, _len: u64) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }
    /// `mount -o remount,DATA`: the options beyond the flags.
    fn remount(&mut self, _kernel: &mut Kernel, _data: &[u8]) -> Result<()> {
        Ok(())
    }
    /// No open file, mapping or working directory holds the inode any more: a filesystem that keeps inodes frees it if no
    /// name is left either.
    fn forget(&mut self, _kernel: &mut Kernel, _ino: Ino) {}
    /// Frames its files are made of: Shmem of /proc/meminfo.
    fn pages_held(&self) -> u64 {
        0
    }
    /// Unmounted for the last time.
    fn put_super(&mut self, _kernel: &mut Kernel) {}
}
