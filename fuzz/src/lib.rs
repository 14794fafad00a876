//! What the fuzz targets do with their bytes. The properties are those of `tests/hostile.rs`.
#[path = "../../tests/support/adversary.rs"]
#[allow(dead_code, unreachable_pub)]
mod adversary;
#[path = "../../tests/support/raw.rs"]
#[allow(dead_code, unreachable_pub)]
mod raw;
#[path = "../../tests/support/tiers.rs"]
#[allow(dead_code, unreachable_pub)]
mod tiers;

use adversary::{AnyCode, AnyFrame, steps, tiny_boot};
use minikern::{ARCHES, Machine};
use raw::Code;
use std::cell::RefCell;

thread_local! {
    static CODE: RefCell<Option<AnyCode>> = const { RefCell::new(None) };
    static FRAMES: RefCell<Vec<AnyFrame>> = const { RefCell::new(Vec::new()) };
    static SAVED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The bytes as registers, memory and code of an architecture.
pub fn code(arch: &str, input: &[u8]) {
    CODE.with_borrow_mut(|code| code.get_or_insert_with(|| AnyCode::new(arch)).check(input));
}

/// The bytes as code of an architecture, compiled against interpreted: the first says which.
pub fn jit(input: &[u8]) {
    tiers::check_any(input);
}

/// The bytes over a signal frame: the first says of which architecture.
pub fn frames(input: &[u8]) {
    let Some((&first, damage)) = input.split_first() else { return };
    FRAMES.with_borrow_mut(|frames| {
        if frames.is_empty() {
            frames.extend(ARCHES.iter().map(|arch| AnyFrame::new(arch.name)));
        }
        let count = frames.len();
        frames[usize::from(first) % count].check(damage);
    });
}

/// `good` with the bytes over it: an offset (two bytes) and what is there.
fn patched(mut good: Vec<u8>, patches: &[u8]) -> Vec<u8> {
    for patch in patches.as_chunks::<3>().0 {
        let at = usize::from(u16::from_le_bytes([patch[0], patch[1]])) % good.len();
        good[at] = patch[2];
    }
    good
}

/// A program that is given as it is, or a good one with changes.
pub fn elf(input: &[u8]) {
    let Some((&first, rest)) = input.split_first() else { return };
    let program = if first < 64 {
        rest.to_vec()
    } else {
        let mut code = Code::new(ARCHES[usize::from(first) % ARCHES.len()].name);
        code.call(code.numbers().exit_group, [0; 6]);
        let mut program = code.program();
        program.truncate(4096 + rest.len());
        patched(program, rest)
    };
    if let Ok(mut machine) = Machine::boot(&tiny_boot(&program)) {
        steps(&mut machine, 20, 1000);
    }
}

/// An image, compressed or not, or a good archive with changes.
pub fn image(input: &[u8]) {
    let Some((&first, rest)) = input.split_first() else { return };
    let image = if first < 128 {
        let Ok(image) = minikern::image::unpack(rest, 4 << 20) else { return };
        image
    } else {
        patched(tiny_boot(b"#!/program\n").initramfs, rest)
    };
    let mut boot = tiny_boot(&[]);
    boot.initramfs = image;
    boot.config.memory = 4 << 20;
    let _ = Machine::boot(&boot);
}

/// A saved machine, or a good one with changes, which its checksum tells.
pub fn saved(input: &[u8]) {
    let Some((&first, rest)) = input.split_first() else { return };
    let file = if first < 64 {
        rest.to_vec()
    } else {
        let good = SAVED.with_borrow_mut(|saved| {
            if saved.is_empty() {
                let machine = Machine::boot(&tiny_boot(&Code::new(ARCHES[0].name).program())).expect("it boots");
                *saved = machine.save().expect("a machine that can be saved");
            }
            saved.clone()
        });
        patched(good, rest)
    };
    let _ = Machine::load(&file);
}
