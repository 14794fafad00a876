//! Templates of loads and stores. Inline is the check that the access is aligned (so that it stays in its page) and that the
//! view has the page; all else is cold. A load does not wait for the view's table: it goes by a guess of the page's addend,
//! mostly that of the page before, since frames are neighbours; the table only has to agree.
use crate::asm::*;
use crate::code::{GUESSES, WRONG};
use crate::runs::Via;
use crate::thunks::{STACK_TABLE, addend, log2, slot};
use crate::translate::{Cold, Exit, State, Translator, Why};
use ir::{MemTy, Op, Slot, Ty};
use mmu::{PAGE_SHIFT, PAGE_SIZE, VIEW_PAGES};

/// A page looked up inline.
pub(crate) struct Page {
    /// Jumps taken where the slow path has to look.
    refused: [Option<Jump>; 2],
    /// Taken, with the page's number in rax, where the view has no such page, or the guess was wrong.
    unknown: Jump,
    guess: Option<Guess>,
    writes: bool,
    /// The instruction can still begin once more.
    untouched: bool,
}

/// The cells of a guess, and of how many may be wrong.
struct Guess {
    cell: Mem,
    wrong: Mem,
}

/// An access whose inline check may refuse it.
pub(crate) struct Access {
    page: Page,
    /// Its address: a register and a displacement.
    addr: Mem,
    kind: Kind,
    ty: MemTy,
    /// The access itself, and what comes behind it.
    at: usize,
    behind: usize,
    state: State,
    begun: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Load,
    /// Of this register; vectors are in xmm0 and xmm1.
    Store(Reg),
}

impl Translator<'_> {
    pub(crate) fn access(&mut self, op: &Op) {
        if self.through(op) {
            return;
        }
        match (*op, self.via) {
            (Op::Load { ty, d, addr, disp }, Via::Run) => {
                let base = self.src(addr);
                let to = if ty.slots() > 1 { RAX } else { self.dst(d) };
                self.get(ty, to, in_page(base, disp));
                self.got(ty, d);
            }
            (Op::Store { ty, src, addr, disp }, Via::Run) => {
                let base = self.src(addr);
                let value = self.stored(ty, src);
                self.put(ty, value, in_page(base, disp));
            }
            (Op::Load { ty, d, addr, disp }, Via::Slow) => {
                let addr = self.address(addr, disp);
                let state = self.state();
                let to = if ty.slots() > 1 { RAX } else { self.dst(d) };
                self.asm.mov(RCX, addr);
                self.slow_load(ty, &state);
                self.get(ty, to, in_page(RCX, 0));
                self.got(ty, d);
            }
            (Op::Store { ty, src, addr, disp }, Via::Slow) => {
                let addr = self.address(addr, disp);
                let value = self.stored(ty, src);
                let state = self.state();
                self.asm.mov(RCX, addr);
                self.asm.call_to(self.cx.thunks.store[log2(ty)]);
                self.asm.setcc(Cc::B, RAX);
                self.put(ty, value, in_page(RCX, 0));
                self.asm.test(Ty::I8, RAX, RAX);
                let stored = self.asm.jcc(Cc::E);
                self.slow_store(ty, &state);
                self.asm.bind(stored);
            }
            (Op::Load { ty, d, addr, disp }, Via::Check) => {
                let base = self.src(addr);
                self.load(ty, d, Mem::at(base, disp));
            }
            (Op::LoadX { ty, d, base, index, scale, disp }, _) => {
                let addr = self.address_x(base, index, scale, disp);
                self.load(ty, d, Mem::at(addr, 0));
            }
            (Op::Store { ty, src, addr, disp }, Via::Check) => {
                let base = self.src(addr);
                self.store(ty, src, Mem::at(base, disp));
            }
            (Op::StoreX { ty, src, base, index, scale, disp }, _) => {
                let addr = self.address_x(base, index, scale, disp);
                self.store(ty, src, Mem::at(addr, 0));
            }
            _ => {}
        }
    }

    /// Faults as a write would. What the inline check cannot tell, the interpreter does.
    pub(crate) fn probe_write(&mut self, at: usize) {
        let op = &self.block.ops[at];
        let Op::ProbeWrite { bytes, addr: base, disp } = *op else { return };
        let addr = self.address(base, disp);
        self.begin_checks(op);
        // In one page the store that comes next, of the first byte, faults as the probe does.
        let next = self.block.ops.get(at + 1);
        let stores = |op: &Op| matches!(*op, Op::Store { addr, disp: at, .. } if (addr, at) == (base, disp));
        if self.through_window() && next.is_some_and(stores) {
            let crosses = self.crosses(addr, bytes.into());
            self.refused.push(crosses);
        } else {
            let crosses = self.page_of(addr, bytes.into());
            let page = self.look_up(Some(crosses), false, true);
            self.refuse_page(page);
        }
        self.end_checks(op);
    }

    /// The register that holds base + disp: rcx, or that of the base itself.
    fn address(&mut self, base: Slot, disp: i32) -> Reg {
        let base = self.src(base);
        self.compute(RCX, Mem::at(base, disp))
    }

    /// The register that holds an address: `r`, or that of its base.
    pub(crate) fn compute(&mut self, r: Reg, addr: Mem) -> Reg {
        if addr.disp == 0 {
            return addr.base;
        }
        self.asm.lea(r, addr);
        r
    }

    /// The same of one that may be in the window, for cold code: flags are lost.
    pub(crate) fn address_of(&mut self, r: Reg, addr: Mem) {
        self.asm.lea(r, addr);
        if addr.base == R15 {
            self.asm.alu(Alu::Sub, true, r, R15);
        }
    }

    pub(crate) fn address_x(&mut self, base: Slot, index: Slot, scale: u8, disp: i32) -> Reg {
        let base = self.src(base);
        let m = self.indexed(base, index, scale, disp);
        self.asm.lea(RCX, m);
        RCX
    }

    /// rdx = what to add to an address for the host's, if the page looked up has one.
    fn check(&mut self, ty: MemTy, addr: Mem, writes: bool) -> Page {
        let log = log2(ty) as u8;
        let mut crosses = None;
        let from = self.compute(RAX, addr);
        if log >= 4 {
            // Vectors are often enough not aligned: the last byte has to be in the same page.
            crosses = Some(self.page_of(from, ty.bytes().into()));
        } else {
            // Bits that should be 0 go to the top, where they make the page number too great.
            if log > 0 && self.cx.features.bmi2 {
                self.asm.rorx(RAX, from, log);
            } else {
                self.asm.mov(RAX, from);
                if log > 0 {
                    self.asm.shift_imm(Shift::Ror, Ty::I64, RAX, log);
                }
            }
            self.asm.shift_imm(Shift::Shr, Ty::I64, RAX, PAGE_SHIFT as u8 - log);
        }
        self.look_up(crosses, !writes, writes)
    }

    /// Checks that a word can be loaded and stored; gives the place. What is not aligned is refused, too.
    pub(crate) fn check_writable(&mut self, ty: MemTy, addr: Reg) -> Mem {
        let page = self.check(ty, Mem::at(addr, 0), true);
        self.refuse_page(page);
        in_page(addr, 0)
    }

    /// Leaves the hot path where a page was not found.
    fn refuse_page(&mut self, page: Page) {
        self.refused.extend(page.refused.into_iter().flatten().chain([page.unknown]));
    }

    /// The jump is taken if so many bytes reach into the next page.
    fn crosses(&mut self, addr: Reg, bytes: i32) -> Jump {
        self.asm.mov32(RDX, addr);
        self.asm.alu_imm(Alu::And, false, RDX, PAGE_SIZE as i32 - 1);
        self.asm.alu_imm(Alu::Cmp, false, RDX, PAGE_SIZE as i32 - bytes);
        self.asm.jcc(Cc::A)
    }

    /// The same, and rax = the number of the page of the address, which may be in rax.
    pub(crate) fn page_of(&mut self, addr: Reg, bytes: i32) -> Jump {
        let crosses = self.crosses(addr, bytes);
        self.asm.mov(RAX, addr);
        self.asm.shift_imm(Shift::Shr, Ty::I64, RAX, PAGE_SHIFT as u8);
        crosses
    }

    /// rdx = the addend of the page whose number is in rax, if the view has it. What only writes has no use for a guess.
    pub(crate) fn look_up(&mut self, crosses: Option<Jump>, reads: bool, writes: bool) -> Page {
        self.asm.alu_imm(Alu::Cmp, true, RAX, VIEW_PAGES as i32);
        let refused = [crosses, Some(self.asm.jcc(Cc::AE))];
        if self.cx.steady || self.cx.windowed || !reads {
            let table = if self.cx.windowed { RDX } else { R15 };
            if self.cx.windowed {
                self.asm.mov(table, Mem::at(RSP, STACK_TABLE));
            }
            self.asm.mov(RDX, addend(table, RAX, writes));
            self.asm.test(Ty::I64, RDX, RDX);
            let unknown = self.asm.jcc(Cc::E);
            return Page { refused, unknown, guess: None, writes, untouched: self.untouched };
        }
        let at = (self.code_offset + self.asm.here()) / size_of::<u64>() % GUESSES * size_of::<u64>();
        let guess = Guess { cell: self.data(at), wrong: self.data(WRONG) };
        self.asm.mov(RDX, guess.cell);
        self.asm.cmp(Ty::I64, RDX, addend(R15, RAX, writes));
        let unknown = self.asm.jcc(Cc::NE);
        Page { refused, unknown, guess: Some(guess), writes, untouched: self.untouched }
    }

    /// Cold: goes to `at` with the page's addend if the view has it after all, and on if not. Leaves, with the state given,
    /// if guesses have been wrong too often.
    pub(crate) fn look_again(&mut self, page: Page, at: usize, state: &State) {
        self.asm.bind(page.unknown);
        if let Some(guess) = page.guess {
            self.asm.mov(RDX, addend(R15, RAX, page.writes));
            self.asm.test(Ty::I64, RDX, RDX);
            let none = self.asm.jcc(Cc::E);
            self.asm.store(Ty::I64, guess.cell, RDX);
            if page.untouched {
                self.asm.dec(guess.wrong);
                self.asm.jcc_to(Cc::NS, self.asm.base + at);
                self.leave_for_good(state);
            } else {
                self.asm.jmp_to(self.asm.base + at);
            }
            self.asm.bind(none);
        }
        for jump in page.refused.into_iter().flatten() {
            self.asm.bind(jump);
        }
    }

    /// A cell behind the code.
    pub(crate) fn data(&self, at: usize) -> Mem {
        Mem::at(HERE, self.cx.data + at as i32)
    }

    /// Leaves in front of the instruction at hand, which is untouched; the block is to be compiled anew.
    pub(crate) fn leave_for_good(&mut self, state: &State) {
        let why = Why::Wrong { insn: self.begun - 1, floats: false };
        let exit = Exit { id: self.cx.id, refund: self.block.insns, why };
        self.leave(state, exit);
    }

    fn load(&mut self, ty: MemTy, d: Slot, addr: Mem) {
        // At a fault all is as before the load, whatever register it is to get.
        let state = self.state();
        let to = if ty.slots() > 1 { RAX } else { self.dst(d) };
        let page = self.check(ty, addr, false);
        let at = self.asm.here();
        self.get(ty, to, in_page(addr.base, addr.disp));
        let behind = self.asm.here();
        self.got(ty, d);
        let begun = self.begun;
        self.cold.push(Cold::Access(Access { page, addr, kind: Kind::Load, ty, at, behind, state, begun }));
    }

    fn store(&mut self, ty: MemTy, src: Slot, addr: Mem) {
        let value = self.stored(ty, src);
        let state = self.state();
        let page = self.check(ty, addr, true);
        let at = self.asm.here();
        self.put(ty, value, in_page(addr.base, addr.disp));
        let (behind, begun) = (self.asm.here(), self.begun);
        self.cold.push(Cold::Access(Access { page, addr, kind: Kind::Store(value), ty, at, behind, state, begun }));
    }

    /// The register with what to store; vectors are in xmm0 and xmm1.
    pub(crate) fn stored(&mut self, ty: MemTy, src: Slot) -> Reg {
        if ty.slots() == 1 {
            return self.src(src);
        }
        self.regs.sync_slots(&mut self.asm, src, ty.slots());
        self.load_vector(Reg(0), src);
        if ty == MemTy::V256 {
            self.asm.load128(Reg(1), slot(src.up(2)));
        }
        RAX
    }

    /// A vector loaded goes to its slots.
    pub(crate) fn got(&mut self, ty: MemTy, d: Slot) {
        if ty.slots() == 1 {
            return;
        }
        self.asm.store128(slot(d), Reg(0));
        if ty == MemTy::V256 {
            self.asm.store128(slot(d.up(2)), Reg(1));
        }
        self.regs.forget_slots(d, ty.slots());
    }

    /// In debug builds every access first asks whether it goes where the interpreter's would.
    fn verify(&mut self, ty: MemTy, m: Mem, writes: bool) {
        if cfg!(debug_assertions) {
            let thunks = self.cx.thunks;
            let through = m.base == R15 || matches!(m.index, Some((R15, _)));
            self.asm.push(RCX);
            self.address_of(RCX, if m.base == R15 { m } else { Mem { index: None, ..m } });
            let verify = if through { thunks.verify_window } else { thunks.verify };
            self.asm.call_to(verify[writes as usize][log2(ty)]);
            self.asm.pop(RCX);
        }
    }

    /// Loads; says where the one or two instructions are that do.
    pub(crate) fn get(&mut self, ty: MemTy, to: Reg, m: Mem) -> [usize; 2] {
        self.verify(ty, m, false);
        let mut at = [self.asm.here(); 2];
        match ty {
            MemTy::U8 => self.asm.movzx(Ty::I8, to, m),
            MemTy::U16 => self.asm.movzx(Ty::I16, to, m),
            MemTy::U32 => self.asm.mov32(to, m),
            MemTy::U64 => self.asm.mov(to, m),
            MemTy::S8 => self.asm.movsx(Ty::I8, true, to, m),
            MemTy::S16 => self.asm.movsx(Ty::I16, true, to, m),
            MemTy::S32 => self.asm.movsx(Ty::I32, true, to, m),
            MemTy::V128 | MemTy::V256 => {
                self.asm.load128(Reg(0), m);
                if ty == MemTy::V256 {
                    self.upper_half(m, |asm, m| {
                        at[1] = asm.here();
                        asm.load128(Reg(1), m);
                    });
                }
            }
        }
        at
    }

    /// Accesses what is 16 bytes behind an address in a page, whose displacement may be the greatest there is.
    fn upper_half(&mut self, m: Mem, access: impl FnOnce(&mut Asm, Mem)) {
        if let Some(disp) = m.disp.checked_add(16) {
            return access(&mut self.asm, Mem { disp, ..m });
        }
        self.asm.lea(RDX, Mem::at(RDX, 16));
        access(&mut self.asm, m);
        self.asm.lea(RDX, Mem::at(RDX, -16));
    }

    /// Stores; says where the first instruction is that does.
    pub(crate) fn put(&mut self, ty: MemTy, value: Reg, m: Mem) -> usize {
        self.verify(ty, m, true);
        let at = self.asm.here();
        match ty {
            MemTy::U8 | MemTy::S8 => self.asm.store(Ty::I8, m, value),
            MemTy::U16 | MemTy::S16 => self.asm.store(Ty::I16, m, value),
            MemTy::U32 | MemTy::S32 => self.asm.store(Ty::I32, m, value),
            MemTy::U64 => self.asm.store(Ty::I64, m, value),
            MemTy::V128 | MemTy::V256 => {
                self.asm.store128(m, Reg(0));
                if ty == MemTy::V256 {
                    self.upper_half(m, |asm, m| asm.store128(m, Reg(1)));
                }
            }
        }
        at
    }

    /// The rest of an access.
    pub(crate) fn cold_access(&mut self, access: Access) {
        let Access { page, addr, kind, ty, at, behind, state, begun } = access;
        self.begun = begun;
        self.look_again(page, at, &state);
        self.asm.lea(RCX, addr);
        let base = self.asm.base;
        match kind {
            Kind::Load => {
                self.slow_load(ty, &state);
                self.asm.jmp_to(base + at);
            }
            Kind::Store(value) => {
                self.asm.call_to(self.cx.thunks.store[log2(ty)]);
                self.asm.jcc_to(Cc::AE, base + at);
                self.put(ty, value, in_page(addr.base, addr.disp));
                self.slow_store(ty, &state);
                self.asm.jmp_to(base + behind);
            }
        }
    }

    /// rdx = where the bytes of a load at rcx are, seen from there: in their page, or in the frame's buffer.
    fn slow_load(&mut self, ty: MemTy, state: &State) {
        self.asm.call_to(self.cx.thunks.load[log2(ty)]);
        self.or_leave(state);
    }

    /// The bytes of a store at rcx, which are in the frame's buffer, to where they belong.
    pub(crate) fn slow_store(&mut self, ty: MemTy, state: &State) {
        self.asm.call_to(self.cx.thunks.commit[log2(ty)]);
        self.or_leave(state);
    }

    pub(crate) fn or_leave(&mut self, state: &State) {
        let done = self.asm.jcc(Cc::AE);
        let exit = self.stopped(None);
        self.leave(state, exit);
        self.asm.bind(done);
    }
}

/// An address in the page whose addend is in rdx.
pub(crate) fn in_page(base: Reg, disp: i32) -> Mem {
    Mem { base, index: Some((RDX, 0)), disp }
}
