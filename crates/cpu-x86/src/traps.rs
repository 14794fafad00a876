//! arch/x86/kernel/traps.c and mm/fault.c: which signal a trap becomes, and what it leaves for the frame.
use crate::regs::*;
use abi::*;
use arch::{Access, Cpu, Fault, FaultKind, Trap};

/// Vectors (asm/trapnr.h).
const TRAP_DE: u64 = 0;
const TRAP_DB: u64 = 1;
const TRAP_BP: u64 = 3;
const TRAP_OF: u64 = 4;
const TRAP_UD: u64 = 6;
const TRAP_SS: u64 = 12;
const TRAP_GP: u64 = 13;
const TRAP_PF: u64 = 14;
const TRAP_MF: u64 = 16;
const TRAP_AC: u64 = 17;
const TRAP_XF: u64 = 19;

/// Page-fault error code (asm/trap_pf.h).
const PF_PROT: u64 = 1;
const PF_WRITE: u64 = 2;
const PF_USER: u64 = 4;
const PF_INSTR: u64 = 16;

/// Addresses have 48 bits, sign-extended.
fn is_canonical(addr: u64) -> bool {
    (addr as i64) << 16 >> 16 == addr as i64
}

/// Notes what the frame will say; an exception is not a system call.
fn note(cpu: &mut Cpu, vector: u64, error_code: u64) {
    cpu.set(TRAP_NO, vector);
    cpu.set(ERROR_CODE, error_code);
    cpu.set(ORIG_RAX, u64::MAX);
}

fn fault(signo: u8, code: i32, addr: u64) -> Siginfo {
    Siginfo { signo, errno: 0, code, fields: Fields::Fault { addr } }
}

pub(crate) fn fault_signal(cpu: &mut Cpu, at: Fault, kind: FaultKind) -> Siginfo {
    if !is_canonical(at.addr) {
        note(cpu, TRAP_GP, 0);
        return Siginfo::kernel(SIGSEGV);
    }
    let mut error_code = PF_USER;
    // Addresses of the kernel always look mapped, so that nobody can probe them.
    if kind == FaultKind::NotPermitted || at.addr as i64 <= -1 {
        error_code |= PF_PROT;
    }
    match at.access {
        Access::Read => {}
        Access::Write => error_code |= PF_WRITE,
        Access::Execute => error_code |= PF_INSTR,
    }
    note(cpu, TRAP_PF, error_code);
    cpu.set(CR2, at.addr);
    match kind {
        FaultKind::NotMapped => fault(SIGSEGV, SEGV_MAPERR, at.addr),
        FaultKind::NotPermitted => fault(SIGSEGV, SEGV_ACCERR, at.addr),
        FaultKind::PastEof => fault(SIGBUS, BUS_ADRERR, at.addr),
    }
}

pub(crate) fn trap_signal(cpu: &mut Cpu, trap: Trap) -> Siginfo {
    let (vector, info) = match trap {
        Trap::Fault(at) => return fault_signal(cpu, at, FaultKind::NotMapped),
        Trap::Illegal => (TRAP_UD, fault(SIGILL, ILL_ILLOPN, cpu.pc)),
        Trap::Breakpoint => (TRAP_BP, Siginfo::kernel(SIGTRAP)),
        Trap::DivideError => (TRAP_DE, fault(SIGFPE, FPE_INTDIV, cpu.pc)),
        Trap::Overflow => (TRAP_OF, Siginfo::kernel(SIGSEGV)),
        Trap::GeneralProtection => (TRAP_GP, Siginfo::kernel(SIGSEGV)),
        Trap::StackFault => (TRAP_SS, Siginfo::kernel(SIGBUS)),
        Trap::Alignment { addr } => (TRAP_AC, fault(SIGBUS, BUS_ADRALN, addr)),
        Trap::X87 => {
            let raised = cpu.get(FPU_SW) & !cpu.get(FPU_CW);
            (TRAP_MF, fault(SIGFPE, fpe_code(raised), cpu.pc))
        }
        Trap::Simd => {
            let mxcsr = u64::from(mxcsr(&cpu.slots));
            (TRAP_XF, fault(SIGFPE, fpe_code(mxcsr & !(mxcsr >> 7)), cpu.pc))
        }
        Trap::SingleStep => (TRAP_DB, fault(SIGTRAP, TRAP_TRACE, cpu.pc)),
    };
    note(cpu, vector, 0);
    info
}

/// `send_sigtrap` with TRAP_BRKPT: the step ended in the kernel. It is a system call still, to be restarted if it was cut
/// short.
pub(crate) fn step_over_syscall(cpu: &mut Cpu) -> Siginfo {
    cpu.set(TRAP_NO, TRAP_DB);
    cpu.set(ERROR_CODE, 0);
    fault(SIGTRAP, TRAP_BRKPT, cpu.pc)
}

/// `fpu__exception_code`: the first unmasked exception in this order.
fn fpe_code(raised: u64) -> i32 {
    match raised {
        r if r & 1 != 0 => FPE_FLTINV,
        r if r & 4 != 0 => FPE_FLTDIV,
        r if r & 8 != 0 => FPE_FLTOVF,
        r if r & 0x12 != 0 => FPE_FLTUND,
        r if r & 0x20 != 0 => FPE_FLTRES,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_say_what_linux_says() {
        let mut cpu = Cpu::new(&crate::X86_64);
        let write = |addr| Fault { addr, access: Access::Write };
        let info = fault_signal(&mut cpu, write(0x1000), FaultKind::NotMapped);
        assert_eq!((info.signo, info.code, info.fields), (SIGSEGV, SEGV_MAPERR, Fields::Fault { addr: 0x1000 }));
        assert_eq!((cpu.get(TRAP_NO), cpu.get(ERROR_CODE), cpu.get(CR2)), (14, 6, 0x1000));
        // Above our TASK_SIZE but canonical: an address; beyond that: none.
        let info = fault_signal(&mut cpu, write(0x7fff_ffff_f000), FaultKind::NotMapped);
        assert_eq!((info.code, info.fields), (SEGV_MAPERR, Fields::Fault { addr: 0x7fff_ffff_f000 }));
        let info = fault_signal(&mut cpu, write(0x8000_0000_0000), FaultKind::NotMapped);
        assert_eq!((info.signo, info.code, info.fields), (SIGSEGV, SI_KERNEL, Fields::None));
        assert_eq!((cpu.get(TRAP_NO), cpu.get(CR2)), (13, 0x7fff_ffff_f000), "cr2 is the last page fault's");
        let info = fault_signal(&mut cpu, write(0x2000), FaultKind::PastEof);
        assert_eq!((info.signo, info.code), (SIGBUS, BUS_ADRERR));
    }

    #[test]
    fn traps_say_what_linux_says() {
        let mut cpu = Cpu::new(&crate::X86_64);
        cpu.pc = 0x40_0000;
        cpu.set(ORIG_RAX, 1);
        let info = trap_signal(&mut cpu, Trap::DivideError);
        assert_eq!((info.signo, info.code, info.fields), (SIGFPE, FPE_INTDIV, Fields::Fault { addr: 0x40_0000 }));
        assert_eq!(cpu.get(ORIG_RAX), u64::MAX);
        let info = trap_signal(&mut cpu, Trap::Breakpoint);
        assert_eq!((info.signo, info.code, cpu.get(TRAP_NO)), (SIGTRAP, SI_KERNEL, 3));
        let info = trap_signal(&mut cpu, Trap::Illegal);
        assert_eq!((info.signo, info.code, cpu.get(TRAP_NO)), (SIGILL, ILL_ILLOPN, 6));
        cpu.set(FPU_CW, 0x37b);
        cpu.set(FPU_SW, 0x84);
        let info = trap_signal(&mut cpu, Trap::X87);
        assert_eq!((info.signo, info.code), (SIGFPE, FPE_FLTDIV));
    }
}
