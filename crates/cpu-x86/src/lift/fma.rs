//! FMA3. One function for 96 mnemonics: the opcode says it all (SDM volume 2, VFMADD132PS and following).
use super::Lift;
use super::vector::Form;
use crate::helpers::fp::{FMA_PD, FMA_PS, FMA_SS, Fma};
use ir::{CallArgs, FTy, Slot};

/// `d = ±(a * b) ± c` with a, b and c in one of three orders.
pub(crate) fn fma(l: &mut Lift<'_>) {
    let code = l.insn.code().op_code();
    let opcode = code.op_code();
    let ty = if code.w() == 0 { FTy::F32 } else { FTy::F64 };
    let Form { d, a: x, b: y, bytes } = l.form();
    let (a, b, c) = match opcode >> 4 {
        0x9 => (d, y, x),
        0xa => (x, d, y),
        _ => (x, y, d),
    };
    let kind = match opcode & 0xf {
        0x6 => Fma::AddSub,
        0x7 => Fma::SubAdd,
        0x8 | 0x9 => Fma::Add,
        0xa | 0xb => Fma::Sub,
        0xc | 0xd => Fma::NegAdd,
        _ => Fma::NegSub,
    } as u16;
    let is_scalar = opcode & 0xf >= 8 && opcode & 1 != 0;
    if is_scalar {
        let helper = if ty == FTy::F32 { &FMA_SS } else { &FMA_PD };
        let value = l.out.call(helper, a, b, c, kind);
        // The other elements are `d`'s own.
        return l.write_element(ty, Form { d, a: d, b, bytes }, value);
    }
    for i in 0..bytes / 8 {
        let [d, a, b, c] = [d, a, b, c].map(|slot: Slot| slot.up(i));
        let (helper, imm) = if ty == FTy::F32 { (&FMA_PS, kind) } else { (&FMA_PD, kind | u16::from(i & 1) << 8) };
        l.out.call_into(helper, CallArgs { d, a, b, c, imm });
    }
    l.finish(d, bytes);
}
