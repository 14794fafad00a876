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

/// Every row, by the file it is in.
pub(crate) static PARTS: [(&str, &[Insn]); 11] = [
    ("integer", integer::INSNS),
    ("control", control::INSNS),
    ("memory", memory::INSNS),
    ("fp", fp::INSNS),
    ("simd_move", simd_move::INSNS),
    ("simd_same", simd_same::INSNS),
    ("simd_misc", simd_misc::INSNS),
    ("simd_shift", simd_shift::INSNS),
    ("simd_half", simd_half::INSNS),
    ("simd_extra", simd_extra::INSNS),
    ("simd_memory", simd_memory::INSNS),
];
