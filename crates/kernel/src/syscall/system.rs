//! The machine: its names, its memory, its log, its end.
use super::{Call, Outcome, Row, Sleep, full, partial};
use crate::namespaces::Uts;
use crate::{Kernel, Result, Tid, WaitKey};
use abi::*;

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::Uname, uname),
    full(Sysno::Sethostname, sethostname),
    full(Sysno::Setdomainname, setdomainname),
    full(Sysno::Sysinfo, sysinfo),
    full(Sysno::Getrandom, getrandom),
    partial(Sysno::Reboot, reboot, "every way of ending stops the machine; no kexec, no suspend"),
    partial(Sysno::Syslog, syslog, "the console's level is not used"),
    full(Sysno::Vhangup, vhangup),
];

fn uname(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let name = Utsname {
        sysname: "Linux".into(),
        nodename: kernel.uts_of(tid).nodename.clone(),
        release: kernel.config.release.clone(),
        version: "#1 minikern".into(),
        machine: kernel.tasks[tid].arch().name.into(),
        domainname: kernel.uts_of(tid).domainname.clone(),
    };
    kernel.user(tid).write(call.args[0], &name.encode()).into()
}

/// A name of the machine, as a guest gives it.
fn read_name(kernel: &mut Kernel, tid: Tid, addr: u64, len: u64) -> Result<String> {
    if !kernel.ns_capable(tid, kernel.namespaces.owner(kernel.tasks[tid].nsproxy.uts), CAP_SYS_ADMIN) {
        return Err(Errno::EPERM);
    }
    if len as i32 as i64 as u64 > NEW_UTS_LEN as u64 {
        return Err(Errno::EINVAL);
    }
    let mut raw = vec![0; len as usize & 0x7f];
    kernel.user(tid).read(addr, &mut raw)?;
    let end = raw.iter().position(|&byte| byte == 0).unwrap_or(raw.len());
    Ok(String::from_utf8_lossy(&raw[..end]).into_owned())
}

fn sethostname(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    set_name(kernel, tid, call, |uts, name| uts.nodename = name).into()
}

fn setdomainname(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    set_name(kernel, tid, call, |uts, name| uts.domainname = name).into()
}

/// Sets a name of the caller's UTS namespace.
fn set_name(kernel: &mut Kernel, tid: Tid, call: &Call, set: fn(&mut Uts, String)) -> Result<()> {
    let name = read_name(kernel, tid, call.args[0], call.args[1])?;
    set(kernel.uts_of_mut(tid).ok_or(Errno::EINVAL)?, name);
    Ok(())
}

fn sysinfo(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let (used, limit) = kernel.frames.usage();
    let info = Sysinfo {
        uptime: kernel.clock.boottime() / NSEC_PER_SEC,
        loads: kernel.load.fixed(),
        totalram: limit as u64 * mmu::PAGE_SIZE,
        freeram: limit.saturating_sub(used) as u64 * mmu::PAGE_SIZE,
        procs: kernel.tasks.len().min(u16::MAX.into()) as u16,
        ..Sysinfo::default()
    };
    kernel.user(tid).write(call.args[0], &info.encode_64()).into()
}

/// From the seeded stream: the same numbers in every run of one seed.
fn getrandom(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    const GRND_INSECURE: u64 = 4;
    const GRND_RANDOM: u64 = 2;
    let [addr, len, flags, ..] = call.args;
    if flags & !7 != 0 || flags & (GRND_INSECURE | GRND_RANDOM) == GRND_INSECURE | GRND_RANDOM {
        return Errno::EINVAL.into();
    }
    let len = len.min(i32::MAX as u64);
    let mut done = 0;
    let mut chunk = [0; 4096];
    while done < len {
        let part = &mut chunk[..(len - done).min(4096) as usize];
        kernel.random.fill(part);
        match kernel.user(tid).write(addr.wrapping_add(done), part) {
            Ok(()) => done += part.len() as u64,
            Err(errno) if done == 0 => return errno.into(),
            Err(_) => break,
        }
    }
    Outcome::Done(Ok(done))
}

fn reboot(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [magic1, magic2, command, ..] = call.args;
    if !kernel.tasks[tid].cred.capable(CAP_SYS_BOOT) {
        return Errno::EPERM.into();
    }
    let magics = [LINUX_REBOOT_MAGIC2, LINUX_REBOOT_MAGIC2A, LINUX_REBOOT_MAGIC2B, LINUX_REBOOT_MAGIC2C];
    if magic1 as u32 != LINUX_REBOOT_MAGIC1 || !magics.contains(&(magic2 as u32)) {
        return Errno::EINVAL.into();
    }
    let text = match command as u32 {
        LINUX_REBOOT_CMD_CAD_ON | LINUX_REBOOT_CMD_CAD_OFF => return Outcome::Done(Ok(0)),
        LINUX_REBOOT_CMD_RESTART | LINUX_REBOOT_CMD_RESTART2 => "reboot: Restarting system",
        LINUX_REBOOT_CMD_HALT => "reboot: System halted",
        LINUX_REBOOT_CMD_POWER_OFF => "reboot: Power down",
        _ => return Errno::EINVAL.into(),
    };
    kernel.log.print(kernel.clock.now, 5, text);
    kernel.halt(0);
    Outcome::Done(Ok(0))
}

/// syslog(2): the log as text, for dmesg.
fn syslog(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    const READ: u64 = 2;
    const READ_ALL: u64 = 3;
    const READ_CLEAR: u64 = 4;
    const CLEAR: u64 = 5;
    const CONSOLE_OFF: u64 = 6;
    const CONSOLE_ON: u64 = 7;
    const CONSOLE_LEVEL: u64 = 8;
    const SIZE_UNREAD: u64 = 9;
    const SIZE_BUFFER: u64 = 10;
    let [kind, addr, len, ..] = call.args;
    let cred = &kernel.tasks[tid].cred;
    if !matches!(kind, READ_ALL | SIZE_BUFFER) && !cred.capable(CAP_SYSLOG) && !cred.capable(CAP_SYS_ADMIN) {
        return Errno::EPERM.into();
    }
    match kind {
        0 | 1 | CONSOLE_OFF | CONSOLE_ON => Outcome::Done(Ok(0)),
        CONSOLE_LEVEL if (1..=8).contains(&len) => Outcome::Done(Ok(0)),
        CONSOLE_LEVEL => Errno::EINVAL.into(),
        READ | READ_ALL | READ_CLEAR if (len as i32) < 0 || addr == 0 => Errno::EINVAL.into(),
        READ => {
            // Whole lines, as many as fit; the next READ goes on behind them.
            let mut text = Vec::new();
            let mut next = kernel.syslog_read;
            for (number, line) in kernel.log.lines(next) {
                let line = line_text(line);
                if text.len() + line.len() > len as usize {
                    break;
                }
                text.extend_from_slice(line.as_bytes());
                next = number + 1;
            }
            if text.is_empty() && kernel.log.end() == kernel.syslog_read {
                return Outcome::Sleep(Sleep::new(WaitKey::Log, "syslog_print"));
            }
            if let Err(errno) = kernel.user(tid).write(addr, &text) {
                return errno.into();
            }
            kernel.syslog_read = next;
            Outcome::Done(Ok(text.len() as u64))
        }
        READ_ALL | READ_CLEAR => {
            // The newest lines that fit.
            let text = log_text(kernel, kernel.syslog_clear);
            let len = len as usize;
            let start = text.len().checked_sub(len).filter(|&cut| cut > 0).map_or(0, |cut| {
                text[cut..].iter().position(|&byte| byte == b'\n').map_or(text.len(), |at| cut + at + 1)
            });
            if let Err(errno) = kernel.user(tid).write(addr, &text[start..]) {
                return errno.into();
            }
            if kind == READ_CLEAR {
                kernel.syslog_clear = kernel.log.end();
            }
            Outcome::Done(Ok((text.len() - start) as u64))
        }
        CLEAR => {
            kernel.syslog_clear = kernel.log.end();
            Outcome::Done(Ok(0))
        }
        SIZE_UNREAD => Outcome::Done(Ok(log_text(kernel, kernel.syslog_read).len() as u64)),
        SIZE_BUFFER => Outcome::Done(Ok(1 << 17)),
        _ => Errno::EINVAL.into(),
    }
}

fn log_text(kernel: &Kernel, from: u64) -> Vec<u8> {
    kernel.log.lines(from).map(|(_, line)| line_text(line)).collect::<String>().into_bytes()
}

/// A line as the kernel's ring has it: level, time, text.
fn line_text(line: &crate::log::Line) -> String {
    let (sec, usec) = (line.time / NSEC_PER_SEC, line.time % NSEC_PER_SEC / 1000);
    format!("<{}>[{sec:5}.{usec:06}] {}\n", line.level, line.text)
}

fn vhangup(kernel: &mut Kernel, tid: Tid, _call: &mut Call) -> Outcome {
    if !kernel.tasks[tid].cred.capable(CAP_SYS_TTY_CONFIG) {
        return Errno::EPERM.into();
    }
    if let Some(id) = kernel.tasks.group_of(tid).tty.and_then(crate::tty::tty_of_device) {
        kernel.hang_up(id);
    }
    Outcome::Done(Ok(0))
}
