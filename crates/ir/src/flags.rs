//! Lazy flags: what an instruction leaves is how the flags came to be; who asks computes the one it needs.
//!
//! One canonical set of six flags serves every ISA, at the bit positions of x86's EFLAGS. ARM's N Z C V are SIGN, ZERO,
//! CARRY and OVERFLOW; its carry after a subtraction is "no borrow", which is what [`FlagKind::SubArm`] is for.
use crate::{Slots, Ty, slot};

/// A set of flags; bits as in EFLAGS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u64);

impl Flags {
    pub const CARRY: u64 = 1;
    pub const PARITY: u64 = 1 << 2;
    pub const ADJUST: u64 = 1 << 4;
    pub const ZERO: u64 = 1 << 6;
    pub const SIGN: u64 = 1 << 7;
    pub const OVERFLOW: u64 = 1 << 11;
    pub const ALL: u64 = Self::CARRY | Self::PARITY | Self::ADJUST | Self::ZERO | Self::SIGN | Self::OVERFLOW;

    pub const fn has(self, flag: u64) -> bool {
        self.0 & flag != 0
    }
}

/// How flags were set. `a`, `b`, `c` are the operands of the setting, taken at its width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FlagKind {
    /// `a` holds the flags themselves.
    Bits,
    /// a + b
    Add,
    /// a + b + (c & 1)
    Adc,
    /// a - b; CARRY is the borrow.
    Sub,
    /// a - b - (c & 1); CARRY is the borrow.
    Sbb,
    /// a - b; CARRY is set when there is no borrow.
    SubArm,
    /// SIGN, ZERO and PARITY of result `a`; the others from `b`, given as `Flags` bits.
    Result,
    /// a + 1, CARRY from bit 0 of `c` (x86 INC keeps the carry).
    Inc,
    /// a - 1, CARRY from bit 0 of `c`.
    Dec,
    /// a shifted by `b`, which is neither 0 nor the width or more: CARRY is the last bit out, OVERFLOW that of a step by one.
    Shl,
    Shr,
    Sar,
}

impl FlagKind {
    /// Whether the second operand matters.
    pub const fn reads_b(self) -> bool {
        !matches!(self, FlagKind::Bits | FlagKind::Inc | FlagKind::Dec)
    }
    /// Whether the third one does.
    pub const fn reads_c(self) -> bool {
        matches!(self, FlagKind::Adc | FlagKind::Sbb | FlagKind::Inc | FlagKind::Dec)
    }
}

/// A question about the flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FlagCond {
    Eq,
    Ne,
    Carry,
    NoCarry,
    Sign,
    NoSign,
    Overflow,
    NoOverflow,
    Parity,
    NoParity,
    /// CARRY or ZERO: x86 "below or equal".
    CarryOrZero,
    /// Neither CARRY nor ZERO: x86 "above".
    NoCarryNorZero,
    /// CARRY and not ZERO: ARM "higher".
    CarryNotZero,
    /// No CARRY, or ZERO: ARM "lower or same".
    NoCarryOrZero,
    Lt,
    Ge,
    Le,
    Gt,
    Adjust,
    Always,
}

impl FlagCond {
    /// What the condition says of a set of flags.
    pub const fn test(self, f: Flags) -> bool {
        let (c, z) = (f.has(Flags::CARRY), f.has(Flags::ZERO));
        let (s, o) = (f.has(Flags::SIGN), f.has(Flags::OVERFLOW));
        match self {
            FlagCond::Eq => z,
            FlagCond::Ne => !z,
            FlagCond::Carry => c,
            FlagCond::NoCarry => !c,
            FlagCond::Sign => s,
            FlagCond::NoSign => !s,
            FlagCond::Overflow => o,
            FlagCond::NoOverflow => !o,
            FlagCond::Parity => f.has(Flags::PARITY),
            FlagCond::NoParity => !f.has(Flags::PARITY),
            FlagCond::CarryOrZero => c || z,
            FlagCond::NoCarryNorZero => !c && !z,
            FlagCond::CarryNotZero => c && !z,
            FlagCond::NoCarryOrZero => !c || z,
            FlagCond::Lt => s != o,
            FlagCond::Ge => s == o,
            FlagCond::Le => z || s != o,
            FlagCond::Gt => !z && s == o,
            FlagCond::Adjust => f.has(Flags::ADJUST),
            FlagCond::Always => true,
        }
    }
}

/// The four flag cells of a register file, taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LazyFlags {
    pub kind: FlagKind,
    pub ty: Ty,
    pub a: u64,
    pub b: u64,
    pub c: u64,
}

impl LazyFlags {
    /// The value of `FLAG_KIND` for a kind and a width.
    pub const fn cell(kind: FlagKind, ty: Ty) -> u64 {
        kind as u64 | (ty as u64) << 8
    }

    pub fn load(slots: &Slots) -> LazyFlags {
        let cell = slots[slot::FLAG_KIND.0 as usize];
        let kind = match cell & 0xff {
            1 => FlagKind::Add,
            2 => FlagKind::Adc,
            3 => FlagKind::Sub,
            4 => FlagKind::Sbb,
            5 => FlagKind::SubArm,
            6 => FlagKind::Result,
            7 => FlagKind::Inc,
            8 => FlagKind::Dec,
            9 => FlagKind::Shl,
            10 => FlagKind::Shr,
            11 => FlagKind::Sar,
            _ => FlagKind::Bits,
        };
        let ty = match cell >> 8 & 3 {
            0 => Ty::I8,
            1 => Ty::I16,
            2 => Ty::I32,
            _ => Ty::I64,
        };
        LazyFlags {
            kind,
            ty,
            a: slots[slot::FLAG_A.0 as usize],
            b: slots[slot::FLAG_B.0 as usize],
            c: slots[slot::FLAG_C.0 as usize],
        }
    }

    pub fn store(self, slots: &mut Slots) {
        slots[slot::FLAG_KIND.0 as usize] = Self::cell(self.kind, self.ty);
        slots[slot::FLAG_A.0 as usize] = self.a;
        slots[slot::FLAG_B.0 as usize] = self.b;
        slots[slot::FLAG_C.0 as usize] = self.c;
    }

    /// Flags given as bits.
    pub const fn bits(flags: Flags) -> LazyFlags {
        LazyFlags { kind: FlagKind::Bits, ty: Ty::I64, a: flags.0 & Flags::ALL, b: 0, c: 0 }
    }

    /// All six flags.
    pub const fn flags(self) -> Flags {
        let mask = self.ty.mask();
        let sign = 1u64 << (self.ty.bits() - 1);
        let (a, b, c) = (self.a & mask, self.b & mask, self.c & 1);
        let (result, carry, overflow, adjust) = match self.kind {
            FlagKind::Bits => return Flags(self.a & Flags::ALL),
            FlagKind::Result => {
                let given = self.b & (Flags::CARRY | Flags::OVERFLOW | Flags::ADJUST);
                return Flags(given | of_result(a, sign));
            }
            FlagKind::Inc => {
                let r = a.wrapping_add(1) & mask;
                (r, c == 1, r == sign, r & 0xf == 0)
            }
            FlagKind::Dec => {
                let r = a.wrapping_sub(1) & mask;
                (r, c == 1, a == sign, a & 0xf == 0)
            }
            FlagKind::Shl => {
                let r = (a as u128) << (b & 63);
                let differ = (a ^ a << 1) & sign != 0;
                (r as u64 & mask, r >> self.ty.bits() & 1 == 1, differ, false)
            }
            FlagKind::Shr | FlagKind::Sar => {
                let whole = if matches!(self.kind, FlagKind::Sar) && a & sign != 0 {
                    (a | !mask) as i64 as i128
                } else {
                    a as i128
                };
                // With one bit more below, for what goes out last.
                let r = (whole << 1) >> (b & 63);
                let overflow = matches!(self.kind, FlagKind::Shr) && a & sign != 0;
                ((r >> 1) as u64 & mask, r & 1 == 1, overflow, false)
            }
            FlagKind::Add | FlagKind::Adc => {
                let c = if matches!(self.kind, FlagKind::Adc) { c } else { 0 };
                let r = a.wrapping_add(b).wrapping_add(c) & mask;
                let carry = r < a || (c == 1 && r == a);
                (r, carry, (a ^ r) & (b ^ r) & sign != 0, (a ^ b ^ r) & 0x10 != 0)
            }
            FlagKind::Sub | FlagKind::Sbb | FlagKind::SubArm => {
                let c = if matches!(self.kind, FlagKind::Sbb) { c } else { 0 };
                let r = a.wrapping_sub(b).wrapping_sub(c) & mask;
                let borrow = a < b || (c == 1 && a == b);
                let carry = if matches!(self.kind, FlagKind::SubArm) { !borrow } else { borrow };
                (r, carry, (a ^ b) & (a ^ r) & sign != 0, (a ^ b ^ r) & 0x10 != 0)
            }
        };
        let mut bits = of_result(result, sign);
        if carry {
            bits |= Flags::CARRY;
        }
        if overflow {
            bits |= Flags::OVERFLOW;
        }
        if adjust {
            bits |= Flags::ADJUST;
        }
        Flags(bits)
    }

    /// Whether the condition holds. The common questions are answered without computing all six flags.
    pub const fn test(self, cond: FlagCond) -> bool {
        let mask = self.ty.mask();
        let up = 64 - self.ty.bits() as u32;
        let (a, b) = (self.a & mask, self.b & mask);
        let (sa, sb) = ((self.a << up) as i64, (self.b << up) as i64);
        match (self.kind, cond) {
            (FlagKind::Result, FlagCond::Eq) => a == 0,
            (FlagKind::Result, FlagCond::Ne) => a != 0,
            (FlagKind::Result, FlagCond::Sign) => sa < 0,
            (FlagKind::Result, FlagCond::NoSign) => sa >= 0,
            (FlagKind::Add, FlagCond::Eq) => a.wrapping_add(b) & mask == 0,
            (FlagKind::Add, FlagCond::Ne) => a.wrapping_add(b) & mask != 0,
            (FlagKind::Sub | FlagKind::SubArm, FlagCond::Eq) => a == b,
            (FlagKind::Sub | FlagKind::SubArm, FlagCond::Ne) => a != b,
            (FlagKind::Sub | FlagKind::SubArm, FlagCond::Lt) => sa < sb,
            (FlagKind::Sub | FlagKind::SubArm, FlagCond::Ge) => sa >= sb,
            (FlagKind::Sub | FlagKind::SubArm, FlagCond::Le) => sa <= sb,
            (FlagKind::Sub | FlagKind::SubArm, FlagCond::Gt) => sa > sb,
            (FlagKind::Sub, FlagCond::Carry) | (FlagKind::SubArm, FlagCond::NoCarry) => a < b,
            (FlagKind::Sub, FlagCond::NoCarry) | (FlagKind::SubArm, FlagCond::Carry) => a >= b,
            (FlagKind::Sub, FlagCond::CarryOrZero) | (FlagKind::SubArm, FlagCond::NoCarryOrZero) => a <= b,
            (FlagKind::Sub, FlagCond::NoCarryNorZero) | (FlagKind::SubArm, FlagCond::CarryNotZero) => a > b,
            _ => cond.test(self.flags()),
        }
    }
}

const fn of_result(r: u64, sign: u64) -> u64 {
    let mut bits = 0;
    if r == 0 {
        bits |= Flags::ZERO;
    }
    if r & sign != 0 {
        bits |= Flags::SIGN;
    }
    if (r as u8).count_ones().is_multiple_of(2) {
        bits |= Flags::PARITY;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(kind: FlagKind, ty: Ty, a: u64, b: u64, c: u64) -> u64 {
        LazyFlags { kind, ty, a, b, c }.flags().0
    }

    #[test]
    fn additions_and_subtractions_carry_at_their_width() {
        use Flags as F;
        assert_eq!(flags(FlagKind::Add, Ty::I8, 0xff, 1, 0), F::CARRY | F::ZERO | F::PARITY | F::ADJUST);
        assert_eq!(flags(FlagKind::Add, Ty::I64, i64::MAX as u64, 1, 0), F::OVERFLOW | F::SIGN | F::PARITY | F::ADJUST);
        assert_eq!(flags(FlagKind::Adc, Ty::I32, 0xffff_ffff, 0xffff_ffff, 1) & F::CARRY, F::CARRY);
        assert_eq!(flags(FlagKind::Sbb, Ty::I32, 5, 5, 1) & (F::CARRY | F::SIGN), F::CARRY | F::SIGN);
        assert_eq!(flags(FlagKind::Sub, Ty::I16, 3, 5, 0) & F::CARRY, F::CARRY);
        assert_eq!(flags(FlagKind::SubArm, Ty::I16, 3, 5, 0) & F::CARRY, 0);
        assert_eq!(flags(FlagKind::SubArm, Ty::I64, 5, 5, 0), F::CARRY | F::ZERO | F::PARITY);
        assert_eq!(flags(FlagKind::Inc, Ty::I8, 0x7f, 0, 1), F::CARRY | F::SIGN | F::OVERFLOW | F::ADJUST);
        assert_eq!(flags(FlagKind::Dec, Ty::I8, 0x80, 0, 0), F::OVERFLOW | F::ADJUST);
        assert_eq!(flags(FlagKind::Dec, Ty::I16, 1, 0, 0), F::ZERO | F::PARITY);
    }

    #[test]
    fn the_short_answers_are_the_long_ones() {
        use FlagCond::*;
        let kinds = [FlagKind::Add, FlagKind::Sub, FlagKind::SubArm, FlagKind::Result, FlagKind::Adc];
        let conds = [
            Eq,
            Ne,
            Carry,
            NoCarry,
            Sign,
            NoSign,
            CarryOrZero,
            NoCarryNorZero,
            CarryNotZero,
            NoCarryOrZero,
            Lt,
            Ge,
            Le,
            Gt,
        ];
        let values = [0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff_ffff, 0x8000_0000, 1 << 63, u64::MAX, u64::MAX - 1];
        for kind in kinds {
            for ty in [Ty::I8, Ty::I16, Ty::I32, Ty::I64] {
                for (a, b) in values.iter().flat_map(|&a| values.map(|b| (a, b))) {
                    let lazy = LazyFlags { kind, ty, a, b, c: 1 };
                    for cond in conds {
                        assert_eq!(lazy.test(cond), cond.test(lazy.flags()), "{lazy:?} {cond:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn cells_round_trip() {
        let mut slots: Slots = [0; 256];
        let lazy = LazyFlags { kind: FlagKind::Sbb, ty: Ty::I16, a: 1, b: 2, c: 3 };
        lazy.store(&mut slots);
        assert_eq!(LazyFlags::load(&slots), lazy);
    }
}
