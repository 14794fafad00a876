//! One instruction being lifted: where it reads its operands and writes its results.
//!
//! The functions in the files below are short because everything about operands is here: partial registers, memory
//! operands with their segment and address size, and the order that keeps a faulting instruction without effect.
pub(crate) mod arith;
pub(crate) mod bits;
pub(crate) mod control;
pub(crate) mod crypto;
pub(crate) mod exceptions;
pub(crate) mod fma;
pub(crate) mod logic;
mod memory;
pub(crate) mod mov;
mod operand;
pub(crate) mod segment;
pub(crate) mod shift;
pub(crate) mod shuffle;
pub(crate) mod sse;
pub(crate) mod sse_int;
pub(crate) mod string;
pub(crate) mod system;
mod vector;
pub(crate) mod vmov;
pub(crate) mod x87;
pub(crate) mod xsave;

use iced_x86::Instruction;
use ir::{BinOp, Builder, Flow, Op, Slot, Trap, Ty};
pub(crate) use memory::Mem;

/// What a row of the table does.
pub(crate) type Semantics = fn(&mut Lift<'_>);

/// The instruction and the block it goes into.
pub(crate) struct Lift<'a> {
    pub(crate) out: &'a mut Builder,
    pub(crate) insn: Instruction,
    /// Its bytes, and what follows.
    code: &'a [u8],
    ended: bool,
}

impl<'a> Lift<'a> {
    pub(crate) fn new(out: &'a mut Builder, insn: Instruction, code: &'a [u8]) -> Lift<'a> {
        Lift { out, insn, code, ended: false }
    }
}

impl Lift<'_> {
    /// What the x87 keeps of an opcode: the low bits of its two bytes.
    pub(crate) fn x87_opcode(&self) -> u16 {
        let escape = self.code.iter().position(|byte| byte & 0xf8 == 0xd8).unwrap_or(0);
        match self.code[escape..] {
            [first, second, ..] => u16::from(first & 7) << 8 | u16::from(second),
            _ => 0,
        }
    }

    pub(crate) fn pc(&self) -> u64 {
        self.insn.ip()
    }
    /// Address of the instruction behind this one.
    pub(crate) fn next(&self) -> u64 {
        self.insn.next_ip()
    }

    pub(crate) fn flow(&self) -> Flow {
        let len = self.insn.len() as u64;
        if self.ended { Flow::End(len) } else { Flow::Next(len) }
    }

    /// The builder, to write the block's end with.
    pub(crate) fn end(&mut self) -> &mut Builder {
        self.ended = true;
        self.out
    }

    pub(crate) fn trap(&mut self, trap: Trap) {
        let pc = self.pc();
        self.end().trap(trap, pc);
    }
    /// Undefined, or not there yet: #UD.
    pub(crate) fn illegal(&mut self) {
        self.trap(Trap::Illegal);
    }

    /// `d = a op b`, into a slot that is already there.
    pub(crate) fn bin_into(&mut self, d: Slot, op: BinOp, ty: Ty, a: impl Into<Slot>, b: impl Into<Slot>) {
        // The builder knows constants, so it writes the operation; only its destination changes.
        self.out.bin(op, ty, a, b);
        self.redirect(d);
    }

    /// `d = a op imm`.
    pub(crate) fn bin_imm_into(&mut self, d: impl Into<Slot>, op: BinOp, ty: Ty, a: impl Into<Slot>, imm: i32) {
        self.out.push(Op::BinImm { op, ty, d: d.into(), a: a.into(), imm });
    }

    /// Makes the operation just written write `d` instead of its fresh temporary.
    pub(crate) fn redirect(&mut self, to: Slot) {
        match self.out.last_mut() {
            Some(
                Op::Mov { d, .. }
                | Op::Bin { d, .. }
                | Op::BinImm { d, .. }
                | Op::Un { d, .. }
                | Op::Ext { d, .. }
                | Op::AddC { d, .. }
                | Op::Extract { d, .. }
                | Op::Insert { d, .. }
                | Op::Funnel { d, .. }
                | Op::Lea { d, .. }
                | Op::Cmp { d, .. }
                | Op::CmpImm { d, .. }
                | Op::Select { d, .. }
                | Op::GetFlag { d, .. }
                | Op::GetFlags { d, .. }
                | Op::Load { d, .. }
                | Op::LoadX { d, .. }
                | Op::Fp { d, .. }
                | Op::FpToInt { d, .. }
                | Op::IntToFp { d, .. }
                | Op::FpToFp { d, .. }
                | Op::FpRound { d, .. }
                | Op::Vec { d, .. }
                | Op::VecShift { d, .. }
                | Op::Call { d, .. },
            ) => *d = to,
            _ => debug_assert!(false, "the operation before a redirection has a destination"),
        }
    }
}
