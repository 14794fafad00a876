//! Rearranging lanes: EXT, TBL, TBX, TRN, REV.
use super::lanes::{extra, get, read, set, write};
use ir::{CallArgs, Helper, Slots};

/// Bytes of b:a from byte `extra` on; the vector's size is in the shape.
pub(crate) static EXT: Helper = Helper::pure("ext", 2, [2, 2, 0], |slots, args| {
    let (a, b) = (read(slots, args.a), read(slots, args.b));
    let (n, from) = (1usize << (args.imm >> 2 & 7).min(4), extra(args) as usize);
    let mut out = [0; 16];
    for (i, o) in out.iter_mut().enumerate().take(n) {
        let at = from + i;
        *o = if at < n { a[at] } else { b[(at - n) & 15] };
    }
    write(slots, args.d, out);
});

/// TRN1 and, with `extra` 1, TRN2.
pub(crate) static TRN: Helper = Helper::pure("trn", 2, [2, 2, 0], |slots, args| match args.imm & 3 {
    0 => trn::<1>(slots, args),
    1 => trn::<2>(slots, args),
    2 => trn::<4>(slots, args),
    _ => trn::<8>(slots, args),
});

fn trn<const E: usize>(slots: &mut Slots, args: CallArgs) {
    let (a, b) = (read(slots, args.a), read(slots, args.b));
    let (part, mut out) = (extra(args) as usize, [0; 16]);
    for i in (0..(1usize << (args.imm >> 2 & 7).min(4)) / E).step_by(2) {
        set::<E>(&mut out, i, get::<E>(&a, i + part));
        set::<E>(&mut out, i + 1, get::<E>(&b, i + part));
    }
    write(slots, args.d, out);
}

/// Lanes reversed within every `extra` bytes.
pub(crate) static REV: Helper = Helper::pure("rev", 2, [2, 0, 0], |slots, args| {
    let a = read(slots, args.a);
    let (lane, container) = (1usize << (args.imm & 3), extra(args) as usize);
    let flip = container - lane;
    let mut out = [0; 16];
    for (i, o) in out.iter_mut().enumerate().take(1 << (args.imm >> 2 & 7).min(4)) {
        *o = a[(i ^ flip) & 15];
    }
    write(slots, args.d, out);
});

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
