//! `minikern exec`: one program of the host's as the first task, in an otherwise empty machine.
use super::driver::Driver;
use super::{Failure, config};
use crate::args::{ClockArg, ExecArgs};
use crate::{ARCHES, Boot, console};
use abi::Errno;
use anyhow::{Context, Result, anyhow};
use kernel::{Kernel, NoInit};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// How much of a program is read at once.
const READ: usize = 64 << 10;

pub fn exec(args: ExecArgs) -> Result<u8> {
    let terminal = console::stdin_is_terminal();
    let clock = args.machine.clock.unwrap_or(if terminal { ClockArg::Host } else { ClockArg::Virtual });
    let mut program = open_program(&args.program)?;
    let name = args.program.file_name().map_or_else(|| "program".into(), |name| name.to_string_lossy().into_owned());
    // A root that has the places a program expects.
    let mut root = kernel::vfs::cpio::Writer::new();
    for dir in ["bin", "dev", "proc", "sys", "root", "etc"] {
        root.add(dir.as_bytes(), 0o40755, 0, &[]);
    }
    root.add(b"tmp", 0o41777, 0, &[]);
    let mut env = vec!["PATH=/bin".to_string(), "HOME=/root".into(), "TERM=linux".into()];
    super::set_env(&mut env, &args.machine.env);
    let boot = Boot {
        config: config(&args.machine, clock, String::new())?,
        initramfs: root.finish(),
        init: vec![format!("/bin/{name}")],
        args: args.args,
        env,
        workdir: args.machine.workdir.clone(),
        mount_usual: true,
    };
    let shown = args.program.display();
    let install = |kernel: &mut Kernel| match kernel.install_file(boot.init[0].as_bytes(), 0o755, &mut program) {
        Err(Errno::ENOSPC) => Err(anyhow!("{shown}: does not fit in the guest's memory")),
        installed => installed.with_context(|| shown.to_string()),
    };
    let driver = Driver::boot(&boot, &args.machine, clock, terminal, install).map_err(|error| {
        match error.downcast_ref::<NoInit>() {
            // The program itself is there, so it is its interpreter that is not.
            Some(tried) if tried.missing() => {
                let message = format!("{shown}: its interpreter is not in the guest (--mount lends directories)");
                Failure::error(Failure::NOT_FOUND, message)
            }
            Some(NoInit::Tried(tried)) => {
                let why = tried.first().map_or(Errno::ENOEXEC, |(_, errno)| *errno);
                Failure::error(Failure::NOT_EXECUTABLE, format!("{shown}: execve gives {why:?}"))
            }
            _ => error,
        }
    })?;
    driver.mortal().run()
}

/// The program, if it is an ELF file of an architecture there is, or a script.
fn open_program(path: &Path) -> Result<BufReader<File>> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| {
        let code = match error.kind() {
            std::io::ErrorKind::NotFound => Failure::NOT_FOUND,
            _ => Failure::NOT_EXECUTABLE,
        };
        Failure::error(code, format!("{shown}: {error}"))
    };
    let file = File::open(path).map_err(unreadable)?;
    let mode = file.metadata().map_or(0, |meta| meta.permissions().mode());
    let mut file = BufReader::with_capacity(READ, file);
    let bytes = file.fill_buf().map_err(unreadable)?;
    if mode & 0o111 == 0 {
        return Err(Failure::error(
            Failure::NOT_EXECUTABLE,
            format!("{shown}: not executable (mode {:o})", mode & 0o7777),
        ));
    }
    if bytes.starts_with(b"#!") {
        return Ok(file);
    }
    let header = goblin::elf::Elf::parse_header(bytes)
        .map_err(|_| Failure::error(Failure::NOT_EXECUTABLE, format!("{shown}: not an ELF program")))?;
    if !ARCHES.iter().any(|arch| arch.elf.machine == header.e_machine) {
        let known: Vec<_> = ARCHES.iter().map(|arch| arch.name).collect();
        let machine = goblin::elf::header::machine_to_str(header.e_machine);
        return Err(Failure::error(
            Failure::NOT_EXECUTABLE,
            format!("{shown}: unsupported architecture {machine} (supported: {})", known.join(", ")),
        ));
    }
    Ok(file)
}
