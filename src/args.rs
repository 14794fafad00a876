//! The command line.
use crate::{JitMode, JitOptions};
use arch::CpuLevel;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;

/// A tiny multi-architecture Linux with the container freezer, in one process.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100, subcommand_required = true, arg_required_else_help = true)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Boot a guest image to its shell, or go on with a machine that hibernated.
    Run(RunArgs),
    /// Run one ELF program of this host as the guest's first task.
    Exec(ExecArgs),
    /// Make and look into guest images.
    Image(ImageArgs),
    /// List the architectures.
    Arch,
    /// Disassemble a program of any architecture.
    Disasm(DisasmArgs),
}

#[derive(Debug, ClapArgs)]
pub struct RunArgs {
    /// A cpio archive (plain, gzip or zstd) or a directory; the built-in image when absent.
    pub image: Option<PathBuf>,
    #[command(flatten)]
    pub machine: MachineArgs,
    /// Prefer this architecture's programs (/ARCH/bin).
    #[arg(long, value_name = "ARCH")]
    pub arch: Option<String>,
    /// Add to the kernel command line.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub append: String,
    /// Where hibernation (`echo disk > /sys/power/state`) writes the machine, and /sys/power/resume finds it.
    #[arg(long, value_name = "FILE")]
    pub swap: Option<PathBuf>,
    /// Go on with the machine in this file. What belongs to the machine is in the file: only --clock, --timeout, --trace,
    /// --swap, --jit, --jit-cache, --stats, --perf-map and -v can be given with it.
    #[arg(long, value_name = "FILE", conflicts_with_all = OF_THE_MACHINE)]
    pub resume: Option<PathBuf>,
    /// The first program and its arguments, instead of the image's init (which is what mounts /proc).
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<String>,
}

/// What a saved machine has already.
const OF_THE_MACHINE: [&str; 13] = [
    "image",
    "arch",
    "append",
    "command",
    "cpus",
    "cpu",
    "memory",
    "seed",
    "freezer",
    "kernel_release",
    "env",
    "workdir",
    "mount",
];

#[derive(Debug, ClapArgs)]
#[command(trailing_var_arg = true)]
pub struct ExecArgs {
    #[command(flatten)]
    pub machine: MachineArgs,
    /// The program; its file is copied into the guest.
    pub program: PathBuf,
    /// Its arguments.
    #[arg(allow_hyphen_values = true)]
    pub args: Vec<String>,
}

/// What machine to build; common to `run` and `exec`.
#[derive(Debug, Clone, ClapArgs)]
pub struct MachineArgs {
    /// Virtual CPUs; also -smp N.
    #[arg(long, alias = "smp", value_name = "N", default_value_t = 1, value_parser = parse_cpus)]
    pub cpus: u32,
    /// What the CPUs say they have; they execute everything all the same. v1 is the baseline (x86-64-v1, Armv8.0), v3 all there is.
    #[arg(long, value_enum, value_name = "LEVEL", default_value = "v3")]
    pub cpu: CpuArg,
    /// Guest memory in MiB, or with K, M, G.
    #[arg(short, long, value_name = "SIZE", default_value = "256M", value_parser = parse_size)]
    pub memory: u64,
    /// Seed of the scheduler's jitter and of the guest's random numbers.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// How the guest's time passes: by instructions, the same every run, or with the host's clock [default: host when
    /// standard input is a terminal, else virtual].
    #[arg(long, value_enum, value_name = "CLOCK")]
    pub clock: Option<ClockArg>,
    /// Which kernel's freezer the guest sees.
    #[arg(long, value_name = "PROFILE", default_value = "2008")]
    pub freezer: String,
    /// What uname says of the kernel's release.
    #[arg(long, value_name = "RELEASE", default_value = "6.18.0")]
    pub kernel_release: String,
    /// Set a variable in the first program's environment.
    #[arg(short = 'e', value_name = "K=V", value_parser = parse_assignment)]
    pub env: Vec<String>,
    /// The first program's working directory.
    #[arg(short = 'w', value_name = "DIR")]
    pub workdir: Option<String>,
    /// Lend a host directory to the guest.
    #[arg(long, value_name = "SRC:DST[:ro]", value_parser = parse_mount)]
    pub mount: Vec<MountArg>,
    /// Give up after this many host seconds (exit code 124).
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub timeout: Option<f64>,
    /// Trace to standard error or a file: syscall, signal, freezer, sched (comma-separated) [=FILE].
    #[arg(long, value_name = "WHAT[=FILE]")]
    pub trace: Option<String>,
    /// Compile what runs often into host code (auto), all of it before it runs (on), or nothing (off). The guest cannot
    /// tell: what it does, and when, is the same. Without this, what MINIKERN_JIT says, or else auto.
    #[arg(long, value_enum, value_name = "WHEN")]
    pub jit: Option<JitArg>,
    /// How much memory compiled code may take; when it is full, all is dropped and begun anew. At most 1G.
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = parse_size)]
    pub jit_cache: u64,
    /// At the end, say on standard error what was lifted, compiled and dropped, and where instructions were executed.
    #[arg(long)]
    pub stats: bool,
    /// At the end, write a map of compiled code for Linux perf to /tmp/perf-PID.map.
    #[arg(long)]
    pub perf_map: bool,
    /// Say more on standard error.
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

/// A level of the CPUs, see `arch::CpuLevel`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CpuArg {
    V1,
    V2,
    V3,
}

impl CpuArg {
    pub fn level(self) -> CpuLevel {
        match self {
            CpuArg::V1 => CpuLevel::V1,
            CpuArg::V2 => CpuLevel::V2,
            CpuArg::V3 => CpuLevel::V3,
        }
    }
}

impl MachineArgs {
    /// How to run guest code.
    pub fn jit(&self) -> JitOptions {
        let mode = self.jit.map(|jit| match jit {
            JitArg::Auto => JitMode::Auto,
            JitArg::On => JitMode::On,
            JitArg::Off => JitMode::Off,
        });
        JitOptions { mode, room: self.jit_cache as usize }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum JitArg {
    Auto,
    On,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClockArg {
    // Plain comments: clap would print documentation of each value, a screen longer.
    // Retired instructions and jumps over idle time: the same run every time.
    Virtual,
    // Paced by the host's clock.
    Host,
}

/// One `--mount`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountArg {
    pub source: PathBuf,
    pub target: String,
    pub read_only: bool,
}

#[derive(Debug, ClapArgs)]
pub struct ImageArgs {
    #[command(subcommand)]
    pub command: ImageCommand,
}

#[derive(Debug, Subcommand)]
pub enum ImageCommand {
    /// Pack a directory into an image (gzip if FILE ends in .gz).
    Create {
        /// The directory that becomes the guest's root.
        dir: PathBuf,
        /// The image to write.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// List what an image holds: mode, owner, group, size, name.
    List {
        /// A cpio archive (plain, gzip or zstd) or a directory.
        file: PathBuf,
    },
}

#[derive(Debug, ClapArgs)]
pub struct DisasmArgs {
    /// The program.
    pub elf: PathBuf,
    /// A symbol, or a range of addresses START..END (hexadecimal with 0x); the whole text when absent.
    pub what: Option<String>,
    /// Show the IR of each block.
    #[arg(long)]
    pub ir: bool,
    /// Show the host code the JIT makes of each block, and the IR it makes it of.
    #[arg(long)]
    pub host: bool,
    /// The same as it is for a program that has run for long: memory is accessed through a window.
    #[arg(long, requires = "host")]
    pub window: bool,
}

/// A size as QEMU's -m takes it: digits, then K, M, G (powers of 1024) or nothing, which is M.
fn parse_size(text: &str) -> Result<u64, String> {
    let size = text.strip_prefix("size=").unwrap_or(text);
    let size = ["iB", "B"].iter().find_map(|unit| size.strip_suffix(unit)).unwrap_or(size);
    let (digits, shift) = match size.char_indices().last() {
        Some((at, 'k' | 'K')) => (&size[..at], 10),
        Some((at, 'm' | 'M')) => (&size[..at], 20),
        Some((at, 'g' | 'G')) => (&size[..at], 30),
        _ => (size, 20),
    };
    match digits.parse::<u64>().map(|n| n.checked_mul(1 << shift)) {
        Ok(Some(size)) if (1 << 20..=1 << 40).contains(&size) => Ok(size),
        Ok(_) => Err("not from 1M to 1024G".into()),
        Err(_) => Err("not a number with K, M or G".into()),
    }
}

fn parse_cpus(text: &str) -> Result<u32, String> {
    match text.strip_prefix("cpus=").unwrap_or(text).parse() {
        Ok(cpus @ 1..=64) => Ok(cpus),
        _ => Err("not a number from 1 to 64".into()),
    }
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds < 1e9 => Ok(seconds),
        _ => Err("not a positive number of seconds".into()),
    }
}

fn parse_assignment(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((name, _)) if !name.is_empty() => Ok(text.into()),
        _ => Err("not NAME=VALUE".into()),
    }
}

fn parse_mount(text: &str) -> Result<MountArg, String> {
    let (rest, read_only) = match text.strip_suffix(":ro") {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    match rest.split_once(':') {
        Some((source, target)) if !source.is_empty() && target.starts_with('/') => {
            Ok(MountArg { source: source.into(), target: target.into(), read_only })
        }
        _ => Err("not SRC:DST or SRC:DST:ro with an absolute DST".into()),
    }
}

/// The command line with QEMU's spelling of `-smp` made ours; the guest's own arguments stay as they are.
pub fn qemu_spellings(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.collect();
    let exec = args.get(1).is_some_and(|command| command == "exec");
    let mut value = false;
    for arg in args.iter_mut().skip(2) {
        if std::mem::take(&mut value) {
            continue;
        }
        let text = arg.to_string_lossy();
        // `exec` ends its options at the program, `run` at the two dashes.
        if text == "--" || (exec && !text.starts_with('-')) {
            break;
        }
        // All but -v take a value, in the next argument unless it is in this one.
        value = match text.strip_prefix("--") {
            Some(long) => !long.contains('=') && !["verbose", "help", "stats", "perf-map"].contains(&long),
            None => text == "-smp" || (text.len() == 2 && text.starts_with('-') && text != "-v" && text != "-h"),
        };
        if text == "-smp" {
            *arg = "--smp".into();
        }
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_as_qemu_takes_them() {
        assert_eq!(parse_size("64M"), Ok(64 << 20));
        assert_eq!(parse_size("1g"), Ok(1 << 30));
        assert_eq!(parse_size("512"), Ok(512 << 20));
        assert_eq!(parse_size("size=2048KiB"), Ok(2 << 20));
        for wrong in ["", "0", "M", "-1", "64Q", "1MM", "99999999999G", "é"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn smp_is_ours_and_not_the_guests() {
        let spelt = |line: &str| {
            let args = qemu_spellings(line.split(' ').map(OsString::from));
            args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(spelt("m run -smp 2 -m 64M"), "m run --smp 2 -m 64M");
        assert_eq!(spelt("m run a.img -v -smp 2 -- p -smp"), "m run a.img -v --smp 2 -- p -smp");
        assert_eq!(spelt("m exec -e A=1 -smp 2 prog -smp 3"), "m exec -e A=1 --smp 2 prog -smp 3");
    }

    #[test]
    fn mounts_name_both_ends() {
        let mount = parse_mount("/srv:/mnt:ro").unwrap();
        assert_eq!((mount.target.as_str(), mount.read_only), ("/mnt", true));
        assert!(parse_mount("/srv").is_err() && parse_mount("/srv:mnt").is_err());
    }

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }
}
