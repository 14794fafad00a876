//! The host's f32 and f64 arithmetic, and our own fast paths, against the soft operations.

use proptest::prelude::*;
use softfloat::*;

/// Bit patterns of an IEEE format with the hard cases over-represented.
macro_rules! operands {
    ($name:ident, $bits:ty, $precision:literal, $bias:literal) => {
        fn $name() -> impl Strategy<Value = $bits> {
            const FRACTION: u32 = $precision - 1;
            const MASK: $bits = (1 << FRACTION) - 1;
            let fraction = prop_oneof![
                any::<$bits>().prop_map(|f| f & MASK),
                (0..4 as $bits),
                (0..4 as $bits).prop_map(|f| MASK - f),
                (0..FRACTION).prop_map(|bit| 1 << bit),
                (0..FRACTION).prop_map(|bit| MASK >> bit),
                (any::<$bits>(), 0..FRACTION).prop_map(|(f, cut)| (f & MASK) >> cut << cut),
            ];
            let exp = prop_oneof![
                (0..=2 * $bias + 1 as $bits),
                (0..3 as $bits),
                (2 * $bias - 2..=2 * $bias + 1 as $bits),
                ($bias - 3..=$bias + 3 as $bits),
                ($bias - $precision - 2..=$bias + $precision + 2 as $bits),
                ($bias / 2 - 2..=$bias / 2 + 2 as $bits),
                ($bias * 3 / 2 - 2..=$bias * 3 / 2 + 2 as $bits),
            ];
            (any::<bool>(), exp, fraction).prop_map(|(negative, exp, fraction)| {
                (negative as $bits) << (<$bits>::BITS - 1) | exp << FRACTION | fraction
            })
        }
    };
}
operands!(f32_bits, u32, 24, 127);
operands!(f64_bits, u64, 53, 1023);

/// Equal, or both NaN: Rust leaves the host's choice of NaN open.
macro_rules! same {
    ($float:ty, $ours:expr, $host:expr) => {{
        let (ours, host): (_, $float) = ($ours, $host);
        let value = <$float>::from_bits(ours);
        prop_assert!(
            ours == host.to_bits() || value.is_nan() && host.is_nan(),
            "ours {ours:#x} {value:e}, host {:#x} {host:e}",
            host.to_bits()
        );
    }};
}

macro_rules! against_host {
    ($name:ident, $format:ident, $float:ty, $operands:ident) => {
        proptest! {
            #![proptest_config(ProptestConfig::with_cases(20_000))]
            #[test]
            fn $name(a in $operands(), b in $operands(), c in $operands()) {
                let (x, y, z) = (<$float>::from_bits(a), <$float>::from_bits(b), <$float>::from_bits(c));
                let env = &mut { Env::X86 };
                same!($float, add::<$format>(env, a, b), x + y);
                same!($float, sub::<$format>(env, a, b), x - y);
                same!($float, mul::<$format>(env, a, b), x * y);
                same!($float, div::<$format>(env, a, b), x / y);
                same!($float, sqrt::<$format>(env, a), x.sqrt());
                same!($float, mul_add::<$format>(env, a, b, c), x.mul_add(y, z));
                same!($float, round_to_int::<$format>(env, a, Rounding::NearestEven, true), x.round_ties_even());
                same!($float, round_to_int::<$format>(env, a, Rounding::NearestAway, true), x.round());
                same!($float, round_to_int::<$format>(env, a, Rounding::Down, true), x.floor());
                same!($float, round_to_int::<$format>(env, a, Rounding::Up, true), x.ceil());
                same!($float, round_to_int::<$format>(env, a, Rounding::TowardZero, true), x.trunc());
                same!(f32, convert::<$format, F32>(env, a), x as f32);
                same!(f64, convert::<$format, F64>(env, a), x as f64);
                prop_assert_eq!(compare::<$format>(env, a, b, false), x.partial_cmp(&y));
                let to = |env: &mut Env, int| {
                    to_int::<$format>(env, a, int, Rounding::TowardZero, IntOverflow::Saturate, 0)
                };
                prop_assert_eq!(to(env, Int::I16), u64::from(x as i16 as u16));
                prop_assert_eq!(to(env, Int::I32), u64::from(x as i32 as u32));
                prop_assert_eq!(to(env, Int::U32), u64::from(x as u32));
                prop_assert_eq!(to(env, Int::I64), x as i64 as u64);
                prop_assert_eq!(to(env, Int::U64), x as u64);
                let n = u64::from(a) >> (b % 64) as u32;
                same!($float, from_int::<$format>(env, n, Int::I32, 0), n as i32 as $float);
                same!($float, from_int::<$format>(env, n, Int::U32, 0), n as u32 as $float);
                same!($float, from_int::<$format>(env, n, Int::I64, 0), n as i64 as $float);
                same!($float, from_int::<$format>(env, n, Int::U64, 0), n as $float);
            }
        }
    };
}
against_host!(f32_matches_host, F32, f32, f32_bits);
against_host!(f64_matches_host, F64, f64, f64_bits);

/// Cells a CPU may hold: any modes, INEXACT raised or not.
fn cells() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0u64),
        Just(u64::from(Flags::INEXACT.bits())),
        Just(CELL_TININESS_BEFORE | 1 << CELL_NAN_SHIFT),
        (0..1u64 << 18).prop_map(|bits| Env::from_cell(bits).to_cell()),
    ]
}

/// Fast and soft give the same result and leave the same cell.
macro_rules! same_as_soft {
    ($cell:ident, $fast:ident, $soft:expr, $($operand:ident),*) => {{
        let (mut cell, mut env) = ($cell, Env::from_cell($cell));
        let fast = fast::$fast(&mut cell, $($operand),*);
        let soft = $soft(&mut env, $($operand),*);
        prop_assert_eq!((fast, cell), (soft, env.to_cell()), "{} from {:#x}", stringify!($fast), $cell);
    }};
}

macro_rules! fast_is_soft {
    ($name:ident, $format:ident, $operands:ident,
     $add:ident $sub:ident $mul:ident $div:ident $sqrt:ident $mul_add:ident) => {
        proptest! {
            #![proptest_config(ProptestConfig::with_cases(40_000))]
            #[test]
            fn $name(cell in cells(), a in $operands(), b in $operands(), c in $operands()) {
                same_as_soft!(cell, $add, add::<$format>, a, b);
                same_as_soft!(cell, $sub, sub::<$format>, a, b);
                same_as_soft!(cell, $mul, mul::<$format>, a, b);
                same_as_soft!(cell, $div, div::<$format>, a, b);
                same_as_soft!(cell, $sqrt, sqrt::<$format>, a);
                same_as_soft!(cell, $mul_add, mul_add::<$format>, a, b, c);
                // Exact products, quotients and roots.
                let product = mul::<$format>(&mut { Env::X86 }, a, b);
                same_as_soft!(cell, $div, div::<$format>, product, a);
                let square = mul::<$format>(&mut { Env::X86 }, a, a);
                same_as_soft!(cell, $sqrt, sqrt::<$format>, square);
                let sum = add::<$format>(&mut { Env::X86 }, a, b);
                same_as_soft!(cell, $sub, sub::<$format>, sum, b);
            }
        }
    };
}
fast_is_soft!(f32_fast_is_soft, F32, f32_bits, add_f32 sub_f32 mul_f32 div_f32 sqrt_f32 mul_add_f32);
fast_is_soft!(f64_fast_is_soft, F64, f64_bits, add_f64 sub_f64 mul_f64 div_f64 sqrt_f64 mul_add_f64);
