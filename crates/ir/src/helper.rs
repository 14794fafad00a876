//! Helpers: what the operations cannot say, as functions that interpreter and JIT both call.
use crate::{GuestMemory, Slot, Slots, Trap};

/// One helper. The counts tell the optimiser which slots a call touches.
pub struct Helper {
    pub name: &'static str,
    /// How many slots it writes from `d` up.
    pub writes: u8,
    /// How many slots it reads from `a`, `b` and `c` up.
    pub reads: [u8; 3],
    /// Reads and writes `FP_ENV`.
    pub fp_env: bool,
    pub run: HelperFn,
}

/// The operands of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallArgs {
    pub d: Slot,
    pub a: Slot,
    pub b: Slot,
    pub c: Slot,
    pub imm: u16,
}

/// A helper's code.
#[derive(Clone, Copy)]
pub enum HelperFn {
    /// A function of the slots it names.
    Pure(fn(&mut Slots, CallArgs)),
    /// May read and write any guest register and memory, and may trap. Writes no register before its last access that can fault.
    Machine(fn(&mut Slots, &mut dyn GuestMemory, CallArgs) -> Result<(), Trap>),
}

impl Helper {
    /// A pure helper: writes `writes` slots from d, reads `reads` slots from a, b, c.
    pub const fn pure(name: &'static str, writes: u8, reads: [u8; 3], run: fn(&mut Slots, CallArgs)) -> Helper {
        Helper { name, writes, reads, fp_env: false, run: HelperFn::Pure(run) }
    }
    /// A pure helper that also uses the floating-point environment.
    pub const fn fp(name: &'static str, writes: u8, reads: [u8; 3], run: fn(&mut Slots, CallArgs)) -> Helper {
        Helper { name, writes, reads, fp_env: true, run: HelperFn::Pure(run) }
    }
    /// A helper over the whole machine.
    pub const fn machine(
        name: &'static str,
        run: fn(&mut Slots, &mut dyn GuestMemory, CallArgs) -> Result<(), Trap>,
    ) -> Helper {
        Helper { name, writes: 0, reads: [0; 3], fp_env: true, run: HelperFn::Machine(run) }
    }
    pub fn is_machine(&self) -> bool {
        matches!(self.run, HelperFn::Machine(_))
    }
}

impl std::fmt::Debug for Helper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Helper {
    fn eq(&self, other: &Helper) -> bool {
        self.name == other.name
    }
}
