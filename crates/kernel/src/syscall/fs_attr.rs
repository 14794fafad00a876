//! What is known of files, and changing it: stat, access, chmod, chown, times, sizes.
use super::Call;
use super::fs_dir::path_arg;
use super::table::{Row, full, partial};
use crate::vfs::{Attr, FileKind, MAY_WRITE, Path, SetAttr, Vfs, Walk, owner_or_capable, permission};
use crate::{Cred, Kernel, Result, Tid};
use abi::{
    AT_EACCESS, AT_EMPTY_PATH, AT_FDCWD, AT_NO_AUTOMOUNT, AT_STATX_SYNC_TYPE, AT_SYMLINK_NOFOLLOW, CAP_CHOWN,
    CAP_FSETID, Errno, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, Inotify, MountFlags, S_IFDIR, S_IFIFO, S_IFLNK,
    S_IFMT, S_IFREG, S_ISGID, S_ISUID, S_IXGRP, STATX__RESERVED, Stat, Sysno, Timespec, Timeval, UTIME_NOW, UTIME_OMIT,
    X_OK,
};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::Stat, |k, t, c| stat(k, t, AT_FDCWD, c.args[0], c.args[1], 0).into()),
    full(Sysno::Lstat, |k, t, c| stat(k, t, AT_FDCWD, c.args[0], c.args[1], AT_SYMLINK_NOFOLLOW).into()),
    full(Sysno::Fstat, |k, t, c| fstat(k, t, c).into()),
    full(Sysno::Newfstatat, |k, t, c| { let a = c.args; stat(k, t, a[0] as i32, a[1], a[2], a[3] as u32).into() }),
    partial(Sysno::Statx, |k, t, c| statx(k, t, c).into(), "no birth times, attributes or mount ids"),
    full(Sysno::Statfs, |k, t, c| statfs(k, t, c).into()),
    full(Sysno::Fstatfs, |k, t, c| fstatfs(k, t, c).into()),
    full(Sysno::Access, |k, t, c| access(k, t, AT_FDCWD, c.args[0], c.args[1] as u32, 0).into()),
    full(Sysno::Faccessat, |k, t, c| access(k, t, c.args[0] as i32, c.args[1], c.args[2] as u32, 0).into()),
    full(Sysno::Faccessat2, |k, t, c| { let a = c.args; access(k, t, a[0] as i32, a[1], a[2] as u32, a[3] as u32).into() }),
    full(Sysno::Readlink, |k, t, c| readlink(k, t, AT_FDCWD, c.args[0], c.args[1], c.args[2]).into()),
    full(Sysno::Readlinkat, |k, t, c| { let a = c.args; readlink(k, t, a[0] as i32, a[1], a[2], a[3]).into() }),
    full(Sysno::Chmod, |k, t, c| chmod(k, t, AT_FDCWD, c.args[0], c.args[1], 0).into()),
    full(Sysno::Fchmod, |k, t, c| fchmod(k, t, c).into()),
    full(Sysno::Fchmodat, |k, t, c| chmod(k, t, c.args[0] as i32, c.args[1], c.args[2], 0).into()),
    full(Sysno::Fchmodat2, |k, t, c| { let a = c.args; chmod(k, t, a[0] as i32, a[1], a[2], a[3] as u32).into() }),
    full(Sysno::Chown, |k, t, c| { let a = c.args; chown(k, t, AT_FDCWD, a[0], a[1], a[2], 0).into() }),
    full(Sysno::Lchown, |k, t, c| { let a = c.args; chown(k, t, AT_FDCWD, a[0], a[1], a[2], AT_SYMLINK_NOFOLLOW).into() }),
    full(Sysno::Fchown, |k, t, c| fchown(k, t, c).into()),
    full(Sysno::Fchownat, |k, t, c| { let a = c.args; chown(k, t, a[0] as i32, a[1], a[2], a[3], a[4] as u32).into() }),
    full(Sysno::Truncate, |k, t, c| truncate(k, t, c).into()),
    full(Sysno::Ftruncate, |k, t, c| ftruncate(k, t, c).into()),
    partial(Sysno::Fallocate, |k, t, c| fallocate(k, t, c).into(), "no collapsing, inserting or zeroing of ranges"),
    full(Sysno::Utime, |k, t, c| utime(k, t, c).into()),
    full(Sysno::Utimes, |k, t, c| utimes(k, t, AT_FDCWD, c.args[0], c.args[1]).into()),
    full(Sysno::Futimesat, |k, t, c| utimes(k, t, c.args[0] as i32, c.args[1], c.args[2]).into()),
    full(Sysno::Utimensat, |k, t, c| utimensat(k, t, c).into()),
];

/// The place that a descriptor, path and AT_ flags name.
fn place(kernel: &mut Kernel, tid: Tid, dirfd: i32, path: u64, flags: u32) -> Result<Path> {
    let (who, start, path) = path_arg(kernel, tid, dirfd, path)?;
    if path.is_empty() && flags & AT_EMPTY_PATH != 0 {
        return Ok(start);
    }
    let how = if flags & AT_SYMLINK_NOFOLLOW != 0 { Walk::empty() } else { Walk::FOLLOW };
    kernel.path_at(&who, start, &path, how)
}

fn only(flags: u32, known: u32) -> Result<()> {
    if flags & !known != 0 { Err(Errno::EINVAL) } else { Ok(()) }
}

impl Kernel {
    /// What stat(2) says of a place to a task: owners are named as in its user namespace.
    pub(crate) fn path_stat(&mut self, viewer: Tid, place: Path) -> Result<Stat> {
        let attr = self.path_attr(place)?;
        let (sup, ino) = self.vfs.inode(place);
        let blocks = self.with_super(sup, |fs, _| Ok::<_, Errno>(fs.blocks(ino)))?;
        let cred = &self.tasks[viewer].cred;
        let (uid, gid) = (cred.uid_seen(attr.uid), cred.gid_seen(attr.gid));
        Ok(Stat {
            dev: Vfs::super_dev(sup),
            ino: ino.0,
            mode: attr.mode,
            nlink: attr.nlink,
            uid,
            gid,
            rdev: attr.rdev,
            size: attr.size,
            blksize: mmu::PAGE_SIZE as u32,
            blocks: blocks.unwrap_or(attr.size.div_ceil(512)),
            atime: attr.atime,
            mtime: attr.mtime,
            ctime: attr.ctime,
            btime: None,
        })
    }
}

fn write_stat(kernel: &mut Kernel, tid: Tid, place: Path, buf: u64) -> Result<()> {
    let stat = kernel.path_stat(tid, place)?;
    let raw = kernel.tasks[tid].arch().abi.encode_stat(&stat);
    kernel.user(tid).write(buf, &raw)
}

fn stat(kernel: &mut Kernel, tid: Tid, dirfd: i32, path: u64, buf: u64, flags: u32) -> Result<()> {
    only(flags, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)?;
    let place = place(kernel, tid, dirfd, path, flags)?;
    write_stat(kernel, tid, place, buf)
}

fn fstat(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let file = kernel.fd(tid, call.args[0] as i32)?.file;
    write_stat(kernel, tid, kernel.vfs.file(file).path, call.args[1])
}

fn statx(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let [dirfd, path, flags, mask, buf, _] = call.args;
    let flags = flags as u32;
    only(flags, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)?;
    if mask as u32 & STATX__RESERVED != 0 || flags & AT_STATX_SYNC_TYPE == AT_STATX_SYNC_TYPE {
        return Err(Errno::EINVAL);
    }
    // Since 6.11 a null path with AT_EMPTY_PATH is an empty one.
    let place = if path == 0 && flags & AT_EMPTY_PATH != 0 {
        let who = kernel.who(tid);
        kernel.start_of(&who, dirfd as i32, b"")?
    } else {
        place(kernel, tid, dirfd as i32, path, flags)?
    };
    let raw = kernel.path_stat(tid, place)?.encode_statx();
    kernel.user(tid).write(buf, &raw)
}

fn write_statfs(kernel: &mut Kernel, tid: Tid, place: Path, buf: u64) -> Result<()> {
    /// f_flags is filled in (ST_VALID).
    const ST_VALID: u64 = 0x20;
    /// ST_RELATIME, where MS_RELATIME is another bit.
    const ST_RELATIME: u64 = 0x1000;
    let (sup, _) = kernel.vfs.inode(place);
    let mut figures = kernel.with_super(sup, |fs, kernel| Ok::<_, Errno>(fs.statfs(kernel)))?;
    let mount = kernel.vfs.mount_flags(place.mount);
    let same = MountFlags::MS_RDONLY | MountFlags::MS_NOSUID | MountFlags::MS_NODEV | MountFlags::MS_NOEXEC;
    let same = same | MountFlags::MS_NOATIME | MountFlags::MS_NODIRATIME;
    let relatime = if mount.contains(MountFlags::MS_RELATIME) { ST_RELATIME } else { 0 };
    figures.flags = ST_VALID | (mount & same).bits() | relatime;
    figures.fsid = Vfs::super_dev(sup);
    kernel.user(tid).write(buf, &figures.encode_64())
}

fn statfs(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let place = place(kernel, tid, AT_FDCWD, call.args[0], 0)?;
    write_statfs(kernel, tid, place, call.args[1])
}

fn fstatfs(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let file = kernel.fd(tid, call.args[0] as i32)?.file;
    write_statfs(kernel, tid, kernel.vfs.file(file).path, call.args[1])
}

/// access asks for the real user, with the capabilities that user would have.
fn real_cred(cred: &Cred) -> Cred {
    let cap_effective = if cred.is_root(cred.uid) { cred.cap_permitted } else { 0 };
    Cred { fsuid: cred.uid, fsgid: cred.gid, cap_effective, ..cred.clone() }
}

fn access(kernel: &mut Kernel, tid: Tid, dirfd: i32, path: u64, mode: u32, flags: u32) -> Result<()> {
    only(flags, AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)?;
    only(mode, 7)?;
    let (mut who, start, path) = path_arg(kernel, tid, dirfd, path)?;
    if flags & AT_EACCESS == 0 {
        who.cred = real_cred(&who.cred);
    }
    let place = if path.is_empty() && flags & AT_EMPTY_PATH != 0 {
        start
    } else {
        let how = if flags & AT_SYMLINK_NOFOLLOW != 0 { Walk::empty() } else { Walk::FOLLOW };
        kernel.path_at(&who, start, &path, how)?
    };
    let attr = kernel.path_attr(place)?;
    let kind = attr.mode & S_IFMT;
    let mount = kernel.vfs.mount_flags(place.mount);
    if mode & X_OK != 0 && kind == S_IFREG && mount.contains(MountFlags::MS_NOEXEC) {
        return Err(Errno::EACCES);
    }
    permission(&who.cred, &attr, mode)?;
    if mode & MAY_WRITE != 0 && matches!(kind, S_IFREG | S_IFDIR | S_IFLNK) {
        kernel.vfs.want_write(place.mount)?;
    }
    Ok(())
}

fn readlink(kernel: &mut Kernel, tid: Tid, dirfd: i32, path: u64, buf: u64, size: u64) -> Result<u64> {
    if size as i32 <= 0 {
        return Err(Errno::EINVAL);
    }
    let (who, start, path) = path_arg(kernel, tid, dirfd, path)?;
    let empty = path.is_empty() && dirfd != AT_FDCWD;
    let place = if empty { start } else { kernel.path_at(&who, start, &path, Walk::empty())? };
    if kernel.path_attr(place)?.mode & S_IFMT != S_IFLNK {
        return Err(if empty { Errno::ENOENT } else { Errno::EINVAL });
    }
    let (sup, ino) = kernel.vfs.inode(place);
    let text = kernel.with_super(sup, |fs, kernel| fs.read_link(kernel, tid, ino))?;
    let len = text.len().min(size as u32 as usize);
    kernel.user(tid).write(buf, &text[..len])?;
    Ok(len as u64)
}

/// Changes the mode as notify_change would for this caller.
fn set_mode(kernel: &mut Kernel, tid: Tid, place: Path, mode: u64) -> Result<()> {
    kernel.vfs.want_write(place.mount)?;
    let attr = kernel.path_attr(place)?;
    let cred = &kernel.tasks[tid].cred;
    if !owner_or_capable(cred, &attr) {
        return Err(Errno::EPERM);
    }
    let mut mode = mode as u32 & 0o7777;
    if !cred.in_group(attr.gid) && !cred.capable_over(CAP_FSETID, attr.uid, attr.gid) {
        mode &= !S_ISGID;
    }
    kernel.set_path_attr(place, &SetAttr { mode: Some(mode), ..SetAttr::default() })
}

fn chmod(kernel: &mut Kernel, tid: Tid, dirfd: i32, path: u64, mode: u64, flags: u32) -> Result<()> {
    only(flags, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)?;
    let place = place(kernel, tid, dirfd, path, flags)?;
    if kernel.path_attr(place)?.mode & S_IFMT == S_IFLNK {
        return Err(Errno::EOPNOTSUPP);
    }
    set_mode(kernel, tid, place, mode)
}

fn fchmod(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let file = kernel.fd_file(tid, call.args[0] as i32)?;
    set_mode(kernel, tid, kernel.vfs.file(file).path, call.args[1])
}

fn set_owner(kernel: &mut Kernel, tid: Tid, place: Path, uid: u64, gid: u64) -> Result<()> {
    kernel.vfs.want_write(place.mount)?;
    let attr = kernel.path_attr(place)?;
    let id = |id: u64| Some(id as u32).filter(|&id| id != u32::MAX);
    let cred = &kernel.tasks[tid].cred;
    let uid = id(uid).map(|uid| cred.uid_meant(uid)).transpose()?;
    let gid = id(gid).map(|gid| cred.gid_meant(gid)).transpose()?;
    let owns = cred.fsuid == attr.uid;
    let may_uid = uid.is_none_or(|uid| owns && uid == attr.uid);
    let may_gid = gid.is_none_or(|gid| owns && (gid == attr.gid || cred.in_group(gid)));
    if !(may_uid && may_gid || cred.capable_over(CAP_CHOWN, attr.uid, attr.gid)) {
        return Err(Errno::EPERM);
    }
    // A program of somebody else's must not stay set-user-id.
    let mode = (attr.mode & S_IFMT != S_IFDIR).then(|| {
        let group = if attr.mode & S_IXGRP != 0 { S_ISGID } else { 0 };
        attr.mode & 0o7777 & !(S_ISUID | group)
    });
    let mode = mode.filter(|&mode| mode != attr.mode & 0o7777);
    kernel.set_path_attr(place, &SetAttr { uid, gid, mode, ..SetAttr::default() })
}

fn chown(kernel: &mut Kernel, tid: Tid, dirfd: i32, path: u64, uid: u64, gid: u64, flags: u32) -> Result<()> {
    only(flags, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)?;
    let place = place(kernel, tid, dirfd, path, flags)?;
    set_owner(kernel, tid, place, uid, gid)
}

fn fchown(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let file = kernel.fd_file(tid, call.args[0] as i32)?;
    set_owner(kernel, tid, kernel.vfs.file(file).path, call.args[1], call.args[2])
}

fn size_arg(size: u64) -> Result<u64> {
    if size > i64::MAX as u64 { Err(Errno::EINVAL) } else { Ok(size) }
}

fn truncate(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let size = size_arg(call.args[1])?;
    let place = place(kernel, tid, AT_FDCWD, call.args[0], 0)?;
    let attr = kernel.path_attr(place)?;
    match attr.mode & S_IFMT {
        S_IFDIR => return Err(Errno::EISDIR),
        S_IFREG => {}
        _ => return Err(Errno::EINVAL),
    }
    kernel.vfs.want_write(place.mount)?;
    permission(&kernel.tasks[tid].cred, &attr, MAY_WRITE)?;
    if kernel.vfs.is_executing(place) {
        return Err(Errno::ETXTBSY);
    }
    set_size(kernel, tid, place, &attr, size)
}

fn ftruncate(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let size = size_arg(call.args[1])?;
    let file = kernel.vfs.file(kernel.fd_file(tid, call.args[0] as i32)?);
    if !file.is_plain() || !file.flags.writable() {
        return Err(Errno::EINVAL);
    }
    let place = file.path;
    let attr = kernel.path_attr(place)?;
    set_size(kernel, tid, place, &attr, size)
}

fn set_size(kernel: &mut Kernel, tid: Tid, place: Path, attr: &Attr, size: u64) -> Result<()> {
    let limit = kernel.tasks.group(kernel.tasks[tid].tgid).map_or(u64::MAX, |g| g.rlimits[abi::RLIMIT_FSIZE].cur);
    if size > attr.size && size > limit {
        super::io::send_signal(kernel, tid, abi::SIGXFSZ);
        return Err(Errno::EFBIG);
    }
    kernel.set_path_attr(place, &SetAttr { size: Some(size), ..SetAttr::default() })
}

fn fallocate(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let [fd, flags, at, len, ..] = call.args;
    let flags = flags as u32;
    let file = kernel.vfs.file(kernel.fd_file(tid, fd as i32)?);
    if at > i64::MAX as u64 || len == 0 || len > i64::MAX as u64 {
        return Err(Errno::EINVAL);
    }
    if flags & !(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE) != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    if flags & FALLOC_FL_PUNCH_HOLE != 0 && flags & FALLOC_FL_KEEP_SIZE == 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    if !file.flags.writable() {
        return Err(Errno::EBADF);
    }
    let (path, kind) = (file.path, file.kind);
    let FileKind::Inode { sup, ino, is_dir: false, .. } = kind else {
        let fifo = kernel.path_attr(path)?.mode & S_IFMT == S_IFIFO;
        return Err(if fifo { Errno::ESPIPE } else { Errno::ENODEV });
    };
    kernel.with_super(sup, |fs, kernel| fs.allocate(kernel, ino, flags, at, len))?;
    kernel.fsnotify_path(path, Inotify::IN_MODIFY);
    Ok(())
}

/// What a time argument asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Now,
    Omit,
    At(Timespec),
}

fn set_times(kernel: &mut Kernel, tid: Tid, place: Path, [atime, mtime]: [When; 2]) -> Result<()> {
    if (atime, mtime) == (When::Omit, When::Omit) {
        return Ok(());
    }
    kernel.vfs.want_write(place.mount)?;
    let attr = kernel.path_attr(place)?;
    let cred = &kernel.tasks[tid].cred;
    if !owner_or_capable(cred, &attr) {
        if (atime, mtime) != (When::Now, When::Now) {
            return Err(Errno::EPERM);
        }
        permission(cred, &attr, MAY_WRITE)?;
    }
    let now = Timespec::from_ns(kernel.clock.realtime());
    let time = |when| match when {
        When::Now => Some(now),
        When::Omit => None,
        When::At(time) => Some(time),
    };
    kernel.set_path_attr(place, &SetAttr { atime: time(atime), mtime: time(mtime), ..SetAttr::default() })
}

fn utimensat(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let [dirfd, path, times, flags, ..] = call.args;
    let flags = flags as u32;
    let mut when = [When::Now; 2];
    if times != 0 {
        let mut raw = [0; 32];
        kernel.user(tid).read(times, &mut raw)?;
        for (when, raw) in when.iter_mut().zip(raw.as_chunks::<16>().0) {
            *when = match Timespec::decode_64(raw) {
                Timespec { nsec: UTIME_NOW, .. } => When::Now,
                Timespec { nsec: UTIME_OMIT, .. } => When::Omit,
                time if (0..1_000_000_000).contains(&time.nsec) => When::At(time),
                _ => return Err(Errno::EINVAL),
            };
        }
        if when == [When::Omit; 2] {
            return Ok(());
        }
    }
    only(flags, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)?;
    let place = if path == 0 && dirfd as i32 != AT_FDCWD {
        if flags != 0 {
            return Err(Errno::EINVAL);
        }
        kernel.vfs.file(kernel.fd_file(tid, dirfd as i32)?).path
    } else {
        place(kernel, tid, dirfd as i32, path, flags)?
    };
    set_times(kernel, tid, place, when)
}

fn utimes(kernel: &mut Kernel, tid: Tid, dirfd: i32, path: u64, times: u64) -> Result<()> {
    let mut when = [When::Now; 2];
    if times != 0 {
        let mut raw = [0; 32];
        kernel.user(tid).read(times, &mut raw)?;
        for (when, raw) in when.iter_mut().zip(raw.as_chunks::<16>().0) {
            let time = Timeval::decode_64(raw);
            if !(0..1_000_000).contains(&time.usec) {
                return Err(Errno::EINVAL);
            }
            *when = When::At(Timespec { sec: time.sec, nsec: time.usec * 1000 });
        }
    }
    let place = if path == 0 && dirfd != AT_FDCWD {
        kernel.vfs.file(kernel.fd_file(tid, dirfd)?).path
    } else {
        place(kernel, tid, dirfd, path, 0)?
    };
    set_times(kernel, tid, place, when)
}

fn utime(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let [path, times, ..] = call.args;
    let mut when = [When::Now; 2];
    if times != 0 {
        let mut user = kernel.user(tid);
        let seconds = [user.read_u64(times)?, user.read_u64(times.wrapping_add(8))?];
        when = seconds.map(|sec| When::At(Timespec { sec: sec as i64, nsec: 0 }));
    }
    let place = place(kernel, tid, AT_FDCWD, path, 0)?;
    set_times(kernel, tid, place, when)
}
