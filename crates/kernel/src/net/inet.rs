//! TCP and UDP on the loopback network (net/ipv4/tcp.c, udp.c, inet_connection_sock.c).
use super::address::{any, reachable, source};
use super::queue::{Message, truesize};
use super::transfer::Parcel;
use super::{Address, Family, Socket, SocketType, State, block};
use crate::vfs::{Io, IoError};
use crate::{Kernel, Result, Tid, WaitKey};
use abi::{CAP_NET_BIND_SERVICE, Errno};
use std::net::IpAddr;

/// What may be on its way in one direction of a connection: a sender's buffer and a receiver's.
pub(super) const WINDOW: usize = 212_992 + 131_072;
/// Most bytes one message in a queue has.
pub(super) const SEGMENT: usize = 16 << 10;
/// The longest UDP datagram.
const UDP_MAX: usize = 65_507;
/// net.ipv4.ip_local_port_range.
const EPHEMERAL: std::ops::RangeInclusive<u16> = 32_768..=60_999;
const FIRST_UNPRIVILEGED: u16 = 1024;

fn inet(address: Option<&Address>) -> Option<(IpAddr, u16)> {
    match address {
        Some(&Address::Inet(ip, port)) => Some((ip, port)),
        _ => None,
    }
}

impl Socket {
    fn here(&self) -> (IpAddr, u16) {
        inet(self.local.as_ref()).unwrap_or((any(self.family), 0))
    }

    /// Whether packets to `ip` are for it: 0 not, else the better the higher.
    fn matches(&self, ip: IpAddr) -> u32 {
        match self.here().0 {
            mine if mine == ip => 2,
            // `::` takes IPv4 too, unless it is told not to.
            mine if mine.is_unspecified() => {
                let own = mine.is_ipv6() == ip.is_ipv6() || mine.is_ipv6() && !self.options.v6_only;
                u32::from(own)
            }
            _ => 0,
        }
    }
}

impl Kernel {
    /// Whether `id` may not have an address because another socket has it (`inet_bind_conflict`).
    fn is_taken(&self, id: u64, ip: IpAddr, port: u16) -> Result<bool> {
        let socket = self.net.get(id).ok_or(Errno::EBADF)?;
        let overlap = |other: &Socket| {
            let theirs = other.here().0;
            let both = theirs.is_ipv6() == ip.is_ipv6();
            // The wildcard of IPv6 is that of IPv4 too.
            let across = theirs.is_ipv6() && theirs.is_unspecified() && !other.options.v6_only
                || ip.is_ipv6() && ip.is_unspecified() && !socket.options.v6_only;
            if both { theirs == ip || theirs.is_unspecified() || ip.is_unspecified() } else { across }
        };
        let shares = |other: &Socket| {
            let (mine, theirs) = (&socket.options, &other.options);
            mine.reuse_port && theirs.reuse_port && socket.owner[1] == other.owner[1]
                || mine.reuse_addr
                    && theirs.reuse_addr
                    && (socket.kind == SocketType::Datagram || other.state != State::Listening)
        };
        let users = self.net.ports.get(&(socket.kind, port)).into_iter().flatten();
        let others = users.filter(|&&user| user != id).filter_map(|&user| self.net.get(user));
        Ok(others.into_iter().any(|other| overlap(other) && !shares(other)))
    }

    /// The next port of the ephemeral range that nobody uses.
    fn free_port(&mut self, kind: SocketType) -> Option<u16> {
        for _ in EPHEMERAL {
            let next = self.net.last_port.wrapping_add(1);
            self.net.last_port = if EPHEMERAL.contains(&next) { next } else { *EPHEMERAL.start() };
            if !self.net.ports.contains_key(&(kind, self.net.last_port)) {
                return Some(self.net.last_port);
            }
        }
        None
    }

    fn set_local(&mut self, id: u64, ip: IpAddr, port: u16) -> Result<()> {
        let socket = self.net.known(id)?;
        socket.local = Some(Address::Inet(ip, port));
        let kind = socket.kind;
        self.net.ports.entry((kind, port)).or_default().insert(id);
        Ok(())
    }

    /// bind(2).
    pub(super) fn bind_inet(&mut self, tid: Tid, id: u64, ip: IpAddr, port: u16) -> Result<()> {
        if !ip.is_loopback() && !ip.is_unspecified() {
            return Err(Errno::EADDRNOTAVAIL);
        }
        let socket = self.net.known(id)?;
        if socket.family == Family::Inet6 && socket.options.v6_only && ip.is_ipv4() {
            return Err(Errno::EINVAL);
        }
        let bound = socket.local.is_some() || socket.state != State::Unconnected;
        let kind = socket.kind;
        let may = self.tasks.get(tid).is_some_and(|task| task.cred.capable(CAP_NET_BIND_SERVICE));
        if port != 0 && port < FIRST_UNPRIVILEGED && !may {
            return Err(Errno::EACCES);
        }
        if bound {
            return Err(Errno::EINVAL);
        }
        let port = if port == 0 { self.free_port(kind).ok_or(Errno::EADDRINUSE)? } else { port };
        if self.is_taken(id, ip, port)? {
            return Err(Errno::EADDRINUSE);
        }
        self.set_local(id, ip, port)
    }

    /// A port for a socket that needs one (`inet_autobind`).
    fn autobind_inet(&mut self, id: u64) -> Result<()> {
        let socket = self.net.known(id)?;
        let (family, kind) = (socket.family, socket.kind);
        if socket.local.is_some() {
            return Ok(());
        }
        let port = self.free_port(kind).ok_or(Errno::EAGAIN)?;
        self.set_local(id, any(family), port)
    }

    /// listen(2), the part that is TCP's.
    pub(super) fn listen_inet(&mut self, id: u64) -> Result<()> {
        self.autobind_inet(id)?;
        let (ip, port) = self.net.known(id)?.here();
        // Two may have the address by SO_REUSEADDR, but only one may listen.
        let socket = self.net.get(id).ok_or(Errno::EBADF)?;
        let rival = self.net.ports.get(&(SocketType::Stream, port)).into_iter().flatten().any(|&user| {
            let other = self.net.get(user).filter(|_| user != id);
            other.is_some_and(|other| {
                let shared = socket.options.reuse_port && other.options.reuse_port;
                other.state == State::Listening && other.here().0 == ip && !shared
            })
        });
        if rival { Err(Errno::EADDRINUSE) } else { Ok(()) }
    }

    /// The sockets that packets to an address are for: the best match; of those that share a port, one by the sender's.
    fn find_inet(&self, kind: SocketType, to: (IpAddr, u16), from: (IpAddr, u16)) -> Option<u64> {
        let users = self.net.ports.get(&(kind, to.1))?;
        let score = |id: u64| {
            let socket = self.net.get(id)?;
            let remote = inet(socket.remote.as_ref());
            let fits = match kind {
                SocketType::Stream => socket.state == State::Listening,
                _ => remote.is_none_or(|remote| remote == from),
            };
            let score = socket.matches(to.0);
            (fits && score > 0).then_some(score * 2 + u32::from(remote.is_some()))
        };
        let best = users.iter().filter_map(|&id| score(id)).max()?;
        let equals: Vec<u64> = users.iter().copied().filter(|&id| score(id) == Some(best)).collect();
        equals.get(usize::from(from.1) % equals.len().max(1)).copied()
    }

    /// connect(2). `to`: `None` dissolves the connection.
    pub(super) fn connect_inet(
        &mut self,
        id: u64,
        to: Option<(IpAddr, u16)>,
        nonblocking: bool,
    ) -> std::result::Result<(), IoError> {
        match self.net.known(id)?.kind {
            SocketType::Datagram => Ok(self.connect_udp(id, to)?),
            _ => self.connect_tcp(id, to, nonblocking),
        }
    }

    fn connect_udp(&mut self, id: u64, to: Option<(IpAddr, u16)>) -> Result<()> {
        let Some((ip, port)) = to else {
            let socket = self.net.known(id)?;
            (socket.remote, socket.state) = (None, State::Unconnected);
            return Ok(());
        };
        let ip = self.route(id, ip)?;
        self.autobind_inet(id)?;
        let socket = self.net.known(id)?;
        socket.remote = Some(Address::Inet(ip, port));
        socket.state = State::Connected;
        self.name_source(id, ip)
    }

    /// The address that a socket reaches by saying `ip`.
    fn route(&mut self, id: u64, ip: IpAddr) -> Result<IpAddr> {
        let socket = self.net.known(id)?;
        let ip = reachable(ip)?;
        if socket.family == Family::Inet6 && socket.options.v6_only && ip.is_ipv4() {
            return Err(Errno::ENETUNREACH);
        }
        // A socket that has an address of one protocol does not speak the other.
        let mine = socket.here().0;
        if !mine.is_unspecified() && mine.is_ipv4() != ip.is_ipv4() {
            return Err(if mine.is_ipv4() { Errno::ENETUNREACH } else { Errno::EINVAL });
        }
        Ok(ip)
    }

    /// Connected, a socket that was bound to every address has one.
    fn name_source(&mut self, id: u64, to: IpAddr) -> Result<()> {
        let socket = self.net.known(id)?;
        let (ip, port) = socket.here();
        if ip.is_unspecified() {
            socket.local = Some(Address::Inet(source(to), port));
        }
        Ok(())
    }

    fn connect_tcp(
        &mut self,
        id: u64,
        to: Option<(IpAddr, u16)>,
        nonblocking: bool,
    ) -> std::result::Result<(), IoError> {
        let socket = self.net.known(id)?;
        let wait = block(WaitKey::Writable(id), "wait_woken");
        match socket.state {
            State::Listening => return Err(Errno::EISCONN.into()),
            State::Connected if std::mem::take(&mut socket.begun) => return Ok(()),
            State::Connected => return Err(Errno::EISCONN.into()),
            State::Connecting => return Err(if nonblocking { Errno::EALREADY.into() } else { wait.into() }),
            State::Unconnected => {}
        }
        if std::mem::take(&mut socket.begun) {
            return Err(socket.error.take().unwrap_or(Errno::ECONNABORTED).into());
        }
        let Some((ip, port)) = to else { return Ok(()) };
        let ip = self.route(id, ip)?;
        self.autobind_inet(id)?;
        let mine = (source(ip), self.net.known(id)?.here().1);
        let listener = self.find_inet(SocketType::Stream, (ip, port), mine);
        let socket = self.net.known(id)?;
        socket.remote = Some(Address::Inet(ip, port));
        (socket.shut_read, socket.shut_write) = (false, false);
        socket.begun = nonblocking;
        let Some(listener) = listener else {
            if nonblocking {
                socket.error = Some(Errno::ECONNREFUSED);
                self.socket_changed(id);
                return Err(Errno::EINPROGRESS.into());
            }
            return Err(Errno::ECONNREFUSED.into());
        };
        self.name_source(id, ip)?;
        if self.is_backlog_full(listener) {
            let socket = self.net.known(id)?;
            (socket.state, socket.begun) = (State::Connecting, true);
            // Those that were closed meanwhile wait no more.
            let waiting = std::mem::take(&mut self.net.known(listener)?.waiting).into_iter();
            let waiting = waiting.filter(|id| self.net.sockets.contains_key(id)).chain([id]).collect();
            self.net.known(listener)?.waiting = waiting;
            return Err(if nonblocking { Errno::EINPROGRESS.into() } else { wait.into() });
        }
        self.establish(id, listener)?;
        if nonblocking { Err(Errno::EINPROGRESS.into()) } else { Ok(()) }
    }

    /// `sk_acceptq_is_full`.
    fn is_backlog_full(&self, listener: u64) -> bool {
        self.net.get(listener).is_none_or(|listener| listener.pending.len() > listener.backlog)
    }

    /// The handshake, which nothing delays here.
    fn establish(&mut self, id: u64, listener: u64) -> Result<()> {
        let listening = self.net.known(listener)?;
        let mut accepted = Socket::new(listening.family, SocketType::Stream, listening.owner);
        accepted.options = listening.options.clone();
        (accepted.state, accepted.peer) = (State::Connected, Some(id));
        let socket = self.net.known(id)?;
        let to = inet(socket.remote.as_ref()).ok_or(Errno::EINVAL)?;
        accepted.remote = socket.local.clone();
        let accepted = self.add_socket(accepted);
        self.set_local(accepted, to.0, to.1)?;
        let socket = self.net.known(id)?;
        (socket.state, socket.peer) = (State::Connected, Some(accepted));
        self.net.known(listener)?.pending.push_back(accepted);
        self.notify(WaitKey::Readable(listener));
        self.socket_changed(id);
        Ok(())
    }

    /// A connection was accepted: who waits for room is next. DIFFERS FROM LINUX: there the SYN is sent again after a second.
    pub(super) fn admit_waiting(&mut self, listener: u64) -> Result<()> {
        while !self.is_backlog_full(listener) {
            let Some(id) = self.net.known(listener)?.waiting.pop_front() else { break };
            if self.net.get(id).is_some_and(|socket| socket.state == State::Connecting) {
                self.establish(id, listener)?;
            }
        }
        Ok(())
    }

    /// The listener is gone before the connection was made.
    pub(super) fn fail_connect(&mut self, id: u64) {
        let Some(socket) = self.net.sockets.get_mut(&id) else { return };
        if socket.state == State::Connecting {
            (socket.state, socket.error) = (State::Unconnected, Some(Errno::ECONNREFUSED));
            self.socket_changed(id);
        }
    }

    /// shutdown(2) of a listener: its connections are dropped (`inet_csk_listen_stop`).
    pub(super) fn stop_listening(&mut self, id: u64) {
        let Ok(socket) = self.net.known(id) else { return };
        socket.state = State::Unconnected;
        let (waiting, pending) = (std::mem::take(&mut socket.waiting), std::mem::take(&mut socket.pending));
        waiting.into_iter().for_each(|waiting| self.fail_connect(waiting));
        pending.into_iter().for_each(|pending| self.close_socket(pending));
        self.socket_changed(id);
    }

    /// `tcp_sendmsg`, as far as there is room.
    pub(super) fn tcp_send(&mut self, id: u64, data: &[u8], parcel: &Parcel) -> Io {
        if !parcel.rights.is_empty() || parcel.cred.is_some() {
            return Err(Errno::EINVAL.into());
        }
        let socket = self.net.known(id)?;
        if socket.state == State::Connecting {
            return Err(block(WaitKey::Writable(id), "wait_woken").into());
        }
        if let Some(errno) = socket.error.take() {
            return Err(errno.into());
        }
        if socket.shut_write || socket.state != State::Connected {
            return Err(Errno::EPIPE.into());
        }
        if data.is_empty() {
            return Ok(0);
        }
        let Some(peer) = socket.peer.filter(|&peer| self.net.get(peer).is_some()) else {
            // Nobody is there: the first that is sent is answered by a reset, after FIN (`tcp_reset` in CLOSE_WAIT).
            let socket = self.net.known(id)?;
            socket.error = Some(Errno::EPIPE);
            (socket.shut_read, socket.shut_write) = (true, true);
            self.socket_changed(id);
            return Ok(data.len());
        };
        let socket = self.net.known(id)?;
        let room = WINDOW.saturating_sub(socket.sent).min(SEGMENT);
        if room == 0 {
            return Err(block(WaitKey::Writable(id), "sk_stream_wait_memory").into());
        }
        let data = &data[..data.len().min(room)];
        socket.sent += data.len();
        let last = self.net.known(peer)?.queue.back_mut();
        match last.filter(|last| last.data.len() + data.len() <= SEGMENT) {
            Some(last) => {
                last.data.extend(data);
                last.charge += data.len();
                self.notify(WaitKey::Readable(peer));
            }
            None => {
                let (charge, sender) = (data.len(), Some(id));
                let data = data.iter().copied().collect();
                self.deliver(peer, Message { data, charge, sender, ..Message::default() })?;
            }
        }
        Ok(data.len())
    }

    /// `udp_sendmsg`: what finds no room is lost.
    pub(super) fn udp_send(&mut self, tid: Tid, id: u64, data: &[u8], parcel: &Parcel) -> Io {
        if !parcel.rights.is_empty() || parcel.cred.is_some() {
            return Err(Errno::EINVAL.into());
        }
        if data.len() > UDP_MAX {
            return Err(Errno::EMSGSIZE.into());
        }
        let socket = self.net.known(id)?;
        if let Some(errno) = socket.error.take() {
            return Err(errno.into());
        }
        if socket.shut_write {
            return Err(Errno::EPIPE.into());
        }
        let connected = socket.remote.is_some();
        let to = inet(parcel.to.as_ref()).or_else(|| inet(socket.remote.as_ref())).ok_or(Errno::EDESTADDRREQ)?;
        if to.1 == 0 {
            return Err(Errno::EINVAL.into());
        }
        let ip = self.route(id, to.0)?;
        self.autobind_inet(id)?;
        let (mine, port) = self.net.known(id)?.here();
        let from = (if mine.is_unspecified() { source(ip) } else { mine }, port);
        let Some(other) = self.find_inet(SocketType::Datagram, (ip, to.1), from) else {
            // ICMP port unreachable, which only a connected socket hears of.
            if connected && parcel.to.is_none() {
                self.net.known(id)?.error = Some(Errno::ECONNREFUSED);
                self.socket_changed(id);
            }
            return Ok(data.len());
        };
        let charge = truesize(SocketType::Datagram, data.len());
        let receiver = self.net.known(other)?;
        if receiver.queued + charge > receiver.options.receive_buffer && !receiver.queue.is_empty()
            || receiver.shut_read
        {
            let label = self.tasks.get(tid).map(|task| task.label()).unwrap_or_default();
            self.trace.line(crate::TraceKind::Sched, || format!("{label} a datagram to port {} is lost", to.1));
            return Ok(data.len());
        }
        receiver.queued += charge;
        let from = Some(Address::Inet(from.0, from.1));
        let len = data.len();
        let data = data.iter().copied().collect();
        self.deliver(other, Message { data, charge, from, ..Message::default() })?;
        Ok(len)
    }

    /// A socket is closed: FIN, or RST if it has not read all or is told not to linger.
    pub(super) fn inet_release(&mut self, id: u64, socket: &Socket) {
        let port = socket.here().1;
        if let Some(users) = self.net.ports.get_mut(&(socket.kind, port)) {
            users.remove(&id);
            if users.is_empty() {
                self.net.ports.remove(&(socket.kind, port));
            }
        }
        let Some(peer) = socket.peer.filter(|_| socket.is_tcp()) else { return };
        let reset = !socket.queue.is_empty() || socket.file.is_none() || socket.options.resets_on_close();
        let Some(other) = self.net.sockets.get_mut(&peer) else { return };
        if reset {
            // With both directions ended already nobody is left to hear it.
            if !(other.shut_read && other.shut_write) {
                other.error = Some(if other.shut_read { Errno::EPIPE } else { Errno::ECONNRESET });
            }
            other.shut_write = true;
        }
        other.shut_read = true;
        self.socket_changed(peer);
    }
}
