//! Fused multiply-add. The host serves where it is provably the same; a NaN keeps its sign, unlike in the IR's operation.
use super::with_cell;
use crate::helpers::{get, halves, join, put};
use ir::{CallArgs, Helper, Slots};
use softfloat::fast;

/// Which signs change. An element's number counts for the two that add and subtract in turn.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Fma {
    /// a * b + c
    Add,
    /// a * b - c
    Sub,
    /// -(a * b) + c
    NegAdd,
    NegSub,
    /// Even elements subtract c, odd ones add it.
    AddSub,
    SubAdd,
}

/// Sign bits for the product and the addend of an even or odd element.
fn signs(imm: u16, odd: bool) -> (bool, bool) {
    match imm {
        i if i == Fma::Add as u16 => (false, false),
        i if i == Fma::Sub as u16 => (false, true),
        i if i == Fma::NegAdd as u16 => (true, false),
        i if i == Fma::NegSub as u16 => (true, true),
        i if i == Fma::AddSub as u16 => (false, !odd),
        _ => (false, odd),
    }
}

fn fma32(cell: &mut u64, imm: u16, odd: bool, [a, b, c]: [u32; 3]) -> u32 {
    let flip = |x: u32, negate: bool| if f32::from_bits(x).is_nan() { x } else { x ^ u32::from(negate) << 31 };
    let (product, addend) = signs(imm, odd);
    fast::mul_add_f32(cell, flip(a, product), b, flip(c, addend))
}

fn fma64(cell: &mut u64, imm: u16, odd: bool, [a, b, c]: [u64; 3]) -> u64 {
    let flip = |x: u64, negate: bool| if f64::from_bits(x).is_nan() { x } else { x ^ u64::from(negate) << 63 };
    let (product, addend) = signs(imm, odd);
    fast::mul_add_f64(cell, flip(a, product), b, flip(c, addend))
}

fn operands(slots: &Slots, at: CallArgs) -> [u64; 3] {
    [at.a, at.b, at.c].map(|slot| get(slots, slot, 0))
}

/// One f32 of a, b and c each; imm = an [`Fma`].
pub(crate) static FMA_SS: Helper = Helper::fp("fma_ss", 1, [1, 1, 1], |s, at| {
    let value = with_cell(s, |s, cell| fma32(cell, at.imm, false, operands(s, at).map(|v| v as u32)));
    put(s, at.d, 0, value.into());
});
/// One word of each; bit 8 of imm: it is an odd element.
pub(crate) static FMA_PD: Helper = Helper::fp("fma_pd", 1, [1, 1, 1], |s, at| {
    let value = with_cell(s, |s, cell| fma64(cell, at.imm & 0xff, at.imm >> 8 != 0, operands(s, at)));
    put(s, at.d, 0, value);
});
/// Both f32 of a word.
pub(crate) static FMA_PS: Helper = Helper::fp("fma_ps", 1, [1, 1, 1], |s, at| {
    let value = with_cell(s, |s, cell| {
        let words = operands(s, at).map(halves);
        let low = fma32(cell, at.imm, false, words.map(|[low, _]| low));
        join([low, fma32(cell, at.imm, true, words.map(|[_, high]| high))])
    });
    put(s, at.d, 0, value);
});
