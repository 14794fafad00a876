//! The interchange formats, and the one unpacked form every operation computes in.

use crate::env::{Env, Flags};

/// Position of the integer bit in an unpacked significand. The bit above it catches carries.
pub(crate) const TOP: u32 = 126;

/// What a bit pattern holds. `significand` includes the integer bit, implied or stored.
#[derive(Clone, Copy)]
pub struct Fields {
    pub negative: bool,
    pub biased: u32,
    pub significand: u64,
}

/// A binary format of at most 64 significand bits.
pub trait Format {
    type Bits: Copy + Eq + std::fmt::Debug;
    /// Significand bits, the integer bit included.
    const PRECISION: u32;
    const EXP_BITS: u32;
    const BIAS: i32 = (1 << (Self::EXP_BITS - 1)) - 1;
    /// The biased exponent of infinities and NaNs; in a format without, one that does not occur.
    const EXP_MAX: u32 = (1 << Self::EXP_BITS) - 1;
    /// The exponent of the smallest normal number.
    const EMIN: i32 = 1 - Self::BIAS;
    const INTEGER_BIT: u64 = 1 << (Self::PRECISION - 1);
    const QUIET_BIT: u64 = 1 << (Self::PRECISION - 2);
    /// Half precision, which has a flush mode of its own.
    const IS_HALF: bool = Self::EXP_BITS == 5;
    /// Whether there are no infinities and NaNs (ARM's alternative half precision).
    const IS_FINITE: bool = Self::EXP_MAX >> Self::EXP_BITS != 0;
    /// Whether the integer bit is stored, which makes some encodings unsupported.
    const IS_X87: bool = false;

    fn split(bits: Self::Bits) -> Fields;
    /// The inverse of [`Format::split`]; formats that imply the integer bit drop it.
    fn join(fields: Fields) -> Self::Bits;
}

macro_rules! interchange_format {
    ($(#[$doc:meta])* $name:ident, $bits:ty, $precision:literal, $exp_bits:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl Format for $name {
            type Bits = $bits;
            const PRECISION: u32 = $precision;
            const EXP_BITS: u32 = $exp_bits;

            fn split(bits: $bits) -> Fields {
                let bits = u64::from(bits);
                let biased = (bits >> ($precision - 1)) as u32 & Self::EXP_MAX;
                let implied = if biased == 0 { 0 } else { Self::INTEGER_BIT };
                Fields {
                    negative: bits >> ($precision + $exp_bits - 1) != 0,
                    biased,
                    significand: bits & (Self::INTEGER_BIT - 1) | implied,
                }
            }

            fn join(fields: Fields) -> $bits {
                (u64::from(fields.negative) << ($precision + $exp_bits - 1)
                    | u64::from(fields.biased) << ($precision - 1)
                    | fields.significand & (Self::INTEGER_BIT - 1)) as $bits
            }
        }
    };
}

interchange_format!(
    /// binary16.
    F16, u16, 11, 5
);
/// ARM's alternative half precision (FPCR.AHP): binary16 whose greatest exponent is one of numbers, too.
#[derive(Clone, Copy, Debug)]
pub struct AltF16;

impl Format for AltF16 {
    type Bits = u16;
    const PRECISION: u32 = F16::PRECISION;
    const EXP_BITS: u32 = F16::EXP_BITS;
    const EXP_MAX: u32 = 32;

    fn split(bits: u16) -> Fields {
        F16::split(bits)
    }

    fn join(fields: Fields) -> u16 {
        F16::join(fields)
    }
}

interchange_format!(
    /// bfloat16: the upper half of binary32.
    BF16, u16, 8, 8
);
interchange_format!(
    /// binary32.
    F32, u32, 24, 8
);
interchange_format!(
    /// binary64.
    F64, u64, 53, 11
);

/// x87 double extended: `(significand, sign and exponent)`, with a stored integer bit.
#[derive(Clone, Copy, Debug)]
pub struct F80;

impl Format for F80 {
    type Bits = (u64, u16);
    const PRECISION: u32 = 64;
    const EXP_BITS: u32 = 15;
    const IS_X87: bool = true;

    fn split((significand, sign_exp): (u64, u16)) -> Fields {
        Fields { negative: sign_exp >> 15 != 0, biased: u32::from(sign_exp & 0x7fff), significand }
    }

    fn join(fields: Fields) -> (u64, u16) {
        (fields.significand, u16::from(fields.negative) << 15 | fields.biased as u16)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    Zero,
    Finite,
    Infinite,
    Quiet,
    Signaling,
    /// x87 unnormals, pseudo-infinities and pseudo-NaNs: always an invalid operand.
    Unsupported,
}

/// An operand taken apart. A finite one is `±significand * 2^(exp - TOP)`, normalized so that bit
/// `TOP` is set; a NaN keeps its fraction at the same alignment, which makes payloads portable
/// between formats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unpacked {
    pub(crate) class: Class,
    pub(crate) negative: bool,
    pub(crate) exp: i32,
    pub(crate) sig: u128,
    /// Encoded as a denormal, and not flushed.
    pub(crate) denormal: bool,
}

impl Unpacked {
    pub(crate) fn is_nan(&self) -> bool {
        matches!(self.class, Class::Quiet | Class::Signaling)
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.class == Class::Zero
    }

    pub(crate) fn is_infinite(&self) -> bool {
        self.class == Class::Infinite
    }

    /// The 64 leading significand bits, which are all that an operand has.
    pub(crate) fn high(&self) -> u64 {
        (self.sig >> (TOP - 63)) as u64
    }
}

/// Takes `bits` apart as they stand, ignoring the flush modes.
pub(crate) fn unpack<F: Format>(bits: F::Bits) -> Unpacked {
    let Fields { negative, biased, significand } = F::split(bits);
    let sig = u128::from(significand) << (TOP + 1 - F::PRECISION);
    let mut value = Unpacked { class: Class::Finite, negative, exp: 0, sig, denormal: false };
    if biased == 0 {
        if significand == 0 {
            value.class = Class::Zero;
        } else {
            let shift = sig.leading_zeros() - (127 - TOP);
            value.exp = F::EMIN - shift as i32;
            value.sig = sig << shift;
            value.denormal = true;
        }
    } else if significand & F::INTEGER_BIT == 0 {
        value.class = Class::Unsupported;
    } else if biased < F::EXP_MAX {
        value.exp = biased as i32 - F::BIAS;
    } else if significand == F::INTEGER_BIT {
        value.class = Class::Infinite;
    } else if significand & F::QUIET_BIT != 0 {
        value.class = Class::Quiet;
    } else {
        value.class = Class::Signaling;
    }
    value
}

/// Takes an operand apart under `env`'s flush mode. ARM reports a flushed operand, except in half
/// precision (ARM ARM, FPUnpackBase).
pub(crate) fn operand<F: Format>(env: &mut Env, bits: F::Bits) -> Unpacked {
    let mut value = unpack::<F>(bits);
    if value.denormal && env.flushes_inputs::<F>() {
        value.class = Class::Zero;
        value.denormal = false;
        if env.is_arm() && !F::IS_HALF {
            env.raise(Flags::DENORMAL);
        }
    }
    value
}

/// Raises x86's denormal-operand exception. Called after the cases that take precedence over it
/// (Intel SDM volume 1, 4.9.2).
pub(crate) fn note_denormal(env: &mut Env, operands: &[Unpacked]) {
    if env.is_x86() && operands.iter().any(|v| v.denormal) {
        env.raise(Flags::DENORMAL);
    }
}

pub(crate) fn zero<F: Format>(negative: bool) -> F::Bits {
    F::join(Fields { negative, biased: 0, significand: 0 })
}

pub(crate) fn infinity<F: Format>(negative: bool) -> F::Bits {
    F::join(Fields { negative, biased: F::EXP_MAX, significand: F::INTEGER_BIT })
}
