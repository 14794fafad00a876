//! Memory: address spaces made of areas, faults, and how the kernel itself reaches guest memory.
mod fault;
mod map;
mod remote;
mod shm;
mod user;
mod vma;

pub(crate) use map::{MMAP_MIN_ADDR, page_align};

pub(crate) use fault::FaultOutcome;
pub(crate) use shm::{ShmId, Shms};
pub use user::UserMem;
pub(crate) use vma::{Backing, Vma, Vmas};

use crate::vfs::FileId;
use crate::{Kernel, Tid};
use mmu::AddressSpace;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An address space, shared by CLONE_VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MmId(pub u32);

/// One address space (struct mm_struct).
#[derive(Clone, Serialize, Deserialize)]
pub struct Mm {
    pub space: AddressSpace,
    pub vmas: Vmas,
    /// Tasks that use it.
    pub users: u32,
    /// First address user space cannot map.
    pub task_size: u64,
    /// Free ranges are looked for below it.
    pub mmap_base: u64,
    pub start_brk: u64,
    pub brk: u64,
    pub start_code: u64,
    pub end_code: u64,
    pub start_stack: u64,
    /// Where the argument and environment strings are, for /proc/PID/cmdline and environ.
    pub arg: (u64, u64),
    pub env: (u64, u64),
    pub auxv: Vec<u8>,
    /// The program file; held.
    pub exe: Option<FileId>,
    /// Where the vdso page is; 0 = none.
    pub vdso: u64,
    /// Bytes mapped and resident pages at their most, as of when some of them went (`hiwater_vm`, `hiwater_rss`).
    peak: (u64, u64),
}

/// All address spaces.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Mms {
    table: BTreeMap<MmId, Mm>,
    next: u32,
    pub shms: Shms,
}

impl Mms {
    pub fn get(&self, id: MmId) -> Option<&Mm> {
        self.table.get(&id)
    }
    pub fn get_mut(&mut self, id: MmId) -> Option<&mut Mm> {
        self.table.get_mut(&id)
    }
    /// Takes a new address space in.
    pub fn insert(&mut self, mm: Mm) -> MmId {
        self.next = self.next.wrapping_add(1);
        let id = MmId(self.next);
        self.table.insert(id, mm);
        id
    }
    /// CLONE_VM: one more task uses it.
    pub fn share(&mut self, id: MmId) -> MmId {
        if let Some(mm) = self.table.get_mut(&id) {
            mm.users += 1;
        }
        id
    }
    /// All of them, by number.
    pub fn iter(&self) -> impl Iterator<Item = (MmId, &Mm)> {
        self.table.iter().map(|(&id, mm)| (id, mm))
    }
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (MmId, &mut Mm)> {
        self.table.iter_mut().map(|(&id, mm)| (id, mm))
    }
}

impl Kernel {
    /// The address space of a task; `None` for one that is dead, or a kernel thread.
    pub fn mm(&self, tid: Tid) -> Option<&Mm> {
        self.mms.get(self.tasks.get(tid)?.mm?)
    }
    pub fn mm_mut(&mut self, tid: Tid) -> Option<&mut Mm> {
        self.mms.get_mut(self.tasks.get(tid)?.mm?)
    }

    /// fork: a copy of an address space. Private pages are shared until one side writes.
    pub fn fork_mm(&mut self, id: MmId) -> Option<MmId> {
        let mut space = self.frames.new_space();
        let parent = self.mms.table.get_mut(&id)?;
        for vma in parent.vmas.iter() {
            parent.space.share_into(&mut self.frames, &mut space, vma.start, vma.end, !vma.shared);
        }
        let child =
            Mm { space, users: 1, auxv: parent.auxv.clone(), vmas: parent.vmas.clone(), ..parent.clone_facts() };
        for vma in child.vmas.iter() {
            self.hold_backing(vma.backing);
        }
        if let Some(exe) = child.exe {
            self.vfs.hold_file(exe);
        }
        Some(self.mms.insert(child))
    }

    /// A task stops using an address space; the last one frees it.
    pub fn drop_mm(&mut self, id: MmId) {
        let Some(mm) = self.mms.table.get_mut(&id) else { return };
        mm.users -= 1;
        if mm.users > 0 {
            return;
        }
        let mut mm = self.mms.table.remove(&id).expect("just found");
        mm.space.clear(&mut self.frames);
        let backings: Vec<Backing> = mm.vmas.iter().map(|vma| vma.backing).collect();
        for backing in backings {
            self.put_backing(backing);
        }
        if let Some(exe) = mm.exe {
            self.put_file(exe);
        }
    }

    /// An area, or half of one, is gone.
    pub(crate) fn put_backing(&mut self, backing: Backing) {
        match backing {
            Backing::Anon => {}
            Backing::Shm { id, .. } => {
                self.mms.shms.put(id, &mut self.frames);
                self.shm_closed(id);
            }
            Backing::File { file, .. } => self.put_file(file),
        }
    }

    /// A second area of the same backing came to be.
    pub(crate) fn hold_backing(&mut self, backing: Backing) {
        match backing {
            Backing::Anon => {}
            Backing::Shm { id, .. } => {
                self.mms.shms.hold(id);
                self.shm_opened(id);
            }
            Backing::File { file, .. } => self.vfs.hold_file(file),
        }
    }
}

impl Mm {
    /// An empty address space below `task_size`.
    pub fn new(space: AddressSpace, task_size: u64) -> Mm {
        Mm {
            space,
            vmas: Vmas::default(),
            users: 1,
            task_size,
            mmap_base: task_size,
            start_brk: 0,
            brk: 0,
            start_code: 0,
            end_code: 0,
            start_stack: 0,
            arg: (0, 0),
            env: (0, 0),
            auxv: Vec::new(),
            exe: None,
            vdso: 0,
            peak: (0, 0),
        }
    }

    /// The numbers of another, with an empty space and no areas.
    fn clone_facts(&self) -> Mm {
        Mm { space: self.space.clone(), vmas: Vmas::default(), auxv: Vec::new(), peak: (0, 0), ..*self }
    }

    /// Bytes mapped, resident pages: /proc/PID/statm.
    pub fn size(&self) -> (u64, u64) {
        (self.vmas.iter().map(Vma::len).sum(), self.space.resident() as u64)
    }

    /// The same, at their most.
    pub fn peak(&self) -> (u64, u64) {
        let (bytes, pages) = self.size();
        (self.peak.0.max(bytes), self.peak.1.max(pages))
    }

    /// Some of it is about to go (`update_hiwater_vm`).
    pub(crate) fn keep_peak(&mut self) {
        self.peak = self.peak();
    }
}
impl Mms {
    /// Takes an address space out, uses and all (one being built for execve).
    pub(crate) fn take(&mut self, id: MmId) -> Option<Mm> {
        self.table.remove(&id)
    }
}
