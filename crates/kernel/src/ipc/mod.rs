//! System V semaphores, messages and shared memory, and POSIX message queues (ipc/*.c): objects with an owner and no name
//! in a directory, one set of each a namespace.
//!
//! Whoever makes an operation possible carries it out for those who sleep for it, as Linux does: the result is put into the
//! sleeper's call, which is then woken.
mod mqctl;
mod mqueue;
mod mqueuefs;
mod msg;
mod msgctl;
mod perm;
mod sem;
mod semctl;
mod shm;
mod shmctl;
mod sysctl;
mod sysvipc;
mod undo;

pub(crate) use mqctl::ROWS as MQ_ROWS;
pub(crate) use mqueuefs::MqueueFs;
pub(crate) use msgctl::ROWS as MSG_ROWS;
pub(crate) use perm::{Found, Ids, Perm};
pub(crate) use semctl::ROWS as SEM_ROWS;
pub(crate) use shmctl::ROWS as SHM_ROWS;
pub(crate) use sysctl::{set, set_long, show};
pub(crate) use sysvipc::{proc_msg, proc_sem, proc_shm};
pub use undo::UndoId;

use crate::namespaces::NsId;
use crate::syscall::Progress;
use crate::{Kernel, Tid, WaitKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The objects of one namespace, and its limits (struct ipc_namespace).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct IpcNamespace {
    pub(crate) sems: Ids<sem::SemArray>,
    pub(crate) msgs: Ids<msg::MsgQueue>,
    pub(crate) shms: Ids<shm::Segment>,
    pub(crate) mq: mqueue::MqNames,
    /// SEMMSL, SEMMNS, SEMOPM, SEMMNI: /proc/sys/kernel/sem.
    pub(crate) sem: [u32; 4],
    /// MSGMAX, MSGMNB, MSGMNI.
    pub(crate) msg: [u32; 3],
    /// SHMMAX, SHMALL, SHMMNI.
    pub(crate) shm: [u64; 3],
}

impl Default for IpcNamespace {
    fn default() -> IpcNamespace {
        IpcNamespace {
            sems: Ids::default(),
            msgs: Ids::default(),
            shms: Ids::default(),
            mq: mqueue::MqNames::default(),
            sem: [32000, 1_024_000_000, 500, 32000],
            msg: [8192, 16384, 32000],
            shm: [u64::MAX - (1 << 24), u64::MAX - (1 << 24), 4096],
        }
    }
}

/// All namespaces, each made when it is first looked into.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ipc {
    namespaces: BTreeMap<NsId, IpcNamespace>,
    undo: undo::UndoLists,
    /// POSIX queues of all namespaces, by inode number.
    mqueues: BTreeMap<u64, mqueue::Mqueue>,
}

impl Ipc {
    pub(crate) fn ns(&mut self, id: NsId) -> &mut IpcNamespace {
        self.namespaces.entry(id).or_default()
    }
    pub(crate) fn peek(&self, id: NsId) -> Option<&IpcNamespace> {
        self.namespaces.get(&id)
    }
}

impl Kernel {
    /// The IPC namespace of a task.
    pub(crate) fn ipc_ns_of(&self, tid: Tid) -> NsId {
        self.tasks.get(tid).map_or(NsId::IPC, |task| task.nsproxy.ipc)
    }
    /// The objects that a task can see.
    pub(crate) fn ipc_of(&mut self, tid: Tid) -> &mut IpcNamespace {
        let ns = self.ipc_ns_of(tid);
        self.ipc.ns(ns)
    }
    /// The last user of a namespace is gone (free_ipc_ns).
    pub(crate) fn ipc_ns_gone(&mut self, id: NsId) {
        self.shm_exit_ns(id);
        self.mq_exit_ns(id);
        self.ipc.namespaces.remove(&id);
    }
    /// A sleeper's operation was carried out for it, or never will be: its call goes on with `progress`.
    pub(crate) fn ipc_complete(&mut self, tid: Tid, progress: Progress) {
        if let Some(call) = self.tasks.get_mut(tid).and_then(|task| task.in_syscall.as_mut()) {
            call.progress = progress;
        }
        self.tasks.wake_waiter(tid, WaitKey::IpcDone(tid));
    }
    /// CLOCK_REALTIME in seconds, as IPC_STAT shows times.
    fn ipc_seconds(&self) -> i64 {
        (self.clock.realtime() / abi::NSEC_PER_SEC) as i64
    }
}

#[cfg(test)]
mod tests;
