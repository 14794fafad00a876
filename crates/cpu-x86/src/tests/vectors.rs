//! `vectors/*.ins`: one line an instruction and case, run by the engine; the disassembly is iced's.
use super::machine::{CODE, DATA, PAGE};
use crate::insns;
use crate::isa::{Decoded, decode};
use crate::regs::*;
use crate::{X86_64, process};
use arch::{Cpu, Exit, Trap};
use engine::{Clock, Engine};
use ir::{GUEST_SLOTS, Reg};
use mmu::{FramePool, Memory, Perms, Pte};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Names and values.
type Values = BTreeMap<String, u64>;

struct Line {
    bytes: Vec<u8>,
    text: String,
    before: Values,
    after: Values,
    trap: Option<String>,
}

fn number(text: &str) -> u64 {
    let (digits, radix) = text.strip_prefix("0x").map_or((text, 10), |hex| (hex, 16));
    u64::from_str_radix(digits, radix).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn parse(line: &str) -> Line {
    let (bytes, rest) = line.split_once('"').expect("the disassembly is quoted");
    let (text, rest) = rest.split_once('"').expect("the disassembly is quoted");
    let (before, after) = rest.split_once("=>").expect("=> stands between before and after");
    let bytes: String = bytes.split_whitespace().collect();
    let bytes = (0..bytes.len() / 2).map(|i| u8::from_str_radix(&bytes[2 * i..2 * i + 2], 16).unwrap()).collect();
    let values = |text: &str| -> Vec<(String, String)> {
        let words = text.split_whitespace();
        words.map(|word| word.split_once('=').expect("name=value")).map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
    };
    let of = |text: &str| {
        let words = values(text).into_iter().filter(|(n, _)| n != "trap");
        words
            .flat_map(|(name, value)| vector_words(&name, &value).unwrap_or_else(|| vec![(name, number(&value))]))
            .collect()
    };
    let trap = values(after).into_iter().find(|(n, _)| n == "trap").map(|(_, v)| v);
    Line { bytes, text: text.to_owned(), before: of(before), after: of(after), trap }
}

/// ymmN is four words, xmmN to xmmN.3.
fn vector_words(name: &str, value: &str) -> Option<Vec<(String, u64)>> {
    let n = name.strip_prefix("ymm")?;
    let digits = format!("{:0>64}", value.strip_prefix("0x").expect("hexadecimal"));
    let word = |i: usize| u64::from_str_radix(&digits[48 - 16 * i..64 - 16 * i], 16).expect("hexadecimal");
    Some((0..4).map(|i| (format!("xmm{n}.{i}"), word(i))).collect())
}

/// The slot of a name, if it is a register in one slot.
fn slot_of(name: &str) -> Option<Reg> {
    if let Some(vector) = name.strip_prefix("xmm") {
        let (n, part) = vector.split_once('.').unwrap_or((vector, "0"));
        return Some(xmm(n.parse().ok()?).up(part.parse().ok()?));
    }
    (0..GUEST_SLOTS).map(Reg).find(|reg| slot_name((*reg).into()).as_deref() == Some(name))
}

fn check(line: &str) {
    let line_ = parse(line);
    let Line { bytes, text, before, after, trap } = &line_;
    assert_eq!(X86_64.isa.disassemble(CODE, bytes), (bytes.len(), text.clone()), "{line}");
    let mut pool = FramePool::new(8);
    let mut space = pool.new_space();
    for (at, execute) in [(CODE, true), (DATA, false), (DATA + PAGE as u64, false)] {
        let frame = pool.alloc().unwrap();
        let perms = Perms { read: true, write: !execute, execute };
        space.map(&mut pool, at, Pte { frame, perms });
        if execute {
            pool.write(frame, 0, bytes, None);
        }
    }
    let mut cpu = Cpu::new(&X86_64);
    process::start_thread(&mut cpu, CODE, 0);
    let clock = Clock { now: 1000, carry: 0, share: 1 };
    let mut mem = Memory::new(&mut space, &mut pool, 1, u64::MAX);
    for (name, value) in before {
        match (slot_of(name), name.as_str()) {
            (Some(reg), _) => cpu.set(reg, *value),
            (None, "flags") => set_rflags(&mut cpu.slots, *value),
            (None, "mxcsr") => set_mxcsr(&mut cpu.slots, *value as u32),
            (None, cell) => {
                let at = number(cell.trim_matches(['[', ']']));
                mem.write(at, &value.to_le_bytes()).unwrap_or_else(|_| panic!("{line}: {cell}"));
            }
        }
    }
    let mut wanted = cpu.clone();
    wanted.pc = CODE + if trap.is_none() { bytes.len() as u64 } else { 0 };
    let exit = Engine::new().run(&mut cpu, &mut mem, clock, 1).exit;
    let exit = match exit {
        Exit::Budget => None,
        Exit::Syscall => Some("Syscall".to_owned()),
        Exit::Trap(Trap::Fault(fault)) => Some(format!("Fault({:#x})", fault.addr)),
        Exit::Trap(trap) => Some(format!("{trap:?}")),
    };
    assert_eq!(&exit, trap, "{line}");
    for (name, value) in after {
        match (slot_of(name), name.as_str()) {
            (Some(reg), _) => wanted.set(reg, *value),
            (None, "pc") => wanted.pc = *value,
            (None, "flags") => set_rflags(&mut wanted.slots, *value),
            (None, "mxcsr") => set_mxcsr(&mut wanted.slots, *value as u32),
            (None, cell) => {
                let mut bytes = [0; 8];
                mem.read(number(cell.trim_matches(['[', ']'])), &mut bytes)
                    .unwrap_or_else(|_| panic!("{line}: {cell}"));
                assert_eq!(format!("{:#x}", u64::from_le_bytes(bytes)), format!("{value:#x}"), "{line}: {cell}");
            }
        }
    }
    if !after.contains_key("flags") && !before.contains_key("flags") {
        // Flags are named or not looked at.
        let flags = rflags(&cpu.slots);
        set_rflags(&mut wanted.slots, flags);
    }
    // EFLAGS.IF and the like are in both; ID and AC that POPF may set are not compared.
    cpu.set(EFLAGS_REST, 0);
    assert_eq!(crate::regs::canonical(&cpu), crate::regs::canonical(&wanted), "{line}");
}

/// The lines of all files.
fn lines() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let files =
        [root.clone(), root.join("recorded")].into_iter().flat_map(|dir| std::fs::read_dir(dir).expect("there"));
    let mut files: Vec<_> = files.map(|entry| entry.expect("there").path()).filter(|path| path.is_file()).collect();
    files.sort();
    let text = files.iter().map(|path| std::fs::read_to_string(path).expect("text")).collect::<String>();
    text.lines().filter(|l| !l.starts_with('#') && !l.is_empty()).map(str::to_owned).collect()
}

#[test]
fn lines_hold() {
    lines().iter().for_each(|line| check(line));
}

#[test]
fn every_row_has_a_line() {
    let of = |line: &String| match decode(CODE, &parse(line).bytes) {
        Decoded::Insn(insn) => insn.mnemonic(),
        _ => panic!("no instruction: {line}"),
    };
    let covered: BTreeSet<_> = lines().iter().map(|line| of(line) as u32).collect();
    let rows = insns::tables().into_iter().flat_map(|(_, mnemonics)| mnemonics);
    let missing: Vec<_> = rows.filter(|mnemonic| !covered.contains(&(*mnemonic as u32))).collect();
    assert!(missing.is_empty(), "rows without a line: {missing:?}");
}
