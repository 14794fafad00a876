//! SSE, and AVX where SSE lacks a form.
use super::*;

impl Asm {
    /// A two-operand SSE instruction: mandatory prefix (0 = none) and opcode in map 0F.
    pub(crate) fn sse(&mut self, prefix: u8, opcode: u8, d: Reg, a: impl Into<Rm>) {
        self.op(prefix, false, &[0x0f, opcode], d.0, a.into(), false, false);
    }

    /// The same with a destination of its own: d = a op b (AVX).
    pub(crate) fn avx(&mut self, prefix: u8, opcode: u8, d: Reg, a: Reg, b: Reg) {
        let pp = [P66, PF3, PF2].iter().position(|&p| p == prefix).map_or(0, |at| at as u8 + 1);
        self.vex(false, 1, pp, opcode, d, a, b.into());
    }

    /// MXCSR from memory.
    pub(crate) fn ldmxcsr(&mut self, m: Mem) {
        self.op(0, false, &[0x0f, 0xae], 2, m.into(), false, false);
    }

    /// MXCSR into memory.
    pub(crate) fn stmxcsr(&mut self, m: Mem) {
        self.op(0, false, &[0x0f, 0xae], 3, m.into(), false, false);
    }

    /// The same in map 0F38, which all take 66 for a prefix.
    pub(crate) fn sse38(&mut self, opcode: u8, d: Reg, a: impl Into<Rm>) {
        self.op(P66, false, &[0x0f, 0x38, opcode], d.0, a.into(), false, false);
    }

    /// A shift of vector lanes by a constant: opcode 71, 72 or 73 and the number in its group.
    pub(crate) fn sse_shift(&mut self, opcode: u8, number: u8, d: Reg, by: u8) {
        self.op(P66, false, &[0x0f, opcode], number, d.into(), false, false);
        self.byte(by);
    }

    /// A two-operand SSE instruction with an immediate.
    pub(crate) fn sse_imm(&mut self, prefix: u8, opcode: u8, d: Reg, a: impl Into<Rm>, imm: u8) {
        self.sse(prefix, opcode, d, a);
        self.byte(imm);
    }

    /// MOVUPS, 16 bytes.
    pub(crate) fn load128(&mut self, d: Reg, m: Mem) {
        self.sse(0, 0x10, d, m);
    }

    /// MOVQ and MOVHPS, 8 bytes each.
    pub(crate) fn load_pair(&mut self, d: Reg, low: Mem, high: Mem) {
        self.sse(PF3, 0x7e, d, low);
        self.sse(0, 0x16, d, high);
    }

    pub(crate) fn store128(&mut self, m: Mem, a: Reg) {
        self.sse(0, 0x11, a, m);
    }

    /// Scalar d = +-(d * a) +- b (FMA3), by opcode.
    pub(crate) fn fma(&mut self, double: bool, opcode: u8, d: Reg, a: Reg, b: Reg) {
        self.vex(double, 2, 1, opcode, d, a, b.into());
    }

    /// MOVQ from a general register.
    pub(crate) fn movq_to(&mut self, d: Reg, a: Reg) {
        self.op(P66, true, &[0x0f, 0x6e], d.0, a.into(), false, false);
    }

    /// MOVD to a general register, zero-extended.
    pub(crate) fn movd_from(&mut self, d: Reg, a: Reg) {
        self.op(P66, false, &[0x0f, 0x7e], a.0, d.into(), false, false);
    }

    /// XORPS with itself.
    pub(crate) fn sse_zero(&mut self, x: Reg) {
        self.sse(0, 0x57, x, x);
    }

    /// MOVQ to a general register.
    pub(crate) fn movq_from(&mut self, d: Reg, a: Reg) {
        self.op(P66, true, &[0x0f, 0x7e], a.0, d.into(), false, false);
    }

    /// CVTSI2SS, CVTSI2SD, CVTTSS2SI, CVTTSD2SI and such, on 64-bit integers if `w`.
    pub(crate) fn sse_int(&mut self, prefix: u8, w: bool, opcode: u8, d: Reg, a: impl Into<Rm>) {
        self.op(prefix, w, &[0x0f, opcode], d.0, a.into(), false, false);
    }
}
