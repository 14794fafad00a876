//! The x87's transcendental functions, computed with 128 bits and rounded once: within a hair of half a unit in the last
//! place, where Intel promises one. So the last bit may differ from a processor's; sines, cosines and tangents reduce
//! by the same 66 bits of pi as theirs.
use super::wide::Wide;
use super::x87::{F80Bits, INDEFINITE, is_nan};
use softfloat::{Env, F80, Flags};
use std::cmp::Ordering;

const INFINITY: F80Bits = (1 << 63, 0x7fff);
const ONE: F80Bits = (1 << 63, 0x3fff);

fn is_infinite(a: F80Bits) -> bool {
    a.1 & 0x7fff == 0x7fff && a.0 == 1 << 63
}
fn is_zero(a: F80Bits) -> bool {
    a.1 & 0x7fff == 0 && a.0 == 0
}
fn is_negative(a: F80Bits) -> bool {
    a.1 >> 15 != 0
}
fn with_sign(a: F80Bits, negative: bool) -> F80Bits {
    (a.0, a.1 & 0x7fff | u16::from(negative) << 15)
}
/// Unnormals and the like.
fn is_unsupported(a: F80Bits) -> bool {
    a.1 & 0x7fff != 0 && a.0 >> 63 == 0
}
fn invalid(env: &mut Env) -> F80Bits {
    // It comes before a denormal operand.
    env.raised = Flags::INVALID;
    INDEFINITE
}
/// Notes denormals; gives the result if an operand is no number.
fn screen(env: &mut Env, operands: &[F80Bits]) -> Option<F80Bits> {
    if operands.iter().any(|a| is_unsupported(*a)) {
        return Some(invalid(env));
    }
    if operands.iter().any(|a| is_nan(*a)) {
        // The rules for NaNs are those of any operation.
        return Some(softfloat::add::<F80>(env, operands[0], operands[operands.len() - 1]));
    }
    if operands.iter().any(|a| a.1 & 0x7fff == 0 && a.0 != 0) {
        env.raise(Flags::DENORMAL);
    }
    None
}

/// F2XM1: 2^a - 1 for -1 <= a <= 1; other operands, undefined, come back.
pub(crate) fn exp2_minus_1(env: &mut Env, a: F80Bits) -> F80Bits {
    if let Some(nan) = screen(env, &[a]) {
        return nan;
    }
    if is_infinite(a) {
        return if is_negative(a) { with_sign(ONE, true) } else { a };
    }
    if is_zero(a) {
        return a;
    }
    // Exact, and reported as inexact all the same, as processors do.
    if a == ONE {
        env.raise(Flags::INEXACT);
        return a;
    }
    if a == with_sign(ONE, true) {
        env.raise(Flags::INEXACT);
        return (1 << 63, 0xbffe);
    }
    let x = Wide::from_f80(a);
    if x.exp >= 0 {
        env.raise(Flags::INEXACT);
        return a;
    }
    // y + y^2/2! + y^3/3! ...
    let y = x.mul(Wide::LN_2);
    let mut sum = Wide::ONE;
    for n in (2..36).rev() {
        sum = Wide::ONE.add(sum.mul(y).div_int(n));
    }
    sum.mul(y).round(env)
}

/// 2 atanh(s) for small s: s + s^3/3 + s^5/5 ..., twice.
fn twice_atanh(s: Wide) -> Wide {
    let square = s.mul(s);
    let mut sum = Wide::ZERO;
    for n in (0..28).rev() {
        sum = Wide::ONE.div_int(2 * n + 1).add(sum.mul(square));
    }
    sum.mul(s).scale(1)
}

/// log2 of a positive number.
fn log2(x: Wide) -> Wide {
    // A significand between the roots of one half and of two.
    const ROOT_2: u128 = 0xb504_f333_f9de_6484_597d_89b3_754a_be9f;
    let up = i32::from(x.sig > ROOT_2);
    let (m, exp) = (Wide { exp: -up, ..x }, x.exp + up);
    let s = m.sub(Wide::ONE).div(m.add(Wide::ONE));
    let fraction = twice_atanh(s).mul(Wide::LOG2_E);
    Wide::from_int(exp < 0, exp.unsigned_abs().into(), 0).add(fraction)
}

/// FYL2X: y * log2(x).
pub(crate) fn y_log2_x(env: &mut Env, y: F80Bits, x: F80Bits) -> F80Bits {
    if let Some(nan) = screen(env, &[x, y]) {
        return nan;
    }
    if is_zero(x) {
        if is_zero(y) {
            return invalid(env);
        }
        if !is_infinite(y) {
            // It comes before a denormal operand.
            env.raised = Flags::DIVZERO;
        }
        return with_sign(INFINITY, !is_negative(y));
    }
    if is_negative(x) {
        return invalid(env);
    }
    if is_infinite(x) {
        return if is_zero(y) { invalid(env) } else { with_sign(INFINITY, is_negative(y)) };
    }
    let wide = Wide::from_f80(x);
    if wide.sig == 1 << 127 {
        // A power of two: one exact factor.
        let log = softfloat::from_int::<F80>(&mut { Env::X86 }, wide.exp as i64 as u64, softfloat::Int::I64, 0);
        let mut exact = Env { precision: softfloat::Precision::Extended, ..*env };
        let product = softfloat::mul::<F80>(&mut exact, y, log);
        env.raise(exact.raised);
        env.rounded_up = exact.rounded_up;
        return product;
    }
    let log = log2(wide);
    product(env, y, log)
}

/// y times an inexact logarithm.
fn product(env: &mut Env, y: F80Bits, log: Wide) -> F80Bits {
    let negative = is_negative(y) != log.negative;
    if is_infinite(y) || is_zero(y) {
        return with_sign(y, negative);
    }
    Wide::from_f80(y).mul(log).round(env)
}

/// FYL2XP1: y * log2(x + 1), exact for small x.
pub(crate) fn y_log2_x_plus_1(env: &mut Env, y: F80Bits, x: F80Bits) -> F80Bits {
    if let Some(nan) = screen(env, &[x, y]) {
        return nan;
    }
    if is_zero(x) {
        return if is_infinite(y) { invalid(env) } else { (0, (x.1 ^ y.1) & 0x8000) };
    }
    if is_infinite(x) {
        let bad = is_negative(x) || is_zero(y);
        return if bad { invalid(env) } else { with_sign(INFINITY, is_negative(y)) };
    }
    let wide = Wide::from_f80(x);
    let log = match wide.exp {
        ..-2 => twice_atanh(wide.div(wide.add(Wide::ONE.scale(1)))).mul(Wide::LOG2_E),
        _ => {
            let sum = wide.add(Wide::ONE);
            if sum.negative || sum.is_zero() {
                return invalid(env);
            }
            log2(sum)
        }
    };
    product(env, y, log)
}

/// atan of 0 <= t <= 1: by steps of an eighth, then by its series.
fn atan(t: Wide) -> Wide {
    let series = |u: Wide| {
        let square = u.mul(u).neg();
        let mut sum = Wide::ZERO;
        for n in (0..24).rev() {
            sum = Wide::ONE.div_int(2 * n + 1).add(sum.mul(square));
        }
        sum.mul(u)
    };
    // atan(a) - atan(b) = atan((a - b) / (1 + ab)).
    let difference = |a: Wide, b: Wide| a.sub(b).div(Wide::ONE.add(a.mul(b)));
    let eighths = |n: u128| Wide::from_int(false, n, -3);
    let (mut sum, mut n) = (Wide::ZERO, 0);
    while n < 8 && eighths(n + 1).cmp_abs(t) != Ordering::Greater {
        n += 1;
        sum = sum.add(series(difference(eighths(n), eighths(n - 1))));
    }
    sum.add(series(difference(t, eighths(n))))
}

/// FPATAN: the angle of the point (x, y).
pub(crate) fn atan2(env: &mut Env, y: F80Bits, x: F80Bits) -> F80Bits {
    if let Some(nan) = screen(env, &[x, y]) {
        return nan;
    }
    let (up, left) = (is_negative(y), is_negative(x));
    let half = Wide::PI.scale(-1);
    let angle = match (is_infinite(y), is_infinite(x)) {
        (true, true) => half.scale(-1),
        (true, false) => half,
        (false, true) => Wide::ZERO,
        _ if is_zero(y) => Wide::ZERO,
        _ if is_zero(x) => half,
        _ => {
            let (y, x) = (Wide::from_f80(y).abs(), Wide::from_f80(x).abs());
            if y.cmp_abs(x) == Ordering::Greater { half.sub(atan(x.div(y))) } else { atan(y.div(x)) }
        }
    };
    let angle = if left { Wide::PI.sub(angle) } else { angle };
    Wide { negative: up, ..angle }.round(env)
}

/// What is left of an angle after `quadrant` quarter turns; nothing if it is too large.
fn reduce(a: F80Bits) -> Option<(Wide, u32)> {
    let x = Wide::from_f80(a);
    if is_infinite(a) || x.exp >= 63 {
        return None;
    }
    if x.exp < -2 {
        return Some((x, 0));
    }
    // pi / 2 in units of 2^-65: the 66 bits the processors have. The operand in them is an integer.
    const HALF_PI: u128 = 0xc_90fd_aa22_168c_234c >> 2;
    let units = x.sig >> (62 - x.exp);
    let turns = (units / HALF_PI) + u128::from(units % HALF_PI > HALF_PI / 2);
    let rest = units.wrapping_sub(turns.wrapping_mul(HALF_PI)) as i128;
    let left = Wide::from_int(rest < 0, rest.unsigned_abs(), -65);
    let quadrant = (turns & 3) as u32;
    Some(if x.negative { (left.neg(), (4 - quadrant) & 3) } else { (left, quadrant) })
}

/// The series of sine (`first` 1) or cosine (0), for at most an eighth of a turn.
fn series(x: Wide, first: u32) -> Wide {
    let square = x.mul(x).neg();
    let mut sum = Wide::ONE;
    for n in (1..20).rev() {
        let k = 2 * n + first;
        sum = Wide::ONE.add(sum.mul(square).div_int(k * (k - 1)));
    }
    if first == 1 { sum.mul(x) } else { sum }
}

/// The sine of `quadrant` quarter turns and `x`.
fn sine(x: Wide, quadrant: u32) -> Wide {
    let value = series(x, if quadrant & 1 == 0 { 1 } else { 0 });
    if quadrant & 2 == 0 { value } else { value.neg() }
}

/// What operands that are no finite number give: a result, or nothing to do for them.
fn screen_angle(env: &mut Env, a: F80Bits) -> Option<F80Bits> {
    screen(env, &[a]).or_else(|| is_infinite(a).then(|| invalid(env)))
}

/// FSIN. Nothing: the operand is beyond 2^63.
pub(crate) fn sin(env: &mut Env, a: F80Bits) -> Option<F80Bits> {
    if let Some(result) = screen_angle(env, a) {
        return Some(result);
    }
    if is_zero(a) {
        return Some(a);
    }
    let (x, quadrant) = reduce(a)?;
    Some(sine(x, quadrant).round(env))
}

/// FCOS.
pub(crate) fn cos(env: &mut Env, a: F80Bits) -> Option<F80Bits> {
    if let Some(result) = screen_angle(env, a) {
        return Some(result);
    }
    if is_zero(a) {
        return Some(ONE);
    }
    let (x, quadrant) = reduce(a)?;
    Some(sine(x, quadrant + 1).round(env))
}

/// FPTAN.
pub(crate) fn tan(env: &mut Env, a: F80Bits) -> Option<F80Bits> {
    if let Some(result) = screen_angle(env, a) {
        return Some(result);
    }
    if is_zero(a) {
        return Some(a);
    }
    let (x, quadrant) = reduce(a)?;
    Some(sine(x, quadrant).div(sine(x, quadrant + 1)).round(env))
}
