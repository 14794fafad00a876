//! SSE's floating point, of 32 and 64 bits, in SSE and AVX form.
use super::Lift;
use super::operand::reg_of;
use super::vector::Form;
use crate::helpers::fp as helper;
use crate::helpers::fp::Round as RoundImm;
use iced_x86::OpKind;
use ir::{CallArgs, Cond, FTy, Flags, FpOp, MemTy, Op, Overflow, Round, Slot, Trap, Ty, VecOp};

/// The type of an f32's or f64's bits.
pub(crate) const fn bits_of(ty: FTy) -> Ty {
    match ty {
        FTy::F32 => Ty::I32,
        FTy::F64 => Ty::I64,
    }
}

/// ADDSS and its kin: the lowest element; the rest is the first operand's.
pub(crate) fn scalar(l: &mut Lift<'_>, op: FpOp, ty: FTy) {
    let f = l.form();
    let value = if op == FpOp::Sqrt { l.out.fp(op, ty, f.b, f.b) } else { l.out.fp(op, ty, f.a, f.b) };
    l.write_element(ty, f, value);
}

/// UCOMIS (quiet) and COMIS (signaling): ZERO, PARITY and CARRY tell; the other flags are clear.
pub(crate) fn compare_to_flags(l: &mut Lift<'_>, ty: FTy, signaling: bool) {
    let a = l.vreg(0);
    let b = l.vread(1);
    let order = l.out.fp_cmp(ty, signaling, a, b);
    // The answer for 1, 2, 4 or 8 is seven times as many bits up in a table.
    const TABLE: u64 = Flags::CARRY << 7 | Flags::ZERO << 14 | (Flags::CARRY | Flags::PARITY | Flags::ZERO) << 56;
    let at = l.out.bin_imm(ir::BinOp::Mul, Ty::I64, order, 7);
    let table = l.out.iconst(TABLE);
    let flags = l.out.bin(ir::BinOp::Shr, Ty::I64, table, at);
    l.out.set_flag_bits(flags);
}

/// The predicate in the immediate: SSE has eight, AVX 32.
fn predicate(l: &Lift<'_>) -> u16 {
    u16::from(l.insn.immediate8() & if l.is_vex() { 31 } else { 7 })
}

/// CMPPS and its kin.
pub(crate) fn compare_packed(l: &mut Lift<'_>, ty: FTy) {
    let predicate = predicate(l);
    l.words(if ty == FTy::F32 { &helper::CMP_PS } else { &helper::CMP_SD }, predicate);
}

pub(crate) fn compare_scalar(l: &mut Lift<'_>, ty: FTy) {
    let predicate = predicate(l);
    let f = l.form();
    let helper = if ty == FTy::F32 { &helper::CMP_SS } else { &helper::CMP_SD };
    let value = l.out.call(helper, f.a, f.b, f.b, predicate);
    l.write_element(ty, f, value);
}

/// CMPSD is also a string instruction.
pub(crate) fn cmpsd(l: &mut Lift<'_>) {
    if l.insn.op_kinds().any(|k| k == OpKind::Register) {
        return compare_scalar(l, FTy::F64);
    }
    super::string::cmps(l);
}

/// RCPSS, RSQRTSS.
pub(crate) fn estimate_scalar(l: &mut Lift<'_>, root: bool) {
    let f = l.form();
    let value = l.out.call(&helper::ESTIMATE, f.b, f.b, f.b, root.into());
    l.write_element(FTy::F32, f, value);
}

/// RCPPS, RSQRTPS.
pub(crate) fn estimate_packed(l: &mut Lift<'_>, root: bool) {
    l.words(&helper::ESTIMATES, root.into());
}

/// ANDNPS and its kin: !a & b.
pub(crate) fn and_not(l: &mut Lift<'_>) {
    l.vec_reversed(VecOp::AndNot, Ty::I64);
}

/// HADDPS, PHADDW and their kin: neighbours of `a`, then of `b`, in each lane.
pub(crate) fn horizontal(l: &mut Lift<'_>, op: VecOp, lane: Ty) {
    let f = l.form();
    for Form { d, a, b, bytes } in f.lanes() {
        let even = l.out.vec(VecOp::UnzipEven, lane, bytes, a, b);
        let odd = l.out.vec(VecOp::UnzipOdd, lane, bytes, a, b);
        l.out.push(Op::Vec { op, lane, bytes, d, a: even.into(), b: odd.into() });
    }
    l.finish(f.d, f.bytes);
}

/// ROUNDSS, ROUNDSD.
pub(crate) fn round_scalar(l: &mut Lift<'_>, ty: FTy) {
    let how = RoundImm::of(l.insn.immediate8());
    let f = l.form();
    let round = match how.mode {
        _ if how.by_mxcsr => Round::Env,
        softfloat::Rounding::NearestEven => Round::NearestEven,
        softfloat::Rounding::Down => Round::Down,
        softfloat::Rounding::Up => Round::Up,
        _ => Round::TowardZero,
    };
    let value = l.out.fp_round(ty, round, how.exact, f.b);
    l.write_element(ty, f, value);
}

/// ROUNDPS, ROUNDPD.
pub(crate) fn round_packed(l: &mut Lift<'_>, ty: FTy) {
    let imm = l.insn.immediate8().into();
    l.words(if ty == FTy::F32 { &helper::ROUND_PS } else { &helper::ROUND_PD }, imm);
}

// Conversions.

/// CVTSI2SS, CVTSI2SD.
pub(crate) fn int_to_scalar(l: &mut Lift<'_>, to: FTy) {
    let last = l.last_operand();
    let from = l.ty(last);
    let b = l.read(last);
    let d = l.vreg(0).into();
    let a = if l.is_vex() { l.vreg(1).into() } else { d };
    let value = l.out.int_to_fp(from, true, to, b);
    l.write_element(to, Form { d, a, b, bytes: 16 }, value);
}

/// CVTSS2SI, CVTTSD2SI and so on.
pub(crate) fn scalar_to_int(l: &mut Lift<'_>, from: FTy, truncate: bool) {
    let to = l.ty(0);
    let a = l.vread(1);
    let (d, _) = reg_of(l.insn.op0_register());
    let round = if truncate { Round::TowardZero } else { Round::Env };
    l.out.fp_to_int(from, to, true, round, Overflow::X86, a);
    l.redirect(d.into());
}

/// CVTSS2SD, CVTSD2SS.
pub(crate) fn scalar_to_scalar(l: &mut Lift<'_>, from: FTy) {
    let f = l.form();
    let value = l.out.fp_to_fp(from, f.b);
    l.write_element(if from == FTy::F32 { FTy::F64 } else { FTy::F32 }, f, value);
}

/// Packed conversions between elements of one size: CVTDQ2PS, CVTPS2DQ, CVTPS2PI and so on.
pub(crate) fn convert(l: &mut Lift<'_>, kind: helper::Conversion) {
    l.words(&helper::CONVERT, kind as u16);
}

/// CVTPI2PS: the other half stays.
pub(crate) fn convert_half(l: &mut Lift<'_>, kind: helper::Conversion) {
    let f = l.form();
    l.out.call_into(&helper::CONVERT, f.args(kind as u16));
    l.enter_mmx();
}

/// From 32 bits to 64: CVTDQ2PD, CVTPS2PD, CVTPI2PD, and CVTPH2PS from 16 to 32. From the top down, since `d` may be `b`.
pub(crate) fn convert_up(l: &mut Lift<'_>, kind: helper::Conversion) {
    let f = l.form();
    for i in (0..f.bytes / 16).rev() {
        let word = Form { d: f.d.up(2 * i), b: f.b.up(i), ..f };
        l.out.call_into(&helper::CONVERT_UP, word.args(kind as u16));
    }
    l.finish(f.d, f.bytes);
}

/// From 64 bits to 32: CVTPD2PS, CVTPD2DQ, CVTPD2PI. The other half of an XMM register is cleared.
pub(crate) fn convert_down(l: &mut Lift<'_>, kind: helper::Conversion) {
    let last = l.last_operand();
    let from = if l.is_mem(last) { l.insn.memory_size().size() as u8 } else { l.vbytes(last) };
    let f = l.form();
    for i in 0..from / 16 {
        let word = Form { d: f.d.up(i), b: f.b.up(2 * i), ..f };
        l.out.call_into(&helper::CONVERT_DOWN, word.args(kind as u16));
    }
    if from == f.bytes && !l.is_mmx() {
        l.out.set_const(f.d.up(1), 0);
    }
    l.finish(f.d, f.bytes);
}

/// VCVTPS2PH: to a register or memory, rounded as the immediate says. Processors have MXCSR's flags set when the store faults.
pub(crate) fn convert_to_half(l: &mut Lift<'_>) {
    let (a, from) = (l.vreg(1), l.vbytes(1));
    let imm = helper::Conversion::Ps2Ph as u16 | u16::from(l.insn.immediate8()) << 8;
    let words = from / 16;
    let mem = l.is_mem(0).then(|| l.mem());
    let d = if mem.is_some() { l.out.temp(2).into() } else { Slot::from(l.vreg(0)) };
    for i in 0..words {
        let a = Slot::from(a).up(2 * i);
        l.out.call_into(&helper::CONVERT_DOWN, CallArgs { d: d.up(i), a, b: a, c: a, imm });
    }
    match mem {
        Some(mem) => l.store(if words == 1 { MemTy::U64 } else { MemTy::V128 }, d, mem),
        None => l.finish(d, 8 * words),
    }
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
    let value = l.out.temp(1);
    let (d, a) = (value.into(), ir::FP_ENV.into());
    l.out.call_into(&helper::STMXCSR, CallArgs { d, a, b: a, c: a, imm: 0 });
    let mem = l.mem();
    l.store(MemTy::U32, value, mem);
}
