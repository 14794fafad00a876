//! The instruction table, in the order of the RISC-V unprivileged manual (20240411): one row an encoding, in the manual's
//! own notation (see `decode`). Where two rows match the more specific one comes first.
mod atomic;
mod base;
mod bits;
#[cfg(test)]
mod check;
mod compressed;
mod float;

use crate::decode::Insn;

/// Every row.
pub(crate) const ALL: &[&[Insn]] = &[base::INSNS, atomic::INSNS, float::INSNS, bits::INSNS, compressed::INSNS];
