//! What the host's CPU has beyond x86-64's beginnings.

/// Instruction set extensions that templates choose by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Features {
    pub(crate) bmi1: bool,
    pub(crate) bmi2: bool,
    pub(crate) lzcnt: bool,
    pub(crate) popcnt: bool,
    pub(crate) ssse3: bool,
    pub(crate) sse41: bool,
    pub(crate) sse42: bool,
    pub(crate) fma: bool,
    /// Not of the CPU: faults can be caught, so there may be windows.
    pub(crate) windows: bool,
}

impl Features {
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn detect() -> Features {
        use std::arch::is_x86_feature_detected as has;
        Features {
            bmi1: has!("bmi1"),
            bmi2: has!("bmi2"),
            lzcnt: has!("lzcnt"),
            popcnt: has!("popcnt"),
            ssse3: has!("ssse3"),
            sse41: has!("sse4.1"),
            sse42: has!("sse4.2"),
            fma: has!("fma") && has!("avx"),
            windows: crate::fault::ready(),
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    pub(crate) fn detect() -> Features {
        Features::NONE
    }

    /// The least any x86-64 has.
    pub(crate) const NONE: Features = Features {
        bmi1: false,
        bmi2: false,
        lzcnt: false,
        popcnt: false,
        ssse3: false,
        sse41: false,
        sse42: false,
        fma: false,
        windows: false,
    };
}
