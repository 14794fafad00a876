//! Moving bytes between files: sendfile(2), copy_file_range(2), splice(2), tee(2).
use super::io::{cannot_go_on, finish, write_cannot_go_on};
use super::table::{Row, full, partial};
use super::{Call, Outcome, Progress};
use crate::vfs::{FileId, FileKind, IoError};
use crate::{Kernel, Result, Tid};
use abi::{Errno, Inotify, MAX_RW_COUNT, OpenFlags, Sysno};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    partial(Sysno::Sendfile, |k, t, c| moved(k, t, c, (1, 0), sendfile), "from regular files"),
    full(Sysno::CopyFileRange, |k, t, c| moved(k, t, c, (0, 2), |k, t, c| Ok(copy_file_range(k, t, c).into()))),
    partial(Sysno::Splice, |k, t, c| moved(k, t, c, (0, 2), splice), "one end a pipe, the other a pipe or a file"),
    full(Sysno::Tee, |k, t, c| finish(tee(k, t, c))),
];

const CHUNK: usize = 64 << 10;
const SPLICE_F_NONBLOCK: u64 = 2;
const SPLICE_FLAGS: u64 = 0xf;

/// An offset in guest memory, or the file's own.
#[derive(Clone, Copy)]
struct Position {
    file: FileId,
    /// Where the guest keeps it; 0: in the file.
    at: u64,
}

impl Position {
    fn get(self, kernel: &mut Kernel, tid: Tid) -> Result<u64> {
        let here = match self.at {
            0 => kernel.vfs.file(self.file).offset,
            at => kernel.user(tid).read_u64(at)?,
        };
        if here > i64::MAX as u64 { Err(Errno::EINVAL) } else { Ok(here) }
    }
    fn set(self, kernel: &mut Kernel, tid: Tid, to: u64) -> Result<()> {
        match self.at {
            0 => kernel.vfs.file_mut(self.file).offset = to,
            at => kernel.user(tid).write_u64(at, to)?,
        }
        Ok(())
    }
}

/// Descriptors to copy from and to, open for it.
fn ends(kernel: &Kernel, tid: Tid, from: u64, to: u64) -> Result<(FileId, FileId)> {
    let (from, to) = (kernel.fd_file(tid, from as i32)?, kernel.fd_file(tid, to as i32)?);
    let open = kernel.vfs.file(from).flags.readable() && kernel.vfs.file(to).flags.writable();
    if open { Ok((from, to)) } else { Err(Errno::EBADF) }
}

/// Watchers hear of what a call moved; `ends`: which arguments the descriptors are.
fn moved(
    kernel: &mut Kernel,
    tid: Tid,
    call: &mut Call,
    (from, to): (usize, usize),
    make: fn(&mut Kernel, Tid, &mut Call) -> Result<Outcome>,
) -> Outcome {
    let outcome = finish(make(kernel, tid, call));
    if matches!(outcome, Outcome::Done(Ok(1..)))
        && let Ok((from, to)) = ends(kernel, tid, call.args[from], call.args[to])
    {
        kernel.fsnotify_file(to, Inotify::IN_MODIFY);
        kernel.fsnotify_file(from, Inotify::IN_ACCESS);
    }
    outcome
}

fn sendfile(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let [to, from, at, count, ..] = call.args;
    let (from, to) = ends(kernel, tid, from, to)?;
    // Terminals and the like are read with read(2).
    if !kernel.vfs.file(from).is_plain() || kernel.vfs.file(to).flags.contains(OpenFlags::O_APPEND) {
        return Err(Errno::EINVAL);
    }
    let position = Position { file: from, at };
    let count = count.min(MAX_RW_COUNT as u64);
    let mut done = if let Progress::Bytes(done) = call.progress { done } else { 0 };
    while done < count {
        let here = position.get(kernel, tid)?;
        let mut buf = vec![0; CHUNK.min((count - done) as usize)];
        let n = match kernel.file_read(tid, from, Some(here), &mut buf) {
            Ok(0) => break,
            Ok(n) => n,
            Err(_) if done > 0 => break,
            Err(error) => return Ok(cannot_go_on(error, kernel.vfs.file(from).nonblocking())),
        };
        // What the other side does not take was not read.
        match kernel.file_write(tid, to, None, &buf[..n], count) {
            Ok(n) => {
                position.set(kernel, tid, here + n as u64)?;
                done += n as u64;
            }
            Err(error) => return Ok(write_cannot_go_on(kernel, tid, to, error, done)),
        }
    }
    Ok(Outcome::Done(Ok(done)))
}

fn copy_file_range(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<u64> {
    let [from, from_at, to, to_at, count, flags] = call.args;
    if flags != 0 {
        return Err(Errno::EINVAL);
    }
    let (from, to) = ends(kernel, tid, from, to)?;
    for file in [from, to] {
        if kernel.vfs.file(file).is_dir() {
            return Err(Errno::EISDIR);
        }
        if !kernel.vfs.file(file).is_plain() {
            return Err(Errno::EINVAL);
        }
    }
    if kernel.vfs.file(to).flags.contains(OpenFlags::O_APPEND) {
        return Err(Errno::EBADF);
    }
    let (source, target) = (Position { file: from, at: from_at }, Position { file: to, at: to_at });
    let (mut here, mut there) = (source.get(kernel, tid)?, target.get(kernel, tid)?);
    let count = count.min(MAX_RW_COUNT as u64);
    let same = kernel.file_identity(from) == kernel.file_identity(to);
    if same && here < there.saturating_add(count) && there < here.saturating_add(count) {
        return Err(Errno::EINVAL);
    }
    let mut done = 0;
    while done < count {
        let mut buf = vec![0; CHUNK.min((count - done) as usize)];
        let step = kernel.file_read(tid, from, Some(here), &mut buf).and_then(|n| match n {
            0 => Ok(0),
            n => kernel.file_write(tid, to, Some(there), &buf[..n], count),
        });
        match step {
            Ok(0) => break,
            Ok(n) => {
                (here, there, done) = (here + n as u64, there + n as u64, done + n as u64);
            }
            Err(IoError::Errno(errno)) if done == 0 => return Err(errno),
            Err(_) => break,
        }
    }
    source.set(kernel, tid, here)?;
    target.set(kernel, tid, there)?;
    Ok(done)
}

fn pipe_of(kernel: &Kernel, file: FileId) -> Option<u64> {
    match kernel.vfs.file(file).kind {
        FileKind::Pipe(pipe) => Some(pipe),
        _ => None,
    }
}

fn splice(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let [from, from_at, to, to_at, count, flags] = call.args;
    if flags & !SPLICE_FLAGS != 0 {
        return Err(Errno::EINVAL);
    }
    let (from, to) = ends(kernel, tid, from, to)?;
    let (in_pipe, out_pipe) = (pipe_of(kernel, from), pipe_of(kernel, to));
    if in_pipe.is_some() && from_at != 0 || out_pipe.is_some() && to_at != 0 {
        return Err(Errno::ESPIPE);
    }
    if in_pipe.is_none() && out_pipe.is_none() || in_pipe.is_some() && in_pipe == out_pipe {
        return Err(Errno::EINVAL);
    }
    if count == 0 {
        return Ok(Outcome::Done(Ok(0)));
    }
    let mut buf = vec![0; CHUNK.min(usize::try_from(count).unwrap_or(CHUNK))];
    let here = if from_at == 0 { None } else { Some(Position { file: from, at: from_at }.get(kernel, tid)?) };
    let there = if to_at == 0 { None } else { Some(Position { file: to, at: to_at }.get(kernel, tid)?) };
    // Nothing leaves a pipe before the other side has taken it; a file that is no pipe is read at its offset, likewise.
    let plain = kernel.vfs.file(from).is_plain();
    if in_pipe.is_none() && !plain {
        return Err(Errno::EINVAL);
    }
    let source = Position { file: from, at: from_at };
    let n = match in_pipe {
        Some(pipe) => kernel.peek_pipe(pipe, &mut buf),
        None => {
            let at = match here {
                Some(at) => at,
                None => source.get(kernel, tid)?,
            };
            kernel.file_read(tid, from, Some(at), &mut buf)
        }
    };
    let nonblocking = |kernel: &Kernel, file| flags & SPLICE_F_NONBLOCK != 0 || kernel.vfs.file(file).nonblocking();
    let n = match n {
        Ok(0) => return Ok(Outcome::Done(Ok(0))),
        Ok(n) => n,
        Err(error) => return Ok(cannot_go_on(error, nonblocking(kernel, from))),
    };
    // A pipe takes a part: small splices are not atomic.
    let total = if out_pipe.is_some() { u64::MAX } else { n as u64 };
    let n = match kernel.file_write(tid, to, there, &buf[..n], total) {
        Ok(n) => n,
        Err(IoError::Block(_)) if nonblocking(kernel, to) => return Err(Errno::EAGAIN),
        Err(error) => return Ok(write_cannot_go_on(kernel, tid, to, error, 0)),
    };
    match in_pipe {
        Some(_) => {
            let taken = kernel.file_read(tid, from, None, &mut buf[..n]);
            debug_assert_eq!(taken, Ok(n));
        }
        None => {
            let at = source.get(kernel, tid)?;
            source.set(kernel, tid, at + n as u64)?;
        }
    }
    if let Some(there) = there {
        Position { file: to, at: to_at }.set(kernel, tid, there + n as u64)?;
    }
    Ok(Outcome::Done(Ok(n as u64)))
}

fn tee(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let [from, to, count, flags, ..] = call.args;
    let (from, to) = ends(kernel, tid, from, to)?;
    let (Some(source), Some(target)) = (pipe_of(kernel, from), pipe_of(kernel, to)) else {
        return Err(Errno::EINVAL);
    };
    if source == target || flags & !SPLICE_FLAGS != 0 {
        return Err(Errno::EINVAL);
    }
    let mut buf = vec![0; CHUNK.min(usize::try_from(count).unwrap_or(CHUNK))];
    let nonblocking = |kernel: &Kernel, file| flags & SPLICE_F_NONBLOCK != 0 || kernel.vfs.file(file).nonblocking();
    let n = match kernel.peek_pipe(source, &mut buf) {
        Ok(n) => n,
        Err(error) => return Ok(cannot_go_on(error, nonblocking(kernel, from))),
    };
    match kernel.file_write(tid, to, None, &buf[..n], u64::MAX) {
        Ok(n) => Ok(Outcome::Done(Ok(n as u64))),
        Err(IoError::Block(_)) if nonblocking(kernel, to) => Err(Errno::EAGAIN),
        Err(error) => Ok(write_cannot_go_on(kernel, tid, to, error, 0)),
    }
}
