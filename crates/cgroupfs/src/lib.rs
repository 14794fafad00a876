//! Control groups: the core that knows which task is in which group, the filesystems that show it, and the subsystems.
//!
//! The core (`core::Core`) is the kernel's `CgroupCore`: it is told of every birth and death, and outlives any mount. A
//! mount is a `fs::CgroupFs`, which holds nothing but the number of the hierarchy it shows.
mod attach;
mod core;
mod files;
mod freezer;
mod fs;
mod hierarchy;
mod mount;
mod ns;
mod subsystem;
mod unified;

use hierarchy::{GroupId, Hierarchy, Interface, ROOT};
use kernel::saved::{Restorer, SaveError, Saved};
use kernel::{CgroupCore, Kernel};

/// A cgroup core without hierarchies. What its freezer does follows the profile of the kernel it is given to.
pub fn new() -> Box<dyn CgroupCore> {
    Box::new(core::Core::new())
}

/// The core of a saved machine.
pub fn restore(saved: &Saved) -> std::result::Result<Box<dyn CgroupCore>, SaveError> {
    Ok(Box::new(saved.state::<core::Core>()?))
}

/// What makes the filesystems of a saved machine again.
pub const RESTORERS: &[Restorer] = &[("cgroup", kernel::saved::restore::<fs::CgroupFs>)];

/// The groups that can be frozen, with their states as a reader would see them. The name of one that is not a cgroup of v1
/// begins with its type; of cgroup2 the state is what cgroup.freeze and cgroup.events say.
pub fn freezer_groups(kernel: &mut Kernel) -> Vec<(String, String)> {
    core::with_core(kernel, |core, kernel| {
        let mut groups = Vec::new();
        if let Some(hierarchy) = core.unified_mut() {
            let ids = hierarchy.ids().into_iter().filter(|&id| id != ROOT);
            groups.extend(ids.map(|id| (shown(hierarchy, id), unified_state(hierarchy, id))));
        }
        for hierarchy in core.hierarchies.values_mut().filter(|h| h.has("freezer")) {
            for id in hierarchy.ids() {
                if freezer::can_freeze(hierarchy, id, kernel) {
                    groups.push((shown(hierarchy, id), freezer::state(hierarchy, id, kernel).to_string()));
                }
            }
        }
        groups
    })
    .unwrap_or_default()
}

fn shown(hierarchy: &Hierarchy, id: GroupId) -> String {
    match hierarchy.interface {
        Interface::Cgroup => hierarchy.path(id),
        Interface::Container | Interface::Unified => format!("{}:{}", hierarchy.interface.fstype(), hierarchy.path(id)),
    }
}

fn unified_state(hierarchy: &Hierarchy, id: GroupId) -> String {
    let (set, frozen) = (unified::freezer::is_set(hierarchy, id), unified::freezer::is_frozen(hierarchy, id));
    format!("freeze {} frozen {}", u8::from(set), u8::from(frozen))
}

/// Freezes a thawed group, thaws any other, by the name that [`freezer_groups`] gives; says what came of it.
pub fn toggle_freezer(kernel: &mut Kernel, name: &str) -> String {
    let done = core::with_core(kernel, |core, kernel| {
        if let Some(hierarchy) = core.unified_mut()
            && let Some(id) = hierarchy.ids().into_iter().find(|&id| id != ROOT && shown(hierarchy, id) == name)
        {
            let freeze = !unified::freezer::is_set(hierarchy, id);
            unified::freezer::freeze(hierarchy, id, freeze, kernel);
            return Some(format!("{name}: {}\n", unified_state(hierarchy, id)));
        }
        let (number, id) = core.hierarchies.values().filter(|h| h.has("freezer")).find_map(|h| {
            let id = h.ids().into_iter().find(|&id| shown(h, id) == name)?;
            Some((h.number, id))
        })?;
        let hierarchy = core.hierarchies.get_mut(&number)?;
        let thawed = freezer::state(hierarchy, id, kernel) == hierarchy.rules(kernel).thawed_word;
        let written = freezer::change_state(hierarchy, id, thawed, kernel);
        let state = freezer::state(hierarchy, id, kernel);
        core.hold(number, kernel);
        Some(match written {
            Ok(()) => format!("{name}: {state}\n"),
            Err(errno) => format!("{name}: {errno:?}, {state}\n"),
        })
    });
    done.flatten().unwrap_or_else(|| format!("{name}: no such cgroup\n"))
}
