//! Rearranging lanes: TBL, TBX.
use super::lanes::{extra, read, write};
use ir::{CallArgs, Helper, Slots};

/// TBL over `extra` registers from Vn on (`a`'s slot, wrapping after V31), indices in b.
pub(crate) static TBL: Helper = Helper::pure("tbl", 2, [8, 2, 0], |slots, args| table(slots, args, false));
/// TBX: an index out of range keeps c's byte.
pub(crate) static TBX: Helper = Helper::pure("tbx", 2, [8, 2, 2], |slots, args| table(slots, args, true));

fn table(slots: &mut Slots, args: CallArgs, keep: bool) {
    let (index, old) = (read(slots, args.b), read(slots, args.c));
    let mut out = [0; 16];
    for (i, o) in out.iter_mut().enumerate().take(1 << (args.imm >> 2 & 7).min(4)) {
        let at = index[i] as usize;
        if at < extra(args) as usize * 16 {
            *o = slots[args.a.up((at / 8) as u8).0 as usize].to_le_bytes()[at % 8];
        } else if keep {
            *o = old[i];
        }
    }
    write(slots, args.d, out);
}
