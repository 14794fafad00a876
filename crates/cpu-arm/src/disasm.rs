//! Disassembly, by capstone.
use capstone::prelude::*;

/// The instruction's text; words capstone does not know are given as data.
pub(crate) fn text(pc: u64, bytes: &[u8; 4]) -> String {
    let decoder = Capstone::new().arm64().mode(arch::arm64::ArchMode::Arm).build();
    let insns = decoder.as_ref().ok().and_then(|cs| cs.disasm_count(bytes, pc, 1).ok());
    let Some(insn) = insns.as_ref().and_then(|insns| insns.first()) else {
        return format!(".inst {:#010x}", u32::from_le_bytes(*bytes));
    };
    match (insn.mnemonic().unwrap_or_default(), insn.op_str().unwrap_or_default()) {
        (name, "") => name.to_owned(),
        (name, operands) => format!("{name} {operands}"),
    }
}
