//! The core: every hierarchy, and what the kernel tells and asks.
use crate::hierarchy::{Hierarchy, Interface, ROOT};
use crate::subsystem::SUBSYSTEMS;
use crate::unified;
use kernel::freezer::freeze_task;
use kernel::saved::{SaveError, Saved};
use kernel::vfs::SuperId;
use kernel::{CgroupCore, Dir, Kernel, Result, Tid, TraceKind};
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::collections::BTreeMap;

/// The state of control groups.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Core {
    /// By number, as /proc/PID/cgroup shows them; 0 is the default hierarchy, cgroup2's, which is always there.
    pub(crate) hierarchies: BTreeMap<u32, Hierarchy>,
    pub(crate) next: u32,
}

/// Calls the kernel's core as what it is here.
pub(crate) fn with_core<T>(kernel: &mut Kernel, f: impl FnOnce(&mut Core, &mut Kernel) -> T) -> Option<T> {
    kernel.with_cgroups(|core, kernel| core.as_any().downcast_mut::<Core>().map(|core| f(core, kernel))).flatten()
}

impl Core {
    pub(crate) fn new() -> Core {
        let mut unified = Hierarchy::new(0, Interface::Unified, Vec::new(), std::iter::empty());
        if let Ok(root) = unified.get_mut(ROOT) {
            root.mode = 0o555;
        }
        Core { hierarchies: BTreeMap::from([(0, unified)]), next: 1 }
    }
}

impl CgroupCore for Core {
    fn clone_box(&self) -> Box<dyn CgroupCore> {
        Box::new(self.clone())
    }
    fn save(&self) -> std::result::Result<Saved, SaveError> {
        Saved::new("cgroups", self)
    }
    fn can_fork(&mut self, kernel: &mut Kernel, parent: Tid, thread: bool, into: Option<Dir>) -> Result<()> {
        match (into, self.unified_mut()) {
            (Some(dir), Some(hierarchy)) => unified::can_fork_into(hierarchy, kernel, parent, thread, dir),
            _ => Ok(()),
        }
    }
    fn forked(&mut self, kernel: &mut Kernel, parent: Tid, child: Tid, into: Option<Dir>) {
        for hierarchy in self.hierarchies.values_mut() {
            if hierarchy.is_unified() {
                unified::forked(hierarchy, kernel, parent, child, into);
                continue;
            }
            let id = hierarchy.group_of(parent);
            hierarchy.put(child, id);
            for subsystem in hierarchy.subsystems.clone() {
                subsystem.forked(hierarchy, id, child, kernel);
            }
        }
    }
    fn cancel_fork(&mut self, _: &mut Kernel, _: Tid) {}
    fn renamed(&mut self, kernel: &mut Kernel, from: Tid, to: Tid) {
        for hierarchy in self.hierarchies.values_mut() {
            hierarchy.drop_zombie(to);
            let id = hierarchy.group_of(from);
            hierarchy.take(from);
            hierarchy.put(to, id);
            for subsystem in hierarchy.subsystems.clone() {
                subsystem.forked(hierarchy, id, to, kernel);
            }
        }
    }
    fn exited(&mut self, kernel: &mut Kernel, tid: Tid) {
        for hierarchy in self.hierarchies.values_mut() {
            if hierarchy.is_unified() {
                unified::exited(hierarchy, kernel, tid);
                continue;
            }
            let Some(id) = hierarchy.take(tid) else { continue };
            let released = hierarchy
                .get(id)
                .is_ok_and(|group| group.notify_on_release && group.members.is_empty() && group.children.is_empty());
            if released && !hierarchy.release_agent.is_empty() {
                let (agent, path) = (&hierarchy.release_agent, hierarchy.path(id));
                kernel.trace.line(TraceKind::Missing, || format!("cgroup: release agent {agent} not run for {path}"));
            }
        }
    }
    fn released(&mut self, tid: Tid) {
        if let Some(hierarchy) = self.unified_mut() {
            hierarchy.drop_zombie(tid);
        }
    }
    fn namespaces_cloned(&mut self, kernel: &mut Kernel, tid: Tid) -> Result<()> {
        let numbers: Vec<u32> = self.hierarchies.values().filter(|h| h.has("ns")).map(|h| h.number).collect();
        for number in numbers {
            let Some(hierarchy) = self.hierarchies.get_mut(&number) else { continue };
            let done = crate::ns::cgroup_clone(hierarchy, tid, kernel);
            self.hold(number, kernel);
            done?;
        }
        Ok(())
    }
    fn cgroup2_frozen_changed(&mut self, kernel: &mut Kernel, tid: Tid) {
        if let Some(hierarchy) = self.unified_mut() {
            unified::freezer::task_changed(hierarchy, kernel, tid);
        }
    }
    fn cgroup2_freezing(&self, tid: Tid) -> bool {
        self.hierarchies.get(&0).is_some_and(|h| unified::freezer::is_freezing(h, h.group_of(tid)))
    }
    fn cgroup_freezing(&self, tid: Tid) -> bool {
        self.freezers().any(|h| crate::freezer::is_freezing(h, h.group_of(tid)))
    }
    fn cgroup_frozen(&self, tid: Tid) -> bool {
        self.freezers().any(|h| crate::freezer::is_frozen(h, h.group_of(tid)))
    }
    fn proc_lines(&self, _: &Kernel, tid: Tid) -> String {
        let line = |h: &Hierarchy| {
            let mut names: Vec<String> = h.subsystems.iter().map(|s| s.name().to_string()).collect();
            if !h.name.is_empty() {
                names.push(format!("name={}", h.name));
            }
            let id = h.shown_group(tid);
            let deleted = if h.any(id).is_some_and(|group| group.dead) { " (deleted)" } else { "" };
            format!("{}:{}:{}{deleted}\n", h.number, names.join(","), h.path(id))
        };
        self.hierarchies.values().rev().map(line).collect()
    }
    fn proc_cgroups(&self, kernel: &Kernel) -> String {
        let mut text = String::from("#subsys_name\thierarchy\tnum_cgroups\tenabled\n");
        for subsystem in SUBSYSTEMS.iter().filter(|s| s.exists(Interface::Cgroup.rules(kernel))) {
            let mut cgroups = self.hierarchies.values().filter(|h| h.interface == Interface::Cgroup);
            let of = cgroups.find(|h| h.has(subsystem.name()));
            let (number, groups) = of.map_or((0, 1), |h| (h.number, h.ids().len()));
            text += &format!("{}\t{number}\t{groups}\t1\n", subsystem.name());
        }
        text
    }
    fn mount(&mut self, kernel: &mut Kernel, fstype: &str, source: &[u8], data: &[u8]) -> Result<SuperId> {
        crate::mount::mount(self, kernel, fstype, source, data)
    }
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
    fn group_of(&self, tid: Tid) -> String {
        let hierarchy = self.freezers().next().or_else(|| self.hierarchies.values().next_back());
        hierarchy.map_or_else(|| "/".into(), |h| h.path(h.group_of(tid)))
    }
}

impl Core {
    /// Tasks that a freezer of this hierarchy let go stay frozen if another one holds them: a cgroup's and a container's.
    pub(crate) fn hold(&mut self, number: u32, kernel: &mut Kernel) {
        let Some(hierarchy) = self.hierarchies.get_mut(&number) else { return };
        let thawed = std::mem::take(&mut hierarchy.thawed);
        if self.freezers().count() > 1 {
            for tid in thawed.into_iter().filter(|&tid| self.cgroup_freezing(tid)) {
                freeze_task(kernel, tid, true);
            }
        }
    }

    pub(crate) fn unified_mut(&mut self) -> Option<&mut Hierarchy> {
        self.hierarchies.get_mut(&0)
    }
    fn freezers(&self) -> impl Iterator<Item = &Hierarchy> {
        self.hierarchies.values().filter(|h| h.has("freezer"))
    }
}
