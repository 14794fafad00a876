//! The table against itself and against the reference disassembler.
use super::bits::INSNS as BITS;
use crate::RISCV64;
use crate::decode::{Pattern, TABLE, fetch};
use crate::disasm;
use capstone::Capstone;
use ir::{Builder, Flow};
use oracle::Random;
use std::collections::BTreeMap;

fn lifts(bits: u32) -> bool {
    let len = if bits & 3 == 3 { 4 } else { 2 };
    let mut out = Builder::new(0x1000);
    out.insn(0x1000);
    TABLE.find(bits).is_some_and(|(row, args)| (row.lift)(&mut out, args.at(0x1000, len)).is_some())
}

/// The mnemonic that the disassembler has for the bits.
fn printed(capstone: &Capstone, bits: u32) -> Option<String> {
    let len = if bits & 3 == 3 { 4 } else { 2 };
    let insns = capstone.disasm_count(&bits.to_le_bytes()[..len], 0x1000, 1).ok()?;
    Some(insns.first()?.mnemonic()?.to_owned())
}

/// Names that the disassembler prefers for some operands of a row.
const ALIASES: &[(&str, &[&str])] = &[
    ("addi", &["li", "mv", "nop"]),
    ("addiw", &["sext.w"]),
    ("xori", &["not"]),
    ("sltiu", &["seqz"]),
    ("sub", &["neg"]),
    ("subw", &["negw"]),
    ("sltu", &["snez"]),
    ("slt", &["sltz", "sgtz"]),
    ("beq", &["beqz"]),
    ("bne", &["bnez"]),
    ("blt", &["bltz", "bgtz"]),
    ("bge", &["blez", "bgez"]),
    ("jal", &["j"]),
    ("jalr", &["jr", "ret"]),
    ("csrrs", &["csrr", "csrs", "rdinstret", "rdcycle", "rdtime", "frcsr", "frrm", "frflags"]),
    ("csrrw", &["csrw", "fscsr", "fsrm", "fsflags"]),
    ("csrrc", &["csrc"]),
    ("csrrwi", &["csrwi", "fsrmi", "fsflagsi"]),
    ("csrrsi", &["csrsi"]),
    ("csrrci", &["csrci"]),
    ("fence", &["fence.tso", "pause"]),
    ("fsgnj.s", &["fmv.s"]),
    ("fsgnjn.s", &["fneg.s"]),
    ("fsgnjx.s", &["fabs.s"]),
    ("fsgnj.d", &["fmv.d"]),
    ("fsgnjn.d", &["fneg.d"]),
    ("fsgnjx.d", &["fabs.d"]),
    ("add.uw", &["zext.w"]),
    ("c.addi", &["c.nop"]),
    ("c.jr", &["ret", "c.ret"]),
];

/// Itself, an alias, or with the ordering that `aq` and `rl` spell.
fn same_name(row: &str, printed: &str) -> bool {
    let plain = ["aqrl", "aq", "rl"].iter().find_map(|order| printed.strip_suffix(&format!(".{order}")));
    row == plain.unwrap_or(printed) || ALIASES.iter().any(|(name, others)| *name == row && others.contains(&printed))
}

#[test]
fn no_two_rows_match_the_same_bits() {
    for (n, (a, first)) in TABLE.rows.iter().enumerate() {
        for (b, second) in &TABLE.rows[n + 1..] {
            let common = a.mask & b.mask;
            // The more specific one comes first.
            let hides = a.mask & b.mask == b.mask && a.mask != b.mask;
            let rest = Pattern::parse(second.bits);
            let reserved = a.decode(a.value | b.value).is_none() || rest.decode(a.value | b.value).is_none();
            assert!(
                (a.value ^ b.value) & common != 0 || hides || reserved,
                "{} {} and {} {}",
                first.name,
                first.bits,
                second.name,
                second.bits
            );
        }
    }
}

/// How the table and the disassembler differ over some instructions: row, its name for them, the first of them.
fn differences(capstone: &Capstone, all: impl Iterator<Item = u32>) -> BTreeMap<(String, String), u32> {
    let mut wrong = BTreeMap::new();
    for bits in all {
        let ours = TABLE.find(bits).filter(|_| lifts(bits)).map(|(row, _)| row.name);
        let theirs = printed(capstone, bits);
        let agree = match (ours, &theirs) {
            (None, None) => true,
            (Some(row), Some(printed)) => same_name(row, printed),
            _ => false,
        };
        if !agree && !is_known(ours, theirs.as_deref()) {
            wrong.entry((ours.unwrap_or("-").to_owned(), theirs.unwrap_or("-".to_owned()))).or_insert(bits);
        }
    }
    wrong
}

/// Where we and the disassembler (capstone 5) differ for a reason.
fn is_known(ours: Option<&str>, theirs: Option<&str>) -> bool {
    match (ours, theirs) {
        // It does not know Zba, Zbb and Zbs (`others_know_bit_manipulation`).
        (Some(row), None) if BITS.iter().any(|insn| insn.name == row) => true,
        // Nor HINTs, fences with fields that are to be ignored, and rounding modes that make no difference.
        (Some("c.add" | "c.addi" | "c.li" | "c.lui" | "c.mv" | "c.slli"), None) => true,
        (Some("fence" | "fence.i" | "fcvt.d.s" | "fcvt.d.w" | "fcvt.d.wu"), None) => true,
        // It names what is reserved, what is defined to be illegal, and what is not user mode's.
        (None, Some("c.lui" | "c.unimp")) => true,
        (None, Some("sfence.vma" | "wfi" | "mret" | "sret" | "uret")) => true,
        (None, Some(printed)) => printed.starts_with("csr"),
        _ => false,
    }
}

/// The GNU disassembler's names for the rows that capstone does not know.
#[test]
fn others_know_bit_manipulation() {
    let mut random = Random::new(5);
    let rows = TABLE.rows.iter().filter(|(_, row)| BITS.iter().any(|insn| std::ptr::eq(insn, *row)));
    let words: Vec<(u32, &str)> = rows
        .flat_map(|(pattern, row)| {
            (0..50).map(|_| (pattern.value | random.next() as u32 & !pattern.mask, row.name)).collect::<Vec<_>>()
        })
        .collect();
    let file = std::env::temp_dir().join(format!("cpu-riscv-{}", std::process::id()));
    let bytes: Vec<u8> = words.iter().flat_map(|(word, _)| word.to_le_bytes()).collect();
    std::fs::write(&file, bytes).expect("a temporary file");
    let args = ["-b", "binary", "-m", "riscv:rv64", "-M", "no-aliases", "-D"];
    let output = std::process::Command::new("riscv64-linux-gnu-objdump").args(args).arg(&file).output();
    let _ = std::fs::remove_file(&file);
    let Ok(output) = output else { return println!("skipped: no riscv64-linux-gnu-objdump") };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let names = text.lines().filter_map(|line| line.split_once(":\t")?.1.split_whitespace().nth(1));
    let names: Vec<&str> = names.collect();
    assert_eq!(names.len(), words.len());
    for ((word, ours), theirs) in words.into_iter().zip(names) {
        assert!(ours == theirs, "{word:#010x}: {ours}, {theirs}");
    }
}

#[test]
fn every_compressed_encoding_agrees_with_capstone() {
    let capstone = disasm::decoder().expect("capstone has riscv");
    let wrong = differences(&capstone, (0..=0xffff).filter(|bits| bits & 3 != 3));
    assert!(wrong.is_empty(), "{wrong:#x?}");
}

/// `MINIKERN_WORDS` asks for more.
#[test]
fn random_words_agree_with_capstone() {
    let capstone = disasm::decoder().expect("capstone has riscv");
    let words = std::env::var("MINIKERN_WORDS").ok().and_then(|n| n.parse().ok()).unwrap_or(300_000);
    let mut random = Random::new(99);
    let mut all: Vec<u32> = Vec::new();
    // Of a row, and of an opcode with anything behind it.
    for (pattern, _) in &TABLE.rows {
        all.extend((0..100).map(|_| pattern.value | random.next() as u32 & !pattern.mask));
    }
    let anything = std::iter::repeat_with(|| (random.next() >> 16) as u32 | 3).take(words);
    let wrong = differences(&capstone, all.into_iter().chain(anything));
    assert!(wrong.is_empty(), "{wrong:#x?}");
}

#[test]
fn any_bytes_lift() {
    let mut random = Random::new(7);
    for _ in 0..200_000 {
        let (word, pc) = (random.next() as u32, random.next() & !1);
        let code = &word.to_le_bytes()[..2 + 2 * random.below(2) as usize];
        let mut out = Builder::new(pc);
        out.insn(pc);
        let flow = RISCV64.isa.lift(pc, code, &mut out);
        match fetch(code) {
            None => assert_eq!(flow, Flow::Truncated),
            Some((_, len)) => assert!(flow == Flow::Next(len) || flow == Flow::End(len), "{word:#x}: {flow:?}"),
        }
    }
}
