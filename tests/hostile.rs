//! What a hostile guest can do: nothing to minikern, and to the guest's other tasks no more than Linux lets it.
use crate::support::adversary::{AnyCode, AnyFrame, steps, tiny_boot};
use crate::support::raw::{Code, DATA, DATA_END};
use crate::support::{Console, arches, boot, boot_image, tiers, with_file};
use abi::{SIGKILL, Siginfo};
use kernel::vfs::cpio::Reader;
use kernel::{INIT, Task, Tid};
use minikern::{ARCHES, Machine};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::cell::RefCell;

/// Kills the processes that `which` picks, all at once.
fn kill(machine: &mut Machine, which: impl Fn(&Task) -> bool) {
    let picked: Vec<Tid> = machine.kernel.tasks.iter().filter(|task| which(task)).map(|task| task.tgid).collect();
    picked.into_iter().for_each(|tgid| machine.kernel.send_to_group(tgid, Siginfo::kernel(SIGKILL)));
}

/// Arguments: addresses of the kernel's half, none at all, just before and at the end of what is mapped; lengths and numbers
/// at the ends of their ranges; and some that are right, so that the next argument is looked at.
const ARGS: [u64; 28] = [
    0,
    1,
    2,
    3,
    4,
    8,
    16,
    64,
    512,
    4096,
    65536,
    1 << 31,
    u32::MAX as u64,
    1 << 32,
    1 << 46,
    i64::MAX as u64,
    1 << 63,
    u64::MAX,
    -100i64 as u64,
    -4096i64 as u64,
    0x7fff_ffff_f000,
    0x7fff_ffff_ffff,
    0xffff_8000_0000_0000,
    DATA,
    DATA,
    DATA_END - 1,
    DATA_END - 8,
    DATA_END,
];

/// xorshift64*.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    fn arg(&mut self) -> u64 {
        ARGS[(self.next() >> 33) as usize % ARGS.len()]
    }
}

/// A child calls `number` with hostile arguments; its parent waits for it and exits with 42. With seed 0 what pointers point at is
/// zeroes, else it is as hostile as they.
fn attacker(arch: &str, number: u64, seed: u64) -> Vec<u8> {
    let mut code = Code::new(arch);
    let numbers = code.numbers();
    let mut random = Random(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ seed << 32 | 1);
    if seed > 0 {
        code.data = (0..512).flat_map(|_| random.arg().to_le_bytes()).collect();
    }
    code.call(numbers.clone, [17, 0, 0, 0, 0, 0]);
    let parent = code.jump_if_result();
    // What a call that makes processes makes goes on from there, and makes as many again.
    let rounds = if [numbers.clone, 57, 58, 435].contains(&number) { 5 } else { 40 };
    for round in 0..rounds {
        let same = [ARGS[round % ARGS.len()]; 6];
        code.call(number, if round < 8 && seed == 0 { same } else { [(); 6].map(|()| random.arg()) });
    }
    code.call(numbers.exit_group, [0; 6]);
    code.land(parent);
    code.call(numbers.wait4, [u64::MAX, 0, 0, 0, 0, 0]);
    code.call(numbers.exit_group, [42, 0, 0, 0, 0, 0]);
    code.program()
}

#[test]
fn every_system_call_with_hostile_arguments() {
    let numbers = || (0..600).chain([1 << 31, u64::from(u32::MAX), 1 << 32, i64::MAX as u64, u64::MAX]);
    for arch in arches() {
        let mut odd = Vec::new();
        for (number, seed) in numbers().flat_map(|number| (0..4).map(move |seed| (number, seed))) {
            let mut machine = Machine::boot(&tiny_boot(&attacker(arch, number, seed))).expect("it boots");
            let mut ended = steps(&mut machine, 2000, u64::MAX);
            if ended.is_none() {
                // It sleeps or computes: that is its right, until it is killed.
                kill(&mut machine, |task| task.tgid != INIT);
                ended = steps(&mut machine, 2000, u64::MAX);
            }
            if ended != Some(42) {
                odd.push((number, seed, ended));
            }
        }
        assert!(odd.is_empty(), "{arch}: init did not outlive these: {odd:?}");
    }
}

/// The attackers do what they are for: every call is made, by a child of its own.
#[test]
fn attackers_attack() {
    for arch in arches() {
        let wait4 = Code::new(arch).numbers().wait4;
        let mut machine = Machine::boot(&tiny_boot(&attacker(arch, wait4, 1))).expect("it boots");
        machine.kernel.trace.enable(kernel::TraceKind::Syscall);
        assert_eq!(steps(&mut machine, 2000, u64::MAX), Some(42), "{arch}");
        let lines = machine.kernel.trace.take();
        let calls = lines.iter().filter(|line| !line.starts_with("[1 ") && line.contains("wait4(")).count();
        assert_eq!(calls, 40, "{arch}: {lines:?}");
    }
}

/// rt_sigreturn to frames of garbage: the task gets what registers they give it, or a SIGSEGV.
#[test]
fn signal_frames_of_garbage() {
    for arch in arches() {
        for seed in 1..300u64 {
            let mut random = Random(seed << 20 | 1);
            let mut code = Code::new(arch);
            let numbers = code.numbers();
            code.data = (0..512)
                .flat_map(|_| (if seed % 2 == 0 { random.arg() } else { random.next() }).to_le_bytes())
                .collect();
            code.call(numbers.clone, [17, 0, 0, 0, 0, 0]);
            let parent = code.jump_if_result();
            code.stack(DATA + seed % 3 * 8);
            code.call(numbers.rt_sigreturn, [0; 6]);
            code.land(parent);
            code.call(numbers.wait4, [u64::MAX, 0, 0, 0, 0, 0]);
            code.call(numbers.exit_group, [42, 0, 0, 0, 0, 0]);
            let mut machine = Machine::boot(&tiny_boot(&code.program())).expect("it boots");
            let mut ended = steps(&mut machine, 200, 20_000);
            if ended.is_none() {
                kill(&mut machine, |task| task.tgid != INIT);
                ended = steps(&mut machine, 200, 20_000);
            }
            assert_eq!(ended, Some(42), "{arch}, seed {seed}");
        }
    }
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() })
}

/// A program of the default image.
fn real_program(arch: &str) -> Vec<u8> {
    let image = crate::support::default_image();
    let ours = format!("{arch}/bin/").into_bytes();
    let mut programs = Reader::new(&image).map(|entry| entry.expect("a good image"));
    let program = programs.find(|entry| entry.name.starts_with(&ours) && entry.data.starts_with(b"\x7fELF"));
    program.expect("the image has programs").data.to_vec()
}

#[test]
fn elf_files_with_damaged_headers() {
    for arch in arches() {
        let program = real_program(arch);
        let headers = 64 + 56 * usize::from(u16::from_le_bytes([program[56], program[57]]));
        let edge = prop_oneof![any::<u8>(), Just(0u8), Just(0xff), Just(0x7f), Just(0x80)];
        let damage =
            (proptest::collection::vec((0..headers, edge), 1..12), proptest::option::weighted(0.2, 0..program.len()));
        let done = runner(150).run(&damage, |(bytes, cut)| {
            let mut program = program.clone();
            bytes.into_iter().for_each(|(at, value)| program[at] = value);
            program.truncate(cut.unwrap_or(usize::MAX));
            // An error is as good as a program that runs into its faults.
            if let Ok(mut machine) = Machine::boot(&tiny_boot(&program)) {
                steps(&mut machine, 50, 20_000);
            }
            Ok(())
        });
        done.unwrap_or_else(|error| panic!("{arch}: {error}"));
    }
}

#[test]
fn archives_with_damage() {
    let image = tiny_boot(b"#!/program\n").initramfs;
    let digit = prop_oneof![any::<u8>(), Just(b'0'), Just(b'f'), Just(b'F'), Just(b'8'), Just(0)];
    let damage = (proptest::collection::vec((0..image.len(), digit), 0..10), proptest::option::of(0..image.len()));
    let done = runner(2000).run(&damage, |(bytes, cut)| {
        let mut image = image.clone();
        bytes.into_iter().for_each(|(at, value)| image[at] = value);
        image.truncate(cut.unwrap_or(usize::MAX));
        let mut boot = boot_image(image, &["/program"]);
        boot.config.memory = 4 << 20;
        let _ = Machine::boot(&boot);
        Ok(())
    });
    done.unwrap_or_else(|error| panic!("{error}"));
}

/// A frame that the kernel wrote, damaged: the child goes on with what registers it gives it, or has a SIGSEGV.
#[test]
fn damaged_signal_frames() {
    for arch in arches() {
        let frame = RefCell::new(AnyFrame::new(arch));
        frame.borrow_mut().check(&[]);
        let damage = proptest::collection::vec(any::<u8>(), 4..120);
        let done = runner(800).run(&damage, |bytes| {
            frame.borrow_mut().check(&bytes);
            Ok(())
        });
        done.unwrap_or_else(|error| panic!("{arch}: {error}"));
    }
}

/// What bytes run as does not depend on how the budget is cut (`fuzz/` goes on with it for as long as one likes).
#[test]
fn any_bytes_as_code() {
    for arch in arches() {
        let code = RefCell::new(AnyCode::new(arch));
        let done = runner(400).run(&proptest::collection::vec(any::<u8>(), 4..300), |bytes| {
            code.borrow_mut().check(&bytes);
            Ok(())
        });
        done.unwrap_or_else(|error| panic!("{arch}: {error}"));
    }
}

/// Nor on whether it is compiled (the fuzz target `jit` goes on).
#[test]
fn any_bytes_as_compiled_code() {
    for arch in ARCHES {
        let done = runner(300).run(&proptest::collection::vec(any::<u8>(), 4..400), |bytes| {
            tiers::check(arch, &bytes);
            Ok(())
        });
        done.unwrap_or_else(|error| panic!("{}: {error}", arch.name));
    }
}

/// Every file of /proc, /sys, /dev and a cgroup is read and written, by a child that may wait for ever in one of them.
#[test]
fn every_special_file_takes_reads_and_garbage() {
    const SCRIPT: &str = "mkdir -p /containers; mount -t cgroup -o freezer freezer /containers; mkdir /containers/0
n=0
for f in /proc/* /proc/1/* /proc/1/fd/* /proc/self/task/* /proc/sys/*/* /sys/* /sys/*/* /dev/* /containers/* /containers/0/*; do
  case $f in /dev/console|/dev/tty*|/dev/stuck|/dev/kmsg|*/fd/[012]|*/0/*tasks|*procs) continue;; esac
  [ -d $f ] && { ls $f; continue; }
  n=$((n + 1))
  head -c 70000 $f & r=$!; (echo garbage > $f) & w=$!; (printf '\\377\\000-1 99999999999999999999' > $f) & v=$!
  sleep 0.01; kill -9 $r $w $v; wait $r $w $v
done > /log 2>&1
[ $n -gt 50 ] && echo survived";
    for arch in arches() {
        let ended = crate::support::sh(arch, SCRIPT);
        // Some of the garbage went to the console.
        assert!(ended.status == 0 && ended.out.ends_with("survived\n"), "{arch}: {}", ended.out);
    }
}

#[test]
fn a_fork_bomb_ends_at_the_limits() {
    for arch in arches() {
        let mut code = Code::new(arch);
        code.call(code.numbers().clone, [17, 0, 0, 0, 0, 0]);
        code.jump_back(0);
        // The image's init reaps the bomb's orphans.
        let mut boot = boot(arch, &["init"]);
        boot.init.push("/init".into());
        boot.initramfs = with_file(boot.initramfs, b"bomb", &code.program());
        boot.config.memory = 32 << 20;
        let mut console = Console::new(&boot, "/bomb &\nwait $!; echo status $?\nseq 3 | wc -l\nexit 6\n");
        let mut most = 0;
        for step in 0..100_000 {
            assert_eq!(console.step(), None, "{arch}: {}", console.shown());
            let now = console.machine.kernel.tasks.len();
            if now > most {
                most = now;
            } else if step > 20_000 {
                break;
            }
        }
        assert!((20..50_000).contains(&most), "{arch}: {most} tasks");
        kill(&mut console.machine, |task| task.comm == b"bomb");
        let ended = console.run();
        assert!(
            ended.out.contains("status 137\n") && ended.out.contains("3\n"),
            "{arch}: of {most} tasks\n{}",
            ended.out
        );
        assert_eq!(ended.status, 6, "{arch}: {}", ended.out);
    }
}

#[test]
fn who_takes_all_memory_is_killed() {
    for arch in arches() {
        let mut code = Code::new(arch);
        // A private anonymous gigabyte without reservation (MAP_NORESERVE).
        code.call(code.numbers().mmap, [0, 1 << 30, 3, 0x4022, u64::MAX, 0]);
        code.touch_all();
        let mut boot = boot(arch, &["sh", "-c", "sleep 1000 & /hog; echo status $?; kill $!; seq 3 | wc -l"]);
        boot.initramfs = with_file(boot.initramfs, b"hog", &code.program());
        boot.config.memory = 32 << 20;
        let ended = crate::support::run(&boot, "");
        assert_eq!(ended.status, 0, "{arch}: {}", ended.out);
        assert!(ended.out.contains("status 137\n") && ended.out.ends_with("3\n"), "{arch}: {}", ended.out);
    }
}
