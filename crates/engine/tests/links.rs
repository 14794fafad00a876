//! Jumps from block to block while what they lead to changes: pages that other spaces have elsewhere, that are mapped anew, go, or are
//! written. Whatever has been linked or remembered, every engine goes where an interpreter goes that knows nothing from before.
mod toy;

use arch::{Cpu, Exit};
use engine::{Clock, Engine};
use mmu::{AddressSpace, FrameId, FramePool, Memory, PAGE_SIZE, Perms, Pte};
use oracle::Random;
use proptest::prelude::*;
use toy::*;

/// Pages of code, and what may be in each.
const PAGES: usize = 4;
const VARIANTS: usize = 3;
/// Where blocks begin in a page; the last instructions reach into the next one.
const PLACES: [u64; 8] = [0, 50, 100, 4000, 4080, 4084, 4090, 4095];

fn place(random: &mut Random) -> u64 {
    CODE + random.below(PAGES as u64) * PAGE_SIZE + random.pick(&PLACES)
}

/// Some arithmetic, and on to somewhere else.
fn snippet(random: &mut Random, at: u64) -> Vec<u8> {
    let mut program = Vec::new();
    for _ in 0..random.below(3) {
        let (r, s, imm) = (random.below(4) as u8, random.below(4) as u8, random.next() as i8);
        program.push(random.pick(&[T::AddImm(r, imm), T::Add(r, s), T::Xor(r, s), T::Cmp(r, s)]));
    }
    let back = -(assemble(&program).len() as i8) - 3;
    match random.below(8) {
        0 => program.extend([T::ShrImm(0, 1), T::Branch(0, back - 3)]),
        1 => program.push(T::BranchLt(random.next() as i8)),
        2 => program.push(T::Branch(1, random.next() as i8)),
        _ => {}
    }
    let to = place(random);
    if random.below(4) == 0 {
        program.extend([T::Const(7, to), T::JumpReg(7)]);
    } else {
        let behind = at + assemble(&program).len() as u64 + 5;
        program.push(T::Far(to.wrapping_sub(behind) as i32));
    }
    assemble(&program)
}

/// All the code there is, once.
fn code(random: &mut Random) -> Vec<u8> {
    let mut bytes = vec![1; PAGES * PAGE_SIZE as usize];
    for page in 0..PAGES as u64 {
        for offset in PLACES {
            let at = page * PAGE_SIZE + offset;
            for (byte, new) in bytes[at as usize..].iter_mut().zip(snippet(random, CODE + at)) {
                *byte = new;
            }
        }
    }
    bytes
}

/// What came of each run: how it ended, after how many instructions, with which registers.
type Outcome = Vec<(Exit, u64, Vec<u64>)>;

/// Without an engine, each run has a new one.
fn outcome(seed: u64, mut engine: Option<Engine>) -> Outcome {
    let mut random = Random::new(seed);
    let mut pool = FramePool::new(64);
    let mut frames = Vec::new();
    for _ in 0..VARIANTS {
        for page in code(&mut random).chunks(PAGE_SIZE as usize) {
            let frame = pool.alloc().unwrap();
            pool.write(frame, 0, page, None);
            frames.push(frame);
        }
    }
    let map = |pool: &mut FramePool, space: &mut AddressSpace, number: usize| {
        let frame: FrameId = pool.share(frames[number]);
        let at = CODE + (number % PAGES) as u64 * PAGE_SIZE;
        space.map(pool, at, Pte { frame, perms: RX });
    };
    let mut spaces = [pool.new_space(), pool.new_space()];
    for space in &mut spaces {
        (0..PAGES).for_each(|number| map(&mut pool, space, number));
    }
    let mut cpu = Cpu::new(&TOY);
    cpu.pc = CODE;
    let (mut outcome, mut ticks) = (Vec::new(), 0);
    for _ in 0..100 {
        let space = &mut spaces[random.below(2) as usize];
        let number = random.below((PAGES * VARIANTS) as u64) as usize;
        let page = CODE + (number % PAGES) as u64 * PAGE_SIZE;
        match random.below(12) {
            0 => map(&mut pool, space, number),
            1 => space.unmap(&mut pool, page, page + PAGE_SIZE),
            2 => space.protect(&mut pool, page, page + PAGE_SIZE, |p| Perms { execute: !p.execute, ..p }),
            3 => {
                let offset = random.pick(&PLACES);
                let mut bytes = snippet(&mut random, page + offset);
                bytes.truncate((PAGE_SIZE - offset) as usize);
                pool.write(frames[number], offset as usize, &bytes, None);
            }
            4 => (0..PAGES).for_each(|number| map(&mut pool, space, number)),
            _ => {}
        }
        let budget = 1 + random.below(600);
        let clock = Clock { now: 1000, carry: ticks, share: 1 };
        let mut mem = Memory::new(space, &mut pool, 1, u64::MAX);
        let run = match &mut engine {
            Some(engine) => engine.run(&mut cpu, &mut mem, clock, budget),
            None => Engine::new().run(&mut cpu, &mut mem, clock, budget),
        };
        ticks += run.ticks;
        outcome.push((run.exit, run.ticks, TOY.isa.canonical(&cpu)));
        if run.exit != Exit::Budget {
            cpu.pc = place(&mut random);
        }
    }
    outcome
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn jumps_lead_to_what_is_there(seed in any::<u64>()) {
        let expected = outcome(seed, None);
        let engines = [Some(Engine::new()), compiling(1), compiling(3), compiling_for_windows()];
        for (number, engine) in engines.into_iter().enumerate().filter(|(_, engine)| engine.is_some()) {
            let found = outcome(seed, engine);
            if let Some(at) = (0..expected.len()).find(|&at| found[at] != expected[at]) {
                prop_assert_eq!(&found[at], &expected[at], "run {} of engine {}", at, number);
            }
        }
    }
}

/// A round over four pages, by a conditional jump too.
#[test]
fn jumps_out_of_their_page_are_linked_for_the_space_that_runs() {
    let page = PAGE_SIZE as i32;
    let mut code = vec![1; 4 * PAGE_SIZE as usize];
    let mut put = |at: i32, program: &[T]| {
        let bytes = assemble(program);
        code[at as usize..][..bytes.len()].copy_from_slice(&bytes);
    };
    put(0, &[T::AddImm(0, 1), T::Far(page - 8 - 3)]);
    put(page - 3, &[T::Branch(0, 30)]);
    put(page + 30, &[T::AddImm(1, 1), T::Far(page)]);
    put(2 * page + 38, &[T::Far(page - 43)]);
    put(3 * page, &[T::Far(-3 * page - 5)]);
    let Some(engine) = compiling(1) else { return };
    let mut m = Machine::with_engine(&code, engine);
    let mut other = m.pool.new_space();
    for i in 0..4 {
        let frame = m.pool.share(m.space.pte(CODE + i * PAGE_SIZE).unwrap().frame);
        other.map(&mut m.pool, CODE + i * PAGE_SIZE, Pte { frame, perms: RX });
    }
    let entered = |m: &Machine| m.engine.stats().compiler.unwrap().entered;
    for turn in 0..10 {
        let before = entered(&m);
        assert_eq!(m.run(7000).exit, Exit::Budget);
        assert!(entered(&m) - before < 10, "turn {turn}: entered {} times", entered(&m) - before);
        std::mem::swap(&mut m.space, &mut other);
    }
    assert_eq!(m.cpu.slots[..2], [10_000, 10_000]);
}
