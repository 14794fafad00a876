//! The x87: a stack of eight 80-bit registers, with its own control and status words (SDM volume 1, chapter 8).
//!
//! Every instruction is a helper over the register file. One that would raise an unmasked invalid, denormal or
//! zero-divide exception leaves its operands alone and only marks the status word; the next waiting instruction traps.
//! As on Intel's processors of today, the last instruction's address is kept for all that do arithmetic or move, its
//! opcode and its operand's address only if it raised something unmasked.
use super::get;
use crate::regs::*;
use ir::{CallArgs, GuestMemory, Helper, Slots, Trap};
use softfloat::{Env, F32, F64, F80, Flags, Int, IntOverflow, Precision, Rounding};
use std::cmp::Ordering;

/// Significand, then sign and exponent.
pub(crate) type F80Bits = (u64, u16);

pub(crate) const SW_C0: u64 = 1 << 8;
pub(crate) const SW_C1: u64 = 1 << 9;
pub(crate) const SW_C2: u64 = 1 << 10;
pub(crate) const SW_C3: u64 = 1 << 14;
const SW_STACK_FAULT: u64 = 1 << 6;
/// An unmasked exception is pending; both bits always agree.
const SW_SUMMARY: u64 = 1 << 7 | 1 << 15;
const SW_TOP: u64 = 7 << 11;
const EXCEPTIONS: u64 = 0x3f;
/// Those after which an instruction has no result.
const PRE: u64 = 7;

/// The real indefinite: what an invalid operation gives.
pub(crate) const INDEFINITE: F80Bits = (3 << 62, 0xffff);

/// The x87 part of a register file.
pub(crate) struct Fpu<'a> {
    slots: &'a mut Slots,
}

impl<'a> Fpu<'a> {
    pub(crate) fn new(slots: &'a mut Slots) -> Fpu<'a> {
        Fpu { slots }
    }

    /// For an instruction that waits: a pending exception comes first.
    pub(crate) fn waiting(slots: &'a mut Slots) -> Result<Fpu<'a>, Trap> {
        let fpu = Fpu { slots };
        if fpu.sw() & SW_SUMMARY != 0 { Err(Trap::X87) } else { Ok(fpu) }
    }

    fn cw(&self) -> u64 {
        self.slots[FPU_CW.0 as usize]
    }
    pub(crate) fn sw(&self) -> u64 {
        self.slots[FPU_SW.0 as usize]
    }
    fn set_sw(&mut self, value: u64) {
        self.slots[FPU_SW.0 as usize] = value;
    }
    /// Sets the condition codes; those not in `mask` stay.
    pub(crate) fn set_codes(&mut self, mask: u64, codes: u64) {
        let sw = self.sw();
        self.set_sw(sw & !mask | codes);
    }

    fn physical(&self, i: u8) -> u8 {
        ((self.sw() >> 11) as u8).wrapping_add(i) & 7
    }
    pub(crate) fn rotate(&mut self, by: u8) {
        let top = u64::from(self.physical(by));
        let sw = self.sw();
        self.set_sw(sw & !SW_TOP | top << 11);
    }

    pub(crate) fn is_empty(&self, i: u8) -> bool {
        self.slots[FPU_TAG.0 as usize] >> self.physical(i) & 1 == 0
    }
    pub(crate) fn free(&mut self, i: u8) {
        self.set_empty(i, true);
    }
    fn set_empty(&mut self, i: u8, empty: bool) {
        let bit = 1 << self.physical(i);
        let tags = &mut self.slots[FPU_TAG.0 as usize];
        *tags = if empty { *tags & !bit } else { *tags | bit };
    }
    /// What is in ST(i), empty or not.
    pub(crate) fn raw(&self, i: u8) -> F80Bits {
        let reg = st(self.physical(i));
        (self.slots[reg.0 as usize], self.slots[reg.up(1).0 as usize] as u16)
    }
    pub(crate) fn set(&mut self, i: u8, value: F80Bits) {
        let reg = st(self.physical(i));
        self.slots[reg.0 as usize] = value.0;
        self.slots[reg.up(1).0 as usize] = value.1.into();
        self.set_empty(i, false);
    }
    pub(crate) fn pop(&mut self) {
        self.set_empty(0, true);
        self.rotate(1);
    }

    /// Pushes; there is room, or the overflow has been raised.
    pub(crate) fn push(&mut self, value: F80Bits) {
        self.rotate(7);
        self.set(0, value);
    }

    /// Whether `n` registers can be pushed; if not, the overflow is raised, and the answer is whether it is unmasked.
    pub(crate) fn check_room(&mut self, n: u8) -> Result<(), bool> {
        if (1..=n).all(|i| self.is_empty(8 - i)) {
            return Ok(());
        }
        self.set_codes(SW_C1, SW_C1);
        Err(self.stack_fault())
    }

    /// Whether all of these hold something; if not, the underflow is raised, and the answer is whether it is unmasked.
    pub(crate) fn check_full(&mut self, registers: &[u8]) -> Result<(), bool> {
        if registers.iter().all(|i| !self.is_empty(*i)) {
            return Ok(());
        }
        self.set_codes(SW_C1, 0);
        Err(self.stack_fault())
    }

    /// Gives whether the instruction must leave everything alone.
    fn stack_fault(&mut self) -> bool {
        let codes = self.sw() & SW_C1;
        let proceed = self.note(Flags::INVALID);
        self.set_codes(SW_C1, SW_STACK_FAULT | codes);
        !proceed
    }

    pub(crate) fn env(&self) -> Env {
        let cw = self.cw();
        Env {
            rounding: Rounding::from_bits((cw >> 10 & 3) as u8),
            precision: match cw >> 8 & 3 {
                0 => Precision::Single,
                2 => Precision::Double,
                _ => Precision::Extended,
            },
            unmasked: Flags::from_bits_truncate(!cw as u8),
            ..Env::X86
        }
    }

    /// Adds exceptions to the status word; false if an unmasked one means that there is no result.
    pub(crate) fn note(&mut self, raised: Flags) -> bool {
        let mut raised = u64::from(raised.bits());
        let unmasked = raised & !self.cw() & EXCEPTIONS;
        if unmasked & PRE != 0 {
            // Nothing is rounded that is not computed.
            raised &= PRE;
        }
        let mut sw = self.sw() | raised;
        if unmasked != 0 {
            sw |= SW_SUMMARY;
        }
        self.set_sw(sw);
        unmasked & PRE == 0
    }

    /// The exceptions of an operation, and C1: whether its result was rounded up.
    pub(crate) fn settle(&mut self, env: &Env) -> bool {
        let proceed = self.note(env.raised);
        self.set_codes(SW_C1, if proceed && env.rounded_up { SW_C1 } else { 0 });
        proceed
    }

    /// An operation on ST(i) alone that writes its result there.
    pub(crate) fn unary(&mut self, i: u8, f: impl FnOnce(&mut Env, F80Bits) -> F80Bits) {
        let result = match self.check_full(&[i]) {
            Ok(()) => {
                let mut env = self.env();
                let result = f(&mut env, self.raw(i));
                self.settle(&env).then_some(result)
            }
            Err(unmasked) => (!unmasked).then_some(INDEFINITE),
        };
        if let Some(result) = result {
            self.set(i, result);
        }
    }

    /// Notes an instruction that is done: b = its address, c = its opcode and, in bit 16, whether it has an operand in
    /// memory, d = that operand's offset.
    fn track(&mut self, at: CallArgs) {
        self.slots[FPU_IP.0 as usize] = get(self.slots, at.b, 0);
        if self.sw() & SW_SUMMARY != 0 {
            let opcode = get(self.slots, at.c, 0);
            self.slots[FPU_OP.0 as usize] = opcode & 0x7ff;
            if opcode >> 16 & 1 != 0 {
                self.slots[FPU_DP.0 as usize] = get(self.slots, at.d, 0);
            }
        }
    }

    /// A pending exception may go, or come, when the control word changes.
    pub(crate) fn summarize(&mut self) {
        let pending = self.sw() & !self.cw() & EXCEPTIONS != 0;
        let sw = self.sw() & !SW_SUMMARY;
        self.set_sw(if pending { sw | SW_SUMMARY } else { sw });
    }

    pub(crate) fn set_cw(&mut self, value: u64) {
        // Bit 6 reads as one, the reserved ones as zero.
        self.slots[FPU_CW.0 as usize] = value & 0x1f3f | 0x40;
    }

    pub(crate) fn init(&mut self) {
        self.slots[FPU_CW.0 as usize] = FPU_CW_RESET;
        for cell in [FPU_SW, FPU_TAG, FPU_IP, FPU_DP, FPU_OP] {
            self.slots[cell.0 as usize] = 0;
        }
    }

    pub(crate) fn cell(&self, reg: ir::Reg) -> u64 {
        self.slots[reg.0 as usize]
    }
    pub(crate) fn set_cell(&mut self, reg: ir::Reg, value: u64) {
        self.slots[reg.0 as usize] = value;
    }
}

pub(crate) fn is_nan(a: F80Bits) -> bool {
    a.1 & 0x7fff == 0x7fff && a.0 << 1 != 0
}

/// Where an operand is and in which format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub(crate) enum Format {
    /// ST(i).
    Stack,
    F32,
    F64,
    F80,
    I16,
    I32,
    I64,
    Bcd,
    /// A constant of FLD1 and its kin.
    Const,
}

impl Format {
    const ALL: [Format; 9] = {
        use Format::*;
        [Stack, F32, F64, F80, I16, I32, I64, Bcd, Const]
    };
    pub(crate) fn of(code: u16) -> Format {
        Format::ALL.get(usize::from(code)).copied().unwrap_or(Format::Stack)
    }
}

type MachineFn = fn(&mut Slots, &mut dyn GuestMemory, CallArgs) -> Result<(), Trap>;

/// Runs an instruction and notes it; a fault or a pending exception comes before it.
pub(crate) fn tracked(slots: &mut Slots, mem: &mut dyn GuestMemory, at: CallArgs, run: MachineFn) -> Result<(), Trap> {
    run(slots, mem, at)?;
    Fpu::new(slots).track(at);
    Ok(())
}

fn read<const N: usize>(mem: &mut dyn GuestMemory, addr: u64) -> Result<[u8; N], Trap> {
    let mut bytes = [0; N];
    mem.read(addr, &mut bytes).map_err(Trap::Fault)?;
    Ok(bytes)
}

/// A value from memory, widened; conversion raises invalid for signaling NaNs and notes denormals.
fn read_memory(env: &mut Env, mem: &mut dyn GuestMemory, format: Format, addr: u64) -> Result<F80Bits, Trap> {
    let int = |env: &mut Env, value: i64| softfloat::from_int::<F80>(env, value as u64, Int::I64, 0);
    Ok(match format {
        Format::F32 => softfloat::convert::<F32, F80>(env, u32::from_le_bytes(read(mem, addr)?)),
        Format::F64 => softfloat::convert::<F64, F80>(env, u64::from_le_bytes(read(mem, addr)?)),
        Format::I16 => int(env, i16::from_le_bytes(read(mem, addr)?).into()),
        Format::I32 => int(env, i32::from_le_bytes(read(mem, addr)?).into()),
        Format::I64 => int(env, i64::from_le_bytes(read(mem, addr)?)),
        Format::Bcd => from_bcd(env, read(mem, addr)?),
        Format::Stack | Format::F80 | Format::Const => {
            let bytes: [u8; 10] = read(mem, addr)?;
            (
                u64::from_le_bytes(*bytes.first_chunk().expect("ten bytes")),
                u16::from_le_bytes(*bytes.last_chunk().expect("ten bytes")),
            )
        }
    })
}

/// An operand of arithmetic from memory, and whether it is denormal there: which matters only if the operation has
/// nothing worse to report. NaNs come as they are, for the operation to judge.
fn read_operand(mem: &mut dyn GuestMemory, format: Format, addr: u64) -> Result<(F80Bits, bool), Trap> {
    let mut env = Env::X86;
    let value = read_memory(&mut env, mem, format, addr)?;
    let (significand, exponent) = value;
    let signaling = env.raised.contains(Flags::INVALID);
    let value = if signaling { (significand & !(1 << 62), exponent) } else { value };
    Ok((value, env.raised.contains(Flags::DENORMAL)))
}

fn from_bcd(env: &mut Env, bytes: [u8; 10]) -> F80Bits {
    let magnitude = bytes[..9]
        .iter()
        .rev()
        .fold(0u64, |n, byte| n.wrapping_mul(100).wrapping_add(u64::from(byte >> 4) * 10 + u64::from(byte & 15)));
    let (significand, exponent) = softfloat::from_int::<F80>(env, magnitude, Int::U64, 0);
    (significand, exponent | u16::from(bytes[9] >> 7) << 15)
}

/// The packed decimal, or its indefinite if the value has more than 18 digits.
fn to_bcd(env: &mut Env, value: F80Bits) -> [u8; 10] {
    const LIMIT: u64 = 10u64.pow(18);
    let mut trial = *env;
    let int = softfloat::to_int::<F80>(&mut trial, value, Int::I64, env.rounding, IntOverflow::X86, 0) as i64;
    let mut bytes = [0; 10];
    if trial.raised.contains(Flags::INVALID) || int.unsigned_abs() >= LIMIT {
        env.raise(Flags::INVALID);
        bytes[7] = 0xc0;
        bytes[8] = 0xff;
        bytes[9] = 0xff;
        return bytes;
    }
    *env = trial;
    let mut rest = int.unsigned_abs();
    for byte in &mut bytes[..9] {
        let digits = (rest % 100) as u8;
        *byte = ((digits / 10) << 4) | (digits % 10);
        rest /= 100;
    }
    bytes[9] = (value.1 >> 15) as u8 * 0x80;
    bytes
}

/// FLD, FILD, FBLD, FLD1 and its kin: imm = format, then which register or constant; a = address.
pub(crate) static LOAD: Helper = Helper::machine("x87_load", |s, m, at| tracked(s, m, at, load));

pub(crate) fn imm(format: Format, rest: u16) -> u16 {
    format as u16 | rest << 4
}

fn load(slots: &mut Slots, mem: &mut dyn GuestMemory, at: CallArgs) -> Result<(), Trap> {
    let addr = get(slots, at.a, 0);
    let mut fpu = Fpu::waiting(slots)?;
    let mut env = fpu.env();
    let n = at.imm >> 4;
    let value = match Format::of(at.imm & 15) {
        Format::Const => constant(n, env.rounding),
        Format::Stack => match fpu.check_full(&[n as u8 & 7]) {
            Ok(()) => fpu.raw(n as u8 & 7),
            Err(true) => return Ok(()),
            Err(false) => {
                fpu.push(INDEFINITE);
                return Ok(());
            }
        },
        format => read_memory(&mut env, mem, format, addr)?,
    };
    let value = match fpu.check_room(1) {
        Err(true) => return Ok(()),
        Err(false) => INDEFINITE,
        Ok(()) => {
            fpu.set_codes(SW_C1, 0);
            // A denormal is loaded even if that exception is unmasked.
            if !fpu.note(env.raised) && env.raised.contains(Flags::INVALID) {
                return Ok(());
            }
            value
        }
    };
    fpu.push(value);
    Ok(())
}

/// 1, log2 10, log2 e, pi, log10 2, ln 2, 0: their 67 first bits, rounded as asked.
fn constant(n: u16, rounding: Rounding) -> F80Bits {
    // Significand cut to 64 bits, exponent, and whether nearest rounds it up.
    let (significand, exponent, up) = match n {
        0 => return (1 << 63, 0x3fff),
        1 => (0xd49a_784b_cd1b_8afe, 0x4000, false),
        2 => (0xb8aa_3b29_5c17_f0bb, 0x3fff, true),
        3 => (0xc90f_daa2_2168_c234, 0x4000, true),
        4 => (0x9a20_9a84_fbcf_f798, 0x3ffd, true),
        5 => (0xb172_17f7_d1cf_79ab, 0x3ffe, true),
        _ => return (0, 0),
    };
    let add = match rounding {
        Rounding::NearestEven => up,
        Rounding::Up => true,
        _ => false,
    };
    (significand + u64::from(add), exponent)
}

/// FST, FIST, FISTTP, FBSTP: imm = format, then ST(i), `POP` and `TRUNCATE`; a = address.
pub(crate) static STORE: Helper = Helper::machine("x87_store", |s, m, at| tracked(s, m, at, store));
pub(crate) const POP: u16 = 1 << 4;
pub(crate) const TRUNCATE: u16 = 1 << 5;

fn store(slots: &mut Slots, mem: &mut dyn GuestMemory, at: CallArgs) -> Result<(), Trap> {
    let addr = get(slots, at.a, 0);
    let rest = at.imm >> 4;
    let format = Format::of(at.imm & 15);
    let mut fpu = Fpu::waiting(slots)?;
    // Nothing may change before the store has succeeded.
    let before = (fpu.sw(), fpu.cell(FPU_TAG));
    let done = match fpu.check_full(&[0]) {
        Ok(()) => {
            let mut env = fpu.env();
            if rest & TRUNCATE != 0 {
                env.rounding = Rounding::TowardZero;
            }
            let value = fpu.raw(0);
            let (bytes, len) = encode(&mut env, format, value);
            if fpu.settle(&env) { Some((value, bytes, len)) } else { None }
        }
        Err(true) => None,
        Err(false) => {
            let (bytes, len) = encode(&mut { Env::X86 }, format, INDEFINITE);
            Some((INDEFINITE, bytes, len))
        }
    };
    let Some((value, bytes, len)) = done else { return Ok(()) };
    if format == Format::Stack {
        fpu.set((rest & 7) as u8, value);
    } else if unmasked_range(&fpu, before.0) {
        // An unmasked overflow or underflow stores nothing.
        return Ok(());
    } else if let Err(fault) = mem.write(addr, &bytes[..len]) {
        fpu.set_cell(FPU_SW, before.0);
        fpu.set_cell(FPU_TAG, before.1);
        return Err(Trap::Fault(fault));
    }
    if rest & POP != 0 {
        fpu.pop();
    }
    Ok(())
}

/// Whether the instruction raised an overflow or underflow that is unmasked.
fn unmasked_range(fpu: &Fpu<'_>, before: u64) -> bool {
    let range = u64::from(Flags::OVERFLOW.union(Flags::UNDERFLOW).bits());
    before & SW_SUMMARY == 0 && fpu.sw() & SW_SUMMARY != 0 && fpu.sw() & !fpu.cw() & range != 0
}

/// The bytes a store writes.
fn encode(env: &mut Env, format: Format, value: F80Bits) -> ([u8; 10], usize) {
    let mut out = [0; 10];
    let mut put = |bytes: &[u8]| {
        out[..bytes.len()].copy_from_slice(bytes);
        bytes.len()
    };
    let int = |env: &mut Env, int| softfloat::to_int::<F80>(env, value, int, env.rounding, IntOverflow::X86, 0);
    let len = match format {
        Format::F32 => put(&softfloat::convert::<F80, F32>(env, value).to_le_bytes()),
        Format::F64 => put(&softfloat::convert::<F80, F64>(env, value).to_le_bytes()),
        Format::I16 => put(&(int(env, Int::I16) as u16).to_le_bytes()),
        Format::I32 => put(&(int(env, Int::I32) as u32).to_le_bytes()),
        Format::I64 => put(&int(env, Int::I64).to_le_bytes()),
        Format::Bcd => put(&to_bcd(env, value)),
        Format::Stack | Format::F80 | Format::Const => {
            put(&value.0.to_le_bytes());
            out[8..].copy_from_slice(&value.1.to_le_bytes());
            10
        }
    };
    (out, len)
}

/// FADD and its kin: imm = format of the source, then operation (3 bits), destination, source (3 bits each), pop.
pub(crate) static ARITH: Helper = Helper::machine("x87_arith", |s, m, at| tracked(s, m, at, arith));

#[derive(Clone, Copy)]
#[repr(u16)]
pub(crate) enum Arith {
    Add,
    Mul,
    Sub,
    SubR,
    Div,
    DivR,
}

pub(crate) fn arith_imm(format: Format, op: Arith, dst: u8, src: u8, pop: bool) -> u16 {
    imm(format, op as u16 | u16::from(dst) << 3 | u16::from(src) << 6 | u16::from(pop) << 9)
}

fn arith(slots: &mut Slots, mem: &mut dyn GuestMemory, at: CallArgs) -> Result<(), Trap> {
    let addr = get(slots, at.a, 0);
    let rest = at.imm >> 4;
    let (dst, src) = ((rest >> 3 & 7) as u8, (rest >> 6 & 7) as u8);
    let format = Format::of(at.imm & 15);
    let mut fpu = Fpu::waiting(slots)?;
    let mut env = fpu.env();
    let (full, b, denormal) = match format {
        Format::Stack => (fpu.check_full(&[dst, src]), fpu.raw(src), false),
        _ => {
            let (b, denormal) = read_operand(mem, format, addr)?;
            (fpu.check_full(&[dst]), b, denormal)
        }
    };
    let result = match full {
        Err(true) => return Ok(()),
        Err(false) => INDEFINITE,
        Ok(()) => {
            let a = fpu.raw(dst);
            let result = operate(&mut env, rest & 7, a, b);
            if denormal && !is_nan(result) && !env.raised.contains(Flags::DIVZERO) {
                env.raise(Flags::DENORMAL);
            }
            if !fpu.settle(&env) {
                return Ok(());
            }
            result
        }
    };
    fpu.set(dst, result);
    if rest >> 9 & 1 != 0 {
        fpu.pop();
    }
    Ok(())
}

fn operate(env: &mut Env, op: u16, a: F80Bits, b: F80Bits) -> F80Bits {
    match op {
        0 => softfloat::add::<F80>(env, a, b),
        1 => softfloat::mul::<F80>(env, a, b),
        2 => softfloat::sub::<F80>(env, a, b),
        3 => softfloat::sub::<F80>(env, b, a),
        4 => softfloat::div::<F80>(env, a, b),
        _ => softfloat::div::<F80>(env, b, a),
    }
}

/// FCOM and its kin: imm = format, then ST(i), bit 3 quiet, bit 4 to EFLAGS, bits 5.. pops.
pub(crate) static COMPARE: Helper = Helper::machine("x87_compare", |s, m, at| tracked(s, m, at, compare));

pub(crate) fn compare_imm(format: Format, i: u8, quiet: bool, to_flags: bool, pops: u8) -> u16 {
    imm(format, u16::from(i) | u16::from(quiet) << 3 | u16::from(to_flags) << 4 | u16::from(pops) << 5)
}

fn compare(slots: &mut Slots, mem: &mut dyn GuestMemory, at: CallArgs) -> Result<(), Trap> {
    let addr = get(slots, at.a, 0);
    let rest = at.imm >> 4;
    let format = Format::of(at.imm & 15);
    let i = (rest & 7) as u8;
    let mut fpu = Fpu::waiting(slots)?;
    let mut env = fpu.env();
    let (full, b, denormal) = match format {
        Format::Stack => (fpu.check_full(&[0, i]), fpu.raw(i), false),
        // FTST.
        Format::Const => (fpu.check_full(&[0]), (0, 0), false),
        _ => {
            let (b, denormal) = read_operand(mem, format, addr)?;
            (fpu.check_full(&[0]), b, denormal)
        }
    };
    let (order, proceed) = match full {
        Err(unmasked) => (None, !unmasked),
        Ok(()) => {
            let a = fpu.raw(0);
            let order = softfloat::compare::<F80>(&mut env, a, b, rest & 8 == 0);
            if denormal && order.is_some() {
                env.raise(Flags::DENORMAL);
            }
            if rest & 16 == 0 {
                fpu.set_codes(SW_C1, 0);
            }
            (order, fpu.note(env.raised))
        }
    };
    // CARRY, PARITY and ZERO sit where C0, C2 and C3 do once the status byte is in AH.
    let (codes, flags) = match order {
        Some(Ordering::Greater) => (0, 0),
        Some(Ordering::Less) => (SW_C0, ir::Flags::CARRY),
        Some(Ordering::Equal) => (SW_C3, ir::Flags::ZERO),
        None => (SW_C0 | SW_C2 | SW_C3, ir::Flags::CARRY | ir::Flags::PARITY | ir::Flags::ZERO),
    };
    if rest & 16 != 0 {
        ir::LazyFlags::bits(ir::Flags(flags)).store(fpu.slots);
    } else {
        fpu.set_codes(SW_C0 | SW_C2 | SW_C3, codes);
    }
    if proceed {
        for _ in 0..rest >> 5 & 3 {
            fpu.pop();
        }
    }
    Ok(())
}
