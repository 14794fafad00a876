//! Conversions between formats and to and from integers.

use crate::arith::Number;
use crate::env::{Env, Flags, Rounding};
use crate::format::{Class, Fields, Format, TOP, infinity, note_denormal, operand, zero};
use crate::nan;
use crate::round::{round_off, round_pack_to, shift_right_sticky};

/// Converts a value between formats. Half precision is exempt from the flush modes on either side
/// and never counts as a denormal operand (Intel SDM VCVTPH2PS, ARM ARM FPUnpackCV and FPRoundCV);
/// neither do x87 registers being stored.
pub fn convert<From: Format, To: Format>(env: &mut Env, bits: From::Bits) -> To::Bits {
    let flush_half = std::mem::take(&mut env.flush_half);
    let result = convert_unflushed::<From, To>(env, bits);
    env.flush_half = flush_half;
    result
}

fn convert_unflushed<From: Format, To: Format>(env: &mut Env, bits: From::Bits) -> To::Bits {
    let v = operand::<From>(env, bits);
    if To::IS_FINITE && (v.is_nan() || v.is_infinite()) {
        // ARM ARM, FPConvert: a NaN becomes zero, an infinity the greatest number.
        env.raise(Flags::INVALID);
        let significand = if v.is_nan() { 0 } else { 2 * To::INTEGER_BIT - 1 };
        let biased = if v.is_nan() { 0 } else { To::EXP_MAX - 1 };
        return To::join(Fields { negative: v.negative, biased, significand });
    }
    if let Some(nan) = nan::propagate_from::<From, To>(env, &[v]) {
        return nan;
    }
    if !From::IS_HALF && !From::IS_X87 {
        note_denormal(env, &[v]);
    }
    match v.class {
        Class::Zero => zero::<To>(v.negative),
        Class::Infinite => infinity::<To>(v.negative),
        _ => round_pack_to::<To>(env, To::PRECISION, v.negative, v.exp, v.sig),
    }
}

/// An integer type of the guest. Values travel in the low `bits` of a `u64`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Int {
    pub bits: u32,
    pub signed: bool,
}

impl Int {
    pub const I16: Int = Int { bits: 16, signed: true };
    pub const U16: Int = Int { bits: 16, signed: false };
    pub const I32: Int = Int { bits: 32, signed: true };
    pub const U32: Int = Int { bits: 32, signed: false };
    pub const I64: Int = Int { bits: 64, signed: true };
    pub const U64: Int = Int { bits: 64, signed: false };

    const fn mask(self) -> u64 {
        u64::MAX >> (64 - self.bits)
    }

    /// The largest value.
    const fn max(self) -> u64 {
        self.mask() >> self.signed as u32
    }

    /// The smallest value, in `bits` bits.
    const fn min(self) -> u64 {
        if self.signed { self.max() + 1 } else { 0 }
    }
}

/// What a conversion to an integer yields when the value does not fit; INVALID is raised.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IntOverflow {
    /// The integer indefinite: the smallest signed value, or all ones if unsigned.
    X86,
    /// ARM: the nearest value in range, zero for a NaN.
    Saturate,
    /// The nearest value in range, the largest for a NaN.
    RiscV,
}

/// Converts `a * 2^fraction_bits` to an integer, zero-extended into the result.
pub fn to_int<F: Format>(
    env: &mut Env,
    a: F::Bits,
    int: Int,
    rounding: Rounding,
    overflow: IntOverflow,
    fraction_bits: u32,
) -> u64 {
    let v = operand::<F>(env, a);
    let out_of_range = |env: &mut Env, nan: bool| {
        env.raise(Flags::INVALID);
        match overflow {
            IntOverflow::X86 if int.signed => int.min(),
            IntOverflow::X86 => int.mask(),
            IntOverflow::Saturate if nan => 0,
            IntOverflow::RiscV if nan => int.max(),
            _ if v.negative => int.min(),
            _ => int.max(),
        }
    };
    let exp = v.exp + fraction_bits as i32;
    match v.class {
        Class::Zero => return 0,
        Class::Finite if exp < 64 => {}
        Class::Finite | Class::Infinite => return out_of_range(env, false),
        Class::Quiet | Class::Signaling | Class::Unsupported => return out_of_range(env, true),
    }
    let sig = shift_right_sticky(v.sig, (63 - exp) as u32);
    let rounded = round_off(sig, TOP - 63, v.negative, rounding);
    let limit = if v.negative { u128::from(int.min()) } else { u128::from(int.max()) };
    if rounded.kept > limit {
        return out_of_range(env, false);
    }
    env.rounded_up = rounded.up;
    if rounded.inexact {
        env.raise(Flags::INEXACT);
    }
    let magnitude = rounded.kept as u64;
    (if v.negative { magnitude.wrapping_neg() } else { magnitude }) & int.mask()
}

/// Converts the low `int.bits` of `value`, times `2^-fraction_bits`.
pub fn from_int<F: Format>(env: &mut Env, value: u64, int: Int, fraction_bits: u32) -> F::Bits {
    let value = value & int.mask();
    let negative = value > int.max();
    let magnitude = if negative { value.wrapping_neg() & int.mask() } else { value };
    if magnitude == 0 {
        return zero::<F>(false);
    }
    let zeros = magnitude.leading_zeros();
    let exp = 63 - zeros as i32 - fraction_bits as i32;
    let sig = u128::from(magnitude << zeros) << (TOP - 63);
    if F::IS_X87 {
        // FILD is exact whatever the precision control says.
        return round_pack_to::<F>(env, F::PRECISION, negative, exp, sig);
    }
    Number { negative, exp, sig }.pack::<F>(env)
}
