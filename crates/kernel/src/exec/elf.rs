//! ELF files into memory (fs/binfmt_elf.c).
use super::{Image, Program, Strings};
use crate::mm::{Backing, Mm, MmId, Vma};
use crate::vfs::FileId;
use crate::{Kernel, Result, Tid};
use abi::{Errno, Prot};
use arch::Arch;
use goblin::container::{Container, Ctx};
use goblin::elf::header::{ET_DYN, ET_EXEC, Header};
use goblin::elf::program_header::{PF_R, PF_W, PF_X, PT_GNU_STACK, PT_INTERP, PT_LOAD, PT_PHDR, ProgramHeader};
use mmu::{PAGE_SIZE, page_floor};

/// Most bytes of program headers (ELF_MIN_ALIGN in load_elf_phdrs).
const MAX_PHDR_BYTES: usize = 65536;

/// The headers of an ELF file.
struct Elf {
    arch: &'static Arch,
    header: Header,
    phdrs: Vec<ProgramHeader>,
}

/// Where a file was loaded.
struct Loaded {
    /// What was added to its addresses.
    bias: u64,
    entry: u64,
    start: u64,
    end: u64,
    end_code: u64,
}

fn page_ceil(addr: u64) -> Result<u64> {
    crate::mm::page_align(addr).ok_or(Errno::EINVAL)
}

impl Kernel {
    /// Reads the headers; ENOEXEC for what is no program of a registered architecture.
    fn read_elf(&mut self, file: FileId) -> Result<Elf> {
        let mut head = [0; 64];
        let len = self.read_file(file, 0, &mut head)?;
        let head = &head[..len];
        if len < 52 || !head.starts_with(b"\x7fELF") {
            return Err(Errno::ENOEXEC);
        }
        let (is_64, big_endian) = (head[4] == 2, head[5] == 2);
        let header = goblin::elf::Elf::parse_header(head).map_err(|_| Errno::ENOEXEC)?;
        let arch = self
            .arches
            .iter()
            .find(|a| a.elf.machine == header.e_machine && a.elf.is_64 == is_64 && a.elf.big_endian == big_endian)
            .ok_or(Errno::ENOEXEC)?;
        let entry_size = if is_64 { 56 } else { 32 };
        let bytes = usize::from(header.e_phnum) * entry_size;
        if usize::from(header.e_phentsize) != entry_size || bytes == 0 || bytes > MAX_PHDR_BYTES {
            return Err(Errno::ENOEXEC);
        }
        let mut table = vec![0; bytes];
        if self.read_file(file, header.e_phoff, &mut table)? != bytes {
            return Err(Errno::ENOEXEC);
        }
        let container = if is_64 { Container::Big } else { Container::Little };
        let endian = if big_endian { goblin::container::Endian::Big } else { goblin::container::Endian::Little };
        let phdrs = ProgramHeader::parse(&table, 0, header.e_phnum.into(), Ctx::new(container, endian))
            .map_err(|_| Errno::ENOEXEC)?;
        Ok(Elf { arch, header, phdrs })
    }

    /// Builds the image of `program` for a task.
    pub(super) fn load_elf(
        &mut self,
        tid: Tid,
        program: &Program,
        exec_path: &[u8],
        envp: &[Vec<u8>],
        comm: Vec<u8>,
    ) -> Result<Image> {
        let elf = self.read_elf(program.file)?;
        if !matches!(elf.header.e_type, ET_EXEC | ET_DYN) {
            return Err(Errno::ENOEXEC);
        }
        let mm = Mm::new(self.frames.new_space(), elf.arch.task_size);
        let id = self.mms.insert(mm);
        // The new space is filled through the task that will have it; the old one is put back whatever happens.
        let old = self.tasks[tid].mm.replace(id);
        let built = self.build(tid, id, &elf, program, exec_path, envp);
        self.tasks[tid].mm = old;
        match built {
            Ok((entry, sp)) => {
                let mm = self.mms.take(id).ok_or(Errno::ENOMEM)?;
                let (setuid, setgid) = self.exec_ids(tid, program.file)?;
                Ok(Image { arch: elf.arch, mm, entry, sp, comm, setuid, setgid })
            }
            Err(errno) => {
                self.drop_mm(id);
                Err(errno)
            }
        }
    }

    fn build(
        &mut self,
        tid: Tid,
        id: MmId,
        elf: &Elf,
        program: &Program,
        exec_path: &[u8],
        envp: &[Vec<u8>],
    ) -> Result<(u64, u64)> {
        let group = self.tasks.group(self.tasks[tid].tgid).ok_or(Errno::ESRCH)?;
        let stack_limit = group.rlimits[abi::RLIMIT_STACK].cur;
        let task_size = elf.arch.task_size;
        let stack_top = page_floor(task_size - PAGE_SIZE);
        {
            let mm = self.mms.get_mut(id).ok_or(Errno::ENOMEM)?;
            // The gap below the stack that mmap stays out of (mmap_base): the stack's limit within 128 MiB and 5/6.
            let gap = stack_limit.clamp(128 << 20, task_size / 6 * 5);
            mm.mmap_base = page_floor(stack_top - gap);
        }
        // A position-independent program without interpreter or with one: two thirds up (ELF_ET_DYN_BASE).
        let bias = if elf.header.e_type == ET_DYN { page_floor(task_size / 3 * 2) } else { 0 };
        let interpreter = self.interpreter(tid, program.file, elf)?;
        let loaded = self.map_segments(tid, program.file, elf, Some(bias));
        let loaded = match (loaded, interpreter) {
            (Ok(loaded), None) => (loaded, None),
            (Ok(loaded), Some((file, interp))) => {
                let mapped = self.map_segments(tid, file, &interp, None);
                self.put_file(file);
                (loaded, Some(mapped?))
            }
            (Err(errno), interpreter) => {
                if let Some((file, _)) = interpreter {
                    self.put_file(file);
                }
                return Err(errno);
            }
        };
        let (main, interp) = loaded;
        let heap = page_ceil(main.end)?;
        self.vfs.hold_file(program.file);
        let mm = self.mms.get_mut(id).ok_or(Errno::ENOMEM)?;
        mm.exe = Some(program.file);
        (mm.start_brk, mm.brk) = (heap, heap);
        (mm.start_code, mm.end_code) = (main.start, main.end_code);
        self.map_vdso(tid, elf.arch)?;
        let exec_stack = elf.phdrs.iter().find(|ph| ph.p_type == PT_GNU_STACK).is_some_and(|ph| ph.p_flags & PF_X != 0);
        let strings = Strings { exec_path, argv: &program.argv, envp };
        let phdr =
            elf.phdrs.iter().find(|ph| ph.p_type == PT_PHDR).map(|ph| ph.p_vaddr.wrapping_add(main.bias)).or_else(
                || {
                    let holds = |ph: &&ProgramHeader| {
                        ph.p_type == PT_LOAD
                            && ph.p_offset <= elf.header.e_phoff
                            && elf.header.e_phoff - ph.p_offset < ph.p_filesz
                    };
                    let ph = elf.phdrs.iter().find(holds)?;
                    Some(elf.header.e_phoff - ph.p_offset + ph.p_vaddr.wrapping_add(main.bias))
                },
            );
        let facts = super::stack::Facts {
            arch: elf.arch,
            phdr: phdr.unwrap_or(0),
            phent: elf.header.e_phentsize.into(),
            phnum: elf.header.e_phnum.into(),
            base: interp.as_ref().map_or(0, |interp| interp.bias),
            entry: main.entry,
        };
        let sp = self.build_stack(tid, id, stack_top, stack_limit, exec_stack, &strings, &facts)?;
        Ok((interp.map_or(main.entry, |interp| interp.entry), sp))
    }

    /// The program's PT_INTERP, opened and read.
    fn interpreter(&mut self, tid: Tid, file: FileId, elf: &Elf) -> Result<Option<(FileId, Elf)>> {
        let Some(ph) = elf.phdrs.iter().find(|ph| ph.p_type == PT_INTERP) else { return Ok(None) };
        if !(2..=4096).contains(&ph.p_filesz) {
            return Err(Errno::ENOEXEC);
        }
        let mut path = vec![0; ph.p_filesz as usize];
        if self.read_file(file, ph.p_offset, &mut path)? != path.len() || path.pop() != Some(0) {
            return Err(Errno::ENOEXEC);
        }
        let file = self.open_exec(tid, abi::AT_FDCWD, &path, 0)?;
        match self.read_elf(file) {
            Ok(interp) if std::ptr::eq(interp.arch, elf.arch) => Ok(Some((file, interp))),
            Ok(_) | Err(_) => {
                self.put_file(file);
                Err(Errno::ELIBBAD)
            }
        }
    }

    /// Maps the PT_LOAD segments; without a bias, where there is room (an interpreter).
    fn map_segments(&mut self, tid: Tid, file: FileId, elf: &Elf, bias: Option<u64>) -> Result<Loaded> {
        let loads: Vec<&ProgramHeader> = elf.phdrs.iter().filter(|ph| ph.p_type == PT_LOAD).collect();
        let first = loads.first().ok_or(Errno::ENOEXEC)?;
        let low = page_floor(first.p_vaddr);
        let high = loads.iter().try_fold(0, |high: u64, ph| {
            Ok::<u64, Errno>(high.max(ph.p_vaddr.checked_add(ph.p_memsz).ok_or(Errno::EINVAL)?))
        })?;
        if high <= low || high - low > elf.arch.task_size {
            return Err(Errno::EINVAL);
        }
        let bias = match bias {
            Some(bias) => bias,
            None => {
                let mm = self.mm(tid).ok_or(Errno::ENOMEM)?;
                let at =
                    mm.vmas.find_free(PAGE_SIZE * 16, mm.mmap_base, page_ceil(high - low)?).ok_or(Errno::ENOMEM)?;
                at.wrapping_sub(low)
            }
        };
        let mut loaded = Loaded {
            bias,
            entry: elf.header.e_entry.wrapping_add(bias),
            start: low.wrapping_add(bias),
            end: high.wrapping_add(bias),
            end_code: 0,
        };
        for ph in loads {
            self.map_segment(tid, file, ph, bias)?;
            if ph.p_flags & PF_X != 0 {
                loaded.end_code = loaded.end_code.max(ph.p_vaddr.wrapping_add(ph.p_filesz).wrapping_add(bias));
            }
        }
        if loaded.entry >= elf.arch.task_size {
            return Err(Errno::EINVAL);
        }
        Ok(loaded)
    }

    fn map_segment(&mut self, tid: Tid, file: FileId, ph: &ProgramHeader, bias: u64) -> Result<()> {
        let task_size = self.mm(tid).ok_or(Errno::ENOMEM)?.task_size;
        if ph.p_filesz > ph.p_memsz || ph.p_memsz > task_size {
            return Err(Errno::EINVAL);
        }
        if ph.p_memsz == 0 {
            return Ok(());
        }
        let skew = ph.p_vaddr % PAGE_SIZE;
        if ph.p_filesz != 0 && ph.p_offset % PAGE_SIZE != skew {
            return Err(Errno::EINVAL);
        }
        let start = page_floor(ph.p_vaddr).wrapping_add(bias);
        let fits = |len: u64| start.checked_add(len).filter(|&end| end <= task_size).ok_or(Errno::ENOMEM);
        let file_end = fits(skew + ph.p_filesz)?;
        let mem_end = page_ceil(fits(skew + ph.p_memsz)?)?;
        let mut prot = Prot::empty();
        for (bit, add) in [(PF_R, Prot::PROT_READ), (PF_W, Prot::PROT_WRITE), (PF_X, Prot::PROT_EXEC)] {
            if ph.p_flags & bit != 0 {
                prot |= add;
            }
        }
        let file_pages_end = if ph.p_filesz == 0 { start } else { page_ceil(file_end)? };
        if ph.p_filesz != 0 {
            self.vfs.hold_file(file);
            let backing = Backing::File { file, page: ph.p_offset / PAGE_SIZE };
            self.map_area(tid, Vma { backing, ..Vma::anon(start, file_pages_end, prot, "") }, true)?;
        }
        if mem_end > file_pages_end {
            self.map_area(tid, Vma::anon(file_pages_end, mem_end, prot, ""), true)?;
        }
        // The part of the last file page that is bss reads as zero.
        if ph.p_memsz > ph.p_filesz && prot.contains(Prot::PROT_WRITE) && file_end < file_pages_end && ph.p_filesz != 0
        {
            let zeros = [0; PAGE_SIZE as usize];
            self.user(tid).write(file_end, &zeros[..(file_pages_end - file_end) as usize])?;
        }
        Ok(())
    }

    /// The page of the signal trampoline, where the architecture has one.
    fn map_vdso(&mut self, tid: Tid, arch: &'static Arch) -> Result<()> {
        let text = arch.abi.vdso_text();
        if text.is_empty() {
            return Ok(());
        }
        let rw = Prot::PROT_READ | Prot::PROT_WRITE;
        let at = self.map_area(tid, Vma::anon(0, PAGE_SIZE, rw, "[vdso]"), false)?;
        self.user(tid).write(at, &text[..text.len().min(PAGE_SIZE as usize)])?;
        self.protect(tid, at, at + PAGE_SIZE, Prot::PROT_READ | Prot::PROT_EXEC)?;
        if let Some(mm) = self.mm_mut(tid) {
            mm.vdso = at;
        }
        Ok(())
    }

    /// The owners a set-user-id or set-group-id program runs as.
    fn exec_ids(&mut self, tid: Tid, file: FileId) -> Result<(Option<u32>, Option<u32>)> {
        if self.tasks[tid].cred.no_new_privs || self.file_is_nosuid(file) {
            return Ok((None, None));
        }
        let attr = self.file_attr(file)?;
        let setuid = (attr.mode & abi::S_ISUID != 0).then_some(attr.uid);
        let setgid = (attr.mode & (abi::S_ISGID | 0o010) == abi::S_ISGID | 0o010).then_some(attr.gid);
        Ok((setuid, setgid))
    }
}
