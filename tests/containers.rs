//! The interface of June 2007, `mount -t container`, beside every profile: seeds/2007-rfc.txt and rules F07, with tasks of every
//! architecture in one container. The races are those of USERS.md part C.
use crate::support::{Console, arches, boot, oracle, run, with_file};
use kernel::Tid;
use kernel::freezer::{PROFILES, Profile, profile};
use minikern::Boot;

const HEAD: &str =
    "mkdir -p /containers/freezer; mount -t container -ofreezer freezer /containers/freezer; cd /containers/freezer; mkdir 0; f=0/freezer.freeze; k=0/freezer.kill
sleeper() { sleep 1000 & P=$!; echo $P > $1/tasks; sleep 0.01; }
st() { cut -d' ' -f3 /proc/$1/stat; }
put() { echo \"$1\" 2>/dev/null > $2 && echo ok || echo no; }
";

fn machine(profile: &'static Profile, arch: &str, script: &str) -> Boot {
    let mut boot = boot(arch, &["sh", "-c", script]);
    boot.config.freezer = profile;
    boot
}

/// A script in the mount, under every profile and architecture: container `0`, its files `$f` and `$k`.
fn each(script: &str, want: &str) {
    for profile in PROFILES {
        for arch in arches() {
            let ended = run(&machine(profile, arch, &format!("{HEAD}{script}")), "");
            let lines: Vec<&str> = ended.out.lines().filter(|line| !line.contains("write error")).collect();
            assert_eq!((ended.status, lines.join(" ")), (0, want.into()), "{} on {arch}: {}", profile.name, ended.out);
        }
    }
}

/// A sleeper and a spinner of every architecture in container `0`.
fn mixed() -> String {
    let tasks = arches().map(|arch| {
        format!(
            "/{arch}/bin/sleep 1000 & echo $! > 0/tasks\n/{arch}/bin/sh -c 'while :; do :; done' & echo $! > 0/tasks\n"
        )
    });
    tasks.collect::<String>() + "sleep 0.01\n"
}

/// The transcript, under its own interface: F07-01..06, X-3, RACE-06. The second read is in the writer's own slice.
#[test]
fn the_transcript_of_the_rfc() {
    let n = arches().count();
    let letters = "for p in $(cat 0/tasks); do st $p; done\n";
    let script = mixed()
        + "cat $f; echo 1 > $f; read now < $f; echo $now; sleep 0.01; cat $f\n"
        + letters
        + "echo 0 > $f; cat $f; sleep 0.01\n"
        + letters
        + "echo 9 > $k; wait; wc -l < 0/tasks; rmdir 0; echo end";
    let want = format!("RUNNING FREEZING FROZEN {}RUNNING {}0 end", "D D ".repeat(n), "S R ".repeat(n));
    each(&script, &want);
}

/// The mail's commands typed at the prompt, as it has them, with the slip of its thaw put right.
#[test]
fn the_transcript_typed_at_the_prompt() {
    for arch in arches() {
        let mut boot = boot(arch, &["init"]);
        boot.init.push("/init".into());
        let typed = "mkdir -p /containers/freezer\nmount -t container -ofreezer freezer  /containers/freezer\nmkdir /containers/freezer/0\n\
                     sleep 1000 &\nsome_pid=$!\necho $some_pid > /containers/freezer/0/tasks\ncat /containers/freezer/0/freezer.freeze\n\
                     echo 1 > /containers/freezer/0/freezer.freeze\nsleep 0.01\ncat /containers/freezer/0/freezer.freeze\n\
                     echo 0 > /containers/freezer/0/freezer.freeze\ncat /containers/freezer/0/freezer.freeze\n\
                     echo 9 > /containers/freezer/0/freezer.kill\nwait $some_pid\nexit $(($? - 128))\n";
        let ended = run(&boot, typed);
        assert_eq!(ended.status, 9, "{}", ended.out);
        let states: Vec<&str> =
            ended.out.lines().filter_map(|l| ["RUNNING", "FROZEN"].into_iter().find(|s| l.ends_with(s))).collect();
        assert_eq!(states, ["RUNNING", "FROZEN", "RUNNING"], "{}", ended.out);
    }
}

/// F07-02, F07-03: what a container holds; the files of later interfaces are not there. The root has them too.
#[test]
fn files() {
    each(
        "cd 0; ls | cat; stat -c '%a' freezer.freeze freezer.kill; cat freezer.kill 2>&1 | grep -c Invalid; cd ..; ls | cat",
        "freezer.freeze freezer.kill notify_on_release tasks 644 200 1 0 freezer.freeze freezer.kill notify_on_release release_agent tasks",
    );
    each(
        "grep container /proc/filesystems; grep ' container ' /proc/mounts",
        "nodev\tcontainer freezer /containers/freezer container rw,relatime,freezer 0 0",
    );
}

/// F07-06: nothing but a read makes FROZEN of FREEZING, not even another write; an empty container is no exception.
#[test]
fn frozen_is_made_by_a_read() {
    each("put 1 $f; cat $f; put 0 $f; cat $f", "ok FROZEN ok RUNNING");
    // A task may come as long as nobody has read, though all are frozen.
    each(
        "sleeper 0; A=$P; put 1 $f; sleep 0.01; put 1 $f; st $A; sleep 1000 & P=$!; put $P 0/tasks; put 1 $f; sleep 0.01; cat $f; sleep 1000 & Q=$!; put $Q 0/tasks; st $P",
        "ok ok D ok ok FROZEN no D",
    );
}

/// F07-09: what is no number, no signal, or neither 0 nor 1, is EINVAL; signal 0 asks whether anybody is there.
#[test]
fn bad_input() {
    let script = "sleeper 0; for w in FROZEN 2 -1 '' 01x 99999999999999999999; do put \"$w\" $f; done; put 9999999999999999999999999999999999999999999999999999999999999999 $f
for n in 65 -9 KILL '' 1x 256 0x9; do put \"$n\" $k; done; put 0 $k; cat $f; st $P; put 15 $k; wait $P; echo $?; put 0 $k; put 9 $k";
    each(script, &format!("{}ok RUNNING S ok 143 no ok", "no ".repeat(14)));
    for arch in arches() {
        let script = format!("{HEAD}echo x > $f; echo 65 > $k; echo 0 > $k");
        let out = run(&machine(PROFILES[0], arch, &script), "").out;
        assert_eq!((out.matches("Invalid argument").count(), out.matches("No such process").count()), (2, 1), "{out}");
    }
}

/// F07-07, F07-08, RACE-09: a signal to every task; to frozen ones it gets with the thaw. A handler runs then, once.
#[test]
fn kill_a_frozen_container() {
    let script = mixed()
        + "echo 1 > $f; sleep 0.01; cat $f; put 9 $k; sleep 0.01; for p in $(cat 0/tasks); do st $p; done; cat $f; put 0 $f; wait; wc -l < 0/tasks";
    each(&script, &format!("FROZEN ok {}FROZEN ok 0", "D D ".repeat(arches().count())));
    for arch in arches() {
        let other = arches().last().expect("one");
        let script = format!(
            "/{arch}/bin/sh -c 'trap \"echo handled\" USR1; while :; do :; done' & P=$!; echo $P > 0/tasks; /{other}/bin/sleep 1000 & Q=$!; echo $Q > 0/tasks
sleep 0.01; echo 1 > $f; sleep 0.01; cat $f; put 10 $k; sleep 0.02; echo 0 > $f; sleep 0.02; kill -9 $P; wait $Q; echo $?"
        );
        each(&script, "FROZEN ok handled 138");
    }
}

/// RACE-05: taken back before anybody froze, nobody freezes. RACE-06: read too early, it is FREEZING.
#[test]
fn cancelled_and_read_too_early() {
    let script = "sleeper 0; sh -c 'while :; do :; done' & Q=$!; echo $Q > 0/tasks
put 1 $f; put 0 $f; sleep 0.01; cat $f; st $P; st $Q; put 1 $f; read now < $f; echo $now; sleep 0.01; cat $f; st $P; put 0 $f; kill -9 $Q";
    each(script, "ok ok RUNNING S R ok FREEZING FROZEN D ok");
}

/// F07-16, RACE-16: a stopped task is woken into the refrigerator; after the thaw it stops again, and its parent is told again.
/// F07-17: it is the pending freeze that took it there. SIGCONT meanwhile cancels the new stop.
#[test]
fn a_stopped_task_stops_again() {
    let script =
        "sleeper 0; kill -STOP $P; sleep 0.01; st $P; put 1 $f; sleep 0.01; st $P; cat $f; put 0 $f; sleep 0.01; st $P
put 1 $f; sleep 0.01; kill -CONT $P; sleep 0.01; st $P; put 0 $f; sleep 0.01; st $P";
    each(script, "T ok D FROZEN ok T ok D ok S");
}

/// RACE-16, by what the parent sees: a shell with job control prints the stop twice.
#[test]
fn the_shell_sees_a_fresh_stop() {
    for arch in arches() {
        let Some(program) = oracle(&format!("programs/{arch}/stop_reports")) else { continue };
        let mut boot = boot(arch, &["sh", "-c", ""]);
        boot.initramfs = with_file(boot.initramfs, b"stop_reports", &std::fs::read(program).expect("the program"));
        let script = format!(
            "{HEAD}/stop_reports wait & sleep 0.01; for p in $(cat /tmp/child); do echo $p > 0/tasks; done; sleep 0.01; echo 1 > $f; sleep 0.01; cat $f; echo 0 > $f; sleep 0.01; kill -9 $p; wait"
        );
        boot.args = vec!["-c".into(), script];
        let ended = run(&boot, "");
        assert_eq!(ended.out, "stopped\nFROZEN\nstopped\ngone\n", "{arch}");
    }
}

/// RACE-23: who freezes its own container is frozen when its write ends, and sees the count after the thaw.
#[test]
fn a_task_freezes_itself() {
    let script =
        "sh -c 'read pid rest < /proc/self/stat; echo $pid > 0/tasks; echo 1 > 0/freezer.freeze; echo written' & P=$!
sleep 0.01; st $P; cat $f; echo thawing; echo 0 > $f; wait $P; echo $?";
    each(script, "D FROZEN thawing written 0");
}

/// The freezer of `container` is not the one of `cgroup`: both can be mounted, each in one hierarchy, and a task that both hold
/// stays until both let go.
#[test]
fn beside_the_cgroup_freezer() {
    for profile in PROFILES {
        let thawed = profile.rules.thawed_word;
        let script = format!(
            "mkdir /cg; mount -t cgroup -o freezer freezer /cg; mkdir /cg/0; s=/cg/0/freezer.state; sh -c 'while :; do :; done' & Q=$!
for p in $Q; do echo $p > 0/tasks; echo $p > /cg/0/tasks; done; sleeper 0; echo $P > /cg/0/tasks; sleep 0.01
put 1 $f; sleep 0.01; cat $f $s; put FROZEN $s; sleep 0.01; cat $f $s; put 0 $f; sleep 0.01; st $P; st $Q; cat $f $s; put 1 $f; sleep 0.01; cat $f
put {thawed} $s; sleep 0.01; st $P; st $Q; cat $f $s; put 0 $f; sleep 0.01; st $P; st $Q; kill -9 $Q"
        );
        // 2.6.28 counts: a task that a container froze makes a cgroup FROZEN when somebody writes to it.
        for arch in arches() {
            let ended = run(&machine(profile, arch, &format!("{HEAD}{script}")), "");
            let out: Vec<&str> = ended.out.split_whitespace().collect();
            let want = format!(
                "ok FROZEN {thawed} ok FROZEN FROZEN ok D D RUNNING FROZEN ok FROZEN ok D D FROZEN {thawed} ok S R"
            );
            assert_eq!(out.join(" "), want, "{} on {arch}", profile.name);
        }
    }
}

fn options_script(kind: &str) -> String {
    format!(
        "mkdir /m; for o in freezer ns ns,freezer all none nosuch; do mount -t {kind} -o $o x /m 2>/dev/null && {{ echo $o; umount /m; }}; done; true"
    )
}

/// Which subsystems each type has, by profile: ns is a container's always, a cgroup's until 3.0 (F07-12, F08-29).
#[test]
fn which_subsystems_there_are() {
    for name in ["2008", "2.6.28", "3.8", "6.18"] {
        let has_ns = matches!(name, "2008" | "2.6.28");
        for arch in arches() {
            for (kind, ns) in [("container", true), ("cgroup", has_ns)] {
                let script = options_script(kind) + "; cut -f1 /proc/cgroups | grep -c '^ns$'; true";
                let ended = run(&machine(profile(name).expect("one"), arch, &script), "");
                let want = if ns { "freezer ns ns,freezer all" } else { "freezer all" };
                let want = format!("{want} {}", u8::from(has_ns));
                assert_eq!(ended.out.split_whitespace().collect::<Vec<_>>().join(" "), want, "{name} {kind} on {arch}");
            }
        }
    }
}

/// F07-14, F07-15: under ns, groups are made below one's own alone, and tasks go to an empty child of theirs, never back.
#[test]
fn rules_of_ns() {
    for (kind, name) in [("container", "6.18"), ("cgroup", "2008"), ("cgroup", "2.6.28")] {
        for arch in arches() {
            let script = format!(
                "mkdir /m; mount -t {kind} -o ns,freezer nsproxy /m; cd /m; put() {{ echo \"$1\" 2>/dev/null > $2 && echo ok || echo no; }}
mkdir a a/b; sleep 1000 & P=$!; sleep 1000 & Q=$!; put $P a/b/tasks; put $P a/tasks; put $Q a/tasks; put $P a/b/tasks; put $P tasks; put $Q a/tasks
put $$ a/b/tasks; mkdir c; put 0 c/tasks; mkdir a/d 2>/dev/null || echo no; mkdir c/e && echo ok; rmdir c/e && echo ok; kill $P $Q; true"
            );
            let ended = run(&machine(profile(name).expect("one"), arch, &script), "");
            // Not into a grandchild; into the empty child; not into one that is not empty; down again; not up.
            assert_eq!(
                ended.out.split_whitespace().collect::<Vec<_>>().join(" "),
                "no ok no ok no ok no ok no ok ok",
                "{kind} {name} on {arch}: {}",
                ended.out
            );
        }
    }
}

/// F07-12, F07-13: new namespaces make a group below the task's own, named after it, with the task in it; F08-28: whoever is
/// frozen is EBUSY before it is EPERM. The kernel's hook is called from here.
#[test]
fn new_namespaces_make_a_group() {
    for (kind, name, node) in [("container", "6.18", "node_"), ("container", "2008", "node_"), ("cgroup", "2.6.28", "")]
    {
        for arch in arches() {
            let script = format!(
                "mkdir /m; mount -t {kind} -o ns,freezer nsproxy /m; sleep 1000 & sleep 0.01; read line; cat /proc/$!/cgroup; ls -d /m/*[0-9] /m/*[0-9]/*[0-9] | cat; kill $!"
            );
            let mut console = Console::new(&machine(profile(name).expect("one"), arch, &script), "go\n");
            while !console.machine.kernel.tty_reader_waits() {
                assert_eq!(console.step(), None);
            }
            let kernel = &mut console.machine.kernel;
            let tid = kernel.tasks.iter().find(|task| task.comm == b"sleep").expect("it sleeps").tid;
            assert_eq!(cloned(kernel, tid), Ok(()));
            assert_eq!(cloned(kernel, tid), Ok(()));
            let path = format!("/{node}{0}/{node}{0}", tid.0);
            let out = console.run().out;
            assert!(out.contains(&format!(":freezer,ns:{path}\n")), "{out}");
            assert!(out.ends_with(&format!("/m/{node}{}\n/m{path}\n", tid.0)), "{out}");
        }
    }
}

fn cloned(kernel: &mut kernel::Kernel, tid: Tid) -> kernel::Result<()> {
    kernel.with_cgroups(|core, kernel| core.namespaces_cloned(kernel, tid)).expect("a core")
}

/// RACE-25: under ns, unshare(1) needs no pid in `tasks`: each tree gets a group, which freezes alone; a frozen task is EBUSY
/// before it is EPERM where its own state counts (F08-22, F08-28).
#[test]
fn unshared_trees_freeze_alone() {
    for (kind, name, node, refused) in [
        ("container", "6.18", "node_", "not permitted"),
        ("container", "2008", "node_", "not permitted"),
        ("cgroup", "2008", "", "not permitted"),
        ("cgroup", "2.6.28", "", "busy"),
    ] {
        for arch in arches() {
            let profile = profile(name).expect("one");
            let (file, freeze, thaw) = match kind {
                "container" => ("freezer.freeze", "1", "0"),
                _ => ("freezer.state", "FROZEN", profile.rules.thawed_word),
            };
            let mut boot = machine(profile, arch, "");
            let mut script = format!(
                "mkdir /m; mount -t {kind} -o ns,freezer nsproxy /m; cd /m; st() {{ cut -d' ' -f3 /proc/$1/stat; }}\n"
            );
            for (n, other) in arches().enumerate() {
                let Some(busybox) = oracle(&format!("busybox-{other}")) else { return };
                let name = format!("busybox{n}");
                boot.initramfs =
                    with_file(boot.initramfs, name.as_bytes(), &std::fs::read(busybox).expect("the program"));
                script += &format!(
                    "/{name} unshare -u /{name} sh -c '/{name} sleep 1000 & wait' & P=$!; sleep 0.1; d={node}$P; wc -l < $d/tasks
sleep 1000 & O=$!; echo {freeze} > $d/{file}; sleep 0.1; cat $d/{file}; for p in $(cat $d/tasks); do st $p; done; st $O; sleep 1000 & st $!
echo $P > tasks; for p in $(cat $d/tasks); do kill -9 $p; done; echo {thaw} > $d/{file}; wait $P; rmdir $d\n"
                );
            }
            boot.args = vec!["-c".into(), script];
            let ended = run(&boot, "");
            let lines: Vec<&str> = ended.out.lines().map(|l| if l.contains(refused) { refused } else { l }).collect();
            let want = format!("2 FROZEN D D S S {refused}");
            assert_eq!(lines.join(" "), vec![want; arches().count()].join(" "), "{kind} {name} on {arch}");
        }
    }
}
