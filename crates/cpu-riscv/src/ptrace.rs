//! `arch/riscv/kernel/ptrace.c`: the registers as a tracer reads and writes them.
use crate::process::even;
use crate::regs::x;
use crate::signal::{bytes, fp_state, set_fp_state, words};
use abi::{Errno, NT_PRFPREG, NT_PRSTATUS};
use arch::{Cpu, Regset};

pub(crate) fn get_regset(cpu: &Cpu, note: u32) -> Result<Regset, Errno> {
    let data = match note {
        // `struct user_regs_struct`: pc, x1 to x31.
        NT_PRSTATUS => bytes(std::iter::once(cpu.pc).chain((1..32).map(|n| cpu.get(x(n))))),
        NT_PRFPREG => fp_state(cpu),
        _ => return Err(Errno::EINVAL),
    };
    Ok(Regset { word: 8, data })
}

pub(crate) fn set_regset(cpu: &mut Cpu, note: u32, data: &[u8]) -> Result<(), Errno> {
    let words = words(data);
    match note {
        NT_PRSTATUS => {
            for (n, &word) in (0..32).zip(&words) {
                match n {
                    0 => cpu.pc = even(word),
                    n => cpu.set(x(n), word),
                }
            }
        }
        NT_PRFPREG => set_fp_state(cpu, &words),
        _ => return Err(Errno::EINVAL),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RISCV64;
    use crate::helpers::{fcsr, set_fcsr};
    use crate::regs::{SP, f};

    fn cpu() -> Cpu {
        let mut cpu = Cpu::new(&RISCV64);
        RISCV64.abi.start_thread(&mut cpu, 0x40_0000, 0x7000);
        (3..32).for_each(|n| cpu.set(x(n), 0x100 + u64::from(n)));
        cpu
    }

    /// Sizes and offsets of uapi/asm/ptrace.h.
    #[test]
    fn layouts() {
        let mut cpu = cpu();
        let regs = get_regset(&cpu, NT_PRSTATUS).unwrap();
        assert_eq!((regs.data.len(), regs.word), (256, 8));
        assert_eq!((regs.data[2], regs.data[8], regs.data[2 * 8 + 1], regs.data[31 * 8]), (0x40, 0, 0x70, 0x1f));
        cpu.set(f(31), u64::MAX);
        set_fcsr(&mut cpu.slots, 0xa5);
        let regs = get_regset(&cpu, NT_PRFPREG).unwrap();
        assert_eq!((regs.data.len(), regs.word), (264, 8));
        assert_eq!((regs.data[255], regs.data[256], regs.data[257]), (0xff, 0xa5, 0));
        assert_eq!(get_regset(&cpu, 0x202), Err(Errno::EINVAL));
    }

    #[test]
    fn parts_are_set() {
        let mut cpu = cpu();
        set_regset(&mut cpu, NT_PRSTATUS, &bytes([0x1234, 1, 2].into_iter())).unwrap();
        assert_eq!((cpu.pc, cpu.get(x(1)), cpu.get(SP), cpu.get(x(3)), cpu.get(x(0))), (0x1234, 1, 2, 0x103, 0));
        let whole = [0xffff_ffff_ffff_ffff; 33];
        set_regset(&mut cpu, NT_PRFPREG, &bytes(whole.into_iter())).unwrap();
        assert_eq!((cpu.get(f(0)), fcsr(&cpu.slots)), (u64::MAX, 0xff));
        set_regset(&mut cpu, NT_PRFPREG, &[0; 8]).unwrap();
        assert_eq!((cpu.get(f(0)), cpu.get(f(1)), fcsr(&cpu.slots)), (0, u64::MAX, 0xff));
        assert_eq!(set_regset(&mut cpu, 0x404, &[0; 4]), Err(Errno::EINVAL));
    }
}
