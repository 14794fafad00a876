//! Shared anonymous memory: objects of frames that outlive the space that made them.
use crate::namespaces::NsId;
use mmu::{FrameId, FramePool};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An object of shared memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ShmId(pub u64);

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Shm {
    /// Areas that map it, and its segment if it has one.
    users: u32,
    /// The segment of System V that it is: namespace and number.
    segment: Option<(NsId, i32)>,
    pages: BTreeMap<u64, FrameId>,
}

/// All objects.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Shms {
    table: BTreeMap<ShmId, Shm>,
    next: u64,
}

impl Shms {
    /// A new object with one user.
    pub fn create(&mut self) -> ShmId {
        self.next += 1;
        self.table.insert(ShmId(self.next), Shm { users: 1, ..Shm::default() });
        ShmId(self.next)
    }
    pub(crate) fn users(&self, id: ShmId) -> u32 {
        self.table.get(&id).map_or(0, |shm| shm.users)
    }
    /// Pages that have been touched.
    pub(crate) fn resident(&self, id: ShmId) -> u64 {
        self.table.get(&id).map_or(0, |shm| shm.pages.len() as u64)
    }
    pub(crate) fn segment(&self, id: ShmId) -> Option<(NsId, i32)> {
        self.table.get(&id)?.segment
    }
    pub(crate) fn set_segment(&mut self, id: ShmId, segment: Option<(NsId, i32)>) {
        if let Some(shm) = self.table.get_mut(&id) {
            shm.segment = segment;
        }
    }
    pub fn hold(&mut self, id: ShmId) {
        if let Some(shm) = self.table.get_mut(&id) {
            shm.users += 1;
        }
    }
    /// One user less; the last frees the pages.
    pub fn put(&mut self, id: ShmId, frames: &mut FramePool) {
        let Some(shm) = self.table.get_mut(&id) else { return };
        shm.users -= 1;
        if shm.users == 0
            && let Some(shm) = self.table.remove(&id)
        {
            shm.pages.into_values().for_each(|frame| frames.release(frame));
        }
    }
    /// The frame of a page, made on first touch; `None` when memory is used up.
    pub fn page(&mut self, id: ShmId, index: u64, frames: &mut FramePool) -> Option<FrameId> {
        let shm = self.table.get_mut(&id)?;
        if let Some(&frame) = shm.pages.get(&index) {
            return Some(frame);
        }
        let frame = frames.alloc()?;
        shm.pages.insert(index, frame);
        Some(frame)
    }
}
