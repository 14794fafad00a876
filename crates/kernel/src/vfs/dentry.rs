//! Names: the tree of dentries over all filesystems. A dentry is a cached name of an inode, or a held place.
use super::{FileSystem, InUse, Ino, MountId, Path, SuperId, Vfs};
use crate::Kernel;
use abi::Errno;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A dentry, by slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DentryId(pub(crate) u32);

/// One name of one inode.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Dentry {
    pub(super) name: Vec<u8>,
    /// `None` for the root of a filesystem and for files that never had a name.
    pub(super) parent: Option<DentryId>,
    pub(super) sup: SuperId,
    pub(super) ino: Ino,
    /// Holders beyond the running call.
    refs: u32,
    /// Dentries whose parent this is, unhashed ones too.
    kids: u32,
    children: BTreeMap<Vec<u8>, DentryId>,
    /// The name is gone: unlinked, or its filesystem no longer has it.
    pub(super) unhashed: bool,
}

/// Unheld dentries beyond the last count that make a shrinking worth while.
const SHRINK_AT: usize = 4096;

impl Vfs {
    /// A dentry without a parent: a root, or an anonymous file.
    pub(super) fn new_dentry(&mut self, sup: SuperId, ino: Ino, name: &[u8]) -> DentryId {
        self.insert_dentry(None, sup, ino, name)
    }
    fn insert_dentry(&mut self, parent: Option<DentryId>, sup: SuperId, ino: Ino, name: &[u8]) -> DentryId {
        let (children, unhashed) = (BTreeMap::new(), false);
        let id = self.dentries.insert(Dentry {
            name: name.to_vec(),
            parent,
            sup,
            ino,
            refs: 0,
            kids: 0,
            children,
            unhashed,
        });
        DentryId(id)
    }
    /// The dentry of a name that its filesystem says is `ino`.
    pub(super) fn child(&mut self, dir: DentryId, name: &[u8], ino: Ino) -> DentryId {
        let parent = &self.dentries[dir.0];
        let sup = parent.sup;
        if let Some(&known) = parent.children.get(name) {
            if self.dentries[known.0].ino == ino {
                return known;
            }
            self.unhash(known);
        }
        let id = self.insert_dentry(Some(dir), sup, ino, name);
        let parent = &mut self.dentries[dir.0];
        parent.children.insert(name.to_vec(), id);
        parent.kids += 1;
        id
    }
    /// The dentry of a name, if it is cached.
    pub(super) fn cached_child(&self, dir: DentryId, name: &[u8]) -> Option<DentryId> {
        self.dentries[dir.0].children.get(name).copied()
    }
    /// A dentry for an inode without a name in `dir` (O_TMPFILE).
    pub(super) fn nameless(&mut self, dir: DentryId, ino: Ino) -> DentryId {
        let name = format!("#{}", ino.0);
        let id = self.insert_dentry(Some(dir), self.dentries[dir.0].sup, ino, name.as_bytes());
        self.dentries[id.0].unhashed = true;
        self.dentries[dir.0].kids += 1;
        id
    }

    /// The name is gone (unlink, or its filesystem dropped it), and so are cached names below it.
    pub(super) fn unhash(&mut self, id: DentryId) {
        let mut todo = vec![id];
        let mut order = Vec::new();
        while let Some(id) = todo.pop() {
            let dentry = &mut self.dentries[id.0];
            if dentry.unhashed {
                continue;
            }
            dentry.unhashed = true;
            todo.extend(std::mem::take(&mut dentry.children).into_values());
            if let Some(parent) = dentry.parent {
                let name = dentry.name.clone();
                self.dentries[parent.0].children.remove(&name);
            }
            order.push(id);
        }
        for id in order.into_iter().rev() {
            self.reap(id);
        }
    }
    /// Frees an unhashed dentry that nothing refers to, and parents that were kept by it alone.
    fn reap(&mut self, id: DentryId) {
        let mut next = Some(id);
        while let Some(id) = next {
            let Some(dentry) = self.dentries.get(id.0) else { return };
            if dentry.refs != 0 || dentry.kids != 0 || !(dentry.unhashed || dentry.parent.is_none()) {
                return;
            }
            next = dentry.parent;
            self.dentries.remove(id.0);
            if let Some(parent) = next {
                self.dentries[parent.0].kids -= 1;
            }
        }
    }
    /// Moves a name. A dentry that had the new name must have been unhashed.
    pub(super) fn move_dentry(&mut self, id: DentryId, dir: DentryId, name: &[u8]) {
        let dentry = &mut self.dentries[id.0];
        let old = (dentry.parent, std::mem::replace(&mut dentry.name, name.to_vec()));
        dentry.parent = Some(dir);
        if let (Some(parent), name) = old {
            let parent = &mut self.dentries[parent.0];
            if parent.children.get(&name) == Some(&id) {
                parent.children.remove(&name);
            }
            parent.kids -= 1;
        }
        let dir = &mut self.dentries[dir.0];
        dir.children.insert(name.to_vec(), id);
        dir.kids += 1;
    }
    /// Two names change places (RENAME_EXCHANGE).
    pub(super) fn swap_dentries(&mut self, a: DentryId, b: DentryId) {
        let place = |vfs: &Vfs, id: DentryId| (vfs.dentries[id.0].parent, vfs.dentries[id.0].name.clone());
        let (at_a, at_b) = (place(self, a), place(self, b));
        for (id, (parent, name)) in [(a, at_b), (b, at_a)] {
            if let Some(parent) = parent {
                self.move_dentry(id, parent, &name);
            }
        }
    }
    /// Drops cached names nobody holds, once there are many. Called where no path is in a local variable.
    pub(crate) fn shrink_dentries(&mut self) {
        if self.dentries.len() < self.shrunk + SHRINK_AT {
            return;
        }
        loop {
            let idle = |d: &Dentry| d.refs == 0 && d.kids == 0 && d.parent.is_some();
            let idle: Vec<u32> = self.dentries.iter().filter(|(_, d)| idle(d)).map(|(id, _)| id).collect();
            if idle.is_empty() {
                break;
            }
            for id in idle {
                self.unhash(DentryId(id));
            }
        }
        self.shrunk = self.dentries.len();
    }

    /// The inode a path names.
    pub fn inode(&self, path: Path) -> (SuperId, Ino) {
        let dentry = &self.dentries[path.dentry.0];
        (dentry.sup, dentry.ino)
    }
    /// Whether the name of a path is gone.
    pub fn is_deleted(&self, path: Path) -> bool {
        self.dentries[path.dentry.0].unhashed
    }
    /// The inode of `..`: of the place a mount is on, for the top of one.
    pub(crate) fn parent_dir(&self, mut path: Path) -> Ino {
        while self.mounts[path.mount.0].root == path.dentry {
            match self.mounts[path.mount.0].parent {
                Some((mount, dentry)) => path = Path { mount, dentry },
                None => break,
            }
        }
        let parent = self.dentries[path.dentry.0].parent.unwrap_or(path.dentry);
        self.dentries[parent.0].ino
    }
    /// The directory a path's name is in, within its mount.
    pub(crate) fn directory_of(&self, path: Path) -> Option<Path> {
        Some(Path { dentry: self.dentries[path.dentry.0].parent?, ..path })
    }
    /// Whether a program runs from the file.
    pub(crate) fn is_executing(&self, path: Path) -> bool {
        self.in_use.get(&self.inode(path)).is_some_and(|used| used.deny_write != 0)
    }
    /// Whether `dir` is `below` or above it in one filesystem.
    pub(super) fn is_ancestor(&self, dir: DentryId, below: DentryId) -> bool {
        let mut at = Some(below);
        while let Some(id) = at {
            if id == dir {
                return true;
            }
            at = self.dentries[id.0].parent;
        }
        false
    }

    /// Counts a holder of a path.
    pub fn path_get(&mut self, path: Path) {
        self.mounts[path.mount.0].refs += 1;
        self.dentry_get(path.dentry);
    }
    pub(super) fn dentry_get(&mut self, id: DentryId) {
        let dentry = &mut self.dentries[id.0];
        dentry.refs += 1;
        if dentry.refs == 1 {
            self.in_use.entry((dentry.sup, dentry.ino)).or_default().holds += 1;
        }
    }

    /// The path as seen from `root`, and whether it lies under it; ` (deleted)` is added where it applies.
    pub fn d_path(&self, path: Path, root: Path) -> (Vec<u8>, bool) {
        let deleted = self.dentries[path.dentry.0].unhashed;
        let (mut names, reachable) = self.names(path, root);
        names.reverse();
        let mut text = Vec::new();
        for name in &names {
            if !name.first().is_some_and(|_| self.is_anon(path)) {
                text.push(b'/');
            }
            text.extend_from_slice(name);
        }
        if text.is_empty() {
            text.push(b'/');
        }
        if deleted && !self.is_anon(path) {
            text.extend_from_slice(b" (deleted)");
        }
        (text, reachable)
    }
    /// Names from a path up to `root`, innermost first.
    fn names(&self, path: Path, root: Path) -> (Vec<&[u8]>, bool) {
        let mut names = Vec::new();
        let mut at = path;
        while at != root {
            let mount = &self.mounts[at.mount.0];
            if at.dentry == mount.root {
                match mount.parent {
                    Some((parent, point)) => at = Path { mount: parent, dentry: point },
                    None => return (names, false),
                }
                continue;
            }
            let dentry = &self.dentries[at.dentry.0];
            names.push(&dentry.name[..]);
            match dentry.parent {
                Some(parent) => at.dentry = parent,
                None => return (names, false),
            }
        }
        (names, true)
    }
}

impl Kernel {
    /// Takes a holder of a path away.
    pub fn path_put(&mut self, path: Path) {
        self.dentry_put(path.dentry);
        self.mount_put(path.mount);
    }
    pub(super) fn mount_put(&mut self, id: MountId) {
        let mount = &mut self.vfs.mounts[id.0];
        mount.refs -= 1;
        if mount.refs == 0 && mount.detached {
            self.free_mount(id);
        }
    }
    pub(super) fn dentry_put(&mut self, id: DentryId) {
        let dentry = &mut self.vfs.dentries[id.0];
        dentry.refs -= 1;
        if dentry.refs != 0 {
            return;
        }
        let inode = (dentry.sup, dentry.ino);
        self.vfs.reap(id);
        let in_use = self.vfs.in_use.entry(inode).or_default();
        in_use.holds -= 1;
        if in_use.holds == 0 {
            self.inode_idle(inode);
        }
    }
    /// Lets the filesystem free an inode that nobody holds.
    pub(crate) fn inode_idle(&mut self, inode: (SuperId, Ino)) {
        if self.vfs.in_use.get(&inode).is_some_and(|used| used.holds != 0) {
            return;
        }
        self.vfs.in_use.remove(&inode);
        self.fsnotify_idle(inode);
        let forget = |fs: &mut dyn FileSystem, kernel: &mut Kernel| {
            fs.forget(kernel, inode.1);
            Ok::<(), Errno>(())
        };
        // The slot is empty only while the super block is going away.
        let _ = self.with_super(inode.0, forget);
    }
    pub(super) fn in_use(&mut self, inode: (SuperId, Ino)) -> &mut InUse {
        self.vfs.in_use.entry(inode).or_default()
    }
}
