//! Restarting an interrupted system call where the first argument's register is also the result's: what such a port's
//! `do_signal` does around `get_signal`.
use crate::{Cpu, Delivery, GetSignal, ReturnPath};
use abi::{Errno, GENERIC_RESTART_SYSCALL, Restart};
use ir::Reg;

/// The registers such a port restarts a call with. An interrupted call is rewound before `get_signal`, so that a tracer
/// sees it so, and that may be undone after it. What Linux keeps on its stack meanwhile is in two cells, as a path that
/// comes `Away` is walked again.
#[derive(Debug)]
pub struct RestartRegs {
    /// First argument and result.
    pub result: Reg,
    /// The first argument as it was when the call was entered (`pt_regs.orig_x0`).
    pub argument: Reg,
    pub number: Reg,
    /// Cell: the result of the call that was rewound (`retval`); 0 = none was.
    pub rewound: Reg,
    /// Cell: where it was rewound to (`restart_addr`).
    pub rewound_to: Reg,
    /// Length of the system call instruction.
    pub insn: u64,
}

impl RestartRegs {
    /// Before `get_signal`, where a call was being made: if it was interrupted, back onto its instruction.
    pub fn rewind(&self, cpu: &mut Cpu) {
        let result = cpu.get(self.result);
        if Restart::of(result as i64).is_some() {
            cpu.set(self.result, cpu.get(self.argument));
            cpu.pc = cpu.pc.wrapping_sub(self.insn);
            cpu.set(self.rewound, result);
            cpu.set(self.rewound_to, cpu.pc);
        }
    }

    /// Whether a call is rewound and what became of it is not decided yet.
    pub fn is_rewound(&self, cpu: &Cpu) -> bool {
        cpu.get(self.rewound) != 0
    }

    /// The rest of the walk; `setup_rt_frame` writes the frame and enters the handler.
    pub fn walk(
        &self,
        cpu: &mut Cpu,
        path: &mut dyn ReturnPath,
        setup_rt_frame: fn(&mut Cpu, &mut dyn ReturnPath, &Delivery) -> Result<(), Errno>,
    ) {
        let signal = path.get_signal();
        if matches!(signal, GetSignal::Away) {
            return;
        }
        // A tracer that went elsewhere has decided for itself.
        let restart = Restart::of(cpu.get(self.rewound) as i64).filter(|_| cpu.pc == cpu.get(self.rewound_to));
        cpu.set(self.rewound, 0);
        if let GetSignal::Deliver(delivery) = signal {
            if restart.is_some_and(|restart| restart.is_ended_by(delivery.action.flags)) {
                cpu.set(self.result, Errno::EINTR.to_return());
                cpu.pc = cpu.pc.wrapping_add(self.insn);
            }
            let written = setup_rt_frame(cpu, path, &delivery);
            path.signal_setup_done(&delivery, written);
        } else {
            if restart == Some(Restart::Block) {
                cpu.set(self.number, GENERIC_RESTART_SYSCALL);
            }
            path.restore_saved_sigmask();
        }
    }
}
