//! Where slots are while a block is compiled: pinned registers, and a small cache of the others.
use crate::asm::{Asm, RAX, Reg, Rm};
use crate::thunks::{LOCALS, slot};
use ir::{Slot, SlotSet, Ty};

/// What a register of the cache holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Local {
    pub(crate) slot: Option<Slot>,
    /// Newer than the slot in memory.
    pub(crate) dirty: bool,
    last_use: u32,
    /// In use by the operation at hand.
    locked: bool,
}

const FREE: Local = Local { slot: None, dirty: false, last_use: 0, locked: false };

/// The cache at one point of a block.
pub(crate) type Locals = [Local; LOCALS.len()];

pub(crate) const EMPTY_CACHE: Locals = [FREE; LOCALS.len()];

/// For each slot the register it is pinned to.
pub(crate) type Pinned = [Option<Reg>; 256];

#[derive(Clone)]
pub(crate) struct Regs<'a> {
    pinned: &'a Pinned,
    pub(crate) locals: Locals,
    time: u32,
    /// How often each slot is still read in this block.
    uses: [u16; 256],
    /// Temporaries that are constants no register holds yet.
    constants: Vec<(Slot, u64)>,
    /// Temporaries may be read without being named: a helper over the whole machine is still to come in this instruction.
    pub(crate) hold_temps: bool,
}

impl<'a> Regs<'a> {
    pub(crate) fn new(pinned: &'a Pinned) -> Regs<'a> {
        Regs { pinned, locals: EMPTY_CACHE, time: 0, uses: [0; 256], constants: Vec::new(), hold_temps: false }
    }

    pub(crate) fn will_read(&mut self, s: Slot, n: u8) {
        (0..n).for_each(|i| self.uses[s.up(i).0 as usize] += 1);
    }

    pub(crate) fn has_read(&mut self, s: Slot, n: u8) {
        (0..n).for_each(|i| self.uses[s.up(i).0 as usize] -= 1);
    }

    /// How often the slot is read behind the operation at hand.
    pub(crate) fn uses(&self, s: Slot) -> u16 {
        self.uses[s.0 as usize]
    }

    pub(crate) fn pin(&self, s: Slot) -> Option<Reg> {
        self.pinned[s.0 as usize]
    }

    /// The register that holds the slot, if one does.
    pub(crate) fn find(&mut self, s: Slot) -> Option<Reg> {
        if let Some(r) = self.pinned[s.0 as usize] {
            return Some(r);
        }
        let at = self.locals.iter().position(|l| l.slot == Some(s))?;
        self.touch(at);
        Some(LOCALS[at])
    }

    fn touch(&mut self, at: usize) {
        self.time += 1;
        self.locals[at].last_use = self.time;
        self.locals[at].locked = true;
    }

    /// Operands of the operation at hand have been used up: their registers may be taken.
    pub(crate) fn unlock(&mut self) {
        self.locals.iter_mut().for_each(|l| l.locked = false);
    }

    /// A register for `s`, perhaps taken from another slot.
    fn alloc(&mut self, asm: &mut Asm, s: Slot) -> usize {
        let at = match self.locals.iter().position(|l| l.slot.is_none() && !l.locked) {
            Some(at) => at,
            None => {
                let free = (0..LOCALS.len()).filter(|&i| !self.locals[i].locked);
                free.min_by_key(|&i| self.locals[i].last_use).expect("no operation locks all of the cache")
            }
        };
        let old = self.locals[at];
        if let (Some(s), true) = (old.slot, old.dirty) {
            asm.store(Ty::I64, slot(s), LOCALS[at]);
        }
        self.locals[at] = Local { slot: Some(s), dirty: false, ..FREE };
        self.touch(at);
        at
    }

    /// A register that holds the slot's value. Leaves the host's flags alone.
    pub(crate) fn src(&mut self, asm: &mut Asm, s: Slot) -> Reg {
        if let Some(r) = self.find(s) {
            return r;
        }
        let at = self.alloc(asm, s);
        let r = LOCALS[at];
        match self.constants.iter().position(|c| c.0 == s) {
            Some(i) => {
                asm.mov_imm(r, self.constants.swap_remove(i).1);
                self.locals[at].dirty = true;
            }
            None => asm.mov(r, slot(s)),
        }
        r
    }

    /// Notes that a temporary is a constant; it gets a register when it needs one.
    pub(crate) fn set_constant(&mut self, s: Slot, value: u64) {
        self.constants.push((s, value));
    }

    /// The temporary's value, if it is a constant that no register holds yet.
    pub(crate) fn constant(&self, s: Slot) -> Option<u64> {
        self.constants.iter().find(|c| c.0 == s).map(|c| c.1)
    }

    /// The slot's value, in memory if it is neither in a register nor worth one.
    pub(crate) fn operand(&mut self, asm: &mut Asm, s: Slot) -> Rm {
        match self.find(s) {
            Some(r) => r.into(),
            None if self.uses(s) > 0 || self.constant(s).is_some() => self.src(asm, s).into(),
            None => slot(s).into(),
        }
    }

    /// The register to write the slot's new value to.
    pub(crate) fn dst(&mut self, asm: &mut Asm, s: Slot) -> Reg {
        if let Some(r) = self.pinned[s.0 as usize] {
            return r;
        }
        let at = match self.locals.iter().position(|l| l.slot == Some(s)) {
            Some(at) => at,
            None => self.alloc(asm, s),
        };
        self.locals[at].dirty = true;
        self.touch(at);
        LOCALS[at]
    }

    /// An operation is done: frees the temporaries that nothing reads any more.
    pub(crate) fn end_operation(&mut self) {
        for l in &mut self.locals {
            l.locked = false;
            if l.slot.is_some_and(|s| s.is_temp() && !self.hold_temps && self.uses[s.0 as usize] == 0) {
                *l = FREE;
            }
        }
    }

    /// An instruction is done: its temporaries are gone.
    pub(crate) fn end_instruction(&mut self) {
        self.constants.clear();
        for l in &mut self.locals {
            if l.slot.is_some_and(Slot::is_temp) {
                *l = FREE;
            }
        }
    }

    /// What of the cache lasts beyond the block.
    pub(crate) fn lasting(&self) -> Locals {
        self.locals.map(|l| if l.slot.is_some_and(|s| !s.is_temp()) { Local { locked: false, ..l } } else { FREE })
    }

    /// Goes on with a cache.
    pub(crate) fn set_cache(&mut self, locals: Locals) {
        self.locals = locals;
    }

    /// Makes the cache hold what it did at another point. Moves only, which leave the host's flags alone.
    pub(crate) fn match_cache(&mut self, asm: &mut Asm, wanted: &Locals) {
        let differs = |l: &Local, w: &Local| l.slot != w.slot;
        for ((l, w), r) in self.locals.iter().zip(wanted).zip(LOCALS) {
            if let Some(s) = l.slot
                && l.dirty
                && (differs(l, w) || !w.dirty)
                && !s.is_temp()
            {
                asm.store(Ty::I64, slot(s), r);
            }
        }
        for ((l, w), r) in self.locals.iter().zip(wanted).zip(LOCALS) {
            if let Some(s) = w.slot
                && differs(l, w)
            {
                asm.mov(r, slot(s));
            }
        }
        self.locals = *wanted;
    }

    /// All of the cache has been stored.
    pub(crate) fn clean(&mut self) {
        self.locals.iter_mut().for_each(|l| l.dirty &= l.slot.is_some_and(Slot::is_temp));
    }

    /// The same for constants alone.
    pub(crate) fn sync_constants(&mut self, asm: &mut Asm, set: &SlotSet) {
        while let Some(at) = self.constants.iter().position(|c| set.meets(c.0, 1)) {
            self.store_constant(asm, at);
        }
    }

    /// Stores a constant, by way of rax.
    fn store_constant(&mut self, asm: &mut Asm, at: usize) {
        let (s, value) = self.constants.swap_remove(at);
        asm.mov_imm(RAX, value);
        asm.store(Ty::I64, slot(s), RAX);
    }

    /// Puts those slots of the set that are only in registers into memory.
    pub(crate) fn sync(&mut self, asm: &mut Asm, set: &SlotSet) {
        self.sync_constants(asm, set);
        for (l, r) in self.locals.iter_mut().zip(LOCALS) {
            if let Some(s) = l.slot
                && l.dirty
                && set.meets(s, 1)
            {
                asm.store(Ty::I64, slot(s), r);
                l.dirty = false;
            }
        }
    }

    /// Slots of the set were written in memory.
    pub(crate) fn forget(&mut self, set: &SlotSet) {
        self.constants.retain(|c| !set.meets(c.0, 1));
        for l in &mut self.locals {
            if l.slot.is_some_and(|s| set.meets(s, 1)) {
                *l = FREE;
            }
        }
    }

    /// `n` slots from `s` were written in memory.
    pub(crate) fn reload_slots(&mut self, asm: &mut Asm, s: Slot, n: u8) {
        self.constants.retain(|c| c.0.0.wrapping_sub(s.0) >= n);
        for i in 0..n {
            let at = s.up(i);
            if let Some(r) = self.pinned[at.0 as usize] {
                asm.mov(r, slot(at));
            }
        }
        for l in &mut self.locals {
            if l.slot.is_some_and(|at| at.0.wrapping_sub(s.0) < n) {
                *l = FREE;
            }
        }
    }

    /// Puts `n` slots from `s` into memory.
    pub(crate) fn sync_slots(&mut self, asm: &mut Asm, s: Slot, n: u8) {
        while let Some(at) = self.constants.iter().position(|c| c.0.0.wrapping_sub(s.0) < n) {
            self.store_constant(asm, at);
        }
        for i in 0..n {
            let at = s.up(i);
            if let Some(r) = self.pinned[at.0 as usize] {
                asm.store(Ty::I64, slot(at), r);
            }
        }
        for (l, r) in self.locals.iter_mut().zip(LOCALS) {
            if let Some(at) = l.slot
                && l.dirty
                && at.0.wrapping_sub(s.0) < n
            {
                asm.store(Ty::I64, slot(at), r);
                l.dirty = false;
            }
        }
    }
}

/// Stores the guest registers that only the cache has, without changing it.
pub(crate) fn spill(asm: &mut Asm, locals: &Locals) {
    for (l, r) in locals.iter().zip(LOCALS) {
        if let Some(s) = l.slot
            && l.dirty
            && !s.is_temp()
        {
            asm.store(Ty::I64, slot(s), r);
        }
    }
}
