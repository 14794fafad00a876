//! Program start, threads, traps and the facts of the port: `arch/riscv/kernel/{process,traps,cpu}.c`, `mm/fault.c`.
use crate::regs::{A0, SP, TP};
use crate::{extensions, ptrace, signal, syscall, thread_info};
use abi::{
    BUS_ADRALN, BUS_ADRERR, Errno, ILL_ILLOPC, OpenFlagBits, SEGV_ACCERR, SEGV_MAPERR, SIGBUS, SIGILL, SIGSEGV,
    SIGTRAP, Siginfo, Stat, Sysno, TRAP_BRKPT,
};
use arch::{
    Cpu, CpuLevel, Fault, FaultKind, LinuxAbi, Regset, ReturnPath, SyscallRequest, ThreadFlags, Trap, UserMemory,
};
use ir::FP_ENV;
use softfloat::Env;

/// riscv Linux.
pub(crate) struct RiscvLinux;

/// What a program goes on at: sepc's lowest bit is always 0 (privileged manual, "Supervisor Exception Program Counter").
pub(crate) fn even(pc: u64) -> u64 {
    pc & !1
}

impl LinuxAbi for RiscvLinux {
    fn thread_flags(&self) -> &'static ThreadFlags {
        &thread_info::FLAGS
    }

    fn syscall_enter(&self, cpu: &mut Cpu) -> SyscallRequest {
        syscall::enter(cpu)
    }

    fn syscall_caller(&self) -> &'static str {
        "do_trap_ecall_u"
    }

    fn set_return(&self, cpu: &mut Cpu, value: i64) {
        syscall::set_return(cpu, value);
    }

    fn get_return(&self, cpu: &Cpu) -> i64 {
        cpu.get(A0) as i64
    }

    fn syscall_request(&self, cpu: &Cpu) -> SyscallRequest {
        syscall::request(cpu)
    }

    fn syscall_arguments(&self, cpu: &Cpu) -> (u64, [u64; 6]) {
        syscall::arguments(cpu)
    }

    /// The port has no single step: PTRACE_SINGLESTEP is EIO.
    fn has_single_step(&self) -> bool {
        false
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
        cpu.set(FP_ENV, Env::RISCV.to_cell());
        cpu.pc = even(entry);
        cpu.set(SP, sp);
    }

    fn copy_thread(&self, child: &mut Cpu, sp: Option<u64>, tls: Option<u64>) {
        child.set(A0, 0);
        syscall::forget(child);
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
        cpu.set(TP, tls);
    }

    /// `bad_area`, `do_sigbus`.
    fn fault_signal(&self, _: &mut Cpu, fault: Fault, kind: FaultKind, _: &[u8]) -> Siginfo {
        match kind {
            FaultKind::NotMapped => Siginfo::fault(SIGSEGV, SEGV_MAPERR, fault.addr),
            FaultKind::NotPermitted => Siginfo::fault(SIGSEGV, SEGV_ACCERR, fault.addr),
            FaultKind::PastEof => Siginfo::fault(SIGBUS, BUS_ADRERR, fault.addr),
        }
    }

    fn trap_signal(&self, cpu: &mut Cpu, trap: Trap) -> Siginfo {
        match trap {
            Trap::Fault(fault) => self.fault_signal(cpu, fault, FaultKind::NotMapped, &[]),
            Trap::Breakpoint => Siginfo::fault(SIGTRAP, TRAP_BRKPT, cpu.pc),
            // `do_trap_error` is told the pc, not the address.
            Trap::Alignment { .. } => Siginfo::fault(SIGBUS, BUS_ADRALN, cpu.pc),
            // The traps of other architectures do not arise.
            _ => Siginfo::fault(SIGILL, ILL_ILLOPC, cpu.pc),
        }
    }

    fn arch_syscalls(&self) -> &'static [Sysno] {
        syscall::OWN
    }

    fn arch_syscall(
        &self,
        cpu: &mut Cpu,
        request: &SyscallRequest,
        mem: &mut dyn UserMemory,
        online: u64,
    ) -> Option<Result<u64, Errno>> {
        syscall::own(cpu, request, mem, online)
    }

    /// `__vdso_rt_sigreturn`: li a7, 139; ecall. Unwinders know it by these two words.
    fn vdso_text(&self) -> &'static [u8] {
        &[0x93, 0x08, 0xb0, 0x08, 0x73, 0x00, 0x00, 0x00]
    }

    fn hwcap(&self, _: CpuLevel) -> (u64, u64) {
        (extensions::hwcap(), 0)
    }

    fn platform(&self) -> Option<&'static str> {
        None
    }

    fn minsigstksz(&self) -> u64 {
        signal::MINSIGSTKSZ
    }

    fn encode_stat(&self, stat: &Stat) -> Vec<u8> {
        stat.encode_generic_64().to_vec()
    }

    fn open_flags(&self) -> OpenFlagBits {
        OpenFlagBits::GENERIC
    }

    fn sigaction_has_restorer(&self) -> bool {
        false
    }

    fn syscall_insn(&self) -> (&'static str, &'static [u8]) {
        ("ecall", &[0x73, 0x00, 0x00, 0x00])
    }

    /// `c_show` of arch/riscv/kernel/cpu.c.
    fn cpuinfo(&self, cpu: u32, level: CpuLevel) -> String {
        let isa = extensions::isa(level);
        format!(
            "processor\t: {cpu}\nhart\t\t: {cpu}\nisa\t\t: {isa}\nmmu\t\t: sv39\nmvendorid\t: 0x0\nmarchid\t\t: 0x0\n\
             mimpid\t\t: 0x0\nhart isa\t: {isa}\n\n"
        )
    }
}
