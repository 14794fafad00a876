//! Between which bounds slots are known to be, so that an address near one that was checked need not be.
use ir::{BinOp, Block, MemTy, Op, Slot, Ty};

/// Bounds of a value as a signed number, both included; of its difference to a slot, if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) from: Option<Slot>,
    pub(crate) lo: i64,
    pub(crate) hi: i64,
}

/// Farther from 0 nothing is known: sums of these cannot overflow.
const FAR: i64 = 1 << 60;

/// So many ranges are kept.
const KEPT: usize = 24;

impl Range {
    fn new(lo: i64, hi: i64) -> Range {
        Range { from: None, lo, hi }
    }

    /// Of an unsigned value of so many bits.
    fn bits(bits: u32) -> Option<Range> {
        (bits < 60).then(|| Range::new(0, (1 << bits) - 1))
    }

    /// Of a signed value of so many bits.
    fn signed(bits: u32) -> Option<Range> {
        (bits < 60).then(|| Range::new(-1 << (bits - 1), (1 << (bits - 1)) - 1))
    }

    fn is_near(&self) -> bool {
        self.lo > -FAR && self.hi < FAR
    }

    fn plus(self, other: Range) -> Option<Range> {
        let from = match (self.from, other.from) {
            (from, None) | (None, from) => from,
            _ => return None,
        };
        Some(Range { from, lo: self.lo + other.lo, hi: self.hi + other.hi }).filter(Range::is_near)
    }

    fn shifted(self, by: u32) -> Option<Range> {
        let fits = self.from.is_none() && by < 60 && self.lo > -FAR >> by && self.hi < FAR >> by;
        fits.then(|| Range::new(self.lo << by, self.hi << by))
    }
}

/// What is known of slots.
#[derive(Default)]
pub(crate) struct Ranges(Vec<(Slot, Range)>);

impl Ranges {
    pub(crate) fn get(&self, s: Slot) -> Option<Range> {
        self.0.iter().find(|known| known.0 == s).map(|known| known.1)
    }

    /// The same in numbers alone, if the slot that the range is from has one.
    pub(crate) fn bounds(&self, s: Slot) -> Option<Range> {
        let range = self.get(s)?;
        match range.from {
            None => Some(range),
            Some(from) => self.get(from).filter(|of| of.from.is_none())?.plus(Range { from: None, ..range }),
        }
    }

    pub(crate) fn put(&mut self, s: Slot, range: Range) {
        self.0.retain(|known| known.0 != s);
        if self.0.len() == KEPT {
            self.0.remove(0);
        }
        self.0.push((s, range));
    }

    /// The slot has got another value.
    fn written(&mut self, s: Slot) {
        self.0.retain(|(known, range)| *known != s && range.from != Some(s));
    }

    /// The range of a slot: in numbers, or else from itself.
    fn of(&self, s: Slot) -> Range {
        self.bounds(s).or(self.get(s)).unwrap_or(Range { from: Some(s), lo: 0, hi: 0 })
    }

    /// The range of what the operation computes.
    fn result(&self, op: &Op) -> Option<Range> {
        match *op {
            Op::Const { value, .. } => Some(Range::new(value as i64, value as i64)).filter(Range::is_near),
            Op::Mov { a, .. } => Some(self.of(a)),
            Op::BinImm { op: BinOp::Add, ty: Ty::I64, a, imm, .. } => self.offset(a, imm),
            Op::BinImm { op: BinOp::Sub, ty: Ty::I64, a, imm, .. } => {
                self.of(a).plus(Range::new(-i64::from(imm), -i64::from(imm)))
            }
            Op::BinImm { op: BinOp::And, ty: Ty::I64, imm: imm @ 0.., .. } => Some(Range::new(0, imm.into())),
            Op::BinImm { op: BinOp::Shl, ty: Ty::I64, a, imm, .. } => self.bounds(a)?.shifted(imm as u32 & 63),
            Op::BinImm { op: BinOp::Shr, ty: Ty::I64, imm, .. } => Range::bits(64 - (imm as u32 & 63)),
            Op::Bin { op: BinOp::Add, ty: Ty::I64, a, b, .. } => self.of(a).plus(self.of(b)),
            Op::Lea { base, index, scale, disp, .. } => self.sum(base, index, scale, disp),
            // Narrow results have zeros above.
            Op::Bin { ty, .. } | Op::BinImm { ty, .. } | Op::Un { ty, .. } => Range::bits(ty.bits().into()),
            Op::Ext { signed: false, from, .. } => Range::bits(from.bits().into()),
            Op::Ext { signed: true, from, to: Ty::I64, .. } => Range::signed(from.bits().into()),
            Op::Ext { to, .. } => Range::bits(to.bits().into()),
            Op::Extract { signed: false, width, .. } => Range::bits(width.into()),
            Op::Load { ty, .. } | Op::LoadX { ty, .. } => match ty {
                MemTy::U8 => Range::bits(8),
                MemTy::U16 => Range::bits(16),
                MemTy::U32 => Range::bits(32),
                MemTy::S8 => Range::signed(8),
                MemTy::S16 => Range::signed(16),
                MemTy::S32 => Range::signed(32),
                _ => None,
            },
            _ => None,
        }
    }

    /// The range of base + disp.
    pub(crate) fn offset(&self, base: Slot, disp: i32) -> Option<Range> {
        self.of(base).plus(Range::new(disp.into(), disp.into()))
    }

    /// The range of base + (index << scale) + disp.
    pub(crate) fn sum(&self, base: Slot, index: Slot, scale: u8, disp: i32) -> Option<Range> {
        let index = if scale == 0 { self.of(index) } else { self.bounds(index)?.shifted(scale.into())? };
        self.offset(base, disp)?.plus(index)
    }

    /// An operation has been translated.
    pub(crate) fn after(&mut self, op: &Op) {
        let result = self.result(op);
        let writes = match op {
            Op::Insn { .. } => return,
            // By far the most, and found out sooner.
            Op::Const { d, .. } | Op::Mov { d, .. } | Op::Bin { d, .. } | Op::BinImm { d, .. } => {
                self.written(*d);
                Some(*d)
            }
            Op::Load { ty, d, .. } if ty.slots() == 1 => {
                self.written(*d);
                Some(*d)
            }
            _ => {
                let (mut d, mut copy) = (None, *op);
                copy.operands(|access, s, _| d = if access == ir::Use::Write { Some(*s) } else { d });
                let writes = op.writes();
                let met = |s: Slot| writes.meets(s, 1);
                self.0.retain(|(known, range)| !met(*known) && !range.from.is_some_and(met));
                d
            }
        };
        if let (Some(d), Some(range)) = (writes, result)
            && range.from != Some(d)
        {
            self.put(d, range);
        }
    }

    /// The block begins once more.
    pub(crate) fn again(&mut self, block: &Block) {
        let written = |s: Slot| s.is_temp() || block.ops.iter().any(|op| op.writes().meets(s, 1));
        self.0.retain(|(s, range)| !written(*s) && !range.from.is_some_and(written));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Slot = Slot(1);
    const B: Slot = Slot(2);
    const C: Slot = Slot(3);

    fn add(d: Slot, a: Slot, imm: i32) -> Op {
        Op::BinImm { op: BinOp::Add, ty: Ty::I64, d, a, imm }
    }

    #[test]
    fn sums_are_known_from_their_parts() {
        let mut ranges = Ranges::default();
        ranges.after(&Op::Ext { signed: false, from: Ty::I8, to: Ty::I32, d: B, a: B });
        ranges.after(&Op::Lea { d: C, base: A, index: B, scale: 2, disp: 8 });
        assert_eq!(ranges.get(C), Some(Range { from: Some(A), lo: 8, hi: 8 + 4 * 255 }));
        assert_eq!(ranges.bounds(C), None);
        ranges.put(A, Range::new(0, 1000));
        assert_eq!(ranges.bounds(C), Some(Range::new(8, 2028)));
        ranges.after(&add(A, A, 1));
        assert_eq!((ranges.get(C), ranges.get(A)), (None, Some(Range::new(1, 1001))));
    }

    #[test]
    fn what_is_written_is_no_longer_known() {
        let mut ranges = Ranges::default();
        ranges.after(&add(B, A, 16));
        ranges.after(&add(A, A, 1));
        assert_eq!((ranges.get(A), ranges.get(B)), (None, None));
        ranges.after(&Op::Const { d: C, value: 5 });
        ranges.after(&Op::Load { ty: MemTy::U64, d: C, addr: A, disp: 0 });
        assert_eq!(ranges.get(C), None);
        ranges.after(&Op::Const { d: C, value: u64::MAX });
        assert_eq!(ranges.get(C), Some(Range::new(-1, -1)));
        ranges.after(&Op::Const { d: C, value: 1 << 63 });
        assert_eq!(ranges.get(C), None);
    }

    #[test]
    fn bounds_do_not_overflow() {
        let mut ranges = Ranges::default();
        ranges.put(A, Range::new(0, FAR - 1));
        ranges.after(&Op::Bin { op: BinOp::Add, ty: Ty::I64, d: B, a: A, b: A });
        assert_eq!(ranges.get(B), None);
        ranges.after(&Op::BinImm { op: BinOp::Shl, ty: Ty::I64, d: B, a: A, imm: 4 });
        assert_eq!(ranges.get(B), None);
        ranges.after(&Op::Bin { op: BinOp::Mul, ty: Ty::I32, d: B, a: A, b: A });
        assert_eq!(ranges.get(B), Some(Range::new(0, u32::MAX.into())));
    }
}
