//! What IR operations cannot say: functions over slots that every engine calls.
pub(crate) mod aes;
pub(crate) mod convert;
pub(crate) mod crc;
pub(crate) mod estimate;
pub(crate) mod float;
pub(crate) mod integer;
pub(crate) mod lanes;
pub(crate) mod permute;
pub(crate) mod saturate;
pub(crate) mod sha;
pub(crate) mod structure;
pub(crate) mod system;
