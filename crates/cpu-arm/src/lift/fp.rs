//! Scalar floating point. A result fills its register: the bits above it are zero. Single and double precision are
//! operations of the IR; half precision shares the helpers of vectors.
use super::*;
use crate::helpers::convert::{Conversion, FCCMP, FJCVTZS, FRINT, FRINT_SIZED, FROM_FIXED, TO_FIXED};
use crate::helpers::float::{self, FCVT_HALF};
use crate::helpers::lanes::Shape;
use crate::regs::v;
use ir::{CallArgs, FTy, FlagKind, FpOp, Helper, Overflow, Round};

/// `type`, bits 23:22.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Half,
    Ir(FTy),
}
use Format::{Half, Ir};

fn format(w: Word) -> Option<Format> {
    match w.at(22, 2) {
        0 => Some(Ir(FTy::F32)),
        1 => Some(Ir(FTy::F64)),
        3 => Some(Half),
        _ => None,
    }
}

impl Format {
    /// The integer type as wide as the format.
    fn as_int(self) -> Ty {
        match self {
            Half => Ty::I16,
            Ir(FTy::F32) => Ty::I32,
            Ir(FTy::F64) => Ty::I64,
        }
    }
    /// Its size as a power of two.
    fn log(self) -> u32 {
        self.as_int() as u32
    }
}

fn vn(w: Word) -> Slot {
    v(w.rn()).into()
}

fn vm(w: Word) -> Slot {
    v(w.rm()).into()
}

fn va(w: Word) -> Slot {
    v(w.ra()).into()
}

fn vd(w: Word) -> Slot {
    v(w.rd()).into()
}

/// Zeroes the upper half of Vd, whose lower half has been written.
fn clear_upper(b: &mut Builder, w: Word) -> Option<Flow> {
    b.set_const(v(w.rd()).up(1), 0);
    NEXT
}

/// Vd = a helper of one lane; it clears the bits above.
fn lane(b: &mut Builder, w: Word, format: Format, helper: &'static Helper, extra: u8) -> Option<Flow> {
    let lane = format.as_int();
    let shape = Shape { lane, bytes: lane.bytes(), upper: false, extra, by_extra: false };
    b.call_into(helper, CallArgs { d: vd(w), a: vn(w), b: vm(w), c: va(w), imm: shape.imm() });
    NEXT
}

pub(crate) fn mov(b: &mut Builder, w: Word) -> Option<Flow> {
    mov_to(b, format(w)?.as_int(), vd(w), vn(w));
    clear_upper(b, w)
}

pub(crate) fn one_source(b: &mut Builder, w: Word, op: FpOp) -> Option<Flow> {
    let Ir(ty) = format(w)? else { return lane(b, w, Half, float::half(op), 0) };
    b.push(Op::Fp { op, ty, d: vd(w), a: vn(w), b: vn(w) });
    clear_upper(b, w)
}

pub(crate) fn two_source(b: &mut Builder, w: Word, op: FpOp) -> Option<Flow> {
    let Ir(ty) = format(w)? else { return lane(b, w, Half, float::half(op), 0) };
    b.push(Op::Fp { op, ty, d: vd(w), a: vn(w), b: vm(w) });
    clear_upper(b, w)
}

/// FNMUL: the product, NaN or not, with its sign flipped.
pub(crate) fn negated_mul(b: &mut Builder, w: Word) -> Option<Flow> {
    let Ir(ty) = format(w)? else { return lane(b, w, Half, &float::FNMUL, 0) };
    let a = b.fp(FpOp::Mul, ty, vn(w), vm(w)).into();
    b.push(Op::Fp { op: FpOp::Neg, ty, d: vd(w), a, b: a });
    clear_upper(b, w)
}

pub(crate) fn mul_add(b: &mut Builder, w: Word, neg_product: bool, neg_addend: bool) -> Option<Flow> {
    let Ir(ty) = format(w)? else {
        let helper = match (neg_product, neg_addend) {
            (false, false) => &float::FMLA,
            (true, false) => &float::FMLS,
            (true, true) => &float::FNMADD,
            (false, true) => &float::FNMSUB,
        };
        return lane(b, w, Half, helper, 0);
    };
    b.push(Op::Fma { ty, neg_product, neg_addend, d: vd(w), a: vn(w), b: vm(w), c: va(w) });
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

/// A rounding as the helpers code it.
fn rounding(round: Round) -> u32 {
    match round {
        Round::NearestEven => 0,
        Round::Up => 1,
        Round::Down => 2,
        Round::TowardZero => 3,
        Round::NearestAway => 4,
        Round::Env => 5,
    }
}

pub(crate) fn round(b: &mut Builder, w: Word, round: Round, exact: bool) -> Option<Flow> {
    let Ir(ty) = format(w)? else { return lane(b, w, Half, &FRINT, rounding(round) as u8 | u8::from(exact) << 3) };
    b.push(Op::FpRound { ty, round, exact, d: vd(w), a: vn(w) });
    clear_upper(b, w)
}

/// FRINT32Z, FRINT32X, FRINT64Z, FRINT64X.
pub(crate) fn round_sized(b: &mut Builder, w: Word, round: Round, to_64: bool) -> Option<Flow> {
    let format = format(w).filter(|format| *format != Half)?;
    lane(b, w, format, &FRINT_SIZED, rounding(round) as u8 | u8::from(to_64) << 3)
}

/// FCMP, FCMPE. The comparison's 1, 2, 4, 8 (less, equal, greater, unordered) becomes NZCV as the byte subtraction
/// (c << 4) - 0x20: borrow and minus, zero, neither, and for 0x80 an overflow.
pub(crate) fn compare(b: &mut Builder, w: Word, signaling: bool) -> Option<Flow> {
    let format = format(w)?;
    let m = if w.bit(3) { b.iconst(0).into() } else { vm(w) };
    let Ir(ty) = format else {
        let always = b.iconst(1);
        let flags = b.call(&FCCMP, vn(w), m, always, u16::from(signaling) << 4 | 1 << 5);
        b.set_flag_bits(flags);
        return NEXT;
    };
    let order = b.fp_cmp(ty, signaling, vn(w), m);
    let order = b.shl_imm(Ty::I8, order, 4);
    let equal = b.iconst(0x20);
    b.set_flags(FlagKind::SubArm, Ty::I8, order, equal);
    NEXT
}

/// FCCMP, FCCMPE: nothing is compared, and no exception raised, unless the condition holds.
pub(crate) fn cond_compare(b: &mut Builder, w: Word) -> Option<Flow> {
    let log = format(w)?.log();
    let c = b.get_flag(condition(w.at(12, 4)));
    let flags = b.call(&FCCMP, vn(w), vm(w), c, (w.at(0, 5) | log << 5) as u16);
    b.set_flag_bits(flags);
    NEXT
}

pub(crate) fn cond_select(b: &mut Builder, w: Word) -> Option<Flow> {
    let ty = format(w)?.as_int();
    let c = b.get_flag(condition(w.at(12, 4)));
    let chosen = b.select(c, vn(w), vm(w)).into();
    mov_to(b, ty, vd(w), chosen);
    clear_upper(b, w)
}

/// VFPExpandImm: the eight bits as a number of 16, 32 or 64 bits.
pub(crate) fn expand_imm(imm8: u32, log: u32) -> u64 {
    let imm = u64::from(imm8);
    let (sign, b6, rest) = (imm >> 7, imm >> 6 & 1, imm & 0x3f);
    match log {
        1 => sign << 15 | (b6 ^ 1) << 14 | (3 * b6) << 12 | rest << 6,
        2 => sign << 31 | (b6 ^ 1) << 30 | (0x1f * b6) << 25 | rest << 19,
        _ => sign << 63 | (b6 ^ 1) << 62 | (0xff * b6) << 54 | rest << 48,
    }
}

pub(crate) fn immediate(b: &mut Builder, w: Word) -> Option<Flow> {
    let value = expand_imm(w.at(13, 8), format(w)?.log());
    b.push(Op::Const { d: vd(w), value });
    clear_upper(b, w)
}

/// Rd = the converted Vn, by the helper.
fn to_fixed_with(b: &mut Builder, w: Word, conversion: Conversion) -> Option<Flow> {
    let d = dst(b, w.rd());
    b.call_into(&TO_FIXED, CallArgs { d, a: vn(w), b: vn(w), c: vn(w), imm: conversion.imm() });
    NEXT
}

/// Vd = the converted Rn, by the helper.
fn from_fixed_with(b: &mut Builder, w: Word, conversion: Conversion) -> Option<Flow> {
    let a = xr(b, w.rn());
    b.call_into(&FROM_FIXED, CallArgs { d: vd(w), a, b: a, c: a, imm: conversion.imm() });
    clear_upper(b, w)
}

fn conversion(w: Word, signed: bool, fraction: u32, round: Round) -> Option<Conversion> {
    Some(Conversion { log: format(w)?.log(), wide: w.sf(), signed, fraction, rounding: rounding(round) })
}

pub(crate) fn to_int(b: &mut Builder, w: Word, signed: bool, round: Round) -> Option<Flow> {
    let Ir(from) = format(w)? else {
        let conversion = conversion(w, signed, 0, round)?;
        return to_fixed_with(b, w, conversion);
    };
    let d = dst(b, w.rd());
    b.push(Op::FpToInt { from, to: int(w.sf()), signed, round, overflow: Overflow::Saturate, d, a: vn(w) });
    NEXT
}

pub(crate) fn from_int(b: &mut Builder, w: Word, signed: bool) -> Option<Flow> {
    let Ir(to) = format(w)? else {
        let conversion = conversion(w, signed, 0, Round::Env)?;
        return from_fixed_with(b, w, conversion);
    };
    let a = xr(b, w.rn());
    b.push(Op::IntToFp { from: int(w.sf()), signed, to, d: vd(w), a });
    clear_upper(b, w)
}

/// A 32-bit number has at most 32 fraction bits.
fn fraction(w: Word) -> Option<u32> {
    let fraction = 64 - w.at(10, 6);
    (w.sf() || fraction <= 32).then_some(fraction)
}

pub(crate) fn to_fixed(b: &mut Builder, w: Word, signed: bool) -> Option<Flow> {
    let conversion = conversion(w, signed, fraction(w)?, Round::TowardZero)?;
    to_fixed_with(b, w, conversion)
}

pub(crate) fn from_fixed(b: &mut Builder, w: Word, signed: bool) -> Option<Flow> {
    let conversion = conversion(w, signed, fraction(w)?, Round::Env)?;
    from_fixed_with(b, w, conversion)
}

/// FJCVTZS: Z says that nothing was lost; the other flags are clear.
pub(crate) fn to_int_javascript(b: &mut Builder, w: Word) -> Option<Flow> {
    let converted = b.call(&FJCVTZS, vn(w), vn(w), vn(w), 0);
    let exact = b.cmp_imm(ir::Cond::Ne, Ty::I64, converted.up(1), 0);
    let zero = b.neg(Ty::I64, exact);
    let flags = b.and_imm(Ty::I64, zero, ir::Flags::ZERO as i64);
    b.set_flag_bits(flags);
    if w.rd() != 31 {
        b.set(regs::x(w.rd()), converted);
    }
    NEXT
}

/// FMOV to a general register; `type` says how much.
pub(crate) fn to_general(b: &mut Builder, w: Word) -> Option<Flow> {
    let d = dst(b, w.rd());
    mov_to(b, format(w)?.as_int(), d, vn(w));
    NEXT
}

pub(crate) fn from_general(b: &mut Builder, w: Word) -> Option<Flow> {
    let a = xr(b, w.rn());
    mov_to(b, format(w)?.as_int(), vd(w), a);
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
