//! An architecture in a saved machine is its name, looked up in the list that whoever reads the file knows.
use crate::Arch;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cell::Cell;

thread_local! {
    /// serde hands nothing through to the fields, so the list is here while a machine is read.
    static KNOWN: Cell<&'static [&'static Arch]> = const { Cell::new(&[]) };
}

/// Reads something whose architectures are among `arches`.
pub fn with_arches<T>(arches: &'static [&'static Arch], read: impl FnOnce() -> T) -> T {
    let before = KNOWN.replace(arches);
    let result = read();
    KNOWN.set(before);
    result
}

/// The list.
pub fn arches() -> &'static [&'static Arch] {
    KNOWN.get()
}

impl Serialize for Arch {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.name.serialize(to)
    }
}

impl<'de> Deserialize<'de> for &'static Arch {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<&'static Arch, D::Error> {
        let name = String::deserialize(from)?;
        let found = arches().iter().find(|arch| arch.name == name);
        found.copied().ok_or_else(|| D::Error::custom(format!("architecture {name}: not known here")))
    }
}
