//! Unpacking an image into the root filesystem (init/initramfs.c), and placing single files there.
use super::cpio::{CpioError, Reader};
use super::{FileKind, NewNode, Opened, Path, SetAttr, Walk, Who};
use crate::{Kernel, Result, Tid};
use abi::{Errno, OpenFlags, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK, Timespec};
use std::collections::BTreeMap;
use std::fmt;
use std::io::BufRead;

/// Why an image could not be unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageError {
    Archive(CpioError),
    /// What the entry of this name met.
    Entry(Vec<u8>, Errno),
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImageError::Archive(error) => error.fmt(f),
            ImageError::Entry(name, Errno::ENOSPC) => {
                write!(f, "{}: does not fit in the guest's memory", String::from_utf8_lossy(name).escape_debug())
            }
            ImageError::Entry(name, errno) => {
                write!(f, "{}: {errno}", String::from_utf8_lossy(name).escape_debug())
            }
        }
    }
}

impl std::error::Error for ImageError {}

impl From<CpioError> for ImageError {
    fn from(error: CpioError) -> ImageError {
        ImageError::Archive(error)
    }
}

/// The kernel itself, at boot.
const BOOT: Tid = Tid(0);

impl Kernel {
    /// Unpacks a cpio archive into the root. Names are resolved inside it, so `..` and absolute names go nowhere else; a
    /// name that comes twice is replaced; directories that are missing are made.
    pub fn unpack_initramfs(&mut self, archive: &[u8]) -> std::result::Result<(), ImageError> {
        let who = self.who(BOOT);
        let mut links: BTreeMap<(u32, (u32, u32)), Path> = BTreeMap::new();
        let mut dir_times = Vec::new();
        for entry in Reader::new(archive) {
            let entry = entry?;
            let failed = |errno| ImageError::Entry(entry.name.to_vec(), errno);
            if entry.name.is_empty() {
                return Err(failed(Errno::ENOENT));
            }
            let kind = entry.mode & S_IFMT;
            let linked = kind == S_IFREG && entry.nlink > 1;
            let key = (entry.ino, entry.dev);
            let first = links.get(&key).copied().filter(|_| linked);
            let path = match first {
                Some(old) => self.place_link(&who, entry.name, old),
                None => {
                    let rdev = abi::makedev(entry.rdev.0, entry.rdev.1);
                    self.place_node(&who, entry.name, entry.mode, rdev, entry.data)
                }
            };
            let path = path.map_err(failed)?;
            if linked {
                links.entry(key).or_insert_with(|| {
                    self.vfs.path_get(path);
                    path
                });
            }
            if kind == S_IFREG && (first.is_none() || !entry.data.is_empty()) {
                self.fill(&who, path, &mut &entry.data[..]).map_err(failed)?;
            }
            let time = Timespec { sec: entry.mtime.into(), nsec: 0 };
            let mode = (kind != S_IFLNK).then_some(entry.mode & 0o7777);
            let set = SetAttr { mode, uid: Some(entry.uid), gid: Some(entry.gid), size: None, ..SetAttr::default() };
            self.set_path_attr(path, &set).map_err(failed)?;
            let times = SetAttr { atime: Some(time), mtime: Some(time), ..SetAttr::default() };
            if kind == S_IFDIR {
                // What is put into it later changes its time.
                self.vfs.path_get(path);
                dir_times.push((path, times));
            } else {
                self.set_path_attr(path, &times).map_err(failed)?;
            }
            self.vfs.shrink_dentries();
        }
        links.into_values().for_each(|path| self.path_put(path));
        for (path, times) in dir_times {
            // A directory that a later entry replaced has no time to set.
            let _ = self.set_path_attr(path, &times);
            self.path_put(path);
        }
        Ok(())
    }

    /// Puts a regular file at an absolute path, making directories that are missing.
    pub fn install_file(&mut self, path: &[u8], mode: u32, mut data: impl BufRead) -> Result<()> {
        let who = self.who(BOOT);
        let place = self.place_node(&who, path, S_IFREG | mode, 0, b"")?;
        self.fill(&who, place, &mut data)?;
        self.set_path_attr(place, &SetAttr { mode: Some(mode & 0o7777), ..SetAttr::default() })
    }
    /// Makes a directory, and those above it; one that is there stays.
    pub fn install_dir(&mut self, path: &[u8], mode: u32) -> Result<()> {
        let who = self.who(BOOT);
        self.place_node(&who, path, S_IFDIR | mode, 0, b"").map(|_| ())
    }
    /// Makes a symbolic link with this text.
    pub fn install_symlink(&mut self, path: &[u8], text: &[u8]) -> Result<()> {
        let who = self.who(BOOT);
        self.place_node(&who, path, S_IFLNK | 0o777, 0, text).map(|_| ())
    }
    /// Makes a device node.
    pub fn install_node(&mut self, path: &[u8], mode: u32, rdev: u64) -> Result<()> {
        let who = self.who(BOOT);
        self.place_node(&who, path, mode, rdev, b"").map(|_| ())
    }

    pub(crate) fn set_path_attr(&mut self, path: Path, set: &SetAttr) -> Result<()> {
        self.change_attr(path, set)?;
        self.fsnotify_change(path, set);
        Ok(())
    }
    /// The same, of which no watcher hears.
    pub(super) fn change_attr(&mut self, path: Path, set: &SetAttr) -> Result<()> {
        let (sup, ino) = self.vfs.inode(path);
        let shrinks = match set.size {
            Some(size) if self.path_attr(path)?.size > size => Some(size),
            _ => None,
        };
        self.with_super(sup, |fs, kernel| fs.set_attr(kernel, ino, set))?;
        if let Some(size) = shrinks {
            self.unmap_truncated((sup, ino), size);
        }
        Ok(())
    }

    /// Makes an inode of any kind at a path, in place of what is there; an existing directory or file is used as it is.
    fn place_node(&mut self, who: &Who, path: &[u8], mode: u32, rdev: u64, text: &[u8]) -> Result<Path> {
        let root = who.root;
        let node = match mode & S_IFMT {
            S_IFREG => NewNode::File,
            S_IFDIR => NewNode::Directory,
            S_IFLNK if text.is_empty() || text.len() >= abi::PATH_MAX => return Err(Errno::ENAMETOOLONG),
            S_IFLNK => NewNode::Symlink(text),
            S_IFCHR | S_IFBLK | S_IFIFO | S_IFSOCK => NewNode::Special(mode & S_IFMT, rdev),
            _ => return Err(Errno::EINVAL),
        };
        let found = self.walk_making(who, path)?;
        let Ok(name) = found.name(Errno::EEXIST) else { return found.existing() };
        if let Some(old) = found.path {
            let old_kind = self.path_attr(old)?.mode & S_IFMT;
            match (old_kind, node) {
                (S_IFDIR, NewNode::Directory) | (S_IFREG, NewNode::File) => return Ok(old),
                (S_IFDIR, _) => self.rmdir(who, root, path)?,
                _ => self.unlink(who, root, path)?,
            }
        }
        self.create_node(who, found.parent, name, node, mode & 0o7777)
    }
    fn place_link(&mut self, who: &Who, path: &[u8], old: Path) -> Result<Path> {
        let found = self.walk_making(who, path)?;
        match found.path {
            Some(there) if self.vfs.inode(there) == self.vfs.inode(old) => return Ok(there),
            Some(_) => self.unlink(who, who.root, path)?,
            None => {}
        }
        self.link(who, old, who.root, path)?;
        self.path_at(who, who.root, path, Walk::empty())
    }
    /// Walks to a name, making the directories on the way.
    fn walk_making(&mut self, who: &Who, path: &[u8]) -> Result<super::Found> {
        match self.walk(who, who.root, path, Walk::PARENT) {
            Err(Errno::ENOENT) => {}
            found => return found,
        }
        for end in (1..path.len()).filter(|&end| path[end] == b'/') {
            match self.make_node(who, who.root, &path[..end], NewNode::Directory, 0o755) {
                Ok(_) | Err(Errno::EEXIST) => {}
                Err(errno) => return Err(errno),
            }
        }
        self.walk(who, who.root, path, Walk::PARENT)
    }
    /// Replaces a file's contents. What cannot be read is EIO.
    fn fill(&mut self, who: &Who, path: Path, data: &mut dyn BufRead) -> Result<()> {
        let flags = OpenFlags::O_WRONLY | OpenFlags::O_TRUNC;
        let Opened::Now(file) = self.open_place(who, path, flags, true)? else { return Err(Errno::EINVAL) };
        debug_assert!(matches!(self.vfs.file(file).kind, FileKind::Inode { .. }));
        self.set_path_attr(path, &SetAttr { size: Some(0), ..SetAttr::default() })?;
        let result = loop {
            let part = match data.fill_buf() {
                Ok([]) => break Ok(()),
                Ok(part) => part,
                Err(_) => break Err(Errno::EIO),
            };
            match self.file_write(who.tid, file, None, part, part.len() as u64) {
                Ok(n) => data.consume(n),
                Err(super::IoError::Errno(errno)) => break Err(errno),
                Err(_) => break Err(Errno::EIO),
            }
        };
        self.put_file(file);
        result
    }
}
