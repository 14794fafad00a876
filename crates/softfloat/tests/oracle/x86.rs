//! The host CPU: SSE, AVX-512 (u32, u64, half precision) and x87 instructions run by x86.c.

use std::cmp::Ordering;
use std::path::PathBuf;
use std::process::Command;

use softfloat::IntOverflow::X86;
use softfloat::*;

use crate::random::Random;
use crate::soft::*;
use crate::{
    Control, Operand, Operation, Outcome, Register, Soft, check, float, int, scratch, source, succeeds, value,
};

/// ZF, PF, CF of a comparison.
fn eflags(order: Option<Ordering>) -> Outcome {
    let status = match order {
        None => 0x45,
        Some(Ordering::Equal) => 0x40,
        Some(Ordering::Less) => 1,
        Some(Ordering::Greater) => 0,
    };
    Outcome { status, mask: 0x45, ..Outcome::default() }
}

/// C3, C2, C0 of a comparison.
fn conditions(order: Option<Ordering>) -> Outcome {
    let status = match order {
        None => 0x4500,
        Some(Ordering::Equal) => 0x4000,
        Some(Ordering::Less) => 0x100,
        Some(Ordering::Greater) => 0,
    };
    Outcome { status, mask: 0x4500, ..Outcome::default() }
}

/// A remainder, C2, and C0, C3, C1 if it is final.
fn remainder(rem: x87::Remainder) -> Outcome {
    let q = rem.quotient as u32;
    let (status, mask) = match rem.partial {
        true => (0x400, 0x400),
        false => ((q & 4) << 6 | (q & 2) << 13 | (q & 1) << 9, 0x4700),
    };
    Outcome { status, mask, ..value(rem.value) }
}

/// The operations every SSE format has, in x86.c's order.
fn scalar<F: Format<Bits: Register>>(first: u32, suffix: &str, control: Control) -> Vec<Operation> {
    let toward_zero = Some(Rounding::TowardZero);
    let float: Operand = float::<F>;
    let table: [(&str, Operand, Soft); 22] = [
        ("vadd", float, binary::<F>(add::<F>)),
        ("vsub", float, binary::<F>(sub::<F>)),
        ("vmul", float, binary::<F>(mul::<F>)),
        ("vdiv", float, binary::<F>(div::<F>)),
        ("vsqrt", float, unary::<F>(sqrt::<F>)),
        ("vmin", float, binary::<F>(|env, a, b| min::<F>(env, a, b, MinMax::X86))),
        ("vmax", float, binary::<F>(|env, a, b| max::<F>(env, a, b, MinMax::X86))),
        // It multiplies its second operand by its first.
        (
            "vfmadd213",
            float,
            Box::new(|env, v| value(mul_add::<F>(env, bits::<F>(v[1]), bits::<F>(v[0]), bits::<F>(v[2])))),
        ),
        ("vucomi", float, compares::<F>(false, eflags)),
        ("vcomi", float, compares::<F>(true, eflags)),
        ("to i32, ", float, to::<F>(Int::I32, None, X86, 0)),
        ("to i64, ", float, to::<F>(Int::I64, None, X86, 0)),
        ("truncate to i32, ", float, to::<F>(Int::I32, toward_zero, X86, 0)),
        ("truncate to i64, ", float, to::<F>(Int::I64, toward_zero, X86, 0)),
        ("from i32, ", int, from::<F>(Int::I32, 0)),
        ("from i64, ", int, from::<F>(Int::I64, 0)),
        ("to u32, ", float, to::<F>(Int::U32, None, X86, 0)),
        ("to u64, ", float, to::<F>(Int::U64, None, X86, 0)),
        ("from u32, ", int, from::<F>(Int::U32, 0)),
        ("from u64, ", int, from::<F>(Int::U64, 0)),
        ("vround", float, rounds::<F>(None, true)),
        ("vround quietly, ", float, rounds::<F>(None, false)),
    ];
    let mut operations = Vec::new();
    for (code, (name, operand, soft)) in (first..).zip(table) {
        operations.push(Operation { code, name: format!("{name}{suffix}"), operand, control, soft });
    }
    operations
}

/// Operations on SSE's formats; each format has a block of 24.
fn sse() -> Vec<Operation> {
    let conversion =
        |code, name: &str, operand, soft| Operation { code, name: name.into(), operand, control: mxcsr, soft };
    let mut operations = scalar::<F32>(0, "ss", mxcsr);
    operations.extend(scalar::<F64>(24, "sd", mxcsr));
    operations.extend(scalar::<F16>(48, "sh", mxcsr_without_flush));
    operations.extend([
        conversion(22, "vcvtss2sd", float::<F32>, converts::<F32, F64>()),
        conversion(23, "vcvtps2ph", float::<F32>, converts::<F32, F16>()),
        conversion(46, "vcvtsd2ss", float::<F64>, converts::<F64, F32>()),
        conversion(70, "vcvtph2ps", float::<F16>, converts::<F16, F32>()),
    ]);
    operations
}

fn x87_operations() -> Vec<Operation> {
    let f80: Operand = float::<F80>;
    let rem = |kind| -> Soft {
        Box::new(move |env, v| remainder(x87::remainder(env, bits::<F80>(v[0]), bits::<F80>(v[1]), kind)))
    };
    let extract = |env: &mut Env, v: [u128; 3]| {
        let (significand, exponent) = x87::extract(env, bits::<F80>(v[0]));
        let result = [significand, exponent].map(|x| Some((x.to_u128(), 80)));
        Outcome { result, ..Outcome::default() }
    };
    // Integers are stored to memory, where the first result lies.
    let store = |int| -> Soft {
        let to = to::<F80>(int, None, X86, 0);
        Box::new(move |env, v| {
            let mut outcome = to(env, v);
            outcome.result.swap(0, 1);
            outcome
        })
    };
    let table: [(&str, Operand, Soft); 22] = [
        ("fadd", f80, binary::<F80>(add::<F80>)),
        ("fsub", f80, binary::<F80>(sub::<F80>)),
        ("fmul", f80, binary::<F80>(mul::<F80>)),
        ("fdiv", f80, binary::<F80>(div::<F80>)),
        ("fsqrt", f80, unary::<F80>(sqrt::<F80>)),
        ("frndint", f80, rounds::<F80>(None, true)),
        ("fprem", f80, rem(x87::Quotient::Truncated)),
        ("fprem1", f80, rem(x87::Quotient::Nearest)),
        ("fscale", f80, binary::<F80>(x87::scale)),
        ("fxtract", f80, Box::new(extract)),
        ("fucom", f80, compares::<F80>(false, conditions)),
        ("fcom", f80, compares::<F80>(true, conditions)),
        ("fld m32", float::<F32>, converts::<F32, F80>()),
        ("fld m64", float::<F64>, converts::<F64, F80>()),
        ("fstp m32", f80, converts::<F80, F32>()),
        ("fstp m64", f80, converts::<F80, F64>()),
        ("fistp m16", f80, store(Int::I16)),
        ("fistp m32", f80, store(Int::I32)),
        ("fistp m64", f80, store(Int::I64)),
        ("fild m16", int, from::<F80>(Int::I16, 0)),
        ("fild m32", int, from::<F80>(Int::I32, 0)),
        ("fild m64", int, from::<F80>(Int::I64, 0)),
    ];
    let mut operations = Vec::new();
    for (code, (name, operand, soft)) in (72..).zip(table) {
        // C1 tells the direction of an inexact rounding.
        let soft: Soft = Box::new(move |env, v| {
            let mut outcome = soft(env, v);
            if env.raised.contains(Flags::INEXACT) {
                outcome.mask |= 0x200;
                outcome.status |= u32::from(env.rounded_up) << 9;
            }
            outcome
        });
        operations.push(Operation { code, name: name.into(), operand, control: x87_control, soft });
    }
    operations
}

/// A random MXCSR with all exceptions masked, and the environment it means.
fn mxcsr(random: &mut Random) -> (u32, Env) {
    let (control, env) = mxcsr_without_flush(random);
    let flush = random.next() as u32 & 0x8040;
    (control | flush, Env { flush_inputs: flush & 0x40 != 0, flush_outputs: flush & 0x8000 != 0, ..env })
}

/// Half precision knows no flush modes (Intel SDM volume 1, AVX512-FP16).
fn mxcsr_without_flush(random: &mut Random) -> (u32, Env) {
    let rounding = random.below(4) as u32;
    (0x1f80 | rounding << 13, Env { rounding: Rounding::from_bits(rounding as u8), ..Env::X86 })
}

/// A random x87 control word.
fn x87_control(random: &mut Random) -> (u32, Env) {
    let rounding = random.below(4) as u32;
    let (bits, precision) = match random.below(4) {
        0 => (0, Precision::Single),
        1 => (2, Precision::Double),
        _ => (3, Precision::Extended),
    };
    (0x7f | bits << 8 | rounding << 10, Env { rounding: Rounding::from_bits(rounding as u8), precision, ..Env::X86 })
}

/// Builds x86.c; the program and the CPU features it reports.
fn build(name: &str) -> Option<(PathBuf, String)> {
    let program = scratch(name);
    let built = cfg!(all(target_arch = "x86_64", unix))
        && succeeds(Command::new("cc").arg("-O1").arg("-o").arg(&program).arg(source("x86.c")));
    let features = built.then(|| Command::new(&program).arg("features").output().expect("just built"))?;
    Some((program, String::from_utf8(features.stdout).expect("ASCII")))
}

/// Drops what the CPU lacks, and says so.
fn supported(operations: Vec<Operation>, features: &str) -> Vec<Operation> {
    let needs = |code| match code {
        72.. => "",
        48..70 => "avx512fp16=1",
        16..20 | 40..44 => "avx512f=1",
        _ => "avx2=1",
    };
    let (kept, dropped): (Vec<_>, Vec<_>) = operations.into_iter().partition(|o| features.contains(needs(o.code)));
    dropped.iter().for_each(|o| println!("skipped {}: the host lacks {}", o.name, needs(o.code)));
    kept
}

fn check_host(name: &str, operations: Vec<Operation>) {
    match build(name) {
        Some((program, features)) => {
            check(name, &|| Command::new(&program), supported(operations, &features), |flags| {
                Flags::from_bits_truncate(flags as u8)
            })
        }
        None => println!("skipped: no C compiler, or the host is not x86-64"),
    }
}

#[test]
fn sse_matches_host() {
    check_host("softfloat-sse", sse());
}

#[test]
fn x87_matches_host() {
    check_host("softfloat-x87", x87_operations());
}
