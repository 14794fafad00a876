//! The operations. `d` is written; `a`, `b`, `c` are read.
use crate::{
    BinOp, Cond, FTy, FlagCond, FlagKind, FpOp, Helper, MemTy, Overflow, RmwOp, Round, Slot, Trap, Ty, UnOp, VecOp,
};

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
    /// Raises `Trap::Alignment` for the address unless `bytes`, a power of two, divides it.
    CheckAligned {
        bytes: u8,
        addr: Slot,
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
    /// Four lanes (of 16 or 32 bits): two of a, then two of b, chosen by two bits of `imm` each (SHUFPS).
    VecShuffle {
        lane: Ty,
        d: Slot,
        a: Slot,
        b: Slot,
        imm: u8,
    },
    /// A number: the top bit of every lane, the first lane's lowest (PMOVMSKB).
    VecMask {
        lane: Ty,
        bytes: u8,
        d: Slot,
        a: Slot,
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
