//! XSAVE areas are the host's, byte for byte, and areas of all kinds are restored, or refused, as the host does.
use super::amd;
use super::generate::{self, Random};
use super::machine::{self, DATA, State};
use super::native::Native;

const AREA: usize = 1024;

/// A state in which all components are in use, on the host as here.
fn state(r: &mut Random) -> State {
    let mut s = generate::state(r.next(), &[]);
    s.fxsave[4] |= 1;
    s.ymm[r.below(32) as usize] |= 1;
    s.fxsave[160] |= 1;
    s.gpr[3] = DATA + AREA as u64 + if r.below(16) == 0 { 1 << r.below(8) } else { 0 };
    s.gpr[0] = r.below(8);
    s.gpr[2] = 0;
    s
}

fn form(opcode: u8, group: u8, wide: bool) -> Vec<u8> {
    let rex: &[u8] = if wide { &[0x48] } else { &[] };
    [rex, &[0x0f, opcode, group << 3 | 3]].concat()
}

/// Our state as an AMD processor leaves it.
fn as_amd(before: &State, text: &[u8], mut ours: State) -> State {
    amd::store_image(&mut ours.fxsave);
    if ours.data == before.data {
        return ours;
    }
    let at = (before.gpr[3] - DATA) as usize;
    let area = &mut ours.data[at..];
    if before.gpr[0] & 1 != 0 {
        amd::store_pointers(area);
    }
    // XSAVEC holds it to be SSE's, the others also AVX's.
    if before.gpr[0] & if text.contains(&0xc7) { 2 } else { 6 } != 0 {
        amd::store_mask(area);
    }
    ours
}

fn compare(native: &mut Native, before: &State, text: &[u8]) {
    let mut ours = machine::run(before, text).expect("it traps");
    if native.is_amd {
        ours = as_amd(before, text, ours);
    }
    let theirs = native.run(before, text);
    for (at, (a, b)) in ours.data.iter().zip(&theirs.data).enumerate() {
        assert_eq!(a, b, "{text:02x?}: byte {at:#x} with eax {:x}", before.gpr[0]);
    }
    let seen = |s: &State| (s.signal, s.code, s.address, s.gpr);
    assert_eq!(seen(&ours), seen(&theirs), "{text:02x?} {:x?}", &before.data[AREA..][512..576]);
    if ours.signal == 11 {
        // Processors may have restored some of it before they refuse the rest; here nothing has changed.
        return;
    }
    assert_eq!(ours.ymm, theirs.ymm, "{text:02x?}");
    // What is behind the registers is the kernel's.
    assert_eq!(ours.fxsave[..416], theirs.fxsave[..416], "{text:02x?} with eax {:x}", before.gpr[0]);
}

#[test]
fn areas_are_the_hosts() {
    let mut native = match Native::start() {
        Ok(native) => native,
        Err(why) => return println!("skipped: {why}"),
    };
    if !std::is_x86_feature_detected!("xsavec") || !std::is_x86_feature_detected!("avx") {
        return println!("skipped: the host has no XSAVEC");
    }
    let mut r = Random(1);
    for _ in 0..3000 {
        let wide = r.below(2) == 0;
        let before = state(&mut r);
        // XSAVE, XSAVEOPT, XSAVEC.
        let (opcode, group) = [(0xae, 4), (0xae, 6), (0xc7, 4)][r.below(3) as usize];
        compare(&mut native, &before, &form(opcode, group, wide));
        // An area to restore, its header mostly right.
        let mut before = state(&mut r);
        let area = &mut before.data[AREA..];
        area[512..576].fill(0);
        area[512] = r.below(8) as u8;
        if r.below(3) == 0 {
            area[520..528].copy_from_slice(&(1u64 << 63 | r.below(8)).to_le_bytes());
        }
        if r.below(4) != 0 {
            area[24..28].copy_from_slice(&(0x1f80u32 | (r.next() as u32) << 13 & 0x6000).to_le_bytes());
        }
        if r.below(4) == 0 {
            // The host may have AVX-512's components, PKRU and AMX's, not MPX's.
            let at = r.below(64) as usize;
            let bit = if matches!(at, 0 | 8) { 3 + r.below(2) } else { r.below(8) };
            if !matches!((at, bit), (1 | 9, 1) | (2 | 10, 1 | 2)) {
                area[512 + at] |= 1 << bit;
            }
        }
        // Selectors of the 32-bit image are not kept; neither are reserved bits of the opcode.
        area[7] &= 7;
        compare(&mut native, &before, &form(0xae, 5, wide));
    }
}
