//! /proc/sysvipc: one line an object.
use crate::{Kernel, Tid};
use std::fmt::Write as _;

pub(crate) fn proc_sem(kernel: &mut Kernel, tid: Tid) -> Vec<u8> {
    let mut text =
        String::from("       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n");
    for (p, set) in kernel.ipc_of(tid).sems.iter() {
        let _ = write!(text, "{:10} {:10}  {:4o} {:10} ", p.key, p.id, p.mode, set.sems.len());
        let _ = write!(text, "{:5} {:5} {:5} {:5} ", p.uid, p.gid, p.cuid, p.cgid);
        let _ = writeln!(text, "{:10} {:10}", set.otime, set.ctime);
    }
    text.into_bytes()
}

pub(crate) fn proc_msg(kernel: &mut Kernel, tid: Tid) -> Vec<u8> {
    let mut text = String::from("       key      msqid perms      cbytes       qnum lspid lrpid");
    text += "   uid   gid  cuid  cgid      stime      rtime      ctime\n";
    let ns = kernel.ipc_ns_of(tid);
    for (p, queue) in kernel.ipc.peek(ns).into_iter().flat_map(|ns| ns.msgs.iter()) {
        let (lspid, lrpid) = (kernel.pid_vnr(tid, Tid(queue.lspid)), kernel.pid_vnr(tid, Tid(queue.lrpid)));
        let _ = write!(text, "{:10} {:10}  {:4o}  ", p.key, p.id, p.mode);
        let _ = write!(text, "{:10} {:10} {:5} {:5} ", queue.cbytes, queue.messages.len(), lspid, lrpid);
        let _ = write!(text, "{:5} {:5} {:5} {:5} ", p.uid, p.gid, p.cuid, p.cgid);
        let _ = writeln!(text, "{:10} {:10} {:10}", queue.stime, queue.rtime, queue.ctime);
    }
    text.into_bytes()
}

pub(crate) fn proc_shm(kernel: &mut Kernel, tid: Tid) -> Vec<u8> {
    let mut text = String::from("       key      shmid perms                  size  cpid  lpid nattch");
    text += "   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap\n";
    let ns = kernel.ipc_ns_of(tid);
    for (p, segment) in kernel.ipc.peek(ns).into_iter().flat_map(|ns| ns.shms.iter()) {
        let _ = write!(text, "{:10} {:10}  {:4o} {:21} ", p.key, p.id, p.mode, segment.size);
        let (cpid, lpid) = (kernel.pid_vnr(tid, Tid(segment.cpid)), kernel.pid_vnr(tid, Tid(segment.lpid)));
        let _ = write!(text, "{cpid:5} {lpid:5}  {:5} ", kernel.shm_nattch(segment));
        let _ = write!(text, "{:5} {:5} {:5} {:5} ", p.uid, p.gid, p.cuid, p.cgid);
        let rss = kernel.mms.shms.resident(segment.object) * mmu::PAGE_SIZE;
        let (atime, dtime, ctime) = (segment.atime, segment.dtime, segment.ctime);
        let _ = writeln!(text, "{atime:10} {dtime:10} {ctime:10} {rss:21} {:21}", 0);
    }
    text.into_bytes()
}
