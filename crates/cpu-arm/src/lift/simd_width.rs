//! Advanced SIMD between lanes of different sizes, neighbours and across: as interleavings, shifts and lane operations.
use super::simd_lanes::{BHS, HS, Ir, Sizes, apply, element, half_shape, shape, shape_of, vd, vm, vn, zero};
use super::simd_shift::{left, plain_sizes, right};
use super::*;
use crate::helpers::lanes::Shape;
use ir::{Val, VecOp};

/// What is done with products or widened lanes.
#[derive(Clone, Copy)]
pub(crate) enum Long {
    Lanes(VecOp),
    /// The product is added to Vd.
    MulAdd,
    MulSub,
}

/// The lane of twice the size.
fn wide(lane: Ty) -> Ty {
    match lane {
        Ty::I8 => Ty::I16,
        Ty::I16 => Ty::I32,
        _ => Ty::I64,
    }
}

/// Half of the lanes of `a`, extended to twice their size.
fn widen(b: &mut Builder, signed: bool, shape: Shape, a: Slot) -> Val {
    let zip = if shape.upper { VecOp::ZipHi } else { VecOp::ZipLo };
    if signed {
        let twice = b.vec(zip, shape.lane, 16, a, a);
        return b.vec_shift(BinOp::Sar, wide(shape.lane), 16, twice, shape.lane.bits());
    }
    let zero = zero(b);
    b.vec(zip, shape.lane, 16, a, zero)
}

/// Vd = a op m of wide lanes.
fn finish_long(b: &mut Builder, w: Word, lane: Ty, op: Long, a: Slot, m: Slot) -> Option<Flow> {
    let (lane, bytes, d) = (wide(lane), 16, vd(w));
    let (op, a, m) = match op {
        Long::Lanes(op) => (op, a, m),
        Long::MulAdd => (VecOp::Add, d, b.vec(VecOp::Mul, lane, bytes, a, m).into()),
        Long::MulSub => (VecOp::Sub, d, b.vec(VecOp::Mul, lane, bytes, a, m).into()),
    };
    b.push(Op::Vec { op, lane, bytes, d, a, b: m });
    NEXT
}

fn long_of(b: &mut Builder, w: Word, signed: bool, shape: Shape, op: Long, m: Slot) -> Option<Flow> {
    let [a, m] = [vn(w), m].map(|v| widen(b, signed, shape, v));
    finish_long(b, w, shape.lane, op, a.into(), m.into())
}

/// SADDL, SMULL, SMLAL and their kin.
pub(crate) fn long(b: &mut Builder, w: Word, signed: bool, op: Long) -> Option<Flow> {
    long_of(b, w, signed, half_shape(w, w.at(22, 2), BHS)?, op, vm(w))
}

/// The same by an element.
pub(crate) fn by_element_long(b: &mut Builder, w: Word, signed: bool, op: Long) -> Option<Flow> {
    let shape = half_shape(w, w.at(22, 2), HS)?;
    let m = element(b, w, w.at(22, 2))?;
    long_of(b, w, signed, shape, op, m)
}

/// SADDW and its kin: the first operand is wide already.
pub(crate) fn wider(b: &mut Builder, w: Word, signed: bool, op: VecOp) -> Option<Flow> {
    let shape = half_shape(w, w.at(22, 2), BHS)?;
    let m = widen(b, signed, shape, vm(w));
    finish_long(b, w, shape.lane, Long::Lanes(op), vn(w), m.into())
}

/// SSHLL, USHLL.
pub(crate) fn shift_long(b: &mut Builder, w: Word, signed: bool) -> Option<Flow> {
    let (log, amount) = left(w)?;
    let shape = half_shape(w, log, BHS)?;
    let value = widen(b, signed, shape, vn(w));
    finish_shift(b, w, shape.lane, value, amount)
}

/// SHLL: by the lane's own size.
pub(crate) fn shll(b: &mut Builder, w: Word) -> Option<Flow> {
    let shape = half_shape(w, w.at(22, 2), BHS)?;
    let value = widen(b, false, shape, vn(w));
    finish_shift(b, w, shape.lane, value, shape.lane.bits())
}

fn finish_shift(b: &mut Builder, w: Word, lane: Ty, value: Val, amount: u8) -> Option<Flow> {
    let d = vd(w);
    if amount == 0 {
        b.set_n(2, d, value);
    } else {
        b.push(Op::VecShift { op: BinOp::Shl, lane: wide(lane), bytes: 16, d, a: value.into(), amount });
    }
    NEXT
}

/// The lower halves of a's lanes into half of Vd.
fn finish_narrow(b: &mut Builder, w: Word, shape: Shape, a: Slot) -> Option<Flow> {
    let value = b.vec(VecOp::UnzipEven, shape.lane, 16, a, a);
    b.set(vd(w).up(shape.upper.into()), value);
    if !shape.upper {
        b.set_const(vd(w).up(1), 0);
    }
    NEXT
}

/// XTN.
pub(crate) fn narrow(b: &mut Builder, w: Word) -> Option<Flow> {
    let shape = half_shape(w, w.at(22, 2), BHS)?;
    finish_narrow(b, w, shape, vn(w))
}

/// SHRN.
pub(crate) fn shift_narrow(b: &mut Builder, w: Word) -> Option<Flow> {
    let (log, amount) = right(w)?;
    let shape = half_shape(w, log, BHS)?;
    let value = b.vec_shift(BinOp::Shr, wide(shape.lane), 16, vn(w), amount);
    finish_narrow(b, w, shape, value.into())
}

/// ADDP, SMAXP and their kin: neighbours of Vn, then of Vm.
pub(crate) fn pairs(b: &mut Builder, w: Word, sizes: Sizes, op: VecOp) -> Option<Flow> {
    let shape = shape(w, sizes)?;
    let [even, odd] =
        [VecOp::UnzipEven, VecOp::UnzipOdd].map(|unzip| b.vec(unzip, shape.lane, shape.bytes, vn(w), vm(w)));
    apply(b, w, shape, Ir(op), even.into(), odd.into())
}

/// ADDP of two double words.
pub(crate) fn pair_scalar(b: &mut Builder, w: Word) -> Option<Flow> {
    bin_to(b, BinOp::Add, Ty::I64, vd(w), vn(w), vn(w).up(1));
    b.set_const(vd(w).up(1), 0);
    NEXT
}

/// SADDLP and its kin, and if `add` those that accumulate.
pub(crate) fn pairs_long(b: &mut Builder, w: Word, signed: bool, add: bool) -> Option<Flow> {
    let narrow = shape(w, BHS)?;
    let (lane, bytes, bits) = (wide(narrow.lane), narrow.bytes, narrow.lane.bits());
    let shift = if signed { BinOp::Sar } else { BinOp::Shr };
    let odd = b.vec_shift(shift, lane, bytes, vn(w), bits);
    let even = b.vec_shift(BinOp::Shl, lane, bytes, vn(w), bits);
    let even = b.vec_shift(shift, lane, bytes, even, bits);
    let shape = Shape { lane, ..narrow };
    if add {
        let sum = b.vec(VecOp::Add, lane, bytes, even, odd);
        return apply(b, w, shape, Ir(VecOp::Add), vd(w), sum.into());
    }
    apply(b, w, shape, Ir(VecOp::Add), even.into(), odd.into())
}

/// ADDV and its kin, of at least four lanes: halves are put together until one lane is left.
pub(crate) fn across(b: &mut Builder, w: Word, op: VecOp) -> Option<Flow> {
    let Shape { lane, bytes, .. } = shape(w, BHS)?;
    if bytes / lane.bytes() < 4 {
        return None;
    }
    let mut all = vn(w);
    if bytes == 16 {
        all = b.vec(op, lane, 8, all, all.up(1)).into();
    }
    let mut bits = 32;
    while bits >= lane.bits() {
        let half = b.vec_shift(BinOp::Shr, Ty::I64, 8, all, bits);
        all = b.vec(op, lane, 8, all, half).into();
        bits /= 2;
    }
    mov_to(b, lane, vd(w), all);
    b.set_const(vd(w).up(1), 0);
    NEXT
}

/// SSRA, USRA.
pub(crate) fn shift_add(b: &mut Builder, w: Word, op: BinOp) -> Option<Flow> {
    let (log, amount) = right(w)?;
    let shape = shape_of(w, log, plain_sizes(w))?;
    let value = b.vec_shift(op, shape.lane, shape.bytes, vn(w), amount);
    apply(b, w, shape, Ir(VecOp::Add), vd(w), value.into())
}
