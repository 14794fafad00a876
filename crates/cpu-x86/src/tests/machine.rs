//! A CPU and three pages of memory, to run a few instructions in.
use crate::regs::*;
use crate::{X86_64, helpers::fxsave, process};
use arch::{Cpu, Exit, Fault, FaultKind, Trap};
use engine::{Clock, Engine, Tiers};
use ir::Reg;
use jit::Jit;
use mmu::{AddressSpace, FramePool, Memory, Perms, Pte};

pub(super) const CODE: u64 = 0x2000_0000;
pub(super) const DATA: u64 = 0x1000_0000;
pub(super) const PAGE: usize = 4096;
/// The data are two pages, with nothing mapped around them.
pub(super) const DATA_LEN: usize = 2 * PAGE;

/// What an instruction can see and change. Laid out as the native runner's `struct state`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) gpr: [u64; 16],
    pub(super) rip: u64,
    pub(super) rflags: u64,
    pub(super) signal: u64,
    pub(super) code: u64,
    pub(super) address: u64,
    pub(super) fxsave: Vec<u8>,
    /// The upper halves of the YMM registers, two words each.
    pub(super) ymm: [u64; 32],
    pub(super) data: Vec<u8>,
}

impl State {
    pub(super) fn new() -> State {
        let mut cpu = Cpu::new(&X86_64);
        process::start_thread(&mut cpu, CODE, DATA + 2048);
        State::of(&cpu, vec![0; DATA_LEN])
    }

    pub(super) fn of(cpu: &Cpu, data: Vec<u8>) -> State {
        State {
            gpr: *cpu.slots.first_chunk().unwrap(),
            rip: cpu.pc,
            rflags: rflags(&cpu.slots),
            signal: 0,
            code: 0,
            address: 0,
            fxsave: fxsave::save(&cpu.slots).to_vec(),
            ymm: std::array::from_fn(|i| cpu.get(upper(i))),
            data,
        }
    }

    /// A CPU in this state.
    pub(super) fn cpu(&self) -> Cpu {
        let mut cpu = Cpu::new(&X86_64);
        process::start_thread(&mut cpu, CODE, 0);
        cpu.slots[..16].copy_from_slice(&self.gpr);
        fxsave::restore(&mut cpu.slots, self.fxsave[..].try_into().unwrap());
        for (i, word) in self.ymm.into_iter().enumerate() {
            cpu.set(upper(i), word);
        }
        set_rflags(&mut cpu.slots, self.rflags);
        cpu
    }

    /// A quarter of an XMM register, or an eighth of a YMM register.
    pub(super) fn lane(&self, n: usize, lane: usize) -> u32 {
        if lane < 4 {
            let at = 160 + 16 * n + 4 * lane;
            u32::from_le_bytes(*self.fxsave[at..].first_chunk().expect("XMM registers lie inside"))
        } else {
            (self.ymm[2 * n + (lane - 4) / 2] >> (lane % 2 * 32)) as u32
        }
    }

    pub(super) fn set_lane(&mut self, n: usize, lane: usize, value: u32) {
        if lane < 4 {
            let at = 160 + 16 * n + 4 * lane;
            self.fxsave[at..at + 4].copy_from_slice(&value.to_le_bytes());
        } else {
            let (word, shift) = (&mut self.ymm[2 * n + (lane - 4) / 2], lane % 2 * 32);
            *word = *word & !(0xffff_ffff << shift) | u64::from(value) << shift;
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let head = [self.rip, self.rflags, self.signal, self.code, self.address];
        let mut bytes: Vec<u8> = self.gpr.iter().chain(&head).flat_map(|word| word.to_le_bytes()).collect();
        bytes.extend(&self.fxsave);
        bytes.extend(self.ymm.iter().flat_map(|word| word.to_le_bytes()));
        bytes.extend(&self.data);
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> State {
        let word = |n: usize| u64::from_le_bytes(bytes[8 * n..8 * n + 8].try_into().unwrap());
        let at = 8 * 21;
        State {
            gpr: std::array::from_fn(word),
            rip: word(16),
            rflags: word(17),
            signal: word(18),
            code: word(19),
            address: word(20),
            fxsave: bytes[at..at + 512].to_vec(),
            ymm: std::array::from_fn(|i| word(at / 8 + 64 + i)),
            data: bytes[at + 768..at + 768 + DATA_LEN].to_vec(),
        }
    }

    pub(super) const SIZE: usize = 8 * 21 + 768 + DATA_LEN;
}

/// Word `i` of the upper halves of the YMM registers.
fn upper(i: usize) -> Reg {
    xmm((i / 2) as u8).up(2 + (i % 2) as u8)
}

/// Runs `text`, followed by INT3s, from this state; the state when it traps, with the signal Linux would send. It is run in
/// every form the engine has of it, and all must do the same.
pub(super) fn run(from: &State, text: &[u8]) -> Option<State> {
    let mut m = Machine::new(from, text);
    let mut engine = Engine::new();
    let first = m.run(&mut engine, from, text);
    // Run a second time, a block has its compact form.
    let warm = m.run(&mut engine, from, text);
    assert_same(text, &first, &warm, "in compact form");
    if let Some(jit) = Jit::new(1 << 16) {
        let windows = text.iter().fold(0, |sum, byte| sum ^ byte) % 2 == 1;
        let jit = if windows { jit.with_windows_after(0) } else { jit };
        let mut engine = Engine::with_tiers(Tiers::Compiler { compiler: Box::new(jit), threshold: 1 });
        let compiled = m.run(&mut engine, from, text);
        assert_same(text, &first, &compiled, if windows { "compiled for a window" } else { "compiled" });
    }
    first
}

fn assert_same(text: &[u8], plain: &Option<State>, other: &Option<State>, what: &str) {
    if plain == other {
        return;
    }
    if let (Some(plain), Some(other)) = (plain, other) {
        let difference = super::host::difference(plain, other, false);
        assert!(difference.is_none(), "{text:02x?} {what}: \"native\" is it: {}", difference.unwrap_or_default());
    }
    assert_eq!(plain.is_some(), other.is_some(), "{text:02x?} {what}");
}

struct Machine {
    pool: FramePool,
    space: AddressSpace,
}

impl Machine {
    fn new(from: &State, text: &[u8]) -> Machine {
        let mut pool = FramePool::new(64);
        let space = pool.new_space();
        let mut m = Machine { pool, space };
        for (at, bytes) in m.pages(from, text) {
            let frame = m.pool.alloc().unwrap();
            m.pool.write(frame, 0, &bytes, None);
            let perms = Perms { read: true, write: true, execute: at == CODE };
            m.space.map(&mut m.pool, at, Pte { frame, perms });
        }
        m
    }

    fn pages(&self, from: &State, text: &[u8]) -> [(u64, Vec<u8>); 3] {
        let mut code = vec![0xcc; PAGE];
        code[..text.len()].copy_from_slice(text);
        [(CODE, code), (DATA, from.data[..PAGE].to_vec()), (DATA + PAGE as u64, from.data[PAGE..].to_vec())]
    }

    fn page(&self, at: u64) -> &[u8] {
        self.pool.bytes(self.space.pte(at).unwrap().frame)
    }

    fn run(&mut self, engine: &mut Engine, from: &State, text: &[u8]) -> Option<State> {
        // A run before this one may have written to them, even to the code.
        for (at, bytes) in self.pages(from, text) {
            if self.page(at) != bytes {
                let frame = self.space.pte(at).unwrap().frame;
                self.pool.write(frame, 0, &bytes, None);
            }
        }
        let mut cpu = from.cpu();
        let clock = Clock { now: 0, carry: 0, share: 1 };
        let exit = {
            let mut mem = Memory::new(&mut self.space, &mut self.pool, 1, u64::MAX);
            engine.run(&mut cpu, &mut mem, clock, 20_000).exit
        };
        let Exit::Trap(trap) = exit else { return None };
        let info = match trap {
            Trap::Fault(fault) => {
                let code = text.get(cpu.pc.wrapping_sub(CODE) as usize..).unwrap_or_default();
                let kind = if mapped(fault) { FaultKind::NotPermitted } else { FaultKind::NotMapped };
                X86_64.abi.fault_signal(&mut cpu, fault, kind, code)
            }
            trap => X86_64.abi.trap_signal(&mut cpu, trap),
        };
        let mut state = State::of(&cpu, [self.page(DATA), self.page(DATA + PAGE as u64)].concat());
        state.signal = info.signo.into();
        state.code = info.code as u64;
        if let abi::Fields::Fault { addr } = info.fields {
            state.address = addr;
        }
        Some(state)
    }
}

fn mapped(fault: Fault) -> bool {
    [CODE, DATA, DATA + PAGE as u64].contains(&(fault.addr & !(PAGE as u64 - 1)))
}
