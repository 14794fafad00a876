//! Frames: the guest's physical memory, counted by who maps them (guest sharing) and by which machines hold them
//! (host sharing, after a snapshot).
mod arena;
mod saved;

use crate::view::Views;
use crate::{AddressSpace, PAGE_SIZE};
pub(crate) use arena::CHUNK;
use arena::{ArenaId, Arenas, Page, ZEROS};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A frame of guest memory, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FrameId(pub u32);

#[derive(Clone)]
struct Frame {
    /// Where its bytes are; `None` while the frame is free.
    arena: Option<ArenaId>,
    /// How many page table entries and file pages of this machine refer to it.
    users: u32,
    /// Translations of its bytes exist: a write must be announced.
    code: bool,
}

/// All guest memory of a machine.
pub struct FramePool {
    frames: Vec<Frame>,
    arenas: Arenas,
    /// Given out from the lowest on, to be neighbours.
    free: BTreeSet<FrameId>,
    used: usize,
    limit: usize,
    pub(crate) views: Views,
    dirty_code: Vec<FrameId>,
    /// Exclusive monitors: (frame, 64-byte granule, owner), and the same by owner, who has one at most.
    monitors: BTreeSet<(FrameId, u8, u64)>,
    monitor_of: BTreeMap<u64, (FrameId, u8)>,
    /// Who runs now. Its own stores break nobody's monitor where all are its own, so views may let such frames be written:
    /// these, until another runs.
    runs: u64,
    trusted: BTreeSet<FrameId>,
    next_space: u64,
}

impl FramePool {
    /// A pool that gives out at most `limit` frames.
    pub fn new(limit: usize) -> FramePool {
        FramePool {
            frames: Vec::new(),
            arenas: Arenas::default(),
            free: BTreeSet::new(),
            used: 0,
            limit,
            views: Views::default(),
            dirty_code: Vec::new(),
            monitors: BTreeSet::new(),
            monitor_of: BTreeMap::new(),
            runs: 0,
            trusted: BTreeSet::new(),
            next_space: 1,
        }
    }

    /// A second pool with the same contents; bytes are shared until one side writes. Views are dropped on both sides.
    pub fn snapshot(&mut self) -> FramePool {
        self.views.drop_all();
        FramePool {
            frames: self.frames.clone(),
            arenas: self.arenas.clone(),
            free: self.free.clone(),
            used: self.used,
            limit: self.limit,
            views: Views::default(),
            dirty_code: self.dirty_code.clone(),
            monitors: self.monitors.clone(),
            monitor_of: self.monitor_of.clone(),
            runs: 0,
            trusted: BTreeSet::new(),
            next_space: self.next_space,
        }
    }

    /// Frames in use, and the most there may be.
    pub fn usage(&self) -> (usize, usize) {
        (self.used, self.limit)
    }

    /// A zeroed frame with one user; `None` when memory is used up.
    pub fn alloc(&mut self) -> Option<FrameId> {
        self.alloc_page(&ZEROS)
    }

    /// A frame with the same bytes and one user.
    pub fn copy(&mut self, id: FrameId) -> Option<FrameId> {
        let bytes = *self.bytes(id);
        self.alloc_page(&bytes)
    }

    fn alloc_page(&mut self, bytes: &Page) -> Option<FrameId> {
        if self.used >= self.limit {
            return None;
        }
        self.used += 1;
        let id = self.free.pop_first().unwrap_or(FrameId(self.frames.len() as u32));
        let frame = Frame { arena: Some(self.arenas.take(id, bytes)), users: 1, code: false };
        match self.frames.get_mut(id.0 as usize) {
            Some(free) => *free = frame,
            None => self.frames.push(frame),
        }
        Some(id)
    }

    /// Adds a user.
    pub fn share(&mut self, id: FrameId) -> FrameId {
        self.frames[id.0 as usize].users += 1;
        id
    }

    /// Takes a user away; the last one frees the frame.
    pub fn release(&mut self, id: FrameId) {
        let frame = &mut self.frames[id.0 as usize];
        frame.users -= 1;
        if frame.users == 0 {
            if let Some(arena) = frame.arena.take() {
                self.arenas.give_back(arena);
            }
            if frame.code {
                frame.code = false;
                self.dirty_code.push(id);
            }
            self.views.forget_frame(id);
            self.clear_monitors(id, 0, PAGE_SIZE as usize, None);
            self.free.insert(id);
            self.used -= 1;
        }
    }

    /// How many users the frame has.
    pub fn users(&self, id: FrameId) -> u32 {
        self.frames[id.0 as usize].users
    }

    fn arena(&self, id: FrameId) -> ArenaId {
        self.frames[id.0 as usize].arena.expect("a frame id is held only while the frame has users")
    }

    fn page(&self, id: FrameId) -> *mut Page {
        self.arenas.page(self.arena(id), id)
    }

    pub fn bytes(&self, id: FrameId) -> &[u8; PAGE_SIZE as usize] {
        self.arenas.bytes(self.arena(id), id)
    }

    /// Writes bytes, on behalf of whoever `writer` is (a task's exclusive monitor survives its own stores).
    /// `offset + data.len()` is at most a page.
    pub fn write(&mut self, id: FrameId, offset: usize, data: &[u8], writer: Option<u64>) {
        let bytes = self.before_write(id, offset, data.len(), writer);
        bytes[offset..offset + data.len()].copy_from_slice(data);
    }

    /// All that a write implies: unshares the page from other machines, announces code, breaks others' monitors.
    fn before_write(
        &mut self,
        id: FrameId,
        offset: usize,
        len: usize,
        writer: Option<u64>,
    ) -> &mut [u8; PAGE_SIZE as usize] {
        self.unshare(id);
        if std::mem::take(&mut self.frames[id.0 as usize].code) {
            self.dirty_code.push(id);
        }
        self.clear_monitors(id, offset, len, writer);
        self.arenas.bytes_mut(self.arena(id), id)
    }

    /// Makes the page this machine's own; it may move, so views forget it.
    fn unshare(&mut self, id: FrameId) {
        let arena = self.arena(id);
        if self.arenas.is_shared(arena) {
            let bytes = *self.bytes(id);
            self.frames[id.0 as usize].arena = Some(self.arenas.take(id, &bytes));
            self.arenas.give_back(arena);
            self.views.forget_frame(id);
        }
    }

    /// Address of the frame's bytes for a read view; valid until the views forget the frame.
    pub(crate) fn read_address(&self, id: FrameId) -> u64 {
        self.page(id) as u64
    }

    /// Address for a write view, or `None` while writes must be announced.
    pub(crate) fn write_address(&mut self, id: FrameId) -> Option<u64> {
        if self.is_code(id) || self.others_monitor(id) {
            return None;
        }
        if self.is_monitored(id) {
            self.trusted.insert(id);
        }
        self.unshare(id);
        Some(self.page(id) as u64)
    }

    /// The same for a write that needs no announcement as things are.
    pub(crate) fn unannounced_address(&self, id: FrameId) -> Option<u64> {
        let announced = self.is_code(id) || self.others_monitor(id) || self.arenas.is_shared(self.arena(id));
        (!announced).then(|| self.read_address(id))
    }

    // Code.

    /// Notes that translations of the frame exist; every writer now takes the slow path.
    pub fn mark_code(&mut self, id: FrameId) {
        let frame = &mut self.frames[id.0 as usize];
        if !frame.code {
            frame.code = true;
            self.views.forget_writes(id);
        }
    }

    pub fn is_code(&self, id: FrameId) -> bool {
        self.frames[id.0 as usize].code
    }

    /// Code frames written or freed since the last call: their translations are void.
    pub fn take_dirty_code(&mut self) -> Vec<FrameId> {
        std::mem::take(&mut self.dirty_code)
    }

    pub fn has_dirty_code(&self) -> bool {
        !self.dirty_code.is_empty()
    }

    // Exclusive monitors.

    fn monitors_of(&self, id: FrameId) -> impl Iterator<Item = &(FrameId, u8, u64)> {
        self.monitors.range((id, 0, 0)..=(id, u8::MAX, u64::MAX))
    }

    fn is_monitored(&self, id: FrameId) -> bool {
        self.monitors_of(id).next().is_some()
    }

    /// Whether a store of who runs now may have to break a monitor.
    fn others_monitor(&self, id: FrameId) -> bool {
        self.monitors_of(id).any(|monitor| monitor.2 != self.runs)
    }

    /// `owner` runs from now on.
    pub(crate) fn run(&mut self, owner: u64) {
        if std::mem::replace(&mut self.runs, owner) != owner {
            for id in std::mem::take(&mut self.trusted) {
                self.views.forget_writes(id);
            }
        }
    }

    /// Arms `owner`'s monitor on the granule at `offset`, in place of an earlier one.
    pub fn monitor(&mut self, id: FrameId, offset: usize, owner: u64) {
        self.disarm(owner);
        let granule = (offset / 64) as u8;
        self.monitors.insert((id, granule, owner));
        self.monitor_of.insert(owner, (id, granule));
        if self.others_monitor(id) {
            self.views.forget_writes(id);
        } else {
            self.trusted.insert(id);
        }
    }

    /// Disarms `owner`'s monitor; true if it was on the granule at `offset` and no other's store had disarmed it.
    pub fn unmonitor(&mut self, id: FrameId, offset: usize, owner: u64) -> bool {
        self.disarm(owner) == Some((id, (offset / 64) as u8))
    }

    /// Disarms `owner`'s monitor wherever it is (signal delivery, exit).
    pub fn disarm(&mut self, owner: u64) -> Option<(FrameId, u8)> {
        let monitor = self.monitor_of.remove(&owner);
        if let Some((id, granule)) = monitor {
            self.monitors.remove(&(id, granule, owner));
        }
        monitor
    }

    fn clear_monitors(&mut self, id: FrameId, offset: usize, len: usize, except: Option<u64>) {
        if self.monitors.is_empty() || len == 0 {
            return;
        }
        let granules = (id, (offset / 64) as u8, 0)..=(id, ((offset + len - 1) / 64) as u8, u64::MAX);
        let hit: Vec<_> = self.monitors.range(granules).filter(|m| Some(m.2) != except).copied().collect();
        for monitor in hit {
            self.monitors.remove(&monitor);
            self.monitor_of.remove(&monitor.2);
        }
    }

    // Address spaces.

    /// An empty address space.
    pub fn new_space(&mut self) -> AddressSpace {
        self.next_space += 1;
        AddressSpace::new(self.next_space)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_shares_until_either_side_writes() {
        let mut a = FramePool::new(10);
        let id = a.alloc().unwrap();
        a.write(id, 0, b"one", None);
        let mut b = a.snapshot();
        a.write(id, 0, b"two", None);
        assert_eq!(&b.bytes(id)[..3], b"one");
        b.write(id, 4, b"x", None);
        assert_eq!(&a.bytes(id)[..5], b"two\0\0");
    }

    #[test]
    fn frames_are_neighbours_and_stay_where_they_are_unless_shared() {
        let mut a = FramePool::new(2000);
        let ids: Vec<_> = (0..1000).map(|_| a.alloc().unwrap()).collect();
        let at = |pool: &FramePool, i: usize| pool.read_address(ids[i]);
        assert_eq!(at(&a, 501), at(&a, 500) + PAGE_SIZE);
        let before = at(&a, 7);
        let b = a.snapshot();
        a.write(ids[7], 0, b"moved", None);
        assert!(at(&a, 7) != before && at(&b, 7) == before && at(&a, 8) == at(&b, 8));
        drop(b);
        let before = at(&a, 8);
        a.write(ids[8], 0, b"kept", None);
        assert_eq!(at(&a, 8), before);
        ids.iter().for_each(|&id| a.release(id));
        assert_eq!(a.usage(), (0, 2000));
    }

    #[test]
    fn memory_ends_at_the_limit_and_comes_back() {
        let mut pool = FramePool::new(2);
        let (a, _b) = (pool.alloc().unwrap(), pool.alloc().unwrap());
        assert!(pool.alloc().is_none() && pool.copy(a).is_none());
        pool.release(a);
        assert_eq!(pool.usage(), (1, 2));
        assert_eq!(pool.alloc(), Some(a));
    }

    #[test]
    fn writing_or_freeing_code_is_announced_once() {
        let mut pool = FramePool::new(2);
        let id = pool.alloc().unwrap();
        pool.mark_code(id);
        pool.write(id, 0, &[1], None);
        pool.write(id, 0, &[2], None);
        assert_eq!(pool.take_dirty_code(), [id]);
        pool.mark_code(id);
        pool.release(id);
        assert_eq!(pool.take_dirty_code(), [id]);
    }

    #[test]
    fn a_monitor_survives_its_owner_and_other_granules_only() {
        let mut pool = FramePool::new(1);
        let id = pool.alloc().unwrap();
        pool.monitor(id, 64, 7);
        pool.write(id, 64, &[1], Some(7));
        pool.write(id, 0, &[1; 64], Some(8));
        assert!(pool.unmonitor(id, 64, 7));
        pool.monitor(id, 64, 7);
        pool.write(id, 60, &[1; 8], Some(8));
        assert!(!pool.unmonitor(id, 64, 7));
    }

    #[test]
    fn the_stores_of_who_runs_need_not_be_announced_to_its_own_monitor() {
        let mut pool = FramePool::new(1);
        let id = pool.alloc().unwrap();
        pool.run(7);
        pool.monitor(id, 0, 7);
        assert!(pool.write_address(id).is_some() && pool.trusted.contains(&id));
        pool.run(8);
        assert!(pool.trusted.is_empty() && pool.write_address(id).is_none());
        pool.run(7);
        assert!(pool.write_address(id).is_some());
        pool.monitor(id, 128, 8);
        assert!(pool.write_address(id).is_none());
    }

    #[test]
    fn an_owner_has_one_monitor() {
        let mut pool = FramePool::new(1);
        let id = pool.alloc().unwrap();
        pool.monitor(id, 0, 7);
        pool.monitor(id, 128, 7);
        assert!(pool.unmonitor(id, 128, 7));
        assert!(!pool.is_monitored(id));
    }
}
