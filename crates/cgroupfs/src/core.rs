//! The core: every hierarchy, and what the kernel tells and asks.
use crate::hierarchy::{Hierarchy, Interface};
use crate::subsystem::SUBSYSTEMS;
use kernel::freezer::freeze_task;
use kernel::saved::{SaveError, Saved};
use kernel::vfs::SuperId;
use kernel::{CgroupCore, Kernel, Result, Tid, TraceKind};
use serde::{Deserialize, Serialize};
use std::any::Any;
use std::collections::BTreeMap;

/// The state of control groups.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Core {
    /// By number, as /proc/PID/cgroup shows them.
    pub(crate) hierarchies: BTreeMap<u32, Hierarchy>,
    pub(crate) next: u32,
}

/// Calls the kernel's core as what it is here.
pub(crate) fn with_core<T>(kernel: &mut Kernel, f: impl FnOnce(&mut Core, &mut Kernel) -> T) -> Option<T> {
    kernel.with_cgroups(|core, kernel| core.as_any().downcast_mut::<Core>().map(|core| f(core, kernel))).flatten()
}

impl Core {
    pub(crate) fn new() -> Core {
        Core { hierarchies: BTreeMap::new(), next: 1 }
    }
}

impl CgroupCore for Core {
    fn clone_box(&self) -> Box<dyn CgroupCore> {
        Box::new(self.clone())
    }
    fn save(&self) -> std::result::Result<Saved, SaveError> {
        Saved::new("cgroups", self)
    }
    fn can_fork(&mut self, _: &mut Kernel, _: Tid) -> Result<()> {
        Ok(())
    }
    fn forked(&mut self, kernel: &mut Kernel, parent: Tid, child: Tid) {
        for hierarchy in self.hierarchies.values_mut() {
            let id = hierarchy.group_of(parent);
            hierarchy.put(child, id);
            for subsystem in hierarchy.subsystems.clone() {
                subsystem.forked(hierarchy, id, child, kernel);
            }
        }
    }
    fn cancel_fork(&mut self, _: &mut Kernel, _: Tid) {}
    fn exited(&mut self, kernel: &mut Kernel, tid: Tid) {
        for hierarchy in self.hierarchies.values_mut() {
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
    fn task_stopped_or_frozen_changed(&mut self, _: &mut Kernel, _: Tid) {}
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
            format!("{}:{}:{}\n", h.number, names.join(","), h.path(h.group_of(tid)))
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
        let hierarchy = self.freezers().next().or_else(|| self.hierarchies.values().next());
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

    fn freezers(&self) -> impl Iterator<Item = &Hierarchy> {
        self.hierarchies.values().filter(|h| h.has("freezer"))
    }
}
