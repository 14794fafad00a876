//! Register sets, and what is known of the system call a tracee stopped in. Layouts are the tracee's.
use crate::{Kernel, Result, Tid};
use abi::{
    Errno, PTRACE_EVENTMSG_SYSCALL_ENTRY, PTRACE_EVENTMSG_SYSCALL_EXIT, PTRACE_GETREGSET, PtraceSyscallInfo, SIGTRAP,
    SyscallStop,
};

impl Kernel {
    /// GETREGSET and SETREGSET: as much as the iovec and the set have, in whole words of the set.
    pub(super) fn ptrace_regset(&mut self, tid: Tid, child: Tid, request: u64, note: u64, iov: u64) -> Result<u64> {
        let mut user = self.user(tid);
        let (base, len) = (user.read_u64(iov)?, user.read_u64(iov.wrapping_add(8))?);
        let note = u32::try_from(note).map_err(|_| Errno::EINVAL)?;
        let cpu = &mut self.tasks[child].cpu;
        let abi = cpu.arch.abi;
        let mut set = abi.get_regset(cpu, note)?;
        if !len.is_multiple_of(set.word as u64) {
            return Err(Errno::EINVAL);
        }
        set.data.truncate(usize::try_from(len).unwrap_or(usize::MAX));
        if request == PTRACE_GETREGSET {
            self.user(tid).write(base, &set.data)?;
        } else {
            self.user(tid).read(base, &mut set.data)?;
            abi.set_regset(&mut self.tasks[child].cpu, note, &set.data)?;
        }
        self.user(tid).write_u64(iov.wrapping_add(8), set.data.len() as u64).map(|()| 0)
    }

    /// A request that only the tracee's architecture has, about one whole set.
    pub(super) fn ptrace_own_regset(&mut self, tid: Tid, child: Tid, request: u64, addr: u64) -> Result<u64> {
        let cpu = &mut self.tasks[child].cpu;
        let abi = cpu.arch.abi;
        let (note, sets) = abi.regset_request(request).ok_or(Errno::EIO)?;
        let mut set = abi.get_regset(cpu, note)?;
        if sets {
            self.user(tid).read(addr, &mut set.data)?;
            abi.set_regset(&mut self.tasks[child].cpu, note, &set.data)?;
        } else {
            self.user(tid).write(addr, &set.data)?;
        }
        Ok(0)
    }

    /// `ptrace_get_syscall_info`: only stops that TRACESYSGOOD marks are known for what they are.
    pub(super) fn ptrace_get_syscall_info(&mut self, tid: Tid, child: Tid, size: u64, data: u64) -> Result<u64> {
        let task = &self.tasks[child];
        let (cpu, abi) = (&task.cpu, task.arch().abi);
        let marked = |info: abi::Siginfo| info.code == i32::from(SIGTRAP) | 0x80;
        let message = match &task.trace_stop {
            Some(stop) if stop.info.is_some_and(marked) => stop.message,
            _ => 0,
        };
        let stop = match message {
            PTRACE_EVENTMSG_SYSCALL_ENTRY => {
                let (nr, args) = abi.syscall_arguments(cpu);
                SyscallStop::Entry { nr, args }
            }
            PTRACE_EVENTMSG_SYSCALL_EXIT => {
                let value = abi.get_return(cpu);
                SyscallStop::Exit { value, is_error: (-4095..0).contains(&value) }
            }
            _ => SyscallStop::None,
        };
        let info = PtraceSyscallInfo { arch: task.arch().audit(), ip: cpu.pc, sp: abi.stack_pointer(cpu), stop };
        let (bytes, len) = info.encode();
        let most = usize::try_from(size).unwrap_or(usize::MAX).min(len);
        self.user(tid).write(data, &bytes[..most])?;
        Ok(len as u64)
    }
}
