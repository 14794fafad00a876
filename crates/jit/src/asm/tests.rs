//! The encoder against another's decoder: what is written is what iced-x86 reads.
use super::*;
use iced_x86::{Decoder, DecoderOptions, Formatter, IntelFormatter};

/// What a decoder makes of the bytes.
fn text(asm: &Asm) -> Vec<String> {
    let mut decoder = Decoder::with_ip(64, &asm.bytes, asm.base as u64, DecoderOptions::NONE);
    let mut formatter = IntelFormatter::new();
    formatter.options_mut().set_space_after_operand_separator(true);
    formatter.options_mut().set_hex_prefix("0x");
    formatter.options_mut().set_hex_suffix("");
    formatter.options_mut().set_uppercase_hex(false);
    let mut lines = Vec::new();
    while decoder.can_decode() {
        let insn = decoder.decode();
        assert!(!insn.is_invalid(), "{:02x?}", asm.bytes);
        let mut line = String::new();
        formatter.format(&insn, &mut line);
        lines.push(line);
    }
    lines
}

fn one(write: impl FnOnce(&mut Asm)) -> String {
    let mut asm = Asm::new(0x1000);
    write(&mut asm);
    text(&asm).join("; ")
}

#[test]
fn operands_of_every_shape() {
    let names =
        ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];
    for d in 0..16 {
        for a in 0..16 {
            let (d, a) = (Reg(d), Reg(a));
            let (dn, an) = (names[d.0 as usize], names[a.0 as usize]);
            if d != a {
                assert_eq!(one(|asm| asm.mov(d, a)), format!("mov {dn}, {an}"));
            }
            assert_eq!(one(|asm| asm.alu(Alu::Xor, true, d, a)), format!("xor {dn}, {an}"));
            assert_eq!(one(|asm| asm.mov(d, Mem::at(a, 0))), format!("mov {dn}, [{an}]"));
            assert_eq!(one(|asm| asm.mov(d, Mem::at(a, -8))), format!("mov {dn}, [{an}-8]"));
            assert_eq!(one(|asm| asm.lea(d, Mem::at(a, 0x1234))), format!("lea {dn}, [{an}+0x1234]"));
            for x in (0..16).filter(|&x| x != 4) {
                let m = Mem { base: a, index: Some((Reg(x), 3)), disp: 16 };
                assert_eq!(one(|asm| asm.mov(d, m)), format!("mov {dn}, [{an}+{}*8+0x10]", names[x as usize]));
            }
        }
    }
}

#[test]
fn low_bytes_of_all_registers() {
    let names = [
        "al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil", "r8b", "r9b", "r10b", "r11b", "r12b", "r13b", "r14b",
        "r15b",
    ];
    for (r, name) in (0..16).map(Reg).zip(names) {
        assert_eq!(one(|asm| asm.store(Ty::I8, Mem::at(RAX, 0), r)), format!("mov [rax], {name}"));
        assert_eq!(one(|asm| asm.movzx(Ty::I8, RAX, r)), format!("movzx eax, {name}"));
        assert_eq!(one(|asm| asm.setcc(Cc::L, r)), format!("setl {name}"));
        assert_eq!(one(|asm| asm.cmp(Ty::I8, r, RSI)), format!("cmp {name}, sil"));
        assert_eq!(one(|asm| asm.test(Ty::I8, r, RDI)), format!("test {name}, dil"));
        assert_eq!(one(|asm| asm.shift_imm(Shift::Rol, Ty::I8, r, 3)), format!("rol {name}, 3"));
        assert_eq!(one(|asm| asm.mov_low(Ty::I8, r, RBP)), format!("mov {name}, bpl"));
        assert_eq!(one(|asm| asm.alu_narrow(Alu::Adc, Ty::I8, r, RSI)), format!("adc {name}, sil"));
    }
}

#[test]
fn the_rest_once() {
    let cases: Vec<(String, &str)> = vec![
        (one(|a| a.mov_imm(R9, 5)), "mov r9d, 5"),
        (one(|a| a.mov_imm(RAX, u64::MAX)), "mov rax, 0xffffffffffffffff"),
        (one(|a| a.mov_imm(R12, 1 << 40)), "mov r12, 0x10000000000"),
        (one(|a| a.store_imm(Mem::at(RBP, -128), -1)), "mov qword ptr [rbp-0x80], 0xffffffffffffffff"),
        (one(|a| a.movsx(Ty::I32, true, R8, RBX)), "movsxd r8, ebx"),
        (one(|a| a.movsx(Ty::I16, false, R8, RBX)), "movsx r8d, bx"),
        (one(|a| a.alu_imm(Alu::Cmp, true, R14, 1 << 28)), "cmp r14, 0x10000000"),
        (one(|a| a.alu_imm(Alu::Sub, true, R14, 5)), "sub r14, 5"),
        (one(|a| a.cmp_imm(Ty::I16, RSI, -2)), "cmp si, 0xfffe"),
        (one(|a| a.test_imm(Ty::I32, RSI, 64)), "test esi, 0x40"),
        (one(|a| a.shift_cl(Shift::Ror, Ty::I16, RDX)), "ror dx, cl"),
        (one(|a| a.shift_by(Shift::Sar, true, R9, RSI, R10)), "sarx r9, rsi, r10"),
        (one(|a| a.shift_by(Shift::Shl, false, RAX, Mem::at(RBP, 8), RBX)), "shlx eax, [rbp+8], ebx"),
        (one(|a| a.rorx(RDX, R13, 3)), "rorx rdx, r13, 3"),
        (one(|a| a.shrd(true, RAX, R8, 9)), "shrd rax, r8, 9"),
        (one(|a| a.imul(true, RAX, R8)), "imul rax, r8"),
        (one(|a| a.imul_imm(false, R9, RSI, 7)), "imul r9d, esi, 7"),
        (one(|a| a.group3(7, true, RCX)), "idiv rcx"),
        (one(|a| a.sign_into_rdx(true)), "cqo"),
        (one(|a| a.bswap(true, R11)), "bswap r11"),
        (one(|a| a.count(0xbd, true, R9, RBX)), "lzcnt r9, rbx"),
        (one(|a| a.cmov(Cc::A, RAX, R13)), "cmova rax, r13"),
        (one(|a| a.bit_test(RDX, 0)), "bt rdx, 0"),
        (one(|a| a.push(R15)), "push r15"),
        (one(|a| a.pop(RBP)), "pop rbp"),
        (one(|a| a.jmp_rm(Mem::at(RCX, 16))), "jmp qword [rcx+0x10]"),
        (one(|a| a.call_rm(RAX)), "call rax"),
        (one(|a| a.load128(Reg(9), Mem::sum(R12, RDX))), "movups xmm9, [r12+rdx]"),
    ];
    for (got, expected) in cases {
        let near = got.replace("near ", "").replace(" ptr", "");
        let expected = expected.replace("short ", "").replace(" ptr", "");
        assert_eq!(near.replace("short ", ""), expected);
    }
}

#[test]
fn jumps_lead_where_they_are_bound() {
    let mut asm = Asm::new(0x1000);
    let (far, near) = (asm.jcc(Cc::NE), asm.jmp_short());
    asm.ret();
    asm.bind(far);
    asm.bind_short(near);
    asm.call_to(0x1000);
    let lines = text(&asm);
    assert!(lines[0].ends_with("1009") && lines[1].ends_with("1009"), "{lines:?}");
    assert!(lines[3].ends_with("1000"), "{lines:?}");
}
