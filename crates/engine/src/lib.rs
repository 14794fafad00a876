//! The engine: runs guest code. Blocks of guest instructions are lifted to IR once, cached by the frame they came from,
//! tidied, and interpreted or given to a compiler. Knows no CPU by name and nothing of Linux.
mod access;
mod alu;
mod cache;
mod compact;
mod compiler;
mod context;
mod fp;
mod lift;
mod plain;
#[cfg(test)]
mod random;
mod run;
mod seen;
mod vector;

pub use access::Leave;
pub use compiler::{Compiler, CompilerStats, Guest, How, Left};
pub use lift::{MAX_INSNS, linkable};
pub use plain::{Clock, exec};
pub use run::{Engine, Run, Stats, Tiers};
