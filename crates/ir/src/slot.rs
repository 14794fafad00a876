//! Slots: the register file of a task and the temporaries of an instruction, 256 words of 64 bits.
//!
//! An index is one byte, so no access needs a bounds check. A 128-bit vector is two neighbouring slots, low half first;
//! a 256-bit vector is four.

/// The register file and, above [`TEMPS`], the temporaries. Temporaries hold nothing between two instructions.
pub type Slots = [u64; 256];

/// Any slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u8);

/// A guest register: a slot below [`TEMPS`]. The ISA crates name those below [`GUEST_SLOTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reg(pub u8);

/// A temporary: written once, read later in the same guest instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Val(pub u8);

/// Slots below this are the ISA's own.
pub const GUEST_SLOTS: u8 = 144;
/// The first temporary.
pub const TEMPS: u8 = 160;

/// How the flags were last set: a `FlagKind` and a `Ty`, see `LazyFlags`.
pub const FLAG_KIND: Reg = Reg(144);
/// First operand (or result) of the last flag setting.
pub const FLAG_A: Reg = Reg(145);
/// Second operand of the last flag setting.
pub const FLAG_B: Reg = Reg(146);
/// Carry-in, or preserved flags, of the last flag setting.
pub const FLAG_C: Reg = Reg(147);
/// Rounding, flushing and raised exceptions: the cell of `softfloat::Env`.
pub const FP_ENV: Reg = Reg(148);
/// Address of the exclusive monitor; meaningless while [`EX_SIZE`] is 0.
pub const EX_ADDR: Reg = Reg(149);
/// Bytes the exclusive monitor covers; 0 = open (nothing is monitored).
pub const EX_SIZE: Reg = Reg(150);
/// How much of the instruction set the CPU says it has: `arch::CpuLevel`, as a number. Set when a program starts.
pub const CPU_LEVEL: Reg = Reg(151);

impl Slot {
    /// The slot `n` further on (the upper halves of vectors).
    pub const fn up(self, n: u8) -> Slot {
        Slot(self.0.wrapping_add(n))
    }
    pub const fn is_temp(self) -> bool {
        self.0 >= TEMPS
    }
}

impl Reg {
    pub const fn up(self, n: u8) -> Reg {
        Reg(self.0 + n)
    }
}

impl Val {
    pub const fn up(self, n: u8) -> Val {
        Val(self.0.wrapping_add(n))
    }
}

impl From<Reg> for Slot {
    fn from(r: Reg) -> Slot {
        Slot(r.0)
    }
}

impl From<Val> for Slot {
    fn from(v: Val) -> Slot {
        Slot(v.0)
    }
}
