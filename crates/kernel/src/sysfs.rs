//! sysfs, as far as tools open it: a fixed tree of directories, and a few files that are made when read.
use crate::saved::{SaveError, Saved};
use crate::vfs::{Attr, DirEntry, FileSystem, Ino, Io, OpenFile};
use crate::{Kernel, Result};
use abi::*;
use serde::{Deserialize, Serialize};

/// What is at a path.
enum Entry {
    Dir,
    File(fn(&Kernel) -> String),
}

use Entry::{Dir, File};

/// Every path, a parent before its children. cgroup filesystems are mounted at or under fs/cgroup.
#[rustfmt::skip]
const TREE: &[(&str, Entry)] = &[
    ("", Dir),
    ("block", Dir),
    ("bus", Dir),
    ("class", Dir),
    ("class/tty", Dir),
    ("class/tty/console", Dir),
    ("class/tty/console/active", File(|_| "ttyS0".into())),
    ("dev", Dir),
    ("devices", Dir),
    ("devices/system", Dir),
    ("devices/system/cpu", Dir),
    ("devices/system/cpu/kernel_max", File(|kernel| (kernel.config.cpus - 1).to_string())),
    ("devices/system/cpu/online", File(cpus)),
    ("devices/system/cpu/possible", File(cpus)),
    ("devices/system/cpu/present", File(cpus)),
    ("firmware", Dir),
    ("fs", Dir),
    ("fs/cgroup", Dir),
    ("kernel", Dir),
    ("kernel/mm", Dir),
    ("module", Dir),
    ("power", Dir),
];

/// `0`, or `0-3`.
fn cpus(kernel: &Kernel) -> String {
    match kernel.config.cpus {
        1 => "0".into(),
        cpus => format!("0-{}", cpus - 1),
    }
}

/// The one instance. An inode's number is its place in `TREE`, from 1.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct SysFs;

fn at(ino: Ino) -> Result<&'static (&'static str, Entry)> {
    ino.0.checked_sub(1).and_then(|at| TREE.get(usize::try_from(at).ok()?)).ok_or(Errno::ENOENT)
}

fn children(dir: Ino) -> Result<impl Iterator<Item = (&'static str, Ino, &'static Entry)>> {
    let (parent, Dir) = at(dir)? else { return Err(Errno::ENOTDIR) };
    Ok(TREE.iter().enumerate().skip(1).filter_map(move |(at, (path, entry))| {
        let rest = if parent.is_empty() { path } else { path.strip_prefix(parent)?.strip_prefix('/')? };
        (!rest.contains('/')).then_some((rest, Ino(at as u64 + 1), entry))
    }))
}

impl FileSystem for SysFs {
    fn clone_box(&self) -> Box<dyn FileSystem> {
        Box::new(self.clone())
    }
    fn save(&self) -> std::result::Result<Saved, SaveError> {
        Saved::new("sysfs", self)
    }

    fn kind(&self) -> &'static str {
        "sysfs"
    }

    fn statfs(&self, _: &Kernel) -> Statfs {
        Statfs { kind: SYSFS_MAGIC, bsize: 4096, frsize: 4096, namelen: NAME_MAX as u64, ..Statfs::default() }
    }

    fn root(&self) -> Ino {
        Ino(1)
    }

    fn lookup(&mut self, _: &mut Kernel, dir: Ino, name: &[u8]) -> Result<Ino> {
        children(dir)?.find(|(entry, ..)| entry.as_bytes() == name).map(|(_, ino, _)| ino).ok_or(Errno::ENOENT)
    }

    fn attr(&mut self, kernel: &mut Kernel, ino: Ino) -> Result<Attr> {
        let (mode, nlink, size) = match at(ino)?.1 {
            Dir => {
                let dirs = children(ino)?.filter(|(.., entry)| matches!(entry, Dir)).count() as u32;
                (S_IFDIR | 0o755, 2 + dirs, 0)
            }
            File(_) => (S_IFREG | 0o444, 1, 4096),
        };
        let boot = Timespec::from_ns(kernel.clock.realtime_base);
        Ok(Attr { mode, nlink, uid: 0, gid: 0, rdev: 0, size, atime: boot, mtime: boot, ctime: boot })
    }

    fn read_dir(&mut self, _: &mut Kernel, dir: Ino) -> Result<Vec<DirEntry>> {
        let kind = |entry: &Entry| if matches!(entry, Dir) { S_IFDIR } else { S_IFREG };
        Ok(children(dir)?.map(|(name, ino, entry)| DirEntry { name: name.into(), ino, kind: kind(entry) }).collect())
    }

    fn read(&mut self, kernel: &mut Kernel, file: OpenFile, from: u64, buf: &mut [u8]) -> Io {
        let (_, File(text)) = at(file.ino)? else { return Err(Errno::EISDIR.into()) };
        let text = text(kernel) + "\n";
        let rest = usize::try_from(from).ok().and_then(|from| text.as_bytes().get(from..)).unwrap_or_default();
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_its_parent_before_it() {
        for (place, (path, _)) in TREE.iter().enumerate().skip(1) {
            let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
            let found = TREE.iter().position(|(path, _)| *path == parent).expect(parent);
            assert!(found < place && matches!(TREE[found].1, Dir), "{path}");
            let name = path.rsplit('/').next().expect("a name");
            let mut names = children(Ino(found as u64 + 1)).expect("a directory");
            assert!(names.any(|(child, ino, _)| child == name && ino.0 == place as u64 + 1), "{path}");
        }
    }
}
