//! Floating-point lanes and scalars beyond the IR's operations: fused, comparing, converting, estimating.
use super::estimate;
use super::lanes::{extra, lane_helpers};
use ir::{CallArgs, FP_ENV, Helper, Slots};
use softfloat::{Env, F16, F32, F64, Format, Int, IntOverflow, MinMax, Rounding, fast};
use std::cmp::Ordering;

/// Runs a soft operation in the environment of `cell`.
pub(crate) fn soft<T>(cell: &mut u64, operation: impl FnOnce(&mut Env) -> T) -> T {
    let mut env = Env::from_cell(*cell);
    let result = operation(&mut env);
    *cell |= u64::from(env.raised.bits());
    result
}

/// `$generic::<F>(env, operands ...)` for the lane's format.
macro_rules! by_format {
    ($cell:expr, $bits:expr, |$env:ident| $($f:ident)::+($($arg:expr),*) $(, $($more:expr),+)?) => {
        if $bits == 32 {
            soft($cell, |$env| $($f)::+::<F32>($env, $($arg as u32),* $(, $($more),+)?) as u64)
        } else {
            soft($cell, |$env| $($f)::+::<F64>($env, $($arg),* $(, $($more),+)?))
        }
    };
}

/// The sign bit of a lane.
fn sign(bits: u32) -> u64 {
    1 << (bits - 1)
}

pub(crate) fn add(e: &mut u64, bits: u32, a: u64, b: u64) -> u64 {
    if bits == 32 { fast::add_f32(e, a as u32, b as u32).into() } else { fast::add_f64(e, a, b) }
}

fn sub(e: &mut u64, bits: u32, a: u64, b: u64) -> u64 {
    if bits == 32 { fast::sub_f32(e, a as u32, b as u32).into() } else { fast::sub_f64(e, a, b) }
}

fn mul_add(e: &mut u64, bits: u32, a: u64, b: u64, c: u64) -> u64 {
    if bits == 32 { fast::mul_add_f32(e, a as u32, b as u32, c as u32).into() } else { fast::mul_add_f64(e, a, b, c) }
}

/// Whether a op b holds, as a lane of ones or zeros.
fn compare(e: &mut u64, bits: u32, a: u64, b: u64, signaling: bool, holds: fn(Ordering) -> bool) -> u64 {
    let order = soft(e, |env| {
        if bits == 32 {
            softfloat::compare::<F32>(env, a as u32, b as u32, signaling)
        } else {
            softfloat::compare::<F64>(env, a, b, signaling)
        }
    });
    if order.is_some_and(holds) { u64::MAX } else { 0 }
}

fn max(e: &mut u64, bits: u32, a: u64, b: u64, rule: MinMax) -> u64 {
    by_format!(e, bits, |env| softfloat::max(a, b), rule)
}

fn min(e: &mut u64, bits: u32, a: u64, b: u64, rule: MinMax) -> u64 {
    by_format!(e, bits, |env| softfloat::min(a, b), rule)
}

lane_helpers! { same fp:
    FMLA = mul_add;
    FMLS = |e, n, a, b, c| mul_add(e, n, a ^ sign(n), b, c);
    FMULX = |e, n, a, b, _| by_format!(e, n, |env| estimate::mulx(a, b));
    FABD = |e, n, a, b, _| sub(e, n, a, b) & !sign(n);
    FCMEQ = |e, n, a, b, _| compare(e, n, a, b, false, Ordering::is_eq);
    FCMGE = |e, n, a, b, _| compare(e, n, a, b, true, Ordering::is_ge);
    FCMGT = |e, n, a, b, _| compare(e, n, a, b, true, Ordering::is_gt);
    FACGE = |e, n, a, b, _| compare(e, n, a & !sign(n), b & !sign(n), true, Ordering::is_ge);
    FACGT = |e, n, a, b, _| compare(e, n, a & !sign(n), b & !sign(n), true, Ordering::is_gt);
    FCMEQ_ZERO = |e, n, a, _, _| compare(e, n, a, 0, false, Ordering::is_eq);
    FCMGE_ZERO = |e, n, a, _, _| compare(e, n, a, 0, true, Ordering::is_ge);
    FCMGT_ZERO = |e, n, a, _, _| compare(e, n, a, 0, true, Ordering::is_gt);
    FCMLE_ZERO = |e, n, a, _, _| compare(e, n, a, 0, true, Ordering::is_le);
    FCMLT_ZERO = |e, n, a, _, _| compare(e, n, a, 0, true, Ordering::is_lt);
    FRECPS = |e, n, a, b, _| by_format!(e, n, |env| estimate::recip_step(a, b));
    FRSQRTS = |e, n, a, b, _| by_format!(e, n, |env| estimate::rsqrt_step(a, b));
    FRECPE = |e, n, a, _, _| by_format!(e, n, |env| estimate::recip(a));
    FRSQRTE = |e, n, a, _, _| by_format!(e, n, |env| estimate::rsqrt(a));
    FRECPX = |e, n, a, _, _| by_format!(e, n, |env| estimate::recip_exponent(a));
}

lane_helpers! { same pure:
    URECPE = |_, _, a, _, _| estimate::unsigned_recip(a as u32).into();
    URSQRTE = |_, _, a, _, _| estimate::unsigned_rsqrt(a as u32).into();
}

lane_helpers! { pairs fp:
    FADDP = |e, n, a, b, _| add(e, n, a, b);
    FMAXP = |e, n, a, b, _| max(e, n, a, b, MinMax::Propagate);
    FMINP = |e, n, a, b, _| min(e, n, a, b, MinMax::Propagate);
    FMAXNMP = |e, n, a, b, _| max(e, n, a, b, MinMax::Num2008);
    FMINNMP = |e, n, a, b, _| min(e, n, a, b, MinMax::Num2008);
}

lane_helpers! { across fp:
    FMAXV = |e, n, a, b, _| max(e, n, a, b, MinMax::Propagate);
    FMINV = |e, n, a, b, _| min(e, n, a, b, MinMax::Propagate);
    FMAXNMV = |e, n, a, b, _| max(e, n, a, b, MinMax::Num2008);
    FADDV = |e, n, a, b, _| add(e, n, a, b);
    FMINNMV = |e, n, a, b, _| min(e, n, a, b, MinMax::Num2008);
}

lane_helpers! { long fp:
    FCVTL = |e, n, a, _, _| soft(e, |env| match n {
        16 => softfloat::convert::<F16, F32>(env, a as u16).into(),
        _ => softfloat::convert::<F32, F64>(env, a as u32),
    });
}

lane_helpers! { narrow fp:
    FCVTN = |e, n, a, _, _| soft(e, |env| match n {
        16 => softfloat::convert::<F32, F16>(env, a as u32).into(),
        _ => softfloat::convert::<F64, F32>(env, a).into(),
    });
    FCVTXN = |e, _, a, _, _| soft(e, |env| {
        env.rounding = Rounding::Odd;
        softfloat::convert::<F64, F32>(env, a).into()
    });
}

/// Rounding as `extra` codes it in its low three bits: N P M Z A, 5 is FPCR's.
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
    super::lanes::same(slots, args, |e, n, a, _, _| {
        soft(e, |env| {
            let (rounding, exact) = (rounding(code, env), code & 8 != 0);
            if n == 32 {
                softfloat::round_to_int::<F32>(env, a as u32, rounding, exact).into()
            } else {
                softfloat::round_to_int::<F64>(env, a, rounding, exact)
            }
        })
    });
});

fn to_int<F: Format>(env: &mut Env, a: F::Bits, bits: u32, signed: bool, rounding: Rounding, fraction: u32) -> u64 {
    softfloat::to_int::<F>(env, a, Int { bits, signed }, rounding, IntOverflow::Saturate, fraction)
}

/// Lanes to integers of their own size; `extra` is the rounding, and bit 3 says unsigned.
pub(crate) static FCVT_INT: Helper = Helper::fp("fcvt_int", 2, [2, 0, 0], |slots, args| {
    let code = extra(args);
    super::lanes::same(slots, args, |e, n, a, _, _| {
        soft(e, |env| {
            let rounding = rounding(code, env);
            if n == 32 {
                to_int::<F32>(env, a as u32, 32, code & 8 == 0, rounding, 0)
            } else {
                to_int::<F64>(env, a, 64, code & 8 == 0, rounding, 0)
            }
        })
    });
});

/// Lanes to fixed point of their own size, towards zero; `extra` counts the fraction bits, bit 7 says unsigned.
pub(crate) static FCVT_FIXED: Helper = Helper::fp("fcvt_fixed", 2, [2, 0, 0], |slots, args| {
    let (fraction, signed) = (extra(args) & 127, extra(args) & 128 == 0);
    super::lanes::same(slots, args, |e, n, a, _, _| {
        soft(e, |env| {
            if n == 32 {
                to_int::<F32>(env, a as u32, 32, signed, Rounding::TowardZero, fraction)
            } else {
                to_int::<F64>(env, a, 64, signed, Rounding::TowardZero, fraction)
            }
        })
    });
});

/// Lanes from fixed point or integers of their own size; `extra` as for [`FCVT_FIXED`].
pub(crate) static CVTF: Helper = Helper::fp("cvtf", 2, [2, 0, 0], |slots, args| {
    let (fraction, signed) = (extra(args) & 127, extra(args) & 128 == 0);
    super::lanes::same(slots, args, |e, bits, a, _, _| {
        soft(e, |env| {
            if bits == 32 {
                softfloat::from_int::<F32>(env, a, Int { bits, signed }, fraction).into()
            } else {
                softfloat::from_int::<F64>(env, a, Int { bits, signed }, fraction)
            }
        })
    });
});

/// Scalar conversions with a general register. `imm`: fraction bits, 7 unsigned, 8 double, 9 the integer is 64 bits.
pub(crate) static TO_FIXED: Helper = Helper::fp("to_fixed", 1, [1, 0, 0], |slots, args| {
    let (fraction, signed, int) = fixed(args);
    scalar(slots, args, |env, a| {
        if args.imm & 0x100 == 0 {
            to_int::<F32>(env, a as u32, int, signed, Rounding::TowardZero, fraction)
        } else {
            to_int::<F64>(env, a, int, signed, Rounding::TowardZero, fraction)
        }
    });
});
/// The other way.
pub(crate) static FROM_FIXED: Helper = Helper::fp("from_fixed", 1, [1, 0, 0], |slots, args| {
    let (fraction, signed, bits) = fixed(args);
    scalar(slots, args, |env, a| {
        if args.imm & 0x100 == 0 {
            softfloat::from_int::<F32>(env, a, Int { bits, signed }, fraction).into()
        } else {
            softfloat::from_int::<F64>(env, a, Int { bits, signed }, fraction)
        }
    });
});

fn fixed(args: CallArgs) -> (u32, bool, u32) {
    (u32::from(args.imm & 127), args.imm & 0x80 == 0, if args.imm & 0x200 == 0 { 32 } else { 64 })
}

fn scalar(slots: &mut Slots, args: CallArgs, f: impl FnOnce(&mut Env, u64) -> u64) {
    let mut cell = slots[FP_ENV.0 as usize];
    let a = slots[args.a.0 as usize];
    slots[args.d.0 as usize] = soft(&mut cell, |env| f(env, a));
    slots[FP_ENV.0 as usize] = cell;
}

/// FCVT with half precision; `imm` is the `type` of the source, then of the result in bits 2 and 3.
pub(crate) static FCVT_HALF: Helper = Helper::fp("fcvt_half", 1, [1, 0, 0], |slots, args| {
    scalar(slots, args, |env, a| match args.imm {
        0b1100 => softfloat::convert::<F32, F16>(env, a as u32).into(),
        0b1101 => softfloat::convert::<F64, F16>(env, a).into(),
        0b0011 => softfloat::convert::<F16, F32>(env, a as u16).into(),
        _ => softfloat::convert::<F16, F64>(env, a as u16),
    });
});

/// FCCMP: the flags of comparing a with b if c is not 0, else NZCV in the low bits of `imm`; bit 4 signals, 5 is double.
pub(crate) static FCCMP: Helper = Helper::fp("fccmp", 1, [1, 1, 1], |slots, args| {
    let nzcv = if slots[args.c.0 as usize] == 0 {
        args.imm & 15
    } else {
        let (a, b, signaling) = (slots[args.a.0 as usize], slots[args.b.0 as usize], args.imm & 16 != 0);
        let order = soft(&mut slots[FP_ENV.0 as usize], |env| {
            if args.imm & 32 == 0 {
                softfloat::compare::<F32>(env, a as u32, b as u32, signaling)
            } else {
                softfloat::compare::<F64>(env, a, b, signaling)
            }
        });
        match order {
            Some(Ordering::Less) => 0b1000,
            Some(Ordering::Equal) => 0b0110,
            Some(Ordering::Greater) => 0b0010,
            None => 0b0011,
        }
    };
    slots[args.d.0 as usize] = super::system::flags_of(u64::from(nzcv) << 28).0;
});
