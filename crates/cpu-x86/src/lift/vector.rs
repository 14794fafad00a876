//! Vector operands: MMX registers (the x87's significands), XMM and YMM registers and their memory forms.
use super::Lift;
use crate::regs::{FPU_SW, FPU_TAG, st, xmm};
use iced_x86::{EncodingKind, Mnemonic, OpKind, Register};
use ir::{BinOp, CallArgs, FTy, Helper, MemTy, Op, Reg, Slot, Trap, Ty, Val, VecOp};

/// The slot of a vector register's lowest word.
pub(crate) fn vreg_of(register: Register) -> Reg {
    if register.is_mm() { st(register.number() as u8) } else { xmm(register.number() as u8) }
}

/// The operands of `d = a op b`. The SSE form of an instruction has two, `d` and `a` being one; the VEX form names three.
#[derive(Clone, Copy)]
pub(crate) struct Form {
    pub(crate) d: Slot,
    pub(crate) a: Slot,
    pub(crate) b: Slot,
    /// 8 for MMX, 16 or 32.
    pub(crate) bytes: u8,
}

impl Form {
    fn part(self, i: u8, bytes: u8) -> Form {
        let word = i * bytes / 8;
        Form { d: self.d.up(word), a: self.a.up(word), b: self.b.up(word), bytes }
    }
    /// The 128-bit lanes, which AVX mostly keeps apart; the one of 64 bits for MMX.
    pub(crate) fn lanes(self) -> impl Iterator<Item = Form> {
        let bytes = self.bytes.min(16);
        (0..self.bytes / bytes).map(move |i| self.part(i, bytes))
    }
    pub(crate) fn words(self) -> impl Iterator<Item = Form> {
        (0..self.bytes / 8).map(move |i| self.part(i, 8))
    }
    /// The operands of a helper.
    pub(crate) fn args(self, imm: u16) -> CallArgs {
        CallArgs { d: self.d, a: self.a, b: self.b, c: self.d, imm }
    }
}

impl Lift<'_> {
    /// Operand `i`, a vector register.
    pub(crate) fn vreg(&self, i: u32) -> Reg {
        vreg_of(self.insn.op_register(i))
    }

    pub(crate) fn is_vex(&self) -> bool {
        self.insn.code().encoding() == EncodingKind::VEX
    }

    /// How many bytes the vector register in operand `i` has.
    pub(crate) fn vbytes(&self, i: u32) -> u8 {
        self.insn.op_register(i).size() as u8
    }

    /// The number of the last operand that is not an immediate.
    pub(crate) fn last_operand(&self) -> u32 {
        let count = self.insn.op_count();
        (0..count).rev().find(|&i| matches!(self.insn.op_kind(i), OpKind::Register | OpKind::Memory)).unwrap_or(0)
    }

    /// Operand `i`: a register, or memory of the size the instruction reads. Without VEX, sixteen bytes must be aligned.
    pub(crate) fn vread(&mut self, i: u32) -> Slot {
        if !self.is_mem(i) {
            return self.vreg(i).into();
        }
        let mem = self.mem();
        let ty = match self.insn.memory_size().size() {
            1 => MemTy::U8,
            2 => MemTy::U16,
            4 => MemTy::U32,
            8 => MemTy::U64,
            16 => MemTy::V128,
            _ => MemTy::V256,
        };
        if ty == MemTy::V128 && !self.is_vex() {
            self.check_aligned(16, mem);
        }
        self.load(ty, mem).into()
    }

    /// The operands; the last is read here, the one before it is `a` if there are three.
    pub(crate) fn form(&mut self) -> Form {
        let last = self.last_operand();
        let d = self.vreg(0).into();
        let a = if self.is_vex() && last >= 2 { self.vreg(last - 1).into() } else { d };
        Form { d, a, b: self.vread(last), bytes: self.vbytes(0) }
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

    /// Zeros from word `from` of a register up.
    pub(crate) fn clear_from(&mut self, d: Slot, from: u8) {
        for word in from..4 {
            self.out.set_const(d.up(word), 0);
        }
    }

    /// The first `bytes` of `d` have been written: with VEX, the rest is zero (SDM volume 1, 14.1.3).
    pub(crate) fn finish(&mut self, d: Slot, bytes: u8) {
        if self.is_vex() {
            self.clear_from(d, bytes.div_ceil(8));
        }
        self.enter_mmx();
    }

    /// `d = a op b`, by elements.
    pub(crate) fn vec(&mut self, op: VecOp, lane: Ty) {
        let f = self.form();
        self.vec_form(op, lane, f);
        self.finish(f.d, f.bytes);
    }

    pub(crate) fn vec_form(&mut self, op: VecOp, lane: Ty, f: Form) {
        let Form { d, a, b, bytes } = f;
        match op {
            // The lanes of 256 bits are apart.
            VecOp::ZipLo
            | VecOp::ZipHi
            | VecOp::UnzipEven
            | VecOp::UnzipOdd
            | VecOp::NarrowS
            | VecOp::NarrowU
            | VecOp::ShuffleBytes => {
                for Form { d, a, b, bytes } in f.lanes() {
                    self.out.push(Op::Vec { op, lane, bytes, d, a, b });
                }
            }
            _ => self.out.vec_into(op, lane, bytes, [d, a, b]),
        }
    }

    /// The same where the second operand comes first: `d = b op a`.
    pub(crate) fn vec_reversed(&mut self, op: VecOp, lane: Ty) {
        let f = self.form();
        self.out.push(Op::Vec { op, lane, bytes: f.bytes, d: f.d, a: f.b, b: f.a });
        self.finish(f.d, f.bytes);
    }

    /// `d = op(b)`, by elements.
    pub(crate) fn vec_unary(&mut self, op: VecOp, lane: Ty) {
        let f = self.form();
        self.out.push(Op::Vec { op, lane, bytes: f.bytes, d: f.d, a: f.b, b: f.b });
        self.finish(f.d, f.bytes);
    }

    /// A helper over one word of each operand, for every word.
    pub(crate) fn words(&mut self, helper: &'static Helper, imm: u16) {
        let f = self.form();
        f.words().for_each(|word| self.out.call_into(helper, word.args(imm)));
        self.finish(f.d, f.bytes);
    }

    /// A helper over 128 bits of each operand, for every lane.
    pub(crate) fn lanes(&mut self, helper: &'static Helper, imm: u16) {
        let f = self.form();
        f.lanes().for_each(|lane| self.out.call_into(helper, lane.args(imm)));
        self.finish(f.d, f.bytes);
    }

    /// The same with the instruction's immediate byte.
    pub(crate) fn lanes_imm(&mut self, helper: &'static Helper) {
        let imm = self.insn.immediate8().into();
        self.lanes(helper, imm);
    }

    /// The f32 or f64 operation just written gives the lowest element of `d`; the others are `a`'s.
    pub(crate) fn write_element(&mut self, ty: FTy, f: Form, value: Val) {
        let Form { d, a, .. } = f;
        match ty {
            FTy::F32 => self.out.push(Op::Insert { ty: Ty::I64, d, a, b: value.into(), lsb: 0, width: 32 }),
            FTy::F64 => self.redirect(d),
        }
        if d != a {
            self.out.set(d.up(1), a.up(1));
        }
        self.finish(d, 16);
    }
}
