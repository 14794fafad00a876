//! Floating point of code that runs for long: the host has its exceptions unmasked but for PRECISION, so that it traps, by SIGFPE
//! and to a landing, wherever its result might not be the guest's or an exception has to be raised. What is left to check
//! is that the modes are as wanted, and what the host does not tell: see `Rounding`.
use crate::asm::*;
use crate::thunks::{STACK_MASKED, STACK_TRAPPING, slot};
use crate::translate::Translator;
use ir::{FP_ENV, FTy, Op, Ty, VecOp};

/// MXCSR with PRECISION masked alone.
pub(crate) const TRAPPING: i32 = 0x1000;

/// Of a trap the price in wrong guesses.
pub(crate) const TRAP: u64 = 64;

/// The bits of `FP_ENV` that say whose rules floating point goes by, and their values.
const TININESS_BEFORE: u64 = 1 << 13;
const NAN: u64 = 3 << 16;
const NAN_X86: u64 = 0;
const NAN_ARM: u64 = 1 << 16;
pub(crate) const RULES: u64 = TININESS_BEFORE | NAN;

/// What a result may be other than by the host's rules, though the host does not trap.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rounding {
    /// Nothing is rounded to the least normal number: results are exact, or sums, which are if they are tiny.
    Plain,
    /// It may have been rounded to the least normal number from below.
    Tiny,
    /// The same of three operands, of which several may be NaN.
    Fused,
}

impl Translator<'_> {
    /// Whether the host traps where its results may not be the guest's.
    pub(crate) fn traps(&self) -> bool {
        self.cx.traps && !self.cx.rough && !self.cx.steady
    }

    /// An instruction that may trap. Where blocks check by themselves it must not.
    pub(crate) fn trapping(&mut self, instruction: impl FnOnce(&mut Asm)) {
        let masked = self.cx.traps && !self.traps();
        if masked {
            self.asm.ldmxcsr(Mem::at(RSP, STACK_MASKED));
        }
        if self.traps() {
            self.floats.traps.push(self.asm.here());
        }
        instruction(&mut self.asm);
        if masked {
            self.asm.ldmxcsr(Mem::at(RSP, STACK_TRAPPING));
        }
    }

    /// Refuses the result of an instruction that did not trap where the guest's rules are others than the host's.
    pub(crate) fn check_rules(&mut self, ty: FTy, x: Reg, rounding: Rounding) {
        // Tiny before it was rounded: an underflow for some.
        if rounding != Rounding::Plain && self.cx.rules & TININESS_BEFORE != 0 {
            self.check_least(ty, x);
        }
        if !self.has_host_nans() || rounding == Rounding::Fused {
            self.check_nan(ty, x);
        }
    }

    /// Whether the guest's quiet NaNs are the host's: of two both return the first. Others return one of their own.
    fn has_host_nans(&self) -> bool {
        matches!(self.cx.rules & NAN, NAN_X86 | NAN_ARM)
    }

    /// Refuses NaN.
    pub(crate) fn check_nan(&mut self, ty: FTy, x: Reg) {
        self.asm.sse(if ty == FTy::F64 { P66 } else { 0 }, 0x2e, x, x);
        self.refuse(Cc::P);
    }

    /// Refuses the least normal number, and its neighbours.
    fn check_least(&mut self, ty: FTy, x: Reg) {
        self.asm.movq_from(RAX, x);
        let exponent = match ty {
            FTy::F64 => {
                self.asm.alu(Alu::Add, true, RAX, RAX);
                53
            }
            FTy::F32 => {
                self.asm.alu(Alu::Add, false, RAX, RAX);
                24
            }
        };
        self.asm.shift_imm(Shift::Shr, if ty == FTy::F64 { Ty::I64 } else { Ty::I32 }, RAX, exponent);
        self.asm.alu_imm(Alu::Cmp, false, RAX, 1);
        self.refuse(Cc::E);
    }

    /// Floats lane by lane, where a trap tells all there is to tell; false, and no code, if not.
    pub(crate) fn packed_floats(&mut self, op: &Op) -> bool {
        let Op::Vec { op: vec, lane, bytes: 16, d, a, b } = *op else { return false };
        let opcode = match vec {
            VecOp::FAdd => 0x58,
            VecOp::FSub => 0x5c,
            VecOp::FMul => 0x59,
            VecOp::FDiv => 0x5e,
            VecOp::FSqrt => 0x51,
            _ => return false,
        };
        let plain = !matches!(vec, VecOp::FMul | VecOp::FDiv) || self.cx.rules & TININESS_BEFORE == 0;
        if !self.traps() || !plain || !self.has_host_nans() {
            return false;
        }
        self.regs.sync_slots(&mut self.asm, a, 2);
        self.regs.sync_slots(&mut self.asm, b, 2);
        self.begin_checks(op);
        self.check_env();
        let (x0, x1) = (Reg(0), Reg(1));
        if vec == VecOp::FSqrt {
            self.load_vector(x1, a);
        } else {
            self.load_vector(x0, a);
            self.load_vector(x1, b);
        }
        self.trapping(|asm| asm.sse(if lane == Ty::I64 { P66 } else { 0 }, opcode, x0, x1));
        self.asm.store128(slot(d), x0);
        self.end_checks(op);
        self.regs.forget_slots(d, 2);
        self.regs.forget_slots(FP_ENV.into(), 1);
        true
    }
}

/// A function that gives 1 if the host traps and what it does is to go on at the landing, else 0: the offset of the instruction
/// that traps, and of the landing.
pub(crate) fn trial(asm: &mut Asm) -> (usize, usize) {
    let (trapping, before) = (Mem::at(RSP, 0), Mem::at(RSP, 8));
    asm.alu_imm(Alu::Sub, true, RSP, 24);
    asm.store_imm(trapping, TRAPPING);
    asm.stmxcsr(before);
    asm.sse_zero(Reg(0));
    asm.mov_imm(RAX, 0);
    asm.ldmxcsr(trapping);
    let at = asm.here();
    asm.sse(PF2, 0x5e, Reg(0), Reg(0));
    let passed = asm.jmp_short();
    let landing = asm.here();
    asm.mov_imm(RAX, 1);
    asm.bind_short(passed);
    asm.ldmxcsr(before);
    asm.alu_imm(Alu::Add, true, RSP, 24);
    asm.ret();
    (at, landing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use softfloat::{CELL_NAN, CELL_TININESS_BEFORE, Env};

    #[test]
    fn rules_are_where_the_cell_has_them() {
        assert_eq!(RULES, CELL_TININESS_BEFORE | CELL_NAN);
        let rules = [Env::X86, Env::ARM, Env::RISCV].map(|env| env.to_cell() & RULES);
        assert_eq!(rules, [NAN_X86, TININESS_BEFORE | NAN_ARM, NAN]);
    }
}
