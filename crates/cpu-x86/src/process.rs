//! arch/x86/kernel/process_64.c: what a program and a new thread start with.
use crate::regs::*;
use arch::Cpu;

/// Every register zero (rdx too: a non-zero one would be a function for atexit), interrupts on, all floating-point
/// exceptions masked.
pub(crate) fn start_thread(cpu: &mut Cpu, entry: u64, sp: u64) {
    cpu.slots.fill(0);
    cpu.pc = entry;
    cpu.set(RSP, sp);
    set_rflags(&mut cpu.slots, 0);
    set_mxcsr(&mut cpu.slots, MXCSR_RESET);
    cpu.set(FPU_CW, FPU_CW_RESET);
    cpu.set(ORIG_RAX, u64::MAX);
}

/// The child's clone returns 0, and its restart state is not the parent's.
pub(crate) fn copy_thread(child: &mut Cpu, sp: Option<u64>, tls: Option<u64>) {
    child.set(RAX, 0);
    if let Some(sp) = sp {
        child.set(RSP, sp);
    }
    if let Some(tls) = tls {
        child.set(FS_BASE, tls);
    }
}
