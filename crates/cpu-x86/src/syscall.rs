//! The system call convention (arch/x86/entry/calling.h) and the calls only x86 has.
use crate::regs::*;
use abi::{Errno, Sysno, x86_64_sysno};
use arch::{Cpu, SyscallRequest, UserMemory};

/// `-ENOSYS`, what rax holds while a call is being made.
const NO_RESULT: u64 = Errno::ENOSYS.0 as u64;

/// SYSCALL leaves the next address in rcx and the flags in r11.
pub(crate) fn enter(cpu: &mut Cpu) -> SyscallRequest {
    let nr = cpu.get(RAX);
    let flags = rflags(&cpu.slots);
    cpu.set(RCX, cpu.pc);
    cpu.set(R11, flags);
    cpu.set(ORIG_RAX, nr);
    cpu.set(RAX, NO_RESULT.wrapping_neg());
    request(cpu)
}

/// The registers' own order.
pub(crate) fn arguments(cpu: &Cpu) -> (u64, [u64; 6]) {
    (cpu.get(ORIG_RAX), [RDI, RSI, RDX, R10, R8, R9].map(|r| cpu.get(r)))
}

pub(crate) fn request(cpu: &Cpu) -> SyscallRequest {
    let (nr, mut args) = arguments(cpu);
    let sysno = x86_64_sysno(nr);
    if sysno == Some(Sysno::Clone) {
        // flags, stack, parent_tid, child_tid, tls here; the generic order has tls before child_tid.
        args.swap(3, 4);
    }
    SyscallRequest { nr, sysno, args }
}

const ARCH_SET_GS: u64 = 0x1001;
const ARCH_SET_FS: u64 = 0x1002;
const ARCH_GET_FS: u64 = 0x1003;
const ARCH_GET_GS: u64 = 0x1004;

/// arch/x86/kernel/process_64.c, do_arch_prctl_64.
pub(crate) fn arch_prctl(cpu: &mut Cpu, code: u64, addr: u64, mem: &mut dyn UserMemory) -> Result<u64, Errno> {
    let base = match code {
        ARCH_SET_FS | ARCH_GET_FS => FS_BASE,
        ARCH_SET_GS | ARCH_GET_GS => GS_BASE,
        _ => return Err(Errno::EINVAL),
    };
    match code {
        ARCH_SET_FS | ARCH_SET_GS if addr >= crate::X86_64.task_size => return Err(Errno::EPERM),
        ARCH_SET_FS | ARCH_SET_GS => cpu.set(base, addr),
        _ => mem.write(addr, &cpu.get(base).to_le_bytes())?,
    }
    Ok(0)
}
