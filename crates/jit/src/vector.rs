//! Templates of vector operations on integers, 16 bytes at a time.
use crate::asm::*;
use crate::thunks::slot;
use crate::translate::Translator;
use ir::{BinOp, FTy, Op, Slot, SlotSet, Ty, Use, VecOp};

/// Slots below this are general registers, or as good as: none is part of a vector.
pub(crate) const WORDS: u8 = 32;

const X0: Reg = Reg(0);
const X1: Reg = Reg(1);
const X2: Reg = Reg(2);

/// PCMPEQ by lane.
const EQUAL: [u8; 3] = [0x74, 0x75, 0x76];

/// An instruction d = d op a on packed lanes.
#[derive(Clone, Copy)]
enum Packed {
    /// In map 0F with prefix 66.
    Op(u8),
    /// In map 0F38.
    Op38(u8),
}

/// A table by lane: opcodes in map 0F, 0 for none.
fn by_lane(lane: Ty, opcodes: [u8; 4]) -> Option<Packed> {
    let opcode = opcodes[lane as usize];
    (opcode != 0).then_some(Packed::Op(opcode))
}

impl Translator<'_> {
    fn packed(&mut self, p: Packed, d: Reg, a: Reg) {
        match p {
            Packed::Op(opcode) => self.asm.sse(P66, opcode, d, a),
            Packed::Op38(opcode) => self.asm.sse38(opcode, d, a),
        }
    }

    /// The instruction for an operation of two vectors, if the host has one.
    fn instruction(&self, op: VecOp, lane: Ty) -> Option<Packed> {
        let features = self.cx.features;
        let sse41 = |opcode| features.sse41.then_some(Packed::Op38(opcode));
        match op {
            VecOp::Add => by_lane(lane, [0xfc, 0xfd, 0xfe, 0xd4]),
            VecOp::Sub => by_lane(lane, [0xf8, 0xf9, 0xfa, 0xfb]),
            VecOp::Mul if lane == Ty::I32 => sse41(0x40),
            VecOp::Mul => by_lane(lane, [0, 0xd5, 0, 0]),
            VecOp::And => Some(Packed::Op(0xdb)),
            VecOp::Or => Some(Packed::Op(0xeb)),
            VecOp::Xor => Some(Packed::Op(0xef)),
            VecOp::CmpEq if lane == Ty::I64 => sse41(0x29),
            VecOp::CmpEq => by_lane(lane, [0x74, 0x75, 0x76, 0]),
            VecOp::CmpGtS if lane == Ty::I64 => features.sse42.then_some(Packed::Op38(0x37)),
            VecOp::CmpGtS => by_lane(lane, [0x64, 0x65, 0x66, 0]),
            VecOp::MinS => match lane {
                Ty::I8 => sse41(0x38),
                Ty::I32 => sse41(0x39),
                _ => by_lane(lane, [0, 0xea, 0, 0]),
            },
            VecOp::MaxS => match lane {
                Ty::I8 => sse41(0x3c),
                Ty::I32 => sse41(0x3d),
                _ => by_lane(lane, [0, 0xee, 0, 0]),
            },
            VecOp::MinU => match lane {
                Ty::I16 => sse41(0x3a),
                Ty::I32 => sse41(0x3b),
                _ => by_lane(lane, [0xda, 0, 0, 0]),
            },
            VecOp::MaxU => match lane {
                Ty::I16 => sse41(0x3e),
                Ty::I32 => sse41(0x3f),
                _ => by_lane(lane, [0xde, 0, 0, 0]),
            },
            VecOp::AddSatS => by_lane(lane, [0xec, 0xed, 0, 0]),
            VecOp::AddSatU => by_lane(lane, [0xdc, 0xdd, 0, 0]),
            VecOp::SubSatS => by_lane(lane, [0xe8, 0xe9, 0, 0]),
            VecOp::SubSatU => by_lane(lane, [0xd8, 0xd9, 0, 0]),
            VecOp::MulHiS => by_lane(lane, [0, 0xe5, 0, 0]),
            VecOp::MulHiU => by_lane(lane, [0, 0xe4, 0, 0]),
            VecOp::MulHalfS if lane == Ty::I64 => sse41(0x28),
            VecOp::MulHalfU => by_lane(lane, [0, 0, 0, 0xf4]),
            VecOp::AvgU => by_lane(lane, [0xe0, 0xe3, 0, 0]),
            _ => None,
        }
    }

    fn get_lanes(&mut self, x: Reg, s: Slot, bytes: u8) {
        if bytes == 8 {
            self.asm.sse(PF3, 0x7e, x, slot(s));
        } else {
            self.load_vector(x, s);
        }
    }

    /// Loads two slots. If one was written by itself, the host would wait for both to be in memory, were they loaded at once.
    pub(crate) fn load_vector(&mut self, x: Reg, s: Slot) {
        if s.0 < WORDS || self.words.meets(s, 2) {
            self.asm.load_pair(x, slot(s), slot(s.up(1)));
        } else {
            self.asm.load128(x, slot(s));
        }
    }

    /// An operation has been translated: which slots it has written by themselves.
    pub(crate) fn note_words(&mut self, op: &Op) {
        let (mut copy, words) = (*op, &mut self.words);
        copy.operands(|access, s, n| match (access, n) {
            (Use::Read, _) => {}
            (Use::Write, 1) => words.insert(*s, 1),
            (Use::Write, _) => words.subtract(SlotSet::of(*s, n)),
        });
    }

    fn put_lanes(&mut self, s: Slot, x: Reg, bytes: u8) {
        if bytes == 8 {
            self.asm.sse(P66, 0xd6, x, slot(s));
        } else {
            self.asm.store128(slot(s), x);
        }
    }

    /// Computes each 16 bytes (or the 8 there are) by `f`, from xmm0 = a and xmm1 = b into xmm0.
    fn each(&mut self, bytes: u8, d: Slot, a: Slot, b: Option<Slot>, f: impl Fn(&mut Self)) {
        let n = bytes.div_ceil(8);
        self.regs.sync_slots(&mut self.asm, a, n);
        let zeros = b.is_some_and(|b| (0..n).all(|i| self.regs.constant(b.up(i)) == Some(0)));
        if let Some(b) = b
            && !zeros
        {
            self.regs.sync_slots(&mut self.asm, b, n);
        }
        let part = bytes.min(16);
        // All is read before any is written: the operands may overlap.
        let parts = bytes / part;
        for i in 0..parts {
            let at = i * 2;
            self.get_lanes(X0, a.up(at), part);
            match b {
                Some(_) if zeros => self.asm.sse_zero(X1),
                Some(b) => self.get_lanes(X1, b.up(at), part),
                None => {}
            }
            f(self);
            self.put_lanes(d.up(at), X0, part);
        }
        self.regs.forget_slots(d, n);
    }

    pub(crate) fn vector(&mut self, op: &Op) {
        match *op {
            Op::Vec { op: vec, .. } if vec.is_float() => {
                if !self.packed_floats(op) {
                    self.interpret(op);
                }
            }
            // Vectors of 32 bytes are done by halves, which only the same or separate slots allow.
            Op::Vec { bytes: 32, d, a, b, .. } if overlaps(d, a) || overlaps(d, b) => self.interpret(op),
            Op::VecShift { bytes: 32, d, a, .. } if overlaps(d, a) => self.interpret(op),
            Op::Vec { op: vec @ (VecOp::And | VecOp::Or | VecOp::Xor), bytes: 16, d, a, b, .. }
                if self.is_float(a, b) && d != a.up(1) && d != b.up(1) =>
            {
                self.by_halves(vec, [d, a, b], op);
            }
            Op::Vec { op: vec, lane, bytes: bytes @ (8 | 16 | 32), d, a, b } => {
                if let Some(p) = self.instruction(vec, lane) {
                    return self.each(bytes, d, a, Some(b), |t| t.packed(p, X0, X1));
                }
                let other = match vec {
                    VecOp::CmpGeS => self.instruction(VecOp::CmpGtS, lane),
                    VecOp::CmpGtU | VecOp::CmpGeU => self.instruction(VecOp::MaxU, lane),
                    VecOp::Neg => self.instruction(VecOp::Sub, lane),
                    _ => None,
                };
                match (vec, other) {
                    (VecOp::AndNot, _) => self.each(bytes, d, a, Some(b), |t| {
                        t.asm.sse(P66, 0xdf, X1, X0);
                        t.asm.sse(0, 0x28, X0, X1);
                    }),
                    (VecOp::OrNot, _) => self.each(bytes, d, a, Some(b), |t| {
                        t.ones(X2);
                        t.asm.sse(P66, 0xef, X1, X2);
                        t.asm.sse(P66, 0xeb, X0, X1);
                    }),
                    (VecOp::Not, _) => self.each(bytes, d, a, None, |t| {
                        t.ones(X1);
                        t.asm.sse(P66, 0xef, X0, X1);
                    }),
                    // Not b > a.
                    (VecOp::CmpGeS, Some(p)) => self.each(bytes, d, a, Some(b), |t| {
                        t.packed(p, X1, X0);
                        t.ones(X0);
                        t.asm.sse(P66, 0xef, X0, X1);
                    }),
                    // The greater one is b: a > b does not hold. The greater one is a: a >= b does.
                    (VecOp::CmpGtU, Some(p)) => self.each(bytes, d, a, Some(b), |t| {
                        t.packed(p, X0, X1);
                        t.asm.sse(P66, EQUAL[lane as usize], X0, X1);
                        t.ones(X1);
                        t.asm.sse(P66, 0xef, X0, X1);
                    }),
                    (VecOp::CmpGeU, Some(p)) => self.each(bytes, d, a, Some(b), |t| {
                        t.packed(p, X1, X0);
                        t.asm.sse(P66, EQUAL[lane as usize], X0, X1);
                    }),
                    (VecOp::Mul, _) if lane == Ty::I64 => self.each(bytes, d, a, Some(b), Self::multiply64),
                    (VecOp::Neg, Some(p)) => self.each(bytes, d, a, None, |t| {
                        t.asm.sse(P66, 0xef, X1, X1);
                        t.packed(p, X1, X0);
                        t.asm.sse(0, 0x28, X0, X1);
                    }),
                    (VecOp::Abs, _) if lane < Ty::I64 && self.cx.features.ssse3 => {
                        let opcode = 0x1c + lane as u8;
                        self.each(bytes, d, a, None, |t| t.asm.sse38(opcode, X0, X0));
                    }
                    (VecOp::ZipLo | VecOp::ZipHi, _) if bytes == 16 || bytes == 8 && lane < Ty::I64 => {
                        let low = [0x60, 0x61, 0x62, 0x6c][lane as usize];
                        let high = [0x68, 0x69, 0x6a, 0x6d][lane as usize];
                        self.each(bytes, d, a, Some(b), |t| match (vec, bytes) {
                            (VecOp::ZipLo, _) => t.asm.sse(P66, low, X0, X1),
                            (_, 16) => t.asm.sse(P66, high, X0, X1),
                            _ => {
                                t.asm.sse(P66, low, X0, X1);
                                t.asm.sse(P66, 0x6d, X0, X0);
                            }
                        });
                    }
                    (VecOp::ShuffleBytes, _) if bytes == 16 && self.cx.features.ssse3 => {
                        self.each(bytes, d, a, Some(b), |t| t.asm.sse38(0x00, X0, X1));
                    }
                    (VecOp::NarrowS | VecOp::NarrowU, _) if bytes < 32 => {
                        let p = match (vec, lane) {
                            (VecOp::NarrowS, Ty::I8) => Packed::Op(0x63),
                            (VecOp::NarrowS, Ty::I16) => Packed::Op(0x6b),
                            (_, Ty::I8) => Packed::Op(0x67),
                            (_, Ty::I16) if self.cx.features.sse41 => Packed::Op38(0x2b),
                            _ => return self.interpret(op),
                        };
                        self.each(bytes, d, a, Some(b), |t| {
                            if bytes == 8 {
                                t.asm.sse(P66, 0x6c, X0, X1);
                            }
                            t.packed(p, X0, X1);
                        });
                    }
                    (VecOp::UnzipEven | VecOp::UnzipOdd, _) if bytes == 16 || bytes == 8 && lane < Ty::I64 => {
                        self.each(bytes, d, a, Some(b), |t| {
                            if bytes == 8 {
                                t.asm.sse(P66, 0x6c, X0, X1);
                                t.asm.sse(0, 0x28, X1, X0);
                            }
                            t.unzip(vec == VecOp::UnzipOdd, lane);
                        });
                    }
                    (VecOp::Dup, _) if bytes < 32 => {
                        self.regs.sync_slots(&mut self.asm, a, 1);
                        self.get_lanes(X0, a, 8);
                        match lane {
                            Ty::I8 => {
                                self.asm.sse(P66, 0x60, X0, X0);
                                self.asm.sse_imm(PF2, 0x70, X0, X0, 0);
                                self.asm.sse_imm(P66, 0x70, X0, X0, 0);
                            }
                            Ty::I16 => {
                                self.asm.sse_imm(PF2, 0x70, X0, X0, 0);
                                self.asm.sse_imm(P66, 0x70, X0, X0, 0);
                            }
                            Ty::I32 => self.asm.sse_imm(P66, 0x70, X0, X0, 0),
                            Ty::I64 => self.asm.sse(P66, 0x6c, X0, X0),
                        }
                        self.put_lanes(d, X0, bytes);
                        self.regs.forget_slots(d, bytes / 8);
                    }
                    _ => self.interpret(op),
                }
            }
            Op::VecShift {
                op: shift,
                lane: lane @ (Ty::I16 | Ty::I32 | Ty::I64),
                bytes: bytes @ (8 | 16 | 32),
                d,
                a,
                amount,
            } => {
                let number = match shift {
                    BinOp::Sar if lane == Ty::I64 => {
                        return self.each(bytes, d, a, None, |t| t.shift_signed64(amount.min(63)));
                    }
                    BinOp::Shl => 6,
                    BinOp::Shr => 2,
                    BinOp::Sar => 4,
                    _ => return self.interpret(op),
                };
                let opcode = 0x70 + lane as u8;
                self.each(bytes, d, a, None, |t| t.asm.sse_shift(opcode, number, X0, amount));
            }
            Op::VecShuffle { lane, d, a, b, imm } => {
                self.each(lane.bytes() * 4, d, a, (a != b).then_some(b), |t| match (lane, a == b) {
                    (Ty::I32, true) => t.asm.sse_imm(P66, 0x70, X0, X0, imm),
                    (Ty::I32, _) => t.asm.sse_imm(0, 0xc6, X0, X1, imm),
                    (_, true) => t.asm.sse_imm(PF2, 0x70, X0, X0, imm),
                    // The first two of a, the last two of b, and nothing between.
                    _ => {
                        t.asm.sse(P66, 0x6c, X0, X1);
                        t.asm.sse_imm(PF2, 0x70, X0, X0, imm);
                        t.asm.sse_imm(PF3, 0x70, X0, X0, imm);
                        t.asm.sse_imm(P66, 0x70, X0, X0, 0b1100);
                    }
                });
            }
            Op::VecMask { lane, bytes: bytes @ (8 | 16), d, a } => {
                self.regs.sync_slots(&mut self.asm, a, bytes / 8);
                self.get_lanes(X0, a, bytes);
                let d = self.dst(d);
                match lane {
                    Ty::I8 => self.asm.sse(P66, 0xd7, d, X0),
                    Ty::I16 => {
                        self.asm.sse_zero(X1);
                        self.asm.sse(P66, 0x63, X0, X1);
                        self.asm.sse(P66, 0xd7, d, X0);
                    }
                    Ty::I32 => self.asm.sse(0, 0x50, d, X0),
                    Ty::I64 => self.asm.sse(P66, 0x50, d, X0),
                }
            }
            _ => self.interpret(op),
        }
    }

    /// Whether one of two vectors begins with a float that is in its home, and was perhaps written to memory by itself.
    fn is_float(&self, a: Slot, b: Slot) -> bool {
        [a, b].into_iter().any(|s| self.floats.homes.holder(FTy::F64, s).is_some())
    }

    /// A logical operation as one of a float (its sign is changed so) and one of what is beside it: the host would wait
    /// for a vector of which a part has just been written.
    fn by_halves(&mut self, vec: VecOp, [d, a, b]: [Slot; 3], op: &Op) {
        let (bin, opcode) = match vec {
            VecOp::And => (BinOp::And, 0xdb),
            VecOp::Or => (BinOp::Or, 0xeb),
            _ => (BinOp::Xor, 0xef),
        };
        let (xa, xb) = (self.float_at(FTy::F64, a, X0), self.float_at(FTy::F64, b, X1));
        if xa != X0 {
            self.asm.sse(0, 0x28, X0, xa);
        }
        self.asm.sse(P66, opcode, X0, xb);
        let x = self.float_dst(d, X0);
        if x != X0 {
            self.asm.sse(0, 0x28, x, X0);
        }
        self.asm.sse(P66, 0xd6, x, slot(d));
        self.settle_in(FTy::F64, d, x);
        self.regs.unlock();
        self.regs.forget_slots(d, 1);
        self.bin(bin, Ty::I64, d.up(1), a.up(1), b.up(1), op);
    }

    /// xmm0 = every other lane of xmm0, then of xmm1. Narrowing saturates: what is narrowed has been cut to fit.
    fn unzip(&mut self, odd: bool, lane: Ty) {
        match lane {
            Ty::I8 if odd => {
                self.asm.sse_shift(0x71, 2, X0, 8);
                self.asm.sse_shift(0x71, 2, X1, 8);
                self.asm.sse(P66, 0x67, X0, X1);
            }
            Ty::I8 => {
                self.ones(X2);
                self.asm.sse_shift(0x71, 2, X2, 8);
                self.asm.sse(P66, 0xdb, X0, X2);
                self.asm.sse(P66, 0xdb, X1, X2);
                self.asm.sse(P66, 0x67, X0, X1);
            }
            Ty::I16 => {
                for x in [X0, X1] {
                    if !odd {
                        self.asm.sse_shift(0x72, 6, x, 16);
                    }
                    self.asm.sse_shift(0x72, 4, x, 16);
                }
                self.asm.sse(P66, 0x6b, X0, X1);
            }
            Ty::I32 => self.asm.sse_imm(0, 0xc6, X0, X1, if odd { 0xdd } else { 0x88 }),
            Ty::I64 => self.asm.sse(P66, if odd { 0x6d } else { 0x6c }, X0, X1),
        }
    }

    /// xmm0 *= xmm1 in lanes of 64 bits: the product of the low halves, and above it those of low and high ones.
    fn multiply64(&mut self) {
        let x3 = Reg(3);
        self.asm.sse(0, 0x28, X2, X0);
        self.asm.sse_shift(0x73, 2, X2, 32);
        self.asm.sse(P66, 0xf4, X2, X1);
        self.asm.sse(0, 0x28, x3, X1);
        self.asm.sse_shift(0x73, 2, x3, 32);
        self.asm.sse(P66, 0xf4, x3, X0);
        self.asm.sse(P66, 0xd4, X2, x3);
        self.asm.sse_shift(0x73, 6, X2, 32);
        self.asm.sse(P66, 0xf4, X0, X1);
        self.asm.sse(P66, 0xd4, X0, X2);
    }

    /// xmm0 >>= amount, of signed lanes of 64 bits: the signs go where zeros come in.
    fn shift_signed64(&mut self, amount: u8) {
        self.asm.sse_imm(P66, 0x70, X1, X0, 0xf5);
        self.asm.sse_shift(0x72, 4, X1, 31);
        self.asm.sse_shift(0x73, 2, X0, amount);
        self.asm.sse_shift(0x73, 6, X1, 64 - amount);
        self.asm.sse(P66, 0xeb, X0, X1);
    }

    /// All ones.
    fn ones(&mut self, x: Reg) {
        self.asm.sse(P66, 0x76, x, x);
    }
}

/// Whether four slots from each overlap without being the same.
fn overlaps(a: Slot, b: Slot) -> bool {
    a != b && (a.0.wrapping_sub(b.0) < 4 || b.0.wrapping_sub(a.0) < 4)
}
