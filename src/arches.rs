//! The architectures this build knows. A new one is a crate, its dependency line, and a line here.
use arch::Arch;

#[rustfmt::skip]
pub static ARCHES: &[&Arch] = &[
    &cpu_x86::X86_64,
    &cpu_arm::AARCH64,
    &cpu_riscv::RISCV64,
];
