//! bind, listen, connect and accept, by family; and what sockets are called.
use super::{AF_INET, AF_UNIX, AF_UNSPEC, Address, Family, SocketType, State, block, peer_wait};
use crate::vfs::{FileId, IoError};
use crate::{Kernel, Result, Tid, WaitKey};
use abi::{Errno, OpenFlags};
use std::net::IpAddr;

/// net.core.somaxconn.
const SOMAXCONN: u32 = 4096;

fn inet(address: &Address) -> Option<(IpAddr, u16)> {
    match *address {
        Address::Inet(ip, port) => Some((ip, port)),
        Address::Unix(_) => None,
    }
}

impl Kernel {
    /// bind(2).
    pub(crate) fn bind_socket(&mut self, tid: Tid, id: u64, raw: &[u8]) -> Result<()> {
        let family = self.net.known(id)?.family;
        if family == Family::Unix {
            // A family and no more asks for any name.
            if raw.len() == 2 && Address::family_of(raw) == Some(AF_UNIX) {
                return self.bind_unix(tid, id, None);
            }
            let Address::Unix(name) = Address::decode(family, raw)? else { return Err(Errno::EINVAL) };
            return self.bind_unix(tid, id, Some(name));
        }
        // Compatibility: AF_UNSPEC with INADDR_ANY is AF_INET.
        let mut raw = raw.to_vec();
        let unspecified = Address::family_of(&raw) == Some(AF_UNSPEC) && raw.get(4..8) == Some(&[0; 4]);
        if family == Family::Inet && unspecified {
            raw[..2].copy_from_slice(&AF_INET.to_le_bytes());
        }
        let address = Address::decode(family, &raw)?;
        let (ip, port) = inet(&address).ok_or(Errno::EINVAL)?;
        self.bind_inet(tid, id, ip, port)
    }

    /// listen(2).
    pub(crate) fn listen_socket(&mut self, tid: Tid, id: u64, backlog: u32) -> Result<()> {
        let owner = self.ucred(tid);
        let socket = self.net.known(id)?;
        if socket.kind == SocketType::Datagram {
            return Err(Errno::EOPNOTSUPP);
        }
        let unix = socket.is_unix();
        let unnamed = unix && socket.local.is_none();
        if unnamed || !matches!(socket.state, State::Unconnected | State::Listening) {
            return Err(Errno::EINVAL);
        }
        if !unix && socket.state == State::Unconnected {
            self.listen_inet(id)?;
        }
        let socket = self.net.known(id)?;
        socket.state = State::Listening;
        socket.backlog = backlog.min(SOMAXCONN) as usize;
        if unix {
            socket.peer_cred = owner;
            self.notify(peer_wait(id));
        }
        Ok(())
    }

    /// connect(2).
    pub(crate) fn connect_socket(
        &mut self,
        tid: Tid,
        id: u64,
        raw: &[u8],
        nonblocking: bool,
    ) -> std::result::Result<(), IoError> {
        let family = self.net.known(id)?.family;
        let named = Address::family_of(raw).ok_or(Errno::EINVAL)?;
        if named == AF_UNSPEC {
            return match family {
                Family::Unix => self.connect_unix(tid, id, None),
                _ => self.connect_inet(id, None, nonblocking),
            };
        }
        match Address::decode(family, raw)? {
            Address::Unix(name) => self.connect_unix(tid, id, Some(&name)),
            Address::Inet(ip, port) => self.connect_inet(id, Some((ip, port)), nonblocking),
        }
    }

    /// accept(2): the file of the oldest connection.
    pub(crate) fn accept_socket(
        &mut self,
        tid: Tid,
        id: u64,
        flags: OpenFlags,
    ) -> std::result::Result<FileId, IoError> {
        let socket = self.net.known(id)?;
        if socket.kind == SocketType::Datagram {
            return Err(Errno::EOPNOTSUPP.into());
        }
        if socket.state != State::Listening {
            return Err(Errno::EINVAL.into());
        }
        let unix = socket.is_unix();
        let Some(accepted) = socket.pending.pop_front() else {
            if socket.shut_read {
                return Err(Errno::EINVAL.into());
            }
            let wchan = if unix { "__skb_wait_for_more_packets" } else { "inet_csk_accept" };
            return Err(block(WaitKey::Readable(id), wchan).into());
        };
        if unix {
            self.notify(peer_wait(id));
        } else {
            self.admit_waiting(id)?;
        }
        Ok(self.open_socket(tid, accepted, flags)?)
    }

    /// getsockname(2).
    pub(crate) fn socket_name(&mut self, id: u64) -> Result<Vec<u8>> {
        let socket = self.net.known(id)?;
        let family = socket.family;
        Ok(match &socket.local {
            Some(address) => address.encode(family),
            None if family == Family::Unix => Address::Unix(Vec::new()).encode(family),
            None => Address::Inet(super::address::any(family), 0).encode(family),
        })
    }

    /// getpeername(2).
    pub(crate) fn peer_name(&mut self, id: u64) -> Result<Vec<u8>> {
        let socket = self.net.known(id)?;
        let family = socket.family;
        if socket.state != State::Connected || !socket.is_unix() && socket.shut_read && socket.shut_write {
            return Err(Errno::ENOTCONN);
        }
        match &socket.remote {
            Some(address) => Ok(address.encode(family)),
            None if family == Family::Unix => Ok(Address::Unix(Vec::new()).encode(family)),
            None => Err(Errno::ENOTCONN),
        }
    }
}
