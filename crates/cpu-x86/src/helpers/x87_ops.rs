//! x87 instructions on the top of the stack, and those on the control, status and tag words.
use super::x87::*;
use super::{get, x87_transcendental as transcendental};
use crate::regs::*;
use ir::{CallArgs, GuestMemory, Helper, Slots, Trap};
use softfloat::x87::Quotient;
use softfloat::{Env, F80, Format as _};

/// imm = an [`Op`].
pub(crate) static OPERATE: Helper = Helper::machine("x87_operate", |s, m, at| tracked(s, m, at, operate));

/// What is done to the top of the stack.
#[derive(Clone, Copy)]
#[repr(u16)]
pub(crate) enum Op {
    Chs,
    Abs,
    Sqrt,
    RndInt,
    Xam,
    Scale,
    Xtract,
    Prem,
    Prem1,
    F2xm1,
    Yl2x,
    Yl2xp1,
    Patan,
    Ptan,
    Sin,
    Cos,
    SinCos,
}

impl Op {
    const ALL: [Op; 17] = {
        use Op::*;
        [Chs, Abs, Sqrt, RndInt, Xam, Scale, Xtract, Prem, Prem1, F2xm1, Yl2x, Yl2xp1, Patan, Ptan, Sin, Cos, SinCos]
    };
}

const ONE: F80Bits = (1 << 63, 0x3fff);

fn operate(slots: &mut Slots, _: &mut dyn GuestMemory, at: CallArgs) -> Result<(), Trap> {
    let mut fpu = Fpu::waiting(slots)?;
    let Some(op) = Op::ALL.get(usize::from(at.imm)) else { return Ok(()) };
    match op {
        Op::Chs => fpu.unary(0, |_, a| (a.0, a.1 ^ 0x8000)),
        Op::Abs => fpu.unary(0, |_, a| (a.0, a.1 & 0x7fff)),
        Op::Sqrt => fpu.unary(0, softfloat::sqrt::<F80>),
        Op::RndInt => fpu.unary(0, |env, a| softfloat::round_to_int::<F80>(env, a, env.rounding, true)),
        Op::Xam => xam(&mut fpu),
        Op::Scale => binary(&mut fpu, 0, softfloat::x87::scale),
        Op::Xtract => split(&mut fpu, false, |env, a| {
            let (significand, exponent) = softfloat::x87::extract(env, a);
            Some((exponent, significand))
        }),
        Op::Prem => remainder(&mut fpu, Quotient::Truncated),
        Op::Prem1 => remainder(&mut fpu, Quotient::Nearest),
        Op::F2xm1 => fpu.unary(0, transcendental::exp2_minus_1),
        Op::Yl2x => binary(&mut fpu, 1, |env, x, y| transcendental::y_log2_x(env, y, x)),
        Op::Yl2xp1 => binary(&mut fpu, 1, |env, x, y| transcendental::y_log2_x_plus_1(env, y, x)),
        Op::Patan => binary(&mut fpu, 1, |env, x, y| transcendental::atan2(env, y, x)),
        Op::Ptan => {
            split(&mut fpu, true, |env, a| transcendental::tan(env, a).map(|t| (t, if is_nan(t) { t } else { ONE })))
        }
        Op::Sin => reduced(&mut fpu, transcendental::sin),
        Op::Cos => reduced(&mut fpu, transcendental::cos),
        Op::SinCos => {
            split(&mut fpu, true, |env, a| Some((transcendental::sin(env, a)?, transcendental::cos(env, a)?)))
        }
    }
    Ok(())
}

/// ST(dst) = f(ST(0), ST(1)); popped if that is ST(1).
fn binary(fpu: &mut Fpu<'_>, dst: u8, f: impl FnOnce(&mut Env, F80Bits, F80Bits) -> F80Bits) {
    let result = match fpu.check_full(&[0, 1]) {
        Err(true) => return,
        Err(false) => INDEFINITE,
        Ok(()) => {
            let mut env = fpu.env();
            let result = f(&mut env, fpu.raw(0), fpu.raw(1));
            if !fpu.settle(&env) {
                return;
            }
            result
        }
    };
    fpu.set(dst, result);
    if dst == 1 {
        fpu.pop();
    }
}

/// ST(0) becomes the first result, and the second is pushed. No result: the operand is out of range; C2 `reports` it.
fn split(fpu: &mut Fpu<'_>, reports: bool, f: impl FnOnce(&mut Env, F80Bits) -> Option<(F80Bits, F80Bits)>) {
    if reports {
        fpu.set_codes(SW_C2, 0);
    }
    let (first, second) = match fpu.check_full(&[0]).and_then(|()| fpu.check_room(1)) {
        Err(true) => return,
        Err(false) => (INDEFINITE, INDEFINITE),
        Ok(()) => {
            let mut env = fpu.env();
            let Some(results) = f(&mut env, fpu.raw(0)) else {
                return fpu.set_codes(SW_C2 | SW_C1, SW_C2);
            };
            if !fpu.settle(&env) {
                return;
            }
            results
        }
    };
    fpu.set(0, first);
    fpu.push(second);
}

/// FSIN and FCOS: C2 says that the operand is out of range.
fn reduced(fpu: &mut Fpu<'_>, f: impl FnOnce(&mut Env, F80Bits) -> Option<F80Bits>) {
    fpu.set_codes(SW_C2, 0);
    match fpu.check_full(&[0]) {
        Err(true) => {}
        Err(false) => fpu.set(0, INDEFINITE),
        Ok(()) => {
            let mut env = fpu.env();
            match f(&mut env, fpu.raw(0)) {
                None => fpu.set_codes(SW_C2 | SW_C1, SW_C2),
                Some(result) => {
                    if fpu.settle(&env) {
                        fpu.set(0, result);
                    }
                }
            }
        }
    }
}

/// FPREM, FPREM1: the three low bits of the quotient go to C0, C3 and C1; C2 says that it is not done yet. Without a
/// quotient C0 and C3 stay.
fn remainder(fpu: &mut Fpu<'_>, kind: Quotient) {
    let full = fpu.check_full(&[0, 1]);
    fpu.set_codes(SW_C2, 0);
    let result = match full {
        Err(true) => return,
        Err(false) => INDEFINITE,
        Ok(()) => {
            let mut env = fpu.env();
            let done = softfloat::x87::remainder(&mut env, fpu.raw(0), fpu.raw(1), kind);
            if !fpu.settle(&env) {
                return;
            }
            if !is_nan(done.value) {
                let bit = |n: u32, code: u64| if done.quotient >> n & 1 != 0 { code } else { 0 };
                let codes = if done.partial { SW_C2 } else { bit(0, SW_C1) | bit(1, SW_C3) | bit(2, SW_C0) };
                fpu.set_codes(SW_C0 | SW_C1 | SW_C2 | SW_C3, codes);
            }
            done.value
        }
    };
    fpu.set(0, result);
}

/// FXAM: what kind of thing ST(0) is.
fn xam(fpu: &mut Fpu<'_>) {
    let a = fpu.raw(0);
    let fields = F80::split(a);
    let integer = fields.significand >> 63 != 0;
    let kind = match (fields.biased, fields.significand << 1 != 0) {
        _ if fpu.is_empty(0) => SW_C3 | SW_C0,
        (0, _) if fields.significand == 0 => SW_C3,
        (0, _) => SW_C3 | SW_C2,
        _ if !integer => 0,
        (0x7fff, false) => SW_C2 | SW_C0,
        (0x7fff, true) => SW_C0,
        _ => SW_C2,
    };
    let sign = if fields.negative { SW_C1 } else { 0 };
    fpu.set_codes(SW_C0 | SW_C1 | SW_C2 | SW_C3, kind | sign);
}

/// Instructions on the registers and words: imm = a [`Control`] and, above it, ST(i).
pub(crate) static CONTROL: Helper = Helper::machine("x87_control", control);
/// The same for those that the instruction pointer follows.
pub(crate) static REGISTERS: Helper = Helper::machine("x87_registers", |s, m, at| tracked(s, m, at, control));

#[derive(Clone, Copy)]
#[repr(u16)]
pub(crate) enum Control {
    /// Only looks for a pending exception: WAIT, and FNOP.
    Wait,
    Init,
    ClearExceptions,
    /// a = the word.
    Load,
    Exchange,
    Free,
    FreePop,
    IncTop,
    DecTop,
    /// ST(0) = ST(i) if a is not 0.
    MoveIf,
    /// ST(i) becomes ST(0), which is popped; an empty one is only popped (FSTPNCE).
    MovePop,
}

impl Control {
    const ALL: [Control; 11] = {
        use Control::*;
        [Wait, Init, ClearExceptions, Load, Exchange, Free, FreePop, IncTop, DecTop, MoveIf, MovePop]
    };
}

fn control(slots: &mut Slots, _: &mut dyn GuestMemory, at: CallArgs) -> Result<(), Trap> {
    let value = get(slots, at.a, 0);
    let i = (at.imm >> 4 & 7) as u8;
    let Some(what) = Control::ALL.get(usize::from(at.imm & 15)) else { return Ok(()) };
    match what {
        Control::Init => {
            Fpu::new(slots).init();
            return Ok(());
        }
        Control::ClearExceptions => {
            let mut fpu = Fpu::new(slots);
            let sw = fpu.sw();
            fpu.set_cell(FPU_SW, sw & !0x80ff);
            return Ok(());
        }
        _ => {}
    }
    let mut fpu = Fpu::waiting(slots)?;
    match what {
        Control::Wait | Control::Init | Control::ClearExceptions => {}
        Control::Load => {
            fpu.set_cw(value);
            fpu.summarize();
        }
        Control::Exchange => {
            let mut pair = [fpu.raw(0), fpu.raw(i)];
            fpu.set_codes(SW_C1, 0);
            let empty = [fpu.is_empty(0), fpu.is_empty(i)];
            if let Err(unmasked) = fpu.check_full(&[0, i]) {
                if unmasked {
                    return Ok(());
                }
                for (value, empty) in pair.iter_mut().zip(empty) {
                    if empty {
                        *value = INDEFINITE;
                    }
                }
            }
            fpu.set(i, pair[0]);
            fpu.set(0, pair[1]);
        }
        Control::Free | Control::FreePop => {
            fpu.set_codes(SW_C1, 0);
            fpu.free(i);
            if matches!(what, Control::FreePop) {
                fpu.pop();
            }
        }
        Control::IncTop => {
            fpu.set_codes(SW_C1, 0);
            fpu.rotate(1);
        }
        Control::DecTop => {
            fpu.set_codes(SW_C1, 0);
            fpu.rotate(7);
        }
        Control::MovePop => {
            fpu.set_codes(SW_C1, 0);
            if !fpu.is_empty(0) {
                fpu.set(i, fpu.raw(0));
            }
            fpu.pop();
        }
        Control::MoveIf => match fpu.check_full(&[0, i]) {
            Ok(()) if value & 1 == 0 => {}
            Ok(()) => fpu.set(0, fpu.raw(i)),
            Err(true) => {}
            Err(false) => fpu.set(0, INDEFINITE),
        },
    }
    Ok(())
}

/// FNSTENV, FNSAVE, FLDENV, FRSTOR: imm bit 0 load, bit 1 with the registers, bit 2 the 16-bit format; a = address.
pub(crate) static ENVIRONMENT: Helper = Helper::machine("x87_environment", environment);

fn environment(slots: &mut Slots, mem: &mut dyn GuestMemory, at: CallArgs) -> Result<(), Trap> {
    let addr = get(slots, at.a, 0);
    let (load, whole, short) = (at.imm & 1 != 0, at.imm & 2 != 0, at.imm & 4 != 0);
    let head = if short { 14 } else { 28 };
    let len = if whole { head + 80 } else { head };
    let mut image = [0; 108];
    if !load {
        let mut fpu = Fpu::new(slots);
        store_environment(&fpu, &mut image[..head], short);
        for i in 0..8 {
            let (significand, exponent) = fpu.raw(i);
            let at = head + 10 * usize::from(i);
            if whole {
                image[at..at + 8].copy_from_slice(&significand.to_le_bytes());
                image[at + 8..at + 10].copy_from_slice(&exponent.to_le_bytes());
            }
        }
        mem.write(addr, &image[..len]).map_err(Trap::Fault)?;
        if whole {
            fpu.init();
        } else {
            let cw = fpu.cell(FPU_CW);
            fpu.set_cw(cw | 0x3f);
            fpu.summarize();
        }
        return Ok(());
    }
    let mut fpu = Fpu::waiting(slots)?;
    mem.read(addr, &mut image[..len]).map_err(Trap::Fault)?;
    let word = |n: usize| {
        let at = if short { 2 * n } else { 4 * n };
        u64::from(u16::from_le_bytes([image[at], image[at + 1]]))
    };
    fpu.set_cw(word(0));
    fpu.set_cell(FPU_SW, word(1));
    let tags = word(2);
    fpu.set_cell(FPU_TAG, (0..8).filter(|i| tags >> (2 * i) & 3 != 3).fold(0, |bits, i| bits | 1 << i));
    let long = |n: usize| u64::from(u32::from_le_bytes(*image[4 * n..].first_chunk().expect("the image has it")));
    // Selectors are not kept; the opcode is above the code segment's.
    let [ip, dp, op] = if short { [word(3), word(5), 0] } else { [long(3), long(5), long(4) >> 16 & 0x7ff] };
    for (cell, value) in [(FPU_IP, ip), (FPU_DP, dp), (FPU_OP, op)] {
        fpu.set_cell(cell, value);
    }
    fpu.summarize();
    if whole {
        let keep = fpu.cell(FPU_TAG);
        for i in 0..8 {
            let at = head + 10 * usize::from(i);
            let significand = u64::from_le_bytes(*image[at..].first_chunk().expect("the image has it"));
            fpu.set(i, (significand, u16::from_le_bytes([image[at + 8], image[at + 9]])));
        }
        fpu.set_cell(FPU_TAG, keep);
    }
    Ok(())
}

/// Control, status and tag words, then the pointers: instruction and its selector, which is 0, below the opcode; operand
/// and its selector. In the 32-bit format words have ones above them.
fn store_environment(fpu: &Fpu<'_>, image: &mut [u8], short: bool) {
    let top = (fpu.sw() >> 11) as u8;
    let tags = (0..8u8).fold(0u64, |tags, physical| tags | fpu.tag(physical.wrapping_sub(top) & 7) << (2 * physical));
    let (ip, dp, op) = (fpu.cell(FPU_IP), fpu.cell(FPU_DP), fpu.cell(FPU_OP));
    const ONES: u64 = 0xffff_0000;
    let words = [fpu.cell(FPU_CW) | ONES, fpu.sw() | ONES, tags | ONES, ip, op << 16, dp, ONES];
    for (n, word) in words.into_iter().enumerate() {
        if short {
            image[2 * n..2 * n + 2].copy_from_slice(&(word as u16).to_le_bytes());
        } else {
            image[4 * n..4 * n + 4].copy_from_slice(&(word as u32).to_le_bytes());
        }
    }
}

impl Fpu<'_> {
    /// The two tag bits of ST(i): valid, zero, special, empty.
    fn tag(&self, i: u8) -> u64 {
        let (significand, exponent) = self.raw(i);
        match exponent & 0x7fff {
            _ if self.is_empty(i) => 3,
            0 if significand == 0 => 1,
            0 | 0x7fff => 2,
            _ if significand >> 63 == 0 => 2,
            _ => 0,
        }
    }
}
