//! /proc through the VFS, as tasks read it.
use crate::freezer::freeze_task;
use crate::mm::Vma;
use crate::test_arch::{call, fork, machine, to_user};
use crate::{Config, INIT, Kernel, Tid};
use abi::*;

const PATH: u64 = 0x1_0000;
const BUF: u64 = 0x1_1000;
const EACCES: i64 = -13;
const ESRCH: i64 = -3;

fn proc() -> Kernel {
    let mut kernel = machine(Config { cpus: 2, ..Config::default() });
    let memory = Vma::anon(PATH, PATH + 0x4000, Prot::PROT_READ | Prot::PROT_WRITE, "");
    kernel.map_area(INIT, memory, true).expect("an empty address space");
    kernel.mount_type("proc", b"proc", b"/proc", MountFlags::empty(), b"").expect("proc");
    kernel
}

fn open(kernel: &mut Kernel, tid: Tid, path: &str) -> i64 {
    kernel.user(tid).write(PATH, format!("{path}\0").as_bytes()).expect("mapped");
    call(kernel, tid, Sysno::Open, &[PATH, 0]).expect("open does not wait")
}

fn read(kernel: &mut Kernel, tid: Tid, fd: i64, len: u64) -> Result<String> {
    match call(kernel, tid, Sysno::Read, &[fd as u64, BUF, len]).expect("a read that does not wait") {
        errno if errno < 0 => Err(Errno(-errno as u16)),
        len => {
            let mut data = vec![0; len as usize];
            kernel.user(tid).read(BUF, &mut data)?;
            Ok(String::from_utf8_lossy(&data).into_owned())
        }
    }
}

/// The whole of a file, as `tid` reads it.
fn text(kernel: &mut Kernel, tid: Tid, path: &str) -> String {
    let fd = open(kernel, tid, path);
    assert!(fd >= 0, "{path}: {fd}");
    let text = read(kernel, tid, fd, 0x2000).expect(path);
    call(kernel, tid, Sysno::Close, &[fd as u64]);
    text
}

fn link(kernel: &mut Kernel, tid: Tid, path: &str) -> Result<String> {
    kernel.user(tid).write(PATH, format!("{path}\0").as_bytes()).expect("mapped");
    match call(kernel, tid, Sysno::Readlink, &[PATH, BUF, 100]).expect("readlink does not wait") {
        errno if errno < 0 => Err(Errno(-errno as u16)),
        len => {
            let mut data = vec![0; len as usize];
            kernel.user(tid).read(BUF, &mut data)?;
            Ok(String::from_utf8_lossy(&data).into_owned())
        }
    }
}

#[test]
fn stat_has_linuxs_fields() {
    let mut kernel = proc();
    let child = fork(&mut kernel, INIT);
    kernel.tasks[child].comm = b"a) R (b".to_vec();
    kernel.tasks[child].utime = 1_230_000_000;
    let line = text(&mut kernel, INIT, &format!("/proc/{}/stat", child.0));
    let (head, rest) = line.rsplit_once(") ").expect("a name in parentheses");
    assert_eq!(head, format!("{} (a) R (b", child.0));
    let fields: Vec<&str> = rest.trim_end().split(' ').collect();
    assert_eq!(fields.len(), 50, "52 fields in all");
    assert_eq!((fields[0], fields[1], fields[2], fields[3]), ("R", "1", "1", "1"));
    assert_eq!((fields[11], fields[15], fields[16], fields[17], fields[35]), ("123", "20", "0", "1", "17"));
    let init = text(&mut kernel, INIT, "/proc/1/stat");
    assert!(init.starts_with("1 (init) R 0 1 1 "), "{init}");
}

/// R08-18 and what only minikern says: the letter, the words, the flags.
#[test]
fn a_frozen_task_shows() {
    let mut kernel = proc();
    let child = fork(&mut kernel, INIT);
    let file = |name: &str| format!("/proc/{}/{name}", child.0);
    let shown = text(&mut kernel, INIT, &file("minikern"));
    assert_eq!(shown, "arch:\ttest\ntif:\t-\ntif_bits:\t0x00000000\nfrozen:\t0\n");
    freeze_task(&mut kernel, child, true);
    let shown = text(&mut kernel, INIT, &file("minikern"));
    assert_eq!(shown, "arch:\ttest\ntif:\tSIGPENDING FREEZE\ntif_bits:\t0x00800004\nfrozen:\t0\n");
    assert!(!to_user(&mut kernel, child));
    assert!(text(&mut kernel, INIT, &file("minikern")).ends_with("frozen:\t1\n"));
    assert_eq!(text(&mut kernel, INIT, &file("wchan")), "refrigerator");
    assert!(text(&mut kernel, INIT, &file("status")).contains("\nState:\tD (disk sleep)\n"));
    let thread = format!("/proc/{}/task/{}/stat", child.0, child.0);
    assert!(text(&mut kernel, INIT, &thread).contains(") D 1 "));
    let flags: u32 =
        text(&mut kernel, INIT, &file("stat")).split(' ').nth(8).expect("flags").parse().expect("a number");
    assert_eq!(flags & 0x1_0000, 0x1_0000, "PF_FROZEN");
}

#[test]
fn status_lines() {
    let mut kernel = proc();
    kernel.tasks[INIT].blocked = SigSet::of(&[SIGUSR1]);
    kernel.tasks.actions_mut(INIT).0[usize::from(SIGTERM)].handler = SIG_IGN;
    kernel.tasks.actions_mut(INIT).0[usize::from(SIGHUP)].handler = 0x1000;
    let status = text(&mut kernel, INIT, "/proc/self/status");
    for line in [
        "Name:\tinit",
        "Umask:\t0022",
        "State:\tR (running)",
        "Tgid:\t1",
        "PPid:\t0",
        "Uid:\t0\t0\t0\t0",
        "VmSize:\t      16 kB",
        "Threads:\t1",
        "SigBlk:\t0000000000000200",
        "SigIgn:\t0000000000004000",
        "SigCgt:\t0000000000000001",
        "CapEff:\t000001ffffffffff",
        "Cpus_allowed:\t3",
        "Cpus_allowed_list:\t0-1",
    ] {
        assert!(status.contains(&format!("{line}\n")), "{line:?} in\n{status}");
    }
}

#[test]
fn the_dead_vanish() {
    let mut kernel = proc();
    let child = fork(&mut kernel, INIT);
    let fd = open(&mut kernel, INIT, &format!("/proc/{}/stat", child.0));
    kernel.send_to_group(child, Siginfo::kernel(SIGKILL));
    assert!(!to_user(&mut kernel, child));
    assert!(text(&mut kernel, INIT, &format!("/proc/{}/stat", child.0)).contains(") Z 1 "), "a zombie is there still");
    assert_eq!(text(&mut kernel, INIT, &format!("/proc/{}/cmdline", child.0)), "");
    assert!(!text(&mut kernel, INIT, &format!("/proc/{}/status", child.0)).contains("Vm"));
    assert_eq!(call(&mut kernel, INIT, Sysno::Wait4, &[u64::MAX, 0, 0, 0]), Some(child.0.into()));
    assert_eq!(call(&mut kernel, INIT, Sysno::Read, &[fd as u64, BUF, 10]), Some(ESRCH));
    assert_eq!(open(&mut kernel, INIT, &format!("/proc/{}/stat", child.0)), -2);
}

#[test]
fn others_may_not_look_inside() {
    let mut kernel = proc();
    let child = fork(&mut kernel, INIT);
    let cred = &mut kernel.tasks[child].cred;
    (cred.uid, cred.euid, cred.suid, cred.fsuid) = (7, 7, 7, 7);
    (cred.cap_effective, cred.cap_permitted) = (0, 0);
    for private in ["environ", "maps", "auxv", "fd/0"] {
        assert_eq!(open(&mut kernel, child, &format!("/proc/1/{private}")), EACCES, "{private}");
    }
    for link_name in ["exe", "cwd", "root"] {
        assert_eq!(link(&mut kernel, child, &format!("/proc/1/{link_name}")), Err(Errno::EACCES), "{link_name}");
    }
    assert_eq!(text(&mut kernel, child, "/proc/1/wchan"), "0");
    assert!(open(&mut kernel, child, "/proc/self/environ") >= 0);
    assert_eq!(link(&mut kernel, child, "/proc/self/cwd"), Ok("/".into()));
    assert_eq!(link(&mut kernel, INIT, &format!("/proc/{}/cwd", child.0)), Ok("/".into()), "root may");
}

#[test]
fn links_lead_to_open_files() {
    let mut kernel = proc();
    call(&mut kernel, INIT, Sysno::Pipe, &[BUF]);
    let pipe = link(&mut kernel, INIT, "/proc/self/fd/0").expect("a pipe");
    assert!(pipe.starts_with("pipe:[") && pipe.ends_with(']'), "{pipe}");
    kernel.install_file(b"/tmp/f", 0o644, &b"data"[..]).expect("a tmpfs");
    assert_eq!(open(&mut kernel, INIT, "/tmp/f"), 2);
    assert_eq!(link(&mut kernel, INIT, "/proc/self/fd/2"), Ok("/tmp/f".into()));
    kernel.user(INIT).write(PATH, b"/tmp/f\0").expect("mapped");
    assert_eq!(call(&mut kernel, INIT, Sysno::Unlink, &[PATH]), Some(0));
    assert_eq!(link(&mut kernel, INIT, "/proc/self/fd/2"), Ok("/tmp/f (deleted)".into()));
    assert_eq!(text(&mut kernel, INIT, "/proc/self/fd/2"), "data", "by the link, not by its text");
    let self_link = link(&mut kernel, INIT, "/proc/thread-self");
    assert_eq!(self_link, Ok("1/task/1".into()));
}

#[test]
fn names_and_settings_can_be_written() {
    let mut kernel = proc();
    let mut write = |path: &str, value: &str| {
        kernel.user(INIT).write(PATH, format!("{path}\0").as_bytes()).expect("mapped");
        let fd = call(&mut kernel, INIT, Sysno::Open, &[PATH, 1 | 0x200]).expect("open does not wait");
        kernel.user(INIT).write(BUF, value.as_bytes()).expect("mapped");
        call(&mut kernel, INIT, Sysno::Write, &[fd as u64, BUF, value.len() as u64]).expect("nor does write")
    };
    assert_eq!(write("/proc/self/comm", "a name longer than fifteen\n"), 27);
    assert_eq!(write("/proc/sys/kernel/hostname", "box\n"), 4);
    assert_eq!(write("/proc/sys/kernel/pid_max", "5\n"), -22);
    assert_eq!(write("/proc/self/oom_score_adj", "-500\n"), 5);
    assert_eq!(write("/proc/self/oom_score_adj", "1001\n"), -22);
    assert_eq!(kernel.tasks[INIT].comm, b"a name longer t");
    assert_eq!(kernel.uts_of(INIT).nodename, "box");
    assert_eq!(text(&mut kernel, INIT, "/proc/self/oom_score"), "333\n");
    assert_eq!(text(&mut kernel, INIT, "/proc/sys/kernel/hostname"), "box\n");
}

#[test]
fn sleepers_show_their_call() {
    let mut kernel = proc();
    let child = fork(&mut kernel, INIT);
    assert_eq!(text(&mut kernel, INIT, "/proc/self/syscall"), "running\n");
    assert_eq!(call(&mut kernel, child, Sysno::Pause, &[1, 2, 3, 4, 5, 6]), None);
    let line = text(&mut kernel, INIT, &format!("/proc/{}/syscall", child.0));
    let want = format!("{} 0x1 0x2 0x3 0x4 0x5 0x6 0x0 {:#x}\n", Sysno::Pause as u64, kernel.tasks[child].cpu.pc);
    assert_eq!(line, want);
}

#[test]
fn locks_are_listed() {
    let mut kernel = proc();
    kernel.install_file(b"/f", 0o644, &b"data"[..]).expect("a tmpfs");
    let fd = open(&mut kernel, INIT, "/f") as u64;
    assert_eq!(call(&mut kernel, INIT, Sysno::Flock, &[fd, LOCK_EX.into()]), Some(0));
    let list = text(&mut kernel, INIT, "/proc/locks");
    assert!(list.starts_with("1: FLOCK  ADVISORY  WRITE 1 00:01:") && list.ends_with(" 0 EOF\n"), "{list}");
}

/// A reader that takes a byte at a time sees one text, not a new one a byte.
#[test]
fn small_reads_see_one_text() {
    let mut kernel = proc();
    let fd = open(&mut kernel, INIT, "/proc/sys/kernel/random/uuid");
    let mut text = String::new();
    for _ in 0..37 {
        text += &read(&mut kernel, INIT, fd, 1).expect("a byte");
    }
    assert_eq!(text.matches('-').count(), 4, "{text}");
    assert_eq!(read(&mut kernel, INIT, fd, 1), Ok(String::new()));
    call(&mut kernel, INIT, Sysno::Lseek, &[fd as u64, 0, 0]);
    let again = read(&mut kernel, INIT, fd, 100).expect("the text");
    assert_ne!(again, text, "from the start it is made anew");
}
