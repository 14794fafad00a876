//! Guest memory as the kernel reaches it: faults are resolved on the way, what is left over is EFAULT.
use super::FaultOutcome;
use crate::{Kernel, Result, Tid};
use abi::Errno;
use arch::{Access, Fault};
use mmu::{FrameId, PAGE_SIZE};

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
    /// The frame behind `addr`, after resolving what fault there is.
    fn page(&mut self, addr: u64, access: Access) -> Result<FrameId> {
        let kernel = &mut *self.kernel;
        let task = kernel.tasks.get(self.tid).ok_or(Errno::EFAULT)?;
        let at = addr & task.arch().isa.address_mask();
        let id = task.mm.ok_or(Errno::EFAULT)?;
        // Twice at most: a fault that is resolved permits the access.
        for _ in 0..2 {
            let mm = kernel.mms.get(id).ok_or(Errno::EFAULT)?;
            if at >= mm.task_size {
                return Err(Errno::EFAULT);
            }
            let mmu_access = match access {
                Access::Read => mmu::Access::Read,
                Access::Write => mmu::Access::Write,
                Access::Execute => mmu::Access::Execute,
            };
            if let Ok(frame) = mm.space.translate(at, mmu_access) {
                return Ok(frame);
            }
            if kernel.handle_fault(self.tid, Fault { addr: at, access }) != FaultOutcome::Resolved {
                break;
            }
        }
        Err(Errno::EFAULT)
    }

    /// Calls `f` with the frame and offset of each page-sized part of a range, and the part's place in it.
    fn parts(
        &mut self,
        addr: u64,
        len: usize,
        access: Access,
        mut f: impl FnMut(&mut Kernel, FrameId, usize, std::ops::Range<usize>),
    ) -> Result<()> {
        let mut done = 0;
        while done < len {
            let at = addr.checked_add(done as u64).ok_or(Errno::EFAULT)?;
            let offset = (at % PAGE_SIZE) as usize;
            let part = (len - done).min(PAGE_SIZE as usize - offset);
            let frame = self.page(at, access)?;
            f(self.kernel, frame, offset, done..done + part);
            done += part;
        }
        Ok(())
    }

    pub fn read(&mut self, addr: u64, buf: &mut [u8]) -> Result<()> {
        self.parts(addr, buf.len(), Access::Read, |kernel, frame, offset, part| {
            let len = part.len();
            buf[part].copy_from_slice(&kernel.frames.bytes(frame)[offset..offset + len]);
        })
    }
    /// Writes `data`; what was written before the page that refuses stays written.
    pub fn write(&mut self, addr: u64, data: &[u8]) -> Result<()> {
        let owner = Some(u64::from(self.tid.0));
        self.parts(addr, data.len(), Access::Write, |kernel, frame, offset, part| {
            kernel.frames.write(frame, offset, &data[part], owner);
        })
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
    pub fn prefault(&mut self, addr: u64, len: u64, write: bool) -> Result<()> {
        let access = if write { Access::Write } else { Access::Read };
        let len = usize::try_from(len).map_err(|_| Errno::EFAULT)?;
        self.parts(addr, len, access, |_, _, _, _| {})
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
