//! A machine in a file: what was saved anywhere goes on as if nothing had been, and a file that is not whole is no machine.
use crate::support::command::{fails, minikern, text};
use crate::support::{Console, Ended, arches, boot, boot_program, oracle, run, scratch};
use kernel::{TaskState, Tif};
use minikern::{Boot, JitOptions, Machine};
use proptest::prelude::*;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::LazyLock;

/// Runs to the end as a chain of machines, each made of a file of the one before: after 1, 2, 4, 8 ... steps, and then every
/// `every`.
fn relay(boot: &Boot, input: &str, every: u64) -> Ended {
    let mut console = Console::new(boot, input);
    for step in 1u64.. {
        if let Some(status) = console.step() {
            return console.ended(status);
        }
        if step.is_power_of_two() || step.is_multiple_of(every) {
            console = console.reloaded();
        }
    }
    unreachable!("a range without end")
}

/// Console output, exit status, virtual time and every register and page at the end: all programs there are.
#[test]
fn programs_saved_all_along_end_as_programs_left_alone() {
    let expected = crate::support::root().join("tests/programs/expected");
    let files = std::fs::read_dir(expected).expect("tests/programs/expected");
    let mut names: Vec<String> =
        files.filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.split('.').next()?.to_string())).collect();
    names.sort();
    names.dedup();
    let mut failed = Vec::new();
    for arch in arches() {
        for name in &names {
            let Some(program) = oracle(&format!("programs/{arch}/{name}")) else { continue };
            let mut boot = boot_program(&program, &["one", "two words"]);
            boot.config.cpus = 2;
            boot.config.seed = 7;
            let (alone, saved) = (run(&boot, ""), relay(&boot, "", 5000));
            if alone != saved {
                println!("=== {arch}/{name}: left alone {alone:?}\nsaved all along {saved:?}");
                failed.push(format!("{arch}/{name}"));
            }
        }
    }
    assert!(failed.is_empty(), "not as left alone: {failed:?}");
}

/// A line typed before and after, jobs, pipes across architectures, mounts, a terminal in raw mode.
#[test]
fn a_session_saved_all_along() {
    for arch in arches() {
        for other in arches() {
            let typed = format!(
                "mount -t tmpfs -o size=1M tmp /mnt\necho kept > /mnt/file\n/{other}/bin/sleep 0.05 &\nread line\nthe line\n\
                 seq 200 | /{other}/bin/grep 7 | wc -l\nstty -icanon -echo; head -c 3; stty icanon\nabc\n\
                 (trap 'echo term' TERM; kill -TERM $$; sleep 0.01)\nwait; echo $line; cat /mnt/file; mount | wc -l\nexit 7\n"
            );
            let boot = boot(arch, &["sh"]);
            let (alone, saved) = (run(&boot, &typed), relay(&boot, &typed, 50));
            assert_eq!(alone, saved, "{arch} and {other}");
            assert!(alone.out.contains("kept") && alone.out.contains("the line"), "{}", alone.out);
        }
    }
}

/// Of every type there is, mounted once, with an open directory: each says how it is saved and has somebody who reads it.
#[test]
fn every_filesystem_is_saved() {
    let arch = arches().next().expect("an architecture");
    let script = "while read nodev type; do mkdir -p /m/$type; mount -t $type $type /m/$type && echo $type; done < /proc/filesystems
echo mounted; ls /m/* | wc -l; mount; echo end";
    let mut console = Console::new(&boot(arch, &["sh", "-c", script]), "");
    until(&mut console, "mounted");
    let (alone, saved) = (console.reloaded().run(), console.run());
    assert_eq!(alone, saved);
    assert!(
        ["tmpfs", "proc", "sysfs", "cgroup"].iter().all(|kind| saved.out.contains(&format!("{kind}\n"))),
        "{}",
        saved.out
    );
}

/// Runs until the console shows `word`.
fn until(console: &mut Console, word: &str) {
    while !console.shown().contains(word) {
        assert_eq!(console.step(), None, "it ended without {word}: {}", console.shown());
    }
}

/// Frozen groups with tasks of every architecture, asleep, busy and stuck, in every profile: frozen before is frozen after, a
/// `sleep` that is over meanwhile included, and thawed it runs on.
#[test]
fn a_frozen_group_is_frozen_after_and_runs_on_when_thawed() {
    for arch in arches() {
        for profile in kernel::freezer::PROFILES {
            let thawed = profile.rules.thawed_word;
            let mut script = String::from(
                "mkdir -p /containers; mount -t cgroup -o freezer freezer /containers; mkdir /containers/0; cd /containers/0\n",
            );
            for member in arches() {
                script += &format!("/{member}/bin/sleep 7 & echo $! > tasks\n");
                script += &format!("/{member}/bin/sh -c 'while :; do :; done' & echo $! > tasks\n");
            }
            script += &format!(
                "sleep 0.1; echo FROZEN > freezer.state; sleep 0.1; cat freezer.state; echo save; sleep 9
cat freezer.state; for p in $(cat tasks); do cut -d' ' -f3 /proc/$p/stat; done
echo {thawed} > freezer.state; sleep 0.1; cat freezer.state; for p in $(cat tasks); do cut -d' ' -f3 /proc/$p/stat; done
for p in $(cat tasks); do kill -9 $p; done; wait; echo end"
            );
            let mut boot = boot(arch, &["sh", "-c", &script]);
            boot.config.freezer = profile;
            let mut console = Console::new(&boot, "");
            until(&mut console, "save");
            let mut after = console.reloaded();
            let frozen = |console: &Console| {
                let tasks = console.machine.kernel.tasks.iter();
                tasks
                    .filter(|task| matches!(task.state, TaskState::Frozen { .. }))
                    .map(|task| (task.tid, task.arch().name))
                    .collect::<Vec<_>>()
            };
            assert_eq!(frozen(&console), frozen(&after));
            assert_eq!(frozen(&after).len(), 2 * arches().count(), "{arch}, {}", profile.name);
            let tif = after.machine.kernel.tasks.iter().filter(|task| task.thread_info.test(Tif::Freeze)).count();
            let before = console.machine.kernel.tasks.iter().filter(|task| task.thread_info.test(Tif::Freeze)).count();
            assert_eq!(tif, before);
            until(&mut after, "save");
            let (alone, saved) = (console.run(), after.run());
            assert_eq!(alone, saved, "{arch}, {}", profile.name);
            let n = arches().count();
            // Seven seconds are over: who was asleep ends when it is thawed, and who spins spins on.
            let want = format!("FROZEN\nsave\nFROZEN\n{}{thawed}\n{}end\n", "D\nD\n".repeat(n), "R\n".repeat(n));
            assert_eq!(saved.out, want, "{arch}, {}", profile.name);
        }
    }
}

/// A machine in the middle of something.
fn some_machine() -> Console {
    let arch = arches().next().expect("an architecture");
    let script = "mkdir -p /c; mount -t cgroup -o freezer freezer /c; mkdir /c/0; sleep 5 & echo $! > /c/0/tasks; cat & echo FROZEN > /c/0/freezer.state; echo here; sleep 1";
    let mut console = Console::new(&boot(arch, &["sh", "-c", script]), "");
    until(&mut console, "here");
    console
}

/// Its file. Most bytes are pages of programs, and all that matters is beside them.
static FILE: LazyLock<Vec<u8>> = LazyLock::new(|| some_machine().machine.save().expect("a machine"));

/// Where the fields of the head are: magic number, version, lengths of header and body, checksum.
const VERSION: usize = 8;
const HEADER_LEN: usize = 12;
const BODY_LEN: usize = 16;
const CHECKSUM: usize = 24;
const HEAD: usize = 28;

/// Makes lengths and checksum right again, as somebody who means it would.
fn forge(head: &[u8], header: &[u8], body: &[u8]) -> Vec<u8> {
    let mut file = head[..HEAD].to_vec();
    file[HEADER_LEN..BODY_LEN].copy_from_slice(&(header.len() as u32).to_le_bytes());
    file[BODY_LEN..CHECKSUM].copy_from_slice(&(body.len() as u64).to_le_bytes());
    let mut crc = crc32fast::Hasher::new();
    crc.update(&file[VERSION..CHECKSUM]);
    crc.update(header);
    crc.update(body);
    file[CHECKSUM..].copy_from_slice(&crc.finalize().to_le_bytes());
    file.extend(header);
    file.extend(body);
    file
}

/// Head, header and body.
fn parts(file: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let len = u32::from_le_bytes(file[HEADER_LEN..BODY_LEN].try_into().expect("four bytes")) as usize;
    (&file[..HEAD], &file[HEAD..HEAD + len], &file[HEAD + len..])
}

fn inflate(body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    flate2::read::DeflateDecoder::new(body).read_to_end(&mut bytes).expect("a good body");
    bytes
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut body = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    body.write_all(bytes).expect("memory takes it");
    body.finish().expect("memory takes it")
}

/// What the refusal of a file says.
fn refused(file: &[u8]) -> String {
    match Machine::load(file) {
        Ok(_) => panic!("{} bytes were taken for a machine", file.len()),
        Err(error) => format!("{error:#}"),
    }
}

#[test]
fn the_same_state_is_the_same_file() {
    assert_eq!(*FILE, some_machine().machine.save().expect("a machine"));
    assert_eq!(*FILE, Machine::load(&FILE).expect("a machine").save().expect("a machine"));
    let (head, header, body) = parts(&FILE);
    assert_eq!(forge(head, header, body), *FILE, "the test knows the format");
    // What is traced is not the machine's.
    let mut traced = some_machine();
    traced.machine.kernel.trace.enable(kernel::TraceKind::Syscall);
    assert_eq!(*FILE, traced.machine.save().expect("a machine"));
}

#[test]
fn a_damaged_file_says_what_is_wrong() {
    let changed = |at: usize| {
        let mut file = FILE.clone();
        file[at] ^= 0x10;
        refused(&file)
    };
    assert!(changed(0).contains("not a saved machine"), "{}", changed(0));
    assert!(changed(VERSION).contains("version 19"), "{}", changed(VERSION));
    assert!(changed(HEADER_LEN).contains("its head says"), "{}", changed(HEADER_LEN));
    for at in (CHECKSUM..FILE.len()).step_by(997).chain([CHECKSUM, FILE.len() - 1]) {
        assert!(changed(at).contains("checksum"), "byte {at}: {}", changed(at));
    }
    for len in [0, 1, 7, 8, 12, HEAD - 1, HEAD, HEAD + 1, FILE.len() / 2, FILE.len() - 1] {
        refused(&FILE[..len]);
    }
    assert!(refused(&[&FILE[..], b"x"].concat()).contains(&format!("says {}", FILE.len())));
}

/// Lengths and checksum right, and yet no machine of ours.
#[test]
fn a_file_of_another_minikern_says_what_this_one_lacks() {
    let (head, header, body) = parts(&FILE);
    let replaced = |bytes: &[u8], from: &[u8], to: &[u8]| {
        let at = bytes.windows(from.len()).position(|window| window == from);
        let at = at.unwrap_or_else(|| panic!("{} is not in the file", String::from_utf8_lossy(from)));
        [&bytes[..at], to, &bytes[at + from.len()..]].concat()
    };
    let first = arches().next().expect("an architecture");
    let other = "z".repeat(first.len());
    let why = refused(&forge(head, &replaced(header, first.as_bytes(), other.as_bytes()), body));
    assert!(why.contains(&format!("architecture {other}")), "{why}");
    let state = inflate(body);
    let with = |from: &[u8], to: &[u8]| refused(&forge(head, header, &deflate(&replaced(&state, from, to))));
    // A field that is not there, and one that nobody knows.
    let why = with(b"memory", b"memorz");
    assert!(why.contains("memory"), "{why}");
    let why = with(b"freezer\xa42008", b"freezer\xa41999");
    assert!(why.contains("profile 1999"), "{why}");
    let why = with(b"kind\xa5tmpfs\xa5state", b"kind\xa5tmpfx\xa5state");
    assert!(why.contains("tmpfx"), "{why}");
    let mut longer = state.clone();
    longer.push(0xc0);
    let why = refused(&forge(head, header, &deflate(&longer)));
    assert!(why.contains(&format!("says {}", state.len())), "{why}");
}

/// A file with a machine that runs `script` and has shown `word`.
fn file_of(name: &str, script: &str, word: &str) -> PathBuf {
    let arch = arches().next().expect("an architecture");
    let mut console = Console::new(&boot(arch, &["sh", "-c", script]), "");
    // Its console is no terminal.
    console.machine.kernel.tty.set_paced(true);
    until(&mut console, word);
    let file = scratch(name).join("machine");
    console.machine.save_to(&file).expect("a file");
    file
}

#[test]
fn another_process_goes_on_with_it() {
    let script = "echo before; read line; echo got $line; sleep 2; cut -d. -f1 /proc/uptime; exit 3";
    let file = file_of("saved-resume", script, "before");
    let resume =
        |options: &[&str], input: &str| minikern(&[&["run", "--resume", text(&file)], options].concat(), input);
    // The file is not used up, and what was shown is not shown again.
    for options in [&[][..], &["--clock", "virtual"], &["--timeout", "100"], &["--trace", "syscall=/dev/null"]] {
        let ran = resume(options, "typed\n");
        assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (3, "got typed\n2\n", ""), "{options:?}");
    }
    for options in
        [&["-m", "1G"][..], &["--cpus", "2"], &["image"], &["--arch", "x"], &["--", "sh"], &["--mount", "/:/mnt"]]
    {
        let ran = resume(options, "");
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{options:?}");
        assert!(ran.err.contains("--resume"), "{options:?}: {}", ran.err);
    }
    assert_eq!(
        std::fs::read_dir(file.parent().expect("a directory")).expect("a directory").count(),
        1,
        "nothing is left over"
    );
}

#[test]
fn the_command_refuses_what_is_no_machine() {
    let dir = scratch("saved-refused");
    let file = dir.join("machine");
    std::fs::write(&file, &FILE[..FILE.len() - 1]).expect("a file");
    fails(&["run", "--resume", text(&file)], 125, &["machine", "bytes long"]);
    std::fs::write(&file, "#!/bin/sh\n").expect("a file");
    fails(&["run", "--resume", text(&file)], 125, &["machine", "not a saved machine"]);
    fails(&["run", "--resume", text(&dir)], 125, &["saved-refused", "not a regular file"]);
    fails(&["run", "--resume", "/dev/null"], 125, &["/dev/null", "not a regular file"]);
    fails(&["run", "--resume", text(&dir.join("nothing"))], 125, &["nothing"]);
    let taken = some_machine().machine.save_to(&dir).expect_err("a directory");
    assert!(format!("{taken:#}").contains("not a regular file"));
}

#[test]
fn a_lent_directory_is_opened_again_if_it_is_read_only() {
    let dir = scratch("saved-lent");
    std::fs::write(dir.join("numbers"), (0..5000).map(|n| format!("{n}\n")).collect::<String>()).expect("a file");
    let arch = arches().next().expect("an architecture");
    let script = "exec < /mnt/numbers; read a; echo $a; read b; echo $b; while read c; do d=$c; done; echo $d; ls /mnt";
    let boot = boot(arch, &["sh", "-c", script]);
    let lend = |read_only: bool| {
        let machine = Machine::boot_with(&boot, JitOptions::default(), |kernel| {
            let lent = minikern::hostfs::HostFs::new(&dir, read_only)?;
            kernel.mount_fs(Box::new(lent), b"host", b"/mnt", abi::MountFlags::empty()).expect("a mount point");
            Ok(())
        });
        Console::of(machine.expect("it boots"), "")
    };
    let mut console = lend(true);
    until(&mut console, "1\n");
    let saved = console.machine.save().expect("a machine");
    assert_eq!(console.reloaded().run(), console.run());
    std::fs::rename(dir.join("numbers"), dir.join("other")).expect("it is there");
    assert!(refused(&saved).contains("numbers"), "{}", refused(&saved));
    let mut console = lend(false);
    assert_eq!(console.step(), None);
    let error = format!("{:#}", console.machine.save().expect_err("it can be written to"));
    assert!(error.contains("saved-lent") && error.contains("writing"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any damage is refused.
    #[test]
    fn any_change_of_the_file_is_refused(changes in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..4), cut in any::<Option<prop::sample::Index>>()) {
        let mut file = FILE.clone();
        for (at, by) in &changes {
            let at = at.index(file.len());
            file[at] = file[at].wrapping_add(*by);
        }
        if let Some(cut) = cut {
            file.truncate(cut.index(file.len()));
        }
        if file != *FILE {
            refused(&file);
        }
    }

    /// And whoever forges one gets an error or a machine, and nothing worse.
    #[test]
    fn a_forged_file_is_read_or_refused(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), at_start: bool) {
        let (head, header, body) = parts(&FILE);
        let mut state = inflate(body);
        // Configuration, tasks and address spaces come first, pages of memory later.
        let within = if at_start { state.len() / 8 } else { state.len() };
        for (at, to) in changes {
            state[at.index(within)] = to;
        }
        if let Ok(machine) = Machine::load(&forge(head, header, &deflate(&state))) {
            prop_assert!(machine.save().is_ok());
        }
    }
}
