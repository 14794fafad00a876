//! Loads and stores of one register and of pairs.
use super::*;
use ir::MemTy;

/// What one register is transferred as.
#[derive(Clone, Copy)]
struct Transfer {
    ty: MemTy,
    load: bool,
    /// A signed load into W: the upper half stays zero.
    to_w: bool,
    vector: bool,
}

/// `size`, V and `opc`; `None` inside is a prefetch.
fn transfer_kind(w: Word) -> Option<Option<Transfer>> {
    let (size, opc) = (w.at(30, 2), w.at(22, 2));
    if w.bit(26) {
        let log = size | (opc & 2) << 1;
        let ty = *[MemTy::U8, MemTy::U16, MemTy::U32, MemTy::U64, MemTy::V128].get(log as usize)?;
        return Some(Some(Transfer { ty, load: opc & 1 != 0, to_w: false, vector: true }));
    }
    let ty = match (size, opc) {
        (0, 0 | 1) => MemTy::U8,
        (1, 0 | 1) => MemTy::U16,
        (2, 0 | 1) => MemTy::U32,
        (3, 0 | 1) => MemTy::U64,
        (0, _) => MemTy::S8,
        (1, _) => MemTy::S16,
        (2, 2) => MemTy::S32,
        (3, 2) => return Some(None),
        _ => return None,
    };
    Some(Some(Transfer { ty, load: opc != 0, to_w: opc == 3, vector: false }))
}

/// Where the access goes, relative to a base.
#[derive(Clone, Copy)]
enum Offset {
    Disp(i32),
    Index(Slot, u8),
}

fn load_to(b: &mut Builder, ty: MemTy, d: Slot, base: Slot, offset: Offset) {
    match offset {
        Offset::Disp(disp) => b.push(Op::Load { ty, d, addr: base, disp }),
        Offset::Index(index, scale) => b.push(Op::LoadX { ty, d, base, index, scale, disp: 0 }),
    }
}

fn transfer(b: &mut Builder, t: Transfer, rt: u8, base: Slot, offset: Offset) {
    if !t.load {
        let src = if t.vector { regs::v(rt).into() } else { xr(b, rt) };
        match offset {
            Offset::Disp(disp) => b.store(t.ty, src, base, disp),
            Offset::Index(index, scale) => b.store_x(t.ty, src, base, index, scale, 0),
        }
    } else if t.vector {
        let d = Slot::from(regs::v(rt));
        load_to(b, t.ty, d, base, offset);
        if t.ty.slots() == 1 {
            b.push(Op::Const { d: d.up(1), value: 0 });
        }
    } else if t.to_w {
        let value = b.temp(1).into();
        load_to(b, t.ty, value, base, offset);
        let d = dst(b, rt);
        mov_to(b, Ty::I32, d, value);
    } else {
        let d = dst(b, rt);
        load_to(b, t.ty, d, base, offset);
    }
}

pub(crate) fn unsigned_offset(b: &mut Builder, w: Word) -> Option<Flow> {
    if let Some(t) = transfer_kind(w)? {
        let disp = w.at(10, 12) as i32 * i32::from(t.ty.bytes());
        let base = base(b, w);
        transfer(b, t, w.rt(), base, Offset::Disp(disp));
    }
    NEXT
}

/// The access `size` and `opc` name, at `addr`.
pub(crate) fn transfer_at(b: &mut Builder, w: Word, addr: Slot) -> Option<Flow> {
    transfer(b, transfer_kind(w)??, w.rt(), addr, Offset::Disp(0));
    NEXT
}

/// LDUR, STUR; LDTR, STTR.
pub(crate) fn unscaled_offset(b: &mut Builder, w: Word) -> Option<Flow> {
    if let Some(t) = transfer_kind(w)? {
        let base = base(b, w);
        transfer(b, t, w.rt(), base, Offset::Disp(w.signed(12, 9) as i32));
    }
    NEXT
}

pub(crate) fn register_offset(b: &mut Builder, w: Word) -> Option<Flow> {
    let option = w.at(13, 3);
    if option & 2 == 0 {
        return None;
    }
    if let Some(t) = transfer_kind(w)? {
        let scale = if w.bit(12) { t.ty.bytes().trailing_zeros() as u8 } else { 0 };
        let (base, index) = (base(b, w), extended(b, w.rm(), option));
        transfer(b, t, w.rt(), base, Offset::Index(index, scale));
    }
    NEXT
}

pub(crate) fn post_index(b: &mut Builder, w: Word) -> Option<Flow> {
    indexed(b, w, 0)
}

pub(crate) fn pre_index(b: &mut Builder, w: Word) -> Option<Flow> {
    indexed(b, w, w.signed(12, 9) as i32)
}

/// The access at `disp`, then the base moves by imm9. A load into its own base is unpredictable; here the base wins.
fn indexed(b: &mut Builder, w: Word, disp: i32) -> Option<Flow> {
    let t = transfer_kind(w)??;
    let (base, by) = (base(b, w), w.signed(12, 9) as u64);
    if t.load && !t.vector && w.rt() == w.rn() {
        let moved = b.add_imm(Ty::I64, base, by as i64);
        transfer(b, t, 31, base, Offset::Disp(disp));
        if w.rn() != 31 {
            b.set(regs::x(w.rn()), moved);
            return NEXT;
        }
    } else {
        transfer(b, t, w.rt(), base, Offset::Disp(disp));
    }
    bin_imm_to(b, BinOp::Add, Ty::I64, base, base, by);
    NEXT
}

pub(crate) fn literal(b: &mut Builder, w: Word) -> Option<Flow> {
    let opc = w.at(30, 2) as usize;
    let (ty, vector) = if w.bit(26) {
        (*[MemTy::U32, MemTy::U64, MemTy::V128].get(opc)?, true)
    } else if let Some(&ty) = [MemTy::U32, MemTy::U64, MemTy::S32].get(opc) {
        (ty, false)
    } else {
        return NEXT;
    };
    let base = b.iconst(target(w, 5, 19)).into();
    transfer(b, Transfer { ty, load: true, to_w: false, vector }, w.rt(), base, Offset::Disp(0));
    NEXT
}

pub(crate) fn pair_offset(b: &mut Builder, w: Word) -> Option<Flow> {
    pair(b, w, true, false)
}

pub(crate) fn pair_post(b: &mut Builder, w: Word) -> Option<Flow> {
    pair(b, w, false, true)
}

pub(crate) fn pair_pre(b: &mut Builder, w: Word) -> Option<Flow> {
    pair(b, w, true, true)
}

fn pair(b: &mut Builder, w: Word, offset: bool, writeback: bool) -> Option<Flow> {
    let (opc, vector, load) = (w.at(30, 2) as usize, w.bit(26), w.bit(22));
    let ty = if vector {
        *[MemTy::U32, MemTy::U64, MemTy::V128].get(opc)?
    } else {
        *[MemTy::U32, MemTy::S32, MemTy::U64].get(opc)?
    };
    let by = w.signed(15, 7) as i32 * i32::from(ty.bytes());
    let disp = if offset { by } else { 0 };
    let base = base(b, w);
    let t = Transfer { ty, load, to_w: false, vector };
    // Neighbouring registers that fill their slots are one access.
    let both = match (vector, ty) {
        (false, MemTy::U64) if w.rt2() < 31 => Some(MemTy::V128),
        (true, MemTy::V128) => Some(MemTy::V256),
        _ => None,
    };
    let overlaps = load && !vector && w.rn() != 31 && (w.rt() == w.rn() || w.rt2() == w.rn());
    let moved = (writeback && overlaps).then(|| b.add_imm(Ty::I64, base, by.into()));
    match both {
        Some(both) if w.rt2() == w.rt() + 1 => {
            transfer(b, Transfer { ty: both, ..t }, w.rt(), base, Offset::Disp(disp))
        }
        _ if load => load_pair(b, t, (w.rt(), w.rt2()), base, disp),
        _ => {
            b.probe_write(2 * ty.bytes(), base, disp);
            transfer(b, t, w.rt(), base, Offset::Disp(disp));
            transfer(b, t, w.rt2(), base, Offset::Disp(disp + i32::from(ty.bytes())));
        }
    }
    if let Some(moved) = moved {
        b.set(regs::x(w.rn()), moved);
    } else if writeback {
        bin_imm_to(b, BinOp::Add, Ty::I64, base, base, by as u64);
    }
    NEXT
}

/// Two loads; the first register is set when both have been made.
fn load_pair(b: &mut Builder, t: Transfer, (rt, rt2): (u8, u8), base: Slot, disp: i32) {
    let first = b.load(t.ty, base, disp);
    transfer(b, t, rt2, base, Offset::Disp(disp + i32::from(t.ty.bytes())));
    if t.vector {
        let d = Slot::from(regs::v(rt));
        b.set_n(t.ty.slots(), d, first);
        if t.ty.slots() == 1 {
            b.push(Op::Const { d: d.up(1), value: 0 });
        }
    } else if rt != 31 {
        b.set(regs::x(rt), first);
    }
}
