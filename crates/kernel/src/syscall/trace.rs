//! The system call trace: `[tid arch comm] name(args) = result`, written when the call ends.
use super::Call;
use crate::{Kernel, Result, Tid, TraceKind};
use abi::{AT_FDCWD, ArgKind, Restart, Sysno, signal_name};

/// Bytes of a string that are shown.
const SHOWN: usize = 64;

/// The line up to the result; strings are read now, they may be gone by then.
pub(super) fn begin(kernel: &mut Kernel, tid: Tid, sysno: Sysno, args: &[u64; 6]) -> Option<String> {
    if !kernel.trace.is_on(TraceKind::Syscall) {
        return None;
    }
    let shown: Vec<String> =
        sysno.args().iter().zip(args).map(|(&kind, &value)| argument(kernel, tid, kind, value)).collect();
    Some(format!("{} {}({})", kernel.tasks[tid].label(), sysno.name(), shown.join(", ")))
}

pub(super) fn end(kernel: &mut Kernel, call: &Call, result: impl FnOnce(&Call) -> String) {
    if let Some(begin) = &call.trace {
        kernel.trace.line(TraceKind::Syscall, || format!("{begin} = {}", result(call)));
    }
}

fn argument(kernel: &mut Kernel, tid: Tid, kind: ArgKind, value: u64) -> String {
    match kind {
        ArgKind::Int => (value as i64).to_string(),
        ArgKind::Hex | ArgKind::Flags => format!("{value:#x}"),
        ArgKind::Ptr | ArgKind::Str | ArgKind::Path if value == 0 => "NULL".into(),
        ArgKind::Ptr => format!("{value:#x}"),
        ArgKind::Str | ArgKind::Path => match kernel.user(tid).read_cstr(value, abi::PATH_MAX) {
            Ok(text) if text.len() > SHOWN => format!("{:?}...", String::from_utf8_lossy(&text[..SHOWN])),
            Ok(text) => format!("{:?}", String::from_utf8_lossy(&text)),
            Err(_) => format!("{value:#x}"),
        },
        ArgKind::Fd if value as i32 == AT_FDCWD => "AT_FDCWD".into(),
        ArgKind::Fd | ArgKind::Pid => (value as i32).to_string(),
        ArgKind::Mode => format!("{value:#o}"),
        ArgKind::Sig => match u8::try_from(value) {
            Ok(signo) if abi::valid_signal(signo) => signal_name(signo),
            _ => (value as i64).to_string(),
        },
        ArgKind::Size => value.to_string(),
    }
}

pub(super) fn result(call: &Call, result: Result<u64>) -> String {
    match result {
        Ok(value) if matches!(call.sysno, Sysno::Mmap | Sysno::Brk | Sysno::Mremap | Sysno::Shmat) => {
            format!("{value:#x}")
        }
        Ok(value) => (value as i64).to_string(),
        Err(errno) => format!("-1 {errno}"),
    }
}

/// As strace says it.
pub(super) fn restart(how: Restart) -> &'static str {
    match how {
        Restart::Sys => "? ERESTARTSYS",
        Restart::NoIntr => "? ERESTARTNOINTR",
        Restart::NoHand => "? ERESTARTNOHAND",
        Restart::Block => "? ERESTART_RESTARTBLOCK",
    }
}
