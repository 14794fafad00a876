//! Memory system calls: the checks of arguments in front of `mm::map`.
use super::table::{Row, full, partial};
use super::{Call, Outcome};
use crate::mm::{Backing, Vma, page_align};
use crate::vfs::FileMap;
use crate::{Kernel, Result, Tid};
use abi::{
    Errno, MADV_COLD, MADV_COLLAPSE, MADV_DODUMP, MADV_DOFORK, MADV_DONTDUMP, MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE,
    MADV_KEEPONFORK, MADV_MERGEABLE, MADV_NOHUGEPAGE, MADV_NORMAL, MADV_PAGEOUT, MADV_POPULATE_READ,
    MADV_POPULATE_WRITE, MADV_RANDOM, MADV_SEQUENTIAL, MADV_UNMERGEABLE, MADV_WILLNEED, MAP_TYPE, MREMAP_DONTUNMAP,
    MREMAP_FIXED, MREMAP_MAYMOVE, MS_ASYNC, MS_INVALIDATE, MS_SYNC, MapFlags, Prot, Sysno,
};
use mmu::PAGE_SIZE;

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::Brk, brk),
    full(Sysno::Mmap, mmap),
    full(Sysno::Munmap, munmap),
    full(Sysno::Mprotect, mprotect),
    partial(Sysno::Mremap, mremap, "no MREMAP_DONTUNMAP"),
    partial(Sysno::Madvise, madvise, "advice that keeps pages from a fork, and guards, is EINVAL"),
    full(Sysno::Msync, msync),
    full(Sysno::Mincore, mincore),
    partial(Sysno::Mlock, mlock, "nothing is ever paged out, so nothing is noted"),
    partial(Sysno::Mlock2, mlock, "nothing is ever paged out, so nothing is noted"),
    partial(Sysno::Munlock, mlock, "nothing is ever paged out, so nothing is noted"),
    partial(Sysno::Mlockall, mlockall, "nothing is ever paged out, so nothing is noted"),
    partial(Sysno::Munlockall, mlockall, "nothing is ever paged out, so nothing is noted"),
];

fn brk(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    Outcome::Done(Ok(kernel.set_brk(tid, call.args[0])))
}

fn prot_of(bits: u64) -> Result<Prot> {
    let known = Prot::PROT_READ | Prot::PROT_WRITE | Prot::PROT_EXEC;
    Ok(Prot::from_bits_truncate(bits as u32) & known)
}

fn mmap(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [addr, len, prot, flags, fd, offset] = call.args;
    do_mmap(kernel, tid, addr, len, prot, flags as u32, fd as i32, offset).into()
}

#[allow(clippy::too_many_arguments)] // mmap(2) has six
fn do_mmap(
    kernel: &mut Kernel,
    tid: Tid,
    addr: u64,
    len: u64,
    prot: u64,
    bits: u32,
    fd: i32,
    offset: u64,
) -> Result<u64> {
    let flags = MapFlags::from_bits_truncate(bits);
    if len == 0 || !offset.is_multiple_of(PAGE_SIZE) {
        return Err(Errno::EINVAL);
    }
    let len = page_align(len).ok_or(Errno::ENOMEM)?;
    let shared = match bits & MAP_TYPE {
        1 | 3 => true,
        2 => false,
        _ => return Err(Errno::EINVAL),
    };
    let prot = prot_of(prot)?;
    let fixed = flags.intersects(MapFlags::MAP_FIXED | MapFlags::MAP_FIXED_NOREPLACE);
    if flags.contains(MapFlags::MAP_FIXED_NOREPLACE) {
        let end = addr.checked_add(len).ok_or(Errno::ENOMEM)?;
        if kernel.mm(tid).is_some_and(|mm| mm.vmas.within(addr, end).next().is_some()) {
            return Err(Errno::EEXIST);
        }
    }
    let total = kernel.config.memory;
    let page = offset / PAGE_SIZE;
    let (backing, may_write) = if flags.contains(MapFlags::MAP_ANONYMOUS) {
        // An obvious overcommit is refused outright (vm.overcommit_memory = 0).
        if !flags.contains(MapFlags::MAP_NORESERVE) && prot.contains(Prot::PROT_WRITE) && len > total {
            return Err(Errno::ENOMEM);
        }
        match shared {
            true => (Backing::Shm { id: kernel.mms.shms.create(), page: 0 }, true),
            false => (Backing::Anon, true),
        }
    } else {
        if page.checked_add(len / PAGE_SIZE).is_none() {
            return Err(Errno::EOVERFLOW);
        }
        match kernel.map_file(tid, fd, prot, shared)? {
            FileMap::File { file, may_write } => (Backing::File { file, page }, may_write),
            FileMap::Zero if shared => (Backing::Shm { id: kernel.mms.shms.create(), page: 0 }, true),
            FileMap::Zero => (Backing::Anon, true),
        }
    };
    let grows_down = flags.contains(MapFlags::MAP_GROWSDOWN) && !shared;
    let Some(end) = addr.checked_add(len) else {
        kernel.put_backing(backing);
        return Err(Errno::ENOMEM);
    };
    let vma = Vma { start: addr, end, prot, shared, grows_down, may_write, backing, label: "" };
    let start = kernel.map_area(tid, vma, fixed)?;
    if flags.contains(MapFlags::MAP_POPULATE) {
        // As on Linux, what cannot be brought in now is left to a fault.
        let _ = kernel.user(tid).prefault(start, len, prot.contains(Prot::PROT_WRITE));
    }
    Ok(start)
}

/// A range of whole pages given by a guest: start aligned, length rounded up, no wrap.
fn range(start: u64, len: u64) -> Result<(u64, u64)> {
    if !start.is_multiple_of(PAGE_SIZE) {
        return Err(Errno::EINVAL);
    }
    let len = page_align(len).ok_or(Errno::ENOMEM)?;
    Ok((start, start.checked_add(len).ok_or(Errno::ENOMEM)?))
}

fn munmap(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [start, len, ..] = call.args;
    let mut unmap = || -> Result<()> {
        let (start, end) = range(start, len).map_err(|_| Errno::EINVAL)?;
        if start == end || kernel.mm(tid).is_none_or(|mm| end > mm.task_size) {
            return Err(Errno::EINVAL);
        }
        kernel.unmap(tid, start, end)
    };
    unmap().into()
}

fn mprotect(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [start, len, prot, ..] = call.args;
    let mut protect = || -> Result<()> {
        let (start, end) = range(start, len)?;
        if start == end {
            return Ok(());
        }
        kernel.protect(tid, start, end, prot_of(prot)?)
    };
    protect().into()
}

fn mremap(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [old, old_len, new_len, flags, to, _] = call.args;
    let flags = flags as u32;
    let mut remap = || -> Result<u64> {
        if flags & MREMAP_DONTUNMAP != 0 || flags & !(MREMAP_MAYMOVE | MREMAP_FIXED) != 0 {
            return Err(Errno::EINVAL);
        }
        if flags & MREMAP_FIXED != 0 && flags & MREMAP_MAYMOVE == 0 {
            return Err(Errno::EINVAL);
        }
        let (old, old_end) = range(old, old_len).map_err(|_| Errno::EINVAL)?;
        let new_len = page_align(new_len).filter(|&len| len != 0).ok_or(Errno::EINVAL)?;
        if old_end == old {
            return Err(Errno::EINVAL);
        }
        let to = (flags & MREMAP_FIXED != 0).then_some(to);
        if let Some(to) = to {
            let end = to.checked_add(new_len).ok_or(Errno::EINVAL)?;
            if !to.is_multiple_of(PAGE_SIZE) || (to < old_end && old < end) {
                return Err(Errno::EINVAL);
            }
        }
        kernel.remap(tid, old, old_end - old, new_len, flags & MREMAP_MAYMOVE != 0, to)
    };
    remap().into()
}

fn madvise(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [start, len, advice, ..] = call.args;
    let mut advise = || -> Result<()> {
        let (start, end) = range(start, len).map_err(|_| Errno::EINVAL)?;
        let covered = kernel.mm(tid).is_some_and(|mm| mm.vmas.covers(start, end));
        match advice as u32 {
            MADV_DONTNEED => {
                let id = kernel.tasks[tid].mm.ok_or(Errno::ENOMEM)?;
                if let Some(mm) = kernel.mms.get_mut(id) {
                    mm.keep_peak();
                    mm.space.unmap(&mut kernel.frames, start, end);
                }
            }
            write @ (MADV_POPULATE_READ | MADV_POPULATE_WRITE) => {
                if covered {
                    kernel.user(tid).prefault(start, end - start, write == MADV_POPULATE_WRITE)?;
                }
            }
            MADV_NORMAL | MADV_RANDOM | MADV_SEQUENTIAL | MADV_WILLNEED | MADV_FREE | MADV_MERGEABLE
            | MADV_UNMERGEABLE | MADV_HUGEPAGE | MADV_NOHUGEPAGE | MADV_DONTDUMP | MADV_DODUMP | MADV_COLD
            | MADV_PAGEOUT | MADV_COLLAPSE | MADV_DOFORK | MADV_KEEPONFORK => {}
            _ => return Err(Errno::EINVAL),
        }
        if covered { Ok(()) } else { Err(Errno::ENOMEM) }
    };
    advise().into()
}

fn msync(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [start, len, flags, ..] = call.args;
    let flags = flags as u32;
    let sync = || -> Result<()> {
        let both = MS_ASYNC | MS_SYNC;
        if flags & !(both | MS_INVALIDATE) != 0 || flags & both == both {
            return Err(Errno::EINVAL);
        }
        let (start, end) = range(start, len)?;
        match kernel.mm(tid).is_some_and(|mm| mm.vmas.covers(start, end)) {
            true => Ok(()),
            false => Err(Errno::ENOMEM),
        }
    };
    sync().into()
}

fn mincore(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [start, len, vec, ..] = call.args;
    let mut look = || -> Result<()> {
        let (start, end) = range(start, len)?;
        let mut at = start;
        while at < end {
            let chunk_end = end.min(at.saturating_add(4096 * PAGE_SIZE));
            let mm = kernel.mm(tid).ok_or(Errno::ENOMEM)?;
            if !mm.vmas.covers(at, chunk_end) {
                return Err(Errno::ENOMEM);
            }
            let pages: Vec<u8> =
                (at..chunk_end).step_by(PAGE_SIZE as usize).map(|page| mm.space.pte(page).is_some().into()).collect();
            kernel.user(tid).write(vec.wrapping_add((at - start) / PAGE_SIZE), &pages)?;
            at = chunk_end;
        }
        Ok(())
    };
    look().into()
}

fn mlock(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [start, len, ..] = call.args;
    let start = start & !(PAGE_SIZE - 1);
    match page_align(len.saturating_add(call.args[0] - start)).and_then(|len| start.checked_add(len)) {
        Some(end) if kernel.mm(tid).is_some_and(|mm| mm.vmas.covers(start, end)) => Ok(()).into(),
        Some(_) => Errno::ENOMEM.into(),
        None => Errno::EINVAL.into(),
    }
}

fn mlockall(_: &mut Kernel, _: Tid, _: &mut Call) -> Outcome {
    Ok(()).into()
}
