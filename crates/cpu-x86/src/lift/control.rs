//! Jumps, calls, loops, system calls and software interrupts.
use super::logic::condition;
use super::mov::push_value;
use super::{Lift, Mem, segment};
use crate::regs::{RCX, RSP};
use iced_x86::{Mnemonic, OpKind};
use ir::{BinOp, Cond, FlagCond, JumpHint, MemTy, Slot, Trap, Ty};

fn is_direct(l: &Lift<'_>) -> bool {
    matches!(l.insn.op0_kind(), OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64)
}

fn is_far(l: &Lift<'_>) -> bool {
    l.insn.is_jmp_far_indirect() || l.insn.is_call_far_indirect()
}

pub(crate) fn jmp(l: &mut Lift<'_>) {
    if is_direct(l) {
        let target = l.insn.near_branch_target();
        return l.end().jump(target);
    }
    if is_far(l) {
        return segment::far_transfer(l, false);
    }
    let target = l.read(0);
    l.end().jump_reg(target, JumpHint::None);
}

pub(crate) fn call(l: &mut Lift<'_>) {
    let next = l.next();
    if is_direct(l) {
        let target = l.insn.near_branch_target();
        let back = l.out.iconst(next);
        push_value(l, Ty::I64, back);
        return l.end().jump(target);
    }
    if is_far(l) {
        return segment::far_transfer(l, true);
    }
    let target = l.read(0);
    // `call rsp` goes where rsp pointed before the push.
    let target = if target == Slot::from(RSP) { l.out.get(target).into() } else { target };
    let back = l.out.iconst(next);
    push_value(l, Ty::I64, back);
    l.end().jump_reg(target, JumpHint::Call);
}

pub(crate) fn ret(l: &mut Lift<'_>) {
    let extra = if l.insn.op_count() == 1 { l.insn.immediate16() } else { 0 };
    let target = l.load(MemTy::U64, Mem::at(RSP, 0));
    l.bin_imm_into(RSP, BinOp::Add, Ty::I64, RSP, 8 + i32::from(extra));
    l.end().jump_reg(target, JumpHint::Return);
}

pub(crate) fn jcc(l: &mut Lift<'_>) {
    let (cond, target, next) = (condition(l), l.insn.near_branch_target(), l.next());
    l.end().branch_flag(cond, target, next);
}

/// Whether the count register is cx with the address-size prefix: ecx.
fn count_ty(l: &Lift<'_>) -> Ty {
    use iced_x86::Code;
    match l.insn.code() {
        Code::Jecxz_rel8_64 | Code::Loop_rel8_64_ECX | Code::Loope_rel8_64_ECX | Code::Loopne_rel8_64_ECX => Ty::I32,
        _ => Ty::I64,
    }
}

pub(crate) fn jrcxz(l: &mut Lift<'_>) {
    let (ty, target, next) = (count_ty(l), l.insn.near_branch_target(), l.next());
    let zero = l.out.iconst(0);
    l.end().branch_cmp(Cond::Eq, ty, RCX, zero, target, next);
}

/// LOOP, LOOPE, LOOPNE: rcx counts down; no flag changes.
pub(crate) fn loop_(l: &mut Lift<'_>) {
    let (ty, target, next) = (count_ty(l), l.insn.near_branch_target(), l.next());
    let asked = match l.insn.mnemonic() {
        Mnemonic::Loope => Some(FlagCond::Eq),
        Mnemonic::Loopne => Some(FlagCond::Ne),
        _ => None,
    };
    l.bin_imm_into(RCX, BinOp::Add, ty, RCX, -1);
    let zero = l.out.iconst(0);
    match asked {
        None => l.end().branch_cmp(Cond::Ne, ty, RCX, zero, target, next),
        Some(cond) => {
            let more = l.out.cmp(Cond::Ne, ty, RCX, zero);
            let holds = l.out.get_flag(cond);
            let both = l.out.and(Ty::I64, more, holds);
            l.end().branch(both, target, next);
        }
    }
}

/// SYSCALL: rcx and r11 are written on entry to the kernel.
pub(crate) fn syscall(l: &mut Lift<'_>) {
    let next = l.next();
    l.end().syscall(next);
}

/// INT3 and INT n: user space may raise vectors 3 and 4; the others have no gate for it.
pub(crate) fn int(l: &mut Lift<'_>) {
    let next = l.next();
    match (l.insn.mnemonic(), l.insn.op_count()) {
        (Mnemonic::Int3, _) => l.end().trap(Trap::Breakpoint, next),
        (Mnemonic::Int1, _) => l.end().trap(Trap::Debug, next),
        _ => match l.insn.immediate8() {
            3 => l.end().trap(Trap::Breakpoint, next),
            4 => l.end().trap(Trap::Overflow, next),
            _ => l.trap(Trap::GeneralProtection),
        },
    }
}
