//! AES rounds (FIPS 197) as AESE, AESD, AESMC and AESIMC divide them. A state is a vector, column by column.
use super::lanes::{V, read, write};
use ir::{CallArgs, Helper, Slots};

/// a * b in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1.
const fn multiply(a: u8, b: u8) -> u8 {
    let (mut a, mut b, mut product) = (a, b, 0);
    while b != 0 {
        if b & 1 != 0 {
            product ^= a;
        }
        a = a << 1 ^ if a & 0x80 != 0 { 0x1b } else { 0 };
        b >>= 1;
    }
    product
}

/// FIPS 197, 5.1.1: the multiplicative inverse, then an affine map. 3 generates the field: as one of the pair walks up its
/// powers and the other down, each is the other's inverse.
const SBOX: [u8; 256] = {
    let mut table = [0; 256];
    let (mut power, mut inverse) = (1u8, 1u8);
    loop {
        let x = inverse;
        table[power as usize] = x ^ x.rotate_left(1) ^ x.rotate_left(2) ^ x.rotate_left(3) ^ x.rotate_left(4) ^ 0x63;
        power = multiply(power, 3);
        // The inverse of 3.
        inverse = multiply(inverse, 0xf6);
        if power == 1 {
            break;
        }
    }
    table[0] = 0x63;
    table
};

const INVERSE_SBOX: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        table[SBOX[i] as usize] = i as u8;
        i += 1;
    }
    table
};

fn xor(slots: &Slots, args: CallArgs) -> V {
    let (a, c) = (read(slots, args.a), read(slots, args.c));
    std::array::from_fn(|i| a[i] ^ c[i])
}

/// d = SubBytes(ShiftRows(a ^ c))
pub(crate) static AESE: Helper = Helper::pure("aese", 2, [2, 0, 2], |slots, args| {
    let state = xor(slots, args);
    write(slots, args.d, std::array::from_fn(|i| SBOX[state[(i + 4 * (i % 4)) % 16] as usize]));
});

/// The inverse steps.
pub(crate) static AESD: Helper = Helper::pure("aesd", 2, [2, 0, 2], |slots, args| {
    let state = xor(slots, args);
    write(slots, args.d, std::array::from_fn(|i| INVERSE_SBOX[state[(i + 12 * (i % 4)) % 16] as usize]));
});

/// d = MixColumns(a)
pub(crate) static AESMC: Helper = Helper::pure("aesmc", 2, [2, 0, 0], |slots, args| {
    mix(slots, args, [2, 3, 1, 1]);
});

pub(crate) static AESIMC: Helper = Helper::pure("aesimc", 2, [2, 0, 0], |slots, args| {
    mix(slots, args, [14, 11, 13, 9]);
});

/// Every column times the circulant matrix whose first row is given.
fn mix(slots: &mut Slots, args: CallArgs, row: [u8; 4]) {
    let state = read(slots, args.a);
    let mixed = |i: usize| (0..4).fold(0, |sum, k| sum ^ multiply(state[i / 4 * 4 + (i + k) % 4], row[k]));
    write(slots, args.d, std::array::from_fn(mixed));
}
