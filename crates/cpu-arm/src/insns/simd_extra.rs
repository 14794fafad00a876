//! C4.1.97: Advanced SIMD of Armv8.1 and later: three registers, extra (FEAT_RDM, FEAT_DotProd, FEAT_FCMA, FEAT_FHM), and
//! the cryptographic instructions.
use crate::decode::{Insn, insn};
use crate::helpers::{aes, convert, float, integer as int, saturate as sat, sha};
use crate::lift::simd_lanes::{self as l, Call, HS};
use ir::VecOp;

#[rustfmt::skip]
pub(crate) const INSNS: &[Insn] = &[
    // FEAT_RDM
    insn("sqrdmlah", "0 q 1 01110 size:2 0 rm 1 0000 1 rn rd",           |b, w| l::three_same(b, w, HS, Call(&sat::SQRDMLAH))),
    insn("sqrdmlah", "01 1 11110 size:2 0 rm 1 0000 1 rn rd",            |b, w| l::three_same(b, w, HS, Call(&sat::SQRDMLAH))),
    insn("sqrdmlah", "0 q 1 01111 size:2 l m rm:4 1101 h 0 rn rd",       |b, w| l::by_element(b, w, Call(&sat::SQRDMLAH))),
    insn("sqrdmlah", "01 1 11111 size:2 l m rm:4 1101 h 0 rn rd",        |b, w| l::by_element(b, w, Call(&sat::SQRDMLAH))),
    insn("sqrdmlsh", "0 q 1 01110 size:2 0 rm 1 0001 1 rn rd",           |b, w| l::three_same(b, w, HS, Call(&sat::SQRDMLSH))),
    insn("sqrdmlsh", "01 1 11110 size:2 0 rm 1 0001 1 rn rd",            |b, w| l::three_same(b, w, HS, Call(&sat::SQRDMLSH))),
    insn("sqrdmlsh", "0 q 1 01111 size:2 l m rm:4 1111 h 0 rn rd",       |b, w| l::by_element(b, w, Call(&sat::SQRDMLSH))),
    insn("sqrdmlsh", "01 1 11111 size:2 l m rm:4 1111 h 0 rn rd",        |b, w| l::by_element(b, w, Call(&sat::SQRDMLSH))),
    // FEAT_DotProd
    insn("sdot",     "0 q 0 01110 10 0 rm 1 0010 1 rn rd",               |b, w| l::dot(b, w, &int::SDOT)),
    insn("sdot",     "0 q 0 01111 10 l m rm:4 1110 h 0 rn rd",           |b, w| l::dot_element(b, w, &int::SDOT)),
    insn("udot",     "0 q 1 01110 10 0 rm 1 0010 1 rn rd",               |b, w| l::dot(b, w, &int::UDOT)),
    insn("udot",     "0 q 1 01111 10 l m rm:4 1110 h 0 rn rd",           |b, w| l::dot_element(b, w, &int::UDOT)),
    // FEAT_FCMA
    insn("fcmla",    "0 q 1 01110 size:2 0 rm 1 10 rot:2 1 rn rd",       |b, w| l::complex(b, w, &float::FCMLA, w.at(11, 2))),
    insn("fcadd",    "0 q 1 01110 size:2 0 rm 1 11 rot 0 1 rn rd",       |b, w| l::complex(b, w, &float::FCADD, w.at(12, 1))),
    insn("fcmla",    "0 q 1 01111 size:2 l m rm:4 0 rot:2 1 h 0 rn rd",  l::complex_element),
    // FEAT_FHM
    insn("fmlal",    "0 q 0 01110 00 1 rm 11101 1 rn rd",                |b, w| l::multiply_long(b, w, false, false)),
    insn("fmlsl",    "0 q 0 01110 10 1 rm 11101 1 rn rd",                |b, w| l::multiply_long(b, w, true, false)),
    insn("fmlal2",   "0 q 1 01110 00 1 rm 11001 1 rn rd",                |b, w| l::multiply_long(b, w, false, true)),
    insn("fmlsl2",   "0 q 1 01110 10 1 rm 11001 1 rn rd",                |b, w| l::multiply_long(b, w, true, true)),
    insn("fmlal",    "0 q 0 01111 10 l m rm:4 0000 h 0 rn rd",           |b, w| l::multiply_long_element(b, w, false, false)),
    insn("fmlsl",    "0 q 0 01111 10 l m rm:4 0100 h 0 rn rd",           |b, w| l::multiply_long_element(b, w, true, false)),
    insn("fmlal2",   "0 q 1 01111 10 l m rm:4 1000 h 0 rn rd",           |b, w| l::multiply_long_element(b, w, false, true)),
    insn("fmlsl2",   "0 q 1 01111 10 l m rm:4 1100 h 0 rn rd",           |b, w| l::multiply_long_element(b, w, true, true)),
    // FEAT_FRINTTS
    insn("frint32z", "0 q 0 01110 0 sz 10000 11110 10 rn rd",            |b, w| l::float_variant(b, w, &convert::FRINT_SIZED, 3)),
    insn("frint32x", "0 q 1 01110 0 sz 10000 11110 10 rn rd",            |b, w| l::float_variant(b, w, &convert::FRINT_SIZED, 5)),
    insn("frint64z", "0 q 0 01110 0 sz 10000 11111 10 rn rd",            |b, w| l::float_variant(b, w, &convert::FRINT_SIZED, 11)),
    insn("frint64x", "0 q 1 01110 0 sz 10000 11111 10 rn rd",            |b, w| l::float_variant(b, w, &convert::FRINT_SIZED, 13)),
    // FEAT_PMULL, FEAT_AES
    insn("pmull",    "0 q 0 01110 11 1 rm 1110 00 rn rd",                l::pmull_double),
    insn("aese",     "01001110 00 10100 00100 10 rn rd",                 |b, w| l::whole(b, w, &aes::AESE, 0)),
    insn("aesd",     "01001110 00 10100 00101 10 rn rd",                 |b, w| l::whole(b, w, &aes::AESD, 0)),
    insn("aesmc",    "01001110 00 10100 00110 10 rn rd",                 |b, w| l::whole(b, w, &aes::AESMC, 0)),
    insn("aesimc",   "01001110 00 10100 00111 10 rn rd",                 |b, w| l::whole(b, w, &aes::AESIMC, 0)),
    // FEAT_SHA1, FEAT_SHA256
    insn("sha1c",    "01011110 00 0 rm 0 000 00 rn rd",                  |b, w| l::whole(b, w, &sha::SHA1C, 0)),
    insn("sha1p",    "01011110 00 0 rm 0 001 00 rn rd",                  |b, w| l::whole(b, w, &sha::SHA1P, 0)),
    insn("sha1m",    "01011110 00 0 rm 0 010 00 rn rd",                  |b, w| l::whole(b, w, &sha::SHA1M, 0)),
    insn("sha1su0",  "01011110 00 0 rm 0 011 00 rn rd",                  |b, w| l::whole(b, w, &sha::SHA1SU0, 0)),
    insn("sha256h",  "01011110 00 0 rm 0 100 00 rn rd",                  |b, w| l::whole(b, w, &sha::SHA256H, 0)),
    insn("sha256h2", "01011110 00 0 rm 0 101 00 rn rd",                  |b, w| l::whole(b, w, &sha::SHA256H2, 0)),
    insn("sha256su1","01011110 00 0 rm 0 110 00 rn rd",                  |b, w| l::whole(b, w, &sha::SHA256SU1, 0)),
    insn("sha1h",    "01011110 00 10100 00000 10 rn rd",                 |b, w| l::whole(b, w, &sha::SHA1H, 0)),
    insn("sha1su1",  "01011110 00 10100 00001 10 rn rd",                 |b, w| l::whole(b, w, &sha::SHA1SU1, 0)),
    insn("sha256su0","01011110 00 10100 00010 10 rn rd",                 |b, w| l::whole(b, w, &sha::SHA256SU0, 0)),
    // FEAT_SHA512
    insn("sha512h",  "11001110 011 rm 1 0 00 00 rn rd",                  |b, w| l::whole(b, w, &sha::SHA512H, 0)),
    insn("sha512h2", "11001110 011 rm 1 0 00 01 rn rd",                  |b, w| l::whole(b, w, &sha::SHA512H2, 0)),
    insn("sha512su1","11001110 011 rm 1 0 00 10 rn rd",                  |b, w| l::whole(b, w, &sha::SHA512SU1, 0)),
    insn("sha512su0","11001110 110 00000 1000 00 rn rd",                 |b, w| l::whole(b, w, &sha::SHA512SU0, 0)),
    // FEAT_SHA3
    insn("rax1",     "11001110 011 rm 1 0 00 11 rn rd",                  |b, w| l::whole(b, w, &sha::RAX1, 0)),
    insn("xar",      "11001110 100 rm imm6 rn rd",                       |b, w| l::whole(b, w, &sha::XAR, w.at(10, 6))),
    insn("eor3",     "11001110 000 rm 0 ra rn rd",                       |b, w| l::three_xor(b, w, VecOp::Xor)),
    insn("bcax",     "11001110 001 rm 0 ra rn rd",                       |b, w| l::three_xor(b, w, VecOp::AndNot)),
];
