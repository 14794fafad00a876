//! Queues of signals sent and not yet taken.
use abi::{Fields, SI_USER, SIGRTMIN, SigSet, Siginfo};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Queued signals of a task or a group: real-time ones queue, standard ones once each.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Pending {
    pub set: SigSet,
    pub queue: VecDeque<Siginfo>,
}

impl Pending {
    /// Adds a signal; false if it is a standard one that is pending already. Without `room` a signal is noted, but not
    /// what came with it.
    pub(super) fn add(&mut self, info: Siginfo, room: bool) -> bool {
        if info.signo < SIGRTMIN && self.set.contains(info.signo) {
            return false;
        }
        self.set.add(info.signo);
        if room {
            self.queue.push_back(info);
        }
        true
    }

    /// Takes the next signal that is in `mask` (`dequeue_signal`): faults first, then by number, then by age.
    pub(super) fn take(&mut self, mask: SigSet) -> Option<Siginfo> {
        let signo = self.set.intersection(mask).next()?;
        let at = self.queue.iter().position(|info| info.signo == signo);
        let info = at.and_then(|at| self.queue.remove(at));
        if !self.queue.iter().any(|info| info.signo == signo) {
            self.set.remove(signo);
        }
        Some(info.unwrap_or(Siginfo { signo, errno: 0, code: SI_USER, fields: Fields::Kill { pid: 0, uid: 0 } }))
    }

    /// Drops every signal in `mask`.
    pub(crate) fn flush(&mut self, mask: SigSet) {
        if !self.set.intersection(mask).is_empty() {
            self.set = self.set.without(mask);
            self.queue.retain(|info| !mask.contains(info.signo));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi::{SI_QUEUE, SIGKILL, SIGRTMAX, SIGSEGV, SIGTERM, SIGUSR1};

    fn rt(signo: u8, value: u64) -> Siginfo {
        Siginfo { signo, errno: 0, code: SI_QUEUE, fields: Fields::Rt { pid: 1, uid: 0, value } }
    }

    /// signal(7): "Real-time signals are delivered in a guaranteed order": lowest number first, then in order of sending;
    /// faults come before all others.
    #[test]
    fn order() {
        let mut pending = Pending::default();
        for info in [rt(40, 1), rt(SIGRTMAX, 2), rt(35, 3), rt(40, 4), rt(SIGTERM, 5), rt(SIGSEGV, 6), rt(35, 7)] {
            assert!(pending.add(info, true));
        }
        let taken: Vec<_> = std::iter::from_fn(|| pending.take(SigSet::FULL)).collect();
        assert_eq!(taken, [rt(11, 6), rt(15, 5), rt(35, 3), rt(35, 7), rt(40, 1), rt(40, 4), rt(64, 2)]);
        assert!(pending.set.is_empty() && pending.queue.is_empty());
    }

    #[test]
    fn standard_signals_are_pending_once() {
        let mut pending = Pending::default();
        assert!(pending.add(rt(SIGUSR1, 1), true));
        assert!(!pending.add(rt(SIGUSR1, 2), true));
        assert_eq!(pending.take(SigSet::FULL), Some(rt(SIGUSR1, 1)));
        assert_eq!(pending.take(SigSet::FULL), None);
    }

    #[test]
    fn masked_and_flushed() {
        let mut pending = Pending::default();
        pending.add(rt(SIGKILL, 1), true);
        pending.add(rt(SIGTERM, 1), true);
        assert_eq!(pending.take(SigSet::of(&[SIGTERM])), Some(rt(SIGTERM, 1)));
        pending.flush(SigSet::of(&[SIGKILL]));
        assert_eq!(pending.take(SigSet::FULL), None);
    }

    #[test]
    fn without_room_the_signal_still_comes() {
        let mut pending = Pending::default();
        pending.add(rt(SIGTERM, 9), false);
        let info = pending.take(SigSet::FULL).expect("it is pending");
        assert_eq!((info.signo, info.code), (SIGTERM, SI_USER));
    }
}
