//! What the CPU says it has: one table from which ID registers, AT_HWCAP and /proc/cpuinfo follow, as Linux derives the
//! last two from the first (`arm64_elf_hwcaps` of arch/arm64/kernel/cpufeature.c).
use arch::CpuLevel;

/// op0 op1 CRn CRm op2 of a system register as one number, op0 being 2 or 3: bits 19 to 5 of MRS.
pub(crate) const fn register(op0: u32, op1: u32, crn: u32, crm: u32, op2: u32) -> u16 {
    ((op0 & 1) << 14 | op1 << 11 | crn << 7 | crm << 3 | op2) as u16
}

const MIDR_EL1: u16 = register(3, 0, 0, 0, 0);
const MPIDR_EL1: u16 = register(3, 0, 0, 0, 5);
const REVIDR_EL1: u16 = register(3, 0, 0, 0, 6);
const PFR0: u16 = register(3, 0, 0, 4, 0);
const DFR0: u16 = register(3, 0, 0, 5, 0);
const ISAR0: u16 = register(3, 0, 0, 6, 0);
const ISAR1: u16 = register(3, 0, 0, 6, 1);
const MMFR0: u16 = register(3, 0, 0, 7, 0);

/// A bit of AT_HWCAP and, from 64 on, AT_HWCAP2 (asm/hwcap.h); its name in /proc/cpuinfo; from which level on it is there;
/// the field of an ID register that says so: register, lowest bit, value.
struct Feature {
    bit: u32,
    name: &'static str,
    level: CpuLevel,
    field: Option<(u16, u32, u64)>,
}

const fn feature(bit: u32, name: &'static str, level: CpuLevel, field: Option<(u16, u32, u64)>) -> Feature {
    Feature { bit, name, level, field }
}

use CpuLevel::{V1, V2, V3};

/// Armv8.0; Armv8.1 with CRC32; everything. Fields of FP and AdvSIMD are 0 where they are there.
#[rustfmt::skip]
const FEATURES: &[Feature] = &[
    feature(0,  "fp",       V1, None),
    feature(1,  "asimd",    V1, None),
    feature(3,  "aes",      V3, Some((ISAR0, 4, 1))),
    feature(4,  "pmull",    V3, Some((ISAR0, 4, 2))),
    feature(5,  "sha1",     V3, Some((ISAR0, 8, 1))),
    feature(6,  "sha2",     V3, Some((ISAR0, 12, 1))),
    feature(7,  "crc32",    V2, Some((ISAR0, 16, 1))),
    feature(8,  "atomics",  V2, Some((ISAR0, 20, 2))),
    feature(9,  "fphp",     V3, Some((PFR0, 16, 1))),
    feature(10, "asimdhp",  V3, Some((PFR0, 20, 1))),
    feature(11, "cpuid",    V1, None),
    feature(12, "asimdrdm", V2, Some((ISAR0, 28, 1))),
    feature(13, "jscvt",    V3, Some((ISAR1, 12, 1))),
    feature(14, "fcma",     V3, Some((ISAR1, 16, 1))),
    feature(15, "lrcpc",    V3, Some((ISAR1, 20, 1))),
    feature(16, "dcpop",    V3, Some((ISAR1, 0, 1))),
    feature(17, "sha3",     V3, Some((ISAR0, 32, 1))),
    feature(20, "asimddp",  V3, Some((ISAR0, 44, 1))),
    feature(21, "sha512",   V3, Some((ISAR0, 12, 2))),
    feature(23, "asimdfhm", V3, Some((ISAR0, 48, 1))),
    feature(26, "ilrcpc",   V3, Some((ISAR1, 20, 2))),
    feature(27, "flagm",    V3, Some((ISAR0, 52, 1))),
    feature(29, "sb",       V3, Some((ISAR1, 36, 1))),
    feature(71, "flagm2",   V3, Some((ISAR0, 52, 2))),
    feature(72, "frint",    V3, Some((ISAR1, 32, 1))),
];

fn features(level: CpuLevel) -> impl Iterator<Item = &'static Feature> {
    FEATURES.iter().filter(move |feature| feature.level <= level)
}

/// AT_HWCAP and AT_HWCAP2.
pub(crate) fn hwcap(level: CpuLevel) -> (u64, u64) {
    let bits = features(level).fold(0u128, |bits, feature| bits | 1 << feature.bit);
    (bits as u64, (bits >> 64) as u64)
}

/// The line `Features` of /proc/cpuinfo.
pub(crate) fn names(level: CpuLevel) -> String {
    features(level).map(|feature| feature.name).collect::<Vec<_>>().join(" ")
}

/// MIDR_EL1: implementer 0 (software), architecture by ID registers, part 0x51.
pub(crate) const MIDR: u64 = 0x000f_0510;

/// What EL0 reads in a register of the identification space, `None` where Linux does not emulate it (`is_emulated` and
/// `emulate_id_reg`; Documentation/arch/arm64/cpu-feature-registers.rst).
pub(crate) fn id_register(register: u16, level: CpuLevel) -> Option<u64> {
    const SPACE: u16 = self::register(3, 0, 0, 0, 0);
    let crm = register >> 3 & 15;
    if register >> 7 != SPACE >> 7 || !matches!(crm, 0 | 2..=7) {
        return None;
    }
    // What is not shown reads as the value that is safe to assume.
    let hidden = match register {
        MIDR_EL1 => MIDR,
        MPIDR_EL1 => 1 << 31,
        REVIDR_EL1 => 0,
        _ if crm == 0 => return None,
        // EL0 and EL1 in AArch64 state.
        PFR0 => 0x11,
        // Armv8 debug.
        DFR0 => 6,
        // No granules: of 4 and 64 KiB (0xf), nor in stage 2 (1).
        MMFR0 => 0x0111_ff00_0000,
        _ => 0,
    };
    let fields = features(level).filter_map(|feature| feature.field).filter(|(of, ..)| *of == register);
    // Of two features in a field the later one's value says both.
    Some(fields.fold(hidden, |value, (_, lsb, field)| value & !(0xf << lsb) | field << lsb))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels() {
        let isar = |level| (id_register(ISAR0, level).unwrap(), id_register(ISAR1, level).unwrap());
        assert_eq!(isar(V1), (0, 0));
        assert_eq!(isar(V2), (0x1021_0000, 0));
        assert_eq!(isar(V3), (0x0021_1001_1021_2120, 0x11_0021_1001));
        assert_eq!(id_register(PFR0, V1), Some(0x11));
        assert_eq!(id_register(PFR0, V3), Some(0x0011_0011));
        assert_eq!(hwcap(V1), (0x803, 0));
        assert_eq!(hwcap(V2), (0x1983, 0));
        assert_eq!(hwcap(V3), (0x2cb3_fffb, 0x180));
        assert_eq!(names(V2), "fp asimd crc32 atomics cpuid asimdrdm");
    }

    #[test]
    fn the_space_of_identification() {
        assert_eq!(id_register(register(3, 0, 0, 0, 0), V3), Some(MIDR));
        assert_eq!(id_register(register(3, 0, 0, 0, 1), V3), None);
        assert_eq!(id_register(register(3, 0, 0, 1, 0), V3), None);
        // ID_AA64ZFR0_EL1 and a register that is not allocated.
        assert_eq!(id_register(register(3, 0, 0, 4, 4), V3), Some(0));
        assert_eq!(id_register(register(3, 0, 0, 7, 7), V3), Some(0));
        assert_eq!(id_register(register(3, 0, 0, 8, 0), V3), None);
        assert_eq!(id_register(register(3, 0, 1, 0, 0), V3), None);
    }
}
