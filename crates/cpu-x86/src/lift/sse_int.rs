//! Integer vectors, in MMX, SSE and AVX form. What is done by elements in the IR is in the table itself.
use super::Lift;
use super::operand::reg_of;
use super::vector::Form;
use crate::helpers::{text, vec as helper};
use crate::regs::{RAX, RCX, RDX, xmm};
use ir::{BinOp, CallArgs, Cond, Flags, Helper, Op, Slot, Ty, VecOp};

/// PSLLW and its kin: by an immediate, or by all 64 low bits of an operand.
pub(crate) fn shift(l: &mut Lift<'_>, op: BinOp, lane: Ty) {
    let (d, bytes) = (Slot::from(l.vreg(0)), l.vbytes(0));
    let last = l.insn.op_count() - 1;
    let a = Slot::from(l.vreg(last - 1));
    if l.insn.op_kind(last) == iced_x86::OpKind::Immediate8 {
        let amount = l.insn.immediate8();
        l.out.push(Op::VecShift { op, lane, bytes, d, a, amount });
        return l.finish(d, bytes);
    }
    let count = l.vread(last);
    // The count may be in the register that is written.
    let b = l.out.get(count).into();
    for word in (Form { d, a, b, bytes }).words() {
        let args = CallArgs { b, ..word.args(helper::shift_imm(op, lane)) };
        l.out.call_into(&helper::SHIFT, args);
    }
    l.finish(d, bytes);
}

/// VPSLLVD and its kin: every element by its own count.
pub(crate) fn shift_each(l: &mut Lift<'_>, op: BinOp, lane: Ty) {
    l.words(&helper::SHIFT_EACH, helper::shift_imm(op, lane));
}

/// The words `words`, lowest first, shifted down by `bytes` and cut to two: into `d`.
fn align(l: &mut Lift<'_>, d: Slot, words: &[Slot], bytes: u8, out: u8) {
    let (from, bits) = (usize::from(bytes / 8), bytes % 8 * 8);
    let zero = Slot::from(l.out.iconst(0));
    let word = |i: usize| words.get(i).copied().unwrap_or(zero);
    let shifted: Vec<Slot> = (from..from + usize::from(out))
        .map(|i| match bits {
            0 => l.out.get(word(i)).into(),
            _ => l.out.funnel(Ty::I64, word(i + 1), word(i), bits).into(),
        })
        .collect();
    for (i, value) in shifted.into_iter().enumerate() {
        l.out.set(d.up(i as u8), value);
    }
}

/// PSLLDQ, PSRLDQ.
pub(crate) fn shift_bytes(l: &mut Lift<'_>, left: bool) {
    let (d, bytes) = (Slot::from(l.vreg(0)), l.vbytes(0));
    let a = Slot::from(l.vreg(l.insn.op_count() - 2));
    let n = l.insn.immediate8().min(16);
    for Form { d, a, .. } in (Form { d, a, b: a, bytes }).lanes() {
        if left {
            // Up by n is down by 16 - n with zeros below.
            let zero = Slot::from(l.out.iconst(0));
            align(l, d, &[zero, zero, a, a.up(1)], 16 - n, 2);
        } else {
            align(l, d, &[a, a.up(1)], n, 2);
        }
    }
    l.finish(d, bytes);
}

/// PALIGNR.
pub(crate) fn palignr(l: &mut Lift<'_>) {
    let n = l.insn.immediate8().min(32);
    let f = l.form();
    for Form { d, a, b, bytes } in f.lanes() {
        match bytes {
            8 => align(l, d, &[b, a], n, 1),
            _ => align(l, d, &[b, b.up(1), a, a.up(1)], n, 2),
        }
    }
    l.finish(f.d, f.bytes);
}

/// PMOVSXBW and its kin. From the top down, since `d` may be `b`.
pub(crate) fn extend(l: &mut Lift<'_>, signed: bool, from: Ty, to: Ty) {
    let f = l.form();
    for i in (0..f.bytes / 8).rev() {
        let bit = u16::from(i) * u16::from(64 / to.bits()) * u16::from(from.bits());
        let imm = helper::extend_imm(signed, from, to, bit % 64);
        let b = f.b.up((bit / 64) as u8);
        l.out.call_into(&helper::EXTEND, CallArgs { d: f.d.up(i), a: b, b, c: b, imm });
    }
    l.finish(f.d, f.bytes);
}

pub(crate) fn pmovmskb(l: &mut Lift<'_>) {
    let (d, _) = reg_of(l.insn.op0_register());
    let (a, bytes) = (Slot::from(l.vreg(1)), l.vbytes(1));
    let mut mask = l.out.vec_mask(Ty::I8, bytes.min(16), a);
    if bytes == 32 {
        let high = l.out.vec_mask(Ty::I8, 16, a.up(2));
        mask = l.out.lea(mask, high, 16, 0);
    }
    l.out.set(d, mask);
    l.enter_mmx();
}

/// PTEST, VTESTPS, VTESTPD: ZERO if no bit of `mask` is in both, CARRY if none is in `b` alone.
pub(crate) fn test(l: &mut Lift<'_>, mask: u64) {
    let f = l.form();
    let (mut both, mut alone) = (None, None);
    for Form { a, b, .. } in (Form { a: l.vreg(0).into(), ..f }).words() {
        for (all, op, x, y) in [(&mut both, BinOp::And, b, a), (&mut alone, BinOp::AndNot, b, a)] {
            let bits = l.out.bin(op, Ty::I64, x, y);
            *all = Some(match *all {
                Some(before) => l.out.or(Ty::I64, before, bits),
                None => bits,
            });
        }
    }
    let [zero, carry] = [both, alone].map(|bits| {
        let bits = bits.unwrap_or_else(|| l.out.iconst(0));
        let mask = l.out.iconst(mask);
        let bits = l.out.and(Ty::I64, bits, mask);
        l.out.cmp_imm(Cond::Eq, Ty::I64, bits, 0)
    });
    const { assert!(Flags::CARRY == 1 && Flags::ZERO == 1 << 6) };
    let flags = l.out.lea(carry, zero, 6, 0);
    l.out.set_flag_bits(flags);
}

/// MPSADBW: each lane has three bits of the immediate.
pub(crate) fn mpsadbw(l: &mut Lift<'_>) {
    let imm = l.insn.immediate8();
    let f = l.form();
    for (i, lane) in f.lanes().enumerate() {
        l.out.call_into(&helper::MPSADBW, lane.args(u16::from(imm >> (3 * i) & 7)));
    }
    l.finish(f.d, f.bytes);
}

/// PMULLD and its kin are `Lift::vec`; PSIGNB and its kin: a, -a or 0 as b is.
pub(crate) fn sign(l: &mut Lift<'_>, lane: Ty) {
    let f = l.form();
    let Form { d, a, b, bytes } = f;
    let positive = {
        let zero = l.out.vec(VecOp::Xor, lane, bytes, b, b);
        l.out.vec(VecOp::CmpGtS, lane, bytes, b, zero)
    };
    let negative = l.out.vec_shift(BinOp::Sar, lane, bytes, b, lane.bits() - 1);
    let minus = l.out.vec(VecOp::Neg, lane, bytes, a, a);
    let plus = l.out.vec(VecOp::And, lane, bytes, a, positive);
    let minus = l.out.vec(VecOp::And, lane, bytes, minus, negative);
    l.out.push(Op::Vec { op: VecOp::Or, lane, bytes, d, a: plus.into(), b: minus.into() });
    l.finish(d, bytes);
}

/// CRC32 of an operand's bytes into a register.
pub(crate) fn crc32(l: &mut Lift<'_>) {
    let ty = l.ty(1);
    let b = l.read(1);
    let (d, _) = reg_of(l.insn.op0_register());
    let d = Slot::from(d);
    l.out.call_into(&text::CRC32, CallArgs { d, a: d, b, c: d, imm: ty.bytes().into() });
}

/// PCMPESTRI, PCMPISTRI (the place of a match to ECX), PCMPESTRM, PCMPISTRM (the matches to XMM0).
pub(crate) fn compare_strings(l: &mut Lift<'_>, helper: &'static Helper, mask: bool) {
    let a = Slot::from(l.vreg(0));
    let b = string_operand(l);
    // Lengths are EAX and EDX, or all of RAX and RDX with REX.W.
    use iced_x86::Mnemonic::{Pcmpestri64, Pcmpestrm64, Vpcmpestri64, Vpcmpestrm64};
    let wide = matches!(l.insn.mnemonic(), Pcmpestri64 | Pcmpestrm64 | Vpcmpestri64 | Vpcmpestrm64);
    let imm = u16::from(l.insn.immediate8()) | u16::from(wide) << 8;
    let lengths = l.out.temp(2);
    l.out.push(Op::Mov { d: lengths.into(), a: RAX.into() });
    l.out.push(Op::Mov { d: lengths.up(1).into(), a: RDX.into() });
    let result = l.out.call(helper, a, b, lengths, imm);
    l.out.set_flag_bits(result.up(1));
    if !mask {
        return l.out.set(RCX, result);
    }
    let d = Slot::from(xmm(0));
    l.out.set(d, result.up(2));
    l.out.set(d.up(1), result.up(3));
    l.finish(d, 16);
}

/// The second string, which is nowhere required to be aligned.
fn string_operand(l: &mut Lift<'_>) -> Slot {
    if !l.is_mem(1) {
        return l.vreg(1).into();
    }
    let mem = l.mem();
    l.load(ir::MemTy::V128, mem).into()
}
