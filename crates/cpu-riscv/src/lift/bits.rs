//! What Zba, Zbb and Zbs add.
use super::*;
use ir::{UnOp, VecOp};

/// SHnADD: rs2 + (rs1 << n).
pub(crate) fn shift_add(b: &mut Builder, a: Args, n: u8) -> Option<Then> {
    add_shifted(b, a, x(a.rs1), n)
}

/// SHnADD.UW: rs1 is an unsigned word.
pub(crate) fn shift_add_uw(b: &mut Builder, a: Args, n: u8) -> Option<Then> {
    let index = b.zext(Ty::I32, x(a.rs1));
    add_shifted(b, a, index.into(), n)
}

fn add_shifted(b: &mut Builder, a: Args, index: Slot, scale: u8) -> Option<Then> {
    let d = dst(b, a.rd);
    b.push(Op::Lea { d, base: x(a.rs2), index, scale, disp: 0 });
    NEXT
}

/// ADD.UW; with x0 it is ZEXT.W.
pub(crate) fn add_uw(b: &mut Builder, a: Args) -> Option<Then> {
    if a.rs2 == 0 {
        return extend(b, a, false, Ty::I32);
    }
    shift_add_uw(b, a, 0)
}

pub(crate) fn slli_uw(b: &mut Builder, a: Args) -> Option<Then> {
    let word = b.zext(Ty::I32, x(a.rs1)).into();
    let d = dst(b, a.rd);
    b.push(Op::BinImm { op: BinOp::Shl, ty: Ty::I64, d, a: word, imm: a.imm });
    NEXT
}

/// CLZ, CTZ, CPOP, REV8.
pub(crate) fn unary(b: &mut Builder, a: Args, ty: Ty, op: UnOp) -> Option<Then> {
    let d = dst(b, a.rd);
    b.push(Op::Un { op, ty, d, a: x(a.rs1) });
    NEXT
}

/// SEXT.B, SEXT.H, ZEXT.H.
pub(crate) fn extend(b: &mut Builder, a: Args, signed: bool, from: Ty) -> Option<Then> {
    let d = dst(b, a.rd);
    b.push(Op::Ext { signed, from, to: Ty::I64, d, a: x(a.rs1) });
    NEXT
}

/// ORC.B: every byte that is not zero becomes all ones.
pub(crate) fn orc_b(b: &mut Builder, a: Args) -> Option<Then> {
    let zeros = b.vec(VecOp::CmpEq, Ty::I8, 8, x(a.rs1), x(0)).into();
    let d = dst(b, a.rd);
    b.push(Op::Un { op: UnOp::Not, ty: Ty::I64, d, a: zeros });
    NEXT
}

/// BSET, BCLR, BINV: one bit of rs1, by rs2.
pub(crate) fn change(b: &mut Builder, a: Args, op: BinOp) -> Option<Then> {
    let one = b.iconst(1);
    let bit = b.bin(BinOp::Shl, Ty::I64, one, x(a.rs2)).into();
    change_bit(b, a, op, bit)
}

pub(crate) fn change_imm(b: &mut Builder, a: Args, op: BinOp) -> Option<Then> {
    let bit = b.iconst(1 << a.imm).into();
    change_bit(b, a, op, bit)
}

fn change_bit(b: &mut Builder, a: Args, op: BinOp, bit: Slot) -> Option<Then> {
    let d = dst(b, a.rd);
    b.push(Op::Bin { op, ty: Ty::I64, d, a: x(a.rs1), b: bit });
    NEXT
}

pub(crate) fn bext(b: &mut Builder, a: Args) -> Option<Then> {
    let low = b.bin(BinOp::Shr, Ty::I64, x(a.rs1), x(a.rs2)).into();
    let d = dst(b, a.rd);
    b.push(Op::BinImm { op: BinOp::And, ty: Ty::I64, d, a: low, imm: 1 });
    NEXT
}

pub(crate) fn bexti(b: &mut Builder, a: Args) -> Option<Then> {
    let d = dst(b, a.rd);
    b.push(Op::Extract { signed: false, ty: Ty::I64, d, a: x(a.rs1), lsb: a.imm as u8, width: 1 });
    NEXT
}
