//! AF_UNIX (net/unix/af_unix.c): names, connections, messages.
use super::transfer::Parcel;
use super::{Address, Family, Socket, SocketType, State, block, peer_wait};
use crate::vfs::{Io, IoError, MAY_WRITE, NewNode, Walk, permission};
use crate::{Kernel, Result, Tid, WaitKey};
use abi::{Errno, S_IFMT, S_IFSOCK};

/// Messages that may wait at a datagram socket for which their sender is nobody special (net.unix.max_dgram_qlen).
const MAX_DGRAM_QLEN: usize = 10;
/// Names of five hexadecimal digits.
const AUTOBIND: u32 = 1 << 20;

impl Kernel {
    /// bind(2); no name at all asks for an abstract one (`unix_autobind`).
    pub(super) fn bind_unix(&mut self, tid: Tid, id: u64, name: Option<Vec<u8>>) -> Result<()> {
        let socket = self.net.known(id)?;
        let kind = socket.kind;
        let Some(name) = name else { return self.autobind_unix(id) };
        if name.first() == Some(&0) {
            if socket.local.is_some() {
                return Err(Errno::EINVAL);
            }
            if self.net.names.contains_key(&(kind, name.clone())) {
                return Err(Errno::EADDRINUSE);
            }
            self.net.names.insert((kind, name.clone()), id);
            self.net.known(id)?.local = Some(Address::Unix(name));
            return Ok(());
        }
        let bound = socket.local.is_some();
        let who = self.who(tid);
        let made = self.make_node(&who, who.cwd, &name, NewNode::Special(S_IFSOCK, 0), 0o777);
        let place = made.map_err(|errno| if errno == Errno::EEXIST { Errno::EADDRINUSE } else { errno })?;
        if bound {
            // The name is made before that is found out, and taken away again.
            self.unlink(&who, who.cwd, &name)?;
            return Err(Errno::EINVAL);
        }
        self.vfs.path_get(place);
        self.net.nodes.insert(self.vfs.inode(place), id);
        let socket = self.net.known(id)?;
        (socket.local, socket.node) = (Some(Address::Unix(name)), Some(place));
        Ok(())
    }

    fn autobind_unix(&mut self, id: u64) -> Result<()> {
        let socket = self.net.known(id)?;
        let kind = socket.kind;
        if socket.local.is_some() {
            return Ok(());
        }
        for _ in 0..AUTOBIND {
            self.net.last_name = (self.net.last_name + 1) % AUTOBIND;
            let name = format!("\0{:05x}", self.net.last_name).into_bytes();
            if let std::collections::btree_map::Entry::Vacant(free) = self.net.names.entry((kind, name.clone())) {
                free.insert(id);
                self.net.known(id)?.local = Some(Address::Unix(name));
                return Ok(());
            }
        }
        Err(Errno::ENOSPC)
    }

    /// The socket of a name (`unix_find_other`).
    fn find_unix(&mut self, tid: Tid, name: &[u8], kind: SocketType) -> Result<u64> {
        if name.first() == Some(&0) {
            return self.net.names.get(&(kind, name.to_vec())).copied().ok_or(Errno::ECONNREFUSED);
        }
        let who = self.who(tid);
        let place = self.path_at(&who, who.cwd, name, Walk::FOLLOW)?;
        let attr = self.path_attr(place)?;
        permission(&who.cred, &attr, MAY_WRITE)?;
        if attr.mode & S_IFMT != S_IFSOCK {
            return Err(Errno::ECONNREFUSED);
        }
        let inode = self.vfs.inode(place);
        let id = self.net.nodes.get(&inode).copied().ok_or(Errno::ECONNREFUSED)?;
        if self.net.known(id)?.kind == kind { Ok(id) } else { Err(Errno::EPROTOTYPE) }
    }

    /// connect(2); `name`: `None` takes a datagram socket's peer away.
    pub(super) fn connect_unix(&mut self, tid: Tid, id: u64, name: Option<&[u8]>) -> std::result::Result<(), IoError> {
        let socket = self.net.known(id)?;
        let kind = socket.kind;
        if socket.options.pass_cred {
            self.autobind_unix(id)?;
        }
        if kind == SocketType::Datagram {
            return self.connect_unix_datagram(tid, id, name);
        }
        let name = name.ok_or(Errno::EINVAL)?;
        let other = self.find_unix(tid, name, kind)?;
        let listener = self.net.known(other)?;
        if listener.state != State::Listening || listener.shut_read {
            return Err(Errno::ECONNREFUSED.into());
        }
        if listener.pending.len() > listener.backlog {
            return Err(block(peer_wait(other), "unix_wait_for_peer").into());
        }
        let (address, peer_cred) = (listener.local.clone(), listener.peer_cred);
        let (owner, pass_cred) = (listener.owner, listener.options.pass_cred);
        let socket = self.net.known(id)?;
        match socket.state {
            State::Unconnected => {}
            State::Connected => return Err(Errno::EISCONN.into()),
            _ => return Err(Errno::EINVAL.into()),
        }
        let mut accepted = Socket::new(Family::Unix, kind, owner);
        (accepted.state, accepted.peer) = (State::Connected, Some(id));
        (accepted.local, accepted.remote) = (address.clone(), socket.local.clone());
        accepted.options.pass_cred = pass_cred;
        accepted.peer_cred = self.ucred(tid);
        let accepted = self.add_socket(accepted);
        let socket = self.net.known(id)?;
        (socket.state, socket.peer, socket.remote) = (State::Connected, Some(accepted), address);
        socket.peer_cred = peer_cred;
        self.net.known(other)?.pending.push_back(accepted);
        self.notify(WaitKey::Readable(other));
        self.socket_changed(id);
        Ok(())
    }

    fn connect_unix_datagram(&mut self, tid: Tid, id: u64, name: Option<&[u8]>) -> std::result::Result<(), IoError> {
        let other = name.map(|name| self.find_unix(tid, name, SocketType::Datagram)).transpose()?;
        if let Some(peer) = other.filter(|&peer| peer != id).and_then(|peer| self.net.get(peer))
            && peer.peer.is_some_and(|theirs| theirs != id)
        {
            return Err(Errno::EPERM.into());
        }
        let remote = other.and_then(|peer| self.net.get(peer)).and_then(|peer| peer.local.clone());
        let socket = self.net.known(id)?;
        let old = std::mem::replace(&mut socket.peer, other);
        socket.remote = remote;
        socket.state = if other.is_some() { State::Connected } else { State::Unconnected };
        if old != other
            && let Some(old) = old
        {
            self.disconnected(id, old)?;
        }
        self.socket_changed(id);
        Ok(())
    }

    /// A datagram socket has another peer, or none: what came from the old one is gone (`unix_dgram_disconnected`).
    fn disconnected(&mut self, id: u64, old: u64) -> Result<()> {
        let queue = std::mem::take(&mut self.net.known(id)?.queue);
        if queue.is_empty() {
            return Ok(());
        }
        self.drop_messages(queue);
        self.notify(peer_wait(id));
        if let Some(other) = self.net.sockets.get_mut(&old).filter(|other| other.peer == Some(id)) {
            other.error = Some(Errno::ECONNRESET);
            self.socket_changed(old);
        }
        Ok(())
    }

    /// Whether datagrams from `from` wait for room at `to`: not if the two are connected both ways.
    pub(super) fn unix_is_full(&self, to: u64, from: u64) -> bool {
        self.net
            .get(to)
            .is_some_and(|other| to != from && other.peer != Some(from) && other.queue.len() > MAX_DGRAM_QLEN)
    }

    /// `unix_dgram_sendmsg`, `unix_seqpacket_sendmsg`.
    pub(super) fn unix_send_message(&mut self, tid: Tid, id: u64, data: &[u8], parcel: Parcel) -> Io {
        let socket = self.net.known(id)?;
        let (kind, connected) = (socket.kind, socket.state == State::Connected);
        if kind == SocketType::SeqPacket {
            if let Some(errno) = socket.error.take() {
                return Err(errno.into());
            }
            if !connected {
                return Err(Errno::ENOTCONN.into());
            }
        }
        let to = match &parcel.to {
            Some(Address::Unix(name)) if kind == SocketType::Datagram => Some(name.clone()),
            _ => None,
        };
        let mut peer = socket.peer.filter(|_| connected);
        if to.is_none() && peer.is_none() {
            return Err(Errno::ENOTCONN.into());
        }
        if socket.options.pass_cred {
            self.autobind_unix(id)?;
        }
        let socket = self.net.known(id)?;
        if data.len() > socket.options.send_buffer.saturating_sub(32) {
            return Err(Errno::EMSGSIZE.into());
        }
        if let Some(errno) = socket.error.take() {
            return Err(errno.into());
        }
        if socket.shut_write {
            return Err(Errno::EPIPE.into());
        }
        if socket.sent >= socket.options.send_buffer {
            return Err(block(WaitKey::Writable(id), "sock_alloc_send_pskb").into());
        }
        if let Some(name) = &to {
            peer = Some(self.find_unix(tid, name, kind)?);
        }
        let Some((peer, other)) = peer.and_then(|peer| Some((peer, self.net.get(peer)?))) else {
            // The peer was closed: said once.
            let socket = self.net.known(id)?;
            (socket.peer, socket.remote, socket.state) = (None, None, State::Unconnected);
            return Err(Errno::ECONNREFUSED.into());
        };
        if other.peer.is_some_and(|theirs| theirs != id) {
            return Err(Errno::EPERM.into());
        }
        if other.shut_read {
            return Err(Errno::EPIPE.into());
        }
        if kind == SocketType::Datagram && self.unix_is_full(peer, id) {
            return Err(block(peer_wait(peer), "unix_wait_for_peer").into());
        }
        self.send_charged(tid, id, peer, data, parcel)
    }

    /// `unix_release_sock`: the socket is out of the table.
    pub(super) fn unix_release(&mut self, id: u64, socket: &Socket) {
        if let Some(place) = socket.node {
            self.net.nodes.remove(&self.vfs.inode(place));
            self.path_put(place);
        } else if let Some(Address::Unix(name)) = &socket.local
            && self.net.names.get(&(socket.kind, name.clone())) == Some(&id)
        {
            self.net.names.remove(&(socket.kind, name.clone()));
        }
        if let Some(peer) = socket.peer.filter(|_| socket.kind != SocketType::Datagram)
            && let Some(other) = self.net.sockets.get_mut(&peer)
        {
            (other.shut_read, other.shut_write) = (true, true);
            if !socket.queue.is_empty() || socket.file.is_none() {
                other.error = Some(Errno::ECONNRESET);
            }
            self.socket_changed(peer);
        }
        self.notify(peer_wait(id));
    }
}
