//! Mounts: a tree of places where filesystems are attached.
use super::{DentryId, FileSystem, Path, SuperId, Vfs};
use crate::namespaces::NsId;
use crate::{Kernel, Result, WaitKey};
use abi::{Errno, MountFlags};
use serde::{Deserialize, Serialize};

/// Most mounts there can be. DIFFERS FROM LINUX: fs.mount-max is 100000, of each namespace.
const MOUNT_MAX: usize = 8 << 10;

/// A mount, by slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MountId(pub(crate) u32);

/// One mount of a filesystem, or of a part of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mount {
    pub(super) sup: SuperId,
    pub(super) root: DentryId,
    /// The mount it is on, and where; `None` for the root and for what is unmounted but still in use.
    pub(super) parent: Option<(MountId, DentryId)>,
    pub(super) flags: MountFlags,
    /// The device, as /proc/mounts shows it.
    pub(super) source: Vec<u8>,
    /// Paths into it that are held.
    pub(super) refs: u32,
    /// Unmounted (umount -l): freed with the last path into it.
    pub(super) detached: bool,
    /// Whose tree it is in.
    pub(super) ns: Option<NsId>,
    /// Its number in /proc/PID/mountinfo, and its place in the order of mounting.
    pub(super) number: u32,
}

/// Flags that belong to a mount and not to its filesystem.
pub(super) const PER_MOUNT: MountFlags = MountFlags::MS_RDONLY
    .union(MountFlags::MS_NOSUID)
    .union(MountFlags::MS_NODEV)
    .union(MountFlags::MS_NOEXEC)
    .union(MountFlags::MS_NOATIME)
    .union(MountFlags::MS_NODIRATIME)
    .union(MountFlags::MS_RELATIME)
    .union(MountFlags::MS_NOSYMFOLLOW);

/// /proc/mounts changed (poll on it).
pub(super) const MOUNTS_CHANGED: WaitKey = WaitKey::Event(1);

impl Vfs {
    /// The top of a mount, if there is (still) a mount of that number.
    pub(crate) fn root_of(&self, id: MountId) -> Option<Path> {
        self.mounts.get(id.0).map(|mount| Path { mount: id, dentry: mount.root })
    }
    /// Adds a mount; a parent's path is held by it.
    pub(super) fn add_mount(&mut self, sup: SuperId, on: Option<Path>, flags: MountFlags, source: &[u8]) -> MountId {
        let root = self.supers[sup.0].fs.as_ref().map(|fs| fs.root()).expect("a filesystem is mounted while idle");
        let known = self.dentries.iter().find(|(_, d)| d.parent.is_none() && (d.sup, d.ino) == (sup, root));
        let known = known.map(|(id, _)| DentryId(id));
        let root = known.unwrap_or_else(|| self.new_dentry(sup, root, b"/"));
        self.add_bind(sup, root, on, flags, source)
    }
    /// Adds a mount of the part of a filesystem that `root` is the top of.
    pub(super) fn add_bind(
        &mut self,
        sup: SuperId,
        root: DentryId,
        on: Option<Path>,
        flags: MountFlags,
        source: &[u8],
    ) -> MountId {
        let number = self.next_mount;
        self.next_mount += 1;
        self.supers[sup.0].mounts += 1;
        self.dentry_get(root);
        let mount = Mount {
            sup,
            root,
            parent: on.map(|on| (on.mount, on.dentry)),
            flags: flags & PER_MOUNT,
            source: source.to_vec(),
            refs: 0,
            detached: false,
            ns: on.and_then(|on| self.mounts[on.mount.0].ns),
            number,
        };
        let id = MountId(self.mounts.insert(mount));
        if let Some(on) = on {
            self.dentry_get(on.dentry);
            self.mounted.insert((on.mount, on.dentry), id);
        }
        id
    }

    pub(crate) fn mount_root(&self, id: MountId) -> Path {
        Path { mount: id, dentry: self.mounts[id.0].root }
    }
    /// Goes up onto whatever is mounted at a path.
    pub(super) fn cross_mounts(&self, mut path: Path) -> Path {
        while let Some(&mount) = self.mounted.get(&(path.mount, path.dentry)) {
            path = self.mount_root(mount);
        }
        path
    }
    pub(super) fn is_mountpoint(&self, dentry: DentryId) -> bool {
        self.mounted.keys().any(|key| key.1 == dentry)
    }
    /// Whether the top of a mount is at the path.
    pub(crate) fn is_mount_root(&self, path: Path) -> bool {
        self.mounts[path.mount.0].root == path.dentry
    }
    pub(crate) fn mount_number(&self, id: MountId) -> u32 {
        self.mounts[id.0].number
    }
    /// The mount's flags, with MS_RDONLY if its filesystem is read-only.
    pub(crate) fn mount_flags(&self, id: MountId) -> MountFlags {
        let mount = &self.mounts[id.0];
        let mut flags = mount.flags;
        flags.set(MountFlags::MS_RDONLY, flags.contains(MountFlags::MS_RDONLY) || self.supers[mount.sup.0].read_only);
        flags
    }
    /// EROFS if nothing may be changed under the mount.
    pub(crate) fn want_write(&self, id: MountId) -> Result<()> {
        match self.mount_flags(id).contains(MountFlags::MS_RDONLY) {
            true => Err(Errno::EROFS),
            false => Ok(()),
        }
    }
    pub(super) fn children(&self, id: MountId) -> Vec<MountId> {
        let on = |mount: &Mount| mount.parent.is_some_and(|(parent, _)| parent == id);
        self.mounts.iter().filter(|(_, mount)| on(mount)).map(|(child, _)| MountId(child)).collect()
    }

    /// ENOSPC where there would be too many: a recursive bind doubles them (`count_mounts`).
    pub(crate) fn room_for_mounts(&self, more: usize) -> Result<()> {
        if self.mounts.len().saturating_add(more) > MOUNT_MAX { Err(Errno::ENOSPC) } else { Ok(()) }
    }
    /// Mounts in a namespace.
    pub(crate) fn mounts_in(&self, ns: NsId) -> usize {
        self.mounts.iter().filter(|(_, mount)| mount.ns == Some(ns)).count()
    }

    /// Mounts under `root`, in the order they were made: the mount and where it shows.
    fn visible(&self, root: Path) -> Vec<(MountId, Vec<u8>)> {
        let mut list: Vec<_> = self.mounts.iter().filter(|(_, mount)| !mount.detached).collect();
        list.sort_by_key(|(_, mount)| mount.number);
        let place = |id: u32| {
            let (place, reachable) = self.d_path(self.mount_root(MountId(id)), root);
            reachable.then_some((MountId(id), place))
        };
        list.into_iter().filter_map(|(id, _)| place(id)).collect()
    }

    /// The text of /proc/PID/mounts for a task whose root is `root`.
    pub fn proc_mounts(&self, root: Path) -> Vec<u8> {
        let mut text = Vec::new();
        for (id, place) in self.visible(root) {
            let mount = &self.mounts[id.0];
            for field in [&mount.source[..], &place, self.supers[mount.sup.0].kind.as_bytes()] {
                escape(&mut text, field);
                text.push(b' ');
            }
            text.extend(flag_words(self.mount_flags(id)).bytes());
            text.extend(self.super_options(mount.sup).bytes());
            text.extend(b" 0 0\n");
        }
        text
    }
    /// The text of /proc/PID/mountinfo.
    pub fn proc_mountinfo(&self, root: Path) -> Vec<u8> {
        let mut text = Vec::new();
        for (id, place) in self.visible(root) {
            let mount = &self.mounts[id.0];
            let parent = mount.parent.map_or(0, |(parent, _)| self.mounts[parent.0].number);
            let dev = Vfs::super_dev(mount.sup);
            text.extend(format!("{} {parent} {}:{} ", mount.number, abi::major(dev), abi::minor(dev)).bytes());
            escape(&mut text, &self.path_in_super(mount.root));
            text.push(b' ');
            escape(&mut text, &place);
            text.extend(format!(" {} - {} ", flag_words(mount.flags), self.supers[mount.sup.0].kind).bytes());
            escape(&mut text, &mount.source);
            let read_only = if self.supers[mount.sup.0].read_only { "ro" } else { "rw" };
            text.extend(format!(" {read_only}{}\n", self.super_options(mount.sup)).bytes());
        }
        text
    }
    fn super_options(&self, sup: SuperId) -> String {
        self.supers[sup.0].fs.as_ref().map(|fs| fs.options()).unwrap_or_default()
    }
    fn path_in_super(&self, dentry: DentryId) -> Vec<u8> {
        let mut names = Vec::new();
        let mut at = dentry;
        while let Some(parent) = self.dentries[at.0].parent {
            names.push(&self.dentries[at.0].name[..]);
            at = parent;
        }
        let mut text = Vec::new();
        for name in names.iter().rev() {
            text.push(b'/');
            text.extend_from_slice(name);
        }
        if text.is_empty() { b"/".to_vec() } else { text }
    }
}

/// rw or ro and the other words, as fs/proc_namespace.c orders them.
fn flag_words(flags: MountFlags) -> String {
    let mut words = String::from(if flags.contains(MountFlags::MS_RDONLY) { "ro" } else { "rw" });
    for (flag, word) in [
        (MountFlags::MS_NOSUID, ",nosuid"),
        (MountFlags::MS_NODEV, ",nodev"),
        (MountFlags::MS_NOEXEC, ",noexec"),
        (MountFlags::MS_NOATIME, ",noatime"),
        (MountFlags::MS_NODIRATIME, ",nodiratime"),
        (MountFlags::MS_RELATIME, ",relatime"),
        (MountFlags::MS_NOSYMFOLLOW, ",nosymfollow"),
    ] {
        if flags.contains(flag) {
            words.push_str(word);
        }
    }
    words
}

/// Spaces and their like in octal (mangle).
fn escape(text: &mut Vec<u8>, field: &[u8]) {
    for &byte in field {
        match byte {
            b' ' | b'\t' | b'\n' | b'\\' | b'#' => text.extend(format!("\\{byte:03o}").bytes()),
            _ => text.push(byte),
        }
    }
}

impl Kernel {
    /// Mounts a filesystem at a path, on top of what is mounted there.
    pub fn mount_at(&mut self, sup: SuperId, on: Path, flags: MountFlags, source: &[u8]) -> MountId {
        let on = self.vfs.cross_mounts(on);
        let flags = match flags.intersects(MountFlags::MS_NOATIME | MountFlags::MS_STRICTATIME) {
            true => flags,
            false => flags | MountFlags::MS_RELATIME,
        };
        let id = self.vfs.add_mount(sup, Some(on), flags, source);
        self.tasks.wake_all(MOUNTS_CHANGED);
        id
    }

    /// `mount --bind`: shows the tree at `from` at `on` too; with `recursive` what is mounted below it also.
    pub(crate) fn bind_mount(&mut self, from: Path, on: Path, recursive: bool) -> Result<()> {
        let on = self.vfs.cross_mounts(on);
        let below = if recursive { self.mounts_below(from) } else { Vec::new() };
        self.vfs.room_for_mounts(1 + below.len())?;
        let copy = |kernel: &mut Kernel, from: Path, on: Path| {
            let mount = &kernel.vfs.mounts[from.mount.0];
            let (sup, flags, source) = (mount.sup, mount.flags, mount.source.clone());
            kernel.vfs.add_bind(sup, from.dentry, Some(on), flags, &source)
        };
        let mut copies = vec![(from.mount, copy(self, from, on))];
        for id in below {
            let Some((parent, point)) = self.vfs.mounts[id.0].parent else { continue };
            let Some(&(_, parent)) = copies.iter().find(|(old, _)| *old == parent) else { continue };
            let made = copy(self, self.vfs.mount_root(id), Path { mount: parent, dentry: point });
            copies.push((id, made));
        }
        self.tasks.wake_all(MOUNTS_CHANGED);
        Ok(())
    }
    /// Mounts on places at or below a path, parents first.
    fn mounts_below(&self, top: Path) -> Vec<MountId> {
        let below = |top: Path| {
            let mut children = self.vfs.children(top.mount);
            let point = |child: &MountId| self.vfs.mounts[child.0].parent.map(|(_, point)| point);
            children.retain(|child| point(child).is_some_and(|point| self.vfs.is_ancestor(top.dentry, point)));
            children.into_iter().rev()
        };
        let mut todo: Vec<MountId> = below(top).collect();
        let mut found = Vec::new();
        while let Some(id) = todo.pop() {
            found.push(id);
            todo.extend(below(self.vfs.mount_root(id)));
        }
        found
    }

    /// `mount --move`.
    pub(crate) fn move_mount(&mut self, from: Path, on: Path) -> Result<()> {
        let on = self.vfs.cross_mounts(on);
        let mut above = Some(on.mount);
        while let Some(id) = above {
            if id == from.mount {
                return Err(Errno::ELOOP);
            }
            above = self.vfs.mounts[id.0].parent.map(|(parent, _)| parent);
        }
        if !self.vfs.is_mount_root(from) {
            return Err(Errno::EINVAL);
        }
        let (parent, point) = self.vfs.mounts[from.mount.0].parent.ok_or(Errno::EINVAL)?;
        self.vfs.mounted.remove(&(parent, point));
        self.vfs.dentry_get(on.dentry);
        self.vfs.mounted.insert((on.mount, on.dentry), from.mount);
        self.vfs.mounts[from.mount.0].parent = Some((on.mount, on.dentry));
        self.dentry_put(point);
        self.tasks.wake_all(MOUNTS_CHANGED);
        Ok(())
    }

    /// `mount -o remount`: with `bind` the mount alone, else its filesystem too.
    pub(crate) fn remount(&mut self, at: Path, flags: MountFlags, data: &[u8]) -> Result<()> {
        if !self.vfs.is_mount_root(at) {
            return Err(Errno::EINVAL);
        }
        let sup = self.vfs.mounts[at.mount.0].sup;
        let read_only = flags.contains(MountFlags::MS_RDONLY);
        if !flags.contains(MountFlags::MS_BIND) {
            if read_only && self.vfs.in_use.iter().any(|(key, used)| key.0 == sup && used.writers != 0) {
                return Err(Errno::EBUSY);
            }
            self.with_super(sup, |fs, kernel| fs.remount(kernel, data))?;
            self.vfs.supers[sup.0].read_only = read_only;
        }
        let atime = MountFlags::MS_NOATIME | MountFlags::MS_STRICTATIME | MountFlags::MS_RELATIME;
        let kept = if flags.intersects(atime) { flags } else { flags | self.vfs.mounts[at.mount.0].flags & atime };
        self.vfs.mounts[at.mount.0].flags = kept & PER_MOUNT;
        self.tasks.wake_all(MOUNTS_CHANGED);
        Ok(())
    }

    /// Takes a mount away; EBUSY if it is in use and `lazy` is not set.
    pub(crate) fn unmount(&mut self, at: Path, lazy: bool) -> Result<()> {
        if !self.vfs.is_mount_root(at) || self.vfs.mounts[at.mount.0].parent.is_none() {
            return Err(Errno::EINVAL);
        }
        if !lazy && (self.vfs.mounts[at.mount.0].refs != 0 || !self.vfs.children(at.mount).is_empty()) {
            return Err(Errno::EBUSY);
        }
        self.detach(at.mount);
        self.tasks.wake_all(MOUNTS_CHANGED);
        Ok(())
    }
    pub(super) fn detach(&mut self, id: MountId) {
        // A list, not recursion: mounts can lie on each other as deep as there are any.
        let (mut todo, mut tree) = (vec![id], Vec::new());
        while let Some(id) = todo.pop() {
            tree.push(id);
            todo.extend(self.vfs.children(id));
        }
        for id in tree.into_iter().rev() {
            let Some(mount) = self.vfs.mounts.get_mut(id.0) else { continue };
            let Some((parent, point)) = mount.parent.take() else { continue };
            (mount.detached, mount.ns) = (true, None);
            self.vfs.mounted.remove(&(parent, point));
            self.dentry_put(point);
            if self.vfs.mounts.get(id.0).is_some_and(|mount| mount.refs == 0) {
                self.free_mount(id);
            }
        }
    }
    /// The last of a mount that nothing refers to, and of its filesystem if it was the last mount of it.
    pub(super) fn free_mount(&mut self, id: MountId) {
        let Some(mount) = self.vfs.mounts.remove(id.0) else { return };
        self.dentry_put(mount.root);
        let Some(sup) = self.vfs.supers.get_mut(mount.sup.0) else { return };
        sup.mounts -= 1;
        if sup.mounts != 0 || self.vfs.singles.values().any(|&single| single == mount.sup) {
            return;
        }
        self.fsnotify_unmount(mount.sup);
        let put = |fs: &mut dyn FileSystem, kernel: &mut Kernel| {
            fs.put_super(kernel);
            Ok::<(), Errno>(())
        };
        // A filesystem that is being called cannot be unmounted by that call.
        let _ = self.with_super(mount.sup, put);
        self.vfs.drop_super(mount.sup);
    }
}

impl Vfs {
    /// Forgets a filesystem and every cached name of it.
    fn drop_super(&mut self, sup: SuperId) {
        let of_it: Vec<u32> = self.dentries.iter().filter(|(_, d)| d.sup == sup).map(|(id, _)| id).collect();
        for id in of_it {
            if self.dentries.get(id).is_some() {
                self.unhash(DentryId(id));
            }
        }
        self.supers.remove(sup.0);
    }
}
