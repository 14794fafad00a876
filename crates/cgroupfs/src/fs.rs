//! The cgroup filesystem: a hierarchy as directories and control files.
use crate::core::{Core, with_core};
use crate::files;
use crate::hierarchy::{FileAttr, Group, GroupId, Hierarchy, Interface, ROOT};
use abi::{Errno, NAME_MAX, OpenFlags, PATH_MAX, S_IFDIR, S_IFREG, Statfs, Timespec};
use kernel::saved::{SaveError, Saved};
use kernel::vfs::{Attr, DirEntry, FileSystem, Ino, Io, New, NewNode, OpenFile, SetAttr};
use kernel::{Kernel, Result, Tid};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One super block: a view of hierarchy `number`.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct CgroupFs {
    number: u32,
    interface: Interface,
    options: String,
    /// What a reader that began at offset 0 goes on reading (seq_file), by handle.
    reading: BTreeMap<u64, Vec<u8>>,
    next_handle: u64,
}

/// An inode number is a group and the place of a file in its list; place 0 is the directory.
fn ino(id: GroupId, place: usize) -> Ino {
    Ino(id.0 << 8 | place as u64)
}

fn parts(ino: Ino) -> (GroupId, usize) {
    (GroupId(ino.0 >> 8), (ino.0 & 0xff) as usize)
}

impl CgroupFs {
    pub(crate) fn new(number: u32, interface: Interface, options: String) -> CgroupFs {
        CgroupFs { number, interface, options, reading: BTreeMap::new(), next_handle: 1 }
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

/// The file behind an inode number.
fn file_name(hierarchy: &Hierarchy, id: GroupId, place: usize, kernel: &Kernel) -> Result<&'static str> {
    let file = place.checked_sub(1).and_then(|at| files::files(hierarchy, id, kernel).get(at).map(|file| file.name));
    file.ok_or(Errno::ENODEV)
}

/// Mode and owner of a file: what it was given, or as it was made.
fn file_attr(hierarchy: &Hierarchy, group: &Group, id: GroupId, place: usize, kernel: &Kernel) -> FileAttr {
    group.file_attrs.get(&place).copied().unwrap_or_else(|| {
        let file = place.checked_sub(1).and_then(|at| files::files(hierarchy, id, kernel).get(at).copied());
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
        Statfs { kind: abi::CGROUP_SUPER_MAGIC, bsize: 4096, namelen: NAME_MAX as u64, ..Statfs::default() }
    }
    fn options(&self) -> String {
        format!(",{}", self.options)
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
            let at = files::files(h, id, kernel).iter().position(|file| files::shown_name(h, file).as_bytes() == name);
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
            for (at, file) in files::files(h, id, kernel).iter().enumerate().filter(|(_, file)| file.listed) {
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
            let child = h.create(id, name, new.caller, kernel)?;
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
        self.with(kernel, |h, _| h.remove(id))
    }
    fn rename(&mut self, kernel: &mut Kernel, from: (Ino, &[u8]), to: (Ino, &[u8]), flags: u32) -> Result<()> {
        if flags != 0 {
            return Err(Errno::EINVAL);
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
    fn open(&mut self, kernel: &mut Kernel, _: Tid, at: Ino, _: OpenFlags) -> Result<u64> {
        let (id, place) = parts(at);
        // A directory that was removed opens, and lists nothing (scenario 17).
        self.with(kernel, |h, _| if place == 0 { Ok(()) } else { h.get(id).map(|_| ()) })?;
        let handle = self.next_handle;
        self.next_handle += 1;
        Ok(handle)
    }
    fn release(&mut self, _: &mut Kernel, file: OpenFile) {
        self.reading.remove(&file.handle);
    }
    fn read(&mut self, kernel: &mut Kernel, file: OpenFile, at: u64, buf: &mut [u8]) -> Io {
        let (id, place) = parts(file.ino);
        if at == 0 || !self.reading.contains_key(&file.handle) {
            let text = self.with(kernel, |h, kernel| {
                h.get(id)?;
                let name = file_name(h, id, place, kernel)?;
                files::read(h, id, name, kernel)
            })?;
            self.reading.insert(file.handle, text.into_bytes());
        } else {
            self.with(kernel, |h, _| h.get(id).map(|_| ()))?;
        }
        let text = &self.reading[&file.handle];
        let rest = usize::try_from(at).ok().and_then(|at| text.get(at..)).unwrap_or_default();
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }
    fn write(&mut self, kernel: &mut Kernel, file: OpenFile, _: u64, data: &[u8]) -> Io {
        let (id, place) = parts(file.ino);
        self.with(kernel, |h, kernel| {
            h.get(id)?;
            let name = file_name(h, id, place, kernel)?;
            files::write(h, id, name, data, file.caller, kernel)
        })?;
        Ok(data.len())
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
                hierarchy.mounts = hierarchy.mounts.saturating_sub(1);
                // A hierarchy without groups goes with its last mount.
                if hierarchy.mounts == 0 && hierarchy.is_bare() {
                    core.hierarchies.remove(&number);
                }
            }
        });
    }
}
