//! `vectors/*.ins`: one line an instruction and case, run by the engine; the disassembly is iced's.
use super::machine::CODE;
use crate::regs::*;
use crate::{X86_64, process};
use arch::{Cpu, Exit, Trap};
use engine::{Clock, Engine};
use iced_x86::Register;
use ir::Reg;
use mmu::{FramePool, Memory, Perms, Pte};
use std::collections::BTreeMap;

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
    let of = |text: &str| values(text).into_iter().filter(|(n, _)| n != "trap").map(|(n, v)| (n, number(&v))).collect();
    let trap = values(after).into_iter().find(|(n, _)| n == "trap").map(|(_, v)| v);
    Line { bytes, text: text.to_owned(), before: of(before), after: of(after), trap }
}

/// The slot of a name, if it is a register in one slot.
fn slot_of(name: &str) -> Option<Reg> {
    if let Some(vector) = name.strip_prefix("xmm") {
        let (n, part) = vector.split_once('.').unwrap_or((vector, "0"));
        return Some(xmm(n.parse().ok()?).up(part.parse().ok()?));
    }
    match name {
        "fs_base" => return Some(FS_BASE),
        "gs_base" => return Some(GS_BASE),
        "selectors" => return Some(SELECTORS),
        "random" => return Some(RANDOM),
        _ => {}
    }
    let at = Register::values().find(|r| r.is_gpr64() && format!("{r:?}").eq_ignore_ascii_case(name))?;
    Some(gpr(at.number() as u8))
}

fn check(line: &str) {
    let line_ = parse(line);
    let Line { bytes, text, before, after, trap } = &line_;
    assert_eq!(X86_64.isa.disassemble(CODE, bytes), (bytes.len(), text.clone()), "{line}");
    let mut pool = FramePool::new(8);
    let mut space = pool.new_space();
    for (at, execute) in [(CODE, true), (super::machine::DATA, false)] {
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

#[test]
fn lines_hold() {
    for text in [include_str!("../../vectors/control.ins"), include_str!("../../vectors/system.ins")] {
        text.lines().filter(|l| !l.starts_with('#') && !l.is_empty()).for_each(check);
    }
}
