//! Blocks that branch to themselves. Their operations are there twice: as any block enters them, and as the block itself
//! does, with the cache and the flags left as they are at its end. So a loop stores neither from one round to the next.
use crate::asm::*;
use crate::translate::{Cold, Translator};
use ir::{Block, Term};

/// Where a block that branches to itself goes else, and whether it is the branch taken that leads back.
pub(crate) fn loops(block: &Block) -> Option<(u64, bool)> {
    let (Term::Branch { taken, next, .. }
    | Term::BranchCmp { taken, next, .. }
    | Term::BranchCmpImm { taken, next, .. }
    | Term::BranchFlag { taken, next, .. }) = block.term
    else {
        return None;
    };
    match (taken == block.pc, next == block.pc) {
        (true, false) => Some((next, true)),
        (false, true) => Some((taken, false)),
        _ => None,
    }
}

impl Translator<'_> {
    /// The condition for the next round, as `taken_if`.
    fn next_round(&mut self, if_taken: bool) -> Option<Cc> {
        let cc = self.taken_if()?;
        self.regs.unlock();
        Some(if if_taken { cc } else { cc.not() })
    }

    /// Behind the operations of a block that branches to itself: leaves for `exit`, or goes on with the same again.
    pub(crate) fn again(&mut self, exit: u64, if_taken: bool) {
        let Some(cc) = self.next_round(if_taken) else { return self.end() };
        self.leave_round(cc, exit);
        self.regs.end_instruction();
        let cache = self.regs.locals;
        let flags = self.flags;
        let entry = self.asm.base + self.asm.here();
        self.compared = None;
        self.ranges.again(self.block);
        self.floats.again(self.block);
        let (whole, lower) = (self.floats.homes.whole, self.floats.homes.lower);
        self.all_operations();
        let Some(cc) = self.next_round(if_taken) else { return self.end() };
        if self.flags == flags {
            self.regs.locals.change(&mut self.asm, &cache);
            self.regs.locals = cache;
            self.fill_homes(whole, lower);
            self.asm.jcc_to(cc, entry);
            self.settle();
            self.go_home();
            self.go(None, exit);
        } else {
            self.leave_round(cc, exit);
            self.settle();
            self.go_home();
            self.go(None, self.block.pc);
        }
    }

    /// Leaves for `exit` unless `cc`.
    fn leave_round(&mut self, cc: Cc, exit: u64) {
        let jump = self.asm.jcc(cc.not());
        self.cold.push(Cold::Go { jump, pc: exit, refund: 0, state: Some(self.state()), site: None });
    }
}
