//! Templates of atomic operations. One host thread runs all virtual CPUs, so a load and a store are one operation; the check
//! is that of a store, which also refuses a page that exclusive monitors watch.
use crate::asm::*;
use crate::thunks::slot;
use crate::translate::Translator;
use ir::{MemTy, Op, RmwOp, Slot, Ty};

/// What computes the new value from the old one and the operand; none for those that are not worth a template.
fn alu(op: RmwOp) -> Option<Alu> {
    Some(match op {
        RmwOp::Add => Alu::Add,
        RmwOp::Sub => Alu::Sub,
        RmwOp::And => Alu::And,
        RmwOp::Or => Alu::Or,
        RmwOp::Xor => Alu::Xor,
        _ => return None,
    })
}

fn word(ty: Ty) -> MemTy {
    match ty {
        Ty::I8 => MemTy::U8,
        Ty::I16 => MemTy::U16,
        Ty::I32 => MemTy::U32,
        Ty::I64 => MemTy::U64,
    }
}

impl Translator<'_> {
    pub(crate) fn atomic(&mut self, op: &Op) {
        match *op {
            Op::AtomicRmw { op: rmw, ty, d, addr, src } if rmw == RmwOp::Swap || alu(rmw).is_some() => {
                let (addr, src) = (self.src(addr), self.src(src));
                self.begin_checks(op);
                let place = self.check_writable(word(ty), addr);
                self.get(word(ty), RAX, place);
                let new = match alu(rmw) {
                    Some(alu) => {
                        self.asm.mov(RCX, RAX);
                        self.asm.alu(alu, true, RCX, src);
                        RCX
                    }
                    None => src,
                };
                self.put(word(ty), new, place);
                self.end_atomic(d, op);
            }
            Op::Cas { ty, d, addr, expect, new } => {
                let (addr, expect, new) = (self.src(addr), self.src(expect), self.src(new));
                self.begin_checks(op);
                let place = self.check_writable(word(ty), addr);
                self.get(word(ty), RAX, place);
                self.asm.movzx(ty, RCX, expect);
                self.asm.cmp(Ty::I64, RAX, RCX);
                let differs = self.asm.jcc(Cc::NE);
                self.put(word(ty), new, place);
                self.asm.bind(differs);
                self.end_atomic(d, op);
            }
            _ => self.interpret(op),
        }
    }

    /// The old value is in rax.
    fn end_atomic(&mut self, d: Slot, op: &Op) {
        self.asm.store(Ty::I64, slot(d), RAX);
        self.end_checks(op);
        self.regs.forget_slots(d, 1);
    }
}
