//! Random programs of random operations: compiled code does what the interpreter does, and stops where it stops.
mod isa;

use arch::{Cpu, Exit};
use engine::{Clock, Engine, Tiers};
use ir::{FP_ENV, LazyFlags};
use isa::*;
use jit::Jit;
use mmu::{FramePool, Memory, PAGE_SIZE, Perms, Pte};
use proptest::prelude::*;

const DATA: u64 = 0x40000;
const RW: Perms = Perms { read: true, write: true, execute: false };
const RWX: Perms = Perms { read: true, write: true, execute: true };

/// With a threshold, a JIT; of three kinds in turn.
fn engine(threshold: Option<u32>) -> Engine {
    match threshold {
        None => Engine::new(),
        Some(threshold) => {
            let jit = Jit::new(0).expect("these tests are for a host with templates");
            // With windows at once, on an old host, and one that soon compiles anew.
            let compiler = Box::new(match threshold % 3 {
                1 => jit.with_windows_after(0),
                2 => jit.baseline(),
                _ => jit.with_patience(0).with_windows_after(300),
            });
            Engine::with_tiers(Tiers::Compiler { compiler, threshold })
        }
    }
}

/// Everything a guest could tell two runs apart by.
type Outcome = (Exit, u64, Vec<u64>, Vec<[u8; PAGE_SIZE as usize]>);

/// Runs a program for at most `total` instructions. System calls and breakpoints are stepped over, a few times.
fn outcome(program: &[u64], seed: u64, total: u64, budgets: &[u64], threshold: Option<u32>) -> Outcome {
    outcome_within(program, seed, (total, 12), budgets, threshold)
}

/// The same, for so many stops.
fn outcome_within(
    program: &[u64],
    seed: u64,
    (total, most): (u64, u32),
    budgets: &[u64],
    threshold: Option<u32>,
) -> Outcome {
    let mut pool = FramePool::new(64);
    let mut space = pool.new_space();
    let code: Vec<u8> = program.iter().cycle().take(64).flat_map(|word| word.to_le_bytes()).collect();
    for (at, perms) in [(CODE, RWX), (DATA, RW), (DATA + PAGE_SIZE, RW), ((1 << 40) - PAGE_SIZE, RW)] {
        let frame = pool.alloc().unwrap();
        space.map(&mut pool, at, Pte { frame, perms });
        let bytes: Vec<u8> = (0..PAGE_SIZE).map(|i| (i as u8).wrapping_mul(7)).collect();
        pool.write(frame, 0, if at == CODE { &code } else { &bytes }, None);
    }
    let mut random = Random(seed);
    let mut cpu = Cpu::new(&RANDOM);
    cpu.pc = CODE;
    for slot in &mut cpu.slots[..144] {
        *slot = match random.below(8) {
            0 => random.below(10),
            1 => random.pick(&[0, 1, u64::MAX, 1 << 31, 1 << 63, DATA + 8, DATA + PAGE_SIZE - 3]),
            2 => f64::from_bits(random.next()).to_bits(),
            3 => (random.below(1000) as f64 / 8.0).to_bits(),
            4 => (random.below(1000) as f32 / 8.0).to_bits() as u64 * 0x1_0000_0001,
            5 => random.pick(&[f64::NAN, f64::INFINITY, f64::MIN_POSITIVE, 0.0, -0.0, 5e-324, f64::MAX]).to_bits(),
            6 => random.pick(&[f32::NAN, f32::INFINITY, f32::MIN_POSITIVE, -0.0, 1e-45, f32::MAX]).to_bits().into(),
            _ => random.next(),
        };
    }
    for (r, value) in [(BASE, DATA), (EDGE, DATA + 2 * PAGE_SIZE - 20), (CODE_AT, CODE + 8), (FAR, (1 << 40) - 20)] {
        cpu.set(r, value);
    }
    let rule = random.below(4) << softfloat::CELL_NAN_SHIFT;
    let tiny = random.below(2) * softfloat::CELL_TININESS_BEFORE;
    let modes = if random.one_in(4) { random.next() & 0x1f00 } else { 0 };
    cpu.set(FP_ENV, rule | tiny | modes | random.below(64));
    LazyFlags { kind: ir::FlagKind::Sub, ty: ir::Ty::I32, a: random.next(), b: random.next(), c: 0 }
        .store(&mut cpu.slots);

    let mut engine = engine(threshold);
    let mut budgets = budgets.iter().cycle();
    let (mut ticks, mut stops) = (0, 0);
    let exit = loop {
        let budget = budgets.next().copied().unwrap_or(1).min(total - ticks);
        let clock = Clock { now: 1000, carry: ticks, share: 1 };
        let mut mem = Memory::new(&mut space, &mut pool, 1, u64::MAX);
        let run = engine.run(&mut cpu, &mut mem, clock, budget);
        assert!(run.ticks <= budget);
        ticks += run.ticks;
        match run.exit {
            Exit::Budget => assert_eq!(run.ticks, budget),
            Exit::Syscall => {}
            Exit::Trap(_) => {
                cpu.pc = CODE + cpu.pc.wrapping_add(LEN) % (64 * LEN);
                stops += 1;
            }
        }
        if ticks == total || stops == most {
            break run.exit;
        }
    };
    let pages = [CODE, DATA, DATA + PAGE_SIZE, (1 << 40) - PAGE_SIZE];
    let pages = pages.map(|page| *pool.bytes(space.pte(page).unwrap().frame)).to_vec();
    (exit, ticks, RANDOM.isa.canonical(&cpu), pages)
}

/// The first instruction after which compiled code differs, and what it is, for the message of a failure.
fn explain(program: &[u64], seed: u64) -> String {
    let run = |total, stops, threshold| outcome_within(program, seed, (total, stops), &[1000], threshold);
    let differs = |total, stops| same(&run(total, stops, Some(1)), &run(total, stops, None)).is_err();
    let stops = (1..=12).find(|&stops| differs(1000, stops)).unwrap_or(12);
    for total in 1..=1000 {
        if differs(total, stops) {
            // The instructions that led there, the last block's all.
            let mut text = format!("after {stops} stops and {total} instructions\n");
            for ticks in total.saturating_sub(24)..total {
                let pc = run(ticks, stops, None).2[144];
                let word = program[(pc.wrapping_sub(CODE) / LEN) as usize % 64 % program.len()];
                let mut out = ir::Builder::new(pc);
                out.insn(pc);
                RANDOM.isa.lift(pc, &word.to_le_bytes(), &mut out);
                text += &ir::text::print(&out.finish(pc + LEN), &|slot| RANDOM.isa.slot_name(slot));
            }
            return text;
        }
    }
    "not found by one run".into()
}

fn same(one: &Outcome, other: &Outcome) -> Result<(), TestCaseError> {
    prop_assert_eq!((one.0, one.1), (other.0, other.1));
    let differing: Vec<_> = one.2.iter().zip(&other.2).enumerate().filter(|(_, (a, b))| a != b).collect();
    prop_assert!(differing.is_empty(), "registers: {:x?}", differing);
    let bytes = |outcome: &Outcome| outcome.3.concat();
    let memory: Vec<_> = bytes(one).into_iter().zip(bytes(other)).enumerate().filter(|(_, (a, b))| a != b).collect();
    prop_assert!(memory.is_empty(), "memory: {:x?}", memory);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn compiled_programs_do_what_interpreted_ones_do(
        program in prop::collection::vec(any::<u64>(), 1..64),
        seed in any::<u64>(),
        budgets in prop::collection::vec(1u64..300, 1..4),
    ) {
        let expected = outcome(&program, seed, 1000, &[1000], None);
        let compiled = same(&outcome(&program, seed, 1000, &[1000], Some(1)), &expected);
        prop_assert!(compiled.is_ok(), "{:?}: {}", compiled, explain(&program, seed));
        same(&outcome(&program, seed, 1000, &budgets, Some(1)), &expected)?;
        same(&outcome(&program, seed, 1000, &budgets, Some(2)), &expected)?;
        same(&outcome(&program, seed, 1000, &budgets, Some(3)), &expected)?;
    }
}

/// A program that failed once.
fn again(program: &[u64], seed: u64) {
    let expected = outcome(program, seed, 1000, &[1000], None);
    let compiled = same(&outcome(program, seed, 1000, &[1000], Some(1)), &expected);
    assert!(compiled.is_ok(), "{compiled:?}: {}", explain(program, seed));
}

/// A conditional trap of the kind that ends its block leaves the pc on the instruction, the end behind it.
#[test]
fn a_trap_in_front_of_the_same_trap() {
    let program = [
        0,
        65491168125,
        8575461130374144085,
        0,
        868953139,
        2187185146984,
        12744787742772527184,
        17299488602087781124,
        15821206142090456944,
        14036317382213845664,
        9941315137820795010,
        5864136661687036879,
        17447761397550892721,
        13494228413372345443,
        1165153942715411146,
        13544718919161167240,
        15435649792106553055,
        3389140840592064851,
    ];
    again(&program, 4082798904957318155);
}

/// Each may read temporaries that nothing else reads.
#[test]
fn two_helpers_over_the_machine_in_one_instruction() {
    again(&[913227709976382736, 12836881482897166236], 31068957174307);
}

/// What the cache holds of the flags at the end of a round is not what the next one leaves.
#[test]
fn a_loop_that_asks_its_flags() {
    let program = [
        13728832156951173594,
        0,
        0,
        0,
        10301040,
        14976389813670160875,
        14267771479443628045,
        14620893009083215726,
        10419807879330903726,
        18093969862412820740,
        13508469732732304038,
        6872976981390605598,
        238935854848876344,
        14472589648416599090,
        15080127037662485286,
        8301192702020782040,
        9484776978821603516,
        16581232713014453762,
        6537705744925288590,
        11658674555244194091,
        5554663033007536672,
        3939638782590422690,
        16465010845078903026,
        202256148035441325,
        10257160656753355037,
        17314713824799840204,
        13737075903088656197,
        11101194245725975571,
        6254526227800478470,
        6907255971535055035,
        15383794909031808330,
        9645868812571839421,
        15206674378895365353,
        17167246031513242734,
        330881484025252795,
        14362643595515948174,
        15751322476509700199,
        11015628298662249417,
        1020146114722096282,
        3894988988695599973,
        16956109112023534501,
        17322122578388152675,
        11157208195011890985,
        6126888722471242557,
        3444376618105975869,
        3855025411000086035,
        6852042441589602531,
        15596723888872835781,
        5149889998567847620,
        15805459092633675385,
        11759817187005941471,
        14871487888235461218,
        2489593632656548231,
        4699068729051170059,
    ];
    again(&program, 13774251570424632812);
}

/// The host's addresses have no shift by four.
#[test]
fn a_constant_address_and_an_index_shifted_far() {
    let program =
        [0, 1782213069980562881, 478909335329309421, 19098663524216, 2342788423440412504, 1136093243999464550];
    again(&program, 7654050028541264034);
}
