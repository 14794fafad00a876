//! SSE4.2: comparisons of strings, and the cyclic redundancy check.
use super::{get, get_128, put};
use ir::{CallArgs, Flags, Helper, Slot, Slots};

/// a, b = the strings, c = their lengths; imm = the instruction's, and in bit 8 whether lengths have 64 bits: the place of
/// a match, flags, and the matches as a mask in two words.
pub(crate) static EXPLICIT: Helper = Helper::pure("compare_strings", 4, [2, 2, 2], |s, at| {
    let lengths = [0, 1].map(|i| {
        let length = get(s, at.c, i);
        let length = if at.imm >> 8 != 0 { length } else { length as i32 as u64 };
        (length as i64).unsigned_abs()
    });
    compare(s, at, lengths);
});
/// The same where a zero ends a string.
pub(crate) static IMPLICIT: Helper = Helper::pure("compare_strings_z", 4, [2, 2, 0], |s, at| {
    let lengths = [at.a, at.b].map(|string| {
        let string = Text::of(s, string, at.imm);
        (0..string.places()).find(|&i| string.at(i) == 0).unwrap_or(string.places()) as u64
    });
    compare(s, at, lengths);
});

/// Sixteen bytes or eight words, signed or not.
struct Text {
    bytes: [u8; 16],
    wide: bool,
    signed: bool,
}

impl Text {
    fn of(slots: &Slots, at: Slot, imm: u16) -> Text {
        Text { bytes: get_128(slots, at).to_le_bytes(), wide: imm & 1 != 0, signed: imm & 2 != 0 }
    }
    fn places(&self) -> usize {
        if self.wide { 8 } else { 16 }
    }
    fn at(&self, i: usize) -> i32 {
        match (self.wide, self.signed) {
            (false, false) => self.bytes[i].into(),
            (false, true) => (self.bytes[i] as i8).into(),
            (true, signed) => {
                let value = u16::from_le_bytes([self.bytes[2 * i], self.bytes[2 * i + 1]]);
                if signed { (value as i16).into() } else { value.into() }
            }
        }
    }
}

/// SDM volume 2, 4.1.
fn compare(slots: &mut Slots, at: CallArgs, lengths: [u64; 2]) {
    let (a, b) = (Text::of(slots, at.a, at.imm), Text::of(slots, at.b, at.imm));
    let places = a.places();
    let [la, lb] = lengths.map(|length| length.min(places as u64) as usize);
    let holds = |i: usize| -> bool {
        match at.imm >> 2 & 3 {
            // Any of a's elements is this one of b's.
            0 => i < lb && (0..la).any(|j| a.at(j) == b.at(i)),
            // It is in any of a's ranges.
            1 => i < lb && (0..la / 2).any(|j| a.at(2 * j) <= b.at(i) && b.at(i) <= a.at(2 * j + 1)),
            // The two are equal, or both are over.
            2 => (i < la && i < lb && a.at(i) == b.at(i)) || (i >= la && i >= lb),
            // All of a is found here, as far as b goes.
            _ => (0..la).all(|j| i + j >= places || (i + j < lb && a.at(j) == b.at(i + j))),
        }
    };
    let plain = (0..places).filter(|&i| holds(i)).fold(0u32, |bits, i| bits | 1 << i);
    let flipped = match at.imm >> 4 & 3 {
        1 => u32::MAX,
        3 => (1 << lb) - 1,
        _ => 0,
    };
    let bits = (plain ^ flipped) & ((1 << places) - 1);
    let upper = at.imm >> 6 & 1 != 0;
    let index = match bits {
        0 => places as u32,
        _ if upper => 31 - bits.leading_zeros(),
        _ => bits.trailing_zeros(),
    };
    let flag = |bit: u64, set: bool| if set { bit } else { 0 };
    let flags = flag(Flags::CARRY, bits != 0)
        | flag(Flags::ZERO, lb < places)
        | flag(Flags::SIGN, la < places)
        | flag(Flags::OVERFLOW, bits & 1 != 0);
    let mask = if upper {
        let size = 128 / places;
        (0..places).filter(|i| bits >> i & 1 != 0).fold(0, |mask, i| mask | u128::MAX >> (128 - size) << (size * i))
    } else {
        bits.into()
    };
    put(slots, at.d, 0, index.into());
    put(slots, at.d, 1, flags);
    put(slots, at.d, 2, mask as u64);
    put(slots, at.d, 3, (mask >> 64) as u64);
}

/// The Castagnoli polynomial, bits reversed.
const POLYNOMIAL: u32 = 0x82f6_3b78;

const CRC: [u32; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let mut crc = n as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 != 0 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        table[n] = crc;
        n += 1;
    }
    table
};

/// a = the sum so far, b = imm more bytes.
pub(crate) static CRC32: Helper = Helper::pure("crc32", 1, [1, 1, 0], |s, at| {
    let bytes = get(s, at.b, 0).to_le_bytes();
    let step = |crc: u32, byte: &u8| crc >> 8 ^ CRC[usize::from(crc as u8 ^ byte)];
    let crc = bytes.iter().take(at.imm.into()).fold(get(s, at.a, 0) as u32, step);
    put(s, at.d, 0, crc.into());
});
