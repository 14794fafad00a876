//! Capability numbers and what `capget` and `capset` exchange.

use crate::bytes::{Reader, Writer};
use serde::{Deserialize, Serialize};

pub const CAP_CHOWN: u8 = 0;
pub const CAP_DAC_OVERRIDE: u8 = 1;
pub const CAP_DAC_READ_SEARCH: u8 = 2;
pub const CAP_FOWNER: u8 = 3;
pub const CAP_FSETID: u8 = 4;
pub const CAP_KILL: u8 = 5;
pub const CAP_SETGID: u8 = 6;
pub const CAP_SETUID: u8 = 7;
pub const CAP_SETPCAP: u8 = 8;
pub const CAP_LINUX_IMMUTABLE: u8 = 9;
pub const CAP_NET_BIND_SERVICE: u8 = 10;
pub const CAP_NET_BROADCAST: u8 = 11;
pub const CAP_NET_ADMIN: u8 = 12;
pub const CAP_NET_RAW: u8 = 13;
pub const CAP_IPC_LOCK: u8 = 14;
pub const CAP_IPC_OWNER: u8 = 15;
pub const CAP_SYS_MODULE: u8 = 16;
pub const CAP_SYS_RAWIO: u8 = 17;
pub const CAP_SYS_CHROOT: u8 = 18;
pub const CAP_SYS_PTRACE: u8 = 19;
pub const CAP_SYS_PACCT: u8 = 20;
pub const CAP_SYS_ADMIN: u8 = 21;
pub const CAP_SYS_BOOT: u8 = 22;
pub const CAP_SYS_NICE: u8 = 23;
pub const CAP_SYS_RESOURCE: u8 = 24;
pub const CAP_SYS_TIME: u8 = 25;
pub const CAP_SYS_TTY_CONFIG: u8 = 26;
pub const CAP_MKNOD: u8 = 27;
pub const CAP_LEASE: u8 = 28;
pub const CAP_AUDIT_WRITE: u8 = 29;
pub const CAP_AUDIT_CONTROL: u8 = 30;
pub const CAP_SETFCAP: u8 = 31;
pub const CAP_MAC_OVERRIDE: u8 = 32;
pub const CAP_MAC_ADMIN: u8 = 33;
pub const CAP_SYSLOG: u8 = 34;
pub const CAP_WAKE_ALARM: u8 = 35;
pub const CAP_BLOCK_SUSPEND: u8 = 36;
pub const CAP_AUDIT_READ: u8 = 37;
pub const CAP_PERFMON: u8 = 38;
pub const CAP_BPF: u8 = 39;
pub const CAP_CHECKPOINT_RESTORE: u8 = 40;
pub const CAP_LAST_CAP: u8 = 40;

/// Every capability there is, as a mask.
pub const CAP_FULL_SET: u64 = (1 << (CAP_LAST_CAP + 1)) - 1;

/// Versions of `struct __user_cap_header_struct`. The first takes one 32-bit set, the others two.
pub const _LINUX_CAPABILITY_VERSION_1: u32 = 0x1998_0330;
pub const _LINUX_CAPABILITY_VERSION_2: u32 = 0x2007_1026;
pub const _LINUX_CAPABILITY_VERSION_3: u32 = 0x2008_0522;

/// The three sets `capget` and `capset` move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CapSets {
    pub effective: u64,
    pub permitted: u64,
    pub inheritable: u64,
}

impl CapSets {
    /// Two `struct __user_cap_data_struct`: the low halves of the sets, then the high halves.
    pub fn encode(&self) -> [u8; 24] {
        let low = |set: u64| set as u32;
        let high = |set: u64| (set >> 32) as u32;
        Writer::new()
            .u32(low(self.effective))
            .u32(low(self.permitted))
            .u32(low(self.inheritable))
            .u32(high(self.effective))
            .u32(high(self.permitted))
            .u32(high(self.inheritable))
            .done()
    }

    pub fn decode(data: &[u8; 24]) -> CapSets {
        let mut r = Reader::new(data);
        let low = [r.u32(), r.u32(), r.u32()];
        let high = [r.u32(), r.u32(), r.u32()];
        let set = |at: usize| u64::from(low[at]) | u64::from(high[at]) << 32;
        CapSets { effective: set(0), permitted: set(1), inheritable: set(2) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_set() {
        assert_eq!(CAP_FULL_SET, 0x1ff_ffff_ffff, "CapEff of root in /proc/self/status on 6.x");
    }

    #[test]
    fn halves_interleave() {
        let sets = CapSets { effective: 1 | 2 << 32, permitted: 3 | 4 << 32, inheritable: 5 | 6 << 32 };
        let data = sets.encode();
        assert_eq!((data[0], data[4], data[8], data[12], data[16], data[20]), (1, 3, 5, 2, 4, 6));
        assert_eq!(CapSets::decode(&data), sets);
    }
}
