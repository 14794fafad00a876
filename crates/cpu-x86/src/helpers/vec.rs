//! Integer vectors beyond the IR's operations: shuffles, packs, products, masks. Most work on one 64-bit word of each
//! operand, so that MMX and XMM registers use the same helpers.
use super::{fp, get, put};
use ir::{BinOp, CallArgs, GuestMemory, Helper, Slots, Trap, Ty};

type Lanes16 = [u16; 4];

fn split16(word: u64) -> Lanes16 {
    [0, 16, 32, 48].map(|at| (word >> at) as u16)
}

fn join16(lanes: Lanes16) -> u64 {
    lanes.iter().rev().fold(0, |word, lane| word << 16 | u64::from(*lane))
}

fn halves(word: u64) -> [u32; 2] {
    [word as u32, (word >> 32) as u32]
}

fn join32(lanes: [u32; 2]) -> u64 {
    u64::from(lanes[0]) | u64::from(lanes[1]) << 32
}

fn zip16(slots: &mut Slots, at: CallArgs, f: impl Fn(u16, u16) -> u16) {
    let (a, b) = (split16(get(slots, at.a, 0)), split16(get(slots, at.b, 0)));
    put(slots, at.d, 0, join16([0, 1, 2, 3].map(|i| f(a[i], b[i]))));
}

fn zip32(slots: &mut Slots, at: CallArgs, f: impl Fn([u16; 2], [u16; 2]) -> u32) {
    let (a, b) = (split16(get(slots, at.a, 0)), split16(get(slots, at.b, 0)));
    put(slots, at.d, 0, join32([0, 2].map(|i| f([a[i], a[i + 1]], [b[i], b[i + 1]]))));
}

fn sx(a: u16) -> i32 {
    i32::from(a as i16)
}

/// One word of a and b each.
pub(crate) static PMULHW: Helper = Helper::pure("pmulhw", 1, [1, 1, 0], |s, at| {
    zip16(s, at, |a, b| ((sx(a) * sx(b)) >> 16) as u16);
});
pub(crate) static PMULHUW: Helper = Helper::pure("pmulhuw", 1, [1, 1, 0], |s, at| {
    zip16(s, at, |a, b| ((u32::from(a) * u32::from(b)) >> 16) as u16);
});
pub(crate) static PMADDWD: Helper = Helper::pure("pmaddwd", 1, [1, 1, 0], |s, at| {
    zip32(s, at, |a, b| (sx(a[0]) * sx(b[0])).wrapping_add(sx(a[1]) * sx(b[1])) as u32);
});
pub(crate) static PMULUDQ: Helper = Helper::pure("pmuludq", 1, [1, 1, 0], |s, at| {
    let product = u64::from(get(s, at.a, 0) as u32) * u64::from(get(s, at.b, 0) as u32);
    put(s, at.d, 0, product);
});
pub(crate) static PSADBW: Helper = Helper::pure("psadbw", 1, [1, 1, 0], |s, at| {
    let (a, b) = (get(s, at.a, 0).to_le_bytes(), get(s, at.b, 0).to_le_bytes());
    let sum: u64 = a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(b))).sum();
    put(s, at.d, 0, sum);
});
/// imm bits 0..2: lane width; bits 2..4: 0 left, 1 right, 2 right with the sign. The count is all of b.
pub(crate) static SHIFT: Helper = Helper::pure("vec_shift", 1, [1, 1, 0], shift);

pub(crate) fn shift_imm(op: BinOp, lane: Ty) -> u16 {
    let kind = match op {
        BinOp::Shl => 0,
        BinOp::Shr => 1,
        _ => 2,
    };
    lane as u16 | kind << 2
}

fn shift(slots: &mut Slots, at: CallArgs) {
    let (word, count) = (get(slots, at.a, 0), get(slots, at.b, 0));
    let bits = 8u32 << (at.imm & 3);
    let mask = u64::MAX >> (64 - bits);
    let over = count >= u64::from(bits);
    let n = if over { bits - 1 } else { count as u32 };
    let result = (0..64 / bits).fold(0, |result, lane| {
        let a = word >> (lane * bits) & mask;
        let value = match at.imm >> 2 {
            0 if !over => a << n & mask,
            1 if !over => a >> n,
            0 | 1 => 0,
            _ => ((a << (64 - bits)) as i64 >> n >> (64 - bits)) as u64 & mask,
        };
        result | value << (lane * bits)
    });
    put(slots, at.d, 0, result);
}

/// a's and b's lanes narrowed into one word, a low. imm: 0 packsswb, 1 packuswb, 2 packssdw, 3 packusdw.
pub(crate) static PACK: Helper = Helper::pure("pack", 1, [1, 1, 0], pack);

fn pack(slots: &mut Slots, at: CallArgs) {
    let words = [get(slots, at.a, 0), get(slots, at.b, 0)];
    let result = if at.imm < 2 {
        words.iter().flat_map(|w| split16(*w)).enumerate().fold(0, |word, (i, lane)| {
            let (low, high) = if at.imm == 0 { (-128, 127) } else { (0, 255) };
            word | u64::from(sx(lane).clamp(low, high) as u8) << (8 * i)
        })
    } else {
        words.iter().flat_map(|w| halves(*w)).enumerate().fold(0, |word, (i, lane)| {
            let (low, high) = if at.imm == 2 { (-32768, 32767) } else { (0, 65535) };
            word | u64::from((lane as i32).clamp(low, high) as u16) << (16 * i)
        })
    };
    put(slots, at.d, 0, result);
}

/// Four 16-bit lanes of b chosen by imm.
pub(crate) static SHUFFLE_WORDS: Helper = Helper::pure("shuffle_words", 1, [0, 1, 0], |s, at| {
    let b = split16(get(s, at.b, 0));
    put(s, at.d, 0, join16([0, 2, 4, 6].map(|shift| b[usize::from(at.imm >> shift & 3)])));
});
/// Four 32-bit lanes of b chosen by imm.
pub(crate) static PSHUFD: Helper = Helper::pure("pshufd", 2, [0, 2, 0], |s, at| {
    let b = fp::lanes(s, at.b);
    fp::put_lanes(s, at.d, [0, 2, 4, 6].map(|shift| b[usize::from(at.imm >> shift & 3)]));
});
/// Two lanes of a, then two of b.
pub(crate) static SHUFPS: Helper = Helper::pure("shufps", 2, [2, 2, 0], |s, at| {
    let (a, b) = (fp::lanes(s, at.a), fp::lanes(s, at.b));
    let pick = |from: &[u32; 4], shift: u32| from[usize::from(at.imm >> shift & 3)];
    fp::put_lanes(s, at.d, [pick(&a, 0), pick(&a, 2), pick(&b, 4), pick(&b, 6)]);
});

fn top_bits(word: u64) -> u64 {
    // The top bits of the bytes, moved side by side into the top byte.
    (word >> 7 & 0x0101_0101_0101_0101).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

pub(crate) static PMOVMSKB: Helper = Helper::pure("pmovmskb", 1, [2, 0, 0], |s, at| {
    let mask = top_bits(get(s, at.a, 0)) | top_bits(get(s, at.a, 1)) << 8;
    put(s, at.d, 0, mask);
});
pub(crate) static PMOVMSKB_MMX: Helper = Helper::pure("pmovmskb_mmx", 1, [1, 0, 0], |s, at| {
    let mask = top_bits(get(s, at.a, 0));
    put(s, at.d, 0, mask);
});

/// a shifted right by imm bytes; left if imm has bit 8.
pub(crate) static BYTE_SHIFT: Helper = Helper::pure("byte_shift", 2, [2, 0, 0], |s, at| {
    let value = u128::from(get(s, at.a, 0)) | u128::from(get(s, at.a, 1)) << 64;
    let bits = 8 * u32::from(at.imm & 0xff);
    let value = match bits {
        128.. => 0,
        _ if at.imm >> 8 != 0 => value << bits,
        _ => value >> bits,
    };
    put(s, at.d, 0, value as u64);
    put(s, at.d, 1, (value >> 64) as u64);
});

/// a = address, b = value, c = mask, imm = bytes. Bytes that are not chosen are not written, but their page is checked.
pub(crate) static MASK_MOVE: Helper = Helper::machine("mask_move", mask_move);

fn mask_move(slots: &mut Slots, mem: &mut dyn GuestMemory, at: CallArgs) -> Result<(), Trap> {
    let addr = get(slots, at.a, 0);
    let byte = |from, i: u16| get(slots, from, (i / 8) as u8) >> (8 * (i % 8)) as u8;
    let mut value = [0; 16];
    let len = usize::from(at.imm).min(16);
    mem.read(addr, &mut value[..len]).map_err(Trap::Fault)?;
    for i in 0..at.imm.min(16) {
        if byte(at.c, i) & 0x80 != 0 {
            value[usize::from(i)] = byte(at.b, i) as u8;
        }
    }
    mem.write(addr, &value[..len]).map_err(Trap::Fault)
}
