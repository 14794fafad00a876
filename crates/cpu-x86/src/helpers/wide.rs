//! Numbers with 128 significant bits, for functions that are rounded to 64 once at their end. Their error is a few units
//! in the last of the 128 places.
use super::x87::F80Bits;
use softfloat::{Env, F80, Flags, Precision};
use std::cmp::Ordering;

/// `±sig * 2^(exp - 127)`; the top bit of `sig` is set unless the number is zero.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wide {
    pub(crate) negative: bool,
    pub(crate) exp: i32,
    pub(crate) sig: u128,
}

/// The upper half of the product.
fn mul_high(a: u128, b: u128) -> u128 {
    let (a1, a0, b1, b0) = (a >> 64, a & u128::from(u64::MAX), b >> 64, b & u128::from(u64::MAX));
    let middle = ((a0 * b0) >> 64) + ((a1 * b0) & u128::from(u64::MAX)) + ((a0 * b1) & u128::from(u64::MAX));
    a1 * b1 + ((a1 * b0) >> 64) + ((a0 * b1) >> 64) + (middle >> 64)
}

impl Wide {
    pub(crate) const ZERO: Wide = Wide { negative: false, exp: 0, sig: 0 };
    pub(crate) const ONE: Wide = Wide::positive(0, 1 << 127);
    pub(crate) const LN_2: Wide = Wide::positive(-1, 0xb172_17f7_d1cf_79ab_c9e3_b398_03f2_f6af);
    pub(crate) const LOG2_E: Wide = Wide::positive(0, 0xb8aa_3b29_5c17_f0bb_be87_fed0_691d_3e89);
    pub(crate) const PI: Wide = Wide::positive(1, 0xc90f_daa2_2168_c234_c4c6_628b_80dc_1cd1);

    const fn positive(exp: i32, sig: u128) -> Wide {
        Wide { negative: false, exp, sig }
    }

    /// `±sig * 2^exp`.
    pub(crate) fn from_int(negative: bool, sig: u128, exp: i32) -> Wide {
        if sig == 0 {
            return Wide::ZERO;
        }
        let shift = sig.leading_zeros();
        Wide { negative, exp: exp + 127 - shift as i32, sig: sig << shift }
    }

    /// A finite number.
    pub(crate) fn from_f80((significand, sign): F80Bits) -> Wide {
        let exp = i32::from(sign & 0x7fff).max(1) - 0x3fff - 63;
        Wide::from_int(sign >> 15 != 0, significand.into(), exp)
    }

    pub(crate) fn is_zero(self) -> bool {
        self.sig == 0
    }
    pub(crate) fn neg(self) -> Wide {
        Wide { negative: !self.negative, ..self }
    }
    pub(crate) fn abs(self) -> Wide {
        Wide { negative: false, ..self }
    }
    /// Times a power of two.
    pub(crate) fn scale(self, by: i32) -> Wide {
        Wide { exp: self.exp + by, ..self }
    }

    pub(crate) fn cmp_abs(self, other: Wide) -> Ordering {
        let key = |w: Wide| (w.sig != 0, if w.sig == 0 { 0 } else { w.exp }, w.sig);
        key(self).cmp(&key(other))
    }

    pub(crate) fn mul(self, other: Wide) -> Wide {
        if self.is_zero() || other.is_zero() {
            return Wide::ZERO;
        }
        let high = mul_high(self.sig, other.sig);
        let product = Wide::from_int(self.negative != other.negative, high, 0);
        // `high` is the product over 2^128, where the significands were over 2^127 each.
        product.scale(self.exp + other.exp + 128 - 254)
    }

    pub(crate) fn add(self, other: Wide) -> Wide {
        let (a, b) = if self.cmp_abs(other) == Ordering::Less { (other, self) } else { (self, other) };
        let distance = (a.exp - b.exp) as u32;
        if b.is_zero() || distance > 127 {
            return a;
        }
        // One bit of room for the carry.
        let (high, low) = (a.sig >> 1, b.sig >> 1 >> distance);
        let sum = if a.negative == b.negative { high + low } else { high - low };
        Wide::from_int(a.negative, sum, a.exp - 126)
    }

    pub(crate) fn sub(self, other: Wide) -> Wide {
        self.add(other.neg())
    }

    /// Divided by a small number, which is not zero.
    pub(crate) fn div_int(self, n: u32) -> Wide {
        let n = u128::from(n);
        // The rest is below 2^32, so that it can be shifted up and divided again.
        let (quotient, rest) = (self.sig / n, self.sig % n);
        let shift = quotient.leading_zeros().min(64);
        let sig = (quotient << shift) | ((rest << shift) / n);
        Wide { sig, exp: self.exp - shift as i32, ..self }
    }

    /// Not by zero.
    pub(crate) fn div(self, other: Wide) -> Wide {
        if self.is_zero() {
            return Wide::ZERO;
        }
        // Long division, a bit at a time.
        let (mut rest, mut quotient) = (self.sig, 0u128);
        let mut exp = self.exp - other.exp;
        if rest < other.sig {
            exp -= 1;
        } else {
            rest -= other.sig;
            quotient = 1;
        }
        let bits = if quotient == 1 { 127 } else { 128 };
        for _ in 0..bits {
            let carry = rest >> 127 != 0;
            rest <<= 1;
            quotient <<= 1;
            if carry || rest >= other.sig {
                rest = rest.wrapping_sub(other.sig);
                quotient |= 1;
            }
        }
        Wide { negative: self.negative != other.negative, exp, sig: quotient }
    }

    /// Rounded as the environment says, whatever the precision control is. Never exact: INEXACT is raised.
    pub(crate) fn round(self, env: &mut Env) -> F80Bits {
        let sign = u16::from(self.negative) << 15;
        if self.is_zero() {
            return (0, sign);
        }
        // Far from the ends of the exponent range; scaling brings it back.
        let high = ((self.sig >> 64) as u64, 0x3fff | sign);
        let low = Wide::from_int(self.negative, (self.sig & u128::from(u64::MAX)).max(1), -127);
        let low = ((low.sig >> 64) as u64 | 1, (0x3fff + low.exp) as u16 | sign);
        let mut exact = Env { precision: Precision::Extended, raised: Flags::NONE, ..*env };
        let rounded = softfloat::add::<F80>(&mut exact, high, low);
        let by = softfloat::from_int::<F80>(&mut { Env::X86 }, self.exp as u64, softfloat::Int::I64, 0);
        let up = exact.rounded_up;
        let result = softfloat::x87::scale(&mut exact, rounded, by);
        env.raise(exact.raised);
        if self.exp < -16382 {
            env.raise(Flags::UNDERFLOW);
        }
        env.rounded_up = up;
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: Wide, b: Wide) -> bool {
        let d = a.sub(b);
        d.is_zero() || d.exp < b.exp - 118
    }

    #[test]
    fn arithmetic_undoes_itself() {
        let third = Wide::ONE.div(Wide::from_int(false, 3, 0));
        assert!(close(third.mul(Wide::from_int(false, 3, 0)), Wide::ONE));
        assert!(close(Wide::PI.div_int(7).mul(Wide::from_int(false, 7, 0)), Wide::PI));
        assert!(close(Wide::LN_2.mul(Wide::LOG2_E), Wide::ONE));
        assert!(close(Wide::PI.sub(Wide::ONE).add(Wide::ONE), Wide::PI));
        assert!(close(Wide::PI.mul(Wide::LN_2).div(Wide::LN_2), Wide::PI));
    }
}
