//! Trace lines for the host (`--trace`), queued here and taken by whoever drives the machine.

/// What can be traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TraceKind {
    Syscall = 1,
    Signal = 2,
    Freezer = 4,
    Sched = 8,
    /// What is not implemented: always on, one line each.
    Missing = 16,
}

/// What is traced, and the lines not yet taken.
#[derive(Clone, Debug)]
pub struct Trace {
    on: u8,
    lines: Vec<String>,
}

impl Default for Trace {
    fn default() -> Trace {
        Trace { on: TraceKind::Missing as u8, lines: Vec::new() }
    }
}

impl Trace {
    pub fn enable(&mut self, kind: TraceKind) {
        self.on |= kind as u8;
    }
    pub fn is_on(&self, kind: TraceKind) -> bool {
        self.on & kind as u8 != 0
    }
    /// Adds a line if its kind is on; the text is made only then.
    pub fn line(&mut self, kind: TraceKind, text: impl FnOnce() -> String) {
        if self.is_on(kind) {
            self.lines.push(text());
        }
    }
    pub fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }
}
