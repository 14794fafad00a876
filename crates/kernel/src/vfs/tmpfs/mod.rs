//! tmpfs: files in memory. Pages are frames, so mappings share them and the guest's memory bounds them. The root filesystem,
//! ramfs and devtmpfs are instances of it too.
mod data;
mod options;

use super::{Attr, DirEntry, FileSystem, Ino, Io, New, NewNode, OpenFile, SetAttr};
use crate::saved::{SaveError, Saved};
use crate::{Kernel, Result};
use abi::saved::Name;
use abi::{
    Errno, FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE, NAME_MAX,
    RENAME_EXCHANGE, RENAME_WHITEOUT, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, Statfs, TMPFS_MAGIC, Timespec,
};
use data::Data;
use mmu::{FrameId, PAGE_SIZE};
use options::Options;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an inode is.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Body {
    File(Data),
    Directory(BTreeMap<Vec<u8>, Ino>),
    Symlink(Vec<u8>),
    Special,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Node {
    attr: Attr,
    body: Body,
}

/// One instance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tmpfs {
    #[serde(deserialize_with = "abi::saved::name")]
    kind: Name,
    nodes: BTreeMap<Ino, Node>,
    next: u64,
    options: Options,
}

const ROOT: Ino = Ino(1);
/// What a directory entry adds to a directory's size (BOGO_DIRENT_SIZE).
const DIRENT_SIZE: u64 = 20;
/// Files end below this (MAX_LFS_FILESIZE).
const MAX_SIZE: u64 = i64::MAX as u64;

impl Tmpfs {
    /// An empty instance of type `kind`.
    pub fn new(kind: &'static str) -> Tmpfs {
        let t = Timespec::default();
        let mode = S_IFDIR | 0o755;
        let attr = Attr { mode, nlink: 2, uid: 0, gid: 0, rdev: 0, size: 0, atime: t, mtime: t, ctime: t };
        let root = Node { attr, body: Body::Directory(BTreeMap::new()) };
        Tmpfs { kind, nodes: BTreeMap::from([(ROOT, root)]), next: 2, options: Options::default() }
    }
    /// An instance with mount options.
    pub fn mounted(kernel: &Kernel, kind: &'static str, data: &[u8]) -> Result<Tmpfs> {
        let mut fs = Tmpfs::new(kind);
        fs.options = Options::parse(data, kernel.frames.usage().1 as u64)?;
        let now = now(kernel);
        let options = fs.options.clone();
        let root = fs.node(ROOT)?;
        (root.attr.atime, root.attr.mtime, root.attr.ctime) = (now, now, now);
        root.attr.mode = S_IFDIR | options.mode.unwrap_or(if kind == "tmpfs" { 0o1777 } else { 0o755 });
        root.attr.uid = options.uid.unwrap_or(0);
        root.attr.gid = options.gid.unwrap_or(0);
        Ok(fs)
    }
    fn node(&mut self, ino: Ino) -> Result<&mut Node> {
        self.nodes.get_mut(&ino).ok_or(Errno::ENOENT)
    }
    fn entries(&mut self, dir: Ino) -> Result<&mut BTreeMap<Vec<u8>, Ino>> {
        match &mut self.node(dir)?.body {
            Body::Directory(entries) => Ok(entries),
            _ => Err(Errno::ENOTDIR),
        }
    }
    fn file(&mut self, ino: Ino) -> Result<&mut Data> {
        match &mut self.node(ino)?.body {
            Body::File(data) => Ok(data),
            Body::Directory(_) => Err(Errno::EISDIR),
            _ => Err(Errno::EINVAL),
        }
    }
    fn is_dir(&self, ino: Ino) -> bool {
        self.nodes.get(&ino).is_some_and(|node| node.attr.mode & S_IFMT == S_IFDIR)
    }
    /// Pages that may still be added under the instance's own limit.
    fn room(&self) -> u64 {
        let Some(limit) = self.options.pages else { return u64::MAX };
        limit.saturating_sub(self.pages_used())
    }
    fn pages_used(&self) -> u64 {
        let pages = |node: &Node| if let Body::File(data) = &node.body { data.frames_used() } else { 0 };
        self.nodes.values().map(pages).sum()
    }
    /// Inodes there may be: as many as pages of memory, unless chosen.
    fn max_inodes(&self, kernel: &Kernel) -> u64 {
        self.options.inodes.unwrap_or(kernel.frames.usage().1 as u64)
    }
    fn insert(&mut self, kernel: &Kernel, new: &New<'_>) -> Result<Ino> {
        if self.nodes.len() as u64 >= self.max_inodes(kernel) {
            return Err(Errno::ENOSPC);
        }
        let (kind, rdev, nlink, size, body) = match new.node {
            NewNode::File => (S_IFREG, 0, 1, 0, Body::File(Data::default())),
            NewNode::Directory => (S_IFDIR, 0, 2, 0, Body::Directory(BTreeMap::new())),
            NewNode::Symlink(text) => (S_IFLNK, 0, 1, text.len() as u64, Body::Symlink(text.to_vec())),
            NewNode::Special(kind, rdev) => (kind, rdev, 1, 0, Body::Special),
        };
        let t = now(kernel);
        let mode = kind | new.mode;
        let attr = Attr { mode, nlink, uid: new.uid, gid: new.gid, rdev, size, atime: t, mtime: t, ctime: t };
        let ino = Ino(self.next);
        self.next += 1;
        self.nodes.insert(ino, Node { attr, body });
        Ok(ino)
    }
    /// A directory gained (+1) or lost (-1) a name, and perhaps a subdirectory.
    fn touch_dir(&mut self, kernel: &Kernel, dir: Ino, names: i32, subdirs: i32) {
        let now = now(kernel);
        if let Ok(node) = self.node(dir) {
            (node.attr.mtime, node.attr.ctime) = (now, now);
            node.attr.size = node.attr.size.wrapping_add_signed(i64::from(names) * DIRENT_SIZE as i64);
            node.attr.nlink = node.attr.nlink.wrapping_add_signed(subdirs);
        }
    }
    /// A name of an inode is gone.
    fn drop_link(&mut self, kernel: &Kernel, ino: Ino) {
        let now = now(kernel);
        if let Ok(node) = self.node(ino) {
            let is_dir = matches!(node.body, Body::Directory(_));
            node.attr.nlink = if is_dir { 0 } else { node.attr.nlink.saturating_sub(1) };
            node.attr.ctime = now;
        }
    }
    /// Takes the target of a rename out of the way.
    fn replace(&mut self, kernel: &Kernel, dir: Ino, name: &[u8], by_dir: bool) -> Result<()> {
        let Some(&target) = self.entries(dir)?.get(name) else { return Ok(()) };
        match (by_dir, self.is_dir(target)) {
            (true, false) => return Err(Errno::ENOTDIR),
            (false, true) => return Err(Errno::EISDIR),
            (true, true) if !self.entries(target)?.is_empty() => return Err(Errno::ENOTEMPTY),
            _ => {}
        }
        self.entries(dir)?.remove(name);
        self.drop_link(kernel, target);
        self.touch_dir(kernel, dir, -1, if by_dir { -1 } else { 0 });
        Ok(())
    }
}

fn now(kernel: &Kernel) -> Timespec {
    Timespec::from_ns(kernel.clock.realtime())
}

impl FileSystem for Tmpfs {
    fn clone_box(&self) -> Box<dyn FileSystem> {
        Box::new(self.clone())
    }
    fn save(&self) -> std::result::Result<Saved, SaveError> {
        Saved::new("tmpfs", self)
    }
    fn kind(&self) -> &'static str {
        self.kind
    }
    fn options(&self) -> String {
        self.options.text.clone()
    }
    fn statfs(&self, kernel: &Kernel) -> Statfs {
        let (used, limit) = kernel.frames.usage();
        let free = (limit - used) as u64;
        let total = self.options.pages.unwrap_or(limit as u64);
        let free = total.saturating_sub(self.pages_used()).min(free);
        let files = self.max_inodes(kernel);
        Statfs {
            kind: TMPFS_MAGIC,
            bsize: PAGE_SIZE,
            frsize: PAGE_SIZE,
            blocks: total,
            bfree: free,
            bavail: free,
            files,
            ffree: files.saturating_sub(self.nodes.len() as u64),
            namelen: NAME_MAX as u64,
            ..Statfs::default()
        }
    }
    fn pages_held(&self) -> u64 {
        self.pages_used()
    }
    fn root(&self) -> Ino {
        ROOT
    }
    fn lookup(&mut self, _: &mut Kernel, dir: Ino, name: &[u8]) -> Result<Ino> {
        self.entries(dir)?.get(name).copied().ok_or(Errno::ENOENT)
    }
    fn attr(&mut self, _: &mut Kernel, ino: Ino) -> Result<Attr> {
        let node = self.node(ino)?;
        let mut attr = node.attr.clone();
        if let Body::File(data) = &node.body {
            attr.size = data.size;
        }
        Ok(attr)
    }
    fn blocks(&self, ino: Ino) -> Option<u64> {
        match &self.nodes.get(&ino)?.body {
            Body::File(data) => Some(data.frames_used() * (PAGE_SIZE / 512)),
            _ => Some(0),
        }
    }
    fn set_attr(&mut self, kernel: &mut Kernel, ino: Ino, set: &SetAttr) -> Result<()> {
        let now = now(kernel);
        if let Some(size) = set.size {
            if size > MAX_SIZE {
                return Err(Errno::EFBIG);
            }
            self.file(ino)?.truncate(&mut kernel.frames, size);
            self.node(ino)?.attr.mtime = now;
        }
        let attr = &mut self.node(ino)?.attr;
        if let Some(mode) = set.mode {
            attr.mode = attr.mode & S_IFMT | mode & 0o7777;
        }
        attr.uid = set.uid.unwrap_or(attr.uid);
        attr.gid = set.gid.unwrap_or(attr.gid);
        attr.atime = set.atime.unwrap_or(attr.atime);
        attr.mtime = set.mtime.unwrap_or(attr.mtime);
        attr.ctime = now;
        Ok(())
    }
    fn read_dir(&mut self, _: &mut Kernel, dir: Ino) -> Result<Vec<DirEntry>> {
        let entries = self.entries(dir)?.clone();
        let kind = |ino: Ino| self.nodes.get(&ino).map_or(0, |node| node.attr.mode & S_IFMT);
        Ok(entries.into_iter().map(|(name, ino)| DirEntry { name, ino, kind: kind(ino) }).collect())
    }
    fn read_link(&mut self, _: &mut Kernel, _: crate::Tid, ino: Ino) -> Result<Vec<u8>> {
        match &self.node(ino)?.body {
            Body::Symlink(text) => Ok(text.clone()),
            _ => Err(Errno::EINVAL),
        }
    }
    fn create(&mut self, kernel: &mut Kernel, dir: Ino, name: &[u8], new: &New<'_>) -> Result<Ino> {
        if self.node(dir)?.attr.nlink == 0 {
            return Err(Errno::ENOENT);
        }
        if self.entries(dir)?.contains_key(name) {
            return Err(Errno::EEXIST);
        }
        let ino = self.insert(kernel, new)?;
        self.entries(dir)?.insert(name.to_vec(), ino);
        self.touch_dir(kernel, dir, 1, if new.node == NewNode::Directory { 1 } else { 0 });
        Ok(ino)
    }
    fn create_nameless(&mut self, kernel: &mut Kernel, new: &New<'_>) -> Result<Ino> {
        let ino = self.insert(kernel, new)?;
        self.node(ino)?.attr.nlink = 0;
        Ok(ino)
    }
    fn link(&mut self, kernel: &mut Kernel, ino: Ino, dir: Ino, name: &[u8]) -> Result<()> {
        if self.entries(dir)?.contains_key(name) {
            return Err(Errno::EEXIST);
        }
        if self.nodes.len() as u64 + u64::from(self.node(ino)?.attr.nlink) >= self.max_inodes(kernel) {
            return Err(Errno::ENOSPC);
        }
        let node = self.node(ino)?;
        node.attr.nlink += 1;
        node.attr.ctime = now(kernel);
        self.entries(dir)?.insert(name.to_vec(), ino);
        self.touch_dir(kernel, dir, 1, 0);
        Ok(())
    }
    fn unlink(&mut self, kernel: &mut Kernel, dir: Ino, name: &[u8]) -> Result<()> {
        let ino = self.lookup(kernel, dir, name)?;
        if self.is_dir(ino) {
            return Err(Errno::EISDIR);
        }
        self.replace(kernel, dir, name, false)
    }
    fn rmdir(&mut self, kernel: &mut Kernel, dir: Ino, name: &[u8]) -> Result<()> {
        let ino = self.lookup(kernel, dir, name)?;
        if !self.is_dir(ino) {
            return Err(Errno::ENOTDIR);
        }
        self.replace(kernel, dir, name, true)
    }
    fn rename(&mut self, kernel: &mut Kernel, from: (Ino, &[u8]), to: (Ino, &[u8]), flags: u32) -> Result<()> {
        if flags & RENAME_WHITEOUT != 0 {
            return Err(Errno::EINVAL);
        }
        let moved = self.lookup(kernel, from.0, from.1)?;
        let by_dir = self.is_dir(moved);
        let subdir = |is_dir: bool| if is_dir { 1 } else { 0 };
        if flags & RENAME_EXCHANGE != 0 {
            let other = self.lookup(kernel, to.0, to.1)?;
            let other_dir = self.is_dir(other);
            self.entries(from.0)?.insert(from.1.to_vec(), other);
            self.entries(to.0)?.insert(to.1.to_vec(), moved);
            self.touch_dir(kernel, from.0, 0, subdir(other_dir) - subdir(by_dir));
            self.touch_dir(kernel, to.0, 0, subdir(by_dir) - subdir(other_dir));
            return Ok(());
        }
        if self.node(to.0)?.attr.nlink == 0 {
            return Err(Errno::ENOENT);
        }
        self.replace(kernel, to.0, to.1, by_dir)?;
        self.entries(from.0)?.remove(from.1);
        self.entries(to.0)?.insert(to.1.to_vec(), moved);
        self.touch_dir(kernel, from.0, -1, -subdir(by_dir));
        self.touch_dir(kernel, to.0, 1, subdir(by_dir));
        self.node(moved)?.attr.ctime = now(kernel);
        Ok(())
    }
    fn read(&mut self, kernel: &mut Kernel, file: OpenFile, at: u64, buf: &mut [u8]) -> Io {
        let n = self.file(file.ino)?.read(&kernel.frames, at, buf);
        let now = now(kernel);
        let attr = &mut self.node(file.ino)?.attr;
        // relatime.
        if attr.atime <= attr.mtime || attr.atime <= attr.ctime {
            attr.atime = now;
        }
        Ok(n)
    }
    fn write(&mut self, kernel: &mut Kernel, file: OpenFile, at: u64, data: &[u8]) -> Io {
        if at.saturating_add(data.len() as u64) > MAX_SIZE {
            return Err(Errno::EFBIG.into());
        }
        let room = self.room();
        let n = self.file(file.ino)?.write(&mut kernel.frames, at, data, room)?;
        let now = now(kernel);
        let attr = &mut self.node(file.ino)?.attr;
        (attr.mtime, attr.ctime) = (now, now);
        // file_remove_privs: what is written is no longer what was trusted.
        if attr.mode & 0o6000 != 0
            && !kernel.tasks.get(file.caller).is_none_or(|task| task.cred.capable(abi::CAP_FSETID))
        {
            let gid_bit = if attr.mode & 0o010 != 0 { abi::S_ISGID } else { 0 };
            attr.mode &= !(abi::S_ISUID | gid_bit);
        }
        Ok(n)
    }
    fn page(&mut self, kernel: &mut Kernel, ino: Ino, index: u64, _for_write: bool) -> Result<Option<FrameId>> {
        let room = self.room();
        self.file(ino)?.page(&mut kernel.frames, index, room)
    }
    fn allocate(&mut self, kernel: &mut Kernel, ino: Ino, flags: u32, at: u64, len: u64) -> Result<()> {
        let end = at.checked_add(len).filter(|&end| end <= MAX_SIZE).ok_or(Errno::EFBIG)?;
        if flags & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_ZERO_RANGE) != 0 {
            return Err(Errno::EOPNOTSUPP);
        }
        let room = self.room();
        let data = self.file(ino)?;
        if flags & FALLOC_FL_PUNCH_HOLE != 0 {
            data.punch(&mut kernel.frames, at, end);
        } else {
            let pages = at / PAGE_SIZE..end.div_ceil(PAGE_SIZE);
            let (used, limit) = kernel.frames.usage();
            if pages.end - pages.start > room.min((limit - used) as u64 + data.frames_used()) {
                return Err(Errno::ENOSPC);
            }
            let size = data.size;
            data.size = size.max(end);
            let made = pages.into_iter().try_for_each(|page| data.page(&mut kernel.frames, page, room).map(|_| ()));
            data.size = if flags & FALLOC_FL_KEEP_SIZE != 0 || made.is_err() { size } else { size.max(end) };
            made?;
        }
        let now = now(kernel);
        let attr = &mut self.node(ino)?.attr;
        (attr.mtime, attr.ctime) = (now, now);
        Ok(())
    }
    fn remount(&mut self, kernel: &mut Kernel, data: &[u8]) -> Result<()> {
        let options = Options::parse(data, kernel.frames.usage().1 as u64)?;
        if !data.is_empty() {
            self.options = options;
        }
        Ok(())
    }
    fn forget(&mut self, kernel: &mut Kernel, ino: Ino) {
        if self.nodes.get(&ino).is_some_and(|node| node.attr.nlink == 0)
            && let Some(Node { body: Body::File(data), .. }) = self.nodes.remove(&ino)
        {
            data.free(&mut kernel.frames);
        }
    }
    fn put_super(&mut self, kernel: &mut Kernel) {
        for (_, node) in std::mem::take(&mut self.nodes) {
            if let Body::File(data) = node.body {
                data.free(&mut kernel.frames);
            }
        }
    }
}
