//! The operations. `d` is written; `a`, `b`, `c` are read.
use crate::{FlagCond, FlagKind, Helper, Slot, Trap};

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

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// A guest instruction starts at `pc`. One mark is one tick.
    Insn {
        pc: u64,
    },
    Const {
        d: Slot,
        value: u64,
    },
    Mov {
        d: Slot,
        a: Slot,
    },
    Bin {
        op: BinOp,
        ty: Ty,
        d: Slot,
        a: Slot,
        b: Slot,
    },
    /// `imm` is sign-extended.
    BinImm {
        op: BinOp,
        ty: Ty,
        d: Slot,
        a: Slot,
        imm: i32,
    },
    Un {
        op: UnOp,
        ty: Ty,
        d: Slot,
        a: Slot,
    },
    /// `a`'s low `from` bits extended to `to`, zeros above.
    Ext {
        signed: bool,
        from: Ty,
        to: Ty,
        d: Slot,
        a: Slot,
    },
    /// d = a + b + (c & 1)
    AddC {
        ty: Ty,
        d: Slot,
        a: Slot,
        b: Slot,
        c: Slot,
    },
    /// Bits lsb .. lsb + width of `a`, extended to `ty`.
    Extract {
        signed: bool,
        ty: Ty,
        d: Slot,
        a: Slot,
        lsb: u8,
        width: u8,
    },
    /// `a` with bits lsb .. lsb + width replaced by the low bits of `b`.
    Insert {
        ty: Ty,
        d: Slot,
        a: Slot,
        b: Slot,
        lsb: u8,
        width: u8,
    },
    /// Low `ty` bits of (hi:lo) >> amount, 0 <= amount < width.
    Funnel {
        ty: Ty,
        d: Slot,
        hi: Slot,
        lo: Slot,
        amount: u8,
    },
    /// base + (index << scale) + disp, 64 bits.
    Lea {
        d: Slot,
        base: Slot,
        index: Slot,
        scale: u8,
        disp: i32,
    },
    /// 1 or 0.
    Cmp {
        cond: Cond,
        ty: Ty,
        d: Slot,
        a: Slot,
        b: Slot,
    },
    CmpImm {
        cond: Cond,
        ty: Ty,
        d: Slot,
        a: Slot,
        imm: i32,
    },
    /// d = c != 0 ? a : b
    Select {
        d: Slot,
        c: Slot,
        a: Slot,
        b: Slot,
    },
    /// Sets the flags lazily: see `LazyFlags`.
    SetFlags {
        kind: FlagKind,
        ty: Ty,
        a: Slot,
        b: Slot,
        c: Slot,
    },
    /// The same if `cond` is not 0, else nothing.
    SetFlagsIf {
        cond: Slot,
        kind: FlagKind,
        ty: Ty,
        a: Slot,
        b: Slot,
        c: Slot,
    },
    /// 1 or 0.
    GetFlag {
        cond: FlagCond,
        d: Slot,
    },
    /// All flags as one word, bits as in `Flags`.
    GetFlags {
        d: Slot,
    },
    Load {
        ty: MemTy,
        d: Slot,
        addr: Slot,
        disp: i32,
    },
    LoadX {
        ty: MemTy,
        d: Slot,
        base: Slot,
        index: Slot,
        scale: u8,
        disp: i32,
    },
    Store {
        ty: MemTy,
        src: Slot,
        addr: Slot,
        disp: i32,
    },
    StoreX {
        ty: MemTy,
        src: Slot,
        base: Slot,
        index: Slot,
        scale: u8,
        disp: i32,
    },
    /// Faults as a write of `ty` at addr would, and does nothing else (before a pair of stores, or a store that must not half happen).
    ProbeWrite {
        bytes: u8,
        addr: Slot,
        disp: i32,
    },
    AtomicRmw {
        op: RmwOp,
        ty: Ty,
        d: Slot,
        addr: Slot,
        src: Slot,
    },
    /// d = old; stores `new` if old == expect.
    Cas {
        ty: Ty,
        d: Slot,
        addr: Slot,
        expect: Slot,
        new: Slot,
    },
    /// The same for 16 bytes in two slots each; faults when misaligned if `aligned`.
    Cas128 {
        aligned: bool,
        d: Slot,
        addr: Slot,
        expect: Slot,
        new: Slot,
    },
    /// A load that arms the exclusive monitor (`EX_ADDR`, `EX_SIZE`); `pair` loads two of `ty` into d and d + 1.
    LoadEx {
        ty: Ty,
        pair: bool,
        d: Slot,
        addr: Slot,
    },
    /// Stores if the monitor still covers the address: d = 0 stored, 1 not. Clears the monitor.
    StoreEx {
        ty: Ty,
        pair: bool,
        d: Slot,
        addr: Slot,
        src: Slot,
    },
    /// Opens the monitor.
    ClearEx,
    Fence,
    /// f32 results are zero-extended to 64 bits.
    Fp {
        op: FpOp,
        ty: FTy,
        d: Slot,
        a: Slot,
        b: Slot,
    },
    /// (neg_product ? -(a * b) : a * b) + (neg_addend ? -c : c), rounded once.
    Fma {
        ty: FTy,
        neg_product: bool,
        neg_addend: bool,
        d: Slot,
        a: Slot,
        b: Slot,
        c: Slot,
    },
    /// d = 1 less, 2 equal, 4 greater, 8 unordered. Quiet NaNs raise INVALID only when `signaling`.
    FpCmp {
        ty: FTy,
        signaling: bool,
        d: Slot,
        a: Slot,
        b: Slot,
    },
    /// To an integer of `to`, zeros above.
    FpToInt {
        from: FTy,
        to: Ty,
        signed: bool,
        round: Round,
        overflow: Overflow,
        d: Slot,
        a: Slot,
    },
    /// From an integer of `from`, rounded by `FP_ENV`.
    IntToFp {
        from: Ty,
        signed: bool,
        to: FTy,
        d: Slot,
        a: Slot,
    },
    /// f32 to f64 or back.
    FpToFp {
        from: FTy,
        d: Slot,
        a: Slot,
    },
    /// To an integral value in the same format; raises INEXACT only when `exact`.
    FpRound {
        ty: FTy,
        round: Round,
        exact: bool,
        d: Slot,
        a: Slot,
    },
    Vec {
        op: VecOp,
        lane: Ty,
        bytes: u8,
        d: Slot,
        a: Slot,
        b: Slot,
    },
    /// Shift of every lane (Shl, Shr, Sar of `BinOp`) by `amount`; amounts of the lane width or more give 0 (Sar: the sign).
    VecShift {
        op: BinOp,
        lane: Ty,
        bytes: u8,
        d: Slot,
        a: Slot,
        amount: u8,
    },
    Call {
        helper: &'static Helper,
        d: Slot,
        a: Slot,
        b: Slot,
        c: Slot,
        imm: u16,
    },
    /// Virtual time in nanoseconds, exact to the instruction.
    ReadTime {
        d: Slot,
    },
    /// Leaves the block for `pc` if c != 0; the instruction retires.
    ExitIf {
        c: Slot,
        pc: u64,
    },
    /// Raises `trap` at this instruction if c != 0. Never `Trap::Fault`.
    TrapIf {
        c: Slot,
        trap: Trap,
    },
}

/// What an indirect jump is, for return prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JumpHint {
    None,
    Call,
    Return,
}

/// How a block ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    Jump {
        pc: u64,
    },
    /// taken if c != 0
    Branch {
        c: Slot,
        taken: u64,
        next: u64,
    },
    BranchCmp {
        cond: Cond,
        ty: Ty,
        a: Slot,
        b: Slot,
        taken: u64,
        next: u64,
    },
    BranchCmpImm {
        cond: Cond,
        ty: Ty,
        a: Slot,
        imm: i32,
        taken: u64,
        next: u64,
    },
    BranchFlag {
        cond: FlagCond,
        taken: u64,
        next: u64,
    },
    JumpReg {
        a: Slot,
        hint: JumpHint,
    },
    /// A system call; the pc becomes `next`.
    Syscall {
        next: u64,
    },
    /// The last instruction traps and does not retire; the pc becomes `pc`.
    Trap {
        trap: Trap,
        pc: u64,
    },
}

/// Straight-line code of one page, and how it ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Address of the first instruction.
    pub pc: u64,
    /// Address behind the last byte.
    pub end: u64,
    /// How many instructions (= `Op::Insn` marks) it has.
    pub insns: u32,
    pub ops: Vec<Op>,
    pub term: Term,
}
