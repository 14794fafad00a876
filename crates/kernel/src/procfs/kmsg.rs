//! /proc/kmsg: the log as syslog(2) reads it, each line once.
use crate::log::Line;
use crate::vfs::{Block, Io, IoError};
use crate::{Kernel, SleepKind, WaitKey};

/// `<level>[seconds.micros] text`.
pub(crate) fn syslog_line(line: &Line) -> String {
    let micros = line.time / 1000;
    format!("<{}>[{:5}.{:06}] {}\n", line.level, micros / 1_000_000, micros % 1_000_000, line.text)
}

/// As many whole lines as fit, from number `at` on; waits for the next if there is none.
pub(super) fn read(kernel: &mut Kernel, at: &mut u64, buf: &mut [u8]) -> Io {
    let mut done = 0;
    for (number, line) in kernel.log.lines(*at) {
        let text = syslog_line(line);
        let len = match text.len() {
            len if len <= buf.len() - done => len,
            // A line longer than the whole buffer is cut; else it waits for the next read.
            _ if done == 0 => buf.len(),
            _ => break,
        };
        buf[done..done + len].copy_from_slice(&text.as_bytes()[..len]);
        done += len;
        *at = number + 1;
    }
    if done == 0 && !buf.is_empty() {
        return Err(IoError::Block(Block {
            on: WaitKey::Log,
            kind: SleepKind::Interruptible,
            wchan: "do_syslog",
            freezable: false,
        }));
    }
    Ok(done)
}
