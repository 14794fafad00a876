//! Templates of loads and stores through a window: only the address is checked, against the window's end, and not again for
//! others near one that was; the rest is the host's to refuse. What it refuses lands in cold code, which takes the slow path.
use crate::asm::*;
use crate::code::WRONG;
use crate::memory::in_page;
use crate::ranges::Range;
use crate::thunks::{STACK_END, log2, slot};
use crate::translate::{Cold, State, Translator};
use crate::vector::WORDS;
use ir::{MemTy, Op, Slot, Ty};
use mmu::{VIEW_ADDRESS_BITS, WINDOW_GUARD};

/// An access through the window.
pub(crate) struct Through {
    addr: Mem,
    /// What is stored; for a load, where it goes. Of a pair of general registers the second goes to another.
    value: Reg,
    second: Option<Reg>,
    stores: bool,
    ty: MemTy,
    /// The jump taken if the address was checked and is beyond the window.
    beyond: Option<Jump>,
    /// Instructions that may fault, and what comes behind them.
    at: [usize; 2],
    behind: usize,
    state: State,
    begun: u32,
    untouched: bool,
}

/// Of a fault the price in wrong guesses.
const FAULT: u64 = 64;

/// Addresses in the window, and what is free around it besides: a little less, for what an access is long.
const WITHIN: Range = Range { from: None, lo: 0, hi: (1 << VIEW_ADDRESS_BITS) - 1 };
const REACH: i64 = (WINDOW_GUARD - 64) as i64;

/// Programs count up to 0 from below, at a displacement; but nobody has pages below /proc/sys/vm/mmap_min_addr. So by less than
/// that an address may be off, or by a little more upwards, and what it is off from is in the window.
const BELOW: i64 = 1 << 16;
const ABOVE: i64 = 1 << 20;

impl Translator<'_> {
    /// Whether accesses of this block go through the window.
    pub(crate) fn through_window(&self) -> bool {
        self.cx.windowed && !self.cx.steady
    }

    /// Accesses memory so, if the operation is one that can.
    pub(crate) fn through(&mut self, op: &Op) -> bool {
        if !self.through_window() {
            return false;
        }
        let (ty, addr, base, range) = match *op {
            // Two stores could be half done.
            Op::Store { ty: MemTy::V256, .. } | Op::StoreX { ty: MemTy::V256, .. } => return false,
            Op::Load { ty, addr: base, disp, .. } | Op::Store { ty, addr: base, disp, .. } => {
                let range = self.ranges.offset(base, disp);
                match self.fixed(base, disp) {
                    Some(at) => (ty, at, None, range),
                    None => (ty, Mem::at(self.src(base), disp), Some(base), range),
                }
            }
            Op::LoadX { ty, base, index, scale, disp, .. } | Op::StoreX { ty, base, index, scale, disp, .. } => {
                let range = self.ranges.sum(base, index, scale, disp);
                match self.fixed(base, disp).filter(|_| scale < 4 && is_near(range)) {
                    Some(at) => (ty, Mem { index: Some((self.src(index), scale)), ..at }, None, range),
                    None => (ty, Mem::at(self.address_x(base, index, scale, disp), 0), None, range),
                }
            }
            _ => return false,
        };
        match *op {
            Op::Load { d, .. } | Op::LoadX { d, .. } => self.load_through(ty, d, addr, base, range),
            Op::Store { src, .. } | Op::StoreX { src, .. } => self.store_through(ty, src, addr, base, range),
            _ => {}
        }
        true
    }

    /// A constant address, as one in the window itself.
    fn fixed(&self, base: Slot, disp: i32) -> Option<Mem> {
        let at = i64::try_from(self.regs.constant(base)?).ok()?.checked_add(disp.into())?;
        Some(Mem::at(R15, i32::try_from(at).ok().filter(|&at| at >= 0)?))
    }

    /// Checks that an address, of which the range is known, is in the window or near it. All the operation needs is in registers
    /// by now, so that it is left in the state of this point.
    fn inside(&mut self, addr: Mem, base: Option<Slot>, range: Option<Range>) -> Option<Jump> {
        let disp = i64::from(addr.disp);
        if is_near(range) {
            return None;
        }
        let near = |lo: i64, hi: i64| lo >= -BELOW && hi <= ABOVE;
        // If it is near a register, better that one: others may be near it, too.
        let origin = match range {
            Some(Range { from: Some(s), lo, hi }) if near(lo, hi) => self.current(s).map(|r| (s, r)),
            _ => None,
        };
        let (known, checked) = match (origin, base) {
            (Some((s, r)), _) => (Some((s, 0)), r),
            (None, Some(base)) if near(disp, disp) => (Some((base, 0)), addr.base),
            (None, base) => (base.map(|base| (base, disp)), self.compute(RAX, addr)),
        };
        // Behind an address that is beyond, what follows is not reached.
        if let Some((s, by)) = known.filter(|_| self.untouched) {
            self.ranges.put(s, Range { from: None, lo: WITHIN.lo - by, hi: WITHIN.hi - by });
        }
        self.asm.cmp(Ty::I64, checked, Mem::at(RSP, STACK_END));
        Some(self.asm.jcc(Cc::AE))
    }

    /// A register with the slot's value, if it can be had without taking one from others; perhaps rax.
    fn current(&mut self, s: Slot) -> Option<Reg> {
        match self.regs.find(s) {
            None if s.is_temp() => None,
            None => {
                self.asm.mov(RAX, slot(s));
                Some(RAX)
            }
            found => found,
        }
    }

    fn load_through(&mut self, ty: MemTy, d: Slot, addr: Mem, base: Option<Slot>, range: Option<Range>) {
        let beyond = self.inside(addr, base, range);
        // At a fault all is as before the load, whatever register it is to get.
        let state = self.state();
        let value = if ty.slots() > 1 { RAX } else { self.dst(d) };
        let second = is_pair(ty, d, addr).then(|| self.dst(d.up(1)));
        let at = self.get_all(ty, value, second, in_window(addr));
        let (behind, begun, untouched) = (self.asm.here(), self.begun, self.untouched);
        match second {
            Some(_) => {
                let d = self.dst(d);
                self.asm.mov(d, value);
            }
            None => self.got(ty, d),
        }
        self.cold.push(Cold::Through(Through {
            addr,
            value,
            second,
            stores: false,
            ty,
            beyond,
            at,
            behind,
            state,
            begun,
            untouched,
        }));
    }

    fn store_through(&mut self, ty: MemTy, src: Slot, addr: Mem, base: Option<Slot>, range: Option<Range>) {
        let value = self.stored(ty, src);
        let beyond = self.inside(addr, base, range);
        let state = self.state();
        let at = [self.put(ty, value, in_window(addr)); 2];
        let (behind, begun, untouched) = (self.asm.here(), self.begun, self.untouched);
        self.cold.push(Cold::Through(Through {
            addr,
            value,
            second: None,
            stores: true,
            ty,
            beyond,
            at,
            behind,
            state,
            begun,
            untouched,
        }));
    }

    /// Loads, one word by one if there are two registers; says where instructions are that do.
    fn get_all(&mut self, ty: MemTy, value: Reg, second: Option<Reg>, m: Mem) -> [usize; 2] {
        let Some(second) = second else { return self.get(ty, value, m) };
        let [at, _] = self.get(MemTy::U64, value, m);
        [at, self.get(MemTy::U64, second, Mem { disp: m.disp + 8, ..m })[0]]
    }

    /// The rest of an access.
    pub(crate) fn cold_through(&mut self, access: Through) {
        let Through { addr, value, second, stores, ty, beyond, at, behind, state, begun, untouched } = access;
        self.begun = begun;
        self.landings.push((at[0], self.asm.here()));
        if at[1] != at[0] {
            self.landings.push((at[1], self.asm.here()));
        }
        if untouched {
            self.asm.mov_imm(RAX, FAULT);
            self.asm.alu_to(Alu::Sub, self.data(WRONG), RAX);
            let patient = self.asm.jcc(Cc::NS);
            // What faults again and again had better look pages up, and so had what goes beyond.
            if let Some(beyond) = beyond {
                self.asm.bind(beyond);
            }
            self.leave_for_good(&state);
            self.asm.bind(patient);
        } else if let Some(beyond) = beyond {
            self.asm.bind(beyond);
        }
        self.address_of(RCX, addr);
        if stores {
            self.asm.call_to(self.cx.thunks.bounce);
            self.put(ty, value, in_page(RCX, 0));
            self.slow_store(ty, &state);
        } else {
            self.asm.call_to(self.cx.thunks.read[log2(ty)]);
            self.or_leave(&state);
            self.get_all(ty, value, second, in_page(RCX, 0));
        }
        self.asm.jmp_to(self.asm.base + behind);
    }
}

/// Whether an access is one of two neighbouring general registers.
fn is_pair(ty: MemTy, s: Slot, addr: Mem) -> bool {
    ty == MemTy::V128 && s.0 < WORDS && addr.disp.checked_add(8).is_some()
}

/// Whether an address in this range is in the window or near it.
fn is_near(range: Option<Range>) -> bool {
    matches!(range, Some(Range { from: None, lo, hi }) if lo >= -REACH && hi < WITHIN.hi + REACH)
}

/// An address in the guest's window.
fn in_window(addr: Mem) -> Mem {
    if addr.base == R15 { addr } else { Mem { index: Some((R15, 0)), ..addr } }
}
