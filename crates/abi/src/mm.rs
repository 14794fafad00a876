//! Memory: protections, mappings, advice, the auxiliary vector, resource limits.

use crate::bytes::{Reader, Writer};
use bitflags::bitflags;
use serde::{Deserialize, Serialize};

bitflags! {
    /// `prot` of `mmap` and `mprotect`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
    pub struct Prot: u32 {
        const PROT_READ = 0x1;
        const PROT_WRITE = 0x2;
        const PROT_EXEC = 0x4;
        const PROT_SEM = 0x8;
        const PROT_GROWSDOWN = 0x100_0000;
        const PROT_GROWSUP = 0x200_0000;
    }
}

impl Prot {
    pub const PROT_NONE: Prot = Prot::empty();
}

bitflags! {
    /// `flags` of `mmap`, asm-generic values. MAP_32BIT is x86's own.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
    pub struct MapFlags: u32 {
        const MAP_SHARED = 0x1;
        const MAP_PRIVATE = 0x2;
        const MAP_SHARED_VALIDATE = 0x3;
        const MAP_DROPPABLE = 0x8;
        const MAP_FIXED = 0x10;
        const MAP_ANONYMOUS = 0x20;
        const MAP_32BIT = 0x40;
        const MAP_GROWSDOWN = 0x100;
        const MAP_DENYWRITE = 0x800;
        const MAP_EXECUTABLE = 0x1000;
        const MAP_LOCKED = 0x2000;
        const MAP_NORESERVE = 0x4000;
        const MAP_POPULATE = 0x8000;
        const MAP_NONBLOCK = 0x1_0000;
        const MAP_STACK = 0x2_0000;
        const MAP_HUGETLB = 0x4_0000;
        const MAP_SYNC = 0x8_0000;
        const MAP_FIXED_NOREPLACE = 0x10_0000;
        const MAP_UNINITIALIZED = 0x400_0000;
    }
}

/// The bits of [`MapFlags`] that hold the sharing type.
pub const MAP_TYPE: u32 = 0xf;

pub const MREMAP_MAYMOVE: u32 = 1;
pub const MREMAP_FIXED: u32 = 2;
pub const MREMAP_DONTUNMAP: u32 = 4;
pub const MS_ASYNC: u32 = 1;
pub const MS_INVALIDATE: u32 = 2;
pub const MS_SYNC: u32 = 4;
pub const MCL_CURRENT: u32 = 1;
pub const MCL_FUTURE: u32 = 2;
pub const MCL_ONFAULT: u32 = 4;
pub const MLOCK_ONFAULT: u32 = 1;

/// `madvise` advice.
pub const MADV_NORMAL: u32 = 0;
pub const MADV_RANDOM: u32 = 1;
pub const MADV_SEQUENTIAL: u32 = 2;
pub const MADV_WILLNEED: u32 = 3;
pub const MADV_DONTNEED: u32 = 4;
pub const MADV_FREE: u32 = 8;
pub const MADV_REMOVE: u32 = 9;
pub const MADV_DONTFORK: u32 = 10;
pub const MADV_DOFORK: u32 = 11;
pub const MADV_MERGEABLE: u32 = 12;
pub const MADV_UNMERGEABLE: u32 = 13;
pub const MADV_HUGEPAGE: u32 = 14;
pub const MADV_NOHUGEPAGE: u32 = 15;
pub const MADV_DONTDUMP: u32 = 16;
pub const MADV_DODUMP: u32 = 17;
pub const MADV_WIPEONFORK: u32 = 18;
pub const MADV_KEEPONFORK: u32 = 19;
pub const MADV_COLD: u32 = 20;
pub const MADV_PAGEOUT: u32 = 21;
pub const MADV_POPULATE_READ: u32 = 22;
pub const MADV_POPULATE_WRITE: u32 = 23;
pub const MADV_DONTNEED_LOCKED: u32 = 24;
pub const MADV_COLLAPSE: u32 = 25;
pub const MADV_HWPOISON: u32 = 100;
pub const MADV_GUARD_INSTALL: u32 = 102;
pub const MADV_GUARD_REMOVE: u32 = 103;

/// Tags of the auxiliary vector.
pub const AT_NULL: u64 = 0;
pub const AT_IGNORE: u64 = 1;
pub const AT_EXECFD: u64 = 2;
pub const AT_PHDR: u64 = 3;
pub const AT_PHENT: u64 = 4;
pub const AT_PHNUM: u64 = 5;
pub const AT_PAGESZ: u64 = 6;
pub const AT_BASE: u64 = 7;
pub const AT_FLAGS: u64 = 8;
pub const AT_ENTRY: u64 = 9;
pub const AT_NOTELF: u64 = 10;
pub const AT_UID: u64 = 11;
pub const AT_EUID: u64 = 12;
pub const AT_GID: u64 = 13;
pub const AT_EGID: u64 = 14;
pub const AT_PLATFORM: u64 = 15;
pub const AT_HWCAP: u64 = 16;
pub const AT_CLKTCK: u64 = 17;
pub const AT_SECURE: u64 = 23;
pub const AT_BASE_PLATFORM: u64 = 24;
pub const AT_RANDOM: u64 = 25;
pub const AT_HWCAP2: u64 = 26;
pub const AT_RSEQ_FEATURE_SIZE: u64 = 27;
pub const AT_RSEQ_ALIGN: u64 = 28;
pub const AT_HWCAP3: u64 = 29;
pub const AT_HWCAP4: u64 = 30;
pub const AT_EXECFN: u64 = 31;
pub const AT_SYSINFO_EHDR: u64 = 33;
pub const AT_MINSIGSTKSZ: u64 = 51;

/// Resource limits, asm-generic numbering.
pub const RLIMIT_CPU: usize = 0;
pub const RLIMIT_FSIZE: usize = 1;
pub const RLIMIT_DATA: usize = 2;
pub const RLIMIT_STACK: usize = 3;
pub const RLIMIT_CORE: usize = 4;
pub const RLIMIT_RSS: usize = 5;
pub const RLIMIT_NPROC: usize = 6;
pub const RLIMIT_NOFILE: usize = 7;
pub const RLIMIT_MEMLOCK: usize = 8;
pub const RLIMIT_AS: usize = 9;
pub const RLIMIT_LOCKS: usize = 10;
pub const RLIMIT_SIGPENDING: usize = 11;
pub const RLIMIT_MSGQUEUE: usize = 12;
pub const RLIMIT_NICE: usize = 13;
pub const RLIMIT_RTPRIO: usize = 14;
pub const RLIMIT_RTTIME: usize = 15;
pub const RLIM_NLIMITS: usize = 16;
pub const RLIM_INFINITY: u64 = !0;

/// `struct rlimit64`, and `struct rlimit` of 64-bit architectures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rlimit {
    pub cur: u64,
    pub max: u64,
}

impl Rlimit {
    pub const UNLIMITED: Rlimit = Rlimit { cur: RLIM_INFINITY, max: RLIM_INFINITY };

    const fn both(value: u64) -> Rlimit {
        Rlimit { cur: value, max: value }
    }

    pub fn encode_64(&self) -> [u8; 16] {
        Writer::new().u64(self.cur).u64(self.max).done()
    }

    pub fn decode_64(data: &[u8; 16]) -> Rlimit {
        let mut r = Reader::new(data);
        Rlimit { cur: r.u64(), max: r.u64() }
    }
}

/// What init starts with (`INIT_RLIMITS`, `fork_init`): processes and queued signals are bounded by
/// half of `max_threads`.
pub const fn default_rlimits(max_threads: u64) -> [Rlimit; RLIM_NLIMITS] {
    let mut table = [Rlimit::UNLIMITED; RLIM_NLIMITS];
    table[RLIMIT_STACK] = Rlimit { cur: 8 << 20, max: RLIM_INFINITY };
    table[RLIMIT_CORE] = Rlimit { cur: 0, max: RLIM_INFINITY };
    table[RLIMIT_NPROC] = Rlimit::both(max_threads / 2);
    table[RLIMIT_NOFILE] = Rlimit { cur: 1024, max: 4096 };
    table[RLIMIT_MEMLOCK] = Rlimit::both(8 << 20);
    table[RLIMIT_SIGPENDING] = Rlimit::both(max_threads / 2);
    table[RLIMIT_MSGQUEUE] = Rlimit::both(819_200);
    table[RLIMIT_NICE] = Rlimit::both(0);
    table[RLIMIT_RTPRIO] = Rlimit::both(0);
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        let table = default_rlimits(2000);
        assert_eq!(table[RLIMIT_NPROC], Rlimit { cur: 1000, max: 1000 });
        assert_eq!(table[RLIMIT_RTTIME], Rlimit::UNLIMITED);
        assert_eq!(table[RLIMIT_AS], Rlimit::UNLIMITED);
        let stack = table[RLIMIT_STACK].encode_64();
        assert_eq!(stack[..8], (8u64 << 20).to_le_bytes());
        assert_eq!(stack[8..], [0xff; 8]);
        assert_eq!(Rlimit::decode_64(&stack), table[RLIMIT_STACK]);
    }
}
