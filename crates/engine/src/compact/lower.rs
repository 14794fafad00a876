//! From an optimised block to its compact form.
use super::code::{Code, Opcode, binary, branch, load, narrow_shift, pack_cond, pack_flags, store};
use crate::lift::linkable;
use ir::{BinOp, Block, Cond, FlagKind, LazyFlags, Op, Slot, Term, Ty};

/// What the block cache keeps of a lowered block besides its code.
#[derive(Debug)]
pub(crate) struct Lowered {
    /// Where its code is.
    pub(crate) entry: u32,
    /// Where each instruction begins, from `entry`.
    marks: Box<[u16]>,
}

impl Lowered {
    /// Which instruction of the block the code at `ip` belongs to.
    pub(crate) fn insn_at(&self, ip: u32) -> usize {
        let offset = ip.wrapping_sub(self.entry);
        self.marks.partition_point(|&mark| mark as u32 <= offset).saturating_sub(1)
    }
}

/// Appends the compact form of `block` to `code`, and to `plain` the operations that stay as they are. With `chain`, ends
/// that stay in the page may be linked.
pub(crate) fn lower(block: &Block, chain: bool, code: &mut Vec<Code>, plain: &mut Vec<Op>) -> Lowered {
    let entry = code.len() as u32;
    let mut lowering = Lowering { block, chain, code, plain, stubs: Vec::new() };
    let mut marks = Vec::with_capacity(block.insns as usize);
    let mut at = 0;
    while at < block.ops.len() {
        if let Op::Insn { .. } = block.ops[at] {
            marks.push((lowering.code.len() as u32 - entry) as u16);
            at += 1;
        } else {
            at += lowering.operation(at, marks.len() as u32);
        }
    }
    lowering.end();
    lowering.place_stubs();
    Lowered { entry, marks: marks.into() }
}

struct Lowering<'a> {
    block: &'a Block,
    chain: bool,
    code: &'a mut Vec<Code>,
    plain: &'a mut Vec<Op>,
    /// Ends to be given a stub: where in the code, whether in `y`, and the address it leads to.
    stubs: Vec<(usize, bool, u64)>,
}

impl Lowering<'_> {
    fn push(&mut self, code: Code) {
        self.code.push(code);
    }

    /// Lowers the operation at `at`, of the instruction number `insns` (counted from 1); says how many it took.
    fn operation(&mut self, at: usize, insns: u32) -> usize {
        let op = self.block.ops[at];
        let none = Slot(0);
        match op {
            Op::Insn { .. } | Op::Fence => {}
            Op::Const { d, value } => {
                if self.const_needed(at, d, value) {
                    self.push(Code::new(Opcode::Const, d, none, none).wide(value));
                }
            }
            Op::Mov { d, a } => self.push(Code::new(Opcode::Mov, d, a, none)),
            Op::Bin { .. } | Op::BinImm { .. } => {
                if let Some(fused) = self.arithmetic_with_flags(at + 1, at) {
                    self.push(fused);
                    return 2;
                }
                self.arithmetic(op);
            }
            Op::SetFlags { kind, ty, a, b, c } => {
                if self.branch_with_flags(at) {
                    return 1;
                }
                if let Some(fused) = self.arithmetic_with_flags(at, at + 1) {
                    self.push(fused);
                    return 2;
                }
                let flags = match self.constant_before(at, b).and_then(|value| immediate(ty, value)) {
                    Some(imm) if kind.reads_b() && !kind.reads_c() => {
                        Code::new(Opcode::FlagsI, none, a, none).imm(imm).x(LazyFlags::cell(kind, ty) as u32)
                    }
                    _ => flags(kind, ty, [a, b, c]),
                };
                self.push(flags);
            }
            Op::SetFlagsIf { cond, kind, ty, a, b, c } => {
                self.push(Code::new(Opcode::SkipZ, none, cond, none));
                self.push(flags(kind, ty, [a, b, c]));
            }
            Op::Ext { signed, from, to, d, a } => match extension(signed, from, to) {
                Some(op) => self.push(Code::new(op, d, a, none)),
                None => self.as_it_is(op),
            },
            Op::Extract { signed: false, d, a, lsb, width, .. } => {
                let code = Code::new(Opcode::Extract, d, a, none).x(lsb.into());
                self.push(Code { y: 64 - width as u32, ..code });
            }
            Op::Extract { signed: true, ty: Ty::I64, d, a, lsb, width } => {
                let code = Code::new(Opcode::ExtractS, d, a, none).x(64 - lsb as u32 - width as u32);
                self.push(Code { y: 64 - width as u32, ..code });
            }
            Op::Insert { ty: Ty::I64, d, a, b, lsb, width } => {
                let code = Code::new(Opcode::Insert, d, a, b).x(lsb.into());
                self.push(Code { y: 64 - width as u32, ..code });
            }
            Op::Lea { d, base, index, scale, disp } => {
                self.push(Code::new(Opcode::Lea, d, base, index).imm(disp).x(scale.into()));
            }
            Op::Cmp { cond, ty, d, a, b } => self.push(Code::new(Opcode::Cmp, d, a, b).x(pack_cond(cond, ty))),
            Op::CmpImm { cond, ty, d, a, imm } => {
                self.push(Code::new(Opcode::CmpI, d, a, none).imm(imm).x(pack_cond(cond, ty)));
            }
            Op::Select { d, c, a, b } => self.push(Code::new(Opcode::Select, d, a, b).x(c.0.into())),
            Op::GetFlag { cond, d } => self.push(Code::new(Opcode::GetFlag, d, none, none).x(cond as u32)),
            Op::Load { ty, d, addr, disp } => match load(ty) {
                Some((op, _)) => self.push(Code::new(op, d, addr, none).imm(disp)),
                None => self.as_it_is(op),
            },
            Op::LoadX { ty, d, base, index, scale, disp } => match load(ty) {
                Some((_, op)) => self.push(Code::new(op, d, base, index).imm(disp).x(scale.into())),
                None => self.as_it_is(op),
            },
            Op::Store { ty, src, addr, disp } => match store(ty) {
                Some((op, _)) => self.push(Code::new(op, src, addr, none).imm(disp)),
                None => self.as_it_is(op),
            },
            Op::StoreX { ty, src, base, index, scale, disp } => match store(ty) {
                Some((_, op)) => self.push(Code::new(op, src, base, index).imm(disp).x(scale.into())),
                None => self.as_it_is(op),
            },
            Op::CheckAligned { bytes, addr } => {
                self.push(Code::new(Opcode::CheckAligned, none, addr, none).x(bytes.into()));
            }
            Op::ReadTime { d } => self.push(Code::new(Opcode::Time, d, none, none).x(insns - 1)),
            Op::ExitIf { c, pc } => {
                self.stubs.push((self.code.len(), false, pc));
                self.push(Code::new(Opcode::ExitIf, Slot(insns as u8), c, none));
            }
            _ => self.as_it_is(op),
        }
        1
    }

    fn as_it_is(&mut self, op: Op) {
        let index = self.plain.len() as u32;
        self.plain.push(op);
        self.push(Code::of(Opcode::Plain).x(index));
    }

    fn arithmetic(&mut self, op: Op) {
        if let Op::Bin { op: bin, ty: ty @ (Ty::I8 | Ty::I16), d, .. }
        | Op::BinImm { op: bin, ty: ty @ (Ty::I8 | Ty::I16), d, .. } = op
            && low_bits_stand_alone(bin)
        {
            // In 32 bits, and then cut off.
            self.arithmetic(widened(op));
            let cut = if ty == Ty::I8 { Opcode::ZExt8 } else { Opcode::ZExt16 };
            return self.push(Code::new(cut, d, d, Slot(0)));
        }
        let code = match op {
            Op::Bin { op, ty, d, a, b } => binary(op, ty).map(|(reg, _)| Code::new(reg, d, a, b)),
            Op::BinImm { op, ty, d, a, imm } => {
                binary(op, ty).and_then(|(_, code)| Some(Code::new(code?, d, a, Slot(0)).imm(imm)))
            }
            _ => None,
        };
        match code {
            Some(code) => self.push(code),
            None => self.as_it_is(op),
        }
    }

    /// The value of the temporary `s` at operation `at`, if its instruction made it a constant.
    fn constant_before(&self, at: usize, s: Slot) -> Option<u64> {
        let ops = self.block.ops[..at].iter().rev().take_while(|op| !matches!(op, Op::Insn { .. }));
        let mut found = ops.filter_map(|op| match *op {
            Op::Const { d, value } if d == s => Some(value),
            _ => None,
        });
        s.is_temp().then(|| found.next()).flatten()
    }

    /// Whether anything reads the constant at `at` other than as an immediate of a flag setting.
    fn const_needed(&self, at: usize, d: Slot, value: u64) -> bool {
        if !d.is_temp() {
            return true;
        }
        let rest = self.block.ops[at + 1..].iter();
        for op in rest {
            match *op {
                Op::Insn { .. } => return false,
                Op::SetFlags { kind, ty, a, b, .. }
                    if b == d && a != d && !kind.reads_c() && immediate(ty, value).is_some() => {}
                _ if op.reads().meets(d, 1) => return true,
                _ => {}
            }
        }
        self.block.term.reads().meets(d, 1)
    }

    /// A flag setting and an addition or subtraction of the same operands, side by side, as one.
    fn arithmetic_with_flags(&self, flags: usize, sum: usize) -> Option<Code> {
        use Opcode::*;
        let Op::SetFlags { kind, ty, a, b, .. } = *self.block.ops.get(flags)? else { return None };
        let (bin, reg, imm) = match (kind, ty) {
            (FlagKind::Add, Ty::I32) => (BinOp::Add, AddF32, AddFI32),
            (FlagKind::Add, Ty::I64) => (BinOp::Add, AddF64, AddFI64),
            (FlagKind::Sub | FlagKind::SubArm, Ty::I32) => (BinOp::Sub, SubF32, SubFI32),
            (FlagKind::Sub | FlagKind::SubArm, Ty::I64) => (BinOp::Sub, SubF64, SubFI64),
            _ => return None,
        };
        let cell = LazyFlags::cell(kind, ty) as u32;
        match *self.block.ops.get(sum)? {
            Op::Bin { op, ty: width, d, a: x, b: y } if (op, width, x, y) == (bin, ty, a, b) => {
                (flags < sum || d != a && d != b).then(|| Code::new(reg, d, a, b).x(cell))
            }
            Op::BinImm { op, ty: width, d, a: x, imm: by } if (op, width, x) == (bin, ty, a) => {
                let value = immediate(ty, self.constant_before(flags, b)?)?;
                (value == by && (flags < sum || d != a)).then(|| Code::new(imm, d, a, Slot(0)).imm(by).x(cell))
            }
            _ => None,
        }
    }

    /// A flag setting that is the block's last operation together with a branch on the same operands: sets up the end.
    fn branch_with_flags(&mut self, at: usize) -> bool {
        let Op::SetFlags { kind, ty, a, b, .. } = self.block.ops[at] else { return false };
        if at + 1 != self.block.ops.len() || kind.reads_c() || !kind.reads_b() {
            return false;
        }
        let packed = pack_flags(kind, ty);
        match self.block.term {
            Term::BranchCmp { cond, ty: width, a: x, b: y, .. } if (width, x, y) == (ty, a, b) => {
                self.compare(cond, ty, [a, b], packed);
            }
            Term::BranchCmpImm { cond, ty: width, a: x, imm, .. }
                if (width, x) == (ty, a)
                    && self.constant_before(at, b).and_then(|value| immediate(ty, value)) == Some(imm) =>
            {
                self.compare_imm(cond, ty, a, imm, packed);
            }
            _ => return false,
        }
        true
    }

    /// Writes a branch that compares with a slot, and sets flags if `flags` is not 0.
    fn compare(&mut self, cond: Cond, ty: Ty, [a, b]: [Slot; 2], flags: u8) {
        let code = Code::new(branch(cond, ty).0, Slot(self.block.insns as u8), a, b);
        self.push(code.imm(flags as i32 | (narrow_shift(ty) as i32) << 8));
    }

    /// The same with an immediate.
    fn compare_imm(&mut self, cond: Cond, ty: Ty, a: Slot, imm: i32, flags: u8) {
        let code = Code::new(branch(cond, ty).1, Slot(self.block.insns as u8), a, Slot(flags));
        self.push(code.imm(imm));
    }

    /// Lowers the end of the block.
    fn end(&mut self) {
        let none = Slot(0);
        let insns = Slot(self.block.insns as u8);
        let fused = self.code.last().is_some_and(|code| code.op.is_comparison());
        match self.block.term {
            Term::Jump { .. } => self.push(Code::new(Opcode::Jump, insns, none, none)),
            Term::Branch { c, .. } => self.push(Code::new(Opcode::Branch, insns, c, none)),
            // A flag setting has taken it along.
            Term::BranchCmp { .. } | Term::BranchCmpImm { .. } if fused => {}
            Term::BranchCmp { cond, ty, a, b, .. } => self.compare(cond, ty, [a, b], 0),
            // No kind of flags, but narrow ones look for the width there.
            Term::BranchCmpImm { cond, ty, a, imm, .. } => {
                self.compare_imm(cond, ty, a, imm, if ty < Ty::I32 { pack_flags(FlagKind::Bits, ty) } else { 0 });
            }
            Term::BranchFlag { cond, .. } => {
                self.push(Code::new(Opcode::BranchFlag, insns, none, Slot(cond as u8)));
            }
            Term::JumpReg { a, .. } => self.push(Code::new(Opcode::JumpReg, insns, a, none)),
            Term::Syscall { next } => self.push(Code::new(Opcode::Syscall, insns, none, none).wide(next)),
            Term::Trap { .. } => self.push(Code::of(Opcode::Trap)),
        }
        let end = self.code.len() - 1;
        match self.block.term {
            Term::Jump { pc } => self.stubs.push((end, false, pc)),
            Term::Branch { taken, next, .. }
            | Term::BranchCmp { taken, next, .. }
            | Term::BranchCmpImm { taken, next, .. }
            | Term::BranchFlag { taken, next, .. } => {
                self.stubs.extend([(end, false, taken), (end, true, next)]);
            }
            Term::JumpReg { .. } | Term::Syscall { .. } | Term::Trap { .. } => {}
        }
    }

    fn place_stubs(&mut self) {
        for (end, second, pc) in std::mem::take(&mut self.stubs) {
            let stub = self.code.len() as u32;
            let near = self.chain && linkable(self.block.pc, pc);
            self.push(Code { a: near as u8, ..Code::of(Opcode::Stub).wide(pc) });
            let end = &mut self.code[end];
            if second {
                end.y = stub;
            } else {
                end.x = stub;
            }
        }
    }
}

fn flags(kind: FlagKind, ty: Ty, [a, b, c]: [Slot; 3]) -> Code {
    let op = if kind.reads_c() { Opcode::FlagsC } else { Opcode::Flags };
    Code::new(op, c, a, b).x(LazyFlags::cell(kind, ty) as u32)
}

/// Whether the low bits of the result depend on the low bits of the operands only.
fn low_bits_stand_alone(op: BinOp) -> bool {
    matches!(op, BinOp::Add | BinOp::Sub | BinOp::And | BinOp::Or | BinOp::Xor | BinOp::AndNot | BinOp::Mul)
}

fn widened(op: Op) -> Op {
    match op {
        Op::Bin { op, d, a, b, .. } => Op::Bin { op, ty: Ty::I32, d, a, b },
        Op::BinImm { op, d, a, imm, .. } => Op::BinImm { op, ty: Ty::I32, d, a, imm },
        other => other,
    }
}

/// The constant as an immediate that sign-extends to it in width `ty`.
fn immediate(ty: Ty, value: u64) -> Option<i32> {
    let imm = value as u32 as i32;
    (imm as i64 as u64 & ty.mask() == value & ty.mask()).then_some(imm)
}

fn extension(signed: bool, from: Ty, to: Ty) -> Option<Opcode> {
    Some(match (signed, from, to) {
        (_, Ty::I32, Ty::I32) | (false, Ty::I32, _) => Opcode::ZExt32,
        (false, Ty::I8, _) | (_, Ty::I8, Ty::I8) => Opcode::ZExt8,
        (false, Ty::I16, _) | (_, Ty::I16, Ty::I16) => Opcode::ZExt16,
        (_, Ty::I64, Ty::I64) => Opcode::Mov,
        (true, Ty::I8, Ty::I64) => Opcode::SExt8,
        (true, Ty::I16, Ty::I64) => Opcode::SExt16,
        (true, Ty::I32, Ty::I64) => Opcode::SExt32,
        (true, Ty::I8, Ty::I32) => Opcode::SExt8To32,
        (true, Ty::I16, Ty::I32) => Opcode::SExt16To32,
        _ => return None,
    })
}
