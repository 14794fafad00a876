//! The flags register, what the processor says of itself, hints and fences.
use super::Lift;
use super::mov::push_value;
use crate::helpers::system as helper;
use crate::regs::*;
use iced_x86::Code;
use ir::{BinOp, CPU_LEVEL, CallArgs, Cond, Flags, MemTy, Op, Reg, Slot, Trap, Ty, Val};

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
    set_flags_word(l, ty, flags.into());
    l.bin_imm_into(RSP, BinOp::Add, Ty::I64, RSP, ty.bytes().into());
}

/// Sets RFLAGS, or with 16 bits its lower half, from what POPF or IRET popped. TF and AC change how the CPU is run.
pub(crate) fn set_flags_word(l: &mut Lift<'_>, ty: Ty, flags: Slot) {
    let watched = l.out.or(Ty::I64, flags, EFLAGS_REST);
    let watched = l.out.and_imm(Ty::I64, watched, (EFLAGS_TF | EFLAGS_AC) as i64);
    l.out.trap_if(watched, Trap::Alone);
    l.out.set_flag_bits(flags);
    l.out.push(Op::Extract { signed: true, ty: Ty::I64, d: DF.into(), a: flags, lsb: 10, width: 1 });
    let kept = if ty == Ty::I16 { REST_MASK & !0xffff } else { 0 };
    let rest = l.out.and_imm(Ty::I64, flags, (REST_MASK & !kept) as i64);
    if kept == 0 {
        return l.out.set(EFLAGS_REST, rest);
    }
    let old = l.out.and_imm(Ty::I64, EFLAGS_REST, kept as i64);
    l.bin_into(EFLAGS_REST.into(), BinOp::Or, Ty::I64, old, rest);
}

/// ZERO is whether `value` is not 0; no other flag changes.
pub(crate) fn zero_flag(l: &mut Lift<'_>, value: impl Into<Slot>) {
    let set = l.out.cmp_imm(Cond::Ne, Ty::I64, value, 0);
    let flags = l.out.get_flags();
    let flags = l.out.insert(Ty::I64, flags, set, Flags::ZERO.trailing_zeros() as u8, 1);
    l.out.set_flag_bits(flags);
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

/// RDTSCP and RDPID: the processor's number is 0 for every program.
pub(crate) fn rdtscp(l: &mut Lift<'_>) {
    rdtsc(l);
    l.out.set_const(RCX, 0);
}

pub(crate) fn rdpid(l: &mut Lift<'_>) {
    let zero = l.out.iconst(0);
    l.write(0, zero);
}

/// RDFSBASE, RDGSBASE.
pub(crate) fn read_base(l: &mut Lift<'_>, base: Reg) {
    l.write(0, base);
}

/// WRFSBASE, WRGSBASE: #GP for an address that is not canonical.
pub(crate) fn write_base(l: &mut Lift<'_>, base: Reg) {
    let ty = l.ty(0);
    let value = l.read(0);
    if ty == Ty::I32 {
        return l.out.push(Op::Ext { signed: false, from: ty, to: Ty::I64, d: base.into(), a: value });
    }
    let canonical = l.out.extract(true, Ty::I64, value, 0, 48);
    let refused = l.out.cmp(Cond::Ne, Ty::I64, canonical, value);
    l.out.trap_if(refused, Trap::GeneralProtection);
    l.out.set(base, value);
}

/// CLFLUSH, CLFLUSHOPT, CLWB: nothing but the access, which is a load.
pub(crate) fn flush(l: &mut Lift<'_>) {
    let mem = l.mem();
    l.load(MemTy::U8, mem);
}

/// SGDT, SIDT: what Linux puts there for user space under UMIP (arch/x86/kernel/umip.c).
pub(crate) fn store_table(l: &mut Lift<'_>, base: u64) {
    let mem = l.mem();
    let addr = l.lea(mem);
    l.out.probe_write(10, addr, 0);
    let (limit, base) = (l.out.iconst(0), l.out.iconst(base));
    l.out.store(MemTy::U16, limit, addr, 0);
    l.out.store(MemTy::U64, base, addr, 2);
}

/// SMSW, SLDT, STR: the same. A register's upper part stays, in memory it is 16 bits.
pub(crate) fn store_word(l: &mut Lift<'_>, value: u64) {
    let value = l.out.iconst(value);
    if l.is_mem(0) {
        let mem = l.mem();
        return l.store(MemTy::U16, value, mem);
    }
    let register = l.insn.op0_register();
    let (reg, _) = super::operand::reg_of(register);
    l.insert(reg, value, 0, 8 * register.size() as u8);
}

/// Privileged, or not for user space.
pub(crate) fn privileged(l: &mut Lift<'_>) {
    l.trap(Trap::GeneralProtection);
}

/// Undefined by intention.
pub(crate) fn undefined(l: &mut Lift<'_>) {
    l.illegal();
}
