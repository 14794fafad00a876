//! Random blocks: as lifted, optimised, and in compact form they must do the same, and stop at the same instruction.
use crate::compact::{self, JumpCache, Out, Running, lower};
use crate::plain::{self, Clock, Stretch, StretchEnd};
use ir::*;
use mmu::{FramePool, Memory, Perms, Pte};
use proptest::prelude::*;

const PC: u64 = 0x1000;
const DATA: u64 = 0x4000;
/// A register that no instruction writes: the address of a mapped page.
const BASE: Reg = Reg(8);
/// A register that instructions only move: a stack pointer, aligned at first.
const STACK: Reg = Reg(9);

/// Raw material of one operation.
type Seed = (u8, [u8; 4], u64);

static SUM: Helper = Helper::pure("sum", 2, [1, 2, 0], |slots, args| {
    let at = |s: Slot| slots[s.0 as usize];
    let (a, b, c) = (at(args.a), at(args.b), at(args.b.up(1)));
    slots[args.d.0 as usize] = a.wrapping_add(b);
    slots[args.d.up(1).0 as usize] = b.wrapping_sub(c);
});
static SPY: Helper = Helper::machine("spy", |slots, mem, args| {
    let seen = slots[..8].iter().fold(0u64, |sum, r| sum.rotate_left(7) ^ r) ^ LazyFlags::load(slots).flags().0;
    mem.write(slots[BASE.0 as usize] + 64, &seen.to_le_bytes()).map_err(Trap::Fault)?;
    slots[args.d.0 as usize] = seen;
    Ok(())
});

fn pick<T: Copy>(from: &[T], by: u8) -> T {
    from[by as usize % from.len()]
}

const TYS: [Ty; 4] = [Ty::I8, Ty::I16, Ty::I32, Ty::I64];
const WIDE: [Ty; 5] = [Ty::I32, Ty::I64, Ty::I64, Ty::I8, Ty::I16];
const BINS: [BinOp; 12] = [
    BinOp::Add,
    BinOp::Sub,
    BinOp::Add,
    BinOp::Sub,
    BinOp::And,
    BinOp::Xor,
    BinOp::Shl,
    BinOp::Sar,
    BinOp::Rotr,
    BinOp::Mul,
    BinOp::DivS,
    BinOp::AndNot,
];
const CONDS: [Cond; 8] = [Cond::Eq, Cond::Ne, Cond::LtS, Cond::GeS, Cond::LtU, Cond::GtU, Cond::TestZ, Cond::LeS];
const KINDS: [FlagKind; 13] = [
    FlagKind::Add,
    FlagKind::Sub,
    FlagKind::Sub,
    FlagKind::SubArm,
    FlagKind::Result,
    FlagKind::Adc,
    FlagKind::Sbb,
    FlagKind::Inc,
    FlagKind::Dec,
    FlagKind::Shl,
    FlagKind::Shr,
    FlagKind::Sar,
    FlagKind::Bits,
];
const FLAG_CONDS: [FlagCond; 12] = [
    FlagCond::Eq,
    FlagCond::Ne,
    FlagCond::Carry,
    FlagCond::NoCarry,
    FlagCond::Sign,
    FlagCond::CarryOrZero,
    FlagCond::NoCarryNorZero,
    FlagCond::CarryNotZero,
    FlagCond::Lt,
    FlagCond::Le,
    FlagCond::Overflow,
    FlagCond::Parity,
];

/// Writes one instruction of a few operations. Registers are written only behind the last operation that can leave.
fn instruction(out: &mut Builder, seeds: &[Seed]) {
    let mut temps: Vec<Val> = Vec::new();
    let mut pending: Vec<(Reg, Val)> = Vec::new();
    for &(op, [p, q, r, s], wide) in seeds {
        let source = |by: u8, temps: &[Val]| -> Slot {
            match by % 3 {
                0 if !temps.is_empty() => pick(temps, by / 3).into(),
                _ => Reg(by / 3 % 8).into(),
            }
        };
        let (a, b, c) = (source(p, &temps), source(q, &temps), source(r, &temps));
        let ty = pick(&WIDE, s);
        let value = match op % 32 {
            0 | 1 => out.iconst(if s.is_multiple_of(2) { wide } else { wide % 9 }),
            2 | 3 => out.get(a),
            4..=8 => {
                let bin = pick(&BINS, s / 4);
                // As lifters do: flags of the same operands beside it.
                if r.is_multiple_of(3) && matches!(bin, BinOp::Add | BinOp::Sub) {
                    let kind = if bin == BinOp::Add { FlagKind::Add } else { FlagKind::Sub };
                    if r.is_multiple_of(2) {
                        out.set_flags(kind, ty, a, b);
                    }
                    let value = out.bin(bin, ty, a, b);
                    if !r.is_multiple_of(2) {
                        out.set_flags(kind, ty, a, b);
                    }
                    value
                } else {
                    out.bin(bin, ty, a, b)
                }
            }
            9 => out.ext(s.is_multiple_of(2), pick(&TYS, p % 3), Ty::I64, b),
            10 => out.lea(a, b, r % 4, wide as i32 % 100),
            11 => out.cmp(pick(&CONDS, s), ty, a, b),
            12 => out.select(a, b, c),
            13 | 14 => {
                out.set_flags_carry(pick(&KINDS, s), ty, a, b, c);
                continue;
            }
            15 => {
                let imm = out.iconst(wide % 5);
                out.set_flags(pick(&KINDS[..5], s), ty, a, imm);
                continue;
            }
            16 => {
                out.set_flags_if(a, FlagKind::Sub, ty, b, c);
                continue;
            }
            17..=19 => out.get_flag(pick(&FLAG_CONDS, s)),
            20 => out.get_flags(),
            21 => out.load(pick(&[MemTy::U8, MemTy::U64, MemTy::S16, MemTy::U32], s), BASE, (q % 100).into()),
            22 => out.load(MemTy::U64, a, 0),
            23 => {
                out.store(pick(&[MemTy::U8, MemTy::U64, MemTy::U16], s), a, BASE, (q % 100).into());
                continue;
            }
            24 => {
                out.trap_if(a, Trap::Breakpoint);
                continue;
            }
            30 | 31 => {
                out.check_aligned(pick(&[2, 4, 8, 16], s), if q.is_multiple_of(4) { a } else { STACK.into() });
                continue;
            }
            25 => out.call(&SUM, a, Reg(q % 7), c, 0),
            26 if s.is_multiple_of(3) => out.call(&SPY, a, b, c, 0),
            27 if s.is_multiple_of(2) => out.insert(Ty::I64, a, b, q % 32, r % 32 + 1),
            27 => out.extract(s % 4 < 2, Ty::I64, a, q % 32, r % 32 + 1),
            28 => out.read_time(),
            _ => {
                let v = out.load(MemTy::V128, BASE, (q % 64).into());
                let sum = out.vec(VecOp::Add, Ty::I16, 16, v, Reg(32));
                pending.extend([(Reg(32), sum), (Reg(33), sum.up(1))]);
                continue;
            }
        };
        temps.push(value);
        if s.is_multiple_of(5) {
            pending.push((Reg(r % 8), value));
        }
    }
    for (reg, value) in pending {
        out.set(reg, value);
    }
    if let Some(&(_, [p, q, ..], _)) = seeds.last()
        && let Some(&last) = temps.last()
    {
        out.set(Reg(p % 8), last);
        if q.is_multiple_of(3) {
            let imm = pick(&[16, -32, 8, 4, 2], p);
            out.push(Op::BinImm { op: BinOp::Add, ty: Ty::I64, d: STACK.into(), a: STACK.into(), imm });
        }
        if q.is_multiple_of(4) {
            out.set_flags(FlagKind::Sub, Ty::I32, Reg(p % 8), Reg(q / 4 % 8));
        }
    }
}

fn block(seeds: &[Vec<Seed>]) -> Block {
    let mut out = Builder::new(PC);
    for (i, insn) in seeds.iter().enumerate() {
        out.insn(PC + 4 * i as u64);
        instruction(&mut out, insn);
    }
    let (kind, [p, q, r, s], _) = seeds.last().and_then(|i| i.last()).copied().unwrap_or_default();
    let (taken, next) = (PC + 0x100, PC + 0x200);
    let (a, b) = (Reg(q % 8), Reg(r % 8));
    match kind % 6 {
        0 => out.branch_flag(pick(&FLAG_CONDS, p), taken, next),
        1 => {
            let (ty, imm) = (pick(&WIDE, s), out.iconst((r % 5).into()));
            out.set_flags(pick(&[FlagKind::Sub, FlagKind::SubArm], s), ty, a, imm);
            out.branch_flag(pick(&FLAG_CONDS, p), taken, next);
        }
        2 => {
            out.set_flags(FlagKind::Sub, pick(&WIDE, s), a, b);
            out.branch_flag(pick(&FLAG_CONDS, p), taken, next);
        }
        3 => out.branch_cmp(pick(&CONDS, p), pick(&TYS, s), a, b, taken, next),
        4 => out.jump_reg(a, JumpHint::None),
        _ => out.syscall(next),
    }
    out.finish(PC + 4 * seeds.len() as u64)
}

/// What a guest can see of a run.
#[derive(Debug, PartialEq)]
struct Seen {
    retired: u64,
    end: String,
    registers: Vec<u64>,
    flags: u64,
    memory: Vec<u8>,
}

const CLOCK: Clock = Clock { now: 100, carry: 0, share: 1 };

fn observe(registers: &[u64; 8], run: impl FnOnce(&mut Slots, &mut Memory) -> (u64, String)) -> Seen {
    let mut pool = FramePool::new(4);
    let mut space = pool.new_space();
    let frame = pool.alloc().unwrap();
    pool.write(frame, 0, &std::array::from_fn::<u8, 256, _>(|i| (i as u8).wrapping_mul(7)), None);
    space.map(&mut pool, DATA, Pte { frame, perms: Perms { read: true, write: true, execute: false } });
    let mut slots: Slots = [0; 256];
    slots[..8].copy_from_slice(registers);
    slots[BASE.0 as usize] = DATA;
    slots[STACK.0 as usize] = DATA + 64;
    slots[32] = 0x1234_5678_9abc_def0;
    LazyFlags { kind: FlagKind::Sub, ty: Ty::I32, a: registers[0], b: registers[1], c: 0 }.store(&mut slots);
    let (retired, end) = run(&mut slots, &mut Memory::new(&mut space, &mut pool, 1, u64::MAX));
    let mut seen: Vec<u64> = slots[..144].to_vec();
    seen.push(slots[FP_ENV.0 as usize]);
    let memory = pool.bytes(frame)[..256].to_vec();
    Seen { retired, end, registers: seen, flags: LazyFlags::load(&slots).flags().0, memory }
}

fn plainly(block: &Block, limit: u64, registers: &[u64; 8]) -> Seen {
    observe(registers, |slots, mem| {
        let Stretch { retired, end } = plain::run(block, 0, limit, slots, mem, &CLOCK, 0);
        (
            retired,
            match end {
                StretchEnd::Goto(pc) => format!("goto {pc:#x}"),
                StretchEnd::Syscall(next) => format!("syscall {next:#x}"),
                StretchEnd::Stopped(leave, pc) => format!("{leave:?} at {pc:#x}"),
            },
        )
    })
}

fn compactly(block: &Block, optimised: &Block, registers: &[u64; 8]) -> Seen {
    observe(registers, |slots, mem| {
        let (mut code, mut ops) = (Vec::new(), Vec::new());
        let lowered = lower(optimised, false, &mut code, &mut ops);
        let (jumps, mut left) = (JumpCache::default(), 1000);
        let on = Running { code: &code, ops: &ops, jumps: &jumps, context: 1, clock: &CLOCK, budget: 1000 };
        let out = compact::run(&on, lowered.entry, slots, mem, &mut left);
        let insns = 1000 - left;
        match out {
            Out::Goto(pc) => (insns, format!("goto {pc:#x}")),
            Out::Syscall(next) => (insns, format!("syscall {next:#x}")),
            Out::Stopped(leave, ip) => {
                let retired = lowered.insn_at(ip) as u64;
                (retired, format!("{leave:?} at {:#x}", block.pc + 4 * retired))
            }
            Out::At(_) | Out::Link(_) | Out::Trap(_) => (insns, format!("{out:?}")),
        }
    })
}

fn seeds() -> impl Strategy<Value = Vec<Vec<Seed>>> {
    let seed = (any::<u8>(), any::<[u8; 4]>(), any::<u64>());
    prop::collection::vec(prop::collection::vec(seed, 1..7), 1..8)
}

fn registers() -> impl Strategy<Value = [u64; 8]> {
    let value = prop_oneof![Just(0), Just(1), Just(DATA + 8), 0u64..10, any::<u64>(), Just(u64::MAX), Just(1 << 31)];
    prop::array::uniform8(value)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn optimised_and_compact_blocks_do_what_the_lifted_one_does(seeds in seeds(), registers in registers()) {
        let block = block(&seeds);
        verify(&block).unwrap();
        let mut tidy = block.clone();
        optimise(&mut tidy);
        let expected = plainly(&block, u64::MAX, &registers);
        prop_assert_eq!(&plainly(&tidy, u64::MAX, &registers), &expected, "optimised: {:#?}", tidy.ops);
        prop_assert_eq!(&compactly(&block, &tidy, &registers), &expected, "compact: {:#?} {:#?}", tidy.ops, tidy.term);
    }

    #[test]
    fn a_stretch_cut_anywhere_goes_on_to_the_same_end(seeds in seeds(), registers in registers(), cut in 1u64..7) {
        let block = block(&seeds);
        let expected = plainly(&block, u64::MAX, &registers);
        let pieces = observe(&registers, |slots, mem| {
            let (mut retired, mut from) = (0, 0);
            loop {
                let stretch = plain::run(&block, from, cut, slots, mem, &CLOCK, retired);
                retired += stretch.retired;
                let end = match stretch.end {
                    StretchEnd::Goto(pc) => {
                        let inside = block.ops.iter().position(|op| *op == Op::Insn { pc });
                        if let Some(at) = inside && retired < block.insns as u64 {
                            from = at;
                            continue;
                        }
                        format!("goto {pc:#x}")
                    }
                    StretchEnd::Syscall(next) => format!("syscall {next:#x}"),
                    StretchEnd::Stopped(leave, pc) => format!("{leave:?} at {pc:#x}"),
                };
                break (retired, end);
            }
        });
        prop_assert_eq!(pieces, expected);
    }
}

#[test]
fn optimising_leaves_nothing_superfluous() {
    // add rax, rcx; cmp rax, 5; jb: what a lifter writes for it, and what should be left.
    let mut out = Builder::new(PC);
    out.insn(PC);
    let sum = out.add(Ty::I64, Reg(0), Reg(1));
    out.set_flags(FlagKind::Add, Ty::I64, Reg(0), Reg(1));
    out.set(Reg(0), sum);
    out.insn(PC + 4);
    let five = out.iconst(5);
    out.set_flags(FlagKind::Sub, Ty::I64, Reg(0), five);
    out.branch_flag(FlagCond::Carry, PC, PC + 8);
    let mut block = out.finish(PC + 8);
    optimise(&mut block);
    let r0 = Slot(0);
    assert_eq!(
        block.ops,
        [
            Op::Insn { pc: PC },
            Op::Bin { op: BinOp::Add, ty: Ty::I64, d: r0, a: r0, b: Slot(1) },
            Op::Insn { pc: PC + 4 },
            Op::Const { d: five.into(), value: 5 },
            Op::SetFlags { kind: FlagKind::Sub, ty: Ty::I64, a: r0, b: five.into(), c: five.into() },
        ]
    );
    let branch = Term::BranchCmpImm { cond: Cond::LtU, ty: Ty::I64, a: r0, imm: 5, taken: PC, next: PC + 8 };
    assert_eq!(block.term, branch);
    let mut code = Vec::new();
    lower(&block, true, &mut code, &mut Vec::new());
    assert_eq!(code.len(), 2 + 2, "two operations and two stubs: {code:#?}");
}
