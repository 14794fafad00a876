//! The system tests: guest programs under the whole machine, on every architecture there is.
mod support;

mod freezer;
mod programs;
mod shell;
mod snapshot;
