//! Random numbers, and numbers that matter.

/// Small, fast and the same everywhere.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }
    /// It has no end, so it is no iterator.
    #[expect(clippy::should_implement_trait)]
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    pub fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 8) % n
    }
    pub fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// `len` bytes made of a seed that is not 0, as `fill` of runner.h makes them.
pub fn fill(mut seed: u64, len: u64) -> Vec<u8> {
    let words = (0..len / 8).map(|_| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    });
    words.flat_map(u64::to_le_bytes).collect()
}

/// Bounds of types.
pub const INTEGERS: [u64; 13] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0xffff_ffff_8000_0000,
    1 << 63,
    i64::MAX as u64,
    u64::MAX,
];

/// Zeros, denormals, limits, infinities, NaNs quiet and signaling, bounds of integers, ties and ordinary numbers.
const SINGLES: [u32; 24] = [
    0,
    1,
    0x7f_ffff,
    0x80_0000,
    0x3f80_0000,
    0x3f80_0001,
    0x3fc0_0000,
    0x4020_0000,
    0x4000_0000,
    0x4049_0fdb,
    0x7f7f_ffff,
    0x7f80_0000,
    0x7fc0_0000,
    0x7fc0_1234,
    0x7f80_0001,
    0x7fa5_5aaa,
    0x4f00_0000,
    0x4f80_0000,
    0x5f00_0000,
    0x5f80_0000,
    0x3eff_ffff,
    0x4b00_0001,
    0x0040_0000,
    0x2000_0000,
];
/// The same in double precision.
pub const DOUBLES: [u64; 24] = [
    0,
    1,
    0xf_ffff_ffff_ffff,
    0x10_0000_0000_0000,
    0x3ff0_0000_0000_0000,
    0x3ff0_0000_0000_0001,
    0x3ff8_0000_0000_0000,
    0x4004_0000_0000_0000,
    0x4000_0000_0000_0000,
    0x4009_21fb_5444_2d18,
    0x7fef_ffff_ffff_ffff,
    0x7ff0_0000_0000_0000,
    0x7ff8_0000_0000_0000,
    0x7ff8_0000_1234_5678,
    0x7ff0_0000_0000_0001,
    0x7ff5_5555_aaaa_aaaa,
    0x41e0_0000_0000_0000,
    0x41ef_ffff_ffe0_0000,
    0x43e0_0000_0000_0000,
    0x43f0_0000_0000_0000,
    0x3fdf_ffff_ffff_ffff,
    0x380f_ffff_ffff_ffff,
    0x36a0_0000_0000_0000,
    0x47ef_ffff_f000_0000,
];

/// A single, of them or at random.
pub fn single(r: &mut Random) -> u64 {
    let value = match r.below(4) {
        0 => r.next() as u32,
        // Exponents near each other, so that sums cancel and products stay in range.
        1 => 0x3f00_0000 + (r.next() as u32 & 0x01ff_ffff),
        _ => r.pick(&SINGLES),
    };
    u64::from(value ^ (r.next() as u32 & 1 << 31))
}
