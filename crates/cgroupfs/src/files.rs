//! The control files of a group: the core's own and its subsystems'.
use crate::attach::{parse_int, write_pid};
use crate::hierarchy::{GroupId, Hierarchy, ROOT};
use crate::subsystem::FileSpec;
use abi::{Errno, PATH_MAX};
use kernel::{Kernel, Result, Tid};

/// The core's files, and which need a later kernel than 2008's or are the root's alone.
const TASKS: FileSpec = FileSpec::new("tasks", 0o644);
const PROCS: FileSpec = FileSpec::new("cgroup.procs", 0o644);
const NOTIFY: FileSpec = FileSpec::new("notify_on_release", 0o644);
const CLONE_CHILDREN: FileSpec = FileSpec::new("cgroup.clone_children", 0o644);
const SANE: FileSpec = FileSpec::new("cgroup.sane_behavior", 0o444);
const AGENT: FileSpec = FileSpec::new("release_agent", 0o644);

/// The files of a group, in the order their inode numbers have.
pub(crate) fn files(hierarchy: &Hierarchy, id: GroupId, kernel: &Kernel) -> Vec<FileSpec> {
    let mut files = vec![TASKS, NOTIFY];
    if hierarchy.rules(kernel).modern_core_files {
        files.extend([PROCS, CLONE_CHILDREN]);
        if id == ROOT {
            files.push(SANE);
        }
    }
    if id == ROOT {
        files.push(AGENT);
    }
    for subsystem in &hierarchy.subsystems {
        files.extend(subsystem.files(hierarchy, id, kernel));
    }
    files
}

/// What a file's name is in this hierarchy.
pub(crate) fn shown_name(hierarchy: &Hierarchy, file: &FileSpec) -> &'static str {
    match file.name.split_once('.') {
        Some((prefix, rest)) if hierarchy.noprefix && prefix != "cgroup" => rest,
        _ => file.name,
    }
}

/// The contents of a file.
/// Numbers of tasks are those of the reader's pid namespace; whom that does not have is 0 there.
pub(crate) fn read(
    hierarchy: &mut Hierarchy,
    id: GroupId,
    file: &str,
    reader: Tid,
    kernel: &mut Kernel,
) -> Result<String> {
    let group = hierarchy.get(id)?;
    let bool_line = |on: bool| Ok(format!("{}\n", u8::from(on)));
    match file {
        "tasks" => Ok(group.members.iter().map(|tid| format!("{}\n", kernel.pid_vnr(reader, *tid))).collect()),
        "cgroup.procs" => {
            let mut leaders: Vec<u32> = group
                .members
                .iter()
                .filter_map(|&tid| Some(kernel.tasks.get(tid)?.tgid))
                .map(|tgid| kernel.pid_vnr(reader, tgid))
                .collect();
            leaders.sort_unstable();
            leaders.dedup();
            Ok(leaders.iter().map(|pid| format!("{pid}\n")).collect())
        }
        "notify_on_release" => bool_line(group.notify_on_release),
        "cgroup.clone_children" => bool_line(group.clone_children),
        "cgroup.sane_behavior" => bool_line(false),
        "release_agent" => Ok(format!("{}\n", hierarchy.release_agent)),
        _ => {
            let subsystem = owner(hierarchy, file)?;
            subsystem.read(hierarchy, id, file, kernel)
        }
    }
}

/// A write to a file.
pub(crate) fn write(
    hierarchy: &mut Hierarchy,
    id: GroupId,
    file: &str,
    text: &[u8],
    caller: Tid,
    kernel: &mut Kernel,
) -> Result<()> {
    let rules = hierarchy.rules(kernel);
    if text.is_empty() && rules.kernfs {
        return Ok(());
    }
    let longest = if file == AGENT.name { PATH_MAX } else { rules.max_write };
    if text.len() > longest {
        return Err(Errno::E2BIG);
    }
    let group = hierarchy.get_mut(id)?;
    match file {
        "tasks" => write_pid(hierarchy, id, text, caller, false, kernel),
        "cgroup.procs" => write_pid(hierarchy, id, text, caller, true, kernel),
        "notify_on_release" => {
            group.notify_on_release = parse_bool(text, rules.kernfs)?;
            Ok(())
        }
        "cgroup.clone_children" => {
            group.clone_children = parse_bool(text, rules.kernfs)?;
            Ok(())
        }
        "release_agent" => {
            let path = std::str::from_utf8(text).map_err(|_| Errno::EINVAL)?.trim();
            hierarchy.release_agent = path.into();
            Ok(())
        }
        "cgroup.sane_behavior" => Err(Errno::EINVAL),
        _ => {
            let subsystem = owner(hierarchy, file)?;
            subsystem.write(hierarchy, id, file, text, kernel)
        }
    }
}

/// Any unsigned number: 0 is off. With kernfs it is kstrtoull's: no white space but one newline after it.
fn parse_bool(text: &[u8], kernfs: bool) -> Result<bool> {
    if !kernfs {
        return match parse_int(text)? {
            value if value < 0 => Err(Errno::EINVAL),
            value => Ok(value != 0),
        };
    }
    let text = text.split(|&b| b == 0).next().unwrap_or(text);
    let digits = text.strip_prefix(b"+").unwrap_or(text);
    let digits = digits.strip_suffix(b"\n").unwrap_or(digits);
    let (radix, digits) = match digits {
        [b'0', b'x' | b'X', _, ..] => (16, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.iter().all(|&b| char::from(b).is_digit(radix)) {
        return Err(Errno::EINVAL);
    }
    let digits = std::str::from_utf8(digits).map_err(|_| Errno::EINVAL)?;
    u64::from_str_radix(digits, radix).map(|value| value != 0).map_err(|_| Errno::ERANGE)
}

fn owner(hierarchy: &Hierarchy, file: &str) -> Result<&'static dyn crate::subsystem::Subsystem> {
    let prefix = file.split('.').next().unwrap_or(file);
    hierarchy.subsystems.iter().find(|s| s.name() == prefix).copied().ok_or(Errno::ENODEV)
}
