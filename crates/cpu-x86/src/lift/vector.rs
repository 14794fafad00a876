//! Vector operands: XMM registers, MMX registers (the x87's significands) and their memory forms.
use super::{Lift, Mem};
use crate::regs::{FPU_SW, FPU_TAG, st, xmm};
use iced_x86::{Mnemonic, OpKind, Register};
use ir::{BinOp, CallArgs, FTy, Helper, MemTy, Op, Reg, Slot, Trap, Ty, Val, VecOp};

/// The slot of a vector register's lowest word.
pub(crate) fn vreg_of(register: Register) -> Reg {
    if register.is_mm() { st(register.number() as u8) } else { xmm(register.number() as u8) }
}

impl Lift<'_> {
    /// Operand `i`, a vector register.
    pub(crate) fn vreg(&self, i: u32) -> Reg {
        vreg_of(self.insn.op_register(i))
    }

    /// How many bytes the vectors of this instruction have: 8 for MMX.
    pub(crate) fn vbytes(&self, i: u32) -> u8 {
        if self.insn.op_register(i).is_mm() { 8 } else { 16 }
    }

    /// Operand `i`: a register, or memory of the size the instruction reads. Sixteen bytes must be aligned.
    pub(crate) fn vread(&mut self, i: u32) -> Slot {
        if !self.is_mem(i) {
            return self.vreg(i).into();
        }
        let mem = self.mem();
        match self.insn.memory_size().size() {
            4 => self.load(MemTy::U32, mem).into(),
            8 => self.load(MemTy::U64, mem).into(),
            _ => {
                self.check_aligned(16, mem);
                self.load(MemTy::V128, mem).into()
            }
        }
    }

    /// Whether MMX registers are involved.
    pub(crate) fn is_mmx(&self) -> bool {
        let is_mm = |i| self.insn.op_kind(i) == OpKind::Register && self.insn.op_register(i).is_mm();
        self.insn.mnemonic() == Mnemonic::Emms || (0..self.insn.op_count()).any(is_mm)
    }

    /// Like an x87 instruction that waits: a pending exception comes first.
    pub(crate) fn wait_for_x87(&mut self) {
        let pending = self.out.and_imm(Ty::I64, FPU_SW, 0x80);
        self.out.trap_if(pending, Trap::X87);
    }

    /// Every MMX instruction makes the stack full and its top 0, and a register it writes a NaN's exponent
    /// (SDM volume 1, 9.5.1).
    pub(crate) fn enter_mmx(&mut self) {
        if !self.is_mmx() {
            return;
        }
        self.bin_imm_into(FPU_SW, BinOp::And, Ty::I64, FPU_SW, !0x3800);
        self.out.set_const(FPU_TAG, 0xff);
        if self.insn.op0_kind() == OpKind::Register && self.insn.op0_register().is_mm() {
            let exponent = self.vreg(0).up(1);
            self.out.set_const(exponent, 0xffff);
        }
    }

    /// `op0 = op0 op op1`, lane by lane.
    pub(crate) fn vec(&mut self, op: VecOp, lane: Ty) {
        let (d, bytes) = (self.vreg(0).into(), self.vbytes(0));
        let b = self.vread(1);
        self.out.push(Op::Vec { op, lane, bytes, d, a: d, b });
        self.enter_mmx();
    }

    /// The same where the second operand comes first: `op0 = op1 op op0`.
    pub(crate) fn vec_reversed(&mut self, op: VecOp, lane: Ty) {
        let (d, bytes) = (self.vreg(0).into(), self.vbytes(0));
        let a = self.vread(1);
        self.out.push(Op::Vec { op, lane, bytes, d, a, b: d });
        self.enter_mmx();
    }

    /// `op0 = op(op1)`, lane by lane.
    pub(crate) fn vec_unary(&mut self, op: VecOp, lane: Ty) {
        let (d, bytes) = (self.vreg(0).into(), self.vbytes(0));
        let a = self.vread(1);
        self.out.push(Op::Vec { op, lane, bytes, d, a, b: a });
        self.enter_mmx();
    }

    /// A helper over one word of each operand, for every word.
    pub(crate) fn words(&mut self, helper: &'static Helper, imm: u16) {
        let (d, bytes) = (Slot::from(self.vreg(0)), self.vbytes(0));
        let b = self.vread(1);
        for i in 0..bytes / 8 {
            let word = d.up(i);
            self.out.call_into(helper, CallArgs { d: word, a: word, b: b.up(i), c: word, imm });
        }
        self.enter_mmx();
    }

    /// A helper over the whole of both XMM operands.
    pub(crate) fn whole(&mut self, helper: &'static Helper, imm: u16) {
        let d = Slot::from(self.vreg(0));
        let b = self.vread(1);
        self.out.call_into(helper, CallArgs { d, a: d, b, c: d, imm });
    }

    /// Writes an f32 or f64 into the lowest lane of a register.
    pub(crate) fn write_lane(&mut self, ty: FTy, d: Reg, value: Val) {
        match ty {
            FTy::F32 => self.insert(d, value, 0, 32),
            FTy::F64 => {
                self.redirect(d.into());
            }
        }
    }

    /// A 16-byte move that does not ask for alignment.
    pub(crate) fn load_unaligned(&mut self, d: Reg, mem: Mem) {
        self.load_into(d, MemTy::V128, mem);
    }
}
