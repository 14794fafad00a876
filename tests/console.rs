//! The command on a terminal, and with files that end or close.
use std::process::{Command, Stdio};

const MINIKERN: &str = env!("CARGO_BIN_EXE_minikern");

#[test]
fn a_person_uses_it_on_a_terminal() {
    let script = crate::support::root().join("tests/console/terminal.py");
    let Ok(output) = Command::new("python3").arg(script).arg(MINIKERN).output() else {
        println!("skipped: python3, which makes the pseudo-terminal, is not there");
        return;
    };
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{said}");
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let mut command = Command::new(MINIKERN);
    command.args(["run", "--", "sh", "-c", "while :; do echo y; done"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(141), ""));
}

#[test]
fn what_cannot_be_written_is_said() {
    let Ok(full) = std::fs::File::options().write(true).open("/dev/full") else {
        println!("skipped: there is no /dev/full");
        return;
    };
    let mut command = Command::new(MINIKERN);
    let output = command.args(["run", "--", "echo", "lost"]).stdin(Stdio::null()).stdout(full).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), said.contains("standard output")), (Some(125), true), "{said}");
}

#[test]
fn input_without_end_is_read_as_it_is_asked_for() {
    let zero = || std::fs::File::open("/dev/zero").unwrap();
    for clock in ["virtual", "host"] {
        let run = |script: &str| {
            let mut command = Command::new(MINIKERN);
            let args = ["run", "--clock", clock, "--timeout", "60", "--", "sh", "-c", script];
            command.args(args).stdin(zero()).output().unwrap()
        };
        // Raw, for the line discipline would keep a zero as it keeps any key, and wait for the end of the line.
        let output = run("stty raw; head -c 5000 | wc -c; sleep 0.1");
        assert_eq!((output.status.code(), output.stdout.trim_ascii()), (Some(0), &b"5000"[..]), "{clock}: {output:?}");
    }
}
