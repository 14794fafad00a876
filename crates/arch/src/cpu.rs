//! The CPU of a task, and what an instruction set does.
use crate::{Arch, CpuLevel};
use ir::{Builder, CPU_LEVEL, Flow, Reg, Slot, Slots, Trap};
use serde::{Deserialize, Serialize};

/// The CPU of one task: a flat register file the ISA crate gives names to.
#[derive(Clone, Serialize, Deserialize)]
pub struct Cpu {
    pub arch: &'static Arch,
    pub pc: u64,
    #[serde(with = "abi::saved::array")]
    pub slots: Box<Slots>,
}

impl Cpu {
    /// All zero, of the highest level.
    pub fn new(arch: &'static Arch) -> Cpu {
        let mut cpu = Cpu { arch, pc: 0, slots: Box::new([0; 256]) };
        cpu.set_level(CpuLevel::default());
        cpu
    }
    /// What this CPU says it has.
    pub fn level(&self) -> CpuLevel {
        CpuLevel::from_cell(self.get(CPU_LEVEL))
    }
    pub fn set_level(&mut self, level: CpuLevel) {
        self.set(CPU_LEVEL, level.to_cell());
    }
    pub fn get(&self, at: impl Into<Slot>) -> u64 {
        self.slots[at.into().0 as usize]
    }
    pub fn set(&mut self, at: impl Into<Slot>, value: u64) {
        self.slots[at.into().0 as usize] = value;
    }
}

/// Why the engine gave the CPU back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// A system call; pc is already on the next instruction.
    Syscall,
    /// The instruction at pc cannot complete, see [`Trap`].
    Trap(Trap),
    /// The budget is used up, to the instruction.
    Budget,
}

/// What is to be looked at around every instruction: rare, and the engine is slow then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// An instruction that retires is followed by [`Trap::SingleStep`].
    pub step: bool,
    /// A misaligned access is [`Trap::Alignment`].
    pub aligned: bool,
}

/// What the CPU does. Used by the engine; knows nothing of Linux.
pub trait Isa: Sync {
    /// Appends to `out` what the instruction at `pc` does (the engine has written its mark).
    /// `code` is what can be fetched there, at most 16 bytes; fewer before a page that cannot be fetched from.
    /// An undefined instruction is `out.trap(Trap::Illegal, pc)` and [`Flow::End`].
    fn lift(&self, pc: u64, code: &[u8], out: &mut Builder) -> Flow;
    /// The same for an instruction that raised [`Trap::Assist`]: it is executed once, alone, and may be as slow as it likes.
    fn lift_assisted(&self, pc: u64, code: &[u8], out: &mut Builder) -> Flow {
        self.lift(pc, code, out)
    }
    /// The instruction's length in bytes and its text; `(0, "")` if `code` is cut short.
    fn disassemble(&self, pc: u64, code: &[u8]) -> (usize, String);
    /// Name of a register slot for the IR's text form and traces.
    fn slot_name(&self, slot: Slot) -> Option<String>;
    /// The architectural state as words, in a fixed order: lazy forms resolved, temporaries and caches left out.
    fn canonical(&self, cpu: &Cpu) -> Vec<u64>;
    /// What the program itself asked to be watched for, by flags of its own. An instruction that may change it begins with
    /// [`Trap::Alone`].
    fn watch(&self, _slots: &Slots) -> Watch {
        Watch::default()
    }
    /// The bits of a data address that translation looks at: some ignore the top byte.
    fn address_mask(&self) -> u64 {
        u64::MAX
    }
    /// The registers that programs use most, the most used first: compiled code keeps as many as it can in the host's.
    fn hot_slots(&self) -> &'static [Reg] {
        &[]
    }
    /// By whose rules floating point goes in most programs, as bits of `FP_ENV`: compiled code is made for them, and checks.
    fn float_rules(&self) -> u64 {
        0
    }
}
