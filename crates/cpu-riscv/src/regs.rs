//! The RISC-V names of the register file's slots.
use ir::{FP_ENV, GUEST_SLOTS, Reg, Slot};

/// Return address, x1.
pub(crate) const RA: Reg = Reg(1);
/// Stack pointer, x2.
pub(crate) const SP: Reg = Reg(2);
/// Thread pointer, x4.
pub(crate) const TP: Reg = Reg(4);
/// First argument and result, x10.
pub(crate) const A0: Reg = Reg(10);
pub(crate) const A1: Reg = Reg(11);
pub(crate) const A2: Reg = Reg(12);
/// Number of a system call, x17.
pub(crate) const A7: Reg = Reg(17);
/// fcsr's rounding mode, reserved ones included; arithmetic reads its meaning in `FP_ENV`, where fflags is, too.
pub(crate) const FRM: Reg = Reg(64);
/// 1 while FRM is a reserved mode, under which dynamic rounding is illegal.
pub(crate) const FRM_RESERVED: Reg = Reg(65);
/// a0 at the last system call, for its restart (`pt_regs.orig_a0`).
pub(crate) const ORIG_A0: Reg = Reg(66);
/// 1 while a system call is being made (`pt_regs.cause` is EXC_SYSCALL).
pub(crate) const IN_SYSCALL: Reg = Reg(67);
/// The result of a call that the signal-return path has rewound (`retval` of `arch_do_signal_or_restart`); 0 = none.
pub(crate) const RESTART_RESULT: Reg = Reg(68);
/// Where it was rewound to (`restart_addr`).
pub(crate) const RESTART_PC: Reg = Reg(69);
/// How many slots there are.
pub(crate) const COUNT: usize = 70;

const _: () = assert!(COUNT <= GUEST_SLOTS as usize && FP_ENV.0 >= GUEST_SLOTS);

/// xn. The slot of x0 is never written, so it reads as zero.
pub(crate) const fn x(n: u8) -> Reg {
    Reg(n & 31)
}

/// fn.
pub(crate) const fn f(n: u8) -> Reg {
    Reg(32 + (n & 31))
}

/// Name of a slot in traces.
pub(crate) fn name(slot: Slot) -> Option<String> {
    const REST: [&str; COUNT - 64] = ["frm", "frm_reserved", "orig_a0", "in_syscall", "restart_result", "restart_pc"];
    match slot.0 {
        n @ 0..32 => Some(format!("x{n}")),
        n @ 32..64 => Some(format!("f{}", n - 32)),
        n => REST.get(usize::from(n) - 64).map(|name| (*name).to_owned()),
    }
}
