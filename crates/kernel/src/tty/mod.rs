//! Terminals: a table of them, each with its line discipline, its job control and what waits to go to the host.
//!
//! The host's console is tty 0. Its bytes come in by [`Kernel::tty_input`] at step borders and are taken by
//! [`Ttys::take_output`].
mod device;
mod devpts;
mod ioctl;
mod job_control;
mod line_discipline;
mod output;
mod pty;

pub(crate) use line_discipline::LineDiscipline;

pub(crate) use device::{ConsoleDevice, CurrentTty, TtyDevice};
pub(crate) use devpts::DevPts;
pub(crate) use job_control::disassociate_ctty;
pub(crate) use pty::PtmxDevice;

use crate::{Kernel, Tid, WaitKey};
use abi::{SIGWINCH, Termios, Winsize, makedev};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// The host's console.
pub(crate) const CONSOLE: u32 = 0;
/// Major number of terminals, and the minor of the first serial one: the console is ttyS0.
pub(crate) const TTY_MAJOR: u32 = 4;
pub(crate) const SERIAL_MINOR: u32 = 64;
/// Major number of the slaves of pseudo-terminals; what makes their numbers here; how many one devpts may have.
pub(crate) const UNIX98_PTY_SLAVE_MAJOR: u32 = 136;
const PTY: u32 = 1 << 31;
const PTY_INDEX_BITS: u32 = 12;
/// What tells a terminal's wait keys from those of the VFS's objects.
const OBJECT: u64 = 1 << 62;

/// One terminal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tty {
    pub termios: Termios,
    pub winsize: Winsize,
    pub(crate) ldisc: LineDiscipline,
    /// The foreground process group.
    pub pgrp: Option<Tid>,
    /// The session whose controlling terminal it is.
    pub session: Option<Tid>,
    /// Came from the host, and the line discipline has no room for it yet.
    incoming: VecDeque<u8>,
    /// The host has nothing more to say.
    eof: bool,
    /// Nobody types: input is taken in as it is asked for, not when it comes. The host's files, not its terminal.
    paced: bool,
    /// On its way to the host.
    outgoing: Vec<u8>,
    /// Column of the cursor, and where the line being edited began.
    column: usize,
    canon_column: usize,
    /// Output stopped by ^S, or by TCXONC.
    stopped: bool,
    tco_stopped: bool,
    /// TIOCEXCL.
    exclusive: bool,
    /// Grows at every hang-up; files opened before are dead.
    generation: u32,
    /// VTIME's timer.
    timer: Option<ReadTimer>,
    /// What makes it a pseudo-terminal.
    pty: Option<pty::Pty>,
}

/// The timer of a read with VTIME: whose read, how much it had seen, when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ReadTimer {
    reader: (Tid, u64),
    seen: usize,
    deadline: u64,
}

impl Default for Tty {
    fn default() -> Tty {
        Tty {
            termios: Termios::default(),
            winsize: Winsize { row: 24, col: 80, xpixel: 0, ypixel: 0 },
            ldisc: LineDiscipline::default(),
            pgrp: None,
            session: None,
            incoming: VecDeque::new(),
            eof: false,
            paced: false,
            outgoing: Vec::new(),
            column: 0,
            canon_column: 0,
            stopped: false,
            tco_stopped: false,
            exclusive: false,
            generation: 0,
            timer: None,
            pty: None,
        }
    }
}

impl Tty {
    /// Lets the line discipline have what it has room for; gives the signals it asks for. Paced input goes in a line at a
    /// time, so that what a program reads meets the modes that program has set.
    fn process_input(&mut self) -> Vec<u8> {
        let mut signals = Vec::new();
        let mut last = b'\n';
        // A master that writes and never reads: echoes that find no room are lost.
        let most = self.outgoing.len().max(pty::OUTPUT_ROOM + pty::ECHO_ROOM);
        while self.has_room() && !(self.paced && matches!(last, b'\n' | b'\r') && self.ldisc.readable(&self.termios)) {
            let Some(byte) = self.incoming.pop_front() else { break };
            signals.extend(self.receive(byte));
            if self.pty.is_some() {
                self.outgoing.truncate(most);
            }
            // In canonical mode what can be read is a whole line.
            last = if self.local_mode(abi::ICANON) { b'\n' } else { byte };
        }
        if self.eof && self.incoming.is_empty() {
            self.ldisc.end_of_input();
        }
        signals
    }

    fn is_stopped(&self) -> bool {
        self.stopped || self.tco_stopped
    }
}

/// All terminals, by number, and the instances of devpts that pseudo-terminals have names in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ttys {
    table: BTreeMap<u32, Tty>,
    instances: BTreeMap<u32, devpts::Instance>,
}

impl Default for Ttys {
    fn default() -> Ttys {
        Ttys { table: BTreeMap::from([(CONSOLE, Tty::default())]), instances: BTreeMap::new() }
    }
}

impl Ttys {
    pub fn get(&self, id: u32) -> Option<&Tty> {
        self.table.get(&id)
    }
    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut Tty> {
        self.table.get_mut(&id)
    }
    /// The host's console.
    pub fn console(&mut self) -> &mut Tty {
        self.table.entry(CONSOLE).or_default()
    }
    /// What the guest has written to the console since the last call.
    pub fn take_output(&mut self) -> Vec<u8> {
        let console = self.console();
        if console.is_stopped() { Vec::new() } else { std::mem::take(&mut console.outgoing) }
    }
    /// The host's side of the console: a terminal, or files. A machine meets another when it is resumed from a file; if it is
    /// of another kind, the modes that suit it are set, else they are as the guest left them.
    pub fn attach(&mut self, terminal: bool) {
        let console = self.console();
        // Who types has not ended, whatever the one before said.
        console.eof = false;
        console.ldisc.begin();
        // A person types at an echoing terminal; a pipe is not echoed back. Nor does a file want carriage returns.
        if console.paced == terminal {
            console.paced = !terminal;
            self.set_echo(terminal);
            self.set_onlcr(terminal);
        }
    }
    /// What came from the host and no line discipline has seen.
    pub fn take_input(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.console().incoming).into()
    }
    /// Whether the console echoes: off for input that nobody types.
    pub fn set_echo(&mut self, on: bool) {
        self.console().termios.lflag.set(abi::ECHO, on);
    }
    /// Whether the console's input waits until it is asked for: a script that is piped in, not somebody who types.
    pub fn set_paced(&mut self, on: bool) {
        self.console().paced = on;
    }
    /// Whether the console turns a newline into return and newline: off for output that no terminal shows.
    pub fn set_onlcr(&mut self, on: bool) {
        self.console().termios.oflag.set(abi::ONLCR, on);
    }
}

/// Sets and clears bits of a mode word.
trait Modes {
    fn set(&mut self, mode: u32, on: bool);
}

impl Modes for u32 {
    fn set(&mut self, mode: u32, on: bool) {
        *self = if on { *self | mode } else { *self & !mode };
    }
}

/// The number of the terminal a device number names.
pub(crate) fn tty_of_device(rdev: u64) -> Option<u32> {
    match abi::major(rdev) {
        TTY_MAJOR => abi::minor(rdev).checked_sub(SERIAL_MINOR),
        UNIX98_PTY_SLAVE_MAJOR => Some(PTY | abi::minor(rdev)),
        _ => None,
    }
}

/// The device number of a terminal: for the slave of a pty one that tells instances of devpts apart.
pub(crate) fn device_of_tty(id: u32) -> u64 {
    match id & PTY {
        0 => makedev(TTY_MAJOR, SERIAL_MINOR + id),
        _ => makedev(UNIX98_PTY_SLAVE_MAJOR, id & !PTY),
    }
}

/// The same as a guest sees it: the pty's number in its own devpts.
pub(crate) fn shown_device(rdev: u64) -> u64 {
    match abi::major(rdev) {
        UNIX98_PTY_SLAVE_MAJOR => makedev(UNIX98_PTY_SLAVE_MAJOR, abi::minor(rdev) & ((1 << PTY_INDEX_BITS) - 1)),
        _ => rdev,
    }
}

/// Who waits here waits for input.
pub(crate) fn readable(id: u32) -> WaitKey {
    WaitKey::Readable(OBJECT | u64::from(id))
}

/// Who waits here waits for output to go on.
pub(crate) fn writable(id: u32) -> WaitKey {
    WaitKey::Writable(OBJECT | u64::from(id))
}

impl Kernel {
    /// Bytes typed at the host's console.
    pub fn tty_input(&mut self, bytes: &[u8]) {
        self.console_wakes();
        self.tty.console().incoming.extend(bytes);
        self.tty_arrived();
    }

    /// The host's console has ended: who reads gets what is left, then end of file.
    pub fn tty_input_eof(&mut self) {
        self.tty.console().eof = true;
        self.tty_arrived();
    }

    fn tty_arrived(&mut self) {
        if self.tty_reader_waits() || !self.tty.console().paced {
            self.tty_process(CONSOLE);
        }
    }

    /// Whether input was given that no task has taken yet.
    pub fn tty_input_pending(&self) -> bool {
        self.tty.get(CONSOLE).is_some_and(|tty| tty.eof || !tty.incoming.is_empty())
    }

    /// Whether a task waits to read from the console (only then is the host asked for input).
    pub fn tty_reader_waits(&self) -> bool {
        !self.tasks.waiters(readable(CONSOLE)).is_empty()
    }

    /// The host's window changed.
    pub fn tty_resize(&mut self, rows: u16, columns: u16) {
        let winsize = Winsize { row: rows, col: columns, xpixel: 0, ypixel: 0 };
        self.set_winsize(CONSOLE, winsize);
    }

    /// `tty_do_resize`.
    fn set_winsize(&mut self, id: u32, winsize: Winsize) {
        let Some(tty) = self.tty.get_mut(id) else { return };
        if tty.winsize != winsize {
            tty.winsize = winsize;
            if let Some(pgrp) = tty.pgrp {
                crate::signal::kill_pgrp(self, pgrp, SIGWINCH);
            }
        }
    }

    /// Somebody wants to read: paced input goes on, if there is nothing yet.
    fn tty_demand(&mut self, id: u32) {
        if self.tty.get(id).is_some_and(|tty| tty.paced && !tty.ldisc.readable(&tty.termios)) {
            self.tty_process(id);
        }
    }

    /// There may be room, or other modes: input that is not paced goes on.
    fn tty_continue(&mut self, id: u32) {
        if self.tty.get(id).is_some_and(|tty| !tty.paced) {
            self.tty_process(id);
        }
    }

    /// Lets the line discipline work on what came in, and tells whoever waits.
    fn tty_process(&mut self, id: u32) {
        let Some(tty) = self.tty.get_mut(id) else { return };
        let was_stopped = tty.is_stopped();
        let backlog = tty.incoming.len();
        let signals = tty.process_input();
        let taken = tty.incoming.len() < backlog;
        let (ready, stopped) = (tty.ldisc.readable(&tty.termios) || tty.timer.is_some(), tty.is_stopped());
        for signo in signals {
            if let Some(pgrp) = self.tty.get(id).and_then(|tty| tty.pgrp) {
                crate::signal::kill_pgrp(self, pgrp, signo);
            }
        }
        if ready {
            self.notify(readable(id));
        }
        if was_stopped && !stopped {
            self.notify(writable(id));
        }
        self.tty_master_event(id, taken);
    }
}

#[cfg(test)]
mod tests;
