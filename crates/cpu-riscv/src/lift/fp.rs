//! Floating point. A single lies NaN-boxed in its register: read, it is taken out, and is the canonical NaN if it was not
//! boxed; written, it is boxed again (section 21.2).
use super::*;
use crate::helpers::{FCLASS, IS_DOUBLE};
use crate::regs::{FRM_RESERVED, f};
use ir::{CallArgs, Cond, FP_ENV, FTy, FpOp, Helper, MemTy, Overflow, Round, Trap, UnOp};
use softfloat::{CELL_ROUNDING_SHIFT, Rounding};

/// Signs of a multiply-add's product and addend: whether they are flipped.
pub(crate) const PLUS: bool = false;
pub(crate) const MINUS: bool = true;

/// Dynamic rounding: the mode is fcsr's.
const DYN: u8 = 7;

/// The mode that an instruction or frm names; 5 and 6 are reserved.
pub(crate) fn rounding(rm: u64) -> Option<Rounding> {
    use Rounding::*;
    [NearestEven, TowardZero, Down, Up, NearestAway].get(rm as usize).copied()
}

/// The integer type as wide as the format.
fn as_int(ty: FTy) -> Ty {
    match ty {
        FTy::F32 => Ty::I32,
        FTy::F64 => Ty::I64,
    }
}

/// fn as a number of a format.
fn read(b: &mut Builder, ty: FTy, n: u8) -> Slot {
    match ty {
        FTy::F32 => b.un(UnOp::Unbox32, Ty::I64, f(n)).into(),
        FTy::F64 => f(n).into(),
    }
}

/// fn = what the operation gives of a format.
fn write(b: &mut Builder, ty: FTy, n: u8, op: impl FnOnce(Slot) -> Op) -> Option<Then> {
    match ty {
        FTy::F32 => {
            let single = b.temp(1).into();
            b.push(op(single));
            b.push(Op::Un { op: UnOp::Box32, ty: Ty::I64, d: f(n).into(), a: single });
        }
        FTy::F64 => b.push(op(f(n).into())),
    }
    NEXT
}

/// The check that a rounding mode is none of the reserved ones.
fn check_mode(b: &mut Builder, a: Args) -> Option<()> {
    match a.rm {
        DYN => b.trap_if(FRM_RESERVED, Trap::Illegal),
        rm => drop(rounding(rm.into())?),
    }
    Some(())
}

/// Writes operations that round as the instruction says: under a mode of its own, `FP_ENV` has that meanwhile.
fn rounded(b: &mut Builder, a: Args, ops: impl FnOnce(&mut Builder) -> Option<Then>) -> Option<Then> {
    check_mode(b, a)?;
    let Some(own) = rounding(a.rm.into()) else { return ops(b) };
    const WIDTH: u8 = 3;
    let lsb = CELL_ROUNDING_SHIFT as u8;
    let before = b.shr_imm(Ty::I64, FP_ENV, lsb);
    let mode = b.iconst(own as u64);
    b.push(Op::Insert { ty: Ty::I64, d: FP_ENV.into(), a: FP_ENV.into(), b: mode.into(), lsb, width: WIDTH });
    let then = ops(b);
    b.push(Op::Insert { ty: Ty::I64, d: FP_ENV.into(), a: FP_ENV.into(), b: before.into(), lsb, width: WIDTH });
    then
}

pub(crate) fn load(b: &mut Builder, a: Args, ty: FTy) -> Option<Then> {
    let addr = x(a.rs1);
    write(b, ty, a.rd, |d| Op::Load { ty: MemTy::of(as_int(ty)), d, addr, disp: a.imm })
}

pub(crate) fn store(b: &mut Builder, a: Args, ty: FTy) -> Option<Then> {
    b.store(MemTy::of(as_int(ty)), f(a.rs2), x(a.rs1), a.imm);
    NEXT
}

/// Addition to square root; of the last, rs2 is f0 and not read.
pub(crate) fn arith(b: &mut Builder, a: Args, ty: FTy, op: FpOp) -> Option<Then> {
    let first = read(b, ty, a.rs1);
    let second = if op == FpOp::Sqrt { first } else { read(b, ty, a.rs2) };
    rounded(b, a, |b| write(b, ty, a.rd, |d| Op::Fp { op, ty, d, a: first, b: second }))
}

pub(crate) fn mul_add(b: &mut Builder, a: Args, ty: FTy, neg_product: bool, neg_addend: bool) -> Option<Then> {
    let [first, second, addend] = [a.rs1, a.rs2, a.rs3].map(|n| read(b, ty, n));
    let fma = |d| Op::Fma { ty, neg_product, neg_addend, d, a: first, b: second, c: addend };
    rounded(b, a, |b| write(b, ty, a.rd, fma))
}

/// Whose sign a sign injection takes.
#[derive(Clone, Copy)]
pub(crate) enum Sign {
    Copy,
    Negate,
    Xor,
}

/// rs1 with a sign made of rs2's; of one register these are FMV, FNEG and FABS.
pub(crate) fn inject_sign(b: &mut Builder, a: Args, ty: FTy, sign: Sign) -> Option<Then> {
    let first = read(b, ty, a.rs1);
    if a.rs1 == a.rs2 {
        return write(b, ty, a.rd, |d| match sign {
            Sign::Copy => Op::Mov { d, a: first },
            Sign::Negate => Op::Fp { op: FpOp::Neg, ty, d, a: first, b: first },
            Sign::Xor => Op::Fp { op: FpOp::Abs, ty, d, a: first, b: first },
        });
    }
    let second = read(b, ty, a.rs2);
    let int = as_int(ty);
    let of = match sign {
        Sign::Copy => second,
        Sign::Negate => b.not(int, second).into(),
        Sign::Xor => b.xor(int, first, second).into(),
    };
    let lsb = int.bits() - 1;
    let bit = b.shr_imm(int, of, lsb).into();
    write(b, ty, a.rd, |d| Op::Insert { ty: int, d, a: first, b: bit, lsb, width: 1 })
}

fn format_bit(ty: FTy) -> u16 {
    if ty == FTy::F64 { IS_DOUBLE } else { 0 }
}

/// FMIN, FMAX.
pub(crate) fn choose(b: &mut Builder, a: Args, ty: FTy, helper: &'static Helper) -> Option<Then> {
    let (first, second, imm) = (read(b, ty, a.rs1), read(b, ty, a.rs2), format_bit(ty));
    write(b, ty, a.rd, |d| Op::Call { helper, d, a: first, b: second, c: first, imm })
}

pub(crate) fn classify(b: &mut Builder, a: Args, ty: FTy) -> Option<Then> {
    let (d, first) = (dst(b, a.rd), read(b, ty, a.rs1));
    b.call_into(&FCLASS, CallArgs { d, a: first, b: first, c: first, imm: format_bit(ty) });
    NEXT
}

/// What a comparison asks. All but equality signal for quiet NaNs, too.
#[derive(Clone, Copy)]
pub(crate) enum Test {
    Equal,
    Less,
    LessEqual,
}

/// rd = 1 or 0, of the comparison's 1 for less and 2 for equal.
pub(crate) fn compare(b: &mut Builder, a: Args, ty: FTy, test: Test) -> Option<Then> {
    let (signaling, wanted) = match test {
        Test::Equal => (false, 2),
        Test::Less => (true, 1),
        Test::LessEqual => (true, 3),
    };
    let (first, second) = (read(b, ty, a.rs1), read(b, ty, a.rs2));
    let order = b.fp_cmp(ty, signaling, first, second).into();
    let d = dst(b, a.rd);
    b.push(Op::CmpImm { cond: Cond::TestNz, ty: Ty::I64, d, a: order, imm: wanted });
    NEXT
}

pub(crate) fn to_int(b: &mut Builder, a: Args, from: FTy, to: Ty, signed: bool) -> Option<Then> {
    check_mode(b, a)?;
    let round = match rounding(a.rm.into()) {
        None => Round::Env,
        Some(Rounding::TowardZero) => Round::TowardZero,
        Some(Rounding::Down) => Round::Down,
        Some(Rounding::Up) => Round::Up,
        Some(Rounding::NearestAway) => Round::NearestAway,
        Some(_) => Round::NearestEven,
    };
    let first = read(b, from, a.rs1);
    let value = b.fp_to_int(from, to, signed, round, Overflow::RiscV, first);
    if to == Ty::I32 {
        return set_w(b, a, value);
    }
    let d = dst(b, a.rd);
    b.push(Op::Mov { d, a: value.into() });
    NEXT
}

pub(crate) fn from_int(b: &mut Builder, a: Args, to: FTy, from: Ty, signed: bool) -> Option<Then> {
    let int = x(a.rs1);
    // A word always fits a double, so there is nothing to round.
    if to == FTy::F64 && from == Ty::I32 {
        check_mode(b, a)?;
        return write(b, to, a.rd, |d| Op::IntToFp { from, signed, to, d, a: int });
    }
    rounded(b, a, |b| write(b, to, a.rd, |d| Op::IntToFp { from, signed, to, d, a: int }))
}

pub(crate) fn convert(b: &mut Builder, a: Args, from: FTy, to: FTy) -> Option<Then> {
    let first = read(b, from, a.rs1);
    if to == FTy::F64 {
        check_mode(b, a)?;
        return write(b, to, a.rd, |d| Op::FpToFp { from, d, a: first });
    }
    rounded(b, a, |b| write(b, to, a.rd, |d| Op::FpToFp { from, d, a: first }))
}

/// FMV.X.W, FMV.X.D: the bits, boxed or not.
pub(crate) fn to_x(b: &mut Builder, a: Args, ty: FTy) -> Option<Then> {
    if ty == FTy::F32 {
        return set_w(b, a, f(a.rs1));
    }
    let d = dst(b, a.rd);
    b.push(Op::Mov { d, a: f(a.rs1).into() });
    NEXT
}

/// FMV.W.X, FMV.D.X.
pub(crate) fn from_x(b: &mut Builder, a: Args, ty: FTy) -> Option<Then> {
    let bits = x(a.rs1);
    write(b, ty, a.rd, |d| Op::Mov { d, a: bits })
}
