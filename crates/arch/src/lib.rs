//! arch.
