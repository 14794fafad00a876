//! Signal delivery over a piece of memory for a stack: the frame's layout, round trips, restarts, and frames made up by a guest.
use super::generate;
use super::machine::{Machine, State};
use crate::AARCH64;
use crate::regs::{FAULT_ADDRESS, FAULT_CODE, LR, SP, x};
use abi::{Errno, Restart, SaFlags, SigAltStack, SigSet};
use arch::{Access, Cpu, Fault, FaultKind, GetSignal, UserMemory};
use oracle::{Bytes, HANDLER, OneSignal, RESTORER, TRAMPOLINE};
use proptest::prelude::*;

const STACK: u64 = 0x7000_0000;
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
    let state = State { sp: STACK + 0x3000 + seed % 16, ..generate::state(seed, true) };
    Machine::new(&[], &state, &[]).cpu
}

/// The same, in a system call that is to be restarted as `restart` says.
fn interrupted(restart: Restart) -> Cpu {
    let mut cpu = cpu(5);
    cpu.set(x(8), 98);
    cpu.set(x(0), 0x1111);
    AARCH64.abi.syscall_enter(&mut cpu);
    AARCH64.abi.set_return(&mut cpu, -i64::from(restart.code()));
    cpu
}

fn deliver(cpu: &mut Cpu, flags: SaFlags) -> OneSignal {
    let mut path = kernel(delivery(flags));
    AARCH64.abi.do_signal(cpu, &mut path);
    assert_eq!(path.done, Some(Ok(())));
    path
}

/// Offsets of `struct rt_sigframe` (facts/ARCHES.md, section 6).
#[test]
fn the_frame_is_laid_out_as_the_kernels() {
    let mut cpu = cpu(3);
    AARCH64.abi.fault_signal(&mut cpu, Fault { addr: 0x1230, access: Access::Write }, FaultKind::NotMapped, &[]);
    let before = cpu.clone();
    let path = deliver(&mut cpu, SaFlags::SA_SIGINFO | SaFlags::SA_RESTORER);
    let frame = cpu.get(SP);
    let record = cpu.get(x(29));
    assert_eq!((frame % 16, record - frame), (0, 4688));
    assert_eq!(record, (before.get(SP) - 16) & !15);
    assert_eq!((path.word(record), path.word(record + 8)), (before.get(x(29)), before.get(LR)));
    // siginfo, then ucontext: flags, link, stack, mask.
    assert_eq!((path.half(frame), path.half(frame + 16), path.half(frame + 20)), (10, 7, 8));
    let uc = frame + 128;
    assert_eq!((path.word(uc), path.word(uc + 8)), (0, 0));
    assert_eq!((path.word(uc + 16), path.half(uc + 24), path.word(uc + 32)), (0, abi::SS_DISABLE, 0));
    assert_eq!(path.word(uc + 40), 0x1234_5678_9abc_def0);
    let mc = uc + 176;
    assert_eq!(path.word(mc), 0x1230);
    (0..31).for_each(|n| assert_eq!(path.word(mc + 8 + 8 * n), before.get(x(n as u8)), "x{n}"));
    assert_eq!((path.word(mc + 256), path.word(mc + 264)), (before.get(SP), before.pc));
    assert_eq!(path.word(mc + 272), crate::regs::pstate(&before));
    let records = mc + 288;
    assert_eq!((path.half(records), path.half(records + 4)), (0x4650_8001, 528));
    assert_eq!(u64::from(path.half(records + 8)), crate::helpers::system::fpsr(&before.slots));
    assert_eq!(u64::from(path.half(records + 12)), before.get(crate::regs::FPCR));
    (0..64).for_each(|n| assert_eq!(path.word(records + 16 + 8 * n), before.slots[32 + n as usize]));
    // ESR: a data abort by a write, translation fault.
    assert_eq!((path.half(records + 528), path.half(records + 532)), (0x4553_5201, 16));
    assert_eq!(path.word(records + 536), 0x24 << 26 | 1 << 25 | 1 << 6 | 7);
    assert_eq!(path.word(records + 544), 0);
    // The handler's registers.
    assert_eq!((cpu.pc, cpu.get(LR)), (HANDLER, RESTORER));
    assert_eq!((cpu.get(x(0)), cpu.get(x(1)), cpu.get(x(2))), (10, frame, uc));
}

#[test]
fn without_siginfo_and_restorer() {
    let mut cpu = cpu(3);
    let before = cpu.clone();
    let path = deliver(&mut cpu, SaFlags::empty());
    assert_eq!(cpu.get(LR), TRAMPOLINE);
    assert_eq!((cpu.get(x(1)), cpu.get(x(2))), (before.get(x(1)), before.get(x(2))));
    assert_eq!(path.half(cpu.get(SP)), 0xeeee_eeee, "siginfo is not written");
}

#[test]
fn on_the_alternate_stack() {
    let mut cpu = cpu(3);
    let GetSignal::Deliver(mut d) = delivery(SaFlags::SA_ONSTACK) else { panic!() };
    d.altstack = SigAltStack { sp: STACK, flags: 0, size: 0x2000 };
    let mut path = kernel(GetSignal::Deliver(d));
    AARCH64.abi.do_signal(&mut cpu, &mut path);
    assert_eq!(cpu.get(x(29)), STACK + 0x2000 - 16);
    assert_eq!(path.word(cpu.get(SP) + 144), STACK);
}

proptest! {
    #[test]
    fn frames_round_trip(seed: u64) {
        let mut cpu = cpu(seed);
        let before = AARCH64.isa.canonical(&cpu);
        let mut path = deliver(&mut cpu, SaFlags::SA_SIGINFO);
        let mut scratch = Machine::new(&[], &generate::state(seed ^ 1, true), &[]).cpu;
        // The handler may leave anything in the registers; only the stack pointer brings the frame back.
        for at in [FAULT_ADDRESS, FAULT_CODE, crate::regs::TPIDR_EL0, crate::regs::ORIG_X0, crate::regs::SYSCALLNO] {
            scratch.set(at, cpu.get(at));
        }
        scratch.set(SP, cpu.get(SP));
        AARCH64.abi.restore_sigframe(&mut scratch, &mut path).expect("the frame is ours");
        prop_assert_eq!(AARCH64.isa.canonical(&scratch), before);
        prop_assert_eq!(path.blocked, Some(SigSet(0x1234_5678_9abc_def0)));
        prop_assert_eq!(path.altstack.map(|(altstack, _)| altstack), Some(SigAltStack::default()));
    }

    /// A frame a guest made up is taken or refused; either way nothing of it gets into what EL0 may not write.
    #[test]
    fn hostile_frames(seed: u64, patches in prop::collection::vec((0usize..4688, any::<u8>()), 0..40), sp in STACK - 64..STACK + 0x4000) {
        let mut cpu = cpu(seed);
        let mut path = deliver(&mut cpu, SaFlags::SA_SIGINFO);
        let frame = (cpu.get(SP) - STACK) as usize;
        for (at, byte) in patches {
            path.stack.bytes[frame + at] = byte;
        }
        if seed % 3 == 0 {
            cpu.set(SP, sp);
        }
        let hidden = [crate::regs::TPIDR_EL0, FAULT_ADDRESS, FAULT_CODE, ir::CPU_LEVEL];
        let before = hidden.map(|reg| cpu.get(reg));
        let vectors = cpu.slots[32..96].to_vec();
        let restored = AARCH64.abi.restore_sigframe(&mut cpu, &mut path);
        prop_assert_eq!(crate::regs::pstate(&cpu) & !(0xf << 28), 0);
        prop_assert_eq!(cpu.get(crate::regs::FPCR) & !0x07c8_0000, 0);
        prop_assert_eq!(hidden.map(|reg| cpu.get(reg)), before);
        if restored.is_err() {
            prop_assert_eq!(&cpu.slots[32..96], &vectors[..]);
        }
    }
}

#[test]
fn records_are_checked() {
    let patch = |at: u64, value: u32| {
        let mut cpu = cpu(9);
        let mut path = deliver(&mut cpu, SaFlags::SA_SIGINFO);
        let base = cpu.get(SP) + 128 + 176;
        path.write(base + at, &value.to_le_bytes()).expect("inside the stack");
        AARCH64.abi.restore_sigframe(&mut cpu, &mut path).is_ok()
    };
    assert!(patch(16, 5), "a register");
    assert!(!patch(272, 0xf000_0001), "EL1");
    assert!(!patch(272, 1 << 7), "interrupts masked");
    assert!(!patch(272, 1 << 4), "AArch32");
    assert!(!patch(288, 0), "no fpsimd_context");
    assert!(!patch(288, 0x5356_4501), "sve_context");
    assert!(!patch(292, 512), "too short");
    assert!(!patch(292, 4100), "too long");
    assert!(!patch(292, 544), "too long for its kind");
    assert!(!patch(292, 536), "unaligned");
    assert!(!patch(288 + 528, 0x4650_8001), "a second fpsimd_context");
}

/// The general registers of a frame that is refused are its, with PSTATE made harmless (`valid_native_regs`).
#[test]
fn a_refused_frame_leaves_its_registers() {
    let mut cpu = cpu(9);
    let mut path = deliver(&mut cpu, SaFlags::SA_SIGINFO);
    let mc = cpu.get(SP) + 128 + 176;
    path.write(mc + 8, &77u64.to_le_bytes()).unwrap();
    path.write(mc + 272, &(0xf_u64 << 28 | 0x3c5).to_le_bytes()).unwrap();
    assert!(AARCH64.abi.restore_sigframe(&mut cpu, &mut path).is_err());
    assert_eq!((cpu.get(x(0)), crate::regs::pstate(&cpu)), (77, 0xf << 28));
    // A misaligned frame is not looked at.
    let sp = cpu.get(SP) & !15;
    cpu.set(SP, sp + 8);
    assert_eq!(AARCH64.abi.restore_sigframe(&mut cpu, &mut path), Err(Errno::EFAULT));
    assert_eq!(cpu.get(SP), sp + 8);
}

/// `extra_context`: records that go on behind the frame, exactly there and nowhere else.
#[test]
fn records_behind_the_frame() {
    let restore = |patch: &dyn Fn(&mut Vec<u64>, u64)| {
        let mut cpu = cpu(9);
        cpu.set(SP, STACK + 0x3000);
        let mut path = deliver(&mut cpu, SaFlags::SA_SIGINFO);
        let records = cpu.get(SP) + 128 + 176 + 288;
        // The fpsimd_context moves behind: extra_context of 32 bytes, a terminator of 16, then it and a terminator.
        let fpsimd: Vec<u64> = (0..66).map(|n| path.word(records + 8 * n)).collect();
        let base = records + 48;
        let mut words = vec![0x4558_5401 | 32 << 32, base, 528 + 16, 0, 0, 0];
        words.extend(fpsimd);
        words.extend([0, 0]);
        patch(&mut words, base);
        for (at, word) in (records..).step_by(8).zip(words) {
            path.write(at, &word.to_le_bytes()).unwrap();
        }
        AARCH64.abi.restore_sigframe(&mut cpu, &mut path)
    };
    assert!(restore(&|_, _| {}).is_ok());
    assert_eq!(restore(&|w, base| w[1] = base + 16), Err(Errno::EINVAL), "elsewhere");
    // SIGFRAME_MAXSZ counts from the frame's first byte: 640 of it are in front of what goes on behind.
    assert!(restore(&|w, _| w[2] = (256 << 10) - 640).is_ok());
    assert_eq!(restore(&|w, _| w[2] = (256 << 10) - 624), Err(Errno::EINVAL), "larger than any frame");
    assert_eq!(restore(&|w, _| w[2] = 0xffff_fff0), Err(Errno::EINVAL), "oversized");
    assert_eq!(restore(&|w, _| w[2] = 528 + 8), Err(Errno::EINVAL), "unaligned");
    assert_eq!(restore(&|w, _| w[2] = 528 - 16), Err(Errno::EINVAL), "shorter than its record");
    assert_eq!(restore(&|w, _| w[4] = 1), Err(Errno::EINVAL), "no terminator");
    assert_eq!(restore(&|w, _| w[0] = 0x4558_5401 | 16 << 32), Err(Errno::EINVAL), "too short");
    assert_eq!(
        restore(&|w, base| {
            w[6] = 0x4558_5401 | 32 << 32;
            w[7] = base + 48;
        }),
        Err(Errno::EINVAL),
        "a second one"
    );
}

#[test]
fn a_frame_that_cannot_be_written_leaves_the_registers() {
    let mut cpu = cpu(4);
    cpu.set(SP, STACK + 0x800);
    let before = AARCH64.isa.canonical(&cpu);
    let mut path = kernel(delivery(SaFlags::SA_SIGINFO));
    AARCH64.abi.do_signal(&mut cpu, &mut path);
    assert_eq!(path.done, Some(Err(Errno::EFAULT)));
    assert_eq!(AARCH64.isa.canonical(&cpu), before);
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
        AARCH64.abi.do_signal(&mut cpu, &mut path);
        assert!(path.mask_restored);
        let number = if restart == Restart::Block { 128 } else { 98 };
        assert_eq!((cpu.pc, cpu.get(x(0)), cpu.get(x(8))), (pc - 4, 0x1111, number));
        // Walked again, there is nothing left to rewind.
        AARCH64.abi.do_signal(&mut cpu, &mut kernel(GetSignal::Nothing));
        assert_eq!(cpu.pc, pc - 4);
    }
}

/// What a frame says of the interrupted call: X0 and pc.
fn saved(cpu: &Cpu, path: &OneSignal) -> (u64, u64) {
    let mc = cpu.get(SP) + 128 + 176;
    (path.word(mc + 8), path.word(mc + 264))
}

/// A stop in the middle shows the tracer a call that is rewound and made no more; what becomes of it is decided after the
/// stop.
#[test]
fn a_path_that_comes_away_has_rewound_once() {
    for ending in [GetSignal::Nothing, delivery(SaFlags::SA_RESTART)] {
        let mut cpu = interrupted(Restart::NoHand);
        let pc = cpu.pc;
        for _ in 0..3 {
            AARCH64.abi.do_signal(&mut cpu, &mut kernel(GetSignal::Away));
            assert_eq!((cpu.pc, cpu.get(x(0))), (pc - 4, 0x1111));
            assert_eq!(AARCH64.abi.syscall_arguments(&cpu).0 as u32, u32::MAX);
        }
        let handled = matches!(ending, GetSignal::Deliver(_));
        let mut path = kernel(ending);
        AARCH64.abi.do_signal(&mut cpu, &mut path);
        if handled {
            assert_eq!(saved(&cpu, &path), (Errno::EINTR.to_return(), pc), "pause, stopped and continued");
        } else {
            assert_eq!((cpu.pc, cpu.get(x(0))), (pc - 4, 0x1111));
        }
    }
}

/// A tracer that sends the tracee elsewhere while it is stopped keeps it from being interrupted or restarted.
#[test]
fn a_tracer_may_choose_another_pc() {
    let mut cpu = interrupted(Restart::Block);
    let pc = cpu.pc;
    AARCH64.abi.do_signal(&mut cpu, &mut kernel(GetSignal::Away));
    cpu.pc = 0x7000;
    AARCH64.abi.do_signal(&mut cpu, &mut kernel(GetSignal::Nothing));
    assert_eq!((cpu.pc, cpu.get(x(0)), cpu.get(x(8))), (0x7000, 0x1111, 98));
    cpu.pc = pc - 4;
    let path = deliver(&mut cpu, SaFlags::empty());
    assert_eq!(saved(&cpu, &path), (0x1111, pc - 4), "that is over");
}

/// What a tracer notes as the call's number during a stop is not a call that was interrupted.
#[test]
fn a_tracer_makes_no_restart() {
    let mut cpu = interrupted(Restart::NoHand);
    let pc = cpu.pc;
    AARCH64.abi.do_signal(&mut cpu, &mut kernel(GetSignal::Away));
    AARCH64.abi.set_regset(&mut cpu, abi::NT_ARM_SYSTEM_CALL, &98u32.to_le_bytes()).unwrap();
    cpu.set(x(0), -513i64 as u64);
    AARCH64.abi.do_signal(&mut cpu, &mut kernel(GetSignal::Nothing));
    assert_eq!((cpu.pc, cpu.get(x(0))), (pc - 4, -513i64 as u64));
}

/// An exception return drops the tag of the pc as a branch does (AArch64.ExceptionReturn: BranchAddr).
#[test]
fn a_handler_and_an_entry_have_no_tag() {
    let mut cpu = cpu(3);
    let GetSignal::Deliver(mut d) = delivery(SaFlags::empty()) else { panic!() };
    for (tagged, pc) in [(0x5a << 56 | HANDLER, HANDLER), (0x5a << 56 | 1 << 55, 0xff80 << 48)] {
        d.action.handler = tagged;
        AARCH64.abi.do_signal(&mut cpu, &mut kernel(GetSignal::Deliver(d.clone())));
        assert_eq!(cpu.pc, pc);
        AARCH64.abi.start_thread(&mut cpu, tagged, STACK + 0x3000);
        assert_eq!(cpu.pc, pc);
    }
}

/// AT_MINSIGSTKSZ: any alternate stack of that size holds a frame.
#[test]
fn the_smallest_stack_is_large_enough() {
    for sp in STACK + 1..STACK + 17 {
        let mut cpu = cpu(3);
        let GetSignal::Deliver(mut d) = delivery(SaFlags::SA_ONSTACK) else { panic!() };
        d.altstack = SigAltStack { sp, flags: 0, size: AARCH64.abi.minsigstksz() };
        let mut path = kernel(GetSignal::Deliver(d));
        AARCH64.abi.do_signal(&mut cpu, &mut path);
        assert!(path.done == Some(Ok(())) && cpu.get(SP) >= sp, "{sp:#x}");
    }
}

/// A completed call is not restarted, whatever user code then has in X0.
#[test]
fn only_calls_are_restarted() {
    let mut cpu = cpu(5);
    AARCH64.abi.syscall_enter(&mut cpu);
    AARCH64.abi.set_return(&mut cpu, 3);
    cpu.set(x(0), -512i64 as u64);
    let pc = cpu.pc;
    AARCH64.abi.do_signal(&mut cpu, &mut kernel(GetSignal::Nothing));
    assert_eq!((cpu.pc, cpu.get(x(0))), (pc, -512i64 as u64));
}
