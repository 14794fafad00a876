//! The Linux user ABI as facts: numbers, flags, structure layouts. No behaviour beyond encoding.
//! Constants carry the kernel's own spelling; where architectures differ, the generic value is
//! the normal form and the difference is a table a CPU crate names.

mod bytes;
pub mod errno;
pub mod fs;
pub mod open_flags;
pub mod siginfo;
pub mod signal;
pub mod stat;
pub mod sysno;
mod sysno_generic;
mod sysno_list;
mod sysno_x86_64;
pub mod time;

pub use errno::*;
pub use fs::*;
pub use open_flags::*;
pub use siginfo::*;
pub use signal::*;
pub use stat::*;
pub use sysno::*;
pub use sysno_generic::generic_sysno;
pub use sysno_x86_64::x86_64_sysno;
pub use time::*;
