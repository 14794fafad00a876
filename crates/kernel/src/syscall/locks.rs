//! flock(2), and the locks of fcntl(2).
use super::io::finish;
use super::table::{Row, full};
use super::{Call, Outcome, Sleep};
use crate::vfs::{FileId, Owner, RangeLock};
use crate::{Kernel, Result, Tid, WaitKey};
use abi::{
    Errno, F_GETLK, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_RDLCK, F_SETLKW, F_UNLCK, F_WRLCK, Flock, LOCK_EX,
    LOCK_NB, LOCK_SH, LOCK_UN, SEEK_CUR, SEEK_END, SEEK_SET, Sysno,
};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::Flock, |k, t, c| finish(flock(k, t, c))),
];

fn flock(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let file = kernel.fd_file(tid, call.args[0] as i32)?;
    let op = call.args[1] as u32;
    let exclusive = match op & !LOCK_NB {
        LOCK_SH => Some(false),
        LOCK_EX => Some(true),
        LOCK_UN => None,
        _ => return Err(Errno::EINVAL),
    };
    if kernel.set_flock(file, exclusive) {
        return Ok(Outcome::Done(Ok(0)));
    }
    if op & LOCK_NB != 0 {
        return Err(Errno::EAGAIN);
    }
    Ok(Outcome::Sleep(Sleep::new(kernel.vfs.lock_key(file), "flock_lock_inode_wait")))
}

/// First and last byte of a lock (flock_to_posix_lock).
fn range(lock: &Flock, here: u64, size: u64) -> Result<(u64, u64)> {
    let base = match u32::from(lock.whence) {
        SEEK_SET => 0,
        SEEK_CUR => here as i64,
        SEEK_END => size as i64,
        _ => return Err(Errno::EINVAL),
    };
    let start = base.checked_add(lock.start).ok_or(Errno::EOVERFLOW)?;
    let (start, end) = match lock.len {
        0 => (start, i64::MAX),
        len if len > 0 => (start, start.checked_add(len - 1).ok_or(Errno::EOVERFLOW)?),
        len => (start.checked_add(len).ok_or(Errno::EINVAL)?, start - 1),
    };
    if start < 0 { Err(Errno::EINVAL) } else { Ok((start as u64, end as u64)) }
}

/// F_GETLK, F_SETLK, F_SETLKW and their F_OFD_ forms.
pub(crate) fn fcntl_lock(
    kernel: &mut Kernel,
    tid: Tid,
    call: &mut Call,
    file: FileId,
    command: u32,
) -> Result<Outcome> {
    let addr = call.args[2];
    let mut raw = [0; 32];
    kernel.user(tid).read(addr, &mut raw)?;
    let asked = Flock::decode_64(&raw);
    let open_file = matches!(command, F_OFD_GETLK | F_OFD_SETLK | F_OFD_SETLKW);
    if open_file && asked.pid != 0 {
        return Err(Errno::EINVAL);
    }
    let owner = if open_file { Owner::Open(file) } else { Owner::Files(kernel.tasks[tid].files) };
    let size = kernel.file_attr(file)?.size;
    let (start, end) = range(&asked, kernel.vfs.file(file).offset, size)?;
    let flags = kernel.vfs.file(file).flags;
    let exclusive = match u32::from(asked.kind) {
        F_RDLCK => false,
        F_WRLCK => true,
        F_UNLCK if !matches!(command, F_GETLK | F_OFD_GETLK) => {
            let inode = kernel.vfs.inode(kernel.vfs.file(file).path);
            kernel.clear_lock(inode, owner, start, end);
            return Ok(Outcome::Done(Ok(0)));
        }
        _ => return Err(Errno::EINVAL),
    };
    let want = RangeLock { owner, exclusive, start, end, pid: kernel.tasks[tid].tgid };
    let conflict = kernel.vfs.lock_conflict(file, &want);
    if matches!(command, F_GETLK | F_OFD_GETLK) {
        let answer = match conflict {
            None => Flock { kind: F_UNLCK as u16, ..asked },
            Some(lock) => Flock {
                kind: if lock.exclusive { F_WRLCK } else { F_RDLCK } as u16,
                whence: SEEK_SET as u16,
                start: lock.start as i64,
                len: if lock.end == i64::MAX as u64 { 0 } else { (lock.end - lock.start + 1) as i64 },
                pid: if matches!(lock.owner, Owner::Open(_)) { u32::MAX } else { kernel.pid_vnr(tid, lock.pid) },
            },
        };
        kernel.user(tid).write(addr, &answer.encode_64())?;
        return Ok(Outcome::Done(Ok(0)));
    }
    if exclusive && !flags.writable() || !exclusive && !flags.readable() {
        return Err(Errno::EBADF);
    }
    let Some(conflict) = conflict else {
        kernel.set_lock(file, want);
        kernel.vfs.lock_waits.remove(&tid);
        return Ok(Outcome::Done(Ok(0)));
    };
    if !matches!(command, F_SETLKW | F_OFD_SETLKW) {
        return Err(Errno::EAGAIN);
    }
    if deadlocks(kernel, owner, conflict.owner) {
        return Err(Errno::EDEADLK);
    }
    kernel.vfs.lock_waits.insert(tid, conflict.owner);
    Ok(Outcome::Sleep(Sleep::new(kernel.vfs.lock_key(file), "fcntl_setlk")))
}

/// Whether `holder` waits, through others, for a lock of `owner` (posix_locks_deadlock; open files take no part).
fn deadlocks(kernel: &mut Kernel, owner: Owner, holder: Owner) -> bool {
    let waits = |tid: &Tid| {
        let call = kernel.tasks.get(*tid).and_then(|task| task.in_syscall.as_ref());
        call.is_some_and(|call| call.waiting_on.iter().any(|key| matches!(key, WaitKey::Lock(_))))
    };
    kernel.vfs.lock_waits.retain(|tid, _| waits(tid));
    let mut at = holder;
    for _ in 0..10 {
        let Owner::Files(files) = at else { return false };
        let waiter = kernel.vfs.lock_waits.iter().find(|(tid, _)| kernel.tasks[**tid].files == files);
        match waiter {
            Some((_, &next)) if next == owner => return true,
            Some((_, &next)) => at = next,
            None => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_count_from_three_places_and_backwards() {
        let lock = |whence, start, len| Flock { kind: 0, whence, start, len, pid: 0 };
        assert_eq!(range(&lock(0, 10, 5), 100, 1000), Ok((10, 14)));
        assert_eq!(range(&lock(1, 10, 0), 100, 1000), Ok((110, i64::MAX as u64)));
        assert_eq!(range(&lock(2, 0, -10), 100, 1000), Ok((990, 999)));
        assert_eq!(range(&lock(0, 5, -10), 100, 1000), Err(Errno::EINVAL));
        assert_eq!(range(&lock(0, i64::MAX, 2), 0, 0), Err(Errno::EOVERFLOW));
        assert_eq!(range(&lock(3, 0, 0), 0, 0), Err(Errno::EINVAL));
    }
}
