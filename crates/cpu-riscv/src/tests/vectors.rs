//! vectors/*.ins: bits, their text, registers and bytes before, and what of them one step changes. What a line does not
//! name after `=>` must stay as it was; `! segv`, `! bus`, `! ill`, `! trap` and `! ecall` end it, with nothing changed.
use super::machine::{CODE, DATA, DATA_SIZE, Machine, State};
use crate::RISCV64;
use crate::decode::TABLE;
use arch::{Exit, Trap};
use std::collections::BTreeSet;
use std::path::Path;

/// Registers and memory; both sides of a line are changes to one.
#[derive(Clone)]
struct World {
    state: State,
    bytes: Vec<u8>,
}

impl World {
    fn apply(&mut self, assignments: &str) {
        for item in assignments.split_whitespace() {
            let (name, value) = item.split_once('=').unwrap_or_else(|| panic!("{item}: no value"));
            if let Some(at) = name.strip_prefix("mem+") {
                let at = number(at) as usize;
                let bytes = (0..value.len()).step_by(2).map(|i| u8::from_str_radix(&value[i..i + 2], 16).expect("hex"));
                bytes.enumerate().for_each(|(i, byte)| self.bytes[at + i] = byte);
                continue;
            }
            let (kind, index) = name.split_at(1);
            let index = || index.parse::<usize>().unwrap_or_else(|_| panic!("{name}: no such register"));
            let value = if kind == "f" && value.starts_with("s:") {
                // A single, boxed.
                0xffff_ffff_0000_0000 | number(&value[2..])
            } else {
                number(value)
            };
            match (name, kind) {
                ("pc", _) => self.state.pc = CODE.wrapping_add(value),
                ("fcsr", _) => self.state.fcsr = value,
                (_, "x") => self.state.x[index()] = value,
                (_, "f") => self.state.f[index()] = value,
                _ => panic!("{name}: no such register"),
            }
        }
    }
}

fn number(text: &str) -> u64 {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse::<i64>().ok().map(|n| n as u64),
    }
    .unwrap_or_else(|| panic!("{text}: not a number"))
}

/// What a world differs in from what a line says.
fn difference(got: &World, wanted: &World) -> Vec<String> {
    let mut out = Vec::new();
    let mut compare = |name: String, a: u64, b: u64| {
        if a != b {
            out.push(format!("{name} is {a:#x}, not {b:#x}"));
        }
    };
    let (a, b) = (&got.state, &wanted.state);
    (0..32).for_each(|n| compare(format!("x{n}"), a.x[n], b.x[n]));
    (0..32).for_each(|n| compare(format!("f{n}"), a.f[n], b.f[n]));
    compare("pc".to_owned(), a.pc, b.pc);
    compare("fcsr".to_owned(), a.fcsr, b.fcsr);
    for (n, (a, b)) in got.bytes.iter().zip(&wanted.bytes).enumerate() {
        compare(format!("mem+{n:#x}"), (*a).into(), (*b).into());
    }
    out
}

/// How a line that is ended by a trap names it.
fn ending(exit: Exit) -> &'static str {
    match exit {
        Exit::Budget => "",
        Exit::Syscall => "ecall",
        Exit::Trap(Trap::Fault(_)) => "segv",
        Exit::Trap(Trap::Alignment { .. }) => "bus",
        Exit::Trap(Trap::Illegal) => "ill",
        Exit::Trap(Trap::Breakpoint) => "trap",
        Exit::Trap(_) => "another trap",
    }
}

/// Runs a line; gives the row it is about, and what is wrong.
fn check(line: &str) -> (&'static str, Vec<String>) {
    let (word, rest) = line.split_once('"').expect("the text is quoted");
    let (text, rest) = rest.split_once('"').expect("the text is quoted");
    let (before, after) = rest.split_once("=>").expect("before => after");
    let (after, ends) = after.split_once('!').unwrap_or((after, ""));
    let code = {
        let len = word.trim().len() / 2;
        u32::from_str_radix(word.trim(), 16).expect("bits in hexadecimal").to_le_bytes()[..len].to_vec()
    };
    let mut world = World { state: State::default(), bytes: vec![0; DATA_SIZE as usize] };
    world.apply(before);
    let mut wanted = world.clone();
    if matches!(ends.trim(), "" | "ecall") {
        wanted.state.pc += code.len() as u64;
    }
    wanted.apply(after);
    let mut machine = Machine::new(&code, &world.state, &world.bytes);
    let exit = machine.run(1);
    world.state = machine.state();
    world.bytes = machine.data();
    let mut wrong = difference(&world, &wanted);
    let printed = RISCV64.isa.disassemble(CODE, &code);
    if printed != (code.len(), text.to_owned()) {
        wrong.push(format!("it is {:?}", printed.1));
    }
    if ending(exit) != ends.trim() {
        wrong.push(format!("it ended with {exit:?}"));
    }
    let row = crate::decode::fetch(&code).and_then(|(bits, _)| TABLE.find(bits)).map_or("", |(row, _)| row.name);
    (row, wrong)
}

#[test]
fn every_row_has_vectors_and_all_of_them_hold() {
    assert_eq!((DATA, DATA_SIZE), (0x2000_0000, 0x4000), "the vectors say so");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let mut files: Vec<_> =
        folder.read_dir().expect("vectors/ is there").map(|f| f.expect("readable").path()).collect();
    files.sort();
    let (mut rows, mut wrong) = (BTreeSet::new(), Vec::new());
    for file in files {
        let text = std::fs::read_to_string(&file).expect("readable");
        for line in text.lines().filter(|l| !l.starts_with('#') && !l.trim().is_empty()) {
            let (row, lines) = check(line);
            rows.insert(row);
            wrong.extend(lines.into_iter().map(|why| format!("{line}\n    {why}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let missing: Vec<_> = TABLE.rows.iter().map(|(_, row)| row.name).filter(|name| !rows.contains(name)).collect();
    assert!(missing.is_empty(), "no vector for {missing:?}");
}
