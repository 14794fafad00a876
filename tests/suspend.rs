//! System suspend over groups that are frozen, with tasks of every architecture in them, under every profile.
use crate::support::{Ended, arches, boot, run};
use kernel::freezer::{PROFILES, profile};

/// A script under a profile. `/cg/0` is a group and `s` its state; `sleeper GROUP` starts a task there with its pid in P,
/// `mixed GROUP` a sleeper and a busy loop of every architecture; `test_suspend` freezes everything for five seconds.
fn sh(profile_name: &str, arch: &str, script: &str) -> Ended {
    let mut head = String::from(
        "mkdir /cg; mount -t cgroup -o freezer freezer /cg; mkdir /cg/0; s=/cg/0/freezer.state; w=/sys/power
sleeper() { sleep 1000 & P=$!; echo $P > $1/tasks; sleep 0.01; }
st() { cut -d' ' -f3 /proc/$1/stat; }
put() { echo \"$1\" 2>/dev/null > $2 && echo ok || echo no; }
test_suspend() { echo freezer > $w/pm_test; put mem $w/state; echo none > $w/pm_test; }
mixed() {
",
    );
    for other in arches() {
        head += &format!("/{other}/bin/sleep 1000 & echo $! > $1/tasks\n");
        head += &format!("/{other}/bin/sh -c 'while :; do :; done' & echo $! > $1/tasks\n");
    }
    let script = format!("{head}}}\n{script}");
    let mut boot = boot(arch, &["sh", "-c", &script]);
    boot.config.freezer = profile(profile_name).expect("a profile");
    run(&boot, "")
}

fn each(profile: &str, script: &str, want: &str) {
    for arch in arches() {
        let ended = sh(profile, arch, script);
        let got: Vec<&str> = ended.out.lines().filter(|line| !line.contains("write error")).collect();
        assert_eq!((ended.status, got.join(" ").as_str()), (0, want), "{profile} on {arch}");
    }
}

/// P08-07, F12-13, RACE-14 (a): a group that is FROZEN, and known to be, is so after a suspend; one that is not goes on.
#[test]
fn a_frozen_group_stays_frozen() {
    let script = "mkdir /cg/1; mixed /cg/0; mixed /cg/1; sleep 0.1; echo FROZEN > $s; sleep 0.1; cat $s; test_suspend; cat $s
sleep 0.1; for p in $(cat /cg/0/tasks); do st $p; done | sort -u; for p in $(cat /cg/1/tasks); do st $p; done | sort -u; cat $s";
    for profile in PROFILES {
        each(profile.name, script, "FROZEN ok FROZEN D R S FROZEN");
    }
}

/// P08-08, RACE-14 (b): where the state is stored and nobody has read it since the write, the resume thaws the tasks of a
/// group that then reads anything; where a condition is computed, they stay.
#[test]
fn a_group_nobody_looked_at() {
    let script = "sleeper /cg/0; echo FROZEN > $s; sleep 0.1; test_suspend; sleep 0.1; st $P";
    for (profile, letter) in [("2008", "S"), ("2.6.28", "S"), ("3.8", "D"), ("6.18", "D")] {
        each(profile, script, &format!("ok {letter}"));
    }
    // F08-34: read too early, it is stored as THAWED.
    let early =
        "sleeper /cg/0; echo FROZEN > $s; read now < $s; sleep 0.1; st $P; test_suspend; sleep 0.1; st $P; cat $s";
    each("2.6.28", early, "D ok S THAWED");
}

/// RACE-15, P08-05, P08-06: a suspend that fails. What it does to a stopped task of a FROZEN group shows when that continues.
#[test]
fn a_suspend_that_fails() {
    let script = "head -c 1 /dev/stuck > /dev/null & sleep 0.01; sleeper /cg/0; kill -STOP $P; sleep 0.01; echo FROZEN > $s
sleep 0.1; cat $s; echo 3000 > $w/pm_freeze_timeout; echo mem > $w/state; cat $s; kill -CONT $P; sleep 0.1; st $P; cat $w/suspend_stats/failed_freeze
echo x > /dev/stuck; echo 9 > $w/pm_freeze_timeout; test_suspend";
    for (profile, errno, letter) in [
        ("2008", "Resource temporarily unavailable", "S"),
        ("2.6.28", "Resource temporarily unavailable", "S"),
        ("3.8", "Resource busy", "D"),
        ("6.18", "Resource busy", "D"),
    ] {
        for arch in arches() {
            let ended = sh(profile, arch, script);
            let lines: Vec<&str> = ended.out.lines().collect();
            let busy = lines[1].contains(errno) || errno == "Resource busy" && lines[1].contains("busy");
            assert!(busy, "{profile}: {}", ended.out);
            assert_eq!((lines[0], &lines[2..]), ("FROZEN", &["FROZEN", letter, "1", "ok"][..]), "{profile} on {arch}");
        }
    }
}

/// What the recording of oracle/SUSPEND.md shows of Linux 6.1: the sleep of a frozen task does not end, whatever time passes.
/// DIFFERS FROM LINUX 6.12, which lets it go.
#[test]
fn a_sleep_that_was_frozen_is_frozen_after() {
    let script = "sleep 7 & P=$!; echo $P > /cg/0/tasks; sleep 0.1; echo FROZEN > $s; sleep 0.1; cat $s; test_suspend; sleep 9; st $P; cat $s
echo +20 > /sys/class/rtc/rtc0/wakealarm; put mem $w/state; st $P; cat $s; echo THAWED > $s; wait $P; echo $?";
    for profile in ["2.6.28", "3.8", "6.18"] {
        each(profile, script, "FROZEN ok D FROZEN ok D FROZEN 0");
    }
}

/// Every depth of pm_test waits five seconds; the machine's own clock tells (P08-12).
#[test]
fn depths_of_a_test() {
    let script = "up() { read a b < /proc/uptime; echo ${a%.*}; }
for l in freezer devices platform processors core; do echo $l > $w/pm_test; put mem $w/state; up; done; cat $w/pm_test";
    for profile in ["2.6.28", "6.18"] {
        each(profile, script, "ok 5 ok 10 ok 15 ok 20 ok 25 none [core] processors platform devices freezer");
    }
    let idle = "for l in core processors; do echo $l > $w/pm_test; put freeze $w/state; done; echo platform > $w/pm_test; put freeze $w/state; dmesg | grep -c 'Unsupported test mode'";
    each("6.18", idle, "no no ok 2");
}

/// The alarm wakes the machine; clocks of the sleep and of the day have gone on, timers have not.
#[test]
fn asleep_until_the_alarm() {
    let script = "sleep 60 & P=$!; read a b < /proc/uptime; now=$(cat /sys/class/rtc/rtc0/since_epoch); echo +100 > /sys/class/rtc/rtc0/wakealarm
put mem $w/state; cat /sys/class/rtc/rtc0/wakealarm; echo $(( $(cat /sys/class/rtc/rtc0/since_epoch) - now )); read b c < /proc/uptime; echo $(( ${b%.*} - ${a%.*} )); st $P; cat $w/wakeup_count";
    for profile in PROFILES {
        each(profile.name, script, "ok 100 100 S 1");
    }
}

/// The files of /sys/power, and what they refuse (oracle/SUSPEND.md, P08-09, P08-11, P08-13).
#[test]
fn files() {
    let read = "cd $w; cat state disk pm_test mem_sleep pm_freeze_timeout image_size resume";
    each(
        "6.18",
        read,
        "freeze mem disk [platform] shutdown reboot suspend test_resume [none] core processors platform devices freezer s2idle [deep] 20000 524288000 0:0",
    );
    each("2.6.28", "cat $w/state $w/disk", "standby mem disk [platform] shutdown reboot test testproc ");
    let write = "cd $w; for v in 0 1 4294967295 -1 abc ''; do put \"$v\" pm_freeze_timeout; done; cat pm_freeze_timeout; put bogus pm_test; put bogus disk; put bogus mem_sleep; put 8:1 resume; put x resume; cat resume
for v in MEM 'mem ' on standby bogus ''; do put \"$v\" state; done; printf '' > state && echo ok; put 2 pm_async; put 0 pm_async; cat pm_async; cat /proc/sys/kernel/ostype";
    each("6.18", write, "ok ok ok no no no 4294967295 no no no ok no 8:1 no no no no no no ok no ok 0 Linux");
    // Without swap, hibernation fails when all is frozen already.
    let disk = "put disk $w/state; dmesg | grep -c 'Cannot find swap device'; put reboot $w/disk; cat $w/disk";
    each("6.18", disk, "no 1 ok platform shutdown [reboot] suspend test_resume");
}

/// F08-12: a kernel thread is counted, and is not asked: its group does not get FROZEN. Later it cannot be moved.
#[test]
fn kernel_threads_in_groups() {
    let script = "K=$(grep -l kswapd0 /proc/[0-9]*/comm | tr -dc 0-9); put $K /cg/0/tasks; sleeper /cg/0; put FROZEN $s; sleep 0.1; st $P; st $K; cat $s; cut -d' ' -f6- /cg/0/freezer.blockers";
    for profile in ["2008", "2.6.28"] {
        let want = "ok ok D S FREEZING frozen=0 wchan=kswapd syscall=-: a kernel thread, which is not asked";
        for arch in arches() {
            let ended = sh(profile, arch, script);
            let got = ended.out.lines().collect::<Vec<_>>().join(" ");
            assert!(
                got.starts_with("ok ok D S FREEZING") && got.ends_with("a kernel thread, which is not asked"),
                "{got}: {want}"
            );
        }
    }
    for profile in ["3.8", "6.18"] {
        each(profile, &script.replace("; cut -d' ' -f6- /cg/0/freezer.blockers", ""), "no ok D S FROZEN");
    }
}
