//! The system tests: guest programs under the whole machine, on every architecture there is.
mod support;

mod busybox;
mod cgroup2;
mod cli;
mod console;
mod containers;
mod freeze_storm;
mod freezer;
mod hibernate;
mod hostile;
mod images;
mod jit;
mod load;
mod managers;
mod oracle;
mod profiles;
mod programs;
mod ptrace;
mod races;
mod random_programs;
mod real;
mod saved;
mod shell;
mod snapshot;
mod sockets;
mod suspend;
