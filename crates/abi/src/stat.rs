//! File status: one normal form, and the structures user space sees (`stat`, `statx`, `statfs`,
//! `linux_dirent64`).

use crate::bytes::Writer;
use crate::fs::*;
use crate::time::Timespec;
use serde::{Deserialize, Serialize};

/// What the kernel knows about a file; every `stat` layout is cut from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stat {
    /// Device numbers in [`makedev`] form.
    pub dev: u64,
    pub ino: u64,
    pub mode: u32,
    pub nlink: u32,
    pub uid: u32,
    pub gid: u32,
    pub rdev: u64,
    pub size: u64,
    pub blksize: u32,
    /// In units of 512 bytes.
    pub blocks: u64,
    pub atime: Timespec,
    pub mtime: Timespec,
    pub ctime: Timespec,
    /// Birth time, if the file system keeps one. Only `statx` shows it.
    pub btime: Option<Timespec>,
}

impl Stat {
    /// `struct stat` of x86-64.
    pub fn encode_x86_64(&self) -> [u8; 144] {
        Writer::new()
            .u64(self.dev)
            .u64(self.ino)
            .u64(self.nlink.into())
            .u32(self.mode)
            .u32(self.uid)
            .u32(self.gid)
            .zero(4)
            .u64(self.rdev)
            .u64(self.size)
            .u64(self.blksize.into())
            .u64(self.blocks)
            .bytes(&self.times())
            .zero(24)
            .done()
    }

    /// `struct stat` of asm-generic with 64-bit longs (AArch64, RISC-V).
    pub fn encode_generic_64(&self) -> [u8; 128] {
        Writer::new()
            .u64(self.dev)
            .u64(self.ino)
            .u32(self.mode)
            .u32(self.nlink)
            .u32(self.uid)
            .u32(self.gid)
            .u64(self.rdev)
            .zero(8)
            .u64(self.size)
            .u32(self.blksize)
            .zero(4)
            .u64(self.blocks)
            .bytes(&self.times())
            .zero(8)
            .done()
    }

    /// `struct statx`, the same everywhere. Answers what it has, whatever was asked for.
    pub fn encode_statx(&self) -> [u8; 256] {
        let born = if self.btime.is_some() { STATX_BTIME } else { 0 };
        Writer::new()
            .u32(STATX_BASIC_STATS | born)
            .u32(self.blksize)
            .zero(8)
            .u32(self.nlink)
            .u32(self.uid)
            .u32(self.gid)
            .u16(self.mode as u16)
            .zero(2)
            .u64(self.ino)
            .u64(self.size)
            .u64(self.blocks)
            .zero(8)
            .bytes(&statx_timestamp(self.atime))
            .bytes(&statx_timestamp(self.btime.unwrap_or_default()))
            .bytes(&statx_timestamp(self.ctime))
            .bytes(&statx_timestamp(self.mtime))
            .u32(major(self.rdev))
            .u32(minor(self.rdev))
            .u32(major(self.dev))
            .u32(minor(self.dev))
            .rest_zero()
    }

    /// atime, mtime, ctime as both 64-bit layouts hold them.
    fn times(&self) -> [u8; 48] {
        Writer::new()
            .bytes(&self.atime.encode_64())
            .bytes(&self.mtime.encode_64())
            .bytes(&self.ctime.encode_64())
            .done()
    }
}

fn statx_timestamp(t: Timespec) -> [u8; 16] {
    Writer::new().i64(t.sec).u32(t.nsec as u32).zero(4).done()
}

/// `statfs` in normal form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statfs {
    /// One of the `*_MAGIC` numbers.
    pub kind: u64,
    pub bsize: u64,
    pub blocks: u64,
    pub bfree: u64,
    pub bavail: u64,
    pub files: u64,
    pub ffree: u64,
    pub fsid: u64,
    pub namelen: u64,
    pub frsize: u64,
    pub flags: u64,
}

impl Statfs {
    /// `struct statfs` of 64-bit architectures.
    pub fn encode_64(&self) -> [u8; 120] {
        Writer::new()
            .u64(self.kind)
            .u64(self.bsize)
            .u64(self.blocks)
            .u64(self.bfree)
            .u64(self.bavail)
            .u64(self.files)
            .u64(self.ffree)
            .u64(self.fsid)
            .u64(self.namelen)
            .u64(self.frsize)
            .u64(self.flags)
            .zero(32)
            .done()
    }
}

/// Bytes a `linux_dirent64` with this name takes.
pub fn dirent64_len(name: &[u8]) -> usize {
    (19 + name.len() + 1).next_multiple_of(8)
}

/// Appends a `linux_dirent64`. `next` is the position that continues after it (`d_off`).
pub fn encode_dirent64(out: &mut Vec<u8>, ino: u64, next: u64, kind: u8, name: &[u8]) {
    let end = out.len() + dirent64_len(name);
    out.extend(ino.to_le_bytes());
    out.extend(next.to_le_bytes());
    out.extend((dirent64_len(name) as u16).to_le_bytes());
    out.push(kind);
    out.extend(name);
    out.resize(end, 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Stat {
        Stat {
            dev: makedev(8, 1),
            ino: 2,
            mode: S_IFREG | 0o644,
            nlink: 3,
            uid: 4,
            gid: 5,
            rdev: makedev(5, 6),
            size: 7,
            blksize: 4096,
            blocks: 8,
            atime: Timespec { sec: 9, nsec: 10 },
            mtime: Timespec { sec: 11, nsec: 12 },
            ctime: Timespec { sec: 13, nsec: 14 },
            btime: Some(Timespec { sec: 15, nsec: 16 }),
        }
    }

    fn check(data: &[u8], layout: &[(usize, usize, u64)]) {
        for &(offset, len, value) in layout {
            let mut word = [0; 8];
            word[..len].copy_from_slice(&data[offset..offset + len]);
            assert_eq!(u64::from_le_bytes(word), value, "offset {offset}");
        }
    }

    /// (offset, size) of each field: offsetof on asm/stat.h of linux-libc-dev 6.1, gcc 12, x86-64.
    #[test]
    fn x86_64_layout() {
        let layout = [
            (0, 8, 0x801),
            (8, 8, 2),
            (16, 8, 3),
            (24, 4, 0o100644),
            (28, 4, 4),
            (32, 4, 5),
            (40, 8, 0x506),
            (48, 8, 7),
            (56, 8, 4096),
            (64, 8, 8),
            (72, 8, 9),
            (80, 8, 10),
            (88, 8, 11),
            (104, 8, 13),
            (112, 8, 14),
        ];
        check(&sample().encode_x86_64(), &layout);
    }

    /// offsetof on asm-generic/stat.h with 64-bit longs; agrees with probes for AArch64 and RISC-V.
    #[test]
    fn generic_layout() {
        let layout = [
            (0, 8, 0x801),
            (8, 8, 2),
            (16, 4, 0o100644),
            (20, 4, 3),
            (24, 4, 4),
            (28, 4, 5),
            (32, 8, 0x506),
            (48, 8, 7),
            (56, 4, 4096),
            (64, 8, 8),
            (72, 8, 9),
            (80, 8, 10),
            (88, 8, 11),
            (104, 8, 13),
            (112, 8, 14),
        ];
        check(&sample().encode_generic_64(), &layout);
    }

    /// offsetof on linux/stat.h of linux-libc-dev 6.1, gcc 12.
    #[test]
    fn statx_layout() {
        let layout = [
            (0, 4, 0xfff),
            (4, 4, 4096),
            (16, 4, 3),
            (20, 4, 4),
            (24, 4, 5),
            (28, 2, 0o100644),
            (32, 8, 2),
            (40, 8, 7),
            (48, 8, 8),
            (64, 8, 9),
            (72, 4, 10),
            (80, 8, 15),
            (88, 4, 16),
            (96, 8, 13),
            (112, 8, 11),
            (128, 4, 5),
            (132, 4, 6),
            (136, 4, 8),
            (140, 4, 1),
        ];
        check(&sample().encode_statx(), &layout);
    }

    /// offsetof on asm/statfs.h of linux-libc-dev 6.1, gcc 12.
    #[test]
    fn statfs_layout() {
        let fs = Statfs {
            kind: TMPFS_MAGIC,
            bsize: 1,
            blocks: 2,
            bfree: 3,
            bavail: 4,
            files: 5,
            ffree: 6,
            fsid: 7,
            namelen: 255,
            frsize: 8,
            flags: 9,
        };
        let layout = [
            (0, 8, 0x0102_1994),
            (8, 8, 1),
            (16, 8, 2),
            (24, 8, 3),
            (32, 8, 4),
            (40, 8, 5),
            (48, 8, 6),
            (56, 8, 7),
            (64, 8, 255),
            (72, 8, 8),
            (80, 8, 9),
        ];
        check(&fs.encode_64(), &layout);
    }

    #[test]
    fn dirents_are_aligned_and_terminated() {
        let mut out = Vec::new();
        encode_dirent64(&mut out, 5, 1, DT_DIR, b".");
        encode_dirent64(&mut out, 6, 2, DT_REG, b"12345");
        assert_eq!((dirent64_len(b"1234"), dirent64_len(b"12345")), (24, 32));
        assert_eq!(out.len(), 24 + 32);
        check(&out, &[(0, 8, 5), (8, 8, 1), (16, 2, 24), (18, 1, 4), (19, 2, 0x2e), (24, 8, 6), (40, 2, 32)]);
        assert_eq!(&out[24 + 19..24 + 25], b"12345\0");
    }
}
