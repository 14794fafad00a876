//! Advanced SIMD, lane by lane: three and two registers, across and pairwise, widening and narrowing, by element.
use super::simd_move::broadcast;
use super::*;
use crate::helpers::float::half;
use crate::helpers::lanes::Shape;
use crate::regs::v;
use ir::{CallArgs, FTy, FpOp, Helper, VecOp};

/// Lane sizes an instruction has.
pub(crate) type Sizes = u32;
pub(crate) const B: Sizes = 1;
pub(crate) const H: Sizes = 2;
pub(crate) const S: Sizes = 4;
pub(crate) const D: Sizes = 8;
pub(crate) const BH: Sizes = B | H;
pub(crate) const HS: Sizes = H | S;
pub(crate) const BHS: Sizes = B | H | S;
pub(crate) const BHSD: Sizes = B | H | S | D;
pub(crate) const HSD: Sizes = H | S | D;

/// What computes the lanes.
#[derive(Clone, Copy)]
pub(crate) enum How {
    Ir(VecOp),
    /// A floating-point operation: of the IR, or in half precision a helper.
    Fp(FpOp),
    Call(&'static Helper),
}
pub(crate) use How::{Call, Fp, Ir};

const LANES: [Ty; 4] = [Ty::I8, Ty::I16, Ty::I32, Ty::I64];

pub(crate) fn vn(w: Word) -> Slot {
    v(w.rn()).into()
}
pub(crate) fn vm(w: Word) -> Slot {
    v(w.rm()).into()
}
pub(crate) fn vd(w: Word) -> Slot {
    v(w.rd()).into()
}

/// Bit 28 of a SIMD instruction: one lane, not a vector.
fn is_scalar(w: Word) -> bool {
    w.bit(28)
}

/// Lanes of number `log`, in a vector of the size Q says or a scalar.
pub(crate) fn shape_of(w: Word, log: u32, sizes: Sizes) -> Option<Shape> {
    let lane = LANES[log as usize & 3];
    if sizes >> log & 1 == 0 || (log == 3 && !w.q() && !is_scalar(w)) {
        return None;
    }
    let bytes = match (is_scalar(w), w.q()) {
        (true, _) => lane.bytes(),
        (_, true) => 16,
        _ => 8,
    };
    Some(Shape { lane, bytes, upper: false, extra: 0, by_extra: false })
}

/// `size`, bits 23:22.
pub(crate) fn shape(w: Word, sizes: Sizes) -> Option<Shape> {
    shape_of(w, w.at(22, 2), sizes)
}

/// `sz`, bit 22, is single or double; half precision has groups of its own among three and two registers.
fn float_shape(w: Word) -> Option<Shape> {
    let half = if w.bit(10) { !w.bit(21) } else { w.at(17, 5) == 0b11100 };
    shape_of(w, if half { 1 } else { 2 + w.at(22, 1) }, HSD)
}

/// Vd = how(a, m).
pub(crate) fn apply(b: &mut Builder, w: Word, shape: Shape, how: How, a: Slot, m: Slot) -> Option<Flow> {
    let d = vd(w);
    match how {
        How::Ir(op) => {
            b.push(Op::Vec { op, lane: shape.lane, bytes: shape.bytes, d, a, b: m });
            if shape.bytes <= 8 {
                b.push(Op::Const { d: d.up(1), value: 0 });
            }
        }
        How::Fp(op) => match shape.lane {
            Ty::I32 if is_scalar(w) => return scalar(b, op, FTy::F32, d, a, m),
            Ty::I64 if is_scalar(w) => return scalar(b, op, FTy::F64, d, a, m),
            Ty::I32 | Ty::I64 => return apply(b, w, shape, Ir(lanewise(op)), a, m),
            _ => return apply(b, w, shape, Call(half(op)), a, m),
        },
        How::Call(helper) => b.call_into(helper, CallArgs { d, a, b: m, c: d, imm: shape.imm() }),
    }
    NEXT
}

fn scalar(b: &mut Builder, op: FpOp, ty: FTy, d: Slot, a: Slot, m: Slot) -> Option<Flow> {
    b.push(Op::Fp { op, ty, d, a, b: m });
    b.push(Op::Const { d: d.up(1), value: 0 });
    NEXT
}

/// The operation on every lane.
fn lanewise(op: FpOp) -> VecOp {
    match op {
        FpOp::Add => VecOp::FAdd,
        FpOp::Sub => VecOp::FSub,
        FpOp::Mul => VecOp::FMul,
        FpOp::Div => VecOp::FDiv,
        FpOp::Sqrt => VecOp::FSqrt,
        FpOp::MinX86 => VecOp::FMinX86,
        FpOp::MaxX86 => VecOp::FMaxX86,
        FpOp::MinArm => VecOp::FMinArm,
        FpOp::MaxArm => VecOp::FMaxArm,
        FpOp::MinNum => VecOp::FMinNum,
        FpOp::MaxNum => VecOp::FMaxNum,
        FpOp::Abs => VecOp::FAbs,
        FpOp::Neg => VecOp::FNeg,
    }
}

pub(crate) fn three_same(b: &mut Builder, w: Word, sizes: Sizes, how: How) -> Option<Flow> {
    apply(b, w, shape(w, sizes)?, how, vn(w), vm(w))
}

/// Three registers, floating point.
pub(crate) fn float_same(b: &mut Builder, w: Word, how: How) -> Option<Flow> {
    apply(b, w, float_shape(w)?, how, vn(w), vm(w))
}

/// Bitwise operations have no lanes.
pub(crate) fn logical(b: &mut Builder, w: Word, how: How) -> Option<Flow> {
    let shape = Shape { lane: Ty::I64, bytes: if w.q() { 16 } else { 8 }, upper: false, extra: 0, by_extra: false };
    if let (How::Ir(VecOp::Or), true) = (how, w.rn() == w.rm()) {
        return super::simd_move::copy(b, w);
    }
    apply(b, w, shape, how, vn(w), vm(w))
}

/// BSL, BIT, BIF: Vd = base ^ ((base ^ Vn) op mask).
pub(crate) fn select(b: &mut Builder, w: Word, base: Slot, op: VecOp, mask: Slot) -> Option<Flow> {
    let bytes = if w.q() { 16 } else { 8 };
    let differ = b.vec(VecOp::Xor, Ty::I8, bytes, base, vn(w));
    let chosen = b.vec(op, Ty::I8, bytes, differ, mask);
    apply(b, w, shape_of(w, 0, B)?, Ir(VecOp::Xor), base, chosen.into())
}

/// CMTST.
pub(crate) fn test_bits(b: &mut Builder, w: Word) -> Option<Flow> {
    let shape = scalar_d(w, BHSD)?;
    let both = b.vec(VecOp::And, shape.lane, shape.bytes, vn(w), vm(w));
    let zero = zero(b);
    let none = b.vec(VecOp::CmpEq, shape.lane, shape.bytes, both, zero);
    apply(b, w, shape, Ir(VecOp::Not), none.into(), none.into())
}

/// MLA and MLS: the product is added to Vd or subtracted.
fn accumulate(b: &mut Builder, w: Word, shape: Shape, op: VecOp, m: Slot) -> Option<Flow> {
    let product = b.vec(VecOp::Mul, shape.lane, shape.bytes, vn(w), m);
    apply(b, w, shape, Ir(op), vd(w), product.into())
}

pub(crate) fn multiply_add(b: &mut Builder, w: Word, op: VecOp) -> Option<Flow> {
    accumulate(b, w, shape(w, BHS)?, op, vm(w))
}

pub(crate) fn multiply_add_element(b: &mut Builder, w: Word, op: VecOp) -> Option<Flow> {
    let shape = shape(w, HS)?;
    let m = element(b, w, w.at(22, 2))?;
    accumulate(b, w, shape, op, m)
}

/// A temporary vector of zeros.
pub(crate) fn zero(b: &mut Builder) -> Slot {
    let zero = b.temp(2);
    b.set_const(zero, 0);
    b.set_const(zero.up(1), 0);
    zero.into()
}

pub(crate) fn two_misc(b: &mut Builder, w: Word, sizes: Sizes, how: How) -> Option<Flow> {
    apply(b, w, shape(w, sizes)?, how, vn(w), vn(w))
}

/// NOT, CNT and RBIT, whose `size` is part of the opcode: lanes are bytes.
pub(crate) fn bytes(b: &mut Builder, w: Word, how: How) -> Option<Flow> {
    apply(b, w, shape_of(w, 0, B)?, how, vn(w), vn(w))
}

/// Integer comparisons with zero; `swap` puts the zero first.
pub(crate) fn compare_zero(b: &mut Builder, w: Word, op: VecOp, swap: bool) -> Option<Flow> {
    let shape = scalar_d(w, BHSD)?;
    let zero = zero(b);
    let (x, y) = if swap { (zero, vn(w)) } else { (vn(w), zero) };
    apply(b, w, shape, Ir(op), x, y)
}

/// Instructions whose scalar form has 64 bits only.
fn scalar_d(w: Word, sizes: Sizes) -> Option<Shape> {
    shape(w, if is_scalar(w) { D } else { sizes })
}

pub(crate) fn three_same_d(b: &mut Builder, w: Word, sizes: Sizes, how: How) -> Option<Flow> {
    apply(b, w, scalar_d(w, sizes)?, how, vn(w), vm(w))
}

pub(crate) fn two_misc_d(b: &mut Builder, w: Word, sizes: Sizes, how: How) -> Option<Flow> {
    apply(b, w, scalar_d(w, sizes)?, how, vn(w), vn(w))
}

pub(crate) fn float_misc(b: &mut Builder, w: Word, how: How) -> Option<Flow> {
    apply(b, w, float_shape(w)?, how, vn(w), vn(w))
}

/// Helpers that take a variant: FRINT and the conversions.
pub(crate) fn float_variant(b: &mut Builder, w: Word, helper: &'static Helper, extra: u8) -> Option<Flow> {
    apply(b, w, Shape { extra, ..float_shape(w)? }, Call(helper), vn(w), vn(w))
}

/// URECPE, URSQRTE: single words.
pub(crate) fn words(b: &mut Builder, w: Word, how: How) -> Option<Flow> {
    apply(b, w, shape_of(w, 2 + w.at(22, 1), S)?, how, vn(w), vn(w))
}

/// ADDV and its like: at least four lanes.
pub(crate) fn across(b: &mut Builder, w: Word, how: How) -> Option<Flow> {
    let shape = shape(w, BHS)?;
    if shape.bytes / shape.lane.bytes() < 4 {
        return None;
    }
    apply(b, w, shape, how, vn(w), vn(w))
}

/// FMAXV and its like: four singles, or without U four or eight halves.
pub(crate) fn float_across(b: &mut Builder, w: Word, how: How) -> Option<Flow> {
    let shape = shape_of(w, if w.bit(29) { 2 + w.at(22, 1) } else { 1 }, HS)?;
    if shape.bytes / shape.lane.bytes() < 4 {
        return None;
    }
    apply(b, w, shape, how, vn(w), vn(w))
}

/// Scalar pairwise: the two lanes of a vector twice as long. U is clear for halves.
pub(crate) fn float_pair(b: &mut Builder, w: Word, how: How) -> Option<Flow> {
    scalar_pair(b, w, if w.bit(29) { 2 + w.at(22, 1) } else { 1 }, how)
}

pub(crate) fn scalar_pair(b: &mut Builder, w: Word, log: u32, how: How) -> Option<Flow> {
    let shape = shape_of(w, log, HSD)?;
    // A vector of two lanes reduced: `across` walks it.
    apply(b, w, Shape { bytes: 2 * shape.lane.bytes(), ..shape }, how, vn(w), vn(w))
}

/// Operations between a narrow size `log` and its double: half a vector, Q telling which, or a scalar.
pub(crate) fn half_shape(w: Word, log: u32, sizes: Sizes) -> Option<Shape> {
    let lane = LANES[log as usize & 3];
    let scalar = is_scalar(w);
    (sizes >> log & 1 != 0).then_some(Shape {
        lane,
        bytes: if scalar { lane.bytes() } else { 16 },
        upper: w.q() && !scalar,
        extra: 0,
        by_extra: false,
    })
}

/// Three registers of different sizes: SADDL, SADDW, ADDHN and their like.
pub(crate) fn three_different(b: &mut Builder, w: Word, sizes: Sizes, helper: &'static Helper) -> Option<Flow> {
    apply(b, w, half_shape(w, w.at(22, 2), sizes)?, Call(helper), vn(w), vm(w))
}

/// XTN and its like.
pub(crate) fn narrow(b: &mut Builder, w: Word, helper: &'static Helper) -> Option<Flow> {
    apply(b, w, half_shape(w, w.at(22, 2), BHS)?, Call(helper), vn(w), vn(w))
}

/// FCVTL, FCVTN: `sz` 0 is half and single, 1 single and double.
pub(crate) fn float_resize(b: &mut Builder, w: Word, sizes: Sizes, helper: &'static Helper) -> Option<Flow> {
    apply(b, w, half_shape(w, 1 + w.at(22, 1), sizes)?, Call(helper), vn(w), vn(w))
}

/// Shifts that widen or narrow, by `amount`.
pub(crate) fn half_shift(b: &mut Builder, w: Word, log: u32, amount: u8, helper: &'static Helper) -> Option<Flow> {
    let shape = Shape { extra: amount, by_extra: true, ..half_shape(w, log, BHS)? };
    apply(b, w, shape, Call(helper), vn(w), vn(w))
}

/// The element of Vm that H, L and M name, in every lane.
pub(crate) fn element(b: &mut Builder, w: Word, log: u32) -> Option<Slot> {
    let (h, l, m) = (w.at(11, 1), w.at(21, 1), w.at(20, 1));
    let (rm, index) = match log {
        1 => (w.at(16, 4), h << 2 | l << 1 | m),
        2 => (w.at(16, 5), h << 1 | l),
        3 if l == 0 => (w.at(16, 5), h),
        _ => return None,
    };
    Some(broadcast(b, v(rm as u8).into(), LANES[log as usize], index as u8))
}

pub(crate) fn by_element(b: &mut Builder, w: Word, how: How) -> Option<Flow> {
    let shape = shape(w, HS)?;
    let m = element(b, w, w.at(22, 2))?;
    apply(b, w, shape, how, vn(w), m)
}

pub(crate) fn by_element_long(b: &mut Builder, w: Word, helper: &'static Helper) -> Option<Flow> {
    let shape = half_shape(w, w.at(22, 2), HS)?;
    let m = element(b, w, w.at(22, 2))?;
    apply(b, w, shape, Call(helper), vn(w), m)
}

/// `size` is 0 for halves, 2 for singles, 3 for doubles.
pub(crate) fn by_element_float(b: &mut Builder, w: Word, how: How) -> Option<Flow> {
    let log = [1, 0, 2, 3][w.at(22, 2) as usize];
    let shape = shape_of(w, log, HSD)?;
    let m = element(b, w, log)?;
    apply(b, w, shape, how, vn(w), m)
}

/// SDOT, UDOT: words of four bytes.
pub(crate) fn dot(b: &mut Builder, w: Word, helper: &'static Helper) -> Option<Flow> {
    apply(b, w, shape_of(w, 2, S)?, Call(helper), vn(w), vm(w))
}

pub(crate) fn dot_element(b: &mut Builder, w: Word, helper: &'static Helper) -> Option<Flow> {
    let m = element(b, w, 2)?;
    apply(b, w, shape_of(w, 2, S)?, Call(helper), vn(w), m)
}

/// FCMLA, FCADD: `extra` is the rotation.
pub(crate) fn complex(b: &mut Builder, w: Word, helper: &'static Helper, turn: u32) -> Option<Flow> {
    let shape = Shape { extra: turn as u8, ..shape(w, HSD)? };
    apply(b, w, shape, Call(helper), vn(w), vm(w))
}

/// FCMLA by element: a pair of lanes in all pairs.
pub(crate) fn complex_element(b: &mut Builder, w: Word) -> Option<Flow> {
    let (h, l) = (w.at(11, 1), w.at(21, 1));
    let (pair, index) = match w.at(22, 2) {
        1 if w.q() || h == 0 => (Ty::I32, h << 1 | l),
        2 if w.q() && l == 0 => (Ty::I64, h),
        _ => return None,
    };
    let m = broadcast(b, vm(w), pair, index as u8);
    let shape = Shape { extra: w.at(13, 2) as u8, ..shape(w, HS)? };
    apply(b, w, shape, Call(&crate::helpers::float::FCMLA), vn(w), m)
}

/// FMLAL and its like: `upper` takes the upper halves of the factors.
pub(crate) fn multiply_long(b: &mut Builder, w: Word, subtract: bool, upper: bool) -> Option<Flow> {
    let shape = Shape { extra: subtract.into(), upper, ..shape_of(w, 2, S)? };
    apply(b, w, shape, Call(&crate::helpers::float::FMLAL), vn(w), vm(w))
}

pub(crate) fn multiply_long_element(b: &mut Builder, w: Word, subtract: bool, upper: bool) -> Option<Flow> {
    // The element is one of halves, whatever `size` says.
    let m = element(b, w, 1)?;
    let shape = Shape { extra: subtract.into(), upper, ..shape_of(w, 2, S)? };
    apply(b, w, shape, Call(&crate::helpers::float::FMLAL), vn(w), m)
}

/// PMULL of double words.
pub(crate) fn pmull_double(b: &mut Builder, w: Word) -> Option<Flow> {
    apply(b, w, half_shape(w, 3, D)?, Call(&crate::helpers::integer::PMULL_D), vn(w), vm(w))
}

/// Operations on whole vectors: the cryptographic ones. `extra` is an immediate.
pub(crate) fn whole(b: &mut Builder, w: Word, helper: &'static Helper, extra: u32) -> Option<Flow> {
    let shape = Shape { lane: Ty::I32, bytes: 16, upper: false, extra: extra as u8, by_extra: false };
    apply(b, w, shape, Call(helper), vn(w), vm(w))
}

/// EOR3 and BCAX: Vn ^ (Vm op Va).
pub(crate) fn three_xor(b: &mut Builder, w: Word, op: VecOp) -> Option<Flow> {
    let inner = b.vec(op, Ty::I64, 16, vm(w), Slot::from(v(w.ra())));
    apply(
        b,
        w,
        Shape { lane: Ty::I64, bytes: 16, upper: false, extra: 0, by_extra: false },
        Ir(VecOp::Xor),
        vn(w),
        inner.into(),
    )
}
