//! Host memory for frames, in chunks of neighbouring pages. Frames with consecutive numbers are neighbours on the host, so
//! that pages a guest touches in turn mostly have the same addend in a view; compiled code counts on that for speed.
#![allow(unsafe_code)]
use super::FrameId;
use crate::PAGE_SIZE;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use std::alloc::{Layout, handle_alloc_error};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

/// The bytes of a frame.
pub(super) type Page = [u8; PAGE_SIZE as usize];

pub(super) static ZEROS: Page = [0; PAGE_SIZE as usize];

/// Pages of a chunk, which is one mapping of the host.
pub(crate) const CHUNK: usize = 512;

/// Memory for as many pages, which the host gives as they are touched. Shared, to be mapped in windows as well.
struct Chunk(NonNull<Page>);

// SAFETY: a page is written only through a `&mut FramePool` (or a `Memory`, which holds one) that alone holds its arena;
// pages of an arena that several machines hold are only read. So no page is touched while another thread writes it.
unsafe impl Send for Chunk {}
// SAFETY: as above.
unsafe impl Sync for Chunk {}

impl Chunk {
    const BYTES: usize = CHUNK * size_of::<Page>();

    fn new() -> Chunk {
        let (prot, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED | MapFlags::NORESERVE);
        // SAFETY: a new mapping at an address of the host's choice touches no other memory.
        let start = unsafe { mmap_anonymous(std::ptr::null_mut(), Chunk::BYTES, prot, flags) };
        let start = start.ok().and_then(|at| NonNull::new(at.cast()));
        Chunk(start.unwrap_or_else(|| handle_alloc_error(Layout::new::<[Page; CHUNK]>())))
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: mapped in `new` with the same length, and nothing refers to it any more.
        let unmapped = unsafe { munmap(self.0.as_ptr().cast(), Chunk::BYTES) };
        debug_assert!(unmapped.is_ok());
    }
}

/// Pages by the number of the frame.
#[derive(Default)]
struct Arena(Vec<Option<Chunk>>);

impl Arena {
    fn page(&self, id: FrameId) -> *mut Page {
        let (chunk, at) = (id.0 as usize / CHUNK, id.0 as usize % CHUNK);
        let chunk = self.0[chunk].as_ref().expect("a frame's chunk is there");
        // SAFETY: inside the chunk, whose length that is.
        unsafe { chunk.0.add(at) }.as_ptr()
    }

    fn make_room(&mut self, id: FrameId) {
        let chunk = id.0 as usize / CHUNK;
        if self.0.len() <= chunk {
            self.0.resize_with(chunk + 1, || None);
        }
        self.0[chunk].get_or_insert_with(Chunk::new);
    }
}

/// Which arena has a frame's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ArenaId(u32);

#[derive(Clone)]
struct Held {
    arena: Arc<Arena>,
    /// How many frames of this machine are in it.
    frames: usize,
}

/// The arenas of a machine. After a snapshot two machines hold the same, and neither writes there while the other does.
#[derive(Clone, Default)]
pub(super) struct Arenas {
    held: Vec<Option<Held>>,
    /// The latest one.
    own: Option<ArenaId>,
}

impl Arenas {
    fn get(&self, at: ArenaId) -> &Held {
        self.held[at.0 as usize].as_ref().expect("arenas are held as long as frames are in them")
    }

    /// Where the bytes are. They stay there until they are given back.
    pub(super) fn page(&self, at: ArenaId, id: FrameId) -> *mut Page {
        self.get(at).arena.page(id)
    }

    /// Whether another machine holds the arena, too.
    pub(super) fn is_shared(&self, at: ArenaId) -> bool {
        let shared = Arc::strong_count(&self.get(at).arena) > 1;
        // What another thread read before it let go has been read by the time we write.
        fence(Ordering::Acquire);
        shared
    }

    pub(super) fn bytes(&self, at: ArenaId, id: FrameId) -> &Page {
        // SAFETY: the frame's own bytes; writing needs `&mut self`, which this borrow excludes, or the arena for oneself.
        unsafe { &*self.page(at, id) }
    }

    /// The bytes of a frame in an arena that no other machine holds.
    pub(super) fn bytes_mut(&mut self, at: ArenaId, id: FrameId) -> &mut Page {
        assert!(!self.is_shared(at), "frame {} is unshared before it is written", id.0);
        // SAFETY: the arena is this machine's alone, and `&mut self` excludes every other reference into it.
        unsafe { &mut *self.page(at, id) }
    }

    /// Takes memory of this machine's own for a frame, with these bytes.
    pub(super) fn take(&mut self, id: FrameId, bytes: &Page) -> ArenaId {
        let own = match self.own {
            Some(own) if !self.is_shared(own) => own,
            _ => self.begin(),
        };
        let held = self.held[own.0 as usize].as_mut().expect("the latest arena is held");
        held.frames += 1;
        let arena = Arc::get_mut(&mut held.arena).expect("nobody else holds it, as was asked above");
        arena.make_room(id);
        // SAFETY: the frame is not in this arena yet, so nothing refers to its place; the arena is this machine's alone.
        unsafe { arena.page(id).copy_from_nonoverlapping(bytes, 1) };
        own
    }

    /// A new arena to be the latest.
    fn begin(&mut self) -> ArenaId {
        if let Some(own) = self.own.take() {
            self.leave_if_empty(own);
        }
        let held = Some(Held { arena: Arc::default(), frames: 0 });
        let at = match self.held.iter().position(Option::is_none) {
            Some(at) => {
                self.held[at] = held;
                at
            }
            None => {
                self.held.push(held);
                self.held.len() - 1
            }
        };
        let own = ArenaId(at as u32);
        self.own = Some(own);
        own
    }

    /// The frame is no longer in that arena.
    pub(super) fn give_back(&mut self, at: ArenaId) {
        if let Some(held) = &mut self.held[at.0 as usize] {
            held.frames -= 1;
        }
        self.leave_if_empty(at);
    }

    fn leave_if_empty(&mut self, at: ArenaId) {
        if self.own != Some(at) && self.get(at).frames == 0 {
            self.held[at.0 as usize] = None;
        }
    }
}
