//! `arch/riscv/kernel/signal.c`: the return path's signal half, and the frame it writes and rt_sigreturn reads.
use crate::helpers::{fcsr, set_fcsr};
use crate::process::even;
use crate::regs::{A0, A1, A2, A7, IN_SYSCALL, ORIG_A0, RA, RESTART_PC, RESTART_RESULT, SP, f, x};
use crate::syscall;
use abi::{Errno, SigAltStack, SigSet};
use arch::{Cpu, Delivery, RestartRegs, ReturnPath, sigsp};
use ir::EX_SIZE;

/// `struct rt_sigframe`: siginfo, then ucontext, whose mcontext is the registers and a union of floating-point states that
/// ends in the header of the first extension.
mod frame {
    pub(super) const UC: u64 = 128;
    pub(super) const STACK: u64 = UC + 16;
    pub(super) const SIGMASK: u64 = UC + 40;
    pub(super) const REGS: u64 = UC + 176;
    pub(super) const FPREGS: u64 = REGS + 256;
    /// `struct __riscv_d_ext_state`: f0 to f31, fcsr, padding.
    pub(super) const FPREGS_SIZE: usize = 264;
    /// `__reserved` of `struct __riscv_extra_ext_header`, then the header of the extension that ends the list.
    pub(super) const RESERVED: u64 = FPREGS + 516;
    pub(super) const RESERVED_SIZE: usize = 12;
    pub(super) const SIZE: u64 = RESERVED + RESERVED_SIZE as u64;
}

/// `get_rt_frame_size`.
pub(crate) const MINSIGSTKSZ: u64 = frame::SIZE;

/// What a call is restarted with.
const RESTART: RestartRegs =
    RestartRegs { result: A0, argument: ORIG_A0, number: A7, rewound: RESTART_RESULT, rewound_to: RESTART_PC, insn: 4 };

/// `arch_do_signal_or_restart`.
pub(crate) fn do_signal(cpu: &mut Cpu, path: &mut dyn ReturnPath) {
    if cpu.get(IN_SYSCALL) != 0 {
        syscall::forget(cpu);
        RESTART.rewind(cpu);
    }
    RESTART.walk(cpu, path, setup_rt_frame);
}

/// Writes the frame and enters the handler; on failure the registers are as they were. Handlers get all three arguments
/// with or without SA_SIGINFO, and return to the vdso: there is no SA_RESTORER.
fn setup_rt_frame(cpu: &mut Cpu, mem: &mut dyn ReturnPath, delivery: &Delivery) -> Result<(), Errno> {
    let at = get_sigframe(cpu.get(SP), delivery)?;
    let field = |offset| at.wrapping_add(offset);
    mem.write(at, &delivery.info.encode_64())?;
    mem.write(field(frame::UC), &[0; 16])?;
    mem.write(field(frame::STACK), &delivery.altstack.encode_64())?;
    let regs = (1..32).map(|n| cpu.get(x(n)));
    mem.write(field(frame::REGS), &bytes(std::iter::once(cpu.pc).chain(regs)))?;
    mem.write(field(frame::FPREGS), &fp_state(cpu))?;
    mem.write(field(frame::RESERVED), &[0; frame::RESERVED_SIZE])?;
    mem.write(field(frame::SIGMASK), &delivery.mask.0.to_le_bytes())?;
    cpu.set(RA, delivery.trampoline);
    cpu.set(SP, at);
    cpu.set(A0, delivery.info.signo.into());
    cpu.set(A1, at);
    cpu.set(A2, field(frame::UC));
    cpu.set(EX_SIZE, 0);
    cpu.pc = even(delivery.action.handler);
    Ok(())
}

/// Where the frame goes. One that would leave the alternate stack it began on is not written at all.
fn get_sigframe(sp: u64, delivery: &Delivery) -> Result<u64, Errno> {
    let alt = &delivery.altstack;
    if alt.is_used_at(sp) && !alt.is_used_at(sp.wrapping_sub(frame::SIZE)) {
        return Err(Errno::EFAULT);
    }
    Ok(sigsp(sp, delivery).wrapping_sub(frame::SIZE) & !15)
}

pub(crate) fn bytes(words: impl Iterator<Item = u64>) -> Vec<u8> {
    words.flat_map(u64::to_le_bytes).collect()
}

/// `struct __riscv_d_ext_state`.
pub(crate) fn fp_state(cpu: &Cpu) -> Vec<u8> {
    bytes((0..32).map(|n| cpu.get(f(n))).chain([fcsr(&cpu.slots)]))
}

/// Takes it back.
pub(crate) fn set_fp_state(cpu: &mut Cpu, words: &[u64]) {
    for (n, &word) in (0..32).zip(words) {
        cpu.set(f(n), word);
    }
    if let Some(&fcsr) = words.get(32) {
        set_fcsr(&mut cpu.slots, fcsr);
    }
}

pub(crate) fn words(bytes: &[u8]) -> Vec<u64> {
    bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect()
}

/// `sys_rt_sigreturn`. No alignment is asked for.
pub(crate) fn restore_sigframe(cpu: &mut Cpu, path: &mut dyn ReturnPath) -> Result<(), Errno> {
    let at = cpu.get(SP);
    let (mut mask, mut stack) = ([0; 8], [0; 24]);
    syscall::forget(cpu);
    path.read(at.wrapping_add(frame::SIGMASK), &mut mask)?;
    path.set_blocked(SigSet(u64::from_le_bytes(mask)));
    restore_sigcontext(cpu, path, at)?;
    path.read(at.wrapping_add(frame::STACK), &mut stack)?;
    path.restore_altstack(&SigAltStack::decode_64(&stack), cpu.get(SP));
    Ok(())
}

/// `restore_sigcontext`.
fn restore_sigcontext(cpu: &mut Cpu, path: &mut dyn ReturnPath, at: u64) -> Result<(), Errno> {
    let mut read = |offset, buf: &mut [u8]| path.read(at.wrapping_add(offset), buf);
    let (mut regs, mut fpregs) = ([0; 256], [0; frame::FPREGS_SIZE]);
    let mut reserved = [0; frame::RESERVED_SIZE];
    read(frame::REGS, &mut regs)?;
    let regs = words(&regs);
    cpu.pc = even(regs[0]);
    cpu.slots[1..32].copy_from_slice(&regs[1..]);
    read(frame::FPREGS, &mut fpregs)?;
    set_fp_state(cpu, &words(&fpregs));
    read(frame::RESERVED, &mut reserved)?;
    // Not the end of the list (END_MAGIC, END_HDR_SIZE): a state of an extension that is not there.
    if reserved == [0; frame::RESERVED_SIZE] { Ok(()) } else { Err(Errno::EINVAL) }
}
