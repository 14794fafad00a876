//! Instructions as the engine runs them, against vectors and against another implementation.
mod faults;
mod frames;
mod generate;
mod machine;
mod native;
mod random;
mod record;
mod vectors;
