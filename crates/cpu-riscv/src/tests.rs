//! Instructions as the engine runs them, against vectors and against another implementation; signal frames.
mod frames;
mod generate;
mod machine;
mod native;
mod random;
mod vectors;
