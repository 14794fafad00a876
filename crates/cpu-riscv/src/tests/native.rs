//! The other implementation: runner.c in a child process, under qemu-riscv64 or, on a RISC-V host, as it is.
use super::machine::{Case, Outcome, State};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

pub(crate) struct Native {
    child: Child,
}

/// Whether a tool runs.
fn exists(tool: &str) -> bool {
    Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

/// The runner, built once a test run; `None` if there is no compiler for RISC-V.
static RUNNER: LazyLock<Option<PathBuf>> = LazyLock::new(build);

fn build() -> Option<PathBuf> {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = crate_dir.join("tests/native/runner.c");
    let folder = crate_dir.join("../../target/tmp");
    std::fs::create_dir_all(&folder).ok()?;
    let (output, building) = (folder.join("riscv-runner"), folder.join(format!("riscv-runner-{}", std::process::id())));
    let mut compiler = if exists("riscv64-linux-gnu-gcc") {
        Command::new("riscv64-linux-gnu-gcc")
    } else {
        let mut zig = Command::new("python3");
        zig.args(["-m", "ziglang", "cc", "-target", "riscv64-linux-musl"]);
        zig
    };
    compiler.args(["-static", "-O1", "-w", "-fno-stack-protector", "-Wl,--no-relax", "-o"]).arg(&building).arg(source);
    let built = compiler.stderr(Stdio::null()).status();
    // Another run may be using the old one.
    (built.is_ok_and(|s| s.success()) && std::fs::rename(&building, &output).is_ok()).then_some(output)
}

impl Native {
    /// `None`, after a line that says why, if a tool is missing.
    pub(crate) fn start() -> Option<Native> {
        let emulator = ["qemu-riscv64-static", "qemu-riscv64"].into_iter().find(|tool| exists(tool));
        let is_host = cfg!(target_arch = "riscv64");
        if emulator.is_none() && !is_host {
            println!("skipped: qemu-riscv64 is not installed");
            return None;
        }
        let Some(runner) = &*RUNNER else {
            println!("skipped: no C compiler for riscv64 (riscv64-linux-gnu-gcc or ziglang)");
            return None;
        };
        let mut command = match emulator {
            Some(tool) if !is_host => {
                let mut command = Command::new(tool);
                command.args(["-cpu", "rv64,zba=true,zbb=true,zbs=true"]).arg(runner);
                command
            }
            _ => Command::new(runner),
        };
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the runner starts");
        Some(Native { child })
    }

    /// Runs all of them; they are written while the answers are read.
    pub(crate) fn run(&mut self, cases: &[Case]) -> Vec<Outcome> {
        let mut input = self.child.stdin.take().expect("it is a pipe");
        let bytes: Vec<u8> = cases.iter().flat_map(encode).collect();
        let writer = std::thread::spawn(move || {
            input.write_all(&bytes).expect("the runner reads");
            input
        });
        let outcomes = cases.iter().map(|_| self.outcome()).collect();
        self.child.stdin = Some(writer.join().expect("the writer does not panic"));
        outcomes
    }

    fn outcome(&mut self) -> Outcome {
        let mut out = self.words(65 + 4).into_iter();
        let mut next = || out.next().expect("the runner's answer has a fixed length");
        let mut state = State { pc: next(), ..State::default() };
        state.x[0] = 0;
        state.x[1..].iter_mut().for_each(|x| *x = next());
        state.fcsr = next() & 0xffff_ffff;
        state.f.iter_mut().for_each(|f| *f = next());
        let (signo, code, addr, count) = (next(), next(), next(), next());
        let changed = self.words(2 * count as usize).as_chunks().0.iter().map(|&[at, word]| (at, word)).collect();
        Outcome { state, signo, code, addr, changed }
    }

    fn words(&mut self, count: usize) -> Vec<u64> {
        let mut bytes = vec![0; count * 8];
        self.child.stdout.as_mut().expect("it is a pipe").read_exact(&mut bytes).expect("the runner answers");
        bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect()
    }
}

/// `struct in` of runner.c.
fn encode(case: &Case) -> Vec<u8> {
    let State { pc, x, fcsr, f } = &case.state;
    let mut code = case.code();
    let words = [*pc].into_iter().chain(x[1..].iter().copied()).chain([*fcsr]).chain(f.iter().copied());
    let words = words.chain([case.seed, code.len() as u64]);
    let mut bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
    code.resize(128, 0);
    bytes.extend(code);
    bytes
}

impl Drop for Native {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
