//! Random instruction sequences: the same registers, flags, exceptions, signals and bytes as the other implementation.
//! `MINIKERN_CASES` sets how many, `MINIKERN_SEED` which ones.
use super::generate::{self, Kind, kind};
use super::machine::{self, Case, Outcome, State};
use super::native::Native;
use crate::AARCH64;
use crate::decode::{Insn, Pattern, TABLE};
use abi::{SIGBUS, SIGSEGV};
use oracle::Random;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};
use std::cell::RefCell;

/// The row of the instruction that a case stopped at.
fn stopped_at(case: &Case, outcome: &Outcome) -> Option<(&'static Insn, u32)> {
    let at = outcome.state.pc.wrapping_sub(machine::CODE) / 4;
    let word = *case.words.get(usize::try_from(at).ok()?)?;
    Some((TABLE.find(word)?, word))
}

/// Loads and stores that are several accesses: pairs, structures, and for qemu vectors. Ours find a fault before the first.
fn is_several(row: &str, word: u32) -> bool {
    word >> 26 & 1 != 0 || ["ldp", "stp", "ldnp", "stnp", "casp"].iter().any(|stem| row.starts_with(stem))
}

/// Faults of qemu 7.2 that end a comparison (docs/TESTING.md names the sections of the manual).
fn is_known(case: &Case, ours: &Outcome, theirs: &Outcome) -> bool {
    let Some((row, _)) = stopped_at(case, ours) else { return false };
    let passed = theirs.state.pc != ours.state.pc;
    let alignment = ours.signo == u64::from(SIGBUS);
    let is = |stems: &[&str]| stems.iter().any(|stem| row.name.starts_with(stem));
    // It does not check the alignment of the stack pointer, nor of FEAT_LRCPC's accesses.
    alignment && !ours.state.sp.is_multiple_of(16)
        || alignment && (passed || theirs.signo != ours.signo) && is(&["ldap", "stlur"])
        // A store-exclusive without a monitor fails before anything is checked.
        || passed && is(&["stx", "stlx"])
}

/// A readable difference, or nothing.
pub(super) fn difference(case: &Case, ours: &Outcome, theirs: &Outcome) -> Option<String> {
    if is_known(case, ours, theirs) {
        return None;
    }
    let stopped = stopped_at(case, theirs);
    // What was transferred before a fault in the middle of several accesses is unknown by the manual; ours is nothing.
    let halfway = theirs.signo == u64::from(SIGSEGV) && stopped.is_some_and(|(row, word)| is_several(row.name, word));
    // Of addresses that are not canonical on its host qemu says nothing.
    let canonical = ours.addr < 1 << 47 || theirs.addr != 0;
    let mut lines = Vec::new();
    let mut compare = |name: String, a: u64, b: u64| {
        if a != b {
            lines.push(format!("{name}: ours {a:#x}, theirs {b:#x}"));
        }
    };
    let (a, b) = (&ours.state, &theirs.state);
    for n in 0..31 {
        compare(format!("x{n}"), a.x[n], b.x[n]);
    }
    for n in 0..64 {
        if !halfway {
            compare(format!("v{}.d[{}]", n / 2, n % 2), a.v[n], b.v[n]);
        }
    }
    compare("sp".into(), a.sp, b.sp);
    compare("pc".into(), a.pc, b.pc);
    compare("nzcv".into(), a.nzcv, b.nzcv);
    // qemu keeps bits that are AArch32's.
    compare("fpcr".into(), a.fpcr, b.fpcr & 0x07c8_0000);
    compare("fpsr".into(), a.fpsr, b.fpsr & 0x0800_009f);
    compare("signal".into(), ours.signo, theirs.signo);
    if canonical {
        // qemu leaves tags in.
        compare("si_addr".into(), ours.addr << 8, theirs.addr << 8);
        if [SIGSEGV, SIGBUS].map(u64::from).contains(&ours.signo) {
            compare("si_code".into(), ours.code, theirs.code);
        }
    }
    if !halfway && ours.dirty != theirs.dirty {
        lines.push(format!("memory: pages {:x?} and {:x?}", ours.dirty.keys(), theirs.dirty.keys()));
        for (page, bytes) in &ours.dirty {
            let other = theirs.dirty.get(page);
            let at = bytes.iter().enumerate().find(|(i, byte)| other.is_none_or(|o| o[*i] != **byte));
            lines.extend(at.map(|(i, byte)| format!("{page:#x} + {i:#x}: {byte:#x}, {:?}", other.map(|o| o[i]))));
        }
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn listing(words: &[u32]) -> String {
    words.iter().map(|w| format!("{w:08x}  {}\n", AARCH64.isa.disassemble(machine::CODE, &w.to_le_bytes()).1)).collect()
}

const NOP: u32 = 0xd503_201f;
const MSR_FPCR: u32 = 0xd51b_4400;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// As many seeds as are wanted.
fn seeds(cases: u64) -> impl Iterator<Item = u64> {
    let first = number("MINIKERN_SEED").unwrap_or(1) << 32;
    first..first + number("MINIKERN_CASES").unwrap_or(cases)
}

/// The first of the cases that the two differ on, and how.
fn first_difference(native: &mut Native, cases: &[Case]) -> Option<(usize, String)> {
    let theirs = native.run(cases);
    cases
        .iter()
        .zip(theirs)
        .enumerate()
        .find_map(|(n, (case, theirs))| difference(case, &machine::run(case), &theirs).map(|why| (n, why)))
}

fn report(case: &Case, why: &str) -> String {
    let State { x, v, fpcr, fpsr, .. } = &case.state;
    format!(
        "{}seed {:#x}\n{why}\nfrom x {x:x?}\nv {v:x?}\nfpcr {fpcr:#x} fpsr {fpsr:#x}",
        listing(&case.words),
        case.seed
    )
}

/// Fails if the two differ on a case.
fn assert_same(native: &mut Native, cases: &[Case]) {
    if let Some((n, why)) = first_difference(native, cases) {
        panic!("{}", report(&cases[n], &why));
    }
}

/// Whether a row's results are what FPCR makes of them.
fn is_float(row: &Insn) -> bool {
    row.name.starts_with('f') || row.name.ends_with("cvtf") || row.name.starts_with("bf")
}

/// A state for the words. What qemu 7.2 has wrong is left out: the result of scalar FCVTZS of halves to fixed point, which
/// it extends beyond 16 bits; FJCVTZS of an operand that FZ flushes, which it takes for exact.
fn case(mut words: Vec<u32>, seed: u64, modes: bool) -> Case {
    let mut state = generate::state(seed, modes);
    words.iter_mut().filter(|word| **word & 0xfff0_fc00 == 0x5f10_fc00).for_each(|word| *word = NOP);
    if words.iter().any(|word| TABLE.find(*word).is_some_and(|row| row.name == "fjcvtzs")) {
        state.fpcr &= !crate::helpers::system::FPCR_FZ;
        words.iter_mut().filter(|word| **word & !31 == MSR_FPCR).for_each(|word| *word = NOP);
    }
    Case { words, state, seed }
}

/// Sequences of rows that `wanted` takes, `cases` of them or `MINIKERN_CASES`; prints the smallest that differs.
fn check(cases: u64, modes: bool, wanted: impl Fn(&Insn) -> bool) {
    const BATCH: usize = 48;
    let Some(native) = Native::start() else { return };
    let native = RefCell::new(native);
    let runs = |row: &Insn| matches!(kind(row), Kind::Plain | Kind::Branch) && wanted(row);
    let rows: Vec<(Pattern, &Insn)> = TABLE.rows.iter().filter(|(_, row)| runs(row)).copied().collect();
    let sequence = prop::collection::vec((0..rows.len(), any::<u32>()), 1..=generate::LONGEST);
    let batches = prop::collection::vec((sequence, any::<u64>().no_shrink()), 1..=BATCH);
    let seed = number("MINIKERN_SEED").unwrap_or(1);
    let wanted = number("MINIKERN_CASES").unwrap_or(cases);
    let mut runner = TestRunner::new(Config {
        // Batches are half full on average.
        cases: (wanted / (BATCH as u64 / 2) + 1) as u32,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..Config::default()
    });
    let make = |(choices, seed): &(Vec<(usize, u32)>, u64)| case(generate::sequence(&rows, choices), *seed, modes);
    let result = runner.run(&batches, |batch| {
        let cases: Vec<Case> = batch.iter().map(make).collect();
        match first_difference(&mut native.borrow_mut(), &cases) {
            None => Ok(()),
            Some((n, why)) => Err(TestCaseError::fail(report(&cases[n], &why))),
        }
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(why, _)) => panic!("MINIKERN_SEED={seed}\n{why}"),
        Err(other) => panic!("{other}"),
    }
}

/// Every row alone, many times.
fn each_row(modes: bool, wanted: impl Fn(&Insn) -> bool) {
    const TIMES: usize = 24;
    let Some(mut native) = Native::start() else { return };
    let mut failures = Vec::new();
    for (n, (pattern, row)) in TABLE.rows.iter().enumerate() {
        if kind(row) != Kind::Plain || !wanted(row) {
            continue;
        }
        let mut random = Random::new(n as u64 + 1);
        let words = std::iter::repeat_with(|| random.next()).take(10 * TIMES);
        let cases: Vec<Case> = words
            .filter_map(|r| Some(case(vec![generate::word(*pattern, row, r as u32)?], r >> 32, modes)))
            .take(TIMES)
            .collect();
        assert!(!cases.is_empty(), "{} {}: no valid word", row.name, row.bits);
        if let Some((n, why)) = first_difference(&mut native, &cases) {
            let Case { words, state, seed } = &cases[n];
            let (listing, fpcr, fpsr) = (listing(words), state.fpcr, state.fpsr);
            failures.push(format!("{} seed {seed:#x} fpcr {fpcr:#x} fpsr {fpsr:#x}\n{why}\n", listing.trim()));
        }
    }
    assert!(failures.is_empty(), "{} rows differ\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_row_alone() {
    each_row(false, |_| true);
}

#[test]
fn every_row_in_every_floating_point_mode() {
    each_row(true, is_float);
}

#[test]
fn sequences() {
    check(60_000, true, |_| true);
}

#[test]
fn sequences_of_floating_point() {
    check(40_000, true, is_float);
}

/// Branches among integer instructions, forward, so that every case ends.
#[test]
fn branches() {
    let Some(mut native) = Native::start() else { return };
    let of = |wanted: &[Kind]| -> Vec<_> {
        TABLE.rows.iter().filter(|(p, row)| wanted.contains(&kind(row)) && !generate::word_is_memory(p.value)).collect()
    };
    let (plain, branches) = (of(&[Kind::Plain]), of(&[Kind::Branch, Kind::Indirect]));
    let mut cases = Vec::new();
    for seed in seeds(1500) {
        let mut r = Random::new(seed);
        let mut words = Vec::new();
        while words.len() < 12 {
            let (choice, random) = (r.next() as usize >> 8, r.next() as u32);
            let word = if choice % 2 == 0 {
                let (pattern, row) = plain[choice / 2 % plain.len()];
                generate::word(*pattern, row, random).filter(|w| w & 31 != 30)
            } else {
                let (pattern, row) = branches[choice / 2 % branches.len()];
                generate::branch(*pattern, row.name, random, words.len(), 12)
            };
            // An indirect branch goes where the ADR in front of it says.
            match word {
                Some(word) if word >> 25 == 0b1101011 => {
                    if words.len() < 11 {
                        words.extend([0x1000_0000 | 2 << 5 | 30, word]);
                    }
                }
                other => words.extend(other),
            }
        }
        // A branch into the middle of such a pair ends the case, or makes a loop.
        let mut case = case(words, seed, false);
        case.state.x[30] = machine::CODE + 4 * case.words.len() as u64;
        if machine::ends(&case.words, &case.state) {
            cases.push(case);
        }
    }
    assert_same(&mut native, &cases);
}

/// A load-exclusive and a store-exclusive, of the same address or not, and a store-exclusive after CLREX.
#[test]
fn exclusives() {
    let Some(mut native) = Native::start() else { return };
    let rows = |prefixes: [&str; 2]| -> Vec<_> {
        let of = |name: &str| prefixes.iter().any(|p| name.starts_with(p));
        TABLE.rows.iter().filter(|(_, row)| kind(row) == Kind::Exclusive && of(row.name)).collect()
    };
    let (loads, stores) = (rows(["ldx", "ldax"]), rows(["stx", "stlx"]));
    let mut cases = Vec::new();
    for seed in seeds(4000) {
        let mut r = Random::new(seed);
        let (load, store) = (loads[r.next() as usize % loads.len()], stores[r.next() as usize % stores.len()]);
        let size = r.next() as u32 & 1 << 30;
        let words: Option<Vec<u32>> = [load, store]
            .into_iter()
            .map(|(pattern, row)| {
                let random = r.next() as u32 & !(1 << 30) | size;
                let mut pattern = *pattern;
                if seed % 4 != 0 {
                    // One base for both.
                    pattern.mask |= 0x1f << 5;
                    pattern.value |= 24 << 5;
                }
                generate::word(pattern, row, random)
            })
            .collect();
        let Some(mut words) = words else { continue };
        // Of different sizes they are unpredictable.
        if (words[0] ^ words[1]) & (3 << 30 | 1 << 21) != 0 {
            continue;
        }
        if seed % 5 == 0 {
            words.insert(1, 0xd503_3f5f);
        }
        cases.push(case(words, seed, false));
    }
    assert_same(&mut native, &cases);
}

/// NZCV, FPSR and FPCR written and read back, DC ZVA, and what EL0 may not do.
#[test]
fn system_registers() {
    // Its DC ZVA zeroes 64 bytes.
    let Some(mut native) = Native::start_as("cortex-a76") else { return };
    let mut cases = Vec::new();
    for seed in 1..300 {
        let rt = |n: u64| (seed * 7 + n) as u32 % 20;
        let mut words = Vec::new();
        for (n, register) in (0..).zip([0xd51b_4200u32, 0xd51b_4420, 0xd51b_4400]) {
            words.extend([register | rt(n), register | 1 << 21 | rt(n + 3)]);
        }
        words.push(0xd50b_7420 | (20 + seed as u32 % 8));
        // MSR to an EL1 register is undefined.
        if seed % 3 == 0 {
            words.push(0xd518_0000);
        }
        let mut state = generate::state(seed, false);
        // Only bits that exist: qemu keeps AArch32's.
        state.x[rt(1) as usize] &= 0x0800_009f;
        state.x[rt(2) as usize] &= 0x07c8_0000;
        // A fault of DC ZVA is reported at the start of its block.
        let zeroed = &mut state.x[20 + seed as usize % 8];
        *zeroed = machine::DATA + *zeroed % 0x3000;
        cases.push(Case { words, state, seed });
    }
    assert_same(&mut native, &cases);
}
