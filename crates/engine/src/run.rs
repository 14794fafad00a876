//! Running a task for a budget of instructions.
use crate::access::{Leave, fault_of};
use crate::cache::{BlockId, Cache, Key};
use crate::lift::lift;
use crate::plain::{self, Clock, StretchEnd};
use arch::{Cpu, Exit};
use ir::{Op, Trap};
use mmu::{Access, Fault, Memory, PAGE_SIZE, page_floor};

/// The engine of a machine. All it holds is a cache: dropping it changes nothing a guest can see.
#[derive(Default)]
pub struct Engine {
    cache: Cache,
    stats: Stats,
}

/// What came of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub exit: Exit,
    /// How many instructions retired.
    pub ticks: u64,
}

/// Counts since the engine was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Blocks lifted.
    pub lifted: u64,
    /// Blocks dropped because their code was written or freed.
    pub dropped: u64,
    /// Instructions executed alone because they store to code.
    pub code_writes: u64,
}

impl Engine {
    pub fn new() -> Engine {
        Engine::default()
    }

    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Runs until `budget` instructions have retired or something else stops the CPU. An instruction that traps does not
    /// retire: pc is on it and the registers are as before it. A system call retires, and pc is behind it.
    pub fn run(&mut self, cpu: &mut Cpu, mem: &mut Memory<'_>, clock: Clock, budget: u64) -> Run {
        self.drop_dirty(mem);
        let mut ticks = 0;
        while ticks < budget {
            let id = match self.block_at(cpu, mem) {
                Ok(id) => id,
                Err(fault) => return Run { exit: Exit::Trap(Trap::Fault(fault_of(fault))), ticks },
            };
            let block = &self.cache.get(id).block;
            let stretch = plain::run(block, 0, budget - ticks, &mut cpu.slots, mem, &clock, ticks);
            ticks += stretch.retired;
            if let Some(exit) = self.settle(cpu, mem, &clock, id, stretch.end, &mut ticks) {
                return Run { exit, ticks };
            }
        }
        Run { exit: Exit::Budget, ticks }
    }

    /// Puts the pc where a stretch of block `id` ended; gives the exit if it was one.
    fn settle(
        &mut self,
        cpu: &mut Cpu,
        mem: &mut Memory<'_>,
        clock: &Clock,
        id: BlockId,
        end: StretchEnd,
        ticks: &mut u64,
    ) -> Option<Exit> {
        match end {
            StretchEnd::Goto(pc) | StretchEnd::Stopped(Leave::Exit(pc), _) => {
                cpu.pc = pc;
                None
            }
            StretchEnd::Syscall(next) => {
                cpu.pc = next;
                Some(Exit::Syscall)
            }
            StretchEnd::Stopped(Leave::Trap(trap), pc) => {
                cpu.pc = pc;
                Some(Exit::Trap(trap))
            }
            StretchEnd::Stopped(Leave::CodeWrite, pc) => {
                cpu.pc = pc;
                self.stats.code_writes += 1;
                // The instruction again, alone, in plain form and with its stores let through (DECISIONS 14).
                let block = &self.cache.get(id).block;
                let from = block.ops.iter().position(|op| *op == Op::Insn { pc }).unwrap_or(0);
                mem.allow_code_writes(true);
                let stretch = plain::run(block, from, 1, &mut cpu.slots, mem, clock, *ticks);
                mem.allow_code_writes(false);
                self.drop_dirty(mem);
                *ticks += stretch.retired;
                self.settle(cpu, mem, clock, id, stretch.end, ticks)
            }
        }
    }

    /// The block at the pc, lifted if need be.
    fn block_at(&mut self, cpu: &Cpu, mem: &mut Memory<'_>) -> Result<BlockId, Fault> {
        let pc = cpu.pc;
        let frame = mem.space().translate(pc, Access::Execute)?;
        if let Some(id) = self.cache.find(&Key::new(cpu.arch, pc, frame, None)) {
            return Ok(id);
        }
        let next_page = page_floor(pc).wrapping_add(PAGE_SIZE);
        if next_page.wrapping_sub(pc) < 16
            && let Ok(second) = mem.space().translate(next_page, Access::Execute)
            && let Some(id) = self.cache.find(&Key::new(cpu.arch, pc, frame, Some(second)))
        {
            return Ok(id);
        }
        let lifted = lift(cpu.arch, mem, pc)?;
        for frame in [Some(lifted.frame), lifted.second].into_iter().flatten() {
            mem.pool().mark_code(frame);
        }
        self.stats.lifted += 1;
        Ok(self.cache.insert(cpu.arch, lifted))
    }

    fn drop_dirty(&mut self, mem: &mut Memory<'_>) {
        if mem.pool().has_dirty_code() {
            for frame in mem.pool().take_dirty_code() {
                self.stats.dropped += self.cache.drop_frame(frame) as u64;
            }
        }
    }
}
