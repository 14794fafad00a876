//! What Linux does on one CPU, at the border between guest and kernel.
use crate::{Cpu, CpuLevel, Fault, ReturnPath, ThreadFlags, Trap, UserMemory};
use abi::{Errno, Fields, OpenFlagBits, SI_USER, SIGTRAP, Siginfo, Stat, Sysno};

/// A system call in normal form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyscallRequest {
    /// The number the guest gave.
    pub nr: u64,
    /// What it names; `None` is ENOSYS.
    pub sysno: Option<Sysno>,
    /// Arguments in the order of the generic ABI (`clone`: flags, stack, parent_tid, tls, child_tid).
    pub args: [u64; 6],
}

/// What kind of memory fault the kernel found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// No mapping at the address: SEGV_MAPERR.
    NotMapped,
    /// The mapping does not permit the access: SEGV_ACCERR.
    NotPermitted,
    /// A mapping past the end of its file: SIGBUS, BUS_ADRERR.
    PastEof,
}

/// A register set as a tracer sees it (`struct user_regset`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regset {
    /// Sets are read and written in multiples of this many bytes.
    pub word: usize,
    pub data: Vec<u8>,
}

/// What Linux on this CPU does.
pub trait LinuxAbi: Sync {
    fn thread_flags(&self) -> &'static ThreadFlags;

    /// Entry into a system call: reads the request and notes in the register file that one is being made, for
    /// [`LinuxAbi::do_signal`] and for tracers. An exclusive reservation ends here, as nobody can see that it lasts until
    /// the way back, where the CPU or the kernel drops it.
    fn syscall_enter(&self, cpu: &mut Cpu) -> SyscallRequest;
    /// The kernel function that calls a system call's own, as /proc/PID/wchan shows it where that one has left the stack
    /// (a sleep gone on with by restart_syscall).
    fn syscall_caller(&self) -> &'static str;
    /// Writes the result register: a value, -errno, or -512..-516 (`Restart::code`) while a call is interrupted.
    fn set_return(&self, cpu: &mut Cpu, value: i64);
    /// The result register.
    fn get_return(&self, cpu: &Cpu) -> i64;

    /// The system call being made, as the registers have it now: a tracer may have changed them. No number: none is made.
    fn syscall_request(&self, cpu: &Cpu) -> SyscallRequest;
    /// Its number and arguments in this architecture's own order (`syscall_get_nr`, `syscall_get_arguments`).
    fn syscall_arguments(&self, cpu: &Cpu) -> (u64, [u64; 6]);
    /// Marks the register that says which of the two stops of a system call this is; gives what it held.
    fn mark_syscall_stop(&self, _cpu: &mut Cpu, _exit: bool) -> u64 {
        0
    }
    /// Takes the mark back.
    fn unmark_syscall_stop(&self, _cpu: &mut Cpu, _saved: u64) {}
    /// Whether a tracer can have it run one instruction (`arch_has_single_step`).
    fn has_single_step(&self) -> bool {
        true
    }
    /// The signal for a single step over a system call (`user_single_step_report`).
    fn step_over_syscall(&self, _cpu: &mut Cpu) -> Siginfo {
        Siginfo { signo: SIGTRAP, errno: 0, code: SI_USER, fields: Fields::Kill { pid: 0, uid: 0 } }
    }
    /// A register set, by its note type; EINVAL if there is no such set.
    fn get_regset(&self, cpu: &Cpu, note: u32) -> Result<Regset, Errno>;
    /// Sets the first `data.len()` bytes of one: a multiple of its word. Nothing a program could not do itself.
    fn set_regset(&self, cpu: &mut Cpu, note: u32, data: &[u8]) -> Result<(), Errno>;
    /// The set that one of this architecture's own ptrace requests (PTRACE_GETREGS) is about, and whether it sets it.
    fn regset_request(&self, _request: u64) -> Option<(u32, bool)> {
        None
    }
    /// A word of `struct user` (PTRACE_PEEKUSR); EIO where there is no such thing.
    fn peek_user(&self, _cpu: &Cpu, _at: u64) -> Result<u64, Errno> {
        Err(Errno::EIO)
    }
    fn poke_user(&self, _cpu: &mut Cpu, _at: u64, _value: u64) -> Result<(), Errno> {
        Err(Errno::EIO)
    }

    /// The signal-return path, walked while thread flags say there is work: freezes, delivers one signal or restarts the
    /// interrupted call, in the order this architecture's Linux does it. It decides from the register file alone whether
    /// a call is interrupted. After [`crate::GetSignal::Away`] it returns at once and is walked again from its start.
    fn do_signal(&self, cpu: &mut Cpu, path: &mut dyn ReturnPath);
    /// rt_sigreturn: takes back the frame `do_signal` wrote at the stack pointer, piece by piece in the order this
    /// architecture's Linux does it. An error is a SIGSEGV for a task that keeps what it has got by then. Also notes that no
    /// system call is being made any more, so that nothing is restarted.
    fn restore_sigframe(&self, cpu: &mut Cpu, path: &mut dyn ReturnPath) -> Result<(), Errno>;

    /// execve: the state a program starts with, on a CPU that is new. Everything else is zero or its architectural reset
    /// value.
    fn start_thread(&self, cpu: &mut Cpu, entry: u64, sp: u64);
    /// clone: what differs in the child (result 0, a new stack, a new thread pointer).
    fn copy_thread(&self, child: &mut Cpu, sp: Option<u64>, tls: Option<u64>);
    /// Seeds the CPU's own generator of random numbers, where there is one, for a new program or task.
    fn seed_random(&self, _cpu: &mut Cpu, _seed: u64) {}
    fn stack_pointer(&self, cpu: &Cpu) -> u64;
    fn set_tls(&self, cpu: &mut Cpu, tls: u64);

    /// The signal for a memory fault; notes fault address and error code in the register file for the frame. `code` is what
    /// can be read at the pc, as for [`crate::Isa::lift`].
    fn fault_signal(&self, cpu: &mut Cpu, fault: Fault, kind: FaultKind, code: &[u8]) -> Siginfo;
    /// The signal for any other trap. For `Trap::Fault` see [`LinuxAbi::fault_signal`].
    fn trap_signal(&self, cpu: &mut Cpu, trap: Trap) -> Siginfo;

    /// The system calls that exist on this architecture alone (arch_prctl).
    fn arch_syscalls(&self) -> &'static [Sysno] {
        &[]
    }
    /// Makes one of them; `online` is the mask of the machine's CPUs. `None`: not one of them.
    fn arch_syscall(
        &self,
        _cpu: &mut Cpu,
        _request: &SyscallRequest,
        _mem: &mut dyn UserMemory,
        _online: u64,
    ) -> Option<Result<u64, Errno>> {
        None
    }

    /// Code of the page that holds the signal trampoline, mapped read and execute into every program; its first byte is
    /// the trampoline. Empty where a restorer is required.
    fn vdso_text(&self) -> &'static [u8];
    /// AT_HWCAP and AT_HWCAP2 of a CPU of this level.
    fn hwcap(&self, level: CpuLevel) -> (u64, u64);
    /// AT_PLATFORM (`ELF_PLATFORM`), where there is one.
    fn platform(&self) -> Option<&'static str>;
    /// AT_MINSIGSTKSZ.
    fn minsigstksz(&self) -> u64;

    /// `struct stat` of this architecture.
    fn encode_stat(&self, stat: &Stat) -> Vec<u8>;
    /// This architecture's values of the O_ flags that differ between ports.
    fn open_flags(&self) -> OpenFlagBits;
    /// Whether `struct sigaction` has a restorer field (the kernel's layout).
    fn sigaction_has_restorer(&self) -> bool;
    /// Whether `struct epoll_event` is packed to 12 bytes.
    fn packs_epoll_event(&self) -> bool {
        false
    }
    /// Whether the times of `struct semid64_ds` have a word behind them.
    fn pads_semid_ds(&self) -> bool {
        false
    }
    /// Text and bytes of the system call instruction, for `minikern arch`.
    fn syscall_insn(&self) -> (&'static str, &'static [u8]);
    /// `/proc/cpuinfo` of one virtual CPU.
    fn cpuinfo(&self, cpu: u32, level: CpuLevel) -> String;
}
