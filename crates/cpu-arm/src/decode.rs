//! From an instruction word to its table row: bit patterns become mask and value once, indexed by the top bits.
use crate::insns;
use ir::{Builder, Flow};
use std::sync::LazyLock;

/// Writes what an instruction does; `None` is an encoding that is not allocated.
pub(crate) type Semantics = fn(&mut Builder, Word) -> Option<Flow>;

/// A table row: the mnemonic, the bits (31 first) and what it does.
pub(crate) struct Insn {
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests hold it against the reference disassembler"))]
    pub(crate) name: &'static str,
    pub(crate) bits: &'static str,
    pub(crate) lift: Semantics,
}

/// A row. In `bits`, digits are fixed; `name` or `name:width` is a field, 5 wide for registers, n for `immn`, else 1.
pub(crate) const fn insn(name: &'static str, bits: &'static str, lift: Semantics) -> Insn {
    Insn { name, bits, lift }
}

/// An instruction word and where it stands. Fields have the manual's names.
#[derive(Clone, Copy)]
pub(crate) struct Word {
    pub(crate) bits: u32,
    pub(crate) pc: u64,
}

impl Word {
    pub(crate) fn at(self, lsb: u32, width: u32) -> u32 {
        self.bits >> lsb & ((1 << width) - 1)
    }
    pub(crate) fn signed(self, lsb: u32, width: u32) -> i64 {
        i64::from((self.bits << (32 - lsb - width)) as i32 >> (32 - width))
    }
    pub(crate) fn bit(self, n: u32) -> bool {
        self.at(n, 1) != 0
    }
    pub(crate) fn rd(self) -> u8 {
        self.at(0, 5) as u8
    }
    pub(crate) fn rt(self) -> u8 {
        self.rd()
    }
    pub(crate) fn rn(self) -> u8 {
        self.at(5, 5) as u8
    }
    pub(crate) fn ra(self) -> u8 {
        self.at(10, 5) as u8
    }
    pub(crate) fn rt2(self) -> u8 {
        self.ra()
    }
    pub(crate) fn rm(self) -> u8 {
        self.at(16, 5) as u8
    }
    pub(crate) fn rs(self) -> u8 {
        self.rm()
    }
    /// Bit 31: 64-bit operation.
    pub(crate) fn sf(self) -> bool {
        self.bit(31)
    }
    /// Bit 30: 128-bit vectors.
    pub(crate) fn q(self) -> bool {
        self.bit(30)
    }
    /// The address behind the instruction.
    pub(crate) fn next(self) -> u64 {
        self.pc.wrapping_add(4)
    }
}

/// A pattern's fixed bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub(crate) mask: u32,
    pub(crate) value: u32,
}

impl Pattern {
    /// Panics on a malformed row, which the table's test would have met.
    pub(crate) fn parse(bits: &str) -> Pattern {
        let (mut mask, mut value, mut left) = (0u32, 0u32, 32);
        for token in bits.split_whitespace() {
            if token.bytes().all(|b| matches!(b, b'0' | b'1')) {
                for b in token.bytes() {
                    left -= 1;
                    mask |= 1 << left;
                    value |= u32::from(b == b'1') << left;
                }
            } else {
                left -= field_width(token);
            }
        }
        assert!(left == 0, "{bits}: {left} bits are missing");
        Pattern { mask, value }
    }
    pub(crate) fn matches(self, word: u32) -> bool {
        word & self.mask == self.value
    }
}

fn field_width(token: &str) -> u32 {
    if let Some((_, width)) = token.split_once(':') {
        return width.parse().expect("a field's width is a number");
    }
    match token {
        "rd" | "rn" | "rm" | "ra" | "rt" | "rt2" | "rs" => 5,
        _ => token.strip_prefix("imm").and_then(|n| n.parse().ok()).unwrap_or(1),
    }
}

/// Bits 31..21 choose the rows to look at.
const INDEX_SHIFT: u32 = 21;

/// The table, ready for look-up.
pub(crate) struct Table {
    pub(crate) rows: Vec<(Pattern, &'static Insn)>,
    index: Vec<Vec<u16>>,
}

pub(crate) static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let rows: Vec<_> =
        insns::PARTS.iter().flat_map(|(_, part)| part.iter()).map(|i| (Pattern::parse(i.bits), i)).collect();
    let mut index = vec![Vec::new(); 1 << (32 - INDEX_SHIFT)];
    for (n, (pattern, _)) in (0u16..).zip(&rows) {
        // Every setting of the high bits that the row leaves open.
        let open = !pattern.mask & (!0 << INDEX_SHIFT);
        let mut setting = open;
        loop {
            index[((pattern.value | setting) >> INDEX_SHIFT) as usize].push(n);
            if setting == 0 {
                break;
            }
            setting = (setting - 1) & open;
        }
    }
    Table { rows, index }
});

impl Table {
    /// The first row that matches.
    pub(crate) fn find(&self, word: u32) -> Option<&'static Insn> {
        let bucket = &self.index[(word >> INDEX_SHIFT) as usize];
        bucket.iter().map(|&n| &self.rows[n as usize]).find(|(p, _)| p.matches(word)).map(|&(_, insn)| insn)
    }
}
