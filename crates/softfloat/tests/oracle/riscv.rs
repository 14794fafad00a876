//! RISC-V as qemu knows it: instructions run by riscv64.S under qemu-user.

use std::cmp::Ordering;

use softfloat::IntOverflow::RiscV;
use softfloat::*;

use crate::random::{Near, Random};
use crate::soft::*;
use crate::{Operand, Operation, Register, Soft, check_qemu, float, int, integer, value};

/// A float of `F`, NaN-boxed in 64 bits.
fn boxed<F: Format<Bits: Register>>(random: &mut Random, near: &mut Near) -> u128 {
    u128::from(u64::MAX) << (F::PRECISION + F::EXP_BITS) & u128::from(u64::MAX) | float::<F>(random, near)
}

/// FEQ, FLT and FLE: whether the order is one of `wanted`.
fn test<F: Format<Bits: Register>>(signaling: bool, wanted: &'static [Ordering]) -> Soft {
    Box::new(move |env, v| {
        let order = compare::<F>(env, bits::<F>(v[0]), bits::<F>(v[1]), signaling);
        integer(order.is_some_and(|order| wanted.contains(&order)).into(), 64)
    })
}

/// What each format has, in riscv64.S's order.
fn scalar<F: Format<Bits: Register>>(first: u32, suffix: &str) -> Vec<Operation> {
    use Ordering::*;
    let float: Operand = boxed::<F>;
    let table: [(&str, Operand, Soft); 19] = [
        ("fadd", float, binary::<F>(add::<F>)),
        ("fsub", float, binary::<F>(sub::<F>)),
        ("fmul", float, binary::<F>(mul::<F>)),
        ("fdiv", float, binary::<F>(div::<F>)),
        ("fsqrt", float, unary::<F>(sqrt::<F>)),
        ("fmin", float, binary::<F>(|env, a, b| min::<F>(env, a, b, MinMax::Num2019))),
        ("fmax", float, binary::<F>(|env, a, b| max::<F>(env, a, b, MinMax::Num2019))),
        (
            "fmadd",
            float,
            Box::new(|env, v| value(mul_add::<F>(env, bits::<F>(v[0]), bits::<F>(v[1]), bits::<F>(v[2])))),
        ),
        ("feq", float, test::<F>(false, &[Equal])),
        ("flt", float, test::<F>(true, &[Less])),
        ("fle", float, test::<F>(true, &[Less, Equal])),
        ("fcvt.l", float, to::<F>(Int::I64, None, RiscV, 0)),
        ("fcvt.lu", float, to::<F>(Int::U64, None, RiscV, 0)),
        ("fcvt.w", float, to::<F>(Int::I32, None, RiscV, 0)),
        ("fcvt.wu", float, to::<F>(Int::U32, None, RiscV, 0)),
        ("from l", int, from::<F>(Int::I64, 0)),
        ("from lu", int, from::<F>(Int::U64, 0)),
        ("from w", int, from::<F>(Int::I32, 0)),
        ("from wu", int, from::<F>(Int::U32, 0)),
    ];
    let mut operations = Vec::new();
    for (code, (name, operand, soft)) in (first..).zip(table) {
        operations.push(Operation { code, name: format!("{name}.{suffix}"), operand, control: fcsr, soft });
    }
    operations
}

fn operations() -> Vec<Operation> {
    let conversions: [(&str, Operand, Soft); 6] = [
        ("fcvt.d.s", boxed::<F32>, converts::<F32, F64>()),
        ("fcvt.h.s", boxed::<F32>, converts::<F32, F16>()),
        ("fcvt.s.d", boxed::<F64>, converts::<F64, F32>()),
        ("fcvt.h.d", boxed::<F64>, converts::<F64, F16>()),
        ("fcvt.s.h", boxed::<F16>, converts::<F16, F32>()),
        ("fcvt.d.h", boxed::<F16>, converts::<F16, F64>()),
    ];
    let mut operations = scalar::<F32>(0, "s");
    operations.extend(scalar::<F64>(19, "d"));
    operations.extend(scalar::<F16>(38, "h"));
    for (code, (name, operand, soft)) in (57..).zip(conversions) {
        operations.push(Operation { code, name: name.into(), operand, control: fcsr, soft });
    }
    operations
}

/// A random rounding mode in fcsr, flags clear.
fn fcsr(random: &mut Random) -> (u32, Env) {
    use Rounding::*;
    let frm = random.below(5) as usize;
    let rounding = [NearestEven, TowardZero, Down, Up, NearestAway][frm];
    ((frm as u32) << 5, Env { rounding, ..Env::RISCV })
}

/// NX, UF, OF, DZ, NV.
fn fflags(status: u32) -> Flags {
    let order = [Flags::INEXACT, Flags::UNDERFLOW, Flags::OVERFLOW, Flags::DIVZERO, Flags::INVALID];
    let raised = order.into_iter().enumerate().filter(|(bit, _)| status >> bit & 1 != 0);
    raised.fold(Flags::NONE, |all, (_, flag)| all.union(flag))
}

#[test]
fn riscv_matches_qemu() {
    check_qemu("riscv64", "rv64gc_zfh", &["max", "rv64,zfh=true", "rv64,Zfh=true"], operations(), fflags);
}
