//! Templates of loads and stores. Inline is the check that the access is aligned (so that it stays in its page) and that the
//! view has the page; all else is cold. A load does not wait for the view's table: it goes by a guess of the page's addend,
//! mostly that of the page before, since frames are neighbours; the table only has to agree.
use crate::asm::*;
use crate::code::GUESSES;
use crate::thunks::{addend, log2, slot};
use crate::translate::{State, Translator};
use ir::{MemTy, Op, Slot, Ty};
use mmu::{PAGE_SHIFT, PAGE_SIZE, VIEW_PAGES};

/// An access whose inline check may refuse it.
pub(crate) struct Access {
    /// Taken where the slow path has to look.
    refused: [Option<Jump>; 2],
    /// Taken where the view has no such page, or, of a load, where its guess was wrong.
    unknown: Jump,
    /// Of a load.
    guess: Option<Mem>,
    /// Where its address is.
    addr: Reg,
    kind: Kind,
    ty: MemTy,
    /// The access itself, and what comes behind it.
    at: usize,
    behind: usize,
    state: State,
    insn: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Load,
    /// Of this register; vectors are in xmm0 and xmm1.
    Store(Reg),
}

impl Translator<'_> {
    pub(crate) fn access(&mut self, op: &Op) {
        match *op {
            Op::Load { ty, d, addr, disp } => {
                let addr = self.address(addr, disp);
                self.load(ty, d, addr);
            }
            Op::LoadX { ty, d, base, index, scale, disp } => {
                let addr = self.address_x(base, index, scale, disp);
                self.load(ty, d, addr);
            }
            Op::Store { ty, src, addr, disp } => {
                let addr = self.address(addr, disp);
                self.store(ty, src, addr);
            }
            Op::StoreX { ty, src, base, index, scale, disp } => {
                let addr = self.address_x(base, index, scale, disp);
                self.store(ty, src, addr);
            }
            _ => {}
        }
    }

    /// Faults as a write would. What the inline check cannot tell, the interpreter does.
    pub(crate) fn probe_write(&mut self, op: &Op) {
        let Op::ProbeWrite { bytes, addr, disp } = *op else { return };
        let addr = self.address(addr, disp);
        self.begin_checks(op);
        self.asm.mov32(RDX, addr);
        self.asm.alu_imm(Alu::And, false, RDX, PAGE_SIZE as i32 - 1);
        self.asm.alu_imm(Alu::Cmp, false, RDX, PAGE_SIZE as i32 - bytes as i32);
        self.refuse(Cc::A);
        self.asm.mov(RDX, addr);
        self.asm.shift_imm(Shift::Shr, Ty::I64, RDX, PAGE_SHIFT as u8);
        self.asm.alu_imm(Alu::Cmp, true, RDX, VIEW_PAGES as i32);
        self.refuse(Cc::AE);
        self.asm.alu_imm(Alu::Cmp, true, addend(RDX, true), 0);
        self.refuse(Cc::E);
        self.end_checks(op);
    }

    /// The register that holds base + disp: rcx, or that of the base itself.
    fn address(&mut self, base: Slot, disp: i32) -> Reg {
        let base = self.src(base);
        if disp == 0 {
            return base;
        }
        self.asm.lea(RCX, Mem::at(base, disp));
        RCX
    }

    fn address_x(&mut self, base: Slot, index: Slot, scale: u8, disp: i32) -> Reg {
        let base = self.src(base);
        let m = self.indexed(base, index, scale, disp);
        self.asm.lea(RCX, m);
        RCX
    }

    /// rdx = the number of the page; gives the jumps taken if the access may leave it, or the view is too small.
    fn page(&mut self, ty: MemTy, addr: Reg) -> [Option<Jump>; 2] {
        let log = log2(ty) as u8;
        let mut crosses = None;
        if log >= 4 {
            // Vectors are often enough not aligned: the last byte has to be in the same page.
            self.asm.mov32(RDX, addr);
            self.asm.alu_imm(Alu::And, false, RDX, PAGE_SIZE as i32 - 1);
            self.asm.alu_imm(Alu::Cmp, false, RDX, PAGE_SIZE as i32 - ty.bytes() as i32);
            crosses = Some(self.asm.jcc(Cc::A));
            self.asm.mov(RDX, addr);
            self.asm.shift_imm(Shift::Shr, Ty::I64, RDX, PAGE_SHIFT as u8);
        } else {
            // Bits that should be 0 go to the top, where they make the page number too great.
            if log > 0 && self.cx.features.bmi2 {
                self.asm.rorx(RDX, addr, log);
            } else {
                self.asm.mov(RDX, addr);
                if log > 0 {
                    self.asm.shift_imm(Shift::Ror, Ty::I64, RDX, log);
                }
            }
            self.asm.shift_imm(Shift::Shr, Ty::I64, RDX, PAGE_SHIFT as u8 - log);
        }
        self.asm.alu_imm(Alu::Cmp, true, RDX, VIEW_PAGES as i32);
        let beyond = self.asm.jcc(Cc::AE);
        [crosses, Some(beyond)]
    }

    fn load(&mut self, ty: MemTy, d: Slot, addr: Reg) {
        // At a fault all is as before the load, whatever register it is to get.
        let state = self.state();
        let vector = ty.slots() > 1;
        let to = if vector { RAX } else { self.dst(d) };
        let refused = self.page(ty, addr);
        let cell = (self.code_offset + self.asm.here()) / 8 % GUESSES * 8;
        let guess = Mem::at(HERE, self.cx.guesses + cell as i32);
        self.asm.mov(RAX, guess);
        self.asm.cmp(Ty::I64, RAX, addend(RDX, false));
        let unknown = self.asm.jcc(Cc::NE);
        let at = self.asm.here();
        let m = Mem::sum(addr, RAX);
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
                    self.asm.load128(Reg(1), Mem { disp: 16, ..m });
                }
            }
        }
        let behind = self.asm.here();
        if vector {
            self.asm.store128(slot(d), Reg(0));
            if ty == MemTy::V256 {
                self.asm.store128(slot(d.up(2)), Reg(1));
            }
            self.regs.reload_slots(&mut self.asm, d, ty.slots());
        }
        let insn = self.insn;
        self.cold.push(crate::translate::Cold::Access(Access {
            refused,
            unknown,
            guess: Some(guess),
            addr,
            kind: Kind::Load,
            ty,
            at,
            behind,
            state,
            insn,
        }));
    }

    fn store(&mut self, ty: MemTy, src: Slot, addr: Reg) {
        let value = if ty.slots() > 1 {
            self.regs.sync_slots(&mut self.asm, src, ty.slots());
            self.asm.load128(Reg(0), slot(src));
            if ty == MemTy::V256 {
                self.asm.load128(Reg(1), slot(src.up(2)));
            }
            RAX
        } else {
            self.src(src)
        };
        let state = self.state();
        let refused = self.page(ty, addr);
        self.asm.mov(RDX, addend(RDX, true));
        self.asm.test(Ty::I64, RDX, RDX);
        let unknown = self.asm.jcc(Cc::E);
        let at = self.asm.here();
        self.put(ty, value, addr);
        let (behind, insn) = (self.asm.here(), self.insn);
        let kind = Kind::Store(value);
        let access = Access { refused, unknown, guess: None, addr, kind, ty, at, behind, state, insn };
        self.cold.push(crate::translate::Cold::Access(access));
    }

    fn put(&mut self, ty: MemTy, value: Reg, addr: Reg) {
        let m = Mem::sum(addr, RDX);
        match ty {
            MemTy::U8 | MemTy::S8 => self.asm.store(Ty::I8, m, value),
            MemTy::U16 | MemTy::S16 => self.asm.store(Ty::I16, m, value),
            MemTy::U32 | MemTy::S32 => self.asm.store(Ty::I32, m, value),
            MemTy::U64 => self.asm.store(Ty::I64, m, value),
            MemTy::V128 | MemTy::V256 => {
                self.asm.store128(m, Reg(0));
                if ty == MemTy::V256 {
                    self.asm.store128(Mem { disp: 16, ..m }, Reg(1));
                }
            }
        }
    }

    /// The rest of an access. Slow paths are called with the address in rcx; a load that took one finds its bytes in the
    /// frame's buffer, a store leaves them there.
    pub(crate) fn cold_access(&mut self, access: Access) {
        let Access { refused, unknown, guess, addr, kind, ty, at, behind, state, insn } = access;
        let (base, thunks) = (self.asm.base, self.cx.thunks);
        self.asm.bind(unknown);
        if let Some(guess) = guess {
            self.asm.mov(RAX, addend(RDX, false));
            self.asm.test(Ty::I64, RAX, RAX);
            let none = self.asm.jcc_short(Cc::E);
            self.asm.store(Ty::I64, guess, RAX);
            self.asm.jmp_to(base + at);
            self.asm.bind_short(none);
        }
        for jump in refused.into_iter().flatten() {
            self.asm.bind(jump);
        }
        self.asm.mov(RCX, addr);
        match kind {
            Kind::Load => {
                self.asm.call_to(thunks.load[log2(ty)]);
                let stopped = self.asm.jcc_short(Cc::B);
                self.asm.mov(RAX, RDX);
                self.asm.jmp_to(base + at);
                self.asm.bind_short(stopped);
            }
            Kind::Store(value) => {
                self.asm.call_to(thunks.store[log2(ty)]);
                self.asm.jcc_to(Cc::AE, base + at);
                self.put(ty, value, addr);
                self.asm.call_to(thunks.commit[log2(ty)]);
                self.asm.jcc_to(Cc::AE, base + behind);
            }
        }
        self.insn = insn;
        let exit = self.stopped(None);
        self.leave(&state, exit, false);
    }
}
