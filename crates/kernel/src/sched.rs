//! The scheduler: which task runs next, on which virtual CPU, for how long. Deterministic under a seed.
//!
//! One queue for all virtual CPUs, ordered by virtual run time (retired instructions, weighted by nice). A wake-up never
//! takes the CPU from who has it: the woken task only gets a place near the head of the queue.
use crate::task::{Task, Tasks, Tid};
use crate::{Kernel, Random, TimerKey};
use arch::Cpu;
use mmu::{AddressSpace, FramePool};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Instructions a task runs before another that waits gets its turn.
pub(crate) const SLICE: u64 = 100_000;
/// Instructions between two looks at which of several busy virtual CPUs goes on.
const INTERLEAVE: u64 = 20_000;
/// Virtual nanoseconds a system call costs, so that time moves in a loop of them.
pub const SYSCALL_NS: u64 = 200;

/// What the machine can do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    Run(Tid),
    /// Nothing can run before a timer (`until`, nanoseconds since boot by CLOCK_BOOTTIME) or input from the host.
    Idle {
        until: Option<u64>,
    },
    /// All is frozen, and the machine as it is now is the image of a hibernation: `Kernel::image_saved` answers.
    Hibernate,
    /// The machine on the swap device is to take this one's place: if there is none, `Kernel::image_not_restored` answers.
    Restore,
    /// Init is gone, or reboot(2): the exit status of the machine.
    Halted(u8),
}

/// A task lent out to run.
pub struct Slot<'a> {
    pub tid: Tid,
    pub cpu: &'a mut Cpu,
    pub space: &'a mut AddressSpace,
    pub frames: &'a mut FramePool,
    /// Instructions it may retire.
    pub budget: u64,
    /// Time at tick t of the slice is now + (carry + t) / share.
    pub now: u64,
    pub carry: u64,
    pub share: u64,
}

/// A task as the scheduler sees it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct SchedEntity {
    /// Weighted run time; the smallest goes first.
    vruntime: u64,
    /// Its place in the queue.
    queued: Option<(u64, u64)>,
    /// The virtual CPU it ran on last: getcpu.
    pub(crate) cpu: u32,
}

/// A virtual CPU: whom it runs, and what is left of the slice.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct VirtualCpu {
    current: Option<Tid>,
    slice: u64,
}

/// The run queue and the virtual CPUs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scheduler {
    queue: BTreeSet<(u64, u64, Tid)>,
    cpus: Vec<VirtualCpu>,
    /// The virtual CPU that was picked last.
    turn: usize,
    min_vruntime: u64,
    arrivals: u64,
    /// Jitter of slices and interleaving; none with seed 0.
    random: Option<Random>,
    /// How many virtual CPUs were busy at the last pick: virtual time is shared among them.
    share: u64,
    pub switches: u64,
    last_traced: Option<Tid>,
}

/// A task's weight: a step of nice is a quarter more or a fifth less (`sched_prio_to_weight` in spirit, nice 0 is 1024).
fn weight(nice: i8) -> u64 {
    let fixed = (0..nice.unsigned_abs()).fold(1 << 30, |w: u64, _| if nice < 0 { w * 5 / 4 } else { w * 4 / 5 });
    (fixed + (1 << 19)) >> 20
}

impl Scheduler {
    pub(crate) fn new(cpus: u32, seed: u64) -> Scheduler {
        Scheduler {
            queue: BTreeSet::new(),
            cpus: vec![VirtualCpu::default(); cpus.max(1) as usize],
            turn: 0,
            min_vruntime: 0,
            arrivals: 0,
            random: (seed != 0).then(|| Random::stream(seed, "scheduler")),
            share: 1,
            switches: 0,
            last_traced: None,
        }
    }

    /// Number of runnable tasks.
    pub fn running(&self) -> usize {
        self.queue.len() + self.cpus.iter().filter(|cpu| cpu.current.is_some()).count()
    }

    /// The task that was lent out last.
    pub fn current(&self) -> Option<Tid> {
        self.cpus[self.turn].current
    }

    fn enqueue(&mut self, tid: Tid, entity: &mut SchedEntity) {
        self.arrivals += 1;
        let key = (entity.vruntime, self.arrivals);
        entity.queued = Some(key);
        self.queue.insert((key.0, key.1, tid));
    }

    /// A task became runnable. Who slept long starts a slice ahead of the others, not with all it missed.
    pub(crate) fn wake(&mut self, tid: Tid, entity: &mut SchedEntity) {
        if entity.queued.is_none() && !self.is_current(tid) {
            entity.vruntime = entity.vruntime.max(self.min_vruntime.saturating_sub(SLICE));
            self.enqueue(tid, entity);
        }
    }

    /// A task is not runnable any more.
    pub(crate) fn block(&mut self, tid: Tid, entity: &mut SchedEntity) {
        if let Some((vruntime, arrival)) = entity.queued.take() {
            self.queue.remove(&(vruntime, arrival, tid));
        }
        for cpu in self.cpus.iter_mut().filter(|cpu| cpu.current == Some(tid)) {
            cpu.current = None;
        }
    }

    /// The entity of a task's child: the share its parent has had, and half a slice behind it.
    pub(crate) fn child_of(&self, parent: &SchedEntity) -> SchedEntity {
        SchedEntity { vruntime: parent.vruntime.max(self.min_vruntime) + SLICE / 2, queued: None, cpu: parent.cpu }
    }

    fn is_current(&self, tid: Tid) -> bool {
        self.cpus.iter().any(|cpu| cpu.current == Some(tid))
    }

    pub(crate) fn rename(&mut self, from: Tid, to: Tid, entity: &mut SchedEntity) {
        for cpu in self.cpus.iter_mut().filter(|cpu| cpu.current == Some(from)) {
            cpu.current = Some(to);
        }
        if let Some((vruntime, arrival)) = entity.queued
            && self.queue.remove(&(vruntime, arrival, from))
        {
            self.queue.insert((vruntime, arrival, to));
        }
    }

    fn new_slice(&mut self) -> u64 {
        self.random.as_mut().map_or(SLICE, |random| SLICE / 2 + random.next_u64() % SLICE)
    }

    /// The next virtual CPU to go on, of those that are busy.
    fn next_cpu(&mut self) -> Option<usize> {
        let busy = self.cpus.iter().filter(|cpu| cpu.current.is_some()).count();
        if busy == 0 {
            return None;
        }
        self.share = busy as u64;
        let steps = match &mut self.random {
            Some(random) if busy > 1 => random.next_u64() as usize % busy,
            _ => 0,
        };
        let count = self.cpus.len();
        let after = (1..=count).map(|step| (self.turn + step) % count);
        after.filter(|&cpu| self.cpus[cpu].current.is_some()).nth(steps)
    }
}

impl Tasks {
    /// Gives every virtual CPU a task, as far as there are any, and picks the one that goes on.
    pub(crate) fn pick(&mut self) -> Option<Tid> {
        for cpu in 0..self.sched.cpus.len() {
            if self.sched.cpus[cpu].slice == 0
                && !self.sched.queue.is_empty()
                && let Some(tid) = self.sched.cpus[cpu].current.take()
            {
                let task = self.known(tid);
                let mut entity = std::mem::take(&mut task.sched);
                task.switches.1 += 1;
                self.sched.enqueue(tid, &mut entity);
                self.known(tid).sched = entity;
            }
            if self.sched.cpus[cpu].current.is_none() {
                let Some((vruntime, _, tid)) = self.sched.queue.pop_first() else { continue };
                self.sched.min_vruntime = self.sched.min_vruntime.max(vruntime);
                self.sched.cpus[cpu] = VirtualCpu { current: Some(tid), slice: self.sched.new_slice() };
                self.sched.switches += 1;
                let task = self.known(tid);
                task.sched.queued = None;
                task.sched.cpu = cpu as u32;
            } else if self.sched.cpus[cpu].slice == 0 {
                self.sched.cpus[cpu].slice = self.sched.new_slice();
            }
        }
        let cpu = self.sched.next_cpu()?;
        self.sched.turn = cpu;
        self.sched.cpus[cpu].current
    }

    /// Gives a runnable task the virtual CPU that went on last, with a slice of its own.
    fn pick_task(&mut self, tid: Tid) -> bool {
        if !self.get(tid).is_some_and(Task::is_runnable) {
            return false;
        }
        let at = self.sched.cpus.iter().position(|cpu| cpu.current == Some(tid)).unwrap_or(self.sched.turn);
        if let Some((vruntime, arrival)) = self.known(tid).sched.queued.take() {
            self.sched.queue.remove(&(vruntime, arrival, tid));
        }
        if let Some(old) = self.sched.cpus[at].current.take().filter(|&old| old != tid) {
            let mut entity = std::mem::take(&mut self.known(old).sched);
            self.sched.enqueue(old, &mut entity);
            self.known(old).sched = entity;
        }
        self.sched.cpus[at] = VirtualCpu { current: Some(tid), slice: SLICE };
        self.sched.turn = at;
        true
    }

    /// Takes `ticks` off the slice of a task.
    fn charge(&mut self, tid: Tid, ticks: u64) {
        if let Some(cpu) = self.sched.cpus.iter_mut().find(|cpu| cpu.current == Some(tid)) {
            cpu.slice = cpu.slice.saturating_sub(ticks);
        }
        let task = self.known(tid);
        task.sched.vruntime += (ticks * 1024).div_ceil(weight(task.nice));
    }

    /// sched_yield: everyone who waits goes first.
    pub(crate) fn yield_now(&mut self, tid: Tid) {
        let last = self.sched.queue.last().map_or(0, |entry| entry.0);
        let task = self.known(tid);
        task.sched.vruntime = task.sched.vruntime.max(last);
        if let Some(cpu) = self.sched.cpus.iter_mut().find(|cpu| cpu.current == Some(tid)) {
            cpu.slice = 0;
        }
    }

    fn known(&mut self, tid: Tid) -> &mut Task {
        self.get_mut(tid).expect("what is queued is in the table")
    }
}

impl Kernel {
    /// Picks a task that can enter user mode, after it has finished what it had to do in the kernel.
    pub fn schedule(&mut self) -> Schedule {
        loop {
            if let Some(status) = self.halted {
                return Schedule::Halted(status);
            }
            if let Some(asleep) = self.system_asleep() {
                return asleep;
            }
            self.expire_timers();
            let Some(tid) = self.tasks.pick() else {
                let until = self.next_timer().map(|at| at.saturating_add(self.clock.slept));
                return Schedule::Idle { until };
            };
            if crate::entry::exit_to_user(self, tid) {
                self.trace_switch(tid);
                return Schedule::Run(tid);
            }
        }
    }

    /// The same for one task and no other: a schedule that somebody has written down. False if the task does not get to
    /// user mode: it sleeps, is stopped, frozen or gone.
    pub fn schedule_task(&mut self, tid: Tid) -> bool {
        self.expire_timers();
        self.halted.is_none() && self.tasks.pick_task(tid) && crate::entry::exit_to_user(self, tid)
    }

    /// When the next timer or sleep is due.
    pub fn next_timer(&self) -> Option<u64> {
        [self.clock.next_timer(), self.tasks.next_sleeper()].into_iter().flatten().min()
    }

    /// Nothing could run: time goes on to `until`, nanoseconds since boot. CLOCK_MONOTONIC stands while the system sleeps.
    pub fn advance_to(&mut self, until: u64) {
        let passed = until.saturating_sub(self.clock.boottime());
        if self.power.is_asleep() {
            self.clock.sleep(passed);
        } else {
            self.clock.now = self.clock.now.saturating_add(passed);
        }
    }

    /// Lends out a task that `schedule` picked. Give it back with [`Kernel::handle`].
    pub fn lend(&mut self, tid: Tid) -> Slot<'_> {
        let (now, carry, share) = (self.clock.now, self.clock.carry, self.tasks.sched.share);
        let cpu = &self.tasks.sched.cpus[self.tasks.sched.turn];
        let mut budget = if share > 1 { cpu.slice.min(INTERLEAVE) } else { cpu.slice };
        if let Some(at) = self.next_timer() {
            budget = budget.min((at.saturating_sub(now)).saturating_mul(share).saturating_sub(carry));
        }
        let task = self.tasks.get_mut(tid).expect("a task that was picked");
        if task.single_step {
            budget = 1;
        }
        let mm = task.mm.and_then(|mm| self.mms.get_mut(mm)).expect("a task that runs has memory");
        Slot {
            tid,
            cpu: &mut task.cpu,
            space: &mut mm.space,
            frames: &mut self.frames,
            budget: budget.max(1),
            now,
            carry,
            share,
        }
    }

    /// Counts what a lent task has run.
    pub(crate) fn account(&mut self, tid: Tid, ticks: u64) {
        self.clock.advance(ticks, self.tasks.sched.share);
        let task = &mut self.tasks[tid];
        task.utime += ticks;
        self.load.user += ticks;
        let tgid = task.tgid;
        self.tasks.charge(tid, ticks);
        self.check_cpu_timers(tgid);
    }

    /// Counts a system call.
    pub(crate) fn account_syscall(&mut self, tid: Tid) {
        self.clock.advance(SYSCALL_NS, self.tasks.sched.share);
        self.tasks[tid].stime += SYSCALL_NS;
        self.load.system += SYSCALL_NS;
        self.tasks.charge(tid, SYSCALL_NS);
    }

    fn expire_timers(&mut self) {
        self.update_load();
        while let Some(tid) = self.tasks.next_due(self.clock.now) {
            self.tasks.wake_up(tid);
        }
        while let Some(key) = self.clock.pop_due() {
            match key {
                TimerKey::RealTimer(tgid) => self.real_timer_expired(tgid),
                TimerKey::Posix(tgid, id) => self.posix_timer_expired(tgid, id),
                TimerKey::Tty(id) => self.tty_timer_expired(id),
                TimerKey::KernfsWork => self.kernfs_notify_work(),
                TimerKey::Power => self.notify(crate::WaitKey::Power),
                TimerKey::Rtc => self.rtc_expired(),
                // The reader of a timerfd works out how often it expired.
                TimerKey::Vfs(number) => self.notify(crate::WaitKey::Readable(number)),
            }
        }
    }

    fn trace_switch(&mut self, tid: Tid) {
        if self.trace.is_on(crate::TraceKind::Sched) && self.tasks.sched.last_traced != Some(tid) {
            self.tasks.sched.last_traced = Some(tid);
            let (now, task) = (self.clock.now, &self.tasks[tid]);
            let line = format!("{} runs on cpu {} at {now}", task.label(), task.sched.cpu);
            self.trace.line(crate::TraceKind::Sched, || line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_linuxs_within_two_percent() {
        // sched_prio_to_weight at nice -20, -10, -1, 0, 1, 10, 19.
        for (nice, linux) in [(-20, 88761), (-10, 9548), (-1, 1277), (0, 1024), (1, 820), (10, 110), (19, 15)] {
            let ours = weight(nice);
            assert!(ours.abs_diff(linux) * 100 <= linux * 2, "nice {nice}: {ours}, {linux}");
        }
    }

    use crate::test_arch::{fork, machine};
    use crate::{Config, INIT};
    use arch::Exit;

    /// Lets `tasks` compute for `slices` turns; how many instructions each retired, and in which order they ran.
    fn compute(config: Config, nice: &[i8], turns: usize) -> (Vec<u64>, Vec<Tid>, Kernel) {
        let mut kernel = machine(config);
        let tasks: Vec<Tid> = nice.iter().map(|_| fork(&mut kernel, INIT)).collect();
        for (&tid, &nice) in tasks.iter().zip(nice) {
            kernel.tasks[tid].nice = nice;
        }
        crate::test_arch::call(&mut kernel, INIT, abi::Sysno::Pause, &[]);
        let mut order = Vec::new();
        for _ in 0..turns {
            let Schedule::Run(tid) = kernel.schedule() else { panic!("all of them compute") };
            let budget = kernel.lend(tid).budget;
            kernel.handle(tid, Exit::Budget, budget);
            order.push(tid);
        }
        (tasks.iter().map(|&tid| kernel.tasks[tid].utime).collect(), order, kernel)
    }

    #[test]
    fn equals_share_equally() {
        for cpus in [1, 2, 3] {
            let (times, ..) = compute(Config { cpus, ..Config::default() }, &[0; 4], 4000);
            let (least, most) = (times.iter().min().expect("four"), times.iter().max().expect("four"));
            assert!(most - least <= 2 * SLICE, "{cpus} CPUs: {times:?}");
        }
    }

    #[test]
    fn nice_weighs() {
        let (times, ..) = compute(Config::default(), &[0, 5], 2000);
        // sched(7): each step is a factor of about 1.25; five of them 3.05.
        let ratio = times[0] * 100 / times[1];
        assert!((290..320).contains(&ratio), "{times:?}");
    }

    #[test]
    fn one_seed_one_order() {
        let run = |seed, cpus| {
            let (times, order, kernel) = compute(Config { seed, cpus, ..Config::default() }, &[0; 5], 500);
            (times, order, kernel.clock.now, kernel.state_words())
        };
        for cpus in [1, 4] {
            assert_eq!(run(7, cpus), run(7, cpus));
            assert_ne!(run(7, cpus).0, run(8, cpus).0, "another seed, other slices");
        }
    }

    /// A slice of T ticks on one of k busy CPUs is worth T/k ns.
    #[test]
    fn time_is_shared() {
        for (cpus, tasks, busy) in [(1, 3, 1), (2, 3, 2), (4, 3, 3)] {
            let (times, _, kernel) = compute(Config { cpus, ..Config::default() }, &vec![0; tasks], 300);
            let forks = (tasks as u64 + 1) * (SYSCALL_NS + 1);
            let expected = times.iter().sum::<u64>() / busy;
            assert!(kernel.clock.now.abs_diff(expected) <= forks, "{cpus} CPUs, {tasks} tasks");
        }
    }

    /// A budget ends at the next timer, and then who slept runs before those that computed.
    #[test]
    fn timers_cut_budgets() {
        let mut kernel = machine(Config::default());
        let (sleeper, busy) = (fork(&mut kernel, INIT), fork(&mut kernel, INIT));
        crate::test_arch::call(&mut kernel, INIT, abi::Sysno::Pause, &[]);
        let due = kernel.clock.now + 250_000;
        let call = crate::test_arch::call(&mut kernel, sleeper, abi::Sysno::Pause, &[]);
        assert_eq!(call, None);
        // As nanosleep would have it.
        kernel.tasks.wake_up(sleeper);
        let sleep = crate::Sleep { until: Some(due), ..crate::Sleep::new(crate::WaitKey::Never, "test") };
        kernel.tasks.sleep(sleeper, &sleep);
        while kernel.clock.now < due {
            assert_eq!(kernel.schedule(), Schedule::Run(busy));
            let budget = kernel.lend(busy).budget;
            assert!(kernel.clock.now + budget <= due, "not beyond the timer");
            kernel.handle(busy, Exit::Budget, budget);
        }
        assert_eq!(kernel.clock.now, due);
        assert_eq!(kernel.tasks.next_sleeper(), Some(due));
        kernel.schedule();
        assert_eq!(kernel.tasks.next_sleeper(), None, "it was woken");
    }
}
