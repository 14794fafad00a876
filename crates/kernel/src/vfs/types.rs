//! Filesystem types that can be mounted, by name.
use super::{FileSystem, Path, SuperId, Tmpfs, Walk};
use crate::{Kernel, NsId, Result, Tid, TraceKind};
use abi::{Errno, MountFlags};

/// A type of which there is one instance, that every mount shows.
type Single = fn(&mut Kernel) -> Result<Box<dyn FileSystem>>;

#[rustfmt::skip]
const SINGLES: &[(&str, Single)] = &[
    ("devtmpfs", crate::dev::devtmpfs),
    ("proc", |_| Ok(Box::new(crate::procfs::ProcFs::new(NsId::PID)))),
    ("sysfs", |_| Ok(Box::new(crate::sysfs::SysFs))),
];

/// For /proc/filesystems: the types.
pub(crate) const NODEV_TYPES: &[&str] = &["ramfs", "tmpfs", "devtmpfs", "proc", "sysfs", "devpts", "mqueue"];
/// And the cgroup core's.
pub(crate) const CGROUP_TYPES: &[&str] = &["cgroup", "cgroup2", "container"];

impl Kernel {
    /// The instance that `mount -t kind -o data source` shows to a task's namespaces.
    pub(crate) fn super_of_type(&mut self, caller: Tid, kind: &str, source: &[u8], data: &[u8]) -> Result<SuperId> {
        let ns = self.pid_ns_of(caller);
        match kind {
            "tmpfs" => {
                let fs = Tmpfs::mounted(self, "tmpfs", data)?;
                return Ok(self.vfs.add_super(Box::new(fs)));
            }
            // ramfs ignores what it does not know.
            "ramfs" => {
                let fs = Tmpfs::mounted(self, "ramfs", data).or_else(|_| Tmpfs::mounted(self, "ramfs", b""))?;
                return Ok(self.vfs.add_super(Box::new(fs)));
            }
            "mqueue" => return Ok(self.mq_super(self.tasks.sched.current().unwrap_or(crate::INIT)).0),
            "devpts" => {
                let fs = crate::tty::DevPts::mounted(self, data)?;
                return Ok(self.vfs.add_super(Box::new(fs)));
            }
            "proc" if ns != NsId::PID => {
                let fs = crate::procfs::ProcFs::new(ns);
                self.namespaces.hold(ns);
                return Ok(self.vfs.add_super(Box::new(fs)));
            }
            _ => {}
        }
        if let Some((name, make)) = SINGLES.iter().find(|(name, _)| *name == kind) {
            if let Some(&sup) = self.vfs.singles.get(*name) {
                return Ok(sup);
            }
            let fs = make(self)?;
            let sup = self.vfs.add_super(fs);
            self.vfs.singles.insert(name.to_string(), sup);
            return Ok(sup);
        }
        let from_core = self.with_cgroups(|core, kernel| core.mount(kernel, kind, source, data));
        let result = from_core.unwrap_or(Err(Errno::ENODEV));
        if result == Err(Errno::ENODEV) {
            self.trace.line(TraceKind::Missing, || format!("mount: filesystem type {kind}: ENODEV"));
        }
        result
    }

    /// Mounts a filesystem of a type at an absolute path, for whoever sets the machine up; the directory is made if missing.
    pub fn mount_type(&mut self, kind: &str, source: &[u8], path: &[u8], flags: MountFlags, data: &[u8]) -> Result<()> {
        let on = self.mount_point(path)?;
        let sup = self.super_of_type(Tid(0), kind, source, data)?;
        self.mount_at(sup, on, flags, source);
        Ok(())
    }
    /// Mounts a filesystem made by the caller (a host directory).
    pub fn mount_fs(&mut self, fs: Box<dyn FileSystem>, source: &[u8], path: &[u8], flags: MountFlags) -> Result<()> {
        let on = self.mount_point(path)?;
        let sup = self.vfs.add_super(fs);
        self.mount_at(sup, on, flags, source);
        Ok(())
    }
    fn mount_point(&mut self, path: &[u8]) -> Result<Path> {
        let who = self.who(Tid(0));
        match self.path_at(&who, who.root, path, Walk::FOLLOW | Walk::DIRECTORY) {
            Err(Errno::ENOENT) => self.install_dir(path, 0o755)?,
            found => return found,
        }
        self.path_at(&who, who.root, path, Walk::FOLLOW | Walk::DIRECTORY)
    }
}
