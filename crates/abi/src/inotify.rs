//! inotify(7): event and flag bits, `struct inotify_event`.
use crate::bytes::Writer;
use serde::{Deserialize, Serialize};

bitflags::bitflags! {
    /// What is watched for, what happened, and how to watch.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct Inotify: u32 {
        const IN_ACCESS = 0x1;
        const IN_MODIFY = 0x2;
        const IN_ATTRIB = 0x4;
        const IN_CLOSE_WRITE = 0x8;
        const IN_CLOSE_NOWRITE = 0x10;
        const IN_OPEN = 0x20;
        const IN_MOVED_FROM = 0x40;
        const IN_MOVED_TO = 0x80;
        const IN_CREATE = 0x100;
        const IN_DELETE = 0x200;
        const IN_DELETE_SELF = 0x400;
        const IN_MOVE_SELF = 0x800;
        const IN_ALL_EVENTS = 0xfff;
        // Sent whether asked for or not.
        const IN_UNMOUNT = 0x2000;
        const IN_Q_OVERFLOW = 0x4000;
        const IN_IGNORED = 0x8000;
        // Of inotify_add_watch.
        const IN_ONLYDIR = 0x0100_0000;
        const IN_DONT_FOLLOW = 0x0200_0000;
        const IN_EXCL_UNLINK = 0x0400_0000;
        const IN_MASK_CREATE = 0x1000_0000;
        const IN_MASK_ADD = 0x2000_0000;
        /// The object is a directory.
        const IN_ISDIR = 0x4000_0000;
        const IN_ONESHOT = 0x8000_0000;
    }
}

/// `struct inotify_event` with its name, filled with zeroes to a multiple of its size.
pub fn encode_inotify_event(wd: i32, mask: u32, cookie: u32, name: &[u8]) -> Vec<u8> {
    let len = inotify_name_len(name);
    let mut raw = Writer::<16>::new().i32(wd).u32(mask).u32(cookie).u32(len as u32).done().to_vec();
    raw.extend_from_slice(name);
    raw.resize(16 + len, 0);
    raw
}

/// The `len` of an event with that name (round_event_name_len).
pub fn inotify_name_len(name: &[u8]) -> usize {
    if name.is_empty() { 0 } else { (name.len() + 1).next_multiple_of(16) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_padded() {
        assert_eq!([0, 1, 15, 16].map(|n| encode_inotify_event(1, 2, 3, &vec![b'x'; n]).len()), [16, 32, 32, 48]);
    }
}
