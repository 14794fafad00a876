//! The jump cache: from an address in a space to code, without asking page table and block cache.
use crate::context::Context;

#[derive(Clone, Copy)]
struct Line {
    pc: u64,
    context: Context,
    entry: u32,
}

const LINES: usize = 1 << 12;
const EMPTY: Line = Line { pc: 0, context: 0, entry: 0 };

/// Direct-mapped. A line that leads to a dropped block finds it dead there.
pub(crate) struct JumpCache {
    lines: Box<[Line; LINES]>,
}

impl Default for JumpCache {
    fn default() -> JumpCache {
        JumpCache { lines: Box::new([EMPTY; LINES]) }
    }
}

impl JumpCache {
    fn index(pc: u64) -> usize {
        (pc ^ pc >> 12) as usize % LINES
    }

    #[inline(always)]
    pub(crate) fn find(&self, pc: u64, context: Context) -> Option<u32> {
        let line = &self.lines[Self::index(pc)];
        (line.pc == pc && line.context == context).then_some(line.entry)
    }

    pub(crate) fn set(&mut self, pc: u64, context: Context, entry: u32) {
        self.lines[Self::index(pc)] = Line { pc, context, entry };
    }

    pub(crate) fn clear(&mut self) {
        self.lines.fill(EMPTY);
    }
}
