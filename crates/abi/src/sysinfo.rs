//! What the system tells about itself and its tasks: `rusage`, `tms`, `sysinfo`, `utsname`. 64-bit
//! little-endian layout.

use crate::bytes::Writer;
use crate::time::Timeval;
use serde::{Deserialize, Serialize};

/// `struct rusage`. Fields Linux never fills stay zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rusage {
    pub utime: Timeval,
    pub stime: Timeval,
    /// In KiB.
    pub maxrss: u64,
    pub minflt: u64,
    pub majflt: u64,
    pub inblock: u64,
    pub oublock: u64,
    pub nvcsw: u64,
    pub nivcsw: u64,
}

impl Rusage {
    pub fn encode_64(&self) -> [u8; 144] {
        Writer::new()
            .bytes(&self.utime.encode_64())
            .bytes(&self.stime.encode_64())
            .u64(self.maxrss)
            .zero(24)
            .u64(self.minflt)
            .u64(self.majflt)
            .zero(8)
            .u64(self.inblock)
            .u64(self.oublock)
            .zero(24)
            .u64(self.nvcsw)
            .u64(self.nivcsw)
            .done()
    }
}

/// `struct tms`, in ticks of `USER_HZ`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tms {
    pub utime: u64,
    pub stime: u64,
    pub cutime: u64,
    pub cstime: u64,
}

impl Tms {
    pub fn encode_64(&self) -> [u8; 32] {
        Writer::new().u64(self.utime).u64(self.stime).u64(self.cutime).u64(self.cstime).done()
    }
}

/// Loads in `sysinfo` are fixed-point with this many fraction bits.
pub const SI_LOAD_SHIFT: u32 = 16;

/// `struct sysinfo`, memory in units of one byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sysinfo {
    /// Seconds since boot.
    pub uptime: u64,
    pub loads: [u64; 3],
    pub totalram: u64,
    pub freeram: u64,
    pub sharedram: u64,
    pub bufferram: u64,
    pub procs: u16,
}

impl Sysinfo {
    /// No swap and no high memory; `mem_unit` is 1.
    pub fn encode_64(&self) -> [u8; 112] {
        Writer::new()
            .u64(self.uptime)
            .u64(self.loads[0])
            .u64(self.loads[1])
            .u64(self.loads[2])
            .u64(self.totalram)
            .u64(self.freeram)
            .u64(self.sharedram)
            .u64(self.bufferram)
            .zero(16)
            .u16(self.procs)
            .zero(6)
            .zero(16)
            .u32(1)
            .zero(4)
            .done()
    }
}

/// Bytes of one `utsname` string with its NUL.
pub const NEW_UTS_LEN: usize = 64;

/// `struct new_utsname`: six strings of 65 bytes, cut to 64 if longer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Utsname {
    pub sysname: String,
    pub nodename: String,
    pub release: String,
    pub version: String,
    pub machine: String,
    pub domainname: String,
}

impl Utsname {
    pub fn encode(&self) -> [u8; 390] {
        let all = [&self.sysname, &self.nodename, &self.release, &self.version, &self.machine, &self.domainname];
        let mut data = [0; 390];
        for (field, text) in data.chunks_exact_mut(NEW_UTS_LEN + 1).zip(all) {
            let len = text.len().min(NEW_UTS_LEN);
            field[..len].copy_from_slice(&text.as_bytes()[..len]);
        }
        data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(data: &[u8], layout: &[(usize, u64)]) {
        for &(offset, value) in layout {
            let word = data[offset..].first_chunk().expect("inside");
            assert_eq!(u64::from_le_bytes(*word), value, "offset {offset}");
        }
    }

    /// offsetof on linux/resource.h of linux-libc-dev 6.1, gcc 12.
    #[test]
    fn rusage_layout() {
        let usage = Rusage {
            utime: Timeval { sec: 1, usec: 2 },
            stime: Timeval { sec: 3, usec: 4 },
            maxrss: 5,
            minflt: 6,
            majflt: 7,
            inblock: 8,
            oublock: 9,
            nvcsw: 10,
            nivcsw: 11,
        };
        let layout = [(0, 1), (16, 3), (32, 5), (64, 6), (72, 7), (88, 8), (96, 9), (128, 10), (136, 11)];
        check(&usage.encode_64(), &layout);
    }

    /// offsetof on linux/sysinfo.h of linux-libc-dev 6.1, gcc 12.
    #[test]
    fn sysinfo_layout() {
        let info =
            Sysinfo { uptime: 1, loads: [2, 3, 4], totalram: 5, freeram: 6, sharedram: 7, bufferram: 8, procs: 9 };
        let layout = [(0, 1), (8, 2), (32, 5), (56, 8), (80, 9), (88, 0), (104, 1)];
        check(&info.encode_64(), &layout);
    }

    /// offsetof on linux/utsname.h of linux-libc-dev 6.1, gcc 12: release 130, domainname 325.
    #[test]
    fn utsname_layout() {
        let name =
            Utsname { sysname: "Linux".into(), release: "r".repeat(80), domainname: "d".into(), ..Utsname::default() };
        let data = name.encode();
        assert_eq!(&data[..6], b"Linux\0");
        assert_eq!((data[130], data[130 + 63], data[130 + 64]), (b'r', b'r', 0));
        assert_eq!(data[325], b'd');
    }

    #[test]
    fn tms_layout() {
        let tms = Tms { utime: 1, stime: 2, cutime: 3, cstime: 4 };
        check(&tms.encode_64(), &[(0, 1), (8, 2), (16, 3), (24, 4)]);
    }
}
