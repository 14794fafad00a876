//! Advanced SIMD loads and stores of structures.
use super::simd_lanes::vd;
use super::simd_move::{lane_of, replicate, set_lane};
use super::*;
use crate::helpers::lanes::Shape;
use crate::helpers::structure::{PACK3, UNPACK3, UNPACK3_D};
use crate::regs::v;
use ir::{CallArgs, MemTy, Val, VecOp};

/// Post-index: the base moves by Xm, or by what was transferred.
fn writeback(b: &mut Builder, w: Word, bytes: u8) -> Option<Flow> {
    if w.bit(23) {
        let base = xsp(w.rn());
        match w.rm() {
            31 => bin_imm_to(b, BinOp::Add, Ty::I64, base, base, bytes.into()),
            rm => bin_to(b, BinOp::Add, Ty::I64, base, base, xsp(rm)),
        }
    }
    NEXT
}

/// The words of `bytes` bytes of memory, in a dense run of temporaries.
fn load_run(b: &mut Builder, base: Slot, bytes: u8) -> Slot {
    let run = Slot::from(b.temp(8));
    let mut at = 0;
    while at < bytes {
        let ty = run_step(bytes - at);
        b.push(Op::Load { ty, d: run.up(at / 8), addr: base, disp: at.into() });
        at += ty.bytes();
    }
    run
}

/// Writes a dense run; both pages are known to be writable before the first store.
fn store_run(b: &mut Builder, base: Slot, bytes: u8, run: Slot) {
    if bytes > run_step(bytes).bytes() {
        b.probe_write(bytes, base, 0);
    }
    let mut at = 0;
    while at < bytes {
        let ty = run_step(bytes - at);
        b.store(ty, run.up(at / 8), base, at.into());
        at += ty.bytes();
    }
}

/// The widest access that `left` bytes allow.
fn run_step(left: u8) -> MemTy {
    match left {
        32.. => MemTy::V256,
        16.. => MemTy::V128,
        _ => MemTy::U64,
    }
}

/// LD1 to LD4 and ST1 to ST4 of whole registers: `count` registers, structures of `elements`.
pub(crate) fn multiple(b: &mut Builder, w: Word, elements: u8, count: u8) -> Option<Flow> {
    let lane = [Ty::I8, Ty::I16, Ty::I32, Ty::I64][w.at(10, 2) as usize];
    if lane == Ty::I64 && !w.q() && elements > 1 {
        return None;
    }
    let register = if w.q() { 16 } else { 8 };
    let shape = Shape { lane, bytes: register, upper: false, extra: 0, by_extra: false };
    let (base, bytes) = (base(b, w), count * register);
    if w.bit(22) {
        load_multiple(b, w, base, shape, elements, count);
    } else {
        let run = pack(b, w, shape, elements, count);
        store_run(b, base, bytes, run);
    }
    writeback(b, w, bytes)
}

fn load_multiple(b: &mut Builder, w: Word, base: Slot, shape: Shape, elements: u8, count: u8) {
    let words = shape.bytes / 8;
    if count == 1 {
        let ty = run_step(shape.bytes);
        b.push(Op::Load { ty, d: vd(w), addr: base, disp: 0 });
        if words == 1 {
            b.push(Op::Const { d: vd(w).up(1), value: 0 });
        }
        return;
    }
    let run = load_run(b, base, count * shape.bytes);
    // Registers in order, two slots each, unless they wrap around after V31.
    let wraps = w.rt() + count > 32;
    let registers = if wraps { b.temp(8).into() } else { vd(w) };
    match elements {
        1 => {
            for i in 0..count {
                let d = registers.up(2 * i);
                for word in 0..words {
                    b.push(Op::Mov { d: d.up(word), a: run.up(i * words + word) });
                }
                if words == 1 {
                    b.push(Op::Const { d: d.up(1), value: 0 });
                }
            }
        }
        2 => {
            for (i, op) in [VecOp::UnzipEven, VecOp::UnzipOdd].into_iter().enumerate() {
                let d = registers.up(2 * i as u8);
                b.push(Op::Vec { op, lane: shape.lane, bytes: shape.bytes, d, a: run, b: run.up(words) });
                if words == 1 {
                    b.push(Op::Const { d: d.up(1), value: 0 });
                }
            }
        }
        3 => {
            let helper = if words == 1 { &UNPACK3_D } else { &UNPACK3 };
            b.call_into(helper, CallArgs { d: registers, a: run, b: run, c: run, imm: shape.imm() });
        }
        _ => unzip_four(b, shape, registers, run),
    }
    if wraps {
        for i in 0..count {
            b.set_n(2, v(w.rt() + i), Val(registers.up(2 * i).0));
        }
    }
}

/// What the registers look like in memory.
fn pack(b: &mut Builder, w: Word, shape: Shape, elements: u8, count: u8) -> Slot {
    let words = shape.bytes / 8;
    let mut registers = vd(w);
    if count == 1 {
        return registers;
    }
    if w.rt() + count > 32 {
        registers = b.temp(8).into();
        for i in 0..count {
            b.set_n(2, Val(registers.up(2 * i).0), v(w.rt() + i));
        }
    }
    match elements {
        1 if words == 2 => registers,
        1 => {
            let run = Slot::from(b.temp(4));
            for i in 0..count {
                b.push(Op::Mov { d: run.up(i), a: registers.up(2 * i) });
            }
            run
        }
        2 => {
            let run = Slot::from(b.temp(4));
            for (i, op) in [VecOp::ZipLo, VecOp::ZipHi].into_iter().enumerate() {
                let d = run.up(i as u8 * words);
                b.push(Op::Vec { op, lane: shape.lane, bytes: shape.bytes, d, a: registers, b: registers.up(2) });
            }
            run
        }
        3 => {
            let run = Slot::from(b.temp(8));
            b.call_into(&PACK3, CallArgs { d: run, a: registers, b: registers, c: registers, imm: shape.imm() });
            run
        }
        _ => zip_four(b, shape, registers),
    }
}

/// Structures of four: every other element, twice.
fn unzip_four(b: &mut Builder, shape: Shape, registers: Slot, run: Slot) {
    let Shape { lane, bytes, .. } = shape;
    for (i, first) in (0..).zip([VecOp::UnzipEven, VecOp::UnzipOdd]) {
        let low = Slot::from(b.vec(first, lane, 16, run, run.up(2)));
        let high = if bytes == 8 { low.up(1) } else { b.vec(first, lane, 16, run.up(4), run.up(6)).into() };
        for (j, op) in (0..).zip([VecOp::UnzipEven, VecOp::UnzipOdd]) {
            let d = registers.up(2 * i + 4 * j);
            b.push(Op::Vec { op, lane, bytes, d, a: low, b: high });
            if bytes == 8 {
                b.push(Op::Const { d: d.up(1), value: 0 });
            }
        }
    }
}

/// The other way: elements 0 and 2, 1 and 3 in turn, then both.
fn zip_four(b: &mut Builder, shape: Shape, registers: Slot) -> Slot {
    let lane = shape.lane;
    let run = Slot::from(b.temp(8));
    for (i, first) in (0..shape.bytes / 8).zip([VecOp::ZipLo, VecOp::ZipHi]) {
        let [even, odd] = [0, 2].map(|at| b.vec(first, lane, 16, registers.up(at), registers.up(at + 4)));
        for (j, op) in (0..).zip([VecOp::ZipLo, VecOp::ZipHi]) {
            b.push(Op::Vec { op, lane, bytes: 16, d: run.up(4 * i + 2 * j), a: even.into(), b: odd.into() });
        }
    }
    run
}

/// LD1 to LD4, ST1 to ST4 of one lane.
pub(crate) fn single(b: &mut Builder, w: Word, lane: Ty) -> Option<Flow> {
    let (q, s, size) = (w.at(30, 1), w.at(12, 1), w.at(10, 2));
    let index = match lane {
        Ty::I8 => q << 3 | s << 2 | size,
        Ty::I16 => q << 2 | s << 1 | size >> 1,
        Ty::I32 => q << 1 | s,
        Ty::I64 => q,
    } as u8;
    let (elements, base, step) = (elements(w), base(b, w), lane.bytes());
    let at = |i: u8| i32::from(i * step);
    if w.bit(22) {
        let values: Vec<_> = (0..elements).map(|i| b.load(MemTy::of(lane), base, at(i))).collect();
        for (i, value) in (0..).zip(values) {
            set_lane(b, v(w.rt() + i).into(), lane, index, value.into());
        }
    } else {
        if elements > 1 {
            b.probe_write(elements * step, base, 0);
        }
        for i in 0..elements {
            let value = lane_of(b, v(w.rt() + i).into(), lane, index);
            b.store(MemTy::of(lane), value, base, at(i));
        }
    }
    writeback(b, w, elements * step)
}

/// opcode<0>:R, plus one.
fn elements(w: Word) -> u8 {
    (w.at(13, 1) << 1 | w.at(21, 1)) as u8 + 1
}

/// LD1R to LD4R.
pub(crate) fn single_replicate(b: &mut Builder, w: Word) -> Option<Flow> {
    let lane = [Ty::I8, Ty::I16, Ty::I32, Ty::I64][w.at(10, 2) as usize];
    let (elements, base) = (elements(w), base(b, w));
    let values: Vec<_> = (0..elements).map(|i| b.load(MemTy::of(lane), base, i32::from(i * lane.bytes()))).collect();
    for (i, value) in (0..).zip(values) {
        replicate(b, v(w.rt() + i).into(), lane, value.into(), w.q());
    }
    writeback(b, w, elements * lane.bytes())
}
