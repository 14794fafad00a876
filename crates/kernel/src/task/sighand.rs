//! What each signal does in a thread group (struct sighand_struct). A group has one of its own, unless clone shared it.
use super::{Tasks, Tid};
use crate::signal::Actions;
use serde::{Deserialize, Serialize};

/// A table of dispositions, by its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct SighandId(u32);

/// One table, and how many groups it is for.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Sighand {
    actions: Actions,
    users: u32,
}

impl Tasks {
    /// A table for a group that is about to be.
    pub(crate) fn new_sighand(&mut self, actions: Actions) -> SighandId {
        SighandId(self.sighands.insert(Sighand { actions, users: 1 }))
    }

    /// CLONE_SIGHAND: one more group uses it.
    pub(super) fn share_sighand(&mut self, id: SighandId) -> SighandId {
        self.sighands[id.0].users += 1;
        id
    }

    /// Whether another group has the same table.
    pub(crate) fn shares_sighand(&self, id: SighandId) -> bool {
        self.sighands[id.0].users > 1
    }

    pub(super) fn drop_sighand(&mut self, id: SighandId) {
        let sighand = &mut self.sighands[id.0];
        sighand.users -= 1;
        if sighand.users == 0 {
            self.sighands.remove(id.0);
        }
    }

    /// execve: from now on the group has its own (`unshare_sighand`).
    pub(crate) fn unshare_sighand(&mut self, tid: Tid) {
        let id = self.group_of(tid).sighand;
        if self.sighands[id.0].users > 1 {
            let own = self.new_sighand(self.actions(tid).clone());
            self.group_of_mut(tid).sighand = own;
            self.drop_sighand(id);
        }
    }

    /// What signals do in the group of a task.
    pub fn actions(&self, tid: Tid) -> &Actions {
        &self.sighands[self.group_of(tid).sighand.0].actions
    }
    pub fn actions_mut(&mut self, tid: Tid) -> &mut Actions {
        let id = self.group_of(tid).sighand;
        &mut self.sighands[id.0].actions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_arch::{call, fork, machine};
    use crate::{Config, INIT};
    use abi::{CloneFlags, SIG_DFL, SIG_IGN, SIGCHLD, SIGTERM, SIGUSR1, Sysno};

    /// clone(2), CLONE_SIGHAND: what one process changes is the other's as well, until execve.
    #[test]
    fn shared_until_execve() {
        let mut kernel = machine(Config::default());
        let flags = CloneFlags::CLONE_SIGHAND.bits() | u64::from(SIGCHLD);
        let einval = Some(-i64::from(abi::Errno::EINVAL.0));
        assert_eq!(call(&mut kernel, INIT, Sysno::Clone, &[flags]), einval, "not without CLONE_VM");
        let flags = flags | CloneFlags::CLONE_VM.bits();
        let shares = Tid(call(&mut kernel, INIT, Sysno::Clone, &[flags]).expect("does not sleep") as u32);
        let copies = fork(&mut kernel, INIT);
        assert!(kernel.tasks[shares].is_leader());
        kernel.tasks.actions_mut(shares).0[usize::from(SIGUSR1)].handler = SIG_IGN;
        let handlers = |kernel: &crate::Kernel, signo| {
            [INIT, shares, copies].map(|tid| kernel.tasks.actions(tid).get(signo).handler)
        };
        assert_eq!(handlers(&kernel, SIGUSR1), [SIG_IGN, SIG_IGN, SIG_DFL]);
        kernel.flush_signal_handlers(shares);
        kernel.tasks.actions_mut(shares).0[usize::from(SIGTERM)].handler = SIG_IGN;
        assert_eq!(handlers(&kernel, SIGTERM), [SIG_DFL, SIG_IGN, SIG_DFL]);
        // The last group of a table takes it along.
        assert_eq!(kernel.tasks.sighands.len(), 3);
        for child in [shares, copies] {
            call(&mut kernel, child, Sysno::ExitGroup, &[0]);
            call(&mut kernel, INIT, Sysno::Wait4, &[child.0.into(), 0, 0, 0]);
        }
        assert_eq!(kernel.tasks.sighands.len(), 1);
    }
}
