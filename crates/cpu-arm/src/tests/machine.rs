//! A bare machine: code at [`CODE`]; pages at [`DATA`], all writable but the last; nothing else.
use crate::AARCH64;
use crate::helpers::system::{flags_of, fpsr, set_fpcr, set_fpsr};
use crate::regs::{FPCR, SP, pstate, v};
use arch::{Cpu, Exit, FaultKind, Trap};
use engine::{Clock, Engine, Tiers};
use ir::LazyFlags;
use jit::Jit;
use mmu::{AddressSpace, FramePool, Memory, Perms, Pte};
use std::collections::BTreeMap;
use std::sync::LazyLock;

pub(crate) const CODE: u64 = 0x1000_0000;
pub(crate) const DATA: u64 = 0x2000_0000;
pub(crate) const DATA_SIZE: u64 = 0x4000;
pub(crate) const PAGE: usize = 4096;
const BRK: u32 = 0xd420_0000;

/// Every register a program can see.
#[derive(Clone, PartialEq, Eq, Debug)]
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

/// Instructions, a state to run them from, and which bytes are at DATA.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) words: Vec<u32>,
    pub(crate) state: State,
    pub(crate) seed: u64,
}

/// What became of a case: registers, the signal that ended it with code and address, the pages that changed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) state: State,
    pub(crate) signo: u64,
    pub(crate) code: u64,
    pub(crate) addr: u64,
    pub(crate) dirty: BTreeMap<u64, Vec<u8>>,
}

/// How many settings of the bytes at DATA there are.
const SEEDS: u64 = 16;

static BYTES: LazyLock<Vec<Vec<u8>>> =
    LazyLock::new(|| (0..SEEDS).map(|seed| oracle::fill(seed * 2 + 1, DATA_SIZE)).collect());

/// The bytes at DATA for a seed.
pub(crate) fn data(seed: u64) -> &'static [u8] {
    &BYTES[(seed % SEEDS) as usize]
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
        let code: Vec<u8> = words.iter().chain(&[BRK]).flat_map(|w| w.to_le_bytes()).collect();
        m.map(CODE, Perms { read: true, write: true, execute: true }, &code);
        for (addr, page) in (DATA..).step_by(PAGE).zip(bytes.chunks(PAGE)) {
            let write = addr < DATA + DATA_SIZE - PAGE as u64;
            m.map(addr, Perms { read: true, write, execute: false }, page);
        }
        m.start(state);
        m
    }

    /// Puts the CPU into a state.
    fn start(&mut self, state: &State) {
        self.cpu = Cpu::new(&AARCH64);
        AARCH64.abi.start_thread(&mut self.cpu, state.pc, state.sp);
        let slots = &mut self.cpu.slots;
        slots[..31].copy_from_slice(&state.x);
        slots[v(0).0 as usize..][..64].copy_from_slice(&state.v);
        LazyFlags::bits(flags_of(state.nzcv)).store(slots);
        set_fpcr(slots, state.fpcr);
        set_fpsr(slots, state.fpsr);
    }

    /// Makes the bytes at DATA what they were.
    fn restore(&mut self, bytes: &[u8]) {
        for at in self.dirty(bytes).into_keys() {
            let pte = self.space.pte(DATA + at).expect("the data is mapped");
            self.pool.write(pte.frame, 0, &bytes[at as usize..][..PAGE], None);
        }
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

    /// The signal that a trap becomes: number, code, address.
    pub(crate) fn signal(&mut self, trap: Trap) -> (u64, u64, u64) {
        let info = match trap {
            Trap::Fault(fault) => {
                let page = fault.addr << 8 >> 8 & !(PAGE as u64 - 1);
                let mapped = self.space.pte(page).is_some();
                let kind = if mapped { FaultKind::NotPermitted } else { FaultKind::NotMapped };
                AARCH64.abi.fault_signal(&mut self.cpu, fault, kind, &[])
            }
            trap => AARCH64.abi.trap_signal(&mut self.cpu, trap),
        };
        let abi::Fields::Fault { addr } = info.fields else { panic!("{info:?}") };
        (info.signo.into(), info.code as u64, addr)
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

/// Runs a case to the trap that ends it, in every form the engine has of it: all must do the same.
pub(crate) fn run(case: &Case) -> Outcome {
    let bytes = data(case.seed);
    let mut m = Machine::new(&case.words, &case.state, bytes);
    let first = finish(&mut m, case, bytes);
    // Run a second time, a block has its compact form.
    m.restore(bytes);
    m.start(&case.state);
    assert!(first == finish(&mut m, case, bytes), "{:x?} seed {:#x} differs when warm", case.words, case.seed);
    if let Some(jit) = Jit::new(ROOM) {
        let jit = if case.seed.is_multiple_of(2) { jit.with_windows_after(0) } else { jit };
        m.restore(bytes);
        m.start(&case.state);
        m.engine = Engine::with_tiers(Tiers::Compiler { compiler: Box::new(jit), threshold: 1 });
        assert!(first == finish(&mut m, case, bytes), "{:x?} seed {:#x} differs when compiled", case.words, case.seed);
    }
    first
}

/// Bytes of code memory for one case.
const ROOM: usize = 1 << 16;

fn finish(m: &mut Machine, case: &Case, bytes: &[u8]) -> Outcome {
    let (signo, code, addr) = match m.run(1000) {
        Exit::Trap(trap) => m.signal(trap),
        other => panic!("{:x?} ended with {other:?}", case.words),
    };
    Outcome { state: m.state(), signo, code, addr, dirty: m.dirty(bytes) }
}
