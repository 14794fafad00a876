//! Exclusives, ordered accesses and atomics. Tasks run one at a time, so ordering needs no more than being there; all of
//! these want natural alignment, as before FEAT_LSE2: exclusives check it themselves.
use super::*;
use ir::{MemTy, RmwOp};

/// The width bits 31:30 name.
fn width(w: Word) -> Ty {
    [Ty::I8, Ty::I16, Ty::I32, Ty::I64][w.at(30, 2) as usize]
}

pub(crate) fn load(b: &mut Builder, w: Word) -> Option<Flow> {
    let (ty, addr) = (width(w), base(b, w));
    let value = b.load_ex(ty, false, addr);
    if w.rt() != 31 {
        b.set(regs::x(w.rt()), value);
    }
    NEXT
}

pub(crate) fn load_pair(b: &mut Builder, w: Word) -> Option<Flow> {
    let (ty, addr) = (width(w), base(b, w));
    let values = b.load_ex(ty, true, addr);
    for (r, value) in [(w.rt(), values), (w.rt2(), values.up(1))] {
        if r != 31 {
            b.set(regs::x(r), value);
        }
    }
    NEXT
}

pub(crate) fn store(b: &mut Builder, w: Word) -> Option<Flow> {
    let (ty, addr) = (width(w), base(b, w));
    let src = xr(b, w.rt());
    let d = dst(b, w.rs());
    b.push(Op::StoreEx { ty, pair: false, d, addr, src });
    NEXT
}

pub(crate) fn store_pair(b: &mut Builder, w: Word) -> Option<Flow> {
    let (ty, addr) = (width(w), base(b, w));
    let src = two(b, w.rt(), w.rt2());
    let d = dst(b, w.rs());
    b.push(Op::StoreEx { ty, pair: true, d, addr, src });
    NEXT
}

/// Two registers in neighbouring slots.
fn two(b: &mut Builder, first: u8, second: u8) -> Slot {
    if second == first + 1 && second < 31 {
        return xsp(first);
    }
    let pair = Slot::from(b.temp(2));
    for (n, d) in [(first, pair), (second, pair.up(1))] {
        b.push(if n == 31 { Op::Const { d, value: 0 } } else { Op::Mov { d, a: xsp(n) } });
    }
    pair
}

/// LDAR, LDAPR.
pub(crate) fn load_acquire(b: &mut Builder, w: Word) -> Option<Flow> {
    let (ty, addr) = (width(w), base(b, w));
    b.check_aligned(ty.bytes(), addr);
    let d = dst(b, w.rt());
    b.push(Op::Load { ty: MemTy::of(ty), d, addr, disp: 0 });
    NEXT
}

/// STLR.
pub(crate) fn store_release(b: &mut Builder, w: Word) -> Option<Flow> {
    let (ty, addr) = (width(w), base(b, w));
    let src = xr(b, w.rt());
    b.check_aligned(ty.bytes(), addr);
    b.store(MemTy::of(ty), src, addr, 0);
    NEXT
}

pub(crate) fn cas(b: &mut Builder, w: Word) -> Option<Flow> {
    let (ty, addr) = (width(w), base(b, w));
    let (expect, new) = (xr(b, w.rs()), xr(b, w.rt()));
    b.check_aligned(ty.bytes(), addr);
    let old = b.cas(ty, addr, expect, new);
    if w.rs() != 31 {
        b.set(regs::x(w.rs()), old);
    }
    NEXT
}

/// CASP: both registers of each pair, the first even.
pub(crate) fn casp(b: &mut Builder, w: Word) -> Option<Flow> {
    let (rs, rt) = (w.rs(), w.rt());
    if rs % 2 != 0 || rt % 2 != 0 {
        return None;
    }
    let addr = base(b, w);
    let (expect, new) = (two(b, rs, rs + 1), two(b, rt, rt + 1));
    let (low, high) = if w.bit(30) {
        let old = b.cas128(true, addr, expect, new);
        (old, old.up(1))
    } else {
        let join = |b: &mut Builder, pair: Slot| b.insert(Ty::I64, pair, pair.up(1), 32, 32);
        let (expect, new) = (join(b, expect), join(b, new));
        b.check_aligned(8, addr);
        let old = b.cas(Ty::I64, addr, expect, new);
        (b.zext(Ty::I32, old), b.shr_imm(Ty::I64, old, 32))
    };
    b.set(regs::x(rs), low);
    if rs + 1 != 31 {
        b.set(regs::x(rs + 1), high);
    }
    NEXT
}

/// LDADD and its like, SWP; with Rt = 31 they are STADD and its like.
pub(crate) fn rmw(b: &mut Builder, w: Word, op: RmwOp) -> Option<Flow> {
    let (ty, addr) = (width(w), base(b, w));
    let src = xr(b, w.rs());
    b.check_aligned(ty.bytes(), addr);
    let d = dst(b, w.rt());
    b.push(Op::AtomicRmw { op, ty, d, addr, src });
    NEXT
}

/// LDAPUR, STLUR: as LDUR and STUR, aligned.
pub(crate) fn unscaled(b: &mut Builder, w: Word) -> Option<Flow> {
    let addr = base(b, w);
    let addr = b.add_imm(Ty::I64, addr, w.signed(12, 9));
    b.check_aligned(width(w).bytes(), addr);
    mem::transfer_at(b, w, addr.into())
}
