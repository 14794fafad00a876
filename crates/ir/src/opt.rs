//! The block optimiser. What a guest can observe stays as it was: at every operation that may leave the
//! block, and at its end, registers and flags hold what they would have held. Budgets that end inside a block never see
//! optimised code.
mod compare;
mod forward;

use crate::{Block, Op, Slot, SlotSet, TEMPS, Ty, Use};

/// Tidies a verified block.
pub fn optimise(block: &mut Block) {
    forward::propagate(block);
    drop_repeated_traps(block);
    retarget(block);
    if extend_at_once(&mut block.ops) {
        forward::propagate(block);
        retarget(block);
    }
    remove_dead(block);
}

/// What stands for an operation that was taken out, until the dead are removed.
const NOTHING: Op = Op::Mov { d: Slot(0), a: Slot(0) };

/// Takes out traps on a register that the block has tested already and not written since.
fn drop_repeated_traps(block: &mut Block) {
    let mut tested = SlotSet::EMPTY;
    for op in &mut block.ops {
        match *op {
            Op::TrapIf { c, .. } if tested.meets(c, 1) => *op = NOTHING,
            Op::TrapIf { c, .. } if !c.is_temp() => tested.insert(c, 1),
            _ => tested.subtract(op.writes()),
        }
    }
}

/// Makes `t = op; r = t` into `r = op`, and `t = op; r = ext t` into `r = op; r = ext r`.
fn retarget(block: &mut Block) {
    let (ops, at_end) = (&mut block.ops, block.term.reads());
    let mut start = 0;
    for at in 0..ops.len() {
        match ops[at] {
            Op::Insn { .. } => start = at,
            Op::Mov { d, a } | Op::Ext { d, a, .. } if a.is_temp() && !d.is_temp() => {
                let end = (at..ops.len()).find(|&i| matches!(ops[i], Op::Insn { .. }));
                // The end of the block belongs to its last instruction, and may read the temporary.
                let ends = |temp: Slot| end.is_some() || !at_end.meets(temp, 1);
                if ends(a) {
                    let end = end.unwrap_or(ops.len());
                    let ops = &mut ops[start..end];
                    let at = at - start;
                    if let Op::Mov { .. } = ops[at] {
                        retarget_one(ops, at, d, a);
                    }
                    // It may have become an extension.
                    if matches!(ops[at], Op::Ext { a, .. } if ends(a)) {
                        extend_in_place(ops, at);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The same for the copy (or run of copies) at `at` in the operations of one instruction.
fn retarget_one(ops: &mut [Op], at: usize, reg: Slot, temp: Slot) {
    let Some(def) = (0..at).rev().find(|&k| ops[k].writes().meets(temp, 1)) else { return };
    let Some((first, n)) = destination(&ops[def]) else { return };
    // All that it writes must be copied, in order, and not be used afterwards.
    let copied = |i: u8| ops.get(at + i as usize) == Some(&Op::Mov { d: reg.up(i), a: temp.up(i) });
    if first != temp || reg.0 as u32 + n as u32 > TEMPS as u32 || !(0..n).all(copied) {
        return;
    }
    let after = at + n as usize;
    if ops[after..].iter().any(|op| op.reads().meets(temp, n)) {
        return;
    }
    let moved = with_destination(ops[def], reg);
    if can_sink(&ops[def], &ops[def + 1..at]) {
        ops[at] = moved;
        ops[def] = NOTHING;
    } else if can_hoist(&ops[def], &ops[def + 1..at], (reg, temp), n) {
        ops[def] = moved;
        ops[at] = NOTHING;
        for op in &mut ops[def + 1..at] {
            op.operands(|access, slot, _| {
                if access == Use::Read && *slot == temp {
                    *slot = reg;
                }
            });
        }
    } else {
        return;
    }
    ops[at + 1..after].fill(NOTHING);
}

/// Where an extension at `at` comes right behind what it extends, and nothing else asks for that, one register does for both.
fn extend_in_place(ops: &mut [Op], at: usize) {
    let Op::Ext { d: reg, a: temp, .. } = ops[at] else { return };
    let Some(def) = (0..at).rev().find(|&k| ops[k] != NOTHING) else { return };
    let one = matches!(ops[def], Op::Bin { d, .. } | Op::BinImm { d, .. } if d == temp && d.is_temp());
    if one && !reg.is_temp() && !ops[at + 1..].iter().any(|op| op.reads().meets(temp, 1)) {
        ops[def] = with_destination(ops[def], reg);
        if let Op::Ext { a, .. } = &mut ops[at] {
            *a = reg;
        }
    }
}

/// The slots an operation names as written.
fn destination(op: &Op) -> Option<(Slot, u8)> {
    let mut found = None;
    let mut op = *op;
    op.operands(|access, slot, n| {
        if access == Use::Write {
            found = Some((*slot, n));
        }
    });
    found
}

fn with_destination(mut op: Op, d: Slot) -> Op {
    op.operands(|access, slot, _| {
        if access == Use::Write {
            *slot = d;
        }
    });
    op
}

/// Whether `def` may run behind `between`.
fn can_sink(def: &Op, between: &[Op]) -> bool {
    let (reads, mut touched) = (def.reads(), def.writes());
    touched.union(reads);
    let writes = def.writes();
    def.is_pure()
        && between.iter().all(|op| {
            let mut uses = op.writes();
            uses.union(op.reads());
            !op.writes().intersects(&touched) && !uses.intersects(&writes)
        })
}

/// Whether `def` may write `reg` at once, though the copy comes only behind `between`.
fn can_hoist(def: &Op, between: &[Op], (reg, temp): (Slot, Slot), n: u8) -> bool {
    // A helper may write its results before it has read all operands.
    let interleaves = matches!(def, Op::Call { .. }) && def.reads().meets(reg, n);
    !interleaves
        && between.iter().all(|op| {
            let untouched = !op.reads().meets(reg, n) && !op.writes().meets(reg, n);
            // Uses of the temporary are renamed, which only works for operands of one slot.
            let mut renames = true;
            let mut copy = *op;
            copy.operands(|access, slot, len| {
                let mut used = SlotSet::EMPTY;
                used.insert(*slot, len);
                renames &= access == Use::Write || !used.meets(temp, n) || (n == 1 && len == 1);
            });
            !op.may_leave() && untouched && renames
        })
}

/// Makes `r = insert r, t; r = ext r` into `r = ext t`, also where the two are instructions; or into a copy, if `t` is extended
/// by what computes it. Says whether there were any.
fn extend_at_once(ops: &mut [Op]) -> bool {
    let (mut inserted, mut any) = (None, false);
    for at in 0..ops.len() {
        match ops[at] {
            Op::Insn { .. } | NOTHING => {}
            Op::Insert { ty: Ty::I64, d, a, b, lsb: 0, width } if d == a && d != b => {
                inserted = Some((at, d, b, width));
            }
            Op::Ext { signed, from, to, d, a } => {
                if let Some((first, r, b, width)) = inserted.take()
                    && (d, a) == (r, r)
                    && from.bits() <= width
                {
                    let narrow = |op: &Op| matches!(*op, Op::Bin { ty, d, .. } | Op::BinImm { ty, d, .. } if (ty, d) == (from, b));
                    let extended = !signed && ops[..first].last().is_some_and(narrow);
                    ops[first] = if extended { Op::Mov { d, a: b } } else { Op::Ext { signed, from, to, d, a: b } };
                    ops[at] = NOTHING;
                    any = true;
                }
            }
            op => {
                inserted = inserted.filter(|&(_, d, b, _)| {
                    !may_leave_compiled(&op) && !op.slots().meets(d, 1) && !op.writes().meets(b, 1)
                })
            }
        }
    }
    any
}

/// Whether compiled code may leave in front of the instruction: in floating point for the host's traps, too.
fn may_leave_compiled(op: &Op) -> bool {
    op.may_leave() || op.uses_fp_env()
}

/// Takes out operations whose results nothing can see.
fn remove_dead(block: &mut Block) {
    let mut live = SlotSet::GUEST;
    live.union(block.term.reads());
    let mut keep = vec![true; block.ops.len()];
    for (at, (keep, op)) in keep.iter_mut().zip(&block.ops).enumerate().rev() {
        if let Op::Insn { .. } = op {
            live.subtract(SlotSet::TEMPORARIES);
            // Behind floating point, too, compiled code may leave: the modes may be others than it counts on.
            let before = block.ops[..at].iter().rev().take_while(|op| !matches!(op, Op::Insn { .. }));
            if before.into_iter().any(Op::uses_fp_env) {
                live.union(SlotSet::GUEST);
            }
            continue;
        }
        let writes = op.writes();
        let copies_itself = matches!(op, Op::Mov { d, a } if d == a);
        if copies_itself || op.is_pure() && !writes.intersects(&live) {
            *keep = false;
            continue;
        }
        live.subtract(writes);
        live.union(op.reads());
        if may_leave_compiled(op) {
            live.union(SlotSet::GUEST);
        }
    }
    let mut keep = keep.into_iter();
    block.ops.retain(|_| keep.next().unwrap_or(true));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BinOp, Builder, FTy, FlagKind, FpOp, Reg, Ty};

    const A: Reg = Reg(1);
    const D: Reg = Reg(2);

    /// What is left of an instruction that extends a result of 32 bits into a register.
    fn extended(make: impl FnOnce(&mut Builder) -> crate::Val) -> Vec<Op> {
        let mut b = Builder::new(0);
        b.insn(0);
        let narrow = make(&mut b);
        let wide = b.sext(Ty::I32, Ty::I64, narrow);
        b.set(D, wide);
        b.jump(4);
        let mut block = b.finish(4);
        optimise(&mut block);
        block.ops.into_iter().filter(|op| !matches!(op, Op::Insn { .. })).collect()
    }

    #[test]
    fn what_replaces_the_low_byte_is_extended_at_once() {
        let ops = |width: u8| {
            let mut b = Builder::new(0);
            b.insn(0);
            let low = b.bin_imm(BinOp::Xor, Ty::I8, A, 5);
            let whole = b.insert(Ty::I64, D, low, 0, width);
            b.set(D, whole);
            b.insn(2);
            let wide = b.zext(Ty::I8, D);
            b.set(D, wide);
            b.jump(4);
            let mut block = b.finish(4);
            optimise(&mut block);
            block.ops.into_iter().filter(|op| !matches!(op, Op::Insn { .. })).collect::<Vec<_>>()
        };
        assert!(matches!(ops(8)[..], [Op::BinImm { .. }, Op::Ext { signed: false, .. }]), "{:?}", ops(8));
        assert!(matches!(ops(4)[..], [Op::BinImm { .. }, Op::Insert { .. }, Op::Ext { .. }]), "{:?}", ops(4));
    }

    /// Flags are set, and set once more before anybody asks; in between is an operation.
    fn set_twice(make: impl FnOnce(&mut Builder)) -> usize {
        let mut b = Builder::new(0);
        b.insn(0);
        b.set_flags(FlagKind::Sub, Ty::I64, A, D);
        b.insn(4);
        make(&mut b);
        b.set_flags(FlagKind::Add, Ty::I64, A, A);
        b.jump(8);
        let mut block = b.finish(8);
        optimise(&mut block);
        block.ops.iter().filter(|op| matches!(op, Op::SetFlags { .. })).count()
    }

    #[test]
    fn in_front_of_floating_point_all_is_there() {
        let (op, ty, d, a) = (FpOp::Mul, FTy::F64, D.into(), A.into());
        assert_eq!(set_twice(|b| b.push(Op::Fp { op, ty, d, a, b: a })), 2);
        assert_eq!(set_twice(|b| b.push(Op::Mov { d, a })), 1);
    }

    #[test]
    fn a_sign_extension_that_changes_nothing_goes() {
        let (d, a) = (D.into(), A.into());
        let shifted = extended(|b| b.bin_imm(BinOp::Shr, Ty::I32, A, 6));
        assert_eq!(shifted, [Op::BinImm { op: BinOp::Shr, ty: Ty::I32, d, a, imm: 6 }]);
        let masked = extended(|b| b.bin_imm(BinOp::And, Ty::I32, A, 255));
        assert_eq!(masked, [Op::BinImm { op: BinOp::And, ty: Ty::I32, d, a, imm: 255 }]);
    }

    #[test]
    fn a_sign_extension_that_may_change_something_stays_in_one_register() {
        let (d, a) = (D.into(), A.into());
        let extension = Op::Ext { signed: true, from: Ty::I32, to: Ty::I64, d, a: d };
        for (op, imm) in [(BinOp::Add, 1), (BinOp::And, -2), (BinOp::Shr, 0), (BinOp::Shr, 32), (BinOp::Or, 1)] {
            let ops = extended(|b| b.bin_imm(op, Ty::I32, A, imm));
            assert_eq!(ops, [Op::BinImm { op, ty: Ty::I32, d, a, imm: imm as i32 }, extension]);
        }
    }

    #[test]
    fn what_is_read_again_is_not_overwritten_by_its_extension() {
        let mut b = Builder::new(0);
        b.insn(0);
        let narrow = b.bin_imm(BinOp::Add, Ty::I32, A, 1);
        let wide = b.sext(Ty::I32, Ty::I64, narrow);
        b.set(D, wide);
        b.set(A, narrow);
        b.jump(4);
        let mut block = b.finish(4);
        let as_lifted = block.clone();
        optimise(&mut block);
        let is_copy = |op: &Op| matches!(op, Op::Ext { d, a, .. } if d == a);
        assert!(!block.ops.iter().any(is_copy), "{as_lifted:?} {block:?}");
    }
}
