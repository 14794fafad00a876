//! null, zero, full, random and urandom (drivers/char/mem.c, random.c).
use crate::Kernel;
use crate::vfs::{CharDevice, DeviceFile, DeviceMap, Io};
use abi::Errno;

pub(super) struct Null;
pub(super) struct Zero;
pub(super) struct Full;
/// Both random devices: neither ever waits.
pub(super) struct Random;

impl CharDevice for Null {
    fn read(&self, _: &mut Kernel, _: DeviceFile, _: u64, _: &mut [u8]) -> Io {
        Ok(0)
    }
    fn write(&self, _: &mut Kernel, _: DeviceFile, _: u64, data: &[u8]) -> Io {
        Ok(data.len())
    }
}

impl CharDevice for Zero {
    fn read(&self, _: &mut Kernel, _: DeviceFile, _: u64, buf: &mut [u8]) -> Io {
        buf.fill(0);
        Ok(buf.len())
    }
    fn write(&self, _: &mut Kernel, _: DeviceFile, _: u64, data: &[u8]) -> Io {
        Ok(data.len())
    }
    fn map(&self) -> DeviceMap {
        DeviceMap::Anonymous
    }
}

impl CharDevice for Full {
    fn read(&self, _: &mut Kernel, _: DeviceFile, _: u64, buf: &mut [u8]) -> Io {
        buf.fill(0);
        Ok(buf.len())
    }
    fn write(&self, _: &mut Kernel, _: DeviceFile, _: u64, _: &[u8]) -> Io {
        Err(Errno::ENOSPC.into())
    }
}

impl CharDevice for Random {
    fn read(&self, kernel: &mut Kernel, _: DeviceFile, _: u64, buf: &mut [u8]) -> Io {
        kernel.random.fill(buf);
        Ok(buf.len())
    }
    /// What is written would be mixed in; a seeded stream stays what the seed makes it.
    fn write(&self, _: &mut Kernel, _: DeviceFile, _: u64, data: &[u8]) -> Io {
        Ok(data.len())
    }
}
