//! The compact form: optimised blocks as an array of 16-byte operations that say in one byte what to do, executed by one
//! loop. Code of all blocks is in one array, so going from block to block is a change of index.
mod code;
mod exec;
mod jumps;
mod lower;

pub(crate) use code::{Code, Opcode};
pub(crate) use exec::{Out, Running, run};
pub(crate) use jumps::JumpCache;
pub(crate) use lower::{Lowered, lower};
