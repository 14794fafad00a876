//! Character devices: which driver has which number, and the nodes /dev begins with.
mod devtmpfs;
mod kmsg;
mod mem;
mod rtc;
mod stuck;

pub(crate) use devtmpfs::{default_rootfs, devtmpfs};

use crate::tty::{ConsoleDevice, CurrentTty, PtmxDevice, SERIAL_MINOR, TTY_MAJOR, TtyDevice, UNIX98_PTY_SLAVE_MAJOR};
use crate::vfs::CharDevice;
use abi::{major, makedev, minor};
use serde::{Deserialize, Serialize};

/// What drivers remember: the contents of their devices.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Devices {
    stuck: stuck::Stuck,
    kmsg: kmsg::Readers,
    pub(crate) rtc: rtc::Rtc,
}

impl Devices {
    /// The devices at power-on; the RTC shows `realtime`, seconds since 1970.
    pub(crate) fn new(realtime: u64) -> Devices {
        Devices { rtc: rtc::Rtc::new(realtime), ..Devices::default() }
    }
}

const MEM_MAJOR: u32 = 1;
const TTYAUX_MAJOR: u32 = 5;
/// From the range for local use (Documentation/admin-guide/devices.txt).
const STUCK_MAJOR: u32 = 240;
/// Where dynamic majors end up first, counting down from 254 past those of usual drivers.
const RTC_MAJOR: u32 = 252;

/// The number of /dev/console.
pub(crate) const CONSOLE: u64 = makedev(TTYAUX_MAJOR, 1);

/// The number of /dev/ptmx.
pub(crate) const PTMX: u64 = makedev(TTYAUX_MAJOR, 2);

/// The driver of a device number.
pub(crate) fn driver(rdev: u64) -> Option<&'static dyn CharDevice> {
    Some(match (major(rdev), minor(rdev)) {
        (MEM_MAJOR, 3) => &mem::Null,
        (MEM_MAJOR, 5) => &mem::Zero,
        (MEM_MAJOR, 7) => &mem::Full,
        (MEM_MAJOR, 8 | 9) => &mem::Random,
        (MEM_MAJOR, 11) => &kmsg::Kmsg,
        (TTYAUX_MAJOR, 0) => &CurrentTty,
        (TTYAUX_MAJOR, 1) => &ConsoleDevice,
        (TTYAUX_MAJOR, 2) => &PtmxDevice,
        (TTY_MAJOR, SERIAL_MINOR) | (UNIX98_PTY_SLAVE_MAJOR, _) => &TtyDevice,
        (STUCK_MAJOR, 0) => &stuck::StuckDevice,
        (RTC_MAJOR, 0) => &rtc::RtcDevice,
        _ => return None,
    })
}

/// One node of a fresh /dev: name, permission bits, number.
pub(crate) struct Node(pub(crate) &'static str, pub(crate) u32, pub(crate) u64);

pub(crate) const NODES: &[Node] = &[
    Node("console", 0o600, CONSOLE),
    Node("full", 0o666, makedev(MEM_MAJOR, 7)),
    Node("kmsg", 0o644, makedev(MEM_MAJOR, 11)),
    Node("null", 0o666, makedev(MEM_MAJOR, 3)),
    Node("ptmx", 0o666, PTMX),
    Node("random", 0o666, makedev(MEM_MAJOR, 8)),
    Node("rtc0", 0o600, makedev(RTC_MAJOR, 0)),
    Node("stuck", 0o666, makedev(STUCK_MAJOR, 0)),
    Node("tty", 0o666, makedev(TTYAUX_MAJOR, 0)),
    Node("ttyS0", 0o660, makedev(TTY_MAJOR, SERIAL_MINOR)),
    Node("urandom", 0o666, makedev(MEM_MAJOR, 9)),
    Node("zero", 0o666, makedev(MEM_MAJOR, 5)),
];

/// /proc/devices: the majors of character devices.
pub(crate) const MAJORS: &[(u32, &str)] = &[
    (MEM_MAJOR, "mem"),
    (TTY_MAJOR, "ttyS"),
    (TTYAUX_MAJOR, "/dev/tty"),
    (TTYAUX_MAJOR, "/dev/console"),
    (TTYAUX_MAJOR, "/dev/ptmx"),
    (UNIX98_PTY_SLAVE_MAJOR, "pts"),
    (STUCK_MAJOR, "stuck"),
    (RTC_MAJOR, "rtc"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_has_a_driver() {
        for Node(name, _, rdev) in NODES {
            assert!(driver(*rdev).is_some(), "{name}");
            assert!(MAJORS.iter().any(|(number, _)| *number == major(*rdev)), "{name}");
        }
        assert!(driver(makedev(8, 0)).is_none());
    }
}
