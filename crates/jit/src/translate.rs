//! One block into host code: one pass over its operations, then the cold code behind it.
use crate::alu::Against;
use crate::asm::*;
use crate::cache::Locals;
use crate::flags::Pending;
use crate::float::Floats;
use crate::host::Features;
use crate::loops::loops;
use crate::memory::Access;
use crate::ranges::Ranges;
use crate::refusal::Slow;
use crate::regs::Regs;
use crate::runs::{Refused, Via};
use crate::thunks::{Gate, Thunks};
use crate::windows::Through;
use engine::Leave;
use ir::{Block, Op, Slot, SlotSet, Trap};
use std::collections::VecDeque;

/// How compiled code can be left. What it hands out is the number of one of these.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exit {
    /// The block's number.
    pub(crate) id: u32,
    /// How many instructions of what the block was charged at its entry are given back.
    pub(crate) refund: u32,
    pub(crate) why: Why,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Why {
    /// To `Frame::pc`.
    Jump,
    /// On at an address.
    Goto(u64),
    /// The same; the jump at this offset in code memory may be linked, and leads to the stub at `stub`.
    Link {
        pc: u64,
        jump: usize,
        stub: usize,
    },
    /// The same for one context, whose number is at this offset. Linked it leads to block `to`.
    LinkIn {
        pc: u64,
        site: Site,
        to: Option<u32>,
    },
    Syscall(u64),
    /// The block ends in a trap.
    Trap,
    /// Guesses were wrong too often, at instruction number `insn`; or the checks of floating point refused.
    Wrong {
        insn: u32,
        floats: bool,
    },
    /// Instruction number `insn` could not complete; why is here, or else in the frame.
    Stopped {
        insn: u32,
        leave: Option<Leave>,
    },
}

/// A jump that is taken in one context: offsets of that context's number and of the distance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    pub(crate) context: usize,
    pub(crate) jump: usize,
}

/// Code that is rarely reached, written behind the rest.
pub(crate) enum Cold<'a> {
    /// An access refused by its inline check.
    Access(Access),
    /// An access through the window that the host refuses.
    Through(Through),
    /// A run of accesses refused by theirs.
    Run(Box<Refused<'a>>),
    /// An operation refused by its inline checks, for the interpreter.
    Slow(Slow),
    /// Goes on at an address, from the end of the block or, with the state there, from its middle. If there is a site, it was
    /// not taken.
    Go { jump: Jump, pc: u64, refund: u32, state: Option<State>, site: Option<Site> },
    /// Leaves the block because the address in the register is not aligned.
    Misaligned { jump: Jump, addr: Reg, state: State, exit: Exit },
    /// Leaves the block with the state of this point.
    Leave { jump: Jump, state: State, exit: Exit },
}

/// Where guest registers and flags are at a point of the block.
#[derive(Clone, Copy)]
pub(crate) struct State {
    pub(crate) locals: Locals,
    pub(crate) flags: Pending,
}

/// Whether an operation has no effect but on temporaries, or one that it may have twice (floating-point exceptions).
fn writes_temporaries_alone(op: &Op) -> bool {
    use Op::*;
    let stores = matches!(op, Store { .. } | StoreX { .. } | AtomicRmw { .. } | Cas { .. } | StoreEx { .. });
    let mut alone = !stores && !matches!(op, LoadEx { .. } | SetFlags { .. } | SetFlagsIf { .. } | Call { .. });
    let mut copy = *op;
    copy.operands(|access, s, _| alone &= access == ir::Use::Read || s.is_temp());
    alone
}

/// What a block is compiled with.
pub(crate) struct Context<'a> {
    pub(crate) thunks: &'a Thunks,
    pub(crate) gate: &'a Gate,
    pub(crate) features: Features,
    pub(crate) id: u32,
    pub(crate) chain: bool,
    /// Which kind of difference the architecture's comparisons set flags by.
    pub(crate) difference: ir::FlagKind,
    /// Where data is, from the start of the code.
    pub(crate) data: i32,
    /// For a space with a window.
    pub(crate) windowed: bool,
    /// Every page is looked up: guesses were often wrong, or accesses through the window often refused.
    pub(crate) steady: bool,
    /// No floating-point operation counts on the checks of another.
    pub(crate) rough: bool,
    /// The host has floating-point exceptions unmasked.
    pub(crate) traps: bool,
    /// By whose rules floating point goes: bits of `FP_ENV`.
    pub(crate) rules: u64,
}

pub(crate) struct Translator<'a> {
    pub(crate) asm: Asm,
    pub(crate) regs: Regs<'a>,
    pub(crate) cx: Context<'a>,
    pub(crate) block: &'a Block,
    pub(crate) flags: Pending,
    /// Jumps to the cold path of the floating-point operation at hand, and the cache when its checks began.
    pub(crate) refused: Vec<Jump>,
    pub(crate) checked: Locals,
    /// A comparison that only the end of the block asks for.
    pub(crate) compared: Option<(ir::Cond, ir::Ty, Slot, Against)>,
    /// How many instructions of the block have begun: the last one is at hand.
    pub(crate) begun: u32,
    /// Nothing but temporaries has been written since it began: it can begin once more.
    pub(crate) untouched: bool,
    pub(crate) via: Via,
    /// The operation at hand.
    pub(crate) at: usize,
    pub(crate) ranges: Ranges,
    pub(crate) floats: Floats,
    /// Slots that were written by themselves, and not as a part of a vector, in code for a window.
    pub(crate) words: SlotSet,
    /// Instructions that may fault, and where they go on then: offsets in the code.
    pub(crate) landings: Vec<(usize, usize)>,
    pub(crate) cold: Vec<Cold<'a>>,
    /// Where in code memory it will be.
    pub(crate) code_offset: usize,
    /// Exits get the numbers from here on.
    pub(crate) exits: &'a mut Vec<Exit>,
    /// Operations for the interpreter.
    pub(crate) ops: &'a mut Vec<Op>,
}

impl<'a> Translator<'a> {
    /// Compiles the whole block: its code and landings.
    pub(crate) fn block(mut self) -> (Vec<u8>, Vec<(usize, usize)>) {
        self.all_operations();
        match loops(self.block).filter(|_| self.cx.chain) {
            Some((exit, if_taken)) => self.again(exit, if_taken),
            None => self.end(),
        }
        self.place_cold();
        (self.asm.bytes, self.landings)
    }

    /// Charges the whole block, if the budget has room for it, and translates its operations.
    pub(crate) fn all_operations(&mut self) {
        let block = self.block;
        self.asm.alu_imm(Alu::Sub, true, R14, block.insns as i32);
        let short = self.asm.jcc(Cc::L);
        let exit = Exit { id: self.cx.id, refund: block.insns, why: Why::Goto(block.pc) };
        self.cold.push(Cold::Leave { jump: short, state: self.state(), exit });
        self.regs.restart();
        self.begun = 0;
        self.operations(0, block.ops.len());
    }

    /// Translates some of the operations.
    pub(crate) fn operations(&mut self, from: usize, to: usize) {
        let mut at = from;
        while at < to {
            if let Op::Insn { .. } = self.block.ops[at] {
                self.regs.end_instruction();
                self.begun += 1;
                self.untouched = true;
                self.hold_temps(at + 1);
                at += 1;
                continue;
            }
            let run = if self.via == Via::Check && !self.through_window() { self.run_at(at) } else { None };
            at = match run {
                Some(run) => self.run(run),
                None => at + self.operation(at),
            };
            if self.regs.hold_temps {
                self.hold_temps(at);
            }
            self.regs.end_operation();
        }
    }

    /// A helper over the whole machine does not say which temporaries it reads.
    fn hold_temps(&mut self, from: usize) {
        let rest = self.block.ops[from..].iter().take_while(|op| !matches!(op, Op::Insn { .. }));
        self.regs.hold_temps = rest.into_iter().any(|op| matches!(op, Op::Call { helper, .. } if helper.is_machine()));
    }

    pub(crate) fn state(&self) -> State {
        State { locals: self.regs.locals, flags: self.flags }
    }

    pub(crate) fn src(&mut self, s: Slot) -> Reg {
        self.regs.src(&mut self.asm, s)
    }

    pub(crate) fn operand(&mut self, s: Slot) -> Rm {
        self.regs.operand(&mut self.asm, s)
    }

    /// The register to write the slot to. What rests on its old value has been saved by then.
    pub(crate) fn dst(&mut self, s: Slot) -> Reg {
        self.regs.dst(&mut self.asm, s)
    }

    /// The same where the operation is done with `a` by then.
    pub(crate) fn dst_over(&mut self, s: Slot, a: Slot) -> Reg {
        self.regs.dst_over(&mut self.asm, s, a)
    }

    /// The exit of an instruction that did not complete.
    pub(crate) fn stopped(&self, leave: Option<Leave>) -> Exit {
        Exit { id: self.cx.id, refund: self.block.insns, why: Why::Stopped { insn: self.begun - 1, leave } }
    }

    /// Translates the operation at `at`; says how many it took.
    fn operation(&mut self, at: usize) -> usize {
        let op = self.block.ops[at];
        self.at = at;
        self.regs.begin(at);
        let touches_flags = self.touches_flags(&op);
        if touches_flags {
            self.materialise();
        }
        // Sums see for themselves, since flags may be had from them.
        if !matches!(op, Op::Bin { .. } | Op::BinImm { .. }) {
            let mut copy = op;
            copy.operands(|access, s, n| {
                if access == ir::Use::Write {
                    self.flags_before_write(*s, n);
                }
            });
        }
        let taken = self.template(at, op);
        let block = self.block;
        for op in &block.ops[at..at + taken] {
            if self.cx.windowed {
                self.ranges.after(op);
                self.note_words(op);
            }
            self.floats.after(op);
            self.untouched = self.untouched && writes_temporaries_alone(op);
        }
        if touches_flags && self.writes_flags(&op) {
            self.regs.sync_slots(&mut self.asm, ir::FLAG_KIND.into(), 4);
            self.forget_flags();
        }
        taken
    }

    fn template(&mut self, at: usize, op: Op) -> usize {
        match op {
            Op::Insn { .. } | Op::Fence => {}
            Op::Const { d, value } if d.is_temp() => self.regs.set_constant(d, value),
            Op::Const { d, value } => {
                let d = self.dst(d);
                self.asm.mov_imm(d, value);
            }
            Op::Mov { d, a } if self.move_float(d, a) => {}
            Op::Mov { d, a } => {
                let value = self.operand(a);
                let d = self.dst_over(d, a);
                self.asm.mov(d, value);
            }
            Op::Bin { op, ty, d, a, b } => self.bin(op, ty, d, a, b, &self.block.ops[at]),
            Op::BinImm { op, ty, d, a, imm } => self.bin_imm(op, ty, d, a, imm, &self.block.ops[at]),
            Op::Un { op, ty, d, a } => self.un(op, ty, d, a, &self.block.ops[at]),
            Op::Ext { signed, from, to, d, a } => self.ext(signed, from, to, d, a),
            Op::AddC { ty, d, a, b, c } => self.add_with_carry(ty, d, [a, b, c]),
            Op::Extract { signed, ty, d, a, lsb, width } => self.extract(signed, ty, d, a, lsb, width),
            Op::Insert { ty, d, a, b, lsb, width } => self.insert(ty, d, a, b, lsb, width),
            Op::Funnel { ty, d, hi, lo, amount } => self.funnel(ty, d, hi, lo, amount, &self.block.ops[at]),
            Op::Lea { d, base, index, scale, disp } => self.lea(d, base, index, scale, disp),
            Op::Cmp { .. } | Op::CmpImm { .. } => return self.comparison(at),
            Op::Select { d, c, a, b } => {
                let c = self.operand(c);
                self.test_zero(c);
                self.select(Cc::NE, d, a, b);
            }
            Op::SetFlags { kind, ty, a, b, c } => self.set_flags(kind, ty, a, b, c),
            Op::SetFlagsIf { cond, kind, ty, a, b, c } => self.set_flags_if(cond, kind, ty, [a, b, c]),
            Op::GetFlag { cond, d } => self.get_flag(cond, d, &op),
            Op::Load { .. } | Op::LoadX { .. } | Op::Store { .. } | Op::StoreX { .. } => self.access(&op),
            Op::ReadTime { d } => {
                // What was left before this instruction.
                let rest = (self.block.insns - self.begun + 1) as i32;
                self.asm.lea(RAX, Mem::at(R14, rest));
                self.asm.call_to(self.cx.thunks.time);
                let d = self.dst(d);
                self.asm.mov(d, RAX);
            }
            Op::ExitIf { c, pc } => {
                let c = self.operand(c);
                self.test_zero(c);
                self.exit_if(Cc::NE, pc);
            }
            Op::TrapIf { c, trap } => {
                let c = self.operand(c);
                self.test_zero(c);
                self.trap_if(Cc::NE, trap);
            }
            Op::CheckAligned { bytes, addr } => {
                let addr = self.src(addr);
                self.asm.test_imm(ir::Ty::I8, addr, bytes as i32 - 1);
                let jump = self.asm.jcc(Cc::NE);
                self.cold.push(Cold::Misaligned { jump, addr, state: self.state(), exit: self.stopped(None) });
            }
            Op::ProbeWrite { .. } => match self.via {
                Via::Check => self.probe_write(at),
                Via::Run => {}
                Via::Slow => {
                    // Registers go on as on the other way through the run, which stored nothing.
                    let locals = self.regs.locals;
                    self.interpret(&op);
                    self.regs.locals = locals;
                }
            },
            Op::AtomicRmw { .. } | Op::Cas { .. } => self.atomic(&op),
            Op::Vec { .. } | Op::VecShift { .. } | Op::VecShuffle { .. } | Op::VecMask { .. } => self.vector(&op),
            _ if op.uses_fp_env() && !matches!(op, Op::Call { .. }) || matches!(op, Op::Fp { .. }) => self.float(&op),
            _ => self.interpret(&op),
        }
        1
    }

    /// Sets the host's zero flag by an operand, all 64 bits.
    pub(crate) fn test_zero(&mut self, a: Rm) {
        match a {
            Rm::Reg(r) => self.asm.test(ir::Ty::I64, r, r),
            Rm::Mem(_) => self.asm.alu_imm(Alu::Cmp, true, a, 0),
        }
    }

    /// Leaves for `pc`, the instruction done, if `cc`.
    pub(crate) fn exit_if(&mut self, cc: Cc, pc: u64) {
        let jump = self.asm.jcc(cc);
        let refund = self.block.insns - self.begun;
        self.leave_at(jump, pc, refund);
    }

    pub(crate) fn trap_if(&mut self, cc: Cc, trap: Trap) {
        let jump = self.asm.jcc(cc);
        let exit = self.stopped(Some(Leave::Trap(trap)));
        self.cold.push(Cold::Leave { jump, state: self.state(), exit });
    }

    /// Has the interpreter execute the operation.
    pub(crate) fn interpret(&mut self, op: &Op) {
        let (reads, writes) = (op.reads(), op.writes());
        self.sync(&reads);
        self.asm.mov_imm(RAX, self.ops.len() as u64);
        self.ops.push(*op);
        if op.uses_fp_env() || matches!(op, Op::Call { .. }) {
            self.asm.call_to(self.cx.thunks.exec);
        } else {
            self.asm.call_to(self.cx.thunks.exec_plain);
            self.floats.homes.clear();
        }
        if op.may_leave() {
            let jump = self.asm.jcc(Cc::B);
            // A helper over the machine may have written registers before it stopped (gathers do): all of them are in memory.
            let exit = self.stopped(None);
            self.cold.push(Cold::Leave { jump, state: self.state(), exit });
        }
        self.written(&writes);
    }

    /// Puts the slots of a set into memory where they are newer in registers.
    pub(crate) fn sync(&mut self, set: &SlotSet) {
        self.regs.sync(&mut self.asm, set);
    }

    /// Slots of a set were written in memory.
    pub(crate) fn written(&mut self, set: &SlotSet) {
        self.regs.forget(set);
    }

    fn place_cold(&mut self) {
        // Cold code may have some of its own.
        let mut queue = VecDeque::from(std::mem::take(&mut self.cold));
        while let Some(cold) = queue.pop_front() {
            match cold {
                Cold::Access(access) => self.cold_access(access),
                Cold::Through(access) => self.cold_through(access),
                Cold::Run(refused) => self.cold_run(*refused),
                Cold::Slow(slow) => self.cold_slow(slow),
                Cold::Go { jump, pc, refund, state, site } => {
                    self.asm.bind(jump);
                    if let Some(state) = &state {
                        self.store_flags(&state.flags, &state.locals);
                        state.locals.change(&mut self.asm, &self.regs.pins.home);
                        if refund > 0 {
                            self.asm.alu_imm(Alu::Add, true, R14, refund as i32);
                        }
                    }
                    self.cold_go((state.is_none()).then_some(jump), pc, site);
                }
                Cold::Misaligned { jump, addr, state, exit } => {
                    self.asm.bind(jump);
                    self.asm.mov(RCX, addr);
                    self.asm.call_to(self.cx.thunks.misaligned);
                    self.leave(&state, exit);
                }
                Cold::Leave { jump, state, exit } => {
                    self.asm.bind(jump);
                    self.leave(&state, exit);
                }
            }
            queue.extend(self.cold.drain(..));
        }
    }

    /// Leaves compiled code from a point where things are as `state` says.
    pub(crate) fn leave(&mut self, state: &State, exit: Exit) {
        self.store_flags(&state.flags, &state.locals);
        let (gate, home) = (self.cx.gate, &self.regs.pins.home);
        // By the stub that stores what is pinned, or by all that there is to store, whichever is shorter.
        let unsaved = state.locals.unsaved();
        let raw = unsaved.count_ones() <= state.locals.differences(home).count_ones();
        if raw {
            state.locals.store(&mut self.asm, unsaved);
        } else {
            state.locals.change(&mut self.asm, home);
        }
        self.asm.mov_imm(RAX, self.exits.len() as u64);
        self.exits.push(exit);
        self.asm.jmp_to(if raw { gate.exit_raw } else { gate.exit });
    }
}
