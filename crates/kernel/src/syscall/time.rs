//! Clocks and sleeping on them: nanosleep, clock_*, gettimeofday and their setters (kernel/time/posix-timers.c, hrtimer.c).
use super::table::{Row, full, partial};
use super::{Call, OnSignal, Outcome, Progress, Sleep};
use crate::{Kernel, Result, Tid, WaitKey};
use abi::*;

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::Nanosleep, nanosleep),
    partial(Sysno::ClockNanosleep, clock_nanosleep, "no sleep on CPU-time clocks"),
    full(Sysno::ClockGettime, clock_gettime),
    full(Sysno::ClockGetres, clock_getres),
    full(Sysno::ClockSettime, clock_settime),
    full(Sysno::Gettimeofday, gettimeofday),
    partial(Sysno::Settimeofday, settimeofday, "the time zone is not kept"),
    full(Sysno::Time, time),
    partial(Sysno::Adjtimex, adjtimex, "reads only"),
    partial(Sysno::ClockAdjtime, clock_adjtime, "reads CLOCK_REALTIME only"),
];

/// What the coarse clocks count in: a tick of CONFIG_HZ=250.
const TICK_NS: u64 = 4_000_000;
/// Bit of a CPU-clock id that asks for a thread, and its kinds (include/linux/posix-timers_types.h).
const CPUCLOCK_PERTHREAD: i32 = 4;
const CPUCLOCK_KIND: i32 = 3;
const CPUCLOCK_VIRT: i32 = 1;
const CPUCLOCK_FD: i32 = 3;
/// Announces that CLOCK_REALTIME was set.
pub(crate) const CLOCK_WAS_SET: WaitKey = WaitKey::Event(2);

fn nanosleep(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    relative_sleep(kernel, tid, call, call.args[0], call.args[1])
}

fn clock_nanosleep(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [clock, flags, request, remaining, ..] = call.args;
    let clock = clock as i32;
    match clock {
        CLOCK_REALTIME | CLOCK_TAI | CLOCK_MONOTONIC | CLOCK_BOOTTIME => {}
        _ => return read_clock(kernel, tid, clock).map_or(Errno::EINVAL, |_| Errno::EOPNOTSUPP).into(),
    }
    if flags as u32 & TIMER_ABSTIME == 0 {
        return relative_sleep(kernel, tid, call, request, remaining);
    }
    let target = match call.progress {
        Progress::State(target, _) => target,
        _ => match read_timespec(kernel, tid, request) {
            Ok(target) => target,
            Err(errno) => return errno.into(),
        },
    };
    // CLOCK_REALTIME may be set during the sleep, so its target stays a time of day.
    let realtime = matches!(clock, CLOCK_REALTIME | CLOCK_TAI);
    let deadline = if realtime { kernel.clock.monotonic_of(target) } else { target };
    if deadline <= kernel.clock.now {
        return Ok(0).into();
    }
    Outcome::Sleep(Sleep {
        until: Some(deadline),
        on_signal: OnSignal::Restart(Restart::NoHand),
        freezable: true,
        progress: Progress::State(target, None),
        ..Sleep::new(if realtime { CLOCK_WAS_SET } else { WaitKey::Never }, "hrtimer_nanosleep")
    })
}

/// A sleep whose deadline outlives signals and freezes (E08-02): restart_syscall goes on with it.
fn relative_sleep(kernel: &mut Kernel, tid: Tid, call: &Call, request: u64, remaining: u64) -> Outcome {
    let now = kernel.clock.now;
    let deadline = match call.progress {
        Progress::Deadline(deadline) => deadline,
        _ => match read_timespec(kernel, tid, request) {
            Ok(ns) => now.saturating_add(ns),
            Err(errno) => return errno.into(),
        },
    };
    if deadline <= now {
        return Ok(0).into();
    }
    // hrtimer_nanosleep_restart ends with a jump to what it goes on with (scenario 54).
    let first = call.progress == Progress::None;
    let wchan = if first { "hrtimer_nanosleep" } else { kernel.tasks[tid].arch().abi.syscall_caller() };
    // Woken early: the caller sees what is left if this ends in EINTR.
    if !first && remaining != 0 {
        let left = Timespec::from_ns(deadline - now);
        if let Err(errno) = kernel.user(tid).write(remaining, &left.encode_64()) {
            return errno.into();
        }
    }
    Outcome::Sleep(Sleep {
        until: Some(deadline),
        on_signal: OnSignal::Restart(Restart::Block),
        freezable: true,
        progress: Progress::Deadline(deadline),
        ..Sleep::new(WaitKey::Never, wchan)
    })
}

/// A valid timespec of the guest, in nanoseconds.
pub(crate) fn read_timespec(kernel: &mut Kernel, tid: Tid, addr: u64) -> Result<u64> {
    let mut raw = [0; 16];
    kernel.user(tid).read(addr, &mut raw)?;
    Timespec::decode_64(&raw).to_ns().ok_or(Errno::EINVAL)
}

/// What a clock shows; EINVAL if there is none of that id.
pub(crate) fn read_clock(kernel: &Kernel, tid: Tid, clock: i32) -> Result<u64> {
    let task = &kernel.tasks[tid];
    Ok(match clock {
        CLOCK_REALTIME | CLOCK_TAI | CLOCK_REALTIME_ALARM => kernel.clock.realtime(),
        CLOCK_REALTIME_COARSE => kernel.clock.realtime() / TICK_NS * TICK_NS,
        CLOCK_MONOTONIC | CLOCK_MONOTONIC_RAW => kernel.clock.now,
        CLOCK_BOOTTIME | CLOCK_BOOTTIME_ALARM => kernel.clock.boottime(),
        CLOCK_MONOTONIC_COARSE => kernel.clock.now / TICK_NS * TICK_NS,
        CLOCK_PROCESS_CPUTIME_ID => sum(kernel.group_cpu_time(task.tgid)),
        CLOCK_THREAD_CPUTIME_ID => sum(task.cpu_time()),
        ..0 => return cpu_clock(kernel, tid, clock),
        _ => return Err(Errno::EINVAL),
    })
}

fn sum((user, system): (u64, u64)) -> u64 {
    user.wrapping_add(system)
}

/// The CPU clock of a process or thread, whose number is in the id.
fn cpu_clock(kernel: &Kernel, caller: Tid, clock: i32) -> Result<u64> {
    if clock & CPUCLOCK_KIND == CPUCLOCK_FD {
        return Err(Errno::EINVAL);
    }
    let pid = kernel.find_vpid(caller, !(clock >> 3) as u32).ok_or(Errno::EINVAL)?;
    let task = kernel.tasks.get(if pid.0 == 0 { caller } else { pid }).ok_or(Errno::EINVAL)?;
    let mine = kernel.tasks[caller].tgid;
    let (user, system) = if clock & CPUCLOCK_PERTHREAD == 0 {
        if !task.is_leader() {
            return Err(Errno::EINVAL);
        }
        kernel.group_cpu_time(task.tgid)
    } else if task.tgid == mine {
        task.cpu_time()
    } else {
        return Err(Errno::EINVAL);
    };
    Ok(if clock & CPUCLOCK_KIND == CPUCLOCK_VIRT { user } else { user.wrapping_add(system) })
}

fn clock_gettime(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    read_clock(kernel, tid, call.args[0] as i32)
        .and_then(|ns| kernel.user(tid).write(call.args[1], &Timespec::from_ns(ns).encode_64()))
        .into()
}

fn clock_getres(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let clock = call.args[0] as i32;
    let coarse = matches!(clock, CLOCK_REALTIME_COARSE | CLOCK_MONOTONIC_COARSE);
    let resolution = Timespec::from_ns(if coarse { TICK_NS } else { 1 });
    read_clock(kernel, tid, clock)
        .and_then(|_| match call.args[1] {
            0 => Ok(()),
            addr => kernel.user(tid).write(addr, &resolution.encode_64()),
        })
        .into()
}

fn clock_settime(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let clock = call.args[0] as i32;
    if clock != CLOCK_REALTIME {
        return Errno::EINVAL.into();
    }
    read_timespec(kernel, tid, call.args[1]).and_then(|ns| set_realtime(kernel, tid, ns)).into()
}

/// `do_settimeofday64`: the time of day may not be before boot.
fn set_realtime(kernel: &mut Kernel, tid: Tid, ns: u64) -> Result<()> {
    if !kernel.tasks[tid].cred.capable(CAP_SYS_TIME) {
        return Err(Errno::EPERM);
    }
    kernel.clock.realtime_base = ns.checked_sub(kernel.clock.now).ok_or(Errno::EINVAL)?;
    kernel.tasks.wake_all(CLOCK_WAS_SET);
    Ok(())
}

fn gettimeofday(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let now = Timeval::from_ns(kernel.clock.realtime());
    let [tv, tz, ..] = call.args;
    let mut user = kernel.user(tid);
    let written = match tv {
        0 => Ok(()),
        _ => user.write(tv, &now.encode_64()),
    };
    // struct timezone: minutes west and daylight saving, both of UTC.
    written.and_then(|()| if tz == 0 { Ok(()) } else { user.write(tz, &[0; 8]) }).into()
}

fn settimeofday(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [tv, ..] = call.args;
    if !kernel.tasks[tid].cred.capable(CAP_SYS_TIME) {
        return Errno::EPERM.into();
    }
    if tv == 0 {
        return Ok(0).into();
    }
    let mut raw = [0; 16];
    kernel
        .user(tid)
        .read(tv, &mut raw)
        .and_then(|()| Timeval::decode_64(&raw).to_ns().ok_or(Errno::EINVAL))
        .and_then(|ns| set_realtime(kernel, tid, ns))
        .into()
}

fn time(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let now = kernel.clock.realtime() / NSEC_PER_SEC;
    match call.args[0] {
        0 => Ok(now).into(),
        addr => kernel.user(tid).write_u64(addr, now).map(|()| now).into(),
    }
}

/// TIME_ERROR: the clock is not synchronised.
const TIME_ERROR: u64 = 5;
const STA_UNSYNC: u32 = 0x40;

fn adjtimex(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    read_timex(kernel, tid, call.args[0]).into()
}

fn clock_adjtime(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    match call.args[0] as i32 {
        CLOCK_REALTIME => read_timex(kernel, tid, call.args[1]).into(),
        clock => read_clock(kernel, tid, clock).map_or(Errno::EINVAL, |_| Errno::EOPNOTSUPP).into(),
    }
}

/// `struct timex` of a clock that nothing disciplines, as right after boot (kernel/time/ntp.c's initial values).
fn read_timex(kernel: &mut Kernel, tid: Tid, addr: u64) -> Result<u64> {
    let modes = kernel.user(tid).read_u32(addr)?;
    if modes != 0 {
        return Err(if kernel.tasks[tid].cred.capable(CAP_SYS_TIME) { Errno::EOPNOTSUPP } else { Errno::EPERM });
    }
    let now = Timeval::from_ns(kernel.clock.realtime());
    let mut timex = [0; 208];
    let mut put = |at: usize, value: u64| timex[at..at + 8].copy_from_slice(&value.to_le_bytes());
    put(24, 16_000_000); // maxerror
    put(32, 16_000_000); // esterror
    put(40, u64::from(STA_UNSYNC));
    put(48, 2); // constant
    put(56, 1); // precision
    put(64, 32_768_000); // tolerance
    put(72, now.sec as u64);
    put(80, now.usec as u64);
    put(88, 10_000); // tick
    kernel.user(tid).write(addr, &timex)?;
    Ok(TIME_ERROR)
}

#[cfg(test)]
#[path = "time_tests.rs"]
mod tests;
