//! Random instructions and the state they meet, from one random number each.
use super::encode;
use super::machine::{CODE, DATA, DATA_LEN, PAGE, State};
use super::native::host_has;
use crate::insns;
use crate::isa::{Decoded, decode};
use iced_x86::{EncodingKind, FlowControl, Instruction, Mnemonic, OpKind, Register};

/// SplitMix64.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// What cannot be compared: it acts on the host's system, looks at its identity or clock, or is only approximate.
fn is_excluded(insn: &Instruction) -> bool {
    use Mnemonic::*;
    let m = insn.mnemonic();
    let own_segment = insn.op_kinds().any(|k| k == OpKind::Register) && {
        (0..insn.op_count()).any(|i| insn.op_kind(i) == OpKind::Register && insn.op_register(i).is_segment_register())
    };
    let based = matches!(insn.segment_prefix(), Register::FS | Register::GS);
    own_segment
        || based
        || matches!(
            m,
            Syscall | Int | Int1 | Cpuid | Rdtsc | Popf | Popfq | In | Out | Insb | Insw | Insd | Outsb | Outsw | Outsd
        )
        || matches!(m, Rdrand | Rdseed | Rdtscp | Rdpid | Lsl | Sysenter | Rdfsbase | Wrfsbase | Rdgsbase | Wrgsbase)
        || matches!(m, Lss | Lfs | Lgs)
        || matches!(m, Rdsspd | Rdsspq | Clflush | Prefetchwt1)
        || matches!(m, Xsave | Xsave64 | Xsaveopt | Xsaveopt64 | Xsavec | Xsavec64 | Xrstor | Xrstor64 | Xgetbv)
        // Branches go anywhere; they have vectors.
        || !matches!(insn.flow_control(), FlowControl::Next | FlowControl::Exception | FlowControl::Interrupt)
}

/// Bytes of some instruction of the table that can be compared: half of them any bytes, half any row.
pub(super) fn instruction(seed: u64) -> (Vec<u8>, Instruction) {
    let mut r = Random(seed);
    loop {
        let bytes = if r.below(2) == 0 { any_bytes(&mut r) } else { encode::any_form(&mut r) };
        if let Some(insn) = comparable(&bytes) {
            return (bytes[..insn.len()].to_vec(), insn);
        }
    }
}

/// The instruction that the bytes begin with, if it is in the table, can be compared and is one the host has.
pub(super) fn comparable(bytes: &[u8]) -> Option<Instruction> {
    let Decoded::Insn(insn) = decode(CODE, bytes) else { return None };
    insns::semantics(insn.mnemonic())?;
    let ours = matches!(insn.code().encoding(), EncodingKind::Legacy | EncodingKind::VEX);
    let ok = ours && !is_excluded(&insn) && insn.cpuid_features().iter().all(|f| host_has(*f));
    ok.then_some(insn)
}

fn any_bytes(r: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    if r.below(3) == 0 {
        bytes.push(r.pick(&[0x66, 0xf2, 0xf3, 0xf0, 0x66, 0xf3]));
        if r.below(8) == 0 {
            bytes.push(r.pick(&[0x66, 0xf2, 0xf3, 0x67]));
        }
    }
    if r.below(2) == 0 {
        bytes.push(0x40 | r.below(16) as u8);
    }
    match r.below(8) {
        0..4 => bytes.push(0x0f),
        4 => bytes.push(0xd8 | r.below(8) as u8),
        _ => {}
    }
    bytes.extend((0..12).map(|_| r.next() as u8));
    bytes
}

fn value(r: &mut Random) -> u64 {
    match r.below(8) {
        0 => r.below(4),
        1 => r.next(),
        2 => r.next() as u32 as u64,
        3 => r.next() as u8 as u64,
        4 => u64::MAX - r.below(3),
        5 => 1u64.wrapping_shl(r.next() as u32).wrapping_sub(r.below(2)),
        6 => DATA + 8 * r.below(DATA_LEN as u64 / 8),
        _ => (r.next() as u16 as u64) << r.below(48),
    }
}

fn float(r: &mut Random) -> u64 {
    let double = |r: &mut Random| match r.below(11) {
        0 => 0,
        10 => r.below(2047) << 52,
        1 => 0x7ff0_0000_0000_0000,
        2 => 0x7ff8_0000_0000_0000 | r.next() & 0xffff,
        3 => 0x7ff0_0000_0000_0000 | (1 + r.below(1 << 50)),
        4 => r.below(1 << 52),
        5 => (r.below(2000) as f64 - 1000.0).to_bits(),
        6 => (r.next() as i64 as f64 / (1u64 << r.below(63)) as f64).to_bits(),
        7 => 0x3ff0_0000_0000_0000 | r.next() >> 12,
        _ => r.next(),
    };
    let single = |r: &mut Random| match r.below(10) {
        0 => 0,
        9 => (r.below(255) as u32) << 23,
        1 => 0x7f80_0000,
        2 => 0x7fc0_0000 | r.next() as u32 & 0xffff,
        3 => 0x7f80_0000 | (1 + r.below(1 << 21) as u32),
        4 => r.below(1 << 23) as u32,
        5 => (r.below(2000) as f32 - 1000.0).to_bits(),
        6 => 0x3f80_0000 | r.next() as u32 >> 9,
        _ => r.next() as u32,
    };
    let sign = r.next() & 1 << 63;
    if r.below(2) == 0 {
        double(r) ^ sign
    } else {
        let signs = r.next() & 0x8000_0000_8000_0000;
        (u64::from(single(r)) | u64::from(single(r)) << 32) ^ signs
    }
}

fn vector_word(r: &mut Random) -> u64 {
    match r.below(8) {
        0 => value(r),
        1 => [0, u64::MAX, 0x8000_8000_8000_8000, 0x7fff_7fff_8000_8000][r.below(4) as usize] ^ r.below(2),
        _ => float(r),
    }
}

fn extended(r: &mut Random) -> (u64, u16) {
    let sign = (r.next() as u16) & 0x8000;
    let (significand, exponent) = match r.below(12) {
        0 => (0, 0),
        1 => (1 << 63, 0x7fff),
        2 => (3 << 62 | r.next() & 0xffff, 0x7fff),
        3 => ((1 << 63) | (1 + r.below(1 << 60)), 0x7fff),
        4 => (r.next() >> 1, 0),
        5 => (r.next() >> r.below(64), r.below(0x8000) as u16),
        6 => (1 << 63 | r.next() >> 1, r.below(0x7fff) as u16),
        7 => (1 << 63, 0x3fff),
        _ => (1 << 63 | r.next() >> 1, 0x3fff - 40 + r.below(80) as u16),
    };
    (significand, exponent | sign)
}

/// A state for `insns`: registers of all kinds, those that address memory mostly made to point into the data page.
pub(super) fn state(seed: u64, insns: &[Instruction]) -> State {
    let mut r = Random(seed);
    let mut s = State::new();
    for gpr in &mut s.gpr {
        *gpr = value(&mut r);
    }
    s.gpr[4] = DATA + 2048 + 8 * r.below(16);
    // CF PF AF ZF SF OF, rarely DF.
    s.rflags = 0x202 | r.next() & 0x8d5 | if r.below(4) == 0 { 0x400 } else { 0 };
    for word in s.data.chunks_exact_mut(8) {
        let v = if r.below(2) == 0 { value(&mut r) } else { float(&mut r) };
        word.copy_from_slice(&v.to_le_bytes());
    }
    let unmasked = if r.below(4) == 0 { r.next() as u32 & 0x1f80 } else { 0 };
    let mxcsr = 0x1f80 & !unmasked | if r.below(3) == 0 { r.next() as u32 & 0xe07f } else { 0 };
    s.fxsave[24..28].copy_from_slice(&mxcsr.to_le_bytes());
    let cw = 0x037f & !(if r.below(3) == 0 { 0x300 } else { 0 })
        | (r.below(4) as u16) << 8
        | if r.below(2) == 0 { (r.below(4) as u16) << 10 } else { 0 };
    let unmasked = if r.below(4) == 0 { r.next() as u16 & 0x3f } else { 0 };
    let cw = cw & !unmasked;
    s.fxsave[0..2].copy_from_slice(&cw.to_le_bytes());
    let sw = (r.next() as u16) & 0x7f7f & !0x3f | if r.below(2) == 0 { r.next() as u16 & 0x3f } else { 0 };
    s.fxsave[2..4].copy_from_slice(&sw.to_le_bytes());
    s.fxsave[4] = if r.below(2) == 0 { 0xff >> r.below(2) } else { r.next() as u8 };
    // The last instruction's opcode and pointers.
    for (at, len) in [(6, 2), (8, 8), (16, 8)] {
        let pointer = value(&mut r) & if len == 2 { 0x7ff } else { u64::MAX };
        s.fxsave[at..at + len].copy_from_slice(&pointer.to_le_bytes()[..len]);
    }
    for i in 0..8 {
        let (significand, exponent) = extended(&mut r);
        let at = 32 + 16 * i;
        s.fxsave[at..at + 8].copy_from_slice(&significand.to_le_bytes());
        s.fxsave[at + 8..at + 10].copy_from_slice(&exponent.to_le_bytes());
    }
    for i in 0..32 {
        let at = 160 + 8 * i;
        let v = vector_word(&mut r);
        s.fxsave[at..at + 8].copy_from_slice(&v.to_le_bytes());
        s.ymm[i] = vector_word(&mut r);
    }
    if r.below(12) != 0 {
        for insn in insns {
            aim(&mut r, &mut s, insn);
        }
    }
    s
}

fn index_of(register: Register) -> Option<usize> {
    register.is_gpr().then(|| register.full_register() as usize - Register::RAX as usize)
}

/// Changes the base register so that the memory operand falls into the data page, often aligned.
fn aim(r: &mut Random, s: &mut State, insn: &Instruction) {
    if matches!(insn.mnemonic(), Mnemonic::Maskmovdqu | Mnemonic::Maskmovq) || insn.is_string_instruction() {
        s.gpr[1] = r.below(40);
        s.gpr[6] = DATA + r.below(PAGE as u64);
        s.gpr[7] = DATA + r.below(PAGE as u64);
        return;
    }
    if let Some(n) = vector_index(insn.memory_index()) {
        return aim_indices(r, s, insn, n);
    }
    if matches!(insn.mnemonic(), Mnemonic::Vmaskmovdqu) {
        s.gpr[7] = DATA + r.below(DATA_LEN as u64);
    }
    let name = format!("{:?}", insn.mnemonic());
    if ["estr", "istr"].iter().any(|kind| name.contains(kind)) {
        text(r, s);
    }
    if insn.is_stack_instruction() && r.below(8) != 0 {
        s.gpr[4] = DATA + 512 + r.below(2048);
        s.gpr[5] = DATA + 512 + r.below(2048);
    }
    if matches!(insn.mnemonic(), Mnemonic::Bt | Mnemonic::Bts | Mnemonic::Btr | Mnemonic::Btc)
        && insn.op1_kind() == OpKind::Register
        && let Some(index) = index_of(insn.op1_register())
    {
        s.gpr[index] = r.below(16384).wrapping_sub(8192);
    }
    let Some(base) = index_of(insn.memory_base()) else { return };
    let size = insn.memory_size().size().max(1) as u64;
    let mut target = DATA + 512 + r.below(3072);
    if r.below(3) != 0 {
        target &= !15;
    } else if r.below(4) == 0 {
        // Over a border: of the two pages, or of the last one.
        target = DATA + (r.pick(&[1, 1, 2]) * PAGE) as u64 - r.below(2 * size + 1);
    }
    let now = address(s, insn);
    s.gpr[base] = s.gpr[base].wrapping_add(target.wrapping_sub(now));
}

fn vector_index(register: Register) -> Option<usize> {
    (register.is_xmm() || register.is_ymm()).then(|| register.number())
}

/// A gather: the base in the middle of the data, indices of which most stay inside.
fn aim_indices(r: &mut Random, s: &mut State, insn: &Instruction, n: usize) {
    if let Some(base) = index_of(insn.memory_base()) {
        s.gpr[base] = (DATA + PAGE as u64).wrapping_sub(insn.memory_displacement64());
    }
    let scale = i64::from(insn.memory_index_scale());
    use Mnemonic::{Vgatherqpd, Vgatherqps, Vpgatherqd, Vpgatherqq};
    let wide = matches!(insn.mnemonic(), Vgatherqpd | Vgatherqps | Vpgatherqd | Vpgatherqq);
    let mut index = || {
        let reach = if r.below(12) == 0 { 0x7000 } else { PAGE as i64 - 8 };
        (r.next() as i64 % reach) / scale
    };
    for word in 0..4 {
        let value = if wide { index() as u64 } else { u64::from(index() as u32) | (index() as u64) << 32 };
        set_vector_word(s, n, word, value);
    }
}

fn set_vector_word(s: &mut State, n: usize, word: usize, value: u64) {
    if word < 2 {
        let at = 160 + 16 * n + 8 * word;
        s.fxsave[at..at + 8].copy_from_slice(&value.to_le_bytes());
    } else {
        s.ymm[2 * n + word - 2] = value;
    }
}

/// For comparisons of strings: few different bytes, zeros among them, and lengths near the vector's.
fn text(r: &mut Random, s: &mut State) {
    let letters = r.pick(&[2, 3, 5, 256]);
    let step = r.pick(&[1, 2]);
    for at in (160..416).step_by(step) {
        s.fxsave[at] = r.below(letters) as u8;
        if step == 2 {
            s.fxsave[at + 1] = if r.below(16) == 0 { r.next() as u8 } else { 0 };
        }
    }
    for byte in &mut s.data {
        *byte = r.below(letters) as u8;
    }
    for n in [0, 2] {
        s.gpr[n] = if r.below(8) == 0 { r.next() } else { r.below(40).wrapping_sub(20) };
    }
}

/// The address of the memory operand.
pub(super) fn address(s: &State, insn: &Instruction) -> u64 {
    let mut at = insn.memory_displacement64();
    if let Some(base) = index_of(insn.memory_base()) {
        at = at.wrapping_add(s.gpr[base]);
    }
    if let Some(index) = index_of(insn.memory_index()) {
        at = at.wrapping_add(s.gpr[index].wrapping_mul(insn.memory_index_scale().into()));
    }
    at
}

/// Whether the last bit of the result, and which way it was rounded, may differ between processors.
pub(super) fn is_transcendental(insn: &Instruction) -> bool {
    use Mnemonic::*;
    matches!(insn.mnemonic(), F2xm1 | Fyl2x | Fyl2xp1 | Fpatan | Fptan | Fsin | Fcos | Fsincos)
}
