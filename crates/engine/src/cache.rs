//! Translations: blocks by where their bytes are, shared by every space that maps those bytes at the same address.
use crate::compact::{Code, JumpCache, Lowered, Opcode, lower};
use crate::compiler::{Compiler, How};
use crate::context::{Context, Contexts};
use crate::lift::Lifted;
use crate::seen::Seen;
use arch::Arch;
use ir::{Block, Op};
use mmu::{AddressSpace, FrameId};
use rustc_hash::FxHashMap;

/// A block, by number; numbers are valid until the cache is flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockId(pub(crate) u32);

/// What makes two blocks the same: lifted code holds absolute addresses, hence the pc.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    frame: FrameId,
    pc: u64,
    /// Address of the [`Arch`]: only ever compared.
    arch: usize,
    /// The frame a page-crossing instruction goes on in.
    second: Option<FrameId>,
}

impl Key {
    pub(crate) fn new(arch: &'static Arch, pc: u64, frame: FrameId, second: Option<FrameId>) -> Key {
        Key { frame, pc, arch: std::ptr::from_ref(arch).addr(), second }
    }
}

pub(crate) struct Entry {
    key: Key,
    /// As lifted.
    pub(crate) block: Block,
    arch: &'static Arch,
    /// How often it has been asked for; the second time it is lowered.
    asked: u32,
    pub(crate) lowered: Option<Lowered>,
    /// In which life of the compiler it was compiled, without and with a window.
    native: [Option<u32>; 2],
    /// Its frame is no more what it was.
    dropped: bool,
}

/// All translations of a machine. Its hash maps are asked by key alone: in which order they hold things, nobody sees.
#[derive(Default)]
pub(crate) struct Cache {
    entries: Vec<Entry>,
    by_key: FxHashMap<Key, BlockId>,
    by_frame: FxHashMap<FrameId, Vec<BlockId>>,
    /// The compact form of all blocks, and the operations it refers to.
    pub(crate) code: Vec<Code>,
    pub(crate) plain: Vec<Op>,
    /// Where in the code blocks begin, ascending.
    places: Vec<(u32, BlockId)>,
    pub(crate) jumps: JumpCache,
    /// Which blocks were found of late.
    seen: Seen,
    contexts: Contexts,
    /// How often everything was dropped.
    pub(crate) flushes: u64,
    /// The compiler's life: ends when it drops everything.
    native_life: u32,
}

/// More of any of these, dropped ones included, and everything is flushed.
const MAX_BLOCKS: usize = 1 << 17;
const MAX_CODE: usize = 1 << 22;

impl Cache {
    pub(crate) fn find(&self, key: &Key) -> Option<BlockId> {
        self.by_key.get(key).copied()
    }

    /// The block found last at `pc` in `context`, if that is known.
    pub(crate) fn seen(&self, pc: u64, context: Context) -> Option<BlockId> {
        self.seen.find(pc, context).map(BlockId).filter(|&id| !self.get(id).dropped)
    }

    pub(crate) fn saw(&mut self, pc: u64, context: Context, id: BlockId) {
        self.seen.set(pc, context, id.0);
    }

    pub(crate) fn get(&self, id: BlockId) -> &Entry {
        &self.entries[id.0 as usize]
    }

    pub(crate) fn insert(&mut self, arch: &'static Arch, lifted: Lifted) -> BlockId {
        if self.entries.len() >= MAX_BLOCKS || self.code.len() >= MAX_CODE {
            self.flush();
        }
        let id = BlockId(self.entries.len() as u32);
        let key = Key::new(arch, lifted.block.pc, lifted.frame, lifted.second);
        self.by_key.insert(key, id);
        for frame in [Some(lifted.frame), lifted.second].into_iter().flatten() {
            self.by_frame.entry(frame).or_default().push(id);
        }
        self.entries.push(Entry {
            key,
            block: lifted.block,
            arch,
            asked: 0,
            lowered: None,
            native: [None; 2],
            dropped: false,
        });
        id
    }

    /// Where the compact form of a block begins; made when the block is asked for a second time, since much code runs once.
    pub(crate) fn entry(&mut self, id: BlockId) -> Option<u32> {
        let entry = &mut self.entries[id.0 as usize];
        entry.asked = entry.asked.saturating_add(1);
        if entry.lowered.is_none() && entry.asked > 1 {
            let mut block = entry.block.clone();
            ir::optimise(&mut block);
            let chain = entry.key.second.is_none();
            let lowered = lower(&block, chain, &mut self.code, &mut self.plain);
            self.places.push((lowered.entry, id));
            entry.lowered = Some(lowered);
        }
        entry.lowered.as_ref().map(|lowered| lowered.entry)
    }

    /// Whether the block's frame alone decides what its bytes are. Only such blocks may be linked to: the second frame of
    /// the others is looked up each time, since another may be there by then.
    pub(crate) fn in_one_frame(&self, id: BlockId) -> bool {
        self.get(id).key.second.is_none()
    }

    /// Its compiled form is gone.
    pub(crate) fn forget_compiled(&mut self, id: BlockId) {
        self.entries[id.0 as usize].native = [None; 2];
    }

    /// How often numbers and places in code became invalid.
    pub(crate) fn lives(&self) -> (u64, u32) {
        (self.flushes, self.native_life)
    }

    /// Whether the block is compiled; it is when it has been asked for `threshold` times. A compiler without room for it loses
    /// all it has.
    pub(crate) fn compiled(
        &mut self,
        id: BlockId,
        compiler: &mut dyn Compiler,
        threshold: u32,
        windowed: bool,
    ) -> bool {
        let entry = &mut self.entries[id.0 as usize];
        if entry.native[windowed as usize] == Some(self.native_life) {
            return true;
        }
        entry.asked = entry.asked.saturating_add(1);
        if entry.asked < threshold {
            return false;
        }
        let mut block = entry.block.clone();
        ir::optimise(&mut block);
        let how = How { chain: entry.key.second.is_none(), windowed };
        if !compiler.compile(entry.arch.isa, id.0, &block, how) {
            compiler.flush();
            self.native_life += 1;
            if !compiler.compile(entry.arch.isa, id.0, &block, how) {
                return false;
            }
        }
        entry.native[windowed as usize] = Some(self.native_life);
        true
    }

    /// The blocks that are compiled now: architecture, address, number, whether for a window.
    pub(crate) fn native_blocks(&self) -> impl Iterator<Item = (&'static Arch, u64, BlockId, bool)> {
        self.entries.iter().enumerate().flat_map(|(number, entry)| {
            let live = [false, true].into_iter().filter(|&how| entry.native[how as usize] == Some(self.native_life));
            live.map(move |windowed| (entry.arch, entry.block.pc, BlockId(number as u32), windowed))
        })
    }

    /// The block whose code is at `ip`.
    pub(crate) fn block_of(&self, ip: u32) -> BlockId {
        let after = self.places.partition_point(|place| place.0 <= ip);
        self.places[after - 1].1
    }

    /// The guest address that code at `ip` goes on at: a stub's, or that of the block that begins there.
    pub(crate) fn address_of(&self, ip: u32) -> u64 {
        let code = &self.code[ip as usize];
        if code.op == Opcode::Stub { code.value() } else { self.get(self.block_of(ip)).block.pc }
    }

    /// Lets the ends that lead to the stub at `stub` go to `entry` directly.
    pub(crate) fn link(&mut self, stub: u32, entry: u32) {
        let Some(from) = self.get(self.block_of(stub)).lowered.as_ref().map(|lowered| lowered.entry) else { return };
        for code in &mut self.code[from as usize..stub as usize] {
            if code.op.has_targets() {
                if code.x == stub {
                    code.x = entry;
                }
                if code.y == stub {
                    code.y = entry;
                }
            }
        }
    }

    /// The number of a space as it is now, for jump caches and links out of a page.
    pub(crate) fn context(&mut self, arch: &'static Arch, space: &AddressSpace, windowed: bool) -> Context {
        let key = (space.id(), space.exec_generation(), std::ptr::from_ref(arch).addr(), windowed);
        loop {
            if let Some(number) = self.contexts.number(key) {
                return number;
            }
            self.flush();
        }
    }

    /// Drops the translations of a frame; says which there were. Only blocks of the same frame are linked to them; jump
    /// cache lines find them dead.
    pub(crate) fn drop_frame(&mut self, frame: FrameId) -> Vec<BlockId> {
        let ids = self.by_frame.remove(&frame).unwrap_or_default();
        for &id in &ids {
            let entry = &mut self.entries[id.0 as usize];
            // A block of two frames was perhaps dropped with the other one, and lifted anew since.
            if self.by_key.get(&entry.key) == Some(&id) {
                self.by_key.remove(&entry.key);
            }
            if let Some(lowered) = &entry.lowered {
                self.code[lowered.entry as usize] = Code::of(Opcode::Dead);
            }
            entry.block.ops = Vec::new();
            entry.dropped = true;
        }
        ids
    }

    fn flush(&mut self) {
        self.entries.clear();
        self.by_key.clear();
        self.by_frame.clear();
        self.code.clear();
        self.plain.clear();
        self.places.clear();
        self.jumps.clear();
        self.seen.clear();
        self.flushes += 1;
        self.native_life += 1;
    }
}
