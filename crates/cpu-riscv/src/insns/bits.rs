//! The bit manipulation extensions Zba, Zbb and Zbs (chapter 28).
use crate::decode::{Insn, insn};
use crate::lift::{arith, bits};
use ir::{BinOp, Ty, UnOp};

#[rustfmt::skip]
pub(crate) const INSNS: &[Insn] = &[
    // Zba
    insn("add.uw",    "0000100 rs2 rs1 000 rd 0111011",        bits::add_uw),
    insn("sh1add",    "0010000 rs2 rs1 010 rd 0110011",        |b, a| bits::shift_add(b, a, 1)),
    insn("sh2add",    "0010000 rs2 rs1 100 rd 0110011",        |b, a| bits::shift_add(b, a, 2)),
    insn("sh3add",    "0010000 rs2 rs1 110 rd 0110011",        |b, a| bits::shift_add(b, a, 3)),
    insn("sh1add.uw", "0010000 rs2 rs1 010 rd 0111011",        |b, a| bits::shift_add_uw(b, a, 1)),
    insn("sh2add.uw", "0010000 rs2 rs1 100 rd 0111011",        |b, a| bits::shift_add_uw(b, a, 2)),
    insn("sh3add.uw", "0010000 rs2 rs1 110 rd 0111011",        |b, a| bits::shift_add_uw(b, a, 3)),
    insn("slli.uw",   "000010 shamt[5:0] rs1 001 rd 0011011",  bits::slli_uw),
    // Zbb
    insn("andn",      "0100000 rs2 rs1 111 rd 0110011",        |b, a| arith::reg(b, a, BinOp::AndNot)),
    insn("orn",       "0100000 rs2 rs1 110 rd 0110011",        |b, a| arith::reg(b, a, BinOp::OrNot)),
    insn("xnor",      "0100000 rs2 rs1 100 rd 0110011",        |b, a| arith::reg(b, a, BinOp::XorNot)),
    insn("clz",       "0110000 00000 rs1 001 rd 0010011",      |b, a| bits::unary(b, a, Ty::I64, UnOp::Clz)),
    insn("ctz",       "0110000 00001 rs1 001 rd 0010011",      |b, a| bits::unary(b, a, Ty::I64, UnOp::Ctz)),
    insn("cpop",      "0110000 00010 rs1 001 rd 0010011",      |b, a| bits::unary(b, a, Ty::I64, UnOp::Popcnt)),
    insn("clzw",      "0110000 00000 rs1 001 rd 0011011",      |b, a| bits::unary(b, a, Ty::I32, UnOp::Clz)),
    insn("ctzw",      "0110000 00001 rs1 001 rd 0011011",      |b, a| bits::unary(b, a, Ty::I32, UnOp::Ctz)),
    insn("cpopw",     "0110000 00010 rs1 001 rd 0011011",      |b, a| bits::unary(b, a, Ty::I32, UnOp::Popcnt)),
    insn("max",       "0000101 rs2 rs1 110 rd 0110011",        |b, a| arith::reg(b, a, BinOp::MaxS)),
    insn("maxu",      "0000101 rs2 rs1 111 rd 0110011",        |b, a| arith::reg(b, a, BinOp::MaxU)),
    insn("min",       "0000101 rs2 rs1 100 rd 0110011",        |b, a| arith::reg(b, a, BinOp::MinS)),
    insn("minu",      "0000101 rs2 rs1 101 rd 0110011",        |b, a| arith::reg(b, a, BinOp::MinU)),
    insn("sext.b",    "0110000 00100 rs1 001 rd 0010011",      |b, a| bits::extend(b, a, true, Ty::I8)),
    insn("sext.h",    "0110000 00101 rs1 001 rd 0010011",      |b, a| bits::extend(b, a, true, Ty::I16)),
    insn("zext.h",    "0000100 00000 rs1 100 rd 0111011",      |b, a| bits::extend(b, a, false, Ty::I16)),
    insn("rol",       "0110000 rs2 rs1 001 rd 0110011",        |b, a| arith::reg(b, a, BinOp::Rotl)),
    insn("rolw",      "0110000 rs2 rs1 001 rd 0111011",        |b, a| arith::reg_w(b, a, BinOp::Rotl)),
    insn("ror",       "0110000 rs2 rs1 101 rd 0110011",        |b, a| arith::reg(b, a, BinOp::Rotr)),
    insn("rori",      "011000 shamt[5:0] rs1 101 rd 0010011",  |b, a| arith::imm(b, a, BinOp::Rotr)),
    insn("roriw",     "0110000 shamt[4:0] rs1 101 rd 0011011", |b, a| arith::imm_w(b, a, BinOp::Rotr)),
    insn("rorw",      "0110000 rs2 rs1 101 rd 0111011",        |b, a| arith::reg_w(b, a, BinOp::Rotr)),
    insn("orc.b",     "001010000111 rs1 101 rd 0010011",       bits::orc_b),
    insn("rev8",      "011010111000 rs1 101 rd 0010011",       |b, a| bits::unary(b, a, Ty::I64, UnOp::Bswap)),
    // Zbs
    insn("bclr",      "0100100 rs2 rs1 001 rd 0110011",        |b, a| bits::change(b, a, BinOp::AndNot)),
    insn("bclri",     "010010 shamt[5:0] rs1 001 rd 0010011",  |b, a| bits::change_imm(b, a, BinOp::AndNot)),
    insn("bext",      "0100100 rs2 rs1 101 rd 0110011",        bits::bext),
    insn("bexti",     "010010 shamt[5:0] rs1 101 rd 0010011",  bits::bexti),
    insn("binv",      "0110100 rs2 rs1 001 rd 0110011",        |b, a| bits::change(b, a, BinOp::Xor)),
    insn("binvi",     "011010 shamt[5:0] rs1 001 rd 0010011",  |b, a| bits::change_imm(b, a, BinOp::Xor)),
    insn("bset",      "0010100 rs2 rs1 001 rd 0110011",        |b, a| bits::change(b, a, BinOp::Or)),
    insn("bseti",     "001010 shamt[5:0] rs1 001 rd 0010011",  |b, a| bits::change_imm(b, a, BinOp::Or)),
];
