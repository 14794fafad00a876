//! A CPU and three pages of memory, to run a few instructions in.
use crate::regs::*;
use crate::{X86_64, helpers::fxsave, process};
use arch::{Cpu, Exit, Fault, FaultKind, Trap};
use engine::{Clock, Engine};
use ir::Reg;
use mmu::{FramePool, Memory, Perms, Pte};

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

/// Runs `text`, followed by INT3s, from this state; the state when it traps, with the signal Linux would send.
pub(super) fn run(from: &State, text: &[u8]) -> Option<State> {
    let mut pool = FramePool::new(64);
    let mut space = pool.new_space();
    let mut code = [0xcc; PAGE];
    code[..text.len()].copy_from_slice(text);
    for (at, bytes) in [(CODE, &code[..]), (DATA, &from.data[..PAGE]), (DATA + PAGE as u64, &from.data[PAGE..])] {
        let frame = pool.alloc().unwrap();
        pool.write(frame, 0, bytes, None);
        space.map(&mut pool, at, Pte { frame, perms: Perms { read: true, write: true, execute: at == CODE } });
    }
    let mut cpu = from.cpu();
    let mut engine = Engine::new();
    let clock = Clock { now: 0, carry: 0, share: 1 };
    let exit = {
        let mut mem = Memory::new(&mut space, &mut pool, 1, u64::MAX);
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
    let page = |at| pool.bytes(space.pte(at).unwrap().frame).to_vec();
    let mut state = State::of(&cpu, [page(DATA), page(DATA + PAGE as u64)].concat());
    state.signal = info.signo.into();
    state.code = info.code as u64;
    if let abi::Fields::Fault { addr } = info.fields {
        state.address = addr;
    }
    Some(state)
}

fn mapped(fault: Fault) -> bool {
    [CODE, DATA, DATA + PAGE as u64].contains(&(fault.addr & !(PAGE as u64 - 1)))
}
