//! What container runtimes and checkpoint tools do to freeze a group, as programs of ours, against groups that are hard to
//! freeze: the freeze comes about (facts/USERS.md U-01, U-03..05, U-08, U-14, U-18; F12-12).
use crate::support::{arches, boot, oracle, run, with_file};
use kernel::freezer::{PROFILES, profile};
use minikern::Boot;

/// A machine with the managers and the busy programs of every architecture, and a group /g of the named kind.
fn managed(arch: &str, profile_name: &str, v2: bool, script: &str) -> Option<Boot> {
    let mount = if v2 { "cgroup2 none" } else { "cgroup -o freezer freezer" };
    let script = format!(
        "mkdir /cg; mount -t {mount} /cg; g=/cg/g; mkdir $g; f=$g/cgroup.procs; [ -e $f ] || f=$g/tasks
join() {{ sh -c 'echo $$ > '$f'; exec \"$@\"' join \"$@\" & }}
{script}"
    );
    let mut boot = boot(arch, &["sh", "-c", &script]);
    for each in arches() {
        for name in ["runc", "criu", "busy"] {
            let program = std::fs::read(oracle(&format!("managers/{each}/{name}"))?).expect("a program");
            boot.initramfs = with_file(boot.initramfs, format!("{each}/bin/{name}").as_bytes(), &program);
        }
    }
    boot.config.freezer = profile(profile_name).expect("a profile");
    Some(boot)
}

/// Each kind of group: every v1 profile, and cgroup2.
fn kinds() -> impl Iterator<Item = (&'static str, bool)> {
    PROFILES.iter().map(|profile| (profile.name, false)).chain([("6.18", true)])
}

/// A machine of each kind and each pair of architectures, with six busy processes of both in the group.
fn each(busy: &str, then: &str, check: impl Fn(&str, bool, &str)) {
    for (profile, v2) in kinds() {
        for a in arches() {
            for b in arches() {
                let script = format!(
                    "for i in 1 2 3; do join /{b}/bin/busy {busy}; join /{a}/bin/busy {busy}; done; sleep 0.005
runc() {{ /{a}/bin/runc $g 2>/dev/null; }}; criu() {{ /{a}/bin/criu $g 2>/dev/null; }}; {then}"
                );
                let Some(boot) = managed(a, profile, v2, &script) else { return };
                let ended = run(&boot, "");
                println!("{busy} under {profile}, cgroup2 {v2}, {a} freezes {b}: status {}", ended.status);
                check(profile, v2, &ended.out);
            }
        }
    }
}

const FIVE_TIMES: &str = "for i in 1 2 3 4 5; do runc; sleep 0.00$i; criu; sleep 0.00$i; done";

/// U-01, U-03, U-04, F12-12.
#[test]
fn groups_that_fork_are_frozen() {
    each("forks", FIVE_TIMES, |_, _, out| assert_eq!(out, "frozen\ndumped all\n".repeat(5)));
}

/// U-05, U-08: a thread that is not the first execs while its siblings freeze. The thaw now and then is what ends it (RACE-03).
#[test]
fn groups_that_exec_from_threads_are_frozen() {
    each("execs", FIVE_TIMES, |_, _, out| assert_eq!(out, "frozen\ndumped all\n".repeat(5)));
}

/// F08-44, C2-06: before 3.8 a vfork parent whose child is frozen holds the group up, however often one tries.
#[test]
fn groups_that_vfork_are_frozen_since_3_8() {
    let then = "runc; [ -e $g/cgroup.freeze ] || { echo FROZEN > $g/freezer.state; sleep 0.01
grep -c 'its vfork child' $g/freezer.blockers; }";
    each("vforks", then, |profile, v2, out| {
        let want = match profile {
            "2008" | "2.6.28" => "cannot freeze: it stays FREEZING\n6\n",
            _ if v2 => "frozen\n",
            _ => "frozen\n0\n",
        };
        assert_eq!(out, want, "{profile}, cgroup2 {v2}");
    });
}

/// U-14, U-22: what cannot be frozen is told to the caller in bounded time, and the group is thawed.
#[test]
fn a_task_that_cannot_be_frozen_is_said() {
    for (profile, v2) in kinds() {
        for a in arches() {
            let script = format!(
                "join sh -c 'head -c 1 /dev/stuck > /dev/null'; join sleep 1000; S=$!; sleep 0.01
/{a}/bin/runc $g 2>/dev/null; echo $?; cut -d' ' -f3 /proc/$S/stat; echo x > /dev/stuck; sleep 0.01; /{a}/bin/runc $g 2>/dev/null"
            );
            let Some(boot) = managed(a, profile, v2, &script) else { return };
            let ended = run(&boot, "");
            let want = "cannot freeze: it stays FREEZING\n1\nS\nfrozen\n";
            assert_eq!(ended.out, want, "{profile}, cgroup2 {v2}, {a}");
        }
    }
}
