//! docs/SYSCALLS.md, made from the kernel's table.
use kernel::{Support, syscalls};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The document; `tests/tidy.rs` keeps the committed one equal to it.
pub fn syscalls_document() -> String {
    let mut rows: BTreeMap<&str, Support> = syscalls().map(|row| (row.sysno.name(), row.support)).collect();
    for arch in crate::ARCHES {
        rows.extend(arch.abi.arch_syscalls().iter().map(|sysno| (sysno.name(), Support::Full)));
    }
    let missing: Vec<&str> = abi::Sysno::ALL.iter().map(|s| s.name()).filter(|name| !rows.contains_key(name)).collect();
    let mut text = String::from(
        "# System calls\n\nMade from the kernel's table by `UPDATE_DOCS=1 cargo test --test tidy`. A call that is not here is \
         ENOSYS and one trace line.\n\n| call | |\n| --- | --- |\n",
    );
    for (name, support) in &rows {
        let note = match support {
            Support::Full => "",
            Support::Partial(note) => note,
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {name} | {note} |");
    }
    let _ = writeln!(text, "\n{} calls. Not implemented ({}): {}.", rows.len(), missing.len(), missing.join(", "));
    text
}
