//! RACE-26: freezing and thawing at random points changes nothing that a program can see (E08-05 lists what may).
use crate::support::{Console, Ended, arches, boot, oracle, with_file};
use abi::{SIGCONT, SIGSTOP, SIGWINCH, Siginfo};
use kernel::{INIT, Tgid};
use minikern::Boot;

/// Programs whose system calls all restart, by E08-01 to E08-04, and that wait for one another by more than time (futexes does not).
const PROGRAMS: &[&str] =
    &["hello", "libc", "threads", "pipes", "int_ops", "printf_float", "tls", "selfmod", "signal_storm", "fork_exec"];

/// xorshift64*.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// A machine whose first process puts itself into a freezer group and becomes the program.
pub(crate) fn storm_boot(arch: &str, libc: &str, name: &str) -> Option<Boot> {
    let program = oracle(&format!("programs/{arch}{libc}/{name}"))?;
    let script = "mkdir -p /containers; mount -t cgroup -o freezer freezer /containers; mkdir /containers/0
echo $$ > /containers/0/tasks; exec /prog one 'two words'";
    let mut boot = boot(arch, &["sh", "-c", script]);
    boot.initramfs = with_file(boot.initramfs, b"prog", &std::fs::read(program).expect("the program"));
    boot.env.push("GREETING=hello".into());
    Some(boot)
}

/// What befalls a machine between two slices.
pub(crate) type Weather<'a> = &'a mut dyn FnMut(&mut Console, &mut Random);

/// Runs to the end in slices of random length, with `weather` now and then.
pub(crate) fn run_in(console: &mut Console, seed: u64, weather: Weather<'_>) -> Ended {
    let mut random = Random(seed);
    loop {
        assert!(
            console.machine.kernel.clock.now < 1_000_000_000_000,
            "it runs for ever; shown so far:\n{}",
            console.shown()
        );
        // Most slices are short: what matters is where a freeze falls.
        console.slice = 1 << random.below(18);
        for _ in 0..1 + random.below(8) {
            if let Some(status) = console.step_or_idle() {
                return console.ended(status);
            }
            if console.stuck {
                break;
            }
        }
        // The shell that sets the group up is not the subject.
        let is_program = console.machine.kernel.tasks.get(INIT).is_some_and(|init| init.comm == b"prog");
        if is_program || console.shown().starts_with("go\n") {
            // Or a timeout would end while its task is kept from what it waits for.
            console.hold = true;
            weather(console, &mut random);
            console.hold = false;
        }
    }
}

/// Freezes the group, lets time and everybody else go on, thaws it.
pub(crate) fn freeze_and_thaw(console: &mut Console, random: &mut Random) {
    cgroupfs::toggle_freezer(&mut console.machine.kernel, "/0");
    for _ in 0..random.below(20) {
        console.slice = 1 << random.below(12);
        if console.step_or_idle().is_some() {
            return;
        }
    }
    // Thaws whatever came of it, FREEZING or FROZEN.
    let thawed = |state: &str| state.contains("RUNNING") || state.contains("THAWED");
    while !thawed(&cgroupfs::toggle_freezer(&mut console.machine.kernel, "/0")) {}
}

#[test]
fn freezing_anywhere_changes_no_output() {
    for arch in arches() {
        let variants = PROGRAMS.iter().flat_map(|&name| [("", name), ("-glibc", name)]);
        for (libc, name) in variants {
            let Some(mut boot) = storm_boot(arch, libc, name) else { continue };
            let calm = crate::support::run(&boot, "");
            assert_eq!(calm.status, 0, "{arch}{libc}/{name}: {}", calm.out);
            for seed in 1..=3 {
                boot.config.cpus = seed as u32;
                let ended = run_in(&mut Console::new(&boot, ""), seed, &mut freeze_and_thaw);
                assert_eq!((ended.status, &ended.out), (calm.status, &calm.out), "{arch}{libc}/{name}, seed {seed}");
            }
        }
    }
}

/// Pipelines, background jobs and forks across architectures, all in the group.
#[test]
fn pipelines_across_architectures_freeze_and_thaw_all_along() {
    for a in arches() {
        for b in arches() {
            let script = format!(
                "mkdir -p /containers; mount -t cgroup -o freezer freezer /containers; mkdir /containers/0
echo $$ > /containers/0/tasks; echo go
for i in 1 2 3 4; do /{a}/bin/seq 300 | /{b}/bin/grep 1 | /{a}/bin/wc -l; (exit $i); echo $?; done
/{b}/bin/sleep 0.01 & wait $!; echo slept $?
trap 'echo got USR1' USR1; /{b}/bin/sh -c 'kill -USR1 $PPID; exit 3'; echo $?
x=$(/{b}/bin/sh -c 'echo $(/{a}/bin/uname -m)'); echo $x"
            );
            let boot = boot(a, &["sh", "-c", &script]);
            let calm = crate::support::run(&boot, "");
            assert_eq!(calm.status, 0, "{a} and {b}: {}", calm.out);
            for seed in 1..=5 {
                let ended = run_in(&mut Console::new(&boot, ""), seed, &mut freeze_and_thaw);
                assert_eq!((ended.status, &ended.out), (calm.status, &calm.out), "{a} and {b}, seed {seed}");
            }
        }
    }
}

/// Stops, continues, ignored signals and freezes in any order: stopped or frozen, the program goes on where it was.
#[test]
fn signals_and_freezes_in_any_order_lose_nothing() {
    let mut storm = |console: &mut Console, random: &mut Random| {
        cgroupfs::toggle_freezer(&mut console.machine.kernel, "/0");
        for _ in 0..random.below(6) {
            let kernel = &mut console.machine.kernel;
            match random.below(4) {
                0 => kernel.send_to_group(INIT, Siginfo::kernel(SIGWINCH)),
                1 => members(kernel).into_iter().for_each(|tgid| kernel.send_to_group(tgid, Siginfo::kernel(SIGSTOP))),
                2 => members(kernel).into_iter().for_each(|tgid| kernel.send_to_group(tgid, Siginfo::kernel(SIGCONT))),
                _ => drop(cgroupfs::toggle_freezer(kernel, "/0")),
            }
            for _ in 0..random.below(6) {
                console.slice = 1 << random.below(12);
                if console.step_or_idle().is_some() {
                    return;
                }
            }
        }
        let kernel = &mut console.machine.kernel;
        members(kernel).into_iter().for_each(|tgid| kernel.send_to_group(tgid, Siginfo::kernel(SIGCONT)));
        while !cgroupfs::toggle_freezer(kernel, "/0").contains("RUNNING") {}
    };
    for arch in arches() {
        for name in ["int_ops", "pipes", "threads", "signal_storm"] {
            let Some(boot) = storm_boot(arch, "", name) else { continue };
            let calm = crate::support::run(&boot, "");
            for seed in 1..=3 {
                let ended = run_in(&mut Console::new(&boot, ""), seed, &mut storm);
                assert_eq!((ended.status, &ended.out), (calm.status, &calm.out), "{arch}/{name}, seed {seed}");
            }
        }
    }
}

fn members(kernel: &kernel::Kernel) -> Vec<Tgid> {
    kernel.tasks.groups().map(|group| group.tgid).collect()
}

/// Eighty applets of Debian's busybox, frozen and thawed all along.
#[test]
fn a_busybox_script_freezes_and_thaws_all_along() {
    for arch in arches() {
        let Some(busybox) = oracle(&format!("busybox-{arch}")) else { continue };
        let mut calm = crate::busybox::boot(&busybox);
        let setup = "/bin/busybox mkdir /containers; /bin/busybox mount -t cgroup -o freezer freezer /containers; /bin/busybox mkdir /containers/0
echo $$ > /containers/0/tasks; exec /bin/prog sh -c \"$0\"";
        let script = calm.args.pop().expect("the script");
        calm.initramfs = with_file(calm.initramfs, b"bin/prog", &std::fs::read(&busybox).expect("busybox"));
        calm.args.extend([setup.into(), script]);
        let want = crate::support::run(&calm, "");
        let ended = run_in(&mut Console::new(&calm, ""), 1, &mut freeze_and_thaw);
        crate::busybox::compare(arch, &want.out, &ended.out);
        assert_eq!(ended.status, want.status);
    }
}
