//! ptrace(2): requests, options, events, register sets (uapi/linux/ptrace.h, uapi/linux/elf.h).
use crate::bytes::Writer;
use bitflags::bitflags;
use serde::{Deserialize, Serialize};

pub const PTRACE_TRACEME: u64 = 0;
pub const PTRACE_PEEKTEXT: u64 = 1;
pub const PTRACE_PEEKDATA: u64 = 2;
pub const PTRACE_PEEKUSR: u64 = 3;
pub const PTRACE_POKETEXT: u64 = 4;
pub const PTRACE_POKEDATA: u64 = 5;
pub const PTRACE_POKEUSR: u64 = 6;
pub const PTRACE_CONT: u64 = 7;
pub const PTRACE_KILL: u64 = 8;
pub const PTRACE_SINGLESTEP: u64 = 9;
pub const PTRACE_ATTACH: u64 = 16;
pub const PTRACE_DETACH: u64 = 17;
/// SETOPTIONS as it was numbered first.
pub const PTRACE_OLDSETOPTIONS: u64 = 21;
pub const PTRACE_SYSCALL: u64 = 24;
pub const PTRACE_SETOPTIONS: u64 = 0x4200;
pub const PTRACE_GETEVENTMSG: u64 = 0x4201;
pub const PTRACE_GETSIGINFO: u64 = 0x4202;
pub const PTRACE_SETSIGINFO: u64 = 0x4203;
pub const PTRACE_GETREGSET: u64 = 0x4204;
pub const PTRACE_SETREGSET: u64 = 0x4205;
pub const PTRACE_SEIZE: u64 = 0x4206;
pub const PTRACE_INTERRUPT: u64 = 0x4207;
pub const PTRACE_LISTEN: u64 = 0x4208;
pub const PTRACE_PEEKSIGINFO: u64 = 0x4209;
pub const PTRACE_GETSIGMASK: u64 = 0x420a;
pub const PTRACE_SETSIGMASK: u64 = 0x420b;
pub const PTRACE_GET_SYSCALL_INFO: u64 = 0x420e;

/// x86's own requests (uapi/asm/ptrace-abi.h).
pub const PTRACE_GETREGS: u64 = 12;
pub const PTRACE_SETREGS: u64 = 13;
pub const PTRACE_GETFPREGS: u64 = 14;
pub const PTRACE_SETFPREGS: u64 = 15;

/// PEEKSIGINFO looks into the queue of the whole group.
pub const PTRACE_PEEKSIGINFO_SHARED: u32 = 1;

pub const PTRACE_EVENT_FORK: u8 = 1;
pub const PTRACE_EVENT_VFORK: u8 = 2;
pub const PTRACE_EVENT_CLONE: u8 = 3;
pub const PTRACE_EVENT_EXEC: u8 = 4;
pub const PTRACE_EVENT_VFORK_DONE: u8 = 5;
pub const PTRACE_EVENT_EXIT: u8 = 6;
pub const PTRACE_EVENT_STOP: u8 = 128;

/// GETEVENTMSG at system call stops.
pub const PTRACE_EVENTMSG_SYSCALL_ENTRY: u64 = 1;
pub const PTRACE_EVENTMSG_SYSCALL_EXIT: u64 = 2;

bitflags! {
    /// PTRACE_O_*: bit n of the first eight asks for event n, bit 0 for marked system call stops.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
    pub struct PtraceOptions: u32 {
        const TRACESYSGOOD = 1;
        const TRACEFORK = 1 << 1;
        const TRACEVFORK = 1 << 2;
        const TRACECLONE = 1 << 3;
        const TRACEEXEC = 1 << 4;
        const TRACEVFORKDONE = 1 << 5;
        const TRACEEXIT = 1 << 6;
        const TRACESECCOMP = 1 << 7;
        const EXITKILL = 1 << 20;
        const SUSPEND_SECCOMP = 1 << 21;
    }
}

impl PtraceOptions {
    /// Whether an event is asked for (`ptrace_event_enabled`).
    pub fn wants(self, event: u8) -> bool {
        event < 8 && self.bits() >> event & 1 != 0
    }
}

/// Register sets, by the type of their note in a core file.
pub const NT_PRSTATUS: u32 = 1;
pub const NT_PRFPREG: u32 = 2;
pub const NT_X86_XSTATE: u32 = 0x202;
pub const NT_ARM_TLS: u32 = 0x401;
pub const NT_ARM_SYSTEM_CALL: u32 = 0x404;

/// `struct ptrace_syscall_info`, at most 88 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PtraceSyscallInfo {
    /// AUDIT_ARCH_*.
    pub arch: u32,
    pub ip: u64,
    pub sp: u64,
    pub stop: SyscallStop,
}

/// Which stop of a system call it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyscallStop {
    None,
    Entry { nr: u64, args: [u64; 6] },
    Exit { value: i64, is_error: bool },
}

impl PtraceSyscallInfo {
    /// The structure and how much of it means something.
    pub fn encode(&self) -> ([u8; 88], usize) {
        let (op, len) = match self.stop {
            SyscallStop::None => (0, 24),
            SyscallStop::Entry { .. } => (1, 80),
            SyscallStop::Exit { .. } => (2, 33),
        };
        let head = Writer::new().u8(op).zero(3).u32(self.arch).u64(self.ip).u64(self.sp);
        let all = match self.stop {
            SyscallStop::None => head,
            SyscallStop::Entry { nr, args } => args.into_iter().fold(head.u64(nr), Writer::u64),
            SyscallStop::Exit { value, is_error } => head.i64(value).u8(is_error.into()),
        };
        (all.rest_zero(), len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syscall_info() {
        let args = [1, 2, 3, 4, 5, 6];
        let entry = SyscallStop::Entry { nr: 59, args };
        let (bytes, len) = PtraceSyscallInfo { arch: 0xc000_003e, ip: 7, sp: 8, stop: entry }.encode();
        assert_eq!((len, bytes[0], bytes[4], bytes[24], bytes[32], bytes[72]), (80, 1, 0x3e, 59, 1, 6));
        let exit = SyscallStop::Exit { value: -512, is_error: true };
        let (bytes, len) = PtraceSyscallInfo { arch: 0, ip: 7, sp: 8, stop: exit }.encode();
        assert_eq!((len, bytes[0], bytes[8], bytes[16], bytes[25], bytes[32]), (33, 2, 7, 8, 0xfe, 1));
    }

    #[test]
    fn events() {
        let options = PtraceOptions::TRACEFORK | PtraceOptions::TRACEEXIT;
        assert!(options.wants(PTRACE_EVENT_FORK) && options.wants(PTRACE_EVENT_EXIT));
        assert!(!options.wants(PTRACE_EVENT_EXEC) && !options.wants(PTRACE_EVENT_STOP));
    }
}
