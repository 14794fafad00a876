//! Rounding to integral values, conversions with integers and fixed point, and comparisons into NZCV.
use super::float::{Lane, by_format, order, soft};
use super::lanes::{extra, same};
use ir::{CallArgs, FP_ENV, Helper, Slots};
use softfloat::{Env, Flags, Int, IntOverflow, Rounding};
use std::cmp::Ordering;

/// Rounding as `code` says in its low three bits: N P M Z A, 5 is FPCR's.
fn rounding(code: u32, env: &Env) -> Rounding {
    match code & 7 {
        0 => Rounding::NearestEven,
        1 => Rounding::Up,
        2 => Rounding::Down,
        3 => Rounding::TowardZero,
        4 => Rounding::NearestAway,
        _ => env.rounding,
    }
}

/// Lanes rounded to integral values; bit 3 of `extra`: inexact results are reported.
pub(crate) static FRINT: Helper = Helper::fp("frint", 2, [2, 0, 0], |slots, args| {
    let code = extra(args);
    same(slots, args, |e, n, a, _, _| {
        soft(e, |env| {
            let (rounding, exact) = (rounding(code, env), code & 8 != 0);
            by_format!(n, F => F::word(softfloat::round_to_int::<F>(env, F::of(a), rounding, exact)))
        })
    });
});

/// FRINT32Z and its like: lanes rounded to integral values of 32 or, with bit 3 of `extra`, 64 bits; the most negative
/// one where they do not fit (ARM ARM, FPRoundIntN).
pub(crate) static FRINT_SIZED: Helper = Helper::fp("frint_sized", 2, [2, 0, 0], |slots, args| {
    let code = extra(args);
    same(slots, args, |e, n, a, _, _| {
        soft(e, |env| {
            let (int, before) = (if code & 8 == 0 { Int::I32 } else { Int::I64 }, env.raised);
            env.raised = Flags::NONE;
            let rounding = rounding(code, env);
            by_format!(n, F => {
                softfloat::to_int::<F>(env, F::of(a), int, rounding, IntOverflow::X86, 0);
                let fits = !env.raised.contains(Flags::INVALID);
                env.raise(before);
                let lowest = u64::MAX << (int.bits - 1);
                F::word(match fits {
                    true => softfloat::round_to_int::<F>(env, F::of(a), rounding, false),
                    false => softfloat::from_int::<F>(&mut { Env::ARM }, lowest, Int::I64, 0),
                })
            })
        })
    });
});

/// `a`, a number of `from` bits, as an integer or, with fraction bits, a fixed-point number.
fn to_int(env: &mut Env, from: u32, a: u64, int: Int, rounding: Rounding, fraction: u32) -> u64 {
    by_format!(from, F => softfloat::to_int::<F>(env, F::of(a), int, rounding, IntOverflow::Saturate, fraction))
}

fn from_int(env: &mut Env, to: u32, a: u64, int: Int, fraction: u32) -> u64 {
    by_format!(to, F => F::word(softfloat::from_int::<F>(env, a, int, fraction)))
}

/// Lanes to integers of their own size; `extra` is the rounding, and bit 3 says unsigned.
pub(crate) static FCVT_INT: Helper = Helper::fp("fcvt_int", 2, [2, 0, 0], |slots, args| {
    let code = extra(args);
    same(slots, args, |e, bits, a, _, _| {
        soft(e, |env| {
            let rounding = rounding(code, env);
            to_int(env, bits, a, Int { bits, signed: code & 8 == 0 }, rounding, 0)
        })
    });
});

/// Lanes to fixed point of their own size, towards zero; `extra` counts the fraction bits, bit 7 says unsigned.
pub(crate) static FCVT_FIXED: Helper = Helper::fp("fcvt_fixed", 2, [2, 0, 0], |slots, args| {
    let (fraction, signed) = (extra(args) & 127, extra(args) & 128 == 0);
    same(slots, args, |e, bits, a, _, _| {
        soft(e, |env| to_int(env, bits, a, Int { bits, signed }, Rounding::TowardZero, fraction))
    });
});

/// Lanes from fixed point or integers of their own size; `extra` as for [`FCVT_FIXED`].
pub(crate) static CVTF: Helper = Helper::fp("cvtf", 2, [2, 0, 0], |slots, args| {
    let (fraction, signed) = (extra(args) & 127, extra(args) & 128 == 0);
    same(slots, args, |e, bits, a, _, _| soft(e, |env| from_int(env, bits, a, Int { bits, signed }, fraction)));
});

/// A conversion between a scalar and a general register, as an immediate.
#[derive(Clone, Copy)]
pub(crate) struct Conversion {
    /// 1 half, 2 single, 3 double.
    pub(crate) log: u32,
    pub(crate) wide: bool,
    pub(crate) signed: bool,
    pub(crate) fraction: u32,
    /// As in [`FRINT`]'s code.
    pub(crate) rounding: u32,
}

impl Conversion {
    pub(crate) fn imm(self) -> u16 {
        (self.fraction | u32::from(self.signed) << 7 | self.log << 8 | u32::from(self.wide) << 10 | self.rounding << 11)
            as u16
    }
    fn of(args: CallArgs) -> Conversion {
        let imm = u32::from(args.imm);
        Conversion {
            log: imm >> 8 & 3,
            wide: imm >> 10 & 1 != 0,
            signed: imm >> 7 & 1 != 0,
            fraction: imm & 127,
            rounding: imm >> 11 & 7,
        }
    }
    fn int(self) -> Int {
        Int { bits: if self.wide { 64 } else { 32 }, signed: self.signed }
    }
}

/// d = the number a, converted as `imm` says.
pub(crate) static TO_FIXED: Helper = Helper::fp("to_fixed", 1, [1, 0, 0], |slots, args| {
    let c = Conversion::of(args);
    scalar(slots, args, |env, a| {
        let rounding = rounding(c.rounding, env);
        to_int(env, 8 << c.log, a, c.int(), rounding, c.fraction)
    });
});
/// The other way.
pub(crate) static FROM_FIXED: Helper = Helper::fp("from_fixed", 1, [1, 0, 0], |slots, args| {
    let c = Conversion::of(args);
    scalar(slots, args, |env, a| from_int(env, 8 << c.log, a, c.int(), c.fraction));
});

fn scalar(slots: &mut Slots, args: CallArgs, f: impl FnOnce(&mut Env, u64) -> u64) {
    let mut cell = slots[FP_ENV.0 as usize];
    let a = slots[args.a.0 as usize];
    slots[args.d.0 as usize] = soft(&mut cell, |env| f(env, a));
    slots[FP_ENV.0 as usize] = cell;
}

/// FCCMP: the flags of comparing a with b if c is not 0, else NZCV in the low bits of `imm`; bit 4 signals, from bit 5 on
/// is the format as in [`Conversion`].
pub(crate) static FCCMP: Helper = Helper::fp("fccmp", 1, [1, 1, 1], |slots, args| {
    let nzcv = if slots[args.c.0 as usize] == 0 {
        args.imm & 15
    } else {
        let (a, b, signaling) = (slots[args.a.0 as usize], slots[args.b.0 as usize], args.imm & 16 != 0);
        match order(&mut slots[FP_ENV.0 as usize], 8 << (args.imm >> 5 & 3), a, b, signaling) {
            Some(Ordering::Less) => 0b1000,
            Some(Ordering::Equal) => 0b0110,
            Some(Ordering::Greater) => 0b0010,
            None => 0b0011,
        }
    };
    slots[args.d.0 as usize] = super::system::flags_of(u64::from(nzcv) << 28).0;
});

/// FJCVTZS: the integer part of the double a, modulo 2^32; d + 1 is 1 if nothing was lost (ARM ARM, FPToFixedJS).
pub(crate) static FJCVTZS: Helper = Helper::fp("fjcvtzs", 2, [1, 0, 0], |slots, args| {
    use softfloat::{F64, Format};
    let bits = slots[args.a.0 as usize];
    let mut cell = slots[FP_ENV.0 as usize];
    let fields = F64::split(bits);
    let exp = fields.biased as i32 - F64::BIAS - 52;
    let magnitude = match exp {
        -63..0 => fields.significand >> -exp,
        0..32 => fields.significand << exp,
        _ => 0,
    };
    let result = if fields.negative { magnitude.wrapping_neg() } else { magnitude } as u32;
    let (value, exact) = soft(&mut cell, |env| {
        // The saturating conversion raises what is due; only the value of one that does not fit is another.
        let before = std::mem::take(&mut env.raised);
        let int = softfloat::to_int::<F64>(env, bits, Int::I32, Rounding::TowardZero, IntOverflow::Saturate, 0);
        let invalid = env.raised.contains(Flags::INVALID);
        let exact = env.raised.is_empty() && bits != F64::join(softfloat::Fields { negative: true, ..F64::split(0) });
        env.raise(before);
        let nan_or_infinite = fields.biased == F64::EXP_MAX;
        (
            if nan_or_infinite {
                0
            } else if invalid {
                result
            } else {
                int as u32
            },
            exact,
        )
    });
    slots[FP_ENV.0 as usize] = cell;
    slots[args.d.0 as usize] = value.into();
    slots[args.d.up(1).0 as usize] = exact.into();
});
