//! The host's side of the guest console: standard input and output, and the terminal in raw mode.
use rustix::termios::{OptionalActions, Termios};
use std::io::{self, IsTerminal, Read, Write};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, TryRecvError, channel};

/// Bytes from standard input, read by a thread of their own so that the machine never waits for them unasked.
pub struct Input {
    bytes: Receiver<Vec<u8>>,
}

/// What there is to read.
#[derive(Debug, PartialEq, Eq)]
pub enum Arrived {
    Bytes(Vec<u8>),
    Nothing,
    Eof,
}

impl Input {
    /// Starts reading standard input.
    pub fn open() -> Input {
        let (send, bytes) = channel();
        std::thread::spawn(move || {
            let mut buf = [0; 4096];
            while let Ok(len) = io::stdin().lock().read(&mut buf) {
                if len == 0 || send.send(buf[..len].to_vec()).is_err() {
                    break;
                }
            }
        });
        Input { bytes }
    }
    /// What has come, without waiting.
    pub fn poll(&self) -> Arrived {
        match self.bytes.try_recv() {
            Ok(bytes) => Arrived::Bytes(bytes),
            Err(TryRecvError::Empty) => Arrived::Nothing,
            Err(TryRecvError::Disconnected) => Arrived::Eof,
        }
    }
    /// Waits for bytes, at most `timeout`.
    pub fn wait(&self, timeout: Option<std::time::Duration>) -> Arrived {
        use std::sync::mpsc::RecvTimeoutError::{Disconnected, Timeout};
        match timeout {
            None => self.bytes.recv().map_or(Arrived::Eof, Arrived::Bytes),
            Some(timeout) => match self.bytes.recv_timeout(timeout) {
                Ok(bytes) => Arrived::Bytes(bytes),
                Err(Timeout) => Arrived::Nothing,
                Err(Disconnected) => Arrived::Eof,
            },
        }
    }
}

/// Writes to standard output at once; a reader that went away is no error of the guest's.
pub fn write_out(bytes: &[u8]) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

/// Whether standard input is a terminal.
pub fn stdin_is_terminal() -> bool {
    io::stdin().is_terminal()
}

/// The size of the terminal on standard output: columns and rows.
pub fn size() -> Option<(u16, u16)> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
}

/// The terminal's settings from before it went raw, for every way out: `Drop`, and the panic hook.
static SAVED: Mutex<Option<Termios>> = Mutex::new(None);

/// Raw mode, for as long as it lives.
pub struct RawMode(());

impl RawMode {
    /// Puts the terminal on standard input into raw mode.
    pub fn enter() -> io::Result<RawMode> {
        let saved = rustix::termios::tcgetattr(io::stdin())?;
        let mut raw = saved.clone();
        raw.make_raw();
        rustix::termios::tcsetattr(io::stdin(), OptionalActions::Flush, &raw)?;
        if let Ok(mut slot) = SAVED.lock() {
            *slot = Some(saved);
        }
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            restore();
            before(info);
        }));
        Ok(RawMode(()))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        restore();
    }
}

fn restore() {
    if let Ok(mut slot) = SAVED.lock()
        && let Some(saved) = slot.take()
    {
        let _ = rustix::termios::tcsetattr(io::stdin(), OptionalActions::Drain, &saved);
    }
}
