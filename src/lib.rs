//! minikern: puts the crates together. The only place that sees every one of them, and the only one that sees the host.
mod arches;
mod document;
mod machine;
mod saved;
mod translation;

pub mod args;
pub mod commands;
pub mod console;
pub mod hostfs;
pub mod image;
pub mod terminal;

pub use arches::ARCHES;
pub use document::syscalls_document;
pub use machine::{Boot, Machine, Step};
pub use translation::{JitMode, JitOptions};
