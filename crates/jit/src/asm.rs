//! An x86-64 encoder: the few instructions that templates are made of, appended to a buffer. Our own because compile time
//! is what a template JIT lives on: a library's encoder takes as long for one instruction as this for twenty.
mod control;
mod integer;
#[cfg(test)]
mod tests;
mod vector;

pub(crate) use control::{Jump, ShortJump};
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
/// As a base, with no index: the displacement counts from where the code under construction will be.
pub(crate) const HERE: Reg = Reg(16);

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
    pub(crate) const NS: Cc = Cc(9);
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
            Rm::Mem(m) => (m.index.map_or(0, |i| i.0.0 >> 3), m.base.0 >> 3 & 1),
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
        if m.base == HERE {
            // rip-relative: from behind the displacement, which nothing follows in the instructions that use it.
            self.byte(reg | 5);
            return self.dword((m.disp - self.here() as i32 - 4) as u32);
        }
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
}
