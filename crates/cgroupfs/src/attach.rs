//! Moving tasks between groups: `tasks` and `cgroup.procs` (cgroup_attach_task).
use crate::hierarchy::{GroupId, Hierarchy};
use abi::Errno;
use kernel::{Kernel, Result, Tid};

/// A number as the kernel's kstrtoint takes it: sign, 0x and 0 prefixes, white space around.
pub(crate) fn parse_int(text: &[u8]) -> Result<i64> {
    let text = std::str::from_utf8(text).map_err(|_| Errno::EINVAL)?.trim();
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', _, ..] => (16, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.bytes().all(|b| (b as char).is_digit(radix)) {
        return Err(Errno::EINVAL);
    }
    let value = i64::from_str_radix(digits, radix).map_err(|_| Errno::ERANGE)?;
    Ok(if negative { -value } else { value })
}

/// A write to `tasks` (one thread) or, with `group`, to `cgroup.procs` (the whole process).
pub(crate) fn write_pid(
    hierarchy: &mut Hierarchy,
    to: GroupId,
    text: &[u8],
    caller: Tid,
    group: bool,
    kernel: &mut Kernel,
) -> Result<()> {
    // Whatever is wrong with the number (cgroup_procs_write_start).
    let pid = parse_int(text).ok().and_then(|pid| u32::try_from(pid).ok()).ok_or(Errno::EINVAL)?;
    let tid = if pid == 0 { caller } else { kernel.find_vpid(caller, pid).ok_or(Errno::ESRCH)? };
    let task = kernel.tasks.get(tid).ok_or(Errno::ESRCH)?;
    if task.is_dead() {
        return hierarchy.rules(kernel).move_dead;
    }
    if task.kthread && !kernel.config.freezer.rules.kthreads_move {
        return Err(Errno::EINVAL);
    }
    // Another user's task is root's to move alone (F08-27).
    let by = &kernel.tasks.get(caller).ok_or(Errno::ESRCH)?.cred;
    if by.euid != 0 && by.euid != task.cred.uid && by.euid != task.cred.suid {
        return Err(Errno::EACCES);
    }
    let moved: Vec<Tid> = match kernel.tasks.group(task.tgid) {
        Some(process) if group => process.threads.iter().copied().collect(),
        _ => vec![tid],
    };
    attach(hierarchy, to, &moved, caller, kernel)
}

/// `caller` moves tasks, all or none.
pub(crate) fn attach(
    hierarchy: &mut Hierarchy,
    to: GroupId,
    tids: &[Tid],
    caller: Tid,
    kernel: &mut Kernel,
) -> Result<()> {
    // A task that is there already is no business of the subsystems (F08-23).
    let moving: Vec<Tid> = tids.iter().copied().filter(|&tid| hierarchy.group_of(tid) != to).collect();
    for &tid in &moving {
        for subsystem in hierarchy.subsystems.clone() {
            subsystem.can_attach(hierarchy, to, tid, caller, kernel)?;
        }
    }
    for tid in moving {
        let from = hierarchy.group_of(tid);
        hierarchy.put(tid, to);
        for subsystem in hierarchy.subsystems.clone() {
            subsystem.attached(hierarchy, from, to, tid, kernel);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_kstrtoint_s() {
        assert_eq!(parse_int(b" 12 \n"), Ok(12));
        assert_eq!(
            (parse_int(b"0x1f"), parse_int(b"017"), parse_int(b"-0"), parse_int(b"+0")),
            (Ok(31), Ok(15), Ok(0), Ok(0))
        );
        for bad in [&b""[..], b"\n", b"1x", b"1 2", b"1\n1", b"-", b"0x", b"08"] {
            assert_eq!(parse_int(bad), Err(Errno::EINVAL), "{bad:?}");
        }
    }
}
