//! Changing names: create, link, unlink, rename (fs/namei.c).
use super::perm::sticky;
use super::{MAY_EXEC, MAY_WRITE, NewNode, Path, Walk, Who, permission};
use crate::{Kernel, Result};
use abi::{
    CAP_MKNOD, Errno, Inotify, RENAME_EXCHANGE, RENAME_NOREPLACE, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFMT, S_IFREG,
    S_IFSOCK,
};

impl Kernel {
    /// Makes `name` in a directory where it is not.
    pub(crate) fn create_node(
        &mut self,
        who: &Who,
        dir: Path,
        name: &[u8],
        node: NewNode<'_>,
        mode: u32,
    ) -> Result<Path> {
        self.vfs.want_write(dir.mount)?;
        let attr = self.path_attr(dir)?;
        if self.vfs.is_deleted(dir) {
            return Err(Errno::ENOENT);
        }
        permission(&who.cred, &attr, MAY_WRITE | MAY_EXEC)?;
        let new = Self::new_inode(who, &attr, node, mode);
        let (sup, ino) = self.vfs.inode(dir);
        let made = self.with_super(sup, |fs, kernel| fs.create(kernel, ino, name, &new))?;
        let path = Path { mount: dir.mount, dentry: self.vfs.child(dir.dentry, name, made) };
        self.fsnotify_create(dir, name, path);
        Ok(path)
    }

    /// mkdir, symlink, and mknod: `path` must not exist.
    pub(crate) fn make_node(
        &mut self,
        who: &Who,
        start: Path,
        path: &[u8],
        node: NewNode<'_>,
        mode: u32,
    ) -> Result<Path> {
        let found = self.walk(who, start, path, Walk::PARENT)?;
        let name = found.name(Errno::EEXIST)?;
        if found.path.is_some() {
            return Err(Errno::EEXIST);
        }
        if found.slash && node != NewNode::Directory {
            return Err(Errno::ENOENT);
        }
        self.create_node(who, found.parent, name, node, mode)
    }

    /// mknod(2): `mode` has the type.
    pub(crate) fn mknod(&mut self, who: &Who, start: Path, path: &[u8], mode: u32, dev: u64) -> Result<()> {
        let node = match mode & S_IFMT {
            0 | S_IFREG => NewNode::File,
            S_IFIFO | S_IFSOCK => NewNode::Special(mode & S_IFMT, 0),
            S_IFCHR | S_IFBLK if !who.cred.capable(CAP_MKNOD) => return Err(Errno::EPERM),
            S_IFCHR | S_IFBLK => NewNode::Special(mode & S_IFMT, dev),
            S_IFDIR => return Err(Errno::EPERM),
            _ => return Err(Errno::EINVAL),
        };
        self.make_node(who, start, path, node, mode).map(|_| ())
    }

    /// Whether `victim` may be taken out of `dir` (may_delete).
    fn may_delete(&mut self, who: &Who, dir: Path, victim: Path, as_dir: bool) -> Result<()> {
        let attr = self.path_attr(dir)?;
        permission(&who.cred, &attr, MAY_WRITE | MAY_EXEC)?;
        let victim_attr = self.path_attr(victim)?;
        if sticky(&who.cred, &attr, &victim_attr) {
            return Err(Errno::EPERM);
        }
        match (as_dir, victim_attr.mode & S_IFMT == S_IFDIR) {
            (true, false) => return Err(Errno::ENOTDIR),
            (false, true) => return Err(Errno::EISDIR),
            _ => {}
        }
        if victim.mount != dir.mount || self.vfs.is_local_mountpoint(victim.dentry, self.vfs.mount_ns(dir)) {
            return Err(Errno::EBUSY);
        }
        Ok(())
    }

    pub(crate) fn unlink(&mut self, who: &Who, start: Path, path: &[u8]) -> Result<()> {
        let found = self.walk(who, start, path, Walk::PARENT)?;
        let name = found.name(Errno::EISDIR)?;
        let victim = found.existing()?;
        self.vfs.want_write(found.parent.mount)?;
        if found.slash {
            let is_dir = self.path_attr(victim)?.mode & S_IFMT == S_IFDIR;
            return Err(if is_dir { Errno::EISDIR } else { Errno::ENOTDIR });
        }
        self.may_delete(who, found.parent, victim, false)?;
        let (sup, dir) = self.vfs.inode(found.parent);
        self.with_super(sup, |fs, kernel| fs.unlink(kernel, dir, name))?;
        let inode = self.vfs.inode(victim);
        self.fsnotify_link_count(inode);
        self.name_gone(victim);
        self.fsnotify(sup, dir, Inotify::IN_DELETE, Some(name));
        Ok(())
    }

    pub(crate) fn rmdir(&mut self, who: &Who, start: Path, path: &[u8]) -> Result<()> {
        let found = self.walk(who, start, path, Walk::PARENT)?;
        let name = match &found.last {
            super::Last::Name(name) => name,
            super::Last::Dot => return Err(Errno::EINVAL),
            super::Last::DotDot => return Err(Errno::ENOTEMPTY),
            super::Last::Root => return Err(Errno::EBUSY),
        };
        let victim = found.existing()?;
        self.vfs.want_write(found.parent.mount)?;
        self.may_delete(who, found.parent, victim, true)?;
        let (sup, dir) = self.vfs.inode(found.parent);
        self.with_super(sup, |fs, kernel| fs.rmdir(kernel, dir, name))?;
        self.name_gone(victim);
        self.fsnotify(sup, dir, Inotify::IN_DELETE | Inotify::IN_ISDIR, Some(name));
        Ok(())
    }

    /// A name was removed: open files keep the inode, else the filesystem may free it.
    fn name_gone(&mut self, victim: Path) {
        let inode = self.vfs.inode(victim);
        self.detach_mounts(victim.dentry);
        self.vfs.unhash(victim.dentry);
        self.inode_idle(inode);
    }

    /// link(2): a new name at `path` for the file at `old`.
    pub(crate) fn link(&mut self, who: &Who, old: Path, start: Path, path: &[u8]) -> Result<()> {
        let found = self.walk(who, start, path, Walk::PARENT)?;
        let name = found.name(Errno::EEXIST)?;
        if found.path.is_some() {
            return Err(Errno::EEXIST);
        }
        if found.slash {
            return Err(Errno::ENOENT);
        }
        if old.mount != found.parent.mount {
            return Err(Errno::EXDEV);
        }
        self.vfs.want_write(found.parent.mount)?;
        let dir_attr = self.path_attr(found.parent)?;
        permission(&who.cred, &dir_attr, MAY_WRITE | MAY_EXEC)?;
        if self.path_attr(old)?.mode & S_IFMT == S_IFDIR {
            return Err(Errno::EPERM);
        }
        let ((sup, ino), (_, dir)) = (self.vfs.inode(old), self.vfs.inode(found.parent));
        self.with_super(sup, |fs, kernel| fs.link(kernel, ino, dir, name))?;
        let made = Path { mount: found.parent.mount, dentry: self.vfs.child(found.parent.dentry, name, ino) };
        self.fsnotify_link_count((sup, ino));
        self.fsnotify_create(found.parent, name, made);
        Ok(())
    }

    /// renameat2(2).
    pub(crate) fn rename(&mut self, who: &Who, from: (Path, &[u8]), to: (Path, &[u8]), flags: u32) -> Result<()> {
        let exchange = flags & RENAME_EXCHANGE != 0;
        let old = self.walk(who, from.0, from.1, Walk::PARENT)?;
        let new = self.walk(who, to.0, to.1, Walk::PARENT)?;
        if old.parent.mount != new.parent.mount {
            return Err(Errno::EXDEV);
        }
        let (old_name, new_name) = (old.name(Errno::EBUSY)?, new.name(Errno::EBUSY)?);
        let source = old.existing()?;
        if flags & RENAME_NOREPLACE != 0 && new.path.is_some() {
            return Err(Errno::EEXIST);
        }
        if exchange {
            new.existing()?;
        }
        self.vfs.want_write(old.parent.mount)?;
        let is_dir = self.path_attr(source)?.mode & S_IFMT == S_IFDIR;
        if !is_dir && (old.slash || new.slash && !exchange) {
            return Err(Errno::ENOTDIR);
        }
        self.may_delete(who, old.parent, source, is_dir)?;
        match new.path {
            Some(target) if self.vfs.inode(target) == self.vfs.inode(source) => return Ok(()),
            Some(target) => {
                let target_is_dir = self.path_attr(target)?.mode & S_IFMT == S_IFDIR;
                self.may_delete(who, new.parent, target, if exchange { target_is_dir } else { is_dir })?;
                // A directory cannot go under itself, nor replace one it lies in.
                if self.vfs.is_ancestor(target.dentry, old.parent.dentry) {
                    return Err(if exchange { Errno::EINVAL } else { Errno::ENOTEMPTY });
                }
            }
            None => {
                if self.vfs.is_deleted(new.parent) {
                    return Err(Errno::ENOENT);
                }
                let dir_attr = self.path_attr(new.parent)?;
                permission(&who.cred, &dir_attr, MAY_WRITE | MAY_EXEC)?;
            }
        }
        if self.vfs.is_ancestor(source.dentry, new.parent.dentry) {
            return Err(Errno::EINVAL);
        }
        if is_dir && old.parent != new.parent {
            // Its `..` changes.
            let attr = self.path_attr(source)?;
            permission(&who.cred, &attr, MAY_WRITE)?;
        }
        let ((sup, from_dir), (_, to_dir)) = (self.vfs.inode(old.parent), self.vfs.inode(new.parent));
        let names = ((from_dir, old_name), (to_dir, new_name));
        self.with_super(sup, |fs, kernel| fs.rename(kernel, names.0, names.1, flags))?;
        match new.path {
            Some(target) if exchange => {
                self.vfs.swap_dentries(source.dentry, target.dentry);
                let (old, new) = (((sup, from_dir), old_name), ((sup, to_dir), new_name));
                self.fsnotify_move(old, new, source, None);
                self.fsnotify_move(new, old, target, None);
            }
            target => {
                let replaced = target.map(|target| (self.vfs.inode(target), target.dentry));
                if let Some((_, dentry)) = replaced {
                    self.vfs.unhash(dentry);
                }
                self.vfs.move_dentry(source.dentry, new.parent.dentry, new_name);
                let (old, new) = (((sup, from_dir), old_name), ((sup, to_dir), new_name));
                let replaced = replaced.map(|(inode, _)| inode);
                self.fsnotify_move(old, new, source, replaced);
                if let Some(inode) = replaced {
                    self.inode_idle(inode);
                }
            }
        }
        Ok(())
    }
}
