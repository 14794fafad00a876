//! Integer arithmetic wider or odder than the IR's.
use super::{get, put};
use ir::{CallArgs, Helper, Slots};

/// a = low, b = high half of the dividend, c = divisor: quotient, remainder, and whether #DE is due.
pub(crate) static DIV_U128: Helper = Helper::pure("div_u128", 3, [1, 1, 1], div_u128);
pub(crate) static DIV_S128: Helper = Helper::pure("div_s128", 3, [1, 1, 1], div_s128);
/// a = value, b = count, c = carry; imm = width and, in bit 8, to the right: value, CARRY, OVERFLOW.
pub(crate) static ROTATE_CARRY: Helper = Helper::pure("rotate_carry", 3, [1, 1, 1], rotate_carry);
/// a = value, b = what shifts in, c = count; imm = 1 to the right: value, CARRY.
pub(crate) static SHIFT_DOUBLE_16: Helper = Helper::pure("shift_double_16", 2, [1, 1, 1], shift_double_16);

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
    let top = value >> (bits - 1) & 1;
    // One step left: the carry left the top bit. One step right: the two top bits.
    let overflow = if right { top ^ value >> (bits - 2) & 1 } else { top ^ carry };
    put(slots, at.d, 0, value);
    put(slots, at.d, 1, carry);
    put(slots, at.d, 2, overflow);
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
