//! Disassembly, by capstone, and by the table where capstone knows nothing.
use crate::decode::TABLE;
use capstone::prelude::*;
use ir::Builder;

/// The instruction's text; what is none is given as data.
pub(crate) fn text(pc: u64, bits: u32, len: u64) -> String {
    let bytes = bits.to_le_bytes();
    let decoder = decoder();
    let insns = decoder.as_ref().ok().and_then(|cs| cs.disasm_count(&bytes[..len as usize], pc, 1).ok());
    let Some(insn) = insns.as_ref().and_then(|insns| insns.first()) else {
        return row_text(pc, bits, len).unwrap_or_else(|| match len {
            2 => format!(".2byte {bits:#06x}"),
            _ => format!(".4byte {bits:#010x}"),
        });
    };
    match (insn.mnemonic().unwrap_or_default(), insn.op_str().unwrap_or_default()) {
        (name, "") => name.to_owned(),
        (name, operands) => format!("{name} {operands}"),
    }
}

/// Mnemonic and operands as the row has them, registers by their names in the calling convention.
fn row_text(pc: u64, bits: u32, len: u64) -> Option<String> {
    #[rustfmt::skip]
    const NAMES: [&str; 32] = [
        "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5",
        "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
    ];
    let (row, args) = TABLE.find(bits)?;
    // Not what the function refuses.
    let mut out = Builder::new(pc);
    out.insn(pc);
    (row.lift)(&mut out, args.at(pc, len))?;
    let has = |name: &str| row.bits.split([' ', '/']).any(|token| token.starts_with(name));
    let registers = [("rd", args.rd), ("rs1", args.rs1), ("rs2", args.rs2)].into_iter().filter(|(name, _)| has(name));
    let mut operands: Vec<String> = registers.map(|(_, n)| NAMES[usize::from(n & 31)].to_owned()).collect();
    if row.bits.contains('[') {
        operands.push(format!("{:#x}", args.imm));
    }
    Some(format!("{} {}", row.name, operands.join(", ")))
}

/// RV64 with compressed instructions.
pub(crate) fn decoder() -> CsResult<Capstone> {
    let modes = std::iter::once(arch::riscv::ArchExtraMode::RiscVC);
    Capstone::new().riscv().mode(arch::riscv::ArchMode::RiscV64).extra_mode(modes).build()
}
