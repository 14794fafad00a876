//! Thread groups (processes): what their threads have in common.
use super::{Accounts, SighandId, Tgid, Tid};
use crate::signal::Pending;
use abi::Rlimit;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One thread group.
#[derive(Clone, Serialize, Deserialize)]
pub struct ThreadGroup {
    pub tgid: Tgid,
    /// All that are not reaped, a dead leader included.
    pub threads: BTreeSet<Tid>,
    pub parent: Tgid,
    /// The thread of its first parent that forked it.
    pub forked_by: Tid,
    /// Its first parent is dead; this one took it in.
    pub adopted: bool,
    pub children: BTreeSet<Tgid>,
    /// Children with something to wait for: dead, stopped or continued.
    pub news: BTreeSet<Tgid>,
    pub pgid: Tid,
    pub sid: Tid,
    /// The controlling terminal, as a device number.
    pub tty: Option<u64>,
    /// Its dispositions, which CLONE_SIGHAND shares with another group.
    pub(crate) sighand: SighandId,
    /// Signals sent to the group as a whole.
    pub pending: Pending,
    pub rlimits: [Rlimit; 16],
    /// Set when the whole group is to end (exit_group, a fatal signal): the `WaitStatus`-encoded code.
    pub group_exit: Option<u32>,
    /// A thread that execs and waits for the others to die (`group_exec_task`).
    pub group_exec: Option<Tid>,
    /// A job-control stop in progress or in effect: the signal.
    pub group_stop: Option<u8>,
    /// Every thread has entered the stop (SIGNAL_STOP_STOPPED).
    pub stopped: bool,
    /// Threads that have yet to enter the stop (`group_stop_count`).
    pub stop_count: u32,
    /// A stop or continue the parent has not yet waited for: `WaitStatus`-encoded.
    pub wait_report: Option<u32>,
    /// CLD_STOPPED or CLD_CONTINUED, still to be told to the parent by the first thread that passes `get_signal` (R08-14).
    pub cld_pending: Option<i32>,
    /// ITIMER_REAL: when it is due, and its interval (ns).
    pub real_timer: Option<(u64, u64)>,
    /// Init of the machine: signals it has no handler for pass it by (SIGNAL_UNKILLABLE).
    pub unkillable: bool,
    pub child_subreaper: bool,
    /// Did an execve since fork (setpgid refuses such a child).
    pub did_exec: bool,
    pub dumpable: bool,
    /// The key of the pidfds of this process, while any are open.
    pub(crate) pidfd: Option<u64>,
    /// Thousandths of all memory added to what the OOM killer sees; -1000 exempts.
    pub oom_score_adj: i16,
    /// What dead threads used, and waited-for children with theirs.
    pub(crate) dead: Accounts,
    pub(crate) children_accounts: Accounts,
}

impl ThreadGroup {
    /// A stop is in effect: every thread has entered it.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// The soft limit of a resource.
    pub fn rlimit(&self, resource: usize) -> u64 {
        self.rlimits[resource].cur
    }
}
