//! The x87: every instruction is a call of a helper, told by its immediate what to do.
use super::Lift;
use crate::helpers::x87::{self, Arith, Format};
use crate::helpers::x87_ops::{self, Control};
use crate::regs::{FPU_CW, FPU_SW, RAX};
use iced_x86::{Code, MemorySize, Mnemonic, OpKind, Register};
use ir::{CallArgs, FlagCond, Helper, MemTy, Slot, Ty};

/// A call with an address, or anything at all, in `a`, and what the x87 keeps of its last instruction in the others.
fn call(l: &mut Lift<'_>, helper: &'static Helper, a: Slot, imm: u16) {
    let pc = l.out.iconst(l.pc());
    let in_memory = l.is_mem(0);
    let opcode = l.out.iconst(u64::from(l.x87_opcode()) | u64::from(in_memory) << 16);
    // The operand's offset, without its segment's base.
    let based = matches!(l.insn.memory_segment(), Register::FS | Register::GS);
    let d = if in_memory && based {
        let mem = l.mem_unsegmented();
        l.lea(mem)
    } else {
        a
    };
    l.out.call_into(helper, CallArgs { d, a, b: pc.into(), c: opcode.into(), imm });
}

/// The number of ST(i) in operand `i`.
fn st(l: &Lift<'_>, i: u32) -> u8 {
    let register = l.insn.op_register(i);
    if register.is_st() { register.number() as u8 } else { 0 }
}

/// The memory operand's format and address; `Stack` if there is none.
fn memory(l: &mut Lift<'_>) -> (Format, Slot) {
    if !l.is_mem(0) {
        return (Format::Stack, RAX.into());
    }
    let format = match l.insn.memory_size() {
        MemorySize::Float32 => Format::F32,
        MemorySize::Float64 => Format::F64,
        MemorySize::Float80 => Format::F80,
        MemorySize::Int16 => Format::I16,
        MemorySize::Int32 => Format::I32,
        MemorySize::Int64 => Format::I64,
        _ => Format::Bcd,
    };
    let mem = l.mem();
    (format, l.lea(mem))
}

/// FLD, FILD, FBLD.
pub(crate) fn load(l: &mut Lift<'_>) {
    let (format, addr) = memory(l);
    // iced lists the stack's top as a first operand.
    let i = if format == Format::Stack { last_st(l) } else { 0 };
    call(l, &x87::LOAD, addr, x87::imm(format, i.into()));
}

fn last_st(l: &Lift<'_>) -> u8 {
    let last = l.insn.op_count().saturating_sub(1);
    st(l, last)
}

/// FLD1 and its kin.
pub(crate) fn constant(l: &mut Lift<'_>, n: u16) {
    call(l, &x87::LOAD, RAX.into(), x87::imm(Format::Const, n));
}

/// FST, FSTP, FIST, FISTP, FISTTP, FBSTP.
pub(crate) fn store(l: &mut Lift<'_>, how: u16) {
    let (format, addr) = memory(l);
    let i = if format == Format::Stack { st(l, 0) } else { 0 };
    call(l, &x87::STORE, addr, x87::imm(format, u16::from(i) | how));
}

/// FADD, FADDP, FIADD and their kin.
pub(crate) fn arith(l: &mut Lift<'_>, op: Arith, pop: bool) {
    let (format, addr) = memory(l);
    let (dst, src) = if format == Format::Stack { (st(l, 0), st(l, 1)) } else { (0, 0) };
    call(l, &x87::ARITH, addr, x87::arith_imm(format, op, dst, src, pop));
}

/// FCOM and its kin: `pops` registers are popped.
pub(crate) fn compare(l: &mut Lift<'_>, quiet: bool, to_flags: bool, pops: u8) {
    let (format, addr) = memory(l);
    let i = match format {
        Format::Stack if l.insn.op_count() == 0 => 1,
        Format::Stack => last_st(l),
        _ => 0,
    };
    call(l, &x87::COMPARE, addr, x87::compare_imm(format, i, quiet, to_flags, pops));
}

pub(crate) fn ftst(l: &mut Lift<'_>) {
    call(l, &x87::COMPARE, RAX.into(), x87::compare_imm(Format::Const, 0, false, false, 0));
}

/// What works on the top of the stack.
pub(crate) fn operate(l: &mut Lift<'_>, op: x87_ops::Op) {
    call(l, &x87_ops::OPERATE, RAX.into(), op as u16);
}

/// FXCH, FFREE and the like.
pub(crate) fn control(l: &mut Lift<'_>, what: Control) {
    let i = match what {
        Control::MovePop => st(l, 0),
        _ if l.insn.op_count() > 0 => last_st(l),
        _ => 0,
    };
    // WAIT and FNINIT, FNCLEX are no instructions to remember; FNOP is.
    let forgotten = matches!(what, Control::Init | Control::ClearExceptions) || l.insn.mnemonic() == Mnemonic::Wait;
    let helper = if forgotten { &x87_ops::CONTROL } else { &x87_ops::REGISTERS };
    call(l, helper, RAX.into(), what as u16 | u16::from(i) << 4);
}

/// FCMOVcc: the condition is evaluated here, the move is the helper's.
pub(crate) fn fcmov(l: &mut Lift<'_>) {
    let cond = match l.insn.mnemonic() {
        Mnemonic::Fcmovb => FlagCond::Carry,
        Mnemonic::Fcmove => FlagCond::Eq,
        Mnemonic::Fcmovbe => FlagCond::CarryOrZero,
        Mnemonic::Fcmovu => FlagCond::Parity,
        Mnemonic::Fcmovnb => FlagCond::NoCarry,
        Mnemonic::Fcmovne => FlagCond::Ne,
        Mnemonic::Fcmovnbe => FlagCond::NoCarryNorZero,
        _ => FlagCond::NoParity,
    };
    let holds = l.out.get_flag(cond);
    let i = last_st(l);
    call(l, &x87_ops::REGISTERS, holds.into(), Control::MoveIf as u16 | u16::from(i) << 4);
}

pub(crate) fn fldcw(l: &mut Lift<'_>) {
    l.wait_for_x87();
    let mem = l.mem();
    let value = l.load(MemTy::U16, mem);
    call(l, &x87_ops::CONTROL, value.into(), Control::Load as u16);
}

pub(crate) fn fnstcw(l: &mut Lift<'_>) {
    let mem = l.mem();
    l.store(MemTy::U16, FPU_CW, mem);
}

/// To memory or ax.
pub(crate) fn fnstsw(l: &mut Lift<'_>) {
    if l.insn.op0_kind() == OpKind::Register && l.insn.op0_register() == Register::AX {
        return l.write_low(Ty::I16, RAX, FPU_SW);
    }
    let mem = l.mem();
    l.store(MemTy::U16, FPU_SW, mem);
}

/// FNSTENV, FNSAVE, FLDENV, FRSTOR.
pub(crate) fn environment(l: &mut Lift<'_>, load: bool, whole: bool) {
    let short = matches!(
        l.insn.code(),
        Code::Fnstenv_m14byte | Code::Fldenv_m14byte | Code::Fnsave_m94byte | Code::Frstor_m94byte
    );
    let mem = l.mem();
    let addr = l.lea(mem);
    // The processor looks at the first word, then at the last byte.
    let word = if short { MemTy::U16 } else { MemTy::U32 };
    let last = if short { 13 } else { 27 } + if whole { 80 } else { 0 };
    if load {
        l.wait_for_x87();
    }
    for (ty, at) in [(word, 0), (MemTy::U8, last)] {
        if load {
            l.out.load(ty, addr, at);
        } else {
            l.out.probe_write(ty.bytes(), addr, at);
        }
    }
    call(l, &x87_ops::ENVIRONMENT, addr, u16::from(load) | u16::from(whole) << 1 | u16::from(short) << 2);
}
