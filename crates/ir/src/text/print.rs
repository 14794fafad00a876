//! Blocks to text.
use super::names::Named;
use crate::{Block, Op, Slot, TEMPS, Term, Trap};
use std::fmt::Write;

/// The block, a line for its bounds and one for each operation and its end. `name` names slots; those it does not know
/// are `s` or `t` and a number.
pub fn print(block: &Block, name: &dyn Fn(Slot) -> Option<String>) -> String {
    let mut out = format!("block {:#x}, {:#x}\n", block.pc, block.end);
    for op in &block.ops {
        let indent = if matches!(op, Op::Insn { .. }) { "" } else { "    " };
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{indent}{}", print_op(op, name));
    }
    let _ = writeln!(out, "    {}", print_term(&block.term, name));
    out
}

/// A slot's name.
fn slot(s: Slot, name: &dyn Fn(Slot) -> Option<String>) -> String {
    match name(s) {
        Some(name) => name,
        None if s.is_temp() => format!("t{}", s.0 - TEMPS),
        None => format!("s{}", s.0),
    }
}

fn trap_name(trap: Trap) -> String {
    match trap {
        Trap::Alignment { .. } => "alignment".into(),
        trap => trap.name(),
    }
}

/// The address a trap carries, as one more operand.
fn trap_addr(trap: Trap) -> String {
    match trap {
        Trap::Alignment { addr } => format!(", {addr:#x}"),
        _ => String::new(),
    }
}

/// One operation as a line.
pub fn print_op(op: &Op, name: &dyn Fn(Slot) -> Option<String>) -> String {
    let n = |s: Slot| slot(s, name);
    let sign = |signed: bool| if signed { "signed" } else { "unsigned" };
    let opt = |on: bool, text: &'static str| if on { text } else { "" };
    let (d, text) = match *op {
        Op::Insn { pc } => (None, format!("insn {pc:#x}")),
        Op::Const { d, value } => (Some(d), format!("const {value:#x}")),
        Op::Mov { d, a } => (Some(d), format!("mov {}", n(a))),
        Op::Bin { op, ty, d, a, b } => (Some(d), format!("{}.{} {}, {}", op.name(), ty.name(), n(a), n(b))),
        Op::BinImm { op, ty, d, a, imm } => (Some(d), format!("{}.{} {}, #{imm}", op.name(), ty.name(), n(a))),
        Op::Un { op, ty, d, a } => (Some(d), format!("{}.{} {}", op.name(), ty.name(), n(a))),
        Op::Ext { signed, from, to, d, a } => {
            (Some(d), format!("{}.{}.{} {}", if signed { "sext" } else { "zext" }, from.name(), to.name(), n(a)))
        }
        Op::AddC { ty, d, a, b, c } => (Some(d), format!("addc.{} {}, {}, {}", ty.name(), n(a), n(b), n(c))),
        Op::Extract { signed, ty, d, a, lsb, width } => {
            (Some(d), format!("extract.{}.{} {}, #{lsb}, #{width}", sign(signed), ty.name(), n(a)))
        }
        Op::Insert { ty, d, a, b, lsb, width } => {
            (Some(d), format!("insert.{} {}, {}, #{lsb}, #{width}", ty.name(), n(a), n(b)))
        }
        Op::Funnel { ty, d, hi, lo, amount } => {
            (Some(d), format!("funnel.{} {}, {}, #{amount}", ty.name(), n(hi), n(lo)))
        }
        Op::Lea { d, base, index, scale, disp } => {
            (Some(d), format!("lea {}, {}, #{scale}, #{disp}", n(base), n(index)))
        }
        Op::Cmp { cond, ty, d, a, b } => (Some(d), format!("cmp.{}.{} {}, {}", cond.name(), ty.name(), n(a), n(b))),
        Op::CmpImm { cond, ty, d, a, imm } => (Some(d), format!("cmp.{}.{} {}, #{imm}", cond.name(), ty.name(), n(a))),
        Op::Select { d, c, a, b } => (Some(d), format!("select {}, {}, {}", n(c), n(a), n(b))),
        Op::SetFlags { kind, ty, a, b, c } => {
            (None, format!("setflags.{}.{} {}, {}, {}", kind.name(), ty.name(), n(a), n(b), n(c)))
        }
        Op::SetFlagsIf { cond, kind, ty, a, b, c } => {
            let (kind, ty) = (kind.name(), ty.name());
            (None, format!("setflagsif.{kind}.{ty} {}, {}, {}, {}", n(cond), n(a), n(b), n(c)))
        }
        Op::GetFlag { cond, d } => (Some(d), format!("flag.{}", cond.name())),
        Op::GetFlags { d } => (Some(d), "flags".into()),
        Op::Load { ty, d, addr, disp } => (Some(d), format!("load.{} {}, #{disp}", ty.name(), n(addr))),
        Op::LoadX { ty, d, base, index, scale, disp } => {
            (Some(d), format!("loadx.{} {}, {}, #{scale}, #{disp}", ty.name(), n(base), n(index)))
        }
        Op::Store { ty, src, addr, disp } => (None, format!("store.{} {}, {}, #{disp}", ty.name(), n(src), n(addr))),
        Op::StoreX { ty, src, base, index, scale, disp } => {
            (None, format!("storex.{} {}, {}, {}, #{scale}, #{disp}", ty.name(), n(src), n(base), n(index)))
        }
        Op::ProbeWrite { bytes, addr, disp } => (None, format!("probewrite {}, #{disp}, #{bytes}", n(addr))),
        Op::CheckAligned { bytes, addr } => (None, format!("checkaligned {}, #{bytes}", n(addr))),
        Op::AtomicRmw { op, ty, d, addr, src } => {
            (Some(d), format!("atomic.{}.{} {}, {}", op.name(), ty.name(), n(addr), n(src)))
        }
        Op::Cas { ty, d, addr, expect, new } => {
            (Some(d), format!("cas.{} {}, {}, {}", ty.name(), n(addr), n(expect), n(new)))
        }
        Op::Cas128 { aligned, d, addr, expect, new } => {
            (Some(d), format!("cas128{} {}, {}, {}", opt(aligned, ".aligned"), n(addr), n(expect), n(new)))
        }
        Op::LoadEx { ty, pair, d, addr } => {
            (Some(d), format!("loadex.{}{} {}", ty.name(), opt(pair, ".pair"), n(addr)))
        }
        Op::StoreEx { ty, pair, d, addr, src } => {
            (Some(d), format!("storeex.{}{} {}, {}", ty.name(), opt(pair, ".pair"), n(addr), n(src)))
        }
        Op::ClearEx => (None, "clearex".into()),
        Op::Fence => (None, "fence".into()),
        Op::Fp { op, ty, d, a, b } => (Some(d), format!("fp.{}.{} {}, {}", op.name(), ty.name(), n(a), n(b))),
        Op::Fma { ty, neg_product, neg_addend, d, a, b, c } => {
            let signs = [opt(neg_product, ".negproduct"), opt(neg_addend, ".negaddend")].concat();
            (Some(d), format!("fma.{}{signs} {}, {}, {}", ty.name(), n(a), n(b), n(c)))
        }
        Op::FpCmp { ty, signaling, d, a, b } => {
            (Some(d), format!("fpcmp.{}{} {}, {}", ty.name(), opt(signaling, ".signaling"), n(a), n(b)))
        }
        Op::FpToInt { from, to, signed, round, overflow, d, a } => {
            let how = [from.name(), to.name(), sign(signed).into(), round.name(), overflow.name()].join(".");
            (Some(d), format!("fptoint.{how} {}", n(a)))
        }
        Op::IntToFp { from, signed, to, d, a } => {
            (Some(d), format!("inttofp.{}.{}.{} {}", from.name(), sign(signed), to.name(), n(a)))
        }
        Op::FpToFp { from, d, a } => (Some(d), format!("fptofp.{} {}", from.name(), n(a))),
        Op::FpRound { ty, round, exact, d, a } => {
            (Some(d), format!("fpround.{}.{}{} {}", ty.name(), round.name(), opt(exact, ".exact"), n(a)))
        }
        Op::Vec { op, lane, bytes, d, a, b } => {
            (Some(d), format!("vec.{}.{}.{bytes} {}, {}", op.name(), lane.name(), n(a), n(b)))
        }
        Op::VecShift { op, lane, bytes, d, a, amount } => {
            (Some(d), format!("vecshift.{}.{}.{bytes} {}, #{amount}", op.name(), lane.name(), n(a)))
        }
        Op::VecShuffle { lane, d, a, b, imm } => {
            (Some(d), format!("vecshuffle.{} {}, {}, #{imm}", lane.name(), n(a), n(b)))
        }
        Op::VecMask { lane, bytes, d, a } => (Some(d), format!("vecmask.{}.{bytes} {}", lane.name(), n(a))),
        Op::Call { helper, d, a, b, c, imm } => {
            (Some(d), format!("call.{} {}, {}, {}, #{imm}", helper.name, n(a), n(b), n(c)))
        }
        Op::ReadTime { d } => (Some(d), "time".into()),
        Op::ExitIf { c, pc } => (None, format!("exitif {}, {pc:#x}", n(c))),
        Op::TrapIf { c, trap } => (None, format!("trapif.{} {}{}", trap_name(trap), n(c), trap_addr(trap))),
    };
    match d {
        Some(d) => format!("{} = {text}", n(d)),
        None => text,
    }
}

/// The end of a block as a line.
pub fn print_term(term: &Term, name: &dyn Fn(Slot) -> Option<String>) -> String {
    let n = |s: Slot| slot(s, name);
    match *term {
        Term::Jump { pc } => format!("jump {pc:#x}"),
        Term::Branch { c, taken, next } => format!("branch {}, {taken:#x}, {next:#x}", n(c)),
        Term::BranchCmp { cond, ty, a, b, taken, next } => {
            format!("branchcmp.{}.{} {}, {}, {taken:#x}, {next:#x}", cond.name(), ty.name(), n(a), n(b))
        }
        Term::BranchCmpImm { cond, ty, a, imm, taken, next } => {
            format!("branchcmp.{}.{} {}, #{imm}, {taken:#x}, {next:#x}", cond.name(), ty.name(), n(a))
        }
        Term::BranchFlag { cond, taken, next } => format!("branchflag.{} {taken:#x}, {next:#x}", cond.name()),
        Term::JumpReg { a, hint } => format!("jumpreg.{} {}", hint.name(), n(a)),
        Term::Syscall { next } => format!("syscall {next:#x}"),
        Term::Trap { trap, pc } => format!("trap.{} {pc:#x}{}", trap_name(trap), trap_addr(trap)),
    }
}
