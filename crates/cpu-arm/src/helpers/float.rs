//! Floating-point lanes beyond the IR's operations: half precision, fused, comparing, estimating.
use super::lanes::{V, extra, get, lane_helpers, raise, read, set, write};
use crate::regs::AHP;
use ir::{CallArgs, FP_ENV, FpOp, Helper, Slots};
use softfloat::{AltF16, Env, F16, F32, F64, Format, MinMax, Rounding, arm, fast};
use std::cmp::Ordering;

/// A format whose numbers are lanes.
pub(crate) trait Lane: Format {
    fn of(word: u64) -> Self::Bits;
    fn word(bits: Self::Bits) -> u64;
}

macro_rules! lanes {
    ($($format:ident $bits:ident),*) => {$(
        impl Lane for $format {
            fn of(word: u64) -> $bits {
                word as $bits
            }
            fn word(bits: $bits) -> u64 {
                bits.into()
            }
        }
    )*};
}
lanes!(F16 u16, AltF16 u16, F32 u32, F64 u64);

/// `$body` with `$F` the format of a lane of `$bits`.
macro_rules! by_format {
    ($bits:expr, $F:ident => $body:expr) => {
        match $bits {
            16 => {
                type $F = softfloat::F16;
                $body
            }
            32 => {
                type $F = softfloat::F32;
                $body
            }
            _ => {
                type $F = softfloat::F64;
                $body
            }
        }
    };
}
pub(crate) use by_format;

/// Runs a soft operation in the environment of `cell`.
pub(crate) fn soft<T>(cell: &mut u64, operation: impl FnOnce(&mut Env) -> T) -> T {
    let mut env = Env::from_cell(*cell);
    let result = operation(&mut env);
    *cell |= u64::from(env.raised.bits());
    result
}

/// The sign bit of a lane.
pub(crate) fn sign(bits: u32) -> u64 {
    1 << (bits - 1)
}

fn add(e: &mut u64, bits: u32, a: u64, b: u64) -> u64 {
    match bits {
        16 => soft(e, |env| softfloat::add::<F16>(env, a as u16, b as u16).into()),
        32 => fast::add_f32(e, a as u32, b as u32).into(),
        _ => fast::add_f64(e, a, b),
    }
}

fn sub(e: &mut u64, bits: u32, a: u64, b: u64) -> u64 {
    match bits {
        16 => soft(e, |env| softfloat::sub::<F16>(env, a as u16, b as u16).into()),
        32 => fast::sub_f32(e, a as u32, b as u32).into(),
        _ => fast::sub_f64(e, a, b),
    }
}

pub(crate) fn mul_add(e: &mut u64, bits: u32, a: u64, b: u64, c: u64) -> u64 {
    match bits {
        16 => soft(e, |env| softfloat::mul_add::<F16>(env, a as u16, b as u16, c as u16).into()),
        32 => fast::mul_add_f32(e, a as u32, b as u32, c as u32).into(),
        _ => fast::mul_add_f64(e, a, b, c),
    }
}

/// How a relates to b, if they are ordered.
pub(crate) fn order(e: &mut u64, bits: u32, a: u64, b: u64, signaling: bool) -> Option<Ordering> {
    soft(e, |env| by_format!(bits, F => softfloat::compare::<F>(env, F::of(a), F::of(b), signaling)))
}

/// Whether a op b holds, as a lane of ones or zeros.
fn compare(e: &mut u64, bits: u32, a: u64, b: u64, signaling: bool, holds: fn(Ordering) -> bool) -> u64 {
    if order(e, bits, a, b, signaling).is_some_and(holds) { u64::MAX } else { 0 }
}

fn max(e: &mut u64, bits: u32, a: u64, b: u64, rule: MinMax) -> u64 {
    soft(e, |env| by_format!(bits, F => F::word(softfloat::max::<F>(env, F::of(a), F::of(b), rule))))
}

fn min(e: &mut u64, bits: u32, a: u64, b: u64, rule: MinMax) -> u64 {
    soft(e, |env| by_format!(bits, F => F::word(softfloat::min::<F>(env, F::of(a), F::of(b), rule))))
}

/// `softfloat::arm::$f` of the operands.
macro_rules! arm {
    ($e:ident, $bits:ident, $f:ident($($arg:ident),*)) => {
        soft($e, |env| by_format!($bits, F => F::word(arm::$f::<F>(env, $(F::of($arg)),*))))
    };
}

/// The helper of an operation in half precision; the IR has the others.
pub(crate) fn half(op: FpOp) -> &'static Helper {
    match op {
        FpOp::Add => &FADD,
        FpOp::Sub => &FSUB,
        FpOp::Mul => &FMUL,
        FpOp::Div => &FDIV,
        FpOp::Sqrt => &FSQRT,
        FpOp::MinNum => &FMINNM,
        FpOp::MaxNum => &FMAXNM,
        FpOp::MinX86 | FpOp::MinArm => &FMIN,
        FpOp::MaxX86 | FpOp::MaxArm => &FMAX,
        FpOp::Abs => &FABS,
        FpOp::Neg => &FNEG,
    }
}

lane_helpers! { same fp:
    FADD = |e, n, a, b, _| add(e, n, a, b);
    FSUB = |e, n, a, b, _| sub(e, n, a, b);
    FMUL = |e, n, a, b, _| soft(e, |env| by_format!(n, F => F::word(softfloat::mul::<F>(env, F::of(a), F::of(b)))));
    FDIV = |e, n, a, b, _| soft(e, |env| by_format!(n, F => F::word(softfloat::div::<F>(env, F::of(a), F::of(b)))));
    FSQRT = |e, n, a, _, _| soft(e, |env| by_format!(n, F => F::word(softfloat::sqrt::<F>(env, F::of(a)))));
    FMAX = |e, n, a, b, _| max(e, n, a, b, MinMax::Propagate);
    FMIN = |e, n, a, b, _| min(e, n, a, b, MinMax::Propagate);
    FMAXNM = |e, n, a, b, _| max(e, n, a, b, MinMax::Num2008);
    FMINNM = |e, n, a, b, _| min(e, n, a, b, MinMax::Num2008);
    FNMUL = |e, n, a, b, _| {
        let product = soft(e, |env| by_format!(n, F => F::word(softfloat::mul::<F>(env, F::of(a), F::of(b)))));
        product ^ sign(n)
    };
    FMLA = mul_add;
    FMLS = |e, n, a, b, c| mul_add(e, n, a ^ sign(n), b, c);
    FNMADD = |e, n, a, b, c| mul_add(e, n, a ^ sign(n), b, c ^ sign(n));
    FNMSUB = |e, n, a, b, c| mul_add(e, n, a, b, c ^ sign(n));
    FMULX = |e, n, a, b, _| arm!(e, n, mulx(a, b));
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
    FRECPS = |e, n, a, b, _| arm!(e, n, recip_step(a, b));
    FRSQRTS = |e, n, a, b, _| arm!(e, n, rsqrt_step(a, b));
    FRECPE = |e, n, a, _, _| arm!(e, n, recip_estimate(a));
    FRSQRTE = |e, n, a, _, _| arm!(e, n, rsqrt_estimate(a));
    FRECPX = |e, n, a, _, _| arm!(e, n, recip_exponent(a));
}

lane_helpers! { same pure:
    FABS = |_, n, a, _, _| a & !sign(n);
    FNEG = |_, n, a, _, _| a ^ sign(n);
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

/// A half-precision number, as FPCR.AHP has it, in another format.
fn from_half<To: Lane>(e: &mut u64, a: u64) -> u64 {
    let alternative = *e & AHP != 0;
    To::word(soft(e, |env| match alternative {
        true => softfloat::convert::<AltF16, To>(env, a as u16),
        false => softfloat::convert::<F16, To>(env, a as u16),
    }))
}

fn to_half<From: Lane>(e: &mut u64, a: u64) -> u64 {
    let alternative = *e & AHP != 0;
    soft(e, |env| match alternative {
        true => softfloat::convert::<From, AltF16>(env, From::of(a)).into(),
        false => softfloat::convert::<From, F16>(env, From::of(a)).into(),
    })
}

lane_helpers! { long fp:
    FCVTL = |e, n, a, _, _| match n {
        16 => from_half::<F32>(e, a),
        _ => soft(e, |env| softfloat::convert::<F32, F64>(env, a as u32)),
    };
}

lane_helpers! { narrow fp:
    FCVTN = |e, n, a, _, _| match n {
        16 => to_half::<F32>(e, a),
        _ => soft(e, |env| softfloat::convert::<F64, F32>(env, a).into()),
    };
    FCVTXN = |e, _, a, _, _| soft(e, |env| {
        env.rounding = Rounding::Odd;
        softfloat::convert::<F64, F32>(env, a).into()
    });
}

/// FCVT with half precision; `imm` is the `type` of the source, then of the result in bits 2 and 3.
pub(crate) static FCVT_HALF: Helper = Helper::fp("fcvt_half", 1, [1, 0, 0], |slots, args| {
    let (mut env, a) = (slots[FP_ENV.0 as usize], slots[args.a.0 as usize]);
    slots[args.d.0 as usize] = match args.imm {
        0b1100 => to_half::<F32>(&mut env, a),
        0b1101 => to_half::<F64>(&mut env, a),
        0b0011 => from_half::<F32>(&mut env, a),
        _ => from_half::<F64>(&mut env, a),
    };
    slots[FP_ENV.0 as usize] = env;
});

/// FMLAL and, with bit 0 of `extra`, FMLSL: products of half-precision lanes, lower or upper ones, added to single ones.
pub(crate) static FMLAL: Helper = Helper::fp("fmlal", 2, [2, 2, 2], |slots, args| {
    let (a, b, c) = (read(slots, args.a), read(slots, args.b), read(slots, args.c));
    let (mut env, mut out) = (slots[FP_ENV.0 as usize], [0; 16]);
    let n = if args.imm >> 2 & 7 == 4 { 4 } else { 2 };
    let (first, negate) = (if args.imm >> 5 & 1 != 0 { n } else { 0 }, extra(args) & 1 != 0);
    for i in 0..n {
        let x = get::<2>(&a, first + i) as u16 ^ if negate { 0x8000 } else { 0 };
        let (y, sum) = (get::<2>(&b, first + i) as u16, get::<4>(&c, i) as u32);
        set::<4>(&mut out, i, soft(&mut env, |env| softfloat::mul_add_long::<F16, F32>(env, x, y, sum).into()));
    }
    raise(slots, env);
    write(slots, args.d, out);
});

/// FCADD: complex numbers added, the second turned by 90 or, with `extra` 1, 270 degrees.
pub(crate) static FCADD: Helper = Helper::fp("fcadd", 2, [2, 2, 0], |slots, args| {
    let turn = extra(args);
    complex(slots, args, |e, n, [re, im], [x, y], _| {
        let (x, y) = if turn == 0 { (x, y ^ sign(n)) } else { (x ^ sign(n), y) };
        [add(e, n, re, y), add(e, n, im, x)]
    });
});

/// FCMLA: half a complex product, turned by `extra` times 90 degrees, added to d.
pub(crate) static FCMLA: Helper = Helper::fp("fcmla", 2, [2, 2, 2], |slots, args| {
    let turn = extra(args);
    complex(slots, args, |e, n, a, [x, y], [re, im]| {
        let factor = a[turn as usize & 1];
        let (x, y) = match turn {
            0 => (x, y),
            1 => (y ^ sign(n), x),
            2 => (x ^ sign(n), y ^ sign(n)),
            _ => (y, x ^ sign(n)),
        };
        [mul_add(e, n, factor, x, re), mul_add(e, n, factor, y, im)]
    });
});

/// Complex numbers: real and imaginary parts in neighbouring lanes.
fn complex(
    slots: &mut Slots,
    args: CallArgs,
    f: impl Fn(&mut u64, u32, [u64; 2], [u64; 2], [u64; 2]) -> [u64; 2] + Copy,
) {
    match args.imm & 3 {
        1 => complex_of::<2>(slots, args, f),
        2 => complex_of::<4>(slots, args, f),
        _ => complex_of::<8>(slots, args, f),
    }
}

fn complex_of<const E: usize>(
    slots: &mut Slots,
    args: CallArgs,
    f: impl Fn(&mut u64, u32, [u64; 2], [u64; 2], [u64; 2]) -> [u64; 2],
) {
    let (a, b, c) = (read(slots, args.a), read(slots, args.b), read(slots, args.c));
    let (mut env, mut out) = (slots[FP_ENV.0 as usize], [0; 16]);
    let at = |v: &V, i| [get::<E>(v, i), get::<E>(v, i + 1)];
    for i in (0..super::lanes::bytes(args) / E).step_by(2) {
        let [re, im] = f(&mut env, E as u32 * 8, at(&a, i), at(&b, i), at(&c, i));
        set::<E>(&mut out, i, re);
        set::<E>(&mut out, i + 1, im);
    }
    raise(slots, env);
    write(slots, args.d, out);
}
