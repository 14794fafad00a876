//! The path walk (fs/namei.c, path_resolution(7)): names to places, through mounts and symbolic links.
use super::{MAY_EXEC, Path, permission};
use crate::{Cred, Kernel, Result, Tid};
use abi::{Errno, MAXSYMLINKS, NAME_MAX, PATH_MAX, S_IFDIR, S_IFLNK, S_IFMT};

bitflags::bitflags! {
    /// How to walk.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Walk: u32 {
        /// A symbolic link at the end is followed.
        const FOLLOW = 1;
        /// The end must be a directory.
        const DIRECTORY = 2;
        /// For a name about to be made or removed: a trailing slash does not follow, and is the caller's business.
        const PARENT = 4;
        // RESOLVE_ flags of openat2.
        const NO_XDEV = 8;
        const NO_MAGICLINKS = 16;
        const NO_SYMLINKS = 32;
        const BENEATH = 64;
        const IN_ROOT = 128;
    }
}

/// Who walks, and from where.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) tid: Tid,
    pub(crate) cred: Cred,
    pub(crate) root: Path,
    pub(crate) cwd: Path,
    pub(crate) umask: u32,
}

/// The last component of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Last {
    Name(Vec<u8>),
    Dot,
    DotDot,
    Root,
}

/// What a walk found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The directory of the last component.
    pub(crate) parent: Path,
    pub(crate) last: Last,
    /// `None`: the directory has no such name.
    pub(crate) path: Option<Path>,
    /// The path ended in a slash.
    pub(crate) slash: bool,
}

impl Found {
    /// The place, which must exist.
    pub(crate) fn existing(&self) -> Result<Path> {
        self.path.ok_or(Errno::ENOENT)
    }
    /// The last component, where `.`, `..` and `/` are refused with `errno`.
    pub(crate) fn name(&self, errno: Errno) -> Result<&[u8]> {
        match &self.last {
            Last::Name(name) => Ok(name),
            _ => Err(errno),
        }
    }
}

/// One walk: the text left to go, and where it has come to.
struct Walker {
    rest: Vec<u8>,
    at: usize,
    links: u32,
    place: Path,
    /// `..` does not go above this.
    root: Path,
}

impl Walker {
    /// Steps over slashes, then takes a component: its range, or `None` at the end.
    fn next(&mut self) -> Option<(usize, usize)> {
        while self.rest.get(self.at) == Some(&b'/') {
            self.at += 1;
        }
        let len = self.rest[self.at..].iter().position(|&b| b == b'/').unwrap_or(self.rest.len() - self.at);
        (len != 0).then_some((self.at, self.at + len))
    }
    /// Whether only slashes (or nothing) follow `from`, and whether there are any.
    fn is_last(&self, from: usize) -> (bool, bool) {
        let rest = &self.rest[from..];
        (rest.iter().all(|&b| b == b'/'), !rest.is_empty())
    }
}

impl Kernel {
    /// The place a path names, which must exist.
    pub(crate) fn path_at(&mut self, who: &Who, start: Path, path: &[u8], how: Walk) -> Result<Path> {
        self.walk(who, start, path, how)?.existing()
    }

    /// Longest name in a directory's filesystem.
    fn name_max(&mut self, dir: Path) -> Result<usize> {
        let (sup, _) = self.vfs.inode(dir);
        self.with_super(sup, |fs, kernel| Ok(fs.name_max(kernel)))
    }

    /// Walks `path` from `start` (where it is relative).
    pub(crate) fn walk(&mut self, who: &Who, start: Path, path: &[u8], how: Walk) -> Result<Found> {
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        if path.len() >= PATH_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        let scoped = how.intersects(Walk::BENEATH | Walk::IN_ROOT);
        let root = if scoped { start } else { who.root };
        let mut w = Walker { rest: path.to_vec(), at: 0, links: 0, place: start, root };
        if path[0] == b'/' {
            self.to_root(&mut w, how)?;
        }
        loop {
            let Some((from, to)) = w.next() else {
                return Ok(Found { parent: w.place, last: Last::Root, path: Some(w.place), slash: true });
            };
            let (last, slash) = w.is_last(to);
            let dir = w.place;
            let attr = self.path_attr(dir)?;
            if attr.mode & S_IFMT != S_IFDIR {
                return Err(Errno::ENOTDIR);
            }
            permission(&who.cred, &attr, MAY_EXEC)?;
            let name = w.rest[from..to].to_vec();
            let found = match &name[..] {
                b"." => Some(dir),
                b".." => Some(self.dotdot(&w, how)?),
                _ if name.len() > NAME_MAX && name.len() > self.name_max(dir)? => return Err(Errno::ENAMETOOLONG),
                _ => self.lookup_child(who.tid, dir, &name)?,
            };
            let last_name = || match &name[..] {
                b"." => Last::Dot,
                b".." => Last::DotDot,
                _ => Last::Name(name.clone()),
            };
            let Some(found) = found else {
                return match last {
                    true => Ok(Found { parent: dir, last: last_name(), path: None, slash }),
                    false => Err(Errno::ENOENT),
                };
            };
            if how.contains(Walk::NO_XDEV) && found.mount != dir.mount {
                return Err(Errno::EXDEV);
            }
            let kind = self.path_attr(found)?.mode & S_IFMT;
            let follow = !last || how.contains(Walk::FOLLOW) || slash && !how.contains(Walk::PARENT);
            w.at = to;
            if kind == S_IFLNK && follow {
                match self.follow_link(who, &mut w, found, how)? {
                    // A magic link leads to a place, not to a path.
                    Some(place) if last => {
                        return Ok(Found { parent: dir, last: last_name(), path: Some(place), slash });
                    }
                    Some(place) => w.place = place,
                    None => {}
                }
                continue;
            }
            if last {
                let must_be_dir = how.contains(Walk::DIRECTORY) || slash && !how.contains(Walk::PARENT);
                if must_be_dir && kind != S_IFDIR {
                    return Err(Errno::ENOTDIR);
                }
                return Ok(Found { parent: dir, last: last_name(), path: Some(found), slash });
            }
            w.place = found;
        }
    }

    /// An absolute path, or a link to one.
    fn to_root(&self, w: &mut Walker, how: Walk) -> Result<()> {
        if how.contains(Walk::BENEATH) {
            return Err(Errno::EXDEV);
        }
        if how.contains(Walk::NO_XDEV) && w.root.mount != w.place.mount {
            return Err(Errno::EXDEV);
        }
        w.place = w.root;
        Ok(())
    }

    /// `..`: out of mounts, but not out of the root.
    fn dotdot(&self, w: &Walker, how: Walk) -> Result<Path> {
        let mut at = w.place;
        loop {
            if at == w.root {
                return match how.contains(Walk::BENEATH) {
                    true => Err(Errno::EXDEV),
                    false => Ok(at),
                };
            }
            let mount = &self.vfs.mounts[at.mount.0];
            if at.dentry != mount.root {
                let parent = self.vfs.dentries[at.dentry.0].parent.unwrap_or(at.dentry);
                return Ok(self.vfs.cross_mounts(Path { mount: at.mount, dentry: parent }));
            }
            match mount.parent {
                Some((mount, dentry)) => at = Path { mount, dentry },
                None => return Ok(at),
            }
        }
    }

    /// The child of a directory, and whatever is mounted on it. Permission to search has been checked.
    pub(crate) fn lookup_child(&mut self, _caller: Tid, dir: Path, name: &[u8]) -> Result<Option<Path>> {
        let (sup, ino) = self.vfs.inode(dir);
        match self.with_super(sup, |fs, kernel| fs.lookup(kernel, ino, name)) {
            Ok(ino) => {
                let dentry = self.vfs.child(dir.dentry, name, ino);
                Ok(Some(self.vfs.cross_mounts(Path { mount: dir.mount, dentry })))
            }
            Err(Errno::ENOENT) => {
                if let Some(gone) = self.vfs.cached_child(dir.dentry, name)
                    && !self.vfs.is_mountpoint(gone)
                {
                    self.vfs.unhash(gone);
                }
                Ok(None)
            }
            Err(errno) => Err(errno),
        }
    }

    /// Follows a symbolic link: a place for a magic one, else its text goes in front of the rest.
    fn follow_link(&mut self, who: &Who, w: &mut Walker, link: Path, how: Walk) -> Result<Option<Path>> {
        w.links += 1;
        if w.links > MAXSYMLINKS || how.contains(Walk::NO_SYMLINKS) {
            return Err(Errno::ELOOP);
        }
        let (sup, ino) = self.vfs.inode(link);
        let magic = self.with_super(sup, |fs, kernel| Ok::<_, Errno>(fs.magic_link(kernel, who.tid, ino)))?;
        if let Some(place) = magic {
            if how.contains(Walk::NO_MAGICLINKS) {
                return Err(Errno::ELOOP);
            }
            if how.intersects(Walk::BENEATH | Walk::IN_ROOT) {
                return Err(Errno::EXDEV);
            }
            return Ok(Some(place));
        }
        let mut text = self.with_super(sup, |fs, kernel| fs.read_link(kernel, who.tid, ino))?;
        if text.is_empty() {
            return Err(Errno::ENOENT);
        }
        let absolute = text[0] == b'/';
        text.extend_from_slice(&w.rest[w.at..]);
        w.rest = text;
        w.at = 0;
        if absolute {
            self.to_root(w, how)?;
        }
        Ok(None)
    }
}
