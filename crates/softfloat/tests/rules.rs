//! The rules in which the guests differ, one case each, so that they are checked without oracles.

use softfloat::*;

const ENVS: [Env; 3] = [Env::X86, Env::ARM, Env::RISCV];
const QUIET: u64 = 0x7ff8_0000_0000_1234;
const SIGNALING: u64 = 0xfff0_0000_0000_5678;
const INFINITY: u64 = 0x7ff0_0000_0000_0000;
const ONE: u64 = 0x3ff0_0000_0000_0000;
const DENORMAL: u64 = 0x000f_ffff_ffff_ffff;
const MIN_NORMAL: u64 = 0x0010_0000_0000_0000;

/// The result and flags of an operation in each guest's environment.
fn each(operation: impl Fn(&mut Env) -> u64) -> [(u64, Flags); 3] {
    ENVS.map(|mut env| (operation(&mut env), env.raised))
}

#[test]
fn two_nans() {
    assert_eq!(
        each(|env| add::<F64>(env, QUIET, SIGNALING)),
        [(QUIET, Flags::INVALID), (0xfff8_0000_0000_5678, Flags::INVALID), (0x7ff8 << 48, Flags::INVALID)],
    );
    let mut env = Env { nan: NanRule::ArmDefault, ..Env::ARM };
    assert_eq!((add::<F64>(&mut env, QUIET, ONE), env.raised), (0x7ff8 << 48, Flags::NONE));
}

#[test]
fn default_nan_has_the_guests_sign() {
    let invalid = |sign: u64| (sign << 63 | 0x7ff8 << 48, Flags::INVALID);
    assert_eq!(each(|env| mul::<F64>(env, INFINITY, 0)), [invalid(1), invalid(0), invalid(0)]);
}

#[test]
fn infinity_times_zero_plus_a_quiet_nan() {
    assert_eq!(
        each(|env| mul_add::<F64>(env, INFINITY, 0, QUIET)),
        [(QUIET, Flags::NONE), (0x7ff8 << 48, Flags::INVALID), (0x7ff8 << 48, Flags::INVALID)],
    );
}

#[test]
fn a_result_rounded_up_to_the_smallest_normal() {
    // (1 - 2^-53) * 2^-1022 has 53 bits: tiny whenever one looks.
    let almost_one = ONE - 1;
    let (inexact, underflow) = (Flags::INEXACT, Flags::INEXACT.union(Flags::UNDERFLOW));
    assert_eq!(
        each(|env| mul::<F64>(env, almost_one, MIN_NORMAL)),
        [(MIN_NORMAL, underflow), (MIN_NORMAL, underflow), (MIN_NORMAL, underflow)],
    );
    // (1 + 2^-52) * (1 - 2^-52) * 2^-1022 rounds to 2^-1022 with an unbounded exponent too.
    let half_way = 512 << 52;
    assert_eq!(
        each(|env| mul::<F64>(env, half_way + 1, half_way - 2)),
        [(MIN_NORMAL, inexact), (MIN_NORMAL, underflow), (MIN_NORMAL, inexact)],
    );
}

#[test]
fn flushed_results() {
    let half = 0x3fe0_0000_0000_0000;
    let flushing = |mut env: Env| {
        env.flush_outputs = true;
        (mul::<F64>(&mut env, MIN_NORMAL, half), env.raised)
    };
    assert_eq!(flushing(Env::X86), (0, Flags::UNDERFLOW.union(Flags::INEXACT)));
    assert_eq!(flushing(Env::ARM), (0, Flags::UNDERFLOW));
}

#[test]
fn denormal_operands() {
    let exact_sum = DENORMAL + MIN_NORMAL;
    let sum = |mut env: Env, flush_inputs| {
        env.flush_inputs = flush_inputs;
        (add::<F64>(&mut env, MIN_NORMAL, DENORMAL), env.raised)
    };
    assert_eq!(sum(Env::X86, false), (exact_sum, Flags::DENORMAL));
    assert_eq!(sum(Env::X86, true), (MIN_NORMAL, Flags::NONE));
    assert_eq!(sum(Env::ARM, false), (exact_sum, Flags::NONE));
    assert_eq!(sum(Env::ARM, true), (MIN_NORMAL, Flags::DENORMAL));
    assert_eq!(sum(Env::RISCV, false), (exact_sum, Flags::NONE));
}

#[test]
fn minimum_of_a_number_and_a_nan() {
    let min = |rule, nan| {
        let mut env = Env::ARM;
        (min::<F64>(&mut env, ONE, nan, rule), env.raised)
    };
    let quieted = 0xfff8_0000_0000_5678;
    assert_eq!(min(MinMax::X86, QUIET), (QUIET, Flags::INVALID));
    assert_eq!(min(MinMax::X86, SIGNALING), (SIGNALING, Flags::INVALID));
    assert_eq!(min(MinMax::Num2008, QUIET), (ONE, Flags::NONE));
    assert_eq!(min(MinMax::Num2008, SIGNALING), (quieted, Flags::INVALID));
    assert_eq!(min(MinMax::Num2019, QUIET), (ONE, Flags::NONE));
    assert_eq!(min(MinMax::Num2019, SIGNALING), (ONE, Flags::INVALID));
    assert_eq!(min(MinMax::Propagate, QUIET), (QUIET, Flags::NONE));
    assert_eq!(min(MinMax::Propagate, SIGNALING), (quieted, Flags::INVALID));
}

#[test]
fn integers_out_of_range() {
    let to = |a, int, overflow| {
        let mut env = Env::X86;
        let n = to_int::<F64>(&mut env, a, int, Rounding::TowardZero, overflow, 0);
        assert_eq!(env.raised, Flags::INVALID);
        n
    };
    let minus_infinity = 1 << 63 | INFINITY;
    assert_eq!(to(QUIET, Int::I32, IntOverflow::X86), 0x8000_0000);
    assert_eq!(to(QUIET, Int::I32, IntOverflow::Saturate), 0);
    assert_eq!(to(QUIET, Int::I32, IntOverflow::RiscV), 0x7fff_ffff);
    assert_eq!(to(INFINITY, Int::U64, IntOverflow::X86), u64::MAX);
    assert_eq!(to(minus_infinity, Int::U64, IntOverflow::Saturate), 0);
    assert_eq!(to(minus_infinity, Int::I64, IntOverflow::RiscV), 1 << 63);
}

#[test]
fn x87_encodings_without_an_integer_bit_are_invalid() {
    for unsupported in [(0, 0x7fff), (1 << 62, 0x7fff), (1 << 62, 0x3fff)] {
        let mut env = Env::X86;
        let sum = add::<F80>(&mut env, unsupported, (1 << 63, 0x3fff));
        assert_eq!((sum, env.raised), ((0xc000 << 48, 0xffff), Flags::INVALID));
    }
}
