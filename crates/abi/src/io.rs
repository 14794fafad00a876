//! Structures that ride along with reading, polling and locking: `iovec`, `pollfd`, `epoll_event`,
//! `flock`. 64-bit little-endian layout.

use crate::bytes::{Reader, Writer};
use crate::fs::PollEvents;
use serde::{Deserialize, Serialize};

/// `struct iovec`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Iovec {
    pub base: u64,
    pub len: u64,
}

impl Iovec {
    pub const SIZE_64: usize = 16;

    pub fn decode_64(data: &[u8; Self::SIZE_64]) -> Iovec {
        let mut r = Reader::new(data);
        Iovec { base: r.u64(), len: r.u64() }
    }
}

/// `struct pollfd`, the same everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pollfd {
    pub fd: i32,
    pub events: PollEvents,
    pub revents: PollEvents,
}

impl Pollfd {
    pub const SIZE: usize = 8;

    pub fn encode(&self) -> [u8; Self::SIZE] {
        Writer::new().i32(self.fd).u16(self.events.bits()).u16(self.revents.bits()).done()
    }

    pub fn decode(data: &[u8; Self::SIZE]) -> Pollfd {
        let mut r = Reader::new(data);
        Pollfd {
            fd: r.i32(),
            events: PollEvents::from_bits_retain(r.u16()),
            revents: PollEvents::from_bits_retain(r.u16()),
        }
    }
}

/// `struct epoll_event`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpollEvent {
    pub events: u32,
    pub data: u64,
}

impl EpollEvent {
    /// x86-64 packs it, to look as on i386 (`EPOLL_PACKED`).
    pub fn encode_x86_64(&self) -> [u8; 12] {
        Writer::new().u32(self.events).u64(self.data).done()
    }

    pub fn decode_x86_64(data: &[u8; 12]) -> EpollEvent {
        let mut r = Reader::new(data);
        EpollEvent { events: r.u32(), data: r.u64() }
    }

    pub fn encode_generic_64(&self) -> [u8; 16] {
        Writer::new().u32(self.events).zero(4).u64(self.data).done()
    }

    pub fn decode_generic_64(data: &[u8; 16]) -> EpollEvent {
        let mut r = Reader::new(data);
        let events = r.u32();
        r.u32();
        EpollEvent { events, data: r.u64() }
    }
}

/// `struct flock`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flock {
    pub kind: u16,
    pub whence: u16,
    pub start: i64,
    pub len: i64,
    pub pid: u32,
}

impl Flock {
    pub fn encode_64(&self) -> [u8; 32] {
        Writer::new().u16(self.kind).u16(self.whence).zero(4).i64(self.start).i64(self.len).u32(self.pid).zero(4).done()
    }

    pub fn decode_64(data: &[u8; 32]) -> Flock {
        let mut r = Reader::new(data);
        let (kind, whence) = (r.u16(), r.u16());
        r.u32();
        Flock { kind, whence, start: r.i64(), len: r.i64(), pid: r.u32() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// linux/eventpoll.h of linux-libc-dev 6.1, gcc 12: 12 bytes, data at 4, on x86-64; else 16, at 8.
    #[test]
    fn epoll_events() {
        let event = EpollEvent { events: 0x8000_0001, data: 0x55 };
        assert_eq!(event.encode_x86_64()[4], 0x55);
        assert_eq!(event.encode_generic_64()[8], 0x55);
        assert_eq!(EpollEvent::decode_x86_64(&event.encode_x86_64()), event);
        assert_eq!(EpollEvent::decode_generic_64(&event.encode_generic_64()), event);
    }

    /// offsetof on asm/fcntl.h of linux-libc-dev 6.1, gcc 12: start 8, len 16, pid 24, size 32.
    #[test]
    fn locks() {
        let lock = Flock { kind: 1, whence: 2, start: 3, len: -4, pid: 5 };
        let data = lock.encode_64();
        assert_eq!((data[0], data[2], data[8], data[16], data[24]), (1, 2, 3, 0xfc, 5));
        assert_eq!(Flock::decode_64(&data), lock);
    }

    #[test]
    fn poll_keeps_unknown_events() {
        let data = [3, 0, 0, 0, 0x01, 0x80, 0x10, 0];
        let poll = Pollfd::decode(&data);
        assert_eq!((poll.fd, poll.revents), (3, PollEvents::POLLHUP));
        assert_eq!(poll.encode(), data);
    }

    #[test]
    fn vectors() {
        let data = [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(Iovec::decode_64(&data), Iovec { base: 1, len: 2 });
    }
}
