//! Disassembly, by capstone.
use capstone::prelude::*;

/// The instruction's text; what capstone does not know is given as data.
pub(crate) fn text(pc: u64, bits: u32, len: u64) -> String {
    let bytes = bits.to_le_bytes();
    let decoder = decoder();
    let insns = decoder.as_ref().ok().and_then(|cs| cs.disasm_count(&bytes[..len as usize], pc, 1).ok());
    let Some(insn) = insns.as_ref().and_then(|insns| insns.first()) else {
        return if len == 2 { format!(".2byte {bits:#06x}") } else { format!(".4byte {bits:#010x}") };
    };
    match (insn.mnemonic().unwrap_or_default(), insn.op_str().unwrap_or_default()) {
        (name, "") => name.to_owned(),
        (name, operands) => format!("{name} {operands}"),
    }
}

/// RV64 with compressed instructions.
pub(crate) fn decoder() -> CsResult<Capstone> {
    let modes = std::iter::once(arch::riscv::ArchExtraMode::RiscVC);
    Capstone::new().riscv().mode(arch::riscv::ArchMode::RiscV64).extra_mode(modes).build()
}
