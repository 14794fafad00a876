//! Every rule of facts/FREEZER.md is cited by a test, or docs/DIFFERENCES.md says why not.
use super::{root, rust_files};
use std::collections::BTreeSet;
use std::fs;

/// A rule: its family and number.
type Rule = (&'static str, u32);

/// The families, and the numbers each has.
#[rustfmt::skip]
const FAMILIES: &[(&str, &[std::ops::RangeInclusive<u32>])] = &[
    ("F07", &[1..=20]),
    ("F08", &[1..=16, 20..=38, 40..=48]),
    ("R08", &[1..=20, 30..=31]),
    ("E08", &[1..=6]),
    ("P08", &[1..=15]),
    ("F12", &[1..=13]),
    ("F22", &[1..=7]),
    ("C2", &[1..=15]),
];

/// All of them.
fn rules() -> BTreeSet<Rule> {
    let each = FAMILIES.iter().flat_map(|&(family, ranges)| ranges.iter().cloned().map(move |range| (family, range)));
    each.flat_map(|(family, range)| range.map(move |number| (family, number))).collect()
}

/// A number of two digits at the start of a text, and what follows.
fn number(text: &str) -> Option<(u32, &str)> {
    let digits = text.get(..2)?;
    Some((digits.parse().ok()?, &text[2..]))
}

/// The rules a text names: `F08-34`, `F08-34/35`, `F22-01..05`.
fn named(text: &str) -> BTreeSet<Rule> {
    let mut found = BTreeSet::new();
    for &(family, _) in FAMILIES {
        for (at, _) in text.match_indices(&format!("{family}-")) {
            let Some((first, mut rest)) = number(&text[at + family.len() + 1..]) else { continue };
            found.insert((family, first));
            if let Some((last, _)) = rest.strip_prefix("..").and_then(number) {
                found.extend((first..=last).map(|n| (family, n)));
            }
            while let Some((next, after)) = rest.strip_prefix('/').and_then(number) {
                found.insert((family, next));
                rest = after;
            }
        }
    }
    found
}

/// The part of a Rust file that is test code.
fn test_code(path: &std::path::Path, text: String) -> String {
    let within = path.strip_prefix(root()).expect("below the root");
    let is_test = within.components().any(|part| part.as_os_str().to_string_lossy().starts_with("tests"))
        || within.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("tests"));
    match text.find("#[cfg(test)]\nmod ") {
        _ if is_test => text,
        // `mod tests;` alone names another file.
        Some(at) if !text[at..].lines().nth(1).is_some_and(|line| line.ends_with(';')) => text[at..].to_string(),
        _ => String::new(),
    }
}

#[test]
fn every_rule_of_the_freezer_is_cited_by_a_test() {
    let mut files = Vec::new();
    for dir in ["crates", "src", "tests"] {
        rust_files(&root().join(dir), &mut files);
    }
    let this = root().join("tests/rules.rs");
    let texts = files.into_iter().filter(|path| *path != this);
    let cited: BTreeSet<Rule> =
        texts.flat_map(|path| named(&test_code(&path, fs::read_to_string(&path).expect("a file")))).collect();
    let differences = fs::read_to_string(root().join("docs/DIFFERENCES.md")).expect("the document");
    let section = differences.split("\n## ").find(|part| part.starts_with("Rules that no test cites")).unwrap_or("");
    let excused = named(section);
    let rules = rules();
    let missing: Vec<String> = rules
        .iter()
        .filter(|rule| !cited.contains(rule) && !excused.contains(rule))
        .map(|(family, n)| format!("{family}-{n:02}"))
        .collect();
    println!("{} rules: {} cited, {} excused", rules.len(), rules.intersection(&cited).count(), excused.len());
    assert!(missing.is_empty(), "no test cites {}, and docs/DIFFERENCES.md does not say why", missing.join(" "));
    let both: Vec<&Rule> = excused.intersection(&cited).collect();
    assert!(both.is_empty(), "excused, and cited all the same: {both:?}");
}

/// The list above is the facts' own.
#[test]
fn the_rules_are_those_of_the_facts() {
    let Ok(facts) = fs::read_to_string(root().join("../shared/facts/FREEZER.md")) else {
        println!("skipped: no ../shared/facts");
        return;
    };
    let rows = facts.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next());
    let given: BTreeSet<Rule> = rows.flat_map(named).collect();
    assert_eq!(given, rules());
}

#[test]
fn citations_are_read_as_they_are_written() {
    let found = named("F08-34/35, F22-01..03 and (C2-07).");
    let want = [("F08", 34), ("F08", 35), ("F22", 1), ("F22", 2), ("F22", 3), ("C2", 7)];
    assert_eq!(found, want.into_iter().collect());
}
