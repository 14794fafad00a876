//! An architecture's other implementation: a C program in a child process, under qemu-user or, on such a host, as it is.
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Whether a tool runs.
fn exists(tool: &str) -> bool {
    Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

/// Builds the runner of an architecture, to be called once a test run; `None` if there is no compiler for it. `source` may
/// include runner.h.
pub fn build(arch: &str, source: &Path, flags: &[&str]) -> Option<PathBuf> {
    let this_crate = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = this_crate.join("../../target/tmp");
    std::fs::create_dir_all(&folder).ok()?;
    let name = format!("{arch}-runner");
    let (output, building) = (folder.join(&name), folder.join(format!("{name}-{}", std::process::id())));
    let gcc = format!("{arch}-linux-gnu-gcc");
    let mut compiler = if exists(&gcc) {
        Command::new(gcc)
    } else {
        let mut zig = Command::new("python3");
        zig.args(["-m", "ziglang", "cc", "-target", &format!("{arch}-linux-musl")]);
        zig
    };
    compiler.args(["-static", "-O1", "-w"]).args(flags).arg("-I").arg(this_crate.join("native"));
    let built = compiler.arg("-o").arg(&building).arg(source).stderr(Stdio::null()).status();
    // Another run may be using the old one.
    (built.is_ok_and(|s| s.success()) && std::fs::rename(&building, &output).is_ok()).then_some(output)
}

/// A runner that runs.
pub struct Runner {
    child: Child,
}

impl Runner {
    /// `program` as `cpu` of qemu-user. `None`, after a line that says why, if a tool is missing.
    pub fn start(arch: &str, cpu: &str, program: Option<&Path>) -> Option<Runner> {
        let emulators = [format!("qemu-{arch}-static"), format!("qemu-{arch}")];
        let emulator = emulators.iter().find(|tool| exists(tool));
        let is_host = std::env::consts::ARCH == arch;
        if emulator.is_none() && !is_host {
            println!("skipped: qemu-{arch} is not installed");
            return None;
        }
        let Some(program) = program else {
            println!("skipped: no C compiler for {arch} ({arch}-linux-gnu-gcc or ziglang)");
            return None;
        };
        let mut command = match emulator {
            Some(tool) if !is_host => {
                let mut command = Command::new(tool);
                command.args(["-cpu", cpu]).arg(program);
                command
            }
            _ => Command::new(program),
        };
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the runner starts");
        Some(Runner { child })
    }

    /// Asks, and reads answers while the question is still being written.
    pub fn ask<T>(&mut self, question: Vec<u8>, answer: impl FnOnce(&mut Runner) -> T) -> T {
        let mut input = self.child.stdin.take().expect("it is a pipe");
        let writer = std::thread::spawn(move || {
            input.write_all(&question).expect("the runner reads");
            input
        });
        let answer = answer(self);
        self.child.stdin = Some(writer.join().expect("the writer does not panic"));
        answer
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.child.stdout.as_mut().expect("it is a pipe").read_exact(&mut bytes).expect("the runner answers");
        bytes
    }

    pub fn words(&mut self, count: usize) -> Vec<u64> {
        self.bytes(count * 8).as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect()
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
