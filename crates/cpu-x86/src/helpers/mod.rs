//! What IR cannot say: functions of slots that interpreter and JIT call alike.
pub(crate) mod crypto;
pub(crate) mod fp;
pub(crate) mod fxsave;
pub(crate) mod int;
pub(crate) mod masked;
pub(crate) mod segment;
pub(crate) mod shuffle;
pub(crate) mod system;
pub(crate) mod text;
pub(crate) mod vec;
mod wide;
pub(crate) mod x87;
pub(crate) mod x87_ops;
mod x87_transcendental;
pub(crate) mod xsave;

use ir::{Slot, Slots};

/// The slot `n` above `at`.
pub(crate) fn get(slots: &Slots, at: Slot, n: u8) -> u64 {
    slots[at.up(n).0 as usize]
}

pub(crate) fn put(slots: &mut Slots, at: Slot, n: u8, value: u64) {
    slots[at.up(n).0 as usize] = value;
}

/// 128 bits of two slots, the low word first.
pub(crate) fn get_128(slots: &Slots, at: Slot) -> u128 {
    u128::from(get(slots, at, 1)) << 64 | u128::from(get(slots, at, 0))
}

pub(crate) fn put_128(slots: &mut Slots, at: Slot, value: u128) {
    put(slots, at, 0, value as u64);
    put(slots, at, 1, (value >> 64) as u64);
}

/// The two 32-bit elements of a word, the low one first.
pub(crate) fn halves(word: u64) -> [u32; 2] {
    [word as u32, (word >> 32) as u32]
}

pub(crate) fn join([low, high]: [u32; 2]) -> u64 {
    u64::from(low) | u64::from(high) << 32
}
