//! `echo disk > /sys/power/state`, the file it writes, and the machine that goes on from it in another process.
use crate::support::command::{fails, minikern, text};
use crate::support::{arches, scratch};
use std::fs;
use std::path::Path;

/// What every script begins with: the filesystems, and a group.
const HEAD: &str = "for t in proc sysfs devtmpfs; do case $t in proc) d=/proc;; sysfs) d=/sys;; *) d=/dev;; esac; grep -q \" $d \" /proc/mounts 2>/dev/null || mount -t $t $t $d; done
mkdir -p /c; mount -t cgroup -o freezer freezer /c; mkdir /c/0; s=/c/0/freezer.state; w=/sys/power
st() { cut -d' ' -f3 /proc/$1/stat; }
";

/// Runs a script with a swap file; its exit code and what it showed.
fn with_swap(options: &[&str], file: &Path, script: &str) -> (i32, String, String) {
    let script = format!("{HEAD}{script}");
    let ran = minikern(&[&["run", "--swap", text(file)], options, &["--", "sh", "-c", &script]].concat(), "");
    (ran.code, ran.out, ran.err)
}

fn resume(file: &Path, options: &[&str], input: &str) -> (i32, String, String) {
    let ran = minikern(&[&["run", "--resume", text(file)], options].concat(), input);
    (ran.code, ran.out, ran.err)
}

fn ended(code: i32, out: &str) -> (i32, String, String) {
    (code, out.into(), String::new())
}

/// the machine ends with 0, and goes on elsewhere; frozen groups with tasks of every architecture are still frozen, what
/// is in a tmpfs is there, who was neither frozen nor asleep goes on.
#[test]
fn a_machine_goes_on_in_another_process() {
    let dir = scratch("hibernate");
    for arch in arches() {
        for profile in kernel::freezer::PROFILES {
            let file = dir.join(format!("{arch}-{}", profile.name));
            let mut script = String::new();
            for member in arches() {
                script += &format!("/{member}/bin/sleep 7 & echo $! > /c/0/tasks\n");
                script += &format!("/{member}/bin/sh -c 'while :; do :; done' & echo $! > /c/0/tasks\n");
            }
            let thawed = profile.rules.thawed_word;
            script += &format!(
                "(while :; do :; done) & out=$!; echo kept > /tmp/kept
sleep 0.1; echo FROZEN > $s; sleep 0.1; cat $s; echo before; echo disk > $w/state; echo $?; cat /tmp/kept; cat $s
for p in $(cat /c/0/tasks); do st $p; done | sort -u; st $out; kill $out; sleep 9; cat $s; for p in $(cat /c/0/tasks); do st $p; done | sort -u
echo {thawed} > $s; sleep 0.1; cat $s; for p in $(cat /c/0/tasks); do st $p; done | sort -u
kill -9 $(cat /c/0/tasks); read line; echo $line; exit 5"
            );
            let ran = with_swap(&["--arch", arch, "--freezer", profile.name, "--cpus", "2"], &file, &script);
            assert_eq!(ran, ended(0, "FROZEN\nbefore\n"), "{arch}, {}", profile.name);
            let want = format!("0\nkept\nFROZEN\nD\nR\nFROZEN\nD\n{thawed}\nR\ntyped\n");
            // It is a copy: it goes on as often as it is asked to.
            for _ in 0..2 {
                assert_eq!(resume(&file, &[], "typed\n"), ended(5, &want), "{arch}, {}", profile.name);
            }
        }
    }
}

/// Each mode writes the image; what follows differs (Documentation/admin-guide/pm/sleep-states.rst).
#[test]
fn the_modes_of_disk() {
    let dir = scratch("hibernate-modes");
    let script = |mode: &str| format!("echo {mode} > $w/disk; echo disk > $w/state; echo went on; exit 3");
    for mode in ["platform", "shutdown", "reboot"] {
        let file = dir.join(mode);
        assert_eq!(with_swap(&["--freezer", "6.18"], &file, &script(mode)), ended(0, ""), "{mode}");
        assert_eq!(resume(&file, &[], ""), ended(3, "went on\n"), "{mode}");
    }
    let file = dir.join("test_resume");
    assert_eq!(with_swap(&["--freezer", "6.18"], &file, &script("test_resume")), ended(3, "went on\n"));
}

/// A machine saved twice: the second time from the process that resumed it.
#[test]
fn a_resumed_machine_hibernates_again() {
    let file = scratch("hibernate-twice").join("swap");
    let script = "for i in 1 2 3; do echo $i; echo disk > $w/state; done; echo end; cut -d. -f1 /proc/uptime";
    assert_eq!(with_swap(&[], &file, script), ended(0, "1\n"));
    assert_eq!(resume(&file, &["--swap", text(&file)], ""), ended(0, "2\n"));
    assert_eq!(resume(&file, &["--swap", text(&file)], ""), ended(0, "3\n"));
    // Without swap, it says so and goes on; the file is as it was.
    for _ in 0..2 {
        let (code, out, _) = resume(&file, &[], "");
        assert_eq!((code, out.as_str()), (0, "end\n0\n"));
    }
}

/// By the host's clock, the machine was off: CLOCK_MONOTONIC stood, the time of day did not.
#[test]
fn time_goes_on_by_the_clock_that_was_asked_for() {
    let file = scratch("hibernate-clock").join("swap");
    let script = "echo disk > $w/state; date +%Y; read a b < /proc/uptime; [ ${a%.*} -gt 1000000 ]; echo $?";
    assert_eq!(with_swap(&[], &file, script), ended(0, ""));
    assert_eq!(resume(&file, &[], ""), ended(0, "2008\n1\n"));
    let (code, out, err) = resume(&file, &["--clock", "host"], "");
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with("20") && !out.starts_with("2008") && out.ends_with("\n0\n"), "{out}");
}

/// SUSPEND.md: a new boot writes MAJ:MIN to /sys/power/resume, and is the machine of before.
#[test]
fn a_new_boot_resumes_by_itself() {
    let file = scratch("hibernate-resume").join("swap");
    let first = "sleep 1000 & echo $! > /c/0/tasks; p=$!; echo FROZEN > $s; sleep 0.1; cat $s; echo disk > $w/state; echo again; st $p; cat $s; exit 6";
    let boot = "echo new; echo 254:0 > $w/resume; echo $?; dmesg | grep -o 'PM:.*'";
    // Nothing there to resume from: no swap at all, and swap without an image.
    let none = minikern(&["run", "--", "sh", "-c", &format!("{HEAD}{boot}")], "");
    assert_eq!((none.code, none.out.as_str()), (0, "new\n0\nPM: Image not found (code -6)\n"));
    assert_eq!(with_swap(&[], &file, boot), ended(0, "new\n0\nPM: Image not found (code -22)\n"));
    assert_eq!(with_swap(&["--seed", "5"], &file, first), ended(0, "FROZEN\n"));
    assert_eq!(with_swap(&[], &file, boot), ended(6, "new\nagain\nD\nFROZEN\n"));
    // The image is used up.
    assert_eq!(with_swap(&[], &file, boot), ended(0, "new\n0\nPM: Image not found (code -22)\n"));
    // A damaged one stays where it is, and the machine that asked goes on.
    assert_eq!(with_swap(&[], &file, first), ended(0, "FROZEN\n"));
    let mut bytes = fs::read(&file).expect("an image");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&file, &bytes).expect("an image");
    let (code, out, err) = with_swap(&[], &file, boot);
    assert_eq!((code, out.as_str()), (0, "new\n0\nPM: hibernation: Failed to load image, recovering.\n"));
    assert!(err.contains("checksum"), "{err}");
    assert_eq!(fs::read(&file).expect("it is there"), bytes);
}

/// What is typed ahead is for whoever is there to read it.
#[test]
fn a_script_on_a_pipe_goes_on_with_the_machine_that_came() {
    let file = scratch("hibernate-pipe").join("swap");
    let typed = format!("{HEAD}x=old; echo disk > $w/state\necho went on $x\nexit 4\n");
    let ran = minikern(&["run", "--swap", text(&file), "--", "sh"], &typed);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(!ran.out.contains("went on old"), "{}", ran.out);
    // The rest had been taken in, and is in the file.
    let (code, out, err) = resume(&file, &[], "");
    assert_eq!((code, err.as_str()), (4, ""), "{out}");
    assert!(out.contains("went on old"), "{out}");
}

#[test]
fn what_cannot_be_written_is_said() {
    let dir = scratch("hibernate-refused");
    fails(&["run", "--swap", text(&dir)], 125, &["--swap", "hibernate-refused", "not a regular file"]);
    fails(&["run", "--swap", text(&dir.join("no/swap"))], 125, &["--swap", "no"]);
    fails(&["run", "--swap", "/dev/null"], 125, &["/dev/null", "not a regular file"]);
    let script = "echo disk > $w/state; echo $?; cat /c/0/freezer.state";
    // Without swap Linux finds out when everything is frozen; the machine goes on.
    let ran = minikern(&["run", "--", "sh", "-c", &format!("{HEAD}{script}")], "");
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.out.contains("No such device") && ran.out.ends_with("1\nRUNNING\n"), "{}", ran.out);
    // What is lent for writing cannot be saved.
    let lent = format!("{}:/mnt", text(&dir));
    let file = dir.join("swap");
    let (code, out, err) = with_swap(&["--mount", &lent], &file, script);
    assert!(code == 0 && out.ends_with("1\nRUNNING\n"), "{out}");
    assert!(err.contains("hibernate-refused") && err.contains("writing") && err.lines().count() == 1, "{err}");
    assert!(!file.exists());
    let (code, out, err) = with_swap(&["--mount", &format!("{lent}:ro")], &file, "echo disk > $w/state; ls /mnt");
    assert_eq!((code, out.as_str(), err.as_str()), (0, "", ""));
    assert_eq!(resume(&file, &[], ""), ended(0, "swap\n"));
}
