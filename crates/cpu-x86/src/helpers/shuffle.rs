//! Shuffles that the IR has no operation for.
use super::fp::{lanes, put_lanes};
use super::{get, put};
use ir::{Helper, Slot, Slots};

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
