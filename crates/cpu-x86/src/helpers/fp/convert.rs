//! The packed conversions, a word or two at a time.
use super::{Round, in_env, with_cell};
use crate::helpers::{get, halves, join, put};
use ir::Helper;
use softfloat::{Env, F16, F32, F64, Int, IntOverflow, Rounding};

/// What is converted to what. Elements: D 32-bit integers, S f32, D in Pd f64, H f16.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Conversion {
    Dq2Ps,
    Ps2Dq,
    TruncPs2Dq,
    Dq2Pd,
    Ps2Pd,
    Ph2Ps,
    Pd2Dq,
    TruncPd2Dq,
    Pd2Ps,
    /// The rounding is in the upper byte of the immediate.
    Ps2Ph,
}

fn is(imm: u16, kind: Conversion) -> bool {
    imm & 0xff == kind as u16
}

/// A word of b, elements of one size; imm = a [`Conversion`].
pub(crate) static CONVERT: Helper = Helper::fp("convert", 1, [0, 1, 0], |s, at| {
    let word = get(s, at.b, 0);
    let value = with_cell(s, |_, cell| in_env(cell, |env| join(halves(word).map(|v| same(env, at.imm, v)))));
    put(s, at.d, 0, value);
});

/// A word of b to two.
pub(crate) static CONVERT_UP: Helper = Helper::fp("convert_up", 2, [0, 1, 0], |s, at| {
    let word = get(s, at.b, 0);
    let values = with_cell(s, |_, cell| in_env(cell, |env| halves(word).map(|v| up(env, at.imm, v))));
    put(s, at.d, 0, values[0]);
    put(s, at.d, 1, values[1]);
});

/// Two words of b to one.
pub(crate) static CONVERT_DOWN: Helper = Helper::fp("convert_down", 1, [0, 2, 0], |s, at| {
    let words = [get(s, at.b, 0), get(s, at.b, 1)];
    let value = with_cell(s, |_, cell| in_env(cell, |env| join(words.map(|v| down(env, at.imm, v)))));
    put(s, at.d, 0, value);
});

fn to_int32(env: &mut Env, v: u32, rounding: Rounding) -> u32 {
    softfloat::to_int::<F32>(env, v, Int::I32, rounding, IntOverflow::X86, 0) as u32
}

fn same(env: &mut Env, imm: u16, v: u32) -> u32 {
    if is(imm, Conversion::Dq2Ps) {
        softfloat::from_int::<F32>(env, v.into(), Int::I32, 0)
    } else {
        let rounding = if is(imm, Conversion::TruncPs2Dq) { Rounding::TowardZero } else { env.rounding };
        to_int32(env, v, rounding)
    }
}

fn up(env: &mut Env, imm: u16, v: u32) -> u64 {
    if is(imm, Conversion::Dq2Pd) {
        softfloat::from_int::<F64>(env, v.into(), Int::I32, 0)
    } else if is(imm, Conversion::Ps2Pd) {
        softfloat::convert::<F32, F64>(env, v)
    } else {
        let low = softfloat::convert::<F16, F32>(env, v as u16);
        join([low, softfloat::convert::<F16, F32>(env, (v >> 16) as u16)])
    }
}

fn down(env: &mut Env, imm: u16, v: u64) -> u32 {
    if is(imm, Conversion::Pd2Ps) {
        softfloat::convert::<F64, F32>(env, v)
    } else if is(imm, Conversion::Ps2Ph) {
        let how = Round::of((imm >> 8) as u8);
        let rounding = env.rounding;
        env.rounding = how.rounding(env);
        let [low, high] = halves(v).map(|v| softfloat::convert::<F32, F16>(env, v));
        env.rounding = rounding;
        u32::from(low) | u32::from(high) << 16
    } else {
        let rounding = if is(imm, Conversion::TruncPd2Dq) { Rounding::TowardZero } else { env.rounding };
        softfloat::to_int::<F64>(env, v, Int::I32, rounding, IntOverflow::X86, 0) as u32
    }
}
