//! `minikern arch`: what there is, and how each asks a task to freeze.
use crate::ARCHES;
use anyhow::Result;
use std::io::Write;

pub fn arch() -> Result<u8> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{:<10} {:>7} {:>6} {:>14} {:>10}  system call",
        "name", "machine", "order", "TIF_SIGPENDING", "TIF_FREEZE"
    )?;
    for arch in ARCHES {
        let flags = arch.abi.thread_flags();
        let (text, bytes) = arch.abi.syscall_insn();
        let order = if arch.elf.big_endian { "big" } else { "little" };
        let bytes: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
        writeln!(
            out,
            "{:<10} {:>7} {:>6} {:>14} {:>10}  {} ({})",
            arch.name,
            arch.elf.machine,
            order,
            flags.sigpending,
            flags.freeze,
            text,
            bytes.join(" ")
        )?;
    }
    Ok(0)
}
