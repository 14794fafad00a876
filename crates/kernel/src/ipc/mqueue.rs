//! POSIX message queues (ipc/mqueue.c): messages by priority, in a filesystem of their own.
use crate::namespaces::NsId;
use crate::syscall::{Call, Progress};
use crate::vfs::{MountId, SuperId};
use crate::{Cred, Kernel, Result, Tgid, Tid, WaitKey};
use abi::{CAP_SYS_RESOURCE, Errno, Fields, MqAttr, RLIMIT_MSGQUEUE, SI_MESGQ, SIGEV_SIGNAL, Siginfo, Timespec};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Who is to be told of a message, once.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Notify {
    pub(super) owner: Tgid,
    /// SIGEV_SIGNAL or SIGEV_NONE.
    pub(super) how: i32,
    pub(super) signo: u8,
    pub(super) value: u64,
}

/// A message that somebody has sent, or sleeps to send.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Message {
    pub(super) priority: u32,
    pub(super) text: Vec<u8>,
}

/// One queue, which is a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Mqueue {
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) time: Timespec,
    /// Whether it still has a name.
    pub(super) linked: bool,
    pub(super) maxmsg: u64,
    pub(super) msgsize: u64,
    /// The highest priority first, then the oldest.
    pub(super) messages: VecDeque<Message>,
    pub(super) senders: VecDeque<(Tid, Message)>,
    pub(super) receivers: VecDeque<Tid>,
    pub(super) notify: Option<Notify>,
    /// Whose RLIMIT_MSGQUEUE it counts against.
    payer: u32,
}

/// The queues of one namespace, by name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MqNames {
    pub(super) names: BTreeMap<Vec<u8>, u64>,
    /// queues_max, msg_max, msgsize_max, msg_default, msgsize_default: /proc/sys/fs/mqueue.
    pub(crate) limits: [u32; 5],
    /// The filesystem, and the kernel's own mount of it.
    pub(super) place: Option<(SuperId, MountId)>,
}

impl Default for MqNames {
    fn default() -> MqNames {
        MqNames { names: BTreeMap::new(), limits: [256, 10, 8192, 10, 8192], place: None }
    }
}

/// No queue holds more, or longer ones (HARD_MSGMAX, HARD_MSGSIZEMAX).
const HARD_MAX: (u64, u64) = (65536, 16 << 20);

impl Mqueue {
    /// Bytes it may come to: messages, and for each two structures of the kernel's.
    fn bytes(&self) -> u64 {
        self.maxmsg.saturating_mul(self.msgsize.saturating_add(2 * 48))
    }
    fn insert(&mut self, message: Message) {
        let at = self.messages.partition_point(|other| other.priority >= message.priority);
        self.messages.insert(at, message);
    }
    pub(super) fn is_full(&self) -> bool {
        self.messages.len() as u64 >= self.maxmsg
    }
    fn forget(&mut self, tid: Tid) {
        self.receivers.retain(|&receiver| receiver != tid);
        self.senders.retain(|(sender, _)| *sender != tid);
    }
}

impl Kernel {
    /// Makes a queue with a name that is free (mqueue_create_attr).
    pub(super) fn mq_create(
        &mut self,
        ns: NsId,
        name: &[u8],
        attr: Option<MqAttr>,
        mode: u32,
        (cred, limit): (&Cred, u64),
    ) -> Result<u64> {
        let privileged = cred.capable(CAP_SYS_RESOURCE);
        let of_ns = &mut self.ipc.ns(ns).mq;
        let [queues_max, msg_max, msgsize_max, msg_default, msgsize_default] = of_ns.limits.map(u64::from);
        let (maxmsg, msgsize) = match attr {
            None => (msg_max.min(msg_default), msgsize_max.min(msgsize_default)),
            Some(attr) => {
                let most = if privileged { HARD_MAX } else { (msg_max, msgsize_max) };
                let within = |value: i64, most: u64| u64::try_from(value).ok().filter(|v| (1..=most).contains(v));
                let both = within(attr.maxmsg, most.0).zip(within(attr.msgsize, most.1));
                both.ok_or(Errno::EINVAL)?
            }
        };
        if of_ns.names.len() as u64 >= queues_max && !privileged {
            return Err(Errno::ENOSPC);
        }
        let time = Timespec::from_ns(self.clock.realtime());
        let queue = Mqueue {
            mode: mode & 0o7777,
            uid: cred.fsuid,
            gid: cred.fsgid,
            time,
            linked: true,
            maxmsg,
            msgsize,
            messages: VecDeque::new(),
            senders: VecDeque::new(),
            receivers: VecDeque::new(),
            notify: None,
            payer: cred.uid,
        };
        let paid = self.ipc.mqueues.values().filter(|other| other.payer == cred.uid).map(Mqueue::bytes).sum::<u64>();
        if paid.saturating_add(queue.bytes()) > limit {
            return Err(Errno::EMFILE);
        }
        let ino = self.vfs.new_key();
        self.ipc.mqueues.insert(ino, queue);
        self.ipc.ns(ns).mq.names.insert(name.to_vec(), ino);
        Ok(ino)
    }
    /// What `mq_create` asks of a task.
    pub(super) fn mq_payer(&self, tid: Tid) -> (Cred, u64) {
        let limit = self.tasks.get(tid).map_or(u64::MAX, |_| self.tasks.group_of(tid).rlimit(RLIMIT_MSGQUEUE));
        (self.tasks.get(tid).map_or_else(Cred::root, |task| task.cred.clone()), limit)
    }

    /// Puts a message into a queue with room, or gives it to who has waited longest.
    pub(super) fn mq_send(&mut self, ino: u64, message: Message, sender: Tid) {
        let Some(queue) = self.ipc.mqueues.get_mut(&ino) else { return };
        if let Some(receiver) = queue.receivers.pop_front() {
            return self.ipc_complete(receiver, Progress::Data(message.text, message.priority.into()));
        }
        queue.insert(message);
        if queue.messages.len() == 1
            && let Some(notify) = queue.notify.take()
            && notify.how == SIGEV_SIGNAL
            && notify.signo != 0
        {
            let from = self.tasks.get(sender).map_or((0, 0), |task| (task.tgid.0, task.cred.uid));
            let fields = Fields::Rt { pid: from.0, uid: from.1, value: notify.value };
            self.send_to_group(notify.owner, Siginfo { signo: notify.signo, errno: 0, code: SI_MESGQ, fields });
        }
        self.notify(WaitKey::Readable(ino));
    }
    /// A sleeper looks again: nothing is done for it meanwhile, also if its descriptor was closed under it.
    pub(super) fn mq_forget(&mut self, tid: Tid, call: &Call) {
        if call.progress != Progress::None {
            self.ipc.mqueues.values_mut().for_each(|queue| queue.forget(tid));
        }
    }
    /// Takes the first message out; the first sender that waits for room gets it.
    pub(super) fn mq_take(&mut self, ino: u64) -> Option<Message> {
        let queue = self.ipc.mqueues.get_mut(&ino)?;
        let message = queue.messages.pop_front()?;
        match queue.senders.pop_front() {
            Some((sender, next)) => {
                queue.insert(next);
                self.ipc_complete(sender, Progress::Result(Ok(0)));
            }
            None => self.notify(WaitKey::Writable(ino)),
        }
        Some(message)
    }

    /// A descriptor is closed: who was to be told and closes one is not any more (mqueue_flush_file).
    pub(crate) fn mq_flush(&mut self, sup: SuperId, ino: u64) {
        if self.vfs.super_kind(sup) != "mqueue" {
            return;
        }
        let current = self.tasks.sched.current().and_then(|tid| self.tasks.get(tid)).map(|task| task.tgid);
        if let Some(queue) = self.ipc.mqueues.get_mut(&ino)
            && queue.notify.is_some_and(|notify| Some(notify.owner) == current)
        {
            queue.notify = None;
        }
    }
}
