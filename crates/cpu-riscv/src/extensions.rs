//! What there is of the ISA, said once: AT_HWCAP, riscv_hwprobe and /proc/cpuinfo read it here.
use arch::CpuLevel;

/// The single letters, in the order of the ISA string. F, D and C are optional beside IMA, so riscv_hwprobe has bits for them.
const LETTERS: &str = "imafdc";
const HWPROBE_FD: u64 = 1 << 0;
const HWPROBE_C: u64 = 1 << 1;

/// An extension with a name: bit in RISCV_HWPROBE_KEY_IMA_EXT_0 (uapi/asm/hwprobe.h of Linux 6.18), if it has one, and
/// the level that brings it.
struct Extension {
    name: &'static str,
    hwprobe: Option<u8>,
    from: CpuLevel,
}

const fn extension(name: &'static str, hwprobe: Option<u8>, from: CpuLevel) -> Extension {
    Extension { name, hwprobe, from }
}

/// In the order of `riscv_isa_ext` (arch/riscv/kernel/cpufeature.c), as /proc/cpuinfo prints them.
static EXTENSIONS: [Extension; 11] = [
    extension("zicntr", Some(50), CpuLevel::V1),
    extension("zicsr", None, CpuLevel::V1),
    extension("zifencei", None, CpuLevel::V1),
    extension("zihintpause", Some(36), CpuLevel::V1),
    extension("zaamo", Some(56), CpuLevel::V1),
    extension("zalrsc", Some(57), CpuLevel::V1),
    extension("zca", Some(43), CpuLevel::V1),
    extension("zcd", Some(45), CpuLevel::V1),
    extension("zba", Some(3), CpuLevel::V3),
    extension("zbb", Some(4), CpuLevel::V3),
    extension("zbs", Some(5), CpuLevel::V3),
];

fn at(level: CpuLevel) -> impl Iterator<Item = &'static Extension> {
    EXTENSIONS.iter().filter(move |extension| extension.from <= level)
}

/// AT_HWCAP: a bit a letter (`COMPAT_HWCAP_ISA_*`).
pub(crate) fn hwcap() -> u64 {
    LETTERS.bytes().fold(0, |word, letter| word | 1 << (letter - b'a'))
}

/// RISCV_HWPROBE_KEY_IMA_EXT_0.
pub(crate) fn hwprobe(level: CpuLevel) -> u64 {
    let named = at(level).filter_map(|extension| extension.hwprobe);
    named.fold(HWPROBE_FD | HWPROBE_C, |word, bit| word | 1 << bit)
}

/// The ISA string.
pub(crate) fn isa(level: CpuLevel) -> String {
    let mut isa = format!("rv64{LETTERS}");
    for extension in at(level) {
        isa.push('_');
        isa.push_str(extension.name);
    }
    isa
}
