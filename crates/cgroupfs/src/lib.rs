//! cgroupfs.
