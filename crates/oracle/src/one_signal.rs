//! A kernel that has one signal at most.
use crate::Bytes;
use abi::{Errno, Fields, SaFlags, SigAction, SigAltStack, SigSet, Siginfo};
use arch::{Delivery, Freeze, GetSignal, ReturnPath, SignalEra, UserMemory};

pub const HANDLER: u64 = 0x40_0000;
pub const RESTORER: u64 = 0x40_1000;
pub const TRAMPOLINE: u64 = 0x50_0000;

/// It writes frames to `stack`, and notes what it is asked to do.
pub struct OneSignal {
    pub stack: Bytes,
    pub next: GetSignal,
    /// Whether the frame was written.
    pub done: Option<Result<(), Errno>>,
    pub mask_restored: bool,
    /// What rt_sigreturn restored.
    pub blocked: Option<SigSet>,
    /// With the stack pointer at that time.
    pub altstack: Option<(SigAltStack, u64)>,
}

impl OneSignal {
    pub fn new(stack: Bytes, next: GetSignal) -> OneSignal {
        OneSignal { stack, next, done: None, mask_restored: false, blocked: None, altstack: None }
    }
    pub fn word(&self, addr: u64) -> u64 {
        self.stack.word(addr)
    }
    pub fn half(&self, addr: u64) -> u32 {
        self.word(addr) as u32
    }
}

impl UserMemory for OneSignal {
    fn read(&mut self, addr: u64, buf: &mut [u8]) -> Result<(), Errno> {
        self.stack.read(addr, buf)
    }
    fn write(&mut self, addr: u64, data: &[u8]) -> Result<(), Errno> {
        self.stack.write(addr, data)
    }
}

impl ReturnPath for OneSignal {
    fn era(&self) -> SignalEra {
        SignalEra::Modern
    }
    fn try_to_freeze(&mut self) -> Freeze {
        panic!("today's kernels freeze in get_signal");
    }
    fn get_signal(&mut self) -> GetSignal {
        std::mem::replace(&mut self.next, GetSignal::Away)
    }
    fn signal_setup_done(&mut self, _: &Delivery, frame: Result<(), Errno>) {
        self.done = Some(frame);
    }
    fn restore_saved_sigmask(&mut self) {
        self.mask_restored = true;
    }
    fn set_blocked(&mut self, mask: SigSet) {
        self.blocked = Some(mask);
    }
    fn restore_altstack(&mut self, altstack: &SigAltStack, sp: u64) {
        self.altstack = Some((*altstack, sp));
    }
}

/// SIGUSR1 from process 7 of user 8.
pub fn delivery(flags: SaFlags, altstack: SigAltStack) -> GetSignal {
    GetSignal::Deliver(Box::new(Delivery {
        info: Siginfo { signo: 10, errno: 0, code: 0, fields: Fields::Kill { pid: 7, uid: 8 } },
        action: SigAction { handler: HANDLER, flags, restorer: RESTORER, mask: SigSet::EMPTY },
        mask: SigSet(0x1234_5678_9abc_def0),
        altstack,
        trampoline: TRAMPOLINE,
    }))
}
