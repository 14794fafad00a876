//! vectors/: a word, its text, registers and bytes before, and what of them one step changes. What a line does not name
//! after `=>` must stay as it was. Lines under vectors/recorded are what qemu-aarch64 did, written by the recorder.
use super::machine::{self, CODE, DATA, DATA_SIZE, Machine, State};
use crate::AARCH64;
use crate::decode::TABLE;
use arch::Exit;
use std::path::{Path, PathBuf};

/// Registers and memory, and the signal or system call that ended a step; both sides of a line are changes to one.
#[derive(Clone)]
pub(super) struct World {
    pub(super) state: State,
    pub(super) bytes: Vec<u8>,
    /// Number, code and address; 0 is none.
    pub(super) signal: [u64; 3],
    syscall: u64,
}

impl World {
    pub(super) fn new(state: State, bytes: Vec<u8>) -> World {
        World { state, bytes, signal: [0; 3], syscall: 0 }
    }

    fn apply(&mut self, assignments: &str) {
        for item in assignments.split_whitespace() {
            let (name, value) = item.split_once('=').unwrap_or_else(|| panic!("{item}: no value"));
            if let Some(at) = name.strip_prefix("mem+") {
                let at: usize = at.parse().expect("an offset");
                let bytes = (0..value.len()).step_by(2).map(|i| u8::from_str_radix(&value[i..i + 2], 16).expect("hex"));
                bytes.enumerate().for_each(|(i, byte)| self.bytes[at + i] = byte);
            } else if name == "seed" {
                // The bytes that runner.c makes of a seed; without one they are zero.
                self.bytes = machine::data(number(value)).to_vec();
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
            "signal" => &mut self.signal[0],
            "code" => &mut self.signal[1],
            "addr" => &mut self.signal[2],
            "syscall" => &mut self.syscall,
            _ => match (name.split_at(1), name.strip_suffix(".hi")) {
                (("x", n), None) => &mut state.x[index(n)],
                (("v", n), None) => &mut state.v[2 * index(n)],
                (_, Some(low)) => &mut state.v[2 * index(&low[1..]) + 1],
                _ => panic!("{name}: no such register"),
            },
        }
    }

    /// Every register by the name a line has for it.
    pub(super) fn registers(&self) -> Vec<(String, u64)> {
        let state = &self.state;
        let mut out: Vec<_> = (0..31).map(|n| (format!("x{n}"), state.x[n])).collect();
        out.extend((0..64).map(|n| (format!("v{}{}", n / 2, ["", ".hi"][n % 2]), state.v[n])));
        let [signal, code, addr] = self.signal;
        out.extend(
            [
                ("sp", state.sp),
                ("pc", state.pc),
                ("nzcv", state.nzcv),
                ("fpcr", state.fpcr),
                ("fpsr", state.fpsr),
                ("signal", signal),
                ("code", code),
                ("addr", addr),
                ("syscall", self.syscall),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        out
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
    let registers = got.registers().into_iter().zip(wanted.registers()).filter(|(a, b)| a != b);
    let bytes = got.bytes.iter().zip(&wanted.bytes).enumerate().filter(|(_, (a, b))| a != b);
    registers
        .map(|((name, a), (_, b))| format!("{name} is {a:#x}, not {b:#x}"))
        .chain(bytes.map(|(n, (a, b))| format!("mem+{n} is {a:#x}, not {b:#x}")))
        .collect()
}

/// Does one step.
pub(super) fn step(word: u32, world: &mut World) -> Exit {
    let mut machine = Machine::new(&[word], &world.state, &world.bytes);
    let exit = machine.run(1);
    match exit {
        Exit::Trap(trap) => world.signal = machine.signal(trap).into(),
        Exit::Syscall => world.syscall = 1,
        _ => {}
    }
    world.state = machine.state();
    for (at, page) in machine.dirty(&world.bytes) {
        world.bytes[at as usize..][..page.len()].copy_from_slice(&page);
    }
    exit
}

/// The word of a line.
fn word_of(line: &str) -> u32 {
    let word = line.split_whitespace().next().expect("a line begins with a word");
    u32::from_str_radix(word, 16).expect("a word in hexadecimal")
}

fn check(line: &str) -> Vec<String> {
    let (_, rest) = line.split_once('"').expect("the text is quoted");
    let (text, rest) = rest.split_once('"').expect("the text is quoted");
    let (before, after) = rest.split_once("=>").expect("before => after");
    let word = word_of(line);
    let mut world = World::new(State::default(), vec![0; DATA_SIZE as usize]);
    world.apply(before);
    let mut wanted = world.clone();
    // Where the next instruction is, unless this one traps.
    wanted.state.pc += if after.contains("signal=") { 0 } else { 4 };
    wanted.apply(after);
    step(word, &mut world);
    let mut wrong = difference(&world, &wanted);
    let printed = AARCH64.isa.disassemble(CODE, &word.to_le_bytes());
    if printed != (4, text.to_owned()) {
        wrong.push(format!("it is {:?}", printed.1));
    }
    wrong
}

pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

fn lines() -> Vec<String> {
    let files = |folder: PathBuf| -> Vec<PathBuf> {
        folder.read_dir().expect("the folder is there").map(|f| f.expect("readable").path()).collect()
    };
    let mut all = files(folder());
    all.extend(files(folder().join("recorded")));
    all.retain(|file| file.extension().is_some_and(|e| e == "ins"));
    all.sort();
    let text = all.iter().map(|file| std::fs::read_to_string(file).expect("readable"));
    text.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .collect()
}

#[test]
fn every_vector() {
    assert_eq!(DATA, 0x2000_0000, "the vectors say so");
    let wrong: Vec<_> =
        lines().iter().flat_map(|line| check(line).into_iter().map(move |why| format!("{line}\n    {why}"))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_row_has_a_vector() {
    let lines = lines();
    let covered: Vec<_> = lines.iter().filter_map(|line| TABLE.find(word_of(line))).collect();
    let missing: Vec<_> = TABLE
        .rows
        .iter()
        .filter(|(_, row)| !covered.iter().any(|other| std::ptr::eq(*other, *row)))
        .map(|(_, row)| format!("{} {}", row.name, row.bits))
        .collect();
    assert!(missing.is_empty(), "{} rows without a vector\n{}", missing.len(), missing.join("\n"));
}
