//! LD3, ST3: elements of structures of three to registers and back.
use super::lanes::{get, read, set, write};
use ir::{CallArgs, Helper, Slots};

/// d.. = the elements of three registers, from the dense structures in a...
pub(crate) static UNPACK3: Helper = Helper::pure("unpack3", 6, [6, 0, 0], |slots, args| unpack(slots, args, 3));
/// The same for registers of 8 bytes.
pub(crate) static UNPACK3_D: Helper = Helper::pure("unpack3_d", 6, [3, 0, 0], |slots, args| unpack(slots, args, 3));
/// The other way.
pub(crate) static PACK3: Helper = Helper::pure("pack3", 6, [6, 0, 0], |slots, args| pack(slots, args, 3));

macro_rules! by_size {
    ($args:ident, $f:ident($($arg:expr),*)) => {
        match $args.imm & 3 {
            0 => $f::<1>($($arg),*),
            1 => $f::<2>($($arg),*),
            2 => $f::<4>($($arg),*),
            _ => $f::<8>($($arg),*),
        }
    };
}

/// Bytes of one register: 8 or 16. Memory is dense, registers are two slots each.
fn register(args: CallArgs) -> usize {
    1 << (args.imm >> 2 & 7).min(4)
}

fn unpack(slots: &mut Slots, args: CallArgs, n: usize) {
    by_size!(args, unpack_of(slots, args, n));
}

fn unpack_of<const E: usize>(slots: &mut Slots, args: CallArgs, n: usize) {
    let mut memory = [0; 64];
    for i in 0..4 {
        memory[16 * i..][..16].copy_from_slice(&read(slots, args.a.up(2 * i as u8)));
    }
    for r in 0..n {
        let mut out = [0; 16];
        for i in 0..register(args) / E {
            let at = (i * n + r) * E;
            out[i * E..][..E].copy_from_slice(&memory[at..][..E]);
        }
        write(slots, args.d.up(2 * r as u8), out);
    }
}

fn pack(slots: &mut Slots, args: CallArgs, n: usize) {
    by_size!(args, pack_of(slots, args, n));
}

fn pack_of<const E: usize>(slots: &mut Slots, args: CallArgs, n: usize) {
    let mut memory = [[0; 16]; 4];
    for r in 0..n {
        let v = read(slots, args.a.up(2 * r as u8));
        for i in 0..register(args) / E {
            let at = i * n + r;
            set::<E>(&mut memory[at * E / 16], at % (16 / E), get::<E>(&v, i));
        }
    }
    for (i, part) in memory.iter().enumerate().take(n) {
        write(slots, args.d.up(2 * i as u8), *part);
    }
}
