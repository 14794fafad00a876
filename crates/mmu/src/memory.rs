//! Memory as a running CPU sees it: one space and the pool, with the view as fast path and the page table behind it.
use crate::view::Tables;
use crate::{Access, AddressSpace, Fault, FrameId, FramePool, PAGE_SHIFT, PAGE_SIZE, VIEW_ADDRESS_BITS, WINDOW_GUARD};

/// Why an access did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    Fault(Fault),
    /// A store to a frame that holds translated code, while [`Memory::allow_code_writes`] is off. Nothing was stored.
    CodeWrite,
}

/// The memory of one task while it runs.
pub struct Memory<'a> {
    space: &'a mut AddressSpace,
    pool: &'a mut FramePool,
    tables: Option<Tables>,
    /// Whose exclusive monitor this task's is.
    owner: u64,
    /// Address bits that translation looks at.
    mask: u64,
    allow_code_writes: bool,
    require_alignment: bool,
}

impl<'a> Memory<'a> {
    /// `mask`: the address bits the ISA looks at.
    pub fn new(space: &'a mut AddressSpace, pool: &'a mut FramePool, owner: u64, mask: u64) -> Memory<'a> {
        pool.run(owner);
        let tables = pool.views.of(space.id());
        Memory { space, pool, tables, owner, mask, allow_code_writes: false, require_alignment: false }
    }

    pub fn has_view(&self) -> bool {
        self.tables.is_some()
    }

    /// For compiled code: the address of the addend for a store to page 0, see [`crate::VIEW_PAGES`]. Valid while this
    /// `Memory` is.
    pub fn view_table(&self) -> Option<*const u64> {
        self.tables.as_ref().map(Tables::middle)
    }

    /// Whether the space has a window, as it does once it has run for `price` instructions, unless it changes too often.
    /// What is said here holds while this `Memory` does, if it is not asked again.
    pub fn decide_window(&mut self, price: u64) -> bool {
        self.tables.is_some_and(|tables| self.pool.views.decide(tables.index, price))
    }

    /// For compiled code: what to add to a guest address below 2^[`crate::VIEW_ADDRESS_BITS`] for the host's, if there is a window. The
    /// host refuses accesses to pages that are not there now.
    pub fn window(&self) -> Option<u64> {
        Some(self.pool.views.window(self.tables?.index)?.base())
    }

    /// The space has run so many instructions.
    pub fn has_run(&mut self, instructions: u64) {
        if let Some(tables) = self.tables {
            self.pool.views.has_run(tables.index, instructions);
        }
    }

    pub fn space(&self) -> &AddressSpace {
        self.space
    }

    pub fn pool(&mut self) -> &mut FramePool {
        self.pool
    }

    /// Whether stores to code frames go ahead (and are announced), for one instruction that is known to make one.
    pub fn allow_code_writes(&mut self, allow: bool) {
        self.allow_code_writes = allow;
    }

    /// Whether the engine is to refuse misaligned accesses; nothing here looks.
    pub fn require_alignment(&mut self, require: bool) {
        self.require_alignment = require;
    }
    pub fn requires_alignment(&self) -> bool {
        self.require_alignment
    }

    #[inline(always)]
    pub fn load<const N: usize>(&mut self, addr: u64) -> Result<[u8; N], Stop> {
        if let Some(tables) = &self.tables
            && let Some(bytes) = tables.load(addr)
        {
            return Ok(bytes);
        }
        self.load_slow(addr)
    }

    #[inline(always)]
    pub fn store<const N: usize>(&mut self, addr: u64, data: [u8; N]) -> Result<(), Stop> {
        if let Some(tables) = &self.tables
            && tables.store(addr, data)
        {
            return Ok(());
        }
        self.write(addr, &data)
    }

    #[cold]
    #[inline(never)]
    fn load_slow<const N: usize>(&mut self, addr: u64) -> Result<[u8; N], Stop> {
        let mut buf = [0; N];
        self.read(addr, &mut buf)?;
        Ok(buf)
    }

    /// Reads any number of bytes; faults at the first page that refuses.
    pub fn read(&mut self, addr: u64, buf: &mut [u8]) -> Result<(), Stop> {
        let mut done = 0;
        while done < buf.len() {
            let at = addr.wrapping_add(done as u64) & self.mask;
            let (frame, offset, len) = self.part(at, buf.len() - done, Access::Read, addr.wrapping_add(done as u64))?;
            if let Some(tables) = &self.tables {
                let host = self.pool.read_address(frame);
                // A window had best get the page as it will be at once.
                let writes = self.pool.views.window(tables.index).is_some()
                    && self.space.translate(at, Access::Write).is_ok()
                    && self.pool.unannounced_address(frame).is_some();
                let write = if writes { self.pool.write_address(frame) } else { None };
                self.pool.views.fill(tables.index, at >> PAGE_SHIFT, frame, Some(host), write);
            }
            buf[done..done + len].copy_from_slice(&self.pool.bytes(frame)[offset..offset + len]);
            done += len;
        }
        Ok(())
    }

    /// Writes any number of bytes, all or none: every page is checked before the first is written.
    #[cold]
    #[inline(never)]
    pub fn write(&mut self, addr: u64, data: &[u8]) -> Result<(), Stop> {
        self.probe_write(addr, data.len())?;
        let mut done = 0;
        while done < data.len() {
            let at = addr.wrapping_add(done as u64) & self.mask;
            let (frame, offset, len) = self.part(at, data.len() - done, Access::Write, at)?;
            self.pool.write(frame, offset, &data[done..done + len], Some(self.owner));
            // What a view lets be written it lets be read: compiled code looks a page up once for both.
            if let Some(tables) = &self.tables
                && self.space.translate(at, Access::Read).is_ok()
                && let Some(host) = self.pool.write_address(frame)
            {
                self.pool.views.fill(tables.index, at >> PAGE_SHIFT, frame, None, Some(host));
            }
            done += len;
        }
        Ok(())
    }

    /// Fails as a write of `len` bytes would, and changes nothing.
    pub fn probe_write(&mut self, addr: u64, len: usize) -> Result<(), Stop> {
        let mut done = 0;
        while done < len {
            let at = addr.wrapping_add(done as u64) & self.mask;
            let (frame, _, part) = self.part(at, len - done, Access::Write, addr.wrapping_add(done as u64))?;
            if !self.allow_code_writes && self.pool.is_code(frame) {
                return Err(Stop::CodeWrite);
            }
            done += part;
        }
        Ok(())
    }

    /// The part of an access that lies in the page of `at`: frame, offset, length. Faults name `addr`.
    fn part(&self, at: u64, len: usize, access: Access, addr: u64) -> Result<(FrameId, usize, usize), Stop> {
        let frame = self.space.translate(at, access).map_err(|_| Stop::Fault(Fault { addr, access }))?;
        let offset = (at % PAGE_SIZE) as usize;
        Ok((frame, offset, len.min(PAGE_SIZE as usize - offset)))
    }

    /// What can be fetched at `pc`: the frame of its first byte, and bytes up to the buffer's length or the first page that
    /// cannot be executed.
    pub fn fetch(&mut self, pc: u64, buf: &mut [u8]) -> Result<(FrameId, usize), Fault> {
        let first = self.space.translate(pc, Access::Execute)?;
        let mut done = 0;
        while done < buf.len() {
            let at = pc.wrapping_add(done as u64);
            let Ok((frame, offset, len)) = self.part(at, buf.len() - done, Access::Execute, at) else { break };
            buf[done..done + len].copy_from_slice(&self.pool.bytes(frame)[offset..offset + len]);
            done += len;
        }
        Ok((first, done))
    }

    /// Where on the host the bytes of an access are, by the page table alone: `None` unless they are all in one page that permits it,
    /// and, for a write, unless nobody needs to hear of it. A view may say nothing else.
    pub fn host_address(&self, addr: u64, len: usize, access: Access) -> Option<u64> {
        let (frame, offset, part) = self.part(addr & self.mask, len, access, addr).ok()?;
        let page = match access {
            Access::Write => self.pool.unannounced_address(frame)?,
            Access::Read | Access::Execute => self.pool.read_address(frame),
        };
        (part == len).then(|| page + offset as u64)
    }

    /// Whether an access through the window stays in it and what is free around it, and all it can reach is what the page table has
    /// there.
    pub fn window_agrees(&self, addr: u64, len: usize, access: Access) -> bool {
        let window = self.tables.and_then(|tables| self.pool.views.window(tables.index));
        let shown = |page: u64| window?.page(page).filter(|&(_, writable)| writable || access == Access::Read);
        let around = -(WINDOW_GUARD as i64)..(1 << VIEW_ADDRESS_BITS) + WINDOW_GUARD as i64;
        if !around.contains(&(addr as i64)) || !around.contains(&((addr as i64).wrapping_add(len as i64 - 1))) {
            return false;
        }
        let mut pages = addr >> PAGE_SHIFT..=addr.wrapping_add(len as u64 - 1) >> PAGE_SHIFT;
        pages.all(|page| {
            shown(page).is_none_or(|(host, _)| self.host_address(page << PAGE_SHIFT, 1, access) == Some(host))
        })
    }

    /// Arms this task's exclusive monitor at `addr`, a readable address.
    pub fn monitor(&mut self, addr: u64) {
        let at = addr & self.mask;
        if let Some(pte) = self.space.pte(at) {
            self.pool.monitor(pte.frame, (at % PAGE_SIZE) as usize, self.owner);
        }
    }

    /// Disarms it; true if it still covered `addr`.
    pub fn unmonitor(&mut self, addr: u64) -> bool {
        let at = addr & self.mask;
        match self.space.pte(at) {
            Some(pte) => self.pool.unmonitor(pte.frame, (at % PAGE_SIZE) as usize, self.owner),
            None => {
                self.pool.disarm(self.owner);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Perms, Pte};

    const RW: Perms = Perms { read: true, write: true, execute: false };

    #[test]
    fn accesses_cross_pages_whole_or_not_at_all() {
        let mut pool = FramePool::new(8);
        let mut space = pool.new_space();
        let frame = pool.alloc().unwrap();
        space.map(&mut pool, 0x1000, Pte { frame, perms: RW });
        let mut mem = Memory::new(&mut space, &mut pool, 1, u64::MAX);
        assert_eq!(
            mem.store(0x1ffc, 1u64.to_le_bytes()),
            Err(Stop::Fault(Fault { addr: 0x2000, access: Access::Write }))
        );
        assert_eq!(mem.load::<4>(0x1ffc), Ok([0; 4]));
        mem.store(0x1ff8, 7u64.to_le_bytes()).unwrap();
        assert_eq!(mem.load(0x1ff8).map(u64::from_le_bytes), Ok(7));
    }

    #[test]
    fn unmapping_reaches_the_view() {
        let mut pool = FramePool::new(8);
        let mut space = pool.new_space();
        let frame = pool.alloc().unwrap();
        space.map(&mut pool, 0x1000, Pte { frame, perms: RW });
        Memory::new(&mut space, &mut pool, 1, u64::MAX).store(0x1000, [1]).unwrap();
        space.protect(&mut pool, 0x1000, 0x2000, |p| Perms { write: false, ..p });
        let mut mem = Memory::new(&mut space, &mut pool, 1, u64::MAX);
        assert_eq!(mem.load(0x1000), Ok([1]));
        assert!(mem.store(0x1000, [2]).is_err());
        space.unmap(&mut pool, 0x1000, 0x2000);
        assert!(Memory::new(&mut space, &mut pool, 1, u64::MAX).load::<1>(0x1000).is_err());
        assert_eq!(pool.usage().0, 0);
    }

    #[test]
    fn a_view_may_say_where_bytes_are_and_nothing_else() {
        let mut pool = FramePool::new(8);
        let mut space = pool.new_space();
        let frame = pool.alloc().unwrap();
        space.map(&mut pool, 0x1000, Pte { frame, perms: RW });
        let mut mem = Memory::new(&mut space, &mut pool, 1, u64::MAX);
        let page = mem.pool.read_address(frame);
        assert_eq!(mem.host_address(0x1234, 4, Access::Write), Some(page + 0x234));
        assert_eq!(mem.host_address(0x1ffc, 4, Access::Read), Some(page + 0xffc));
        assert_eq!(mem.host_address(0x1ffd, 4, Access::Read), None, "it crosses");
        assert_eq!(mem.host_address(0x2000, 1, Access::Read), None, "there is nothing");
        mem.monitor(0x1040);
        assert_eq!(mem.host_address(0x1234, 4, Access::Write), Some(page + 0x234), "one's own monitor");
        mem.pool.monitor(frame, 0x40, 2);
        assert_eq!(mem.host_address(0x1234, 4, Access::Write), None, "another's monitor has to hear of it");
        mem.pool.disarm(2);
        mem.pool.mark_code(frame);
        assert_eq!(mem.host_address(0x1234, 4, Access::Write), None, "translations have to hear of it");
        assert_eq!(mem.host_address(0x1234, 4, Access::Read), Some(page + 0x234));
        space.protect(&mut pool, 0x1000, 0x2000, |p| Perms { read: false, ..p });
        assert_eq!(Memory::new(&mut space, &mut pool, 1, u64::MAX).host_address(0x1234, 4, Access::Read), None);
        pool.write(frame, 0, &[1], None);
        let _other = pool.snapshot();
        let mem = Memory::new(&mut space, &mut pool, 1, u64::MAX);
        assert_eq!(mem.host_address(0x1234, 4, Access::Write), None, "another machine has the page, too");
    }

    #[test]
    fn a_window_shows_what_the_view_has_and_no_more() {
        let mut pool = FramePool::new(8);
        let mut space = pool.new_space();
        let frames = [(); 4].map(|()| pool.alloc().unwrap());
        for (frame, addr) in frames.into_iter().zip([0x1000, 0x2000, 0x3000, 0x8000]) {
            space.map(&mut pool, addr, Pte { frame, perms: RW });
        }
        space.protect(&mut pool, 0x2000, 0x3000, |p| Perms { write: false, ..p });
        let shown = |mem: &Memory<'_>| {
            let page = |page| mem.pool.views.window(mem.tables?.index)?.page(page).map(|(_, writable)| writable);
            [1, 2, 3, 8].map(page)
        };
        let mut mem = Memory::new(&mut space, &mut pool, 1, u64::MAX);
        mem.store(0x1000, [1]).unwrap();
        mem.load::<1>(0x2000).unwrap();
        assert!(!mem.decide_window(1) && mem.window().is_none());
        mem.has_run(1);
        assert!(mem.decide_window(1));
        assert_eq!(shown(&mem), [Some(true), Some(false), None, None]);
        mem.load::<1>(0x3000).unwrap();
        mem.store(0x8000, [8]).unwrap();
        assert_eq!(shown(&mem), [Some(true), Some(false), Some(true), Some(true)]);
        for addr in [0x1000, 0x2000, 0x3000, 0x8000] {
            assert!(mem.window_agrees(addr, 8, Access::Write));
        }
        mem.monitor(0x3000);
        assert_eq!(shown(&mem)[2], Some(true), "one's own stores leave one's monitor alone");
        mem.pool().mark_code(frames[3]);
        assert_eq!(shown(&mem)[3], Some(false));
        let mem = Memory::new(&mut space, &mut pool, 2, u64::MAX);
        assert_eq!(shown(&mem)[2], Some(false), "another's do not");
        space.unmap(&mut pool, 0x1000, 0x3000);
        pool.write(frames[2], 0, &[3], None);
        let mut mem = Memory::new(&mut space, &mut pool, 2, u64::MAX);
        assert_eq!(shown(&mem), [None, None, Some(false), Some(false)]);
        mem.write(0x3000, &[4]).unwrap();
        let _other = pool.snapshot();
        let mem = Memory::new(&mut space, &mut pool, 2, u64::MAX);
        assert_eq!((shown(&mem), mem.window()), ([None; 4], None));
    }

    #[test]
    fn a_window_that_changes_too_often_is_closed() {
        let mut pool = FramePool::new(2);
        let mut space = pool.new_space();
        let frame = pool.alloc().unwrap();
        space.map(&mut pool, 0x1000, Pte { frame, perms: RW });
        let mut mem = Memory::new(&mut space, &mut pool, 1, u64::MAX);
        mem.has_run(10);
        assert!(mem.decide_window(10));
        for _ in 0..1000 {
            mem.write(0x1000, &[1]).unwrap();
            mem.pool().mark_code(frame);
            mem.allow_code_writes(true);
        }
        assert!(!mem.decide_window(10));
        mem.has_run(10);
        assert!(!mem.decide_window(10));
        mem.has_run(30);
        assert!(mem.decide_window(10));
    }

    #[test]
    fn stores_to_code_stop_unless_allowed() {
        let mut pool = FramePool::new(8);
        let mut space = pool.new_space();
        let frame = pool.alloc().unwrap();
        space.map(&mut pool, 0x1000, Pte { frame, perms: RW });
        Memory::new(&mut space, &mut pool, 1, u64::MAX).store(0x1000, [1]).unwrap();
        pool.mark_code(frame);
        let mut mem = Memory::new(&mut space, &mut pool, 1, u64::MAX);
        assert_eq!(mem.store(0x1000, [2]), Err(Stop::CodeWrite));
        mem.allow_code_writes(true);
        mem.store(0x1000, [2]).unwrap();
        assert_eq!(pool.take_dirty_code(), [frame]);
    }
}
