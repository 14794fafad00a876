//! Moves, the stack, addresses and byte order.
use super::operand::{mem_ty, reg_of, ty_of_bytes};
use super::{Lift, Mem, segment};
use crate::regs::{RAX, RBP, RBX, RSP};
use iced_x86::{OpKind, Register};
use ir::{BinOp, MemTy, Op, Slot, Trap, Ty};

pub(crate) fn mov(l: &mut Lift<'_>) {
    let (to, from) = (l.insn.op_kind(0), l.insn.op_kind(1));
    if from == OpKind::Register && l.insn.op1_register().is_segment_register() {
        return segment::store(l);
    }
    if to == OpKind::Register {
        let register = l.insn.op0_register();
        if register.is_segment_register() {
            return segment::load(l);
        }
        if !register.is_gpr() || from == OpKind::Register && !l.insn.op1_register().is_gpr() {
            return control_register(l);
        }
        let place = l.place(0);
        match from {
            OpKind::Memory => {
                let (ty, mem) = (l.ty(1), l.mem());
                l.load_into(place.slot, MemTy::of(ty), mem);
                return l.commit(place);
            }
            OpKind::Register => {}
            _ => {
                let value = l.insn.immediate(1) & l.ty(0).mask();
                l.out.push(Op::Const { d: place.slot, value });
                return l.commit(place);
            }
        }
    }
    if from == OpKind::Register && !l.insn.op1_register().is_gpr() {
        return control_register(l);
    }
    let value = l.read(1);
    l.write(0, value);
}

/// Control and debug registers are not for user space; not all exist.
fn control_register(l: &mut Lift<'_>) {
    let other = if l.insn.op0_register().is_gpr() { l.insn.op1_register() } else { l.insn.op0_register() };
    let exists = match other {
        Register::CR0 | Register::CR2 | Register::CR3 | Register::CR4 | Register::CR8 => !l.insn.has_lock_prefix(),
        other => other.is_dr() && other <= Register::DR7,
    };
    l.trap(if exists { Trap::GeneralProtection } else { Trap::Illegal });
}

/// MOVZX, MOVSX, MOVSXD.
pub(crate) fn movx(l: &mut Lift<'_>, signed: bool) {
    let (to, from) = (l.ty(0), l.ty(1));
    let place = l.place(0);
    match l.insn.op_kind(1) {
        OpKind::Memory => {
            let mem = l.mem();
            // A signed load extends to 64 bits; 32-bit registers want their upper half clear.
            if signed && to == Ty::I32 && from != Ty::I32 {
                let value = l.load(mem_ty(from, signed), mem);
                l.out.push(Op::Ext { signed: false, from: Ty::I32, to: Ty::I64, d: place.slot, a: value.into() });
            } else {
                l.load_into(place.slot, if to == Ty::I32 { MemTy::of(from) } else { mem_ty(from, signed) }, mem);
            }
        }
        _ => {
            let value = l.read(1);
            l.out.push(Op::Ext { signed, from, to, d: place.slot, a: value });
        }
    }
    l.commit(place);
}

/// LEA ignores segments.
pub(crate) fn lea(l: &mut Lift<'_>) {
    let ty = l.ty(0);
    let mem = l.mem_unsegmented();
    let (reg, _) = reg_of(l.insn.op0_register());
    if ty == Ty::I64 {
        return l.lea_into(reg, mem);
    }
    let value = l.lea(mem);
    l.write_low(ty, reg, value);
}

/// XLAT: al = [rbx + al].
pub(crate) fn xlat(l: &mut Lift<'_>) {
    let index = l.out.zext(Ty::I8, RAX);
    let mut addr = l.out.add(Ty::I64, RBX, index);
    if l.insn.memory_base() == Register::EBX {
        addr = l.out.zext(Ty::I32, addr);
    }
    let addr = l.add_segment(addr.into());
    let value = l.load(MemTy::U8, Mem::at(addr, 0));
    l.insert(RAX, value, 0, 8);
}

/// How far a push or pop moves the stack pointer.
fn stack_ty(l: &Lift<'_>) -> Ty {
    ty_of_bytes(l.insn.stack_pointer_increment().unsigned_abs() as usize)
}

/// Stores below the stack, then moves the pointer.
pub(crate) fn push_value(l: &mut Lift<'_>, ty: Ty, value: impl Into<Slot>) {
    let bytes = i32::from(ty.bytes());
    l.out.store(MemTy::of(ty), value, RSP, -bytes);
    l.bin_imm_into(RSP, BinOp::Add, Ty::I64, RSP, -bytes);
}

pub(crate) fn push(l: &mut Lift<'_>) {
    let ty = stack_ty(l);
    if l.insn.op0_kind() == OpKind::Register && l.insn.op0_register().is_segment_register() {
        let value = segment::selector(l, l.insn.op0_register());
        return push_value(l, ty, value);
    }
    let value = l.read(0);
    push_value(l, ty, value);
}

/// A memory destination is addressed with the pointer already moved (Intel SDM, POP).
pub(crate) fn pop(l: &mut Lift<'_>) {
    let ty = stack_ty(l);
    let bytes = i32::from(ty.bytes());
    if l.is_mem(0) {
        let value = l.out.load(MemTy::of(ty), RSP, 0);
        let on_stack = l.insn.memory_base().full_register() == Register::RSP;
        let sp = if on_stack { l.out.add_imm(Ty::I64, RSP, bytes.into()).into() } else { RSP.into() };
        let mem = l.mem_with_sp(sp);
        l.store(MemTy::of(ty), value, mem);
        return l.bin_imm_into(RSP, BinOp::Add, Ty::I64, RSP, bytes);
    }
    let register = l.insn.op0_register();
    if register.is_segment_register() {
        let selector = l.out.load(MemTy::of(ty), RSP, 0);
        segment::set(l, register, selector.into());
        return l.bin_imm_into(RSP, BinOp::Add, Ty::I64, RSP, bytes);
    }
    let (reg, _) = reg_of(register);
    if ty == Ty::I64 && reg != RSP {
        l.load_into(reg, MemTy::U64, Mem::at(RSP, 0));
        return l.bin_imm_into(RSP, BinOp::Add, Ty::I64, RSP, bytes);
    }
    let value = l.out.load(MemTy::of(ty), RSP, 0);
    l.bin_imm_into(RSP, BinOp::Add, Ty::I64, RSP, bytes);
    l.write_low(ty, reg, value);
}

pub(crate) fn leave(l: &mut Lift<'_>) {
    let ty = stack_ty_of_frame(l);
    let value = l.out.load(MemTy::of(ty), RBP, 0);
    l.bin_imm_into(RSP, BinOp::Add, Ty::I64, RBP, ty.bytes().into());
    l.write_low(ty, RBP, value);
}

fn stack_ty_of_frame(l: &Lift<'_>) -> Ty {
    if matches!(l.insn.code(), iced_x86::Code::Leavew | iced_x86::Code::Enterw_imm16_imm8) { Ty::I16 } else { Ty::I64 }
}

/// ENTER: pushes rbp and `level` frame pointers, then makes room.
pub(crate) fn enter(l: &mut Lift<'_>) {
    let ty = stack_ty_of_frame(l);
    let bytes = i32::from(ty.bytes());
    let (size, level) = (i32::from(l.insn.immediate16()), i32::from(l.insn.immediate8_2nd() & 31));
    l.out.store(MemTy::of(ty), RBP, RSP, -bytes);
    for i in 1..level {
        let outer = l.out.load(MemTy::of(ty), RBP, -bytes * i);
        l.out.store(MemTy::of(ty), outer, RSP, -bytes * (i + 1));
    }
    let frame = l.out.add_imm(Ty::I64, RSP, (-bytes).into());
    let mut depth = bytes;
    if level > 0 {
        depth += bytes * level;
        l.out.store(MemTy::of(ty), frame, RSP, -depth);
    }
    // The processor checks that the new top can be written.
    l.out.probe_write(1, RSP, -depth - size);
    l.bin_imm_into(RSP, BinOp::Add, Ty::I64, RSP, -depth - size);
    l.write_low(ty, RBP, frame);
}
