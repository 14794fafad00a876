//! Random sequences of instructions give on the host's CPU what they give here: every register, flag and byte.
use super::amd;
use super::generate::{self, Random};
use super::machine::{self, CODE, PAGE, State};
use super::native::{Native, TEXT};
use iced_x86::{Instruction, Mnemonic, OpKind};
use proptest::prelude::*;

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Flags compared: the status flags and DF.
const FLAGS: u64 = 0xcd5;

/// How many sequences; MINIKERN_CASES asks for more.
fn cases() -> u32 {
    std::env::var("MINIKERN_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(50_000)
}

fn text_of(insns: &[(Vec<u8>, Instruction)]) -> String {
    let isa = crate::X86_64.isa;
    insns.iter().map(|(b, _)| format!("\n  {} {}", hex(b), isa.disassemble(CODE, b).1)).collect()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// `loose`: the last bit of x87 results may differ, and C1 with it.
pub(super) fn difference(ours: &State, native: &State, loose: bool) -> Option<String> {
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
        let (exponent_a, exponent_b) = (word(ours, 40 + 16 * i, 2), word(native, 40 + 16 * i, 2));
        // The values in their order, next to each other also where the exponent changes.
        let ordered = |exponent: u64, a: u64| u128::from(exponent) << 63 | u128::from(a & !(1 << 63));
        if !loose || ordered(exponent_a, a).abs_diff(ordered(exponent_b, b)) > 1 {
            note(format!("st{i}"), a, b);
            note(format!("st{i} exponent"), exponent_a, exponent_b);
        }
    }
    for i in 0..32 {
        note(format!("xmm{}.{}", i / 2, i % 2), word(ours, 160 + 8 * i, 8), word(native, 160 + 8 * i, 8));
    }
    for (i, (a, b)) in ours.ymm.into_iter().zip(native.ymm).enumerate() {
        note(format!("ymm{}.{}", i / 2, 2 + i % 2), a, b);
    }
    for (at, (a, b)) in ours.data.iter().zip(&native.data).enumerate().filter(|(_, (a, b))| a != b) {
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

/// A state that cannot be compared: the runner's own memory may be where ours faults; what faults has already turned the
/// x87 to MMX.
pub(super) fn is_incomparable(before: &State, ours: &State, insns: &[Instruction]) -> bool {
    if is_outside_domain(insns, before) {
        return true;
    }
    let uses_mmx =
        |i: &Instruction| (0..i.op_count()).any(|n| i.op_kind(n) == OpKind::Register && i.op_register(n).is_mm());
    // Products, then sums: where an exception of a sum is not masked, those of the products are known. We sum them up.
    let in_steps = |i: &Instruction| {
        use Mnemonic::{Dppd, Dpps, Vdppd, Vdpps};
        matches!(i.mnemonic(), Dppd | Dpps | Vdppd | Vdpps)
    };
    match ours.signal {
        7 | 8 => return insns.iter().any(|i| uses_mmx(i) || in_steps(i)),
        11 => {}
        _ => return false,
    }
    let near = |at: u64| ours.address.wrapping_sub(at.wrapping_sub(0x10000)) < 0x20000;
    let elsewhere = ours.code == 1 && ours.address >= 0x10000 && !near(machine::DATA);
    // Ten bytes are stored in two parts, and what Linux stores for a program in as many as it likes; flags of repeated comparisons are rolled back.
    let in_parts = |i: &Instruction| {
        use iced_x86::Mnemonic::*;
        let compares = matches!(i.mnemonic(), Scasb | Scasw | Scasd | Scasq | Cmpsb | Cmpsw | Cmpsd | Cmpsq);
        matches!(i.mnemonic(), Fbstp | Sgdt | Sidt | Sldt | Smsw | Str)
            || i.mnemonic() == Fstp && i.memory_size().size() == 10
            || compares && (i.has_rep_prefix() || i.has_repne_prefix())
    };
    elsewhere || ours.code == 2 || insns.iter().any(|i| uses_mmx(i) || in_parts(i))
}

/// VMASKMOVPS to memory and its kin.
pub(super) fn is_masked_store(insn: &Instruction) -> bool {
    use Mnemonic::{Vmaskmovpd, Vmaskmovps, Vpmaskmovd, Vpmaskmovq};
    matches!(insn.mnemonic(), Vmaskmovpd | Vmaskmovps | Vpmaskmovd | Vpmaskmovq) && insn.op0_kind() == OpKind::Memory
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
        match compare(&mut native.borrow_mut(), &insns, state) {
            Some(what) => Err(TestCaseError::fail(what)),
            None => Ok(()),
        }
    });
    if let Err(e) = result {
        panic!("{e}");
    }
}

/// Runs instructions on both sides; what is different.
fn compare(native: &mut Native, insns: &[(Vec<u8>, Instruction)], state: u64) -> Option<String> {
    let decoded: Vec<_> = insns.iter().map(|(_, i)| *i).collect();
    let (last, before_last) = decoded.split_last()?;
    let text: Vec<u8> = insns.iter().flat_map(|(b, _)| b.clone()).collect();
    if text.len() >= TEXT || before_last.iter().any(generate::is_transcendental) {
        return None;
    }
    let before = generate::state(state, &decoded);
    let mut ours = machine::run(&before, &text)?;
    if is_incomparable(&before, &ours, &decoded) {
        return None;
    }
    let mut theirs = native.run(&before, &text);
    if decoded.iter().any(is_masked_store) && ours.address / PAGE as u64 == theirs.address / PAGE as u64 {
        // Which byte of the chosen ones a fault names is not said.
        theirs.address = ours.address;
    }
    if (ours.signal, ours.code, theirs.signal) == (11, 0x80, 7) {
        // An address that is neither canonical nor aligned is #SS if it is the stack's; ours is #GP.
        return None;
    }
    if native.is_amd && !amd::adapt(insns, &before, &mut ours, &theirs) {
        return None;
    }
    let what = difference(&ours, &theirs, generate::is_transcendental(last))?;
    let mxcsr = u32::from_le_bytes([24, 25, 26, 27].map(|i| before.fxsave[i]));
    Some(format!("{}{what}\nfrom {:x?} flags {:x} mxcsr {mxcsr:x}", text_of(insns), before.gpr, before.rflags))
}

/// POP to memory addressed by the stack pointer counts from where it is afterwards (Intel SDM, POP), cut to 32 bits where
/// the address is.
#[test]
fn pops_to_the_stack_run_as_on_the_host() {
    let mut native = match Native::start() {
        Ok(native) => native,
        Err(why) => return println!("skipped: {why}"),
    };
    let mut before = State::new();
    before.data.iter_mut().zip(1u8..=255).for_each(|(byte, n)| *byte = n);
    before.gpr[4] = machine::DATA + 64;
    // -0x7fff_ffff, and the same in 32 bits.
    before.gpr[0] = 0xffff_ffff_8000_0001;
    for text in [
        &[0x8f, 0x04, 0x24][..],
        &[0x8f, 0x44, 0x24, 0x18],
        &[0x8f, 0x84, 0x04, 0xff, 0xff, 0xff, 0x7f],
        &[0x66, 0x8f, 0x44, 0x24, 0xe0],
        &[0x67, 0x8f, 0x04, 0x24],
        &[0x67, 0x8f, 0x44, 0x24, 0x18],
        &[0x67, 0x8f, 0x84, 0x04, 0xff, 0xff, 0xff, 0x7f],
        &[0x67, 0x66, 0x8f, 0x44, 0x24, 0xe0],
        // Over the end of 32 bits and back.
        &[0x67, 0x8f, 0x84, 0x24, 0x00, 0x00, 0x00, 0xf0],
    ] {
        let mut ours = machine::run(&before, text).expect("it ends at its INT3");
        if native.is_amd {
            amd::store_image(&mut ours.fxsave);
        }
        let what = difference(&ours, &native.run(&before, text), false);
        assert_eq!(what, None, "{}", hex(text));
    }
}

/// One instruction at a time: which differ, with an example of each.
#[test]
#[ignore = "a survey for who adds instructions: MINIKERN_CASES of them"]
fn survey() {
    let mut native = Native::start().expect("a host to compare with");
    let mut r =
        Random(std::env::var("MINIKERN_SEED").map_or(1, |seed| seed.bytes().fold(1, |n, b| n * 31 + u64::from(b))));
    let mut differ: BTreeMap<String, (u32, String)> = BTreeMap::new();
    for _ in 0..cases() {
        let insn = generate::instruction(r.next());
        let name = format!("{:?}", insn.1.mnemonic());
        if let Some(what) = compare(&mut native, &[insn], r.next()) {
            differ.entry(name).or_insert((0, what)).0 += 1;
        }
    }
    for (name, (count, what)) in &differ {
        println!("{name}: {count}{what}");
    }
    assert!(differ.is_empty(), "{} differ", differ.len());
}
