//! The XSAVE area (SDM volume 1, chapter 13): FXSAVE's image, a header, and the upper halves of the YMM registers.
//!
//! Whether a component is in use is told from its contents: it is not if it is as after a reset.
use super::{fxsave, get, put_128};
use crate::process;
use crate::regs::*;
use ir::{CallArgs, GuestMemory, Helper, Slots, Trap};

/// State components, as bits of XCR0.
pub(crate) const X87: u64 = 1;
pub(crate) const SSE: u64 = 2;
pub(crate) const AVX: u64 = 4;
/// What there is, and what Linux enables.
pub(crate) const XCR0: u64 = X87 | SSE | AVX;

pub(crate) const HEADER: usize = fxsave::SIZE;
const HEADER_SIZE: usize = 64;
pub(crate) const YMM: usize = HEADER + HEADER_SIZE;
const YMM_SIZE: usize = 256;
/// The whole area; the compacted format has the same places.
pub(crate) const SIZE: usize = YMM + YMM_SIZE;
/// Bit of XCOMP_BV: the format is compacted.
const COMPACTED: u64 = 1 << 63;

/// How an area is written.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Kind {
    Plain,
    /// XSAVEOPT: components not in use are left out.
    Optimised,
    /// XSAVEC: the same, in compacted format.
    Compacted,
}

/// a = address, already checked; b, c = eax, edx; imm = a [`Kind`], and bit 4 for pointers of 64 bits.
pub(crate) static XSAVE: Helper = Helper::machine("xsave", |slots, mem, at| {
    let kind = match at.imm & 3 {
        0 => Kind::Plain,
        1 => Kind::Optimised,
        _ => Kind::Compacted,
    };
    save(slots, mem, get(slots, at.a, 0), asked(slots, at), kind, at.imm & 16 != 0).map_err(Trap::Fault)
});
pub(crate) static XRSTOR: Helper = Helper::machine("xrstor", |slots, mem, at| {
    let (addr, asked) = (get(slots, at.a, 0), asked(slots, at));
    restore(slots, mem, addr, asked, at.imm & 16 != 0)
});
/// a = which register: XCR0, or those of its components that are in use; to rax and rdx.
pub(crate) static XGETBV: Helper = Helper::machine("xgetbv", |slots, _, at| {
    let value = match get(slots, at.a, 0) as u32 {
        0 => XCR0,
        1 => in_use(slots),
        _ => return Err(Trap::GeneralProtection),
    };
    slots[RAX.0 as usize] = value;
    slots[RDX.0 as usize] = 0;
    Ok(())
});

/// The instruction's mask: edx:eax, of what there is.
fn asked(slots: &Slots, at: CallArgs) -> u64 {
    (get(slots, at.c, 0) << 32 | get(slots, at.b, 0) & 0xffff_ffff) & XCR0
}

pub(crate) fn in_use(slots: &Slots) -> u64 {
    let all_zero = |from: usize, to: usize| slots[from..to].iter().all(|word| *word == 0);
    let x87_cells = [FPU_SW, FPU_TAG, FPU_IP, FPU_DP, FPU_OP].iter().all(|cell| slots[cell.0 as usize] == 0);
    let x87 = !x87_cells || slots[FPU_CW.0 as usize] != FPU_CW_RESET || !all_zero(st(0).0.into(), st(7).0 as usize + 2);
    let part = |n: u8, upper: u8| {
        let at = xmm(n).up(upper).0 as usize;
        all_zero(at, at + 2)
    };
    let mut used = if x87 { X87 } else { 0 };
    if !(0..16).all(|n| part(n, 0)) {
        used |= SSE;
    }
    if !(0..16).all(|n| part(n, 2)) {
        used |= AVX;
    }
    used
}

fn ymm_image(slots: &Slots) -> [u8; YMM_SIZE] {
    let mut image = [0; YMM_SIZE];
    for n in 0..16 {
        for part in 0..2 {
            let at = 16 * usize::from(n) + 8 * usize::from(part);
            image[at..at + 8].copy_from_slice(&slots[xmm(n).up(2 + part).0 as usize].to_le_bytes());
        }
    }
    image
}

/// Writes the components of `asked`, and no byte between them.
pub(crate) fn save(
    slots: &Slots,
    mem: &mut dyn GuestMemory,
    addr: u64,
    asked: u64,
    kind: Kind,
    wide: bool,
) -> Result<(), ir::Fault> {
    let mut used = in_use(slots) & asked;
    if kind != Kind::Plain && mxcsr(slots) != MXCSR_RESET {
        used |= SSE & asked;
    }
    let written = if kind == Kind::Plain { asked } else { used };
    let mut image = fxsave::save(slots);
    fxsave::put_x87(slots, &mut image, wide);
    let mut put = |at: usize, bytes: &[u8]| mem.write(addr.wrapping_add(at as u64), bytes);
    if written & X87 != 0 {
        put(fxsave::X87.start, &image[fxsave::X87])?;
        put(fxsave::ST.start, &image[fxsave::ST])?;
    }
    if written & SSE != 0 || kind != Kind::Compacted && asked & AVX != 0 {
        put(fxsave::MXCSR.start, &image[fxsave::MXCSR])?;
    }
    if written & SSE != 0 {
        put(fxsave::XMM.start, &image[fxsave::XMM])?;
    }
    if written & AVX != 0 {
        put(YMM, &ymm_image(slots))?;
    }
    if kind == Kind::Compacted {
        put(HEADER, &used.to_le_bytes())?;
        return put(HEADER + 8, &(asked | COMPACTED).to_le_bytes());
    }
    let mut header = [0; 8];
    mem.read(addr.wrapping_add(HEADER as u64), &mut header)?;
    let header = u64::from_le_bytes(header) & !asked | used;
    mem.write(addr.wrapping_add(HEADER as u64), &header.to_le_bytes())
}

/// The area as XSAVE with everything asked for would write it over zeros.
pub(crate) fn image(slots: &Slots) -> [u8; SIZE] {
    let mut image = [0; SIZE];
    image[..HEADER].copy_from_slice(&fxsave::save(slots));
    image[HEADER..HEADER + 8].copy_from_slice(&in_use(slots).to_le_bytes());
    image[YMM..].copy_from_slice(&ymm_image(slots));
    image
}

/// Takes the components of `asked` from an area, or resets those it says are not in use. #GP for what the header may not say.
pub(crate) fn restore(
    slots: &mut Slots,
    mem: &mut dyn GuestMemory,
    addr: u64,
    asked: u64,
    wide: bool,
) -> Result<(), Trap> {
    let mut read = |at: usize, bytes: &mut [u8]| mem.read(addr.wrapping_add(at as u64), bytes).map_err(Trap::Fault);
    let mut header = [0; HEADER_SIZE];
    read(HEADER, &mut header)?;
    let word = |at: usize| u64::from_le_bytes(*header[at..].first_chunk().expect("the header has it"));
    let (used, format) = (word(0), word(8));
    let compacted = format & COMPACTED != 0;
    let valid = if compacted {
        format & !COMPACTED & !XCR0 == 0 && used & !format == 0 && header[16..].iter().all(|byte| *byte == 0)
    } else {
        used & !XCR0 == 0 && header[8..24].iter().all(|byte| *byte == 0)
    };
    if !valid {
        return Err(Trap::GeneralProtection);
    }
    let (loaded, reset) = (asked & used, asked & !used);
    // MXCSR belongs to SSE in the compacted format, to SSE and AVX alike and whatever is in use in the other.
    let loads_mxcsr = if compacted { loaded & SSE != 0 } else { asked & (SSE | AVX) != 0 };
    let mut image = [0; fxsave::SIZE];
    if loaded & (X87 | SSE) != 0 || loads_mxcsr {
        read(0, &mut image)?;
    }
    let mut upper = [0; YMM_SIZE];
    if loaded & AVX != 0 {
        read(YMM, &mut upper)?;
    }
    if loads_mxcsr && !fxsave::is_valid(&image) {
        return Err(Trap::GeneralProtection);
    }
    process::reset_components(slots, reset);
    if loaded & X87 != 0 {
        fxsave::restore_x87(slots, &image, wide);
    }
    if loaded & SSE != 0 {
        fxsave::restore_sse(slots, &image);
    }
    if loads_mxcsr {
        fxsave::restore_mxcsr(slots, &image);
    } else if reset & SSE != 0 {
        set_mxcsr(slots, MXCSR_RESET);
    }
    if loaded & AVX != 0 {
        for (n, half) in upper.as_chunks::<16>().0.iter().enumerate() {
            put_128(slots, xmm(n as u8).up(2).into(), u128::from_le_bytes(*half));
        }
    }
    Ok(())
}
