//! SSE floating point beyond the IR's: comparisons by predicate, rounding, mixed sums, estimates, MXCSR. Packed forms work
//! on one 64-bit word of each operand.
mod convert;
mod fused;

use super::{get, halves, join, put};
use crate::regs::{mxcsr, set_mxcsr};
pub(crate) use convert::{CONVERT, CONVERT_DOWN, CONVERT_UP, Conversion};
pub(crate) use fused::{FMA_PD, FMA_PS, FMA_SS, Fma};
use ir::{CallArgs, FP_ENV, Helper, Slots};
use softfloat::{Env, F32, F64, Flags, Rounding, fast};
use std::cmp::Ordering;

/// imm = predicate.
pub(crate) static CMP_SS: Helper = Helper::fp("cmp_ss", 1, [1, 1, 0], |s, at| {
    let value = with_cell(s, |s, cell| compare_f32(cell, get(s, at.a, 0) as u32, get(s, at.b, 0) as u32, at.imm));
    put(s, at.d, 0, value.into());
});
pub(crate) static CMP_SD: Helper = Helper::fp("cmp_sd", 1, [1, 1, 0], |s, at| {
    let value = with_cell(s, |s, cell| compare_f64(cell, get(s, at.a, 0), get(s, at.b, 0), at.imm));
    put(s, at.d, 0, value);
});
pub(crate) static CMP_PS: Helper =
    Helper::fp("cmp_ps", 1, [1, 1, 0], |s, at| pairs(s, at, |cell, _, a, b| compare_f32(cell, a, b, at.imm)));
/// imm = the instruction's immediate.
pub(crate) static ROUND_PS: Helper = Helper::fp("round_ps", 1, [0, 1, 0], |s, at| {
    let how = Round::of(at.imm as u8);
    pairs(s, CallArgs { a: at.b, ..at }, |cell, _, _, b| {
        in_env(cell, |env| softfloat::round_to_int::<F32>(env, b, how.rounding(env), how.exact))
    });
});
pub(crate) static ROUND_PD: Helper = Helper::fp("round_pd", 1, [0, 1, 0], |s, at| {
    let how = Round::of(at.imm as u8);
    let value = with_cell(s, |s, cell| {
        in_env(cell, |env| softfloat::round_to_int::<F64>(env, get(s, at.b, 0), how.rounding(env), how.exact))
    });
    put(s, at.d, 0, value);
});
/// ADDSUBPS: the even element is a difference, the odd one a sum.
pub(crate) static ADDSUB_PS: Helper = Helper::fp("addsub_ps", 1, [1, 1, 0], |s, at| {
    pairs(s, at, |cell, odd, a, b| if odd { fast::add_f32(cell, a, b) } else { fast::sub_f32(cell, a, b) });
});
/// ADDSUBPD, both words.
pub(crate) static ADDSUB_PD: Helper = Helper::fp("addsub_pd", 2, [2, 2, 0], |s, at| {
    let values = with_cell(s, |s, cell| {
        let low = fast::sub_f64(cell, get(s, at.a, 0), get(s, at.b, 0));
        [low, fast::add_f64(cell, get(s, at.a, 1), get(s, at.b, 1))]
    });
    put(s, at.d, 0, values[0]);
    put(s, at.d, 1, values[1]);
});
/// DPPS; imm = the instruction's immediate. Products that are not chosen are +0 and raise nothing. Every element has a sum
/// of its own, which shows when there are several NaNs.
pub(crate) static DPPS: Helper = Helper::fp("dpps", 2, [2, 2, 0], |s, at| {
    let (a, b) = (lanes(s, at.a), lanes(s, at.b));
    let sums = with_cell(s, |_, cell| {
        let all = [0, 1, 2, 3];
        let p = all.map(|i| if at.imm >> (4 + i) & 1 != 0 { fast::mul_f32(cell, a[i], b[i]) } else { 0 });
        let pairs = all.map(|i| fast::add_f32(cell, p[i ^ 1], p[i]));
        all.map(|i| fast::add_f32(cell, pairs[i], pairs[i ^ 2]))
    });
    put_lanes(s, at.d, [0, 1, 2, 3].map(|i| if at.imm >> i & 1 != 0 { sums[i] } else { 0 }));
});
pub(crate) static DPPD: Helper = Helper::fp("dppd", 2, [2, 2, 0], |s, at| {
    let sums = with_cell(s, |s, cell| {
        let p = [0, 1].map(|i| {
            let chosen = at.imm >> (4 + i) & 1 != 0;
            if chosen { fast::mul_f64(cell, get(s, at.a, i), get(s, at.b, i)) } else { 0 }
        });
        [0, 1].map(|i| fast::add_f64(cell, p[i], p[i ^ 1]))
    });
    for (i, sum) in (0..).zip(sums) {
        put(s, at.d, i, if at.imm >> i & 1 != 0 { sum } else { 0 });
    }
});
/// 1 / a or 1 / sqrt(a); imm = root.
pub(crate) static ESTIMATE: Helper = Helper::pure("estimate", 1, [1, 0, 0], |s, at| {
    let value = estimate(get(s, at.a, 0) as u32, at.imm != 0);
    put(s, at.d, 0, value.into());
});
/// The same for both elements of a word of b.
pub(crate) static ESTIMATES: Helper = Helper::pure("estimates", 1, [0, 1, 0], |s, at| {
    let word = get(s, at.b, 0);
    let value = join(halves(word).map(|a| estimate(a, at.imm != 0)));
    put(s, at.d, 0, value);
});
pub(crate) static LDMXCSR: Helper = Helper::machine("ldmxcsr", |s, _, at| {
    let value = get(s, at.a, 0) as u32;
    set_mxcsr(s, value);
    Ok(())
});
pub(crate) static STMXCSR: Helper = Helper::machine("stmxcsr", |s, _, at| {
    let value = mxcsr(s);
    put(s, at.d, 0, value.into());
    Ok(())
});

/// a = the environment, b = what is not masked: the environment in which to look for exceptions.
pub(crate) static SIMD_BEGIN: Helper = Helper::pure("simd_begin", 1, [1, 1, 0], |s, at| {
    let unmasked = Flags::from_bits_truncate(get(s, at.b, 0) as u8);
    let env = Env { raised: Flags::NONE, simd_unmasked: unmasked, ..Env::from_cell(get(s, at.a, 0)) };
    put(s, at.d, 0, env.to_cell());
});
/// a = the environment after the instruction, b = before, c = what is not masked: the environment that stays, and whether
/// there is an exception. Those of operands come first: with one of them unmasked, there is no result that could raise
/// others.
pub(crate) static SIMD_END: Helper = Helper::pure("simd_end", 2, [1, 1, 1], |s, at| {
    const OF_OPERANDS: Flags = Flags::INVALID.union(Flags::DENORMAL).union(Flags::DIVZERO);
    let [mut raised, before, unmasked] = [at.a, at.b, at.c].map(|slot| get(s, slot, 0));
    raised &= softfloat::CELL_FLAGS;
    if raised & unmasked & u64::from(OF_OPERANDS.bits()) != 0 {
        raised &= u64::from(OF_OPERANDS.bits());
    }
    put(s, at.d, 0, before | raised);
    put(s, at.d, 1, raised & unmasked);
});

/// Runs something on the cell of `FP_ENV`.
fn with_cell<T>(slots: &mut Slots, run: impl FnOnce(&Slots, &mut u64) -> T) -> T {
    let mut cell = slots[FP_ENV.0 as usize];
    let result = run(slots, &mut cell);
    slots[FP_ENV.0 as usize] = cell;
    result
}

/// Runs something in the environment that a cell holds.
fn in_env<T>(cell: &mut u64, run: impl FnOnce(&mut Env) -> T) -> T {
    let mut env = Env::from_cell(*cell);
    let result = run(&mut env);
    *cell |= u64::from(env.raised.bits());
    result
}

/// Both 32-bit elements of a word of a and b each; the function is told which of the two it is at.
fn pairs(slots: &mut Slots, at: CallArgs, mut f: impl FnMut(&mut u64, bool, u32, u32) -> u32) {
    let ([a, a_high], [b, b_high]) = (halves(get(slots, at.a, 0)), halves(get(slots, at.b, 0)));
    let value = with_cell(slots, |_, cell| {
        let low = f(cell, false, a, b);
        join([low, f(cell, true, a_high, b_high)])
    });
    put(slots, at.d, 0, value);
}

pub(crate) fn lanes(slots: &Slots, at: ir::Slot) -> [u32; 4] {
    let ([a, b], [c, d]) = (halves(get(slots, at, 0)), halves(get(slots, at, 1)));
    [a, b, c, d]
}

pub(crate) fn put_lanes(slots: &mut Slots, at: ir::Slot, lanes: [u32; 4]) {
    put(slots, at, 0, join([lanes[0], lanes[1]]));
    put(slots, at, 1, join([lanes[2], lanes[3]]));
}

/// What the immediate of ROUNDPS says.
#[derive(Clone, Copy)]
pub(crate) struct Round {
    pub(crate) mode: Rounding,
    pub(crate) by_mxcsr: bool,
    /// Whether INEXACT is raised.
    pub(crate) exact: bool,
}

impl Round {
    pub(crate) fn of(imm: u8) -> Round {
        Round { mode: Rounding::from_bits(imm & 3), by_mxcsr: imm & 4 != 0, exact: imm & 8 == 0 }
    }
    fn rounding(self, env: &Env) -> Rounding {
        if self.by_mxcsr { env.rounding } else { self.mode }
    }
}

/// The predicates 0 to 15 are EQ LT LE UNORD NEQ NLT NLE ORD, EQ_U NGE NGT FALSE NEQ_O GE GT TRUE.
fn holds(order: Option<Ordering>, predicate: u16) -> bool {
    use Ordering::{Equal, Greater, Less};
    let or_unordered = |holds: bool| order.is_none() || holds;
    match predicate & 15 {
        0 => order == Some(Equal),
        1 => order == Some(Less),
        2 => matches!(order, Some(Less | Equal)),
        3 => order.is_none(),
        4 => order != Some(Equal),
        5 => order != Some(Less),
        6 => !matches!(order, Some(Less | Equal)),
        7 => order.is_some(),
        8 => or_unordered(order == Some(Equal)),
        9 => or_unordered(order == Some(Less)),
        10 => or_unordered(matches!(order, Some(Less | Equal))),
        11 => false,
        12 => matches!(order, Some(Less | Greater)),
        13 => matches!(order, Some(Greater | Equal)),
        14 => order == Some(Greater),
        _ => true,
    }
}

/// Whether it complains of quiet NaNs: those of order do, and bit 4 turns it around.
fn is_signaling(predicate: u16) -> bool {
    matches!(predicate & 3, 1 | 2) != (predicate & 16 != 0)
}

macro_rules! comparison {
    ($name:ident, $format:ident, $float:ty, $bits:ty) => {
        fn $name(cell: &mut u64, a: $bits, b: $bits, predicate: u16) -> $bits {
            let (x, y) = (<$float>::from_bits(a), <$float>::from_bits(b));
            let is_plain = |x: $float| x.is_normal() || x == 0.0;
            // Normal numbers and zeros raise nothing in any mode.
            let order = if is_plain(x) && is_plain(y) {
                x.partial_cmp(&y)
            } else {
                in_env(cell, |env| softfloat::compare::<$format>(env, a, b, is_signaling(predicate)))
            };
            if holds(order, predicate) { <$bits>::MAX } else { 0 }
        }
    };
}
comparison!(compare_f32, F32, f32, u32);
comparison!(compare_f64, F64, f64, u64);

/// The manual allows a relative error of 1.5 * 2^-12. Intel's processors look at the ten or eleven leading bits of the
/// fraction, and give 12 bits of the value in the middle of what begins so: found by trying all operands on one. Denormals
/// count as zero, tiny results become it, nothing is raised.
fn estimate(a: u32, root: bool) -> u32 {
    let (sign, exponent, fraction) = (a & 1 << 31, (a >> 23 & 0xff) as i32, a & 0x7f_ffff);
    let infinity = 0xff << 23;
    match exponent {
        0xff if fraction != 0 => return a | 1 << 22,
        0 => return sign | infinity,
        _ if root && sign != 0 => return 0xffc0_0000,
        0xff => return sign,
        _ => {}
    }
    let (value, power) = if root {
        // An odd exponent leaves a factor of two under the root.
        let odd = (exponent - 127) & 1;
        let middle = (1.0 + (f64::from(fraction >> 13) + 0.5) / 1024.0) * f64::from(1 + odd);
        (1.0 / middle.sqrt(), -(exponent - 127 - odd) / 2)
    } else {
        (1.0 / (1.0 + (f64::from(fraction >> 12) + 0.5) / 2048.0), 127 - exponent)
    };
    // Between a half and one: its bits, the first of which is implied.
    let bits = (value * 8192.0 + 0.5) as u32;
    let exponent = power + 126;
    if exponent <= 0 { sign } else { sign | (exponent as u32) << 23 | bits << 11 & 0x7f_ffff }
}
