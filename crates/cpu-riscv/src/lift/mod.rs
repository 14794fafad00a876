//! What each instruction does, as IR: one short function an instruction or family. Operands are register slots where
//! nothing stands between reading and writing; a register is written after the last access that can fault.
pub(crate) mod arith;
pub(crate) mod atomic;
pub(crate) mod bits;
pub(crate) mod control;
pub(crate) mod csr;
pub(crate) mod fp;
pub(crate) mod mem;

use crate::decode::Args;
use crate::regs;
use ir::{BinOp, Builder, Op, Slot, Ty};

/// What follows an instruction.
pub(crate) enum Then {
    /// The next one.
    Next,
    /// Whatever it said: the block ends here.
    End,
}

pub(crate) const NEXT: Option<Then> = Some(Then::Next);
pub(crate) const END: Option<Then> = Some(Then::End);

/// xn as it is read.
fn x(n: u8) -> Slot {
    regs::x(n).into()
}

/// Where a result for xn goes; x0 discards it.
fn dst(b: &mut Builder, n: u8) -> Slot {
    if n == 0 { b.temp(1).into() } else { x(n) }
}

/// rd = the low word of `value`, sign-extended, as everything 32 bits wide is kept.
fn set_w(b: &mut Builder, a: Args, value: impl Into<Slot>) -> Option<Then> {
    let d = dst(b, a.rd);
    b.push(Op::Ext { signed: true, from: Ty::I32, to: Ty::I64, d, a: value.into() });
    NEXT
}
