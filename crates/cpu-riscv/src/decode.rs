//! From an instruction to its table row and operands. A row is written as the manual's listings write it, 31 (or 15) first:
//!
//! - digits are fixed bits;
//! - `rd rs1 rs2 rs3` are registers, `rs1/rd` is both at once; with `'` the field has three bits and names x8 to x15;
//!   `≠0` says that zero is reserved (or another row's);
//! - `imm[12|10:5]` lists which bits of the immediate stand there. It is sign-extended; `uimm` and `shamt` are not; with
//!   `nz` in front zero is reserved;
//! - `rm`, `csr`, `aq`, `rl`, `fm`, `pred`, `succ` as in the manual;
//! - `rs1=2` at the end is an operand that the instruction implies; one that is not named is x0 or 0.
use crate::insns;
use crate::lift::Then;
use ir::Builder;
use std::sync::LazyLock;

/// Writes what an instruction does; `None` is an encoding that is reserved after all.
pub(crate) type Semantics = fn(&mut Builder, Args) -> Option<Then>;

/// A table row: the mnemonic, the bits, and what it does.
pub(crate) struct Insn {
    pub(crate) name: &'static str,
    pub(crate) bits: &'static str,
    pub(crate) lift: Semantics,
}

pub(crate) const fn insn(name: &'static str, bits: &'static str, lift: Semantics) -> Insn {
    Insn { name, bits, lift }
}

/// The operands of an instruction, and where it stands.
#[derive(Clone, Copy, Default)]
pub(crate) struct Args {
    pub(crate) rd: u8,
    pub(crate) rs1: u8,
    pub(crate) rs2: u8,
    pub(crate) rs3: u8,
    pub(crate) rm: u8,
    pub(crate) csr: u16,
    pub(crate) imm: i32,
    pub(crate) pc: u64,
    /// Bytes.
    pub(crate) len: u64,
}

impl Args {
    pub(crate) fn at(self, pc: u64, len: u64) -> Args {
        Args { pc, len, ..self }
    }
    /// The address behind the instruction.
    pub(crate) fn next(self) -> u64 {
        self.pc.wrapping_add(self.len)
    }
    /// The address `imm` names relative to the instruction.
    pub(crate) fn target(self) -> u64 {
        self.pc.wrapping_add(self.imm as u64)
    }
}

/// The instruction at the start of `code` and its length; nothing if it is cut short.
pub(crate) fn fetch(code: &[u8]) -> Option<(u32, u64)> {
    let &[low, high] = code.first_chunk()?;
    if low & 3 != 3 {
        return Some((u16::from_le_bytes([low, high]).into(), 2));
    }
    code.first_chunk().map(|&word| (u32::from_le_bytes(word), 4))
}

/// What one run of an instruction's bits is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Rd,
    Rs1,
    Rs2,
    Rs3,
    Rm,
    Csr,
    /// Bits of the immediate from this one up.
    Imm(u32),
    Ignored,
}

/// A row, parsed.
#[derive(Debug, Default)]
pub(crate) struct Pattern {
    pub(crate) mask: u32,
    pub(crate) value: u32,
    /// Field, lowest bit, width, whether it names x8 and up.
    pub(crate) fields: Vec<(Field, u32, u32, bool)>,
    nonzero: Vec<Field>,
    implied: Vec<(Field, u8)>,
    /// Bits of the immediate, if it is to be sign-extended.
    signed: Option<u32>,
}

impl Pattern {
    /// Panics on a malformed row, which the table's test would have met.
    pub(crate) fn parse(bits: &str) -> Pattern {
        let mut pattern = Pattern::default();
        let (fields, implied): (Vec<_>, Vec<_>) = bits.split_whitespace().partition(|token| !token.contains('='));
        let mut left: u32 = fields.iter().map(|token| width(token)).sum();
        assert!(left == 32 || left == 16, "{bits}: {left} bits");
        let is_short = left == 16;
        for token in fields {
            left -= width(token);
            pattern.field(token, left);
        }
        if is_short {
            pattern.mask |= 0xffff_0000;
        }
        for token in implied {
            let (name, value) = token.split_once('=').expect("it was chosen by its =");
            pattern.implied.extend(names(name).map(|field| (field, value.parse().expect("a register's number"))));
        }
        pattern
    }

    fn field(&mut self, token: &str, lsb: u32) {
        if let Some(value) = fixed_bits(token) {
            self.mask |= ((1 << width(token)) - 1) << lsb;
            self.value |= value << lsb;
        } else if let Some((name, runs)) = token.strip_suffix(']').and_then(|t| t.split_once('[')) {
            let mut at = lsb + width(token);
            for (top, low) in runs.split('|').map(run) {
                at -= top - low + 1;
                self.fields.push((Field::Imm(low), at, top - low + 1, false));
                if name == "imm" || name == "nzimm" {
                    self.signed = self.signed.max(Some(top + 1));
                }
            }
            if name.starts_with("nz") {
                self.nonzero.push(Field::Imm(0));
            }
        } else {
            let name = token.trim_end_matches("≠0");
            for field in names(name) {
                self.fields.push((field, lsb, width(token), name.ends_with('\'')));
                if name != token {
                    self.nonzero.push(field);
                }
            }
        }
    }

    /// The operands, if the bits are this row's.
    pub(crate) fn decode(&self, bits: u32) -> Option<Args> {
        if bits & self.mask != self.value {
            return None;
        }
        let mut args = Args::default();
        for &(field, lsb, width, high) in &self.fields {
            let value = bits >> lsb & ((1 << width) - 1);
            match field {
                Field::Csr => args.csr = value as u16,
                Field::Imm(low) => args.imm |= (value << low) as i32,
                field => args.set(field, value as u8 + if high { 8 } else { 0 }),
            }
        }
        if let Some(width) = self.signed {
            args.imm = args.imm << (32 - width) >> (32 - width);
        }
        for &(field, value) in &self.implied {
            args.set(field, value);
        }
        let is_zero = |field: &Field| match field {
            Field::Rd => args.rd == 0,
            Field::Rs1 => args.rs1 == 0,
            Field::Rs2 => args.rs2 == 0,
            _ => args.imm == 0,
        };
        (!self.nonzero.iter().any(is_zero)).then_some(args)
    }
}

impl Args {
    fn set(&mut self, field: Field, value: u8) {
        match field {
            Field::Rd => self.rd = value,
            Field::Rs1 => self.rs1 = value,
            Field::Rs2 => self.rs2 = value,
            Field::Rs3 => self.rs3 = value,
            Field::Rm => self.rm = value,
            Field::Csr | Field::Imm(_) | Field::Ignored => {}
        }
    }
}

/// The value of a token that is no field.
fn fixed_bits(token: &str) -> Option<u32> {
    u32::from_str_radix(token, 2).ok()
}

/// `12:5` or `3`.
fn run(text: &str) -> (u32, u32) {
    let (top, low) = text.split_once(':').unwrap_or((text, text));
    let number = |n: &str| n.parse().expect("a bit's number");
    (number(top), number(low))
}

fn names(token: &str) -> impl Iterator<Item = Field> {
    token.split('/').map(|name| match name.trim_end_matches('\'') {
        "rd" => Field::Rd,
        "rs1" => Field::Rs1,
        "rs2" => Field::Rs2,
        "rs3" => Field::Rs3,
        "rm" => Field::Rm,
        "csr" => Field::Csr,
        "aq" | "rl" | "fm" | "pred" | "succ" => Field::Ignored,
        other => panic!("{other}: no such field"),
    })
}

fn width(token: &str) -> u32 {
    if fixed_bits(token).is_some() {
        return token.len() as u32;
    }
    if let Some((_, runs)) = token.strip_suffix(']').and_then(|t| t.split_once('[')) {
        return runs.split('|').map(run).map(|(top, low)| top - low + 1).sum();
    }
    match token.trim_end_matches("≠0") {
        name if name.ends_with('\'') => 3,
        "aq" | "rl" => 1,
        "rm" => 3,
        "fm" | "pred" | "succ" => 4,
        "csr" => 12,
        _ => 5,
    }
}

/// The bits that choose the rows to look at: opcode and funct3, or quadrant and funct3 of a compressed instruction.
fn bucket(bits: u32) -> usize {
    let index = if bits & 3 == 3 { bits >> 2 & 0x1f | bits >> 7 & 0xe0 } else { 0x100 | bits & 3 | bits >> 11 & 0x1c };
    index as usize
}

/// The table, ready for look-up.
pub(crate) struct Table {
    pub(crate) rows: Vec<(Pattern, &'static Insn)>,
    buckets: Vec<Vec<u16>>,
}

pub(crate) static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let rows: Vec<_> = insns::ALL.iter().flat_map(|part| part.iter()).map(|i| (Pattern::parse(i.bits), i)).collect();
    let mut buckets = vec![Vec::new(); 0x120];
    for (n, (pattern, _)) in (0u16..).zip(&rows) {
        // Every setting of funct3 that the row leaves open.
        let lsb = if pattern.value & 3 == 3 { 12 } else { 13 };
        for funct3 in 0..8 {
            let bits = pattern.value | funct3 << lsb;
            if bits & pattern.mask == pattern.value {
                buckets[bucket(bits)].push(n);
            }
        }
    }
    Table { rows, buckets }
});

impl Table {
    /// The first row whose bits these are, and its operands.
    pub(crate) fn find(&self, bits: u32) -> Option<(&'static Insn, Args)> {
        self.buckets[bucket(bits)].iter().find_map(|&n| {
            let (pattern, insn) = &self.rows[usize::from(n)];
            pattern.decode(bits).map(|args| (*insn, args))
        })
    }
}
