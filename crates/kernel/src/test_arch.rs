//! An architecture for the kernel's own tests: no instructions, registers that are slots, and a signal-return path in the
//! order of x86's (arch/x86/kernel/signal.c).
use crate::mm::Mm;
use crate::{Config, Kernel, Tid};
use abi::*;
use arch::*;
use ir::{Builder, Slot};

pub(crate) static TEST: Arch = Arch {
    name: "test",
    elf: ElfIdent { machine: 0, is_64: true, big_endian: false },
    task_size: 1 << 40,
    isa: &TestIsa,
    abi: &TestAbi,
};

/// The result, and the first argument.
const RESULT: Slot = Slot(0);
/// The call's number: its place in `Sysno::ALL`.
const NUMBER: Slot = Slot(8);
/// Set while a call is being made.
const IN_CALL: Slot = Slot(9);
/// The signal last delivered to a handler.
const DELIVERED: Slot = Slot(10);
/// What the generator of random numbers starts from.
pub(crate) const RANDOM: Slot = Slot(11);

struct TestIsa;

impl Isa for TestIsa {
    fn lift(&self, _pc: u64, _code: &[u8], _out: &mut Builder) -> Flow {
        unreachable!("kernel tests run no instructions")
    }
    fn disassemble(&self, _pc: u64, _code: &[u8]) -> (usize, String) {
        (4, "test".into())
    }
    fn slot_name(&self, _slot: Slot) -> Option<String> {
        None
    }
    fn canonical(&self, cpu: &Cpu) -> Vec<u64> {
        cpu.slots[..16].to_vec()
    }
}

struct TestAbi;

static FLAGS: ThreadFlags =
    ThreadFlags { sigpending: 2, need_resched: 3, notify_resume: 1, restore_sigmask: 20, syscall_trace: 0, freeze: 23 };

impl LinuxAbi for TestAbi {
    fn thread_flags(&self) -> &'static ThreadFlags {
        &FLAGS
    }
    fn syscall_enter(&self, cpu: &mut Cpu) -> SyscallRequest {
        cpu.set(IN_CALL, 1);
        let nr = cpu.get(NUMBER);
        let args = std::array::from_fn(|n| cpu.slots[n + 1]);
        SyscallRequest { nr, sysno: Sysno::ALL.get(nr as usize).copied(), args }
    }
    fn set_return(&self, cpu: &mut Cpu, value: i64) {
        cpu.set(RESULT, value as u64);
    }
    fn get_return(&self, cpu: &Cpu) -> i64 {
        cpu.get(RESULT) as i64
    }
    fn syscall_request(&self, cpu: &Cpu) -> SyscallRequest {
        let (nr, args) = self.syscall_arguments(cpu);
        SyscallRequest { nr, sysno: Sysno::ALL.get(nr as usize).copied(), args }
    }
    fn syscall_arguments(&self, cpu: &Cpu) -> (u64, [u64; 6]) {
        (cpu.get(NUMBER), std::array::from_fn(|n| cpu.slots[n + 1]))
    }
    fn step_over_syscall(&self, _cpu: &mut Cpu) -> Siginfo {
        Siginfo::kernel(SIGTRAP)
    }
    /// One set: the result and the six arguments.
    fn get_regset(&self, cpu: &Cpu, note: u32) -> Result<Regset> {
        let data = cpu.slots[..7].iter().flat_map(|word| word.to_le_bytes()).collect();
        if note == NT_PRSTATUS { Ok(Regset { word: 8, data }) } else { Err(Errno::EINVAL) }
    }
    fn set_regset(&self, cpu: &mut Cpu, _note: u32, data: &[u8]) -> Result<()> {
        for (slot, word) in cpu.slots.iter_mut().zip(data.as_chunks().0) {
            *slot = u64::from_le_bytes(*word);
        }
        Ok(())
    }
    fn do_signal(&self, cpu: &mut Cpu, path: &mut dyn ReturnPath) {
        let interrupted = cpu.get(IN_CALL) != 0;
        let code = -self.get_return(cpu);
        let again = |cpu: &mut Cpu| cpu.pc = cpu.pc.wrapping_sub(4);
        match path.get_signal() {
            GetSignal::Away => {}
            GetSignal::Deliver(delivery) => {
                let restart = delivery.action.flags.contains(SaFlags::SA_RESTART);
                match code {
                    514 | 516 if interrupted => self.set_return(cpu, -4),
                    512 if interrupted && !restart => self.set_return(cpu, -4),
                    512 | 513 if interrupted => again(cpu),
                    _ => {}
                }
                cpu.set(IN_CALL, 0);
                cpu.set(DELIVERED, delivery.info.signo.into());
                path.signal_setup_done(&delivery, Ok(()));
            }
            GetSignal::Nothing => {
                if interrupted {
                    match code {
                        512..=514 => again(cpu),
                        516 => {
                            cpu.set(NUMBER, Sysno::RestartSyscall as u64);
                            again(cpu);
                        }
                        _ => {}
                    }
                    cpu.set(IN_CALL, 0);
                }
                path.restore_saved_sigmask();
            }
        }
    }
    /// The first argument says what is wrong with the frame; such a one has -ERESTARTSYS for a result.
    fn restore_sigframe(&self, cpu: &mut Cpu, path: &mut dyn ReturnPath) -> Result<()> {
        path.set_blocked(SigSet::EMPTY);
        match cpu.slots[1] {
            0 => Ok(()),
            errno => {
                self.set_return(cpu, -512);
                Err(Errno(errno as u16))
            }
        }
    }
    fn start_thread(&self, cpu: &mut Cpu, entry: u64, _sp: u64) {
        cpu.pc = entry;
    }
    fn copy_thread(&self, child: &mut Cpu, _sp: Option<u64>, _tls: Option<u64>) {
        child.set(RESULT, 0);
        child.set(IN_CALL, 0);
    }
    fn seed_random(&self, cpu: &mut Cpu, seed: u64) {
        cpu.set(RANDOM, seed);
    }
    fn stack_pointer(&self, _cpu: &Cpu) -> u64 {
        0
    }
    fn set_tls(&self, _cpu: &mut Cpu, _tls: u64) {}
    fn fault_signal(&self, _cpu: &mut Cpu, fault: Fault, _kind: FaultKind, _code: &[u8]) -> Siginfo {
        Siginfo { signo: SIGSEGV, errno: 0, code: SEGV_MAPERR, fields: Fields::Fault { addr: fault.addr } }
    }
    fn trap_signal(&self, _cpu: &mut Cpu, trap: Trap) -> Siginfo {
        Siginfo::kernel(if trap == Trap::SingleStep { SIGTRAP } else { SIGILL })
    }
    fn syscall_caller(&self) -> &'static str {
        "call"
    }
    fn vdso_text(&self) -> &'static [u8] {
        &[]
    }
    fn hwcap(&self, _level: CpuLevel) -> (u64, u64) {
        (0, 0)
    }
    fn platform(&self) -> Option<&'static str> {
        Some("test")
    }
    fn minsigstksz(&self) -> u64 {
        2048
    }
    fn encode_stat(&self, _stat: &Stat) -> Vec<u8> {
        Vec::new()
    }
    fn open_flags(&self) -> OpenFlagBits {
        OpenFlagBits::GENERIC
    }
    fn sigaction_has_restorer(&self) -> bool {
        true
    }
    fn syscall_insn(&self) -> (&'static str, &'static [u8]) {
        ("call", &[0])
    }
    fn cpuinfo(&self, _cpu: u32, _level: CpuLevel) -> String {
        String::new()
    }
}

/// A machine whose init (tid 1) has memory but no program, and can fork.
pub(crate) fn machine(config: Config) -> Kernel {
    static ARCHES: [&Arch; 1] = [&TEST];
    let mut kernel = Kernel::new(config, &ARCHES);
    kernel.init_task();
    let init = crate::INIT;
    let space = kernel.frames.new_space();
    let mm = kernel.mms.insert(Mm::new(space, TEST.task_size));
    kernel.tasks[init].mm = Some(mm);
    kernel.tasks[init].cpu.pc = 0x1000;
    kernel.tasks.wake_new(init);
    kernel
}

/// Makes a call on behalf of a task that is in user mode, up to where it sleeps or ends.
pub(crate) fn call(kernel: &mut Kernel, tid: Tid, sysno: Sysno, args: &[u64]) -> Option<i64> {
    let cpu = &mut kernel.tasks[tid].cpu;
    cpu.set(NUMBER, sysno as u64);
    for (n, &arg) in args.iter().enumerate() {
        cpu.slots[n + 1] = arg;
    }
    cpu.pc += 4;
    kernel.handle(tid, Exit::Syscall, 1);
    result(kernel, tid)
}

/// The result of a task's last call, if it has one.
pub(crate) fn result(kernel: &Kernel, tid: Tid) -> Option<i64> {
    let task = kernel.tasks.get(tid)?;
    (task.in_syscall.is_none() && task.is_runnable()).then(|| TEST.abi.get_return(&task.cpu))
}

/// The signal last delivered to a handler of the task.
pub(crate) fn delivered(kernel: &Kernel, tid: Tid) -> u8 {
    kernel.tasks[tid].cpu.get(DELIVERED) as u8
}

/// Lets a task go as far as user mode; false if it does not get there.
pub(crate) fn to_user(kernel: &mut Kernel, tid: Tid) -> bool {
    kernel.tasks.get(tid).is_some_and(|task| task.is_runnable()) && crate::entry::exit_to_user(kernel, tid)
}

/// fork, by a task in user mode.
pub(crate) fn fork(kernel: &mut Kernel, parent: Tid) -> Tid {
    Tid(call(kernel, parent, Sysno::Fork, &[]).expect("fork does not sleep") as u32)
}
