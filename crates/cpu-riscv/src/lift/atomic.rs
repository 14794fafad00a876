//! Load-reserved, store-conditional and atomic memory operations, which want natural alignment (no Zam).
use super::*;
use ir::RmwOp;

/// rd = a value of width `ty`, sign-extended.
fn set(b: &mut Builder, a: Args, ty: Ty, value: Slot) -> Option<Then> {
    if ty == Ty::I32 {
        return set_w(b, a, value);
    }
    let d = dst(b, a.rd);
    b.push(Op::Mov { d, a: value });
    NEXT
}

pub(crate) fn lr(b: &mut Builder, a: Args, ty: Ty) -> Option<Then> {
    b.check_aligned(ty.bytes(), x(a.rs1));
    let value = b.load_ex(ty, false, x(a.rs1)).into();
    set(b, a, ty, value)
}

/// Stores if nothing wrote to the reserved bytes and they are these; rd = 0 if it did, else 1.
pub(crate) fn sc(b: &mut Builder, a: Args, ty: Ty) -> Option<Then> {
    b.check_aligned(ty.bytes(), x(a.rs1));
    let d = dst(b, a.rd);
    b.push(Op::StoreEx { ty, pair: false, d, addr: x(a.rs1), src: x(a.rs2) });
    NEXT
}

pub(crate) fn amo(b: &mut Builder, a: Args, ty: Ty, op: RmwOp) -> Option<Then> {
    b.check_aligned(ty.bytes(), x(a.rs1));
    let old = b.atomic(op, ty, x(a.rs1), x(a.rs2)).into();
    set(b, a, ty, old)
}
