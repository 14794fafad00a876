//! The jump cache: what is at an address in a context, for jumps that are not linked. Read by compiled code.

/// How many lines it has. Most programs touch few of them, and memory that is not touched costs nothing.
pub(crate) const LINES: usize = 1 << 15;

/// A line: offsets of the address, the context's number (0 in an empty one), and where the code is; bytes of all.
pub(crate) const PC: usize = 0;
pub(crate) const CONTEXT: usize = 8;
pub(crate) const ENTRY: usize = 16;
pub(crate) const LINE: usize = 32;
const WORDS: usize = LINE / size_of::<u64>();

/// Which line is an address's. Multiplied, since blocks begin at like offsets of neighbouring pages.
pub(crate) fn line(pc: u64) -> usize {
    ((pc as u32).wrapping_mul(SPREAD) >> LINE_SHIFT) as usize
}

/// 2^32 by the golden ratio.
pub(crate) const SPREAD: u32 = 0x9e37_79b1;
pub(crate) const LINE_SHIFT: u32 = u32::BITS - LINES.ilog2();

pub(crate) struct Jumps {
    words: Vec<u64>,
    /// Where the first line begins, so that none is in two of the host's cache lines.
    first: usize,
}

impl Jumps {
    pub(crate) fn new() -> Jumps {
        // Zeros, which the host has not had to write.
        let words = vec![0; (LINES + 1) * WORDS];
        let first = words.as_ptr().align_offset(LINE);
        assert!(first < WORDS, "memory for words is aligned for them");
        Jumps { words, first }
    }

    /// All lines.
    pub(crate) fn lines(&self) -> &[u64] {
        &self.words[self.first..][..LINES * WORDS]
    }

    fn line_of(&mut self, pc: u64) -> &mut [u64] {
        &mut self.words[self.first + line(pc) * WORDS..][..WORDS]
    }

    pub(crate) fn set(&mut self, pc: u64, context: u32, entry: usize) {
        self.line_of(pc).copy_from_slice(&[pc, context.into(), entry as u64, 0]);
    }

    /// Empties the line of `pc` if it leads to `entry`.
    pub(crate) fn forget(&mut self, pc: u64, entry: usize) {
        let line = self.line_of(pc);
        if line[ENTRY / size_of::<u64>()] == entry as u64 {
            line.fill(0);
        }
    }
}
