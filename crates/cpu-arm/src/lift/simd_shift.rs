//! Advanced SIMD shifts by a constant. immh:immb says lane size and amount together.
use super::simd_lanes::{BHSD, Call, D, HSD, Sizes, apply, half_shift, shape_of, vd, vn};
use super::*;
use crate::helpers::lanes::Shape;
use ir::Helper;

/// Lane size (as a power of two of bytes) and immh:immb.
fn lane(w: Word) -> Option<(u32, u32)> {
    let immh = w.at(19, 4);
    (immh != 0).then(|| (31 - immh.leading_zeros(), w.at(16, 7)))
}

/// Right shifts count down from twice the lane's bits.
pub(crate) fn right(w: Word) -> Option<(u32, u8)> {
    let (log, imm) = lane(w)?;
    Some((log, ((16 << log) - imm) as u8))
}

pub(crate) fn left(w: Word) -> Option<(u32, u8)> {
    let (log, imm) = lane(w)?;
    Some((log, (imm - (8 << log)) as u8))
}

/// The scalar forms of most shifts have 64 bits only.
pub(crate) fn plain_sizes(w: Word) -> Sizes {
    if w.bit(28) { D } else { BHSD }
}

/// SHL, SSHR, USHR: an operation of the IR.
pub(crate) fn op(b: &mut Builder, w: Word, op: BinOp) -> Option<Flow> {
    let (log, amount) = if op == BinOp::Shl { left(w)? } else { right(w)? };
    let shape = shape_of(w, log, plain_sizes(w))?;
    b.push(Op::VecShift { op, lane: shape.lane, bytes: shape.bytes, d: vd(w), a: vn(w), amount });
    if shape.bytes == 8 {
        b.push(Op::Const { d: vd(w).up(1), value: 0 });
    }
    NEXT
}

fn by(b: &mut Builder, w: Word, log: u32, amount: u8, sizes: Sizes, helper: &'static Helper) -> Option<Flow> {
    let shape = Shape { extra: amount, by_extra: true, ..shape_of(w, log, sizes)? };
    apply(b, w, shape, Call(helper), vn(w), vn(w))
}

pub(crate) fn by_right(b: &mut Builder, w: Word, helper: &'static Helper) -> Option<Flow> {
    let (log, amount) = right(w)?;
    by(b, w, log, amount, plain_sizes(w), helper)
}

/// SLI.
pub(crate) fn by_left(b: &mut Builder, w: Word, helper: &'static Helper) -> Option<Flow> {
    let (log, amount) = left(w)?;
    by(b, w, log, amount, plain_sizes(w), helper)
}

/// SQSHL, UQSHL, SQSHLU: scalars of every size.
pub(crate) fn saturating_left(b: &mut Builder, w: Word, helper: &'static Helper) -> Option<Flow> {
    let (log, amount) = left(w)?;
    by(b, w, log, amount, BHSD, helper)
}

/// SQSHRN and its like; `size` is the narrow lane.
pub(crate) fn narrow(b: &mut Builder, w: Word, helper: &'static Helper) -> Option<Flow> {
    let (log, amount) = right(w)?;
    half_shift(b, w, log, amount, helper)
}

/// Conversions between floating and fixed point.
pub(crate) fn fixed(b: &mut Builder, w: Word, helper: &'static Helper, unsigned: bool) -> Option<Flow> {
    let (log, fraction) = right(w)?;
    let extra = fraction | u8::from(unsigned) << 7;
    apply(b, w, Shape { extra, ..shape_of(w, log, HSD)? }, Call(helper), vn(w), vn(w))
}
