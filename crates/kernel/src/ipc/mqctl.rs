//! mq_open(2), mq_unlink(2), mq_timedsend(2), mq_timedreceive(2), mq_notify(2), mq_getsetattr(2).
use super::mqueue::{Message, Mqueue, Notify};
use crate::syscall::{Call, Outcome, Progress, Row, Sleep, finish, full, partial};
use crate::vfs::{FileId, FileKind, Opened};
use crate::{Kernel, Result, Tid, TraceKind, WaitKey};
use abi::*;

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::MqOpen, |k, t, c| mq_open(k, t, c).into()),
    full(Sysno::MqUnlink, |k, t, c| mq_unlink(k, t, c).into()),
    full(Sysno::MqTimedsend, |k, t, c| finish(mq_timedsend(k, t, c))),
    full(Sysno::MqTimedreceive, |k, t, c| finish(mq_timedreceive(k, t, c))),
    partial(Sysno::MqNotify, |k, t, c| mq_notify(k, t, c).into(), "no SIGEV_THREAD, which takes a netlink socket"),
    full(Sysno::MqGetsetattr, |k, t, c| mq_getsetattr(k, t, c).into()),
];

/// A name as the library hands it over: without its slash, and with no other (lookup_one).
fn name(kernel: &mut Kernel, tid: Tid, addr: u64) -> Result<Vec<u8>> {
    let name = kernel.user_path(tid, addr)?;
    match &name[..] {
        b"" => Err(Errno::ENOENT),
        b"." | b".." => Err(Errno::EACCES),
        name if name.contains(&b'/') => Err(Errno::EACCES),
        name if name.len() > NAME_MAX => Err(Errno::ENAMETOOLONG),
        _ => Ok(name),
    }
}

fn mq_open(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<u64> {
    let [addr, flags, mode, attr, ..] = call.args;
    let flags = kernel.tasks[tid].arch().abi.open_flags().decode(flags as u32);
    let mut wanted = None;
    if attr != 0 {
        let mut raw = [0; MqAttr::SIZE_64];
        kernel.user(tid).read(attr, &mut raw)?;
        wanted = Some(MqAttr::decode_64(&raw));
    }
    let name = name(kernel, tid, addr)?;
    kernel.want_fd(tid)?;
    let (ns, who) = (kernel.ipc_ns_of(tid), kernel.who(tid));
    let (_, root) = kernel.mq_super(tid);
    let creates = flags.contains(OpenFlags::O_CREAT);
    let existing = kernel.lookup_child(tid, root, &name)?;
    let (place, made) = match existing {
        Some(_) if creates && flags.contains(OpenFlags::O_EXCL) => return Err(Errno::EEXIST),
        Some(_) if flags.contains(OpenFlags::O_ACCMODE) => return Err(Errno::EINVAL),
        Some(place) => (place, false),
        None if !creates => return Err(Errno::ENOENT),
        None => {
            let (cred, limit) = kernel.mq_payer(tid);
            kernel.mq_create(ns, &name, wanted, mode as u32 & !who.umask, (&cred, limit))?;
            let place = kernel.lookup_child(tid, root, &name)?.ok_or(Errno::ENOENT)?;
            kernel.fsnotify_create(root, &name, place);
            (place, true)
        }
    };
    let kept = flags & (OpenFlags::O_ACCMODE | OpenFlags::O_NONBLOCK);
    match kernel.open_place(&who, place, kept, made)? {
        Opened::Now(file) => Ok(kernel.install_fd(tid, file, 0, true)? as u64),
        Opened::Wait(..) => Err(Errno::EINVAL),
    }
}

fn mq_unlink(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let name = name(kernel, tid, call.args[0])?;
    let (_, root) = kernel.mq_super(tid);
    let who = kernel.who(tid);
    kernel.unlink(&who, root, &name)
}

/// The queue of a descriptor, open for what `may` asks; EBADF.
fn queue(kernel: &Kernel, tid: Tid, fd: u64, may: fn(OpenFlags) -> bool) -> Result<(FileId, u64)> {
    let id = kernel.fd_file(tid, fd as i32)?;
    let file = kernel.vfs.file(id);
    match file.kind {
        FileKind::Inode { sup, ino, is_dir: false, .. }
            if kernel.vfs.super_kind(sup) == "mqueue" && may(file.flags) =>
        {
            Ok((id, ino.0))
        }
        _ => Err(Errno::EBADF),
    }
}
fn state(kernel: &mut Kernel, ino: u64) -> Result<&mut Mqueue> {
    kernel.ipc.mqueues.get_mut(&ino).ok_or(Errno::EBADF)
}

/// When a call gives up: its timeout is a time of CLOCK_REALTIME.
fn deadline(kernel: &mut Kernel, tid: Tid, addr: u64) -> Result<Option<u64>> {
    if addr == 0 {
        return Ok(None);
    }
    let mut raw = [0; 16];
    kernel.user(tid).read(addr, &mut raw)?;
    let at = Timespec::decode_64(&raw).to_ns().ok_or(Errno::EINVAL)?;
    Ok(Some(kernel.clock.monotonic_of(at)))
}

/// `wq_sleep`, unless the time is over. Restarted after a signal (E08-01).
fn sleep(kernel: &Kernel, tid: Tid, until: Option<u64>) -> Result<Outcome> {
    if until.is_some_and(|until| until <= kernel.clock.now) {
        return Err(Errno::ETIMEDOUT);
    }
    let sleep = Sleep::new(WaitKey::IpcDone(tid), "wq_sleep");
    Ok(Outcome::Sleep(Sleep { until, progress: Progress::State(0, until), ..sleep }))
}

fn mq_timedsend(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let [fd, addr, len, priority, timeout, _] = call.args;
    if let Progress::Result(result) = call.progress {
        return result.map(|value| Outcome::Done(Ok(value)));
    }
    kernel.mq_forget(tid, call);
    let until = deadline(kernel, tid, timeout)?;
    let priority = u32::try_from(priority & 0xffff_ffff).unwrap_or(u32::MAX);
    if priority >= MQ_PRIO_MAX {
        return Err(Errno::EINVAL);
    }
    let (file, ino) = queue(kernel, tid, fd, OpenFlags::writable)?;
    if len > state(kernel, ino)?.msgsize {
        return Err(Errno::EMSGSIZE);
    }
    let mut text = vec![0; len as usize];
    kernel.user(tid).read(addr, &mut text)?;
    let message = Message { priority, text };
    let interrupted = kernel.signal_pending(tid);
    let nonblocking = kernel.vfs.file(file).nonblocking();
    let now = kernel.clock.now;
    let of = state(kernel, ino)?;
    if !of.is_full() {
        kernel.mq_send(ino, message, tid);
        return Ok(Outcome::Done(Ok(0)));
    }
    if nonblocking {
        return Err(Errno::EAGAIN);
    }
    if !interrupted && until.is_none_or(|until| until > now) {
        of.senders.push_back((tid, message));
    }
    sleep(kernel, tid, until)
}

fn mq_timedreceive(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let [fd, addr, len, priority, timeout, _] = call.args;
    kernel.mq_forget(tid, call);
    if let Progress::Data(text, kind) = std::mem::take(&mut call.progress) {
        return deliver(kernel, tid, (addr, priority), &Message { priority: kind as u32, text });
    }
    let until = deadline(kernel, tid, timeout)?;
    let (file, ino) = queue(kernel, tid, fd, OpenFlags::readable)?;
    if len < state(kernel, ino)?.msgsize {
        return Err(Errno::EMSGSIZE);
    }
    if let Some(message) = kernel.mq_take(ino) {
        return deliver(kernel, tid, (addr, priority), &message);
    }
    if kernel.vfs.file(file).nonblocking() {
        return Err(Errno::EAGAIN);
    }
    if !kernel.signal_pending(tid) && until.is_none_or(|until| until > kernel.clock.now) {
        state(kernel, ino)?.receivers.push_back(tid);
    }
    sleep(kernel, tid, until)
}

fn deliver(kernel: &mut Kernel, tid: Tid, (addr, priority): (u64, u64), message: &Message) -> Result<Outcome> {
    if priority != 0 {
        kernel.user(tid).write_u32(priority, message.priority)?;
    }
    kernel.user(tid).write(addr, &message.text)?;
    Ok(Outcome::Done(Ok(message.text.len() as u64)))
}

fn mq_notify(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let [fd, event, ..] = call.args;
    let mut new = None;
    if event != 0 {
        let mut raw = [0; 64];
        kernel.user(tid).read(event, &mut raw)?;
        let word = |at: usize| u32::from_le_bytes([raw[at], raw[at + 1], raw[at + 2], raw[at + 3]]);
        let value = u64::from(word(4)) << 32 | u64::from(word(0));
        let (signo, how) = (word(8), word(12) as i32);
        match how {
            SIGEV_NONE => {}
            SIGEV_SIGNAL if signo <= NSIG.into() => {}
            SIGEV_THREAD => {
                kernel.trace.line(TraceKind::Missing, || format!("[{}] mq_notify: SIGEV_THREAD: EBADF", tid.0));
                return Err(Errno::EBADF);
            }
            _ => return Err(Errno::EINVAL),
        }
        new = Some(Notify { owner: kernel.tasks[tid].tgid, how, signo: signo as u8, value });
    }
    let (_, ino) = queue(kernel, tid, fd, |_| true)?;
    let tgid = kernel.tasks[tid].tgid;
    let of = state(kernel, ino)?;
    match new {
        None if of.notify.is_some_and(|notify| notify.owner == tgid) => of.notify = None,
        None => {}
        Some(_) if of.notify.is_some() => return Err(Errno::EBUSY),
        Some(_) => of.notify = new,
    }
    Ok(())
}

fn mq_getsetattr(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let [fd, new, old, ..] = call.args;
    let bits = kernel.tasks[tid].arch().abi.open_flags();
    let nonblock = i64::from(bits.encode(OpenFlags::O_NONBLOCK));
    let mut wanted = None;
    if new != 0 {
        let mut raw = [0; MqAttr::SIZE_64];
        kernel.user(tid).read(new, &mut raw)?;
        let attr = MqAttr::decode_64(&raw);
        if attr.flags & !nonblock != 0 {
            return Err(Errno::EINVAL);
        }
        wanted = Some(attr.flags != 0);
    }
    let (file, ino) = queue(kernel, tid, fd, |_| true)?;
    let flags = if kernel.vfs.file(file).nonblocking() { nonblock } else { 0 };
    let of = state(kernel, ino)?;
    let (maxmsg, msgsize, curmsgs) = (of.maxmsg as i64, of.msgsize as i64, of.messages.len() as i64);
    if let Some(on) = wanted {
        kernel.vfs.file_mut(file).flags.set(OpenFlags::O_NONBLOCK, on);
    }
    match old {
        0 => Ok(()),
        old => kernel.user(tid).write(old, &MqAttr { flags, maxmsg, msgsize, curmsgs }.encode_64()),
    }
}
