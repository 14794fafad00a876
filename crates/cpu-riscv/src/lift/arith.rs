//! Integer computation: I's and M's, and what Zbb and Zbs add of the same shape.
use super::*;
use ir::Cond;

pub(crate) fn lui(b: &mut Builder, a: Args) -> Option<Then> {
    let d = dst(b, a.rd);
    b.push(Op::Const { d, value: a.imm as u64 });
    NEXT
}

pub(crate) fn auipc(b: &mut Builder, a: Args) -> Option<Then> {
    let d = dst(b, a.rd);
    b.push(Op::Const { d, value: a.target() });
    NEXT
}

/// rd = rs1 op imm. Of x0 it is a constant (LI).
pub(crate) fn imm(b: &mut Builder, a: Args, op: BinOp) -> Option<Then> {
    let d = dst(b, a.rd);
    match op {
        BinOp::Add if a.rs1 == 0 => b.push(Op::Const { d, value: a.imm as u64 }),
        BinOp::Add if a.imm == 0 => b.push(Op::Mov { d, a: x(a.rs1) }),
        _ => b.push(Op::BinImm { op, ty: Ty::I64, d, a: x(a.rs1), imm: a.imm }),
    }
    NEXT
}

/// rd = rs1 op rs2.
pub(crate) fn reg(b: &mut Builder, a: Args, op: BinOp) -> Option<Then> {
    let d = dst(b, a.rd);
    b.push(Op::Bin { op, ty: Ty::I64, d, a: x(a.rs1), b: x(a.rs2) });
    NEXT
}

/// ADD; with x0 it moves (C.MV).
pub(crate) fn add(b: &mut Builder, a: Args) -> Option<Then> {
    if a.rs1 == 0 {
        return imm(b, Args { rs1: a.rs2, imm: 0, ..a }, BinOp::Add);
    }
    reg(b, a, BinOp::Add)
}

pub(crate) fn imm_w(b: &mut Builder, a: Args, op: BinOp) -> Option<Then> {
    // ADDIW with 0 is SEXT.W.
    if op == BinOp::Add && a.imm == 0 {
        return set_w(b, a, x(a.rs1));
    }
    let value = b.bin_imm(op, Ty::I32, x(a.rs1), a.imm.into());
    set_w(b, a, value)
}

pub(crate) fn reg_w(b: &mut Builder, a: Args, op: BinOp) -> Option<Then> {
    let value = b.bin(op, Ty::I32, x(a.rs1), x(a.rs2));
    set_w(b, a, value)
}

/// SLT, SLTU.
pub(crate) fn set_if(b: &mut Builder, a: Args, cond: Cond) -> Option<Then> {
    let d = dst(b, a.rd);
    b.push(Op::Cmp { cond, ty: Ty::I64, d, a: x(a.rs1), b: x(a.rs2) });
    NEXT
}

/// SLTI, SLTIU.
pub(crate) fn set_if_imm(b: &mut Builder, a: Args, cond: Cond) -> Option<Then> {
    let d = dst(b, a.rd);
    b.push(Op::CmpImm { cond, ty: Ty::I64, d, a: x(a.rs1), imm: a.imm });
    NEXT
}

/// Division by zero gives all ones; the rest, remainders too, is as the operations have it (table 11 of the manual).
pub(crate) fn div(b: &mut Builder, a: Args, op: BinOp, ty: Ty) -> Option<Then> {
    let quotient = b.bin(op, ty, x(a.rs1), x(a.rs2));
    let ones = b.iconst(u64::MAX);
    let divisible = b.cmp_imm(Cond::Ne, ty, x(a.rs2), 0);
    let value = b.select(divisible, quotient, ones);
    if ty == Ty::I32 {
        return set_w(b, a, value);
    }
    let d = dst(b, a.rd);
    b.push(Op::Mov { d, a: value.into() });
    NEXT
}
