//! A (chapter 13). Tasks run one at a time, so `aq` and `rl` need no more than being there.
use crate::decode::{Insn, insn};
use crate::lift::atomic::{amo, lr, sc};
use ir::{RmwOp, Ty};

#[rustfmt::skip]
pub(crate) const INSNS: &[Insn] = &[
    insn("lr.w",      "00010 aq rl 00000 rs1 010 rd 0101111", |b, a| lr(b, a, Ty::I32)),
    insn("sc.w",      "00011 aq rl rs2 rs1 010 rd 0101111",   |b, a| sc(b, a, Ty::I32)),
    insn("amoswap.w", "00001 aq rl rs2 rs1 010 rd 0101111",   |b, a| amo(b, a, Ty::I32, RmwOp::Swap)),
    insn("amoadd.w",  "00000 aq rl rs2 rs1 010 rd 0101111",   |b, a| amo(b, a, Ty::I32, RmwOp::Add)),
    insn("amoxor.w",  "00100 aq rl rs2 rs1 010 rd 0101111",   |b, a| amo(b, a, Ty::I32, RmwOp::Xor)),
    insn("amoand.w",  "01100 aq rl rs2 rs1 010 rd 0101111",   |b, a| amo(b, a, Ty::I32, RmwOp::And)),
    insn("amoor.w",   "01000 aq rl rs2 rs1 010 rd 0101111",   |b, a| amo(b, a, Ty::I32, RmwOp::Or)),
    insn("amomin.w",  "10000 aq rl rs2 rs1 010 rd 0101111",   |b, a| amo(b, a, Ty::I32, RmwOp::MinS)),
    insn("amomax.w",  "10100 aq rl rs2 rs1 010 rd 0101111",   |b, a| amo(b, a, Ty::I32, RmwOp::MaxS)),
    insn("amominu.w", "11000 aq rl rs2 rs1 010 rd 0101111",   |b, a| amo(b, a, Ty::I32, RmwOp::MinU)),
    insn("amomaxu.w", "11100 aq rl rs2 rs1 010 rd 0101111",   |b, a| amo(b, a, Ty::I32, RmwOp::MaxU)),
    insn("lr.d",      "00010 aq rl 00000 rs1 011 rd 0101111", |b, a| lr(b, a, Ty::I64)),
    insn("sc.d",      "00011 aq rl rs2 rs1 011 rd 0101111",   |b, a| sc(b, a, Ty::I64)),
    insn("amoswap.d", "00001 aq rl rs2 rs1 011 rd 0101111",   |b, a| amo(b, a, Ty::I64, RmwOp::Swap)),
    insn("amoadd.d",  "00000 aq rl rs2 rs1 011 rd 0101111",   |b, a| amo(b, a, Ty::I64, RmwOp::Add)),
    insn("amoxor.d",  "00100 aq rl rs2 rs1 011 rd 0101111",   |b, a| amo(b, a, Ty::I64, RmwOp::Xor)),
    insn("amoand.d",  "01100 aq rl rs2 rs1 011 rd 0101111",   |b, a| amo(b, a, Ty::I64, RmwOp::And)),
    insn("amoor.d",   "01000 aq rl rs2 rs1 011 rd 0101111",   |b, a| amo(b, a, Ty::I64, RmwOp::Or)),
    insn("amomin.d",  "10000 aq rl rs2 rs1 011 rd 0101111",   |b, a| amo(b, a, Ty::I64, RmwOp::MinS)),
    insn("amomax.d",  "10100 aq rl rs2 rs1 011 rd 0101111",   |b, a| amo(b, a, Ty::I64, RmwOp::MaxS)),
    insn("amominu.d", "11000 aq rl rs2 rs1 011 rd 0101111",   |b, a| amo(b, a, Ty::I64, RmwOp::MinU)),
    insn("amomaxu.d", "11100 aq rl rs2 rs1 011 rd 0101111",   |b, a| amo(b, a, Ty::I64, RmwOp::MaxU)),
];
