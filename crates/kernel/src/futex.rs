//! Futexes (kernel/futex/): waiting on a word of memory. The wait table in `Tasks` is the hash table; a waiter's bitset is
//! in the call it sleeps in.
use crate::mm::Backing;
use crate::syscall::Progress;
use crate::{Kernel, Result, Tid, WaitKey};
use abi::Errno;
use mmu::PAGE_SIZE;

impl Kernel {
    /// What a futex at `addr` is known by: the space and address, or the shared object and offset.
    pub(crate) fn futex_key(&self, tid: Tid, addr: u64, private: bool) -> Result<WaitKey> {
        if !addr.is_multiple_of(4) {
            return Err(Errno::EINVAL);
        }
        let task = self.tasks.get(tid).ok_or(Errno::EFAULT)?;
        let addr = addr & task.arch().isa.address_mask();
        let id = task.mm.ok_or(Errno::EFAULT)?;
        let mm = self.mms.get(id).ok_or(Errno::EFAULT)?;
        if addr >= mm.task_size {
            return Err(Errno::EFAULT);
        }
        let own = WaitKey::Futex(id.0.into(), addr);
        if private {
            return Ok(own);
        }
        let vma = mm.vmas.find(addr).ok_or(Errno::EFAULT)?;
        let offset = vma.page_index(addr).wrapping_mul(PAGE_SIZE).wrapping_add(addr % PAGE_SIZE);
        Ok(match vma.backing {
            Backing::Shm { id, .. } => WaitKey::Futex(1 << 62 | id.0, offset),
            Backing::File { file, .. } if vma.shared => WaitKey::Futex(1 << 63 | self.file_identity(file), offset),
            _ => own,
        })
    }

    /// Wakes up to `n` waiters of `key` whose bitset meets `bits`; how many.
    pub(crate) fn futex_wake_key(&mut self, key: WaitKey, n: u64, bits: u32) -> u64 {
        let mut woken = 0;
        for tid in self.tasks.waiters(key) {
            if woken == n {
                break;
            }
            if futex_bitset(self, tid) & bits != 0 && self.tasks.wake_waiter(tid, key) {
                woken += 1;
            }
        }
        woken
    }

    /// Wakes waiters on a word of a task's memory (thread exit, robust lists). A bad address wakes nobody.
    pub(crate) fn futex_wake(&mut self, tid: Tid, addr: u64, n: u64) -> u64 {
        let mut woken = 0;
        for private in [true, false] {
            if let Ok(key) = self.futex_key(tid, addr, private) {
                woken += self.futex_wake_key(key, n - woken.min(n), abi::FUTEX_BITSET_MATCH_ANY);
            }
        }
        woken
    }

    /// Moves up to `n` waiters from one futex to another; how many.
    pub(crate) fn futex_requeue(&mut self, from: WaitKey, to: WaitKey, n: u64) -> u64 {
        let mut moved = 0;
        for tid in self.tasks.waiters(from) {
            if moved == n {
                break;
            }
            self.tasks.requeue(tid, from, to);
            moved += 1;
        }
        moved
    }
}

/// The bitset a sleeping task waits with.
fn futex_bitset(kernel: &Kernel, tid: Tid) -> u32 {
    match kernel.tasks.get(tid).and_then(|task| task.in_syscall.as_ref()).map(|call| &call.progress) {
        Some(Progress::State(bits, _)) => *bits as u32,
        _ => abi::FUTEX_BITSET_MATCH_ANY,
    }
}
