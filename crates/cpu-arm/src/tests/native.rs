//! The other implementation: runner.c in a child process, under qemu-aarch64 or, on an AArch64 host, as it is.
use super::machine::{Case, Outcome, PAGE, State};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

pub(crate) struct Native {
    child: Child,
}

/// A case as runner.c reads it.
fn encode(case: &Case) -> Vec<u8> {
    let state = &case.state;
    let mut words = state.x.to_vec();
    words.extend([state.sp, state.pc, state.nzcv, state.fpcr, state.fpsr]);
    words.extend(state.v);
    words.extend([case.seed, case.words.len() as u64]);
    let mut out: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
    out.extend((0..32).flat_map(|i| case.words.get(i).copied().unwrap_or(0).to_le_bytes()));
    out
}

/// Whether a tool runs.
fn exists(tool: &str) -> bool {
    Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

/// The runner, built once a test run; `None` if there is no compiler for AArch64.
static RUNNER: LazyLock<Option<PathBuf>> = LazyLock::new(build);

fn build() -> Option<PathBuf> {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = crate_dir.join("tests/native/runner.c");
    let folder = crate_dir.join("../../target/tmp");
    std::fs::create_dir_all(&folder).ok()?;
    let (output, building) = (folder.join("arm-runner"), folder.join(format!("arm-runner-{}", std::process::id())));
    let mut compiler = if exists("aarch64-linux-gnu-gcc") {
        Command::new("aarch64-linux-gnu-gcc")
    } else {
        let mut zig = Command::new("python3");
        zig.args(["-m", "ziglang", "cc", "-target", "aarch64-linux-musl"]);
        zig
    };
    let built = compiler.args(["-static", "-O1", "-w", "-o"]).arg(&building).arg(source).stderr(Stdio::null()).status();
    // Another run may be using the old one.
    (built.is_ok_and(|s| s.success()) && std::fs::rename(&building, &output).is_ok()).then_some(output)
}

impl Native {
    /// The other side with everything it has. Without FEAT_PAuth its instructions are no-ops, as ours are; without SVE
    /// frames are as ours.
    pub(crate) fn start() -> Option<Native> {
        Native::start_as("max,pauth=off,sve=off,sme=off")
    }

    /// `None`, after a line that says why, if a tool is missing.
    pub(crate) fn start_as(cpu: &str) -> Option<Native> {
        let emulator = ["qemu-aarch64-static", "qemu-aarch64"].into_iter().find(|tool| exists(tool));
        let is_host = cfg!(target_arch = "aarch64");
        if emulator.is_none() && !is_host {
            println!("skipped: qemu-aarch64 is not installed");
            return None;
        }
        let Some(runner) = &*RUNNER else {
            println!("skipped: no C compiler for aarch64 (aarch64-linux-gnu-gcc or ziglang)");
            return None;
        };
        let mut command = match emulator {
            Some(tool) if !is_host => {
                let mut command = Command::new(tool);
                command.args(["-cpu", cpu]).arg(runner);
                command
            }
            _ => Command::new(runner),
        };
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the runner starts");
        Some(Native { child })
    }

    /// What becomes of the cases. A batch of them fits into the pipe, so that neither side waits for the other to read.
    pub(crate) fn run(&mut self, cases: &[Case]) -> Vec<Outcome> {
        cases.chunks(48).flat_map(|batch| self.run_batch(batch)).collect()
    }

    fn run_batch(&mut self, cases: &[Case]) -> Vec<Outcome> {
        let input: Vec<u8> = cases.iter().flat_map(encode).collect();
        self.child.stdin.as_mut().expect("it is a pipe").write_all(&input).expect("the runner reads");
        cases.iter().map(|_| self.outcome()).collect()
    }

    fn outcome(&mut self) -> Outcome {
        let fixed = self.words(36 + 64 + 4);
        let mut out = fixed.into_iter();
        let mut next = || out.next().expect("the runner's answer has a fixed length");
        let mut state = State::default();
        state.x.iter_mut().for_each(|x| *x = next());
        (state.sp, state.pc, state.nzcv, state.fpcr, state.fpsr) = (next(), next(), next(), next(), next());
        state.v.iter_mut().for_each(|v| *v = next());
        let (signo, code, addr, pages) = (next(), next(), next(), next());
        let dirty: BTreeMap<_, _> = (0..pages).map(|_| (self.words(1)[0], self.bytes(PAGE))).collect();
        Outcome { state, signo, code, addr, dirty }
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut buf = vec![0; len];
        self.child.stdout.as_mut().expect("it is a pipe").read_exact(&mut buf).expect("the runner answers");
        buf
    }

    fn words(&mut self, count: usize) -> Vec<u64> {
        let bytes = self.bytes(count * 8);
        bytes.chunks_exact(8).map(|c| u64::from_le_bytes(c.try_into().expect("eight bytes"))).collect()
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
