//! Changing an address space: mmap, munmap, mprotect, mremap, brk (mm/mmap.c).
use super::fault::perms;
use super::{Backing, Vma};
use crate::vfs::{Ino, SuperId};
use crate::{Kernel, Result, Tid};
use abi::{Errno, Prot, RLIMIT_AS, RLIMIT_DATA};
use mmu::{PAGE_SIZE, Perms};

/// Lowest address mmap hands out or takes (vm.mmap_min_addr).
pub(crate) const MMAP_MIN_ADDR: u64 = 0x10000;
/// Most areas of one space (vm.max_map_count).
const MAX_MAP_COUNT: usize = 65530;

/// `len` in whole pages; `None` if it does not fit.
pub(crate) fn page_align(len: u64) -> Option<u64> {
    Some(len.checked_add(PAGE_SIZE - 1)? & !(PAGE_SIZE - 1))
}

impl Kernel {
    /// Maps an area. With `fixed`, at `vma.start` over whatever is there; else anywhere free, `vma.start` a hint. The area
    /// takes over one use of its backing, also when this fails.
    pub fn map_area(&mut self, tid: Tid, mut vma: Vma, fixed: bool) -> Result<u64> {
        let len = vma.len();
        let placed = self.place(tid, vma.start, len, fixed);
        let start = match placed {
            Ok(start) => start,
            Err(errno) => {
                self.put_backing(vma.backing);
                return Err(errno);
            }
        };
        if fixed {
            self.unmap(tid, start, start + len)?;
        }
        (vma.start, vma.end) = (start, start + len);
        let mm = self.mm_mut(tid).ok_or(Errno::ENOMEM)?;
        mm.vmas.insert(vma);
        Ok(start)
    }

    fn place(&self, tid: Tid, hint: u64, len: u64, fixed: bool) -> Result<u64> {
        let mm = self.mm(tid).ok_or(Errno::ENOMEM)?;
        if len == 0 || len > mm.task_size || mm.vmas.len() >= MAX_MAP_COUNT {
            return Err(Errno::ENOMEM);
        }
        let group = self.tasks.get(tid).and_then(|task| self.tasks.group(task.tgid)).ok_or(Errno::ENOMEM)?;
        if mm.size().0.saturating_add(len) > group.rlimits[RLIMIT_AS].cur {
            return Err(Errno::ENOMEM);
        }
        let fits = |at: u64| at <= mm.task_size - len;
        if fixed {
            return if !hint.is_multiple_of(PAGE_SIZE) {
                Err(Errno::EINVAL)
            } else if !fits(hint) {
                Err(Errno::ENOMEM)
            } else if hint < MMAP_MIN_ADDR {
                Err(Errno::EPERM)
            } else {
                Ok(hint)
            };
        }
        let hint = hint & !(PAGE_SIZE - 1);
        if hint >= MMAP_MIN_ADDR && fits(hint) && mm.vmas.within(hint, hint + len).next().is_none() {
            return Ok(hint);
        }
        mm.vmas.find_free(MMAP_MIN_ADDR, mm.mmap_base, len).ok_or(Errno::ENOMEM)
    }

    /// Unmaps `start..end` (page-aligned), cutting areas at its borders.
    pub fn unmap(&mut self, tid: Tid, start: u64, end: u64) -> Result<()> {
        if let Some(mm) = self.mm_mut(tid) {
            mm.keep_peak();
        }
        let removed = self.take_areas(tid, start, end)?;
        let id = self.tasks[tid].mm.ok_or(Errno::ENOMEM)?;
        if let Some(mm) = self.mms.get_mut(id) {
            mm.space.unmap(&mut self.frames, start, end);
        }
        for vma in removed {
            self.put_backing(vma.backing);
        }
        Ok(())
    }

    /// Takes the areas of `start..end` out of the list; their pages stay.
    fn take_areas(&mut self, tid: Tid, start: u64, end: u64) -> Result<Vec<Vma>> {
        let mm = self.mm_mut(tid).ok_or(Errno::ENOMEM)?;
        let mut cut = Vec::new();
        let removed = mm.vmas.remove(start, end, |backing| cut.push(backing));
        for backing in cut {
            self.hold_backing(backing);
        }
        Ok(removed)
    }

    /// mprotect: every page of `start..end` must be mapped.
    pub fn protect(&mut self, tid: Tid, start: u64, end: u64, prot: Prot) -> Result<()> {
        let mm = self.mm(tid).ok_or(Errno::ENOMEM)?;
        if !mm.vmas.covers(start, end) {
            return Err(Errno::ENOMEM);
        }
        if prot.contains(Prot::PROT_WRITE) && mm.vmas.within(start, end).any(|vma| vma.shared && !vma.may_write) {
            return Err(Errno::EACCES);
        }
        let areas = self.take_areas(tid, start, end)?;
        let allowed = perms(prot);
        let id = self.tasks[tid].mm.ok_or(Errno::ENOMEM)?;
        let mm = self.mms.get_mut(id).ok_or(Errno::ENOMEM)?;
        for vma in areas {
            mm.vmas.insert(Vma { prot, ..vma });
        }
        // Write permission is only taken away here; the next store's fault gives it, after copying what is shared.
        mm.space.protect(&mut self.frames, start, end, |old| Perms { write: old.write && allowed.write, ..allowed });
        Ok(())
    }

    /// mremap of one area's part `old..old+old_len`; `to` is where it must go, if anywhere in particular.
    pub fn remap(
        &mut self,
        tid: Tid,
        old: u64,
        old_len: u64,
        new_len: u64,
        may_move: bool,
        to: Option<u64>,
    ) -> Result<u64> {
        let mm = self.mm(tid).ok_or(Errno::EFAULT)?;
        let vma = mm.vmas.find(old).cloned().ok_or(Errno::EFAULT)?;
        let old_end = old.checked_add(old_len).ok_or(Errno::EINVAL)?;
        if old_end > vma.end {
            return Err(Errno::EFAULT);
        }
        if to.is_none() && new_len <= old_len {
            if new_len < old_len {
                self.unmap(tid, old + new_len, old_end)?;
            }
            return Ok(old);
        }
        let grow_end = old.checked_add(new_len).ok_or(Errno::EINVAL)?;
        if to.is_none()
            && old_end == vma.end
            && grow_end <= mm.task_size
            && mm.vmas.within(old_end, grow_end).next().is_none()
        {
            let mm = self.mm_mut(tid).ok_or(Errno::EFAULT)?;
            let mut removed = mm.vmas.remove(vma.start, vma.end, |_| {});
            if let Some(mut grown) = removed.pop() {
                grown.end = grow_end;
                mm.vmas.insert(grown);
            }
            return Ok(old);
        }
        if !may_move {
            return Err(Errno::ENOMEM);
        }
        self.move_area(tid, &vma, old, old_end, new_len, to)
    }

    fn move_area(&mut self, tid: Tid, vma: &Vma, old: u64, old_end: u64, new_len: u64, to: Option<u64>) -> Result<u64> {
        let backing = match vma.backing {
            Backing::Anon => Backing::Anon,
            Backing::Shm { id, .. } => Backing::Shm { id, page: vma.page_index(old) },
            Backing::File { file, .. } => Backing::File { file, page: vma.page_index(old) },
        };
        self.hold_backing(backing);
        let (start, fixed) = (to.unwrap_or(0), to.is_some());
        let end = start.checked_add(new_len).ok_or(Errno::EINVAL)?;
        let new = self.map_area(tid, Vma { start, end, backing, ..vma.clone() }, fixed)?;
        let kept = old_end.min(old + new_len);
        let id = self.tasks[tid].mm.ok_or(Errno::EFAULT)?;
        if let Some(mm) = self.mms.get_mut(id) {
            mm.space.move_pages(&mut self.frames, old, kept, new);
        }
        self.unmap(tid, old, old_end)?;
        Ok(new)
    }

    /// A file became shorter: takes the pages behind its end out of every mapping, private copies too (unmap_mapping_range).
    pub(crate) fn unmap_truncated(&mut self, inode: (SuperId, Ino), size: u64) {
        let first = size.div_ceil(PAGE_SIZE);
        for (_, mm) in self.mms.iter_mut() {
            mm.keep_peak();
            for vma in mm.vmas.iter() {
                let Backing::File { file, page } = vma.backing else { continue };
                if self.vfs.inode(self.vfs.file(file).path) == inode {
                    let kept = first.saturating_sub(page).saturating_mul(PAGE_SIZE).min(vma.len());
                    mm.space.unmap(&mut self.frames, vma.start + kept, vma.end);
                }
            }
        }
    }

    /// brk: moves the end of the heap; gives where it is afterwards.
    pub fn set_brk(&mut self, tid: Tid, to: u64) -> u64 {
        let Some(mm) = self.mm(tid) else { return 0 };
        let (start, now) = (mm.start_brk, mm.brk);
        let data_limit = self
            .tasks
            .get(tid)
            .and_then(|task| self.tasks.group(task.tgid))
            .map_or(u64::MAX, |group| group.rlimits[RLIMIT_DATA].cur);
        if to < start || to - start > data_limit {
            return now;
        }
        let (Some(old_end), Some(new_end)) = (page_align(now), page_align(to)) else { return now };
        let done = if new_end < old_end {
            self.unmap(tid, new_end, old_end)
        } else if new_end > old_end {
            self.grow_heap(tid, old_end, new_end)
        } else {
            Ok(())
        };
        match (done, self.mm_mut(tid)) {
            (Ok(()), Some(mm)) => {
                mm.brk = to;
                to
            }
            _ => now,
        }
    }

    fn grow_heap(&mut self, tid: Tid, from: u64, to: u64) -> Result<()> {
        let mm = self.mm(tid).ok_or(Errno::ENOMEM)?;
        if to > mm.task_size || mm.vmas.within(from, to + PAGE_SIZE).next().is_some() {
            return Err(Errno::ENOMEM);
        }
        self.map_area(tid, Vma::anon(from, to, Prot::PROT_READ | Prot::PROT_WRITE, "[heap]"), true).map(|_| ())
    }
}

impl Vma {
    /// Private zeroed memory.
    pub fn anon(start: u64, end: u64, prot: Prot, label: &'static str) -> Vma {
        Vma { start, end, prot, shared: false, grows_down: false, may_write: true, backing: Backing::Anon, label }
    }
}
