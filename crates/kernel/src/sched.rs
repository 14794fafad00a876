//! The scheduler: which task runs next, on which virtual CPU, for how long. Deterministic under a seed.
use crate::task::Tid;
use arch::Cpu;
use mmu::{AddressSpace, FramePool};

/// What the machine can do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    Run(Tid),
    /// Nothing can run before a timer (`until`, virtual nanoseconds) or input from the host.
    Idle {
        until: Option<u64>,
    },
    /// Init is gone, or reboot(2): the exit status of the machine.
    Halted(u8),
}

/// A task lent out to run.
pub struct Slot<'a> {
    pub tid: Tid,
    pub cpu: &'a mut Cpu,
    pub space: &'a mut AddressSpace,
    pub frames: &'a mut FramePool,
    /// Instructions it may retire.
    pub budget: u64,
    /// Time at tick t of the slice is now + (carry + t) / share.
    pub now: u64,
    pub carry: u64,
    pub share: u64,
}

/// The scheduler's own state.
#[derive(Clone, Debug, Default)]
pub struct Scheduler {}
