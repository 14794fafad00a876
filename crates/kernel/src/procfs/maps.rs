//! /proc/PID/maps and statm (fs/proc/task_mmu.c).
use super::Place;
use crate::mm::{Backing, Mm, Vma};
use crate::vfs::Vfs;
use crate::{Kernel, Result, Tid};
use abi::{Prot, major, minor};
use mmu::PAGE_SIZE;

/// Where a line's name begins: 25 + sizeof(void *) * 6 - 1 columns, and a space.
const NAME_COLUMN: usize = 72;

/// What `/proc/PID/status` and statm count, in pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) total: u64,
    pub(super) anon: u64,
    pub(super) file: u64,
    pub(super) shmem: u64,
    /// Private and writable, stacks aside.
    pub(super) data: u64,
    pub(super) stack: u64,
    /// Executable and not writable.
    pub(super) exec: u64,
    /// The program's own code.
    pub(super) text: u64,
    /// Page table pages of the lowest level.
    pub(super) tables: u64,
    /// The most that was mapped, and that was resident.
    pub(super) peak: (u64, u64),
}

impl Usage {
    pub(super) fn of(mm: &Mm) -> Usage {
        let (bytes, resident) = mm.peak();
        let mut usage = Usage { peak: (bytes / PAGE_SIZE, resident), ..Usage::default() };
        let mut table = None;
        for vma in mm.vmas.iter() {
            let pages = vma.len() / PAGE_SIZE;
            usage.total += pages;
            let (writes, runs) = (vma.prot.contains(Prot::PROT_WRITE), vma.prot.contains(Prot::PROT_EXEC));
            if vma.grows_down {
                usage.stack += pages;
            } else if writes && !vma.shared {
                usage.data += pages;
            } else if runs && !writes {
                usage.exec += pages;
            }
            let resident = match vma.backing {
                Backing::Anon => &mut usage.anon,
                Backing::Shm { .. } => &mut usage.shmem,
                Backing::File { .. } => &mut usage.file,
            };
            for (addr, _) in mm.space.mapped(vma.start, vma.end) {
                *resident += 1;
                if table != Some(addr >> 21) {
                    table = Some(addr >> 21);
                    usage.tables += 1;
                }
            }
        }
        let first = mm.start_code / PAGE_SIZE;
        usage.text = mm.end_code.div_ceil(PAGE_SIZE).saturating_sub(first);
        usage
    }

    pub(super) fn resident(&self) -> u64 {
        self.anon + self.file + self.shmem
    }
}

fn line(vma: &Vma, offset: u64, dev: u64, ino: u64, name: &[u8]) -> Vec<u8> {
    let flag = |bit: Prot, letter: char| if vma.prot.contains(bit) { letter } else { '-' };
    let mut text = format!(
        "{:08x}-{:08x} {}{}{}{} {offset:08x} {:02x}:{:02x} {ino}",
        vma.start,
        vma.end,
        flag(Prot::PROT_READ, 'r'),
        flag(Prot::PROT_WRITE, 'w'),
        flag(Prot::PROT_EXEC, 'x'),
        if vma.shared { 's' } else { 'p' },
        major(dev),
        minor(dev),
    );
    if !name.is_empty() {
        text = format!("{text:<NAME_COLUMN$} ");
    } else {
        text.push(' ');
    }
    let mut text = text.into_bytes();
    // A newline in a name would look like another line.
    for &byte in name {
        match byte {
            b'\n' => text.extend(b"\\012"),
            _ => text.push(byte),
        }
    }
    text.push(b'\n');
    text
}

pub(super) fn maps(kernel: &mut Kernel, place: Place, caller: Tid) -> Result<Vec<u8>> {
    let root = kernel.who(caller).root;
    let mut text = Vec::new();
    let Some(mm) = kernel.mm(place.tid) else { return Ok(text) };
    for vma in mm.vmas.iter() {
        let (offset, dev, ino, name) = match vma.backing {
            Backing::Anon => (0, 0, 0, vma.label.as_bytes().to_vec()),
            Backing::Shm { id, page } => {
                let (name, ino) = kernel.shm_name(id).unwrap_or(("/dev/zero (deleted)".into(), 0));
                (page.wrapping_mul(PAGE_SIZE), 1, ino as u64, name.into_bytes())
            }
            Backing::File { file, page } => {
                let path = kernel.vfs.file(file).path;
                let (sup, ino) = kernel.vfs.inode(path);
                let name = kernel.vfs.d_path(path, root).0;
                (page.wrapping_mul(PAGE_SIZE), Vfs::super_dev(sup), ino.0, name)
            }
        };
        text.extend(line(vma, offset, dev, ino, &name));
    }
    Ok(text)
}

pub(super) fn statm(kernel: &mut Kernel, place: Place, _: Tid) -> Result<Vec<u8>> {
    let usage = kernel.mm(place.tid).map(Usage::of).unwrap_or_default();
    let (shared, data) = (usage.file + usage.shmem, usage.data + usage.stack);
    let text = format!("{} {} {shared} {} 0 {data} 0\n", usage.total, usage.resident(), usage.text);
    Ok(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines of /proc/self/maps of Linux 6.18.
    #[test]
    fn lines_are_linuxs() {
        let vma = |start, end, prot, label| Vma::anon(start, end, prot, label);
        let library = vma(0x7f32_4f15_1000, 0x7f32_4f15_3000, Prot::PROT_READ | Prot::PROT_WRITE, "");
        let name = b"/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2";
        let want = "7f324f151000-7f324f153000 rw-p 00033000 fe:00 325843                     \
                    /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2\n";
        let got = line(&library, 0x33000, abi::makedev(0xfe, 0), 325_843, name);
        assert_eq!(String::from_utf8_lossy(&got), want);
        let anonymous = line(&library, 0, 0, 0, b"");
        assert_eq!(anonymous, b"7f324f151000-7f324f153000 rw-p 00000000 00:00 0 \n");
        let low = vma(0x40_0000, 0x40_1000, Prot::PROT_EXEC, "");
        assert!(line(&low, 0, 0, 0, b"").starts_with(b"00400000-00401000 --xp "));
    }
}
