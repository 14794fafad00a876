//! AES (FIPS 197), SHA-1 and SHA-256 (FIPS 180-4), and the carry-less product.
use super::fp::{lanes, put_lanes};
use super::{get, get_128, halves, put, put_128};
use ir::{CallArgs, Helper, Slot, Slots};

type State = [u8; 16];

/// Twice a byte, in the field of AES.
const fn double(a: u8) -> u8 {
    a << 1 ^ if a & 0x80 != 0 { 0x1b } else { 0 }
}

const fn times(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while b != 0 {
        if b & 1 != 0 {
            product ^= a;
        }
        a = double(a);
        b >>= 1;
    }
    product
}

/// The substitution: the inverse in the field, then an affine map.
const S_BOX: [u8; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        // The inverse is the 254th power.
        let (mut inverse, mut i) = (1, 0);
        while i < 254 {
            inverse = times(inverse, n as u8);
            i += 1;
        }
        let mut out = inverse;
        let mut turn = 1;
        while turn <= 4 {
            out ^= inverse.rotate_left(turn);
            turn += 1;
        }
        table[n] = out ^ 0x63;
        n += 1;
    }
    table
};

const INVERSE_S_BOX: [u8; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        table[S_BOX[n] as usize] = n as u8;
        n += 1;
    }
    table
};

fn state(slots: &Slots, at: Slot) -> State {
    get_128(slots, at).to_le_bytes()
}

fn put_state(slots: &mut Slots, at: Slot, state: State) {
    put_128(slots, at, u128::from_le_bytes(state));
}

fn mix_columns(state: State, [a, b, c, d]: [u8; 4]) -> State {
    std::array::from_fn(|i| {
        let column = &state[i & 12..][..4];
        let at = |n: usize| column[(i + n) % 4];
        times(at(0), a) ^ times(at(1), b) ^ times(at(2), c) ^ times(at(3), d)
    })
}

fn encrypt_mix(state: State) -> State {
    mix_columns(state, [2, 3, 1, 1])
}
fn decrypt_mix(state: State) -> State {
    mix_columns(state, [14, 11, 13, 9])
}

/// A round: rows shifted, bytes substituted, columns mixed, b added.
fn round(slots: &mut Slots, at: CallArgs, shift: usize, table: &[u8; 256], mix: fn(State) -> State) {
    let (a, key) = (state(slots, at.a), state(slots, at.b));
    // Row r of column c comes from column c + shift * r.
    let shifted: State = std::array::from_fn(|i| table[usize::from(a[(i + 4 * shift * (i % 4)) % 16])]);
    let mixed = mix(shifted);
    put_state(slots, at.d, std::array::from_fn(|i| mixed[i] ^ key[i]));
}

pub(crate) static AESENC: Helper = Helper::pure("aesenc", 2, [2, 2, 0], |s, at| round(s, at, 1, &S_BOX, encrypt_mix));
pub(crate) static AESENCLAST: Helper = Helper::pure("aesenclast", 2, [2, 2, 0], |s, at| round(s, at, 1, &S_BOX, |a| a));
pub(crate) static AESDEC: Helper =
    Helper::pure("aesdec", 2, [2, 2, 0], |s, at| round(s, at, 3, &INVERSE_S_BOX, decrypt_mix));
pub(crate) static AESDECLAST: Helper =
    Helper::pure("aesdeclast", 2, [2, 2, 0], |s, at| round(s, at, 3, &INVERSE_S_BOX, |a| a));
pub(crate) static AESIMC: Helper = Helper::pure("aesimc", 2, [0, 2, 0], |s, at| {
    let mixed = decrypt_mix(state(s, at.b));
    put_state(s, at.d, mixed);
});
pub(crate) static AESKEYGENASSIST: Helper = Helper::pure("aeskeygenassist", 2, [0, 2, 0], |s, at| {
    let b = lanes(s, at.b);
    let substitute = |word: u32| u32::from_le_bytes(word.to_le_bytes().map(|byte| S_BOX[usize::from(byte)]));
    let (low, high) = (substitute(b[1]), substitute(b[3]));
    let turned = |word: u32| word.rotate_right(8) ^ u32::from(at.imm);
    put_lanes(s, at.d, [low, turned(low), high, turned(high)]);
});

/// imm bits 0 and 4 choose the words of a and b.
pub(crate) static PCLMULQDQ: Helper = Helper::pure("pclmulqdq", 2, [2, 2, 0], |s, at| {
    let (a, b) = (get(s, at.a, (at.imm & 1) as u8), get(s, at.b, (at.imm >> 4 & 1) as u8));
    let product = (0..64).filter(|i| b >> i & 1 != 0).fold(0, |sum, i| sum ^ u128::from(a) << i);
    put(s, at.d, 0, product as u64);
    put(s, at.d, 1, (product >> 64) as u64);
});

// SHA: element 3 is the first of the four in the standard's order for SHA-1, element 0 for SHA-256's schedule.

pub(crate) static SHA1MSG1: Helper = Helper::pure("sha1msg1", 2, [2, 2, 0], |s, at| {
    let (a, b) = (lanes(s, at.a), lanes(s, at.b));
    put_lanes(s, at.d, [a[0] ^ b[2], a[1] ^ b[3], a[2] ^ a[0], a[3] ^ a[1]]);
});
pub(crate) static SHA1MSG2: Helper = Helper::pure("sha1msg2", 2, [2, 2, 0], |s, at| {
    let (a, b) = (lanes(s, at.a), lanes(s, at.b));
    let first = (a[3] ^ b[2]).rotate_left(1);
    let next = [(a[2] ^ b[1]).rotate_left(1), (a[1] ^ b[0]).rotate_left(1)];
    put_lanes(s, at.d, [(a[0] ^ first).rotate_left(1), next[1], next[0], first]);
});
pub(crate) static SHA1NEXTE: Helper = Helper::pure("sha1nexte", 2, [2, 2, 0], |s, at| {
    let (a, mut b) = (lanes(s, at.a), lanes(s, at.b));
    b[3] = b[3].wrapping_add(a[3].rotate_left(30));
    put_lanes(s, at.d, b);
});
/// imm = which of the four functions.
pub(crate) static SHA1RNDS4: Helper = Helper::pure("sha1rnds4", 2, [2, 2, 0], |s, at| {
    let (state, words) = (lanes(s, at.a), lanes(s, at.b));
    let [mut d, mut c, mut b, mut a] = state;
    let mut e = 0u32;
    const CONSTANTS: [u32; 4] = [0x5a82_7999, 0x6ed9_eba1, 0x8f1b_bcdc, 0xca62_c1d6];
    for word in words.into_iter().rev() {
        let f = match at.imm & 3 {
            0 => b & c ^ !b & d,
            2 => b & c ^ b & d ^ c & d,
            _ => b ^ c ^ d,
        };
        let sum = f.wrapping_add(a.rotate_left(5)).wrapping_add(word).wrapping_add(e);
        let next = sum.wrapping_add(CONSTANTS[usize::from(at.imm & 3)]);
        (a, b, c, d, e) = (next, a, b.rotate_left(30), c, d);
    }
    put_lanes(s, at.d, [d, c, b, a]);
});

fn sigma(x: u32, a: u32, b: u32, shift: u32) -> u32 {
    x.rotate_right(a) ^ x.rotate_right(b) ^ x >> shift
}

pub(crate) static SHA256MSG1: Helper = Helper::pure("sha256msg1", 2, [2, 2, 0], |s, at| {
    let (a, b) = (lanes(s, at.a), lanes(s, at.b));
    let next = [a[1], a[2], a[3], b[0]];
    put_lanes(s, at.d, [0, 1, 2, 3].map(|i| a[i].wrapping_add(sigma(next[i], 7, 18, 3))));
});
pub(crate) static SHA256MSG2: Helper = Helper::pure("sha256msg2", 2, [2, 2, 0], |s, at| {
    let (a, b) = (lanes(s, at.a), lanes(s, at.b));
    let step = |a: u32, w: u32| a.wrapping_add(sigma(w, 17, 19, 10));
    let (w16, w17) = (step(a[0], b[2]), step(a[1], b[3]));
    put_lanes(s, at.d, [w16, w17, step(a[2], w16), step(a[3], w17)]);
});
/// c = the two words to add, from XMM0.
pub(crate) static SHA256RNDS2: Helper = Helper::pure("sha256rnds2", 2, [2, 2, 1], |s, at| {
    let (cdgh, abef, wk) = (lanes(s, at.a), lanes(s, at.b), get(s, at.c, 0));
    let [mut f, mut e, mut b, mut a] = abef;
    let [mut h, mut g, mut d, mut c] = cdgh;
    for word in halves(wk) {
        let ch = e & f ^ !e & g;
        let turned = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let t = ch.wrapping_add(turned).wrapping_add(word).wrapping_add(h);
        let major = a & b ^ a & c ^ b & c;
        let next = t.wrapping_add(major).wrapping_add(a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22));
        (h, g, f, e, d, c, b, a) = (g, f, e, t.wrapping_add(d), c, b, a, next);
    }
    put_lanes(s, at.d, [f, e, b, a]);
});
