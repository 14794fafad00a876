//! URECPE and URSQRTE: the integer estimates of shared/functions/vector of the Armv8-A manual's pseudocode.
use super::lanes::lane_helpers;

lane_helpers! { same pure:
    URECPE = |_, _, a, _, _| unsigned_recip(a as u32).into();
    URSQRTE = |_, _, a, _, _| unsigned_rsqrt(a as u32).into();
}

/// RecipEstimate: 2^19 / a for a in 256..512.
fn recip_estimate(a: u32) -> u32 {
    ((1 << 19) / (2 * a + 1)).div_ceil(2)
}

/// RecipSqrtEstimate: 2^14 / sqrt a for a in 128..512, rounded as the tables are.
fn rsqrt_estimate(a: u32) -> u32 {
    let a = if a < 256 { 2 * a + 1 } else { 2 * (a & !1) + 2 };
    let mut b = 512u32;
    while u64::from(a) * u64::from(b + 1) * u64::from(b + 1) < 1 << 28 {
        b += 1;
    }
    b.div_ceil(2)
}

fn unsigned_recip(a: u32) -> u32 {
    if a >> 31 == 0 { u32::MAX } else { recip_estimate(a >> 23) << 23 }
}

fn unsigned_rsqrt(a: u32) -> u32 {
    if a >> 30 == 0 { u32::MAX } else { rsqrt_estimate(a >> 23) << 23 }
}
