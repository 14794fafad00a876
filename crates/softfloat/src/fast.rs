//! Host arithmetic where it is provably equal to ours, on a packed environment ([`Env::to_cell`]).
//!
//! The fast path needs round to nearest even without flushing, operands that are normal or zero,
//! and a result that is normal and above the smallest normal number (one that equals it may have
//! been rounded up to it, an underflow) or an exact zero. Then the only exception possible is
//! INEXACT, and an integer identity decides that. All else takes the soft path.

use crate::env::{CELL_FLUSH_INPUTS, CELL_FLUSH_OUTPUTS, CELL_ROUNDING, Env, Flags};
use crate::format::{F32, F64};

/// Modes that rule the fast path out: NearestEven is zero.
const SLOW: u64 = CELL_ROUNDING | CELL_FLUSH_INPUTS | CELL_FLUSH_OUTPUTS;
const INEXACT: u64 = Flags::INEXACT.bits() as u64;

/// Runs the soft operation on a packed environment.
#[cold]
fn soft<T>(cell: &mut u64, operation: impl FnOnce(&mut Env) -> T) -> T {
    let mut env = Env::from_cell(*cell);
    let result = operation(&mut env);
    *cell |= u64::from(env.raised.bits());
    result
}

macro_rules! fast_paths {
    (
        $module:ident, $format:ident, $float:ty, $bits:ty, $wide:ty,
        $add:ident $sub:ident $mul:ident $div:ident $sqrt:ident $mul_add:ident
    ) => {
        mod $module {
            const FRACTION_BITS: u32 = <$float>::MANTISSA_DIGITS - 1;

            pub(super) fn is_plain(x: $float) -> bool {
                x.is_normal() || x == 0.0
            }

            /// Normal, and not the smallest normal.
            pub(super) fn is_safe(x: $float) -> bool {
                x.abs() > <$float>::MIN_POSITIVE && x.is_finite()
            }

            /// The significand of a normal number, integer bit included.
            pub(super) fn significand(x: $float) -> $wide {
                let integer: $bits = 1 << FRACTION_BITS;
                <$wide>::from(x.to_bits() & (integer - 1) | integer)
            }

            /// Whether a product of significands fits a significand.
            pub(super) fn fits(product: $wide) -> bool {
                product.leading_zeros() + product.trailing_zeros() >= <$wide>::BITS - <$float>::MANTISSA_DIGITS
            }

            /// Whether two positive integers differ by a power of two only.
            pub(super) fn same_odd_part(a: $wide, b: $wide) -> bool {
                a >> a.trailing_zeros() == b >> b.trailing_zeros()
            }

            /// The sum and whether it is exact; none if only the soft path can tell.
            pub(super) fn sum(a: $float, b: $float, known_inexact: bool) -> Option<($float, bool)> {
                let r = a + b;
                if !is_plain(a) || !is_plain(b) {
                    return None;
                }
                if r == 0.0 {
                    return Some((r, true));
                }
                if !is_safe(r) {
                    return None;
                }
                if known_inexact {
                    return Some((r, false));
                }
                // Knuth's TwoSum yields the rounding error exactly while nothing overflows.
                if a.abs() > <$float>::MAX / 4.0 || b.abs() > <$float>::MAX / 4.0 {
                    return None;
                }
                let b_part = r - a;
                let error = (a - (r - b_part)) + (b - b_part);
                Some((r, error == 0.0))
            }
        }

        #[inline]
        pub fn $add(cell: &mut u64, a: $bits, b: $bits) -> $bits {
            if *cell & SLOW == 0 {
                let (x, y) = (<$float>::from_bits(a), <$float>::from_bits(b));
                if let Some((r, exact)) = $module::sum(x, y, *cell & INEXACT != 0) {
                    *cell |= if exact { 0 } else { INEXACT };
                    return r.to_bits();
                }
            }
            soft(cell, |env| crate::add::<$format>(env, a, b))
        }

        #[inline]
        pub fn $sub(cell: &mut u64, a: $bits, b: $bits) -> $bits {
            if *cell & SLOW == 0 {
                let (x, y) = (<$float>::from_bits(a), <$float>::from_bits(b));
                if let Some((r, exact)) = $module::sum(x, -y, *cell & INEXACT != 0) {
                    *cell |= if exact { 0 } else { INEXACT };
                    return r.to_bits();
                }
            }
            soft(cell, |env| crate::sub::<$format>(env, a, b))
        }

        #[inline]
        pub fn $mul(cell: &mut u64, a: $bits, b: $bits) -> $bits {
            use $module::*;
            if *cell & SLOW == 0 {
                let (x, y) = (<$float>::from_bits(a), <$float>::from_bits(b));
                let r = x * y;
                if x.is_normal() && y.is_normal() && is_safe(r) {
                    if *cell & INEXACT == 0 && !fits(significand(x) * significand(y)) {
                        *cell |= INEXACT;
                    }
                    return r.to_bits();
                }
                if is_plain(x) && is_plain(y) && (x == 0.0 || y == 0.0) {
                    return r.to_bits();
                }
            }
            soft(cell, |env| crate::mul::<$format>(env, a, b))
        }

        #[inline]
        pub fn $div(cell: &mut u64, a: $bits, b: $bits) -> $bits {
            use $module::*;
            if *cell & SLOW == 0 {
                let (x, y) = (<$float>::from_bits(a), <$float>::from_bits(b));
                let r = x / y;
                if x.is_normal() && y.is_normal() && is_safe(r) {
                    // The quotient is exact if times the divisor it gives the dividend back.
                    if *cell & INEXACT == 0 && !same_odd_part(significand(r) * significand(y), significand(x)) {
                        *cell |= INEXACT;
                    }
                    return r.to_bits();
                }
            }
            soft(cell, |env| crate::div::<$format>(env, a, b))
        }

        #[inline]
        pub fn $sqrt(cell: &mut u64, a: $bits) -> $bits {
            use $module::*;
            if *cell & SLOW == 0 {
                let x = <$float>::from_bits(a);
                if x.is_normal() && x > 0.0 {
                    let r = x.sqrt();
                    let root = significand(r);
                    if *cell & INEXACT == 0 && !same_odd_part(root * root, significand(x)) {
                        *cell |= INEXACT;
                    }
                    return r.to_bits();
                }
            }
            soft(cell, |env| crate::sqrt::<$format>(env, a))
        }

        /// `a * b + c`. Here the host only serves once INEXACT is raised.
        #[inline]
        pub fn $mul_add(cell: &mut u64, a: $bits, b: $bits, c: $bits) -> $bits {
            use $module::*;
            if *cell & SLOW == 0 && *cell & INEXACT != 0 {
                let [x, y, z] = [a, b, c].map(<$float>::from_bits);
                if x.is_normal() && y.is_normal() && is_plain(z) {
                    let r = x.mul_add(y, z);
                    if is_safe(r) {
                        return r.to_bits();
                    }
                }
            }
            soft(cell, |env| crate::mul_add::<$format>(env, a, b, c))
        }
    };
}

fast_paths!(single, F32, f32, u32, u64, add_f32 sub_f32 mul_f32 div_f32 sqrt_f32 mul_add_f32);
fast_paths!(double, F64, f64, u64, u128, add_f64 sub_f64 mul_f64 div_f64 sqrt_f64 mul_add_f64);
