//! Shared memory segments (ipc/shm.c): objects of frames with an owner, that areas are attached to.
use crate::mm::ShmId;
use crate::namespaces::NsId;
use crate::{Kernel, Tgid};
use abi::SHM_DEST;
use mmu::PAGE_SIZE;
use serde::{Deserialize, Serialize};

/// A segment (struct shmid_kernel). It has one use of its object, each area attached another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Segment {
    pub(super) object: ShmId,
    pub(super) size: u64,
    pub(super) atime: i64,
    pub(super) dtime: i64,
    pub(super) ctime: i64,
    /// Who made it, and who last attached or detached it.
    pub(super) cpid: u32,
    pub(super) lpid: u32,
}

impl Segment {
    pub(super) fn pages(&self) -> u64 {
        self.size.div_ceil(PAGE_SIZE)
    }
}

impl Kernel {
    /// Areas that a segment is attached at.
    pub(super) fn shm_nattch(&self, segment: &Segment) -> u64 {
        u64::from(self.mms.shms.users(segment.object).saturating_sub(1))
    }
    /// The process on whose behalf an area comes or goes.
    fn shm_actor(&self) -> Tgid {
        let current = self.tasks.sched.current().and_then(|tid| self.tasks.get(tid));
        current.map_or(crate::INIT, |task| task.tgid)
    }

    /// An area of an object came to be: if that is a segment it was attached (shm_open).
    pub(crate) fn shm_opened(&mut self, object: ShmId) {
        let Some((ns, id)) = self.mms.shms.segment(object) else { return };
        let (now, actor) = (self.ipc_seconds(), self.shm_actor());
        if let Ok((_, segment)) = self.ipc.ns(ns).shms.get_mut(id) {
            (segment.atime, segment.lpid) = (now, actor.0);
        }
    }
    /// One has gone: the segment was detached, and is destroyed if that was the last of a removed one (shm_close).
    pub(crate) fn shm_closed(&mut self, object: ShmId) {
        let Some((ns, id)) = self.mms.shms.segment(object) else { return };
        let (now, actor) = (self.ipc_seconds(), self.shm_actor());
        let alone = self.mms.shms.users(object) <= 1;
        let Ok((perm, segment)) = self.ipc.ns(ns).shms.get_mut(id) else { return };
        (segment.dtime, segment.lpid) = (now, actor.0);
        if alone && perm.mode & SHM_DEST != 0 {
            self.shm_destroy(ns, id);
        }
    }
    /// IPC_RMID: nobody finds it any more; it goes with the last area (do_shm_rmid).
    pub(super) fn shm_rmid(&mut self, ns: NsId, id: i32) {
        let shms = &mut self.ipc.ns(ns).shms;
        let Ok((_, segment)) = shms.get(id) else { return };
        if self.mms.shms.users(segment.object) <= 1 {
            return self.shm_destroy(ns, id);
        }
        shms.make_private(id);
        if let Ok((perm, _)) = shms.get_mut(id) {
            perm.mode |= SHM_DEST;
        }
    }
    fn shm_destroy(&mut self, ns: NsId, id: i32) {
        let Some(segment) = self.ipc.ns(ns).shms.remove(id) else { return };
        self.mms.shms.set_segment(segment.object, None);
        self.mms.shms.put(segment.object, &mut self.frames);
    }
    /// The last user of a namespace is gone: memory that is attached stays with its areas.
    pub(super) fn shm_exit_ns(&mut self, ns: NsId) {
        for id in self.ipc.ns(ns).shms.iter().map(|(perm, _)| perm.id).collect::<Vec<_>>() {
            self.shm_destroy(ns, id);
        }
    }

    /// The name of an attached segment in /proc/PID/maps, and its number.
    pub(crate) fn shm_name(&self, object: ShmId) -> Option<(String, i32)> {
        let (ns, id) = self.mms.shms.segment(object)?;
        let (perm, _) = self.ipc.peek(ns)?.shms.get(id).ok()?;
        Some((format!("/SYSV{:08x} (deleted)", perm.key), id))
    }
}
