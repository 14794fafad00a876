//! RACE-26 as a property: random programs (any instructions that are no jumps, with any registers, between system calls, signals,
//! threads, forks, changes of their own code and of their memory's protection) come to the same registers, memory and output
//! whether they are left alone or frozen and thawed all along. `tests/programs/random_program.c` carries them out.
//! MINIKERN_CASES says how many of each architecture, MINIKERN_SEED where they begin, MINIKERN_KEEP a directory to write them to.
use crate::freeze_storm::{Random, Weather, freeze_and_thaw};
use crate::support::{Console, arches, boot, oracle, with_file};
use arch::Arch;
use ir::{Builder, Flow};
use kernel::{INIT, TaskState};
use minikern::{ARCHES, Boot};
use std::path::Path;

/// Instructions that show a clock or the CPU's number, or that change a register which C's handlers need: words of their text.
/// Exclusive stores are not there either: a signal that comes at its own time disarms their monitor.
const NOT_THESE: &[&str] = &[
    "rdtsc",
    "rdtscp",
    "rdpid",
    "cpuid",
    "rdpmc",
    "wrfsbase",
    "fs",
    "gs",
    "lfs",
    "lgs",
    "wrgsbase",
    "popf",
    "popfq",
    "cntvct_el0",
    "tpidr_el0",
    "rdtime",
    "rdcycle",
    "rdinstret",
    "time",
    "cycle",
    "instret",
    "gp",
    "tp",
];

/// One instruction that goes on to the next.
fn instruction(arch: &Arch, random: &mut Random) -> Vec<u8> {
    loop {
        let mut code: Vec<u8> = (0..2).flat_map(|_| random.next().to_le_bytes()).collect();
        // The longer encodings have prefixes, which bytes alone seldom are; where there are none, they are bytes as well.
        let prefixes: [&[u8]; 8] =
            [&[], &[], &[0x0f], &[0x66, 0x0f], &[0xf3, 0x0f], &[0xf2, 0x0f], &[0xc5], &[0xc4, 0xe2]];
        let prefix = prefixes[random.below(8) as usize];
        code[..prefix.len()].copy_from_slice(prefix);
        let mut out = Builder::new(0x2000_0000);
        out.insn(0x2000_0000);
        let Flow::Next(len) = arch.isa.lift(0x2000_0000, &code, &mut out) else { continue };
        if allowed(&arch.isa.disassemble(0x2000_0000, &code).1) {
            code.truncate(len as usize);
            return code;
        }
    }
}

/// Whether an instruction's text says nothing of what no program could tell the same twice.
fn allowed(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let exclusive = ["stx", "stlx", "sc."].iter().any(|start| text.starts_with(start));
    !exclusive && !words.any(|word| NOT_THESE.contains(&word))
}

/// The operations of one thread. Both threads have the same ones where they meet.
fn operations(arch: &Arch, random: &mut Random, meetings: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    let mut push = |kind: u8, small: u8, data: &[u8]| {
        all.extend([kind, small]);
        all.extend((data.len() as u16).to_le_bytes());
        all.extend(data);
    };
    for &meeting in meetings {
        for turn in 0..1 + random.below(5) {
            let kind = if turn == 0 { b'C' } else { b"CCSPNKXMB"[random.below(9) as usize] };
            let small = random.below(256) as u8;
            match kind {
                b'C' => {
                    let code: Vec<_> = (0..1 + random.below(60)).map(|_| instruction(arch, random)).collect();
                    let lengths: Vec<u8> = code.iter().map(|insn| insn.len() as u8).collect();
                    push(kind, code.len() as u8, &[lengths, code.concat()].concat());
                }
                b'S' => push(kind, small % 16, &instruction(arch, random)),
                b'P' => {
                    let bytes: Vec<u8> = (0..1 + random.below(200)).map(|_| random.below(256) as u8).collect();
                    push(kind, 0, &bytes);
                }
                b'M' => push(kind, small, &[0; 2][..1 + random.below(2) as usize]),
                _ => push(kind, small, &[]),
            }
        }
        push(meeting & 0x7f, random_side(meetings), &[]);
    }
    all
}

/// Who sends the signals is the same for both.
fn random_side(meetings: &[u8]) -> u8 {
    meetings[0] >> 7
}

fn random_program(arch: &Arch, seed: u64) -> Vec<u8> {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let threads = 1 + random.below(2);
    let meetings: Vec<u8> =
        (0..2 + random.below(6)).map(|_| b"FQT"[random.below(3) as usize] | (random.below(2) as u8) << 7).collect();
    let mut file = vec![threads as u8, 0, 0, 0, 0, 0, 0, 0];
    for _ in 0..threads {
        let operations = operations(arch, &mut random, &meetings);
        file.extend((operations.len() as u64).to_le_bytes());
        file.extend((random.next() | 1).to_le_bytes());
        file.extend(operations);
    }
    file
}

/// A machine whose first process puts itself into a freezer group and becomes the program.
pub(crate) fn random_boot(arch: &Arch, program: &Path, seed: u64) -> Boot {
    let script = "mkdir -p /containers; mount -t cgroup -o freezer freezer /containers; mkdir /containers/0
echo $$ > /containers/0/tasks; exec /prog /random";
    let mut boot = boot(arch.name, &["sh", "-c", script]);
    boot.initramfs = with_file(boot.initramfs, b"prog", &std::fs::read(program).expect("the program"));
    let random = random_program(arch, seed);
    if let Ok(dir) = std::env::var("MINIKERN_KEEP") {
        std::fs::write(format!("{dir}/{}-{seed}", arch.name), &random).expect("a directory");
    }
    boot.initramfs = with_file(boot.initramfs, b"random", &random);
    boot.config.freezer = kernel::freezer::profile(["2.6.28", "3.8", "6.18"][seed as usize % 3]).expect("a profile");
    boot
}

/// The registers that a program has: general, floating-point and vector ones (NT_PRSTATUS, NT_PRFPREG, NT_X86_XSTATE), not the
/// exclusive monitor, which a trap may disarm.
const NOTES: [u32; 3] = [1, 2, 0x202];

/// What is left when the program waits for ever: what it printed, and with one thread every register and every byte of memory
/// (with two, the frames of signals lie wherever they came).
#[derive(PartialEq, Eq)]
pub(crate) struct Left {
    out: String,
    registers: Vec<u8>,
    memory: Vec<(u64, Vec<u8>)>,
}

/// Runs the program with `weather` between its slices.
pub(crate) fn left_by(console: &mut Console, seed: u64, weather: Weather<'_>) -> Left {
    let mut random = Random(seed);
    loop {
        assert!(console.machine.kernel.clock.now < 1_000_000_000_000, "it runs for ever: {}", console.shown());
        console.slice = 1 << random.below(14);
        for _ in 0..1 + random.below(8) {
            assert_eq!(console.step_or_idle(), None, "{}", console.shown());
            if console.stuck {
                break;
            }
        }
        let init = console.machine.kernel.tasks.get(INIT);
        let frozen = init.is_some_and(|init| matches!(init.state, TaskState::Frozen { .. }));
        if console.stuck && !frozen && console.shown().ends_with("done\n") {
            break;
        }
        // Once more where the thaw of 2.6.28 came too early (F08-35).
        if console.machine.kernel.tasks.get(INIT).is_some_and(|init| init.comm == b"prog") {
            console.hold = true;
            weather(console, &mut random);
            console.hold = false;
        }
    }
    let kernel = &console.machine.kernel;
    let task = &kernel.tasks[INIT];
    let mut left = Left { out: console.shown(), registers: Vec::new(), memory: Vec::new() };
    if !left.out.contains("thread 1") {
        let sets = NOTES.iter().filter_map(|&note| task.arch().abi.get_regset(&task.cpu, note).ok());
        left.registers = sets.flat_map(|set| set.data).collect();
        let mm = kernel.mms.get(task.mm.expect("memory")).expect("memory");
        let pages = mm.space.mapped(0, mm.task_size);
        left.memory = pages.map(|(addr, pte)| (addr, kernel.frames.bytes(pte.frame).to_vec())).collect();
    }
    left
}

/// Where two differ, in few words.
fn difference(calm: &Left, stormy: &Left) -> String {
    if calm.out != stormy.out {
        return format!("{} against {}", stormy.out, calm.out);
    }
    let registers: Vec<_> =
        (0..calm.registers.len()).filter(|&at| calm.registers[at] != stormy.registers[at]).collect();
    let values = registers.iter().map(|&at| format!("{at}: {:#x} {:#x}", calm.registers[at], stormy.registers[at]));
    let page = calm.memory.iter().zip(&stormy.memory).find(|(a, b)| a != b);
    let page = page.map(|((addr, a), (_, b))| {
        let words = a.chunks(8).zip(b.chunks(8)).enumerate().filter(|(_, (a, b))| a != b).take(8);
        (format!("{addr:#x}"), words.map(|(at, words)| format!("{:#x}: {words:02x?}", at * 8)).collect::<Vec<_>>())
    });
    format!(
        "registers {:?}, page {page:x?}, {} and {} pages",
        values.collect::<Vec<_>>(),
        calm.memory.len(),
        stormy.memory.len()
    )
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}

#[test]
fn random_programs_do_not_notice_the_freezer() {
    let (cases, first) = (number("MINIKERN_CASES", 40), number("MINIKERN_SEED", 1));
    for arch in ARCHES {
        let Some(program) = oracle(&format!("programs/{}/random_program", arch.name)) else { continue };
        for seed in first..first + cases {
            let mut boot = random_boot(arch, &program, seed);
            let calm = left_by(&mut Console::new(&boot, ""), seed, &mut |_, _| {});
            boot.config.cpus = 1 + seed as u32 % 3;
            let stormy = left_by(&mut Console::new(&boot, ""), seed.wrapping_mul(77) | 1, &mut freeze_and_thaw);
            assert!(calm == stormy, "{}, MINIKERN_SEED={seed}: {}", arch.name, difference(&calm, &stormy));
        }
    }
}

/// The generator draws from all of an instruction set, and what it draws does run: some of it faults, most does not.
#[test]
fn random_programs_do_something() {
    for arch in arches() {
        let Some(program) = oracle(&format!("programs/{arch}/random_program")) else { continue };
        let arch = ARCHES.iter().find(|known| known.name == arch).expect("an architecture");
        let mut random = Random(1);
        let drawn: Vec<String> = (0..600)
            .map(|_| arch.isa.disassemble(0, &instruction(arch, &mut random)).1)
            .filter_map(|text| text.split(' ').next().map(str::to_string))
            .collect();
        let names: std::collections::BTreeSet<&String> = drawn.iter().collect();
        assert!(names.len() > 25, "{}: {names:?}", arch.name);
        let outs: Vec<String> = (1..=6)
            .map(|seed| left_by(&mut Console::new(&random_boot(arch, &program, seed), ""), seed, &mut |_, _| {}).out)
            .collect();
        let all = outs.concat();
        assert!(
            all.contains("thread 1") && all.lines().any(|line| !line.contains(" 0 faults") && line != "done"),
            "{all}"
        );
    }
}
