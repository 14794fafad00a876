//! AArch64: the A64 instruction set as IR, and what arm64 Linux does at the border to user space.
//!
//! Instructions are rows of `insns` over functions of `lift`; what IR cannot say is in `helpers`. The Linux half is
//! `syscall`, `signal`, `process`, `ptrace` and `thread_info`, named as the kernel names its files, and `features`: what
//! programs are told of the CPU.
mod decode;
mod disasm;
mod features;
mod helpers;
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

/// 64-bit little-endian ARM.
pub static AARCH64: Arch = Arch {
    name: "aarch64",
    elf: ElfIdent { machine: 183, is_64: true, big_endian: false },
    task_size: (1 << 40) - 4096,
    isa: &A64,
    abi: &process::Arm64Linux,
};

/// The A64 instruction set.
struct A64;

impl Isa for A64 {
    fn lift(&self, pc: u64, code: &[u8], out: &mut Builder) -> Flow {
        let Some(&bytes) = code.first_chunk::<4>() else { return Flow::Truncated };
        if !pc.is_multiple_of(4) {
            out.trap(Trap::Alignment { addr: pc }, pc);
            return Flow::End(4);
        }
        let word = decode::Word { bits: u32::from_le_bytes(bytes), pc };
        let lifted = decode::TABLE.find(word.bits).and_then(|insn| (insn.lift)(out, word));
        lifted.unwrap_or_else(|| {
            out.trap(Trap::Illegal, pc);
            Flow::End(4)
        })
    }

    fn disassemble(&self, pc: u64, code: &[u8]) -> (usize, String) {
        code.first_chunk::<4>().map_or((0, String::new()), |bytes| (4, disasm::text(pc, bytes)))
    }

    fn slot_name(&self, slot: Slot) -> Option<String> {
        regs::name(slot)
    }

    fn float_rules(&self) -> u64 {
        softfloat::Env::ARM.to_cell()
    }

    fn hot_slots(&self) -> &'static [Reg] {
        // X0 to X4: what leaf functions compute in; X19: the first that a called function keeps.
        const HOT: [Reg; 6] = [regs::x(0), regs::x(1), regs::x(2), regs::x(3), regs::x(4), regs::x(19)];
        &HOT
    }

    fn canonical(&self, cpu: &Cpu) -> Vec<u64> {
        let mut words = vec![cpu.pc, regs::pstate(cpu)];
        words.extend_from_slice(&cpu.slots[..regs::COUNT]);
        let monitor = if cpu.get(EX_SIZE) == 0 { 0 } else { cpu.get(EX_ADDR) };
        words.extend([cpu.get(FP_ENV), monitor, cpu.get(EX_SIZE)]);
        words
    }

    /// Top-byte ignore: Linux sets TCR_EL1.TBI0.
    fn address_mask(&self) -> u64 {
        u64::MAX >> 8
    }
}
