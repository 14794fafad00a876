//! The IR as text, one operation a line: what `disasm --ir` prints, and what it can be read back from.
//!
//! `d = name.suffixes operands`. Slots are named by the caller, or `t0`.. (temporaries) and `s0`..; immediates begin with
//! `#`, addresses and constants with `0x`.
mod names;
mod parse;
mod print;

pub use parse::{ParseError, parse};
pub use print::{print, print_op, print_term};

#[cfg(test)]
mod tests;
