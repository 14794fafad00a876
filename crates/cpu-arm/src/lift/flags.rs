//! Flag manipulation (FEAT_FlagM, FEAT_FlagM2).
use super::*;
use ir::Flags as F;

/// One flag as bit 0.
fn flag(b: &mut Builder, flags: Slot, bit: u64) -> Slot {
    b.extract(false, Ty::I64, flags, bit.trailing_zeros() as u8, 1).into()
}

/// Sets N, Z, C and V from bit 0 of four slots.
fn set_nzcv(b: &mut Builder, nzcv: [Slot; 4]) -> Option<Flow> {
    let mut flags = Slot::from(b.iconst(0));
    for (value, bit) in nzcv.into_iter().zip([F::SIGN, F::ZERO, F::CARRY, F::OVERFLOW]) {
        flags = b.insert(Ty::I64, flags, value, bit.trailing_zeros() as u8, 1).into();
    }
    b.set_flag_bits(flags);
    NEXT
}

fn nzcv(b: &mut Builder) -> [Slot; 4] {
    let flags = b.get_flags().into();
    [F::SIGN, F::ZERO, F::CARRY, F::OVERFLOW].map(|bit| flag(b, flags, bit))
}

/// C inverted.
pub(crate) fn cfinv(b: &mut Builder, _: Word) -> Option<Flow> {
    let [n, z, c, v] = nzcv(b);
    let c = b.not(Ty::I64, c).into();
    set_nzcv(b, [n, z, c, v])
}

/// From the flags of FCMP to those that other architectures' conditions expect, unordered being less.
pub(crate) fn axflag(b: &mut Builder, _: Word) -> Option<Flow> {
    let [_, z, c, v] = nzcv(b);
    let z = b.or(Ty::I64, z, v).into();
    let c = b.bin(BinOp::AndNot, Ty::I64, c, v).into();
    let none = b.iconst(0).into();
    set_nzcv(b, [none, z, c, none])
}

/// The other way.
pub(crate) fn xaflag(b: &mut Builder, _: Word) -> Option<Flow> {
    let [_, z, c, _] = nzcv(b);
    let either = b.or(Ty::I64, c, z);
    let n = b.not(Ty::I64, either).into();
    let both = b.and(Ty::I64, z, c).into();
    let v = b.bin(BinOp::AndNot, Ty::I64, z, c).into();
    set_nzcv(b, [n, both, either.into(), v])
}

/// RMIF: Xn rotated right; its low four bits become the flags that `mask` names.
pub(crate) fn rmif(b: &mut Builder, w: Word) -> Option<Flow> {
    let n = xr(b, w.rn());
    let rotated = b.bin_imm(BinOp::Rotr, Ty::I64, n, w.at(15, 6).into());
    let mut flags = nzcv(b);
    for (i, flag) in (0u8..).zip(&mut flags) {
        if w.bit(u32::from(3 - i)) {
            *flag = b.extract(false, Ty::I64, rotated, 3 - i, 1).into();
        }
    }
    set_nzcv(b, flags)
}

/// SETF8, SETF16: N, Z and V as of a narrow sum; C stays.
pub(crate) fn setf(b: &mut Builder, w: Word) -> Option<Flow> {
    let (ty, n) = (if w.bit(14) { Ty::I16 } else { Ty::I8 }, xr(b, w.rn()));
    let [_, _, c, _] = nzcv(b);
    let sign = b.shr_imm(Ty::I64, n, ty.bits() - 1);
    let carry = b.shr_imm(Ty::I64, n, ty.bits());
    let value = b.zext(ty, n);
    let zero = b.cmp_imm(ir::Cond::Eq, Ty::I64, value, 0).into();
    let overflow = b.xor(Ty::I64, sign, carry).into();
    set_nzcv(b, [sign.into(), zero, c, overflow])
}
