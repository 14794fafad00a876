//! What an architecture is to the rest of minikern: one [`Arch`] value per guest ISA.
//!
//! [`Isa`] is what the CPU does (the engine's half), [`LinuxAbi`] what Linux on that CPU does (the kernel's half).
//! [`ReturnPath`] is the kernel as an architecture's signal-return path sees it.
mod cpu;
mod level;
mod linux;
mod restart;
mod return_path;
pub mod saved;
mod thread_info;

pub use cpu::{Cpu, Exit, Isa, Watch};
pub use ir::{Access, Fault, Flow, GuestMemory, Slots, Trap};
pub use level::CpuLevel;
pub use linux::{FaultKind, LinuxAbi, Regset, SyscallRequest};
pub use restart::RestartRegs;
pub use return_path::{Delivery, Freeze, GetSignal, ReturnPath, SignalEra, UserMemory, sigsp};
pub use thread_info::{ThreadFlags, ThreadInfo, Tif};

/// An architecture: facts, plus what the CPU does and what Linux on it does.
pub struct Arch {
    /// As `uname -m` says it.
    pub name: &'static str,
    pub elf: ElfIdent,
    /// First address user space cannot map.
    pub task_size: u64,
    pub isa: &'static dyn Isa,
    pub abi: &'static dyn LinuxAbi,
}

/// How execve knows an architecture's ELF files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElfIdent {
    /// `e_machine`.
    pub machine: u16,
    pub is_64: bool,
    pub big_endian: bool,
}

impl Arch {
    /// AUDIT_ARCH_*: the ELF machine, and bits for 64-bit and little-endian (uapi/linux/audit.h).
    pub fn audit(&self) -> u32 {
        let (wide, little) = (u32::from(self.elf.is_64), u32::from(!self.elf.big_endian));
        u32::from(self.elf.machine) | wide << 31 | little << 30
    }
}

impl std::fmt::Debug for Arch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}
