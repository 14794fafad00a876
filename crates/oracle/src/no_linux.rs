//! What stands for Linux where an instruction set is there for itself.
use abi::{Errno, OpenFlagBits, Siginfo, Stat};
use arch::{Cpu, CpuLevel, Fault, FaultKind, LinuxAbi, Regset, ReturnPath, SyscallRequest, ThreadFlags, Trap};

/// No call of it is ever made.
#[derive(Debug)]
pub struct NoLinux;

#[rustfmt::skip]
impl LinuxAbi for NoLinux {
    fn thread_flags(&self) -> &'static ThreadFlags { unreachable!() }
    fn syscall_enter(&self, _: &mut Cpu) -> SyscallRequest { unreachable!() }
    fn set_return(&self, _: &mut Cpu, _: i64) { unreachable!() }
    fn get_return(&self, _: &Cpu) -> i64 { unreachable!() }
    fn syscall_request(&self, _: &Cpu) -> SyscallRequest { unreachable!() }
    fn syscall_arguments(&self, _: &Cpu) -> (u64, [u64; 6]) { unreachable!() }
    fn step_over_syscall(&self, _: &mut Cpu) -> Siginfo { unreachable!() }
    fn get_regset(&self, _: &Cpu, _: u32) -> Result<Regset, Errno> { unreachable!() }
    fn set_regset(&self, _: &mut Cpu, _: u32, _: &[u8]) -> Result<(), Errno> { unreachable!() }
    fn do_signal(&self, _: &mut Cpu, _: &mut dyn ReturnPath) { unreachable!() }
    fn restore_sigframe(&self, _: &mut Cpu, _: &mut dyn ReturnPath) -> Result<(), Errno> { unreachable!() }
    fn start_thread(&self, _: &mut Cpu, _: u64, _: u64) { unreachable!() }
    fn copy_thread(&self, _: &mut Cpu, _: Option<u64>, _: Option<u64>) { unreachable!() }
    fn stack_pointer(&self, _: &Cpu) -> u64 { unreachable!() }
    fn set_tls(&self, _: &mut Cpu, _: u64) { unreachable!() }
    fn fault_signal(&self, _: &mut Cpu, _: Fault, _: FaultKind, _: &[u8]) -> Siginfo { unreachable!() }
    fn trap_signal(&self, _: &mut Cpu, _: Trap) -> Siginfo { unreachable!() }
    fn syscall_caller(&self) -> &'static str { unreachable!() }
    fn vdso_text(&self) -> &'static [u8] { unreachable!() }
    fn hwcap(&self, _: CpuLevel) -> (u64, u64) { unreachable!() }
    fn platform(&self) -> Option<&'static str> { unreachable!() }
    fn minsigstksz(&self) -> u64 { unreachable!() }
    fn encode_stat(&self, _: &Stat) -> Vec<u8> { unreachable!() }
    fn open_flags(&self) -> OpenFlagBits { unreachable!() }
    fn sigaction_has_restorer(&self) -> bool { unreachable!() }
    fn syscall_insn(&self) -> (&'static str, &'static [u8]) { unreachable!() }
    fn cpuinfo(&self, _: u32, _: CpuLevel) -> String { unreachable!() }
}
