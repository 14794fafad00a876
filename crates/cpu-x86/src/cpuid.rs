//! CPUID: advertises what exists, up to the level the machine was given (x86-64-v1 to v3, the psABI's names).
use crate::helpers::xsave;
use arch::CpuLevel::{self, V1, V2, V3};

/// Where a feature's bit is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Edx1,
    Ecx1,
    Edx81,
    Ecx81,
    Ebx7,
    Ecx7,
    /// Leaf 13, subleaf 1.
    EaxD1,
}

/// Name in /proc/cpuinfo, in its order (asm/cpufeatures.h); from which level on; bit. The file does not show what has no name.
const FEATURES: &[(&str, CpuLevel, Word, u32)] = &[
    ("fpu", V1, Word::Edx1, 0),
    ("tsc", V1, Word::Edx1, 4),
    ("cx8", V1, Word::Edx1, 8),
    ("cmov", V1, Word::Edx1, 15),
    ("clflush", V1, Word::Edx1, 19),
    ("mmx", V1, Word::Edx1, 23),
    ("fxsr", V1, Word::Edx1, 24),
    ("sse", V1, Word::Edx1, 25),
    ("sse2", V1, Word::Edx1, 26),
    ("syscall", V1, Word::Edx81, 11),
    ("nx", V1, Word::Edx81, 20),
    ("rdtscp", V3, Word::Edx81, 27),
    ("lm", V1, Word::Edx81, 29),
    ("pni", V2, Word::Ecx1, 0),
    ("pclmulqdq", V3, Word::Ecx1, 1),
    ("ssse3", V2, Word::Ecx1, 9),
    ("fma", V3, Word::Ecx1, 12),
    ("cx16", V2, Word::Ecx1, 13),
    ("sse4_1", V2, Word::Ecx1, 19),
    ("sse4_2", V2, Word::Ecx1, 20),
    ("movbe", V3, Word::Ecx1, 22),
    ("popcnt", V2, Word::Ecx1, 23),
    ("aes", V3, Word::Ecx1, 25),
    ("xsave", V3, Word::Ecx1, 26),
    // OSXSAVE.
    ("", V3, Word::Ecx1, 27),
    ("avx", V3, Word::Ecx1, 28),
    ("f16c", V3, Word::Ecx1, 29),
    ("rdrand", V3, Word::Ecx1, 30),
    ("lahf_lm", V2, Word::Ecx81, 0),
    ("abm", V3, Word::Ecx81, 5),
    ("3dnowprefetch", V3, Word::Ecx81, 8),
    ("fsgsbase", V3, Word::Ebx7, 0),
    ("bmi1", V3, Word::Ebx7, 3),
    ("avx2", V3, Word::Ebx7, 5),
    ("bmi2", V3, Word::Ebx7, 8),
    ("rdseed", V3, Word::Ebx7, 18),
    ("adx", V3, Word::Ebx7, 19),
    ("clflushopt", V3, Word::Ebx7, 23),
    ("clwb", V3, Word::Ebx7, 24),
    ("sha_ni", V3, Word::Ebx7, 29),
    ("xsaveopt", V3, Word::EaxD1, 0),
    ("xsavec", V3, Word::EaxD1, 1),
    ("xgetbv1", V3, Word::EaxD1, 2),
    ("umip", V3, Word::Ecx7, 2),
    ("vaes", V3, Word::Ecx7, 9),
    ("vpclmulqdq", V3, Word::Ecx7, 10),
    ("rdpid", V3, Word::Ecx7, 22),
];

const VENDOR: &[u8; 12] = b"GenuineIntel";
const BRAND: &[u8; 48] = b"minikern x86-64 virtual CPU\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// Family 6, and the model and stepping of a processor of this level, for programs that look: Merom, Westmere, Haswell.
fn model(level: CpuLevel) -> (u32, u32) {
    match level {
        V1 => (15, 11),
        V2 => (44, 2),
        V3 => (60, 3),
    }
}

/// Leaf 1's EAX.
fn signature(level: CpuLevel) -> u32 {
    let (model, stepping) = model(level);
    (model >> 4) << 16 | 6 << 8 | (model & 15) << 4 | stepping
}

/// The highest basic leaf.
fn leaves(level: CpuLevel) -> u32 {
    if level == V3 { 13 } else { 4 }
}

/// A cache as leaf 4 describes it; C libraries size their copies by it. Lines are 64 bytes.
struct Cache {
    /// 1 data, 2 instructions, 3 both.
    kind: u32,
    level: u32,
    ways: u32,
    sets: u32,
}

const CACHES: &[Cache] = &[
    Cache { kind: 1, level: 1, ways: 8, sets: 64 },
    Cache { kind: 2, level: 1, ways: 8, sets: 64 },
    Cache { kind: 3, level: 2, ways: 8, sets: 1024 },
    Cache { kind: 3, level: 3, ways: 16, sets: 8192 },
];

impl Cache {
    fn words(&self) -> [u32; 4] {
        [1 << 8 | self.level << 5 | self.kind, (self.ways - 1) << 22 | 63, self.sets - 1, 0]
    }
}

fn bits(level: CpuLevel, word: Word) -> u32 {
    let there = FEATURES.iter().filter(|(_, from, at, _)| *from <= level && *at == word);
    there.fold(0, |bits, (_, _, _, bit)| bits | 1 << bit)
}

fn word(text: &[u8], at: usize) -> u32 {
    text[at..at + 4].iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte))
}

/// EAX, EBX, ECX, EDX of a leaf. Leaves that do not exist are zero.
pub(crate) fn leaf(level: CpuLevel, leaf: u32, subleaf: u32) -> [u32; 4] {
    let bits = |word| bits(level, word);
    match leaf {
        0 => [leaves(level), word(VENDOR, 0), word(VENDOR, 8), word(VENDOR, 4)],
        // CLFLUSH line size 8 * 8 bytes, one logical processor.
        1 => [signature(level), 1 << 16 | 8 << 8, bits(Word::Ecx1), bits(Word::Edx1)],
        // No descriptors here: see leaf 4.
        2 => [0xff01, 0, 0, 0],
        4 => CACHES.get(subleaf as usize).map_or([0; 4], |cache| cache.words()),
        13 if level == V3 => match subleaf {
            0 => [xsave::XCR0 as u32, xsave::SIZE as u32, xsave::SIZE as u32, 0],
            1 => [bits(Word::EaxD1), xsave::SIZE as u32, 0, 0],
            // The upper halves of the YMM registers.
            2 => [(xsave::SIZE - xsave::YMM) as u32, xsave::YMM as u32, 0, 0],
            _ => [0; 4],
        },
        7 if level == V3 && subleaf == 0 => [0, bits(Word::Ebx7), bits(Word::Ecx7), 0],
        0x8000_0000 => [0x8000_0008, 0, 0, 0],
        0x8000_0001 => [0, 0, bits(Word::Ecx81), bits(Word::Edx81)],
        0x8000_0002..=0x8000_0004 => {
            let at = 16 * (leaf as usize - 0x8000_0002);
            [word(BRAND, at), word(BRAND, at + 4), word(BRAND, at + 8), word(BRAND, at + 12)]
        }
        // 40 bits of physical, 48 of virtual addresses.
        0x8000_0008 => [48 << 8 | 40, 0, 0, 0],
        _ => [0; 4],
    }
}

/// One processor's part of /proc/cpuinfo (arch/x86/kernel/cpu/proc.c).
pub(crate) fn cpuinfo(cpu: u32, level: CpuLevel) -> String {
    let there = FEATURES.iter().filter(|(name, from, ..)| *from <= level && !name.is_empty());
    let flags: Vec<&str> = there.map(|(name, ..)| *name).collect();
    let brand = String::from_utf8_lossy(BRAND);
    let (model, stepping) = model(level);
    format!(
        "processor\t: {cpu}\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: {model}\nmodel name\t: {}\n\
         stepping\t: {stepping}\ncpu MHz\t\t: 1000.000\nphysical id\t: {cpu}\nsiblings\t: 1\ncore id\t\t: 0\n\
         cpu cores\t: 1\nfpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: {}\nwp\t\t: yes\nflags\t\t: {}\n\
         bogomips\t: 2000.00\nclflush size\t: 64\ncache_alignment\t: 64\n\
         address sizes\t: 40 bits physical, 48 bits virtual\npower management:\n\n",
        brand.trim_end_matches('\0'),
        leaves(level),
        flags.join(" "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What programs look at, and what the psABI says that a level has.
    #[test]
    fn levels_add_features() {
        let mut before: Option<Vec<&str>> = None;
        for level in CpuLevel::ALL {
            let text = cpuinfo(0, level);
            let flags = text.lines().find_map(|line| line.strip_prefix("flags\t\t: ")).unwrap();
            let flags: Vec<&str> = flags.split(' ').collect();
            if let Some(before) = before {
                assert!(before.iter().all(|flag| flags.contains(flag)) && before.len() <= flags.len());
            }
            assert!(["cmov", "cx8", "fpu", "fxsr", "mmx", "sse2"].iter().all(|flag| flags.contains(flag)));
            let v2 = ["cx16", "lahf_lm", "popcnt", "pni", "ssse3", "sse4_1", "sse4_2"]
                .iter()
                .all(|flag| flags.contains(flag));
            assert_eq!(v2, level >= V2);
            let v3 = ["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"];
            assert_eq!(v3.iter().all(|flag| flags.contains(flag)), level == V3);
            before = Some(flags.iter().map(|flag| FEATURES.iter().find(|f| f.0 == *flag).unwrap().0).collect());
        }
    }
}
