//! cgroup2 from inside, on every architecture and with tasks of all of them. Errnos and words are those that Linux 6.18 gave to
//! the same steps.
use crate::support::{arches, boot, run};
use kernel::freezer::PROFILES;

/// A script under a profile, with a group /c/0; errors are shown by their last word alone.
fn sh(profile: &'static kernel::freezer::Profile, arch: &str, script: &str) -> String {
    let head = "mkdir /c; mount -t cgroup2 none /c; mkdir /c/0; cd /c/0
sleeper() { sleep 1000 & P=$!; echo $P > $1/cgroup.procs; sleep 0.01; }
st() { cut -d' ' -f3 /proc/$1/stat; }
put() { echo $1 2>/dev/null > $2 && echo ok || echo no; }
ev() { cat $1/cgroup.events | tr '\\n' ' '; echo; }
fz() { echo 1 > $1/cgroup.freeze; sleep 0.05; }
th() { echo 0 > $1/cgroup.freeze; sleep 0.05; }
";
    let mut boot = boot(arch, &["sh", "-c", &format!("{head}{script}")]);
    boot.config.freezer = profile;
    let ended = run(&boot, "");
    assert_eq!(ended.status, 0, "{arch}: {}", ended.out);
    ended.out
}

/// The same under every profile and on every architecture: cgroup2 does not depend on either.
fn each(script: &str, want: &[&str]) {
    for profile in PROFILES.iter().copied().filter(|p| ["2008", "6.18"].contains(&p.name)) {
        for arch in arches() {
            let got = sh(profile, arch, script);
            let got: Vec<&str> = got.lines().map(str::trim_end).filter(|line| !line.contains("error")).collect();
            assert_eq!(got, want, "{} on {arch}", profile.name);
        }
    }
}

/// C2-01, C2-03: the values, and what a group shows that is frozen from above.
#[test]
fn freeze_shows_its_own_setting() {
    each(
        "mkdir a; for v in 1 2 x; do put $v cgroup.freeze; done; cat cgroup.freeze a/cgroup.freeze; ev a; mkdir a/b; ev a/b
         put 0 cgroup.freeze; ev a/b; cat /c/cgroup.freeze 2>&1 | grep -c 'No such'",
        &["ok", "no", "no", "1", "0", "populated 0 frozen 1", "populated 0 frozen 1", "ok", "populated 0 frozen 0", "1"],
    );
}

/// C2-02, C2-04, RACE-10: nested freezes nest, in either order; those above are frozen when all below are.
#[test]
fn nested() {
    each(
        "mkdir -p a/b; sleeper a/b; fz a; ev .; ev a; ev a/b; fz .; ev .; th a; ev a/b; st $P; th .; ev a/b; st $P
         fz a/b; fz .; th a/b; ev a/b; th .; ev a/b",
        &[
            "populated 1 frozen 0",
            "populated 1 frozen 1",
            "populated 1 frozen 1",
            "populated 1 frozen 1",
            "populated 1 frozen 1",
            "S",
            "populated 1 frozen 0",
            "S",
            "populated 1 frozen 1",
            "populated 1 frozen 0",
        ],
    );
}

/// C2-05, C2-06, C2-15, RACE-16: the letters, and a stop before and within a freeze.
#[test]
fn letters() {
    each(
        "sleeper .; kill -STOP $P; sleep 0.01; fz .; ev .; st $P; th .; st $P; kill -CONT $P; sleep 0.01; st $P
         fz .; cat /proc/$P/wchan; echo; kill -STOP $P; sleep 0.01; st $P; ev .; th .; st $P",
        &["populated 1 frozen 1", "T", "T", "S", "get_signal", "S", "populated 1 frozen 1", "T"],
    );
}

/// C2-07, RACE-09: KILL and default TERM kill a frozen task, ABRT, which would dump core, waits; the group is frozen again without it.
#[test]
fn fatal_signals() {
    each(
        "for s in KILL TERM ABRT; do sleeper .; fz .; kill -$s $P; sleep 0.05; [ -e /proc/$P/exe ] && grep -c State /proc/$P/status; ev .; th .; wait $P; echo $?; done",
        &["populated 0 frozen 1", "137", "populated 0 frozen 1", "143", "1", "populated 1 frozen 1", "134"],
    );
}

/// C2-09, C2-10, C2-13: moves in and out, forks into a frozen group, kill of all of it.
#[test]
fn moves_forks_and_kill() {
    each(
        "mkdir a; fz .; sleeper a; ev a; echo $P > /c/cgroup.procs; sleep 0.01; ev a; rmdir a && echo gone; th .
         sleeper .; fz .; (echo 0 > cgroup.procs; sleep 1000 & echo child) & sleep 0.05; ev .; wc -l < cgroup.procs
         put 2 cgroup.kill; put 1 cgroup.kill; sleep 0.05; ev .; th .",
        &[
            "populated 1 frozen 1",
            "populated 0 frozen 1",
            "gone",
            "populated 1 frozen 1",
            "2",
            "no",
            "ok",
            "populated 0 frozen 1",
        ],
    );
}

/// cgroup-v2.rst, "Threads": types, and what each refuses.
#[test]
fn threaded_groups() {
    each(
        "mkdir t d; cat cgroup.type; put threaded t/cgroup.type; put domain t/cgroup.type; cat cgroup.type t/cgroup.type d/cgroup.type
         put 1 t/cgroup.kill; put $$ d/cgroup.procs; put $$ t/cgroup.procs; cat t/cgroup.procs 2>&1 | grep -c -i 'not supported'
         grep -c . cgroup.procs; put $$ /c/cgroup.procs; rmdir t; cat cgroup.type d/cgroup.type",
        &[
            "domain",
            "ok",
            "no",
            "domain threaded",
            "threaded",
            "domain invalid",
            "no",
            "no",
            "ok",
            "1",
            // The shell and grep.
            "2",
            "ok",
            "domain",
            "domain",
        ],
    );
}

/// The limits, what directories refuse, and what /proc says of a zombie in a removed group.
#[test]
fn limits_and_directories() {
    each(
        "put 0 cgroup.max.depth; mkdir a 2>/dev/null || echo no; put max cgroup.max.depth; put 1 cgroup.max.descendants; mkdir a
         mkdir b 2>/dev/null || echo no; cat cgroup.stat; mv a b 2>/dev/null || echo no
         sh -c '(echo 0 > a/cgroup.procs; exec sleep 0.05) & echo $! > /z; exec sleep 0.3' & sleep 0.02
         Z=$(cat /z); rmdir a 2>/dev/null || echo busy; sleep 0.1
         cat /proc/$Z/cgroup; rmdir a; cat /proc/$Z/cgroup; cat cgroup.stat; wait; cat cgroup.stat; cat /proc/self/cgroup",
        &[
            "ok",
            "no",
            "ok",
            "ok",
            "no",
            "nr_descendants 1",
            "nr_dying_descendants 0",
            "no",
            "busy",
            "0::/0/a",
            "0::/0/a (deleted)",
            "nr_descendants 0",
            "nr_dying_descendants 1",
            "nr_descendants 0",
            "nr_dying_descendants 0",
            "0::/",
        ],
    );
}

/// C2-05 with tasks of every architecture in one group, which `freezer.blockers` says nothing of once it is frozen; RACE-18
/// and RACE-22: it names one that sleeps uninterruptibly, and the freeze goes on when that is over.
#[test]
fn mixed_and_blocked() {
    for arch in arches() {
        let start: String = arches()
            .map(|a| format!("/{a}/bin/sleep 1000 & echo $! > cgroup.procs; /{a}/bin/sh -c 'while :; do :; done' & echo $! > cgroup.procs\n"))
            .collect();
        let script = format!(
            "{start} fz .; ev .; cat freezer.blockers; th .; ev .
             head -c 1 /dev/stuck > /dev/null & echo $! > cgroup.procs; sleep 0.01; fz .; ev .; cat freezer.blockers
             echo x > /dev/stuck; sleep 0.05; ev .; cat freezer.blockers; ls | grep -c blockers; echo 1 > cgroup.kill"
        );
        let out = sh(PROFILES[0], arch, &script);
        let lines: Vec<&str> = out.lines().map(str::trim_end).collect();
        let (frozen, thawed) = ("populated 1 frozen 1", "populated 1 frozen 0");
        assert_eq!((lines[0], lines[1], lines[2]), (frozen, thawed, thawed), "{arch}: {out}");
        let blocker =
            format!("head {arch} D tif=SIGPENDING frozen=0 wchan=stuck_read syscall=read: sleeps uninterruptibly");
        assert!(lines[3].starts_with("/0 ") && lines[3].ends_with(&blocker), "{arch}: {out}");
        assert_eq!(lines[4..], [frozen, "0"], "{arch}: {out}");
    }
}
