//! arch/x86/kernel/traps.c and mm/fault.c: which signal a trap becomes, and what it leaves for the frame.
use crate::isa::{Decoded, decode};
use crate::regs::*;
use abi::*;
use arch::{Access, Cpu, Fault, FaultKind, Trap};
use iced_x86::{InstructionInfoFactory, Mnemonic, Register, UsedMemory};

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

/// Where Linux's own addresses begin (asm/page_64.h); ours end earlier.
const TASK_SIZE_MAX: u64 = (1 << 47) - 4096;

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

/// IRET, on the way back to user space, does not take this selector (`fixup_bad_iret`).
pub(crate) fn bad_iret(cpu: &mut Cpu, selector: u16) {
    note(cpu, TRAP_GP, (selector & !3).into());
}

fn fault(signo: u8, code: i32, addr: u64) -> Siginfo {
    Siginfo { signo, errno: 0, code, fields: Fields::Fault { addr } }
}

/// Whether the access of the instruction at the pc that is at `addr` goes through the stack segment: pushes, pops, and
/// operands based on rsp or rbp. Of the overrides only FS and GS count in 64-bit mode.
fn is_stack_access(cpu: &Cpu, code: &[u8], addr: u64) -> bool {
    let Decoded::Insn(insn) = decode(cpu.pc, code) else { return false };
    let mut factory = InstructionInfoFactory::new();
    let is_stack = |memory: &&UsedMemory| {
        matches!(memory.base().full_register(), Register::RSP | Register::RBP)
            && !matches!(memory.segment(), Register::FS | Register::GS)
    };
    let mut used = factory.info(&insn).used_memory().iter().filter(is_stack);
    if matches!(insn.mnemonic(), Mnemonic::Bt | Mnemonic::Bts | Mnemonic::Btr | Mnemonic::Btc) {
        // A bit's number moves the address.
        return used.next().is_some();
    }
    used.any(|memory| covers(cpu, memory, addr))
}

fn covers(cpu: &Cpu, memory: &UsedMemory, addr: u64) -> bool {
    let size = memory.memory_size().size().max(1) as u64;
    memory.virtual_address(0, |register, _, _| value_of(cpu, register)).is_some_and(|at| addr.wrapping_sub(at) < size)
}

/// A register as an address is made of it; segments begin at 0.
fn value_of(cpu: &Cpu, register: Register) -> Option<u64> {
    if register.is_segment_register() {
        return Some(match register {
            Register::FS => cpu.get(FS_BASE),
            Register::GS => cpu.get(GS_BASE),
            _ => 0,
        });
    }
    let value = register.is_gpr().then(|| cpu.get(gpr(register.number() as u8)))?;
    Some(if register.size() == 4 { value & 0xffff_ffff } else { value })
}

/// Where the instruction at the pc stores, if it is one that Linux carries out for user space (UMIP): its faults are
/// copy_to_user's.
fn emulated_store(cpu: &Cpu, code: &[u8]) -> Option<u64> {
    use Mnemonic::{Sgdt, Sidt, Sldt, Smsw, Str};
    let Decoded::Insn(insn) = decode(cpu.pc, code) else { return None };
    let emulated = matches!(insn.mnemonic(), Sgdt | Sidt | Sldt | Smsw | Str);
    emulated.then(|| insn.virtual_address(0, 0, |register, _, _| value_of(cpu, register)))?
}

pub(crate) fn fault_signal(cpu: &mut Cpu, at: Fault, kind: FaultKind, code: &[u8]) -> Siginfo {
    if at.access == Access::Write
        && let Some(addr) = emulated_store(cpu, code)
    {
        note(cpu, TRAP_PF, PF_USER | PF_WRITE);
        cpu.set(CR2, addr);
        return fault(SIGSEGV, SEGV_MAPERR, addr);
    }
    if !is_canonical(at.addr) {
        if at.access != Access::Execute && is_stack_access(cpu, code, at.addr) {
            note(cpu, TRAP_SS, 0);
            return Siginfo::kernel(SIGBUS);
        }
        note(cpu, TRAP_GP, 0);
        return Siginfo::kernel(SIGSEGV);
    }
    let mut error_code = PF_USER;
    // Addresses of the kernel always look mapped, so that nobody can probe them (`sanitize_error_code`).
    if kind == FaultKind::NotPermitted || at.addr >= TASK_SIZE_MAX {
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
        Trap::Fault(at) => return fault_signal(cpu, at, FaultKind::NotMapped, &[]),
        // Assists stay in the engine.
        Trap::Illegal | Trap::Assist => (TRAP_UD, fault(SIGILL, ILL_ILLOPN, cpu.pc)),
        Trap::Breakpoint => (TRAP_BP, Siginfo::kernel(SIGTRAP)),
        Trap::DivideError => (TRAP_DE, fault(SIGFPE, FPE_INTDIV, cpu.pc)),
        Trap::Overflow => (TRAP_OF, Siginfo::kernel(SIGSEGV)),
        Trap::GeneralProtection => (TRAP_GP, Siginfo::kernel(SIGSEGV)),
        Trap::StackFault => (TRAP_SS, Siginfo::kernel(SIGBUS)),
        Trap::Alignment { .. } => (TRAP_AC, fault(SIGBUS, BUS_ADRALN, 0)),
        Trap::X87 => {
            let raised = cpu.get(FPU_SW) & !cpu.get(FPU_CW);
            (TRAP_MF, fault(SIGFPE, fpe_code(raised), cpu.pc))
        }
        Trap::Simd => {
            let mxcsr = u64::from(mxcsr(&cpu.slots));
            (TRAP_XF, fault(SIGFPE, fpe_code(mxcsr & !(mxcsr >> 7)), cpu.pc))
        }
        // The engine keeps the last one to itself.
        Trap::SingleStep | Trap::Alone => (TRAP_DB, fault(SIGTRAP, TRAP_TRACE, cpu.pc)),
        Trap::Debug => (TRAP_DB, fault(SIGTRAP, TRAP_BRKPT, cpu.pc)),
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
        let info = fault_signal(&mut cpu, write(0x1000), FaultKind::NotMapped, &[]);
        assert_eq!((info.signo, info.code, info.fields), (SIGSEGV, SEGV_MAPERR, Fields::Fault { addr: 0x1000 }));
        assert_eq!((cpu.get(TRAP_NO), cpu.get(ERROR_CODE), cpu.get(CR2)), (14, 6, 0x1000));
        // Above our TASK_SIZE but canonical: an address; beyond that: none.
        let info = fault_signal(&mut cpu, write(0x7fff_ffff_f000), FaultKind::NotMapped, &[]);
        assert_eq!((info.code, info.fields), (SEGV_MAPERR, Fields::Fault { addr: 0x7fff_ffff_f000 }));
        assert_eq!(cpu.get(ERROR_CODE), 7, "what is there is nobody's business");
        fault_signal(&mut cpu, write(0x7fff_ffff_efff), FaultKind::NotMapped, &[]);
        assert_eq!(cpu.get(ERROR_CODE), 6);
        let fetch = Fault { addr: 0x7fff_ffff_f000, access: Access::Execute };
        fault_signal(&mut cpu, fetch, FaultKind::NotMapped, &[]);
        assert_eq!(cpu.get(ERROR_CODE), 0x15);
        let info = fault_signal(&mut cpu, write(0x8000_0000_0000), FaultKind::NotMapped, &[]);
        assert_eq!((info.signo, info.code, info.fields), (SIGSEGV, SI_KERNEL, Fields::None));
        assert_eq!((cpu.get(TRAP_NO), cpu.get(CR2)), (13, 0x7fff_ffff_f000), "cr2 is the last page fault's");
        let info = fault_signal(&mut cpu, write(0x2000), FaultKind::PastEof, &[]);
        assert_eq!((info.signo, info.code), (SIGBUS, BUS_ADRERR));
        // push rax; mov eax, [rbp+8]; mov eax, [rbx].
        cpu.set(RSP, 1 << 63);
        cpu.set(RBP, 1 << 63);
        cpu.set(RBX, 1 << 63);
        for (code, addr, signo) in [
            (&[0x50][..], (1 << 63) - 8, SIGBUS),
            (&[0x8b, 0x45, 0x08], (1 << 63) + 8, SIGBUS),
            (&[0x8b, 0x03], 1 << 63, SIGSEGV),
        ] {
            let info = fault_signal(&mut cpu, write(addr), FaultKind::NotMapped, code);
            assert_eq!((info.signo, info.code), (signo, SI_KERNEL), "{code:x?}");
        }
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
