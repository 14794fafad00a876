//! The terminal as tasks meet it: blocking reads, job control, hang-up.
use crate::mm::Vma;
use crate::test_arch::{call, fork, machine, result, to_user};
use crate::{Config, INIT, Kernel, Schedule, Tid};
use abi::*;

const PATH: u64 = 0x1_0000;
const BUF: u64 = 0x1_1000;
const EIO: i64 = -5;
const ENOTTY: i64 = -25;

/// init with some memory, a session of its own, and the console open as 0 and ttyS0 as 1.
fn console() -> Kernel {
    let mut kernel = machine(Config::default());
    let memory = Vma::anon(PATH, PATH + 0x4000, Prot::PROT_READ | Prot::PROT_WRITE, "");
    kernel.map_area(INIT, memory, true).expect("an empty address space");
    kernel.install_node(b"/dev/ttyS0", S_IFCHR | 0o600, super::device_of_tty(0)).expect("a tmpfs");
    for path in ["/dev/console\0", "/dev/ttyS0\0"] {
        kernel.user(INIT).write(PATH, path.as_bytes()).expect("mapped");
        let fd = call(&mut kernel, INIT, Sysno::Open, &[PATH, 2]);
        assert!(fd.is_some_and(|fd| fd >= 0), "{path}: {fd:?}");
    }
    kernel
}

fn read(kernel: &mut Kernel, tid: Tid, fd: u64) -> Option<i64> {
    call(kernel, tid, Sysno::Read, &[fd, BUF, 100])
}

fn bytes(kernel: &mut Kernel, tid: Tid, len: usize) -> Vec<u8> {
    let mut data = vec![0; len];
    kernel.user(tid).read(BUF, &mut data).expect("mapped");
    data
}

/// Lets a woken task finish its call.
fn finish(kernel: &mut Kernel, tid: Tid) -> Option<i64> {
    to_user(kernel, tid).then(|| result(kernel, tid)).flatten()
}

/// A child in a process group of its own, in the background.
fn background(kernel: &mut Kernel) -> Tid {
    let child = fork(kernel, INIT);
    assert_eq!(call(kernel, child, Sysno::Setpgid, &[0, 0]), Some(0));
    child
}

#[test]
fn a_read_waits_for_a_line() {
    let mut kernel = console();
    assert_eq!(read(&mut kernel, INIT, 0), None);
    assert!(kernel.tty_reader_waits());
    assert!(matches!(kernel.schedule(), Schedule::Idle { until: None }));
    kernel.tty_input(b"hel");
    assert!(kernel.tty_reader_waits(), "no line yet");
    kernel.tty_input(b"lo\n");
    assert_eq!(finish(&mut kernel, INIT), Some(6));
    assert_eq!(bytes(&mut kernel, INIT, 6), b"hello\n");
    assert_eq!(kernel.tty.take_output(), b"hello\r\n");
}

#[test]
fn the_end_of_input_is_read_again_and_again() {
    let mut kernel = console();
    assert_eq!(read(&mut kernel, INIT, 0), None);
    kernel.tty_input(b"last");
    kernel.tty_input_eof();
    assert_eq!(finish(&mut kernel, INIT), Some(4));
    assert_eq!(read(&mut kernel, INIT, 0), Some(0));
    assert_eq!(read(&mut kernel, INIT, 0), Some(0));
}

/// /dev/console is no controlling terminal by being opened; ttyS0 is.
#[test]
fn a_session_leader_gets_the_terminal_it_opens() {
    let mut kernel = console();
    assert_eq!(kernel.tasks.group_of(INIT).tty, Some(super::device_of_tty(0)));
    let tty = kernel.tty.get(0).expect("the console");
    assert_eq!((tty.session, tty.pgrp), (Some(INIT), Some(INIT)));
    let child = fork(&mut kernel, INIT);
    assert_eq!(call(&mut kernel, child, Sysno::Setsid, &[]), Some(i64::from(child.0)));
    assert_eq!(kernel.tasks.group_of(child).tty, None);
    assert_eq!(call(&mut kernel, child, Sysno::Ioctl, &[0, TIOCGPGRP.into(), BUF]), Some(ENOTTY));
    assert_eq!(call(&mut kernel, child, Sysno::Ioctl, &[0, TIOCSCTTY.into(), 0]), Some(-1), "it is init's");
    assert_eq!(call(&mut kernel, child, Sysno::Ioctl, &[0, TIOCSCTTY.into(), 1]), Some(0), "root may steal it");
    assert_eq!(kernel.tasks.group_of(INIT).tty, None);
}

#[test]
fn control_characters_go_to_the_foreground() {
    let mut kernel = console();
    let (front, back) = (background(&mut kernel), background(&mut kernel));
    kernel.user(INIT).write_u32(BUF, front.0).expect("mapped");
    assert_eq!(call(&mut kernel, INIT, Sysno::Ioctl, &[0, TIOCSPGRP.into(), BUF]), Some(0));
    kernel.tty_input(b"\x1a");
    assert!(!to_user(&mut kernel, front) && to_user(&mut kernel, back));
    assert_eq!(kernel.tasks[front].state_letter(), 'T');
    kernel.send_to_group(front, Siginfo::kernel(SIGCONT));
    kernel.tty_input(b"\x03");
    assert!(!to_user(&mut kernel, front) && to_user(&mut kernel, back));
    assert_eq!(kernel.tasks[front].state_letter(), 'Z');
}

#[test]
fn background_reads_stop() {
    let mut kernel = console();
    let child = background(&mut kernel);
    kernel.tty_input(b"for init\n");
    read(&mut kernel, child, 0);
    to_user(&mut kernel, child);
    assert_eq!(kernel.tasks[child].state_letter(), 'T');
    assert_eq!(read(&mut kernel, INIT, 0), Some(9));
    // With SIGTTIN ignored, or nobody to continue it, the read fails instead.
    let child = background(&mut kernel);
    kernel.tasks[child].blocked = SigSet::of(&[SIGTTIN]);
    assert_eq!(read(&mut kernel, child, 0), Some(EIO));
    kernel.tasks[child].blocked = SigSet::EMPTY;
    let orphan = fork(&mut kernel, child);
    assert_eq!(call(&mut kernel, orphan, Sysno::Setpgid, &[0, 0]), Some(0));
    kernel.send_to_group(child, Siginfo::kernel(SIGKILL));
    assert!(!to_user(&mut kernel, child));
    kernel.tasks.group_of_mut(INIT).sid = Tid(77);
    assert_eq!(read(&mut kernel, orphan, 0), Some(EIO));
}

#[test]
fn background_writes_stop_with_tostop_alone() {
    let mut kernel = console();
    let child = background(&mut kernel);
    assert_eq!(call(&mut kernel, child, Sysno::Write, &[0, BUF, 1]), Some(1));
    kernel.tty.console().termios.lflag |= TOSTOP;
    call(&mut kernel, child, Sysno::Write, &[0, BUF, 1]);
    to_user(&mut kernel, child);
    assert_eq!(kernel.tasks[child].state_letter(), 'T');
    assert_eq!(kernel.tty.take_output().len(), 1);
}

#[test]
fn stopped_output_waits() {
    let mut kernel = console();
    kernel.tty_input(b"\x13");
    assert_eq!(call(&mut kernel, INIT, Sysno::Write, &[0, BUF, 3]), None);
    assert!(!kernel.tty_reader_waits());
    kernel.tty_input(b"\x11");
    assert_eq!(finish(&mut kernel, INIT), Some(3));
}

/// When the session's leader dies, the foreground hears SIGHUP, and what was opened as ttyS0 is dead; /dev/console is not.
#[test]
fn hang_up() {
    let mut kernel = console();
    let leader = fork(&mut kernel, INIT);
    assert_eq!(call(&mut kernel, leader, Sysno::Setsid, &[]), Some(i64::from(leader.0)));
    assert_eq!(call(&mut kernel, leader, Sysno::Ioctl, &[0, TIOCSCTTY.into(), 1]), Some(0));
    let job = fork(&mut kernel, leader);
    kernel.send_to_group(leader, Siginfo::kernel(SIGKILL));
    assert!(!to_user(&mut kernel, leader));
    assert!(kernel.tasks.group_of(job).pending.set.contains(SIGHUP) || !to_user(&mut kernel, job));
    assert_eq!(kernel.tasks.group_of(job).tty, None);
    assert_eq!(read(&mut kernel, INIT, 1), Some(0), "end of file");
    assert_eq!(call(&mut kernel, INIT, Sysno::Write, &[1, BUF, 1]), Some(EIO));
    assert_eq!(call(&mut kernel, INIT, Sysno::Ioctl, &[1, TCGETS.into(), BUF]), Some(EIO));
    assert_eq!(call(&mut kernel, INIT, Sysno::Write, &[0, BUF, 1]), Some(1));
    let tty = kernel.tty.get(0).expect("the console");
    assert_eq!((tty.session, tty.pgrp), (None, None));
}

/// Paced input meets the modes of whoever reads it: the second line here is read raw, and its ^D is no end of file.
#[test]
fn paced_input_waits_until_it_is_asked_for() {
    let mut kernel = console();
    kernel.tty.set_paced(true);
    kernel.tty_input(b"one\n\x03two\x04\nrest");
    kernel.tty_input_eof();
    assert_eq!(read(&mut kernel, INIT, 0), Some(4));
    assert!(to_user(&mut kernel, INIT), "the ^C has not been asked for");
    assert_eq!(kernel.tty.take_output(), b"one\r\n");
    kernel.tty.console().termios.lflag &= !(ICANON | ISIG | ECHO);
    assert_eq!(read(&mut kernel, INIT, 0), Some(6));
    assert_eq!(bytes(&mut kernel, INIT, 6), b"\x03two\x04\n");
    kernel.tty.console().termios.lflag |= ICANON;
    assert_eq!(read(&mut kernel, INIT, 0), Some(4));
    assert_eq!(read(&mut kernel, INIT, 0), Some(0));
}

#[test]
fn raw_reads_obey_min_and_time() {
    let mut kernel = console();
    let set = |kernel: &mut Kernel, min: u8, time: u8| {
        let termios = &mut kernel.tty.console().termios;
        termios.lflag &= !(ICANON | ECHO);
        (termios.cc[VMIN], termios.cc[VTIME]) = (min, time);
    };
    set(&mut kernel, 0, 0);
    assert_eq!(read(&mut kernel, INIT, 0), Some(0));
    set(&mut kernel, 3, 0);
    assert_eq!(read(&mut kernel, INIT, 0), None);
    kernel.tty_input(b"ab");
    assert_eq!(finish(&mut kernel, INIT), None);
    kernel.tty_input(b"cd");
    assert_eq!(finish(&mut kernel, INIT), Some(4));
    // VTIME alone: half a second, then nothing.
    set(&mut kernel, 0, 5);
    let start = kernel.clock.now;
    assert_eq!(read(&mut kernel, INIT, 0), None);
    let Schedule::Idle { until: Some(until) } = kernel.schedule() else { panic!("a timer runs") };
    assert!((500_000_000..500_010_000).contains(&(until - start)), "{}", until - start);
    kernel.advance_to(until);
    assert!(matches!(kernel.schedule(), Schedule::Run(INIT)));
    assert_eq!(result(&kernel, INIT), Some(0));
    // Both: the time counts from the latest character.
    set(&mut kernel, 3, 2);
    assert_eq!(read(&mut kernel, INIT, 0), None);
    assert!(matches!(kernel.schedule(), Schedule::Idle { until: None }), "not before the first character");
    kernel.tty_input(b"x");
    let Schedule::Idle { until: Some(until) } = kernel.schedule() else { panic!("a timer runs") };
    kernel.advance_to(until);
    assert!(matches!(kernel.schedule(), Schedule::Run(INIT)));
    assert_eq!(result(&kernel, INIT), Some(1));
}

#[test]
fn window_changes_are_announced_once() {
    let mut kernel = console();
    kernel.tasks.actions_mut(INIT).0[usize::from(SIGWINCH)].handler = 0x1000;
    kernel.tty_resize(50, 132);
    assert!(kernel.tasks.group_of(INIT).pending.set.contains(SIGWINCH));
    assert_eq!(call(&mut kernel, INIT, Sysno::Ioctl, &[0, TIOCGWINSZ.into(), BUF]), Some(0));
    assert_eq!(bytes(&mut kernel, INIT, 4), [50, 0, 132, 0]);
}
