//! What every block must satisfy: run on each lifted block in debug builds and tests.
use crate::{BinOp, Block, CPU_LEVEL, MemTy, Op, Slot, SlotSet, TEMPS, Term, Trap, Ty, Use, VecOp};

/// A rule a block breaks, and where: at the operation of this index, or at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyError {
    pub at: Option<usize>,
    pub what: &'static str,
}

impl std::fmt::Display for VerifyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.at {
            Some(at) => write!(f, "operation {at}: {}", self.what),
            None => write!(f, "end of block: {}", self.what),
        }
    }
}

impl std::error::Error for VerifyError {}

/// Checks a block as a lifter made it.
pub fn verify(block: &Block) -> Result<(), VerifyError> {
    let mut written = SlotSet::EMPTY;
    let mut insns = 0;
    let mut pc = None;
    for (at, op) in block.ops.iter().enumerate() {
        let fail = |what| Err(VerifyError { at: Some(at), what });
        if let Op::Insn { pc: here } = *op {
            match pc {
                None if here != block.pc => return fail("the first instruction is not at the block's pc"),
                // Addresses may wrap around, so only compare distances.
                Some(before) if here.wrapping_sub(block.pc) <= u64::wrapping_sub(before, block.pc) => {
                    return fail("instructions are not in order");
                }
                _ => {}
            }
            pc = Some(here);
            insns += 1;
            written = SlotSet::EMPTY;
            continue;
        }
        if pc.is_none() {
            return fail("an operation before the first instruction mark");
        }
        if let Err(what) = operands(op, &mut written).and_then(|()| shape(op)) {
            return fail(what);
        }
    }
    let fail = |what| Err(VerifyError { at: None, what });
    if insns == 0 || insns != block.insns {
        return fail("the number of instruction marks is not the block's");
    }
    let mut bad = false;
    let mut term = block.term;
    term.operands(|slot| bad |= unwritten(*slot, 1, &written));
    if bad {
        return fail("a temporary is read before it is written");
    }
    match block.term {
        Term::Trap { trap: Trap::Fault(_), .. } => fail("faults come from accesses"),
        // A software interrupt traps behind itself.
        Term::Trap { trap: Trap::Breakpoint | Trap::Overflow | Trap::Debug, pc: at } if at == block.end => Ok(()),
        Term::Trap { pc: at, .. } if Some(at) != pc => fail("the trap is not at the last instruction"),
        _ => Ok(()),
    }
}

fn unwritten(slot: Slot, n: u8, written: &SlotSet) -> bool {
    slot.is_temp() && !written.covers(slot, n)
}

/// Slots exist, and temporaries are written once and before they are read.
fn operands(op: &Op, written: &mut SlotSet) -> Result<(), &'static str> {
    let mut result = Ok(());
    let mut op = *op;
    op.operands(|access, slot, n| {
        let (first, last) = (slot.0 as u32, slot.0 as u32 + n as u32 - 1);
        let problem = if last > 255 {
            "a vector runs over the last slot"
        } else if first < TEMPS as u32 && last > CPU_LEVEL.0 as u32 {
            "a slot that is neither register nor temporary"
        } else if access == Use::Read && unwritten(*slot, n, written) {
            "a temporary is read before it is written"
        } else if access == Use::Write && slot.is_temp() && written.meets(*slot, n) {
            "a temporary is written twice"
        } else {
            if access == Use::Write && slot.is_temp() {
                written.insert(*slot, n);
            }
            return;
        };
        result = Err(problem);
    });
    if let Op::Call { helper, d, .. } = op
        && helper.is_machine()
        && d.is_temp()
    {
        // What it writes there is its own business.
        written.insert(d, 1);
    }
    result
}

/// Sizes and immediates are ones the operation has.
fn shape(op: &Op) -> Result<(), &'static str> {
    let ok = match *op {
        Op::Ext { from, to, .. } => from <= to,
        Op::Extract { ty, lsb, width, .. } | Op::Insert { ty, lsb, width, .. } => {
            width >= 1 && lsb as u32 + width as u32 <= ty.bits() as u32
        }
        Op::Funnel { ty, amount, .. } => amount < ty.bits(),
        Op::Lea { scale, .. } | Op::LoadX { scale, .. } | Op::StoreX { scale, .. } if scale > 63 => false,
        Op::Store { ty, .. } | Op::StoreX { ty, .. } => !matches!(ty, MemTy::S8 | MemTy::S16 | MemTy::S32),
        Op::ProbeWrite { bytes, .. } => bytes != 0,
        Op::CheckAligned { bytes, .. } => bytes.is_power_of_two(),
        Op::Vec { op, lane, bytes, .. } => {
            let float = op.is_float() || matches!(op, VecOp::FAbs | VecOp::FNeg);
            let has_lane = match op {
                VecOp::NarrowS | VecOp::NarrowU => lane < Ty::I64,
                VecOp::ShuffleBytes => lane == Ty::I8,
                _ => !float || lane >= Ty::I32,
            };
            matches!(bytes, 8 | 16 | 32) && has_lane
        }
        Op::VecShuffle { lane, .. } => matches!(lane, Ty::I16 | Ty::I32),
        Op::VecMask { bytes, .. } => matches!(bytes, 8 | 16 | 32),
        Op::VecShift { op, bytes, .. } => {
            matches!(bytes, 8 | 16 | 32) && matches!(op, BinOp::Shl | BinOp::Shr | BinOp::Sar)
        }
        Op::LoadEx { ty, pair, .. } | Op::StoreEx { ty, pair, .. } => !pair || ty >= Ty::I32,
        Op::TrapIf { trap, .. } => !matches!(trap, Trap::Fault(_)),
        _ => true,
    };
    if ok { Ok(()) } else { Err("a size or immediate the operation does not have") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Builder, Reg, Val};

    fn built(f: impl FnOnce(&mut Builder)) -> Result<(), &'static str> {
        let mut out = Builder::new(0x1000);
        out.insn(0x1000);
        f(&mut out);
        verify(&out.finish(0x1004)).map_err(|e| e.what)
    }

    #[test]
    fn good_blocks_pass() {
        built(|out| {
            let sum = out.add(Ty::I64, Reg(1), Reg(2));
            out.set(Reg(1), sum);
            out.insn(0x1002);
            let v = out.load(MemTy::V128, Reg(3), 8);
            out.set_n(2, Reg(32), v);
        })
        .unwrap();
    }

    #[test]
    fn broken_rules_are_found() {
        let early = "a temporary is read before it is written";
        assert_eq!(built(|out| out.set(Reg(1), Val(200))), Err(early));
        assert_eq!(
            built(|out| {
                let t = out.iconst(1);
                out.insn(0x1002);
                out.set(Reg(1), t);
            }),
            Err(early)
        );
        assert_eq!(built(|out| out.branch(Val(199), 0, 0)), Err(early));
        assert_eq!(built(|out| out.store(MemTy::V128, Reg(255), Reg(0), 0)), Err("a vector runs over the last slot"));
        assert_eq!(built(|out| out.insn(0x1000)), Err("instructions are not in order"));
        assert_eq!(
            built(|out| {
                let t = out.iconst(1);
                out.push(Op::Const { d: t.into(), value: 2 });
            }),
            Err("a temporary is written twice")
        );
        assert_eq!(
            built(|out| {
                out.extract(false, Ty::I32, Reg(0), 20, 20);
            }),
            Err("a size or immediate the operation does not have")
        );
        assert_eq!(built(|out| out.trap(Trap::Illegal, 0x1004)), Err("the trap is not at the last instruction"));
    }
}
