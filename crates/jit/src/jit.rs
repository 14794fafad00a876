//! The compiler as the engine sees it: code memory, blocks, links between them, and the jump cache.
use crate::asm::Asm;
use crate::cache::{EMPTY_CACHE, Locals, Pinned};
use crate::code::{self, CodeMemory, Frame, PATIENCE, Run};
use crate::fault::Landing;
use crate::flags::UNKNOWN;
use crate::float::Floats;
use crate::host::Features;
use crate::jumps::Jumps;
use crate::loops::loops;
use crate::plan::Plan;
use crate::ranges::Ranges;
use crate::regs::{Pins, Regs};
use crate::runs::Via;
use crate::thunks::{Gate, PINS, Thunks, gate, thunks};
use crate::translate::{Context, Exit, Translator, Why};
use arch::Isa;
use engine::{Compiler, CompilerStats, Guest, How, Left};
use ir::{Block, FlagKind, Op, Slot, SlotSet, TEMPS};
use std::collections::BTreeSet;

/// How much code memory there is if nobody says.
pub const DEFAULT_ROOM: usize = 64 << 20;

/// More is not lent: a jump reaches 2 GiB, to both sides.
const MOST: usize = 1 << 30;

/// Code memory is full when this much or less is left of it: no block is longer.
const LONGEST: usize = 256 << 10;

/// After how many instructions a space gets a window. What it goes on to run often is compiled once more, so each instruction that
/// is compiled makes it later by a share of that.
const WINDOW_AFTER: u64 = 12_000_000;
const WINDOW_SHARE: u64 = 4096;

/// The first exit, whose number thunks use.
const BY_THUNK: Exit = Exit { id: 0, refund: 0, why: Why::Jump };

/// No context's number.
const NO_CONTEXT: u32 = 0;

/// What an architecture's code is compiled with.
struct Target {
    /// Address of the ISA: only ever compared.
    isa: usize,
    pins: Pins,
    /// For code without and with windows.
    gates: [Gate; 2],
    /// Bits of `FP_ENV` that its programs begin with.
    rules: u64,
    /// How its comparisons set flags, as far as seen.
    difference: FlagKind,
}

/// A compiled block.
struct Native {
    target: usize,
    /// Where its code is in code memory, and how many bytes.
    at: usize,
    len: usize,
    pc: u64,
    /// Exits that are linked to it.
    incoming: Vec<u32>,
}

/// What exists from the first compilation on.
struct Live {
    code: CodeMemory,
    /// For code without and with windows.
    thunks: [Thunks; 2],
    /// The host traps for code with windows.
    traps: bool,
    /// Where in code memory the thunks end.
    first_block: usize,
    targets: Vec<Target>,
    /// Of all code, in ascending order.
    landings: Vec<Landing>,
}

/// The template JIT.
pub struct Jit {
    room: usize,
    live: Option<Live>,
    /// The host refused code memory.
    refused: bool,
    features: Features,
    blocks: Vec<Option<Native>>,
    exits: Vec<Exit>,
    ops: Vec<Op>,
    jumps: Jumps,
    /// Blocks whose accesses look every page up, without guesses and not through a window.
    steady: BTreeSet<u32>,
    /// Blocks whose floating-point operations are each to be checked by themselves.
    rough: BTreeSet<u32>,
    window_after: u64,
    patience: i64,
    stats: CompilerStats,
}

impl Jit {
    /// A JIT with at most `room` bytes of code; `None` where the host has no templates or gives no memory to execute.
    pub fn new(room: usize) -> Option<Jit> {
        let mut jit = Jit::empty(room);
        jit.start();
        jit.live.is_some().then_some(jit)
    }

    /// The same that bears so many wrong guesses before it compiles a block anew, which does without then.
    pub fn with_patience(self, guesses: u32) -> Jit {
        let mut jit = Jit { patience: guesses.into(), live: None, ..self };
        jit.start();
        jit
    }

    /// The same with windows after so many instructions, and more where much is compiled.
    pub fn with_windows_after(self, instructions: u64) -> Jit {
        Jit { window_after: instructions, ..self }
    }

    /// The same with nothing but what every x86-64 has, as on an old host.
    pub fn baseline(self) -> Jit {
        Jit { features: Features::NONE, ..self }
    }

    fn empty(room: usize) -> Jit {
        let room = room.clamp(4 * LONGEST, MOST).next_multiple_of(mmu::PAGE_SIZE as usize);
        Jit {
            room,
            live: None,
            refused: false,
            features: Features::detect(),
            blocks: Vec::new(),
            exits: vec![BY_THUNK],
            ops: Vec::new(),
            jumps: Jumps::new(),
            steady: BTreeSet::new(),
            rough: BTreeSet::new(),
            window_after: WINDOW_AFTER,
            patience: PATIENCE,
            stats: CompilerStats { room: room as u64, ..CompilerStats::default() },
        }
    }

    /// Gets code memory and writes what all blocks share.
    fn start(&mut self) {
        if self.live.is_some() || self.refused {
            return;
        }
        self.refused = true;
        let Some(mut code) = CodeMemory::reserve(self.room, self.patience) else { return };
        let mut asm = Asm::new(code.address(0));
        let traps = self.features.windows && code.traps();
        let thunks = [false, traps].map(|traps| thunks(&mut asm, code::callbacks(), traps));
        if code.append(&asm.bytes).is_some() {
            self.refused = false;
            let first_block = code.used();
            self.live = Some(Live { code, thunks, traps, first_block, targets: Vec::new(), landings: Vec::new() });
        }
    }

    /// Forgets all blocks.
    fn clear(&mut self) {
        self.blocks.clear();
        self.ops.clear();
        self.steady.clear();
        self.rough.clear();
        self.exits = vec![BY_THUNK];
        self.jumps = Jumps::new();
    }
}

impl Live {
    /// The target for an ISA, made at the first block.
    fn target(&mut self, isa: &'static dyn Isa) -> Option<usize> {
        let key = std::ptr::from_ref(isa).cast::<()>().addr();
        if let Some(at) = self.targets.iter().position(|target| target.isa == key) {
            return Some(at);
        }
        let hot = isa.hot_slots().iter().map(|&r| Slot::from(r)).filter(|s| s.0 < TEMPS);
        let mut pinned: Pinned = [None; PINS];
        let mut slots = SlotSet::EMPTY;
        for (pin, s) in pinned.iter_mut().zip(hot) {
            *pin = Some(s);
            slots.insert(s, 1);
        }
        let mut asm = Asm::new(self.code.address(self.code.used()));
        let gates = [false, self.traps].map(|traps| gate(&mut asm, &pinned, traps));
        self.code.append(&asm.bytes)?;
        self.targets.push(Target {
            isa: key,
            pins: Pins { home: Locals::home(&pinned), slots },
            gates,
            rules: isa.float_rules(),
            difference: FlagKind::Sub,
        });
        Some(self.targets.len() - 1)
    }
}

impl Compiler for Jit {
    fn fresh(&self) -> Box<dyn Compiler> {
        Box::new(Jit { window_after: self.window_after, patience: self.patience, ..Jit::empty(self.room) })
    }

    fn window_after(&self) -> Option<u64> {
        let more = self.window_after + self.window_after / WINDOW_SHARE * self.stats.insns;
        self.features.windows.then_some(more)
    }

    fn compile(&mut self, isa: &'static dyn Isa, id: u32, block: &Block, how: How) -> bool {
        self.start();
        let Some(live) = &mut self.live else { return false };
        if live.code.len() - live.code.used() <= LONGEST {
            return false;
        }
        let Some(target) = live.target(isa) else { return false };
        let at = live.code.used();
        use Op::{SetFlags, SetFlagsIf};
        let differs =
            |op: &Op| matches!(op, SetFlags { kind: FlagKind::SubArm, .. } | SetFlagsIf { kind: FlagKind::SubArm, .. });
        if block.ops.iter().any(differs) {
            live.targets[target].difference = FlagKind::SubArm;
        }
        let id = number(id, how.windowed);
        let steady = self.steady.contains(&id);
        let Target { pins, gates, rules, difference, .. } = &live.targets[target];
        let plan = Plan::of(block, how.chain && loops(block).is_some());
        let translator = Translator {
            asm: Asm::new(live.code.address(at)),
            regs: Regs::new(pins, &plan),
            cx: Context {
                thunks: &live.thunks[how.windowed as usize],
                gate: &gates[how.windowed as usize],
                features: self.features,
                id,
                chain: how.chain,
                difference: *difference,
                data: (live.code.len() - at) as i32,
                steady,
                rough: self.rough.contains(&id),
                windowed: how.windowed,
                traps: how.windowed && live.traps,
                rules: *rules,
            },
            block,
            flags: UNKNOWN,
            refused: Vec::new(),
            checked: EMPTY_CACHE,
            compared: None,
            begun: 0,
            untouched: true,
            via: Via::Check,
            ranges: Ranges::default(),
            at: 0,
            floats: Floats::default(),
            words: SlotSet::EMPTY,
            landings: Vec::new(),
            cold: Vec::new(),
            code_offset: at,
            exits: &mut self.exits,
            ops: &mut self.ops,
        };
        let (bytes, mut landings) = translator.block();
        if live.code.append(&bytes).is_none() {
            return false;
        }
        landings.sort_unstable();
        let place = |offset: usize| (at + offset) as u32;
        live.landings.extend(landings.into_iter().map(|(from, to)| Landing { at: place(from), to: place(to) }));
        let id = id as usize;
        if self.blocks.len() <= id {
            self.blocks.resize_with(id + 1, || None);
        }
        self.blocks[id] = Some(Native { target, at, len: bytes.len(), pc: block.pc, incoming: Vec::new() });
        self.stats.compiled += 1;
        self.stats.insns += u64::from(block.insns);
        true
    }

    fn run(&mut self, id: u32, guest: Guest<'_, '_>) -> Left {
        let native = self.blocks.get(number(id, guest.windowed) as usize);
        let (Some(live), Some(Some(native))) = (&mut self.live, native) else {
            unreachable!("the engine runs only what it has compiled");
        };
        let Guest { slots, mem, clock, budget, left, context, windowed } = guest;
        let (jumps, ops) = (self.jumps.lines(), &self.ops);
        let run = Run { slots, mem, clock, budget, left: *left, context, windowed, jumps, ops };
        let Some(mut frame) = Frame::new(run) else { return Left::Goto(native.pc) };
        let enter = live.targets[native.target].gates[windowed as usize].enter;
        let left_by = code::enter(&live.code, &live.landings, enter, live.code.address(native.at), &mut frame);
        let exit = self.exits[left_by as usize];
        let rest = (frame.left + i64::from(exit.refund)) as u64;
        live.code.has_run(*left - rest);
        self.stats.entered += 1;
        self.stats.slow_accesses += frame.slow_accesses;
        self.stats.retired += *left - rest;
        *left = rest;
        match exit.why {
            Why::Jump => Left::Goto(frame.pc),
            Why::Goto(pc) => Left::Goto(pc),
            Why::Link { pc, .. } | Why::LinkIn { pc, .. } => Left::Link { exit: left_by, pc },
            Why::Syscall(next) => Left::Syscall(next),
            Why::Trap => {
                self.stats.retired += u64::from(exit.refund) - 1;
                Left::Trap { id: exit.id / 2 }
            }
            Why::Wrong { insn, floats } => {
                self.stats.retired += u64::from(insn);
                if floats { &mut self.rough } else { &mut self.steady }.insert(exit.id);
                Left::Anew { id: exit.id / 2, insn }
            }
            Why::Stopped { insn, leave } => {
                let leave = leave.or(frame.leave).expect("a callback that fails says why");
                self.stats.retired += u64::from(insn);
                Left::Stopped { leave, id: exit.id / 2, insn }
            }
        }
    }

    fn link(&mut self, exit: u32, context: u32, id: u32) {
        let Some(&Exit { why, id: from, .. }) = self.exits.get(exit as usize) else { return };
        let windowed = from % 2 == 1;
        let to = number(id, windowed);
        if let Why::LinkIn { pc, .. } = why {
            // Other ends that lead there may go by the jump cache.
            self.remember(pc, context, id, windowed);
        }
        let (Some(live), Some(Some(native))) = (&mut self.live, self.blocks.get_mut(to as usize)) else { return };
        let before = match &mut self.exits[exit as usize].why {
            Why::Link { jump, .. } => {
                live.code.patch(*jump, distance(*jump, native.at));
                None
            }
            Why::LinkIn { site, to: linked, .. } => {
                live.code.patch(site.context, context);
                live.code.patch(site.jump, distance(site.jump, native.at));
                linked.replace(to)
            }
            _ => return,
        };
        if before == Some(to) {
            return;
        }
        native.incoming.push(exit);
        if let Some(Some(before)) = before.map(|before| &mut self.blocks[before as usize]) {
            before.incoming.retain(|&other| other != exit);
        }
    }

    fn remember(&mut self, pc: u64, context: u32, id: u32, windowed: bool) {
        if let (Some(live), Some(Some(native))) = (&self.live, self.blocks.get(number(id, windowed) as usize)) {
            let entry = live.code.address(native.at);
            self.jumps.set(pc, context, entry);
        }
    }

    fn drop_block(&mut self, id: u32) {
        let Some(live) = &mut self.live else { return };
        for windowed in [false, true] {
            let native = self.blocks.get_mut(number(id, windowed) as usize);
            let Some(native) = native.and_then(Option::take) else { continue };
            for exit in native.incoming {
                match &mut self.exits[exit as usize].why {
                    Why::Link { jump, stub, .. } => live.code.patch(*jump, distance(*jump, *stub)),
                    Why::LinkIn { site, to, .. } => {
                        live.code.patch(site.context, NO_CONTEXT);
                        *to = None;
                    }
                    _ => {}
                }
            }
            self.jumps.forget(native.pc, live.code.address(native.at));
        }
    }

    fn flush(&mut self) {
        let Some(live) = &mut self.live else { return };
        // The targets' thunks go with the blocks: they are short, and come again with the next block.
        live.targets.clear();
        live.landings.clear();
        live.code.truncate(live.first_block);
        self.clear();
        self.stats.flushes += 1;
    }

    fn stats(&self) -> CompilerStats {
        CompilerStats { bytes: self.live.as_ref().map_or(0, |live| live.code.used() as u64), ..self.stats }
    }

    fn code(&self, id: u32, windowed: bool) -> Option<(u64, &[u8])> {
        let id = number(id, windowed);
        let (live, native) = (self.live.as_ref()?, self.blocks.get(id as usize)?.as_ref()?);
        Some((live.code.address(native.at) as u64, live.code.bytes(native.at, native.len)))
    }
}

/// The number of a block as compiled without or with a window: here, everything goes by that.
fn number(id: u32, windowed: bool) -> u32 {
    id * 2 + u32::from(windowed)
}

/// What a jump whose 32-bit distance is at `from` has there to lead to `to`.
fn distance(from: usize, to: usize) -> u32 {
    to.wrapping_sub(from + 4) as u32
}
