//! Ends of blocks: comparisons with their branches, and the ways on to other blocks.
use crate::alu::Against;
use crate::asm::*;
use crate::jumps::{CONTEXT, ENTRY, LINE, LINE_SHIFT, PC, SPREAD, line};
use crate::thunks::{STACK_CONTEXT, STACK_JUMPS};
use crate::translate::{Cold, Exit, Site, Translator, Why};
use engine::linkable;
use ir::{Op, Term, Ty};

impl Translator<'_> {
    /// The end of the block.
    pub(crate) fn end(&mut self) {
        let block = self.block;
        let id = self.cx.id;
        // What is in registers alone goes to memory first: moves do not disturb a comparison's flags.
        match block.term {
            Term::Jump { pc } => {
                self.settle();
                self.go_home();
                self.go(None, pc);
            }
            Term::Branch { taken, next, .. }
            | Term::BranchCmp { taken, next, .. }
            | Term::BranchCmpImm { taken, next, .. }
            | Term::BranchFlag { taken, next, .. } => {
                self.settle();
                let cc = self.taken_if().unwrap_or_else(|| self.taken_if_flag());
                self.go_home();
                self.go(Some(cc), taken);
                self.go(None, next);
            }
            Term::JumpReg { a, .. } => {
                self.settle();
                let a = self.operand(a);
                self.asm.mov(RAX, a);
                self.go_home();
                self.jump_indirect();
            }
            Term::Syscall { next } => {
                let state = self.state();
                self.leave(&state, Exit { id, refund: 0, why: Why::Syscall(next) });
            }
            Term::Trap { .. } => {
                let state = self.state();
                self.leave(&state, Exit { id, refund: block.insns, why: Why::Trap });
            }
        }
    }

    /// Stores what the next block expects in memory.
    pub(crate) fn settle(&mut self) {
        self.regs.store_unpinned(&mut self.asm);
        self.materialise();
    }

    /// Puts what is pinned where the next block expects it. Moves only; uses rcx.
    pub(crate) fn go_home(&mut self) {
        self.regs.locals.change(&mut self.asm, &self.regs.pins.home);
        self.regs.locals = self.regs.pins.home;
    }

    /// Makes the comparison that the block ends with; gives the condition under which its branch is taken. None, and no code,
    /// if it asks flags that the host cannot be brought to have.
    pub(crate) fn taken_if(&mut self) -> Option<Cc> {
        Some(match self.block.term {
            Term::Branch { c, .. } => match self.compared {
                Some((cond, ty, a, against)) => self.compare(cond, ty, a, against),
                None => {
                    let c = self.flag_cell(c);
                    let c = self.operand(c);
                    self.test_zero(c);
                    Cc::NE
                }
            },
            Term::BranchCmp { cond, ty, a, b, .. } => {
                let (a, b) = (self.flag_cell(a), self.flag_cell(b));
                self.compare(cond, ty, a, Against::Slot(b))
            }
            Term::BranchCmpImm { cond, ty, a, imm, .. } => {
                let a = self.flag_cell(a);
                self.compare(cond, ty, a, Against::Imm(imm))
            }
            Term::BranchFlag { cond, .. } => self.host_flags(cond)?,
            _ => return None,
        })
    }

    /// The same for flags that were set in another block, perhaps.
    fn taken_if_flag(&mut self) -> Cc {
        if let Term::BranchFlag { cond, .. } = self.block.term {
            // The answer goes to a temporary: none is alive at the end of a block.
            let d = ir::Slot(ir::TEMPS);
            self.regs.sync_slots(&mut self.asm, d, 1);
            self.flag_of_another_block(cond, d, &Op::GetFlag { cond, d });
            let c = self.operand(d);
            self.test_zero(c);
        }
        Cc::NE
    }

    /// Goes to `pc`, if `cc`; everything is where the next block expects it.
    pub(crate) fn go(&mut self, cc: Option<Cc>, pc: u64) {
        if self.cx.chain && pc == self.block.pc {
            let entry = self.asm.base;
            return match cc {
                Some(cc) => self.asm.jcc_to(cc, entry),
                None => self.asm.jmp_to(entry),
            };
        }
        // A loop's way back is worth room here; most other branches out of the page are rare.
        let here = !self.links_to(pc) && (cc.is_none() || pc < self.block.pc);
        let skip = cc.filter(|_| here).map(|cc| self.asm.jcc_short(cc.not()));
        let site = here.then(|| self.site());
        let jump = match cc {
            Some(cc) if !here => self.asm.jcc(cc),
            _ => self.asm.jmp(),
        };
        skip.into_iter().for_each(|jump| self.asm.bind_short(jump));
        self.cold.push(Cold::Go { jump, pc, refund: 0, state: None, site });
    }

    /// Whether the way to `pc` is the same in every context.
    fn links_to(&self, pc: u64) -> bool {
        self.cx.chain && linkable(self.block.pc, pc)
    }

    /// A jump that is taken once it is linked, in that context.
    fn site(&mut self) -> Site {
        let context = self.asm.cmp_patchable(Mem::at(RSP, STACK_CONTEXT));
        let jump = self.asm.jcc(Cc::E);
        Site { context: self.code_offset + context, jump: self.code_offset + jump.0 }
    }

    /// Leaves in the middle, the instruction at hand done.
    pub(crate) fn leave_at(&mut self, jump: Jump, pc: u64, refund: u32) {
        let state = Some(self.state());
        self.cold.push(Cold::Go { jump, pc, refund, state, site: None });
    }

    /// The way to `pc`: to be linked, for one context alone if it leads out of the page, and then else through the jump cache.
    /// `from` is the jump that leads here, if nothing has to be done in between.
    pub(crate) fn cold_go(&mut self, from: Option<Jump>, pc: u64, site: Option<Site>) {
        let number = self.exits.len() as u64;
        let id = self.cx.id;
        if self.links_to(pc) {
            let jump = from.unwrap_or_else(|| {
                let jump = self.asm.jmp();
                self.asm.bind(jump);
                jump
            });
            let (jump, stub) = (self.code_offset + jump.0, self.code_offset + self.asm.here());
            self.exits.push(Exit { id, refund: 0, why: Why::Link { pc, jump, stub } });
        } else {
            let site = site.unwrap_or_else(|| self.site());
            self.asm.mov_imm(RAX, pc);
            self.asm.mov(RCX, Mem::at(RSP, STACK_JUMPS));
            let at = (line(pc) * LINE) as i32;
            let miss = self.find(Mem::at(RCX, at));
            miss.into_iter().for_each(|jump| self.asm.bind_short(jump));
            self.exits.push(Exit { id, refund: 0, why: Why::LinkIn { pc, site, to: None } });
        }
        self.asm.mov_imm(RAX, number);
        self.asm.jmp_to(self.cx.gate.exit);
    }

    /// Goes where the line of the jump cache says if it is that of rax; gives the jumps taken if not.
    fn find(&mut self, line: Mem) -> [ShortJump; 2] {
        let field = |offset: usize| Mem { disp: line.disp + offset as i32, ..line };
        self.asm.cmp(Ty::I64, RAX, field(PC));
        let other = self.asm.jcc_short(Cc::NE);
        self.asm.mov(RDX, Mem::at(RSP, STACK_CONTEXT));
        self.asm.cmp(Ty::I64, RDX, field(CONTEXT));
        let elsewhere = self.asm.jcc_short(Cc::NE);
        self.asm.jmp_rm(field(ENTRY));
        [other, elsewhere]
    }

    /// To the address in rax.
    fn jump_indirect(&mut self) {
        self.asm.imul_imm(false, RCX, RAX, SPREAD as i32);
        self.asm.shift_imm(Shift::Shr, Ty::I32, RCX, LINE_SHIFT as u8);
        self.asm.shift_imm(Shift::Shl, Ty::I64, RCX, LINE.trailing_zeros() as u8);
        self.asm.alu(Alu::Add, true, RCX, Mem::at(RSP, STACK_JUMPS));
        let miss = self.find(Mem::at(RCX, 0));
        miss.into_iter().for_each(|jump| self.asm.bind_short(jump));
        self.asm.jmp_to(self.cx.gate.exit_jump);
    }
}
