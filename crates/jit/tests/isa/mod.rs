//! An instruction set of random operations: eight bytes seed a generator that says what the instruction does. Every operation
//! of the IR comes up, on registers that hold small numbers, large ones, floats and addresses.
#![allow(unreachable_pub)]
use arch::{Arch, Cpu, ElfIdent, Isa};
use ir::*;
use oracle::NoLinux;

/// Bytes of an instruction.
pub const LEN: u64 = 8;
/// General registers, written by random instructions.
pub const REGS: u8 = 8;
/// Registers that nothing writes: addresses of data, of the last bytes of data, of code, and near the end of a view.
pub const BASE: Reg = Reg(8);
pub const EDGE: Reg = Reg(9);
pub const CODE_AT: Reg = Reg(10);
pub const FAR: Reg = Reg(11);
/// The first of eight vector registers of four slots.
pub const VECTORS: u8 = 32;

/// SplitMix64 (Steele, Lea, Flood 2014).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

static SUM: Helper = Helper::pure("sum", 2, [1, 2, 0], |slots, args| {
    let at = |s: Slot| slots[s.0 as usize];
    let (a, b, c) = (at(args.a), at(args.b), at(args.b.up(1)));
    slots[args.d.0 as usize] = a.wrapping_add(b);
    slots[args.d.up(1).0 as usize] = b.wrapping_sub(c);
});
static SPY: Helper = Helper::machine("spy", |slots, mem, args| {
    let seen = slots[..8].iter().fold(0u64, |sum, r| sum.rotate_left(7) ^ r) ^ LazyFlags::load(slots).flags().0;
    let seen = seen ^ slots[args.a.0 as usize].rotate_left(9);
    mem.write(slots[BASE.0 as usize] + 64, &seen.to_le_bytes()).map_err(Trap::Fault)?;
    slots[args.d.0 as usize] = seen;
    Ok(())
});

const TYS: [Ty; 4] = [Ty::I8, Ty::I16, Ty::I32, Ty::I64];
const WIDE: [Ty; 6] = [Ty::I32, Ty::I64, Ty::I64, Ty::I32, Ty::I8, Ty::I16];
const FTYS: [FTy; 2] = [FTy::F32, FTy::F64];
#[rustfmt::skip]
const BINS: [BinOp; 25] = [
    BinOp::Add, BinOp::Sub, BinOp::Add, BinOp::And, BinOp::Or, BinOp::Xor, BinOp::AndNot, BinOp::OrNot, BinOp::XorNot, BinOp::Shl,
    BinOp::Shr, BinOp::Sar, BinOp::Rotl, BinOp::Rotr, BinOp::Mul, BinOp::MulHiS, BinOp::MulHiU, BinOp::MulHiSU, BinOp::DivS,
    BinOp::DivU, BinOp::RemS, BinOp::RemU, BinOp::MinS, BinOp::MaxU, BinOp::MaxS,
];
#[rustfmt::skip]
const UNS: [UnOp; 12] = [
    UnOp::Neg, UnOp::Not, UnOp::Clz, UnOp::Ctz, UnOp::Cls, UnOp::Popcnt, UnOp::Bswap, UnOp::BitRev, UnOp::Rev16, UnOp::Rev32,
    UnOp::Box32, UnOp::Unbox32,
];
#[rustfmt::skip]
const CONDS: [Cond; 12] = [
    Cond::Eq, Cond::Ne, Cond::LtS, Cond::LeS, Cond::GtS, Cond::GeS, Cond::LtU, Cond::LeU, Cond::GtU, Cond::GeU, Cond::TestZ,
    Cond::TestNz,
];
#[rustfmt::skip]
const KINDS: [FlagKind; 14] = [
    FlagKind::Add, FlagKind::Sub, FlagKind::Sub, FlagKind::SubArm, FlagKind::Result, FlagKind::Adc, FlagKind::Sbb, FlagKind::Inc,
    FlagKind::Dec, FlagKind::Bits, FlagKind::Result, FlagKind::Shl, FlagKind::Shr, FlagKind::Sar,
];
#[rustfmt::skip]
const FLAG_CONDS: [FlagCond; 20] = [
    FlagCond::Eq, FlagCond::Ne, FlagCond::Carry, FlagCond::NoCarry, FlagCond::Sign, FlagCond::NoSign, FlagCond::Overflow,
    FlagCond::NoOverflow, FlagCond::Parity, FlagCond::NoParity, FlagCond::CarryOrZero, FlagCond::NoCarryNorZero,
    FlagCond::CarryNotZero, FlagCond::NoCarryOrZero, FlagCond::Lt, FlagCond::Ge, FlagCond::Le, FlagCond::Gt, FlagCond::Adjust,
    FlagCond::Always,
];
#[rustfmt::skip]
const VEC_OPS: [VecOp; 56] = [
    VecOp::Add, VecOp::Sub, VecOp::Mul, VecOp::And, VecOp::Or, VecOp::Xor, VecOp::AndNot, VecOp::OrNot, VecOp::CmpEq, VecOp::CmpGtS,
    VecOp::CmpGtU, VecOp::CmpGeS, VecOp::CmpGeU, VecOp::MinS, VecOp::MinU, VecOp::MaxS, VecOp::MaxU, VecOp::AddSatS,
    VecOp::AddSatU, VecOp::SubSatS, VecOp::SubSatU, VecOp::AvgU, VecOp::ZipLo, VecOp::ZipHi, VecOp::UnzipEven, VecOp::UnzipOdd,
    VecOp::Dup, VecOp::Not, VecOp::Neg, VecOp::Abs, VecOp::Popcnt, VecOp::FAdd, VecOp::FSub, VecOp::FMul, VecOp::FDiv,
    VecOp::FSqrt, VecOp::FMinX86, VecOp::FMaxX86, VecOp::FMinArm, VecOp::FMaxArm, VecOp::FMinNum, VecOp::FMaxNum, VecOp::FAbs,
    VecOp::FNeg, VecOp::FAdd, VecOp::FMul, VecOp::FSub, VecOp::FAdd, VecOp::FMul, VecOp::MulHiS, VecOp::MulHiU, VecOp::MulHalfS,
    VecOp::MulHalfU, VecOp::NarrowS, VecOp::NarrowU, VecOp::ShuffleBytes,
];
#[rustfmt::skip]
const FPS: [FpOp; 13] = [
    FpOp::Add, FpOp::Sub, FpOp::Mul, FpOp::Div, FpOp::Sqrt, FpOp::MinX86, FpOp::MaxX86, FpOp::MinArm, FpOp::MaxArm, FpOp::MinNum,
    FpOp::MaxNum, FpOp::Abs, FpOp::Neg,
];
const ROUNDS: [Round; 6] =
    [Round::Env, Round::NearestEven, Round::NearestAway, Round::TowardZero, Round::Up, Round::Down];
const OVERFLOWS: [Overflow; 3] = [Overflow::X86, Overflow::Saturate, Overflow::RiscV];
#[rustfmt::skip]
const RMWS: [RmwOp; 11] = [
    RmwOp::Swap, RmwOp::Add, RmwOp::Sub, RmwOp::And, RmwOp::Or, RmwOp::Xor, RmwOp::AndNot, RmwOp::MinS, RmwOp::MinU, RmwOp::MaxS,
    RmwOp::MaxU,
];
const LOADS: [MemTy; 7] = [MemTy::U8, MemTy::U16, MemTy::U32, MemTy::U64, MemTy::S8, MemTy::S16, MemTy::S32];

/// One instruction under construction: its temporaries, and the registers it will write when nothing can leave any more.
struct Writer<'a> {
    out: &'a mut Builder,
    random: Random,
    temps: Vec<Val>,
    pending: Vec<(Reg, Val)>,
    /// Exceptions have perhaps been raised: nothing may leave any more.
    raised: bool,
}

impl Writer<'_> {
    fn source(&mut self) -> Slot {
        match self.random.below(5) {
            0 | 1 if !self.temps.is_empty() => self.random.pick(&self.temps).into(),
            2 if self.random.one_in(4) => self.random.pick(&[BASE, EDGE, CODE_AT, FAR]).into(),
            _ => Reg(self.random.below(REGS as u64) as u8).into(),
        }
    }
    fn vector(&mut self) -> Reg {
        Reg(VECTORS + 4 * self.random.below(8) as u8)
    }
    /// An address to access, and how far from it.
    fn address(&mut self) -> (Slot, i32) {
        match self.random.below(16) {
            0..=6 => (BASE.into(), self.random.below(200) as i32 & !7),
            7..=9 => (BASE.into(), self.random.below(200) as i32),
            10 | 11 => (EDGE.into(), self.random.below(40) as i32),
            12 => (EDGE.into(), 4096 + self.random.below(40) as i32),
            13 => (CODE_AT.into(), self.random.below(300) as i32),
            14 => (FAR.into(), self.random.below(40) as i32),
            _ => (self.source(), 0),
        }
    }
    fn indexed(&mut self) -> (Slot, Slot, u8, i32) {
        let (base, disp) = self.address();
        let index = self.random.below(5);
        let index = self.out.iconst(index);
        if self.random.one_in(8) {
            return (self.source(), self.source(), self.random.below(4) as u8, disp);
        }
        (base, index.into(), self.random.pick(&[0, 1, 2, 3, 3, 4]), disp)
    }

    /// Writes one operation (or two that belong together).
    fn operation(&mut self) {
        let (a, b, c) = (self.source(), self.source(), self.source());
        let ty = self.random.pick(&WIDE);
        let bits = ty.bits() as u64;
        let mut choice = self.random.below(46);
        if self.raised && matches!(choice, 28..=39) {
            choice = self.random.below(28);
        }
        let value = match choice {
            0 => {
                let value = if self.random.one_in(2) { self.random.next() } else { self.random.below(9) };
                self.out.iconst(value)
            }
            1 => self.out.get(a),
            2..=6 => {
                let bin = self.random.pick(&BINS);
                let kind = match bin {
                    BinOp::Add => FlagKind::Add,
                    BinOp::Sub => self.random.pick(&[FlagKind::Sub, FlagKind::SubArm]),
                    _ => return self.keep_bin(bin, ty, a, b),
                };
                // As lifters do: flags of the same operands beside it.
                if self.random.one_in(3) {
                    self.out.set_flags(kind, ty, a, b);
                    let value = self.out.bin(bin, ty, a, b);
                    if self.random.one_in(2)
                        && let Some(&r) = [a, b].iter().find(|s| s.0 < REGS)
                    {
                        self.pending.push((Reg(r.0), value));
                    }
                    value
                } else {
                    self.out.bin(bin, ty, a, b)
                }
            }
            7 | 8 => {
                let bin = self.random.pick(&BINS);
                let imm = self.random.pick(&[0, 1, 5, -1, 31, 63, 0xff, 0x1000, i32::MAX as i64, i32::MIN as i64]);
                self.out.bin_imm(bin, ty, a, imm)
            }
            9 | 10 => {
                let un = self.random.pick(&UNS);
                let ty = match un {
                    UnOp::Rev32 | UnOp::Box32 | UnOp::Unbox32 => Ty::I64,
                    _ => ty,
                };
                self.out.un(un, ty, a)
            }
            11 => {
                let (signed, from, to) = (self.random.one_in(2), self.random.pick(&TYS), self.random.pick(&TYS));
                self.out.ext(signed, from.min(to), from.max(to), a)
            }
            12 => self.out.add_carry(ty, a, b, c),
            13 => {
                let lsb = self.random.below(bits);
                let width = 1 + self.random.below(bits - lsb);
                let signed = self.random.one_in(2);
                self.out.extract(signed, ty, a, lsb as u8, width as u8)
            }
            14 => {
                let lsb = self.random.below(bits);
                let width = 1 + self.random.below(bits - lsb);
                self.out.insert(ty, a, b, lsb as u8, width as u8)
            }
            15 => {
                let amount = self.random.below(bits) as u8;
                self.out.funnel(ty, a, b, amount)
            }
            16 => {
                let (scale, disp) = (self.random.below(5) as u8, self.random.below(300) as i32 - 150);
                self.out.lea(a, b, scale, disp)
            }
            17 | 18 => {
                let cond = self.random.pick(&CONDS);
                let value = if self.random.one_in(2) {
                    self.out.cmp(cond, ty, a, b)
                } else {
                    let imm = self.random.pick(&[0, 1, -1, 127, 128, 1 << 20]);
                    self.out.cmp_imm(cond, ty, a, imm)
                };
                if self.random.one_in(3) {
                    let (x, y) = (self.source(), self.source());
                    self.out.select(value, x, y)
                } else {
                    value
                }
            }
            19 => self.out.select(a, b, c),
            20..=22 => {
                let kind = self.random.pick(&KINDS);
                return self.out.set_flags_carry(kind, ty, a, b, c);
            }
            23 => {
                let value = self.random.below(5);
                let (imm, kind) = (self.out.iconst(value), self.random.pick(&KINDS[..5]));
                return self.out.set_flags(kind, ty, a, imm);
            }
            24 => {
                let kind = self.random.pick(&KINDS);
                return self.out.set_flags_if(a, kind, ty, b, c);
            }
            25 | 26 => {
                let cond = self.random.pick(&FLAG_CONDS);
                self.out.get_flag(cond)
            }
            27 => self.out.get_flags(),
            28 | 29 => {
                let (ty, (addr, disp)) = (self.random.pick(&LOADS), self.address());
                self.out.load(ty, addr, disp)
            }
            30 => {
                let (ty, (base, index, scale, disp)) = (self.random.pick(&LOADS), self.indexed());
                self.out.load_x(ty, base, index, scale, disp)
            }
            31 | 32 => {
                let (ty, (addr, disp)) = (self.random.pick(&LOADS[..4]), self.address());
                return self.out.store(ty, a, addr, disp);
            }
            33 => {
                let (ty, (base, index, scale, disp)) = (self.random.pick(&LOADS[..4]), self.indexed());
                return self.out.store_x(ty, a, base, index, scale, disp);
            }
            34 => {
                let ty = self.random.pick(&[MemTy::V128, MemTy::V128, MemTy::V256]);
                let (addr, disp) = self.address();
                if self.random.one_in(2) {
                    let v = self.vector();
                    return self.out.store(ty, v, addr, disp);
                }
                let (value, d) = (self.out.load(ty, addr, disp), self.vector());
                return self.pending.extend((0..ty.slots()).map(|i| (d.up(i), value.up(i))));
            }
            35 => {
                // A pair of general registers at once.
                let (addr, disp) = self.address();
                let d = Reg(self.random.below(REGS as u64 - 1) as u8);
                let value = self.out.load(MemTy::V128, addr, disp);
                return self.pending.extend((0..2).map(|i| (d.up(i), value.up(i))));
            }
            36 => return self.exotic_access(ty, a, b),
            37 => {
                if self.random.one_in(4) {
                    self.out.trap_if(a, Trap::Breakpoint);
                } else if self.random.one_in(3) {
                    self.out.exit_if(a, CODE + LEN * self.random.below(64));
                }
                return;
            }
            38 => self.out.call(&SUM, a, Reg(self.random.below(7) as u8), c, 0),
            39 if self.random.one_in(3) => self.out.call(&SPY, a, b, c, 0),
            39 => self.out.read_time(),
            40 | 41 => return self.float(a, b),
            _ => return self.vectors(),
        };
        self.keep(value);
    }

    fn keep_bin(&mut self, bin: BinOp, ty: Ty, a: Slot, b: Slot) {
        let value = self.out.bin(bin, ty, a, b);
        self.keep(value);
    }

    fn keep(&mut self, value: Val) {
        self.temps.push(value);
        if self.random.one_in(3) {
            self.pending.push((Reg(self.random.below(REGS as u64) as u8), value));
        }
    }

    fn exotic_access(&mut self, ty: Ty, a: Slot, b: Slot) {
        let (base, disp) = self.address();
        let addr = self.out.lea(base, base, 0, 0);
        let addr = self.out.bin(BinOp::Sub, Ty::I64, addr, base);
        let addr = self.out.add_imm(Ty::I64, addr, disp.into());
        let value = match self.random.below(8) {
            0 => return self.out.probe_write(ty.bytes(), addr, 0),
            7 => return self.out.push(Op::CheckAligned { bytes: ty.bytes(), addr: addr.into() }),
            1 | 2 => {
                let op = self.random.pick(&RMWS);
                self.out.atomic(op, ty, addr, a)
            }
            3 => self.out.cas(ty, addr, a, b),
            4 => self.out.load_ex(ty, false, addr),
            5 => self.out.store_ex(ty, false, addr, a),
            _ => {
                self.out.push(Op::ClearEx);
                return;
            }
        };
        self.keep(value);
    }

    fn float(&mut self, a: Slot, b: Slot) {
        self.raised = true;
        // A rounding of its own, as some architectures' instructions have.
        if self.random.one_in(4) {
            let env = self.out.insert(Ty::I64, FP_ENV, a, 8, 2);
            self.out.set(FP_ENV, env);
        }
        let (fty, ty) = (self.random.pick(&FTYS), self.random.pick(&[Ty::I32, Ty::I64]));
        let signed = self.random.one_in(2);
        let value = match self.random.below(10) {
            0..=4 => {
                let op = self.random.pick(&FPS);
                self.out.fp(op, fty, a, b)
            }
            5 => self.out.fp_cmp(fty, signed, a, b),
            6 => {
                let (round, overflow) = (self.random.pick(&ROUNDS), self.random.pick(&OVERFLOWS));
                self.out.fp_to_int(fty, ty, signed, round, overflow, a)
            }
            7 => self.out.int_to_fp(ty, signed, fty, a),
            8 => self.out.fp_to_fp(fty, a),
            _ => {
                let round = self.random.pick(&ROUNDS);
                self.out.fp_round(fty, round, signed, a)
            }
        };
        self.keep(value);
    }

    fn vectors(&mut self) {
        let (a, b, d) = (self.vector(), self.vector(), self.vector());
        let bytes = self.random.pick(&[16, 16, 16, 8, 32]);
        if self.random.one_in(12) {
            let mask = self.out.vec_mask(self.random.pick(&TYS), bytes, a);
            return self.keep(mask);
        }
        if self.random.one_in(12) {
            let lane = self.random.pick(&[Ty::I16, Ty::I32]);
            let b = if self.random.one_in(2) { a } else { b };
            let value = self.out.vec_shuffle(lane, a, b, self.random.next() as u8);
            return self.pending.extend((0..lane.bytes() / 2).map(|i| (d.up(i), value.up(i))));
        }
        let value = if self.random.one_in(6) {
            let (op, lane) = (self.random.pick(&[BinOp::Shl, BinOp::Shr, BinOp::Sar]), self.random.pick(&TYS));
            let amount = self.random.below(lane.bits() as u64 + 2) as u8;
            self.out.vec_shift(op, lane, bytes, a, amount)
        } else {
            let op = self.random.pick(&VEC_OPS);
            self.raised |= op.is_float();
            let float = op.is_float() || matches!(op, VecOp::FAbs | VecOp::FNeg);
            let lane = match op {
                _ if float => self.random.pick(&[Ty::I32, Ty::I64]),
                VecOp::ShuffleBytes => Ty::I8,
                VecOp::NarrowS | VecOp::NarrowU => self.random.pick(&TYS[..3]),
                _ => self.random.pick(&TYS),
            };
            self.out.vec(op, lane, bytes, a, b)
        };
        self.pending.extend((0..bytes.div_ceil(8)).map(|i| (d.up(i), value.up(i))));
    }

    /// Ends the block.
    fn end(&mut self, pc: u64) {
        let next = pc + LEN;
        let taken = if self.random.one_in(8) { next + 4096 } else { CODE + LEN * self.random.below(64) };
        let (a, b) = (Reg(self.random.below(REGS as u64) as u8), Reg(self.random.below(REGS as u64) as u8));
        let ty = self.random.pick(&TYS);
        match self.random.below(12) {
            0 => self.out.jump(taken),
            1 | 2 => {
                let cond = self.random.pick(&FLAG_CONDS);
                self.out.branch_flag(cond, taken, next);
            }
            3 => {
                let (kind, cond) = (self.random.pick(&KINDS), self.random.pick(&FLAG_CONDS));
                self.out.set_flags_carry(kind, ty, a, b, b);
                self.out.branch_flag(cond, taken, next);
            }
            4 => {
                let (value, cond) = (self.random.below(5), self.random.pick(&FLAG_CONDS));
                let imm = self.out.iconst(value);
                self.out.set_flags(FlagKind::Sub, ty, a, imm);
                self.out.branch_flag(cond, taken, next);
            }
            5 => {
                let cond = self.random.pick(&CONDS);
                self.out.branch_cmp(cond, ty, a, b, taken, next);
            }
            6 => {
                let cond = self.random.pick(&CONDS);
                let c = self.out.cmp(cond, ty, a, b);
                self.out.branch(c, taken, next);
            }
            7 => self.out.branch(a, taken, next),
            8 => {
                let to = self.out.iconst(taken);
                self.out.jump_reg(to, JumpHint::None);
            }
            9 => self.out.jump_reg(CODE_AT, JumpHint::Return),
            10 => self.out.syscall(next),
            _ if self.random.one_in(3) => {
                let behind = self.random.one_in(2);
                self.out.trap(if behind { Trap::Breakpoint } else { Trap::Illegal }, pc + behind as u64 * LEN);
            }
            _ => self.out.jump(next),
        }
    }
}

/// Where code is.
pub const CODE: u64 = 0x10000;

pub struct RandomIsa;

impl Isa for RandomIsa {
    fn lift(&self, pc: u64, code: &[u8], out: &mut Builder) -> Flow {
        let Some(seed) = code.get(..LEN as usize) else { return Flow::Truncated };
        let seed = u64::from_le_bytes(seed.try_into().expect("eight bytes"));
        let mut w = Writer { out, random: Random(seed), temps: Vec::new(), pending: Vec::new(), raised: false };
        for _ in 0..w.random.below(7) {
            w.operation();
        }
        for (reg, value) in std::mem::take(&mut w.pending) {
            w.out.set(reg, value);
        }
        // Flags once more, behind the last operation that can leave, of what registers hold now.
        if w.random.one_in(4) {
            let (a, b) = (Reg(w.random.below(8) as u8), Reg(w.random.below(8) as u8));
            let (kind, ty) = (w.random.pick(&KINDS), w.random.pick(&WIDE));
            w.out.set_flags_carry(kind, ty, a, b, a);
        }
        if w.random.one_in(4) {
            w.end(pc);
            return Flow::End(LEN);
        }
        Flow::Next(LEN)
    }
    fn disassemble(&self, _: u64, code: &[u8]) -> (usize, String) {
        (LEN as usize, format!("{code:?}"))
    }
    fn slot_name(&self, slot: Slot) -> Option<String> {
        (slot.0 < GUEST_SLOTS).then(|| format!("r{}", slot.0))
    }
    fn canonical(&self, cpu: &Cpu) -> Vec<u64> {
        let mut words = cpu.slots[..GUEST_SLOTS as usize].to_vec();
        words.extend([cpu.pc, LazyFlags::load(&cpu.slots).flags().0, cpu.get(EX_SIZE), cpu.get(FP_ENV)]);
        words
    }
    fn hot_slots(&self) -> &'static [Reg] {
        &[Reg(0), Reg(3), Reg(8), Reg(1), Reg(5)]
    }
}

pub static RANDOM: Arch = Arch {
    name: "random",
    elf: ElfIdent { machine: 0, is_64: true, big_endian: false },
    task_size: 1 << 40,
    isa: &RandomIsa,
    abi: &NoLinux,
};
