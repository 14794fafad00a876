//! Rounding: from an exact (or sticky) significand to a result, its flags, and integral values.

use crate::env::{Env, Flags, Precision, Rounding};
use crate::format::{Class, Fields, Format, TOP, infinity, note_denormal, operand, zero};
use crate::nan;

/// `sig >> shift`, with any lost bit kept sticky in bit 0.
pub(crate) fn shift_right_sticky(sig: u128, shift: u32) -> u128 {
    match shift {
        0 => sig,
        1..128 => sig >> shift | u128::from(sig << (128 - shift) != 0),
        _ => u128::from(sig != 0),
    }
}

/// What is left of a significand after dropping its low bits.
pub(crate) struct Rounded {
    pub(crate) kept: u128,
    pub(crate) inexact: bool,
    pub(crate) up: bool,
}

/// Rounds off the low `drop` bits, `1 <= drop <= 127`.
pub(crate) fn round_off(sig: u128, drop: u32, negative: bool, rounding: Rounding) -> Rounded {
    let kept = sig >> drop;
    let rest = sig & ((1 << drop) - 1);
    let half = 1 << (drop - 1);
    let odd = kept & 1 != 0;
    let up = match rounding {
        Rounding::NearestEven => rest > half || rest == half && odd,
        Rounding::NearestAway => rest >= half,
        Rounding::TowardZero => false,
        Rounding::Up => rest != 0 && !negative,
        Rounding::Down => rest != 0 && negative,
        Rounding::Odd => rest != 0 && !odd,
    };
    Rounded { kept: kept + u128::from(up), inexact: rest != 0, up }
}

/// Rounds `±sig * 2^(exp - TOP)` (bit `TOP` set, bit 0 sticky) to `F` and raises what is due.
pub(crate) fn round_pack<F: Format>(env: &mut Env, negative: bool, exp: i32, sig: u128) -> F::Bits {
    let precision = match env.precision {
        Precision::Single if F::IS_X87 => 24,
        Precision::Double if F::IS_X87 => 53,
        _ => F::PRECISION,
    };
    round_pack_to::<F>(env, precision, negative, exp, sig)
}

/// [`round_pack`] to fewer significand bits than `F` has.
pub(crate) fn round_pack_to<F: Format>(
    env: &mut Env,
    precision: u32,
    negative: bool,
    mut exp: i32,
    mut sig: u128,
) -> F::Bits {
    debug_assert!(sig >> TOP == 1, "unnormalized significand");
    let drop = TOP + 1 - precision;
    let mut tiny = false;
    if exp < F::EMIN {
        // Tiny after rounding unless rounding to full precision carries into the normal range.
        let carries = exp == F::EMIN - 1 && round_off(sig, drop, negative, env.rounding).kept >> precision != 0;
        if !carries && env.unmasked.contains(Flags::UNDERFLOW) && exp > F::EMIN - 2 * WRAP {
            return wrapped::<F>(env, precision, negative, exp + WRAP, sig, Flags::UNDERFLOW);
        }
        tiny = env.tininess == crate::Tininess::BeforeRounding || !carries;
        if env.flushes_outputs::<F>() && !env.simd_unmasked.contains(Flags::UNDERFLOW) && (tiny || env.is_arm()) {
            // x86 reports the flush as an inexact underflow, ARM as an underflow alone.
            env.raise(Flags::UNDERFLOW);
            if !env.is_arm() {
                env.raise(Flags::INEXACT);
            }
            return zero::<F>(negative);
        }
        if tiny && env.simd_unmasked.contains(Flags::UNDERFLOW) {
            let inexact = round_off(sig, drop, negative, env.rounding).inexact;
            env.raise(if inexact { Flags::UNDERFLOW.union(Flags::INEXACT) } else { Flags::UNDERFLOW });
            return zero::<F>(negative);
        }
        sig = shift_right_sticky(sig, exp.abs_diff(F::EMIN));
        exp = F::EMIN;
    }
    let Rounded { mut kept, inexact, up } = round_off(sig, drop, negative, env.rounding);
    env.rounded_up = up;
    let before = exp;
    if kept >> precision != 0 {
        kept >>= 1;
        exp += 1;
    }
    if exp + F::BIAS >= F::EXP_MAX as i32 {
        if env.unmasked.contains(Flags::OVERFLOW) && exp < F::BIAS + 2 * WRAP {
            return wrapped::<F>(env, precision, negative, before - WRAP, sig, Flags::OVERFLOW);
        }
        if env.simd_unmasked.contains(Flags::OVERFLOW) && !inexact {
            env.raise(Flags::OVERFLOW);
            return zero::<F>(negative);
        }
        return overflow::<F>(env, precision, negative);
    }
    if inexact {
        env.raise(Flags::INEXACT);
        if tiny {
            env.raise(Flags::UNDERFLOW);
        }
    }
    let significand = (kept as u64) << (F::PRECISION - precision);
    let biased = if significand & F::INTEGER_BIT == 0 { 0 } else { exp + F::BIAS };
    F::join(Fields { negative, biased: biased as u32, significand })
}

/// How far the exponent of an unmasked overflow or underflow is moved (SDM volume 1, 8.5.4 and 8.5.5).
const WRAP: i32 = 3 << 13;

/// A result out of range whose exponent has been moved; only [`crate::F80`] has room for it.
fn wrapped<F: Format>(env: &mut Env, precision: u32, negative: bool, exp: i32, sig: u128, why: Flags) -> F::Bits {
    env.raise(why);
    if !F::IS_X87 {
        env.rounded_up = false;
        return zero::<F>(negative);
    }
    let masked = std::mem::replace(&mut env.unmasked, Flags::NONE);
    let result = round_pack_to::<F>(env, precision, negative, exp, sig);
    env.unmasked = masked;
    result
}

fn overflow<F: Format>(env: &mut Env, precision: u32, negative: bool) -> F::Bits {
    if F::IS_FINITE {
        // ARM ARM, FPRoundBase: an invalid operation alone.
        env.raise(Flags::INVALID);
        return F::join(Fields { negative, biased: F::EXP_MAX - 1, significand: 2 * F::INTEGER_BIT - 1 });
    }
    env.raise(Flags::OVERFLOW.union(Flags::INEXACT));
    env.rounded_up = match env.rounding {
        Rounding::NearestEven | Rounding::NearestAway => true,
        Rounding::Up => !negative,
        Rounding::Down => negative,
        Rounding::TowardZero | Rounding::Odd => false,
    };
    if env.rounded_up {
        return infinity::<F>(negative);
    }
    let significand = (u64::MAX >> (64 - precision)) << (F::PRECISION - precision);
    F::join(Fields { negative, biased: F::EXP_MAX - 1, significand })
}

/// Rounds to an integral value in the same format; raises INEXACT only if `exact` asks for it.
pub fn round_to_int<F: Format>(env: &mut Env, a: F::Bits, rounding: Rounding, exact: bool) -> F::Bits {
    let v = operand::<F>(env, a);
    if let Some(nan) = nan::propagate::<F>(env, &[v]) {
        return nan;
    }
    // x87's FRNDINT reports a denormal operand, SSE's ROUNDSS does not.
    if F::IS_X87 {
        note_denormal(env, &[v]);
    }
    if v.class == Class::Zero {
        return zero::<F>(v.negative);
    }
    if v.class == Class::Infinite || v.exp >= F::PRECISION as i32 - 1 {
        return a;
    }
    let (sig, drop) = match u32::try_from(v.exp) {
        Ok(exp) => (v.sig, TOP - exp),
        Err(_) => (shift_right_sticky(v.sig, v.exp.unsigned_abs()), TOP),
    };
    let Rounded { kept, inexact, up } = round_off(sig, drop, v.negative, rounding);
    if inexact && exact {
        env.raise(Flags::INEXACT);
    }
    let integral = if kept == 0 {
        zero::<F>(v.negative)
    } else {
        // Exact: an integer below the precision.
        let shift = kept.leading_zeros() - (127 - TOP);
        round_pack_to::<F>(env, F::PRECISION, v.negative, (TOP - shift) as i32, kept << shift)
    };
    env.rounded_up = up;
    integral
}
