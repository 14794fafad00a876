//! Windows: host addresses where the pages of one space lie as they do in the guest, so that compiled code can do without a
//! look-up: guest address plus a constant is the host's, and the host's own page tables refuse what the view does not have.
//! A page is there at most while the view has it, and can be written at most while the view lets it be.
//!
//! Every change is a system call. So windows are for spaces that run long and change little: see [`Window::pays`].
#![allow(unsafe_code)]
use crate::frame::CHUNK;
use crate::view::{VIEW_ADDRESS_BITS, VIEW_PAGES, VIEWS};
use crate::{FrameId, PAGE_SIZE};
use rustix::mm::{Advice, MapFlags, MprotectFlags, MremapFlags, ProtFlags};
use rustix::mm::{madvise, mmap_anonymous, mprotect, mremap_fixed, munmap};
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ptr::NonNull;

/// Nothing is ever mapped so far below and above: an address in the window with a displacement, or a small index, stays inside.
pub const WINDOW_GUARD: u64 = 1 << 36;
const GUARD: usize = WINDOW_GUARD as usize;
const BYTES: usize = (1 << VIEW_ADDRESS_BITS) + 2 * GUARD;
const PAGE: usize = PAGE_SIZE as usize;

/// Once it is open, a system call is worth it for so many instructions, and so many are for nothing.
const WORTH: u64 = 100_000;
const GRACE: u64 = 256;
/// Each call may leave two mappings more. So all windows have half of what the host allows a process (65,530, vm.max_map_count).
const MOST_CALLS: u64 = 2048;
const _: () = assert!(2 * MOST_CALLS as usize * VIEWS <= 1 << 15);

/// A page that is mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Page {
    /// Where its frame's bytes are.
    host: u64,
    writable: bool,
}

/// A page as a view has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) page: u64,
    pub(crate) frame: FrameId,
    /// Where its bytes are: a page of an arena.
    pub(crate) host: u64,
    pub(crate) writable: bool,
}

impl Known {
    /// Whether the page behind can be mapped together with this one: arenas are mappings of so many frames.
    fn goes_on_with(&self, next: &Known) -> bool {
        (next.page, next.host, next.writable) == (self.page + 1, self.host + PAGE_SIZE, self.writable)
            && !(next.frame.0 as usize).is_multiple_of(CHUNK)
    }
}

pub(crate) struct Window {
    start: NonNull<u8>,
    pages: BTreeMap<u64, Page>,
    calls: u64,
    /// How many of them opened it.
    opening: u64,
}

impl Window {
    /// `None` if the host does not lend the address space.
    pub(crate) fn reserve() -> Option<Window> {
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a new mapping at an address of the host's choice touches no other memory.
        let start = unsafe { mmap_anonymous(std::ptr::null_mut(), BYTES, ProtFlags::empty(), flags) };
        Some(Window { start: NonNull::new(start.ok()?.cast())?, pages: BTreeMap::new(), calls: 0, opening: 0 })
    }

    /// The host address of guest address 0.
    pub(crate) fn base(&self) -> u64 {
        self.start.as_ptr().addr() as u64 + GUARD as u64
    }

    /// Where a page is.
    fn place(&self, page: u64) -> *mut c_void {
        assert!(page < VIEW_PAGES);
        // SAFETY: inside the reservation, as was just checked.
        unsafe { self.start.add(GUARD + page as usize * PAGE) }.as_ptr().cast()
    }

    /// It shows what there was to show.
    pub(crate) fn opened(&mut self) {
        self.opening = self.calls;
    }

    /// Whether so many instructions since it was opened are worth its system calls.
    pub(crate) fn pays(&self, instructions: u64) -> bool {
        self.calls < MOST_CALLS && self.calls - self.opening <= GRACE + instructions / WORTH
    }

    /// Maps pages, which come in ascending order.
    ///
    /// # Safety
    /// Each `host` is the address of that frame's page in an arena, and stays so until [`Window::forget`].
    pub(crate) unsafe fn map(&mut self, pages: impl IntoIterator<Item = Known>) {
        let mut pages = pages.into_iter().peekable();
        while let Some(first) = pages.next() {
            let (mut last, mut count) = (first, 1);
            while let Some(next) = pages.next_if(|next| last.goes_on_with(next)) {
                (last, count) = (next, count + 1);
            }
            // SAFETY: by the function's contract; all of them are in one chunk.
            unsafe { self.map_run(first, count) };
        }
    }

    /// # Safety
    /// As for `map`: so many neighbouring pages of one chunk, mapped like the first.
    unsafe fn map_run(&mut self, first: Known, count: usize) {
        let wanted = |i: usize| Page { host: first.host + (i * PAGE) as u64, writable: first.writable };
        if (0..count).all(|i| self.pages.get(&(first.page + i as u64)) == Some(&wanted(i))) {
            return;
        }
        let place = self.place(first.page);
        self.place(first.page + count as u64 - 1);
        self.calls += 1;
        // No length: the same shared memory once more (mremap(2)).
        // SAFETY: takes the place of pages of the reservation, which only compiled code looks at, and it does not run now; the
        // source is live by the function's contract.
        let mapped = unsafe {
            let from = std::ptr::with_exposed_provenance_mut(first.host as usize);
            mremap_fixed(from, 0, count * PAGE, MremapFlags::MAYMOVE, place)
        };
        if mapped.is_err() {
            // Whatever is there now, it is not the page.
            return self.take_out(first.page, first.page + count as u64);
        }
        if !first.writable {
            // SAFETY: the pages just mapped.
            if unsafe { mprotect(place, count * PAGE, MprotectFlags::READ) }.is_err() {
                return self.take_out(first.page, first.page + count as u64);
            }
        }
        if count > 1 {
            let all = if first.writable { Advice::LinuxPopulateWrite } else { Advice::LinuxPopulateRead };
            // SAFETY: fills the host's page tables, and changes no byte. Only for speed, so it may fail.
            let _ = unsafe { madvise(place, count * PAGE, all) };
        }
        self.pages.extend((0..count).map(|i| (first.page + i as u64, wanted(i))));
    }

    /// Takes out what there is of the pages `first..last`.
    pub(crate) fn forget(&mut self, first: u64, last: u64) {
        let mut mapped = self.pages.range(first.min(VIEW_PAGES)..last.min(VIEW_PAGES)).map(|(&page, _)| page);
        if let Some(from) = mapped.next() {
            let to = mapped.next_back().unwrap_or(from) + 1;
            self.take_out(from, to);
        }
    }

    fn take_out(&mut self, from: u64, to: u64) {
        let (place, count) = (self.place(from), (to - from) as usize);
        self.calls += 1;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::FIXED;
        // SAFETY: pages of the reservation, which only compiled code looks at, and it does not run now.
        let gone = unsafe { mmap_anonymous(place, count * PAGE, ProtFlags::empty(), flags) };
        assert!(gone.is_ok(), "the host does not take page {from:#x} out of a window: {gone:?}");
        let gone: Vec<u64> = self.pages.range(from..to).map(|(&page, _)| page).collect();
        for page in gone {
            self.pages.remove(&page);
        }
    }

    /// Lets a page only be read from now on.
    pub(crate) fn forget_writes(&mut self, page: u64) {
        if let Some(mapped) = self.pages.get_mut(&page).filter(|mapped| mapped.writable) {
            mapped.writable = false;
            self.calls += 1;
            // SAFETY: a page of the reservation, which only compiled code looks at, and it does not run now.
            let done = unsafe { mprotect(self.place(page), PAGE, MprotectFlags::READ) };
            assert!(done.is_ok(), "the host does not protect page {page:#x} of a window: {done:?}");
        }
    }

    /// Where the bytes of a page are and whether they can be written, if it is there.
    pub(crate) fn page(&self, page: u64) -> Option<(u64, bool)> {
        self.pages.get(&page).map(|mapped| (mapped.host, mapped.writable))
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // SAFETY: mapped in `reserve` with the same length, and no code that uses it runs.
        let unmapped = unsafe { munmap(self.start.as_ptr().cast(), BYTES) };
        debug_assert!(unmapped.is_ok());
    }
}
