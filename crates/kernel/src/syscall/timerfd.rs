//! timerfd_create and its two calls.
use super::Call;
use super::table::{Row, full, partial};
use crate::{Kernel, Result, Tid};
use abi::*;

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::TimerfdCreate, |k, t, c| create(k, t, c).into()),
    partial(Sysno::TimerfdSettime, |k, t, c| settime(k, t, c).into(), "no TFD_TIMER_CANCEL_ON_SET"),
    full(Sysno::TimerfdGettime, |k, t, c| gettime(k, t, c).into()),
];

fn create(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<u64> {
    let (clock, bits) = (call.args[0] as i32, kernel.tasks[tid].arch().abi.open_flags());
    let flags = bits.decode(call.args[1] as u32);
    let known = matches!(
        clock,
        CLOCK_REALTIME | CLOCK_MONOTONIC | CLOCK_BOOTTIME | CLOCK_REALTIME_ALARM | CLOCK_BOOTTIME_ALARM
    );
    if !known || !(flags - OpenFlags::O_CLOEXEC - OpenFlags::O_NONBLOCK).is_empty() {
        return Err(Errno::EINVAL);
    }
    let file = kernel.new_timerfd(tid, clock, flags & OpenFlags::O_NONBLOCK)?;
    kernel.install_fd(tid, file, 0, flags.contains(OpenFlags::O_CLOEXEC)).map(|fd| fd as u64)
}

fn encode((left, interval): (u64, u64)) -> [u8; 32] {
    Itimerspec { interval: Timespec::from_ns(interval), value: Timespec::from_ns(left) }.encode_64()
}

fn settime(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<u64> {
    let [fd, flags, new, old, ..] = call.args;
    let flags = flags as u32;
    let mut raw = [0; 32];
    kernel.user(tid).read(new, &mut raw)?;
    let new = Itimerspec::decode_64(&raw);
    let (value, interval) = (new.value.to_ns().ok_or(Errno::EINVAL)?, new.interval.to_ns().ok_or(Errno::EINVAL)?);
    if flags & !(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET) != 0 {
        return Err(Errno::EINVAL);
    }
    let (id, timer) = kernel.timerfd(kernel.fd_file(tid, fd as i32)?)?;
    let now = kernel.clock.now;
    let due = match (flags & TFD_TIMER_ABSTIME != 0, timer.clock) {
        (true, CLOCK_REALTIME | CLOCK_REALTIME_ALARM) => kernel.clock.monotonic_of(value),
        (true, _) => value,
        (false, _) => now.saturating_add(value),
    };
    kernel.set_timerfd(id, (value != 0).then_some(due), interval);
    if old != 0 {
        kernel.user(tid).write(old, &encode(timer.left(now)))?;
    }
    Ok(0)
}

fn gettime(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<u64> {
    let (_, timer) = kernel.timerfd(kernel.fd_file(tid, call.args[0] as i32)?)?;
    let value = encode(timer.left(kernel.clock.now));
    kernel.user(tid).write(call.args[1], &value).map(|()| 0)
}
