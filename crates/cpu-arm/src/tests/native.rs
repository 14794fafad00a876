//! The other implementation: runner.c in a child process, under qemu-aarch64 or, on an AArch64 host, as it is.
use super::machine::{Outcome, State};
use std::collections::BTreeMap;
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
    /// `None`, after a line that says why, if a tool is missing.
    pub(crate) fn start() -> Option<Native> {
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
                // Armv8.2 without FEAT_LSE2, so atomics want alignment as ours do.
                command.args(["-cpu", "cortex-a76"]).arg(runner);
                command
            }
            _ => Command::new(runner),
        };
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the runner starts");
        Some(Native { child })
    }

    pub(crate) fn run(&mut self, words: &[u32], state: &State, seed: u64) -> Outcome {
        let mut case = Vec::new();
        let mut put = |word: u64| case.extend(word.to_le_bytes());
        state.x.iter().for_each(|x| put(*x));
        [state.sp, state.pc, state.nzcv, state.fpcr, state.fpsr].into_iter().for_each(&mut put);
        state.v.iter().for_each(|v| put(*v));
        put(seed);
        put(words.len() as u64);
        case.extend((0..32).flat_map(|i| words.get(i).copied().unwrap_or(0).to_le_bytes()));
        self.child.stdin.as_mut().expect("it is a pipe").write_all(&case).expect("the runner reads");
        let fixed = self.words(36 + 64 + 3);
        let mut out = fixed.into_iter();
        let mut next = || out.next().expect("the runner's answer has a fixed length");
        let mut state = State::default();
        state.x.iter_mut().for_each(|x| *x = next());
        (state.sp, state.pc, state.nzcv, state.fpcr, state.fpsr) = (next(), next(), next(), next(), next());
        state.v.iter_mut().for_each(|v| *v = next());
        let (signo, addr, pages) = (next(), next(), next());
        let dirty: BTreeMap<_, _> = (0..pages).map(|_| (self.words(1)[0], self.bytes(4096))).collect();
        Outcome { state, signo, addr, dirty }
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
