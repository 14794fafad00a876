//! Addition, subtraction, multiplication and division.

use crate::env::{Env, Flags, Rounding};
use crate::format::{Class, Format, TOP, Unpacked, infinity, note_denormal, operand, zero};
use crate::nan;
use crate::round::{round_pack, shift_right_sticky};

/// A nonzero finite number: `±sig * 2^(exp - TOP)` with bit `TOP` set and bit 0 possibly sticky.
#[derive(Clone, Copy)]
pub(crate) struct Number {
    pub(crate) negative: bool,
    pub(crate) exp: i32,
    pub(crate) sig: u128,
}

impl From<Unpacked> for Number {
    fn from(v: Unpacked) -> Number {
        Number { negative: v.negative, exp: v.exp, sig: v.sig }
    }
}

impl Number {
    /// Moves the leading bit to `TOP`; `sig` is not zero.
    fn normalize(mut self) -> Number {
        let zeros = self.sig.leading_zeros();
        if zeros == 0 {
            self.sig = shift_right_sticky(self.sig, 1);
            self.exp += 1;
        } else {
            self.sig <<= zeros - 1;
            self.exp -= zeros as i32 - 1;
        }
        self
    }

    /// The exact sum, or one rounding short of it; nothing if it is zero. Either operand may have
    /// up to 106 significant bits and the other 64: whichever is shifted out was too small to
    /// cancel more than one leading bit, so the sticky bit stays below every rounding position.
    pub(crate) fn sum(self, other: Number) -> Option<Number> {
        let (large, small) = if (self.exp, self.sig) >= (other.exp, other.sig) { (self, other) } else { (other, self) };
        let aligned = shift_right_sticky(small.sig, large.exp.abs_diff(small.exp));
        let sig = if large.negative == small.negative { large.sig + aligned } else { large.sig - aligned };
        (sig != 0).then(|| Number { sig, ..large }.normalize())
    }

    /// The exact product of two operands of at most 64 significant bits each.
    pub(crate) fn product(a: &Unpacked, b: &Unpacked) -> Number {
        Number {
            negative: a.negative != b.negative,
            exp: a.exp + b.exp,
            sig: u128::from(a.high()) * u128::from(b.high()),
        }
        .normalize()
    }

    pub(crate) fn pack<F: Format>(self, env: &mut Env) -> F::Bits {
        round_pack::<F>(env, self.negative, self.exp, self.sig)
    }
}

/// The sign of a zero sum (IEEE 754-2008, 6.3).
pub(crate) fn zero_sum_is_negative(env: &Env, a: bool, b: bool) -> bool {
    if a == b { a } else { env.rounding == Rounding::Down }
}

pub fn add<F: Format>(env: &mut Env, a: F::Bits, b: F::Bits) -> F::Bits {
    add_or_sub::<F>(env, a, b, false)
}

pub fn sub<F: Format>(env: &mut Env, a: F::Bits, b: F::Bits) -> F::Bits {
    add_or_sub::<F>(env, a, b, true)
}

fn add_or_sub<F: Format>(env: &mut Env, a: F::Bits, b: F::Bits, negate: bool) -> F::Bits {
    let a = operand::<F>(env, a);
    let mut b = operand::<F>(env, b);
    if let Some(nan) = nan::propagate::<F>(env, &[a, b]) {
        return nan;
    }
    b.negative ^= negate;
    if a.is_infinite() && b.is_infinite() && a.negative != b.negative {
        return nan::invalid::<F>(env);
    }
    note_denormal(env, &[a, b]);
    match (a.class, b.class) {
        (Class::Infinite, _) => infinity::<F>(a.negative),
        (_, Class::Infinite) => infinity::<F>(b.negative),
        (Class::Zero, Class::Zero) => zero::<F>(zero_sum_is_negative(env, a.negative, b.negative)),
        (Class::Zero, _) => Number::from(b).pack::<F>(env),
        (_, Class::Zero) => Number::from(a).pack::<F>(env),
        _ => match Number::from(a).sum(b.into()) {
            Some(sum) => sum.pack::<F>(env),
            None => zero::<F>(zero_sum_is_negative(env, a.negative, b.negative)),
        },
    }
}

pub fn mul<F: Format>(env: &mut Env, a: F::Bits, b: F::Bits) -> F::Bits {
    let (a, b) = (operand::<F>(env, a), operand::<F>(env, b));
    if let Some(nan) = nan::propagate::<F>(env, &[a, b]) {
        return nan;
    }
    if a.is_infinite() && b.is_zero() || a.is_zero() && b.is_infinite() {
        return nan::invalid::<F>(env);
    }
    note_denormal(env, &[a, b]);
    let negative = a.negative != b.negative;
    if a.is_infinite() || b.is_infinite() {
        infinity::<F>(negative)
    } else if a.is_zero() || b.is_zero() {
        zero::<F>(negative)
    } else {
        Number::product(&a, &b).pack::<F>(env)
    }
}

pub fn div<F: Format>(env: &mut Env, a: F::Bits, b: F::Bits) -> F::Bits {
    let (a, b) = (operand::<F>(env, a), operand::<F>(env, b));
    if let Some(nan) = nan::propagate::<F>(env, &[a, b]) {
        return nan;
    }
    let negative = a.negative != b.negative;
    match (a.class, b.class) {
        (Class::Zero, Class::Zero) | (Class::Infinite, Class::Infinite) => {
            return nan::invalid::<F>(env);
        }
        (Class::Finite, Class::Zero) => {
            env.raise(Flags::DIVZERO);
            return infinity::<F>(negative);
        }
        _ => note_denormal(env, &[a, b]),
    }
    if a.is_infinite() {
        infinity::<F>(negative)
    } else if a.is_zero() || b.is_infinite() {
        zero::<F>(negative)
    } else {
        // Two digits of base 2^64 and 2^63: the quotient scaled by 2^127, between 2^126 and 2^128.
        let divisor = u128::from(b.high());
        let dividend = u128::from(a.high()) << 64;
        let (first, rest) = (dividend / divisor, (dividend % divisor) << 63);
        let (second, rest) = (rest / divisor, rest % divisor);
        let sig = ((first << 63) + second) | u128::from(rest != 0);
        let exp = a.exp - b.exp - (127 - TOP as i32);
        Number { negative, exp, sig }.normalize().pack::<F>(env)
    }
}
