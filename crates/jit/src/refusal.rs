//! Operations that inline checks may refuse, or the host by a trap: what is refused goes on in cold code, by the interpreter.
use crate::asm::*;
use crate::code::WRONG;
use crate::thunks::slot;
use crate::translate::{Cold, Exit, State, Translator, Why};
use crate::traps::{RULES, TRAP};
use ir::{FP_ENV, FTy, Op, Slot};

/// What leaving a block costs because the modes are others, in wrong guesses.
const UNSETTLED: u64 = 16;

/// `FP_ENV`'s bits that have to be as below: modes, and INEXACT.
const ENV_MASK: i32 = 0x1f20;
const ENV_WANTED: i32 = 0x20;

/// An operation whose inline checks may refuse it.
pub(crate) struct Slow {
    pub(crate) jumps: Vec<Jump>,
    /// Instructions that may trap.
    traps: Vec<usize>,
    pub(crate) op: Op,
    /// How things were before the checks.
    pub(crate) state: State,
    pub(crate) exit: Exit,
    /// What comes behind it, when its result is in memory.
    pub(crate) behind: usize,
    /// What follows counts on the checks: the block is left behind the operation.
    settled: Option<Settled>,
    /// The home that its result is in.
    home: Option<(Reg, Slot)>,
    begun: u32,
    untouched: bool,
}

/// How a block is left behind an operation.
pub(crate) struct Settled {
    /// What the rest of the instruction clears.
    zeros: Vec<Slot>,
    /// Where the next instruction is, how many are given back, and how many have begun.
    next: u64,
    refund: u32,
    begun: u32,
}

impl Translator<'_> {
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
    pub(crate) fn check_env(&mut self) {
        if self.floats.env {
            return;
        }
        self.asm.mov32(RAX, slot(FP_ENV.into()));
        let rules = if self.traps() { RULES } else { 0 };
        self.asm.alu_imm(Alu::And, false, RAX, ENV_MASK | rules as i32);
        self.asm.alu_imm(Alu::Cmp, false, RAX, ENV_WANTED | (self.cx.rules & rules) as i32);
        self.refuse(Cc::NE);
        self.floats.env_checked = true;
    }

    /// Here both paths meet.
    pub(crate) fn end_checks(&mut self, op: &Op) {
        self.end_settled(op, None, None);
    }

    /// The same; or the cold path leaves the block, so that what the checks have made sure of is so in what follows.
    pub(crate) fn end_settled(&mut self, op: &Op, settled: Option<Settled>, home: Option<(Reg, Slot)>) {
        let jumps = std::mem::take(&mut self.refused);
        let state = State { locals: self.checked, flags: self.flags };
        let traps = std::mem::take(&mut self.floats.traps);
        let (exit, behind, begun, untouched) = (self.stopped(None), self.asm.here(), self.begun, self.untouched);
        self.cold.push(Cold::Slow(Slow {
            jumps,
            traps,
            op: *op,
            state,
            exit,
            behind,
            settled,
            home,
            begun,
            untouched,
        }));
    }

    /// For an operation with this result, if it is the last one of its instruction but for zeros around it: so that the block can be left
    /// behind it.
    pub(crate) fn settled(&mut self, result: (Slot, FTy)) -> Option<Settled> {
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
        let (traps, floats) = (self.traps(), &mut self.floats);
        floats.env |= floats.env_checked;
        floats.normal.append(&mut floats.operands);
        floats.result = Some(result).filter(|_| !traps);
        Some(Settled { zeros, next, refund: self.block.insns - self.begun, begun: self.begun })
    }

    pub(crate) fn cold_slow(&mut self, slow: Slow) {
        if !slow.traps.is_empty() {
            let here = self.asm.here();
            self.landings.extend(slow.traps.iter().map(|&at| (at, here)));
            self.asm.mov_imm(RAX, TRAP);
            self.asm.alu_to(Alu::Sub, self.data(WRONG), RAX);
            if slow.untouched {
                let patient = self.asm.jcc(Cc::NS);
                let why = Why::Wrong { insn: slow.begun - 1, floats: true };
                self.leave(&slow.state, Exit { id: self.cx.id, refund: self.block.insns, why });
                self.asm.bind(patient);
            }
        }
        for jump in slow.jumps {
            self.asm.bind(jump);
        }
        let reads = slow.op.reads();
        slow.state.locals.sync(&mut self.asm, &reads);
        self.asm.mov_imm(RAX, self.ops.len() as u64);
        self.ops.push(slow.op);
        self.asm.call_to(self.cx.thunks.exec);
        let Some(settled) = slow.settled else {
            if let Some((x, d)) = slow.home {
                self.asm.sse(PF3, 0x7e, x, slot(d));
            }
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
}
