//! Shuffles that the IR has no operation for.
use super::fp::{lanes, put_lanes};
use super::{get, put};
use ir::{Helper, Slot, Slots};

/// Four 16-bit elements of a word of b chosen by imm.
pub(crate) static WORDS: Helper = Helper::pure("shuffle_words", 1, [0, 1, 0], |s, at| {
    let b = get(s, at.b, 0);
    let value = (0..4).fold(0, |value, i| value | (b >> (16 * (at.imm >> (2 * i) & 3)) & 0xffff) << (16 * i));
    put(s, at.d, 0, value);
});
/// Four 32-bit elements of b chosen by imm.
pub(crate) static PSHUFD: Helper = Helper::pure("pshufd", 2, [0, 2, 0], |s, at| {
    let b = lanes(s, at.b);
    put_lanes(s, at.d, [0, 2, 4, 6].map(|shift| b[usize::from(at.imm >> shift & 3)]));
});
/// Two elements of a, then two of b.
pub(crate) static SHUFPS: Helper = Helper::pure("shufps", 2, [2, 2, 0], |s, at| {
    let (a, b) = (lanes(s, at.a), lanes(s, at.b));
    let pick = |from: &[u32; 4], shift: u32| from[usize::from(at.imm >> shift & 3)];
    put_lanes(s, at.d, [pick(&a, 0), pick(&a, 2), pick(&b, 4), pick(&b, 6)]);
});
/// Elements of a chosen by those of b.
pub(crate) static VPERMILPS: Helper = Helper::pure("vpermilps", 2, [2, 2, 0], |s, at| {
    let (a, b) = (lanes(s, at.a), lanes(s, at.b));
    put_lanes(s, at.d, b.map(|n| a[(n & 3) as usize]));
});
pub(crate) static VPERMILPD: Helper = Helper::pure("vpermilpd", 2, [2, 2, 0], |s, at| {
    let words = [0, 1].map(|i| get(s, at.a, (get(s, at.b, i) >> 1 & 1) as u8));
    put(s, at.d, 0, words[0]);
    put(s, at.d, 1, words[1]);
});
/// Eight 32-bit elements of b chosen by those of a.
pub(crate) static VPERMD: Helper = Helper::pure("vpermd", 4, [4, 4, 0], |s, at| {
    let all = |s: &Slots, at: Slot| [lanes(s, at), lanes(s, at.up(2))];
    let (indices, b) = (all(s, at.a), all(s, at.b));
    for (half, indices) in (0..).zip(indices) {
        put_lanes(s, at.d.up(2 * half), indices.map(|n| b[(n >> 2 & 1) as usize][(n & 3) as usize]));
    }
});
/// Bytes of a chosen by those of b; zero where b has its top bit set.
pub(crate) static PSHUFB: Helper = Helper::pure("pshufb", 2, [2, 2, 0], |s, at| {
    let (low, high) = (get(s, at.a, 0), get(s, at.a, 1));
    let words = [0, 1]
        .map(|i| choose(get(s, at.b, i), |n| if n & 8 == 0 { low >> (8 * (n & 7)) } else { high >> (8 * (n & 7)) }));
    put(s, at.d, 0, words[0]);
    put(s, at.d, 1, words[1]);
});
pub(crate) static PSHUFB_MMX: Helper = Helper::pure("pshufb_mmx", 1, [1, 1, 0], |s, at| {
    let a = get(s, at.a, 0);
    let word = choose(get(s, at.b, 0), |n| a >> (8 * (n & 7)));
    put(s, at.d, 0, word);
});

fn choose(indices: u64, pick: impl Fn(u8) -> u64) -> u64 {
    u64::from_le_bytes(indices.to_le_bytes().map(|n| if n & 0x80 != 0 { 0 } else { pick(n) as u8 }))
}
