//! Suspends seen from inside, on the architecture made for tests.
use crate::freezer::{
    PROFILE_2_6_28, PROFILE_3_8, PROFILE_6_18, PROFILE_2008, PROFILES, Profile, Resume, Suspend, frozen,
};
use crate::test_arch::{call, fork, machine};
use crate::vfs::IoError;
use crate::{Config, INIT, Kernel, Schedule, TaskState, Tid, Tif};
use abi::{Errno, NSEC_PER_SEC, SIGCONT, SIGSTOP, Siginfo, Sysno};
use arch::Exit;

fn of(freezer: &'static Profile) -> Kernel {
    let mut kernel = machine(Config { freezer, ..Config::default() });
    kernel.start_kthreads();
    kernel
}

/// A task that sleeps, deaf to everything.
fn stuck(kernel: &mut Kernel) -> Tid {
    let tid = fork(kernel, INIT);
    let kind = crate::SleepKind::Uninterruptible;
    kernel.tasks.set_asleep(tid, TaskState::Sleeping { kind, freezable: false, until: None, wchan: "stuck_read" });
    tid
}

/// What a write of `word` to /sys/power/state by init comes to; `meanwhile` looks at every step at which it waits.
fn suspend(kernel: &mut Kernel, word: &str, mut meanwhile: impl FnMut(&mut Kernel)) -> Result<(), Errno> {
    loop {
        match kernel.state_store(INIT, word) {
            Ok(()) => return Ok(()),
            Err(IoError::Errno(errno)) => return Err(errno),
            Err(IoError::Restart(_)) => panic!("signals do not end it"),
            Err(IoError::Block(_)) => {}
        }
        meanwhile(kernel);
        match kernel.schedule() {
            Schedule::Run(tid) => kernel.handle(tid, Exit::Budget, 100_000),
            Schedule::Idle { until } => kernel.advance_to(until.expect("an alarm, or a look")),
            Schedule::Hibernate | Schedule::Restore | Schedule::Halted(_) => return Ok(()),
        }
    }
}

fn log(kernel: &Kernel) -> Vec<String> {
    kernel.log.lines(0).skip(3).map(|(_, line)| line.text.clone()).collect()
}

fn said(kernel: &Kernel, text: &str) -> bool {
    log(kernel).iter().any(|line| line.starts_with(text))
}

fn by_comm(kernel: &Kernel, comm: &str) -> Tid {
    kernel.tasks.iter().find(|task| task.comm == comm.as_bytes()).expect("a kernel thread").tid
}

fn test_freezer(kernel: &mut Kernel) {
    kernel.power.test = super::TestLevel::Freezer;
}

/// P08-01, P08-02, R08-03, P08-07, P08-12, P08-15: everyone but the writer and those with PF_NOFREEZE is frozen for five seconds, and
/// then nobody is.
#[test]
fn all_freeze_but_the_writer() {
    for &profile in PROFILES {
        let mut kernel = of(profile);
        test_freezer(&mut kernel);
        let (child, kswapd, kthreadd) =
            (fork(&mut kernel, INIT), by_comm(&kernel, "kswapd0"), by_comm(&kernel, "kthreadd"));
        let mut most = 0;
        let start = kernel.clock.now;
        assert_eq!(
            suspend(&mut kernel, "mem\n", |kernel| {
                most = most.max(kernel.tasks.iter().filter(|task| frozen(task)).count());
                assert!(!frozen(&kernel.tasks[INIT]) && !frozen(&kernel.tasks[kthreadd]), "{}", profile.name);
                // User space comes first.
                assert!(!frozen(&kernel.tasks[kswapd]) || frozen(&kernel.tasks[child]), "{}", profile.name);
            }),
            Ok(())
        );
        assert_eq!(most, 3, "{}: a process and two kernel threads", profile.name);
        assert!(kernel.tasks.iter().all(|task| !frozen(task) && !task.thread_info.test(Tif::Freeze)));
        assert!(kernel.clock.now - start >= 5 * NSEC_PER_SEC);
        assert_eq!(kernel.power.stats.success, 1);
    }
}

/// P08-01, P08-10, P08-12: what the kernel of 2008 says, in order.
#[test]
fn words_of_2008() {
    for profile in [&PROFILE_2008, &PROFILE_2_6_28, &PROFILE_3_8] {
        let mut kernel = of(profile);
        test_freezer(&mut kernel);
        fork(&mut kernel, INIT);
        assert_eq!(suspend(&mut kernel, "standby", |_| {}), Ok(()));
        let want = [
            "PM: Syncing filesystems ... done.",
            "Freezing user space processes ... (elapsed 0.00 seconds) done.",
            "Freezing remaining freezable tasks ... (elapsed 0.00 seconds) done.",
            "suspend debug: Waiting for 5 seconds.",
            "Restarting tasks ... done.",
        ];
        assert_eq!(log(&kernel), want);
    }
}

/// F22-07, P08-14: today's words, as recorded in oracle/SUSPEND.md.
#[test]
fn words_of_today() {
    let mut kernel = of(&PROFILE_6_18);
    test_freezer(&mut kernel);
    kernel.power.debug_messages = true;
    fork(&mut kernel, INIT);
    assert_eq!(suspend(&mut kernel, "mem", |_| {}), Ok(()));
    let want = [
        "PM: suspend entry (deep)",
        "Filesystems sync: 0.000 seconds",
        "PM: Preparing system for sleep (deep)",
        "Freezing user space processes",
        "Freezing user space processes completed (elapsed 0.001 seconds)",
        "OOM killer disabled.",
        "Freezing remaining freezable tasks",
        "Freezing remaining freezable tasks completed (elapsed 0.001 seconds)",
        "PM: suspend debug: Waiting for 5 second(s).",
        "PM: Finishing wakeup.",
        "OOM killer enabled.",
        "Restarting tasks ... done.",
        "PM: suspend exit",
    ];
    assert_eq!(log(&kernel), want);
}

/// P08-03, P08-05, P08-09, P08-13, RACE-15: one task refuses; the errno, and who is named.
#[test]
fn refused() {
    for (profile, word, errno, text) in [
        (
            &PROFILE_2008,
            "mem",
            Errno::EAGAIN,
            "Freezing of tasks failed after 20.00 seconds (1 tasks refusing to freeze):",
        ),
        (
            &PROFILE_2_6_28,
            "disk",
            Errno::EBUSY,
            "Freezing of tasks failed after 20.00 seconds (1 tasks refusing to freeze):",
        ),
        (
            &PROFILE_3_8,
            "mem",
            Errno::EBUSY,
            "Freezing of tasks failed after 20.00 seconds (1 tasks refusing to freeze, wq_busy=0):",
        ),
        (&PROFILE_6_18, "mem", Errno::EBUSY, "Freezing user space processes failed after 20.00"),
        (&PROFILE_6_18, "disk", Errno::EBUSY, "Freezing user space processes failed after 20.00"),
    ] {
        let mut kernel = of(profile);
        let (stuck, other) = (stuck(&mut kernel), fork(&mut kernel, INIT));
        kernel.tasks[stuck].comm = b"refuser".to_vec();
        assert_eq!(suspend(&mut kernel, word, |_| {}), Err(errno), "{}", profile.name);
        assert!(said(&kernel, text), "{:?}", log(&kernel));
        let name = if profile.suspend.interface == crate::freezer::PowerInterface::V2_6_28 {
            " refuser"
        } else {
            "task:refuser"
        };
        assert!(said(&kernel, name) || profile.name == "3.8" && said(&kernel, "refuser "), "{:?}", log(&kernel));
        assert!(said(&kernel, "Restarting tasks ... done."));
        assert!(!frozen(&kernel.tasks[other]) && !kernel.tasks[stuck].thread_info.test(Tif::Freeze));
        let stats = kernel.power.stats;
        assert_eq!((stats.success, stats.fail, stats.failed_freeze, stats.last_failed), (0, 1, 1, Some(errno)));
    }
}

/// P08-13: the limit is milliseconds of /sys/power/pm_freeze_timeout, and 0 still looks twice.
#[test]
fn the_timeout_is_set() {
    for (timeout, least, most) in [(3000, 3000, 3020), (1, 1, 5), (0, 1, 2)] {
        let mut kernel = of(&PROFILE_6_18);
        stuck(&mut kernel);
        kernel.power.freeze_timeout = timeout;
        let start = kernel.clock.now;
        assert_eq!(suspend(&mut kernel, "freeze", |_| {}), Err(Errno::EBUSY));
        let took = (kernel.clock.now - start) / 1_000_000;
        assert!((least..=most).contains(&took), "{timeout}: {took}");
    }
}

/// P08-04: where no freezer waits for a task, this one does not either; the stopped one keeps its request until the resume.
#[test]
fn who_does_not_count() {
    for &profile in PROFILES {
        let mut kernel = of(profile);
        test_freezer(&mut kernel);
        let (parent, stopped) = (fork(&mut kernel, INIT), fork(&mut kernel, INIT));
        assert_eq!(call(&mut kernel, parent, Sysno::Vfork, &[]), None);
        kernel.send_to_group(stopped, Siginfo::kernel(SIGSTOP));
        crate::test_arch::to_user(&mut kernel, stopped);
        assert_eq!(suspend(&mut kernel, "mem", |_| {}), Ok(()), "{}", profile.name);
        assert_eq!(kernel.tasks[stopped].state_letter(), 'T', "{}", profile.name);
        assert!(!kernel.tasks[stopped].thread_info.test(Tif::Freeze));
        kernel.send_to_group(stopped, Siginfo::kernel(SIGCONT));
        assert!(crate::test_arch::to_user(&mut kernel, stopped));
    }
}

/// P08-06, RACE-15: a suspend that fails takes everybody's request back, whoever made it.
#[test]
fn a_failure_erases_requests() {
    let mut kernel = of(&PROFILE_2_6_28);
    stuck(&mut kernel);
    let stopped = fork(&mut kernel, INIT);
    kernel.send_to_group(stopped, Siginfo::kernel(SIGSTOP));
    crate::test_arch::to_user(&mut kernel, stopped);
    crate::freezer::freeze_task(&mut kernel, stopped, true);
    assert_eq!(suspend(&mut kernel, "mem", |_| {}), Err(Errno::EAGAIN));
    assert!(!kernel.tasks[stopped].thread_info.test(Tif::Freeze));
    kernel.send_to_group(stopped, Siginfo::kernel(SIGCONT));
    assert!(crate::test_arch::to_user(&mut kernel, stopped), "it runs");
}

/// P08-09: what is no word of the generation, and a second suspend during the first.
#[test]
fn errors() {
    let einval = Err(Errno::EINVAL);
    for word in ["MEM", "mem ", " mem", "on", "bogus", "\n", "disk "] {
        for &profile in PROFILES {
            assert_eq!(suspend(&mut of(profile), word, |_| {}), einval, "{word:?}");
        }
    }
    assert_eq!(suspend(&mut of(&PROFILE_2_6_28), "freeze", |_| {}), einval);
    assert_eq!(suspend(&mut of(&PROFILE_6_18), "standby", |_| {}), einval);
    let mut kernel = of(&PROFILE_2_6_28);
    let other = stuck(&mut kernel);
    assert_eq!(
        suspend(&mut kernel, "mem", |kernel| {
            assert_eq!(kernel.state_store(other, "standby"), Err(Errno::EBUSY.into()));
            assert!(matches!(kernel.state_store(other, "disk"), Err(IoError::Block(_))), "hibernation waits its turn");
        }),
        Err(Errno::EAGAIN)
    );
}

/// The machine sleeps until its alarm: CLOCK_MONOTONIC stands, CLOCK_BOOTTIME and CLOCK_REALTIME do not.
#[test]
fn the_alarm_wakes() {
    for (&profile, word) in PROFILES.iter().zip(["mem", "standby", "mem", "freeze"]) {
        let mut kernel = of(profile);
        let child = fork(&mut kernel, INIT);
        kernel.set_rtc_alarm(kernel.rtc_seconds() + 100, true);
        let (before, realtime) = (kernel.clock.now, kernel.clock.realtime());
        assert_eq!(suspend(&mut kernel, word, |_| {}), Ok(()));
        assert!(kernel.clock.now - before < NSEC_PER_SEC, "{}", profile.name);
        assert!(kernel.clock.realtime() - realtime >= 99 * NSEC_PER_SEC);
        assert_eq!(kernel.clock.boottime() / NSEC_PER_SEC, 100);
        assert!(!frozen(&kernel.tasks[child]));
        kernel.schedule();
        assert_eq!((kernel.rtc_alarm(), kernel.power.wakeups), (None, 1), "it has rung");
    }
}

/// Without an alarm somebody has to type.
#[test]
fn a_key_wakes() {
    let mut kernel = of(&PROFILE_6_18);
    let mut waited = 0;
    assert_eq!(
        suspend(&mut kernel, "mem", |kernel| {
            if kernel.power.is_asleep() {
                assert!(kernel.input_wanted());
                assert_eq!(kernel.system_asleep(), Some(Schedule::Idle { until: None }));
                kernel.tty_input(b"x");
                waited += 1;
            }
        }),
        Ok(())
    );
    assert_eq!(waited, 1);
}

/// P08-11: the modes of 2008 that write no image; and without swap there is none to write (oracle/SUSPEND.md).
#[test]
fn hibernation_without_an_image() {
    let mut kernel = of(&PROFILE_2_6_28);
    kernel.power.disk = super::DiskMode::TestProc;
    assert_eq!(suspend(&mut kernel, "disk", |_| {}), Ok(()));
    assert!(said(&kernel, "hibernation debug: Waiting for 5 seconds."));
    for profile in [&PROFILE_2008, &PROFILE_6_18] {
        let mut kernel = of(profile);
        assert_eq!(suspend(&mut kernel, "disk", |_| {}), Err(Errno::ENODEV));
        assert!(said(&kernel, "PM: Cannot find swap device, try swapon -a"));
        assert!(kernel.tasks.iter().all(|task| !frozen(task)));
    }
}

/// The image is a machine in which all are frozen; the one that wrote it is switched off, the one read back goes on.
#[test]
fn hibernation() {
    let mut kernel = of(&PROFILE_6_18);
    kernel.swap(true);
    let child = fork(&mut kernel, INIT);
    assert_eq!(suspend(&mut kernel, "disk", |_| {}), Ok(()));
    assert_eq!(kernel.schedule(), Schedule::Hibernate);
    assert!(frozen(&kernel.tasks[child]));
    let mut image = kernel.snapshot();
    kernel.image_saved(Ok(()));
    assert_eq!(kernel.schedule(), Schedule::Halted(0));
    image.image_restored(0);
    assert_eq!(image.state_store(INIT, "disk"), Ok(()));
    assert!(!frozen(&image.tasks[child]) && said(&image, "PM: hibernation: hibernation exit"));

    let mut kernel = of(&PROFILE_6_18);
    kernel.swap(true);
    let _ = suspend(&mut kernel, "disk", |_| {});
    kernel.image_saved(Err(Errno::ENOSPC));
    assert_eq!(kernel.state_store(INIT, "disk"), Err(Errno::ENOSPC.into()));
}

/// F07-10: without patch 4 of the series of 2007, a resume thaws whoever is frozen, by whatever hand.
#[test]
fn without_patch_4_all_are_thawed() {
    static ABSENT: Profile =
        Profile { suspend: Suspend { resume: Resume::ThawsAll, ..PROFILE_2008.suspend }, ..PROFILE_2008 };
    let mut kernel = of(&ABSENT);
    test_freezer(&mut kernel);
    let child = fork(&mut kernel, INIT);
    crate::freezer::freeze_task(&mut kernel, child, true);
    crate::test_arch::to_user(&mut kernel, child);
    assert!(frozen(&kernel.tasks[child]));
    assert_eq!(suspend(&mut kernel, "mem", |_| {}), Ok(()));
    assert!(!frozen(&kernel.tasks[child]));
}
