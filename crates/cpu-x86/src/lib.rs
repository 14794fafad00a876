//! cpu-x86.
