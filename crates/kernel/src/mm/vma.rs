//! Areas of an address space (struct vm_area_struct): what is mapped where, apart from what is resident.
use super::ShmId;
use crate::vfs::FileId;
use abi::Prot;
use abi::saved::Name;
use mmu::PAGE_SIZE;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where an area's pages come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Backing {
    /// Zeroed memory of this space alone (copied on fork).
    Anon,
    /// Zeroed memory that forks share; `page` is the object's page at the area's start.
    Shm { id: ShmId, page: u64 },
    /// A file; `page` is the file's page at the area's start. The area holds one use of the file.
    File { file: FileId, page: u64 },
}

impl Backing {
    /// The same, `pages` further on.
    fn advanced(self, pages: u64) -> Backing {
        match self {
            Backing::Anon => Backing::Anon,
            Backing::Shm { id, page } => Backing::Shm { id, page: page.wrapping_add(pages) },
            Backing::File { file, page } => Backing::File { file, page: page.wrapping_add(pages) },
        }
    }
}

/// One area: `start..end`, page-aligned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vma {
    pub start: u64,
    pub end: u64,
    pub prot: Prot,
    pub shared: bool,
    pub grows_down: bool,
    /// What mprotect may not add: a file opened without write access, mapped shared.
    pub may_write: bool,
    pub backing: Backing,
    /// `[heap]`, `[stack]`, `[vdso]`, or nothing.
    #[serde(deserialize_with = "abi::saved::name")]
    pub label: Name,
}

impl Vma {
    pub fn len(&self) -> u64 {
        self.end - self.start
    }
    /// The page of the backing object behind `addr`.
    pub fn page_index(&self, addr: u64) -> u64 {
        let pages = (addr - self.start) / PAGE_SIZE;
        match self.backing {
            Backing::Anon => pages,
            Backing::Shm { page, .. } | Backing::File { page, .. } => page.wrapping_add(pages),
        }
    }
    fn can_merge(&self, next: &Vma) -> bool {
        self.end == next.start
            && self.prot == next.prot
            && self.label == next.label
            && self.backing == Backing::Anon
            && next.backing == Backing::Anon
            && !self.grows_down
            && !next.grows_down
    }
}

/// The areas of a space, by start address; they never overlap.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Vmas(BTreeMap<u64, Vma>);

impl Vmas {
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Vma> {
        self.0.values()
    }
    pub fn len(&self) -> usize {
        self.0.len()
    }
    /// The area that holds `addr`.
    pub fn find(&self, addr: u64) -> Option<&Vma> {
        self.0.range(..=addr).next_back().map(|(_, vma)| vma).filter(|vma| addr < vma.end)
    }
    /// The first area that ends above `addr` (find_vma).
    pub fn find_from(&self, addr: u64) -> Option<&Vma> {
        self.find(addr).or_else(|| self.0.range(addr..).next().map(|(_, vma)| vma))
    }
    /// The areas that touch `start..end`.
    pub fn within(&self, start: u64, end: u64) -> impl Iterator<Item = &Vma> {
        let first = self.find(start).map_or(start, |vma| vma.start);
        self.0.range(first..end.max(first)).map(|(_, vma)| vma)
    }
    /// Whether areas cover all of `start..end`.
    pub fn covers(&self, start: u64, end: u64) -> bool {
        let mut at = start;
        for vma in self.within(start, end) {
            if vma.start > at {
                return false;
            }
            at = vma.end;
        }
        at >= end
    }
    /// The highest free range of `len` bytes in `floor..ceiling`.
    pub fn find_free(&self, floor: u64, ceiling: u64, len: u64) -> Option<u64> {
        let mut top = ceiling;
        for vma in self.0.range(..ceiling).rev().map(|(_, vma)| vma) {
            if vma.end <= top && top - vma.end >= len {
                break;
            }
            top = top.min(vma.start);
        }
        top.checked_sub(len).filter(|&start| start >= floor)
    }
    /// Adds an area to a free range, merged with anonymous neighbours of the same kind.
    pub fn insert(&mut self, mut vma: Vma) {
        if let Some(before) = self.0.range(..vma.start).next_back().map(|(_, v)| v).filter(|v| v.can_merge(&vma)) {
            vma.start = before.start;
        }
        if let Some(after) = self.0.get(&vma.end).filter(|v| vma.can_merge(v)) {
            let (key, end) = (after.start, after.end);
            self.0.remove(&key);
            vma.end = end;
        }
        self.0.insert(vma.start, vma);
    }
    /// Makes `at` a border between areas; true if it cut one in two (whose file is then held once more).
    fn split(&mut self, at: u64) -> Option<Backing> {
        let vma = self.find(at).filter(|vma| vma.start < at)?;
        let mut upper = vma.clone();
        upper.backing = vma.backing.advanced((at - vma.start) / PAGE_SIZE);
        upper.start = at;
        let (key, backing) = (vma.start, vma.backing);
        self.0.get_mut(&key).expect("just found").end = at;
        self.0.insert(at, upper);
        Some(backing)
    }
    /// Takes out what lies in `start..end`, cut at its borders. `on_split` hears of each area that came to be by a cut.
    pub fn remove(&mut self, start: u64, end: u64, mut on_split: impl FnMut(Backing)) -> Vec<Vma> {
        for at in [start, end] {
            if let Some(backing) = self.split(at) {
                on_split(backing);
            }
        }
        let keys: Vec<u64> = self.0.range(start..end).map(|(&key, _)| key).collect();
        keys.into_iter().filter_map(|key| self.0.remove(&key)).collect()
    }
    /// Moves the start of the area at `start` down (stack growth) .
    pub fn grow_down(&mut self, start: u64, to: u64) {
        if let Some(mut vma) = self.0.remove(&start) {
            vma.start = to;
            self.0.insert(to, vma);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anon(start: u64, end: u64) -> Vma {
        Vma {
            start,
            end,
            prot: Prot::PROT_READ,
            shared: false,
            grows_down: false,
            may_write: true,
            backing: Backing::Anon,
            label: "",
        }
    }

    #[test]
    fn areas_merge_and_split() {
        let mut vmas = Vmas::default();
        vmas.insert(anon(0x1000, 0x3000));
        vmas.insert(anon(0x5000, 0x6000));
        vmas.insert(anon(0x3000, 0x5000));
        assert_eq!(vmas.iter().cloned().collect::<Vec<_>>(), [anon(0x1000, 0x6000)]);
        let mut cuts = 0;
        assert_eq!(vmas.remove(0x2000, 0x3000, |_| cuts += 1), [anon(0x2000, 0x3000)]);
        assert_eq!((cuts, vmas.len()), (2, 2));
        assert!(vmas.find(0x2fff).is_none() && vmas.find(0x3000).is_some());
        assert!(!vmas.covers(0x1000, 0x4000) && vmas.covers(0x3000, 0x6000));
    }

    #[test]
    fn free_ranges_are_found_from_the_top() {
        let mut vmas = Vmas::default();
        vmas.insert(anon(0x8000, 0x9000));
        assert_eq!(vmas.find_free(0x1000, 0xa000, 0x1000), Some(0x9000));
        assert_eq!(vmas.find_free(0x1000, 0xa000, 0x2000), Some(0x6000));
        assert_eq!(vmas.find_free(0x7000, 0xa000, 0x2000), None);
        assert_eq!(vmas.find_free(0, 0x9000, 0x1000), Some(0x7000));
    }
}
