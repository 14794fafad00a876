//! What compiling costs: every block of a program is lifted, optimised and compiled, for each architecture, and the time of
//! each step printed for one guest instruction. `cargo bench --bench compile [-- ELF...]`; without a file it takes the
//! busybox of each architecture from target/oracle. CPU time, the median of five passes over all blocks.
use arch::{Arch, Flow};
use engine::{Compiler, MAX_INSNS};
use goblin::elf::Elf;
use goblin::elf::section_header::SHT_PROGBITS;
use ir::Trap;
use jit::Jit;
use minikern::ARCHES;
use rustix::time::{ClockId, clock_gettime};
use std::path::{Path, PathBuf};

const PASSES: usize = 5;
/// More host code than any of these programs makes: nothing is dropped while the clock runs.
const ROOM: usize = 512 << 20;

/// CPU nanoseconds of this thread.
fn now() -> i64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

fn main() {
    let files: Vec<PathBuf> =
        std::env::args().skip(1).filter(|word| !word.starts_with("--")).map(PathBuf::from).collect();
    let oracle = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/oracle");
    println!("| program | blocks | instructions | lift ns | optimise ns | compile ns | all ns | host bytes |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for arch in ARCHES {
        let usual = vec![oracle.join(format!("busybox-{}", arch.name))];
        for file in if files.is_empty() { &usual } else { &files } {
            let Ok(bytes) = std::fs::read(file) else {
                println!("skipped: no {}", file.display());
                continue;
            };
            match Elf::parse(&bytes) {
                Ok(elf) if elf.header.e_machine == arch.elf.machine => measure(arch, file, &elf, &bytes),
                Ok(_) => {}
                Err(error) => println!("skipped: {}: {error}", file.display()),
            }
        }
    }
}

/// The code of a program's sections, cut where blocks end.
fn blocks<'a>(arch: &Arch, elf: &Elf<'_>, bytes: &'a [u8]) -> Vec<(u64, &'a [u8])> {
    let mut found = Vec::new();
    for section in elf.section_headers.iter().filter(|s| s.is_executable() && s.sh_type == SHT_PROGBITS) {
        let Some(code) = section.file_range().and_then(|range| bytes.get(range)) else { continue };
        let mut at = 0;
        while at < code.len() {
            let pc = section.sh_addr + at as u64;
            let len = lift(arch, pc, &code[at..]).1;
            found.push((pc, &code[at..at + len]));
            at += len;
        }
    }
    found
}

/// The block at the start of `code`, and how many bytes it has.
fn lift(arch: &Arch, pc: u64, code: &[u8]) -> (ir::Block, usize) {
    let mut builder = ir::Builder::new(pc);
    let mut at = 0;
    while at < code.len() && builder.insns() < MAX_INSNS {
        let here = pc + at as u64;
        builder.insn(here);
        match arch.isa.lift(here, &code[at..code.len().min(at + 16)], &mut builder) {
            Flow::Next(len) => at += len.max(1) as usize,
            Flow::End(len) => {
                at += len.max(1) as usize;
                break;
            }
            // The section ends inside an instruction.
            Flow::Truncated => {
                builder.trap(Trap::Illegal, here);
                at = code.len();
            }
        }
    }
    let at = at.min(code.len());
    (builder.finish(pc + at as u64), at)
}

fn measure(arch: &'static Arch, file: &Path, elf: &Elf<'_>, bytes: &[u8]) {
    let code = blocks(arch, elf, bytes);
    let mut times: [Vec<i64>; 3] = Default::default();
    let (mut insns, mut host) = (0, 0);
    for _ in 0..PASSES {
        let Some(mut jit) = Jit::new(ROOM) else {
            println!("skipped: this host has no templates, or gives no memory to execute");
            return;
        };
        let start = now();
        let mut lifted: Vec<_> = code.iter().map(|&(pc, code)| lift(arch, pc, code).0).collect();
        let after_lift = now();
        lifted.iter_mut().for_each(ir::optimise);
        let after_optimise = now();
        for (id, block) in lifted.iter().enumerate() {
            assert!(
                jit.compile(arch.isa, id as u32, block, engine::How { chain: true, windowed: false }),
                "code memory is full"
            );
        }
        let end = now();
        for (times, took) in
            times.iter_mut().zip([after_lift - start, after_optimise - after_lift, end - after_optimise])
        {
            times.push(took);
        }
        insns = jit.stats().insns;
        host = jit.stats().bytes;
    }
    let each = times.map(|mut times| {
        times.sort_unstable();
        times[PASSES / 2] as f64 / insns as f64
    });
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    println!(
        "| {name} | {} | {insns} | {:.0} | {:.0} | {:.0} | {:.0} | {:.1} |",
        code.len(),
        each[0],
        each[1],
        each[2],
        each.iter().sum::<f64>(),
        host as f64 / insns as f64
    );
}
