//! Random instructions of the table and random states, tamed so that most memory accesses hit the data.
use super::machine::{DATA, DATA_SIZE, State};
use crate::decode::{Insn, Pattern, TABLE, Word};
use crate::insns::check::unpredictable;
use ir::Builder;

/// Small, fast and the same everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }
    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 8) % n
    }
    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// Registers that hold pointers into the data, and ones that hold small offsets.
const POINTERS: std::ops::Range<u32> = 20..28;
const OFFSETS: [u32; 2] = [28, 29];

/// Whether random words of a row may run: no branches, no traps, nothing whose result differs between machines.
pub(crate) fn runs(row: &Insn) -> bool {
    !matches!(
        row.name,
        "adr"
            | "adrp"
            | "udf"
            | "b"
            | "bl"
            | "b."
            | "cbz"
            | "cbnz"
            | "tbz"
            | "tbnz"
            | "br"
            | "blr"
            | "ret"
            | "svc"
            | "brk"
            | "isb"
            | "ic"
            | "dc"
            | "msr"
            | "mrs"
    ) && !row.bits.contains("imm19 rt")
        && !is_exclusive(row)
}

/// Store-exclusives pass or fail by what was loaded: they are tested apart.
pub(crate) fn is_exclusive(row: &Insn) -> bool {
    ["ldxr", "ldaxr", "stxr", "stlxr", "ldxp", "ldaxp", "stxp", "stlxp"].iter().any(|n| row.name.starts_with(n))
}

/// A word of a row, from `random` bits, or nothing if they make no valid one.
pub(crate) fn word(pattern: Pattern, row: &Insn, random: u32) -> Option<u32> {
    let mut word = pattern.value | random & !pattern.mask;
    let mut put = |lsb: u32, value: u32| {
        let field = 0x1f << lsb;
        if pattern.mask & field == 0 {
            word = word & !field | value << lsb;
        }
    };
    if word_is_memory(pattern.value) {
        put(5, POINTERS.start + (random >> 5) % 8);
        if row.bits.contains(" rm ") {
            put(16, if random >> 19 & 3 == 0 { 31 } else { OFFSETS[(random >> 18 & 1) as usize] });
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

/// Bit 27 set and bit 25 clear: the loads and stores.
pub(crate) fn word_is_memory(word: u32) -> bool {
    word >> 25 & 0b101 == 0b100
}

const INTEGERS: [u64; 12] =
    [0, 1, 2, 0x7f, 0x80, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 63, i64::MAX as u64, u64::MAX];

/// Zeros, denormals, limits, infinities, NaNs quiet and signaling, and ordinary numbers.
const SINGLES: [u32; 20] = [
    0,
    1,
    0x7f_ffff,
    0x80_0000,
    0x3f80_0000,
    0x3f80_0001,
    0x4000_0000,
    0x4049_0fdb,
    0x7f7f_ffff,
    0x7f80_0000,
    0x7fc0_0000,
    0x7fc0_1234,
    0x7f80_0001,
    0x7fa5_5aaa,
    0x4f00_0000,
    0x5f00_0000,
    0x3eff_ffff,
    0x4b00_0001,
    0x0040_0000,
    0x2000_0000,
];
const DOUBLES: [u64; 20] = [
    0,
    1,
    0xf_ffff_ffff_ffff,
    0x10_0000_0000_0000,
    0x3ff0_0000_0000_0000,
    0x3ff0_0000_0000_0001,
    0x4000_0000_0000_0000,
    0x4009_21fb_5444_2d18,
    0x7fef_ffff_ffff_ffff,
    0x7ff0_0000_0000_0000,
    0x7ff8_0000_0000_0000,
    0x7ff8_0000_1234_5678,
    0x7ff0_0000_0000_0001,
    0x7ff5_5555_aaaa_aaaa,
    0x41e0_0000_0000_0000,
    0x43e0_0000_0000_0000,
    0x3fdf_ffff_ffff_ffff,
    0x380f_ffff_ffff_ffff,
    0x36a0_0000_0000_0000,
    0x47ef_ffff_f000_0000,
];

fn single(r: &mut Random) -> u64 {
    let value = match r.below(4) {
        0 => r.next() as u32,
        // Exponents near each other, so that sums cancel and products stay in range.
        1 => 0x3f00_0000 + (r.next() as u32 & 0x01ff_ffff),
        _ => r.pick(&SINGLES),
    };
    u64::from(value ^ (r.next() as u32 & 1 << 31))
}

fn vector_word(r: &mut Random) -> u64 {
    match r.below(5) {
        0 => r.next(),
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
        let at = match r.below(4) {
            0 => 4096 * (3 + r.below(4)) - r.below(70),
            1 => DATA_SIZE / 2 + r.below(0x1000),
            _ => DATA_SIZE / 2 + r.below(0x100) * 16,
        };
        // A tag in the top byte is ignored.
        let tag = if r.below(8) == 0 { 0x5a << 56 } else { 0 };
        state.x[n as usize] = (DATA + at) | tag;
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
        // DN, FZ, RMode.
        state.fpcr = r.below(16) << 22;
    }
    state
}
