//! The command line.
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
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
    /// Boot a guest image to its shell.
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
    /// The first program and its arguments, instead of the image's init.
    #[arg(last = true, value_name = "CMD")]
    pub command: Vec<String>,
}

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
    /// Virtual CPUs.
    #[arg(long, visible_alias = "smp", value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub cpus: u32,
    /// Guest memory: bytes, or with K, M, G.
    #[arg(short, long, value_name = "SIZE", default_value = "256M", value_parser = parse_size)]
    pub memory: u64,
    /// Seed of the scheduler's jitter and of the guest's random numbers.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// How virtual time passes [default: host when standard input is a terminal, else virtual].
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
    /// Say more on standard error.
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClockArg {
    /// Retired instructions and jumps over idle time: the same run every time.
    Virtual,
    /// Paced by the host's clock.
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
        dir: PathBuf,
        #[arg(short, value_name = "FILE")]
        output: PathBuf,
    },
    /// List what an image holds.
    List { file: PathBuf },
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
}

/// A size: digits, then nothing, K, M or G (powers of 1024), as QEMU takes it.
fn parse_size(text: &str) -> Result<u64, String> {
    let (digits, shift) = match text.trim_end_matches(['b', 'B', 'i']).to_ascii_uppercase() {
        t if t.ends_with('K') => (t.trim_end_matches('K').to_string(), 10),
        t if t.ends_with('M') => (t.trim_end_matches('M').to_string(), 20),
        t if t.ends_with('G') => (t.trim_end_matches('G').to_string(), 30),
        t => (t, 0),
    };
    let size = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(1 << shift));
    match size {
        Some(size) if (1 << 20..=1 << 40).contains(&size) => Ok(size),
        Some(_) => Err("from 1M to 1024G".into()),
        None => Err("a number with K, M or G".into()),
    }
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds < 1e9 => Ok(seconds),
        _ => Err("a positive number of seconds".into()),
    }
}

fn parse_assignment(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((name, _)) if !name.is_empty() => Ok(text.into()),
        _ => Err("NAME=VALUE".into()),
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
        _ => Err("SRC:DST or SRC:DST:ro, with DST absolute".into()),
    }
}

/// The command line with QEMU's spelling of `-smp` made ours.
pub fn qemu_spellings(args: impl Iterator<Item = std::ffi::OsString>) -> Vec<std::ffi::OsString> {
    args.map(|arg| if arg == "-smp" { "--smp".into() } else { arg }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_as_qemu_takes_them() {
        assert_eq!(parse_size("64M"), Ok(64 << 20));
        assert_eq!(parse_size("1g"), Ok(1 << 30));
        assert_eq!(parse_size("2097152"), Ok(2 << 20));
        assert!(parse_size("0").is_err() && parse_size("M").is_err() && parse_size("-1").is_err());
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
