//! The register file: which slot is which register, and the few registers that are kept in pieces.
use arch::Cpu;
use ir::{FP_ENV, Flags, LazyFlags, Reg, Slot, Slots};

pub(crate) const RAX: Reg = Reg(0);
pub(crate) const RCX: Reg = Reg(1);
pub(crate) const RDX: Reg = Reg(2);
pub(crate) const RBX: Reg = Reg(3);
pub(crate) const RSP: Reg = Reg(4);
pub(crate) const RBP: Reg = Reg(5);
pub(crate) const RSI: Reg = Reg(6);
pub(crate) const RDI: Reg = Reg(7);
pub(crate) const R8: Reg = Reg(8);
pub(crate) const R9: Reg = Reg(9);
pub(crate) const R10: Reg = Reg(10);
pub(crate) const R11: Reg = Reg(11);

/// A general-purpose register by its number in an encoding.
pub(crate) const fn gpr(n: u8) -> Reg {
    Reg(n & 15)
}
/// A vector register; four slots each, lowest first.
pub(crate) const fn xmm(n: u8) -> Reg {
    Reg(16 + 4 * (n & 15))
}
/// Physical x87 register `n` (ST(i) is physical (top + i) mod 8): significand, then sign and exponent. The significands
/// are the MMX registers.
pub(crate) const fn st(n: u8) -> Reg {
    Reg(80 + 2 * (n & 7))
}
/// x87 control word.
pub(crate) const FPU_CW: Reg = Reg(96);
/// x87 status word, top of stack included.
pub(crate) const FPU_SW: Reg = Reg(97);
/// One bit a physical x87 register: not empty (the tag word as FXSAVE abridges it).
pub(crate) const FPU_TAG: Reg = Reg(98);
/// Last x87 instruction: its address, its operand's and its opcode.
pub(crate) const FPU_IP: Reg = Reg(99);
pub(crate) const FPU_DP: Reg = Reg(100);
pub(crate) const FPU_OP: Reg = Reg(101);
pub(crate) const FS_BASE: Reg = Reg(102);
pub(crate) const GS_BASE: Reg = Reg(103);
/// Direction flag as a mask: 0 up, all ones down.
pub(crate) const DF: Reg = Reg(104);
/// The other flags a program can change: TF, NT, AC, ID.
pub(crate) const EFLAGS_REST: Reg = Reg(105);
/// The number of the system call being made; -1 when none is.
pub(crate) const ORIG_RAX: Reg = Reg(106);
/// What the last fault left for the signal frame.
pub(crate) const CR2: Reg = Reg(107);
pub(crate) const ERROR_CODE: Reg = Reg(108);
pub(crate) const TRAP_NO: Reg = Reg(109);
/// MXCSR's exceptions that are not masked, at the place of their flags; the rest of MXCSR is in `FP_ENV`.
pub(crate) const SIMD_UNMASKED: Reg = Reg(110);
/// State of the generator behind RDRAND.
pub(crate) const RANDOM: Reg = Reg(111);
/// The selectors of ES, DS, FS and GS, 16 bits each.
pub(crate) const SELECTORS: Reg = Reg(112);

pub(crate) const EFLAGS_TF: u64 = 1 << 8;
pub(crate) const EFLAGS_IF: u64 = 1 << 9;
pub(crate) const EFLAGS_DF: u64 = 1 << 10;
pub(crate) const EFLAGS_NT: u64 = 1 << 14;
pub(crate) const EFLAGS_RF: u64 = 1 << 16;
pub(crate) const EFLAGS_AC: u64 = 1 << 18;
pub(crate) const EFLAGS_ID: u64 = 1 << 21;
/// What `EFLAGS_REST` holds.
pub(crate) const REST_MASK: u64 = EFLAGS_TF | EFLAGS_NT | EFLAGS_AC | EFLAGS_ID;
/// Flags that rt_sigreturn and tracers may set: these, and OF SF ZF AF PF CF (FIX_EFLAGS in asm/sighandling.h, FLAG_MASK
/// in kernel/ptrace.c).
pub(crate) const USER_FLAGS: u64 = EFLAGS_AC | EFLAGS_RF | EFLAGS_DF | EFLAGS_TF | 0x8d5;

/// Selectors Linux gives user space, or lets it use (arch/x86/include/asm/segment.h).
pub(crate) const USER32_CS: u16 = 0x23;
pub(crate) const USER_DS: u16 = 0x2b;
pub(crate) const USER_CS: u16 = 0x33;
pub(crate) const CPUNODE: u16 = 0x7b;

/// MXCSR at reset: all exceptions masked.
pub(crate) const MXCSR_RESET: u32 = 0x1f80;
/// Bits of MXCSR that exist.
pub(crate) const MXCSR_MASK: u32 = 0xffff;
pub(crate) const FPU_CW_RESET: u64 = 0x37f;

const MXCSR_DAZ: u64 = 1 << 6;
const MXCSR_FTZ: u64 = 1 << 15;
const MXCSR_MASKS_SHIFT: u32 = 7;

/// RFLAGS, whole.
pub(crate) fn rflags(slots: &Slots) -> u64 {
    let at = |r: Reg| slots[r.0 as usize];
    LazyFlags::load(slots).flags().0 | at(DF) & EFLAGS_DF | at(EFLAGS_REST) & REST_MASK | EFLAGS_IF | 2
}

/// Sets every flag user space may change.
pub(crate) fn set_rflags(slots: &mut Slots, value: u64) {
    LazyFlags::bits(Flags(value)).store(slots);
    slots[DF.0 as usize] = if value & EFLAGS_DF != 0 { u64::MAX } else { 0 };
    slots[EFLAGS_REST.0 as usize] = value & REST_MASK;
}

/// MXCSR, put together.
pub(crate) fn mxcsr(slots: &Slots) -> u32 {
    let env = slots[FP_ENV.0 as usize];
    let masks = (!slots[SIMD_UNMASKED.0 as usize] & softfloat::CELL_FLAGS) << MXCSR_MASKS_SHIFT;
    let mut value = env & softfloat::CELL_FLAGS | masks | (env >> softfloat::CELL_ROUNDING_SHIFT & 3) << 13;
    if env & softfloat::CELL_FLUSH_INPUTS != 0 {
        value |= MXCSR_DAZ;
    }
    if env & softfloat::CELL_FLUSH_OUTPUTS != 0 {
        value |= MXCSR_FTZ;
    }
    value as u32
}

/// Takes MXCSR apart; reserved bits are ignored. x86's rules for NaNs and tininess are the zeros of the cell.
pub(crate) fn set_mxcsr(slots: &mut Slots, value: u32) {
    let value = u64::from(value);
    let mut env = value & softfloat::CELL_FLAGS | (value >> 13 & 3) << softfloat::CELL_ROUNDING_SHIFT;
    if value & MXCSR_DAZ != 0 {
        env |= softfloat::CELL_FLUSH_INPUTS;
    }
    if value & MXCSR_FTZ != 0 {
        env |= softfloat::CELL_FLUSH_OUTPUTS;
    }
    slots[FP_ENV.0 as usize] = env;
    slots[SIMD_UNMASKED.0 as usize] = !value >> MXCSR_MASKS_SHIFT & softfloat::CELL_FLAGS;
}

const GPR_NAMES: [&str; 16] =
    ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];
const CELL_NAMES: [&str; 17] = [
    "fpu_cw",
    "fpu_sw",
    "fpu_tag",
    "fpu_ip",
    "fpu_dp",
    "fpu_op",
    "fs_base",
    "gs_base",
    "df",
    "eflags_rest",
    "orig_rax",
    "cr2",
    "error_code",
    "trap_no",
    "simd_unmasked",
    "random",
    "selectors",
];

/// What the IR's text form calls a slot.
pub(crate) fn slot_name(slot: Slot) -> Option<String> {
    let n = slot.0;
    match n {
        0..16 => Some(GPR_NAMES[n as usize].to_owned()),
        16..80 => Some(match (n - 16) % 4 {
            0 => format!("xmm{}", (n - 16) / 4),
            part => format!("xmm{}.{part}", (n - 16) / 4),
        }),
        80..96 if n.is_multiple_of(2) => Some(format!("fpr{}", (n - 80) / 2)),
        80..96 => Some(format!("fpr{}.exp", (n - 80) / 2)),
        96..113 => Some(CELL_NAMES[n as usize - 96].to_owned()),
        _ => None,
    }
}

/// The architectural state in a fixed order: pc, general registers, rflags, bases, selectors, orig_rax, what faults left, MXCSR,
/// x87 (control, status, tags, registers in stack order), random state, vector registers.
pub(crate) fn canonical(cpu: &Cpu) -> Vec<u64> {
    let slots = &cpu.slots;
    let mut words = Vec::with_capacity(120);
    words.push(cpu.pc);
    words.extend_from_slice(&slots[..16]);
    words.push(rflags(slots));
    words.extend([FS_BASE, GS_BASE, SELECTORS, ORIG_RAX, CR2, ERROR_CODE, TRAP_NO].map(|r| cpu.get(r)));
    words.push(mxcsr(slots).into());
    words.extend([FPU_CW, FPU_SW, FPU_TAG, FPU_IP, FPU_DP, FPU_OP, RANDOM].map(|r| cpu.get(r)));
    words.extend_from_slice(&slots[80..96]);
    words.extend_from_slice(&slots[16..80]);
    words
}
