//! The recorded scenarios of Linux 6.18, run in the guest under `--freezer 6.18` with Debian's busybox as its shell.
//!
//! They lie beside the checkout, in ../shared/oracle/scenarios, and more of their kind, recorded with the same helper, in
//! tests/scenarios; .ci/setup builds the helper for each architecture.
use crate::support::{Console, arches, oracle, root};
use kernel::freezer::profile;
use kernel::vfs::cpio::Writer;
use kernel::{Config, TraceKind};
use minikern::{ARCHES, Boot};
use std::path::{Path, PathBuf};

/// Where run.sh, its library and the given scenarios are.
fn given() -> Option<PathBuf> {
    let dir = root().join("../shared/oracle/scenarios");
    if dir.is_dir() {
        return Some(dir);
    }
    println!("skipped: no scenarios at ../shared/oracle/scenarios");
    None
}

fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("the scenarios");
    let files = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = files
        .filter_map(|file| Some(file.strip_suffix(".sh")?.to_string()))
        .filter(|name| name.as_bytes()[0].is_ascii_digit())
        .collect();
    names.sort();
    names
}

/// A guest with busybox, the helper and the scenarios, which runs one of them by their own run.sh.
fn boot(arch: &str, given: &Path, dir: &Path, busybox: &Path, helper: &Path, names: &[&str]) -> Boot {
    let mut image = Writer::new();
    for at in ["bin", "dev", "proc", "sys", "root", "etc", "scn", "scn/bin", "scn/golden", "cg", "cg2"] {
        image.add(at.as_bytes(), 0o40755, 0, &[]);
    }
    image.add(b"tmp", 0o41777, 0, &[]);
    let mut file = |at: &str, from: &Path| {
        let mut content = std::fs::read(from).expect("a file of the oracle");
        // Scenario 54 names a function of Linux on x86; another architecture has its own in that place.
        if at.contains("/54_") {
            let caller = ARCHES.iter().find(|known| known.name == arch).expect("an architecture").abi.syscall_caller();
            content = String::from_utf8(content).expect("text").replace("do_syscall_64", caller).into_bytes();
        }
        // poll(3) is ppoll(2) where there is no poll(2): interrupted, it begins again with the time that was left (E08-03).
        if at.contains("_restart") && at.ends_with(".out") && arch != "x86_64" {
            let text = String::from_utf8(content).expect("text");
            let late = |line: &str| {
                if line.starts_with("poll_t ") { line.replace("on-time", "plus-frozen-time") } else { line.into() }
            };
            content = text.split_inclusive('\n').map(late).collect::<String>().into_bytes();
        }
        image.add(at.as_bytes(), 0o100_755, 0, &content)
    };
    file("bin/busybox", busybox);
    file("scn/bin/mkh", helper);
    for name in ["run.sh", "lib.sh"] {
        file(&format!("scn/{name}"), &given.join(name));
    }
    for name in names {
        file(&format!("scn/{name}.sh"), &dir.join(format!("{name}.sh")));
        for kind in ["out", "rc"] {
            file(&format!("scn/golden/{name}.{kind}"), &dir.join(format!("golden/{name}.{kind}")));
        }
    }
    let script = format!(
        "/bin/busybox --install -s /bin; mount -t cgroup -o freezer freezer /cg; mount -t cgroup2 none /cg2; cd /scn
         CG=/cg CG2=/cg2 LIMIT=600 sh run.sh {}",
        names.join(" ")
    );
    Boot {
        config: Config { freezer: profile("6.18").expect("a profile"), ..Config::default() },
        initramfs: image.finish(),
        init: vec!["/bin/busybox".into()],
        args: vec!["sh".into(), "-c".into(), script],
        env: vec!["PATH=/bin".into(), "HOME=/".into()],
        workdir: None,
        mount_usual: true,
    }
}

/// A guest that runs one of our own scenarios.
pub(crate) fn boot_own(arch: &str, name: &str) -> Option<Boot> {
    let (given, dir) = (given()?, root().join("tests/scenarios"));
    let (busybox, helper) = (oracle(&format!("busybox-{arch}"))?, oracle(&format!("mkh-{arch}"))?);
    Some(boot(arch, &given, &dir, &busybox, &helper, &[name]))
}

/// F08-03, F12-01..13, F22-01..05, R08-12..16, E08-01..05 as the transcripts have them.
#[test]
fn scenarios_end_as_recorded() {
    let Some(given) = given() else { return };
    let dir = std::env::var_os("MINIKERN_SCENARIOS").map_or(given.clone(), PathBuf::from);
    all_end_as_recorded(&given, &dir);
}

/// More of them: ptrace, threads, vfork, exec and alarms in frozen groups of both versions, moves within trees, odd writes, files of
/// removed groups, threaded groups and limits (C2-06..10, R08-13..17).
#[test]
fn our_own_scenarios_end_as_recorded() {
    if let Some(given) = given() {
        all_end_as_recorded(&given, &root().join("tests/scenarios"));
    }
}

fn all_end_as_recorded(given: &Path, dir: &Path) {
    let only = std::env::var("MINIKERN_SCENARIO").ok();
    let names = names(dir);
    let mut failed = Vec::new();
    for arch in arches() {
        let (Some(busybox), Some(helper)) = (oracle(&format!("busybox-{arch}")), oracle(&format!("mkh-{arch}"))) else {
            continue;
        };
        for name in &names {
            if only.as_ref().is_some_and(|only| !name.starts_with(only)) {
                continue;
            }
            let mut console = Console::new(&boot(arch, given, dir, &busybox, &helper, &[name]), "");
            console.machine.kernel.trace.enable(TraceKind::Missing);
            let status = loop {
                if let Some(status) = console.step() {
                    break status;
                }
            };
            let out = console.shown();
            println!("{arch}: {out}");
            if status != 0 || !out.contains("scenarios: ok=1 fail=0") {
                println!("{:#?}", console.machine.kernel.trace.take());
                failed.push(format!("{arch}/{name}"));
            }
        }
    }
    assert!(failed.is_empty(), "not as recorded: {failed:?}");
}
