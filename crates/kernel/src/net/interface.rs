//! The one network interface, `lo`, as the ioctls of sockets tell of it (netdevice(7)).
use crate::{Kernel, Result, Tid, TraceKind};
use abi::Errno;

const SIOCGIFNAME: u32 = 0x8910;
const SIOCGIFCONF: u32 = 0x8912;
const SIOCGIFFLAGS: u32 = 0x8913;
const SIOCSIFFLAGS: u32 = 0x8914;
const SIOCGIFADDR: u32 = 0x8915;
const SIOCSIFADDR: u32 = 0x8916;
const SIOCGIFBRDADDR: u32 = 0x8919;
const SIOCGIFNETMASK: u32 = 0x891b;
const SIOCSIFNETMASK: u32 = 0x891c;
const SIOCGIFMETRIC: u32 = 0x891d;
const SIOCGIFMTU: u32 = 0x8921;
const SIOCGIFHWADDR: u32 = 0x8927;
const SIOCGIFINDEX: u32 = 0x8933;
const SIOCGIFTXQLEN: u32 = 0x8942;

const IFNAMSIZ: usize = 16;
/// sizeof(struct ifreq) of 64-bit machines.
const IFREQ: usize = 40;
const NAME: &[u8; IFNAMSIZ] = b"lo\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
/// IFF_UP, IFF_LOOPBACK, IFF_RUNNING.
const FLAGS: u16 = 0x1 | 0x8 | 0x40;
const MTU: u32 = 65_536;
const ARPHRD_LOOPBACK: u16 = 772;

fn ipv4(ip: [u8; 4]) -> Vec<u8> {
    [&[2, 0, 0, 0][..], &ip].concat()
}

/// What an ioctl of the interface's says; `None` for one that is not such.
pub(crate) fn ioctl(kernel: &mut Kernel, tid: Tid, cmd: u32, arg: u64) -> Option<Result<u64>> {
    let answer = match cmd {
        SIOCGIFCONF => return Some(configuration(kernel, tid, arg).map(|()| 0)),
        SIOCGIFNAME => return Some(name_of(kernel, tid, arg).map(|()| 0)),
        SIOCGIFFLAGS => FLAGS.to_le_bytes().to_vec(),
        SIOCGIFADDR => ipv4([127, 0, 0, 1]),
        SIOCGIFBRDADDR => ipv4([0; 4]),
        SIOCGIFNETMASK => ipv4([255, 0, 0, 0]),
        SIOCGIFMETRIC => vec![0; 4],
        SIOCGIFMTU => MTU.to_le_bytes().to_vec(),
        SIOCGIFHWADDR => ARPHRD_LOOPBACK.to_le_bytes().into_iter().chain([0; 6]).collect(),
        SIOCGIFINDEX => 1_u32.to_le_bytes().to_vec(),
        SIOCGIFTXQLEN => 1000_u32.to_le_bytes().to_vec(),
        // `ifconfig lo up` finds it up.
        SIOCSIFFLAGS | SIOCSIFADDR | SIOCSIFNETMASK => Vec::new(),
        _ => {
            if (SIOCGIFNAME..=SIOCGIFTXQLEN).contains(&cmd) {
                kernel.trace.line(TraceKind::Missing, || format!("ioctl {cmd:#x} of a socket: EINVAL"));
                return Some(Err(Errno::EINVAL));
            }
            return None;
        }
    };
    Some(of_interface(kernel, tid, arg, &answer).map(|()| 0))
}

fn of_interface(kernel: &mut Kernel, tid: Tid, arg: u64, answer: &[u8]) -> Result<()> {
    let mut name = [0; IFNAMSIZ];
    kernel.user(tid).read(arg, &mut name)?;
    if name.split(|&byte| byte == 0).next() != Some(b"lo") {
        return Err(Errno::ENODEV);
    }
    kernel.user(tid).write(arg.wrapping_add(IFNAMSIZ as u64), answer)
}

fn name_of(kernel: &mut Kernel, tid: Tid, arg: u64) -> Result<()> {
    if kernel.user(tid).read_u32(arg.wrapping_add(IFNAMSIZ as u64))? != 1 {
        return Err(Errno::ENODEV);
    }
    kernel.user(tid).write(arg, NAME)
}

/// `struct ifconf`: a length, and where the list goes.
fn configuration(kernel: &mut Kernel, tid: Tid, arg: u64) -> Result<()> {
    let mut user = kernel.user(tid);
    let (room, list) = (user.read_u32(arg)? as usize, user.read_u64(arg.wrapping_add(8))?);
    let mut entry = NAME.to_vec();
    entry.extend(ipv4([127, 0, 0, 1]));
    entry.resize(IFREQ, 0);
    let len = if list == 0 || room >= IFREQ { IFREQ } else { 0 };
    if list != 0 {
        user.write(list, &entry[..len])?;
    }
    user.write_u32(arg, len as u32)
}
