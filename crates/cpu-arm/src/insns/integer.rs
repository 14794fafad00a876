//! C4.1.92 and C4.1.95: data processing, immediate and register.
use crate::decode::{Insn, insn};
use crate::lift::{arith, bitfield, flags, logic};
use ir::{BinOp, UnOp};

#[rustfmt::skip]
pub(crate) const INSNS: &[Insn] = &[
    // PC-relative addresses
    insn("adr",    "0 immlo:2 10000 imm19 rd",                arith::adr),
    insn("adrp",   "1 immlo:2 10000 imm19 rd",                arith::adrp),
    // Add and subtract, immediate
    insn("add",    "sf 0 0 100010 sh imm12 rn rd",            arith::add_imm),
    insn("adds",   "sf 0 1 100010 sh imm12 rn rd",            arith::add_imm),
    insn("sub",    "sf 1 0 100010 sh imm12 rn rd",            arith::add_imm),
    insn("subs",   "sf 1 1 100010 sh imm12 rn rd",            arith::add_imm),
    // Logical, immediate
    insn("and",    "sf 00 100100 n immr:6 imms:6 rn rd",      |b, w| logic::immediate(b, w, BinOp::And)),
    insn("orr",    "sf 01 100100 n immr:6 imms:6 rn rd",      |b, w| logic::immediate(b, w, BinOp::Or)),
    insn("eor",    "sf 10 100100 n immr:6 imms:6 rn rd",      |b, w| logic::immediate(b, w, BinOp::Xor)),
    insn("ands",   "sf 11 100100 n immr:6 imms:6 rn rd",      |b, w| logic::immediate(b, w, BinOp::And)),
    // Move wide
    insn("movn",   "sf 00 100101 hw:2 imm16 rd",              |b, w| logic::mov_wide(b, w, true)),
    insn("movz",   "sf 10 100101 hw:2 imm16 rd",              |b, w| logic::mov_wide(b, w, false)),
    insn("movk",   "sf 11 100101 hw:2 imm16 rd",              logic::movk),
    // Bitfield, extract
    insn("sbfm",   "sf 00 100110 n immr:6 imms:6 rn rd",      |b, w| bitfield::bfm(b, w, true)),
    insn("bfm",    "sf 01 100110 n immr:6 imms:6 rn rd",      bitfield::insert),
    insn("ubfm",   "sf 10 100110 n immr:6 imms:6 rn rd",      |b, w| bitfield::bfm(b, w, false)),
    insn("extr",   "sf 00 100111 n 0 rm imms:6 rn rd",        bitfield::extr),
    // Two sources
    insn("udiv",   "sf 0 0 11010110 rm 000010 rn rd",         |b, w| arith::two_source(b, w, BinOp::DivU)),
    insn("sdiv",   "sf 0 0 11010110 rm 000011 rn rd",         |b, w| arith::two_source(b, w, BinOp::DivS)),
    insn("lsl",    "sf 0 0 11010110 rm 001000 rn rd",         |b, w| arith::two_source(b, w, BinOp::Shl)),
    insn("lsr",    "sf 0 0 11010110 rm 001001 rn rd",         |b, w| arith::two_source(b, w, BinOp::Shr)),
    insn("asr",    "sf 0 0 11010110 rm 001010 rn rd",         |b, w| arith::two_source(b, w, BinOp::Sar)),
    insn("ror",    "sf 0 0 11010110 rm 001011 rn rd",         |b, w| arith::two_source(b, w, BinOp::Rotr)),
    insn("crc32b", "0 0 0 11010110 rm 010000 rn rd",          arith::crc32),
    insn("crc32h", "0 0 0 11010110 rm 010001 rn rd",          arith::crc32),
    insn("crc32w", "0 0 0 11010110 rm 010010 rn rd",          arith::crc32),
    insn("crc32x", "1 0 0 11010110 rm 010011 rn rd",          arith::crc32),
    insn("crc32cb","0 0 0 11010110 rm 010100 rn rd",          arith::crc32),
    insn("crc32ch","0 0 0 11010110 rm 010101 rn rd",          arith::crc32),
    insn("crc32cw","0 0 0 11010110 rm 010110 rn rd",          arith::crc32),
    insn("crc32cx","1 0 0 11010110 rm 010111 rn rd",          arith::crc32),
    // One source
    insn("rbit",   "sf 1 0 11010110 00000 000000 rn rd",      |b, w| arith::one_source(b, w, UnOp::BitRev)),
    insn("rev16",  "sf 1 0 11010110 00000 000001 rn rd",      |b, w| arith::one_source(b, w, UnOp::Rev16)),
    insn("rev",    "0 1 0 11010110 00000 000010 rn rd",       |b, w| arith::one_source(b, w, UnOp::Bswap)),
    insn("rev32",  "1 1 0 11010110 00000 000010 rn rd",       |b, w| arith::one_source(b, w, UnOp::Rev32)),
    insn("rev",    "1 1 0 11010110 00000 000011 rn rd",       |b, w| arith::one_source(b, w, UnOp::Bswap)),
    insn("clz",    "sf 1 0 11010110 00000 000100 rn rd",      |b, w| arith::one_source(b, w, UnOp::Clz)),
    insn("cls",    "sf 1 0 11010110 00000 000101 rn rd",      |b, w| arith::one_source(b, w, UnOp::Cls)),
    // Logical, shifted register
    insn("and",    "sf 00 01010 sh:2 0 rm imm6 rn rd",        |b, w| logic::shifted(b, w, BinOp::And)),
    insn("bic",    "sf 00 01010 sh:2 1 rm imm6 rn rd",        |b, w| logic::shifted(b, w, BinOp::AndNot)),
    insn("orr",    "sf 01 01010 sh:2 0 rm imm6 rn rd",        |b, w| logic::shifted(b, w, BinOp::Or)),
    insn("orn",    "sf 01 01010 sh:2 1 rm imm6 rn rd",        |b, w| logic::shifted(b, w, BinOp::OrNot)),
    insn("eor",    "sf 10 01010 sh:2 0 rm imm6 rn rd",        |b, w| logic::shifted(b, w, BinOp::Xor)),
    insn("eon",    "sf 10 01010 sh:2 1 rm imm6 rn rd",        |b, w| logic::shifted(b, w, BinOp::XorNot)),
    insn("ands",   "sf 11 01010 sh:2 0 rm imm6 rn rd",        |b, w| logic::shifted(b, w, BinOp::And)),
    insn("bics",   "sf 11 01010 sh:2 1 rm imm6 rn rd",        |b, w| logic::shifted(b, w, BinOp::AndNot)),
    // Add and subtract, shifted and extended register
    insn("add",    "sf 0 0 01011 sh:2 0 rm imm6 rn rd",       arith::add_shifted),
    insn("adds",   "sf 0 1 01011 sh:2 0 rm imm6 rn rd",       arith::add_shifted),
    insn("sub",    "sf 1 0 01011 sh:2 0 rm imm6 rn rd",       arith::add_shifted),
    insn("subs",   "sf 1 1 01011 sh:2 0 rm imm6 rn rd",       arith::add_shifted),
    insn("add",    "sf 0 0 01011 00 1 rm option:3 imm3 rn rd", arith::add_extended),
    insn("adds",   "sf 0 1 01011 00 1 rm option:3 imm3 rn rd", arith::add_extended),
    insn("sub",    "sf 1 0 01011 00 1 rm option:3 imm3 rn rd", arith::add_extended),
    insn("subs",   "sf 1 1 01011 00 1 rm option:3 imm3 rn rd", arith::add_extended),
    // Add and subtract, with carry
    insn("adc",    "sf 0 0 11010000 rm 000000 rn rd",         arith::add_carry),
    insn("adcs",   "sf 0 1 11010000 rm 000000 rn rd",         arith::add_carry),
    insn("sbc",    "sf 1 0 11010000 rm 000000 rn rd",         arith::add_carry),
    insn("sbcs",   "sf 1 1 11010000 rm 000000 rn rd",         arith::add_carry),
    // Flags (FEAT_FlagM)
    insn("rmif",   "1 0 1 11010000 imm6 00001 rn 0 mask:4",   flags::rmif),
    insn("setf8",  "0 0 1 11010000 00000 0 0 0010 rn 0 1101", flags::setf),
    insn("setf16", "0 0 1 11010000 00000 0 1 0010 rn 0 1101", flags::setf),
    // Conditional compare and select
    insn("ccmn",   "sf 0 1 11010010 rm cond:4 0 0 rn 0 nzcv:4",   arith::cond_compare),
    insn("ccmp",   "sf 1 1 11010010 rm cond:4 0 0 rn 0 nzcv:4",   arith::cond_compare),
    insn("ccmn",   "sf 0 1 11010010 imm5 cond:4 1 0 rn 0 nzcv:4", arith::cond_compare),
    insn("ccmp",   "sf 1 1 11010010 imm5 cond:4 1 0 rn 0 nzcv:4", arith::cond_compare),
    insn("csel",   "sf 0 0 11010100 rm cond:4 0 0 rn rd",     arith::cond_select),
    insn("csinc",  "sf 0 0 11010100 rm cond:4 0 1 rn rd",     arith::cond_select),
    insn("csinv",  "sf 1 0 11010100 rm cond:4 0 0 rn rd",     arith::cond_select),
    insn("csneg",  "sf 1 0 11010100 rm cond:4 0 1 rn rd",     arith::cond_select),
    // Three sources
    insn("madd",   "sf 00 11011 000 rm 0 ra rn rd",           |b, w| arith::mul_add(b, w, BinOp::Add)),
    insn("msub",   "sf 00 11011 000 rm 1 ra rn rd",           |b, w| arith::mul_add(b, w, BinOp::Sub)),
    insn("smaddl", "1 00 11011 001 rm 0 ra rn rd",            |b, w| arith::mul_add_long(b, w, true, BinOp::Add)),
    insn("smsubl", "1 00 11011 001 rm 1 ra rn rd",            |b, w| arith::mul_add_long(b, w, true, BinOp::Sub)),
    insn("smulh",  "1 00 11011 010 rm 0 ra rn rd",            |b, w| arith::two_source(b, w, BinOp::MulHiS)),
    insn("umaddl", "1 00 11011 101 rm 0 ra rn rd",            |b, w| arith::mul_add_long(b, w, false, BinOp::Add)),
    insn("umsubl", "1 00 11011 101 rm 1 ra rn rd",            |b, w| arith::mul_add_long(b, w, false, BinOp::Sub)),
    insn("umulh",  "1 00 11011 110 rm 0 ra rn rd",            |b, w| arith::two_source(b, w, BinOp::MulHiU)),
];
