//! Tracers and tracees across architectures, and tracees in frozen groups. The rest of ptrace is in tests/programs/ptrace_*.c.
use crate::support::{arches, boot_image, boot_program, oracle, run, with_file};
use kernel::freezer::profile;
use kernel::vfs::cpio::Writer;

/// A tracer sees a tracee of another architecture as that: its numbers, its registers.
#[test]
fn a_tracer_follows_a_program_of_another_architecture() {
    for tracer in arches() {
        for tracee in arches().filter(|&arch| arch != tracer) {
            let (Some(program), Some(other)) = (
                oracle(&format!("programs/{tracer}/ptrace_follow")),
                oracle(&format!("programs/{tracee}/ptrace_follow")),
            ) else {
                continue;
            };
            let mut boot = boot_program(&program, &["/other"]);
            boot.initramfs = with_file(boot.initramfs, b"other", &std::fs::read(other).expect("a program"));
            let ended = run(&boot, "");
            let want = include_str!("programs/expected/ptrace_follow.out");
            assert_eq!((ended.out.as_str(), ended.status), (want, 0), "{tracer} traces {tracee}");
        }
    }
}

/// What `mkh ptrace` printed on Linux 6.18, x86-64, for both freezers.
const FROZEN: &[(&str, &str, &str)] = &[
    (
        "attach-frozen",
        "freeze: yes state D
PTRACE_ATTACH: ok
while frozen: wait nothing, state D, group frozen 1
after thaw: wait stopped by STOP, state t
end: state S
last: killed by KILL
",
        "freeze: yes state S
PTRACE_ATTACH: ok
while frozen: wait nothing, state S, group frozen 1
after thaw: wait stopped by STOP, state t
end: state S
last: killed by KILL
",
    ),
    (
        "seize-frozen",
        "freeze: yes state D
PTRACE_SEIZE: ok
PTRACE_INTERRUPT: ok
while frozen: wait nothing, state D, group frozen 1
after thaw: wait stopped by TRAP (EVENT_STOP), state t
last: killed by KILL
",
        "freeze: yes state S
PTRACE_SEIZE: ok
PTRACE_INTERRUPT: ok
while frozen: wait stopped by TRAP (EVENT_STOP), state t, group frozen 1
GETSIGINFO: ok
PTRACE_CONT: ok
after cont: state S, group frozen 1
after thaw: state S
last: killed by KILL
",
    ),
    (
        "stopped-then-freeze",
        "traced: stopped by TRAP (EVENT_STOP) state t
after freeze write: FROZEN  state D
GETSIGINFO: ok
PEEKDATA: ok
PTRACE_CONT: ok
after cont: FROZEN  state D
after thaw: state S
last: killed by KILL
",
        "traced: stopped by TRAP (EVENT_STOP) state t
after freeze write: populated 1 frozen 1  state t
GETSIGINFO: ok
PEEKDATA: ok
PTRACE_CONT: ok
after cont: populated 1 frozen 1  state S
after thaw: state S
last: killed by KILL
",
    ),
    (
        "kill-traced-frozen",
        "SIGKILL while traced and frozen: nothing state D
after thaw: killed by KILL
",
        "SIGKILL while traced and frozen: killed by KILL state -
",
    ),
];

/// RACE-17, F22-02, C2-06, C2-08, C2-15, U-18.
#[test]
fn frozen_tracees_are_as_recorded() {
    for arch in arches() {
        let (Some(busybox), Some(helper)) = (oracle(&format!("busybox-{arch}")), oracle(&format!("mkh-{arch}"))) else {
            continue;
        };
        let mut image = Writer::new();
        for dir in ["bin", "cg", "cg2", "proc"] {
            image.add(dir.as_bytes(), 0o40755, 0, &[]);
        }
        for (at, from) in [("bin/busybox", busybox), ("bin/mkh", helper)] {
            image.add(at.as_bytes(), 0o100_755, 0, &std::fs::read(from).expect("a file of the oracle"));
        }
        let mut script = String::from(
            "/bin/busybox --install -s /bin; mount -t proc proc /proc; mount -t cgroup -o freezer freezer /cg
             mount -t cgroup2 none /cg2; mkdir /cg/a /cg2/b\n",
        );
        let mut want = String::new();
        for (mode, v1, v2) in FROZEN {
            script += &format!("mkh ptrace v1 /cg/a {mode}; mkh ptrace v2 /cg2/b {mode}\n");
            want += &[*v1, *v2].concat();
        }
        let mut boot = boot_image(image.finish(), &["/bin/busybox", "sh", "-c", &script]);
        boot.config.freezer = profile("6.18").expect("a profile");
        assert_eq!(run(&boot, "").out, want, "{arch}");
    }
}
