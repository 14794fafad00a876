//! Moves and integer arithmetic.
use super::*;

impl Asm {
    // Moves.

    /// The whole 64 bits.
    pub(crate) fn mov(&mut self, d: Reg, a: impl Into<Rm>) {
        let a = a.into();
        if a != Rm::Reg(d) {
            self.op(0, true, &[0x8b], d.0, a, false, false);
        }
    }

    /// 32 bits, zero-extended.
    pub(crate) fn mov32(&mut self, d: Reg, a: impl Into<Rm>) {
        self.op(0, false, &[0x8b], d.0, a.into(), false, false);
    }

    pub(crate) fn mov_imm(&mut self, d: Reg, value: u64) {
        if value <= u32::MAX as u64 {
            if d.0 >= 8 {
                self.byte(0x41);
            }
            self.byte(0xb8 | d.0 & 7);
            self.dword(value as u32);
        } else if value as i32 as i64 as u64 == value {
            self.op(0, true, &[0xc7], 0, d.into(), false, false);
            self.dword(value as u32);
        } else {
            self.byte(0x48 | d.0 >> 3);
            self.byte(0xb8 | d.0 & 7);
            self.bytes.extend_from_slice(&value.to_le_bytes());
        }
    }

    pub(crate) fn store(&mut self, ty: Ty, m: Mem, a: Reg) {
        match ty {
            Ty::I8 => self.op(0, false, &[0x88], a.0, m.into(), true, false),
            Ty::I16 => self.op(P66, false, &[0x89], a.0, m.into(), false, false),
            Ty::I32 => self.op(0, false, &[0x89], a.0, m.into(), false, false),
            Ty::I64 => self.op(0, true, &[0x89], a.0, m.into(), false, false),
        }
    }

    /// 64 bits in memory become the sign-extended immediate.
    pub(crate) fn store_imm(&mut self, m: Mem, imm: i32) {
        self.op(0, true, &[0xc7], 0, m.into(), false, false);
        self.dword(imm as u32);
    }

    /// Zero-extends from `from` to 64 bits.
    pub(crate) fn movzx(&mut self, from: Ty, d: Reg, a: impl Into<Rm>) {
        match from {
            Ty::I8 => self.op(0, false, &[0x0f, 0xb6], d.0, a.into(), false, true),
            Ty::I16 => self.op(0, false, &[0x0f, 0xb7], d.0, a.into(), false, false),
            Ty::I32 => self.mov32(d, a),
            Ty::I64 => self.mov(d, a),
        }
    }

    /// Sign-extends from `from` to 64 bits, or to 32 with zeros above.
    pub(crate) fn movsx(&mut self, from: Ty, wide: bool, d: Reg, a: impl Into<Rm>) {
        match from {
            Ty::I8 => self.op(0, wide, &[0x0f, 0xbe], d.0, a.into(), false, true),
            Ty::I16 => self.op(0, wide, &[0x0f, 0xbf], d.0, a.into(), false, false),
            Ty::I32 if wide => self.op(0, true, &[0x63], d.0, a.into(), false, false),
            Ty::I32 => self.mov32(d, a),
            Ty::I64 => self.mov(d, a),
        }
    }

    /// Replaces the low byte or word of `d` by that of `a`.
    pub(crate) fn mov_low(&mut self, ty: Ty, d: Reg, a: Reg) {
        match ty {
            Ty::I8 => self.op(0, false, &[0x88], a.0, d.into(), true, true),
            _ => self.op(P66, false, &[0x89], a.0, d.into(), false, false),
        }
    }

    pub(crate) fn lea(&mut self, d: Reg, m: Mem) {
        self.op(0, true, &[0x8d], d.0, m.into(), false, false);
    }

    pub(crate) fn lea32(&mut self, d: Reg, m: Mem) {
        self.op(0, false, &[0x8d], d.0, m.into(), false, false);
    }

    // Arithmetic. `w`: 64 bits, else 32.

    pub(crate) fn alu(&mut self, op: Alu, w: bool, d: Reg, a: impl Into<Rm>) {
        self.op(0, w, &[(op as u8) << 3 | 3], d.0, a.into(), false, false);
    }

    /// 64 bits in memory.
    pub(crate) fn alu_to(&mut self, op: Alu, m: Mem, a: Reg) {
        self.op(0, true, &[(op as u8) << 3 | 1], a.0, m.into(), false, false);
    }

    /// In any width; the bits above the lowest 8 or 16 stay.
    pub(crate) fn alu_narrow(&mut self, op: Alu, ty: Ty, d: Reg, a: Reg) {
        let n = (op as u8) << 3;
        match ty {
            Ty::I8 => self.op(0, false, &[n | 2], d.0, a.into(), true, true),
            Ty::I16 => self.op(P66, false, &[n | 3], d.0, a.into(), false, false),
            _ => self.alu(op, ty == Ty::I64, d, a),
        }
    }

    /// CF = a bit.
    pub(crate) fn bit_test(&mut self, a: Reg, bit: u8) {
        self.op(0, true, &[0x0f, 0xba], 4, a.into(), false, false);
        self.byte(bit);
    }

    /// Compares 32 bits with an immediate that is there in full, 0 until it is patched; gives where it is.
    pub(crate) fn cmp_patchable(&mut self, m: Mem) -> usize {
        self.op(0, false, &[0x81], Alu::Cmp as u8, m.into(), false, false);
        self.dword(0);
        self.here() - 4
    }

    /// The same on memory or register `d` with a sign-extended immediate.
    pub(crate) fn alu_imm(&mut self, op: Alu, w: bool, d: impl Into<Rm>, imm: i32) {
        let short = (-128..=127).contains(&imm);
        self.op(0, w, &[if short { 0x83 } else { 0x81 }], op as u8, d.into(), false, false);
        if short {
            self.byte(imm as u8);
        } else {
            self.dword(imm as u32);
        }
    }

    /// Compares the low `ty` bits.
    pub(crate) fn cmp(&mut self, ty: Ty, a: Reg, b: impl Into<Rm>) {
        match ty {
            Ty::I8 => self.op(0, false, &[0x3a], a.0, b.into(), true, true),
            Ty::I16 => self.op(P66, false, &[0x3b], a.0, b.into(), false, false),
            Ty::I32 => self.op(0, false, &[0x3b], a.0, b.into(), false, false),
            Ty::I64 => self.op(0, true, &[0x3b], a.0, b.into(), false, false),
        }
    }

    pub(crate) fn cmp_imm(&mut self, ty: Ty, a: impl Into<Rm>, imm: i32) {
        match ty {
            Ty::I8 => {
                self.op(0, false, &[0x80], 7, a.into(), false, true);
                self.byte(imm as u8);
            }
            Ty::I16 => {
                self.op(P66, false, &[0x81], 7, a.into(), false, false);
                self.bytes.extend_from_slice(&(imm as u16).to_le_bytes());
            }
            _ => self.alu_imm(Alu::Cmp, ty == Ty::I64, a, imm),
        }
    }

    pub(crate) fn test(&mut self, ty: Ty, a: impl Into<Rm>, b: Reg) {
        match ty {
            Ty::I8 => self.op(0, false, &[0x84], b.0, a.into(), true, true),
            Ty::I16 => self.op(P66, false, &[0x85], b.0, a.into(), false, false),
            Ty::I32 => self.op(0, false, &[0x85], b.0, a.into(), false, false),
            Ty::I64 => self.op(0, true, &[0x85], b.0, a.into(), false, false),
        }
    }

    pub(crate) fn test_imm(&mut self, ty: Ty, a: impl Into<Rm>, imm: i32) {
        match ty {
            Ty::I8 => {
                self.op(0, false, &[0xf6], 0, a.into(), false, true);
                self.byte(imm as u8);
            }
            Ty::I16 => {
                self.op(P66, false, &[0xf7], 0, a.into(), false, false);
                self.bytes.extend_from_slice(&(imm as u16).to_le_bytes());
            }
            _ => {
                self.op(0, ty == Ty::I64, &[0xf7], 0, a.into(), false, false);
                self.dword(imm as u32);
            }
        }
    }

    /// By a constant; `ty` is the width that turns.
    pub(crate) fn shift_imm(&mut self, op: Shift, ty: Ty, d: Reg, by: u8) {
        let prefix = if ty == Ty::I16 { P66 } else { 0 };
        let opcode = if ty == Ty::I8 { 0xc0 } else { 0xc1 };
        self.op(prefix, ty == Ty::I64, &[opcode], op as u8, d.into(), false, ty == Ty::I8);
        self.byte(by);
    }

    /// By the count in CL.
    pub(crate) fn shift_cl(&mut self, op: Shift, ty: Ty, d: Reg) {
        let prefix = if ty == Ty::I16 { P66 } else { 0 };
        let opcode = if ty == Ty::I8 { 0xd2 } else { 0xd3 };
        self.op(prefix, ty == Ty::I64, &[opcode], op as u8, d.into(), false, ty == Ty::I8);
    }

    /// SHLX, SHRX, SARX (BMI2): the count is in `by`.
    pub(crate) fn shift_by(&mut self, op: Shift, w: bool, d: Reg, a: impl Into<Rm>, by: Reg) {
        let pp = match op {
            Shift::Shl => 1,
            Shift::Sar => 2,
            _ => 3,
        };
        self.vex(w, 2, pp, 0xf7, d, by, a.into());
    }

    /// RORX (BMI2), 64 bits.
    pub(crate) fn rorx(&mut self, d: Reg, a: Reg, by: u8) {
        self.vex(true, 3, 3, 0xf0, d, RAX, a.into());
        self.byte(by);
    }

    /// SHRD: low half of (hi:d) >> by.
    pub(crate) fn shrd(&mut self, w: bool, d: Reg, hi: Reg, by: u8) {
        self.op(0, w, &[0x0f, 0xac], hi.0, d.into(), false, false);
        self.byte(by);
    }

    pub(crate) fn imul(&mut self, w: bool, d: Reg, a: impl Into<Rm>) {
        self.op(0, w, &[0x0f, 0xaf], d.0, a.into(), false, false);
    }

    pub(crate) fn imul_imm(&mut self, w: bool, d: Reg, a: impl Into<Rm>, imm: i32) {
        self.op(0, w, &[0x69], d.0, a.into(), false, false);
        self.dword(imm as u32);
    }

    /// One operand of opcode group 3: 2 NOT, 3 NEG, 4 MUL, 5 IMUL, 6 DIV, 7 IDIV.
    pub(crate) fn group3(&mut self, number: u8, w: bool, a: impl Into<Rm>) {
        self.op(0, w, &[0xf7], number, a.into(), false, false);
    }

    /// CDQ or CQO.
    pub(crate) fn sign_into_rdx(&mut self, w: bool) {
        if w {
            self.byte(0x48);
        }
        self.byte(0x99);
    }

    /// One less, with no immediate.
    pub(crate) fn dec(&mut self, m: Mem) {
        self.op(0, true, &[0xff], 1, m.into(), false, false);
    }

    pub(crate) fn bswap(&mut self, w: bool, d: Reg) {
        self.byte(0x40 | (w as u8) << 3 | d.0 >> 3);
        self.byte(0x0f);
        self.byte(0xc8 | d.0 & 7);
    }

    /// POPCNT (B8), TZCNT (BC), LZCNT (BD).
    pub(crate) fn count(&mut self, opcode: u8, w: bool, d: Reg, a: impl Into<Rm>) {
        self.op(PF3, w, &[0x0f, opcode], d.0, a.into(), false, false);
    }

    pub(crate) fn setcc(&mut self, cc: Cc, d: Reg) {
        self.op(0, false, &[0x0f, 0x90 | cc.0], 0, d.into(), false, true);
    }

    pub(crate) fn cmov(&mut self, cc: Cc, d: Reg, a: impl Into<Rm>) {
        self.op(0, true, &[0x0f, 0x40 | cc.0], d.0, a.into(), false, false);
    }

    /// BTR (6) or BTC (7): clears or flips a bit of 64.
    pub(crate) fn bit_change(&mut self, number: u8, d: Reg, bit: u8) {
        self.op(0, true, &[0x0f, 0xba], number, d.into(), false, false);
        self.byte(bit);
    }
}
