//! C4.1.94: branches, exceptions and system instructions.
use crate::decode::{Insn, insn};
use crate::lift::{control, flags, system};
use ir::{Cond, JumpHint};

#[rustfmt::skip]
pub(crate) const INSNS: &[Insn] = &[
    insn("udf",    "0000000000000000 imm16",                  |_, _| None),
    insn("b",      "0 00101 imm26",                           control::b),
    insn("bl",     "1 00101 imm26",                           control::bl),
    insn("b.",     "0101010 0 imm19 0 cond:4",                control::b_cond),
    insn("cbz",    "sf 011010 0 imm19 rt",                    |b, w| control::compare_branch(b, w, Cond::Eq)),
    insn("cbnz",   "sf 011010 1 imm19 rt",                    |b, w| control::compare_branch(b, w, Cond::Ne)),
    insn("tbz",    "b5 011011 0 b40:5 imm14 rt",              |b, w| control::test_branch(b, w, Cond::TestZ)),
    insn("tbnz",   "b5 011011 1 b40:5 imm14 rt",              |b, w| control::test_branch(b, w, Cond::TestNz)),
    insn("br",     "1101011 0000 11111 000000 rn 00000",      |b, w| control::indirect(b, w, JumpHint::None)),
    insn("blr",    "1101011 0001 11111 000000 rn 00000",      |b, w| control::indirect(b, w, JumpHint::Call)),
    insn("ret",    "1101011 0010 11111 000000 rn 00000",      |b, w| control::indirect(b, w, JumpHint::Return)),
    insn("svc",    "11010100 000 imm16 000 01",               system::svc),
    insn("brk",    "11010100 001 imm16 000 00",               system::brk),
    // Undefined at EL0: no debugger halts, no hypervisor and no monitor answers
    insn("hvc",    "11010100 000 imm16 000 10",               |_, _| None),
    insn("smc",    "11010100 000 imm16 000 11",               |_, _| None),
    insn("hlt",    "11010100 010 imm16 000 00",               |_, _| None),
    insn("dcps1",  "11010100 101 imm16 000 01",               |_, _| None),
    insn("dcps2",  "11010100 101 imm16 000 10",               |_, _| None),
    insn("dcps3",  "11010100 101 imm16 000 11",               |_, _| None),
    insn("eret",   "1101011 0100 11111 000000 11111 00000",   |_, _| None),
    insn("drps",   "1101011 0101 11111 000000 11111 00000",   |_, _| None),
    insn("hint",   "1101010100 0 00 011 0010 crm:4 op:3 11111",   system::nop),
    insn("clrex",  "1101010100 0 00 011 0011 crm:4 010 11111",    system::clrex),
    insn("dsb",    "1101010100 0 00 011 0011 crm:4 100 11111",    system::fence),
    insn("dmb",    "1101010100 0 00 011 0011 crm:4 101 11111",    system::fence),
    insn("isb",    "1101010100 0 00 011 0011 crm:4 110 11111",    system::isb),
    insn("sb",     "1101010100 0 00 011 0011 0000 111 11111",     system::fence),
    insn("cfinv",  "1101010100 0 00 000 0100 0000 000 11111",    flags::cfinv),
    insn("xaflag", "1101010100 0 00 000 0100 0000 001 11111",    flags::xaflag),
    insn("axflag", "1101010100 0 00 000 0100 0000 010 11111",    flags::axflag),
    // IC IVAU, DC ZVA, DC CVAC, CVAU, CVAP and CIVAC: what Linux leaves to EL0 (SCTLR_EL1.UCI, DZE)
    insn("ic",     "1101010100 0 01 011 0111 0101 001 rt",    system::ic_ivau),
    insn("dc",     "1101010100 0 01 011 0111 0100 001 rt",    system::dc_zva),
    insn("dc",     "1101010100 0 01 011 0111 1010 001 rt",    system::dc_clean),
    insn("dc",     "1101010100 0 01 011 0111 1011 001 rt",    system::dc_clean),
    insn("dc",     "1101010100 0 01 011 0111 1100 001 rt",    system::dc_clean),
    insn("dc",     "1101010100 0 01 011 0111 1110 001 rt",    system::dc_clean),
    insn("msr",    "1101010100 0 1 o0 op1:3 crn:4 crm:4 op2:3 rt", system::msr),
    insn("mrs",    "1101010100 1 1 o0 op1:3 crn:4 crm:4 op2:3 rt", system::mrs),
];
