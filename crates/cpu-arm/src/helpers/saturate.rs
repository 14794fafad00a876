//! Saturating lanes: what does not fit becomes the nearest bound and sets FPSR.QC.
use super::integer::shift_right;
use super::lanes::{lane_helpers, sx};
use crate::regs::QC;

/// `value` as a signed lane.
fn signed(env: &mut u64, bits: u32, value: i128) -> u64 {
    let max = (1i128 << (bits - 1)) - 1;
    bound(env, value, -max - 1, max)
}

/// `value` as an unsigned lane.
fn unsigned(env: &mut u64, bits: u32, value: i128) -> u64 {
    bound(env, value, 0, (1i128 << bits) - 1)
}

fn bound(env: &mut u64, value: i128, min: i128, max: i128) -> u64 {
    let fits = value.clamp(min, max);
    if fits != value {
        *env |= QC;
    }
    fits as u64
}

/// a as a signed number, wide enough for any sum or product.
fn s(bits: u32, a: u64) -> i128 {
    sx(bits, a).into()
}

fn u(a: u64) -> i128 {
    a.into()
}

/// SQSHL and its like: value shifted by the signed low byte of b.
fn shift(env: &mut u64, bits: u32, to_signed: bool, round: bool, value: i128, b: u64) -> u64 {
    let n = i32::from(b as u8 as i8);
    let shifted = match n {
        ..0 => shift_right(round, value, n.unsigned_abs()),
        // Beyond the width only the sign matters.
        _ if n >= bits as i32 => value.signum() << 100,
        _ => value << n,
    };
    if to_signed { signed(env, bits, shifted) } else { unsigned(env, bits, shifted) }
}

/// Twice the product's upper half.
fn mul_high(env: &mut u64, bits: u32, a: u64, b: u64, round: i128) -> u64 {
    signed(env, bits, (2 * s(bits, a) * s(bits, b) + (round << (bits - 1))) >> bits)
}

/// c plus or minus twice the product, in the upper half and rounded.
fn mul_high_add(env: &mut u64, bits: u32, a: u64, b: u64, c: u64, sign: i128) -> u64 {
    let product = 2 * s(bits, a) * s(bits, b);
    signed(env, bits, ((s(bits, c) << bits) + sign * product + (1 << (bits - 1))) >> bits)
}

/// Twice the product, saturated to the wide lane.
fn mul_long(env: &mut u64, bits: u32, a: u64, b: u64) -> u64 {
    signed(env, 2 * bits, 2 * s(bits, a) * s(bits, b))
}

lane_helpers! { same fp:
    SQADD = |e, n, a, b, _| signed(e, n, s(n, a) + s(n, b));
    UQADD = |e, n, a, b, _| unsigned(e, n, u(a) + u(b));
    SQSUB = |e, n, a, b, _| signed(e, n, s(n, a) - s(n, b));
    UQSUB = |e, n, a, b, _| unsigned(e, n, u(a) - u(b));
    SUQADD = |e, n, a, _, c| signed(e, n, s(n, c) + u(a));
    USQADD = |e, n, a, _, c| unsigned(e, n, u(c) + s(n, a));
    SQSHL = |e, n, a, b, _| shift(e, n, true, false, s(n, a), b);
    UQSHL = |e, n, a, b, _| shift(e, n, false, false, u(a), b);
    SQRSHL = |e, n, a, b, _| shift(e, n, true, true, s(n, a), b);
    UQRSHL = |e, n, a, b, _| shift(e, n, false, true, u(a), b);
    SQSHLU = |e, n, a, b, _| shift(e, n, false, false, s(n, a), b);
    SQDMULH = |e, n, a, b, _| mul_high(e, n, a, b, 0);
    SQRDMULH = |e, n, a, b, _| mul_high(e, n, a, b, 1);
    SQRDMLAH = |e, n, a, b, c| mul_high_add(e, n, a, b, c, 1);
    SQRDMLSH = |e, n, a, b, c| mul_high_add(e, n, a, b, c, -1);
    SQABS = |e, n, a, _, _| signed(e, n, s(n, a).abs());
    SQNEG = |e, n, a, _, _| signed(e, n, -s(n, a));
}

lane_helpers! { long fp:
    SQDMULL = |e, n, a, b, _| mul_long(e, n, a, b);
    SQDMLAL = |e, n, a, b, c| {
        let product = mul_long(e, n, a, b);
        signed(e, 2 * n, s(2 * n, c) + s(2 * n, product))
    };
    SQDMLSL = |e, n, a, b, c| {
        let product = mul_long(e, n, a, b);
        signed(e, 2 * n, s(2 * n, c) - s(2 * n, product))
    };
}

lane_helpers! { narrow fp:
    SQXTN = |e, n, a, _, _| signed(e, n, s(2 * n, a));
    UQXTN = |e, n, a, _, _| unsigned(e, n, u(a));
    SQXTUN = |e, n, a, _, _| unsigned(e, n, s(2 * n, a));
    // `b` is the amount in every lane.
    SQSHRN = |e, n, a, b, _| signed(e, n, shift_right(false, s(2 * n, a), b as u32));
    UQSHRN = |e, n, a, b, _| unsigned(e, n, shift_right(false, u(a), b as u32));
    SQRSHRN = |e, n, a, b, _| signed(e, n, shift_right(true, s(2 * n, a), b as u32));
    UQRSHRN = |e, n, a, b, _| unsigned(e, n, shift_right(true, u(a), b as u32));
    SQSHRUN = |e, n, a, b, _| unsigned(e, n, shift_right(false, s(2 * n, a), b as u32));
    SQRSHRUN = |e, n, a, b, _| unsigned(e, n, shift_right(true, s(2 * n, a), b as u32));
}
