//! Templates of integer operations.
use crate::asm::*;
use crate::translate::Translator;
use ir::{BinOp, Cond, Op, Slot, Ty, UnOp};

/// What a comparison is with.
#[derive(Clone, Copy)]
pub(crate) enum Against {
    Slot(Slot),
    Imm(i32),
}

fn arithmetic(op: BinOp) -> Option<(Alu, bool)> {
    Some(match op {
        BinOp::Add => (Alu::Add, true),
        BinOp::Sub => (Alu::Sub, false),
        BinOp::And => (Alu::And, true),
        BinOp::Or => (Alu::Or, true),
        BinOp::Xor => (Alu::Xor, true),
        _ => return None,
    })
}

fn shift(op: BinOp) -> Option<Shift> {
    Some(match op {
        BinOp::Shl => Shift::Shl,
        BinOp::Shr => Shift::Shr,
        BinOp::Sar => Shift::Sar,
        BinOp::Rotl => Shift::Rol,
        BinOp::Rotr => Shift::Ror,
        _ => return None,
    })
}

impl Translator<'_> {
    /// Cuts a narrow result off above its width.
    fn cut(&mut self, ty: Ty, d: Reg) {
        if ty < Ty::I32 {
            self.asm.movzx(ty, d, d);
        }
    }

    pub(crate) fn bin(&mut self, bin: BinOp, ty: Ty, d: Slot, a: Slot, b: Slot, op: &Op) {
        let wide = ty == Ty::I64;
        if let Some((alu, commutes)) = arithmetic(bin) {
            let part = match bin {
                BinOp::Add | BinOp::Sub => self.flags_of(bin == BinOp::Add, ty, d, a, Ok(b)),
                _ => None,
            };
            self.flags_before_write(d, 1);
            if d == b && d != a {
                if commutes {
                    let a = self.operand(a);
                    self.src(d);
                    let d = self.dst(d);
                    self.asm.alu(alu, wide, d, a);
                    self.cut(ty, d);
                } else {
                    let a = self.operand(a);
                    self.asm.mov(RAX, a);
                    let b = self.operand(b);
                    self.asm.alu(alu, wide, RAX, b);
                    let d = self.dst(d);
                    self.asm.movzx(ty, d, RAX);
                }
            } else {
                let b = self.operand(b);
                if d == a {
                    self.src(d);
                    let d = self.dst(d);
                    self.asm.alu(alu, wide, d, b);
                    self.cut(ty, d);
                } else {
                    let value = self.operand(a);
                    let d = self.dst_over(d, a);
                    match (bin, value, b) {
                        (BinOp::Add, Rm::Reg(a), Rm::Reg(b)) if wide => self.asm.lea(d, Mem::sum(a, b)),
                        (BinOp::Add, Rm::Reg(a), Rm::Reg(b)) if ty == Ty::I32 => self.asm.lea32(d, Mem::sum(a, b)),
                        _ => {
                            self.asm.mov(d, value);
                            self.asm.alu(alu, wide, d, b);
                            self.cut(ty, d);
                        }
                    }
                }
            }
            self.flags_from_result(part);
            return;
        }
        self.flags_before_write(d, 1);
        if let Some(shift) = shift(bin) {
            return self.shift(shift, ty, d, a, b);
        }
        match bin {
            BinOp::AndNot | BinOp::OrNot | BinOp::XorNot => {
                let alu = match bin {
                    BinOp::AndNot => Alu::And,
                    BinOp::OrNot => Alu::Or,
                    _ => Alu::Xor,
                };
                let b = self.operand(b);
                self.asm.mov(RAX, b);
                self.asm.group3(2, true, RAX);
                let a = self.operand(a);
                self.asm.alu(alu, true, RAX, a);
                let d = self.dst(d);
                self.asm.movzx(ty, d, RAX);
            }
            BinOp::Mul => {
                let (a, b) = (self.operand(a), self.operand(b));
                self.asm.mov(RAX, a);
                self.asm.imul(wide, RAX, b);
                let d = self.dst(d);
                self.asm.movzx(ty, d, RAX);
            }
            BinOp::MulHiS | BinOp::MulHiU if wide => {
                let (a, b) = (self.operand(a), self.operand(b));
                self.asm.mov(RAX, a);
                self.asm.group3(if bin == BinOp::MulHiS { 5 } else { 4 }, true, b);
                let d = self.dst(d);
                self.asm.mov(d, RDX);
            }
            BinOp::MulHiS | BinOp::MulHiU if ty == Ty::I32 => {
                let (a, b) = (self.operand(a), self.operand(b));
                for (r, from) in [(RAX, a), (RCX, b)] {
                    if bin == BinOp::MulHiS { self.asm.movsx(ty, true, r, from) } else { self.asm.mov32(r, from) }
                }
                self.asm.imul(true, RAX, RCX);
                self.asm.shift_imm(Shift::Shr, Ty::I64, RAX, 32);
                let d = self.dst(d);
                self.asm.mov(d, RAX);
            }
            BinOp::DivS | BinOp::DivU | BinOp::RemS | BinOp::RemU => {
                let (a, b) = (self.operand(a), self.operand(b));
                self.divide(bin, ty, a, b);
                let d = self.dst(d);
                self.asm.movzx(ty, d, RAX);
            }
            BinOp::MinS | BinOp::MinU | BinOp::MaxS | BinOp::MaxU if ty >= Ty::I32 => {
                let (a, b) = (self.operand(a), self.operand(b));
                self.asm.movzx(ty, RAX, a);
                self.asm.movzx(ty, RCX, b);
                self.asm.cmp(ty, RCX, RAX);
                let cc = match bin {
                    BinOp::MinS => Cc::L,
                    BinOp::MinU => Cc::B,
                    BinOp::MaxS => Cc::G,
                    _ => Cc::A,
                };
                self.asm.cmov(cc, RAX, RCX);
                let d = self.dst(d);
                self.asm.mov(d, RAX);
            }
            _ => self.interpret(op),
        }
    }

    pub(crate) fn bin_imm(&mut self, bin: BinOp, ty: Ty, d: Slot, a: Slot, imm: i32, op: &Op) {
        let wide = ty == Ty::I64;
        if let Some((alu, _)) = arithmetic(bin) {
            let part = match bin {
                BinOp::Add | BinOp::Sub => self.flags_of(bin == BinOp::Add, ty, d, a, Err(imm)),
                _ => None,
            };
            self.flags_before_write(d, 1);
            if d == a {
                self.src(d);
                let d = self.dst(d);
                self.asm.alu_imm(alu, wide, d, imm);
                self.cut(ty, d);
            } else {
                let value = self.operand(a);
                let d = self.dst_over(d, a);
                match (bin, value) {
                    (BinOp::Add, Rm::Reg(a)) if wide => self.asm.lea(d, Mem::at(a, imm)),
                    (BinOp::Add, Rm::Reg(a)) if ty == Ty::I32 => self.asm.lea32(d, Mem::at(a, imm)),
                    (BinOp::And, _) if imm == 0xff => self.asm.movzx(Ty::I8, d, value),
                    (BinOp::And, _) if imm == 0xffff => self.asm.movzx(Ty::I16, d, value),
                    _ => {
                        self.asm.mov(d, value);
                        self.asm.alu_imm(alu, wide, d, imm);
                        self.cut(ty, d);
                    }
                }
            }
            self.flags_from_result(part);
            return;
        }
        self.flags_before_write(d, 1);
        if let Some(shift) = shift(bin) {
            let by = imm as u8 & (ty.bits() - 1);
            let value = self.operand(a);
            let (d, a) = (self.dst_over(d, a), value);
            // A narrow value is made whole where bits from above would come in.
            match shift {
                Shift::Sar => self.asm.movsx(ty, true, d, a),
                Shift::Shr if ty < Ty::I32 => self.asm.movzx(ty, d, a),
                _ => self.asm.mov(d, a),
            }
            let rotates = matches!(shift, Shift::Rol | Shift::Ror);
            let width = if ty < Ty::I32 && !rotates { Ty::I32 } else { ty };
            self.asm.shift_imm(shift, width, d, by);
            if by == 0 && ty == Ty::I32 {
                self.asm.mov32(d, d);
            }
            return self.cut(ty, d);
        }
        match bin {
            BinOp::Mul => {
                let a = self.operand(a);
                let d = self.dst(d);
                self.asm.imul_imm(wide, d, a, imm);
                self.cut(ty, d);
            }
            BinOp::DivS | BinOp::DivU | BinOp::RemS | BinOp::RemU => {
                let a = self.operand(a);
                self.asm.mov_imm(RCX, imm as i64 as u64);
                self.divide(bin, ty, a, RCX.into());
                let d = self.dst(d);
                self.asm.movzx(ty, d, RAX);
            }
            _ => self.interpret(op),
        }
    }

    fn shift(&mut self, shift: Shift, ty: Ty, d: Slot, a: Slot, b: Slot) {
        let rotates = matches!(shift, Shift::Rol | Shift::Ror);
        if ty >= Ty::I32 && !rotates && self.cx.features.bmi2 {
            let by = self.src(b);
            let a = self.operand(a);
            let d = self.dst(d);
            return self.asm.shift_by(shift, ty == Ty::I64, d, a, by);
        }
        let b = self.operand(b);
        self.asm.mov32(RCX, b);
        let a = self.operand(a);
        match shift {
            Shift::Sar => self.asm.movsx(ty, true, RAX, a),
            Shift::Shr if ty < Ty::I32 => self.asm.movzx(ty, RAX, a),
            _ => self.asm.mov(RAX, a),
        }
        if ty < Ty::I32 {
            self.asm.alu_imm(Alu::And, false, RCX, ty.bits() as i32 - 1);
        }
        let width = if ty < Ty::I32 && !rotates { Ty::I32 } else { ty };
        self.asm.shift_cl(shift, width, RAX);
        let d = self.dst(d);
        self.asm.movzx(ty, d, RAX);
    }

    /// Quotient or remainder into rax, as `BinOp` defines it for divisors 0 and -1 too. The upper bits are undefined.
    fn divide(&mut self, bin: BinOp, ty: Ty, a: Rm, b: Rm) {
        let signed = matches!(bin, BinOp::DivS | BinOp::RemS);
        let quotient = matches!(bin, BinOp::DivS | BinOp::DivU);
        let wide = ty == Ty::I64;
        if signed {
            self.asm.movsx(ty, true, RCX, b);
            self.asm.movsx(ty, true, RAX, a);
            // Divisors -1 and 0 become 0 and 1.
            self.asm.lea(RDX, Mem::at(RCX, 1));
            self.asm.alu_imm(Alu::Cmp, true, RDX, 1);
        } else {
            self.asm.movzx(ty, RCX, b);
            self.asm.movzx(ty, RAX, a);
            self.asm.alu_imm(Alu::Cmp, true, RCX, 0);
        }
        let special = self.asm.jcc_short(Cc::BE);
        if signed {
            self.asm.sign_into_rdx(wide);
            self.asm.group3(7, wide, RCX);
        } else {
            self.asm.alu(Alu::Xor, false, RDX, RDX);
            self.asm.group3(6, wide, RCX);
        }
        if !quotient {
            self.asm.mov(RAX, RDX);
        }
        let done = self.asm.jmp_short();
        self.asm.bind_short(special);
        // By 0 a quotient is 0 and a remainder all; by -1 a quotient is the negative and a remainder 0.
        if signed {
            if quotient {
                self.asm.imul(true, RAX, RCX);
            } else {
                self.asm.imul(true, RAX, RDX);
            }
        } else if quotient {
            self.asm.mov(RAX, RCX);
        }
        self.asm.bind_short(done);
    }

    pub(crate) fn un(&mut self, un: UnOp, ty: Ty, d: Slot, a: Slot, op: &Op) {
        let wide = ty == Ty::I64;
        let features = self.cx.features;
        let known = match un {
            UnOp::Neg | UnOp::Not => true,
            UnOp::Clz => features.lzcnt,
            UnOp::Ctz => features.bmi1,
            UnOp::Popcnt => features.popcnt,
            UnOp::Bswap => true,
            UnOp::Box32 | UnOp::Unbox32 => wide,
            UnOp::Rev16 | UnOp::Rev32 | UnOp::Cls | UnOp::BitRev => false,
        };
        if !known {
            return self.interpret(op);
        }
        let a = self.operand(a);
        let d = self.dst(d);
        match un {
            UnOp::Neg | UnOp::Not => {
                self.asm.mov(d, a);
                self.asm.group3(if un == UnOp::Neg { 3 } else { 2 }, wide, d);
                self.cut(ty, d);
            }
            UnOp::Clz if ty >= Ty::I32 => self.asm.count(0xbd, wide, d, a),
            UnOp::Clz => {
                self.asm.movzx(ty, d, a);
                self.asm.count(0xbd, false, d, d);
                self.asm.alu_imm(Alu::Sub, false, d, 32 - ty.bits() as i32);
            }
            UnOp::Ctz if ty >= Ty::I32 => self.asm.count(0xbc, wide, d, a),
            UnOp::Ctz => {
                self.asm.mov(d, a);
                self.asm.alu_imm(Alu::Or, false, d, 1 << ty.bits());
                self.asm.count(0xbc, false, d, d);
            }
            UnOp::Popcnt if ty >= Ty::I32 => self.asm.count(0xb8, wide, d, a),
            UnOp::Popcnt => {
                self.asm.movzx(ty, d, a);
                self.asm.count(0xb8, false, d, d);
            }
            UnOp::Box32 => {
                self.asm.mov_imm(RAX, 0xffff_ffff_0000_0000);
                self.asm.alu(Alu::Or, true, RAX, a);
                self.asm.mov(d, RAX);
            }
            UnOp::Unbox32 => {
                self.asm.mov(RAX, a);
                self.asm.mov32(d, RAX);
                self.asm.shift_imm(Shift::Shr, Ty::I64, RAX, 32);
                self.asm.cmp_imm(Ty::I32, RAX, -1);
                self.asm.mov_imm(RAX, 0x7fc0_0000);
                self.asm.cmov(Cc::NE, d, RAX);
            }
            _ => {
                self.asm.movzx(ty, d, a);
                match ty {
                    Ty::I8 => {}
                    Ty::I16 => {
                        self.asm.bswap(false, d);
                        self.asm.shift_imm(Shift::Shr, Ty::I32, d, 16);
                    }
                    _ => self.asm.bswap(wide, d),
                }
            }
        }
    }

    pub(crate) fn ext(&mut self, signed: bool, from: Ty, to: Ty, d: Slot, a: Slot) {
        let from = from.min(to);
        let value = self.operand(a);
        let (d, a) = (self.dst_over(d, a), value);
        if signed {
            self.asm.movsx(from, to == Ty::I64, d, a);
            self.cut(to, d);
        } else {
            self.asm.movzx(from, d, a);
        }
    }

    pub(crate) fn add_with_carry(&mut self, ty: Ty, d: Slot, [a, b, c]: [Slot; 3]) {
        let c = self.operand(c);
        self.asm.mov32(RCX, c);
        self.asm.alu_imm(Alu::And, false, RCX, 1);
        self.regs.unlock();
        let a = self.operand(a);
        self.asm.alu(Alu::Add, true, RCX, a);
        self.regs.unlock();
        let b = self.operand(b);
        self.asm.alu(Alu::Add, true, RCX, b);
        self.regs.unlock();
        let d = self.dst(d);
        self.asm.movzx(ty, d, RCX);
    }

    pub(crate) fn extract(&mut self, signed: bool, ty: Ty, d: Slot, a: Slot, lsb: u8, width: u8) {
        let a = self.operand(a);
        let d = self.dst(d);
        let whole = match width {
            8 => Some(Ty::I8),
            16 => Some(Ty::I16),
            32 => Some(Ty::I32),
            _ => None,
        };
        if let (Some(from), 0, false) = (whole, lsb, signed) {
            return self.asm.movzx(from, d, a);
        }
        self.asm.mov(d, a);
        let (up, down) = (64 - lsb - width, 64 - width);
        if up != 0 {
            self.asm.shift_imm(Shift::Shl, Ty::I64, d, up);
        }
        if down != 0 {
            self.asm.shift_imm(if signed { Shift::Sar } else { Shift::Shr }, Ty::I64, d, down);
        }
        if signed && ty < Ty::I64 {
            self.asm.movzx(ty, d, d);
        }
    }

    pub(crate) fn insert(&mut self, ty: Ty, d: Slot, a: Slot, b: Slot, lsb: u8, width: u8) {
        let low = match (lsb, width) {
            (0, 8) => Some(Ty::I8),
            (0, 16) => Some(Ty::I16),
            _ => None,
        };
        if let Some(low) = low {
            let b = self.src(b);
            if a == d && ty == Ty::I64 && self.regs.find(d).is_some_and(|r| r != b) {
                let d = self.dst(d);
                return self.asm.mov_low(low, d, b);
            }
            let a = self.operand(a);
            self.asm.mov(RAX, a);
            self.asm.mov_low(low, RAX, b);
            let d = self.dst(d);
            return self.asm.movzx(ty, d, RAX);
        }
        let field = u64::MAX >> (64 - width) << lsb;
        let b = self.operand(b);
        self.asm.mov(RAX, b);
        if width < 64 {
            self.asm.shift_imm(Shift::Shl, Ty::I64, RAX, 64 - width);
        }
        if 64 - width != lsb {
            self.asm.shift_imm(Shift::Shr, Ty::I64, RAX, 64 - width - lsb);
        }
        let a = self.operand(a);
        self.asm.mov_imm(RCX, !field);
        self.asm.alu(Alu::And, true, RCX, a);
        self.asm.alu(Alu::Or, true, RAX, RCX);
        let d = self.dst(d);
        self.asm.movzx(ty, d, RAX);
    }

    pub(crate) fn funnel(&mut self, ty: Ty, d: Slot, hi: Slot, lo: Slot, amount: u8, op: &Op) {
        if ty < Ty::I32 || amount >= ty.bits() {
            return self.interpret(op);
        }
        let hi = self.src(hi);
        let lo = self.operand(lo);
        self.asm.mov(RAX, lo);
        self.asm.shrd(ty == Ty::I64, RAX, hi, amount);
        let d = self.dst(d);
        self.asm.movzx(ty, d, RAX);
    }

    pub(crate) fn lea(&mut self, d: Slot, base: Slot, index: Slot, scale: u8, disp: i32) {
        let base = self.src(base);
        let m = self.indexed(base, index, scale, disp);
        let d = self.dst(d);
        self.asm.lea(d, m);
    }

    /// base + (index << scale) + disp as one operand. May use rax.
    pub(crate) fn indexed(&mut self, base: Reg, index: Slot, scale: u8, disp: i32) -> Mem {
        let index = self.src(index);
        if scale <= 3 {
            return Mem { base, index: Some((index, scale)), disp };
        }
        self.asm.mov(RAX, index);
        self.asm.shift_imm(Shift::Shl, Ty::I64, RAX, scale & 63);
        Mem { base, index: Some((RAX, 0)), disp }
    }

    /// Sets the host's flags by a comparison; gives the condition that says it holds.
    pub(crate) fn compare(&mut self, cond: Cond, ty: Ty, a: Slot, against: Against) -> Cc {
        match against {
            Against::Slot(b) => {
                let a = self.src(a);
                let b = self.operand(b);
                if matches!(cond, Cond::TestZ | Cond::TestNz) {
                    self.asm.test(ty, b, a);
                } else {
                    self.asm.cmp(ty, a, b);
                }
            }
            Against::Imm(imm) => {
                let a = self.operand(a);
                match (cond, a) {
                    (Cond::TestZ | Cond::TestNz, _) => self.asm.test_imm(ty, a, imm),
                    (_, Rm::Reg(r)) if imm == 0 => self.asm.test(ty, r, r),
                    _ => self.asm.cmp_imm(ty, a, imm),
                }
            }
        }
        match cond {
            Cond::Eq | Cond::TestZ => Cc::E,
            Cond::Ne | Cond::TestNz => Cc::NE,
            Cond::LtS => Cc::L,
            Cond::LeS => Cc::LE,
            Cond::GtS => Cc::G,
            Cond::GeS => Cc::GE,
            Cond::LtU => Cc::B,
            Cond::LeU => Cc::BE,
            Cond::GtU => Cc::A,
            Cond::GeU => Cc::AE,
        }
    }

    /// A comparison to a slot, together with what alone asks for it if that comes next. Says how many operations it took.
    pub(crate) fn comparison(&mut self, at: usize) -> usize {
        let (cond, ty, d, a, against) = match self.block.ops[at] {
            Op::Cmp { cond, ty, d, a, b } => (cond, ty, d, a, Against::Slot(b)),
            Op::CmpImm { cond, ty, d, a, imm } => (cond, ty, d, a, Against::Imm(imm)),
            _ => return 0,
        };
        if self.regs.is_read_once(d) {
            match self.block.ops.get(at + 1).copied() {
                Some(Op::Select { d: to, c, a: yes, b: no }) if c == d && yes != d && no != d => {
                    self.flags_before_write(to, 1);
                    let cc = self.compare(cond, ty, a, against);
                    self.regs.begin(at + 1);
                    self.regs.unlock();
                    self.select(cc, to, yes, no);
                    return 2;
                }
                Some(Op::ExitIf { c, pc }) if c == d => {
                    let cc = self.compare(cond, ty, a, against);
                    self.regs.begin(at + 1);
                    self.exit_if(cc, pc);
                    return 2;
                }
                Some(Op::TrapIf { c, trap }) if c == d => {
                    let cc = self.compare(cond, ty, a, against);
                    self.regs.begin(at + 1);
                    self.trap_if(cc, trap);
                    return 2;
                }
                _ => {}
            }
        }
        if at + 1 == self.block.ops.len()
            && matches!(self.block.term, ir::Term::Branch { c, .. } if c == d)
            && d.is_temp()
        {
            self.compared = Some((cond, ty, a, against));
            return 1;
        }
        let cc = self.compare(cond, ty, a, against);
        self.asm.setcc(cc, RAX);
        self.asm.movzx(Ty::I8, RAX, RAX);
        self.regs.unlock();
        let d = self.dst(d);
        self.asm.mov(d, RAX);
        1
    }

    /// d = cc ? a : b. Only moves, which leave the host's flags alone, come before the flags are used.
    pub(crate) fn select(&mut self, cc: Cc, d: Slot, a: Slot, b: Slot) {
        let (a, b) = (self.operand(a), self.operand(b));
        self.asm.mov(RAX, b);
        self.asm.cmov(cc, RAX, a);
        self.regs.unlock();
        let d = self.dst(d);
        self.asm.mov(d, RAX);
    }
}
