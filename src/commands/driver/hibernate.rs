//! Hibernation as the host sees it: a machine goes to a file, and comes from one.
use super::{Driver, TraceSink};
use crate::args::{ClockArg, MachineArgs};
use crate::{Machine, console};
use abi::Errno;
use anyhow::{Context, Result, bail, ensure};
use kernel::{Kernel, NoImage};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// How long a saved machine was off, by the host's clock. Virtual time stands still meanwhile.
fn time_off(clock: ClockArg, kernel: &Kernel) -> Result<u64> {
    let off = match clock {
        ClockArg::Virtual => 0,
        ClockArg::Host => {
            u64::try_from(crate::commands::since_1970()?.as_nanos())?.saturating_sub(kernel.clock.realtime())
        }
    };
    Ok(off)
}

/// Refuses what cannot take a machine, before there is one to lose.
fn check_swap(file: &Path) -> Result<()> {
    match fs::metadata(file) {
        Ok(there) if !there.is_file() => bail!("not a regular file"),
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => {
            // A machine is written beside it, and takes its name.
            let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let there = fs::metadata(dir)?;
            ensure!(there.is_dir() && !there.permissions().readonly(), "{}: no directory to write to", dir.display());
            Ok(())
        }
    }
}

impl Driver {
    /// With a machine from a file, its console attached anew.
    pub(in crate::commands) fn resume(
        file: &Path,
        args: &MachineArgs,
        clock: ClockArg,
        terminal: bool,
    ) -> Result<Driver> {
        let mut machine = Machine::load_from(file)?;
        let trace = TraceSink::open(args.trace.as_deref(), terminal, &mut machine.kernel)?;
        machine.kernel.image_restored(time_off(clock, &machine.kernel)?);
        machine.engine = args.jit().engine()?;
        Driver::with(machine, trace, args, clock, terminal)
    }

    /// Gives the machine a file to hibernate to.
    pub(in crate::commands) fn with_swap(mut self, file: Option<PathBuf>) -> Result<Driver> {
        if let Some(file) = &file {
            check_swap(file).with_context(|| format!("--swap {}", file.display()))?;
        }
        self.machine.kernel.swap(file.is_some());
        self.swap = file;
        Ok(self)
    }

    /// Writes the machine down; it is told what came of it.
    pub(super) fn hibernate(&mut self) -> Result<()> {
        // What was shown is not shown again by whoever resumes.
        self.flush()?;
        let Some(file) = &self.swap else {
            self.machine.kernel.image_saved(Err(Errno::ENODEV));
            return Ok(());
        };
        let saved = self.machine.save_to(file);
        if let Err(error) = &saved {
            console::say(&format!("minikern: not saved: {error:#}\n"));
        }
        self.machine.kernel.image_saved(saved.map_err(|_| Errno::EIO));
        Ok(())
    }

    /// Puts the machine that was written down in the place of this one. As on Linux, its image is used up by that.
    pub(super) fn restore(&mut self) -> Result<()> {
        let swap = self.swap.clone().unwrap_or_default();
        if fs::metadata(&swap).is_ok_and(|meta| meta.is_file() && meta.len() == 0) || !swap.exists() {
            self.machine.kernel.image_not_restored(NoImage::Missing);
            return Ok(());
        }
        let mut machine = match Machine::load_from(&swap) {
            Ok(machine) => machine,
            Err(error) => {
                console::say(&format!("minikern: not restored: {error:#}\n"));
                self.machine.kernel.image_not_restored(NoImage::Damaged);
                return Ok(());
            }
        };
        fs::write(&swap, []).with_context(|| swap.display().to_string())?;
        self.flush()?;
        let (old, kernel) = (&mut self.machine.kernel, &mut machine.kernel);
        kernel.trace = std::mem::take(&mut old.trace);
        kernel.tty.attach(self.raw.is_some());
        // What was typed ahead is for whoever is there to read it.
        kernel.tty_input(&old.tty.take_input());
        if self.eof {
            kernel.tty_input_eof();
        }
        kernel.swap(true);
        kernel.image_restored(time_off(self.clock, kernel)?);
        (self.started, self.begun) = (Instant::now(), kernel.clock.now);
        self.machine = machine;
        Ok(())
    }
}
