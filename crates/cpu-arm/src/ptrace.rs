//! `arch/arm64/kernel/ptrace.c`: the registers as a tracer reads and writes them.
use crate::helpers::system::{flags_of, fpsr, set_fpcr, set_fpsr};
use crate::process::untagged;
use crate::regs::{FPCR, NO_SYSCALL, SP, SYSCALLNO, TPIDR_EL0, pstate, v, x};
use crate::signal::{PSR_DAIF, PSR_MODE};
use abi::{Errno, NT_ARM_SYSTEM_CALL, NT_ARM_TLS, NT_PRFPREG, NT_PRSTATUS};
use arch::{Cpu, Regset};
use ir::LazyFlags;

/// `report_syscall`: X7 says at which of a system call's two stops the task is, 0 or 1.
pub(crate) fn mark_syscall_stop(cpu: &mut Cpu, exit: bool) -> u64 {
    let saved = cpu.get(x(7));
    cpu.set(x(7), exit.into());
    saved
}

fn bytes(words: impl IntoIterator<Item = u64>) -> Vec<u8> {
    words.into_iter().flat_map(u64::to_le_bytes).collect()
}

pub(crate) fn get_regset(cpu: &Cpu, note: u32) -> Result<Regset, Errno> {
    Ok(match note {
        // `struct user_pt_regs`: X0..X30, SP, PC, PSTATE.
        NT_PRSTATUS => {
            let regs = cpu.slots[..=SP.0 as usize].iter().copied();
            Regset { word: 8, data: bytes(regs.chain([cpu.pc, pstate(cpu)])) }
        }
        // `struct user_fpsimd_state`: V0..V31, FPSR, FPCR, and two words that are not used.
        NT_PRFPREG => {
            let vectors = cpu.slots[v(0).0 as usize..][..64].iter().copied();
            let status = fpsr(&cpu.slots) & 0xffff_ffff | cpu.get(FPCR) << 32;
            Regset { word: 4, data: bytes(vectors.chain([status, 0])) }
        }
        // The second word is TPIDR2_EL0's, which needs SME.
        NT_ARM_TLS => Regset { word: 8, data: bytes([cpu.get(TPIDR_EL0), 0]) },
        NT_ARM_SYSTEM_CALL => Regset { word: 4, data: (cpu.get(SYSCALLNO) as u32).to_le_bytes().to_vec() },
        _ => return Err(Errno::EINVAL),
    })
}

pub(crate) fn set_regset(cpu: &mut Cpu, note: u32, data: &[u8]) -> Result<(), Errno> {
    // What is not given stays as it is.
    let mut whole = get_regset(cpu, note)?.data;
    let len = data.len().min(whole.len());
    whole[..len].copy_from_slice(&data[..len]);
    let words: Vec<u64> = whole.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
    match note {
        NT_PRSTATUS => {
            // `valid_native_regs`: AArch64, EL0t, nothing masked; reserved bits are dropped.
            let psr = words[33];
            if psr & (PSR_MODE | PSR_DAIF) != 0 {
                return Err(Errno::EINVAL);
            }
            cpu.slots[..=SP.0 as usize].copy_from_slice(&words[..32]);
            cpu.pc = untagged(words[32]);
            LazyFlags::bits(flags_of(psr)).store(&mut cpu.slots);
        }
        NT_PRFPREG => {
            cpu.slots[v(0).0 as usize..][..64].copy_from_slice(&words[..64]);
            set_fpcr(&mut cpu.slots, words[64] >> 32);
            set_fpsr(&mut cpu.slots, words[64] & 0xffff_ffff);
        }
        NT_ARM_TLS => cpu.set(TPIDR_EL0, words[0]),
        // -1 makes none of it: the result is what X0 holds.
        NT_ARM_SYSTEM_CALL => {
            let nr = data.first_chunk().map_or(NO_SYSCALL, |nr| u32::from_le_bytes(*nr).into());
            cpu.set(SYSCALLNO, nr);
        }
        _ => return Err(Errno::EINVAL),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpu() -> Cpu {
        let mut cpu = Cpu::new(&crate::AARCH64);
        crate::AARCH64.abi.start_thread(&mut cpu, 0x40_0000, 0x7000);
        for n in 0..31 {
            cpu.set(x(n), 0x100 + u64::from(n));
        }
        cpu
    }

    /// Sizes and offsets of uapi/asm/ptrace.h.
    #[test]
    fn layouts() {
        let mut cpu = cpu();
        let regs = get_regset(&cpu, NT_PRSTATUS).unwrap();
        assert_eq!((regs.data.len(), regs.word), (272, 8));
        assert_eq!(
            (regs.data[8], regs.data[30 * 8], regs.data[31 * 8 + 1], regs.data[32 * 8 + 2]),
            (1, 0x1e, 0x70, 0x40)
        );
        cpu.set(v(31).up(1), u64::MAX);
        set_fpcr(&mut cpu.slots, 3 << 22);
        let regs = get_regset(&cpu, NT_PRFPREG).unwrap();
        assert_eq!((regs.data.len(), regs.word), (528, 4));
        assert_eq!((regs.data[511], regs.data[516 + 2]), (0xff, 0xc0));
        assert_eq!(get_regset(&cpu, NT_ARM_TLS).unwrap().data.len(), 16);
        assert_eq!(get_regset(&cpu, NT_ARM_SYSTEM_CALL).unwrap().data, [0xff; 4]);
        // NT_X86_XSTATE, NT_ARM_HW_BREAK, NT_ARM_HW_WATCH, NT_ARM_SVE, NT_ARM_PAC_MASK: not of this CPU.
        for note in [0x202, 0x402, 0x403, 0x405, 0x406] {
            assert_eq!(get_regset(&cpu, note), Err(Errno::EINVAL));
            assert_eq!(set_regset(&mut cpu, note, &[0; 8]), Err(Errno::EINVAL));
        }
    }

    #[test]
    fn parts_are_set() {
        let mut cpu = cpu();
        set_regset(&mut cpu, NT_PRSTATUS, &7u64.to_le_bytes()).unwrap();
        assert_eq!((cpu.get(x(0)), cpu.get(x(1)), cpu.pc), (7, 0x101, 0x40_0000));
        let mut all = get_regset(&cpu, NT_PRSTATUS).unwrap().data;
        all[33 * 8] = 5;
        assert_eq!(set_regset(&mut cpu, NT_PRSTATUS, &all), Err(Errno::EINVAL), "EL1");
        all[33 * 8..][..8].copy_from_slice(&(0xf_u64 << 28).to_le_bytes());
        set_regset(&mut cpu, NT_PRSTATUS, &all).unwrap();
        assert_eq!(pstate(&cpu), 0xf << 28);
        set_regset(&mut cpu, NT_ARM_SYSTEM_CALL, &64u32.to_le_bytes()).unwrap();
        assert_eq!(crate::syscall::request(&cpu).sysno, Some(abi::Sysno::Write));
        assert_eq!((mark_syscall_stop(&mut cpu, true), cpu.get(x(7))), (0x107, 1));
    }
}
