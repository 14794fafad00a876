//! System call entry and return, `do_trap_ecall_u` of arch/riscv/kernel/traps.c.
use crate::hwprobe;
use crate::regs::{A0, A7, IN_SYSCALL, ORIG_A0, x};
use abi::{Errno, Restart, Sysno, generic_sysno};
use arch::{Cpu, SyscallRequest, UserMemory};
use ir::EX_SIZE;

/// The port's own calls; the others have the generic numbers.
pub(crate) const OWN: &[Sysno] = &[Sysno::RiscvHwprobe, Sysno::RiscvFlushIcache];

fn sysno(nr: u64) -> Option<Sysno> {
    match nr {
        258 => Some(Sysno::RiscvHwprobe),
        259 => Some(Sysno::RiscvFlushIcache),
        nr => generic_sysno(nr),
    }
}

/// a0 says that nothing was done until something is.
pub(crate) fn enter(cpu: &mut Cpu) -> SyscallRequest {
    cpu.set(EX_SIZE, 0);
    cpu.set(ORIG_A0, cpu.get(A0));
    cpu.set(A0, Errno::ENOSYS.to_return());
    cpu.set(IN_SYSCALL, 1);
    request(cpu)
}

/// `clone`'s arguments are in the generic order already.
pub(crate) fn request(cpu: &Cpu) -> SyscallRequest {
    let (nr, args) = arguments(cpu);
    SyscallRequest { nr, sysno: sysno(nr), args }
}

/// `syscall_get_nr`, `syscall_get_arguments`: the first is the one kept for a restart.
pub(crate) fn arguments(cpu: &Cpu) -> (u64, [u64; 6]) {
    let mut args = std::array::from_fn(|n| cpu.get(x(10 + n as u8)));
    args[0] = cpu.get(ORIG_A0);
    (cpu.get(A7), args)
}

/// Nothing will be restarted. Linux notes the cause of each trap instead; here only calls are entered.
pub(crate) fn forget(cpu: &mut Cpu) {
    cpu.set(IN_SYSCALL, 0);
}

/// A call that ended is forgotten at once: were it not, user code could be taken for it that happens to hold -512 in a0
/// when it is interrupted.
pub(crate) fn set_return(cpu: &mut Cpu, value: i64) {
    cpu.set(A0, value as u64);
    if Restart::of(value).is_none() {
        forget(cpu);
    }
}

/// The port's own calls.
pub(crate) fn own(
    cpu: &Cpu,
    request: &SyscallRequest,
    mem: &mut dyn UserMemory,
    online: u64,
) -> Option<Result<u64, Errno>> {
    /// SYS_RISCV_FLUSH_ICACHE_LOCAL: this hart alone.
    const LOCAL: u64 = 1;
    match request.sysno? {
        Sysno::RiscvHwprobe => Some(hwprobe::riscv_hwprobe(&request.args, mem, online, cpu.level())),
        // A store to code is seen by the next instruction, so there is nothing to flush.
        Sysno::RiscvFlushIcache if request.args[2] & !LOCAL != 0 => Some(Err(Errno::EINVAL)),
        Sysno::RiscvFlushIcache => Some(Ok(0)),
        _ => None,
    }
}
