//! read(2), write(2) and their vectors; lseek(2).
use super::table::{Row, full, partial};
use super::{Call, OnSignal, Outcome, Progress, Sleep};
use crate::vfs::{Block, FileId, FileKind, IoError};
use crate::{Kernel, Result, Tid};
use abi::{
    Errno, Fields, Inotify, Iovec, MAX_RW_COUNT, OpenFlags, RLIMIT_FSIZE, Restart, SEEK_CUR, SEEK_DATA, SEEK_END,
    SEEK_HOLE, SEEK_SET, SI_USER, SIGPIPE, SIGXFSZ, Siginfo, Sysno, UIO_MAXIOV,
};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::Read, |k, t, c| finish(read(k, t, c, false, None))),
    full(Sysno::Write, |k, t, c| finish(write(k, t, c, false, None))),
    full(Sysno::Readv, |k, t, c| finish(read(k, t, c, true, None))),
    full(Sysno::Writev, |k, t, c| finish(write(k, t, c, true, None))),
    full(Sysno::Pread64, |k, t, c| finish(offset(c.args[3]).and_then(|at| read(k, t, c, false, Some(at))))),
    full(Sysno::Pwrite64, |k, t, c| finish(offset(c.args[3]).and_then(|at| write(k, t, c, false, Some(at))))),
    full(Sysno::Preadv, |k, t, c| finish(offset(c.args[3]).and_then(|at| read(k, t, c, true, Some(at))))),
    full(Sysno::Pwritev, |k, t, c| finish(offset(c.args[3]).and_then(|at| write(k, t, c, true, Some(at))))),
    partial(Sysno::Preadv2, |k, t, c| finish(offset2(c).and_then(|at| read(k, t, c, true, at))), "RWF_NOWAIT is refused"),
    partial(Sysno::Pwritev2, |k, t, c| finish(offset2(c).and_then(|at| write(k, t, c, true, at))), "RWF_NOWAIT is refused"),
    partial(Sysno::Lseek, |k, t, c| lseek(k, t, c).into(), "a file is all data to SEEK_DATA and SEEK_HOLE"),
];

/// What is copied at a time.
const CHUNK: u64 = 64 << 10;

/// An error is a way to be done.
pub(crate) fn finish(result: Result<Outcome>) -> Outcome {
    result.unwrap_or_else(Outcome::from)
}

/// The outcome of an operation that cannot go on, with nothing done so far.
pub(crate) fn cannot_go_on(error: IoError, nonblocking: bool) -> Outcome {
    match error {
        IoError::Errno(errno) => errno.into(),
        IoError::Restart(restart) => Outcome::Interrupted(restart),
        IoError::Block(_) if nonblocking => Errno::EAGAIN.into(),
        IoError::Block(block) => Outcome::Sleep(sleep_on(block)),
    }
}

/// The sleep that a block asks for; it restarts after a signal.
pub(crate) fn sleep_on(block: Block) -> Sleep {
    Sleep { kind: block.kind, freezable: block.freezable, ..Sleep::new(block.on, block.wchan) }
}

/// Where the bytes of a call are in guest memory.
#[derive(Clone, Debug)]
pub(crate) struct Vectors {
    list: Vec<Iovec>,
    pub(crate) total: u64,
}

impl Vectors {
    pub(crate) fn one(base: u64, len: u64) -> Result<Vectors> {
        Vectors::new(vec![Iovec { base, len }])
    }
    /// Reads an array of `struct iovec` (import_iovec).
    pub(crate) fn import(kernel: &mut Kernel, tid: Tid, array: u64, count: u64) -> Result<Vectors> {
        let count = usize::try_from(count).ok().filter(|&n| n <= UIO_MAXIOV).ok_or(Errno::EINVAL)?;
        let mut raw = vec![0; count * Iovec::SIZE_64];
        kernel.user(tid).read(array, &mut raw)?;
        let (vectors, _) = raw.as_chunks::<{ Iovec::SIZE_64 }>();
        Vectors::new(vectors.iter().map(Iovec::decode_64).collect())
    }
    fn new(mut list: Vec<Iovec>) -> Result<Vectors> {
        let mut total = 0u64;
        for vector in &mut list {
            if vector.len > i64::MAX as u64 {
                return Err(Errno::EINVAL);
            }
            // What is beyond MAX_RW_COUNT is not looked at.
            vector.len = vector.len.min(MAX_RW_COUNT as u64 - total);
            total += vector.len;
        }
        Ok(Vectors { list, total })
    }
    /// Bytes behind the first `done`: none if another thread has made the vectors shorter while the call slept.
    pub(super) fn left(&self, done: u64) -> u64 {
        self.total.saturating_sub(done)
    }
    /// The places of bytes `from..from + len`.
    fn parts(&self, mut from: u64, mut len: u64) -> Vec<(u64, usize)> {
        let mut parts = Vec::new();
        for vector in &self.list {
            if from >= vector.len {
                from -= vector.len;
                continue;
            }
            let here = (vector.len - from).min(len);
            if here == 0 {
                break;
            }
            parts.push((vector.base.wrapping_add(from), here as usize));
            (from, len) = (0, len - here);
        }
        parts
    }
    /// Bytes `from..` of the guest's, up to `len`; fewer where its memory ends, EFAULT if that is at once.
    pub(crate) fn gather(&self, kernel: &mut Kernel, tid: Tid, from: u64, len: u64) -> Result<Vec<u8>> {
        let mut data = Vec::new();
        for (addr, len) in self.parts(from, len) {
            let start = data.len();
            data.resize(start + len, 0);
            if kernel.user(tid).read(addr, &mut data[start..]).is_err() {
                let good = accessible(kernel, tid, addr, len, false);
                data.truncate(start + good);
                if data.is_empty() {
                    return Err(Errno::EFAULT);
                }
                // It was read a moment ago, page by page.
                kernel.user(tid).read(addr, &mut data[start..])?;
                break;
            }
        }
        Ok(data)
    }
    /// How many bytes from `from` on, up to `len`, can be written; EFAULT if none.
    pub(crate) fn prepare(&self, kernel: &mut Kernel, tid: Tid, from: u64, len: u64) -> Result<u64> {
        let mut ready = 0;
        for (addr, len) in self.parts(from, len) {
            let good = accessible(kernel, tid, addr, len, true);
            ready += good as u64;
            if good < len {
                break;
            }
        }
        if ready == 0 && len != 0 { Err(Errno::EFAULT) } else { Ok(ready) }
    }
    pub(crate) fn scatter(&self, kernel: &mut Kernel, tid: Tid, from: u64, data: &[u8]) -> Result<()> {
        let mut done = 0;
        for (addr, len) in self.parts(from, data.len() as u64) {
            kernel.user(tid).write(addr, &data[done..done + len])?;
            done += len;
        }
        Ok(())
    }
}

/// How many bytes of a range can be reached, from its start.
fn accessible(kernel: &mut Kernel, tid: Tid, addr: u64, len: usize, write: bool) -> usize {
    let mut user = kernel.user(tid);
    if user.prefault(addr, len as u64, write).is_ok() {
        return len;
    }
    let mut good = 0;
    while good < len {
        let at = addr.wrapping_add(good as u64);
        let part = (len - good).min((mmu::PAGE_SIZE - at % mmu::PAGE_SIZE) as usize);
        if user.prefault(at, part as u64, write).is_err() {
            break;
        }
        good += part;
    }
    good
}

fn offset(arg: u64) -> Result<u64> {
    if arg > i64::MAX as u64 { Err(Errno::EINVAL) } else { Ok(arg) }
}

/// Position and flags of preadv2 and pwritev2: -1 is the file's own offset.
fn offset2(call: &Call) -> Result<Option<u64>> {
    const RWF_HIPRI_DSYNC_SYNC: u64 = 7;
    if call.args[5] & !RWF_HIPRI_DSYNC_SYNC != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    if call.args[3] == u64::MAX { Ok(None) } else { offset(call.args[3]).map(Some) }
}

fn vectors(kernel: &mut Kernel, tid: Tid, call: &Call, vectored: bool) -> Result<Vectors> {
    let [_, addr, len, ..] = call.args;
    if vectored { Vectors::import(kernel, tid, addr, len) } else { Vectors::one(addr, len) }
}

fn read(kernel: &mut Kernel, tid: Tid, call: &mut Call, vectored: bool, at: Option<u64>) -> Result<Outcome> {
    let file = kernel.fd_file(tid, call.args[0] as i32)?;
    if !kernel.vfs.file(file).flags.readable() {
        return Err(Errno::EBADF);
    }
    if at.is_some() && !kernel.file_seekable(file) {
        return Err(Errno::ESPIPE);
    }
    let vectors = vectors(kernel, tid, call, vectored)?;
    if let Ok(socket) = kernel.socket_of(file) {
        return super::message::read(kernel, tid, call, (file, socket), &vectors);
    }
    let mut outcome = read_vectors(kernel, tid, file, &vectors, at);
    if let Outcome::Sleep(sleep) = &mut outcome
        && matches!(kernel.vfs.file(file).kind, FileKind::Inotify(_))
        && !kernel.config.freezer.mechanism.inotify_restarts
    {
        sleep.on_signal = OnSignal::Return(Err(Errno::EINTR));
    }
    if matches!(outcome, Outcome::Done(Ok(1..))) {
        kernel.fsnotify_file(file, Inotify::IN_ACCESS);
    }
    Ok(outcome)
}

/// Reads until the guest's vectors are full, the file ends or would block.
fn read_vectors(kernel: &mut Kernel, tid: Tid, file: FileId, vectors: &Vectors, at: Option<u64>) -> Outcome {
    let mut done = 0;
    loop {
        let want = CHUNK.min(vectors.left(done));
        let ready = match vectors.prepare(kernel, tid, done, want) {
            Ok(ready) => ready,
            Err(errno) if done == 0 => return errno.into(),
            Err(_) => break,
        };
        let mut buf = vec![0; ready as usize];
        let n = match kernel.file_read(tid, file, at.map(|at| at.wrapping_add(done)), &mut buf) {
            Ok(n) => n as u64,
            Err(error) if done == 0 => return cannot_go_on(error, kernel.vfs.file(file).nonblocking()),
            Err(_) => break,
        };
        if let Err(errno) = vectors.scatter(kernel, tid, done, &buf[..n as usize]) {
            return errno.into();
        }
        done += n;
        let goes_on = match kernel.vfs.file(file).kind {
            FileKind::Inode { .. } | FileKind::Pipe(_) => true,
            // /dev/zero gives all that is asked for, a terminal a line.
            FileKind::Device { .. } => kernel.file_seekable(file),
            _ => false,
        };
        if n < ready || !goes_on || done == vectors.total {
            break;
        }
    }
    Outcome::Done(Ok(done))
}

fn write(kernel: &mut Kernel, tid: Tid, call: &mut Call, vectored: bool, at: Option<u64>) -> Result<Outcome> {
    let file = kernel.fd_file(tid, call.args[0] as i32)?;
    if !kernel.vfs.file(file).flags.writable() {
        return Err(Errno::EBADF);
    }
    if at.is_some() && !kernel.file_seekable(file) {
        return Err(Errno::ESPIPE);
    }
    let vectors = vectors(kernel, tid, call, vectored)?;
    if let Ok(socket) = kernel.socket_of(file) {
        return super::message::write(kernel, tid, call, (file, socket), &vectors);
    }
    let done = if let Progress::Bytes(done) = call.progress { done } else { 0 };
    let outcome = write_vectors(kernel, tid, file, &vectors, at, done);
    if matches!(outcome, Outcome::Done(Ok(1..))) {
        kernel.fsnotify_file(file, Inotify::IN_MODIFY);
    }
    Ok(outcome)
}

/// Writes what is left after `done` bytes, until all is written or the file would block.
fn write_vectors(
    kernel: &mut Kernel,
    tid: Tid,
    file: FileId,
    vectors: &Vectors,
    at: Option<u64>,
    mut done: u64,
) -> Outcome {
    if vectors.total == 0 && matches!(kernel.vfs.file(file).kind, FileKind::Pipe(_)) {
        return Outcome::Done(Ok(0));
    }
    loop {
        let data = match vectors.gather(kernel, tid, done, CHUNK.min(vectors.left(done))) {
            Ok(data) => data,
            Err(errno) => return partial_or(done, errno.into()),
        };
        let at = at.map(|at| at.wrapping_add(done));
        let allowed = match within_file_limit(kernel, tid, file, at, &data) {
            Ok(allowed) => allowed,
            Err(errno) => return partial_or(done, errno.into()),
        };
        match kernel.file_write(tid, file, at, allowed, vectors.total) {
            Ok(n) => {
                done += n as u64;
                // A write that reaches the limit is short; the next one meets SIGXFSZ.
                if done == vectors.total || n == 0 || allowed.len() < data.len() {
                    return Outcome::Done(Ok(done));
                }
            }
            Err(error) => return write_cannot_go_on(kernel, tid, file, error, done),
        }
    }
}

/// What a write comes to that stops after `done` bytes.
pub(crate) fn write_cannot_go_on(kernel: &mut Kernel, tid: Tid, file: FileId, error: IoError, done: u64) -> Outcome {
    let nonblocking = kernel.vfs.file(file).nonblocking();
    match error {
        IoError::Errno(Errno::EPIPE) => {
            send_signal(kernel, tid, SIGPIPE);
            partial_or(done, Errno::EPIPE.into())
        }
        // O_NONBLOCK is no way out of a wait for the machine itself.
        IoError::Block(block) if !nonblocking || block.kind == crate::SleepKind::Uninterruptible => {
            let on_signal = if done > 0 { OnSignal::Return(Ok(done)) } else { OnSignal::Restart(Restart::Sys) };
            Outcome::Sleep(Sleep { progress: Progress::Bytes(done), on_signal, ..sleep_on(block) })
        }
        error => partial_or(done, cannot_go_on(error, nonblocking)),
    }
}

/// A count, if anything was done.
fn partial_or(done: u64, otherwise: Outcome) -> Outcome {
    if done > 0 { Outcome::Done(Ok(done)) } else { otherwise }
}

/// A signal the kernel sends the caller for what it did.
pub(crate) fn send_signal(kernel: &mut Kernel, tid: Tid, signo: u8) {
    let task = &kernel.tasks[tid];
    let fields = Fields::Kill { pid: task.tgid.0, uid: task.cred.uid };
    kernel.send_to_thread(tid, Siginfo { signo, errno: 0, code: SI_USER, fields });
}

/// The part of `data` that RLIMIT_FSIZE lets a regular file grow by; SIGXFSZ and EFBIG if that is nothing.
fn within_file_limit<'a>(
    kernel: &mut Kernel,
    tid: Tid,
    file: FileId,
    at: Option<u64>,
    data: &'a [u8],
) -> Result<&'a [u8]> {
    let limit = kernel.tasks.group(kernel.tasks[tid].tgid).map_or(u64::MAX, |group| group.rlimits[RLIMIT_FSIZE].cur);
    if limit == u64::MAX || !kernel.vfs.file(file).is_plain() || data.is_empty() {
        return Ok(data);
    }
    let open = kernel.vfs.file(file);
    let at = match open.flags.contains(OpenFlags::O_APPEND) {
        true => kernel.file_attr(file)?.size,
        false => at.unwrap_or(open.offset),
    };
    if at >= limit {
        send_signal(kernel, tid, SIGXFSZ);
        return Err(Errno::EFBIG);
    }
    Ok(&data[..data.len().min((limit - at) as usize)])
}

fn lseek(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<u64> {
    let [fd, by, whence, ..] = call.args;
    let file = kernel.fd_file(tid, fd as i32)?;
    if !kernel.file_seekable(file) {
        return Err(Errno::ESPIPE);
    }
    let here = kernel.vfs.file(file).offset as i64;
    let by = by as i64;
    let to = match whence as u32 {
        SEEK_SET => Some(by),
        SEEK_CUR => here.checked_add(by),
        SEEK_END => (kernel.file_attr(file)?.size as i64).checked_add(by),
        SEEK_DATA | SEEK_HOLE => {
            let size = kernel.file_attr(file)?.size as i64;
            if !(0..size).contains(&by) {
                return Err(Errno::ENXIO);
            }
            Some(if whence as u32 == SEEK_DATA { by } else { size })
        }
        _ => None,
    };
    let to = to.filter(|&to| to >= 0).ok_or(Errno::EINVAL)? as u64;
    let file = kernel.vfs.file_mut(file);
    if to == 0 {
        // rewinddir: the next getdents looks again.
        file.listing = None;
    }
    file.offset = to;
    Ok(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_cut_at_the_largest_count_and_split_anywhere() {
        let list = [(0x1000, 10), (0x2000, 0), (0x3000, 20)].map(|(base, len)| Iovec { base, len });
        let vectors = Vectors::new(list.to_vec()).unwrap();
        assert_eq!(vectors.total, 30);
        assert_eq!(vectors.parts(5, 10), [(0x1005, 5), (0x3000, 5)]);
        assert_eq!(vectors.parts(10, 100), [(0x3000, 20)]);
        assert_eq!(vectors.parts(30, 1), []);
        assert_eq!((vectors.left(10), vectors.left(31)), (20, 0));
        let huge = vec![Iovec { base: 0, len: i64::MAX as u64 }; 3];
        assert_eq!(Vectors::new(huge).unwrap().total, MAX_RW_COUNT as u64);
        assert!(Vectors::new(vec![Iovec { base: 0, len: 1 << 63 }]).is_err());
    }
}
