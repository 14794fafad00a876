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
