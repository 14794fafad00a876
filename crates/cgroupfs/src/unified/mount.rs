//! `mount -t cgroup2 -o OPTIONS NAME DIR` (cgroup2_parse_param).
use crate::core::Core;
use crate::fs::CgroupFs;
use crate::hierarchy::{Interface, ROOT};
use abi::Errno;
use kernel::vfs::SuperId;
use kernel::{Kernel, Result};

/// What Linux takes, in the order /proc/mounts shows it. All are kept and shown; there is nothing they could change here.
const OPTIONS: &[&str] = &[
    "nsdelegate",
    "favordynmods",
    "memory_localevents",
    "memory_recursiveprot",
    "memory_hugetlb_accounting",
    "pids_localevents",
];

/// The options as /proc/mounts shows them; EINVAL for one that there is not.
pub(crate) fn options(data: &[u8]) -> Result<String> {
    let text = std::str::from_utf8(data).map_err(|_| Errno::EINVAL)?;
    let asked: Vec<&str> = text.split(',').filter(|word| !word.is_empty()).collect();
    if asked.iter().any(|word| !OPTIONS.contains(word)) {
        return Err(Errno::EINVAL);
    }
    let shown: Vec<&str> = OPTIONS.iter().copied().filter(|option| asked.contains(option)).collect();
    Ok(shown.join(","))
}

/// The one super block of the default hierarchy: mounted twice it shows the same, with the options of the last mount.
pub(crate) fn mount(core: &mut Core, kernel: &mut Kernel, data: &[u8]) -> Result<SuperId> {
    let options = options(data)?;
    let hierarchy = core.unified_mut().ok_or(Errno::ENODEV)?;
    if let Some(sup) = hierarchy.sup {
        kernel.with_super(sup, |fs, kernel| fs.remount(kernel, data))?;
        return Ok(sup);
    }
    let sup = kernel.vfs.add_super(Box::new(CgroupFs::new(0, Interface::Unified, options)));
    hierarchy.sup = Some(sup);
    if let Ok(root) = hierarchy.get_mut(ROOT) {
        root.made = kernel.clock.realtime();
    }
    Ok(sup)
}
