//! Message queues of System V (ipc/msg.c): a sender gives its message to a receiver that sleeps for it, or leaves it.
use crate::namespaces::NsId;
use crate::syscall::Progress;
use crate::{Kernel, Result, Tgid, Tid, WaitKey};
use abi::{Errno, MSG_COPY, MSG_EXCEPT};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Message {
    pub(super) kind: i64,
    pub(super) text: Vec<u8>,
}

/// Which message a receiver takes (convert_mode).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Wanted {
    Any,
    Kind(i64),
    NotKind(i64),
    /// The first of the lowest kind up to this.
    UpTo(i64),
    /// The one at this place of the queue (MSG_COPY).
    Number(i64),
}

impl Wanted {
    pub(super) fn of(kind: i64, flags: u32) -> Wanted {
        match kind {
            number if flags & MSG_COPY != 0 => Wanted::Number(number),
            0 => Wanted::Any,
            ..0 => Wanted::UpTo(kind.checked_neg().unwrap_or(i64::MAX)),
            kind if flags & MSG_EXCEPT != 0 => Wanted::NotKind(kind),
            kind => Wanted::Kind(kind),
        }
    }
    fn takes(self, message: &Message) -> bool {
        match self {
            Wanted::Any | Wanted::Number(_) => true,
            Wanted::Kind(kind) => message.kind == kind,
            Wanted::NotKind(kind) => message.kind != kind,
            Wanted::UpTo(kind) => message.kind <= kind,
        }
    }
}

/// A call that sleeps for a message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Receiver {
    pub(super) tid: Tid,
    pub(super) tgid: Tgid,
    pub(super) wanted: Wanted,
    /// The longest it takes; `usize::MAX` with MSG_NOERROR.
    pub(super) max: usize,
}

/// A queue (struct msg_queue).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MsgQueue {
    pub(super) stime: i64,
    pub(super) rtime: i64,
    pub(super) ctime: i64,
    pub(super) messages: VecDeque<Message>,
    /// Bytes in all messages, and the most there may be.
    pub(super) cbytes: u64,
    pub(super) qbytes: u64,
    pub(super) lspid: u32,
    pub(super) lrpid: u32,
    receivers: Vec<Receiver>,
    /// What senders that find no room wait on.
    pub(super) key: u64,
}

impl MsgQueue {
    pub(super) fn new(qbytes: u64, ctime: i64, key: u64) -> MsgQueue {
        MsgQueue {
            stime: 0,
            rtime: 0,
            ctime,
            messages: VecDeque::new(),
            cbytes: 0,
            qbytes,
            lspid: 0,
            lrpid: 0,
            receivers: Vec::new(),
            key,
        }
    }
    pub(super) fn has_room(&self, len: u64) -> bool {
        self.cbytes + len <= self.qbytes && (self.messages.len() as u64) < self.qbytes
    }
    pub(super) fn room(&self) -> WaitKey {
        WaitKey::Writable(self.key)
    }
    /// The place of the message wanted (find_msg).
    pub(super) fn find(&self, wanted: Wanted) -> Option<usize> {
        match wanted {
            Wanted::Number(number) => usize::try_from(number).ok().filter(|&at| at < self.messages.len()),
            Wanted::UpTo(_) => {
                let some = self.messages.iter().enumerate().filter(|(_, message)| wanted.takes(message));
                some.min_by_key(|(_, message)| message.kind).map(|(at, _)| at)
            }
            _ => self.messages.iter().position(|message| wanted.takes(message)),
        }
    }
    pub(super) fn forget(&mut self, tid: Tid) {
        self.receivers.retain(|receiver| receiver.tid != tid);
    }
    pub(super) fn wait(&mut self, receiver: Receiver) {
        self.receivers.push(receiver);
    }
}

impl Kernel {
    /// Puts a message into a queue that has room, or gives it to the first receiver that takes it; those for whom it is too
    /// long fail (pipelined_send).
    pub(super) fn msg_send(&mut self, ns: NsId, msqid: i32, message: Message, sender: Tgid) -> Result<()> {
        let now = self.ipc_seconds();
        loop {
            let queue = self.ipc.ns(ns).msgs.get_mut(msqid)?.1;
            (queue.lspid, queue.stime) = (sender.0, now);
            let Some(at) = queue.receivers.iter().position(|receiver| receiver.wanted.takes(&message)) else {
                queue.cbytes += message.text.len() as u64;
                queue.messages.push_back(message);
                return Ok(());
            };
            let receiver = queue.receivers.remove(at);
            if receiver.max >= message.text.len() {
                (queue.lrpid, queue.rtime) = (receiver.tgid.0, now);
                self.ipc_complete(receiver.tid, Progress::Data(message.text, message.kind as u64));
                return Ok(());
            }
            self.ipc_complete(receiver.tid, Progress::Result(Err(Errno::E2BIG)));
        }
    }

    /// Receivers stop waiting with this error; senders look again (expunge_all, ss_wakeup).
    pub(super) fn msg_expunge(&mut self, queue: Vec<Receiver>, room: WaitKey, errno: Errno) {
        for receiver in queue {
            self.ipc_complete(receiver.tid, Progress::Result(Err(errno)));
        }
        self.tasks.wake_all(room);
    }
    /// Takes all receivers out of a queue.
    pub(super) fn msg_receivers(&mut self, ns: NsId, msqid: i32) -> Vec<Receiver> {
        self.ipc.ns(ns).msgs.get_mut(msqid).map(|(_, queue)| std::mem::take(&mut queue.receivers)).unwrap_or_default()
    }
}
