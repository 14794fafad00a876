//! The command itself: exit codes, options, messages.
use crate::support::{arches, default_image, oracle, scratch};
use kernel::vfs::cpio::{Entry, Reader, Writer};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a run came to.
struct Ran {
    code: i32,
    out: String,
    err: String,
}

/// Runs minikern with `input` on its standard input.
fn minikern(args: &[&str], input: &str) -> Ran {
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
fn fails(args: &[&str], code: i32, words: &[&str]) {
    let ran = minikern(args, "");
    assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{args:?}: {}", ran.err);
    assert_eq!(ran.err.lines().count(), 1, "{args:?}: {}", ran.err);
    words.iter().for_each(|word| assert!(ran.err.contains(word), "{args:?}: {word:?} is not in {}", ran.err));
}

/// The default image's program of an architecture, as a file of the host's.
fn program_file(arch: &str, dir: &Path) -> PathBuf {
    let image = default_image();
    let prefix = format!("{arch}/bin/").into_bytes();
    let mut entries = Reader::new(&image).map(|entry| entry.expect("a good image"));
    let entry = entries.find(|e| e.name.starts_with(&prefix) && e.data.starts_with(b"\x7fELF")).expect("a program");
    let path = dir.join(String::from_utf8_lossy(&entry.name[prefix.len()..]).as_ref());
    std::fs::write(&path, entry.data).expect("the program");
    path
}

/// Writes a file that may be executed.
fn executable(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).expect("a file");
    std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a mode");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

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
    // A header alone: 64 bits little-endian RISC-V, 32 bits big-endian PowerPC.
    let mut riscv = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xf3\0\x01\0\0\0".to_vec();
    riscv.resize(64, 0);
    fails(&["exec", text(&file("riscv", &riscv))], 126, &["riscv", "supported", "x86_64", "aarch64"]);
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
    fails(&["disasm", text(&file("riscv", &riscv))], 126, &["riscv"]);
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
}

#[test]
fn an_image_goes_round() {
    let dir = scratch("cli-image");
    let tree = dir.join("tree");
    std::fs::create_dir_all(tree.join("bin")).expect("a directory");
    let arch = arches().next().expect("an architecture");
    let program = program_file(arch, &dir);
    std::fs::copy(&program, tree.join("bin/box")).expect("a copy");
    std::fs::write(tree.join("hello"), "from the image\n").expect("a file");
    std::os::unix::fs::symlink("box", tree.join("bin/sh")).expect("a link");
    std::os::unix::fs::symlink("box", tree.join("bin/cat")).expect("a link");
    std::fs::set_permissions(tree.join("bin/box"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("a mode");
    for name in ["plain.img", "small.img.gz"] {
        let image = dir.join(name);
        let ran = minikern(&["image", "create", text(&tree), "-o", text(&image)], "");
        assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", ""));
        let listed = minikern(&["image", "list", text(&image)], "").out;
        let names: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().nth(4)).collect();
        assert_eq!(names, ["bin", "bin/box", "bin/cat", "bin/sh", "hello"], "{listed}");
        let ran = minikern(&["run", text(&image), "--", "/bin/sh", "-c", "/bin/cat /hello"], "");
        assert_eq!((ran.code, ran.out.as_str()), (0, "from the image\n"), "{}", ran.err);
    }
    let ran = minikern(&["run", text(&tree), "--", "/bin/cat", "/hello"], "");
    assert_eq!((ran.code, ran.out.as_str()), (0, "from the image\n"), "a directory is an image: {}", ran.err);
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

/// An archive of one entry.
fn archive(name: &[u8], mode: u32, data: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.add(name, mode, 0, data);
    writer.finish()
}

#[test]
fn a_missing_init_names_what_was_tried() {
    let dir = scratch("cli-init");
    let image = dir.join("image");
    std::fs::write(&image, archive(b"file", 0o100_644, b"text")).expect("an image");
    fails(&["run", text(&image)], 127, &["/init", "/sbin/init", "/bin/init", "/bin/sh", "ENOENT"]);
    fails(&["run", text(&image), "--", "/no/such/program"], 127, &["/no/such/program"]);
    std::fs::write(&image, archive(b"init", 0o100_755, b"\x7fELF\x02\x01\x01")).expect("an image");
    fails(&["run", text(&image)], 126, &["/init", "ENOEXEC"]);
}

#[test]
fn bad_images_are_refused_in_one_line() {
    let dir = scratch("cli-images");
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.join(name);
        std::fs::write(&path, bytes).expect("a file");
        text(&path).to_string()
    };
    let good = default_image();
    fails(&["run", &file("cut", &good[..good.len() / 2])], 125, &["cut", "ends inside"]);
    fails(&["run", &file("header", &good[..50])], 125, &["header", "ends inside"]);
    fails(&["run", &file("no-end", &archive(b"f", 0o100_644, b"x")[..116])], 125, &["no-end"]);
    fails(&["run", &file("magic", b"what is this, then?")], 125, &["magic", "77686174"]);
    fails(&["run", &file("empty", b"")], 125, &["empty", "not a cpio archive"]);
    fails(&["run", text(&dir.join("nothing"))], 125, &["nothing"]);
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(&good).expect("memory");
    let mut gz = gz.finish().expect("memory");
    fails(&["run", &file("cut.gz", &gz[..gz.len() / 2])], 125, &["cut.gz"]);
    let middle = gz.len() / 2;
    gz[middle..middle + 64].fill(0xa5);
    fails(&["run", &file("corrupt.gz", &gz)], 125, &["corrupt.gz"]);
    fails(&["run", &file("corrupt.zst", b"\x28\xb5\x2f\xfd and then nonsense")], 125, &["corrupt.zst"]);
    // 64 MiB of zeroes in a few KiB: more than the guest's memory.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(b"070701").expect("memory");
    bomb.write_all(&vec![b'0'; 64 << 20]).expect("memory");
    fails(&["run", "-m", "32M", &file("bomb.gz", &bomb.finish().expect("memory"))], 125, &["bomb.gz", "--memory"]);
    // A size that the archive does not hold.
    let mut huge = archive(b"huge", 0o100_644, b"x");
    huge[54..62].copy_from_slice(b"FFFFFFFF");
    fails(&["run", &file("huge", &huge)], 125, &["huge", "ends inside"]);
    let mut number = archive(b"number", 0o100_644, b"x");
    number[54..62].copy_from_slice(b"-1 hello");
    fails(&["run", &file("number", &number)], 125, &["number"]);
    let full = archive(b"big", 0o100_644, &vec![7; 6 << 20]);
    fails(&["run", "-m", "4M", &file("full", &full)], 125, &["full"]);
}

#[test]
fn names_stay_inside_the_guest() {
    let dir = scratch("cli-names");
    let outside = dir.join("outside");
    let mut extra = Writer::new();
    extra.add(b"../../../../../../../../up", 0o100_644, 0, b"up\n");
    extra.add(b"a/../../b/./c", 0o100_644, 0, b"c\n");
    extra.add(text(&outside).as_bytes(), 0o100_644, 0, b"absolute\n");
    extra.add(b"twice", 0o100_644, 0, b"first\n");
    extra.add(b"twice", 0o100_644, 0, b"second\n");
    extra.add(b"link", 0o120_777, 0, b"/twice");
    let device = Entry {
        ino: 9,
        mode: 0o020_666,
        uid: 1,
        gid: 2,
        nlink: 1,
        mtime: 0,
        dev: (0, 0),
        rdev: (1, 3),
        name: b"null",
        data: b"",
    };
    extra.entry(&device);
    let image = dir.join("image");
    std::fs::write(&image, [default_image(), extra.finish()].concat()).expect("an image");
    let script = format!("cat /up /b/c {} /twice /link; cat /null; echo end", text(&outside));
    let ran = minikern(&["run", text(&image), "--", "sh", "-c", &script], "");
    assert_eq!((ran.code, ran.out.as_str()), (0, "up\nc\nabsolute\nsecond\nsecond\nend\n"), "{}", ran.err);
    assert!(!outside.exists() && !Path::new("/up").exists(), "nothing of the host's was touched");
}
