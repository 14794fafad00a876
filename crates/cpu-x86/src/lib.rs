//! x86: the registers, what each instruction does, and what Linux on it does.
//!
//! iced-x86 decodes; `insns` maps each mnemonic to the short function in `lift/` that writes its IR; what IR cannot say
//! is in `helpers/`. `syscall`, `signal` and `process` are the kernel's side of this CPU.
mod cpuid;
mod helpers;
mod insns;
mod isa;
mod lift;
mod linux;
mod process;
mod ptrace;
mod regs;
mod signal;
mod syscall;
#[cfg(test)]
mod tests;
mod thread_info;
mod traps;

use arch::{Arch, ElfIdent};

/// x86-64: `EM_X86_64`, and 40 bits of user addresses less the guard page Linux keeps below the hole.
pub static X86_64: Arch = Arch {
    name: "x86_64",
    elf: ElfIdent { machine: 62, is_64: true, big_endian: false },
    task_size: (1 << 40) - 4096,
    isa: &isa::X86Isa,
    abi: &linux::X86Linux,
};
