//! Mount namespaces (fs/namespace.c): each is a tree of mounts of its own. Propagation is absent: every mount is private.
use super::mount::MOUNTS_CHANGED;
use super::{DentryId, FsId, Mount, MountId, Path, Vfs, Who};
use crate::namespaces::NsId;
use crate::{Kernel, Result, Tid};
use abi::Errno;
use std::collections::BTreeMap;

impl Vfs {
    /// Copies the tree under a mount for namespace `ns`; the copy of each mount.
    pub(crate) fn copy_tree(&mut self, root: MountId, ns: NsId) -> BTreeMap<MountId, MountId> {
        let mut copies = BTreeMap::new();
        let mut todo = vec![root];
        while let Some(id) = todo.pop() {
            let mount = &self.mounts[id.0];
            let Mount { sup, root: top, flags, parent, .. } = *mount;
            let (source, mut below) = (mount.source.clone(), self.children(id));
            let on = parent.and_then(|(above, point)| Some(Path { mount: *copies.get(&above)?, dentry: point }));
            let copy = self.add_bind(sup, top, on, flags, &source);
            self.mounts[copy.0].ns = Some(ns);
            copies.insert(id, copy);
            below.sort_by_key(|id| std::cmp::Reverse(self.mounts[id.0].number));
            todo.extend(below);
        }
        copies
    }

    /// The top of a tree, and what is mounted on it.
    fn top_of(&self, root: MountId) -> Path {
        self.cross_mounts(self.mount_root(root))
    }

    /// The namespace a path is in; `None` for what is in none: unmounted, or never in a tree.
    pub(crate) fn mount_ns(&self, path: Path) -> Option<NsId> {
        self.mounts[path.mount.0].ns
    }

    /// Whether something is mounted there in the namespace (`is_local_mountpoint`).
    pub(super) fn is_local_mountpoint(&self, dentry: DentryId, ns: Option<NsId>) -> bool {
        self.mounted.iter().any(|(on, id)| on.1 == dentry && self.mounts[id.0].ns == ns)
    }
}

impl Kernel {
    /// Takes a namespace's tree apart once nobody is in it.
    pub(crate) fn umount_tree(&mut self, root: MountId) {
        for child in self.vfs.children(root) {
            self.detach(child);
        }
        let mount = &mut self.vfs.mounts[root.0];
        (mount.detached, mount.ns) = (true, None);
        if mount.refs == 0 {
            self.free_mount(root);
        }
    }

    /// What other namespaces have mounted on a name goes with it (`detach_mounts`).
    pub(super) fn detach_mounts(&mut self, dentry: DentryId) {
        let on_it: Vec<MountId> = self.vfs.mounted.iter().filter(|(on, _)| on.1 == dentry).map(|(_, &id)| id).collect();
        for id in on_it {
            self.detach(id);
        }
    }

    /// Root and working directory go to the copies of the mounts they are on.
    pub(crate) fn move_fs(&mut self, fs: FsId, copies: &BTreeMap<MountId, MountId>) {
        let copy = |path: Path| Path { mount: copies.get(&path.mount).copied().unwrap_or(path.mount), ..path };
        let (root, cwd) = (self.vfs.fs_struct(fs).root, self.vfs.fs_struct(fs).cwd);
        self.set_fs(fs, copy(root), copy(cwd));
    }
}

impl Kernel {
    /// setns: root and working directory at the root of a namespace's tree.
    pub(crate) fn enter_tree(&mut self, tid: Tid, root: MountId) {
        let root = self.vfs.top_of(root);
        self.set_fs(self.tasks[tid].fs, root, root);
    }

    /// Whether a task's root is not its namespace's (`current_chrooted`).
    pub(crate) fn is_chrooted(&self, tid: Tid) -> bool {
        let root = self.namespaces.tree(self.tasks[tid].nsproxy.mnt);
        root.is_some_and(|root| self.who(tid).root != self.vfs.top_of(root))
    }

    /// pivot_root(2): the mount at `new` becomes the root of its namespace, the old root goes to `put_old` below it.
    pub(crate) fn pivot_root(&mut self, who: &Who, new: Path, put_old: Path) -> Result<()> {
        let ns = self.tasks.get(who.tid).map(|task| task.nsproxy.mnt);
        let (root, put_old) = (who.root, self.vfs.cross_mounts(put_old));
        if self.vfs.mount_ns(root) != ns || self.vfs.mount_ns(new) != ns || self.vfs.mount_ns(put_old) != ns {
            return Err(Errno::EINVAL);
        }
        if self.vfs.is_deleted(new) && !self.vfs.is_mount_root(new) {
            return Err(Errno::ENOENT);
        }
        if new.mount == root.mount || put_old.mount == root.mount {
            return Err(Errno::EBUSY);
        }
        let parent = |id: MountId| self.vfs.mounts[id.0].parent;
        let (Some(above_root), Some(above_new)) = (parent(root.mount), parent(new.mount)) else {
            return Err(Errno::EINVAL);
        };
        if !self.vfs.is_mount_root(root)
            || !self.vfs.is_mount_root(new)
            || !self.vfs.d_path(put_old, new).1
            || !self.vfs.d_path(new, root).1
        {
            return Err(Errno::EINVAL);
        }
        // Holds on the three mount points change hands; one is let go.
        self.vfs.mounted.remove(&above_new);
        self.vfs.mounted.remove(&above_root);
        self.vfs.dentry_get(put_old.dentry);
        let mut attach = |id: MountId, on: (MountId, DentryId)| {
            self.vfs.mounts[id.0].parent = Some(on);
            self.vfs.mounted.insert(on, id);
        };
        attach(root.mount, (put_old.mount, put_old.dentry));
        attach(new.mount, above_root);
        self.dentry_put(above_new.1);
        self.chroot_fs_refs(root, new);
        self.tasks.wake_all(MOUNTS_CHANGED);
        Ok(())
    }

    /// Whoever had the old root as root or working directory has the new one.
    fn chroot_fs_refs(&mut self, old: Path, new: Path) {
        let users: Vec<FsId> = self.vfs.fs_structs.iter().map(|(id, _)| FsId(id)).collect();
        for id in users {
            let (root, cwd) = (self.vfs.fs_struct(id).root, self.vfs.fs_struct(id).cwd);
            let moved = |path: Path| if path == old { new } else { path };
            self.set_fs(id, moved(root), moved(cwd));
        }
    }
}
