//! The control files of cgroup2 (cgroup_base_files).
use super::{attach, freezer, is_populated, kill, threaded};
use crate::attach::parse_int;
use crate::freezer::blockers;
use crate::hierarchy::{GroupId, Hierarchy, ROOT};
use crate::subsystem::FileSpec;
use abi::Errno;
use kernel::{Cred, Kernel, Result, Tid};
use std::collections::BTreeSet;

/// Every file: those that the root has too, then the others. Inode numbers go by this order.
pub(super) const FILES: &[FileSpec] = &[
    FileSpec::new("cgroup.controllers", 0o444),
    FileSpec::new("cgroup.max.depth", 0o644),
    FileSpec::new("cgroup.max.descendants", 0o644),
    FileSpec::new("cgroup.procs", 0o644),
    FileSpec::new("cgroup.stat", 0o444),
    FileSpec::new("cgroup.subtree_control", 0o644),
    FileSpec::new("cgroup.threads", 0o644),
    FileSpec::new("cgroup.events", 0o444),
    FileSpec::new("cgroup.freeze", 0o644),
    FileSpec::new("cgroup.kill", 0o200),
    FileSpec::new("cgroup.stat.local", 0o444),
    FileSpec::new("cgroup.type", 0o644),
    blockers::FILE,
];
const OF_ROOT: usize = 7;
/// Places of files, as inode numbers count.
pub(super) const PROCS_PLACE: usize = 4;
pub(super) const EVENTS_PLACE: usize = 8;
/// What kernfs takes in one write.
const MAX_WRITE: usize = 4096;

/// The files of a group.
pub(crate) fn files(id: GroupId) -> &'static [FileSpec] {
    if id == ROOT { &FILES[..OF_ROOT] } else { FILES }
}

/// The contents of a file.
pub(crate) fn read(h: &Hierarchy, id: GroupId, file: &str, caller: Tid, kernel: &Kernel) -> Result<String> {
    let group = h.get(id)?;
    let unified = &group.unified;
    let limit = |max: Option<u64>| Ok(max.map_or("max\n".into(), |max| format!("{max}\n")));
    match file {
        // No controllers, so no line either.
        "cgroup.controllers" | "cgroup.subtree_control" => Ok(String::new()),
        "cgroup.max.depth" => limit(unified.max_depth),
        "cgroup.max.descendants" => limit(unified.max_descendants),
        "cgroup.procs" => procs(h, id, caller, kernel),
        "cgroup.threads" => Ok(numbers(h.members(id, kernel).into_iter(), caller, kernel)),
        "cgroup.stat" => {
            Ok(format!("nr_descendants {}\nnr_dying_descendants {}\n", unified.descendants, h.dying_below(id)))
        }
        "cgroup.stat.local" => Ok(format!("frozen_usec {}\n", unified.freezer.frozen_usec(kernel.clock.now))),
        "cgroup.events" => {
            let (populated, frozen) = (u8::from(is_populated(h, id)), u8::from(freezer::is_frozen(h, id)));
            Ok(format!("populated {populated}\nfrozen {frozen}\n"))
        }
        "cgroup.freeze" => Ok(format!("{}\n", u8::from(freezer::is_set(h, id)))),
        "cgroup.type" => Ok(format!("{}\n", threaded::kind(h, id))),
        blockers::NAME => Ok(blockers::unified_text(h, id, kernel)),
        _ => Err(Errno::EINVAL),
    }
}

/// The processes of the group; of a threaded domain, all in its threaded subtree.
fn procs(h: &Hierarchy, id: GroupId, caller: Tid, kernel: &Kernel) -> Result<String> {
    if threaded::is_threaded(h, id) {
        return Err(Errno::EOPNOTSUPP);
    }
    let domain = h.below(id).into_iter().filter(|&at| threaded::domain(h, at) == id);
    let members = domain.flat_map(|at| h.members(at, kernel));
    let leaders: BTreeSet<Tid> = members.filter_map(|tid| Some(kernel.tasks.get(tid)?.tgid)).collect();
    Ok(numbers(leaders.into_iter(), caller, kernel))
}

/// A line each, as the reader's pid namespace counts; 0 for what it cannot see.
fn numbers(tids: impl Iterator<Item = Tid>, reader: Tid, kernel: &Kernel) -> String {
    tids.map(|tid| format!("{}\n", kernel.pid_vnr(reader, tid))).collect()
}

/// A write to a file.
pub(crate) fn write(
    h: &mut Hierarchy,
    id: GroupId,
    file: &str,
    text: &[u8],
    caller: Tid,
    opener: &Cred,
    kernel: &mut Kernel,
) -> Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    if text.len() > MAX_WRITE {
        return Err(Errno::E2BIG);
    }
    h.get(id)?;
    let text = text.split(|&b| b == 0).next().unwrap_or(text).trim_ascii();
    match file {
        "cgroup.procs" => attach::write_pid(h, id, text, caller, opener, true, kernel),
        "cgroup.threads" => attach::write_pid(h, id, text, caller, opener, false, kernel),
        "cgroup.freeze" => {
            let freeze = match kstrtoint(text)? {
                value @ 0..=1 => value == 1,
                _ => return Err(Errno::ERANGE),
            };
            freezer::freeze(h, id, freeze, kernel);
            Ok(())
        }
        "cgroup.kill" => match kstrtoint(text)? {
            1 if threaded::is_threaded(h, id) => Err(Errno::EOPNOTSUPP),
            1 => {
                kill(h, id, kernel);
                Ok(())
            }
            _ => Err(Errno::ERANGE),
        },
        "cgroup.max.depth" => {
            h.get_mut(id)?.unified.max_depth = limit(text)?;
            Ok(())
        }
        "cgroup.max.descendants" => {
            h.get_mut(id)?.unified.max_descendants = limit(text)?;
            Ok(())
        }
        // There is no controller to name.
        "cgroup.subtree_control" if text.iter().all(|&b| b == b' ') => Ok(()),
        "cgroup.type" if text == b"threaded" => threaded::enable(h, id),
        _ => Err(Errno::EINVAL),
    }
}

fn kstrtoint(text: &[u8]) -> Result<i32> {
    i32::try_from(parse_int(text)?).map_err(|_| Errno::ERANGE)
}

/// A limit: `max`, or a number that is not negative. The largest is no limit.
fn limit(text: &[u8]) -> Result<Option<u64>> {
    if text == b"max" {
        return Ok(None);
    }
    let max = u64::try_from(kstrtoint(text)?).map_err(|_| Errno::ERANGE)?;
    Ok((max != i32::MAX as u64).then_some(max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_files() {
        assert_eq!(FILES[PROCS_PLACE - 1].name, "cgroup.procs");
        assert_eq!(FILES[EVENTS_PLACE - 1].name, "cgroup.events");
        assert!(FILES.iter().skip(OF_ROOT).all(|file| files(ROOT).iter().all(|of_root| of_root.name != file.name)));
    }

    /// Scenario 41.
    #[test]
    fn numbers_and_limits() {
        assert_eq!((kstrtoint(b"0x1"), kstrtoint(b"01"), kstrtoint(b"-0")), (Ok(1), Ok(1), Ok(0)));
        assert_eq!((kstrtoint(b"99999999999"), kstrtoint(b"")), (Err(Errno::ERANGE), Err(Errno::EINVAL)));
        assert_eq!((limit(b"max"), limit(b"2147483647"), limit(b"0")), (Ok(None), Ok(None), Ok(Some(0))));
        assert_eq!((limit(b"-1"), limit(b"x")), (Err(Errno::ERANGE), Err(Errno::EINVAL)));
    }
}
