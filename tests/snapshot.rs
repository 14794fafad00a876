//! A machine is a value: copies run on identically, and a seed names a run.
use crate::support::{Console, arches, boot, boot_program, oracle, run};
use kernel::TraceKind;

const SCRIPT: &str = "for i in 1 2 3; do seq $i | wc -l & done; wait; sleep 0.01; (exit 7); echo $?";

#[test]
fn a_copy_made_anywhere_ends_as_the_original() {
    for arch in arches() {
        let whole = run(&boot(arch, &["sh", "-c", SCRIPT]), "");
        for steps in [1, 17, 60, 200, 1000] {
            let mut console = Console::new(&boot(arch, &["sh", "-c", SCRIPT]), "");
            let ended = (0..steps).find_map(|_| console.step());
            if ended.is_some() {
                break;
            }
            let (copy, reloaded) = (console.snapshot(), console.reloaded());
            assert_eq!(copy.run(), whole, "{arch}: the copy after {steps} steps");
            assert_eq!(reloaded.run(), whole, "{arch}: what was saved after {steps} steps");
            assert_eq!(console.run(), whole, "{arch}: the original after {steps} steps");
        }
    }
}

/// Programs in the middle of what they do, on two virtual CPUs, in slices of odd lengths so that copies fall anywhere.
#[test]
fn copies_of_running_programs_end_alike() {
    for arch in arches() {
        for name in ["threads", "signal_storm", "pipes", "exceptions", "futexes", "selfmod"] {
            let Some(program) = oracle(&format!("programs/{arch}/{name}")) else { continue };
            let mut boot = boot_program(&program, &["one", "two words"]);
            boot.config.cpus = 2;
            let mut console = Console::new(&boot, "");
            let mut copies = Vec::new();
            let status = (0u64..).find_map(|step| {
                console.slice = 1 + step.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 50_000;
                // From here on the copies run on in the slices that a machine of its own has.
                if step.is_power_of_two() {
                    let mut copy = console.snapshot();
                    let mut second = copy.snapshot();
                    (copy.slice, second.slice) = (u64::MAX, u64::MAX);
                    copies.push((step, copy, second));
                }
                console.step()
            });
            let ended = console.ended(status.expect("it ends"));
            for (step, copy, second) in copies {
                let copy = copy.run();
                assert_eq!(copy, second.run(), "{arch}/{name}: two copies made at step {step}");
                assert_eq!(
                    (copy.status, &copy.out),
                    (ended.status, &ended.out),
                    "{arch}/{name}: a copy of step {step}"
                );
            }
        }
    }
}

#[test]
fn one_seed_gives_one_trace() {
    let trace = |seed: u64, arch: &str| {
        let mut boot = boot(arch, &["sh", "-c", SCRIPT]);
        boot.config.seed = seed;
        boot.config.cpus = 2;
        let mut console = Console::new(&boot, "");
        for kind in [TraceKind::Syscall, TraceKind::Signal, TraceKind::Sched] {
            console.machine.kernel.trace.enable(kind);
        }
        let mut lines = Vec::new();
        while console.step().is_none() {
            lines.extend(console.machine.kernel.trace.take());
        }
        lines
    };
    for arch in arches() {
        let first = trace(1, arch);
        assert!(first.len() > 100, "{arch}: a trace of {} lines", first.len());
        assert_eq!(first, trace(1, arch), "{arch}");
        assert_ne!(first, trace(2, arch), "{arch}: another seed is another run");
    }
}
