//! exit, prctl, and what a task sets up about itself.
use super::{Call, Outcome, Row, full, partial};
use crate::task::{do_exit, do_group_exit};
use crate::{Kernel, Result, Tid, TraceKind};
use abi::*;

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::Exit, exit),
    full(Sysno::ExitGroup, exit_group),
    full(Sysno::SetTidAddress, set_tid_address),
    full(Sysno::SetRobustList, set_robust_list),
    full(Sysno::GetRobustList, get_robust_list),
    partial(Sysno::Rseq, rseq, "ENOSYS, as without CONFIG_RSEQ"),
    full(Sysno::Membarrier, membarrier),
    partial(Sysno::Prctl, prctl, "no seccomp, no memory map changes; EINVAL"),
    partial(Sysno::Personality, personality, "kept, but nothing follows it"),
    partial(Sysno::Ptrace, ptrace, "ENOSYS"),
    full(Sysno::Getcpu, getcpu),
];

fn exit(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    do_exit(kernel, tid, WaitStatus::Exited { code: call.args[0] as u8 }.encode());
    Outcome::NoReturn
}

fn exit_group(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    do_group_exit(kernel, tid, WaitStatus::Exited { code: call.args[0] as u8 }.encode());
    Outcome::NoReturn
}

fn set_tid_address(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    kernel.tasks[tid].clear_child_tid = call.args[0];
    Outcome::Done(Ok(tid.0.into()))
}

/// `sizeof(struct robust_list_head)`.
const ROBUST_LIST_HEAD: u64 = 24;

fn set_robust_list(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [head, len, ..] = call.args;
    if len != ROBUST_LIST_HEAD {
        return Errno::EINVAL.into();
    }
    kernel.tasks[tid].robust_list = head;
    Outcome::Done(Ok(0))
}

fn get_robust_list(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [pid, head, len, ..] = call.args;
    let target = if pid as u32 == 0 { tid } else { Tid(pid as u32) };
    let Some(task) = kernel.tasks.get(target) else { return Errno::ESRCH.into() };
    // `ptrace_may_access` with PTRACE_MODE_READ.
    let (own, of) = (&kernel.tasks[tid].cred, &task.cred);
    if target != tid && own.uid != of.uid && !own.capable(CAP_SYS_PTRACE) {
        return Errno::EPERM.into();
    }
    let list = task.robust_list;
    let mut user = kernel.user(tid);
    user.write_u64(len, ROBUST_LIST_HEAD).and_then(|()| user.write_u64(head, list)).into()
}

fn rseq(_kernel: &mut Kernel, _tid: Tid, _call: &mut Call) -> Outcome {
    Errno::ENOSYS.into()
}

/// One owner runs all virtual CPUs in turn, so every task is always behind a barrier.
fn membarrier(_kernel: &mut Kernel, _tid: Tid, call: &mut Call) -> Outcome {
    /// MEMBARRIER_CMD_GLOBAL, GLOBAL_EXPEDITED, PRIVATE_EXPEDITED, their registrations and SYNC_CORE's.
    const KNOWN: u64 = 0x7f;
    let [command, flags, ..] = call.args;
    match command as u32 {
        _ if flags as u32 != 0 => Errno::EINVAL.into(),
        0 => Outcome::Done(Ok(KNOWN)),
        command if command.is_power_of_two() && u64::from(command) & KNOWN != 0 => Outcome::Done(Ok(0)),
        _ => Errno::EINVAL.into(),
    }
}

fn prctl(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    do_prctl(kernel, tid, call.args).into()
}

fn do_prctl(kernel: &mut Kernel, tid: Tid, args: [u64; 6]) -> Result<u64> {
    let [option, arg, arg3, arg4, arg5, _] = args;
    let unused = |rest: &[u64]| if rest.iter().all(|&arg| arg == 0) { Ok(()) } else { Err(Errno::EINVAL) };
    match option as i32 {
        PR_SET_PDEATHSIG => {
            let signo = u8::try_from(arg).ok().filter(|&signo| signo <= NSIG).ok_or(Errno::EINVAL)?;
            kernel.tasks[tid].pdeath_signal = signo;
        }
        PR_GET_PDEATHSIG => {
            let signo = kernel.tasks[tid].pdeath_signal;
            kernel.user(tid).write_u32(arg, signo.into())?;
        }
        PR_GET_DUMPABLE => return Ok(kernel.tasks.group_of(tid).dumpable.into()),
        PR_SET_DUMPABLE if arg <= 1 => kernel.tasks.group_of_mut(tid).dumpable = arg == 1,
        PR_GET_KEEPCAPS => return Ok(kernel.tasks[tid].keep_caps.into()),
        PR_SET_KEEPCAPS if arg <= 1 => kernel.tasks[tid].keep_caps = arg == 1,
        PR_SET_NAME => {
            let mut name = [0; TASK_COMM_LEN - 1];
            read_name(kernel, tid, arg, &mut name)?;
            let len = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
            kernel.tasks[tid].comm = name[..len].to_vec();
        }
        PR_GET_NAME => {
            let mut name = [0; TASK_COMM_LEN];
            let comm = &kernel.tasks[tid].comm;
            let len = comm.len().min(TASK_COMM_LEN - 1);
            name[..len].copy_from_slice(&comm[..len]);
            kernel.user(tid).write(arg, &name)?;
        }
        PR_SET_TIMERSLACK => kernel.tasks[tid].timer_slack = if arg == 0 { 50_000 } else { arg },
        PR_GET_TIMERSLACK => return Ok(kernel.tasks[tid].timer_slack),
        PR_SET_CHILD_SUBREAPER => kernel.tasks.group_of_mut(tid).child_subreaper = arg != 0,
        PR_GET_CHILD_SUBREAPER => {
            let subreaper = kernel.tasks.group_of(tid).child_subreaper;
            kernel.user(tid).write_u32(arg, subreaper.into())?;
        }
        PR_SET_NO_NEW_PRIVS => {
            unused(&[arg3, arg4, arg5])?;
            if arg != 1 {
                return Err(Errno::EINVAL);
            }
            kernel.tasks[tid].cred.no_new_privs = true;
        }
        PR_GET_NO_NEW_PRIVS => {
            unused(&[arg, arg3, arg4, arg5])?;
            return Ok(kernel.tasks[tid].cred.no_new_privs.into());
        }
        PR_CAPBSET_READ if arg <= CAP_LAST_CAP.into() => return Ok(kernel.tasks[tid].cred.cap_bounding >> arg & 1),
        PR_CAPBSET_DROP if arg <= CAP_LAST_CAP.into() => {
            let cred = &mut kernel.tasks[tid].cred;
            if !cred.has_cap(CAP_SETPCAP) {
                return Err(Errno::EPERM);
            }
            cred.cap_bounding &= !(1 << arg);
        }
        PR_CAP_AMBIENT => return cap_ambient(kernel, tid, arg, arg3),
        PR_GET_SECUREBITS => return Ok(if kernel.tasks[tid].keep_caps { 1 << 4 } else { 0 }),
        PR_GET_SECCOMP => return Ok(0),
        PR_GET_TID_ADDRESS => {
            let addr = kernel.tasks[tid].clear_child_tid;
            kernel.user(tid).write_u64(arg, addr)?;
        }
        PR_GET_THP_DISABLE => unused(&[arg, arg3, arg4, arg5])?,
        // Names of anonymous memory: EINVAL without CONFIG_ANON_VMA_NAME, which libcs expect.
        PR_SET_VMA => return Err(Errno::EINVAL),
        option => {
            kernel.trace.line(TraceKind::Missing, || format!("[{}] prctl option {option}", tid.0));
            return Err(Errno::EINVAL);
        }
    }
    Ok(0)
}

/// `strncpy_from_user`: up to the NUL, which may end at the last byte of memory.
fn read_name(kernel: &mut Kernel, tid: Tid, addr: u64, name: &mut [u8]) -> Result<()> {
    for at in 0..name.len() {
        kernel.user(tid).read(addr.wrapping_add(at as u64), &mut name[at..=at])?;
        if name[at] == 0 {
            break;
        }
    }
    Ok(())
}

fn cap_ambient(kernel: &mut Kernel, tid: Tid, what: u64, cap: u64) -> Result<u64> {
    const IS_SET: u64 = 1;
    const RAISE: u64 = 2;
    const LOWER: u64 = 3;
    const CLEAR_ALL: u64 = 4;
    let cred = &mut kernel.tasks[tid].cred;
    if what == CLEAR_ALL && cap == 0 {
        cred.cap_ambient = 0;
        return Ok(0);
    }
    if cap > CAP_LAST_CAP.into() {
        return Err(Errno::EINVAL);
    }
    let bit = 1 << cap;
    match what {
        IS_SET => return Ok((cred.cap_ambient & bit != 0).into()),
        RAISE if cred.cap_permitted & cred.cap_inheritable & bit == 0 => return Err(Errno::EPERM),
        RAISE => cred.cap_ambient |= bit,
        LOWER => cred.cap_ambient &= !bit,
        _ => return Err(Errno::EINVAL),
    }
    Ok(0)
}

/// Asked with 0xffffffff; PER_LINUX can be set.
fn personality(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let wanted = call.args[0] as u32;
    let task = &mut kernel.tasks[tid];
    let before = task.personality;
    if wanted != u32::MAX {
        task.personality = wanted;
    }
    Outcome::Done(Ok(before.into()))
}

fn ptrace(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let request = call.args[0];
    kernel.trace.line(TraceKind::Missing, || format!("[{}] ptrace request {request}", tid.0));
    Errno::ENOSYS.into()
}

fn getcpu(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Outcome {
    let [cpu, node, ..] = call.args;
    let number = kernel.tasks[tid].sched.cpu;
    let mut user = kernel.user(tid);
    let mut put = |addr: u64, value: u32| if addr == 0 { Ok(()) } else { user.write_u32(addr, value) };
    put(cpu, number).and_then(|()| put(node, 0)).into()
}
