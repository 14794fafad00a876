//! Timers that send signals: ITIMER_REAL, the CPU-time itimers, and those of timer_create(2).
//!
//! A timer with an interval starts again when its signal is taken, not when it fires (kernel/time/itimer.c, posix-timers.c):
//! a blocked or frozen process is not called up again and again.
use crate::{Kernel, Task, Tgid, Tid, TimerKey};
use abi::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The timers that are not in their thread group.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Timers {
    pub(crate) posix: BTreeMap<(Tgid, u32), PosixTimer>,
    /// ITIMER_VIRTUAL and ITIMER_PROF: due at this CPU time of the group, and the interval.
    cpu: BTreeMap<Tgid, [Option<(u64, u64)>; 2]>,
}

/// A timer of timer_create(2).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct PosixTimer {
    pub(crate) clock: i32,
    /// SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD_ID.
    pub(crate) notify: i32,
    pub(crate) signo: u8,
    pub(crate) value: u64,
    pub(crate) thread: Tid,
    /// When it fires, or fired, in virtual time; `None`: disarmed.
    pub(crate) due: Option<u64>,
    pub(crate) interval: u64,
    /// Of the last signal taken.
    pub(crate) overrun: i32,
}

/// How often a timer due at `due` has fired until `now`, and when it fires next.
fn forward(due: u64, interval: u64, now: u64) -> (u64, u64) {
    let times = now.saturating_sub(due) / interval + 1;
    (times, due.saturating_add(times.saturating_mul(interval)))
}

impl Task {
    /// User and system time, nanoseconds.
    pub fn cpu_time(&self) -> (u64, u64) {
        (self.utime, self.stime)
    }
}

impl Kernel {
    /// User and system time of a thread group, its dead threads included.
    pub fn group_cpu_time(&self, tgid: Tgid) -> (u64, u64) {
        let Some(group) = self.tasks.group(tgid) else { return (0, 0) };
        group
            .threads
            .iter()
            .filter_map(|&tid| self.tasks.get(tid))
            .map(Task::cpu_time)
            .fold(group.dead.times, |(user, system), (u, s)| (user.wrapping_add(u), system.wrapping_add(s)))
    }

    /// What is left of an itimer, and its interval.
    pub(crate) fn itimer(&self, tgid: Tgid, which: u32) -> (u64, u64) {
        let (timer, now) = match which {
            ITIMER_REAL => (self.tasks.group(tgid).and_then(|group| group.real_timer), self.clock.now),
            _ => (self.timers.cpu.get(&tgid).and_then(|timers| timers[cpu_index(which)]), self.cpu_now(tgid, which)),
        };
        timer.map_or((0, 0), |(due, interval)| (due.saturating_sub(now), interval))
    }

    /// Sets an itimer to fire in `value` ns (0: never), then every `interval`.
    pub(crate) fn set_itimer(&mut self, tgid: Tgid, which: u32, value: u64, interval: u64) {
        if which != ITIMER_REAL {
            let due = self.cpu_now(tgid, which).saturating_add(value);
            let timers = self.timers.cpu.entry(tgid).or_default();
            timers[cpu_index(which)] = (value != 0).then_some((due, interval));
            if timers.iter().all(Option::is_none) {
                self.timers.cpu.remove(&tgid);
            }
            return;
        }
        let due = self.clock.now.saturating_add(value);
        let Some(group) = self.tasks.group_mut(tgid) else { return };
        let new = (value != 0).then_some((due, interval));
        if let Some((old, _)) = std::mem::replace(&mut group.real_timer, new) {
            self.clock.disarm(old, TimerKey::RealTimer(tgid));
        }
        if new.is_some() {
            self.clock.arm(due, TimerKey::RealTimer(tgid));
        }
    }

    /// The time an itimer of CPU time counts.
    fn cpu_now(&self, tgid: Tgid, which: u32) -> u64 {
        let (user, system) = self.group_cpu_time(tgid);
        if which == ITIMER_VIRTUAL { user } else { user.wrapping_add(system) }
    }

    /// ITIMER_REAL (and alarm) is due.
    pub(crate) fn real_timer_expired(&mut self, tgid: Tgid) {
        let Some(group) = self.tasks.group_mut(tgid) else { return };
        if group.real_timer.is_some_and(|(_, interval)| interval == 0) {
            group.real_timer = None;
        }
        self.send_to_group(tgid, Siginfo::kernel(SIGALRM));
    }

    /// Time was charged to a task: the itimers of CPU time may be due.
    pub(crate) fn check_cpu_timers(&mut self, tgid: Tgid) {
        if !self.timers.cpu.contains_key(&tgid) {
            return;
        }
        for (which, signo) in [(ITIMER_VIRTUAL, SIGVTALRM), (ITIMER_PROF, SIGPROF)] {
            let now = self.cpu_now(tgid, which);
            let Some(timers) = self.timers.cpu.get_mut(&tgid) else { return };
            let timer = &mut timers[cpu_index(which)];
            if let Some((due, interval)) = *timer
                && due <= now
            {
                *timer = (interval != 0).then(|| (forward(due, interval, now).1, interval));
                self.send_to_group(tgid, Siginfo::kernel(signo));
            }
        }
    }

    /// A timer of timer_create(2) is due.
    pub(crate) fn posix_timer_expired(&mut self, tgid: Tgid, id: u32) {
        let Some(timer) = self.timers.posix.get_mut(&(tgid, id)) else { return };
        let fields = Fields::Timer { id: id as i32, overrun: 0, value: timer.value };
        let info = Siginfo { signo: timer.signo, errno: 0, code: SI_TIMER, fields };
        let (notify, thread) = (timer.notify, timer.thread);
        if timer.interval == 0 && notify != SIGEV_NONE {
            timer.due = None;
        }
        match notify {
            SIGEV_NONE => {}
            SIGEV_THREAD_ID => self.send_to_thread(thread, info),
            _ => self.send_to_group(tgid, info),
        }
    }

    /// A signal was taken from the queue: the timer that sent it starts again, and says how often it fired meanwhile.
    pub(crate) fn timer_signal_taken(&mut self, tgid: Tgid, info: &mut Siginfo) {
        let now = self.clock.now;
        if info.signo == SIGALRM
            && let Some(group) = self.tasks.group_mut(tgid)
            && let Some((due, interval)) = &mut group.real_timer
            && *due <= now
            && *interval != 0
        {
            *due = forward(*due, *interval, now).1;
            let next = *due;
            self.clock.arm(next, TimerKey::RealTimer(tgid));
        }
        if info.code == SI_TIMER
            && let Fields::Timer { id, overrun, .. } = &mut info.fields
            && let Some(timer) = self.timers.posix.get_mut(&(tgid, *id as u32))
        {
            timer.overrun = 0;
            if let Some(due) = timer.due
                && due <= now
                && timer.interval != 0
            {
                let (times, next) = forward(due, timer.interval, now);
                timer.overrun = i32::try_from(times - 1).unwrap_or(i32::MAX);
                timer.due = Some(next);
                self.clock.arm(next, TimerKey::Posix(tgid, *id as u32));
            }
            *overrun = timer.overrun;
        }
    }

    /// execve, or the end of the process: timers of timer_create go.
    pub(crate) fn drop_posix_timers(&mut self, tgid: Tgid) {
        let ids: Vec<u32> = self.timers.posix.range((tgid, 0)..=(tgid, u32::MAX)).map(|(key, _)| key.1).collect();
        for id in ids {
            self.delete_posix_timer(tgid, id);
        }
    }

    pub(crate) fn delete_posix_timer(&mut self, tgid: Tgid, id: u32) -> Option<PosixTimer> {
        let timer = self.timers.posix.remove(&(tgid, id))?;
        if let Some(due) = timer.due {
            self.clock.disarm(due, TimerKey::Posix(tgid, id));
        }
        Some(timer)
    }

    /// The end of a process: all its timers go.
    pub(crate) fn drop_timers(&mut self, tgid: Tgid) {
        self.drop_posix_timers(tgid);
        self.timers.cpu.remove(&tgid);
        self.set_itimer(tgid, ITIMER_REAL, 0, 0);
    }
}

fn cpu_index(which: u32) -> usize {
    usize::from(which == ITIMER_PROF)
}

impl PosixTimer {
    /// What is left until it fires (timer_gettime).
    pub(crate) fn left(&self, now: u64) -> u64 {
        match self.due {
            None => 0,
            Some(due) if due > now => due - now,
            // Fired, and its signal not taken yet: counted from where it would be.
            Some(due) if self.interval != 0 => forward(due, self.interval, now).1 - now,
            Some(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarding() {
        assert_eq!(forward(100, 10, 100), (1, 110));
        assert_eq!(forward(100, 10, 109), (1, 110));
        assert_eq!(forward(100, 10, 110), (2, 120));
        assert_eq!(forward(100, u64::MAX, 1 << 63), (1, u64::MAX), "hostile intervals saturate");
    }

    #[test]
    fn time_left() {
        let timer = |due, interval| PosixTimer {
            clock: CLOCK_MONOTONIC,
            notify: SIGEV_SIGNAL,
            signo: SIGALRM,
            value: 0,
            thread: Tid(1),
            due,
            interval,
            overrun: 0,
        };
        assert_eq!(timer(None, 10).left(5), 0);
        assert_eq!(timer(Some(100), 0).left(40), 60);
        assert_eq!(timer(Some(100), 0).left(140), 0);
        assert_eq!(timer(Some(100), 30).left(140), 20);
    }
}
