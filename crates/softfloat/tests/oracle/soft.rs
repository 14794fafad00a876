//! Our operations in the shape the oracles' tables want them.

use std::cmp::Ordering;

use softfloat::*;

use crate::{Outcome, Register, Soft, integer, value};

/// `bits` as a register of `F`.
pub(crate) fn bits<F: Format<Bits: Register>>(register: u128) -> F::Bits {
    F::Bits::from_u128(register)
}

pub(crate) fn unary<F: Format<Bits: Register>>(f: fn(&mut Env, F::Bits) -> F::Bits) -> Soft {
    Box::new(move |env, v| value(f(env, bits::<F>(v[0]))))
}

pub(crate) fn binary<F: Format<Bits: Register>>(f: fn(&mut Env, F::Bits, F::Bits) -> F::Bits) -> Soft {
    Box::new(move |env, v| value(f(env, bits::<F>(v[0]), bits::<F>(v[1]))))
}

pub(crate) fn compares<F: Format<Bits: Register>>(signaling: bool, encode: fn(Option<Ordering>) -> Outcome) -> Soft {
    Box::new(move |env, v| encode(compare::<F>(env, bits::<F>(v[0]), bits::<F>(v[1]), signaling)))
}

/// Rounds to an integral value, in the environment's direction unless one is given.
pub(crate) fn rounds<F: Format<Bits: Register>>(rounding: Option<Rounding>, exact: bool) -> Soft {
    Box::new(move |env, v| {
        let rounding = rounding.unwrap_or(env.rounding);
        value(round_to_int::<F>(env, bits::<F>(v[0]), rounding, exact))
    })
}

pub(crate) fn to<F: Format<Bits: Register>>(
    int: Int,
    rounding: Option<Rounding>,
    overflow: IntOverflow,
    fraction_bits: u32,
) -> Soft {
    Box::new(move |env, v| {
        let rounding = rounding.unwrap_or(env.rounding);
        integer(to_int::<F>(env, bits::<F>(v[0]), int, rounding, overflow, fraction_bits), int.bits)
    })
}

pub(crate) fn from<F: Format<Bits: Register>>(int: Int, fraction_bits: u32) -> Soft {
    Box::new(move |env, v| value(from_int::<F>(env, v[0] as u64, int, fraction_bits)))
}

pub(crate) fn converts<From: Format<Bits: Register>, To: Format<Bits: Register>>() -> Soft {
    Box::new(|env, v| value(convert::<From, To>(env, bits::<From>(v[0]))))
}
