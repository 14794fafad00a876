//! devpts: names of the slaves of pseudo-terminals (fs/devpts/inode.c, Documentation/filesystems/devpts.rst). Every mount has
//! an instance of its own, with its own numbers; the filesystem is a view of it.
use super::UNIX98_PTY_SLAVE_MAJOR;
use crate::dev::PTMX;
use crate::saved::{SaveError, Saved};
use crate::vfs::{Attr, DirEntry, FileSystem, Ino, Io, OpenFile, Path, SetAttr};
use crate::{Kernel, Result, Tid};
use abi::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const ROOT: Ino = Ino(1);
const PTMX_INO: Ino = Ino(2);
/// The inode of pty 0.
const FIRST: u64 = 3;
/// NR_UNIX98_PTY_MAX.
const MAX: u32 = 1 << 20;

/// What can be chosen at mount.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
struct Options {
    uid: Option<u32>,
    gid: Option<u32>,
    mode: u32,
    ptmxmode: u32,
    max: u32,
}

impl Options {
    fn parse(data: &[u8]) -> Result<Options> {
        let mut options = Options { uid: None, gid: None, mode: 0o600, ptmxmode: 0, max: MAX };
        let data = str::from_utf8(data).map_err(|_| Errno::EINVAL)?;
        for word in data.split(',').filter(|word| !word.is_empty()) {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let number = |radix| u32::from_str_radix(value, radix).map_err(|_| Errno::EINVAL);
            match name {
                "uid" => options.uid = Some(number(10)?),
                "gid" => options.gid = Some(number(10)?),
                "mode" => options.mode = number(8)? & 0o7777,
                "ptmxmode" => options.ptmxmode = number(8)? & 0o7777,
                "max" => options.max = Some(number(10)?).filter(|&max| max <= MAX).ok_or(Errno::EINVAL)?,
                // Every mount is a new instance, since 4.7.
                "newinstance" if value.is_empty() => {}
                _ => return Err(Errno::EINVAL),
            }
        }
        Ok(options)
    }
}

/// One instance: its options and the nodes in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Instance {
    options: Options,
    root: Attr,
    ptmx: Attr,
    nodes: BTreeMap<u32, Attr>,
    /// Without a name, but open.
    gone: BTreeMap<u32, Attr>,
}

impl Instance {
    pub(super) fn max(&self) -> u32 {
        self.options.max
    }
    fn attr(&mut self, ino: Ino) -> Option<&mut Attr> {
        match ino {
            ROOT => Some(&mut self.root),
            PTMX_INO => Some(&mut self.ptmx),
            Ino(ino) => {
                let index = u32::try_from(ino.checked_sub(FIRST)?).ok()?;
                self.nodes.get_mut(&index).or(self.gone.get_mut(&index))
            }
        }
    }
}

fn device(mode: u32, uid: u32, gid: u32, rdev: u64, now: Timespec) -> Attr {
    Attr { mode: S_IFCHR | mode, nlink: 1, uid, gid, rdev, size: 0, atime: now, mtime: now, ctime: now }
}

impl Kernel {
    /// The instance of devpts that a path lies in.
    pub(super) fn devpts_at(&mut self, place: Path) -> Option<u32> {
        let (sup, _) = self.vfs.inode(place);
        if self.vfs.super_kind(sup) != DevPts::KIND {
            return None;
        }
        // The filesystem tells its instance by its handle.
        let handle = |fs: &mut dyn FileSystem, kernel: &mut Kernel| fs.open(kernel, Tid(0), ROOT, OpenFlags::empty());
        self.with_super(sup, handle).ok().map(|instance| instance as u32)
    }

    /// Makes the node of a new pty (`devpts_pty_new`).
    pub(super) fn add_pts_node(&mut self, caller: Tid, instance: u32, index: u32) -> Result<()> {
        let cred = &self.tasks[caller].cred;
        let (uid, gid) = (cred.fsuid, cred.fsgid);
        let now = Timespec::from_ns(self.clock.realtime());
        let instance = self.tty.instances.get_mut(&instance).ok_or(Errno::ENODEV)?;
        let options = &instance.options;
        let (uid, gid) = (options.uid.unwrap_or(uid), options.gid.unwrap_or(gid));
        let node = device(options.mode, uid, gid, makedev(UNIX98_PTY_SLAVE_MAJOR, index), now);
        instance.gone.remove(&index);
        instance.nodes.insert(index, node);
        Ok(())
    }

    /// The master of a pty is closed (`devpts_pty_kill`).
    pub(super) fn remove_pts_node(&mut self, instance: u32, index: u32) {
        let Some(instance) = self.tty.instances.get_mut(&instance) else { return };
        if let Some(attr) = instance.nodes.remove(&index) {
            instance.gone.insert(index, Attr { nlink: 0, ..attr });
        }
    }
}

/// A mounted instance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DevPts {
    instance: u32,
    /// For /proc/mounts.
    text: String,
}

impl DevPts {
    const KIND: &'static str = "devpts";

    /// `mount -t devpts -o data`.
    pub(crate) fn mounted(kernel: &mut Kernel, data: &[u8]) -> Result<DevPts> {
        let options = Options::parse(data)?;
        let now = Timespec::from_ns(kernel.clock.realtime());
        let root = Attr { mode: S_IFDIR | 0o755, nlink: 2, ..device(0, 0, 0, 0, now) };
        let ptmx = device(options.ptmxmode, 0, 0, PTMX, now);
        // A number is free if no pty of an instance that was unmounted has it any more.
        let used = |kernel: &Kernel, id: u32| {
            let first = super::PTY | id << super::PTY_INDEX_BITS;
            let last = first | ((1 << super::PTY_INDEX_BITS) - 1);
            kernel.tty.instances.contains_key(&id) || kernel.tty.table.range(first..=last).next().is_some()
        };
        let most = 1 << (31 - super::PTY_INDEX_BITS);
        let instance = (0..most).find(|&id| !used(kernel, id)).ok_or(Errno::ENOSPC)?;
        let text = text(&options);
        let (nodes, gone) = (BTreeMap::new(), BTreeMap::new());
        kernel.tty.instances.insert(instance, Instance { options, root, ptmx, nodes, gone });
        Ok(DevPts { instance, text })
    }

    fn instance<'a>(&self, kernel: &'a mut Kernel) -> Result<&'a mut Instance> {
        kernel.tty.instances.get_mut(&self.instance).ok_or(Errno::EIO)
    }
}

/// `devpts_show_options`.
fn text(options: &Options) -> String {
    let word = |name: &str, value: Option<u32>| value.map_or(String::new(), |value| format!(",{name}={value}"));
    let max = (options.max < MAX).then_some(options.max);
    format!(
        "{}{},mode={:03o},ptmxmode={:03o}{}",
        word("uid", options.uid),
        word("gid", options.gid),
        options.mode,
        options.ptmxmode,
        word("max", max)
    )
}

impl FileSystem for DevPts {
    fn clone_box(&self) -> Box<dyn FileSystem> {
        Box::new(self.clone())
    }
    fn save(&self) -> std::result::Result<Saved, SaveError> {
        Saved::new(DevPts::KIND, self)
    }
    fn kind(&self) -> &'static str {
        DevPts::KIND
    }
    fn statfs(&self, _: &Kernel) -> Statfs {
        Statfs { kind: DEVPTS_SUPER_MAGIC, bsize: 4096, frsize: 4096, namelen: NAME_MAX as u64, ..Statfs::default() }
    }
    fn options(&self) -> String {
        self.text.clone()
    }
    fn root(&self) -> Ino {
        ROOT
    }
    fn lookup(&mut self, kernel: &mut Kernel, dir: Ino, name: &[u8]) -> Result<Ino> {
        if dir != ROOT {
            return Err(Errno::ENOTDIR);
        }
        if name == b"ptmx" {
            return Ok(PTMX_INO);
        }
        let index: u32 = str::from_utf8(name).ok().and_then(|name| name.parse().ok()).ok_or(Errno::ENOENT)?;
        let exists = index.to_string().as_bytes() == name && self.instance(kernel)?.nodes.contains_key(&index);
        if exists { Ok(Ino(u64::from(index) + FIRST)) } else { Err(Errno::ENOENT) }
    }
    fn attr(&mut self, kernel: &mut Kernel, ino: Ino) -> Result<Attr> {
        self.instance(kernel)?.attr(ino).cloned().ok_or(Errno::ENOENT)
    }
    fn set_attr(&mut self, kernel: &mut Kernel, ino: Ino, set: &SetAttr) -> Result<()> {
        let now = Timespec::from_ns(kernel.clock.realtime());
        let attr = self.instance(kernel)?.attr(ino).ok_or(Errno::ENOENT)?;
        if let Some(mode) = set.mode {
            attr.mode = attr.mode & S_IFMT | mode;
        }
        attr.uid = set.uid.unwrap_or(attr.uid);
        attr.gid = set.gid.unwrap_or(attr.gid);
        attr.atime = set.atime.unwrap_or(attr.atime);
        attr.mtime = set.mtime.unwrap_or(attr.mtime);
        attr.ctime = now;
        Ok(())
    }
    fn read_dir(&mut self, kernel: &mut Kernel, _dir: Ino) -> Result<Vec<DirEntry>> {
        let entry = |name: String, ino| DirEntry { name: name.into_bytes(), ino, kind: S_IFCHR };
        let nodes = self.instance(kernel)?.nodes.keys();
        let nodes = nodes.map(|&index| entry(index.to_string(), Ino(u64::from(index) + FIRST)));
        Ok(std::iter::once(entry("ptmx".into(), PTMX_INO)).chain(nodes).collect())
    }
    /// Gives the number of the instance.
    fn open(&mut self, _: &mut Kernel, _: Tid, _: Ino, _: OpenFlags) -> Result<u64> {
        Ok(self.instance.into())
    }
    fn read(&mut self, _: &mut Kernel, _: OpenFile, _: u64, _: &mut [u8]) -> Io {
        Err(Errno::EIO.into())
    }
    fn remount(&mut self, kernel: &mut Kernel, data: &[u8]) -> Result<()> {
        let options = Options::parse(data)?;
        self.text = text(&options);
        let instance = self.instance(kernel)?;
        instance.ptmx.mode = S_IFCHR | options.ptmxmode;
        instance.options = options;
        Ok(())
    }
    fn forget(&mut self, kernel: &mut Kernel, ino: Ino) {
        let index = ino.0.checked_sub(FIRST).and_then(|index| u32::try_from(index).ok());
        if let (Ok(instance), Some(index)) = (self.instance(kernel), index) {
            instance.gone.remove(&index);
        }
    }
    fn put_super(&mut self, kernel: &mut Kernel) {
        kernel.tty.instances.remove(&self.instance);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_parsed_and_shown() {
        let options = Options::parse(b"newinstance,gid=5,mode=0620,ptmxmode=666").expect("all known");
        assert_eq!((options.gid, options.mode, options.ptmxmode, options.max), (Some(5), 0o620, 0o666, MAX));
        assert_eq!(text(&options), ",gid=5,mode=620,ptmxmode=666");
        assert_eq!(text(&Options::parse(b"max=7,uid=1").expect("known")), ",uid=1,mode=600,ptmxmode=000,max=7");
        assert_eq!(Options::parse(b"mode=9"), Err(Errno::EINVAL));
        assert_eq!(Options::parse(b"size=1"), Err(Errno::EINVAL));
    }
}
