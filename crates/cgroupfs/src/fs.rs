//! The cgroup filesystem: a hierarchy as directories and control files.
use crate::core::{Core, with_core};
use crate::files;
use crate::hierarchy::{FileAttr, Group, GroupId, Hierarchy, Interface, ROOT};
use crate::subsystem::FileSpec;
use crate::unified;
use abi::{Errno, NAME_MAX, OpenFlags, PATH_MAX, PollEvents, S_IFDIR, S_IFREG, Statfs, Timespec};
use kernel::saved::{SaveError, Saved};
use kernel::vfs::{Attr, DirEntry, FileSystem, Ino, Io, New, NewNode, OpenFile, SetAttr};
use kernel::{Cred, Kernel, Result, Tid, WaitKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One super block: a view of hierarchy `number`.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct CgroupFs {
    number: u32,
    interface: Interface,
    options: String,
    /// By handle.
    open: BTreeMap<u64, Open>,
    next_handle: u64,
}

/// An open file.
#[derive(Clone, Serialize, Deserialize)]
struct Open {
    /// What a reader that began at offset 0 goes on reading (seq_file).
    reading: Option<Vec<u8>>,
    /// The change of the contents that was read last, for poll.
    seen: u64,
    /// The rights of who opened it, with which tasks are moved in cgroup2.
    cred: Cred,
}

/// An inode number is a group and the place of a file in its list; place 0 is the directory.
pub(crate) fn ino(id: GroupId, place: usize) -> Ino {
    Ino(id.0 << 8 | place as u64)
}

pub(crate) fn parts(ino: Ino) -> (GroupId, usize) {
    (GroupId(ino.0 >> 8), (ino.0 & 0xff) as usize)
}

impl CgroupFs {
    pub(crate) fn new(number: u32, interface: Interface, options: String) -> CgroupFs {
        CgroupFs { number, interface, options, open: BTreeMap::new(), next_handle: 1 }
    }

    fn is_unified(&self) -> bool {
        self.interface == Interface::Unified
    }

    fn with<T>(&self, kernel: &mut Kernel, f: impl FnOnce(&mut Hierarchy, &mut Kernel) -> Result<T>) -> Result<T> {
        let number = self.number;
        let call = |core: &mut Core, kernel: &mut Kernel| {
            let done = f(core.hierarchies.get_mut(&number).ok_or(Errno::ENODEV)?, kernel);
            core.hold(number, kernel);
            done
        };
        with_core(kernel, call).unwrap_or(Err(Errno::ENODEV))
    }
}

fn files_of(hierarchy: &Hierarchy, id: GroupId, kernel: &Kernel) -> Vec<FileSpec> {
    if hierarchy.is_unified() { unified::files(id).to_vec() } else { files::files(hierarchy, id, kernel) }
}

/// The file behind an inode number.
fn file_name(hierarchy: &Hierarchy, id: GroupId, place: usize, kernel: &Kernel) -> Result<&'static str> {
    let file = place.checked_sub(1).and_then(|at| files_of(hierarchy, id, kernel).get(at).map(|file| file.name));
    file.ok_or(Errno::ENODEV)
}

/// Mode and owner of a file: what it was given, or as it was made.
pub(crate) fn file_attr(hierarchy: &Hierarchy, group: &Group, id: GroupId, place: usize, kernel: &Kernel) -> FileAttr {
    group.file_attrs.get(&place).copied().unwrap_or_else(|| {
        let file = place.checked_sub(1).and_then(|at| files_of(hierarchy, id, kernel).get(at).copied());
        FileAttr { mode: file.map_or(0, |file| file.mode), uid: group.maker.0, gid: group.maker.1 }
    })
}

impl FileSystem for CgroupFs {
    fn clone_box(&self) -> Box<dyn FileSystem> {
        Box::new(self.clone())
    }
    fn save(&self) -> std::result::Result<Saved, SaveError> {
        Saved::new("cgroup", self)
    }
    fn kind(&self) -> &'static str {
        self.interface.fstype()
    }
    fn statfs(&self, _: &Kernel) -> Statfs {
        let kind = if self.is_unified() { abi::CGROUP2_SUPER_MAGIC } else { abi::CGROUP_SUPER_MAGIC };
        Statfs { kind, bsize: 4096, namelen: NAME_MAX as u64, ..Statfs::default() }
    }
    fn options(&self) -> String {
        if self.options.is_empty() { String::new() } else { format!(",{}", self.options) }
    }
    fn name_max(&self, kernel: &Kernel) -> usize {
        if self.interface.rules(kernel).kernfs { PATH_MAX } else { NAME_MAX }
    }
    fn root(&self) -> Ino {
        ino(ROOT, 0)
    }
    fn lookup(&mut self, kernel: &mut Kernel, dir: Ino, name: &[u8]) -> Result<Ino> {
        let (id, _) = parts(dir);
        self.with(kernel, |h, kernel| {
            let group = h.get(id).map_err(|_| Errno::ENOENT)?;
            if let Some(&child) = group.children.get(name) {
                return Ok(ino(child, 0));
            }
            let at = files_of(h, id, kernel).iter().position(|file| files::shown_name(h, file).as_bytes() == name);
            at.map(|at| ino(id, at + 1)).ok_or(Errno::ENOENT)
        })
    }
    fn attr(&mut self, kernel: &mut Kernel, at: Ino) -> Result<Attr> {
        let (id, place) = parts(at);
        self.with(kernel, |h, kernel| {
            let group = h.any(id).ok_or(Errno::ENOENT)?;
            let time = Timespec::from_ns(group.made);
            let (mode, nlink, uid, gid) = if place == 0 {
                (S_IFDIR | group.mode, 2 + group.children.len() as u32, group.uid, group.gid)
            } else {
                let file = file_attr(h, group, id, place, kernel);
                (S_IFREG | file.mode, 1, file.uid, file.gid)
            };
            Ok(Attr { mode, nlink, uid, gid, rdev: 0, size: 0, atime: time, mtime: time, ctime: time })
        })
    }
    fn set_attr(&mut self, kernel: &mut Kernel, at: Ino, set: &SetAttr) -> Result<()> {
        let (id, place) = parts(at);
        self.with(kernel, |h, kernel| {
            let mut file = file_attr(h, h.get(id)?, id, place, kernel);
            let group = h.get_mut(id)?;
            // Owner and mode can change; opening with O_TRUNC changes nothing.
            if place == 0 {
                group.mode = set.mode.unwrap_or(group.mode);
                group.uid = set.uid.unwrap_or(group.uid);
                group.gid = set.gid.unwrap_or(group.gid);
            } else if set.mode.is_some() || set.uid.is_some() || set.gid.is_some() {
                file.mode = set.mode.unwrap_or(file.mode);
                file.uid = set.uid.unwrap_or(file.uid);
                file.gid = set.gid.unwrap_or(file.gid);
                group.file_attrs.insert(place, file);
            }
            Ok(())
        })
    }
    fn read_dir(&mut self, kernel: &mut Kernel, dir: Ino) -> Result<Vec<DirEntry>> {
        let (id, _) = parts(dir);
        self.with(kernel, |h, kernel| {
            let Ok(group) = h.get(id) else { return Ok(Vec::new()) };
            let groups = group.children.iter();
            let mut entries: Vec<DirEntry> = groups
                .map(|(name, &child)| DirEntry { name: name.clone(), ino: ino(child, 0), kind: S_IFDIR })
                .collect();
            for (at, file) in files_of(h, id, kernel).iter().enumerate().filter(|(_, file)| file.listed) {
                let name = files::shown_name(h, file).as_bytes().to_vec();
                entries.push(DirEntry { name, ino: ino(id, at + 1), kind: S_IFREG });
            }
            Ok(entries)
        })
    }
    fn create(&mut self, kernel: &mut Kernel, dir: Ino, name: &[u8], new: &New<'_>) -> Result<Ino> {
        match new.node {
            NewNode::Directory => {}
            // kernfs has no way to make files or links.
            NewNode::File => return Err(Errno::EACCES),
            _ => return Err(Errno::EPERM),
        }
        if name.contains(&b'\n') {
            return Err(Errno::EINVAL);
        }
        if self.lookup(kernel, dir, name).is_ok() {
            return Err(Errno::EEXIST);
        }
        let (id, _) = parts(dir);
        self.with(kernel, |h, kernel| {
            if h.is_unified() {
                unified::can_create(h, id)?;
            }
            let child = h.create(id, name, new.caller, kernel)?;
            if h.is_unified() {
                unified::created(h, child, kernel);
            }
            let group = h.get_mut(child)?;
            (group.mode, group.uid, group.gid) = (new.mode, new.uid, new.gid);
            group.maker = (new.uid, new.gid);
            group.made = kernel.clock.realtime();
            Ok(ino(child, 0))
        })
    }
    fn rmdir(&mut self, kernel: &mut Kernel, dir: Ino, name: &[u8]) -> Result<()> {
        let (id, place) = parts(self.lookup(kernel, dir, name)?);
        if place != 0 {
            return Err(Errno::ENOTDIR);
        }
        self.with(kernel, |h, kernel| if h.is_unified() { unified::remove(h, id, kernel) } else { h.remove(id) })
    }
    fn rename(&mut self, kernel: &mut Kernel, from: (Ino, &[u8]), to: (Ino, &[u8]), flags: u32) -> Result<()> {
        if flags != 0 {
            return Err(Errno::EINVAL);
        }
        if self.is_unified() {
            return Err(Errno::EPERM);
        }
        let (id, place) = parts(self.lookup(kernel, from.0, from.1)?);
        if place != 0 {
            return Err(Errno::ENOTDIR);
        }
        if from.0 != to.0 {
            return Err(Errno::EIO);
        }
        if self.lookup(kernel, to.0, to.1).is_ok() {
            return Err(Errno::EEXIST);
        }
        self.with(kernel, |h, _| h.rename(id, to.1))
    }
    fn open(&mut self, kernel: &mut Kernel, caller: Tid, at: Ino, _: OpenFlags) -> Result<u64> {
        let (id, place) = parts(at);
        // A directory that was removed opens, and lists nothing (scenario 17).
        self.with(kernel, |h, _| if place == 0 { Ok(()) } else { h.get(id).map(|_| ()) })?;
        let handle = self.next_handle;
        self.next_handle += 1;
        let cred = kernel.tasks.get(caller).map_or_else(Cred::root, |task| task.cred.clone());
        self.open.insert(handle, Open { reading: None, seen: 0, cred });
        Ok(handle)
    }
    fn release(&mut self, _: &mut Kernel, file: OpenFile) {
        self.open.remove(&file.handle);
    }
    fn read(&mut self, kernel: &mut Kernel, file: OpenFile, at: u64, buf: &mut [u8]) -> Io {
        let (id, place) = parts(file.ino);
        let begun = at != 0 && self.open.get(&file.handle).is_some_and(|open| open.reading.is_some());
        let begin = self.with(kernel, |h, kernel| {
            h.get(id)?;
            if begun {
                return Ok(None);
            }
            let name = file_name(h, id, place, kernel)?;
            let seen = h.sup.map_or(0, |sup| kernel.vfs.kernfs_event(sup, file.ino));
            let read = if h.is_unified() {
                unified::read(h, id, name, file.caller, kernel)
            } else {
                files::read(h, id, name, file.caller, kernel)
            };
            Ok(Some((seen, read?.into_bytes())))
        })?;
        let open = self.open.get_mut(&file.handle).ok_or(Errno::EBADF)?;
        if let Some((seen, text)) = begin {
            (open.seen, open.reading) = (seen, Some(text));
        }
        let text = open.reading.as_deref().unwrap_or_default();
        let rest = usize::try_from(at).ok().and_then(|at| text.get(at..)).unwrap_or_default();
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }
    fn write(&mut self, kernel: &mut Kernel, file: OpenFile, _: u64, data: &[u8]) -> Io {
        let (id, place) = parts(file.ino);
        let cred = self.open.get(&file.handle).map(|open| &open.cred);
        self.with(kernel, |h, kernel| {
            h.get(id)?;
            let name = file_name(h, id, place, kernel)?;
            if let Some(cred) = cred.filter(|_| h.is_unified()) {
                return unified::write(h, id, name, data, file.caller, cred, kernel);
            }
            files::write(h, id, name, data, file.caller, kernel)
        })?;
        Ok(data.len())
    }
    fn poll(&mut self, kernel: &mut Kernel, file: OpenFile) -> (PollEvents, Vec<WaitKey>) {
        let (id, _) = parts(file.ino);
        let seen = self.open.get(&file.handle).map(|open| open.seen);
        let polled = self.with(kernel, |h, kernel| {
            let sup = h.sup.ok_or(Errno::ENODEV)?;
            Ok(kernel.vfs.kernfs_poll(sup, file.ino, seen.filter(|_| h.get(id).is_ok())))
        });
        let always = PollEvents::POLLIN | PollEvents::POLLOUT | PollEvents::POLLRDNORM | PollEvents::POLLWRNORM;
        polled.unwrap_or((always, Vec::new()))
    }
    fn remount(&mut self, _: &mut Kernel, data: &[u8]) -> Result<()> {
        if self.is_unified() {
            self.options = unified::options(data)?;
        }
        Ok(())
    }
    fn forget(&mut self, kernel: &mut Kernel, at: Ino) {
        let (id, place) = parts(at);
        if place == 0 {
            // The core may be gone only with the kernel itself.
            let _ = self.with(kernel, |h, _| {
                h.forget(id);
                Ok(())
            });
        }
    }
    fn put_super(&mut self, kernel: &mut Kernel) {
        let number = self.number;
        with_core(kernel, |core, _| {
            if let Some(hierarchy) = core.hierarchies.get_mut(&number) {
                hierarchy.sup = None;
                hierarchy.mounts = hierarchy.mounts.saturating_sub(1);
                // A hierarchy without groups goes with its last mount.
                if hierarchy.mounts == 0 && hierarchy.is_bare() && number != 0 {
                    core.hierarchies.remove(&number);
                }
            }
        });
    }
}
