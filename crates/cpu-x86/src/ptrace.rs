//! arch/x86/kernel/ptrace.c: the registers as a tracer reads and writes them.
use crate::helpers::{fxsave, segment, xsave};
use crate::regs::*;
use abi::{
    Errno, NT_PRFPREG, NT_PRSTATUS, NT_X86_XSTATE, PTRACE_GETFPREGS, PTRACE_GETREGS, PTRACE_SETFPREGS, PTRACE_SETREGS,
};
use arch::{Access, Cpu, Fault, GuestMemory, Regset};
use ir::Reg;

/// `struct user_regs_struct` (uapi/asm/ptrace.h, sys/user.h), a row a word.
#[derive(Clone, Copy)]
enum Word {
    Gpr(Reg),
    Ip,
    Flags,
    /// fs_base and gs_base.
    Base(Reg),
    /// cs or ss, which are the same for every program here.
    Selector(u16),
    /// ds, es, fs or gs: where in `SELECTORS`.
    Data(u8),
}

#[rustfmt::skip]
const WORDS: [Word; 27] = {
    use Word::{Base, Data, Flags, Gpr, Ip, Selector};
    [
        Gpr(gpr(15)), Gpr(gpr(14)), Gpr(gpr(13)), Gpr(gpr(12)), Gpr(RBP), Gpr(RBX), Gpr(R11), Gpr(R10), Gpr(R9), Gpr(R8),
        Gpr(RAX), Gpr(RCX), Gpr(RDX), Gpr(RSI), Gpr(RDI), Gpr(ORIG_RAX), Ip, Selector(USER_CS), Flags, Gpr(RSP),
        Selector(USER_DS), Base(FS_BASE), Base(GS_BASE), Data(16), Data(0), Data(32), Data(48),
    ]
};

/// `sizeof(struct user)`, and where its debug registers are.
const USER_SIZE: u64 = 928;
const U_DEBUGREG: std::ops::Range<u64> = 848..912;

/// `getreg`. The trap flag of a single step is never in the register file: only what the program set itself is seen.
fn getreg(cpu: &Cpu, word: Word) -> u64 {
    match word {
        Word::Gpr(reg) | Word::Base(reg) => cpu.get(reg),
        Word::Ip => cpu.pc,
        Word::Flags => rflags(&cpu.slots),
        Word::Selector(value) => value.into(),
        Word::Data(lsb) => cpu.get(SELECTORS) >> lsb & 0xffff,
    }
}

/// `putreg`.
fn putreg(cpu: &mut Cpu, word: Word, value: u64) -> Result<(), Errno> {
    match word {
        Word::Gpr(reg) => cpu.set(reg, value),
        Word::Ip => cpu.pc = value,
        Word::Flags => {
            let flags = rflags(&cpu.slots) & !USER_FLAGS | value & USER_FLAGS;
            set_rflags(&mut cpu.slots, flags);
        }
        Word::Base(reg) if value < crate::X86_64.task_size => cpu.set(reg, value),
        Word::Selector(only) if value as u16 == only => {}
        // `invalid_selector`; one that cannot be loaded becomes null when the task runs.
        Word::Data(lsb) if value as u16 == 0 || value & 3 == 3 => {
            let selector = if segment::is_data(value) { value & 0xffff } else { 0 };
            cpu.set(SELECTORS, cpu.get(SELECTORS) & !(0xffff << lsb) | selector << lsb);
        }
        Word::Base(_) | Word::Selector(_) | Word::Data(_) => return Err(Errno::EIO),
    }
    Ok(())
}

pub(crate) fn get_regset(cpu: &Cpu, note: u32) -> Result<Regset, Errno> {
    let data = match note {
        NT_PRSTATUS => WORDS.iter().flat_map(|&word| getreg(cpu, word).to_le_bytes()).collect(),
        NT_PRFPREG => fxsave::save(&cpu.slots).to_vec(),
        NT_X86_XSTATE => {
            // `copy_xstate_to_uabi_buf`: where FXSAVE leaves room it says which components there are.
            let mut image = xsave::image(&cpu.slots);
            image[fxsave::SW_RESERVED..][..8].copy_from_slice(&xsave::XCR0.to_le_bytes());
            image.to_vec()
        }
        _ => return Err(Errno::EINVAL),
    };
    Ok(Regset { word: 8, data })
}

pub(crate) fn set_regset(cpu: &mut Cpu, note: u32, data: &[u8]) -> Result<(), Errno> {
    match note {
        NT_PRSTATUS => {
            for (word, bytes) in WORDS.iter().zip(data.as_chunks::<8>().0) {
                putreg(cpu, *word, u64::from_le_bytes(*bytes))?;
            }
            Ok(())
        }
        NT_PRFPREG => {
            // `xfpregs_set`: all of it or nothing.
            let image: &[u8; fxsave::SIZE] = data.try_into().map_err(|_| Errno::EINVAL)?;
            if !fxsave::is_valid(image) {
                return Err(Errno::EINVAL);
            }
            fxsave::restore(&mut cpu.slots, image);
            Ok(())
        }
        NT_X86_XSTATE => set_xstate(cpu, data),
        _ => Err(Errno::EINVAL),
    }
}

/// `xstateregs_set`: all of it, in the standard format.
fn set_xstate(cpu: &mut Cpu, data: &[u8]) -> Result<(), Errno> {
    let image: &[u8; xsave::SIZE] = data.try_into().map_err(|_| Errno::EFAULT)?;
    // The compacted format, and every reserved byte.
    if image[xsave::HEADER + 8..xsave::YMM].iter().any(|byte| *byte != 0) {
        return Err(Errno::EINVAL);
    }
    xsave::restore(&mut cpu.slots, &mut Bytes(image), 0, xsave::XCR0, true).map_err(|_| Errno::EINVAL)
}

/// An area that is not in a guest's memory.
struct Bytes<'a>(&'a [u8]);

impl GuestMemory for Bytes<'_> {
    fn read(&mut self, addr: u64, buf: &mut [u8]) -> Result<(), Fault> {
        let at = addr as usize;
        let bytes = self.0.get(at..at + buf.len()).ok_or(Fault { addr, access: Access::Read })?;
        buf.copy_from_slice(bytes);
        Ok(())
    }
    fn write(&mut self, addr: u64, _: &[u8]) -> Result<(), Fault> {
        Err(Fault { addr, access: Access::Write })
    }
    fn probe_write(&mut self, addr: u64, _: usize) -> Result<(), Fault> {
        Err(Fault { addr, access: Access::Write })
    }
}

pub(crate) fn regset_request(request: u64) -> Option<(u32, bool)> {
    match request {
        PTRACE_GETREGS => Some((NT_PRSTATUS, false)),
        PTRACE_SETREGS => Some((NT_PRSTATUS, true)),
        PTRACE_GETFPREGS => Some((NT_PRFPREG, false)),
        PTRACE_SETFPREGS => Some((NT_PRFPREG, true)),
        _ => None,
    }
}

/// The register at `at` of `struct user`.
fn user_word(at: u64) -> Result<Option<Word>, Errno> {
    if !at.is_multiple_of(8) || at >= USER_SIZE {
        return Err(Errno::EIO);
    }
    Ok(WORDS.get((at / 8) as usize).copied())
}

/// What is no register reads as zero, debug registers as well: there are none here.
pub(crate) fn peek_user(cpu: &Cpu, at: u64) -> Result<u64, Errno> {
    Ok(user_word(at)?.map_or(0, |word| getreg(cpu, word)))
}

pub(crate) fn poke_user(cpu: &mut Cpu, at: u64, value: u64) -> Result<(), Errno> {
    match user_word(at)? {
        Some(word) => putreg(cpu, word, value),
        None if U_DEBUGREG.contains(&at) && value == 0 => Ok(()),
        None => Err(Errno::EIO),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpu() -> Cpu {
        let mut cpu = Cpu::new(&crate::X86_64);
        crate::process::start_thread(&mut cpu, 0x40_0000, 0x7000);
        for n in 0..16 {
            cpu.set(gpr(n), 0x100 + u64::from(n));
        }
        cpu
    }

    fn words(cpu: &Cpu) -> Vec<u64> {
        let set = get_regset(cpu, NT_PRSTATUS).unwrap();
        set.data.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect()
    }

    /// Offsets of sys/user.h: r15 first, rax the eleventh, orig_rax, rip, cs, eflags, rsp, ss, fs_base from the sixteenth.
    #[test]
    fn user_regs_struct() {
        let mut cpu = cpu();
        cpu.set(FS_BASE, 0x5000);
        let regs = words(&cpu);
        assert_eq!(regs.len() * 8, 216);
        assert_eq!((regs[0], regs[3], regs[4], regs[5]), (0x10f, 0x10c, 0x105, 0x103));
        assert_eq!((regs[6], regs[9], regs[10], regs[11]), (0x10b, 0x108, 0x100, 0x101));
        assert_eq!((regs[12], regs[13], regs[14], regs[15]), (0x102, 0x106, 0x107, u64::MAX));
        assert_eq!(regs[16..22], [0x40_0000, 0x33, 0x202, 0x104, 0x2b, 0x5000]);
        assert_eq!(peek_user(&cpu, 16 * 8), Ok(0x40_0000));
        assert_eq!((peek_user(&cpu, 4), peek_user(&cpu, 928)), (Err(Errno::EIO), Err(Errno::EIO)));
    }

    #[test]
    fn what_a_tracer_may_not_set() {
        let mut cpu = cpu();
        let before = words(&cpu);
        assert_eq!(poke_user(&mut cpu, 17 * 8, 0), Err(Errno::EIO), "cs");
        assert_eq!(poke_user(&mut cpu, 21 * 8, 1 << 47), Err(Errno::EIO), "fs_base of the kernel's half");
        assert_eq!(poke_user(&mut cpu, 18 * 8, u64::MAX), Ok(()));
        assert_eq!(words(&cpu)[18], 0x202 | USER_FLAGS & !EFLAGS_RF, "neither IF nor IOPL nor NT");
        assert_eq!(poke_user(&mut cpu, 18 * 8, 0), Ok(()));
        assert_eq!(words(&cpu), before);
        let mut image = get_regset(&cpu, NT_PRFPREG).unwrap().data;
        assert_eq!(set_regset(&mut cpu, NT_PRFPREG, &image[..8]), Err(Errno::EINVAL));
        image[27] = 1;
        assert_eq!(set_regset(&mut cpu, NT_PRFPREG, &image), Err(Errno::EINVAL), "reserved bits of MXCSR");
    }
}
