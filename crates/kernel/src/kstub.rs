//! To be deleted by ktask when task/ and signal/ land: the signatures that tty/ and timers.rs use of them.
use crate::*;

impl Tasks {
    pub fn pgrp(&self, pgid: Tid) -> impl Iterator<Item = Tgid> + '_ {
        self.groups().filter(move |group| group.pgid == pgid).map(|group| group.tgid)
    }
    pub fn groups(&self) -> impl Iterator<Item = &ThreadGroup> {
        self.iter().filter(|task| task.is_leader()).filter_map(|task| self.group(task.tgid))
    }
    pub fn session_of(&self, pgid: Tid) -> Option<Tid> {
        self.groups().find(|group| group.pgid == pgid).map(|group| group.sid)
    }
    pub fn group_of(&self, tid: Tid) -> &ThreadGroup {
        self.group(self[tid].tgid).expect("a live task has a group")
    }
    pub fn group_of_mut(&mut self, tid: Tid) -> &mut ThreadGroup {
        self.group_mut(self[tid].tgid).expect("a live task has a group")
    }
}
impl Kernel {
    pub fn send_to_group(&mut self, _: Tgid, _: abi::Siginfo) {}
    pub fn send_to_thread(&mut self, _: Tid, _: abi::Siginfo) {}
}
pub(crate) fn kill_pgrp(_: &mut Kernel, _: Tid, _: u8) {}
pub(crate) fn is_orphaned_pgrp(_: &Kernel, _: Tid) -> bool {
    false
}
impl crate::signal::Actions {
    pub fn is_ignored(&self, signo: u8) -> bool {
        self.0[usize::from(signo)].handler == abi::SIG_IGN
    }
}
