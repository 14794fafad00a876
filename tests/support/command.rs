//! Runs the command itself.
use super::default_image;
use kernel::vfs::cpio::Reader;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a run came to.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs minikern with `input` on its standard input.
pub fn minikern(args: &[&str], input: &str) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_minikern"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("minikern runs");
    // Who fails early does not read.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ran { code: output.status.code().expect("an exit code"), out: text(output.stdout), err: text(output.stderr) }
}

/// It says one line on standard error that holds every one of `words`, nothing on standard output, and exits with `code`.
pub fn fails(args: &[&str], code: i32, words: &[&str]) {
    let ran = minikern(args, "");
    assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{args:?}: {}", ran.err);
    assert_eq!(ran.err.lines().count(), 1, "{args:?}: {}", ran.err);
    words.iter().for_each(|word| assert!(ran.err.contains(word), "{args:?}: {word:?} is not in {}", ran.err));
}

/// The default image's program of an architecture, as a file of the host's.
pub fn program_file(arch: &str, dir: &Path) -> PathBuf {
    let image = default_image();
    let prefix = format!("{arch}/bin/").into_bytes();
    let mut entries = Reader::new(&image).map(|entry| entry.expect("a good image"));
    let entry = entries.find(|e| e.name.starts_with(&prefix) && e.data.starts_with(b"\x7fELF")).expect("a program");
    let path = dir.join(String::from_utf8_lossy(&entry.name[prefix.len()..]).as_ref());
    std::fs::write(&path, entry.data).expect("the program");
    path
}

/// Writes a file that may be executed.
pub fn executable(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).expect("a file");
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}
