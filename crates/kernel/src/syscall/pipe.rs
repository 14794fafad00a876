//! pipe(2) and pipe2(2).
use super::Call;
use super::table::{Row, full, partial};
use crate::{Kernel, Result, Tid};
use abi::{Errno, OpenFlags, Sysno};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    full(Sysno::Pipe, |k, t, c| pipe(k, t, c.args[0], OpenFlags::empty()).into()),
    partial(Sysno::Pipe2, |k, t, c| pipe2(k, t, c).into(), "O_DIRECT (packets) is EINVAL"),
];

fn pipe2(kernel: &mut Kernel, tid: Tid, call: &Call) -> Result<()> {
    let flags = kernel.tasks[tid].arch().abi.open_flags().decode(call.args[1] as u32);
    if !(OpenFlags::O_CLOEXEC | OpenFlags::O_NONBLOCK).contains(flags) {
        return Err(Errno::EINVAL);
    }
    pipe(kernel, tid, call.args[0], flags)
}

fn pipe(kernel: &mut Kernel, tid: Tid, fds: u64, flags: OpenFlags) -> Result<()> {
    kernel.user(tid).prefault(fds, 8, true)?;
    let cloexec = flags.contains(OpenFlags::O_CLOEXEC);
    let (reader, writer) = kernel.new_pipe(tid, flags & OpenFlags::O_NONBLOCK)?;
    kernel.install_pair(tid, [reader, writer], cloexec, fds)
}

impl Kernel {
    /// Gives two new files descriptors and tells the guest; on failure both are gone.
    pub(crate) fn install_pair(
        &mut self,
        tid: Tid,
        [first, second]: [crate::vfs::FileId; 2],
        cloexec: bool,
        fds: u64,
    ) -> Result<()> {
        let a = match self.install_fd(tid, first, 0, cloexec) {
            Ok(fd) => fd,
            Err(errno) => {
                self.put_file(second);
                return Err(errno);
            }
        };
        let told = self.install_fd(tid, second, 0, cloexec).and_then(|b| {
            let mut raw = [0; 8];
            raw[..4].copy_from_slice(&a.to_le_bytes());
            raw[4..].copy_from_slice(&b.to_le_bytes());
            let told = self.user(tid).write(fds, &raw);
            told.or_else(|_| self.close_fd(tid, b).and(Err(Errno::EFAULT)))
        });
        told.or_else(|errno| self.close_fd(tid, a).and(Err(errno)))
    }
}
