//! Sockets: AF_UNIX, and the loopback network of AF_INET and AF_INET6 (net/socket.c). There is no other network.
//!
//! A connection is two sockets that name each other; what one sends is in the other's queue at once. So no packet is ever on
//! its way, lost or sent twice.
mod address;
mod connect;
mod garbage;
mod inet;
mod interface;
mod options;
pub(crate) mod proc_net;
mod queue;
mod transfer;
mod unix;

pub(crate) use address::{AF_INET, AF_INET6, AF_UNIX, AF_UNSPEC, Address, STORAGE};
pub(crate) use interface::ioctl as interface_ioctl;
pub(crate) use queue::{Received, Ucred};
pub(crate) use transfer::{Parcel, chunk};

use crate::vfs::{AnonKind, Block, FileId, FileKind, Ino, Io, Path, SuperId};
use crate::{Kernel, Result, SleepKind, Tid, WaitKey};
use abi::{Errno, OpenFlags, PollEvents};
use options::Options;
use queue::Message;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What a socket does with the borders between messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum SocketType {
    Stream,
    Datagram,
    /// Messages, but connected as a stream is.
    SeqPacket,
}

/// The families there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Family {
    Unix,
    Inet,
    Inet6,
}

/// How far a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    Unconnected,
    Listening,
    /// TCP: the listener's backlog is full.
    Connecting,
    Connected,
}

/// One socket.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Socket {
    pub(crate) family: Family,
    pub(crate) kind: SocketType,
    pub(crate) state: State,
    /// `None` for a connection that waits to be accepted.
    file: Option<FileId>,
    inode: u64,
    pub(crate) local: Option<Address>,
    pub(crate) remote: Option<Address>,
    /// The node an AF_UNIX socket is bound to, held.
    node: Option<Path>,
    /// The other end; for datagrams it may be gone by now.
    pub(crate) peer: Option<u64>,
    queue: VecDeque<Message>,
    /// What its messages take (UDP).
    queued: usize,
    /// What its own messages take that others have not read.
    sent: usize,
    /// Connections to accept, how many may wait, and (TCP) who waits to become one.
    pending: VecDeque<u64>,
    backlog: usize,
    waiting: VecDeque<u64>,
    pub(crate) shut_read: bool,
    pub(crate) shut_write: bool,
    /// A non-blocking connect has been begun, and nobody has asked for its end.
    begun: bool,
    /// SO_ERROR, and the result of the next call.
    error: Option<Errno>,
    owner: Ucred,
    /// SO_PEERCRED.
    pub(crate) peer_cred: Ucred,
    pub(crate) options: Options,
}

/// All sockets, and what finds them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Net {
    sockets: BTreeMap<u64, Socket>,
    nodes: BTreeMap<(SuperId, Ino), u64>,
    /// Abstract names; each type has its own.
    names: BTreeMap<(SocketType, Vec<u8>), u64>,
    ports: BTreeMap<(SocketType, u16), BTreeSet<u64>>,
    /// The last number given out: of a port, of an abstract name.
    last_port: u16,
    last_name: u32,
    /// Files in queues.
    in_flight: usize,
    /// Files of queues that are gone, to be put.
    to_put: Vec<FileId>,
    putting: bool,
}

/// pid, uid and gid that nobody has: what a message of unknown origin says.
pub(crate) const NO_CRED: Ucred = [0, 65_534, 65_534];

impl Socket {
    fn new(family: Family, kind: SocketType, owner: Ucred) -> Socket {
        Socket {
            family,
            kind,
            state: State::Unconnected,
            file: None,
            inode: 0,
            local: None,
            remote: None,
            node: None,
            peer: None,
            queue: VecDeque::new(),
            queued: 0,
            sent: 0,
            pending: VecDeque::new(),
            backlog: 0,
            waiting: VecDeque::new(),
            shut_read: false,
            shut_write: false,
            begun: false,
            error: None,
            owner,
            peer_cred: [0, u32::MAX, u32::MAX],
            options: Options::new(family, kind),
        }
    }
    pub(crate) fn is_unix(&self) -> bool {
        self.family == Family::Unix
    }
    pub(crate) fn is_stream(&self) -> bool {
        self.kind == SocketType::Stream
    }
    fn is_tcp(&self) -> bool {
        !self.is_unix() && self.is_stream()
    }
    /// `sock_writeable` and its like: whether poll says POLLOUT.
    fn is_writable(&self) -> bool {
        if self.is_unix() { self.sent * 4 <= self.options.send_buffer } else { self.sent * 2 <= self.room() }
    }
    /// What may be on its way to others: the receiver's window stands in for its buffer.
    fn room(&self) -> usize {
        if self.is_tcp() { inet::WINDOW } else { self.options.send_buffer }
    }
}

/// Connecting to, or sending to, a full AF_UNIX socket waits here (`peer_wait`).
fn peer_wait(id: u64) -> WaitKey {
    WaitKey::Opened(id << 1)
}

fn block(on: WaitKey, wchan: &'static str) -> Block {
    Block { on, kind: SleepKind::Interruptible, wchan, freezable: false }
}

impl Net {
    /// How many files are in queues.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight
    }
    pub(crate) fn get(&self, id: u64) -> Option<&Socket> {
        self.sockets.get(&id)
    }
    /// EBADF stands for a socket that is gone, which no caller names.
    fn known(&mut self, id: u64) -> Result<&mut Socket> {
        self.sockets.get_mut(&id).ok_or(Errno::EBADF)
    }
}

impl Kernel {
    fn ucred(&self, tid: Tid) -> Ucred {
        self.tasks.get(tid).map_or(NO_CRED, |task| [task.tgid.0, task.cred.euid, task.cred.egid])
    }

    fn add_socket(&mut self, socket: Socket) -> u64 {
        let id = self.vfs.new_key();
        self.net.sockets.insert(id, socket);
        id
    }

    /// Gives a socket its open file.
    fn open_socket(&mut self, tid: Tid, id: u64, flags: OpenFlags) -> Result<FileId> {
        let path = match self.new_anon(tid, AnonKind::Socket) {
            Ok(path) => path,
            Err(errno) => {
                self.close_socket(id);
                return Err(errno);
            }
        };
        let (_, ino) = self.vfs.inode(path);
        let file = self.vfs.new_file(FileKind::Socket(id), path, OpenFlags::O_RDWR | flags);
        let socket = self.net.known(id)?;
        (socket.file, socket.inode) = (Some(file), ino.0);
        Ok(file)
    }

    /// socket(2).
    pub(crate) fn new_socket(
        &mut self,
        tid: Tid,
        family: Family,
        kind: SocketType,
        flags: OpenFlags,
    ) -> Result<FileId> {
        let id = self.add_socket(Socket::new(family, kind, self.ucred(tid)));
        self.open_socket(tid, id, flags)
    }

    /// socketpair(2).
    pub(crate) fn new_socketpair(&mut self, tid: Tid, kind: SocketType, flags: OpenFlags) -> Result<[FileId; 2]> {
        let owner = self.ucred(tid);
        let ids = [(); 2].map(|()| self.add_socket(Socket::new(Family::Unix, kind, owner)));
        for (at, id) in ids.into_iter().enumerate() {
            let socket = self.net.known(id)?;
            (socket.peer, socket.peer_cred, socket.state) = (Some(ids[1 - at]), owner, State::Connected);
        }
        let first = self.open_socket(tid, ids[0], flags);
        let second = self.open_socket(tid, ids[1], flags);
        match (first, second) {
            (Ok(first), Ok(second)) => Ok([first, second]),
            (first, second) => {
                first.iter().chain(&second).for_each(|&file| self.put_file(file));
                Err(first.and(second).err().unwrap_or(Errno::ENFILE))
            }
        }
    }

    /// The socket of an open file; ENOTSOCK.
    pub(crate) fn socket_of(&self, file: FileId) -> Result<u64> {
        match self.vfs.file(file).kind {
            FileKind::Socket(id) => Ok(id),
            _ => Err(Errno::ENOTSOCK),
        }
    }

    /// Wakes who waits for anything at a socket.
    fn socket_changed(&mut self, id: u64) {
        self.notify(WaitKey::Readable(id));
        self.notify(WaitKey::Writable(id));
    }

    /// The file of a socket is closed, or a connection nobody accepted is dropped.
    pub(crate) fn close_socket(&mut self, id: u64) {
        let Some(mut socket) = self.net.sockets.remove(&id) else { return };
        match socket.family {
            Family::Unix => self.unix_release(id, &socket),
            Family::Inet | Family::Inet6 => self.inet_release(id, &socket),
        }
        for waiting in std::mem::take(&mut socket.waiting) {
            self.fail_connect(waiting);
        }
        for pending in std::mem::take(&mut socket.pending) {
            self.close_socket(pending);
        }
        self.drop_messages(socket.queue);
        self.forget_key(id);
    }

    /// Messages nobody will read: their senders have room again, their files are put.
    fn drop_messages(&mut self, messages: VecDeque<Message>) {
        for message in messages {
            if let Some(sender) = message.sender {
                self.free_room(sender, message.charge);
            }
            self.net.in_flight -= message.rights.len();
            self.net.to_put.extend(message.rights);
        }
        // A queue may hold the last use of a socket whose queue holds another: one loop for all, however deep.
        if !std::mem::replace(&mut self.net.putting, true) {
            while let Some(file) = self.net.to_put.pop() {
                self.put_file(file);
            }
            self.net.putting = false;
        }
    }

    /// What a message took of its sender's buffer is free.
    fn free_room(&mut self, sender: u64, charge: usize) {
        if let Some(socket) = self.net.sockets.get_mut(&sender) {
            let was = socket.is_writable();
            socket.sent = socket.sent.saturating_sub(charge);
            let tcp = socket.is_tcp();
            // Who waits for room sleeps on the same key as who polls.
            if !was || tcp || socket.is_writable() {
                self.notify(WaitKey::Writable(sender));
            }
        }
    }

    /// FIONREAD.
    pub(crate) fn socket_bytes(&self, id: u64) -> Result<usize> {
        let socket = self.net.get(id).ok_or(Errno::EBADF)?;
        if socket.state == State::Listening { Err(Errno::EINVAL) } else { Ok(socket.unread()) }
    }

    /// SIOCOUTQ: what was sent and is not read yet.
    pub(crate) fn socket_unsent(&self, id: u64) -> Result<usize> {
        let socket = self.net.get(id).ok_or(Errno::EBADF)?;
        if socket.state == State::Listening { Err(Errno::EINVAL) } else { Ok(socket.sent) }
    }

    /// shutdown(2): which directions.
    pub(crate) fn shutdown_socket(&mut self, id: u64, read: bool, write: bool) -> Result<()> {
        let socket = self.net.known(id)?;
        let connected = matches!(socket.state, State::Connected | State::Listening | State::Connecting);
        if socket.is_tcp() && !connected {
            return Err(Errno::ENOTCONN);
        }
        if socket.is_tcp() && socket.state == State::Listening {
            // A listener stops to listen.
            if read {
                self.stop_listening(id);
            }
            return Ok(());
        }
        socket.shut_read |= read;
        socket.shut_write |= write;
        let (unix, tcp, peer, listening) =
            (socket.is_unix(), socket.is_tcp(), socket.peer, socket.state == State::Listening);
        let datagram = socket.kind == SocketType::Datagram;
        if let Some(other) = peer.filter(|_| !datagram).and_then(|peer| self.net.sockets.get_mut(&peer)) {
            other.shut_read |= write;
            // What a TCP end does not want to read is sent all the same.
            other.shut_write |= read && unix;
        }
        self.socket_changed(id);
        if listening {
            self.notify(peer_wait(id));
        }
        peer.into_iter().for_each(|peer| self.socket_changed(peer));
        if !unix && !tcp && !connected { Err(Errno::ENOTCONN) } else { Ok(()) }
    }

    /// What is ready, and the keys that announce a change (`unix_poll`, `tcp_poll`, `datagram_poll`).
    pub(crate) fn poll_socket(&mut self, id: u64) -> (PollEvents, Vec<WaitKey>) {
        let Some(socket) = self.net.get(id) else { return (PollEvents::POLLNVAL, Vec::new()) };
        let mut keys = vec![WaitKey::Readable(id), WaitKey::Writable(id)];
        let input = PollEvents::POLLIN | PollEvents::POLLRDNORM;
        let mut events = PollEvents::empty();
        if socket.state == State::Listening {
            events.set(input, !socket.pending.is_empty());
            if socket.is_unix() {
                events.set(PollEvents::POLLHUP, socket.shut_read && socket.shut_write);
                events.set(PollEvents::POLLRDHUP | input, socket.shut_read || !socket.pending.is_empty());
                events.set(PollEvents::POLLRDHUP, socket.shut_read);
                events |= PollEvents::POLLOUT | PollEvents::POLLWRNORM | PollEvents::POLLWRBAND;
            }
            return (events, keys);
        }
        let unconnected = socket.kind != SocketType::Datagram && socket.state == State::Unconnected;
        let both = socket.shut_read && socket.shut_write;
        events.set(PollEvents::POLLERR, socket.error.is_some());
        events.set(PollEvents::POLLHUP, both || unconnected);
        events.set(input, !socket.queue.is_empty() || socket.shut_read);
        events.set(PollEvents::POLLRDHUP, socket.shut_read);
        let output = PollEvents::POLLOUT | PollEvents::POLLWRNORM;
        let output = if socket.is_unix() { output | PollEvents::POLLWRBAND } else { output };
        // A datagram to a peer that does not answer waits for room there.
        let full = socket.peer.filter(|_| socket.is_unix() && socket.kind == SocketType::Datagram);
        let full = full.filter(|&peer| self.unix_is_full(peer, id));
        let tcp_shut = socket.is_tcp() && socket.shut_write;
        let open = socket.state != State::Connecting && (socket.is_writable() && full.is_none() || tcp_shut);
        events.set(output, open);
        keys.extend(full.map(peer_wait));
        (events, keys)
    }

    /// read(2) without a place for files: they are dropped.
    pub(crate) fn read_socket(&mut self, id: u64, buf: &mut [u8]) -> Io {
        let received = self.receive(id, buf, false)?;
        received.rights.into_iter().for_each(|file| self.put_file(file));
        Ok(received.len)
    }

    /// write(2), as far as there is room.
    pub(crate) fn write_socket(&mut self, tid: Tid, id: u64, data: &[u8]) -> Io {
        let most = self.net.get(id).map_or(data.len(), chunk);
        self.send(tid, id, &data[..data.len().min(most)], Parcel::default())
    }
}
