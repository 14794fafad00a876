//! arch/x86/include/asm/thread_info.h.
use arch::ThreadFlags;

/// Linux 2.6.28. RESTORE_SIGMASK was a bit of `thread_info.status` (TS_RESTORE_SIGMASK) then and is one of the task
/// now; 9, free in both, stands for it.
pub(crate) static FLAGS: ThreadFlags =
    ThreadFlags { sigpending: 2, need_resched: 3, notify_resume: 1, restore_sigmask: 9, syscall_trace: 0, freeze: 23 };
