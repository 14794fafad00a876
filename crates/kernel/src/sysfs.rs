//! sysfs, as far as tools open it: a fixed tree of directories, and files that are made when read.
use crate::power::{Attribute, attributes as power};
use crate::saved::{SaveError, Saved};
use crate::vfs::{Attr, DirEntry, FileSystem, Ino, Io, OpenFile, SetAttr};
use crate::{Kernel, Result};
use abi::*;
use serde::{Deserialize, Serialize};

/// What is at a path.
enum Entry {
    Dir,
    File(fn(&Kernel) -> String),
    Attr(&'static Attribute),
    /// Another name of a directory, which no listing shows.
    Alias(&'static str),
}

use Entry::{Alias, Attr as Knob, Dir, File};

/// Every path, a parent before its children. cgroup filesystems are mounted at or under fs/cgroup.
#[rustfmt::skip]
const TREE: &[(&str, Entry)] = &[
    ("", Dir),
    ("block", Dir),
    ("bus", Dir),
    ("class", Dir),
    ("class/rtc", Dir),
    // DIFFERS FROM LINUX: rtcwake looks here when udev's link /dev/rtc is what it opened.
    ("class/rtc/rtc", Alias("class/rtc/rtc0")),
    ("class/rtc/rtc0", Dir),
    ("class/rtc/rtc0/date", Knob(&power::RTC_DATE)),
    ("class/rtc/rtc0/dev", File(|_| "252:0".into())),
    ("class/rtc/rtc0/device", Dir),
    ("class/rtc/rtc0/device/power", Dir),
    ("class/rtc/rtc0/device/power/wakeup", File(|_| "enabled".into())),
    ("class/rtc/rtc0/hctosys", File(|_| "1".into())),
    ("class/rtc/rtc0/max_user_freq", File(|_| "64".into())),
    ("class/rtc/rtc0/name", File(|_| "rtc-minikern".into())),
    ("class/rtc/rtc0/since_epoch", Knob(&power::RTC_SINCE_EPOCH)),
    ("class/rtc/rtc0/time", Knob(&power::RTC_TIME)),
    ("class/rtc/rtc0/wakealarm", Knob(&power::RTC_WAKEALARM)),
    ("class/tty", Dir),
    ("class/tty/console", Dir),
    ("class/tty/console/active", File(|_| "ttyS0".into())),
    ("dev", Dir),
    ("devices", Dir),
    ("devices/system", Dir),
    ("devices/system/cpu", Dir),
    ("devices/system/cpu/kernel_max", File(|kernel| (kernel.config.cpus - 1).to_string())),
    ("devices/system/cpu/online", File(cpus)),
    ("devices/system/cpu/possible", File(cpus)),
    ("devices/system/cpu/present", File(cpus)),
    ("firmware", Dir),
    ("fs", Dir),
    ("fs/cgroup", Dir),
    ("kernel", Dir),
    ("kernel/mm", Dir),
    ("module", Dir),
    ("power", Dir),
    ("power/disk", Knob(&power::DISK)),
    ("power/image_size", Knob(&power::IMAGE_SIZE)),
    ("power/mem_sleep", Knob(&power::MEM_SLEEP_FILE)),
    ("power/pm_async", Knob(&power::PM_ASYNC)),
    ("power/pm_debug_messages", Knob(&power::PM_DEBUG_MESSAGES)),
    ("power/pm_freeze_timeout", Knob(&power::PM_FREEZE_TIMEOUT)),
    ("power/pm_print_times", Knob(&power::PM_PRINT_TIMES)),
    ("power/pm_test", Knob(&power::PM_TEST)),
    ("power/pm_wakeup_irq", Knob(&power::PM_WAKEUP_IRQ)),
    ("power/reserved_size", Knob(&power::RESERVED_SIZE)),
    ("power/resume", Knob(&power::RESUME)),
    ("power/resume_offset", Knob(&power::RESUME_OFFSET)),
    ("power/state", Knob(&power::STATE)),
    ("power/suspend_stats", Dir),
    ("power/suspend_stats/fail", Knob(&power::STATS_FAIL)),
    ("power/suspend_stats/failed_freeze", Knob(&power::STATS_FAILED_FREEZE)),
    ("power/suspend_stats/last_failed_errno", Knob(&power::STATS_LAST_ERRNO)),
    ("power/suspend_stats/success", Knob(&power::STATS_SUCCESS)),
    ("power/sync_on_suspend", Knob(&power::SYNC_ON_SUSPEND)),
    ("power/wakeup_count", Knob(&power::WAKEUP_COUNT)),
];

/// `0`, or `0-3`.
fn cpus(kernel: &Kernel) -> String {
    match kernel.config.cpus {
        1 => "0".into(),
        cpus => format!("0-{}", cpus - 1),
    }
}

/// The one instance. An inode's number is its place in `TREE`, from 1.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct SysFs;

fn at(ino: Ino) -> Result<&'static (&'static str, Entry)> {
    ino.0.checked_sub(1).and_then(|at| TREE.get(usize::try_from(at).ok()?)).ok_or(Errno::ENOENT)
}

fn children(dir: Ino) -> Result<impl Iterator<Item = (&'static str, Ino, &'static Entry)>> {
    let (parent, Dir) = at(dir)? else { return Err(Errno::ENOTDIR) };
    Ok(TREE.iter().enumerate().skip(1).filter_map(move |(at, (path, entry))| {
        let rest = if parent.is_empty() { path } else { path.strip_prefix(parent)?.strip_prefix('/')? };
        (!rest.contains('/')).then_some((rest, Ino(at as u64 + 1), entry))
    }))
}

impl FileSystem for SysFs {
    fn clone_box(&self) -> Box<dyn FileSystem> {
        Box::new(self.clone())
    }
    fn save(&self) -> std::result::Result<Saved, SaveError> {
        Saved::new("sysfs", self)
    }

    fn kind(&self) -> &'static str {
        "sysfs"
    }

    fn statfs(&self, _: &Kernel) -> Statfs {
        Statfs { kind: SYSFS_MAGIC, bsize: 4096, frsize: 4096, namelen: NAME_MAX as u64, ..Statfs::default() }
    }

    fn root(&self) -> Ino {
        Ino(1)
    }

    fn lookup(&mut self, _: &mut Kernel, dir: Ino, name: &[u8]) -> Result<Ino> {
        let (_, ino, entry) = children(dir)?.find(|(entry, ..)| entry.as_bytes() == name).ok_or(Errno::ENOENT)?;
        let Alias(of) = entry else { return Ok(ino) };
        let place = TREE.iter().position(|(path, _)| path == of).ok_or(Errno::ENOENT)?;
        Ok(Ino(place as u64 + 1))
    }

    fn attr(&mut self, kernel: &mut Kernel, ino: Ino) -> Result<Attr> {
        let (mode, nlink, size) = match at(ino)?.1 {
            Dir => {
                let dirs = children(ino)?.filter(|(.., entry)| matches!(entry, Dir)).count() as u32;
                (S_IFDIR | 0o755, 2 + dirs, 0)
            }
            File(_) | Alias(_) => (S_IFREG | 0o444, 1, 4096),
            Knob(knob) => (S_IFREG | if knob.store.is_some() { 0o644 } else { 0o444 }, 1, 4096),
        };
        let boot = Timespec::from_ns(kernel.clock.booted_at());
        Ok(Attr { mode, nlink, uid: 0, gid: 0, rdev: 0, size, atime: boot, mtime: boot, ctime: boot })
    }

    fn read_dir(&mut self, _: &mut Kernel, dir: Ino) -> Result<Vec<DirEntry>> {
        let kind = |entry: &Entry| if matches!(entry, Dir) { S_IFDIR } else { S_IFREG };
        let listed = children(dir)?.filter(|(.., entry)| !matches!(entry, Alias(_)));
        Ok(listed.map(|(name, ino, entry)| DirEntry { name: name.into(), ino, kind: kind(entry) }).collect())
    }

    fn read(&mut self, kernel: &mut Kernel, file: OpenFile, from: u64, buf: &mut [u8]) -> Io {
        let text = match at(file.ino)?.1 {
            File(text) => text(kernel) + "\n",
            Knob(knob) => (knob.show)(kernel)?,
            Dir | Alias(_) => return Err(Errno::EISDIR.into()),
        };
        let rest = usize::try_from(from).ok().and_then(|from| text.as_bytes().get(from..)).unwrap_or_default();
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    /// Up to a page, ended by the first zero; nothing is nothing (`kernfs_fop_write_iter`).
    fn write(&mut self, kernel: &mut Kernel, file: OpenFile, _: u64, data: &[u8]) -> Io {
        let Knob(Attribute { store: Some(store), .. }) = at(file.ino)?.1 else { return Err(Errno::EIO.into()) };
        let data = &data[..data.len().min(mmu::PAGE_SIZE as usize)];
        if !data.is_empty() {
            let text = data.split(|&byte| byte == 0).next().unwrap_or_default();
            store(kernel, file.caller, &String::from_utf8_lossy(text))?;
        }
        Ok(data.len())
    }

    /// Opening with O_TRUNC changes nothing.
    fn set_attr(&mut self, _: &mut Kernel, _: Ino, set: &SetAttr) -> Result<()> {
        let truncates_only = SetAttr { size: None, ..set.clone() } == SetAttr::default();
        if truncates_only { Ok(()) } else { Err(Errno::EPERM) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_its_parent_before_it() {
        for (place, (path, _)) in TREE.iter().enumerate().skip(1) {
            let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
            let found = TREE.iter().position(|(path, _)| *path == parent).expect(parent);
            assert!(found < place && matches!(TREE[found].1, Dir), "{path}");
            let name = path.rsplit('/').next().expect("a name");
            let mut names = children(Ino(found as u64 + 1)).expect("a directory");
            assert!(names.any(|(child, ino, _)| child == name && ino.0 == place as u64 + 1), "{path}");
        }
    }
}
