//! What the operations are made of: widths, operators, conditions.

/// An integer width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Ty {
    I8,
    I16,
    I32,
    I64,
}

impl Ty {
    pub const fn bytes(self) -> u8 {
        1 << self as u8
    }
    pub const fn bits(self) -> u8 {
        8 << self as u8
    }
    /// All ones in this width.
    pub const fn mask(self) -> u64 {
        u64::MAX >> (64 - self.bits() as u32)
    }
}

/// A floating-point format of the scalar operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FTy {
    F32,
    F64,
}

/// The size of a memory access, and how a load extends it. Signed loads extend to 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemTy {
    U8,
    U16,
    U32,
    U64,
    S8,
    S16,
    S32,
    /// 16 bytes, two slots.
    V128,
    /// 32 bytes, four slots.
    V256,
}

impl MemTy {
    pub const fn bytes(self) -> u8 {
        match self {
            MemTy::U8 | MemTy::S8 => 1,
            MemTy::U16 | MemTy::S16 => 2,
            MemTy::U32 | MemTy::S32 => 4,
            MemTy::U64 => 8,
            MemTy::V128 => 16,
            MemTy::V256 => 32,
        }
    }
    /// How many slots the value takes.
    pub const fn slots(self) -> u8 {
        match self {
            MemTy::V128 => 2,
            MemTy::V256 => 4,
            _ => 1,
        }
    }
    /// The unsigned access of an integer width.
    pub const fn of(ty: Ty) -> MemTy {
        match ty {
            Ty::I8 => MemTy::U8,
            Ty::I16 => MemTy::U16,
            Ty::I32 => MemTy::U32,
            Ty::I64 => MemTy::U64,
        }
    }
}

/// Integer operations on two operands. Shift counts are taken modulo the width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinOp {
    Add,
    Sub,
    And,
    Or,
    Xor,
    /// a & !b
    AndNot,
    /// a | !b
    OrNot,
    /// a ^ !b
    XorNot,
    Shl,
    Shr,
    Sar,
    Rotl,
    Rotr,
    Mul,
    /// Upper half of the signed product.
    MulHiS,
    /// Upper half of the unsigned product.
    MulHiU,
    /// Upper half of signed a times unsigned b.
    MulHiSU,
    /// Quotients: 0 when b is 0; the most negative number over -1 is itself. Lifters test first where the ISA differs.
    DivS,
    DivU,
    /// Remainders: a when b is 0; 0 for the most negative number over -1.
    RemS,
    RemU,
    MinS,
    MinU,
    MaxS,
    MaxU,
}

/// Integer operations on one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnOp {
    Neg,
    Not,
    /// Leading zeros; the width for 0.
    Clz,
    /// Trailing zeros; the width for 0.
    Ctz,
    /// Leading bits equal to the sign bit, without it.
    Cls,
    Popcnt,
    /// Bytes reversed within the width.
    Bswap,
    /// Bits reversed within the width.
    BitRev,
    /// Bytes reversed within each half-word.
    Rev16,
    /// Bytes reversed within each word.
    Rev32,
    /// An f32 as a NaN of 64 bits: the upper half set.
    Box32,
    /// The f32 in such a NaN; the canonical NaN if it is none.
    Unbox32,
}

/// Integer comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cond {
    Eq,
    Ne,
    LtS,
    LeS,
    GtS,
    GeS,
    LtU,
    LeU,
    GtU,
    GeU,
    /// a & b is zero.
    TestZ,
    /// a & b is not zero.
    TestNz,
}

/// Read-modify-write operations; all give the old value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RmwOp {
    Swap,
    Add,
    Sub,
    And,
    Or,
    Xor,
    /// old & !src
    AndNot,
    MinS,
    MinU,
    MaxS,
    MaxU,
}

/// Scalar floating-point operations; NaN rule, rounding and flushing come from `FP_ENV`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FpOp {
    Add,
    Sub,
    Mul,
    Div,
    /// Of `a`; `b` is not read.
    Sqrt,
    /// MINSS rule: b if either is NaN or both are zero.
    MinX86,
    MaxX86,
    /// FMIN rule: NaNs propagate, -0 is below +0.
    MinArm,
    MaxArm,
    /// IEEE 754-2008 minNum: a quiet NaN loses to a number.
    MinNum,
    MaxNum,
    /// Sign bit of `a` cleared or flipped; no exceptions.
    Abs,
    Neg,
}

/// What a conversion to integer gives for a value that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The integer indefinite: only the sign bit set.
    X86,
    /// The nearest bound; NaN gives 0.
    Saturate,
    /// The nearest bound; NaN gives the greatest.
    RiscV,
}

/// How a conversion or rounding rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// As `FP_ENV` says.
    Env,
    NearestEven,
    NearestAway,
    TowardZero,
    Up,
    Down,
}

/// Operations on every lane of a vector of 8, 16 or 32 bytes; the result's slots beyond `bytes` are not touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VecOp {
    Add,
    Sub,
    Mul,
    And,
    Or,
    Xor,
    /// a & !b
    AndNot,
    OrNot,
    /// All ones where it holds.
    CmpEq,
    CmpGtS,
    CmpGtU,
    CmpGeS,
    CmpGeU,
    MinS,
    MinU,
    MaxS,
    MaxU,
    AddSatS,
    AddSatU,
    SubSatS,
    SubSatU,
    /// (a + b + 1) >> 1, unsigned.
    AvgU,
    /// The upper half of the product.
    MulHiS,
    MulHiU,
    /// The product of the lower halves (PMULDQ, PMULUDQ).
    MulHalfS,
    MulHalfU,
    /// The signed lanes of twice the size in a, then those in b, saturated (PACKSS, PACKUS). There are none of 64 bits.
    NarrowS,
    NarrowU,
    /// Bytes of a chosen by the low bits of b's, zero where b's top bit is set (PSHUFB). Lanes are bytes.
    ShuffleBytes,
    /// Low lanes of a and b interleaved, a first (PUNPCKL, ZIP1).
    ZipLo,
    /// High lanes of a and b interleaved (PUNPCKH, ZIP2).
    ZipHi,
    /// Even lanes of a then of b (UZP1).
    UnzipEven,
    UnzipOdd,
    /// Every lane is lane 0 of `a`; `b` is not read.
    Dup,
    Not,
    Neg,
    Abs,
    Popcnt,
    /// Lanes are floats (I32 = f32, I64 = f64), rules as in `FpOp`.
    FAdd,
    FSub,
    FMul,
    FDiv,
    FSqrt,
    FMinX86,
    FMaxX86,
    FMinArm,
    FMaxArm,
    FMinNum,
    FMaxNum,
    FAbs,
    FNeg,
}
