//! Integer operands: registers whole and in part, immediates, memory.
use super::{Lift, Mem};
use crate::regs::gpr;
use iced_x86::{OpKind, Register};
use ir::{BinOp, MemTy, Op, Reg, Slot, Ty, Val};

/// Where a result goes; [`Lift::place`] chooses it, [`Lift::commit`] finishes it.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// The slot that the operation is to write.
    pub(crate) slot: Slot,
    kind: PlaceKind,
}

#[derive(Clone, Copy)]
enum PlaceKind {
    /// The slot is the register: nothing is left to do.
    Whole,
    /// The low bits, or AH BH CH DH.
    Part {
        reg: Reg,
        lsb: u8,
        width: u8,
    },
    Memory {
        ty: Ty,
        mem: Mem,
    },
}

impl Place {
    pub(crate) fn is_memory(&self) -> bool {
        matches!(self.kind, PlaceKind::Memory { .. })
    }
}

pub(crate) const fn ty_of_bytes(bytes: usize) -> Ty {
    match bytes {
        1 => Ty::I8,
        2 => Ty::I16,
        4 => Ty::I32,
        _ => Ty::I64,
    }
}

/// The register file's register, and the bit its part begins at.
pub(crate) fn reg_of(register: Register) -> (Reg, u8) {
    let high = matches!(register, Register::AH | Register::CH | Register::DH | Register::BH);
    let number = register.full_register() as u32 - Register::RAX as u32;
    (gpr(number as u8), if high { 8 } else { 0 })
}

impl Lift<'_> {
    /// The width of operand `i`.
    pub(crate) fn ty(&self, i: u32) -> Ty {
        ty_of_bytes(self.op_bytes(i))
    }

    fn op_bytes(&self, i: u32) -> usize {
        match self.insn.op_kind(i) {
            OpKind::Register => self.insn.op_register(i).size(),
            OpKind::Memory => self.insn.memory_size().size(),
            // An immediate is as wide as the operand it joins.
            _ if i > 0 => self.op_bytes(0),
            OpKind::Immediate8 => 1,
            OpKind::Immediate16 | OpKind::Immediate8to16 => 2,
            OpKind::Immediate32 | OpKind::Immediate8to32 => 4,
            _ => 8,
        }
    }

    /// A register's low bits as they stand; the operation that uses them cuts them to size.
    pub(crate) fn read_reg(&mut self, register: Register) -> Slot {
        match reg_of(register) {
            (reg, 0) => reg.into(),
            (reg, lsb) => self.out.extract(false, Ty::I64, reg, lsb, 8).into(),
        }
    }

    /// Operand `i`; bits above its width are anything. Memory is loaded here.
    pub(crate) fn read(&mut self, i: u32) -> Slot {
        match self.insn.op_kind(i) {
            OpKind::Register => self.read_reg(self.insn.op_register(i)),
            OpKind::Memory => {
                let mem = self.mem();
                self.load(MemTy::of(self.ty(i)), mem).into()
            }
            _ => self.imm(i).into(),
        }
    }

    /// An immediate, sign-extended as its encoding says.
    pub(crate) fn imm(&mut self, i: u32) -> Val {
        let value = self.insn.immediate(i);
        self.out.iconst(value)
    }

    /// Operand `i` with zeros, or copies of its sign, above its width.
    pub(crate) fn read_ext(&mut self, i: u32, signed: bool) -> Slot {
        let ty = self.ty(i);
        if self.is_mem(i) {
            let mem = self.mem();
            return self.load(mem_ty(ty, signed), mem).into();
        }
        let value = self.read(i);
        self.extend(value, ty, signed)
    }

    pub(crate) fn extend(&mut self, value: Slot, ty: Ty, signed: bool) -> Slot {
        if ty == Ty::I64 { value } else { self.out.ext(signed, ty, Ty::I64, value).into() }
    }

    /// Where operand `i`, a result, goes.
    pub(crate) fn place(&mut self, i: u32) -> Place {
        if self.is_mem(i) {
            let (ty, mem) = (self.ty(i), self.mem());
            return Place { slot: self.out.temp(1).into(), kind: PlaceKind::Memory { ty, mem } };
        }
        self.place_reg(self.insn.op_register(i))
    }

    pub(crate) fn place_reg(&mut self, register: Register) -> Place {
        let (reg, lsb) = reg_of(register);
        match register.size() {
            4 | 8 => Place { slot: reg.into(), kind: PlaceKind::Whole },
            bytes => {
                let kind = PlaceKind::Part { reg, lsb, width: 8 * bytes as u8 };
                Place { slot: self.out.temp(1).into(), kind }
            }
        }
    }

    /// What is at a place now.
    pub(crate) fn current(&mut self, place: Place) -> Slot {
        match place.kind {
            PlaceKind::Whole => place.slot,
            PlaceKind::Part { reg, lsb: 0, .. } => reg.into(),
            PlaceKind::Part { reg, lsb, width } => self.out.extract(false, Ty::I64, reg, lsb, width).into(),
            PlaceKind::Memory { ty, mem } => self.load(MemTy::of(ty), mem).into(),
        }
    }

    /// The result is in `place.slot`: puts it where it belongs.
    pub(crate) fn commit(&mut self, place: Place) {
        match place.kind {
            PlaceKind::Whole => {}
            PlaceKind::Part { reg, lsb, width } => self.insert(reg, place.slot, lsb, width),
            PlaceKind::Memory { ty, mem } => self.store(MemTy::of(ty), place.slot, mem),
        }
    }

    /// Replaces some bits of a register.
    pub(crate) fn insert(&mut self, reg: impl Into<Slot>, value: impl Into<Slot>, lsb: u8, width: u8) {
        let (d, b) = (reg.into(), value.into());
        self.out.push(Op::Insert { ty: Ty::I64, d, a: d, b, lsb, width });
    }

    /// Writes the low `ty` bits of `value` to a register the way x86 does: 32 bits clear the upper half, 8 and 16 leave
    /// the rest alone.
    pub(crate) fn write_low(&mut self, ty: Ty, reg: Reg, value: impl Into<Slot>) {
        let (d, a) = (reg.into(), value.into());
        match ty {
            Ty::I64 => self.out.set(d, a),
            Ty::I32 => self.out.push(Op::Ext { signed: false, from: Ty::I32, to: Ty::I64, d, a }),
            _ => self.insert(d, a, 0, ty.bits()),
        }
    }

    /// Writes operand `i`, a register or memory.
    pub(crate) fn write(&mut self, i: u32, value: impl Into<Slot>) {
        if self.is_mem(i) {
            let (ty, mem) = (self.ty(i), self.mem());
            self.store(MemTy::of(ty), value, mem);
        } else {
            self.write_reg(self.insn.op_register(i), value);
        }
    }

    pub(crate) fn write_reg(&mut self, register: Register, value: impl Into<Slot>) {
        match reg_of(register) {
            (reg, 0) => self.write_low(ty_of_bytes(register.size()), reg, value),
            (reg, lsb) => self.insert(reg, value, lsb, 8),
        }
    }

    /// `place = a op b`, done whole: for results that leave no flags, or whose flags are already set.
    pub(crate) fn bin_commit(&mut self, place: Place, op: BinOp, ty: Ty, a: impl Into<Slot>, b: impl Into<Slot>) {
        self.bin_into(place.slot, op, ty, a, b);
        self.commit(place);
    }
}

pub(crate) const fn mem_ty(ty: Ty, signed: bool) -> MemTy {
    match (ty, signed) {
        (Ty::I8, true) => MemTy::S8,
        (Ty::I16, true) => MemTy::S16,
        (Ty::I32, true) => MemTy::S32,
        _ => MemTy::of(ty),
    }
}
