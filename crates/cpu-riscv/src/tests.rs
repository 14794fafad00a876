//! Instructions as the engine runs them, against vectors and against another implementation; signal frames.
mod frames;
pub(crate) mod generate;
mod machine;
pub(crate) mod memory;
mod native;
mod random;
mod vectors;
