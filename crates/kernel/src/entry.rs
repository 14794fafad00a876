//! Where a task enters and leaves the kernel.
use crate::mm::FaultOutcome;
use crate::{Kernel, Tid, signal, syscall};
use arch::{Exit, Tif, Trap};

/// Finishes what `tid` has to do in the kernel; true when it may enter user mode (R08-11: with no flag set that is work).
pub(crate) fn exit_to_user(kernel: &mut Kernel, tid: Tid) -> bool {
    if kernel.tasks[tid].trace_stop.is_some() && !kernel.ptrace_resumed(tid) {
        return false;
    }
    if kernel.tasks.get(tid).is_some_and(|task| task.is_runnable() && task.in_syscall.is_some()) {
        syscall::resume(kernel, tid);
    } else if kernel.tasks.get(tid).is_some_and(|task| task.kthread) {
        crate::task::run_kthread(kernel, tid);
        return false;
    }
    while let Some(task) = kernel.tasks.get(tid) {
        if !task.is_runnable() {
            return false;
        }
        if !task.walk && !task.thread_info.test(Tif::SigPending) {
            return true;
        }
        signal::do_signal(kernel, tid);
    }
    false
}

impl Kernel {
    /// Takes back a task that was lent out: it ran `ticks` instructions and stopped because of `exit`.
    pub fn handle(&mut self, tid: Tid, exit: Exit, ticks: u64) {
        self.account(tid, ticks);
        match exit {
            Exit::Budget if self.tasks[tid].single_step && ticks > 0 => self.handle_trap(tid, Trap::SingleStep),
            Exit::Budget => {}
            Exit::Syscall => {
                self.account_syscall(tid);
                syscall::enter(self, tid);
            }
            Exit::Trap(trap) => self.handle_trap(tid, trap),
        }
    }

    /// A page that was not there is brought in; anything else is a signal.
    fn handle_trap(&mut self, tid: Tid, trap: Trap) {
        let info = match trap {
            Trap::Fault(fault) => match self.handle_fault(tid, fault) {
                FaultOutcome::Resolved => return,
                FaultOutcome::Bad(kind) => {
                    let (code, len) = self.code_at(tid, self.tasks[tid].cpu.pc);
                    let cpu = &mut self.tasks[tid].cpu;
                    cpu.arch.abi.fault_signal(cpu, fault, kind, &code[..len])
                }
                FaultOutcome::OutOfMemory => return self.out_of_memory(tid),
            },
            trap => {
                let cpu = &mut self.tasks[tid].cpu;
                let info = cpu.arch.abi.trap_signal(cpu, trap);
                if trap == Trap::Illegal {
                    self.trace_illegal(tid);
                }
                info
            }
        };
        self.force_signal(tid, info);
    }

    /// What can be read of an instruction at `pc`.
    fn code_at(&mut self, tid: Tid, pc: u64) -> ([u8; 16], usize) {
        let mut code = [0; 16];
        let len = (1..=16).rev().find(|&len| self.user(tid).read(pc, &mut code[..len]).is_ok()).unwrap_or(0);
        (code, len)
    }

    /// An instruction we do not have, or nobody has: one line that says which.
    fn trace_illegal(&mut self, tid: Tid) {
        let pc = self.tasks[tid].cpu.pc;
        let (code, len) = self.code_at(tid, pc);
        let task = &self.tasks[tid];
        let (_, text) = task.arch().isa.disassemble(pc, &code[..len]);
        let bytes: Vec<String> = code[..len.min(8)].iter().map(|byte| format!("{byte:02x}")).collect();
        let line = format!("{} illegal instruction at {pc:#x}: {} {text}", task.label(), bytes.join(" "));
        self.trace.line(crate::TraceKind::Missing, || line);
    }
}
