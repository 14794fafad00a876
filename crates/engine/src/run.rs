//! Running a task for a budget of instructions.
use crate::access::{Leave, fault_of};
use crate::cache::{BlockId, Cache, Key};
use crate::compact::{self, Out, Running};
use crate::compiler::{Compiler, CompilerStats, Guest, Left};
use crate::lift::{MAX_BYTES, MAX_INSNS, lift, lift_assisted};
use crate::plain::{self, Clock, Stretch, StretchEnd};
use arch::{Arch, Cpu, Exit, Watch};
use ir::{Op, Trap};
use mmu::{Access, Fault, Memory, PAGE_SIZE, page_floor};

/// The engine of a machine. All it holds is a cache: dropping it changes nothing a guest can see.
#[derive(Default)]
pub struct Engine {
    cache: Cache,
    stats: Stats,
    tiers: Tiers,
}

/// How blocks are run that are not run for the first time.
#[derive(Default)]
pub enum Tiers {
    /// Interpreted in compact form.
    #[default]
    Interpreter,
    /// Compiled when asked for the `threshold`-th time; interpreted in plain form until then.
    Compiler { compiler: Box<dyn Compiler>, threshold: u32 },
}

impl Tiers {
    /// The same, with nothing compiled yet.
    fn fresh(&self) -> Tiers {
        match self {
            Tiers::Interpreter => Tiers::Interpreter,
            Tiers::Compiler { compiler, threshold } => {
                Tiers::Compiler { compiler: compiler.fresh(), threshold: *threshold }
            }
        }
    }

    fn compiler(&mut self) -> Option<&mut dyn Compiler> {
        match self {
            Tiers::Interpreter => None,
            Tiers::Compiler { compiler, .. } => Some(&mut **compiler),
        }
    }
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
    /// Instructions executed alone because they asked for it ([`Trap::Assist`]).
    pub assists: u64,
    /// How often the cache was full and everything was dropped.
    pub flushes: u64,
    /// Instructions retired, and how many of them while the space had a window.
    pub retired: u64,
    pub windowed: u64,
    /// The compiler's own counts, where there is one.
    pub compiler: Option<CompilerStats>,
}

/// How a block is run.
enum Tier {
    Plain,
    Compact(u32),
    Native,
}

/// A run under way.
struct Turn<'a, 'm> {
    cpu: &'a mut Cpu,
    mem: &'a mut Memory<'m>,
    clock: Clock,
    budget: u64,
    left: u64,
    context: u32,
    windowed: bool,
    watch: Watch,
}

impl Engine {
    /// An engine that interprets.
    pub fn new() -> Engine {
        Engine::default()
    }

    pub fn with_tiers(tiers: Tiers) -> Engine {
        Engine { tiers, ..Engine::default() }
    }

    /// An empty engine of the same kind, for the copy of a machine.
    pub fn fresh(&self) -> Engine {
        Engine::with_tiers(self.tiers.fresh())
    }

    pub fn stats(&self) -> Stats {
        let compiler = match &self.tiers {
            Tiers::Interpreter => None,
            Tiers::Compiler { compiler, .. } => Some(compiler.stats()),
        };
        Stats { flushes: self.cache.flushes, compiler, ..self.stats }
    }

    /// Compiled code: the architecture's name, the guest address, the host address and the bytes of each block.
    pub fn native_code(&self) -> Vec<(&'static str, u64, u64, &[u8])> {
        let Tiers::Compiler { compiler, .. } = &self.tiers else { return Vec::new() };
        let blocks = self.cache.native_blocks();
        let code = |(arch, pc, id, windowed): (&'static Arch, u64, BlockId, bool)| {
            compiler.code(id.0, windowed).map(|(at, bytes)| (arch.name, pc, at, bytes))
        };
        blocks.filter_map(code).collect()
    }

    /// Runs until `budget` instructions have retired or something else stops the CPU. An instruction that traps does not
    /// retire: pc is on it and the registers are as before it. A system call retires, and pc is behind it.
    pub fn run(&mut self, cpu: &mut Cpu, mem: &mut Memory<'_>, clock: Clock, budget: u64) -> Run {
        self.drop_dirty(mem);
        let window_after = self.tiers.compiler().and_then(|compiler| compiler.window_after());
        let windowed = window_after.is_some_and(|price| mem.decide_window(price));
        let flushes = self.cache.flushes;
        let context = self.cache.context(cpu.arch, mem.space(), windowed);
        self.follow_flush(flushes);
        let watch = cpu.arch.isa.watch(&cpu.slots);
        let mut turn = Turn { cpu, mem, clock, budget, left: budget, context, windowed, watch };
        let exit = self.blocks(&mut turn);
        let ticks = budget - turn.left;
        turn.mem.has_run(ticks);
        self.stats.retired += ticks;
        self.stats.windowed += if windowed { ticks } else { 0 };
        Run { exit, ticks }
    }

    /// Block after block, each found by its address; those that are linked or in the jump cache go unseen in between.
    fn blocks(&mut self, turn: &mut Turn) -> Exit {
        let mut link = None;
        while turn.left > 0 {
            let lives = self.cache.lives();
            let id = match self.block_at(turn) {
                Ok(id) => id,
                Err(fault) => return Exit::Trap(Trap::Fault(fault_of(fault))),
            };
            if turn.watch != Watch::default() {
                match self.watched(turn, id) {
                    Some(exit) => return exit,
                    None => continue,
                }
            }
            let tier = self.tier(turn, id);
            let came_from = link.take().filter(|_| lives == self.cache.lives() && self.cache.in_one_frame(id));
            let exit = match tier {
                Tier::Compact(entry) => {
                    self.cache.jumps.set(turn.cpu.pc, turn.context, entry);
                    if let Some(stub) = came_from {
                        self.cache.link(stub, entry);
                    }
                    self.compact(turn, entry, &mut link)
                }
                Tier::Native => self.native(turn, id, came_from, &mut link),
                Tier::Plain => {
                    let stretch = self.plain(turn, id, 0, turn.left);
                    self.settle(turn, id, stretch)
                }
            };
            if let Some(exit) = exit {
                return exit;
            }
        }
        Exit::Budget
    }

    /// Runs one instruction under watch.
    fn watched(&mut self, turn: &mut Turn, id: BlockId) -> Option<Exit> {
        let (Watch { step, aligned }, left) = (turn.watch, turn.left);
        turn.mem.require_alignment(aligned);
        let stretch = self.plain(turn, id, 0, 1);
        let exit = self.settle(turn, id, stretch);
        turn.mem.require_alignment(false);
        turn.watch = turn.cpu.arch.isa.watch(&turn.cpu.slots);
        let retired = turn.left < left;
        exit.or_else(|| (step && retired).then_some(Exit::Trap(Trap::SingleStep)))
    }

    /// How to run a block: in another form than the plain one only if all of it fits the budget.
    fn tier(&mut self, turn: &Turn, id: BlockId) -> Tier {
        match &mut self.tiers {
            Tiers::Interpreter if turn.left >= MAX_INSNS as u64 => match self.cache.entry(id) {
                Some(entry) => Tier::Compact(entry),
                None => Tier::Plain,
            },
            // Compiled code reads the view's tables; where there is no view, all is interpreted.
            Tiers::Compiler { compiler, threshold }
                if turn.left >= self.cache.get(id).block.insns as u64 && turn.mem.has_view() =>
            {
                let compiled = self.cache.compiled(id, &mut **compiler, *threshold, turn.windowed);
                if compiled { Tier::Native } else { Tier::Plain }
            }
            _ => Tier::Plain,
        }
    }

    /// Runs compiled code from block `id` until it leaves.
    fn native(&mut self, turn: &mut Turn, id: BlockId, came_from: Option<u32>, link: &mut Option<u32>) -> Option<Exit> {
        let compiler = self.tiers.compiler()?;
        match came_from {
            Some(exit) => compiler.link(exit, turn.context, id.0),
            None => compiler.remember(turn.cpu.pc, turn.context, id.0, turn.windowed),
        }
        let guest = Guest {
            slots: &mut turn.cpu.slots,
            mem: turn.mem,
            clock: &turn.clock,
            budget: turn.budget,
            left: &mut turn.left,
            context: turn.context,
            windowed: turn.windowed,
        };
        match compiler.run(id.0, guest) {
            Left::Goto(pc) => turn.cpu.pc = pc,
            Left::Link { exit, pc } => {
                turn.cpu.pc = pc;
                *link = Some(exit);
            }
            Left::Syscall(next) => {
                turn.cpu.pc = next;
                return Some(Exit::Syscall);
            }
            Left::Anew { id, insn } => {
                compiler.drop_block(id);
                self.cache.forget_compiled(BlockId(id));
                let pc = self.address(BlockId(id), insn as usize);
                return self.settle(turn, BlockId(id), Stretch { retired: insn.into(), end: StretchEnd::Goto(pc) });
            }
            Left::Trap { id } => return self.trapped(turn, BlockId(id)),
            Left::Stopped { leave, id, insn } => return self.stopped(turn, BlockId(id), leave, insn as usize),
        }
        None
    }

    /// Settles a block that ends in a trap.
    fn trapped(&mut self, turn: &mut Turn, id: BlockId) -> Option<Exit> {
        let block = &self.cache.get(id).block;
        let plain::End::Trap(trap, pc) = plain::end(&block.term, &turn.cpu.slots) else { return None };
        let retired = block.insns as u64 - 1;
        self.settle(turn, id, Stretch { retired, end: StretchEnd::Stopped(Leave::Trap(trap), pc) })
    }

    /// The address of instruction number `insn` of a block.
    fn address(&self, id: BlockId, insn: usize) -> u64 {
        let block = &self.cache.get(id).block;
        let mut marks = block.ops.iter().filter_map(|op| if let Op::Insn { pc } = op { Some(*pc) } else { None });
        marks.nth(insn).unwrap_or(block.pc)
    }

    /// Settles the stop of a block at its instruction number `insn`.
    fn stopped(&mut self, turn: &mut Turn, id: BlockId, leave: Leave, insn: usize) -> Option<Exit> {
        let end = StretchEnd::Stopped(leave, self.address(id, insn));
        self.settle(turn, id, Stretch { retired: insn as u64, end })
    }

    /// Runs compact code from `entry` until it leaves, and puts pc and budget where it did.
    fn compact(&mut self, turn: &mut Turn, entry: u32, link: &mut Option<u32>) -> Option<Exit> {
        let on = Running {
            code: &self.cache.code,
            ops: &self.cache.plain,
            jumps: &self.cache.jumps,
            context: turn.context,
            clock: &turn.clock,
            budget: turn.budget,
        };
        match compact::run(&on, entry, &mut turn.cpu.slots, turn.mem, &mut turn.left) {
            Out::Goto(pc) => turn.cpu.pc = pc,
            Out::At(ip) => turn.cpu.pc = self.cache.address_of(ip),
            Out::Link(stub) => {
                turn.cpu.pc = self.cache.address_of(stub);
                *link = Some(stub);
            }
            Out::Syscall(next) => {
                turn.cpu.pc = next;
                return Some(Exit::Syscall);
            }
            Out::Stopped(leave, ip) => {
                let id = self.cache.block_of(ip);
                let insn = self.cache.get(id).lowered.as_ref().map_or(0, |lowered| lowered.insn_at(ip));
                return self.stopped(turn, id, leave, insn);
            }
            Out::Trap(ip) => return self.trapped(turn, self.cache.block_of(ip)),
        }
        None
    }

    /// Runs at most `limit` instructions of a block in plain form, from its operation `from`.
    fn plain(&mut self, turn: &mut Turn, id: BlockId, from: usize, limit: u64) -> Stretch {
        let block = &self.cache.get(id).block;
        let ticks = turn.budget - turn.left;
        plain::run(block, from, limit, &mut turn.cpu.slots, turn.mem, &turn.clock, ticks)
    }

    /// Charges a stretch of block `id` and puts the pc where it ended; gives the exit if it was one.
    fn settle(&mut self, turn: &mut Turn, id: BlockId, stretch: Stretch) -> Option<Exit> {
        turn.left -= stretch.retired;
        match stretch.end {
            StretchEnd::Goto(pc) | StretchEnd::Stopped(Leave::Exit(pc), _) => {
                turn.cpu.pc = pc;
                None
            }
            StretchEnd::Syscall(next) => {
                turn.cpu.pc = next;
                Some(Exit::Syscall)
            }
            StretchEnd::Stopped(Leave::Trap(Trap::Alone), pc) => {
                let exit = self.alone(turn, id, pc);
                turn.watch = turn.cpu.arch.isa.watch(&turn.cpu.slots);
                exit
            }
            StretchEnd::Stopped(Leave::Trap(Trap::Assist), pc) => {
                turn.cpu.pc = pc;
                self.assist(turn, id)
            }
            StretchEnd::Stopped(Leave::Trap(trap), pc) => {
                turn.cpu.pc = pc;
                Some(Exit::Trap(trap))
            }
            StretchEnd::Stopped(Leave::CodeWrite, pc) => {
                self.stats.code_writes += 1;
                self.alone(turn, id, pc)
            }
        }
    }

    /// The instruction at `pc` again, alone, in plain form and with its stores to code let through.
    fn alone(&mut self, turn: &mut Turn, id: BlockId, pc: u64) -> Option<Exit> {
        turn.cpu.pc = pc;
        let from = self.cache.get(id).block.ops.iter().position(|op| *op == Op::Insn { pc }).unwrap_or(0);
        turn.mem.allow_code_writes(true);
        let stretch = self.plain(turn, id, from, 1);
        turn.mem.allow_code_writes(false);
        self.drop_dirty(turn.mem);
        self.settle(turn, id, stretch)
    }

    /// Executes the instruction at the pc, which is in block `id`, in its assisted form.
    fn assist(&mut self, turn: &mut Turn, id: BlockId) -> Option<Exit> {
        self.stats.assists += 1;
        let block = match lift_assisted(turn.cpu.arch, turn.mem, turn.cpu.pc) {
            Ok(block) => block,
            Err(fault) => return Some(Exit::Trap(Trap::Fault(fault_of(fault)))),
        };
        let ticks = turn.budget - turn.left;
        turn.mem.allow_code_writes(true);
        let stretch = plain::run(&block, 0, 1, &mut turn.cpu.slots, turn.mem, &turn.clock, ticks);
        turn.mem.allow_code_writes(false);
        self.drop_dirty(turn.mem);
        self.settle(turn, id, stretch)
    }

    /// The block at the pc, lifted if need be.
    fn block_at(&mut self, turn: &mut Turn) -> Result<BlockId, Fault> {
        let (pc, context) = (turn.cpu.pc, turn.context);
        if let Some(id) = self.cache.seen(pc, context) {
            return Ok(id);
        }
        let id = self.look_up(turn)?;
        self.cache.saw(pc, context, id);
        Ok(id)
    }

    /// The same by page table and bytes.
    fn look_up(&mut self, turn: &mut Turn) -> Result<BlockId, Fault> {
        let Turn { cpu, mem, .. } = turn;
        let pc = cpu.pc;
        let frame = mem.space().translate(pc, Access::Execute)?;
        if let Some(id) = self.cache.find(&Key::new(cpu.arch, pc, frame, None)) {
            return Ok(id);
        }
        let next_page = page_floor(pc).wrapping_add(PAGE_SIZE);
        if next_page.wrapping_sub(pc) < MAX_BYTES as u64
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
        let flushes = self.cache.flushes;
        let id = self.cache.insert(cpu.arch, lifted);
        self.follow_flush(flushes);
        Ok(id)
    }

    /// Drops what is compiled if the cache was flushed since there were so many flushes.
    fn follow_flush(&mut self, flushes: u64) {
        if flushes != self.cache.flushes
            && let Some(compiler) = self.tiers.compiler()
        {
            compiler.flush();
        }
    }

    fn drop_dirty(&mut self, mem: &mut Memory<'_>) {
        if mem.pool().has_dirty_code() {
            for frame in mem.pool().take_dirty_code() {
                let ids = self.cache.drop_frame(frame);
                self.stats.dropped += ids.len() as u64;
                if let Some(compiler) = self.tiers.compiler() {
                    ids.iter().for_each(|id| compiler.drop_block(id.0));
                }
            }
        }
    }
}
