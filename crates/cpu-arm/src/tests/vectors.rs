//! vectors/*.ins: a word, its text, registers and bytes before, and what of them one step changes. What a line does not
//! name after `=>` must stay as it was.
use super::machine::{CODE, DATA, DATA_SIZE, Machine, State};
use crate::AARCH64;
use arch::Exit;
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
                let at: usize = at.parse().expect("an offset");
                let bytes = (0..value.len()).step_by(2).map(|i| u8::from_str_radix(&value[i..i + 2], 16).expect("hex"));
                bytes.enumerate().for_each(|(i, byte)| self.bytes[at + i] = byte);
            } else {
                *self.register(name) = if name == "nzcv" { nzcv(value) } else { number(value) };
            }
        }
        if let Some(offset) = assignments.split_whitespace().find_map(|a| a.strip_prefix("pc=")) {
            self.state.pc = CODE.wrapping_add(number(offset));
        }
    }

    fn register(&mut self, name: &str) -> &mut u64 {
        let state = &mut self.state;
        let index = |text: &str| text.parse::<usize>().unwrap_or_else(|_| panic!("{name}: no such register"));
        match name {
            "sp" => &mut state.sp,
            "pc" => &mut state.pc,
            "nzcv" => &mut state.nzcv,
            "fpcr" => &mut state.fpcr,
            "fpsr" => &mut state.fpsr,
            _ => match (name.split_at(1), name.strip_suffix(".hi")) {
                (("x", n), None) => &mut state.x[index(n)],
                (("v", n), None) => &mut state.v[2 * index(n)],
                (_, Some(low)) => &mut state.v[2 * index(&low[1..]) + 1],
                _ => panic!("{name}: no such register"),
            },
        }
    }
}

fn number(text: &str) -> u64 {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => text.parse::<i64>().map(|n| n as u64),
    }
    .or_else(|_| u64::from_str_radix(text, 16))
    .unwrap_or_else(|_| panic!("{text}: not a number"))
}

/// Letters of the flags that are set, or 0.
fn nzcv(letters: &str) -> u64 {
    "nzcv"
        .chars()
        .zip([31, 30, 29, 28])
        .filter(|(flag, _)| letters.contains(*flag))
        .fold(0, |bits, (_, at)| bits | 1 << at)
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
    (0..31).for_each(|n| compare(format!("x{n}"), a.x[n], b.x[n]));
    (0..64).for_each(|n| compare(format!("v{}{}", n / 2, ["", ".hi"][n % 2]), a.v[n], b.v[n]));
    for (name, a, b) in [
        ("sp", a.sp, b.sp),
        ("pc", a.pc, b.pc),
        ("nzcv", a.nzcv, b.nzcv),
        ("fpcr", a.fpcr, b.fpcr),
        ("fpsr", a.fpsr, b.fpsr),
    ] {
        compare(name.to_owned(), a, b);
    }
    for (n, (a, b)) in got.bytes.iter().zip(&wanted.bytes).enumerate() {
        compare(format!("mem+{n}"), (*a).into(), (*b).into());
    }
    out
}

fn check(line: &str) -> Vec<String> {
    let (word, rest) = line.split_once('"').expect("the text is quoted");
    let (text, rest) = rest.split_once('"').expect("the text is quoted");
    let (before, after) = rest.split_once("=>").expect("before => after");
    let word = u32::from_str_radix(word.trim(), 16).expect("a word in hexadecimal");
    let mut world = World { state: State::default(), bytes: vec![0; DATA_SIZE as usize] };
    world.apply(before);
    let mut wanted = world.clone();
    wanted.state.pc += 4;
    wanted.apply(after);
    let mut machine = Machine::new(&[word], &world.state, &world.bytes);
    let exit = machine.run(1);
    world.state = machine.state();
    for (at, page) in machine.dirty(&world.bytes) {
        world.bytes[at as usize..][..page.len()].copy_from_slice(&page);
    }
    let mut wrong = difference(&world, &wanted);
    let printed = AARCH64.isa.disassemble(CODE, &word.to_le_bytes());
    if printed != (4, text.to_owned()) {
        wrong.push(format!("it is {:?}", printed.1));
    }
    if exit != Exit::Budget {
        wrong.push(format!("it ended with {exit:?}"));
    }
    wrong
}

#[test]
fn every_vector() {
    assert_eq!(DATA, 0x2000_0000, "the vectors say so");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let mut files: Vec<_> =
        folder.read_dir().expect("vectors/ is there").map(|f| f.expect("readable").path()).collect();
    files.sort();
    let (mut lines, mut wrong) = (0, Vec::new());
    for file in files {
        let text = std::fs::read_to_string(&file).expect("readable");
        for line in text.lines().filter(|l| !l.starts_with('#') && !l.trim().is_empty()) {
            lines += 1;
            wrong.extend(check(line).into_iter().map(|why| format!("{line}\n    {why}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(lines > 200, "only {lines} vectors");
}
