//! Integer operations: operands are taken at their width, results are zero-extended.
use ir::{BinOp, Cond, RmwOp, Ty, UnOp};

/// The low `ty` bits, sign-extended.
pub(crate) const fn sext(ty: Ty, a: u64) -> i64 {
    match ty {
        Ty::I8 => a as i8 as i64,
        Ty::I16 => a as i16 as i64,
        Ty::I32 => a as i32 as i64,
        Ty::I64 => a as i64,
    }
}

pub(crate) fn bin(op: BinOp, ty: Ty, a: u64, b: u64) -> u64 {
    let mask = ty.mask();
    let (ua, ub) = (a & mask, b & mask);
    let (sa, sb) = (sext(ty, a), sext(ty, b));
    let bits = ty.bits() as u32;
    let count = b as u32 & (bits - 1);
    let r = match op {
        BinOp::Add => a.wrapping_add(b),
        BinOp::Sub => a.wrapping_sub(b),
        BinOp::And => a & b,
        BinOp::Or => a | b,
        BinOp::Xor => a ^ b,
        BinOp::AndNot => a & !b,
        BinOp::OrNot => a | !b,
        BinOp::XorNot => a ^ !b,
        BinOp::Shl => a << count,
        BinOp::Shr => ua >> count,
        BinOp::Sar => (sa >> count) as u64,
        BinOp::Rotl => rotate_left(ty, a, count),
        BinOp::Rotr => rotate_left(ty, a, bits - count),
        BinOp::Mul => a.wrapping_mul(b),
        BinOp::MulHiS => ((sa as i128 * sb as i128) >> bits) as u64,
        BinOp::MulHiU => ((ua as u128 * ub as u128) >> bits) as u64,
        BinOp::MulHiSU => ((sa as i128 * ub as i128) >> bits) as u64,
        BinOp::DivS if sb == 0 => 0,
        BinOp::DivS => sa.wrapping_div(sb) as u64,
        BinOp::DivU => ua.checked_div(ub).unwrap_or(0),
        BinOp::RemS if sb == 0 => ua,
        BinOp::RemS => sa.wrapping_rem(sb) as u64,
        BinOp::RemU => ua.checked_rem(ub).unwrap_or(ua),
        BinOp::MinS => sa.min(sb) as u64,
        BinOp::MinU => ua.min(ub),
        BinOp::MaxS => sa.max(sb) as u64,
        BinOp::MaxU => ua.max(ub),
    };
    r & mask
}

/// `count` is at most the width.
fn rotate_left(ty: Ty, a: u64, count: u32) -> u64 {
    match ty {
        Ty::I8 => (a as u8).rotate_left(count) as u64,
        Ty::I16 => (a as u16).rotate_left(count) as u64,
        Ty::I32 => (a as u32).rotate_left(count) as u64,
        Ty::I64 => a.rotate_left(count),
    }
}

/// The upper half of an f32 in 64 bits.
const BOX: u64 = 0xffff_ffff_0000_0000;

pub(crate) fn un(op: UnOp, ty: Ty, a: u64) -> u64 {
    let (mask, bits) = (ty.mask(), ty.bits() as u32);
    let ua = a & mask;
    // The value with its sign bit at bit 63.
    let top = a << (64 - bits);
    let r = match op {
        UnOp::Neg => a.wrapping_neg(),
        UnOp::Not => !a,
        UnOp::Clz => (ua.leading_zeros() - (64 - bits)) as u64,
        UnOp::Ctz => ua.trailing_zeros().min(bits) as u64,
        UnOp::Cls => {
            let same = if top >> 63 == 1 { top.leading_ones() } else { top.leading_zeros() };
            (same.min(bits) - 1) as u64
        }
        UnOp::Popcnt => ua.count_ones() as u64,
        UnOp::Bswap => top.swap_bytes(),
        UnOp::BitRev => top.reverse_bits(),
        UnOp::Rev16 => (a & 0x00ff_00ff_00ff_00ff) << 8 | a >> 8 & 0x00ff_00ff_00ff_00ff,
        UnOp::Rev32 => a.swap_bytes().rotate_left(32),
        UnOp::Box32 => a | BOX,
        UnOp::Unbox32 => {
            if a & BOX == BOX {
                a ^ BOX
            } else {
                0x7fc0_0000
            }
        }
    };
    r & mask
}

pub(crate) fn ext(signed: bool, from: Ty, to: Ty, a: u64) -> u64 {
    let value = if signed { sext(from, a) as u64 } else { a & from.mask() };
    value & to.mask()
}

pub(crate) fn extract(signed: bool, ty: Ty, a: u64, lsb: u8, width: u8) -> u64 {
    // Shifts keep their counts below 64: a lifter's field is inside the word (verified), 0 bits wide it is 0.
    let (lsb, width) = (lsb as u32 & 63, width as u32);
    if width == 0 {
        return 0;
    }
    let up = 64u32.saturating_sub(width) & 63;
    let field = (a >> lsb) << up;
    (if signed { ((field as i64) >> up) as u64 } else { field >> up }) & ty.mask()
}

pub(crate) fn insert(ty: Ty, a: u64, b: u64, lsb: u8, width: u8) -> u64 {
    let field = if width >= 64 { u64::MAX } else { (1 << width) - 1 };
    let lsb = lsb as u32 & 63;
    (a & !(field << lsb) | (b & field) << lsb) & ty.mask()
}

pub(crate) fn funnel(ty: Ty, hi: u64, lo: u64, amount: u8) -> u64 {
    let bits = ty.bits() as u32;
    let both = ((hi & ty.mask()) as u128) << bits | (lo & ty.mask()) as u128;
    (both >> (amount as u32 & (bits - 1))) as u64 & ty.mask()
}

pub(crate) fn cmp(cond: Cond, ty: Ty, a: u64, b: u64) -> bool {
    let (ua, ub) = (a & ty.mask(), b & ty.mask());
    let (sa, sb) = (sext(ty, a), sext(ty, b));
    match cond {
        Cond::Eq => ua == ub,
        Cond::Ne => ua != ub,
        Cond::LtS => sa < sb,
        Cond::LeS => sa <= sb,
        Cond::GtS => sa > sb,
        Cond::GeS => sa >= sb,
        Cond::LtU => ua < ub,
        Cond::LeU => ua <= ub,
        Cond::GtU => ua > ub,
        Cond::GeU => ua >= ub,
        Cond::TestZ => ua & ub == 0,
        Cond::TestNz => ua & ub != 0,
    }
}

pub(crate) fn rmw(op: RmwOp, ty: Ty, old: u64, src: u64) -> u64 {
    match op {
        RmwOp::Swap => src & ty.mask(),
        RmwOp::Add => bin(BinOp::Add, ty, old, src),
        RmwOp::Sub => bin(BinOp::Sub, ty, old, src),
        RmwOp::And => bin(BinOp::And, ty, old, src),
        RmwOp::Or => bin(BinOp::Or, ty, old, src),
        RmwOp::Xor => bin(BinOp::Xor, ty, old, src),
        RmwOp::AndNot => bin(BinOp::AndNot, ty, old, src),
        RmwOp::MinS => bin(BinOp::MinS, ty, old, src),
        RmwOp::MinU => bin(BinOp::MinU, ty, old, src),
        RmwOp::MaxS => bin(BinOp::MaxS, ty, old, src),
        RmwOp::MaxU => bin(BinOp::MaxU, ty, old, src),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_operations_ignore_high_bits() {
        assert_eq!(bin(BinOp::Shr, Ty::I8, 0x1f0, 4), 0xf);
        assert_eq!(bin(BinOp::Sar, Ty::I16, 0x8000, 15), 0xffff);
        assert_eq!(bin(BinOp::Rotr, Ty::I8, 1, 1), 0x80);
        assert_eq!(bin(BinOp::Rotr, Ty::I64, 5, 0), 5);
        assert_eq!(bin(BinOp::MulHiS, Ty::I8, 0x80, 0x80), 0x40);
        assert_eq!(bin(BinOp::MulHiSU, Ty::I64, u64::MAX, u64::MAX), u64::MAX);
        assert_eq!(bin(BinOp::MulHiU, Ty::I32, 0xffff_ffff, 0xffff_ffff), 0xffff_fffe);
        assert!(cmp(Cond::LtS, Ty::I8, 0x80, 0x7f));
    }

    #[test]
    fn divisions_are_total() {
        assert_eq!(bin(BinOp::DivS, Ty::I32, 0x8000_0000, u64::MAX), 0x8000_0000);
        assert_eq!(bin(BinOp::RemS, Ty::I32, 0x8000_0000, u64::MAX), 0);
        assert_eq!(bin(BinOp::DivS, Ty::I64, 1 << 63, u64::MAX), 1 << 63);
        assert_eq!(bin(BinOp::DivU, Ty::I64, 7, 0), 0);
        assert_eq!(bin(BinOp::RemU, Ty::I8, 0x107, 0), 7);
        assert_eq!(bin(BinOp::RemS, Ty::I8, 0xf9, 2), 0xff);
    }

    #[test]
    fn bit_operations_count_within_the_width() {
        assert_eq!(un(UnOp::Clz, Ty::I16, 0), 16);
        assert_eq!(un(UnOp::Ctz, Ty::I8, 0x100), 8);
        assert_eq!(un(UnOp::Cls, Ty::I32, u64::MAX), 31);
        assert_eq!(un(UnOp::Cls, Ty::I64, 0), 63);
        assert_eq!(un(UnOp::Bswap, Ty::I16, 0x1234), 0x3412);
        assert_eq!(un(UnOp::BitRev, Ty::I8, 1), 0x80);
        assert_eq!(un(UnOp::Rev16, Ty::I32, 0x1122_3344), 0x2211_4433);
        assert_eq!(un(UnOp::Rev32, Ty::I64, 0x1122_3344_5566_7788), 0x4433_2211_8877_6655);
        assert_eq!(un(UnOp::Box32, Ty::I64, 0x1_3f80_0000), 0xffff_ffff_3f80_0000);
        assert_eq!(un(UnOp::Unbox32, Ty::I64, 0xffff_ffff_3f80_0000), 0x3f80_0000);
        assert_eq!(un(UnOp::Unbox32, Ty::I64, 0xffff_fffe_3f80_0000), 0x7fc0_0000);
        assert_eq!(extract(true, Ty::I32, 0xf0, 4, 4), 0xffff_ffff);
        assert_eq!(extract(false, Ty::I64, u64::MAX, 0, 64), u64::MAX);
        assert_eq!(insert(Ty::I64, u64::MAX, 0, 8, 8), 0xffff_ffff_ffff_00ff);
        assert_eq!(funnel(Ty::I32, 1, 0, 4), 0x1000_0000);
    }
}
