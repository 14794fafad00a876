//! CPUID: advertises exactly what exists, x86-64-v1.

/// Name in /proc/cpuinfo and bit of leaf 1's EDX.
const EDX1: &[(&str, u32)] =
    &[("fpu", 0), ("tsc", 4), ("cx8", 8), ("cmov", 15), ("mmx", 23), ("fxsr", 24), ("sse", 25), ("sse2", 26)];
/// Of leaf 1's ECX.
const ECX1: &[(&str, u32)] = &[("cx16", 13), ("popcnt", 23)];
/// Of leaf 0x8000_0001's EDX.
const EDX81: &[(&str, u32)] = &[("syscall", 11), ("nx", 20), ("lm", 29)];
/// Of leaf 0x8000_0001's ECX.
const ECX81: &[(&str, u32)] = &[("lahf_lm", 0)];

const VENDOR: &[u8; 12] = b"GenuineIntel";
const BRAND: &[u8; 48] = b"minikern x86-64 virtual CPU\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
/// Family 6, model 15, stepping 11: an x86-64-v1 part.
const SIGNATURE: u32 = 0x0000_06fb;

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

fn bits(features: &[(&str, u32)]) -> u32 {
    features.iter().fold(0, |bits, (_, bit)| bits | 1 << bit)
}

fn word(text: &[u8], at: usize) -> u32 {
    text[at..at + 4].iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte))
}

/// EAX, EBX, ECX, EDX of a leaf. Leaves that do not exist are zero.
pub(crate) fn leaf(leaf: u32, subleaf: u32) -> [u32; 4] {
    match leaf {
        0 => [4, word(VENDOR, 0), word(VENDOR, 8), word(VENDOR, 4)],
        // CLFLUSH line size 8 * 8 bytes, one logical processor.
        1 => [SIGNATURE, 1 << 16 | 8 << 8, bits(ECX1), bits(EDX1)],
        // No descriptors here: see leaf 4.
        2 => [0xff01, 0, 0, 0],
        4 => CACHES.get(subleaf as usize).map_or([0; 4], |cache| cache.words()),
        0x8000_0000 => [0x8000_0008, 0, 0, 0],
        0x8000_0001 => [0, 0, bits(ECX81), bits(EDX81)],
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
pub(crate) fn cpuinfo(cpu: u32) -> String {
    let flags: Vec<&str> = [EDX1, EDX81, ECX1, ECX81].into_iter().flatten().map(|(name, _)| *name).collect();
    let brand = String::from_utf8_lossy(BRAND);
    format!(
        "processor\t: {cpu}\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 15\nmodel name\t: {}\n\
         stepping\t: 11\ncpu MHz\t\t: 1000.000\nphysical id\t: {cpu}\nsiblings\t: 1\ncore id\t\t: 0\ncpu cores\t: 1\n\
         fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: 4\nwp\t\t: yes\nflags\t\t: {}\nbogomips\t: 2000.00\n\
         clflush size\t: 64\ncache_alignment\t: 64\naddress sizes\t: 40 bits physical, 48 bits virtual\n\
         power management:\n\n",
        brand.trim_end_matches('\0'),
        flags.join(" "),
    )
}
