//! The machine: a kernel, and the engine that runs its tasks. `step` is the whole run loop.
use crate::{ARCHES, JitOptions};
use abi::{Errno, MountFlags};
use anyhow::{Result, bail};
use arch::Exit;
use engine::{Clock, Engine, Run};
use kernel::{Cgroups, Config, Kernel, Schedule, Tid};

/// A machine. Between two steps it is a value at rest.
pub struct Machine {
    pub kernel: Kernel,
    pub engine: Engine,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// One slice of one task.
    Ran,
    /// Nothing can run before this time, nanoseconds since boot, or before input.
    Idle { until: Option<u64> },
    /// The machine is to be written down: `Kernel::image_saved` says what came of it.
    Hibernate,
    /// The machine that was written down is to take this one's place.
    Restore,
    /// The machine has stopped with this exit status.
    Halted(u8),
}

/// What to boot.
pub struct Boot {
    pub config: Config,
    /// An unpacked cpio archive that becomes the root filesystem.
    pub initramfs: Vec<u8>,
    /// Paths tried in order as the first program.
    pub init: Vec<String>,
    /// Its arguments after the program's name.
    pub args: Vec<String>,
    pub env: Vec<String>,
    pub workdir: Option<String>,
    /// Mount /proc, /sys and /dev, as an init would (for a program that runs without one).
    pub mount_usual: bool,
}

impl Machine {
    /// A machine at the first instruction of its first program.
    pub fn boot(boot: &Boot) -> Result<Machine> {
        Machine::boot_with(boot, JitOptions::default(), |_| Ok(()))
    }

    /// The same with an engine of this kind; `prepare` has the kernel to itself when the root filesystem is there and no program
    /// is yet.
    pub fn boot_with(boot: &Boot, jit: JitOptions, prepare: impl FnOnce(&mut Kernel) -> Result<()>) -> Result<Machine> {
        let mut kernel = Kernel::new(boot.config.clone(), ARCHES);
        kernel.cgroups = Cgroups::new(cgroupfs::new());
        kernel.unpack_initramfs(&boot.initramfs)?;
        if boot.mount_usual {
            const USUAL: [(&str, &str, &str); 4] = [
                ("proc", "/proc", ""),
                ("sysfs", "/sys", ""),
                ("devtmpfs", "/dev", ""),
                ("devpts", "/dev/pts", "gid=5,mode=620,ptmxmode=666"),
            ];
            for (kind, at, data) in USUAL {
                let flags = MountFlags::empty();
                let mounted = kernel.mount_type(kind, kind.as_bytes(), at.as_bytes(), flags, data.as_bytes());
                match mounted {
                    Ok(()) | Err(Errno::ENODEV) => {}
                    Err(errno) => bail!("{at}: {errno:?}"),
                }
            }
        }
        prepare(&mut kernel)?;
        kernel.start_init(&boot.init, &boot.args, &boot.env, boot.workdir.as_deref())?;
        Ok(Machine { kernel, engine: jit.engine()? })
    }

    /// Runs one time slice of one task.
    pub fn step(&mut self) -> Step {
        self.step_within(u64::MAX)
    }

    /// The same, for at most so many instructions.
    pub fn step_within(&mut self, most: u64) -> Step {
        let tid = match self.kernel.schedule() {
            Schedule::Run(tid) => tid,
            Schedule::Idle { until } => return Step::Idle { until },
            Schedule::Hibernate => return Step::Hibernate,
            Schedule::Restore => return Step::Restore,
            Schedule::Halted(status) => return Step::Halted(status),
        };
        self.run(tid, most);
        Step::Ran
    }

    /// Runs one task, whoever's turn it is, for at most so many instructions; `None` if it cannot enter user mode.
    pub fn step_task(&mut self, tid: Tid, most: u64) -> Option<Exit> {
        self.kernel.schedule_task(tid).then(|| self.run(tid, most))
    }

    fn run(&mut self, tid: Tid, most: u64) -> Exit {
        let run = self.run_user(tid, most);
        self.kernel.handle(tid, run.exit, run.ticks);
        run.exit
    }

    /// The task's own instructions alone; what ended them has still to be told to [`Kernel::handle`]. Until then the task is on
    /// its way into the kernel, as on one CPU while others go on.
    pub fn run_user(&mut self, tid: Tid, most: u64) -> Run {
        let slot = self.kernel.lend(tid);
        let clock = Clock { now: slot.now, carry: slot.carry, share: slot.share };
        let mask = slot.cpu.arch.isa.address_mask();
        let mut memory = mmu::Memory::new(slot.space, slot.frames, tid.0.into(), mask);
        self.engine.run(slot.cpu, &mut memory, clock, slot.budget.min(most))
    }

    /// A number that two machines in the same state have in common: registers, tasks, time and every mapped page. Caches and
    /// lazy forms do not count.
    pub fn state_hash(&self) -> u64 {
        // FNV-1a (Fowler, Noll, Vo), a word at a time.
        let add = |hash: u64, word: u64| (hash ^ word).wrapping_mul(0x0000_0100_0000_01b3);
        let mut hash = self.kernel.state_words().into_iter().fold(0xcbf2_9ce4_8422_2325, add);
        for (_, mm) in self.kernel.mms.iter() {
            for (addr, pte) in mm.space.mapped(0, mm.task_size) {
                let words = self.kernel.frames.bytes(pte.frame).as_chunks().0;
                hash = words.iter().map(|word| u64::from_le_bytes(*word)).fold(add(hash, addr), add);
            }
        }
        hash
    }

    /// A second machine that goes on from here exactly as this one does; frames are shared until either writes.
    pub fn snapshot(&mut self) -> Machine {
        Machine { kernel: self.kernel.snapshot(), engine: self.engine.fresh() }
    }
}
