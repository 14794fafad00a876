//! The kernel log: /dev/kmsg, syslog(2), dmesg.
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// One line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    pub level: u8,
    /// Virtual nanoseconds.
    pub time: u64,
    pub text: String,
}

/// The ring of lines.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Log {
    lines: VecDeque<Line>,
    /// Number of the first line kept.
    first: u64,
}

const KEPT: usize = 4096;

impl Log {
    pub fn print(&mut self, time: u64, level: u8, text: impl Into<String>) {
        if self.lines.len() == KEPT {
            self.lines.pop_front();
            self.first += 1;
        }
        self.lines.push_back(Line { level, time, text: text.into() });
    }
    /// The lines from number `from` on, with their numbers.
    pub fn lines(&self, from: u64) -> impl Iterator<Item = (u64, &Line)> {
        let skip = from.saturating_sub(self.first) as usize;
        self.lines.iter().enumerate().skip(skip).map(|(i, line)| (self.first + i as u64, line))
    }
    /// The number the next line gets.
    pub fn end(&self) -> u64 {
        self.first + self.lines.len() as u64
    }
}
