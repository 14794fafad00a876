//! Opening: checks, creation, and which kind of open file comes of it (fs/namei.c: do_open).
use super::file::driver;
use super::{
    Block, DeviceFile, FileId, FileKind, MAY_EXEC, MAY_READ, MAY_WRITE, New, NewNode, Path, SetAttr, Walk, Who,
    owner_or_capable, permission,
};
use crate::tty::UNIX98_PTY_SLAVE_MAJOR;
use crate::{Kernel, Result};
use abi::{
    Errno, Inotify, MountFlags, OpenFlags, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK,
};

/// What became of an open.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Opened {
    Now(FileId),
    /// A FIFO without its other end: what to wait for, and the pipe.
    Wait(Block, u64),
}

/// Flags that matter at the open alone.
pub(super) const TRANSIENT: OpenFlags = OpenFlags::O_CREAT
    .union(OpenFlags::O_EXCL)
    .union(OpenFlags::O_NOCTTY)
    .union(OpenFlags::O_TRUNC)
    .union(OpenFlags::O_CLOEXEC);

impl Kernel {
    /// open(2) from `start`: `flags` in normal form, `mode` for what O_CREAT makes, `how` RESOLVE_ restrictions.
    pub(crate) fn open_at(
        &mut self,
        who: &Who,
        start: Path,
        path: &[u8],
        flags: OpenFlags,
        mode: u32,
        how: Walk,
    ) -> Result<Opened> {
        if flags.contains(OpenFlags::O_PATH) {
            return self.open_path_only(who, start, path, flags, how);
        }
        if flags.contains(OpenFlags::__O_TMPFILE) {
            return self.open_nameless(who, start, path, flags, mode, how);
        }
        let exclusive = flags.contains(OpenFlags::O_CREAT | OpenFlags::O_EXCL);
        let mut how = how;
        how.set(Walk::FOLLOW, !flags.contains(OpenFlags::O_NOFOLLOW) && !exclusive);
        how.set(Walk::DIRECTORY, flags.contains(OpenFlags::O_DIRECTORY));
        if !flags.contains(OpenFlags::O_CREAT) {
            let place = self.path_at(who, start, path, how)?;
            return self.open_place(who, place, flags, false);
        }
        if flags.contains(OpenFlags::O_DIRECTORY) {
            return Err(Errno::EINVAL);
        }
        let found = self.walk(who, start, path, how | Walk::PARENT)?;
        let name = found.name(Errno::EISDIR)?;
        if found.slash {
            return Err(Errno::EISDIR);
        }
        match found.path {
            Some(_) if exclusive => Err(Errno::EEXIST),
            Some(place) => {
                if self.path_attr(place)?.mode & S_IFMT == S_IFDIR {
                    return Err(Errno::EISDIR);
                }
                self.open_place(who, place, flags, false)
            }
            None => {
                let place = self.create_node(who, found.parent, name, NewNode::File, mode)?;
                self.open_place(who, place, flags, true)
            }
        }
    }

    fn open_path_only(
        &mut self,
        who: &Who,
        start: Path,
        path: &[u8],
        flags: OpenFlags,
        mut how: Walk,
    ) -> Result<Opened> {
        how.set(Walk::FOLLOW, !flags.contains(OpenFlags::O_NOFOLLOW));
        how.set(Walk::DIRECTORY, flags.contains(OpenFlags::O_DIRECTORY));
        let place = self.path_at(who, start, path, how)?;
        let kept = flags & (OpenFlags::O_PATH | OpenFlags::O_DIRECTORY | OpenFlags::O_NOFOLLOW);
        Ok(Opened::Now(self.vfs.new_file(FileKind::PathOnly, place, kept)))
    }

    fn open_nameless(
        &mut self,
        who: &Who,
        start: Path,
        path: &[u8],
        flags: OpenFlags,
        mode: u32,
        how: Walk,
    ) -> Result<Opened> {
        if !flags.writable() {
            return Err(Errno::EINVAL);
        }
        let dir = self.path_at(who, start, path, how | Walk::FOLLOW | Walk::DIRECTORY)?;
        self.vfs.want_write(dir.mount)?;
        let attr = self.path_attr(dir)?;
        permission(&who.cred, &attr, MAY_WRITE | MAY_EXEC)?;
        let new = Self::new_inode(who, &attr, NewNode::File, mode);
        let (sup, _) = self.vfs.inode(dir);
        let ino = self.with_super(sup, |fs, kernel| fs.create_nameless(kernel, &new))?;
        let dentry = self.vfs.nameless(dir.dentry, ino);
        self.open_place(who, Path { mount: dir.mount, dentry }, flags, true)
    }

    /// Owner and mode of an inode made in a directory with these attributes (inode_init_owner).
    pub(super) fn new_inode<'a>(who: &Who, dir: &super::Attr, node: NewNode<'a>, mode: u32) -> New<'a> {
        let inherits = dir.mode & abi::S_ISGID != 0;
        let gid = if inherits { dir.gid } else { who.cred.fsgid };
        let mut mode = mode & 0o7777 & !who.umask;
        match node {
            NewNode::Directory if inherits => mode |= abi::S_ISGID,
            NewNode::Symlink(_) => mode = 0o777,
            _ => {}
        }
        New { node, mode, uid: who.cred.fsuid, gid, caller: who.tid }
    }

    /// Opens a place. `created`: by this very call, so permissions are not asked.
    pub(crate) fn open_place(&mut self, who: &Who, place: Path, flags: OpenFlags, created: bool) -> Result<Opened> {
        let attr = self.path_attr(place)?;
        let kind = attr.mode & S_IFMT;
        let mount = self.vfs.mount_flags(place.mount);
        let writes = flags.writable() || flags.contains(OpenFlags::O_TRUNC) || flags.contains(OpenFlags::O_ACCMODE);
        match kind {
            S_IFLNK => return Err(Errno::ELOOP),
            S_IFDIR if writes || flags.contains(OpenFlags::O_CREAT) => return Err(Errno::EISDIR),
            S_IFCHR | S_IFBLK if mount.contains(MountFlags::MS_NODEV) => return Err(Errno::EACCES),
            S_IFREG if writes && mount.contains(MountFlags::MS_RDONLY) => return Err(Errno::EROFS),
            _ => {}
        }
        if !created {
            let reads = flags.readable() || flags.contains(OpenFlags::O_ACCMODE);
            let mask = if reads { MAY_READ } else { 0 } | if writes { MAY_WRITE } else { 0 };
            permission(&who.cred, &attr, mask)?;
            if flags.contains(OpenFlags::O_NOATIME) && !owner_or_capable(&who.cred, &attr) {
                return Err(Errno::EPERM);
            }
        }
        let inode = self.vfs.inode(place);
        if kind == S_IFREG && writes && self.vfs.in_use.get(&inode).is_some_and(|used| used.deny_write != 0) {
            return Err(Errno::ETXTBSY);
        }
        let truncates = kind == S_IFREG && flags.contains(OpenFlags::O_TRUNC) && !created;
        if truncates && attr.size != 0 {
            self.change_attr(place, &SetAttr { size: Some(0), ..SetAttr::default() })?;
        }
        let kept = (flags - TRANSIENT) | OpenFlags::O_LARGEFILE;
        let kind = match kind {
            S_IFCHR => self.open_device(who, place, attr.rdev, flags)?,
            S_IFIFO => return self.open_fifo(place, kept),
            S_IFBLK | S_IFSOCK => return Err(Errno::ENXIO),
            _ => {
                // The filesystem sees the flags of the call, O_TRUNC included.
                let handle = self.with_super(inode.0, |fs, kernel| fs.open(kernel, who.tid, inode.1, flags))?;
                let is_dir = kind == S_IFDIR;
                FileKind::Inode { sup: inode.0, ino: inode.1, handle, is_dir }
            }
        };
        let file = self.vfs.new_file(kind, place, kept);
        if kept.writable() && matches!(kind, FileKind::Inode { is_dir: false, .. }) {
            self.in_use(inode).writers += 1;
        }
        self.fsnotify_file(file, Inotify::IN_OPEN);
        if truncates {
            self.fsnotify_file(file, Inotify::IN_MODIFY);
        }
        Ok(Opened::Now(file))
    }

    fn open_device(&mut self, who: &Who, place: Path, rdev: u64, flags: OpenFlags) -> Result<FileKind> {
        // What a pseudo-terminal's node means depends on where it is.
        let (rdev, handle) = match abi::major(rdev) {
            UNIX98_PTY_SLAVE_MAJOR => (self.pty_slave(place, rdev)?, 0),
            _ if rdev == crate::dev::PTMX => (rdev, self.devpts_of_ptmx(who, place)?),
            _ => (rdev, 0),
        };
        let mut file = DeviceFile { rdev, handle, flags, caller: who.tid };
        let handle = driver(rdev)?.open(self, &mut file)?;
        Ok(FileKind::Device { rdev: file.rdev, handle })
    }

    /// A descriptor's place to start from: AT_FDCWD, or an open directory (or O_PATH file).
    pub(crate) fn start_of(&self, who: &Who, dirfd: i32, path: &[u8]) -> Result<Path> {
        if dirfd == abi::AT_FDCWD || path.first() == Some(&b'/') {
            return Ok(who.cwd);
        }
        Ok(self.vfs.file(self.fd(who.tid, dirfd)?.file).path)
    }
}
