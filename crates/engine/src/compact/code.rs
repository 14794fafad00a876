//! The operations of the compact form.
use ir::{BinOp, Cond, FlagKind, LazyFlags, MemTy, Slot, Ty};

/// One operation. What the fields mean is up to the opcode; `d`, `a` and `b` are mostly slots.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Code {
    pub(crate) op: Opcode,
    pub(crate) d: u8,
    pub(crate) a: u8,
    pub(crate) b: u8,
    pub(crate) imm: i32,
    pub(crate) x: u32,
    pub(crate) y: u32,
}

const _: () = assert!(size_of::<Code>() == 16);

impl Code {
    pub(crate) fn new(op: Opcode, d: Slot, a: Slot, b: Slot) -> Code {
        Code { op, d: d.0, a: a.0, b: b.0, imm: 0, x: 0, y: 0 }
    }
    pub(crate) fn of(op: Opcode) -> Code {
        Code { op, d: 0, a: 0, b: 0, imm: 0, x: 0, y: 0 }
    }
    pub(crate) fn imm(self, imm: i32) -> Code {
        Code { imm, ..self }
    }
    pub(crate) fn x(self, x: u32) -> Code {
        Code { x, ..self }
    }
    /// A 64-bit value in `x` and `y`.
    pub(crate) fn wide(self, value: u64) -> Code {
        Code { x: value as u32, y: (value >> 32) as u32, ..self }
    }
    #[inline(always)]
    pub(crate) fn value(&self) -> u64 {
        self.x as u64 | (self.y as u64) << 32
    }
    #[inline(always)]
    pub(crate) fn disp(&self) -> u64 {
        self.imm as i64 as u64
    }
}

/// What an operation does. A number is the width in bits; `I` takes the immediate for `b`; `X` addresses are
/// a + (b << x) + imm, the others a + imm; `F` sets the flags too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[rustfmt::skip]
pub(crate) enum Opcode {
    /// d = x, y
    Const,
    Mov,
    Add32, Add64, Sub32, Sub64, And32, And64, Or32, Or64, Xor32, Xor64, AndNot32, AndNot64,
    Shl32, Shl64, Shr32, Shr64, Sar32, Sar64, Rotl32, Rotl64, Rotr32, Rotr64, Mul32, Mul64,
    AddI32, AddI64, SubI32, SubI64, AndI32, AndI64, OrI32, OrI64, XorI32, XorI64,
    ShlI32, ShlI64, ShrI32, ShrI64, SarI32, SarI64, RotlI32, RotlI64, RotrI32, RotrI64, MulI32, MulI64,
    AddF32, AddF64, SubF32, SubF64, AddFI32, AddFI64, SubFI32, SubFI64,
    ZExt8, ZExt16, ZExt32, SExt8, SExt16, SExt32, SExt8To32, SExt16To32,
    /// (a >> x) & (all ones >> y)
    Extract,
    /// (a << x) >> y, signed
    ExtractS,
    /// a with the bits all ones >> y, shifted up by x, from b.
    Insert,
    /// Skips the next operation if a is 0.
    SkipZ,
    Lea,
    Select,
    /// d = comparison x (see `pack`) of a with b or imm.
    Cmp, CmpI,
    /// FLAG_KIND = x, FLAG_A = a, FLAG_B = b or imm; `FlagsC` also FLAG_C = d.
    Flags, FlagsI, FlagsC,
    /// d = flag condition x
    GetFlag,
    LoadU8, LoadU16, LoadU32, LoadU64, LoadS8, LoadS16, LoadS32, LoadV128,
    LoadXU8, LoadXU16, LoadXU32, LoadXU64, LoadXS8, LoadXS16, LoadXS32, LoadXV128,
    /// d is the source.
    Store8, Store16, Store32, Store64, StoreV128,
    StoreX8, StoreX16, StoreX32, StoreX64, StoreXV128,
    /// Traps unless x divides a.
    CheckAligned,
    /// d = the time, x instructions into the block
    Time,
    /// The IR operation of index x, in plain form.
    Plain,
    // Ends of blocks: `d` instructions have retired; `x` and `y` are where to go on in the code.
    /// To x if a != 0, in the middle of a block.
    ExitIf,
    /// To x.
    Jump,
    /// To x if a != 0, else to y.
    Branch,
    /// To x if flag condition b holds, else to y.
    BranchFlag,
    // To x if a compares so with b (or the immediate), else to y. If the low bits of imm (or b)
    // are not 0, flags are set as they say.
    Eq32, Ne32, LtS32, LeS32, GtS32, GeS32, LtU32, LeU32, GtU32, GeU32, TestZ32, TestNz32,
    Eq64, Ne64, LtS64, LeS64, GtS64, GeS64, LtU64, LeU64, GtU64, GeU64, TestZ64, TestNz64,
    EqI32, NeI32, LtSI32, LeSI32, GtSI32, GeSI32, LtUI32, LeUI32, GtUI32, GeUI32, TestZI32, TestNzI32,
    EqI64, NeI64, LtSI64, LeSI64, GtSI64, GeSI64, LtUI64, LeUI64, GtUI64, GeUI64, TestZI64, TestNzI64,
    // The same in 8 or 16 bits: both sides are shifted up by imm >> 8 (for an immediate: by what b's width says).
    EqN, NeN, LtSN, LeSN, GtSN, GeSN, LtUN, LeUN, GtUN, GeUN, TestZN, TestNzN,
    EqIN, NeIN, LtSIN, LeSIN, GtSIN, GeSIN, LtUIN, LeUIN, GtUIN, GeUIN, TestZIN, TestNzIN,
    /// To the address in a.
    JumpReg,
    /// Leaves the loop behind a system call at address x, y.
    Syscall,
    /// Leaves the loop: the block's last instruction traps.
    Trap,
    /// An end that is not linked: to address x, y. If a is not 0 it may be linked.
    Stub,
    /// The start of a block that was dropped.
    Dead,
}

impl Opcode {
    /// Whether it is the end of a block that compares.
    pub(crate) fn is_comparison(self) -> bool {
        (Opcode::Eq32 as u8..Opcode::JumpReg as u8).contains(&(self as u8))
    }
    /// Whether `x` and `y` are places in the code.
    pub(crate) fn has_targets(self) -> bool {
        (Opcode::ExitIf as u8..Opcode::JumpReg as u8).contains(&(self as u8))
    }
}

/// A kind and width of flag setting in a byte; its low four bits are 0 only for `Bits`.
pub(crate) fn pack_flags(kind: FlagKind, ty: Ty) -> u8 {
    kind as u8 | (ty as u8) << 4
}

/// The value of FLAG_KIND for it.
#[inline(always)]
pub(crate) fn flags_cell(packed: u8) -> u64 {
    const { assert!(LazyFlags::cell(FlagKind::Add, Ty::I64) == 0x301) };
    (packed & 15) as u64 | ((packed >> 4) as u64) << 8
}

/// Opcodes of a two-operand operation on slots, and on a slot and an immediate.
pub(crate) fn binary(op: BinOp, ty: Ty) -> Option<(Opcode, Option<Opcode>)> {
    use Opcode::*;
    let (reg, imm) = match (op, ty) {
        (BinOp::Add, Ty::I32) => (Add32, AddI32),
        (BinOp::Add, Ty::I64) => (Add64, AddI64),
        (BinOp::Sub, Ty::I32) => (Sub32, SubI32),
        (BinOp::Sub, Ty::I64) => (Sub64, SubI64),
        (BinOp::And, Ty::I32) => (And32, AndI32),
        (BinOp::And, Ty::I64) => (And64, AndI64),
        (BinOp::Or, Ty::I32) => (Or32, OrI32),
        (BinOp::Or, Ty::I64) => (Or64, OrI64),
        (BinOp::Xor, Ty::I32) => (Xor32, XorI32),
        (BinOp::Xor, Ty::I64) => (Xor64, XorI64),
        (BinOp::Shl, Ty::I32) => (Shl32, ShlI32),
        (BinOp::Shl, Ty::I64) => (Shl64, ShlI64),
        (BinOp::Shr, Ty::I32) => (Shr32, ShrI32),
        (BinOp::Shr, Ty::I64) => (Shr64, ShrI64),
        (BinOp::Sar, Ty::I32) => (Sar32, SarI32),
        (BinOp::Sar, Ty::I64) => (Sar64, SarI64),
        (BinOp::Rotl, Ty::I32) => (Rotl32, RotlI32),
        (BinOp::Rotl, Ty::I64) => (Rotl64, RotlI64),
        (BinOp::Rotr, Ty::I32) => (Rotr32, RotrI32),
        (BinOp::Rotr, Ty::I64) => (Rotr64, RotrI64),
        (BinOp::Mul, Ty::I32) => (Mul32, MulI32),
        (BinOp::Mul, Ty::I64) => (Mul64, MulI64),
        (BinOp::AndNot, Ty::I32) => return Some((AndNot32, None)),
        (BinOp::AndNot, Ty::I64) => return Some((AndNot64, None)),
        _ => return None,
    };
    Some((reg, Some(imm)))
}

/// How far up a value of width `ty` is shifted to fill 32 bits.
pub(crate) fn narrow_shift(ty: Ty) -> u32 {
    32u32.saturating_sub(ty.bits().into())
}

/// Opcodes of a branch that compares two slots, and a slot and an immediate.
pub(crate) fn branch(cond: Cond, ty: Ty) -> (Opcode, Opcode) {
    use Opcode::*;
    match (ty, cond) {
        (Ty::I32, Cond::Eq) => (Eq32, EqI32),
        (Ty::I32, Cond::Ne) => (Ne32, NeI32),
        (Ty::I32, Cond::LtS) => (LtS32, LtSI32),
        (Ty::I32, Cond::LeS) => (LeS32, LeSI32),
        (Ty::I32, Cond::GtS) => (GtS32, GtSI32),
        (Ty::I32, Cond::GeS) => (GeS32, GeSI32),
        (Ty::I32, Cond::LtU) => (LtU32, LtUI32),
        (Ty::I32, Cond::LeU) => (LeU32, LeUI32),
        (Ty::I32, Cond::GtU) => (GtU32, GtUI32),
        (Ty::I32, Cond::GeU) => (GeU32, GeUI32),
        (Ty::I32, Cond::TestZ) => (TestZ32, TestZI32),
        (Ty::I32, Cond::TestNz) => (TestNz32, TestNzI32),
        (Ty::I64, Cond::Eq) => (Eq64, EqI64),
        (Ty::I64, Cond::Ne) => (Ne64, NeI64),
        (Ty::I64, Cond::LtS) => (LtS64, LtSI64),
        (Ty::I64, Cond::LeS) => (LeS64, LeSI64),
        (Ty::I64, Cond::GtS) => (GtS64, GtSI64),
        (Ty::I64, Cond::GeS) => (GeS64, GeSI64),
        (Ty::I64, Cond::LtU) => (LtU64, LtUI64),
        (Ty::I64, Cond::LeU) => (LeU64, LeUI64),
        (Ty::I64, Cond::GtU) => (GtU64, GtUI64),
        (Ty::I64, Cond::GeU) => (GeU64, GeUI64),
        (Ty::I64, Cond::TestZ) => (TestZ64, TestZI64),
        (Ty::I64, Cond::TestNz) => (TestNz64, TestNzI64),
        (Ty::I8 | Ty::I16, Cond::Eq) => (EqN, EqIN),
        (Ty::I8 | Ty::I16, Cond::Ne) => (NeN, NeIN),
        (Ty::I8 | Ty::I16, Cond::LtS) => (LtSN, LtSIN),
        (Ty::I8 | Ty::I16, Cond::LeS) => (LeSN, LeSIN),
        (Ty::I8 | Ty::I16, Cond::GtS) => (GtSN, GtSIN),
        (Ty::I8 | Ty::I16, Cond::GeS) => (GeSN, GeSIN),
        (Ty::I8 | Ty::I16, Cond::LtU) => (LtUN, LtUIN),
        (Ty::I8 | Ty::I16, Cond::LeU) => (LeUN, LeUIN),
        (Ty::I8 | Ty::I16, Cond::GtU) => (GtUN, GtUIN),
        (Ty::I8 | Ty::I16, Cond::GeU) => (GeUN, GeUIN),
        (Ty::I8 | Ty::I16, Cond::TestZ) => (TestZN, TestZIN),
        (Ty::I8 | Ty::I16, Cond::TestNz) => (TestNzN, TestNzIN),
    }
}

/// Opcodes of a load with base and displacement, and with base and index.
pub(crate) fn load(ty: MemTy) -> Option<(Opcode, Opcode)> {
    use Opcode::*;
    Some(match ty {
        MemTy::U8 => (LoadU8, LoadXU8),
        MemTy::U16 => (LoadU16, LoadXU16),
        MemTy::U32 => (LoadU32, LoadXU32),
        MemTy::U64 => (LoadU64, LoadXU64),
        MemTy::S8 => (LoadS8, LoadXS8),
        MemTy::S16 => (LoadS16, LoadXS16),
        MemTy::S32 => (LoadS32, LoadXS32),
        MemTy::V128 => (LoadV128, LoadXV128),
        MemTy::V256 => return None,
    })
}

pub(crate) fn store(ty: MemTy) -> Option<(Opcode, Opcode)> {
    use Opcode::*;
    Some(match ty {
        MemTy::U8 | MemTy::S8 => (Store8, StoreX8),
        MemTy::U16 | MemTy::S16 => (Store16, StoreX16),
        MemTy::U32 | MemTy::S32 => (Store32, StoreX32),
        MemTy::U64 => (Store64, StoreX64),
        MemTy::V128 => (StoreV128, StoreXV128),
        MemTy::V256 => return None,
    })
}

/// A comparison and its width in a word.
pub(crate) fn pack_cond(cond: Cond, ty: Ty) -> u32 {
    cond as u32 | (ty as u32) << 8
}

const CONDS: [Cond; 12] = [
    Cond::Eq,
    Cond::Ne,
    Cond::LtS,
    Cond::LeS,
    Cond::GtS,
    Cond::GeS,
    Cond::LtU,
    Cond::LeU,
    Cond::GtU,
    Cond::GeU,
    Cond::TestZ,
    Cond::TestNz,
];

pub(crate) fn unpack_cond(word: u32) -> (Cond, Ty) {
    let ty = match word >> 8 {
        0 => Ty::I8,
        1 => Ty::I16,
        2 => Ty::I32,
        _ => Ty::I64,
    };
    (CONDS[(word & 0xff) as usize % CONDS.len()], ty)
}
