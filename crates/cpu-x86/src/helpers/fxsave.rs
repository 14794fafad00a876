//! The 512-byte image of FXSAVE and FXRSTOR (SDM volume 1, 10.5.1), which XSAVE's areas and signal frames begin with.
use super::x87::Fpu;
use crate::regs::*;
use ir::{CallArgs, GuestMemory, Helper, Reg, Slots, Trap};

pub(crate) const SIZE: usize = 512;
/// Behind these bytes nothing is stored.
const USED: usize = 416;
/// Where Linux says what is behind the image in a signal frame or a tracer's register set (`sw_reserved`).
pub(crate) const SW_RESERVED: usize = 464;
/// Where its parts are: x87 (twice), MXCSR and its mask, XMM registers.
pub(crate) const X87: std::ops::Range<usize> = 0..24;
pub(crate) const MXCSR: std::ops::Range<usize> = 24..32;
pub(crate) const ST: std::ops::Range<usize> = 32..160;
pub(crate) const XMM: std::ops::Range<usize> = 160..USED;

pub(crate) type Image = [u8; SIZE];

/// a = address, already checked; imm = whether pointers have 64 bits (REX.W), else 32 and a selector, which is 0.
pub(crate) static FXSAVE: Helper = Helper::machine("fxsave", fxsave);
pub(crate) static FXRSTOR: Helper = Helper::machine("fxrstor", fxrstor);

fn cell(slots: &Slots, reg: Reg) -> u64 {
    slots[reg.0 as usize]
}

/// The image, with pointers of 64 bits.
pub(crate) fn save(slots: &Slots) -> Image {
    let mut image = [0; SIZE];
    put_x87(slots, &mut image, true);
    put_mxcsr(slots, &mut image);
    put_sse(slots, &mut image);
    image
}

pub(crate) fn put_x87(slots: &Slots, image: &mut Image, wide: bool) {
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    let pointer = |reg| if wide { cell(slots, reg) } else { cell(slots, reg) & 0xffff_ffff };
    put(0, &(cell(slots, FPU_CW) as u16).to_le_bytes());
    put(2, &(cell(slots, FPU_SW) as u16).to_le_bytes());
    put(4, &[cell(slots, FPU_TAG) as u8, 0]);
    put(6, &(cell(slots, FPU_OP) as u16).to_le_bytes());
    put(8, &pointer(FPU_IP).to_le_bytes());
    put(16, &pointer(FPU_DP).to_le_bytes());
    let top = (cell(slots, FPU_SW) >> 11 & 7) as u8;
    for i in 0..8 {
        let reg = st(top + i);
        let at = ST.start + 16 * i as usize;
        put(at, &cell(slots, reg).to_le_bytes());
        put(at + 8, &(cell(slots, reg.up(1)) & 0xffff).to_le_bytes());
    }
}

pub(crate) fn put_mxcsr(slots: &Slots, image: &mut Image) {
    image[24..28].copy_from_slice(&mxcsr(slots).to_le_bytes());
    image[28..32].copy_from_slice(&MXCSR_MASK.to_le_bytes());
}

pub(crate) fn put_sse(slots: &Slots, image: &mut Image) {
    for i in 0..16 {
        let at = XMM.start + 16 * i as usize;
        image[at..at + 8].copy_from_slice(&cell(slots, xmm(i)).to_le_bytes());
        image[at + 8..at + 16].copy_from_slice(&cell(slots, xmm(i).up(1)).to_le_bytes());
    }
}

fn u16_at(image: &Image, at: usize) -> u64 {
    u64::from(u16::from_le_bytes([image[at], image[at + 1]]))
}

fn u64_at(image: &Image, at: usize) -> u64 {
    u64::from_le_bytes(*image[at..].first_chunk().expect("fields lie inside the image"))
}

/// FXRSTOR raises #GP for reserved bits of MXCSR.
pub(crate) fn is_valid(image: &Image) -> bool {
    u64_at(image, MXCSR.start) as u32 & !MXCSR_MASK == 0
}

/// All of it, with pointers of 64 bits.
pub(crate) fn restore(slots: &mut Slots, image: &Image) {
    restore_x87(slots, image, true);
    restore_mxcsr(slots, image);
    restore_sse(slots, image);
}

pub(crate) fn restore_x87(slots: &mut Slots, image: &Image, wide: bool) {
    let mut set = |reg: Reg, value: u64| slots[reg.0 as usize] = value;
    let status = u16_at(image, 2);
    set(FPU_CW, u16_at(image, 0) & 0x1f3f | 0x40);
    set(FPU_SW, status);
    set(FPU_TAG, image[4].into());
    set(FPU_OP, u16_at(image, 6) & 0x7ff);
    let (ip, dp) = (u64_at(image, 8), u64_at(image, 16));
    // The instruction's is kept as 57 bits and extended.
    let ip = if wide { ((ip << 7) as i64 >> 7) as u64 } else { ip & 0xffff_ffff };
    set(FPU_IP, ip);
    set(FPU_DP, if wide { dp } else { dp & 0xffff_ffff });
    for i in 0..8 {
        let reg = st((status >> 11) as u8 + i);
        let at = ST.start + 16 * i as usize;
        set(reg, u64_at(image, at));
        set(reg.up(1), u16_at(image, at + 8));
    }
    Fpu::new(slots).summarize();
}

pub(crate) fn restore_mxcsr(slots: &mut Slots, image: &Image) {
    set_mxcsr(slots, u64_at(image, MXCSR.start) as u32);
}

pub(crate) fn restore_sse(slots: &mut Slots, image: &Image) {
    for i in 0..16 {
        let at = XMM.start + 16 * i as usize;
        slots[xmm(i).0 as usize] = u64_at(image, at);
        slots[xmm(i).up(1).0 as usize] = u64_at(image, at + 8);
    }
}

fn fxsave(slots: &mut Slots, mem: &mut dyn GuestMemory, at: CallArgs) -> Result<(), Trap> {
    let addr = super::get(slots, at.a, 0);
    let mut image = save(slots);
    put_x87(slots, &mut image, at.imm != 0);
    mem.write(addr, &image[..USED]).map_err(Trap::Fault)
}

fn fxrstor(slots: &mut Slots, mem: &mut dyn GuestMemory, at: CallArgs) -> Result<(), Trap> {
    let addr = super::get(slots, at.a, 0);
    let mut image = [0; SIZE];
    mem.read(addr, &mut image).map_err(Trap::Fault)?;
    if !is_valid(&image) {
        return Err(Trap::GeneralProtection);
    }
    restore_x87(slots, &image, at.imm != 0);
    restore_mxcsr(slots, &image);
    restore_sse(slots, &image);
    Ok(())
}
