//! semget(2), semop(2), semctl(2).
use super::sem::{Operations, Sem, SemArray, do_semtimedop};
use super::{Found, Perm};
use crate::syscall::{Call, Outcome, Progress, Row, finish, full};
use crate::{Kernel, Result, Tid};
use abi::*;

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::Semget, |k, t, c| semget(k, t, c).into()),
    full(Sysno::Semop, |k, t, c| finish(semop(k, t, c, 0))),
    full(Sysno::Semtimedop, |k, t, c| { let timeout = c.args[3]; finish(semop(k, t, c, timeout)) }),
    full(Sysno::Semctl, |k, t, c| semctl(k, t, c).into()),
];

/// sizeof(struct sem): a set that does not fit into memory is ENOMEM, whatever kernel.sem allows.
const SEM_SIZE: u64 = 64;

fn semget(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<u64> {
    let (key, nsems, flags) = (call.args[0] as i32, call.args[1] as i32, call.args[2] as u32);
    let (now, memory) = (kernel.ipc_seconds(), kernel.config.memory);
    let cred = kernel.tasks[tid].cred.clone();
    let ns = kernel.ipc_of(tid);
    let [semmsl, semmns, _, semmni] = ns.sem;
    let nsems = u32::try_from(nsems).ok().filter(|&nsems| nsems <= semmsl).ok_or(Errno::EINVAL)?;
    let fits = |set: &SemArray| if nsems as usize > set.sems.len() { Err(Errno::EINVAL) } else { Ok(()) };
    if let Found::Existing(id) = ns.sems.find(key, flags, &cred, fits)? {
        return Ok(id as u64);
    }
    if nsems == 0 {
        return Err(Errno::EINVAL);
    }
    if u64::from(nsems) * SEM_SIZE > memory {
        return Err(Errno::ENOMEM);
    }
    if ns.used_sems() + u64::from(nsems) > semmns.into() {
        return Err(Errno::ENOSPC);
    }
    let set = SemArray::new(nsems as usize, now);
    Ok(ns.sems.insert(Perm::new(key, flags, &cred), set, semmni)? as u64)
}

fn semop(kernel: &mut Kernel, tid: Tid, call: &mut Call, timeout: u64) -> Result<Outcome> {
    let (array, count) = (call.args[1], call.args[2] as u32);
    if call.progress != Progress::None {
        let deadline = if let Progress::State(_, deadline) = call.progress { deadline } else { None };
        return Ok(do_semtimedop(kernel, tid, call, Operations { ops: Vec::new(), deadline }));
    }
    let mut wait = None;
    if timeout != 0 {
        let mut raw = [0; 16];
        kernel.user(tid).read(timeout, &mut raw)?;
        wait = Some(Timespec::decode_64(&raw));
    }
    if count > kernel.ipc_of(tid).sem[2] {
        return Err(Errno::E2BIG);
    }
    if count == 0 {
        return Err(Errno::EINVAL);
    }
    if count as u64 * Sembuf::SIZE as u64 > kernel.config.memory {
        return Err(Errno::ENOMEM);
    }
    let mut raw = vec![0; count as usize * Sembuf::SIZE];
    kernel.user(tid).read(array, &mut raw)?;
    let ops = raw.as_chunks::<{ Sembuf::SIZE }>().0.iter().map(Sembuf::decode).collect();
    let wait = wait.map(|time| time.to_ns().ok_or(Errno::EINVAL)).transpose()?;
    let deadline = wait.map(|ns| kernel.clock.now.saturating_add(ns));
    Ok(do_semtimedop(kernel, tid, call, Operations { ops, deadline }))
}

impl super::IpcNamespace {
    /// Semaphores of all sets.
    fn used_sems(&self) -> u64 {
        self.sems.iter().map(|(_, set)| set.sems.len() as u64).sum()
    }
}

fn semctl(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<u64> {
    let (semid, num, cmd, arg) = (call.args[0] as i32, call.args[1] as i32, call.args[2] as u32, call.args[3]);
    if semid < 0 {
        return Err(Errno::EINVAL);
    }
    match cmd {
        IPC_INFO | SEM_INFO => info(kernel, tid, cmd, arg),
        IPC_STAT | SEM_STAT | SEM_STAT_ANY => stat(kernel, tid, semid, cmd, arg),
        GETALL | GETVAL | GETPID | GETNCNT | GETZCNT | SETALL => values(kernel, tid, semid, num, cmd, arg),
        SETVAL => set_value(kernel, tid, semid, num, arg as i32),
        IPC_SET => {
            let mut raw = [0; IpcPerm::SIZE_64];
            kernel.user(tid).read(arg, &mut raw)?;
            let (now, cred) = (kernel.ipc_seconds(), kernel.tasks[tid].cred.clone());
            let (perm, set) = kernel.ipc_of(tid).sems.get_mut(semid)?;
            perm.owned_by(&cred)?;
            perm.set(&IpcPerm::decode_64(&raw))?;
            set.ctime = now;
            Ok(0)
        }
        IPC_RMID => {
            let ns = kernel.ipc_ns_of(tid);
            kernel.ipc.ns(ns).sems.get(semid)?.0.owned_by(&kernel.tasks[tid].cred)?;
            kernel.sem_remove(ns, semid);
            Ok(0)
        }
        _ => Err(Errno::EINVAL),
    }
}

fn info(kernel: &mut Kernel, tid: Tid, cmd: u32, arg: u64) -> Result<u64> {
    /// semusz: what nobody has counted by since 2.4.
    const SEMUSZ: i32 = 20;
    let ns = kernel.ipc_of(tid);
    let [semmsl, semmns, semopm, semmni] = ns.sem.map(|limit| limit as i32);
    let (usz, aem) = match cmd {
        SEM_INFO => (ns.sems.len() as i32, ns.used_sems() as i32),
        _ => (SEMUSZ, SEMAEM),
    };
    let highest = ns.sems.highest();
    let words = [semmns, semmni, semmns, semmns, semmsl, semopm, semopm, usz, SEMVMX, aem];
    kernel.user(tid).write(arg, &encode_seminfo(words))?;
    Ok(highest.into())
}

fn stat(kernel: &mut Kernel, tid: Tid, semid: i32, cmd: u32, arg: u64) -> Result<u64> {
    let cred = kernel.tasks[tid].cred.clone();
    let sems = &kernel.ipc_of(tid).sems;
    let (perm, set) = if cmd == IPC_STAT { sems.get(semid)? } else { sems.in_slot(semid)? };
    if cmd != SEM_STAT_ANY {
        perm.check(&cred, 0o444)?;
    }
    let ds = SemidDs { perm: perm.abi(), otime: set.otime, ctime: set.ctime, nsems: set.sems.len() as u64 };
    let result = if cmd == IPC_STAT { 0 } else { perm.id as u64 };
    let raw = match kernel.tasks[tid].arch().abi.pads_semid_ds() {
        true => ds.encode_x86_64().to_vec(),
        false => ds.encode_64().to_vec(),
    };
    kernel.user(tid).write(arg, &raw)?;
    Ok(result)
}

/// The commands that read one semaphore or all, and SETALL (semctl_main).
fn values(kernel: &mut Kernel, tid: Tid, semid: i32, num: i32, cmd: u32, arg: u64) -> Result<u64> {
    let cred = kernel.tasks[tid].cred.clone();
    let (perm, set) = kernel.ipc_of(tid).sems.get(semid)?;
    perm.check(&cred, if cmd == SETALL { 0o222 } else { 0o444 })?;
    let nsems = set.sems.len();
    match cmd {
        GETALL => {
            let raw: Vec<u8> = set.sems.iter().flat_map(|sem| (sem.value as u16).to_le_bytes()).collect();
            kernel.user(tid).write(arg, &raw)?;
            return Ok(0);
        }
        SETALL => {
            let mut raw = vec![0; nsems * 2];
            kernel.user(tid).read(arg, &mut raw)?;
            let new: Vec<i32> = raw.as_chunks::<2>().0.iter().map(|&raw| u16::from_le_bytes(raw).into()).collect();
            if new.iter().any(|&value| value > SEMVMX) {
                return Err(Errno::ERANGE);
            }
            store(kernel, tid, semid, 0, &new)?;
            return Ok(0);
        }
        _ => {}
    }
    let num = usize::try_from(num).ok().filter(|&num| num < nsems).ok_or(Errno::EINVAL)?;
    let sem = &set.sems[num];
    Ok(match cmd {
        GETVAL => sem.value as u64,
        GETPID => {
            let pid = Tid(sem.pid);
            kernel.pid_vnr(tid, pid).into()
        }
        GETNCNT => set.waiting(num, false),
        _ => set.waiting(num, true),
    })
}

fn set_value(kernel: &mut Kernel, tid: Tid, semid: i32, num: i32, value: i32) -> Result<u64> {
    if !(0..=SEMVMX).contains(&value) {
        return Err(Errno::ERANGE);
    }
    let cred = kernel.tasks[tid].cred.clone();
    let (perm, set) = kernel.ipc_of(tid).sems.get(semid)?;
    let num = usize::try_from(num).ok().filter(|&num| num < set.sems.len()).ok_or(Errno::EINVAL)?;
    perm.check(&cred, 0o222)?;
    store(kernel, tid, semid, num, &[value])?;
    Ok(0)
}

/// Sets values from semaphore `first` on; adjustments for them are forgotten, and who waits is looked at.
fn store(kernel: &mut Kernel, tid: Tid, semid: i32, first: usize, new: &[i32]) -> Result<()> {
    let (now, ns, pid) = (kernel.ipc_seconds(), kernel.ipc_ns_of(tid), kernel.tasks[tid].tgid.0);
    kernel.ipc.undo.clear((ns, semid), first..first + new.len());
    let (_, set) = kernel.ipc.ns(ns).sems.get_mut(semid)?;
    for (sem, &value) in set.sems.iter_mut().skip(first).zip(new) {
        *sem = Sem { value, pid };
    }
    set.ctime = now;
    kernel.sem_changed(ns, semid, false);
    Ok(())
}
