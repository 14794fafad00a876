//! What a tracer reads and changes of a tracee's signals: GETSIGINFO, PEEKSIGINFO, GETSIGMASK and their like.
use crate::{Kernel, Result, Tid};
use abi::{Errno, PTRACE_PEEKSIGINFO_SHARED, SigSet, Siginfo, valid_signal};
use arch::Tif;

/// `sizeof(siginfo_t)`, on every architecture.
const SIGINFO: usize = 128;

impl Kernel {
    pub(super) fn ptrace_get_siginfo(&mut self, tid: Tid, child: Tid, data: u64) -> Result<u64> {
        let stop = self.tasks[child].trace_stop.as_ref();
        let info = stop.and_then(|stop| stop.info).ok_or(Errno::EINVAL)?;
        self.user(tid).write(data, &info.encode_64()).map(|()| 0)
    }

    pub(super) fn ptrace_set_siginfo(&mut self, tid: Tid, child: Tid, data: u64) -> Result<u64> {
        let mut raw = [0; SIGINFO];
        self.user(tid).read(data, &mut raw)?;
        // A number that is no signal is none the task can be resumed with: it is replaced then.
        let signo = u8::try_from(u32::from_le_bytes([raw[0], raw[1], raw[2], raw[3]])).unwrap_or(0);
        let info = Siginfo::decode_64(if valid_signal(signo) { signo } else { 0 }, &raw);
        let stop = self.tasks[child].trace_stop.as_mut();
        *stop.and_then(|stop| stop.info.as_mut()).ok_or(Errno::EINVAL)? = info;
        Ok(0)
    }

    /// `ptrace_peek_siginfo`: signals that are queued, without taking them; how many there were.
    pub(super) fn ptrace_peek_siginfo(&mut self, tid: Tid, child: Tid, addr: u64, data: u64) -> Result<u64> {
        let mut args = [0; 16];
        self.user(tid).read(addr, &mut args)?;
        let offset = u64::from_le_bytes(*args.first_chunk().expect("16 bytes"));
        let flags = u32::from_le_bytes([args[8], args[9], args[10], args[11]]);
        let count = i32::from_le_bytes([args[12], args[13], args[14], args[15]]);
        if flags & !PTRACE_PEEKSIGINFO_SHARED != 0 || count < 0 {
            return Err(Errno::EINVAL);
        }
        let shared = flags & PTRACE_PEEKSIGINFO_SHARED != 0;
        let pending = if shared { &self.tasks.group_of(child).pending } else { &self.tasks[child].pending };
        let skipped = pending.queue.iter().skip(usize::try_from(offset).unwrap_or(usize::MAX));
        let found: Vec<Siginfo> = skipped.take(count as usize).copied().collect();
        for (at, info) in found.iter().enumerate() {
            let to = data.wrapping_add((at * SIGINFO) as u64);
            match self.user(tid).write(to, &info.encode_64()) {
                Ok(()) => {}
                Err(errno) if at == 0 => return Err(errno),
                Err(_) => return Ok(at as u64),
            }
        }
        Ok(found.len() as u64)
    }

    /// The mask that will hold when the task is back in user mode.
    pub(super) fn ptrace_get_sigmask(&mut self, tid: Tid, child: Tid, size: u64, data: u64) -> Result<u64> {
        if size != 8 {
            return Err(Errno::EINVAL);
        }
        let task = &self.tasks[child];
        let mask = task.saved_mask.unwrap_or(task.blocked);
        self.user(tid).write_u64(data, mask.0).map(|()| 0)
    }

    pub(super) fn ptrace_set_sigmask(&mut self, tid: Tid, child: Tid, size: u64, data: u64) -> Result<u64> {
        if size != 8 {
            return Err(Errno::EINVAL);
        }
        let mask = SigSet(self.user(tid).read_u64(data)?).without(SigSet::UNBLOCKABLE);
        let task = &mut self.tasks[child];
        // What this makes deliverable is found when the task goes on.
        task.blocked = mask;
        task.saved_mask = None;
        task.thread_info.clear(Tif::RestoreSigmask);
        Ok(0)
    }
}
