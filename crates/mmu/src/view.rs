//! Views: flat tables of one running address space, read on every access by the interpreter and by
//! compiled code.
//!
//! An entry is what to add to a guest address to get the host address of its byte; 0 means "take the slow path". A view is a
//! cache: it is filled by the slow path, and forgets a page or a frame when either changes. Views are few and pooled; a
//! space that wants one takes the least recently used. They are never unmapped, since that costs a hundred times more
//! than undoing the entries that were set. The view of a space that runs long may have a window besides.
#![allow(unsafe_code)]
use crate::window::{Known, Window};
use crate::{FrameId, PAGE_SHIFT};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use std::collections::BTreeSet;
use std::ptr::NonNull;

/// Guest addresses a view covers; accesses beyond take the slow path.
pub const VIEW_ADDRESS_BITS: u32 = 40;
/// How many spaces can have a view at once.
pub const VIEWS: usize = 8;

/// Pages a view covers. Its table has an addend for the loads of each page, and behind those one for the stores of each.
pub const VIEW_PAGES: u64 = 1 << (VIEW_ADDRESS_BITS - PAGE_SHIFT);

/// Where the addends for stores are in a table, seen from those for loads.
const STORES: u64 = VIEW_PAGES;

/// The addends of all pages for loads and then those for stores, reserved whole and touched sparsely.
struct Table(NonNull<u64>);

impl Table {
    const BYTES: usize = 2 * VIEW_PAGES as usize * size_of::<u64>();

    /// `None` if the host does not lend the address space.
    fn reserve() -> Option<Table> {
        let (prot, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE | MapFlags::NORESERVE);
        // SAFETY: a new mapping at an address of the host's choice touches no other memory.
        let start = unsafe { mmap_anonymous(std::ptr::null_mut(), Table::BYTES, prot, flags) };
        NonNull::new(start.ok()?.cast()).map(Table)
    }

    fn get(&self, page: u64) -> u64 {
        debug_assert!(page < 2 * VIEW_PAGES);
        // SAFETY: `page` is inside the table, which callers check.
        unsafe { self.0.add(page as usize).read() }
    }

    fn set(&mut self, page: u64, addend: u64) {
        debug_assert!(page < 2 * VIEW_PAGES);
        // SAFETY: `page` is inside the table, which callers check.
        unsafe { self.0.add(page as usize).write(addend) }
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        // SAFETY: mapped in `reserve` with the same length, and nothing refers to it any more.
        let unmapped = unsafe { munmap(self.0.as_ptr().cast(), Table::BYTES) };
        debug_assert!(unmapped.is_ok());
    }
}

struct View {
    /// The space it shows; 0 = none.
    space: u64,
    last_use: u64,
    table: Table,
    /// What is set, to be undone: by frame and by page.
    by_frame: BTreeSet<(FrameId, u64)>,
    by_page: BTreeSet<(u64, FrameId)>,
    window: Option<Window>,
    /// How many instructions the space has run since the window was opened or closed, and how many times its price the next one has
    /// to wait for.
    ran: u64,
    patience: u64,
}

impl View {
    fn forget(&mut self, page: u64, frame: FrameId) {
        if let Some(window) = &mut self.window {
            window.forget(page, page + 1);
        }
        self.table.set(page, 0);
        self.table.set(STORES + page, 0);
        self.by_frame.remove(&(frame, page));
        self.by_page.remove(&(page, frame));
    }

    fn clear(&mut self) {
        for (page, _) in std::mem::take(&mut self.by_page) {
            self.table.set(page, 0);
            self.table.set(STORES + page, 0);
        }
        self.by_frame.clear();
        (self.space, self.window, self.ran, self.patience) = (0, None, 0, 1);
    }

    /// The page as the table has it.
    fn known(&self, page: u64, frame: FrameId) -> Option<Known> {
        let (load, store) = (self.table.get(page), self.table.get(STORES + page));
        // What can be written can be read, too.
        let addend = if store != 0 { store } else { load };
        let host = addend.wrapping_add(page << PAGE_SHIFT);
        (addend != 0).then_some(Known { page, frame, host, writable: store != 0 })
    }

    /// Puts pages of the table into the window.
    fn show(&mut self, first: u64, last: u64) {
        let Some(mut window) = self.window.take() else { return };
        let pages = self.by_page.range((first, FrameId(0))..(last, FrameId(0)));
        let known = pages.filter_map(|&(page, frame)| self.known(page, frame));
        // SAFETY: entries of the table lead to whole live pages of arenas, and are forgotten, here and there, before those
        // move or go.
        unsafe { window.map(known) };
        self.window = Some(window);
    }

    /// Opens a window if the space has run for `price` instructions, and closes one that does not pay.
    fn decide(&mut self, price: u64) {
        match &self.window {
            Some(window) if !window.pays(self.ran) => {
                // Next time it has to have been worth more.
                (self.window, self.ran, self.patience) = (None, 0, self.patience.saturating_mul(4));
            }
            None if self.ran >= price.saturating_mul(self.patience) => {
                self.window = Window::reserve();
                self.ran = 0;
                self.show(0, VIEW_PAGES);
                self.window.iter_mut().for_each(Window::opened);
            }
            _ => {}
        }
    }
}

/// The views of a machine.
#[derive(Default)]
pub(crate) struct Views {
    views: Vec<View>,
    uses: u64,
}

/// The table of a view, for the accesses of one `Memory`.
#[derive(Clone, Copy)]
pub(crate) struct Tables {
    pub(crate) index: usize,
    table: NonNull<u64>,
}

impl Tables {
    /// Address of the first addend for stores; those for loads are in front of it, [`VIEW_PAGES`] too.
    pub(crate) fn middle(&self) -> *const u64 {
        self.table.as_ptr().wrapping_add(STORES as usize)
    }

    #[inline(always)]
    fn host(&self, first: u64, addr: u64, len: u64) -> Option<*mut u8> {
        let page = addr >> PAGE_SHIFT;
        if page >= VIEW_PAGES || addr & 0xfff > 0x1000 - len {
            return None;
        }
        // SAFETY: `page` is inside the table, and tables live as long as the pool that the caller holds exclusively.
        let addend = unsafe { self.table.add((first + page) as usize).read() };
        (addend != 0).then(|| addr.wrapping_add(addend) as *mut u8)
    }

    /// The `N` bytes at `addr` if the view has them.
    #[inline(always)]
    pub(crate) fn load<const N: usize>(&self, addr: u64) -> Option<[u8; N]> {
        let host = self.host(0, addr, N as u64)?;
        // SAFETY: a non-zero entry maps the whole guest page onto a live frame (views forget frames before they are freed or
        // moved), and the access does not leave the page.
        Some(unsafe { host.cast::<[u8; N]>().read_unaligned() })
    }

    /// Stores at `addr` if the view lets it.
    #[inline(always)]
    pub(crate) fn store<const N: usize>(&self, addr: u64, data: [u8; N]) -> bool {
        let Some(host) = self.host(STORES, addr, N as u64) else { return false };
        // SAFETY: as in `load`; write entries exist only for frames that this machine alone holds, and nothing else
        // borrows frame bytes while a `Memory` holds the pool.
        unsafe { host.cast::<[u8; N]>().write_unaligned(data) };
        true
    }
}

impl Views {
    /// The view of `space`, taking another's away if there are no more.
    pub(crate) fn of(&mut self, space: u64) -> Option<Tables> {
        self.uses += 1;
        let index = match self.views.iter().position(|v| v.space == space) {
            Some(index) => index,
            None => {
                let index = self.vacant()?;
                self.views[index].clear();
                self.views[index].space = space;
                index
            }
        };
        let view = &mut self.views[index];
        view.last_use = self.uses;
        Some(Tables { index, table: view.table.0 })
    }

    fn vacant(&mut self) -> Option<usize> {
        if let Some(free) = self.views.iter().position(|v| v.space == 0) {
            return Some(free);
        }
        if self.views.len() < VIEWS
            && let Some(table) = Table::reserve()
        {
            let (by_frame, by_page) = Default::default();
            let view = View { space: 0, last_use: 0, table, by_frame, by_page, window: None, ran: 0, patience: 1 };
            self.views.push(view);
            return Some(self.views.len() - 1);
        }
        (0..self.views.len()).min_by_key(|&i| self.views[i].last_use)
    }

    /// Enters a page: `read` and `write` are host addresses of its first byte.
    pub(crate) fn fill(&mut self, index: usize, page: u64, frame: FrameId, read: Option<u64>, write: Option<u64>) {
        if page >= VIEW_PAGES {
            return;
        }
        let view = &mut self.views[index];
        if let Some(host) = read {
            view.table.set(page, host.wrapping_sub(page << PAGE_SHIFT));
        }
        if let Some(host) = write {
            view.table.set(STORES + page, host.wrapping_sub(page << PAGE_SHIFT));
        }
        view.by_frame.insert((frame, page));
        view.by_page.insert((page, frame));
        view.show(page, page + 1);
    }

    /// Whether the view has a window from now on; see `View::decide`.
    pub(crate) fn decide(&mut self, index: usize, price: u64) -> bool {
        self.views[index].decide(price);
        self.views[index].window.is_some()
    }

    /// The space of the view has run so many instructions.
    pub(crate) fn has_run(&mut self, index: usize, instructions: u64) {
        let ran = &mut self.views[index].ran;
        *ran = ran.saturating_add(instructions);
    }

    pub(crate) fn window(&self, index: usize) -> Option<&Window> {
        self.views[index].window.as_ref()
    }

    /// Forgets the pages `first..last` of `space`.
    pub(crate) fn forget_pages(&mut self, space: u64, first: u64, last: u64) {
        for view in self.views.iter_mut().filter(|v| v.space == space) {
            // In one call, before each page is forgotten by itself.
            if let Some(window) = &mut view.window {
                window.forget(first, last);
            }
            let set: Vec<_> = view.by_page.range((first, FrameId(0))..(last, FrameId(0))).copied().collect();
            for (page, frame) in set {
                view.forget(page, frame);
            }
        }
    }

    /// Forgets a frame everywhere: it was freed, or its bytes moved.
    pub(crate) fn forget_frame(&mut self, frame: FrameId) {
        for view in &mut self.views {
            let set: Vec<_> = view.by_frame.range((frame, 0)..=(frame, u64::MAX)).copied().collect();
            for (frame, page) in set {
                view.forget(page, frame);
            }
        }
    }

    /// Makes every store to the frame take the slow path.
    pub(crate) fn forget_writes(&mut self, frame: FrameId) {
        for view in &mut self.views {
            for &(_, page) in view.by_frame.range((frame, 0)..=(frame, u64::MAX)) {
                view.table.set(STORES + page, 0);
                if let Some(window) = &mut view.window {
                    window.forget_writes(page);
                }
            }
        }
    }

    /// Frees the view of a space that ends.
    pub(crate) fn release(&mut self, space: u64) {
        if let Some(view) = self.views.iter_mut().find(|v| v.space == space) {
            view.clear();
        }
    }

    pub(crate) fn drop_all(&mut self) {
        self.views.iter_mut().for_each(View::clear);
    }
}
