//! String instructions. With REP every iteration is an instruction of its own: it goes back to itself until rcx is zero,
//! so that a fault or a budget finds the registers where the processor would leave them.
use super::operand::ty_of_bytes;
use super::{Lift, Mem};
use crate::regs::{DF, RAX, RCX, RDI, RSI};
use iced_x86::{Instruction, OpKind};
use ir::{BinOp, Cond, FlagCond, FlagKind, MemTy, Op, Reg, Slot, Ty, Val};

#[derive(Clone, Copy)]
struct Str {
    ty: Ty,
    /// Width of rsi, rdi and rcx: 32 bits with the address-size prefix.
    addr: Ty,
    repeated: bool,
}

fn is_32(insn: &Instruction) -> bool {
    insn.op_kinds().any(|k| matches!(k, OpKind::MemorySegESI | OpKind::MemoryESEDI))
}

/// The common start: leaves at once when there is nothing to do. With 32-bit addresses that still cuts the count, and
/// `pointers` where processors do so.
fn begin(l: &mut Lift<'_>, pointers: &[Reg]) -> Str {
    let ty = ty_of_bytes(l.insn.memory_size().size());
    let addr = if is_32(&l.insn) { Ty::I32 } else { Ty::I64 };
    let repeated = l.insn.has_rep_prefix() || l.insn.has_repne_prefix();
    if repeated {
        let none = l.out.cmp_imm(Cond::Eq, addr, RCX, 0);
        if addr == Ty::I32 {
            for reg in [RCX].iter().chain(pointers) {
                let cut = l.out.zext(Ty::I32, *reg);
                let value = l.out.select(none, cut, *reg);
                l.out.set(*reg, value);
            }
        }
        let next = l.next();
        l.out.exit_if(none, next);
    }
    Str { ty, addr, repeated }
}

/// Address in rsi (with its segment) or rdi (without).
fn pointer(l: &mut Lift<'_>, s: Str, reg: Reg) -> Mem {
    let base = if s.addr == Ty::I32 { l.out.zext(Ty::I32, reg).into() } else { Slot::from(reg) };
    let base = if reg == RSI { l.add_segment(base) } else { base };
    Mem::at(base, 0)
}

/// One element up or down.
fn step(l: &mut Lift<'_>, s: Str) -> Val {
    let sign = l.out.bin_imm(BinOp::Or, Ty::I64, DF, 1);
    l.out.shl_imm(Ty::I64, sign, s.ty as u8)
}

fn advance(l: &mut Lift<'_>, s: Str, regs: &[Reg]) {
    let by = step(l, s);
    for reg in regs {
        l.bin_into((*reg).into(), BinOp::Add, s.addr, *reg, by);
    }
}

/// Counts, and goes back for the next iteration while `also` holds.
fn repeat(l: &mut Lift<'_>, s: Str, also: Option<FlagCond>) {
    if !s.repeated {
        return;
    }
    let (pc, next) = (l.pc(), l.next());
    l.bin_imm_into(RCX, BinOp::Add, s.addr, RCX, -1);
    match also {
        None => {
            let zero = l.out.iconst(0);
            l.end().branch_cmp(Cond::Ne, s.addr, RCX, zero, pc, next);
        }
        Some(cond) => {
            let more = l.out.cmp_imm(Cond::Ne, s.addr, RCX, 0);
            let holds = l.out.get_flag(cond);
            let both = l.out.and(Ty::I64, more, holds);
            l.end().branch(both, pc, next);
        }
    }
}

/// The condition REPE or REPNE adds.
fn while_flag(l: &Lift<'_>) -> Option<FlagCond> {
    Some(if l.insn.has_repne_prefix() { FlagCond::Ne } else { FlagCond::Eq })
}

pub(crate) fn movs(l: &mut Lift<'_>) {
    let s = begin(l, &[RSI, RDI]);
    let (from, to) = (pointer(l, s, RSI), pointer(l, s, RDI));
    let value = l.load(MemTy::of(s.ty), from);
    l.store(MemTy::of(s.ty), value, to);
    advance(l, s, &[RSI, RDI]);
    repeat(l, s, None);
}

pub(crate) fn stos(l: &mut Lift<'_>) {
    let s = begin(l, &[RDI]);
    let to = pointer(l, s, RDI);
    l.store(MemTy::of(s.ty), RAX, to);
    advance(l, s, &[RDI]);
    repeat(l, s, None);
}

pub(crate) fn lods(l: &mut Lift<'_>) {
    let s = begin(l, &[]);
    let from = pointer(l, s, RSI);
    let value = l.load(MemTy::of(s.ty), from);
    l.write_low(s.ty, RAX, value);
    advance(l, s, &[RSI]);
    repeat(l, s, None);
}

pub(crate) fn scas(l: &mut Lift<'_>) {
    let s = begin(l, &[]);
    let at = pointer(l, s, RDI);
    let value = l.load(MemTy::of(s.ty), at);
    l.out.set_flags(FlagKind::Sub, s.ty, RAX, value);
    advance(l, s, &[RDI]);
    let cond = while_flag(l);
    repeat(l, s, cond);
}

pub(crate) fn cmps(l: &mut Lift<'_>) {
    let s = begin(l, &[]);
    let (a, b) = (pointer(l, s, RSI), pointer(l, s, RDI));
    // Processors look at rdi first, as a fault on both shows.
    let b = l.load(MemTy::of(s.ty), b);
    let a = l.load(MemTy::of(s.ty), a);
    l.out.set_flags(FlagKind::Sub, s.ty, a, b);
    advance(l, s, &[RSI, RDI]);
    let cond = while_flag(l);
    repeat(l, s, cond);
}

/// CLD and STD.
pub(crate) fn direction(l: &mut Lift<'_>, down: bool) {
    l.out.push(Op::Const { d: DF.into(), value: if down { u64::MAX } else { 0 } });
}
