//! Shuffles, blends, inserts, broadcasts: elements of vectors in other places.
use super::Lift;
use super::operand::reg_of;
use super::vector::Form;
use crate::helpers::shuffle as helper;
use iced_x86::OpKind;
use ir::{BinOp, MemTy, Op, Slot, Ty, Val, VecOp};

/// PSHUFW, PSHUFLW, PSHUFHW: the 16-bit elements of one word of each lane; the other word is copied.
pub(crate) fn shuffle_words(l: &mut Lift<'_>, word: u8) {
    let imm = l.insn.immediate8();
    let f = l.form();
    for Form { d, b, bytes, .. } in f.lanes() {
        l.out.push(Op::VecShuffle { lane: Ty::I16, d: d.up(word), a: b.up(word), b: b.up(word), imm });
        if bytes == 16 {
            l.out.set(d.up(1 - word), b.up(1 - word));
        }
    }
    l.finish(f.d, f.bytes);
}

/// PSHUFD.
pub(crate) fn pshufd(l: &mut Lift<'_>) {
    let imm = l.insn.immediate8();
    let f = l.form();
    for Form { d, b, .. } in f.lanes() {
        l.out.push(Op::VecShuffle { lane: Ty::I32, d, a: b, b, imm });
    }
    l.finish(f.d, f.bytes);
}

/// SHUFPS.
pub(crate) fn shufps(l: &mut Lift<'_>) {
    let imm = l.insn.immediate8();
    let f = l.form();
    for Form { d, a, b, .. } in f.lanes() {
        l.out.push(Op::VecShuffle { lane: Ty::I32, d, a, b, imm });
    }
    l.finish(f.d, f.bytes);
}

/// SHUFPD.
pub(crate) fn shufpd(l: &mut Lift<'_>) {
    let imm = l.insn.immediate8();
    let f = l.form();
    for (i, Form { d, a, b, .. }) in f.lanes().enumerate() {
        let imm = imm >> (2 * i);
        let low = l.out.get(a.up(imm & 1));
        let high = l.out.get(b.up(imm >> 1 & 1));
        l.out.set(d, low);
        l.out.set(d.up(1), high);
    }
    l.finish(f.d, f.bytes);
}

/// VPERMILPD by immediate: a bit an element.
pub(crate) fn vpermilpd(l: &mut Lift<'_>) {
    if l.insn.op2_kind() != OpKind::Immediate8 {
        return l.lanes(&helper::VPERMILPD, 0);
    }
    let imm = l.insn.immediate8();
    let f = l.form();
    for (i, Form { d, b, .. }) in f.lanes().enumerate() {
        let imm = imm >> (2 * i);
        let [low, high] = [imm & 1, imm >> 1 & 1].map(|word| l.out.get(b.up(word)));
        l.out.set(d, low);
        l.out.set(d.up(1), high);
    }
    l.finish(f.d, f.bytes);
}

/// VPERMILPS: by immediate it is PSHUFD.
pub(crate) fn vpermilps(l: &mut Lift<'_>) {
    if l.insn.op2_kind() == OpKind::Immediate8 { pshufd(l) } else { l.lanes(&helper::VPERMILPS, 0) }
}

// Across lanes.

/// VPERMQ, VPERMPD.
pub(crate) fn vpermq(l: &mut Lift<'_>) {
    let imm = l.insn.immediate8();
    let f = l.form();
    let words = [0, 2, 4, 6].map(|at| l.out.get(f.b.up(imm >> at & 3)));
    set_words(l, f.d, words);
}

fn set_words<const N: usize>(l: &mut Lift<'_>, d: Slot, words: [Val; N]) {
    for (i, word) in words.into_iter().enumerate() {
        l.out.set(d.up(i as u8), word);
    }
}

/// VPERMD, VPERMPS: the indices are in the first operand.
pub(crate) fn vpermd(l: &mut Lift<'_>) {
    let f = l.form();
    l.out.call_into(&helper::VPERMD, f.args(0));
}

/// VPERM2F128, VPERM2I128: each lane one of four, or zero.
pub(crate) fn vperm2f128(l: &mut Lift<'_>) {
    let imm = l.insn.immediate8();
    let f = l.form();
    let zero = l.out.iconst(0);
    let words: [Val; 4] = std::array::from_fn(|i| {
        let control = imm >> (4 * (i / 2));
        let from = if control & 2 == 0 { f.a } else { f.b };
        if control & 8 != 0 { zero } else { l.out.get(from.up(2 * (control & 1) + (i % 2) as u8)) }
    });
    set_words(l, f.d, words);
}

/// VINSERTF128, VINSERTI128.
pub(crate) fn insert_lane(l: &mut Lift<'_>) {
    let word = 2 * (l.insn.immediate8() & 1);
    let f = l.form();
    let new = [0, 1].map(|i| l.out.get(f.b.up(i)));
    if f.d != f.a {
        l.out.set_n(4, f.d, f.a);
    }
    set_words(l, f.d.up(word), new);
}

/// VEXTRACTF128, VEXTRACTI128.
pub(crate) fn extract_lane(l: &mut Lift<'_>) {
    let a = l.vreg(1).up(2 * (l.insn.immediate8() & 1));
    if l.is_mem(0) {
        let mem = l.mem();
        return l.store(MemTy::V128, a, mem);
    }
    let d = l.vreg(0);
    l.out.set_n(2, d, a);
    l.finish(d.into(), 16);
}

/// VBROADCASTSS, VPBROADCASTB and their kin: the lowest element everywhere.
pub(crate) fn broadcast(l: &mut Lift<'_>, lane: Ty) {
    l.vec_unary(VecOp::Dup, lane);
}

/// VBROADCASTF128, VBROADCASTI128.
pub(crate) fn broadcast_lane(l: &mut Lift<'_>) {
    let f = l.form();
    l.out.set_n(2, f.d, f.b);
    l.out.set_n(2, f.d.up(2), f.b);
}

// Blends.

/// PBLENDW, BLENDPS, BLENDPD, VPBLENDD: a bit an element chooses `b`. PBLENDW uses its bits twice.
pub(crate) fn blend(l: &mut Lift<'_>, lane: Ty) {
    let imm = u16::from(l.insn.immediate8());
    let imm = if lane == Ty::I16 { imm | imm << 8 } else { imm };
    let per_word = 64 / lane.bits();
    let f = l.form();
    for (i, Form { d, a, b, .. }) in f.words().enumerate() {
        let bits = imm >> (i as u8 * per_word);
        let mask = (0..per_word).filter(|n| bits >> n & 1 != 0).fold(0, |m, n| m | lane.mask() << (n * lane.bits()));
        match mask {
            0 => l.out.set(d, a),
            u64::MAX => l.out.set(d, b),
            _ => {
                let mask = l.out.iconst(mask);
                let from_b = l.out.and(Ty::I64, b, mask);
                let from_a = l.out.bin(BinOp::AndNot, Ty::I64, a, mask);
                l.bin_into(d, BinOp::Or, Ty::I64, from_a, from_b);
            }
        }
    }
    l.finish(f.d, f.bytes);
}

/// PBLENDVB, BLENDVPS, BLENDVPD: the sign of each element of a mask, XMM0 or a fourth operand, chooses `b`.
pub(crate) fn blend_by_sign(l: &mut Lift<'_>, lane: Ty) {
    let (d, bytes) = (Slot::from(l.vreg(0)), l.vbytes(0));
    let (a, b) = if l.is_vex() { (1, 2) } else { (0, 1) };
    let (a, mask) = (Slot::from(l.vreg(a)), Slot::from(l.vreg(b + 1)));
    let b = l.vread(b);
    let mask = l.out.vec_shift(BinOp::Sar, lane, bytes, mask, lane.bits() - 1);
    let from_b = l.out.vec(VecOp::And, lane, bytes, b, mask);
    let from_a = l.out.vec(VecOp::AndNot, lane, bytes, a, mask);
    l.out.push(Op::Vec { op: VecOp::Or, lane, bytes, d, a: from_a.into(), b: from_b.into() });
    l.finish(d, bytes);
}

// Single elements.

/// Word and first bit of element `n`.
fn element_at(n: u8, bits: u8, bytes: u8) -> (u8, u8) {
    let n = n & (bytes * 8 / bits - 1);
    let at = u16::from(n) * u16::from(bits);
    ((at / 64) as u8, (at % 64) as u8)
}

/// PINSRB and its kin.
pub(crate) fn insert(l: &mut Lift<'_>, lane: Ty) {
    let (d, bytes) = (Slot::from(l.vreg(0)), l.vbytes(0));
    let (word, lsb) = element_at(l.insn.immediate8(), lane.bits(), bytes);
    let last = l.last_operand();
    let value = if l.is_mem(last) {
        let mem = l.mem();
        l.load(MemTy::of(lane), mem).into()
    } else {
        l.read(last)
    };
    let a = if l.is_vex() { Slot::from(l.vreg(1)) } else { d };
    if d != a {
        l.out.set_n(2, d, a);
    }
    l.insert(d.up(word), value, lsb, lane.bits());
    l.finish(d, bytes);
}

/// PEXTRB and its kin, EXTRACTPS.
pub(crate) fn extract(l: &mut Lift<'_>, lane: Ty) {
    let (a, bytes) = (l.vreg(1), l.vbytes(1));
    let (word, lsb) = element_at(l.insn.immediate8(), lane.bits(), bytes);
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

/// INSERTPS: an element of `b`, or memory, to a place of `a`; then some are zeroed.
pub(crate) fn insertps(l: &mut Lift<'_>) {
    let imm = l.insn.immediate8();
    let from_memory = l.is_mem(l.last_operand());
    let f = l.form();
    let (word, lsb) = if from_memory { (0, 0) } else { element_at(imm >> 6, 32, 16) };
    let value = l.out.extract(false, Ty::I64, f.b.up(word), lsb, 32);
    if f.d != f.a {
        l.out.set_n(2, f.d, f.a);
    }
    let (word, lsb) = element_at(imm >> 4, 32, 16);
    l.insert(f.d.up(word), value, lsb, 32);
    let zero = l.out.iconst(0);
    for n in (0..4).filter(|n| imm >> n & 1 != 0) {
        let (word, lsb) = element_at(n, 32, 16);
        l.insert(f.d.up(word), zero, lsb, 32);
    }
    l.finish(f.d, 16);
}
