//! arch/x86/kernel/signal.c: the signal-return path, and the frame a handler runs on.
use crate::helpers::{fxsave, xsave};
use crate::process::{reset_components, reset_fpu};
use crate::regs::*;
use crate::traps;
use abi::{Errno, Restart, SaFlags, SigAltStack, SigSet};
use arch::{Cpu, Delivery, GetSignal, ReturnPath, UserMemory, sigsp};

/// What System V's ABI lets a leaf function use below the stack pointer.
const REDZONE: u64 = 128;
/// `struct rt_sigframe`: return address, ucontext, siginfo; offsets inside it (uapi/asm/ucontext.h, sigcontext.h).
const FRAME_SIZE: usize = 440;
const UC: usize = 8;
const UC_STACK: usize = UC + 16;
const SIGCONTEXT: usize = UC + 40;
const UC_SIGMASK: usize = UC + 296;
const SIGINFO: usize = 312;
/// Offsets inside `struct sigcontext`.
const SC_RIP: usize = 128;
const SC_EFLAGS: usize = 136;
const SC_CS: usize = 144;
const SC_SS: usize = 150;
const SC_ERR: usize = 152;
const SC_TRAPNO: usize = 160;
const SC_OLDMASK: usize = 168;
const SC_CR2: usize = 176;
const SC_FPSTATE: usize = 184;
/// The registers at the head of `struct sigcontext`, in its order.
const SC_GPRS: [ir::Reg; 16] = {
    let r = gpr;
    [r(8), r(9), r(10), r(11), r(12), r(13), r(14), r(15), RDI, RSI, RBP, RBX, RDX, RAX, RCX, RSP]
};
/// ss is restored as it stands, or else made the user's if IRET would refuse it.
const UC_STRICT_RESTORE_SS: u64 = 4;
/// UC_FP_XSTATE | UC_SIGCONTEXT_SS: both are in the frame.
const UC_FLAGS: u64 = 1 | 2 | UC_STRICT_RESTORE_SS;
/// The floating-point state: an XSAVE area and a word behind it. `struct _fpx_sw_bytes` in the area says so
/// (uapi/asm/sigcontext.h).
const FPSTATE_SIZE: u64 = xsave::SIZE as u64 + 4;
/// `init_sigframe_size`: the frame, its state and what aligning both can take, to 16 bytes. AT_MINSIGSTKSZ.
pub(crate) const SIGFRAME_SIZE: u64 = (FRAME_SIZE as u64 + 15 + FPSTATE_SIZE + 63).next_multiple_of(16);
const FP_XSTATE_MAGIC1: u32 = 0x4650_5853;
const FP_XSTATE_MAGIC2: u32 = 0x4650_5845;

/// What an interrupted system call left in rax, if one was interrupted. SYSCALL leaves the address behind itself in
/// rcx: a program that was running, not in a call, is not there with such a value in rax.
fn interrupted(cpu: &Cpu) -> Option<Restart> {
    if cpu.get(ORIG_RAX) as i64 == -1 || cpu.get(RCX) != cpu.pc {
        return None;
    }
    let code = (cpu.get(RAX) as i64).checked_neg()?;
    [Restart::Sys, Restart::NoIntr, Restart::NoHand, Restart::Block].into_iter().find(|r| i64::from(r.code()) == code)
}

/// Back onto the SYSCALL instruction, two bytes, with this number.
fn rewind(cpu: &mut Cpu, nr: u64) {
    cpu.set(RAX, nr);
    cpu.pc = cpu.pc.wrapping_sub(2);
}

/// `arch_do_signal_or_restart`: freezing happens inside `get_signal`.
pub(crate) fn do_signal(cpu: &mut Cpu, path: &mut dyn ReturnPath) {
    match path.get_signal() {
        GetSignal::Away => {}
        GetSignal::Deliver(delivery) => {
            handle_signal(cpu, path, &delivery);
        }
        GetSignal::Nothing => {
            let nr = cpu.get(ORIG_RAX);
            match interrupted(cpu) {
                None => {}
                Some(Restart::Block) => rewind(cpu, RESTART_SYSCALL),
                Some(_) => rewind(cpu, nr),
            }
            path.restore_saved_sigmask();
        }
    }
}

/// The number of restart_syscall.
const RESTART_SYSCALL: u64 = 219;

fn handle_signal(cpu: &mut Cpu, path: &mut dyn ReturnPath, delivery: &Delivery) {
    let nr = cpu.get(ORIG_RAX);
    match interrupted(cpu) {
        None => {}
        Some(Restart::NoHand | Restart::Block) => cpu.set(RAX, Errno::EINTR.to_return()),
        Some(Restart::Sys) if !delivery.action.flags.contains(SaFlags::SA_RESTART) => {
            cpu.set(RAX, Errno::EINTR.to_return());
        }
        Some(Restart::Sys | Restart::NoIntr) => rewind(cpu, nr),
    }
    let frame = setup_rt_frame(cpu, path, delivery);
    if frame.is_ok() {
        let flags = rflags(&cpu.slots) & !(EFLAGS_DF | EFLAGS_TF);
        set_rflags(&mut cpu.slots, flags);
        reset_fpu(cpu);
    }
    path.signal_setup_done(delivery, frame);
}

/// Where the frame and the floating-point state above it go (`get_sigframe`).
fn place_frame(sp: u64, delivery: &Delivery) -> Result<(u64, u64), Errno> {
    let below = sp.wrapping_sub(REDZONE);
    let top = sigsp(below, delivery);
    let fpstate = top.wrapping_sub(FPSTATE_SIZE) & !63;
    let frame = (fpstate.wrapping_sub(FRAME_SIZE as u64) & !15).wrapping_sub(8);
    let alt = &delivery.altstack;
    if (top != below || alt.is_used_at(sp)) && !alt.contains(frame) {
        // It would overflow the alternate stack.
        return Err(Errno::EFAULT);
    }
    Ok((frame, fpstate))
}

fn setup_rt_frame(cpu: &mut Cpu, mem: &mut dyn UserMemory, delivery: &Delivery) -> Result<(), Errno> {
    if !delivery.action.flags.contains(SaFlags::SA_RESTORER) {
        return Err(Errno::EFAULT);
    }
    let (frame, fpstate) = place_frame(cpu.get(RSP), delivery)?;
    let mut image = [0; FRAME_SIZE];
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &delivery.action.restorer.to_le_bytes());
    put(UC, &UC_FLAGS.to_le_bytes());
    put(UC_STACK, &delivery.altstack.encode_64());
    put(UC_SIGMASK, &delivery.mask.0.to_le_bytes());
    for (n, reg) in SC_GPRS.into_iter().enumerate() {
        put(SIGCONTEXT + 8 * n, &cpu.get(reg).to_le_bytes());
    }
    put(SIGCONTEXT + SC_CS, &USER_CS.to_le_bytes());
    put(SIGCONTEXT + SC_SS, &USER_DS.to_le_bytes());
    for (at, value) in [
        (SC_RIP, cpu.pc),
        (SC_EFLAGS, rflags(&cpu.slots)),
        (SC_ERR, cpu.get(ERROR_CODE)),
        (SC_TRAPNO, cpu.get(TRAP_NO)),
        (SC_OLDMASK, delivery.mask.0),
        (SC_CR2, cpu.get(CR2)),
        (SC_FPSTATE, fpstate),
    ] {
        put(SIGCONTEXT + at, &value.to_le_bytes());
    }
    let mut written = SIGINFO;
    if delivery.action.flags.contains(SaFlags::SA_SIGINFO) {
        put(SIGINFO, &delivery.info.encode_64());
        written = FRAME_SIZE;
    }
    mem.write(fpstate, &fpstate_image(cpu))?;
    mem.write(frame, &image[..written])?;

    cpu.set(RDI, delivery.info.signo.into());
    cpu.set(RSI, frame.wrapping_add(SIGINFO as u64));
    cpu.set(RDX, frame.wrapping_add(UC as u64));
    cpu.set(RAX, 0);
    cpu.set(RSP, frame);
    cpu.pc = delivery.action.handler;
    Ok(())
}

/// `copy_fpstate_to_sigframe`. x87 and SSE always count as in use, for programs that know nothing of the header.
fn fpstate_image(cpu: &Cpu) -> [u8; FPSTATE_SIZE as usize] {
    let mut image = [0; FPSTATE_SIZE as usize];
    image[..xsave::SIZE].copy_from_slice(&xsave::image(&cpu.slots));
    image[xsave::HEADER] |= (xsave::X87 | xsave::SSE) as u8;
    let mut put = |at: usize, bytes: &[u8]| image[at..at + bytes.len()].copy_from_slice(bytes);
    put(fxsave::SW_RESERVED, &FP_XSTATE_MAGIC1.to_le_bytes());
    put(fxsave::SW_RESERVED + 4, &(FPSTATE_SIZE as u32).to_le_bytes());
    put(fxsave::SW_RESERVED + 8, &xsave::XCR0.to_le_bytes());
    put(fxsave::SW_RESERVED + 16, &(xsave::SIZE as u32).to_le_bytes());
    put(xsave::SIZE, &FP_XSTATE_MAGIC2.to_le_bytes());
    image
}

/// `check_xstate_in_sigframe`: which components the area has; none if it is FXSAVE's image alone.
fn components_in_frame(mem: &mut dyn UserMemory, fpstate: u64) -> Result<Option<u64>, Errno> {
    let mut sw = [0; 20];
    mem.read(fpstate.wrapping_add(fxsave::SW_RESERVED as u64), &mut sw)?;
    let word = |at: usize| u32::from_le_bytes(*sw[at..].first_chunk().expect("it has 20 bytes"));
    let (magic, extended_size, size) = (word(0), word(4), word(16));
    let fits = (xsave::YMM as u32..=xsave::SIZE as u32).contains(&size) && size <= extended_size;
    if magic != FP_XSTATE_MAGIC1 || !fits {
        return Ok(None);
    }
    let mut magic = [0; 4];
    mem.read(fpstate.wrapping_add(size.into()), &mut magic)?;
    let components = u64::from(word(8)) | u64::from(word(12)) << 32;
    Ok((u32::from_le_bytes(magic) == FP_XSTATE_MAGIC2).then_some(components & xsave::XCR0))
}

/// `__fpu_restore_sig`: what the frame does not have is reset; what the processor would refuse is an error.
fn restore_fpstate(cpu: &mut Cpu, mem: &mut dyn UserMemory, fpstate: u64) -> Result<(), Errno> {
    match components_in_frame(mem, fpstate)? {
        Some(_) if !fpstate.is_multiple_of(64) => Err(Errno::EFAULT),
        Some(components) => {
            let restored = xsave::restore(&mut cpu.slots, &mut Helped(mem), fpstate, components, true);
            restored.map_err(|_| Errno::EFAULT)?;
            reset_components(&mut cpu.slots, xsave::XCR0 & !components);
            if components & xsave::SSE == 0 {
                set_mxcsr(&mut cpu.slots, MXCSR_RESET);
            }
            Ok(())
        }
        None => {
            let mut state = [0; fxsave::SIZE];
            mem.read(fpstate, &mut state)?;
            if !fpstate.is_multiple_of(16) || !fxsave::is_valid(&state) {
                return Err(Errno::EFAULT);
            }
            fxsave::restore(&mut cpu.slots, &state);
            reset_components(&mut cpu.slots, xsave::AVX);
            Ok(())
        }
    }
}

/// The kernel's way to memory, for helpers.
struct Helped<'a>(&'a mut dyn UserMemory);

impl ir::GuestMemory for Helped<'_> {
    fn read(&mut self, addr: u64, buf: &mut [u8]) -> Result<(), ir::Fault> {
        self.0.read(addr, buf).map_err(|_| ir::Fault { addr, access: ir::Access::Read })
    }
    fn write(&mut self, addr: u64, data: &[u8]) -> Result<(), ir::Fault> {
        self.0.write(addr, data).map_err(|_| ir::Fault { addr, access: ir::Access::Write })
    }
    fn probe_write(&mut self, _: u64, _: usize) -> Result<(), ir::Fault> {
        // Nothing that is restored asks.
        Ok(())
    }
}

/// rt_sigreturn: the restorer has popped the frame's first word.
pub(crate) fn restore_sigframe(cpu: &mut Cpu, path: &mut dyn ReturnPath) -> Result<(), Errno> {
    let sp = cpu.get(RSP);
    let mut image = [0; SIGINFO];
    path.read(sp.wrapping_sub(8), &mut image)?;
    let word = |at: usize| {
        let bytes = image[at..at + 8].first_chunk().expect("the frame has eight bytes there");
        u64::from_le_bytes(*bytes)
    };
    let half = |at: usize| u16::from_le_bytes([image[at], image[at + 1]]);
    path.set_blocked(SigSet(word(UC_SIGMASK)));
    // Since 6.12 the alternate stack comes first, so the handler's stack pointer is what must not be on it.
    let altstack = image[UC_STACK..UC_STACK + 24].first_chunk().expect("the frame has a stack_t there");
    path.restore_altstack(&SigAltStack::decode_64(altstack), sp);
    for (n, reg) in SC_GPRS.into_iter().enumerate() {
        cpu.set(reg, word(SIGCONTEXT + 8 * n));
    }
    cpu.pc = word(SIGCONTEXT + SC_RIP);
    let flags = rflags(&cpu.slots) & !USER_FLAGS | word(SIGCONTEXT + SC_EFLAGS) & USER_FLAGS;
    set_rflags(&mut cpu.slots, flags);
    cpu.set(ORIG_RAX, u64::MAX);
    let fpstate = word(SIGCONTEXT + SC_FPSTATE);
    if fpstate == 0 {
        reset_fpu(cpu);
    } else if let Err(errno) = restore_fpstate(cpu, path, fpstate) {
        reset_fpu(cpu);
        return Err(errno);
    }
    let strict = word(UC) & UC_STRICT_RESTORE_SS != 0;
    let (cs, ss) = (half(SIGCONTEXT + SC_CS), half(SIGCONTEXT + SC_SS));
    // Linux would run 32-bit code through another selector; here there is none.
    let refused = match () {
        () if cs | 3 != USER_CS => cs,
        () if strict && ss | 3 != USER_DS => ss,
        () => return Ok(()),
    };
    traps::bad_iret(cpu, refused);
    Err(Errno::EFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi::{Fields, SEGV_MAPERR, SIGSEGV, SigAction, Siginfo, Sysno, x86_64_sysno};
    use oracle::{Bytes, OneSignal};

    const BASE: u64 = 0x10000;

    fn path(answer: GetSignal) -> OneSignal {
        OneSignal::new(Bytes::new(BASE, 0x4000), answer)
    }

    fn delivery(flags: SaFlags) -> Delivery {
        let fields = Fields::Fault { addr: 0x1234 };
        Delivery {
            info: Siginfo { signo: SIGSEGV, errno: 0, code: SEGV_MAPERR, fields },
            action: SigAction { handler: 0x40_1000, flags, restorer: 0x40_2000, mask: SigSet::EMPTY },
            mask: SigSet(0x5555),
            altstack: SigAltStack::default(),
            trampoline: 0,
        }
    }

    fn full() -> SaFlags {
        SaFlags::SA_SIGINFO | SaFlags::SA_RESTORER
    }

    fn cpu() -> Cpu {
        let mut cpu = Cpu::new(&crate::X86_64);
        crate::process::start_thread(&mut cpu, 0x40_0000, BASE + 0x3000);
        for n in 0..16 {
            if gpr(n) != RSP {
                cpu.set(gpr(n), 0x1111_0000 + u64::from(n));
            }
            cpu.set(xmm(n), u64::from(n) << 32 | 7);
        }
        set_rflags(&mut cpu.slots, 0xcd5);
        set_mxcsr(&mut cpu.slots, 0x3fa0);
        cpu.set(FPU_TAG, 0x81);
        cpu.set(FPU_SW, 7 << 11);
        cpu.set(st(7), 0x8000_0000_0000_0001);
        cpu.set(st(7).up(1), 0xbfff);
        cpu
    }

    /// Offsets from a C program with offsetof on the kernel's structures (facts/ARCHES.md, section 6).
    #[test]
    fn frame_layout() {
        let mut cpu = cpu();
        cpu.set(CR2, 0x1234);
        cpu.set(TRAP_NO, 14);
        let before = cpu.clone();
        let mut path = path(GetSignal::Deliver(Box::new(delivery(full()))));
        do_signal(&mut cpu, &mut path);
        assert_eq!(path.done, Some(Ok(())));
        let frame = cpu.get(RSP);
        assert_eq!(frame % 16, 8);
        assert!(frame + 440 + FPSTATE_SIZE <= BASE + 0x3000 - 128);
        assert_eq!(path.word(frame), 0x40_2000, "the restorer is the return address");
        let uc = frame + 8;
        assert_eq!((path.word(uc), path.word(uc + 8)), (7, 0));
        assert_eq!(path.word(uc + 24) as u32, abi::SS_DISABLE);
        for (at, reg) in
            [(40, 8), (48, 9), (96, 15), (104, 7), (112, 6), (120, 5), (128, 3), (136, 2), (144, 0), (152, 1)]
        {
            assert_eq!(path.word(uc + at), before.get(gpr(reg)), "uc + {at}");
        }
        assert_eq!(path.word(uc + 160), BASE + 0x3000);
        assert_eq!(path.word(uc + 168), before.pc);
        assert_eq!(path.word(uc + 176), 0xcd5 | 0x202);
        assert_eq!(path.word(uc + 184), 0x002b_0000_0000_0033);
        assert_eq!((path.word(uc + 200), path.word(uc + 208), path.word(uc + 216)), (14, 0x5555, 0x1234));
        let fp = path.word(uc + 224);
        assert_eq!(fp % 64, 0);
        assert_eq!(path.word(uc + 296), 0x5555);
        assert_eq!(path.word(frame + 312) as u32, u32::from(SIGSEGV));
        assert_eq!(path.word(fp) as u16, 0x37f);
        assert_eq!(path.word(fp) >> 16 & 0xffff, 7 << 11);
        assert_eq!(path.word(fp) >> 32 & 0xff, 0x81);
        assert_eq!(path.word(fp + 24) as u32, 0x3fa0);
        assert_eq!(path.word(fp + 32), 0x8000_0000_0000_0001, "st(0) first");
        assert_eq!(path.word(fp + 160 + 16 * 15), 15 << 32 | 7);
        assert_eq!((cpu.get(RDI), cpu.get(RSI), cpu.get(RDX)), (SIGSEGV.into(), frame + 312, uc));
        assert_eq!((cpu.get(RAX), cpu.pc), (0, 0x40_1000));
        assert_eq!(rflags(&cpu.slots) & EFLAGS_DF, 0);
        assert_eq!(mxcsr(&cpu.slots), MXCSR_RESET);
    }

    #[test]
    fn what_a_handler_interrupts_comes_back() {
        let mut cpu = cpu();
        let before = crate::regs::canonical(&cpu);
        let mut path = path(GetSignal::Deliver(Box::new(delivery(full()))));
        do_signal(&mut cpu, &mut path);
        for n in 0..16 {
            if gpr(n) != RSP {
                cpu.set(gpr(n), 0);
            }
            cpu.set(xmm(n), 1);
        }
        cpu.set(RSP, cpu.get(RSP) + 8);
        let sp = cpu.get(RSP);
        restore_sigframe(&mut cpu, &mut path).unwrap();
        assert_eq!((path.blocked, path.altstack), (Some(SigSet(0x5555)), Some((SigAltStack::default(), sp))));
        assert_eq!(crate::regs::canonical(&cpu), before);
    }

    #[test]
    fn interrupted_calls_restart_or_fail() {
        let eintr = Errno::EINTR.to_return() as i64;
        let restart = full() | SaFlags::SA_RESTART;
        // (code, handler's flags or none, expected rax in the frame or registers, restarted)
        let cases = [
            (512, Some(full()), eintr, false),
            (512, Some(restart), 35, true),
            (513, Some(full()), 35, true),
            (514, Some(restart), eintr, false),
            (516, Some(restart), eintr, false),
            (512, None, 35, true),
            (513, None, 35, true),
            (514, None, 35, true),
            (516, None, 219, true),
        ];
        for (code, flags, rax, restarted) in cases {
            let mut cpu = cpu();
            cpu.set(RAX, 35);
            let request = crate::syscall::enter(&mut cpu);
            assert_eq!(request.sysno, Some(Sysno::Nanosleep));
            cpu.set(RAX, -i64::from(code) as u64);
            let pc = cpu.pc - if restarted { 2 } else { 0 };
            let answer = flags.map_or(GetSignal::Nothing, |flags| GetSignal::Deliver(Box::new(delivery(flags))));
            let mut path = path(answer);
            do_signal(&mut cpu, &mut path);
            if flags.is_some() {
                let uc = cpu.get(RSP) + 8;
                assert_eq!((path.word(uc + 144) as i64, path.word(uc + 168)), (rax, pc), "{code} {flags:?}");
            } else {
                assert_eq!((cpu.get(RAX) as i64, cpu.pc), (rax, pc), "{code}");
                assert!(path.mask_restored);
            }
        }
    }

    #[test]
    fn a_running_program_is_not_restarted() {
        let mut cpu = cpu();
        crate::syscall::enter(&mut cpu);
        cpu.pc += 4;
        cpu.set(RAX, -512i64 as u64);
        do_signal(&mut cpu, &mut path(GetSignal::Nothing));
        assert_eq!((cpu.get(RAX) as i64, cpu.pc), (-512, 0x40_0004));
        do_signal(&mut cpu, &mut path(GetSignal::Away));
        assert_eq!((cpu.get(RAX) as i64, cpu.pc), (-512, 0x40_0004));
    }

    #[test]
    fn alternate_stacks() {
        let mut d = delivery(full() | SaFlags::SA_ONSTACK);
        d.altstack = SigAltStack { sp: BASE, flags: 0, size: 0x800 };
        let mut cpu = cpu();
        let mut path = path(GetSignal::Deliver(Box::new(d.clone())));
        do_signal(&mut cpu, &mut path);
        assert!((BASE..BASE + 0x800).contains(&cpu.get(RSP)));
        // A second signal goes on below the first, a third finds no room.
        path.next = GetSignal::Deliver(Box::new(d.clone()));
        do_signal(&mut cpu, &mut path);
        assert_eq!(path.done, Some(Err(Errno::EFAULT)));
        assert!((BASE..BASE + 0x800).contains(&cpu.get(RSP)), "nothing changed");
    }

    #[test]
    fn bad_frames_are_refused() {
        let mut c = cpu();
        let mut path = path(GetSignal::Deliver(Box::new(delivery(SaFlags::SA_SIGINFO))));
        do_signal(&mut c, &mut path);
        assert_eq!(path.done, Some(Err(Errno::EFAULT)), "no restorer");
        assert_eq!(c.get(RSP), BASE + 0x3000);

        c.set(RSP, 0x20);
        path.next = GetSignal::Deliver(Box::new(delivery(full())));
        do_signal(&mut c, &mut path);
        assert_eq!(path.done, Some(Err(Errno::EFAULT)), "no stack");

        let mut c = cpu();
        path.next = GetSignal::Deliver(Box::new(delivery(full())));
        do_signal(&mut c, &mut path);
        c.set(RSP, c.get(RSP) + 8);
        let fp = path.word(c.get(RSP) + 224);
        let good = path.stack.bytes.clone();
        path.write(fp + 24, &[0xff; 4]).unwrap();
        let mut refused = c.clone();
        refused.set(gpr(15), 0);
        assert_eq!(restore_sigframe(&mut refused, &mut path), Err(Errno::EFAULT), "reserved bits of mxcsr");
        // Everything in front of the floating-point state is the frame's by then.
        assert_eq!((path.blocked, refused.get(gpr(15))), (Some(SigSet(0x5555)), c.get(gpr(15))));
        assert_eq!((refused.get(RSP), mxcsr(&refused.slots)), (BASE + 0x3000, MXCSR_RESET));
        path.stack.bytes.clone_from(&good);
        let cs = c.get(RSP) + 40 + 144;
        path.write(cs, &[0x23]).unwrap();
        assert_eq!(restore_sigframe(&mut c.clone(), &mut path), Err(Errno::EFAULT), "32-bit code");
        path.stack.bytes.clone_from(&good);
        // Flags user space may not set do not come back.
        path.write(c.get(RSP) + 40 + 136, &[0xff; 8]).unwrap();
        restore_sigframe(&mut c, &mut path).unwrap();
        assert_eq!(rflags(&c.slots), 0x4_0fd7);
    }

    /// The red zone is left alone before anybody asks where the stack pointer is (`get_sigframe`).
    #[test]
    fn the_red_zone_decides_about_the_alternate_stack() {
        let deliver = |sp: u64, flags: u32| {
            let mut d = delivery(full() | SaFlags::SA_ONSTACK);
            d.altstack = SigAltStack { sp: BASE + 0x1000, flags, size: 0x1000 };
            let mut cpu = cpu();
            cpu.set(RSP, sp);
            let mut path = path(GetSignal::Deliver(Box::new(d)));
            do_signal(&mut cpu, &mut path);
            (path.done.unwrap(), cpu.get(RSP))
        };
        let size = SIGFRAME_SIZE;
        let top = BASE + 0x2000;
        // Not on the stack, but it would be below its red zone: the frame goes there, and no further up.
        let (done, frame) = deliver(top + 64, 0);
        assert_eq!(done, Ok(()));
        assert!((top - 64 - size..top - 64 - size + 64 + 15).contains(&frame), "{frame:#x}");
        // On it, but below the red zone no more: it begins anew.
        let (done, frame) = deliver(BASE + 0x1000 + 64, 0);
        assert_eq!(done, Ok(()));
        assert!((top - size..top).contains(&frame), "{frame:#x}");
        // One that is disarmed by delivery is never in use.
        let (done, frame) = deliver(BASE + 0x1c00, abi::SS_AUTODISARM);
        assert_eq!(done, Ok(()));
        assert!((top - size..top).contains(&frame), "{frame:#x}");
    }

    /// As Linux 6.18 answers: through IRET's fault if at all.
    #[test]
    fn selectors_of_a_frame() {
        let restore = |at: usize, selector: u16, uc_flags: u64| {
            let mut c = cpu();
            let mut path = path(GetSignal::Deliver(Box::new(delivery(full()))));
            do_signal(&mut c, &mut path);
            let frame = c.get(RSP);
            c.set(RSP, frame + 8);
            path.write(frame + UC as u64, &uc_flags.to_le_bytes()).unwrap();
            path.write(frame + (SIGCONTEXT + at) as u64, &selector.to_le_bytes()).unwrap();
            restore_sigframe(&mut c, &mut path).map_err(|_| (c.get(TRAP_NO), c.get(ERROR_CODE), c.get(RSP)))
        };
        assert_eq!(restore(SC_SS, 0x28, 7), Ok(()), "the privilege level is given");
        assert_eq!(restore(SC_CS, 0x30, 7), Ok(()));
        for selector in [0, 0x33, 0x23, 0x5b, 0x7b] {
            let error_code = u64::from(selector) & !3;
            assert_eq!(restore(SC_SS, selector, 7), Err((13, error_code, BASE + 0x3000)), "{selector:#x}");
            assert_eq!(restore(SC_SS, selector, 3), Ok(()), "{selector:#x} without UC_STRICT_RESTORE_SS");
        }
        for selector in [0, 0x2b, 0xfff8] {
            let error_code = u64::from(selector) & !3;
            assert_eq!(restore(SC_CS, selector, 3), Err((13, error_code, BASE + 0x3000)), "{selector:#x}");
        }
    }

    #[test]
    fn restart_syscall_has_the_number_used() {
        assert_eq!(x86_64_sysno(RESTART_SYSCALL), Some(Sysno::RestartSyscall));
    }
}
