//! Where AMD's processors are not Intel's, which minikern's is one of: each as narrow as it is known, all else is compared.
use super::generate;
use super::machine::{CODE, DATA, State};
use iced_x86::{Instruction, MemorySize, Mnemonic, OpKind, Register, RflagsBits};

/// SIGSEGV; #SS and #AC are SIGBUS.
const FAULT: u64 = 11;

/// Whether it ends in a fault of memory.
fn is_of_memory(state: &State) -> bool {
    matches!(state.signal, FAULT | 7)
}

/// FSW.ES, in its low byte.
const SUMMARY: u8 = 0x80;

/// Makes an image of FXSAVE or XSAVE, or the one in a signal's frame, an AMD processor's.
pub(super) fn store_image(image: &mut [u8]) {
    store_pointers(image);
    store_mask(image);
}

/// The last x87 instruction's opcode and pointers are stored only while an exception is pending (APM volume 5, FXSAVE), and
/// the operand's pointer is kept as 57 bits and extended, as all keep the instruction's.
pub(super) fn store_pointers(image: &mut [u8]) {
    if image[2] & SUMMARY == 0 {
        image[6..24].fill(0);
    }
    extend(image, 16);
}

fn extend(image: &mut [u8], at: usize) {
    let pointer = u64::from_le_bytes(*image[at..].first_chunk().expect("an image is longer"));
    image[at..at + 8].copy_from_slice(&((pointer << 7) as i64 >> 7).to_le_bytes());
}

/// MXCSR has a bit more, the misaligned exception mask (APM volume 1, MXCSR).
pub(super) fn store_mask(image: &mut [u8]) {
    image[30] |= 2;
}

/// Makes our state after these instructions what an AMD processor may leave, which left `theirs`; false where that is not
/// known.
pub(super) fn adapt(insns: &[(Vec<u8>, Instruction)], before: &State, ours: &mut State, theirs: &State) -> bool {
    store_image(&mut ours.fxsave);
    // Of no exception, they are lost where the system saved and restored the x87 before there was one.
    let mut restored = before.fxsave.clone();
    [8, 16].into_iter().for_each(|at| extend(&mut restored, at));
    for field in [6..8, 8..16, 16..24] {
        if ours.fxsave[field.clone()] == restored[field.clone()] && theirs.fxsave[field.clone()].iter().all(|b| *b == 0)
        {
            ours.fxsave[field].fill(0);
        }
    }
    let is_x87 = |insn: &Instruction| insn.cpuid_features().iter().any(|f| format!("{f:?}").starts_with("FPU"));
    if insns.iter().filter(|(_, insn)| is_x87(insn)).count() > 1 {
        // Noted of every instruction (APM volume 1, Last x87 Opcode); Intel's may note what raised an exception alone.
        ours.fxsave[6..8].copy_from_slice(&theirs.fxsave[6..8]);
        ours.fxsave[16..24].copy_from_slice(&theirs.fxsave[16..24]);
    }
    let end = CODE + insns.iter().map(|(bytes, _)| bytes.len() as u64).sum::<u64>();
    let Some(undefined) = undefined_flags(insns, (ours.signal, ours.rip) != (5, end + 1)) else { return false };
    ours.rflags = ours.rflags & !undefined | theirs.rflags & undefined;
    match insns {
        [(bytes, insn)] => unlike(bytes, insn).is_none_or(|unlike| unlike.adapt(insn, before, ours, theirs)),
        _ => {
            let faults = is_of_memory(ours) || is_of_memory(theirs);
            insns.iter().filter_map(|(bytes, insn)| unlike(bytes, insn)).all(|unlike| !faults && unlike.is_of_faults())
        }
    }
}

/// The status flags that the manuals leave undefined after these instructions; none if one of them reads such a flag.
fn undefined_flags(insns: &[(Vec<u8>, Instruction)], stops: bool) -> Option<u64> {
    use RflagsBits as R;
    let (mut undefined, mut ever) = (0, 0);
    for (_, insn) in insns {
        if insn.rflags_read() & undefined != 0 {
            return None;
        }
        // Shifts by CL and repeated comparisons may be of no bits and no bytes, and change nothing.
        let by_cl = insn.op_count() > 1 && insn.op_register(insn.op_count() - 1) == Register::CL;
        if !by_cl && !insn.has_rep_prefix() && !insn.has_repne_prefix() {
            undefined &= !insn.rflags_modified();
        }
        undefined |= insn.rflags_undefined();
        // iced takes the count modulo 9 or 17 first.
        if matches!(insn.mnemonic(), Mnemonic::Rcl | Mnemonic::Rcr) && insn.immediate8() & 31 > 1 {
            undefined |= R::OF;
        }
        ever |= undefined;
    }
    let undefined = if stops { ever } else { undefined };
    let bits = [(R::CF, 0), (R::PF, 2), (R::AF, 4), (R::ZF, 6), (R::SF, 7), (R::OF, 11)];
    Some(bits.iter().filter(|(flag, _)| undefined & flag != 0).fold(0, |flags, (_, bit)| flags | 1 << bit))
}

/// What an AMD processor does in another way, compared where it is the only instruction.
enum Unlike {
    /// REX.B makes an XCHG of 90 even behind F3; for Intel it stays PAUSE.
    Pause,
    /// 0F 0D is a prefetch of memory alone (APM volume 3, PREFETCH); Intel reserves it as a NOP.
    Prefetch,
    /// SHA's operand in memory need not be aligned.
    Sha,
    /// What is shifted by more than its 16 bits is undefined.
    DoubleShift,
    /// Within 1.5 * 2^-12 of the truth (both manuals).
    Estimate,
    /// The order of the sums decides which of two NaNs is the result.
    DotProduct,
    /// A fault leaves the elements of the mask as they were that are not loaded, and what is to be cleared; Intel's are
    /// changed before.
    Gather,
    /// MOVSXD to 16 bits reads 32 (APM volume 3, MOVSXD).
    Extend,
    /// A fault of memory may come before the exception that keeps the x87 from storing.
    X87Store,
    /// A fault of memory comes before the SIMD exceptions are noted.
    HalfStore,
    /// Which byte of the chosen ones a fault names is not said.
    MaskedStore,
    /// MXCSR may have the bit of `store_mask`, which is a fault on Intel's.
    Mxcsr,
    /// A result that has no place even with the exponent that an unmasked exception moves is 0 or infinite (as SDM volume 1,
    /// Numeric Underflow Exception, has it, too); ours is rounded, which no Intel host has contradicted.
    Scale,
    /// An image of FXSAVE.
    Image,
    /// FNSTENV's pointers have the selectors that Intel no longer keeps (SDM, FCS and FDS deprecated), and are lost where
    /// the system saved and restored the x87 before.
    Environment,
}

fn unlike(bytes: &[u8], insn: &Instruction) -> Option<Unlike> {
    use Mnemonic::*;
    let in_memory = insn.op_kinds().any(|kind| kind == OpKind::Memory);
    let found = match insn.mnemonic() {
        Pause if bytes[bytes.len() - 2] & 0xf1 == 0x41 => Unlike::Pause,
        Reservednop if bytes.windows(2).any(|pair| pair == [0x0f, 0x0d]) => Unlike::Prefetch,
        Sha1msg1 | Sha1msg2 | Sha1nexte | Sha1rnds4 | Sha256msg1 | Sha256msg2 | Sha256rnds2 if in_memory => Unlike::Sha,
        Shld | Shrd if insn.op1_register().size() == 2 => Unlike::DoubleShift,
        Rcpps | Rcpss | Rsqrtps | Rsqrtss | Vrcpps | Vrcpss | Vrsqrtps | Vrsqrtss => Unlike::Estimate,
        Movsxd if in_memory && insn.op0_register().size() == 2 => Unlike::Extend,
        Dpps | Dppd | Vdpps | Vdppd => Unlike::DotProduct,
        Fst | Fstp | Fist | Fistp | Fisttp | Fbstp if in_memory => Unlike::X87Store,
        Vcvtps2ph if in_memory => Unlike::HalfStore,
        Maskmovq | Maskmovdqu | Vmaskmovdqu => Unlike::MaskedStore,
        Fscale => Unlike::Scale,
        Fxsave | Fxsave64 => Unlike::Image,
        Ldmxcsr | Vldmxcsr | Fxrstor | Fxrstor64 => Unlike::Mxcsr,
        Fnstenv | Fnsave => Unlike::Environment,
        _ if insn.is_vsib() => Unlike::Gather,
        _ => return None,
    };
    Some(found)
}

impl Unlike {
    /// Whether it is the same where nothing faults.
    fn is_of_faults(&self) -> bool {
        use Unlike::{Extend, Gather, HalfStore, MaskedStore, Mxcsr, Sha, X87Store};
        matches!(self, Sha | Extend | Gather | X87Store | HalfStore | MaskedStore | Mxcsr)
    }

    fn adapt(self, insn: &Instruction, before: &State, ours: &mut State, theirs: &State) -> bool {
        match self {
            Unlike::Pause | Unlike::Prefetch => return false,
            Unlike::Sha => return (ours.signal, ours.code) != (FAULT, 0x80),
            Unlike::DoubleShift => {
                let count = if insn.op_kind(2) == OpKind::Register { before.gpr[1] as u8 } else { insn.immediate8() };
                return count & 31 <= 16;
            }
            Unlike::Estimate => adapt_elements(insn, ours, theirs, |a, b| {
                a.is_sign_negative() == b.is_sign_negative() && (a - b).abs() <= a.abs() * (3.0 / 4096.0)
            }),
            Unlike::DotProduct => adapt_elements(insn, ours, theirs, |a, b| a.is_nan() && b.is_nan()),
            Unlike::Gather if is_of_memory(ours) => adapt_gather(insn, before, ours, theirs),
            Unlike::Extend => return is_of_memory(ours) || !is_of_memory(theirs),
            Unlike::X87Store => return !is_of_memory(theirs) || ours.fxsave[2] & SUMMARY == 0,
            Unlike::HalfStore if ours.signal != theirs.signal => return !is_of_memory(theirs),
            Unlike::HalfStore if is_of_memory(ours) => ours.fxsave[24..28].copy_from_slice(&before.fxsave[24..28]),
            Unlike::MaskedStore => {
                let near = ours.address.wrapping_sub(theirs.address).wrapping_add(15) < 31;
                if ours.signal == FAULT && near {
                    ours.address = theirs.address;
                }
            }
            Unlike::Image if !is_of_memory(ours) => {
                let Some(image) = operand(insn, before, &mut ours.data) else { return false };
                store_image(image);
            }
            Unlike::Scale => {
                let exponent = u16::from_le_bytes([ours.fxsave[40], ours.fxsave[41]]) & 0x7fff;
                return ours.fxsave[2] & SUMMARY == 0 || (1..0x7ffe).contains(&exponent);
            }
            Unlike::Mxcsr => return (ours.signal, ours.code) != (FAULT, 0x80) || theirs.fxsave[26] & 2 == 0,
            Unlike::Environment if !is_of_memory(ours) => return adapt_environment(insn, before, ours, theirs),
            _ => {}
        }
        true
    }
}

/// Takes over each element of the destination that is held to be the same.
fn adapt_elements(insn: &Instruction, ours: &mut State, theirs: &State, same: fn(f64, f64) -> bool) {
    let n = insn.op0_register().number();
    let is_wide = matches!(insn.mnemonic(), Mnemonic::Dppd | Mnemonic::Vdppd);
    let element = |s: &State, lane: usize| match is_wide {
        true => f64::from_bits(u64::from(s.lane(n, lane)) | u64::from(s.lane(n, lane + 1)) << 32),
        false => f32::from_bits(s.lane(n, lane)).into(),
    };
    let size = if is_wide { 2 } else { 1 };
    for first in (0..8).step_by(size) {
        if same(element(ours, first), element(theirs, first)) {
            (first..first + size).for_each(|lane| ours.set_lane(n, lane, theirs.lane(n, lane)));
        }
    }
}

/// Takes over what is as it was, where we have only extended the sign of the mask's element or cleared the upper half.
fn adapt_gather(insn: &Instruction, before: &State, ours: &mut State, theirs: &State) {
    let lanes = insn.memory_size().size() / 4;
    for n in [insn.op0_register().number(), insn.op2_register().number()] {
        for lane in 0..8 {
            let value = before.lane(n, lane);
            let sign = (before.lane(n, lane | (lanes - 1)) as i32 >> 31) as u32;
            let is_upper = lane >= 4 && ours.lane(n, lane) == 0;
            let is_mask = n == insn.op2_register().number() && ours.lane(n, lane) == sign;
            if theirs.lane(n, lane) == value && (is_mask || is_upper) {
                ours.set_lane(n, lane, value);
            }
        }
    }
}

/// The data from the operand's address on.
fn operand<'a>(insn: &Instruction, before: &State, data: &'a mut [u8]) -> Option<&'a mut [u8]> {
    data.get_mut(generate::address(before, insn).wrapping_sub(DATA) as usize..)
}

/// Takes over an environment's pointers, if there are none; whether it was found.
fn adapt_environment(insn: &Instruction, before: &State, ours: &mut State, theirs: &State) -> bool {
    let is_short = matches!(insn.memory_size(), MemorySize::FpuEnv14 | MemorySize::FpuState94);
    let pointers = if is_short { 6..14 } else { 12..26 };
    let mut theirs = theirs.data.clone();
    let images = operand(insn, before, &mut ours.data).zip(operand(insn, before, &mut theirs));
    let Some((ours, theirs)) = images else { return false };
    if theirs[pointers.clone()].iter().all(|byte| *byte == 0) {
        ours[pointers].fill(0);
    }
    true
}
