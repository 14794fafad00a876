//! The recorder: lines of vectors/recorded for every row, from what qemu-aarch64 does. A line names only what matters: each
//! register is set to zero and the case run again, and if nothing else becomes of it the register is left out.
use super::generate::{self, Kind, kind};
use super::machine::{CODE, Case, DATA, Outcome, PAGE, State, data};
use super::native::Native;
use super::random::difference;
use super::vectors::{World, folder, step};
use crate::AARCH64;
use crate::decode::{Insn, Pattern};
use crate::insns;
use abi::{SIGSEGV, SIGTRAP};
use oracle::Random;
use std::fmt::Write;

/// Lines a row, and tries to find them.
const LINES: usize = 2;
const TRIES: usize = 40;

/// How to reach a register of a state.
fn fields(state: &mut State) -> Vec<&mut u64> {
    let State { x, nzcv, fpcr, fpsr, v, .. } = state;
    x.iter_mut().chain(v).chain([nzcv, fpcr, fpsr]).collect()
}

/// What became of a case apart from field `n`: signal, pages, changed registers.
fn effect(case: &Case, outcome: &Outcome, n: usize) -> (Outcome, Vec<u64>) {
    let (mut before, mut after) = (case.state.clone(), outcome.clone());
    let changed = fields(&mut before).into_iter().zip(fields(&mut after.state)).enumerate();
    let changes = changed.map(|(i, (a, b))| if i == n || a == b { 0 } else { *b }).collect();
    after.state = State { sp: after.state.sp, pc: after.state.pc, ..State::default() };
    (after, changes)
}

/// The case without the registers that do not matter.
fn minimal(native: &mut Native, case: &Case) -> Case {
    let outcome = native.run(std::slice::from_ref(case)).remove(0);
    let count = fields(&mut case.state.clone()).len();
    let without: Vec<Case> = (0..count)
        .map(|n| {
            let mut case = case.clone();
            *fields(&mut case.state)[n] = 0;
            case
        })
        .collect();
    let outcomes = native.run(&without);
    let mut out = case.clone();
    for n in 0..count {
        if effect(case, &outcome, n) == effect(&without[n], &outcomes[n], n) {
            *fields(&mut out.state)[n] = 0;
        }
    }
    out
}

/// The line of a case, if both sides agree on it.
fn line(native: &mut Native, case: &Case) -> Option<String> {
    let case = minimal(native, case);
    let theirs = native.run(std::slice::from_ref(&case)).remove(0);
    let ours = super::machine::run(&case);
    if difference(&case, &ours, &theirs).is_some() || ours.signo != theirs.signo {
        return None;
    }
    let word = case.words[0];
    let before = World::new(case.state.clone(), data(case.seed).to_vec());
    let mut after = before.clone();
    if theirs.signo == u64::from(SIGTRAP) {
        after.state = theirs.state;
        for (at, page) in theirs.dirty {
            after.bytes[at as usize..][..PAGE].copy_from_slice(&page);
        }
    } else {
        // Registers stay as they were, whatever qemu has done of several accesses.
        after.signal = [theirs.signo, theirs.code, theirs.addr << 8 >> 8];
    }
    let mut stepped = before.clone();
    step(word, &mut stepped);
    assert_eq!(stepped.registers(), after.registers(), "{word:08x}: what both agree on");
    let text = AARCH64.isa.disassemble(CODE, &word.to_le_bytes()).1;
    let is_memory = generate::word_is_memory(word);
    let zero = World::new(State::default(), Vec::new());
    let mut out = format!("{word:08x}  \"{text}\"");
    if is_memory {
        write!(out, " seed={}", case.seed % 16).expect("a string");
    }
    changes(&mut out, &zero, &before);
    out.push_str(" =>");
    let mut next = before.clone();
    next.state.pc += if after.signal[0] == 0 { 4 } else { 0 };
    changes(&mut out, &next, &after);
    let changed = before.bytes.iter().zip(&after.bytes).enumerate().filter(|(_, (a, b))| a != b);
    for run in runs(changed.map(|(at, _)| at)) {
        write!(out, " mem+{}=", run.start).expect("a string");
        after.bytes[run].iter().for_each(|byte| write!(out, "{byte:02x}").expect("a string"));
    }
    Some(out)
}

/// Neighbouring numbers as ranges.
fn runs(numbers: impl Iterator<Item = usize>) -> Vec<std::ops::Range<usize>> {
    let mut out: Vec<std::ops::Range<usize>> = Vec::new();
    for n in numbers {
        match out.last_mut() {
            Some(run) if run.end == n => run.end += 1,
            _ => out.push(n..n + 1),
        }
    }
    out
}

/// The registers that differ, as a line has them.
fn changes(out: &mut String, from: &World, to: &World) {
    for ((name, a), (_, b)) in from.registers().into_iter().zip(to.registers()) {
        if a == b {
            continue;
        }
        let value = match name.as_str() {
            "nzcv" if b == 0 => "0".to_owned(),
            "nzcv" => {
                "nzcv".chars().zip([31, 30, 29, 28]).filter(|(_, at)| b >> at & 1 != 0).map(|(flag, _)| flag).collect()
            }
            "pc" => format!("{}", b.wrapping_sub(CODE) as i64),
            "signal" | "code" => format!("{b}"),
            _ => format!("{b:#x}"),
        };
        write!(out, " {name}={value}").expect("a string");
    }
}

/// Lines of a row: some that retire, and of a memory access one that faults at a border.
fn record(native: &mut Native, pattern: Pattern, row: &Insn, n: usize) -> Vec<String> {
    let mut random = Random::new(n as u64 + 77);
    let (mut lines, mut faults) = (Vec::new(), Vec::new());
    let wanted_faults = usize::from(generate::word_is_memory(pattern.value) && !row.name.starts_with("prf"));
    for _ in 0..TRIES {
        if lines.len() == LINES && faults.len() >= wanted_faults {
            break;
        }
        let (Some(word), seed) = (generate::word(pattern, row, random.next() as u32), random.next()) else { continue };
        let mut state = generate::state(seed, random.next().is_multiple_of(2));
        // As it is by default, so that no line needs to say so.
        state.sp = State::default().sp;
        state.x.iter_mut().filter(|x| **x >> 56 == 0x5a).for_each(|x| *x &= u64::MAX >> 8);
        if faults.len() < wanted_faults && lines.len() == LINES {
            let border = [DATA + 0x3000, DATA + 0x4000, DATA][random.next() as usize % 3];
            (20..28).for_each(|n| state.x[n] = border.wrapping_sub(random.next() % 20));
        }
        let case = Case { words: vec![word], state, seed };
        let outcome = native.run(std::slice::from_ref(&case)).remove(0);
        let (into, limit) = match outcome.signo {
            signo if signo == u64::from(SIGTRAP) => (&mut lines, LINES),
            // Of some other addresses qemu says nothing.
            signo if signo == u64::from(SIGSEGV) && outcome.addr.abs_diff(DATA) < 0x8000 => {
                (&mut faults, wanted_faults)
            }
            _ => continue,
        };
        if into.len() < limit {
            into.extend(line(native, &case));
        }
    }
    lines.extend(faults);
    lines
}

/// Writes vectors/recorded anew: `cargo test -p cpu-arm record -- --ignored`.
#[test]
#[ignore = "writes into the source tree"]
fn record_vectors() {
    let Some(mut native) = Native::start() else { return };
    for (name, part) in insns::PARTS {
        let mut text = format!("# Recorded from qemu-aarch64 7.2, CPU max: rows of insns/{name}.rs.\n");
        for (n, row) in part.iter().enumerate() {
            if !matches!(kind(row), Kind::Plain | Kind::Exclusive) {
                continue;
            }
            let lines = record(&mut native, Pattern::parse(row.bits), row, n);
            assert!(!lines.is_empty(), "{} {}: nothing to record", row.name, row.bits);
            lines.iter().for_each(|line| writeln!(text, "{line}").expect("a string"));
        }
        std::fs::write(folder().join("recorded").join(format!("{name}.ins")), text).expect("the folder is writable");
    }
}
