//! An x86-64 encoder: the few instructions that templates are made of, appended to a buffer. Our own because compile time
//! is what a template JIT lives on: a library's encoder takes as long for one instruction as this for twenty.
use ir::Ty;

/// A general-purpose register (or, where an instruction takes one, a vector register) by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reg(pub(crate) u8);

pub(crate) const RAX: Reg = Reg(0);
pub(crate) const RCX: Reg = Reg(1);
pub(crate) const RDX: Reg = Reg(2);
pub(crate) const RBX: Reg = Reg(3);
pub(crate) const RSP: Reg = Reg(4);
pub(crate) const RBP: Reg = Reg(5);
pub(crate) const RSI: Reg = Reg(6);
pub(crate) const RDI: Reg = Reg(7);
pub(crate) const R8: Reg = Reg(8);
pub(crate) const R9: Reg = Reg(9);
pub(crate) const R10: Reg = Reg(10);
pub(crate) const R11: Reg = Reg(11);
pub(crate) const R12: Reg = Reg(12);
pub(crate) const R13: Reg = Reg(13);
pub(crate) const R14: Reg = Reg(14);
pub(crate) const R15: Reg = Reg(15);

/// base + (index << scale) + disp
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mem {
    pub(crate) base: Reg,
    pub(crate) index: Option<(Reg, u8)>,
    pub(crate) disp: i32,
}

impl Mem {
    pub(crate) fn at(base: Reg, disp: i32) -> Mem {
        Mem { base, index: None, disp }
    }
    /// base + index
    pub(crate) fn sum(base: Reg, index: Reg) -> Mem {
        Mem { base, index: Some((index, 0)), disp: 0 }
    }
}

/// An operand in a register or in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rm {
    Reg(Reg),
    Mem(Mem),
}

impl From<Reg> for Rm {
    fn from(r: Reg) -> Rm {
        Rm::Reg(r)
    }
}

impl From<Mem> for Rm {
    fn from(m: Mem) -> Rm {
        Rm::Mem(m)
    }
}

/// Arithmetic of the first opcode rows, by its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Alu {
    Add = 0,
    Or = 1,
    Adc = 2,
    Sbb = 3,
    And = 4,
    Sub = 5,
    Xor = 6,
    Cmp = 7,
}

/// Shifts, by their number in opcode group 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Shift {
    Rol = 0,
    Ror = 1,
    Shl = 4,
    Shr = 5,
    Sar = 7,
}

/// Condition codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cc(pub(crate) u8);

impl Cc {
    pub(crate) const O: Cc = Cc(0);
    pub(crate) const B: Cc = Cc(2);
    pub(crate) const AE: Cc = Cc(3);
    pub(crate) const E: Cc = Cc(4);
    pub(crate) const NE: Cc = Cc(5);
    pub(crate) const BE: Cc = Cc(6);
    pub(crate) const A: Cc = Cc(7);
    pub(crate) const S: Cc = Cc(8);
    pub(crate) const P: Cc = Cc(10);
    pub(crate) const L: Cc = Cc(12);
    pub(crate) const GE: Cc = Cc(13);
    pub(crate) const LE: Cc = Cc(14);
    pub(crate) const G: Cc = Cc(15);

    pub(crate) fn not(self) -> Cc {
        Cc(self.0 ^ 1)
    }
}

/// Mandatory prefix of a vector instruction.
pub(crate) const P66: u8 = 0x66;
pub(crate) const PF2: u8 = 0xf2;
pub(crate) const PF3: u8 = 0xf3;

/// A jump whose target comes later: where its 32-bit distance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Jump(pub(crate) usize);
/// The same with a distance of 8 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShortJump(usize);

/// Code under construction, which will be at `base`.
pub(crate) struct Asm {
    pub(crate) bytes: Vec<u8>,
    pub(crate) base: usize,
}

impl Asm {
    pub(crate) fn new(base: usize) -> Asm {
        Asm { bytes: Vec::with_capacity(1024), base }
    }

    pub(crate) fn here(&self) -> usize {
        self.bytes.len()
    }

    fn byte(&mut self, b: u8) {
        self.bytes.push(b);
    }

    pub(crate) fn dword(&mut self, v: u32) {
        self.bytes.extend_from_slice(&v.to_le_bytes());
    }

    /// Prefixes, opcode and operands. `byte_reg` and `byte_rm`: the register there is meant in its lowest byte.
    #[allow(clippy::too_many_arguments)] // an instruction has as many parts
    fn op(&mut self, prefix: u8, w: bool, opcode: &[u8], reg: u8, rm: Rm, byte_reg: bool, byte_rm: bool) {
        if prefix != 0 {
            self.byte(prefix);
        }
        let (x, b) = match rm {
            Rm::Reg(r) => (0, r.0 >> 3),
            Rm::Mem(m) => (m.index.map_or(0, |i| i.0.0 >> 3), m.base.0 >> 3),
        };
        let mut rex = (w as u8) << 3 | (reg >> 3) << 2 | x << 1 | b;
        let low = |n: u8| (4..8).contains(&n);
        if byte_reg && low(reg) || byte_rm && matches!(rm, Rm::Reg(r) if low(r.0)) {
            rex |= 0x40;
        }
        if rex != 0 {
            self.byte(rex | 0x40);
        }
        self.bytes.extend_from_slice(opcode);
        self.modrm(reg, rm);
    }

    fn modrm(&mut self, reg: u8, rm: Rm) {
        let reg = (reg & 7) << 3;
        let m = match rm {
            Rm::Reg(r) => return self.byte(0xc0 | reg | r.0 & 7),
            Rm::Mem(m) => m,
        };
        // rbp and r13 as a base always come with a displacement; rsp and r12 with a SIB byte.
        let mode = match m.disp {
            0 if m.base.0 & 7 != 5 => 0,
            -128..=127 => 0x40,
            _ => 0x80,
        };
        match m.index {
            None if m.base.0 & 7 != 4 => self.byte(mode | reg | m.base.0 & 7),
            None => {
                self.byte(mode | reg | 4);
                self.byte(0x24);
            }
            Some((index, scale)) => {
                self.byte(mode | reg | 4);
                self.byte(scale << 6 | (index.0 & 7) << 3 | m.base.0 & 7);
            }
        }
        match mode {
            0x40 => self.byte(m.disp as u8),
            0x80 => self.dword(m.disp as u32),
            _ => {}
        }
    }

    /// A VEX instruction of opcode map `map` (2 = 0F38, 3 = 0F3A) with 128-bit or scalar operands.
    #[allow(clippy::too_many_arguments)] // as above
    fn vex(&mut self, w: bool, map: u8, pp: u8, opcode: u8, reg: Reg, v: Reg, rm: Rm) {
        let (x, b) = match rm {
            Rm::Reg(r) => (0, r.0 >> 3),
            Rm::Mem(m) => (m.index.map_or(0, |i| i.0.0 >> 3), m.base.0 >> 3),
        };
        self.byte(0xc4);
        self.byte((!(reg.0 >> 3) & 1) << 7 | (!x & 1) << 6 | (!b & 1) << 5 | map);
        self.byte((w as u8) << 7 | (!v.0 & 15) << 3 | pp);
        self.byte(opcode);
        self.modrm(reg.0, rm);
    }

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

    // Control.

    pub(crate) fn push(&mut self, r: Reg) {
        if r.0 >= 8 {
            self.byte(0x41);
        }
        self.byte(0x50 | r.0 & 7);
    }

    pub(crate) fn pop(&mut self, r: Reg) {
        if r.0 >= 8 {
            self.byte(0x41);
        }
        self.byte(0x58 | r.0 & 7);
    }

    pub(crate) fn ret(&mut self) {
        self.byte(0xc3);
    }

    pub(crate) fn stc(&mut self) {
        self.byte(0xf9);
    }

    fn distance(&mut self, target: usize) {
        let next = self.base + self.here() + 4;
        self.dword(target.wrapping_sub(next) as u32);
    }

    /// To an address.
    pub(crate) fn jmp_to(&mut self, target: usize) {
        self.byte(0xe9);
        self.distance(target);
    }

    pub(crate) fn jcc_to(&mut self, cc: Cc, target: usize) {
        self.byte(0x0f);
        self.byte(0x80 | cc.0);
        self.distance(target);
    }

    pub(crate) fn call_to(&mut self, target: usize) {
        self.byte(0xe8);
        self.distance(target);
    }

    pub(crate) fn jmp_rm(&mut self, a: impl Into<Rm>) {
        self.op(0, false, &[0xff], 4, a.into(), false, false);
    }

    pub(crate) fn call_rm(&mut self, a: impl Into<Rm>) {
        self.op(0, false, &[0xff], 2, a.into(), false, false);
    }

    pub(crate) fn jmp(&mut self) -> Jump {
        self.byte(0xe9);
        self.dword(0);
        Jump(self.here() - 4)
    }

    pub(crate) fn jcc(&mut self, cc: Cc) -> Jump {
        self.byte(0x0f);
        self.byte(0x80 | cc.0);
        self.dword(0);
        Jump(self.here() - 4)
    }

    /// Lets the jump come here.
    pub(crate) fn bind(&mut self, jump: Jump) {
        let distance = (self.here() - (jump.0 + 4)) as u32;
        self.bytes[jump.0..jump.0 + 4].copy_from_slice(&distance.to_le_bytes());
    }

    pub(crate) fn jcc_short(&mut self, cc: Cc) -> ShortJump {
        self.byte(0x70 | cc.0);
        self.byte(0);
        ShortJump(self.here() - 1)
    }

    pub(crate) fn jmp_short(&mut self) -> ShortJump {
        self.byte(0xeb);
        self.byte(0);
        ShortJump(self.here() - 1)
    }

    pub(crate) fn bind_short(&mut self, jump: ShortJump) {
        let distance = self.here() - (jump.0 + 1);
        assert!(distance <= 127, "a short jump over {distance} bytes");
        self.bytes[jump.0] = distance as u8;
    }

    // Vectors.

    /// A two-operand SSE instruction: mandatory prefix (0 = none) and opcode in map 0F.
    pub(crate) fn sse(&mut self, prefix: u8, opcode: u8, d: Reg, a: impl Into<Rm>) {
        self.op(prefix, false, &[0x0f, opcode], d.0, a.into(), false, false);
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

    pub(crate) fn store128(&mut self, m: Mem, a: Reg) {
        self.sse(0, 0x11, a, m);
    }

    /// BTR (6) or BTC (7): clears or flips a bit of 64.
    pub(crate) fn bit_change(&mut self, number: u8, d: Reg, bit: u8) {
        self.op(0, true, &[0x0f, 0xba], number, d.into(), false, false);
        self.byte(bit);
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

#[cfg(test)]
mod tests;
