//! /dev/kmsg: the kernel log, a record a read (Documentation/ABI/testing/dev-kmsg).
use crate::log::Line;
use crate::vfs::{Block, CharDevice, DeviceFile, Io, IoError};
use crate::{Kernel, Result, SleepKind, WaitKey};
use abi::{Errno, PollEvents};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most bytes one write may have (`PRINTKRB_RECORD_MAX`).
const RECORD_MAX: usize = 1024;
/// LOG_USER: the facility of what user space writes.
const USER: u32 = 1;
/// The level of a message that names none.
const DEFAULT_LEVEL: u32 = 4;

/// The record each open file reads next.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Readers {
    at: BTreeMap<u64, u64>,
    opened: u64,
}

pub(super) struct Kmsg;

/// `level,sequence,microseconds,-;text`.
fn record(number: u64, line: &Line) -> String {
    format!("{},{number},{},-;{}\n", line.level, line.time / 1000, line.text)
}

/// `<N>` in front of a message: facility and level.
fn prefix(text: &str) -> Option<(u32, &str)> {
    let (number, rest) = text.strip_prefix('<')?.split_once('>')?;
    Some((number.parse().ok()?, rest))
}

impl CharDevice for Kmsg {
    fn open(&self, kernel: &mut Kernel, _file: &mut DeviceFile) -> Result<u64> {
        let readers = &mut kernel.devices.kmsg;
        readers.opened += 1;
        readers.at.insert(readers.opened, 0);
        Ok(readers.opened)
    }

    fn release(&self, kernel: &mut Kernel, file: DeviceFile) {
        kernel.devices.kmsg.at.remove(&file.handle);
    }

    fn read(&self, kernel: &mut Kernel, file: DeviceFile, _at: u64, buf: &mut [u8]) -> Io {
        let from = kernel.devices.kmsg.at.get(&file.handle).copied().unwrap_or(0);
        let Some((number, line)) = kernel.log.lines(from).next() else {
            return Err(IoError::Block(Block {
                on: WaitKey::Log,
                kind: SleepKind::Interruptible,
                wchan: "devkmsg_read",
                freezable: false,
            }));
        };
        // EPIPE tells, once, that records were overwritten.
        if number > from && from != 0 {
            kernel.devices.kmsg.at.insert(file.handle, number);
            return Err(Errno::EPIPE.into());
        }
        let text = record(number, line);
        let Some(room) = buf.get_mut(..text.len()) else { return Err(Errno::EINVAL.into()) };
        room.copy_from_slice(text.as_bytes());
        kernel.devices.kmsg.at.insert(file.handle, number + 1);
        Ok(text.len())
    }

    fn write(&self, kernel: &mut Kernel, _file: DeviceFile, _at: u64, data: &[u8]) -> Io {
        if data.len() > RECORD_MAX {
            return Err(Errno::EINVAL.into());
        }
        let text = String::from_utf8_lossy(data);
        let text = text.trim_end_matches('\n');
        let (number, text) = prefix(text).unwrap_or((DEFAULT_LEVEL, text));
        let facility = if number >> 3 == 0 { USER } else { number >> 3 };
        kernel.printk((facility << 3 | number & 7) as u8, text);
        Ok(data.len())
    }

    fn poll(&self, kernel: &mut Kernel, file: DeviceFile) -> (PollEvents, Vec<WaitKey>) {
        let from = kernel.devices.kmsg.at.get(&file.handle).copied().unwrap_or(0);
        let mut events = PollEvents::POLLOUT | PollEvents::POLLWRNORM;
        if from < kernel.log.end() {
            events |= PollEvents::POLLIN | PollEvents::POLLRDNORM;
        }
        (events, vec![WaitKey::Log])
    }

    fn seekable(&self) -> bool {
        false
    }
}

impl Kernel {
    /// Adds a line to the kernel log and tells who reads it. The low three bits of `level` are its level, the rest who speaks.
    pub fn printk(&mut self, level: u8, text: &str) {
        self.log.print(self.clock.now, level, text);
        self.notify(WaitKey::Log);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_prefixes() {
        let line = Line { level: 6, time: 1_234_567_890, text: "hello".into() };
        assert_eq!(record(7, &line), "6,7,1234567,-;hello\n");
        assert_eq!(prefix("<12>text"), Some((12, "text")));
        assert_eq!(prefix("text"), None);
        assert_eq!(prefix("<x>text"), None);
    }
}
