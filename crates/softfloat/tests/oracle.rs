//! Results and flags against the host CPU: SSE, AVX-512 (u32, u64, half precision) and x87
//! instructions run by oracle.c over hard and random operands, in every rounding and flush mode.

use std::cmp::Ordering;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use softfloat::*;

const CASES: usize = 30_000;

/// splitmix64: the same operands every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// A pattern of format `F`; `near` is an exponent worth staying close to.
    fn operand<F: Format>(&mut self, near: &mut i64) -> F::Bits {
        let fraction_bits = F::PRECISION - 1;
        let mask = F::INTEGER_BIT - 1;
        let fraction = match self.below(7) {
            0 => self.below(4),
            1 => mask - self.below(4),
            2 => 1 << self.below(u64::from(fraction_bits)),
            3 => mask >> self.below(u64::from(fraction_bits)),
            4 => self.next() >> self.below(64) << self.below(64),
            _ => self.next(),
        } & mask;
        let (top, bias) = (i64::from(F::EXP_MAX), i64::from(F::BIAS));
        let precision = i64::from(F::PRECISION);
        let offset = self.below(7) as i64 - 3;
        let biased = match self.below(10) {
            0 => offset,
            1 => top + offset,
            2 => bias + offset,
            3 => bias + self.below(2 * precision as u64 + 6) as i64 - precision - 3,
            4 => bias / 2 + offset,
            5 => bias * 3 / 2 + offset,
            6 => *near + offset,
            7 => *near + self.below(2 * precision as u64 + 6) as i64 - precision - 3,
            8 => bias + 31 * offset.signum() + self.below(3) as i64,
            _ => self.next() as i64 & top,
        };
        *near = biased.clamp(0, top);
        let integer = (biased > 0) ^ (F::IS_X87 && self.below(32) == 0);
        F::join(Fields {
            negative: self.below(2) != 0,
            biased: biased.clamp(0, top) as u32,
            significand: fraction | if integer { F::INTEGER_BIT } else { 0 },
        })
    }

    fn int(&mut self) -> u64 {
        match self.below(4) {
            0 => 1u64.rotate_right(self.below(64) as u32).wrapping_sub(self.below(3)),
            1 => u64::MAX << self.below(64),
            _ => self.next() >> self.below(64),
        }
    }
}

/// A format's bits as the low bytes of an operand.
trait Cell: Copy + 'static {
    fn to_u128(self) -> u128;
    fn from_u128(value: u128) -> Self;
}

macro_rules! cell {
    ($($bits:ty)*) => {$(
        impl Cell for $bits {
            fn to_u128(self) -> u128 {
                self.into()
            }
            fn from_u128(value: u128) -> $bits {
                value as $bits
            }
        }
    )*};
}
cell!(u16 u32 u64);

impl Cell for (u64, u16) {
    fn to_u128(self) -> u128 {
        u128::from(self.1) << 64 | u128::from(self.0)
    }
    fn from_u128(value: u128) -> (u64, u16) {
        (value as u64, (value >> 64) as u16)
    }
}

/// What an instruction left behind: up to two results, and whatever status bits `mask` selects.
#[derive(Default)]
struct Outcome {
    result: [Option<(u128, u32)>; 2],
    status: u32,
    mask: u32,
}

fn value<T: Cell>(bits: T) -> Outcome {
    let width = if size_of::<T>() == 16 { 80 } else { 8 * size_of::<T>() as u32 };
    Outcome { result: [Some((bits.to_u128(), width)), None], ..Outcome::default() }
}

/// An integer result in eax, rax or ax.
fn integer(bits: u64, width: u32) -> Outcome {
    Outcome { result: [None, Some((bits.into(), width))], ..Outcome::default() }
}

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

fn fprem(rem: x87::Remainder) -> Outcome {
    let q = rem.quotient as u32;
    let complete = (q & 4) << 6 | (q & 2) << 13 | (q & 1) << 9;
    let status = if rem.partial { 0x400 } else { complete };
    let mask = if rem.partial { 0x400 } else { 0x4700 };
    Outcome { status, mask, ..value(rem.value) }
}

/// The host's capabilities an operation needs.
#[derive(Clone, Copy, PartialEq)]
enum Needs {
    Avx2,
    Avx512f,
    Fp16,
}

type Soft = Box<dyn Fn(&mut Env, [u128; 3]) -> Outcome>;

struct Operation {
    code: u32,
    name: &'static str,
    needs: Needs,
    operand: fn(&mut Random, &mut i64) -> u128,
    soft: Soft,
}

fn float<F: Format<Bits: Cell>>(random: &mut Random, near: &mut i64) -> u128 {
    random.operand::<F>(near).to_u128()
}

fn int(random: &mut Random, _: &mut i64) -> u128 {
    random.int().into()
}

/// The operations every SSE format has, in oracle.c's order.
fn scalar<F: Format<Bits: Cell>>(first: u32, needs: Needs, names: [&'static str; 22]) -> Vec<Operation> {
    let bits = F::Bits::from_u128;
    let binary = |f: fn(&mut Env, F::Bits, F::Bits) -> F::Bits| -> Soft {
        Box::new(move |env, v| value(f(env, bits(v[0]), bits(v[1]))))
    };
    let compares = |signaling: bool| -> Soft {
        Box::new(move |env, v| eflags(compare::<F>(env, bits(v[0]), bits(v[1]), signaling)))
    };
    let to = |int: Int, truncate: bool| -> Soft {
        Box::new(move |env, v| {
            let rounding = if truncate { Rounding::TowardZero } else { env.rounding };
            let result = to_int::<F>(env, bits(v[0]), int, rounding, IntOverflow::X86, 0);
            integer(result, int.bits)
        })
    };
    let from = |int: Int| -> Soft { Box::new(move |env, v| value(from_int::<F>(env, v[0] as u64, int, 0))) };
    let round = |exact: bool| -> Soft {
        Box::new(move |env, v| {
            let rounding = env.rounding;
            value(round_to_int::<F>(env, bits(v[0]), rounding, exact))
        })
    };
    let soft: [Soft; 22] = [
        binary(add::<F>),
        binary(sub::<F>),
        binary(mul::<F>),
        binary(div::<F>),
        Box::new(move |env, v| value(sqrt::<F>(env, bits(v[0])))),
        binary(|env, a, b| min::<F>(env, a, b, MinMax::X86)),
        binary(|env, a, b| max::<F>(env, a, b, MinMax::X86)),
        // VFMADD213 multiplies its second operand by its first.
        Box::new(move |env, v| value(mul_add::<F>(env, bits(v[1]), bits(v[0]), bits(v[2])))),
        compares(false),
        compares(true),
        to(Int::I32, false),
        to(Int::I64, false),
        to(Int::I32, true),
        to(Int::I64, true),
        from(Int::I32),
        from(Int::I64),
        to(Int::U32, false),
        to(Int::U64, false),
        from(Int::U32),
        from(Int::U64),
        round(true),
        round(false),
    ];
    let mut operations = Vec::new();
    for (index, (soft, name)) in soft.into_iter().zip(names).enumerate() {
        operations.push(Operation {
            code: first + index as u32,
            name,
            needs: if (16..20).contains(&index) && needs == Needs::Avx2 { Needs::Avx512f } else { needs },
            operand: if matches!(index, 14 | 15 | 18 | 19) { int } else { float::<F> },
            soft,
        });
    }
    operations
}

macro_rules! names {
    ($s:literal) => {
        [
            concat!("vadd", $s),
            concat!("vsub", $s),
            concat!("vmul", $s),
            concat!("vdiv", $s),
            concat!("vsqrt", $s),
            concat!("vmin", $s),
            concat!("vmax", $s),
            concat!("vfmadd213", $s),
            concat!("vucomi", $s),
            concat!("vcomi", $s),
            concat!("vcvt", $s, "2si32"),
            concat!("vcvt", $s, "2si64"),
            concat!("vcvtt", $s, "2si32"),
            concat!("vcvtt", $s, "2si64"),
            concat!("vcvtsi2", $s, "32"),
            concat!("vcvtsi2", $s, "64"),
            concat!("vcvt", $s, "2usi32"),
            concat!("vcvt", $s, "2usi64"),
            concat!("vcvtusi2", $s, "32"),
            concat!("vcvtusi2", $s, "64"),
            concat!("round", $s),
            concat!("round", $s, " quiet"),
        ]
    };
}

fn conversion<From: Format<Bits: Cell>, To: Format<Bits: Cell>>(code: u32, name: &'static str) -> Operation {
    Operation {
        code,
        name,
        needs: Needs::Avx2,
        operand: float::<From>,
        soft: Box::new(|env, v| value(convert::<From, To>(env, From::Bits::from_u128(v[0])))),
    }
}

/// Operations on SSE's formats; each format has a block of 24.
fn sse() -> Vec<Operation> {
    let mut operations = scalar::<F32>(0, Needs::Avx2, names!("ss"));
    operations.push(conversion::<F32, F64>(22, "vcvtss2sd"));
    operations.push(conversion::<F32, F16>(23, "vcvtps2ph"));
    operations.extend(scalar::<F64>(24, Needs::Avx2, names!("sd")));
    operations.push(conversion::<F64, F32>(46, "vcvtsd2ss"));
    operations.extend(scalar::<F16>(48, Needs::Fp16, names!("sh")));
    operations.push(conversion::<F16, F32>(70, "vcvtph2ps"));
    operations
}

fn x87() -> Vec<Operation> {
    type Bits = (u64, u16);
    let bits = Bits::from_u128;
    let binary =
        |f: fn(&mut Env, Bits, Bits) -> Bits| -> Soft { Box::new(move |env, v| value(f(env, bits(v[0]), bits(v[1])))) };
    let unary = |f: fn(&mut Env, Bits) -> Bits| -> Soft { Box::new(move |env, v| value(f(env, bits(v[0])))) };
    let rem = |kind| -> Soft { Box::new(move |env, v| fprem(x87::remainder(env, bits(v[0]), bits(v[1]), kind))) };
    let compares = |signaling| -> Soft {
        Box::new(move |env, v| conditions(compare::<F80>(env, bits(v[0]), bits(v[1]), signaling)))
    };
    let to = |int: Int| -> Soft {
        Box::new(move |env, v| {
            let rounding = env.rounding;
            let result = to_int::<F80>(env, bits(v[0]), int, rounding, IntOverflow::X86, 0);
            Outcome { result: [Some((result.into(), int.bits)), None], ..Outcome::default() }
        })
    };
    let from = |int| -> Soft { Box::new(move |env, v| value(from_int::<F80>(env, v[0] as u64, int, 0))) };
    let f80 = float::<F80> as fn(&mut Random, &mut i64) -> u128;
    let table: [(&'static str, fn(&mut Random, &mut i64) -> u128, Soft); 22] = [
        ("fadd", f80, binary(add::<F80>)),
        ("fsub", f80, binary(sub::<F80>)),
        ("fmul", f80, binary(mul::<F80>)),
        ("fdiv", f80, binary(div::<F80>)),
        ("fsqrt", f80, unary(sqrt::<F80>)),
        ("frndint", f80, unary(|env, a| round_to_int::<F80>(env, a, env.rounding, true))),
        ("fprem", f80, rem(x87::Quotient::Truncated)),
        ("fprem1", f80, rem(x87::Quotient::Nearest)),
        ("fscale", f80, binary(x87::scale)),
        (
            "fxtract",
            f80,
            Box::new(move |env, v| {
                let (significand, exponent) = x87::extract(env, bits(v[0]));
                let result = [significand, exponent].map(|x| Some((x.to_u128(), 80)));
                Outcome { result, ..Outcome::default() }
            }),
        ),
        ("fucom", f80, compares(false)),
        ("fcom", f80, compares(true)),
        ("fld32", float::<F32>, conversion::<F32, F80>(0, "").soft),
        ("fld64", float::<F64>, conversion::<F64, F80>(0, "").soft),
        ("fst32", f80, conversion::<F80, F32>(0, "").soft),
        ("fst64", f80, conversion::<F80, F64>(0, "").soft),
        ("fistp16", f80, to(Int::I16)),
        ("fistp32", f80, to(Int::I32)),
        ("fistp64", f80, to(Int::I64)),
        ("fild16", int, from(Int::I16)),
        ("fild32", int, from(Int::I32)),
        ("fild64", int, from(Int::I64)),
    ];
    let mut operations = Vec::new();
    for (index, (name, operand, soft)) in table.into_iter().enumerate() {
        operations.push(Operation { code: 72 + index as u32, name, needs: Needs::Avx2, operand, soft });
    }
    operations
}

/// A random MXCSR with all exceptions masked, and the environment it means. Half precision knows
/// no flush modes (Intel SDM volume 1, 14.13).
fn mxcsr(random: &mut Random, needs: Needs) -> (u32, Env) {
    let flush = if needs == Needs::Fp16 { 0 } else { random.next() as u32 };
    let control = 0x1f80 | (random.below(4) as u32) << 13 | flush & 0x8040;
    let env = Env {
        rounding: Rounding::from_bits((control >> 13 & 3) as u8),
        flush_inputs: control & 0x40 != 0,
        flush_outputs: control & 0x8000 != 0,
        ..Env::X86
    };
    (control, env)
}

/// The same for the x87 control word.
fn x87_control(random: &mut Random, _: Needs) -> (u32, Env) {
    let (rounding, precision) = (random.below(4) as u32, [0, 2, 3, 3][random.below(4) as usize]);
    let env = Env {
        rounding: Rounding::from_bits(rounding as u8),
        precision: [Precision::Single, Precision::Extended, Precision::Double, Precision::Extended][precision as usize],
        ..Env::X86
    };
    (0x7f | precision << 8 | rounding << 10, env)
}

/// Builds oracle.c, if this host can; the executable and what it said of the CPU.
fn build(name: &str) -> Option<(PathBuf, String)> {
    if !cfg!(all(target_arch = "x86_64", unix)) {
        return None;
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle.c");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let mut cc = Command::new("cc");
    if !cc.arg("-O1").arg("-o").arg(&program).arg(source).status().ok()?.success() {
        return None;
    }
    let features = Command::new(&program).arg("features").output().ok()?;
    Some((program, String::from_utf8(features.stdout).ok()?))
}

/// Asks the host for one instruction over all operands.
fn ask(program: &Path, requests: &[u8]) -> Vec<u8> {
    let path = program.with_extension("requests");
    File::create(&path).expect("a file").write_all(requests).expect("room");
    let input = Stdio::from(File::open(&path).expect("just written"));
    let output = Command::new(program).stdin(input).output().expect("the oracle runs");
    assert!(output.status.success());
    output.stdout
}

fn check(name: &str, operations: Vec<Operation>, control: fn(&mut Random, Needs) -> (u32, Env)) {
    let Some((program, features)) = build(name) else {
        println!("skipped: no C compiler or not an x86-64 host");
        return;
    };
    let mut wrong = 0;
    for operation in operations {
        let feature = match operation.needs {
            Needs::Avx2 => "avx2=1",
            Needs::Avx512f => "avx512f=1",
            Needs::Fp16 => "avx512fp16=1",
        };
        if !features.contains(feature) {
            println!("skipped {}: the host lacks {feature}", operation.name);
            continue;
        }
        let random = &mut Random(u64::from(operation.code));
        let mut cases = Vec::new();
        let mut requests = Vec::new();
        for _ in 0..CASES {
            let (control, env) = control(random, operation.needs);
            let mut near = 0;
            let operands = [(); 3].map(|()| (operation.operand)(random, &mut near));
            requests.extend(operation.code.to_le_bytes());
            requests.extend(control.to_le_bytes());
            operands.iter().for_each(|v| requests.extend(v.to_le_bytes()));
            cases.push((env, operands));
        }
        let replies = ask(&program, &requests);
        assert_eq!(replies.len(), 40 * CASES);
        let mut shown = 0;
        for ((before, operands), reply) in cases.iter().zip(replies.chunks(40)) {
            let (mut env, word) =
                (*before, |at: usize| u128::from_le_bytes(reply[at..at + 16].try_into().expect("16 bytes")));
            let ours = (operation.soft)(&mut env, *operands);
            let mut status = ours.status;
            let mut mask = ours.mask;
            if operation.code >= 72 && env.raised.contains(Flags::INEXACT) {
                mask |= 0x200;
                status |= u32::from(env.rounded_up) << 9;
            }
            let (flags, extra) = (reply[32], word(24) >> 96);
            let same = (0..2).all(|i| {
                let Some((bits, width)) = ours.result[i] else { return true };
                bits == word(16 * i) & (u128::MAX >> (128 - width))
            });
            if !same || flags != env.raised.bits() || extra as u32 & mask != status & mask {
                wrong += 1;
                shown += 1;
                if shown <= 4 {
                    println!("{}: {operands:x?} in {before:?}", operation.name);
                    println!("  ours {:x?} {status:x} {:?}", ours.result.map(|r| r.map(|r| r.0)), env.raised);
                    let host = Flags::from_bits_truncate(flags);
                    println!("  host {:x} {:x} {extra:x} {host:?}", word(0), word(16));
                }
            }
        }
        if shown > 0 {
            println!("{}: {shown} of {CASES} wrong", operation.name);
        }
    }
    assert_eq!(wrong, 0, "results or flags differ from the host's");
}

#[test]
fn sse_matches_host() {
    check("softfloat-oracle-sse", sse(), mxcsr);
}

#[test]
fn x87_matches_host() {
    check("softfloat-oracle-x87", x87(), x87_control);
}
