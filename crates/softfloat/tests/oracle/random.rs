//! Operands: the same every time, the hard cases over-represented.

use softfloat::Format;

/// splitmix64: the same operands every time.
pub(crate) struct Random(pub(crate) u64);

/// The operand before, to stay close to.
#[derive(Default)]
pub(crate) struct Near {
    biased: i64,
    fraction: u64,
}

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// A pattern of format `F`, often close to the one before.
    pub(crate) fn operand<F: Format>(&mut self, near: &mut Near) -> F::Bits {
        let fraction_bits = F::PRECISION - 1;
        let mask = F::INTEGER_BIT - 1;
        let fraction = match self.below(8) {
            0 => self.below(4),
            1 => mask - self.below(4),
            2 => 1 << self.below(u64::from(fraction_bits)),
            3 => mask >> self.below(u64::from(fraction_bits)),
            4 => self.next() >> self.below(64) << self.below(64),
            5 => near.fraction,
            _ => self.next(),
        } & mask;
        let (top, bias) = (i64::from(F::EXP_MAX), i64::from(F::BIAS));
        let precision = i64::from(F::PRECISION);
        let offset = self.below(7) as i64 - 3;
        let biased = match self.below(10) {
            0 => offset,
            1 => top + offset,
            2 => bias + offset,
            3 => bias + self.below(2 * precision as u64 + 6) as i64 - precision - 3,
            4 => bias / 2 + offset,
            5 => bias * 3 / 2 + offset,
            6 => near.biased + offset,
            7 => near.biased + self.below(2 * precision as u64 + 6) as i64 - precision - 3,
            8 => bias + 31 * offset.signum() + self.below(3) as i64,
            _ => self.next() as i64 & top,
        };
        *near = Near { biased: biased.clamp(0, top), fraction };
        // Exact zeros and infinities meet too rarely otherwise.
        let (biased, fraction) = match self.below(32) {
            0 => (0, 0),
            1 => (top, 0),
            _ => (biased, fraction),
        };
        let integer = (biased > 0) ^ (F::IS_X87 && self.below(32) == 0);
        F::join(softfloat::Fields {
            negative: self.below(2) != 0,
            biased: biased.clamp(0, top) as u32,
            significand: fraction | if integer { F::INTEGER_BIT } else { 0 },
        })
    }

    pub(crate) fn int(&mut self) -> u64 {
        match self.below(4) {
            0 => 1u64.rotate_right(self.below(64) as u32).wrapping_sub(self.below(3)),
            1 => u64::MAX << self.below(64),
            _ => self.next() >> self.below(64),
        }
    }
}
