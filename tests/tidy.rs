//! What the documents promise of the tree, checked: who uses whom, the same files in every CPU crate, generated documents.
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Which of our crates each of our crates may depend on (docs/ARCHITECTURE.md, section "Crates").
const MAY_USE: &[(&str, &[&str])] = &[
    ("abi", &[]),
    ("softfloat", &[]),
    ("ir", &[]),
    ("mmu", &[]),
    ("arch", &["abi", "ir"]),
    ("cpu-*", &["abi", "ir", "arch", "softfloat"]),
    ("engine", &["ir", "mmu", "arch", "softfloat"]),
    ("jit", &["ir", "mmu", "arch", "engine"]),
    ("kernel", &["abi", "mmu", "arch"]),
    ("cgroupfs", &["abi", "kernel"]),
    ("oracle", &["abi", "arch"]),
];

/// What a crate's tests may use besides: a CPU crate's run code, the engine's and the kernel's make an architecture of
/// their own.
fn may_test_with(name: &str) -> &'static [&'static str] {
    match name {
        "engine" => &["oracle", "jit"],
        "jit" => &["oracle", "softfloat"],
        "kernel" => &["ir"],
        name if name.starts_with("cpu-") => &["engine", "mmu", "jit", "oracle"],
        _ => &[],
    }
}

/// The crates of ours that a section of a manifest names.
fn section(manifest: &str, header: &str, ours: &BTreeSet<String>) -> BTreeSet<String> {
    let lines = manifest.lines().skip_while(|line| line.trim() != header).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    let names = lines.filter_map(|line| line.split(['.', '=', ' ']).next()).map(str::to_string);
    names.filter(|name| ours.contains(name)).collect()
}

fn manifests() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(root().join("crates")).expect("crates/") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        found.insert(name, fs::read_to_string(path.join("Cargo.toml")).expect("a manifest"));
    }
    found
}

#[test]
fn crates_use_only_the_layers_below_them() {
    let manifests = manifests();
    let ours: BTreeSet<String> = manifests.keys().cloned().collect();
    for name in &ours {
        let row = if name.starts_with("cpu-") { "cpu-*" } else { name };
        let (_, allowed) =
            MAY_USE.iter().find(|(listed, _)| *listed == row).expect("every crate has its line in MAY_USE");
        let used = section(&manifests[name], "[dependencies]", &ours);
        let allowed: BTreeSet<String> = allowed.iter().map(|name| name.to_string()).collect();
        assert!(used.is_subset(&allowed), "{name} uses {:?}", used.difference(&allowed));
        let in_tests = section(&manifests[name], "[dev-dependencies]", &ours);
        for used in in_tests.difference(&allowed) {
            assert!(may_test_with(name).contains(&used.as_str()), "{name} tests with {used}");
        }
    }
}

#[test]
fn only_the_root_package_can_name_a_cpu_crate() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    let shared = manifest.split("[workspace.dependencies]").nth(1).expect("shared dependencies");
    let shared = shared.split("\n[").next().expect("the section's end");
    assert!(!shared.contains("cpu-"), "a CPU crate among [workspace.dependencies]");
}

#[test]
fn every_cpu_crate_has_the_same_files() {
    for name in manifests().keys().filter(|name| name.starts_with("cpu-")) {
        let src = root().join("crates").join(name).join("src");
        for file in
            ["lib.rs", "regs.rs", "insns.rs", "lift/mod.rs", "thread_info.rs", "syscall.rs", "signal.rs", "process.rs"]
        {
            assert!(src.join(file).exists(), "{name} has no src/{file}");
        }
    }
}

/// Any bytes as code: a fuzz target for each architecture, of a workspace that lists them all.
#[test]
fn every_architecture_has_a_fuzz_target() {
    let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).expect("a manifest");
    for arch in minikern::ARCHES {
        let target =
            fs::read_to_string(root().join(format!("fuzz/fuzz_targets/{}.rs", arch.name))).expect("a fuzz target");
        assert!(target.contains(&format!("code(\"{}\"", arch.name)), "{} fuzzes another", arch.name);
        assert!(manifest.contains(&format!("name = \"{}\"", arch.name)), "{} is no target", arch.name);
    }
}

/// Every Rust file below a folder.
fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn unsafe_code_stays_behind_its_doors() {
    const DOORS: &[&str] = &[
        "crates/mmu/src/frame/arena.rs",
        "crates/mmu/src/view.rs",
        "crates/mmu/src/window.rs",
        "crates/jit/src/code.rs",
        "crates/jit/src/fault.rs",
    ];
    let mut files = Vec::new();
    rust_files(&root().join("crates"), &mut files);
    rust_files(&root().join("src"), &mut files);
    for path in files {
        let name = path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).expect("a file");
        let opens = text.lines().any(|line| {
            line.trim_start().starts_with("#![allow(unsafe_code)]") || line.contains("#[allow(unsafe_code")
        });
        assert!(!opens || DOORS.contains(&name.as_str()), "{name} opens a door of its own");
    }
}

/// What a saved machine leaves out is a cache or the host's, and says which.
#[test]
fn state_that_is_not_saved_says_why() {
    let mut files = Vec::new();
    rust_files(&root().join("crates"), &mut files);
    rust_files(&root().join("src"), &mut files);
    for path in files {
        let text = fs::read_to_string(&path).expect("a file");
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (n, pair) in lines.windows(2).enumerate() {
            let why = pair[0].starts_with("// ");
            assert!(!pair[1].starts_with("#[serde(skip") || why, "{}:{}: why not saved?", path.display(), n + 2);
        }
    }
}

#[test]
fn shared_code_names_no_architecture() {
    let mut files = Vec::new();
    for name in ["abi", "ir", "mmu", "arch", "engine", "kernel", "cgroupfs"] {
        rust_files(&root().join("crates").join(name).join("src"), &mut files);
    }
    let cpus = manifests().into_keys().filter(|name| name.starts_with("cpu-")).map(|name| name.replace('-', "_"));
    let words: Vec<String> = cpus.chain(["target_arch".into(), "cfg(target".into()]).collect();
    for path in files {
        let text = fs::read_to_string(&path).expect("a file");
        for (n, line) in text.lines().enumerate() {
            let named = words.iter().find(|word| line.contains(word.as_str()));
            assert!(named.is_none(), "{}:{}: {line}", path.display(), n + 1);
        }
    }
}

#[test]
fn the_system_call_document_is_what_the_table_says() {
    let path = root().join("docs/SYSCALLS.md");
    let now = minikern::syscalls_document();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &now).expect("docs/SYSCALLS.md");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == now, "docs/SYSCALLS.md is not current: UPDATE_DOCS=1 cargo test --test tidy");
}
