//! Addition, subtraction, multiplication, division, and what compares or extends.
use super::Lift;
use crate::helpers::int;
use crate::regs::{RAX, RDX};
use ir::{BinOp, Cond, FlagCond, FlagKind, Flags, RmwOp, Slot, Trap, Ty, UnOp};

/// The flags a multiplication sets when the upper half counts.
const CARRY_OVERFLOW: i64 = (Flags::CARRY | Flags::OVERFLOW) as i64;

/// ADD, SUB: `op0 = op0 op op1`. Flags come before a register's result, which may be an operand, and after a store,
/// which may fault.
fn add_sub(l: &mut Lift<'_>, op: BinOp, kind: FlagKind) {
    let ty = l.ty(0);
    let b = l.read(1);
    let place = l.place(0);
    if l.insn.has_lock_prefix() {
        return locked(l, if op == BinOp::Add { RmwOp::Add } else { RmwOp::Sub }, kind, b);
    }
    let a = l.current(place);
    if place.is_memory() {
        l.bin_commit(place, op, ty, a, b);
        l.out.set_flags(kind, ty, a, b);
    } else {
        l.out.set_flags(kind, ty, a, b);
        l.bin_commit(place, op, ty, a, b);
    }
}

/// A locked read-modify-write whose flags come from the old value and `b`.
fn locked(l: &mut Lift<'_>, op: RmwOp, kind: FlagKind, b: Slot) {
    let ty = l.ty(0);
    let mem = l.mem();
    let addr = l.lea(mem);
    let old = l.out.atomic(op, ty, addr, b);
    l.out.set_flags(kind, ty, old, b);
}

pub(crate) fn add(l: &mut Lift<'_>) {
    add_sub(l, BinOp::Add, FlagKind::Add);
}
pub(crate) fn sub(l: &mut Lift<'_>) {
    add_sub(l, BinOp::Sub, FlagKind::Sub);
}

pub(crate) fn cmp(l: &mut Lift<'_>) {
    let ty = l.ty(0);
    let (a, b) = (l.read(0), l.read(1));
    l.out.set_flags(FlagKind::Sub, ty, a, b);
}

pub(crate) fn adc(l: &mut Lift<'_>) {
    with_carry(l, FlagKind::Adc);
}
pub(crate) fn sbb(l: &mut Lift<'_>) {
    with_carry(l, FlagKind::Sbb);
}

fn with_carry(l: &mut Lift<'_>, kind: FlagKind) {
    let ty = l.ty(0);
    let b = l.read(1);
    let place = l.place(0);
    let a = l.current(place);
    let c = l.out.get_flag(FlagCond::Carry);
    if !place.is_memory() {
        l.out.set_flags_carry(kind, ty, a, b, c);
    }
    if kind == FlagKind::Adc {
        l.out.add_carry(ty, a, b, c);
        l.redirect(place.slot);
    } else {
        let less = l.out.sub(ty, a, b);
        l.bin_into(place.slot, BinOp::Sub, ty, less, c);
    }
    l.commit(place);
    if place.is_memory() {
        l.out.set_flags_carry(kind, ty, a, b, c);
    }
}

/// INC and DEC keep the carry.
fn step(l: &mut Lift<'_>, op: BinOp, kind: FlagKind) {
    let ty = l.ty(0);
    let one = l.out.iconst(1);
    let place = l.place(0);
    let carry = l.out.get_flag(FlagCond::Carry);
    if l.insn.has_lock_prefix() {
        let mem = l.mem();
        let addr = l.lea(mem);
        let old = l.out.atomic(if op == BinOp::Add { RmwOp::Add } else { RmwOp::Sub }, ty, addr, one);
        return l.out.set_flags_carry(kind, ty, old, old, carry);
    }
    let a = l.current(place);
    if place.is_memory() {
        l.bin_commit(place, op, ty, a, one);
        l.out.set_flags_carry(kind, ty, a, a, carry);
    } else {
        l.out.set_flags_carry(kind, ty, a, a, carry);
        l.bin_commit(place, op, ty, a, one);
    }
}

pub(crate) fn inc(l: &mut Lift<'_>) {
    step(l, BinOp::Add, FlagKind::Inc);
}
pub(crate) fn dec(l: &mut Lift<'_>) {
    step(l, BinOp::Sub, FlagKind::Dec);
}

/// NEG: 0 - op0.
pub(crate) fn neg(l: &mut Lift<'_>) {
    let ty = l.ty(0);
    let place = l.place(0);
    let a = l.current(place);
    let zero = l.out.iconst(0);
    if !place.is_memory() {
        l.out.set_flags(FlagKind::Sub, ty, zero, a);
    }
    l.out.un(UnOp::Neg, ty, a);
    l.redirect(place.slot);
    l.commit(place);
    if place.is_memory() {
        l.out.set_flags(FlagKind::Sub, ty, zero, a);
    }
}

/// XADD: op1 gets the old op0, op0 the sum; op0 wins if they are the same register.
pub(crate) fn xadd(l: &mut Lift<'_>) {
    let ty = l.ty(0);
    let register = l.insn.op1_register();
    let b = l.read(1);
    if l.is_mem(0) {
        let mem = l.mem();
        let addr = l.lea(mem);
        let old = l.out.atomic(RmwOp::Add, ty, addr, b);
        l.out.set_flags(FlagKind::Add, ty, old, b);
        return l.write_reg(register, old);
    }
    let a = l.read(0);
    let (a, b) = (l.out.get(a), l.out.get(b));
    let sum = l.out.add(ty, a, b);
    l.out.set_flags(FlagKind::Add, ty, a, b);
    l.write_reg(register, a);
    l.write(0, sum);
}

pub(crate) fn mul(l: &mut Lift<'_>) {
    widening(l, false);
}

/// IMUL with one operand widens, with two or three it does not.
pub(crate) fn imul(l: &mut Lift<'_>) {
    match l.insn.op_count() {
        1 => widening(l, true),
        2 => truncating(l, 0, 1),
        _ => truncating(l, 1, 2),
    }
}

/// CARRY and OVERFLOW say whether a product's upper half counts; of the others, undefined, SIGN and PARITY are those of
/// the lower half and the rest is clear, as on Intel's processors.
fn set_product_flags(l: &mut Lift<'_>, ty: Ty, low: impl Into<Slot>, excess: impl Into<Slot>) {
    let given = l.out.bin_imm(BinOp::Mul, Ty::I64, excess, CARRY_OVERFLOW);
    // A bit that is neither SIGN's nor PARITY's keeps ZERO clear.
    let (ty, low) = match ty {
        Ty::I8 => (Ty::I16, Slot::from(l.out.sext(ty, Ty::I16, low))),
        _ => (ty, low.into()),
    };
    let low = l.out.bin_imm(BinOp::Or, ty, low, 1 << 8);
    l.out.set_flags(FlagKind::Result, ty, low, given);
}

/// rdx:rax = rax * op0 and its narrower forms.
fn widening(l: &mut Lift<'_>, signed: bool) {
    let ty = l.ty(0);
    let (low, excess) = if ty == Ty::I64 {
        let b = l.read(0);
        let b = l.out.get(b);
        let low = l.out.bin(BinOp::Mul, ty, RAX, b);
        let high = l.out.bin(if signed { BinOp::MulHiS } else { BinOp::MulHiU }, ty, RAX, b);
        let excess = if signed {
            let sign = l.out.bin_imm(BinOp::Sar, ty, low, 63);
            l.out.cmp(Cond::Ne, ty, high, sign)
        } else {
            l.out.cmp_imm(Cond::Ne, ty, high, 0)
        };
        l.out.set(RAX, low);
        l.out.set(RDX, high);
        (low, excess)
    } else {
        let b = l.read_ext(0, signed);
        let a = l.extend(RAX.into(), ty, signed);
        let product = l.out.bin(BinOp::Mul, Ty::I64, a, b);
        let extended = l.extend(product.into(), ty, signed);
        let excess = l.out.cmp(Cond::Ne, Ty::I64, product, extended);
        if ty == Ty::I8 {
            l.write_low(Ty::I16, RAX, product);
        } else {
            let high = l.out.shr_imm(Ty::I64, product, ty.bits());
            l.write_low(ty, RAX, product);
            l.write_low(ty, RDX, high);
        }
        (product, excess)
    };
    set_product_flags(l, ty, low, excess);
}

/// op0 = op[a] * op[b], cut to size. The product is computed twice, so that it is one operation where nobody looks at
/// the flags.
fn truncating(l: &mut Lift<'_>, a: u32, b: u32) {
    let ty = l.ty(0);
    let (a, b) = (l.read(a), l.read(b));
    let (low, excess) = if ty == Ty::I64 {
        let low = l.out.bin(BinOp::Mul, ty, a, b);
        let high = l.out.bin(BinOp::MulHiS, ty, a, b);
        let sign = l.out.bin_imm(BinOp::Sar, ty, low, 63);
        (low, l.out.cmp(Cond::Ne, ty, high, sign))
    } else {
        let (a, b) = (l.extend(a, ty, true), l.extend(b, ty, true));
        let product = l.out.bin(BinOp::Mul, Ty::I64, a, b);
        let extended = l.extend(product.into(), ty, true);
        (product, l.out.cmp(Cond::Ne, Ty::I64, product, extended))
    };
    set_product_flags(l, ty, low, excess);
    let place = l.place(0);
    l.bin_commit(place, BinOp::Mul, ty, a, b);
}

pub(crate) fn div(l: &mut Lift<'_>) {
    divide(l, false);
}
pub(crate) fn idiv(l: &mut Lift<'_>) {
    divide(l, true);
}

/// rdx:rax / op0: quotient to rax, remainder to rdx; #DE if the divisor is zero or the quotient does not fit. The flags,
/// undefined, stay.
fn divide(l: &mut Lift<'_>, signed: bool) {
    let ty = l.ty(0);
    if ty == Ty::I64 {
        let divisor = l.read(0);
        let helper = if signed { &int::DIV_S128 } else { &int::DIV_U128 };
        let result = l.out.call(helper, RAX, RDX, divisor, 0);
        l.out.trap_if(result.up(2), Trap::DivideError);
        l.out.set(RAX, result);
        return l.out.set(RDX, result.up(1));
    }
    let divisor = l.read_ext(0, signed);
    // 8 bits divide ax; 16 and 32 divide dx:ax and edx:eax. All fit 64 bits.
    let dividend = match ty {
        Ty::I8 => l.extend(RAX.into(), Ty::I16, signed),
        _ => {
            let bits = ty.bits();
            let joined = l.out.insert(Ty::I64, RAX, RDX, bits, bits);
            if ty == Ty::I32 { joined.into() } else { l.extend(joined.into(), Ty::I32, signed) }
        }
    };
    let (div, rem) = if signed { (BinOp::DivS, BinOp::RemS) } else { (BinOp::DivU, BinOp::RemU) };
    let by_zero = l.out.cmp_imm(Cond::Eq, Ty::I64, divisor, 0);
    l.out.trap_if(by_zero, Trap::DivideError);
    let quotient = l.out.bin(div, Ty::I64, dividend, divisor);
    let remainder = l.out.bin(rem, Ty::I64, dividend, divisor);
    let fitting = l.extend(quotient.into(), ty, signed);
    let overflow = l.out.cmp(Cond::Ne, Ty::I64, quotient, fitting);
    l.out.trap_if(overflow, Trap::DivideError);
    if ty == Ty::I8 {
        l.insert(RAX, quotient, 0, 8);
        return l.insert(RAX, remainder, 8, 8);
    }
    l.write_low(ty, RAX, quotient);
    l.write_low(ty, RDX, remainder);
}

/// CBW, CWDE, CDQE: rax extended from its lower half.
pub(crate) fn extend_rax(l: &mut Lift<'_>, from: Ty, to: Ty) {
    let value = l.out.sext(from, to, RAX);
    l.write_low(to, RAX, value);
}

/// CWD, CDQ, CQO: rdx filled with the sign of rax.
pub(crate) fn sign_to_rdx(l: &mut Lift<'_>, ty: Ty) {
    let sign = l.out.bin_imm(BinOp::Sar, ty, RAX, i64::from(ty.bits()) - 1);
    l.write_low(ty, RDX, sign);
}
