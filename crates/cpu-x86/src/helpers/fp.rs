//! SSE floating point beyond the IR's: comparisons by predicate, packed conversions, estimates, MXCSR.
use super::{get, put};
use crate::regs::{mxcsr, set_mxcsr};
use ir::{CallArgs, FP_ENV, Helper, Slot, Slots};
use softfloat::{Env, F32, F64, Int, IntOverflow, NanRule, Rounding};
use std::cmp::Ordering;

/// imm = predicate.
pub(crate) static CMP_SS: Helper = Helper::fp("cmp_ss", 1, [1, 1, 0], |s, at| {
    let value = with_env(s, |s, env| compare_f32(env, get(s, at.a, 0) as u32, get(s, at.b, 0) as u32, at.imm));
    put(s, at.d, 0, value.into());
});
pub(crate) static CMP_SD: Helper = Helper::fp("cmp_sd", 1, [1, 1, 0], |s, at| {
    let value = with_env(s, |s, env| compare_f64(env, get(s, at.a, 0), get(s, at.b, 0), at.imm));
    put(s, at.d, 0, value);
});
pub(crate) static CMP_PS: Helper = Helper::fp("cmp_ps", 2, [2, 2, 0], |s, at| {
    let (a, b) = (lanes(s, at.a), lanes(s, at.b));
    let result = with_env(s, |_, env| [0, 1, 2, 3].map(|i| compare_f32(env, a[i], b[i], at.imm)));
    put_lanes(s, at.d, result);
});
pub(crate) static CMP_PD: Helper = Helper::fp("cmp_pd", 2, [2, 2, 0], |s, at| {
    let result = with_env(s, |s, env| [0, 1].map(|i| compare_f64(env, get(s, at.a, i), get(s, at.b, i), at.imm)));
    put(s, at.d, 0, result[0]);
    put(s, at.d, 1, result[1]);
});
/// 1 / a or 1 / sqrt(a); imm = root.
pub(crate) static ESTIMATE: Helper = Helper::pure("estimate", 1, [1, 0, 0], |s, at| {
    let value = estimate(get(s, at.a, 0) as u32, at.imm != 0);
    put(s, at.d, 0, value.into());
});
/// The same for the four lanes of b.
pub(crate) static ESTIMATES: Helper = Helper::pure("estimates", 2, [0, 2, 0], |s, at| {
    let result = lanes(s, at.b).map(|a| estimate(a, at.imm != 0));
    put_lanes(s, at.d, result);
});
/// imm = a [`Conversion`].
pub(crate) static CONVERT: Helper = Helper::fp("convert", 2, [2, 0, 0], convert);
pub(crate) static LDMXCSR: Helper = Helper::machine("ldmxcsr", |s, _, at| {
    let value = get(s, at.a, 0) as u32;
    set_mxcsr(s, value);
    Ok(())
});
pub(crate) static STMXCSR: Helper = Helper::fp("stmxcsr", 1, [1, 1, 0], |s, at| {
    let value = mxcsr(s);
    put(s, at.d, 0, value.into());
});

/// Runs something in the environment of `FP_ENV`.
fn with_env<T>(slots: &mut Slots, run: impl FnOnce(&Slots, &mut Env) -> T) -> T {
    let at = FP_ENV.0 as usize;
    let mut env = Env::from_cell(slots[at]);
    let result = run(slots, &mut env);
    slots[at] |= u64::from(env.raised.bits());
    result
}

pub(crate) fn lanes(slots: &Slots, at: Slot) -> [u32; 4] {
    let (low, high) = (get(slots, at, 0), get(slots, at, 1));
    [low as u32, (low >> 32) as u32, high as u32, (high >> 32) as u32]
}

pub(crate) fn put_lanes(slots: &mut Slots, at: Slot, lanes: [u32; 4]) {
    put(slots, at, 0, u64::from(lanes[0]) | u64::from(lanes[1]) << 32);
    put(slots, at, 1, u64::from(lanes[2]) | u64::from(lanes[3]) << 32);
}

/// EQ LT LE UNORD NEQ NLT NLE ORD.
fn holds(order: Option<Ordering>, predicate: u16) -> bool {
    let plain = match predicate & 3 {
        0 => order == Some(Ordering::Equal),
        1 => order == Some(Ordering::Less),
        2 => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        _ => order.is_none(),
    };
    plain != (predicate & 4 != 0)
}

/// LT, LE and their negations complain of quiet NaNs.
fn is_signaling(predicate: u16) -> bool {
    matches!(predicate & 3, 1 | 2)
}

fn compare_f32(env: &mut Env, a: u32, b: u32, predicate: u16) -> u32 {
    let order = softfloat::compare::<F32>(env, a, b, is_signaling(predicate));
    if holds(order, predicate) { u32::MAX } else { 0 }
}

fn compare_f64(env: &mut Env, a: u64, b: u64, predicate: u16) -> u64 {
    let order = softfloat::compare::<F64>(env, a, b, is_signaling(predicate));
    if holds(order, predicate) { u64::MAX } else { 0 }
}

/// The manual allows a relative error of 1.5 * 2^-12 and processors differ; this is the exact value cut to 12 bits.
/// Denormals count as zero, tiny results become it, nothing is raised.
fn estimate(a: u32, root: bool) -> u32 {
    let mut env = Env { rounding: Rounding::TowardZero, flush_inputs: true, flush_outputs: true, ..Env::X86 };
    env.nan = NanRule::X86;
    let one = 1f32.to_bits();
    let value = if root {
        // -0 has a root, and its reciprocal is -inf.
        let wide = softfloat::convert::<F32, F64>(&mut env, a);
        let sqrt = softfloat::sqrt::<F64>(&mut env, wide);
        let value = softfloat::div::<F64>(&mut env, 1f64.to_bits(), sqrt);
        softfloat::convert::<F64, F32>(&mut env, value)
    } else {
        softfloat::div::<F32>(&mut env, one, a)
    };
    let is_number = value >> 23 & 0xff != 0xff;
    if is_number { value & !0x7ff } else { value }
}

/// The packed conversions. Narrower results leave zeros above.
#[derive(Clone, Copy)]
#[repr(u16)]
pub(crate) enum Conversion {
    Dq2Ps,
    Ps2Dq,
    TruncPs2Dq,
    Dq2Pd,
    Pd2Dq,
    TruncPd2Dq,
    Ps2Pd,
    Pd2Ps,
    /// Two integers to the low half (CVTPI2PS).
    Pi2Ps,
    /// The low half to two integers (CVTPS2PI, CVTTPS2PI).
    Ps2Pi,
    TruncPs2Pi,
}

impl Conversion {
    const ALL: [Conversion; 11] = {
        use Conversion::*;
        [Dq2Ps, Ps2Dq, TruncPs2Dq, Dq2Pd, Pd2Dq, TruncPd2Dq, Ps2Pd, Pd2Ps, Pi2Ps, Ps2Pi, TruncPs2Pi]
    };
}

fn convert(slots: &mut Slots, at: CallArgs) {
    let Some(kind) = Conversion::ALL.get(at.imm as usize) else { return };
    let a = lanes(slots, at.a);
    let wide = [get(slots, at.a, 0), get(slots, at.a, 1)];
    let mut env = Env::from_cell(slots[FP_ENV.0 as usize]);
    let env = &mut env;
    let rounding = env.rounding;
    let from_int = |env: &mut Env, v: u32| softfloat::from_int::<F32>(env, v.into(), Int::I32, 0);
    let to_int = |env: &mut Env, v: u32, rounding| {
        softfloat::to_int::<F32>(env, v, Int::I32, rounding, IntOverflow::X86, 0) as u32
    };
    let wide_to_int = |env: &mut Env, v: u64, rounding| {
        softfloat::to_int::<F64>(env, v, Int::I32, rounding, IntOverflow::X86, 0) as u32
    };
    let low = |lanes: [u32; 2]| [lanes[0], lanes[1], 0, 0];
    let pair = |words: [u64; 2]| [words[0] as u32, (words[0] >> 32) as u32, words[1] as u32, (words[1] >> 32) as u32];
    let half = [a[0], a[1]];
    let zero = Rounding::TowardZero;
    let result = match kind {
        Conversion::Dq2Ps => a.map(|v| from_int(env, v)),
        Conversion::Ps2Dq => a.map(|v| to_int(env, v, rounding)),
        Conversion::TruncPs2Dq => a.map(|v| to_int(env, v, zero)),
        Conversion::Dq2Pd => pair(half.map(|v| softfloat::from_int::<F64>(env, v.into(), Int::I32, 0))),
        Conversion::Pd2Dq => low(wide.map(|v| wide_to_int(env, v, rounding))),
        Conversion::TruncPd2Dq => low(wide.map(|v| wide_to_int(env, v, zero))),
        Conversion::Ps2Pd => pair(half.map(|v| softfloat::convert::<F32, F64>(env, v))),
        Conversion::Pd2Ps => low(wide.map(|v| softfloat::convert::<F64, F32>(env, v))),
        Conversion::Pi2Ps => low(half.map(|v| from_int(env, v))),
        Conversion::Ps2Pi => low(half.map(|v| to_int(env, v, rounding))),
        Conversion::TruncPs2Pi => low(half.map(|v| to_int(env, v, zero))),
    };
    slots[FP_ENV.0 as usize] |= u64::from(env.raised.bits());
    put_lanes(slots, at.d, result);
}
