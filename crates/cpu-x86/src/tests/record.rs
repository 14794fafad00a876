//! Records `vectors/recorded/*.ins` from the host's CPU: for each row, what it does to registers, to memory, at the end of
//! the data, and with SIMD exceptions unmasked. Where ours differs nothing is recorded.
use super::encode;
use super::generate::{self, Random};
use super::host::{difference, hex, is_incomparable, is_masked_store};
use super::machine::{self, CODE, DATA, DATA_LEN, State};
use super::native::Native;
use crate::regs::*;
use crate::{X86_64, insns};
use arch::Cpu;
use iced_x86::{Code, EncodingKind, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register};
use ir::{Builder, Op, Slot, Trap};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

/// What a line is to show.
#[derive(Clone, Copy, PartialEq)]
enum Wish {
    /// Registers of at most 128 bits; of 256; memory.
    Short,
    Long,
    Memory,
    /// An access over the end of the data; a gather that gets some way.
    Border,
    /// A SIMD exception that is not masked.
    Unmasked,
}

const WISHES: [Wish; 5] = [Wish::Short, Wish::Long, Wish::Memory, Wish::Border, Wish::Unmasked];

impl Wish {
    fn fits(self, insn: &Instruction) -> bool {
        let memory = insn.op_kinds().any(|kind| kind == OpKind::Memory);
        let long = (0..insn.op_count()).any(|i| insn.op_kind(i) == OpKind::Register && insn.op_register(i).is_ymm());
        match self {
            Wish::Short => !memory && !long,
            Wish::Long => !memory && long,
            Wish::Memory => memory || insn.is_string_instruction(),
            Wish::Border => memory,
            Wish::Unmasked => raises(insn),
        }
    }

    fn holds(self, before: &State, after: &State, insn: &Instruction) -> bool {
        let progress =
            !insn.is_vsib() || (before.fxsave[160..] != after.fxsave[160..] && before.fxsave != after.fxsave);
        match self {
            Wish::Border => after.signal == 11 && after.code == 1 && progress,
            Wish::Unmasked => after.signal == 8,
            _ => after.signal == 5,
        }
    }
}

/// Whether it can raise SIMD exceptions.
fn raises(insn: &Instruction) -> bool {
    let mut out = Builder::new(CODE);
    out.insn(CODE);
    let bytes = reencode(insn);
    X86_64.isa.lift(CODE, &bytes, &mut out);
    out.finish(CODE).ops.iter().any(|op| matches!(op, Op::TrapIf { trap: Trap::Assist, .. }))
}

fn reencode(insn: &Instruction) -> Vec<u8> {
    let mut encoder = iced_x86::Encoder::new(64);
    encoder.encode(insn, CODE).map_or_else(|_| Vec::new(), |_| encoder.take_buffer())
}

/// Everything that the instruction does not use is as in a new thread, so that a line need not name it.
fn reduced(full: &State, insn: &Instruction, all: bool) -> State {
    let mut factory = InstructionInfoFactory::new();
    let info = factory.info(insn);
    let mut s = State::new();
    s.gpr = [0; 16];
    let mut st = BTreeSet::new();
    for used in info.used_registers() {
        let reads = !matches!(used.access(), OpAccess::Write | OpAccess::NoMemAccess);
        let n = used.register().number();
        match used.register() {
            r if r.is_gpr() => s.gpr[gpr_number(r)] = full.gpr[gpr_number(r)],
            r if r.is_vector_register() && (reads || all) => {
                let at = 160 + 16 * n;
                s.fxsave[at..at + 16].copy_from_slice(&full.fxsave[at..at + 16]);
                let wide = r.is_ymm() || insn.code().encoding() == EncodingKind::VEX;
                if wide {
                    s.ymm[2 * n..2 * n + 2].copy_from_slice(&full.ymm[2 * n..2 * n + 2]);
                }
            }
            r if r.is_st() || r.is_mm() => {
                st.insert(n);
            }
            _ => {}
        }
    }
    let is_x87 = insn.cpuid_features().iter().any(|f| format!("{f:?}").starts_with("FPU"));
    if is_x87 {
        st.extend([0, 1]);
        s.fxsave[0..4].copy_from_slice(&full.fxsave[0..4]);
        s.fxsave[3] &= !0x38;
    }
    for n in st {
        let at = 32 + 16 * n;
        s.fxsave[at..at + 10].copy_from_slice(&full.fxsave[at..at + 10]);
        if is_x87 {
            s.fxsave[4] |= full.fxsave[4] & 1 << n;
        }
    }
    if insn.rflags_read() != 0 || insn.rflags_modified() != 0 {
        s.rflags = full.rflags;
    }
    if raises(insn) || matches!(insn.mnemonic(), Mnemonic::Stmxcsr | Mnemonic::Vstmxcsr) {
        s.fxsave[24..28].copy_from_slice(&full.fxsave[24..28]);
    }
    for memory in info.used_memory() {
        for element in 0..8 {
            let value = |r: Register, element: usize, size: usize| match r {
                r if r.is_gpr() => Some(full.gpr[gpr_number(r)]),
                r if r.is_vector_register() => Some(vector_element(full, r.number(), element, size)),
                _ => Some(0),
            };
            let Some(at) = memory.virtual_address(element, value) else { continue };
            let size = memory.memory_size().size().max(8) as u64;
            for word in (at & !7..at.wrapping_add(size)).step_by(8) {
                let offset = word.wrapping_sub(DATA) as usize;
                if offset < DATA_LEN {
                    s.data[offset..offset + 8].copy_from_slice(&full.data[offset..offset + 8]);
                }
            }
        }
    }
    s
}

fn gpr_number(register: Register) -> usize {
    register.full_register() as usize - Register::RAX as usize
}

fn vector_element(s: &State, n: usize, element: usize, size: usize) -> u64 {
    let mut bytes = s.fxsave[160 + 16 * n..176 + 16 * n].to_vec();
    bytes.extend(s.ymm[2 * n..2 * n + 2].iter().flat_map(|word| word.to_le_bytes()));
    let chosen = bytes.get(element * size..(element + 1) * size).unwrap_or(&[0; 8]);
    let value = chosen.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
    if size == 4 { value as i32 as u64 } else { value }
}

/// What `cpu` has that `from` has not.
fn named(from: &Cpu, cpu: &Cpu, data: (&[u8], &[u8])) -> String {
    let mut text = String::new();
    for n in 0..16 {
        let words = |cpu: &Cpu| [0, 1, 2, 3].map(|i| cpu.get(xmm(n).up(i)));
        if words(from) != words(cpu) {
            let [a, b, c, d] = words(cpu);
            let digits = format!("{d:016x}{c:016x}{b:016x}{a:016x}");
            let digits = digits.trim_start_matches('0');
            write!(text, " ymm{n}=0x{}", if digits.is_empty() { "0" } else { digits }).expect("a string");
        }
    }
    let is_vector = |slot: u8| (xmm(0).0..st(0).0).contains(&slot);
    for slot in (0..ir::GUEST_SLOTS).filter(|slot| !is_vector(*slot) && *slot != SIMD_UNMASKED.0) {
        let slot = Slot(slot);
        if let Some(name) = slot_name(slot)
            && from.get(slot) != cpu.get(slot)
        {
            write!(text, " {name}={:#x}", cpu.get(slot)).expect("a string");
        }
    }
    if mxcsr(&from.slots) != mxcsr(&cpu.slots) {
        write!(text, " mxcsr={:#x}", mxcsr(&cpu.slots)).expect("a string");
    }
    let (before, after) = data;
    for (i, (a, b)) in before.chunks_exact(8).zip(after.chunks_exact(8)).enumerate() {
        if a != b {
            let word = u64::from_le_bytes(b.try_into().expect("eight bytes"));
            write!(text, " [{:#x}]={word:#x}", DATA + 8 * i as u64).expect("a string");
        }
    }
    text
}

/// The line, if the two sides agree.
fn line(native: &mut Native, wish: Wish, bytes: &[u8], insn: &Instruction, full: &State) -> Option<String> {
    const FLAGS: u64 = 0xcd5;
    let before = reduced(full, insn, matches!(wish, Wish::Border | Wish::Unmasked));
    let ours = machine::run(&before, bytes)?;
    let ends = ours.signal != 5 || ours.rip == CODE + bytes.len() as u64 + 1;
    if !ends || !wish.holds(&before, &ours, insn) || is_incomparable(&before, &ours, &[*insn]) {
        return None;
    }
    let mut theirs = native.run(&before, bytes);
    if is_masked_store(insn) {
        theirs.address = ours.address;
    }
    if difference(&ours, &theirs, false).is_some() {
        return None;
    }
    let (start, from, to) = (State::new(), before.cpu(), theirs.cpu());
    let mut blank = start.cpu();
    blank.slots[..16].fill(0);
    let mut text = format!("{} \"{}\"", hex(bytes), X86_64.isa.disassemble(CODE, bytes).1);
    text += &named(&blank, &from, (&start.data, &before.data));
    let flags = insn.rflags_read() != 0 || insn.rflags_modified() != 0;
    if flags {
        write!(text, " flags={:#x}", before.rflags & FLAGS).expect("a string");
    }
    text += " =>";
    text += &named(&from, &to, (&before.data, &theirs.data));
    if flags {
        write!(text, " flags={:#x}", theirs.rflags & FLAGS).expect("a string");
    }
    match theirs.signal {
        11 => write!(text, " trap=Fault({:#x})", theirs.address).expect("a string"),
        8 => text += " trap=Simd",
        _ => {}
    }
    Some(text)
}

#[test]
#[ignore = "MINIKERN_RECORD names the tables whose vectors are to be written anew"]
fn record() {
    let mut native = Native::start().expect("a host to record from");
    assert!(!native.is_amd, "minikern's processor is an Intel one");
    let chosen = std::env::var("MINIKERN_RECORD").expect("tables are named");
    for (table, mnemonics) in insns::tables() {
        if !chosen.split_whitespace().any(|name| name == table) {
            continue;
        }
        let mut lines = String::from("# Recorded from a processor by `src/tests/record.rs`.\n");
        for mnemonic in mnemonics {
            let forms: Vec<Code> = encode::FORMS.iter().copied().filter(|code| code.mnemonic() == mnemonic).collect();
            let mut r = Random(mnemonic as u64);
            for wish in WISHES {
                lines.extend(find(&mut native, &mut r, mnemonic, &forms, wish).map(|line| line + "\n"));
            }
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/recorded").join(format!("{table}.ins"));
        std::fs::write(path, lines).expect("written");
    }
}

/// A line for a wish, the first of many tries that shows something.
fn find(native: &mut Native, r: &mut Random, mnemonic: Mnemonic, forms: &[Code], wish: Wish) -> Option<String> {
    let (mut fitting, mut plain) = (0, None);
    for tries in 0..2000 {
        if forms.is_empty() || fitting > 250 || tries > 300 && fitting == 0 {
            break;
        }
        let code = forms[r.below(forms.len() as u64) as usize];
        let bytes = encode::form(r, code);
        let Some(insn) = generate::comparable(&bytes) else { continue };
        let prefixed = insn.has_rep_prefix() || insn.has_repne_prefix() || insn.has_lock_prefix();
        let short = [insn.memory_base(), insn.memory_index()].iter().any(|r| r.is_gpr32());
        if insn.mnemonic() != mnemonic || prefixed || short || !wish.fits(&insn) {
            continue;
        }
        fitting += 1;
        let full = generate::state(r.next(), &[insn]);
        let Some(line) = line(native, wish, &bytes[..insn.len()], &insn, &full) else { continue };
        // Something is seen to change, if it can; the border is the one of the page, if it can be.
        let border = format!("Fault({:#x})", DATA + DATA_LEN as u64);
        let good = if wish == Wish::Border && !insn.is_vsib() { line.contains(&border) } else { !line.ends_with("=>") };
        if good {
            return Some(line);
        }
        plain = Some(line);
    }
    plain
}
