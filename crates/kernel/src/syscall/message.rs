//! Sending to and receiving from sockets, with what travels along: addresses, files, credentials (send(2), recv(2), cmsg(3)).
use super::io::{Vectors, cannot_go_on, finish, send_signal};
use super::socket::{read_address, sleep_within, socket_arg, write_address};
use super::table::{Row, partial};
use super::{Call, Outcome, Progress, control};
use crate::net::{Address, NO_CRED, Parcel, Received, chunk};
use crate::vfs::{FileId, IoError};
use crate::{Kernel, Result, Tid};
use abi::{Errno, SIGPIPE, Sysno, Timespec};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    partial(Sysno::Sendto, |k, t, c| finish(sendto(k, t, c)), "no out-of-band data"),
    partial(Sysno::Recvfrom, |k, t, c| finish(recvfrom(k, t, c)), "no out-of-band data"),
    partial(Sysno::Sendmsg, |k, t, c| finish(sendmsg(k, t, c)), "SCM_RIGHTS and SCM_CREDENTIALS alone"),
    partial(Sysno::Recvmsg, |k, t, c| finish(recvmsg(k, t, c)), "SCM_RIGHTS and SCM_CREDENTIALS alone"),
    partial(Sysno::Sendmmsg, |k, t, c| finish(sendmmsg(k, t, c)), "as sendmsg"),
    partial(Sysno::Recvmmsg, |k, t, c| finish(recvmmsg(k, t, c)), "as recvmsg"),
];

/// sizeof(struct msghdr), struct mmsghdr of 64-bit machines.
const MSGHDR: usize = 56;
const MMSGHDR: u64 = 64;

const MSG_OOB: u32 = 0x1;
const MSG_PEEK: u32 = 0x2;
pub(super) const MSG_CTRUNC: u32 = 0x8;
const MSG_TRUNC: u32 = 0x20;
const MSG_DONTWAIT: u32 = 0x40;
const MSG_WAITALL: u32 = 0x100;
const MSG_NOSIGNAL: u32 = 0x4000;
const MSG_WAITFORONE: u32 = 0x1_0000;
const MSG_CMSG_CLOEXEC: u32 = 0x4000_0000;

/// A `struct msghdr` in the guest's memory.
struct Header {
    at: u64,
    name: u64,
    name_len: u64,
    vectors: Vectors,
    control: u64,
    control_len: u64,
}

impl Header {
    fn read(kernel: &mut Kernel, tid: Tid, at: u64) -> Result<Header> {
        let mut raw = [0; MSGHDR];
        kernel.user(tid).read(at, &mut raw)?;
        let word = |i: usize| u64::from_le_bytes(std::array::from_fn(|byte| raw[i * 8 + byte]));
        if word(3) > abi::UIO_MAXIOV as u64 {
            return Err(Errno::EMSGSIZE);
        }
        let vectors = Vectors::import(kernel, tid, word(2), word(3))?;
        Ok(Header {
            at,
            name: word(0),
            name_len: word(1) & 0xffff_ffff,
            vectors,
            control: word(4),
            control_len: word(5),
        })
    }
    fn name_len_at(&self) -> u64 {
        self.at.wrapping_add(8)
    }
    fn control_len_at(&self) -> u64 {
        self.at.wrapping_add(40)
    }
    fn flags_at(&self) -> u64 {
        self.at.wrapping_add(48)
    }
}

/// The destination a call names.
fn destination(kernel: &mut Kernel, tid: Tid, id: u64, addr: u64, len: u64) -> Result<Option<Address>> {
    if addr == 0 || len == 0 {
        return Ok(None);
    }
    let raw = read_address(kernel, tid, addr, len.min(crate::net::STORAGE as u64))?;
    let socket = kernel.net.get(id).ok_or(Errno::EBADF)?;
    // A connected stream does not look.
    if !socket.is_unix() && socket.is_stream() {
        return Ok(None);
    }
    Address::decode(socket.family, &raw).map(Some)
}

fn done_so_far(call: &Call) -> u64 {
    match call.progress {
        Progress::State(done, _) => done,
        _ => 0,
    }
}

fn sendto(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let [fd, buf, len, flags, name, name_len] = call.args;
    let target = socket_arg(kernel, tid, fd)?;
    let to = destination(kernel, tid, target.1, name, name_len)?;
    let vectors = Vectors::one(buf, len)?;
    send(kernel, tid, call, target, &vectors, flags as u32, Parcel { to, ..Parcel::default() })
}

fn sendmsg(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let [fd, header, flags, ..] = call.args;
    let target = socket_arg(kernel, tid, fd)?;
    send_header(kernel, tid, call, target, header, flags as u32)
}

fn send_header(
    kernel: &mut Kernel,
    tid: Tid,
    call: &Call,
    target: (FileId, u64),
    header: u64,
    flags: u32,
) -> Result<Outcome> {
    let header = Header::read(kernel, tid, header)?;
    let mut parcel = Parcel::default();
    // What goes along goes with the first byte.
    if done_so_far(call) == 0 {
        let unix = kernel.net.get(target.1).is_some_and(|socket| socket.is_unix());
        parcel = control::read(kernel, tid, header.control, header.control_len, unix)?;
    }
    parcel.to = destination(kernel, tid, target.1, header.name, header.name_len)?;
    parcel.rights.iter().for_each(|&file| kernel.vfs.hold_file(file));
    send(kernel, tid, call, target, &header.vectors, flags, parcel)
}

/// Sends what is left of the vectors, and what goes along; each file has a use to give away.
fn send(
    kernel: &mut Kernel,
    tid: Tid,
    call: &Call,
    (file, id): (FileId, u64),
    vectors: &Vectors,
    flags: u32,
    mut parcel: Parcel,
) -> Result<Outcome> {
    if flags & MSG_OOB != 0 {
        parcel.rights.into_iter().for_each(|file| kernel.put_file(file));
        return Err(Errno::EOPNOTSUPP);
    }
    let nonblocking = kernel.vfs.file(file).nonblocking() || flags & MSG_DONTWAIT != 0;
    let (stream, most) = kernel.net.get(id).map(|socket| (socket.is_stream(), chunk(socket))).ok_or(Errno::EBADF)?;
    let mut done = done_so_far(call);
    loop {
        let left = vectors.left(done);
        // No message is longer than the largest buffer.
        let data = if !stream && left > 8 << 20 {
            Err(Errno::EMSGSIZE)
        } else {
            vectors
                .gather(kernel, tid, done, left.min(most as u64))
                .and_then(|data| if !stream && (data.len() as u64) < left { Err(Errno::EFAULT) } else { Ok(data) })
        };
        let sent = match data {
            Ok(data) => kernel.send(tid, id, &data, std::mem::take(&mut parcel)),
            Err(errno) => {
                parcel.rights.into_iter().for_each(|file| kernel.put_file(file));
                return if done > 0 { Ok(Outcome::Done(Ok(done))) } else { Err(errno) };
            }
        };
        match sent {
            Ok(n) => {
                done += n as u64;
                if !stream || done == vectors.total || n == 0 {
                    return Ok(Outcome::Done(Ok(done)));
                }
            }
            Err(IoError::Block(wait)) if !nonblocking => {
                let timeout = kernel.net.get(id).and_then(|socket| socket.options.send_timeout);
                return Ok(sleep_within(kernel, call, wait, done, timeout, Errno::EAGAIN));
            }
            Err(_) if done > 0 => return Ok(Outcome::Done(Ok(done))),
            Err(error) => {
                // Datagrams do not kill who sends them.
                if error == IoError::Errno(Errno::EPIPE) && stream && flags & MSG_NOSIGNAL == 0 {
                    send_signal(kernel, tid, SIGPIPE);
                }
                return Ok(cannot_go_on(error, nonblocking));
            }
        }
    }
}

/// write(2) and writev(2).
pub(super) fn write(
    kernel: &mut Kernel,
    tid: Tid,
    call: &Call,
    target: (FileId, u64),
    vectors: &Vectors,
) -> Result<Outcome> {
    send(kernel, tid, call, target, vectors, 0, Parcel::default())
}

/// read(2) and readv(2): files that come along are dropped, and a read of nothing is done.
pub(super) fn read(
    kernel: &mut Kernel,
    tid: Tid,
    call: &Call,
    target: (FileId, u64),
    vectors: &Vectors,
) -> Result<Outcome> {
    if vectors.total == 0 {
        return Ok(Outcome::Done(Ok(0)));
    }
    let (received, outcome) = receive(kernel, tid, call, target, vectors, 0)?;
    received.rights.into_iter().for_each(|file| kernel.put_file(file));
    Ok(outcome)
}

fn recvfrom(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let [fd, buf, len, flags, name, name_len] = call.args;
    let target = socket_arg(kernel, tid, fd)?;
    let vectors = Vectors::one(buf, len)?;
    let (received, outcome) = receive(kernel, tid, call, target, &vectors, flags as u32)?;
    received.rights.iter().for_each(|&file| kernel.put_file(file));
    if name != 0 && name_len != 0 && matches!(outcome, Outcome::Done(Ok(_))) {
        let from = source_name(kernel, target.1, &received);
        write_address(kernel, tid, &from, name, name_len)?;
    }
    Ok(outcome)
}

/// The source of a message as the receiver is told: nothing of one without a name, or of a connection of TCP's.
fn source_name(kernel: &Kernel, id: u64, received: &Received) -> Vec<u8> {
    let Some(socket) = kernel.net.get(id) else { return Vec::new() };
    received.from.as_ref().map(|from| from.encode(socket.family)).unwrap_or_default()
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
    const CHUNK: u64 = 256 << 10;
    if flags & MSG_OOB != 0 {
        return Err(if kernel.net.get(id).is_some_and(|socket| socket.is_unix()) {
            Errno::EOPNOTSUPP
        } else {
            Errno::EINVAL
        });
    }
    let stream = kernel.net.get(id).is_some_and(|socket| socket.is_stream());
    let mut done = done_so_far(call);
    let nonblocking = kernel.vfs.file(file).nonblocking() || flags & MSG_DONTWAIT != 0;
    loop {
        let want = vectors.left(done).min(if stream { CHUNK } else { 8 << 20 });
        let ready = vectors.prepare(kernel, tid, done, want)?;
        let mut buf = vec![0; ready as usize];
        let received = match kernel.receive(id, &mut buf, flags & MSG_PEEK != 0) {
            Ok(received) => received,
            Err(IoError::Block(wait)) if !nonblocking && (done == 0 || flags & MSG_WAITALL != 0) => {
                let timeout = kernel.net.get(id).and_then(|socket| socket.options.receive_timeout);
                let outcome = sleep_within(kernel, call, wait, done, timeout, Errno::EAGAIN);
                return Ok((Received::default(), outcome));
            }
            Err(_) if done > 0 => return Ok((Received::default(), Outcome::Done(Ok(done)))),
            Err(error) => return Ok((Received::default(), cannot_go_on(error, nonblocking))),
        };
        if let Err(errno) = vectors.scatter(kernel, tid, done, &buf[..received.len]) {
            received.rights.into_iter().for_each(|file| kernel.put_file(file));
            return Err(errno);
        }
        done += received.len as u64;
        let full = done == vectors.total || received.len == 0 || !received.rights.is_empty();
        // A stream goes on with what there is; MSG_WAITALL waits for the rest.
        let more = stream && flags & MSG_PEEK == 0 && (received.len as u64 == want || flags & MSG_WAITALL != 0);
        if full || !more {
            let told = if !stream && flags & MSG_TRUNC != 0 { received.whole as u64 } else { done };
            return Ok((received, Outcome::Done(Ok(told))));
        }
    }
}

fn recvmsg(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let [fd, header, flags, ..] = call.args;
    let target = socket_arg(kernel, tid, fd)?;
    receive_header(kernel, tid, call, target, header, flags as u32)
}

fn receive_header(
    kernel: &mut Kernel,
    tid: Tid,
    call: &Call,
    target: (FileId, u64),
    header: u64,
    flags: u32,
) -> Result<Outcome> {
    let header = Header::read(kernel, tid, header)?;
    let (mut received, outcome) = receive(kernel, tid, call, target, &header.vectors, flags)?;
    if !matches!(outcome, Outcome::Done(Ok(_))) {
        return Ok(outcome);
    }
    let mut told = if received.whole > received.len { MSG_TRUNC } else { 0 };
    told |= flags & MSG_CMSG_CLOEXEC;
    let from = source_name(kernel, target.1, &received);
    let rights = std::mem::take(&mut received.rights);
    let cred = kernel.net.get(target.1).filter(|socket| socket.options.pass_cred).map(|_| received.cred);
    let cred = cred.map(|cred| cred.unwrap_or(NO_CRED));
    let room = (header.control, if header.control == 0 { 0 } else { header.control_len });
    let control_len = control::write(kernel, tid, room, cred, rights, flags & MSG_CMSG_CLOEXEC != 0, &mut told)?;
    let mut user = kernel.user(tid);
    if header.name != 0 {
        let room = usize::try_from(header.name_len as i32).map_err(|_| Errno::EINVAL)?;
        user.write(header.name, &from[..from.len().min(room)])?;
        user.write_u32(header.name_len_at(), from.len() as u32)?;
    }
    user.write_u64(header.control_len_at(), control_len)?;
    user.write_u32(header.flags_at(), told)?;
    Ok(outcome)
}

/// The place of message `n` of an array, and of the length that is told of it.
fn entry(array: u64, n: u64) -> (u64, u64) {
    let at = array.wrapping_add(n * MMSGHDR);
    (at, at.wrapping_add(MSGHDR as u64))
}

/// Does one message of an array.
type One = fn(&mut Kernel, Tid, &Call, (FileId, u64), u64, u32) -> Result<Outcome>;

/// Messages one after another until one cannot go on: then their number, if there is any.
fn each(kernel: &mut Kernel, tid: Tid, call: &mut Call, mut flags: u32, one: One) -> Result<Outcome> {
    let [fd, array, count, ..] = call.args;
    let count = (count as u32 as u64).min(abi::UIO_MAXIOV as u64);
    let target = socket_arg(kernel, tid, fd)?;
    for n in 0..count {
        let (at, len_at) = entry(array, n);
        match one(kernel, tid, call, target, at, flags) {
            Ok(Outcome::Done(Ok(len))) => kernel.user(tid).write_u32(len_at, len as u32)?,
            Ok(outcome) if n == 0 => return Ok(outcome),
            Err(errno) if n == 0 => return Err(errno),
            _ => return Ok(Outcome::Done(Ok(n))),
        }
        call.progress = Progress::None;
        // DIFFERS FROM LINUX: only the first message is waited for, as if MSG_WAITFORONE were always set.
        flags |= MSG_DONTWAIT;
    }
    Ok(Outcome::Done(Ok(count)))
}

fn sendmmsg(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let flags = call.args[3] as u32;
    each(kernel, tid, call, flags, send_header)
}

fn recvmmsg(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let (flags, timeout) = (call.args[3] as u32 & !MSG_WAITFORONE, call.args[4]);
    if timeout != 0 {
        let mut raw = [0; 16];
        kernel.user(tid).read(timeout, &mut raw)?;
        Timespec::decode_64(&raw).to_ns().ok_or(Errno::EINVAL)?;
    }
    each(kernel, tid, call, flags, receive_header)
}
