//! A bare machine: code at [`CODE`], readable and writable pages at [`DATA`], nothing else.
use crate::RISCV64;
use crate::helpers::{fcsr, set_fcsr};
use crate::regs::{f, x};
use arch::{Cpu, Exit, FaultKind, Trap};
use engine::{Clock, Engine, Tiers};
use mmu::{AddressSpace, FramePool, Memory, Perms, Pte};
use std::collections::BTreeMap;

pub(crate) const CODE: u64 = 0x1000_0000;
pub(crate) const DATA: u64 = 0x2000_0000;
pub(crate) const DATA_SIZE: u64 = 0x4000;
const PAGE: usize = 4096;

/// Every register a program can see.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) pc: u64,
    pub(crate) x: [u64; 32],
    pub(crate) fcsr: u64,
    pub(crate) f: [u64; 32],
}

impl Default for State {
    fn default() -> State {
        let mut state = State { pc: CODE, x: [0; 32], fcsr: 0, f: [0; 32] };
        state.x[2] = DATA + DATA_SIZE / 2;
        state
    }
}

/// What is to be run: instructions, from a state, over the data of a seed.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) insns: Vec<Vec<u8>>,
    pub(crate) state: State,
    pub(crate) seed: u64,
}

impl Case {
    pub(crate) fn code(&self) -> Vec<u8> {
        self.insns.concat()
    }
}

/// What became of it: registers, the signal that ended it, the words that changed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) state: State,
    pub(crate) signo: u64,
    pub(crate) code: u64,
    pub(crate) addr: u64,
    pub(crate) changed: BTreeMap<u64, u64>,
}

/// The bytes at DATA for a seed.
pub(crate) fn data(seed: u64) -> Vec<u8> {
    oracle::fill(seed | 1, DATA_SIZE)
}

pub(crate) struct Machine {
    pool: FramePool,
    space: AddressSpace,
    engine: Engine,
    pub(crate) cpu: Cpu,
}

impl Machine {
    /// `code` at CODE, with a C.EBREAK behind it.
    pub(crate) fn new(code: &[u8], state: &State, bytes: &[u8]) -> Machine {
        let mut pool = FramePool::new(1000);
        let space = pool.new_space();
        let mut m = Machine { pool, space, engine: Engine::new(), cpu: Cpu::new(&RISCV64) };
        m.map(CODE, Perms { read: true, write: true, execute: true }, &[code, &[0x02, 0x90]].concat());
        for (addr, page) in (DATA..).step_by(PAGE).zip(bytes.chunks(PAGE)) {
            m.map(addr, Perms { read: true, write: true, execute: false }, page);
        }
        RISCV64.abi.start_thread(&mut m.cpu, state.pc, 0);
        (1..32).for_each(|n| m.cpu.set(x(n), state.x[usize::from(n)]));
        (0..32).for_each(|n| m.cpu.set(f(n), state.f[usize::from(n)]));
        set_fcsr(&mut m.cpu.slots, state.fcsr);
        m
    }

    fn map(&mut self, addr: u64, perms: Perms, bytes: &[u8]) {
        let frame = self.pool.alloc().expect("the pool is large enough");
        self.pool.write(frame, 0, bytes, None);
        self.space.map(&mut self.pool, addr, Pte { frame, perms });
    }

    pub(crate) fn run(&mut self, budget: u64) -> Exit {
        let mut mem = Memory::new(&mut self.space, &mut self.pool, 1, RISCV64.isa.address_mask());
        self.engine.run(&mut self.cpu, &mut mem, Clock { now: 0, carry: 0, share: 1 }, budget).exit
    }

    pub(crate) fn state(&self) -> State {
        let mut state = State { pc: self.cpu.pc, fcsr: fcsr(&self.cpu.slots), ..State::default() };
        (0..32).for_each(|n| state.x[usize::from(n)] = self.cpu.get(x(n)));
        (0..32).for_each(|n| state.f[usize::from(n)] = self.cpu.get(f(n)));
        state
    }

    /// The bytes at DATA.
    pub(crate) fn data(&self) -> Vec<u8> {
        let page = |at| &self.pool.bytes(self.space.pte(DATA + at).expect("the data is mapped").frame)[..];
        (0..DATA_SIZE).step_by(PAGE).map(page).collect::<Vec<_>>().concat()
    }
}

/// The words that differ, by offset.
fn changed(before: &[u8], after: &[u8]) -> BTreeMap<u64, u64> {
    let pairs = before.as_chunks().0.iter().zip(after.as_chunks().0);
    let differing = (0..).step_by(8).zip(pairs).filter(|(_, (old, new))| old != new);
    differing.map(|(at, (_, new))| (at, u64::from_le_bytes(*new))).collect()
}

/// Runs a case to the trap that ends it, interpreted and, where the host has templates, compiled: to the same end.
pub(crate) fn run(case: &Case) -> Outcome {
    let interpreted = run_by(Engine::new(), case);
    if let Some(jit) = jit::Jit::new(0) {
        let jit = if case.seed.is_multiple_of(2) { jit.with_windows_after(0) } else { jit };
        let compiled = run_by(Engine::with_tiers(Tiers::Compiler { compiler: Box::new(jit), threshold: 1 }), case);
        assert!(compiled == interpreted, "{:x?} seed {:#x} differs when compiled", case.code(), case.seed);
    }
    interpreted
}

fn run_by(engine: Engine, case: &Case) -> Outcome {
    let bytes = data(case.seed);
    let mut m = Machine::new(&case.code(), &case.state, &bytes);
    m.engine = engine;
    let exit = m.run(case.insns.len() as u64 + 1);
    let info = match exit {
        Exit::Trap(Trap::Fault(fault)) => RISCV64.abi.fault_signal(&mut m.cpu, fault, FaultKind::NotMapped, &[]),
        Exit::Trap(trap) => RISCV64.abi.trap_signal(&mut m.cpu, trap),
        other => panic!("it ended with {other:?}"),
    };
    let abi::Fields::Fault { addr } = info.fields else { panic!("{info:?}") };
    let (signo, code) = (info.signo.into(), info.code as u64);
    Outcome { state: m.state(), signo, code, addr, changed: changed(&bytes, &m.data()) }
}
