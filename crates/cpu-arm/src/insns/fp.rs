//! rows
use crate::decode::Insn;
pub(crate) const INSNS: &[Insn] = &[];
