//! The memory of another task (mm/memory.c: access_process_vm): ptrace, /proc/PID/mem, process_vm_readv.
use super::FaultOutcome;
use super::fault::perms;
use crate::{Kernel, Tid};
use arch::{Access, Fault};
use mmu::{FrameId, PAGE_SIZE, Perms, page_floor};

impl Kernel {
    /// Reads as much of `buf` as can be reached; `force`, a tracer's right, reads what the task itself cannot.
    pub(crate) fn read_vm(&mut self, tid: Tid, addr: u64, buf: &mut [u8], force: bool) -> usize {
        let mut done = 0;
        while done < buf.len() {
            let at = addr.wrapping_add(done as u64);
            let Some(frame) = self.remote_page(tid, at, false, force) else { break };
            let offset = (at % PAGE_SIZE) as usize;
            let part = (buf.len() - done).min(PAGE_SIZE as usize - offset);
            buf[done..done + part].copy_from_slice(&self.frames.bytes(frame)[offset..offset + part]);
            done += part;
        }
        done
    }

    /// Writes as much of `data` as can be reached; `force` writes to private pages that are read-only: breakpoints.
    pub(crate) fn write_vm(&mut self, tid: Tid, addr: u64, data: &[u8], force: bool) -> usize {
        let mut done = 0;
        while done < data.len() {
            let at = addr.wrapping_add(done as u64);
            let Some(frame) = self.remote_page(tid, at, true, force) else { break };
            let offset = (at % PAGE_SIZE) as usize;
            let part = (data.len() - done).min(PAGE_SIZE as usize - offset);
            self.frames.write(frame, offset, &data[done..done + part], None);
            done += part;
        }
        done
    }

    /// The frame behind an address of a task, brought in and made its own as need be.
    fn remote_page(&mut self, tid: Tid, addr: u64, write: bool, force: bool) -> Option<FrameId> {
        let mm = self.mm(tid)?;
        if addr >= mm.task_size {
            return None;
        }
        let vma = mm.vmas.find(addr)?.clone();
        let allowed = perms(vma.prot);
        if if write { allowed.write } else { allowed.read } {
            let (mmu_access, access) =
                if write { (mmu::Access::Write, Access::Write) } else { (mmu::Access::Read, Access::Read) };
            if let Ok(frame) = mm.space.translate(addr, mmu_access) {
                return Some(frame);
            }
            if self.handle_fault(tid, Fault { addr, access }) != FaultOutcome::Resolved {
                return None;
            }
            return self.mm(tid)?.space.translate(addr, mmu_access).ok();
        }
        // FOLL_FORCE: a page that is copied does not show in the file, nor in another process.
        if !force || write && vma.shared {
            return None;
        }
        let page = page_floor(addr);
        if self.mm(tid)?.space.pte(page).is_none() && self.map_page(tid, &vma, page, write) != FaultOutcome::Resolved {
            return None;
        }
        let frame = self.mm(tid)?.space.pte(page)?.frame;
        if !write || self.frames.users(frame) == 1 {
            return Some(frame);
        }
        let copy = self.frames.copy(frame)?;
        self.set_page(tid, page, copy, Perms { write: false, ..allowed });
        Some(copy)
    }
}
