//! What a character device is. Drivers keep no state of their own: what they remember is in the `Kernel` they are lent.
use super::{Io, IoError};
use crate::{Kernel, Result, Tid, WaitKey};
use abi::{Errno, OpenFlags, PollEvents};

/// An open character device as its driver sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceFile {
    /// `makedev` form, as `open` left it (/dev/tty becomes the terminal it stands for).
    pub rdev: u64,
    /// The driver's own, from `open`.
    pub handle: u64,
    pub flags: OpenFlags,
    /// Who makes the call.
    pub caller: Tid,
}

/// What a mapping of a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceMap {
    /// ENODEV.
    None,
    /// Zeroed memory (/dev/zero).
    Anonymous,
}

/// A driver of character devices. `crate::dev::driver(rdev)` finds it.
pub trait CharDevice: Sync {
    /// Gives the handle; may change `file.rdev`.
    fn open(&self, _kernel: &mut Kernel, _file: &mut DeviceFile) -> Result<u64> {
        Ok(0)
    }
    /// The last descriptor is gone.
    fn release(&self, _kernel: &mut Kernel, _file: DeviceFile) {}
    fn read(&self, kernel: &mut Kernel, file: DeviceFile, at: u64, buf: &mut [u8]) -> Io;
    fn write(&self, kernel: &mut Kernel, file: DeviceFile, at: u64, data: &[u8]) -> Io;
    /// What is ready, and the keys that announce a change.
    fn poll(&self, _kernel: &mut Kernel, _file: DeviceFile) -> (PollEvents, Vec<WaitKey>) {
        (PollEvents::POLLIN | PollEvents::POLLOUT | PollEvents::POLLRDNORM | PollEvents::POLLWRNORM, Vec::new())
    }
    /// `arg` is the guest's word: memory it points to is reached by `kernel.user(file.caller)`.
    fn ioctl(
        &self,
        _kernel: &mut Kernel,
        _file: DeviceFile,
        _cmd: u32,
        _arg: u64,
    ) -> std::result::Result<u64, IoError> {
        Err(Errno::ENOTTY.into())
    }
    /// Whether lseek works (a stream says ESPIPE).
    fn seekable(&self) -> bool {
        true
    }
    fn map(&self) -> DeviceMap {
        DeviceMap::None
    }
}
