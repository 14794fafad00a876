//! Moves of vectors and their parts, in SSE and AVX form, and the state as a whole.
use super::operand::{reg_of, ty_of_bytes};
use super::sse::bits_of;
use super::vector::{Form, vreg_of};
use super::{Lift, Mem};
use crate::helpers::masked;
use crate::regs::{FPU_SW, FPU_TAG, RDI};
use iced_x86::{OpKind, Register};
use ir::{BinOp, CallArgs, FTy, MemTy, Op, Slot, Ty};

const fn vector_mem(bytes: u8) -> MemTy {
    match bytes {
        8 => MemTy::U64,
        16 => MemTy::V128,
        _ => MemTy::V256,
    }
}

/// MOVAPS, MOVDQA, MOVNTPS, MOVNTDQA (aligned); MOVUPS, MOVDQU, LDDQU (not); MOVNTQ.
pub(crate) fn mov_whole(l: &mut Lift<'_>, aligned: bool) {
    let register = if l.is_mem(0) { 1 } else { 0 };
    let bytes = l.vbytes(register);
    let mem = (l.is_mem(0) || l.is_mem(1)).then(|| l.mem());
    if let Some(mem) = mem
        && aligned
    {
        l.check_aligned(bytes, mem);
    }
    let reg = l.vreg(register).into();
    match mem {
        Some(mem) if register == 1 => {
            l.store(vector_mem(bytes), reg, mem);
            return l.enter_mmx();
        }
        Some(mem) => l.load_into(reg, vector_mem(bytes), mem),
        None => {
            let a = l.vreg(1);
            l.out.set_n(bytes / 8, reg, a);
        }
    }
    l.finish(reg, bytes);
}

/// MOVSS, MOVSD: between registers the lowest element, from memory zeros above it.
pub(crate) fn mov_scalar(l: &mut Lift<'_>, ty: FTy) {
    let mem_ty = MemTy::of(bits_of(ty));
    if l.is_mem(0) {
        let (mem, a) = (l.mem(), l.vreg(1));
        return l.store(mem_ty, a, mem);
    }
    if l.is_mem(1) {
        let (mem, d) = (l.mem(), Slot::from(l.vreg(0)));
        l.load_into(d, mem_ty, mem);
        l.out.set_const(d.up(1), 0);
        return l.finish(d, 16);
    }
    let f = l.form();
    let value = l.out.get(f.b);
    l.write_element(ty, f, value);
}

/// MOVSD is also a string instruction.
pub(crate) fn movsd(l: &mut Lift<'_>) {
    if l.insn.op_kinds().any(|k| k == OpKind::Register) {
        return mov_scalar(l, FTy::F64);
    }
    super::string::movs(l);
}

/// MOVLPS (word 0), MOVHPS (word 1): one half to or from memory.
pub(crate) fn mov_half(l: &mut Lift<'_>, word: u8) {
    if l.is_mem(0) {
        let (mem, a) = (l.mem(), l.vreg(1).up(word));
        return l.store(MemTy::U64, a, mem);
    }
    let f = l.form();
    l.out.set(f.d.up(word), f.b);
    finish_half(l, f, 1 - word);
}

/// MOVHLPS, MOVLHPS: one half of `b` to the other of `d`.
pub(crate) fn mov_across(l: &mut Lift<'_>, to: u8) {
    let f = l.form();
    let value = l.out.get(f.b.up(1 - to));
    l.out.set(f.d.up(to), value);
    finish_half(l, f, 1 - to);
}

/// The half that is `a`'s.
fn finish_half(l: &mut Lift<'_>, f: Form, word: u8) {
    if f.d != f.a {
        l.out.set(f.d.up(word), f.a.up(word));
    }
    l.finish(f.d, 16);
}

/// MOVDDUP, VMOVDDUP: the low words of each lane twice.
pub(crate) fn movddup(l: &mut Lift<'_>) {
    let f = l.form();
    for lane in f.lanes() {
        l.out.set(lane.d.up(1), lane.b);
        l.out.set(lane.d, lane.b);
    }
    l.finish(f.d, f.bytes);
}

/// MOVSLDUP (the even elements twice), MOVSHDUP (the odd).
pub(crate) fn mov_dup(l: &mut Lift<'_>, odd: bool) {
    let f = l.form();
    for Form { d, b, .. } in f.words() {
        if odd {
            let high = l.out.shr_imm(Ty::I64, b, 32);
            l.out.push(Op::Insert { ty: Ty::I64, d, a: b, b: high.into(), lsb: 0, width: 32 });
        } else {
            l.out.push(Op::Insert { ty: Ty::I64, d, a: b, b, lsb: 32, width: 32 });
        }
    }
    l.finish(f.d, f.bytes);
}

/// MOVMSKPS, MOVMSKPD.
pub(crate) fn mov_mask(l: &mut Lift<'_>, ty: FTy) {
    let (d, _) = reg_of(l.insn.op0_register());
    let (a, bytes) = (l.vreg(1), l.vbytes(1));
    let lane = if ty == FTy::F32 { Ty::I32 } else { Ty::I64 };
    let mut mask = l.out.vec_mask(lane, 16, a);
    if bytes == 32 {
        let high = l.out.vec_mask(lane, 16, a.up(2));
        mask = l.out.lea(mask, high, 16 / lane.bytes(), 0);
    }
    l.out.set(d, mask);
}

/// MOVD, MOVQ between vector registers, general ones and memory; what is above is cleared.
pub(crate) fn mov_word(l: &mut Lift<'_>) {
    use iced_x86::Mnemonic::{Movq, Vmovq};
    let wide = matches!(l.insn.mnemonic(), Movq | Vmovq);
    let is_vector = |r: Register| r.is_mm() || r.is_xmm();
    if l.is_mem(0) || !is_vector(l.insn.op0_register()) {
        let a = l.vreg(1);
        if l.is_mem(0) {
            let mem = l.mem();
            l.store(MemTy::of(if wide { Ty::I64 } else { Ty::I32 }), a, mem);
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
        let ty = ty_of_bytes(l.insn.memory_size().size());
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
    l.finish(d.into(), 16);
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

/// MASKMOVDQU, MASKMOVQ: the bytes whose mask's top bit is set go to [rdi].
pub(crate) fn mask_move(l: &mut Lift<'_>) {
    let bytes = l.vbytes(1);
    let (value, mask) = (Slot::from(l.vreg(1)), Slot::from(l.vreg(2)));
    // With the address-size prefix, EDI.
    let short = l.insn.op_kinds().any(|k| k == OpKind::MemorySegEDI);
    let addr = l.extend(RDI.into(), if short { Ty::I32 } else { Ty::I64 }, false);
    let addr = l.add_segment(addr);
    l.out.call_into(&masked::STORE_BYTES, CallArgs { d: value, a: addr, b: value, c: mask, imm: bytes.into() });
    l.enter_mmx();
}

/// VMASKMOVPS and its kin: elements whose mask's sign is set; the others are zero, or stay, and do not fault.
pub(crate) fn mov_masked(l: &mut Lift<'_>, element: Ty) {
    let mem: Mem = l.mem();
    let addr = l.lea(mem);
    let (mask, other) = (Slot::from(l.vreg(1)), if l.is_mem(0) { 2 } else { 0 });
    let (reg, bytes) = (Slot::from(l.vreg(other)), l.vbytes(other));
    let helper = if l.is_mem(0) { &masked::STORE } else { &masked::LOAD };
    l.out.call_into(helper, CallArgs { d: reg, a: addr, b: reg, c: mask, imm: masked::imm(element.bytes(), bytes) });
    if !l.is_mem(0) {
        l.finish(reg, bytes);
    }
}

/// VPGATHERDD and its kin: elements at a base and indices, as far as a mask says.
pub(crate) fn gather(l: &mut Lift<'_>, index: Ty, element: Ty) {
    let insn = l.insn;
    let (d, mask) = (Slot::from(l.vreg(0)), Slot::from(l.vreg(2)));
    let (base, short) = l.vector_base();
    let indices = Slot::from(vreg_of(insn.memory_index()));
    // As many elements as the shorter of the two vectors has places.
    let places = |r: Register, ty: Ty| r.size() as u8 / ty.bytes();
    let count = places(insn.op0_register(), element).min(places(insn.memory_index(), index));
    let imm = masked::gather_imm(index, element, insn.memory_index_scale() as u8, count);
    let imm = if short { masked::gather_imm_short(imm) } else { imm };
    l.out.call_into(&masked::GATHER, CallArgs { d, a: base, b: indices, c: mask, imm });
}

/// UNPCKLPD, PUNPCKLQDQ.
pub(crate) fn low_words(l: &mut Lift<'_>) {
    let f = l.form();
    for Form { d, a, b, .. } in f.lanes() {
        // `d` may be `b`.
        l.out.set(d.up(1), b);
        l.out.set(d, a);
    }
    l.finish(f.d, f.bytes);
}

/// UNPCKHPD, PUNPCKHQDQ.
pub(crate) fn high_words(l: &mut Lift<'_>) {
    let f = l.form();
    for Form { d, a, b, .. } in f.lanes() {
        l.out.set(d, a.up(1));
        l.out.set(d.up(1), b.up(1));
    }
    l.finish(f.d, f.bytes);
}

pub(crate) fn movntq(l: &mut Lift<'_>) {
    mov_whole(l, false);
    l.enter_mmx();
}

/// EMMS: the x87 stack is empty, its top 0.
pub(crate) fn emms(l: &mut Lift<'_>) {
    l.bin_imm_into(FPU_SW, BinOp::And, Ty::I64, FPU_SW, !0x3800);
    l.out.set_const(FPU_TAG, 0);
}

/// VZEROUPPER, VZEROALL: from word `from` of every register up.
pub(crate) fn zero_registers(l: &mut Lift<'_>, from: u8) {
    (0..16).for_each(|n| l.clear_from(crate::regs::xmm(n).into(), from));
}
