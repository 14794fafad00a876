//! msgget(2), msgsnd(2), msgrcv(2), msgctl(2).
use super::msg::{Message, MsgQueue, Receiver, Wanted};
use super::{Found, Perm};
use crate::syscall::{Call, OnSignal, Outcome, Progress, Row, Sleep, finish, full};
use crate::{Kernel, Result, Tid, WaitKey};
use abi::*;

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::Msgget, |k, t, c| msgget(k, t, c).into()),
    full(Sysno::Msgsnd, |k, t, c| finish(msgsnd(k, t, c))),
    full(Sysno::Msgrcv, |k, t, c| finish(msgrcv(k, t, c))),
    full(Sysno::Msgctl, |k, t, c| msgctl(k, t, c).into()),
];

fn msgget(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<u64> {
    let (key, flags) = (call.args[0] as i32, call.args[1] as u32);
    let (now, cred, number) = (kernel.ipc_seconds(), kernel.tasks[tid].cred.clone(), kernel.vfs.new_key());
    let ns = kernel.ipc_of(tid);
    let [_, msgmnb, msgmni] = ns.msg;
    match ns.msgs.find(key, flags, &cred, |_| Ok(()))? {
        Found::Existing(id) => Ok(id as u64),
        Found::New => {
            let queue = MsgQueue::new(msgmnb.into(), now, number);
            Ok(ns.msgs.insert(Perm::new(key, flags, &cred), queue, msgmni)? as u64)
        }
    }
}

/// A sleep that restarts after a signal without a handler (E08-03).
fn wait(on: WaitKey, wchan: &'static str) -> Outcome {
    let on_signal = OnSignal::Restart(Restart::NoHand);
    Outcome::Sleep(Sleep { on_signal, progress: Progress::State(0, None), ..Sleep::new(on, wchan) })
}

/// The queue is gone: for who slept meanwhile that is EIDRM.
fn gone(call: &Call) -> Errno {
    if call.progress == Progress::None { Errno::EINVAL } else { Errno::EIDRM }
}

fn msgsnd(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let (msqid, addr, len, flags) = (call.args[0] as i32, call.args[1], call.args[2], call.args[3] as u32);
    let kind = kernel.user(tid).read_u64(addr)? as i64;
    let (ns, cred) = (kernel.ipc_ns_of(tid), kernel.tasks[tid].cred.clone());
    let [msgmax, ..] = kernel.ipc.ns(ns).msg;
    if len > msgmax.into() || msqid < 0 || kind < 1 {
        return Err(Errno::EINVAL);
    }
    if len > kernel.config.memory {
        return Err(Errno::ENOMEM);
    }
    let mut text = vec![0; len as usize];
    kernel.user(tid).read(addr.wrapping_add(8), &mut text)?;
    let (perm, queue) = kernel.ipc.ns(ns).msgs.get(msqid).map_err(|_| gone(call))?;
    perm.check(&cred, 0o222)?;
    if !queue.has_room(len) {
        return if flags & IPC_NOWAIT != 0 { Err(Errno::EAGAIN) } else { Ok(wait(queue.room(), "do_msgsnd")) };
    }
    let tgid = kernel.tasks[tid].tgid;
    kernel.msg_send(ns, msqid, Message { kind, text }, tgid)?;
    Ok(Outcome::Done(Ok(0)))
}

fn msgrcv(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let [_, _, size, kind, flags, _] = call.args;
    let (msqid, flags) = (call.args[0] as i32, flags as u32);
    match std::mem::take(&mut call.progress) {
        Progress::Data(text, kind) => return deliver(kernel, tid, call, &text, kind as i64),
        // IPC_SET: every receiver looks again.
        Progress::Result(Err(Errno::EAGAIN)) => call.progress = Progress::State(0, None),
        Progress::Result(result) => return result.map(|value| Outcome::Done(Ok(value))),
        progress => call.progress = progress,
    }
    if msqid < 0 || size > i64::MAX as u64 {
        return Err(Errno::EINVAL);
    }
    if flags & MSG_COPY != 0 && (flags & MSG_EXCEPT != 0 || flags & IPC_NOWAIT == 0) {
        return Err(Errno::EINVAL);
    }
    let wanted = Wanted::of(kind as i64, flags);
    let max = if flags & MSG_NOERROR != 0 { usize::MAX } else { size as usize };
    let (now, ns, cred, tgid) =
        (kernel.ipc_seconds(), kernel.ipc_ns_of(tid), kernel.tasks[tid].cred.clone(), kernel.tasks[tid].tgid);
    let interrupted = kernel.signal_pending(tid);
    let (perm, queue) = kernel.ipc.ns(ns).msgs.get_mut(msqid).map_err(|_| gone(call))?;
    queue.forget(tid);
    perm.check(&cred, 0o444)?;
    let Some(at) = queue.find(wanted) else {
        if flags & IPC_NOWAIT != 0 {
            return Err(Errno::ENOMSG);
        }
        if !interrupted {
            queue.wait(Receiver { tid, tgid, wanted, max });
        }
        return Ok(wait(WaitKey::IpcDone(tid), "do_msgrcv"));
    };
    if queue.messages[at].text.len() > max {
        return Err(Errno::E2BIG);
    }
    if flags & MSG_COPY != 0 {
        let Message { kind, text } = queue.messages[at].clone();
        return deliver(kernel, tid, call, &text, kind);
    }
    let Some(message) = queue.messages.remove(at) else { return Err(Errno::ENOMSG) };
    queue.cbytes -= message.text.len() as u64;
    (queue.lrpid, queue.rtime) = (tgid.0, now);
    let room = queue.room();
    kernel.tasks.wake_all(room);
    deliver(kernel, tid, call, &message.text, message.kind)
}

/// Gives the guest a message; what its buffer does not hold is cut off, what it cannot take is lost.
fn deliver(kernel: &mut Kernel, tid: Tid, call: &Call, text: &[u8], kind: i64) -> Result<Outcome> {
    let [_, addr, size, ..] = call.args;
    let len = text.len().min(usize::try_from(size).unwrap_or(usize::MAX));
    kernel.user(tid).write_u64(addr, kind as u64)?;
    kernel.user(tid).write(addr.wrapping_add(8), &text[..len])?;
    Ok(Outcome::Done(Ok(len as u64)))
}

fn msgctl(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<u64> {
    let (msqid, cmd, arg) = (call.args[0] as i32, call.args[1] as u32, call.args[2]);
    if msqid < 0 {
        return Err(Errno::EINVAL);
    }
    let (ns, cred) = (kernel.ipc_ns_of(tid), kernel.tasks[tid].cred.clone());
    match cmd {
        IPC_INFO | MSG_INFO => info(kernel, tid, cmd, arg),
        IPC_STAT | MSG_STAT | MSG_STAT_ANY => {
            let msgs = &kernel.ipc.ns(ns).msgs;
            let (perm, queue) = if cmd == IPC_STAT { msgs.get(msqid)? } else { msgs.in_slot(msqid)? };
            if cmd != MSG_STAT_ANY {
                perm.check(&cred, 0o444)?;
            }
            let result = if cmd == IPC_STAT { 0 } else { perm.id as u64 };
            let mut ds = queue.abi(perm);
            (ds.lspid, ds.lrpid) = (kernel.pid_vnr(tid, Tid(ds.lspid)), kernel.pid_vnr(tid, Tid(ds.lrpid)));
            let raw = ds.encode_64();
            kernel.user(tid).write(arg, &raw)?;
            Ok(result)
        }
        IPC_SET => {
            let mut raw = [0; MsqidDs::SIZE_64];
            kernel.user(tid).read(arg, &mut raw)?;
            let new = MsqidDs::decode_64(&raw);
            let now = kernel.ipc_seconds();
            let of_ns = kernel.ipc.ns(ns);
            let msgmnb = of_ns.msg[1];
            let (perm, queue) = of_ns.msgs.get_mut(msqid)?;
            perm.owned_by(&cred)?;
            if new.qbytes > msgmnb.into() && !cred.capable(CAP_SYS_RESOURCE) {
                return Err(Errno::EPERM);
            }
            perm.set(&new.perm)?;
            (queue.qbytes, queue.ctime) = (new.qbytes, now);
            let room = queue.room();
            let receivers = kernel.msg_receivers(ns, msqid);
            kernel.msg_expunge(receivers, room, Errno::EAGAIN);
            Ok(0)
        }
        IPC_RMID => {
            let (perm, queue) = kernel.ipc.ns(ns).msgs.get(msqid)?;
            perm.owned_by(&cred)?;
            let room = queue.room();
            let receivers = kernel.msg_receivers(ns, msqid);
            kernel.ipc.ns(ns).msgs.remove(msqid);
            kernel.msg_expunge(receivers, room, Errno::EIDRM);
            Ok(0)
        }
        _ => Err(Errno::EINVAL),
    }
}

impl MsgQueue {
    fn abi(&self, perm: &Perm) -> MsqidDs {
        MsqidDs {
            perm: perm.abi(),
            stime: self.stime,
            rtime: self.rtime,
            ctime: self.ctime,
            cbytes: self.cbytes,
            qnum: self.messages.len() as u64,
            qbytes: self.qbytes,
            lspid: self.lspid,
            lrpid: self.lrpid,
        }
    }
}

fn info(kernel: &mut Kernel, tid: Tid, cmd: u32, arg: u64) -> Result<u64> {
    // Figures of include/uapi/linux/msg.h that limit nothing: MSGPOOL, MSGMAP, MSGSSZ, MSGTQL, MSGSEG.
    const POOL: i32 = 32000 * (16384 / 1024);
    const MAP: i32 = 16384;
    const SEGMENT: i32 = 16;
    let ns = kernel.ipc_of(tid);
    let [max, mnb, mni] = ns.msg.map(|limit| limit as i32);
    let (pool, map, tql) = match cmd {
        MSG_INFO => {
            let messages: usize = ns.msgs.iter().map(|(_, queue)| queue.messages.len()).sum();
            let bytes: u64 = ns.msgs.iter().map(|(_, queue)| queue.cbytes).sum();
            (ns.msgs.len() as i32, messages as i32, bytes as i32)
        }
        _ => (POOL, MAP, MAP),
    };
    let highest = ns.msgs.highest();
    kernel.user(tid).write(arg, &encode_msginfo([pool, map, max, mnb, mni, SEGMENT, tql], u16::MAX))?;
    Ok(highest.into())
}
