//! The instruction language: what a lifter writes, the optimiser tidies, the interpreter runs and a JIT compiles.
//!
//! A [`Block`] is straight-line code over *slots*. Guest registers are slots of the task's flat register file;
//! temporaries are slots above them, written once per guest instruction. An operation of width T reads the low T bits
//! of its operands and writes its result zero-extended to 64 bits. Why this shape: docs/ARCHITECTURE.md.
mod builder;
mod effect;
mod flags;
mod helper;
mod memory;
mod op;
mod operator;
mod opt;
mod slot;
pub mod text;
mod verify;

pub use builder::{Builder, Flow};
pub use effect::{SlotSet, Use};
pub use flags::{FlagCond, FlagKind, Flags, LazyFlags};
pub use helper::{CallArgs, Helper, HelperFn};
pub use memory::{Access, Fault, GuestMemory, Trap};
pub use op::{Block, JumpHint, Op, Term};
pub use operator::{BinOp, Cond, FTy, FpOp, MemTy, Overflow, RmwOp, Round, Ty, UnOp, VecOp};
pub use opt::optimise;
pub use slot::{
    CPU_LEVEL, EX_ADDR, EX_SIZE, FLAG_A, FLAG_B, FLAG_C, FLAG_KIND, FP_ENV, GUEST_SLOTS, Reg, Slot, Slots, TEMPS, Val,
};
pub use verify::{VerifyError, verify};
