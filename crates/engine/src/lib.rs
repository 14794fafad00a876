//! The engine: runs guest code. Blocks of guest instructions are lifted to IR once, cached by the frame they came from,
//! tidied, and interpreted. Knows no CPU by name and nothing of Linux.
mod access;
mod alu;
mod cache;
mod compact;
mod fp;
mod lift;
mod plain;
#[cfg(test)]
mod random;
mod run;
mod vector;

pub use plain::Clock;
pub use run::{Engine, Run, Stats};
