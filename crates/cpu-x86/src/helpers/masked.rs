//! Accesses to memory by elements that a mask chooses: those it does not choose do not fault.
use super::{get, put};
use ir::{CallArgs, GuestMemory, Helper, Slot, Slots, Trap, Ty};

/// a = address, c = mask; imm from [`imm`]: the chosen elements to d, zeros elsewhere.
pub(crate) static LOAD: Helper = Helper::machine("masked_load", load);
/// The same from b to memory.
pub(crate) static STORE: Helper = Helper::machine("masked_store", store);
/// a = base, and behind it what a segment adds; b = indices, c = mask, d = where to; imm from [`gather_imm`]. Elements that
/// were loaded before one faults stay loaded, and leave the mask.
pub(crate) static GATHER: Helper = Helper::machine("gather", gather);

/// The size of an element and of the vector, in bytes.
pub(crate) fn imm(element: u8, bytes: u8) -> u16 {
    u16::from(element) | u16::from(bytes) << 8
}

/// Addresses are cut to 32 bits before the segment's base is added.
const SHORT: u16 = 1 << 15;

pub(crate) fn gather_imm(index: Ty, element: Ty, scale: u8, count: u8, short: bool) -> u16 {
    let wide = u16::from(index == Ty::I64) | u16::from(element == Ty::I64) << 1;
    wide | u16::from(scale) << 4 | u16::from(count) << 8 | if short { SHORT } else { 0 }
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

fn gather(slots: &mut Slots, mem: &mut dyn GuestMemory, at: CallArgs) -> Result<(), Trap> {
    let (index_size, size) = (4 << (at.imm & 1), 4 << (at.imm >> 1 & 1));
    let (scale, count) = (u64::from(at.imm >> 4 & 15), at.imm >> 8 & 15);
    let (base, segment) = (get(slots, at.a, 0), get(slots, at.a, 1));
    for n in (0..count).filter(|n| chosen(slots, at.c, size, *n)).collect::<Vec<_>>() {
        let index = element(slots, at.b, index_size, n);
        let index = if index_size == 4 { index as i32 as u64 } else { index };
        let offset = base.wrapping_add(index.wrapping_mul(scale));
        let offset = if at.imm & SHORT != 0 { u64::from(offset as u32) } else { offset };
        let mut bytes = [0; 8];
        let from = segment.wrapping_add(offset);
        mem.read(from, &mut bytes[..usize::from(size)]).map_err(Trap::Fault)?;
        set_element(slots, at.d, size, n, u64::from_le_bytes(bytes));
        set_element(slots, at.c, size, n, 0);
    }
    // The mask is used up, and both registers are zero beyond the elements.
    for word in 0..4 {
        put(slots, at.c, word, 0);
        if u16::from(word) >= (count * size).div_ceil(8) {
            put(slots, at.d, word, 0);
        }
    }
    Ok(())
}
