//! System calls, barriers, cache maintenance and system registers as arm64 Linux gives them to user space.
use super::*;
use crate::helpers::system::{FPCR_WRITE, FPSR_READ, FPSR_WRITE, NZCV_READ, NZCV_WRITE};
use crate::regs::{FPCR, TPIDR_EL0};
use ir::{CallArgs, MemTy, Trap};

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

/// op0 op1 CRn CRm op2 as one number, op0 being 2 or 3.
const fn reg(op0: u32, op1: u32, crn: u32, crm: u32, op2: u32) -> u32 {
    (op0 & 1) << 14 | op1 << 11 | crn << 7 | crm << 3 | op2
}

const NZCV: u32 = reg(3, 3, 4, 2, 0);
const FPCR_REG: u32 = reg(3, 3, 4, 4, 0);
const FPSR: u32 = reg(3, 3, 4, 4, 1);
const TPIDR: u32 = reg(3, 3, 13, 0, 2);
const TPIDRRO: u32 = reg(3, 3, 13, 0, 3);
const CTR: u32 = reg(3, 3, 0, 0, 1);
const DCZID: u32 = reg(3, 3, 0, 0, 7);
const CNTFRQ: u32 = reg(3, 3, 14, 0, 0);
const CNTVCT: u32 = reg(3, 3, 14, 0, 2);

/// 64-byte lines, PIPT, IDC and DIC: no cache maintenance is needed for coherency.
const CTR_VALUE: u64 = 0xb444_c004;

/// The identification registers as Linux's emulation shows them (Documentation/arch/arm64/cpu-feature-registers.rst):
/// what `process::HWCAPS` advertises and no more.
fn id_register(op: u32) -> Option<u64> {
    const MIDR_EL1: u32 = reg(3, 0, 0, 0, 0);
    const MPIDR: u32 = reg(3, 0, 0, 0, 5);
    const REVIDR: u32 = reg(3, 0, 0, 0, 6);
    const PFR0: u32 = reg(3, 0, 0, 4, 0);
    const ISAR0: u32 = reg(3, 0, 0, 6, 0);
    const ISAR1: u32 = reg(3, 0, 0, 6, 1);
    Some(match op {
        MIDR_EL1 => crate::process::MIDR,
        MPIDR => 1 << 31,
        REVIDR => 0,
        PFR0 => 0x11,
        // Atomic 2: LSE; CRC32 1.
        ISAR0 => 2 << 20 | 1 << 16,
        // LRCPC 1.
        ISAR1 => 1 << 20,
        // The rest of the space reads as zero (`is_emulated` of arch/arm64/kernel/cpufeature.c).
        _ if op >> 7 == reg(3, 0, 0, 0, 0) >> 7 && matches!(op >> 3 & 15, 2..=7) => 0,
        _ => return None,
    })
}

pub(crate) fn mrs(b: &mut Builder, w: Word) -> Option<Flow> {
    let d = dst(b, w.rt());
    let none = d;
    let mut call = |helper| b.call_into(helper, CallArgs { d, a: none, b: none, c: none, imm: 0 });
    match w.at(5, 15) {
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
            let value = id_register(op)?;
            b.push(Op::Const { d, value });
        }
    }
    NEXT
}

pub(crate) fn msr(b: &mut Builder, w: Word) -> Option<Flow> {
    let a = xr(b, w.rt());
    match w.at(5, 15) {
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
