//! What IR operations cannot say: functions over slots that every engine calls.
use crate::lift::csr::{FFLAGS, FRM as FRM_CSR};
use crate::lift::fp::rounding;
use crate::regs::{FRM, FRM_RESERVED};
use ir::{CallArgs, FP_ENV, Helper, Slots};
use softfloat::{CELL_FLAGS, CELL_ROUNDING, CELL_ROUNDING_SHIFT, Env, F32, F64, MinMax, Rounding};

/// In `imm`: the operands are doubles.
pub(crate) const IS_DOUBLE: u16 = 1;

/// d = fflags, frm or fcsr, by the number in `imm`; a is FRM's slot.
pub(crate) static CSR_READ: Helper = Helper::fp("csr_read", 1, [1, 0, 0], |slots, args| {
    let (flags, rm) = (fflags(slots), slots[FRM.0 as usize]);
    slots[args.d.0 as usize] = match args.imm {
        FFLAGS => flags,
        FRM_CSR => rm,
        _ => rm << 5 | flags,
    };
});
/// fflags, frm or fcsr = a; d and b are FRM's slot, whose neighbour is FRM_RESERVED.
pub(crate) static CSR_WRITE: Helper = Helper::fp("csr_write", 2, [1, 2, 0], |slots, args| {
    let value = slots[args.a.0 as usize];
    match args.imm {
        FFLAGS => set_fflags(slots, value),
        FRM_CSR => set_frm(slots, value),
        _ => set_fcsr(slots, value),
    }
});

/// NX UF OF DZ NV in bits 0 to 4, against those of `softfloat::Flags`.
const FFLAGS_BITS: [u64; 5] = [32, 16, 8, 4, 1];

pub(crate) fn fflags(slots: &Slots) -> u64 {
    let raised = slots[FP_ENV.0 as usize];
    (0..).zip(FFLAGS_BITS).fold(0, |word, (at, flag)| word | u64::from(raised & flag != 0) << at)
}

fn set_fflags(slots: &mut Slots, fflags: u64) {
    let raised = (0..).zip(FFLAGS_BITS).filter(|(at, _)| fflags >> at & 1 != 0).fold(0, |word, (_, flag)| word | flag);
    let env = &mut slots[FP_ENV.0 as usize];
    *env = *env & !CELL_FLAGS | raised;
}

/// Writes frm, and what `FP_ENV` holds of it.
fn set_frm(slots: &mut Slots, frm: u64) {
    let frm = frm & 7;
    let meaning = rounding(frm);
    slots[FRM.0 as usize] = frm;
    slots[FRM_RESERVED.0 as usize] = meaning.is_none().into();
    let mode = meaning.unwrap_or(Rounding::NearestEven) as u64;
    let env = &mut slots[FP_ENV.0 as usize];
    *env = *env & !CELL_ROUNDING | mode << CELL_ROUNDING_SHIFT;
}

pub(crate) fn fcsr(slots: &Slots) -> u64 {
    slots[FRM.0 as usize] << 5 | fflags(slots)
}

pub(crate) fn set_fcsr(slots: &mut Slots, fcsr: u64) {
    set_fflags(slots, fcsr);
    set_frm(slots, fcsr >> 5);
}

/// d = the lesser of a and b: a number before any NaN, -0 before +0.
pub(crate) static FMIN: Helper = Helper::fp("fmin", 1, [1, 1, 0], |slots, args| {
    choose(slots, args, softfloat::min::<F32>, softfloat::min::<F64>);
});
pub(crate) static FMAX: Helper = Helper::fp("fmax", 1, [1, 1, 0], |slots, args| {
    choose(slots, args, softfloat::max::<F32>, softfloat::max::<F64>);
});

fn choose(
    slots: &mut Slots,
    args: CallArgs,
    single: fn(&mut Env, u32, u32, MinMax) -> u32,
    double: fn(&mut Env, u64, u64, MinMax) -> u64,
) {
    let (a, b) = (slots[args.a.0 as usize], slots[args.b.0 as usize]);
    let mut env = Env::from_cell(slots[FP_ENV.0 as usize]);
    slots[args.d.0 as usize] = match args.imm {
        IS_DOUBLE => double(&mut env, a, b, MinMax::Num2019),
        _ => single(&mut env, a as u32, b as u32, MinMax::Num2019).into(),
    };
    slots[FP_ENV.0 as usize] |= u64::from(env.raised.bits());
}

/// d = one bit for what a is (table 29 of the manual).
pub(crate) static FCLASS: Helper = Helper::pure("fclass", 1, [1, 0, 0], |slots, args| {
    let (a, d) = (slots[args.a.0 as usize], args.d.0 as usize);
    slots[d] = if args.imm == IS_DOUBLE { class(a, 52, 11) } else { class(a, 23, 8) };
});

/// The class of a number of this many fraction and exponent bits.
fn class(bits: u64, fraction_bits: u32, exponent_bits: u32) -> u64 {
    let fraction = bits & ((1 << fraction_bits) - 1);
    let exponent = bits >> fraction_bits & ((1 << exponent_bits) - 1);
    let negative = bits >> (fraction_bits + exponent_bits) & 1 != 0;
    let quiet = fraction >> (fraction_bits - 1) != 0;
    // Infinite, normal, subnormal, zero: 0 to 3 if negative, 7 to 4 if not.
    let magnitude = match (exponent, fraction) {
        (0, 0) => 3,
        (0, _) => 2,
        (e, 0) if e == (1 << exponent_bits) - 1 => 0,
        (e, _) if e == (1 << exponent_bits) - 1 => return if quiet { 1 << 9 } else { 1 << 8 },
        _ => 1,
    };
    1 << if negative { magnitude } else { 7 - magnitude }
}
