//! Programs that .ci/setup builds from tests/programs: what they print natively, on every architecture and C library.
use crate::support::{arches, boot_program, oracle, root, run};

#[test]
fn static_programs_print_what_they_print_natively() {
    let expected = root().join("tests/programs/expected");
    let mut names: Vec<String> = std::fs::read_dir(&expected)
        .expect("tests/programs/expected")
        .filter_map(|entry| {
            Some(entry.ok()?.file_name().to_str()?.strip_suffix(".out")?.split('.').next()?.to_string())
        })
        .collect();
    names.sort();
    names.dedup();
    // MINIKERN_PROGRAM=name runs one alone.
    if let Ok(only) = std::env::var("MINIKERN_PROGRAM") {
        names.retain(|name| *name == only);
    }
    let mut failed = Vec::new();
    for arch in arches() {
        for libc in ["", "-glibc"] {
            for name in &names {
                let Some(program) = oracle(&format!("programs/{arch}{libc}/{name}")) else { continue };
                let own = expected.join(format!("{name}.{arch}.out"));
                let file = if own.exists() { own } else { expected.join(format!("{name}.out")) };
                let want = std::fs::read_to_string(file).expect("the expected output");
                let ended = run(&boot_program(&program, &["one", "two words"]), "");
                if ended.out != want || ended.status != 0 {
                    println!("=== {arch}{libc}/{name}: status {}\n{}", ended.status, ended.out);
                    failed.push(format!("{arch}{libc}/{name}"));
                }
            }
        }
    }
    assert!(failed.is_empty(), "not as natively: {failed:?}");
}
