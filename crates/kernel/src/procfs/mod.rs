//! procfs: the kernel's tables as text. Nothing is stored; a file is made when it is read from its start.
mod fd;
mod filesystem;
mod kmsg;
mod limits;
mod maps;
mod node;
mod ns;
mod process;
mod root;
mod stat;
mod status;
mod sysctl;
mod system;

pub(crate) use filesystem::ProcFs;

use crate::{Kernel, NsId, Result, Task, ThreadGroup, Tid};
use abi::{CAP_SYS_PTRACE, Errno};

/// A process, or one thread of it, as a directory of /proc names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) tid: Tid,
    /// Under task/: the thread alone, not the whole group.
    pub(crate) thread: bool,
    /// The pid namespace that the instance shows.
    pub(crate) ns: NsId,
}

/// What a text file of a process is made by: the kernel, whose file, who reads.
pub(crate) type ProcessText = fn(&mut Kernel, Place, Tid) -> Result<Vec<u8>>;
/// What a text file of the system is made by; who reads matters for a few.
pub(crate) type SystemText = fn(&mut Kernel, Tid) -> Vec<u8>;

/// The parent's number; the first process has none, and one outside of the namespace is none.
fn parent(kernel: &Kernel, group: &ThreadGroup, ns: NsId) -> u32 {
    if group.parent == group.tgid { 0 } else { kernel.namespaces.pid_nr(group.parent, ns) }
}

/// The task, if it has files, directories and namespaces still.
fn alive(kernel: &Kernel, place: Place) -> Option<&Task> {
    kernel.tasks.get(place.tid).filter(|task| !task.is_dead())
}

impl Kernel {
    /// The task of a file of /proc; ESRCH once it is gone.
    pub(crate) fn proc_task(&self, tid: Tid) -> Result<&Task> {
        self.tasks.get(tid).ok_or(Errno::ESRCH)
    }

    /// Whether `caller` may look into another task (`ptrace_may_access` with PTRACE_MODE_READ).
    pub(crate) fn may_inspect(&self, caller: Tid, tid: Tid) -> bool {
        let (Some(by), Some(task)) = (self.tasks.get(caller), self.tasks.get(tid)) else { return false };
        if by.tgid == task.tgid || self.namespaces.capable(&by.cred, task.cred.user_ns, CAP_SYS_PTRACE) {
            return true;
        }
        let (own, other) = (&by.cred, &task.cred);
        let same = [other.uid, other.euid, other.suid].iter().all(|&uid| uid == own.fsuid)
            && [other.gid, other.egid, other.sgid].iter().all(|&gid| gid == own.fsgid);
        let dumpable = self.tasks.group(task.tgid).is_some_and(|group| group.dumpable);
        same && dumpable && other.cap_permitted & !own.cap_permitted == 0
    }
}

#[cfg(test)]
mod tests;
