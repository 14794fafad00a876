//! Scalar floating point: `softfloat` on the guest's environment cell, and the host where it is provably the same.
use ir::{FTy, FpOp, Overflow, Round, Ty};
use softfloat::{Env, F32, F64, Int, IntOverflow, MinMax, Rounding, fast};

/// Runs a soft operation in the environment of `cell`.
fn soft<T>(cell: &mut u64, operation: impl FnOnce(&mut Env) -> T) -> T {
    let mut env = Env::from_cell(*cell);
    let result = operation(&mut env);
    *cell |= u64::from(env.raised.bits());
    result
}

/// Modes in which denormal operands or results are not the host's.
const NOT_HOST: u64 = softfloat::CELL_ROUNDING | softfloat::CELL_FLUSH_INPUTS | softfloat::CELL_FLUSH_OUTPUTS;

pub(crate) fn op(cell: &mut u64, op: FpOp, ty: FTy, a: u64, b: u64) -> u64 {
    match ty {
        FTy::F32 => op32(cell, op, a as u32, b as u32) as u64,
        FTy::F64 => op64(cell, op, a, b),
    }
}

macro_rules! operations {
    ($name:ident, $format:ident, $bits:ty, $add:ident $sub:ident $mul:ident $div:ident $sqrt:ident) => {
        pub(crate) fn $name(cell: &mut u64, op: FpOp, a: $bits, b: $bits) -> $bits {
            const SIGN: $bits = 1 << (<$bits>::BITS - 1);
            let min = |cell: &mut u64, rule| soft(cell, |env| softfloat::min::<$format>(env, a, b, rule));
            let max = |cell: &mut u64, rule| soft(cell, |env| softfloat::max::<$format>(env, a, b, rule));
            match op {
                FpOp::Add => fast::$add(cell, a, b),
                FpOp::Sub => fast::$sub(cell, a, b),
                FpOp::Mul => fast::$mul(cell, a, b),
                FpOp::Div => fast::$div(cell, a, b),
                FpOp::Sqrt => fast::$sqrt(cell, a),
                FpOp::MinX86 => min(cell, MinMax::X86),
                FpOp::MaxX86 => max(cell, MinMax::X86),
                FpOp::MinArm => min(cell, MinMax::Propagate),
                FpOp::MaxArm => max(cell, MinMax::Propagate),
                FpOp::MinNum => min(cell, MinMax::Num2008),
                FpOp::MaxNum => max(cell, MinMax::Num2008),
                FpOp::Abs => a & !SIGN,
                FpOp::Neg => a ^ SIGN,
            }
        }
    };
}
operations!(op32, F32, u32, add_f32 sub_f32 mul_f32 div_f32 sqrt_f32);
operations!(op64, F64, u64, add_f64 sub_f64 mul_f64 div_f64 sqrt_f64);

/// (neg_product ? -(a * b) : a * b) + (neg_addend ? -c : c)
pub(crate) fn fma(cell: &mut u64, ty: FTy, neg_product: bool, neg_addend: bool, [a, b, c]: [u64; 3]) -> u64 {
    match ty {
        FTy::F32 => {
            let sign = |x: u64, neg: bool| x as u32 ^ (neg as u32) << 31;
            fast::mul_add_f32(cell, sign(a, neg_product), b as u32, sign(c, neg_addend)) as u64
        }
        FTy::F64 => {
            let sign = |x: u64, neg: bool| x ^ (neg as u64) << 63;
            fast::mul_add_f64(cell, sign(a, neg_product), b, sign(c, neg_addend))
        }
    }
}

/// 1 less, 2 equal, 4 greater, 8 unordered.
pub(crate) fn cmp(cell: &mut u64, ty: FTy, signaling: bool, a: u64, b: u64) -> u64 {
    let (x, y, plain) = match ty {
        FTy::F32 => {
            let (x, y) = (f32::from_bits(a as u32), f32::from_bits(b as u32));
            (x as f64, y as f64, is_plain(x) && is_plain(y))
        }
        FTy::F64 => {
            let (x, y) = (f64::from_bits(a), f64::from_bits(b));
            (x, y, is_plain(x) && is_plain(y))
        }
    };
    // Normal numbers and zeros raise nothing in any mode.
    let order = if plain {
        x.partial_cmp(&y)
    } else {
        soft(cell, |env| match ty {
            FTy::F32 => softfloat::compare::<F32>(env, a as u32, b as u32, signaling),
            FTy::F64 => softfloat::compare::<F64>(env, a, b, signaling),
        })
    };
    match order {
        Some(std::cmp::Ordering::Less) => 1,
        Some(std::cmp::Ordering::Equal) => 2,
        Some(std::cmp::Ordering::Greater) => 4,
        None => 8,
    }
}

fn is_plain<T: Into<f64> + PartialEq + Copy + Normal>(x: T) -> bool {
    x.normal() || x.into() == 0.0
}

trait Normal {
    fn normal(self) -> bool;
}
impl Normal for f32 {
    fn normal(self) -> bool {
        self.is_normal()
    }
}
impl Normal for f64 {
    fn normal(self) -> bool {
        self.is_normal()
    }
}

fn rounding(round: Round, env: &Env) -> Rounding {
    match round {
        Round::Env => env.rounding,
        Round::NearestEven => Rounding::NearestEven,
        Round::NearestAway => Rounding::NearestAway,
        Round::TowardZero => Rounding::TowardZero,
        Round::Up => Rounding::Up,
        Round::Down => Rounding::Down,
    }
}

/// How a conversion to integer goes.
#[derive(Clone, Copy)]
pub(crate) struct ToInt {
    pub(crate) from: FTy,
    pub(crate) to: Ty,
    pub(crate) signed: bool,
    pub(crate) round: Round,
    pub(crate) overflow: Overflow,
}

pub(crate) fn to_int(cell: &mut u64, how: ToInt, a: u64) -> u64 {
    let int = Int { bits: how.to.bits() as u32, signed: how.signed };
    let overflow = match how.overflow {
        Overflow::X86 => IntOverflow::X86,
        Overflow::Saturate => IntOverflow::Saturate,
        Overflow::RiscV => IntOverflow::RiscV,
    };
    soft(cell, |env| {
        let rounding = rounding(how.round, env);
        match how.from {
            FTy::F32 => softfloat::to_int::<F32>(env, a as u32, int, rounding, overflow, 0),
            FTy::F64 => softfloat::to_int::<F64>(env, a, int, rounding, overflow, 0),
        }
    })
}

pub(crate) fn from_int(cell: &mut u64, from: Ty, signed: bool, to: FTy, a: u64) -> u64 {
    let int = Int { bits: from.bits() as u32, signed };
    soft(cell, |env| match to {
        FTy::F32 => softfloat::from_int::<F32>(env, a, int, 0) as u64,
        FTy::F64 => softfloat::from_int::<F64>(env, a, int, 0),
    })
}

/// f32 to f64 or back.
pub(crate) fn convert(cell: &mut u64, from: FTy, a: u64) -> u64 {
    match from {
        FTy::F32 => {
            let x = f32::from_bits(a as u32);
            if is_plain(x) {
                return (x as f64).to_bits();
            }
            soft(cell, |env| softfloat::convert::<F32, F64>(env, a as u32))
        }
        FTy::F64 => {
            let x = f64::from_bits(a);
            let r = x as f32;
            if *cell & NOT_HOST == 0 && r.is_finite() && r.abs() > f32::MIN_POSITIVE {
                if f64::from(r) != x {
                    *cell |= u64::from(softfloat::Flags::INEXACT.bits());
                }
                return r.to_bits() as u64;
            }
            soft(cell, |env| softfloat::convert::<F64, F32>(env, a)) as u64
        }
    }
}

/// To an integral value in the same format.
pub(crate) fn round(cell: &mut u64, ty: FTy, round: Round, exact: bool, a: u64) -> u64 {
    soft(cell, |env| {
        let rounding = rounding(round, env);
        match ty {
            FTy::F32 => softfloat::round_to_int::<F32>(env, a as u32, rounding, exact) as u64,
            FTy::F64 => softfloat::round_to_int::<F64>(env, a, rounding, exact),
        }
    })
}
