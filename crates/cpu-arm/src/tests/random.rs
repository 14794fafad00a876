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
    // Of an address that is not canonical on its host, qemu only says 0.
    if ours.addr < 1 << 47 || theirs.addr != 0 {
        compare("si_addr".into(), ours.addr, theirs.addr);
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
    let mut runner =
        TestRunner::new(Config { cases, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..Config::default() });
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

/// Every row alone, many times.
fn each_row(modes: bool, wanted: impl Fn(&str) -> bool) {
    let Some(mut native) = Native::start() else { return };
    let mut failures = Vec::new();
    for (n, (pattern, row)) in TABLE.rows.iter().enumerate() {
        if !runs(row) || !wanted(row.name) {
            continue;
        }
        let mut random = generate::Random::new(n as u64 + 1);
        for _ in 0..60 {
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
