//! Which NaN comes out: one place for the rules of Intel SDM volume 1 table 4-7, of the ARM ARM's
//! FPProcessNaNs and of the RISC-V F extension.

use crate::env::{Env, Flags, NanRule};
use crate::format::{Class, Fields, Format, TOP, Unpacked};

pub(crate) fn default_nan<F: Format>(env: &Env) -> F::Bits {
    F::join(Fields { negative: env.is_x86(), biased: F::EXP_MAX, significand: F::INTEGER_BIT | F::QUIET_BIT })
}

/// The default NaN, as the result of an invalid operation.
pub(crate) fn invalid<F: Format>(env: &mut Env) -> F::Bits {
    env.raise(Flags::INVALID);
    default_nan::<F>(env)
}

/// The operand `value`, a NaN of any format, quieted into `F`.
pub(crate) fn quiet<F: Format>(value: &Unpacked) -> F::Bits {
    let fraction = (value.sig >> (TOP + 1 - F::PRECISION)) as u64;
    F::join(Fields {
        negative: value.negative,
        biased: F::EXP_MAX,
        significand: fraction | F::INTEGER_BIT | F::QUIET_BIT,
    })
}

/// The result if any operand is a NaN or unsupported, else nothing. Raises INVALID as due.
pub(crate) fn propagate<F: Format>(env: &mut Env, operands: &[Unpacked]) -> Option<F::Bits> {
    propagate_from::<F, F>(env, operands)
}

/// [`propagate`] for operands that came from another format.
pub(crate) fn propagate_from<From: Format, F: Format>(env: &mut Env, operands: &[Unpacked]) -> Option<F::Bits> {
    if operands.iter().any(|v| v.class == Class::Unsupported) {
        return Some(invalid::<F>(env));
    }
    let mut nans = operands.iter().filter(|v| v.is_nan());
    let first = nans.next()?;
    let signaling = operands.iter().find(|v| v.class == Class::Signaling);
    if signaling.is_some() {
        env.raise(Flags::INVALID);
    }
    Some(match env.nan {
        NanRule::X86 if From::IS_X87 => quiet::<F>(nans.fold(first, larger_significand)),
        NanRule::X86 => quiet::<F>(first),
        NanRule::Arm => quiet::<F>(signaling.unwrap_or(first)),
        NanRule::ArmDefault | NanRule::RiscV => default_nan::<F>(env),
    })
}

/// x87: a quiet NaN before a signaling one, else the larger significand, else the positive one.
fn larger_significand<'a>(a: &'a Unpacked, b: &'a Unpacked) -> &'a Unpacked {
    let rank = |v: &Unpacked| (v.class == Class::Quiet, v.sig, !v.negative);
    if rank(b) > rank(a) { b } else { a }
}
