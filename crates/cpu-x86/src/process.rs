//! arch/x86/kernel/process_64.c: what a program and a new thread start with.
use crate::helpers::xsave;
use crate::regs::*;
use arch::Cpu;
use ir::Slots;

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
    reset_components(&mut cpu.slots, xsave::XCR0);
    set_mxcsr(&mut cpu.slots, MXCSR_RESET);
}

/// Puts state components, bits of XCR0, to what they are after a reset. MXCSR is none of them.
pub(crate) fn reset_components(slots: &mut Slots, which: u64) {
    for n in 0..16 {
        let at = xmm(n).0 as usize;
        if which & xsave::SSE != 0 {
            slots[at..at + 2].fill(0);
        }
        if which & xsave::AVX != 0 {
            slots[at + 2..at + 4].fill(0);
        }
    }
    if which & xsave::X87 != 0 {
        slots[st(0).0 as usize..st(7).0 as usize + 2].fill(0);
        for cell in [FPU_SW, FPU_TAG, FPU_IP, FPU_DP, FPU_OP] {
            slots[cell.0 as usize] = 0;
        }
        slots[FPU_CW.0 as usize] = FPU_CW_RESET;
    }
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
