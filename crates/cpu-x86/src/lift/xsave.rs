//! FXSAVE, FXRSTOR and the XSAVE family.
use super::Lift;
use crate::helpers::{fxsave as fx, xsave as helper};
use crate::regs::{RAX, RCX, RDX};
use iced_x86::Mnemonic;
use ir::{CallArgs, MemTy, Slot};

/// The address, which must be a multiple of `bytes`.
fn aligned(l: &mut Lift<'_>, bytes: u8) -> Slot {
    let mem = l.mem();
    l.check_aligned(bytes, mem);
    l.lea(mem)
}

/// Whether pointers have 64 bits: REX.W is part of the mnemonic.
fn is_wide(l: &Lift<'_>) -> bool {
    use Mnemonic::*;
    matches!(l.insn.mnemonic(), Fxsave64 | Fxrstor64 | Xsave64 | Xsaveopt64 | Xsavec64 | Xrstor64)
}

pub(crate) fn fxsave(l: &mut Lift<'_>, restore: bool) {
    let addr = aligned(l, 16);
    // The processor looks at the last byte first.
    if restore {
        l.out.load(MemTy::U8, addr, fx::SIZE as i32 - 1);
    } else {
        l.out.probe_write(1, addr, fx::SIZE as i32 - 1);
    }
    let helper = if restore { &fx::FXRSTOR } else { &fx::FXSAVE };
    l.out.call_into(helper, CallArgs { d: addr, a: addr, b: addr, c: addr, imm: is_wide(l).into() });
}

/// XSAVE, XSAVEOPT, XSAVEC.
pub(crate) fn save(l: &mut Lift<'_>, kind: helper::Kind) {
    let addr = aligned(l, 64);
    let imm = kind as u16 | u16::from(is_wide(l)) << 4;
    l.out.call_into(&helper::XSAVE, CallArgs { d: addr, a: addr, b: RAX.into(), c: RDX.into(), imm });
}

pub(crate) fn restore(l: &mut Lift<'_>) {
    let addr = aligned(l, 64);
    let imm = u16::from(is_wide(l)) << 4;
    l.out.call_into(&helper::XRSTOR, CallArgs { d: addr, a: addr, b: RAX.into(), c: RDX.into(), imm });
}

pub(crate) fn xgetbv(l: &mut Lift<'_>) {
    let which = RCX.into();
    l.out.call_into(&helper::XGETBV, CallArgs { d: which, a: which, b: which, c: which, imm: 0 });
}
