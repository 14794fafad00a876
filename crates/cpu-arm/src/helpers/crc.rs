//! CRC32 and CRC32C of one to eight bytes, bit-reflected (C6.2 CRC32B ...).
use ir::{CallArgs, Helper, Slots};

/// d = a continued over the low `imm` bytes of b, IEEE 802.3 polynomial.
pub(crate) static CRC32: Helper = Helper::pure("crc32", 1, [1, 1, 0], |slots, args| run(slots, args, 0xedb8_8320));
/// The same with Castagnoli's polynomial.
pub(crate) static CRC32C: Helper = Helper::pure("crc32c", 1, [1, 1, 0], |slots, args| run(slots, args, 0x82f6_3b78));

fn run(slots: &mut Slots, args: CallArgs, polynomial: u32) {
    let (mut crc, data) = (slots[args.a.0 as usize] as u32, slots[args.b.0 as usize].to_le_bytes());
    for byte in data.iter().take(args.imm.into()) {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 != 0 { polynomial } else { 0 };
        }
    }
    slots[args.d.0 as usize] = crc.into();
}
