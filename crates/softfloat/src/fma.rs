//! Fused multiply-add.

use crate::arith::{Number, zero_sum_is_negative};
use crate::env::{Env, Flags, NanRule};
use crate::format::{Class, Format, infinity, note_denormal, operand, zero};
use crate::nan;

/// `a * b + c` with one rounding, for formats of at most 53 significand bits (the product must
/// leave room below it). Callers negate operands for the other signs; x86 picks NaNs in the order
/// given, ARM looks at the addend first.
pub fn mul_add<F: Format>(env: &mut Env, a: F::Bits, b: F::Bits, c: F::Bits) -> F::Bits {
    fused::<F, F>(env, a, b, c, 0)
}

/// [`mul_add`] whose factors are of a narrower format than the sum (ARM ARM, FPMulAddH).
pub fn mul_add_long<From: Format, To: Format>(env: &mut Env, a: From::Bits, b: From::Bits, c: To::Bits) -> To::Bits {
    fused::<From, To>(env, a, b, c, 0)
}

/// `(a * b + c) * 2^scale` with one rounding.
pub(crate) fn fused<P: Format, F: Format>(env: &mut Env, a: P::Bits, b: P::Bits, c: F::Bits, scale: i32) -> F::Bits {
    const { assert!(P::PRECISION <= F::PRECISION && F::PRECISION <= 53) };
    let (a, b, c) = (operand::<P>(env, a), operand::<P>(env, b), operand::<F>(env, c));
    let no_product = a.is_infinite() && b.is_zero() || a.is_zero() && b.is_infinite();
    let order = if env.is_x86() { [a, b, c] } else { [c, a, b] };
    if let Some(nan) = nan::propagate::<F>(env, &order) {
        // Infinity times zero plus a quiet NaN: IEEE 754-2008 7.2 leaves the exception open. x86
        // has none, RISC-V raises it, ARM raises it and forgets the NaN.
        return match env.nan {
            NanRule::X86 => nan,
            _ if no_product && c.class == Class::Quiet => nan::invalid::<F>(env),
            NanRule::Arm | NanRule::ArmDefault | NanRule::RiscV => nan,
        };
    }
    let negative = a.negative != b.negative;
    let infinite = a.is_infinite() || b.is_infinite();
    if no_product || infinite && c.is_infinite() && negative != c.negative {
        env.raise(Flags::INVALID);
        return nan::default_nan::<F>(env);
    }
    note_denormal(env, &[a, b, c]);
    if infinite {
        return infinity::<F>(negative);
    }
    if c.is_infinite() {
        return infinity::<F>(c.negative);
    }
    let product = (!a.is_zero() && !b.is_zero()).then(|| Number::product(&a, &b));
    let addend = (!c.is_zero()).then(|| Number::from(c));
    let sum = match (product, addend) {
        (Some(product), Some(addend)) => product.sum(addend),
        (one, other) => one.or(other),
    };
    match sum {
        Some(sum) => Number { exp: sum.exp + scale, ..sum }.pack::<F>(env),
        None => zero::<F>(zero_sum_is_negative(env, negative, c.negative)),
    }
}
