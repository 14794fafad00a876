//! Semaphore sets and operations on them (ipc/sem.c): all operations of a call happen at once, or none.
use super::UndoId;
use crate::namespaces::NsId;
use crate::syscall::{Call, OnSignal, Outcome, Progress, Sleep};
use crate::{Kernel, Result, Tgid, Tid, WaitKey};
use abi::{Errno, IPC_NOWAIT, SEM_UNDO, SEMAEM, SEMVMX, Sembuf};
use serde::{Deserialize, Serialize};

/// One semaphore.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sem {
    pub(super) value: i32,
    /// The process that last operated on it.
    pub(super) pid: u32,
}

/// A call that sleeps until it can do all of its operations (struct sem_queue).
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Waiter {
    tid: Tid,
    request: Request,
    /// The operation it waits for: GETNCNT and GETZCNT.
    blocking: Sembuf,
}

/// The operations of one call.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Request {
    ops: Vec<Sembuf>,
    tgid: Tgid,
    undo: Option<UndoId>,
}

impl Request {
    /// Whether it changes anything; others wait for zero alone.
    fn alters(&self) -> bool {
        self.ops.iter().any(|op| op.op != 0)
    }
}

/// A set (struct sem_array).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SemArray {
    pub(super) otime: i64,
    pub(super) ctime: i64,
    pub(super) sems: Vec<Sem>,
    /// In the order they came.
    waiters: Vec<Waiter>,
}

/// What an attempt came to.
enum Attempt {
    Done,
    Failed(Errno),
    /// This operation cannot be done now.
    Blocked(Sembuf),
}

impl SemArray {
    pub(super) fn new(nsems: usize, ctime: i64) -> SemArray {
        SemArray { otime: 0, ctime, sems: vec![Sem::default(); nsems], waiters: Vec::new() }
    }
    /// Calls that wait for a semaphore to grow, or to become zero (count_semcnt).
    pub(super) fn waiting(&self, num: usize, for_zero: bool) -> u64 {
        let waits = |w: &&Waiter| usize::from(w.blocking.num) == num && (w.blocking.op == 0) == for_zero;
        self.waiters.iter().filter(waits).count() as u64
    }
    /// `perform_atomic_semop`. `undo`: the adjustments of the caller's list.
    fn attempt(&mut self, request: &Request, undo: Option<&mut Vec<i32>>) -> Attempt {
        let (mut values, mut adjusted) = (self.sems.clone(), undo.as_deref().cloned().unwrap_or_default());
        for op in &request.ops {
            let num = usize::from(op.num);
            let Some(sem) = values.get_mut(num) else { return Attempt::Failed(Errno::EFBIG) };
            let change = i32::from(op.op);
            if change == 0 && sem.value != 0 || sem.value + change < 0 {
                let nowait = u32::from(op.flags) & IPC_NOWAIT != 0;
                return if nowait { Attempt::Failed(Errno::EAGAIN) } else { Attempt::Blocked(*op) };
            }
            if sem.value + change > SEMVMX {
                return Attempt::Failed(Errno::ERANGE);
            }
            if op.flags & SEM_UNDO != 0
                && let Some(adjustment) = adjusted.get_mut(num)
            {
                *adjustment -= change;
                if !(-SEMAEM - 1..=SEMAEM).contains(adjustment) {
                    return Attempt::Failed(Errno::ERANGE);
                }
            }
            *sem = Sem { value: sem.value + change, pid: request.tgid.0 };
        }
        self.sems = values;
        if let Some(undo) = undo {
            *undo = adjusted;
        }
        Attempt::Done
    }
}

/// What semop makes of its arguments, all but the set.
pub(super) struct Operations {
    pub(super) ops: Vec<Sembuf>,
    pub(super) deadline: Option<u64>,
}

/// `__do_semtimedop`. The first time, or again after each wake-up.
pub(super) fn do_semtimedop(kernel: &mut Kernel, tid: Tid, call: &mut Call, operations: Operations) -> Outcome {
    match call.progress {
        Progress::Result(result) => return result.into(),
        Progress::None => {}
        _ => return still_waiting(kernel, tid, call, operations.deadline),
    }
    match begin(kernel, tid, call, operations.ops) {
        Ok(true) => Outcome::Done(Ok(0)),
        Ok(false) => sleep(tid, operations.deadline),
        Err(errno) => errno.into(),
    }
}

fn sleep(tid: Tid, deadline: Option<u64>) -> Outcome {
    Outcome::Sleep(Sleep {
        until: deadline,
        // E08-05: not restarted.
        on_signal: OnSignal::Return(Err(Errno::EINTR)),
        progress: Progress::State(0, deadline),
        ..Sleep::new(WaitKey::IpcDone(tid), "__do_semtimedop")
    })
}

/// Woken by a signal or the end of the time: the operations will not be done.
fn still_waiting(kernel: &mut Kernel, tid: Tid, call: &Call, deadline: Option<u64>) -> Outcome {
    let late = deadline.is_some_and(|deadline| deadline <= kernel.clock.now);
    if late || kernel.signal_pending(tid) {
        let semid = call.args[0] as i32;
        if let Ok((_, set)) = kernel.ipc_of(tid).sems.get_mut(semid) {
            set.waiters.retain(|waiter| waiter.tid != tid);
        }
    }
    if late { Errno::EAGAIN.into() } else { sleep(tid, deadline) }
}

/// Does the operations, or queues them: false.
fn begin(kernel: &mut Kernel, tid: Tid, call: &Call, ops: Vec<Sembuf>) -> Result<bool> {
    let semid = call.args[0] as i32;
    let ns = kernel.ipc_ns_of(tid);
    let wants_undo = ops.iter().any(|op| op.flags & SEM_UNDO != 0);
    let nsems = kernel.ipc.ns(ns).sems.get(semid)?.1.sems.len();
    let undo = wants_undo.then(|| kernel.undo_for(tid, (ns, semid), nsems));
    let request = Request { ops, tgid: kernel.tasks[tid].tgid, undo };
    if request.ops.iter().any(|op| usize::from(op.num) >= nsems) {
        return Err(Errno::EFBIG);
    }
    let perm = *kernel.ipc.ns(ns).sems.get(semid)?.0;
    perm.check(&kernel.tasks[tid].cred, if request.alters() { 0o222 } else { 0o444 })?;
    match kernel.sem_attempt(ns, semid, &request)? {
        Attempt::Failed(errno) => Err(errno),
        Attempt::Done => {
            kernel.sem_changed(ns, semid, true);
            Ok(true)
        }
        Attempt::Blocked(blocking) => {
            kernel.ipc.ns(ns).sems.get_mut(semid)?.1.waiters.push(Waiter { tid, request, blocking });
            Ok(false)
        }
    }
}

impl Kernel {
    fn sem_attempt(&mut self, ns: NsId, semid: i32, request: &Request) -> Result<Attempt> {
        let undo = request.undo;
        // A namespace and the undo lists are apart, so both can be held.
        let super::Ipc { namespaces, undo: lists, .. } = &mut self.ipc;
        let set = namespaces.get_mut(&ns).ok_or(Errno::EINVAL)?.sems.get_mut(semid)?.1;
        let adjustments = undo.and_then(|list| lists.of(list, (ns, semid)));
        Ok(set.attempt(request, adjustments))
    }

    /// Values changed: does what has become possible for those who wait, zero waits first, until nothing is
    /// (do_smart_update). `operated`: the set was operated on.
    pub(super) fn sem_changed(&mut self, ns: NsId, semid: i32, operated: bool) {
        let now = self.ipc_seconds();
        let mut operated = operated;
        let mut at = 0;
        let mut zeroes = true;
        loop {
            let Ok((_, set)) = self.ipc.ns(ns).sems.get(semid) else { return };
            let Some(waiter) = set.waiters.get(at) else {
                match std::mem::take(&mut zeroes) {
                    true => at = 0,
                    false => break,
                }
                continue;
            };
            if waiter.request.alters() == zeroes {
                at += 1;
                continue;
            }
            let waiter = waiter.clone();
            let attempt = self.sem_attempt(ns, semid, &waiter.request);
            let Ok((_, set)) = self.ipc.ns(ns).sems.get_mut(semid) else { return };
            let result = match attempt {
                Ok(Attempt::Blocked(blocking)) => {
                    set.waiters[at].blocking = blocking;
                    at += 1;
                    continue;
                }
                Ok(Attempt::Done) => Ok(0),
                Ok(Attempt::Failed(errno)) | Err(errno) => Err(errno),
            };
            set.waiters.remove(at);
            if result.is_ok() && !zeroes {
                // A change: who waits for zero, and who came earlier, may go on now.
                (at, zeroes) = (0, true);
            }
            operated |= result.is_ok();
            self.ipc_complete(waiter.tid, Progress::Result(result));
        }
        if operated && let Ok((_, set)) = self.ipc.ns(ns).sems.get_mut(semid) {
            set.otime = now;
        }
    }

    /// IPC_RMID: who waits gets EIDRM.
    pub(super) fn sem_remove(&mut self, ns: NsId, semid: i32) {
        let Some(set) = self.ipc.ns(ns).sems.remove(semid) else { return };
        self.ipc.undo.forget_set((ns, semid));
        for waiter in set.waiters {
            self.ipc_complete(waiter.tid, Progress::Result(Err(Errno::EIDRM)));
        }
    }

    /// The end of a process: what its operations with SEM_UNDO have changed is taken back.
    pub(super) fn sem_adjust(&mut self, ns: NsId, semid: i32, adjustments: &[i32], tgid: Tgid) {
        let Ok((_, set)) = self.ipc.ns(ns).sems.get_mut(semid) else { return };
        for (sem, &adjustment) in set.sems.iter_mut().zip(adjustments).filter(|(_, adjustment)| **adjustment != 0) {
            *sem = Sem { value: (sem.value + adjustment).clamp(0, SEMVMX), pid: tgid.0 };
        }
        self.sem_changed(ns, semid, true);
    }
}
