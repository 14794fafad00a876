//! Signals: sending, queueing, choosing and delivering; job control.

use abi::{SigAction, SigSet, Siginfo};
use std::collections::VecDeque;

/// Queued signals of a task or a group: real-time ones queue, standard ones once each.
#[derive(Clone, Debug, Default)]
pub struct Pending {
    pub set: SigSet,
    pub queue: VecDeque<Siginfo>,
}

/// Dispositions, shared by CLONE_SIGHAND.
#[derive(Clone, Debug)]
pub struct Actions(pub [SigAction; 65]);

/// A task's own signal bookkeeping beyond masks and queues.
#[derive(Clone, Debug, Default)]
pub struct SignalState {
    /// A signal that sigtimedwait waits for.
    pub waiting_for: SigSet,
    /// Takes part in a group stop that it has not yet entered (JOBCTL_STOP_PENDING).
    pub stop_pending: bool,
}
pub(crate) use crate::kstub::*;
