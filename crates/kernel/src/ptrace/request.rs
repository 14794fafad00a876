//! ptrace(2): what a tracer asks for (kernel/ptrace.c: ptrace_request).
use crate::syscall::{Call, Outcome, Row, partial};
use crate::{Kernel, Result, Tid, TraceKind};
use abi::*;
use arch::Tif;

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    partial(Sysno::Ptrace, ptrace, "no seccomp, hardware breakpoints, branch stepping, SYSEMU or SET_SYSCALL_INFO"),
];

/// Words of a tracer are this long: PEEK and POKE.
const WORD: usize = 8;

fn ptrace(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [request, pid, addr, data, ..] = call.args;
    if request == PTRACE_TRACEME {
        return kernel.ptrace_traceme(tid).into();
    }
    let child = u32::try_from(pid as i32).map(Tid).ok();
    let Some(child) = child.filter(|&child| kernel.tasks.get(child).is_some()) else { return Errno::ESRCH.into() };
    if request == PTRACE_ATTACH {
        return kernel.ptrace_attach(tid, call, child, None);
    }
    if request == PTRACE_SEIZE {
        return match seize_options(addr, data) {
            Ok(options) => kernel.ptrace_attach(tid, call, child, Some(options)),
            Err(errno) => errno.into(),
        };
    }
    // `ptrace_check_attach`.
    let task = &kernel.tasks[child];
    let traced = task.ptrace.as_ref().is_some_and(|ptrace| ptrace.tracer == tid);
    let anytime = matches!(request, PTRACE_KILL | PTRACE_INTERRUPT);
    if !traced || !anytime && !task.is_held() {
        return Errno::ESRCH.into();
    }
    let result = match request {
        PTRACE_PEEKUSR => task.arch().abi.peek_user(&task.cpu, addr).and_then(|word| put_word(kernel, tid, data, word)),
        PTRACE_POKEUSR => {
            let cpu = &mut kernel.tasks[child].cpu;
            cpu.arch.abi.poke_user(cpu, addr, data).map(|()| 0)
        }
        _ if task.arch().abi.regset_request(request).is_some() => kernel.ptrace_own_regset(tid, child, request, data),
        _ => ptrace_request(kernel, tid, child, [request, addr, data]),
    };
    result.into()
}

/// SEIZE has always refused unknown options with EIO.
fn seize_options(addr: u64, data: u64) -> Result<PtraceOptions> {
    if addr != 0 {
        return Err(Errno::EIO);
    }
    let options = u32::try_from(data).ok().and_then(PtraceOptions::from_bits).ok_or(Errno::EIO)?;
    check_options(options)
}

/// `check_ptrace_options`: there is no seccomp to suspend.
fn check_options(options: PtraceOptions) -> Result<PtraceOptions> {
    if options.contains(PtraceOptions::SUSPEND_SECCOMP) { Err(Errno::EINVAL) } else { Ok(options) }
}

fn put_word(kernel: &mut Kernel, tid: Tid, addr: u64, word: u64) -> Result<u64> {
    kernel.user(tid).write_u64(addr, word).map(|()| 0)
}

/// `ptrace_request`: what is the same on all architectures.
fn ptrace_request(kernel: &mut Kernel, tid: Tid, child: Tid, [request, addr, data]: [u64; 3]) -> Result<u64> {
    match request {
        PTRACE_PEEKTEXT | PTRACE_PEEKDATA => {
            let mut word = [0; WORD];
            if kernel.read_vm(child, addr, &mut word, true) != WORD {
                return Err(Errno::EIO);
            }
            put_word(kernel, tid, data, u64::from_le_bytes(word))
        }
        PTRACE_POKETEXT | PTRACE_POKEDATA => {
            let written = kernel.write_vm(child, addr, &data.to_le_bytes(), true);
            if written == WORD { Ok(0) } else { Err(Errno::EIO) }
        }
        PTRACE_OLDSETOPTIONS | PTRACE_SETOPTIONS => {
            let options = u32::try_from(data).ok().and_then(PtraceOptions::from_bits).ok_or(Errno::EINVAL)?;
            let options = check_options(options)?;
            if let Some(ptrace) = &mut kernel.tasks[child].ptrace {
                ptrace.options = options;
            }
            Ok(0)
        }
        PTRACE_GETEVENTMSG => {
            let message = kernel.tasks[child].trace_stop.as_ref().map_or(0, |stop| stop.message);
            put_word(kernel, tid, data, message)
        }
        PTRACE_PEEKSIGINFO => kernel.ptrace_peek_siginfo(tid, child, addr, data),
        PTRACE_GETSIGINFO => kernel.ptrace_get_siginfo(tid, child, data),
        PTRACE_SETSIGINFO => kernel.ptrace_set_siginfo(tid, child, data),
        PTRACE_GETSIGMASK => kernel.ptrace_get_sigmask(tid, child, addr, data),
        PTRACE_SETSIGMASK => kernel.ptrace_set_sigmask(tid, child, addr, data),
        PTRACE_INTERRUPT => {
            if !is_seized(kernel, child) {
                return Err(Errno::EIO);
            }
            if kernel.set_trap_stop(child) {
                let listening = kernel.tasks[child].signal.listening;
                kernel.ptrace_signal_wake_up(child, listening);
            }
            Ok(0)
        }
        PTRACE_LISTEN => {
            if !is_seized(kernel, child) || !kernel.tasks[child].is_event_stopped() {
                return Err(Errno::EIO);
            }
            let signal = &mut kernel.tasks[child].signal;
            signal.listening = true;
            // Something happened between the stop and now: it stops again, to say so.
            if signal.trap_notify {
                kernel.ptrace_signal_wake_up(child, true);
            }
            Ok(0)
        }
        PTRACE_DETACH => kernel.ptrace_detach(child, data).map(|()| 0),
        PTRACE_CONT | PTRACE_SYSCALL | PTRACE_SINGLESTEP => ptrace_resume(kernel, child, request, data),
        PTRACE_KILL => {
            let info = crate::syscall::by_user(kernel, tid, SIGKILL, SI_USER);
            kernel.send_to_group(kernel.tasks[child].tgid, info);
            Ok(0)
        }
        PTRACE_GETREGSET | PTRACE_SETREGSET => kernel.ptrace_regset(tid, child, request, addr, data),
        PTRACE_GET_SYSCALL_INFO => kernel.ptrace_get_syscall_info(tid, child, addr, data),
        _ => {
            kernel.trace.line(TraceKind::Missing, || format!("[{}] ptrace: request {request:#x}", tid.0));
            Err(Errno::EIO)
        }
    }
}

fn is_seized(kernel: &Kernel, tid: Tid) -> bool {
    kernel.tasks[tid].ptrace.as_ref().is_some_and(|ptrace| ptrace.seized)
}

/// `ptrace_resume`.
fn ptrace_resume(kernel: &mut Kernel, child: Tid, request: u64, data: u64) -> Result<u64> {
    if !u8::try_from(data).is_ok_and(|signo| signo == 0 || valid_signal(signo)) {
        return Err(Errno::EIO);
    }
    let task = &mut kernel.tasks[child];
    if request == PTRACE_SINGLESTEP && !task.arch().abi.has_single_step() {
        return Err(Errno::EIO);
    }
    if request == PTRACE_SYSCALL {
        task.thread_info.set(Tif::SyscallTrace);
    } else {
        task.thread_info.clear(Tif::SyscallTrace);
    }
    task.single_step = request == PTRACE_SINGLESTEP;
    if let Some(stop) = &mut task.trace_stop {
        stop.code = data as u32;
    }
    kernel.tasks.wake_up(child);
    Ok(0)
}
