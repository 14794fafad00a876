//! Program start, threads, traps and the facts of the port: `arch/arm64/kernel/{process,traps}.c`, `mm/fault.c`.
use crate::features::{self, MIDR};
use crate::regs::{FAULT_ADDRESS, FAULT_CODE, SP, TPIDR_EL0, x};
use crate::{AARCH64, ptrace, signal, syscall, thread_info};
use abi::{
    BUS_ADRALN, BUS_ADRERR, Errno, ILL_ILLOPC, OpenFlagBits, SEGV_ACCERR, SEGV_MAPERR, SIGBUS, SIGILL, SIGSEGV,
    SIGTRAP, Siginfo, Stat, TRAP_BRKPT, TRAP_TRACE,
};
use arch::{Access, Cpu, CpuLevel, Fault, FaultKind, LinuxAbi, Regset, ReturnPath, SyscallRequest, ThreadFlags, Trap};
use ir::FP_ENV;
use softfloat::Env;

/// arm64 Linux.
pub(crate) struct Arm64Linux;

/// Exception syndrome classes and fault status codes (DDI 0487, D17.2.37).
mod esr {
    pub(super) const INSTRUCTION_ABORT: u64 = 0x20 << 26 | IL;
    pub(super) const PC_ALIGNMENT: u64 = 0x22 << 26 | IL;
    pub(super) const DATA_ABORT: u64 = 0x24 << 26 | IL;
    pub(super) const SP_ALIGNMENT: u64 = 0x26 << 26 | IL;
    const IL: u64 = 1 << 25;
    pub(super) const WRITE: u64 = 1 << 6;
    pub(super) const TRANSLATION_0: u64 = 0x04;
    pub(super) const TRANSLATION: u64 = 0x07;
    pub(super) const PERMISSION: u64 = 0x0f;
    pub(super) const ALIGNMENT: u64 = 0x21;
    pub(super) const STATUS: u64 = 0x3f;
}

/// What the signal frame tells of a fault.
fn set_fault(cpu: &mut Cpu, addr: u64, syndrome: u64) {
    cpu.set(FAULT_ADDRESS, addr);
    cpu.set(FAULT_CODE, syndrome);
}

/// The same of an access (`set_thread_esr`): of what is not user space's a program is told nothing but that.
fn set_access_fault(cpu: &mut Cpu, addr: u64, syndrome: u64) {
    let is_users = addr < AARCH64.task_size;
    set_fault(cpu, addr, if is_users { syndrome } else { syndrome & !esr::STATUS | esr::TRANSLATION_0 });
}

impl LinuxAbi for Arm64Linux {
    fn thread_flags(&self) -> &'static ThreadFlags {
        &thread_info::FLAGS
    }

    fn syscall_enter(&self, cpu: &mut Cpu) -> SyscallRequest {
        syscall::enter(cpu)
    }

    fn syscall_caller(&self) -> &'static str {
        "invoke_syscall"
    }

    fn set_return(&self, cpu: &mut Cpu, value: i64) {
        syscall::set_return(cpu, value);
    }

    fn get_return(&self, cpu: &Cpu) -> i64 {
        cpu.get(x(0)) as i64
    }

    fn syscall_request(&self, cpu: &Cpu) -> SyscallRequest {
        syscall::request(cpu)
    }

    fn syscall_arguments(&self, cpu: &Cpu) -> (u64, [u64; 6]) {
        syscall::arguments(cpu)
    }

    fn mark_syscall_stop(&self, cpu: &mut Cpu, exit: bool) -> u64 {
        ptrace::mark_syscall_stop(cpu, exit)
    }

    fn unmark_syscall_stop(&self, cpu: &mut Cpu, saved: u64) {
        cpu.set(x(7), saved);
    }

    fn get_regset(&self, cpu: &Cpu, note: u32) -> Result<Regset, Errno> {
        ptrace::get_regset(cpu, note)
    }

    fn set_regset(&self, cpu: &mut Cpu, note: u32, data: &[u8]) -> Result<(), Errno> {
        ptrace::set_regset(cpu, note, data)
    }

    fn do_signal(&self, cpu: &mut Cpu, path: &mut dyn ReturnPath) {
        signal::do_signal(cpu, path);
    }

    fn restore_sigframe(&self, cpu: &mut Cpu, path: &mut dyn ReturnPath) -> Result<(), Errno> {
        signal::restore_sigframe(cpu, path)
    }

    fn start_thread(&self, cpu: &mut Cpu, entry: u64, sp: u64) {
        cpu.set(FP_ENV, Env::ARM.to_cell());
        cpu.pc = untagged(entry);
        cpu.set(SP, sp);
        syscall::forget(cpu);
    }

    fn copy_thread(&self, child: &mut Cpu, sp: Option<u64>, tls: Option<u64>) {
        child.set(x(0), 0);
        if let Some(sp) = sp {
            child.set(SP, sp);
        }
        if let Some(tls) = tls {
            self.set_tls(child, tls);
        }
    }

    fn stack_pointer(&self, cpu: &Cpu) -> u64 {
        cpu.get(SP)
    }

    fn set_tls(&self, cpu: &mut Cpu, tls: u64) {
        cpu.set(TPIDR_EL0, tls);
    }

    /// `do_bad_area`: notes address and syndrome for the signal frame.
    fn fault_signal(&self, cpu: &mut Cpu, fault: Fault, kind: FaultKind, _: &[u8]) -> Siginfo {
        syscall::forget(cpu);
        let class = if fault.access == Access::Execute { esr::INSTRUCTION_ABORT } else { esr::DATA_ABORT };
        let write = if fault.access == Access::Write { esr::WRITE } else { 0 };
        let (signo, code, status) = match kind {
            FaultKind::NotMapped => (SIGSEGV, SEGV_MAPERR, esr::TRANSLATION),
            FaultKind::NotPermitted => (SIGSEGV, SEGV_ACCERR, esr::PERMISSION),
            FaultKind::PastEof => (SIGBUS, BUS_ADRERR, esr::TRANSLATION),
        };
        let addr = untagged(fault.addr);
        set_access_fault(cpu, addr, class | write | status);
        Siginfo::fault(signo, code, addr)
    }

    fn trap_signal(&self, cpu: &mut Cpu, trap: Trap) -> Siginfo {
        syscall::forget(cpu);
        match trap {
            Trap::Fault(fault) => self.fault_signal(cpu, fault, FaultKind::NotMapped, &[]),
            // `do_sp_pc_abort`; these come before any fault of the access itself.
            Trap::Alignment { addr } if addr == cpu.pc && !addr.is_multiple_of(4) => {
                set_fault(cpu, 0, esr::PC_ALIGNMENT);
                Siginfo::fault(SIGBUS, BUS_ADRALN, addr)
            }
            Trap::Alignment { addr } if addr == cpu.get(SP) && !addr.is_multiple_of(16) => {
                set_fault(cpu, 0, esr::SP_ALIGNMENT);
                Siginfo::fault(SIGBUS, BUS_ADRALN, untagged(addr))
            }
            // `do_alignment_fault`
            Trap::Alignment { addr } => {
                set_access_fault(cpu, untagged(addr), esr::DATA_ABORT | esr::ALIGNMENT);
                Siginfo::fault(SIGBUS, BUS_ADRALN, untagged(addr))
            }
            Trap::Breakpoint => Siginfo::fault(SIGTRAP, TRAP_BRKPT, cpu.pc),
            Trap::SingleStep => Siginfo::fault(SIGTRAP, TRAP_TRACE, cpu.pc),
            // `force_signal_inject`; the traps of other architectures do not arise.
            _ => {
                set_fault(cpu, 0, 0);
                Siginfo::fault(SIGILL, ILL_ILLOPC, cpu.pc)
            }
        }
    }

    /// `__kernel_rt_sigreturn`: mov x8, #139; svc #0.
    fn vdso_text(&self) -> &'static [u8] {
        &[0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4]
    }

    fn hwcap(&self, level: CpuLevel) -> (u64, u64) {
        features::hwcap(level)
    }

    fn platform(&self) -> Option<&'static str> {
        Some("aarch64")
    }

    fn minsigstksz(&self) -> u64 {
        signal::MINSIGSTKSZ
    }

    fn encode_stat(&self, stat: &Stat) -> Vec<u8> {
        stat.encode_generic_64().to_vec()
    }

    fn open_flags(&self) -> OpenFlagBits {
        OpenFlagBits::ARM
    }

    fn sigaction_has_restorer(&self) -> bool {
        true
    }

    fn syscall_insn(&self) -> (&'static str, &'static [u8]) {
        ("svc #0", &[0x01, 0x00, 0x00, 0xd4])
    }

    /// `c_show` of arch/arm64/kernel/cpuinfo.c.
    fn cpuinfo(&self, cpu: u32, level: CpuLevel) -> String {
        let (implementer, variant, part, revision) = (MIDR >> 24, MIDR >> 20 & 15, MIDR >> 4 & 0xfff, MIDR & 15);
        format!(
            "processor\t: {cpu}\nBogoMIPS\t: 2000.00\nFeatures\t: {}\nCPU implementer\t: {implementer:#04x}\n\
             CPU architecture: 8\nCPU variant\t: {variant:#x}\nCPU part\t: {part:#05x}\nCPU revision\t: {revision}\n\n",
            features::names(level)
        )
    }
}

/// An address without its tag. So is one that is branched to, by an exception return as well: AArch64.BranchAddr.
pub(crate) fn untagged(addr: u64) -> u64 {
    ((addr << 8) as i64 >> 8) as u64
}
