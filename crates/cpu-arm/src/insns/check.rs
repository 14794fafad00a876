//! The table against itself and against the reference disassembler.
use crate::AARCH64;
use crate::decode::{Pattern, TABLE, Word};
use capstone::prelude::*;
use ir::{Builder, Flow};
use proptest::prelude::*;

/// A word of a row: its fixed bits, `random` elsewhere.
fn sample(pattern: Pattern, random: u32) -> u32 {
    pattern.value | random & !pattern.mask
}

fn lifts(word: u32) -> bool {
    let mut out = Builder::new(0x1000);
    out.insn(0x1000);
    TABLE.find(word).and_then(|i| (i.lift)(&mut out, Word { bits: word, pc: 0x1000 })).is_some()
}

/// A small generator: the tests want many words quickly and the same every time.
fn words(seed: u64) -> impl Iterator<Item = u32> {
    let mut state = seed | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 16) as u32
    })
}

/// Mnemonics the disassembler prefers for some operands of a row.
const ALIASES: &[(&str, &[&str])] = &[
    ("add", &["mov"]),
    ("adds", &["cmn"]),
    ("sub", &["neg"]),
    ("subs", &["cmp", "negs"]),
    ("and", &[]),
    ("ands", &["tst"]),
    ("orr", &["mov"]),
    ("orn", &["mvn"]),
    ("movn", &["mov"]),
    ("movz", &["mov"]),
    ("sbfm", &["asr", "sbfiz", "sbfx", "sxtb", "sxth", "sxtw"]),
    ("bfm", &["bfi", "bfxil", "bfc"]),
    ("ubfm", &["lsl", "lsr", "ubfiz", "ubfx", "uxtb", "uxth"]),
    ("extr", &["ror"]),
    ("sbc", &["ngc"]),
    ("sbcs", &["ngcs"]),
    ("csinc", &["cset", "cinc"]),
    ("csinv", &["csetm", "cinv"]),
    ("csneg", &["cneg"]),
    ("madd", &["mul"]),
    ("msub", &["mneg"]),
    ("smaddl", &["smull"]),
    ("smsubl", &["smnegl"]),
    ("umaddl", &["umull"]),
    ("umsubl", &["umnegl"]),
    (
        "b.",
        &[
            "b.eq", "b.ne", "b.hs", "b.lo", "b.mi", "b.pl", "b.vs", "b.vc", "b.hi", "b.ls", "b.ge", "b.lt", "b.gt",
            "b.le", "b.al", "b.nv",
        ],
    ),
    ("dsb", &["ssbb", "pssbb"]),
    ("dup", &["mov"]),
    ("umov", &["mov"]),
    ("ins", &["mov"]),
    ("not", &["mvn"]),
    ("sshll", &["sxtl", "sxtl2"]),
    ("ushll", &["uxtl", "uxtl2"]),
    ("ic", &["sys"]),
];

/// Whether the disassembler's name is the row's: itself, an alias, or a form that the operands spell (LDADD/STADDAL ...).
fn same_name(row: &str, printed: &str) -> bool {
    let atomic = ["ldadd", "ldclr", "ldeor", "ldset", "ldsmax", "ldsmin", "ldumax", "ldumin", "swp"];
    if atomic.contains(&row) {
        let stem = printed.strip_prefix(row).or_else(|| printed.strip_prefix(&row.replacen("ld", "st", 1)));
        return stem.is_some_and(|s| ["", "a", "l", "al"].contains(&s.trim_end_matches(['b', 'h'])));
    }
    if row == "hint" {
        return true;
    }
    // The "2" forms are the same row with Q set.
    let printed = printed.strip_suffix('2').filter(|stem| *stem == row).unwrap_or(printed);
    row == printed || ALIASES.iter().any(|(name, others)| *name == row && others.contains(&printed))
}

#[test]
fn where_rows_overlap_the_first_is_the_only_one() {
    for (n, (a, first)) in TABLE.rows.iter().enumerate() {
        for (b, second) in &TABLE.rows[n + 1..] {
            if (a.value ^ b.value) & a.mask & b.mask != 0 || a.mask & b.mask == b.mask && a.mask != b.mask {
                continue;
            }
            // Neither is more specific: words of both must not be allocated in the second.
            let common = Pattern { mask: a.mask | b.mask, value: a.value | b.value };
            for random in words(n as u64).take(50) {
                let word = sample(common, random);
                let mut out = Builder::new(0);
                assert!(
                    (second.lift)(&mut out, Word { bits: word, pc: 0 }).is_none(),
                    "{word:#x}: {} {} hides {} {}",
                    first.name,
                    first.bits,
                    second.name,
                    second.bits
                );
            }
        }
    }
}

#[test]
fn names_and_validity_agree_with_capstone() {
    let capstone = Capstone::new().arm64().mode(arch::arm64::ArchMode::Arm).build().expect("capstone has arm64");
    let mut wrong = std::collections::BTreeMap::new();
    for (n, (pattern, row)) in TABLE.rows.iter().enumerate() {
        for random in words(n as u64 * 7919 + 12345).take(300) {
            let word = sample(*pattern, random);
            if !std::ptr::eq(TABLE.find(word).expect("its own row matches"), *row) {
                continue;
            }
            let text = capstone.disasm_count(&word.to_le_bytes(), 0x1000, 1).ok();
            let insn = text.as_ref().and_then(|t| t.first());
            let printed = insn.and_then(|i| i.mnemonic()).unwrap_or("(invalid)");
            let ours = lifts(word);
            let agree = if ours { same_name(row.name, printed) } else { printed == "(invalid)" };
            if !agree && !known_difference(row.name, word, ours, printed) {
                let operands = insn.and_then(|i| i.op_str()).unwrap_or("").to_owned();
                wrong.entry((row.name, row.bits, printed.to_owned(), ours)).or_insert((word, operands));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#x?}");
}

/// Where we and the disassembler differ for a reason.
fn known_difference(row: &str, word: u32, ours: bool, printed: &str) -> bool {
    match row {
        // It lists system registers and operations that EL0 does not reach.
        "mrs" | "msr" | "udf" => true,
        // Arithmetic on half precision is FEAT_FP16, which is not there yet.
        _ if !ours && word >> 24 & 0x7e == 0x1e && word >> 22 & 3 == 3 => true,
        "scvtf" | "ucvtf" | "fcvtzs" | "fcvtzu" if !ours && word >> 20 & 7 == 1 => true,
        // FMOV of half-precision lanes, beside which the row has nothing.
        "fcvtzs" if !ours && printed == "fmov" => true,
        // Of double words it belongs to the cryptographic extension.
        "pmull" if !ours && word >> 22 & 3 == 3 => true,
        _ => ours && printed == "(invalid)" && unpredictable(row, word),
    }
}

/// Encodings the manual calls constrained unpredictable: the disassembler refuses them, hardware does something.
pub(crate) fn unpredictable(row: &str, word: u32) -> bool {
    let (rt, rn, rt2, rs) = (word & 31, word >> 5 & 31, word >> 10 & 31, word >> 16 & 31);
    let vector = word >> 26 & 1 != 0;
    match row {
        _ if row.starts_with("ldxp") || row.starts_with("ldaxp") => rt == rt2,
        _ if row.starts_with("st") && row.contains('x') => rs == rt || rs == rn || row.contains('p') && rs == rt2,
        "ldp" | "ldpsw" | "ldnp" | "stp" => {
            rt == rt2 || word >> 23 & 1 != 0 && !vector && rn != 31 && (rt == rn || rt2 == rn)
        }
        _ if word >> 24 & 0x3f == 0x38 && word >> 21 & 1 == 0 => !vector && rt == rn && rn != 31,
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn any_word_lifts(word: u32, pc in any::<u64>()) {
        let pc = pc & !3;
        let mut out = Builder::new(pc);
        out.insn(pc);
        prop_assert!(matches!(AARCH64.isa.lift(pc, &word.to_le_bytes(), &mut out), Flow::Next(4) | Flow::End(4)));
    }
}

/// What the disassembler knows by a name of ours we have: no encoding of a claimed instruction is missing.
#[test]
fn no_encoding_is_missing() {
    let capstone = Capstone::new().arm64().mode(arch::arm64::ArchMode::Arm).build().expect("capstone has arm64");
    let mut missing = std::collections::BTreeMap::new();
    for word in words(99).take(300_000) {
        // Bits 28:25 = 0010 is SVE.
        if word >> 25 & 15 == 2 || lifts(word) {
            continue;
        }
        let text = capstone.disasm_count(&word.to_le_bytes(), 0x1000, 1).ok();
        let Some(insn) = text.as_ref().and_then(|t| t.first()) else { continue };
        let (printed, operands) = (insn.mnemonic().unwrap_or_default(), insn.op_str().unwrap_or_default());
        let half = operands.contains(".4h")
            || operands.contains(".8h")
            || operands.contains(".h[")
            || operands.starts_with('h');
        let half = half || operands.contains(", h") || operands.contains(".1q");
        if !half
            && TABLE
                .rows
                .iter()
                .any(|(_, row)| same_name(row.name, printed) && !known_difference(row.name, word, false, printed))
        {
            missing.entry(printed.to_owned()).or_insert(format!("{word:08x} {operands}"));
        }
    }
    // HINT takes any name; system registers are a choice.
    missing.retain(|name, _| TABLE.rows.iter().any(|(_, row)| row.name != "hint" && same_name(row.name, name)));
    missing.retain(|name, _| !["mrs", "msr", "sys"].contains(&name.as_str()));
    assert!(missing.is_empty(), "{missing:#?}");
}
