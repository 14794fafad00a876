//! Random instructions of the table and random states, tamed so that most memory accesses hit the data.
use super::machine::{DATA, DATA_SIZE, State};
use crate::decode::{Insn, Pattern, TABLE, Word};
use crate::insns::check::unpredictable;
use ir::Builder;
use oracle::{DOUBLES, INTEGERS, Random, single};

/// Registers that hold pointers into the data, and ones that hold small offsets.
const POINTERS: std::ops::Range<u32> = 20..28;
const OFFSETS: [u32; 2] = [28, 29];
/// A sequence is no longer, so that a load relative to the pc stays in what both machines have there.
pub(crate) const LONGEST: usize = 12;

/// What a row's random words are good for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    /// Forward in a sequence.
    Branch,
    /// By register: behind an ADR.
    Indirect,
    /// Passes or fails by what was loaded: tested apart.
    Exclusive,
    /// Traps, changes what the machines differ in, or works on values only some of which exist: tested apart.
    Apart,
}

pub(crate) fn kind(row: &Insn) -> Kind {
    const APART: [&str; 13] =
        ["udf", "svc", "brk", "hvc", "smc", "hlt", "dcps1", "dcps2", "dcps3", "eret", "drps", "ic", "dc"];
    let exclusive = ["ldxr", "ldaxr", "stxr", "stlxr", "ldxp", "ldaxp", "stxp", "stlxp"];
    match row.name {
        "b" | "bl" | "b." | "cbz" | "cbnz" | "tbz" | "tbnz" => Kind::Branch,
        "br" | "blr" | "ret" => Kind::Indirect,
        name if APART.contains(&name) => Kind::Apart,
        name if exclusive.iter().any(|stem| name.starts_with(stem)) => Kind::Exclusive,
        _ => Kind::Plain,
    }
}

/// A word of a row, from `random` bits, or nothing if they make no valid one.
pub(crate) fn word(pattern: Pattern, row: &Insn, random: u32) -> Option<u32> {
    let mut word = pattern.value | random & !pattern.mask;
    // Bits the row fixes do not decide about the rest.
    let choice = random.wrapping_mul(0x9e37_79b1) >> 16;
    match row.name {
        // NZCV, FPCR, FPSR; of the last two qemu reads bits that are not there.
        "msr" => word = [0xd51b_4200, 0xd51b_4400, 0xd51b_4420][choice as usize % 3] | random & 31,
        "mrs" => word = 0xd53b_4200 | random & 31,
        _ => {}
    }
    let mut put = |lsb: u32, width: u32, value: u32| {
        let field = ((1 << width) - 1) << lsb;
        if pattern.mask & field == 0 {
            word = word & !field | value << lsb;
        }
    };
    if row.bits.contains("imm19 rt") {
        put(5, 19, choice % 12);
    } else if word_is_memory(pattern.value) {
        match choice % 32 {
            0 => {}
            1 | 2 => put(5, 5, 31),
            n => put(5, 5, POINTERS.start + n % 8),
        }
        if row.bits.contains(" rm ") {
            put(16, 5, if choice >> 5 & 3 == 0 { 31 } else { OFFSETS[(choice >> 7 & 1) as usize] });
        }
        if row.bits.contains("imm12") && choice >> 8 & 3 != 0 {
            put(10, 12, choice >> 10 & 0x1f);
        }
    }
    if POINTERS.contains(&(word & 31)) && pattern.mask & 31 == 0 {
        word -= 16;
    }
    let found = TABLE.find(word)?;
    let mut out = Builder::new(0);
    let valid = std::ptr::eq(found, row) && (row.lift)(&mut out, Word { bits: word, pc: 0 }).is_some();
    (valid && !unpredictable(row.name, word)).then_some(word)
}

/// A branch of row `name` at word `at` of `len`, forward and not past the BRK behind the code.
pub(crate) fn branch(pattern: Pattern, name: &str, random: u32, at: usize, len: usize) -> Option<u32> {
    let offset = 1 + (random >> 8) % (len - at) as u32;
    let word = pattern.value | random & !pattern.mask;
    let with = |lsb: u32, width: u32| word & !(((1 << width) - 1) << lsb) | offset << lsb;
    Some(match name {
        "b" | "bl" => with(0, 26),
        "b." | "cbz" | "cbnz" => with(5, 19),
        "tbz" | "tbnz" => with(5, 14),
        // ADR X30 first: here it is the target of RET, BR and BLR.
        "adr" => pattern.value | offset << 5 | 30,
        "ret" | "br" | "blr" => pattern.value | 30 << 5,
        _ => return None,
    })
}

/// The words that rows and random bits make in this order; branches lead forward.
pub(crate) fn sequence(rows: &[(Pattern, &'static Insn)], choices: &[(usize, u32)]) -> Vec<u32> {
    let chosen: Vec<_> = choices.iter().map(|&(n, random)| (rows[n % rows.len()], random)).collect();
    let made = chosen.iter().enumerate().filter_map(|(at, &((pattern, row), random))| match kind(row) {
        Kind::Branch => branch(pattern, row.name, random, at, chosen.len()),
        _ => word(pattern, row, random),
    });
    let mut words: Vec<u32> = made.collect();
    // Where a word fell out, branches behind it would lead too far.
    let nops = chosen.len() - words.len();
    words.extend(std::iter::repeat_n(0xd503_201f, nops));
    words
}

/// Bit 27 set and bit 25 clear: the loads and stores.
pub(crate) fn word_is_memory(word: u32) -> bool {
    word >> 25 & 0b101 == 0b100
}

const HALVES: [u16; 16] = [
    0, 1, 0x3ff, 0x400, 0x3c00, 0x3c01, 0x4000, 0x7bff, 0x7c00, 0x7e00, 0x7e12, 0x7c01, 0x7d55, 0x7fff, 0x0200, 0x3bff,
];

fn half(r: &mut Random) -> u64 {
    let value = match r.below(3) {
        0 => r.next() as u16,
        1 => 0x3a00 + (r.next() as u16 & 0x7ff),
        _ => r.pick(&HALVES),
    };
    u64::from(value ^ (r.next() as u16 & 1 << 15))
}

fn vector_word(r: &mut Random) -> u64 {
    match r.below(7) {
        0 => r.next(),
        5 | 6 => (0..4).fold(0, |word, _| word << 16 | half(r)),
        1 => single(r) | single(r) << 32,
        2 => r.pick(&DOUBLES) ^ (r.next() & 1 << 63),
        3 => 0x3fe0_0000_0000_0000 + (r.next() & 0x3f_ffff_ffff_ffff),
        // Lanes at the bounds of their types.
        _ => (0..8).fold(0, |w, _| w << 8 | r.pick(&[0u64, 1, 0x7f, 0x80, 0xff, 0x40])),
    }
}

/// A state; `modes` varies FPCR.
pub(crate) fn state(seed: u64, modes: bool) -> State {
    let mut r = Random::new(seed);
    let mut state = State::default();
    for x in &mut state.x {
        *x = match r.below(3) {
            0 => r.pick(&INTEGERS).wrapping_add(r.below(3)).wrapping_sub(1),
            1 => r.below(256),
            _ => r.next(),
        };
    }
    for n in POINTERS {
        let at = match r.below(16) {
            // Across a border: of pages, to the one that is read-only, to where nothing is.
            0..4 => 0x1000 * (1 + r.below(2)) - r.below(70),
            4 => 0x3000 - r.below(70),
            5 if r.below(2) == 0 => r.below(8).wrapping_sub(4),
            5 => DATA_SIZE - r.below(70),
            6..10 => 0x1000 + r.below(0x1800),
            _ => 0x1000 + r.below(0x180) * 16,
        };
        // A tag in the top byte is ignored.
        let tag = if r.below(8) == 0 { 0x5a << 56 } else { 0 };
        state.x[n as usize] = DATA.wrapping_add(at) | tag;
    }
    for n in OFFSETS {
        state.x[n as usize] = (r.below(64) as i64 - 32) as u64 & r.pick(&[u64::MAX, u64::MAX, 0x1f]);
    }
    for v in &mut state.v {
        *v = vector_word(&mut r);
    }
    state.sp = DATA + DATA_SIZE / 2 + r.below(64) * 16;
    state.nzcv = r.below(16) << 28;
    state.fpsr = if r.below(2) == 0 { 0 } else { r.next() & 0x0800_009f };
    if modes {
        // AHP, DN, FZ, RMode; FZ16.
        state.fpcr = r.below(32) << 22 | r.below(2) << 19;
    }
    state
}
