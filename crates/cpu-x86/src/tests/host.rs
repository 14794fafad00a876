//! Random sequences of instructions give on the host's CPU what they give here: every register, flag and byte.
use super::generate;
use super::machine::{self, CODE, State};
use super::native::{Native, TEXT};
use iced_x86::{Instruction, Mnemonic, OpKind};
use proptest::prelude::*;

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::cell::RefCell;

/// Flags compared: the status flags and DF.
const FLAGS: u64 = 0xcd5;

/// How many sequences; MINIKERN_CASES asks for more.
fn cases() -> u32 {
    std::env::var("MINIKERN_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(20_000)
}

fn text_of(insns: &[(Vec<u8>, Instruction)]) -> String {
    let isa = crate::X86_64.isa;
    insns.iter().map(|(b, _)| format!("\n  {} {}", hex(b), isa.disassemble(CODE, b).1)).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// `loose`: the last bit of x87 results may differ, and C1 with it.
fn difference(ours: &State, native: &State, loose: bool) -> Option<String> {
    let mut out = String::new();
    let mut note = |what: String, a: u64, b: u64| {
        if a != b {
            out += &format!("\n  {what}: ours {a:#x}, native {b:#x}");
        }
    };
    note("signal".into(), ours.signal, native.signal);
    note("si_code".into(), ours.code, native.code);
    for n in 0..16 {
        note(format!("gpr {n}"), ours.gpr[n], native.gpr[n]);
    }
    note("rip".into(), ours.rip, native.rip);
    note("flags".into(), ours.rflags & FLAGS, native.rflags & FLAGS);
    if ours.signal != 5 {
        note("si_addr".into(), ours.address, native.address);
    }
    let word = |s: &State, at: usize, len: usize| {
        s.fxsave[at..at + len].iter().rev().fold(0u64, |w, b| w << 8 | u64::from(*b))
    };
    note("fcw".into(), word(ours, 0, 2), word(native, 0, 2));
    let codes = if loose { !0x200 } else { !0 };
    note("fsw".into(), word(ours, 2, 2) & codes, word(native, 2, 2) & codes);
    note("ftw".into(), word(ours, 4, 1), word(native, 4, 1));
    for (what, at, len) in [("fop", 6, 2), ("fip", 8, 8), ("fdp", 16, 8)] {
        note(what.into(), word(ours, at, len), word(native, at, len));
    }
    note("mxcsr".into(), word(ours, 24, 4), word(native, 24, 4));
    for i in 0..8 {
        let (a, b) = (word(ours, 32 + 16 * i, 8), word(native, 32 + 16 * i, 8));
        if !loose || a.abs_diff(b) > 1 {
            note(format!("st{i}"), a, b);
        }
        note(format!("st{i} exponent"), word(ours, 40 + 16 * i, 2), word(native, 40 + 16 * i, 2));
    }
    for i in 0..32 {
        note(format!("xmm{}.{}", i / 2, i % 2), word(ours, 160 + 8 * i, 8), word(native, 160 + 8 * i, 8));
    }
    for (at, (a, b)) in ours.data.iter().zip(&native.data).enumerate() {
        note(format!("data+{at:#x}"), u64::from(*a), u64::from(*b));
    }
    (!out.is_empty()).then_some(out)
}

/// Whether a function of ST(0) is, or may be, undefined there: what comes before it in a sequence can have changed ST(0).
fn is_outside_domain(insns: &[Instruction], before: &State) -> bool {
    let Some((insn, earlier)) = insns.split_last() else { return false };
    let exponent = u16::from_le_bytes([before.fxsave[40], before.fxsave[41]]) & 0x7fff;
    match insn.mnemonic() {
        Mnemonic::F2xm1 => exponent >= 0x3fff || !earlier.is_empty(),
        Mnemonic::Fyl2xp1 => exponent >= 0x3ffd || !earlier.is_empty(),
        _ => false,
    }
}

/// A state that cannot be compared: the runner's own memory may be where ours faults; a store that faults has already turned
/// the x87 to MMX.
fn is_incomparable(before: &State, ours: &State, insns: &[Instruction]) -> bool {
    if is_outside_domain(insns, before) {
        return true;
    }
    if ours.signal != 11 {
        return false;
    }
    let near = |at: u64| ours.address.wrapping_sub(at.wrapping_sub(0x10000)) < 0x20000;
    let elsewhere = ours.code == 1 && ours.address >= 0x10000 && !near(machine::DATA);
    let uses_mmx =
        |i: &Instruction| (0..i.op_count()).any(|n| i.op_kind(n) == OpKind::Register && i.op_register(n).is_mm());
    // Ten bytes are stored in two parts, and what Linux stores for a program in as many as it likes; masked bytes are not looked at; flags of repeated comparisons are rolled back.
    let in_parts = |i: &Instruction| {
        use iced_x86::Mnemonic::*;
        let compares = matches!(i.mnemonic(), Scasb | Scasw | Scasd | Scasq | Cmpsb | Cmpsw | Cmpsd | Cmpsq);
        matches!(i.mnemonic(), Maskmovdqu | Maskmovq | Fbstp | Sgdt | Sidt | Sldt | Smsw | Str)
            || i.mnemonic() == Fstp && i.memory_size().size() == 10
            || compares && (i.has_rep_prefix() || i.has_repne_prefix())
    };
    elsewhere || ours.code == 2 || insns.iter().any(|i| uses_mmx(i) || in_parts(i))
}

#[test]
fn sequences_run_as_on_the_host() {
    let native = match Native::start() {
        Ok(native) => RefCell::new(native),
        Err(why) => return println!("skipped: {why}"),
    };
    let config = Config { cases: cases(), failure_persistence: None, ..Config::default() };
    let seed = std::env::var("MINIKERN_SEED").unwrap_or_default();
    let mut bytes = [7; 32];
    for (to, from) in bytes.iter_mut().zip(seed.bytes()) {
        *to = from;
    }
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let strategy = (proptest::collection::vec(any::<u64>(), 1..5), any::<u64>());
    let result = runner.run(&strategy, |(seeds, state)| {
        let insns: Vec<_> = seeds.iter().map(|s| generate::instruction(*s)).collect();
        let decoded: Vec<_> = insns.iter().map(|(_, i)| *i).collect();
        let (_, before_last) = decoded.split_last().expect("at least one");
        if before_last.iter().any(generate::is_transcendental) {
            return Ok(());
        }
        let text: Vec<u8> = insns.iter().flat_map(|(b, _)| b.clone()).collect();
        if text.len() >= TEXT {
            return Ok(());
        }
        let before = generate::state(state, &decoded);
        let Some(ours) = machine::run(&before, &text) else { return Ok(()) };
        if is_incomparable(&before, &ours, &decoded) {
            return Ok(());
        }
        let loose = decoded.last().is_some_and(generate::is_transcendental);
        let theirs = native.borrow_mut().run(&before, &text);
        match difference(&ours, &theirs, loose) {
            None => Ok(()),
            Some(what) => Err(TestCaseError::fail(format!(
                "{}{what}\nfrom {:x?} flags {:x}",
                text_of(&insns),
                before.gpr,
                before.rflags
            ))),
        }
    });
    if let Err(e) = result {
        panic!("{e}");
    }
}
