//! The host's terminal: raw mode, undone on every way out, and its size.
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::iterator::Signals;
use std::io;
use std::sync::{Mutex, Once, PoisonError};

/// The settings of the terminal on standard input while it is in raw mode.
struct Modes {
    before: Termios,
    raw: Termios,
}

static MODES: Mutex<Option<Modes>> = Mutex::new(None);

/// Raw mode, for as long as it lives.
pub struct RawMode(());

impl RawMode {
    /// Puts the terminal on standard input into raw mode; what has been typed already is kept.
    pub fn enter() -> io::Result<RawMode> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        {
            // Under the lock, so that a signal finds either both or neither.
            let mut modes = MODES.lock().unwrap_or_else(PoisonError::into_inner);
            tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
            *modes = Some(Modes { before, raw });
        }
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let report = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                set(|modes| &modes.before);
                report(info);
            }));
        });
        Ok(RawMode(()))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        set(|modes| &modes.before);
        *MODES.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Sets the terminal as it was before, or raw again; nothing unless there is a `RawMode`.
fn set(which: impl Fn(&Modes) -> &Termios) {
    if let Some(modes) = &*MODES.lock().unwrap_or_else(PoisonError::into_inner) {
        // Now: a terminal that nobody reads would never drain. An error leaves nobody to tell.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, which(modes));
    }
}

/// Restores the terminal when a signal ends or stops minikern, goes raw again when it continues, and calls `resized` when
/// the window's size changes.
pub(crate) fn watch_signals(resized: impl Fn() + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGCONT, SIGWINCH])?;
    std::thread::spawn(move || {
        for signal in signals.forever() {
            match signal {
                SIGWINCH => resized(),
                SIGCONT => {
                    set(|modes| &modes.raw);
                    resized();
                }
                _ => {
                    set(|modes| &modes.before);
                    let _ = signal_hook::low_level::emulate_default_handler(signal);
                }
            }
        }
    });
    Ok(())
}

/// The size of the terminal on standard output, or else on standard input: columns and rows.
pub fn size() -> Option<(u16, u16)> {
    let size = tcgetwinsize(io::stdout()).or_else(|_| tcgetwinsize(io::stdin())).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
}
