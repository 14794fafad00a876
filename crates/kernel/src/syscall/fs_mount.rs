//! mount(2), umount2(2) and what flushes filesystems.
use super::Call;
use super::fs_dir::path_arg;
use super::table::{Row, full, partial};
use crate::vfs::Walk;
use crate::{Kernel, NsId, Result, Tid};
use abi::{
    AT_FDCWD, CAP_SYS_ADMIN, Errno, MNT_DETACH, MNT_FORCE, MS_MGC_MSK, MS_MGC_VAL, MountFlags, S_IFDIR, S_IFMT, Sysno,
    UMOUNT_NOFOLLOW,
};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    partial(Sysno::Mount, |k, t, c| mount(k, t, c).into(), "propagation is always private"),
    full(Sysno::PivotRoot, |k, t, c| pivot_root(k, t, c).into()),
    partial(Sysno::Umount2, |k, t, c| umount(k, t, c).into(), "MNT_EXPIRE is EINVAL"),
    full(Sysno::Sync, |_, _, _| Ok(()).into()),
    full(Sysno::Syncfs, |k, t, c| open_fd(k, t, c).into()),
    full(Sysno::Fsync, |k, t, c| fsync(k, t, c).into()),
    full(Sysno::Fdatasync, |k, t, c| fsync(k, t, c).into()),
    full(Sysno::SyncFileRange, |k, t, c| fsync(k, t, c).into()),
    full(Sysno::Fadvise64, |k, t, c| advise(k, t, c).into()),
    full(Sysno::Readahead, |k, t, c| fsync(k, t, c).into()),
];

/// What this kernel takes notice of in the propagation of mounts: nothing, every mount is private.
const PROPAGATION: MountFlags =
    MountFlags::MS_SHARED.union(MountFlags::MS_PRIVATE).union(MountFlags::MS_SLAVE).union(MountFlags::MS_UNBINDABLE);

/// A string argument that may be absent.
fn optional(kernel: &mut Kernel, tid: Tid, addr: u64) -> Result<Option<Vec<u8>>> {
    if addr == 0 { Ok(None) } else { kernel.user_path(tid, addr).map(Some) }
}

/// The caller's mount namespace, if it may change it.
fn may_mount(kernel: &Kernel, tid: Tid) -> Result<NsId> {
    let ns = kernel.tasks[tid].nsproxy.mnt;
    match kernel.ns_capable(tid, kernel.namespaces.owner(ns), CAP_SYS_ADMIN) {
        true => Ok(ns),
        false => Err(Errno::EPERM),
    }
}

fn pivot_root(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    may_mount(kernel, tid)?;
    let place = |kernel: &mut Kernel, addr: u64| {
        let (who, start, path) = path_arg(kernel, tid, AT_FDCWD, addr)?;
        Ok((kernel.path_at(&who, start, &path, Walk::FOLLOW | Walk::DIRECTORY)?, who))
    };
    let (new, who) = place(kernel, call.args[0])?;
    let (put_old, _) = place(kernel, call.args[1])?;
    kernel.pivot_root(&who, new, put_old)
}

fn mount(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let [source, target, kind, flags, data, _] = call.args;
    let kind = optional(kernel, tid, kind)?;
    let source = optional(kernel, tid, source)?;
    let flags = if flags & MS_MGC_MSK == MS_MGC_VAL { flags & !MS_MGC_MSK } else { flags };
    let flags = MountFlags::from_bits_truncate(flags);
    let data = if data == 0 { Vec::new() } else { kernel.user(tid).read_cstr(data, mmu::PAGE_SIZE as usize - 1)? };
    let (who, start, path) = path_arg(kernel, tid, AT_FDCWD, target)?;
    let on = kernel.path_at(&who, start, &path, Walk::FOLLOW)?;
    let ns = may_mount(kernel, tid)?;
    if kernel.vfs.mount_ns(on) != Some(ns) {
        return Err(Errno::EINVAL);
    }
    if flags.contains(MountFlags::MS_REMOUNT) {
        return kernel.remount(on, flags, &data);
    }
    let from = |kernel: &mut Kernel| match &source {
        Some(source) if !source.is_empty() => kernel.path_at(&who, who.cwd, source, Walk::FOLLOW),
        _ => Err(Errno::EINVAL),
    };
    let is_dir = |kernel: &mut Kernel, place| Ok(kernel.path_attr(place)?.mode & S_IFMT == S_IFDIR);
    if flags.intersects(MountFlags::MS_BIND | MountFlags::MS_MOVE) {
        let from = from(kernel)?;
        if kernel.vfs.mount_ns(from).is_some_and(|of| of != ns) {
            return Err(Errno::EINVAL);
        }
        if is_dir(kernel, from)? != is_dir(kernel, on)? {
            return Err(Errno::ENOTDIR);
        }
        return match flags.contains(MountFlags::MS_BIND) {
            true => kernel.bind_mount(from, on, flags.contains(MountFlags::MS_REC)),
            false => kernel.move_mount(from, on),
        };
    }
    if flags.intersects(PROPAGATION) {
        return if kernel.vfs.is_mount_root(on) { Ok(()) } else { Err(Errno::EINVAL) };
    }
    let kind = kind.ok_or(Errno::EINVAL)?;
    if !is_dir(kernel, on)? {
        return Err(Errno::ENOTDIR);
    }
    let kind = str::from_utf8(&kind).map_err(|_| Errno::ENODEV)?;
    kernel.vfs.room_for_mounts(1)?;
    let source = source.unwrap_or_else(|| b"none".to_vec());
    let sup = kernel.super_of_type(tid, kind, &source, &data)?;
    if kernel.vfs.is_mount_root(on) && kernel.vfs.inode(on).0 == sup {
        return Err(Errno::EBUSY);
    }
    kernel.mount_at(sup, on, flags, &source);
    Ok(())
}

fn umount(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let flags = call.args[1] as u32;
    if flags & !(MNT_FORCE | MNT_DETACH | UMOUNT_NOFOLLOW) != 0 {
        return Err(Errno::EINVAL);
    }
    let (who, start, path) = path_arg(kernel, tid, AT_FDCWD, call.args[0])?;
    let how = if flags & UMOUNT_NOFOLLOW != 0 { Walk::empty() } else { Walk::FOLLOW };
    let at = kernel.path_at(&who, start, &path, how)?;
    if kernel.vfs.mount_ns(at) != Some(may_mount(kernel, tid)?) {
        return Err(Errno::EINVAL);
    }
    kernel.unmount(at, flags & MNT_DETACH != 0)
}

fn open_fd(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    kernel.fd_file(tid, call.args[0] as i32).map(|_| ())
}

/// There is no disk behind any file: what is written is where it will stay.
fn fsync(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let file = kernel.fd_file(tid, call.args[0] as i32)?;
    if kernel.file_seekable(file) || kernel.vfs.file(file).is_dir() { Ok(()) } else { Err(Errno::EINVAL) }
}

fn advise(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    const LAST_ADVICE: u64 = 5;
    let file = kernel.fd_file(tid, call.args[0] as i32)?;
    if !kernel.file_seekable(file) {
        return Err(Errno::ESPIPE);
    }
    if call.args[3] > LAST_ADVICE || call.args[2] > i64::MAX as u64 { Err(Errno::EINVAL) } else { Ok(()) }
}
