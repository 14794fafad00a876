//! arch/x86/kernel/signal.c: the signal-return path.
use crate::regs::*;
use abi::*;
use arch::{Cpu, Fault, FaultKind, ReturnPath, Trap, UserMemory};

pub(crate) fn do_signal(cpu: &mut Cpu, path: &mut dyn ReturnPath) {
    let _ = (cpu, path);
}
pub(crate) fn restore_sigframe(_: &mut Cpu, _: &mut dyn UserMemory) -> Result<(SigSet, SigAltStack)> {
    Err(Errno::EFAULT)
}
pub(crate) fn fault_signal(cpu: &mut Cpu, fault: Fault, _: FaultKind) -> Siginfo {
    cpu.set(CR2, fault.addr);
    Siginfo::kernel(SIGSEGV)
}
pub(crate) fn trap_signal(_: &mut Cpu, _: Trap) -> Siginfo {
    Siginfo::kernel(SIGILL)
}
