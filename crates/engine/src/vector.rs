//! Vector operations, lane by lane, written as loops over arrays that the compiler turns into host vectors.
use crate::fp;
use ir::{BinOp, FpOp, Slot, Slots, Ty, VecOp};

/// The widest vector, as bytes.
type Bytes = [u8; 32];

fn read(slots: &Slots, at: Slot, bytes: usize) -> Bytes {
    let mut out = [0; 32];
    for (i, word) in out.chunks_exact_mut(8).enumerate().take(bytes.div_ceil(8)) {
        word.copy_from_slice(&slots[at.up(i as u8).0 as usize].to_le_bytes());
    }
    out
}

fn write(slots: &mut Slots, at: Slot, bytes: usize, value: &Bytes) {
    for (i, word) in value.chunks_exact(8).enumerate().take(bytes.div_ceil(8)) {
        slots[at.up(i as u8).0 as usize] = u64::from_le_bytes(word.try_into().expect("chunks of eight"));
    }
}

/// An integer lane; its arithmetic wraps.
trait Lane: Copy {
    const SIZE: usize;
    fn get(bytes: &[u8]) -> Self;
    fn put(self, bytes: &mut [u8]);
    fn op(op: VecOp, a: Self, b: Self) -> Self;
    fn shift(op: BinOp, a: Self, amount: u32) -> Self;
}

macro_rules! lanes {
    ($($u:ident $s:ident $wide:ident),*) => {$(
        impl Lane for $u {
            const SIZE: usize = size_of::<$u>();
            #[inline(always)]
            fn get(bytes: &[u8]) -> $u {
                $u::from_le_bytes(bytes.try_into().expect("a lane's bytes"))
            }
            #[inline(always)]
            fn put(self, bytes: &mut [u8]) {
                bytes.copy_from_slice(&self.to_le_bytes());
            }
            #[inline(always)]
            fn op(op: VecOp, a: $u, b: $u) -> $u {
                let (sa, sb) = (a as $s, b as $s);
                let all = |c: bool| if c { $u::MAX } else { 0 };
                match op {
                    VecOp::Add => a.wrapping_add(b),
                    VecOp::Sub => a.wrapping_sub(b),
                    VecOp::Mul => a.wrapping_mul(b),
                    VecOp::And => a & b,
                    VecOp::Or => a | b,
                    VecOp::Xor => a ^ b,
                    VecOp::AndNot => a & !b,
                    VecOp::OrNot => a | !b,
                    VecOp::CmpEq => all(a == b),
                    VecOp::CmpGtS => all(sa > sb),
                    VecOp::CmpGtU => all(a > b),
                    VecOp::CmpGeS => all(sa >= sb),
                    VecOp::CmpGeU => all(a >= b),
                    VecOp::MinS => sa.min(sb) as $u,
                    VecOp::MinU => a.min(b),
                    VecOp::MaxS => sa.max(sb) as $u,
                    VecOp::MaxU => a.max(b),
                    VecOp::AddSatS => sa.saturating_add(sb) as $u,
                    VecOp::AddSatU => a.saturating_add(b),
                    VecOp::SubSatS => sa.saturating_sub(sb) as $u,
                    VecOp::SubSatU => a.saturating_sub(b),
                    VecOp::AvgU => ((a as $wide + b as $wide + 1) >> 1) as $u,
                    VecOp::MulHiS => {
                        let high = ((a as $wide * b as $wide) >> $u::BITS) as $u;
                        let correct = |sign: $s, other: $u| if sign < 0 { other } else { 0 };
                        high.wrapping_sub(correct(sa, b)).wrapping_sub(correct(sb, a))
                    }
                    VecOp::MulHiU => ((a as $wide * b as $wide) >> $u::BITS) as $u,
                    VecOp::MulHalfS => {
                        let low = |a: $s| (a << ($u::BITS / 2)) >> ($u::BITS / 2);
                        low(sa).wrapping_mul(low(sb)) as $u
                    }
                    VecOp::MulHalfU => {
                        let low = |a: $u| a & ($u::MAX >> ($u::BITS / 2));
                        low(a).wrapping_mul(low(b))
                    }
                    VecOp::Not => !a,
                    VecOp::Neg => a.wrapping_neg(),
                    VecOp::Abs => sa.unsigned_abs(),
                    VecOp::Popcnt => a.count_ones() as $u,
                    // The others are not lane by lane over integers: `exec` has taken them.
                    _ => a,
                }
            }
            #[inline(always)]
            fn shift(op: BinOp, a: $u, amount: u32) -> $u {
                match op {
                    BinOp::Shl => a.checked_shl(amount).unwrap_or(0),
                    BinOp::Shr => a.checked_shr(amount).unwrap_or(0),
                    _ => ((a as $s) >> amount.min($u::BITS - 1)) as $u,
                }
            }
        }
    )*};
}
lanes!(u8 i8 u16, u16 i16 u32, u32 i32 u64, u64 i64 u128);

#[inline(always)]
fn zip<L: Lane>(a: &Bytes, b: &Bytes, f: impl Fn(L, L) -> L) -> Bytes {
    let mut out = [0; 32];
    for ((o, a), b) in out.chunks_exact_mut(L::SIZE).zip(a.chunks_exact(L::SIZE)).zip(b.chunks_exact(L::SIZE)) {
        f(L::get(a), L::get(b)).put(o);
    }
    out
}

/// One loop for each operation, so that the operation is not chosen again for every lane.
fn lanes<L: Lane>(op: VecOp, a: &Bytes, b: &Bytes) -> Bytes {
    macro_rules! each {
        ($($name:ident)*) => {
            match op {
                $(VecOp::$name => zip::<L>(a, b, |a, b| L::op(VecOp::$name, a, b)),)*
                _ => zip::<L>(a, b, |a, b| L::op(op, a, b)),
            }
        };
    }
    each!(Add Sub Mul And Or Xor AndNot OrNot CmpEq CmpGtS CmpGtU CmpGeS CmpGeU MinS MinU MaxS MaxU
        AddSatS AddSatU SubSatS SubSatU AvgU MulHiS MulHiU MulHalfS MulHalfU Not Neg Abs Popcnt)
}

pub(crate) fn exec(slots: &mut Slots, op: VecOp, lane: Ty, bytes: u8, [d, a, b]: [Slot; 3]) {
    let bytes = bytes.min(32) as usize;
    let (x, y) = (read(slots, a, bytes), read(slots, b, bytes));
    let size = lane.bytes() as usize;
    let result = match op {
        VecOp::ZipLo => interleave(&x, &y, size, bytes, 0),
        VecOp::ZipHi => interleave(&x, &y, size, bytes, bytes / 2),
        VecOp::UnzipEven => deinterleave(&x, &y, size, bytes, 0),
        VecOp::UnzipOdd => deinterleave(&x, &y, size, bytes, size),
        VecOp::NarrowS => narrow(&x, &y, size, bytes, true),
        VecOp::NarrowU => narrow(&x, &y, size, bytes, false),
        VecOp::ShuffleBytes => std::array::from_fn(|i| match y[i] {
            n if i < bytes && n < 0x80 => x[n as usize & (bytes - 1)],
            _ => 0,
        }),
        VecOp::Dup => {
            let mut out = [0; 32];
            out.chunks_exact_mut(size).for_each(|o| o.copy_from_slice(&x[..size]));
            out
        }
        _ => match float(op) {
            Some(op) => floats(&mut slots[ir::FP_ENV.0 as usize], op, lane, bytes, &x, &y),
            None => match lane {
                Ty::I8 => lanes::<u8>(op, &x, &y),
                Ty::I16 => lanes::<u16>(op, &x, &y),
                Ty::I32 => lanes::<u32>(op, &x, &y),
                Ty::I64 => lanes::<u64>(op, &x, &y),
            },
        },
    };
    write(slots, d, bytes, &result);
}

pub(crate) fn shift(slots: &mut Slots, op: BinOp, lane: Ty, bytes: u8, d: Slot, a: Slot, amount: u8) {
    fn all<L: Lane>(op: BinOp, x: &Bytes, amount: u32) -> Bytes {
        match op {
            BinOp::Shl => zip::<L>(x, x, |a, _| L::shift(BinOp::Shl, a, amount)),
            BinOp::Shr => zip::<L>(x, x, |a, _| L::shift(BinOp::Shr, a, amount)),
            _ => zip::<L>(x, x, |a, _| L::shift(BinOp::Sar, a, amount)),
        }
    }
    let (bytes, amount) = (bytes.min(32) as usize, amount as u32);
    let x = read(slots, a, bytes);
    let result = match lane {
        Ty::I8 => all::<u8>(op, &x, amount),
        Ty::I16 => all::<u16>(op, &x, amount),
        Ty::I32 => all::<u32>(op, &x, amount),
        Ty::I64 => all::<u64>(op, &x, amount),
    };
    write(slots, d, bytes, &result);
}

/// Lanes of a and b in turn, from byte `from` of each.
fn interleave(a: &Bytes, b: &Bytes, size: usize, bytes: usize, from: usize) -> Bytes {
    let mut out = [0; 32];
    for (i, o) in out[..bytes].chunks_exact_mut(size).enumerate() {
        let at = from + i / 2 * size;
        o.copy_from_slice(if i % 2 == 0 { &a[at..at + size] } else { &b[at..at + size] });
    }
    out
}

/// Every other lane of a then of b, from byte `from` of each.
fn deinterleave(a: &Bytes, b: &Bytes, size: usize, bytes: usize, from: usize) -> Bytes {
    let mut out = [0; 32];
    for (i, o) in out[..bytes].chunks_exact_mut(size).enumerate() {
        let at = 2 * i * size;
        let (source, at) = if at < bytes { (a, at + from) } else { (b, at - bytes + from) };
        // A vector of a single lane has no odd one.
        if at + size <= bytes {
            o.copy_from_slice(&source[at..at + size]);
        }
    }
    out
}

/// Lanes of twice `size` in a, then in b, saturated to `size`.
fn narrow(a: &Bytes, b: &Bytes, size: usize, bytes: usize, signed: bool) -> Bytes {
    let (wide, bits) = (2 * size.min(4), 8 * size.min(4));
    let (least, most) = if signed { (-1 << (bits - 1), (1 << (bits - 1)) - 1) } else { (0, (1i64 << bits) - 1) };
    let mut out = [0; 32];
    let lanes = a[..bytes].chunks_exact(wide).chain(b[..bytes].chunks_exact(wide));
    for (o, lane) in out.chunks_exact_mut(wide / 2).zip(lanes) {
        let value = lane.iter().rev().fold(0, |value, byte| value << 8 | i64::from(*byte));
        let value = (value << (64 - 2 * bits) >> (64 - 2 * bits)).clamp(least, most);
        o.copy_from_slice(&value.to_le_bytes()[..wide / 2]);
    }
    out
}

pub(crate) fn shuffle(slots: &mut Slots, lane: Ty, [d, a, b]: [Slot; 3], imm: u8) {
    let size = lane.bytes() as usize;
    let (x, y) = (read(slots, a, 4 * size), read(slots, b, 4 * size));
    let mut out = [0; 32];
    for (i, o) in out[..4 * size].chunks_exact_mut(size).enumerate() {
        let at = (imm >> (2 * i) & 3) as usize * size;
        o.copy_from_slice(if i < 2 { &x[at..at + size] } else { &y[at..at + size] });
    }
    write(slots, d, 4 * size, &out);
}

pub(crate) fn mask(slots: &Slots, lane: Ty, bytes: u8, a: Slot) -> u64 {
    let (size, bytes) = (lane.bytes() as usize, bytes.min(32) as usize);
    let x = read(slots, a, bytes);
    let tops = x[..bytes].chunks_exact(size).map(|lane| u64::from(lane[size - 1] >> 7));
    tops.rev().fold(0, |mask, top| mask << 1 | top)
}

fn float(op: VecOp) -> Option<FpOp> {
    Some(match op {
        VecOp::FAdd => FpOp::Add,
        VecOp::FSub => FpOp::Sub,
        VecOp::FMul => FpOp::Mul,
        VecOp::FDiv => FpOp::Div,
        VecOp::FSqrt => FpOp::Sqrt,
        VecOp::FMinX86 => FpOp::MinX86,
        VecOp::FMaxX86 => FpOp::MaxX86,
        VecOp::FMinArm => FpOp::MinArm,
        VecOp::FMaxArm => FpOp::MaxArm,
        VecOp::FMinNum => FpOp::MinNum,
        VecOp::FMaxNum => FpOp::MaxNum,
        VecOp::FAbs => FpOp::Abs,
        VecOp::FNeg => FpOp::Neg,
        _ => return None,
    })
}

/// Only the lanes inside the vector are computed: others could raise exceptions.
fn floats(cell: &mut u64, op: FpOp, lane: Ty, bytes: usize, a: &Bytes, b: &Bytes) -> Bytes {
    let mut out = [0; 32];
    if lane == Ty::I32 {
        for i in (0..bytes).step_by(4) {
            let (x, y) = (u32::get(&a[i..i + 4]), u32::get(&b[i..i + 4]));
            fp::op32(cell, op, x, y).put(&mut out[i..i + 4]);
        }
    } else {
        for i in (0..bytes).step_by(8) {
            let (x, y) = (u64::get(&a[i..i + 8]), u64::get(&b[i..i + 8]));
            fp::op64(cell, op, x, y).put(&mut out[i..i + 8]);
        }
    }
    out
}
