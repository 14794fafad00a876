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

#[test]
fn exec_goes_from_any_architecture_to_any() {
    for a in arches() {
        for b in arches() {
            let ended = sh(a, &format!("exec /{b}/bin/uname -m"));
            assert_eq!((ended.status, ended.out.trim()), (0, b), "{a} to {b}");
        }
    }
}
