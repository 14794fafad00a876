//! The host's side of the guest console: standard input and output.
use crate::terminal::{self, RawMode};
use std::io::{self, IsTerminal, Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

/// Chunks of input read ahead of the machine: what is piped in may have no end.
const AHEAD: usize = 4;

/// What comes from the host, sent by threads of their own so that the machine never waits for it unasked.
pub struct Input {
    events: Receiver<Arrived>,
}

/// What has come.
#[derive(Debug, PartialEq, Eq)]
pub enum Arrived {
    Bytes(Vec<u8>),
    /// The terminal has another size.
    Resized,
    Nothing,
    Eof,
}

impl Input {
    /// Starts reading a pipe or a file.
    pub fn piped() -> Input {
        let (send, events) = sync_channel(AHEAD);
        std::thread::spawn(move || read_all(&send));
        Input { events }
    }

    /// Puts the terminal into raw mode and starts reading it. Signals are watched before, so that none finds it raw and
    /// leaves it so.
    pub fn terminal() -> io::Result<(Input, RawMode)> {
        let (send, events) = sync_channel(AHEAD);
        let resized = send.clone();
        // The machine may be busy with earlier events; then it looks at the size after them.
        terminal::watch_signals(move || drop(resized.try_send(Arrived::Resized)))?;
        let raw = RawMode::enter()?;
        std::thread::spawn(move || read_all(&send));
        Ok((Input { events }, raw))
    }

    /// What has come, without waiting.
    pub fn poll(&self) -> Arrived {
        match self.events.try_recv() {
            Ok(event) => event,
            Err(TryRecvError::Empty) => Arrived::Nothing,
            Err(TryRecvError::Disconnected) => Arrived::Eof,
        }
    }

    /// Waits for something, at most `timeout`.
    pub fn wait(&self, timeout: Option<Duration>) -> Arrived {
        match timeout {
            None => self.events.recv().unwrap_or(Arrived::Eof),
            Some(timeout) => match self.events.recv_timeout(timeout) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) => Arrived::Nothing,
                Err(RecvTimeoutError::Disconnected) => Arrived::Eof,
            },
        }
    }
}

fn read_all(send: &SyncSender<Arrived>) {
    let mut buf = [0; 4096];
    loop {
        let event = match io::stdin().lock().read(&mut buf) {
            Ok(len) if len > 0 => Arrived::Bytes(buf[..len].to_vec()),
            Err(error) if passes(&error) => continue,
            Ok(_) | Err(_) => Arrived::Eof,
        };
        let ended = event == Arrived::Eof;
        if send.send(event).is_err() || ended {
            return;
        }
    }
}

/// Writes to standard output at once.
pub fn write_out(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let mut rest = bytes;
    while !rest.is_empty() {
        match out.write(rest) {
            Ok(len) => rest = &rest[len..],
            Err(error) if passes(&error) => {}
            Err(error) => return Err(error),
        }
    }
    loop {
        match out.flush() {
            Err(error) if passes(&error) => {}
            done => return done,
        }
    }
}

/// Whether an error passes by itself; waits a little for a file that another process made non-blocking.
fn passes(error: &io::Error) -> bool {
    match error.kind() {
        io::ErrorKind::Interrupted => true,
        io::ErrorKind::WouldBlock => {
            std::thread::sleep(Duration::from_millis(5));
            true
        }
        _ => false,
    }
}

/// Says something of our own, on standard error; if that is closed, nobody wants to know.
pub fn say(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Whether standard input is a terminal.
pub fn stdin_is_terminal() -> bool {
    io::stdin().is_terminal()
}
