//! SIMD floating-point exceptions that are not masked (SDM volume 1, 11.5). They are rare: whatever raises exceptions tests
//! that all are masked, and otherwise asks to be executed alone, in a form that looks before it leaves anything behind.
use crate::helpers::fp::{SIMD_BEGIN, SIMD_END};
use crate::regs::SIMD_UNMASKED;
use ir::{Builder, FP_ENV, Op, Slot, SlotSet, TEMPS, Trap, Use};

/// Whether it is an operation that raises SIMD exceptions.
fn raises(op: &Op) -> bool {
    let whole_machine = matches!(op, Op::Call { helper, .. } if helper.is_machine());
    op.uses_fp_env() && !whole_machine
}

/// Whether the instruction lifted since `mark` can raise some.
pub(crate) fn may_raise(out: &Builder, mark: (usize, u32)) -> bool {
    out.since(mark).iter().any(raises)
}

/// Puts the test before what was lifted since `mark`.
pub(crate) fn guard(out: &mut Builder, mark: (usize, u32)) {
    let ops = out.take_from(mark);
    out.trap_if(SIMD_UNMASKED, Trap::Assist);
    ops.into_iter().for_each(|op| out.push(op));
}

/// The form for unmasked exceptions: registers are put back, and memory and flags not written, if there is one.
pub(crate) fn assisted(out: &mut Builder, mark: (usize, u32)) {
    let ops = out.take_from(mark);
    let is_last = |op: &Op| matches!(op, Op::Store { .. } | Op::StoreX { .. } | Op::SetFlags { .. });
    let mut changed = SlotSet::EMPTY;
    for op in ops.iter().filter(|op| !is_last(op)) {
        let mut op = *op;
        op.operands(|access, slot, n| {
            if access == Use::Write && slot.0 < TEMPS {
                changed.insert(*slot, n);
            }
        });
    }
    let kept: Vec<(Slot, Slot)> = changed.iter().map(|slot| (slot, out.get(slot).into())).collect();
    let env = out.get(FP_ENV);
    let first = ops.iter().position(raises).unwrap_or(ops.len());
    for (at, op) in ops.iter().enumerate().filter(|(_, op)| !is_last(op)) {
        if at == first {
            // Nothing behind this faults.
            let clear = out.call(&SIMD_BEGIN, env, SIMD_UNMASKED, env, 0);
            out.set(FP_ENV, clear);
        }
        out.push(*op);
    }
    let end = out.call(&SIMD_END, FP_ENV, env, SIMD_UNMASKED, 0);
    out.set(FP_ENV, end);
    let trap = end.up(1);
    for (slot, old) in kept {
        out.push(Op::Select { d: slot, c: trap.into(), a: old, b: slot });
    }
    out.trap_if(trap, Trap::Simd);
    ops.into_iter().filter(is_last).for_each(|op| out.push(op));
}
