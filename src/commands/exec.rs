//! `minikern exec`: one program of the host's as the first task, in an otherwise empty machine.
use super::driver::Driver;
use super::{Failure, config};
use crate::args::{ClockArg, ExecArgs};
use crate::{ARCHES, Boot, console};
use abi::Errno;
use anyhow::Result;
use kernel::NoInit;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

pub fn exec(args: ExecArgs) -> Result<u8> {
    let terminal = console::stdin_is_terminal();
    let clock = args.machine.clock.unwrap_or(if terminal { ClockArg::Host } else { ClockArg::Virtual });
    let program = read_program(&args.program)?;
    let name = args.program.file_name().map_or_else(|| "program".into(), |name| name.to_string_lossy().into_owned());
    // The one program, in a root that has the places a program expects.
    let mut root = kernel::vfs::cpio::Writer::new();
    for dir in ["bin", "dev", "proc", "sys", "root", "etc"] {
        root.add(dir.as_bytes(), 0o40755, 0, &[]);
    }
    root.add(b"tmp", 0o41777, 0, &[]);
    root.add(format!("bin/{name}").as_bytes(), 0o100_755, 0, &program);
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
    let driver =
        Driver::boot(&boot, &args.machine, clock, terminal).map_err(|error| match error.downcast_ref::<NoInit>() {
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
        })?;
    driver.mortal().run()
}

/// The program's bytes, if it is an ELF file of an architecture there is.
fn read_program(path: &Path) -> Result<Vec<u8>> {
    let shown = path.display();
    let bytes = std::fs::read(path).map_err(|error| {
        let code = match error.kind() {
            std::io::ErrorKind::NotFound => Failure::NOT_FOUND,
            _ => Failure::NOT_EXECUTABLE,
        };
        Failure::error(code, format!("{shown}: {error}"))
    })?;
    let mode = std::fs::metadata(path).map_or(0, |meta| meta.permissions().mode());
    if mode & 0o111 == 0 {
        return Err(Failure::error(
            Failure::NOT_EXECUTABLE,
            format!("{shown}: not executable (mode {:o})", mode & 0o7777),
        ));
    }
    if bytes.starts_with(b"#!") {
        return Ok(bytes);
    }
    let header = goblin::elf::Elf::parse_header(&bytes)
        .map_err(|_| Failure::error(Failure::NOT_EXECUTABLE, format!("{shown}: not an ELF program")))?;
    if !ARCHES.iter().any(|arch| arch.elf.machine == header.e_machine) {
        let known: Vec<_> = ARCHES.iter().map(|arch| arch.name).collect();
        let machine = goblin::elf::header::machine_to_str(header.e_machine);
        return Err(Failure::error(
            Failure::NOT_EXECUTABLE,
            format!("{shown}: unsupported architecture {machine} (supported: {})", known.join(", ")),
        ));
    }
    Ok(bytes)
}
