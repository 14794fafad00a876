//! Integer vectors beyond the IR's operations: shifts, sums of products. Most work on one 64-bit word of each
//! operand, so that MMX and XMM registers use the same helpers.
use super::{get, join, put};
use ir::{BinOp, CallArgs, Helper, Slots, Ty};

type Lanes16 = [u16; 4];

fn split16(word: u64) -> Lanes16 {
    [0, 16, 32, 48].map(|at| (word >> at) as u16)
}

fn join16(lanes: Lanes16) -> u64 {
    lanes.iter().rev().fold(0, |word, lane| word << 16 | u64::from(*lane))
}

fn zip16(slots: &mut Slots, at: CallArgs, f: impl Fn(u16, u16) -> u16) {
    let (a, b) = (split16(get(slots, at.a, 0)), split16(get(slots, at.b, 0)));
    put(slots, at.d, 0, join16([0, 1, 2, 3].map(|i| f(a[i], b[i]))));
}

fn zip32(slots: &mut Slots, at: CallArgs, f: impl Fn([u16; 2], [u16; 2]) -> u32) {
    let (a, b) = (split16(get(slots, at.a, 0)), split16(get(slots, at.b, 0)));
    put(slots, at.d, 0, join([0, 2].map(|i| f([a[i], a[i + 1]], [b[i], b[i + 1]]))));
}

fn sx(a: u16) -> i32 {
    i32::from(a as i16)
}

/// One word of a and b each.
pub(crate) static PMADDWD: Helper = Helper::pure("pmaddwd", 1, [1, 1, 0], |s, at| {
    zip32(s, at, |a, b| (sx(a[0]) * sx(b[0])).wrapping_add(sx(a[1]) * sx(b[1])) as u32);
});
pub(crate) static PSADBW: Helper = Helper::pure("psadbw", 1, [1, 1, 0], |s, at| {
    let (a, b) = (get(s, at.a, 0).to_le_bytes(), get(s, at.b, 0).to_le_bytes());
    let sum: u64 = a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(b))).sum();
    put(s, at.d, 0, sum);
});
/// imm bits 0..2: lane width; bits 2..4: 0 left, 1 right, 2 right with the sign. The count is all of b.
pub(crate) static SHIFT: Helper = Helper::pure("vec_shift", 1, [1, 1, 0], shift);

pub(crate) fn shift_imm(op: BinOp, lane: Ty) -> u16 {
    let kind = match op {
        BinOp::Shl => 0,
        BinOp::Shr => 1,
        _ => 2,
    };
    lane as u16 | kind << 2
}

fn shift(slots: &mut Slots, at: CallArgs) {
    let (word, count) = (get(slots, at.a, 0), get(slots, at.b, 0));
    let bits = 8u32 << (at.imm & 3);
    let mask = u64::MAX >> (64 - bits);
    let result = (0..64 / bits).fold(0, |result, lane| {
        result | shift_lane(word >> (lane * bits) & mask, count, bits, at.imm >> 2) << (lane * bits)
    });
    put(slots, at.d, 0, result);
}

/// An element of `bits` shifted; `kind` as in [`SHIFT`]'s imm.
fn shift_lane(a: u64, count: u64, bits: u32, kind: u16) -> u64 {
    let mask = u64::MAX >> (64 - bits);
    let over = count >= u64::from(bits);
    let n = if over { bits - 1 } else { count as u32 };
    match kind {
        0 if !over => a << n & mask,
        1 if !over => a >> n,
        0 | 1 => 0,
        _ => ((a << (64 - bits)) as i64 >> n >> (64 - bits)) as u64 & mask,
    }
}

/// One word: every element by its own count, the elements of b; imm as of [`SHIFT`], elements of 32 bits or more.
pub(crate) static SHIFT_EACH: Helper = Helper::pure("vec_shift_each", 1, [1, 1, 0], |s, at| {
    let (a, b) = (get(s, at.a, 0), get(s, at.b, 0));
    let value = if at.imm & 3 == Ty::I64 as u16 {
        shift_lane(a, b, 64, at.imm >> 2)
    } else {
        let lane = |n: u32| shift_lane(a >> n & 0xffff_ffff, b >> n & 0xffff_ffff, 32, at.imm >> 2);
        lane(0) | lane(32) << 32
    };
    put(s, at.d, 0, value);
});

/// Bits 0..2 and 2..4 of imm: from which width to which; bit 4: signed; from bit 8 up: where in the word of b it begins.
pub(crate) static EXTEND: Helper = Helper::pure("vec_extend", 1, [0, 1, 0], |s, at| {
    let (from, to) = (8u32 << (at.imm & 3), 8u32 << (at.imm >> 2 & 3));
    let word = get(s, at.b, 0) >> (at.imm >> 8 & 63);
    let value = (0..64 / to).fold(0, |value, i| {
        let lane = word >> (i * from) << (64 - from);
        let lane = if at.imm & 16 != 0 { (lane as i64 >> (64 - from)) as u64 } else { lane >> (64 - from) };
        value | (lane & u64::MAX >> (64 - to)) << (i * to)
    });
    put(s, at.d, 0, value);
});

pub(crate) fn extend_imm(signed: bool, from: Ty, to: Ty, bit: u16) -> u16 {
    from as u16 | (to as u16) << 2 | u16::from(signed) << 4 | bit << 8
}

pub(crate) static PMULHRSW: Helper = Helper::pure("pmulhrsw", 1, [1, 1, 0], |s, at| {
    zip16(s, at, |a, b| ((((sx(a) * sx(b)) >> 14) + 1) >> 1) as u16);
});
/// Unsigned bytes of a times signed ones of b, neighbours added.
pub(crate) static PMADDUBSW: Helper = Helper::pure("pmaddubsw", 1, [1, 1, 0], |s, at| {
    zip16(s, at, |a, b| {
        let product = |i: usize| i32::from(a.to_le_bytes()[i]) * i32::from(b.to_le_bytes()[i] as i8);
        (product(0) + product(1)).clamp(-32768, 32767) as u16
    });
});
/// The least 16-bit element of b, and its number.
pub(crate) static PHMINPOSUW: Helper = Helper::pure("phminposuw", 2, [0, 2, 0], |s, at| {
    let lanes = [split16(get(s, at.b, 0)), split16(get(s, at.b, 1))].concat();
    let least = lanes.iter().zip(0u64..).min().map_or(0, |(value, n)| u64::from(*value) | n << 16);
    put(s, at.d, 0, least);
    put(s, at.d, 1, 0);
});
/// Sums of differences of four bytes of b, from imm's low two bits on, and of a at eight places, from its bit 2 on.
pub(crate) static MPSADBW: Helper = Helper::pure("mpsadbw", 2, [2, 2, 0], |s, at| {
    let bytes = |at| [get(s, at, 0).to_le_bytes(), get(s, at, 1).to_le_bytes()].concat();
    let (a, b) = (bytes(at.a), bytes(at.b));
    let (a, b) = (&a[usize::from(at.imm & 4)..], &b[4 * usize::from(at.imm & 3)..][..4]);
    let sum = |i: usize| a[i..i + 4].iter().zip(b).map(|(a, b)| u16::from(a.abs_diff(*b))).sum();
    let (low, high) = ([0, 1, 2, 3].map(sum), [4, 5, 6, 7].map(sum));
    put(s, at.d, 0, join16(low));
    put(s, at.d, 1, join16(high));
});
