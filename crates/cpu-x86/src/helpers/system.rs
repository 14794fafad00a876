//! The processor about itself.
use super::{get, put};
use crate::cpuid;
use arch::CpuLevel;
use ir::{CallArgs, Helper, Slots};

/// a = leaf, b = subleaf, c = the level: eax, ecx, edx, ebx in the order of the registers' numbers.
pub(crate) static CPUID: Helper = Helper::pure("cpuid", 4, [1, 1, 1], cpuid);

fn cpuid(slots: &mut Slots, at: CallArgs) {
    let level = CpuLevel::from_cell(get(slots, at.c, 0));
    let [a, b, c, d] = cpuid::leaf(level, get(slots, at.a, 0) as u32, get(slots, at.b, 0) as u32);
    for (n, value) in [a, c, d, b].into_iter().enumerate() {
        put(slots, at.d, n as u8, value.into());
    }
}
