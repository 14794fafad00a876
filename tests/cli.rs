//! The command itself: exit codes, options, messages.
use crate::support::command::{executable, fails, minikern, program_file, text};
use crate::support::{arches, oracle, scratch};

#[test]
fn the_exit_code_is_the_guest_s() {
    for arch in arches() {
        let run = |script: &str| minikern(&["run", "--arch", arch, "--", "sh", "-c", script], "");
        assert_eq!(run("exit 0").code, 0, "{arch}");
        assert_eq!(run("exit 42").code, 42, "{arch}");
        // The first program cannot be killed from inside; the shell gives its child's end as its own.
        assert_eq!(run("sh -c 'kill -TERM $$'; exit $?").code, 128 + 15, "{arch}");
        let ran = run("echo out; echo error >&2; uname -m");
        assert_eq!(
            (ran.code, ran.out, ran.err),
            (0, format!("out\nerror\n{arch}\n"), String::new()),
            "the console is standard output"
        );
    }
}

#[test]
fn a_first_program_that_faults_gives_its_signal() {
    let dir = scratch("cli-fault");
    for arch in arches() {
        let path = dir.join(arch);
        executable(&path, &crate::support::raw::Code::new(arch).program());
        // Its code ends at once: behind it are zeroes up to the page's end, and no page.
        let ran = minikern(&["exec", text(&path)], "");
        assert!(ran.code == 128 + 11 || ran.code == 128 + 4, "{arch}: {}: {}", ran.code, ran.err);
    }
}

#[test]
fn wrong_usage_is_2() {
    for args in [
        &["run", "--no-such-option"][..],
        &["frobnicate"],
        &["run", "--cpus", "0"],
        &["run", "-m", "lots"],
        &["run", "--cpu", "v4"],
        &["exec"],
        &[],
    ] {
        let ran = minikern(args, "");
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}");
        assert!(!ran.err.is_empty(), "{args:?}");
    }
    fails(&["run", "--arch", "vax"], 2, &["vax", "x86_64", "aarch64"]);
    fails(&["run", "--freezer", "1999"], 2, &["1999", "2008"]);
    fails(&["run", "--trace", "everything"], 2, &["everything", "syscall"]);
}

#[test]
fn out_of_time_is_124() {
    let ran = minikern(&["run", "--timeout", "0.5", "--", "sh", "-c", "while :; do :; done"], "");
    assert_eq!(ran.code, 124, "{}", ran.err);
    assert!(ran.err.contains("--timeout"), "{}", ran.err);
}

#[test]
fn what_cannot_be_executed_is_126_and_what_is_not_there_127() {
    let dir = scratch("cli-bad-programs");
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.join(name);
        executable(&path, bytes);
        path
    };
    // A header alone: 64 bits little-endian Alpha, 32 bits big-endian PowerPC.
    let mut alpha = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x26\x90\x01\0\0\0".to_vec();
    alpha.resize(64, 0);
    fails(&["exec", text(&file("alpha", &alpha))], 126, &["alpha", "supported", "x86_64", "aarch64", "riscv64"]);
    let mut powerpc = b"\x7fELF\x01\x02\x01\0\0\0\0\0\0\0\0\0\0\x02\0\x14\0\0\0\x01".to_vec();
    powerpc.resize(52, 0);
    fails(&["exec", text(&file("powerpc", &powerpc))], 126, &["powerpc", "supported", "x86_64", "aarch64"]);
    fails(&["exec", text(&file("text", b"no program\n"))], 126, &["text"]);
    fails(&["exec", text(&file("empty", b""))], 126, &["empty"]);
    fails(&["exec", text(&file("cut", b"\x7fELF\x02\x01"))], 126, &["cut"]);
    fails(&["exec", text(&dir)], 126, &["cli-bad-programs"]);
    let plain = file("plain", b"#!/bin/sh\n");
    std::fs::set_permissions(&plain, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("a mode");
    fails(&["exec", text(&plain)], 126, &["plain", "not executable"]);
    fails(&["exec", text(&dir.join("nothing"))], 127, &["nothing"]);
    fails(&["disasm", text(&dir.join("nothing"))], 127, &["nothing"]);
    fails(&["disasm", text(&file("alpha", &alpha))], 126, &["alpha"]);
}

#[test]
fn architectures_are_listed() {
    let ran = minikern(&["arch"], "");
    assert_eq!((ran.code, ran.out.lines().count()), (0, 1 + arches().count()));
    for arch in arches() {
        assert!(ran.out.lines().any(|line| line.starts_with(arch)), "{arch}: {}", ran.out);
    }
    // facts/ARCHES.md: machine, TIF_SIGPENDING, TIF_FREEZE of the day.
    let words = |name: &str| {
        ran.out.lines().find(|l| l.starts_with(name)).expect("a line").split_whitespace().collect::<Vec<_>>()
    };
    assert_eq!(words("x86_64")[1..5], ["62", "little", "2", "23"]);
    assert_eq!(words("aarch64")[1..5], ["183", "little", "0", "19"]);
    assert_eq!(words("riscv64")[1..5], ["243", "little", "2", "19"]);
}

#[test]
fn programs_are_disassembled() {
    let dir = scratch("cli-disasm");
    for arch in arches() {
        let dir = dir.join(arch);
        std::fs::create_dir_all(&dir).expect("a directory");
        let program = match oracle(&format!("programs/{arch}/hello")) {
            Some(program) => program,
            None => program_file(arch, &dir),
        };
        let bytes = std::fs::read(&program).expect("the program");
        let entry = u64::from_le_bytes(bytes[24..32].try_into().expect("eight bytes"));
        let range = format!("{entry:#x}..{:#x}", entry + 32);
        let ran = minikern(&["disasm", text(&program), &range], "");
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arch}");
        assert!(ran.out.trim_start().starts_with(&format!("{entry:x}:")), "{arch}: {}", ran.out);
        let with_ir = minikern(&["disasm", "--ir", text(&program), &range], "");
        assert_eq!(with_ir.code, 0, "{arch}: {}", with_ir.err);
        assert!(
            with_ir.out.lines().filter(|line| line.trim_start().starts_with('|')).count() >= 8,
            "{arch}: {}",
            with_ir.out
        );
        fails(&["disasm", text(&program), "no_such_function"], 2, &["no_such_function"]);
        fails(&["disasm", text(&program), "0x10..zz"], 2, &["zz"]);
    }
}

#[test]
fn options_reach_the_guest() {
    let arch = arches().next().expect("an architecture");
    let run = |options: &[&str], script: &str| {
        let args = [&["run", "--arch", arch], options, &["--", "sh", "-c", script]].concat();
        let ran = minikern(&args, "");
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{args:?}");
        ran.out
    };
    assert_eq!(run(&["-e", "COLOUR=blue sky", "-e", "HOME=/tmp"], "echo $COLOUR; echo $HOME"), "blue sky\n/tmp\n");
    assert_eq!(run(&["-w", "/proc"], "pwd"), "/proc\n");
    let mounted = "[ -e /proc/cmdline ] || mount -t proc proc /proc; ";
    assert_eq!(run(&["-smp", "2", "-m", "64M"], &format!("{mounted}grep -c ^processor /proc/cpuinfo")), "2\n");
    let memory = run(&["-m", "64M"], &format!("{mounted}grep MemTotal /proc/meminfo"));
    let kib: u64 = memory.split_whitespace().nth(1).and_then(|n| n.parse().ok()).expect("a number");
    assert!((32 << 10..=64 << 10).contains(&kib), "{memory}");
    assert_eq!(run(&["--append", "quiet answer=42"], &format!("{mounted}cat /proc/cmdline")), "quiet answer=42\n");
    assert_eq!(run(&["--kernel-release", "2.6.28"], "uname -r"), "2.6.28\n");
    let levels = ["v1", "v2", "v3"].map(|level| {
        let args = ["run", "--arch", "x86_64", "--cpu", level, "--"];
        minikern(&[&args[..], &["sh", "-c", &format!("{mounted}grep -c ' popcnt ' /proc/cpuinfo")]].concat(), "").out
    });
    assert_eq!(levels, ["0\n", "1\n", "1\n"]);
    let twice = ["3", "3", "4"].map(|seed| run(&["--seed", seed], "head -c 8 /dev/urandom | wc -c; echo $RANDOM"));
    assert_eq!(twice[0], twice[1]);
}

#[test]
fn exec_takes_variables_once_and_passes_arguments() {
    for arch in arches() {
        let Some(program) = oracle(&format!("programs/{arch}/argv_env_auxv")) else { continue };
        let ran =
            minikern(&["exec", "-e", "PATH=/bin", "-e", "GREETING=hi", text(&program), "one", "-v", "--seed"], "");
        assert_eq!(ran.code, 0, "{}", ran.err);
        for line in ["argv[1] = 'one'", "argv[2] = '-v'", "argv[3] = '--seed'", "GREETING hi", "found == 1: ok"] {
            assert!(ran.out.contains(line), "{arch}: {line}: {}", ran.out);
        }
    }
}

#[test]
fn calls_are_traced_to_a_file_or_to_standard_error() {
    let dir = scratch("cli-trace");
    let file = dir.join("trace");
    let spec = format!("syscall,signal={}", text(&file));
    let ran = minikern(&["run", "--trace", &spec, "--", "sh", "-c", "echo traced"], "");
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "traced\n", ""));
    let lines = std::fs::read_to_string(file).expect("the trace");
    assert!(
        lines.lines().any(|line| line.contains("write") && line.contains("(1, ") && line.ends_with("= 7")),
        "{lines}"
    );
    let ran = minikern(&["run", "--trace", "syscall", "--", "sh", "-c", "echo traced"], "");
    assert_eq!((ran.code, ran.out.as_str()), (0, "traced\n"));
    assert!(ran.err.lines().any(|line| line.contains("sh] write")), "{}", ran.err);
}

#[test]
fn a_lent_directory_is_read_and_written_and_nothing_else_is() {
    let dir = scratch("cli-mount");
    let lent = dir.join("lent");
    std::fs::create_dir_all(lent.join("sub")).expect("a directory");
    std::fs::write(lent.join("in"), "from the host\n").expect("a file");
    std::fs::write(dir.join("secret"), "not lent\n").expect("a file");
    std::os::unix::fs::symlink("../secret", lent.join("out")).expect("a link");
    std::os::unix::fs::symlink(dir.join("secret"), lent.join("absolute")).expect("a link");
    for arch in arches() {
        let spec = format!("{}:/mnt", text(&lent));
        let script = "cat /mnt/in; echo from the guest > /mnt/new; ls /mnt/sub; cat /mnt/out; cat /mnt/../secret; cat /mnt/absolute; mv /mnt/new /mnt/sub/moved; mkdir /mnt/made; rmdir /mnt/made; echo done";
        let ran = minikern(&["run", "--arch", arch, "--mount", &spec, "--", "sh", "-c", script], "");
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{arch}: {}", ran.out);
        assert!(ran.out.starts_with("from the host\n") && ran.out.ends_with("done\n"), "{arch}: {}", ran.out);
        assert_eq!(ran.out.matches("No such file").count(), 3, "{arch}: {}", ran.out);
        assert!(!ran.out.contains("not lent"), "{arch}: {}", ran.out);
        assert_eq!(std::fs::read_to_string(lent.join("sub/moved")).expect("what the guest wrote"), "from the guest\n");
        std::fs::remove_file(lent.join("sub/moved")).expect("it is there");

        let spec = format!("{}:/mnt:ro", text(&lent));
        let script = "cat /mnt/in; echo x > /mnt/new; rm /mnt/in; mkdir /mnt/d; echo x >> /mnt/in; echo done";
        let ran = minikern(&["run", "--arch", arch, "--mount", &spec, "--", "sh", "-c", script], "");
        assert_eq!(ran.code, 0, "{arch}: {}", ran.out);
        assert_eq!(ran.out.matches("Read-only file system").count(), 4, "{arch}: {}", ran.out);
        assert_eq!(std::fs::read_to_string(lent.join("in")).expect("it is there"), "from the host\n");
    }
    fails(&["run", "--mount", &format!("{}:/mnt", text(&dir.join("nothing")))], 125, &["nothing"]);
}

#[test]
fn a_script_comes_through_a_pipe() {
    for arch in arches() {
        let ran = minikern(
            &["run", "--arch", arch, "--", "sh"],
            "x=5\necho $((x * 2))\nread y\nthe line\necho got $y\nexit 9\n",
        );
        assert_eq!((ran.code, ran.err.as_str()), (9, ""), "{arch}: {}", ran.out);
        assert!(ran.out.contains("10\n") && ran.out.contains("got the line\n"), "{arch}: {}", ran.out);
        let ran = minikern(&["run", "--arch", arch, "--", "sh", "-c", "wc -l"], "a\nb\nc\n");
        assert_eq!((ran.code, ran.out.trim()), (0, "3"), "{arch}");
    }
}

#[test]
fn virtual_time_jumps_and_host_time_passes() {
    let ran = minikern(&["run", "--clock", "virtual", "--", "sh", "-c", "sleep 100000; echo slept"], "");
    assert_eq!((ran.code, ran.out.as_str()), (0, "slept\n"), "{}", ran.err);
    #[allow(clippy::disallowed_types)] // the host's clock is what is tested
    let started = std::time::Instant::now();
    let ran = minikern(
        &["run", "--clock", "host", "--", "sh", "-c", "sleep 0.3; echo slept; read line; echo got $line"],
        "a line\n",
    );
    assert_eq!((ran.code, ran.out.as_str()), (0, "slept\ngot a line\n"), "{}", ran.err);
    assert!(started.elapsed().as_millis() >= 300);
}

/// What never ends by itself is told so, with what every task waits for.
#[test]
fn a_machine_that_can_never_go_on_says_why() {
    let ran = minikern(&["run", "--", "sh", "-c", "mount -t devtmpfs dev /dev; echo begun; cat /dev/stuck"], "");
    assert_eq!((ran.code, ran.out.as_str()), (124, "begun\n"));
    assert!(ran.err.contains("nothing can ever run again") && ran.err.contains("stuck_read"), "{}", ran.err);
}
