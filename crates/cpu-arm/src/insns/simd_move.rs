//! C4.1.97: Advanced SIMD, copies, permutations and immediates.
use crate::decode::{Insn, insn};
use crate::lift::simd_move as mv;
use ir::{BinOp, VecOp};

#[rustfmt::skip]
pub(crate) const INSNS: &[Insn] = &[
    // Copy
    insn("dup",       "0 q 0 01110000 imm5 0 0000 1 rn rd",                mv::dup_element),
    insn("mov",       "01 0 11110000 imm5 0 0000 1 rn rd",                 mv::dup_element),
    insn("dup",       "0 q 0 01110000 imm5 0 0001 1 rn rd",                mv::dup_general),
    insn("smov",      "0 q 0 01110000 imm5 0 0101 1 rn rd",                mv::smov),
    insn("umov",      "0 q 0 01110000 imm5 0 0111 1 rn rd",                mv::umov),
    insn("ins",       "0 1 0 01110000 imm5 0 0011 1 rn rd",                mv::ins_general),
    insn("ins",       "0 1 1 01110000 imm5 0 imm4 1 rn rd",                mv::ins_element),
    // Permute, extract, tables
    insn("uzp1",      "0 q 001110 size:2 0 rm 0 001 10 rn rd",             |b, w| mv::permute(b, w, VecOp::UnzipEven)),
    insn("uzp2",      "0 q 001110 size:2 0 rm 0 101 10 rn rd",             |b, w| mv::permute(b, w, VecOp::UnzipOdd)),
    insn("zip1",      "0 q 001110 size:2 0 rm 0 011 10 rn rd",             |b, w| mv::permute(b, w, VecOp::ZipLo)),
    insn("zip2",      "0 q 001110 size:2 0 rm 0 111 10 rn rd",             |b, w| mv::permute(b, w, VecOp::ZipHi)),
    insn("trn1",      "0 q 001110 size:2 0 rm 0 010 10 rn rd",             |b, w| mv::trn(b, w, 0)),
    insn("trn2",      "0 q 001110 size:2 0 rm 0 110 10 rn rd",             |b, w| mv::trn(b, w, 1)),
    insn("ext",       "0 q 101110 00 0 rm 0 imm4 0 rn rd",                 mv::ext),
    insn("tbl",       "0 q 001110 00 0 rm 0 len:2 0 00 rn rd",             mv::table),
    insn("tbx",       "0 q 001110 00 0 rm 0 len:2 1 00 rn rd",             mv::table),
    // Modified immediate
    insn("movi",      "0 q 0 0111100000 abc:3 0 c:2 0 0 1 defgh:5 rd",     |b, w| mv::immediate(b, w, false)),
    insn("mvni",      "0 q 1 0111100000 abc:3 0 c:2 0 0 1 defgh:5 rd",     |b, w| mv::immediate(b, w, true)),
    insn("movi",      "0 q 0 0111100000 abc:3 10 c 0 0 1 defgh:5 rd",      |b, w| mv::immediate(b, w, false)),
    insn("mvni",      "0 q 1 0111100000 abc:3 10 c 0 0 1 defgh:5 rd",      |b, w| mv::immediate(b, w, true)),
    insn("movi",      "0 q 0 0111100000 abc:3 110 c 0 1 defgh:5 rd",       |b, w| mv::immediate(b, w, false)),
    insn("mvni",      "0 q 1 0111100000 abc:3 110 c 0 1 defgh:5 rd",       |b, w| mv::immediate(b, w, true)),
    insn("orr",       "0 q 0 0111100000 abc:3 0 c:2 1 0 1 defgh:5 rd",     |b, w| mv::logical_immediate(b, w, BinOp::Or)),
    insn("bic",       "0 q 1 0111100000 abc:3 0 c:2 1 0 1 defgh:5 rd",     |b, w| mv::logical_immediate(b, w, BinOp::AndNot)),
    insn("orr",       "0 q 0 0111100000 abc:3 10 c 1 0 1 defgh:5 rd",      |b, w| mv::logical_immediate(b, w, BinOp::Or)),
    insn("bic",       "0 q 1 0111100000 abc:3 10 c 1 0 1 defgh:5 rd",      |b, w| mv::logical_immediate(b, w, BinOp::AndNot)),
    insn("movi",      "0 q op 0111100000 abc:3 1110 0 1 defgh:5 rd",       |b, w| mv::immediate(b, w, false)),
    insn("fmov",      "0 q op 0111100000 abc:3 1111 0 1 defgh:5 rd",       |b, w| mv::immediate(b, w, false)),
    insn("fmov",      "0 q 0 0111100000 abc:3 1111 1 1 defgh:5 rd",        |b, w| mv::immediate(b, w, false)),
];
