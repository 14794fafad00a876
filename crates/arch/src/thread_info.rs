//! `struct thread_info`: the flags word that the return-to-user path looks at, with each architecture's own bit numbers.
use crate::Arch;
use serde::{Deserialize, Serialize};

/// Bit numbers of `thread_info.flags` on one architecture.
#[derive(Debug)]
pub struct ThreadFlags {
    pub sigpending: u8,
    pub need_resched: u8,
    pub notify_resume: u8,
    pub restore_sigmask: u8,
    pub syscall_trace: u8,
    pub freeze: u8,
}

/// A thread flag by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tif {
    SigPending,
    NeedResched,
    NotifyResume,
    RestoreSigmask,
    SyscallTrace,
    Freeze,
}

impl Tif {
    pub const ALL: [Tif; 6] =
        [Tif::SigPending, Tif::NeedResched, Tif::NotifyResume, Tif::RestoreSigmask, Tif::SyscallTrace, Tif::Freeze];

    /// The name without its `TIF_`.
    pub fn name(self) -> &'static str {
        match self {
            Tif::SigPending => "SIGPENDING",
            Tif::NeedResched => "NEED_RESCHED",
            Tif::NotifyResume => "NOTIFY_RESUME",
            Tif::RestoreSigmask => "RESTORE_SIGMASK",
            Tif::SyscallTrace => "SYSCALL_TRACE",
            Tif::Freeze => "FREEZE",
        }
    }
}

impl ThreadFlags {
    pub fn bit(&self, flag: Tif) -> u8 {
        match flag {
            Tif::SigPending => self.sigpending,
            Tif::NeedResched => self.need_resched,
            Tif::NotifyResume => self.notify_resume,
            Tif::RestoreSigmask => self.restore_sigmask,
            Tif::SyscallTrace => self.syscall_trace,
            Tif::Freeze => self.freeze,
        }
    }
}

/// The flags word of one task.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ThreadInfo {
    flags: u64,
    arch: &'static Arch,
}

impl ThreadInfo {
    pub fn new(arch: &'static Arch) -> ThreadInfo {
        ThreadInfo { flags: 0, arch }
    }
    fn mask(&self, flag: Tif) -> u64 {
        1 << self.arch.abi.thread_flags().bit(flag)
    }
    /// The raw word, as a debugger would see it.
    pub fn word(&self) -> u64 {
        self.flags
    }
    pub fn set(&mut self, flag: Tif) {
        self.flags |= self.mask(flag);
    }
    pub fn clear(&mut self, flag: Tif) {
        self.flags &= !self.mask(flag);
    }
    pub fn test(&self, flag: Tif) -> bool {
        self.flags & self.mask(flag) != 0
    }
    /// The same flags, by name, on another architecture (execve).
    pub fn move_to(&self, arch: &'static Arch) -> ThreadInfo {
        let mut moved = ThreadInfo::new(arch);
        for flag in Tif::ALL {
            if self.test(flag) {
                moved.set(flag);
            }
        }
        moved
    }
}
