//! FPCR, FPSR and NZCV in their architectural layout.
use crate::features::id_register;
use crate::regs::{AHP, FPCR, QC};
use arch::CpuLevel;
use ir::{FP_ENV, Flags, Helper, Slots};
use softfloat::{CELL_FLAGS, Env, NanRule, Rounding};

/// d = FPSR.
pub(crate) static FPSR_READ: Helper = Helper::fp("fpsr_read", 1, [0; 3], |slots, args| {
    slots[args.d.0 as usize] = fpsr(slots);
});
/// FPSR = a.
pub(crate) static FPSR_WRITE: Helper = Helper::fp("fpsr_write", 1, [1, 0, 0], |slots, args| {
    let value = slots[args.a.0 as usize];
    set_fpsr(slots, value);
});
/// FPCR = a; d is FPCR's slot.
pub(crate) static FPCR_WRITE: Helper = Helper::fp("fpcr_write", 1, [1, 0, 0], |slots, args| {
    let value = slots[args.a.0 as usize];
    set_fpcr(slots, value);
});
/// d = the identification register `imm` of a CPU of level a.
pub(crate) static ID_READ: Helper = Helper::pure("id_read", 1, [1, 0, 0], |slots, args| {
    let level = CpuLevel::from_cell(slots[args.a.0 as usize]);
    slots[args.d.0 as usize] = id_register(args.imm, level).unwrap_or(0);
});
/// d = the `Flags` bits a as NZCV.
pub(crate) static NZCV_READ: Helper = Helper::pure("nzcv_read", 1, [1, 0, 0], |slots, args| {
    slots[args.d.0 as usize] = nzcv_of(Flags(slots[args.a.0 as usize]));
});
/// d = NZCV a as `Flags` bits.
pub(crate) static NZCV_WRITE: Helper = Helper::pure("nzcv_write", 1, [1, 0, 0], |slots, args| {
    slots[args.d.0 as usize] = flags_of(slots[args.a.0 as usize]).0;
});

const NZCV: [(u64, u32); 4] = [(Flags::SIGN, 31), (Flags::ZERO, 30), (Flags::CARRY, 29), (Flags::OVERFLOW, 28)];

/// N Z C V in bits 31 to 28.
pub(crate) fn nzcv_of(flags: Flags) -> u64 {
    NZCV.iter().fold(0, |bits, &(flag, at)| bits | u64::from(flags.has(flag)) << at)
}

pub(crate) fn flags_of(nzcv: u64) -> Flags {
    Flags(NZCV.iter().filter(|&&(_, at)| nzcv >> at & 1 != 0).fold(0, |bits, &(flag, _)| bits | flag))
}

/// FPSR's exception bits against those of `softfloat::Flags`: IOC IDC DZC OFC UFC IXC.
const FPSR_BITS: [(u64, u32); 6] = [(1, 0), (2, 7), (4, 1), (8, 2), (16, 3), (32, 4)];
const FPSR_QC: u64 = 1 << 27;

/// FPSR as `FP_ENV` holds it.
pub(crate) fn fpsr(slots: &Slots) -> u64 {
    let env = slots[FP_ENV.0 as usize];
    let qc = if env & QC != 0 { FPSR_QC } else { 0 };
    FPSR_BITS.iter().filter(|(flag, _)| env & flag != 0).fold(qc, |bits, (_, at)| bits | 1 << at)
}

pub(crate) fn set_fpsr(slots: &mut Slots, fpsr: u64) {
    let raised = FPSR_BITS.iter().filter(|(_, at)| fpsr >> at & 1 != 0).fold(0, |bits, (flag, _)| bits | flag);
    let env = &mut slots[FP_ENV.0 as usize];
    *env = *env & !(CELL_FLAGS | QC) | raised | if fpsr & FPSR_QC != 0 { QC } else { 0 };
}

pub(crate) const FPCR_AHP: u64 = 1 << 26;
pub(crate) const FPCR_DN: u64 = 1 << 25;
pub(crate) const FPCR_FZ: u64 = 1 << 24;
pub(crate) const FPCR_FZ16: u64 = 1 << 19;
/// What is writable: AHP, DN, FZ, RMode, FZ16.
const FPCR_MASK: u64 = FPCR_AHP | FPCR_DN | FPCR_FZ | 3 << 22 | FPCR_FZ16;

/// Writes FPCR and what `FP_ENV` holds of it.
pub(crate) fn set_fpcr(slots: &mut Slots, fpcr: u64) {
    let flush = fpcr & FPCR_FZ != 0;
    let env = Env {
        rounding: [Rounding::NearestEven, Rounding::Up, Rounding::Down, Rounding::TowardZero]
            [(fpcr >> 22 & 3) as usize],
        nan: if fpcr & FPCR_DN != 0 { NanRule::ArmDefault } else { NanRule::Arm },
        flush_inputs: flush,
        flush_outputs: flush,
        flush_half: fpcr & FPCR_FZ16 != 0,
        ..Env::ARM
    };
    slots[FPCR.0 as usize] = fpcr & FPCR_MASK;
    let cell = &mut slots[FP_ENV.0 as usize];
    *cell = *cell & (CELL_FLAGS | QC) | env.to_cell() | if fpcr & FPCR_AHP != 0 { AHP } else { 0 };
}
