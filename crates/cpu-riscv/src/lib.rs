//! RISC-V: RV64GC with Zba, Zbb and Zbs as IR, and what riscv Linux does at the border to user space.
//!
//! Start at `insns`: its rows read as the listings of the manual do, and each names a short function of `lift`. The Linux
//! half is `syscall`, `signal`, `process`, `ptrace` and `thread_info`, named as the kernel names its files.
mod decode;
mod disasm;
mod extensions;
mod helpers;
mod hwprobe;
mod insns;
mod lift;
mod process;
mod ptrace;
mod regs;
mod signal;
mod syscall;
#[cfg(test)]
mod tests;
mod thread_info;

use arch::{Arch, Cpu, ElfIdent, Isa};
use ir::{Builder, EX_ADDR, EX_SIZE, FP_ENV, Flow, Reg, Slot, Trap};
use lift::Then;

/// 64-bit RISC-V, with Sv39's half of the address space for user space.
pub static RISCV64: Arch = Arch {
    name: "riscv64",
    elf: ElfIdent { machine: 243, is_64: true, big_endian: false },
    task_size: 1 << 38,
    isa: &Rv64,
    abi: &process::RiscvLinux,
};

/// The RV64GC instruction set.
struct Rv64;

impl Isa for Rv64 {
    fn lift(&self, pc: u64, code: &[u8], out: &mut Builder) -> Flow {
        let Some((bits, len)) = decode::fetch(code) else { return Flow::Truncated };
        let found = decode::TABLE.find(bits);
        let lifted = found.and_then(|(row, args)| (row.lift)(out, args.at(pc, len)));
        match lifted {
            Some(Then::Next) => Flow::Next(len),
            Some(Then::End) => Flow::End(len),
            None => {
                out.trap(Trap::Illegal, pc);
                Flow::End(len)
            }
        }
    }

    fn disassemble(&self, pc: u64, code: &[u8]) -> (usize, String) {
        decode::fetch(code).map_or((0, String::new()), |(bits, len)| (len as usize, disasm::text(pc, bits, len)))
    }

    fn slot_name(&self, slot: Slot) -> Option<String> {
        regs::name(slot)
    }

    fn float_rules(&self) -> u64 {
        softfloat::Env::RISCV.to_cell()
    }

    fn hot_slots(&self) -> &'static [Reg] {
        // a0 to a5: what leaf functions compute in.
        const HOT: [Reg; 6] = [regs::x(10), regs::x(11), regs::x(12), regs::x(13), regs::x(14), regs::x(15)];
        &HOT
    }

    fn canonical(&self, cpu: &Cpu) -> Vec<u64> {
        let mut words = vec![cpu.pc];
        words.extend_from_slice(&cpu.slots[..regs::COUNT]);
        let reserved = if cpu.get(EX_SIZE) == 0 { 0 } else { cpu.get(EX_ADDR) };
        words.extend([cpu.get(FP_ENV), reserved, cpu.get(EX_SIZE)]);
        words
    }
}
