//! Jumps, branches, fences and traps.
use super::*;
use crate::regs::RA;
use ir::{Cond, JumpHint, Term, Trap};

fn link(b: &mut Builder, a: Args) {
    if a.rd != 0 {
        b.set_const(regs::x(a.rd), a.next());
    }
}

pub(crate) fn jal(b: &mut Builder, a: Args) -> Option<Then> {
    link(b, a);
    b.jump(a.target());
    END
}

/// x1 and x5 hold return addresses, so they tell calls and returns (table 3 of the manual).
pub(crate) fn jalr(b: &mut Builder, a: Args) -> Option<Then> {
    let is_link = |n: u8| n == RA.0 || n == 5;
    let hint = match (is_link(a.rd), is_link(a.rs1)) {
        (true, _) => JumpHint::Call,
        (_, true) => JumpHint::Return,
        _ => JumpHint::None,
    };
    let to = if a.imm == 0 { x(a.rs1) } else { b.add_imm(Ty::I64, x(a.rs1), a.imm.into()).into() };
    let to = b.and_imm(Ty::I64, to, -2);
    link(b, a);
    b.jump_reg(to, hint);
    END
}

pub(crate) fn branch(b: &mut Builder, a: Args, cond: Cond) -> Option<Then> {
    let (taken, next, ty) = (a.target(), a.next(), Ty::I64);
    b.end(match a.rs2 {
        0 => Term::BranchCmpImm { cond, ty, a: x(a.rs1), imm: 0, taken, next },
        rs2 => Term::BranchCmp { cond, ty, a: x(a.rs1), b: x(rs2), taken, next },
    });
    END
}

/// FENCE; PAUSE and what else is coded as one are hints.
pub(crate) fn fence(b: &mut Builder, _: Args) -> Option<Then> {
    b.push(Op::Fence);
    NEXT
}

/// Stores into code are seen at once, so this only ends the block, as its fetch may be stale.
pub(crate) fn fence_i(b: &mut Builder, a: Args) -> Option<Then> {
    b.jump(a.next());
    END
}

pub(crate) fn ecall(b: &mut Builder, a: Args) -> Option<Then> {
    b.syscall(a.next());
    END
}

pub(crate) fn ebreak(b: &mut Builder, a: Args) -> Option<Then> {
    b.trap(Trap::Breakpoint, a.pc);
    END
}
