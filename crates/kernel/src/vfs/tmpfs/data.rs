//! The contents of a regular file: frames by page, holes between them.
use crate::Result;
use abi::Errno;
use mmu::{FrameId, FramePool, PAGE_SIZE};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Pages that exist, and the length in bytes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Data {
    pages: BTreeMap<u64, FrameId>,
    pub(super) size: u64,
}

/// Splits a byte range into parts of one page: page index, offset in it, range of the buffer.
fn parts(at: u64, len: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done == len {
            return None;
        }
        let here = at + done as u64;
        let offset = (here % PAGE_SIZE) as usize;
        let part = (len - done).min(PAGE_SIZE as usize - offset);
        let range = done..done + part;
        done += part;
        Some((here / PAGE_SIZE, offset, range))
    })
}

impl Data {
    pub(super) fn frames_used(&self) -> u64 {
        self.pages.len() as u64
    }
    pub(super) fn read(&self, frames: &FramePool, at: u64, buf: &mut [u8]) -> usize {
        let len = self.size.saturating_sub(at).min(buf.len() as u64) as usize;
        for (page, offset, range) in parts(at, len) {
            match self.pages.get(&page) {
                Some(&frame) => {
                    let part = range.len();
                    buf[range].copy_from_slice(&frames.bytes(frame)[offset..offset + part]);
                }
                None => buf[range].fill(0),
            }
        }
        len
    }
    /// Writes what there is memory for; ENOSPC if there is none. `room`: pages that may still be added. `at + data.len()` is
    /// below 2^63.
    pub(super) fn write(&mut self, frames: &mut FramePool, at: u64, data: &[u8], mut room: u64) -> Result<usize> {
        let mut done = 0;
        for (page, offset, range) in parts(at, data.len()) {
            let frame = match self.pages.get(&page) {
                Some(&frame) => frame,
                None if room == 0 => break,
                None => match frames.alloc() {
                    Some(frame) => {
                        room -= 1;
                        self.pages.insert(page, frame);
                        frame
                    }
                    None => break,
                },
            };
            done = range.end;
            frames.write(frame, offset, &data[range], None);
        }
        if done == 0 && !data.is_empty() {
            return Err(Errno::ENOSPC);
        }
        self.size = self.size.max(at + done as u64);
        Ok(done)
    }
    /// The frame of a page below the end, made if it is a hole.
    pub(super) fn page(&mut self, frames: &mut FramePool, index: u64, room: u64) -> Result<Option<FrameId>> {
        if index >= self.size.div_ceil(PAGE_SIZE) {
            return Ok(None);
        }
        if let Some(&frame) = self.pages.get(&index) {
            return Ok(Some(frame));
        }
        if room == 0 {
            return Err(Errno::ENOSPC);
        }
        let frame = frames.alloc().ok_or(Errno::ENOSPC)?;
        self.pages.insert(index, frame);
        Ok(Some(frame))
    }
    pub(super) fn truncate(&mut self, frames: &mut FramePool, size: u64) {
        if size < self.size {
            for (_, frame) in self.pages.split_off(&size.div_ceil(PAGE_SIZE)) {
                frames.release(frame);
            }
            self.zero(frames, size, size.next_multiple_of(PAGE_SIZE));
        }
        self.size = size;
    }
    /// Zeroes part of a page that exists.
    fn zero(&mut self, frames: &mut FramePool, from: u64, to: u64) {
        if let (true, Some(&frame)) = (from < to, self.pages.get(&(from / PAGE_SIZE))) {
            let zeroes = [0; PAGE_SIZE as usize];
            frames.write(frame, (from % PAGE_SIZE) as usize, &zeroes[..(to - from) as usize], None);
        }
    }
    /// Makes a hole (FALLOC_FL_PUNCH_HOLE); the size stays.
    pub(super) fn punch(&mut self, frames: &mut FramePool, from: u64, to: u64) {
        let (first, last) = (from.next_multiple_of(PAGE_SIZE), to / PAGE_SIZE * PAGE_SIZE);
        if first > last {
            return self.zero(frames, from, to);
        }
        self.zero(frames, from, first);
        self.zero(frames, last, to);
        let whole: Vec<u64> = self.pages.range(first / PAGE_SIZE..last / PAGE_SIZE).map(|(&page, _)| page).collect();
        for page in whole {
            if let Some(frame) = self.pages.remove(&page) {
                frames.release(frame);
            }
        }
    }
    pub(super) fn free(self, frames: &mut FramePool) {
        self.pages.into_values().for_each(|frame| frames.release(frame));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_read_as_zeroes_and_take_no_memory() {
        let mut frames = FramePool::new(4);
        let mut data = Data::default();
        assert_eq!(data.write(&mut frames, 10000, b"end", 9), Ok(3));
        assert_eq!((data.size, frames.usage().0), (10003, 1));
        let mut buf = [1; 20000];
        assert_eq!(data.read(&frames, 0, &mut buf), 10003);
        assert!(buf[..10000].iter().all(|&b| b == 0));
        assert_eq!(&buf[10000..10003], b"end");
    }

    #[test]
    fn growing_again_shows_zeroes_not_old_bytes() {
        let mut frames = FramePool::new(4);
        let mut data = Data::default();
        data.write(&mut frames, 0, &[7; 5000], 9).unwrap();
        data.truncate(&mut frames, 100);
        assert_eq!(frames.usage().0, 1);
        data.truncate(&mut frames, 5000);
        let mut buf = [1; 5000];
        assert_eq!(data.read(&frames, 0, &mut buf), 5000);
        assert!(buf[..100].iter().all(|&b| b == 7) && buf[100..].iter().all(|&b| b == 0));
    }

    #[test]
    fn a_full_memory_gives_a_short_write_then_enospc() {
        let mut frames = FramePool::new(2);
        let mut data = Data::default();
        assert_eq!(data.write(&mut frames, 0, &[1; 20000], 99), Ok(8192));
        assert_eq!(data.write(&mut frames, 8192, &[1; 1], 99), Err(Errno::ENOSPC));
        data.punch(&mut frames, 100, 8192);
        assert_eq!(frames.usage().0, 1);
        data.free(&mut frames);
        assert_eq!(frames.usage().0, 0);
    }
}
