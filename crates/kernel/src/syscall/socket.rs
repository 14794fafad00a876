//! Sockets: pairs of the AF_UNIX family, and the refusal of all others.
use super::io::{Vectors, cannot_go_on, finish, sleep_on, write_cannot_go_on};
use super::table::{Row, full, partial};
use super::{Call, OnSignal, Outcome, Progress, Sleep};
use crate::vfs::{FileId, IoError, Received, SEND_BUFFER, SocketType};
use crate::{Kernel, Result, Tid, TraceKind};
use abi::{Errno, OpenFlags, Restart, Sysno};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    partial(Sysno::Socket, |k, t, c| socket(k, t, c).into(), "no address family: EAFNOSUPPORT"),
    partial(Sysno::Socketpair, |k, t, c| socketpair(k, t, c).into(), "AF_UNIX alone"),
    partial(Sysno::Sendto, |k, t, c| finish(sendto(k, t, c)), "no addresses"),
    partial(Sysno::Recvfrom, |k, t, c| finish(recvfrom(k, t, c)), "no addresses, no out-of-band data"),
    partial(Sysno::Sendmsg, |k, t, c| finish(sendmsg(k, t, c)), "SCM_RIGHTS alone"),
    partial(Sysno::Recvmsg, |k, t, c| finish(recvmsg(k, t, c)), "SCM_RIGHTS alone"),
    full(Sysno::Shutdown, |k, t, c| shutdown(k, t, c).into()),
    partial(Sysno::Getsockopt, |k, t, c| getsockopt(k, t, c).into(), "a few of SOL_SOCKET"),
    partial(Sysno::Setsockopt, |k, t, c| setsockopt(k, t, c).into(), "buffer sizes are taken and not kept; no timeouts"),
    full(Sysno::Getsockname, |k, t, c| getsockname(k, t, c).into()),
    full(Sysno::Getpeername, |k, t, c| getpeername(k, t, c).into()),
    partial(Sysno::Bind, |k, t, c| unnamed(k, t, c, Errno::EINVAL).into(), "pairs have no names"),
    partial(Sysno::Connect, |k, t, c| unnamed(k, t, c, Errno::EISCONN).into(), "pairs are connected"),
    partial(Sysno::Listen, |k, t, c| unnamed(k, t, c, Errno::EINVAL).into(), "pairs do not listen"),
    partial(Sysno::Accept, |k, t, c| unnamed(k, t, c, Errno::EINVAL).into(), "pairs do not listen"),
    partial(Sysno::Accept4, |k, t, c| unnamed(k, t, c, Errno::EINVAL).into(), "pairs do not listen"),
];

const AF_UNIX: u16 = 1;
const SOCK_STREAM: u32 = 1;
const SOCK_DGRAM: u32 = 2;
const SOCK_SEQPACKET: u32 = 5;
const SOL_SOCKET: u32 = 1;
const SCM_RIGHTS: u32 = 1;
/// Files in one message (SCM_MAX_FD).
const MAX_RIGHTS: usize = 253;

const MSG_OOB: u32 = 0x1;
const MSG_PEEK: u32 = 0x2;
const MSG_CTRUNC: u32 = 0x8;
const MSG_TRUNC: u32 = 0x20;
const MSG_DONTWAIT: u32 = 0x40;
const MSG_WAITALL: u32 = 0x100;
const MSG_NOSIGNAL: u32 = 0x4000;
const MSG_CMSG_CLOEXEC: u32 = 0x4000_0000;

fn type_word(kind: SocketType) -> u32 {
    match kind {
        SocketType::Stream => SOCK_STREAM,
        SocketType::Datagram => SOCK_DGRAM,
        SocketType::SeqPacket => SOCK_SEQPACKET,
    }
}

fn socket(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<u64> {
    let family = call.args[0];
    kernel.trace.line(TraceKind::Missing, || format!("[{}] socket family {family}: EAFNOSUPPORT", tid.0));
    Err(Errno::EAFNOSUPPORT)
}

fn socketpair(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let [family, kind, protocol, fds, ..] = call.args;
    // SOCK_CLOEXEC and SOCK_NONBLOCK are the open flags' generic values.
    let flags = OpenFlags::from_bits_truncate(kind as u32 & !0xf);
    if !(OpenFlags::O_CLOEXEC | OpenFlags::O_NONBLOCK).contains(flags) {
        return Err(Errno::EINVAL);
    }
    if family != u64::from(AF_UNIX) {
        return Err(Errno::EAFNOSUPPORT);
    }
    if protocol as u32 > u32::from(AF_UNIX) {
        return Err(Errno::EPROTONOSUPPORT);
    }
    let kind = match kind as u32 & 0xf {
        SOCK_STREAM => SocketType::Stream,
        SOCK_DGRAM => SocketType::Datagram,
        SOCK_SEQPACKET => SocketType::SeqPacket,
        _ => return Err(Errno::ESOCKTNOSUPPORT),
    };
    kernel.user(tid).prefault(fds, 8, true)?;
    let files = kernel.new_socketpair(tid, kind, flags & OpenFlags::O_NONBLOCK)?;
    kernel.install_pair(tid, files, flags.contains(OpenFlags::O_CLOEXEC), fds)
}

/// A socket argument: its file and number.
fn socket_arg(kernel: &Kernel, tid: Tid, fd: u64) -> Result<(FileId, u64)> {
    let file = kernel.fd_file(tid, fd as i32)?;
    Ok((file, kernel.socket_of(file)?))
}

/// `struct msghdr` of 64-bit machines.
struct Message {
    vectors: Vectors,
    control: u64,
    control_len: u64,
    name_len_at: u64,
    control_len_at: u64,
    flags_at: u64,
    has_name: bool,
}

impl Message {
    fn read(kernel: &mut Kernel, tid: Tid, at: u64) -> Result<Message> {
        let mut raw = [0; 56];
        kernel.user(tid).read(at, &mut raw)?;
        let word = |i: usize| u64::from_le_bytes(std::array::from_fn(|byte| raw[i * 8 + byte]));
        if word(3) > abi::UIO_MAXIOV as u64 {
            return Err(Errno::EMSGSIZE);
        }
        Ok(Message {
            vectors: Vectors::import(kernel, tid, word(2), word(3))?,
            control: word(4),
            control_len: word(5),
            name_len_at: at.wrapping_add(8),
            control_len_at: at.wrapping_add(40),
            flags_at: at.wrapping_add(48),
            has_name: word(0) != 0 && word(1) as u32 != 0,
        })
    }
}

fn sendto(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let [fd, buf, len, flags, name, _] = call.args;
    let (file, id) = socket_arg(kernel, tid, fd)?;
    if name != 0 {
        return Err(Errno::EISCONN);
    }
    let vectors = Vectors::one(buf, len)?;
    send(kernel, tid, call, (file, id), &vectors, flags as u32, Vec::new())
}

fn sendmsg(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let [fd, message, flags, ..] = call.args;
    let (file, id) = socket_arg(kernel, tid, fd)?;
    let message = Message::read(kernel, tid, message)?;
    if message.has_name {
        return Err(Errno::EISCONN);
    }
    // Files go with the first byte.
    let first = call.progress == Progress::None || call.progress == Progress::Bytes(0);
    let rights = if first { read_rights(kernel, tid, &message)? } else { Vec::new() };
    rights.iter().for_each(|&file| kernel.vfs.hold_file(file));
    send(kernel, tid, call, (file, id), &message.vectors, flags as u32, rights)
}

/// The files of SCM_RIGHTS messages in the control data.
fn read_rights(kernel: &mut Kernel, tid: Tid, message: &Message) -> Result<Vec<FileId>> {
    let mut rights = Vec::new();
    if message.control == 0 || message.control_len < 16 {
        return Ok(rights);
    }
    if message.control_len > 64 << 10 {
        return Err(Errno::ENOBUFS);
    }
    let mut raw = vec![0; message.control_len as usize];
    kernel.user(tid).read(message.control, &mut raw)?;
    let mut rest = &raw[..];
    while let Some((header, _)) = rest.split_at_checked(16) {
        let len = u64::from_le_bytes(std::array::from_fn(|i| header[i]));
        let word = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| header[at + i]));
        if len < 16 || len > rest.len() as u64 {
            return Err(Errno::EINVAL);
        }
        let (level, kind) = (word(8), word(12));
        if level == SOL_SOCKET && kind == SCM_RIGHTS {
            for fd in rest[16..len as usize].as_chunks::<4>().0 {
                rights.push(kernel.fd(tid, i32::from_le_bytes(*fd))?.file);
            }
        } else if level == SOL_SOCKET {
            return Err(Errno::EINVAL);
        }
        rest = &rest[(len as usize).next_multiple_of(8).min(rest.len())..];
    }
    if rights.len() > MAX_RIGHTS { Err(Errno::EINVAL) } else { Ok(rights) }
}

/// Sends what is left of the vectors, and files; each of those has a use to give away.
fn send(
    kernel: &mut Kernel,
    tid: Tid,
    call: &Call,
    (file, id): (FileId, u64),
    vectors: &Vectors,
    flags: u32,
    mut rights: Vec<FileId>,
) -> Result<Outcome> {
    if flags & MSG_OOB != 0 {
        rights.into_iter().for_each(|file| kernel.put_file(file));
        return Err(Errno::EOPNOTSUPP);
    }
    let stream = kernel.vfs.sockets.get(&id).is_some_and(|socket| socket.kind == SocketType::Stream);
    let mut done = if let Progress::Bytes(done) = call.progress { done } else { 0 };
    loop {
        let left = vectors.total - done;
        let want = if stream { left.min(64 << 10) } else { left };
        let too_long = want > SEND_BUFFER as u64;
        let data = if too_long { Err(Errno::EMSGSIZE) } else { vectors.gather(kernel, tid, done, want) };
        let sent = match data {
            Ok(data) => kernel.send(id, &data, std::mem::take(&mut rights)),
            Err(errno) => {
                rights.into_iter().for_each(|file| kernel.put_file(file));
                return if done > 0 { Ok(Outcome::Done(Ok(done))) } else { Err(errno) };
            }
        };
        match sent {
            Ok(n) => {
                done += n as u64;
                if !stream || done == vectors.total {
                    return Ok(Outcome::Done(Ok(done)));
                }
            }
            Err(IoError::Errno(Errno::EPIPE)) if flags & MSG_NOSIGNAL != 0 => {
                return if done > 0 { Ok(Outcome::Done(Ok(done))) } else { Err(Errno::EPIPE) };
            }
            Err(IoError::Block(_)) if flags & MSG_DONTWAIT != 0 => {
                return if done > 0 { Ok(Outcome::Done(Ok(done))) } else { Err(Errno::EAGAIN) };
            }
            Err(error) => return Ok(write_cannot_go_on(kernel, tid, file, error, done)),
        }
    }
}

fn recvfrom(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let [fd, buf, len, flags, name, name_len] = call.args;
    let target = socket_arg(kernel, tid, fd)?;
    let vectors = Vectors::one(buf, len)?;
    let (received, outcome) = receive(kernel, tid, call, target, &vectors, flags as u32)?;
    received.rights.into_iter().for_each(|file| kernel.put_file(file));
    if name != 0 && name_len != 0 && matches!(outcome, Outcome::Done(Ok(_))) {
        kernel.user(tid).write_u32(name_len, 0)?;
    }
    Ok(outcome)
}

/// Receives into the vectors: what came, and the outcome of the call.
fn receive(
    kernel: &mut Kernel,
    tid: Tid,
    call: &Call,
    (file, id): (FileId, u64),
    vectors: &Vectors,
    flags: u32,
) -> Result<(Received, Outcome)> {
    if flags & MSG_OOB != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    let stream = kernel.vfs.sockets.get(&id).is_some_and(|socket| socket.kind == SocketType::Stream);
    let mut done = if let Progress::Bytes(done) = call.progress { done } else { 0 };
    let nonblocking = kernel.vfs.file(file).nonblocking() || flags & MSG_DONTWAIT != 0;
    loop {
        let want = (vectors.total - done).min(SEND_BUFFER as u64);
        let ready = vectors.prepare(kernel, tid, done, want)?;
        let mut buf = vec![0; ready as usize];
        let received = match kernel.receive(id, &mut buf, flags & MSG_PEEK != 0) {
            Ok(received) => received,
            Err(_) if done > 0 && (nonblocking || flags & MSG_WAITALL == 0) => {
                return Ok((Received::default(), Outcome::Done(Ok(done))));
            }
            Err(IoError::Block(block)) if !nonblocking => {
                // MSG_WAITALL sleeps with part of it in hand.
                let on_signal = if done > 0 { OnSignal::Return(Ok(done)) } else { OnSignal::Restart(Restart::Sys) };
                let progress = Progress::Bytes(done);
                let sleep = Sleep { progress, on_signal, ..sleep_on(block) };
                return Ok((Received::default(), Outcome::Sleep(sleep)));
            }
            Err(error) => return Ok((Received::default(), cannot_go_on(error, nonblocking))),
        };
        vectors.scatter(kernel, tid, done, &buf[..received.len])?;
        done += received.len as u64;
        let waits_for_all = stream && flags & (MSG_WAITALL | MSG_PEEK) == MSG_WAITALL && received.rights.is_empty();
        if received.len == 0 || done == vectors.total || !waits_for_all {
            return Ok((received, Outcome::Done(Ok(done))));
        }
    }
}

fn recvmsg(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let [fd, header, flags, ..] = call.args;
    let flags = flags as u32;
    let target = socket_arg(kernel, tid, fd)?;
    let message = Message::read(kernel, tid, header)?;
    let (received, outcome) = receive(kernel, tid, call, target, &message.vectors, flags)?;
    if !matches!(outcome, Outcome::Done(Ok(_))) {
        return Ok(outcome);
    }
    let mut out_flags = if received.truncated { MSG_TRUNC } else { 0 };
    let control_len =
        write_rights(kernel, tid, &message, received.rights, flags & MSG_CMSG_CLOEXEC != 0, &mut out_flags)?;
    let mut user = kernel.user(tid);
    if message.has_name {
        user.write_u32(message.name_len_at, 0)?;
    }
    user.write_u64(message.control_len_at, control_len)?;
    user.write_u32(message.flags_at, out_flags)?;
    Ok(outcome)
}

/// Gives the receiver descriptors for files, as many as its control buffer has room for; the length used.
fn write_rights(
    kernel: &mut Kernel,
    tid: Tid,
    message: &Message,
    rights: Vec<FileId>,
    cloexec: bool,
    flags: &mut u32,
) -> Result<u64> {
    let room = (message.control_len.saturating_sub(16) / 4) as usize;
    if rights.is_empty() {
        return Ok(0);
    }
    let mut fds = Vec::new();
    for (at, file) in rights.into_iter().enumerate() {
        if at >= room || message.control == 0 || *flags & MSG_CTRUNC != 0 {
            *flags |= MSG_CTRUNC;
            kernel.put_file(file);
            continue;
        }
        match kernel.install_fd(tid, file, 0, cloexec) {
            Ok(fd) => fds.push(fd),
            Err(_) => *flags |= MSG_CTRUNC,
        }
    }
    if fds.is_empty() {
        return Ok(0);
    }
    let len = 16 + 4 * fds.len() as u64;
    let mut raw = Vec::new();
    raw.extend(len.to_le_bytes());
    raw.extend(SOL_SOCKET.to_le_bytes());
    raw.extend(SCM_RIGHTS.to_le_bytes());
    fds.iter().for_each(|fd| raw.extend(fd.to_le_bytes()));
    kernel.user(tid).write(message.control, &raw)?;
    Ok(len.next_multiple_of(8).min(message.control_len))
}

fn shutdown(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let (_, id) = socket_arg(kernel, tid, call.args[0])?;
    let (read, write) = match call.args[1] as u32 {
        0 => (true, false),
        1 => (false, true),
        2 => (true, true),
        _ => return Err(Errno::EINVAL),
    };
    kernel.shutdown_socket(id, read, write);
    Ok(())
}

fn getsockopt(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let [fd, level, name, value, len_at, _] = call.args;
    let (_, id) = socket_arg(kernel, tid, fd)?;
    let socket = kernel.vfs.sockets.get(&id).ok_or(Errno::ENOTSOCK)?;
    let (kind, maker) = (socket.kind, socket.maker);
    const SO_PEERCRED: u64 = 17;
    let words = match (level as u32, name) {
        (SOL_SOCKET, 3) => vec![type_word(kind)],
        (SOL_SOCKET, 4) => vec![kernel.take_socket_error(id).map_or(0, |errno| errno.0.into())],
        (SOL_SOCKET, 7 | 8) => vec![SEND_BUFFER as u32],
        (SOL_SOCKET, 2 | 9 | 16 | 30 | 38) => vec![0],
        (SOL_SOCKET, SO_PEERCRED) => maker.to_vec(),
        (SOL_SOCKET, 39) => vec![AF_UNIX.into()],
        (SOL_SOCKET, _) => return Err(Errno::ENOPROTOOPT),
        _ => return Err(Errno::EOPNOTSUPP),
    };
    let raw: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut user = kernel.user(tid);
    let len = user.read_u32(len_at)? as i32;
    let len = usize::try_from(len).map_err(|_| Errno::EINVAL)?.min(raw.len());
    user.write(value, &raw[..len])?;
    user.write_u32(len_at, len as u32)
}

fn setsockopt(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let [fd, level, name, value, len, _] = call.args;
    socket_arg(kernel, tid, fd)?;
    if level as u32 != SOL_SOCKET {
        return Err(Errno::EOPNOTSUPP);
    }
    // SO_REUSEADDR, SO_SNDBUF, SO_RCVBUF, SO_KEEPALIVE, SO_PASSCRED change nothing between two ends on one machine.
    if !matches!(name, 2 | 7 | 8 | 9 | 16) {
        kernel.trace.line(TraceKind::Missing, || format!("[{}] setsockopt option {name}: ENOPROTOOPT", tid.0));
        return Err(Errno::ENOPROTOOPT);
    }
    if len < 4 {
        return Err(Errno::EINVAL);
    }
    kernel.user(tid).read_u32(value).map(|_| ())
}

/// Writes the address of an unnamed socket: its family alone.
fn write_unnamed(kernel: &mut Kernel, tid: Tid, addr: u64, len_at: u64) -> Result<()> {
    let family = AF_UNIX.to_le_bytes();
    let mut user = kernel.user(tid);
    let len = user.read_u32(len_at)? as i32;
    let len = usize::try_from(len).map_err(|_| Errno::EINVAL)?;
    user.write(addr, &family[..len.min(family.len())])?;
    user.write_u32(len_at, family.len() as u32)
}

fn getsockname(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    socket_arg(kernel, tid, call.args[0])?;
    write_unnamed(kernel, tid, call.args[1], call.args[2])
}

fn getpeername(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let (_, id) = socket_arg(kernel, tid, call.args[0])?;
    if kernel.vfs.sockets.get(&id).is_none_or(|socket| socket.peer.is_none()) {
        return Err(Errno::ENOTCONN);
    }
    write_unnamed(kernel, tid, call.args[1], call.args[2])
}

/// What needs a name or a listener says to a pair.
fn unnamed(kernel: &mut Kernel, tid: Tid, call: &Call, errno: Errno) -> Result<()> {
    socket_arg(kernel, tid, call.args[0])?;
    Err(errno)
}
