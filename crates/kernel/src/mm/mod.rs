//! Memory: address spaces made of areas, faults, and how the kernel itself reaches guest memory.
mod user;

pub use user::UserMem;

use mmu::AddressSpace;
use std::collections::BTreeMap;

/// An address space, shared by CLONE_VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MmId(pub u32);

/// One address space.
#[derive(Clone)]
pub struct Mm {
    pub space: AddressSpace,
}

/// All address spaces.
#[derive(Clone, Default)]
pub struct Mms {
    table: BTreeMap<MmId, Mm>,
}

impl Mms {
    pub fn get(&self, id: MmId) -> Option<&Mm> {
        self.table.get(&id)
    }
}
