//! Integer arithmetic wider or odder than the IR's.
use super::{get, put};
use ir::{CallArgs, Helper, Slots};

/// a = low, b = high half of the dividend, c = divisor: quotient, remainder, and whether #DE is due.
pub(crate) static DIV_U128: Helper = Helper::pure("div_u128", 3, [1, 1, 1], div_u128);
pub(crate) static DIV_S128: Helper = Helper::pure("div_s128", 3, [1, 1, 1], div_s128);
/// a = value, b = count, c = carry; imm = width and, in bit 8, to the right: value, CARRY, OVERFLOW, and whether anything
/// moved: a count that goes all the way round leaves the flags.
pub(crate) static ROTATE_CARRY: Helper = Helper::pure("rotate_carry", 4, [1, 1, 1], rotate_carry);
/// a = value, b = what shifts in, c = count; imm = 1 to the right: value, CARRY.
pub(crate) static SHIFT_DOUBLE_16: Helper = Helper::pure("shift_double_16", 2, [1, 1, 1], shift_double_16);
/// a = value, b = mask.
pub(crate) static PDEP: Helper = Helper::pure("pdep", 1, [1, 1, 0], |s, at| {
    let (mut a, mut mask, mut result) = (get(s, at.a, 0), get(s, at.b, 0), 0);
    while mask != 0 {
        let lowest = mask & mask.wrapping_neg();
        result |= if a & 1 != 0 { lowest } else { 0 };
        (a, mask) = (a >> 1, mask ^ lowest);
    }
    put(s, at.d, 0, result);
});
pub(crate) static PEXT: Helper = Helper::pure("pext", 1, [1, 1, 0], |s, at| {
    let (a, mut mask, mut result) = (get(s, at.a, 0), get(s, at.b, 0), 0);
    let mut bit = 1;
    while mask != 0 {
        let lowest = mask & mask.wrapping_neg();
        result |= if a & lowest != 0 { bit } else { 0 };
        (bit, mask) = (bit << 1, mask ^ lowest);
    }
    put(s, at.d, 0, result);
});
/// a = state of the generator (SplitMix64, Steele and others 2014): the next state, and a number.
pub(crate) static RANDOM_NEXT: Helper = Helper::pure("random_next", 2, [1, 0, 0], |s, at| {
    let state = get(s, at.a, 0).wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    put(s, at.d, 0, state);
    put(s, at.d, 1, z ^ z >> 31);
});

fn finish(slots: &mut Slots, at: CallArgs, result: Option<(u64, u64)>) {
    let (quotient, remainder) = result.unwrap_or_default();
    put(slots, at.d, 0, quotient);
    put(slots, at.d, 1, remainder);
    put(slots, at.d, 2, result.is_none().into());
}

fn div_u128(slots: &mut Slots, at: CallArgs) {
    let dividend = u128::from(get(slots, at.b, 0)) << 64 | u128::from(get(slots, at.a, 0));
    let divisor = u128::from(get(slots, at.c, 0));
    let result = dividend.checked_div(divisor).and_then(|quotient| {
        let quotient = u64::try_from(quotient).ok()?;
        Some((quotient, (dividend % divisor) as u64))
    });
    finish(slots, at, result);
}

fn div_s128(slots: &mut Slots, at: CallArgs) {
    let dividend = i128::from(get(slots, at.b, 0) as i64) << 64 | i128::from(get(slots, at.a, 0));
    let divisor = i128::from(get(slots, at.c, 0) as i64);
    let result = dividend.checked_div(divisor).and_then(|quotient| {
        let quotient = i64::try_from(quotient).ok()?;
        Some((quotient as u64, (dividend % divisor) as u64))
    });
    finish(slots, at, result);
}

fn rotate_carry(slots: &mut Slots, at: CallArgs) {
    let bits = 8u32 << (at.imm & 3);
    let right = at.imm >> 8 != 0;
    let mask = u128::from(u64::MAX >> (64 - bits));
    // The carry sits above the value; the rotation is one of bits + 1.
    let wide = u128::from(get(slots, at.a, 0)) & mask | u128::from(get(slots, at.c, 0) & 1) << bits;
    let count = get(slots, at.b, 0) as u32 % (bits + 1);
    let left = if right { (bits + 1 - count) % (bits + 1) } else { count };
    let all = mask << 1 | 1;
    let turned = if left == 0 { wide } else { (wide << left | wide >> (bits + 1 - left)) & all };
    let value = (turned & mask) as u64;
    let carry = (turned >> bits) as u64 & 1;
    // What one step would give: to the left, the two top bits; to the right, the top one and the carry coming in.
    let before = get(slots, at.a, 0);
    let top = before >> (bits - 1) & 1;
    let overflow = top ^ if right { get(slots, at.c, 0) & 1 } else { before >> (bits - 2) & 1 };
    put(slots, at.d, 0, value);
    put(slots, at.d, 1, carry);
    put(slots, at.d, 2, overflow);
    put(slots, at.d, 3, (count != 0).into());
}

fn shift_double_16(slots: &mut Slots, at: CallArgs) {
    let (a, b) = (get(slots, at.a, 0) & 0xffff, get(slots, at.b, 0) & 0xffff);
    let count = get(slots, at.c, 0) & 31;
    let (value, carry) = if count == 0 {
        (a, 0)
    } else if at.imm != 0 {
        let wide = a << 32 | b << 16 | a;
        (wide >> count & 0xffff, wide >> (count - 1) & 1)
    } else {
        let wide = a << 32 | b << 16 | a;
        (wide >> (32 - count) & 0xffff, wide >> (48 - count) & 1)
    };
    put(slots, at.d, 0, value);
    put(slots, at.d, 1, carry);
}
