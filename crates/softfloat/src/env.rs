//! The floating-point environment of one guest: how to round, what counts as tiny, whose NaN rules
//! hold, and which exceptions have been raised. It packs into one 64-bit register cell.

use crate::format::Format;

/// IEEE 754 exceptions, at the bit positions of x86's MXCSR.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u8);

impl Flags {
    pub const NONE: Flags = Flags(0);
    pub const INVALID: Flags = Flags(1);
    /// x86: an operand was denormal. ARM (IDC): a denormal operand was flushed to zero.
    pub const DENORMAL: Flags = Flags(2);
    pub const DIVZERO: Flags = Flags(4);
    pub const OVERFLOW: Flags = Flags(8);
    pub const UNDERFLOW: Flags = Flags(16);
    pub const INEXACT: Flags = Flags(32);
    pub const ALL: Flags = Flags(63);

    pub const fn bits(self) -> u8 {
        self.0
    }

    pub const fn from_bits_truncate(bits: u8) -> Flags {
        Flags(bits & Flags::ALL.0)
    }

    pub const fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    pub const fn union(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl std::fmt::Debug for Flags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const NAMES: [&str; 6] = ["invalid", "denormal", "divzero", "overflow", "underflow", "inexact"];
        let raised = NAMES.iter().enumerate().filter(|(bit, _)| self.0 >> bit & 1 != 0);
        f.debug_set().entries(raised.map(|(_, name)| name)).finish()
    }
}

/// Rounding direction. The first four are numbered as in MXCSR.RC and the x87 control word.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum Rounding {
    #[default]
    NearestEven = 0,
    Down = 1,
    Up = 2,
    TowardZero = 3,
    NearestAway = 4,
    /// Inexact results get an odd last bit (ARM FCVTXN), so a second rounding cannot err.
    Odd = 5,
}

impl Rounding {
    /// The rounding numbered `bits & 7`; the two unused numbers mean [`Rounding::NearestEven`].
    pub const fn from_bits(bits: u8) -> Rounding {
        match bits & 7 {
            1 => Rounding::Down,
            2 => Rounding::Up,
            3 => Rounding::TowardZero,
            4 => Rounding::NearestAway,
            5 => Rounding::Odd,
            _ => Rounding::NearestEven,
        }
    }
}

/// When a result counts as tiny, the first condition of underflow (IEEE 754-2008, 7.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum Tininess {
    /// x86 and RISC-V.
    #[default]
    AfterRounding = 0,
    /// ARM.
    BeforeRounding = 1,
}

/// Which NaN an operation on NaNs returns, and what its default NaN is. It also selects between
/// x86's and ARM's meaning of [`Flags::DENORMAL`] and of the flush modes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum NanRule {
    /// Intel SDM volume 1, table 4-7; the default NaN is negative.
    #[default]
    X86 = 0,
    /// ARM ARM, FPProcessNaNs: the first signaling operand, else the first quiet one.
    Arm = 1,
    /// ARM with FPCR.DN set: always the default NaN.
    ArmDefault = 2,
    /// RISC-V: always the canonical NaN.
    RiscV = 3,
}

/// x87 precision control: how many significand bits results of [`crate::F80`] arithmetic keep.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum Precision {
    #[default]
    Extended = 0,
    Single = 1,
    Double = 2,
}

/// Layout of the cell: bits 0..=5 are the raised [`Flags`].
pub const CELL_FLAGS: u64 = Flags::ALL.0 as u64;
/// Bits 8..=10: [`Rounding`].
pub const CELL_ROUNDING_SHIFT: u32 = 8;
pub const CELL_ROUNDING: u64 = 7 << CELL_ROUNDING_SHIFT;
/// Bit 11: denormal operands count as zero (x86 DAZ, ARM FZ).
pub const CELL_FLUSH_INPUTS: u64 = 1 << 11;
/// Bit 12: tiny results become zero (x86 FTZ, ARM FZ).
pub const CELL_FLUSH_OUTPUTS: u64 = 1 << 12;
/// Bit 13: set when tininess is detected before rounding.
pub const CELL_TININESS_BEFORE: u64 = 1 << 13;
/// Bits 14..=15: [`Precision`].
pub const CELL_PRECISION_SHIFT: u32 = 14;
pub const CELL_PRECISION: u64 = 3 << CELL_PRECISION_SHIFT;
/// Bits 16..=17: [`NanRule`].
pub const CELL_NAN_SHIFT: u32 = 16;
pub const CELL_NAN: u64 = 3 << CELL_NAN_SHIFT;
/// Bit 18: SSE's underflow is unmasked (Intel SDM volume 1, 4.9.1.5 and 10.2.3.3).
pub const CELL_UNDERFLOW_UNMASKED: u64 = 1 << 18;
/// Bit 19: half precision flushes, inputs and outputs (ARM FZ16). Bits 11 and 12 say nothing of it.
pub const CELL_FLUSH_HALF: u64 = 1 << 19;
/// Bit 20: SSE's overflow is unmasked.
pub const CELL_OVERFLOW_UNMASKED: u64 = 1 << 20;

/// The environment an operation reads and raises its exceptions in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Env {
    pub rounding: Rounding,
    pub tininess: Tininess,
    pub nan: NanRule,
    pub flush_inputs: bool,
    pub flush_outputs: bool,
    /// Both for half precision (ARM FZ16), which the two before leave alone.
    pub flush_half: bool,
    pub precision: Precision,
    /// x87: overflow or underflow, where it is unmasked. Such a result has its exponent moved by 24576, to be unmade by a
    /// handler; in memory's formats it is not stored, whatever it is. Not part of the cell.
    pub unmasked: Flags,
    /// SSE: the same two, where no result is wanted: all tiny results underflow, and INEXACT is as if the range were
    /// unlimited.
    pub simd_unmasked: Flags,
    /// Sticky: operations only add to it.
    pub raised: Flags,
    /// Whether the last rounding increased the magnitude (x87's C1). Not part of the cell, so false
    /// in a fresh `Env`; operations that do not round leave it alone.
    pub rounded_up: bool,
}

impl Env {
    /// x86 at reset: nearest even, tininess after rounding, x86 NaNs.
    pub const X86: Env = Env::with(NanRule::X86, Tininess::AfterRounding);
    /// AArch64 with FPCR zero.
    pub const ARM: Env = Env::with(NanRule::Arm, Tininess::BeforeRounding);
    /// RISC-V with fcsr zero.
    pub const RISCV: Env = Env::with(NanRule::RiscV, Tininess::AfterRounding);

    const fn with(nan: NanRule, tininess: Tininess) -> Env {
        Env {
            rounding: Rounding::NearestEven,
            tininess,
            nan,
            flush_inputs: false,
            flush_outputs: false,
            flush_half: false,
            precision: Precision::Extended,
            unmasked: Flags::NONE,
            simd_unmasked: Flags::NONE,
            raised: Flags::NONE,
            rounded_up: false,
        }
    }

    /// Unpacks a cell. Any value is accepted; unused bits are ignored.
    pub const fn from_cell(cell: u64) -> Env {
        Env {
            rounding: Rounding::from_bits((cell >> CELL_ROUNDING_SHIFT) as u8),
            tininess: match cell & CELL_TININESS_BEFORE {
                0 => Tininess::AfterRounding,
                _ => Tininess::BeforeRounding,
            },
            nan: match (cell & CELL_NAN) >> CELL_NAN_SHIFT {
                0 => NanRule::X86,
                1 => NanRule::Arm,
                2 => NanRule::ArmDefault,
                _ => NanRule::RiscV,
            },
            flush_inputs: cell & CELL_FLUSH_INPUTS != 0,
            flush_outputs: cell & CELL_FLUSH_OUTPUTS != 0,
            flush_half: cell & CELL_FLUSH_HALF != 0,
            precision: match (cell & CELL_PRECISION) >> CELL_PRECISION_SHIFT {
                1 => Precision::Single,
                2 => Precision::Double,
                _ => Precision::Extended,
            },
            unmasked: Flags::NONE,
            simd_unmasked: {
                let underflow = if cell & CELL_UNDERFLOW_UNMASKED != 0 { Flags::UNDERFLOW } else { Flags::NONE };
                let overflow = if cell & CELL_OVERFLOW_UNMASKED != 0 { Flags::OVERFLOW } else { Flags::NONE };
                underflow.union(overflow)
            },
            raised: Flags::from_bits_truncate(cell as u8),
            rounded_up: false,
        }
    }

    /// Packs everything but `unmasked` and `rounded_up`.
    pub const fn to_cell(&self) -> u64 {
        let mut cell = self.raised.0 as u64
            | (self.rounding as u64) << CELL_ROUNDING_SHIFT
            | (self.precision as u64) << CELL_PRECISION_SHIFT
            | (self.nan as u64) << CELL_NAN_SHIFT;
        if self.flush_inputs {
            cell |= CELL_FLUSH_INPUTS;
        }
        if self.flush_outputs {
            cell |= CELL_FLUSH_OUTPUTS;
        }
        if self.flush_half {
            cell |= CELL_FLUSH_HALF;
        }
        if self.simd_unmasked.contains(Flags::UNDERFLOW) {
            cell |= CELL_UNDERFLOW_UNMASKED;
        }
        if self.simd_unmasked.contains(Flags::OVERFLOW) {
            cell |= CELL_OVERFLOW_UNMASKED;
        }
        if matches!(self.tininess, Tininess::BeforeRounding) {
            cell |= CELL_TININESS_BEFORE;
        }
        cell
    }

    pub fn raise(&mut self, flags: Flags) {
        self.raised = self.raised.union(flags);
    }

    pub(crate) fn flushes_inputs<F: Format>(&self) -> bool {
        if F::IS_HALF { self.flush_half } else { self.flush_inputs && !F::IS_X87 }
    }

    pub(crate) fn flushes_outputs<F: Format>(&self) -> bool {
        if F::IS_HALF { self.flush_half } else { self.flush_outputs && !F::IS_X87 }
    }

    pub(crate) fn is_x86(&self) -> bool {
        self.nan == NanRule::X86
    }

    pub(crate) fn is_arm(&self) -> bool {
        matches!(self.nan, NanRule::Arm | NanRule::ArmDefault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_round_trip() {
        for cell in 0..1u64 << 21 {
            let env = Env::from_cell(cell);
            assert_eq!(Env::from_cell(env.to_cell()), env);
            let valid = (cell & CELL_ROUNDING) >> CELL_ROUNDING_SHIFT <= 5
                && cell & CELL_PRECISION != CELL_PRECISION
                && cell & 0xc0 == 0;
            assert!(!valid || env.to_cell() == cell, "{cell:#x}");
        }
        assert_eq!(Env::X86.to_cell(), 0);
    }
}
