//! Which block is at an address in a space, found without page table and hash map.
use crate::context::Context;

/// A line: the address; the context's number above the block's.
type Line = [u64; 2];

const LINES: usize = 1 << 14;

/// Direct-mapped. A line may name a block that has been dropped.
#[derive(Default)]
pub(crate) struct Seen {
    /// None of them before the first is set.
    lines: Vec<Line>,
}

impl Seen {
    fn index(pc: u64) -> usize {
        (pc ^ pc >> 12) as usize % LINES
    }

    pub(crate) fn find(&self, pc: u64, context: Context) -> Option<u32> {
        let &[at, found] = self.lines.get(Self::index(pc))?;
        (at == pc && (found >> 32) as u32 == context).then_some(found as u32)
    }

    pub(crate) fn set(&mut self, pc: u64, context: Context, block: u32) {
        if self.lines.is_empty() {
            self.lines = vec![[0; 2]; LINES];
        }
        self.lines[Self::index(pc)] = [pc, u64::from(context) << 32 | u64::from(block)];
    }

    pub(crate) fn clear(&mut self) {
        self.lines.fill([0; 2]);
    }
}
