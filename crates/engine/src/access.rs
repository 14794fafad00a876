//! Loads, stores, atomics and exclusives of a running task, over [`Memory`].
use crate::alu;
use ir::{EX_ADDR, EX_SIZE, Fault, GuestMemory, MemTy, RmwOp, Slot, Slots, Trap, Ty};
use mmu::{Memory, Stop};

/// Why an operation leaves its block. Registers are as before its instruction, except for `Exit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    Trap(Trap),
    /// The store is to code: the instruction runs again by itself, with such stores allowed.
    CodeWrite,
    /// The instruction retires, and execution goes on at this address.
    Exit(u64),
}

impl From<Stop> for Leave {
    #[cold]
    fn from(stop: Stop) -> Leave {
        match stop {
            Stop::Fault(fault) => Leave::Trap(Trap::Fault(fault_of(fault))),
            Stop::CodeWrite => Leave::CodeWrite,
        }
    }
}

pub(crate) fn fault_of(fault: mmu::Fault) -> Fault {
    let access = match fault.access {
        mmu::Access::Read => ir::Access::Read,
        mmu::Access::Write => ir::Access::Write,
        mmu::Access::Execute => ir::Access::Execute,
    };
    Fault { addr: fault.addr, access }
}

/// The address, if alignment does not matter or is there: to the size, or to the largest power of two that divides it (an
/// extended float is as two words). Vectors need none.
pub(crate) fn aligned(mem: &Memory, addr: u64, bytes: usize) -> Result<u64, Leave> {
    if mem.requires_alignment() && !addr.is_multiple_of(alignment_of(bytes)) {
        return Err(Leave::Trap(Trap::Alignment { addr }));
    }
    Ok(addr)
}

fn alignment_of(bytes: usize) -> u64 {
    match bytes.trailing_zeros() {
        _ if bytes == 10 => 8,
        log @ 0..=3 => 1 << log,
        _ => 1,
    }
}

#[inline(always)]
pub(crate) fn load(slots: &mut Slots, mem: &mut Memory, ty: MemTy, d: Slot, addr: u64) -> Result<(), Stop> {
    let value = match ty {
        MemTy::U8 => u8::from_le_bytes(mem.load(addr)?) as u64,
        MemTy::U16 => u16::from_le_bytes(mem.load(addr)?) as u64,
        MemTy::U32 => u32::from_le_bytes(mem.load(addr)?) as u64,
        MemTy::U64 => u64::from_le_bytes(mem.load(addr)?),
        MemTy::S8 => i8::from_le_bytes(mem.load(addr)?) as u64,
        MemTy::S16 => i16::from_le_bytes(mem.load(addr)?) as u64,
        MemTy::S32 => i32::from_le_bytes(mem.load(addr)?) as u64,
        MemTy::V128 => {
            let value = u128::from_le_bytes(mem.load(addr)?);
            slots[d.up(1).0 as usize] = (value >> 64) as u64;
            value as u64
        }
        MemTy::V256 => return load_words(slots, mem, d, addr),
    };
    slots[d.0 as usize] = value;
    Ok(())
}

fn load_words(slots: &mut Slots, mem: &mut Memory, d: Slot, addr: u64) -> Result<(), Stop> {
    let bytes: [u8; 32] = mem.load(addr)?;
    for (i, word) in bytes.chunks_exact(8).enumerate() {
        slots[d.up(i as u8).0 as usize] = u64::from_le_bytes(word.try_into().expect("chunks of eight"));
    }
    Ok(())
}

#[inline(always)]
pub(crate) fn store(slots: &Slots, mem: &mut Memory, ty: MemTy, src: Slot, addr: u64) -> Result<(), Stop> {
    let value = slots[src.0 as usize];
    match ty {
        MemTy::U8 | MemTy::S8 => mem.store(addr, (value as u8).to_le_bytes()),
        MemTy::U16 | MemTy::S16 => mem.store(addr, (value as u16).to_le_bytes()),
        MemTy::U32 | MemTy::S32 => mem.store(addr, (value as u32).to_le_bytes()),
        MemTy::U64 => mem.store(addr, value.to_le_bytes()),
        MemTy::V128 => mem.store(addr, pair(slots, src).to_le_bytes()),
        MemTy::V256 => {
            let mut bytes = [0; 32];
            for (i, word) in bytes.chunks_exact_mut(8).enumerate() {
                word.copy_from_slice(&slots[src.up(i as u8).0 as usize].to_le_bytes());
            }
            mem.store(addr, bytes)
        }
    }
}

/// The 128 bits in a slot and the next.
fn pair(slots: &Slots, at: Slot) -> u128 {
    slots[at.0 as usize] as u128 | (slots[at.up(1).0 as usize] as u128) << 64
}

fn set_pair(slots: &mut Slots, at: Slot, value: u128) {
    slots[at.0 as usize] = value as u64;
    slots[at.up(1).0 as usize] = (value >> 64) as u64;
}

/// A page that is read in order to be written faults as a write, so that the kernel resolves both at once.
fn as_write(stop: Stop) -> Stop {
    match stop {
        Stop::Fault(fault) => Stop::Fault(mmu::Fault { access: mmu::Access::Write, ..fault }),
        Stop::CodeWrite => Stop::CodeWrite,
    }
}

fn load_word(mem: &mut Memory, ty: Ty, addr: u64) -> Result<u64, Stop> {
    Ok(match ty {
        Ty::I8 => u8::from_le_bytes(mem.load(addr)?) as u64,
        Ty::I16 => u16::from_le_bytes(mem.load(addr)?) as u64,
        Ty::I32 => u32::from_le_bytes(mem.load(addr)?) as u64,
        Ty::I64 => u64::from_le_bytes(mem.load(addr)?),
    })
}

fn store_word(mem: &mut Memory, ty: Ty, addr: u64, value: u64) -> Result<(), Stop> {
    match ty {
        Ty::I8 => mem.store(addr, (value as u8).to_le_bytes()),
        Ty::I16 => mem.store(addr, (value as u16).to_le_bytes()),
        Ty::I32 => mem.store(addr, (value as u32).to_le_bytes()),
        Ty::I64 => mem.store(addr, value.to_le_bytes()),
    }
}

/// Traps unless `bytes`, a power of two, divides the address.
#[inline(always)]
pub(crate) fn check_aligned(addr: u64, bytes: u64) -> Result<(), Leave> {
    if addr & (bytes - 1) == 0 { Ok(()) } else { Err(Leave::Trap(Trap::Alignment { addr })) }
}

/// Gives the old value.
pub(crate) fn rmw(mem: &mut Memory, op: RmwOp, ty: Ty, addr: u64, src: u64) -> Result<u64, Stop> {
    let old = load_word(mem, ty, addr).map_err(as_write)?;
    store_word(mem, ty, addr, alu::rmw(op, ty, old, src))?;
    Ok(old)
}

/// Gives the old value. A failed comparison still needs the page to be writable, as on x86.
pub(crate) fn cas(mem: &mut Memory, ty: Ty, addr: u64, expect: u64, new: u64) -> Result<u64, Stop> {
    let old = load_word(mem, ty, addr).map_err(as_write)?;
    if old == expect & ty.mask() {
        store_word(mem, ty, addr, new)?;
    } else {
        mem.probe_write(addr, ty.bytes().into())?;
    }
    Ok(old)
}

/// `d`, `expect` and `new` are pairs of slots.
pub(crate) fn cas128(
    slots: &mut Slots,
    mem: &mut Memory,
    aligned: bool,
    addr: u64,
    [d, expect, new]: [Slot; 3],
) -> Result<(), Leave> {
    check_aligned(addr, if aligned { 16 } else { 1 })?;
    let old = u128::from_le_bytes(mem.load(addr).map_err(as_write)?);
    if old == pair(slots, expect) {
        mem.store(addr, pair(slots, new).to_le_bytes())?;
    } else {
        mem.probe_write(addr, 16)?;
    }
    set_pair(slots, d, old);
    Ok(())
}

// Exclusives: what is monitored is in EX_ADDR and EX_SIZE, whether it still holds only the pool knows.

fn exclusive_size(ty: Ty, pair: bool, addr: u64) -> Result<u64, Leave> {
    let size = (ty.bytes() as u64) << pair as u32;
    check_aligned(addr, size)?;
    Ok(size)
}

pub(crate) fn load_exclusive(
    slots: &mut Slots,
    mem: &mut Memory,
    ty: Ty,
    paired: bool,
    d: Slot,
    addr: u64,
) -> Result<(), Leave> {
    let size = exclusive_size(ty, paired, addr)?;
    let first = load_word(mem, ty, addr)?;
    let second = if paired { Some(load_word(mem, ty, addr.wrapping_add(size / 2))?) } else { None };
    clear_exclusive(slots, mem);
    mem.monitor(addr);
    slots[EX_ADDR.0 as usize] = addr;
    slots[EX_SIZE.0 as usize] = size;
    slots[d.0 as usize] = first;
    if let Some(second) = second {
        slots[d.up(1).0 as usize] = second;
    }
    Ok(())
}

pub(crate) fn store_exclusive(
    slots: &mut Slots,
    mem: &mut Memory,
    ty: Ty,
    paired: bool,
    [d, src]: [Slot; 2],
    addr: u64,
) -> Result<(), Leave> {
    let size = exclusive_size(ty, paired, addr)?;
    // A fault must leave the monitor: the kernel resolves it and the store is tried again.
    mem.probe_write(addr, size as usize)?;
    let (armed, at) = (slots[EX_SIZE.0 as usize], slots[EX_ADDR.0 as usize]);
    let held = armed != 0 && mem.unmonitor(at);
    slots[EX_SIZE.0 as usize] = 0;
    let stores = held && armed == size && at == addr;
    if stores {
        store_word(mem, ty, addr, slots[src.0 as usize])?;
        if paired {
            store_word(mem, ty, addr.wrapping_add(size / 2), slots[src.up(1).0 as usize])?;
        }
    }
    slots[d.0 as usize] = !stores as u64;
    Ok(())
}

pub(crate) fn clear_exclusive(slots: &mut Slots, mem: &mut Memory) {
    if slots[EX_SIZE.0 as usize] != 0 {
        mem.unmonitor(slots[EX_ADDR.0 as usize]);
        slots[EX_SIZE.0 as usize] = 0;
    }
}

/// Memory as helpers see it. A store to code is refused like a fault and noted, so that the whole call is made again; so is
/// a misaligned access where that matters.
pub(crate) struct HelperMemory<'a, 'b> {
    mem: &'a mut Memory<'b>,
    noted: Option<Leave>,
}

impl<'a, 'b> HelperMemory<'a, 'b> {
    pub(crate) fn new(mem: &'a mut Memory<'b>) -> Self {
        HelperMemory { mem, noted: None }
    }

    /// Why the helper is to be left, whatever it made of the refusal.
    pub(crate) fn noted(&self) -> Option<Leave> {
        self.noted
    }

    fn check_aligned(&mut self, addr: u64, len: usize, access: ir::Access) -> Result<(), Fault> {
        aligned(self.mem, addr, len).map(|_| ()).map_err(|leave| {
            self.noted = Some(leave);
            Fault { addr, access }
        })
    }
}

impl GuestMemory for HelperMemory<'_, '_> {
    fn read(&mut self, addr: u64, buf: &mut [u8]) -> Result<(), Fault> {
        self.check_aligned(addr, buf.len(), ir::Access::Read)?;
        self.mem.read(addr, buf).map_err(|stop| match stop {
            Stop::Fault(fault) => fault_of(fault),
            Stop::CodeWrite => Fault { addr, access: ir::Access::Read },
        })
    }

    fn write(&mut self, addr: u64, data: &[u8]) -> Result<(), Fault> {
        self.check_aligned(addr, data.len(), ir::Access::Write)?;
        self.mem.write(addr, data).map_err(|stop| match stop {
            Stop::Fault(fault) => fault_of(fault),
            Stop::CodeWrite => {
                self.noted = Some(Leave::CodeWrite);
                Fault { addr, access: ir::Access::Write }
            }
        })
    }

    fn probe_write(&mut self, addr: u64, len: usize) -> Result<(), Fault> {
        self.mem.probe_write(addr, len).map_err(|stop| match stop {
            Stop::Fault(fault) => fault_of(fault),
            Stop::CodeWrite => {
                self.noted = Some(Leave::CodeWrite);
                Fault { addr, access: ir::Access::Write }
            }
        })
    }
}
