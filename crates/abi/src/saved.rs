//! What a saved machine's derives lack: names that are part of the program, and arrays longer than serde knows.
use serde::{Deserialize, Deserializer};
use std::collections::BTreeSet;
use std::sync::Mutex;

/// A name that is part of the program. In state it is marked `#[serde(deserialize_with = "abi::saved::name")]`.
pub type Name = &'static str;

/// The name with this text. There are few, so each is kept for good, once.
pub fn name<'de, D: Deserializer<'de>>(from: D) -> Result<Name, D::Error> {
    static NAMES: Mutex<BTreeSet<Name>> = Mutex::new(BTreeSet::new());
    let text = String::deserialize(from)?;
    let mut names = NAMES.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    Ok(names.get(text.as_str()).copied().unwrap_or_else(|| {
        let name: Name = Box::leak(text.into_boxed_str());
        names.insert(name);
        name
    }))
}

/// A boxed array as the list of its elements: `#[serde(with = "abi::saved::array")]`.
pub mod array {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer, T: Serialize, const N: usize>(array: &[T; N], to: S) -> Result<S::Ok, S::Error> {
        array.as_slice().serialize(to)
    }
    pub fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de>, const N: usize>(
        from: D,
    ) -> Result<Box<[T; N]>, D::Error> {
        let list = Vec::deserialize(from)?;
        let len = list.len();
        list.try_into().map_err(|_| D::Error::custom(format!("{len} elements, {N} expected")))
    }
}
