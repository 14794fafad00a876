//! Executable memory, the call into it, and what compiled code calls back: the door of unsafe code here, besides `fault`.
//!
//! Code memory is mapped twice, once to be written and once to be executed, so no page is ever both. Compiled code touches
//! five things: the frame of the run, the register file, guest pages through the view's table, whose entries lead to
//! whole live pages (see `mmu::view`), its guesses of such entries, and a window, where there is nothing but such pages;
//! every access is checked to stay inside the page it looked up, or inside the window and what is free around it.
#![allow(unsafe_code)]
use crate::asm::Asm;
use crate::fault::{self, Landing};
use crate::jumps::{LINE, LINES};
use crate::traps::trial;
use engine::{Clock, Leave};
use ir::{Op, Slots, Trap};
use mmu::{Access, Memory, PAGE_SHIFT, PAGE_SIZE, Stop};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::mm::{MapFlags, MprotectFlags, MremapFlags, ProtFlags, mmap, mmap_anonymous, mprotect, mremap, munmap};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;

/// Loads guess the addend of their page, so that they need not wait for the table; each has one of these cells to remember
/// the last one in, or shares it. Whether the guess was right is always looked up.
pub(crate) const GUESSES: usize = 1 << 13;

/// No page's addend: those are whole pages.
const NO_GUESS: u64 = 1;

/// Behind the guesses: how many more may be wrong until the block that is there has to do without. One of so many
/// instructions is worth it; what has been right for long may be wrong for a while.
pub(crate) const WRONG: usize = GUESSES * size_of::<u64>();
pub(crate) const PATIENCE: i64 = 256;
const MOST_PATIENCE: i64 = 4096;
const WORTH: u64 = 128;
const DATA: usize = WRONG + size_of::<u64>();

/// Memory for code, and behind it for guesses.
pub(crate) struct CodeMemory {
    writable: NonNull<u8>,
    executable: NonNull<u8>,
    len: usize,
    used: usize,
    patience: i64,
}

impl CodeMemory {
    /// `None` if the host has no templates or does not lend such memory.
    pub(crate) fn reserve(len: usize, patience: i64) -> Option<CodeMemory> {
        let whole = len + DATA;
        if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
            return None;
        }
        let (writable, executable) = mapped_twice(whole).or_else(|| mapped_twice_by_name(whole))?;
        // SAFETY: the code's part of the second mapping, which nobody has used.
        if unsafe { mprotect(executable.as_ptr().cast(), len, MprotectFlags::READ | MprotectFlags::EXEC) }.is_err() {
            unmap(writable, whole);
            unmap(executable, whole);
            return None;
        }
        let mut code = CodeMemory { writable, executable, len, used: 0, patience };
        (0..GUESSES).for_each(|i| *code.data(i * size_of::<u64>()) = NO_GUESS);
        *code.data(WRONG) = patience as u64;
        Some(code)
    }

    /// A cell behind the code.
    fn data(&mut self, offset: usize) -> &mut u64 {
        assert!(offset < DATA && offset.is_multiple_of(size_of::<u64>()));
        // SAFETY: inside the mapping, and aligned: `len` is whole pages. No code runs meanwhile.
        unsafe { self.writable.add(self.len + offset).cast::<u64>().as_mut() }
    }

    /// So many instructions have run in compiled code.
    pub(crate) fn has_run(&mut self, instructions: u64) {
        let left = *self.data(WRONG) as i64;
        *self.data(WRONG) = match left {
            ..0 => self.patience as u64,
            _ => (left as u64 + instructions / WORTH).min(MOST_PATIENCE.max(self.patience) as u64),
        };
    }

    /// Whether floating-point exceptions that are not masked can be caught: it is tried, in memory that code will be in.
    pub(crate) fn traps(&mut self) -> bool {
        let start = self.used;
        let mut asm = Asm::new(self.address(start));
        let (at, to) = trial(&mut asm);
        if self.append(&asm.bytes).is_none() {
            return false;
        }
        let landings = [Landing { at: (start + at) as u32, to: (start + to) as u32 }];
        let entry = self.address(start);
        // SAFETY: `trial` wrote a function of this signature there, which touches its stack alone and leaves MXCSR as it was.
        let caught = fault::within(self.address(0)..self.address(self.used), &landings, || unsafe {
            std::mem::transmute::<usize, extern "C" fn() -> u32>(entry)()
        });
        self.truncate(start);
        caught == 1
    }

    /// The address code at `offset` is executed at.
    pub(crate) fn address(&self, offset: usize) -> usize {
        self.executable.as_ptr().addr() + offset
    }

    pub(crate) fn used(&self) -> usize {
        self.used
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Appends code; `None` if it does not fit. Gives its offset.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Option<usize> {
        let at = self.used;
        if bytes.len() > self.len - at {
            return None;
        }
        // SAFETY: `at + bytes.len()` is inside the mapping, which only this value writes; no code runs meanwhile.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.writable.add(at).as_ptr(), bytes.len()) };
        self.used = (at + bytes.len()).next_multiple_of(16).min(self.len);
        Some(at)
    }

    /// Replaces four bytes of code.
    pub(crate) fn patch(&mut self, offset: usize, value: u32) {
        assert!(offset + 4 <= self.used, "only code that is there is patched");
        // SAFETY: inside the mapping by the line above; no code runs meanwhile.
        unsafe { self.writable.add(offset).cast::<[u8; 4]>().write(value.to_le_bytes()) };
    }

    pub(crate) fn bytes(&self, offset: usize, len: usize) -> &[u8] {
        assert!(offset + len <= self.used);
        // SAFETY: inside the mapping by the line above; writing needs `&mut self`, which this borrow excludes.
        unsafe { std::slice::from_raw_parts(self.writable.add(offset).as_ptr(), len) }
    }

    /// Forgets all code from `offset` on.
    pub(crate) fn truncate(&mut self, offset: usize) {
        self.used = offset;
    }
}

impl Drop for CodeMemory {
    fn drop(&mut self) {
        let whole = self.len + DATA;
        unmap(self.writable, whole);
        unmap(self.executable, whole);
    }
}

/// Memory to be written, at two addresses; perf looks for maps of code only in memory without a file's name.
fn mapped_twice(len: usize) -> Option<(NonNull<u8>, NonNull<u8>)> {
    let (prot, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
    // SAFETY: a new mapping at an address of the host's choice touches no other memory.
    let one = unsafe { mmap_anonymous(std::ptr::null_mut(), len, prot, flags) };
    let one = NonNull::new(one.ok()?.cast::<u8>())?;
    // No length: the same pages once more (mremap(2)).
    // SAFETY: a new mapping again; the old one stays.
    let other = unsafe { mremap(one.as_ptr().cast(), 0, len, MremapFlags::MAYMOVE) };
    let other = other.ok().and_then(|at| NonNull::new(at.cast::<u8>()));
    if other.is_none() {
        unmap(one, len);
    }
    Some((one, other?))
}

/// The same where mremap does not do so: under valgrind.
fn mapped_twice_by_name(len: usize) -> Option<(NonNull<u8>, NonNull<u8>)> {
    let file = memfd_create("minikern code", MemfdFlags::CLOEXEC).ok()?;
    ftruncate(&file, len as u64).ok()?;
    let map = || {
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new mapping at an address of the host's choice touches no other memory; nobody else has the file.
        let at = unsafe { mmap(std::ptr::null_mut(), len, prot, MapFlags::SHARED, &file, 0) };
        at.ok().and_then(|at| NonNull::new(at.cast::<u8>()))
    };
    let (one, other) = (map()?, map());
    if other.is_none() {
        unmap(one, len);
    }
    Some((one, other?))
}

fn unmap(at: NonNull<u8>, len: usize) {
    // SAFETY: mapped above with this length, and borrowed by nobody any more.
    let unmapped = unsafe { munmap(at.as_ptr().cast(), len) };
    debug_assert!(unmapped.is_ok());
}

/// What a run of compiled code works on. Compiled code reaches the first fields by their offset.
#[repr(C)]
pub(crate) struct Frame<'a, 'm> {
    slots: *mut Slots,
    table: *const u64,
    pub(crate) left: i64,
    context: u64,
    jumps: *const u64,
    /// What compiled code finds memory by: the table once more, or the window.
    memory: u64,
    /// Where an indirect jump goes that was not in the jump cache.
    pub(crate) pc: u64,
    /// Bytes of an access that the slow path makes.
    bounce: [u8; 32],
    ops: &'a [Op],
    mem: &'a mut Memory<'m>,
    clock: &'a Clock,
    budget: u64,
    /// Why an operation could not complete.
    pub(crate) leave: Option<Leave>,
    /// A callback panicked, which compiled code cannot unwind: goes on where it was entered.
    panic: Option<Box<dyn Any + Send>>,
    pub(crate) slow_accesses: u64,
    /// In debug builds, pages whose addends have been checked since the last callback that can change any: key and addend.
    verified: Vec<(u64, u64)>,
}

/// Offsets of what code knows of a frame.
pub(crate) mod offset {
    use super::Frame;
    use std::mem::offset_of;
    pub(crate) const SLOTS: i32 = offset_of!(Frame<'_, '_>, slots) as i32;
    pub(crate) const TABLE: i32 = offset_of!(Frame<'_, '_>, table) as i32;
    pub(crate) const LEFT: i32 = offset_of!(Frame<'_, '_>, left) as i32;
    pub(crate) const CONTEXT: i32 = offset_of!(Frame<'_, '_>, context) as i32;
    pub(crate) const JUMPS: i32 = offset_of!(Frame<'_, '_>, jumps) as i32;
    pub(crate) const MEMORY: i32 = offset_of!(Frame<'_, '_>, memory) as i32;
    pub(crate) const PC: i32 = offset_of!(Frame<'_, '_>, pc) as i32;
    pub(crate) const BOUNCE: i32 = offset_of!(Frame<'_, '_>, bounce) as i32;
}

/// What a frame is made of.
pub(crate) struct Run<'a, 'm> {
    pub(crate) slots: &'a mut Slots,
    pub(crate) mem: &'a mut Memory<'m>,
    pub(crate) clock: &'a Clock,
    pub(crate) budget: u64,
    pub(crate) left: u64,
    pub(crate) context: u32,
    pub(crate) windowed: bool,
    /// The jump cache's lines.
    pub(crate) jumps: &'a [u64],
    pub(crate) ops: &'a [Op],
}

impl<'a, 'm> Frame<'a, 'm> {
    /// `None` if the memory has no view, or no window for code that wants one.
    pub(crate) fn new(run: Run<'a, 'm>) -> Option<Frame<'a, 'm>> {
        assert_eq!(size_of_val(run.jumps), LINES * LINE);
        let table = run.mem.view_table()?;
        Some(Frame {
            slots: run.slots,
            table,
            left: run.left as i64,
            context: run.context.into(),
            jumps: run.jumps.as_ptr(),
            memory: if run.windowed { run.mem.window()? } else { table.addr() as u64 },
            pc: 0,
            bounce: [0; 32],
            ops: run.ops,
            mem: run.mem,
            clock: run.clock,
            budget: run.budget,
            leave: None,
            panic: None,
            slow_accesses: 0,
            verified: Vec::new(),
        })
    }
}

/// Runs the code at `entry` by way of the `enter` thunk; gives the number of the exit it left by.
pub(crate) fn enter(
    code: &CodeMemory,
    landings: &[Landing],
    enter: usize,
    entry: usize,
    frame: &mut Frame<'_, '_>,
) -> u32 {
    let inside = code.address(0)..code.address(code.used);
    assert!(inside.contains(&enter) && inside.contains(&entry));
    // SAFETY: `enter` is the address of the thunk that `crate::thunks` wrote for this signature, in memory that `code` keeps
    // executable. It and all code it reaches keep to the calling convention and touch the frame, the register file and
    // guest pages alone; the frame is borrowed for the whole call.
    let exit = fault::within(inside, landings, || unsafe {
        let function: extern "C" fn(*mut Frame<'_, '_>, usize) -> u32 = std::mem::transmute(enter);
        function(frame, entry)
    });
    if let Some(panic) = frame.panic.take() {
        resume_unwind(panic);
    }
    exit
}

/// Addresses of what compiled code calls.
pub(crate) fn callbacks() -> Callbacks {
    Callbacks {
        load: load as *const () as usize,
        store: store as *const () as usize,
        exec: exec as *const () as usize,
        time: time as *const () as usize,
        misaligned: misaligned as *const () as usize,
        verify: verify as *const () as usize,
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Callbacks {
    pub(crate) load: usize,
    pub(crate) store: usize,
    pub(crate) exec: usize,
    pub(crate) time: usize,
    pub(crate) misaligned: usize,
    pub(crate) verify: usize,
}

/// Does what a callback is for. Compiled code takes 0 for a stop; the frame knows why.
fn attempt<'a, 'm>(frame: &mut Frame<'a, 'm>, what: impl FnOnce(&mut Frame<'a, 'm>) -> Result<(), Leave>) -> u32 {
    frame.verified.clear();
    match catch_unwind(AssertUnwindSafe(|| what(frame))) {
        Ok(Ok(())) => 1,
        Ok(Err(why)) => {
            frame.leave = Some(why);
            0
        }
        Err(panic) => {
            frame.panic = Some(panic);
            0
        }
    }
}

/// Reads guest memory into the frame's buffer.
///
/// # Safety
/// `frame` is that of the run under way, to which no other reference is in use.
unsafe extern "C" fn load(frame: *mut Frame<'_, '_>, addr: u64, len: usize) -> u32 {
    // SAFETY: by the function's contract.
    let frame = unsafe { &mut *frame };
    frame.slow_accesses += 1;
    attempt(frame, |frame| frame.mem.read(addr, &mut frame.bounce[..len]).map_err(Stop::into))
}

/// Writes guest memory from the frame's buffer.
///
/// # Safety
/// As for `load`.
unsafe extern "C" fn store(frame: *mut Frame<'_, '_>, addr: u64, len: usize) -> u32 {
    // SAFETY: by the function's contract.
    let frame = unsafe { &mut *frame };
    frame.slow_accesses += 1;
    attempt(frame, |frame| frame.mem.write(addr, &frame.bounce[..len]).map_err(Stop::into))
}

/// Executes one operation as the interpreter does.
///
/// # Safety
/// As for `load`; the register file holds all that the operation reads.
unsafe extern "C" fn exec(frame: *mut Frame<'_, '_>, index: usize) -> u32 {
    // SAFETY: by the function's contract.
    let frame = unsafe { &mut *frame };
    // SAFETY: the register file is borrowed by the run, and only through this pointer while it lasts.
    let slots = unsafe { &mut *frame.slots };
    attempt(frame, |frame| engine::exec(&frame.ops[index], slots, frame.mem, frame.clock, 0))
}

/// In debug builds, before every access that compiled code makes itself: it goes where the page table says, or into the frame's
/// buffer, or (with no `host`) through the window. Else the process ends here, before it has touched anything.
///
/// # Safety
/// As for `load`.
unsafe extern "C" fn verify(frame: *mut Frame<'_, '_>, addr: u64, host: u64, len: usize, writes: u32) {
    // SAFETY: by the function's contract.
    let frame = unsafe { &mut *frame };
    if host.wrapping_sub(frame.bounce.as_ptr().addr() as u64) <= (frame.bounce.len() - len) as u64 {
        return;
    }
    // A page that was right once is so until the next callback: only those change page tables.
    let (page, offset) = (addr >> PAGE_SHIFT, addr % PAGE_SIZE);
    let through = host == 0;
    let line = (page << 1 | u64::from(writes != 0), if through { 0 } else { host.wrapping_sub(addr) });
    let at = line.0 as usize % VERIFIED;
    frame.verified.resize(VERIFIED, (u64::MAX, 0));
    if frame.verified[at] == line && offset + len as u64 <= PAGE_SIZE {
        return;
    }
    let right = match (through, writes != 0) {
        (false, writes) => !goes_elsewhere(frame.mem, addr, len, writes, host),
        (true, true) => frame.mem.window_agrees(addr, len, Access::Write),
        (true, false) => frame.mem.window_agrees(addr, len, Access::Read),
    };
    assert!(right, "compiled code takes {host:#x} for the guest's {addr:#x}, {len} bytes, writes {writes}");
    frame.verified[at] = line;
}

/// How many pages are remembered so.
const VERIFIED: usize = 32;

/// Whether an access would touch anything but the bytes at `addr`.
fn goes_elsewhere(mem: &Memory<'_>, addr: u64, len: usize, writes: bool, host: u64) -> bool {
    let access = if writes { Access::Write } else { Access::Read };
    mem.host_address(addr, len, access) != Some(host)
}

/// Notes that an access is not aligned.
///
/// # Safety
/// As for `load`.
unsafe extern "C" fn misaligned(frame: *mut Frame<'_, '_>, addr: u64) {
    // SAFETY: by the function's contract.
    let frame = unsafe { &mut *frame };
    frame.leave = Some(Leave::Trap(Trap::Alignment { addr }));
}

/// The time when `left` instructions of the budget are left.
///
/// # Safety
/// As for `load`.
unsafe extern "C" fn time(frame: *mut Frame<'_, '_>, left: u64) -> u64 {
    // SAFETY: by the function's contract.
    let frame = unsafe { &mut *frame };
    frame.clock.at(frame.budget.wrapping_sub(left))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mmu::{FramePool, Perms, Pte};

    #[test]
    fn an_access_that_goes_elsewhere_is_told() {
        let mut pool = FramePool::new(2);
        let mut space = pool.new_space();
        let perms = Perms { read: true, write: false, execute: false };
        let frame = pool.alloc().expect("a frame");
        space.map(&mut pool, PAGE_SIZE, Pte { frame, perms });
        let host = pool.bytes(frame).as_ptr().addr() as u64;
        let mem = Memory::new(&mut space, &mut pool, 1, u64::MAX);
        let elsewhere = |addr, len, writes, host| goes_elsewhere(&mem, addr, len, writes, host);
        assert!(!elsewhere(PAGE_SIZE + 8, 8, false, host + 8));
        assert!(elsewhere(PAGE_SIZE + 8, 8, false, host), "another byte");
        assert!(elsewhere(PAGE_SIZE + 8, 8, true, host + 8), "a page that is not to be written");
        assert!(elsewhere(2 * PAGE_SIZE - 7, 8, false, host + PAGE_SIZE - 7), "over the end of the page");
        assert!(elsewhere(0, 8, false, host), "a page that is not there");
    }

    #[test]
    fn memory_that_is_mapped_twice_is_the_same() {
        for twice in [mapped_twice, mapped_twice_by_name] {
            let Some((one, other)) = twice(1 << 16) else { continue };
            // SAFETY: inside both mappings, which nobody else has.
            let seen = unsafe {
                one.add(5000).write(7);
                other.add(5000).read()
            };
            assert_eq!(seen, 7);
            unmap(one, 1 << 16);
            unmap(other, 1 << 16);
        }
    }

    /// Perf asks perf-PID.map only for executable memory whose name is one of a few (tools/perf/util/map.c: is_anon_memory).
    #[test]
    fn code_is_executable_and_not_writable_under_a_name_that_perf_knows() {
        let Some(mut code) = CodeMemory::reserve(1 << 20, PATIENCE) else { return };
        let at = code.append(&[0xc3]).unwrap();
        assert_eq!(code.bytes(at, 1), [0xc3]);
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let of = |address: usize| {
            maps.lines().find(|line| {
                let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
                let number = |text| usize::from_str_radix(text, 16).unwrap();
                (number(from)..number(to)).contains(&address)
            })
        };
        let (executed, written) = (of(code.address(at)).unwrap(), of(code.writable.as_ptr().addr()).unwrap());
        assert!(executed.contains(" r-xs ") && executed.contains(" /dev/zero"), "{executed}");
        assert!(written.contains(" rw-s "), "{written}");
    }
}
