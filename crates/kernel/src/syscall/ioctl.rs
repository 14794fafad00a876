//! ioctl(2): what every file understands; the rest is its device's.
use super::io::{cannot_go_on, finish};
use super::table::{Row, partial};
use super::{Call, Outcome};
use crate::vfs::FileKind;
use crate::{Kernel, Result, Tid};
use abi::{Errno, FIOASYNC, FIOCLEX, FIONBIO, FIONCLEX, FIONREAD, OpenFlags, Sysno, TIOCOUTQ};

#[rustfmt::skip]
pub(crate) const ROWS: &[Row] = &[
    partial(Sysno::Ioctl, |k, t, c| finish(ioctl(k, t, c)), "what terminals and every file have; the rest is ENOTTY"),
];

fn ioctl(kernel: &mut Kernel, tid: Tid, call: &mut Call) -> Result<Outcome> {
    let (fd, cmd, arg) = (call.args[0] as i32, call.args[1] as u32, call.args[2]);
    let file = kernel.fd_file(tid, fd)?;
    let value = match cmd {
        FIOCLEX | FIONCLEX => {
            kernel.set_cloexec(tid, fd, cmd == FIOCLEX)?;
            0
        }
        FIONBIO | FIOASYNC => {
            let on = kernel.user(tid).read_u32(arg)? != 0;
            let flag = if cmd == FIONBIO { OpenFlags::O_NONBLOCK } else { OpenFlags::FASYNC };
            kernel.vfs.file_mut(file).flags.set(flag, on);
            0
        }
        FIONREAD => match kernel.bytes_to_read(file)? {
            Some(bytes) => {
                kernel.user(tid).write_u32(arg, bytes.min(i32::MAX as u64) as u32)?;
                0
            }
            None => return Ok(device(kernel, tid, call)),
        },
        _ => match kernel.socket_of(file) {
            Ok(socket) => return socket_ioctl(kernel, tid, socket, cmd, arg).map(|value| Outcome::Done(Ok(value))),
            Err(_) => return Ok(device(kernel, tid, call)),
        },
    };
    Ok(Outcome::Done(Ok(value)))
}

/// SIOCOUTQ, which is TIOCOUTQ; SIOCATMARK; and the network interface.
fn socket_ioctl(kernel: &mut Kernel, tid: Tid, socket: u64, cmd: u32, arg: u64) -> Result<u64> {
    const SIOCATMARK: u32 = 0x8905;
    let value = match cmd {
        TIOCOUTQ => kernel.socket_unsent(socket)? as u32,
        SIOCATMARK => 0,
        _ => return crate::net::interface_ioctl(kernel, tid, cmd, arg).unwrap_or(Err(Errno::ENOTTY)),
    };
    kernel.user(tid).write_u32(arg, value)?;
    Ok(0)
}

fn device(kernel: &mut Kernel, tid: Tid, call: &Call) -> Outcome {
    let (fd, cmd, arg) = (call.args[0] as i32, call.args[1] as u32, call.args[2]);
    let answer = kernel.fd_file(tid, fd).map(|file| (file, kernel.device_ioctl(tid, file, cmd, arg)));
    match answer {
        Ok((_, Ok(value))) => Outcome::Done(Ok(value)),
        Ok((file, Err(error))) => cannot_go_on(error, kernel.vfs.file(file).nonblocking()),
        Err(errno) => errno.into(),
    }
}

impl Kernel {
    /// FIONREAD of what is not a device.
    fn bytes_to_read(&mut self, id: crate::vfs::FileId) -> Result<Option<u64>> {
        let file = self.vfs.file(id);
        let offset = file.offset;
        match file.kind {
            FileKind::Inode { is_dir: false, .. } => Ok(Some(self.file_attr(id)?.size.saturating_sub(offset))),
            FileKind::Pipe(pipe) => Ok(Some(self.pipe_len(pipe) as u64)),
            FileKind::Socket(id) => Ok(Some(self.socket_bytes(id)? as u64)),
            FileKind::Inotify(id) => Ok(Some(self.inotify_bytes(id))),
            FileKind::Device { .. } => Ok(None),
            _ => Err(Errno::ENOTTY),
        }
    }
}
