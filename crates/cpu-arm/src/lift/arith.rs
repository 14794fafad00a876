//! Integer arithmetic, conditional operations, one and two sources.
use super::*;
use crate::helpers::crc;
use ir::FlagKind;

pub(crate) fn adr(b: &mut Builder, w: Word) -> Option<Flow> {
    let d = dst(b, w.rd());
    b.push(Op::Const { d, value: w.pc.wrapping_add(pc_offset(w)) });
    NEXT
}

pub(crate) fn adrp(b: &mut Builder, w: Word) -> Option<Flow> {
    let d = dst(b, w.rd());
    b.push(Op::Const { d, value: (w.pc & !0xfff).wrapping_add(pc_offset(w) << 12) });
    NEXT
}

/// immhi:immlo, signed.
fn pc_offset(w: Word) -> u64 {
    (w.signed(5, 19) << 2) as u64 | u64::from(w.at(29, 2))
}

/// ADD, SUB and, with bit 29, ADDS, SUBS: flags first, because d may be an operand.
fn add_sub(b: &mut Builder, w: Word, d: Slot, n: Slot, m: Slot) {
    let (ty, op, kind) = add_sub_kind(w);
    if w.bit(29) {
        b.set_flags(kind, ty, n, m);
        if w.rd() == 31 {
            return;
        }
    }
    bin_to(b, op, ty, d, n, m);
}

fn add_sub_kind(w: Word) -> (Ty, BinOp, FlagKind) {
    let (op, kind) = if w.bit(30) { (BinOp::Sub, FlagKind::SubArm) } else { (BinOp::Add, FlagKind::Add) };
    (int(w.sf()), op, kind)
}

pub(crate) fn add_imm(b: &mut Builder, w: Word) -> Option<Flow> {
    let (ty, op, kind) = add_sub_kind(w);
    let imm = u64::from(w.at(10, 12)) << (12 * w.at(22, 1));
    let n = xsp(w.rn());
    if w.bit(29) {
        let m = b.iconst(imm);
        b.set_flags(kind, ty, n, m);
        if w.rd() == 31 {
            return NEXT;
        }
    } else if imm == 0 && op == BinOp::Add {
        mov_to(b, ty, xsp(w.rd()), n);
        return NEXT;
    }
    bin_imm_to(b, op, ty, xsp(w.rd()), n, imm);
    NEXT
}

pub(crate) fn add_shifted(b: &mut Builder, w: Word) -> Option<Flow> {
    let (ty, kind, amount) = (int(w.sf()), w.at(22, 2), w.at(10, 6));
    if kind == 3 || (!w.sf() && amount >= 32) {
        return None;
    }
    let d = dst(b, w.rd());
    // The commonest address computation is one operation.
    if w.bits >> 29 == 0b100 && kind == 0 && (1..4).contains(&amount) && w.rn() != 31 && w.rm() != 31 {
        b.push(Op::Lea { d, base: xsp(w.rn()), index: xsp(w.rm()), scale: amount as u8, disp: 0 });
        return NEXT;
    }
    let m = shifted(b, ty, w.rm(), kind, amount);
    if w.rn() == 31 && w.at(29, 2) == 0b10 {
        un_to(b, UnOp::Neg, ty, d, m);
        return NEXT;
    }
    let n = xr(b, w.rn());
    add_sub(b, w, d, n, m);
    NEXT
}

pub(crate) fn add_extended(b: &mut Builder, w: Word) -> Option<Flow> {
    let amount = w.at(10, 3);
    if amount > 4 {
        return None;
    }
    let mut m = extended(b, w.rm(), w.at(13, 3));
    if amount != 0 {
        m = b.shl_imm(Ty::I64, m, amount as u8).into();
    }
    let d = if w.bit(29) { dst(b, w.rd()) } else { xsp(w.rd()) };
    add_sub(b, w, d, xsp(w.rn()), m);
    NEXT
}

/// ADC, ADCS; SBC, SBCS are the same with the second operand inverted.
pub(crate) fn add_carry(b: &mut Builder, w: Word) -> Option<Flow> {
    let ty = int(w.sf());
    let n = xr(b, w.rn());
    let mut m = xr(b, w.rm());
    if w.bit(30) {
        m = b.not(ty, m).into();
    }
    let c = b.get_flag(FlagCond::Carry);
    if w.bit(29) {
        b.set_flags_carry(FlagKind::Adc, ty, n, m, c);
    }
    let d = dst(b, w.rd());
    b.push(Op::AddC { ty, d, a: n, b: m, c: c.into() });
    NEXT
}

pub(crate) fn cond_compare(b: &mut Builder, w: Word) -> Option<Flow> {
    let (ty, _, kind) = add_sub_kind(w);
    let n = xr(b, w.rn());
    let m = if w.bit(11) { b.iconst(w.at(16, 5).into()).into() } else { xr(b, w.rm()) };
    let cond = condition(w.at(12, 4));
    if cond == FlagCond::Always {
        b.set_flags(kind, ty, n, m);
        return NEXT;
    }
    let holds = b.get_flag(cond);
    let otherwise = b.iconst(nzcv_bits(w.at(0, 4)));
    b.set_flag_bits(otherwise);
    b.set_flags_if(holds, kind, ty, n, m);
    NEXT
}

/// CSEL, CSINC, CSINV, CSNEG: Rn, or Rm as it is, plus one, inverted, negated.
pub(crate) fn cond_select(b: &mut Builder, w: Word) -> Option<Flow> {
    let (ty, code) = (int(w.sf()), w.at(12, 4));
    let d = dst(b, w.rd());
    let (invert, increment) = (w.bit(30), w.bit(10));
    if w.rn() == 31 && w.rm() == 31 && invert != increment && code < 14 {
        // CSET, CSETM
        let cond = condition(code ^ 1);
        if increment {
            b.push(Op::GetFlag { cond, d });
        } else {
            let holds = b.get_flag(cond).into();
            un_to(b, UnOp::Neg, ty, d, holds);
        }
        return NEXT;
    }
    let n = xr(b, w.rn());
    let m = xr(b, w.rm());
    let m = match (invert, increment) {
        (false, false) => m,
        (false, true) => b.add_imm(ty, m, 1).into(),
        (true, false) => b.not(ty, m).into(),
        (true, true) => b.neg(ty, m).into(),
    };
    let c = b.get_flag(condition(code)).into();
    if ty == Ty::I64 {
        b.push(Op::Select { d, c, a: n, b: m });
    } else {
        let chosen = b.select(c, n, m).into();
        mov_to(b, ty, d, chosen);
    }
    NEXT
}

/// Rd = Rn op Rm.
pub(crate) fn two_source(b: &mut Builder, w: Word, op: BinOp) -> Option<Flow> {
    let (n, m) = (xr(b, w.rn()), xr(b, w.rm()));
    let d = dst(b, w.rd());
    bin_to(b, op, int(w.sf()), d, n, m);
    NEXT
}

/// Rd = op Rn.
pub(crate) fn one_source(b: &mut Builder, w: Word, op: UnOp) -> Option<Flow> {
    let n = xr(b, w.rn());
    let d = dst(b, w.rd());
    un_to(b, op, int(w.sf()), d, n);
    NEXT
}

/// CRC32{C}{B,H,W,X}.
pub(crate) fn crc32(b: &mut Builder, w: Word) -> Option<Flow> {
    let (n, m) = (xr(b, w.rn()), xr(b, w.rm()));
    let d = dst(b, w.rd());
    let helper = if w.bit(12) { &crc::CRC32C } else { &crc::CRC32 };
    b.call_into(helper, ir::CallArgs { d, a: n, b: m, c: n, imm: 1 << w.at(10, 2) });
    NEXT
}

/// Rd = Ra op Rn * Rm.
pub(crate) fn mul_add(b: &mut Builder, w: Word, op: BinOp) -> Option<Flow> {
    let (n, m) = (xr(b, w.rn()), xr(b, w.rm()));
    accumulate(b, w, int(w.sf()), op, n, m)
}

/// Xd = Xa op Wn * Wm, the factors extended.
pub(crate) fn mul_add_long(b: &mut Builder, w: Word, signed: bool, op: BinOp) -> Option<Flow> {
    let (n, m) = (xr(b, w.rn()), xr(b, w.rm()));
    let n = b.ext(signed, Ty::I32, Ty::I64, n).into();
    let m = b.ext(signed, Ty::I32, Ty::I64, m).into();
    accumulate(b, w, Ty::I64, op, n, m)
}

fn accumulate(b: &mut Builder, w: Word, ty: Ty, op: BinOp, n: Slot, m: Slot) -> Option<Flow> {
    let d = dst(b, w.rd());
    if w.ra() == 31 && op == BinOp::Add {
        bin_to(b, BinOp::Mul, ty, d, n, m);
        return NEXT;
    }
    let product = b.bin(BinOp::Mul, ty, n, m).into();
    if w.ra() == 31 {
        un_to(b, UnOp::Neg, ty, d, product);
    } else {
        bin_to(b, op, ty, d, xsp(w.ra()), product);
    }
    NEXT
}
