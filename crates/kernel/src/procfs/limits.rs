//! /proc/PID/limits (fs/proc/base.c: proc_pid_limits).
use super::Place;
use crate::{Kernel, Result, Tid};
use abi::{Errno, RLIM_INFINITY};

/// Names and units, in the order of the RLIMIT numbers.
const LIMITS: [(&str, &str); 16] = [
    ("Max cpu time", "seconds"),
    ("Max file size", "bytes"),
    ("Max data size", "bytes"),
    ("Max stack size", "bytes"),
    ("Max core file size", "bytes"),
    ("Max resident set", "bytes"),
    ("Max processes", "processes"),
    ("Max open files", "files"),
    ("Max locked memory", "bytes"),
    ("Max address space", "bytes"),
    ("Max file locks", "locks"),
    ("Max pending signals", "signals"),
    ("Max msgqueue size", "bytes"),
    ("Max nice priority", ""),
    ("Max realtime priority", ""),
    ("Max realtime timeout", "us"),
];

fn row(name: &str, soft: &str, hard: &str, unit: &str) -> String {
    let unit = if unit.is_empty() { String::new() } else { format!("{unit:<10}") };
    format!("{name:<25} {soft:<20} {hard:<20} {unit}\n")
}

pub(super) fn limits(kernel: &mut Kernel, place: Place, _: Tid) -> Result<Vec<u8>> {
    let tgid = kernel.proc_task(place.tid)?.tgid;
    let group = kernel.tasks.group(tgid).ok_or(Errno::ESRCH)?;
    let show = |value: u64| if value == RLIM_INFINITY { "unlimited".into() } else { value.to_string() };
    let mut text = row("Limit", "Soft Limit", "Hard Limit", "Units");
    for ((name, unit), limit) in LIMITS.iter().zip(&group.rlimits) {
        text += &row(name, &show(limit.cur), &show(limit.max), unit);
    }
    Ok(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of /proc/self/limits of Linux 6.1.
    #[test]
    fn rows_are_linuxs() {
        let head = "Limit                     Soft Limit           Hard Limit           Units     \n";
        assert_eq!(row("Limit", "Soft Limit", "Hard Limit", "Units"), head);
        let stack = "Max stack size            8388608              unlimited            bytes     \n";
        assert_eq!(row("Max stack size", "8388608", "unlimited", "bytes"), stack);
        let nice = "Max nice priority         0                    0                    \n";
        assert_eq!(row("Max nice priority", "0", "0", ""), nice);
    }
}
