//! Compiled or interpreted, a machine does the same to the instruction: every line of its trace (system calls, signals, who runs when,
//! who freezes), what the console shows, virtual time and the state at the end. `off` interprets, `on` compiles everything before it
//! runs, `auto` does both by turns.
use crate::freeze_storm::{freeze_and_thaw, run_in, storm_boot};
use crate::random_programs::{left_by, random_boot};
use crate::support::command::minikern;
use crate::support::{Console, Ended, arches, boot_program, oracle, scratch};
use kernel::TraceKind;
use minikern::{ARCHES, Boot, JitMode, JitOptions};

const MODES: [JitMode; 2] = [JitMode::On, JitMode::Auto];

/// A machine that is traced, run in this mode.
fn traced(boot: &Boot, mode: JitMode) -> Console {
    let mut console = Console::new(boot, "");
    for kind in [TraceKind::Syscall, TraceKind::Signal, TraceKind::Sched, TraceKind::Freezer] {
        console.machine.kernel.trace.enable(kind);
    }
    console.machine.engine =
        JitOptions { mode: Some(mode), ..JitOptions::default() }.engine().expect("a host with templates");
    console
}

/// What came of a machine, and its trace.
type Seen = (Ended, Vec<String>);

/// Both modes end as the interpreter does.
fn same(what: &str, run: impl Fn(JitMode) -> Seen) {
    let (ended, lines) = run(JitMode::Off);
    assert!(lines.len() > 10, "{what}: a trace of {} lines", lines.len());
    for mode in MODES {
        let (compiled, traced) = run(mode);
        if let Some(at) = (0..lines.len().max(traced.len())).find(|&at| lines.get(at) != traced.get(at)) {
            panic!("{what}, {mode:?}, line {at}: {:?}, interpreted {:?}", traced.get(at), lines.get(at));
        }
        assert_eq!(compiled, ended, "{what}, {mode:?}");
    }
}

fn to_the_end(mut console: Console) -> Seen {
    loop {
        if let Some(status) = console.step() {
            return (console.ended(status), console.machine.kernel.trace.take());
        }
    }
}

#[test]
fn programs_have_one_trace() {
    const NAMES: &[&str] = &[
        "codegen",
        "selfmod_hostile",
        "hot_loops",
        "ptrace_hot",
        "threads",
        "signal_storm",
        "exceptions",
        "fork_exec",
    ];
    for arch in arches() {
        for (n, name) in NAMES.iter().enumerate() {
            let Some(program) = oracle(&format!("programs/{arch}/{name}")) else { continue };
            let mut boot = boot_program(&program, &["one", "two words"]);
            boot.config.cpus = 1 + n as u32 % 2;
            same(&format!("{arch}/{name}"), |mode| to_the_end(traced(&boot, mode)));
        }
    }
}

/// RACE-26 in both modes: the freezes of one seed fall on the same instructions.
#[test]
fn a_freeze_storm_has_one_trace() {
    for arch in arches() {
        for (seed, name) in ["threads", "pipes", "selfmod", "signal_storm"].into_iter().enumerate() {
            let Some(boot) = storm_boot(arch, "", name) else { continue };
            same(&format!("{arch}/{name}"), |mode| {
                let mut console = traced(&boot, mode);
                let ended = run_in(&mut console, 1 + seed as u64, &mut freeze_and_thaw);
                (ended, console.machine.kernel.trace.take())
            });
        }
    }
}

/// Random programs under the freezer: every register and every page.
#[test]
fn random_programs_end_alike() {
    for arch in ARCHES {
        let Some(program) = oracle(&format!("programs/{}/random_program", arch.name)) else { continue };
        for seed in 1001..1009 {
            let boot = random_boot(arch, &program, seed);
            let run = |mode| {
                let mut console = traced(&boot, mode);
                let left = left_by(&mut console, seed, &mut freeze_and_thaw);
                (left, console.machine.kernel.clock.now, console.machine.kernel.trace.take())
            };
            let interpreted = run(JitMode::Off);
            assert!(interpreted.2.len() > 100, "a trace of {} lines", interpreted.2.len());
            for mode in MODES {
                assert!(run(mode) == interpreted, "{}, seed {seed}, {mode:?}", arch.name);
            }
        }
    }
}

/// Frozen groups of every architecture, by the recorded scenarios.
#[test]
fn scenarios_have_one_trace() {
    for arch in arches() {
        for name in ["16_threads", "46_v2_ptrace", "69_kill_race"] {
            let Some(boot) = crate::oracle::boot_own(arch, name) else { continue };
            same(&format!("{arch}/{name}"), |mode| to_the_end(traced(&boot, mode)));
        }
    }
}

/// The command's own trace file, byte for byte.
#[test]
fn the_command_writes_one_trace() {
    const SCRIPT: &str = "for i in 1 2 3; do seq 200 | sort | wc -l & done; wait; sleep 0.01; (exit 7); echo $?";
    let dir = scratch("jit-trace");
    for arch in arches() {
        let run = |mode: &str| {
            let file = dir.join(format!("{arch}-{mode}"));
            let trace = format!("--trace=syscall,signal,sched={}", file.display());
            let ran = minikern(
                &["run", "--clock", "virtual", "--arch", arch, "--jit", mode, &trace, "--", "sh", "-c", SCRIPT],
                "",
            );
            (ran.code, ran.out, ran.err, std::fs::read(file).expect("the trace"))
        };
        let interpreted = run("off");
        assert!(interpreted.0 == 0 && interpreted.3.len() > 10_000, "{arch}: {}", interpreted.2);
        for mode in ["on", "auto"] {
            assert!(run(mode) == interpreted, "{arch}, --jit {mode}");
        }
    }
}
