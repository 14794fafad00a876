//! The seam to a compiler of blocks into host code. The engine owns blocks and decides what is compiled and when; a compiler
//! owns code, and is a cache like all else here.
use crate::{Clock, Leave};
use arch::Isa;
use ir::{Block, Slots};
use mmu::Memory;

/// Turns blocks into host code and runs it. Blocks go by the engine's number for them.
pub trait Compiler {
    /// An empty one of the same kind, for the copy of a machine.
    fn fresh(&self) -> Box<dyn Compiler>;

    /// After how many instructions a space is to have a window, and code for it; never, without a number.
    fn window_after(&self) -> Option<u64>;

    /// Compiles an optimised block. False if there is no room: the engine then drops everything and asks again.
    fn compile(&mut self, isa: &'static dyn Isa, id: u32, block: &Block, how: How) -> bool;

    /// Runs from the start of block `id`, compiled for such a guest, until compiled code has to be left. `left` is at least the
    /// block's length.
    fn run(&mut self, id: u32, guest: Guest<'_, '_>) -> Left;

    /// Lets the end that left by number `exit` go on at block `id` directly: in this context, if it leads out of its page.
    fn link(&mut self, exit: u32, context: u32, id: u32);

    /// Notes that block `id`, so compiled, is what is at `pc` in `context`, for jumps whose target is known only then.
    fn remember(&mut self, pc: u64, context: u32, id: u32, windowed: bool);

    /// The block's code is void: nothing may reach it any more.
    fn drop_block(&mut self, id: u32);

    /// Drops all code.
    fn flush(&mut self);

    fn stats(&self) -> CompilerStats;

    /// The host code of a block so compiled: its address and bytes.
    fn code(&self, id: u32, windowed: bool) -> Option<(u64, &[u8])>;
}

/// How a block is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct How {
    /// Ends that stay in its page may be linked for all contexts at once.
    pub chain: bool,
    /// For a space that has a window ([`Memory::window`]).
    pub windowed: bool,
}

/// Whom compiled code runs, as [`crate::Engine::run`] got it.
pub struct Guest<'a, 'm> {
    pub slots: &'a mut Slots,
    pub mem: &'a mut Memory<'m>,
    pub clock: &'a Clock,
    /// The budget of the whole run.
    pub budget: u64,
    /// What is left of it; charged for what has retired, except in the block that `Left` names.
    pub left: &'a mut u64,
    /// The space as it is executable now, by number: never 0, and never another's while code is kept.
    pub context: u32,
    /// Code for spaces with a window is run.
    pub windowed: bool,
}

/// Why compiled code was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// On at this address.
    Goto(u64),
    /// On at `pc`: this end may be linked there.
    Link { exit: u32, pc: u64 },
    /// A system call; on at this address.
    Syscall(u64),
    /// Block `id` is to be compiled anew, and was left before its instruction number `insn`. Nothing of it has been charged.
    Anew { id: u32, insn: u32 },
    /// The end of block `id` is a trap. Nothing of the block has been charged.
    Trap { id: u32 },
    /// Instruction number `insn` of block `id` could not complete. Nothing of the block has been charged.
    Stopped { leave: Leave, id: u32, insn: u32 },
}

/// What a compiler has to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CompilerStats {
    /// Blocks compiled, ever.
    pub compiled: u64,
    /// Guest instructions in them.
    pub insns: u64,
    /// Bytes of host code now, and the most there may be.
    pub bytes: u64,
    pub room: u64,
    /// Instructions retired in compiled code.
    pub retired: u64,
    /// How often compiled code was entered, and called the slow path of a memory access.
    pub entered: u64,
    pub slow_accesses: u64,
    /// How often all code was dropped.
    pub flushes: u64,
}
