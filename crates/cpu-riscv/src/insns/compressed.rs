//! C (chapter 26): sixteen bits that say what a row of thirty-two could, so the functions are theirs. HINTs do what the row
//! says, which is nothing, as their rd is x0 or their operand 0.
use crate::decode::{Insn, insn};
use crate::lift::{arith, control, fp, mem};
use ir::{BinOp, Cond, FTy, MemTy};

#[rustfmt::skip]
pub(crate) const INSNS: &[Insn] = &[
    // Quadrant 0
    insn("c.addi4spn", "000 nzuimm[5:4|9:6|2|3] rd' 00 rs1=2",              |b, a| arith::imm(b, a, BinOp::Add)),
    insn("c.fld",      "001 uimm[5:3] rs1' uimm[7:6] rd' 00",               |b, a| fp::load(b, a, FTy::F64)),
    insn("c.lw",       "010 uimm[5:3] rs1' uimm[2|6] rd' 00",               |b, a| mem::load(b, a, MemTy::S32)),
    insn("c.ld",       "011 uimm[5:3] rs1' uimm[7:6] rd' 00",               |b, a| mem::load(b, a, MemTy::U64)),
    insn("c.fsd",      "101 uimm[5:3] rs1' uimm[7:6] rs2' 00",              |b, a| fp::store(b, a, FTy::F64)),
    insn("c.sw",       "110 uimm[5:3] rs1' uimm[2|6] rs2' 00",              |b, a| mem::store(b, a, MemTy::U32)),
    insn("c.sd",       "111 uimm[5:3] rs1' uimm[7:6] rs2' 00",              |b, a| mem::store(b, a, MemTy::U64)),
    // Quadrant 1
    insn("c.addi",     "000 imm[5] rs1/rd imm[4:0] 01",                     |b, a| arith::imm(b, a, BinOp::Add)),
    insn("c.addiw",    "001 imm[5] rs1/rd≠0 imm[4:0] 01",                   |b, a| arith::imm_w(b, a, BinOp::Add)),
    insn("c.li",       "010 imm[5] rd imm[4:0] 01",                         |b, a| arith::imm(b, a, BinOp::Add)),
    insn("c.addi16sp", "011 nzimm[9] 00010 nzimm[4|6|8:7|5] 01 rs1=2 rd=2", |b, a| arith::imm(b, a, BinOp::Add)),
    insn("c.lui",      "011 nzimm[17] rd nzimm[16:12] 01",                  arith::lui),
    insn("c.srli",     "100 shamt[5] 00 rs1'/rd' shamt[4:0] 01",            |b, a| arith::imm(b, a, BinOp::Shr)),
    insn("c.srai",     "100 shamt[5] 01 rs1'/rd' shamt[4:0] 01",            |b, a| arith::imm(b, a, BinOp::Sar)),
    insn("c.andi",     "100 imm[5] 10 rs1'/rd' imm[4:0] 01",                |b, a| arith::imm(b, a, BinOp::And)),
    insn("c.sub",      "100 0 11 rs1'/rd' 00 rs2' 01",                      |b, a| arith::reg(b, a, BinOp::Sub)),
    insn("c.xor",      "100 0 11 rs1'/rd' 01 rs2' 01",                      |b, a| arith::reg(b, a, BinOp::Xor)),
    insn("c.or",       "100 0 11 rs1'/rd' 10 rs2' 01",                      |b, a| arith::reg(b, a, BinOp::Or)),
    insn("c.and",      "100 0 11 rs1'/rd' 11 rs2' 01",                      |b, a| arith::reg(b, a, BinOp::And)),
    insn("c.subw",     "100 1 11 rs1'/rd' 00 rs2' 01",                      |b, a| arith::reg_w(b, a, BinOp::Sub)),
    insn("c.addw",     "100 1 11 rs1'/rd' 01 rs2' 01",                      |b, a| arith::reg_w(b, a, BinOp::Add)),
    insn("c.j",        "101 imm[11|4|9:8|10|6|7|3:1|5] 01",                 control::jal),
    insn("c.beqz",     "110 imm[8|4:3] rs1' imm[7:6|2:1|5] 01",             |b, a| control::branch(b, a, Cond::Eq)),
    insn("c.bnez",     "111 imm[8|4:3] rs1' imm[7:6|2:1|5] 01",             |b, a| control::branch(b, a, Cond::Ne)),
    // Quadrant 2
    insn("c.slli",     "000 shamt[5] rs1/rd shamt[4:0] 10",                 |b, a| arith::imm(b, a, BinOp::Shl)),
    insn("c.fldsp",    "001 uimm[5] rd uimm[4:3|8:6] 10 rs1=2",             |b, a| fp::load(b, a, FTy::F64)),
    insn("c.lwsp",     "010 uimm[5] rd≠0 uimm[4:2|7:6] 10 rs1=2",           |b, a| mem::load(b, a, MemTy::S32)),
    insn("c.ldsp",     "011 uimm[5] rd≠0 uimm[4:3|8:6] 10 rs1=2",           |b, a| mem::load(b, a, MemTy::U64)),
    insn("c.jr",       "100 0 rs1≠0 00000 10",                              control::jalr),
    insn("c.mv",       "100 0 rd rs2≠0 10",                                 arith::add),
    insn("c.ebreak",   "100 1 00000 00000 10",                              control::ebreak),
    insn("c.jalr",     "100 1 rs1≠0 00000 10 rd=1",                         control::jalr),
    insn("c.add",      "100 1 rs1/rd rs2≠0 10",                             arith::add),
    insn("c.fsdsp",    "101 uimm[5:3|8:6] rs2 10 rs1=2",                    |b, a| fp::store(b, a, FTy::F64)),
    insn("c.swsp",     "110 uimm[5:2|7:6] rs2 10 rs1=2",                    |b, a| mem::store(b, a, MemTy::U32)),
    insn("c.sdsp",     "111 uimm[5:3|8:6] rs2 10 rs1=2",                    |b, a| mem::store(b, a, MemTy::U64)),
];
