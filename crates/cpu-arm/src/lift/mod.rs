//! What each instruction does, as IR: one short function an instruction or family. Operands are register slots where
//! nothing stands between reading and writing; a register is written after the last access that can fault.
pub(crate) mod arith;
pub(crate) mod bitfield;
pub(crate) mod control;
pub(crate) mod exclusive;
pub(crate) mod flags;
pub(crate) mod fp;
pub(crate) mod logic;
pub(crate) mod mem;
pub(crate) mod simd_lanes;
pub(crate) mod simd_mem;
pub(crate) mod simd_move;
pub(crate) mod simd_shift;
pub(crate) mod simd_width;
pub(crate) mod system;

use crate::decode::Word;
use crate::regs;
use ir::{BinOp, Builder, FlagCond, Flow, Op, Slot, Ty, UnOp};

/// The next instruction follows.
pub(crate) const NEXT: Option<Flow> = Some(Flow::Next(4));
/// The block ends here.
pub(crate) const END: Option<Flow> = Some(Flow::End(4));

/// The register read as `n`, 31 being zero.
pub(crate) fn xr(b: &mut Builder, n: u8) -> Slot {
    if n == 31 { b.iconst(0).into() } else { regs::x(n).into() }
}

/// The register named `n`, 31 being the stack pointer.
pub(crate) fn xsp(n: u8) -> Slot {
    regs::x(n).into()
}

/// The base of an access. A stack pointer must be a multiple of 16 to be one (SCTLR_EL1.SA0).
pub(crate) fn base(b: &mut Builder, w: Word) -> Slot {
    if w.rn() == 31 {
        b.check_aligned(16, regs::SP);
    }
    xsp(w.rn())
}

/// Where a result for register `n` goes; 31 discards it.
pub(crate) fn dst(b: &mut Builder, n: u8) -> Slot {
    if n == 31 { b.temp(1).into() } else { regs::x(n).into() }
}

/// I64 or I32.
pub(crate) fn int(wide: bool) -> Ty {
    if wide { Ty::I64 } else { Ty::I32 }
}

/// d = a op b.
pub(crate) fn bin_to(b: &mut Builder, op: BinOp, ty: Ty, d: Slot, a: Slot, c: Slot) {
    b.push(Op::Bin { op, ty, d, a, b: c });
}

/// d = a op imm; `imm` is what the width makes of it.
pub(crate) fn bin_imm_to(b: &mut Builder, op: BinOp, ty: Ty, d: Slot, a: Slot, imm: u64) {
    let short = imm as i32;
    if short as i64 as u64 & ty.mask() == imm & ty.mask() {
        b.push(Op::BinImm { op, ty, d, a, imm: short });
    } else {
        let c = b.iconst(imm & ty.mask()).into();
        bin_to(b, op, ty, d, a, c);
    }
}

/// d = op a.
pub(crate) fn un_to(b: &mut Builder, op: UnOp, ty: Ty, d: Slot, a: Slot) {
    b.push(Op::Un { op, ty, d, a });
}

/// d = the low `ty` bits of a.
pub(crate) fn mov_to(b: &mut Builder, ty: Ty, d: Slot, a: Slot) {
    match ty {
        Ty::I64 => b.push(Op::Mov { d, a }),
        from => b.push(Op::Ext { signed: false, from, to: Ty::I64, d, a }),
    }
}

/// Xm or Wm shifted by a constant: 0 LSL, 1 LSR, 2 ASR, 3 ROR.
pub(crate) fn shifted(b: &mut Builder, ty: Ty, rm: u8, kind: u32, amount: u32) -> Slot {
    let m = xr(b, rm);
    if amount == 0 {
        return m;
    }
    let op = [BinOp::Shl, BinOp::Shr, BinOp::Sar, BinOp::Rotr][kind as usize & 3];
    b.bin_imm(op, ty, m, amount.into()).into()
}

/// Rm extended as `option` says: UXTB UXTH UXTW UXTX SXTB SXTH SXTW SXTX, to 64 bits.
pub(crate) fn extended(b: &mut Builder, rm: u8, option: u32) -> Slot {
    let m = xr(b, rm);
    let from = [Ty::I8, Ty::I16, Ty::I32, Ty::I64][option as usize & 3];
    if from == Ty::I64 { m } else { b.ext(option & 4 != 0, from, Ty::I64, m).into() }
}

/// The condition coded in four bits.
pub(crate) fn condition(cond: u32) -> FlagCond {
    use FlagCond::*;
    [
        Eq,
        Ne,
        Carry,
        NoCarry,
        Sign,
        NoSign,
        Overflow,
        NoOverflow,
        CarryNotZero,
        NoCarryOrZero,
        Ge,
        Lt,
        Gt,
        Le,
        Always,
        Always,
    ][cond as usize & 15]
}

/// N Z C V in bits 3 to 0, as `ir::Flags` bits.
pub(crate) fn nzcv_bits(nzcv: u32) -> u64 {
    use ir::Flags as F;
    [(8, F::SIGN), (4, F::ZERO), (2, F::CARRY), (1, F::OVERFLOW)]
        .iter()
        .filter(|(bit, _)| nzcv & bit != 0)
        .fold(0, |bits, (_, flag)| bits | flag)
}

/// The branch target `offset` words further.
pub(crate) fn target(w: Word, lsb: u32, width: u32) -> u64 {
    w.pc.wrapping_add((w.signed(lsb, width) * 4) as u64)
}
