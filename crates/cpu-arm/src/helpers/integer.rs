//! Integer lanes: arithmetic, comparisons, shifts, widening and narrowing without saturation.
use super::lanes::{lane_helpers, sx};
use ir::Helper;

/// PMULL of double words: the lower ones, or with `upper` the upper ones, to all 128 bits.
pub(crate) static PMULL_D: Helper = Helper::pure("pmull_d", 2, [2, 2, 0], |slots, args| {
    let part = (args.imm >> 5 & 1) as u8;
    let (a, b) = (slots[args.a.up(part).0 as usize], slots[args.b.up(part).0 as usize]);
    let product = (0..64).filter(|n| b >> n & 1 != 0).fold(0u128, |sum, n| sum ^ u128::from(a) << n);
    slots[args.d.0 as usize] = product as u64;
    slots[args.d.up(1).0 as usize] = (product >> 64) as u64;
});

/// a shifted by the signed low byte of b: left, or right with optional rounding.
pub(crate) fn shift_by(signed: bool, round: bool, bits: u32, a: u64, b: u64) -> u64 {
    let value = if signed { i128::from(sx(bits, a)) } else { i128::from(a) };
    match i32::from(b as u8 as i8) {
        n @ 0.. if n as u32 >= bits => 0,
        n @ 0.. => (value << n) as u64,
        n => shift_right(round, value, n.unsigned_abs()) as u64,
    }
}

/// value >> n, rounded half up if asked; n may exceed the width.
pub(crate) fn shift_right(round: bool, value: i128, n: u32) -> i128 {
    match (round, n) {
        (_, 0) => value,
        (true, 1..=70) => (value + (1 << (n - 1))) >> n,
        (true, _) => 0,
        (false, _) => value >> n.min(127),
    }
}

fn abs_diff(signed: bool, bits: u32, a: u64, b: u64) -> u64 {
    if signed { sx(bits, a).abs_diff(sx(bits, b)) } else { a.abs_diff(b) }
}

fn carry_less(a: u64, b: u64) -> u64 {
    (0..8).filter(|n| b >> n & 1 != 0).fold(0, |sum, n| sum ^ a << n)
}

/// c plus the products of the four bytes of a and b.
fn dot(c: u64, a: u64, b: u64, extend: fn(u64) -> i64) -> u64 {
    let byte = |v: u64, n: u32| extend(v >> (8 * n) & 0xff);
    (0..4).fold(c, |sum, n| sum.wrapping_add((byte(a, n) * byte(b, n)) as u64))
}

lane_helpers! { same pure:
    SHADD = |_, n, a, b, _| ((sx(n, a) + sx(n, b)) >> 1) as u64;
    UHADD = |_, _, a, b, _| (a + b) >> 1;
    SRHADD = |_, n, a, b, _| ((sx(n, a) + sx(n, b) + 1) >> 1) as u64;
    SHSUB = |_, n, a, b, _| ((sx(n, a) - sx(n, b)) >> 1) as u64;
    UHSUB = |_, _, a, b, _| ((a as i64 - b as i64) >> 1) as u64;
    SSHL = |_, n, a, b, _| shift_by(true, false, n, a, b);
    USHL = |_, n, a, b, _| shift_by(false, false, n, a, b);
    SRSHL = |_, n, a, b, _| shift_by(true, true, n, a, b);
    URSHL = |_, n, a, b, _| shift_by(false, true, n, a, b);
    SABD = |_, n, a, b, _| abs_diff(true, n, a, b);
    UABD = |_, n, a, b, _| abs_diff(false, n, a, b);
    SABA = |_, n, a, b, c| abs_diff(true, n, a, b).wrapping_add(c);
    UABA = |_, n, a, b, c| abs_diff(false, n, a, b).wrapping_add(c);
    PMUL = |_, _, a, b, _| carry_less(a, b);
    CLS = |_, n, a, _, _| {
        let value = sx(n, a);
        u64::from((value ^ value >> 63).leading_zeros() - (64 - n) - 1)
    };
    CLZ = |_, n, a, _, _| u64::from(a.leading_zeros() + n - 64);
    RBIT = |_, n, a, _, _| a.reverse_bits() >> (64 - n);
    // Lanes of 32 bits, products of the bytes in them.
    SDOT = |_, _, a, b, c| dot(c, a, b, |byte| sx(8, byte));
    UDOT = |_, _, a, b, c| dot(c, a, b, |byte| byte as i64);
    // By a constant: c accumulates, `b` is the amount in every lane.
    SRI = |_, n, a, b, c| if b >= n.into() { c } else { a >> b | c & !(u64::MAX >> (64 - n) >> b) };
    SLI = |_, _, a, b, c| a << b | c & !(u64::MAX << b);
    SRSHR = |_, n, a, b, _| shift_right(true, sx(n, a).into(), b as u32) as u64;
    URSHR = |_, _, a, b, _| shift_right(true, a.into(), b as u32) as u64;
    SRSRA = |_, n, a, b, c| c.wrapping_add(shift_right(true, sx(n, a).into(), b as u32) as u64);
    URSRA = |_, _, a, b, c| c.wrapping_add(shift_right(true, a.into(), b as u32) as u64);
}

lane_helpers! { across_long pure:
    SADDLV = |n, a| sx(n, a) as u64;
    UADDLV = |_, a| a;
}

lane_helpers! { long pure:
    SABAL = |_, n, a, b, c| abs_diff(true, n, a, b).wrapping_add(c);
    UABAL = |_, n, a, b, c| abs_diff(false, n, a, b).wrapping_add(c);
    SABDL = |_, n, a, b, _| abs_diff(true, n, a, b);
    UABDL = |_, n, a, b, _| abs_diff(false, n, a, b);
    PMULL = |_, _, a, b, _| carry_less(a, b);
}

lane_helpers! { narrow pure:
    ADDHN = |_, n, a, b, _| a.wrapping_add(b) >> n;
    RADDHN = |_, n, a, b, _| a.wrapping_add(b).wrapping_add(1 << (n - 1)) >> n;
    SUBHN = |_, n, a, b, _| a.wrapping_sub(b) >> n;
    RSUBHN = |_, n, a, b, _| a.wrapping_sub(b).wrapping_add(1 << (n - 1)) >> n;
    // `b` is the amount in every lane.
    RSHRN = |_, _, a, b, _| shift_right(true, a.into(), b as u32) as u64;
}
