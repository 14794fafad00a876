//! Drives a machine: steps it, carries the console's bytes, keeps time and ends it.
#![allow(clippy::disallowed_types)] // the host's clock paces `--clock host` and ends `--timeout`; the guest sees neither
mod hibernate;
mod stats;

use super::Failure;
use super::escape::{Action, Escape};
use super::trace::TraceSink;
use crate::args::{ClockArg, MachineArgs};
use crate::console::{self, Arrived, Input};
use crate::terminal::{self, RawMode};
use crate::{Boot, JitMode, Machine, Step};
use anyhow::{Context, Result};
use kernel::Kernel;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How many steps pass between two looks at the host.
const STEPS_PER_LOOK: u32 = 16;

/// A machine with its console and limits.
pub(super) struct Driver {
    machine: Machine,
    input: Option<Input>,
    eof: bool,
    clock: ClockArg,
    /// When the machine started, by the host's clock.
    started: Instant,
    /// Virtual time then.
    begun: u64,
    deadline: Option<Instant>,
    timeout: f64,
    trace: TraceSink,
    raw: Option<RawMode>,
    escape: Escape,
    verbose: bool,
    stats: bool,
    perf_map: bool,
    swap: Option<PathBuf>,
}

impl Driver {
    /// With a machine that boots; `prepare` has the kernel to itself before there is a program.
    pub(super) fn boot(
        boot: &Boot,
        args: &MachineArgs,
        clock: ClockArg,
        terminal: bool,
        prepare: impl FnOnce(&mut Kernel) -> Result<()>,
    ) -> Result<Driver> {
        let mut sink = None;
        let machine = Machine::boot_with(boot, args.jit(), |kernel| {
            sink = Some(TraceSink::open(args.trace.as_deref(), terminal, kernel)?);
            prepare(kernel)?;
            args.mount.iter().try_for_each(|mount| super::mount::lend(kernel, mount))
        })?;
        Driver::with(machine, sink.context("the trace")?, args, clock, terminal)
    }

    /// With a machine whose engine is as the arguments say.
    fn with(
        mut machine: Machine,
        trace: TraceSink,
        args: &MachineArgs,
        clock: ClockArg,
        terminal: bool,
    ) -> Result<Driver> {
        let jit = args.jit();
        if args.verbose > 0 && jit.chosen()? == JitMode::Auto && machine.engine.stats().compiler.is_none() {
            console::say("minikern: no JIT on this host: all code is interpreted\n");
        }
        let started = Instant::now();
        machine.kernel.tty.attach(terminal);
        if let Some((columns, rows)) = terminal::size() {
            machine.kernel.tty_resize(rows, columns);
        }
        // A pipe is opened when the guest first reads; a terminal's keys and signals count from the start.
        let (input, raw) = match terminal {
            true => Some(Input::terminal().context("the terminal")?).unzip(),
            false => (None, None),
        };
        Ok(Driver {
            input,
            eof: false,
            clock,
            started,
            begun: machine.kernel.clock.now,
            deadline: args.timeout.map(|seconds| started + Duration::from_secs_f64(seconds)),
            timeout: args.timeout.unwrap_or(0.0),
            trace,
            raw,
            escape: Escape::default(),
            verbose: args.verbose > 0,
            stats: args.stats,
            perf_map: args.perf_map,
            machine,
            swap: None,
        })
    }

    /// Makes the first program mortal: a signal it does not handle ends it, which a first process otherwise ignores.
    pub(super) fn mortal(mut self) -> Driver {
        self.machine.kernel.make_init_mortal();
        self
    }

    /// Runs to the end; gives the exit code.
    pub(super) fn run(mut self) -> Result<u8> {
        let ended = self.steps();
        let flushed = self.flush().and_then(|()| self.trace.finish());
        if self.raw.take().is_some() && ended.is_err() {
            // The guest's cursor is wherever it is.
            console::say("\n");
        }
        if self.verbose {
            let kernel = &self.machine.kernel;
            let (used, _) = kernel.frames.usage();
            console::say(&format!(
                "minikern: {} ns of virtual time in {:.3} s; {used} frames in use; {:?}\n",
                kernel.clock.now,
                self.started.elapsed().as_secs_f64(),
                self.machine.engine.stats()
            ));
        }
        if self.stats {
            console::say(&stats::text(&self.machine.engine.stats()));
        }
        if self.perf_map {
            stats::perf_map(&self.machine.engine).context("the perf map")?;
        }
        flushed.and(ended)
    }

    fn steps(&mut self) -> Result<u8> {
        loop {
            for _ in 0..STEPS_PER_LOOK {
                match self.machine.step() {
                    Step::Ran => {}
                    Step::Hibernate => self.hibernate()?,
                    Step::Restore => self.restore()?,
                    Step::Halted(status) => return Ok(status),
                    Step::Idle { until } => {
                        if let Some(code) = self.idle(until)? {
                            return Ok(code);
                        }
                        break;
                    }
                }
            }
            self.flush()?;
            if let Some(code) = self.look_at_host()? {
                return Ok(code);
            }
        }
    }

    /// Console output and trace lines to where they go.
    fn flush(&mut self) -> Result<()> {
        let out = self.machine.kernel.tty.take_output();
        if !out.is_empty() {
            console::write_out(&out).context("standard output")?;
        }
        self.trace.drain(&mut self.machine.kernel)
    }

    fn look_at_host(&mut self) -> Result<Option<u8>> {
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            let message = format!("stopped after {} seconds (--timeout)", self.timeout);
            return Err(Failure::error(Failure::TIMEOUT, message));
        }
        if self.clock == ClockArg::Host {
            self.machine.kernel.advance_to(self.host_now());
        }
        // A terminal is listened to all the time: ^C and Ctrl-A must reach a guest that does not read. The rest waits until
        // the guest has taken what there was, for it may have no end.
        if self.raw.is_some() || (self.clock == ClockArg::Host && !self.machine.kernel.tty_input_pending()) {
            return self.take_input(|input| input.poll());
        }
        Ok(None)
    }

    /// Virtual time as the host's clock has it.
    fn host_now(&self) -> u64 {
        self.begun.saturating_add(self.started.elapsed().as_nanos() as u64)
    }

    /// Nothing can run: input comes first, then time.
    fn idle(&mut self, until: Option<u64>) -> Result<Option<u8>> {
        self.flush()?;
        if self.clock == ClockArg::Host {
            let wait = until.map(|until| Duration::from_nanos(until.saturating_sub(self.host_now())));
            let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let wait = [wait, left].into_iter().flatten().min();
            let listens = !self.eof && (self.raw.is_some() || !self.machine.kernel.tty_input_pending());
            let ended = match wait {
                _ if listens => self.take_input(|input| input.wait(wait))?,
                Some(wait) => {
                    std::thread::sleep(wait);
                    None
                }
                None => return self.stuck(),
            };
            self.machine.kernel.advance_to(self.host_now());
            return Ok(ended);
        }
        if !self.eof && self.machine.kernel.input_wanted() {
            let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            return self.take_input(|input| input.wait(left));
        }
        match until {
            Some(until) => {
                self.machine.kernel.advance_to(until);
                Ok(None)
            }
            None => self.stuck(),
        }
    }

    fn take_input(&mut self, read: impl FnOnce(&Input) -> Arrived) -> Result<Option<u8>> {
        if self.eof {
            return Ok(None);
        }
        match read(self.input.get_or_insert_with(Input::piped)) {
            Arrived::Nothing => {}
            Arrived::Resized => {
                if let Some((columns, rows)) = terminal::size() {
                    self.machine.kernel.tty_resize(rows, columns);
                }
            }
            Arrived::Eof => {
                self.eof = true;
                self.machine.kernel.tty_input_eof();
            }
            Arrived::Bytes(bytes) if self.raw.is_none() => self.machine.kernel.tty_input(&bytes),
            Arrived::Bytes(bytes) => {
                for byte in bytes {
                    match self.escape.key(byte, &mut self.machine.kernel) {
                        Action::Guest(byte) => self.machine.kernel.tty_input(&[byte]),
                        // Not the guest's words: standard output is the guest's alone.
                        Action::Say(text) => console::say(&text.replace('\n', "\r\n")),
                        Action::Nothing => {}
                        Action::Exit => {
                            console::say("\r\n");
                            return Ok(Some(0));
                        }
                    }
                }
            }
        }
        Ok(None)
    }

    /// No timer, no input, nothing runnable: says what every task waits for.
    fn stuck(&mut self) -> Result<Option<u8>> {
        let report = super::escape::task_list(&self.machine.kernel);
        Err(Failure::error(Failure::TIMEOUT, format!("nothing can ever run again:\n{report}")))
    }
}
