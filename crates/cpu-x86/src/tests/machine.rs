//! A CPU and two pages of memory, to run a few instructions in.
use crate::regs::*;
use crate::{X86_64, helpers::fxsave, process};
use arch::{Cpu, Exit, Fault, FaultKind, Trap};
use engine::{Clock, Engine};
use mmu::{FramePool, Memory, Perms, Pte};

pub(super) const CODE: u64 = 0x2000_0000;
pub(super) const DATA: u64 = 0x1000_0000;
pub(super) const PAGE: usize = 4096;

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
    pub(super) data: Vec<u8>,
}

impl State {
    pub(super) fn new() -> State {
        let mut cpu = Cpu::new(&X86_64);
        process::start_thread(&mut cpu, CODE, DATA + 2048);
        State::of(&cpu, vec![0; PAGE])
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
            data,
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let head = [self.rip, self.rflags, self.signal, self.code, self.address];
        let mut bytes: Vec<u8> = self.gpr.iter().chain(&head).flat_map(|word| word.to_le_bytes()).collect();
        bytes.extend(&self.fxsave);
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
            data: bytes[at + 512..at + 512 + PAGE].to_vec(),
        }
    }

    pub(super) const SIZE: usize = 8 * 21 + 512 + PAGE;
}

/// Runs `text`, followed by INT3s, from this state; the state when it traps, with the signal Linux would send.
pub(super) fn run(from: &State, text: &[u8]) -> Option<State> {
    let mut pool = FramePool::new(64);
    let mut space = pool.new_space();
    for (at, bytes, write) in [(CODE, text, false), (DATA, &from.data[..], true)] {
        let frame = pool.alloc().unwrap();
        if !write {
            pool.write(frame, 0, &[0xcc; PAGE], None);
        }
        pool.write(frame, 0, bytes, None);
        let perms = Perms { read: true, write: true, execute: !write };
        space.map(&mut pool, at, Pte { frame, perms });
    }
    let mut cpu = Cpu::new(&X86_64);
    process::start_thread(&mut cpu, CODE, 0);
    cpu.slots[..16].copy_from_slice(&from.gpr);
    fxsave::restore(&mut cpu.slots, from.fxsave[..].try_into().unwrap());
    set_rflags(&mut cpu.slots, from.rflags);
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
    let frame = space.pte(DATA).unwrap().frame;
    let mut state = State::of(&cpu, pool.bytes(frame).to_vec());
    state.signal = info.signo.into();
    state.code = info.code as u64;
    if let abi::Fields::Fault { addr } = info.fields {
        state.address = addr;
    }
    Some(state)
}

fn mapped(fault: Fault) -> bool {
    [CODE, DATA].contains(&(fault.addr & !(PAGE as u64 - 1)))
}
