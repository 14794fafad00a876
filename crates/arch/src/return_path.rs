//! The shared half of a signal-return path: what every architecture's `do_signal` calls.
use abi::{Errno, SaFlags, SigAction, SigAltStack, SigSet, Siginfo};

/// Guest memory as the kernel sees it: page faults are resolved on the way; what is left over is EFAULT.
pub trait UserMemory {
    fn read(&mut self, addr: u64, buf: &mut [u8]) -> Result<(), Errno>;
    fn write(&mut self, addr: u64, data: &[u8]) -> Result<(), Errno>;
}

/// The order of events in a signal-return path, where it changed between kernels (facts R08-31).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalEra {
    /// Linux 2.6.28.
    V2_6_28,
    /// Linux 3.x and later.
    Modern,
}

/// What became of a request to freeze.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freeze {
    NotAsked,
    /// In the refrigerator: the path returns and is walked again after the thaw.
    Frozen,
    /// Back from the refrigerator.
    Thawed,
}

/// What the look for a signal came to.
pub enum GetSignal {
    /// A handler is to run.
    Deliver(Box<Delivery>),
    Nothing,
    /// Frozen, stopped, trace-stopped or dead: the path returns, and is walked again from its start, so nothing it did so
    /// far may be lost or done twice.
    Away,
}

/// One signal on its way to a handler.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub info: Siginfo,
    pub action: SigAction,
    /// The mask that rt_sigreturn restores.
    pub mask: SigSet,
    pub altstack: SigAltStack,
    /// Address of `LinuxAbi::vdso_text` in this task.
    pub trampoline: u64,
}

/// The kernel as a signal-return path sees it.
pub trait ReturnPath: UserMemory {
    fn era(&self) -> SignalEra;
    /// Enters the one shared `refrigerator()` if the task was asked to freeze. Called first by the architectures whose
    /// Linux did so in 2.6.28 (R08-31); the others freeze in `get_signal`.
    fn try_to_freeze(&mut self) -> Freeze;
    /// Freezes, stops, carries out default actions, or hands over the next signal that has a handler.
    fn get_signal(&mut self) -> GetSignal;
    /// `signal_setup_done`: the frame is written (or could not be): blocks the action's mask, or kills.
    fn signal_setup_done(&mut self, delivery: &Delivery, frame: Result<(), Errno>);
    /// No signal was delivered: puts back the mask that sigsuspend and its like saved.
    fn restore_saved_sigmask(&mut self);
    /// `set_current_blocked`, for rt_sigreturn.
    fn set_blocked(&mut self, mask: SigSet);
    /// `restore_altstack`: the alternate stack of a frame, unless `sp` is on the one in use or it is none.
    fn restore_altstack(&mut self, altstack: &SigAltStack, sp: u64);
}

/// Where a signal frame goes: on the alternate stack if the action asks for it and it is not in use, else below `sp`.
pub fn sigsp(sp: u64, delivery: &Delivery) -> u64 {
    let alt = &delivery.altstack;
    if delivery.action.flags.contains(SaFlags::SA_ONSTACK) && alt.size != 0 && !alt.is_used_at(sp) {
        alt.sp.wrapping_add(alt.size)
    } else {
        sp
    }
}
