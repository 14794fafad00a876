//! The software MMU: frames, page tables, translation. Mechanism only; policy is in `kernel::mm`.
//!
//! The page table proper is a sparse map ([`AddressSpace`]): cheap to clone, cheap for sleeping tasks. What the engine reads
//! on every access is a `view` of it, a flat table of addends that exists for running spaces only and can be dropped at will.
//! [`FramePool`] is the only way to write a frame, so that code and monitored frames always hear of it.
mod frame;
mod memory;
mod space;
mod view;
mod window;

pub use frame::{FrameId, FramePool};
pub use memory::{Memory, Stop};
pub use space::{AddressSpace, Perms, Pte};
pub use view::{VIEW_ADDRESS_BITS, VIEW_PAGES, VIEWS};
pub use window::WINDOW_GUARD;

pub const PAGE_SHIFT: u32 = 12;
pub const PAGE_SIZE: u64 = 1 << PAGE_SHIFT;

/// The start of the page that holds `addr`.
pub const fn page_floor(addr: u64) -> u64 {
    addr & !(PAGE_SIZE - 1)
}

/// What an access wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Read,
    Write,
    Execute,
}

/// An access the page table does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub addr: u64,
    pub access: Access,
}
