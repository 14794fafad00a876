//! `asm/thread_info.h` of riscv.
use arch::ThreadFlags;

/// Linux 6.8, arch/riscv/include/asm/thread_info.h, which never had TIF_FREEZE (it went with 3.3, the port came with 4.15):
/// 19 is free there and is what most ports used. Since 6.5 the port traces by a word of its own (`SYSCALL_WORK_BIT_*`);
/// 0 is what TIF_SYSCALL_TRACE was until then.
pub(crate) static FLAGS: ThreadFlags =
    ThreadFlags { sigpending: 2, need_resched: 3, notify_resume: 1, restore_sigmask: 4, syscall_trace: 0, freeze: 19 };
