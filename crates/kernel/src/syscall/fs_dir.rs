//! Directories: reading them, moving in them, and the names in them.
use super::Call;
use super::table::{Row, full, partial};
use crate::vfs::{DirEntry, FileId, FileKind, MAY_EXEC, NewNode, Path, Walk, Who, permission};
use crate::{Kernel, Result, Tid};
use abi::{
    AT_EMPTY_PATH, AT_FDCWD, AT_REMOVEDIR, AT_SYMLINK_FOLLOW, CAP_DAC_READ_SEARCH, CAP_SYS_CHROOT, Errno, Inotify,
    PATH_MAX, RENAME_EXCHANGE, RENAME_NOREPLACE, RENAME_WHITEOUT, S_IFDIR, S_IFMT, Sysno,
};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::Getdents, |k, t, c| getdents(k, t, c, encode_dirent).into()),
    full(Sysno::Getdents64, |k, t, c| getdents(k, t, c, abi::encode_dirent64).into()),
    full(Sysno::Getcwd, |k, t, c| getcwd(k, t, c).into()),
    full(Sysno::Chdir, |k, t, c| chdir(k, t, c).into()),
    full(Sysno::Fchdir, |k, t, c| fchdir(k, t, c).into()),
    full(Sysno::Chroot, |k, t, c| chroot(k, t, c).into()),
    full(Sysno::Mkdir, |k, t, c| mkdir(k, t, AT_FDCWD, c.args[0], c.args[1]).into()),
    full(Sysno::Mkdirat, |k, t, c| mkdir(k, t, c.args[0] as i32, c.args[1], c.args[2]).into()),
    full(Sysno::Mknod, |k, t, c| mknod(k, t, AT_FDCWD, [c.args[0], c.args[1], c.args[2]]).into()),
    full(Sysno::Mknodat, |k, t, c| mknod(k, t, c.args[0] as i32, [c.args[1], c.args[2], c.args[3]]).into()),
    full(Sysno::Rmdir, |k, t, c| unlink(k, t, AT_FDCWD, c.args[0], AT_REMOVEDIR).into()),
    full(Sysno::Unlink, |k, t, c| unlink(k, t, AT_FDCWD, c.args[0], 0).into()),
    full(Sysno::Unlinkat, |k, t, c| unlink(k, t, c.args[0] as i32, c.args[1], c.args[2] as u32).into()),
    full(Sysno::Symlink, |k, t, c| symlink(k, t, c.args[0], AT_FDCWD, c.args[1]).into()),
    full(Sysno::Symlinkat, |k, t, c| symlink(k, t, c.args[0], c.args[1] as i32, c.args[2]).into()),
    full(Sysno::Link, |k, t, c| link(k, t, (AT_FDCWD, c.args[0]), (AT_FDCWD, c.args[1]), 0).into()),
    full(Sysno::Linkat, |k, t, c| { let a = c.args; link(k, t, (a[0] as i32, a[1]), (a[2] as i32, a[3]), a[4] as u32).into() }),
    full(Sysno::Rename, |k, t, c| rename(k, t, (AT_FDCWD, c.args[0]), (AT_FDCWD, c.args[1]), 0).into()),
    full(Sysno::Renameat, |k, t, c| { let a = c.args; rename(k, t, (a[0] as i32, a[1]), (a[2] as i32, a[3]), 0).into() }),
    partial(Sysno::Renameat2, |k, t, c| { let a = c.args; rename(k, t, (a[0] as i32, a[1]), (a[2] as i32, a[3]), a[4] as u32).into() }, "RENAME_WHITEOUT is EINVAL"),
];

/// A path argument, with who walks and from where.
pub(crate) fn path_arg(kernel: &mut Kernel, tid: Tid, dirfd: i32, path: u64) -> Result<(Who, Path, Vec<u8>)> {
    let path = kernel.user_path(tid, path)?;
    let who = kernel.who(tid);
    let start = kernel.start_of(&who, dirfd, &path)?;
    Ok((who, start, path))
}

type Encode = fn(&mut Vec<u8>, u64, u64, u8, &[u8]);

/// `struct linux_dirent`: the type is the record's last byte.
fn encode_dirent(out: &mut Vec<u8>, ino: u64, next: u64, kind: u8, name: &[u8]) {
    let len = (18 + name.len() + 2).next_multiple_of(8);
    let end = out.len() + len;
    out.extend(ino.to_le_bytes());
    out.extend(next.to_le_bytes());
    out.extend((len as u16).to_le_bytes());
    out.extend(name);
    out.resize(end, 0);
    out[end - 1] = kind;
}

fn getdents(kernel: &mut Kernel, tid: Tid, call: &Call, encode: Encode) -> Result<u64> {
    let [fd, buf, size, ..] = call.args;
    let id = kernel.fd_file(tid, fd as i32)?;
    let file = kernel.vfs.file(id);
    if !file.is_dir() {
        return Err(Errno::ENOTDIR);
    }
    let path = file.path;
    if kernel.vfs.is_deleted(path) && !kernel.vfs.is_mount_root(path) {
        return Err(Errno::ENOENT);
    }
    list(kernel, id)?;
    kernel.fsnotify_file(id, Inotify::IN_ACCESS);
    // At most 64 KiB a call.
    let size = (size as u32).min(64 << 10) as usize;
    let file = kernel.vfs.file(id);
    let entries = file.listing.as_deref().unwrap_or_default();
    let (mut out, mut next) = (Vec::new(), file.offset);
    for entry in entries.iter().skip(usize::try_from(next).unwrap_or(usize::MAX)) {
        let before = out.len();
        encode(&mut out, entry.ino.0, next + 1, (entry.kind >> 12) as u8, &entry.name);
        if out.len() > size {
            out.truncate(before);
            if before == 0 {
                return Err(Errno::EINVAL);
            }
            break;
        }
        next += 1;
    }
    kernel.user(tid).write(buf, &out)?;
    kernel.vfs.file_mut(id).offset = next;
    Ok(out.len() as u64)
}

/// Takes a directory's entries, dots first, if they are not known since the last rewind.
fn list(kernel: &mut Kernel, id: FileId) -> Result<()> {
    let file = kernel.vfs.file(id);
    if file.listing.is_some() && file.offset != 0 {
        return Ok(());
    }
    let FileKind::Inode { sup, ino, .. } = file.kind else { return Err(Errno::ENOTDIR) };
    let above = kernel.vfs.parent_dir(file.path);
    let mut entries = vec![
        DirEntry { name: b".".to_vec(), ino, kind: S_IFDIR },
        DirEntry { name: b"..".to_vec(), ino: above, kind: S_IFDIR },
    ];
    entries.extend(kernel.with_super(sup, |fs, kernel| fs.read_dir(kernel, ino))?);
    kernel.vfs.file_mut(id).listing = Some(entries);
    Ok(())
}

fn getcwd(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<u64> {
    let [buf, size, ..] = call.args;
    let who = kernel.who(tid);
    if kernel.vfs.is_deleted(who.cwd) {
        return Err(Errno::ENOENT);
    }
    let (mut text, reachable) = kernel.vfs.d_path(who.cwd, who.root);
    if !reachable {
        text.splice(0..0, b"(unreachable)".iter().copied());
    }
    if text.len() >= PATH_MAX {
        return Err(Errno::ENAMETOOLONG);
    }
    text.push(0);
    if text.len() as u64 > size {
        return Err(Errno::ERANGE);
    }
    kernel.user(tid).write(buf, &text)?;
    Ok(text.len() as u64)
}

/// A directory one may enter.
fn enter(kernel: &mut Kernel, who: &Who, place: Path) -> Result<Path> {
    let attr = kernel.path_attr(place)?;
    if attr.mode & S_IFMT != S_IFDIR {
        return Err(Errno::ENOTDIR);
    }
    permission(&who.cred, &attr, MAY_EXEC)?;
    Ok(place)
}

fn chdir(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let (who, start, path) = path_arg(kernel, tid, AT_FDCWD, call.args[0])?;
    let place = kernel.path_at(&who, start, &path, Walk::FOLLOW | Walk::DIRECTORY)?;
    let place = enter(kernel, &who, place)?;
    kernel.set_cwd(tid, place);
    Ok(())
}

fn fchdir(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let file = kernel.fd(tid, call.args[0] as i32)?.file;
    let who = kernel.who(tid);
    let place = enter(kernel, &who, kernel.vfs.file(file).path)?;
    kernel.set_cwd(tid, place);
    Ok(())
}

fn chroot(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let (who, start, path) = path_arg(kernel, tid, AT_FDCWD, call.args[0])?;
    let place = kernel.path_at(&who, start, &path, Walk::FOLLOW | Walk::DIRECTORY)?;
    let place = enter(kernel, &who, place)?;
    if !who.cred.has_cap(CAP_SYS_CHROOT) {
        return Err(Errno::EPERM);
    }
    kernel.set_root(tid, place);
    Ok(())
}

fn mkdir(kernel: &mut Kernel, tid: Tid, dirfd: i32, path: u64, mode: u64) -> Result<()> {
    let (who, start, path) = path_arg(kernel, tid, dirfd, path)?;
    // The set-id bits are not mkdir's to give; the sticky bit is.
    kernel.make_node(&who, start, &path, NewNode::Directory, mode as u32 & 0o1777).map(|_| ())
}

fn mknod(kernel: &mut Kernel, tid: Tid, dirfd: i32, [path, mode, dev]: [u64; 3]) -> Result<()> {
    let (who, start, path) = path_arg(kernel, tid, dirfd, path)?;
    // User space's 32-bit device number is what makedev gives.
    kernel.mknod(&who, start, &path, mode as u32, u64::from(dev as u32))
}

fn unlink(kernel: &mut Kernel, tid: Tid, dirfd: i32, path: u64, flags: u32) -> Result<()> {
    if flags & !AT_REMOVEDIR != 0 {
        return Err(Errno::EINVAL);
    }
    let (who, start, path) = path_arg(kernel, tid, dirfd, path)?;
    if flags & AT_REMOVEDIR != 0 { kernel.rmdir(&who, start, &path) } else { kernel.unlink(&who, start, &path) }
}

fn symlink(kernel: &mut Kernel, tid: Tid, text: u64, dirfd: i32, path: u64) -> Result<()> {
    let text = kernel.user_path(tid, text)?;
    if text.is_empty() {
        return Err(Errno::ENOENT);
    }
    let (who, start, path) = path_arg(kernel, tid, dirfd, path)?;
    kernel.make_node(&who, start, &path, NewNode::Symlink(&text), 0o777).map(|_| ())
}

fn link(kernel: &mut Kernel, tid: Tid, old: (i32, u64), new: (i32, u64), flags: u32) -> Result<()> {
    if flags & !(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH) != 0 {
        return Err(Errno::EINVAL);
    }
    let old_path = kernel.user_path(tid, old.1)?;
    let who = kernel.who(tid);
    let source = if old_path.is_empty() && flags & AT_EMPTY_PATH != 0 {
        if !who.cred.capable(CAP_DAC_READ_SEARCH) {
            return Err(Errno::ENOENT);
        }
        kernel.vfs.file(kernel.fd(tid, old.0)?.file).path
    } else {
        let start = kernel.start_of(&who, old.0, &old_path)?;
        let how = if flags & AT_SYMLINK_FOLLOW != 0 { Walk::FOLLOW } else { Walk::empty() };
        kernel.path_at(&who, start, &old_path, how)?
    };
    let (who, start, path) = path_arg(kernel, tid, new.0, new.1)?;
    kernel.link(&who, source, start, &path)
}

fn rename(kernel: &mut Kernel, tid: Tid, old: (i32, u64), new: (i32, u64), flags: u32) -> Result<()> {
    let exclusive = flags & RENAME_EXCHANGE != 0 && flags & (RENAME_NOREPLACE | RENAME_WHITEOUT) != 0;
    if flags & !(RENAME_NOREPLACE | RENAME_EXCHANGE) != 0 || exclusive {
        return Err(Errno::EINVAL);
    }
    let (who, from, old) = path_arg(kernel, tid, old.0, old.1)?;
    let (_, to, new) = path_arg(kernel, tid, new.0, new.1)?;
    kernel.rename(&who, (from, &old), (to, &new), flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_record_ends_in_its_type() {
        let mut out = Vec::new();
        encode_dirent(&mut out, 5, 1, abi::DT_DIR, b"abc");
        assert_eq!((out.len(), out[16], out[23]), (24, 24, abi::DT_DIR));
        assert_eq!(&out[18..22], b"abc\0");
    }
}
