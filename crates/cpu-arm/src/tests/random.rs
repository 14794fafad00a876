//! Random instruction sequences: the same registers, flags, exceptions, signals and bytes as the other implementation.
use super::generate::{self, runs};
use super::machine::{self, Outcome, State};
use super::native::Native;
use crate::AARCH64;
use crate::decode::TABLE;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};
use std::cell::RefCell;

/// A readable difference, or nothing.
fn difference(ours: &Outcome, theirs: &Outcome) -> Option<String> {
    if ours.signo == abi::SIGBUS.into() && theirs.signo != ours.signo {
        // qemu does not check the alignment of LDAPR, which needs FEAT_LSE2 to do without.
        return None;
    }
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
        compare(format!("v{}.d[{}]", n / 2, n % 2), a.v[n], b.v[n]);
    }
    compare("sp".into(), a.sp, b.sp);
    compare("pc".into(), a.pc, b.pc);
    compare("nzcv".into(), a.nzcv, b.nzcv);
    compare("fpcr".into(), a.fpcr, b.fpcr);
    compare("fpsr".into(), a.fpsr, b.fpsr);
    compare("signal".into(), ours.signo, theirs.signo);
    // qemu leaves tags in, and of an address that is not canonical on its host it only says 0.
    if ours.addr < 1 << 47 || theirs.addr != 0 {
        compare("si_addr".into(), ours.addr << 8, theirs.addr << 8);
    }
    if ours.dirty != theirs.dirty {
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

/// Runs cases of rows that `wanted` takes; prints the smallest one that differs.
fn check(cases: u32, length: usize, modes: bool, wanted: impl Fn(&str) -> bool) {
    let Some(native) = Native::start() else { return };
    let native = RefCell::new(native);
    let rows: Vec<_> = TABLE.rows.iter().filter(|(_, row)| runs(row) && wanted(row.name)).collect();
    let insn = (0..rows.len(), any::<u32>()).prop_filter_map("unallocated", |(n, random)| {
        let (pattern, row) = rows[n];
        generate::word(*pattern, row, random)
    });
    let case = (prop::collection::vec(insn, 1..=length), any::<u64>());
    let mut runner = TestRunner::new(Config {
        cases,
        max_local_rejects: u32::MAX,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..Config::default()
    });
    let result = runner.run(&case, |(words, seed)| {
        let state: State = generate::state(seed, modes);
        let ours = machine::run(&words, &state, seed);
        let theirs = native.borrow_mut().run(&words, &state, seed);
        match difference(&ours, &theirs) {
            None => Ok(()),
            Some(text) => Err(TestCaseError::fail(text)),
        }
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(why, (words, seed))) => {
            let state = generate::state(seed, modes);
            panic!(
                "{}seed {seed:#x}\n{why}\nfrom x {:x?}\nv {:x?}\nfpcr {:#x}",
                listing(&words),
                state.x,
                state.v,
                state.fpcr
            )
        }
        Err(other) => panic!("{other}"),
    }
}

/// Fails if the two differ on a case.
fn assert_same(native: &mut Native, words: &[u32], seed: u64, state: &State) {
    if let Some(why) = difference(&machine::run(words, state, seed), &native.run(words, state, seed)) {
        panic!("{}seed {seed:#x}\n{why}\nfrom x {:x?}", listing(words), state.x);
    }
}

/// Every row alone, many times.
fn each_row(modes: bool, wanted: impl Fn(&str) -> bool) {
    let Some(mut native) = Native::start() else { return };
    let mut failures = Vec::new();
    for (n, (pattern, row)) in TABLE.rows.iter().enumerate() {
        if !runs(row) || !wanted(row.name) {
            continue;
        }
        let mut random = generate::Random::new(n as u64 + 1);
        for _ in 0..24 {
            let Some(word) = generate::word(*pattern, row, random.next() as u32) else { continue };
            let seed = random.next();
            let state = generate::state(seed, modes);
            let (ours, theirs) = (machine::run(&[word], &state, seed), native.run(&[word], &state, seed));
            if let Some(why) = difference(&ours, &theirs) {
                failures.push(format!(
                    "{} seed {seed:#x} fpcr {:#x} fpsr {:#x}\n{why}\n",
                    listing(&[word]).trim(),
                    state.fpcr,
                    state.fpsr
                ));
                break;
            }
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
    each_row(true, |name| name.contains('f') || name.starts_with('u') || name.starts_with('s'));
}

#[test]
fn sequences() {
    check(3000, 12, false, |name| !name.starts_with("ldapr"));
}

#[test]
fn sequences_in_every_floating_point_mode() {
    check(2000, 8, true, |name| name.starts_with('f') || name.ends_with("cvtf"));
}

/// Branches among integer instructions, forward, so that every case ends.
#[test]
fn branches() {
    let Some(mut native) = Native::start() else { return };
    let plain: Vec<_> = TABLE.rows.iter().filter(|(p, row)| runs(row) && !generate::word_is_memory(p.value)).collect();
    let branches = ["b", "bl", "b.", "cbz", "cbnz", "tbz", "tbnz", "adr", "ret", "br", "blr"];
    let branches: Vec<_> = TABLE.rows.iter().filter(|(_, row)| branches.contains(&row.name)).collect();
    for seed in 1..1500 {
        let mut r = generate::Random::new(seed);
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
        let mut state = generate::state(seed, false);
        state.x[30] = machine::CODE + 4 * words.len() as u64;
        if !machine::ends(&words, &state) {
            continue;
        }
        assert_same(&mut native, &words, seed, &state);
    }
}

/// A load-exclusive and a store-exclusive, of the same address or not, and a store-exclusive after CLREX.
#[test]
fn exclusives() {
    let Some(mut native) = Native::start() else { return };
    let rows = |prefixes: [&str; 2]| -> Vec<_> {
        let of = |name: &str| prefixes.iter().any(|p| name.starts_with(p));
        TABLE.rows.iter().filter(|(_, row)| generate::is_exclusive(row) && of(row.name)).collect()
    };
    let (loads, stores) = (rows(["ldx", "ldax"]), rows(["stx", "stlx"]));
    for seed in 1..2000 {
        let mut r = generate::Random::new(seed);
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
        assert_same(&mut native, &words, seed, &generate::state(seed, false));
    }
}

/// NZCV, FPSR and FPCR written and read back, DC ZVA, and what EL0 may not do.
#[test]
fn system_registers() {
    let Some(mut native) = Native::start() else { return };
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
        // Only bits that exist: qemu keeps AArch32's in FPSR and FEAT_FP16's in FPCR.
        state.x[rt(1) as usize] &= 0x0800_009f;
        state.x[rt(2) as usize] &= 0x07c0_0000;
        assert_same(&mut native, &words, seed, &state);
    }
}
