//! How an instruction reaches memory, and how it fails.

/// What an access wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
    Execute,
}

/// An access the page table does not allow (yet): the kernel resolves it or makes it a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub addr: u64,
    pub access: Access,
}

/// Why an instruction cannot complete. Its registers are as before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trap {
    Fault(Fault),
    /// An undefined or unimplemented instruction.
    Illegal,
    /// A breakpoint instruction (INT3, BRK, EBREAK).
    Breakpoint,
    /// Integer division by zero or quotient overflow, where the ISA traps on it.
    DivideError,
    /// INTO / INT 4.
    Overflow,
    /// A privileged instruction or a non-canonical address.
    GeneralProtection,
    /// A non-canonical address through the stack segment.
    StackFault,
    /// A misaligned access the ISA refuses.
    Alignment {
        addr: u64,
    },
    /// An unmasked x87 exception.
    X87,
    /// An unmasked SIMD floating-point exception.
    Simd,
    /// One instruction was executed under single step.
    SingleStep,
    /// A debug trap by instruction.
    Debug,
    /// Not an exception: the instruction may change how the CPU is run (`arch::Watch`). The engine executes it alone, where
    /// this trap is ignored, and looks again.
    Alone,
    /// Not an exception either: the instruction is to be executed alone, as `Isa::lift_assisted` says.
    Assist,
}

/// Guest memory as helpers see it; an access that returns a fault has changed nothing.
pub trait GuestMemory {
    fn read(&mut self, addr: u64, buf: &mut [u8]) -> Result<(), Fault>;
    fn write(&mut self, addr: u64, data: &[u8]) -> Result<(), Fault>;
    /// Fails as a write of `len` bytes would, and does nothing else.
    fn probe_write(&mut self, addr: u64, len: usize) -> Result<(), Fault>;
}
