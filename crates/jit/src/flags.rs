//! Flags. A setting is only noted; what of it is stored, and when, follows from how it is used. On most paths the next
//! setting takes its place before anybody asks, and then it never costs an instruction.
use crate::asm::*;
use crate::cache::Locals;
use crate::thunks::{CACHE, slot};
use crate::translate::Translator;
use ir::{FLAG_A, FLAG_B, FLAG_C, FLAG_KIND, FlagCond, FlagKind, Flags, LazyFlags, Op, Reg as GuestReg, Slot, Ty};

/// Where an operand of the last flag setting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// In its cell.
    Stored,
    /// Still where it came from.
    Slot(Slot),
    Const(u64),
    /// Overwritten, but known to be this slot plus a number,
    Sum(Slot, i32),
    /// or plus or minus another slot.
    Add(Slot, Slot),
    Sub(Slot, Slot),
}

/// What is known of the flags at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    /// The last setting, if it was in this block.
    known: Option<(FlagKind, Ty)>,
    kind_stored: bool,
    a: Part,
    b: Part,
    c: Part,
}

pub(crate) const UNKNOWN: Pending =
    Pending { known: None, kind_stored: true, a: Part::Stored, b: Part::Stored, c: Part::Stored };

const CELLS: [GuestReg; 3] = [FLAG_A, FLAG_B, FLAG_C];

impl Part {
    fn rests_on(self, s: Slot, n: u8) -> bool {
        let in_range = |at: Slot| at.0.wrapping_sub(s.0) < n;
        match self {
            Part::Stored | Part::Const(_) => false,
            Part::Slot(a) | Part::Sum(a, _) => in_range(a),
            Part::Add(a, b) | Part::Sub(a, b) => in_range(a) || in_range(b),
        }
    }
}

impl Pending {
    /// Whether a slot is needed to store the flags.
    pub(crate) fn rests_on(&self, s: Slot) -> bool {
        [self.a, self.b, self.c].into_iter().any(|part| part.rests_on(s, 1))
    }
}

impl Translator<'_> {
    pub(crate) fn set_flags(&mut self, kind: FlagKind, ty: Ty, a: Slot, b: Slot, c: Slot) {
        let operands = [(a, true), (b, kind.reads_b()), (c, kind.reads_c())];
        // Operands may be cells of the setting before.
        if operands.iter().any(|(s, read)| *read && s.0.wrapping_sub(FLAG_KIND.0) < 4) {
            self.materialise();
            let values = operands.map(|(s, read)| read.then(|| self.src(s)));
            self.store_cells(values, kind, ty);
            self.regs.forget_slots(FLAG_KIND.into(), 4);
            self.flags = Pending { known: Some((kind, ty)), ..UNKNOWN };
            return;
        }
        let mut parts = [Part::Stored; 3];
        for (i, (s, read)) in operands.into_iter().enumerate() {
            if !read {
                continue;
            }
            parts[i] = match self.regs.constant(s) {
                Some(value) => Part::Const(value),
                // A temporary will be gone when flags are asked for.
                None if s.is_temp() => {
                    let r = self.src(s);
                    self.asm.store(Ty::I64, slot(CELLS[i].into()), r);
                    self.regs.forget_slots(CELLS[i].into(), 1);
                    Part::Stored
                }
                None => Part::Slot(s),
            };
        }
        // Who asks soon need not get them from memory.
        for ((s, read), cell) in operands.into_iter().zip(CELLS) {
            if read && s.is_temp() {
                self.regs.rename(s, cell.into());
            }
        }
        self.flags = Pending { known: Some((kind, ty)), kind_stored: false, a: parts[0], b: parts[1], c: parts[2] };
    }

    fn store_cells(&mut self, values: [Option<Reg>; 3], kind: FlagKind, ty: Ty) {
        for (value, cell) in values.into_iter().zip(CELLS) {
            if let Some(r) = value {
                self.asm.store(Ty::I64, slot(cell.into()), r);
            }
        }
        self.asm.store_imm(slot(FLAG_KIND.into()), LazyFlags::cell(kind, ty) as i32);
    }

    /// Sets the flags if `cond` is not 0.
    pub(crate) fn set_flags_if(&mut self, cond: Slot, kind: FlagKind, ty: Ty, [a, b, c]: [Slot; 3]) {
        self.materialise();
        let cond = self.operand(cond);
        self.test_zero(cond);
        self.regs.unlock();
        // Moves leave the host's flags alone; all are made on both paths.
        let values = [(a, true), (b, kind.reads_b()), (c, kind.reads_c())].map(|(s, read)| read.then(|| self.src(s)));
        let skip = self.asm.jcc_short(Cc::E);
        self.store_cells(values, kind, ty);
        self.asm.bind_short(skip);
        self.forget_flags();
    }

    /// The cells were written otherwise.
    pub(crate) fn forget_flags(&mut self) {
        self.flags = UNKNOWN;
        self.regs.forget_slots(FLAG_KIND.into(), 4);
    }

    /// Stores what is noted.
    pub(crate) fn materialise(&mut self) {
        let flags = self.flags;
        let locals = self.regs.locals;
        self.store_flags(&flags, &locals);
        self.regs.forget_slots(FLAG_KIND.into(), 4);
        self.flags = Pending { kind_stored: true, a: Part::Stored, b: Part::Stored, c: Part::Stored, ..flags };
    }

    /// Stores flags as they are noted at a point where the cache is as given. Uses rax.
    pub(crate) fn store_flags(&mut self, flags: &Pending, locals: &Locals) {
        let Some((kind, ty)) = flags.known else { return };
        for (part, cell) in [flags.a, flags.b, flags.c].into_iter().zip(CELLS) {
            self.store_part(part, cell, locals);
        }
        if !flags.kind_stored {
            self.asm.store_imm(slot(FLAG_KIND.into()), LazyFlags::cell(kind, ty) as i32);
        }
    }

    /// A guest slot's value at a point where the cache is as given.
    fn value(&self, s: Slot, locals: &Locals) -> Rm {
        match locals.holder(s) {
            Some(at) => CACHE[at].into(),
            None => slot(s).into(),
        }
    }

    fn store_part(&mut self, part: Part, cell: GuestReg, locals: &Locals) {
        let m = slot(cell.into());
        let r = match part {
            Part::Stored => return,
            Part::Const(value) if value as i32 as i64 as u64 == value => {
                return self.asm.store_imm(m, value as i32);
            }
            Part::Slot(s) => match self.value(s, locals) {
                Rm::Reg(r) => r,
                in_memory => {
                    self.asm.mov(RAX, in_memory);
                    RAX
                }
            },
            _ => {
                self.part_into(RAX, part, cell, locals);
                RAX
            }
        };
        self.asm.store(Ty::I64, m, r);
    }

    /// Puts an operand of the last setting into a register.
    fn part_into(&mut self, r: Reg, part: Part, cell: GuestReg, locals: &Locals) {
        match part {
            Part::Stored => {
                let value = self.value(cell.into(), locals);
                self.asm.mov(r, value);
            }
            Part::Const(value) => self.asm.mov_imm(r, value),
            Part::Slot(s) => {
                let value = self.value(s, locals);
                self.asm.mov(r, value);
            }
            Part::Sum(s, imm) => {
                let value = self.value(s, locals);
                match value {
                    Rm::Reg(base) => self.asm.lea(r, Mem::at(base, imm)),
                    in_memory => {
                        self.asm.mov(r, in_memory);
                        self.asm.alu_imm(Alu::Add, true, r, imm);
                    }
                }
            }
            Part::Add(s, t) | Part::Sub(s, t) => {
                let (s, t) = (self.value(s, locals), self.value(t, locals));
                self.asm.mov(r, s);
                let op = if matches!(part, Part::Add(..)) { Alu::Add } else { Alu::Sub };
                self.asm.alu(op, true, r, t);
            }
        }
    }

    /// Where a flag cell's value is to be read, now: it may still be where it came from.
    pub(crate) fn flag_cell(&mut self, s: Slot) -> Slot {
        let part = match CELLS.iter().position(|&cell| Slot::from(cell) == s) {
            Some(0) => self.flags.a,
            Some(1) => self.flags.b,
            Some(2) => self.flags.c,
            _ if s == FLAG_KIND.into() && !self.flags.kind_stored => Part::Const(0),
            _ => return s,
        };
        match part {
            Part::Slot(from) => return from,
            Part::Stored => {}
            _ => self.materialise(),
        }
        s
    }

    /// `n` slots from `s` are about to be written: saves what of the flags rests on them.
    pub(crate) fn flags_before_write(&mut self, s: Slot, n: u8) {
        let rests = |part: Part| part.rests_on(s, n);
        let flags = self.flags;
        if rests(flags.a) || rests(flags.b) || rests(flags.c) {
            let locals = self.regs.locals;
            for (part, cell) in [flags.a, flags.b, flags.c].into_iter().zip(CELLS) {
                if rests(part) {
                    self.store_part(part, cell, &locals);
                    self.regs.forget_slots(cell.into(), 1);
                }
            }
            let kept = |part: Part| if rests(part) { Part::Stored } else { part };
            self.flags = Pending { a: kept(flags.a), b: kept(flags.b), c: kept(flags.c), ..flags };
        }
    }

    /// `d = a op b` in width `ty` is about to be computed. If that overwrites what flags were set from, and they can be had
    /// from the result, says how; for `flags_from_result` when it is done.
    pub(crate) fn flags_of(&mut self, adds: bool, ty: Ty, d: Slot, a: Slot, b: Result<Slot, i32>) -> Option<Part> {
        let (kind, width) = self.flags.known?;
        if d != a || width != ty || self.flags.a != Part::Slot(a) {
            return None;
        }
        let fits = match kind {
            FlagKind::Add | FlagKind::Inc => adds,
            FlagKind::Sub | FlagKind::SubArm | FlagKind::Dec => !adds,
            _ => return None,
        };
        if !fits || self.flags.b.rests_on(d, 1) || self.flags.c.rests_on(d, 1) {
            return None;
        }
        let part = match b {
            Ok(b) if b != d && self.regs.constant(b).is_none() && !b.is_temp() => {
                if adds {
                    Part::Sub(d, b)
                } else {
                    Part::Add(d, b)
                }
            }
            Err(imm) => Part::Sum(d, if adds { imm.checked_neg()? } else { imm }),
            _ => return None,
        };
        // What stands for the operand until then must not be saved.
        self.flags.a = Part::Stored;
        Some(part)
    }

    pub(crate) fn flags_from_result(&mut self, part: Option<Part>) {
        if let Some(part) = part {
            self.flags.a = part;
        }
    }

    /// Whether the operation reads or writes the flag cells, other than by setting flags or asking for one.
    pub(crate) fn touches_flags(&self, op: &Op) -> bool {
        match op {
            Op::SetFlags { .. } | Op::SetFlagsIf { .. } | Op::GetFlag { .. } => false,
            Op::GetFlags { .. } => true,
            Op::Call { helper, .. } if helper.is_machine() => true,
            _ => {
                let (mut op, mut found) = (*op, false);
                op.operands(|_, s, n| found |= FLAG_C.0.wrapping_sub(s.0) < n.saturating_add(3) && s.0 <= FLAG_C.0);
                found
            }
        }
    }

    /// Whether it writes them.
    pub(crate) fn writes_flags(&self, op: &Op) -> bool {
        op.writes().meets(FLAG_KIND.into(), 4)
    }

    /// Makes the host's flags those of the last setting, and gives the host's condition for `cond`. None, and no code, if
    /// that cannot be. Uses rax, rcx and rdx.
    pub(crate) fn host_flags(&mut self, cond: FlagCond) -> Option<Cc> {
        let (kind, ty) = self.flags.known?;
        let Pending { a, b, c, .. } = self.flags;
        if kind == FlagKind::Bits && !matches!(cond, FlagCond::Adjust | FlagCond::Always) {
            let locals = self.regs.locals;
            self.part_into(RCX, a, FLAG_A, &locals);
            return Some(self.ask_bits(cond));
        }
        let cc = condition(kind, cond, b == Part::Const(0))?;
        let by = match (kind, b) {
            (FlagKind::Shl | FlagKind::Shr | FlagKind::Sar, Part::Const(by)) if in_width(by, ty) => by as u8,
            (FlagKind::Shl | FlagKind::Shr | FlagKind::Sar, _) => return None,
            _ => 0,
        };
        let locals = self.regs.locals;
        // These do arithmetic to get at their value, so the carry comes last.
        if kind.reads_c() {
            self.part_into(RDX, c, FLAG_C, &locals);
        }
        self.part_into(RAX, a, FLAG_A, &locals);
        match (kind, b) {
            (FlagKind::Inc | FlagKind::Dec, _) => self.asm.mov_imm(RCX, 1),
            (FlagKind::Result | FlagKind::Shl | FlagKind::Shr | FlagKind::Sar, _) => {}
            _ => self.part_into(RCX, b, FLAG_B, &locals),
        }
        match kind {
            FlagKind::Result => self.asm.test(ty, RAX, RAX),
            FlagKind::Sub | FlagKind::SubArm => self.asm.cmp(ty, RAX, RCX),
            FlagKind::Add | FlagKind::Inc => self.asm.alu_narrow(Alu::Add, ty, RAX, RCX),
            FlagKind::Dec => self.asm.alu_narrow(Alu::Sub, ty, RAX, RCX),
            FlagKind::Adc | FlagKind::Sbb => {
                self.asm.bit_test(RDX, 0);
                self.asm.alu_narrow(if kind == FlagKind::Adc { Alu::Adc } else { Alu::Sbb }, ty, RAX, RCX);
            }
            FlagKind::Shl => self.asm.shift_imm(Shift::Shl, ty, RAX, by),
            FlagKind::Shr => self.asm.shift_imm(Shift::Shr, ty, RAX, by),
            FlagKind::Sar => self.asm.shift_imm(Shift::Sar, ty, RAX, by),
            FlagKind::Bits => return None,
        }
        Some(cc)
    }

    pub(crate) fn get_flag(&mut self, cond: FlagCond, d: Slot, op: &Op) {
        match self.host_flags(cond) {
            Some(cc) => {
                self.asm.setcc(cc, RAX);
                self.asm.movzx(Ty::I8, RAX, RAX);
                let d = self.dst(d);
                self.asm.mov(d, RAX);
            }
            None => {
                self.materialise();
                self.regs.unlock();
                self.flag_of_another_block(cond, d, op);
            }
        }
    }

    /// Asks flags that were set in another block. Mostly that was a comparison; all else is the interpreter's.
    pub(crate) fn flag_of_another_block(&mut self, cond: FlagCond, d: Slot, op: &Op) {
        let kind = self.cx.difference;
        let (None, Some(cc)) = (self.flags.known, condition(kind, cond, false)) else {
            return self.interpret(op);
        };
        self.begin_checks(op);
        self.asm.mov32(RAX, slot(FLAG_KIND.into()));
        self.asm.mov(RCX, slot(FLAG_A.into()));
        self.asm.cmp_imm(Ty::I32, RAX, LazyFlags::cell(kind, Ty::I64) as i32);
        let other = self.asm.jcc_short(Cc::NE);
        self.asm.cmp(Ty::I64, RCX, slot(FLAG_B.into()));
        let set = self.asm.jmp_short();
        self.asm.bind_short(other);
        self.asm.cmp_imm(Ty::I32, RAX, LazyFlags::cell(kind, Ty::I32) as i32);
        let other = self.asm.jcc_short(Cc::NE);
        self.asm.cmp(Ty::I32, RCX, slot(FLAG_B.into()));
        self.asm.bind_short(set);
        self.asm.setcc(cc, RAX);
        let known = self.asm.jmp_short();
        self.asm.bind_short(other);
        // Flags as such: what a conditional comparison leaves that did not compare.
        self.asm.cmp_imm(Ty::I8, RAX, FlagKind::Bits as i32);
        self.refuse(Cc::NE);
        let cc = self.ask_bits(cond);
        self.asm.setcc(cc, RAX);
        self.asm.bind_short(known);
        self.asm.movzx(Ty::I8, RAX, RAX);
        self.asm.store(Ty::I64, slot(d), RAX);
        self.end_checks(op);
        self.regs.forget_slots(d, 1);
    }
}

impl Translator<'_> {
    /// Asks the `Flags` in rcx; gives the host's condition that says yes. Uses rax. Not for `Adjust` and `Always`.
    fn ask_bits(&mut self, cond: FlagCond) -> Cc {
        let any = |bits: u64| (bits, Cc::NE);
        let none = |bits: u64| (bits, Cc::E);
        let (bits, cc) = match cond {
            FlagCond::Eq => any(Flags::ZERO),
            FlagCond::Ne => none(Flags::ZERO),
            FlagCond::Carry => any(Flags::CARRY),
            FlagCond::NoCarry => none(Flags::CARRY),
            FlagCond::Sign => any(Flags::SIGN),
            FlagCond::NoSign => none(Flags::SIGN),
            FlagCond::Overflow => any(Flags::OVERFLOW),
            FlagCond::NoOverflow => none(Flags::OVERFLOW),
            FlagCond::Parity => any(Flags::PARITY),
            FlagCond::NoParity => none(Flags::PARITY),
            FlagCond::CarryOrZero => any(Flags::CARRY | Flags::ZERO),
            FlagCond::NoCarryNorZero => none(Flags::CARRY | Flags::ZERO),
            FlagCond::CarryNotZero | FlagCond::NoCarryOrZero => {
                self.asm.alu_imm(Alu::And, false, RCX, (Flags::CARRY | Flags::ZERO) as i32);
                self.asm.cmp_imm(Ty::I32, RCX, Flags::CARRY as i32);
                return if cond == FlagCond::CarryNotZero { Cc::E } else { Cc::NE };
            }
            FlagCond::Lt | FlagCond::Ge | FlagCond::Le | FlagCond::Gt | FlagCond::Adjust | FlagCond::Always => {
                // Whether sign and overflow differ: the latter moved to where the former is.
                self.asm.mov32(RAX, RCX);
                self.asm.shift_imm(Shift::Shr, Ty::I32, RAX, 4);
                self.asm.alu(Alu::Xor, false, RAX, RCX);
                self.asm.alu_imm(Alu::And, false, RAX, Flags::SIGN as i32);
                if matches!(cond, FlagCond::Le | FlagCond::Gt) {
                    self.asm.alu_imm(Alu::And, false, RCX, Flags::ZERO as i32);
                    self.asm.alu(Alu::Or, false, RAX, RCX);
                }
                self.asm.test(Ty::I32, RAX, RAX);
                return if matches!(cond, FlagCond::Lt | FlagCond::Le) { Cc::NE } else { Cc::E };
            }
        };
        self.asm.test_imm(Ty::I32, RCX, bits as i32);
        cc
    }
}

/// Whether a shift by this much is one whose flags the host defines.
fn in_width(by: u64, ty: Ty) -> bool {
    (1..u64::from(ty.bits())).contains(&by)
}

/// The host's condition for one of ours on flags set as `kind` says; `zero`: its second operand is the constant 0.
fn condition(kind: FlagKind, cond: FlagCond, zero: bool) -> Option<Cc> {
    let arm = kind == FlagKind::SubArm;
    let cc = match cond {
        FlagCond::Eq => Cc::E,
        FlagCond::Ne => Cc::NE,
        FlagCond::Sign => Cc::S,
        FlagCond::NoSign => Cc::S.not(),
        FlagCond::Carry => {
            if arm {
                Cc::AE
            } else {
                Cc::B
            }
        }
        FlagCond::NoCarry => {
            if arm {
                Cc::B
            } else {
                Cc::AE
            }
        }
        FlagCond::Overflow => Cc::O,
        FlagCond::NoOverflow => Cc::O.not(),
        FlagCond::Lt => Cc::L,
        FlagCond::Ge => Cc::GE,
        FlagCond::Le => Cc::LE,
        FlagCond::Gt => Cc::G,
        FlagCond::CarryOrZero if !arm => Cc::BE,
        FlagCond::NoCarryNorZero if !arm => Cc::A,
        FlagCond::CarryNotZero if arm => Cc::A,
        FlagCond::NoCarryOrZero if arm => Cc::BE,
        FlagCond::Parity => Cc::P,
        FlagCond::NoParity => Cc::P.not(),
        _ => return None,
    };
    let plain = matches!(cc, Cc::E | Cc::NE) || cc.0 | 1 == Cc::S.0 | 1;
    let parity = cc.0 | 1 == Cc::P.0 | 1;
    let known = match kind {
        FlagKind::Bits => false,
        FlagKind::Result => plain || parity || zero,
        // The host defines no overflow but of steps by one.
        FlagKind::Shl | FlagKind::Shr | FlagKind::Sar => {
            plain || parity || matches!(cc, Cc::B | Cc::AE | Cc::BE | Cc::A)
        }
        // The carry is another's.
        FlagKind::Inc | FlagKind::Dec => !matches!(cc, Cc::B | Cc::AE | Cc::BE | Cc::A),
        _ => true,
    };
    known.then_some(cc)
}
