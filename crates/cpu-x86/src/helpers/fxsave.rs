//! The 512-byte image of FXSAVE and FXRSTOR (SDM volume 1, 10.5.1), which is also a signal frame's `_fpstate`.
use crate::regs::*;
use ir::{CallArgs, GuestMemory, Helper, Reg, Slots, Trap};

pub(crate) const SIZE: usize = 512;
/// Behind these bytes nothing is stored.
const USED: usize = 416;
const MXCSR: usize = 24;
const ST: usize = 32;
const XMM: usize = 160;

/// a = address, already checked.
pub(crate) static FXSAVE: Helper = Helper::machine("fxsave", fxsave);
pub(crate) static FXRSTOR: Helper = Helper::machine("fxrstor", fxrstor);

fn cell(slots: &Slots, reg: Reg) -> u64 {
    slots[reg.0 as usize]
}

pub(crate) fn save(slots: &Slots) -> [u8; SIZE] {
    let mut image = [0; SIZE];
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &(cell(slots, FPU_CW) as u16).to_le_bytes());
    put(2, &(cell(slots, FPU_SW) as u16).to_le_bytes());
    put(4, &[cell(slots, FPU_TAG) as u8]);
    put(6, &(cell(slots, FPU_OP) as u16).to_le_bytes());
    put(8, &cell(slots, FPU_IP).to_le_bytes());
    put(16, &cell(slots, FPU_DP).to_le_bytes());
    put(MXCSR, &mxcsr(slots).to_le_bytes());
    put(MXCSR + 4, &MXCSR_MASK.to_le_bytes());
    let top = (cell(slots, FPU_SW) >> 11 & 7) as u8;
    for i in 0..8 {
        let reg = st(top + i);
        let at = ST + 16 * i as usize;
        put(at, &cell(slots, reg).to_le_bytes());
        put(at + 8, &(cell(slots, reg.up(1)) as u16).to_le_bytes());
    }
    for i in 0..16 {
        let at = XMM + 16 * i as usize;
        put(at, &cell(slots, xmm(i)).to_le_bytes());
        put(at + 8, &cell(slots, xmm(i).up(1)).to_le_bytes());
    }
    image
}

fn u16_at(image: &[u8; SIZE], at: usize) -> u64 {
    u64::from(u16::from_le_bytes([image[at], image[at + 1]]))
}

fn u64_at(image: &[u8; SIZE], at: usize) -> u64 {
    u64::from_le_bytes(*image[at..].first_chunk().expect("fields lie inside the image"))
}

/// FXRSTOR raises #GP for reserved bits of MXCSR.
pub(crate) fn is_valid(image: &[u8; SIZE]) -> bool {
    u64_at(image, MXCSR) as u32 & !MXCSR_MASK == 0
}

pub(crate) fn restore(slots: &mut Slots, image: &[u8; SIZE]) {
    let mut set = |reg: Reg, value: u64| slots[reg.0 as usize] = value;
    let status = u16_at(image, 2);
    set(FPU_CW, u16_at(image, 0) & 0x1f3f | 0x40);
    set(FPU_SW, status);
    set(FPU_TAG, image[4].into());
    set(FPU_OP, u16_at(image, 6) & 0x7ff);
    set(FPU_IP, u64_at(image, 8));
    set(FPU_DP, u64_at(image, 16));
    for i in 0..8 {
        let reg = st((status >> 11) as u8 + i);
        let at = ST + 16 * i as usize;
        set(reg, u64_at(image, at));
        set(reg.up(1), u16_at(image, at + 8));
    }
    for i in 0..16 {
        let at = XMM + 16 * i as usize;
        set(xmm(i), u64_at(image, at));
        set(xmm(i).up(1), u64_at(image, at + 8));
    }
    set_mxcsr(slots, u64_at(image, MXCSR) as u32);
    super::x87::Fpu::new(slots).summarize();
}

fn fxsave(slots: &mut Slots, mem: &mut dyn GuestMemory, at: CallArgs) -> Result<(), Trap> {
    let addr = super::get(slots, at.a, 0);
    mem.write(addr, &save(slots)[..USED]).map_err(Trap::Fault)
}

fn fxrstor(slots: &mut Slots, mem: &mut dyn GuestMemory, at: CallArgs) -> Result<(), Trap> {
    let addr = super::get(slots, at.a, 0);
    let mut image = [0; SIZE];
    mem.read(addr, &mut image).map_err(Trap::Fault)?;
    if !is_valid(&image) {
        return Err(Trap::GeneralProtection);
    }
    restore(slots, &image);
    Ok(())
}
