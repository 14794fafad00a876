//! eventfd(2), epoll(7), memfd_create(2).
use super::io::finish;
use super::poll::set_user_sigmask;
use super::table::{Row, full, partial};
use super::{Call, OnSignal, Outcome, Progress, Sleep, SleepKind};
use crate::vfs::{NewNode, Opened};
use crate::{Kernel, Result, Tid};
use abi::{
    EFD_SEMAPHORE, EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, EpollEvent, Errno, MFD_ALLOW_SEALING,
    MFD_CLOEXEC, MFD_EXEC, MFD_NOEXEC_SEAL, OpenFlags, Sysno, Timespec,
};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::Eventfd, |k, t, c| eventfd(k, t, c.args[0], 0).into()),
    full(Sysno::Eventfd2, |k, t, c| eventfd(k, t, c.args[0], c.args[1] as u32).into()),
    full(Sysno::EpollCreate, |k, t, c| epoll_create(k, t, c).into()),
    full(Sysno::EpollCreate1, |k, t, c| epoll_create1(k, t, c.args[0] as u32).into()),
    full(Sysno::EpollCtl, |k, t, c| epoll_ctl(k, t, c).into()),
    full(Sysno::EpollWait, |k, t, c| finish(epoll_wait(k, t, c, 0))),
    full(Sysno::EpollPwait, |k, t, c| { let mask = c.args[4]; finish(epoll_wait(k, t, c, mask)) }),
    full(Sysno::EpollPwait2, |k, t, c| finish(epoll_pwait2(k, t, c))),
    partial(Sysno::MemfdCreate, |k, t, c| memfd_create(k, t, c).into(), "no seals, no huge pages"),
];

fn eventfd(kernel: &mut Kernel, tid: Tid, count: u64, flags: u32) -> Result<u64> {
    let open = OpenFlags::from_bits_truncate(flags & !EFD_SEMAPHORE);
    if !(OpenFlags::O_CLOEXEC | OpenFlags::O_NONBLOCK).contains(open) {
        return Err(Errno::EINVAL);
    }
    let semaphore = flags & EFD_SEMAPHORE != 0;
    let file = kernel.new_eventfd(tid, count as u32, semaphore, open & OpenFlags::O_NONBLOCK)?;
    Ok(kernel.install_fd(tid, file, 0, open.contains(OpenFlags::O_CLOEXEC))? as u64)
}

fn epoll_create(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<u64> {
    if call.args[0] as i32 <= 0 {
        return Err(Errno::EINVAL);
    }
    epoll_create1(kernel, tid, 0)
}

fn epoll_create1(kernel: &mut Kernel, tid: Tid, flags: u32) -> Result<u64> {
    if flags & !EPOLL_CLOEXEC != 0 {
        return Err(Errno::EINVAL);
    }
    let file = kernel.new_epoll(tid)?;
    Ok(kernel.install_fd(tid, file, 0, flags & EPOLL_CLOEXEC != 0)? as u64)
}

/// The length of the guest's `struct epoll_event`.
fn event_len(kernel: &Kernel, tid: Tid) -> usize {
    if kernel.tasks[tid].arch().abi.packs_epoll_event() { 12 } else { 16 }
}

fn epoll_ctl(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let (op, fd, event) = (call.args[1] as u32, call.args[2] as i32, call.args[3]);
    let mut raw = [0; 16];
    let len = event_len(kernel, tid);
    if op != EPOLL_CTL_DEL {
        kernel.user(tid).read(event, &mut raw[..len])?;
    }
    let event = match raw.first_chunk::<12>() {
        Some(packed) if len == 12 => EpollEvent::decode_x86_64(packed),
        _ => EpollEvent::decode_generic_64(&raw),
    };
    let epoll = kernel.fd_file(tid, call.args[0] as i32)?;
    let file = kernel.fd_file(tid, fd)?;
    let id = kernel.epoll_of(epoll)?;
    if epoll == file {
        return Err(Errno::EINVAL);
    }
    match op {
        EPOLL_CTL_ADD => kernel.epoll_add(tid, id, fd, file, event.events, event.data),
        EPOLL_CTL_MOD => kernel.epoll_modify(id, fd, file, event.events, event.data),
        EPOLL_CTL_DEL => kernel.epoll_remove(id, fd, file),
        _ => Err(Errno::EINVAL),
    }
}

fn epoll_wait(kernel: &mut Kernel, tid: Tid, call: &mut Call, mask: u64) -> Result<Outcome> {
    let timeout = u64::try_from(call.args[3] as i32).ok().map(|ms| ms * 1_000_000);
    wait(kernel, tid, call, timeout, mask)
}

fn epoll_pwait2(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let [_, _, _, timeout, mask, _] = call.args;
    let mut ns = None;
    if timeout != 0 {
        let mut raw = [0; 16];
        kernel.user(tid).read(timeout, &mut raw)?;
        ns = Some(Timespec::decode_64(&raw).to_ns().ok_or(Errno::EINVAL)?);
    }
    wait(kernel, tid, call, ns, mask)
}

fn wait(kernel: &mut Kernel, tid: Tid, call: &mut Call, timeout: Option<u64>, mask: u64) -> Result<Outcome> {
    let (array, max) = (call.args[1], call.args[2] as i32);
    let len = event_len(kernel, tid);
    let max = usize::try_from(max).ok().filter(|&max| (1..=i32::MAX as usize / 16).contains(&max));
    let max = max.ok_or(Errno::EINVAL)?;
    let epoll = kernel.fd_file(tid, call.args[0] as i32)?;
    let id = kernel.epoll_of(epoll)?;
    let deadline = match call.progress {
        Progress::State(_, deadline) => deadline,
        _ => {
            set_user_sigmask(kernel, tid, mask, if mask == 0 { 0 } else { call.args[5] })?;
            timeout.map(|ns| kernel.clock.now.saturating_add(ns))
        }
    };
    let (ready, mut keys) = kernel.epoll_ready(tid, id, max, true);
    if ready.is_empty() && deadline.is_none_or(|deadline| deadline > kernel.clock.now) {
        keys.sort_unstable();
        keys.dedup();
        return Ok(Outcome::Sleep(Sleep {
            on: keys,
            until: deadline,
            kind: SleepKind::Interruptible,
            freezable: false,
            // E08-05: not restarted.
            on_signal: OnSignal::Return(Err(Errno::EINTR)),
            progress: Progress::State(0, deadline),
            wchan: "ep_poll",
        }));
    }
    let mut raw = Vec::with_capacity(ready.len() * len);
    for &(events, data) in &ready {
        let event = EpollEvent { events, data };
        match len {
            12 => raw.extend(event.encode_x86_64()),
            _ => raw.extend(event.encode_generic_64()),
        }
    }
    kernel.user(tid).write(array, &raw)?;
    Ok(Outcome::Done(Ok(ready.len() as u64)))
}

fn memfd_create(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<u64> {
    let (name, flags) = (call.args[0], call.args[1] as u32);
    if flags & !(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC | MFD_NOEXEC_SEAL) != 0 {
        return Err(Errno::EINVAL);
    }
    if flags & MFD_EXEC != 0 && flags & MFD_NOEXEC_SEAL != 0 {
        return Err(Errno::EINVAL);
    }
    const LONGEST: usize = abi::NAME_MAX - "memfd:".len();
    let name = kernel.user(tid).read_cstr(name, LONGEST).map_err(|errno| match errno {
        Errno::ENAMETOOLONG => Errno::EINVAL,
        errno => errno,
    })?;
    let mut who = kernel.who(tid);
    who.umask = 0;
    let mode = if flags & MFD_NOEXEC_SEAL != 0 { 0o666 } else { 0o777 };
    let path = kernel.new_memfd(&who, &[b"memfd:", &name[..]].concat(), NewNode::File, mode)?;
    let Opened::Now(file) = kernel.open_place(&who, path, OpenFlags::O_RDWR, true)? else {
        return Err(Errno::EINVAL);
    };
    Ok(kernel.install_fd(tid, file, 0, flags & MFD_CLOEXEC != 0)? as u64)
}
