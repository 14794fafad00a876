//! Programs written in machine code: system calls with any arguments, and a few jumps.
use abi::Sysno;
use minikern::ARCHES;

/// Where a raw program is mapped; a page of data lies at `DATA`, and nothing behind it.
pub const BASE: u64 = 0x40_0000;
pub const DATA: u64 = 0x1000_0000;
pub const DATA_END: u64 = DATA + 4096;
/// The ELF header and two program headers; code follows.
const HEADERS: u64 = 64 + 2 * 56;

/// Numbers that the programs here use themselves.
pub struct Numbers {
    pub clone: u64,
    pub wait4: u64,
    pub exit_group: u64,
    pub mmap: u64,
    pub rt_sigreturn: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Isa {
    X86,
    Arm,
    Riscv,
}

/// Machine code of one architecture.
pub struct Code {
    isa: Isa,
    machine: u16,
    pub bytes: Vec<u8>,
    /// What the page at `DATA` begins with; zeroes follow.
    pub data: Vec<u8>,
}

impl Code {
    pub fn new(arch: &str) -> Code {
        let isa = match arch {
            "x86_64" => Isa::X86,
            "aarch64" => Isa::Arm,
            "riscv64" => Isa::Riscv,
            _ => panic!("{arch} needs its instructions here"),
        };
        let machine = ARCHES.iter().find(|a| a.name == arch).expect("an architecture").elf.machine;
        Code { isa, machine, bytes: Vec::new(), data: Vec::new() }
    }
    pub fn numbers(&self) -> Numbers {
        match self.isa {
            Isa::X86 => Numbers { clone: 56, wait4: 61, exit_group: 231, mmap: 9, rt_sigreturn: 15 },
            Isa::Arm | Isa::Riscv => Numbers { clone: 220, wait4: 260, exit_group: 94, mmap: 222, rt_sigreturn: 139 },
        }
    }
    /// The number of a system call, found by asking the architecture what each number is.
    pub fn number(&self, sysno: Sysno) -> Option<u64> {
        let arch = ARCHES.iter().find(|a| a.elf.machine == self.machine)?;
        let register = usize::from(self.number_register());
        (0..1024).find(|&nr| {
            let mut cpu = arch::Cpu::new(arch);
            cpu.slots[register] = nr;
            arch.abi.syscall_enter(&mut cpu).sysno == Some(sysno)
        })
    }
    /// The address of what comes next.
    pub fn here(&self) -> u64 {
        BASE + HEADERS + self.bytes.len() as u64
    }
    /// Return to the caller: the end of a signal handler.
    pub fn ret(&mut self) {
        match self.isa {
            Isa::X86 => self.bytes.push(0xc3),
            Isa::Arm => self.word(0xd65f_03c0),
            Isa::Riscv => self.word(0x0000_8067),
        }
    }
    /// JAL without a link, over a distance.
    fn riscv_jump(distance: u32) -> u32 {
        let bits = |lsb: u32, width: u32| distance >> lsb & ((1 << width) - 1);
        0x6f | bits(12, 8) << 12 | bits(11, 1) << 20 | bits(1, 10) << 21 | bits(20, 1) << 31
    }
    fn word(&mut self, word: u32) {
        self.bytes.extend(word.to_le_bytes());
    }
    /// A constant into a general register.
    fn constant(&mut self, reg: u8, value: u64) {
        match self.isa {
            Isa::X86 => {
                self.bytes.extend([0x48 | reg >> 3, 0xb8 | reg & 7]); // mov r64, imm64
                self.bytes.extend(value.to_le_bytes());
            }
            Isa::Arm => {
                for part in 0..4 {
                    let op = if part == 0 { 0xd280_0000 } else { 0xf280_0000 }; // movz, movk
                    self.word(op | part << 21 | ((value >> (16 * part)) as u32 & 0xffff) << 5 | u32::from(reg));
                }
            }
            Isa::Riscv => {
                let rd = u32::from(reg) << 7;
                let low = (value as u32) << 20;
                if value as i64 == i64::from(low as i32 >> 20) {
                    return self.word(0x13 | rd | low); // li rd, value
                }
                if value < 0x7fff_f800 {
                    self.word(0x37 | rd | (value as u32 + 0x800) & 0xffff_f000); // lui rd, upper
                    return self.word(0x1b | rd | u32::from(reg) << 15 | low); // addiw rd, rd, lower
                }
                self.word(0x17 | rd); // auipc rd, 0
                self.word(0x00c0_3003 | rd | u32::from(reg) << 15); // ld rd, 12(rd)
                self.word(Code::riscv_jump(12));
                self.bytes.extend(value.to_le_bytes());
            }
        }
    }
    /// The stack pointer.
    pub fn stack(&mut self, value: u64) {
        match self.isa {
            Isa::X86 => self.constant(4, value),
            Isa::Arm => {
                self.constant(9, value);
                self.word(0x9100_013f); // mov sp, x9
            }
            Isa::Riscv => self.constant(2, value),
        }
    }
    /// A system call; its result is where the architecture puts it.
    pub fn call(&mut self, number: u64, args: [u64; 6]) {
        let regs: [u8; 6] = match self.isa {
            Isa::X86 => [7, 6, 2, 10, 8, 9],
            Isa::Arm => [0, 1, 2, 3, 4, 5],
            Isa::Riscv => [10, 11, 12, 13, 14, 15],
        };
        for (reg, value) in regs.into_iter().zip(args) {
            self.constant(reg, value);
        }
        self.call_bare(number);
    }
    /// The register that holds the number of a call.
    fn number_register(&self) -> u8 {
        match self.isa {
            Isa::X86 => 0,
            Isa::Arm => 8,
            Isa::Riscv => 17,
        }
    }
    /// A system call with whatever is in the argument registers.
    pub fn call_bare(&mut self, number: u64) {
        self.constant(self.number_register(), number);
        match self.isa {
            Isa::X86 => self.bytes.extend([0x0f, 0x05]),
            Isa::Arm => self.word(0xd400_0001),
            Isa::Riscv => self.word(0x0000_0073),
        }
    }
    /// A jump taken if the last result is not zero; `land` says where it goes.
    pub fn jump_if_result(&mut self) -> usize {
        match self.isa {
            Isa::X86 => self.bytes.extend([0x48, 0x85, 0xc0, 0x0f, 0x85, 0, 0, 0, 0]), // test rax, rax; jnz
            Isa::Arm => self.word(0xb500_0000),                                        // cbnz x0
            // beqz a0, over the jump
            Isa::Riscv => [0x0005_0463, 0x0000_006f].into_iter().for_each(|w| self.word(w)),
        }
        self.bytes.len()
    }
    pub fn land(&mut self, jump: usize) {
        let distance = (self.bytes.len() - jump) as u32;
        let (isa, last) = (self.isa, &mut self.bytes[jump - 4..jump]);
        match isa {
            Isa::X86 => last.copy_from_slice(&distance.to_le_bytes()),
            Isa::Arm => last.copy_from_slice(&(0xb500_0000 | (distance / 4 + 1) << 5).to_le_bytes()),
            Isa::Riscv => last.copy_from_slice(&Code::riscv_jump(distance + 4).to_le_bytes()),
        }
    }
    /// Back to an offset, for ever.
    pub fn jump_back(&mut self, to: usize) {
        match self.isa {
            Isa::X86 => {
                self.bytes.push(0xe9);
                let distance = to as i64 - (self.bytes.len() as i64 + 4);
                self.bytes.extend((distance as i32).to_le_bytes());
            }
            Isa::Arm => {
                let distance = (to as i64 - self.bytes.len() as i64) / 4;
                self.word(0x1400_0000 | distance as u32 & 0x03ff_ffff);
            }
            Isa::Riscv => {
                let distance = to as i64 - self.bytes.len() as i64;
                self.word(Code::riscv_jump(distance as u32));
            }
        }
    }
    /// Writes to every page from the last result on, for ever.
    pub fn touch_all(&mut self) {
        match self.isa {
            // mov byte [rax], 1; add rax, 4096; jmp
            Isa::X86 => self.bytes.extend([0xc6, 0x00, 0x01, 0x48, 0x05, 0x00, 0x10, 0x00, 0x00, 0xeb, 0xf5]),
            Isa::Arm => [0x3900_0001, 0x9140_0400, 0x17ff_fffe].into_iter().for_each(|w| self.word(w)), // strb; add; b
            // lui a1, 1; sb a1, 0(a0); add a0, a0, a1; j
            Isa::Riscv => {
                [0x0000_15b7, 0x00b5_0023, 0x00b5_0533, 0xff9f_f06f].into_iter().for_each(|w| self.word(w));
            }
        }
    }
    /// A static ELF program of this code.
    pub fn program(&self) -> Vec<u8> {
        let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
        elf.resize(16, 0);
        elf.extend([2, 0]);
        elf.extend(self.machine.to_le_bytes());
        elf.extend(1u32.to_le_bytes());
        for word in [BASE + HEADERS, 64, 0] {
            elf.extend(word.to_le_bytes());
        }
        elf.extend(0u32.to_le_bytes());
        for half in [64u16, 56, 2, 64, 0, 0] {
            elf.extend(half.to_le_bytes());
        }
        let size = HEADERS + self.bytes.len() as u64;
        // The code, writable too; then the data, at the start of a page of the file as of memory.
        let at = size.next_multiple_of(4096);
        let data = self.data.len() as u64;
        for (flags, offset, addr, file, memory) in [(7u32, 0, BASE, size, size), (6, at, DATA, data, 4096)] {
            elf.extend(1u32.to_le_bytes());
            elf.extend(flags.to_le_bytes());
            for word in [offset, addr, addr, file, memory, 4096] {
                elf.extend(word.to_le_bytes());
            }
        }
        elf.extend(&self.bytes);
        elf.resize(at as usize, 0);
        elf.extend(&self.data);
        elf
    }
}
