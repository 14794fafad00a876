//! futex(2).
use super::table::{Row, partial};
use super::{Call, OnSignal, Outcome, Progress, Sleep, SleepKind};
use crate::{Kernel, Result, Tid, TraceKind, WaitKey};
use abi::{
    Errno, FUTEX_BITSET_MATCH_ANY, FUTEX_CLOCK_REALTIME, FUTEX_CMD_MASK, FUTEX_CMP_REQUEUE, FUTEX_PRIVATE_FLAG,
    FUTEX_REQUEUE, FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_WAKE, FUTEX_WAKE_BITSET, FUTEX_WAKE_OP, Restart, Sysno,
    Timespec,
};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    partial(Sysno::Futex, futex, "no priority inheritance: those operations are ENOSYS"),
];

fn futex(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [addr, op, value, timeout, addr2, value3] = call.args;
    let (op, value) = (op as u32, value as u32);
    let private = op & FUTEX_PRIVATE_FLAG != 0;
    let command = op & FUTEX_CMD_MASK;
    if op & FUTEX_CLOCK_REALTIME != 0 && command != FUTEX_WAIT_BITSET && command != FUTEX_WAIT {
        return Errno::ENOSYS.into();
    }
    match command {
        FUTEX_WAIT | FUTEX_WAIT_BITSET => {
            let bits = if command == FUTEX_WAIT { FUTEX_BITSET_MATCH_ANY } else { value3 as u32 };
            wait(kernel, tid, call, private, value, bits)
        }
        FUTEX_WAKE => kernel
            .futex_key(tid, addr, private)
            .map(|key| kernel.futex_wake_key(key, at_least_one(value), FUTEX_BITSET_MATCH_ANY))
            .into(),
        FUTEX_WAKE_BITSET if value3 as u32 == 0 => Errno::EINVAL.into(),
        FUTEX_WAKE_BITSET => kernel
            .futex_key(tid, addr, private)
            .map(|key| kernel.futex_wake_key(key, at_least_one(value), value3 as u32))
            .into(),
        FUTEX_REQUEUE | FUTEX_CMP_REQUEUE => {
            let expect = (command == FUTEX_CMP_REQUEUE).then_some(value3 as u32);
            requeue(kernel, tid, (addr, addr2), private, value, timeout as u32, expect).into()
        }
        FUTEX_WAKE_OP => wake_op(kernel, tid, (addr, addr2), private, value, timeout as u32, value3 as u32).into(),
        _ => {
            kernel.trace.line(TraceKind::Missing, || format!("[{}] futex operation {command}: ENOSYS", tid.0));
            Errno::ENOSYS.into()
        }
    }
}

/// FUTEX_WAKE wakes one even when asked for none (futex_wake's loop).
fn at_least_one(n: u32) -> u64 {
    if (n as i32) < 1 { 1 } else { n.into() }
}

/// When a wait ends: relative for FUTEX_WAIT, absolute for the bitset form.
fn deadline(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<Option<u64>> {
    let [_, op, _, timeout, ..] = call.args;
    if timeout == 0 {
        return Ok(None);
    }
    let mut bytes = [0; 16];
    kernel.user(tid).read(timeout, &mut bytes)?;
    let ns = Timespec::decode_64(&bytes).to_ns().ok_or(Errno::EINVAL)?;
    let op = op as u32;
    Ok(Some(if op & FUTEX_CMD_MASK == FUTEX_WAIT {
        kernel.clock.now.saturating_add(ns)
    } else if op & FUTEX_CLOCK_REALTIME != 0 {
        ns.saturating_sub(kernel.clock.realtime_base)
    } else {
        ns
    }))
}

fn wait(kernel: &mut Kernel, tid: Tid, call: &mut Call, private: bool, value: u32, bits: u32) -> Outcome {
    if bits == 0 {
        return Errno::EINVAL.into();
    }
    let until = match call.progress {
        // Woken, whatever the word says by now.
        Progress::State(..) if matches!(call.woken, Some(WaitKey::Futex(..))) => return Ok(0u64).into(),
        Progress::State(_, until) => until,
        _ => match deadline(kernel, tid, call) {
            Ok(until) => until,
            Err(errno) => return errno.into(),
        },
    };
    let now = kernel.clock.now;
    if matches!(call.progress, Progress::State(..)) && until.is_some_and(|until| until <= now) {
        return Errno::ETIMEDOUT.into();
    }
    let key = match kernel.futex_key(tid, call.args[0], private) {
        Ok(key) => key,
        Err(errno) => return errno.into(),
    };
    match kernel.user(tid).read_u32(call.args[0]) {
        Ok(word) if word != value => return Errno::EAGAIN.into(),
        Ok(_) => {}
        Err(errno) => return errno.into(),
    }
    if until.is_some_and(|until| until <= now) {
        return Errno::ETIMEDOUT.into();
    }
    // E08-01 and E08-02: restarted, with the time that is left if there is a timeout.
    let restart = if until.is_some() { Restart::Block } else { Restart::Sys };
    Outcome::Sleep(Sleep {
        on: vec![key],
        until,
        kind: SleepKind::Interruptible,
        freezable: true,
        on_signal: OnSignal::Restart(restart),
        progress: Progress::State(bits.into(), until),
        wchan: "futex_do_wait",
    })
}

fn requeue(
    kernel: &mut Kernel,
    tid: Tid,
    (from, to): (u64, u64),
    private: bool,
    wake: u32,
    move_: u32,
    expect: Option<u32>,
) -> Result<u64> {
    if (wake as i32) < 0 || (move_ as i32) < 0 {
        return Err(Errno::EINVAL);
    }
    let (from_key, to_key) = (kernel.futex_key(tid, from, private)?, kernel.futex_key(tid, to, private)?);
    if let Some(expect) = expect
        && kernel.user(tid).read_u32(from)? != expect
    {
        return Err(Errno::EAGAIN);
    }
    let woken = kernel.futex_wake_key(from_key, wake.into(), FUTEX_BITSET_MATCH_ANY);
    let moved = if from_key == to_key { 0 } else { kernel.futex_requeue(from_key, to_key, move_.into()) };
    Ok(woken + if expect.is_some() { moved } else { 0 })
}

/// FUTEX_WAKE_OP: changes the second word, wakes on the first, and on the second if its old value compares.
fn wake_op(
    kernel: &mut Kernel,
    tid: Tid,
    (addr, addr2): (u64, u64),
    private: bool,
    wake: u32,
    wake2: u32,
    encoded: u32,
) -> Result<u64> {
    let sign_extend = |field: u32| ((field << 20) as i32) >> 20;
    let (op, cmp) = (encoded >> 28 & 7, encoded >> 24 & 15);
    let (mut arg, cmp_arg) = (sign_extend(encoded >> 12), sign_extend(encoded));
    if encoded >> 31 != 0 {
        arg = 1i32.wrapping_shl(arg as u32);
    }
    let (key, key2) = (kernel.futex_key(tid, addr, private)?, kernel.futex_key(tid, addr2, private)?);
    let old = kernel.user(tid).read_u32(addr2)?;
    let arg = arg as u32;
    let new = match op {
        0 => arg,
        1 => old.wrapping_add(arg),
        2 => old | arg,
        3 => old & !arg,
        4 => old ^ arg,
        _ => return Err(Errno::ENOSYS),
    };
    kernel.user(tid).write_u32(addr2, new)?;
    let old = old as i32;
    let holds = match cmp {
        0 => old == cmp_arg,
        1 => old != cmp_arg,
        2 => old < cmp_arg,
        3 => old <= cmp_arg,
        4 => old > cmp_arg,
        5 => old >= cmp_arg,
        _ => return Err(Errno::ENOSYS),
    };
    let mut woken = kernel.futex_wake_key(key, at_least_one(wake), FUTEX_BITSET_MATCH_ANY);
    if holds {
        woken += kernel.futex_wake_key(key2, at_least_one(wake2), FUTEX_BITSET_MATCH_ANY);
    }
    Ok(woken)
}
