//! Making, waiting for and steering tasks: clone, wait, prctl, scheduling.

use crate::bytes::Reader;
use bitflags::bitflags;
use serde::{Deserialize, Serialize};

bitflags! {
    /// Flags of `clone`, `clone3` and `unshare`. The low byte of `clone`'s word is the exit signal.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
    pub struct CloneFlags: u64 {
        /// Only `unshare` and `clone3`: it lies in the exit signal's byte.
        const CLONE_NEWTIME = 0x80;
        const CLONE_VM = 0x100;
        const CLONE_FS = 0x200;
        const CLONE_FILES = 0x400;
        const CLONE_SIGHAND = 0x800;
        const CLONE_PIDFD = 0x1000;
        const CLONE_PTRACE = 0x2000;
        const CLONE_VFORK = 0x4000;
        const CLONE_PARENT = 0x8000;
        const CLONE_THREAD = 0x1_0000;
        const CLONE_NEWNS = 0x2_0000;
        const CLONE_SYSVSEM = 0x4_0000;
        const CLONE_SETTLS = 0x8_0000;
        const CLONE_PARENT_SETTID = 0x10_0000;
        const CLONE_CHILD_CLEARTID = 0x20_0000;
        const CLONE_DETACHED = 0x40_0000;
        const CLONE_UNTRACED = 0x80_0000;
        const CLONE_CHILD_SETTID = 0x100_0000;
        const CLONE_NEWCGROUP = 0x200_0000;
        const CLONE_NEWUTS = 0x400_0000;
        const CLONE_NEWIPC = 0x800_0000;
        const CLONE_NEWUSER = 0x1000_0000;
        const CLONE_NEWPID = 0x2000_0000;
        const CLONE_NEWNET = 0x4000_0000;
        const CLONE_IO = 0x8000_0000;
        const CLONE_CLEAR_SIGHAND = 0x1_0000_0000;
        const CLONE_INTO_CGROUP = 0x2_0000_0000;
    }
}

/// The exit signal's place in `clone`'s flags.
pub const CSIGNAL: u64 = 0xff;

/// What `clone` and `clone3` are told (`struct kernel_clone_args`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloneArgs {
    pub flags: CloneFlags,
    pub pidfd: u64,
    pub child_tid: u64,
    pub parent_tid: u64,
    pub exit_signal: u64,
    /// Lowest address for `clone3`, stack pointer for `clone` (then `stack_size` is 0).
    pub stack: u64,
    pub stack_size: u64,
    pub tls: u64,
    pub set_tid: u64,
    pub set_tid_size: u64,
    pub cgroup: u64,
}

pub const CLONE_ARGS_SIZE_VER0: usize = 64;
pub const CLONE_ARGS_SIZE_VER1: usize = 80;
pub const CLONE_ARGS_SIZE_VER2: usize = 88;

impl CloneArgs {
    /// `struct clone_args`, the newest version; the caller zero-extends older ones. `None` if a flag
    /// is unknown (EINVAL).
    pub fn decode(data: &[u8; CLONE_ARGS_SIZE_VER2]) -> Option<CloneArgs> {
        let mut r = Reader::new(data);
        Some(CloneArgs {
            flags: CloneFlags::from_bits(r.u64())?,
            pidfd: r.u64(),
            child_tid: r.u64(),
            parent_tid: r.u64(),
            exit_signal: r.u64(),
            stack: r.u64(),
            stack_size: r.u64(),
            tls: r.u64(),
            set_tid: r.u64(),
            set_tid_size: r.u64(),
            cgroup: r.u64(),
        })
    }
}

/// Options of the wait family.
pub const WNOHANG: u32 = 0x1;
pub const WUNTRACED: u32 = 0x2;
pub const WSTOPPED: u32 = 0x2;
pub const WEXITED: u32 = 0x4;
pub const WCONTINUED: u32 = 0x8;
pub const WNOWAIT: u32 = 0x100_0000;
pub const __WNOTHREAD: u32 = 0x2000_0000;
pub const __WALL: u32 = 0x4000_0000;
pub const __WCLONE: u32 = 0x8000_0000;

/// Whom `waitid` waits for.
pub const P_ALL: u32 = 0;
pub const P_PID: u32 = 1;
pub const P_PGID: u32 = 2;
pub const P_PIDFD: u32 = 3;

/// How a child changed, and the status word `wait4` reports for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WaitStatus {
    Exited { code: u8 },
    Signaled { signo: u8, core: bool },
    Stopped { signo: u8 },
    Continued,
}

impl WaitStatus {
    /// The word `wait4` stores.
    pub fn encode(self) -> u32 {
        match self {
            WaitStatus::Exited { code } => u32::from(code) << 8,
            WaitStatus::Signaled { signo, core } => u32::from(signo) | u32::from(core) << 7,
            WaitStatus::Stopped { signo } => u32::from(signo) << 8 | 0x7f,
            WaitStatus::Continued => 0xffff,
        }
    }
}

/// `getrusage`.
pub const RUSAGE_SELF: i32 = 0;
pub const RUSAGE_CHILDREN: i32 = -1;
pub const RUSAGE_THREAD: i32 = 1;

pub const PRIO_PROCESS: u32 = 0;
pub const PRIO_PGRP: u32 = 1;
pub const PRIO_USER: u32 = 2;
pub const PRIO_MIN: i32 = -20;
pub const PRIO_MAX: i32 = 20;

pub const SCHED_NORMAL: u32 = 0;
pub const SCHED_FIFO: u32 = 1;
pub const SCHED_RR: u32 = 2;
pub const SCHED_BATCH: u32 = 3;
pub const SCHED_IDLE: u32 = 5;
pub const SCHED_DEADLINE: u32 = 6;
pub const SCHED_EXT: u32 = 7;
pub const SCHED_RESET_ON_FORK: u32 = 0x4000_0000;

/// `prctl` options.
pub const PR_SET_PDEATHSIG: i32 = 1;
pub const PR_GET_PDEATHSIG: i32 = 2;
pub const PR_GET_DUMPABLE: i32 = 3;
pub const PR_SET_DUMPABLE: i32 = 4;
pub const PR_GET_UNALIGN: i32 = 5;
pub const PR_SET_UNALIGN: i32 = 6;
pub const PR_GET_KEEPCAPS: i32 = 7;
pub const PR_SET_KEEPCAPS: i32 = 8;
pub const PR_GET_TIMING: i32 = 13;
pub const PR_SET_TIMING: i32 = 14;
pub const PR_SET_NAME: i32 = 15;
pub const PR_GET_NAME: i32 = 16;
pub const PR_GET_SECCOMP: i32 = 21;
pub const PR_SET_SECCOMP: i32 = 22;
pub const PR_CAPBSET_READ: i32 = 23;
pub const PR_CAPBSET_DROP: i32 = 24;
pub const PR_GET_TSC: i32 = 25;
pub const PR_SET_TSC: i32 = 26;
pub const PR_GET_SECUREBITS: i32 = 27;
pub const PR_SET_SECUREBITS: i32 = 28;
pub const PR_SET_TIMERSLACK: i32 = 29;
pub const PR_GET_TIMERSLACK: i32 = 30;
pub const PR_MCE_KILL: i32 = 33;
pub const PR_MCE_KILL_GET: i32 = 34;
pub const PR_SET_MM: i32 = 35;
pub const PR_SET_CHILD_SUBREAPER: i32 = 36;
pub const PR_GET_CHILD_SUBREAPER: i32 = 37;
pub const PR_SET_NO_NEW_PRIVS: i32 = 38;
pub const PR_GET_NO_NEW_PRIVS: i32 = 39;
pub const PR_GET_TID_ADDRESS: i32 = 40;
pub const PR_SET_THP_DISABLE: i32 = 41;
pub const PR_GET_THP_DISABLE: i32 = 42;
pub const PR_CAP_AMBIENT: i32 = 47;
pub const PR_SVE_SET_VL: i32 = 50;
pub const PR_SVE_GET_VL: i32 = 51;
pub const PR_GET_SPECULATION_CTRL: i32 = 52;
pub const PR_SET_SPECULATION_CTRL: i32 = 53;
pub const PR_PAC_RESET_KEYS: i32 = 54;
pub const PR_SET_TAGGED_ADDR_CTRL: i32 = 55;
pub const PR_GET_TAGGED_ADDR_CTRL: i32 = 56;
pub const PR_SET_IO_FLUSHER: i32 = 57;
pub const PR_GET_IO_FLUSHER: i32 = 58;
pub const PR_SET_SYSCALL_USER_DISPATCH: i32 = 59;
pub const PR_SCHED_CORE: i32 = 62;
pub const PR_SET_MDWE: i32 = 65;
pub const PR_GET_MDWE: i32 = 66;
pub const PR_SET_VMA: i32 = 1_398_164_801;
pub const PR_SET_PTRACER: i32 = 1_499_557_217;
pub const PR_GET_AUXV: i32 = 1_096_112_214;

/// `arch_prctl` codes of x86-64.
pub const ARCH_SET_GS: i32 = 0x1001;
pub const ARCH_SET_FS: i32 = 0x1002;
pub const ARCH_GET_FS: i32 = 0x1003;
pub const ARCH_GET_GS: i32 = 0x1004;
pub const ARCH_GET_CPUID: i32 = 0x1011;
pub const ARCH_SET_CPUID: i32 = 0x1012;

pub const PIDFD_NONBLOCK: u32 = 0x800;
pub const PIDFD_THREAD: u32 = 0x80;
pub const PIDFD_SIGNAL_THREAD: u32 = 1;
pub const PIDFD_SIGNAL_THREAD_GROUP: u32 = 2;
pub const PIDFD_SIGNAL_PROCESS_GROUP: u32 = 4;

/// `futex` operations and their modifiers.
pub const FUTEX_WAIT: u32 = 0;
pub const FUTEX_WAKE: u32 = 1;
pub const FUTEX_FD: u32 = 2;
pub const FUTEX_REQUEUE: u32 = 3;
pub const FUTEX_CMP_REQUEUE: u32 = 4;
pub const FUTEX_WAKE_OP: u32 = 5;
pub const FUTEX_LOCK_PI: u32 = 6;
pub const FUTEX_UNLOCK_PI: u32 = 7;
pub const FUTEX_TRYLOCK_PI: u32 = 8;
pub const FUTEX_WAIT_BITSET: u32 = 9;
pub const FUTEX_WAKE_BITSET: u32 = 10;
pub const FUTEX_WAIT_REQUEUE_PI: u32 = 11;
pub const FUTEX_CMP_REQUEUE_PI: u32 = 12;
pub const FUTEX_LOCK_PI2: u32 = 13;
pub const FUTEX_PRIVATE_FLAG: u32 = 128;
pub const FUTEX_CLOCK_REALTIME: u32 = 256;
pub const FUTEX_CMD_MASK: u32 = !(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
pub const FUTEX_BITSET_MATCH_ANY: u32 = 0xffff_ffff;
pub const FUTEX_WAITERS: u32 = 0x8000_0000;
pub const FUTEX_OWNER_DIED: u32 = 0x4000_0000;
pub const FUTEX_TID_MASK: u32 = 0x3fff_ffff;
/// Entries of a robust list the kernel follows.
pub const ROBUST_LIST_LIMIT: u32 = 2048;

/// `reboot`.
pub const LINUX_REBOOT_MAGIC1: u32 = 0xfee1_dead;
pub const LINUX_REBOOT_MAGIC2: u32 = 0x2812_1969;
pub const LINUX_REBOOT_MAGIC2A: u32 = 0x512_1996;
pub const LINUX_REBOOT_MAGIC2B: u32 = 0x1604_1998;
pub const LINUX_REBOOT_MAGIC2C: u32 = 0x2011_2000;
pub const LINUX_REBOOT_CMD_RESTART: u32 = 0x123_4567;
pub const LINUX_REBOOT_CMD_HALT: u32 = 0xcdef_0123;
pub const LINUX_REBOOT_CMD_CAD_ON: u32 = 0x89ab_cdef;
pub const LINUX_REBOOT_CMD_CAD_OFF: u32 = 0x0;
pub const LINUX_REBOOT_CMD_POWER_OFF: u32 = 0x4321_fedc;
pub const LINUX_REBOOT_CMD_RESTART2: u32 = 0xa1b2_c3d4;
pub const LINUX_REBOOT_CMD_SW_SUSPEND: u32 = 0xd000_fce2;
pub const LINUX_REBOOT_CMD_KEXEC: u32 = 0x4558_4543;

/// Length of a task's name with its NUL.
pub const TASK_COMM_LEN: usize = 16;
/// Most supplementary groups.
pub const NGROUPS_MAX: usize = 65536;

#[cfg(test)]
mod tests {
    use super::*;

    /// As the C library's WIFEXITED and its kin read them.
    #[test]
    fn wait_statuses() {
        assert_eq!(WaitStatus::Exited { code: 3 }.encode(), 0x300);
        assert_eq!(WaitStatus::Signaled { signo: 9, core: false }.encode(), 9);
        assert_eq!(WaitStatus::Signaled { signo: 11, core: true }.encode(), 0x8b);
        assert_eq!(WaitStatus::Stopped { signo: 19 }.encode(), 0x137f);
        assert_eq!(WaitStatus::Continued.encode(), 0xffff);
    }

    /// offsetof on linux/sched.h of linux-libc-dev 6.1: exit_signal 32, stack 40, cgroup 80, size 88.
    #[test]
    fn clone_args_layout() {
        let mut data = [0; 88];
        data[..8].copy_from_slice(&(CloneFlags::CLONE_VM | CloneFlags::CLONE_INTO_CGROUP).bits().to_le_bytes());
        (data[32], data[40], data[80]) = (17, 1, 2);
        let args = CloneArgs::decode(&data).expect("known flags");
        assert_eq!((args.exit_signal, args.stack, args.cgroup), (17, 1, 2));
        assert!(args.flags.contains(CloneFlags::CLONE_INTO_CGROUP));
        data[7] = 0x80;
        assert_eq!(CloneArgs::decode(&data), None);
    }
}
