//! Timers that send signals: alarm, setitimer, timer_create and theirs (kernel/time/itimer.c, posix-timers.c).
use super::table::{Row, full, partial};
use super::time::read_clock;
use super::{Call, Outcome};
use crate::timers::PosixTimer;
use crate::{Kernel, Result, Tid, TimerKey};
use abi::*;

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::Alarm, alarm),
    full(Sysno::Getitimer, getitimer),
    full(Sysno::Setitimer, setitimer),
    partial(Sysno::TimerCreate, timer_create, "no CPU-time clocks"),
    full(Sysno::TimerSettime, timer_settime),
    full(Sysno::TimerGettime, timer_gettime),
    full(Sysno::TimerGetoverrun, timer_getoverrun),
    full(Sysno::TimerDelete, timer_delete),
];

/// Timers one process may have; Linux counts them against RLIMIT_SIGPENDING.
const MAX_TIMERS: usize = 1024;

/// Seconds left, at least 1 if the timer runs at all (`alarm_setitimer`).
fn alarm(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let tgid = kernel.tasks[tid].tgid;
    let (left, _) = kernel.itimer(tgid, ITIMER_REAL);
    kernel.set_itimer(tgid, ITIMER_REAL, u64::from(call.args[0] as u32) * NSEC_PER_SEC, 0);
    let (seconds, rest) = (left / NSEC_PER_SEC, left % NSEC_PER_SEC);
    let round_up = seconds == 0 && rest > 0 || rest >= NSEC_PER_SEC / 2;
    Ok(seconds + u64::from(round_up)).into()
}

fn which_itimer(which: u64) -> Result<u32> {
    let which = which as u32;
    if which <= ITIMER_PROF { Ok(which) } else { Err(Errno::EINVAL) }
}

fn read_itimer(kernel: &Kernel, tid: Tid, which: u32) -> [u8; 32] {
    let (left, interval) = kernel.itimer(kernel.tasks[tid].tgid, which);
    // A timer that is about to fire shows a microsecond, not nothing (`itimer_get_remtime`).
    let left = if left > 0 { left.max(1000) } else { 0 };
    Itimerval { interval: Timeval::from_ns(interval), value: Timeval::from_ns(left) }.encode_64()
}

fn getitimer(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    which_itimer(call.args[0])
        .and_then(|which| {
            let value = read_itimer(kernel, tid, which);
            kernel.user(tid).write(call.args[1], &value)
        })
        .into()
}

fn setitimer(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [which, new, old, ..] = call.args;
    let set = |kernel: &mut Kernel| {
        let mut raw = [0; 32];
        if new != 0 {
            kernel.user(tid).read(new, &mut raw)?;
        }
        let new = Itimerval::decode_64(&raw);
        let (value, interval) = (new.value.to_ns().ok_or(Errno::EINVAL)?, new.interval.to_ns().ok_or(Errno::EINVAL)?);
        let which = which_itimer(which)?;
        let before = read_itimer(kernel, tid, which);
        kernel.set_itimer(kernel.tasks[tid].tgid, which, value, interval);
        if old != 0 { kernel.user(tid).write(old, &before) } else { Ok(()) }
    };
    set(kernel).into()
}

/// Bytes of `struct sigevent`.
const SIGEVENT: usize = 64;

fn timer_create(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [clock, event, id, ..] = call.args;
    let create = |kernel: &mut Kernel| {
        let clock = clock as i32;
        read_clock(kernel, tid, clock)?;
        if !matches!(clock, CLOCK_REALTIME | CLOCK_MONOTONIC | CLOCK_BOOTTIME | CLOCK_TAI) {
            return Err(Errno::EOPNOTSUPP);
        }
        let tgid = kernel.tasks[tid].tgid;
        let mut timers = kernel.timers.posix.range((tgid, 0)..=(tgid, u32::MAX));
        let number = timers.next_back().map_or(0, |(key, _)| key.1 + 1);
        if timers.count() + 1 >= MAX_TIMERS {
            return Err(Errno::EAGAIN);
        }
        let mut timer = PosixTimer {
            clock,
            notify: SIGEV_SIGNAL,
            signo: SIGALRM,
            value: number.into(),
            thread: tid,
            due: None,
            interval: 0,
            overrun: 0,
        };
        if event != 0 {
            let mut raw = [0; SIGEVENT];
            kernel.user(tid).read(event, &mut raw)?;
            let word = |at: usize| i32::from_le_bytes(raw[at..at + 4].try_into().expect("four bytes"));
            timer.value = u64::from_le_bytes(raw[..8].try_into().expect("eight bytes"));
            timer.notify = word(12);
            match timer.notify {
                SIGEV_NONE => {}
                SIGEV_SIGNAL | SIGEV_THREAD => timer.signo = valid(word(8))?,
                SIGEV_THREAD_ID => {
                    timer.signo = valid(word(8))?;
                    timer.thread = kernel.find_vpid(tid, word(16) as u32).ok_or(Errno::EINVAL)?;
                    let same = kernel.tasks.get(timer.thread).is_some_and(|thread| thread.tgid == tgid);
                    if !same {
                        return Err(Errno::EINVAL);
                    }
                }
                _ => return Err(Errno::EINVAL),
            }
        }
        kernel.user(tid).write_u32(id, number)?;
        kernel.timers.posix.insert((tgid, number), timer);
        Ok(())
    };
    create(kernel).into()
}

fn valid(signo: i32) -> Result<u8> {
    u8::try_from(signo).ok().filter(|&signo| valid_signal(signo)).ok_or(Errno::EINVAL)
}

fn spec(timer: &PosixTimer, now: u64) -> [u8; 32] {
    let (interval, value) = (Timespec::from_ns(timer.interval), Timespec::from_ns(timer.left(now)));
    Itimerspec { interval, value }.encode_64()
}

fn timer_settime(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [id, flags, new, old, ..] = call.args;
    let key = (kernel.tasks[tid].tgid, id as u32);
    let set = |kernel: &mut Kernel| {
        let mut raw = [0; 32];
        kernel.user(tid).read(new, &mut raw)?;
        let new = Itimerspec::decode_64(&raw);
        let (value, interval) = (new.value.to_ns().ok_or(Errno::EINVAL)?, new.interval.to_ns().ok_or(Errno::EINVAL)?);
        let now = kernel.clock.now;
        let timer = kernel.timers.posix.get(&key).ok_or(Errno::EINVAL)?;
        let before = spec(timer, now);
        let absolute = flags as u32 & TIMER_ABSTIME != 0;
        let due = match (absolute, timer.clock) {
            (true, CLOCK_REALTIME | CLOCK_TAI) => kernel.clock.monotonic_of(value),
            (true, _) => value,
            (false, _) => now.saturating_add(value),
        };
        let armed = (value != 0).then_some(due);
        let timer = kernel.timers.posix.get_mut(&key).ok_or(Errno::EINVAL)?;
        timer.interval = interval;
        timer.overrun = 0;
        if let Some(old) = std::mem::replace(&mut timer.due, armed) {
            kernel.clock.disarm(old, TimerKey::Posix(key.0, key.1));
        }
        if let Some(due) = armed {
            kernel.clock.arm(due, TimerKey::Posix(key.0, key.1));
        }
        if old != 0 { kernel.user(tid).write(old, &before) } else { Ok(()) }
    };
    set(kernel).into()
}

fn timer_gettime(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let key = (kernel.tasks[tid].tgid, call.args[0] as u32);
    let Some(timer) = kernel.timers.posix.get(&key) else { return Errno::EINVAL.into() };
    let value = spec(timer, kernel.clock.now);
    kernel.user(tid).write(call.args[1], &value).into()
}

fn timer_getoverrun(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let key = (kernel.tasks[tid].tgid, call.args[0] as u32);
    kernel.timers.posix.get(&key).map(|timer| timer.overrun as u64).ok_or(Errno::EINVAL).into()
}

fn timer_delete(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let tgid = kernel.tasks[tid].tgid;
    kernel.delete_posix_timer(tgid, call.args[0] as u32).map(|_| 0).ok_or(Errno::EINVAL).into()
}
