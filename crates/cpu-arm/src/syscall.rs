//! System call entry and return, `arch/arm64/kernel/syscall.c`.
use crate::regs::{NO_SYSCALL, ORIG_X0, SYSCALLNO, x};
use abi::{Restart, generic_sysno};
use arch::{Cpu, SyscallRequest};
use ir::EX_SIZE;

/// The number is the low half of X8, as `el0_svc` reads it; `clone`'s arguments are in the generic order already.
pub(crate) fn enter(cpu: &mut Cpu) -> SyscallRequest {
    cpu.set(EX_SIZE, 0);
    let nr = cpu.get(x(8)) & 0xffff_ffff;
    cpu.set(ORIG_X0, cpu.get(x(0)));
    cpu.set(SYSCALLNO, nr);
    request(cpu)
}

pub(crate) fn request(cpu: &Cpu) -> SyscallRequest {
    let nr = cpu.get(SYSCALLNO);
    SyscallRequest { nr, sysno: generic_sysno(nr), args: std::array::from_fn(|n| cpu.get(x(n as u8))) }
}

/// `syscall_get_arguments`: the first is the one kept for a restart.
pub(crate) fn arguments(cpu: &Cpu) -> (u64, [u64; 6]) {
    let mut args = std::array::from_fn(|n| cpu.get(x(n as u8)));
    args[0] = cpu.get(ORIG_X0);
    (cpu.get(SYSCALLNO), args)
}

/// `forget_syscall`: nothing will be restarted.
pub(crate) fn forget(cpu: &mut Cpu) {
    cpu.set(SYSCALLNO, NO_SYSCALL);
}

/// A call that ended is forgotten at once: were it not, user code could be taken for it that happens to hold -512 in X0
/// when it is interrupted.
pub(crate) fn set_return(cpu: &mut Cpu, value: i64) {
    cpu.set(x(0), value as u64);
    if Restart::of(value).is_none() {
        forget(cpu);
    }
}
