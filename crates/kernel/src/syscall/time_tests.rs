//! Sleeps and timers across signals, stops and freezes (E08-02, E08-03).
use crate::freezer::{freeze_task, thaw_process};
use crate::mm::Vma;
use crate::test_arch::{call, delivered, machine, result, to_user};
use crate::{Config, INIT, Kernel, Schedule};
use abi::*;

const BUF: u64 = 0x1_0000;
const SECOND: u64 = NSEC_PER_SEC;
const EINTR: i64 = -4;

fn kernel() -> Kernel {
    let mut kernel = machine(Config::default());
    let memory = Vma::anon(BUF, BUF + 0x1000, Prot::PROT_READ | Prot::PROT_WRITE, "");
    kernel.map_area(INIT, memory, true).expect("an empty address space");
    kernel
}

fn put(kernel: &mut Kernel, addr: u64, ns: u64) {
    kernel.user(INIT).write(addr, &Timespec::from_ns(ns).encode_64()).expect("mapped");
}

fn get(kernel: &mut Kernel, addr: u64) -> u64 {
    let mut raw = [0; 16];
    kernel.user(INIT).read(addr, &mut raw).expect("mapped");
    Timespec::decode_64(&raw).to_ns().expect("a time")
}

fn handle(kernel: &mut Kernel, signo: u8) {
    kernel.tasks.actions_mut(INIT).0[usize::from(signo)] = SigAction { handler: 0x1000, ..SigAction::default() };
}

/// Lets time pass to the next timer; when that is.
fn wait(kernel: &mut Kernel) -> u64 {
    let Schedule::Idle { until: Some(until) } = kernel.schedule() else { panic!("it sleeps until a time") };
    kernel.advance_to(until);
    until
}

#[test]
fn a_sleep_ends_in_time() {
    let mut kernel = kernel();
    put(&mut kernel, BUF, 3 * SECOND / 2);
    let start = kernel.clock.now;
    assert_eq!(call(&mut kernel, INIT, Sysno::Nanosleep, &[BUF, 0]), None);
    assert!((3 * SECOND / 2..3 * SECOND / 2 + 1000).contains(&(wait(&mut kernel) - start)));
    assert!(matches!(kernel.schedule(), Schedule::Run(INIT)));
    assert_eq!(result(&kernel, INIT), Some(0));
}

#[test]
fn a_handler_ends_a_sleep_and_tells_what_is_left() {
    let mut kernel = kernel();
    handle(&mut kernel, SIGUSR1);
    put(&mut kernel, BUF, 10 * SECOND);
    call(&mut kernel, INIT, Sysno::Nanosleep, &[BUF, BUF + 16]);
    kernel.advance_to(kernel.clock.now + 4 * SECOND);
    kernel.send_to_group(INIT, Siginfo::kernel(SIGUSR1));
    assert!(to_user(&mut kernel, INIT));
    assert_eq!((result(&kernel, INIT), delivered(&kernel, INIT)), (Some(EINTR), SIGUSR1));
    let left = get(&mut kernel, BUF + 16);
    assert!((6 * SECOND - 1000..=6 * SECOND).contains(&left), "{left}");
}

/// E08-02: a freeze is not seen; the deadline stays, and restart_syscall sleeps on to it.
#[test]
fn a_freeze_does_not_move_the_deadline() {
    for sysno in [Sysno::Nanosleep, Sysno::ClockNanosleep] {
        let mut kernel = kernel();
        put(&mut kernel, BUF, 10 * SECOND);
        let args = if sysno == Sysno::Nanosleep { [BUF, 0, 0, 0] } else { [CLOCK_MONOTONIC as u64, 0, BUF, 0] };
        let start = kernel.clock.now;
        call(&mut kernel, INIT, sysno, &args);
        kernel.advance_to(start + 3 * SECOND);
        freeze_task(&mut kernel, INIT, true);
        assert!(!to_user(&mut kernel, INIT));
        kernel.advance_to(start + 7 * SECOND);
        thaw_process(&mut kernel, INIT);
        assert!(to_user(&mut kernel, INIT));
        // The signal-return path put the program back to its call; it makes it.
        let number = kernel.tasks[INIT].cpu.slots[8];
        assert_eq!(number, Sysno::RestartSyscall as u64);
        assert_eq!(call(&mut kernel, INIT, Sysno::RestartSyscall, &[]), None);
        assert!((10 * SECOND..10 * SECOND + 1000).contains(&(wait(&mut kernel) - start)));
    }
}

/// E08-03: an absolute sleep is made again as it was, unless a handler ran.
#[test]
fn an_absolute_sleep_restarts_without_a_handler_alone() {
    let mut kernel = kernel();
    put(&mut kernel, BUF, 20 * SECOND);
    let args = [CLOCK_MONOTONIC as u64, TIMER_ABSTIME.into(), BUF, 0];
    let pc = kernel.tasks[INIT].cpu.pc;
    call(&mut kernel, INIT, Sysno::ClockNanosleep, &args);
    freeze_task(&mut kernel, INIT, true);
    assert!(!to_user(&mut kernel, INIT));
    thaw_process(&mut kernel, INIT);
    assert!(to_user(&mut kernel, INIT));
    assert_eq!(kernel.tasks[INIT].cpu.pc, pc, "at the call again");
    call(&mut kernel, INIT, Sysno::ClockNanosleep, &args);
    assert_eq!(wait(&mut kernel), 20 * SECOND);
    handle(&mut kernel, SIGUSR1);
    let mut kernel = self::kernel();
    handle(&mut kernel, SIGUSR1);
    put(&mut kernel, BUF, 20 * SECOND);
    call(&mut kernel, INIT, Sysno::ClockNanosleep, &args);
    kernel.send_to_group(INIT, Siginfo::kernel(SIGUSR1));
    assert!(to_user(&mut kernel, INIT));
    assert_eq!(result(&kernel, INIT), Some(EINTR));
}

/// A sleep until a time of day ends when the clock is set past it.
#[test]
fn setting_the_clock_ends_a_realtime_sleep() {
    let mut kernel = kernel();
    let target = kernel.clock.realtime() + 3600 * SECOND;
    put(&mut kernel, BUF, target);
    call(&mut kernel, INIT, Sysno::ClockNanosleep, &[CLOCK_REALTIME as u64, TIMER_ABSTIME.into(), BUF, 0]);
    kernel.clock.realtime_base += 7200 * SECOND;
    kernel.notify(super::CLOCK_WAS_SET);
    assert!(matches!(kernel.schedule(), Schedule::Run(INIT)));
    assert_eq!(result(&kernel, INIT), Some(0));
}

#[test]
fn bad_times_and_clocks() {
    let mut kernel = kernel();
    kernel.user(INIT).write(BUF, &Timespec { sec: 0, nsec: 1_000_000_000 }.encode_64()).expect("mapped");
    assert_eq!(call(&mut kernel, INIT, Sysno::Nanosleep, &[BUF, 0]), Some(-22));
    assert_eq!(call(&mut kernel, INIT, Sysno::Nanosleep, &[8, 0]), Some(-14));
    assert_eq!(call(&mut kernel, INIT, Sysno::ClockGettime, &[99, BUF]), Some(-22));
    assert_eq!(call(&mut kernel, INIT, Sysno::ClockGettime, &[0, 8]), Some(-14));
    assert_eq!(call(&mut kernel, INIT, Sysno::ClockNanosleep, &[CLOCK_MONOTONIC_RAW as u64, 0, BUF, 0]), Some(-95));
}

#[test]
fn alarms() {
    let mut kernel = kernel();
    handle(&mut kernel, SIGALRM);
    assert_eq!(call(&mut kernel, INIT, Sysno::Alarm, &[10]), Some(0));
    kernel.advance_to(kernel.clock.now + 3 * SECOND);
    assert_eq!(call(&mut kernel, INIT, Sysno::Alarm, &[5]), Some(7), "rounded to the nearest second");
    call(&mut kernel, INIT, Sysno::Pause, &[]);
    wait(&mut kernel);
    assert!(matches!(kernel.schedule(), Schedule::Run(INIT)));
    assert_eq!((result(&kernel, INIT), delivered(&kernel, INIT)), (Some(EINTR), SIGALRM));
    assert_eq!(call(&mut kernel, INIT, Sysno::Alarm, &[0]), Some(0));
}

/// An interval timer whose signal nobody takes fires once, and goes on when it is taken.
#[test]
fn intervals_wait_for_their_signal_to_be_taken() {
    let mut kernel = kernel();
    handle(&mut kernel, SIGALRM);
    kernel.tasks[INIT].blocked = SigSet::of(&[SIGALRM]);
    let start = kernel.clock.now;
    kernel.set_itimer(INIT, ITIMER_REAL, SECOND, SECOND);
    call(&mut kernel, INIT, Sysno::Pause, &[]);
    assert_eq!(wait(&mut kernel), start + SECOND);
    assert!(matches!(kernel.schedule(), Schedule::Idle { until: None }), "no second call for the same signal");
    kernel.advance_to(start + 5 * SECOND / 2);
    kernel.tasks[INIT].blocked = SigSet::EMPTY;
    kernel.tasks[INIT].thread_info.set(arch::Tif::SigPending);
    kernel.tasks.wake_up(INIT);
    assert!(to_user(&mut kernel, INIT));
    assert_eq!(delivered(&kernel, INIT), SIGALRM);
    assert_eq!(kernel.next_timer(), Some(start + 3 * SECOND), "in step with its period");
}
