//! Results and flags against other implementations: the host CPU (x86.rs) and qemu's AArch64
//! and RISC-V (arm.rs, riscv.rs), over hard and random operands, in every rounding and flush mode.

mod arm;
mod random;
mod riscv;
mod soft;
mod x86;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use random::{Near, Random};
use softfloat::{Env, Flags, Format};

/// Operands tried per operation.
const CASES: usize = 30_000;

/// A format's bits as the low bytes of a register.
trait Register: Copy + 'static {
    fn to_u128(self) -> u128;
    fn from_u128(value: u128) -> Self;
}

macro_rules! register {
    ($($bits:ty)*) => {$(
        impl Register for $bits {
            fn to_u128(self) -> u128 {
                self.into()
            }
            fn from_u128(value: u128) -> $bits {
                value as $bits
            }
        }
    )*};
}
register!(u16 u32 u64);

impl Register for (u64, u16) {
    fn to_u128(self) -> u128 {
        u128::from(self.1) << 64 | u128::from(self.0)
    }
    fn from_u128(value: u128) -> (u64, u16) {
        (value as u64, (value >> 64) as u16)
    }
}

/// What an instruction left behind: up to two results with their widths, and whatever bits of the
/// status word `mask` selects.
#[derive(Default)]
struct Outcome {
    result: [Option<(u128, u32)>; 2],
    status: u32,
    mask: u32,
}

/// A float result: the first one in a reply.
fn value<T: Register>(bits: T) -> Outcome {
    let width = if size_of::<T>() == 16 { 80 } else { 8 * size_of::<T>() as u32 };
    Outcome { result: [Some((bits.to_u128(), width)), None], ..Outcome::default() }
}

/// An integer result: the second one in a reply.
fn integer(bits: u64, width: u32) -> Outcome {
    Outcome { result: [None, Some((bits.into(), width))], ..Outcome::default() }
}

type Operand = fn(&mut Random, &mut Near) -> u128;
/// A random control register, and the environment it means.
type Control = fn(&mut Random) -> (u32, Env);
type Soft = Box<dyn Fn(&mut Env, [u128; 3]) -> Outcome>;

struct Operation {
    /// The oracle's number for it.
    code: u32,
    name: String,
    operand: Operand,
    control: Control,
    soft: Soft,
}

fn float<F: Format<Bits: Register>>(random: &mut Random, near: &mut Near) -> u128 {
    random.operand::<F>(near).to_u128()
}

fn int(random: &mut Random, _: &mut Near) -> u128 {
    random.int().into()
}

/// A reply's results, exception flags and status word.
struct Reply {
    result: [u128; 2],
    flags: u32,
    status: u32,
}

impl Reply {
    const LEN: usize = 40;

    fn parse(bytes: &[u8]) -> Reply {
        let wide = |at: usize| u128::from_le_bytes(bytes[at..at + 16].try_into().expect("16 bytes"));
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"));
        Reply { result: [wide(0), wide(16)], flags: word(32), status: word(36) }
    }
}

/// Where a test's programs and requests go.
fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// A file of this directory.
fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle").join(name)
}

/// Whether a build step succeeded; a missing tool is no success.
fn succeeds(command: &mut Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}

/// Compares `operations` with what the program run by `oracle` answers. `flags` translates the
/// flags of a reply.
fn check(name: &str, oracle: &dyn Fn() -> Command, operations: Vec<Operation>, flags: fn(u32) -> Flags) {
    let mut wrong = 0;
    for operation in operations {
        let random = &mut Random(u64::from(operation.code));
        let mut cases = Vec::new();
        let mut requests = Vec::new();
        for _ in 0..CASES {
            let (control, env) = (operation.control)(random);
            let mut near = Near::default();
            let operands = [(); 3].map(|()| (operation.operand)(random, &mut near));
            requests.extend(operation.code.to_le_bytes());
            requests.extend(control.to_le_bytes());
            operands.iter().for_each(|v| requests.extend(v.to_le_bytes()));
            cases.push((env, operands));
        }
        let path = scratch(&format!("{name}.requests"));
        File::create(&path).expect("a scratch file").write_all(&requests).expect("room for it");
        let input = Stdio::from(File::open(&path).expect("just written"));
        let output = oracle().stdin(input).output().expect("the oracle was built");
        assert!(output.status.success());
        assert_eq!(output.stdout.len(), Reply::LEN * CASES);

        let mut shown = 0;
        for (&(before, operands), reply) in cases.iter().zip(output.stdout.chunks(Reply::LEN)) {
            let (mut env, theirs) = (before, Reply::parse(reply));
            let ours = (operation.soft)(&mut env, operands);
            let same_results =
                ours.result.iter().zip(theirs.result).all(|(ours, theirs)| {
                    ours.is_none_or(|(bits, width)| bits == theirs & (u128::MAX >> (128 - width)))
                });
            let same_status = (ours.status ^ theirs.status) & ours.mask == 0;
            if same_results && same_status && env.raised == flags(theirs.flags) {
                continue;
            }
            shown += 1;
            if shown <= 4 {
                println!("{}: {operands:x?} in {before:?}", operation.name);
                let result = ours.result.map(|r| r.map(|(bits, _)| bits));
                println!("  ours   {result:x?} {:#x} {:?}", ours.status, env.raised);
                println!("  theirs {:x?} {:#x} {:?}", theirs.result, theirs.status, flags(theirs.flags));
            }
        }
        if shown > 0 {
            println!("{}: {shown} of {CASES} wrong", operation.name);
        }
        wrong += shown;
    }
    assert_eq!(wrong, 0, "results or flags differ");
}

/// [`check`] against `<arch>.S`, built by the cross binutils and run by qemu-user on the first of
/// `cpus` that it knows; or says that something is missing.
fn check_qemu(arch: &str, march: &str, cpus: &[&str], operations: Vec<Operation>, flags: fn(u32) -> Flags) {
    let name = format!("softfloat-{arch}");
    let (object, program) = (scratch(&format!("{name}.o")), scratch(&name));
    let mut assembler = Command::new(format!("{arch}-linux-gnu-as"));
    assembler.arg(format!("-march={march}")).arg("-o").arg(&object).arg(source(&format!("{arch}.S")));
    let mut linker = Command::new(format!("{arch}-linux-gnu-ld"));
    linker.arg("-o").arg(&program).arg(&object);
    if !succeeds(&mut assembler) || !succeeds(&mut linker) {
        println!("skipped: no {arch}-linux-gnu binutils");
        return;
    }
    let emulator = |qemu: &str, cpu: &str| {
        let mut command = Command::new(qemu);
        command.args(["-cpu", cpu]).arg(&program).stdin(Stdio::null()).stderr(Stdio::null());
        command
    };
    let qemus = [format!("qemu-{arch}"), format!("qemu-{arch}-static")];
    let mut choices = qemus.iter().flat_map(|qemu| cpus.iter().map(move |cpu| (qemu, cpu)));
    match choices.find(|(qemu, cpu)| succeeds(&mut emulator(qemu, cpu))) {
        Some((qemu, cpu)) => check(&name, &|| emulator(qemu, cpu), operations, flags),
        None => println!("skipped: no qemu-{arch} with the instructions tested"),
    }
}
