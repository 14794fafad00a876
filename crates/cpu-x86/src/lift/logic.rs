//! AND, OR, XOR, NOT, TEST; bits and bytes; conditions as values.
use super::Lift;
use crate::regs::{RAX, RBX, RCX, RDX};
use iced_x86::{ConditionCode, OpKind};
use ir::{BinOp, Cond, FlagCond, FlagKind, Flags, MemTy, Op, RmwOp, Slot, Ty, UnOp};

/// CARRY and OVERFLOW clear; ADJUST, undefined, clear as on hardware.
fn set_logic_flags(l: &mut Lift<'_>, ty: Ty, result: impl Into<Slot>) {
    let none = l.out.iconst(0);
    l.out.set_flags(FlagKind::Result, ty, result, none);
}

/// AND, OR, XOR.
pub(crate) fn bitwise(l: &mut Lift<'_>, op: BinOp) {
    let ty = l.ty(0);
    let same = l.insn.op_kind(1) == OpKind::Register && l.insn.op0_register() == l.insn.op1_register();
    if op == BinOp::Xor && same && ty >= Ty::I32 && !l.is_mem(0) {
        // The idiom for zero.
        let place = l.place(0);
        l.out.push(Op::Const { d: place.slot, value: 0 });
        let zero = l.out.iconst(0);
        return l.out.set_flags(FlagKind::Result, ty, zero, zero);
    }
    let b = l.read(1);
    if l.insn.has_lock_prefix() {
        let rmw = match op {
            BinOp::And => RmwOp::And,
            BinOp::Or => RmwOp::Or,
            _ => RmwOp::Xor,
        };
        let mem = l.mem();
        let addr = l.lea(mem);
        let old = l.out.atomic(rmw, ty, addr, b);
        let result = l.out.bin(op, ty, old, b);
        return set_logic_flags(l, ty, result);
    }
    let place = l.place(0);
    let a = l.current(place);
    l.bin_commit(place, op, ty, a, b);
    set_logic_flags(l, ty, place.slot);
}

pub(crate) fn test(l: &mut Lift<'_>) {
    let ty = l.ty(0);
    let same = l.insn.op_kind(1) == OpKind::Register && l.insn.op0_register() == l.insn.op1_register();
    let a = l.read(0);
    let result = if same && !l.is_mem(0) {
        a
    } else {
        let b = l.read(1);
        l.out.and(ty, a, b).into()
    };
    set_logic_flags(l, ty, result);
}

pub(crate) fn not(l: &mut Lift<'_>) {
    let ty = l.ty(0);
    let place = l.place(0);
    let a = l.current(place);
    l.out.un(UnOp::Not, ty, a);
    l.redirect(place.slot);
    l.commit(place);
}

/// What BT and its kin do to the bit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum BitOp {
    Test,
    Set,
    Reset,
    Complement,
}

/// BT, BTS, BTR, BTC. A register offset into memory reaches beyond the operand. Only CARRY changes (the others but
/// ZERO are undefined).
pub(crate) fn bit(l: &mut Lift<'_>, op: BitOp) {
    let ty = l.ty(0);
    let index = l.read(1);
    let mut mem = None;
    let a = if l.is_mem(0) {
        let mut at = l.mem();
        if l.insn.op_kind(1) == OpKind::Register {
            let offset = l.extend(index, ty, true);
            let element = l.out.bin_imm(BinOp::Sar, Ty::I64, offset, (ty.bits().trailing_zeros()).into());
            let base = l.lea(at);
            let scale = ty.bytes().trailing_zeros() as u8;
            let mut addr = l.out.lea(base, element, scale, 0);
            if l.insn.memory_base().size() == 4 || l.insn.memory_index().size() == 4 {
                addr = l.out.zext(Ty::I32, addr);
            }
            at = super::Mem::at(addr, 0);
        }
        mem = Some(at);
        l.load(MemTy::of(ty), at).into()
    } else {
        let a = l.read(0);
        // The register may also be the index.
        Slot::from(l.out.get(a))
    };
    let index = l.out.and_imm(Ty::I64, index, i64::from(ty.bits()) - 1);
    let shifted = l.out.bin(BinOp::Shr, ty, a, index);
    let carry = l.out.and_imm(Ty::I64, shifted, 1);
    if op != BitOp::Test {
        let one = l.out.iconst(1);
        let mask = l.out.bin(BinOp::Shl, ty, one, index);
        let op = match op {
            BitOp::Set => BinOp::Or,
            BitOp::Reset => BinOp::AndNot,
            _ => BinOp::Xor,
        };
        let result = l.out.bin(op, ty, a, mask);
        match mem {
            Some(mem) => l.store(MemTy::of(ty), result, mem),
            None => l.write(0, result),
        }
    }
    set_carry(l, carry);
}

/// Replaces CARRY alone.
pub(crate) fn set_carry(l: &mut Lift<'_>, carry: impl Into<Slot>) {
    let flags = l.out.get_flags();
    let flags = l.out.insert(Ty::I64, flags, carry, 0, 1);
    l.out.set_flag_bits(flags);
}

/// BSF, BSR: the destination stays if the source is zero, as on all processors. ZERO says so; of the others, undefined,
/// PARITY is that of the number found (of zero if there is none) and the rest is clear, as on Intel's.
pub(crate) fn scan(l: &mut Lift<'_>, reverse: bool) {
    let ty = l.ty(0);
    let a = l.read(1);
    let a = l.out.get(a);
    let count = if reverse {
        let zeros = l.out.un(UnOp::Clz, ty, a);
        l.out.bin_imm(BinOp::Xor, ty, zeros, i64::from(ty.bits()) - 1)
    } else {
        l.out.un(UnOp::Ctz, ty, a)
    };
    let zero = l.out.cmp_imm(Cond::Eq, ty, a, 0);
    let none = l.out.iconst(0);
    let found = l.out.select(zero, none, count);
    let bits = l.out.un(UnOp::Popcnt, Ty::I8, found);
    let odd = l.out.and_imm(Ty::I64, bits, 1);
    let even = l.out.bin_imm(BinOp::Xor, Ty::I64, odd, 1);
    let flags = l.out.shl_imm(Ty::I64, even, Flags::PARITY.trailing_zeros() as u8);
    let flags = l.out.insert(Ty::I64, flags, zero, Flags::ZERO.trailing_zeros() as u8, 1);
    l.out.set_flag_bits(flags);
    let (reg, _) = super::operand::reg_of(l.insn.op0_register());
    if ty == Ty::I16 {
        let value = l.out.select(zero, reg, count);
        return l.insert(reg, value, 0, 16);
    }
    l.out.push(Op::Select { d: reg.into(), c: zero.into(), a: reg.into(), b: count.into() });
}

/// POPCNT: ZERO from the source, all other flags clear.
pub(crate) fn popcnt(l: &mut Lift<'_>) {
    let ty = l.ty(0);
    let a = l.read(1);
    let count = l.out.un(UnOp::Popcnt, ty, a);
    let zero = l.out.cmp_imm(Cond::Eq, ty, count, 0);
    let flags = l.out.shl_imm(Ty::I64, zero, Flags::ZERO.trailing_zeros() as u8);
    l.out.set_flag_bits(flags);
    l.write(0, count);
}

/// BSWAP; of 16 bits, undefined, it gives zero as on hardware.
pub(crate) fn bswap(l: &mut Lift<'_>) {
    let ty = l.ty(0);
    let a = l.read(0);
    let value = if ty == Ty::I16 { l.out.iconst(0) } else { l.out.un(UnOp::Bswap, ty, a) };
    l.write(0, value);
}

/// The condition in an encoding.
pub(crate) fn condition(l: &Lift<'_>) -> FlagCond {
    match l.insn.condition_code() {
        ConditionCode::None => FlagCond::Always,
        ConditionCode::o => FlagCond::Overflow,
        ConditionCode::no => FlagCond::NoOverflow,
        ConditionCode::b => FlagCond::Carry,
        ConditionCode::ae => FlagCond::NoCarry,
        ConditionCode::e => FlagCond::Eq,
        ConditionCode::ne => FlagCond::Ne,
        ConditionCode::be => FlagCond::CarryOrZero,
        ConditionCode::a => FlagCond::NoCarryNorZero,
        ConditionCode::s => FlagCond::Sign,
        ConditionCode::ns => FlagCond::NoSign,
        ConditionCode::p => FlagCond::Parity,
        ConditionCode::np => FlagCond::NoParity,
        ConditionCode::l => FlagCond::Lt,
        ConditionCode::ge => FlagCond::Ge,
        ConditionCode::le => FlagCond::Le,
        ConditionCode::g => FlagCond::Gt,
    }
}

pub(crate) fn setcc(l: &mut Lift<'_>) {
    let cond = condition(l);
    let value = l.out.get_flag(cond);
    l.write(0, value);
}

/// CMOVcc: memory is read, and a 32-bit destination cut, whatever the condition.
pub(crate) fn cmovcc(l: &mut Lift<'_>) {
    let ty = l.ty(0);
    let cond = condition(l);
    let b = l.read(1);
    let (reg, _) = super::operand::reg_of(l.insn.op0_register());
    let c = l.out.get_flag(cond);
    if ty == Ty::I64 {
        l.out.push(Op::Select { d: reg.into(), c: c.into(), a: b, b: reg.into() });
    } else {
        let value = l.out.select(c, b, reg);
        l.write_low(ty, reg, value);
    }
}

/// XCHG; with memory it is locked, prefix or not.
pub(crate) fn xchg(l: &mut Lift<'_>) {
    let ty = l.ty(0);
    // The register is the second operand in one encoding, the first in the other.
    let (m, r) = if l.is_mem(1) { (1, 0) } else { (0, 1) };
    let register = l.insn.op_register(r);
    let b = l.read(r);
    if l.is_mem(m) {
        let mem = l.mem();
        let addr = l.lea(mem);
        let old = l.out.atomic(RmwOp::Swap, ty, addr, b);
        return l.write_reg(register, old);
    }
    let a = l.read(m);
    let (a, b) = (l.out.get(a), l.out.get(b));
    l.write_reg(register, a);
    l.write(m, b);
}

/// CMPXCHG: compares the accumulator with op0; equal: op0 = op1, else the accumulator = op0.
pub(crate) fn cmpxchg(l: &mut Lift<'_>) {
    let ty = l.ty(0);
    let new = l.read(1);
    if l.is_mem(0) {
        let mem = l.mem();
        let addr = l.lea(mem);
        let old = l.out.cas(ty, addr, RAX, new);
        let equal = l.out.cmp(Cond::Eq, ty, RAX, old);
        l.out.set_flags(FlagKind::Sub, ty, RAX, old);
        return keep_or_take(l, ty, equal, old);
    }
    let old = l.read(0);
    let (old, new) = (l.out.get(old), l.out.get(new));
    let equal = l.out.cmp(Cond::Eq, ty, RAX, old);
    l.out.set_flags(FlagKind::Sub, ty, RAX, old);
    keep_or_take(l, ty, equal, old);
    // Like the accumulator, a register is written only if its value changes hands.
    let (reg, lsb) = super::operand::reg_of(l.insn.op0_register());
    let written = match ty {
        Ty::I64 => new,
        Ty::I32 => l.out.zext(ty, new),
        _ => l.out.insert(Ty::I64, reg, new, lsb, ty.bits()),
    };
    l.out.push(Op::Select { d: reg.into(), c: equal.into(), a: written.into(), b: reg.into() });
}

/// The accumulator takes `old` unless `equal`; then it is not written at all.
fn keep_or_take(l: &mut Lift<'_>, ty: Ty, equal: impl Into<Slot>, old: impl Into<Slot>) {
    let taken = match ty {
        Ty::I64 => old.into(),
        Ty::I32 => l.out.zext(Ty::I32, old).into(),
        _ => Slot::from(l.out.insert(Ty::I64, RAX, old, 0, ty.bits())),
    };
    l.out.push(Op::Select { d: RAX.into(), c: equal.into(), a: RAX.into(), b: taken });
}

/// CMPXCHG8B and CMPXCHG16B: only ZERO changes.
pub(crate) fn cmpxchg_pair(l: &mut Lift<'_>, wide: bool) {
    let mem = l.mem();
    let (low, high, equal) = if wide {
        l.check_aligned(16, mem);
        let addr = l.lea(mem);
        let (expect, new) = (l.out.temp(2), l.out.temp(2));
        l.out.set(expect, RAX);
        l.out.set(expect.up(1), RDX);
        l.out.set(new, RBX);
        l.out.set(new.up(1), RCX);
        let old = l.out.cas128(true, addr, expect, new);
        let low = l.out.xor(Ty::I64, old, RAX);
        let high = l.out.xor(Ty::I64, old.up(1), RDX);
        let differ = l.out.or(Ty::I64, low, high);
        (Slot::from(old), Slot::from(old.up(1)), l.out.cmp_imm(Cond::Eq, Ty::I64, differ, 0))
    } else {
        let addr = l.lea(mem);
        let expect = l.out.insert(Ty::I64, RAX, RDX, 32, 32);
        let new = l.out.insert(Ty::I64, RBX, RCX, 32, 32);
        let old = l.out.cas(Ty::I64, addr, expect, new);
        let low = l.out.zext(Ty::I32, old);
        let high = l.out.shr_imm(Ty::I64, old, 32);
        (low.into(), high.into(), l.out.cmp(Cond::Eq, Ty::I64, old, expect))
    };
    l.out.push(Op::Select { d: RAX.into(), c: equal.into(), a: RAX.into(), b: low });
    l.out.push(Op::Select { d: RDX.into(), c: equal.into(), a: RDX.into(), b: high });
    let flags = l.out.get_flags();
    let flags = l.out.insert(Ty::I64, flags, equal, Flags::ZERO.trailing_zeros() as u8, 1);
    l.out.set_flag_bits(flags);
}
