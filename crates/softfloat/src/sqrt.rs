//! Square root.

use crate::arith::Number;
use crate::env::Env;
use crate::format::{Class, Format, TOP, infinity, note_denormal, operand, zero};
use crate::nan;

pub fn sqrt<F: Format>(env: &mut Env, a: F::Bits) -> F::Bits {
    let v = operand::<F>(env, a);
    if let Some(nan) = nan::propagate::<F>(env, &[v]) {
        return nan;
    }
    if v.class == Class::Zero {
        return zero::<F>(v.negative);
    }
    if v.negative {
        return nan::invalid::<F>(env);
    }
    note_denormal(env, &[v]);
    if v.is_infinite() {
        return infinity::<F>(false);
    }
    // The radicand has an even exponent and lies in [2^126, 2^128), so its root has 64 bits.
    let odd = v.exp & 1;
    let radicand = v.sig << odd;
    let root = radicand.isqrt();
    let rest = radicand - root * root;
    // (root + 1/2)^2 is no integer, so the next bit is set exactly if it lies below the radicand.
    let half = u128::from(rest > root);
    let sig = root << (TOP - 63) | half << (TOP - 64) | u128::from(rest != 0);
    Number { negative: false, exp: (v.exp - odd) / 2, sig }.pack::<F>(env)
}
