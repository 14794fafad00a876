//! Which slots an operation reads and writes, and what else it does: the facts verifier and optimiser share.
use crate::{EX_ADDR, FLAG_KIND, FP_ENV, FpOp, HelperFn, Op, Slot, TEMPS, Term, VecOp};

/// What an operation does with a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    Read,
    Write,
}

/// A set of slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlotSet([u64; 4]);

impl SlotSet {
    pub const EMPTY: SlotSet = SlotSet([0; 4]);
    pub const ALL: SlotSet = SlotSet([u64::MAX; 4]);

    /// Every guest register and cell.
    pub const GUEST: SlotSet = SlotSet::ALL.without(SlotSet::TEMPORARIES);
    /// Every temporary.
    pub const TEMPORARIES: SlotSet = SlotSet::EMPTY.with(Slot(TEMPS), u8::MAX - TEMPS + 1);
    /// How the flags were last set.
    pub const FLAGS: SlotSet = SlotSet::EMPTY.with(Slot(FLAG_KIND.0), 4);

    /// `n` slots from `at`.
    pub fn of(at: Slot, n: u8) -> SlotSet {
        SlotSet::EMPTY.with(at, n)
    }
    const fn with(mut self, at: Slot, n: u8) -> SlotSet {
        let mut i = 0;
        while i < n {
            let s = at.up(i).0;
            self.0[s as usize / 64] |= 1 << (s % 64);
            i += 1;
        }
        self
    }
    const fn without(self, other: SlotSet) -> SlotSet {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        SlotSet([a & !e, b & !f, c & !g, d & !h])
    }
    pub fn insert(&mut self, at: Slot, n: u8) {
        *self = self.with(at, n);
    }
    pub fn remove(&mut self, at: Slot, n: u8) {
        for i in 0..n {
            let s = at.up(i).0;
            self.0[s as usize / 64] &= !(1 << (s % 64));
        }
    }
    /// Whether any of `n` slots from `at` is in the set.
    pub fn meets(&self, at: Slot, n: u8) -> bool {
        (0..n).any(|i| {
            let s = at.up(i).0;
            self.0[s as usize / 64] & 1 << (s % 64) != 0
        })
    }
    /// Whether all of `n` slots from `at` are in the set.
    pub fn covers(&self, at: Slot, n: u8) -> bool {
        (0..n).all(|i| self.meets(at.up(i), 1))
    }
    pub fn iter(self) -> impl Iterator<Item = Slot> {
        self.0.into_iter().enumerate().flat_map(|(i, mut word)| {
            std::iter::from_fn(move || {
                let bit = (word != 0).then(|| word.trailing_zeros())?;
                word &= word - 1;
                Some(Slot(i as u8 * 64 + bit as u8))
            })
        })
    }
    pub fn intersects(&self, other: &SlotSet) -> bool {
        self.0.iter().zip(other.0).any(|(a, b)| a & b != 0)
    }
    pub fn intersection(self, other: SlotSet) -> SlotSet {
        SlotSet(std::array::from_fn(|i| self.0[i] & other.0[i]))
    }
    pub fn subtract(&mut self, other: SlotSet) {
        *self = self.without(other);
    }
    pub fn union(&mut self, other: SlotSet) {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a |= b;
        }
    }
}

impl Op {
    /// The slots the operation names, with how many neighbours it uses: first those read, then those written.
    pub fn operands(&mut self, mut f: impl FnMut(Use, &mut Slot, u8)) {
        use Use::{Read, Write};
        match self {
            Op::Insn { .. } | Op::ClearEx | Op::Fence => {}
            Op::Const { d, .. } | Op::GetFlag { d, .. } | Op::GetFlags { d } | Op::ReadTime { d } => f(Write, d, 1),
            Op::Mov { d, a }
            | Op::BinImm { d, a, .. }
            | Op::Un { d, a, .. }
            | Op::Ext { d, a, .. }
            | Op::Extract { d, a, .. }
            | Op::CmpImm { d, a, .. }
            | Op::FpToInt { d, a, .. }
            | Op::IntToFp { d, a, .. }
            | Op::FpToFp { d, a, .. }
            | Op::FpRound { d, a, .. } => {
                f(Read, a, 1);
                f(Write, d, 1);
            }
            Op::Bin { d, a, b, .. }
            | Op::Insert { d, a, b, .. }
            | Op::Funnel { d, hi: a, lo: b, .. }
            | Op::Lea { d, base: a, index: b, .. }
            | Op::Cmp { d, a, b, .. }
            | Op::FpCmp { d, a, b, .. }
            | Op::AtomicRmw { d, addr: a, src: b, .. } => {
                f(Read, a, 1);
                f(Read, b, 1);
                f(Write, d, 1);
            }
            Op::Fp { op, d, a, b, .. } => {
                f(Read, a, 1);
                if !matches!(op, FpOp::Sqrt | FpOp::Abs | FpOp::Neg) {
                    f(Read, b, 1);
                }
                f(Write, d, 1);
            }
            Op::AddC { d, a, b, c, .. }
            | Op::Select { d, c: a, a: b, b: c }
            | Op::Fma { d, a, b, c, .. }
            | Op::Cas { d, addr: a, expect: b, new: c, .. } => {
                f(Read, a, 1);
                f(Read, b, 1);
                f(Read, c, 1);
                f(Write, d, 1);
            }
            Op::SetFlags { kind, a, b, c, .. } => {
                f(Read, a, 1);
                if kind.reads_b() {
                    f(Read, b, 1);
                }
                if kind.reads_c() {
                    f(Read, c, 1);
                }
            }
            Op::SetFlagsIf { cond, kind, a, b, c, .. } => {
                f(Read, cond, 1);
                f(Read, a, 1);
                if kind.reads_b() {
                    f(Read, b, 1);
                }
                if kind.reads_c() {
                    f(Read, c, 1);
                }
            }
            Op::Load { ty, d, addr, .. } => {
                f(Read, addr, 1);
                f(Write, d, ty.slots());
            }
            Op::LoadX { ty, d, base, index, .. } => {
                f(Read, base, 1);
                f(Read, index, 1);
                f(Write, d, ty.slots());
            }
            Op::Store { ty, src, addr, .. } => {
                f(Read, src, ty.slots());
                f(Read, addr, 1);
            }
            Op::StoreX { ty, src, base, index, .. } => {
                f(Read, src, ty.slots());
                f(Read, base, 1);
                f(Read, index, 1);
            }
            Op::ProbeWrite { addr, .. } | Op::CheckAligned { addr, .. } => f(Read, addr, 1),
            Op::Cas128 { d, addr, expect, new, .. } => {
                f(Read, addr, 1);
                f(Read, expect, 2);
                f(Read, new, 2);
                f(Write, d, 2);
            }
            Op::LoadEx { pair, d, addr, .. } => {
                f(Read, addr, 1);
                f(Write, d, 1 + *pair as u8);
            }
            Op::StoreEx { pair, d, addr, src, .. } => {
                f(Read, addr, 1);
                f(Read, src, 1 + *pair as u8);
                f(Write, d, 1);
            }
            Op::Vec { op, bytes, d, a, b, .. } => {
                let n = bytes.div_ceil(8);
                f(Read, a, if *op == VecOp::Dup { 1 } else { n });
                if !op.is_unary() {
                    f(Read, b, n);
                }
                f(Write, d, n);
            }
            Op::VecShift { bytes, d, a, .. } => {
                let n = bytes.div_ceil(8);
                f(Read, a, n);
                f(Write, d, n);
            }
            Op::VecShuffle { lane, d, a, b, .. } => {
                let n = lane.bytes() / 2;
                f(Read, a, n);
                f(Read, b, n);
                f(Write, d, n);
            }
            Op::VecMask { bytes, d, a, .. } => {
                f(Read, a, bytes.div_ceil(8));
                f(Write, d, 1);
            }
            Op::Call { helper, d, a, b, c, .. } => {
                for (slot, n) in [a, b, c].into_iter().zip(helper.reads) {
                    if n != 0 {
                        f(Read, slot, n);
                    }
                }
                if helper.writes != 0 {
                    f(Write, d, helper.writes);
                }
            }
            Op::ExitIf { c, .. } | Op::TrapIf { c, .. } => f(Read, c, 1),
        }
    }

    /// All slots it reads, those it does not name included.
    pub fn reads(&self) -> SlotSet {
        let mut set = SlotSet::EMPTY;
        let mut op = *self;
        op.operands(|access, slot, n| {
            if access == Use::Read {
                set.insert(*slot, n);
            }
        });
        match self {
            Op::SetFlagsIf { .. } | Op::GetFlag { .. } | Op::GetFlags { .. } => set.union(SlotSet::FLAGS),
            Op::LoadEx { .. } | Op::StoreEx { .. } | Op::ClearEx => set.insert(EX_ADDR.into(), 2),
            Op::Call { helper, .. } if helper.is_machine() => set = SlotSet::ALL,
            _ if self.uses_fp_env() => set.insert(FP_ENV.into(), 1),
            _ => {}
        }
        set
    }

    /// All slots it writes, those it does not name included.
    pub fn writes(&self) -> SlotSet {
        let mut set = SlotSet::EMPTY;
        let mut op = *self;
        op.operands(|access, slot, n| {
            if access == Use::Write {
                set.insert(*slot, n);
            }
        });
        match self {
            // Settings without a carry leave FLAG_C alone, but nothing can tell: it means something only with one.
            Op::SetFlags { .. } | Op::SetFlagsIf { .. } => set.union(SlotSet::FLAGS),
            Op::LoadEx { .. } | Op::StoreEx { .. } | Op::ClearEx => set.insert(EX_ADDR.into(), 2),
            Op::Call { helper, .. } if helper.is_machine() => set = SlotSet::ALL,
            _ if self.uses_fp_env() => set.insert(FP_ENV.into(), 1),
            _ => {}
        }
        set
    }

    /// All slots it reads or writes.
    pub fn slots(&self) -> SlotSet {
        let mut set = self.reads();
        set.union(self.writes());
        set
    }

    /// Whether it reads and raises exceptions in `FP_ENV`.
    pub fn uses_fp_env(&self) -> bool {
        match self {
            Op::Fp { op, .. } => !matches!(op, FpOp::Abs | FpOp::Neg),
            Op::Fma { .. }
            | Op::FpCmp { .. }
            | Op::FpToInt { .. }
            | Op::IntToFp { .. }
            | Op::FpToFp { .. }
            | Op::FpRound { .. } => true,
            Op::Vec { op, .. } => op.is_float(),
            Op::Call { helper, .. } => helper.fp_env,
            _ => false,
        }
    }

    /// Whether it may leave the block, by a fault, a trap or an exit, or show registers to a helper: what has been written
    /// before it can be observed.
    pub fn may_leave(&self) -> bool {
        match self {
            Op::Load { .. }
            | Op::LoadX { .. }
            | Op::Store { .. }
            | Op::StoreX { .. }
            | Op::ProbeWrite { .. }
            | Op::CheckAligned { .. }
            | Op::AtomicRmw { .. }
            | Op::Cas { .. }
            | Op::Cas128 { .. }
            | Op::LoadEx { .. }
            | Op::StoreEx { .. }
            | Op::ExitIf { .. }
            | Op::TrapIf { .. } => true,
            Op::Call { helper, .. } => matches!(helper.run, HelperFn::Machine(_)),
            _ => false,
        }
    }

    /// Whether all it does is to write slots.
    pub fn is_pure(&self) -> bool {
        !self.may_leave() && !matches!(self, Op::Insn { .. } | Op::ClearEx | Op::Fence)
    }
}

impl Term {
    /// The slots the end of a block names.
    pub fn operands(&mut self, mut f: impl FnMut(&mut Slot)) {
        match self {
            Term::Branch { c: a, .. } | Term::BranchCmpImm { a, .. } | Term::JumpReg { a, .. } => f(a),
            Term::BranchCmp { a, b, .. } => {
                f(a);
                f(b);
            }
            Term::Jump { .. } | Term::BranchFlag { .. } | Term::Syscall { .. } | Term::Trap { .. } => {}
        }
    }

    pub fn reads(&self) -> SlotSet {
        let mut set = SlotSet::EMPTY;
        let mut term = *self;
        term.operands(|slot| set.insert(*slot, 1));
        if matches!(self, Term::BranchFlag { .. }) {
            set.union(SlotSet::FLAGS);
        }
        set
    }
}

impl VecOp {
    /// Whether `b` is not read.
    pub fn is_unary(self) -> bool {
        matches!(
            self,
            VecOp::Dup
                | VecOp::Not
                | VecOp::Neg
                | VecOp::Abs
                | VecOp::Popcnt
                | VecOp::FSqrt
                | VecOp::FAbs
                | VecOp::FNeg
        )
    }
    /// Whether lanes are floats whose arithmetic uses the environment.
    pub fn is_float(self) -> bool {
        matches!(
            self,
            VecOp::FAdd
                | VecOp::FSub
                | VecOp::FMul
                | VecOp::FDiv
                | VecOp::FSqrt
                | VecOp::FMinX86
                | VecOp::FMaxX86
                | VecOp::FMinArm
                | VecOp::FMaxArm
                | VecOp::FMinNum
                | VecOp::FMaxNum
        )
    }
}
