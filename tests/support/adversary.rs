//! Machines in the hands of an adversary: any bytes as code, registers and memory, or over a signal frame. What holds all the
//! same: no panic, no instruction beyond the budget, a state that can be copied, hashed and saved, and that does not depend on
//! how the budget was cut. `tests/hostile.rs` and the fuzz targets give the bytes.
use super::raw::{BASE, Code, DATA};
use abi::{SIGKILL, SIGUSR1, SaFlags, Siginfo, Sysno};
use arch::{Arch, Cpu, Exit};
use kernel::vfs::cpio::Writer;
use kernel::{Config, INIT, Tid};
use minikern::{ARCHES, Boot, Machine, Step};

/// What a machine's first process does, and nothing else is there.
pub fn tiny_boot(program: &[u8]) -> Boot {
    let mut image = Writer::new();
    for dir in ["dev", "proc", "tmp"] {
        image.add(dir.as_bytes(), 0o40755, 0, &[]);
    }
    image.add(b"file", 0o100_644, 0, b"some text");
    image.add(b"program", 0o100_755, 0, program);
    Boot {
        config: Config { memory: 16 << 20, ..Config::default() },
        initramfs: image.finish(),
        init: vec!["/program".into()],
        args: Vec::new(),
        env: vec!["HOME=/".into()],
        workdir: None,
        mount_usual: true,
    }
}

/// Two pages for code, one of data.
pub(super) const CODE: u64 = 2 * 4096;
/// Instructions a run has.
const BUDGET: u64 = 1000;
/// Register sets that every architecture has: general and floating-point registers (NT_PRSTATUS, NT_PRFPREG).
pub(super) const REGSETS: [u32; 2] = [1, 2];

/// What registers like to hold: ends of ranges, pointers to code and data and their ends, numbers of floating point.
pub(super) const VALUES: [u64; 32] = [
    0,
    1,
    2,
    7,
    8,
    63,
    64,
    255,
    4096,
    u32::MAX as u64,
    1 << 31,
    1 << 32,
    1 << 63,
    i64::MAX as u64,
    u64::MAX,
    -8i64 as u64,
    BASE + 512,
    BASE + 4096,
    BASE + CODE - 4,
    DATA,
    DATA + 8,
    DATA + 2048,
    DATA + 2049,
    DATA + 4088,
    DATA + 4095,
    DATA + 4096,
    0x8000_0000_0000,
    0xffff_8000_0000_0000,
    0x3ff0_0000_0000_0000,
    0x7ff0_0000_0000_0001,
    0x7ff8_0000_3f80_0000,
    0x0000_0001_8000_0000,
];

/// The adversary's bytes, taken from the front; zeroes follow.
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl Bytes<'_> {
    pub(super) fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }
    pub(super) fn half(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }
    /// One of `VALUES`, or any word.
    pub(super) fn value(&mut self) -> u64 {
        match self.byte() {
            pick if pick < 192 => VALUES[usize::from(pick) % VALUES.len()],
            _ => u64::from_le_bytes([(); 8].map(|()| self.byte())),
        }
    }
}

/// xorshift64*.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

fn arch_of(name: &str) -> &'static Arch {
    ARCHES.iter().find(|arch| arch.name == name).expect("an architecture")
}

/// Overwrites a word of a register set, if Linux lets a tracer do that.
pub(super) fn set_word(cpu: &mut Cpu, note: u32, index: usize, value: u64) {
    let abi = cpu.arch.abi;
    let Ok(mut set) = abi.get_regset(cpu, note) else { return };
    let at = index % (set.data.len() / 8) * 8;
    set.data[at..at + 8].copy_from_slice(&value.to_le_bytes());
    let before = cpu.clone();
    if abi.set_regset(cpu, note, &set.data).is_err() {
        *cpu = before;
    }
}

/// Any bytes as code.
pub struct AnyCode(Machine);

impl AnyCode {
    pub fn new(arch: &str) -> AnyCode {
        let mut code = Code::new(arch);
        code.bytes = vec![0xff; (BASE + CODE - code.here()) as usize];
        AnyCode(Machine::boot(&tiny_boot(&code.program())).expect("it boots"))
    }

    /// A machine as the bytes want it; whether traps are stepped over, and a seed.
    fn prepare(&mut self, input: &[u8]) -> (Machine, bool, u64) {
        let mut machine = self.0.snapshot();
        let mut bytes = Bytes(input);
        let mode = bytes.byte();
        let mut random = Random(u64::from(bytes.half()) << 8 | 1);
        let data: Vec<u8> = (0..512)
            .flat_map(|_| {
                let word = random.next();
                (if word & 1 == 0 { VALUES[(word >> 8) as usize % VALUES.len()] } else { word }).to_le_bytes()
            })
            .collect();
        for _ in 0..bytes.byte() % 40 {
            let (index, value) = (bytes.byte(), bytes.value());
            set_word(
                &mut machine.kernel.tasks[INIT].cpu,
                REGSETS[usize::from(index >> 7)],
                (index & 0x7f).into(),
                value,
            );
        }
        let code = &bytes.0[..bytes.0.len().min(2048)];
        // In the middle of a page, across two, or up to where nothing is mapped.
        let start = match mode & 3 {
            0 | 1 => BASE + 512,
            2 => BASE + 4096 - 16,
            _ => BASE + CODE - (code.len() as u64).next_multiple_of(4),
        };
        let mut user = machine.kernel.user(INIT);
        user.write(DATA, &data).expect("the data page");
        user.write(start, code).expect("the code pages");
        machine.kernel.tasks[INIT].cpu.pc = start;
        (machine, mode & 4 == 0, random.next())
    }

    /// Runs the bytes whole and cut to pieces, and compares.
    pub fn check(&mut self, input: &[u8]) {
        let (mut whole, step_over, seed) = self.prepare(input);
        let mut pieces = whole.snapshot();
        let begun = whole.kernel.clock.now;
        let retired = run(&mut whole, step_over, &mut |_| u64::MAX);
        assert!(whole.kernel.clock.now >= begun + retired, "time stands still");
        let mut random = Random(seed | 1);
        let cut = run(&mut pieces, step_over, &mut |machine| {
            let word = random.next();
            if word.is_multiple_of(64) {
                *machine = machine.snapshot();
            }
            if word.is_multiple_of(3) { 1 } else { 1 + (word >> 8) % 200 }
        });
        let state = |machine: &Machine| (machine.kernel.halted, machine.kernel.clock.now, machine.state_hash());
        assert_eq!((cut, state(&pieces)), (retired, state(&whole)), "cut to pieces, it is another run");
        if seed % 16 == 0 {
            let file = whole.save().expect("a machine that can be saved");
            assert_eq!(state(&Machine::load(&file).expect("what was saved")), state(&whole));
        }
    }
}

/// Runs the first process, as nobody else's turn it is, for `BUDGET` instructions or traps; how many retired.
fn run(machine: &mut Machine, step_over: bool, cut: &mut dyn FnMut(&mut Machine) -> u64) -> u64 {
    let (mut left, mut retired) = (BUDGET, 0);
    while left > 0 && machine.kernel.schedule_task(INIT) {
        let most = cut(machine).min(left);
        let run = machine.run_user(INIT, most);
        assert!(run.ticks <= most, "{} instructions for {most}", run.ticks);
        assert!(run.ticks > 0 || run.exit != Exit::Budget, "a budget of {most} is used up by nothing");
        match run.exit {
            // The next instruction, as a handler could go on there.
            Exit::Trap(_) if step_over => {
                machine.kernel.handle(INIT, Exit::Budget, run.ticks);
                let pc = machine.kernel.tasks[INIT].cpu.pc;
                let mut code = [0; 16];
                let len = (1..=16).take_while(|&n| machine.kernel.user(INIT).read(pc, &mut code[..n]).is_ok()).last();
                let isa = machine.kernel.tasks[INIT].arch().isa;
                let skip = isa.disassemble(pc, &code[..len.unwrap_or(0)]).0.max(1);
                machine.kernel.tasks[INIT].cpu.pc = pc.wrapping_add(skip as u64);
            }
            exit => machine.kernel.handle(INIT, exit, run.ticks),
        }
        retired += run.ticks;
        left -= run.ticks;
        if matches!(run.exit, Exit::Trap(_)) {
            left = left.saturating_sub(1);
        }
    }
    retired
}

/// A child in a signal handler, about to return through its frame; its parent waits for it and exits with 42.
pub struct AnyFrame {
    machine: Machine,
    child: Tid,
    frame: u64,
    len: u64,
}

impl AnyFrame {
    pub fn new(arch: &str) -> AnyFrame {
        let mut code = Code::new(arch);
        let numbers = code.numbers();
        let number = |code: &Code, call| code.number(call).expect("every architecture has it");
        code.call(numbers.clone, [17, 0, 0, 0, 0, 0]);
        let parent = code.jump_if_result();
        code.call(number(&code, Sysno::RtSigaction), [SIGUSR1.into(), DATA, 0, 8, 0, 0]);
        // To the process group: the first process has no handler, so the signal does nothing to it.
        let before = code.here();
        code.call(number(&code, Sysno::Kill), [0, SIGUSR1.into(), 0, 0, 0, 0]);
        code.call(numbers.exit_group, [7, 0, 0, 0, 0, 0]);
        code.land(parent);
        code.call(numbers.wait4, [u64::MAX, 0, 0, 0, 0, 0]);
        code.call(numbers.exit_group, [42, 0, 0, 0, 0, 0]);
        let handler = code.here();
        code.ret();
        let restorer = code.here();
        code.call_bare(numbers.rt_sigreturn);
        let (mut flags, mut action) = (SaFlags::SA_SIGINFO.bits(), vec![handler]);
        if arch_of(arch).abi.sigaction_has_restorer() {
            const SA_RESTORER: u64 = 0x0400_0000;
            flags |= SA_RESTORER;
            action.extend([flags, restorer]);
        } else {
            action.push(flags);
        }
        action.push(0);
        code.data = action.into_iter().flat_map(u64::to_le_bytes).collect();

        let mut machine = Machine::boot(&tiny_boot(&code.program())).expect("it boots");
        let mut child = None;
        for _ in 0..10_000 {
            child = machine.kernel.tasks.iter().find(|task| task.tgid != INIT && task.cpu.pc == before).map(|t| t.tid);
            if child.is_some() {
                break;
            }
            machine.step_within(1);
        }
        let child = child.expect("a child that sends itself a signal");
        let stack = |machine: &Machine| {
            let task = &machine.kernel.tasks[child];
            task.arch().abi.stack_pointer(&task.cpu)
        };
        let top = stack(&machine);
        while machine.kernel.schedule_task(child) && machine.kernel.tasks[child].cpu.pc != handler {
            let run = machine.run_user(child, 1);
            machine.kernel.handle(child, run.exit, run.ticks);
        }
        assert_eq!(machine.kernel.tasks[child].cpu.pc, handler, "{arch}: no signal came");
        let frame = stack(&machine);
        AnyFrame { machine, child, frame, len: top - frame }
    }

    /// Damages the frame as the bytes say, returns through it, and lets the child go on for a while.
    pub fn check(&mut self, input: &[u8]) {
        let mut machine = self.machine.snapshot();
        let mut bytes = Bytes(input);
        let mut user = machine.kernel.user(self.child);
        while !bytes.0.is_empty() {
            let (at, kind) = (u64::from(bytes.half()) % self.len, bytes.byte());
            let value = bytes.value().to_le_bytes();
            let len = match kind % 4 {
                0 => 1,
                1 => 4,
                2 => 2,
                _ => 8,
            };
            let at = if kind & 4 == 0 { at & !(len as u64 - 1) } else { at };
            let len = len.min((self.len - at) as usize);
            user.write(self.frame + at, &value[..len]).expect("the frame");
        }
        for _ in 0..40 {
            if machine.step_task(self.child, 1).is_none() {
                break;
            }
            self.is_sane(&machine);
        }
        steps(&mut machine, 20, 1000);
        self.is_sane(&machine);
        machine.kernel.send_to_group(self.child, Siginfo::kernel(SIGKILL));
        let status = steps(&mut machine, 2000, 1000);
        assert_eq!(status, Some(42), "the first process did not outlive it");
    }

    /// The child's registers are such as a tracer may write: no privilege, no mode and no reserved bit is in them.
    fn is_sane(&self, machine: &Machine) {
        let Some(task) = machine.kernel.tasks.get(self.child) else { return };
        for note in REGSETS {
            let abi = task.arch().abi;
            let set = abi.get_regset(&task.cpu, note).expect("every architecture has it");
            let mut again = task.cpu.clone();
            abi.set_regset(&mut again, note, &set.data).expect("registers that a tracer may write");
            let canonical = |cpu: &Cpu| (cpu.pc, task.arch().isa.canonical(cpu));
            assert_eq!(canonical(&again), canonical(&task.cpu), "registers that no tracer can write");
        }
    }
}

/// Runs a machine for so many steps; its status if it halts.
pub fn steps(machine: &mut Machine, most: u32, slice: u64) -> Option<u8> {
    for _ in 0..most {
        match machine.step_within(slice) {
            Step::Ran => {}
            Step::Halted(status) => return Some(status),
            Step::Idle { until: Some(until) } => machine.kernel.advance_to(until),
            Step::Idle { until: None } | Step::Hibernate | Step::Restore => return None,
        }
        machine.kernel.tty.take_output();
    }
    None
}
