//! Pairs of connected AF_UNIX sockets (unix(7)): queues of messages, with files that travel along.
use super::anon::AnonKind;
use super::{Block, FileId, FileKind, Io, IoError};
use crate::{Kernel, Result, SleepKind, Tid, WaitKey};
use abi::{Errno, OpenFlags, PollEvents};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// What a socket does with the borders between messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum SocketType {
    Stream,
    Datagram,
    /// Messages, but connected as a stream is.
    SeqPacket,
}

/// One message: bytes not yet read, and files sent with it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Message {
    data: VecDeque<u8>,
    rights: Vec<FileId>,
}

impl Message {
    fn is_plain(&self) -> bool {
        self.rights.is_empty()
    }
}

/// One end of a pair.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Socket {
    pub(crate) kind: SocketType,
    /// The other end; `None` when it is closed.
    pub(crate) peer: Option<u64>,
    queue: VecDeque<Message>,
    queued: usize,
    shut_read: bool,
    shut_write: bool,
    /// SO_ERROR, and the result of the next call.
    error: Option<Errno>,
    /// Who made the pair: pid, uid, gid (SO_PEERCRED).
    pub(crate) maker: [u32; 3],
}

/// What a receive took.
#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) len: usize,
    /// The message was longer than the buffer.
    pub(crate) truncated: bool,
    /// Files that came along: a use of each is the receiver's.
    pub(crate) rights: Vec<FileId>,
}

/// Bytes that may wait at one end (net.core.wmem_default), and so the longest message.
pub(crate) const SEND_BUFFER: usize = 212_992;

/// Messages that may wait: each takes some room besides its bytes, so that empty ones do not pile up.
const MAX_MESSAGES: usize = SEND_BUFFER / 768;

impl Socket {
    fn take(&mut self, buf: &mut [u8], peek: bool) -> Received {
        let mut received = Received::default();
        while let Some(message) = self.queue.front_mut() {
            if received.len > 0 && !message.rights.is_empty() {
                break;
            }
            let n = message.data.len().min(buf.len() - received.len);
            for (to, from) in buf[received.len..].iter_mut().zip(message.data.iter().take(n)) {
                *to = *from;
            }
            received.len += n;
            let stream = self.kind == SocketType::Stream;
            received.truncated = !stream && n < message.data.len();
            if peek {
                break;
            }
            received.rights.append(&mut message.rights);
            let gone = if stream { n } else { message.data.len() };
            message.data.drain(..gone);
            self.queued -= gone;
            if message.data.is_empty() {
                self.queue.pop_front();
            }
            if !stream || received.len == buf.len() || !received.rights.is_empty() {
                break;
            }
        }
        received
    }
}

impl Kernel {
    fn socket(&mut self, id: u64) -> &mut Socket {
        self.vfs.sockets.get_mut(&id).expect("a socket lives as long as its file")
    }

    /// socketpair(2).
    pub(crate) fn new_socketpair(&mut self, tid: Tid, kind: SocketType, flags: OpenFlags) -> Result<[FileId; 2]> {
        let task = &self.tasks[tid];
        let maker = [task.tgid.0, task.cred.euid, task.cred.egid];
        let ids = [self.vfs.new_key(), self.vfs.new_key()];
        let mut files = [FileId(0); 2];
        for (at, file) in files.iter_mut().enumerate() {
            let path = self.new_anon(tid, AnonKind::Socket)?;
            let (queue, peer) = (VecDeque::new(), Some(ids[1 - at]));
            let socket =
                Socket { kind, peer, queue, queued: 0, shut_read: false, shut_write: false, error: None, maker };
            self.vfs.sockets.insert(ids[at], socket);
            *file = self.vfs.new_file(FileKind::Socket(ids[at]), path, OpenFlags::O_RDWR | flags);
        }
        Ok(files)
    }

    /// The socket of an open file; ENOTSOCK.
    pub(crate) fn socket_of(&self, file: FileId) -> Result<u64> {
        match self.vfs.file(file).kind {
            FileKind::Socket(id) => Ok(id),
            _ => Err(Errno::ENOTSOCK),
        }
    }

    /// Takes what has arrived. `Ok` with nothing is the end of the stream.
    pub(crate) fn receive(&mut self, id: u64, buf: &mut [u8], peek: bool) -> std::result::Result<Received, IoError> {
        let socket = self.socket(id);
        if let Some(errno) = socket.error.take() {
            return Err(errno.into());
        }
        if !socket.queue.is_empty() {
            let received = socket.take(buf, peek);
            let (kind, peer) = (socket.kind, socket.peer);
            if peek {
                return Ok(received);
            }
            if let Some(peer) = peer {
                self.notify(WaitKey::Writable(peer));
            }
            debug_assert!(kind == SocketType::Stream || received.len <= SEND_BUFFER);
            return Ok(received);
        }
        let (kind, shut, peer) = (socket.kind, socket.shut_read, socket.peer);
        let ended = match peer {
            Some(peer) => self.socket(peer).shut_write,
            None => true,
        };
        if shut || ended && kind != SocketType::Datagram {
            return Ok(Received::default());
        }
        let wchan = if kind == SocketType::Stream { "unix_stream_data_wait" } else { "__skb_wait_for_more_packets" };
        let freezable = kind == SocketType::Stream;
        Err(Block { on: WaitKey::Readable(id), kind: SleepKind::Interruptible, wchan, freezable }.into())
    }

    /// Sends bytes, and files of which a use each is given away (and put if nothing is sent).
    pub(crate) fn send(&mut self, id: u64, data: &[u8], rights: Vec<FileId>) -> Io {
        match self.try_send(id, data, &rights) {
            Ok(n) => Ok(n),
            Err(error) => {
                rights.into_iter().for_each(|file| self.put_file(file));
                Err(error)
            }
        }
    }
    fn try_send(&mut self, id: u64, data: &[u8], rights: &[FileId]) -> Io {
        let socket = self.socket(id);
        if let Some(errno) = socket.error.take() {
            return Err(errno.into());
        }
        let (kind, shut, peer) = (socket.kind, socket.shut_write, socket.peer);
        let Some(peer) = peer else {
            return Err(if kind == SocketType::Datagram { Errno::ECONNREFUSED } else { Errno::EPIPE }.into());
        };
        if shut || self.socket(peer).shut_read {
            return Err(Errno::EPIPE.into());
        }
        if kind != SocketType::Stream && data.len() > SEND_BUFFER {
            return Err(Errno::EMSGSIZE.into());
        }
        if kind == SocketType::Stream && data.is_empty() {
            return Ok(0);
        }
        let to = self.socket(peer);
        let room = SEND_BUFFER.saturating_sub(to.queued);
        let n = if kind == SocketType::Stream { data.len().min(room) } else { data.len() };
        let crowded = to.queue.len() >= MAX_MESSAGES;
        let joins = kind == SocketType::Stream && rights.is_empty() && to.queue.back().is_some_and(Message::is_plain);
        if n > room || n == 0 && !data.is_empty() || crowded && !joins {
            let wchan = "sock_alloc_send_pskb";
            return Err(
                Block { on: WaitKey::Writable(id), kind: SleepKind::Interruptible, wchan, freezable: false }.into()
            );
        }
        to.queued += n;
        match to.queue.back_mut().filter(|_| joins) {
            Some(last) => last.data.extend(&data[..n]),
            None => to.queue.push_back(Message { data: data[..n].iter().copied().collect(), rights: rights.to_vec() }),
        }
        self.notify(WaitKey::Readable(peer));
        Ok(n)
    }

    pub(super) fn read_socket(&mut self, id: u64, buf: &mut [u8]) -> Io {
        let received = self.receive(id, buf, false)?;
        // read(2) has no place for files: they are dropped.
        received.rights.into_iter().for_each(|file| self.put_file(file));
        Ok(received.len)
    }
    pub(super) fn close_socket(&mut self, id: u64) {
        let Some(socket) = self.vfs.sockets.remove(&id) else { return };
        let unread = !socket.queue.is_empty();
        if let Some(peer) = socket.peer {
            let peer_socket = self.socket(peer);
            peer_socket.peer = None;
            if unread && socket.kind != SocketType::Datagram {
                peer_socket.error = Some(Errno::ECONNRESET);
            }
            self.notify(WaitKey::Readable(peer));
            self.notify(WaitKey::Writable(peer));
        }
        for message in socket.queue {
            message.rights.into_iter().for_each(|file| self.put_file(file));
        }
    }
    /// shutdown(2): which directions.
    pub(crate) fn shutdown_socket(&mut self, id: u64, read: bool, write: bool) {
        let socket = self.socket(id);
        socket.shut_read |= read;
        socket.shut_write |= write;
        let ends = [Some(id), socket.peer];
        for end in ends.into_iter().flatten() {
            self.notify(WaitKey::Readable(end));
            self.notify(WaitKey::Writable(end));
        }
    }
    /// SO_ERROR: the pending error, which is over then.
    pub(crate) fn take_socket_error(&mut self, id: u64) -> Option<Errno> {
        self.socket(id).error.take()
    }
    /// FIONREAD: all of a stream, the next message of the others.
    pub(crate) fn socket_bytes(&mut self, id: u64) -> usize {
        let socket = self.socket(id);
        match socket.kind {
            SocketType::Stream => socket.queued,
            _ => socket.queue.front().map_or(0, |message| message.data.len()),
        }
    }
    pub(super) fn poll_socket(&mut self, id: u64) -> (PollEvents, Vec<WaitKey>) {
        let socket = self.socket(id);
        let (peer, shut_read, shut_write) = (socket.peer, socket.shut_read, socket.shut_write);
        let mut events = PollEvents::empty();
        events.set(PollEvents::POLLERR, socket.error.is_some());
        let (has_data, kind) = (!socket.queue.is_empty(), socket.kind);
        let (peer_done, room) = match peer {
            Some(peer) => {
                let peer = self.socket(peer);
                (peer.shut_write, peer.queued < SEND_BUFFER / 2 && peer.queue.len() < MAX_MESSAGES)
            }
            None => (kind != SocketType::Datagram, true),
        };
        let ended = shut_read || peer_done;
        events.set(PollEvents::POLLIN | PollEvents::POLLRDNORM, has_data || ended);
        events.set(PollEvents::POLLRDHUP, ended);
        let hung_up = shut_read && shut_write || kind != SocketType::Datagram && peer.is_none();
        events.set(PollEvents::POLLHUP, hung_up);
        events.set(PollEvents::POLLOUT | PollEvents::POLLWRNORM | PollEvents::POLLWRBAND, room);
        (events, vec![WaitKey::Readable(id), WaitKey::Writable(id)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(kind: SocketType, messages: &[(&[u8], u32)]) -> Socket {
        let message = |&(data, rights): &(&[u8], u32)| Message {
            data: data.iter().copied().collect(),
            rights: (0..rights).map(FileId).collect(),
        };
        let queue: VecDeque<_> = messages.iter().map(message).collect();
        let queued = queue.iter().map(|m| m.data.len()).sum();
        let (shut_read, shut_write) = (false, false);
        Socket { kind, peer: None, queue, queued, shut_read, shut_write, error: None, maker: [0; 3] }
    }

    #[test]
    fn streams_run_together_but_not_across_files() {
        let mut socket = socket(SocketType::Stream, &[(b"ab", 0), (b"cd", 0), (b"ef", 1), (b"gh", 0)]);
        let mut buf = [0; 16];
        assert_eq!(socket.take(&mut buf[..3], false).len, 3);
        assert_eq!(socket.take(&mut buf, true).len, 1);
        assert_eq!(socket.take(&mut buf, false).len, 1);
        let received = socket.take(&mut buf, false);
        assert_eq!((received.len, received.rights), (2, vec![FileId(0)]));
        assert_eq!((socket.take(&mut buf, false).len, socket.queued), (2, 0));
    }

    #[test]
    fn messages_are_taken_whole() {
        let mut socket = socket(SocketType::SeqPacket, &[(b"abcdef", 0), (b"", 0), (b"g", 0)]);
        let mut buf = [0; 4];
        let received = socket.take(&mut buf, false);
        assert_eq!((received.len, received.truncated), (4, true));
        assert_eq!(socket.take(&mut buf, false).len, 0);
        assert_eq!((socket.take(&mut buf, false).len, socket.queued), (1, 0));
    }
}
