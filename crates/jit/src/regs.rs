//! Where slots are while a block is compiled: nine registers are a cache of them. Blocks agree that pinned slots are each in a
//! register of its own when one begins and when it ends; within a block such a register is like any other.
use crate::asm::{Asm, RAX, Reg, Rm};
use crate::cache::{Locals, bits};
use crate::plan::{Heads, Next, Plan};
use crate::thunks::{CACHE, slot};
use ir::{Slot, SlotSet, Ty};

/// What is pinned.
pub(crate) struct Pins {
    /// The cache between blocks.
    pub(crate) home: Locals,
    pub(crate) slots: SlotSet,
}

#[derive(Clone)]
pub(crate) struct Regs<'a> {
    pub(crate) pins: &'a Pins,
    plan: &'a Plan,
    heads: Heads,
    /// The operation at hand.
    now: u16,
    pub(crate) locals: Locals,
    /// Registers in use by the operation at hand.
    locked: u16,
    /// Temporaries that are constants no register holds yet.
    constants: Vec<(Slot, u64)>,
    /// Temporaries may be read without being named: a helper over the whole machine is still to come in this instruction.
    pub(crate) hold_temps: bool,
}

impl<'a> Regs<'a> {
    pub(crate) fn new(pins: &'a Pins, plan: &'a Plan) -> Regs<'a> {
        let (heads, locals) = (plan.first, pins.home);
        Regs { pins, plan, heads, now: 0, locals, locked: 0, constants: Vec::new(), hold_temps: false }
    }

    /// The block begins once more.
    pub(crate) fn restart(&mut self) {
        self.heads = self.plan.first;
    }

    /// The operation with this number is at hand.
    pub(crate) fn begin(&mut self, at: usize) {
        self.now = at as u16;
    }

    fn next(&mut self, s: Slot) -> Next {
        self.plan.next(&mut self.heads, s, self.now)
    }

    /// Whether the slot's value is read behind the operation at hand.
    pub(crate) fn is_live(&mut self, s: Slot) -> bool {
        matches!(self.next(s), Next::Read(_))
    }

    /// Whether it is a temporary that is read once more.
    pub(crate) fn is_read_once(&mut self, s: Slot) -> bool {
        s.is_temp() && !self.hold_temps && self.plan.read_once(&mut self.heads, s, self.now)
    }

    /// The register that holds the slot, if one does.
    pub(crate) fn find(&mut self, s: Slot) -> Option<Reg> {
        let at = self.locals.holder(s)?;
        self.locked |= 1 << at;
        Some(CACHE[at])
    }

    /// Operands of the operation at hand have been used up: their registers may be taken.
    pub(crate) fn unlock(&mut self) {
        self.locked = 0;
    }

    /// How well the register of a slot could be used for another until the slot is needed: for how long, by what it costs.
    fn spare(&mut self, s: Slot, dirty: bool) -> u32 {
        let (pinned, round) = (self.pins.slots.meets(s, 1), self.plan.round);
        // What is not pinned is stored sooner or later.
        let stored = u32::from(dirty && pinned && !round);
        let (far, cost) = match self.next(s) {
            Next::Read(far) => (far, 1 + stored),
            Next::Write(far) => (far, dirty.into()),
            Next::End(_) if !pinned || round => return FOREVER,
            Next::End(far) => (far, 1 + stored),
        };
        u32::from(far) * 4 / cost.max(1)
    }

    /// A free register for the slot: the one it is pinned to, or best one that no slot is pinned to.
    fn free(&self, s: Slot) -> Option<usize> {
        let free = !self.locals.used() & !self.locked & ALL;
        if free == 0 {
            return None;
        }
        let home = if self.pins.slots.meets(s, 1) { self.pins.home.holder(s) } else { None };
        Some(home.filter(|at| free & 1 << at != 0).unwrap_or(free.ilog2() as usize))
    }

    /// The register that is best taken from its slot.
    fn victim(&mut self) -> Option<(usize, u32)> {
        let mut best = None;
        for at in bits(self.locals.used() & !self.locked) {
            let spare = self.spare(self.locals.slot(at), self.locals.is_dirty(at));
            if best.is_none_or(|(_, most)| spare >= most) {
                best = Some((at, spare));
            }
        }
        best
    }

    /// A register for `s`, perhaps taken from another slot.
    fn alloc(&mut self, asm: &mut Asm, s: Slot) -> usize {
        let at = match self.free(s) {
            Some(at) => at,
            None => {
                let (at, _) = self.victim().expect("no operation locks all of the cache");
                if self.locals.is_dirty(at) {
                    self.locals.store(asm, 1 << at);
                }
                at
            }
        };
        self.locals.set(at, s, false);
        self.locked |= 1 << at;
        at
    }

    /// A register that holds the slot's value. Leaves the host's flags alone.
    pub(crate) fn src(&mut self, asm: &mut Asm, s: Slot) -> Reg {
        if let Some(r) = self.find(s) {
            return r;
        }
        let at = self.alloc(asm, s);
        let r = CACHE[at];
        match self.constants.iter().position(|c| c.0 == s) {
            Some(i) => {
                asm.mov_imm(r, self.constants.swap_remove(i).1);
                self.locals.set(at, s, true);
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
            None if self.constant(s).is_some() || self.is_worth(s) => self.src(asm, s).into(),
            None => slot(s).into(),
        }
    }

    /// Whether a slot that is in memory had better be in a register.
    fn is_worth(&mut self, s: Slot) -> bool {
        let own = match self.next(s) {
            Next::Read(far) => u32::from(far) * 4,
            _ => return false,
        };
        self.free(s).is_some() || self.victim().is_some_and(|(_, spare)| spare > own)
    }

    /// The register to write the slot's new value to.
    pub(crate) fn dst(&mut self, asm: &mut Asm, s: Slot) -> Reg {
        let at = match self.locals.holder(s) {
            Some(at) => at,
            None => self.alloc(asm, s),
        };
        self.locals.set(at, s, true);
        self.locked |= 1 << at;
        CACHE[at]
    }

    /// The same for an operation that is done with `a` when it writes: the register of `a`, if nothing else needs that any more.
    pub(crate) fn dst_over(&mut self, asm: &mut Asm, s: Slot, a: Slot) -> Reg {
        match self.locals.holder(a) {
            Some(at) if a.is_temp() && !self.hold_temps && self.locals.holder(s).is_none() && !self.is_live(a) => {
                self.locals.set(at, s, true);
                CACHE[at]
            }
            _ => self.dst(asm, s),
        }
    }

    /// A register that holds a temporary which nothing reads any more holds another slot, of which memory has the same.
    pub(crate) fn rename(&mut self, temp: Slot, s: Slot) {
        if let Some(at) = self.locals.holder(temp).filter(|_| !self.hold_temps && !self.is_live(temp)) {
            self.locals.set(at, s, false);
        }
    }

    /// An operation is done: frees the temporaries that nothing reads any more.
    pub(crate) fn end_operation(&mut self) {
        self.locked = 0;
        if self.hold_temps {
            return;
        }
        for at in bits(self.locals.temps()) {
            if !self.is_live(self.locals.slot(at)) {
                self.locals.drop(1 << at);
            }
        }
    }

    /// An instruction is done: its temporaries are gone.
    pub(crate) fn end_instruction(&mut self) {
        self.constants.clear();
        self.locals.drop(self.locals.temps());
    }

    /// All of the cache is stored but for what is pinned.
    pub(crate) fn store_unpinned(&mut self, asm: &mut Asm) {
        let set = self.locals.unsaved() & !self.locals.of(&self.pins.slots);
        self.locals.store(asm, set);
        self.locals.clean(set);
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
        self.locals.sync(asm, set);
        self.locals.clean(self.locals.of(set));
    }

    /// Slots of the set were written in memory.
    pub(crate) fn forget(&mut self, set: &SlotSet) {
        self.constants.retain(|c| !set.meets(c.0, 1));
        self.locals.drop(self.locals.of(set));
    }

    /// `n` slots from `s` were written in memory.
    pub(crate) fn forget_slots(&mut self, s: Slot, n: u8) {
        self.constants.retain(|c| c.0.0.wrapping_sub(s.0) >= n);
        self.locals.drop(self.locals.range(s, n));
    }

    /// Puts `n` slots from `s` into memory.
    pub(crate) fn sync_slots(&mut self, asm: &mut Asm, s: Slot, n: u8) {
        while let Some(at) = self.constants.iter().position(|c| c.0.0.wrapping_sub(s.0) < n) {
            self.store_constant(asm, at);
        }
        let set = self.locals.range(s, n);
        self.locals.store(asm, set & self.locals.dirty());
        self.locals.clean(set);
    }
}

/// All registers of the cache.
const ALL: u16 = (1 << CACHE.len()) - 1;
/// More than any slot in use can be spared.
const FOREVER: u32 = u32::MAX;
