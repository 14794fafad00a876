//! Sockets: making, naming and connecting them, and their options. What is sent and received is in `message`.
use super::io::{cannot_go_on, finish, sleep_on};
use super::table::{Row, full, partial};
use super::{Call, OnSignal, Outcome, Progress, Sleep};
use crate::net::{AF_INET, AF_INET6, AF_UNIX, Family, STORAGE, SocketType};
use crate::vfs::{Block, FileId, IoError};
use crate::{Kernel, Result, Tid, TraceKind};
use abi::{CAP_NET_RAW, Errno, OpenFlags, Restart, Sysno};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    partial(Sysno::Socket, |k, t, c| socket(k, t, c).into(), "AF_UNIX, and AF_INET and AF_INET6 on loopback; no raw sockets"),
    full(Sysno::Socketpair, |k, t, c| socketpair(k, t, c).into()),
    full(Sysno::Bind, |k, t, c| bind(k, t, c).into()),
    full(Sysno::Listen, |k, t, c| listen(k, t, c).into()),
    full(Sysno::Connect, |k, t, c| finish(connect(k, t, c))),
    full(Sysno::Accept, |k, t, c| finish(accept(k, t, c, 0))),
    full(Sysno::Accept4, |k, t, c| { let flags = c.args[3] as u32; finish(accept(k, t, c, flags)) }),
    full(Sysno::Shutdown, |k, t, c| shutdown(k, t, c).into()),
    partial(Sysno::Getsockopt, |k, t, c| getsockopt(k, t, c).into(), "the usual ones (net/options.rs); others are ENOPROTOOPT"),
    partial(Sysno::Setsockopt, |k, t, c| setsockopt(k, t, c).into(), "the usual ones; most change nothing on loopback"),
    full(Sysno::Getsockname, |k, t, c| getsockname(k, t, c).into()),
    full(Sysno::Getpeername, |k, t, c| getpeername(k, t, c).into()),
];

const SOCK_STREAM: u32 = 1;
const SOCK_DGRAM: u32 = 2;
const SOCK_RAW: u32 = 3;
const SOCK_SEQPACKET: u32 = 5;
const TYPE_MASK: u32 = 0xf;
const IPPROTO_TCP: u32 = 6;
const IPPROTO_UDP: u32 = 17;

/// SOCK_CLOEXEC and SOCK_NONBLOCK are the open flags' values of the architecture's.
fn flags(kernel: &Kernel, tid: Tid, word: u32) -> Result<OpenFlags> {
    let flags = kernel.tasks[tid].arch().abi.open_flags().decode(word);
    if (OpenFlags::O_CLOEXEC | OpenFlags::O_NONBLOCK).contains(flags) { Ok(flags) } else { Err(Errno::EINVAL) }
}

/// Family and type of a socket to be made (`__sock_create`, and each family's own).
fn family_and_type(
    kernel: &mut Kernel,
    tid: Tid,
    family: u64,
    word: u32,
    protocol: u32,
) -> Result<(Family, SocketType)> {
    let missing = |kernel: &mut Kernel, errno: Errno| {
        let label = kernel.tasks[tid].label();
        kernel.trace.line(TraceKind::Missing, || {
            format!("{label} socket of family {family}, type {word}, protocol {protocol}: {errno:?}")
        });
        Err(errno)
    };
    let family = match u16::try_from(family) {
        Ok(AF_UNIX) => Family::Unix,
        Ok(AF_INET) => Family::Inet,
        Ok(AF_INET6) => Family::Inet6,
        _ => return missing(kernel, Errno::EAFNOSUPPORT),
    };
    if word > 10 {
        return Err(Errno::EINVAL);
    }
    if family == Family::Unix {
        if protocol > AF_UNIX.into() {
            return Err(Errno::EPROTONOSUPPORT);
        }
        return match word {
            SOCK_STREAM => Ok((family, SocketType::Stream)),
            SOCK_DGRAM | SOCK_RAW => Ok((family, SocketType::Datagram)),
            SOCK_SEQPACKET => Ok((family, SocketType::SeqPacket)),
            _ => Err(Errno::ESOCKTNOSUPPORT),
        };
    }
    match (word, protocol) {
        (SOCK_STREAM, 0 | IPPROTO_TCP) => Ok((family, SocketType::Stream)),
        (SOCK_DGRAM, 0 | IPPROTO_UDP) => Ok((family, SocketType::Datagram)),
        (SOCK_RAW, _) if !kernel.tasks[tid].cred.capable(CAP_NET_RAW) => Err(Errno::EPERM),
        (SOCK_STREAM | SOCK_DGRAM | SOCK_RAW, _) => missing(kernel, Errno::EPROTONOSUPPORT),
        _ => Err(Errno::ESOCKTNOSUPPORT),
    }
}

fn socket(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<u64> {
    let [family, word, protocol, ..] = call.args;
    let flags = flags(kernel, tid, word as u32 & !TYPE_MASK)?;
    let (family, kind) = family_and_type(kernel, tid, family, word as u32 & TYPE_MASK, protocol as u32)?;
    let file = kernel.new_socket(tid, family, kind, flags & OpenFlags::O_NONBLOCK)?;
    Ok(kernel.install_fd(tid, file, 0, flags.contains(OpenFlags::O_CLOEXEC))? as u64)
}

fn socketpair(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let [family, word, protocol, fds, ..] = call.args;
    let flags = flags(kernel, tid, word as u32 & !TYPE_MASK)?;
    kernel.user(tid).prefault(fds, 8, true)?;
    let (family, kind) = family_and_type(kernel, tid, family, word as u32 & TYPE_MASK, protocol as u32)?;
    if family != Family::Unix {
        return Err(Errno::EOPNOTSUPP);
    }
    let files = kernel.new_socketpair(tid, kind, flags & OpenFlags::O_NONBLOCK)?;
    kernel.install_pair(tid, files, flags.contains(OpenFlags::O_CLOEXEC), fds)
}

/// A socket argument: its file and number.
pub(super) fn socket_arg(kernel: &Kernel, tid: Tid, fd: u64) -> Result<(FileId, u64)> {
    let file = kernel.fd_file(tid, fd as i32)?;
    Ok((file, kernel.socket_of(file)?))
}

/// An address from the guest (`move_addr_to_kernel`).
pub(super) fn read_address(kernel: &mut Kernel, tid: Tid, addr: u64, len: u64) -> Result<Vec<u8>> {
    let len = usize::try_from(len as i32).ok().filter(|&len| len <= STORAGE).ok_or(Errno::EINVAL)?;
    let mut raw = vec![0; len];
    kernel.user(tid).read(addr, &mut raw)?;
    Ok(raw)
}

/// An address for the guest, cut to the room it has; it is told the whole length (`move_addr_to_user`).
pub(super) fn write_address(kernel: &mut Kernel, tid: Tid, raw: &[u8], addr: u64, len_at: u64) -> Result<()> {
    let mut user = kernel.user(tid);
    let room = usize::try_from(user.read_u32(len_at)? as i32).map_err(|_| Errno::EINVAL)?;
    user.write(addr, &raw[..raw.len().min(room)])?;
    user.write_u32(len_at, raw.len() as u32)
}

fn bind(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let [fd, addr, len, ..] = call.args;
    let (_, id) = socket_arg(kernel, tid, fd)?;
    let raw = read_address(kernel, tid, addr, len)?;
    kernel.bind_socket(tid, id, &raw)
}

fn listen(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let (_, id) = socket_arg(kernel, tid, call.args[0])?;
    kernel.listen_socket(tid, id, call.args[1] as u32)
}

/// A sleep with a socket's time limit, after `done` bytes: one that has a limit is not restarted (`sock_intr_errno`, E08-05).
pub(super) fn sleep_within(
    kernel: &Kernel,
    call: &Call,
    wait: Block,
    done: u64,
    timeout: Option<u64>,
    late: Errno,
) -> Outcome {
    let deadline = match call.progress {
        Progress::State(_, deadline) => deadline,
        _ => timeout.map(|ns| kernel.clock.now.saturating_add(ns)),
    };
    let so_far = |otherwise| if done > 0 { Ok(done) } else { Err(otherwise) };
    if deadline.is_some_and(|deadline| deadline <= kernel.clock.now) {
        return Outcome::Done(so_far(late));
    }
    let on_signal = match (done, deadline) {
        (0, None) => OnSignal::Restart(Restart::Sys),
        _ => OnSignal::Return(so_far(Errno::EINTR)),
    };
    Outcome::Sleep(Sleep { until: deadline, on_signal, progress: Progress::State(done, deadline), ..sleep_on(wait) })
}

fn connect(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let [fd, addr, len, ..] = call.args;
    let (file, id) = socket_arg(kernel, tid, fd)?;
    let raw = read_address(kernel, tid, addr, len)?;
    let nonblocking = kernel.vfs.file(file).nonblocking();
    let Err(error) = kernel.connect_socket(tid, id, &raw, nonblocking) else { return Ok(Outcome::Done(Ok(0))) };
    let unix = kernel.net.get(id).is_some_and(|socket| socket.is_unix());
    let timeout = kernel.net.get(id).and_then(|socket| socket.options.send_timeout);
    Ok(match error {
        IoError::Block(wait) if !nonblocking => {
            sleep_within(kernel, call, wait, 0, timeout, if unix { Errno::EAGAIN } else { Errno::EINPROGRESS })
        }
        error => cannot_go_on(error, nonblocking),
    })
}

fn accept(kernel: &mut Kernel, tid: Tid, call: &mut Call, word: u32) -> Result<Outcome> {
    let [fd, addr, len_at, ..] = call.args;
    let flags = flags(kernel, tid, word)?;
    let (file, id) = socket_arg(kernel, tid, fd)?;
    kernel.want_fd(tid)?;
    let nonblocking = kernel.vfs.file(file).nonblocking();
    let accepted = match kernel.accept_socket(tid, id, flags & OpenFlags::O_NONBLOCK) {
        Ok(accepted) => accepted,
        Err(IoError::Block(wait)) if !nonblocking => {
            let timeout = kernel.net.get(id).and_then(|socket| socket.options.receive_timeout);
            return Ok(sleep_within(kernel, call, wait, 0, timeout, Errno::EAGAIN));
        }
        Err(error) => return Ok(cannot_go_on(error, nonblocking)),
    };
    if addr != 0 {
        let peer = kernel.socket_of(accepted)?;
        // Who connected may be gone again: its name is still known.
        let told = kernel.peer_name(peer).or(Err(Errno::ECONNABORTED));
        let told = told.and_then(|name| write_address(kernel, tid, &name, addr, len_at));
        if let Err(errno) = told {
            kernel.put_file(accepted);
            return Err(errno);
        }
    }
    Ok(Outcome::Done(Ok(kernel.install_fd(tid, accepted, 0, flags.contains(OpenFlags::O_CLOEXEC))? as u64)))
}

fn shutdown(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let (_, id) = socket_arg(kernel, tid, call.args[0])?;
    let (read, write) = match call.args[1] as u32 {
        0 => (true, false),
        1 => (false, true),
        2 => (true, true),
        _ => return Err(Errno::EINVAL),
    };
    kernel.shutdown_socket(id, read, write)
}

fn getsockopt(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let [fd, level, name, value, len_at, _] = call.args;
    let (_, id) = socket_arg(kernel, tid, fd)?;
    let room = usize::try_from(kernel.user(tid).read_u32(len_at)? as i32).map_err(|_| Errno::EINVAL)?;
    let raw = kernel.socket_option(tid, id, level as u32, name as u32)?;
    let len = room.min(raw.len());
    let mut user = kernel.user(tid);
    user.write(value, &raw[..len])?;
    user.write_u32(len_at, len as u32)
}

fn setsockopt(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    /// No option is longer.
    const LONGEST: u64 = 128;
    let [fd, level, name, value, len, _] = call.args;
    let (_, id) = socket_arg(kernel, tid, fd)?;
    let len = u64::try_from(len as i32).map_err(|_| Errno::EINVAL)?;
    let mut raw = vec![0; len.min(LONGEST) as usize];
    kernel.user(tid).read(value, &mut raw)?;
    kernel.set_socket_option(tid, id, level as u32, name as u32, &raw)
}

fn getsockname(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let (_, id) = socket_arg(kernel, tid, call.args[0])?;
    let name = kernel.socket_name(id)?;
    write_address(kernel, tid, &name, call.args[1], call.args[2])
}

fn getpeername(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let (_, id) = socket_arg(kernel, tid, call.args[0])?;
    let name = kernel.peer_name(id)?;
    write_address(kernel, tid, &name, call.args[1], call.args[2])
}
