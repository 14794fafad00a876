//! A bare machine: code at [`CODE`], readable and writable pages at [`DATA`], nothing else.
use crate::AARCH64;
use crate::helpers::system::{flags_of, fpsr, set_fpcr, set_fpsr};
use crate::regs::{FPCR, SP, pstate, v};
use arch::{Cpu, Exit, Trap};
use engine::{Clock, Engine};
use ir::LazyFlags;
use mmu::{AddressSpace, FramePool, Memory, Perms, Pte};
use std::collections::BTreeMap;

pub(crate) const CODE: u64 = 0x1000_0000;
pub(crate) const DATA: u64 = 0x2000_0000;
pub(crate) const DATA_SIZE: u64 = 0x8000;
const PAGE: usize = 4096;

/// Every register a program can see.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) x: [u64; 31],
    pub(crate) sp: u64,
    pub(crate) pc: u64,
    pub(crate) nzcv: u64,
    pub(crate) fpcr: u64,
    pub(crate) fpsr: u64,
    pub(crate) v: [u64; 64],
}

impl Default for State {
    fn default() -> State {
        State { x: [0; 31], sp: DATA + DATA_SIZE / 2, pc: CODE, nzcv: 0, fpcr: 0, fpsr: 0, v: [0; 64] }
    }
}

/// What became of a case: registers, the signal that ended it and its address, the pages that changed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) state: State,
    pub(crate) signo: u64,
    pub(crate) addr: u64,
    pub(crate) dirty: BTreeMap<u64, Vec<u8>>,
}

/// The bytes at DATA for a seed, as runner.c makes them.
pub(crate) fn data(seed: u64) -> Vec<u8> {
    let mut s = seed | 1;
    let mut out = Vec::new();
    for _ in 0..DATA_SIZE / 8 {
        s ^= s << 13;
        s ^= s >> 7;
        s ^= s << 17;
        out.extend(s.to_le_bytes());
    }
    out
}

pub(crate) struct Machine {
    pool: FramePool,
    space: AddressSpace,
    engine: Engine,
    pub(crate) cpu: Cpu,
}

impl Machine {
    /// `words` at CODE, with a BRK behind them.
    pub(crate) fn new(words: &[u32], state: &State, bytes: &[u8]) -> Machine {
        let mut pool = FramePool::new(1000);
        let space = pool.new_space();
        let mut m = Machine { pool, space, engine: Engine::new(), cpu: Cpu::new(&AARCH64) };
        let code: Vec<u8> = words.iter().chain(&[0xd420_0000]).flat_map(|w| w.to_le_bytes()).collect();
        m.map(CODE, Perms { read: true, write: true, execute: true }, &code);
        for (addr, page) in (DATA..).step_by(PAGE).zip(bytes.chunks(PAGE)) {
            m.map(addr, Perms { read: true, write: true, execute: false }, page);
        }
        AARCH64.abi.start_thread(&mut m.cpu, state.pc, state.sp);
        m.cpu.slots[..31].copy_from_slice(&state.x);
        m.cpu.slots[v(0).0 as usize..][..64].copy_from_slice(&state.v);
        LazyFlags::bits(flags_of(state.nzcv)).store(&mut m.cpu.slots);
        set_fpcr(&mut m.cpu.slots, state.fpcr);
        set_fpsr(&mut m.cpu.slots, state.fpsr);
        m
    }

    fn map(&mut self, addr: u64, perms: Perms, bytes: &[u8]) {
        let frame = self.pool.alloc().expect("the pool is large enough");
        self.pool.write(frame, 0, bytes, None);
        self.space.map(&mut self.pool, addr, Pte { frame, perms });
    }

    pub(crate) fn run(&mut self, budget: u64) -> Exit {
        let mut mem = Memory::new(&mut self.space, &mut self.pool, 1, AARCH64.isa.address_mask());
        self.engine.run(&mut self.cpu, &mut mem, Clock { now: 0, carry: 0, share: 1 }, budget).exit
    }

    pub(crate) fn state(&self) -> State {
        let slots = &self.cpu.slots;
        let mut state = State {
            sp: self.cpu.get(SP),
            pc: self.cpu.pc,
            nzcv: pstate(&self.cpu),
            fpcr: self.cpu.get(FPCR),
            fpsr: fpsr(slots),
            ..State::default()
        };
        state.x.copy_from_slice(&slots[..31]);
        state.v.copy_from_slice(&slots[v(0).0 as usize..][..64]);
        state
    }

    /// The pages at DATA that differ from `bytes`.
    pub(crate) fn dirty(&self, bytes: &[u8]) -> BTreeMap<u64, Vec<u8>> {
        let pages = (0..DATA_SIZE).step_by(PAGE).zip(bytes.chunks(PAGE));
        pages
            .filter_map(|(at, old)| {
                let pte = self.space.pte(DATA + at).expect("the data is mapped");
                let new = self.pool.bytes(pte.frame);
                (new != old).then(|| (at, new.to_vec()))
            })
            .collect()
    }
}

/// Whether `words` come to their end.
pub(crate) fn ends(words: &[u32], state: &State) -> bool {
    Machine::new(words, state, &[]).run(words.len() as u64 + 1) != Exit::Budget
}

/// Runs `words` from `state` to the trap that ends them.
pub(crate) fn run(words: &[u32], state: &State, seed: u64) -> Outcome {
    let bytes = data(seed);
    let mut m = Machine::new(words, state, &bytes);
    let exit = m.run(words.len() as u64 + 1);
    let info = match exit {
        Exit::Trap(Trap::Fault(fault)) => AARCH64.abi.fault_signal(&mut m.cpu, fault, arch::FaultKind::NotMapped, &[]),
        Exit::Trap(trap) => AARCH64.abi.trap_signal(&mut m.cpu, trap),
        other => panic!("{words:x?} ended with {other:?}"),
    };
    let abi::Fields::Fault { addr } = info.fields else { panic!("{info:?}") };
    Outcome { state: m.state(), signo: info.signo.into(), addr, dirty: m.dirty(&bytes) }
}
