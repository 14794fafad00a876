//! `mount -t cgroup -o OPTIONS NAME DIR`, and the same of type `container` (parse_cgroupfs_options, cgroup_get_sb).
use crate::core::Core;
use crate::fs::CgroupFs;
use crate::hierarchy::{Hierarchy, Interface};
use crate::subsystem::{SUBSYSTEMS, Subsystem};
use abi::Errno;
use kernel::vfs::SuperId;
use kernel::{Kernel, Result};

/// What the options ask for.
#[derive(Default)]
struct Options {
    subsystems: Vec<&'static dyn Subsystem>,
    all: bool,
    none: bool,
    noprefix: bool,
    clone_children: bool,
    name: Option<String>,
    release_agent: Option<String>,
}

fn parse(data: &[u8], there: &[&'static dyn Subsystem]) -> Result<Options> {
    let text = std::str::from_utf8(data).map_err(|_| Errno::EINVAL)?;
    let mut options = Options::default();
    if text.is_empty() {
        options.all = true;
        return Ok(options);
    }
    for token in text.split(',') {
        match token {
            "" => return Err(Errno::EINVAL),
            "all" => options.all = true,
            "none" => options.none = true,
            "noprefix" => options.noprefix = true,
            "clone_children" => options.clone_children = true,
            "xattr" => {}
            _ => match token.split_once('=') {
                Some(("release_agent", path)) => options.release_agent = Some(path.into()),
                Some(("name", name)) if !name.is_empty() && name.len() < 64 => options.name = Some(name.into()),
                Some(_) => return Err(Errno::EINVAL),
                // F08-29
                None => {
                    let subsystem = there.iter().find(|s| s.name() == token).ok_or(Errno::ENOENT)?;
                    if !options.subsystems.iter().any(|s| s.name() == token) {
                        options.subsystems.push(*subsystem);
                    }
                }
            },
        }
    }
    Ok(options)
}

/// Finds or makes the hierarchy, and a super block that shows it.
pub(crate) fn mount(
    core: &mut Core,
    kernel: &mut Kernel,
    fstype: &str,
    _source: &[u8],
    data: &[u8],
) -> Result<SuperId> {
    if fstype == Interface::Unified.fstype() {
        return crate::unified::mount(core, kernel, data);
    }
    let interfaces = [Interface::Cgroup, Interface::Container];
    let interface = interfaces.into_iter().find(|i| i.fstype() == fstype).ok_or(Errno::ENODEV)?;
    let rules = interface.rules(kernel);
    let there: Vec<&'static dyn Subsystem> = SUBSYSTEMS.iter().copied().filter(|s| s.exists(rules)).collect();
    let options = parse(data, &there)?;
    let taken =
        |core: &Core, s: &dyn Subsystem| core.hierarchies.values().any(|h| h.interface == interface && h.has(s.name()));
    let mut wanted = options.subsystems;
    if options.all || (wanted.is_empty() && !options.none && options.name.is_none()) {
        if !wanted.is_empty() || options.none {
            return Err(Errno::EINVAL);
        }
        wanted.clone_from(&there);
    }
    if wanted.is_empty() && options.name.is_none() || (options.none && !wanted.is_empty()) {
        return Err(Errno::EINVAL);
    }
    wanted.sort_by_key(|s| there.iter().position(|other| other.name() == s.name()));
    let same = |h: &Hierarchy| {
        h.interface == interface
            && h.subsystems.len() == wanted.len()
            && wanted.iter().all(|s| h.has(s.name()))
            && options.name.as_ref().is_none_or(|name| *name == h.name)
    };
    let found = core.hierarchies.values().find(|h| same(h)).map(|h| h.number);
    let number = match found {
        Some(number) => number,
        // A subsystem lives in one hierarchy only.
        None if wanted.iter().any(|s| taken(core, *s)) => return Err(Errno::EBUSY),
        None => {
            let number = core.next;
            core.next += 1;
            let tasks: Vec<_> = kernel.tasks.iter().filter(|task| !task.is_dead()).map(|task| task.tid).collect();
            let mut hierarchy = Hierarchy::new(number, interface, wanted, tasks.into_iter());
            hierarchy.name = options.name.unwrap_or_default();
            hierarchy.noprefix = options.noprefix;
            hierarchy.release_agent = options.release_agent.unwrap_or_default();
            if let Ok(root) = hierarchy.get_mut(crate::hierarchy::ROOT) {
                root.clone_children = options.clone_children;
                root.made = kernel.clock.realtime();
            }
            core.hierarchies.insert(number, hierarchy);
            number
        }
    };
    let hierarchy = core.hierarchies.get_mut(&number).ok_or(Errno::ENODEV)?;
    hierarchy.mounts += 1;
    let mut shown: Vec<String> = hierarchy.subsystems.iter().map(|s| s.name().to_string()).collect();
    if hierarchy.noprefix {
        shown.push("noprefix".into());
    }
    if !hierarchy.release_agent.is_empty() {
        shown.push(format!("release_agent={}", hierarchy.release_agent));
    }
    if !hierarchy.name.is_empty() {
        shown.push(format!("name={}", hierarchy.name));
    }
    Ok(kernel.vfs.add_super(Box::new(CgroupFs::new(number, interface, shown.join(",")))))
}
