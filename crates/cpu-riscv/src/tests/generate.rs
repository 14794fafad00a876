//! Random instructions of the table and random states, tamed so that most memory accesses hit the data.
use super::machine::{Case, DATA, DATA_SIZE, State};
use crate::decode::{Field, Insn, Pattern, TABLE};
use ir::Builder;
use oracle::{DOUBLES, INTEGERS, Random, single};

/// Registers that hold pointers into the data: the stack pointer, two that compressed instructions reach, and some more.
/// Nothing else is written to them.
const POINTERS: [u32; 7] = [2, 8, 9, 20, 21, 22, 23];

/// What kind of instruction a row is, to be run at random.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    /// rs1 is an address.
    Memory,
    Csr,
    /// Load-reserved or store-conditional.
    Reserved,
    /// Branches and jumps by an offset.
    Branch,
    /// Not run at random: indirect jumps, calls and traps.
    Other,
}

pub(crate) fn kind(row: &Insn) -> Kind {
    let name = row.name.strip_prefix("c.").unwrap_or(row.name);
    let opcode = row.bits.split(' ').rev().find(|token| !token.contains('=')).unwrap_or_default();
    match name {
        "ecall" | "ebreak" | "jalr" | "jr" => Kind::Other,
        "jal" | "j" => Kind::Branch,
        "fldsp" | "lwsp" | "ldsp" | "fsdsp" | "swsp" | "sdsp" => Kind::Memory,
        "fld" | "lw" | "ld" | "fsd" | "sw" | "sd" => Kind::Memory,
        _ if name.starts_with("csr") => Kind::Csr,
        _ if name.starts_with("lr.") || name.starts_with("sc.") => Kind::Reserved,
        _ if name.starts_with('b') && row.bits.contains("imm") => Kind::Branch,
        _ if ["0000011", "0100011", "0000111", "0100111", "0101111"].contains(&opcode) => Kind::Memory,
        _ => Kind::Plain,
    }
}

fn put(word: u32, lsb: u32, width: u32, value: u32) -> u32 {
    let mask = ((1 << width) - 1) << lsb;
    word & !mask | value << lsb & mask
}

/// Bits of a row, from `random` ones, or nothing if they make no valid instruction.
pub(crate) fn bits((pattern, row): &(Pattern, &Insn), r: &mut Random) -> Option<u32> {
    let is_short = pattern.value & 3 != 3;
    let mut word = pattern.value | r.next() as u32 & !pattern.mask;
    let (kind, near) = (kind(row), r.below(2) == 0);
    for &(field, lsb, width, high) in &pattern.fields {
        let is_float = row.name.contains('f');
        match field {
            Field::Rs1 if matches!(kind, Kind::Memory | Kind::Reserved) => {
                let pointer = if high { r.below(2) as u32 } else { r.pick(&POINTERS) };
                word = put(word, lsb, width, pointer);
            }
            Field::Imm(_) if kind == Kind::Memory && near => word = put(word, lsb, width, 0),
            Field::Csr => word = put(word, lsb, width, 1 + r.below(3) as u32),
            // Few singles are rounded by a mode that is reserved.
            Field::Rm if r.below(16) != 0 => word = put(word, lsb, width, r.pick(&[0, 1, 2, 3, 4, 7, 7, 7, 7])),
            Field::Rd if !is_float || row.name.starts_with("fcvt") || row.name.starts_with('f') => {
                let rd = word >> lsb & ((1 << width) - 1);
                let hits = if high { rd < 2 } else { POINTERS.contains(&rd) };
                if hits {
                    word = put(word, lsb, width, if high { 2 + rd } else { 24 + rd % 8 });
                }
            }
            _ => {}
        }
    }
    let (found, args) = TABLE.find(word)?;
    let mut out = Builder::new(0);
    out.insn(0);
    let valid = std::ptr::eq(found, *row) && (row.lift)(&mut out, args.at(0, if is_short { 2 } else { 4 })).is_some();
    valid.then_some(word)
}

/// The bytes of an instruction.
pub(crate) fn bytes(word: u32) -> Vec<u8> {
    let len = if word & 3 == 3 { 4 } else { 2 };
    word.to_le_bytes()[..len].to_vec()
}

/// A case of `length` instructions of the rows.
pub(crate) fn case(rows: &[&(Pattern, &Insn)], length: usize, seed: u64) -> Case {
    let mut r = Random::new(seed);
    let mut insns = Vec::new();
    while insns.len() < length {
        let row = r.pick(rows);
        insns.extend(bits(row, &mut r).map(bytes));
    }
    Case { insns, state: state(&mut r), seed }
}

fn float(r: &mut Random) -> u64 {
    match r.below(9) {
        0 => r.next(),
        // Boxed badly.
        1 => single(r) | r.pick(&[0, 0xffff_fffe, 0x7fff_ffff]) << 32,
        2..5 => single(r) | 0xffff_ffff << 32,
        5 | 6 => r.pick(&DOUBLES) ^ (r.next() & 1 << 63),
        _ => 0x3fe0_0000_0000_0000 + (r.next() & 0x3f_ffff_ffff_ffff),
    }
}

pub(crate) fn state(r: &mut Random) -> State {
    let mut state = State::default();
    for x in &mut state.x[1..] {
        *x = match r.below(3) {
            0 => r.pick(&INTEGERS).wrapping_add(r.below(3)).wrapping_sub(1),
            1 => r.below(256),
            _ => r.next(),
        };
    }
    for n in POINTERS {
        let at = match r.below(6) {
            // Across pages, and past the last.
            0 => 4096 * (1 + r.below(4)) - r.below(10),
            1 => DATA_SIZE / 2 + r.below(0x1000),
            _ => DATA_SIZE / 2 + r.below(0x100) * 8,
        };
        state.x[n as usize] = DATA + at;
    }
    for f in &mut state.f {
        *f = float(r);
    }
    // Now and then a reserved mode.
    let frm = if r.below(8) == 0 { r.below(8) } else { r.below(5) };
    state.fcsr = frm << 5 | if r.below(2) == 0 { 0 } else { r.below(32) };
    state
}
