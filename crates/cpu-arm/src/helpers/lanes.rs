//! Vectors lane by lane: the shapes in which SIMD instructions walk their operands. A helper is a shape and a function
//! of one lane; the call's immediate says lane size, vector size, which half and a constant.
use ir::{CallArgs, FP_ENV, Slot, Slots, Ty};

/// What a vector helper's immediate says.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) lane: Ty,
    /// 8 or 16; a scalar's own size.
    pub(crate) bytes: u8,
    /// The instruction's "2" form: the upper half of a narrow operand.
    pub(crate) upper: bool,
    /// Shift amount, index or variant.
    pub(crate) extra: u8,
    /// `extra` stands in for every lane of b.
    pub(crate) by_extra: bool,
}

impl Shape {
    pub(crate) fn imm(self) -> u16 {
        self.lane as u16
            | (self.bytes.trailing_zeros() as u16) << 2
            | u16::from(self.upper) << 5
            | u16::from(self.by_extra) << 6
            | u16::from(self.extra) << 8
    }
}

pub(super) fn bytes(args: CallArgs) -> usize {
    1 << (args.imm >> 2 & 7).min(4)
}

fn upper(args: CallArgs) -> bool {
    args.imm >> 5 & 1 != 0
}

/// The constant of a call.
pub(crate) fn extra(args: CallArgs) -> u32 {
    u32::from(args.imm >> 8)
}

pub(crate) type V = [u8; 16];

pub(crate) fn read(slots: &Slots, at: Slot) -> V {
    let mut out = [0; 16];
    out[..8].copy_from_slice(&slots[at.0 as usize].to_le_bytes());
    out[8..].copy_from_slice(&slots[at.up(1).0 as usize].to_le_bytes());
    out
}

pub(crate) fn write(slots: &mut Slots, at: Slot, v: V) {
    let word = u128::from_le_bytes(v);
    slots[at.0 as usize] = word as u64;
    slots[at.up(1).0 as usize] = (word >> 64) as u64;
}

/// Lane `i` of `E` bytes, zero-extended.
#[inline(always)]
pub(crate) fn get<const E: usize>(v: &V, i: usize) -> u64 {
    let mut out = [0; 8];
    out[..E].copy_from_slice(&v[i * E..][..E]);
    u64::from_le_bytes(out)
}

#[inline(always)]
pub(crate) fn set<const E: usize>(v: &mut V, i: usize, value: u64) {
    v[i * E..][..E].copy_from_slice(&value.to_le_bytes()[..E]);
}

/// The operand b in lanes of `E`: a vector or a constant.
#[inline(always)]
fn operand_b<const E: usize>(slots: &Slots, args: CallArgs) -> V {
    if args.imm >> 6 & 1 == 0 {
        return read(slots, args.b);
    }
    let mut out = [0; 16];
    for i in 0..16 / E {
        set::<E>(&mut out, i, extra(args).into());
    }
    out
}

/// `v` as a signed number of `bits` bits.
#[inline(always)]
pub(crate) fn sx(bits: u32, v: u64) -> i64 {
    (v << (64 - bits)) as i64 >> (64 - bits)
}

/// Stores the environment if the lanes raised something: a pure helper has no business with it.
pub(super) fn raise(slots: &mut Slots, env: u64) {
    if slots[FP_ENV.0 as usize] != env {
        slots[FP_ENV.0 as usize] = env;
    }
}

/// A function of one lane: environment, bits of the lane, its values in a, b and c.
pub(crate) trait LaneFn: Fn(&mut u64, u32, u64, u64, u64) -> u64 {}
impl<F: Fn(&mut u64, u32, u64, u64, u64) -> u64> LaneFn for F {}

/// Calls `$f::<E>` for the lane size of the immediate.
macro_rules! by_lane {
    ($args:ident, $f:ident($($arg:expr),*)) => {
        match $args.imm & 3 {
            0 => $f::<1>($($arg),*),
            1 => $f::<2>($($arg),*),
            2 => $f::<4>($($arg),*),
            _ => $f::<8>($($arg),*),
        }
    };
}

/// The same for narrow lanes, with the wide size beside it.
macro_rules! by_narrow {
    ($args:ident, $f:ident($($arg:expr),*)) => {
        match $args.imm & 3 {
            0 => $f::<1, 2>($($arg),*),
            1 => $f::<2, 4>($($arg),*),
            _ => $f::<4, 8>($($arg),*),
        }
    };
}

/// d\[i\] = f(a\[i\], b\[i\], c\[i\])
pub(crate) fn same(slots: &mut Slots, args: CallArgs, f: impl LaneFn) {
    by_lane!(args, same_of(slots, args, f));
}

fn same_of<const E: usize>(slots: &mut Slots, args: CallArgs, f: impl LaneFn) {
    let (a, b, c) = (read(slots, args.a), operand_b::<E>(slots, args), read(slots, args.c));
    let (mut env, mut out) = (slots[FP_ENV.0 as usize], [0; 16]);
    for i in 0..bytes(args) / E {
        set::<E>(&mut out, i, f(&mut env, E as u32 * 8, get::<E>(&a, i), get::<E>(&b, i), get::<E>(&c, i)));
    }
    raise(slots, env);
    write(slots, args.d, out);
}

/// Neighbours of a, then of b: d\[i\] = f(ab\[2i\], ab\[2i + 1\])
pub(crate) fn pairs(slots: &mut Slots, args: CallArgs, f: impl LaneFn) {
    by_lane!(args, pairs_of(slots, args, f));
}

fn pairs_of<const E: usize>(slots: &mut Slots, args: CallArgs, f: impl LaneFn) {
    let (a, b) = (read(slots, args.a), read(slots, args.b));
    let (mut env, mut out) = (slots[FP_ENV.0 as usize], [0; 16]);
    let n = bytes(args) / E;
    for i in 0..n {
        let (from, at) = if 2 * i < n { (&a, 2 * i) } else { (&b, 2 * i - n) };
        set::<E>(&mut out, i, f(&mut env, E as u32 * 8, get::<E>(from, at), get::<E>(from, at + 1), 0));
    }
    raise(slots, env);
    write(slots, args.d, out);
}

/// All lanes folded into one from the pairwise tree the manual's Reduce() is; for integers the order does not matter.
pub(crate) fn across(slots: &mut Slots, args: CallArgs, f: impl LaneFn) {
    by_lane!(args, across_of(slots, args, f));
}

fn across_of<const E: usize>(slots: &mut Slots, args: CallArgs, f: impl LaneFn) {
    let mut v = read(slots, args.a);
    let (mut env, mut n) = (slots[FP_ENV.0 as usize], bytes(args) / E);
    while n > 1 {
        n /= 2;
        for i in 0..n {
            let folded = f(&mut env, E as u32 * 8, get::<E>(&v, 2 * i), get::<E>(&v, 2 * i + 1), 0);
            set::<E>(&mut v, i, folded);
        }
    }
    let mut out = [0; 16];
    set::<E>(&mut out, 0, get::<E>(&v, 0));
    raise(slots, env);
    write(slots, args.d, out);
}

/// The sum of all lanes, widened by `widen`, in twice the size.
pub(crate) fn across_long(slots: &mut Slots, args: CallArgs, widen: impl Fn(u32, u64) -> u64) {
    by_narrow!(args, across_long_of(slots, args, widen));
}

fn across_long_of<const E: usize, const W: usize>(slots: &mut Slots, args: CallArgs, widen: impl Fn(u32, u64) -> u64) {
    let v = read(slots, args.a);
    let sum = (0..bytes(args) / E).fold(0u64, |sum, i| sum.wrapping_add(widen(E as u32 * 8, get::<E>(&v, i))));
    let mut out = [0; 16];
    set::<W>(&mut out, 0, sum);
    write(slots, args.d, out);
}

/// Lanes that `long` and `wide` walk: half a vector of narrow ones, or a scalar's one.
fn narrow_lanes<const E: usize>(args: CallArgs) -> (usize, usize) {
    let n = bytes(args).min(8) / E;
    (n, if upper(args) { 8 / E } else { 0 })
}

/// Narrow to wide: d\[i\] = f(a\[i\], b\[i\], wide c\[i\]); f sees the bits of the narrow lane.
pub(crate) fn long(slots: &mut Slots, args: CallArgs, f: impl LaneFn) {
    by_narrow!(args, long_of(slots, args, f));
}

fn long_of<const E: usize, const W: usize>(slots: &mut Slots, args: CallArgs, f: impl LaneFn) {
    let (a, b, c) = (read(slots, args.a), operand_b::<E>(slots, args), read(slots, args.c));
    let (mut env, mut out) = (slots[FP_ENV.0 as usize], [0; 16]);
    let (n, first) = narrow_lanes::<E>(args);
    for i in 0..n {
        let (x, y) = (get::<E>(&a, first + i), get::<E>(&b, first + i));
        set::<W>(&mut out, i, f(&mut env, E as u32 * 8, x, y, get::<W>(&c, i)));
    }
    raise(slots, env);
    write(slots, args.d, out);
}

/// Wide to narrow: d\[i\] = f(wide a\[i\], wide b\[i\]) in the lower half, zeros above; the upper form keeps c's lower half.
pub(crate) fn narrow(slots: &mut Slots, args: CallArgs, f: impl LaneFn) {
    by_narrow!(args, narrow_of(slots, args, f));
}

fn narrow_of<const E: usize, const W: usize>(slots: &mut Slots, args: CallArgs, f: impl LaneFn) {
    let (a, b, c) = (read(slots, args.a), operand_b::<W>(slots, args), read(slots, args.c));
    let (mut env, mut out) = (slots[FP_ENV.0 as usize], [0; 16]);
    let (n, first) = narrow_lanes::<E>(args);
    if first != 0 {
        out[..8].copy_from_slice(&c[..8]);
    }
    for i in 0..n {
        set::<E>(&mut out, first + i, f(&mut env, E as u32 * 8, get::<W>(&a, i), get::<W>(&b, i), 0));
    }
    raise(slots, env);
    write(slots, args.d, out);
}

/// Helpers of one shape: `NAME = |env, bits, a, b, c| ...`. `pure` ones leave the environment alone.
macro_rules! lane_helpers {
    ($shape:ident $kind:ident: $($name:ident = $f:expr;)*) => {
        $(pub(crate) static $name: ir::Helper = ir::Helper::$kind(stringify!($name), 2, [2, 2, 2], |slots, args| {
            $crate::helpers::lanes::$shape(slots, args, $f)
        });)*
    };
}
pub(crate) use lane_helpers;
