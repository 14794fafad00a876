//! IEEE 754 arithmetic on bit patterns, exact in result and in exception flags, for guests whose
//! floating-point rules differ from the host's: NaN propagation, tininess, flushing, directed
//! rounding, and the x87's 80 bits. No crate of the registry offers square root, the 80-bit format,
//! selectable tininess and selectable NaN rules together in safe Rust, hence this one.
//!
//! Every operation is generic over its [`Format`] and takes the [`Env`] it rounds and raises flags
//! in: `add::<F64>(&mut env, a, b)`. Exceptions are always masked. [`fast`] does the same for a
//! packed environment and uses the host's arithmetic where that is provably equal.

mod arith;
pub mod arm;
mod compare;
mod convert;
mod env;
pub mod fast;
mod fma;
mod format;
mod nan;
mod round;
mod sqrt;
pub mod x87;

pub use arith::{add, div, mul, sub};
pub use compare::{MinMax, compare, max, min};
pub use convert::{Int, IntOverflow, convert, from_int, to_int};
pub use env::*;
pub use fma::{mul_add, mul_add_long};
pub use format::{AltF16, BF16, F16, F32, F64, F80, Fields, Format};
pub use round::round_to_int;
pub use sqrt::sqrt;
