//! Runs machines for tests: boots, feeds the console, collects what it shows.
#![allow(dead_code, unreachable_pub)] // each test file uses its part

pub mod adversary;
pub mod command;
pub mod raw;
pub mod tiers;

use kernel::{Config, NoImage};
use minikern::{ARCHES, Boot, Machine, Step};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// How a machine ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    pub status: u8,
    /// All that the console showed, carriage returns taken out.
    pub out: String,
    /// Virtual time at the end.
    pub now: u64,
    pub state_hash: u64,
}

/// The names of all architectures.
pub fn arches() -> impl Iterator<Item = &'static str> {
    ARCHES.iter().map(|arch| arch.name)
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The default image, unpacked.
pub fn default_image() -> Vec<u8> {
    minikern::image::load(None, 64 << 20).expect("the built-in image")
}

/// A machine that runs `command` of the default image on `arch`.
pub fn boot(arch: &str, command: &[&str]) -> Boot {
    let (program, args) = command.split_first().expect("a command");
    let others: Vec<String> = arches().filter(|&a| a != arch).map(|a| format!(":/{a}/bin")).collect();
    Boot {
        config: Config::default(),
        initramfs: default_image(),
        init: vec![if program.contains('/') { program.to_string() } else { format!("/{arch}/bin/{program}") }],
        args: args.iter().map(|arg| arg.to_string()).collect(),
        env: vec![format!("PATH=/{arch}/bin{}", others.concat()), "HOME=/".into(), "TERM=linux".into()],
        workdir: None,
        mount_usual: true,
    }
}

/// A machine with nothing but one program of the host's file system in it, /proc, /sys and /dev.
pub fn boot_program(program: &Path, args: &[&str]) -> Boot {
    let mut image = kernel::vfs::cpio::Writer::new();
    for dir in ["bin", "dev", "proc", "sys", "root", "etc"] {
        image.add(dir.as_bytes(), 0o40755, 0, &[]);
    }
    image.add(b"tmp", 0o41777, 0, &[]);
    let name = program.file_name().expect("a name").to_string_lossy().into_owned();
    let bytes = std::fs::read(program).expect("the program");
    image.add(format!("bin/{name}").as_bytes(), 0o100_755, 0, &bytes);
    Boot {
        config: Config::default(),
        initramfs: image.finish(),
        init: vec![format!("/bin/{name}")],
        args: args.iter().map(|arg| arg.to_string()).collect(),
        env: vec!["PATH=/bin".into(), "GREETING=hello".into()],
        workdir: None,
        mount_usual: true,
    }
}

/// A machine whose root is `image`, without anything mounted, running `command`.
pub fn boot_image(image: Vec<u8>, command: &[&str]) -> Boot {
    Boot {
        config: Config::default(),
        initramfs: image,
        init: vec![command[0].into()],
        args: command[1..].iter().map(|arg| arg.to_string()).collect(),
        env: vec!["PATH=/bin".into(), "HOME=/".into(), "TERM=linux".into()],
        workdir: None,
        mount_usual: false,
    }
}

/// An image with one more file: archives that follow one another are one image.
pub fn with_file(image: Vec<u8>, name: &[u8], content: &[u8]) -> Vec<u8> {
    let mut extra = kernel::vfs::cpio::Writer::new();
    extra.add(name, 0o100_755, 0, content);
    [image, extra.finish()].concat()
}

/// An empty directory of the host's for one test.
pub fn scratch(name: &str) -> PathBuf {
    let dir = root().join("target/scratch").join(name);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("target/");
    dir
}

/// A program that .ci/setup builds or fetches. Says so once if it, or the whole directory it would be in, is not there.
pub fn oracle(name: &str) -> Option<PathBuf> {
    let oracles = root().join("target/oracle");
    let path = oracles.join(name);
    if path.exists() {
        return Some(path);
    }
    let there = |dir: &&Path| oracles.join(dir).exists();
    let missing = Path::new(name).ancestors().take_while(|dir| !there(dir)).last().unwrap_or(Path::new(name));
    skipped(&format!("{} is not there (.ci/setup makes it)", missing.display()));
    None
}

/// One line past the test harness, which keeps what passing tests print; the same line once.
pub fn skipped(why: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    if SAID.lock().expect("nobody panics with it").insert(why.into()) {
        let _ = writeln!(std::io::stderr(), "skipped: {why}");
    }
}

/// A machine being run, with what its console showed so far.
pub struct Console {
    pub machine: Machine,
    input: std::collections::VecDeque<u8>,
    out: Vec<u8>,
    eof: bool,
    /// Most instructions of a step.
    pub slice: u64,
    /// Time does not jump to the next timer.
    pub hold: bool,
    /// Nothing can run before somebody outside acts.
    pub stuck: bool,
}

/// Steps after which a test's machine is taken to run for ever.
const MOST_STEPS: u64 = 20_000_000;

impl Console {
    pub fn new(boot: &Boot, input: &str) -> Console {
        Console::of(Machine::boot(boot).expect("the machine boots"), input)
    }

    /// With a machine that was made otherwise.
    pub fn of(mut machine: Machine, input: &str) -> Console {
        machine.kernel.tty.set_echo(false);
        machine.kernel.tty.set_onlcr(false);
        Console {
            machine,
            input: input.bytes().collect(),
            out: Vec::new(),
            eof: false,
            slice: u64::MAX,
            hold: false,
            stuck: false,
        }
    }

    /// One step, with what its idleness asks for; the status once the machine has halted.
    pub fn step(&mut self) -> Option<u8> {
        let status = self.step_or_idle();
        assert!(!self.stuck, "nothing can ever run again; shown so far:\n{}", self.shown());
        status
    }

    /// The same; `stuck` says that nothing can run before somebody outside acts.
    pub fn step_or_idle(&mut self) -> Option<u8> {
        let step = self.machine.step_within(self.slice);
        let shown = self.machine.kernel.tty.take_output();
        self.out.extend(shown);
        self.stuck = false;
        match step {
            Step::Ran => {}
            Step::Hibernate => self.machine.kernel.image_saved(Err(abi::Errno::EIO)),
            Step::Restore => self.machine.kernel.image_not_restored(NoImage::Missing),
            Step::Halted(status) => return Some(status),
            Step::Idle { until } => {
                if !self.eof && self.machine.kernel.input_wanted() {
                    self.type_line();
                } else if let Some(until) = until.filter(|_| !self.hold) {
                    self.machine.kernel.advance_to(until);
                } else {
                    self.stuck = true;
                }
            }
        }
        None
    }

    /// One line at a time, as a person would.
    fn type_line(&mut self) {
        let end = self.input.iter().position(|&b| b == b'\n').map_or(self.input.len(), |at| at + 1);
        let line: Vec<u8> = self.input.drain(..end).collect();
        if line.is_empty() {
            self.eof = true;
            self.machine.kernel.tty_input_eof();
        } else {
            self.machine.kernel.tty_input(&line);
        }
    }

    /// How it ended.
    pub fn ended(&self, status: u8) -> Ended {
        let kernel = &self.machine.kernel;
        Ended { status, out: self.shown(), now: kernel.clock.now, state_hash: self.machine.state_hash() }
    }

    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.out).replace('\r', "")
    }

    /// Runs to the end.
    pub fn run(mut self) -> Ended {
        for _ in 0..MOST_STEPS {
            if let Some(status) = self.step() {
                return self.ended(status);
            }
        }
        panic!("still running after {MOST_STEPS} steps; shown so far:\n{}", self.shown());
    }

    /// A second machine that goes on from here, its console with it.
    pub fn snapshot(&mut self) -> Console {
        let machine = self.machine.snapshot();
        self.with(machine)
    }

    /// A second machine, made of a file of this one.
    pub fn reloaded(&self) -> Console {
        let file = self.machine.save().expect("a machine that can be saved");
        let machine = Machine::load(&file).expect("what was just saved");
        assert_eq!(machine.state_hash(), self.machine.state_hash());
        self.with(machine)
    }

    fn with(&self, machine: Machine) -> Console {
        Console {
            machine,
            input: self.input.clone(),
            out: self.out.clone(),
            eof: self.eof,
            slice: self.slice,
            hold: self.hold,
            stuck: self.stuck,
        }
    }
}

/// Boots and runs to the end.
pub fn run(boot: &Boot, input: &str) -> Ended {
    Console::new(boot, input).run()
}

/// Runs a shell script on the default image's shell of `arch`.
pub fn sh(arch: &str, script: &str) -> Ended {
    run(&boot(arch, &["sh", "-c", script]), "")
}
