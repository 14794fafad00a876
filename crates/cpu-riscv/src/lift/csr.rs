//! Control and status registers: fcsr with its two parts, and the counters, which are read-only.
use super::*;
use crate::helpers::{CSR_READ, CSR_WRITE};
use crate::regs::FRM as FRM_SLOT;
use ir::CallArgs;

/// How a register is changed by the operand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Write,
    Set,
    Clear,
}

pub(crate) const FFLAGS: u16 = 1;
pub(crate) const FRM: u16 = 2;
pub(crate) const FCSR: u16 = 3;
const CYCLE: u16 = 0xc00;
const TIME: u16 = 0xc01;
const INSTRET: u16 = 0xc02;

pub(crate) fn reg(b: &mut Builder, a: Args, change: Change) -> Option<Then> {
    access(b, a, change, x(a.rs1), a.rs1 == 0)
}

pub(crate) fn imm(b: &mut Builder, a: Args, change: Change) -> Option<Then> {
    let operand = b.iconst(a.imm as u64).into();
    access(b, a, change, operand, a.imm == 0)
}

/// Setting or clearing by x0 or 0 does not write (section 6.1).
fn access(b: &mut Builder, a: Args, change: Change, operand: Slot, by_zero: bool) -> Option<Then> {
    let writes = change == Change::Write || !by_zero;
    let old = match a.csr {
        FFLAGS | FRM | FCSR => b.call(&CSR_READ, FRM_SLOT, x(0), x(0), a.csr),
        // One instruction an (own) nanosecond: the three counters are one.
        CYCLE | TIME | INSTRET if !writes => b.read_time(),
        _ => return None,
    };
    if writes {
        let new = match change {
            Change::Write => operand,
            Change::Set => b.or(Ty::I64, old, operand).into(),
            Change::Clear => b.bin(BinOp::AndNot, Ty::I64, old, operand).into(),
        };
        let frm = FRM_SLOT.into();
        b.call_into(&CSR_WRITE, CallArgs { d: frm, a: new, b: frm, c: frm, imm: a.csr });
    }
    if a.rd != 0 {
        b.set(regs::x(a.rd), old);
    }
    NEXT
}
