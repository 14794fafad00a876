//! What nine registers hold at one point of a block.
use crate::asm::{Asm, RCX, Rm};
use crate::thunks::{CACHE, PINS, slot};
use ir::{Slot, SlotSet, TEMPS, Ty};

/// The slots in the registers of the cache. Which of them hold one, and what is true of those, are sets of bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Locals {
    slots: [Slot; CACHE.len()],
    used: u16,
    /// Newer than the slot in memory.
    dirty: u16,
}

pub(crate) const EMPTY_CACHE: Locals = Locals { slots: [Slot(0); CACHE.len()], used: 0, dirty: 0 };

/// The slots pinned for an architecture.
pub(crate) type Pinned = [Option<Slot>; PINS];

/// The registers of a set.
pub(crate) fn bits(mut set: u16) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let at = (set != 0).then(|| set.trailing_zeros() as usize)?;
        set &= set - 1;
        Some(at)
    })
}

impl Locals {
    /// The cache as every block finds it and leaves it: pinned slots, and what memory has of them is old.
    pub(crate) fn home(pinned: &Pinned) -> Locals {
        let mut locals = EMPTY_CACHE;
        for (at, s) in pinned.iter().enumerate() {
            if let Some(s) = *s {
                locals.set(at, s, true);
            }
        }
        locals
    }

    /// The registers that `f` says yes to.
    fn which(&self, f: impl Fn(usize) -> bool) -> u16 {
        (0..CACHE.len()).fold(0, |set, at| set | u16::from(f(at)) << at)
    }

    /// The register with a slot.
    pub(crate) fn holder(&self, s: Slot) -> Option<usize> {
        let found = self.used & self.which(|at| self.slots[at] == s);
        (found != 0).then(|| found.trailing_zeros() as usize)
    }

    pub(crate) fn slot(&self, at: usize) -> Slot {
        self.slots[at]
    }

    pub(crate) fn is_dirty(&self, at: usize) -> bool {
        self.dirty & 1 << at != 0
    }

    pub(crate) fn dirty(&self) -> u16 {
        self.dirty
    }

    pub(crate) fn used(&self) -> u16 {
        self.used
    }

    /// Those with temporaries.
    pub(crate) fn temps(&self) -> u16 {
        self.used & self.which(|at| self.slots[at].0 >= TEMPS)
    }

    /// Those of which memory has an older value, though they last beyond the instruction.
    pub(crate) fn unsaved(&self) -> u16 {
        self.used & self.dirty & !self.temps()
    }

    pub(crate) fn set(&mut self, at: usize, s: Slot, dirty: bool) {
        self.slots[at] = s;
        self.used |= 1 << at;
        self.dirty = self.dirty & !(1 << at) | u16::from(dirty) << at;
    }

    /// These are the same in memory.
    pub(crate) fn clean(&mut self, set: u16) {
        self.dirty &= !set;
    }

    /// These hold nothing any more.
    pub(crate) fn drop(&mut self, set: u16) {
        self.used &= !set;
        self.dirty &= !set;
    }

    /// Those with a slot of a set.
    pub(crate) fn of(&self, set: &SlotSet) -> u16 {
        bits(self.used).filter(|&at| set.meets(self.slots[at], 1)).fold(0, |found, at| found | 1 << at)
    }

    /// Those with one of `n` slots from `s`.
    pub(crate) fn range(&self, s: Slot, n: u8) -> u16 {
        self.used & self.which(|at| self.slots[at].0.wrapping_sub(s.0) < n)
    }

    /// Stores registers of a set.
    pub(crate) fn store(&self, asm: &mut Asm, set: u16) {
        bits(set).for_each(|at| asm.store(Ty::I64, slot(self.slots[at]), CACHE[at]));
    }

    /// Stores those slots of a set that only the cache has.
    pub(crate) fn sync(&self, asm: &mut Asm, set: &SlotSet) {
        self.store(asm, self.dirty & self.of(set));
    }

    /// The registers that hold something else than wanted.
    pub(crate) fn differences(&self, wanted: &Locals) -> u16 {
        wanted.used & !(self.used & self.which(|at| self.slots[at] == wanted.slots[at]))
    }

    /// From here to another state. Moves only, which leave the host's flags alone; uses rcx.
    pub(crate) fn change(&self, asm: &mut Asm, wanted: &Locals) {
        let differ = self.differences(wanted);
        let stay = wanted.used & !differ;
        let stores = self.unsaved() & !(stay & wanted.dirty);
        if differ == 0 {
            return self.store(asm, stores);
        }
        let elsewhere = |at: usize| wanted.holder(self.slots[at]).is_some_and(|to| wanted.is_dirty(to));
        bits(stores).filter(|&at| !elsewhere(at)).for_each(|at| self.store(asm, 1 << at));
        // Where the slots of registers that differ are now.
        let mut from: [Option<Rm>; CACHE.len()] = [None; CACHE.len()];
        for at in bits(differ) {
            let s = wanted.slots[at];
            from[at] = Some(self.holder(s).map_or(slot(s).into(), |at| CACHE[at].into()));
        }
        let mut waiting = differ;
        while waiting != 0 {
            let needed = |at: usize| from.contains(&Some(CACHE[at].into()));
            match bits(waiting).find(|&at| !needed(at)) {
                Some(at) => {
                    if let Some(from) = from[at].take() {
                        asm.mov(CACHE[at], from);
                    }
                    waiting &= !(1 << at);
                }
                // All that wait are needed: one makes room.
                None => {
                    let full = CACHE[waiting.trailing_zeros() as usize];
                    asm.mov(RCX, full);
                    from.iter_mut().filter(|m| **m == Some(full.into())).for_each(|m| *m = Some(RCX.into()));
                }
            }
        }
    }
}

impl PartialEq for Locals {
    fn eq(&self, other: &Locals) -> bool {
        (self.used, self.dirty) == (other.used, other.dirty) && self.differences(other) == 0
    }
}
