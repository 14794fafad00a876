//! The template JIT: IR blocks into x86-64 host code, one pass over a block's operations. It fills `engine`'s trait
//! `engine::Compiler`; what it has no template for it lets the interpreter execute, so every block can be compiled.
//!
//! Compiled code is exact: it is charged for a block at its entry, and gives back what did not retire; when an instruction
//! stops, registers and flags are as the interpreter would have left them. Any CPU is named by none of this: which guest
//! registers stay in host registers is for the ISA to say.
mod alu;
mod asm;
mod atomic;
mod cache;
mod code;
mod end;
mod fault;
mod flags;
mod float;
mod homes;
mod host;
mod jit;
mod jumps;
mod loops;
mod memory;
mod plan;
mod ranges;
mod refusal;
mod regs;
mod runs;
mod thunks;
mod translate;
mod traps;
mod vector;
mod windows;

pub use jit::{DEFAULT_ROOM, Jit};
