//! The AArch64 names of the register file's slots.
use crate::helpers::system::nzcv_of;
use arch::Cpu;
use ir::{FP_ENV, GUEST_SLOTS, LazyFlags, Reg, Slot};

/// Stack pointer; X0..X30 are the slots below it.
pub(crate) const SP: Reg = Reg(31);
/// The link register, X30.
pub(crate) const LR: Reg = Reg(30);
/// V0; every vector register is two slots, low half first.
const V0: u8 = 32;
/// Thread pointer of user space.
pub(crate) const TPIDR_EL0: Reg = Reg(96);
/// FPCR as last written; what arithmetic needs of it is also in `FP_ENV`.
pub(crate) const FPCR: Reg = Reg(97);
/// X0 at the last system call, for its restart (`pt_regs.orig_x0`).
pub(crate) const ORIG_X0: Reg = Reg(98);
/// Number of the system call in progress, or [`NO_SYSCALL`] (`pt_regs.syscallno`).
pub(crate) const SYSCALLNO: Reg = Reg(99);
/// Address of the last fault (`thread.fault_address`).
pub(crate) const FAULT_ADDRESS: Reg = Reg(100);
/// Syndrome of the last fault (`thread.fault_code`); 0 = none to report.
pub(crate) const FAULT_CODE: Reg = Reg(101);

/// The result of a call that the signal-return path has rewound, and where to.
pub(crate) const RESTART_RESULT: Reg = Reg(102);
pub(crate) const RESTART_PC: Reg = Reg(103);
/// How many slots there are.
pub(crate) const COUNT: usize = 104;

/// `NO_SYSCALL` of `asm/ptrace.h`.
pub(crate) const NO_SYSCALL: u64 = u32::MAX as u64;

/// Bit of `FP_ENV` that holds FPSR.QC; soft float leaves it alone.
pub(crate) const QC: u64 = 1 << 32;

/// Bit of `FP_ENV` that holds FPCR.AHP: conversions here choose the format by it.
pub(crate) const AHP: u64 = 1 << 33;

const _: () = assert!(COUNT <= GUEST_SLOTS as usize && FP_ENV.0 >= GUEST_SLOTS);

/// Xn, n < 31.
pub(crate) const fn x(n: u8) -> Reg {
    Reg(n)
}

/// Low half of Vn.
pub(crate) const fn v(n: u8) -> Reg {
    Reg(V0 + 2 * (n & 31))
}

/// Name of a slot in traces.
pub(crate) fn name(slot: Slot) -> Option<String> {
    Some(match slot.0 {
        n @ 0..=30 => format!("x{n}"),
        31 => "sp".to_owned(),
        n @ V0..96 => format!("v{}.{}", (n - V0) / 2, if n % 2 == 0 { "lo" } else { "hi" }),
        96 => "tpidr_el0".to_owned(),
        97 => "fpcr".to_owned(),
        98 => "orig_x0".to_owned(),
        99 => "syscallno".to_owned(),
        100 => "fault_address".to_owned(),
        101 => "fault_code".to_owned(),
        102 => "restart_result".to_owned(),
        103 => "restart_pc".to_owned(),
        _ => return None,
    })
}

/// PSTATE as `pt_regs` shows it: EL0t, so only N Z C V.
pub(crate) fn pstate(cpu: &Cpu) -> u64 {
    nzcv_of(LazyFlags::load(&cpu.slots).flags())
}
