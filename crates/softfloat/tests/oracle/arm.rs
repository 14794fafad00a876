//! AArch64 as qemu knows it: instructions run by aarch64.S under qemu-user.

use std::cmp::Ordering;

use softfloat::IntOverflow::Saturate;
use softfloat::*;

use crate::random::Random;
use crate::soft::*;
use crate::{Control, Operand, Operation, Outcome, Register, Soft, check_qemu, float, int, value};

/// NZCV of a comparison.
fn nzcv(order: Option<Ordering>) -> Outcome {
    let status = match order {
        None => 0b0011,
        Some(Ordering::Equal) => 0b0110,
        Some(Ordering::Less) => 0b1000,
        Some(Ordering::Greater) => 0b0010,
    };
    Outcome { status: status << 28, mask: 0xf << 28, ..Outcome::default() }
}

/// What each format has, in aarch64.S's order.
fn scalar<F: Format<Bits: Register>>(first: u32, suffix: &str, control: Control) -> Vec<Operation> {
    use Rounding::*;
    let float: Operand = float::<F>;
    let negate = |a: F::Bits| {
        let fields = F::split(a);
        F::join(Fields { negative: !fields.negative, ..fields })
    };
    let table: [(&str, Operand, Soft); 42] = [
        ("fadd", float, binary::<F>(add::<F>)),
        ("fsub", float, binary::<F>(sub::<F>)),
        ("fmul", float, binary::<F>(mul::<F>)),
        ("fdiv", float, binary::<F>(div::<F>)),
        ("fsqrt", float, unary::<F>(sqrt::<F>)),
        ("fmin", float, binary::<F>(|env, a, b| min::<F>(env, a, b, MinMax::Propagate))),
        ("fmax", float, binary::<F>(|env, a, b| max::<F>(env, a, b, MinMax::Propagate))),
        ("fminnm", float, binary::<F>(|env, a, b| min::<F>(env, a, b, MinMax::Num2008))),
        ("fmaxnm", float, binary::<F>(|env, a, b| max::<F>(env, a, b, MinMax::Num2008))),
        (
            "fmadd",
            float,
            Box::new(|env, v| value(mul_add::<F>(env, bits::<F>(v[0]), bits::<F>(v[1]), bits::<F>(v[2])))),
        ),
        (
            "fmsub",
            float,
            Box::new(move |env, v| value(mul_add::<F>(env, negate(bits::<F>(v[0])), bits::<F>(v[1]), bits::<F>(v[2])))),
        ),
        ("fmulx", float, binary::<F>(arm::mulx::<F>)),
        ("frecps", float, binary::<F>(arm::recip_step::<F>)),
        ("frsqrts", float, binary::<F>(arm::rsqrt_step::<F>)),
        ("frecpe", float, unary::<F>(arm::recip_estimate::<F>)),
        ("frsqrte", float, unary::<F>(arm::rsqrt_estimate::<F>)),
        ("frecpx", float, unary::<F>(arm::recip_exponent::<F>)),
        ("fcmp", float, compares::<F>(false, nzcv)),
        ("fcmpe", float, compares::<F>(true, nzcv)),
        ("fcvtzs w", float, to::<F>(Int::I32, Some(TowardZero), Saturate, 0)),
        ("fcvtzs x", float, to::<F>(Int::I64, Some(TowardZero), Saturate, 0)),
        ("fcvtzu w", float, to::<F>(Int::U32, Some(TowardZero), Saturate, 0)),
        ("fcvtzu x", float, to::<F>(Int::U64, Some(TowardZero), Saturate, 0)),
        ("fcvtns x", float, to::<F>(Int::I64, Some(NearestEven), Saturate, 0)),
        ("fcvtas w", float, to::<F>(Int::I32, Some(NearestAway), Saturate, 0)),
        ("fcvtmu w", float, to::<F>(Int::U32, Some(Down), Saturate, 0)),
        ("fcvtps x", float, to::<F>(Int::I64, Some(Up), Saturate, 0)),
        ("fcvtzs w #9", float, to::<F>(Int::I32, Some(TowardZero), Saturate, 9)),
        ("fcvtzu x #40", float, to::<F>(Int::U64, Some(TowardZero), Saturate, 40)),
        ("scvtf w", int, from::<F>(Int::I32, 0)),
        ("scvtf x", int, from::<F>(Int::I64, 0)),
        ("ucvtf w", int, from::<F>(Int::U32, 0)),
        ("ucvtf x", int, from::<F>(Int::U64, 0)),
        ("scvtf x #30", int, from::<F>(Int::I64, 30)),
        ("ucvtf w #5", int, from::<F>(Int::U32, 5)),
        ("frintn", float, rounds::<F>(Some(NearestEven), false)),
        ("frintp", float, rounds::<F>(Some(Up), false)),
        ("frintm", float, rounds::<F>(Some(Down), false)),
        ("frintz", float, rounds::<F>(Some(TowardZero), false)),
        ("frinta", float, rounds::<F>(Some(NearestAway), false)),
        ("frintx", float, rounds::<F>(None, true)),
        ("frinti", float, rounds::<F>(None, false)),
    ];
    let mut operations = Vec::new();
    for (code, (name, operand, soft)) in (first..).zip(table) {
        operations.push(Operation { code, name: format!("{name} {suffix}"), operand, control, soft });
    }
    operations
}

fn operations() -> Vec<Operation> {
    let to_odd = |env: &mut Env, v: [u128; 3]| {
        env.rounding = Rounding::Odd;
        value(convert::<F64, F32>(env, bits::<F64>(v[0])))
    };
    let conversions: [(&str, Operand, Soft); 8] = [
        ("fcvt d, s", float::<F32>, converts::<F32, F64>()),
        ("fcvt h, s", float::<F32>, converts::<F32, F16>()),
        ("fcvt s, d", float::<F64>, converts::<F64, F32>()),
        ("fcvt h, d", float::<F64>, converts::<F64, F16>()),
        ("fcvt s, h", float::<F16>, converts::<F16, F32>()),
        ("fcvt d, h", float::<F16>, converts::<F16, F64>()),
        ("fcvtxn s, d", float::<F64>, Box::new(to_odd)),
        ("bfcvt h, s", float::<F32>, converts::<F32, BF16>()),
    ];
    let mut operations = scalar::<F32>(0, "s", fpcr);
    operations.extend(scalar::<F64>(42, "d", fpcr));
    operations.extend(scalar::<F16>(84, "h", fpcr));
    for (code, (name, operand, soft)) in (126..).zip(conversions) {
        operations.push(Operation { code, name: name.into(), operand, control: fpcr, soft });
    }
    let alternative: [(u32, Operand, Soft); 4] = [
        (127, float::<F32>, converts::<F32, AltF16>()),
        (129, float::<F64>, converts::<F64, AltF16>()),
        (130, float::<F16>, converts::<AltF16, F32>()),
        (131, float::<F16>, converts::<AltF16, F64>()),
    ];
    for (code, operand, soft) in alternative {
        operations.push(Operation { code, name: format!("fcvt {code}, AHP"), operand, control: fpcr_ahp, soft });
    }
    operations
}

/// A random FPCR and the environment it means.
fn fpcr(random: &mut Random) -> (u32, Env) {
    const DN: u32 = 1 << 25;
    const FZ: u32 = 1 << 24;
    const FZ16: u32 = 1 << 19;
    let control = random.next() as u32 & (3 << 22 | FZ | DN | FZ16);
    let rounding = [Rounding::NearestEven, Rounding::Up, Rounding::Down, Rounding::TowardZero];
    let env = Env {
        rounding: rounding[(control >> 22 & 3) as usize],
        nan: if control & DN != 0 { NanRule::ArmDefault } else { NanRule::Arm },
        flush_inputs: control & FZ != 0,
        flush_outputs: control & FZ != 0,
        flush_half: control & FZ16 != 0,
        ..Env::ARM
    };
    (control, env)
}

/// The same with AHP, which the formats of the operation stand for.
fn fpcr_ahp(random: &mut Random) -> (u32, Env) {
    let (control, env) = fpcr(random);
    (control | 1 << 26, env)
}

/// FPSR's IOC, DZC, OFC, UFC, IXC and IDC.
fn fpsr(status: u32) -> Flags {
    let bits = [(0, Flags::INVALID), (1, Flags::DIVZERO), (2, Flags::OVERFLOW)].into_iter().chain([
        (3, Flags::UNDERFLOW),
        (4, Flags::INEXACT),
        (7, Flags::DENORMAL),
    ]);
    bits.filter(|(bit, _)| status >> bit & 1 != 0).fold(Flags::NONE, |all, (_, flag)| all.union(flag))
}

#[test]
fn arm_matches_qemu() {
    check_qemu("aarch64", "armv8.6-a+fp16+bf16", &["max"], operations(), fpsr);
}
