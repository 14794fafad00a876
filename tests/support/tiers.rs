//! Code run by an engine alone, compiled and interpreted: the same stops after as many instructions, with the same registers and
//! the same memory. `tests/hostile.rs` and the fuzz target `jit` give the bytes.
use super::adversary::{Bytes, CODE, REGSETS, Random, VALUES, set_word};
use super::raw::{BASE, DATA};
use arch::{Arch, Cpu, Exit, Flow};
use engine::{Clock, Engine, Tiers};
use ir::{Builder, Term, Trap};
use jit::Jit;
use minikern::ARCHES;
use mmu::{AddressSpace, FrameId, FramePool, Memory, PAGE_SIZE, Perms, Pte};

/// Instructions a run has, and traps.
const BUDGET: u64 = 1500;
const TRAPS: usize = 48;
/// Where the first page of code is mapped a second time, to be written.
const ALIAS: u64 = 0x2000_0000;
/// The last page that a view covers.
const FAR: u64 = (1 << 40) - PAGE_SIZE;

const RWX: Perms = Perms { read: true, write: true, execute: true };
const RW: Perms = Perms { read: true, write: true, execute: false };
const RO: Perms = Perms { read: true, write: false, execute: false };

/// Memory and a CPU as the bytes want them.
struct World {
    cpu: Cpu,
    space: AddressSpace,
    pool: FramePool,
    frames: Vec<FrameId>,
    start: u64,
    /// How long pieces of the budget are at most.
    piece: u64,
    seed: u64,
}

/// Everything that two runs could be told apart by: each stop, and what is left.
#[derive(PartialEq, Eq)]
struct Outcome {
    stops: Vec<(u64, Exit, u64, Vec<u64>)>,
    pages: Vec<[u8; PAGE_SIZE as usize]>,
}

/// The instructions that the bytes have in them, without what is none.
fn valid(arch: &Arch, mut bytes: &[u8]) -> Vec<u8> {
    let mut code = Vec::new();
    while !bytes.is_empty() {
        let mut out = Builder::new(BASE);
        out.insn(BASE);
        let len = match arch.isa.lift(BASE, bytes, &mut out) {
            Flow::Next(len) => len,
            Flow::End(len) if !matches!(out.finish(BASE).term, Term::Trap { trap: Trap::Illegal, .. }) => len,
            _ => {
                bytes = &bytes[1..];
                continue;
            }
        };
        let (insn, rest) = bytes.split_at(len as usize);
        code.extend(insn);
        bytes = rest;
    }
    code
}

impl World {
    fn new(arch: &'static Arch, input: &[u8]) -> World {
        let mut bytes = Bytes(input);
        let mode = bytes.byte();
        let mut random = Random(u64::from(bytes.half()) << 8 | 1);
        let mut cpu = Cpu::new(arch);
        for _ in 0..bytes.byte() % 40 {
            let (index, value) = (bytes.byte(), bytes.value());
            set_word(&mut cpu, REGSETS[usize::from(index >> 7)], (index & 0x7f).into(), value);
        }
        let code = if mode & 4 == 0 { valid(arch, bytes.0) } else { bytes.0.to_vec() };
        let code = &code[..code.len().min(2048)];
        // In the middle of a page, across two, or up to where nothing is mapped.
        let start = match mode & 3 {
            0 | 1 => BASE + 512,
            2 => BASE + PAGE_SIZE - 16,
            _ => BASE + CODE - (code.len() as u64).next_multiple_of(4),
        };
        cpu.pc = start;

        let mut pool = FramePool::new(16);
        let mut space = pool.new_space();
        let mut frames = Vec::new();
        for (at, perms) in [(BASE, RWX), (BASE + PAGE_SIZE, RWX), (DATA, RW), (DATA + PAGE_SIZE, RO), (FAR, RW)] {
            let frame = pool.alloc().expect("a frame");
            space.map(&mut pool, at, Pte { frame, perms });
            let words = (0..PAGE_SIZE / 8).map(|_| {
                let word = random.next();
                if word & 1 == 0 { VALUES[(word >> 8) as usize % VALUES.len()] } else { word }
            });
            pool.write(frame, 0, &words.flat_map(u64::to_le_bytes).collect::<Vec<_>>(), None);
            frames.push(frame);
        }
        let frame = pool.share(frames[0]);
        space.map(&mut pool, ALIAS, Pte { frame, perms: RW });
        let mut mem = Memory::new(&mut space, &mut pool, 1, u64::MAX);
        mem.write(start, code).expect("the code pages");
        let piece = [u64::MAX, 400, 100, 30][usize::from(mode >> 3 & 3)];
        World { cpu, space, pool, frames, start, piece, seed: random.next() | 1 }
    }

    /// Runs it to its end, whole or in pieces.
    fn run(mut self, engine: &mut Engine, whole: bool) -> Outcome {
        let isa = self.cpu.arch.isa;
        let mut random = Random(self.seed);
        let (mut ticks, mut stops) = (0, Vec::new());
        loop {
            let word = random.next();
            let piece = if whole || self.piece == u64::MAX { u64::MAX } else { 1 + word % self.piece };
            let budget = piece.min(BUDGET - ticks);
            let clock = Clock { now: 1000, carry: ticks, share: 1 };
            let mut mem = Memory::new(&mut self.space, &mut self.pool, 1, isa.address_mask());
            let run = engine.run(&mut self.cpu, &mut mem, clock, budget);
            assert!(run.ticks <= budget && (run.exit != Exit::Budget || run.ticks == budget), "{run:?} of {budget}");
            ticks += run.ticks;
            if run.exit == Exit::Budget && ticks < BUDGET {
                continue;
            }
            stops.push((ticks, run.exit, self.cpu.pc, isa.canonical(&self.cpu)));
            if ticks == BUDGET || stops.len() == TRAPS {
                break;
            }
            if run.exit != Exit::Syscall {
                // The next instruction, as a handler could go on there; from the start where there is none.
                let pc = self.cpu.pc;
                let mut code = [0; 16];
                self.cpu.pc = match mem.fetch(pc, &mut code) {
                    Ok((_, len)) => pc.wrapping_add(isa.disassemble(pc, &code[..len]).0.max(1) as u64),
                    Err(_) => self.start,
                };
            }
        }
        let pages = self.frames.iter().map(|&frame| *self.pool.bytes(frame)).collect();
        Outcome { stops, pages }
    }
}

/// Where two runs part, in few words.
fn difference(compiled: &Outcome, interpreted: &Outcome) -> Option<String> {
    let pair = compiled.stops.iter().zip(&interpreted.stops).enumerate().find(|(_, (a, b))| a != b);
    if let Some((n, (a, b))) = pair {
        let registers = a.3.iter().zip(&b.3).enumerate().filter(|(_, (a, b))| a != b);
        let registers: Vec<_> = registers.map(|(at, (a, b))| format!("{at}: {a:#x} {b:#x}")).collect();
        let (a, b) = ((a.0, a.1, a.2), (b.0, b.1, b.2));
        return Some(format!("stop {n}: {a:x?} against {b:x?}, registers {registers:?}"));
    }
    let page = compiled.pages.iter().zip(&interpreted.pages).position(|(a, b)| a != b);
    if compiled.stops.len() != interpreted.stops.len() {
        return Some(format!("{} stops against {}", compiled.stops.len(), interpreted.stops.len()));
    }
    page.map(|page| format!("page {page}"))
}

/// Runs the bytes interpreted and compiled, for this host, without and with a window, and for the oldest, whole and in pieces.
pub fn check(arch: &'static Arch, input: &[u8]) {
    let interpreted = World::new(arch, input).run(&mut Engine::new(), true);
    for how in ["compiled", "compiled for windows", "compiled for an old host"] {
        let Some(jit) = Jit::new(0) else { return };
        let compiler = Box::new(match how {
            "compiled for windows" => jit.with_windows_after(0),
            "compiled for an old host" => jit.baseline(),
            _ => jit,
        });
        let mut engine = Engine::with_tiers(Tiers::Compiler { compiler, threshold: 1 });
        let compiled = World::new(arch, input).run(&mut engine, false);
        if let Some(difference) = difference(&compiled, &interpreted) {
            panic!("{}, {how} against interpreted: {difference}", arch.name);
        }
    }
}

/// The same for an architecture that the first byte names.
pub fn check_any(input: &[u8]) {
    if let Some((&first, rest)) = input.split_first() {
        check(ARCHES[usize::from(first) % ARCHES.len()], rest);
    }
}
