//! What IR operations cannot say: functions over slots that every engine calls.
pub(crate) mod crc;
pub(crate) mod system;
