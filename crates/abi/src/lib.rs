//! The Linux user ABI as facts: numbers, flags, structure layouts. No behaviour beyond encoding.
//! Constants carry the kernel's own spelling; where architectures differ, the generic value is
//! the normal form and the difference is a table a CPU crate names.

mod bytes;
pub mod errno;
pub mod siginfo;
pub mod signal;
pub mod sysno;
mod sysno_generic;
mod sysno_list;
mod sysno_x86_64;

pub use errno::*;
pub use siginfo::*;
pub use signal::*;
pub use sysno::*;
pub use sysno_generic::generic_sysno;
pub use sysno_x86_64::x86_64_sysno;
