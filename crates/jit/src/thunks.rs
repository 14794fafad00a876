//! Code that all blocks share: the way in, the way out, and the calls of slow paths.
//!
//! While compiled code runs, rbp points into the register file (at slot [`BIAS`]), r15 at the middle of the view's table or the
//! window, and r14 holds what is left of the budget. rax, rcx and rdx are free for every template; the rest, [`CACHE`], is a cache
//! of slots. Between blocks the first of it hold the guest registers that the architecture uses most. On the stack are the
//! frame's address and copies of what blocks ask for often.
use crate::asm::*;
use crate::cache::Pinned;
use crate::code::{Callbacks, offset};
use crate::homes::HOMES;
use crate::traps::TRAPPING;
use ir::{MemTy, Slot};

/// The slot rbp points at, so that the first 32 are in reach of a short displacement.
pub(crate) const BIAS: i32 = 16;
/// Registers that cache slots.
pub(crate) const CACHE: [Reg; 9] = [RBX, R12, R13, R10, R11, R9, RSI, RDI, R8];
/// How many of them, the first, hold pinned guest registers between blocks.
pub(crate) const PINS: usize = 6;
/// What a call does not keep, of both, and rcx, which holds the address of an access. With the return address they leave
/// the stack aligned as a call wants it.
const UNSAVED: [Reg; 7] = [RCX, RSI, RDI, R8, R9, R10, R11];
/// What the host's calling convention wants back.
const KEPT: [Reg; 6] = [RBP, RBX, R12, R13, R14, R15];

/// rsp-relative: the frame's address, the context, the jump cache, the middle of the view's table, the end of windows; MXCSR as
/// compiled code has it where it lets the host trap, and as all else has it.
const STACK_FRAME: i32 = 0;
pub(crate) const STACK_CONTEXT: i32 = 8;
pub(crate) const STACK_JUMPS: i32 = 16;
pub(crate) const STACK_TABLE: i32 = 24;
pub(crate) const STACK_END: i32 = 32;
pub(crate) const STACK_TRAPPING: i32 = 40;
pub(crate) const STACK_MASKED: i32 = 44;
const STACK_BYTES: i32 = 56;

/// Where a slot is in memory.
pub(crate) fn slot(s: Slot) -> Mem {
    Mem::at(RBP, (s.0 as i32 - BIAS) * 8)
}

/// Addresses of the code that all architectures share.
#[derive(Clone, Copy)]
pub(crate) struct Thunks {
    /// rcx = guest address; gives in rdx what to add to it for the host's, or sets CF after a stop. By log2 of the bytes.
    pub(crate) load: [usize; 6],
    /// The same by way of the frame's buffer, whatever the view has.
    pub(crate) read: [usize; 6],
    /// As `load`, but CF means: store to where rdx says, then call `commit`.
    pub(crate) store: [usize; 6],
    /// rdx = what to add to rcx for the frame's buffer.
    pub(crate) bounce: usize,
    /// Writes what was stored in the buffer; CF after a stop.
    pub(crate) commit: [usize; 6],
    /// eax = index of an operation for the interpreter; CF after a stop.
    pub(crate) exec: usize,
    /// The same for one without floating point, where no home is to be kept.
    pub(crate) exec_plain: usize,
    /// rcx = an address that is not aligned.
    pub(crate) misaligned: usize,
    /// rax = budget left; gives the time in rax.
    pub(crate) time: usize,
    /// In debug builds: ends the process unless an access at rcx, with the addend in rdx, goes where it should. Called with one word
    /// on the stack; keeps all registers and xmm0 and xmm1. For loads and for stores, by log2 of the bytes.
    pub(crate) verify: [[usize; 6]; 2],
    /// The same for an access through the window.
    pub(crate) verify_window: [[usize; 6]; 2],
}

/// The ways in and out for what one architecture pins.
pub(crate) struct Gate {
    pub(crate) enter: usize,
    /// eax = number of the exit.
    pub(crate) exit: usize,
    /// The same, when the register file has all of the guest's registers.
    pub(crate) exit_raw: usize,
    /// rax = an address that nothing is known of.
    pub(crate) exit_jump: usize,
}

/// The exit number of a jump to `Frame::pc`.
pub(crate) const EXIT_JUMP: u32 = 0;

/// `traps`: for code that has floating-point exceptions unmasked.
pub(crate) fn gate(asm: &mut Asm, pinned: &Pinned, traps: bool) -> Gate {
    let pins = || pinned.iter().zip(CACHE).filter_map(|(s, r)| s.map(|s| (s, r)));
    let at = |asm: &Asm| asm.base + asm.here();
    let enter = at(asm);
    for r in KEPT {
        asm.push(r);
    }
    asm.alu_imm(Alu::Sub, true, RSP, STACK_BYTES);
    asm.store(ir::Ty::I64, Mem::at(RSP, STACK_FRAME), RDI);
    for (from, to) in [(offset::CONTEXT, STACK_CONTEXT), (offset::JUMPS, STACK_JUMPS), (offset::TABLE, STACK_TABLE)] {
        asm.mov(RAX, Mem::at(RDI, from));
        asm.store(ir::Ty::I64, Mem::at(RSP, to), RAX);
    }
    asm.mov_imm(RAX, 1 << mmu::VIEW_ADDRESS_BITS);
    asm.store(ir::Ty::I64, Mem::at(RSP, STACK_END), RAX);
    if traps {
        asm.store_imm(Mem::at(RSP, STACK_TRAPPING), TRAPPING);
        asm.stmxcsr(Mem::at(RSP, STACK_MASKED));
        asm.ldmxcsr(Mem::at(RSP, STACK_TRAPPING));
    }
    asm.mov(RBP, Mem::at(RDI, offset::SLOTS));
    asm.alu_imm(Alu::Add, true, RBP, BIAS * 8);
    asm.mov(R15, Mem::at(RDI, offset::MEMORY));
    asm.mov(R14, Mem::at(RDI, offset::LEFT));
    asm.mov(RAX, RSI);
    for (s, r) in pins() {
        asm.mov(r, slot(s));
    }
    asm.jmp_rm(RAX);

    let exit_jump = at(asm);
    asm.mov(RCX, Mem::at(RSP, STACK_FRAME));
    asm.store(ir::Ty::I64, Mem::at(RCX, offset::PC), RAX);
    asm.mov_imm(RAX, EXIT_JUMP.into());
    let exit = at(asm);
    for (s, r) in pins() {
        asm.store(ir::Ty::I64, slot(s), r);
    }
    let exit_raw = at(asm);
    asm.mov(RCX, Mem::at(RSP, STACK_FRAME));
    asm.store(ir::Ty::I64, Mem::at(RCX, offset::LEFT), R14);
    if traps {
        asm.ldmxcsr(Mem::at(RSP, STACK_MASKED));
    }
    asm.alu_imm(Alu::Add, true, RSP, STACK_BYTES);
    for r in KEPT.into_iter().rev() {
        asm.pop(r);
    }
    asm.ret();
    Gate { enter, exit, exit_raw, exit_jump }
}

/// Calls a callback with the frame and what `arguments` sets up (from rax, rcx and rdx) in rsi, rdx, rcx and r8. Keeps all but rax
/// and rdx.
fn call(asm: &mut Asm, traps: bool, callback: usize, arguments: impl FnOnce(&mut Asm)) {
    call_with(asm, traps, 0, callback, arguments);
}

/// The same with so many bytes on the stack besides the return address.
fn call_with(asm: &mut Asm, traps: bool, bytes: i32, callback: usize, arguments: impl FnOnce(&mut Asm)) {
    let on_stack = |at: i32| Mem::at(RSP, at + 8 + bytes + 8 * UNSAVED.len() as i32);
    for r in UNSAVED {
        asm.push(r);
    }
    arguments(asm);
    asm.mov(RDI, on_stack(STACK_FRAME));
    asm.mov_imm(RAX, callback as u64);
    if traps {
        asm.ldmxcsr(on_stack(STACK_MASKED));
        let room = 8 * HOMES.len() as i32;
        let kept = |x: u8| Mem::at(RSP, 8 * i32::from(x - HOMES.start));
        asm.lea(RSP, Mem::at(RSP, -room));
        HOMES.for_each(|x| asm.sse(P66, 0xd6, Reg(x), kept(x)));
        asm.call_rm(RAX);
        HOMES.for_each(|x| asm.sse(PF3, 0x7e, Reg(x), kept(x)));
        asm.lea(RSP, Mem::at(RSP, room));
        asm.ldmxcsr(on_stack(STACK_TRAPPING));
    } else {
        asm.call_rm(RAX);
    }
    for r in UNSAVED.into_iter().rev() {
        asm.pop(r);
    }
}

/// Calls `verify` for an access and keeps what one may need: all registers, and the vectors that are stored.
fn verify(asm: &mut Asm, traps: bool, callback: usize, bytes: u64, writes: bool, through: bool) {
    const VECTORS: i32 = 2;
    asm.push(RAX);
    asm.push(RDX);
    // Eight more to keep the stack as a call wants it.
    const ROOM: i32 = 16 * VECTORS + 8;
    asm.lea(RSP, Mem::at(RSP, -ROOM));
    (0..VECTORS).for_each(|i| asm.store128(Mem::at(RSP, 16 * i), Reg(i as u8)));
    // Those two, and the word that was there before.
    call_with(asm, traps, ROOM + 8 * 3, callback, |asm| {
        asm.mov(RSI, RCX);
        if through {
            asm.mov_imm(RDX, 0);
        } else {
            asm.alu(Alu::Add, true, RDX, RCX);
        }
        asm.mov_imm(RCX, bytes);
        asm.mov_imm(R8, writes.into());
    });
    (0..VECTORS).for_each(|i| asm.load128(Reg(i as u8), Mem::at(RSP, 16 * i)));
    asm.lea(RSP, Mem::at(RSP, ROOM));
    asm.pop(RDX);
    asm.pop(RAX);
    asm.ret();
}

/// rdx = what to add to rcx to get into the frame's buffer.
fn bounce(asm: &mut Asm) {
    asm.mov(RDX, Mem::at(RSP, STACK_FRAME + 8));
    asm.alu_imm(Alu::Add, true, RDX, offset::BOUNCE);
    asm.alu(Alu::Sub, true, RDX, RCX);
}

/// An access that its inline check refused: again for any alignment, by the last byte being in the same page. Returns with
/// rdx if the view has the page, and else goes on.
fn again(asm: &mut Asm, bytes: i32, writes: bool) {
    asm.lea(RDX, Mem::at(RCX, bytes - 1));
    asm.alu(Alu::Xor, true, RDX, RCX);
    asm.shift_imm(Shift::Shr, ir::Ty::I64, RDX, mmu::PAGE_SHIFT as u8);
    let crosses = asm.jcc_short(Cc::NE);
    asm.mov(RAX, RCX);
    asm.shift_imm(Shift::Shr, ir::Ty::I64, RAX, mmu::PAGE_SHIFT as u8);
    asm.alu_imm(Alu::Cmp, true, RAX, mmu::VIEW_PAGES as i32);
    let beyond = asm.jcc_short(Cc::AE);
    asm.mov(RDX, Mem::at(RSP, STACK_TABLE + 8));
    asm.mov(RDX, addend(RDX, RAX, writes));
    asm.test(ir::Ty::I64, RDX, RDX);
    let unknown = asm.jcc_short(Cc::E);
    asm.ret();
    for jump in [crosses, beyond, unknown] {
        asm.bind_short(jump);
    }
}

/// The entry for a page of the table whose middle is in a register.
pub(crate) fn addend(table: Reg, page: Reg, writes: bool) -> Mem {
    const { assert!(mmu::VIEW_PAGES * 8 == 1 << 31) };
    Mem { base: table, index: Some((page, 3)), disp: if writes { 0 } else { i32::MIN } }
}

/// `traps` as for [`gate`].
pub(crate) fn thunks(asm: &mut Asm, callbacks: Callbacks, traps: bool) -> Thunks {
    let mut t = Thunks {
        load: [0; 6],
        read: [0; 6],
        store: [0; 6],
        bounce: 0,
        commit: [0; 6],
        exec: 0,
        exec_plain: 0,
        misaligned: 0,
        time: 0,
        verify: [[0; 6]; 2],
        verify_window: [[0; 6]; 2],
    };
    t.bounce = asm.base + asm.here();
    bounce(asm);
    asm.ret();
    for log in 0..6 {
        let bytes = 1 << log;
        let arguments = |asm: &mut Asm| {
            asm.mov(RSI, RCX);
            asm.mov_imm(RDX, bytes as u64);
        };
        t.load[log] = asm.base + asm.here();
        again(asm, bytes, false);
        t.read[log] = asm.base + asm.here();
        call(asm, traps, callbacks.load, arguments);
        bounce(asm);
        asm.alu_imm(Alu::Cmp, false, RAX, 1);
        asm.ret();

        t.store[log] = asm.base + asm.here();
        again(asm, bytes, true);
        bounce(asm);
        asm.stc();
        asm.ret();

        t.commit[log] = asm.base + asm.here();
        call(asm, traps, callbacks.store, arguments);
        asm.alu_imm(Alu::Cmp, false, RAX, 1);
        asm.ret();

        if cfg!(debug_assertions) {
            for writes in [false, true] {
                t.verify[writes as usize][log] = asm.base + asm.here();
                verify(asm, traps, callbacks.verify, bytes as u64, writes, false);
                t.verify_window[writes as usize][log] = asm.base + asm.here();
                verify(asm, traps, callbacks.verify, bytes as u64, writes, true);
            }
        }
    }
    let exec = [traps, false].map(|traps| {
        let at = asm.base + asm.here();
        call(asm, traps, callbacks.exec, |asm| asm.mov32(RSI, RAX));
        asm.alu_imm(Alu::Cmp, false, RAX, 1);
        asm.ret();
        at
    });
    [t.exec, t.exec_plain] = exec;
    t.misaligned = asm.base + asm.here();
    call(asm, traps, callbacks.misaligned, |asm| asm.mov(RSI, RCX));
    asm.ret();
    t.time = asm.base + asm.here();
    call(asm, traps, callbacks.time, |asm| asm.mov(RSI, RAX));
    asm.ret();
    t
}

/// log2 of an access's bytes.
pub(crate) fn log2(ty: MemTy) -> usize {
    ty.bytes().trailing_zeros() as usize
}
