//! File locks: ranges owned by processes or open files (fcntl), whole files by open files (flock). Advisory.
use super::{FileId, FilesId, Ino, SuperId, Vfs};
use crate::{Kernel, Tid, WaitKey};
use serde::{Deserialize, Serialize};

/// Who holds a range lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Owner {
    /// A process, by its descriptor table (POSIX).
    Files(FilesId),
    /// An open file (F_OFD_).
    Open(FileId),
}

/// A locked range; `end` is inclusive, `i64::MAX` is the end of any file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RangeLock {
    pub(crate) owner: Owner,
    pub(crate) exclusive: bool,
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// What F_GETLK says.
    pub(crate) pid: Tid,
}

impl RangeLock {
    fn overlaps(&self, start: u64, end: u64) -> bool {
        self.start <= end && start <= self.end
    }
}

/// The locks of one inode.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct FileLocks {
    key: u64,
    ranges: Vec<RangeLock>,
    /// Open files that hold a flock, and whether exclusively.
    flocks: Vec<(FileId, bool)>,
}

impl FileLocks {
    /// The first lock of another owner that stands in the way.
    pub(crate) fn conflict(&self, want: &RangeLock) -> Option<RangeLock> {
        let against = |have: &&RangeLock| {
            have.owner != want.owner && have.overlaps(want.start, want.end) && (have.exclusive || want.exclusive)
        };
        self.ranges.iter().find(against).copied()
    }
    /// Locks a range for its owner, in place of what it had there, and joins it with its neighbours.
    fn lock(&mut self, mut want: RangeLock) {
        self.unlock(want.owner, want.start, want.end);
        let like = |have: &RangeLock| have.owner == want.owner && have.exclusive == want.exclusive;
        for have in self.ranges.iter().copied().filter(like).collect::<Vec<_>>() {
            if have.end.checked_add(1) == Some(want.start) || want.end.checked_add(1) == Some(have.start) {
                self.ranges.retain(|other| *other != have);
                (want.start, want.end) = (want.start.min(have.start), want.end.max(have.end));
            }
        }
        let at = self.ranges.partition_point(|have| have.start <= want.start);
        self.ranges.insert(at, want);
    }
    /// Unlocks a range; a lock that reaches beyond it is cut, one around it is split.
    fn unlock(&mut self, owner: Owner, start: u64, end: u64) -> bool {
        let mut left = Vec::with_capacity(self.ranges.len() + 1);
        let mut changed = false;
        for have in self.ranges.drain(..) {
            if have.owner != owner || !have.overlaps(start, end) {
                left.push(have);
                continue;
            }
            changed = true;
            if have.start < start {
                left.push(RangeLock { end: start - 1, ..have });
            }
            if have.end > end {
                left.push(RangeLock { start: end + 1, ..have });
            }
        }
        left.sort_by_key(|have| have.start);
        self.ranges = left;
        changed
    }
    fn is_empty(&self) -> bool {
        self.ranges.is_empty() && self.flocks.is_empty()
    }
}

impl Vfs {
    /// The locks of an inode, made if there are none.
    fn locks_of(&mut self, inode: (SuperId, Ino)) -> &mut FileLocks {
        if !self.locks.contains_key(&inode) {
            let key = self.new_key();
            self.locks.insert(inode, FileLocks { key, ..FileLocks::default() });
        }
        self.locks.entry(inode).or_default()
    }
    /// The lock that stands in the way of one.
    pub(crate) fn lock_conflict(&self, file: FileId, want: &RangeLock) -> Option<RangeLock> {
        self.locks.get(&self.inode(self.file(file).path))?.conflict(want)
    }
    /// What a waiter for the file's locks sleeps on.
    pub(crate) fn lock_key(&mut self, file: FileId) -> WaitKey {
        let inode = self.inode(self.file(file).path);
        WaitKey::Lock(self.locks_of(inode).key)
    }
    /// The text of /proc/locks (fs/locks.c: lock_get_status). `pid_of` says who has an open file.
    pub(crate) fn proc_locks(&self, pid_of: impl Fn(FileId) -> i64) -> String {
        let mut text = String::new();
        let mut number = 0;
        let mut line = |kind: &str, exclusive: bool, pid: i64, (sup, ino): (SuperId, Ino), start: u64, end: u64| {
            number += 1;
            let (dev, mode) = (Vfs::super_dev(sup), if exclusive { "WRITE" } else { "READ" });
            let end = if end >= i64::MAX as u64 { "EOF".into() } else { end.to_string() };
            let (major, minor) = (abi::major(dev), abi::minor(dev));
            text += &format!(
                "{number}: {kind:<6} ADVISORY  {mode:<5} {pid} {major:02x}:{minor:02x}:{} {start} {end}\n",
                ino.0
            );
        };
        for (&inode, locks) in &self.locks {
            for lock in &locks.ranges {
                let (kind, pid) = match lock.owner {
                    Owner::Files(_) => ("POSIX", i64::from(lock.pid.0)),
                    Owner::Open(_) => ("OFDLCK", -1),
                };
                line(kind, lock.exclusive, pid, inode, lock.start, lock.end);
            }
            for &(file, exclusive) in &locks.flocks {
                line("FLOCK", exclusive, pid_of(file), inode, 0, i64::MAX as u64);
            }
        }
        text
    }
}

impl Kernel {
    /// Locks a range that nothing stands in the way of.
    pub(crate) fn set_lock(&mut self, file: FileId, want: RangeLock) {
        let inode = self.vfs.inode(self.vfs.file(file).path);
        let locks = self.vfs.locks_of(inode);
        // A write lock that becomes a read lock lets readers in.
        let key = WaitKey::Lock(locks.key);
        locks.lock(want);
        self.tasks.wake_all(key);
    }
    /// Unlocks a range and wakes who waits.
    pub(crate) fn clear_lock(&mut self, inode: (SuperId, Ino), owner: Owner, start: u64, end: u64) {
        let Some(locks) = self.vfs.locks.get_mut(&inode) else { return };
        if locks.unlock(owner, start, end) {
            self.locks_changed(inode);
        }
    }
    fn locks_changed(&mut self, inode: (SuperId, Ino)) {
        let Some(locks) = self.vfs.locks.get(&inode) else { return };
        let key = WaitKey::Lock(locks.key);
        if locks.is_empty() {
            self.vfs.locks.remove(&inode);
        }
        self.tasks.wake_all(key);
    }

    /// flock: takes, changes or drops the file's lock; false if others stand in the way. A change first drops what it had.
    pub(crate) fn set_flock(&mut self, file: FileId, exclusive: Option<bool>) -> bool {
        let inode = self.vfs.inode(self.vfs.file(file).path);
        let locks = self.vfs.locks_of(inode);
        if let (Some(want), Some(&(_, have))) = (exclusive, locks.flocks.iter().find(|lock| lock.0 == file))
            && want == have
        {
            return true;
        }
        let before = locks.flocks.len();
        locks.flocks.retain(|lock| lock.0 != file);
        let dropped = locks.flocks.len() != before;
        let granted = match exclusive {
            Some(want) => {
                let free = locks.flocks.iter().all(|&(_, have)| !have && !want);
                if free {
                    locks.flocks.push((file, want));
                }
                free
            }
            None => true,
        };
        if dropped || locks.is_empty() {
            self.locks_changed(inode);
        }
        granted
    }
    /// The last use of an open file is gone.
    pub(super) fn drop_file_locks(&mut self, inode: (SuperId, Ino), file: FileId) {
        let Some(locks) = self.vfs.locks.get_mut(&inode) else { return };
        let before = locks.flocks.len();
        locks.flocks.retain(|lock| lock.0 != file);
        if locks.unlock(Owner::Open(file), 0, u64::MAX) || locks.flocks.len() != before {
            self.locks_changed(inode);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(owner: u32, exclusive: bool, start: u64, end: u64) -> RangeLock {
        RangeLock { owner: Owner::Files(FilesId(owner)), exclusive, start, end, pid: Tid(owner) }
    }
    fn ranges(locks: &FileLocks) -> Vec<(u64, u64, bool)> {
        locks.ranges.iter().map(|l| (l.start, l.end, l.exclusive)).collect()
    }

    #[test]
    fn ranges_split_and_join() {
        let mut locks = FileLocks::default();
        locks.lock(lock(1, true, 0, 99));
        locks.unlock(Owner::Files(FilesId(1)), 40, 59);
        assert_eq!(ranges(&locks), [(0, 39, true), (60, 99, true)]);
        locks.lock(lock(1, false, 30, 69));
        assert_eq!(ranges(&locks), [(0, 29, true), (30, 69, false), (70, 99, true)]);
        locks.lock(lock(1, true, 30, 69));
        assert_eq!(ranges(&locks), [(0, 99, true)]);
        locks.unlock(Owner::Files(FilesId(1)), 0, u64::MAX);
        assert!(locks.is_empty());
    }

    #[test]
    fn readers_share_and_writers_do_not() {
        let mut locks = FileLocks::default();
        locks.lock(lock(1, false, 10, 20));
        assert_eq!(locks.conflict(&lock(2, false, 0, 100)), None);
        assert_eq!(locks.conflict(&lock(2, true, 20, 100)).map(|l| l.pid), Some(Tid(1)));
        assert_eq!(locks.conflict(&lock(2, true, 21, 100)), None);
        assert_eq!(locks.conflict(&lock(1, true, 0, 100)), None);
    }
}
