//! A piece of user memory.
use abi::Errno;
use arch::UserMemory;
use std::ops::Range;

/// Bytes from an address up, and nothing else.
pub struct Bytes {
    from: u64,
    pub bytes: Vec<u8>,
}

impl Bytes {
    pub fn new(from: u64, len: usize) -> Bytes {
        Bytes { from, bytes: vec![0xee; len] }
    }
    fn at(&self, addr: u64, len: usize) -> Result<Range<usize>, Errno> {
        let from = usize::try_from(addr.wrapping_sub(self.from)).map_err(|_| Errno::EFAULT)?;
        let to = from.checked_add(len).filter(|to| *to <= self.bytes.len()).ok_or(Errno::EFAULT)?;
        Ok(from..to)
    }
    pub fn word(&self, addr: u64) -> u64 {
        let at = self.at(addr, 8).expect("inside the memory");
        u64::from_le_bytes(self.bytes[at].try_into().expect("eight bytes"))
    }
}

impl UserMemory for Bytes {
    fn read(&mut self, addr: u64, buf: &mut [u8]) -> Result<(), Errno> {
        buf.copy_from_slice(&self.bytes[self.at(addr, buf.len())?]);
        Ok(())
    }
    fn write(&mut self, addr: u64, data: &[u8]) -> Result<(), Errno> {
        let at = self.at(addr, data.len())?;
        self.bytes[at].copy_from_slice(data);
        Ok(())
    }
}
