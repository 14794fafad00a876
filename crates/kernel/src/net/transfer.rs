//! Sending and receiving.
use super::queue::{MAX_STREAM, Message, Received, Ucred, truesize};
use super::{Address, Family, Socket, SocketType, State, block, inet, peer_wait};
use crate::vfs::{FileId, Io, IoError};
use crate::{Kernel, Result, Tid, WaitKey};
use abi::Errno;

/// What goes along with bytes that are sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parcel {
    /// SCM_RIGHTS: a use of each is given away.
    pub(crate) rights: Vec<FileId>,
    /// SCM_CREDENTIALS, checked.
    pub(crate) cred: Option<Ucred>,
    pub(crate) to: Option<Address>,
}

/// Most bytes one message of a stream has: half the buffer, and what one `struct sk_buff` holds.
pub(crate) fn chunk(socket: &Socket) -> usize {
    match socket.kind {
        SocketType::Stream if socket.is_unix() => {
            (socket.options.send_buffer / 2).saturating_sub(64).clamp(1, MAX_STREAM)
        }
        SocketType::Stream => inet::SEGMENT,
        _ => usize::MAX,
    }
}

impl Kernel {
    /// Takes what has arrived. `Ok` with nothing is the end of a stream, or an empty message.
    pub(crate) fn receive(&mut self, id: u64, buf: &mut [u8], peek: bool) -> std::result::Result<Received, IoError> {
        let socket = self.net.known(id)?;
        let datagram = socket.kind == SocketType::Datagram;
        if !datagram && socket.state != State::Connected {
            return Err(match socket.is_unix() && socket.is_stream() {
                true => Errno::EINVAL.into(),
                false => socket.error.take().unwrap_or(Errno::ENOTCONN).into(),
            });
        }
        if !socket.is_stream()
            && let Some(errno) = socket.error.take()
        {
            return Err(errno.into());
        }
        let received = match socket.is_stream() {
            true => (!socket.queue.is_empty()).then(|| socket.take_stream(buf, peek)),
            false => socket.take_message(buf, peek),
        };
        if let Some(mut received) = received {
            self.received(id, &mut received, peek);
            return Ok(received);
        }
        if let Some(errno) = socket.error.take() {
            return Err(errno.into());
        }
        if socket.shut_read {
            return Ok(Received::default());
        }
        let mut wait = block(
            WaitKey::Readable(id),
            match (socket.family, socket.kind) {
                (Family::Unix, SocketType::Stream) => "unix_stream_data_wait",
                (_, SocketType::Stream) => "wait_woken",
                _ => "__skb_wait_for_more_packets",
            },
        );
        // TASK_FREEZABLE there alone.
        wait.freezable = socket.is_unix() && socket.is_stream();
        Err(wait.into())
    }

    /// Settles accounts of what was taken.
    fn received(&mut self, id: u64, received: &mut Received, peek: bool) {
        if peek {
            received.rights.iter().for_each(|&file| self.vfs.hold_file(file));
            return;
        }
        self.net.in_flight = self.net.in_flight.saturating_sub(received.rights.len());
        for (sender, charge) in std::mem::take(&mut received.freed) {
            self.free_room(sender, charge);
        }
        self.notify(peer_wait(id));
    }

    /// Sends bytes, and what goes along; files are put if nothing is sent.
    pub(crate) fn send(&mut self, tid: Tid, id: u64, data: &[u8], parcel: Parcel) -> Io {
        let rights = parcel.rights.clone();
        let sent = match self.net.known(id)? {
            Socket { family: Family::Unix, kind: SocketType::Stream, .. } => self.unix_send(tid, id, data, parcel),
            Socket { family: Family::Unix, .. } => self.unix_send_message(tid, id, data, parcel),
            Socket { kind: SocketType::Stream, .. } => self.tcp_send(id, data, &parcel),
            _ => self.udp_send(tid, id, data, &parcel),
        };
        match sent {
            Ok(sent) => Ok(sent),
            Err(error) => {
                rights.into_iter().for_each(|file| self.put_file(file));
                Err(error)
            }
        }
    }

    /// Puts a message into a queue.
    pub(super) fn deliver(&mut self, to: u64, message: Message) -> Result<()> {
        self.net.in_flight += message.rights.len();
        self.net.known(to)?.queue.push_back(message);
        self.notify(WaitKey::Readable(to));
        Ok(())
    }

    /// The credentials a message carries: the sender's word for it, or, if either end wants to know, who sends.
    fn message_cred(&self, tid: Tid, id: u64, to: u64, given: Option<Ucred>) -> Option<Ucred> {
        let wanted = |id| self.net.get(id).is_some_and(|socket| socket.options.pass_cred);
        let sender = || {
            let task = self.tasks.get(tid)?;
            Some([task.tgid.0, task.cred.uid, task.cred.gid])
        };
        given.or_else(|| if wanted(id) || wanted(to) { sender() } else { None })
    }

    /// `unix_stream_sendmsg`, one message of it.
    fn unix_send(&mut self, tid: Tid, id: u64, data: &[u8], parcel: Parcel) -> Io {
        let socket = self.net.known(id)?;
        if parcel.to.is_some() {
            let connected = socket.state == State::Connected;
            return Err(if connected { Errno::EISCONN } else { Errno::EOPNOTSUPP }.into());
        }
        let peer = socket.peer.filter(|_| socket.state == State::Connected).ok_or(Errno::ENOTCONN)?;
        if socket.shut_write {
            return Err(Errno::EPIPE.into());
        }
        if data.is_empty() {
            parcel.rights.into_iter().for_each(|file| self.put_file(file));
            return Ok(0);
        }
        let full = socket.sent >= socket.options.send_buffer;
        if let Some(errno) = socket.error.take() {
            return Err(errno.into());
        }
        if full {
            return Err(block(WaitKey::Writable(id), "sock_alloc_send_pskb").into());
        }
        if self.net.get(peer).is_none_or(|other| other.shut_read) {
            return Err(Errno::EPIPE.into());
        }
        self.send_charged(tid, id, peer, data, parcel)
    }

    /// Delivers a message of AF_UNIX, at the sender's cost.
    pub(super) fn send_charged(&mut self, tid: Tid, id: u64, to: u64, data: &[u8], parcel: Parcel) -> Io {
        let cred = self.message_cred(tid, id, to, parcel.cred);
        let socket = self.net.known(id)?;
        let charge = truesize(socket.kind, data.len());
        socket.sent += charge;
        let (from, data) = (socket.local.clone(), data.to_vec().into());
        let len = std::collections::VecDeque::len(&data);
        self.deliver(to, Message { data, rights: parcel.rights, cred, from, charge, sender: Some(id) })?;
        Ok(len)
    }
}
