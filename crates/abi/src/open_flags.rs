//! `open` flags: one normal form for the kernel, and per CPU family where the bits lie.

use bitflags::bitflags;
use serde::{Deserialize, Serialize};

bitflags! {
    /// Open flags, asm-generic values. A guest's word becomes this through [`OpenFlagBits`].
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
    pub struct OpenFlags: u32 {
        const O_WRONLY = 0x1;
        const O_RDWR = 0x2;
        const O_CREAT = 0x40;
        const O_EXCL = 0x80;
        const O_NOCTTY = 0x100;
        const O_TRUNC = 0x200;
        const O_APPEND = 0x400;
        const O_NONBLOCK = 0x800;
        const O_DSYNC = 0x1000;
        const FASYNC = 0x2000;
        const O_DIRECT = 0x4000;
        const O_LARGEFILE = 0x8000;
        const O_DIRECTORY = 0x1_0000;
        const O_NOFOLLOW = 0x2_0000;
        const O_NOATIME = 0x4_0000;
        const O_CLOEXEC = 0x8_0000;
        /// Half of O_SYNC; the other half is O_DSYNC.
        const __O_SYNC = 0x10_0000;
        const O_PATH = 0x20_0000;
        /// Half of O_TMPFILE; the other half is O_DIRECTORY.
        const __O_TMPFILE = 0x40_0000;
        const O_SYNC = Self::__O_SYNC.bits() | Self::O_DSYNC.bits();
        const O_TMPFILE = Self::__O_TMPFILE.bits() | Self::O_DIRECTORY.bits();
        const O_ACCMODE = 3;
    }
}

impl OpenFlags {
    pub const O_RDONLY: OpenFlags = OpenFlags::empty();

    pub fn readable(self) -> bool {
        matches!(self.bits() & 3, 0 | 2)
    }

    pub fn writable(self) -> bool {
        matches!(self.bits() & 3, 1 | 2)
    }
}

/// Where a CPU family puts the four flags that move. All others are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFlagBits {
    pub direct: u32,
    pub largefile: u32,
    pub directory: u32,
    pub nofollow: u32,
}

impl OpenFlagBits {
    /// asm-generic: x86, RISC-V, s390x, LoongArch.
    pub const GENERIC: OpenFlagBits =
        OpenFlagBits { direct: 0x4000, largefile: 0x8000, directory: 0x1_0000, nofollow: 0x2_0000 };
    /// AArch64, arm and m68k (`arch/arm64/include/uapi/asm/fcntl.h`).
    pub const ARM: OpenFlagBits =
        OpenFlagBits { direct: 0x1_0000, largefile: 0x2_0000, directory: 0x4000, nofollow: 0x8000 };

    fn pairs(self) -> [(u32, OpenFlags); 4] {
        [
            (self.direct, OpenFlags::O_DIRECT),
            (self.largefile, OpenFlags::O_LARGEFILE),
            (self.directory, OpenFlags::O_DIRECTORY),
            (self.nofollow, OpenFlags::O_NOFOLLOW),
        ]
    }

    fn moving(self) -> u32 {
        self.direct | self.largefile | self.directory | self.nofollow
    }

    /// A guest's flag word in normal form. Bits the kernel does not know are dropped, as `open` does.
    pub fn decode(self, raw: u32) -> OpenFlags {
        let mut flags = OpenFlags::from_bits_truncate(raw & !self.moving());
        for (bit, flag) in self.pairs() {
            flags.set(flag, raw & bit != 0);
        }
        flags
    }

    /// The normal form as this family's guests see it (`F_GETFL`).
    pub fn encode(self, flags: OpenFlags) -> u32 {
        let same = flags.bits() & !OpenFlagBits::GENERIC.moving();
        self.pairs().iter().filter(|(_, flag)| flags.contains(*flag)).fold(same, |raw, (bit, _)| raw | bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generic_is_the_normal_form() {
        for raw in [0, 0o2, 0x1_0000, 0x10_1000, 0x41_0002, 0x8_8000] {
            let flags = OpenFlagBits::GENERIC.decode(raw);
            assert_eq!(flags.bits(), raw);
            assert_eq!(OpenFlagBits::GENERIC.encode(flags), raw);
        }
    }

    /// Values of AArch64's O_DIRECTORY, O_NOFOLLOW, O_DIRECT, O_LARGEFILE, O_TMPFILE from its UAPI headers.
    #[test]
    fn arm_moves_four() {
        for (raw, flag) in [
            (0x4000, OpenFlags::O_DIRECTORY),
            (0x8000, OpenFlags::O_NOFOLLOW),
            (0x1_0000, OpenFlags::O_DIRECT),
            (0x2_0000, OpenFlags::O_LARGEFILE),
            (0x40_4000, OpenFlags::O_TMPFILE),
            (0x8_0000, OpenFlags::O_CLOEXEC),
        ] {
            assert_eq!(OpenFlagBits::ARM.decode(raw), flag);
            assert_eq!(OpenFlagBits::ARM.encode(flag), raw);
        }
    }

    #[test]
    fn access_modes() {
        assert!(OpenFlags::O_RDONLY.readable() && !OpenFlags::O_RDONLY.writable());
        assert!(OpenFlags::O_RDWR.readable() && OpenFlags::O_RDWR.writable());
        assert!(!OpenFlags::O_WRONLY.readable());
        assert!(!OpenFlags::O_ACCMODE.readable() && !OpenFlags::O_ACCMODE.writable());
    }
}
