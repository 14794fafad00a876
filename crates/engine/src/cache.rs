//! Translations: blocks by where their bytes are, shared by every space that maps those bytes at the same address.
use crate::lift::Lifted;
use arch::Arch;
use ir::Block;
use mmu::FrameId;
use std::collections::BTreeMap;

/// A block, by number; numbers are valid until the cache is flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockId(pub(crate) u32);

/// What makes two blocks the same (DECISIONS 13): lifted code holds absolute addresses, hence the pc.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) frame: FrameId,
    pub(crate) pc: u64,
    /// Address of the [`Arch`]: only ever compared.
    arch: usize,
    /// The frame a page-crossing instruction goes on in.
    pub(crate) second: Option<FrameId>,
}

impl Key {
    pub(crate) fn new(arch: &'static Arch, pc: u64, frame: FrameId, second: Option<FrameId>) -> Key {
        Key { frame, pc, arch: std::ptr::from_ref(arch).addr(), second }
    }
}

pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) block: Block,
}

/// All translations of a machine.
#[derive(Default)]
pub(crate) struct Cache {
    entries: Vec<Entry>,
    by_key: BTreeMap<Key, BlockId>,
    by_frame: BTreeMap<FrameId, Vec<BlockId>>,
}

/// More blocks than this, dropped ones included, and everything is flushed.
const MAX_BLOCKS: usize = 1 << 17;

impl Cache {
    pub(crate) fn find(&self, key: &Key) -> Option<BlockId> {
        self.by_key.get(key).copied()
    }

    pub(crate) fn get(&self, id: BlockId) -> &Entry {
        &self.entries[id.0 as usize]
    }

    pub(crate) fn insert(&mut self, arch: &'static Arch, lifted: Lifted) -> BlockId {
        if self.entries.len() >= MAX_BLOCKS {
            self.flush();
        }
        let id = BlockId(self.entries.len() as u32);
        let key = Key::new(arch, lifted.block.pc, lifted.frame, lifted.second);
        self.by_key.insert(key, id);
        for frame in [Some(lifted.frame), lifted.second].into_iter().flatten() {
            self.by_frame.entry(frame).or_default().push(id);
        }
        self.entries.push(Entry { key, block: lifted.block });
        id
    }

    /// Drops the translations of a frame; says how many there were.
    pub(crate) fn drop_frame(&mut self, frame: FrameId) -> usize {
        let ids = self.by_frame.remove(&frame).unwrap_or_default();
        for &id in &ids {
            let entry = &mut self.entries[id.0 as usize];
            // A block of two frames was perhaps dropped with the other one, and lifted anew since.
            if self.by_key.get(&entry.key) == Some(&id) {
                self.by_key.remove(&entry.key);
            }
            entry.block.ops = Vec::new();
        }
        ids.len()
    }

    pub(crate) fn flush(&mut self) {
        self.entries.clear();
        self.by_key.clear();
        self.by_frame.clear();
    }
}
