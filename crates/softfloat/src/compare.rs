//! Comparison, minimum and maximum.

use std::cmp::Ordering;

use crate::env::{Env, Flags};
use crate::format::{Class, Format, Unpacked, note_denormal, operand, zero};
use crate::nan;

/// Orders two operands; nothing if they are unordered. `signaling` raises INVALID for quiet NaNs
/// too (COMISD, FCMPE, FLT), otherwise only signaling ones do (UCOMISD, FCMP, FEQ).
pub fn compare<F: Format>(env: &mut Env, a: F::Bits, b: F::Bits, signaling: bool) -> Option<Ordering> {
    let (a, b) = (operand::<F>(env, a), operand::<F>(env, b));
    if nan::propagate::<F>(env, &[a, b]).is_some() {
        if signaling {
            env.raise(Flags::INVALID);
        }
        return None;
    }
    note_denormal(env, &[a, b]);
    Some(order(&a, &b, false))
}

/// The order of two numbers; zeros are equal unless `signed_zeros` puts -0 below +0.
fn order(a: &Unpacked, b: &Unpacked, signed_zeros: bool) -> Ordering {
    if a.is_zero() && b.is_zero() {
        return if signed_zeros { b.negative.cmp(&a.negative) } else { Ordering::Equal };
    }
    let magnitude = |v: &Unpacked| match v.class {
        Class::Zero => (0, 0, 0),
        Class::Infinite => (2, 0, 0),
        _ => (1, v.exp, v.sig),
    };
    let by_magnitude = magnitude(a).cmp(&magnitude(b));
    match (a.negative, b.negative) {
        (false, false) => by_magnitude,
        (true, true) => by_magnitude.reverse(),
        (negative, _) => b.negative.cmp(&negative),
    }
}

/// The families of minimum and maximum.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MinMax {
    /// x86 MINSD: the second operand if either is a NaN (INVALID, quiet or not) or both are zero.
    X86,
    /// IEEE 754-2008 minNum, ARM FMINNM: a number beats a quiet NaN.
    Num2008,
    /// IEEE 754-2019 minimumNumber, RISC-V FMIN: a number beats any NaN; a signaling one raises.
    Num2019,
    /// ARM FMIN, IEEE 754-2019 minimum: NaNs propagate, -0 is below +0.
    Propagate,
}

pub fn min<F: Format>(env: &mut Env, a: F::Bits, b: F::Bits, rule: MinMax) -> F::Bits {
    select::<F>(env, a, b, rule, Ordering::Less)
}

pub fn max<F: Format>(env: &mut Env, a: F::Bits, b: F::Bits, rule: MinMax) -> F::Bits {
    select::<F>(env, a, b, rule, Ordering::Greater)
}

/// The operand that stands in relation `wanted` to the other.
fn select<F: Format>(env: &mut Env, a_bits: F::Bits, b_bits: F::Bits, rule: MinMax, wanted: Ordering) -> F::Bits {
    let (a, b) = (operand::<F>(env, a_bits), operand::<F>(env, b_bits));
    // The operand itself, unless it was flushed.
    let of = |v: &Unpacked, bits| {
        if v.is_zero() { zero::<F>(v.negative) } else { bits }
    };
    if a.is_nan() || b.is_nan() {
        let signaling = a.class == Class::Signaling || b.class == Class::Signaling;
        return match rule {
            MinMax::X86 => {
                env.raise(Flags::INVALID);
                of(&b, b_bits)
            }
            MinMax::Num2008 if !signaling && !a.is_nan() => of(&a, a_bits),
            MinMax::Num2008 if !signaling && !b.is_nan() => of(&b, b_bits),
            MinMax::Num2019 if !a.is_nan() || !b.is_nan() => {
                if signaling {
                    env.raise(Flags::INVALID);
                }
                if a.is_nan() { of(&b, b_bits) } else { of(&a, a_bits) }
            }
            _ => nan::propagate::<F>(env, &[a, b]).expect("one operand is a NaN"),
        };
    }
    note_denormal(env, &[a, b]);
    if order(&a, &b, rule != MinMax::X86) == wanted { of(&a, a_bits) } else { of(&b, b_bits) }
}
