//! Faults as signals: number, code, address, and what the frame tells of them (`fault_address` and `esr_context`).
use super::machine::{CODE, DATA, Machine, State};
use crate::AARCH64;
use crate::regs::{FAULT_ADDRESS, FAULT_CODE, x};
use abi::{BUS_ADRALN, ILL_ILLOPC, SEGV_ACCERR, SEGV_MAPERR, SIGBUS, SIGILL, SIGSEGV, SIGTRAP, TRAP_BRKPT, TRAP_TRACE};
use arch::{Exit, Trap};
use ir::EX_SIZE;

/// ESR_ELx: exception class, IL, and below them the syndrome.
const fn esr(class: u64, syndrome: u64) -> u64 {
    class << 26 | 1 << 25 | syndrome
}

/// Runs `words` until one traps; gives the signal (number, code, address) and what the frame will say (address, syndrome).
fn trapped(words: &[u32], change: impl Fn(&mut State)) -> ((u64, i32, u64), (u64, u64)) {
    let mut state = State::default();
    change(&mut state);
    let mut m = Machine::new(words, &state, &vec![0; super::machine::DATA_SIZE as usize]);
    let Exit::Trap(trap) = m.run(10) else { panic!("{words:x?} does not trap") };
    let (signo, code, addr) = m.signal(trap);
    ((signo, code as i32, addr), (m.cpu.get(FAULT_ADDRESS), m.cpu.get(FAULT_CODE)))
}

const LDR: u32 = 0xf940_0020;
const STR: u32 = 0xf900_0020;
const BR: u32 = 0xd61f_0020;

#[test]
fn translation_and_permission() {
    let at = |word: u32, addr: u64| trapped(&[word], |state| state.x[1] = addr);
    let (segv, unmapped, read_only) = (u64::from(SIGSEGV), DATA - 8, DATA + 0x3000);
    assert_eq!(at(LDR, unmapped), ((segv, SEGV_MAPERR, unmapped), (unmapped, esr(0x24, 7))));
    assert_eq!(at(STR, unmapped), ((segv, SEGV_MAPERR, unmapped), (unmapped, esr(0x24, 1 << 6 | 7))));
    assert_eq!(at(STR, read_only), ((segv, SEGV_ACCERR, read_only), (read_only, esr(0x24, 1 << 6 | 0xf))));
    // The first byte that cannot be reached, without the tag.
    assert_eq!(at(LDR, (DATA + 0x3ffc) | 0xab << 56).0, (segv, SEGV_MAPERR, DATA + 0x4000));
    // Of the kernel's half a program is told a translation fault of level 0, whatever was there (`set_thread_esr`).
    let kernel = 0xffff_8000_0000_1000;
    assert_eq!(at(LDR, kernel), ((segv, SEGV_MAPERR, kernel), (kernel, esr(0x24, 4))));
    // The same of what is above user space in its own half: no space has it (`is_ttbr0_addr`).
    for (addr, level) in [(AARCH64.task_size - 8, 7), (AARCH64.task_size, 4), (1 << 54, 4)] {
        assert_eq!(at(LDR, addr), ((segv, SEGV_MAPERR, addr), (addr, esr(0x24, level))));
        assert_eq!(at(BR, addr), ((segv, SEGV_MAPERR, addr), (addr, esr(0x20, level))));
    }
    // Code that may not be executed, and none.
    assert_eq!(at(BR, DATA), ((segv, SEGV_ACCERR, DATA), (DATA, esr(0x20, 0xf))));
    assert_eq!(at(BR, unmapped), ((segv, SEGV_MAPERR, unmapped), (unmapped, esr(0x20, 7))));
}

#[test]
fn alignment() {
    let bus = u64::from(SIGBUS);
    // LDAXR, LDADD, LDAPR: the access; address and syndrome are in the frame.
    for word in [0xc85f_fc20, 0xf820_0020, 0xf8bf_c020] {
        let at = DATA + 4;
        assert_eq!(
            trapped(&[word], |state| state.x[1] = at),
            ((bus, BUS_ADRALN, at), (at, esr(0x24, 0x21))),
            "{word:x}"
        );
    }
    // Of an address that is the kernel's, the syndrome is that of a translation.
    let kernel = 0xffff_8000_0000_1004;
    let trap = trapped(&[0xc85f_fc20], |state| state.x[1] = kernel);
    assert_eq!(trap, ((bus, BUS_ADRALN, kernel), (kernel, esr(0x24, 4))));
    // The stack pointer and the pc: the address is in siginfo alone.
    let sp = DATA + 0x1008;
    assert_eq!(trapped(&[0xf940_03e0], |state| state.sp = sp), ((bus, BUS_ADRALN, sp), (0, esr(0x26, 0))));
    let tagged = sp | 0x5a << 56;
    assert_eq!(trapped(&[0xf940_03e0], |state| state.sp = tagged), ((bus, BUS_ADRALN, sp), (0, esr(0x26, 0))));
    let pc = CODE + 2;
    assert_eq!(trapped(&[BR], |state| state.x[1] = pc), ((bus, BUS_ADRALN, pc), (0, esr(0x22, 0))));
    // An alignment fault comes before one of translation.
    assert_eq!(trapped(&[0xc85f_fc20], |state| state.x[1] = DATA - 4).0, (bus, BUS_ADRALN, DATA - 4));
}

#[test]
fn instructions() {
    assert_eq!(trapped(&[0xd420_0000], |_| ()).0, (SIGTRAP.into(), TRAP_BRKPT, CODE));
    for word in [0, 0xd440_0000, 0xd69f_03e0, 0xffff_ffff] {
        assert_eq!(trapped(&[word], |_| ()), ((SIGILL.into(), ILL_ILLOPC, CODE), (0, 0)), "{word:x}");
    }
    let mut m = Machine::new(&[], &State::default(), &[]);
    assert_eq!(m.signal(Trap::SingleStep), (SIGTRAP.into(), TRAP_TRACE as u64, CODE));
}

/// The target of a branch has no tag (AArch64.BranchAddr), so neither has what BL and ADR make of the pc.
#[test]
fn branches_drop_tags() {
    let mut state = State::default();
    state.x[1] = (CODE + 8) | 0x5a << 56;
    // br x1; udf; bl .+4; brk
    let mut m = Machine::new(&[BR, 0, 0x9400_0001], &state, &[]);
    assert_eq!(m.run(10), Exit::Trap(Trap::Breakpoint));
    assert_eq!((m.cpu.pc, m.cpu.get(x(30))), (CODE + 12, CODE + 12));
}

/// Returning from an exception clears the local monitor, so a system call does.
#[test]
fn a_system_call_opens_the_monitor() {
    let mut state = State::default();
    state.x[1] = DATA;
    // ldxr x0, [x1]; svc #0; stxr w2, x0, [x1]
    let mut m = Machine::new(&[0xc85f_7c20, 0xd400_0001, 0xc802_7c20], &state, &[0; 64]);
    assert_eq!(m.run(10), Exit::Syscall);
    assert_eq!(m.cpu.get(EX_SIZE), 8);
    AARCH64.abi.syscall_enter(&mut m.cpu);
    assert_eq!(m.run(10), Exit::Trap(Trap::Breakpoint));
    assert_eq!(m.cpu.get(x(2)), 1);
}
