//! cpu-arm.
