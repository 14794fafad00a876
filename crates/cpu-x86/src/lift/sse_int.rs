//! MMX, SSE and SSE2 on integers. What is lane by lane in the IR is in the table itself.
use super::Lift;
use super::operand::reg_of;
use crate::helpers::vec as helper;
use ir::{BinOp, CallArgs, MemTy, Op, Slot, Ty};

/// PSLLW and its kin: by an immediate, or by all 64 low bits of an operand.
pub(crate) fn shift(l: &mut Lift<'_>, op: BinOp, lane: Ty) {
    let (d, bytes) = (Slot::from(l.vreg(0)), l.vbytes(0));
    if l.insn.op_kind(1) == iced_x86::OpKind::Immediate8 {
        let amount = l.insn.immediate8();
        l.out.push(Op::VecShift { op, lane, bytes, d, a: d, amount });
        return l.enter_mmx();
    }
    let count = l.vread(1);
    // The count may be in the register that is shifted.
    let count = l.out.get(count);
    let imm = helper::shift_imm(op, lane);
    for i in 0..bytes / 8 {
        l.out.call_into(&helper::SHIFT, CallArgs { d: d.up(i), a: d.up(i), b: count.into(), c: d, imm });
    }
    l.enter_mmx();
}

/// PSLLDQ, PSRLDQ.
pub(crate) fn shift_bytes(l: &mut Lift<'_>, left: bool) {
    let d = Slot::from(l.vreg(0));
    let imm = u16::from(l.insn.immediate8()) | u16::from(left) << 8;
    l.out.call_into(&helper::BYTE_SHIFT, CallArgs { d, a: d, b: d, c: d, imm });
}

/// PACKSSWB and its kin: op0's lanes, then op1's.
pub(crate) fn pack(l: &mut Lift<'_>, kind: u16) {
    let (d, bytes) = (Slot::from(l.vreg(0)), l.vbytes(0));
    let b = l.vread(1);
    if bytes == 8 {
        l.out.call_into(&helper::PACK, CallArgs { d, a: d, b, c: d, imm: kind });
        return l.enter_mmx();
    }
    let low = l.out.call(&helper::PACK, d, d.up(1), d, kind);
    let high = l.out.call(&helper::PACK, b, b.up(1), b, kind);
    l.out.set(d, low);
    l.out.set(d.up(1), high);
}

/// PSHUFW, PSHUFLW, PSHUFHW: the 16-bit lanes of one word; another word is copied.
pub(crate) fn shuffle_words(l: &mut Lift<'_>, word: u8) {
    let (d, bytes) = (Slot::from(l.vreg(0)), l.vbytes(0));
    let imm = l.insn.immediate8().into();
    let b = l.vread(1);
    let at = d.up(word);
    l.out.call_into(&helper::SHUFFLE_WORDS, CallArgs { d: at, a: at, b: b.up(word), c: at, imm });
    if bytes == 16 {
        l.out.set(d.up(1 - word), b.up(1 - word));
    }
    l.enter_mmx();
}

pub(crate) fn pshufd(l: &mut Lift<'_>) {
    let imm = l.insn.immediate8().into();
    l.whole(&helper::PSHUFD, imm);
}

pub(crate) fn pmovmskb(l: &mut Lift<'_>) {
    let (d, _) = reg_of(l.insn.op0_register());
    let a = Slot::from(l.vreg(1));
    let helper = if l.vbytes(1) == 8 { &helper::PMOVMSKB_MMX } else { &helper::PMOVMSKB };
    l.out.call_into(helper, CallArgs { d: d.into(), a, b: a, c: a, imm: 0 });
    l.enter_mmx();
}

/// Word and first bit of lane `n`.
fn lane_at(n: u8, bits: u8, bytes: u8) -> (u8, u8) {
    let n = n & (bytes * 8 / bits - 1);
    let at = u16::from(n) * u16::from(bits);
    ((at / 64) as u8, (at % 64) as u8)
}

/// PINSRW and its kin.
pub(crate) fn insert(l: &mut Lift<'_>, lane: Ty) {
    let (d, bytes) = (l.vreg(0), l.vbytes(0));
    let (word, lsb) = lane_at(l.insn.immediate8(), lane.bits(), bytes);
    let value = if l.is_mem(1) {
        let mem = l.mem();
        l.load(MemTy::of(lane), mem).into()
    } else {
        l.read(1)
    };
    l.insert(d.up(word), value, lsb, lane.bits());
    l.enter_mmx();
}

/// PEXTRW and its kin.
pub(crate) fn extract(l: &mut Lift<'_>, lane: Ty) {
    let (a, bytes) = (l.vreg(1), l.vbytes(1));
    let (word, lsb) = lane_at(l.insn.immediate8(), lane.bits(), bytes);
    let value = l.out.extract(false, Ty::I64, a.up(word), lsb, lane.bits());
    if l.is_mem(0) {
        let mem = l.mem();
        l.store(MemTy::of(lane), value, mem);
    } else {
        let (d, _) = reg_of(l.insn.op0_register());
        l.out.set(d, value);
    }
    l.enter_mmx();
}
