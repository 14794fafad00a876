//! Signals in the generic numbering (x86, AArch64 and RISC-V agree): numbers, names, default
//! actions, sets, `sigaction` and `sigaltstack`.

use crate::bytes::{Reader, Writer};
use bitflags::bitflags;
use serde::{Deserialize, Serialize};

macro_rules! signals {
    ($($name:ident = $value:literal,)*) => {
        $(pub const $name: u8 = $value;)*

        /// The kernel's name of a signal below SIGRTMIN.
        fn standard_name(signo: u8) -> Option<&'static str> {
            match signo {
                $($value => Some(stringify!($name)),)*
                _ => None,
            }
        }
    };
}

signals! {
    SIGHUP = 1,
    SIGINT = 2,
    SIGQUIT = 3,
    SIGILL = 4,
    SIGTRAP = 5,
    SIGABRT = 6,
    SIGBUS = 7,
    SIGFPE = 8,
    SIGKILL = 9,
    SIGUSR1 = 10,
    SIGSEGV = 11,
    SIGUSR2 = 12,
    SIGPIPE = 13,
    SIGALRM = 14,
    SIGTERM = 15,
    SIGSTKFLT = 16,
    SIGCHLD = 17,
    SIGCONT = 18,
    SIGSTOP = 19,
    SIGTSTP = 20,
    SIGTTIN = 21,
    SIGTTOU = 22,
    SIGURG = 23,
    SIGXCPU = 24,
    SIGXFSZ = 25,
    SIGVTALRM = 26,
    SIGPROF = 27,
    SIGWINCH = 28,
    SIGIO = 29,
    SIGPWR = 30,
    SIGSYS = 31,
}

pub const SIGIOT: u8 = SIGABRT;
pub const SIGPOLL: u8 = SIGIO;
/// First real-time signal as the kernel counts (libc keeps some for itself).
pub const SIGRTMIN: u8 = 32;
pub const SIGRTMAX: u8 = 64;
/// Number of signals; also the highest.
pub const NSIG: u8 = 64;

/// `SIGTERM`, `SIGRTMIN+3`; anything else is `SIG?`.
pub fn signal_name(signo: u8) -> String {
    match (standard_name(signo), signo) {
        (Some(name), _) => name.to_owned(),
        (None, SIGRTMIN..=SIGRTMAX) => format!("SIGRTMIN+{}", signo - SIGRTMIN),
        _ => format!("SIG{signo}?"),
    }
}

/// Whether `signo` is a signal at all (0 only probes).
pub fn valid_signal(signo: u8) -> bool {
    (1..=NSIG).contains(&signo)
}

/// What happens without a handler (signal(7), `include/linux/signal.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultAction {
    Terminate,
    CoreDump,
    Stop,
    Continue,
    Ignore,
}

pub fn default_action(signo: u8) -> DefaultAction {
    match signo {
        SIGCONT => DefaultAction::Continue,
        SIGCHLD | SIGURG | SIGWINCH => DefaultAction::Ignore,
        SIGSTOP | SIGTSTP | SIGTTIN | SIGTTOU => DefaultAction::Stop,
        SIGQUIT | SIGILL | SIGTRAP | SIGABRT | SIGBUS | SIGFPE | SIGSEGV | SIGXCPU | SIGXFSZ | SIGSYS => {
            DefaultAction::CoreDump
        }
        _ => DefaultAction::Terminate,
    }
}

/// A 64-bit `sigset_t`: signal n is bit n-1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SigSet(pub u64);

impl SigSet {
    pub const EMPTY: SigSet = SigSet(0);
    pub const FULL: SigSet = SigSet(!0);
    /// What no mask can hold back.
    pub const UNBLOCKABLE: SigSet = SigSet::of(&[SIGKILL, SIGSTOP]);
    /// What stops by default; SIGCONT removes these from the pending sets.
    pub const STOP: SigSet = SigSet::of(&[SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU]);
    /// Faults the CPU raises; these are delivered first (`SYNCHRONOUS_MASK`).
    pub const SYNCHRONOUS: SigSet = SigSet::of(&[SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGSYS]);

    const fn bit(signo: u8) -> u64 {
        if signo >= 1 && signo <= NSIG { 1 << (signo - 1) } else { 0 }
    }

    /// The set of the signals listed. A number that is no signal adds nothing.
    pub const fn of(signos: &[u8]) -> SigSet {
        let (mut set, mut at) = (0, 0);
        while at < signos.len() {
            set |= SigSet::bit(signos[at]);
            at += 1;
        }
        SigSet(set)
    }

    pub const fn contains(self, signo: u8) -> bool {
        self.0 & SigSet::bit(signo) != 0
    }

    pub fn add(&mut self, signo: u8) {
        self.0 |= SigSet::bit(signo);
    }

    pub fn remove(&mut self, signo: u8) {
        self.0 &= !SigSet::bit(signo);
    }

    pub const fn union(self, other: SigSet) -> SigSet {
        SigSet(self.0 | other.0)
    }

    pub const fn intersection(self, other: SigSet) -> SigSet {
        SigSet(self.0 & other.0)
    }

    /// What is here and not in `other`.
    pub const fn without(self, other: SigSet) -> SigSet {
        SigSet(self.0 & !other.0)
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The signal `dequeue_signal` takes: synchronous faults first, then the lowest number.
    pub fn next(self) -> Option<u8> {
        let urgent = self.intersection(SigSet::SYNCHRONOUS);
        let from = if urgent.is_empty() { self } else { urgent };
        (!from.is_empty()).then(|| from.0.trailing_zeros() as u8 + 1)
    }

    /// Its signals, ascending.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (1..=NSIG).filter(move |&signo| self.contains(signo))
    }
}

/// `how` of `rt_sigprocmask`.
pub const SIG_BLOCK: u32 = 0;
pub const SIG_UNBLOCK: u32 = 1;
pub const SIG_SETMASK: u32 = 2;

/// Handler values that are not addresses.
pub const SIG_DFL: u64 = 0;
pub const SIG_IGN: u64 = 1;
pub const SIG_ERR: u64 = !0;

bitflags! {
    /// `sa_flags`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
    pub struct SaFlags: u64 {
        const SA_NOCLDSTOP = 0x1;
        const SA_NOCLDWAIT = 0x2;
        const SA_SIGINFO = 0x4;
        const SA_UNSUPPORTED = 0x400;
        const SA_EXPOSE_TAGBITS = 0x800;
        const SA_RESTORER = 0x0400_0000;
        const SA_ONSTACK = 0x0800_0000;
        const SA_RESTART = 0x1000_0000;
        const SA_NODEFER = 0x4000_0000;
        const SA_RESETHAND = 0x8000_0000;
    }
}

/// What to do about a signal: the kernel's `k_sigaction`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigAction {
    /// SIG_DFL, SIG_IGN or the handler's address.
    pub handler: u64,
    pub flags: SaFlags,
    pub restorer: u64,
    pub mask: SigSet,
}

impl SigAction {
    /// `struct sigaction` of 64-bit architectures with `sa_restorer` (x86-64, AArch64).
    pub fn encode_64(&self) -> [u8; 32] {
        Writer::new().u64(self.handler).u64(self.flags.bits()).u64(self.restorer).u64(self.mask.0).done()
    }

    /// Flags the kernel does not know are dropped, as `do_sigaction` does (`UAPI_SA_FLAGS`).
    pub fn decode_64(data: &[u8; 32]) -> SigAction {
        let mut r = Reader::new(data);
        SigAction {
            handler: r.u64(),
            flags: SaFlags::from_bits_truncate(r.u64()).difference(SaFlags::SA_UNSUPPORTED),
            restorer: r.u64(),
            mask: SigSet(r.u64()),
        }
    }

    /// `struct sigaction` without `sa_restorer` (RISC-V).
    pub fn encode_64_no_restorer(&self) -> [u8; 24] {
        Writer::new().u64(self.handler).u64(self.flags.bits()).u64(self.mask.0).done()
    }

    pub fn decode_64_no_restorer(data: &[u8; 24]) -> SigAction {
        let mut r = Reader::new(data);
        SigAction {
            handler: r.u64(),
            flags: SaFlags::from_bits_truncate(r.u64()).difference(SaFlags::SA_UNSUPPORTED),
            restorer: 0,
            mask: SigSet(r.u64()),
        }
    }
}

pub const SS_ONSTACK: u32 = 1;
pub const SS_DISABLE: u32 = 2;
pub const SS_AUTODISARM: u32 = 1 << 31;
/// Smallest alternate stack `sigaltstack` takes, asm-generic.
pub const MINSIGSTKSZ: u64 = 2048;
/// The same on AArch64 (`arch/arm64/include/uapi/asm/signal.h`).
pub const MINSIGSTKSZ_ARM64: u64 = 5120;

/// `stack_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigAltStack {
    pub sp: u64,
    pub flags: u32,
    pub size: u64,
}

impl Default for SigAltStack {
    fn default() -> Self {
        SigAltStack { sp: 0, flags: SS_DISABLE, size: 0 }
    }
}

impl SigAltStack {
    pub fn encode_64(&self) -> [u8; 24] {
        Writer::new().u64(self.sp).u32(self.flags).zero(4).u64(self.size).done()
    }

    pub fn decode_64(data: &[u8; 24]) -> SigAltStack {
        let mut r = Reader::new(data);
        let (sp, flags) = (r.u64(), r.u32());
        r.u32();
        SigAltStack { sp, flags, size: r.u64() }
    }

    /// Whether a stack pointer is on this stack (it grows down: the top end counts, the base not).
    pub fn contains(&self, sp: u64) -> bool {
        sp > self.sp && sp - self.sp <= self.size
    }

    /// `on_sig_stack`: whether a task with this stack pointer uses it. One that is disarmed by delivery never counts as
    /// used.
    pub fn is_used_at(&self, sp: u64) -> bool {
        self.flags & SS_AUTODISARM == 0 && self.contains(sp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(signal_name(SIGCHLD), "SIGCHLD");
        assert_eq!(signal_name(34), "SIGRTMIN+2");
        assert_eq!(signal_name(65), "SIG65?");
        assert!((1..SIGRTMIN).all(|s| standard_name(s).is_some()));
    }

    #[test]
    fn sets() {
        let mut set = SigSet::of(&[SIGTERM, SIGRTMAX, 0, 65, 255]);
        assert_eq!(set.0, 1 << 14 | 1 << 63);
        set.add(SIGSEGV);
        set.add(SIGHUP);
        assert_eq!(set.next(), Some(SIGSEGV), "faults first");
        set.remove(SIGSEGV);
        assert_eq!(set.next(), Some(SIGHUP));
        assert_eq!(set.iter().collect::<Vec<_>>(), [SIGHUP, SIGTERM, SIGRTMAX]);
        assert_eq!(set.without(SigSet::FULL).next(), None);
        assert!(!set.contains(0));
    }

    #[test]
    fn defaults() {
        let with = |a| SigSet::of(&(1..=64).filter(|&s| default_action(s) == a).collect::<Vec<_>>());
        assert_eq!(with(DefaultAction::Stop), SigSet::STOP);
        assert_eq!(with(DefaultAction::Ignore), SigSet::of(&[SIGCHLD, SIGURG, SIGWINCH]));
        // QUIT ILL TRAP ABRT BUS FPE SEGV XCPU XFSZ SYS of signal(7).
        let core = [3, 4, 5, 6, 7, 8, 11, 24, 25, 31];
        assert_eq!(with(DefaultAction::CoreDump), SigSet::of(&core));
        assert_eq!(default_action(SIGRTMIN), DefaultAction::Terminate);
    }

    #[test]
    fn sigaction_drops_unknown_flags() {
        let mut raw = [0; 32];
        raw[8..16].copy_from_slice(&0xffff_ffff_1400_0404_u64.to_le_bytes());
        let action = SigAction::decode_64(&raw);
        let kept = SaFlags::SA_SIGINFO | SaFlags::SA_RESTORER | SaFlags::SA_RESTART;
        assert_eq!(action.flags, kept);
        assert_eq!(SigAction::decode_64(&action.encode_64()), action);
    }

    #[test]
    fn altstack_bounds() {
        let ss = SigAltStack { sp: 0x1000, flags: 0, size: 0x800 };
        assert!(ss.contains(0x1800) && ss.contains(0x1001));
        assert!(!ss.contains(0x1000) && !ss.contains(0x1801));
        assert!(ss.is_used_at(0x1800) && !SigAltStack { flags: SS_AUTODISARM, ..ss }.is_used_at(0x1800));
        assert!(!SigAltStack { size: 0, ..ss }.is_used_at(0x1000));
        assert_eq!(SigAltStack::decode_64(&ss.encode_64()), ss);
    }
}
