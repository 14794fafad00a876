//! Shifts and rotates.
//!
//! A count is cut to 5 bits, 6 for 64-bit operands; a count of zero leaves the flags alone. OVERFLOW is defined for
//! counts of one; elsewhere it is what the formula for one gives. ADJUST, undefined, is clear.
use super::Lift;
use super::operand::Place;
use crate::helpers::int;
use iced_x86::OpKind;
use ir::{BinOp, Cond, FlagCond, FlagKind, Flags, Op, Slot, Ty, Val};

const OVERFLOW_BIT: u8 = Flags::OVERFLOW.trailing_zeros() as u8;

/// A shift count: known, or what cl & mask holds.
#[derive(Clone, Copy)]
enum Count {
    Const(u8),
    Var(Val),
}

impl Count {
    fn slot(self, l: &mut Lift<'_>) -> Slot {
        match self {
            Count::Const(n) => l.out.iconst(n.into()).into(),
            Count::Var(n) => n.into(),
        }
    }
}

/// The count in operand `i`; a shift by nothing is `None`.
fn count(l: &mut Lift<'_>, i: u32, ty: Ty) -> Option<Count> {
    let mask = if ty == Ty::I64 { 63 } else { 31 };
    if l.insn.op_kind(i) == OpKind::Register {
        let cl = l.read(i);
        return Some(Count::Var(l.out.and_imm(Ty::I64, cl, mask)));
    }
    match l.insn.immediate(i) as u8 & mask as u8 {
        0 => None,
        n => Some(Count::Const(n)),
    }
}

/// A shift of nothing still checks memory, and clears the upper half of a 32-bit register.
fn unchanged(l: &mut Lift<'_>) {
    let place = l.place(0);
    let a = l.current(place);
    let ty = l.ty(0);
    if place.is_memory() {
        l.out.set(place.slot, a);
    } else if ty == Ty::I32 {
        l.out.push(Op::Ext { signed: false, from: Ty::I32, to: Ty::I64, d: place.slot, a });
    } else {
        return;
    }
    l.commit(place);
}

/// Writes the result, then the flags, if the count is not zero.
fn finish(l: &mut Lift<'_>, place: Place, ty: Ty, n: Count, result: Val, given: Slot) {
    l.out.set(place.slot, result);
    l.commit(place);
    match n {
        Count::Const(_) => l.out.set_flags(FlagKind::Result, ty, result, given),
        Count::Var(n) => l.out.set_flags_if(n, FlagKind::Result, ty, result, given),
    }
}

/// SHL, SHR, SAR.
pub(crate) fn shift(l: &mut Lift<'_>, op: BinOp) {
    let ty = l.ty(0);
    let Some(n) = count(l, 1, ty) else { return unchanged(l) };
    let place = l.place(0);
    let a = l.current(place);
    if let Count::Const(n) = n
        && n < ty.bits()
    {
        return shift_by(l, op, ty, place, a, n);
    }
    // In 64 bits, so that counts beyond a narrow operand's width do what they should.
    let wide = l.extend(a, ty, op == BinOp::Sar);
    let amount = n.slot(l);
    let result = l.out.bin(op, Ty::I64, wide, amount);
    let carry = match (op, ty, n) {
        (BinOp::Shl, Ty::I64, Count::Const(n)) => l.out.extract(false, Ty::I64, a, 64 - n, 1),
        (BinOp::Shl, Ty::I64, Count::Var(n)) => {
            let up = l.out.neg(Ty::I64, n);
            let last = l.out.bin(BinOp::Shr, Ty::I64, a, up);
            l.out.and_imm(Ty::I64, last, 1)
        }
        (BinOp::Shl, ..) => l.out.extract(false, Ty::I64, result, ty.bits(), 1),
        (_, _, Count::Const(n)) => l.out.extract(false, Ty::I64, wide, n - 1, 1),
        (_, _, Count::Var(n)) => {
            let less = l.out.add_imm(Ty::I64, n, -1);
            let last = l.out.bin(BinOp::Shr, Ty::I64, wide, less);
            l.out.and_imm(Ty::I64, last, 1)
        }
    };
    let result = if op == BinOp::Shr || ty == Ty::I64 { result } else { l.out.zext(ty, result) };
    let sign = ty.bits() - 1;
    let overflow = match (op, n) {
        (BinOp::Sar, _) | (_, Count::Const(2..)) => None,
        (BinOp::Shr, _) => Some(l.out.extract(false, Ty::I64, a, sign, 1)),
        _ => {
            let top = l.out.extract(false, Ty::I64, result, sign, 1);
            Some(l.out.xor(Ty::I64, top, carry))
        }
    };
    let given = join(l, carry, overflow);
    finish(l, place, ty, n, result, given);
}

/// A shift by a known count below the width: one operation, beside those for the flags.
fn shift_by(l: &mut Lift<'_>, op: BinOp, ty: Ty, place: Place, a: Slot, n: u8) {
    let top = ty.bits() - 1;
    let carry = l.out.extract(false, Ty::I64, a, if op == BinOp::Shl { ty.bits() - n } else { n - 1 }, 1);
    let overflow = match (op, n) {
        (BinOp::Shl, 1) => {
            // The two top bits differ.
            let next = l.out.extract(false, Ty::I64, a, top - 1, 1);
            Some(l.out.xor(Ty::I64, carry, next))
        }
        (BinOp::Shr, 1) => Some(l.out.extract(false, Ty::I64, a, top, 1)),
        _ => None,
    };
    let given = join(l, carry, overflow);
    l.bin_imm_into(place.slot, op, ty, a, n.into());
    l.commit(place);
    l.out.set_flags(FlagKind::Result, ty, place.slot, given);
}

/// CARRY and OVERFLOW as `Flags` bits.
fn join(l: &mut Lift<'_>, carry: Val, overflow: Option<Val>) -> Slot {
    match overflow {
        None => carry.into(),
        Some(overflow) => l.out.insert(Ty::I64, carry, overflow, OVERFLOW_BIT, 1).into(),
    }
}

/// ROL, ROR: only CARRY and, for counts of one, OVERFLOW change.
pub(crate) fn rotate(l: &mut Lift<'_>, op: BinOp) {
    let ty = l.ty(0);
    let Some(n) = count(l, 1, ty) else { return unchanged(l) };
    let place = l.place(0);
    let a = l.current(place);
    let amount = n.slot(l);
    l.bin_into(place.slot, op, ty, a, amount);
    l.commit(place);
    let result = place.slot;
    let sign = ty.bits() - 1;
    // The last bit that went round is the lowest one after ROL, the highest after ROR.
    let carry = if op == BinOp::Rotl { result } else { l.out.extract(false, Ty::I64, result, sign, 1).into() };
    if let Count::Const(2..) = n {
        return super::logic::set_carry(l, carry);
    }
    let top = l.out.extract(false, Ty::I64, result, sign, 1);
    let other = if op == BinOp::Rotl {
        l.out.and_imm(Ty::I64, result, 1)
    } else {
        l.out.extract(false, Ty::I64, result, sign - 1, 1)
    };
    let overflow = l.out.xor(Ty::I64, top, other);
    replace_carry_overflow(l, n, carry, overflow.into());
}

fn replace_carry_overflow(l: &mut Lift<'_>, n: Count, carry: Slot, overflow: Slot) {
    let flags = l.out.get_flags();
    let flags = l.out.insert(Ty::I64, flags, carry, 0, 1);
    let flags = l.out.insert(Ty::I64, flags, overflow, OVERFLOW_BIT, 1);
    match n {
        Count::Const(_) => l.out.set_flag_bits(flags),
        Count::Var(n) => l.out.set_flags_if(n, FlagKind::Bits, Ty::I64, flags, flags),
    }
}

/// RCL, RCR: rotates through the carry.
pub(crate) fn rotate_carry(l: &mut Lift<'_>, right: bool) {
    let ty = l.ty(0);
    let Some(n) = count(l, 1, ty) else { return unchanged(l) };
    let place = l.place(0);
    let a = l.current(place);
    let amount = n.slot(l);
    let carry = l.out.get_flag(FlagCond::Carry);
    let done = l.out.call(&int::ROTATE_CARRY, a, amount, carry, ty as u16 | u16::from(right) << 8);
    l.out.set(place.slot, done);
    l.commit(place);
    replace_carry_overflow(l, n, done.up(1).into(), done.up(2).into());
}

/// SHLD, SHRD: bits of op1 shift in. Counts beyond 16 with 16-bit operands, undefined, go on into op0 again as on
/// Intel's processors.
pub(crate) fn double(l: &mut Lift<'_>, right: bool) {
    let ty = l.ty(0);
    let Some(n) = count(l, 2, ty) else { return unchanged(l) };
    let place = l.place(0);
    let b = l.read(1);
    let a = l.current(place);
    let (result, carry) = match (ty, n) {
        (Ty::I16, _) => {
            let amount = n.slot(l);
            let done = l.out.call(&int::SHIFT_DOUBLE_16, a, b, amount, right.into());
            (done, done.up(1))
        }
        (_, Count::Const(n)) => {
            let bits = ty.bits();
            if right {
                (l.out.funnel(ty, b, a, n), l.out.extract(false, Ty::I64, a, n - 1, 1))
            } else {
                (l.out.funnel(ty, a, b, bits - n), l.out.extract(false, Ty::I64, a, bits - n, 1))
            }
        }
        (_, Count::Var(n)) => {
            let back = l.out.neg(ty, n);
            let (main, other) = if right { (BinOp::Shr, BinOp::Shl) } else { (BinOp::Shl, BinOp::Shr) };
            let kept = l.out.bin(main, ty, a, n);
            let coming = l.out.bin(other, ty, b, back);
            let joined = l.out.or(ty, kept, coming);
            let same = l.out.zext(ty, a);
            let zero = l.out.cmp_imm(Cond::Eq, Ty::I64, n, 0);
            let result = l.out.select(zero, same, joined);
            let at = if right { l.out.add_imm(ty, n, -1) } else { back };
            let last = l.out.bin(BinOp::Shr, ty, a, at);
            (result, l.out.and_imm(Ty::I64, last, 1))
        }
    };
    let overflow = match n {
        Count::Const(2..) => None,
        _ => {
            let changed = l.out.xor(ty, a, result);
            Some(l.out.extract(false, Ty::I64, changed, ty.bits() - 1, 1))
        }
    };
    let given = join(l, carry, overflow);
    finish(l, place, ty, n, result, given);
}
