//! arch/x86/kernel/process_64.c: what a program and a new thread start with.
use crate::regs::*;
use arch::Cpu;

/// Every register zero (rdx too: a non-zero one would be a function for atexit), interrupts on, all floating-point
/// exceptions masked.
pub(crate) fn start_thread(cpu: &mut Cpu, entry: u64, sp: u64) {
    cpu.pc = entry;
    cpu.set(RSP, sp);
    set_rflags(&mut cpu.slots, 0);
    reset_fpu(cpu);
    cpu.set(ORIG_RAX, u64::MAX);
}

/// The floating-point state a program and a signal handler begin with (`init_fpstate`).
pub(crate) fn reset_fpu(cpu: &mut Cpu) {
    for n in 0..16 {
        for part in 0..4 {
            cpu.set(xmm(n).up(part), 0);
        }
    }
    for n in 0..8 {
        cpu.set(st(n), 0);
        cpu.set(st(n).up(1), 0);
    }
    for cell in [FPU_SW, FPU_TAG, FPU_IP, FPU_DP, FPU_OP] {
        cpu.set(cell, 0);
    }
    cpu.set(FPU_CW, FPU_CW_RESET);
    set_mxcsr(&mut cpu.slots, MXCSR_RESET);
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
