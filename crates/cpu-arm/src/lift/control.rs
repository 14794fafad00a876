//! Branches.
use super::*;
use crate::regs::LR;
use ir::{Cond, JumpHint, Term};

pub(crate) fn b(b: &mut Builder, w: Word) -> Option<Flow> {
    b.jump(target(w, 0, 26));
    END
}

pub(crate) fn bl(b: &mut Builder, w: Word) -> Option<Flow> {
    b.set_const(LR, w.next());
    b.jump(target(w, 0, 26));
    END
}

pub(crate) fn b_cond(b: &mut Builder, w: Word) -> Option<Flow> {
    let to = target(w, 5, 19);
    match condition(w.at(0, 4)) {
        FlagCond::Always => b.jump(to),
        cond => b.branch_flag(cond, to, w.next()),
    }
    END
}

/// CBZ, CBNZ.
pub(crate) fn compare_branch(b: &mut Builder, w: Word, cond: Cond) -> Option<Flow> {
    let a = xr(b, w.rt());
    b.end(Term::BranchCmpImm { cond, ty: int(w.sf()), a, imm: 0, taken: target(w, 5, 19), next: w.next() });
    END
}

/// TBZ, TBNZ.
pub(crate) fn test_branch(b: &mut Builder, w: Word, cond: Cond) -> Option<Flow> {
    let a = xr(b, w.rt());
    let (bit, taken, next) = (w.at(19, 5), target(w, 5, 14), w.next());
    if w.sf() {
        let mask = b.iconst(1 << (32 + bit)).into();
        b.end(Term::BranchCmp { cond, ty: Ty::I64, a, b: mask, taken, next });
    } else {
        b.end(Term::BranchCmpImm { cond, ty: Ty::I32, a, imm: (1u32 << bit) as i32, taken, next });
    }
    END
}

/// BR, BLR, RET. The target's tag is dropped (AArch64.BranchAddr).
pub(crate) fn indirect(b: &mut Builder, w: Word, hint: JumpHint) -> Option<Flow> {
    let to = xr(b, w.rn());
    let to = b.extract(true, Ty::I64, to, 0, 56);
    if hint == JumpHint::Call {
        b.set_const(LR, w.next());
    }
    b.jump_reg(to, hint);
    END
}
