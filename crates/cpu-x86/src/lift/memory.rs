//! Memory operands: their address, and accesses to them.
use super::Lift;
use crate::regs::{FS_BASE, GS_BASE, RSP, gpr};
use iced_x86::{OpKind, Register};
use ir::{BinOp, MemTy, Op, Slot, Trap, Ty, Val};

/// An address in the form the load and store operations take.
#[derive(Clone, Copy)]
pub(crate) struct Mem {
    base: Slot,
    index: Option<(Slot, u8)>,
    disp: i32,
}

impl Mem {
    pub(crate) fn at(base: impl Into<Slot>, disp: i32) -> Mem {
        Mem { base: base.into(), index: None, disp }
    }
}

/// A register of an address, with `sp` for the stack pointer.
fn with_sp(register: Register, sp: Slot) -> Slot {
    let reg = gpr(register.number() as u8);
    if reg == RSP { sp } else { reg.into() }
}

fn scale_shift(scale: u32) -> u8 {
    scale.trailing_zeros() as u8
}

impl Lift<'_> {
    /// The memory operand, segment base added.
    pub(crate) fn mem(&mut self) -> Mem {
        self.mem_with_sp(RSP.into())
    }

    /// The same where the stack pointer is, or is going to be, `sp`.
    pub(crate) fn mem_with_sp(&mut self, sp: Slot) -> Mem {
        let mem = self.offset(sp);
        let segment = match self.insn.memory_segment() {
            Register::FS => FS_BASE,
            Register::GS => GS_BASE,
            _ => return mem,
        };
        if mem.index.is_none() && self.out_const(mem.base) == Some(0) {
            return Mem { base: segment.into(), ..mem };
        }
        match mem.index {
            None => Mem { base: segment.into(), index: Some((mem.base, 0)), disp: mem.disp },
            Some(_) => {
                let offset = self.lea(mem);
                Mem { base: segment.into(), index: Some((offset, 0)), disp: 0 }
            }
        }
    }

    /// A segment override's base added to an implied address.
    pub(crate) fn add_segment(&mut self, addr: Slot) -> Slot {
        match self.insn.memory_segment() {
            Register::FS => self.out.add(Ty::I64, FS_BASE, addr).into(),
            Register::GS => self.out.add(Ty::I64, GS_BASE, addr).into(),
            _ => addr,
        }
    }

    fn out_const(&self, slot: Slot) -> Option<u64> {
        self.out.constant(slot)
    }

    /// The offset alone, as LEA computes it.
    pub(crate) fn mem_unsegmented(&mut self) -> Mem {
        self.offset(RSP.into())
    }

    fn offset(&mut self, sp: Slot) -> Mem {
        let insn = self.insn;
        if insn.is_ip_rel_memory_operand() {
            return Mem::at(self.out.iconst(insn.ip_rel_memory_address()), 0);
        }
        let (base, index) = (insn.memory_base(), insn.memory_index());
        let disp = insn.memory_displacement64();
        let absolute = base == Register::None && index == Register::None;
        if base.size() == 4 || index.size() == 4 || absolute && insn.memory_displ_size() == 4 {
            return self.mem_32(sp);
        }
        let small = i32::try_from(disp as i64).ok();
        let reg = |r: Register| with_sp(r, sp);
        let (base, disp) = match (base, small) {
            (Register::None, _) => (self.out.iconst(disp).into(), 0),
            (r, Some(disp)) => (reg(r), disp),
            // No encoding has both a base and a displacement that large.
            (r, None) => (reg(r), 0),
        };
        let index = (index != Register::None).then(|| (reg(index), scale_shift(insn.memory_index_scale())));
        Mem { base, index, disp }
    }

    /// Base and displacement of a memory operand whose index is a vector; behind it, what the segment adds; and whether
    /// the sum with an index is cut to 32 bits.
    pub(crate) fn vector_base(&mut self) -> (Slot, bool) {
        let insn = self.insn;
        let base = insn.memory_base();
        let short = base.size() == 4 || base == Register::None && insn.memory_displ_size() == 4;
        let disp = insn.memory_displacement64();
        let pair = self.out.temp(2);
        let segment = match insn.memory_segment() {
            Register::FS => FS_BASE.into(),
            Register::GS => GS_BASE.into(),
            _ => Slot::from(self.out.iconst(0)),
        };
        match base {
            Register::None => self.out.set_const(pair, disp),
            _ => {
                let disp = self.out.iconst(disp);
                let base = gpr(base.number() as u8);
                self.bin_into(pair.into(), BinOp::Add, Ty::I64, base, disp);
            }
        }
        self.out.set(pair.up(1), segment);
        (pair.into(), short)
    }

    /// With the address-size prefix: the sum is cut to 32 bits.
    fn mem_32(&mut self, sp: Slot) -> Mem {
        let insn = self.insn;
        let reg = |r: Register| with_sp(r, sp);
        let mut sum = self.out.iconst(u64::from(insn.memory_displacement64() as u32));
        if insn.memory_base() != Register::None {
            sum = self.out.add(Ty::I32, reg(insn.memory_base()), sum);
        }
        if insn.memory_index() != Register::None {
            let index = self.out.shl_imm(Ty::I32, reg(insn.memory_index()), scale_shift(insn.memory_index_scale()));
            sum = self.out.add(Ty::I32, sum, index);
        }
        Mem::at(sum, 0)
    }

    /// The address in one slot.
    pub(crate) fn lea(&mut self, mem: Mem) -> Slot {
        match (mem.index, mem.disp) {
            (None, 0) => mem.base,
            (None, disp) => self.out.add_imm(Ty::I64, mem.base, disp.into()).into(),
            (Some((index, scale)), disp) => self.out.lea(mem.base, index, scale, disp).into(),
        }
    }

    /// The address into a register.
    pub(crate) fn lea_into(&mut self, d: impl Into<Slot>, mem: Mem) {
        let d = d.into();
        match mem.index {
            None => self.bin_imm_into(d, BinOp::Add, Ty::I64, mem.base, mem.disp),
            Some((index, scale)) => self.out.push(Op::Lea { d, base: mem.base, index, scale, disp: mem.disp }),
        }
    }

    pub(crate) fn load(&mut self, ty: MemTy, mem: Mem) -> Val {
        match mem.index {
            None => self.out.load(ty, mem.base, mem.disp),
            Some((index, scale)) => self.out.load_x(ty, mem.base, index, scale, mem.disp),
        }
    }
    /// Loads into registers: `ty.slots()` of them from `d` up.
    pub(crate) fn load_into(&mut self, d: impl Into<Slot>, ty: MemTy, mem: Mem) {
        let d = d.into();
        self.out.push(match mem.index {
            None => Op::Load { ty, d, addr: mem.base, disp: mem.disp },
            Some((index, scale)) => Op::LoadX { ty, d, base: mem.base, index, scale, disp: mem.disp },
        });
    }
    pub(crate) fn store(&mut self, ty: MemTy, value: impl Into<Slot>, mem: Mem) {
        match mem.index {
            None => self.out.store(ty, value, mem.base, mem.disp),
            Some((index, scale)) => self.out.store_x(ty, value, mem.base, index, scale, mem.disp),
        }
    }
    /// #GP unless the address is a multiple of `bytes`.
    pub(crate) fn check_aligned(&mut self, bytes: u8, mem: Mem) {
        let addr = self.lea(mem);
        let low = self.out.and_imm(Ty::I64, addr, i64::from(bytes) - 1);
        self.out.trap_if(low, Trap::GeneralProtection);
    }

    pub(crate) fn is_mem(&self, i: u32) -> bool {
        i < self.insn.op_count() && self.insn.op_kind(i) == OpKind::Memory
    }
}
