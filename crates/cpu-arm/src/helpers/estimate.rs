//! Reciprocal estimates and steps, FMULX and FRECPX: shared/functions/float of the Armv8-A manual's pseudocode.
use softfloat::{Env, Fields, Flags, Format, NanRule, Rounding};

/// What the estimates ask of an operand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Zero,
    Finite,
    Infinite,
    Nan,
}

/// Kind and fields; a denormal that FPCR.FZ flushes is a zero, and reported.
fn operand<F: Format>(env: &mut Env, bits: F::Bits) -> (Kind, Fields) {
    let mut fields = F::split(bits);
    let fraction = fields.significand & (F::INTEGER_BIT - 1);
    let kind = match (fields.biased, fraction) {
        (0, 0) => Kind::Zero,
        (0, _) if env.flush_inputs => {
            env.raise(Flags::DENORMAL);
            fields.significand = 0;
            Kind::Zero
        }
        (e, 0) if e == F::EXP_MAX => Kind::Infinite,
        (e, _) if e == F::EXP_MAX => Kind::Nan,
        _ => Kind::Finite,
    };
    (kind, fields)
}

fn join<F: Format>(negative: bool, biased: u32, fraction: u64) -> F::Bits {
    F::join(Fields { negative, biased, significand: fraction | F::INTEGER_BIT })
}

fn zero<F: Format>(negative: bool) -> F::Bits {
    F::join(Fields { negative, biased: 0, significand: 0 })
}

fn infinity<F: Format>(negative: bool) -> F::Bits {
    join::<F>(negative, F::EXP_MAX, 0)
}

/// The NaN operand `bits` as a result.
fn nan<F: Format>(env: &mut Env, bits: F::Bits, fields: Fields) -> F::Bits {
    if fields.significand & F::QUIET_BIT == 0 {
        env.raise(Flags::INVALID);
    }
    if env.nan == NanRule::ArmDefault {
        return join::<F>(false, F::EXP_MAX, F::QUIET_BIT);
    }
    let fields = F::split(bits);
    F::join(Fields { significand: fields.significand | F::QUIET_BIT, ..fields })
}

fn negated<F: Format>(bits: F::Bits) -> F::Bits {
    let fields = F::split(bits);
    F::join(Fields { negative: !fields.negative, ..fields })
}

/// 2^exp, or three halves of it.
fn constant<F: Format>(negative: bool, exp: i32, one_and_half: bool) -> F::Bits {
    join::<F>(negative, (exp + F::BIAS) as u32, if one_and_half { F::QUIET_BIT } else { 0 })
}

/// Whether the product is infinity times zero.
fn infinity_times_zero<F: Format>(env: &Env, a: F::Bits, b: F::Bits) -> bool {
    // Only looking: what is flushed here is reported by the operation itself.
    let mut env = *env;
    let (a, b) = (operand::<F>(&mut env, a).0, operand::<F>(&mut env, b).0);
    matches!((a, b), (Kind::Infinite, Kind::Zero) | (Kind::Zero, Kind::Infinite))
}

/// Notes operands that are flushed, where no operation does it.
fn note_flushed<F: Format>(env: &mut Env, a: F::Bits, b: F::Bits) {
    operand::<F>(env, a);
    operand::<F>(env, b);
}

/// FMULX: as FMUL, but infinity times zero is 2.
pub(crate) fn mulx<F: Format>(env: &mut Env, a: F::Bits, b: F::Bits) -> F::Bits {
    if infinity_times_zero::<F>(env, a, b) {
        note_flushed::<F>(env, a, b);
        return constant::<F>(F::split(a).negative != F::split(b).negative, 1, false);
    }
    softfloat::mul::<F>(env, a, b)
}

/// FRECPS: 2 - a * b, fused.
pub(crate) fn recip_step<F: Format>(env: &mut Env, a: F::Bits, b: F::Bits) -> F::Bits {
    let two = constant::<F>(false, 1, false);
    if infinity_times_zero::<F>(env, a, b) {
        note_flushed::<F>(env, a, b);
        return two;
    }
    softfloat::mul_add::<F>(env, negated::<F>(a), b, two)
}

/// FRSQRTS: (3 - a * b) / 2, fused. Halving a factor is exact unless it is denormal; then the other one is halved, and
/// if both are that small their product is too small for its exact value to matter.
pub(crate) fn rsqrt_step<F: Format>(env: &mut Env, a: F::Bits, b: F::Bits) -> F::Bits {
    let three_halves = constant::<F>(false, 0, true);
    if infinity_times_zero::<F>(env, a, b) {
        note_flushed::<F>(env, a, b);
        return three_halves;
    }
    let halved = |bits| {
        let fields = F::split(bits);
        (2..F::EXP_MAX).contains(&fields.biased).then(|| F::join(Fields { biased: fields.biased - 1, ..fields }))
    };
    let is_finite = |bits| F::split(bits).biased != F::EXP_MAX;
    let (mut x, mut y) = (negated::<F>(a), b);
    if is_finite(x) && is_finite(y) {
        if let Some(half) = halved(x) {
            x = half;
        } else if let Some(half) = halved(y) {
            y = half;
        }
    }
    softfloat::mul_add::<F>(env, x, y, three_halves)
}

/// RecipEstimate: 2^19 / a for a in 256..512.
fn recip_estimate(a: u32) -> u32 {
    ((1 << 19) / (2 * a + 1)).div_ceil(2)
}

/// RecipSqrtEstimate: 2^14 / sqrt a for a in 128..512, rounded as the tables are.
fn rsqrt_estimate(a: u32) -> u32 {
    let a = if a < 256 { 2 * a + 1 } else { 2 * (a & !1) + 2 };
    let mut b = 512u32;
    while u64::from(a) * u64::from(b + 1) * u64::from(b + 1) < 1 << 28 {
        b += 1;
    }
    b.div_ceil(2)
}

/// The fraction as the pseudocode has it, 52 bits wide.
fn fraction52<F: Format>(fields: Fields) -> u64 {
    (fields.significand & (F::INTEGER_BIT - 1)) << (53 - F::PRECISION)
}

fn from_fraction52<F: Format>(negative: bool, biased: u32, fraction: u64) -> F::Bits {
    let fraction = (fraction & ((1 << 52) - 1)) >> (53 - F::PRECISION);
    F::join(Fields { negative, biased, significand: fraction | if biased == 0 { 0 } else { F::INTEGER_BIT } })
}

/// FRECPE.
pub(crate) fn recip<F: Format>(env: &mut Env, bits: F::Bits) -> F::Bits {
    let (kind, fields) = operand::<F>(env, bits);
    let negative = fields.negative;
    match kind {
        Kind::Nan => return nan::<F>(env, bits, fields),
        Kind::Infinite => return zero::<F>(negative),
        Kind::Zero => {
            env.raise(Flags::DIVZERO);
            return infinity::<F>(negative);
        }
        Kind::Finite => {}
    }
    let mut fraction = fraction52::<F>(fields);
    let mut exp = fields.biased as i32;
    // Below a quarter of the smallest normal number the reciprocal overflows.
    if exp == 0 && fraction >> 50 == 0 {
        env.raise(Flags::OVERFLOW.union(Flags::INEXACT));
        let to_infinity = match env.rounding {
            Rounding::Up => !negative,
            Rounding::Down => negative,
            Rounding::TowardZero => false,
            _ => true,
        };
        return if to_infinity {
            infinity::<F>(negative)
        } else {
            join::<F>(negative, F::EXP_MAX - 1, F::INTEGER_BIT - 1)
        };
    }
    let top = 2 * F::BIAS - 1;
    if env.flush_outputs && exp >= top {
        env.raise(Flags::UNDERFLOW);
        return zero::<F>(negative);
    }
    if exp == 0 {
        if fraction >> 51 == 0 {
            exp = -1;
            fraction <<= 2;
        } else {
            fraction <<= 1;
        }
    }
    let scaled = 256 | (fraction >> 44 & 0xff) as u32;
    let mut result_exp = top - exp;
    let mut fraction = u64::from(recip_estimate(scaled) & 0xff) << 44;
    if result_exp == 0 {
        fraction = 1 << 51 | fraction >> 1;
    } else if result_exp < 0 {
        fraction = 1 << 50 | fraction >> 2;
        result_exp = 0;
    }
    from_fraction52::<F>(negative, result_exp as u32, fraction)
}

/// FRSQRTE.
pub(crate) fn rsqrt<F: Format>(env: &mut Env, bits: F::Bits) -> F::Bits {
    let (kind, fields) = operand::<F>(env, bits);
    match kind {
        Kind::Nan => return nan::<F>(env, bits, fields),
        Kind::Zero => {
            env.raise(Flags::DIVZERO);
            return infinity::<F>(fields.negative);
        }
        _ if fields.negative => {
            env.raise(Flags::INVALID);
            return join::<F>(false, F::EXP_MAX, F::QUIET_BIT);
        }
        Kind::Infinite => return zero::<F>(false),
        Kind::Finite => {}
    }
    let mut fraction = fraction52::<F>(fields);
    let mut exp = fields.biased as i32;
    if exp == 0 {
        while fraction >> 51 == 0 {
            fraction <<= 1;
            exp -= 1;
        }
        fraction = fraction << 1 & ((1 << 52) - 1);
    }
    let scaled = if exp & 1 == 0 { 256 | (fraction >> 44) as u32 } else { 128 | (fraction >> 45) as u32 };
    let result_exp = (3 * F::BIAS - 1 - exp) / 2;
    from_fraction52::<F>(false, result_exp as u32, u64::from(rsqrt_estimate(scaled) & 0xff) << 44)
}

/// FRECPX: the exponent inverted.
pub(crate) fn recip_exponent<F: Format>(env: &mut Env, bits: F::Bits) -> F::Bits {
    let (kind, fields) = operand::<F>(env, bits);
    if kind == Kind::Nan {
        return nan::<F>(env, bits, fields);
    }
    let biased = if fields.biased == 0 { F::EXP_MAX - 1 } else { !fields.biased & F::EXP_MAX };
    F::join(Fields { negative: fields.negative, biased, significand: if biased == 0 { 0 } else { F::INTEGER_BIT } })
}

/// URECPE.
pub(crate) fn unsigned_recip(a: u32) -> u32 {
    if a >> 31 == 0 { u32::MAX } else { recip_estimate(a >> 23) << 23 }
}

/// URSQRTE.
pub(crate) fn unsigned_rsqrt(a: u32) -> u32 {
    if a >> 30 == 0 { u32::MAX } else { rsqrt_estimate(a >> 23) << 23 }
}
