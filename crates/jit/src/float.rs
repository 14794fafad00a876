//! Templates of scalar floating point, for the case in which the host's result is the guest's under every rule: rounding to
//! nearest without flushing, INEXACT raised already, no denormal operand, and a result that is normal and not near the least.
//! All else is the interpreter's, in cold code; `softfloat::fast` says why this is exact. Where the host traps (`traps`), it checks
//! that itself, and operands and results are in vector registers (`homes`).
use crate::asm::*;
use crate::homes::Homes;
use crate::thunks::slot;
use crate::translate::Translator;
use crate::traps::Rounding;
use ir::{Block, FP_ENV, FTy, FpOp, Op, Slot, Ty};

const X0: Reg = Reg(0);
const X1: Reg = Reg(1);
const X2: Reg = Reg(2);

/// What earlier operations of the block have made sure of.
#[derive(Default)]
pub(crate) struct Floats {
    /// The modes are as wanted, and INEXACT is raised.
    pub(crate) env: bool,
    /// Slots that hold no denormal number.
    pub(crate) normal: Vec<(Slot, FTy)>,
    /// The same as the operation at hand is making sure of it.
    pub(crate) env_checked: bool,
    pub(crate) operands: Vec<(Slot, FTy)>,
    pub(crate) result: Option<(Slot, FTy)>,
    /// Instructions of it that may trap.
    pub(crate) traps: Vec<usize>,
    pub(crate) homes: Homes,
}

/// Whether an operation may change modes, or clear what is raised.
fn writes_env(op: &Op) -> bool {
    op.writes().meets(FP_ENV.into(), 1) && (!op.uses_fp_env() || matches!(op, Op::Call { .. }))
}

impl Floats {
    /// An operation has been translated.
    pub(crate) fn after(&mut self, op: &Op) {
        self.homes.after(op);
        if self.env || !self.normal.is_empty() {
            let writes = op.writes();
            let from = match *op {
                Op::Mov { d, a } => self.normal.iter().find(|known| known.0 == a).map(|&(_, ty)| (d, ty)),
                _ => None,
            };
            self.normal.retain(|known| !writes.meets(known.0, 1));
            self.normal.extend(from);
            self.env &= !writes_env(op);
        }
        self.normal.extend(self.result.take());
        self.env_checked = false;
        self.operands.clear();
    }

    /// The block begins once more.
    pub(crate) fn again(&mut self, block: &Block) {
        self.normal.clear();
        self.env &= !block.ops.iter().any(writes_env);
    }
}

/// The prefix of a scalar instruction.
fn scalar(ty: FTy) -> u8 {
    match ty {
        FTy::F32 => PF3,
        FTy::F64 => PF2,
    }
}

fn int(ty: FTy) -> Ty {
    match ty {
        FTy::F32 => Ty::I32,
        FTy::F64 => Ty::I64,
    }
}

impl Translator<'_> {
    /// Loads a float into a vector register, from wherever it is.
    pub(crate) fn float_src(&mut self, x: Reg, s: Slot) {
        match self.regs.find(s) {
            Some(r) => self.asm.movq_to(x, r),
            None if self.regs.constant(s).is_some() => {
                let r = self.src(s);
                self.asm.movq_to(x, r);
            }
            None => self.asm.sse(PF3, 0x7e, x, slot(s)),
        }
    }

    /// Checks that an operand, in a vector register, is not denormal.
    fn check_operand(&mut self, ty: FTy, s: Slot, x: Reg) {
        if self.traps() || self.floats.normal.contains(&(s, ty)) || self.floats.operands.contains(&(s, ty)) {
            return;
        }
        self.floats.operands.push((s, ty));
        self.asm.movq_from(RAX, x);
        // Twice the magnitude less one: below the least normal's for denormals, far above for 0.
        let m = Mem { base: RAX, index: Some((RAX, 0)), disp: -1 };
        match ty {
            FTy::F64 => {
                self.asm.lea(RAX, m);
                self.asm.shift_imm(Shift::Shr, Ty::I64, RAX, 53);
            }
            FTy::F32 => {
                self.asm.lea32(RAX, m);
                self.asm.shift_imm(Shift::Shr, Ty::I32, RAX, 24);
            }
        }
        self.refuse(Cc::E);
    }

    /// Checks that a result is finite and at least twice the least normal number, or what the host's traps leave to check.
    fn check_result(&mut self, ty: FTy, x: Reg, rounding: Rounding) {
        if self.traps() {
            return self.check_rules(ty, x, rounding);
        }
        self.asm.movq_from(RAX, x);
        let (down, most) = match ty {
            FTy::F64 => {
                self.asm.alu(Alu::Add, true, RAX, RAX);
                (53, 2044)
            }
            FTy::F32 => {
                self.asm.alu(Alu::Add, false, RAX, RAX);
                (24, 252)
            }
        };
        self.asm.shift_imm(Shift::Shr, int(ty).max(Ty::I32), RAX, down);
        self.asm.alu_imm(Alu::Sub, false, RAX, 2);
        self.asm.alu_imm(Alu::Cmp, false, RAX, most);
        self.refuse(Cc::A);
    }

    /// The result in `x` goes to its slot; if both paths meet behind that, it is in memory.
    fn end_float(&mut self, ty: FTy, d: Slot, x: Reg, op: &Op) {
        match ty {
            FTy::F64 => self.asm.sse(P66, 0xd6, x, slot(d)),
            FTy::F32 => {
                self.asm.movd_from(RAX, x);
                self.asm.store(Ty::I64, slot(d), RAX);
            }
        }
        let settled = self.settled((d, ty));
        let home = self.settle_in(ty, d, x);
        self.end_settled(op, settled, home);
        self.forget_result(d);
    }

    fn end_slow(&mut self, d: Slot, op: &Op) {
        self.end_checks(op);
        self.forget_result(d);
    }

    fn forget_result(&mut self, d: Slot) {
        self.regs.forget_slots(d, 1);
        self.regs.forget_slots(FP_ENV.into(), 1);
    }

    pub(crate) fn float(&mut self, op: &Op) {
        match *op {
            Op::Fp { op: FpOp::Abs | FpOp::Neg, ty: FTy::F64, .. } => self.sign(op),
            Op::Fp { op: fp @ (FpOp::Add | FpOp::Sub | FpOp::Mul | FpOp::Div), ty, d, a, b } => {
                let (xa, xb) = (self.float_at(ty, a, X0), self.float_at(ty, b, X1));
                self.begin_checks(op);
                self.check_env();
                self.check_operand(ty, a, xa);
                self.check_operand(ty, b, xb);
                let opcode = match fp {
                    FpOp::Add => 0x58,
                    FpOp::Sub => 0x5c,
                    FpOp::Mul => 0x59,
                    _ => 0x5e,
                };
                let tiny = matches!(fp, FpOp::Mul | FpOp::Div);
                let x = self.float_dst(d, X0);
                self.arithmetic(ty, opcode, x, xa, xb);
                self.check_result(ty, x, if tiny { Rounding::Tiny } else { Rounding::Plain });
                self.end_float(ty, d, x, op);
            }
            Op::Fp { op: FpOp::Sqrt, ty, d, a, .. } if self.traps() => {
                let xa = self.float_at(ty, a, X0);
                self.begin_checks(op);
                self.check_env();
                let x = self.float_dst(d, X0);
                self.trapping(|asm| asm.sse(scalar(ty), 0x51, x, xa));
                self.check_result(ty, x, Rounding::Plain);
                self.end_float(ty, d, x, op);
            }
            Op::Fp { op: fp @ (FpOp::MinX86 | FpOp::MaxX86), ty, d, a, b } if self.traps() => {
                let (xa, xb) = (self.float_at(ty, a, X0), self.float_at(ty, b, X1));
                self.begin_checks(op);
                let x = self.float_dst(d, X0);
                self.arithmetic(ty, if fp == FpOp::MinX86 { 0x5d } else { 0x5f }, x, xa, xb);
                self.end_float(ty, d, x, op);
            }
            Op::Fp { op: FpOp::Sqrt, ty: FTy::F64, d, a, .. } => {
                self.float_src(X0, a);
                self.begin_checks(op);
                self.check_env();
                // A positive normal number.
                self.asm.movq_from(RAX, X0);
                self.asm.shift_imm(Shift::Shr, Ty::I64, RAX, 52);
                self.asm.alu_imm(Alu::Sub, false, RAX, 1);
                self.asm.alu_imm(Alu::Cmp, false, RAX, 2045);
                self.refuse(Cc::A);
                self.trapping(|asm| asm.sse(PF2, 0x51, X0, X0));
                self.end_float(FTy::F64, d, X0, op);
            }
            Op::Fma { ty, neg_product, neg_addend, d, a, b, c } if self.cx.features.fma => {
                let (xa, xb) = (self.float_at(ty, a, X0), self.float_at(ty, b, X1));
                self.regs.unlock();
                let xc = self.float_at(ty, c, X2);
                self.begin_checks(op);
                self.check_env();
                for (s, x) in [(a, xa), (b, xb), (c, xc)] {
                    self.check_operand(ty, s, x);
                }
                if xa != X0 {
                    self.asm.sse(0, 0x28, X0, xa);
                }
                let opcode = match (neg_product, neg_addend) {
                    (false, false) => 0xa9,
                    (true, false) => 0xad,
                    (false, true) => 0xab,
                    (true, true) => 0xaf,
                };
                self.trapping(|asm| asm.fma(ty == FTy::F64, opcode, X0, xb, xc));
                self.check_result(ty, X0, Rounding::Fused);
                let x = self.float_dst(d, X0);
                if x != X0 {
                    self.asm.sse(0, 0x28, x, X0);
                }
                self.end_float(ty, d, x, op);
            }
            Op::FpCmp { ty, d, a, b, .. } => {
                let (xa, xb) = (self.float_at(ty, a, X0), self.float_at(ty, b, X1));
                self.begin_checks(op);
                self.check_operand(ty, a, xa);
                self.check_operand(ty, b, xb);
                self.trapping(|asm| asm.sse(if ty == FTy::F64 { P66 } else { 0 }, 0x2e, xa, xb));
                self.refuse(Cc::P);
                // 1 less, 2 equal, 4 greater.
                self.asm.setcc(Cc::A, RAX);
                self.asm.setcc(Cc::E, RCX);
                self.asm.setcc(Cc::B, RDX);
                self.asm.movzx(Ty::I8, RAX, RAX);
                self.asm.movzx(Ty::I8, RCX, RCX);
                self.asm.movzx(Ty::I8, RDX, RDX);
                self.asm.lea(RCX, Mem { base: RDX, index: Some((RCX, 1)), disp: 0 });
                self.asm.lea(RAX, Mem { base: RCX, index: Some((RAX, 2)), disp: 0 });
                self.asm.store(Ty::I64, slot(d), RAX);
                self.end_slow(d, op);
            }
            Op::IntToFp { from: Ty::I32, signed: true, to: FTy::F64, d, a } => {
                // Always exact.
                let a = self.operand(a);
                self.asm.sse_zero(X0);
                self.asm.sse_int(PF2, false, 0x2a, X0, a);
                self.regs.unlock();
                let d = self.dst(d);
                self.asm.movq_from(d, X0);
            }
            Op::IntToFp { from: Ty::I64, signed: true, to: FTy::F64, d, a } => {
                let a = self.operand(a);
                self.begin_checks(op);
                self.check_env();
                self.asm.sse_zero(X0);
                self.asm.sse_int(PF2, true, 0x2a, X0, a);
                self.end_float(FTy::F64, d, X0, op);
            }
            Op::FpToFp { from, d, a } => {
                self.float_src(X0, a);
                self.begin_checks(op);
                match from {
                    // Exact for normal numbers.
                    FTy::F32 => {
                        if !self.traps() {
                            self.check_result(FTy::F32, X0, Rounding::Plain);
                        }
                        self.trapping(|asm| asm.sse(PF3, 0x5a, X0, X0));
                        if self.traps() {
                            // The modes have not been asked, so nothing is known of its rules.
                            self.check_nan(FTy::F64, X0);
                        }
                        self.end_float(FTy::F64, d, X0, op);
                    }
                    FTy::F64 => {
                        self.check_env();
                        self.trapping(|asm| asm.sse(PF2, 0x5a, X0, X0));
                        self.check_result(FTy::F32, X0, Rounding::Tiny);
                        self.end_float(FTy::F32, d, X0, op);
                    }
                }
            }
            Op::FpToInt {
                from,
                to: to @ (Ty::I32 | Ty::I64),
                signed: true,
                round: ir::Round::TowardZero,
                d,
                a,
                ..
            } => {
                self.float_src(X0, a);
                self.begin_checks(op);
                self.check_env();
                self.check_operand(from, a, X0);
                self.trapping(|asm| asm.sse_int(scalar(from), true, 0x2c, RAX, X0));
                if to == Ty::I32 {
                    self.asm.movsx(Ty::I32, true, RCX, RAX);
                    self.asm.cmp(Ty::I64, RCX, RAX);
                    self.refuse(Cc::NE);
                    self.asm.mov32(RAX, RAX);
                } else {
                    // What does not fit is the most negative number; that itself is left to the interpreter.
                    self.asm.mov(RCX, RAX);
                    self.asm.alu_imm(Alu::Sub, true, RCX, 1);
                    self.refuse(Cc::O);
                }
                self.asm.store(Ty::I64, slot(d), RAX);
                self.end_slow(d, op);
            }
            _ => self.interpret(op),
        }
    }

    /// x = a op b; an instruction that traps leaves them, but perhaps not x, as they were.
    fn arithmetic(&mut self, ty: FTy, opcode: u8, x: Reg, a: Reg, b: Reg) {
        let p = scalar(ty);
        if self.cx.features.fma {
            return self.trapping(|asm| asm.avx(p, opcode, x, a, b));
        }
        let work = if x == b && a != b { X2 } else { x };
        if work != a {
            self.asm.sse(0, 0x28, work, a);
        }
        self.trapping(|asm| asm.sse(p, opcode, work, b));
        if work != x {
            self.asm.sse(0, 0x28, x, work);
        }
    }

    fn sign(&mut self, op: &Op) {
        if let Op::Fp { op, d, a, .. } = *op {
            let a = self.operand(a);
            let d = self.dst(d);
            self.asm.mov(d, a);
            self.asm.bit_change(if op == FpOp::Abs { 6 } else { 7 }, d, 63);
        }
    }
}
