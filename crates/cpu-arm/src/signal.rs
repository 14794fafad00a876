//! `arch/arm64/kernel/signal.c`: the return path's signal half, and the frame it writes and rt_sigreturn reads.
use crate::helpers::system::{flags_of, fpsr, set_fpcr, set_fpsr};
use crate::process::untagged;
use crate::regs::{
    FAULT_ADDRESS, FAULT_CODE, FPCR, LR, NO_SYSCALL, ORIG_X0, RESTART_PC, RESTART_RESULT, SP, SYSCALLNO, pstate, v, x,
};
use crate::syscall;
use abi::{Errno, SaFlags, SigAltStack, SigSet};
use arch::{Cpu, Delivery, RestartRegs, ReturnPath, UserMemory, sigsp};
use ir::{EX_SIZE, LazyFlags};

/// `struct rt_sigframe`: siginfo, then ucontext, whose mcontext ends in 4096 bytes of records.
mod frame {
    pub(super) const UC: u64 = 128;
    pub(super) const STACK: u64 = UC + 16;
    pub(super) const SIGMASK: u64 = UC + 40;
    /// `struct sigcontext`: the fault's address, registers, padding, records.
    pub(super) const FAULT_ADDRESS: u64 = UC + 176;
    pub(super) const REGS: u64 = FAULT_ADDRESS + 8;
    pub(super) const RECORDS: u64 = FAULT_ADDRESS + 288;
    pub(super) const RECORDS_SIZE: u64 = 4096;
    pub(super) const SIZE: u64 = RECORDS + RECORDS_SIZE;
    /// `struct frame_record`, above the frame: X29 and LR.
    pub(super) const LINK_SIZE: u64 = 16;
    pub(super) const FPSIMD_MAGIC: u32 = 0x4650_8001;
    pub(super) const FPSIMD_SIZE: usize = 528;
    pub(super) const ESR_MAGIC: u32 = 0x4553_5201;
    pub(super) const ESR_SIZE: usize = 16;
    pub(super) const EXTRA_MAGIC: u32 = 0x4558_5401;
    pub(super) const EXTRA_SIZE: u64 = 32;
    /// `SIGFRAME_MAXSZ`: how far from its first byte the records of a frame may reach.
    pub(super) const MAX_SIZE: u64 = 256 << 10;
}

/// `signal_minsigstksz`: the frame, the frame record above it, and alignment.
pub(crate) const MINSIGSTKSZ: u64 = frame::SIZE + frame::LINK_SIZE + 16;

/// Fields of PSTATE that a program may not choose: the mode, and D A I F.
pub(crate) const PSR_MODE: u64 = 0x1f;
pub(crate) const PSR_DAIF: u64 = 0x3c0;

/// What a call is restarted with.
const RESTART: RestartRegs = RestartRegs {
    result: x(0),
    argument: ORIG_X0,
    number: x(8),
    rewound: RESTART_RESULT,
    rewound_to: RESTART_PC,
    insn: 4,
};

/// `do_signal`. Walked again, it takes no number for a call's that a tracer wrote meanwhile.
pub(crate) fn do_signal(cpu: &mut Cpu, path: &mut dyn ReturnPath) {
    if cpu.get(SYSCALLNO) != NO_SYSCALL && !RESTART.is_rewound(cpu) {
        syscall::forget(cpu);
        RESTART.rewind(cpu);
    }
    RESTART.walk(cpu, path, setup_rt_frame);
}

/// Writes the frame and enters the handler; on failure the registers are as they were.
fn setup_rt_frame(cpu: &mut Cpu, mem: &mut dyn ReturnPath, delivery: &Delivery) -> Result<(), Errno> {
    let record = sigsp(cpu.get(SP), delivery).wrapping_sub(frame::LINK_SIZE) & !15;
    let at = record.wrapping_sub(frame::SIZE);
    let mut link = Vec::with_capacity(frame::LINK_SIZE as usize);
    put(&mut link, &[cpu.get(x(29)), cpu.get(LR)]);
    mem.write(record, &link)?;
    mem.write(at.wrapping_add(frame::UC), &[0; 16])?;
    mem.write(at.wrapping_add(frame::STACK), &delivery.altstack.encode_64())?;
    mem.write(at.wrapping_add(frame::SIGMASK), &delivery.mask.0.to_le_bytes())?;
    mem.write(at.wrapping_add(frame::FAULT_ADDRESS), &sigcontext(cpu))?;
    mem.write(at.wrapping_add(frame::RECORDS), &records(cpu))?;
    let action = &delivery.action;
    if action.flags.contains(SaFlags::SA_SIGINFO) {
        mem.write(at, &delivery.info.encode_64())?;
        cpu.set(x(1), at);
        cpu.set(x(2), at.wrapping_add(frame::UC));
    }
    cpu.set(x(0), delivery.info.signo.into());
    cpu.set(SP, at);
    cpu.set(x(29), record);
    let restorer = action.flags.contains(SaFlags::SA_RESTORER);
    cpu.set(LR, if restorer { action.restorer } else { delivery.trampoline });
    cpu.set(EX_SIZE, 0);
    cpu.pc = untagged(action.handler);
    Ok(())
}

fn put(out: &mut Vec<u8>, words: &[u64]) {
    out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
}

/// `struct sigcontext` up to its records: fault address, X0..X30, SP, PC, PSTATE, padded to 16.
fn sigcontext(cpu: &Cpu) -> Vec<u8> {
    let mut out = Vec::with_capacity(288);
    put(&mut out, &[cpu.get(FAULT_ADDRESS)]);
    put(&mut out, &cpu.slots[..=SP.0 as usize]);
    put(&mut out, &[cpu.pc, pstate(cpu), 0]);
    out
}

/// The records: `fpsimd_context`, `esr_context` if a fault is to be reported, the end.
fn records(cpu: &Cpu) -> Vec<u8> {
    let mut out = Vec::with_capacity(frame::FPSIMD_SIZE + frame::ESR_SIZE + 8);
    let pair = |low: u32, high: u64| u64::from(low) | high << 32;
    put(&mut out, &[pair(frame::FPSIMD_MAGIC, frame::FPSIMD_SIZE as u64), fpsr(&cpu.slots) | cpu.get(FPCR) << 32]);
    put(&mut out, &cpu.slots[v(0).0 as usize..][..64]);
    let code = cpu.get(FAULT_CODE);
    if code != 0 {
        put(&mut out, &[pair(frame::ESR_MAGIC, frame::ESR_SIZE as u64), code]);
    }
    put(&mut out, &[0]);
    out
}

/// `sys_rt_sigreturn`.
pub(crate) fn restore_sigframe(cpu: &mut Cpu, path: &mut dyn ReturnPath) -> Result<(), Errno> {
    let at = cpu.get(SP);
    if !at.is_multiple_of(16) {
        return Err(Errno::EFAULT);
    }
    let mut mask = [0; 8];
    let mut stack = [0; 24];
    let mut context = [0; 272];
    path.read(at.wrapping_add(frame::SIGMASK), &mut mask)?;
    path.set_blocked(SigSet(u64::from_le_bytes(mask)));
    path.read(at.wrapping_add(frame::REGS), &mut context)?;
    let words: Vec<u64> = context.chunks_exact(8).map(word).collect();
    let (regs, rest) = words.split_at(32);
    // As in Linux the general registers are the frame's from here on, whatever is wrong with the rest of it.
    cpu.slots[..regs.len()].copy_from_slice(regs);
    cpu.pc = untagged(rest[0]);
    LazyFlags::bits(flags_of(rest[1])).store(&mut cpu.slots);
    syscall::forget(cpu);
    // `valid_native_regs`: AArch64, EL0t, nothing masked; else only N, Z, C and V are kept.
    if rest[1] & (PSR_MODE | PSR_DAIF) != 0 {
        return Err(Errno::EFAULT);
    }
    let fpsimd = find_fpsimd(path, at)?;
    let vectors: Vec<u64> = fpsimd[16..].chunks_exact(8).map(word).collect();
    let status = word(&fpsimd[8..16]);
    cpu.slots[v(0).0 as usize..][..vectors.len()].copy_from_slice(&vectors);
    set_fpcr(&mut cpu.slots, status >> 32);
    set_fpsr(&mut cpu.slots, status & 0xffff_ffff);
    path.read(at.wrapping_add(frame::STACK), &mut stack)?;
    path.restore_altstack(&SigAltStack::decode_64(&stack), cpu.get(SP));
    Ok(())
}

fn word(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// `parse_user_sigframe`: the one `fpsimd_context` among the records, which may go on behind the frame if an
/// `extra_context` says so. Records of features we do not have, and unknown ones, are refused.
fn find_fpsimd(mem: &mut dyn UserMemory, at: u64) -> Result<[u8; frame::FPSIMD_SIZE], Errno> {
    let (mut base, mut offset, mut limit) = (at.wrapping_add(frame::RECORDS), 0u64, frame::RECORDS_SIZE);
    let (mut found, mut extra) = (None, false);
    while limit - offset >= 8 && offset.is_multiple_of(16) {
        let here = base.wrapping_add(offset);
        let (magic, size) = head(mem, here)?;
        if size > limit - offset {
            return Err(Errno::EINVAL);
        }
        match magic {
            0 if size == 0 => return found.ok_or(Errno::EINVAL),
            frame::FPSIMD_MAGIC if found.is_none() && size == frame::FPSIMD_SIZE as u64 => {
                let mut context = [0; frame::FPSIMD_SIZE];
                mem.read(here, &mut context)?;
                found = Some(context);
            }
            frame::ESR_MAGIC => {}
            frame::EXTRA_MAGIC if !extra && size >= frame::EXTRA_SIZE => {
                // The space in front of it ends here; what follows must lie right behind.
                let behind = here.wrapping_add(size).wrapping_add(16);
                if limit - offset - size < 16 || head(mem, here.wrapping_add(size))? != (0, 0) {
                    return Err(Errno::EINVAL);
                }
                let mut words = [0; 12];
                mem.read(here.wrapping_add(8), &mut words)?;
                (base, offset, limit) = (word(&words[..8]), 0, word(&words[8..]));
                let aligned = base.is_multiple_of(16) && limit.is_multiple_of(16);
                if !aligned || base != behind || limit > frame::MAX_SIZE - behind.wrapping_sub(at) {
                    return Err(Errno::EINVAL);
                }
                extra = true;
                continue;
            }
            _ => return Err(Errno::EINVAL),
        }
        if size < 8 {
            return Err(Errno::EINVAL);
        }
        offset += size;
    }
    Err(Errno::EINVAL)
}

/// Magic and size of a record, `struct _aarch64_ctx`.
fn head(mem: &mut dyn UserMemory, at: u64) -> Result<(u32, u64), Errno> {
    let mut head = [0; 8];
    mem.read(at, &mut head)?;
    Ok((word(&head[..4]) as u32, word(&head[4..])))
}
