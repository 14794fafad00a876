//! `asm/thread_info.h` of arm64.
use arch::ThreadFlags;

/// Linux 6.8, arch/arm64/include/asm/thread_info.h; TIF_FREEZE is still defined there, though unused since 3.3.
pub(crate) static FLAGS: ThreadFlags =
    ThreadFlags { sigpending: 0, need_resched: 1, notify_resume: 2, restore_sigmask: 20, syscall_trace: 8, freeze: 19 };
