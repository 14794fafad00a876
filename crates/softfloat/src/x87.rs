//! What only the x87 has: partial remainders, scaling and extraction.

use crate::env::{Env, Flags};
use crate::format::{Class, F80, Format, TOP, infinity, note_denormal, operand, zero};
use crate::nan;
use crate::round::round_pack_to;

type Bits = <F80 as Format>::Bits;

/// The outcome of FPREM or FPREM1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Remainder {
    pub value: Bits,
    /// The low bits of the quotient's magnitude: bit 0 goes to C1, bit 1 to C3, bit 2 to C0.
    pub quotient: u64,
    /// C2: only part of the reduction was done.
    pub partial: bool,
}

/// Rounding of the quotient.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quotient {
    /// FPREM.
    Truncated,
    /// FPREM1: to nearest, as IEEE 754 wants its remainder.
    Nearest,
}

/// The exact remainder of `a / b`, or a step towards it when the exponents are 64 or more apart.
pub fn remainder(env: &mut Env, a_bits: Bits, b_bits: Bits, kind: Quotient) -> Remainder {
    let (a, b) = (operand::<F80>(env, a_bits), operand::<F80>(env, b_bits));
    let complete = |value| Remainder { value, quotient: 0, partial: false };
    if let Some(nan) = nan::propagate::<F80>(env, &[a, b]) {
        return complete(nan);
    }
    if a.is_infinite() || b.is_zero() {
        return complete(nan::invalid::<F80>(env));
    }
    note_denormal(env, &[a, b]);
    if a.is_zero() {
        return complete(a_bits);
    }
    let distance = a.exp - b.exp;
    if b.is_infinite() || distance < -1 || distance < 0 && kind == Quotient::Truncated {
        return complete(round_pack_to::<F80>(env, F80::PRECISION, a.negative, a.exp, a.sig));
    }
    // How far this step reduces; the manual leaves a choice of 32..=63 when it is partial.
    let partial = distance >= 64;
    let step = if partial { 32 + distance % 32 } else { distance };
    let divisor = u128::from(b.high());
    // The remainder in units of half the divisor's last bit, so that FPREM1's -1 fits in.
    let (mut quotient, mut twice) = match u32::try_from(step) {
        Ok(step) => {
            let dividend = u128::from(a.high()) << step;
            ((dividend / divisor) as u64, (dividend % divisor) << 1)
        }
        Err(_) => (0, u128::from(a.high())),
    };
    let mut negative = a.negative;
    if kind == Quotient::Nearest && !partial && (twice > divisor || twice == divisor && quotient & 1 != 0) {
        twice = 2 * divisor - twice;
        quotient = quotient.wrapping_add(1);
        negative = !negative;
    }
    let value = if twice == 0 {
        zero::<F80>(a.negative)
    } else {
        let shift = twice.leading_zeros() - (127 - TOP);
        let exp = b.exp + (distance - step) + (TOP as i32 - 64) - shift as i32;
        round_pack_to::<F80>(env, F80::PRECISION, negative, exp, twice << shift)
    };
    Remainder { value, quotient, partial }
}

/// FSCALE: `a * 2^trunc(b)`, whatever the precision control says.
pub fn scale(env: &mut Env, a: Bits, b: Bits) -> Bits {
    let (a, b) = (operand::<F80>(env, a), operand::<F80>(env, b));
    if let Some(nan) = nan::propagate::<F80>(env, &[a, b]) {
        return nan;
    }
    if b.is_infinite() && (if b.negative { a.is_infinite() } else { a.is_zero() }) {
        return nan::invalid::<F80>(env);
    }
    note_denormal(env, &[a, b]);
    match (a.class, b.class) {
        (Class::Infinite, _) => infinity::<F80>(a.negative),
        (Class::Zero, _) => zero::<F80>(a.negative),
        (_, Class::Infinite) if b.negative => zero::<F80>(a.negative),
        (_, Class::Infinite) => infinity::<F80>(a.negative),
        _ => {
            // 2^16 leaves the exponent range from anywhere in it.
            let by = match b.exp {
                _ if b.is_zero() => 0,
                i32::MIN..0 => 0,
                0..17 => (b.sig >> (TOP as i32 - b.exp)) as i32,
                _ => 1 << 17,
            };
            let exp = if b.negative { a.exp - by } else { a.exp + by };
            round_pack_to::<F80>(env, F80::PRECISION, a.negative, exp, a.sig)
        }
    }
}

/// FXTRACT: `(significand in [1, 2), exponent)`.
pub fn extract(env: &mut Env, a: Bits) -> (Bits, Bits) {
    let v = operand::<F80>(env, a);
    if let Some(nan) = nan::propagate::<F80>(env, &[v]) {
        return (nan, nan);
    }
    note_denormal(env, &[v]);
    match v.class {
        Class::Zero => {
            env.raise(Flags::DIVZERO);
            (zero::<F80>(v.negative), infinity::<F80>(true))
        }
        Class::Infinite => (infinity::<F80>(v.negative), infinity::<F80>(false)),
        _ => {
            let significand = round_pack_to::<F80>(env, F80::PRECISION, v.negative, 0, v.sig);
            let exponent = crate::from_int::<F80>(env, v.exp as u64, crate::Int::I64, 0);
            (significand, exponent)
        }
    }
}
