//! Control groups as the kernel sees them: one core, given at boot, that hears of every birth, death and stop.
//!
//! The filesystems (cgroup, cgroup2, container) are views of the core; a hierarchy outlives its mounts.
use crate::saved::{SaveError, Saved};
use crate::task::{Tgid, Tid};
use crate::vfs::{Ino, SuperId};
use crate::{Kernel, Result};

/// A directory, as the filesystem that shows it knows it.
pub type Dir = (SuperId, Ino);

/// The cgroup core. `cgroupfs` implements it. It is taken out of its slot for each call and gets the rest of the kernel.
pub trait CgroupCore {
    fn clone_box(&self) -> Box<dyn CgroupCore>;
    /// Its state, for a saved machine.
    fn save(&self) -> std::result::Result<Saved, SaveError>;
    /// Whether `parent` may fork (limits of the groups it is in), a thread or a process, and into the directory of a group
    /// (CLONE_INTO_CGROUP).
    fn can_fork(&mut self, kernel: &mut Kernel, parent: Tid, thread: bool, into: Option<Dir>) -> Result<()>;
    /// `child` exists and is in its parent's groups, or in the one that `can_fork` allowed; called before it can run (F08-41).
    fn forked(&mut self, kernel: &mut Kernel, parent: Tid, child: Tid, into: Option<Dir>);
    /// The fork that `can_fork` allowed did not happen.
    fn cancel_fork(&mut self, kernel: &mut Kernel, parent: Tid);
    /// The task took its dead leader's number (execve of another thread).
    fn renamed(&mut self, kernel: &mut Kernel, from: Tid, to: Tid);
    /// The task leaves its groups for good.
    fn exited(&mut self, kernel: &mut Kernel, tid: Tid);
    /// The dead task was reaped: /proc shows it no more.
    fn released(&mut self, tid: Tid);
    /// unshare or clone made new namespaces for the task (F07-12), a new child that cannot run yet in the latter case. An
    /// error is the call's, and undoes it.
    fn namespaces_cloned(&mut self, kernel: &mut Kernel, tid: Tid) -> Result<()>;
    /// `Task::cgroup_frozen` changed: cgroup2 keeps count of such tasks.
    fn cgroup2_frozen_changed(&mut self, kernel: &mut Kernel, tid: Tid);
    /// Whether the task's cgroup2 group is to be frozen (CGRP_FREEZE).
    fn cgroup2_freezing(&self, tid: Tid) -> bool;
    /// Whether a freeze condition holds for the task (the computed condition of 3.3 and later).
    fn cgroup_freezing(&self, tid: Tid) -> bool;
    /// Whether the stored state of the task's group is FROZEN (resume skips such tasks: P08-08).
    fn cgroup_frozen(&self, tid: Tid) -> bool;
    /// The lines of /proc/PID/cgroup.
    fn proc_lines(&self, kernel: &Kernel, tid: Tid) -> String;
    /// The lines of /proc/cgroups.
    fn proc_cgroups(&self, kernel: &Kernel) -> String;
    /// Makes the view that `mount -t fstype -o data source` asks for; ENODEV if the type is not the core's.
    fn mount(&mut self, kernel: &mut Kernel, fstype: &str, source: &[u8], data: &[u8]) -> Result<crate::vfs::SuperId>;
    /// The core as its own filesystem's file operations reach it.
    fn as_any(&mut self) -> &mut dyn std::any::Any;
    /// The path of the group that `tasks`' report shows (the freezer's, or the first hierarchy's).
    fn group_of(&self, tid: Tgid) -> String;
}

/// The slot of the core.
#[derive(Default)]
pub struct Cgroups(Option<Box<dyn CgroupCore>>);

impl Cgroups {
    pub fn new(core: Box<dyn CgroupCore>) -> Cgroups {
        Cgroups(Some(core))
    }
    pub(crate) fn core(&self) -> Option<&dyn CgroupCore> {
        self.0.as_deref()
    }
}

impl Clone for Cgroups {
    fn clone(&self) -> Cgroups {
        Cgroups(self.0.as_ref().map(|core| core.clone_box()))
    }
}

impl Kernel {
    /// Calls the cgroup core with the rest of the kernel; `None` if there is none, or it is being called already.
    pub fn with_cgroups<T>(&mut self, f: impl FnOnce(&mut dyn CgroupCore, &mut Kernel) -> T) -> Option<T> {
        let mut core = self.cgroups.0.take()?;
        let result = f(&mut *core, self);
        self.cgroups.0 = Some(core);
        Some(result)
    }

    /// The core, for questions.
    pub fn cgroup_core(&self) -> Option<&dyn CgroupCore> {
        self.cgroups.core()
    }
}
