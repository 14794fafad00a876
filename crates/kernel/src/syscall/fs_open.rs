//! Opening, closing and duplicating descriptors; fcntl(2).
use super::io::{finish, sleep_on};
use super::table::{Row, full, partial};
use super::{Call, Outcome, Progress, Sleep};
use crate::vfs::{FileKind, Opened, Walk};
use crate::{Kernel, Result, Tid, TraceKind};
use abi::{
    AT_FDCWD, CLOSE_RANGE_CLOEXEC, CLOSE_RANGE_UNSHARE, Errno, F_DUPFD, F_DUPFD_CLOEXEC, F_DUPFD_QUERY, F_GETFD,
    F_GETFL, F_GETLK, F_GETOWN, F_GETPIPE_SZ, F_GETSIG, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_SETFD, F_SETFL,
    F_SETLK, F_SETLKW, F_SETOWN, F_SETPIPE_SZ, F_SETSIG, FD_CLOEXEC, OpenFlags, Sysno,
};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::Open, |k, t, c| { let a = c.args; finish(open(k, t, c, AT_FDCWD, a[0], (a[1] as u32, a[2] as u32), Walk::empty())) }),
    full(Sysno::Openat, |k, t, c| { let a = c.args; finish(open(k, t, c, a[0] as i32, a[1], (a[2] as u32, a[3] as u32), Walk::empty())) }),
    partial(Sysno::Openat2, |k, t, c| finish(openat2(k, t, c)), "RESOLVE_CACHED is EAGAIN"),
    full(Sysno::Creat, |k, t, c| { let a = c.args; finish(open(k, t, c, AT_FDCWD, a[0], (CREAT, a[1] as u32), Walk::empty())) }),
    full(Sysno::Close, |k, t, c| close(k, t, c.args[0]).into()),
    full(Sysno::CloseRange, |k, t, c| close_range(k, t, c).into()),
    full(Sysno::Dup, |k, t, c| dup(k, t, c.args[0] as i32, 0, false).into()),
    full(Sysno::Dup2, |k, t, c| dup2(k, t, c.args[0] as i32, c.args[1] as i32).into()),
    full(Sysno::Dup3, |k, t, c| dup3(k, t, c).into()),
    partial(Sysno::Fcntl, |k, t, c| finish(fcntl(k, t, c)), "no leases, no notification, owners of signals are kept but get none"),
    full(Sysno::Umask, |k, t, c| { let fs = k.tasks[t].fs; Outcome::Done(Ok(k.vfs.set_umask(fs, c.args[0] as u32).into())) }),
];

const CREAT: u32 = OpenFlags::O_CREAT.union(OpenFlags::O_WRONLY).union(OpenFlags::O_TRUNC).bits();

impl Kernel {
    /// A path argument.
    pub(crate) fn user_path(&mut self, tid: Tid, addr: u64) -> Result<Vec<u8>> {
        self.user(tid).read_cstr(addr, abi::PATH_MAX - 1)
    }
}

fn open(
    kernel: &mut Kernel,
    tid: Tid,
    call: &mut Call,
    dirfd: i32,
    path: u64,
    (flags, mode): (u32, u32),
    how: Walk,
) -> Result<Outcome> {
    let flags = kernel.tasks[tid].arch().abi.open_flags().decode(flags);
    open_decoded(kernel, tid, call, dirfd, path, flags, mode, how)
}

#[allow(clippy::too_many_arguments)] // the arguments of openat2, and who makes it
fn open_decoded(
    kernel: &mut Kernel,
    tid: Tid,
    call: &mut Call,
    dirfd: i32,
    path: u64,
    flags: OpenFlags,
    mode: u32,
    how: Walk,
) -> Result<Outcome> {
    let cloexec = flags.contains(OpenFlags::O_CLOEXEC);
    let path = kernel.user_path(tid, path)?;
    let who = kernel.who(tid);
    let start = kernel.start_of(&who, dirfd, &path)?;
    if let (Progress::State(pipe, _), Some(_)) = (&call.progress, call.woken) {
        let place = kernel.path_at(&who, start, &path, how | Walk::FOLLOW).ok();
        if let Some(file) = kernel.finish_open_fifo(*pipe, place, flags) {
            return Ok(kernel.install_fd(tid, file, 0, cloexec).map(|fd| fd as u64).into());
        }
    }
    kernel.want_fd(tid)?;
    match kernel.open_at(&who, start, &path, flags, mode, how)? {
        Opened::Now(file) => Ok(kernel.install_fd(tid, file, 0, cloexec).map(|fd| fd as u64).into()),
        Opened::Wait(block, pipe) => {
            Ok(Outcome::Sleep(Sleep { progress: Progress::State(pipe, None), ..sleep_on(block) }))
        }
    }
}

fn openat2(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let [dirfd, path, how, size, ..] = call.args;
    const OPEN_HOW: u64 = 24;
    if size < OPEN_HOW {
        return Err(Errno::EINVAL);
    }
    if size > mmu::PAGE_SIZE {
        return Err(Errno::E2BIG);
    }
    // What this kernel does not know must be zero (copy_struct_from_user).
    let mut raw = vec![0; size as usize];
    kernel.user(tid).read(how, &mut raw)?;
    if raw[OPEN_HOW as usize..].iter().any(|&b| b != 0) {
        return Err(Errno::E2BIG);
    }
    let mut user = kernel.user(tid);
    let (flags, mode, resolve) =
        (user.read_u64(how)?, user.read_u64(how.wrapping_add(8))?, user.read_u64(how.wrapping_add(16))?);
    let bits = kernel.tasks[tid].arch().abi.open_flags();
    let decoded = bits.decode(flags as u32);
    // Unlike open, unknown flags and a mode without need are errors.
    if u64::from(bits.encode(decoded)) != flags || mode & !0o7777 != 0 {
        return Err(Errno::EINVAL);
    }
    let makes = decoded.intersects(OpenFlags::O_CREAT | OpenFlags::__O_TMPFILE);
    if !makes && mode != 0 {
        return Err(Errno::EINVAL);
    }
    let mut walk = Walk::empty();
    for (bit, flag) in [
        (0x1, Walk::NO_XDEV),
        (0x2, Walk::NO_MAGICLINKS),
        (0x4, Walk::NO_SYMLINKS | Walk::NO_MAGICLINKS),
        (0x8, Walk::BENEATH),
        (0x10, Walk::IN_ROOT),
    ] {
        walk.set(flag, walk.contains(flag) || resolve & bit != 0);
    }
    const RESOLVE_CACHED: u64 = 0x20;
    if resolve & !0x3f != 0 || walk.contains(Walk::BENEATH | Walk::IN_ROOT) {
        return Err(Errno::EINVAL);
    }
    if resolve & RESOLVE_CACHED != 0 {
        return Err(Errno::EAGAIN);
    }
    open_decoded(kernel, tid, call, dirfd as i32, path, decoded, mode as u32, walk)
}

/// A descriptor argument; what does not fit one is not open.
fn close(kernel: &mut Kernel, tid: Tid, fd: u64) -> Result<()> {
    kernel.close_fd(tid, fd as i32)?;
    kernel.vfs.shrink_dentries();
    Ok(())
}

fn close_range(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let (first, last, flags) = (call.args[0] as u32, call.args[1] as u32, call.args[2] as u32);
    if flags & !(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) != 0 || first > last {
        return Err(Errno::EINVAL);
    }
    if flags & CLOSE_RANGE_UNSHARE != 0 {
        kernel.unshare_files(tid);
    }
    let files = kernel.tasks[tid].files;
    let in_range = |&(fd, _): &(i32, _)| (first..=last).contains(&(fd as u32));
    let open: Vec<i32> = kernel.vfs.fd_table(files).iter().filter(in_range).map(|(fd, _)| fd).collect();
    for fd in open {
        if flags & CLOSE_RANGE_CLOEXEC != 0 {
            kernel.set_cloexec(tid, fd, true)?;
        } else {
            kernel.close_fd(tid, fd)?;
        }
    }
    Ok(())
}

fn dup(kernel: &mut Kernel, tid: Tid, fd: i32, from: usize, cloexec: bool) -> Result<u64> {
    let file = kernel.fd(tid, fd)?.file;
    kernel.vfs.hold_file(file);
    Ok(kernel.install_fd(tid, file, from, cloexec)? as u64)
}

fn dup2(kernel: &mut Kernel, tid: Tid, old: i32, new: i32) -> Result<u64> {
    if old == new {
        kernel.fd(tid, old)?;
        return Ok(new as u64);
    }
    replace(kernel, tid, old, new, false)
}

fn dup3(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<u64> {
    let (old, new) = (call.args[0] as i32, call.args[1] as i32);
    let flags = kernel.tasks[tid].arch().abi.open_flags().decode(call.args[2] as u32);
    if !(OpenFlags::O_CLOEXEC).contains(flags) || old == new {
        return Err(Errno::EINVAL);
    }
    replace(kernel, tid, old, new, flags.contains(OpenFlags::O_CLOEXEC))
}

fn replace(kernel: &mut Kernel, tid: Tid, old: i32, new: i32, cloexec: bool) -> Result<u64> {
    let file = kernel.fd(tid, old)?.file;
    let at = usize::try_from(new).ok().filter(|&fd| fd < kernel.nofile_limit(tid)).ok_or(Errno::EBADF)?;
    kernel.vfs.hold_file(file);
    kernel.replace_fd(tid, at, file, cloexec);
    Ok(new as u64)
}

/// What F_SETFL may change.
const SETFL: OpenFlags = OpenFlags::O_APPEND
    .union(OpenFlags::O_NONBLOCK)
    .union(OpenFlags::O_DIRECT)
    .union(OpenFlags::O_NOATIME)
    .union(OpenFlags::FASYNC);

fn fcntl(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let (fd, command, arg) = (call.args[0] as i32, call.args[1] as u32, call.args[2]);
    let file = kernel.fd(tid, fd)?.file;
    let on_path = matches!(command, F_DUPFD | F_DUPFD_CLOEXEC | F_DUPFD_QUERY | F_GETFD | F_SETFD | F_GETFL);
    if kernel.vfs.file(file).is_path_only() && !on_path {
        return Err(Errno::EBADF);
    }
    let bits = kernel.tasks[tid].arch().abi.open_flags();
    let value = match command {
        F_DUPFD | F_DUPFD_CLOEXEC => {
            let from = usize::try_from(arg as i32).ok().filter(|&from| from < kernel.nofile_limit(tid));
            dup(kernel, tid, fd, from.ok_or(Errno::EINVAL)?, command == F_DUPFD_CLOEXEC)?
        }
        F_DUPFD_QUERY => kernel.fd(tid, arg as i32).map(|other| (other.file == file).into())?,
        F_GETFD => kernel.fd(tid, fd)?.cloexec.into(),
        F_SETFD => {
            kernel.set_cloexec(tid, fd, arg as u32 & FD_CLOEXEC != 0)?;
            0
        }
        F_GETFL => bits.encode(kernel.vfs.file(file).flags).into(),
        F_SETFL => {
            let new = bits.decode(arg as u32) & SETFL;
            let file = kernel.vfs.file_mut(file);
            file.flags = (file.flags - SETFL) | new;
            0
        }
        F_GETLK | F_SETLK | F_SETLKW | F_OFD_GETLK | F_OFD_SETLK | F_OFD_SETLKW => {
            return super::locks::fcntl_lock(kernel, tid, call, file, command);
        }
        F_SETOWN | F_SETSIG => 0,
        F_GETOWN | F_GETSIG => 0,
        F_GETPIPE_SZ | F_SETPIPE_SZ => {
            let FileKind::Pipe(pipe) = kernel.vfs.file(file).kind else { return Err(Errno::EBADF) };
            if command == F_SETPIPE_SZ {
                kernel.set_pipe_size(tid, pipe, arg as u32 as usize)?;
            }
            kernel.pipe_size(pipe) as u64
        }
        _ => {
            kernel.trace.line(TraceKind::Missing, || format!("[{}] fcntl command {command}: EINVAL", tid.0));
            return Err(Errno::EINVAL);
        }
    };
    Ok(Outcome::Done(Ok(value)))
}
