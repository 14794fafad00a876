//! What only ARM has: fused Newton steps, FMULX, and the table-free reciprocal estimates
//! (ARM ARM, shared/functions/float).

use crate::arith::mul;
use crate::env::{Env, Flags, Rounding};
use crate::fma::fused;
use crate::format::{Fields, Format, TOP, Unpacked, infinity, operand, zero};
use crate::nan;

fn negate<F: Format>(a: F::Bits) -> F::Bits {
    let fields = F::split(a);
    F::join(Fields { negative: !fields.negative, ..fields })
}

/// `±significand * 2^(exp - 1)`, the significand's leading bit being worth 2.
fn constant<F: Format>(negative: bool, exp: i32, second_bit: bool) -> F::Bits {
    let significand = F::INTEGER_BIT | if second_bit { F::QUIET_BIT } else { 0 };
    F::join(Fields { negative, biased: (F::BIAS + exp) as u32, significand })
}

fn is_infinity_times_zero(a: &Unpacked, b: &Unpacked) -> bool {
    a.is_infinite() && b.is_zero() || a.is_zero() && b.is_infinite()
}

/// FMULX: a product in which infinity times zero is ±2.
pub fn mulx<F: Format>(env: &mut Env, a: F::Bits, b: F::Bits) -> F::Bits {
    let (x, y) = (operand::<F>(env, a), operand::<F>(env, b));
    if is_infinity_times_zero(&x, &y) {
        return constant::<F>(x.negative != y.negative, 1, false);
    }
    mul::<F>(env, a, b)
}

/// FRECPS: `2 - a * b`.
pub fn recip_step<F: Format>(env: &mut Env, a: F::Bits, b: F::Bits) -> F::Bits {
    step::<F>(env, a, b, constant::<F>(false, 1, false), 0)
}

/// FRSQRTS: `(3 - a * b) / 2`.
pub fn rsqrt_step<F: Format>(env: &mut Env, a: F::Bits, b: F::Bits) -> F::Bits {
    step::<F>(env, a, b, constant::<F>(false, 1, true), -1)
}

fn step<F: Format>(env: &mut Env, a: F::Bits, b: F::Bits, minuend: F::Bits, scale: i32) -> F::Bits {
    let a = negate::<F>(a);
    let (x, y) = (operand::<F>(env, a), operand::<F>(env, b));
    if is_infinity_times_zero(&x, &y) {
        // As if the product were zero.
        let fields = F::split(minuend);
        return F::join(Fields { biased: fields.biased.wrapping_add_signed(scale), ..fields });
    }
    fused::<F, F>(env, a, b, minuend, scale)
}

/// FRECPX: the exponent's complement, a scale that keeps a division in range.
pub fn recip_exponent<F: Format>(env: &mut Env, a: F::Bits) -> F::Bits {
    let v = operand::<F>(env, a);
    if let Some(nan) = nan::propagate::<F>(env, &[v]) {
        return nan;
    }
    let biased = match F::split(a).biased {
        0 => F::EXP_MAX - 1,
        biased => F::EXP_MAX - biased,
    };
    F::join(Fields { negative: v.negative, biased, significand: 0 })
}

/// FRECPE: `1 / a` to 8 bits.
pub fn recip_estimate<F: Format>(env: &mut Env, a: F::Bits) -> F::Bits {
    let v = operand::<F>(env, a);
    if let Some(nan) = nan::propagate::<F>(env, &[v]) {
        return nan;
    }
    if v.is_infinite() {
        return zero::<F>(v.negative);
    }
    if v.is_zero() {
        env.raise(Flags::DIVZERO);
        return infinity::<F>(v.negative);
    }
    if v.exp < -F::BIAS - 1 {
        env.raise(Flags::OVERFLOW.union(Flags::INEXACT));
        let to_infinity = match env.rounding {
            Rounding::Up => !v.negative,
            Rounding::Down => v.negative,
            Rounding::TowardZero => false,
            Rounding::NearestEven | Rounding::NearestAway | Rounding::Odd => true,
        };
        if to_infinity {
            return infinity::<F>(v.negative);
        }
        let significand = 2 * F::INTEGER_BIT - 1;
        return F::join(Fields { negative: v.negative, biased: F::EXP_MAX - 1, significand });
    }
    if env.flushes_outputs::<F>() && v.exp >= F::BIAS - 1 {
        env.raise(Flags::UNDERFLOW);
        return zero::<F>(v.negative);
    }
    // The operand to 9 bits and half a unit more, so that the division is to nearest.
    let scaled = 2 * (v.sig >> (TOP - 8)) as u64 + 1;
    let estimate = ((1 << 19) / scaled).div_ceil(2);
    let significand = estimate << (F::PRECISION - 9);
    let biased = F::BIAS - 1 - v.exp;
    let (biased, significand) = match u32::try_from(biased) {
        Ok(0) => (0, significand >> 1),
        Ok(biased) => (biased, significand),
        Err(_) => (0, significand >> 2),
    };
    F::join(Fields { negative: v.negative, biased, significand })
}

/// FRSQRTE: `1 / sqrt(a)` to 8 bits.
pub fn rsqrt_estimate<F: Format>(env: &mut Env, a: F::Bits) -> F::Bits {
    let v = operand::<F>(env, a);
    if let Some(nan) = nan::propagate::<F>(env, &[v]) {
        return nan;
    }
    if v.is_zero() {
        env.raise(Flags::DIVZERO);
        return infinity::<F>(v.negative);
    }
    if v.negative {
        return nan::invalid::<F>(env);
    }
    if v.is_infinite() {
        return zero::<F>(false);
    }
    // The operand over a power of four in [1/4, 1) to 8 bits, in units of 2^-9; then the middle of
    // the interval it stands for.
    let even = v.exp & 1 == 0;
    let scaled = (v.sig >> (TOP - 8)) as u64;
    let middle = if even { 2 * (scaled >> 1) + 1 } else { 2 * (scaled & !1) + 2 };
    let square = |root: u64| middle * root * root;
    let mut root = 512;
    while square(root + 1) < 1 << 28 {
        root += 1;
    }
    let biased = (3 * F::BIAS - 1 - (v.exp + F::BIAS)) >> 1;
    F::join(Fields { negative: false, biased: biased as u32, significand: root.div_ceil(2) << (F::PRECISION - 9) })
}
