//! SSE and SSE2: floating point, and the moves that all vectors share.
use super::Lift;
use super::operand::reg_of;
use crate::helpers::{fp as helper, fxsave, vec};
use crate::regs::{FPU_SW, FPU_TAG, RDI};
use iced_x86::{OpKind, Register};
use ir::{CallArgs, Cond, FTy, Flags, FpOp, MemTy, Op, Overflow, Round, Slot, Trap, Ty, Val, VecOp};

const fn float_mem(ty: FTy) -> MemTy {
    match ty {
        FTy::F32 => MemTy::U32,
        FTy::F64 => MemTy::U64,
    }
}

/// Operand `i` of a scalar instruction.
fn scalar_operand(l: &mut Lift<'_>, ty: FTy, i: u32) -> Slot {
    if l.is_mem(i) {
        let mem = l.mem();
        return l.load(float_mem(ty), mem).into();
    }
    l.vreg(i).into()
}

/// ADDSS and its kin: the lowest lane; the rest of the register stays.
pub(crate) fn scalar(l: &mut Lift<'_>, op: FpOp, ty: FTy) {
    let d = l.vreg(0);
    let b = scalar_operand(l, ty, 1);
    let value = if op == FpOp::Sqrt { l.out.fp(op, ty, b, b) } else { l.out.fp(op, ty, d, b) };
    l.write_lane(ty, d, value);
}

/// UCOMIS (quiet) and COMIS (signaling): ZERO, PARITY and CARRY tell; the other flags are clear.
pub(crate) fn compare_to_flags(l: &mut Lift<'_>, ty: FTy, signaling: bool) {
    let a = l.vreg(0);
    let b = scalar_operand(l, ty, 1);
    let order = l.out.fp_cmp(ty, signaling, a, b);
    // The answer for 1, 2, 4 or 8 is seven times as many bits up in a table.
    const TABLE: u64 = Flags::CARRY << 7 | Flags::ZERO << 14 | (Flags::CARRY | Flags::PARITY | Flags::ZERO) << 56;
    let at = l.out.bin_imm(ir::BinOp::Mul, Ty::I64, order, 7);
    let table = l.out.iconst(TABLE);
    let flags = l.out.bin(ir::BinOp::Shr, Ty::I64, table, at);
    l.out.set_flag_bits(flags);
}

/// CMPPS and its kin: the predicate is in the immediate.
pub(crate) fn compare_lanes(l: &mut Lift<'_>, ty: FTy) {
    let predicate = u16::from(l.insn.immediate8() & 7);
    l.whole(if ty == FTy::F32 { &helper::CMP_PS } else { &helper::CMP_PD }, predicate);
}

pub(crate) fn compare_scalar(l: &mut Lift<'_>, ty: FTy) {
    let predicate = u16::from(l.insn.immediate8() & 7);
    let d = l.vreg(0);
    let b = scalar_operand(l, ty, 1);
    let helper = if ty == FTy::F32 { &helper::CMP_SS } else { &helper::CMP_SD };
    let value = l.out.call(helper, d, b, b, predicate);
    l.write_lane(ty, d, value);
}

/// RCPSS, RSQRTSS.
pub(crate) fn estimate_scalar(l: &mut Lift<'_>, root: bool) {
    let d = l.vreg(0);
    let a = scalar_operand(l, FTy::F32, 1);
    let value = l.out.call(&helper::ESTIMATE, a, a, a, root.into());
    l.write_lane(FTy::F32, d, value);
}

/// RCPPS, RSQRTPS.
pub(crate) fn estimate_lanes(l: &mut Lift<'_>, root: bool) {
    l.whole(&helper::ESTIMATES, root.into());
}

/// ANDNPS and its kin: !op0 & op1.
pub(crate) fn and_not(l: &mut Lift<'_>) {
    l.vec_reversed(VecOp::AndNot, Ty::I64);
}

// Moves.

/// MOVAPS, MOVDQA, MOVNTPS (aligned); MOVUPS, MOVDQU, LDDQU (not).
pub(crate) fn mov_whole(l: &mut Lift<'_>, aligned: bool) {
    if !l.is_mem(0) && !l.is_mem(1) {
        let (d, a) = (l.vreg(0), l.vreg(1));
        return l.out.set_n(2, d, a);
    }
    let mem = l.mem();
    if aligned {
        l.check_aligned(16, mem);
    }
    if l.is_mem(0) {
        let a = l.vreg(1);
        return l.store(MemTy::V128, a, mem);
    }
    let d = l.vreg(0);
    l.load_unaligned(d, mem);
}

/// MOVSS, MOVSD: between registers the lowest lane, from memory zeros above it.
pub(crate) fn mov_scalar(l: &mut Lift<'_>, ty: FTy) {
    if l.is_mem(0) {
        let (mem, a) = (l.mem(), l.vreg(1));
        return l.store(float_mem(ty), a, mem);
    }
    let d = l.vreg(0);
    if l.is_mem(1) {
        let mem = l.mem();
        l.load_into(d, float_mem(ty), mem);
        return l.out.set_const(d.up(1), 0);
    }
    let a = l.vreg(1);
    match ty {
        FTy::F32 => l.insert(d, a, 0, 32),
        FTy::F64 => l.out.set(d, a),
    }
}

/// MOVSD is also a string instruction.
pub(crate) fn movsd(l: &mut Lift<'_>) {
    if l.insn.op_kinds().any(|k| k == OpKind::Register) {
        return mov_scalar(l, FTy::F64);
    }
    super::string::movs(l);
}

/// So is CMPSD.
pub(crate) fn cmpsd(l: &mut Lift<'_>) {
    if l.insn.op_kinds().any(|k| k == OpKind::Register) {
        return compare_scalar(l, FTy::F64);
    }
    super::string::cmps(l);
}

/// MOVLPS (word 0), MOVHPS (word 1): one half to or from memory.
pub(crate) fn mov_half(l: &mut Lift<'_>, word: u8) {
    if l.is_mem(0) {
        let (mem, a) = (l.mem(), l.vreg(1).up(word));
        return l.store(MemTy::U64, a, mem);
    }
    let (mem, d) = (l.mem(), l.vreg(0).up(word));
    l.load_into(d, MemTy::U64, mem);
}

/// MOVHLPS, MOVLHPS: one half to the other.
pub(crate) fn mov_across(l: &mut Lift<'_>, to: u8) {
    let (d, a) = (l.vreg(0).up(to), l.vreg(1).up(1 - to));
    l.out.set(d, a);
}

/// MOVMSKPS, MOVMSKPD.
pub(crate) fn mov_mask(l: &mut Lift<'_>, ty: FTy) {
    let (d, _) = reg_of(l.insn.op0_register());
    let a = l.vreg(1);
    let low = l.out.shr_imm(Ty::I64, a, 63);
    let high = l.out.shr_imm(Ty::I64, a.up(1), 63);
    if ty == FTy::F64 {
        let bits = l.out.lea(low, high, 1, 0);
        return l.out.set(d, bits);
    }
    let low_0 = l.out.extract(false, Ty::I64, a, 31, 1);
    let high_0 = l.out.extract(false, Ty::I64, a.up(1), 31, 1);
    let low = l.out.lea(low_0, low, 1, 0);
    let high = l.out.lea(high_0, high, 1, 0);
    l.out.push(Op::Lea { d: d.into(), base: low.into(), index: high.into(), scale: 2, disp: 0 });
}

/// MOVD, MOVQ between vector registers, general ones and memory; what is above is cleared.
pub(crate) fn mov_word(l: &mut Lift<'_>) {
    let wide = l.insn.mnemonic() == iced_x86::Mnemonic::Movq;
    let ty = if wide { Ty::I64 } else { Ty::I32 };
    let is_vector = |r: Register| r.is_mm() || r.is_xmm();
    if l.is_mem(0) || !is_vector(l.insn.op0_register()) {
        let a = l.vreg(1);
        if l.is_mem(0) {
            let mem = l.mem();
            l.store(MemTy::of(ty), a, mem);
        } else {
            let (d, _) = reg_of(l.insn.op0_register());
            // MOVD names a 64-bit register with REX.W.
            let ty = l.ty(0);
            l.write_low(ty, d, a);
        }
        return l.enter_mmx();
    }
    let d = l.vreg(0);
    if l.is_mem(1) {
        let mem = l.mem();
        let ty = super::operand::ty_of_bytes(l.insn.memory_size().size());
        l.load_into(d, MemTy::of(ty), mem);
    } else if is_vector(l.insn.op1_register()) {
        let a = l.vreg(1);
        l.out.set(d, a);
    } else {
        let ty = l.ty(1);
        let a = l.read(1);
        l.write_low(ty, d, a);
    }
    if l.insn.op0_register().is_xmm() {
        l.out.set_const(d.up(1), 0);
    }
    l.enter_mmx();
}

/// MOVQ2DQ, MOVDQ2Q.
pub(crate) fn mov_mmx(l: &mut Lift<'_>) {
    let (d, a) = (l.vreg(0), l.vreg(1));
    l.out.set(d, a);
    if l.insn.op0_register().is_xmm() {
        l.out.set_const(d.up(1), 0);
    }
    l.enter_mmx();
}

/// MOVNTQ.
pub(crate) fn mov_nt_mmx(l: &mut Lift<'_>) {
    let (mem, a) = (l.mem(), l.vreg(1));
    l.store(MemTy::U64, a, mem);
    l.enter_mmx();
}

/// MASKMOVDQU, MASKMOVQ: the bytes whose mask's top bit is set go to [rdi].
pub(crate) fn mask_move(l: &mut Lift<'_>) {
    let bytes = l.vbytes(1);
    let (value, mask) = (Slot::from(l.vreg(1)), Slot::from(l.vreg(2)));
    let addr = l.add_segment(RDI.into());
    l.out.call_into(&vec::MASK_MOVE, CallArgs { d: value, a: addr, b: value, c: mask, imm: bytes.into() });
    l.enter_mmx();
}

// Shuffles of floats.

pub(crate) fn shufps(l: &mut Lift<'_>) {
    let imm = l.insn.immediate8().into();
    l.whole(&vec::SHUFPS, imm);
}

pub(crate) fn shufpd(l: &mut Lift<'_>) {
    let imm = l.insn.immediate8();
    let d = l.vreg(0);
    let b = l.vread(1);
    let low = l.out.get(d.up(imm & 1));
    let high = l.out.get(b.up(imm >> 1 & 1));
    l.out.set(d, low);
    l.out.set(d.up(1), high);
}

/// UNPCKLPD, PUNPCKLQDQ.
pub(crate) fn low_words(l: &mut Lift<'_>) {
    let d = l.vreg(0);
    let b = l.vread(1);
    l.out.set(d.up(1), b);
}

/// UNPCKHPD, PUNPCKHQDQ.
pub(crate) fn high_words(l: &mut Lift<'_>) {
    let d = l.vreg(0);
    let b = l.vread(1);
    l.out.set(d, d.up(1));
    l.out.set(d.up(1), b.up(1));
}

// Conversions.

/// CVTSI2SS, CVTSI2SD.
pub(crate) fn int_to_scalar(l: &mut Lift<'_>, to: FTy) {
    let d = l.vreg(0);
    let from = l.ty(1);
    let a = l.read(1);
    let value = l.out.int_to_fp(from, true, to, a);
    l.write_lane(to, d, value);
}

/// CVTSS2SI, CVTTSD2SI and so on.
pub(crate) fn scalar_to_int(l: &mut Lift<'_>, from: FTy, truncate: bool) {
    let to = l.ty(0);
    let a = scalar_operand(l, from, 1);
    let (d, _) = reg_of(l.insn.op0_register());
    let round = if truncate { Round::TowardZero } else { Round::Env };
    l.out.fp_to_int(from, to, true, round, Overflow::X86, a);
    l.redirect(d.into());
}

/// CVTSS2SD, CVTSD2SS.
pub(crate) fn scalar_to_scalar(l: &mut Lift<'_>, from: FTy) {
    let d = l.vreg(0);
    let a = scalar_operand(l, from, 1);
    let value = l.out.fp_to_fp(from, a);
    l.write_lane(if from == FTy::F32 { FTy::F64 } else { FTy::F32 }, d, value);
}

/// The operand of a packed conversion; eight bytes of memory have zeros above them.
fn two_words(l: &mut Lift<'_>) -> Slot {
    if !l.is_mem(1) || l.insn.memory_size().size() == 16 {
        return l.vread(1);
    }
    let (mem, d) = (l.mem(), l.out.temp(2));
    l.load_into(d, MemTy::U64, mem);
    l.out.push(Op::Const { d: d.up(1).into(), value: 0 });
    d.into()
}

/// The packed conversions: two XMM words in, two out.
pub(crate) fn convert(l: &mut Lift<'_>, kind: helper::Conversion) {
    let d = Slot::from(l.vreg(0));
    let a = two_words(l);
    l.out.call_into(&helper::CONVERT, CallArgs { d, a, b: a, c: a, imm: kind as u16 });
}

/// The same from or to an MMX register: CVTPI2PS, CVTPD2PI and so on. What is not converted to stays.
pub(crate) fn convert_mmx(l: &mut Lift<'_>, kind: helper::Conversion, words: u8) {
    let d = l.vreg(0);
    let a = two_words(l);
    let result = l.out.call(&helper::CONVERT, a, a, a, kind as u16);
    l.out.set_n(words, d, result);
    l.enter_mmx();
}

// Control.

pub(crate) fn ldmxcsr(l: &mut Lift<'_>) {
    let mem = l.mem();
    let value = l.load(MemTy::U32, mem);
    let reserved = l.out.cmp_imm(Cond::GtU, Ty::I32, value, crate::regs::MXCSR_MASK as i32);
    l.out.trap_if(reserved, Trap::GeneralProtection);
    l.out.call(&helper::LDMXCSR, value, value, value, 0);
}

pub(crate) fn stmxcsr(l: &mut Lift<'_>) {
    let value: Val = l.out.call(&helper::STMXCSR, ir::FP_ENV, crate::regs::MXCSR_MASKS, ir::FP_ENV, 0);
    let mem = l.mem();
    l.store(MemTy::U32, value, mem);
}

/// FXSAVE, FXRSTOR.
pub(crate) fn fxsave(l: &mut Lift<'_>, restore: bool) {
    let mem = l.mem();
    l.check_aligned(16, mem);
    let addr = l.lea(mem);
    let helper = if restore { &fxsave::FXRSTOR } else { &fxsave::FXSAVE };
    l.out.call_into(helper, CallArgs { d: addr, a: addr, b: addr, c: addr, imm: 0 });
}

/// EMMS: the x87 stack is empty, its top 0.
pub(crate) fn emms(l: &mut Lift<'_>) {
    l.bin_imm_into(FPU_SW, ir::BinOp::And, Ty::I64, FPU_SW, !0x3800);
    l.out.set_const(FPU_TAG, 0);
}
