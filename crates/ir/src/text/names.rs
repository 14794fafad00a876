//! The names of what operations are made of.
use crate::{
    BinOp, Cond, FTy, FlagCond, FlagKind, FpOp, JumpHint, MemTy, Overflow, RmwOp, Round, Trap, Ty, UnOp, VecOp,
};

/// A type whose values have names: those of the variants, in lower case.
pub(super) trait Named: Copy + PartialEq + 'static {
    const ALL: &'static [(Self, &'static str)];

    fn name(self) -> String {
        let found = Self::ALL.iter().find(|(value, _)| *value == self);
        found.map_or(String::from("?"), |(_, name)| name.to_ascii_lowercase())
    }
    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(value, _)| *value)
    }
}

macro_rules! names {
    ($($type:ident: $($variant:ident)*;)*) => {$(
        impl Named for $type {
            const ALL: &'static [($type, &'static str)] = &[$(($type::$variant, stringify!($variant))),*];
        }
    )*};
}

names! {
    Ty: I8 I16 I32 I64;
    FTy: F32 F64;
    MemTy: U8 U16 U32 U64 S8 S16 S32 V128 V256;
    BinOp: Add Sub And Or Xor AndNot OrNot XorNot Shl Shr Sar Rotl Rotr Mul MulHiS MulHiU MulHiSU DivS DivU RemS RemU
        MinS MinU MaxS MaxU;
    UnOp: Neg Not Clz Ctz Cls Popcnt Bswap BitRev Rev16 Rev32 Box32 Unbox32;
    Cond: Eq Ne LtS LeS GtS GeS LtU LeU GtU GeU TestZ TestNz;
    RmwOp: Swap Add Sub And Or Xor AndNot MinS MinU MaxS MaxU;
    FpOp: Add Sub Mul Div Sqrt MinX86 MaxX86 MinArm MaxArm MinNum MaxNum Abs Neg;
    Overflow: X86 Saturate RiscV;
    Round: Env NearestEven NearestAway TowardZero Up Down;
    VecOp: Add Sub Mul And Or Xor AndNot OrNot CmpEq CmpGtS CmpGtU CmpGeS CmpGeU MinS MinU MaxS MaxU AddSatS AddSatU
        SubSatS SubSatU AvgU MulHiS MulHiU MulHalfS MulHalfU NarrowS NarrowU ShuffleBytes ZipLo ZipHi UnzipEven UnzipOdd
        Dup Not Neg Abs Popcnt FAdd FSub FMul FDiv FSqrt FMinX86 FMaxX86 FMinArm FMaxArm FMinNum FMaxNum FAbs FNeg;
    FlagKind: Bits Add Adc Sub Sbb SubArm Result Inc Dec;
    FlagCond: Eq Ne Carry NoCarry Sign NoSign Overflow NoOverflow Parity NoParity CarryOrZero NoCarryNorZero CarryNotZero
        NoCarryOrZero Lt Ge Le Gt Adjust Always;
    JumpHint: None Call Return;
    // Without the traps that carry an address.
    Trap: Illegal Breakpoint DivideError Overflow GeneralProtection StackFault X87 Simd SingleStep Debug Alone Assist;
}
