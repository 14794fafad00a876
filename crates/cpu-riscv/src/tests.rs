//! Instructions as the engine runs them, against vectors and against another implementation.
mod generate;
mod machine;
pub(crate) mod memory;
mod native;
mod random;
