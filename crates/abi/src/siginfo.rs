//! `siginfo_t`: why a signal came. 64-bit little-endian layout.

use crate::bytes::{Reader, Writer};
use crate::signal::*;
use serde::{Deserialize, Serialize};

/// `si_code` values of any signal.
pub const SI_USER: i32 = 0;
pub const SI_KERNEL: i32 = 0x80;
pub const SI_QUEUE: i32 = -1;
pub const SI_TIMER: i32 = -2;
pub const SI_MESGQ: i32 = -3;
pub const SI_ASYNCIO: i32 = -4;
pub const SI_SIGIO: i32 = -5;
pub const SI_TKILL: i32 = -6;
pub const SI_DETHREAD: i32 = -7;
pub const SI_ASYNCNL: i32 = -60;

pub const ILL_ILLOPC: i32 = 1;
pub const ILL_ILLOPN: i32 = 2;
pub const ILL_ILLADR: i32 = 3;
pub const ILL_ILLTRP: i32 = 4;
pub const ILL_PRVOPC: i32 = 5;
pub const ILL_PRVREG: i32 = 6;
pub const ILL_COPROC: i32 = 7;
pub const ILL_BADSTK: i32 = 8;

pub const FPE_INTDIV: i32 = 1;
pub const FPE_INTOVF: i32 = 2;
pub const FPE_FLTDIV: i32 = 3;
pub const FPE_FLTOVF: i32 = 4;
pub const FPE_FLTUND: i32 = 5;
pub const FPE_FLTRES: i32 = 6;
pub const FPE_FLTINV: i32 = 7;
pub const FPE_FLTSUB: i32 = 8;
pub const FPE_FLTUNK: i32 = 14;
pub const FPE_CONDTRAP: i32 = 15;

pub const SEGV_MAPERR: i32 = 1;
pub const SEGV_ACCERR: i32 = 2;
pub const SEGV_BNDERR: i32 = 3;
pub const SEGV_PKUERR: i32 = 4;
pub const SEGV_MTEAERR: i32 = 8;
pub const SEGV_MTESERR: i32 = 9;

pub const BUS_ADRALN: i32 = 1;
pub const BUS_ADRERR: i32 = 2;
pub const BUS_OBJERR: i32 = 3;
pub const BUS_MCEERR_AR: i32 = 4;
pub const BUS_MCEERR_AO: i32 = 5;

pub const TRAP_BRKPT: i32 = 1;
pub const TRAP_TRACE: i32 = 2;
pub const TRAP_BRANCH: i32 = 3;
pub const TRAP_HWBKPT: i32 = 4;
pub const TRAP_UNK: i32 = 5;
pub const TRAP_PERF: i32 = 6;

pub const CLD_EXITED: i32 = 1;
pub const CLD_KILLED: i32 = 2;
pub const CLD_DUMPED: i32 = 3;
pub const CLD_TRAPPED: i32 = 4;
pub const CLD_STOPPED: i32 = 5;
pub const CLD_CONTINUED: i32 = 6;

pub const POLL_IN: i32 = 1;
pub const POLL_OUT: i32 = 2;
pub const POLL_MSG: i32 = 3;
pub const POLL_ERR: i32 = 4;
pub const POLL_PRI: i32 = 5;
pub const POLL_HUP: i32 = 6;
/// Codes up to here mean SIGPOLL's fields when the signal has none of its own.
const NSIGPOLL: i32 = 6;

pub const SYS_SECCOMP: i32 = 1;
pub const SYS_USER_DISPATCH: i32 = 2;

/// `sigev_notify` of `timer_create` and `mq_notify`.
pub const SIGEV_SIGNAL: i32 = 0;
pub const SIGEV_NONE: i32 = 1;
pub const SIGEV_THREAD: i32 = 2;
pub const SIGEV_THREAD_ID: i32 = 4;

/// A signal and its cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Siginfo {
    pub signo: u8,
    pub errno: i32,
    pub code: i32,
    pub fields: Fields,
}

/// The union `_sifields`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fields {
    None,
    Kill { pid: u32, uid: u32 },
    Rt { pid: u32, uid: u32, value: u64 },
    Timer { id: i32, overrun: i32, value: u64 },
    Child { pid: u32, uid: u32, status: i32, utime: i64, stime: i64 },
    Fault { addr: u64 },
    Poll { band: i64, fd: i32 },
    Sys { call_addr: u64, nr: i32, arch: u32 },
}

impl Siginfo {
    /// Sent by the kernel with nothing more to say.
    pub fn kernel(signo: u8) -> Siginfo {
        Siginfo { signo, errno: 0, code: SI_KERNEL, fields: Fields::None }
    }

    /// Of an instruction: `force_sig_fault`.
    pub fn fault(signo: u8, code: i32, addr: u64) -> Siginfo {
        Siginfo { signo, errno: 0, code, fields: Fields::Fault { addr } }
    }

    pub fn encode_64(&self) -> [u8; 128] {
        let w = Writer::new().u32(self.signo.into()).i32(self.errno).i32(self.code).zero(4);
        match self.fields {
            Fields::None => w,
            Fields::Kill { pid, uid } => w.u32(pid).u32(uid),
            Fields::Rt { pid, uid, value } => w.u32(pid).u32(uid).u64(value),
            Fields::Timer { id, overrun, value } => w.i32(id).i32(overrun).u64(value),
            Fields::Child { pid, uid, status, utime, stime } => {
                w.u32(pid).u32(uid).i32(status).zero(4).i64(utime).i64(stime)
            }
            Fields::Fault { addr } => w.u64(addr),
            Fields::Poll { band, fd } => w.i64(band).i32(fd),
            Fields::Sys { call_addr, nr, arch } => w.u64(call_addr).i32(nr).u32(arch),
        }
        .rest_zero()
    }

    /// What `rt_sigqueueinfo` was given. The signal number is the call's, not the structure's.
    pub fn decode_64(signo: u8, data: &[u8; 128]) -> Siginfo {
        let mut r = Reader::new(data);
        r.u32();
        let (errno, code) = (r.i32(), r.i32());
        r.u32();
        let fields = match Layout::of(signo, code) {
            Layout::Kill => Fields::Kill { pid: r.u32(), uid: r.u32() },
            Layout::Rt => Fields::Rt { pid: r.u32(), uid: r.u32(), value: r.u64() },
            Layout::Timer => Fields::Timer { id: r.i32(), overrun: r.i32(), value: r.u64() },
            Layout::Child => {
                let (pid, uid, status) = (r.u32(), r.u32(), r.i32());
                r.u32();
                Fields::Child { pid, uid, status, utime: r.i64(), stime: r.i64() }
            }
            Layout::Fault => Fields::Fault { addr: r.u64() },
            Layout::Poll => Fields::Poll { band: r.i64(), fd: r.i32() },
            Layout::Sys => Fields::Sys { call_addr: r.u64(), nr: r.i32(), arch: r.u32() },
        };
        Siginfo { signo, errno, code, fields }
    }
}

/// `struct signalfd_siginfo` (include/uapi/linux/signalfd.h).
pub fn encode_signalfd_siginfo(info: &Siginfo) -> [u8; 128] {
    let [mut pid, mut uid, mut fd, mut timer, mut band, mut overrun, mut status, mut nr, mut arch] = [0u32; 9];
    let (mut value, mut times, mut addr, mut call_addr) = (0, [0i64; 2], 0, 0);
    match info.fields {
        Fields::None => {}
        Fields::Kill { pid: p, uid: u } => (pid, uid) = (p, u),
        Fields::Rt { pid: p, uid: u, value: v } => (pid, uid, value) = (p, u, v),
        Fields::Timer { id, overrun: o, value: v } => (timer, overrun, value) = (id as u32, o as u32, v),
        Fields::Child { pid: p, uid: u, status: s, utime, stime } => {
            (pid, uid, status, times) = (p, u, s as u32, [utime, stime]);
        }
        Fields::Fault { addr: a } => addr = a,
        Fields::Poll { band: b, fd: f } => (band, fd) = (b as u32, f as u32),
        Fields::Sys { call_addr: c, nr: n, arch: a } => (call_addr, nr, arch) = (c, n as u32, a),
    }
    let w = Writer::new().u32(info.signo.into()).i32(info.errno).i32(info.code).u32(pid).u32(uid).u32(fd).u32(timer);
    let w = w.u32(band).u32(overrun).zero(4).u32(status).u32(value as u32).u64(value).i64(times[0]).i64(times[1]);
    w.u64(addr).zero(4).u32(nr).u64(call_addr).u32(arch).rest_zero()
}

/// Which union member a signal and code select.
enum Layout {
    Kill,
    Rt,
    Timer,
    Child,
    Fault,
    Poll,
    Sys,
}

impl Layout {
    /// `siginfo_layout` of kernel/signal.c.
    fn of(signo: u8, code: i32) -> Layout {
        match (signo, code) {
            (_, SI_TIMER) => Layout::Timer,
            (_, SI_SIGIO) => Layout::Poll,
            (_, ..0) => Layout::Rt,
            (_, SI_USER | SI_KERNEL..) => Layout::Kill,
            (SIGILL, ..=11) | (SIGFPE, ..=15) | (SIGSEGV, ..=10) | (SIGBUS, ..=5) | (SIGTRAP, ..=6) => Layout::Fault,
            (SIGCHLD, ..=CLD_CONTINUED) => Layout::Child,
            (SIGSYS, ..=SYS_USER_DISPATCH) => Layout::Sys,
            (_, ..=NSIGPOLL) => Layout::Poll,
            _ => Layout::Kill,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(info: &Siginfo, offset: usize, len: usize) -> u64 {
        let mut word = [0; 8];
        word[..len].copy_from_slice(&info.encode_64()[offset..offset + len]);
        u64::from_le_bytes(word)
    }

    /// Offsets printed by a C program with offsetof on siginfo_t, x86-64 gcc 12 (AArch64 is the same).
    #[test]
    fn layout() {
        let fields = Fields::Child { pid: 7, uid: 8, status: 9, utime: 10, stime: 11 };
        let info = Siginfo { signo: SIGCHLD, errno: 1, code: CLD_EXITED, fields };
        for (offset, len, value) in
            [(0, 4, 17), (4, 4, 1), (8, 4, 1), (16, 4, 7), (20, 4, 8), (24, 4, 9), (32, 8, 10), (40, 8, 11)]
        {
            assert_eq!(at(&info, offset, len), value, "offset {offset}");
        }
        let fields = Fields::Fault { addr: 0x1234_5678_9abc };
        let info = Siginfo { signo: SIGSEGV, errno: 0, code: SEGV_MAPERR, fields };
        assert_eq!(at(&info, 16, 8), 0x1234_5678_9abc);
        let fields = Fields::Rt { pid: 1, uid: 2, value: 3 };
        assert_eq!(at(&Siginfo { signo: 40, errno: 0, code: SI_QUEUE, fields }, 24, 8), 3);
    }

    #[test]
    fn decode_undoes_encode() {
        for (signo, code, fields) in [
            (SIGTERM, SI_USER, Fields::Kill { pid: 1, uid: 2 }),
            (SIGTERM, SI_TKILL, Fields::Rt { pid: 1, uid: 2, value: 0 }),
            (40, SI_QUEUE, Fields::Rt { pid: 1, uid: 2, value: !0 }),
            (SIGALRM, SI_TIMER, Fields::Timer { id: 3, overrun: 4, value: 5 }),
            (SIGCHLD, CLD_STOPPED, Fields::Child { pid: 1, uid: 2, status: 19, utime: 4, stime: 5 }),
            (SIGBUS, BUS_ADRERR, Fields::Fault { addr: 1 << 40 }),
            (SIGIO, POLL_HUP, Fields::Poll { band: 0x10, fd: 3 }),
            (SIGSYS, SYS_SECCOMP, Fields::Sys { call_addr: 1, nr: 2, arch: 3 }),
        ] {
            let info = Siginfo { signo, errno: 0, code, fields };
            assert_eq!(Siginfo::decode_64(signo, &info.encode_64()), info);
        }
    }
}
