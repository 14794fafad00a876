//! C4.1.97: scalar floating point, single and double.
use crate::decode::{Insn, insn};
use crate::lift::fp;
use ir::{FpOp, Round};

#[rustfmt::skip]
pub(crate) const INSNS: &[Insn] = &[
    // One source
    insn("fmov",   "00011110 type:2 1 000000 10000 rn rd",    fp::mov),
    insn("fabs",   "00011110 type:2 1 000001 10000 rn rd",    |b, w| fp::one_source(b, w, FpOp::Abs)),
    insn("fneg",   "00011110 type:2 1 000010 10000 rn rd",    |b, w| fp::one_source(b, w, FpOp::Neg)),
    insn("fsqrt",  "00011110 type:2 1 000011 10000 rn rd",    |b, w| fp::one_source(b, w, FpOp::Sqrt)),
    insn("fcvt",   "00011110 type:2 1 0001 opc:2 10000 rn rd", fp::convert),
    insn("frintn", "00011110 type:2 1 001000 10000 rn rd",    |b, w| fp::round(b, w, Round::NearestEven, false)),
    insn("frintp", "00011110 type:2 1 001001 10000 rn rd",    |b, w| fp::round(b, w, Round::Up, false)),
    insn("frintm", "00011110 type:2 1 001010 10000 rn rd",    |b, w| fp::round(b, w, Round::Down, false)),
    insn("frintz", "00011110 type:2 1 001011 10000 rn rd",    |b, w| fp::round(b, w, Round::TowardZero, false)),
    insn("frinta", "00011110 type:2 1 001100 10000 rn rd",    |b, w| fp::round(b, w, Round::NearestAway, false)),
    insn("frintx", "00011110 type:2 1 001110 10000 rn rd",    |b, w| fp::round(b, w, Round::Env, true)),
    insn("frinti", "00011110 type:2 1 001111 10000 rn rd",    |b, w| fp::round(b, w, Round::Env, false)),
    // Compare
    insn("fcmp",   "00011110 type:2 1 rm 00 1000 rn 0 0000",  |b, w| fp::compare(b, w, false)),
    insn("fcmp",   "00011110 type:2 1 rm 00 1000 rn 0 1000",  |b, w| fp::compare(b, w, false)),
    insn("fcmpe",  "00011110 type:2 1 rm 00 1000 rn 1 0000",  |b, w| fp::compare(b, w, true)),
    insn("fcmpe",  "00011110 type:2 1 rm 00 1000 rn 1 1000",  |b, w| fp::compare(b, w, true)),
    insn("fmov",   "00011110 type:2 1 imm8 100 00000 rd",     fp::immediate),
    insn("fccmp",  "00011110 type:2 1 rm cond:4 01 rn 0 nzcv:4", fp::cond_compare),
    insn("fccmpe", "00011110 type:2 1 rm cond:4 01 rn 1 nzcv:4", fp::cond_compare),
    // Two sources
    insn("fmul",   "00011110 type:2 1 rm 0000 10 rn rd",      |b, w| fp::two_source(b, w, FpOp::Mul)),
    insn("fdiv",   "00011110 type:2 1 rm 0001 10 rn rd",      |b, w| fp::two_source(b, w, FpOp::Div)),
    insn("fadd",   "00011110 type:2 1 rm 0010 10 rn rd",      |b, w| fp::two_source(b, w, FpOp::Add)),
    insn("fsub",   "00011110 type:2 1 rm 0011 10 rn rd",      |b, w| fp::two_source(b, w, FpOp::Sub)),
    insn("fmax",   "00011110 type:2 1 rm 0100 10 rn rd",      |b, w| fp::two_source(b, w, FpOp::MaxArm)),
    insn("fmin",   "00011110 type:2 1 rm 0101 10 rn rd",      |b, w| fp::two_source(b, w, FpOp::MinArm)),
    insn("fmaxnm", "00011110 type:2 1 rm 0110 10 rn rd",      |b, w| fp::two_source(b, w, FpOp::MaxNum)),
    insn("fminnm", "00011110 type:2 1 rm 0111 10 rn rd",      |b, w| fp::two_source(b, w, FpOp::MinNum)),
    insn("fnmul",  "00011110 type:2 1 rm 1000 10 rn rd",      fp::negated_mul),
    insn("fcsel",  "00011110 type:2 1 rm cond:4 11 rn rd",    fp::cond_select),
    // Three sources
    insn("fmadd",  "00011111 type:2 0 rm 0 ra rn rd",         |b, w| fp::mul_add(b, w, false, false)),
    insn("fmsub",  "00011111 type:2 0 rm 1 ra rn rd",         |b, w| fp::mul_add(b, w, true, false)),
    insn("fnmadd", "00011111 type:2 1 rm 0 ra rn rd",         |b, w| fp::mul_add(b, w, true, true)),
    insn("fnmsub", "00011111 type:2 1 rm 1 ra rn rd",         |b, w| fp::mul_add(b, w, false, true)),
    // Conversions with general registers
    insn("fcvtns", "sf 0011110 type:2 1 00 000 000000 rn rd", |b, w| fp::to_int(b, w, true, Round::NearestEven)),
    insn("fcvtnu", "sf 0011110 type:2 1 00 001 000000 rn rd", |b, w| fp::to_int(b, w, false, Round::NearestEven)),
    insn("scvtf",  "sf 0011110 type:2 1 00 010 000000 rn rd", |b, w| fp::from_int(b, w, true)),
    insn("ucvtf",  "sf 0011110 type:2 1 00 011 000000 rn rd", |b, w| fp::from_int(b, w, false)),
    insn("fcvtas", "sf 0011110 type:2 1 00 100 000000 rn rd", |b, w| fp::to_int(b, w, true, Round::NearestAway)),
    insn("fcvtau", "sf 0011110 type:2 1 00 101 000000 rn rd", |b, w| fp::to_int(b, w, false, Round::NearestAway)),
    insn("fcvtps", "sf 0011110 type:2 1 01 000 000000 rn rd", |b, w| fp::to_int(b, w, true, Round::Up)),
    insn("fcvtpu", "sf 0011110 type:2 1 01 001 000000 rn rd", |b, w| fp::to_int(b, w, false, Round::Up)),
    insn("fcvtms", "sf 0011110 type:2 1 10 000 000000 rn rd", |b, w| fp::to_int(b, w, true, Round::Down)),
    insn("fcvtmu", "sf 0011110 type:2 1 10 001 000000 rn rd", |b, w| fp::to_int(b, w, false, Round::Down)),
    insn("fcvtzs", "sf 0011110 type:2 1 11 000 000000 rn rd", |b, w| fp::to_int(b, w, true, Round::TowardZero)),
    insn("fcvtzu", "sf 0011110 type:2 1 11 001 000000 rn rd", |b, w| fp::to_int(b, w, false, Round::TowardZero)),
    insn("fmov",   "0 0011110 00 1 00 110 000000 rn rd",      fp::to_general),
    insn("fmov",   "0 0011110 00 1 00 111 000000 rn rd",      fp::from_general),
    insn("fmov",   "1 0011110 01 1 00 110 000000 rn rd",      fp::to_general),
    insn("fmov",   "1 0011110 01 1 00 111 000000 rn rd",      fp::from_general),
    insn("fmov",   "1 0011110 10 1 01 110 000000 rn rd",      fp::upper_to_general),
    insn("fmov",   "1 0011110 10 1 01 111 000000 rn rd",      fp::upper_from_general),
    insn("scvtf",  "sf 0011110 type:2 0 00 010 scale:6 rn rd", |b, w| fp::from_fixed(b, w, true)),
    insn("ucvtf",  "sf 0011110 type:2 0 00 011 scale:6 rn rd", |b, w| fp::from_fixed(b, w, false)),
    insn("fcvtzs", "sf 0011110 type:2 0 11 000 scale:6 rn rd", |b, w| fp::to_fixed(b, w, true)),
    insn("fcvtzu", "sf 0011110 type:2 0 11 001 scale:6 rn rd", |b, w| fp::to_fixed(b, w, false)),
];
