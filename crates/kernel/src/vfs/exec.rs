//! Open files as execve and mmap use them.
use super::file::driver;
use super::{Attr, DeviceMap, FileId, FileKind, MAY_EXEC, Walk, permission};
use crate::{Kernel, Result, Tid};
use abi::{AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, Errno, Inotify, MountFlags, OpenFlags, Prot, S_IFMT, S_IFREG};

/// What mmap of a descriptor maps.
pub enum FileMap {
    /// The file's pages; one use of it is the mapping's. `may_write`: a shared mapping of it may be made writable.
    File { file: FileId, may_write: bool },
    /// Zeroed memory (/dev/zero).
    Zero,
}

impl Kernel {
    /// Opens a program for a task: execute permission, a regular file, not on a noexec mount (EACCES). `flags`: AT_EMPTY_PATH,
    /// AT_SYMLINK_NOFOLLOW. Until the file is put, nobody can write it.
    pub(crate) fn open_exec(&mut self, tid: Tid, dirfd: i32, path: &[u8], flags: u32) -> Result<FileId> {
        if flags & !(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) != 0 {
            return Err(Errno::EINVAL);
        }
        let who = self.who(tid);
        let place = if path.is_empty() && flags & AT_EMPTY_PATH != 0 {
            self.vfs.file(self.fd(tid, dirfd)?.file).path
        } else {
            let start = self.start_of(&who, dirfd, path)?;
            let how = if flags & AT_SYMLINK_NOFOLLOW != 0 { Walk::empty() } else { Walk::FOLLOW };
            self.path_at(&who, start, path, how)?
        };
        let attr = self.path_attr(place)?;
        if attr.mode & S_IFMT == abi::S_IFLNK {
            return Err(Errno::ELOOP);
        }
        let noexec = self.vfs.mount_flags(place.mount).contains(MountFlags::MS_NOEXEC);
        if attr.mode & S_IFMT != S_IFREG || noexec {
            return Err(Errno::EACCES);
        }
        permission(&who.cred, &attr, MAY_EXEC)?;
        let (sup, ino) = self.vfs.inode(place);
        if self.vfs.in_use.get(&(sup, ino)).is_some_and(|used| used.writers != 0) {
            return Err(Errno::ETXTBSY);
        }
        let handle = self.with_super(sup, |fs, kernel| fs.open(kernel, tid, ino, OpenFlags::O_RDONLY))?;
        let kind = FileKind::Inode { sup, ino, handle, is_dir: false };
        let file = self.vfs.new_file(kind, place, OpenFlags::O_RDONLY | OpenFlags::O_LARGEFILE);
        self.vfs.file_mut(file).deny_write = true;
        self.in_use((sup, ino)).deny_write += 1;
        self.fsnotify_file(file, Inotify::IN_OPEN);
        self.fsnotify_file(file, Inotify::IN_ACCESS);
        Ok(file)
    }

    /// Reads as much as there is, up to the buffer's length.
    pub(crate) fn read_file(&mut self, file: FileId, at: u64, buf: &mut [u8]) -> Result<usize> {
        let mut done = 0;
        while done < buf.len() {
            let read = self.file_read(Tid(0), file, Some(at.wrapping_add(done as u64)), &mut buf[done..]);
            match read.map_err(|_| Errno::EIO)? {
                0 => break,
                n => done += n,
            }
        }
        Ok(done)
    }
    pub(crate) fn file_attr(&mut self, file: FileId) -> Result<Attr> {
        self.path_attr(self.vfs.file(file).path)
    }
    /// Whether it is on a mount that ignores set-user-id bits.
    pub(crate) fn file_is_nosuid(&self, file: FileId) -> bool {
        self.vfs.mount_flags(self.vfs.file(file).path.mount).contains(MountFlags::MS_NOSUID)
    }
    /// A number that two opens of one inode share (super block and inode), below 2^62.
    pub(crate) fn file_identity(&self, file: FileId) -> u64 {
        let (sup, ino) = self.vfs.inode(self.vfs.file(file).path);
        (u64::from(sup.0) << 44) & ((1 << 62) - 1) | ino.0 & ((1 << 44) - 1)
    }
    /// Checks that descriptor `fd` may be mapped so (EBADF, EACCES, ENODEV), and holds it.
    pub(crate) fn map_file(&mut self, tid: Tid, fd: i32, prot: Prot, shared: bool) -> Result<FileMap> {
        let id = self.fd_file(tid, fd)?;
        let file = self.vfs.file(id);
        if !file.flags.readable() {
            return Err(Errno::EACCES);
        }
        let may_write = !shared || file.flags.writable();
        if prot.contains(Prot::PROT_WRITE) && !may_write {
            return Err(Errno::EACCES);
        }
        let noexec = self.vfs.mount_flags(file.path.mount).contains(MountFlags::MS_NOEXEC);
        if prot.contains(Prot::PROT_EXEC) && noexec {
            return Err(Errno::EPERM);
        }
        match file.kind {
            FileKind::Inode { is_dir: false, sup, ino, .. } => {
                // A filesystem whose files are not frames says ENODEV.
                self.with_super(sup, |fs, kernel| fs.page(kernel, ino, u64::MAX >> 12, false))?;
                self.vfs.hold_file(id);
                Ok(FileMap::File { file: id, may_write })
            }
            FileKind::Device { rdev, .. } => match driver(rdev)?.map() {
                DeviceMap::Anonymous => Ok(FileMap::Zero),
                DeviceMap::None => Err(Errno::ENODEV),
            },
            _ => Err(Errno::ENODEV),
        }
    }
}
