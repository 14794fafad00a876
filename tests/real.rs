//! Programs from outside, which .ci/programs builds: a shell script over them prints the same on every architecture, C library and
//! level of the instruction set as natively, byte for byte.
use crate::support::{arches, boot, oracle, root, run, scratch, with_file};
use std::path::Path;
use std::process::{Command, Stdio};

/// The kinds of programs: musl, glibc, musl with all instructions of x86-64-v3.
const VARIANTS: [&str; 3] = ["", "-glibc", "-v3"];

/// What the script prints on this machine, in a new directory.
fn natively(name: &str, programs: &[&str], files: &[&str]) -> Option<String> {
    let dir = scratch(&format!("real-{name}"));
    for program in programs {
        let built = oracle(&format!("real/{}/{program}", std::env::consts::ARCH))?;
        std::fs::copy(built, dir.join(program)).expect("a copy");
    }
    let source = root().join("tests/real");
    for file in files {
        std::fs::copy(source.join(file), dir.join(file)).expect("a copy");
    }
    let mut shell = Command::new("sh");
    shell.arg(source.join(format!("{name}.sh"))).current_dir(&dir).stdin(Stdio::null());
    let path = std::env::var("PATH").expect("a path");
    let ran = shell.env("PATH", format!("{}:{path}", dir.display())).env("LC_ALL", "C").output().expect("a shell");
    assert!(ran.status.success(), "{name}: {}", String::from_utf8_lossy(&ran.stderr));
    Some(String::from_utf8(ran.stdout).expect("text"))
}

/// The same in a machine; nothing if a program is not there.
fn guest(arch: &str, variant: &str, name: &str, programs: &[&str], files: &[&str]) -> Option<(u8, String)> {
    let built = |program: &&str| root().join(format!("target/oracle/real/{arch}{variant}/{program}"));
    if !programs.iter().all(|program| built(program).exists()) {
        return None;
    }
    let read = |path: &Path| std::fs::read(path).expect("a file");
    let mut boot = boot(arch, &["sh", "script.sh"]);
    for program in programs {
        boot.initramfs = with_file(boot.initramfs, format!("tmp/{program}").as_bytes(), &read(&built(program)));
    }
    for file in files.iter().copied().chain([format!("{name}.sh").as_str()]) {
        let place = if file.ends_with(".sh") { "tmp/script.sh".into() } else { format!("tmp/{file}") };
        boot.initramfs = with_file(boot.initramfs, place.as_bytes(), &read(&root().join("tests/real").join(file)));
    }
    boot.workdir = Some("/tmp".into());
    boot.env.iter_mut().filter(|var| var.starts_with("PATH=")).for_each(|path| path.insert_str(5, "/tmp:"));
    boot.env.push("LC_ALL=C".into());
    let ended = run(&boot, "");
    Some((ended.status, ended.out))
}

fn compare(name: &str, programs: &[&str], files: &[&str]) {
    let Some(want) = natively(name, programs, files) else { return };
    assert!(want.lines().count() > 3, "{want}");
    for arch in arches() {
        for variant in VARIANTS {
            let Some((status, out)) = guest(arch, variant, name, programs, files) else { continue };
            let differs = want.lines().zip(out.lines()).find(|(want, got)| want != got);
            assert!(out == want && status == 0, "{arch}{variant}: {name}: status {status}, {differs:?} of\n{out}");
        }
    }
}

#[test]
fn lua() {
    compare("lua", &["lua"], &["strings.lua", "closures.lua", "numbers.lua"]);
}

#[test]
fn sqlite() {
    compare("sqlite", &["sqlite3"], &["sqlite.sql"]);
}

#[test]
fn zstd_and_bzip2() {
    compare("compress", &["zstd", "bzip2", "lua"], &["sum.lua"]);
}

#[test]
fn floating_point_with_every_digit() {
    compare("floats", &["floats"], &[]);
}

/// Natively there is a standard library; elsewhere only if somebody brought one.
#[test]
fn rust() {
    compare("rust", &["rust"], &[]);
}
