//! poll(2), ppoll(2), select(2), pselect6(2).
use super::io::finish;
use super::table::{Row, full};
use super::{Call, OnSignal, Outcome, Progress, Sleep, SleepKind};
use crate::{Kernel, Result, Tid, WaitKey};
use abi::{Errno, PollEvents, Pollfd, Restart, SigSet, Sysno, Timespec, Timeval};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::Poll, |k, t, c| finish(poll(k, t, c))),
    full(Sysno::Ppoll, |k, t, c| finish(ppoll(k, t, c))),
    full(Sysno::Select, |k, t, c| finish(select(k, t, c))),
    full(Sysno::Pselect6, |k, t, c| finish(pselect6(k, t, c))),
];

/// How long a call may wait: until when, if there is an end. Worked out at the first entry and kept across sleeps.
fn deadline(kernel: &Kernel, call: &Call, timeout: Option<u64>) -> Option<u64> {
    match call.progress {
        Progress::State(_, deadline) => deadline,
        _ => timeout.map(|ns| kernel.clock.now.saturating_add(ns)),
    }
}

/// Whether the call is being made, and not gone on with after a sleep.
fn is_first(call: &Call) -> bool {
    call.progress == Progress::None
}

/// The mask that holds during a call: `set_user_sigmask`.
pub(crate) fn set_user_sigmask(kernel: &mut Kernel, tid: Tid, mask: u64, size: u64) -> Result<()> {
    if mask == 0 {
        return Ok(());
    }
    if size != 8 {
        return Err(Errno::EINVAL);
    }
    let mask = kernel.user(tid).read_u64(mask)?;
    kernel.set_temporary_mask(tid, SigSet(mask));
    Ok(())
}

/// A sleep until one of the keys is woken, or the deadline.
fn wait(mut keys: Vec<WaitKey>, deadline: Option<u64>, restart: Restart, wchan: &'static str) -> Outcome {
    keys.sort_unstable();
    keys.dedup();
    Outcome::Sleep(Sleep {
        on: if keys.is_empty() { vec![WaitKey::Never] } else { keys },
        until: deadline,
        kind: SleepKind::Interruptible,
        freezable: false,
        on_signal: OnSignal::Restart(restart),
        progress: Progress::State(0, deadline),
        wchan,
    })
}

fn poll(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let timeout = u64::try_from(call.args[2] as i32).ok().map(|ms| ms * 1_000_000);
    poll_until(kernel, tid, call, timeout, Restart::Block)
}

fn ppoll(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let [_, _, timeout, mask, size, _] = call.args;
    let first = is_first(call);
    let wait = if first && timeout != 0 { Some(read_timespec(kernel, tid, timeout)?) } else { None };
    if first {
        set_user_sigmask(kernel, tid, mask, size)?;
    }
    let outcome = poll_until(kernel, tid, call, wait, Restart::NoHand);
    tell_remaining(kernel, tid, call, first, &outcome, wait, timeout, write_timespec);
    outcome
}

fn read_timespec(kernel: &mut Kernel, tid: Tid, addr: u64) -> Result<u64> {
    let mut raw = [0; 16];
    kernel.user(tid).read(addr, &mut raw)?;
    Timespec::decode_64(&raw).to_ns().ok_or(Errno::EINVAL)
}

fn write_timespec(kernel: &mut Kernel, tid: Tid, addr: u64, ns: u64) -> Result<()> {
    kernel.user(tid).write(addr, &Timespec::from_ns(ns).encode_64())
}

fn write_timeval(kernel: &mut Kernel, tid: Tid, addr: u64, ns: u64) -> Result<()> {
    kernel.user(tid).write(addr, &Timeval::from_ns(ns).encode_64())
}

/// poll_select_finish: the guest's timeout becomes what is left of it, at the end and (for a restart) when the call may be
/// about to be interrupted. A timeout in memory that cannot be written stays as it is.
#[allow(clippy::too_many_arguments)] // one place for four calls
fn tell_remaining(
    kernel: &mut Kernel,
    tid: Tid,
    call: &Call,
    first: bool,
    outcome: &Result<Outcome>,
    timeout: Option<u64>,
    addr: u64,
    write: fn(&mut Kernel, Tid, u64, u64) -> Result<()>,
) {
    let sleeps_at_first = first && matches!(outcome, Ok(Outcome::Sleep(_)));
    if addr == 0 || sleeps_at_first {
        return;
    }
    let left = match (first, deadline(kernel, call, timeout)) {
        (true, _) => timeout,
        (false, deadline) => deadline.map(|deadline| deadline.saturating_sub(kernel.clock.now)),
    };
    if let Some(left) = left {
        let _ = write(kernel, tid, addr, left);
    }
}

fn poll_until(
    kernel: &mut Kernel,
    tid: Tid,
    call: &mut Call,
    timeout: Option<u64>,
    restart: Restart,
) -> Result<Outcome> {
    let [array, count, ..] = call.args;
    let count = usize::try_from(count as u32).map_err(|_| Errno::EINVAL)?;
    if count > kernel.nofile_limit(tid) {
        return Err(Errno::EINVAL);
    }
    let mut raw = vec![0; count * Pollfd::SIZE];
    kernel.user(tid).read(array, &mut raw)?;
    let (mut ready, mut keys) = (0, Vec::new());
    for entry in raw.as_chunks_mut::<{ Pollfd::SIZE }>().0 {
        let mut poll = Pollfd::decode(entry);
        poll.revents = PollEvents::empty();
        if poll.fd >= 0 {
            match kernel.fd_file(tid, poll.fd) {
                Ok(file) => {
                    let (events, wait_keys) = kernel.file_poll(tid, file);
                    poll.revents = events & (poll.events | PollEvents::POLLERR | PollEvents::POLLHUP);
                    keys.extend(wait_keys);
                }
                Err(_) => poll.revents = PollEvents::POLLNVAL,
            }
        }
        ready += u64::from(!poll.revents.is_empty());
        *entry = poll.encode();
    }
    let deadline = deadline(kernel, call, timeout);
    if ready == 0 && deadline.is_none_or(|deadline| deadline > kernel.clock.now) {
        return Ok(wait(keys, deadline, restart, "do_sys_poll"));
    }
    kernel.user(tid).write(array, &raw)?;
    Ok(Outcome::Done(Ok(ready)))
}

fn select(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let addr = call.args[4];
    let first = is_first(call);
    let mut timeout = None;
    if first && addr != 0 {
        let mut raw = [0; 16];
        kernel.user(tid).read(addr, &mut raw)?;
        let time = Timeval::decode_64(&raw);
        // Microseconds beyond a second are carried.
        let sec = time.sec.checked_add(time.usec / 1_000_000).ok_or(Errno::EINVAL)?;
        let ns = Timeval { sec, usec: time.usec % 1_000_000 }.to_ns();
        timeout = Some(ns.filter(|_| time.sec >= 0 && time.usec >= 0).ok_or(Errno::EINVAL)?);
    }
    let outcome = select_until(kernel, tid, call, timeout);
    tell_remaining(kernel, tid, call, first, &outcome, timeout, addr, write_timeval);
    outcome
}

fn pselect6(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let [.., addr, mask] = call.args;
    let first = is_first(call);
    let timeout = if first && addr != 0 { Some(read_timespec(kernel, tid, addr)?) } else { None };
    if first && mask != 0 {
        let mut user = kernel.user(tid);
        let (mask, size) = (user.read_u64(mask)?, user.read_u64(mask.wrapping_add(8))?);
        set_user_sigmask(kernel, tid, mask, size)?;
    }
    let outcome = select_until(kernel, tid, call, timeout);
    tell_remaining(kernel, tid, call, first, &outcome, timeout, addr, write_timespec);
    outcome
}

/// The three sets of select, in the order of its arguments, and the poll events that each stands for.
const SETS: [PollEvents; 3] = [
    PollEvents::POLLIN
        .union(PollEvents::POLLRDNORM)
        .union(PollEvents::POLLRDBAND)
        .union(PollEvents::POLLHUP)
        .union(PollEvents::POLLERR),
    PollEvents::POLLOUT.union(PollEvents::POLLWRNORM).union(PollEvents::POLLWRBAND).union(PollEvents::POLLERR),
    PollEvents::POLLPRI,
];

fn select_until(kernel: &mut Kernel, tid: Tid, call: &mut Call, timeout: Option<u64>) -> Result<Outcome> {
    let n = usize::try_from(call.args[0] as i32).map_err(|_| Errno::EINVAL)?;
    // Descriptors beyond the table are not looked at.
    let n = n.min(kernel.vfs.fd_table(kernel.tasks[tid].files).size());
    let bytes = n.div_ceil(64) * 8;
    let addrs = [call.args[1], call.args[2], call.args[3]];
    let mut asked = [const { Vec::new() }; 3];
    for (set, addr) in asked.iter_mut().zip(addrs).filter(|(_, addr)| *addr != 0) {
        set.resize(bytes, 0u8);
        kernel.user(tid).read(addr, set)?;
    }
    let mut answer = asked.clone().map(|set| vec![0; set.len()]);
    let (mut ready, mut keys) = (0, Vec::new());
    for fd in 0..n {
        let (byte, bit) = (fd / 8, 1u8 << (fd % 8));
        let is_asked = |set: &Vec<u8>| set.get(byte).is_some_and(|b| b & bit != 0);
        if !asked.iter().any(is_asked) {
            continue;
        }
        let file = kernel.fd_file(tid, fd as i32)?;
        let (events, wait_keys) = kernel.file_poll(tid, file);
        keys.extend(wait_keys);
        for ((set, out), meaning) in asked.iter().zip(&mut answer).zip(SETS) {
            if is_asked(set) && events.intersects(meaning) {
                out[byte] |= bit;
                ready += 1;
            }
        }
    }
    let deadline = deadline(kernel, call, timeout);
    if ready == 0 && deadline.is_none_or(|deadline| deadline > kernel.clock.now) {
        return Ok(wait(keys, deadline, Restart::NoHand, "do_select"));
    }
    for (set, addr) in answer.iter().zip(addrs).filter(|(_, addr)| *addr != 0) {
        kernel.user(tid).write(addr, set)?;
    }
    Ok(Outcome::Done(Ok(ready)))
}
