//! Segments: 64-bit mode looks at none but the bases of FS and GS, yet selectors can be loaded, stored and asked about.
//! The descriptors are those Linux lets user space see (arch/x86/include/asm/segment.h).
use super::system::{set_flags_word, zero_flag};
use super::{Lift, Mem};
use crate::helpers::segment::{self as helper, Question};
use crate::regs::*;
use iced_x86::{Code, Mnemonic, Register};
use ir::{BinOp, Cond, JumpHint, MemTy, Slot, Trap, Ty, Val};

/// Where a selector is in `SELECTORS`, for those kept there.
fn place(register: Register) -> Option<u8> {
    match register {
        Register::ES => Some(0),
        Register::DS => Some(16),
        Register::FS => Some(32),
        Register::GS => Some(48),
        _ => None,
    }
}

/// What a segment register holds.
pub(crate) fn selector(l: &mut Lift<'_>, register: Register) -> Slot {
    match place(register) {
        Some(lsb) => l.out.extract(false, Ty::I64, SELECTORS, lsb, 16).into(),
        None => l.out.iconst(if register == Register::CS { USER_CS } else { USER_DS }.into()).into(),
    }
}

/// #GP if the answer to a question about a selector is no.
fn require(l: &mut Lift<'_>, question: Question, selector: impl Into<Slot>) {
    let selector = selector.into();
    let answer = l.out.call(&helper::ASK, selector, selector, selector, question as u16);
    let refused = l.out.cmp_imm(Cond::Eq, Ty::I64, answer, 0);
    l.out.trap_if(refused, Trap::GeneralProtection);
}

/// Loads a segment register. FS and GS take the descriptor's base, which is 0, as they do with a null selector on Intel's
/// processors.
pub(crate) fn set(l: &mut Lift<'_>, register: Register, selector: Slot) {
    let Some(lsb) = place(register) else { return require(l, Question::Stack, selector) };
    require(l, Question::Data, selector);
    l.insert(SELECTORS, selector, lsb, 16);
    match register {
        Register::FS => l.out.set_const(FS_BASE, 0),
        Register::GS => l.out.set_const(GS_BASE, 0),
        _ => {}
    }
}

/// MOV to a segment register.
pub(crate) fn load(l: &mut Lift<'_>) {
    if l.insn.op0_register() == Register::CS {
        return l.illegal();
    }
    let selector = l.read(1);
    set(l, l.insn.op0_register(), selector);
}

/// MOV from a segment register.
pub(crate) fn store(l: &mut Lift<'_>) {
    let value = selector(l, l.insn.op1_register());
    l.write(0, value);
}

/// LSS, LFS, LGS: an offset and a selector behind it.
pub(crate) fn load_far(l: &mut Lift<'_>) {
    let ty = l.ty(0);
    let register = match l.insn.mnemonic() {
        Mnemonic::Lss => Register::SS,
        Mnemonic::Lfs => Register::FS,
        _ => Register::GS,
    };
    let (offset, selector) = far_pointer(l, ty);
    set(l, register, selector.into());
    l.write(0, offset);
}

/// The offset and the selector in memory.
fn far_pointer(l: &mut Lift<'_>, ty: Ty) -> (Val, Val) {
    let mem = l.mem();
    let at = l.lea(mem);
    let offset = l.out.load(MemTy::of(ty), at, 0);
    (offset, l.out.load(MemTy::U16, at, ty.bytes().into()))
}

/// LAR, LSL: a descriptor's access rights or limit; ZERO says whether it may be asked for.
pub(crate) fn describe(l: &mut Lift<'_>) {
    let question = if l.insn.mnemonic() == Mnemonic::Lar { Question::Rights } else { Question::Limit };
    let selector = l.read_selector(1);
    let answer = l.out.call(&helper::ASK, selector, selector, selector, question as u16);
    let (reg, _) = super::operand::reg_of(l.insn.op0_register());
    let ty = l.ty(0);
    let known = answer.up(1);
    // Not known: the register stays whole.
    let value = match ty {
        Ty::I16 => l.out.insert(Ty::I64, reg, answer, 0, 16),
        _ => answer,
    };
    let value = l.out.select(known, value, reg);
    l.out.set(reg, value);
    zero_flag(l, known);
}

/// VERR, VERW: ZERO says whether a segment can be read or written.
pub(crate) fn verify(l: &mut Lift<'_>) {
    let question = if l.insn.mnemonic() == Mnemonic::Verr { Question::Readable } else { Question::Writable };
    let selector = l.read_selector(0);
    let answer = l.out.call(&helper::ASK, selector, selector, selector, question as u16);
    zero_flag(l, answer);
}

impl Lift<'_> {
    /// A selector operand: 16 bits in memory whatever the operand size is.
    fn read_selector(&mut self, i: u32) -> Slot {
        if self.is_mem(i) {
            let mem = self.mem();
            return self.load(MemTy::U16, mem).into();
        }
        self.read(i)
    }
}

/// The width of far transfers by their operand size.
fn far_ty(l: &Lift<'_>) -> Ty {
    match l.insn.code() {
        Code::Retfw | Code::Retfw_imm16 | Code::Iretw | Code::Jmp_m1616 | Code::Call_m1616 => Ty::I16,
        Code::Retfd | Code::Retfd_imm16 | Code::Iretd | Code::Jmp_m1632 | Code::Call_m1632 => Ty::I32,
        _ => Ty::I64,
    }
}

/// JMP FAR and CALL FAR through memory, to 64-bit code: there is no other (32-bit code is #GP here).
pub(crate) fn far_transfer(l: &mut Lift<'_>, call: bool) {
    let ty = far_ty(l);
    let (target, selector) = far_pointer(l, ty);
    require(l, Question::Code, selector);
    if call {
        let bytes = i32::from(ty.bytes());
        let back = l.out.iconst(l.insn.next_ip());
        let cs = l.out.iconst(USER_CS.into());
        l.out.probe_write(2 * ty.bytes(), RSP, -2 * bytes);
        l.out.store(MemTy::of(ty), cs, RSP, -bytes);
        l.out.store(MemTy::of(ty), back, RSP, -2 * bytes);
        l.bin_imm_into(RSP, BinOp::Add, Ty::I64, RSP, -2 * bytes);
    }
    l.end().jump_reg(target, JumpHint::None);
}

/// RETF: to the same privilege, so the stack stays.
pub(crate) fn far_return(l: &mut Lift<'_>) {
    let ty = far_ty(l);
    let bytes = i32::from(ty.bytes());
    let extra = if l.insn.op_count() == 1 { i32::from(l.insn.immediate16()) } else { 0 };
    let target = l.out.load(MemTy::of(ty), RSP, 0);
    let selector = l.out.load(MemTy::of(ty), RSP, bytes);
    require(l, Question::Return, selector);
    l.bin_imm_into(RSP, BinOp::Add, Ty::I64, RSP, 2 * bytes + extra);
    l.end().jump_reg(target, JumpHint::None);
}

/// IRET: in 64-bit mode it pops the stack pointer as well. Set NT is #GP.
pub(crate) fn interrupt_return(l: &mut Lift<'_>) {
    let ty = far_ty(l);
    let nested = l.out.and_imm(Ty::I64, EFLAGS_REST, EFLAGS_NT as i64);
    l.out.trap_if(nested, Trap::GeneralProtection);
    let word = |l: &mut Lift<'_>, n: i32| l.load(MemTy::of(ty), Mem::at(RSP, n * i32::from(ty.bytes())));
    let (target, cs, flags, sp, ss) = (word(l, 0), word(l, 1), word(l, 2), word(l, 3), word(l, 4));
    require(l, Question::Return, cs);
    require(l, Question::Stack, ss);
    set_flags_word(l, ty, flags.into());
    l.out.set(RSP, sp);
    l.end().jump_reg(target, JumpHint::None);
}
