//! Templates of scalar floating point, for the case in which the host's result is the guest's under every rule: rounding to
//! nearest without flushing, INEXACT raised already, no denormal operand, and a result that is normal and not near the least.
//! All else is the interpreter's, in cold code; `softfloat::fast` says why this is exact.
use crate::asm::*;
use crate::code::WRONG;
use crate::thunks::slot;
use crate::translate::{Cold, Exit, State, Translator, Why};
use ir::{Block, FP_ENV, FTy, FpOp, Op, Slot, Ty};

/// What leaving a block costs because the modes are others, in wrong guesses.
const UNSETTLED: u64 = 16;

/// `FP_ENV`'s bits that have to be as below: modes, and INEXACT.
const ENV_MASK: i32 = 0x1f20;
const ENV_WANTED: i32 = 0x20;
const X0: Reg = Reg(0);
const X1: Reg = Reg(1);
const X2: Reg = Reg(2);

/// An operation whose inline checks may refuse it.
pub(crate) struct Slow {
    pub(crate) jumps: Vec<Jump>,
    pub(crate) op: Op,
    /// How things were before the checks.
    pub(crate) state: State,
    pub(crate) exit: Exit,
    /// What comes behind it, when its result is in memory.
    pub(crate) behind: usize,
    /// What follows counts on the checks: the block is left behind the operation.
    settled: Option<Settled>,
}

/// How a block is left behind an operation.
struct Settled {
    /// What the rest of the instruction clears.
    zeros: Vec<Slot>,
    /// Where the next instruction is, how many are given back, and how many have begun.
    next: u64,
    refund: u32,
    begun: u32,
}

/// What earlier operations of the block have made sure of.
#[derive(Default)]
pub(crate) struct Floats {
    /// The modes are as wanted, and INEXACT is raised.
    env: bool,
    /// Slots that hold no denormal number.
    normal: Vec<(Slot, FTy)>,
    /// The same as the operation at hand is making sure of it.
    env_checked: bool,
    operands: Vec<(Slot, FTy)>,
    result: Option<(Slot, FTy)>,
}

/// Whether an operation may change modes, or clear what is raised.
fn writes_env(op: &Op) -> bool {
    op.writes().meets(FP_ENV.into(), 1) && (!op.uses_fp_env() || matches!(op, Op::Call { .. }))
}

impl Floats {
    /// An operation has been translated.
    pub(crate) fn after(&mut self, op: &Op) {
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
    fn float_src(&mut self, x: Reg, s: Slot) {
        let value = self.operand(s);
        match value {
            Rm::Reg(r) => self.asm.movq_to(x, r),
            Rm::Mem(m) => self.asm.sse(PF3, 0x7e, x, m),
        }
    }

    /// Operands are loaded, checks begin: the cold path finds the cache as it is now.
    pub(crate) fn begin_checks(&mut self, op: &Op) {
        self.regs.sync_constants(&mut self.asm, &op.reads());
        // The modes are looked up in memory.
        self.regs.sync_slots(&mut self.asm, FP_ENV.into(), 1);
        self.checked = self.regs.locals;
    }

    /// Leaves the hot path if `cc`.
    pub(crate) fn refuse(&mut self, cc: Cc) {
        let jump = self.asm.jcc(cc);
        self.refused.push(jump);
    }

    /// Checks the modes and that INEXACT is raised.
    fn check_env(&mut self) {
        if self.floats.env {
            return;
        }
        self.asm.mov32(RAX, slot(FP_ENV.into()));
        self.asm.alu_imm(Alu::And, false, RAX, ENV_MASK);
        self.asm.alu_imm(Alu::Cmp, false, RAX, ENV_WANTED);
        self.refuse(Cc::NE);
        self.floats.env_checked = true;
    }

    /// Checks that an operand, in a vector register, is not denormal.
    fn check_operand(&mut self, ty: FTy, s: Slot, x: Reg) {
        if self.floats.normal.contains(&(s, ty)) || self.floats.operands.contains(&(s, ty)) {
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

    /// Checks that a result is finite and at least twice the least normal number.
    fn check_result(&mut self, ty: FTy, x: Reg) {
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
        self.end_settled(op, settled);
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

    /// Here both paths meet.
    pub(crate) fn end_checks(&mut self, op: &Op) {
        self.end_settled(op, None);
    }

    /// The same; or the cold path leaves the block, so that what the checks have made sure of is so in what follows.
    fn end_settled(&mut self, op: &Op, settled: Option<Settled>) {
        let jumps = std::mem::take(&mut self.refused);
        let state = State { locals: self.checked, flags: self.flags };
        let slow = Slow { jumps, op: *op, state, exit: self.stopped(None), behind: self.asm.here(), settled };
        self.cold.push(Cold::Slow(slow));
    }

    /// For an operation with this result, if it is the last one of its instruction but for zeros around it: so that the block can be left
    /// behind it.
    fn settled(&mut self, result: (Slot, FTy)) -> Option<Settled> {
        // What runs for long has inexact results sooner or later; short runs may not.
        if self.cx.rough || !self.cx.windowed {
            return None;
        }
        let block = self.block;
        let rest = &block.ops[self.at + 1..];
        let zeros = rest.iter().map_while(|op| match *op {
            Op::Const { d, value: 0 } if !d.is_temp() => Some(d),
            _ => None,
        });
        let zeros: Vec<Slot> = zeros.collect();
        let Some(&Op::Insn { pc: next }) = rest.get(zeros.len()) else { return None };
        if zeros.iter().any(|&zero| self.flags.rests_on(zero)) {
            return None;
        }
        let floats = &mut self.floats;
        floats.env |= floats.env_checked;
        floats.normal.append(&mut floats.operands);
        floats.result = Some(result);
        Some(Settled { zeros, next, refund: self.block.insns - self.begun, begun: self.begun })
    }

    pub(crate) fn cold_slow(&mut self, slow: Slow) {
        for jump in slow.jumps {
            self.asm.bind(jump);
        }
        let reads = slow.op.reads();
        slow.state.locals.sync(&mut self.asm, &reads);
        self.asm.mov_imm(RAX, self.ops.len() as u64);
        self.ops.push(slow.op);
        self.asm.call_to(self.cx.thunks.exec);
        let Some(settled) = slow.settled else {
            self.asm.jcc_to(Cc::AE, self.asm.base + slow.behind);
            if slow.op.may_leave() {
                self.leave(&slow.state, slow.exit);
            }
            return;
        };
        let mut state = slow.state;
        state.locals.drop(state.locals.of(&slow.op.writes()));
        for zero in settled.zeros {
            self.asm.store_imm(slot(zero), 0);
            state.locals.drop(state.locals.range(zero, 1));
        }
        self.asm.mov_imm(RAX, UNSETTLED);
        self.asm.alu_to(Alu::Sub, self.data(WRONG), RAX);
        let patient = self.asm.jcc(Cc::NS);
        let id = self.cx.id;
        let why = Why::Wrong { insn: settled.begun, floats: true };
        self.leave(&state, Exit { id, refund: self.block.insns, why });
        self.asm.bind(patient);
        self.leave(&state, Exit { id, refund: settled.refund, why: Why::Goto(settled.next) });
    }

    pub(crate) fn float(&mut self, op: &Op) {
        match *op {
            Op::Fp { op: FpOp::Abs | FpOp::Neg, ty: FTy::F64, .. } => self.sign(op),
            Op::Fp { op: fp @ (FpOp::Add | FpOp::Sub | FpOp::Mul | FpOp::Div), ty, d, a, b } => {
                self.float_src(X0, a);
                self.float_src(X1, b);
                self.begin_checks(op);
                self.check_env();
                self.check_operand(ty, a, X0);
                self.check_operand(ty, b, X1);
                let opcode = match fp {
                    FpOp::Add => 0x58,
                    FpOp::Sub => 0x5c,
                    FpOp::Mul => 0x59,
                    _ => 0x5e,
                };
                self.asm.sse(scalar(ty), opcode, X0, X1);
                self.check_result(ty, X0);
                self.end_float(ty, d, X0, op);
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
                self.asm.sse(PF2, 0x51, X0, X0);
                self.end_float(FTy::F64, d, X0, op);
            }
            Op::Fma { ty, neg_product, neg_addend, d, a, b, c } if self.cx.features.fma => {
                self.float_src(X0, a);
                self.float_src(X1, b);
                self.regs.unlock();
                self.float_src(X2, c);
                self.begin_checks(op);
                self.check_env();
                for (s, x) in [(a, X0), (b, X1), (c, X2)] {
                    self.check_operand(ty, s, x);
                }
                let opcode = match (neg_product, neg_addend) {
                    (false, false) => 0xa9,
                    (true, false) => 0xad,
                    (false, true) => 0xab,
                    (true, true) => 0xaf,
                };
                self.asm.fma(ty == FTy::F64, opcode, X0, X1, X2);
                self.check_result(ty, X0);
                self.end_float(ty, d, X0, op);
            }
            Op::FpCmp { ty, d, a, b, .. } => {
                self.float_src(X0, a);
                self.float_src(X1, b);
                self.begin_checks(op);
                self.check_operand(ty, a, X0);
                self.check_operand(ty, b, X1);
                self.asm.sse(if ty == FTy::F64 { P66 } else { 0 }, 0x2e, X0, X1);
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
                        self.check_result(FTy::F32, X0);
                        self.asm.sse(PF3, 0x5a, X0, X0);
                        self.end_float(FTy::F64, d, X0, op);
                    }
                    FTy::F64 => {
                        self.check_env();
                        self.asm.sse(PF2, 0x5a, X0, X0);
                        self.check_result(FTy::F32, X0);
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
                self.asm.sse_int(scalar(from), true, 0x2c, RAX, X0);
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

    fn sign(&mut self, op: &Op) {
        if let Op::Fp { op, d, a, .. } = *op {
            let a = self.operand(a);
            let d = self.dst(d);
            self.asm.mov(d, a);
            self.asm.bit_change(if op == FpOp::Abs { 6 } else { 7 }, d, 63);
        }
    }
}
