//! What the CPU does, as the engine asks for it.
use crate::lift::{Lift, exceptions};
use crate::{insns, regs};
use arch::{Cpu, Isa, Watch};
use iced_x86::{Decoder, DecoderError, DecoderOptions, EncodingKind, Formatter, Instruction, IntelFormatter};
use ir::{Builder, Flow, Reg, Slot, Slots, Trap};

/// The longest instruction there is.
const MAX_LEN: usize = 15;

pub(crate) struct X86Isa;

/// What a decoder made of some bytes.
pub(crate) enum Decoded {
    Insn(Instruction),
    Invalid,
    /// The bytes end inside the instruction.
    Truncated,
}

pub(crate) fn decode(pc: u64, code: &[u8]) -> Decoded {
    let mut decoder = Decoder::with_ip(64, code, pc, DecoderOptions::NONE);
    let insn = decoder.decode();
    match decoder.last_error() {
        DecoderError::None => Decoded::Insn(insn),
        DecoderError::NoMoreBytes if code.len() < MAX_LEN => Decoded::Truncated,
        _ => Decoded::Invalid,
    }
}

/// `finish` has a last word on an instruction that can raise SIMD exceptions.
fn lift(pc: u64, code: &[u8], out: &mut Builder, finish: fn(&mut Builder, (usize, u32))) -> Flow {
    let insn = match decode(pc, code) {
        Decoded::Insn(insn) => insn,
        Decoded::Truncated => return Flow::Truncated,
        Decoded::Invalid => {
            out.trap(Trap::Illegal, pc);
            return Flow::End(1);
        }
    };
    let mark = out.mark();
    let mut l = Lift::new(out, insn, code);
    if l.is_mmx() {
        l.wait_for_x87();
    }
    // Not AVX-512, nor what AMD had of its own, though mnemonics are the same.
    let is_ours = matches!(insn.code().encoding(), EncodingKind::Legacy | EncodingKind::VEX);
    match insns::semantics(insn.mnemonic()).filter(|_| is_ours) {
        Some(semantics) => semantics(&mut l),
        None => l.illegal(),
    }
    let flow = l.flow();
    if exceptions::may_raise(out, mark) {
        finish(out, mark);
    }
    flow
}

impl Isa for X86Isa {
    fn lift(&self, pc: u64, code: &[u8], out: &mut Builder) -> Flow {
        lift(pc, code, out, exceptions::guard)
    }

    fn lift_assisted(&self, pc: u64, code: &[u8], out: &mut Builder) -> Flow {
        lift(pc, code, out, exceptions::assisted)
    }

    fn disassemble(&self, pc: u64, code: &[u8]) -> (usize, String) {
        match decode(pc, code) {
            Decoded::Insn(insn) => {
                let mut formatter = IntelFormatter::new();
                let options = formatter.options_mut();
                options.set_hex_prefix("0x");
                options.set_hex_suffix("");
                options.set_space_after_operand_separator(true);
                options.set_branch_leading_zeros(false);
                let mut text = String::new();
                formatter.format(&insn, &mut text);
                (insn.len(), text)
            }
            Decoded::Invalid => (1, "(bad)".to_owned()),
            Decoded::Truncated => (0, String::new()),
        }
    }

    fn slot_name(&self, slot: Slot) -> Option<String> {
        regs::slot_name(slot)
    }

    /// TF, and AC (Linux sets CR0.AM).
    fn watch(&self, slots: &Slots) -> Watch {
        let flags = slots[regs::EFLAGS_REST.0 as usize];
        Watch { step: flags & regs::EFLAGS_TF != 0, aligned: flags & regs::EFLAGS_AC != 0 }
    }

    fn hot_slots(&self) -> &'static [Reg] {
        &[regs::RAX, regs::RDX, regs::RCX, regs::RSI, regs::RDI, regs::RSP]
    }

    fn canonical(&self, cpu: &Cpu) -> Vec<u64> {
        regs::canonical(cpu)
    }
}
