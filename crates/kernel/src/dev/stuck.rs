//! /dev/stuck: a read waits, deaf to signals and to the freezer, until somebody writes. An incomplete freeze needs such a task.
use crate::vfs::{Block, CharDevice, DeviceFile, Io, IoError};
use crate::{Kernel, SleepKind, Tid, WaitKey};
use abi::{Errno, OpenFlags, PollEvents};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How much of a write its readers get.
const KEPT: usize = 4096;

/// Who waits since which write, and what was written last.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Stuck {
    waiting: BTreeMap<Tid, u64>,
    writes: u64,
    last: Vec<u8>,
}

impl Stuck {
    /// What a read gives, or `None`: wait. The wait is uninterruptible, so who began one comes back.
    fn read(&mut self, reader: Tid, buf: &mut [u8]) -> Option<usize> {
        let since = *self.waiting.entry(reader).or_insert(self.writes);
        if since == self.writes {
            return None;
        }
        self.waiting.remove(&reader);
        let len = buf.len().min(self.last.len());
        buf[..len].copy_from_slice(&self.last[..len]);
        Some(len)
    }

    fn write(&mut self, data: &[u8]) {
        self.writes += 1;
        self.last = data[..data.len().min(KEPT)].to_vec();
    }
}

pub(super) struct StuckDevice;

impl CharDevice for StuckDevice {
    fn read(&self, kernel: &mut Kernel, file: DeviceFile, _at: u64, buf: &mut [u8]) -> Io {
        if file.flags.contains(OpenFlags::O_NONBLOCK) {
            return Err(Errno::EAGAIN.into());
        }
        kernel.devices.stuck.read(file.caller, buf).ok_or(IoError::Block(Block {
            on: WaitKey::Stuck,
            kind: SleepKind::Uninterruptible,
            wchan: "stuck_read",
            freezable: false,
        }))
    }

    fn write(&self, kernel: &mut Kernel, _file: DeviceFile, _at: u64, data: &[u8]) -> Io {
        kernel.devices.stuck.write(data);
        kernel.tasks.wake_all(WaitKey::Stuck);
        Ok(data.len())
    }

    fn poll(&self, _: &mut Kernel, _: DeviceFile) -> (PollEvents, Vec<WaitKey>) {
        (PollEvents::POLLOUT | PollEvents::POLLWRNORM, Vec::new())
    }

    fn seekable(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_ends_the_reads_that_wait() {
        let (mut stuck, mut buf) = (Stuck::default(), [0; 4]);
        stuck.write(b"before");
        assert_eq!(stuck.read(Tid(1), &mut buf), None, "what came before counts for nothing");
        assert_eq!(stuck.read(Tid(2), &mut buf), None);
        assert_eq!(stuck.read(Tid(1), &mut buf), None, "woken for nothing, it waits on");
        stuck.write(b"go");
        assert_eq!((stuck.read(Tid(1), &mut buf), &buf[..2]), (Some(2), &b"go"[..]));
        assert_eq!(stuck.read(Tid(2), &mut buf), Some(2));
        assert_eq!(stuck.read(Tid(1), &mut buf), None, "the next read waits for the next write");
        stuck.write(b"");
        assert_eq!(stuck.read(Tid(1), &mut buf), Some(0));
    }
}
