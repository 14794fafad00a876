//! The instruction table, in the order of the Armv8-A manual (DDI 0487), chapter C4: one row an encoding. Where two
//! rows match a word the more specific one comes first.
#[cfg(test)]
pub(crate) mod check;
mod control;
mod fp;
mod integer;
mod memory;
mod simd_extra;
mod simd_half;
mod simd_memory;
mod simd_misc;
mod simd_move;
mod simd_same;
mod simd_shift;

use crate::decode::Insn;

/// Every row.
pub(crate) const ALL: &[&[Insn]] = &[
    integer::INSNS,
    control::INSNS,
    memory::INSNS,
    fp::INSNS,
    simd_move::INSNS,
    simd_same::INSNS,
    simd_misc::INSNS,
    simd_shift::INSNS,
    simd_half::INSNS,
    simd_extra::INSNS,
    simd_memory::INSNS,
];
