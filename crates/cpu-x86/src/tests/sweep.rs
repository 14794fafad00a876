//! Every opcode, with every operation in its ModRM byte, in registers and in memory: what traps on the host traps here,
//! and what does not does not. So every row that 64-bit user mode has is there, and LOCK is refused where it is there.
use super::machine::{self, CODE, DATA, State};
use super::native::Native;
use crate::insns;
use crate::isa::{Decoded, decode};
use iced_x86::{Code, CpuidFeature, Decoder, DecoderOptions, EncodingKind, Instruction, Mnemonic, OpKind};

const PREFIXES: [&[u8]; 10] =
    [&[], &[0x66], &[0xf2], &[0xf3], &[0xf0], &[0x48], &[0x66, 0x48], &[0xf2, 0x48], &[0xf3, 0x48], &[0xf0, 0x48]];
const MAPS: [&[u8]; 4] = [&[], &[0x0f], &[0x0f, 0x38], &[0x0f, 0x3a]];

/// What would harm the runner, or is the host system's own affair: system calls, FS, monitors of virtual machines, TSX.
fn is_excluded(bytes: &[u8], insn: Option<&Instruction>) -> bool {
    use Mnemonic::*;
    let harms = |i: &Instruction| {
        let fs = i.op_kinds().any(|k| k == OpKind::Register)
            && (0..i.op_count()).any(|n| i.op_register(n) == iced_x86::Register::FS);
        fs || matches!(
            i.mnemonic(),
            Syscall | Sysenter | Int | Wrfsbase | Wrgsbase | Wrpkru | Lfs | Vmcall | Vmmcall | Vmgexit | Seamcall | Tdcall
        ) || matches!(i.mnemonic(), Xrstor | Xrstor64 | Xbegin | Xend | Xabort | Xtest | Rdpmc | Pconfig | Getsec)
            || matches!(i.mnemonic(), Retf | Iret | Iretd | Iretq | Tpause | Umwait | Umonitor | Enclu | Enclv | Encls)
            // A selector, or a stack, of our own.
            || matches!(i.mnemonic(), Hreset | Ptwrite | Senduipi | Clui | Stui | Uiret | Testui)
    };
    insn.is_some_and(harms) || bytes.starts_with(&[0x0f, 0x01, 0xc1])
}

/// Whether all an instruction needs is there: the host has more.
fn is_ours(insn: &Instruction) -> bool {
    use CpuidFeature::*;
    let ours = [
        INTEL8086,
        INTEL8086_ONLY,
        INTEL186,
        INTEL286,
        INTEL386,
        INTEL486,
        X64,
        CPUID,
        CMOV,
        FPU,
        FPU287,
        FPU387,
        MMX,
        SSE,
        SSE2,
        SSE3,
        SSSE3,
        SSE4_1,
        SSE4_2,
        POPCNT,
        AVX,
        AVX2,
        FMA,
        F16C,
        BMI1,
        BMI2,
        LZCNT,
        MOVBE,
        ADX,
        AES,
        VAES,
        PCLMULQDQ,
        VPCLMULQDQ,
        SHA,
        RDRAND,
        RDSEED,
        FSGSBASE,
        CX8,
        CMPXCHG16B,
        CLFSH,
        CLFLUSHOPT,
        CLWB,
        PREFETCHW,
        XSAVE,
        XSAVEOPT,
        XSAVEC,
        FXSR,
        TSC,
        RDTSCP,
        RDPID,
        MSR,
        PAUSE,
        MULTIBYTENOP,
        SYSCALL,
        SEP,
        INVPCID,
        WBNOINVD,
        CET_IBT,
        CLDEMOTE,
        MPX,
    ];
    insn.cpuid_features().iter().all(|feature| ours.contains(feature))
}

fn state() -> State {
    let mut s = State::new();
    s.gpr = [0x1234; 16];
    s.gpr[2] = 1;
    s.gpr[3] = DATA + 1024;
    (s.gpr[4], s.gpr[5]) = (DATA + 2048, DATA + 2048);
    (s.gpr[6], s.gpr[7]) = (DATA + 256, DATA + 512);
    s
}

/// Whether it is known that AMD's processors have another instruction there, none, or one where Intel's have none.
fn is_amds_way(bytes: &[u8], insn: Option<&Instruction>, ours: &State, theirs: &State) -> bool {
    let decoded = |bytes: &[u8], options: u32| {
        let insn = Decoder::with_ip(64, bytes, CODE, options).decode();
        (!insn.is_invalid()).then_some(insn)
    };
    let amds = decoded(bytes, DecoderOptions::AMD);
    let Some(insn) = insn else {
        // VERW of memory, the one instruction that does not refuse a LOCK.
        let verw = decoded(bytes, DecoderOptions::NO_INVALID_CHECK)
            .filter(|insn| insn.mnemonic() == Mnemonic::Verw && insn.op0_kind() == OpKind::Memory);
        // VEX's highest bit of vvvv is ignored for a mask of AVX-512, and its W for two permutations.
        let vex = |ignored: u8| {
            let bytes: Vec<u8> = bytes.iter().enumerate().map(|(n, b)| if n == 2 { b ^ ignored } else { *b }).collect();
            decoded(&bytes, DecoderOptions::NONE).filter(|_| bytes[0] == 0xc4)
        };
        let mask = vex(0x40).filter(|insn| insn.op_register(1).is_k());
        let permutation = vex(0x80).filter(|insn| matches!(insn.mnemonic(), Mnemonic::Vpermq | Mnemonic::Vpermpd));
        // CR8 by LOCK (APM volume 3, MOV CRn).
        return amds.or(verw).or(mask).or(permutation).is_some();
    };
    use Code::{Reservednop_rm16_r16_0F0D, Reservednop_rm32_r32_0F0D, Reservednop_rm64_r64_0F0D};
    let is_repeated = insn.has_rep_prefix() || insn.has_repne_prefix();
    match insn.code() {
        // A prefetch, of memory alone (APM volume 3, PREFETCH).
        Reservednop_rm16_r16_0F0D | Reservednop_rm32_r32_0F0D | Reservednop_rm64_r64_0F0D => theirs.signal == 4,
        // A hypervisor that looks at debug exceptions gives this one back with the instruction's own address.
        Code::Int1 => (ours.signal, ours.code, CODE) == (theirs.signal, theirs.code, theirs.rip),
        // REP and REPNE choose the condition. Both manuals reserve them here.
        _ if matches!(insn.mnemonic(), Mnemonic::Loope | Mnemonic::Loopne) && is_repeated => true,
        // Near branches to 16 bits of address (APM volume 3, Jcc).
        code => amds.is_none_or(|insn| insn.code() != code),
    }
}

/// Runs the instruction that the bytes begin with, or six bytes behind its prefixes, on both sides.
fn compare(
    native: &mut Native,
    before: &State,
    mut bytes: Vec<u8>,
    prefix: usize,
    map: usize,
    wrong: &mut Vec<String>,
) {
    let insn = match decode(CODE, &bytes) {
        Decoded::Insn(insn) => Some(insn),
        _ => None,
    };
    bytes.truncate(insn.map_or(prefix + map + 6, |i| i.len()));
    if is_excluded(&bytes[prefix..], insn.as_ref()) || insn.is_some_and(|i| !is_ours(&i)) {
        return;
    }
    let Some(ours) = machine::run(before, &bytes) else { return };
    let theirs = native.run(before, &bytes);
    // Where nothing happened, the breakpoint behind the instruction tells its length.
    let seen = |s: &State| (s.signal, s.code, s.signal == 5 && s.rip != ours.rip);
    let is_known = native.is_amd && is_amds_way(&bytes, insn.as_ref(), &ours, &theirs);
    if seen(&ours) != seen(&theirs) && !is_known {
        let (_, text) = crate::X86_64.isa.disassemble(CODE, &bytes);
        wrong.push(format!(
            "{bytes:02x?} {text}: ours {} {}, native {} {}",
            ours.signal, ours.code as i64, theirs.signal, theirs.code as i64
        ));
    }
}

/// The same behind VEX: every opcode of its three maps with every prefix, length and W, and with a register in vvvv where
/// most forms want none.
#[test]
fn vex_opcodes_exist_as_on_the_host() {
    let mut native = match Native::start() {
        Ok(native) => native,
        Err(why) => return println!("skipped: {why}"),
    };
    let before = state();
    let mut wrong = Vec::new();
    // Bits 0 and 1 the prefix, 2 the length, 3 W, 4 the register.
    for (map, bits) in (1..=3u8).flat_map(|map| (0..32u8).map(move |bits| (map, bits))) {
        let vvvv = if bits & 16 != 0 { 5 } else { 15 };
        let head = [0xc4, 0xe0 | map, (bits & 8) << 4 | vvvv << 3 | bits & 7];
        for opcode in 0..=255u8 {
            let group = map == 1 && matches!(opcode, 0x71..=0x73 | 0xae) || map == 2 && opcode == 0xf3;
            let gather = map == 2 && matches!(opcode, 0x90..=0x93);
            let operations = if group { 0..8 } else { 0..1 };
            for modrm in operations.flat_map(|operation: u8| [0xc1 | operation << 3, 3 | operation << 3]) {
                // A gather's memory has an index: XMM1.
                let operands: &[u8] = if gather && modrm < 0xc0 { &[4, 0x0b] } else { &[modrm] };
                let bytes = [&head, &[opcode][..], operands, &[0; 12]].concat();
                compare(&mut native, &before, bytes, 0, 3, &mut wrong);
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn opcodes_exist_as_on_the_host() {
    let mut native = match Native::start() {
        Ok(native) => native,
        Err(why) => return println!("skipped: {why}"),
    };
    let before = state();
    let mut wrong = Vec::new();
    for prefix in PREFIXES {
        for map in MAPS {
            for opcode in 0..=255u8 {
                for modrm in 0..=255u8 {
                    // Memory by rbx, registers by cl; all registers where they are part of the opcode.
                    let whole =
                        map.is_empty() && opcode & 0xf8 == 0xd8 || map == [0x0f] && matches!(opcode, 1 | 0xae | 0xc7);
                    if !(modrm & 0xc7 == 3 || modrm & 0xc7 == 0xc1 || whole && modrm >= 0xc0) {
                        continue;
                    }
                    let escape = map.is_empty() && matches!(opcode, 0x0f | 0x26 | 0x2e | 0x36 | 0x3e | 0x40..=0x4f);
                    let prefixes =
                        map.is_empty() && matches!(opcode, 0x64..=0x67 | 0xf0 | 0xf2 | 0xf3 | 0xc4 | 0xc5 | 0x62);
                    let maps = map == [0x0f] && matches!(opcode, 0x38 | 0x3a);
                    if escape || prefixes || maps {
                        continue;
                    }
                    let mut bytes = [prefix, map, &[opcode, modrm]].concat();
                    bytes.extend([0; 12]);
                    compare(&mut native, &before, bytes, prefix.len(), map.len(), &mut wrong);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn all_vector_instructions_of_v3_have_rows() {
    use CpuidFeature::*;
    let features =
        [MMX, SSE, SSE2, SSE3, SSSE3, SSE4_1, SSE4_2, AVX, AVX2, FMA, F16C, AES, PCLMULQDQ, SHA, VAES, VPCLMULQDQ];
    let ours = |code: &Code| {
        let form = code.op_code();
        let encoded = matches!(form.encoding(), EncodingKind::Legacy | EncodingKind::VEX);
        encoded && form.mode64() && code.cpuid_features().iter().all(|feature| features.contains(feature))
    };
    let missing: Vec<_> = Code::values().filter(ours).filter(|c| insns::semantics(c.mnemonic()).is_none()).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
