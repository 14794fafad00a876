//! Error numbers (`asm-generic/errno.h`) and, apart from them, the kernel's own restart codes.

use crate::SaFlags;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a system call gives its caller: never one of the kernel-internal codes, see [`Restart`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Errno(pub u16);

pub type Result<T> = std::result::Result<T, Errno>;

macro_rules! errnos {
    ($($name:ident = $value:literal,)*) => {
        impl Errno {
            $(pub const $name: Errno = Errno($value);)*
            /// Every errno there is, ascending.
            pub const ALL: &[Errno] = &[$(Errno::$name),*];

            /// The kernel's name for it; `None` for a number without one.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

errnos! {
    EPERM = 1,
    ENOENT = 2,
    ESRCH = 3,
    EINTR = 4,
    EIO = 5,
    ENXIO = 6,
    E2BIG = 7,
    ENOEXEC = 8,
    EBADF = 9,
    ECHILD = 10,
    EAGAIN = 11,
    ENOMEM = 12,
    EACCES = 13,
    EFAULT = 14,
    ENOTBLK = 15,
    EBUSY = 16,
    EEXIST = 17,
    EXDEV = 18,
    ENODEV = 19,
    ENOTDIR = 20,
    EISDIR = 21,
    EINVAL = 22,
    ENFILE = 23,
    EMFILE = 24,
    ENOTTY = 25,
    ETXTBSY = 26,
    EFBIG = 27,
    ENOSPC = 28,
    ESPIPE = 29,
    EROFS = 30,
    EMLINK = 31,
    EPIPE = 32,
    EDOM = 33,
    ERANGE = 34,
    EDEADLK = 35,
    ENAMETOOLONG = 36,
    ENOLCK = 37,
    ENOSYS = 38,
    ENOTEMPTY = 39,
    ELOOP = 40,
    ENOMSG = 42,
    EIDRM = 43,
    ECHRNG = 44,
    EL2NSYNC = 45,
    EL3HLT = 46,
    EL3RST = 47,
    ELNRNG = 48,
    EUNATCH = 49,
    ENOCSI = 50,
    EL2HLT = 51,
    EBADE = 52,
    EBADR = 53,
    EXFULL = 54,
    ENOANO = 55,
    EBADRQC = 56,
    EBADSLT = 57,
    EBFONT = 59,
    ENOSTR = 60,
    ENODATA = 61,
    ETIME = 62,
    ENOSR = 63,
    ENONET = 64,
    ENOPKG = 65,
    EREMOTE = 66,
    ENOLINK = 67,
    EADV = 68,
    ESRMNT = 69,
    ECOMM = 70,
    EPROTO = 71,
    EMULTIHOP = 72,
    EDOTDOT = 73,
    EBADMSG = 74,
    EOVERFLOW = 75,
    ENOTUNIQ = 76,
    EBADFD = 77,
    EREMCHG = 78,
    ELIBACC = 79,
    ELIBBAD = 80,
    ELIBSCN = 81,
    ELIBMAX = 82,
    ELIBEXEC = 83,
    EILSEQ = 84,
    ERESTART = 85,
    ESTRPIPE = 86,
    EUSERS = 87,
    ENOTSOCK = 88,
    EDESTADDRREQ = 89,
    EMSGSIZE = 90,
    EPROTOTYPE = 91,
    ENOPROTOOPT = 92,
    EPROTONOSUPPORT = 93,
    ESOCKTNOSUPPORT = 94,
    EOPNOTSUPP = 95,
    EPFNOSUPPORT = 96,
    EAFNOSUPPORT = 97,
    EADDRINUSE = 98,
    EADDRNOTAVAIL = 99,
    ENETDOWN = 100,
    ENETUNREACH = 101,
    ENETRESET = 102,
    ECONNABORTED = 103,
    ECONNRESET = 104,
    ENOBUFS = 105,
    EISCONN = 106,
    ENOTCONN = 107,
    ESHUTDOWN = 108,
    ETOOMANYREFS = 109,
    ETIMEDOUT = 110,
    ECONNREFUSED = 111,
    EHOSTDOWN = 112,
    EHOSTUNREACH = 113,
    EALREADY = 114,
    EINPROGRESS = 115,
    ESTALE = 116,
    EUCLEAN = 117,
    ENOTNAM = 118,
    ENAVAIL = 119,
    EISNAM = 120,
    EREMOTEIO = 121,
    EDQUOT = 122,
    ENOMEDIUM = 123,
    EMEDIUMTYPE = 124,
    ECANCELED = 125,
    ENOKEY = 126,
    EKEYEXPIRED = 127,
    EKEYREVOKED = 128,
    EKEYREJECTED = 129,
    EOWNERDEAD = 130,
    ENOTRECOVERABLE = 131,
    ERFKILL = 132,
    EHWPOISON = 133,
}

impl Errno {
    pub const EDEADLOCK: Errno = Errno::EDEADLK;
    pub const EWOULDBLOCK: Errno = Errno::EAGAIN;

    /// The raw return value of a failed call: `-errno` in two's complement.
    pub fn to_return(self) -> u64 {
        -i64::from(self.0) as u64
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "Errno({})", self.0),
        }
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl std::error::Error for Errno {}

/// How an interrupted call wants to be continued (`include/linux/errno.h`). A type of its own, so
/// that it cannot leak to user space as an errno.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Restart {
    /// ERESTARTSYS: restart unless a handler without SA_RESTART ran.
    Sys,
    /// ERESTARTNOINTR: restart always.
    NoIntr,
    /// ERESTARTNOHAND: restart only if no handler ran.
    NoHand,
    /// ERESTART_RESTARTBLOCK: continue through `restart_syscall` if no handler ran.
    Block,
}

impl Restart {
    /// The kernel-internal code, as the syscall trace shows it.
    pub fn code(self) -> u16 {
        match self {
            Restart::Sys => 512,
            Restart::NoIntr => 513,
            Restart::NoHand => 514,
            Restart::Block => 516,
        }
    }

    /// What a system call's result asks for, if it was interrupted.
    pub fn of(result: i64) -> Option<Restart> {
        [Restart::Sys, Restart::NoIntr, Restart::NoHand, Restart::Block]
            .into_iter()
            .find(|restart| result == -i64::from(restart.code()))
    }

    /// Whether the call fails with EINTR when a handler with these flags has run.
    pub fn is_ended_by(self, flags: SaFlags) -> bool {
        match self {
            Restart::NoHand | Restart::Block => true,
            Restart::Sys => !flags.contains(SaFlags::SA_RESTART),
            Restart::NoIntr => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values() {
        assert_eq!(format!("{:?}", Errno::ENOSYS), "ENOSYS");
        assert_eq!(format!("{:?}", Errno(4000)), "Errno(4000)");
        assert_eq!(Errno::EWOULDBLOCK, Errno(11));
        assert_eq!(Errno::EHWPOISON, Errno(133));
        assert_eq!(Errno::EINTR.to_return(), 0xffff_ffff_ffff_fffc);
    }

    #[test]
    fn every_number_once_but_41_and_58() {
        let holes: Vec<u16> = (1..=133).filter(|&n| Errno(n).name().is_none()).collect();
        assert_eq!(holes, [41, 58], "EWOULDBLOCK and EDEADLOCK are aliases in the generic table");
        assert_eq!(Errno::ALL.len(), 131);
    }

    #[test]
    fn no_restart_code_is_an_errno() {
        for r in [Restart::Sys, Restart::NoIntr, Restart::NoHand, Restart::Block] {
            assert!(Errno(r.code()).name().is_none());
            assert_eq!(Restart::of(-i64::from(r.code())), Some(r));
        }
        // 515 is ENOIOCTLCMD.
        assert_eq!([512, 0, -4, -511, -515, -517, i64::MIN].map(Restart::of), [None; 7]);
    }
}
