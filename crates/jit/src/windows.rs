//! Templates of loads and stores through a window: only the address is checked, against the window's end, and not again for
//! others near one that was; the rest is the host's to refuse. What it refuses lands in cold code, which takes the slow path.
use crate::asm::*;
use crate::code::WRONG;
use crate::memory::in_page;
use crate::thunks::{STACK_END, log2};
use crate::translate::{Cold, State, Translator};
use ir::{BinOp, Block, MemTy, Op, Slot, Ty};

/// An access through the window.
pub(crate) struct Through {
    addr: Mem,
    /// What is stored; for a load, where it goes.
    value: Reg,
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

/// Registers that hold addresses in the window, give or take so much.
#[derive(Default)]
pub(crate) struct Inside(Vec<(Slot, i64)>);

/// /proc/sys/vm/mmap_min_addr
const NEAR: u32 = 1 << 16;

/// Around the window as much is left free as a displacement reaches; a little less, for what an access is long.
const REACH: i64 = (1 << 31) - 64;

impl Inside {
    /// Whether an access at `s` + `disp` cannot leave the window and what is free around it.
    fn has(&self, s: Slot, disp: i32) -> bool {
        self.0.iter().any(|&(known, by)| known == s && (by + i64::from(disp)).abs() < REACH && by.abs() < REACH)
    }

    fn put(&mut self, s: Slot, by: i64) {
        self.0.retain(|known| known.0 != s);
        self.0.push((s, by));
    }

    /// An operation has been translated.
    pub(crate) fn after(&mut self, op: &Op) {
        if self.0.is_empty() {
            return;
        }
        let (d, from, by) = match *op {
            Op::BinImm { op: BinOp::Add, ty: Ty::I64, d, a, imm } => (d, a, i64::from(imm)),
            Op::BinImm { op: BinOp::Sub, ty: Ty::I64, d, a, imm } => (d, a, -i64::from(imm)),
            Op::Mov { d, a } => (d, a, 0),
            _ => {
                let writes = op.writes();
                return self.0.retain(|known| !writes.meets(known.0, 1));
            }
        };
        match self.0.iter().find(|known| known.0 == from) {
            Some(&(_, known)) => self.put(d, known + by),
            None => self.0.retain(|known| known.0 != d),
        }
    }

    /// The block begins once more.
    pub(crate) fn again(&mut self, block: &Block) {
        self.0.retain(|&(s, _)| !s.is_temp() && !block.ops.iter().any(|op| op.writes().meets(s, 1)));
    }
}

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
        match *op {
            // Two stores could be half done.
            Op::Store { ty: MemTy::V256, .. } | Op::StoreX { ty: MemTy::V256, .. } => return false,
            Op::Load { ty, d, addr, disp } => {
                let base = self.src(addr);
                self.load_through(ty, d, Mem::at(base, disp), Some(addr));
            }
            Op::LoadX { ty, d, base, index, scale, disp } => {
                let addr = self.address_x(base, index, scale, disp);
                self.load_through(ty, d, Mem::at(addr, 0), None);
            }
            Op::Store { ty, src, addr, disp } => {
                let base = self.src(addr);
                self.store_through(ty, src, Mem::at(base, disp), Some(addr));
            }
            Op::StoreX { ty, src, base, index, scale, disp } => {
                let addr = self.address_x(base, index, scale, disp);
                self.store_through(ty, src, Mem::at(addr, 0), None);
            }
            _ => return false,
        }
        true
    }

    /// Checks that an address is in the window, or at a displacement from one that is; `base` is the slot that its register holds.
    /// All the operation needs is in registers by now, so that it is left in the state of this point.
    fn inside(&mut self, addr: Mem, base: Option<Slot>) -> Option<Jump> {
        if base.is_some_and(|base| self.inside.has(base, addr.disp)) {
            return None;
        }
        // Programs count up to 0 from below, at a displacement. A small one would lead to pages that nobody has.
        let far = addr.disp.unsigned_abs() > NEAR;
        // Behind an address that is beyond, what follows is not reached.
        if let Some(base) = base.filter(|_| self.untouched) {
            self.inside.put(base, if far { -i64::from(addr.disp) } else { 0 });
        }
        let checked = if far { self.compute(RAX, addr) } else { addr.base };
        self.asm.cmp(Ty::I64, checked, Mem::at(RSP, STACK_END));
        Some(self.asm.jcc(Cc::AE))
    }

    fn load_through(&mut self, ty: MemTy, d: Slot, addr: Mem, base: Option<Slot>) {
        let beyond = self.inside(addr, base);
        // At a fault all is as before the load, whatever register it is to get.
        let state = self.state();
        let value = if ty.slots() > 1 { RAX } else { self.dst(d) };
        let at = self.get(ty, value, in_window(addr));
        let (behind, begun, untouched) = (self.asm.here(), self.begun, self.untouched);
        self.got(ty, d);
        self.cold.push(Cold::Through(Through {
            addr,
            value,
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

    fn store_through(&mut self, ty: MemTy, src: Slot, addr: Mem, base: Option<Slot>) {
        let value = self.stored(ty, src);
        let beyond = self.inside(addr, base);
        let state = self.state();
        let at = [self.put(ty, value, in_window(addr)); 2];
        let (behind, begun, untouched) = (self.asm.here(), self.begun, self.untouched);
        self.cold.push(Cold::Through(Through {
            addr,
            value,
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

    /// The rest of an access.
    pub(crate) fn cold_through(&mut self, access: Through) {
        let Through { addr, value, stores, ty, beyond, at, behind, state, begun, untouched } = access;
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
        self.asm.lea(RCX, addr);
        if stores {
            self.asm.call_to(self.cx.thunks.bounce);
            self.put(ty, value, in_page(RCX, 0));
            self.slow_store(ty, &state);
        } else {
            self.asm.call_to(self.cx.thunks.read[log2(ty)]);
            self.or_leave(&state);
            self.get(ty, value, in_page(RCX, 0));
        }
        self.asm.jmp_to(self.asm.base + behind);
    }
}

/// An address in the guest's window.
fn in_window(addr: Mem) -> Mem {
    Mem { index: Some((R15, 0)), ..addr }
}
