use super::names::Named;
use super::*;
use crate::*;

static HELPER: Helper = Helper::pure("x87.fsin", 1, [1, 0, 0], |_, _| {});

/// One of each operation, and each name of each enum once.
fn everything() -> Vec<Op> {
    let [d, a, b, c] = [Slot(160), Slot(1), Slot(161), Slot(255)];
    let mut ops = vec![
        Op::Insn { pc: 0x40_1000 },
        Op::Const { d, value: u64::MAX },
        Op::Mov { d: a, a: d },
        Op::BinImm { op: BinOp::Add, ty: Ty::I32, d, a, imm: -5 },
        Op::AddC { ty: Ty::I64, d, a, b, c },
        Op::Extract { signed: true, ty: Ty::I32, d, a, lsb: 3, width: 5 },
        Op::Insert { ty: Ty::I32, d, a, b, lsb: 3, width: 5 },
        Op::Funnel { ty: Ty::I16, d, hi: a, lo: b, amount: 3 },
        Op::Lea { d, base: a, index: b, scale: 3, disp: i32::MIN },
        Op::CmpImm { cond: Cond::LtS, ty: Ty::I8, d, a, imm: 9 },
        Op::Select { d, c, a, b },
        Op::SetFlagsIf { cond: d, kind: FlagKind::Sub, ty: Ty::I64, a, b, c },
        Op::GetFlags { d },
        Op::LoadX { ty: MemTy::V256, d, base: a, index: b, scale: 2, disp: -1 },
        Op::Store { ty: MemTy::U16, src: a, addr: b, disp: 8 },
        Op::StoreX { ty: MemTy::U64, src: a, base: b, index: c, scale: 0, disp: 0 },
        Op::ProbeWrite { bytes: 16, addr: a, disp: -16 },
        Op::CheckAligned { bytes: 8, addr: a },
        Op::Cas { ty: Ty::I8, d, addr: a, expect: b, new: c },
        Op::Cas128 { aligned: true, d, addr: a, expect: b, new: c },
        Op::Cas128 { aligned: false, d, addr: a, expect: b, new: c },
        Op::LoadEx { ty: Ty::I64, pair: true, d, addr: a },
        Op::StoreEx { ty: Ty::I8, pair: false, d, addr: a, src: b },
        Op::ClearEx,
        Op::Fence,
        Op::Fma { ty: FTy::F32, neg_product: true, neg_addend: false, d, a, b, c },
        Op::Fma { ty: FTy::F64, neg_product: false, neg_addend: true, d, a, b, c },
        Op::FpCmp { ty: FTy::F64, signaling: true, d, a, b },
        Op::IntToFp { from: Ty::I32, signed: false, to: FTy::F64, d, a },
        Op::FpToFp { from: FTy::F32, d, a },
        Op::VecShift { op: BinOp::Sar, lane: Ty::I16, bytes: 16, d, a, amount: 7 },
        Op::VecShuffle { lane: Ty::I32, d, a, b, imm: 0x1b },
        Op::VecMask { lane: Ty::I8, bytes: 16, d, a },
        Op::Call { helper: &HELPER, d, a, b, c, imm: 65535 },
        Op::ReadTime { d },
        Op::ExitIf { c, pc: 0x1234 },
        Op::TrapIf { c, trap: Trap::Alignment { addr: 0x77 } },
    ];
    fn all<T: Named>() -> impl Iterator<Item = T> {
        T::ALL.iter().map(|(value, _)| *value)
    }
    ops.extend(all().map(|op| Op::Bin { op, ty: Ty::I64, d, a, b }));
    ops.extend(all().map(|op| Op::Un { op, ty: Ty::I8, d, a }));
    ops.extend(all().map(|from| Op::Ext { signed: from == Ty::I8, from, to: Ty::I64, d, a }));
    ops.extend(all().map(|cond| Op::Cmp { cond, ty: Ty::I32, d, a, b }));
    ops.extend(all().map(|kind| Op::SetFlags { kind, ty: Ty::I32, a, b, c }));
    ops.extend(all().map(|cond| Op::GetFlag { cond, d }));
    ops.extend(all().map(|ty| Op::Load { ty, d, addr: a, disp: 4 }));
    ops.extend(all().map(|op| Op::AtomicRmw { op, ty: Ty::I32, d, addr: a, src: b }));
    ops.extend(all().map(|op| Op::Fp { op, ty: FTy::F32, d, a, b }));
    ops.extend(all().map(|op| Op::Vec { op, lane: Ty::I32, bytes: 8, d, a, b }));
    ops.extend(all().map(|trap| Op::TrapIf { c, trap }));
    ops.extend(all().map(|round| Op::FpRound { ty: FTy::F64, round, exact: round == Round::Up, d, a }));
    ops.extend(all().map(|overflow| {
        let (from, to, round) = (FTy::F64, Ty::I32, Round::TowardZero);
        Op::FpToInt { from, to, signed: overflow == Overflow::X86, round, overflow, d, a }
    }));
    ops
}

#[test]
fn every_operation_and_end_reads_back() {
    let (a, b) = (Slot(160), Slot(3));
    let (taken, next) = (0x10, u64::MAX);
    let (cond, ty) = (Cond::GeU, Ty::I32);
    let terms = [
        Term::Jump { pc: 0 },
        Term::Branch { c: a, taken, next },
        Term::BranchCmp { cond, ty, a, b, taken, next },
        Term::BranchCmpImm { cond, ty, a, imm: -1, taken, next },
        Term::BranchFlag { cond: FlagCond::NoCarryOrZero, taken, next },
        Term::JumpReg { a, hint: JumpHint::Return },
        Term::Syscall { next },
        Term::Trap { trap: Trap::Illegal, pc: 0x1000 },
        Term::Trap { trap: Trap::Alignment { addr: 3 }, pc: 0x1000 },
    ];
    for term in terms {
        let block = Block { pc: 0x1000, end: 0x2000, insns: 1, ops: everything(), term };
        let name = |slot: Slot| (slot.0 < 16).then(|| format!("x{}", slot.0));
        let slots = |text: &str| text.strip_prefix('x')?.parse().ok().map(Slot);
        let helpers = |text: &str| (text == HELPER.name).then_some(&HELPER);
        let text = print(&block, &name);
        assert_eq!(text.lines().count(), block.ops.len() + 2);
        let read = parse(&text, &slots, &helpers).unwrap();
        for (read, op) in read.ops.iter().zip(&block.ops) {
            assert_eq!(read, op, "{}", print_op(op, &name));
        }
        assert_eq!(read, block);
    }
}

#[test]
fn lines_look_like_this() {
    let op = Op::Bin { op: BinOp::AndNot, ty: Ty::I32, d: Slot(162), a: Slot(3), b: Slot(255) };
    assert_eq!(print_op(&op, &|_| None), "t2 = andnot.i32 s3, t95");
    let error = parse("block 0x0, 0x4\nt2 = nonsense.i32 s3\n", &|_| None, &|_| None).unwrap_err();
    assert_eq!(error.to_string(), "line 2: cannot read \"t2 = nonsense.i32 s3\"");
}
