//! A host directory, lent to the guest by `--mount SRC:DST[:ro]`.
//!
//! Inodes are numbered by first lookup, directories are sorted. Symbolic links are the guest's to follow, in its own tree:
//! the host is never asked to follow one. A snapshot shares the directory with the original. A saved machine
//! has the path of a read-only one, and opens it again; a writable one would not be as the machine left it, so it is refused.
#![allow(clippy::disallowed_types)] // file times are the host's; they enter here and nowhere else
use abi::{Errno, OpenFlags, Statfs, Timespec};
use kernel::saved::{Restorer, SaveError, Saved};
use kernel::vfs::{Attr, DirEntry, FileSystem, Ino, Io, New, NewNode, OpenFile, SetAttr};
use kernel::{Kernel, Result, Tid};
use mmu::{FrameId, PAGE_SIZE};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The lent directory.
#[derive(Clone, Serialize, Deserialize)]
pub struct HostFs {
    root: PathBuf,
    read_only: bool,
    /// Paths below the root, by inode number; the root is 1.
    paths: BTreeMap<u64, PathBuf>,
    numbers: BTreeMap<PathBuf, u64>,
    next: u64,
    open: BTreeMap<u64, Opened>,
    next_handle: u64,
    /// Pages lent to mappings. They outlive the mappings, as in Linux's page cache: a program that is started again and
    /// again keeps its frames, and so its translations.
    pages: BTreeMap<(u64, u64), FrameId>,
    /// Which state of a file its pages are of.
    states: BTreeMap<u64, State>,
    /// Files that have pages but no users, the longest unused first.
    idle: Vec<u64>,
}

/// What changes with the contents of a host file: device and number, length, and the times of the last changes.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    file: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl State {
    fn of(meta: &Metadata) -> State {
        State {
            file: (meta.dev(), meta.ino()),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

/// The part of the guest's memory that pages of unused files may take.
const IDLE_SHARE: usize = 16;

/// An open file.
#[derive(Clone, Serialize, Deserialize)]
struct Opened {
    ino: Ino,
    // The host's; `restore` opens it again.
    #[serde(skip)]
    file: Option<Arc<File>>,
}

/// What makes it again for a saved machine.
pub(crate) const RESTORERS: &[Restorer] = &[("hostfs", restore)];

/// The directory of a saved machine.
fn restore(saved: &Saved) -> std::result::Result<Box<dyn FileSystem>, SaveError> {
    let mut lent: HostFs = saved.state()?;
    let gone = |path: &Path, why: String| SaveError(format!("lent directory {}: {why}", path.display()));
    if !lent.root.is_dir() {
        return Err(gone(&lent.root, "not there any more".into()));
    }
    for handle in lent.open.keys().copied().collect::<Vec<_>>() {
        let path = lent.open.get(&handle).and_then(|opened| lent.path(opened.ino).ok()).unwrap_or_default();
        let file = lent.open_file(&path, OpenFlags::empty()).map_err(|errno| gone(&path, format!("{errno:?}")))?;
        if let Some(opened) = lent.open.get_mut(&handle) {
            opened.file = Some(Arc::new(file));
        }
    }
    Ok(Box::new(lent))
}

fn errno(error: io::Error) -> Errno {
    // The host's numbers below 134 are the guest's (asm-generic/errno.h).
    match error.raw_os_error() {
        Some(code @ 1..=133) => Errno(code as u16),
        _ => Errno::EIO,
    }
}

fn time(seconds: i64, nanoseconds: i64) -> Timespec {
    Timespec { sec: seconds, nsec: nanoseconds }
}

impl HostFs {
    /// Lends `root`, which must be a directory.
    pub fn new(root: &Path, read_only: bool) -> io::Result<HostFs> {
        let root = fs::canonicalize(root)?;
        if !fs::metadata(&root)?.is_dir() {
            return Err(io::Error::other("not a directory"));
        }
        Ok(HostFs {
            root,
            read_only,
            paths: BTreeMap::from([(1, PathBuf::new())]),
            numbers: BTreeMap::from([(PathBuf::new(), 1)]),
            next: 2,
            open: BTreeMap::new(),
            next_handle: 1,
            pages: BTreeMap::new(),
            states: BTreeMap::new(),
            idle: Vec::new(),
        })
    }

    fn path(&self, ino: Ino) -> Result<PathBuf> {
        Ok(self.root.join(self.paths.get(&ino.0).ok_or(Errno::ESTALE)?))
    }

    /// The path of a name below a directory; names come from the VFS without slashes and dots.
    fn child(&self, dir: Ino, name: &[u8]) -> Result<PathBuf> {
        if name.is_empty() || name == b"." || name == b".." || name.contains(&b'/') {
            return Err(Errno::EINVAL);
        }
        Ok(self.paths.get(&dir.0).ok_or(Errno::ESTALE)?.join(OsStr::from_bytes(name)))
    }

    fn number(&mut self, path: PathBuf) -> Ino {
        if let Some(&ino) = self.numbers.get(&path) {
            return Ino(ino);
        }
        let ino = self.next;
        self.next += 1;
        self.numbers.insert(path.clone(), ino);
        self.paths.insert(ino, path);
        Ino(ino)
    }

    fn writable(&self) -> Result<()> {
        if self.read_only { Err(Errno::EROFS) } else { Ok(()) }
    }

    fn file(&self, open: OpenFile) -> Result<Arc<File>> {
        self.open.get(&open.handle).and_then(|opened| opened.file.clone()).ok_or(Errno::EISDIR)
    }

    fn open_file(&self, path: &Path, flags: OpenFlags) -> Result<File> {
        OpenOptions::new()
            .read(flags.readable() || !flags.writable())
            .write(flags.writable())
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32 | rustix::fs::OFlags::NONBLOCK.bits() as i32)
            .open(path)
            .map_err(errno)
    }
}

fn kind_bits(meta: &Metadata) -> u32 {
    meta.mode() & abi::S_IFMT
}

impl FileSystem for HostFs {
    fn clone_box(&self) -> Box<dyn FileSystem> {
        Box::new(self.clone())
    }
    fn save(&self) -> std::result::Result<Saved, SaveError> {
        if !self.read_only {
            let name = self.root.display();
            return Err(SaveError(format!("{name} is lent to the guest for writing: such a machine cannot be saved")));
        }
        Saved::new("hostfs", self)
    }
    fn kind(&self) -> &'static str {
        "hostfs"
    }
    fn statfs(&self, _: &Kernel) -> Statfs {
        Statfs { bsize: PAGE_SIZE, namelen: 255, ..Statfs::default() }
    }
    fn root(&self) -> Ino {
        Ino(1)
    }
    fn lookup(&mut self, _: &mut Kernel, dir: Ino, name: &[u8]) -> Result<Ino> {
        let path = self.child(dir, name)?;
        fs::symlink_metadata(self.root.join(&path)).map_err(errno)?;
        Ok(self.number(path))
    }
    fn attr(&mut self, _: &mut Kernel, ino: Ino) -> Result<Attr> {
        let meta = fs::symlink_metadata(self.path(ino)?).map_err(errno)?;
        Ok(Attr {
            mode: meta.mode(),
            nlink: meta.nlink() as u32,
            uid: meta.uid(),
            gid: meta.gid(),
            rdev: 0,
            size: meta.size(),
            atime: time(meta.atime(), meta.atime_nsec()),
            mtime: time(meta.mtime(), meta.mtime_nsec()),
            ctime: time(meta.ctime(), meta.ctime_nsec()),
        })
    }
    fn set_attr(&mut self, kernel: &mut Kernel, ino: Ino, set: &SetAttr) -> Result<()> {
        self.writable()?;
        let path = self.path(ino)?;
        if set.uid.is_some() || set.gid.is_some() {
            return Err(Errno::EPERM);
        }
        if let Some(mode) = set.mode {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode & 0o7777)).map_err(errno)?;
        }
        if let Some(size) = set.size {
            self.open_file(&path, OpenFlags::O_RDWR)?.set_len(size).map_err(errno)?;
            self.drop_pages(kernel, ino);
        }
        Ok(())
    }
    fn read_dir(&mut self, _: &mut Kernel, dir: Ino) -> Result<Vec<DirEntry>> {
        let below = self.paths.get(&dir.0).ok_or(Errno::ESTALE)?.clone();
        let mut found: Vec<_> =
            fs::read_dir(self.path(dir)?).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(errno)?;
        found.sort_by_key(fs::DirEntry::file_name);
        let mut entries = Vec::with_capacity(found.len());
        for entry in found {
            let Ok(meta) = entry.metadata() else { continue };
            let ino = self.number(below.join(entry.file_name()));
            entries.push(DirEntry { name: entry.file_name().as_bytes().to_vec(), ino, kind: kind_bits(&meta) });
        }
        Ok(entries)
    }
    fn read_link(&mut self, _: &mut Kernel, _: Tid, ino: Ino) -> Result<Vec<u8>> {
        Ok(fs::read_link(self.path(ino)?).map_err(errno)?.as_os_str().as_bytes().to_vec())
    }
    fn create(&mut self, _: &mut Kernel, dir: Ino, name: &[u8], new: &New<'_>) -> Result<Ino> {
        self.writable()?;
        let below = self.child(dir, name)?;
        let path = self.root.join(&below);
        match new.node {
            NewNode::File => {
                OpenOptions::new().write(true).create_new(true).mode(new.mode & 0o777).open(&path).map_err(errno)?;
            }
            NewNode::Directory => fs::create_dir(&path).map_err(errno)?,
            NewNode::Symlink(target) => {
                std::os::unix::fs::symlink(OsStr::from_bytes(target), &path).map_err(errno)?;
            }
            // Devices and FIFOs on the host are not the guest's to make.
            NewNode::Special(..) => return Err(Errno::EPERM),
        }
        Ok(self.number(below))
    }
    fn unlink(&mut self, _: &mut Kernel, dir: Ino, name: &[u8]) -> Result<()> {
        self.writable()?;
        let below = self.child(dir, name)?;
        fs::remove_file(self.root.join(&below)).map_err(errno)?;
        self.numbers.remove(&below);
        Ok(())
    }
    fn rmdir(&mut self, _: &mut Kernel, dir: Ino, name: &[u8]) -> Result<()> {
        self.writable()?;
        let below = self.child(dir, name)?;
        fs::remove_dir(self.root.join(&below)).map_err(errno)?;
        self.numbers.remove(&below);
        Ok(())
    }
    fn rename(&mut self, _: &mut Kernel, from: (Ino, &[u8]), to: (Ino, &[u8]), flags: u32) -> Result<()> {
        self.writable()?;
        if flags != 0 {
            return Err(Errno::EINVAL);
        }
        let (from, to) = (self.child(from.0, from.1)?, self.child(to.0, to.1)?);
        fs::rename(self.root.join(&from), self.root.join(&to)).map_err(errno)?;
        // What was below the old name is now below the new one.
        let moved: Vec<(u64, PathBuf)> = self
            .paths
            .iter()
            .filter(|(_, path)| path.starts_with(&from))
            .map(|(&ino, path)| (ino, path.clone()))
            .collect();
        self.numbers.retain(|path, _| !path.starts_with(&from) && !path.starts_with(&to));
        for (ino, path) in moved {
            let rest = path.strip_prefix(&from).map(Path::to_path_buf).unwrap_or_default();
            let path = if rest.as_os_str().is_empty() { to.clone() } else { to.join(rest) };
            self.numbers.insert(path.clone(), ino);
            self.paths.insert(ino, path);
        }
        Ok(())
    }
    fn open(&mut self, kernel: &mut Kernel, _: Tid, ino: Ino, flags: OpenFlags) -> Result<u64> {
        if flags.writable() {
            self.writable()?;
        }
        let path = self.path(ino)?;
        let kind = kind_bits(&fs::symlink_metadata(&path).map_err(errno)?);
        if kind == abi::S_IFDIR {
            return Ok(0);
        }
        if kind != abi::S_IFREG {
            return Err(Errno::ENXIO);
        }
        let file = self.open_file(&path, flags)?;
        // Whoever opens a file sees what the host has made of it since the last open (as NFS: close-to-open).
        let state = State::of(&file.metadata().map_err(errno)?);
        if self.states.insert(ino.0, state).is_some_and(|known| known != state) {
            self.drop_pages(kernel, ino);
        }
        self.idle.retain(|&idle| idle != ino.0);
        let handle = self.next_handle;
        self.next_handle += 1;
        self.open.insert(handle, Opened { ino, file: Some(Arc::new(file)) });
        Ok(handle)
    }
    fn release(&mut self, _: &mut Kernel, file: OpenFile) {
        self.open.remove(&file.handle);
    }
    fn read(&mut self, _: &mut Kernel, file: OpenFile, at: u64, buf: &mut [u8]) -> Io {
        let file = self.file(file)?;
        Ok(file.read_at(buf, at).map_err(errno)?)
    }
    fn write(&mut self, kernel: &mut Kernel, file: OpenFile, at: u64, data: &[u8]) -> Io {
        let host = self.file(file)?;
        let len = host.write_at(data, at).map_err(errno)?;
        self.drop_pages(kernel, file.ino);
        Ok(len)
    }
    fn page(&mut self, kernel: &mut Kernel, ino: Ino, index: u64, for_write: bool) -> Result<Option<FrameId>> {
        // Stores through a shared mapping would not reach the host.
        if for_write {
            return Err(Errno::ENODEV);
        }
        if let Some(&frame) = self.pages.get(&(ino.0, index)) {
            return Ok(Some(frame));
        }
        let file = self.open_file(&self.path(ino)?, OpenFlags::empty())?;
        let mut page = [0; PAGE_SIZE as usize];
        // No file reaches further than an offset can say.
        let Some(at) = index.checked_mul(PAGE_SIZE).filter(|&at| at <= i64::MAX as u64 - PAGE_SIZE) else {
            return Ok(None);
        };
        let mut len = 0;
        while len < page.len() {
            match file.read_at(&mut page[len..], at + len as u64).map_err(errno)? {
                0 => break,
                more => len += more,
            }
        }
        if len == 0 {
            return Ok(None);
        }
        let frame = kernel.frames.alloc().ok_or(Errno::ENOMEM)?;
        kernel.frames.write(frame, 0, &page, None);
        self.pages.insert((ino.0, index), frame);
        Ok(Some(frame))
    }
    fn forget(&mut self, kernel: &mut Kernel, ino: Ino) {
        let named = self.paths.get(&ino.0).is_some_and(|path| self.numbers.get(path) == Some(&ino.0));
        if !named || self.pages_of(ino).next().is_none() {
            self.drop_pages(kernel, ino);
            self.states.remove(&ino.0);
            return;
        }
        self.idle.retain(|&idle| idle != ino.0);
        self.idle.push(ino.0);
        let most = kernel.frames.usage().1 / IDLE_SHARE;
        while self.idle.iter().map(|&ino| self.pages_of(Ino(ino)).count()).sum::<usize>() > most {
            let oldest = self.idle.remove(0);
            self.drop_pages(kernel, Ino(oldest));
            self.states.remove(&oldest);
        }
    }
    fn put_super(&mut self, kernel: &mut Kernel) {
        for frame in std::mem::take(&mut self.pages).into_values() {
            kernel.frames.release(frame);
        }
    }
}

impl HostFs {
    /// The pages of a file that mappings have asked for.
    fn pages_of(&self, ino: Ino) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.pages.range((ino.0, 0)..=(ino.0, u64::MAX)).map(|(&key, _)| key)
    }

    /// Forgets a file's pages, so that the next fault reads the host again.
    fn drop_pages(&mut self, kernel: &mut Kernel, ino: Ino) {
        let keys: Vec<_> = self.pages_of(ino).collect();
        for key in keys {
            if let Some(frame) = self.pages.remove(&key) {
                kernel.frames.release(frame);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Config;

    #[test]
    fn names_stay_inside_and_pages_end_with_the_file() {
        let dir = std::env::temp_dir().join(format!("minikern-hostfs-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("f"), b"data").unwrap();
        let mut kernel = Kernel::new(Config::default(), crate::ARCHES);
        let mut lent = HostFs::new(&dir, true).unwrap();
        let root = lent.root();
        for name in [&b".."[..], b".", b"", b"a/b"] {
            assert_eq!(lent.lookup(&mut kernel, root, name), Err(Errno::EINVAL));
        }
        let file = lent.lookup(&mut kernel, root, b"f").unwrap();
        let frame = lent.page(&mut kernel, file, 0, false).unwrap().unwrap();
        assert_eq!(&kernel.frames.bytes(frame)[..5], b"data\0");
        assert_eq!(lent.page(&mut kernel, file, 1, false), Ok(None));
        // mmap asks for the last page there could be, to learn whether files can be mapped at all.
        assert_eq!(lent.page(&mut kernel, file, u64::MAX >> 12, false), Ok(None));
        assert_eq!(lent.unlink(&mut kernel, root, b"f"), Err(Errno::EROFS));
        assert_eq!(lent.open(&mut kernel, Tid(1), file, OpenFlags::O_RDWR), Err(Errno::EROFS));
        fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn pages_stay_when_a_file_is_unused_until_it_changes() {
        let dir = std::env::temp_dir().join(format!("minikern-hostfs-pages-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let long = vec![1; PAGE_SIZE as usize * 20];
        fs::write(dir.join("f"), b"data").unwrap();
        fs::write(dir.join("long"), &long).unwrap();
        let mut kernel = Kernel::new(Config { memory: 256 * PAGE_SIZE, ..Config::default() }, crate::ARCHES);
        let mut lent = HostFs::new(&dir, false).unwrap();
        let used = kernel.frames.usage().0;
        // As a program's start and end: opened, mapped, closed and unmapped.
        let page = |lent: &mut HostFs, kernel: &mut Kernel, name: &[u8], index| {
            let file = lent.lookup(kernel, lent.root(), name).unwrap();
            let handle = lent.open(kernel, Tid(1), file, OpenFlags::empty()).unwrap();
            let frame = lent.page(kernel, file, index, false).unwrap().unwrap();
            lent.release(kernel, OpenFile { ino: file, handle, flags: OpenFlags::empty(), caller: Tid(1) });
            lent.forget(kernel, file);
            frame
        };
        let first = page(&mut lent, &mut kernel, b"f", 0);
        assert_eq!(page(&mut lent, &mut kernel, b"f", 0), first, "one frame for both");
        assert_eq!(&kernel.frames.bytes(first)[..5], b"data\0");
        fs::write(dir.join("f"), b"other").unwrap();
        let second = page(&mut lent, &mut kernel, b"f", 0);
        assert_eq!(&kernel.frames.bytes(second)[..6], b"other\0");
        for index in 0..20 {
            page(&mut lent, &mut kernel, b"long", index);
        }
        assert!(kernel.frames.usage().0 <= used + 16, "unused files take a sixteenth of the memory");
        let file = lent.lookup(&mut kernel, lent.root(), b"f").unwrap();
        page(&mut lent, &mut kernel, b"f", 0);
        lent.unlink(&mut kernel, lent.root(), b"f").unwrap();
        lent.forget(&mut kernel, file);
        assert!(!lent.pages.contains_key(&(file.0, 0)), "nobody can open it again");
        fs::remove_dir_all(&dir).unwrap();
    }
}
