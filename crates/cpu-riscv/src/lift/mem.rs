//! Loads and stores, at any alignment.
use super::*;
use ir::MemTy;

pub(crate) fn load(b: &mut Builder, a: Args, ty: MemTy) -> Option<Then> {
    let d = dst(b, a.rd);
    b.push(Op::Load { ty, d, addr: x(a.rs1), disp: a.imm });
    NEXT
}

pub(crate) fn store(b: &mut Builder, a: Args, ty: MemTy) -> Option<Then> {
    b.store(ty, x(a.rs2), x(a.rs1), a.imm);
    NEXT
}
