//! What Linux on x86-64 does, as the kernel asks for it.
use crate::{cpuid, process, ptrace, regs::*, signal, syscall, thread_info, traps};
use abi::{Errno, OpenFlagBits, Siginfo, Stat, Sysno};
use arch::{
    Cpu, CpuLevel, Fault, FaultKind, LinuxAbi, Regset, ReturnPath, SyscallRequest, ThreadFlags, Trap, UserMemory,
};

pub(crate) struct X86Linux;

impl LinuxAbi for X86Linux {
    fn thread_flags(&self) -> &'static ThreadFlags {
        &thread_info::FLAGS
    }
    fn syscall_enter(&self, cpu: &mut Cpu) -> SyscallRequest {
        syscall::enter(cpu)
    }
    fn set_return(&self, cpu: &mut Cpu, value: i64) {
        cpu.set(RAX, value as u64);
    }
    fn get_return(&self, cpu: &Cpu) -> i64 {
        cpu.get(RAX) as i64
    }
    fn syscall_request(&self, cpu: &Cpu) -> SyscallRequest {
        syscall::request(cpu)
    }
    fn syscall_arguments(&self, cpu: &Cpu) -> (u64, [u64; 6]) {
        syscall::arguments(cpu)
    }
    fn step_over_syscall(&self, cpu: &mut Cpu) -> Siginfo {
        traps::step_over_syscall(cpu)
    }
    fn get_regset(&self, cpu: &Cpu, note: u32) -> Result<Regset, Errno> {
        ptrace::get_regset(cpu, note)
    }
    fn set_regset(&self, cpu: &mut Cpu, note: u32, data: &[u8]) -> Result<(), Errno> {
        ptrace::set_regset(cpu, note, data)
    }
    fn regset_request(&self, request: u64) -> Option<(u32, bool)> {
        ptrace::regset_request(request)
    }
    fn peek_user(&self, cpu: &Cpu, at: u64) -> Result<u64, Errno> {
        ptrace::peek_user(cpu, at)
    }
    fn poke_user(&self, cpu: &mut Cpu, at: u64, value: u64) -> Result<(), Errno> {
        ptrace::poke_user(cpu, at, value)
    }
    fn do_signal(&self, cpu: &mut Cpu, path: &mut dyn ReturnPath) {
        signal::do_signal(cpu, path);
    }
    fn restore_sigframe(&self, cpu: &mut Cpu, path: &mut dyn ReturnPath) -> Result<(), Errno> {
        signal::restore_sigframe(cpu, path)
    }
    fn start_thread(&self, cpu: &mut Cpu, entry: u64, sp: u64) {
        process::start_thread(cpu, entry, sp);
    }
    fn copy_thread(&self, child: &mut Cpu, sp: Option<u64>, tls: Option<u64>) {
        process::copy_thread(child, sp, tls);
    }
    fn seed_random(&self, cpu: &mut Cpu, seed: u64) {
        cpu.set(RANDOM, seed);
    }
    fn stack_pointer(&self, cpu: &Cpu) -> u64 {
        cpu.get(RSP)
    }
    fn set_tls(&self, cpu: &mut Cpu, tls: u64) {
        cpu.set(FS_BASE, tls);
    }
    fn fault_signal(&self, cpu: &mut Cpu, fault: Fault, kind: FaultKind, code: &[u8]) -> Siginfo {
        traps::fault_signal(cpu, fault, kind, code)
    }
    fn trap_signal(&self, cpu: &mut Cpu, trap: Trap) -> Siginfo {
        traps::trap_signal(cpu, trap)
    }
    fn arch_syscalls(&self) -> &'static [Sysno] {
        &[Sysno::ArchPrctl]
    }
    fn arch_syscall(
        &self,
        cpu: &mut Cpu,
        request: &SyscallRequest,
        mem: &mut dyn UserMemory,
        _online: u64,
    ) -> Option<Result<u64, Errno>> {
        match request.sysno? {
            Sysno::ArchPrctl => Some(syscall::arch_prctl(cpu, request.args[0], request.args[1], mem)),
            _ => None,
        }
    }
    fn syscall_caller(&self) -> &'static str {
        "do_syscall_64"
    }
    fn vdso_text(&self) -> &'static [u8] {
        // SA_RESTORER is required.
        &[]
    }
    fn hwcap(&self, level: CpuLevel) -> (u64, u64) {
        // HWCAP2_FSGSBASE (asm/hwcap2.h).
        let fsgsbase = u64::from(cpuid::leaf(level, 7, 0)[1] & 1) << 1;
        (cpuid::leaf(level, 1, 0)[3].into(), fsgsbase)
    }
    fn platform(&self) -> Option<&'static str> {
        Some("x86_64")
    }
    fn minsigstksz(&self) -> u64 {
        signal::SIGFRAME_SIZE
    }
    fn encode_stat(&self, stat: &Stat) -> Vec<u8> {
        stat.encode_x86_64().to_vec()
    }
    fn open_flags(&self) -> OpenFlagBits {
        OpenFlagBits::GENERIC
    }
    fn sigaction_has_restorer(&self) -> bool {
        true
    }
    fn packs_epoll_event(&self) -> bool {
        true
    }
    fn pads_semid_ds(&self) -> bool {
        true
    }
    fn syscall_insn(&self) -> (&'static str, &'static [u8]) {
        ("syscall", &[0x0f, 0x05])
    }
    fn cpuinfo(&self, cpu: u32, level: CpuLevel) -> String {
        cpuid::cpuinfo(cpu, level)
    }
}
