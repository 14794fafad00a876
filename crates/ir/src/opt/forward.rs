//! One walk from the start of a block to its end: operands become the registers they copy or the constants they hold,
//! and questions about flags become comparisons.
use super::NOTHING;
use super::compare::{Against, KnownFlags, as_imm};
use crate::{BinOp, Block, FLAG_A, FLAG_B, MemTy, Op, Slot, SlotSet, Term, Ty, Use};

/// Each slot, by number.
const THEMSELVES: [Slot; 256] = {
    let mut slots = [Slot(0); 256];
    let mut i = 0;
    while i < slots.len() {
        slots[i] = Slot(i as u8);
        i += 1;
    }
    slots
};

/// What is known at a point of the walk.
struct Known {
    /// For each slot, another with the same value that is better used; itself if there is none.
    same: [Slot; 256],
    /// Slots whose entry in `same` is not themselves.
    renamed: SlotSet,
    /// Slots that entries of `renamed` lead to, and perhaps others.
    better: SlotSet,
    /// The constants that the slots of `valued` hold.
    value: [u64; 256],
    valued: SlotSet,
    /// Slots whose values are below 2^31: a sign extension from 32 bits leaves them as they are.
    small: SlotSet,
    flags: Option<KnownFlags>,
    /// A slot that has been found aligned, and to how many bytes.
    aligned: Option<(Slot, u8)>,
    /// The last operation that may turn out to compute what flags are set from, and its slots, which are unchanged.
    sum: Option<(Op, SlotSet)>,
}

pub(super) fn propagate(block: &mut Block) {
    let mut known = Known {
        same: THEMSELVES,
        renamed: SlotSet::EMPTY,
        better: SlotSet::EMPTY,
        value: [0; 256],
        valued: SlotSet::EMPTY,
        small: SlotSet::EMPTY,
        flags: None,
        aligned: None,
        sum: None,
    };
    for op in &mut block.ops {
        known.rewrite(op);
        known.learn(op);
    }
    block.term.operands(|slot| *slot = known.same[slot.0 as usize]);
    known.rewrite_term(&mut block.term);
}

impl Known {
    /// Says the operation in the best terms known before it.
    fn rewrite(&self, op: &mut Op) {
        let machine = matches!(op, Op::Call { helper, .. } if helper.is_machine());
        if !machine {
            op.operands(|access, slot, n| {
                let best = self.same[slot.0 as usize];
                if access == Use::Read && (1..n).all(|i| self.same[slot.up(i).0 as usize] == best.up(i)) {
                    *slot = best;
                }
            });
        }
        match *op {
            Op::Mov { d, a } => {
                if let Some(value) = self.value(a) {
                    *op = Op::Const { d, value };
                }
            }
            Op::Bin { op: bin, ty, d, a, b } => {
                if let Some(imm) = self.value(b).and_then(|b| as_imm(ty, b)) {
                    *op = Op::BinImm { op: bin, ty, d, a, imm };
                } else if let (BinOp::Add | BinOp::And | BinOp::Or | BinOp::Xor | BinOp::Mul, Some(imm)) =
                    (bin, self.value(a).and_then(|a| as_imm(ty, a)))
                {
                    *op = Op::BinImm { op: bin, ty, d, a: b, imm };
                }
            }
            Op::Cmp { cond, ty, d, a, b } => {
                if let Some(imm) = self.value(b).and_then(|b| as_imm(ty, b)) {
                    *op = Op::CmpImm { cond, ty, d, a, imm };
                }
            }
            Op::Ext { from: Ty::I32, to: Ty::I64, d, a, .. } if self.small.meets(a, 1) => *op = Op::Mov { d, a },
            Op::CheckAligned { bytes, addr }
                if self.aligned.is_some_and(|(slot, known)| slot == addr && known >= bytes) =>
            {
                *op = NOTHING;
            }
            Op::GetFlag { cond, d } => {
                if let Some((flags, (cond, a, against))) = self.flags.and_then(|f| Some((f, f.comparison(cond)?))) {
                    *op = match against {
                        Against::Slot(b) => Op::Cmp { cond, ty: flags.ty, d, a, b },
                        Against::Imm(imm) => Op::CmpImm { cond, ty: flags.ty, d, a, imm },
                    };
                }
            }
            _ => {}
        }
    }

    fn rewrite_term(&self, term: &mut Term) {
        if let Term::BranchFlag { cond, taken, next } = *term
            && let Some(flags) = self.flags
            && let Some((cond, a, against)) = flags.comparison(cond)
        {
            let ty = flags.ty;
            *term = match against {
                Against::Slot(b) => Term::BranchCmp { cond, ty, a, b, taken, next },
                Against::Imm(imm) => Term::BranchCmpImm { cond, ty, a, imm, taken, next },
            };
        }
        if let Term::BranchCmp { cond, ty, a, b, taken, next } = *term
            && let Some(imm) = self.value(b).and_then(|b| as_imm(ty, b))
        {
            *term = Term::BranchCmpImm { cond, ty, a, imm, taken, next };
        }
    }

    /// Takes in what the operation does.
    fn learn(&mut self, op: &Op) {
        match *op {
            Op::Insn { .. } => {
                // The temporaries are gone.
                self.forget(SlotSet::TEMPORARIES);
                return;
            }
            Op::Call { helper, .. } if helper.is_machine() => {
                self.forget(SlotSet::ALL);
                return;
            }
            _ => {}
        }
        let aligned = self.aligned.filter(|&known| stays_aligned(op, known));
        let small = self.small_result(op);
        let result = self.flags.as_ref().and_then(|flags| flags.result_of(op));
        let mut copy = *op;
        copy.operands(|access, slot, n| {
            if access == Use::Write {
                self.forget(SlotSet::of(*slot, n));
            }
        });
        self.aligned = aligned.or(self.aligned);
        if let Some(d) = small {
            self.small.insert(d, 1);
        }
        match *op {
            Op::CheckAligned { bytes, addr } => self.aligned = Some((addr, bytes)),
            Op::Mov { d, a } if d != a => {
                // A temporary is renamed to the register that got its value; a register to the one it was copied from.
                if a.is_temp() && !d.is_temp() {
                    self.rename(a, d);
                    if let Some(flags) = &mut self.flags
                        && flags.result == Some(a)
                    {
                        flags.result = Some(d);
                    }
                } else {
                    self.rename(d, a);
                }
            }
            Op::Bin { d, a, b, .. } if d != a && d != b => self.sum = Some((*op, op.slots())),
            Op::BinImm { d, a, .. } if d != a => self.sum = Some((*op, op.slots())),
            Op::Const { d, value } => {
                self.value[d.0 as usize] = value;
                self.valued.insert(d, 1);
            }
            Op::SetFlags { kind, ty, a, b, .. } => {
                self.forget(SlotSet::FLAGS);
                let b_value = if kind.reads_b() { self.value(b) } else { None };
                let mut flags = KnownFlags { kind, ty, a, b, b_value, result: None };
                flags.result = self.sum.as_ref().and_then(|(sum, _)| flags.result_of(sum));
                self.flags = Some(flags);
            }
            Op::SetFlagsIf { .. } => {
                self.forget(SlotSet::FLAGS);
                self.flags = None;
            }
            Op::LoadEx { .. } | Op::StoreEx { .. } | Op::ClearEx => self.forget(SlotSet::of(crate::EX_ADDR.into(), 2)),
            _ if op.writes().meets(crate::FP_ENV.into(), 1) => self.forget(SlotSet::of(crate::FP_ENV.into(), 1)),
            _ => {}
        }
        if let (Some(result), Some(flags)) = (result, &mut self.flags) {
            flags.result = Some(result);
        }
    }

    /// The slot that gets a value below 2^31. Results of narrow operations are extended with zeros.
    fn small_result(&self, op: &Op) -> Option<Slot> {
        let small = |s: Slot| self.small.meets(s, 1);
        match *op {
            Op::Const { d, value } if value < 1 << 31 => Some(d),
            Op::Mov { d, a } if small(a) => Some(d),
            Op::Load { ty: MemTy::U8 | MemTy::U16, d, .. } | Op::LoadX { ty: MemTy::U8 | MemTy::U16, d, .. } => Some(d),
            Op::Cmp { d, .. } | Op::CmpImm { d, .. } | Op::GetFlag { d, .. } => Some(d),
            Op::Bin { ty: Ty::I8 | Ty::I16, d, .. } | Op::BinImm { ty: Ty::I8 | Ty::I16, d, .. } => Some(d),
            Op::Bin { op: BinOp::And, d, a, b, .. } if small(a) || small(b) => Some(d),
            Op::Bin { op: BinOp::Or | BinOp::Xor, d, a, b, .. } if small(a) && small(b) => Some(d),
            Op::BinImm { op: BinOp::And, d, imm: 0.., .. } => Some(d),
            Op::BinImm { op: BinOp::Or | BinOp::Xor, d, a, imm: 0.., .. } if small(a) => Some(d),
            Op::BinImm { op: BinOp::Shr, ty, d, a, imm } => {
                let by = imm as u8 & (ty.bits() - 1);
                (small(a) || by > ty.bits() - 32).then_some(d)
            }
            Op::Ext { signed: false, from: Ty::I8 | Ty::I16, d, .. } => Some(d),
            Op::Extract { signed: false, d, width: ..32, .. } => Some(d),
            _ => None,
        }
    }

    fn rename(&mut self, from: Slot, to: Slot) {
        self.same[from.0 as usize] = to;
        self.renamed.insert(from, 1);
        self.better.insert(to, 1);
    }

    fn value(&self, slot: Slot) -> Option<u64> {
        self.valued.meets(slot, 1).then_some(self.value[slot.0 as usize])
    }

    /// Forgets all that rests on the values of these slots.
    fn forget(&mut self, gone: SlotSet) {
        self.valued.subtract(gone);
        self.small.subtract(gone);
        for s in gone.intersection(self.renamed).iter() {
            self.same[s.0 as usize] = s;
        }
        self.renamed.subtract(gone);
        if gone.intersects(&self.better) {
            for s in self.renamed.iter() {
                if gone.meets(self.same[s.0 as usize], 1) {
                    self.same[s.0 as usize] = s;
                    self.renamed.remove(s, 1);
                }
            }
            self.better.subtract(gone);
        }
        if self.sum.is_some_and(|(_, slots)| slots.intersects(&gone)) {
            self.sum = None;
        }
        if self.aligned.is_some_and(|(slot, _)| gone.meets(slot, 1)) {
            self.aligned = None;
        }
        if gone.intersects(&SlotSet::FLAGS) {
            self.flags = None;
        }
        if let Some(flags) = &mut self.flags {
            // The setting itself keeps a copy of its operands.
            if gone.meets(flags.a, 1) {
                flags.a = FLAG_A.into();
            }
            if gone.meets(flags.b, 1) {
                flags.b = FLAG_B.into();
            }
            if flags.result.is_some_and(|result| gone.meets(result, 1)) {
                flags.result = None;
            }
        }
    }
}

/// Whether the operation moves the aligned slot by a multiple of its alignment, as frames of a stack do.
fn stays_aligned(op: &Op, (slot, bytes): (Slot, u8)) -> bool {
    matches!(*op, Op::BinImm { op: BinOp::Add | BinOp::Sub, ty: Ty::I64, d, a, imm }
        if d == slot && a == slot && imm & (i32::from(bytes) - 1) == 0)
}
