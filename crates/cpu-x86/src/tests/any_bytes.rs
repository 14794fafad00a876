//! Any byte string lifts without panic, and to a length that iced agrees with.
use crate::X86_64;
use iced_x86::{Decoder, DecoderOptions};
use ir::{Builder, Flow};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 50_000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn lifts(pc: u64, code in proptest::collection::vec(any::<u8>(), 0..=16), table: u8) {
        let mut code = code;
        // Half of them with a two-byte opcode, where most instructions are.
        if table & 1 != 0 && !code.is_empty() {
            code[0] = 0x0f;
        }
        let mut out = Builder::new(pc);
        out.insn(pc);
        let flow = X86_64.isa.lift(pc, &code, &mut out);
        let insn = Decoder::with_ip(64, &code, pc, DecoderOptions::NONE).decode();
        match flow {
            Flow::Truncated => prop_assert!(code.len() < 15 && insn.is_invalid()),
            Flow::Next(len) => prop_assert_eq!(len, insn.len() as u64),
            Flow::End(len) => prop_assert!(insn.is_invalid() || len == insn.len() as u64),
        }
        let (len, _) = X86_64.isa.disassemble(pc, &code);
        prop_assert_eq!(len == 0, flow == Flow::Truncated);
        let block = out.finish(pc.wrapping_add(16));
        prop_assert_eq!(block.insns, 1);
    }
}
