//! A toy instruction set of variable length, to test the engine without any real CPU: an operation byte, then operands.
#![allow(unreachable_pub, dead_code)]
use arch::{Arch, Cpu, ElfIdent, Isa};
use engine::{Clock, Engine, Run, Tiers};
use ir::*;
use mmu::{AddressSpace, FrameId, FramePool, Memory, PAGE_SIZE, Perms, Pte};
use oracle::NoLinux;

/// An instruction, as the assembler takes it. Registers are slots 0..16; branches are relative to the next instruction.
#[derive(Clone, Copy, Debug)]
pub enum T {
    Nop,
    AddImm(u8, i8),
    Add(u8, u8),
    Sub(u8, u8),
    /// r = constant: ten bytes.
    Const(u8, u64),
    /// r = byte at s
    Load8(u8, u8),
    /// byte at s = r
    Store8(u8, u8),
    Load64(u8, u8),
    Store64(u8, u8),
    /// If r is not 0.
    Branch(u8, i8),
    /// Compares for a later `BranchNe` or `BranchLt`.
    Cmp(u8, u8),
    BranchNe(i8),
    BranchLt(i8),
    Jump(i8),
    /// With a distance that leads out of the page.
    Far(i32),
    JumpReg(u8),
    Syscall,
    Time(u8),
    /// Breakpoint if r is not 0.
    TrapIf(u8),
    LoadEx(u8, u8),
    /// r = failed; stores r + 1's register at s.
    StoreEx(u8, u8),
    /// Stores r at s through a helper.
    Poke(u8, u8),
    Mul(u8, u8),
    Xor(u8, u8),
    ShrImm(u8, u8),
}

impl T {
    pub fn encode(self, out: &mut Vec<u8>) {
        let (op, a, b) = match self {
            T::Nop => return out.push(1),
            T::Syscall => return out.push(2),
            T::Const(r, value) => {
                out.extend([3, r]);
                return out.extend(value.to_le_bytes());
            }
            T::Jump(by) => return out.extend([4, by as u8]),
            T::Far(by) => {
                out.push(10);
                return out.extend(by.to_le_bytes());
            }
            T::JumpReg(r) => return out.extend([5, r]),
            T::Time(r) => return out.extend([6, r]),
            T::TrapIf(r) => return out.extend([7, r]),
            T::BranchNe(by) => return out.extend([8, by as u8]),
            T::BranchLt(by) => return out.extend([9, by as u8]),
            T::AddImm(r, imm) => (20, r, imm as u8),
            T::Add(r, s) => (21, r, s),
            T::Sub(r, s) => (22, r, s),
            T::Load8(r, s) => (23, r, s),
            T::Store8(r, s) => (24, r, s),
            T::Load64(r, s) => (25, r, s),
            T::Store64(r, s) => (26, r, s),
            T::Branch(r, by) => (27, r, by as u8),
            T::Cmp(r, s) => (28, r, s),
            T::LoadEx(r, s) => (29, r, s),
            T::StoreEx(r, s) => (30, r, s),
            T::Poke(r, s) => (31, r, s),
            T::Mul(r, s) => (32, r, s),
            T::Xor(r, s) => (33, r, s),
            T::ShrImm(r, n) => (34, r, n),
        };
        out.extend([op, a, b]);
    }
}

pub fn assemble(program: &[T]) -> Vec<u8> {
    let mut out = Vec::new();
    program.iter().for_each(|t| t.encode(&mut out));
    out
}

fn length(op: u8) -> usize {
    match op {
        1 | 2 => 1,
        3 => 10,
        4..=9 => 2,
        10 => 5,
        20..=34 => 3,
        _ => 1,
    }
}

static POKE: Helper = Helper::machine("poke", |slots, mem, args| {
    let bytes = slots[args.a.0 as usize].to_le_bytes();
    mem.write(slots[args.b.0 as usize], &bytes).map_err(Trap::Fault)
});

pub struct Toy;

impl Isa for Toy {
    fn lift(&self, pc: u64, code: &[u8], out: &mut Builder) -> Flow {
        let Some(&op) = code.first() else { return Flow::Truncated };
        let len = length(op);
        if code.len() < len {
            return Flow::Truncated;
        }
        let next = pc.wrapping_add(len as u64);
        let reg = |i: usize| Reg(code[i] & 15);
        let to = |i: usize| next.wrapping_add(code[i] as i8 as u64);
        let two = |out: &mut Builder, op| {
            let value = out.bin(op, Ty::I64, reg(1), reg(2));
            out.set(reg(1), value);
        };
        match op {
            1 => {}
            2 => {
                out.syscall(next);
                return Flow::End(1);
            }
            3 => out.set_const(reg(1), u64::from_le_bytes(code[2..10].try_into().unwrap())),
            4 => out.jump(to(1)),
            5 => out.jump_reg(reg(1), JumpHint::None),
            6 => {
                let time = out.read_time();
                out.set(reg(1), time);
            }
            7 => out.trap_if(reg(1), Trap::Breakpoint),
            8 => out.branch_flag(FlagCond::Ne, to(1), next),
            9 => out.branch_flag(FlagCond::Carry, to(1), next),
            10 => out.jump(next.wrapping_add(i32::from_le_bytes(code[1..5].try_into().unwrap()) as u64)),
            20 => {
                let value = out.add_imm(Ty::I64, reg(1), (code[2] as i8).into());
                out.set(reg(1), value);
            }
            21 => two(out, BinOp::Add),
            22 => two(out, BinOp::Sub),
            23 => {
                let value = out.load(MemTy::U8, reg(2), 0);
                out.set(reg(1), value);
            }
            24 => out.store(MemTy::U8, reg(1), reg(2), 0),
            25 => {
                let value = out.load(MemTy::U64, reg(2), 0);
                out.set(reg(1), value);
            }
            26 => out.store(MemTy::U64, reg(1), reg(2), 0),
            27 => out.branch_cmp_zero(reg(1), to(2), next),
            28 => out.set_flags(FlagKind::Sub, Ty::I64, reg(1), reg(2)),
            29 => {
                let value = out.load_ex(Ty::I64, false, reg(2));
                out.set(reg(1), value);
            }
            30 => {
                let failed = out.store_ex(Ty::I64, false, reg(2), Reg((code[1] + 1) & 15));
                out.set(reg(1), failed);
            }
            31 => {
                let at = reg(1);
                out.call_into(&POKE, CallArgs { d: at.into(), a: at.into(), b: reg(2).into(), c: at.into(), imm: 0 });
            }
            32 => two(out, BinOp::Mul),
            33 => two(out, BinOp::Xor),
            34 => {
                let value = out.shr_imm(Ty::I64, reg(1), code[2] & 63);
                out.set(reg(1), value);
            }
            _ => out.trap(Trap::Illegal, pc),
        }
        match op {
            4 | 5 | 8 | 9 | 10 | 27 => Flow::End(len as u64),
            1 | 3 | 6 | 7 | 20..=34 => Flow::Next(len as u64),
            _ => Flow::End(len as u64),
        }
    }
    fn disassemble(&self, _: u64, code: &[u8]) -> (usize, String) {
        (length(code[0]), format!("toy {}", code[0]))
    }
    fn slot_name(&self, slot: Slot) -> Option<String> {
        (slot.0 < 16).then(|| format!("r{}", slot.0))
    }
    fn canonical(&self, cpu: &Cpu) -> Vec<u64> {
        let mut words = cpu.slots[..16].to_vec();
        words.extend([cpu.pc, LazyFlags::load(&cpu.slots).flags().0, cpu.get(EX_SIZE)]);
        words
    }
}

trait BranchZero {
    fn branch_cmp_zero(&mut self, a: Reg, taken: u64, next: u64);
}
impl BranchZero for Builder {
    fn branch_cmp_zero(&mut self, a: Reg, taken: u64, next: u64) {
        self.end(Term::BranchCmpImm { cond: Cond::Ne, ty: Ty::I64, a: a.into(), imm: 0, taken, next });
    }
}

pub static TOY: Arch = Arch {
    name: "toy",
    elf: ElfIdent { machine: 0, is_64: true, big_endian: false },
    task_size: 1 << 40,
    isa: &Toy,
    abi: &NoLinux,
};

/// Where programs are.
pub const CODE: u64 = 0x10000;
/// Where two pages of data are.
pub const DATA: u64 = 0x40000;
pub const RW: Perms = Perms { read: true, write: true, execute: false };
pub const RX: Perms = Perms { read: true, write: false, execute: true };
pub const RWX: Perms = Perms { read: true, write: true, execute: true };

/// An engine that compiles what is asked for the `threshold`-th time; `None` where the host has no templates.
pub fn compiling(threshold: u32) -> Option<Engine> {
    let compiler = Box::new(jit::Jit::new(0)?);
    Some(Engine::with_tiers(Tiers::Compiler { compiler, threshold }))
}

/// The same, with windows for spaces that have run a little.
pub fn compiling_for_windows() -> Option<Engine> {
    let compiler = Box::new(jit::Jit::new(0)?.with_windows_after(2000));
    Some(Engine::with_tiers(Tiers::Compiler { compiler, threshold: 1 }))
}

/// A machine of one task.
pub struct Machine {
    pub cpu: Cpu,
    pub pool: FramePool,
    pub space: AddressSpace,
    pub engine: Engine,
    /// Ticks of all runs.
    pub ticks: u64,
}

impl Machine {
    /// With code at [`CODE`], writable, and two data pages.
    pub fn new(program: &[T]) -> Machine {
        Machine::with_code(&assemble(program))
    }

    pub fn with_code(code: &[u8]) -> Machine {
        Machine::with_engine(code, Engine::new())
    }

    pub fn with_engine(code: &[u8], engine: Engine) -> Machine {
        let mut pool = FramePool::new(256);
        let space = pool.new_space();
        let mut cpu = Cpu::new(&TOY);
        cpu.pc = CODE;
        let mut machine = Machine { cpu, pool, space, engine, ticks: 0 };
        for (i, page) in code.chunks(PAGE_SIZE as usize).enumerate() {
            let frame = machine.map(CODE + i as u64 * PAGE_SIZE, RWX);
            machine.pool.write(frame, 0, page, None);
        }
        machine.map(DATA, RW);
        machine.map(DATA + PAGE_SIZE, RW);
        machine
    }

    pub fn map(&mut self, addr: u64, perms: Perms) -> FrameId {
        let frame = self.pool.alloc().unwrap();
        self.space.map(&mut self.pool, addr, Pte { frame, perms });
        frame
    }

    pub fn run(&mut self, budget: u64) -> Run {
        let clock = Clock { now: 1000, carry: self.ticks, share: 1 };
        let mut mem = Memory::new(&mut self.space, &mut self.pool, 1, u64::MAX);
        let run = self.engine.run(&mut self.cpu, &mut mem, clock, budget);
        assert!(run.ticks <= budget);
        self.ticks += run.ticks;
        run
    }

    pub fn state(&self) -> Vec<u64> {
        TOY.isa.canonical(&self.cpu)
    }

    /// The bytes of a mapped page.
    pub fn page(&self, addr: u64) -> [u8; PAGE_SIZE as usize] {
        *self.pool.bytes(self.space.pte(addr).unwrap().frame)
    }
}
