//! The machine at power-on: an empty kernel, and its first process.
use crate::freezer::Request;
use crate::signal::{Actions, Pending, SignalState};
use crate::task::{INIT, Task, TaskState, ThreadGroup, Tid};
use crate::vfs::{FilesId, FsId, Opened, Walk};
use crate::*;
use abi::{AT_FDCWD, OpenFlags, SigAltStack, SigSet, default_rlimits};
use arch::{Cpu, ThreadInfo};
use std::collections::BTreeSet;

impl Kernel {
    /// A kernel without tasks, with an empty root filesystem.
    pub fn new(config: Config, arches: &'static [&'static Arch]) -> Kernel {
        let clock = Clock::new(config.realtime);
        let mut log = Log::default();
        log.print(0, 5, format!("Linux version {} (minikern)", config.release));
        log.print(0, 6, format!("Command line: {}", config.cmdline));
        log.print(
            0,
            6,
            format!(
                "freezer: profile {} ({})",
                config.freezer.name,
                match config.freezer.mechanism.request {
                    Request::TifFlag => "TIF_FREEZE",
                    Request::Condition => "computed condition",
                }
            ),
        );
        let vfs = vfs::Vfs::default();
        let root = vfs.root().mount;
        let mut kernel = Kernel {
            arches,
            tasks: Tasks::new(config.cpus, config.seed),
            mms: Mms::default(),
            frames: FramePool::new((config.memory / mmu::PAGE_SIZE) as usize),
            vfs,
            net: crate::Net::default(),
            cgroups: Cgroups::default(),
            clock,
            timers: Timers::default(),
            load: Load::default(),
            tty: Ttys::default(),
            devices: Devices::new(config.realtime),
            ipc: Ipc::default(),
            random: Random::stream(config.seed, "getrandom"),
            power: power::Power::default(),
            log,
            trace: Trace::default(),
            namespaces: Namespaces::new(root),
            syslog_read: 0,
            syslog_clear: 0,
            halted: None,
            config,
        };
        crate::dev::default_rootfs(&mut kernel).expect("an empty tmpfs takes three names");
        kernel
    }

    /// Starts the first process: a program of the guest's, its descriptors 0 to 2 on /dev/console if there is one. On an
    /// error nothing is left but the task's number, and another path can be tried.
    pub fn spawn_init(&mut self, path: &[u8], argv: Vec<Vec<u8>>, envp: &[Vec<u8>]) -> Result<Tid> {
        if self.tasks.get(INIT).is_none() {
            self.init_task();
            self.start_kthreads();
        }
        let file = self.open_exec(INIT, AT_FDCWD, path, 0)?;
        let image = self.load_program(INIT, file, path.to_vec(), argv, envp)?;
        self.begin_new_exec(INIT, image);
        self.open_console()?;
        self.printk(6, &format!("Run {} as init process", String::from_utf8_lossy(path)));
        self.tasks.wake_new(INIT);
        Ok(INIT)
    }

    /// Descriptors 0 to 2 of the first process.
    /// DIFFERS FROM LINUX: it leads a session, and the console becomes its terminal, so that a shell as init has job control.
    fn open_console(&mut self) -> Result<()> {
        let (who, root) = (self.who(INIT), self.vfs.root());
        let Ok(Opened::Now(file)) = self.open_at(&who, root, b"/dev/console", OpenFlags::O_RDWR, 0, Walk::empty())
        else {
            self.log.print(self.clock.now, 4, "Warning: unable to open an initial console.");
            return Ok(());
        };
        self.install_fd(INIT, file, 0, false)?;
        self.open_controlling_tty(INIT, crate::tty::CONSOLE);
        for _ in 1..3 {
            self.vfs.hold_file(file);
            self.install_fd(INIT, file, 0, false)?;
        }
        Ok(())
    }

    /// Makes the first process a program like any other: a signal it has no handler for ends it, and with it the machine.
    pub fn make_init_mortal(&mut self) {
        if let Some(group) = self.tasks.group_mut(INIT) {
            group.unkillable = false;
        }
    }

    /// The first task: root, without a program yet.
    pub(crate) fn init_task(&mut self) {
        let tid = self.tasks.alloc_tid(self.config.pid_max).expect("nobody is there yet");
        let (files, fs) = (self.vfs.new_files(), self.vfs.new_fs());
        let task = Task { comm: b"init".to_vec(), ..self.new_task(tid, files, fs) };
        let limits = default_rlimits(self.config.max_threads());
        let sighand = self.tasks.new_sighand(Actions::default());
        let group = ThreadGroup { unkillable: true, ..ThreadGroup::new(tid, sighand, tid, tid, None, limits, true) };
        self.tasks.insert(task, Some(group));
    }

    /// A task of root's own that does nothing yet: init or a kernel thread.
    pub(crate) fn new_task(&self, tid: Tid, files: FilesId, fs: FsId) -> Task {
        let first = self.arches.first().expect("a machine has an architecture");
        Task {
            tid,
            tgid: tid,
            comm: Vec::new(),
            cpu: Cpu::new(first),
            thread_info: ThreadInfo::new(first),
            state: TaskState::Stopped,
            mm: None,
            files,
            fs,
            cred: Cred::root(),
            nsproxy: NsProxy::INITIAL,
            pid_ns: NsId::PID,
            pending: Pending::default(),
            blocked: SigSet::EMPTY,
            saved_mask: None,
            altstack: SigAltStack::default(),
            signal: SignalState::default(),
            ptrace: None,
            trace_stop: None,
            single_step: false,
            tracees: BTreeSet::new(),
            pdeath_signal: 0,
            in_syscall: None,
            bprm: None,
            restart_block: None,
            last_syscall: None,
            last_nr: 0,
            walk: false,
            clear_child_tid: 0,
            robust_list: 0,
            vfork_parent: None,
            sysvsem: None,
            exit_signal: abi::SIGCHLD,
            exit_code: 0,
            nice: 0,
            policy: (abi::SCHED_NORMAL, 0),
            affinity: u64::MAX,
            timer_slack: 50_000,
            personality: 0,
            keep_caps: false,
            sched: Default::default(),
            start_time: self.clock.boottime(),
            utime: 0,
            stime: 0,
            faults: 0,
            switches: (0, 0),
            kthread: false,
            nofreeze: false,
            freezer_skip: false,
            cgroup_frozen: false,
            thawed: false,
        }
    }

    /// The machine's state as words, in a fixed order: what two runs that agree have in common. Caches are left out.
    pub fn state_words(&self) -> Vec<u64> {
        let mut words =
            vec![self.clock.now, self.clock.slept, self.clock.carry, self.tasks.len() as u64, self.tasks.forks];
        for task in self.tasks.iter() {
            words.extend::<[u64; 3]>([task.tid.0.into(), task.tgid.0.into(), u32::from(task.state_letter()).into()]);
            words.extend([task.thread_info.word(), task.utime, task.stime, task.blocked.0, task.pending.set.0]);
            words.extend([task.exit_code.into(), task.cpu.pc]);
            words.extend(task.arch().isa.canonical(&task.cpu));
        }
        for group in self.tasks.groups() {
            words.extend::<[u64; 4]>([
                group.tgid.0.into(),
                group.parent.0.into(),
                group.pgid.0.into(),
                group.sid.0.into(),
            ]);
            words.extend([group.pending.set.0, group.wait_report.map_or(0, u64::from)]);
        }
        words
    }
}

impl Kernel {
    /// A second kernel that goes on from here exactly as this one does. Frames are shared until either writes.
    pub fn snapshot(&mut self) -> Kernel {
        Kernel {
            config: self.config.clone(),
            arches: self.arches,
            tasks: self.tasks.clone(),
            mms: self.mms.clone(),
            frames: self.frames.snapshot(),
            vfs: self.vfs.clone(),
            net: self.net.clone(),
            cgroups: self.cgroups.clone(),
            clock: self.clock.clone(),
            timers: self.timers.clone(),
            tty: self.tty.clone(),
            devices: self.devices.clone(),
            ipc: self.ipc.clone(),
            random: self.random.clone(),
            power: self.power.clone(),
            log: self.log.clone(),
            trace: self.trace.clone(),
            namespaces: self.namespaces.clone(),
            syslog_read: self.syslog_read,
            syslog_clear: self.syslog_clear,
            halted: self.halted,
            load: self.load.clone(),
        }
    }
}
