//! The page table of an address space: a sparse map from page to frame and permissions, in leaves of 64 entries.
use crate::{Access, Fault, FrameId, FramePool, PAGE_SHIFT, PAGE_SIZE};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a page permits the CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Perms {
    pub read: bool,
    /// False also for a private page that is still shared: its first store copies it.
    pub write: bool,
    pub execute: bool,
}

/// A page table entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pte {
    pub frame: FrameId,
    pub perms: Perms,
}

impl Pte {
    const READ: u64 = 1 << 32;
    const WRITE: u64 = 1 << 33;
    const EXECUTE: u64 = 1 << 34;
    const PRESENT: u64 = 1 << 35;

    fn pack(self) -> u64 {
        let bit = |on: bool, bit: u64| if on { bit } else { 0 };
        let Perms { read, write, execute } = self.perms;
        self.frame.0 as u64
            | Self::PRESENT
            | bit(read, Self::READ)
            | bit(write, Self::WRITE)
            | bit(execute, Self::EXECUTE)
    }

    fn unpack(word: u64) -> Option<Pte> {
        (word & Self::PRESENT != 0).then_some(Pte {
            frame: FrameId(word as u32),
            perms: Perms {
                read: word & Self::READ != 0,
                write: word & Self::WRITE != 0,
                execute: word & Self::EXECUTE != 0,
            },
        })
    }
}

const LEAF: u64 = 64;

/// One address space. Each entry holds one use of its frame.
#[derive(Clone, Serialize, Deserialize)]
pub struct AddressSpace {
    id: u64,
    /// Counts how often a page that could be executed went, or became another; translations looked up before must be looked
    /// up again. A page that can be executed newly changes nothing that was looked up.
    exec_generation: u64,
    #[serde(with = "leaves")]
    leaves: BTreeMap<u64, Box<[u64; LEAF as usize]>>,
    resident: usize,
}

/// The saved form of the leaves: page numbers and their entries.
mod leaves {
    use super::LEAF;
    use serde::{Deserialize, Deserializer, Serializer};
    use std::collections::BTreeMap;

    type Leaves = BTreeMap<u64, Box<[u64; LEAF as usize]>>;

    pub(super) fn serialize<S: Serializer>(leaves: &Leaves, to: S) -> Result<S::Ok, S::Error> {
        let pages = leaves.iter().flat_map(|(&at, leaf)| (at * LEAF..).zip(leaf.iter().copied()));
        to.collect_seq(pages.filter(|&(_, word)| word != 0).collect::<Vec<_>>())
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Leaves, D::Error> {
        let mut leaves = Leaves::new();
        for (page, word) in Vec::<(u64, u64)>::deserialize(from)? {
            let leaf = leaves.entry(page / LEAF).or_insert_with(|| Box::new([0; LEAF as usize]));
            leaf[(page % LEAF) as usize] = word;
        }
        Ok(leaves)
    }
}

impl AddressSpace {
    pub(crate) fn new(id: u64) -> AddressSpace {
        AddressSpace { id, exec_generation: 0, leaves: BTreeMap::new(), resident: 0 }
    }

    /// A number no other space of the machine ever has.
    pub fn id(&self) -> u64 {
        self.id
    }

    pub fn exec_generation(&self) -> u64 {
        self.exec_generation
    }

    /// How many pages are mapped.
    pub fn resident(&self) -> usize {
        self.resident
    }

    /// The entry of the page that holds `addr`.
    pub fn pte(&self, addr: u64) -> Option<Pte> {
        let page = addr >> PAGE_SHIFT;
        Pte::unpack(self.leaves.get(&(page / LEAF))?[(page % LEAF) as usize])
    }

    /// The frame behind `addr` if the page permits `access`.
    pub fn translate(&self, addr: u64, access: Access) -> Result<FrameId, Fault> {
        match self.pte(addr) {
            Some(Pte { frame, perms })
                if match access {
                    Access::Read => perms.read,
                    Access::Write => perms.write,
                    Access::Execute => perms.execute,
                } =>
            {
                Ok(frame)
            }
            _ => Err(Fault { addr, access }),
        }
    }

    /// Maps a page, taking over one use of the frame; what was there is released.
    pub fn map(&mut self, pool: &mut FramePool, addr: u64, pte: Pte) {
        let page = addr >> PAGE_SHIFT;
        let leaf = self.leaves.entry(page / LEAF).or_insert_with(|| Box::new([0; LEAF as usize]));
        let old = std::mem::replace(&mut leaf[(page % LEAF) as usize], pte.pack());
        pool.views.forget_pages(self.id, page, page + 1);
        let old = Pte::unpack(old);
        if old.is_some_and(|p| p.perms.execute) {
            self.exec_generation += 1;
        }
        match old {
            Some(old) => pool.release(old.frame),
            None => self.resident += 1,
        }
    }

    /// Unmaps `start..end`, releasing the frames.
    pub fn unmap(&mut self, pool: &mut FramePool, start: u64, end: u64) {
        self.change(pool, start, end, |pool, pte| {
            pool.release(pte.frame);
            None
        });
    }

    /// Gives every mapped page of `start..end` the permissions `perms` makes of its own.
    pub fn protect(&mut self, pool: &mut FramePool, start: u64, end: u64, perms: impl Fn(Perms) -> Perms) {
        self.change(pool, start, end, |_, pte| Some(Pte { perms: perms(pte.perms), ..pte }));
    }

    /// Rewrites the mapped entries of `start..end`; `None` takes one out (its use of the frame is then the caller's).
    fn change(
        &mut self,
        pool: &mut FramePool,
        start: u64,
        end: u64,
        mut f: impl FnMut(&mut FramePool, Pte) -> Option<Pte>,
    ) {
        let (first, last) = (start >> PAGE_SHIFT, end.div_ceil(PAGE_SIZE));
        if first >= last {
            return;
        }
        pool.views.forget_pages(self.id, first, last);
        let mut emptied = Vec::new();
        for (&at, leaf) in self.leaves.range_mut(first / LEAF..=(last - 1) / LEAF) {
            for slot in 0..LEAF {
                let page = at * LEAF + slot;
                let Some(old) = Pte::unpack(leaf[slot as usize]) else { continue };
                if page < first || page >= last {
                    continue;
                }
                let new = f(pool, old);
                let executes = |p: Pte| p.perms.execute.then_some(p.frame);
                if old.perms.execute && new.and_then(executes) != Some(old.frame) {
                    self.exec_generation += 1;
                }
                if new.is_none() {
                    self.resident -= 1;
                }
                leaf[slot as usize] = new.map_or(0, Pte::pack);
            }
            if leaf.iter().all(|&word| word == 0) {
                emptied.push(at);
            }
        }
        for at in emptied {
            self.leaves.remove(&at);
        }
    }

    /// Copies the entries of `start..end` into `child` (fork). With `cow`, neither side may write them until it has copied.
    pub fn share_into(&mut self, pool: &mut FramePool, child: &mut AddressSpace, start: u64, end: u64, cow: bool) {
        let pages: Vec<(u64, Pte)> = self.mapped(start, end).collect();
        if cow {
            self.protect(pool, start, end, |p| Perms { write: false, ..p });
        }
        for (addr, pte) in pages {
            let perms = Perms { write: pte.perms.write && !cow, ..pte.perms };
            let frame = pool.share(pte.frame);
            child.map(pool, addr, Pte { frame, perms });
        }
    }

    /// Moves the entries of `start..end` to the same offsets from `to` (mremap).
    pub fn move_pages(&mut self, pool: &mut FramePool, start: u64, end: u64, to: u64) {
        let pages: Vec<(u64, Pte)> = self.mapped(start, end).collect();
        self.change(pool, start, end, |_, _| None);
        for (addr, pte) in pages {
            self.map(pool, to.wrapping_add(addr - start), pte);
        }
    }

    /// The mapped pages of `start..end` by address.
    pub fn mapped(&self, start: u64, end: u64) -> impl Iterator<Item = (u64, Pte)> + '_ {
        let (first, last) = (start >> PAGE_SHIFT, end.div_ceil(PAGE_SIZE));
        let leaves = (first < last).then(|| self.leaves.range(first / LEAF..=(last - 1) / LEAF));
        leaves.into_iter().flatten().flat_map(move |(&at, leaf)| {
            (0..LEAF).filter_map(move |slot| {
                let page = at * LEAF + slot;
                let pte = Pte::unpack(leaf[slot as usize])?;
                (page >= first && page < last).then_some((page << PAGE_SHIFT, pte))
            })
        })
    }

    /// Releases everything (exit, execve).
    pub fn clear(&mut self, pool: &mut FramePool) {
        for leaf in std::mem::take(&mut self.leaves).into_values() {
            for pte in leaf.iter().filter_map(|&word| Pte::unpack(word)) {
                pool.release(pte.frame);
            }
        }
        self.resident = 0;
        self.exec_generation += 1;
        pool.views.release(self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_looked_up_to_be_executed_holds_until_it_goes_or_becomes_another() {
        let mut pool = FramePool::new(8);
        let mut space = pool.new_space();
        let perms = |execute| Perms { read: true, write: true, execute };
        let mut generation = space.exec_generation();
        let mut changed =
            |space: &AddressSpace| std::mem::replace(&mut generation, space.exec_generation()) != generation;
        let mut map = |space: &mut AddressSpace, addr, execute| {
            let frame = pool.alloc().unwrap();
            space.map(&mut pool, addr, Pte { frame, perms: perms(execute) });
        };
        map(&mut space, 0x1000, true);
        map(&mut space, 0x2000, false);
        assert!(!changed(&space), "pages where there were none");
        map(&mut space, 0x2000, true);
        assert!(!changed(&space), "a page that could not be executed before");
        map(&mut space, 0x1000, true);
        assert!(changed(&space), "another page");
        map(&mut space, 0x1000, false);
        assert!(changed(&space), "another, and not to be executed");
        space.protect(&mut pool, 0x1000, 0x2000, |_| perms(true));
        assert!(!changed(&space), "executable from now on");
        space.protect(&mut pool, 0x1000, 0x2000, |p| Perms { write: false, ..p });
        assert!(!changed(&space), "it still is");
        space.protect(&mut pool, 0x1000, 0x2000, |_| perms(false));
        assert!(changed(&space), "no more");
        space.unmap(&mut pool, 0x1000, 0x2000);
        assert!(!changed(&space), "it was not");
        space.move_pages(&mut pool, 0x2000, 0x3000, 0x5000);
        assert!(changed(&space), "elsewhere");
        space.unmap(&mut pool, 0x5000, 0x6000);
        assert!(changed(&space), "gone");
    }
}
