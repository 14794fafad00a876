//! The flags register, what the processor says of itself, hints and fences.
use super::Lift;
use super::mov::push_value;
use crate::helpers::system as helper;
use crate::regs::*;
use iced_x86::Code;
use ir::{BinOp, CPU_LEVEL, CallArgs, Flags, Op, Slot, Trap, Ty, Val};

/// RFLAGS in one slot.
fn flags_word(l: &mut Lift<'_>) -> Val {
    let flags = l.out.get_flags();
    let direction = l.out.and_imm(Ty::I64, DF, EFLAGS_DF as i64);
    let flags = l.out.or(Ty::I64, flags, direction);
    let flags = l.out.or(Ty::I64, flags, EFLAGS_REST);
    l.out.bin_imm(BinOp::Or, Ty::I64, flags, (EFLAGS_IF | 2) as i64)
}

pub(crate) fn pushf(l: &mut Lift<'_>) {
    let ty = if l.insn.code() == Code::Pushfw { Ty::I16 } else { Ty::I64 };
    let flags = flags_word(l);
    push_value(l, ty, flags);
}

/// POPF: user space changes neither IF nor IOPL.
pub(crate) fn popf(l: &mut Lift<'_>) {
    let ty = if l.insn.code() == Code::Popfw { Ty::I16 } else { Ty::I64 };
    let flags = l.out.load(ir::MemTy::of(ty), RSP, 0);
    l.bin_imm_into(RSP, BinOp::Add, Ty::I64, RSP, ty.bytes().into());
    l.out.set_flag_bits(flags);
    l.out.push(Op::Extract { signed: true, ty: Ty::I64, d: DF.into(), a: flags.into(), lsb: 10, width: 1 });
    let kept = if ty == Ty::I16 { REST_MASK & !0xffff } else { 0 };
    let rest = l.out.and_imm(Ty::I64, flags, (REST_MASK & !kept) as i64);
    if kept == 0 {
        return l.out.set(EFLAGS_REST, rest);
    }
    let old = l.out.and_imm(Ty::I64, EFLAGS_REST, kept as i64);
    l.bin_into(EFLAGS_REST.into(), BinOp::Or, Ty::I64, old, rest);
}

pub(crate) fn lahf(l: &mut Lift<'_>) {
    let flags = l.out.get_flags();
    let flags = l.out.bin_imm(BinOp::Or, Ty::I64, flags, 2);
    l.insert(RAX, flags, 8, 8);
}

pub(crate) fn sahf(l: &mut Lift<'_>) {
    let given = l.out.extract(false, Ty::I64, RAX, 8, 8);
    let old = l.out.get_flags();
    let overflow = l.out.and_imm(Ty::I64, old, Flags::OVERFLOW as i64);
    let flags = l.out.or(Ty::I64, given, overflow);
    l.out.set_flag_bits(flags);
}

/// CLC, STC.
pub(crate) fn carry(l: &mut Lift<'_>, set: bool) {
    let carry = l.out.iconst(set.into());
    super::logic::set_carry(l, carry);
}

pub(crate) fn cmc(l: &mut Lift<'_>) {
    let flags = l.out.get_flags();
    let flags = l.out.bin_imm(BinOp::Xor, Ty::I64, flags, Flags::CARRY as i64);
    l.out.set_flag_bits(flags);
}

pub(crate) fn nop(_: &mut Lift<'_>) {}

pub(crate) fn fence(l: &mut Lift<'_>) {
    l.out.push(Op::Fence);
}

pub(crate) fn cpuid(l: &mut Lift<'_>) {
    // Results go to rax, rcx, rdx, rbx, which are the first four registers.
    let (a, c) = (Slot::from(RAX), Slot::from(RCX));
    l.out.call_into(&helper::CPUID, CallArgs { d: a, a, b: c, c: CPU_LEVEL.into(), imm: 0 });
}

/// RDTSC: one count a nanosecond of virtual time.
pub(crate) fn rdtsc(l: &mut Lift<'_>) {
    let time = l.out.read_time();
    l.write_low(Ty::I32, RAX, time);
    l.bin_imm_into(RDX, BinOp::Shr, Ty::I64, time, 32);
}

/// Privileged, or not for user space.
pub(crate) fn privileged(l: &mut Lift<'_>) {
    l.trap(Trap::GeneralProtection);
}

/// Undefined by intention.
pub(crate) fn undefined(l: &mut Lift<'_>) {
    l.illegal();
}
