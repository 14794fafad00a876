//! The freezer of the commit of October 2008, from inside, with tasks of every architecture in one group.
use crate::support::{arches, boot, run, sh};

/// A group with a sleeper and a spinner of every architecture.
fn mixed_group() -> String {
    let mut script =
        String::from("mkdir -p /containers; mount -t cgroup -o freezer freezer /containers; mkdir /containers/0\n");
    for arch in arches() {
        script += &format!("/{arch}/bin/sleep 1000 & echo $! > /containers/0/tasks\n");
        script += &format!("/{arch}/bin/sh -c 'while :; do :; done' & echo $! > /containers/0/tasks\n");
    }
    script
}

/// The transcript of seeds/2008-commit.txt: F08-01, X-1, X-2, F08-02, F08-30, F08-32.
#[test]
fn the_transcript_of_the_commit() {
    for arch in arches() {
        let script = mixed_group()
            + "sleep 0.1
s=/containers/0/freezer.state
cat $s; echo FROZEN > $s; read now < $s; echo $now; sleep 0.1; cat $s
for p in $(cat /containers/0/tasks); do cut -d' ' -f3 /proc/$p/stat; done
echo RUNNING > $s; cat $s; sleep 0.1
for p in $(cat /containers/0/tasks); do cut -d' ' -f3 /proc/$p/stat; done
for p in $(cat /containers/0/tasks); do kill -9 $p; done; wait; cat /containers/0/tasks; rmdir /containers/0; echo end";
        let ended = sh(arch, &script);
        let n = arches().count();
        let want = format!("RUNNING\nFREEZING\nFROZEN\n{}RUNNING\n{}end\n", "D\nD\n".repeat(n), "S\nR\n".repeat(n));
        assert_eq!((ended.status, ended.out), (0, want), "{arch}");
    }
}

/// F08-04, X-1: what is not RUNNING or FROZEN is EIO.
#[test]
fn other_words_are_eio() {
    for arch in arches() {
        let script = mixed_group()
            + "for w in FREEZING THAWED frozen ''; do echo $w > /containers/0/freezer.state; done; cat /containers/0/freezer.state; for p in $(cat /containers/0/tasks); do kill -9 $p; done";
        let ended = sh(arch, &script);
        assert_eq!(
            ended.out.matches("Input/output error").count() + ended.out.matches("I/O error").count(),
            4,
            "{}",
            ended.out
        );
        assert!(ended.out.ends_with("RUNNING\n"), "{}", ended.out);
    }
}

/// F08-09, F08-10, RACE-18: a task that cannot be frozen, and the three ways out. Who leaves takes the request along and
/// freezes where it arrives, until that group is frozen and thawed (F08-25).
#[test]
fn an_incomplete_freeze_has_three_ways_out() {
    for arch in arches() {
        let script = "mkdir -p /containers; mount -t cgroup -o freezer freezer /containers; mkdir /containers/0
s=/containers/0/freezer.state
sleep 1000 & echo $! > /containers/0/tasks
stuck() { head -c 1 /dev/stuck > /dev/null & P=$!; echo $P > /containers/0/tasks; sleep 0.1; }
stuck; echo FROZEN > $s && echo no; cat $s; sleep 0.1; cat $s
echo RUNNING > $s; cat $s
echo FROZEN > $s && echo no; cat $s; echo x > /dev/stuck; sleep 0.1; echo FROZEN > $s && echo retried; cat $s; echo RUNNING > $s; wait $P
stuck; echo FROZEN > $s && echo no; cat $s; mkdir /containers/1; echo $P > /containers/1/tasks; cat $s; echo RUNNING > $s
echo x > /dev/stuck; sleep 0.1; s=/containers/1/freezer.state; cut -d' ' -f3 /proc/$P/stat; cat $s; echo FROZEN > $s; echo RUNNING > $s; wait $P; echo end";
        let ended = sh(arch, script);
        let lines: Vec<&str> = ended.out.lines().filter(|line| !line.contains("busy")).collect();
        assert_eq!(ended.out.matches("busy").count(), 3, "{}", ended.out);
        let want = [
            "FREEZING", "FREEZING", "RUNNING", "FREEZING", "retried", "FROZEN", "FREEZING", "FROZEN", "D", "RUNNING",
            "end",
        ];
        assert_eq!(lines, want, "{arch}: {}", ended.out);
    }
}

/// The embedded image's own way there: init, an interactive shell, the transcript typed.
#[test]
fn typed_at_the_prompt() {
    for arch in arches() {
        let mut boot = boot(arch, &["init"]);
        boot.init.push("/init".into());
        let typed = "mount -t cgroup -ofreezer freezer /containers\nmkdir /containers/0\nsleep 1000 &\necho $! > /containers/0/tasks\n\
                     cat /containers/0/freezer.state\necho FROZEN > /containers/0/freezer.state\nsleep 0.1\ncat /containers/0/freezer.state\n\
                     echo RUNNING > /containers/0/freezer.state\ncat /containers/0/freezer.state\nkill %1\nexit 5\n";
        let ended = run(&boot, typed);
        assert_eq!(ended.status, 5, "{}", ended.out);
        let states: Vec<&str> =
            ended.out.lines().filter_map(|l| ["RUNNING", "FROZEN"].into_iter().find(|s| l.ends_with(s))).collect();
        assert_eq!(states, ["RUNNING", "FROZEN", "RUNNING"], "{}", ended.out);
    }
}
