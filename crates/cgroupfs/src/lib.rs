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
mod subsystem;

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

/// The groups that can be frozen, with their states as a reader of `freezer.state` would see them.
pub fn freezer_groups(kernel: &mut Kernel) -> Vec<(String, String)> {
    core::with_core(kernel, |core, kernel| {
        let mut groups = Vec::new();
        for hierarchy in core.hierarchies.values_mut().filter(|h| h.has("freezer")) {
            for id in hierarchy.ids() {
                if freezer::can_freeze(hierarchy, id, kernel) {
                    groups.push((hierarchy.path(id), freezer::state(hierarchy, id, kernel).to_string()));
                }
            }
        }
        groups
    })
    .unwrap_or_default()
}

/// Freezes a thawed group, thaws any other; says what came of it.
pub fn toggle_freezer(kernel: &mut Kernel, path: &str) -> String {
    let done = core::with_core(kernel, |core, kernel| {
        let hierarchy = core.hierarchies.values_mut().find(|h| h.has("freezer"))?;
        let id = hierarchy.ids().into_iter().find(|&id| hierarchy.path(id) == path)?;
        let thawed = kernel.config.freezer.rules.thawed_word;
        let goal = if freezer::state(hierarchy, id, kernel) == thawed { "FROZEN" } else { thawed };
        let written = freezer::write_state(hierarchy, id, goal, kernel);
        let state = freezer::state(hierarchy, id, kernel);
        Some(match written {
            Ok(()) => format!("{path}: {state}\n"),
            Err(errno) => format!("{path}: {errno:?}, {state}\n"),
        })
    });
    done.flatten().unwrap_or_else(|| format!("{path}: no such cgroup\n"))
}
