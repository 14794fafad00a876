//! The Linux user ABI as facts: numbers, flags, structure layouts. No behaviour beyond encoding.
//! Constants carry the kernel's own spelling; where architectures differ, the generic value is
//! the normal form and the difference is a table a CPU crate names.

mod bytes;
pub mod capability;
pub mod errno;
pub mod fs;
pub mod inotify;
pub mod io;
pub mod ipc;
pub mod mm;
pub mod open_flags;
pub mod process;
pub mod ptrace;
pub mod rtc;
pub mod saved;
pub mod siginfo;
pub mod signal;
pub mod stat;
pub mod sysinfo;
pub mod sysno;
mod sysno_generic;
mod sysno_list;
mod sysno_x86_64;
pub mod time;
pub mod tty;

pub use capability::*;
pub use errno::*;
pub use fs::*;
pub use inotify::*;
pub use io::*;
pub use ipc::*;
pub use mm::*;
pub use open_flags::*;
pub use process::*;
pub use ptrace::*;
pub use rtc::*;
pub use siginfo::*;
pub use signal::*;
pub use stat::*;
pub use sysinfo::*;
pub use sysno::*;
pub use sysno_generic::{GENERIC_RESTART_SYSCALL, generic_sysno};
pub use sysno_x86_64::x86_64_sysno;
pub use time::*;
pub use tty::*;
