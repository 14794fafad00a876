//! signalfd(2) and signalfd4(2).
use super::Call;
use super::signal::read_sigset;
use super::table::{Row, full};
use crate::{Kernel, Result, Tid, WaitKey};
use abi::{Errno, OpenFlags, SigSet, Sysno};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::Signalfd, |k, t, c| signalfd(k, t, c, 0).into()),
    full(Sysno::Signalfd4, |k, t, c| signalfd(k, t, c, c.args[3] as u32).into()),
];

fn signalfd(kernel: &mut Kernel, tid: Tid, call: &Call, flags: u32) -> Result<u64> {
    let [fd, set, size, ..] = call.args;
    let set = read_sigset(kernel, tid, set, size)?.without(SigSet::UNBLOCKABLE);
    let flags = kernel.tasks[tid].arch().abi.open_flags().decode(flags);
    if !(OpenFlags::O_CLOEXEC | OpenFlags::O_NONBLOCK).contains(flags) {
        return Err(Errno::EINVAL);
    }
    if fd as i32 != -1 {
        let file = kernel.fd_file(tid, fd as i32)?;
        *kernel.signalfd_mut(file)? = set;
        // What it waits for now may be pending already.
        kernel.notify(WaitKey::SignalFd(kernel.tasks[tid].tgid));
        return Ok(u64::from(fd as u32));
    }
    let file = kernel.new_signalfd(tid, set, flags & OpenFlags::O_NONBLOCK)?;
    Ok(kernel.install_fd(tid, file, 0, flags.contains(OpenFlags::O_CLOEXEC))? as u64)
}
