//! Signal delivery over a piece of memory for a stack: the frame's layout, round trips, restarts, and frames made up by a
//! guest.
use super::generate;
use super::machine::{DATA, Machine, State};
use crate::RISCV64;
use crate::helpers::fcsr;
use crate::regs::{A0, A1, A2, A7, IN_SYSCALL, ORIG_A0, RA, RESTART_PC, RESTART_RESULT, SP, f, x};
use abi::{Errno, Restart, SaFlags, SigAltStack, SigSet};
use arch::{Cpu, Exit, GetSignal, Trap, UserMemory};
use ir::EX_SIZE;
use oracle::{Bytes, HANDLER, OneSignal, Random, TRAMPOLINE};
use proptest::prelude::*;

const STACK: u64 = 0x2000_0000;
const SIZE: usize = 0x4000;

/// The kernel, with this to say.
fn kernel(next: GetSignal) -> OneSignal {
    OneSignal::new(Bytes::new(STACK, SIZE), next)
}

fn delivery(flags: SaFlags) -> GetSignal {
    oracle::delivery(flags, SigAltStack::default())
}

/// A CPU in user code, in a random state.
fn cpu(seed: u64) -> Cpu {
    let mut state = generate::state(&mut Random::new(seed));
    state.x[2] = STACK + 0x3000 + seed % 16;
    Machine::new(&[], &state, &[]).cpu
}

/// The same, in a system call that is to be restarted as `restart` says.
fn interrupted(restart: Restart) -> Cpu {
    let mut cpu = cpu(5);
    cpu.set(A7, 98);
    cpu.set(A0, 0x1111);
    RISCV64.abi.syscall_enter(&mut cpu);
    assert_eq!(cpu.get(A0), Errno::ENOSYS.to_return());
    RISCV64.abi.set_return(&mut cpu, -i64::from(restart.code()));
    cpu
}

fn deliver(cpu: &mut Cpu, flags: SaFlags) -> OneSignal {
    let mut path = kernel(delivery(flags));
    RISCV64.abi.do_signal(cpu, &mut path);
    assert_eq!(path.done, Some(Ok(())));
    path
}

/// Offsets of `struct rt_sigframe` (facts/ARCHES.md, section 6).
#[test]
fn the_frame_is_laid_out_as_the_kernels() {
    let mut cpu = cpu(3);
    let before = cpu.clone();
    let path = deliver(&mut cpu, SaFlags::empty());
    let frame = cpu.get(SP);
    assert_eq!((frame % 16, frame), (0, (before.get(SP) - 1088) & !15));
    // siginfo, then ucontext: flags, link, stack, mask.
    assert_eq!((path.word(frame) as u32, path.word(frame + 16)), (10, 8 << 32 | 7));
    let uc = frame + 128;
    assert_eq!((path.word(uc), path.word(uc + 8)), (0, 0));
    assert_eq!((path.word(uc + 16), path.word(uc + 24) as u32, path.word(uc + 32)), (0, abi::SS_DISABLE, 0));
    assert_eq!(path.word(uc + 40), 0x1234_5678_9abc_def0);
    let mc = uc + 176;
    assert_eq!(path.word(mc), before.pc);
    (1..32).for_each(|n| assert_eq!(path.word(mc + 8 * n), before.get(x(n as u8)), "x{n}"));
    (0..32).for_each(|n| assert_eq!(path.word(mc + 256 + 8 * n), before.get(f(n as u8)), "f{n}"));
    assert_eq!(path.word(mc + 512), fcsr(&before.slots));
    // The reserved word, END_MAGIC and END_HDR_SIZE.
    assert_eq!((path.word(mc + 768) >> 32, path.word(mc + 776), mc + 784), (0, 0, frame + 1088));
    // The handler's registers, SA_SIGINFO or not.
    assert_eq!((cpu.pc, cpu.get(RA)), (HANDLER, TRAMPOLINE));
    assert_eq!((cpu.get(A0), cpu.get(A1), cpu.get(A2)), (10, frame, uc));
}

#[test]
fn on_the_alternate_stack() {
    let alt = SigAltStack { sp: STACK, flags: 0, size: 0x2000 };
    let mut cpu = cpu(3);
    let mut path = kernel(oracle::delivery(SaFlags::SA_ONSTACK, alt));
    RISCV64.abi.do_signal(&mut cpu, &mut path);
    assert_eq!(cpu.get(SP), STACK + 0x2000 - 1088);
    assert_eq!(path.word(cpu.get(SP) + 144), STACK);
    // One that would run over its end is not begun.
    cpu.set(SP, STACK + 0x100);
    let mut path = kernel(oracle::delivery(SaFlags::SA_ONSTACK, alt));
    RISCV64.abi.do_signal(&mut cpu, &mut path);
    assert_eq!((path.done, cpu.get(SP)), (Some(Err(Errno::EFAULT)), STACK + 0x100));
    // One that is disarmed by delivery never counts as used, so it is begun anew.
    let alt = SigAltStack { flags: abi::SS_AUTODISARM, ..alt };
    let mut path = kernel(oracle::delivery(SaFlags::SA_ONSTACK, alt));
    RISCV64.abi.do_signal(&mut cpu, &mut path);
    assert_eq!((path.done, cpu.get(SP)), (Some(Ok(())), STACK + 0x2000 - 1088));
}

proptest! {
    #[test]
    fn frames_round_trip(seed: u64) {
        let mut cpu = cpu(seed);
        let before = RISCV64.isa.canonical(&cpu);
        let mut path = deliver(&mut cpu, SaFlags::SA_SIGINFO);
        // The handler may leave anything in the registers; only the stack pointer brings the frame back.
        let mut scratch = Machine::new(&[], &generate::state(&mut Random::new(seed ^ 1)), &[]).cpu;
        scratch.set(SP, cpu.get(SP));
        RISCV64.abi.restore_sigframe(&mut scratch, &mut path).expect("the frame is ours");
        prop_assert_eq!(RISCV64.isa.canonical(&scratch), before);
        prop_assert_eq!(path.blocked, Some(SigSet(0x1234_5678_9abc_def0)));
        prop_assert_eq!(path.altstack.map(|(altstack, _)| altstack), Some(SigAltStack::default()));
    }

    /// A frame a guest made up is taken or refused; what is taken of it is what a program could set.
    #[test]
    fn hostile_frames(seed: u64, patches in prop::collection::vec((0usize..1088, any::<u8>()), 0..40), sp in STACK - 64..STACK + 0x4000) {
        let mut cpu = cpu(seed);
        let mut path = deliver(&mut cpu, SaFlags::SA_SIGINFO);
        let frame = (cpu.get(SP) - STACK) as usize;
        for (at, byte) in patches {
            path.stack.bytes[frame + at] = byte;
        }
        if seed % 3 == 0 {
            cpu.set(SP, sp);
        }
        let _ = RISCV64.abi.restore_sigframe(&mut cpu, &mut path);
        prop_assert_eq!(cpu.get(x(0)), 0);
        prop_assert!(fcsr(&cpu.slots) < 256 && cpu.pc.is_multiple_of(2) && cpu.get(IN_SYSCALL) == 0);
    }
}

/// The header of the first extension and the word before it.
#[test]
fn headers_are_checked() {
    let patch = |at: u64, value: u32| {
        let mut cpu = cpu(9);
        let mut path = deliver(&mut cpu, SaFlags::SA_SIGINFO);
        let base = cpu.get(SP) + 128 + 176;
        path.write(base + at, &value.to_le_bytes()).expect("inside the stack");
        RISCV64.abi.restore_sigframe(&mut cpu, &mut path).is_ok()
    };
    assert!(patch(8, 5), "a register");
    assert!(patch(512, u32::MAX), "fcsr has eight bits");
    assert!(patch(520, 7), "not looked at");
    assert!(!patch(256 + 516, 1), "reserved");
    assert!(!patch(256 + 520, 0x5346_5457), "RISCV_V_MAGIC");
    assert!(!patch(256 + 524, 8), "END_MAGIC of another size");
}

/// `restore_sigcontext`: the registers, then the state of floating point, then what is behind it is looked at. What came
/// before something bad stays.
#[test]
fn a_refused_frame_leaves_its_registers() {
    let (mut at_handler, regs) = (cpu(9), 128 + 176);
    let mut path = deliver(&mut at_handler, SaFlags::SA_SIGINFO);
    let frame = at_handler.get(SP);
    for (at, value) in [(regs + 8 * 9, 77u64), (regs + 256 + 8 * 9, 88), (regs + 512, 0x1f)] {
        path.write(frame + at, &value.to_le_bytes()).unwrap();
    }
    path.write(frame + regs + 256 + 516, &[1]).unwrap();
    let mut cpu = at_handler.clone();
    assert_eq!(RISCV64.abi.restore_sigframe(&mut cpu, &mut path), Err(Errno::EINVAL));
    assert_eq!((cpu.get(x(9)), cpu.get(f(9)), fcsr(&cpu.slots)), (77, 88, 0x1f));
    assert_eq!((path.blocked, path.altstack), (Some(SigSet(0x1234_5678_9abc_def0)), None));
    // Memory ends in the middle of the floating-point registers.
    let from = (frame - STACK) as usize;
    let mut cut = kernel(GetSignal::Nothing);
    cut.stack.bytes = path.stack.bytes[from..][..(regs + 256 + 100) as usize].to_vec();
    let mut cpu = at_handler.clone();
    cpu.set(SP, STACK);
    assert_eq!(RISCV64.abi.restore_sigframe(&mut cpu, &mut cut), Err(Errno::EFAULT));
    assert_eq!((cpu.get(x(9)), cpu.get(f(9))), (77, at_handler.get(f(9))));
}

#[test]
fn any_alignment_is_taken_back() {
    let mut cpu = cpu(9);
    let path = deliver(&mut cpu, SaFlags::SA_SIGINFO);
    let from = (cpu.get(SP) - STACK) as usize;
    let mut moved = kernel(GetSignal::Nothing);
    moved.stack.bytes[0x101..][..1088].copy_from_slice(&path.stack.bytes[from..][..1088]);
    cpu.set(SP, STACK + 0x101);
    assert!(RISCV64.abi.restore_sigframe(&mut cpu, &mut moved).is_ok());
}

#[test]
fn a_frame_that_cannot_be_written_leaves_the_registers() {
    let mut cpu = cpu(4);
    cpu.set(SP, STACK + 0x200);
    let before = RISCV64.isa.canonical(&cpu);
    let mut path = kernel(delivery(SaFlags::SA_SIGINFO));
    RISCV64.abi.do_signal(&mut cpu, &mut path);
    assert_eq!(path.done, Some(Err(Errno::EFAULT)));
    assert_eq!(RISCV64.isa.canonical(&cpu), before);
}

/// What a frame says of the interrupted call: a0 and pc.
fn saved(cpu: &Cpu, path: &OneSignal) -> (u64, u64) {
    let mc = cpu.get(SP) + 128 + 176;
    (path.word(mc + 80), path.word(mc))
}

#[test]
fn a_handler_interrupts_or_restarts() {
    use Restart::*;
    let cases = [
        (Sys, SaFlags::empty(), false),
        (Sys, SaFlags::SA_RESTART, true),
        (NoHand, SaFlags::SA_RESTART, false),
        (Block, SaFlags::SA_RESTART, false),
        (NoIntr, SaFlags::empty(), true),
    ];
    for (restart, flags, restarts) in cases {
        let mut cpu = interrupted(restart);
        let pc = cpu.pc;
        let path = deliver(&mut cpu, flags);
        let wanted = if restarts { (0x1111, pc - 4) } else { (Errno::EINTR.to_return(), pc) };
        assert_eq!(saved(&cpu, &path), wanted, "{restart:?} {flags:?}");
    }
}

#[test]
fn without_a_handler_the_call_is_made_again() {
    for restart in [Restart::Sys, Restart::NoIntr, Restart::NoHand, Restart::Block] {
        let mut cpu = interrupted(restart);
        let pc = cpu.pc;
        let mut path = kernel(GetSignal::Nothing);
        RISCV64.abi.do_signal(&mut cpu, &mut path);
        assert!(path.mask_restored);
        let number = if restart == Restart::Block { 128 } else { 98 };
        assert_eq!((cpu.pc, cpu.get(A0), cpu.get(A7)), (pc - 4, 0x1111, number));
        // Walked again, there is nothing left to rewind.
        RISCV64.abi.do_signal(&mut cpu, &mut kernel(GetSignal::Nothing));
        assert_eq!((cpu.pc, cpu.get(A7)), (pc - 4, number));
    }
}

/// A stop in the middle shows the tracer a call that is rewound, and what becomes of it is decided after the stop.
#[test]
fn a_path_that_comes_away_has_rewound_once() {
    for ending in [GetSignal::Nothing, delivery(SaFlags::SA_RESTART)] {
        let mut cpu = interrupted(Restart::NoHand);
        let pc = cpu.pc;
        for _ in 0..3 {
            RISCV64.abi.do_signal(&mut cpu, &mut kernel(GetSignal::Away));
            assert_eq!((cpu.pc, cpu.get(A0)), (pc - 4, 0x1111));
        }
        let handled = matches!(ending, GetSignal::Deliver(_));
        let mut path = kernel(ending);
        RISCV64.abi.do_signal(&mut cpu, &mut path);
        if handled {
            assert_eq!(saved(&cpu, &path), (Errno::EINTR.to_return(), pc), "pause, stopped and continued");
        } else {
            assert_eq!((cpu.pc, cpu.get(A0)), (pc - 4, 0x1111));
        }
    }
}

/// A tracer that sends the tracee elsewhere while it is stopped keeps it from being interrupted or restarted.
#[test]
fn a_tracer_may_choose_another_pc() {
    let mut cpu = interrupted(Restart::Block);
    RISCV64.abi.do_signal(&mut cpu, &mut kernel(GetSignal::Away));
    cpu.pc = 0x7000;
    RISCV64.abi.do_signal(&mut cpu, &mut kernel(GetSignal::Nothing));
    assert_eq!((cpu.pc, cpu.get(A0), cpu.get(A7)), (0x7000, 0x1111, 98));
    assert_eq!(cpu.get(RESTART_RESULT), 0);
    cpu.pc = cpu.get(RESTART_PC);
    let path = deliver(&mut cpu, SaFlags::empty());
    assert_eq!(saved(&cpu, &path).0, 0x1111, "that is over");
}

/// sepc holds no odd address (privileged manual, "Supervisor Exception Program Counter"), so none is returned to.
#[test]
fn no_pc_is_odd() {
    let mut cpu = cpu(5);
    let GetSignal::Deliver(mut d) = delivery(SaFlags::empty()) else { panic!() };
    d.action.handler |= 1;
    let mut path = kernel(GetSignal::Deliver(d));
    RISCV64.abi.do_signal(&mut cpu, &mut path);
    assert_eq!(cpu.pc, HANDLER);
    path.write(cpu.get(SP) + 128 + 176, &0x1235u64.to_le_bytes()).unwrap();
    RISCV64.abi.restore_sigframe(&mut cpu, &mut path).unwrap();
    assert_eq!(cpu.pc, 0x1234);
    RISCV64.abi.set_regset(&mut cpu, abi::NT_PRSTATUS, &0x2345u64.to_le_bytes()).unwrap();
    assert_eq!(cpu.pc, 0x2344);
    RISCV64.abi.start_thread(&mut cpu, 0x3457, STACK);
    assert_eq!(cpu.pc, 0x3456);
}

/// On its way back from any exception Linux breaks the reservation (`ret_from_exception`).
#[test]
fn a_system_call_breaks_the_reservation() {
    let mut state = State::default();
    state.x[11] = DATA;
    // lr.d a0, (a1); ecall; sc.d a2, a0, (a1)
    let code: Vec<u8> = [0x1005_b52f_u32, 0x73, 0x18a5_b62f].into_iter().flat_map(u32::to_le_bytes).collect();
    let mut m = Machine::new(&code, &state, &[0; 64]);
    assert_eq!(m.run(10), Exit::Syscall);
    assert_eq!(m.cpu.get(EX_SIZE), 8);
    RISCV64.abi.syscall_enter(&mut m.cpu);
    assert_eq!(m.run(10), Exit::Trap(Trap::Breakpoint));
    assert_eq!(m.cpu.get(A2), 1);
}

/// A completed call is not restarted, whatever user code then has in a0.
#[test]
fn only_calls_are_restarted() {
    let mut cpu = cpu(5);
    RISCV64.abi.syscall_enter(&mut cpu);
    RISCV64.abi.set_return(&mut cpu, 3);
    cpu.set(A0, -512i64 as u64);
    cpu.set(ORIG_A0, 1);
    let pc = cpu.pc;
    RISCV64.abi.do_signal(&mut cpu, &mut kernel(GetSignal::Nothing));
    assert_eq!((cpu.pc, cpu.get(A0)), (pc, -512i64 as u64));
}
