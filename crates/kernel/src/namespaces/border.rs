//! Where numbers of processes pass between a task and the kernel: a task in a pid namespace of its own says and hears that
//! namespace's, everything behind the border knows `Tid`s alone. Numbers in structures are their call's to translate, and so
//! is a result whose task may be gone before the call ends (fork, wait4).
use super::NsId;
use crate::{Kernel, Tid};
use abi::{ArgKind, F_SETOWN, P_PGID, P_PID, PRIO_PGRP, PRIO_PROCESS, Sysno};

/// A number that no task ever has.
const NOBODY: u32 = i32::MAX as u32;

/// Whether an argument is the number of a task or, with a minus sign where that has a meaning, of a group.
fn is_number(sysno: Sysno, args: &[u64; 6], at: usize) -> bool {
    match (sysno, at) {
        (Sysno::Waitid, 1) => matches!(args[0] as u32, P_PID | P_PGID),
        (Sysno::Getpriority | Sysno::Setpriority, 1) => matches!(args[0] as u32, PRIO_PROCESS | PRIO_PGRP),
        (Sysno::Fcntl, 2) => args[1] as u32 == F_SETOWN,
        _ => sysno.args().get(at).is_some_and(|&kind| kind == ArgKind::Pid),
    }
}

/// Whether a call's result is the number of a task or group that is there when the call ends.
fn gives_number(sysno: Sysno) -> bool {
    use Sysno as S;
    let own = matches!(sysno, S::Getpid | S::Gettid | S::Getpgrp | S::Setsid | S::SetTidAddress);
    own || matches!(sysno, S::Getppid | S::Getpgid | S::Getsid)
}

impl Kernel {
    /// A task enters a call: the numbers it says become `Tid`s.
    pub(crate) fn numbers_in(&self, tid: Tid, sysno: Sysno, args: &mut [u64; 6]) {
        if self.tasks[tid].pid_ns == NsId::PID {
            return;
        }
        for at in 0..args.len() {
            let said = args[at] as i32;
            // -1 is everyone, 0 the caller; the least has no positive.
            if is_number(sysno, args, at) && !matches!(said, 0 | -1 | i32::MIN) {
                let found = self.find_vpid(tid, said.unsigned_abs()).map_or(NOBODY, |found| found.0);
                args[at] = (i64::from(found) * i64::from(said.signum())) as u64;
            }
        }
    }

    /// A call ends: the number it found is the one that its caller knows.
    pub(crate) fn number_out(&self, tid: Tid, sysno: Sysno, value: u64) -> u64 {
        if gives_number(sysno) { self.pid_vnr(tid, Tid(value as u32)).into() } else { value }
    }
}
