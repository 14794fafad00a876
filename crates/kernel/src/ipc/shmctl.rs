//! shmget(2), shmat(2), shmdt(2), shmctl(2).
use super::shm::Segment;
use super::{Found, Perm};
use crate::mm::{Backing, ShmId, Vma, page_align};
use crate::syscall::{Call, Row, full, partial};
use crate::{Kernel, Result, Tid, TraceKind};
use abi::*;
use mmu::PAGE_SIZE;

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    partial(Sysno::Shmget, |k, t, c| shmget(k, t, c).into(), "no huge pages"),
    full(Sysno::Shmat, |k, t, c| shmat(k, t, c).into()),
    full(Sysno::Shmdt, |k, t, c| shmdt(k, t, c.args[0]).into()),
    full(Sysno::Shmctl, |k, t, c| shmctl(k, t, c).into()),
];

fn shmget(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<u64> {
    let (key, size, flags) = (call.args[0] as i32, call.args[1], call.args[2] as u32);
    let (now, memory) = (kernel.ipc_seconds(), kernel.config.memory);
    let (cred, cpid) = (kernel.tasks[tid].cred.clone(), kernel.tasks[tid].tgid.0);
    let ns = kernel.ipc_ns_of(tid);
    let of_ns = kernel.ipc.ns(ns);
    let [shmmax, shmall, shmmni] = of_ns.shm;
    let fits = |segment: &Segment| if size > segment.size { Err(Errno::EINVAL) } else { Ok(()) };
    if let Found::Existing(id) = of_ns.shms.find(key, flags, &cred, fits)? {
        return Ok(id as u64);
    }
    if size == 0 || size > shmmax {
        return Err(Errno::EINVAL);
    }
    let pages = page_align(size).ok_or(Errno::ENOSPC)? / PAGE_SIZE;
    let taken: u64 = of_ns.shms.iter().map(|(_, segment)| segment.pages()).sum();
    if taken.saturating_add(pages) > shmall {
        return Err(Errno::ENOSPC);
    }
    if flags & SHM_HUGETLB != 0 {
        kernel.trace.line(TraceKind::Missing, || format!("[{}] shmget: SHM_HUGETLB: EINVAL", tid.0));
        return Err(Errno::EINVAL);
    }
    // An obvious overcommit is refused outright (vm.overcommit_memory = 0).
    if flags & SHM_NORESERVE == 0 && size > memory {
        return Err(Errno::ENOMEM);
    }
    let object = kernel.mms.shms.create();
    let segment = Segment { object, size, atime: 0, dtime: 0, ctime: now, cpid, lpid: 0 };
    let limit = u32::try_from(shmmni).unwrap_or(u32::MAX);
    let added = kernel.ipc.ns(ns).shms.insert(Perm::new(key, flags, &cred), segment, limit);
    match added {
        Ok(id) => kernel.mms.shms.set_segment(object, Some((ns, id))),
        Err(_) => kernel.mms.shms.put(object, &mut kernel.frames),
    }
    added.map(|id| id as u64)
}

/// `do_shmat`.
fn shmat(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<u64> {
    let (id, mut addr, flags) = (call.args[0] as i32, call.args[1], call.args[2] as u32);
    if id < 0 {
        return Err(Errno::EINVAL);
    }
    let remap = flags & SHM_REMAP != 0;
    if !addr.is_multiple_of(PAGE_SIZE) {
        // SHMLBA is a page on every architecture here.
        addr -= addr % PAGE_SIZE;
        if flags & SHM_RND == 0 || addr == 0 && remap {
            return Err(Errno::EINVAL);
        }
    }
    let fixed = addr != 0;
    if !fixed && remap {
        return Err(Errno::EINVAL);
    }
    let (mut prot, mut access) = match flags & SHM_RDONLY {
        0 => (Prot::PROT_READ | Prot::PROT_WRITE, 0o666),
        _ => (Prot::PROT_READ, 0o444),
    };
    if flags & SHM_EXEC != 0 {
        (prot, access) = (prot | Prot::PROT_EXEC, access | 0o111);
    }
    let cred = kernel.tasks[tid].cred.clone();
    let (perm, segment) = kernel.ipc_of(tid).shms.get(id)?;
    perm.check(&cred, access)?;
    let object = segment.object;
    let len = page_align(segment.size).ok_or(Errno::ENOMEM)?;
    let end = addr.checked_add(len).ok_or(Errno::EINVAL)?;
    if fixed && !remap && kernel.mm(tid).is_some_and(|mm| mm.vmas.within(addr, end).next().is_some()) {
        return Err(Errno::EINVAL);
    }
    let backing = Backing::Shm { id: object, page: 0 };
    kernel.hold_backing(backing);
    let may_write = flags & SHM_RDONLY == 0;
    let vma = Vma { start: addr, end, prot, shared: true, grows_down: false, may_write, backing, label: "" };
    kernel.map_area(tid, vma, fixed)
}

/// Takes out the areas of the attach that begins at `addr`, whole or what is left of it.
fn shmdt(kernel: &mut Kernel, tid: Tid, addr: u64) -> Result<()> {
    if !addr.is_multiple_of(PAGE_SIZE) {
        return Err(Errno::EINVAL);
    }
    let mm = kernel.mm(tid).ok_or(Errno::EINVAL)?;
    let mut attached: Option<(ShmId, u64)> = None;
    let mut areas = Vec::new();
    for vma in mm.vmas.within(addr, mm.task_size) {
        let Backing::Shm { id, page } = vma.backing else { continue };
        // Where the object's first page would be.
        if vma.start.checked_sub(addr) != Some(page.saturating_mul(PAGE_SIZE)) {
            continue;
        }
        let Some((ns, segment)) = kernel.mms.shms.segment(id) else { continue };
        let size = match attached {
            Some((object, size)) if object == id => size,
            Some(_) => continue,
            None => {
                let (_, segment) = kernel.ipc.peek(ns).ok_or(Errno::EINVAL)?.shms.get(segment)?;
                attached = Some((id, segment.size));
                segment.size
            }
        };
        if vma.start - addr < size {
            areas.push((vma.start, vma.end));
        }
    }
    if areas.is_empty() {
        return Err(Errno::EINVAL);
    }
    for (start, end) in areas {
        kernel.unmap(tid, start, end)?;
    }
    Ok(())
}

fn shmctl(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<u64> {
    let (id, cmd, arg) = (call.args[0] as i32, call.args[1] as u32, call.args[2]);
    if id < 0 {
        return Err(Errno::EINVAL);
    }
    let (ns, cred) = (kernel.ipc_ns_of(tid), kernel.tasks[tid].cred.clone());
    match cmd {
        IPC_INFO => {
            let of_ns = kernel.ipc.ns(ns);
            let ([shmmax, shmall, shmmni], highest) = (of_ns.shm, of_ns.shms.highest());
            kernel.user(tid).write(arg, &encode_shminfo([shmmax, 1, shmmni, shmmni, shmall]))?;
            Ok(highest.into())
        }
        SHM_INFO => {
            let shms = &kernel.ipc.ns(ns).shms;
            let (used, highest) = (shms.len() as i32, shms.highest());
            let total = shms.iter().map(|(_, segment)| segment.pages()).sum();
            let resident = shms.iter().map(|(_, segment)| kernel.mms.shms.resident(segment.object)).sum();
            kernel.user(tid).write(arg, &encode_shm_info(used, [total, resident, 0]))?;
            Ok(highest.into())
        }
        IPC_STAT | SHM_STAT | SHM_STAT_ANY => {
            let shms = &kernel.ipc.ns(ns).shms;
            let (perm, segment) = if cmd == IPC_STAT { shms.get(id)? } else { shms.in_slot(id)? };
            if cmd != SHM_STAT_ANY {
                perm.check(&cred, 0o444)?;
            }
            let (perm, segment) = (*perm, segment.clone());
            let mut ds = kernel.shm_abi(&perm, &segment);
            (ds.cpid, ds.lpid) = (kernel.pid_vnr(tid, Tid(ds.cpid)), kernel.pid_vnr(tid, Tid(ds.lpid)));
            let raw = ds.encode_64();
            kernel.user(tid).write(arg, &raw)?;
            Ok(if cmd == IPC_STAT { 0 } else { perm.id as u64 })
        }
        IPC_SET => {
            let mut raw = [0; IpcPerm::SIZE_64];
            kernel.user(tid).read(arg, &mut raw)?;
            let now = kernel.ipc_seconds();
            let (perm, segment) = kernel.ipc.ns(ns).shms.get_mut(id)?;
            perm.owned_by(&cred)?;
            perm.set(&IpcPerm::decode_64(&raw))?;
            segment.ctime = now;
            Ok(0)
        }
        IPC_RMID => {
            kernel.ipc.ns(ns).shms.get(id)?.0.owned_by(&cred)?;
            kernel.shm_rmid(ns, id);
            Ok(0)
        }
        SHM_LOCK | SHM_UNLOCK => {
            let limit = kernel.tasks.group_of(tid).rlimit(RLIMIT_MEMLOCK);
            let (perm, _) = kernel.ipc.ns(ns).shms.get_mut(id)?;
            let owner = cred.euid == perm.uid || cred.euid == perm.cuid;
            if !cred.capable(CAP_IPC_LOCK) && (!owner || cmd == SHM_LOCK && limit == 0) {
                return Err(Errno::EPERM);
            }
            // Nothing is ever paged out; it is noted for IPC_STAT.
            perm.mode = perm.mode & !SHM_LOCKED | if cmd == SHM_LOCK { SHM_LOCKED } else { 0 };
            Ok(0)
        }
        _ => Err(Errno::EINVAL),
    }
}

impl Kernel {
    fn shm_abi(&self, perm: &Perm, segment: &Segment) -> ShmidDs {
        ShmidDs {
            perm: perm.abi(),
            segsz: segment.size,
            atime: segment.atime,
            dtime: segment.dtime,
            ctime: segment.ctime,
            cpid: segment.cpid,
            lpid: segment.lpid,
            nattch: self.shm_nattch(segment),
        }
    }
}
