//! Page faults: demand-zero, file pages, copy-on-write, stack growth (mm/memory.c).
use super::{Backing, Mm, Vma};
use crate::{Kernel, Tid};
use abi::{Errno, Prot, RLIMIT_STACK};
use arch::{Access, Fault, FaultKind};
use mmu::{FrameId, PAGE_SIZE, Perms, Pte, page_floor};

/// What became of a page fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultOutcome {
    /// The access can be tried again.
    Resolved,
    /// It is the task's fault: a signal.
    Bad(FaultKind),
    /// No frame is left.
    OutOfMemory,
}

/// How far below the lowest stack page an access may lie and still grow the stack: any distance, as since Linux 5.0, but
/// one guard gap above the next area (stack_guard_gap).
const STACK_GUARD_GAP: u64 = 256 * PAGE_SIZE;

/// What a page of the area permits, apart from copy-on-write. Write implies read, as does execute, on every CPU here.
pub(super) fn perms(prot: Prot) -> Perms {
    Perms { read: !prot.is_empty(), write: prot.contains(Prot::PROT_WRITE), execute: prot.contains(Prot::PROT_EXEC) }
}

impl Kernel {
    /// Resolves a page fault of a task, if its areas permit the access.
    pub fn handle_fault(&mut self, tid: Tid, fault: Fault) -> FaultOutcome {
        let outcome = self.resolve_fault(tid, fault);
        if outcome == FaultOutcome::Resolved
            && let Some(task) = self.tasks.get_mut(tid)
        {
            task.faults = task.faults.wrapping_add(1);
        }
        outcome
    }

    fn resolve_fault(&mut self, tid: Tid, fault: Fault) -> FaultOutcome {
        let mask = self.tasks.get(tid).map_or(u64::MAX, |task| task.arch().isa.address_mask());
        let addr = fault.addr & mask;
        let stack_limit = self
            .tasks
            .get(tid)
            .and_then(|task| self.tasks.group(task.tgid))
            .map_or(8 << 20, |group| group.rlimits[RLIMIT_STACK].cur);
        let Some(mm) = self.mm_mut(tid) else { return FaultOutcome::Bad(FaultKind::NotMapped) };
        let vma = match mm.vmas.find(addr) {
            Some(vma) => vma.clone(),
            None => match grow_stack(mm, addr, stack_limit) {
                Some(vma) => vma,
                None => return FaultOutcome::Bad(FaultKind::NotMapped),
            },
        };
        let allowed = perms(vma.prot);
        let permitted = match fault.access {
            Access::Read => allowed.read,
            Access::Write => allowed.write,
            Access::Execute => allowed.execute,
        };
        if !permitted {
            return FaultOutcome::Bad(FaultKind::NotPermitted);
        }
        let page = page_floor(addr);
        let Some(Pte { frame, .. }) = mm.space.pte(page) else {
            return self.map_page(tid, &vma, page, fault.access == Access::Write);
        };
        // Present: a first store to a private page, or permissions that mprotect added and left to us.
        let mut frame = self.frames.share(frame);
        if fault.access == Access::Write && !vma.shared && self.frames.users(frame) > 2 {
            self.frames.release(frame);
            match self.frames.copy(frame) {
                Some(copy) => frame = copy,
                None => return FaultOutcome::OutOfMemory,
            }
        }
        let write = allowed.write && (vma.shared || fault.access == Access::Write);
        self.set_page(tid, page, frame, Perms { write, ..allowed });
        FaultOutcome::Resolved
    }

    /// Brings in a page that is not present.
    pub(super) fn map_page(&mut self, tid: Tid, vma: &Vma, page: u64, write: bool) -> FaultOutcome {
        let allowed = perms(vma.prot);
        let (frame, own) = match vma.backing {
            Backing::Anon => match self.frames.alloc() {
                Some(frame) => (frame, true),
                None => return FaultOutcome::OutOfMemory,
            },
            Backing::Shm { id, .. } => match self.mms.shms.page(id, vma.page_index(page), &mut self.frames) {
                Some(frame) => (self.frames.share(frame), false),
                None => return FaultOutcome::OutOfMemory,
            },
            Backing::File { file, .. } => match self.file_page(file, vma.page_index(page), write && vma.shared) {
                Ok(Some(frame)) if write && !vma.shared => match self.frames.copy(frame) {
                    Some(copy) => (copy, true),
                    None => return FaultOutcome::OutOfMemory,
                },
                Ok(Some(frame)) => (self.frames.share(frame), false),
                Ok(None) => return FaultOutcome::Bad(FaultKind::PastEof),
                Err(Errno::ENOMEM | Errno::ENOSPC) => return FaultOutcome::OutOfMemory,
                Err(_) => return FaultOutcome::Bad(FaultKind::PastEof),
            },
        };
        self.set_page(tid, page, frame, Perms { write: allowed.write && (own || vma.shared), ..allowed });
        FaultOutcome::Resolved
    }

    pub(super) fn set_page(&mut self, tid: Tid, page: u64, frame: FrameId, perms: Perms) {
        let id = self.tasks.get(tid).and_then(|task| task.mm);
        match id.and_then(|id| self.mms.get_mut(id)) {
            Some(mm) => mm.space.map(&mut self.frames, page, Pte { frame, perms }),
            None => self.frames.release(frame),
        }
    }
}

/// Grows the stack area above `addr` down to it, if there is one and its limit lets it.
fn grow_stack(mm: &mut Mm, addr: u64, limit: u64) -> Option<Vma> {
    let above = mm.vmas.find_from(addr).filter(|vma| vma.grows_down)?;
    let (start, to) = (above.start, page_floor(addr));
    let below = mm.vmas.iter().rev().find(|vma| vma.end <= start).map_or(0, |vma| vma.end);
    if above.end - to > limit || to < below.saturating_add(STACK_GUARD_GAP) {
        return None;
    }
    mm.vmas.grow_down(start, to);
    mm.vmas.find(addr).cloned()
}
