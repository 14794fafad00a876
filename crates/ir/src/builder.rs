//! What a lifter writes with: one method an operation, temporaries handed out by number.
use crate::{
    BinOp, Block, CallArgs, Cond, FTy, FlagCond, FlagKind, FpOp, Helper, JumpHint, MemTy, Op, Overflow, RmwOp, Round,
    Slot, TEMPS, Term, Trap, Ty, UnOp, Val, VecOp,
};

/// Where a block goes after one lifted instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// On, this many bytes further.
    Next(u64),
    /// The instruction of this many bytes ends the block; the lifter has called [`Builder::end`].
    End(u64),
    /// The code ends inside the instruction: fetching the byte after it faults.
    Truncated,
}

/// A block under construction.
#[derive(Debug)]
pub struct Builder {
    pc: u64,
    ops: Vec<Op>,
    term: Option<Term>,
    insns: u32,
    next_temp: u8,
    /// What temporaries of the current instruction are known to be.
    known: [Option<u64>; 256 - TEMPS as usize],
}

impl Builder {
    pub fn new(pc: u64) -> Builder {
        Builder {
            pc,
            ops: Vec::with_capacity(64),
            term: None,
            insns: 0,
            next_temp: TEMPS,
            known: [None; 256 - TEMPS as usize],
        }
    }

    /// Marks the start of an instruction; the temporaries of the one before are gone.
    pub fn insn(&mut self, pc: u64) {
        self.ops.push(Op::Insn { pc });
        self.insns += 1;
        self.known[..(self.next_temp - TEMPS) as usize].fill(None);
        self.next_temp = TEMPS;
    }

    /// How many instructions were started.
    pub fn insns(&self) -> u32 {
        self.insns
    }

    /// A point to come back to with [`Builder::rewind`].
    pub fn mark(&self) -> (usize, u32) {
        (self.ops.len(), self.insns)
    }

    /// Takes back what was written since `mark` (an instruction that belongs to the next block).
    pub fn rewind(&mut self, mark: (usize, u32)) {
        self.ops.truncate(mark.0);
        self.insns = mark.1;
        self.term = None;
    }

    /// The operations written since `mark`.
    pub fn since(&self, mark: (usize, u32)) -> &[Op] {
        &self.ops[mark.0..]
    }

    /// The operations written since `mark`, taken out to be put back changed.
    pub fn take_from(&mut self, mark: (usize, u32)) -> Vec<Op> {
        self.ops.split_off(mark.0)
    }

    /// Ends the block with `term`.
    pub fn end(&mut self, term: Term) {
        self.term = Some(term);
    }

    /// The block; one that no instruction ended goes on at `end`, the address behind its last byte.
    pub fn finish(mut self, end: u64) -> Block {
        // Blocks are kept by the ten thousand.
        self.ops.shrink_to_fit();
        let term = self.term.unwrap_or(Term::Jump { pc: end });
        Block { pc: self.pc, end, insns: self.insns, ops: self.ops, term }
    }

    /// A fresh temporary of `n` slots. A lifter that asks for more than there are is wrong: no instruction needs 90.
    pub fn temp(&mut self, n: u8) -> Val {
        let at = self.next_temp;
        self.next_temp = at.checked_add(n).expect("an instruction uses fewer temporaries than there are slots");
        Val(at)
    }

    pub fn push(&mut self, op: Op) {
        self.ops.push(op);
    }

    /// The operation written last, to be amended.
    pub fn last_mut(&mut self) -> Option<&mut Op> {
        self.ops.last_mut()
    }

    /// What a temporary of this instruction is known to hold.
    pub fn constant(&self, a: impl Into<Slot>) -> Option<u64> {
        self.known(a.into())
    }

    fn fresh(&mut self, op: impl FnOnce(Slot) -> Op) -> Val {
        let d = self.temp(1);
        self.ops.push(op(d.into()));
        d
    }

    fn known(&self, s: Slot) -> Option<u64> {
        s.is_temp().then(|| self.known[(s.0 - TEMPS) as usize]).flatten()
    }

    /// The constant as a sign-extended 32-bit immediate of width `ty`, if it is one.
    fn as_imm(&self, ty: Ty, s: Slot) -> Option<i32> {
        let value = self.known(s)?;
        let imm = value as u32 as i32;
        (imm as i64 as u64 & ty.mask() == value & ty.mask()).then_some(imm)
    }

    // Data.

    pub fn iconst(&mut self, value: u64) -> Val {
        let d = self.fresh(|d| Op::Const { d, value });
        self.known[(d.0 - TEMPS) as usize] = Some(value);
        d
    }
    /// A copy of what the slot holds now.
    pub fn get(&mut self, a: impl Into<Slot>) -> Val {
        let a = a.into();
        self.fresh(|d| Op::Mov { d, a })
    }
    /// Copies a word into a register.
    pub fn set(&mut self, d: impl Into<Slot>, a: impl Into<Slot>) {
        self.ops.push(Op::Mov { d: d.into(), a: a.into() });
    }
    /// Copies `n` neighbouring slots.
    pub fn set_n(&mut self, n: u8, d: impl Into<Slot>, a: impl Into<Slot>) {
        let (d, a) = (d.into(), a.into());
        for i in 0..n {
            self.set(d.up(i), a.up(i));
        }
    }
    pub fn set_const(&mut self, d: impl Into<Slot>, value: u64) {
        self.ops.push(Op::Const { d: d.into(), value });
    }
    pub fn bin(&mut self, op: BinOp, ty: Ty, a: impl Into<Slot>, b: impl Into<Slot>) -> Val {
        let (a, b) = (a.into(), b.into());
        if let Some(imm) = self.as_imm(ty, b) {
            return self.fresh(|d| Op::BinImm { op, ty, d, a, imm });
        }
        self.fresh(|d| Op::Bin { op, ty, d, a, b })
    }
    pub fn bin_imm(&mut self, op: BinOp, ty: Ty, a: impl Into<Slot>, imm: i64) -> Val {
        let b = self.iconst(imm as u64);
        self.bin(op, ty, a, b)
    }
    pub fn add(&mut self, ty: Ty, a: impl Into<Slot>, b: impl Into<Slot>) -> Val {
        self.bin(BinOp::Add, ty, a, b)
    }
    pub fn sub(&mut self, ty: Ty, a: impl Into<Slot>, b: impl Into<Slot>) -> Val {
        self.bin(BinOp::Sub, ty, a, b)
    }
    pub fn and(&mut self, ty: Ty, a: impl Into<Slot>, b: impl Into<Slot>) -> Val {
        self.bin(BinOp::And, ty, a, b)
    }
    pub fn or(&mut self, ty: Ty, a: impl Into<Slot>, b: impl Into<Slot>) -> Val {
        self.bin(BinOp::Or, ty, a, b)
    }
    pub fn xor(&mut self, ty: Ty, a: impl Into<Slot>, b: impl Into<Slot>) -> Val {
        self.bin(BinOp::Xor, ty, a, b)
    }
    pub fn add_imm(&mut self, ty: Ty, a: impl Into<Slot>, imm: i64) -> Val {
        self.bin_imm(BinOp::Add, ty, a, imm)
    }
    pub fn and_imm(&mut self, ty: Ty, a: impl Into<Slot>, imm: i64) -> Val {
        self.bin_imm(BinOp::And, ty, a, imm)
    }
    pub fn shl_imm(&mut self, ty: Ty, a: impl Into<Slot>, n: u8) -> Val {
        self.bin_imm(BinOp::Shl, ty, a, n.into())
    }
    pub fn shr_imm(&mut self, ty: Ty, a: impl Into<Slot>, n: u8) -> Val {
        self.bin_imm(BinOp::Shr, ty, a, n.into())
    }
    pub fn un(&mut self, op: UnOp, ty: Ty, a: impl Into<Slot>) -> Val {
        let a = a.into();
        self.fresh(|d| Op::Un { op, ty, d, a })
    }
    pub fn not(&mut self, ty: Ty, a: impl Into<Slot>) -> Val {
        self.un(UnOp::Not, ty, a)
    }
    pub fn neg(&mut self, ty: Ty, a: impl Into<Slot>) -> Val {
        self.un(UnOp::Neg, ty, a)
    }
    pub fn ext(&mut self, signed: bool, from: Ty, to: Ty, a: impl Into<Slot>) -> Val {
        let a = a.into();
        self.fresh(|d| Op::Ext { signed, from, to, d, a })
    }
    pub fn zext(&mut self, from: Ty, a: impl Into<Slot>) -> Val {
        self.ext(false, from, Ty::I64, a)
    }
    pub fn sext(&mut self, from: Ty, to: Ty, a: impl Into<Slot>) -> Val {
        self.ext(true, from, to, a)
    }
    pub fn add_carry(&mut self, ty: Ty, a: impl Into<Slot>, b: impl Into<Slot>, c: impl Into<Slot>) -> Val {
        let (a, b, c) = (a.into(), b.into(), c.into());
        self.fresh(|d| Op::AddC { ty, d, a, b, c })
    }
    pub fn extract(&mut self, signed: bool, ty: Ty, a: impl Into<Slot>, lsb: u8, width: u8) -> Val {
        let a = a.into();
        self.fresh(|d| Op::Extract { signed, ty, d, a, lsb, width })
    }
    pub fn insert(&mut self, ty: Ty, a: impl Into<Slot>, b: impl Into<Slot>, lsb: u8, width: u8) -> Val {
        let (a, b) = (a.into(), b.into());
        self.fresh(|d| Op::Insert { ty, d, a, b, lsb, width })
    }
    pub fn funnel(&mut self, ty: Ty, hi: impl Into<Slot>, lo: impl Into<Slot>, amount: u8) -> Val {
        let (hi, lo) = (hi.into(), lo.into());
        self.fresh(|d| Op::Funnel { ty, d, hi, lo, amount })
    }
    pub fn lea(&mut self, base: impl Into<Slot>, index: impl Into<Slot>, scale: u8, disp: i32) -> Val {
        let (base, index) = (base.into(), index.into());
        self.fresh(|d| Op::Lea { d, base, index, scale, disp })
    }
    pub fn cmp(&mut self, cond: Cond, ty: Ty, a: impl Into<Slot>, b: impl Into<Slot>) -> Val {
        let (a, b) = (a.into(), b.into());
        if let Some(imm) = self.as_imm(ty, b) {
            return self.fresh(|d| Op::CmpImm { cond, ty, d, a, imm });
        }
        self.fresh(|d| Op::Cmp { cond, ty, d, a, b })
    }
    pub fn cmp_imm(&mut self, cond: Cond, ty: Ty, a: impl Into<Slot>, imm: i32) -> Val {
        let a = a.into();
        self.fresh(|d| Op::CmpImm { cond, ty, d, a, imm })
    }
    pub fn select(&mut self, c: impl Into<Slot>, a: impl Into<Slot>, b: impl Into<Slot>) -> Val {
        let (c, a, b) = (c.into(), a.into(), b.into());
        self.fresh(|d| Op::Select { d, c, a, b })
    }

    // Flags.

    /// Sets the flags from two operands (`Add`, `Sub`, `SubArm`, `Result`).
    pub fn set_flags(&mut self, kind: FlagKind, ty: Ty, a: impl Into<Slot>, b: impl Into<Slot>) {
        let (a, b) = (a.into(), b.into());
        self.ops.push(Op::SetFlags { kind, ty, a, b, c: b });
    }
    /// Sets the flags from two operands and a carry (`Adc`, `Sbb`; `Inc` and `Dec` read `a` and the carry).
    pub fn set_flags_carry(
        &mut self,
        kind: FlagKind,
        ty: Ty,
        a: impl Into<Slot>,
        b: impl Into<Slot>,
        c: impl Into<Slot>,
    ) {
        self.ops.push(Op::SetFlags { kind, ty, a: a.into(), b: b.into(), c: c.into() });
    }
    /// Sets the flags to the `Flags` bits in `a`.
    pub fn set_flag_bits(&mut self, a: impl Into<Slot>) {
        let a = a.into();
        self.ops.push(Op::SetFlags { kind: FlagKind::Bits, ty: Ty::I64, a, b: a, c: a });
    }
    /// Sets the flags if `cond` is not 0.
    pub fn set_flags_if(
        &mut self,
        cond: impl Into<Slot>,
        kind: FlagKind,
        ty: Ty,
        a: impl Into<Slot>,
        b: impl Into<Slot>,
    ) {
        let b = b.into();
        self.ops.push(Op::SetFlagsIf { cond: cond.into(), kind, ty, a: a.into(), b, c: b });
    }
    pub fn get_flag(&mut self, cond: FlagCond) -> Val {
        self.fresh(|d| Op::GetFlag { cond, d })
    }
    pub fn get_flags(&mut self) -> Val {
        self.fresh(|d| Op::GetFlags { d })
    }

    // Memory.

    pub fn load(&mut self, ty: MemTy, addr: impl Into<Slot>, disp: i32) -> Val {
        let (addr, d) = (addr.into(), self.temp(ty.slots()));
        self.ops.push(Op::Load { ty, d: d.into(), addr, disp });
        d
    }
    pub fn load_x(&mut self, ty: MemTy, base: impl Into<Slot>, index: impl Into<Slot>, scale: u8, disp: i32) -> Val {
        let (base, index, d) = (base.into(), index.into(), self.temp(ty.slots()));
        self.ops.push(Op::LoadX { ty, d: d.into(), base, index, scale, disp });
        d
    }
    pub fn store(&mut self, ty: MemTy, src: impl Into<Slot>, addr: impl Into<Slot>, disp: i32) {
        self.ops.push(Op::Store { ty, src: src.into(), addr: addr.into(), disp });
    }
    pub fn store_x(
        &mut self,
        ty: MemTy,
        src: impl Into<Slot>,
        base: impl Into<Slot>,
        index: impl Into<Slot>,
        scale: u8,
        disp: i32,
    ) {
        self.ops.push(Op::StoreX { ty, src: src.into(), base: base.into(), index: index.into(), scale, disp });
    }
    pub fn probe_write(&mut self, bytes: u8, addr: impl Into<Slot>, disp: i32) {
        self.ops.push(Op::ProbeWrite { bytes, addr: addr.into(), disp });
    }
    /// Traps unless `bytes` divides the address.
    pub fn check_aligned(&mut self, bytes: u8, addr: impl Into<Slot>) {
        self.ops.push(Op::CheckAligned { bytes, addr: addr.into() });
    }
    pub fn atomic(&mut self, op: RmwOp, ty: Ty, addr: impl Into<Slot>, src: impl Into<Slot>) -> Val {
        let (addr, src) = (addr.into(), src.into());
        self.fresh(|d| Op::AtomicRmw { op, ty, d, addr, src })
    }
    pub fn cas(&mut self, ty: Ty, addr: impl Into<Slot>, expect: impl Into<Slot>, new: impl Into<Slot>) -> Val {
        let (addr, expect, new) = (addr.into(), expect.into(), new.into());
        self.fresh(|d| Op::Cas { ty, d, addr, expect, new })
    }
    /// The old value is in the two slots returned.
    pub fn cas128(
        &mut self,
        aligned: bool,
        addr: impl Into<Slot>,
        expect: impl Into<Slot>,
        new: impl Into<Slot>,
    ) -> Val {
        let d = self.temp(2);
        self.ops.push(Op::Cas128 { aligned, d: d.into(), addr: addr.into(), expect: expect.into(), new: new.into() });
        d
    }
    pub fn load_ex(&mut self, ty: Ty, pair: bool, addr: impl Into<Slot>) -> Val {
        let d = self.temp(2);
        self.ops.push(Op::LoadEx { ty, pair, d: d.into(), addr: addr.into() });
        d
    }
    /// 0 if stored, 1 if not. A pair's second value is in the slot after `src`.
    pub fn store_ex(&mut self, ty: Ty, pair: bool, addr: impl Into<Slot>, src: impl Into<Slot>) -> Val {
        let (addr, src) = (addr.into(), src.into());
        self.fresh(|d| Op::StoreEx { ty, pair, d, addr, src })
    }

    // Floating point and vectors.

    pub fn fp(&mut self, op: FpOp, ty: FTy, a: impl Into<Slot>, b: impl Into<Slot>) -> Val {
        let (a, b) = (a.into(), b.into());
        self.fresh(|d| Op::Fp { op, ty, d, a, b })
    }
    pub fn fp_cmp(&mut self, ty: FTy, signaling: bool, a: impl Into<Slot>, b: impl Into<Slot>) -> Val {
        let (a, b) = (a.into(), b.into());
        self.fresh(|d| Op::FpCmp { ty, signaling, d, a, b })
    }
    pub fn fp_to_int(
        &mut self,
        from: FTy,
        to: Ty,
        signed: bool,
        round: Round,
        overflow: Overflow,
        a: impl Into<Slot>,
    ) -> Val {
        let a = a.into();
        self.fresh(|d| Op::FpToInt { from, to, signed, round, overflow, d, a })
    }
    pub fn int_to_fp(&mut self, from: Ty, signed: bool, to: FTy, a: impl Into<Slot>) -> Val {
        let a = a.into();
        self.fresh(|d| Op::IntToFp { from, signed, to, d, a })
    }
    pub fn fp_to_fp(&mut self, from: FTy, a: impl Into<Slot>) -> Val {
        let a = a.into();
        self.fresh(|d| Op::FpToFp { from, d, a })
    }
    pub fn fp_round(&mut self, ty: FTy, round: Round, exact: bool, a: impl Into<Slot>) -> Val {
        let a = a.into();
        self.fresh(|d| Op::FpRound { ty, round, exact, d, a })
    }
    pub fn vec(&mut self, op: VecOp, lane: Ty, bytes: u8, a: impl Into<Slot>, b: impl Into<Slot>) -> Val {
        let d = self.temp(bytes.div_ceil(8));
        self.vec_into(op, lane, bytes, [d.into(), a.into(), b.into()]);
        d
    }
    /// The same into given slots. Programs get zeros by exclusive or with itself.
    pub fn vec_into(&mut self, op: VecOp, lane: Ty, bytes: u8, [d, a, b]: [Slot; 3]) {
        if op == VecOp::Xor && a == b {
            (0..bytes.div_ceil(8)).for_each(|i| self.set_const(d.up(i), 0));
        } else {
            self.ops.push(Op::Vec { op, lane, bytes, d, a, b });
        }
    }
    pub fn vec_shift(&mut self, op: BinOp, lane: Ty, bytes: u8, a: impl Into<Slot>, amount: u8) -> Val {
        let d = self.temp(bytes.div_ceil(8));
        self.ops.push(Op::VecShift { op, lane, bytes, d: d.into(), a: a.into(), amount });
        d
    }

    pub fn vec_shuffle(&mut self, lane: Ty, a: impl Into<Slot>, b: impl Into<Slot>, imm: u8) -> Val {
        let d = self.temp(lane.bytes() / 2);
        self.ops.push(Op::VecShuffle { lane, d: d.into(), a: a.into(), b: b.into(), imm });
        d
    }
    pub fn vec_mask(&mut self, lane: Ty, bytes: u8, a: impl Into<Slot>) -> Val {
        let a = a.into();
        self.fresh(|d| Op::VecMask { lane, bytes, d, a })
    }

    // Helpers, time, control.

    /// Calls a helper; its results are in the slots from the value returned up.
    pub fn call(
        &mut self,
        helper: &'static Helper,
        a: impl Into<Slot>,
        b: impl Into<Slot>,
        c: impl Into<Slot>,
        imm: u16,
    ) -> Val {
        let d = self.temp(helper.writes.max(1));
        self.call_into(helper, CallArgs { d: d.into(), a: a.into(), b: b.into(), c: c.into(), imm });
        d
    }
    /// Calls a helper with every slot named.
    pub fn call_into(&mut self, helper: &'static Helper, args: CallArgs) {
        let CallArgs { d, a, b, c, imm } = args;
        self.ops.push(Op::Call { helper, d, a, b, c, imm });
    }
    pub fn read_time(&mut self) -> Val {
        self.fresh(|d| Op::ReadTime { d })
    }
    pub fn exit_if(&mut self, c: impl Into<Slot>, pc: u64) {
        self.ops.push(Op::ExitIf { c: c.into(), pc });
    }
    pub fn trap_if(&mut self, c: impl Into<Slot>, trap: Trap) {
        self.ops.push(Op::TrapIf { c: c.into(), trap });
    }
    pub fn jump(&mut self, pc: u64) {
        self.end(Term::Jump { pc });
    }
    pub fn jump_reg(&mut self, a: impl Into<Slot>, hint: JumpHint) {
        self.end(Term::JumpReg { a: a.into(), hint });
    }
    pub fn branch(&mut self, c: impl Into<Slot>, taken: u64, next: u64) {
        self.end(Term::Branch { c: c.into(), taken, next });
    }
    pub fn branch_cmp(&mut self, cond: Cond, ty: Ty, a: impl Into<Slot>, b: impl Into<Slot>, taken: u64, next: u64) {
        let (a, b) = (a.into(), b.into());
        match self.as_imm(ty, b) {
            Some(imm) => self.end(Term::BranchCmpImm { cond, ty, a, imm, taken, next }),
            None => self.end(Term::BranchCmp { cond, ty, a, b, taken, next }),
        }
    }
    pub fn branch_flag(&mut self, cond: FlagCond, taken: u64, next: u64) {
        self.end(Term::BranchFlag { cond, taken, next });
    }
    pub fn syscall(&mut self, next: u64) {
        self.end(Term::Syscall { next });
    }
    pub fn trap(&mut self, trap: Trap, pc: u64) {
        self.end(Term::Trap { trap, pc });
    }
}
