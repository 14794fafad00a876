//! System calls, barriers, cache maintenance and system registers as arm64 Linux gives them to user space.
use super::*;
use crate::features::{id_register, register};
use crate::helpers::system::{FPCR_WRITE, FPSR_READ, FPSR_WRITE, ID_READ, NZCV_READ, NZCV_WRITE};
use crate::regs::{FPCR, TPIDR_EL0};
use arch::CpuLevel;
use ir::{CPU_LEVEL, CallArgs, MemTy, Trap};

pub(crate) fn svc(b: &mut Builder, w: Word) -> Option<Flow> {
    b.syscall(w.next());
    END
}

pub(crate) fn brk(b: &mut Builder, w: Word) -> Option<Flow> {
    b.trap(Trap::Breakpoint, w.pc);
    END
}

pub(crate) fn nop(_: &mut Builder, _: Word) -> Option<Flow> {
    NEXT
}

pub(crate) fn clrex(b: &mut Builder, _: Word) -> Option<Flow> {
    b.push(Op::ClearEx);
    NEXT
}

pub(crate) fn fence(b: &mut Builder, _: Word) -> Option<Flow> {
    b.push(Op::Fence);
    NEXT
}

/// Stores into code are seen at once, so this only ends the block, as its fetch may be stale.
pub(crate) fn isb(b: &mut Builder, w: Word) -> Option<Flow> {
    b.jump(w.next());
    END
}

/// Like a load, it faults where nothing is mapped.
pub(crate) fn ic_ivau(b: &mut Builder, w: Word) -> Option<Flow> {
    dc_clean(b, w)
}

/// Cleaning touches the line as a load of it would.
pub(crate) fn dc_clean(b: &mut Builder, w: Word) -> Option<Flow> {
    let addr = xr(b, w.rt());
    b.load(MemTy::U8, addr, 0);
    NEXT
}

/// Zeroes the 64-byte block around the address (DCZID_EL0.BS = 4).
pub(crate) fn dc_zva(b: &mut Builder, w: Word) -> Option<Flow> {
    let addr = xr(b, w.rt());
    let line = b.and_imm(Ty::I64, addr, -64);
    let zero = b.temp(4);
    for n in 0..4 {
        b.push(Op::Const { d: zero.up(n).into(), value: 0 });
    }
    b.store(MemTy::V256, zero, line, 0);
    b.store(MemTy::V256, zero, line, 32);
    NEXT
}

const NZCV: u16 = register(3, 3, 4, 2, 0);
const FPCR_REG: u16 = register(3, 3, 4, 4, 0);
const FPSR: u16 = register(3, 3, 4, 4, 1);
const TPIDR: u16 = register(3, 3, 13, 0, 2);
const TPIDRRO: u16 = register(3, 3, 13, 0, 3);
const CTR: u16 = register(3, 3, 0, 0, 1);
const DCZID: u16 = register(3, 3, 0, 0, 7);
const CNTFRQ: u16 = register(3, 3, 14, 0, 0);
const CNTVCT: u16 = register(3, 3, 14, 0, 2);

/// 64-byte lines, PIPT, IDC and DIC: no cache maintenance is needed for coherency.
const CTR_VALUE: u64 = 0xb444_c004;

pub(crate) fn mrs(b: &mut Builder, w: Word) -> Option<Flow> {
    let d = dst(b, w.rt());
    let none = d;
    let mut call = |helper| b.call_into(helper, CallArgs { d, a: none, b: none, c: none, imm: 0 });
    match w.at(5, 15) as u16 {
        FPSR => call(&FPSR_READ),
        NZCV => {
            let flags = b.get_flags().into();
            b.call_into(&NZCV_READ, CallArgs { d, a: flags, b: flags, c: flags, imm: 0 });
        }
        FPCR_REG => b.push(Op::Mov { d, a: FPCR.into() }),
        TPIDR => b.push(Op::Mov { d, a: TPIDR_EL0.into() }),
        TPIDRRO => b.push(Op::Const { d, value: 0 }),
        CTR => b.push(Op::Const { d, value: CTR_VALUE }),
        DCZID => b.push(Op::Const { d, value: 4 }),
        CNTFRQ => b.push(Op::Const { d, value: 1_000_000_000 }),
        CNTVCT => b.push(Op::ReadTime { d }),
        op => {
            id_register(op, CpuLevel::default())?;
            let level = CPU_LEVEL.into();
            b.call_into(&ID_READ, CallArgs { d, a: level, b: level, c: level, imm: op });
        }
    }
    NEXT
}

pub(crate) fn msr(b: &mut Builder, w: Word) -> Option<Flow> {
    let a = xr(b, w.rt());
    match w.at(5, 15) as u16 {
        NZCV => {
            let bits = b.call(&NZCV_WRITE, a, a, a, 0);
            b.set_flag_bits(bits);
        }
        FPCR_REG => b.call_into(&FPCR_WRITE, CallArgs { d: FPCR.into(), a, b: a, c: a, imm: 0 }),
        FPSR => {
            b.call(&FPSR_WRITE, a, a, a, 0);
        }
        TPIDR => b.push(Op::Mov { d: TPIDR_EL0.into(), a }),
        _ => return None,
    }
    NEXT
}
