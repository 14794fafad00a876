//! Text to blocks.
use super::names::Named;
use crate::{BinOp, Block, Helper, Op, Slot, TEMPS, Term, Trap, UnOp};

/// A line that cannot be read, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    pub line: usize,
    pub text: String,
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: cannot read {:?}", self.line, self.text)
    }
}

impl std::error::Error for ParseError {}

/// Reads a block as [`super::print`] writes it. `slots` knows the names of slots, `helpers` those of helpers.
pub fn parse(
    text: &str,
    slots: &dyn Fn(&str) -> Option<Slot>,
    helpers: &dyn Fn(&str) -> Option<&'static Helper>,
) -> Result<Block, ParseError> {
    let mut bounds = None;
    let mut ops = Vec::new();
    let mut term = None;
    let mut count = 0;
    for (i, line) in text.lines().enumerate() {
        count = i + 1;
        if line.trim().is_empty() {
            continue;
        }
        let read = Line::split(line, slots).and_then(|line| {
            if line.name == "block" {
                bounds = Some((line.number(0)?, line.number(1)?));
            } else if let Some(end) = line.term() {
                term = Some(end);
            } else {
                ops.push(line.op(helpers)?);
            }
            Some(())
        });
        if read.is_none() {
            return Err(ParseError { line: count, text: line.trim().into() });
        }
    }
    let insns = ops.iter().filter(|op| matches!(op, Op::Insn { .. })).count() as u32;
    match (bounds, term) {
        (Some((pc, end)), Some(term)) => Ok(Block { pc, end, insns, ops, term }),
        _ => Err(ParseError { line: count, text: "a block without bounds or end".into() }),
    }
}

/// A line in its parts.
struct Line<'a> {
    dest: Option<Slot>,
    name: &'a str,
    suffixes: Vec<&'a str>,
    args: Vec<&'a str>,
    slots: &'a dyn Fn(&str) -> Option<Slot>,
}

impl<'a> Line<'a> {
    fn split(line: &'a str, slots: &'a dyn Fn(&str) -> Option<Slot>) -> Option<Line<'a>> {
        let (dest, rest) = match line.split_once(" = ") {
            Some((dest, rest)) => (Some(slot(dest.trim(), slots)?), rest),
            None => (None, line),
        };
        let rest = rest.trim();
        let (name, args) = rest.split_once(' ').unwrap_or((rest, ""));
        let mut parts = name.split('.');
        let name = parts.next()?;
        let args = args.split(',').map(str::trim).filter(|arg| !arg.is_empty()).collect();
        Some(Line { dest, name, suffixes: parts.collect(), args, slots })
    }

    fn d(&self) -> Option<Slot> {
        self.dest
    }
    fn slot(&self, i: usize) -> Option<Slot> {
        slot(self.args.get(i)?, self.slots)
    }
    fn number(&self, i: usize) -> Option<u64> {
        u64::from_str_radix(self.args.get(i)?.strip_prefix("0x")?, 16).ok()
    }
    fn imm<T: std::str::FromStr>(&self, i: usize) -> Option<T> {
        self.args.get(i)?.strip_prefix('#')?.parse().ok()
    }
    fn suffix<T: Named>(&self, i: usize) -> Option<T> {
        T::named(self.suffixes.get(i)?)
    }
    fn has(&self, suffix: &str) -> bool {
        self.suffixes.contains(&suffix)
    }
    fn signed(&self, i: usize) -> Option<bool> {
        match *self.suffixes.get(i)? {
            "signed" => Some(true),
            "unsigned" => Some(false),
            _ => None,
        }
    }
    /// The trap of the first suffix, with its address from operand `i`.
    fn trap(&self, i: usize) -> Option<Trap> {
        match self.suffixes.first() {
            Some(&"alignment") => Some(Trap::Alignment { addr: self.number(i)? }),
            _ => self.suffix(0),
        }
    }

    fn term(&self) -> Option<Term> {
        Some(match self.name {
            "jump" => Term::Jump { pc: self.number(0)? },
            "branch" => Term::Branch { c: self.slot(0)?, taken: self.number(1)?, next: self.number(2)? },
            "branchcmp" => {
                let (cond, ty, a) = (self.suffix(0)?, self.suffix(1)?, self.slot(0)?);
                let (taken, next) = (self.number(2)?, self.number(3)?);
                match self.imm(1) {
                    Some(imm) => Term::BranchCmpImm { cond, ty, a, imm, taken, next },
                    None => Term::BranchCmp { cond, ty, a, b: self.slot(1)?, taken, next },
                }
            }
            "branchflag" => Term::BranchFlag { cond: self.suffix(0)?, taken: self.number(0)?, next: self.number(1)? },
            "jumpreg" => Term::JumpReg { a: self.slot(0)?, hint: self.suffix(0)? },
            "syscall" => Term::Syscall { next: self.number(0)? },
            "trap" => Term::Trap { trap: self.trap(1)?, pc: self.number(0)? },
            _ => return None,
        })
    }

    fn op(&self, helpers: &dyn Fn(&str) -> Option<&'static Helper>) -> Option<Op> {
        let (a, b, c) = (self.slot(0), self.slot(1), self.slot(2));
        Some(match self.name {
            "insn" => Op::Insn { pc: self.number(0)? },
            "const" => Op::Const { d: self.d()?, value: self.number(0)? },
            "mov" => Op::Mov { d: self.d()?, a: a? },
            "zext" | "sext" => {
                let signed = self.name == "sext";
                Op::Ext { signed, from: self.suffix(0)?, to: self.suffix(1)?, d: self.d()?, a: a? }
            }
            "addc" => Op::AddC { ty: self.suffix(0)?, d: self.d()?, a: a?, b: b?, c: c? },
            "extract" => {
                let (signed, ty) = (self.signed(0)?, self.suffix(1)?);
                Op::Extract { signed, ty, d: self.d()?, a: a?, lsb: self.imm(1)?, width: self.imm(2)? }
            }
            "insert" => {
                let (lsb, width) = (self.imm(2)?, self.imm(3)?);
                Op::Insert { ty: self.suffix(0)?, d: self.d()?, a: a?, b: b?, lsb, width }
            }
            "funnel" => Op::Funnel { ty: self.suffix(0)?, d: self.d()?, hi: a?, lo: b?, amount: self.imm(2)? },
            "lea" => Op::Lea { d: self.d()?, base: a?, index: b?, scale: self.imm(2)?, disp: self.imm(3)? },
            "cmp" => {
                let (cond, ty, d, a) = (self.suffix(0)?, self.suffix(1)?, self.d()?, a?);
                match self.imm(1) {
                    Some(imm) => Op::CmpImm { cond, ty, d, a, imm },
                    None => Op::Cmp { cond, ty, d, a, b: b? },
                }
            }
            "select" => Op::Select { d: self.d()?, c: a?, a: b?, b: c? },
            "setflags" => Op::SetFlags { kind: self.suffix(0)?, ty: self.suffix(1)?, a: a?, b: b?, c: c? },
            "setflagsif" => {
                let (kind, ty) = (self.suffix(0)?, self.suffix(1)?);
                Op::SetFlagsIf { cond: a?, kind, ty, a: b?, b: c?, c: self.slot(3)? }
            }
            "flag" => Op::GetFlag { cond: self.suffix(0)?, d: self.d()? },
            "flags" => Op::GetFlags { d: self.d()? },
            "load" => Op::Load { ty: self.suffix(0)?, d: self.d()?, addr: a?, disp: self.imm(1)? },
            "loadx" => {
                let (scale, disp) = (self.imm(2)?, self.imm(3)?);
                Op::LoadX { ty: self.suffix(0)?, d: self.d()?, base: a?, index: b?, scale, disp }
            }
            "store" => Op::Store { ty: self.suffix(0)?, src: a?, addr: b?, disp: self.imm(2)? },
            "storex" => {
                let (scale, disp) = (self.imm(3)?, self.imm(4)?);
                Op::StoreX { ty: self.suffix(0)?, src: a?, base: b?, index: c?, scale, disp }
            }
            "probewrite" => Op::ProbeWrite { bytes: self.imm(2)?, addr: a?, disp: self.imm(1)? },
            "checkaligned" => Op::CheckAligned { bytes: self.imm(1)?, addr: a? },
            "atomic" => Op::AtomicRmw { op: self.suffix(0)?, ty: self.suffix(1)?, d: self.d()?, addr: a?, src: b? },
            "cas" => Op::Cas { ty: self.suffix(0)?, d: self.d()?, addr: a?, expect: b?, new: c? },
            "cas128" => Op::Cas128 { aligned: self.has("aligned"), d: self.d()?, addr: a?, expect: b?, new: c? },
            "loadex" => Op::LoadEx { ty: self.suffix(0)?, pair: self.has("pair"), d: self.d()?, addr: a? },
            "storeex" => Op::StoreEx { ty: self.suffix(0)?, pair: self.has("pair"), d: self.d()?, addr: a?, src: b? },
            "clearex" => Op::ClearEx,
            "fence" => Op::Fence,
            "fp" => Op::Fp { op: self.suffix(0)?, ty: self.suffix(1)?, d: self.d()?, a: a?, b: b? },
            "fma" => {
                let (neg_product, neg_addend) = (self.has("negproduct"), self.has("negaddend"));
                Op::Fma { ty: self.suffix(0)?, neg_product, neg_addend, d: self.d()?, a: a?, b: b?, c: c? }
            }
            "fpcmp" => Op::FpCmp { ty: self.suffix(0)?, signaling: self.has("signaling"), d: self.d()?, a: a?, b: b? },
            "fptoint" => Op::FpToInt {
                from: self.suffix(0)?,
                to: self.suffix(1)?,
                signed: self.signed(2)?,
                round: self.suffix(3)?,
                overflow: self.suffix(4)?,
                d: self.d()?,
                a: a?,
            },
            "inttofp" => {
                let (from, signed, to) = (self.suffix(0)?, self.signed(1)?, self.suffix(2)?);
                Op::IntToFp { from, signed, to, d: self.d()?, a: a? }
            }
            "fptofp" => Op::FpToFp { from: self.suffix(0)?, d: self.d()?, a: a? },
            "fpround" => {
                let (ty, round, exact) = (self.suffix(0)?, self.suffix(1)?, self.has("exact"));
                Op::FpRound { ty, round, exact, d: self.d()?, a: a? }
            }
            "vec" => {
                let (op, lane, bytes) = (self.suffix(0)?, self.suffix(1)?, self.suffixes.get(2)?.parse().ok()?);
                Op::Vec { op, lane, bytes, d: self.d()?, a: a?, b: b? }
            }
            "vecshift" => {
                let (op, lane, bytes) = (self.suffix(0)?, self.suffix(1)?, self.suffixes.get(2)?.parse().ok()?);
                Op::VecShift { op, lane, bytes, d: self.d()?, a: a?, amount: self.imm(1)? }
            }
            "vecshuffle" => Op::VecShuffle { lane: self.suffix(0)?, d: self.d()?, a: a?, b: b?, imm: self.imm(2)? },
            "vecmask" => {
                let (lane, bytes) = (self.suffix(0)?, self.suffixes.get(1)?.parse().ok()?);
                Op::VecMask { lane, bytes, d: self.d()?, a: a? }
            }
            "call" => {
                let helper = helpers(&self.suffixes.join("."))?;
                Op::Call { helper, d: self.d()?, a: a?, b: b?, c: c?, imm: self.imm(3)? }
            }
            "time" => Op::ReadTime { d: self.d()? },
            "exitif" => Op::ExitIf { c: a?, pc: self.number(1)? },
            "trapif" => Op::TrapIf { c: a?, trap: self.trap(1)? },
            // The integer operations go by their own names.
            name => {
                let (ty, d, a) = (self.suffix(0)?, self.d()?, a?);
                match (BinOp::named(name), self.imm(1)) {
                    (Some(op), Some(imm)) => Op::BinImm { op, ty, d, a, imm },
                    (Some(op), None) => Op::Bin { op, ty, d, a, b: b? },
                    (None, _) => Op::Un { op: UnOp::named(name)?, ty, d, a },
                }
            }
        })
    }
}

/// A slot by the name the caller gives it, or by its number.
fn slot(text: &str, slots: &dyn Fn(&str) -> Option<Slot>) -> Option<Slot> {
    if let Some(known) = slots(text) {
        return Some(known);
    }
    let number = |rest: &str| rest.parse::<u8>().ok();
    match text.split_at_checked(1)? {
        ("t", rest) => number(rest)?.checked_add(TEMPS).map(Slot),
        ("s", rest) => number(rest).filter(|&n| n < TEMPS).map(Slot),
        _ => None,
    }
}
