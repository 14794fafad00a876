//! Runs of neighbouring accesses: several of one block at small distances from the same register, with nothing between them
//! that needs the register of the addend. One check does for all. Where it fails, the operations of the run are there a
//! second time, in cold code, with the slow path for each access.
use crate::asm::*;
use crate::cache::Locals;
use crate::flags::Pending;
use crate::memory::Page;
use crate::regs::Regs;
use crate::translate::{Cold, Translator};
use ir::{BinOp, Op, Slot, Ty};

/// How the accesses at hand are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    /// Each with its check.
    Check,
    /// rdx = the addend of the page that all are in.
    Run,
    /// Each by the slow path.
    Slow,
}

/// Operations of the block whose accesses are all between `lo` and `hi` from what `base` is at the first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    from: usize,
    to: usize,
    base: Slot,
    lo: i32,
    hi: i32,
    reads: bool,
    writes: bool,
}

/// A run whose check may refuse it.
pub(crate) struct Refused<'a> {
    run: Run,
    page: Page,
    /// How things were at its start.
    regs: Regs<'a>,
    flags: Pending,
    begun: u32,
    /// Where it begins, and what comes behind it.
    at: usize,
    behind: usize,
    /// Where things are there, on either path.
    end: Locals,
}

/// Farther apart, accesses are too often in different pages.
const SPAN: i64 = 512;

/// What neither calls anything nor needs rdx.
fn is_simple(op: &Op) -> bool {
    match op {
        Op::Insn { .. } | Op::Const { .. } | Op::Mov { .. } | Op::Ext { .. } | Op::Lea { .. } | Op::Extract { .. } => {
            true
        }
        Op::SetFlags { .. } | Op::CheckAligned { .. } => true,
        Op::Bin { op, .. } | Op::BinImm { op, .. } => {
            use BinOp::*;
            matches!(op, Add | Sub | And | Or | Xor | Shl | Shr | Sar | Rotl | Rotr)
        }
        _ => false,
    }
}

impl<'a> Translator<'a> {
    /// The run that begins with the operation at `from`, if two accesses or more make one.
    pub(crate) fn run_at(&self, from: usize) -> Option<Run> {
        let (Op::Load { addr: base, .. } | Op::Store { addr: base, .. } | Op::ProbeWrite { addr: base, .. }) =
            self.block.ops[from]
        else {
            return None;
        };
        let (mut extent, mut moved, mut accesses) = (None, 0, 0);
        let (mut to, mut reads, mut writes) = (from, false, false);
        for (at, op) in self.block.ops.iter().enumerate().skip(from) {
            let bytes = match op {
                Op::Load { ty, .. } | Op::Store { ty, .. } => ty.bytes().into(),
                Op::ProbeWrite { bytes, .. } => i64::from(*bytes),
                _ => 0,
            };
            match *op {
                Op::Load { addr, disp, .. } | Op::Store { addr, disp, .. } | Op::ProbeWrite { addr, disp, .. }
                    if addr == base =>
                {
                    let first = moved + i64::from(disp);
                    let end = first + bytes;
                    let (lo, hi) = extent.map_or((first, end), |(lo, hi)| (first.min(lo), end.max(hi)));
                    if hi - lo > SPAN {
                        break;
                    }
                    (extent, to, accesses) = (Some((lo, hi)), at + 1, accesses + 1);
                    let loads = matches!(op, Op::Load { .. });
                    (reads, writes) = (reads || loads, writes || !loads);
                }
                _ if !is_simple(op) => break,
                _ => {}
            }
            match *op {
                Op::BinImm { op: BinOp::Add, ty: Ty::I64, d, a, imm } if d == base && a == base => {
                    moved += i64::from(imm)
                }
                Op::BinImm { op: BinOp::Sub, ty: Ty::I64, d, a, imm } if d == base && a == base => {
                    moved -= i64::from(imm)
                }
                _ if op.writes().meets(base, 1) => break,
                _ => {}
            }
        }
        let (lo, hi) = extent.filter(|_| accesses > 1)?;
        let (lo, hi) = (i32::try_from(lo).ok()?, i32::try_from(hi).ok()?);
        Some(Run { from, to, base, lo, hi, reads, writes })
    }

    /// Emits the run; gives the operation behind it.
    pub(crate) fn run(&mut self, run: Run) -> usize {
        let base = self.src(run.base);
        self.regs.unlock();
        let (regs, flags, begun) = (self.regs.clone(), self.flags, self.begun);
        let addr = self.compute(RCX, Mem::at(base, run.lo));
        let crosses = self.page_of(addr, run.hi - run.lo);
        let page = self.look_up(Some(crosses), run.reads, run.writes);
        let at = self.asm.here();
        self.via = Via::Run;
        self.operations(run.from, run.to);
        self.via = Via::Check;
        let (behind, end) = (self.asm.here(), self.regs.locals);
        self.cold.push(Cold::Run(Box::new(Refused { run, page, regs, flags, begun, at, behind, end })));
        run.to
    }

    pub(crate) fn cold_run(&mut self, refused: Refused<'a>) {
        let Refused { run, page, regs, flags, begun, at, behind, end } = refused;
        (self.regs, self.flags, self.begun) = (regs, flags, begun);
        let state = self.state();
        self.look_again(page, at, &state);
        self.via = Via::Slow;
        self.operations(run.from, run.to);
        self.via = Via::Check;
        debug_assert_eq!(self.regs.locals, end, "both ways through a run end alike");
        self.asm.jmp_to(self.asm.base + behind);
    }
}
