//! Thread groups (processes): what their threads have in common.
use super::{Tgid, Tid};
use crate::signal::{Actions, Pending};
use abi::Rlimit;
use std::collections::BTreeSet;

/// One thread group.
#[derive(Clone)]
pub struct ThreadGroup {
    pub tgid: Tgid,
    pub threads: BTreeSet<Tid>,
    pub parent: Tgid,
    pub children: BTreeSet<Tgid>,
    pub pgid: Tid,
    pub sid: Tid,
    /// The controlling terminal, as a device number.
    pub tty: Option<u64>,
    pub actions: Actions,
    /// Signals sent to the group as a whole.
    pub pending: Pending,
    pub rlimits: [Rlimit; 16],
    /// Set when the whole group is to end (exit_group, a fatal signal): the `WaitStatus`-encoded code.
    pub group_exit: Option<u32>,
    /// A job-control stop in progress or in effect: the signal.
    pub group_stop: Option<u8>,
    /// A stop or continue the parent has not yet waited for: `WaitStatus`-encoded.
    pub wait_report: Option<u32>,
    /// ITIMER_REAL: when it is due, and its interval (ns).
    pub real_timer: Option<(u64, u64)>,
    pub child_subreaper: bool,
    /// Did an execve since fork (setpgid refuses such a child).
    pub did_exec: bool,
    pub dumpable: bool,
    /// Times of dead threads and waited-for children (ns).
    pub dead_times: (u64, u64),
    pub children_times: (u64, u64),
}
