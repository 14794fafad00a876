//! What the freezer profiles have of their own, from inside, on every architecture and with tasks of all of them.
use crate::support::{arches, boot, run};
use kernel::freezer::profile;

/// A script under a profile; `/cg/0` is a group and `s` its state, `sleeper GROUP` starts a task there with its pid in P.
fn sh(profile_name: &str, arch: &str, script: &str) -> String {
    let head = "mkdir /cg; mount -t cgroup -o freezer freezer /cg; mkdir /cg/0; s=/cg/0/freezer.state
sleeper() { sleep 1000 & P=$!; echo $P > $1/tasks; sleep 0.01; }
st() { cut -d' ' -f3 /proc/$1/stat; }
put() { echo $1 2>/dev/null > $2 && echo ok || echo no; }
";
    let script = format!("{head}{script}");
    let mut boot = boot(arch, &["sh", "-c", &script]);
    boot.config.freezer = profile(profile_name).expect("a profile");
    let ended = run(&boot, "");
    assert_eq!(ended.status, 0, "{arch}: {}", ended.out);
    ended.out
}

fn each(profile: &str, script: &str, want: &str) {
    for arch in arches() {
        let got = sh(profile, arch, script);
        let got: Vec<&str> = got.lines().filter(|line| !line.contains("write error")).collect();
        assert_eq!(got.join(" "), want, "{profile} on {arch}");
    }
}

/// F08-02, F08-04, F08-08, X-1, X-2: THAWED, EINVAL and no file in the root.
#[test]
fn words_of_2_6_28() {
    for profile in ["2.6.28", "3.8", "6.18"] {
        each(
            profile,
            "cat $s; for w in RUNNING FREEZING frozen ''; do put \"$w\" $s; done; ls /cg/freezer.state 2>&1 | grep -c 'No such'",
            "THAWED no no no no 1",
        );
        for arch in arches() {
            assert!(sh(profile, arch, "echo x > $s; true").contains("Invalid argument"));
        }
    }
}

/// F08-34: read before any task has frozen, the state is THAWED, and stays so though they freeze. F08-35's remedy ends it.
#[test]
fn hazard_a_of_2_6_28() {
    let script = "sleeper /cg/0; put FROZEN $s; read now < $s; echo $now; sleep 0.1; cat $s; st $P; put THAWED $s; sleep 0.1; st $P";
    each("2.6.28", script, "ok THAWED THAWED D ok S");
}

/// F08-35: thawed before any task has frozen, nothing is thawed: they freeze in a THAWED group. Writing THAWED again helps.
#[test]
fn hazard_b_of_2_6_28() {
    let script = "sleeper /cg/0; put FROZEN $s; put THAWED $s; sleep 0.1; cat $s; st $P; put THAWED $s; sleep 0.1; cat $s; st $P";
    each("2.6.28", script, "ok ok THAWED D ok THAWED S");
    // The commit as first applied takes the request back.
    each("2008", &script.replace("THAWED", "RUNNING"), "ok ok RUNNING S ok RUNNING S");
}

/// F08-31, F08-36: FREEZING is read while some, not all, are frozen. RACE-18: no EBUSY.
#[test]
fn freezing_by_count() {
    let script = "sleeper /cg/0; head -c 1 /dev/stuck > /dev/null & H=$!; echo $H > /cg/0/tasks; sleep 0.01
put FROZEN $s; sleep 0.1; cat $s; st $P; echo x > /dev/stuck; sleep 0.1; cat $s; put THAWED $s; cat $s";
    each("2.6.28", script, "ok FREEZING D FROZEN ok THAWED");
    each("3.8", script, "ok FREEZING D FROZEN ok THAWED");
    each("6.18", script, "ok FREEZING D FROZEN ok THAWED");
}

/// F08-22, F08-21, F08-23, F12-10: who may be moved.
#[test]
fn migration() {
    let script = "mkdir /cg/1; sleeper /cg/0; put FROZEN $s; sleep 0.1; cat $s > /dev/null
put $P /cg/1/tasks; put $P /cg/0/tasks; sleeper /cg/1; put $P /cg/0/tasks; sleep 0.1; st $P; cat $s";
    each("2.6.28", script, "ok no ok no S FROZEN");
    each("2008", script, "ok ok no no S FROZEN");
    each("3.8", script, "ok ok ok ok D FROZEN");
    each("6.18", script, "ok ok ok ok D FROZEN");
}

/// F08-07, F12-02..04, F12-07: what freezing a group does below it.
#[test]
fn hierarchy() {
    let script = "mkdir /cg/0/a; sleeper /cg/0/a; put FROZEN $s; sleep 0.1; st $P; cat $s /cg/0/a/freezer.state; mkdir /cg/0/b; cat /cg/0/b/freezer.state";
    each("2008", script, "ok S FROZEN RUNNING RUNNING");
    each("2.6.28", script, "ok S FROZEN THAWED THAWED");
    let bits = "; cd /cg/0; cat freezer.self_freezing freezer.parent_freezing a/freezer.self_freezing a/freezer.parent_freezing b/freezer.parent_freezing
put THAWED a/freezer.state; sleep 0.1; st $P; put FROZEN a/freezer.state; put THAWED freezer.state; sleep 0.1; st $P; cat a/freezer.state; put THAWED a/freezer.state; sleep 0.1; st $P";
    for profile in ["3.8", "6.18"] {
        each(profile, &format!("{script}{bits}"), "ok D FROZEN FROZEN FROZEN 1 0 0 1 1 ok D ok ok D FROZEN ok S");
    }
}

/// F12-06: at 3.8 a read is what makes FROZEN; a stopped task counts, stays T, and freezes when continued (R08-14). F22-02,
/// F22-05: at 6.18 it is frozen where it is, and D.
#[test]
fn stopped_tasks() {
    let script = "sleeper /cg/0; kill -STOP $P; sleep 0.01; put FROZEN $s; sleep 0.1; st $P; cat $s; kill -CONT $P; sleep 0.1; st $P; put THAWED $s; sleep 0.1; st $P";
    each("3.8", script, "ok T FROZEN D ok S");
    each("6.18", script, "ok D FROZEN D ok S");
}

/// F12-09, F12-10: a frozen task moved to a thawed group runs; a running one moved into a frozen group freezes.
#[test]
fn moved_tasks_conform() {
    let script = "sleeper /cg/0; put FROZEN $s; sleep 0.1; cat $s; put $P /cg/tasks; sleep 0.1; st $P; put $P /cg/0/tasks; sleep 0.1; st $P; cat $s; kill $P; sleep 0.1; st $P; put THAWED $s; sleep 0.1; wait $P; echo $?";
    for profile in ["3.8", "6.18"] {
        each(profile, script, "ok FROZEN ok S ok D FROZEN D ok 143");
    }
}

/// F12-08, F12-12, F08-42 (no task of a FROZEN group forks): a task that keeps forking is caught with its children, whatever the architectures.
#[test]
fn forks_are_caught() {
    for profile in ["2.6.28", "3.8", "6.18"] {
        for arch in arches() {
            let mut script = String::new();
            for other in arches() {
                script += &format!(
                    "/{other}/bin/sh -c 'while :; do /{other}/bin/true & wait; done' & echo $! > /cg/0/tasks\n"
                );
            }
            script += "sleep 0.05; for i in 1 2 3 4 5; do echo FROZEN > $s; sleep 0.02; cat $s; a=$(cat /cg/0/tasks); sleep 0.02; [ \"$a\" = \"$(cat /cg/0/tasks)\" ] || echo moved; echo THAWED > $s; sleep 0.01; done";
            assert_eq!(sh(profile, arch, &script), "FROZEN\n".repeat(5), "{profile} on {arch}");
        }
    }
}

/// R08-18, F22-01: where a frozen task is said to wait.
#[test]
fn wchan() {
    for (profile, want) in
        [("2008", "refrigerator"), ("2.6.28", "refrigerator"), ("3.8", "__refrigerator"), ("6.18", "hrtimer_nanosleep")]
    {
        let thawed = if profile == "2008" { "RUNNING" } else { "THAWED" };
        let script = format!(
            "sleeper /cg/0; put FROZEN $s; sleep 0.1; cat /proc/$P/wchan; echo; put {thawed} $s; sleep 0.1; cat /proc/$P/wchan"
        );
        // Hazard F08-35 does not bite: the tasks froze before the thaw. A sleep that ended goes on in restart_syscall.
        for arch in minikern::ARCHES {
            let after = if profile == "6.18" { want } else { arch.abi.syscall_caller() };
            assert_eq!(
                sh(profile, arch.name, &script),
                format!("ok\n{want}\nok\n{after}"),
                "{profile} on {}",
                arch.name
            );
        }
    }
}

/// `freezer.blockers`: who holds up a freeze and why, by U-01's and RACE-18's question; it is not listed.
#[test]
fn blockers_say_why() {
    let stuck = "head -c 1 /dev/stuck > /dev/null & H=$!; echo $H > /cg/0/tasks; sleep 0.01; sleeper /cg/0; put FROZEN $s; sleep 0.1; cat /cg/0/freezer.blockers; echo x > /dev/stuck; sleep 0.1; cat /cg/0/freezer.blockers; ls /cg/0 | grep -c blockers; true";
    for (profile, tif) in [("2.6.28", "SIGPENDING,FREEZE"), ("3.8", "SIGPENDING"), ("6.18", "SIGPENDING")] {
        for arch in arches() {
            let out = sh(profile, arch, stuck);
            let want =
                format!(" head {arch} D tif={tif} frozen=0 wchan=stuck_read syscall=read: sleeps uninterruptibly");
            let lines: Vec<&str> = out.lines().collect();
            assert!(lines.len() == 3 && lines[1].starts_with("/0 ") && lines[1].ends_with(&want), "{profile}: {out}");
            assert_eq!((lines[0], lines[2]), ("ok", "0"));
        }
    }
}

/// `freezer.blockers` finds what hazard F08-35 leaves, and who came late (F08-24).
#[test]
fn blockers_tell_of_hazards() {
    for arch in arches() {
        let left = sh(
            "2.6.28",
            arch,
            "sleeper /cg/0; put FROZEN $s; put THAWED $s; sleep 0.1; cat /cg/0/freezer.blockers; put THAWED $s; cat /cg/0/freezer.blockers",
        );
        assert_eq!(left.matches("frozen in a thawed group").count(), 1, "{left}");
        let late = "head -c 1 /dev/stuck > /dev/null & echo $! > /cg/0/tasks; sleep 0.01; echo FROZEN > $s 2>/dev/null; sleeper /cg/0; cat /cg/0/freezer.blockers; echo x > /dev/stuck";
        let late = sh("2008", arch, late);
        assert_eq!(late.matches("not asked: it came while").count(), 1, "{late}");
        assert_eq!(late.matches("sleeps uninterruptibly").count(), 1, "{late}");
    }
}
