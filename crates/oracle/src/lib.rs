//! What the tests of several crates share: an architecture's other implementation behind a pipe, numbers that matter, a
//! kernel that has one signal, a CPU without a Linux. Nothing of it is in the product: it is a dev-dependency.
mod bytes;
mod no_linux;
mod one_signal;
mod random;
mod runner;

pub use bytes::Bytes;
pub use no_linux::NoLinux;
pub use one_signal::{HANDLER, OneSignal, RESTORER, TRAMPOLINE, delivery};
pub use random::{DOUBLES, INTEGERS, Random, fill, single};
pub use runner::{Runner, build};
