//! Accesses to memory by elements that a mask chooses: those it does not choose do not fault.
use super::{get, put};
use ir::{CallArgs, GuestMemory, Helper, Slot, Slots, Trap, Ty};

/// a = address, c = mask; imm from [`imm`]: the chosen elements to d, zeros elsewhere.
pub(crate) static LOAD: Helper = Helper::machine("masked_load", load);
/// The same from b to memory.
pub(crate) static STORE: Helper = Helper::machine("masked_store", store);
/// a = base, and behind it what a segment adds; b = indices, c = mask, d = where to; imm from [`gather_imm`]. Elements that
/// were loaded before one faults stay loaded, and leave the mask (SDM volume 2, VPGATHERDD).
pub(crate) static GATHER: Helper = Helper::machine("gather", gather);

/// The size of an element and of the vector, in bytes.
pub(crate) fn imm(element: u8, bytes: u8) -> u16 {
    u16::from(element) | u16::from(bytes) << 8
}

const SHORT: u16 = 1 << 15;
/// The longer of the two vectors has 256 bits.
const LONG: u16 = 1 << 14;

pub(crate) fn gather_imm(index: Ty, element: Ty, scale: u8, count: u8) -> u16 {
    let wide = u16::from(index == Ty::I64) | u16::from(element == Ty::I64) << 1;
    let long = if count * index.bytes().max(element.bytes()) == 32 { LONG } else { 0 };
    wide | u16::from(scale) << 4 | u16::from(count) << 8 | long
}

/// The same with addresses cut to 32 bits before the segment's base is added.
pub(crate) fn gather_imm_short(imm: u16) -> u16 {
    imm | SHORT
}

/// The `n`th element of a vector.
fn element(slots: &Slots, at: Slot, size: u16, n: u16) -> u64 {
    let bit = 8 * size * n;
    get(slots, at, (bit / 64) as u8) >> (bit % 64) & u64::MAX >> (64 - 8 * size)
}

fn set_element(slots: &mut Slots, at: Slot, size: u16, n: u16, value: u64) {
    let bit = 8 * size * n;
    let (word, mask) = ((bit / 64) as u8, u64::MAX >> (64 - 8 * size) << (bit % 64));
    let old = get(slots, at, word);
    put(slots, at, word, old & !mask | value << (bit % 64) & mask);
}

fn chosen(slots: &Slots, mask: Slot, size: u16, n: u16) -> bool {
    element(slots, mask, size, n) >> (8 * size - 1) != 0
}

fn load(slots: &mut Slots, mem: &mut dyn GuestMemory, at: CallArgs) -> Result<(), Trap> {
    let (size, count) = (at.imm & 0xff, (at.imm >> 8) / (at.imm & 0xff).max(1));
    let addr = get(slots, at.a, 0);
    let mut words = [0u64; 4];
    for n in (0..count).filter(|n| chosen(slots, at.c, size, *n)) {
        let mut bytes = [0; 8];
        let from = addr.wrapping_add(u64::from(n * size));
        mem.read(from, &mut bytes[..usize::from(size)]).map_err(Trap::Fault)?;
        let bit = 8 * size * n;
        words[usize::from(bit / 64) & 3] |= u64::from_le_bytes(bytes) << (bit % 64);
    }
    for (i, word) in (0..).zip(words).take(usize::from(at.imm >> 11)) {
        put(slots, at.d, i, word);
    }
    Ok(())
}

fn store(slots: &mut Slots, mem: &mut dyn GuestMemory, at: CallArgs) -> Result<(), Trap> {
    let (size, count) = (at.imm & 0xff, (at.imm >> 8) / (at.imm & 0xff).max(1));
    let addr = get(slots, at.a, 0);
    let place = |n: u16| addr.wrapping_add(u64::from(n * size));
    let elements = || (0..count).filter(|n| chosen(slots, at.c, size, *n));
    for n in elements() {
        mem.probe_write(place(n), size.into()).map_err(Trap::Fault)?;
    }
    for n in elements() {
        let bytes = element(slots, at.b, size, n).to_le_bytes();
        mem.write(place(n), &bytes[..usize::from(size)]).map_err(Trap::Fault)?;
    }
    Ok(())
}

/// The chosen bytes of b to memory; imm = how many there are. All of them are checked, the upper ones first.
pub(crate) static STORE_BYTES: Helper = Helper::machine("masked_store_bytes", |s, mem, at| {
    let addr = get(s, at.a, 0);
    for word in (0..at.imm / 8).rev() {
        mem.probe_write(addr.wrapping_add(u64::from(8 * word)), 8).map_err(Trap::Fault)?;
    }
    store(s, mem, CallArgs { imm: 1 | at.imm << 8, ..at })
});

fn gather(slots: &mut Slots, mem: &mut dyn GuestMemory, at: CallArgs) -> Result<(), Trap> {
    let (index_size, size) = (4 << (at.imm & 1), 4 << (at.imm >> 1 & 1));
    let (scale, count, bytes) =
        (u64::from(at.imm >> 4 & 15), at.imm >> 8 & 15, if at.imm & LONG != 0 { 32 } else { 16 });
    let (base, segment) = (get(slots, at.a, 0), get(slots, at.a, 1));
    // Processors first make whole elements of the mask, as a fault shows.
    for n in 0..32 / size {
        let whole = n < bytes / size && chosen(slots, at.c, size, n);
        set_element(slots, at.c, size, n, if whole { u64::MAX } else { 0 });
    }
    for n in 0..count {
        if !chosen(slots, at.c, size, n) {
            continue;
        }
        let index = element(slots, at.b, index_size, n);
        let index = if index_size == 4 { index as i32 as u64 } else { index };
        let offset = base.wrapping_add(index.wrapping_mul(scale));
        let offset = if at.imm & SHORT != 0 { u64::from(offset as u32) } else { offset };
        let mut element = [0; 8];
        let from = segment.wrapping_add(offset);
        mem.read(from, &mut element[..usize::from(size)]).map_err(Trap::Fault)?;
        set_element(slots, at.d, size, n, u64::from_le_bytes(element));
        set_element(slots, at.c, size, n, 0);
        (bytes / 8..4).for_each(|word| put(slots, at.d, word as u8, 0));
    }
    // Both registers are zero behind the elements.
    (0..4).for_each(|word| put(slots, at.c, word, 0));
    ((count * size).div_ceil(8)..4).for_each(|word| put(slots, at.d, word as u8, 0));
    Ok(())
}
