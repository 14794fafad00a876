//! Floating-point values in vector registers, where the host traps: within a block each slot has a register of its own, its home,
//! beside its place in memory. What is written is written to both, so that homes can be forgotten at any point.
use crate::asm::*;
use crate::thunks::{CACHE, slot};
use crate::translate::Translator;
use ir::{FTy, Op, Slot, SlotSet};

/// The homes: xmm4 and those above. Calls from compiled code keep them.
pub(crate) const HOMES: std::ops::Range<u8> = 4..16;

/// What is in them.
#[derive(Default)]
pub(crate) struct Homes {
    slots: Vec<Slot>,
    /// Those that hold all of their slot, and those that hold its lower half.
    pub(crate) whole: u16,
    pub(crate) lower: u16,
    /// The one that the operation at hand leaves its result in.
    fresh: Option<(usize, FTy)>,
}

impl Homes {
    /// The home of a slot; it may be given one.
    fn of(&mut self, s: Slot) -> Option<usize> {
        if s.is_temp() {
            return None;
        }
        let known = self.slots.iter().position(|&known| known == s);
        known.or_else(|| {
            let at = self.slots.len();
            (at < HOMES.len()).then(|| self.slots.push(s)).map(|()| at)
        })
    }

    /// The home that holds a slot's value.
    pub(crate) fn holder(&self, ty: FTy, s: Slot) -> Option<Reg> {
        let valid = if ty == FTy::F32 { self.whole | self.lower } else { self.whole };
        let at = self.slots.iter().position(|&known| known == s)?;
        (valid >> at & 1 != 0).then(|| register(at))
    }

    /// An operation has been translated.
    pub(crate) fn after(&mut self, op: &Op) {
        if self.whole | self.lower != 0 {
            self.forget(&op.writes());
        }
        match self.fresh.take() {
            Some((at, FTy::F64)) => self.whole |= 1 << at,
            Some((at, FTy::F32)) => self.lower |= 1 << at,
            None => {}
        }
    }

    /// None holds anything any more.
    pub(crate) fn clear(&mut self) {
        (self.whole, self.lower) = (0, 0);
    }

    fn forget(&mut self, set: &SlotSet) {
        let gone = self.slots.iter().enumerate().filter(|(_, s)| set.meets(**s, 1));
        let gone = gone.fold(0, |gone, (at, _)| gone | 1 << at);
        self.whole &= !gone;
        self.lower &= !gone;
    }
}

fn register(at: usize) -> Reg {
    Reg(HOMES.start + at as u8)
}

impl Translator<'_> {
    /// A register that holds a float: its home, or the one given.
    pub(crate) fn float_at(&mut self, ty: FTy, s: Slot, spare: Reg) -> Reg {
        if !self.traps() {
            self.float_src(spare, s);
            return spare;
        }
        if let Some(x) = self.floats.homes.holder(ty, s) {
            return x;
        }
        let home = self.floats.homes.of(s);
        let x = home.map_or(spare, register);
        self.float_src(x, s);
        self.floats.homes.whole |= home.map_or(0, |at| 1 << at);
        x
    }

    /// The register to write a float to: the slot's home, which it does not hold before the operation is done, or the one given.
    pub(crate) fn float_dst(&mut self, d: Slot, spare: Reg) -> Reg {
        let home = if self.traps() { self.floats.homes.of(d) } else { None };
        home.map_or(spare, register)
    }

    /// The operation at hand leaves the slot's value in this register, and in memory. Says so if that is a home.
    pub(crate) fn settle_in(&mut self, ty: FTy, d: Slot, x: Reg) -> Option<(Reg, Slot)> {
        let at = x.0.checked_sub(HOMES.start)?;
        self.floats.homes.fresh = Some((at.into(), ty));
        Some((x, d))
    }

    /// A copy of a float from home to home; false, and no code, if it is not in one.
    pub(crate) fn move_float(&mut self, d: Slot, a: Slot) -> bool {
        if !self.traps() || d.is_temp() || self.regs.locals.holder(a).is_some() {
            return false;
        }
        let Some(from) = self.floats.homes.holder(FTy::F64, a) else { return false };
        let to = self.float_dst(d, from);
        if to != from {
            self.asm.sse(0, 0x28, to, from);
            self.settle_in(FTy::F64, d, to);
        }
        self.asm.sse(P66, 0xd6, from, slot(d));
        self.regs.forget_slots(d, 1);
        true
    }

    /// Fills the homes that are to hold their slots where a loop begins. Leaves the host's flags alone.
    pub(crate) fn fill_homes(&mut self, whole: u16, lower: u16) {
        let homes = &self.floats.homes;
        let missing = whole & !homes.whole | lower & !homes.whole & !homes.lower;
        for (at, &s) in homes.slots.iter().enumerate().filter(|(at, _)| missing >> at & 1 != 0) {
            match self.regs.locals.holder(s) {
                Some(r) => self.asm.movq_to(register(at), CACHE[r]),
                None => self.asm.sse(PF3, 0x7e, register(at), slot(s)),
            }
        }
    }
}
