//! Encodings made from the opcode table, so that each form of each instruction is as likely as any other.
use super::generate::Random;
use crate::insns;
use iced_x86::{Code, EncodingKind, MandatoryPrefix, OpCodeInfo, OpCodeTableKind};
use std::sync::LazyLock;

/// The forms of all rows that can be met in 64-bit code.
pub(super) static FORMS: LazyLock<Vec<Code>> = LazyLock::new(|| {
    let ours = |code: &Code| {
        let form = code.op_code();
        form.is_instruction()
            && form.mode64()
            && matches!(form.encoding(), EncodingKind::Legacy | EncodingKind::VEX)
            && insns::semantics(code.mnemonic()).is_some()
    };
    Code::values().filter(ours).collect()
});

/// Bytes of some form, its operands at random. They may still be no instruction, or another one.
pub(super) fn any_form(r: &mut Random) -> Vec<u8> {
    let code = FORMS[r.below(FORMS.len() as u64) as usize];
    form(r, code)
}

/// Bytes of a form, its operands at random.
pub(super) fn form(r: &mut Random, code: Code) -> Vec<u8> {
    let form = code.op_code();
    let mut bytes = Vec::new();
    if r.below(64) == 0 {
        bytes.push(0x67);
    }
    match form.encoding() {
        EncodingKind::VEX => vex(r, form, &mut bytes),
        _ => legacy(r, form, &mut bytes),
    }
    if form.op_code_len() == 2 {
        bytes.extend((form.op_code() as u16).to_be_bytes());
    } else {
        bytes.push(form.op_code() as u8);
    }
    // ModRM: registers half of the time, else mostly a base alone.
    let mode = [3, 3, 3, 0, 0, 1, 2, 3][r.below(8) as usize];
    let reg = if form.is_group() { form.group_index() as u8 } else { r.below(8) as u8 };
    let rm = if form.is_rm_group() { form.rm_group_index() as u8 } else { r.below(8) as u8 };
    let needs_modrm = form.op_count() > 0 || form.is_group();
    if needs_modrm && form.op_code_len() == 1 {
        bytes.push(mode << 6 | reg << 3 | rm);
    }
    bytes.extend((0..10).map(|_| r.next() as u8));
    bytes
}

fn prefix_number(form: &OpCodeInfo) -> u8 {
    match form.mandatory_prefix() {
        MandatoryPrefix::P66 => 1,
        MandatoryPrefix::PF3 => 2,
        MandatoryPrefix::PF2 => 3,
        _ => 0,
    }
}

fn vex(r: &mut Random, form: &OpCodeInfo, bytes: &mut Vec<u8>) {
    let map = match form.table() {
        OpCodeTableKind::T0F38 => 2,
        OpCodeTableKind::T0F3A => 3,
        _ => 1,
    };
    let w = if form.is_wig() || form.is_wig32() { r.below(2) as u8 } else { form.w() as u8 };
    let l = if form.is_lig() { r.below(2) as u8 } else { form.l() as u8 & 1 };
    // A form without this operand needs ones.
    let v = if r.below(2) == 0 { 15 } else { r.below(16) as u8 };
    let low = v << 3 | l << 2 | prefix_number(form);
    let inverted = r.next() as u8 & 0xe0;
    if map == 1 && w == 0 && r.below(2) == 0 {
        bytes.extend([0xc5, inverted & 0x80 | low]);
    } else {
        bytes.extend([0xc4, inverted | map, w << 7 | low]);
    }
}

fn legacy(r: &mut Random, form: &OpCodeInfo, bytes: &mut Vec<u8>) {
    match prefix_number(form) {
        0 if form.operand_size() == 16 => bytes.push(0x66),
        0 => {}
        n => bytes.push([0, 0x66, 0xf3, 0xf2][usize::from(n)]),
    }
    if r.below(16) == 0 && form.can_use_lock_prefix() {
        bytes.push(0xf0);
    }
    let wide = form.w() != 0 || form.operand_size() == 64;
    if wide || r.below(2) == 0 {
        let w = if wide { 8 } else { r.next() as u8 & 8 };
        bytes.push(0x40 | w | r.next() as u8 & 7);
    }
    match form.table() {
        OpCodeTableKind::T0F => bytes.push(0x0f),
        OpCodeTableKind::T0F38 => bytes.extend([0x0f, 0x38]),
        OpCodeTableKind::T0F3A => bytes.extend([0x0f, 0x3a]),
        _ => {}
    }
}
