//! Advanced SIMD data movement: copies, immediates, permutations, tables.
use super::simd_lanes::{B, BH, BHSD, Call, How, Ir, apply, shape_of, vd, vm, vn};
use super::*;
use crate::helpers::lanes::Shape;
use crate::helpers::permute::{TBL, TBX};
use crate::regs::v;
use ir::{CallArgs, VecOp};

/// Zeroes what lies above the low half of Vd.
fn clear_upper(b: &mut Builder, w: Word) -> Option<Flow> {
    b.push(Op::Const { d: vd(w).up(1), value: 0 });
    NEXT
}

/// MOV (vector).
pub(crate) fn copy(b: &mut Builder, w: Word) -> Option<Flow> {
    b.push(Op::Mov { d: vd(w), a: vn(w) });
    if !w.q() {
        return clear_upper(b, w);
    }
    b.push(Op::Mov { d: vd(w).up(1), a: vn(w).up(1) });
    NEXT
}

/// The slot that holds lane `index` of a vector, and the bit it starts at there.
fn locate(vector: Slot, lane: Ty, index: u8) -> (Slot, u8) {
    let bit = u32::from(index) * u32::from(lane.bits());
    (vector.up((bit / 64) as u8), (bit % 64) as u8)
}

/// Lane `index` of a vector, zero-extended.
pub(crate) fn lane_of(b: &mut Builder, vector: Slot, lane: Ty, index: u8) -> Slot {
    let (slot, lsb) = locate(vector, lane, index);
    if lane == Ty::I64 { slot } else { b.extract(false, Ty::I64, slot, lsb, lane.bits()).into() }
}

/// Puts the low bits of `value` into lane `index` of a vector.
pub(crate) fn set_lane(b: &mut Builder, vector: Slot, lane: Ty, index: u8, value: Slot) {
    let (d, lsb) = locate(vector, lane, index);
    if lane == Ty::I64 {
        b.push(Op::Mov { d, a: value });
    } else {
        b.push(Op::Insert { ty: Ty::I64, d, a: d, b: value, lsb, width: lane.bits() });
    }
}

/// A temporary vector with lane `index` of `vector` in every lane.
pub(crate) fn broadcast(b: &mut Builder, vector: Slot, lane: Ty, index: u8) -> Slot {
    let value = lane_of(b, vector, lane, index);
    let d = Slot::from(b.temp(2));
    replicate(b, d, lane, value, true);
    d
}

/// d's lanes = the low bits of `value`; the upper half is zero unless `full`.
pub(crate) fn replicate(b: &mut Builder, d: Slot, lane: Ty, value: Slot, full: bool) {
    if lane == Ty::I64 {
        b.push(Op::Mov { d, a: value });
    } else {
        b.push(Op::Vec { op: VecOp::Dup, lane, bytes: 8, d, a: value, b: value });
    }
    b.push(if full { Op::Mov { d: d.up(1), a: d } } else { Op::Const { d: d.up(1), value: 0 } });
}

/// Lane size and index from imm5: the lowest set bit is the size.
fn imm5(w: Word) -> Option<(u32, Ty, u8)> {
    let imm = w.at(16, 5);
    let log = imm.trailing_zeros();
    let lane = *[Ty::I8, Ty::I16, Ty::I32, Ty::I64].get(log as usize)?;
    Some((log, lane, (imm >> (log + 1)) as u8))
}

/// DUP (element), scalar and vector.
pub(crate) fn dup_element(b: &mut Builder, w: Word) -> Option<Flow> {
    let (log, lane, index) = imm5(w)?;
    if w.bit(28) {
        let value = lane_of(b, vn(w), lane, index);
        b.push(Op::Mov { d: vd(w), a: value });
        return clear_upper(b, w);
    }
    shape_of(w, log, BHSD)?;
    let value = lane_of(b, vn(w), lane, index);
    replicate(b, vd(w), lane, value, w.q());
    NEXT
}

/// DUP (general).
pub(crate) fn dup_general(b: &mut Builder, w: Word) -> Option<Flow> {
    let (log, lane, _) = imm5(w)?;
    shape_of(w, log, BHSD)?;
    let value = xr(b, w.rn());
    replicate(b, vd(w), lane, value, w.q());
    NEXT
}

/// INS (general).
pub(crate) fn ins_general(b: &mut Builder, w: Word) -> Option<Flow> {
    let (_, lane, index) = imm5(w)?;
    let value = xr(b, w.rn());
    set_lane(b, vd(w), lane, index, value);
    NEXT
}

/// INS (element): the source index is in imm4.
pub(crate) fn ins_element(b: &mut Builder, w: Word) -> Option<Flow> {
    let (log, lane, index) = imm5(w)?;
    let value = lane_of(b, vn(w), lane, (w.at(11, 4) >> log) as u8);
    set_lane(b, vd(w), lane, index, value);
    NEXT
}

/// UMOV: B, H, S to W, D to X.
pub(crate) fn umov(b: &mut Builder, w: Word) -> Option<Flow> {
    let (_, lane, index) = imm5(w)?;
    if (lane == Ty::I64) != w.q() {
        return None;
    }
    let d = dst(b, w.rd());
    let (a, lsb) = locate(vn(w), lane, index);
    b.push(match lane {
        Ty::I64 => Op::Mov { d, a },
        _ => Op::Extract { signed: false, ty: Ty::I64, d, a, lsb, width: lane.bits() },
    });
    NEXT
}

/// SMOV: B, H to W; B, H, S to X.
pub(crate) fn smov(b: &mut Builder, w: Word) -> Option<Flow> {
    let (_, lane, index) = imm5(w)?;
    if lane == Ty::I64 || (lane == Ty::I32 && !w.q()) {
        return None;
    }
    let d = dst(b, w.rd());
    let value = lane_of(b, vn(w), lane, index);
    b.push(Op::Ext { signed: true, from: lane, to: int(w.q()), d, a: value });
    NEXT
}

/// AdvSIMDExpandImm: the constant of MOVI, MVNI, ORR, BIC, FMOV, before inversion.
fn expand_imm(w: Word) -> Option<u64> {
    let (cmode, op) = (w.at(12, 4), w.bit(29));
    let imm8 = w.at(16, 3) << 5 | w.at(5, 5);
    let imm = u64::from(imm8);
    let words = |x: u64| x | x << 32;
    Some(match cmode {
        0..=7 => words(imm << (8 * (cmode >> 1))),
        8..=11 => words((imm << (8 * (cmode >> 1 & 1))) * 0x1_0001),
        12 => words(imm << 8 | 0xff),
        13 => words(imm << 16 | 0xffff),
        14 if !op => imm * 0x0101_0101_0101_0101,
        14 => (0..8).filter(|n| imm >> n & 1 != 0).fold(0, |x, n| x | 0xff << (8 * n)),
        _ if w.bit(11) => fp::expand_imm(imm8, 1) * 0x1_0001_0001_0001,
        _ if !op => words(fp::expand_imm(imm8, 2)),
        _ if w.q() => fp::expand_imm(imm8, 3),
        _ => return None,
    })
}

/// MOVI, FMOV and, inverted, MVNI.
pub(crate) fn immediate(b: &mut Builder, w: Word, invert: bool) -> Option<Flow> {
    let value = expand_imm(w)? ^ if invert { u64::MAX } else { 0 };
    b.push(Op::Const { d: vd(w), value });
    b.push(Op::Const { d: vd(w).up(1), value: if w.q() { value } else { 0 } });
    NEXT
}

/// ORR and BIC (vector, immediate).
pub(crate) fn logical_immediate(b: &mut Builder, w: Word, op: BinOp) -> Option<Flow> {
    let imm = b.iconst(expand_imm(w)?).into();
    bin_to(b, op, Ty::I64, vd(w), vd(w), imm);
    if !w.q() {
        return clear_upper(b, w);
    }
    bin_to(b, op, Ty::I64, vd(w).up(1), vd(w).up(1), imm);
    NEXT
}

pub(crate) fn ext(b: &mut Builder, w: Word) -> Option<Flow> {
    let index = w.at(11, 4) as u8;
    if !w.q() && index >= 8 {
        return None;
    }
    let (a, m, bits) = (vn(w), vm(w), index % 8 * 8);
    let words = if w.q() { [a, a.up(1), m, m.up(1)] } else { [a, m, m, m] };
    let from = usize::from(index / 8);
    // The word that begins `bits` bits into word `i`.
    let part = |b: &mut Builder, i: usize| match bits {
        0 => b.get(words[i]),
        _ => b.funnel(Ty::I64, words[i + 1], words[i], bits),
    };
    let low = part(b, from);
    let high = if w.q() { part(b, from + 1) } else { b.iconst(0) };
    b.set(vd(w), low);
    b.set(vd(w).up(1), high);
    NEXT
}

/// UZP1, UZP2, ZIP1, ZIP2.
pub(crate) fn permute(b: &mut Builder, w: Word, op: VecOp) -> Option<Flow> {
    apply(b, w, shape_of(w, w.at(22, 2), BHSD)?, Ir(op), vn(w), vm(w))
}

/// TRN1, TRN2.
pub(crate) fn trn(b: &mut Builder, w: Word, part: u8) -> Option<Flow> {
    let shape = shape_of(w, w.at(22, 2), BHSD)?;
    if shape.lane == Ty::I64 {
        return apply(b, w, shape, Ir(if part == 0 { VecOp::ZipLo } else { VecOp::ZipHi }), vn(w), vm(w));
    }
    let unzip = if part == 0 { VecOp::UnzipEven } else { VecOp::UnzipOdd };
    let [a, m] = [vn(w), vm(w)].map(|v| b.vec(unzip, shape.lane, shape.bytes, v, v));
    apply(b, w, shape, Ir(VecOp::ZipLo), a.into(), m.into())
}

/// REV16, REV32, REV64: lanes reversed within `container` bytes.
pub(crate) fn rev(b: &mut Builder, w: Word, container: u8) -> Option<Flow> {
    let sizes = match container {
        2 => B,
        4 => BH,
        _ => super::simd_lanes::BHS,
    };
    let shape = shape_of(w, w.at(22, 2), sizes)?;
    for (d, a) in [(vd(w), vn(w)), (vd(w).up(1), vn(w).up(1))].into_iter().take(usize::from(shape.bytes / 8)) {
        match (container, shape.lane) {
            (2, _) => un_to(b, UnOp::Rev16, Ty::I64, d, a),
            (4, Ty::I8) => un_to(b, UnOp::Rev32, Ty::I64, d, a),
            (8, Ty::I8) => un_to(b, UnOp::Bswap, Ty::I64, d, a),
            (8, Ty::I32) => bin_imm_to(b, BinOp::Rotr, Ty::I64, d, a, 32),
            // Half-words: what is reversed as bytes, with the bytes of each put right.
            _ => {
                let op = if container == 4 { UnOp::Rev32 } else { UnOp::Bswap };
                let bytes = b.un(op, Ty::I64, a);
                un_to(b, UnOp::Rev16, Ty::I64, d, bytes.into());
            }
        }
    }
    if shape.bytes == 8 {
        return clear_upper(b, w);
    }
    NEXT
}

/// TBL, TBX: up to four registers from Vn on; after V31 comes V0.
pub(crate) fn table(b: &mut Builder, w: Word) -> Option<Flow> {
    let count = w.at(13, 2) as u8 + 1;
    if count == 1 && !w.bit(12) {
        // An index beyond the table gets its top bit set, the others keep the low bits they have.
        let beyond = b.temp(2);
        (0..2).for_each(|i| b.set_const(beyond.up(i), 0x7070_7070_7070_7070));
        let index = b.vec(VecOp::AddSatU, Ty::I8, 16, vm(w), beyond).into();
        b.push(Op::Vec { op: VecOp::ShuffleBytes, lane: Ty::I8, bytes: 16, d: vd(w), a: vn(w), b: index });
        return if w.q() { NEXT } else { clear_upper(b, w) };
    }
    let mut a = vn(w);
    if w.rn() + count > 32 {
        a = b.temp(8).into();
        for i in 0..4 {
            b.set_n(2, ir::Val(a.up(2 * i).0), v(w.rn() + i));
        }
    }
    let shape = Shape { extra: count, ..shape_of(w, 0, B)? };
    let How::Call(helper) = (if w.bit(12) { Call(&TBX) } else { Call(&TBL) }) else { return None };
    b.call_into(helper, CallArgs { d: vd(w), a, b: vm(w), c: vd(w), imm: shape.imm() });
    NEXT
}
