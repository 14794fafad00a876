//! getsockopt(2) and setsockopt(2) (net/core/sock.c).
use super::{AF_INET, AF_INET6, AF_UNIX, Family, SocketType, State, Ucred};
use crate::{Kernel, Result, Tid, TraceKind};
use abi::{CAP_NET_ADMIN, Errno, Timeval};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const SOL_SOCKET: u32 = 1;
const SOL_IP: u32 = 0;
const SOL_TCP: u32 = 6;
const SOL_IPV6: u32 = 41;

const SO_DEBUG: u32 = 1;
const SO_REUSEADDR: u32 = 2;
const SO_TYPE: u32 = 3;
const SO_ERROR: u32 = 4;
const SO_DONTROUTE: u32 = 5;
const SO_BROADCAST: u32 = 6;
const SO_SNDBUF: u32 = 7;
const SO_RCVBUF: u32 = 8;
const SO_KEEPALIVE: u32 = 9;
const SO_OOBINLINE: u32 = 10;
const SO_PRIORITY: u32 = 12;
const SO_LINGER: u32 = 13;
const SO_REUSEPORT: u32 = 15;
const SO_PASSCRED: u32 = 16;
const SO_PEERCRED: u32 = 17;
const SO_RCVLOWAT: u32 = 18;
const SO_SNDLOWAT: u32 = 19;
const SO_RCVTIMEO: u32 = 20;
const SO_SNDTIMEO: u32 = 21;
const SO_TIMESTAMP: u32 = 29;
const SO_ACCEPTCONN: u32 = 30;
const SO_SNDBUFFORCE: u32 = 32;
const SO_RCVBUFFORCE: u32 = 33;
const SO_PROTOCOL: u32 = 38;
const SO_DOMAIN: u32 = 39;
const SO_RCVTIMEO_NEW: u32 = 66;
const SO_SNDTIMEO_NEW: u32 = 67;
const TCP_CONGESTION: u32 = 13;
const IPV6_V6ONLY: u32 = 26;

/// net.core.wmem_max, rmem_max; the least a buffer can be (SOCK_MIN_SNDBUF, SOCK_MIN_RCVBUF).
const BUFFER_MAX: u32 = 212_992;
const SEND_MIN: u32 = 4608;
const RECEIVE_MIN: u32 = 2304;

/// Options that are kept and told, and otherwise change nothing on a loopback network: level, name, first value.
#[rustfmt::skip]
const KEPT: &[(u32, u32, u32)] = &[
    (SOL_SOCKET, SO_DEBUG, 0), (SOL_SOCKET, SO_DONTROUTE, 0), (SOL_SOCKET, SO_KEEPALIVE, 0),
    (SOL_SOCKET, SO_BROADCAST, 0), (SOL_SOCKET, SO_OOBINLINE, 0), (SOL_SOCKET, SO_PRIORITY, 0),
    (SOL_SOCKET, SO_TIMESTAMP, 0), (SOL_SOCKET, SO_RCVLOWAT, 1),
    // TCP: NODELAY MAXSEG CORK KEEPIDLE KEEPINTVL KEEPCNT SYNCNT LINGER2 DEFER_ACCEPT WINDOW_CLAMP QUICKACK USER_TIMEOUT
    // FASTOPEN NOTSENT_LOWAT.
    (SOL_TCP, 1, 0), (SOL_TCP, 2, 536), (SOL_TCP, 3, 0), (SOL_TCP, 4, 7200), (SOL_TCP, 5, 75), (SOL_TCP, 6, 9),
    (SOL_TCP, 7, 6), (SOL_TCP, 8, 60), (SOL_TCP, 9, 0), (SOL_TCP, 10, 0), (SOL_TCP, 12, 1), (SOL_TCP, 18, 0),
    (SOL_TCP, 23, 0), (SOL_TCP, 25, 0),
    // IP: TOS TTL MTU_DISCOVER RECVERR RECVTTL RECVTOS FREEBIND.
    (SOL_IP, 1, 0), (SOL_IP, 2, 64), (SOL_IP, 10, 1), (SOL_IP, 11, 0), (SOL_IP, 12, 0), (SOL_IP, 13, 0), (SOL_IP, 15, 0),
    // IPv6: UNICAST_HOPS RECVERR TCLASS.
    (SOL_IPV6, 16, 64), (SOL_IPV6, 25, 0), (SOL_IPV6, 67, 0),
];

/// The options of one socket.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Options {
    pub(super) reuse_addr: bool,
    pub(super) reuse_port: bool,
    pub(crate) pass_cred: bool,
    pub(super) v6_only: bool,
    pub(super) send_buffer: usize,
    pub(super) receive_buffer: usize,
    /// Virtual nanoseconds.
    pub(crate) receive_timeout: Option<u64>,
    pub(crate) send_timeout: Option<u64>,
    /// On or off, and seconds.
    linger: (u32, u32),
    congestion: Vec<u8>,
    kept: BTreeMap<(u32, u32), u32>,
}

impl Options {
    pub(super) fn new(family: Family, kind: SocketType) -> Options {
        let tcp = family != Family::Unix && kind == SocketType::Stream;
        Options {
            reuse_addr: false,
            reuse_port: false,
            pass_cred: false,
            v6_only: false,
            send_buffer: if tcp { 16_384 } else { BUFFER_MAX as usize },
            receive_buffer: if tcp { 131_072 } else { BUFFER_MAX as usize },
            receive_timeout: None,
            send_timeout: None,
            linger: (0, 0),
            congestion: b"cubic".to_vec(),
            kept: BTreeMap::new(),
        }
    }
    /// SO_LINGER with no time at all.
    pub(super) fn resets_on_close(&self) -> bool {
        self.linger.0 != 0 && self.linger.1 == 0
    }
}

fn word(raw: &[u8]) -> Result<u32> {
    raw.first_chunk().map(|&raw| u32::from_le_bytes(raw)).ok_or(Errno::EINVAL)
}

/// `sock_set_timeout`: none at all is for ever, less than none is at once.
fn timeout(raw: &[u8]) -> Result<Option<u64>> {
    let time = Timeval::decode_64(raw.first_chunk().ok_or(Errno::EINVAL)?);
    if !(0..1_000_000).contains(&time.usec) {
        return Err(Errno::EDOM);
    }
    if time.sec < 0 {
        return Ok(Some(0));
    }
    Ok(time.to_ns().filter(|&ns| ns != 0))
}

fn timeval(timeout: Option<u64>) -> Vec<u8> {
    Timeval::from_ns(timeout.unwrap_or(0)).encode_64().to_vec()
}

impl Kernel {
    /// setsockopt(2).
    pub(crate) fn set_socket_option(&mut self, tid: Tid, id: u64, level: u32, name: u32, raw: &[u8]) -> Result<()> {
        let admin = self.tasks.get(tid).is_some_and(|task| task.cred.capable(CAP_NET_ADMIN));
        let socket = self.net.known(id)?;
        let (unix, tcp, family) = (socket.is_unix(), socket.is_tcp(), socket.family);
        if level != SOL_SOCKET && unix {
            return Err(Errno::EOPNOTSUPP);
        }
        let options = &mut socket.options;
        match (level, name) {
            (SOL_SOCKET, SO_RCVTIMEO | SO_RCVTIMEO_NEW) => options.receive_timeout = timeout(raw)?,
            (SOL_SOCKET, SO_SNDTIMEO | SO_SNDTIMEO_NEW) => options.send_timeout = timeout(raw)?,
            (SOL_SOCKET, SO_LINGER) => options.linger = (word(raw)?, word(raw.get(4..).unwrap_or(&[]))?),
            (SOL_SOCKET, SO_REUSEADDR) => options.reuse_addr = word(raw)? != 0,
            (SOL_SOCKET, SO_REUSEPORT) if unix => return Err(Errno::EOPNOTSUPP),
            (SOL_SOCKET, SO_REUSEPORT) => options.reuse_port = word(raw)? != 0,
            (SOL_SOCKET, SO_PASSCRED) if !unix => return Err(Errno::EOPNOTSUPP),
            (SOL_SOCKET, SO_PASSCRED) => options.pass_cred = word(raw)? != 0,
            (SOL_SOCKET, SO_SNDBUF) => {
                options.send_buffer = word(raw)?.min(BUFFER_MAX).saturating_mul(2).max(SEND_MIN) as usize;
            }
            (SOL_SOCKET, SO_RCVBUF) => {
                options.receive_buffer = word(raw)?.min(BUFFER_MAX).saturating_mul(2).max(RECEIVE_MIN) as usize;
            }
            (SOL_SOCKET, SO_SNDBUFFORCE | SO_RCVBUFFORCE) if !admin => return Err(Errno::EPERM),
            // DIFFERS FROM LINUX: no more than a few megabytes, as what waits here is the host's memory.
            (SOL_SOCKET, SO_SNDBUFFORCE) => {
                options.send_buffer = word(raw)?.min(1 << 21).saturating_mul(2).max(SEND_MIN) as usize;
            }
            (SOL_SOCKET, SO_RCVBUFFORCE) => {
                options.receive_buffer = word(raw)?.min(1 << 21).saturating_mul(2).max(RECEIVE_MIN) as usize;
            }
            (SOL_SOCKET, SO_TYPE | SO_ERROR | SO_ACCEPTCONN | SO_PROTOCOL | SO_DOMAIN | SO_SNDLOWAT | SO_PEERCRED) => {
                return Err(Errno::ENOPROTOOPT);
            }
            (SOL_TCP, TCP_CONGESTION) if tcp => match raw.split(|&byte| byte == 0).next() {
                Some(name @ (b"cubic" | b"reno")) => options.congestion = name.to_vec(),
                _ => return Err(Errno::ENOENT),
            },
            (SOL_IPV6, IPV6_V6ONLY) if family == Family::Inet6 => {
                let value = word(raw)? != 0;
                if socket.local.is_some() {
                    return Err(Errno::EINVAL);
                }
                socket.options.v6_only = value;
            }
            _ if is_kept(family, tcp, level, name) => {
                // IP takes a byte as well.
                let value = match raw {
                    [byte] if level == SOL_IP => (*byte).into(),
                    raw => word(raw)?,
                };
                options.kept.insert((level, name), value);
            }
            _ => {
                self.trace.line(TraceKind::Missing, || format!("setsockopt level {level} option {name}: ENOPROTOOPT"));
                return Err(Errno::ENOPROTOOPT);
            }
        }
        Ok(())
    }

    /// getsockopt(2): the whole value.
    pub(crate) fn socket_option(&mut self, tid: Tid, id: u64, level: u32, name: u32) -> Result<Vec<u8>> {
        let socket = self.net.known(id)?;
        if level != SOL_SOCKET && socket.is_unix() {
            return Err(Errno::EOPNOTSUPP);
        }
        let (family, tcp, options) = (socket.family, socket.is_tcp(), &socket.options);
        let value = match (level, name) {
            (SOL_SOCKET, SO_TYPE) => match socket.kind {
                SocketType::Stream => 1,
                SocketType::Datagram => 2,
                SocketType::SeqPacket => 5,
            },
            (SOL_SOCKET, SO_ERROR) => socket.error.take().map_or(0, |errno| errno.0.into()),
            (SOL_SOCKET, SO_SNDBUF) => options.send_buffer as u32,
            (SOL_SOCKET, SO_RCVBUF) => options.receive_buffer as u32,
            (SOL_SOCKET, SO_REUSEADDR) => options.reuse_addr.into(),
            (SOL_SOCKET, SO_REUSEPORT) => options.reuse_port.into(),
            (SOL_SOCKET, SO_PASSCRED) if socket.is_unix() => options.pass_cred.into(),
            (SOL_SOCKET, SO_PASSCRED) => return Err(Errno::EOPNOTSUPP),
            (SOL_SOCKET, SO_ACCEPTCONN) => (socket.state == State::Listening).into(),
            (SOL_SOCKET, SO_SNDLOWAT) => 1,
            (SOL_SOCKET, SO_DOMAIN) => match family {
                Family::Unix => AF_UNIX.into(),
                Family::Inet => AF_INET.into(),
                Family::Inet6 => AF_INET6.into(),
            },
            (SOL_SOCKET, SO_PROTOCOL) => match (family, socket.kind) {
                (Family::Unix, _) => 0,
                (_, SocketType::Stream) => SOL_TCP,
                _ => 17,
            },
            (SOL_SOCKET, SO_PEERCRED) => {
                let [pid, uid, gid] = socket.peer_cred;
                return Ok(encode(&[if pid == 0 { 0 } else { self.pid_vnr(tid, Tid(pid)) }, uid, gid]));
            }
            (SOL_SOCKET, SO_LINGER) => {
                return Ok([options.linger.0, options.linger.1].map(u32::to_le_bytes).concat());
            }
            (SOL_SOCKET, SO_RCVTIMEO | SO_RCVTIMEO_NEW) => return Ok(timeval(options.receive_timeout)),
            (SOL_SOCKET, SO_SNDTIMEO | SO_SNDTIMEO_NEW) => return Ok(timeval(options.send_timeout)),
            (SOL_TCP, TCP_CONGESTION) if tcp => {
                let mut name = options.congestion.clone();
                name.resize(16, 0);
                return Ok(name);
            }
            (SOL_IPV6, IPV6_V6ONLY) if family == Family::Inet6 => options.v6_only.into(),
            _ => {
                let first = KEPT.iter().find(|kept| (kept.0, kept.1) == (level, name)).map(|kept| kept.2);
                let first = first.filter(|_| is_kept(family, tcp, level, name)).ok_or(Errno::ENOPROTOOPT)?;
                options.kept.get(&(level, name)).copied().unwrap_or(first)
            }
        };
        Ok(value.to_le_bytes().to_vec())
    }
}

fn is_kept(family: Family, tcp: bool, level: u32, name: u32) -> bool {
    let fits = match level {
        SOL_TCP => tcp,
        SOL_IP => family != Family::Unix,
        SOL_IPV6 => family == Family::Inet6,
        _ => true,
    };
    fits && KEPT.iter().any(|kept| (kept.0, kept.1) == (level, name))
}

fn encode(cred: &Ucred) -> Vec<u8> {
    cred.iter().flat_map(|word| word.to_le_bytes()).collect()
}
