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
    ("dsb", &["ssbb", "pssbb", "dfb"]),
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

/// What the reference says of a word: its mnemonic and operands, if it is valid.
fn reference(capstone: &Capstone, word: u32) -> Option<(String, String)> {
    let text = capstone.disasm_count(&word.to_le_bytes(), 0x1000, 1).ok()?;
    let insn = text.first()?;
    Some((insn.mnemonic()?.to_owned(), insn.op_str().unwrap_or_default().to_owned()))
}

/// Disagreements between the table and the reference, by row and mnemonic, each with a word.
type Disagreements = std::collections::BTreeMap<(String, String), String>;

fn compare(capstone: &Capstone, word: u32, wrong: &mut Disagreements) {
    let ours = TABLE.find(word).filter(|_| lifts(word)).map(|row| row.name);
    let theirs = reference(capstone, word);
    let agree = match (ours, &theirs) {
        (None, None) => true,
        (Some(row), Some((printed, _))) => same_name(row, printed),
        (Some(row), None) => unpredictable(row, word),
        (None, Some((printed, _))) => not_ours(word, printed),
    };
    if !agree {
        let (printed, operands) = theirs.unwrap_or_default();
        let row = ours.unwrap_or_default().to_owned();
        wrong.entry((row, printed)).or_insert_with(|| format!("{word:08x} {operands}"));
    }
}

#[test]
fn rows_agree_with_capstone() {
    let capstone = Capstone::new().arm64().mode(arch::arm64::ArchMode::Arm).build().expect("capstone has arm64");
    let mut wrong = Disagreements::new();
    for (n, (pattern, _)) in TABLE.rows.iter().enumerate() {
        for random in words(n as u64 * 7919 + 12345).take(300) {
            compare(&capstone, sample(*pattern, random), &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// `MINIKERN_WORDS` random words: validity and mnemonic.
#[test]
fn random_words_agree_with_capstone() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (count, seed) = (number("MINIKERN_WORDS").unwrap_or(10_000_000), number("MINIKERN_SEED").unwrap_or(1));
    let capstone = Capstone::new().arm64().mode(arch::arm64::ArchMode::Arm).build().expect("capstone has arm64");
    let mut wrong = Disagreements::new();
    for word in words(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)).take(count as usize) {
        compare(&capstone, word, &mut wrong);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What the features that `features` does not claim add: how the names of their instructions begin.
const FEATURES: &[(&str, &[&str])] = &[
    // Outside the space of hints.
    ("PAuth", &["bra", "blra", "reta", "ereta", "ldra", "pac", "aut", "xpac"]),
    ("SM3, SM4", &["sm3", "sm4"]),
    ("MTE", &["addg", "subg", "subp", "irg", "gmi", "ldg", "stg", "st2g", "stzg", "stz2g"]),
    ("MOPS", &["cpy", "setp", "setm", "sete", "setg"]),
    ("HBC", &["bc."]),
    ("BF16", &["bfcvt", "bfdot", "bfml", "bfmm"]),
    ("I8MM", &["smmla", "ummla", "usmmla", "usdot", "sudot"]),
    ("LS64", &["ld64b", "st64b"]),
    ("TME", &["tstart", "ttest", "tcommit", "tcancel"]),
    ("WFxT", &["wfet", "wfit"]),
    ("BRBE", &["brb"]),
];

/// What the reference prints and we do not have: it is not for EL0, or of a feature that `features` does not claim.
fn not_ours(word: u32, printed: &str) -> bool {
    // Bits 28:25: 0000 is UDF and SME, 0010 is SVE.
    let space = matches!(word >> 25 & 15, 0b0000 | 0b0010);
    // FEAT_XS: another DSB.
    let xs = word & 0xffff_f3ff == 0xd503_323f;
    // Exceptions to other levels and debug state; system registers and operations are a choice, tested elsewhere.
    const SYSTEM: [&str; 18] = [
        "hvc", "smc", "hlt", "dcps1", "dcps2", "dcps3", "eret", "drps", "mrs", "msr", "sys", "sysl", "tlbi", "at",
        "ic", "dc", "smstart", "smstop",
    ];
    let feature = FEATURES.iter().any(|(_, stems)| stems.iter().any(|stem| printed.starts_with(stem)));
    space || xs || SYSTEM.contains(&printed) || feature
}

#[test]
fn no_other_feature_hides_a_row() {
    for (feature, stems) in FEATURES {
        let hidden = TABLE.rows.iter().find(|(_, row)| stems.iter().any(|stem| row.name.starts_with(stem)));
        assert!(hidden.is_none(), "{feature}: {:?}", hidden.map(|(_, row)| row.name));
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
