//! SHA-1, SHA-256, SHA-512 (FIPS 180-4) in the steps of the cryptographic extension, and SHA-3's XAR and RAX1.
use super::lanes::{extra, get, read, set, write};
use ir::{CallArgs, Helper, Slot, Slots};

fn words(slots: &Slots, at: Slot) -> [u32; 4] {
    let v = read(slots, at);
    std::array::from_fn(|i| get::<4>(&v, i) as u32)
}

fn set_words(slots: &mut Slots, at: Slot, words: [u32; 4]) {
    let mut v = [0; 16];
    (0..4).for_each(|i| set::<4>(&mut v, i, words[i].into()));
    write(slots, at, v);
}

fn choose(x: u32, y: u32, z: u32) -> u32 {
    (y ^ z) & x ^ z
}

fn parity(x: u32, y: u32, z: u32) -> u32 {
    x ^ y ^ z
}

fn majority(x: u32, y: u32, z: u32) -> u32 {
    x & y | (x | y) & z
}

/// Four rounds of SHA-1: d holds a to d, the low word of Vn (`a`) e, Vm (`b`) the schedule.
fn sha1_rounds(slots: &mut Slots, args: CallArgs, f: fn(u32, u32, u32) -> u32) {
    let ([mut a, mut b, mut c, mut d], schedule) = (words(slots, args.c), words(slots, args.b));
    let mut e = slots[args.a.0 as usize] as u32;
    for w in schedule {
        let next = e.wrapping_add(a.rotate_left(5)).wrapping_add(f(b, c, d)).wrapping_add(w);
        (a, b, c, d, e) = (next, a, b.rotate_left(30), c, d);
    }
    set_words(slots, args.d, [a, b, c, d]);
}

pub(crate) static SHA1C: Helper = Helper::pure("sha1c", 2, [1, 2, 2], |s, args| sha1_rounds(s, args, choose));
pub(crate) static SHA1P: Helper = Helper::pure("sha1p", 2, [1, 2, 2], |s, args| sha1_rounds(s, args, parity));
pub(crate) static SHA1M: Helper = Helper::pure("sha1m", 2, [1, 2, 2], |s, args| sha1_rounds(s, args, majority));

pub(crate) static SHA1H: Helper = Helper::pure("sha1h", 2, [1, 0, 0], |slots, args| {
    let a = slots[args.a.0 as usize] as u32;
    set_words(slots, args.d, [a.rotate_left(30), 0, 0, 0]);
});

pub(crate) static SHA1SU0: Helper = Helper::pure("sha1su0", 2, [2, 2, 2], |slots, args| {
    let (d, n, m) = (words(slots, args.c), words(slots, args.a), words(slots, args.b));
    set_words(slots, args.d, [d[2] ^ d[0] ^ m[0], d[3] ^ d[1] ^ m[1], n[0] ^ d[2] ^ m[2], n[1] ^ d[3] ^ m[3]]);
});

pub(crate) static SHA1SU1: Helper = Helper::pure("sha1su1", 2, [2, 0, 2], |slots, args| {
    let (d, n) = (words(slots, args.c), words(slots, args.a));
    let t = [d[0] ^ n[1], d[1] ^ n[2], d[2] ^ n[3], d[3]].map(|word| word.rotate_left(1));
    set_words(slots, args.d, [t[0], t[1], t[2], t[3] ^ t[0].rotate_left(1)]);
});

/// Four rounds of SHA-256 on (x, y); gives both.
fn sha256_rounds(mut x: [u32; 4], mut y: [u32; 4], schedule: [u32; 4]) -> ([u32; 4], [u32; 4]) {
    for w in schedule {
        let sigma0 = x[0].rotate_right(2) ^ x[0].rotate_right(13) ^ x[0].rotate_right(22);
        let sigma1 = y[0].rotate_right(6) ^ y[0].rotate_right(11) ^ y[0].rotate_right(25);
        let t = y[3].wrapping_add(sigma1).wrapping_add(choose(y[0], y[1], y[2])).wrapping_add(w);
        let first = t.wrapping_add(sigma0).wrapping_add(majority(x[0], x[1], x[2]));
        let second = t.wrapping_add(x[3]);
        x = [first, x[0], x[1], x[2]];
        y = [second, y[0], y[1], y[2]];
    }
    (x, y)
}

pub(crate) static SHA256H: Helper = Helper::pure("sha256h", 2, [2, 2, 2], |slots, args| {
    let (x, y, w) = (words(slots, args.c), words(slots, args.a), words(slots, args.b));
    set_words(slots, args.d, sha256_rounds(x, y, w).0);
});

pub(crate) static SHA256H2: Helper = Helper::pure("sha256h2", 2, [2, 2, 2], |slots, args| {
    let (x, y, w) = (words(slots, args.a), words(slots, args.c), words(slots, args.b));
    set_words(slots, args.d, sha256_rounds(x, y, w).1);
});

pub(crate) static SHA256SU0: Helper = Helper::pure("sha256su0", 2, [1, 0, 2], |slots, args| {
    let (d, next) = (words(slots, args.c), slots[args.a.0 as usize] as u32);
    let sigma = |x: u32| x.rotate_right(7) ^ x.rotate_right(18) ^ x >> 3;
    let t = [d[1], d[2], d[3], next];
    set_words(slots, args.d, std::array::from_fn(|i| d[i].wrapping_add(sigma(t[i]))));
});

pub(crate) static SHA256SU1: Helper = Helper::pure("sha256su1", 2, [2, 2, 2], |slots, args| {
    let (d, n, m) = (words(slots, args.c), words(slots, args.a), words(slots, args.b));
    let sigma = |x: u32| x.rotate_right(17) ^ x.rotate_right(19) ^ x >> 10;
    let t = [n[1], n[2], n[3], m[0]];
    let mut out = [0u32; 4];
    for i in 0..4 {
        let earlier = if i < 2 { m[i + 2] } else { out[i - 2] };
        out[i] = sigma(earlier).wrapping_add(d[i]).wrapping_add(t[i]);
    }
    set_words(slots, args.d, out);
});

fn pair(slots: &Slots, at: Slot) -> [u64; 2] {
    [slots[at.0 as usize], slots[at.up(1).0 as usize]]
}

fn set_pair(slots: &mut Slots, at: Slot, pair: [u64; 2]) {
    slots[at.0 as usize] = pair[0];
    slots[at.up(1).0 as usize] = pair[1];
}

pub(crate) static SHA512H: Helper = Helper::pure("sha512h", 2, [2, 2, 2], |slots, args| {
    let (w, x, y) = (pair(slots, args.c), pair(slots, args.a), pair(slots, args.b));
    let sigma1 = |x: u64| x.rotate_right(14) ^ x.rotate_right(18) ^ x.rotate_right(41);
    let choose = |x: u64, y: u64, z: u64| x & y ^ !x & z;
    let high = choose(y[1], x[0], x[1]).wrapping_add(sigma1(y[1])).wrapping_add(w[1]);
    let t = high.wrapping_add(y[0]);
    let low = choose(t, y[1], x[0]).wrapping_add(sigma1(t)).wrapping_add(w[0]);
    set_pair(slots, args.d, [low, high]);
});

pub(crate) static SHA512H2: Helper = Helper::pure("sha512h2", 2, [1, 2, 2], |slots, args| {
    let (w, x, y) = (pair(slots, args.c), slots[args.a.0 as usize], pair(slots, args.b));
    let sigma0 = |x: u64| x.rotate_right(28) ^ x.rotate_right(34) ^ x.rotate_right(39);
    let majority = |x: u64, y: u64, z: u64| x & y ^ x & z ^ y & z;
    let high = majority(x, y[1], y[0]).wrapping_add(sigma0(y[0])).wrapping_add(w[1]);
    let low = majority(high, y[0], y[1]).wrapping_add(sigma0(high)).wrapping_add(w[0]);
    set_pair(slots, args.d, [low, high]);
});

pub(crate) static SHA512SU0: Helper = Helper::pure("sha512su0", 2, [1, 0, 2], |slots, args| {
    let (w, next) = (pair(slots, args.c), slots[args.a.0 as usize]);
    let sigma = |x: u64| x.rotate_right(1) ^ x.rotate_right(8) ^ x >> 7;
    set_pair(slots, args.d, [w[0].wrapping_add(sigma(w[1])), w[1].wrapping_add(sigma(next))]);
});

pub(crate) static SHA512SU1: Helper = Helper::pure("sha512su1", 2, [2, 2, 2], |slots, args| {
    let (w, x, y) = (pair(slots, args.c), pair(slots, args.a), pair(slots, args.b));
    let sigma = |x: u64| x.rotate_right(19) ^ x.rotate_right(61) ^ x >> 6;
    set_pair(slots, args.d, std::array::from_fn(|i| w[i].wrapping_add(sigma(x[i])).wrapping_add(y[i])));
});

/// a ^ b rotated left by one.
pub(crate) static RAX1: Helper = Helper::pure("rax1", 2, [2, 2, 0], |slots, args| {
    let (a, b) = (pair(slots, args.a), pair(slots, args.b));
    set_pair(slots, args.d, std::array::from_fn(|i| a[i] ^ b[i].rotate_left(1)));
});

/// (a ^ b) rotated right by `extra`.
pub(crate) static XAR: Helper = Helper::pure("xar", 2, [2, 2, 0], |slots, args| {
    let (a, b) = (pair(slots, args.a), pair(slots, args.b));
    set_pair(slots, args.d, std::array::from_fn(|i| (a[i] ^ b[i]).rotate_right(extra(args))));
});
