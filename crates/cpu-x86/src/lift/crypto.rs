//! What the rounds of AES and SHA need beyond `Lift::lanes`.
use super::Lift;
use crate::helpers::crypto;
use crate::regs::xmm;
use ir::{CallArgs, Slot};

/// SHA256RNDS2: the words to add are in XMM0.
pub(crate) fn sha256rnds2(l: &mut Lift<'_>) {
    let d = Slot::from(l.vreg(0));
    let b = l.vread(1);
    l.out.call_into(&crypto::SHA256RNDS2, CallArgs { d, a: d, b, c: xmm(0).into(), imm: 0 });
}
