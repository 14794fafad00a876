//! Scalar floating point. A result fills its register: the bits above it are zero.
use super::*;
use crate::helpers::float::{FCCMP, FCVT_HALF, FROM_FIXED, TO_FIXED};
use crate::regs::v;
use ir::{CallArgs, FTy, FlagKind, FpOp, Overflow, Round};

/// `type`, bits 23:22: single or double. Half precision arithmetic is FEAT_FP16, which is not there.
fn format(w: Word) -> Option<FTy> {
    match w.at(22, 2) {
        0 => Some(FTy::F32),
        1 => Some(FTy::F64),
        _ => None,
    }
}

/// The integer type as wide as the format.
fn as_int(ty: FTy) -> Ty {
    int(ty == FTy::F64)
}

fn vn(w: Word) -> Slot {
    v(w.rn()).into()
}

fn vm(w: Word) -> Slot {
    v(w.rm()).into()
}

/// Zeroes the upper half of Vd, whose lower half has been written.
fn clear_upper(b: &mut Builder, w: Word) -> Option<Flow> {
    b.set_const(v(w.rd()).up(1), 0);
    NEXT
}

fn vd(w: Word) -> Slot {
    v(w.rd()).into()
}

pub(crate) fn mov(b: &mut Builder, w: Word) -> Option<Flow> {
    let ty = format(w)?;
    mov_to(b, as_int(ty), vd(w), vn(w));
    clear_upper(b, w)
}

pub(crate) fn one_source(b: &mut Builder, w: Word, op: FpOp) -> Option<Flow> {
    b.push(Op::Fp { op, ty: format(w)?, d: vd(w), a: vn(w), b: vn(w) });
    clear_upper(b, w)
}

pub(crate) fn two_source(b: &mut Builder, w: Word, op: FpOp) -> Option<Flow> {
    b.push(Op::Fp { op, ty: format(w)?, d: vd(w), a: vn(w), b: vm(w) });
    clear_upper(b, w)
}

/// FNMUL: the product, NaN or not, with its sign flipped.
pub(crate) fn negated_mul(b: &mut Builder, w: Word) -> Option<Flow> {
    let ty = format(w)?;
    let a = b.fp(FpOp::Mul, ty, vn(w), vm(w)).into();
    b.push(Op::Fp { op: FpOp::Neg, ty, d: vd(w), a, b: a });
    clear_upper(b, w)
}

pub(crate) fn mul_add(b: &mut Builder, w: Word, neg_product: bool, neg_addend: bool) -> Option<Flow> {
    let ty = format(w)?;
    b.push(Op::Fma { ty, neg_product, neg_addend, d: vd(w), a: vn(w), b: vm(w), c: v(w.ra()).into() });
    clear_upper(b, w)
}

/// FCVT between half, single and double.
pub(crate) fn convert(b: &mut Builder, w: Word) -> Option<Flow> {
    let (from, to) = (w.at(22, 2), w.at(15, 2));
    match (from, to) {
        (0, 1) => b.push(Op::FpToFp { from: FTy::F32, d: vd(w), a: vn(w) }),
        (1, 0) => b.push(Op::FpToFp { from: FTy::F64, d: vd(w), a: vn(w) }),
        (0 | 1, 3) | (3, 0 | 1) => {
            let imm = (from | to << 2) as u16;
            b.call_into(&FCVT_HALF, CallArgs { d: vd(w), a: vn(w), b: vn(w), c: vn(w), imm });
        }
        _ => return None,
    }
    clear_upper(b, w)
}

pub(crate) fn round(b: &mut Builder, w: Word, round: Round, exact: bool) -> Option<Flow> {
    b.push(Op::FpRound { ty: format(w)?, round, exact, d: vd(w), a: vn(w) });
    clear_upper(b, w)
}

/// FCMP, FCMPE. The comparison's 1, 2, 4, 8 (less, equal, greater, unordered) becomes NZCV as the byte subtraction
/// (c << 4) - 0x20: borrow and minus, zero, neither, and for 0x80 an overflow.
pub(crate) fn compare(b: &mut Builder, w: Word, signaling: bool) -> Option<Flow> {
    let ty = format(w)?;
    let m = if w.bit(3) { b.iconst(0).into() } else { vm(w) };
    let order = b.fp_cmp(ty, signaling, vn(w), m);
    let order = b.shl_imm(Ty::I8, order, 4);
    let equal = b.iconst(0x20);
    b.set_flags(FlagKind::SubArm, Ty::I8, order, equal);
    NEXT
}

/// FCCMP, FCCMPE: nothing is compared, and no exception raised, unless the condition holds.
pub(crate) fn cond_compare(b: &mut Builder, w: Word) -> Option<Flow> {
    let double = format(w)? == FTy::F64;
    let c = b.get_flag(condition(w.at(12, 4)));
    let imm = w.at(0, 5) as u16 | u16::from(double) << 5;
    let flags = b.call(&FCCMP, vn(w), vm(w), c, imm);
    b.set_flag_bits(flags);
    NEXT
}

pub(crate) fn cond_select(b: &mut Builder, w: Word) -> Option<Flow> {
    let ty = as_int(format(w)?);
    let c = b.get_flag(condition(w.at(12, 4)));
    let chosen = b.select(c, vn(w), vm(w)).into();
    mov_to(b, ty, vd(w), chosen);
    clear_upper(b, w)
}

/// VFPExpandImm: the eight bits as a number of the format.
pub(crate) fn expand_imm(imm8: u32, ty: FTy) -> u64 {
    let imm = u64::from(imm8);
    let (sign, b6, rest) = (imm >> 7, imm >> 6 & 1, imm & 0x3f);
    match ty {
        FTy::F32 => sign << 31 | (b6 ^ 1) << 30 | (0x1f * b6) << 25 | rest << 19,
        FTy::F64 => sign << 63 | (b6 ^ 1) << 62 | (0xff * b6) << 54 | rest << 48,
    }
}

pub(crate) fn immediate(b: &mut Builder, w: Word) -> Option<Flow> {
    let value = expand_imm(w.at(13, 8), format(w)?);
    b.push(Op::Const { d: vd(w), value });
    clear_upper(b, w)
}

pub(crate) fn to_int(b: &mut Builder, w: Word, signed: bool, round: Round) -> Option<Flow> {
    let d = dst(b, w.rd());
    let (from, to) = (format(w)?, int(w.sf()));
    b.push(Op::FpToInt { from, to, signed, round, overflow: Overflow::Saturate, d, a: vn(w) });
    NEXT
}

pub(crate) fn from_int(b: &mut Builder, w: Word, signed: bool) -> Option<Flow> {
    let to = format(w)?;
    let a = xr(b, w.rn());
    b.push(Op::IntToFp { from: int(w.sf()), signed, to, d: vd(w), a });
    clear_upper(b, w)
}

/// The immediate of the fixed-point helpers; a 32-bit number has at most 32 fraction bits.
fn fixed_imm(w: Word, signed: bool) -> Option<u16> {
    let fraction = 64 - w.at(10, 6) as u16;
    let double = format(w)? == FTy::F64;
    (w.sf() || fraction <= 32)
        .then(|| fraction | u16::from(!signed) << 7 | u16::from(double) << 8 | u16::from(w.sf()) << 9)
}

pub(crate) fn to_fixed(b: &mut Builder, w: Word, signed: bool) -> Option<Flow> {
    let imm = fixed_imm(w, signed)?;
    let d = dst(b, w.rd());
    b.call_into(&TO_FIXED, CallArgs { d, a: vn(w), b: vn(w), c: vn(w), imm });
    NEXT
}

pub(crate) fn from_fixed(b: &mut Builder, w: Word, signed: bool) -> Option<Flow> {
    let imm = fixed_imm(w, signed)?;
    let a = xr(b, w.rn());
    b.call_into(&FROM_FIXED, CallArgs { d: vd(w), a, b: a, c: a, imm });
    clear_upper(b, w)
}

/// FMOV Wd, Sn and Xd, Dn.
pub(crate) fn to_general(b: &mut Builder, w: Word) -> Option<Flow> {
    let d = dst(b, w.rd());
    mov_to(b, int(w.sf()), d, vn(w));
    NEXT
}

pub(crate) fn from_general(b: &mut Builder, w: Word) -> Option<Flow> {
    let a = xr(b, w.rn());
    mov_to(b, int(w.sf()), vd(w), a);
    clear_upper(b, w)
}

pub(crate) fn upper_to_general(b: &mut Builder, w: Word) -> Option<Flow> {
    let d = dst(b, w.rd());
    b.push(Op::Mov { d, a: vn(w).up(1) });
    NEXT
}

pub(crate) fn upper_from_general(b: &mut Builder, w: Word) -> Option<Flow> {
    let a = xr(b, w.rn());
    b.push(Op::Mov { d: vd(w).up(1), a });
    NEXT
}
