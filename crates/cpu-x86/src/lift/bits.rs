//! BMI1, BMI2, LZCNT, ADX, MOVBE. Flags the manual leaves undefined are clear, as on Intel's processors.
use super::Lift;
use crate::helpers::int;
use crate::regs::{RANDOM, RDX};
use ir::{BinOp, Cond, FlagCond, Flags, Slot, Ty, UnOp, Val};

const CARRY_BIT: u8 = Flags::CARRY.trailing_zeros() as u8;
const ZERO_BIT: u8 = Flags::ZERO.trailing_zeros() as u8;
const SIGN_BIT: u8 = Flags::SIGN.trailing_zeros() as u8;
const OVERFLOW_BIT: u8 = Flags::OVERFLOW.trailing_zeros() as u8;

/// Sets SIGN and ZERO from a result, CARRY from a bit, and clears the others.
fn set_flags(l: &mut Lift<'_>, ty: Ty, result: impl Into<Slot>, carry: Option<Val>) {
    let result = result.into();
    let zero = l.out.cmp_imm(Cond::Eq, ty, result, 0);
    let flags = l.out.shl_imm(Ty::I64, zero, ZERO_BIT);
    let sign = l.out.extract(false, Ty::I64, result, ty.bits() - 1, 1);
    let flags = l.out.insert(Ty::I64, flags, sign, SIGN_BIT, 1);
    let flags = match carry {
        Some(carry) => l.out.insert(Ty::I64, flags, carry, CARRY_BIT, 1),
        None => flags,
    };
    l.out.set_flag_bits(flags);
}

/// ANDN: op0 = !op1 & op2.
pub(crate) fn andn(l: &mut Lift<'_>) {
    let ty = l.ty(0);
    let (a, b) = (l.read(1), l.read(2));
    let result = l.out.bin(BinOp::AndNot, ty, b, a);
    set_flags(l, ty, result, None);
    l.write(0, result);
}

/// BEXTR: the field of op1 that begins at op2's low byte and is as long as its second one says.
pub(crate) fn bextr(l: &mut Lift<'_>) {
    let ty = l.ty(0);
    let (a, control) = (l.read_ext(1, false), l.read(2));
    let start = l.out.extract(false, Ty::I64, control, 0, 8);
    let len = l.out.extract(false, Ty::I64, control, 8, 8);
    let shifted = l.out.bin(BinOp::Shr, Ty::I64, a, start);
    let shifted = below(l, start, 64, shifted);
    let result = low_bits(l, shifted, len);
    let zero = l.out.cmp_imm(Cond::Eq, ty, result, 0);
    let flags = l.out.shl_imm(Ty::I64, zero, ZERO_BIT);
    l.out.set_flag_bits(flags);
    l.write(0, result);
}

/// `value` if n < limit, else 0.
fn below(l: &mut Lift<'_>, n: Val, limit: i32, value: Val) -> Val {
    let beyond = l.out.cmp_imm(Cond::GeU, Ty::I64, n, limit);
    let zero = l.out.iconst(0);
    l.out.select(beyond, zero, value)
}

/// The `n` low bits of `a`; all if n is 64 or more.
fn low_bits(l: &mut Lift<'_>, a: impl Into<Slot>, n: Val) -> Val {
    let a = a.into();
    let ones = l.out.iconst(u64::MAX);
    let above = l.out.bin(BinOp::Shl, Ty::I64, ones, n);
    let above = below(l, n, 64, above);
    l.out.bin(BinOp::AndNot, Ty::I64, a, above)
}

/// BZHI: op1 without its bits from op2's low byte up.
pub(crate) fn bzhi(l: &mut Lift<'_>) {
    let ty = l.ty(0);
    let (a, index) = (l.read_ext(1, false), l.read(2));
    let n = l.out.extract(false, Ty::I64, index, 0, 8);
    let result = low_bits(l, a, n);
    let carry = l.out.cmp_imm(Cond::GeU, Ty::I64, n, ty.bits().into());
    set_flags(l, ty, result, Some(carry));
    l.write(0, result);
}

/// What BLSR, BLSMSK and BLSI do with the lowest bit set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lowest {
    Reset,
    Mask,
    Isolate,
}

pub(crate) fn lowest(l: &mut Lift<'_>, what: Lowest) {
    let ty = l.ty(0);
    let a = l.read(1);
    let less = l.out.add_imm(ty, a, -1);
    let result = match what {
        Lowest::Reset => l.out.and(ty, a, less),
        Lowest::Mask => l.out.xor(ty, a, less),
        Lowest::Isolate => l.out.bin(BinOp::AndNot, ty, a, less),
    };
    let cond = if what == Lowest::Isolate { Cond::Ne } else { Cond::Eq };
    let carry = l.out.cmp_imm(cond, ty, a, 0);
    set_flags(l, ty, result, Some(carry));
    l.write(0, result);
}

/// LZCNT, TZCNT: CARRY says that there is no bit, ZERO that the count is zero.
pub(crate) fn count(l: &mut Lift<'_>, op: UnOp) {
    let ty = l.ty(0);
    let a = l.read(1);
    let none = l.out.cmp_imm(Cond::Eq, ty, a, 0);
    let count = l.out.un(op, ty, a);
    let zero = l.out.cmp_imm(Cond::Eq, ty, count, 0);
    let flags = l.out.insert(Ty::I64, none, zero, ZERO_BIT, 1);
    l.out.set_flag_bits(flags);
    l.write(0, count);
}

/// MULX: op0:op1 = rdx * op2, no flags; op0 wins if they are the same register.
pub(crate) fn mulx(l: &mut Lift<'_>) {
    let ty = l.ty(0);
    let (low, high) = if ty == Ty::I64 {
        let b = l.read(2);
        let low = l.out.bin(BinOp::Mul, ty, RDX, b);
        (low, l.out.bin(BinOp::MulHiU, ty, RDX, b))
    } else {
        let (a, b) = (l.extend(RDX.into(), ty, false), l.read_ext(2, false));
        let low = l.out.bin(BinOp::Mul, Ty::I64, a, b);
        (low, l.out.shr_imm(Ty::I64, low, 32))
    };
    l.write(1, low);
    l.write(0, high);
}

/// PDEP, PEXT.
pub(crate) fn deposit(l: &mut Lift<'_>, extract: bool) {
    let (a, mask) = (l.read(1), l.read_ext(2, false));
    let helper = if extract { &int::PEXT } else { &int::PDEP };
    let result = l.out.call(helper, a, mask, a, 0);
    l.write(0, result);
}

/// RORX: a rotation that leaves the flags.
pub(crate) fn rorx(l: &mut Lift<'_>) {
    let ty = l.ty(0);
    let a = l.read(1);
    let n = i64::from(l.insn.immediate8() & (ty.bits() - 1));
    let result = l.out.bin_imm(BinOp::Rotr, ty, a, n);
    l.write(0, result);
}

/// SARX, SHLX, SHRX: the count is in a register, and cut to the operand's width as the IR does.
pub(crate) fn shift(l: &mut Lift<'_>, op: BinOp) {
    let ty = l.ty(0);
    let (a, n) = (l.read(1), l.read(2));
    let result = l.out.bin(op, ty, a, n);
    l.write(0, result);
}

/// ADCX, ADOX: an addition with CARRY, or OVERFLOW in its place; no other flag changes.
pub(crate) fn add_with(l: &mut Lift<'_>, cond: FlagCond) {
    let ty = l.ty(0);
    let (a, b) = (l.read(0), l.read(1));
    let carry = l.out.get_flag(cond);
    let sum = l.out.add_carry(ty, a, b, carry);
    // The sum wrapped if it is below an operand, or equal to it with a carry come in.
    let less = l.out.cmp(Cond::LtU, ty, sum, a);
    let same = l.out.cmp(Cond::Eq, ty, sum, a);
    let same = l.out.and(Ty::I64, same, carry);
    let out = l.out.or(Ty::I64, less, same);
    let flags = l.out.get_flags();
    let bit = if cond == FlagCond::Carry { CARRY_BIT } else { OVERFLOW_BIT };
    let flags = l.out.insert(Ty::I64, flags, out, bit, 1);
    l.out.set_flag_bits(flags);
    l.write(0, sum);
}

/// MOVBE: a move that reverses the bytes.
pub(crate) fn movbe(l: &mut Lift<'_>) {
    let ty = l.ty(0);
    let a = l.read(1);
    let value = l.out.un(UnOp::Bswap, ty, a);
    l.write(0, value);
}

/// RDRAND, RDSEED: the next number of the CPU's generator; CARRY says that there was one, which is always.
pub(crate) fn random(l: &mut Lift<'_>) {
    let drawn = l.out.call(&int::RANDOM_NEXT, RANDOM, RANDOM, RANDOM, 0);
    l.out.set(RANDOM, drawn);
    l.write(0, drawn.up(1));
    let carry = l.out.iconst(Flags::CARRY);
    l.out.set_flag_bits(carry);
}
