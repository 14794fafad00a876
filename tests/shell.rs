//! The default image's shell and tools, on every architecture and across them.
use crate::support::{arches, sh};

#[test]
fn a_shell_runs_pipes_and_tools() {
    for arch in arches() {
        let ended = sh(arch, "seq 9 | grep 5; x=$((6*7)); echo $x $(uname -m); false || exit 3");
        assert_eq!((ended.status, ended.out.as_str()), (3, format!("5\n42 {arch}\n").as_str()));
    }
}

#[test]
fn a_pipeline_crosses_architectures() {
    for a in arches() {
        for b in arches() {
            let ended = sh(a, &format!("/{a}/bin/seq 9 | /{b}/bin/grep 5 | /{a}/bin/wc -l"));
            assert_eq!((ended.status, ended.out.trim()), (0, "1"), "{a} to {b}");
        }
    }
}

/// One stage an architecture, each being the first once.
#[test]
fn a_pipeline_goes_through_all_architectures() {
    let all: Vec<&str> = arches().collect();
    for first in 0..all.len() {
        let turned = all[first..].iter().chain(&all[..first]).zip(["seq 9", "grep 5", "wc", "cat", "cat"]);
        let stages: Vec<String> = turned.map(|(arch, tool)| format!("/{arch}/bin/{tool}")).collect();
        let ended = sh(all[0], &stages.join(" | "));
        let words: Vec<&str> = ended.out.split_whitespace().collect();
        assert_eq!((ended.status, words), (0, vec!["1", "1", "2"]), "{stages:?}");
    }
}

#[test]
fn exec_goes_from_any_architecture_to_any() {
    for a in arches() {
        for b in arches() {
            let ended = sh(a, &format!("exec /{b}/bin/uname -m"));
            assert_eq!((ended.status, ended.out.trim()), (0, b), "{a} to {b}");
        }
    }
}
