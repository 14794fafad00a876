//! The plain form: IR operations executed one at a time, as they were lifted. It runs code for the first time, the last
//! instructions of a budget, single steps, and the operations the compact form has no code for.
use crate::access::{self, HelperMemory, Leave, aligned};
use crate::{alu, fp, vector};
use ir::{Block, CallArgs, FP_ENV, FlagKind, HelperFn, LazyFlags, Op, Slot, Slots, Term, Trap, Ty};
use mmu::Memory;

/// The time of a run: what ReadTime gives at a tick.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Nanoseconds when the run begins.
    pub now: u64,
    /// Ticks that have not made a whole nanosecond yet.
    pub carry: u64,
    /// How many busy virtual CPUs share the time: ticks to the nanosecond.
    pub share: u64,
}

impl Clock {
    /// The time when `ticks` instructions of this run have retired.
    pub fn at(&self, ticks: u64) -> u64 {
        self.now.wrapping_add(self.carry.wrapping_add(ticks) / self.share.max(1))
    }
}

/// The end of an instruction or block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// On at this address.
    Goto(u64),
    Syscall(u64),
    Trap(ir::Trap, u64),
}

pub(crate) fn set_flags(slots: &mut Slots, kind: FlagKind, ty: Ty, a: Slot, b: Slot, c: Slot) {
    let (a, b, c) = (slots[a.0 as usize], slots[b.0 as usize], slots[c.0 as usize]);
    slots[ir::FLAG_KIND.0 as usize] = LazyFlags::cell(kind, ty);
    slots[ir::FLAG_A.0 as usize] = a;
    slots[ir::FLAG_B.0 as usize] = b;
    if kind.reads_c() {
        slots[ir::FLAG_C.0 as usize] = c;
    }
}

/// base + (index << scale) + disp
#[inline(always)]
pub(crate) fn lea(slots: &Slots, base: Slot, index: Slot, scale: u8, disp: i32) -> u64 {
    slots[base.0 as usize].wrapping_add(slots[index.0 as usize] << (scale & 63)).wrapping_add(disp as i64 as u64)
}

#[inline(always)]
fn offset(slots: &Slots, addr: Slot, disp: i32) -> u64 {
    slots[addr.0 as usize].wrapping_add(disp as i64 as u64)
}

/// Executes one operation. `ticks` is how many instructions of this run came before its own.
pub fn exec(op: &Op, slots: &mut Slots, mem: &mut Memory, clock: &Clock, ticks: u64) -> Result<(), Leave> {
    macro_rules! get {
        ($s:expr) => {
            slots[$s.0 as usize]
        };
    }
    match *op {
        Op::Insn { .. } | Op::Fence => {}
        Op::Const { d, value } => get!(d) = value,
        Op::Mov { d, a } => get!(d) = get!(a),
        Op::Bin { op, ty, d, a, b } => get!(d) = alu::bin(op, ty, get!(a), get!(b)),
        Op::BinImm { op, ty, d, a, imm } => get!(d) = alu::bin(op, ty, get!(a), imm as i64 as u64),
        Op::Un { op, ty, d, a } => get!(d) = alu::un(op, ty, get!(a)),
        Op::Ext { signed, from, to, d, a } => get!(d) = alu::ext(signed, from, to, get!(a)),
        Op::AddC { ty, d, a, b, c } => {
            get!(d) = get!(a).wrapping_add(get!(b)).wrapping_add(get!(c) & 1) & ty.mask();
        }
        Op::Extract { signed, ty, d, a, lsb, width } => get!(d) = alu::extract(signed, ty, get!(a), lsb, width),
        Op::Insert { ty, d, a, b, lsb, width } => get!(d) = alu::insert(ty, get!(a), get!(b), lsb, width),
        Op::Funnel { ty, d, hi, lo, amount } => get!(d) = alu::funnel(ty, get!(hi), get!(lo), amount),
        Op::Lea { d, base, index, scale, disp } => get!(d) = lea(slots, base, index, scale, disp),
        Op::Cmp { cond, ty, d, a, b } => get!(d) = alu::cmp(cond, ty, get!(a), get!(b)) as u64,
        Op::CmpImm { cond, ty, d, a, imm } => get!(d) = alu::cmp(cond, ty, get!(a), imm as i64 as u64) as u64,
        Op::Select { d, c, a, b } => get!(d) = if get!(c) != 0 { get!(a) } else { get!(b) },
        Op::SetFlags { kind, ty, a, b, c } => set_flags(slots, kind, ty, a, b, c),
        Op::SetFlagsIf { cond, kind, ty, a, b, c } => {
            if get!(cond) != 0 {
                set_flags(slots, kind, ty, a, b, c);
            }
        }
        Op::GetFlag { cond, d } => get!(d) = LazyFlags::load(slots).test(cond) as u64,
        Op::GetFlags { d } => get!(d) = LazyFlags::load(slots).flags().0,
        Op::Load { ty, d, addr, disp } => {
            let at = aligned(mem, offset(slots, addr, disp), ty.bytes().into())?;
            access::load(slots, mem, ty, d, at)?;
        }
        Op::LoadX { ty, d, base, index, scale, disp } => {
            let at = aligned(mem, lea(slots, base, index, scale, disp), ty.bytes().into())?;
            access::load(slots, mem, ty, d, at)?;
        }
        Op::Store { ty, src, addr, disp } => {
            let at = aligned(mem, offset(slots, addr, disp), ty.bytes().into())?;
            access::store(slots, mem, ty, src, at)?;
        }
        Op::StoreX { ty, src, base, index, scale, disp } => {
            let at = aligned(mem, lea(slots, base, index, scale, disp), ty.bytes().into())?;
            access::store(slots, mem, ty, src, at)?;
        }
        Op::ProbeWrite { bytes, addr, disp } => mem.probe_write(offset(slots, addr, disp), bytes.into())?,
        Op::CheckAligned { bytes, addr } => access::check_aligned(get!(addr), bytes.into())?,
        Op::AtomicRmw { op, ty, d, addr, src } => {
            let at = aligned(mem, get!(addr), ty.bytes().into())?;
            get!(d) = access::rmw(mem, op, ty, at, get!(src))?;
        }
        Op::Cas { ty, d, addr, expect, new } => {
            let at = aligned(mem, get!(addr), ty.bytes().into())?;
            get!(d) = access::cas(mem, ty, at, get!(expect), get!(new))?;
        }
        Op::Cas128 { aligned, d, addr, expect, new } => {
            access::cas128(slots, mem, aligned, get!(addr), [d, expect, new])?;
        }
        Op::LoadEx { ty, pair, d, addr } => access::load_exclusive(slots, mem, ty, pair, d, get!(addr))?,
        Op::StoreEx { ty, pair, d, addr, src } => {
            access::store_exclusive(slots, mem, ty, pair, [d, src], get!(addr))?;
        }
        Op::ClearEx => access::clear_exclusive(slots, mem),
        Op::Fp { .. }
        | Op::Fma { .. }
        | Op::FpCmp { .. }
        | Op::FpToInt { .. }
        | Op::IntToFp { .. }
        | Op::FpToFp { .. }
        | Op::FpRound { .. } => float(op, slots),
        Op::Vec { op, lane, bytes, d, a, b } => vector::exec(slots, op, lane, bytes, [d, a, b]),
        Op::VecShift { op, lane, bytes, d, a, amount } => vector::shift(slots, op, lane, bytes, d, a, amount),
        Op::VecShuffle { lane, d, a, b, imm } => vector::shuffle(slots, lane, [d, a, b], imm),
        Op::VecMask { lane, bytes, d, a } => get!(d) = vector::mask(slots, lane, bytes, a),
        Op::Call { helper, d, a, b, c, imm } => {
            let args = CallArgs { d, a, b, c, imm };
            match helper.run {
                HelperFn::Pure(run) => run(slots, args),
                HelperFn::Machine(run) => {
                    let mut memory = HelperMemory::new(mem);
                    let result = run(slots, &mut memory, args);
                    if let Some(leave) = memory.noted() {
                        return Err(leave);
                    }
                    result.map_err(Leave::Trap)?;
                }
            }
        }
        Op::ReadTime { d } => get!(d) = clock.at(ticks),
        Op::ExitIf { c, pc } => {
            if get!(c) != 0 {
                return Err(Leave::Exit(pc));
            }
        }
        Op::TrapIf { c, trap } => {
            if get!(c) != 0 {
                return Err(Leave::Trap(trap));
            }
        }
    }
    Ok(())
}

/// The floating-point operations.
fn float(op: &Op, slots: &mut Slots) {
    let get = |s: Slot| slots[s.0 as usize];
    let mut cell = get(FP_ENV.into());
    let (d, value) = match *op {
        Op::Fp { op, ty, d, a, b } => (d, fp::op(&mut cell, op, ty, get(a), get(b))),
        Op::Fma { ty, neg_product, neg_addend, d, a, b, c } => {
            (d, fp::fma(&mut cell, ty, neg_product, neg_addend, [get(a), get(b), get(c)]))
        }
        Op::FpCmp { ty, signaling, d, a, b } => (d, fp::cmp(&mut cell, ty, signaling, get(a), get(b))),
        Op::FpToInt { from, to, signed, round, overflow, d, a } => {
            (d, fp::to_int(&mut cell, fp::ToInt { from, to, signed, round, overflow }, get(a)))
        }
        Op::IntToFp { from, signed, to, d, a } => (d, fp::from_int(&mut cell, from, signed, to, get(a))),
        Op::FpToFp { from, d, a } => (d, fp::convert(&mut cell, from, get(a))),
        Op::FpRound { ty, round, exact, d, a } => (d, fp::round(&mut cell, ty, round, exact, get(a))),
        _ => return,
    };
    slots[FP_ENV.0 as usize] = cell;
    slots[d.0 as usize] = value;
}

/// Executes the end of a block.
pub(crate) fn end(term: &Term, slots: &Slots) -> End {
    let get = |s: Slot| slots[s.0 as usize];
    let choose = |yes: bool, taken: u64, next: u64| End::Goto(if yes { taken } else { next });
    match *term {
        Term::Jump { pc } => End::Goto(pc),
        Term::Branch { c, taken, next } => choose(get(c) != 0, taken, next),
        Term::BranchCmp { cond, ty, a, b, taken, next } => choose(alu::cmp(cond, ty, get(a), get(b)), taken, next),
        Term::BranchCmpImm { cond, ty, a, imm, taken, next } => {
            choose(alu::cmp(cond, ty, get(a), imm as i64 as u64), taken, next)
        }
        Term::BranchFlag { cond, taken, next } => choose(LazyFlags::load(slots).test(cond), taken, next),
        Term::JumpReg { a, .. } => End::Goto(get(a)),
        Term::Syscall { next } => End::Syscall(next),
        Term::Trap { trap, pc } => End::Trap(trap, pc),
    }
}

/// How a stretch of plain code ended: how many instructions retired, and where or why.
pub(crate) struct Stretch {
    pub(crate) retired: u64,
    pub(crate) end: StretchEnd,
}

pub(crate) enum StretchEnd {
    /// On at this address.
    Goto(u64),
    Syscall(u64),
    /// At the instruction at this address, which did not retire.
    Stopped(Leave, u64),
}

/// Executes at most `limit` instructions of a block from its operation `from` (an instruction mark), with `ticks` retired
/// in this run before it. One alone is what [`Trap::Alone`] asks for.
pub(crate) fn run(
    block: &Block,
    from: usize,
    limit: u64,
    slots: &mut Slots,
    mem: &mut Memory,
    clock: &Clock,
    ticks: u64,
) -> Stretch {
    // Instructions begun; the last of them has not retired.
    let mut begun = 0;
    let mut pc = block.pc;
    for op in &block.ops[from..] {
        if let Op::Insn { pc: at } = *op {
            if begun == limit {
                return Stretch { retired: begun, end: StretchEnd::Goto(at) };
            }
            begun += 1;
            pc = at;
            continue;
        }
        if limit == 1 && matches!(op, Op::TrapIf { trap: Trap::Alone, .. }) {
            continue;
        }
        match exec(op, slots, mem, clock, ticks + begun - 1) {
            Ok(()) => {}
            Err(Leave::Exit(to)) => return Stretch { retired: begun, end: StretchEnd::Goto(to) },
            Err(leave) => return Stretch { retired: begun - 1, end: StretchEnd::Stopped(leave, pc) },
        }
    }
    match end(&block.term, slots) {
        End::Goto(to) => Stretch { retired: begun, end: StretchEnd::Goto(to) },
        End::Syscall(next) => Stretch { retired: begun, end: StretchEnd::Syscall(next) },
        End::Trap(trap, pc) => Stretch { retired: begun - 1, end: StretchEnd::Stopped(Leave::Trap(trap), pc) },
    }
}
