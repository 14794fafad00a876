//! The stack a program starts with: strings, auxiliary vector, environment, arguments (create_elf_tables).
use crate::mm::{MmId, Vma};
use crate::{Kernel, Result, Tid};
use abi::{Errno, Prot};
use arch::Arch;
use mmu::{PAGE_SIZE, page_floor};

/// Longest single string, with its NUL (MAX_ARG_STRLEN).
pub(crate) const MAX_ARG_STRLEN: usize = 32 * PAGE_SIZE as usize;

/// The strings of a program.
pub(crate) struct Strings<'a> {
    pub(crate) exec_path: &'a [u8],
    pub(crate) argv: &'a [Vec<u8>],
    pub(crate) envp: &'a [Vec<u8>],
}

/// What the auxiliary vector says of the loaded file.
pub(super) struct Facts {
    pub(super) arch: &'static Arch,
    pub(super) phdr: u64,
    pub(super) phent: u64,
    pub(super) phnum: u64,
    pub(super) base: u64,
    pub(super) entry: u64,
}

/// The stack while it is written downwards from its top.
struct Stack {
    bytes: Vec<u8>,
    top: u64,
}

impl Stack {
    /// Puts `data` below what is there; gives its address.
    fn push(&mut self, data: &[u8]) -> u64 {
        self.bytes.extend(data.iter().rev());
        self.sp()
    }
    fn push_str(&mut self, text: &[u8]) -> u64 {
        self.bytes.push(0);
        self.push(text)
    }
    fn sp(&self) -> u64 {
        self.top - self.bytes.len() as u64
    }
    fn align(&mut self, to: u64) {
        while !self.sp().is_multiple_of(to) {
            self.bytes.push(0);
        }
    }
}

/// A word in the guest's size and byte order.
fn word(arch: &Arch, value: u64) -> Vec<u8> {
    match (arch.elf.is_64, arch.elf.big_endian) {
        (true, false) => value.to_le_bytes().to_vec(),
        (true, true) => value.to_be_bytes().to_vec(),
        (false, false) => (value as u32).to_le_bytes().to_vec(),
        (false, true) => (value as u32).to_be_bytes().to_vec(),
    }
}

impl Kernel {
    /// Maps the stack below `top` and writes it; gives the stack pointer.
    #[allow(clippy::too_many_arguments)] // what an ELF file and an execve have to say to a stack
    pub(super) fn build_stack(
        &mut self,
        tid: Tid,
        id: MmId,
        top: u64,
        limit: u64,
        executable: bool,
        strings: &Strings<'_>,
        facts: &Facts,
    ) -> Result<u64> {
        let mut random = [0; 16];
        self.random.fill(&mut random);
        let mut stack = Stack { bytes: Vec::new(), top };
        stack.push(&[0; 8]);
        let exec_fn = stack.push_str(strings.exec_path);
        let mut push_all = |list: &[Vec<u8>]| -> Vec<u64> {
            let mut at: Vec<u64> = list.iter().rev().map(|text| stack.push_str(text)).collect();
            at.reverse();
            at
        };
        let envp = push_all(strings.envp);
        let argv = push_all(strings.argv);
        // Strings may take a quarter of the stack's limit (bprm_stack_limits).
        if stack.bytes.len() as u64 > (limit / 4).clamp(32 * PAGE_SIZE, 6 << 20) {
            return Err(Errno::E2BIG);
        }
        let arg_start = stack.sp();
        let env_start = envp.first().copied().unwrap_or(exec_fn);
        stack.align(16);
        let platform = facts.arch.abi.platform().map(|name| stack.push_str(name.as_bytes()));
        let random = stack.push(&random);
        stack.align(16);
        let auxv = self.auxv(tid, facts, platform, random, exec_fn);
        let size = word(facts.arch, 0).len();
        let words = 1 + argv.len() + 1 + envp.len() + 1;
        let below = (words * size + auxv.len()) as u64;
        while !(stack.sp() - below).is_multiple_of(16) {
            stack.bytes.push(0);
        }
        stack.push(&auxv);
        for pointers in [&envp, &argv] {
            stack.push(&word(facts.arch, 0));
            for &pointer in pointers.iter().rev() {
                stack.push(&word(facts.arch, pointer));
            }
        }
        let sp = stack.push(&word(facts.arch, argv.len() as u64));
        let mut prot = Prot::PROT_READ | Prot::PROT_WRITE;
        if executable {
            prot |= Prot::PROT_EXEC;
        }
        // Some room is mapped at once; the rest grows (setup_arg_pages: stack_expand = 128 KiB).
        let bottom = page_floor(sp - (128 << 10));
        self.map_area(tid, Vma { grows_down: true, ..Vma::anon(bottom, top, prot, "[stack]") }, true)?;
        stack.bytes.reverse();
        self.user(tid).write(sp, &stack.bytes)?;
        let mm = self.mms.get_mut(id).ok_or(Errno::ENOMEM)?;
        mm.start_stack = sp;
        mm.arg = (arg_start, env_start);
        mm.env = (env_start, exec_fn);
        mm.auxv = auxv;
        Ok(sp)
    }

    fn auxv(&self, tid: Tid, facts: &Facts, platform: Option<u64>, random: u64, exec_fn: u64) -> Vec<u8> {
        let cred = &self.tasks[tid].cred;
        let (hwcap, hwcap2) = facts.arch.abi.hwcap(self.config.cpu);
        let secure = cred.uid != cred.euid || cred.gid != cred.egid;
        let entries = [
            (abi::AT_HWCAP, hwcap),
            (abi::AT_PAGESZ, PAGE_SIZE),
            (abi::AT_CLKTCK, 100),
            (abi::AT_PHDR, facts.phdr),
            (abi::AT_PHENT, facts.phent),
            (abi::AT_PHNUM, facts.phnum),
            (abi::AT_BASE, facts.base),
            (abi::AT_FLAGS, 0),
            (abi::AT_ENTRY, facts.entry),
            (abi::AT_UID, cred.uid.into()),
            (abi::AT_EUID, cred.euid.into()),
            (abi::AT_GID, cred.gid.into()),
            (abi::AT_EGID, cred.egid.into()),
            (abi::AT_SECURE, secure.into()),
            (abi::AT_RANDOM, random),
            (abi::AT_HWCAP2, hwcap2),
            (abi::AT_EXECFN, exec_fn),
        ];
        let platform = platform.map(|name| (abi::AT_PLATFORM, name));
        let last = [(abi::AT_MINSIGSTKSZ, facts.arch.abi.minsigstksz()), (abi::AT_NULL, 0)];
        let entries = entries.into_iter().chain(platform).chain(last);
        entries.flat_map(|(tag, value)| [word(facts.arch, tag), word(facts.arch, value)].concat()).collect()
    }
}
