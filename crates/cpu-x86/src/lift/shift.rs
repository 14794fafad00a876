//! Shifts and rotates.
//!
//! A count is cut to 5 bits, 6 for 64-bit operands; a count of zero leaves the flags alone. OVERFLOW is defined for
//! counts of one; elsewhere it is, as on Intel's processors, what a count of one would give (only ROL and ROR of a
//! register by a constant above one leave it). ADJUST, undefined, is clear.
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
    let overflow = shift_overflow(l, op, ty, a);
    let given = join(l, carry, overflow);
    finish(l, place, ty, n, result, given);
}

/// The bit below the top one of `a`, or the top one itself.
fn top_bit(l: &mut Lift<'_>, ty: Ty, a: impl Into<Slot>, below: u8) -> Val {
    l.out.extract(false, Ty::I64, a, ty.bits() - 1 - below, 1)
}

/// Whether the two top bits of `a` differ: the overflow of a step to the left.
fn top_bits_differ(l: &mut Lift<'_>, ty: Ty, a: impl Into<Slot>) -> Val {
    let a = a.into();
    let (top, next) = (top_bit(l, ty, a, 0), top_bit(l, ty, a, 1));
    l.out.xor(Ty::I64, top, next)
}

fn shift_overflow(l: &mut Lift<'_>, op: BinOp, ty: Ty, a: Slot) -> Option<Val> {
    match op {
        BinOp::Sar => None,
        BinOp::Shr => Some(top_bit(l, ty, a, 0)),
        _ => Some(top_bits_differ(l, ty, a)),
    }
}

/// A shift by a known count below the width: one operation, beside those for the flags.
fn shift_by(l: &mut Lift<'_>, op: BinOp, ty: Ty, place: Place, a: Slot, n: u8) {
    let kind = match op {
        BinOp::Shl => FlagKind::Shl,
        BinOp::Shr => FlagKind::Shr,
        _ => FlagKind::Sar,
    };
    let by = l.out.iconst(n.into());
    // A store may fault, and comes first; a register takes the place of the operand.
    if place.is_memory() {
        l.bin_imm_into(place.slot, op, ty, a, n.into());
        l.commit(place);
        l.out.set_flags(kind, ty, a, by);
    } else {
        l.out.set_flags(kind, ty, a, by);
        l.bin_imm_into(place.slot, op, ty, a, n.into());
        l.commit(place);
    }
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
    let overflow = match op {
        _ if matches!(n, Count::Const(2..)) && !place.is_memory() => None,
        BinOp::Rotl => Some(top_bits_differ(l, ty, a)),
        _ => {
            let top = top_bit(l, ty, a, 0);
            let differ = l.out.xor(Ty::I64, top, a);
            Some(l.out.and_imm(Ty::I64, differ, 1))
        }
    };
    l.bin_into(place.slot, op, ty, a, amount);
    l.commit(place);
    let result = place.slot;
    // The last bit that went round is the lowest one after ROL, the highest after ROR.
    let carry = if op == BinOp::Rotl { result } else { top_bit(l, ty, result, 0).into() };
    match overflow {
        None => super::logic::set_carry(l, carry),
        Some(overflow) => replace_carry_overflow(l, n, carry, overflow.into()),
    }
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
    replace_carry_overflow(l, Count::Var(done.up(3)), done.up(1).into(), done.up(2).into());
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
    let overflow = if right {
        let top = top_bit(l, ty, a, 0);
        let differ = l.out.xor(Ty::I64, top, b);
        l.out.and_imm(Ty::I64, differ, 1)
    } else {
        top_bits_differ(l, ty, a)
    };
    let given = join(l, carry, Some(overflow));
    finish(l, place, ty, n, result, given);
}
