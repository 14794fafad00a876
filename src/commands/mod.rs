//! The subcommands, one a file, and what a failure exits with.
#![allow(clippy::disallowed_types)] // the host's date is what --clock host asks for
mod arch;
mod disasm;
mod driver;
mod escape;
mod exec;
mod image;
mod mount;
mod run;
mod trace;

pub use arch::arch;
pub use disasm::disasm;
pub use exec::exec;
pub use image::image;
pub use run::run;

use crate::args::{ClockArg, MachineArgs};
use anyhow::{Context, Result};
use kernel::{Config, NoInit, freezer};
use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An error whose exit code is not the general 125.
#[derive(Debug)]
pub struct Failure {
    pub code: u8,
    pub message: String,
}

impl Failure {
    /// A wrong command line.
    pub const USAGE: u8 = 2;
    /// Ran out of time, or can never go on.
    pub const TIMEOUT: u8 = 124;
    /// minikern itself failed.
    pub const INTERNAL: u8 = 125;
    /// Not executable, or of an unsupported architecture.
    pub const NOT_EXECUTABLE: u8 = 126;
    /// Not found.
    pub const NOT_FOUND: u8 = 127;
    /// Nobody reads our output any more (128 + SIGPIPE, as a shell has it); nothing is said of that.
    pub const READER_GONE: u8 = 141;

    /// The error with this exit code and message.
    pub fn error(code: u8, message: impl Into<String>) -> anyhow::Error {
        Failure { code, message: message.into() }.into()
    }
    /// The exit code of an error.
    pub fn code_of(error: &anyhow::Error) -> u8 {
        let gone = |cause: &(dyn std::error::Error + 'static)| {
            cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
        };
        if let Some(tried) = error.downcast_ref::<NoInit>() {
            return if tried.missing() { Failure::NOT_FOUND } else { Failure::NOT_EXECUTABLE };
        }
        match error.downcast_ref::<Failure>() {
            Some(failure) => failure.code,
            None if error.chain().any(gone) => Failure::READER_GONE,
            None => Failure::INTERNAL,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// The kernel's configuration from the command line.
fn config(args: &MachineArgs, clock: ClockArg, cmdline: String) -> Result<Config> {
    let profile = freezer::profile(&args.freezer).ok_or_else(|| {
        let known: Vec<_> = freezer::PROFILES.iter().map(|profile| profile.name).collect();
        Failure::error(Failure::USAGE, format!("--freezer {}: no such profile ({})", args.freezer, known.join(", ")))
    })?;
    let mut config = Config {
        cpus: args.cpus,
        cpu: args.cpu.level(),
        memory: args.memory,
        seed: args.seed,
        freezer: profile,
        cmdline,
        release: args.kernel_release.clone(),
        ..Config::default()
    };
    if clock == ClockArg::Host {
        config.realtime = since_1970()?.as_secs();
    }
    Ok(config)
}

/// The host's time of day.
fn since_1970() -> Result<Duration> {
    SystemTime::now().duration_since(UNIX_EPOCH).context("the host's clock is before 1970")
}

/// Adds `NAME=VALUE`s to an environment; a name that is there gets the new value.
fn set_env(env: &mut Vec<String>, assignments: &[String]) {
    for assignment in assignments {
        let name = assignment.split_inclusive('=').next().unwrap_or(assignment);
        env.retain(|old| !old.starts_with(name));
        env.push(assignment.clone());
    }
}

/// Refuses an architecture there is none of.
fn known_arch(name: &str) -> Result<()> {
    if crate::ARCHES.iter().any(|arch| arch.name == name) {
        return Ok(());
    }
    let known: Vec<_> = crate::ARCHES.iter().map(|arch| arch.name).collect();
    Err(Failure::error(Failure::USAGE, format!("--arch {name}: no such architecture ({})", known.join(", "))))
}
