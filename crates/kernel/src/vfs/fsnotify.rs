//! Telling watchers what happens to files (fs/notify/fsnotify.c, include/linux/fsnotify.h).
//!
//! An event is of an inode; what happens to a file with a name is also an event of the directory the name is in.
use super::{FileId, FileKind, Ino, Path, SetAttr, SuperId};
use crate::Kernel;
use abi::{Inotify, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG};

/// An inode, as watches know it.
pub(super) type Inode = (SuperId, Ino);

/// What happened, apart from where.
#[derive(Clone, Copy)]
pub(super) struct Event<'a> {
    pub(super) mask: Inotify,
    /// What MOVED_FROM and MOVED_TO of one rename have in common.
    pub(super) cookie: u32,
    pub(super) name: &'a [u8],
    /// It came through a file whose name is gone (IN_EXCL_UNLINK).
    pub(super) unlinked: bool,
}

impl Kernel {
    /// An event of one inode; of a directory with the name it happened to.
    pub fn fsnotify(&mut self, sup: SuperId, ino: Ino, mask: Inotify, name: Option<&[u8]>) {
        let name = name.unwrap_or_default();
        self.fsnotify_inode((sup, ino), Event { mask, cookie: 0, name, unlinked: false });
    }
    fn fsnotify_inode(&mut self, inode: Inode, event: Event<'_>) {
        for group in self.vfs.inotify.groups_of(inode) {
            self.inotify_event(group, inode, event);
        }
    }

    /// An event of what is at a path: its directory hears of it with the name, then the inode itself (__fsnotify_parent).
    pub(crate) fn fsnotify_path(&mut self, path: Path, mask: Inotify) {
        self.fsnotify_parent(path, mask, false);
    }
    fn fsnotify_parent(&mut self, path: Path, mask: Inotify, through_file: bool) {
        if self.vfs.inotify.is_idle() {
            return;
        }
        let dentry = &self.vfs.dentries[path.dentry.0];
        let (inode, unlinked) = ((dentry.sup, dentry.ino), dentry.unhashed && through_file);
        let parent = dentry.parent.map(|parent| (dentry.sup, self.vfs.dentries[parent.0].ino));
        let of_inode = self.vfs.inotify.groups_of(inode);
        let of_parent = parent.map(|parent| self.vfs.inotify.groups_of(parent)).unwrap_or_default();
        if of_inode.is_empty() && of_parent.is_empty() {
            return;
        }
        let name = dentry.name.clone();
        let kind = self.path_attr(path).map_or(0, |attr| attr.mode & S_IFMT);
        let mask = if kind == S_IFDIR { mask | Inotify::IN_ISDIR } else { mask };
        // What goes through a FIFO or device is not its directory's business (since 6.9).
        let data = mask.intersects(Inotify::IN_ACCESS | Inotify::IN_MODIFY);
        let parent = parent.filter(|_| !data || matches!(kind, S_IFREG | S_IFDIR | S_IFLNK));
        for &group in of_parent.union(&of_inode) {
            if let Some(parent) = parent.filter(|_| of_parent.contains(&group)) {
                self.inotify_event(group, parent, Event { mask, cookie: 0, name: &name, unlinked });
            }
            if of_inode.contains(&group) {
                self.inotify_event(group, inode, Event { mask, cookie: 0, name: b"", unlinked });
            }
        }
    }
    fn isdir(&mut self, inode: Inode) -> Inotify {
        let is_dir = self.inode_attr(inode.0, inode.1).is_ok_and(|attr| attr.mode & S_IFMT == S_IFDIR);
        if is_dir { Inotify::IN_ISDIR } else { Inotify::empty() }
    }
    /// An event of an inode under whatever name.
    fn fsnotify_self(&mut self, inode: Inode, mask: Inotify) {
        if !self.vfs.inotify.groups_of(inode).is_empty() {
            let mask = mask | self.isdir(inode);
            self.fsnotify_inode(inode, Event { mask, cookie: 0, name: b"", unlinked: false });
        }
    }

    /// An event of an open file.
    pub(crate) fn fsnotify_file(&mut self, id: FileId, mask: Inotify) {
        if self.vfs.inotify.is_idle() {
            return;
        }
        let file = self.vfs.file(id);
        if file.kind != FileKind::PathOnly {
            self.fsnotify_parent(file.path, mask, true);
        }
    }

    /// A name was made in a directory (fsnotify_create, fsnotify_mkdir).
    pub(crate) fn fsnotify_create(&mut self, dir: Path, name: &[u8], made: Path) {
        if !self.vfs.inotify.is_idle() {
            let (dir, made) = (self.vfs.inode(dir), self.vfs.inode(made));
            let mask = Inotify::IN_CREATE | self.isdir(made);
            self.fsnotify_inode(dir, Event { mask, cookie: 0, name, unlinked: false });
        }
    }
    /// A file has one name more or less.
    pub(super) fn fsnotify_link_count(&mut self, inode: Inode) {
        self.fsnotify_self(inode, Inotify::IN_ATTRIB);
    }
    /// A rename (fsnotify_move); `target`: what had the new name.
    pub(super) fn fsnotify_move(
        &mut self,
        from: (Inode, &[u8]),
        to: (Inode, &[u8]),
        moved: Path,
        target: Option<Inode>,
    ) {
        if self.vfs.inotify.is_idle() {
            return;
        }
        let moved = self.vfs.inode(moved);
        let (isdir, cookie) = (self.isdir(moved), self.vfs.inotify.next_cookie());
        let sides = [(from, Inotify::IN_MOVED_FROM), (to, Inotify::IN_MOVED_TO)];
        for ((dir, name), mask) in sides {
            self.fsnotify_inode(dir, Event { mask: mask | isdir, cookie, name, unlinked: false });
        }
        if let Some(target) = target {
            self.fsnotify_link_count(target);
        }
        self.fsnotify_self(moved, Inotify::IN_MOVE_SELF);
    }

    /// Attributes were changed (fsnotify_change).
    pub(super) fn fsnotify_change(&mut self, path: Path, set: &SetAttr) {
        let mut mask = Inotify::empty();
        mask.set(Inotify::IN_ATTRIB, set.uid.is_some() || set.gid.is_some() || set.mode.is_some());
        mask.set(Inotify::IN_MODIFY, set.size.is_some());
        // Both times are utime's doing.
        mask |= match (set.atime.is_some(), set.mtime.is_some()) {
            (true, true) => Inotify::IN_ATTRIB,
            (true, false) => Inotify::IN_ACCESS,
            (false, true) => Inotify::IN_MODIFY,
            (false, false) => Inotify::empty(),
        };
        if !mask.is_empty() {
            self.fsnotify_path(path, mask);
        }
    }

    /// Nobody holds the inode: if it has no name either, that is its end (fsnotify_inoderemove).
    pub(super) fn fsnotify_idle(&mut self, inode: Inode) {
        if self.vfs.inotify.groups_of(inode).is_empty() {
            return;
        }
        // An inode of kernfs is gone without a word: its links are not counted.
        if !self.inode_attr(inode.0, inode.1).is_ok_and(|attr| attr.nlink == 0) {
            return;
        }
        self.fsnotify_self(inode, Inotify::IN_DELETE_SELF);
        self.inotify_forget(inode);
    }
    /// A filesystem is unmounted for the last time; its newest inodes come first (fsnotify_sb_delete).
    pub(super) fn fsnotify_unmount(&mut self, sup: SuperId) {
        for inode in self.vfs.inotify.inodes_of(sup).into_iter().rev() {
            self.fsnotify_self(inode, Inotify::IN_UNMOUNT);
            self.inotify_forget(inode);
        }
    }
}
