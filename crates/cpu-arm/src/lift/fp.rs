//! fp
