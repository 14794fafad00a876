//! What has arrived at a socket: messages, with the files and credentials that travel along.
use super::{Address, Socket, SocketType};
use crate::vfs::FileId;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// pid, uid, gid (`struct ucred`).
pub(crate) type Ucred = [u32; 3];

/// One message.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Message {
    pub(super) data: VecDeque<u8>,
    /// A use of each is the queue's.
    pub(super) rights: Vec<FileId>,
    pub(super) cred: Option<Ucred>,
    pub(super) from: Option<Address>,
    /// What it takes of the sender's buffer, and who that is.
    pub(super) charge: usize,
    pub(super) sender: Option<u64>,
}

/// What a receive took.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) len: usize,
    /// The length of the message, which may be more than there was room for.
    pub(crate) whole: usize,
    /// Files that came along: a use of each is the receiver's.
    pub(crate) rights: Vec<FileId>,
    pub(crate) cred: Option<Ucred>,
    pub(crate) from: Option<Address>,
    /// Room in the buffers of senders.
    pub(super) freed: Vec<(u64, usize)>,
}

/// SKB_MAX_ALLOC, and SKB_MAX_HEAD: the longest data of a message that is in one piece, and of a stream's.
const MAX_ALLOC: usize = (16 << 10) - SHARED_INFO;
const MAX_HEAD: usize = PAGE - SHARED_INFO;
/// sizeof(struct skb_shared_info), which is behind the data.
const SHARED_INFO: usize = 320;
const PAGE: usize = 4096;
/// Most bytes one message of a stream has: one piece, and pages (UNIX_SKB_FRAGS_SZ).
pub(super) const MAX_STREAM: usize = MAX_HEAD + (32 << 10);

/// What a message takes of a buffer: its data as `kmalloc` rounds it up, a `struct sk_buff`, and pages for what is beyond
/// one piece (`sock_alloc_send_pskb`).
pub(super) fn truesize(kind: SocketType, len: usize) -> usize {
    const SK_BUFF: usize = 256;
    let piece = if kind == SocketType::Stream { MAX_HEAD } else { MAX_ALLOC };
    let pages = len.saturating_sub(piece).next_multiple_of(PAGE);
    let head = len.saturating_sub(pages);
    SK_BUFF + (head + SHARED_INFO).next_power_of_two() + pages
}

impl Message {
    fn read(&self, skip: usize, buf: &mut [u8]) -> usize {
        let len = self.data.len().saturating_sub(skip).min(buf.len());
        for (to, from) in buf.iter_mut().zip(self.data.iter().skip(skip)) {
            *to = *from;
        }
        len
    }
}

impl Socket {
    /// Takes the first message, as much of it as fits: the rest is lost.
    pub(super) fn take_message(&mut self, buf: &mut [u8], peek: bool) -> Option<Received> {
        let message = self.queue.front()?;
        let len = message.read(0, buf);
        let mut received = Received {
            len,
            whole: message.data.len(),
            rights: message.rights.clone(),
            cred: message.cred,
            from: message.from.clone(),
            freed: Vec::new(),
        };
        if !peek {
            let message = self.queue.pop_front()?;
            self.queued = self.queued.saturating_sub(message.charge);
            received.freed.extend(message.sender.map(|sender| (sender, message.charge)));
        }
        Some(received)
    }

    /// Takes bytes of a stream: across messages, but not behind one with files, nor from one writer's to another's if it
    /// matters whose they are (`unix_stream_read_generic`).
    pub(super) fn take_stream(&mut self, buf: &mut [u8], peek: bool) -> Received {
        let mut received = Received::default();
        let mut at = 0;
        while received.len < buf.len() {
            let Some(message) = self.queue.get_mut(at) else { break };
            if received.len > 0 && self.options.pass_cred && message.cred != received.cred {
                break;
            }
            if received.len == 0 {
                (received.cred, received.from) = (message.cred, message.from.clone());
            }
            let n = message.read(0, &mut buf[received.len..]);
            received.len += n;
            if peek {
                at += 1;
                received.rights.clone_from(&message.rights);
            } else {
                received.rights = std::mem::take(&mut message.rights);
                message.data.drain(..n);
                if !message.data.is_empty() {
                    break;
                }
                received.freed.extend(message.sender.map(|sender| (sender, message.charge)));
                self.queue.pop_front();
            }
            if !received.rights.is_empty() {
                break;
            }
        }
        received.whole = received.len;
        received
    }

    /// FIONREAD: all of a stream, the next message of the others.
    pub(super) fn unread(&self) -> usize {
        match self.kind {
            SocketType::Stream => self.queue.iter().map(|message| message.data.len()).sum(),
            _ => self.queue.front().map_or(0, |message| message.data.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Family;

    fn socket(kind: SocketType, messages: &[(&[u8], u32)]) -> Socket {
        let message = |&(data, rights): &(&[u8], u32)| Message {
            data: data.iter().copied().collect(),
            rights: (0..rights).map(FileId).collect(),
            ..Message::default()
        };
        Socket { queue: messages.iter().map(message).collect(), ..Socket::new(Family::Unix, kind, [0; 3]) }
    }

    #[test]
    fn streams_run_together_up_to_files() {
        let mut socket = socket(SocketType::Stream, &[(b"ab", 0), (b"cd", 0), (b"ef", 1), (b"gh", 0)]);
        let mut buf = [0; 16];
        assert_eq!(socket.take_stream(&mut buf[..3], false).len, 3);
        assert_eq!(socket.take_stream(&mut buf, true).len, 3);
        let received = socket.take_stream(&mut buf, false);
        assert_eq!((received.len, received.rights, &buf[..3]), (3, vec![FileId(0)], &b"def"[..]));
        assert_eq!((socket.take_stream(&mut buf, false).len, socket.unread()), (2, 0));
    }

    #[test]
    fn messages_are_taken_whole() {
        let mut socket = socket(SocketType::SeqPacket, &[(b"abcdef", 0), (b"", 0), (b"g", 0)]);
        let mut buf = [0; 4];
        let received = socket.take_message(&mut buf, false).expect("the first");
        assert_eq!((received.len, received.whole), (4, 6));
        assert_eq!(socket.take_message(&mut buf, false).map(|received| received.len), Some(0));
        assert_eq!(socket.take_message(&mut buf, true).map(|received| received.len), Some(1));
        assert_eq!(socket.take_message(&mut buf, false).map(|received| received.len), Some(1));
        assert!(socket.take_message(&mut buf, false).is_none());
    }

    /// How many messages fit until nobody reads, as Linux 6.18 counts them.
    #[test]
    fn messages_take_room() {
        for (kind, len, fit) in [
            (SocketType::Stream, 1, 278),
            (SocketType::Stream, 193, 167),
            (SocketType::Stream, 1000, 93),
            (SocketType::Stream, 4000, 44),
            (SocketType::Stream, 20000, 11),
            (SocketType::Datagram, 1000, 93),
            (SocketType::Datagram, 4000, 26),
            (SocketType::Datagram, 8000, 13),
            (SocketType::Datagram, 20000, 11),
            (SocketType::Datagram, 200_000, 2),
        ] {
            assert_eq!(212_992_usize.div_ceil(truesize(kind, len)), fit, "{kind:?} {len}");
        }
    }
}
