//! Pipes (pipe(7)): bytes in order, room for so many, and how many ends are open.
use crate::WaitKey;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// One pipe, named or not.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Pipe {
    data: VecDeque<u8>,
    capacity: usize,
    pub(crate) readers: u32,
    pub(crate) writers: u32,
    key: u64,
}

/// Default capacity, and the most an unprivileged F_SETPIPE_SZ gets (/proc/sys/fs/pipe-max-size).
const DEFAULT_SIZE: usize = 65536;
pub(crate) const MAX_SIZE: usize = 1 << 20;

impl Pipe {
    pub(crate) fn new(key: u64) -> Pipe {
        Pipe { data: VecDeque::new(), capacity: DEFAULT_SIZE, readers: 0, writers: 0, key }
    }
    pub(crate) fn readable(&self) -> WaitKey {
        WaitKey::Readable(self.key)
    }
    pub(crate) fn writable(&self) -> WaitKey {
        WaitKey::Writable(self.key)
    }
    pub(crate) fn len(&self) -> usize {
        self.data.len()
    }
    pub(crate) fn clear(&mut self) {
        self.data.clear();
    }
    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }
    /// F_SETPIPE_SZ: a power of two of pages; false if what is in it would not fit.
    pub(crate) fn set_capacity(&mut self, size: usize) -> bool {
        let size = size.max(abi::PIPE_BUF).next_power_of_two();
        let fits = size >= self.data.len();
        if fits {
            self.capacity = size;
        }
        fits
    }
    /// Takes up to `buf.len()` bytes out.
    pub(crate) fn read(&mut self, buf: &mut [u8]) -> usize {
        let n = self.peek(buf);
        self.data.drain(..n);
        n
    }
    /// Copies up to `buf.len()` bytes without taking them (tee).
    pub(crate) fn peek(&self, buf: &mut [u8]) -> usize {
        let n = buf.len().min(self.data.len());
        let (front, back) = self.data.as_slices();
        let head = n.min(front.len());
        buf[..head].copy_from_slice(&front[..head]);
        buf[head..n].copy_from_slice(&back[..n - head]);
        n
    }
    /// Puts bytes in, as many as there is room for; up to PIPE_BUF all or none. `total`: what the whole write asks for.
    pub(crate) fn write(&mut self, data: &[u8], total: u64) -> usize {
        let room = self.capacity.saturating_sub(self.data.len());
        let n = if total <= abi::PIPE_BUF as u64 && data.len() > room { 0 } else { data.len().min(room) };
        self.data.extend(&data[..n]);
        n
    }
    /// Whether poll says that it can be written.
    pub(crate) fn has_room(&self) -> bool {
        self.capacity.saturating_sub(self.data.len()) >= abi::PIPE_BUF
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_writes_are_whole_or_not_at_all() {
        let mut pipe = Pipe::new(1);
        assert_eq!(pipe.write(&vec![1; 65000], 65000), 65000);
        assert_eq!(pipe.write(&[2; 600], 600), 0);
        assert_eq!(pipe.write(&vec![2; 5000], 5000), 536);
        assert!(!pipe.has_room());
        let mut buf = [0; 65001];
        assert_eq!(pipe.read(&mut buf), 65001);
        assert_eq!((buf[64999], buf[65000]), (1, 2));
        assert_eq!(pipe.len(), 535);
    }

    #[test]
    fn capacity_is_a_power_of_two_that_holds_what_is_there() {
        let mut pipe = Pipe::new(1);
        assert!(pipe.set_capacity(5000));
        assert_eq!(pipe.capacity(), 8192);
        pipe.write(&[0; 5000], 5000);
        assert!(!pipe.set_capacity(1));
        assert_eq!(pipe.capacity(), 8192);
    }
}
