//! Where trace lines go.
use super::Failure;
use anyhow::{Context, Result};
use kernel::{Kernel, TraceKind};
use std::fs::File;
use std::io::{BufWriter, Write};

/// The sink of `--trace`.
pub(super) struct TraceSink {
    file: Option<BufWriter<File>>,
    /// What ends a line on standard error: a terminal in raw mode does not return by itself.
    newline: &'static str,
}

impl TraceSink {
    /// Switches on what `spec` (`WHAT[,WHAT][=FILE]`) names.
    pub(super) fn open(spec: Option<&str>, raw: bool, kernel: &mut Kernel) -> Result<TraceSink> {
        let newline = if raw { "\r\n" } else { "\n" };
        let Some(spec) = spec else { return Ok(TraceSink { file: None, newline }) };
        let (kinds, file) = match spec.split_once('=') {
            Some((kinds, file)) => (kinds, Some(file)),
            None => (spec, None),
        };
        for kind in kinds.split(',') {
            kernel.trace.enable(match kind {
                "syscall" => TraceKind::Syscall,
                "signal" => TraceKind::Signal,
                "freezer" => TraceKind::Freezer,
                "sched" => TraceKind::Sched,
                _ => {
                    let message = format!("--trace {kind}: not one of syscall, signal, freezer, sched");
                    return Err(Failure::error(Failure::USAGE, message));
                }
            });
        }
        let file = file.map(|name| File::create(name).with_context(|| format!("--trace: {name}"))).transpose()?;
        Ok(TraceSink { file: file.map(BufWriter::new), newline })
    }

    /// Writes what has been traced since the last call.
    pub(super) fn drain(&mut self, kernel: &mut Kernel) -> Result<()> {
        for line in kernel.trace.take() {
            match &mut self.file {
                Some(file) => writeln!(file, "{line}").context("--trace")?,
                None => write!(std::io::stderr(), "{line}{}", self.newline).context("--trace")?,
            }
        }
        Ok(())
    }

    pub(super) fn finish(&mut self) -> Result<()> {
        self.file.as_mut().map_or(Ok(()), |file| file.flush().context("--trace"))
    }
}
