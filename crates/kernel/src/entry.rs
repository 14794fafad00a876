//! Where a task enters and leaves the kernel.
